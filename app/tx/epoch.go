package tx

import "bytes"

// The actions of gov.epoch.
const (
	OpenEpoch     = "open"     // a new key of a list, in place of the one in use
	HandEpoch     = "hand"     // copies of a key that is there, for more accounts
	WithdrawEpoch = "withdraw" // nobody uses the key any longer
)

var (
	epochActions = []string{OpenEpoch, HandEpoch, WithdrawEpoch}
	epochReasons = []string{"compromised", "retagged", "mistake", "other"}
)

// MaxCopies bounds the copies that one statement hands out.
const MaxCopies = 128

// EpochChange is the body of gov.epoch: what becomes of the secret keys by which
// a list's tags are made. The ledger holds commitments and digests, never a key
// and never an encrypted one; package client/list says how keys travel.
//
//	action      string  open | hand | withdraw
//	commitment  hex     to the key; with open
//	copies      array   1 to 128 of {account, sha256}, ascending by account; with open and hand
//	epoch       int     of the list, from 1
//	list        string  serious_dishonest | abnormal_operation | industry_notice | negative_index
//	reason      string  compromised | retagged | mistake | other; with withdraw
type EpochChange struct {
	Action     string
	Commitment Digest // zero: absent
	Copies     []SealedCopy
	Epoch      int64
	List       List
	Reason     string // "": absent
}

// A SealedCopy is the digest of a key's copy that only one account can open.
type SealedCopy struct {
	Account AccountID
	SHA256  Digest
}

func (b *EpochChange) read(r *Reader) {
	o := r.Object()
	o.Need("action")
	b.Action = r.Name(epochActions)
	if o.Has("commitment") {
		r.HexSome(b.Commitment[:])
	}
	if o.Has("copies") {
		r.Array(MaxCopies, func(i int) {
			var c SealedCopy
			co := r.Object()
			co.Need("account")
			r.HexSome(c.Account[:])
			co.Need("sha256")
			r.HexSome(c.SHA256[:])
			co.End()
			if i > 0 && bytes.Compare(b.Copies[i-1].Account[:], c.Account[:]) >= 0 {
				r.Fail(CodeBody, "copies ascend by account, each once")
			}
			b.Copies = append(b.Copies, c)
		})
		r.some(len(b.Copies))
	}
	o.Need("epoch")
	b.Epoch = r.Int(1, MaxEpoch)
	o.Need("list")
	word := r.Name(listWords[1:])
	b.List, _ = ParseList(word) // it is one of the words, or reading has failed
	if o.Has("reason") {
		b.Reason = r.Name(epochReasons)
	}
	o.End()
}

func (b *EpochChange) write(w *Writer) {
	w.String("action", b.Action)
	if !b.Commitment.IsZero() {
		w.Hex("commitment", b.Commitment[:])
	}
	if len(b.Copies) > 0 {
		w.Array("copies", len(b.Copies), func(i int) {
			w.Open()
			w.Hex("account", b.Copies[i].Account[:])
			w.Hex("sha256", b.Copies[i].SHA256[:])
			w.Close()
		})
	}
	w.Int("epoch", b.Epoch)
	w.String("list", b.List.String())
	if b.Reason != "" {
		w.String("reason", b.Reason)
	}
}

// Validate implements Body.
func (b *EpochChange) Validate() error {
	fail := func(path, detail string) error {
		return &Error{Code: CodeBody, Path: "body." + path, Detail: detail}
	}
	switch {
	case (b.Action == OpenEpoch) == b.Commitment.IsZero():
		return fail("commitment", "goes with open")
	case (b.Action == WithdrawEpoch) != (len(b.Copies) == 0):
		return fail("copies", "go with open and hand")
	case (b.Action == WithdrawEpoch) == (b.Reason == ""):
		return fail("reason", "goes with withdraw")
	}
	return nil
}
