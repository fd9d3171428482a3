package state

import (
	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// A Transition is a row of the transition table, for the tests that are
// generated from it.
type Transition struct {
	Kind  tx.Kind
	Opens bool
	From  []row.State
	To    row.State
}

// Transitions is the transition table.
func Transitions() (out []Transition) {
	for _, r := range rules {
		out = append(out, Transition{r.kind, r.opens, r.from, r.to})
	}
	return out
}

// BoundTraced makes the bound of recalls in a block small for a test.
func BoundTraced(n int) (restore func()) {
	old := maxTraced
	maxTraced = n
	return func() { maxTraced = old }
}
