package tx

import (
	"strconv"
	"time"
)

// A List is one of the lists, by the number that stands for it in state keys.
// Numbers are never reused.
type List byte

// The lists. The first two have a basis in law: 严重违法失信名单 and
// 经营异常名录. The others are not statutory, and the ledger never lets them
// pass for it (国办发〔2020〕49号).
const (
	SeriousDishonest  List = 1 // serious_dishonest: SAMR Order 44
	AbnormalOperation List = 2 // abnormal_operation: 经营异常名录
	IndustryNotice    List = 3 // industry_notice: an industry's own notice, decided by a joint meeting
	NegativeIndex     List = 4 // negative_index: subjects that regulators compare others with
)

var listWords = []string{SeriousDishonest: "serious_dishonest", AbnormalOperation: "abnormal_operation", IndustryNotice: "industry_notice", NegativeIndex: "negative_index"}

// Lists are all lists, ascending.
func Lists() []List {
	return []List{SeriousDishonest, AbnormalOperation, IndustryNotice, NegativeIndex}
}

// Valid reports whether l is a list.
func (l List) Valid() bool { return l >= SeriousDishonest && l <= NegativeIndex }

// Statutory reports whether the list has a basis in law. It is a property of
// the list and of no entry.
func (l List) Statutory() bool { return l == SeriousDishonest || l == AbnormalOperation }

func (l List) String() string {
	if !l.Valid() {
		return "list " + strconv.Itoa(int(l))
	}
	return listWords[l]
}

// ParseList reads the word of a list, such as serious_dishonest.
func ParseList(s string) (List, error) {
	for _, l := range Lists() {
		if listWords[l] == s {
			return l, nil
		}
	}
	return 0, &Error{Code: CodeUnknownTag, Path: "list", Detail: clip(s)}
}

// MarshalText writes the list's word.
func (l List) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads the list's word.
func (l *List) UnmarshalText(b []byte) (err error) {
	*l, err = ParseList(string(b))
	return err
}

// A Day is a date of the calendar in China as the number YYYYMMDD, such as
// 20260401; 0 is none. Days compare as dates do.
type Day int64

// shanghai is the time of China: UTC+8, without summer time since 1991.
var shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

// Day is the date in China at t.
func (t Time) Day() Day { return dayOf(time.UnixMilli(int64(t)).In(shanghai)) }

func dayOf(t time.Time) Day {
	y, m, d := t.Date()
	return Day(y*10_000 + int(m)*100 + d)
}

// Begin is the moment at which the day begins in China.
func (d Day) Begin() Time {
	return Time(time.Date(int(d)/10_000, time.Month(int(d)/100%100), int(d)%100, 0, 0, 0, 0, shanghai).UnixMilli())
}

// AddDays is the day n days later.
func (d Day) AddDays(n int) Day { return dayOf(d.Begin().Time().In(shanghai).AddDate(0, 0, n)) }

// AddMonths is the same day of the month n months later, or that month's last
// day when it is shorter (民法典 art. 202).
func (d Day) AddMonths(n int) Day {
	y, m, day := int(d)/10_000, int(d)/100%100+n, int(d)%100
	last := time.Date(y, time.Month(m+1), 0, 0, 0, 0, 0, shanghai)
	return dayOf(time.Date(y, time.Month(m), min(day, last.Day()), 0, 0, 0, 0, shanghai))
}

// String writes the day as YYYY-MM-DD, "" for none.
func (d Day) String() string {
	if d == 0 {
		return ""
	}
	b := strconv.AppendInt(nil, int64(d), 10)
	for len(b) < 8 {
		b = append([]byte{'0'}, b...)
	}
	return string(b[:4]) + "-" + string(b[4:6]) + "-" + string(b[6:])
}

// ParseDay reads a date of the form YYYY-MM-DD.
func ParseDay(s string) (Day, error) {
	t, ok := parseTime([]byte(s + "T00:00:00.000Z"))
	if !ok {
		return 0, &Error{Code: CodeType, Detail: "want a date like 2026-04-01"}
	}
	return dayOf(t.Time()), nil
}

// MarshalText writes the day as YYYY-MM-DD.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads YYYY-MM-DD.
func (d *Day) UnmarshalText(b []byte) (err error) {
	*d, err = ParseDay(string(b))
	return err
}
