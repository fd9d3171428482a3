package receipt

import (
	"encoding/binary"
	"errors"
	"math"

	"zhenglian/app/tx"
)

// The CBOR encoding is the deterministic one of RFC 8949 §4.2.1: shortest heads,
// definite lengths, keys ascending. A document is a map with the integer keys of
// the struct tags; a [Time] is an array of two. The tags are for tests, which
// compare with a general library; that one costs 160 KB of a compressed
// WebAssembly verifier.

// A cborWalk goes through a document once, writing it or reading it. It reads
// laxly where writing again shows the difference, as parse does.
type cborWalk struct {
	b       []byte // reading: what is left; writing: what there is
	reading bool
	err     error // of reading; the first one sticks
}

var errCBOR = errors.New("not the CBOR encoding")

func encodeCBOR(d document) []byte {
	w := cborWalk{b: make([]byte, 0, 16<<10)}
	d.cbor(&w)
	return w.b
}

func decodeCBOR(b []byte, d document) error {
	r := cborWalk{b: b, reading: true}
	d.cbor(&r)
	if r.err == nil && len(r.b) > 0 {
		return errCBOR
	}
	return r.err
}

// Major types (RFC 8949 §3.1).
const (
	cborUint  = 0
	cborBytes = 2
	cborText  = 3
	cborArray = 4
	cborMap   = 5
)

// head writes a head of the major type with argument n, or reads one and returns
// its argument.
func (w *cborWalk) head(major byte, n uint64) uint64 {
	if w.reading {
		return w.readHead(major)
	}
	t := major << 5
	switch {
	case n < 24:
		w.b = append(w.b, t|byte(n))
	case n <= math.MaxUint8:
		w.b = append(w.b, t|24, byte(n))
	case n <= math.MaxUint16:
		w.b = binary.BigEndian.AppendUint16(append(w.b, t|25), uint16(n))
	case n <= math.MaxUint32:
		w.b = binary.BigEndian.AppendUint32(append(w.b, t|26), uint32(n))
	default:
		w.b = binary.BigEndian.AppendUint64(append(w.b, t|27), n)
	}
	return n
}

func (w *cborWalk) readHead(major byte) (n uint64) {
	if w.err != nil || len(w.b) == 0 || w.b[0]>>5 != major {
		w.err = errCBOR
		return 0
	}
	info := w.b[0] & 31
	w.b = w.b[1:]
	if info < 24 {
		return uint64(info)
	}
	size := 1 << (info - 24) // 24, 25, 26, 27: 1, 2, 4, 8 bytes
	if info > 27 || len(w.b) < size {
		w.err = errCBOR
		return 0
	}
	for _, c := range w.b[:size] {
		n = n<<8 | uint64(c)
	}
	w.b = w.b[size:]
	return n
}

// object begins a map of so many members.
func (w *cborWalk) object(members uint64) { w.head(cborMap, members) }

// member writes or expects a key.
func (w *cborWalk) member(key uint64) {
	if got := w.head(cborUint, key); got != key {
		w.err = errCBOR
	}
}

// has writes a key if it is present, or reports whether it comes next.
func (w *cborWalk) has(key byte, present bool) bool {
	if w.reading {
		present = w.err == nil && len(w.b) > 0 && w.b[0] == key
	}
	if present {
		w.member(uint64(key))
	}
	return present
}

// cborNumber is the walk through a number that is not negative.
func cborNumber[T int | int32 | int64 | uint32 | uint64](w *cborWalk, v *T) {
	n := w.head(cborUint, uint64(*v))
	if w.reading {
		if *v = T(n); *v < 0 || uint64(*v) != n {
			w.err = errCBOR
		}
	}
}

func (w *cborWalk) text(v *string) {
	b := []byte(*v)
	w.string(cborText, &b)
	*v = string(b)
}

func (w *cborWalk) bytes(v *[]byte) { w.string(cborBytes, v) }

func (w *cborWalk) string(major byte, v *[]byte) {
	n := w.head(major, uint64(len(*v)))
	if !w.reading {
		w.b = append(w.b, *v...)
		return
	}
	if n > uint64(len(w.b)) {
		w.err = errCBOR
		return
	}
	*v = append([]byte{}, w.b[:n]...)
	w.b = w.b[n:]
}

func (w *cborWalk) digest(v *tx.Digest) {
	b := v[:]
	w.bytes(&b)
	if len(b) != len(v) {
		w.err = errCBOR
		return
	}
	copy(v[:], b)
}

// cborList is the walk through an array. Each element takes a byte or more, so
// what is left to read bounds it.
func cborList[T any](w *cborWalk, v *[]T, element func(*T)) {
	n := w.head(cborArray, uint64(len(*v)))
	if w.reading {
		if n > uint64(len(w.b)) {
			w.err = errCBOR
			return
		}
		*v = make([]T, 0, min(n, maxRows))
		for ; n > 0 && w.err == nil; n-- {
			var e T
			element(&e)
			*v = append(*v, e)
		}
		return
	}
	for i := range *v {
		element(&(*v)[i])
	}
}

func (r *Receipt) cbor(w *cborWalk) {
	members := uint64(8)
	if len(r.Rows) > 0 {
		members++
	}
	if r.Later != nil {
		members++
	}
	if r.Item != nil {
		members++
	}
	if r.Witnessed != nil {
		members++
	}
	w.object(members)
	w.member(1)
	cborNumber(w, &r.V)
	w.member(2)
	w.text(&r.Chain)
	w.member(3)
	r.Entry.cbor(w)
	w.member(4)
	cborNumber(w, &r.LogSize)
	w.member(5)
	w.digest(&r.LogRoot)
	w.member(6)
	cborList(w, &r.Path, w.digest)
	w.member(7)
	w.digest(&r.StateRoot)
	w.member(8)
	r.Block.cbor(w)
	if w.has(9, len(r.Rows) > 0) {
		cborList(w, &r.Rows, func(x *Row) { x.cbor(w) })
	}
	if w.has(10, r.Later != nil) {
		if w.reading {
			r.Later = new(Later)
		}
		r.Later.cbor(w)
	}
	if w.has(11, r.Item != nil) {
		if w.reading {
			r.Item = new(Item)
		}
		r.Item.cbor(w)
	}
	if w.has(12, r.Witnessed != nil) {
		if w.reading {
			r.Witnessed = new(Witnessed)
		}
		r.Witnessed.cbor(w)
	}
}

func (x *Item) cbor(w *cborWalk) {
	w.object(3)
	w.member(1)
	cborNumber(w, &x.Index)
	w.member(2)
	w.digest(&x.SHA256)
	w.member(3)
	cborList(w, &x.Path, w.digest)
}

func (e *Entry) cbor(w *cborWalk) {
	w.object(3)
	w.member(1)
	cborNumber(w, &e.Seq)
	w.member(2)
	cborNumber(w, &e.Height)
	w.member(3)
	w.bytes(&e.Envelope)
}

func (r *Row) cbor(w *cborWalk) {
	members := uint64(2)
	if r.Value != nil {
		members++
	}
	w.object(members)
	w.member(1)
	w.bytes(&r.Key)
	if w.has(2, r.Value != nil) {
		w.bytes(&r.Value)
	}
	w.member(3)
	w.bytes(&r.Proof)
}

func (l *Later) cbor(w *cborWalk) {
	members := uint64(6)
	if len(l.Rows) > 0 {
		members++
	}
	w.object(members)
	w.member(1)
	cborNumber(w, &l.Height)
	w.member(2)
	cborNumber(w, &l.LogSize)
	w.member(3)
	w.digest(&l.LogRoot)
	w.member(4)
	w.digest(&l.StateRoot)
	w.member(5)
	l.Block.cbor(w)
	w.member(6)
	cborList(w, &l.Consistency, w.digest)
	if w.has(7, len(l.Rows) > 0) {
		cborList(w, &l.Rows, func(x *Row) { x.cbor(w) })
	}
}

func (p *StateProof) cbor(w *cborWalk) {
	w.object(8)
	w.member(1)
	cborNumber(w, &p.V)
	w.member(2)
	w.text(&p.Chain)
	w.member(3)
	cborNumber(w, &p.Height)
	w.member(4)
	cborNumber(w, &p.LogSize)
	w.member(5)
	w.digest(&p.LogRoot)
	w.member(6)
	w.digest(&p.StateRoot)
	w.member(7)
	p.Block.cbor(w)
	w.member(8)
	p.Row.cbor(w)
}

func (p *StateHead) cbor(w *cborWalk) {
	w.object(7)
	w.member(1)
	cborNumber(w, &p.V)
	w.member(2)
	w.text(&p.Chain)
	w.member(3)
	cborNumber(w, &p.Height)
	w.member(4)
	cborNumber(w, &p.LogSize)
	w.member(5)
	w.digest(&p.LogRoot)
	w.member(6)
	w.digest(&p.StateRoot)
	w.member(7)
	p.Block.cbor(w)
}

func (b *SignedBlock) cbor(w *cborWalk) {
	w.object(2)
	w.member(1)
	b.Header.cbor(w)
	w.member(2)
	b.Commit.cbor(w)
}

func (h *Header) cbor(w *cborWalk) {
	w.object(15)
	w.member(1)
	cborNumber(w, &h.BlockVersion)
	w.member(2)
	cborNumber(w, &h.AppVersion)
	w.member(3)
	w.text(&h.ChainID)
	w.member(4)
	cborNumber(w, &h.Height)
	w.member(5)
	h.Time.cbor(w)
	w.member(6)
	h.LastBlockID.cbor(w)
	for i, v := range []*[]byte{&h.LastCommitHash, &h.DataHash, &h.ValidatorsHash, &h.NextValidatorsHash, &h.ConsensusHash,
		&h.AppHash, &h.LastResultsHash, &h.EvidenceHash, &h.ProposerAddress} {
		w.member(uint64(7 + i))
		w.bytes(v)
	}
}

func (b *BlockID) cbor(w *cborWalk) {
	w.object(3)
	w.member(1)
	w.bytes(&b.Hash)
	w.member(2)
	cborNumber(w, &b.PartsTotal)
	w.member(3)
	w.bytes(&b.PartsHash)
}

func (c *Commit) cbor(w *cborWalk) {
	w.object(4)
	w.member(1)
	cborNumber(w, &c.Round)
	w.member(2)
	cborNumber(w, &c.PartsTotal)
	w.member(3)
	w.bytes(&c.PartsHash)
	w.member(4)
	cborList(w, &c.Signatures, func(s *Signature) {
		w.object(3)
		w.member(1)
		cborNumber(w, &s.Validator)
		w.member(2)
		s.Time.cbor(w)
		w.member(3)
		w.bytes(&s.Sig)
	})
}

func (t *Time) cbor(w *cborWalk) {
	w.head(cborArray, 2)
	cborNumber(w, &t.Sec)
	cborNumber(w, &t.Nano)
}
