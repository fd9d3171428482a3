package row

import (
	"encoding/binary"

	"zhenglian/app/tx"
)

// States of the secret key of a list's epoch.
const (
	EpochActive    = "ACTIVE"    // tags of new entries are made with it
	EpochRetired   = "RETIRED"   // a newer one is active; older entries have its tags
	EpochWithdrawn = "WITHDRAWN" // nobody uses it, and copies are to be destroyed
)

var epochStates = []string{EpochActive, EpochRetired, EpochWithdrawn}

// EpochsKey is the key of the numbers of a list's epochs.
func EpochsKey(l tx.List) []byte { return []byte{prefixEpochs, byte(l)} }

// EpochKey is the key of one epoch of a list, counted from 1.
func EpochKey(l tx.List, number int64) []byte {
	return binary.BigEndian.AppendUint32([]byte{prefixEpoch, byte(l)}, uint32(number))
}

// EpochCopyKey is the key of the copy of an epoch's key that an account was
// handed.
func EpochCopyKey(l tx.List, number int64, a tx.AccountID) []byte {
	b := binary.BigEndian.AppendUint32([]byte{prefixEpochCopy, byte(l)}, uint32(number))
	return append(b, a[:]...)
}

// EpochCopyRange spans the copies of an epoch's key, ascending by account.
func EpochCopyRange(l tx.List, number int64) (start, end []byte) {
	return EpochCopyKey(l, number, tx.AccountID{}), EpochCopyKey(l, number+1, tx.AccountID{})
}

// EpochCopyAccount returns the account of a copy's key.
func EpochCopyAccount(key []byte) tx.AccountID { return tx.AccountID(key[6:]) }

// Epochs are the numbers of a list's epochs.
type Epochs struct {
	Active int64 // 0: none
	Last   int64 // the newest
}

// Encode returns the row's value.
func (e Epochs) Encode() []byte {
	return encode(func(w *tx.Writer) {
		w.Int("active", e.Active)
		w.Int("last", e.Last)
	})
}

// DecodeEpochs reads a value that Encode wrote.
func DecodeEpochs(b []byte) (e Epochs, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("active")
		e.Active = r.Int(0, tx.MaxEpoch)
		o.Need("last")
		e.Last = r.Int(1, tx.MaxEpoch)
	})
	return e, err
}

// An Epoch is a secret key of a list, of which the ledger holds a commitment.
type Epoch struct {
	Commitment tx.Digest
	From       int64       // height at which it became active
	Member     tx.MemberID // that opened it
	State      string
	Until      int64 // height at which it stopped being active; 0: it is
}

// Encode returns the row's value.
func (e Epoch) Encode() []byte {
	return encode(func(w *tx.Writer) {
		w.Hex("commitment", e.Commitment[:])
		w.Int("from", e.From)
		w.String("member", string(e.Member))
		w.String("state", e.State)
		w.Int("until", e.Until)
	})
}

// DecodeEpoch reads a value that Encode wrote.
func DecodeEpoch(b []byte) (e Epoch, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("commitment")
		r.Hex(e.Commitment[:])
		o.Need("from")
		e.From = r.Int(0, maxHeight)
		o.Need("member")
		e.Member = tx.MemberID(r.Slug(2, 32, '-'))
		o.Need("state")
		e.State = r.Name(epochStates)
		o.Need("until")
		e.Until = r.Int(0, maxHeight)
	})
	return e, err
}

// An EpochCopy is the copy of a key that an account was handed.
type EpochCopy struct {
	Height int64 // at which it was handed out
	SHA256 tx.Digest
}

// Encode returns the row's value.
func (c EpochCopy) Encode() []byte {
	return encode(func(w *tx.Writer) {
		w.Int("height", c.Height)
		w.Hex("sha256", c.SHA256[:])
	})
}

// DecodeEpochCopy reads a value that Encode wrote.
func DecodeEpochCopy(b []byte) (c EpochCopy, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("height")
		c.Height = r.Int(0, maxHeight)
		o.Need("sha256")
		r.Hex(c.SHA256[:])
	})
	return c, err
}
