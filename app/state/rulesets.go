package state

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"zhenglian/app/calendar"
	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// maxRuleSets bounds the part of the directory that only ever grows.
const maxRuleSets = 1000

// A RuleSet is a rule set with its number.
type RuleSet struct {
	Number uint32
	row.RuleSet
}

// A Calendar is a year's calendar with its year.
type Calendar struct {
	Year int64
	row.Calendar
}

// RuleSets lists all rule sets, ascending by number. The list is not to be
// changed.
func (d *Directory) RuleSets() []RuleSet { return d.ruleSets }

// Calendars lists the calendars, ascending by year. The list is not to be
// changed.
func (d *Directory) Calendars() []Calendar { return d.calendars }

// Days is the calendar by which the ledger counts days.
func (d *Directory) Days() *calendar.Calendar { return d.days }

// Deadline returns what is in force for a code on a day: what the rule set says
// that took effect last, of those that name the code; of two of one day the
// later one. nil: there is no such deadline.
func (d *Directory) Deadline(code tx.ClockCode, day tx.Date) (*tx.Deadline, uint32) {
	var best *tx.Deadline
	var of *RuleSet
	for i := range d.ruleSets {
		s := &d.ruleSets[i]
		if s.Effective > day || of != nil && s.Effective < of.Effective {
			continue
		}
		if k, ok := slices.BinarySearchFunc(s.Deadlines, code, func(l tx.Deadline, c tx.ClockCode) int { return cmp.Compare(l.Code, c) }); ok {
			best, of = &s.Deadlines[k], s
		}
	}
	if best == nil || best.Unit == tx.NoLimit {
		return nil, 0
	}
	return best, of.Number
}

func (d *Directory) setRuleSet(key, value []byte) error {
	s, err := row.DecodeRuleSet(value)
	if err == nil && (len(key) != 4 || int(binary.BigEndian.Uint32(key)) != len(d.ruleSets)+1) {
		err = fmt.Errorf("rule sets are numbered from 1")
	}
	d.ruleSets = append(d.ruleSets, RuleSet{uint32(len(d.ruleSets)) + 1, s})
	return err
}

func (d *Directory) setCalendar(key, value []byte) error {
	c, err := row.DecodeCalendar(value)
	if err != nil {
		return err
	}
	if len(key) != 2 {
		return fmt.Errorf("key of %d bytes", len(key))
	}
	next := Calendar{int64(binary.BigEndian.Uint16(key)), c}
	i, found := slices.BinarySearchFunc(d.calendars, next.Year, func(c Calendar, year int64) int { return cmp.Compare(c.Year, year) })
	if !found {
		d.calendars = slices.Insert(d.calendars, i, Calendar{})
	}
	d.calendars[i] = next
	d.days = d.days.With(calendar.Year{Year: int(next.Year), Holidays: c.Holidays, Workdays: c.Workdays})
	d.daysSince = max(d.daysSince, c.Since)
	return nil
}

// today is the day of the block in Asia/Shanghai. Before there is a block, no
// day has passed.
func (c *Ctx) today() tx.Date {
	if c.Time >= tx.MaxInt {
		return 0
	}
	return tx.DateOf(c.Time)
}

// changeRuleSet enacts gov.ruleset: deadlines from a later day on. Clocks that
// run keep the rule set under which they were started.
func (c *Ctx) changeRuleSet(b *tx.RuleSet) ([]write, error) {
	if today := c.today(); b.Effective <= today {
		return nil, refuse(tx.CodeEffective, "body.effective", "today is "+today.String())
	}
	if len(c.Dir.ruleSets) >= maxRuleSets {
		return nil, refuse(tx.CodeFull, "", "")
	}
	for i := range c.Dir.ruleSets {
		if old := &c.Dir.ruleSets[i]; old.Effective == b.Effective && slices.EqualFunc(old.Deadlines, b.Deadlines, tx.Deadline.Equal) {
			return nil, refuse(tx.CodeNothing, "", fmt.Sprintf("rule set %d says so", old.Number))
		}
	}
	s := row.RuleSet{Deadlines: b.Deadlines, Effective: b.Effective, Name: b.Name, Since: c.Height, Source: b.Source, SHA256: b.SHA256}
	return []write{{row.RuleSetKey(uint32(len(c.Dir.ruleSets)) + 1), s.Encode()}}, nil
}

// changeCalendar enacts gov.calendar: the calendar of this year or a later one.
// Days that have passed have been counted; a calendar that is there keeps them.
func (c *Ctx) changeCalendar(b *tx.Calendar) ([]write, error) {
	today := c.today()
	if year, _, _ := today.Civil(); b.Year < int64(year) {
		return nil, refuse(tx.CodeYearPassed, "body.year", "today is "+today.String())
	}
	next := row.Calendar{Holidays: b.Holidays, Since: c.Height, Source: b.Source, SHA256: b.SHA256, Workdays: b.Workdays}
	for i := range c.Dir.calendars {
		old := &c.Dir.calendars[i]
		if old.Year != b.Year {
			continue
		}
		if slices.Equal(old.Holidays, b.Holidays) && slices.Equal(old.Workdays, b.Workdays) {
			return nil, refuse(tx.CodeNothing, "", "")
		}
		days := c.Dir.days.With(calendar.Year{Year: int(b.Year), Holidays: b.Holidays, Workdays: b.Workdays})
		for d := tx.Civil(int(b.Year), 1, 1); d <= today; d++ {
			if days.Working(d) != c.Dir.days.Working(d) {
				return nil, refuse(tx.CodeDayPassed, "body", d.String())
			}
		}
	}
	return []write{{row.CalendarKey(b.Year), next.Encode()}}, nil
}
