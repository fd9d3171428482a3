package api

import "zhenglian/app/tx"

// Paths, in the form of OpenAPI templates.
const (
	PathEnvelopes  = "/v1/envelopes"
	PathStatement  = "/v1/statements/{id}"
	PathReceipt    = "/v1/statements/{id}/receipt"
	PathEvidence   = "/v1/evidence"
	PathVerify     = "/v1/verify"
	PathReports    = "/v1/reports"
	PathBlob       = "/v1/blobs/{sha256}"
	PathCheckpoint = "/v1/checkpoint"
	PathTrust      = "/v1/trust"
	PathMembers    = "/v1/members"
	PathAccounts   = "/v1/accounts"
	PathAccount    = "/v1/accounts/{id}"
	PathPolicies   = "/v1/policies"
	PathValidators = "/v1/validators"
	PathProtocol   = "/v1/protocol"
	PathPending    = "/v1/pending"
	PathClocks     = "/v1/clocks"
	PathClock      = "/v1/clocks/{seq}/{member}/{code}"
	PathClockProof = "/v1/clocks/{seq}/{member}/{code}/proof"
	PathRuleSets   = "/v1/rulesets"
	PathCalendars  = "/v1/calendars"
	PathEvents     = "/v1/events"
	PathPrincipal  = "/v1/principal"
	PathHooks      = "/v1/hooks"
	PathHook       = "/v1/hooks/{id}"
	PathHookSecret = "/v1/hooks/{id}/secret"
	PathHookEnable = "/v1/hooks/{id}/enable"
	PathHookTest   = "/v1/hooks/{id}/test"
	PathHookAgain  = "/v1/hooks/{id}/redeliver"
	PathHookLog    = "/v1/hooks/{id}/deliveries"
	PathStatus     = "/v1/status"
	PathWitnesses  = "/v1/witnesses"
	PathAlarms     = "/v1/alarms"

	PathListAckProof = "/v1/lists/{list}/notices/{number}/acks/{member}/proof"
	PathListSnapshot = "/v1/lists/{list}/snapshot"
	PathListDelta    = "/v1/lists/{list}/delta"

	// PathNote is the signed checkpoint of C2SP tlog-tiles.
	PathNote = "/checkpoint"

	PathProblems = "/problems"
	PathProblem  = "/problems/{code}"
	PathLive     = "/livez"
	PathReady    = "/readyz"
	PathOpenAPI  = "/openapi.json"
	PathDocs     = "/docs"

	// PathTile is followed by a level and an index, PathEntries by an index, in
	// the form of C2SP tlog-tiles: index 1234067 is x001/x234/067, and a partial
	// tile of width w ends in .p/w.
	PathTile    = "/tile/"
	PathEntries = "/tile/entries/"
)

// Media types.
const (
	MediaJSON        = "application/json"
	MediaDSSE        = "application/vnd.dsse.envelope.v1+json"
	MediaReceiptJSON = "application/vnd.zhenglian.receipt+json"
	MediaReceiptCBOR = "application/vnd.zhenglian.receipt+cbor"
	MediaProblem     = "application/problem+json"
	MediaNDJSON      = "application/x-ndjson" // https://github.com/ndjson/ndjson-spec

	MediaListSnapshot = "application/vnd.zhenglian.list-snapshot"
	MediaListDelta    = "application/vnd.zhenglian.list-delta"
)

// StatementURL is the path of a statement.
func StatementURL(id tx.ID) string { return "/v1/statements/" + id.String() }

// ReceiptURL is the path of a statement's receipt.
func ReceiptURL(id tx.ID) string { return "/v1/statements/" + id.String() + "/receipt" }

// BlobURL is the path of a file's bytes.
func BlobURL(sha256 tx.Digest) string { return "/v1/blobs/" + sha256.String() }

// AccountURL is the path of an account.
func AccountURL(id tx.AccountID) string { return "/v1/accounts/" + id.String() }
