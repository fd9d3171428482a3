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
//     is written. Only a broken state makes Apply fail: a refused statement
//     changes nothing.
//  4. EndBlock: statements whose time to gather signatures has passed lapse;
//     clocks whose last day is over are overdue (clocks.go);
//     the validator set moves a step; an upgrade of the next block is announced.
//
// # Governance
//
// What every statement needs — members, accounts, policies, parameters — is
// decoded in a Directory, which is never changed: a statement of governance
// that takes effect makes the next one, for the statements after it in the
// block and, once the block is committed, for CheckTx. When it takes effect
// enact (gov.go) judges it and says which rows it writes; enact is asked when
// the statement is made, and again when later signatures complete it.
//
//	gov.go         enact, the guard that somebody can still govern, policies, overrides, parameters
//	accounts.go    keys of members        members.go   members and rolls
//	validators.go  the validator set      upgrade.go   protocol versions
//	rulesets.go    deadlines, calendars   clocktable.go, clocks.go  what they do; clock.pause, resume, extend
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
// function if the row cannot say it; of governance, its case in enact → genesis.DefaultPolicies → every state with
// it in table_test.go → its tables in app/README.md.
package state
