package row

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"

	"zhenglian/app/tx"
)

// A RuleSet is a set of deadlines with the date from which it is in force.
type RuleSet struct {
	Deadlines []tx.Deadline // ascending by code
	Effective tx.Date
	Name      string
	Since     int64 // height of the statement that took effect; 0: genesis
	Source    string
	SHA256    tx.Digest // of the source's text, zero if not stated
}

// Encode returns the row's value.
func (s RuleSet) Encode() []byte {
	return encode(func(w *tx.Writer) {
		tx.WriteDeadlines(w, s.Deadlines)
		w.String("effective", s.Effective.String())
		w.String("name", s.Name)
		w.Int("since", s.Since)
		w.String("source", s.Source)
		if !s.SHA256.IsZero() {
			w.Hex("source_sha256", s.SHA256[:])
		}
	})
}

// DecodeRuleSet reads a value that Encode wrote.
func DecodeRuleSet(b []byte) (s RuleSet, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("deadlines")
		s.Deadlines = tx.ReadDeadlines(r)
		o.Need("effective")
		s.Effective = r.Date()
		o.Need("name")
		s.Name = r.Slug(2, 32, '-')
		o.Need("since")
		s.Since = r.Int(0, maxHeight)
		o.Need("source")
		s.Source = r.String(tx.MaxSource)
		if o.Has("source_sha256") {
			r.HexSome(s.SHA256[:])
		}
	})
	return s, err
}

// A Calendar says which days of a year are worked otherwise than Mondays to
// Fridays are.
type Calendar struct {
	Holidays []tx.Date // not worked, ascending
	Since    int64     // height of the statement that took effect; 0: genesis
	Source   string
	SHA256   tx.Digest // of the source's text, zero if not stated
	Workdays []tx.Date // Saturdays and Sundays that are worked, ascending
}

// Encode returns the row's value.
func (c Calendar) Encode() []byte {
	return encode(func(w *tx.Writer) {
		tx.WriteDates(w, "holidays", c.Holidays)
		w.Int("since", c.Since)
		w.String("source", c.Source)
		if !c.SHA256.IsZero() {
			w.Hex("source_sha256", c.SHA256[:])
		}
		tx.WriteDates(w, "workdays", c.Workdays)
	})
}

// DecodeCalendar reads a value that Encode wrote.
func DecodeCalendar(b []byte) (c Calendar, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("holidays")
		c.Holidays = tx.ReadDates(r)
		o.Need("since")
		c.Since = r.Int(0, maxHeight)
		o.Need("source")
		c.Source = r.String(tx.MaxSource)
		if o.Has("source_sha256") {
			r.HexSome(c.SHA256[:])
		}
		o.Need("workdays")
		c.Workdays = tx.ReadDates(r)
	})
	return c, err
}

// States of a clock. A clock that runs on after its last day is overdue: a Breach
// row names it.
const (
	Running = "RUNNING"
	Paused  = "PAUSED"
	Stopped = "STOPPED"
)

var clockStates = []string{Running, Paused, Stopped}

// A Clock is a statutory deadline that a member has in a matter. It counts from
// the day after From, in its unit, and its last day is Due. One of hours counts
// minutes; Minute is its last, and Due the day of that.
type Clock struct {
	Began    int64     // height of the statement that started it
	Breaches int64     // how often it had become overdue when it was last changed, earlier rounds included
	Count    int64     // of Unit from From on; while paused: what is left
	Due      tx.Date   // last day; while paused: as it was
	Extended bool      // in this round
	From     tx.Date   // day on which it was started or, last, resumed
	Ground   string    // on which it is paused; "": absent
	Late     int64     // of a stopped clock: height at which it was found overdue, 0 if it was not
	Minute   tx.Minute // with unit minutes: the last; while paused: as it was. 0: absent
	Roll     bool      // a last day that is not worked moves on
	Round    int64     // how often it was started
	RuleSet  uint32    // number of the rule set that applies
	Since    int64     // height of the last change
	Slot     uint32    // row of the index of due dates that names it while it runs
	State    string
	Unit     string // tx.Workdays, Days, Months, Years or Minutes; days after a pause of months or years
}

// Encode returns the row's value.
func (c Clock) Encode() []byte {
	return encode(func(w *tx.Writer) {
		w.Int("began", c.Began)
		w.Int("breaches", c.Breaches)
		w.Int("count", c.Count)
		w.String("due", c.Due.String())
		if c.Extended {
			w.Bool("extended", true)
		}
		w.String("from", c.From.String())
		if c.Ground != "" {
			w.String("ground", c.Ground)
		}
		if c.Late != 0 {
			w.Int("late", c.Late)
		}
		if c.Minute != 0 {
			w.Int("minute", int64(c.Minute))
		}
		if c.Roll {
			w.Bool("roll", true)
		}
		w.Int("round", c.Round)
		w.Int("ruleset", int64(c.RuleSet))
		w.Int("since", c.Since)
		w.Int("slot", int64(c.Slot))
		w.String("state", c.State)
		w.String("unit", c.Unit)
	})
}

// DecodeClock reads a value that Encode wrote.
func DecodeClock(b []byte) (c Clock, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("began")
		c.Began = r.Int(0, maxHeight)
		o.Need("breaches")
		c.Breaches = r.Int(0, maxHeight)
		o.Need("count")
		c.Count = r.Int(0, maxHeight)
		o.Need("due")
		c.Due = r.Date()
		if o.Has("extended") {
			c.Extended = r.True()
		}
		o.Need("from")
		c.From = r.Date()
		if o.Has("ground") {
			c.Ground = r.Name(tx.PauseGrounds())
		}
		if o.Has("late") {
			c.Late = r.Int(1, maxHeight)
		}
		if o.Has("minute") {
			c.Minute = tx.Minute(r.Int(FirstMinute, maxMinute))
		}
		if o.Has("roll") {
			c.Roll = r.True()
		}
		o.Need("round")
		c.Round = r.Int(1, maxHeight)
		o.Need("ruleset")
		c.RuleSet = uint32(r.Int(1, 1<<31))
		o.Need("since")
		c.Since = r.Int(0, maxHeight)
		o.Need("slot")
		c.Slot = uint32(r.Int(0, 1<<31))
		o.Need("state")
		if c.State = r.String(16); !slices.Contains(clockStates, c.State) {
			r.Fail(tx.CodeUnknownTag, "")
		}
		o.Need("unit")
		c.Unit = r.String(16)
	})
	return c, err
}

// A ClockID names a clock: what one member owes under one code in one matter.
type ClockID struct {
	Code   tx.ClockCode
	Matter uint64 // sequence number of the entry that opened it
	Member tx.MemberID
}

// ClockKey is the key of a clock that has not been stopped.
func ClockKey(c ClockID) []byte { return clockKey(prefixClock, c) }

// StoppedKey is the key of a clock that has been stopped.
func StoppedKey(c ClockID) []byte { return clockKey(prefixStopped, c) }

func clockKey(prefix byte, c ClockID) []byte {
	b := make([]byte, 0, 1+len(c.Member)+1+8+len(c.Code))
	b = append(append(append(b, prefix), c.Member...), 0)
	return append(binary.BigEndian.AppendUint64(b, c.Matter), c.Code...)
}

// ClockOf reads a key that ClockKey or StoppedKey made.
func ClockOf(key []byte) (c ClockID, stopped bool, err error) {
	if len(key) == 0 || key[0] != prefixClock && key[0] != prefixStopped {
		return c, false, errors.New("not the key of a clock")
	}
	member, rest, ok := bytes.Cut(key[1:], []byte{0})
	if !ok || len(rest) < 8 {
		return c, false, errors.New("the key of a clock is cut short")
	}
	c = ClockID{Code: tx.ClockCode(rest[8:]), Matter: binary.BigEndian.Uint64(rest), Member: tx.MemberID(member)}
	if !c.Member.Valid() || !c.Code.Valid() {
		return c, false, errors.New("the key of a clock names no member or no code")
	}
	return c, key[0] == prefixStopped, nil
}

// ClockRange spans the clocks that have not been stopped, or those that have:
// of one member, or of all when m is "".
func ClockRange(stopped bool, m tx.MemberID) (start, end []byte) {
	if stopped {
		return memberRange(prefixStopped, m)
	}
	return memberRange(prefixClock, m)
}

func memberRange(prefix byte, m tx.MemberID) (start, end []byte) {
	if m == "" {
		return []byte{prefix}, []byte{prefix + 1}
	}
	start = append([]byte{prefix}, m...)
	return append(bytes.Clone(start), 0), append(start, 1)
}

// MatterClockRange spans the clocks of one member in one matter.
func MatterClockRange(stopped bool, m tx.MemberID, matter uint64) (start, end []byte) {
	p, _ := ClockRange(stopped, m)
	return binary.BigEndian.AppendUint64(bytes.Clone(p), matter), binary.BigEndian.AppendUint64(bytes.Clone(p), matter+1)
}

// PerDue is the number of clocks in one row of the index of due dates.
const PerDue = 64

// A DueClock is a clock of a member that the row's key names.
type DueClock struct {
	Code   tx.ClockCode
	Matter uint64
}

// A Due names running clocks of one member whose last day is the same.
type Due struct {
	Clocks []DueClock
	Since  int64 // height at which the first of them was added
}

// A Breach names running clocks of one member whose last day was the same and
// is over: they are overdue.
type Breach struct {
	Clocks []DueClock
	Late   int64 // height at which they were found to be
}

// Encode returns the row's value.
func (d Due) Encode() []byte {
	return encode(func(w *tx.Writer) {
		writeDueClocks(w, d.Clocks)
		w.Int("since", d.Since)
	})
}

// DecodeDue reads a value that Encode wrote.
func DecodeDue(b []byte) (d Due, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		d.Clocks = readDueClocks(r, o)
		o.Need("since")
		d.Since = r.Int(0, maxHeight)
	})
	return d, err
}

// Encode returns the row's value.
func (d Breach) Encode() []byte {
	return encode(func(w *tx.Writer) {
		writeDueClocks(w, d.Clocks)
		w.Int("late", d.Late)
	})
}

// DecodeBreach reads a value that Encode wrote.
func DecodeBreach(b []byte) (d Breach, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		d.Clocks = readDueClocks(r, o)
		o.Need("late")
		d.Late = r.Int(0, maxHeight)
	})
	return d, err
}

func writeDueClocks(w *tx.Writer, clocks []DueClock) {
	w.Array("clocks", len(clocks), func(i int) {
		w.Open()
		w.String("code", string(clocks[i].Code))
		w.Int("matter", int64(clocks[i].Matter))
		w.Close()
	})
}

func readDueClocks(r *tx.Reader, o *tx.Object) (clocks []DueClock) {
	o.Need("clocks")
	r.Array(PerDue, func(int) {
		var c DueClock
		e := r.Object()
		e.Need("code")
		c.Code = r.ClockCode()
		e.Need("matter")
		c.Matter = uint64(r.Int(0, maxHeight))
		e.End()
		clocks = append(clocks, c)
	})
	return clocks
}

// A When is when a clock falls due: a number below FirstMinute is a day, any
// other a minute. So the index of due dates has one key for both.
type When uint32

// FirstMinute is the first minute that a When can be: of November 2001, and as
// a day of the year 47905.
const (
	FirstMinute = 1 << 24
	maxMinute   = 1<<31 - 1
)

// OfDay and OfMinute make a When.
func OfDay(d tx.Date) When      { return When(max(d, 0)) }
func OfMinute(m tx.Minute) When { return When(max(m, FirstMinute)) }

// Days reports whether w is a day.
func (w When) Days() bool { return w < FirstMinute }

// Date is the day in Asia/Shanghai.
func (w When) Date() tx.Date {
	if w.Days() {
		return tx.Date(w)
	}
	return tx.DateOf(tx.Minute(w).Time())
}

// End is the moment at which it is over.
func (w When) End() tx.Time {
	if w.Days() {
		return tx.Date(w).End()
	}
	return tx.Minute(w).End()
}

// When is when the clock falls due.
func (c *Clock) When() When {
	if c.Unit == tx.Minutes {
		return OfMinute(c.Minute)
	}
	return OfDay(c.Due)
}

// A Slot is a row of the index of due dates.
type Slot struct {
	When   When
	Member tx.MemberID
	Number uint32
}

// DueKey is the key of the Due row of a slot, ordered by day.
func DueKey(s Slot) []byte {
	return binary.BigEndian.AppendUint32(dueKey(prefixDue, s.When, s.Member), s.Number)
}

// DueCountKey is the key of the number of clocks that were put into slots of a
// day or minute and member.
func DueCountKey(w When, m tx.MemberID) []byte { return dueKey(prefixDueCount, w, m) }

func dueKey(prefix byte, w When, m tx.MemberID) []byte {
	b := binary.BigEndian.AppendUint32([]byte{prefix}, uint32(w))
	return append(append(b, m...), 0)
}

// DueRange spans the Due rows of all days before a day, or of all minutes before
// a minute.
func DueRange(w When) (start, end []byte) {
	start, end = []byte{prefixDue}, binary.BigEndian.AppendUint32([]byte{prefixDue}, uint32(w))
	if !w.Days() {
		start = binary.BigEndian.AppendUint32(start, FirstMinute)
	}
	return start, end
}

// DueSlot reads a key that DueKey made.
func DueSlot(key []byte) (s Slot, err error) {
	if len(key) < 1+4+1+4 || key[0] != prefixDue {
		return s, errors.New("not the key of due clocks")
	}
	member, number, ok := bytes.Cut(key[5:], []byte{0})
	if !ok || len(number) != 4 {
		return s, errors.New("the key of due clocks is cut short")
	}
	return Slot{When(binary.BigEndian.Uint32(key[1:])), tx.MemberID(member), binary.BigEndian.Uint32(number)}, nil
}

// BreachKey is the key of the Breach row of a slot, ordered by member.
func BreachKey(s Slot) []byte {
	b := append(append([]byte{prefixBreach}, s.Member...), 0)
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, uint32(s.When)), s.Number)
}

// BreachSlot reads a key that BreachKey made.
func BreachSlot(key []byte) (s Slot, err error) {
	if len(key) == 0 || key[0] != prefixBreach {
		return s, errors.New("not the key of overdue clocks")
	}
	member, rest, ok := bytes.Cut(key[1:], []byte{0})
	if !ok || len(rest) != 8 {
		return s, errors.New("the key of overdue clocks is cut short")
	}
	return Slot{When(binary.BigEndian.Uint32(rest)), tx.MemberID(member), binary.BigEndian.Uint32(rest[4:])}, nil
}

// BreachRange spans the Breach rows of a member, or of all when m is "".
func BreachRange(m tx.MemberID) (start, end []byte) { return memberRange(prefixBreach, m) }

// A DueCount is how many clocks were put into the slots of a day and member,
// PerDue into each.
type DueCount struct{ Clocks int64 }

// Encode returns the row's value.
func (n DueCount) Encode() []byte {
	return encode(func(w *tx.Writer) { w.Int("clocks", n.Clocks) })
}

// DecodeDueCount reads a value that Encode wrote.
func DecodeDueCount(b []byte) (n DueCount, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("clocks")
		n.Clocks = r.Int(0, maxHeight)
	})
	return n, err
}
