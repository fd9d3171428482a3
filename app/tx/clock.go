package tx

import (
	"slices"
	"strconv"
	"time"
)

// The kinds of governance that say how long things may take.
const (
	GovCalendar Kind = "gov.calendar" // which days of a year are worked
	GovRuleset  Kind = "gov.ruleset"  // deadlines, from a date on
)

// What the member whose clock it is states about a clock that runs in a matter,
// where the law says that the time does not count, or allows more of it.
const (
	ClockExtend Kind = "clock.extend" // once a round, as far as the rule set allows
	ClockPause  Kind = "clock.pause"  // what follows does not count …
	ClockResume Kind = "clock.resume" // … until here
)

// Limits of rule sets and calendars.
const (
	MaxDeadlines   = 64   // of one rule set
	MaxPeriod      = 1000 // of a deadline, in its unit
	MaxBasis       = 200  // bytes
	MaxSource      = 500  // bytes
	MaxDays        = 100  // holidays of a year; and so many days worked on weekends
	MinYear        = 2000
	MaxYear        = 2999
	dayMillis      = 24 * 60 * 60 * 1000
	minuteMillis   = 60 * 1000
	shanghaiMillis = 8 * 60 * 60 * 1000 // Asia/Shanghai has been UTC+8 without summer time since 1992
)

// A Date is a day in Asia/Shanghai, counted from 1970-01-01.
type Date int32

const dateLayout = "2006-01-02"

// DateOf returns the day on which t falls in Asia/Shanghai.
func DateOf(t Time) Date {
	ms := int64(t) + shanghaiMillis
	day := ms / dayMillis
	if ms%dayMillis < 0 {
		day--
	}
	return Date(day)
}

// Civil returns the date of a year, month (1 to 12) and day.
func Civil(year, month, day int) Date {
	return Date(time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Unix() / (dayMillis / 1000))
}

// ParseDate reads the text form of a Date: YYYY-MM-DD.
func ParseDate(s string) (Date, error) {
	t, ok := parseTime([]byte(s + "T00:00:00.000Z"))
	if !ok || t < 0 {
		return 0, &Error{Code: CodeType, Detail: "a date is written like 2026-01-31"}
	}
	return Date(int64(t) / dayMillis), nil
}

func (d Date) utc() time.Time { return time.Unix(int64(d)*(dayMillis/1000), 0).UTC() }

func (d Date) String() string { return d.utc().Format(dateLayout) }

// Civil returns year, month (1 to 12) and day.
func (d Date) Civil() (year, month, day int) {
	y, m, n := d.utc().Date()
	return y, int(m), n
}

// Weekend reports whether d is a Saturday or Sunday.
func (d Date) Weekend() bool { w := d.utc().Weekday(); return w == time.Saturday || w == time.Sunday }

// End is the moment at which the day is over in Asia/Shanghai: its 24:00.
func (d Date) End() Time { return Time((int64(d)+1)*dayMillis - shanghaiMillis) }

// A Minute is a minute since 1970-01-01T00:00Z, in which deadlines of hours end.
type Minute int64

// MinuteOf returns the minute in which t lies.
func MinuteOf(t Time) Minute { return Minute(int64(t) / minuteMillis) }

// Time is when the minute begins, and End when it is over.
func (m Minute) Time() Time { return Time(int64(m) * minuteMillis) }
func (m Minute) End() Time  { return Time((int64(m) + 1) * minuteMillis) }

// MarshalText writes the text form.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the text form and nothing else.
func (d *Date) UnmarshalText(b []byte) (err error) { *d, err = ParseDate(string(b)); return err }

// Date reads a date from 1970 on.
func (r *Reader) Date() Date {
	s := r.plain()
	if r.err != nil {
		return 0
	}
	d, err := ParseDate(string(s))
	if err != nil {
		r.Fail(CodeType, "want a date like 2026-01-31")
	}
	return d
}

// A ClockCode names a deadline, such as "REPAIR_DECIDE". Rule sets say how long
// it is, the table of clocks in package state which transitions start it.
type ClockCode string

// Valid reports whether c is 2 to 32 of A–Z, 0–9 and '_', begins with a letter
// and does not end in '_'.
func (c ClockCode) Valid() bool {
	if len(c) < 2 || len(c) > 32 || c[0] < 'A' || c[0] > 'Z' || c[len(c)-1] == '_' {
		return false
	}
	for i := range len(c) {
		if b := c[i]; (b < 'A' || b > 'Z') && (b < '0' || b > '9') && b != '_' {
			return false
		}
	}
	return true
}

// ClockCode reads the name of a deadline.
func (r *Reader) ClockCode() ClockCode {
	c := ClockCode(r.plain())
	if r.err == nil && !c.Valid() {
		r.Fail(CodeType, "want 2 to 32 capital letters, digits and '_'")
	}
	return c
}

// Units of a deadline.
const (
	Workdays = "workdays" // days that the calendar says are worked
	Days     = "days"     // calendar days
	Hours    = "hours"    // by the clock on the wall, also at night and on holidays
	Months   = "months"   // to the same day of a later month, or its last day
	Years    = "years"
	NoLimit  = "none" // there is no such deadline any more
)

// Minutes is the unit of a clock whose deadline is in hours. No deadline has it.
const Minutes = "minutes"

var units = []string{Workdays, Days, Hours, Months, Years, NoLimit}

// PauseGrounds are the reasons for which a law may let time stand still.
func PauseGrounds() []string { return pauseGrounds }

// HearingGround is the one that the transitions of lists state by themselves.
const HearingGround = "hearing"

var pauseGrounds = []string{"appraisal", HearingGround, "inspection", "other_case", "public_notice", "testing"}

// A Deadline says how long something may take. The day on which the clock
// starts is not counted, and the last day ends at 24:00 in Asia/Shanghai (Civil
// Code art. 201, 203).
//
//	basis      string  the article that says so, at most 200 bytes
//	code       string  capital letters, digits and '_', 2 to 32
//	count      int     1 to 1000; 0 with unit none
//	extend     int     by how much it can be extended, once, 1 to 1000; optional, with workdays, days and hours only
//	pause      array   grounds on which it stands still, ascending: appraisal | hearing | inspection | other_case | public_notice | testing; optional
//	roll       true    a last day that is not worked moves to the next that is (Civil Code art. 203); optional, with days, months and years only
//	tentative  true    to be confirmed by the consortium; optional
//	unit       string  workdays | days | hours | months | years | none
type Deadline struct {
	Basis     string
	Code      ClockCode
	Count     int64
	Extend    int64    // 0: absent
	Pause     []string // grounds; none: absent
	Roll      bool
	Tentative bool
	Unit      string
}

// Equal reports whether d and o say the same.
func (d Deadline) Equal(o Deadline) bool {
	return d.Basis == o.Basis && d.Code == o.Code && d.Count == o.Count && d.Extend == o.Extend && slices.Equal(d.Pause, o.Pause) && d.Roll == o.Roll &&
		d.Tentative == o.Tentative && d.Unit == o.Unit
}

// ReadDeadlines reads the deadlines of a rule set, ascending by code.
func ReadDeadlines(r *Reader) (ds []Deadline) {
	r.Array(MaxDeadlines, func(i int) {
		d := readDeadline(r)
		if i > 0 && r.err == nil && ds[i-1].Code >= d.Code {
			r.Fail(CodeBody, "codes are ascending, each once")
		}
		ds = append(ds, d)
	})
	r.some(len(ds))
	return ds
}

func readDeadline(r *Reader) (d Deadline) {
	o := r.Object()
	o.Need("basis")
	d.Basis = r.String(MaxBasis)
	o.Need("code")
	d.Code = r.ClockCode()
	o.Need("count")
	d.Count = r.Int(0, MaxPeriod)
	if o.Has("extend") {
		d.Extend = r.Int(1, MaxPeriod)
	}
	if o.Has("pause") {
		r.Array(len(pauseGrounds), func(i int) {
			ground := r.Name(pauseGrounds)
			if i > 0 && r.err == nil && d.Pause[i-1] >= ground {
				r.Fail(CodeBody, "grounds are ascending, each once")
			}
			d.Pause = append(d.Pause, ground)
		})
		r.some(len(d.Pause))
	}
	if o.Has("roll") {
		d.Roll = r.True()
	}
	if o.Has("tentative") {
		d.Tentative = r.True()
	}
	o.Need("unit")
	d.Unit = r.Name(units)
	o.End()
	return d
}

// True reads a flag that is left out when it is false.
func (r *Reader) True() bool {
	if !r.Bool() {
		r.Fail(CodeLimit, "false; leave it out")
	}
	return true
}

// WriteDeadlines writes the member deadlines.
func WriteDeadlines(w *Writer, ds []Deadline) {
	w.Array("deadlines", len(ds), func(i int) {
		d := &ds[i]
		w.Open()
		w.String("basis", d.Basis)
		w.String("code", string(d.Code))
		w.Int("count", d.Count)
		if d.Extend != 0 {
			w.Int("extend", d.Extend)
		}
		if len(d.Pause) > 0 {
			w.Array("pause", len(d.Pause), func(i int) { w.B = AppendString(w.B, d.Pause[i]) })
		}
		if d.Roll {
			w.Bool("roll", true)
		}
		if d.Tentative {
			w.Bool("tentative", true)
		}
		w.String("unit", d.Unit)
		w.Close()
	})
}

// RuleSet is the body of gov.ruleset: deadlines as a law sets them, from a date
// on. What a clock may take is what the newest rule set in force that names its
// code said when it started.
//
//	deadlines      array   1 to 64, ascending by code
//	effective      date    first day in force
//	name           slug    2 to 32 bytes, what people call it
//	source         string  the law, at most 500 bytes
//	source_sha256  hex     SHA-256 of its text, optional
type RuleSet struct {
	Deadlines []Deadline
	Effective Date
	Name      string
	Source    string
	SHA256    Digest // zero: absent
}

func (b *RuleSet) read(r *Reader) {
	o := r.Object()
	o.Need("deadlines")
	b.Deadlines = ReadDeadlines(r)
	o.Need("effective")
	b.Effective = r.Date()
	o.Need("name")
	b.Name = r.Slug(2, 32, '-')
	o.Need("source")
	b.Source = r.String(MaxSource)
	if o.Has("source_sha256") {
		r.HexSome(b.SHA256[:])
	}
	o.End()
}

func (b *RuleSet) write(w *Writer) {
	WriteDeadlines(w, b.Deadlines)
	w.String("effective", b.Effective.String())
	w.String("name", b.Name)
	w.String("source", b.Source)
	if !b.SHA256.IsZero() {
		w.Hex("source_sha256", b.SHA256[:])
	}
}

// Validate implements Body.
func (b *RuleSet) Validate() error {
	for i := range b.Deadlines {
		d := &b.Deadlines[i]
		fail := func(member, detail string) error {
			return &Error{Code: CodeDeadline, Path: "body.deadlines[" + strconv.Itoa(i) + "]." + member, Detail: detail}
		}
		counted := d.Unit == Workdays || d.Unit == Days || d.Unit == Hours
		switch {
		case (d.Unit == NoLimit) != (d.Count == 0):
			return fail("count", "is 0 with unit none, and only then")
		case d.Extend != 0 && !counted:
			return fail("extend", "goes with workdays, days and hours")
		case d.Pause != nil && d.Unit == NoLimit:
			return fail("pause", "what has no limit does not stand still")
		case d.Roll && (d.Unit == Workdays || d.Unit == Hours || d.Unit == NoLimit):
			return fail("roll", "goes with days, months and years")
		}
	}
	return nil
}

// Calendar is the body of gov.calendar: one year's calendar of days worked, as
// the State Council announces it. Mondays to Fridays are worked unless they are
// holidays, Saturdays and Sundays are not unless they are workdays.
//
//	holidays       array   at most 100 dates of the year, ascending: not worked
//	source         string  the announcement, at most 500 bytes
//	source_sha256  hex     SHA-256 of its text, optional
//	workdays       array   at most 100 Saturdays and Sundays of the year, ascending, that are worked
//	year           int     2000 to 2999
type Calendar struct {
	Holidays []Date
	Source   string
	SHA256   Digest // zero: absent
	Workdays []Date
	Year     int64
}

// ReadDates reads an array of at most MaxDays dates, ascending.
func ReadDates(r *Reader) (ds []Date) {
	r.Array(MaxDays, func(i int) {
		d := r.Date()
		if i > 0 && r.err == nil && ds[i-1] >= d {
			r.Fail(CodeBody, "dates are ascending, each once")
		}
		ds = append(ds, d)
	})
	return ds
}

// WriteDates writes an array of dates.
func WriteDates(w *Writer, name string, ds []Date) {
	w.Array(name, len(ds), func(i int) { w.B = AppendString(w.B, ds[i].String()) })
}

func (b *Calendar) read(r *Reader) {
	o := r.Object()
	o.Need("holidays")
	b.Holidays = ReadDates(r)
	o.Need("source")
	b.Source = r.String(MaxSource)
	if o.Has("source_sha256") {
		r.HexSome(b.SHA256[:])
	}
	o.Need("workdays")
	b.Workdays = ReadDates(r)
	o.Need("year")
	b.Year = r.Int(MinYear, MaxYear)
	o.End()
}

func (b *Calendar) write(w *Writer) {
	WriteDates(w, "holidays", b.Holidays)
	w.String("source", b.Source)
	if !b.SHA256.IsZero() {
		w.Hex("source_sha256", b.SHA256[:])
	}
	WriteDates(w, "workdays", b.Workdays)
	w.Int("year", b.Year)
}

// Validate implements Body.
func (b *Calendar) Validate() error {
	holidays := make(map[Date]bool, len(b.Holidays))
	fail := func(member string, i int, d Date, detail string) error {
		return &Error{Code: CodeCalendarDay, Path: "body." + member + "[" + strconv.Itoa(i) + "]", Detail: d.String() + " " + detail}
	}
	for i, d := range b.Holidays {
		if y, _, _ := d.Civil(); int64(y) != b.Year {
			return fail("holidays", i, d, "is of another year")
		}
		holidays[d] = true
	}
	for i, d := range b.Workdays {
		switch y, _, _ := d.Civil(); {
		case int64(y) != b.Year:
			return fail("workdays", i, d, "is of another year")
		case !d.Weekend():
			return fail("workdays", i, d, "is worked anyway")
		case holidays[d]:
			return fail("workdays", i, d, "is a holiday too")
		}
	}
	return nil
}

// A ClockStep is the body of clock.resume and clock.extend: of the clock that the
// stating member has under a code in a matter.
//
//	code             string  capital letters, digits and '_', 2 to 32
//	document_sha256  hex     of the decision, order or record that it rests on
//	matter           hex     id of a statement of the matter
type ClockStep struct {
	Code     ClockCode
	Document Digest
	Matter   ID
}

func (b *ClockStep) read(r *Reader) {
	o := r.Object()
	o.Need("code")
	b.Code = r.ClockCode()
	o.Need("document_sha256")
	r.HexSome(b.Document[:])
	o.Need("matter")
	r.HexSome(b.Matter[:])
	o.End()
}

func (b *ClockStep) write(w *Writer) {
	w.String("code", string(b.Code))
	w.Hex("document_sha256", b.Document[:])
	w.Hex("matter", b.Matter[:])
}

// Validate implements Body.
func (b *ClockStep) Validate() error { return nil }

// A Standstill is the body of clock.pause: a ClockStep with its ground.
//
//	code             string  capital letters, digits and '_', 2 to 32
//	document_sha256  hex     of the decision, order or record that it rests on
//	matter           hex     id of a statement of the matter
//	reason           string  appraisal | hearing | inspection | other_case | public_notice | testing
type Standstill struct {
	ClockStep
	Reason string
}

func (b *Standstill) read(r *Reader) {
	o := r.Object()
	o.Need("code")
	b.Code = r.ClockCode()
	o.Need("document_sha256")
	r.HexSome(b.Document[:])
	o.Need("matter")
	r.HexSome(b.Matter[:])
	o.Need("reason")
	b.Reason = r.Name(pauseGrounds)
	o.End()
}

func (b *Standstill) write(w *Writer) {
	b.ClockStep.write(w)
	w.String("reason", b.Reason)
}
