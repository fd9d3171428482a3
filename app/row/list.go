package row

import (
	"bytes"
	"encoding/binary"

	"zhenglian/app/tx"
)

// A tag names the subject of a list entry: a keyed pseudonym of 32 bytes, made
// with the list's key of some epoch, never a bare hash of an identifier. Keys of
// subject rows are spread like hashes, so that the neighbours that a proof of
// absence shows say nothing.

// SubjectKey is the key of what is in force about a subject: it is there
// exactly as long as an entry is, so its absence says that none is.
func SubjectKey(l tx.List, tag tx.Digest) []byte {
	return append([]byte{prefixSubject, byte(l)}, tag[:]...)
}

// SubjectRange spans the subject rows of a list, ascending by tag.
func SubjectRange(l tx.List) (start, end []byte) {
	return []byte{prefixSubject, byte(l)}, []byte{prefixSubject, byte(l) + 1}
}

// SubjectTag returns the tag of a subject key.
func SubjectTag(key []byte) tx.Digest { return tx.Digest(key[2:]) }

// MaxInForce bounds the entries of a list that are in force about one subject.
const MaxInForce = 16

// A Subject is what is in force about one subject of a list: its entries,
// ascending by Seq, 1 to MaxInForce. An entry that is stayed is not in force.
type Subject []InForce

// InForce is an entry that is in force.
type InForce struct {
	Seq   uint64 // of the entry that proposed it
	State State  // Published, RepairApplied, RepairAccepted, RepairDenied or Reinstated
	From  tx.Day // first day
	Until tx.Day // first day on which it is no longer in force, unless it ends before
}

// States of list entries that are in force, and the letters for them in a
// subject row, which there may be many of.
const (
	Published      State = "PUBLISHED"
	RepairApplied  State = "REPAIR_APPLIED"
	RepairAccepted State = "REPAIR_ACCEPTED"
	RepairDenied   State = "REPAIR_DENIED"
	Reinstated     State = "REINSTATED"
)

var inForce = []struct {
	letter string
	state  State
}{{"P", Published}, {"A", RepairApplied}, {"C", RepairAccepted}, {"D", RepairDenied}, {"R", Reinstated}}

// InForceLetter is the letter of a state in a subject row, "" for a state that
// is not in force.
func InForceLetter(s State) string {
	for _, f := range inForce {
		if f.state == s {
			return f.letter
		}
	}
	return ""
}

// Encode returns the row's value: canonical JSON, an array of
// [seq, letter, from, until], days as YYYYMMDD. One entry takes 30 to 36 bytes.
func (s Subject) Encode() []byte {
	w := tx.Writer{B: make([]byte, 0, 40*len(s))}
	w.List(len(s), func(i int) {
		w.List(4, func(j int) {
			switch e := &s[i]; j {
			case 0:
				w.Number(int64(e.Seq))
			case 1:
				w.B = tx.AppendString(w.B, InForceLetter(e.State))
			case 2:
				w.Number(int64(e.From))
			case 3:
				w.Number(int64(e.Until))
			}
		})
	})
	return w.B
}

// DecodeSubject reads a value that Encode wrote, and nothing else.
func DecodeSubject(b []byte) (s Subject, err error) {
	r := tx.NewReader(b)
	r.Array(MaxInForce, func(i int) {
		var e InForce
		n := 0
		r.Array(4, func(j int) {
			n++
			switch j {
			case 0:
				if e.Seq = uint64(r.Int(0, maxHeight)); i > 0 && e.Seq <= s[i-1].Seq {
					r.Fail(tx.CodeCanonical, "entries ascend")
				}
			case 1:
				e.State = readLetter(r)
			case 2:
				e.From = r.Day()
			case 3:
				e.Until = r.Day()
			}
		})
		if n != 4 {
			r.Fail(tx.CodeLimit, "want 4 items")
		}
		s = append(s, e)
	})
	if len(s) == 0 {
		r.Fail(tx.CodeLimit, "empty")
	}
	r.End()
	return s, r.Err()
}

func readLetter(r *tx.Reader) State {
	l := r.String(1)
	for _, f := range inForce {
		if f.letter == l {
			return f.state
		}
	}
	r.Fail(tx.CodeUnknownTag, l)
	return ""
}

// ListEntryKey is the key of an entry of a list, proposed by the log entry seq.
func ListEntryKey(l tx.List, seq uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefixListEntry, byte(l)}, seq)
}

// ListRuleKey is the key of one version of a list's rule, counted from 1.
func ListRuleKey(l tx.List, version uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{prefixListRule, byte(l)}, version)
}

// ListKey is the key of a list's numbers.
func ListKey(l tx.List) []byte { return []byte{prefixList, byte(l)} }

// NoticeKey is the key of a list's notice, counted from 1.
func NoticeKey(l tx.List, number uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefixNotice, byte(l)}, number)
}

// ConsumerKey is the key of a member that must act on a list.
func ConsumerKey(l tx.List, m tx.MemberID) []byte {
	return append([]byte{prefixConsumer, byte(l)}, m...)
}

// ListEndKey is the key that makes the entry proposed by seq end on a day.
func ListEndKey(d tx.Day, seq uint64) []byte {
	b := binary.BigEndian.AppendUint32([]byte{prefixListEnd}, uint32(d))
	return binary.BigEndian.AppendUint64(b, seq)
}

// A List is what is counted of a list.
type List struct {
	Entries int64  // in force
	Notices uint64 // made so far: the number of the newest
}

// Encode returns the row's value.
func (l List) Encode() []byte {
	return encode(func(w *tx.Writer) {
		w.Int("entries", l.Entries)
		w.Int("notices", int64(l.Notices))
	})
}

// DecodeList reads a value that Encode wrote.
func DecodeList(b []byte) (l List, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("entries")
		l.Entries = r.Int(0, maxHeight)
		o.Need("notices")
		l.Notices = uint64(r.Int(0, maxHeight))
	})
	return l, err
}

// What a notice asks of every consumer of its list.
const (
	Apply = "apply" // an entry is in force
	Lift  = "lift"  // it no longer is: stop using it
)

// A Notice says that an entry came into force, or ended. Notices of a list are
// numbered from 1 without a gap: who has acted on the first n has acted on
// everything up to it.
type Notice struct {
	Action string // Apply or Lift
	Due    tx.Day // last day on which consumers acknowledge in time
	Entry  uint64 // seq of the entry that proposed it
	Height int64  // of the block
	State  State  // of the entry afterwards
	Tag    tx.Digest
}

// Encode returns the row's value.
func (n Notice) Encode() []byte {
	return encode(func(w *tx.Writer) {
		w.String("action", n.Action)
		w.Int("due", int64(n.Due))
		w.Int("entry", int64(n.Entry))
		w.Int("height", n.Height)
		w.String("state", string(n.State))
		w.Hex("tag", n.Tag[:])
	})
}

// DecodeNotice reads a value that Encode wrote.
func DecodeNotice(b []byte) (n Notice, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("action")
		n.Action = r.String(8)
		o.Need("due")
		n.Due = r.Day()
		o.Need("entry")
		n.Entry = uint64(r.Int(0, maxHeight))
		o.Need("height")
		n.Height = r.Int(0, maxHeight)
		o.Need("state")
		n.State = State(r.String(32))
		o.Need("tag")
		r.Hex(n.Tag[:])
	})
	return n, err
}

// IsSubjectKey reports whether key is that of a subject row of the list.
func IsSubjectKey(l tx.List, key []byte) bool {
	return len(key) == 2+32 && bytes.Equal(key[:2], []byte{prefixSubject, byte(l)})
}
