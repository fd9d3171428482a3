// Package gateway serves the contract of client/api over HTTP. It holds no
// rules: what is accepted is decided by the chain, what is proven is decided by
// whoever verifies the receipt.
//
// # One submission
//
//	POST /v1/envelopes ─ parse ─ join the flight of its id ─ known? ──────────┐
//	                                     │ no                                │ yes
//	                               Chain.Submit (mempool)                    │
//	                                     │                                   │
//	     Committed(block H) ────── landed, or refused with a number          │
//	                                     │                                   │
//	                               draft of the receipt: path, rows ─────────┤
//	                                     │                                   │
//	     Decided(H+1) ──────────── header H+1 proves it: receipt, 200 ───────┘
//
// Nothing polls: the node's two notifications wake exactly those who wait. The
// proofs are gathered while block H+1 is being decided, so that the receipt is
// ready a moment after it. Everybody who submits the same statement waits on
// the same flight and gets the same answer; who comes later gets it from the
// ledger. A wait that ends first is answered 202 with a place to ask.
//
// # Files
//
//	gateway.go   Chain (what is needed of the node), Config, New, Serve
//	flights.go   who waits for which statement and which block
//	ledger.go    the methods of api.Ledger: everything but HTTP
//	verify.go    what an answer proves, and what it does not
//	receipts.go  assembling receipts and proofs from the store
//	routes.go    typed routes and the OpenAPI document
//	streams.go   blobs and log tiles, which are streamed
//	events.go    what blocks did, as it happens (package node/events makes it)
//	problems.go  every error as RFC 9457
//	metrics.go   what an operator sees
//	shed.go      refusing submissions early when there is too much to do, or a member has its share
//	hooks.go     events sent to where somebody asks (package node/hooks does it)
//	access.go    who may do what, and how often
//	idempotency.go  a request that is sent again is done once (package node/replay)
//	conditional.go  tags by which a client has an answer again without its bytes
//	guard.go     request ids, access log, limits, panics
package gateway
