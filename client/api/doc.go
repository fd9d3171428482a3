// Package api is the REST contract of the ledger: paths, requests, answers and
// problems. Package node/gateway serves it, package client speaks it, and both
// implement or use [Ledger].
//
//	POST /v1/envelopes                 submit an envelope            → Submission, or 202 InFlight
//	GET  /v1/statements/{id}           a statement and what became of it → Statement
//	GET  /v1/statements/{id}/receipt   its receipt                   → application/vnd.zhenglian.receipt+json or +cbor
//	GET  /v1/evidence                  search by digest, case, member → Page[Evidence]
//	POST /v1/verify                    is this on the ledger?        → Verification
//	PUT  /v1/blobs/{sha256}            store the bytes of a file     → Blob
//	GET  /v1/blobs/{sha256}            its bytes; also HEAD
//	GET  /v1/checkpoint                size and roots at a height    → Checkpoint
//	GET  /checkpoint                   signed note of the log        → C2SP tlog-checkpoint
//	GET  /v1/witnesses                 who cosigns, how far they are → Witnesses
//	GET  /v1/alarms                    split views that were seen    → Page[Alarm]
//	GET  /tile/…                       the log as C2SP tlog-tiles
//	GET  /v1/trust                     the trust root                → receipt.Trust
//	GET  /v1/members                   members of the consortium     → Page[Member]
//	GET  /v1/accounts/{id}             an account                    → Account
//	GET  /v1/policies                  co-signing rules in force     → Page[Policy]
//	GET  /v1/events                    what blocks do                → server-sent Events, or Page[Event]
//	     /v1/hooks                     events sent to an address     → Hook
//	GET  /v1/principal                 who the caller is, and may do → access.Principal
//	GET  /v1/status                    the node behind the gateway   → Status
//	GET  /problems                     every code a problem may have → Page[ProblemKind]
//
// # Forms
//
// Bodies are JSON. Digests and ids are lower-case hex, times RFC 3339 in UTC
// with milliseconds, heights and sequence numbers JSON numbers below 2^53.
// Clients ignore members they do not know; servers refuse them.
//
// # Errors
//
// Every answer of 400 and above is a [Problem] (RFC 9457). Its code is stable
// and means the same everywhere: a rule's refusal has the name and number of
// its [tx.Code], so errors.Is(err, tx.CodeStalePrev.Err()) holds in the chain,
// in the gateway and in the client alike.
//
// # Trust
//
// A gateway is not trusted. What it says of a statement is convenience; the
// receipt is the proof, and package receipt checks it offline.
package api
