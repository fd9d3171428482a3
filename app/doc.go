// Package app is the ABCI shell of the ledger: it carries blocks from CometBFT
// to the rules (app/state) and the storage (app/store), and holds neither.
//
// # The life of a block
//
//  1. CheckTx, for each submitted envelope, on the last committed view and on
//     many goroutines at once: open (parse, check signatures), then check.
//     Refused envelopes never reach a block. (check.go)
//  2. PrepareProposal, on the proposer: shares the block's room fairly between
//     members and puts what has become invalid last. (proposal.go)
//  3. ProcessProposal, on every validator: rejects a block that holds anything
//     but well-formed, well-signed envelopes; that alone depends on nothing but
//     the block and the last committed state. (proposal.go)
//  4. FinalizeBlock: opens what was not seen before, then judges and applies
//     the envelopes in order; statements whose time has passed lapse; answers
//     with the app hash. Nothing is durable yet. (finalize.go)
//  5. Commit: one atomic, synced write. (finalize.go)
//
// A refused envelope in a block gets its numbered code in the block's results
// and changes nothing. FinalizeBlock returns an error only when the database
// cannot be read: then the node must stop.
package app
