package tx

import "strconv"

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

// AddMonths is the same day of the month n months later, or that month's last
// day when it is shorter.
func (d Date) AddMonths(n int) Date {
	y, m, day := d.Civil()
	y, m = y+(m-1+n)/12, (m-1+n)%12+1
	_, _, last := (Civil(y, m+1, 1) - 1).Civil() // month 13 is next January
	return Civil(y, m, min(day, last))
}
