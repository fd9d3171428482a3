package state

// BoundTraced makes the bound of recalls in a block small for a test.
func BoundTraced(n int) (restore func()) {
	old := maxTraced
	maxTraced = n
	return func() { maxTraced = old }
}
