// Package state is the rules of the ledger: which statements it accepts and
// what they do. It sees no clock, randomness, map order, goroutine, file or
// network; height and time come with the block, everything else from the log
// and the state tree.
//
// # The life of a statement
//
//  1. Open: the envelope's bytes are parsed and every signature is checked
//     against the account's key. This depends on nothing that changes with
//     height, so a node does it once per envelope and remembers the result.
//  2. Check: accounts in force, chain, expiry, claimed time, not known yet;
//     then the rules of the kind. Check reads and writes nothing. CheckTx runs
//     it on the last committed view, FinalizeBlock on the open block.
//  3. Apply: the entry is appended to the log and the effect that Check found
//     is written. Apply cannot fail: a refused statement changes nothing.
//  4. EndBlock: statements whose time to gather signatures has passed lapse.
//
// # What is written, and what is not
//
// Only accepted statements enter the log, so inclusion proves acceptance. A
// statement that opens a matter and brings all its signatures writes nothing
// into the state tree: the log entry says it all, and the absence of a matter
// row says that nothing has happened since. The tree holds what the log alone
// does not say: waiting statements and their gathered signatures, and matters
// that were changed after they were opened.
//
// # Adding a kind
//
// tx (body, newBody, Kinds, vector) → kinds.go here (one row) → a check
// function if the row cannot say it → genesis.DefaultPolicies → every state with
// it in table_test.go → its tables in app/README.md.
package state
