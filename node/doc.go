// Package node runs one member of the chain: CometBFT in process around any
// ABCI application, with the settings, stores, watchdog and health endpoints
// the ledger needs. It knows nothing of statements or receipts.
//
// A home folder holds everything of one node:
//
//	config.json                        Config, strict JSON; the field comments are the manual
//	config/genesis.json                genesis document, the same bytes at every member
//	config/priv_validator_key.json     consensus key (ed25519)
//	config/node_key.json               network identity
//	data/priv_validator_state.json     last height, round and step signed: the guard against
//	                                   double signing; never delete, copy or move it backwards
//	data/{blockstore,state,evidence}.db  CometBFT's stores, on Pebble
//	data/cs.wal/                       consensus write-ahead log, at most 1 GiB
//
// # Life cycle
//
// New opens the stores and brings the application level with them (replaying
// blocks if needed), Run takes part in the chain until its context ends. A node
// that Run has left is spent; a new one may be made on the same home at once.
//
// # When the application or the consensus fails
//
// CometBFT recovers a panic of its consensus goroutine, logs it and leaves the
// process running: reachable, apparently healthy and of no use. Here every ABCI
// call passes a guard, and the watchdog ends Run with ErrHalted when a method of
// the application panics or returns an error, when CometBFT reports a consensus
// failure, or when its consensus goroutine ends. The command exits non-zero and
// the supervisor decides about the restart. Nothing in this package exits the
// process.
//
// # Heights
//
// The commit (the signatures of more than 2/3 of the power) for a block is in
// the block store before the application sees the block in FinalizeBlock: both
// consensus and block sync save the block with its commit first. A block's state
// is proved by the *next* header, so the proof of height H can be made as soon as
// OnDecided reports H+1.
package node
