// Package witness speaks C2SP tlog-witness, on both sides.
//
// A ledger whose validators collude can show different logs to different people. A
// witness stands outside it, at a court or a notary. It remembers the last checkpoint
// that it cosigned, and cosigns another one only when that log grew from it; so
// whoever asks for its cosignature (receipt.WitnessPolicy) is shown the log that it saw.
//
//	a member's gateway                            a court, a notary
//	┌────────────────────────────┐               ┌──────────────────────────────┐
//	│ Collector                  │ add-checkpoint│ Server                       │
//	│  every few seconds: newest │──────────────▶│  log key known?  403, 404    │
//	│  proven log, signed by the │               │  last size the old one? 409  │
//	│  gateway's log key, with   │◀──────────────│  grew from the last?    422  │
//	│  the consistency proof     │  cosignature  │  noted and synced, then 200  │
//	└─────────────┬──────────────┘               └──────────────────────────────┘
//	              ▼
//	receipts: Witnessed     /checkpoint     /v1/witnesses     /v1/alarms
//
// Several gateways of one ledger bring their checkpoints to one witness: it keeps one
// last checkpoint for the ledger, and 409 tells each from where to prove.
//
// # Alarms
//
// When a witness refuses the log as inconsistent, or another member's gateway shows
// another log, the ledger was forked or somebody lies. Where both logs are at hand
// the contradiction is a proof (receipt.Split), written to a file that zheng-verify
// reads. It is told in the log, in the metric zhenglian_witness_split_views and by
// /v1/alarms, until the file is taken away. A Server keeps the proofs that it comes by
// too.
//
// The tests hold both sides against torchwood; testdata/interop, a module of its own, holds
// the server against the client of transparency-dev.
//
// # Files
//
// Of a Server: DIR/logs/ORIGIN/checkpoint, the last note that it cosigned (ORIGIN is the
// SHA-256 of the origin in hex), and DIR/splits/split-ID.json. Of a Collector: a SQLite
// database of cosigned checkpoints, one for each size that was cosigned; without it
// older receipts get younger cosignatures, and nothing else is lost; and the same
// folder of proofs.
package witness
