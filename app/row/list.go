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
	Seq   uint64  // of the entry that proposed it
	State State   // Published, RepairApplied, RepairAccepted, RepairDenied or Reinstated
	From  tx.Date // first day
	Until tx.Date // first day on which it is no longer in force, unless it ends before
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
// [seq, letter, from, until], dates as YYYYMMDD. One entry takes 30 to 36 bytes.
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
				w.Number(number(e.From))
			case 3:
				w.Number(number(e.Until))
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
				e.From = readNumber(r)
			case 3:
				e.Until = readNumber(r)
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

// number is a date as the number YYYYMMDD, which is short and can be read.
func number(d tx.Date) int64 {
	y, m, day := d.Civil()
	return int64(y*10_000 + m*100 + day)
}

func readNumber(r *tx.Reader) tx.Date {
	n := int(r.Int(19700101, 99991231))
	d := tx.Civil(n/10_000, n/100%100, n%100)
	if r.Err() == nil && number(d) != int64(n) {
		r.Fail(tx.CodeType, "want a date as the number YYYYMMDD")
	}
	return d
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
func ListEndKey(d tx.Date, seq uint64) []byte {
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

// writeDate and readDate are of a date that is left out when it is 0.
func writeDate(w *tx.Writer, name string, d tx.Date) {
	if d != 0 {
		w.String(name, d.String())
	}
}

func readDate(r *tx.Reader, o *tx.Object, name string) (d tx.Date) {
	if o.Has(name) {
		if d = r.Date(); d == 0 {
			r.Fail(tx.CodeLimit, "1970-01-01; leave it out")
		}
	}
	return d
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
	Action string  // Apply or Lift
	Due    tx.Date // last day on which consumers acknowledge in time; 0 when no rule set says so, and left out
	Entry  uint64  // seq of the entry that proposed it
	Height int64   // of the block
	State  State   // of the entry afterwards
	Tag    tx.Digest
}

// Encode returns the row's value.
func (n Notice) Encode() []byte {
	return encode(func(w *tx.Writer) {
		w.String("action", n.Action)
		writeDate(w, "due", n.Due)
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
		n.Due = readDate(r, o, "due")
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

// The states of a list entry that are not in force; inForce has the others.
const (
	Proposed         State = "PROPOSED"
	NoticeServed     State = "NOTICE_SERVED"
	DefenceFiled     State = "DEFENCE_FILED"
	HearingRequested State = "HEARING_REQUESTED"
	Heard            State = "HEARD"
	Waived           State = "WAIVED"
	Reviewed         State = "REVIEWED"
	SuperiorOK       State = "SUPERIOR_OK"
	Decided          State = "DECIDED"
	Dropped          State = "DROPPED"
	Stayed           State = "STAYED"
	Repaired         State = "REPAIRED"
	Revoked          State = "REVOKED"
	Ended            State = "EXPIRED" // at its end date; of an entry that was never proposed in full it is Expired
)

// The states of a routing hint.
const (
	Active    State = "ACTIVE"
	Contested State = "CONTESTED"
	Removed   State = "REMOVED"
)

// A ListEntry is what an entry of a list is by now, besides its state. Days that
// are not known yet are 0 and left out of the row's value.
type ListEntry struct {
	Epoch      int64
	From       tx.Date // first day, once decided
	RepairFrom tx.Date // first day on which repair may be applied for, once decided
	RespondBy  tx.Date // last day for a response, once the notice was served
	Severity   string
	Tag        tx.Digest
	Until      tx.Date // first day on which it is no longer in force, once decided
	USCC       string  // public beside the tag, "" if not
	Was        Tagged  // before it was last tagged anew; zero if it never was
}

// A Tagged is a tag with the epoch of the key that made it.
type Tagged struct {
	Epoch int64
	Tag   tx.Digest
}

// Encode returns the row's value.
func (e ListEntry) Encode() []byte {
	return encode(func(w *tx.Writer) {
		w.Int("epoch", e.Epoch)
		writeDate(w, "from", e.From)
		writeDate(w, "repair_from", e.RepairFrom)
		writeDate(w, "respond_by", e.RespondBy)
		w.String("severity", e.Severity)
		w.Hex("tag", e.Tag[:])
		writeDate(w, "until", e.Until)
		if e.USCC != "" {
			w.String("uscc", e.USCC)
		}
		if e.Was.Epoch != 0 {
			w.Member("was")
			w.Open()
			w.Int("epoch", e.Was.Epoch)
			w.Hex("tag", e.Was.Tag[:])
			w.Close()
		}
	})
}

// DecodeListEntry reads a value that Encode wrote.
func DecodeListEntry(b []byte) (e ListEntry, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("epoch")
		e.Epoch = r.Int(0, maxHeight)
		e.From = readDate(r, o, "from")
		e.RepairFrom = readDate(r, o, "repair_from")
		e.RespondBy = readDate(r, o, "respond_by")
		o.Need("severity")
		e.Severity = r.String(16)
		o.Need("tag")
		r.Hex(e.Tag[:])
		e.Until = readDate(r, o, "until")
		e.USCC = optional(r, o, "uscc", 18)
		if o.Has("was") {
			was := r.Object()
			was.Need("epoch")
			e.Was.Epoch = r.Int(1, maxHeight)
			was.Need("tag")
			r.Hex(e.Was.Tag[:])
			was.End()
		}
	})
	return e, err
}

// ListEntryRange spans the entries of a list, in the order in which they were
// proposed.
func ListEntryRange(l tx.List) (start, end []byte) {
	return []byte{prefixListEntry, byte(l)}, []byte{prefixListEntry, byte(l) + 1}
}

// ListEntrySeq returns the seq of a list entry's key.
func ListEntrySeq(key []byte) uint64 { return binary.BigEndian.Uint64(key[2:]) }

// NoticeRange spans the notices of a list.
func NoticeRange(l tx.List) (start, end []byte) {
	return []byte{prefixNotice, byte(l)}, []byte{prefixNotice, byte(l) + 1}
}

// NoticeNumber returns the number of a notice's key.
func NoticeNumber(key []byte) uint64 { return binary.BigEndian.Uint64(key[2:]) }

// ConsumerRange spans the consumers of a list, ascending by member.
func ConsumerRange(l tx.List) (start, end []byte) {
	return []byte{prefixConsumer, byte(l)}, []byte{prefixConsumer, byte(l) + 1}
}

// ConsumerMember returns the member of a consumer's key.
func ConsumerMember(key []byte) tx.MemberID { return tx.MemberID(key[2:]) }

// ListEndRange spans the entries that end on the day or before.
func ListEndRange(d tx.Date) (start, end []byte) {
	return []byte{prefixListEnd}, binary.BigEndian.AppendUint32([]byte{prefixListEnd}, uint32(d)+1)
}

// ListEndSeq returns the entry of a list end's key.
func ListEndSeq(key []byte) uint64 { return binary.BigEndian.Uint64(key[5:]) }

// A ListRule is one version of a list's rule. It applies to entries proposed at
// From or later, for as long as they live.
type ListRule struct {
	Consent  bool      // the superior must consent before the decision
	Document tx.Digest // that it follows; zero at genesis, and left out
	From     int64     // height
	Laws     []string  // that an entry may rest on, ascending
	Terms    []tx.Term // by severity; a severity without a term is not of the list
}

// Term is the term of a severity, nil when the list has none.
func (r *ListRule) Term(severity string) *tx.Term {
	for i := range r.Terms {
		if r.Terms[i].Severity == severity {
			return &r.Terms[i]
		}
	}
	return nil
}

// Encode returns the row's value.
func (r ListRule) Encode() []byte {
	return encode(func(w *tx.Writer) {
		w.Bool("consent", r.Consent)
		if !r.Document.IsZero() {
			w.Hex("document", r.Document[:])
		}
		w.Int("from", r.From)
		writeStrings(w, "laws", r.Laws)
		w.Array("terms", len(r.Terms), func(i int) { r.Terms[i].Write(w) })
	})
}

// DecodeListRule reads a value that Encode wrote.
func DecodeListRule(b []byte) (l ListRule, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("consent")
		l.Consent = r.Bool()
		if o.Has("document") {
			r.HexSome(l.Document[:])
		}
		o.Need("from")
		l.From = r.Int(0, maxHeight)
		o.Need("laws")
		l.Laws = r.ReadLaws()
		o.Need("terms")
		l.Terms = r.ReadTerms()
	})
	return l, err
}

// A Consumer is a member that must act on a list. It owes every notice after
// Through.
type Consumer struct {
	Applied    int64   // counted in all its acknowledgements
	Backlog    uint64  // number of the newest notice when it was enrolled
	BacklogDue tx.Date // last day on which it acknowledges those in time
	Lifted     int64   // counted in all its acknowledgements
	Released   bool    // it owes nothing any more
	Since      int64   // height of the last change
	Through    uint64  // number of the last notice that it has acknowledged, 0 if none
}

// Due is the last day on which the consumer acknowledges a notice in time.
func (c *Consumer) Due(number uint64, n *Notice) tx.Date {
	if number <= c.Backlog {
		return max(n.Due, c.BacklogDue)
	}
	return n.Due
}

// Encode returns the row's value.
func (c Consumer) Encode() []byte {
	return encode(func(w *tx.Writer) {
		w.Int("applied", c.Applied)
		w.Int("backlog", int64(c.Backlog))
		writeDate(w, "backlog_due", c.BacklogDue)
		w.Int("lifted", c.Lifted)
		if c.Released {
			w.Bool("released", true)
		}
		w.Int("since", c.Since)
		w.Int("through", int64(c.Through))
	})
}

// DecodeConsumer reads a value that Encode wrote.
func DecodeConsumer(b []byte) (c Consumer, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("applied")
		c.Applied = r.Int(0, maxHeight)
		o.Need("backlog")
		c.Backlog = uint64(r.Int(0, maxHeight))
		c.BacklogDue = readDate(r, o, "backlog_due")
		o.Need("lifted")
		c.Lifted = r.Int(0, maxHeight)
		if o.Has("released") {
			if c.Released = r.Bool(); !c.Released {
				r.Fail(tx.CodeLimit, "false")
			}
		}
		o.Need("since")
		c.Since = r.Int(0, maxHeight)
		o.Need("through")
		c.Through = uint64(r.Int(0, maxHeight))
	})
	return c, err
}

// RoutingKey is the key of the switch of routing hints. Without a row they are
// off.
func RoutingKey() []byte { return []byte{prefixRouting} }

// RoutingTagKey is the key of the hint in force about a tag.
func RoutingTagKey(tag tx.Digest) []byte { return append([]byte{prefixRoutingTag}, tag[:]...) }

// IsRoutingTagKey reports whether key is that of a hint, which nobody reads
// without a statement.
func IsRoutingTagKey(key []byte) bool { return len(key) > 0 && key[0] == prefixRoutingTag }

// A Routing is the switch of routing hints.
type Routing struct {
	Assessment tx.Digest // of the effects on persons
	Since      int64     // height
}

// Encode returns the row's value.
func (s Routing) Encode() []byte {
	return encode(func(w *tx.Writer) {
		w.Hex("assessment", s.Assessment[:])
		w.Int("since", s.Since)
	})
}

// DecodeRouting reads a value that Encode wrote.
func DecodeRouting(b []byte) (s Routing, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("assessment")
		r.Hex(s.Assessment[:])
		o.Need("since")
		s.Since = r.Int(0, maxHeight)
	})
	return s, err
}

// A RoutingTag is a hint that is in force.
type RoutingTag struct {
	Bucket string  // few, several or many
	Seq    uint64  // of the routing.tag
	Until  tx.Date // first day on which it is no longer in force
}

// Encode returns the row's value.
func (t RoutingTag) Encode() []byte {
	return encode(func(w *tx.Writer) {
		w.String("bucket", t.Bucket)
		w.Int("seq", int64(t.Seq))
		w.String("until", t.Until.String())
	})
}

// DecodeRoutingTag reads a value that Encode wrote.
func DecodeRoutingTag(b []byte) (t RoutingTag, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("bucket")
		t.Bucket = r.String(16)
		o.Need("seq")
		t.Seq = uint64(r.Int(0, maxHeight))
		o.Need("until")
		t.Until = r.Date()
	})
	return t, err
}

// listStates are the states of list entries and routing hints in Chinese.
var listStates = []struct {
	state State
	zh    string
}{
	{Proposed, "拟列入"}, {NoticeServed, "已送达告知书"}, {DefenceFiled, "已提交陈述申辩"}, {HearingRequested, "已申请听证"}, {Heard, "已听取意见"}, {Waived, "未陈述申辩"},
	{Reviewed, "已法制审核"}, {SuperiorOK, "上级已同意"}, {Decided, "已决定列入"}, {Dropped, "不予列入"}, {Published, "公示中"}, {RepairApplied, "已申请信用修复"},
	{RepairAccepted, "信用修复已受理"}, {RepairDenied, "不予信用修复"}, {Repaired, "已信用修复"}, {Reinstated, "已恢复列入"}, {Stayed, "已中止"}, {Revoked, "已撤销"},
	{Active, "有效"}, {Contested, "有异议，暂停使用"}, {Removed, "已移除"},
}

// ListStateZH is a state of a list entry or routing hint in Chinese, "" for any
// other. That an entry has reached its end date is Ended, which shares its word
// with Expired.
func ListStateZH(s State) string {
	for _, l := range listStates {
		if l.state == s {
			return l.zh
		}
	}
	return ""
}
