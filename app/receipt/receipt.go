package receipt

import (
	"time"

	"zhenglian/app/tx"
)

// Version is the only version of receipts, state proofs and trust files.
const Version = 1

// Bounds of a receipt.
const (
	MaxBytes      = 4 << 20 // of a receipt in either encoding
	maxPath       = 64      // digests of a log path: log2 of the largest log
	maxTreePath   = 128     // digests of a consistency proof
	maxRows       = 1024    // rows of one state
	maxProof      = 64 << 10
	maxValue      = 256 << 10
	maxValidators = 1000
)

// A Receipt proves that an entry is on the ledger.
type Receipt struct {
	V         int         `cbor:"1,keyasint"` // Version
	Chain     string      `cbor:"2,keyasint"` // chain id
	Entry     Entry       `cbor:"3,keyasint"`
	LogSize   uint64      `cbor:"4,keyasint"` // entries in the log after block Entry.Height
	LogRoot   tx.Digest   `cbor:"5,keyasint"` // root of that log
	Path      []tx.Digest `cbor:"6,keyasint"` // inclusion path of Entry.Seq, leaf to root (RFC 6962 §2.1.1)
	StateRoot tx.Digest   `cbor:"7,keyasint"` // root of the state tree after block Entry.Height
	Block     SignedBlock `cbor:"8,keyasint"` // header Entry.Height+1
	Rows      []Row       `cbor:"9,keyasint,omitempty"`
	Later     *Later      `cbor:"10,keyasint,omitempty"` // optional: how things stood at a later height
	Item      *Item       `cbor:"11,keyasint,omitempty"` // optional: one digest of the batch that the entry states
	Witnessed *Witnessed  `cbor:"12,keyasint,omitempty"` // optional: who outside the ledger saw the log
}

// An Item is one digest of an evidence.batch or trace.events, with its path to the
// root that the statement names.
type Item struct {
	Index  int64       `cbor:"1,keyasint"` // from 0
	SHA256 tx.Digest   `cbor:"2,keyasint"`
	Path   []tx.Digest `cbor:"3,keyasint"` // leaf to root (RFC 6962 §2.1.1); the leaf is SHA-256(00 ‖ SHA256)
}

// An Entry is a line of the log.
type Entry struct {
	Seq      uint64 `cbor:"1,keyasint"` // sequence number, from 0
	Height   int64  `cbor:"2,keyasint"` // of the block that holds it
	Envelope []byte `cbor:"3,keyasint"` // wire form; JSON receipts show it in the DSSE JSON form
}

// A Row is a proven row of the state tree, or the proven absence of a key.
type Row struct {
	Key   []byte `cbor:"1,keyasint"`
	Value []byte `cbor:"2,keyasint,omitempty"` // canonical JSON; nil: proven absent
	Proof []byte `cbor:"3,keyasint"`           // cosmos.ics23.v1.CommitmentProof
}

// Later proves the same rows at a later height, from a log that extends the
// receipt's.
type Later struct {
	Height      int64       `cbor:"1,keyasint"`
	LogSize     uint64      `cbor:"2,keyasint"`
	LogRoot     tx.Digest   `cbor:"3,keyasint"`
	StateRoot   tx.Digest   `cbor:"4,keyasint"`
	Block       SignedBlock `cbor:"5,keyasint"` // header Height+1
	Consistency []tx.Digest `cbor:"6,keyasint"` // from Receipt.LogSize to LogSize (RFC 6962 §2.1.2)
	Rows        []Row       `cbor:"7,keyasint,omitempty"`
}

// A SignedBlock is a header and the precommits for it.
type SignedBlock struct {
	Header Header `cbor:"1,keyasint"`
	Commit Commit `cbor:"2,keyasint"`
}

// A Header is a CometBFT block header. Hashes are 32 bytes, or empty where
// CometBFT leaves them so; ProposerAddress is 20 bytes.
type Header struct {
	BlockVersion       uint64  `cbor:"1,keyasint"`
	AppVersion         uint64  `cbor:"2,keyasint"`
	ChainID            string  `cbor:"3,keyasint"`
	Height             int64   `cbor:"4,keyasint"`
	Time               Time    `cbor:"5,keyasint"`
	LastBlockID        BlockID `cbor:"6,keyasint"`
	LastCommitHash     []byte  `cbor:"7,keyasint"`
	DataHash           []byte  `cbor:"8,keyasint"`
	ValidatorsHash     []byte  `cbor:"9,keyasint"`
	NextValidatorsHash []byte  `cbor:"10,keyasint"`
	ConsensusHash      []byte  `cbor:"11,keyasint"`
	AppHash            []byte  `cbor:"12,keyasint"`
	LastResultsHash    []byte  `cbor:"13,keyasint"`
	EvidenceHash       []byte  `cbor:"14,keyasint"`
	ProposerAddress    []byte  `cbor:"15,keyasint"`
}

// A BlockID is CometBFT's name of a block: its header hash and the Merkle root
// of the parts in which it travelled.
type BlockID struct {
	Hash       []byte `cbor:"1,keyasint"`
	PartsTotal uint32 `cbor:"2,keyasint"`
	PartsHash  []byte `cbor:"3,keyasint"`
}

// A Commit holds precommits for a header. The hash in their block id is not
// carried: it is the header's own.
type Commit struct {
	Round      int32       `cbor:"1,keyasint"`
	PartsTotal uint32      `cbor:"2,keyasint"`
	PartsHash  []byte      `cbor:"3,keyasint"`
	Signatures []Signature `cbor:"4,keyasint"` // ascending by Validator; nil and absent votes are left out
}

// A Signature is one validator's precommit for the block.
type Signature struct {
	Validator int    `cbor:"1,keyasint"` // index in the set: descending power, then ascending address
	Time      Time   `cbor:"2,keyasint"` // when the validator says it voted
	Sig       []byte `cbor:"3,keyasint"` // Ed25519, 64 bytes
}

// A Time is a moment as CometBFT encodes it, to the nanosecond.
type Time struct {
	_    struct{} `cbor:",toarray"`
	Sec  int64    // seconds since 1970-01-01T00:00:00Z
	Nano int32    // 0 to 999 999 999
}

// TimeOf converts t.
func TimeOf(t time.Time) Time { return Time{Sec: t.Unix(), Nano: int32(t.Nanosecond())} }

const timeLayout = "2006-01-02T15:04:05.000000000Z"

// String returns RFC 3339 in UTC with nine fractional digits.
func (t Time) String() string {
	return time.Unix(t.Sec, int64(t.Nano)).UTC().Format(timeLayout)
}

// Tx cuts t to the milliseconds of statements.
func (t Time) Tx() tx.Time { return tx.Time(t.Sec*1000 + int64(t.Nano)/1e6) }

// A StateProof proves one row of the state after a block, or that there is no
// such row. It says nothing about tables outside the state, such as an index
// of file digests: "the index does not hold it" can only be stated, not proven.
type StateProof struct {
	V         int         `cbor:"1,keyasint"` // Version
	Chain     string      `cbor:"2,keyasint"`
	Height    int64       `cbor:"3,keyasint"`
	LogSize   uint64      `cbor:"4,keyasint"`
	LogRoot   tx.Digest   `cbor:"5,keyasint"`
	StateRoot tx.Digest   `cbor:"6,keyasint"`
	Block     SignedBlock `cbor:"7,keyasint"` // header Height+1
	Row       Row         `cbor:"8,keyasint"`
}

// A StateHead is what a block proves of the state after the block before it:
// its root, under which rows are proven by other means, such as a span.
type StateHead struct {
	V         int         `cbor:"1,keyasint"` // Version
	Chain     string      `cbor:"2,keyasint"`
	Height    int64       `cbor:"3,keyasint"`
	LogSize   uint64      `cbor:"4,keyasint"`
	LogRoot   tx.Digest   `cbor:"5,keyasint"`
	StateRoot tx.Digest   `cbor:"6,keyasint"`
	Block     SignedBlock `cbor:"7,keyasint"` // header Height+1
}

// Compact returns r without what only the full form carries: the rows, the
// later state and the cosignatures. It still proves the entry; who could sign, under which rule and
// what became of it is then the word of the validators.
func (r *Receipt) Compact() *Receipt {
	c := *r
	c.Rows, c.Later, c.Witnessed = nil, nil, nil
	return &c
}

// Statement reads a statement as the verifier does: of evidence.seal,
// evidence.batch and trace.events the body as well, of every other kind the header,
// and that its bytes are canonical. What a body of those kinds says takes no part in any check, so a verifier that is older
// than a kind judges it as a newer one does, and carries no schemas that it does
// not need.
func Statement(payload []byte) (*tx.Statement, error) {
	return tx.ParseWith(payload, func(k tx.Kind) tx.Body {
		switch k {
		case tx.EvidenceSeal:
			return new(tx.Evidence)
		case tx.EvidenceBatch:
			return new(tx.Batch)
		case tx.TraceEvents:
			return new(tx.Events)
		}
		return nil
	})
}
