package genesis

import (
	"fmt"

	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// A RuleSet is a set of deadlines with the day from which it is in force.
type RuleSet struct {
	Name      string     `json:"name"`
	Effective tx.Date    `json:"effective"`
	Source    string     `json:"source"`
	Deadlines []Deadline `json:"deadlines"` // ascending by code
}

// A Deadline is a tx.Deadline in genesis files.
type Deadline struct {
	Code      tx.ClockCode `json:"code"`
	Count     int64        `json:"count"`
	Unit      string       `json:"unit"`
	Extend    int64        `json:"extend,omitempty"`
	Pause     []string     `json:"pause,omitempty"` // grounds on which it stands still, ascending
	Roll      bool         `json:"roll,omitempty"`
	Tentative bool         `json:"tentative,omitempty"` // to be confirmed by the consortium
	Basis     string       `json:"basis"`
}

// A Calendar says which days of a year are worked otherwise than Mondays to
// Fridays are.
type Calendar struct {
	Year     int64     `json:"year"`
	Source   string    `json:"source"`
	Holidays []tx.Date `json:"holidays"` // ascending
	Workdays []tx.Date `json:"workdays"` // Saturdays and Sundays, ascending
}

// DefaultRuleSets are the deadlines of the laws that the project knows, as far
// as their text could be read, and those that the consortium sets itself. All
// are marked tentative: the founders confirm or change them, in the genesis file
// or by gov.ruleset.
func DefaultRuleSets() []RuleSet {
	wd := func(code tx.ClockCode, n int64, basis string) Deadline {
		return Deadline{Code: code, Count: n, Unit: tx.Workdays, Tentative: true, Basis: basis}
	}
	of := func(code tx.ClockCode, n int64, unit, basis string) Deadline {
		return Deadline{Code: code, Count: n, Unit: unit, Tentative: true, Basis: basis}
	}
	more := func(d Deadline, n int64) Deadline { d.Extend = n; return d }
	pauses := func(d Deadline, grounds ...string) Deadline { d.Pause = grounds; return d }
	rolled := func(d Deadline) Deadline { d.Roll = true; return d }
	complaint := func(order string) []Deadline {
		return []Deadline{
			wd("ACCEPT", 7, order+" art. 14: accept or refuse a complaint"),
			more(wd("CLUE_CHECK", 15, order+" art. 23: check a clue"), 15),
			wd("END_NOTICE", 7, order+" art. 21: tell the parties that mediation has ended"),
			wd("FILE_NOTICE", 5, order+" art. 31: tell a named reporter whether a case was filed"),
			wd("JURIS", 7, order+" art. 30: settle a dispute over jurisdiction"),
			pauses(wd("MEDIATE", 45, order+" art. 21(5), 20: mediate; testing does not count"), "appraisal", "inspection", "testing"),
		}
	}
	return []RuleSet{
		{"complaints-2020", tx.Civil(2020, 1, 1), "市场监督管理投诉举报处理暂行办法 (SAMR Order 20, amended 2022)", complaint("Order 20")},
		{"penalty-publicity-2021", tx.Civil(2021, 9, 1), "市场监督管理行政处罚信息公示规定 (SAMR Order 45)", []Deadline{
			of("PUB_MAX", 3, tx.Years, "Order 45: publication ends"),
			of("PUB_MINOR", 3, tx.Months, "Order 45: publication of a minor penalty ends"),
			wd("PUB_PUSH", 10, "Order 45: push a penalty to another province"),
			wd("PUB_RECV", 10, "Order 45: publish a penalty pushed from another province"),
			wd("PUB_SAME", 20, "Order 45: publish a penalty in the same province"),
			wd("PUB_WITHDRAW", 3, "Order 45: withdraw after change or revocation"),
		}},
		{"lists-2021", tx.Civil(2021, 9, 1), "市场监督管理严重违法失信名单管理办法 (SAMR Order 44)", []Deadline{
			wd("LIST_DEFENCE", 5, "state a defence or ask for a hearing after notice; text not read"),
			wd("LIST_WITHDRAW", 3, "Order 44 art. 19: stop publication after revocation"),
			wd("REPAIR_ACCEPT", 2, "Order 44: accept an application for removal; text not read"),
			wd("REPAIR_DECIDE", 15, "Order 44: decide on an application for removal; text not read"),
		}},
		{"repair-2026", tx.Civil(2026, 4, 1), "信用修复管理办法 (NDRC Order 36)", []Deadline{
			of("LIST_GENERAL_MAX", 1, tx.Years, "Order 36: most for general dishonesty"),
			of("LIST_GENERAL_MIN", 3, tx.Months, "Order 36: least for general dishonesty"),
			of("LIST_MAX", 3, tx.Years, "Order 36: most for serious dishonesty"),
			of("LIST_MIN", 1, tx.Years, "Order 36: least for serious dishonesty"),
			of("LIST_MINOR", 3, tx.Months, "Order 36: most for minor dishonesty"),
		}},
		{"cases-2021", tx.Civil(2021, 7, 15), "市场监督管理行政处罚程序规定 (SAMR Order 42, amended)", []Deadline{
			wd("ASSIST_REPLY", 15, "reply to a request for assistance; text not read"),
			pauses(more(rolled(of("CASE", 90, tx.Days, "decide a case; text not read")), 30), tx.PauseGrounds()...),
		}},
		{"platforms-2021", tx.Civil(2021, 5, 1), "网络交易监督管理办法 (SAMR Order 37)", []Deadline{
			of("PLATFORM_FIRST", 7, tx.Days, "platform settles a complaint first; practice"),
			of("SELLER_RETAIN", 3, tx.Years, "Order 37 art. 31: keep a seller's data after exit; text not read"),
			of("SELLER_REVERIFY", 6, tx.Months, "Order 37 art. 24: verify a seller again; text not read"),
		}},
		{"complaints-2026", tx.Civil(2026, 4, 15), "市场监督管理投诉举报处理办法 (SAMR Order 121); figures carried over from Order 20", complaint("as Order 20")},
		{"consortium", tx.Civil(2026, 1, 1), "rules of the consortium", []Deadline{
			of("DELIST_ACK", 24, tx.Hours, "acknowledge an order to take goods off"),
			wd("DELIST_DONE", 3, "take the goods off"),
			wd("DELIST_VERIFY", 5, "look whether they are off"),
			pauses(more(wd("EVIDENCE_ANSWER", 15, "see to a decision on a challenge, or withdraw the evidence"), 15), "appraisal", "testing"),
			wd("HANDOVER_ANSWER", 3, "receive or dispute goods that were offered"),
			wd("HANDOVER_SETTLE", 7, "settle a hand-over that was disputed, or take it back"),
			wd("LIST_ACK", 3, "acknowledge a change of a list"),
			pauses(more(rolled(of("LIST_DECIDE", 90, tx.Days, "decide on an entry proposed, as long as a case may take")), 30), tx.PauseGrounds()...),
			of("RECALL_START", 72, tx.Hours, "recall what failed for good"),
			wd("SAMPLE_NOTIFY", 5, "make known what failed for good"),
		}},
		{"sampling-2019", tx.Civil(2019, 10, 1), "食品安全抽样检验管理办法 (SAMR Order 15, amended)", []Deadline{
			wd("RETEST_ACCEPT", 5, "accept or refuse an application for a retest; text not read"),
			wd("RETEST_ASK", 7, "ask for a retest after a failure; text not read"),
			wd("RETEST_REPORT", 10, "report of the retest; text not read"),
			wd("SAMPLE_REPORT", 20, "report of the laboratory; text not read"),
		}},
	}
}

// DefaultCalendars are the calendars that the State Council has announced.
func DefaultCalendars() []Calendar {
	span := func(month, first, last int) (ds []tx.Date) {
		for d := first; d <= last; d++ {
			ds = append(ds, tx.Civil(2026, month, d))
		}
		return ds
	}
	c := Calendar{Year: 2026, Source: "国务院办公厅关于2026年部分节假日安排的通知, 2025-11-04",
		Workdays: []tx.Date{tx.Civil(2026, 1, 4), tx.Civil(2026, 2, 14), tx.Civil(2026, 2, 28), tx.Civil(2026, 5, 9), tx.Civil(2026, 9, 20), tx.Civil(2026, 10, 10)}}
	for _, days := range [][]tx.Date{span(1, 1, 3), span(2, 15, 23), span(4, 4, 6), span(5, 1, 5), span(6, 19, 21), span(9, 25, 27), span(10, 1, 7)} {
		c.Holidays = append(c.Holidays, days...)
	}
	return []Calendar{c}
}

func (s *RuleSet) row() row.RuleSet {
	r := row.RuleSet{Effective: s.Effective, Name: s.Name, Source: s.Source}
	for _, d := range s.Deadlines {
		r.Deadlines = append(r.Deadlines, tx.Deadline{Basis: d.Basis, Code: d.Code, Count: d.Count, Extend: d.Extend, Pause: d.Pause, Roll: d.Roll, Tentative: d.Tentative, Unit: d.Unit})
	}
	return r
}

func (c *Calendar) row() row.Calendar {
	return row.Calendar{Holidays: c.Holidays, Source: c.Source, Workdays: c.Workdays}
}

// validateClocks holds rule sets and calendars to what gov.ruleset and
// gov.calendar must keep, but for the dates.
func (s *State) validateClocks() error {
	for i := range s.RuleSets {
		r := s.RuleSets[i].row()
		_, err := row.DecodeRuleSet(r.Encode())
		if err == nil {
			err = (&tx.RuleSet{Deadlines: r.Deadlines}).Validate()
		}
		if err != nil {
			return fmt.Errorf("rule set %q: %w", r.Name, err)
		}
	}
	for i := range s.Calendars {
		c := &s.Calendars[i]
		if i > 0 && s.Calendars[i-1].Year >= c.Year {
			return fmt.Errorf("calendar of %d: out of order, or twice", c.Year)
		}
		_, err := row.DecodeCalendar(c.row().Encode())
		if err == nil {
			err = (&tx.Calendar{Holidays: c.Holidays, Workdays: c.Workdays, Year: c.Year}).Validate()
		}
		if err != nil {
			return fmt.Errorf("calendar of %d: %w", c.Year, err)
		}
	}
	return nil
}
