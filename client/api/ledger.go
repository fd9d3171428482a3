package api

import (
	"context"
	"io"
	"time"

	"zhenglian/app/tx"
)

// A Ledger is the contract as Go methods. Errors are *Problem where the ledger
// answered, and something else where it could not be asked. Receipts, proofs
// and the trust root travel as the bytes that package receipt reads: whoever
// wants to rely on them parses and verifies them.
type Ledger interface {
	// Submit hands in an envelope and waits until its receipt exists. The same
	// statement twice gives the same answer. When the wait ends first, the error
	// is *InFlight: the statement is on its way and Statement will know it.
	Submit(ctx context.Context, e *tx.Envelope, o SubmitOptions) (*Submission, error)

	// Statement reads a statement and what became of it.
	Statement(ctx context.Context, id tx.ID) (*Statement, error)

	// Receipt reads a statement's receipt in the form asked for.
	Receipt(ctx context.Context, id tx.ID, o ReceiptOptions) ([]byte, error)

	// Evidence searches the gateway's index, newest first. The index is a
	// convenience: it proves neither presence nor absence.
	Evidence(ctx context.Context, q EvidenceQuery) (*Page[Evidence], error)

	// Verify asks whether something is on the ledger.
	Verify(ctx context.Context, r VerifyRequest) (*Verification, error)

	// PutBlob stores the bytes of a file under their SHA-256. Size is their
	// number, -1 if unknown.
	PutBlob(ctx context.Context, sha256 tx.Digest, size int64, body io.Reader) (*Blob, error)

	// Blob opens the bytes of a file. Reading to io.EOF without another error
	// means that they have the digest asked for. The caller closes it.
	Blob(ctx context.Context, sha256 tx.Digest) (body io.ReadCloser, size int64, err error)

	// Checkpoint reads the newest state that a block header proves.
	Checkpoint(ctx context.Context) (*Checkpoint, error)

	// Trust reads the trust root this gateway proposes. A verifier gets its own
	// from somewhere it trusts.
	Trust(ctx context.Context) ([]byte, error)

	Members(ctx context.Context) (*Page[Member], error)
	Account(ctx context.Context, id tx.AccountID) (*Account, error)
	Accounts(ctx context.Context, q AccountQuery) (*Page[Account], error)

	// Policies lists every version of every rule, then every override.
	Policies(ctx context.Context) (*Page[Policy], error)

	Validators(ctx context.Context) (*Page[Validator], error)
	Protocol(ctx context.Context) (*Protocol, error)

	// Pending lists the statements that wait for signatures, soonest deadline
	// first. It is read from the state and needs no index.
	Pending(ctx context.Context, q PendingQuery) (*Page[Pending], error)

	// Clocks lists statutory deadlines by member, those that are not stopped first.
	Clocks(ctx context.Context, q ClockQuery) (*Page[Clock], error)

	// Clock reads one: of the matter that log entry seq opened.
	Clock(ctx context.Context, seq uint64, m tx.MemberID, code tx.ClockCode) (*Clock, error)

	// ClockProof proves where it stands, by a state proof.
	ClockProof(ctx context.Context, seq uint64, m tx.MemberID, code tx.ClockCode) ([]byte, error)

	RuleSets(ctx context.Context) (*Page[RuleSet], error)
	Calendars(ctx context.Context) (*Page[Calendar], error)

	Status(ctx context.Context) (*Status, error)
}

// Bounds of the time that POST /v1/envelopes waits for the receipt.
const (
	DefaultWait = 10 * time.Second
	MaxWait     = 30 * time.Second
)

// SubmitOptions are the query parameters of POST /v1/envelopes.
type SubmitOptions struct {
	Wait      time.Duration // 0: DefaultWait; at most MaxWait; negative: do not wait. Sent in seconds as ?wait=
	NoReceipt bool          // leave the receipt out of the answer: ?receipt=false
}

// Forms of a receipt.
const (
	FormJSON    = "json"    // readable; the default
	FormCompact = "compact" // CBOR, for printing and for QR codes
)

// Moments that a receipt can be asked for.
const (
	AtEntry  = "entry"  // as the statement was accepted
	AtLatest = "latest" // and also what holds now; the default
)

// ReceiptOptions are the query parameters of GET …/receipt.
type ReceiptOptions struct {
	Form string // ?form=, "" is FormJSON
	At   string // ?at=, "" is AtLatest

	Item tx.Digest // ?item=, of an evidence.batch: SHA-256 of the file; zero: of the batch as a whole
}

// Bounds of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 1000
)

// EvidenceQuery are the query parameters of GET /v1/evidence. Conditions that
// are set must all hold; without any, all evidence is listed.
type EvidenceQuery struct {
	SHA256  tx.Digest   // of a file; zero: any
	SM3     tx.Digest   // of a file; zero: any
	CaseTag tx.Digest   // zero: any
	Member  tx.MemberID // who stated; "": any
	Limit   int         // 0: DefaultLimit; at most MaxLimit
	Cursor  string      // NextCursor of the page before, "" for the first
}

// AccountQuery are the query parameters of GET /v1/accounts.
type AccountQuery struct {
	Member tx.MemberID // "": of all
	Limit  int         // 0: DefaultLimit; at most MaxLimit
	Cursor string      // NextCursor of the page before, "" for the first
}

// MaxPending bounds a page of statements that wait.
const MaxPending = 100

// PendingQuery are the query parameters of GET /v1/pending. With a member or an
// account the list is their inbox: what a signature of theirs would bring
// nearer. A page may hold less than the limit, or nothing, and still have more
// after it.
type PendingQuery struct {
	Member  tx.MemberID  // "": of any
	Account tx.AccountID // zero: of any; of Member when both are set
	Limit   int          // 0: DefaultLimit; at most MaxPending
	Cursor  string       // NextCursor of the page before, "" for the first
}
