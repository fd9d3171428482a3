// Package events tells what blocks did, from the log and the state alone: there
// is nothing to write, nothing to lose and nothing to rebuild. Every event has a
// number within its block, so that who was told one can go on after it, at this
// node or another one.
//
//	block H ─┬─ entries that it accepted      events 0 … n−1   (store.View.Entries)
//	         └─ rows of the state it changed  events n …       (store.Changes)
//
// A row is told as what its table is called in tables (vocabulary.go); a table
// that is not there is told as row.changed. The numbers count every entry and
// every changed row, whether the vocabulary knows it or not: they stay what they
// are when it grows.
//
// # Following
//
// A Source makes the events of a block when somebody asks for them and keeps
// those of the newest blocks, so that many who follow cost little more than one.
// Nobody is sent anything: each reads from its own place on, as fast as it likes,
// and waits on the Source when it has read everything. So a slow reader holds up
// nobody, and nothing is kept for it but its place.
package events
