package row

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"zhenglian/app/tx"
)

// A UnitID names a unit: the sequence number of the entry that made it and its
// place among those that the entry made, both big endian, so that ids are
// ordered in time. Its text form is SEQ.INDEX.
type UnitID [10]byte

// NewUnitID returns the id of the index-th unit that entry seq made.
func NewUnitID(seq uint64, index int) (id UnitID) {
	binary.BigEndian.PutUint64(id[:], seq)
	binary.BigEndian.PutUint16(id[8:], uint16(index))
	return id
}

// Seq returns the entry that made the unit.
func (id UnitID) Seq() uint64 { return binary.BigEndian.Uint64(id[:]) }

// Index returns the unit's place among those that the entry made.
func (id UnitID) Index() int { return int(binary.BigEndian.Uint16(id[8:])) }

// IsZero reports whether id names no unit. (Entry 0 makes none: a product is
// declared before there are units of it.)
func (id UnitID) IsZero() bool { return id == UnitID{} }

func (id UnitID) String() string {
	return strconv.FormatUint(id.Seq(), 10) + "." + strconv.Itoa(id.Index())
}

// MarshalText writes the text form.
func (id UnitID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the text form.
func (id *UnitID) UnmarshalText(b []byte) error {
	v, err := ParseUnitID(string(b))
	*id = v
	return err
}

// ParseUnitID reads the text form.
func ParseUnitID(s string) (UnitID, error) {
	a, b, _ := strings.Cut(s, ".")
	seq, err := strconv.ParseUint(a, 10, 63)
	index, err2 := strconv.ParseUint(b, 10, 16)
	id := NewUnitID(seq, int(index))
	if err != nil || err2 != nil || id.String() != s {
		return UnitID{}, fmt.Errorf("unit id %q is not of the form SEQ.INDEX", s)
	}
	return id, nil
}

// States of matters of traceability, besides Pending, Withdrawn, Expired and Overtaken.
const (
	Recorded  State = "RECORDED"  // it took effect
	OneSided  State = "ONE_SIDED" // a hand-over that only one side has stated
	Offered   State = "OFFERED"   // a hand-over that the receiver has not answered
	Received  State = "RECEIVED"  // both sides have signed it
	Disputed  State = "DISPUTED"  // the receiver contradicts it
	Cancelled State = "CANCELLED" // the sender took it back
	Scoping   State = "SCOPING"   // a recall whose scope is being frozen
	Frozen    State = "FROZEN"    // a recall whose scope is frozen
	Closed    State = "CLOSED"    // a recall that is over
)

// States of a unit. That it is recalled is said by Recalls.
const (
	UnitActive    = "ACTIVE"    // it is with its custodian
	UnitOffered   = "OFFERED"   // it is on its way to another member who has not accepted it
	UnitConsumed  = "CONSUMED"  // all of it became something else
	UnitOut       = "OUT"       // it has left the ledger
	UnitDestroyed = "DESTROYED" // it is no more
)

// Flags of a unit, ascending. What is made of a flagged unit bears its flags.
const (
	FlagDisputed = "disputed"  // its receiver contradicted a hand-over
	FlagHarvest  = "harvest"   // registered beyond the declared harvest
	FlagOneSided = "one_sided" // it came back from outside, and nobody confirms from where
	FlagYield    = "yield"     // made beyond the product's yield
)

// A Unit is a lot, an item or a container. The custodian of a unit inside
// another is that of the outermost; the row says who held it when it was put in.
type Unit struct {
	Code      tx.UnitCode
	Custodian tx.MemberID
	Flags     []string // ascending
	Hot       int64    // of a container: recalled units inside, at any depth
	Inside    int64    // of a container: units directly inside
	Left      int64    // of Quantity, what has not become something else
	Level     int64    // of a container: 1 + the highest that was ever put in; 0 of goods
	Maker     tx.MemberID
	Parent    UnitID // the container it is in; zero: none
	Quantity  int64  // in the product's unit; 0 of a container
	Recalls   int64  // recalls that it is in and was not released from
	Since     int64  // height of the last change
	State     string
}

// Stopped reports whether the unit may not move because it, or something
// inside it, is recalled.
func (u *Unit) Stopped() bool { return u.Recalls > 0 || u.Hot > 0 }

// A Named leads from a code to its unit.
type Named struct{ Unit UnitID }

// A Product is a declared product.
type Product struct {
	Makers []tx.MemberID // ascending, besides the owner
	Mode   string        // tx.Reject or tx.Flag
	NameEN string
	NameZH string
	Owner  tx.MemberID
	UOM    string
	Yield  *tx.Yield // nil: it is made of itself only
}

// A Use says how much of a unit a transformation used.
type Use struct{ Quantity int64 }

// A Harvest is what a place yielded of a product in a season.
type Harvest struct {
	Declared   int64
	Member     tx.MemberID // who declared it first, and may register under it
	Registered int64       // of it, in units
}

// A Recall is the account of a recall.
type Recall struct {
	Count    int64       // units in the scope
	Cursor   []byte      // while it is frozen: last key read of what comes after the unit Done
	Disposed int64       // units made harmless
	Done     int64       // while it is frozen: units of which all that comes after is in the scope
	Edge     []tx.Digest // of the tree over the scope: roots of its full subtrees, largest first
	Frozen   int64       // height at which the scope was complete; 0: not yet
	Released int64       // units that are recalled no more
}

// A Scoped says that a unit is in a recall's scope.
type Scoped struct {
	N       int64  // its place there, from 0
	Outcome string // "": open, "released", or the method of its disposal
}

// OutcomeReleased says that a unit is recalled no more.
const OutcomeReleased = "released"

// A Queued is the n-th unit of a scope.
type Queued struct{ Unit UnitID }

// A Holder is what a member held of a recall's scope when it was frozen.
type Holder struct {
	Acked int64 // height at which it answered; 0: not yet
	Units int64
}

// Flat are the keys that walks over goods read in great numbers: units, what is
// inside them and what used them. Each is its first byte and its length.
var Flat = [][2]int{{prefixUnit, 11}, {prefixInside, 21}, {prefixUse, 19}}

// UnitKey is the key of a unit.
func UnitKey(u UnitID) []byte { return append([]byte{prefixUnit}, u[:]...) }

// MadeRange spans the units that entry seq made.
func MadeRange(seq uint64) (start, end []byte) {
	return seqKey(prefixUnit, seq), seqKey(prefixUnit, seq+1)
}

// UnitOf returns the unit of a key of MadeRange.
func UnitOf(key []byte) UnitID { return UnitID(key[1:11]) }

// NamedKey is the key of a code.
func NamedKey(c tx.UnitCode) []byte { return append([]byte{prefixNamed}, c...) }

// ProductKey is the key of a product.
func ProductKey(p tx.ProductCode) []byte { return append([]byte{prefixProduct}, p...) }

// InsideKey is the key that says that a unit is in another.
func InsideKey(parent, child UnitID) []byte {
	return append(append([]byte{prefixInside}, parent[:]...), child[:]...)
}

// InsideRange spans the keys of what is in a unit.
func InsideRange(parent UnitID) (start, end []byte) {
	return span(append([]byte{prefixInside}, parent[:]...))
}

// InsideChild returns the child of a key.
func InsideChild(key []byte) UnitID { return UnitID(key[11:21]) }

// UseKey is the key of what transformation seq used of a unit.
func UseKey(u UnitID, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(append([]byte{prefixUse}, u[:]...), seq)
}

// UseRange spans the uses of a unit.
func UseRange(u UnitID) (start, end []byte) { return span(append([]byte{prefixUse}, u[:]...)) }

// UseUnit returns the unit of a key.
func UseUnit(key []byte) UnitID { return UnitID(key[1:11]) }

// UseSeq returns the transformation of a key.
func UseSeq(key []byte) uint64 { return binary.BigEndian.Uint64(key[11:19]) }

// HarvestKey is the key of a harvest.
func HarvestKey(origin string, p tx.ProductCode, season string) []byte {
	b := append(append([]byte{prefixHarvest}, origin...), 0)
	return append(append(append(b, p...), 0), season...)
}

// RecallKey is the key of the recall that entry seq opened.
func RecallKey(seq uint64) []byte { return seqKey(prefixRecall, seq) }

// ScopeKey is the key of a unit in a recall's scope.
func ScopeKey(recall uint64, u UnitID) []byte { return append(seqKey(prefixScope, recall), u[:]...) }

// ScopeRange spans the scope of a recall, ascending by unit.
func ScopeRange(recall uint64) (start, end []byte) { return span(seqKey(prefixScope, recall)) }

// ScopeUnit returns the unit of a key.
func ScopeUnit(key []byte) UnitID { return UnitID(key[9:19]) }

// QueueKey is the key of the n-th unit of a scope that is being frozen.
func QueueKey(recall uint64, n int64) []byte {
	return binary.BigEndian.AppendUint64(seqKey(prefixQueue, recall), uint64(n))
}

// QueueRange spans the queue of a recall.
func QueueRange(recall uint64) (start, end []byte) { return span(seqKey(prefixQueue, recall)) }

// HolderKey is the key of what a member holds of a recall's scope.
func HolderKey(recall uint64, m tx.MemberID) []byte {
	return append(seqKey(prefixHolder, recall), m...)
}

// HolderRange spans the holders of a recall, ascending by member.
func HolderRange(recall uint64) (start, end []byte) { return span(seqKey(prefixHolder, recall)) }

// HolderMember returns the member of a key.
func HolderMember(key []byte) tx.MemberID { return tx.MemberID(key[9:]) }

// ScopingKey is the key that says that a recall's scope is being frozen.
func ScopingKey(recall uint64) []byte { return seqKey(prefixScoping, recall) }

// ScopingRange spans the recalls whose scope is being frozen.
func ScopingRange() (start, end []byte) { return span([]byte{prefixScoping}) }

// ScopingSeq returns the recall of a key.
func ScopingSeq(key []byte) uint64 { return binary.BigEndian.Uint64(key[1:9]) }

// span is the range of the keys that begin with prefix.
func span(prefix []byte) (start, end []byte) {
	end = append([]byte(nil), prefix...)
	for i := len(end) - 1; ; i-- { // 3x leads every key, so there is a byte to raise
		if end[i]++; end[i] != 0 {
			return prefix, end[:i+1]
		}
	}
}

// some refuses an empty list that is left out when it is empty.
func some(r *tx.Reader, n int) {
	if n == 0 {
		r.Fail(tx.CodeLimit, "empty")
	}
}

func readUnitID(r *tx.Reader) (id UnitID) {
	r.Hex(id[:])
	return id
}

// Encode returns the row's value.
func (u Unit) Encode() []byte {
	return encode(func(w *tx.Writer) {
		w.String("code", string(u.Code))
		w.String("custodian", string(u.Custodian))
		if len(u.Flags) > 0 {
			writeStrings(w, "flags", u.Flags)
		}
		positive(w, "hot", u.Hot)
		positive(w, "inside", u.Inside)
		w.Int("left", u.Left)
		positive(w, "level", u.Level)
		w.String("maker", string(u.Maker))
		if !u.Parent.IsZero() {
			w.Hex("parent", u.Parent[:])
		}
		w.Int("quantity", u.Quantity)
		positive(w, "recalls", u.Recalls)
		w.Int("since", u.Since)
		w.String("state", u.State)
	})
}

// positive writes a number that is left out when it is 0.
func positive(w *tx.Writer, name string, v int64) {
	if v != 0 {
		w.Int(name, v)
	}
}

func readPositive(r *tx.Reader, o *tx.Object, name string) int64 {
	if o.Has(name) {
		return r.Int(1, maxHeight)
	}
	return 0
}

// DecodeUnit reads a value that Encode wrote.
func DecodeUnit(b []byte) (u Unit, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("code")
		u.Code = tx.UnitCode(r.String(256))
		o.Need("custodian")
		u.Custodian = tx.MemberID(r.String(32))
		if o.Has("flags") {
			u.Flags = readStrings(r)
			some(r, len(u.Flags))
		}
		u.Hot = readPositive(r, o, "hot")
		u.Inside = readPositive(r, o, "inside")
		o.Need("left")
		u.Left = r.Int(0, maxHeight)
		u.Level = readPositive(r, o, "level")
		o.Need("maker")
		u.Maker = tx.MemberID(r.String(32))
		if o.Has("parent") {
			r.HexSome(u.Parent[:])
		}
		o.Need("quantity")
		u.Quantity = r.Int(0, maxHeight)
		u.Recalls = readPositive(r, o, "recalls")
		o.Need("since")
		u.Since = r.Int(0, maxHeight)
		o.Need("state")
		u.State = r.String(16)
	})
	return u, err
}

// Encode returns the row's value.
func (n Named) Encode() []byte {
	return encode(func(w *tx.Writer) { w.Hex("unit", n.Unit[:]) })
}

// DecodeNamed reads a value that Encode wrote.
func DecodeNamed(b []byte) (n Named, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("unit")
		n.Unit = readUnitID(r)
	})
	return n, err
}

// Encode returns the row's value.
func (p Product) Encode() []byte {
	return encode(func(w *tx.Writer) {
		if len(p.Makers) > 0 {
			w.Array("makers", len(p.Makers), func(i int) { w.B = tx.AppendString(w.B, string(p.Makers[i])) })
		}
		w.String("mode", p.Mode)
		w.String("name_en", p.NameEN)
		w.String("name_zh", p.NameZH)
		w.String("owner", string(p.Owner))
		w.String("uom", p.UOM)
		if y := p.Yield; y != nil {
			w.Member("yield")
			w.Open()
			w.Array("from", len(y.From), func(i int) { w.B = tx.AppendString(w.B, string(y.From[i])) })
			w.Int("gives", y.Gives)
			w.Int("per", y.Per)
			w.Close()
		}
	})
}

// DecodeProduct reads a value that Encode wrote.
func DecodeProduct(b []byte) (p Product, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		if o.Has("makers") {
			r.Array(tx.MaxMakers, func(int) { p.Makers = append(p.Makers, tx.MemberID(r.String(32))) })
			some(r, len(p.Makers))
		}
		o.Need("mode")
		p.Mode = r.String(16)
		o.Need("name_en")
		p.NameEN = r.String(tx.MaxName)
		o.Need("name_zh")
		p.NameZH = r.String(tx.MaxName)
		o.Need("owner")
		p.Owner = tx.MemberID(r.String(32))
		o.Need("uom")
		p.UOM = r.String(16)
		if o.Has("yield") {
			p.Yield = new(tx.Yield)
			y := r.Object()
			y.Need("from")
			r.Array(tx.MaxFrom, func(int) { p.Yield.From = append(p.Yield.From, tx.ProductCode(r.String(32))) })
			y.Need("gives")
			p.Yield.Gives = r.Int(1, tx.MaxRatio)
			y.Need("per")
			p.Yield.Per = r.Int(1, tx.MaxRatio)
			y.End()
		}
	})
	return p, err
}

// Encode returns the row's value.
func (u Use) Encode() []byte {
	return encode(func(w *tx.Writer) { w.Int("quantity", u.Quantity) })
}

// DecodeUse reads a value that Encode wrote.
func DecodeUse(b []byte) (u Use, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("quantity")
		u.Quantity = r.Int(0, maxHeight)
	})
	return u, err
}

// Encode returns the row's value.
func (h Harvest) Encode() []byte {
	return encode(func(w *tx.Writer) {
		w.Int("declared", h.Declared)
		w.String("member", string(h.Member))
		w.Int("registered", h.Registered)
	})
}

// DecodeHarvest reads a value that Encode wrote.
func DecodeHarvest(b []byte) (h Harvest, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("declared")
		h.Declared = r.Int(0, maxHeight)
		o.Need("member")
		h.Member = tx.MemberID(r.String(32))
		o.Need("registered")
		h.Registered = r.Int(0, maxHeight)
	})
	return h, err
}

// Encode returns the row's value.
func (c Recall) Encode() []byte {
	return encode(func(w *tx.Writer) {
		w.Int("count", c.Count)
		if len(c.Cursor) > 0 {
			w.Hex("cursor", c.Cursor)
		}
		w.Int("disposed", c.Disposed)
		positive(w, "done", c.Done)
		w.Array("edge", len(c.Edge), func(i int) { w.B = append(append(append(w.B, '"'), hex.EncodeToString(c.Edge[i][:])...), '"') })
		w.Int("frozen", c.Frozen)
		w.Int("released", c.Released)
	})
}

// DecodeRecall reads a value that Encode wrote.
func DecodeRecall(b []byte) (c Recall, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("count")
		c.Count = r.Int(0, maxHeight)
		if o.Has("cursor") {
			c.Cursor = r.HexBytes(64)
			some(r, len(c.Cursor))
		}
		o.Need("disposed")
		c.Disposed = r.Int(0, maxHeight)
		c.Done = readPositive(r, o, "done")
		o.Need("edge")
		r.Array(64, func(int) {
			var d tx.Digest
			r.Hex(d[:])
			c.Edge = append(c.Edge, d)
		})
		o.Need("frozen")
		c.Frozen = r.Int(0, maxHeight)
		o.Need("released")
		c.Released = r.Int(0, maxHeight)
	})
	return c, err
}

// Encode returns the row's value.
func (s Scoped) Encode() []byte {
	return encode(func(w *tx.Writer) {
		w.Int("n", s.N)
		if s.Outcome != "" {
			w.String("outcome", s.Outcome)
		}
	})
}

// DecodeScoped reads a value that Encode wrote.
func DecodeScoped(b []byte) (s Scoped, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("n")
		s.N = r.Int(0, maxHeight)
		s.Outcome = optional(r, o, "outcome", 32)
	})
	return s, err
}

// Encode returns the row's value.
func (q Queued) Encode() []byte {
	return encode(func(w *tx.Writer) { w.Hex("unit", q.Unit[:]) })
}

// DecodeQueued reads a value that Encode wrote.
func DecodeQueued(b []byte) (q Queued, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("unit")
		q.Unit = readUnitID(r)
	})
	return q, err
}

// Encode returns the row's value.
func (h Holder) Encode() []byte {
	return encode(func(w *tx.Writer) {
		positive(w, "acked", h.Acked)
		w.Int("units", h.Units)
	})
}

// DecodeHolder reads a value that Encode wrote.
func DecodeHolder(b []byte) (h Holder, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		h.Acked = readPositive(r, o, "acked")
		o.Need("units")
		h.Units = r.Int(0, maxHeight)
	})
	return h, err
}
