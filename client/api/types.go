package api

import (
	"encoding/json"
	"fmt"

	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// A Page is a part of a list.
type Page[T any] struct {
	Data       []T    `json:"data"`
	NextCursor string `json:"next_cursor,omitempty" doc:"pass it as cursor to get the next page; opaque"`
	HasMore    bool   `json:"has_more"`
	Height     int64  `json:"height" doc:"the list is as of this height"`
}

// A Submission is the answer to a submitted envelope whose statement is on the
// ledger.
type Submission struct {
	ID           tx.ID           `json:"id" doc:"SHA-256 of the statement"`
	Seq          uint64          `json:"seq" doc:"number of the log entry"`
	Height       int64           `json:"height" doc:"height of the block that accepted it"`
	State        row.State       `json:"state" doc:"state of the matter; PENDING while signatures are missing"`
	Outcome      string          `json:"outcome" doc:"of this statement: effective, waiting or lapsed"`
	Missing      []string        `json:"missing,omitempty" doc:"what the policy still lacks"`
	SealedAt     tx.Time         `json:"sealed_at" doc:"time of header height+1, which proves the entry"`
	StatementURL string          `json:"statement_url"`
	ReceiptURL   string          `json:"receipt_url"`
	Receipt      json.RawMessage `json:"receipt,omitempty" doc:"the receipt in its JSON form"`
}

// InFlight is the 202 answer to a submitted envelope, and the error of
// Ledger.Submit: the wait ended before the statement could be proved.
type InFlight struct {
	ID           tx.ID  `json:"id"`
	State        string `json:"state" enum:"IN_FLIGHT"`
	StatementURL string `json:"statement_url" doc:"ask here; also in Location"`
}

// StateInFlight is the State of InFlight.
const StateInFlight = "IN_FLIGHT"

func (f *InFlight) Error() string {
	return fmt.Sprintf("statement %s is on its way but not yet on the ledger", f.ID)
}

// A Statement is a log entry and what became of it.
type Statement struct {
	ID       tx.ID     `json:"id"`
	Seq      uint64    `json:"seq"`
	Height   int64     `json:"height" doc:"height of the block that accepted it"`
	SealedAt tx.Time   `json:"sealed_at,omitempty" doc:"time of header height+1; absent until that block is decided"`
	Kind     tx.Kind   `json:"kind"`
	Member   string    `json:"member" doc:"who states"`
	At       tx.Time   `json:"at" doc:"when they say they made it: a claim"`
	Outcome  string    `json:"outcome" doc:"of this statement: effective, waiting or lapsed"`
	State    row.State `json:"state,omitempty" doc:"state of its matter now; absent for an endorsement"`
	Matter   *Matter   `json:"matter,omitempty" doc:"absent for an endorsement"`
	Votes    []Vote    `json:"votes"`
	Policy   *Rule     `json:"policy,omitempty" doc:"the rule that applies to this statement"`
	Missing  []string  `json:"missing,omitempty" doc:"what the policy still lacks"`
	Deadline int64     `json:"deadline,omitempty" doc:"height at which it lapses, while it waits"`
	CanSign  []Signer  `json:"can_sign,omitempty" doc:"while it waits: whose signature would bring it nearer"`

	Text       string          `json:"text" doc:"the canonical bytes that were signed, as text"`
	Statement  json.RawMessage `json:"statement" doc:"the same, parsed"`
	Envelope   *tx.Envelope    `json:"envelope"`
	ReceiptURL string          `json:"receipt_url"`
	AsOf       int64           `json:"as_of" doc:"state, votes and outcome are as of this height"`
}

// A Matter says which matter a statement belongs to.
type Matter struct {
	Seq   uint64 `json:"seq" doc:"log entry that opened it"`
	Head  tx.ID  `json:"head" doc:"last effective statement: prev of the next one"`
	Since int64  `json:"since" doc:"height of the last change"`
}

// A Rule is the version of a policy that applies.
type Rule struct {
	Version uint32 `json:"version"`
	Expr    string `json:"expr"`
}

// A Vote is one account's signature of, or objection to, a statement.
type Vote struct {
	Account tx.AccountID `json:"account"`
	Member  string       `json:"member"`
	Type    string       `json:"type" doc:"signed in the envelope itself, else the type of the endorsement"`
	Reason  string       `json:"reason,omitempty"`
	Height  int64        `json:"height"`
}

// Evidence is one evidence.seal as the index knows it.
type Evidence struct {
	ID           tx.ID     `json:"id"`
	Seq          uint64    `json:"seq"`
	Height       int64     `json:"height"`
	Member       string    `json:"member"`
	At           tx.Time   `json:"at" doc:"claimed"`
	Class        string    `json:"class"`
	CaseTag      tx.Digest `json:"case_tag,omitzero"`
	State        row.State `json:"state"`
	Files        []File    `json:"files,omitempty"`
	FilesRoot    tx.Digest `json:"files_root,omitzero"`
	Batch        *Batch    `json:"batch,omitempty" doc:"of an evidence.batch, whose class is batch"`
	StatementURL string    `json:"statement_url"`
	ReceiptURL   string    `json:"receipt_url"`
}

// ClassBatch is the class of an evidence.batch.
const ClassBatch = "batch"

// A Batch is what an evidence.batch states: see package batch.
type Batch struct {
	Count int64     `json:"count"`
	List  tx.Digest `json:"list_sha256"`
	Root  tx.Digest `json:"root"`
}

// A BatchItem is a digest of a batch.
type BatchItem struct {
	ID         tx.ID  `json:"id" doc:"of the batch's statement"`
	Seq        uint64 `json:"seq"`
	Place      int    `json:"place" doc:"in the list, from 0"`
	ReceiptURL string `json:"receipt_url"`
}

// A File is one file of an evidence item, by digest.
type File struct {
	SHA256 tx.Digest `json:"sha256"`
	SM3    tx.Digest `json:"sm3"`
	Bytes  int64     `json:"bytes"`
	Media  string    `json:"media"`
	Role   string    `json:"role"`
}

// A VerifyRequest asks about exactly one thing.
type VerifyRequest struct {
	SHA256  string `json:"sha256,omitempty" doc:"of a file, hex"`
	SM3     string `json:"sm3,omitempty" doc:"of a file, hex"`
	ID      string `json:"id,omitempty" doc:"of a statement, hex"`
	Account string `json:"account,omitempty" doc:"account id, hex: answered with a proof"`
	Member  string `json:"member,omitempty" doc:"member id: answered with a proof"`
	Key     string `json:"key,omitempty" doc:"key of the state tree, hex: answered with a proof"`
}

// A ReportRequest asks the gateway to verify a receipt.
type ReportRequest struct {
	Receipt []byte       `json:"receipt" doc:"bytes of a receipt, of a certificate in PDF, of a bundle, or text of printed codes"`
	Trust   []byte       `json:"trust,omitempty" doc:"bytes of the trust root; absent: the gateway's"`
	ID      string       `json:"id,omitempty" doc:"the statement that the receipt is to be for"`
	Files   []ReportFile `json:"files,omitempty" maxItems:"10000" doc:"files that the statement is to name"`
}

// A ReportFile is a file to compare with a statement's. Only its digests are sent.
type ReportFile struct {
	Name   string `json:"name" maxLength:"1024" doc:"for the report"`
	SHA256 string `json:"sha256" doc:"hex"`
	SM3    string `json:"sm3" doc:"hex"`
	Bytes  int64  `json:"bytes" minimum:"0"`
}

// A Verification says whether something is on the ledger, and how far the
// answer reaches.
type Verification struct {
	Found  bool     `json:"found"`
	Height int64    `json:"height" doc:"the answer is as of this height"`
	Answer Sentence `json:"answer" doc:"the answer in words"`

	// Of a digest or an id.
	Matches []Evidence      `json:"matches,omitempty" doc:"newest first, at most 100"`
	HasMore bool            `json:"has_more,omitempty" doc:"there are more matches; see /v1/evidence"`
	Items   []BatchItem     `json:"items,omitempty" doc:"batches that hold the digest, newest first, at most 100"`
	ID      tx.ID           `json:"id,omitzero" doc:"statement that the receipt below proves"`
	Receipt json.RawMessage `json:"receipt,omitempty" doc:"of the newest match"`
	Index   *IndexStatus    `json:"index,omitempty" doc:"what was searched"`

	// Of an account, a member or a key of the state tree.
	Value json.RawMessage `json:"value,omitempty" doc:"the row, when there is one"`
	Proof json.RawMessage `json:"proof,omitempty" doc:"proof of presence or of absence at height, see package receipt"`

	NotProven []Sentence `json:"not_proven" doc:"what this answer does not say"`
}

// A Sentence in both languages.
type Sentence struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// IndexStatus says how far the gateway's index has followed the log.
type IndexStatus struct {
	Height  int64  `json:"height" doc:"of the last entry indexed"`
	LogSize uint64 `json:"log_size" doc:"entries indexed"`
	Behind  uint64 `json:"behind" doc:"entries of the log not yet indexed"`
}

// A Blob is a stored file.
type Blob struct {
	SHA256 tx.Digest `json:"sha256"`
	Bytes  int64     `json:"bytes"`
	URL    string    `json:"url"`
}

// A Checkpoint is the newest stored state that a stored block proves: block
// Height+1 carries AppHash, the hash over both roots. On a chain of less than
// two blocks nothing is proven yet and Block is absent.
type Checkpoint struct {
	Chain     string          `json:"chain"`
	Height    int64           `json:"height"`
	LogSize   uint64          `json:"log_size"`
	LogRoot   tx.Digest       `json:"log_root"`
	StateRoot tx.Digest       `json:"state_root"`
	AppHash   tx.Digest       `json:"app_hash"`
	Anchor    Anchor          `json:"anchor" doc:"the newest stored block; use it as the anchor of new evidence"`
	Block     json.RawMessage `json:"block,omitempty" doc:"header and commit of block height+1, see package receipt"`
	Note      string          `json:"note" doc:"C2SP checkpoint body: origin, size, root in base64, one a line"`
	Signed    string          `json:"signed,omitempty" doc:"the same as a C2SP signed note, signed by the gateway; GET /checkpoint for one with cosignatures"`
}

// An Anchor names a block.
type Anchor struct {
	Height int64     `json:"height"`
	Hash   tx.Digest `json:"hash"`
	Time   tx.Time   `json:"time" doc:"of the block, cut to milliseconds"`
}

// Standings of a member.
const (
	MemberActive    = "active"
	MemberSuspended = "suspended" // signs nothing for now
	MemberLeft      = "left"      // is a member no more
)

// A Member is an organisation of the consortium.
type Member struct {
	ID          string   `json:"id"`
	NameZH      string   `json:"name_zh"`
	NameEN      string   `json:"name_en"`
	Roles       []string `json:"roles"`
	Division    string   `json:"division,omitempty" doc:"GB/T 2260"`
	DivisionRev string   `json:"division_rev,omitempty" doc:"date of its edition"`
	Superior    string   `json:"superior,omitempty"`
	USCC        string   `json:"uscc,omitempty" doc:"unified social credit code, GB 32100"`
	Suspended   bool     `json:"suspended"`
	Status      string   `json:"status" enum:"active,suspended,left"`
}

// Standings of an account, in the block after the height of the answer.
const (
	AccountActive  = "active"
	AccountExpired = "expired" // after valid_to, or before valid_from
	AccountFrozen  = "frozen"  // stopped by the other members
	AccountRevoked = "revoked"
)

// An Account is a key that acts for a member. Heights are 0 where they do not
// apply.
type Account struct {
	ID              tx.AccountID `json:"id"`
	Member          string       `json:"member"`
	Roles           []string     `json:"roles"`
	Type            tx.KeyType   `json:"type"`
	Key             string       `json:"key" doc:"public key, hex"`
	Tag             tx.Digest    `json:"tag,omitzero" doc:"keyed pseudonym of its holder"`
	Status          string       `json:"status" enum:"active,expired,frozen,revoked" doc:"of the key, in the next block; whether its member may sign is another matter"`
	ValidFrom       int64        `json:"valid_from" doc:"first height at which it signs"`
	ValidTo         int64        `json:"valid_to" doc:"last height at which it signs"`
	FrozenFrom      int64        `json:"frozen_from" doc:"first height at which the others stopped it"`
	RevokedAt       int64        `json:"revoked_at" doc:"first height at which it no longer signs"`
	CompromisedFrom int64        `json:"compromised_from" doc:"verifiers flag what it signed from this height on"`
	AsOf            int64        `json:"as_of"`
}

// A Policy is one version of the co-signing rule of a kind, or of what one
// member asks of its own statements besides.
type Policy struct {
	Kind    tx.Kind     `json:"kind"`
	Member  tx.MemberID `json:"member,omitempty" doc:"whose override this is; absent: the rule for everybody"`
	Version uint32      `json:"version"`
	Expr    string      `json:"expr" doc:"empty: the override was dropped"`
	From    int64       `json:"from" doc:"applies to matters opened at this height or later"`
	InForce bool        `json:"in_force" doc:"applies to matters opened in the next block"`
}

// Stages of a validator.
const (
	StageApproved = "approved" // its node has not yet said that it is in step: zheng validator ready
	StageQueued   = "queued"   // its power is being changed towards the target
	StageActive   = "active"
)

// A Validator is a node that signs blocks, or is to.
type Validator struct {
	Key    tx.ValidatorKey `json:"key" doc:"Ed25519 public key, hex"`
	Member tx.MemberID     `json:"member,omitempty" doc:"whose it is; absent when the genesis file does not say"`
	Stage  string          `json:"stage" enum:"approved,queued,active"`
	Power  int64           `json:"power" doc:"that it has, or will have two blocks later"`
	Target int64           `json:"target" doc:"that governance wants; 0: it is to go"`
	Ready  bool            `json:"ready"`
	Since  int64           `json:"since" doc:"height of the last decision on it; 0: genesis"`
}

// Protocol is the protocol version in force, the one to come, and the numbers
// that all nodes must agree on.
type Protocol struct {
	Version       int64    `json:"version" doc:"in force"`
	Upgrade       *Upgrade `json:"upgrade,omitempty" doc:"the version to come; absent: none is due"`
	AnchorBlocks  int64    `json:"anchor_blocks" doc:"an anchor names one of the last so many blocks"`
	ExpiresBlocks int64    `json:"expires_blocks" doc:"expires lies at most so many heights ahead"`
	FutureMillis  int64    `json:"future_millis" doc:"a claimed time lies at most so far ahead of block time"`
	PendingBlocks int64    `json:"pending_blocks" doc:"a statement waits at most so many heights for signatures"`
	AsOf          int64    `json:"as_of"`
}

// An Upgrade is a protocol version to come.
type Upgrade struct {
	Version int64  `json:"version"`
	Height  int64  `json:"height" doc:"first block under it"`
	Info    string `json:"info,omitempty" doc:"where to get the program"`
}

// A Pending is a statement that waits for signatures.
type Pending struct {
	ID       tx.ID    `json:"id"`
	Seq      uint64   `json:"seq"`
	Kind     tx.Kind  `json:"kind"`
	Member   string   `json:"member" doc:"who states"`
	At       tx.Time  `json:"at" doc:"claimed"`
	Since    int64    `json:"since" doc:"height at which it was entered"`
	Deadline int64    `json:"deadline" doc:"height at which it lapses"`
	Policy   Rule     `json:"policy"`
	Votes    []Vote   `json:"votes"`
	Missing  []string `json:"missing" doc:"what the policy still lacks"`
	CanSign  []Signer `json:"can_sign" doc:"whose signature would bring it nearer: of those asked for, else of all"`
	Changes  []Change `json:"changes,omitempty" doc:"what would change, for statements of governance"`
	Text     string   `json:"text" doc:"the canonical bytes of the statement, as text"`

	StatementURL string `json:"statement_url"`
}

// A Signer is a member with those of its accounts whose signature would bring
// a statement nearer to taking effect.
type Signer struct {
	Member   tx.MemberID    `json:"member"`
	Accounts []tx.AccountID `json:"accounts" doc:"one of them is enough"`
}

// A Change is one thing that a statement of governance would change.
type Change struct {
	Field string `json:"field"`
	Now   string `json:"now,omitempty" doc:"absent: nothing"`
	Then  string `json:"then,omitempty" doc:"absent: nothing"`
}

// Status describes the node behind the gateway.
type Status struct {
	Chain      string       `json:"chain"`
	Version    string       `json:"version" doc:"of the program"`
	NodeID     string       `json:"node_id"`
	Moniker    string       `json:"moniker,omitempty"`
	Height     int64        `json:"height" doc:"last height whose effects are stored"`
	Decided    int64        `json:"decided" doc:"last height decided"`
	BlockTime  tx.Time      `json:"block_time,omitempty" doc:"of the last block decided"`
	LogSize    uint64       `json:"log_size"`
	Ready      bool         `json:"ready"`
	Reason     string       `json:"reason,omitempty" doc:"why it is not ready"`
	Peers      int          `json:"peers"`
	Validators int          `json:"validators"`
	Index      *IndexStatus `json:"index,omitempty"`
}
