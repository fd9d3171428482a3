package state

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"zhenglian/app/row"
	"zhenglian/app/store"
	"zhenglian/app/tx"
)

// A bench of clocks: an open store, and a directory with rule sets.
type clockwork struct {
	*testing.T
	store *store.Store
	ctx   *Ctx
}

func wind(t *testing.T, deadlines ...tx.Deadline) *clockwork {
	s, err := store.Open("ledger", store.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	dir := &Directory{ruleSets: []RuleSet{{1, row.RuleSet{Deadlines: deadlines}}}}
	return &clockwork{t, s, &Ctx{Dir: dir}}
}

// block runs a block at a time: moves, then its end.
func (w *clockwork) block(at tx.Time, moves ...clockMove) {
	w.Helper()
	w.ctx.Height, w.ctx.Time = w.ctx.Height+1, at
	b := w.store.Begin(w.ctx.Height)
	w.ctx.Read = b
	err := w.ctx.moveClocks(b, moves)
	if err == nil {
		err = w.ctx.sweep(b)
	}
	if err == nil {
		_, err = b.Commit()
	}
	if err != nil {
		w.Fatal(err)
	}
}

// overdue is the state of a clock that runs on after its last day.
const overdue = "OVERDUE"

// clock is the clock as people see it.
func (w *clockwork) clock(id row.ClockID) *row.Clock {
	w.Helper()
	s, err := ClockAt(w.store.View(), id)
	if err != nil {
		w.Fatal(err)
	}
	if s == nil {
		return nil
	}
	k := s.Clock
	if k.Late = s.Late; s.Overdue() {
		k.State = overdue
	}
	return &k
}

// indexed checks that the index of due dates and the breaches name the running
// clocks and no others, each once and under its own day and slot.
func (w *clockwork) indexed() {
	w.Helper()
	v := w.store.View()
	want, got := make(map[string]bool), make(map[string]bool)
	name := func(s row.Slot, d row.DueClock) string { return fmt.Sprint(s, d) }
	each := func(start, end []byte, fn func(k, v []byte) error) {
		var bad error
		err := v.Iterate(start, end, func(k, v []byte) bool { bad = fn(k, v); return bad == nil })
		if err := errors.Join(err, bad); err != nil {
			w.Fatal(err)
		}
	}
	start, end := row.ClockRange(false, "")
	each(start, end, func(key, v []byte) error {
		k, err := row.DecodeClock(v)
		id, _, bad := row.ClockOf(key)
		if k.State == row.Running {
			want[name(row.Slot{When: k.When(), Member: id.Member, Number: k.Slot}, row.DueClock{Code: id.Code, Matter: id.Matter})] = true
		}
		return errors.Join(err, bad)
	})
	add := func(s row.Slot, clocks []row.DueClock) {
		for _, d := range clocks {
			if got[name(s, d)] {
				w.Errorf("%s twice", name(s, d))
			}
			got[name(s, d)] = true
		}
	}
	_, end = row.DueRange(row.OfMinute(math.MaxInt32))
	start, _ = row.DueRange(0)
	each(start, end, func(key, v []byte) error {
		d, err := row.DecodeDue(v)
		s, bad := row.DueSlot(key)
		add(s, d.Clocks)
		return errors.Join(err, bad)
	})
	start, end = row.BreachRange("")
	each(start, end, func(key, v []byte) error {
		d, err := row.DecodeBreach(v)
		s, bad := row.BreachSlot(key)
		add(s, d.Clocks)
		return errors.Join(err, bad)
	})
	if !maps.Equal(got, want) {
		w.Fatalf("the index names %v, want %v", got, want)
	}
}

// calendar enacts a year's calendar in the next block.
func (w *clockwork) calendar(year int64, c row.Calendar) {
	c.Since = w.ctx.Height + 1
	next, err := w.ctx.Dir.with([]write{{row.CalendarKey(year), c.Encode()}})
	if err != nil {
		w.Fatal(err)
	}
	w.ctx.Dir = next
}

func noon(d tx.Date) tx.Time { return d.End() - 12*60*60*1000 }

func someClock(n int) row.ClockID { return row.ClockID{Code: "CASE", Matter: uint64(n), Member: "hz"} }

// A model of one clock that lives through its days one by one.
type modelClock struct {
	state             string
	count, used, more int64
	workdays          bool
	day               tx.Date // the day on which it is
	enough            bool    // its last day is today or past
	round, breaches   int64
	late              int64
	extended          bool
}

func (m *modelClock) counts(d tx.Date) bool { return !m.workdays || !d.Weekend() }

// live goes on to a later day.
func (m *modelClock) live(to tx.Date, height int64) {
	for m.day < to {
		m.day++
		if m.state != row.Running {
			continue
		}
		if m.enough {
			m.state, m.late = overdue, height
			m.breaches++
			continue
		}
		if m.counts(m.day) {
			m.used++
			m.enough = m.used >= m.count
		}
	}
}

func (m *modelClock) do(a clockAct) {
	open := m.state != "" && m.state != row.Stopped
	switch a {
	case start:
		*m = modelClock{state: row.Running, count: m.more * 3, more: m.more, workdays: m.workdays, day: m.day, round: m.round + 1, breaches: m.breaches}
	case stop:
		if open {
			m.state = row.Stopped
		}
	case pause:
		if m.state == row.Running {
			m.state = row.Paused
		}
	case resume:
		if m.state == row.Paused {
			m.state = row.Running
			// With nothing left it runs until today, or the first day after that counts.
			if m.used >= m.count {
				m.used = m.count
				m.enough = m.counts(m.day)
			}
		}
	case extend:
		if (m.state == row.Running || m.state == row.Paused) && !m.extended {
			m.extended, m.enough = true, false
			m.count += m.more
		}
	}
}

// Random schedules: every clock is at every block what the model says.
func TestClocksAgainstModel(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 2))
	for range 30 {
		more := 1 + r.Int64N(6)
		unit := []string{tx.Workdays, tx.Days}[r.IntN(2)]
		w := wind(t, tx.Deadline{Code: "CASE", Count: 3 * more, Extend: more, Unit: unit})
		day := tx.Civil(2026, 3, 1) + tx.Date(r.IntN(7))
		models := make([]modelClock, 8)
		for i := range models {
			models[i] = modelClock{more: more, workdays: unit == tx.Workdays, day: day}
		}
		for range 60 {
			day += tx.Date([]int{0, 0, 1, 1, 1, 2, 5}[r.IntN(7)])
			at := day.End() - 1 - tx.Time(r.Int64N(24*60*60*1000))
			at = max(at, w.ctx.Time)
			var moves []clockMove
			for i := range models {
				models[i].live(tx.DateOf(at), w.ctx.Height+1)
			}
			for range r.IntN(5) {
				i, a := r.IntN(len(models)), clockAct(r.IntN(5))
				moves = append(moves, clockMove{do: a, id: someClock(i)})
				models[i].do(a)
			}
			w.block(at, moves...)
			w.indexed()
			for i := range models {
				m := &models[i]
				k := w.clock(someClock(i))
				if k == nil {
					if m.state != "" {
						t.Fatalf("seed %d: clock %d is absent, want %s", seed, i, m.state)
					}
					continue
				}
				if k.State != m.state || k.Round != m.round || k.Breaches != m.breaches || k.Late != m.late {
					t.Fatalf("seed %d: on %s after %v, of %d %s + %d: clock %d is %+v, want %+v", seed, tx.DateOf(at), moves, 3*more, unit, more, i, k, m)
				}
			}
		}
	}
}

// A calendar that comes while a clock runs moves its last day later, never
// earlier, and not once it is over.
func TestCalendarComesLate(t *testing.T) {
	w := wind(t, tx.Deadline{Code: "CASE", Count: 5, Unit: tx.Workdays})
	w.block(noon(tx.Civil(2026, 12, 28)), clockMove{do: start, id: someClock(1)}, clockMove{do: start, id: someClock(2)})
	friday, monday := tx.Civil(2027, 1, 1), tx.Civil(2027, 1, 4)
	if k := w.clock(someClock(1)); k.Due != monday {
		t.Fatalf("without a calendar: %+v", k)
	}
	w.calendar(2027, row.Calendar{Holidays: []tx.Date{friday}})
	w.block(noon(monday), clockMove{do: stop, id: someClock(2)})
	w.block(noon(monday + 1))
	if k := w.clock(someClock(1)); k.State != row.Running || k.Due != monday+1 || k.Breaches != 0 {
		t.Fatalf("put off by a holiday: %+v", k)
	}
	if k := w.clock(someClock(2)); k.State != row.Stopped || k.Late != 0 {
		t.Fatalf("stopped in time: %+v", k)
	}
	w.block(noon(monday + 2))
	if k := w.clock(someClock(1)); k.State != overdue || k.Late != 4 {
		t.Fatalf("after the day to which it was put off: %+v", k)
	}

	// A Saturday that is worked after all shortens nothing that runs.
	w.block(noon(tx.Civil(2027, 3, 1)), clockMove{do: start, id: someClock(3)})
	due := w.clock(someClock(3)).Due
	w.calendar(2027, row.Calendar{Holidays: []tx.Date{friday}, Workdays: []tx.Date{tx.Civil(2027, 3, 6)}})
	w.block(noon(due))
	if k := w.clock(someClock(3)); k.State != row.Running {
		t.Fatalf("shortened: %+v", k)
	}
	w.block(noon(due + 1))
	if k := w.clock(someClock(3)); k.State != overdue {
		t.Fatalf("never ends: %+v", k)
	}
}

// A clock keeps the rule set under which it was started, and the next round
// falls under the one in force then.
func TestClockKeepsItsRuleSet(t *testing.T) {
	w := wind(t, tx.Deadline{Code: "CASE", Count: 10, Extend: 5, Unit: tx.Days})
	day := tx.Civil(2026, 4, 10)
	next := row.RuleSet{Deadlines: []tx.Deadline{{Code: "CASE", Count: 1, Unit: tx.Months}}, Effective: day + 2, Name: "next", Source: "s"}
	last := row.RuleSet{Deadlines: []tx.Deadline{{Code: "CASE", Unit: tx.NoLimit}}, Effective: day + 100, Name: "last", Source: "s"}
	var err error
	if w.ctx.Dir, err = w.ctx.Dir.with([]write{{row.RuleSetKey(2), next.Encode()}, {row.RuleSetKey(3), last.Encode()}}); err != nil {
		t.Fatal(err)
	}
	w.block(noon(day), clockMove{do: start, id: someClock(1)})
	w.block(noon(day+3), clockMove{do: pause, id: someClock(1)}, clockMove{do: start, id: someClock(2)})
	w.block(noon(day+5), clockMove{do: resume, id: someClock(1)}, clockMove{do: extend, id: someClock(1)}, clockMove{do: extend, id: someClock(1)})
	if k := w.clock(someClock(1)); k.RuleSet != 1 || k.Due != day+17 || k.Count != 12 {
		t.Errorf("started under the first: %+v", k)
	}
	if k := w.clock(someClock(2)); k.RuleSet != 2 || k.Due != tx.Civil(2026, 5, 13) {
		t.Errorf("started under the second: %+v", k)
	}
	w.block(noon(day+6), clockMove{do: pause, id: someClock(2)})
	if k := w.clock(someClock(2)); k.Unit != tx.Days || k.Count != 27 {
		t.Errorf("a month that is paused is days: %+v", k)
	}
	w.block(noon(day+7), clockMove{do: start, id: someClock(1)})
	if k := w.clock(someClock(1)); k.RuleSet != 2 || k.Round != 2 || k.Extended {
		t.Errorf("started again: %+v", k)
	}
	w.block(noon(day+100), clockMove{do: start, id: someClock(4)}, clockMove{do: start, id: row.ClockID{Code: "OTHER", Matter: 1, Member: "hz"}})
	if k := w.clock(someClock(4)); k != nil {
		t.Errorf("the law sets no limit any more, yet %+v", k)
	}
	if k := w.clock(row.ClockID{Code: "OTHER", Matter: 1, Member: "hz"}); k != nil {
		t.Errorf("no rule set knows the code, yet %+v", k)
	}
}

// However many fall due at once, a block does no more than it may, the rest is
// carried over, and what a statement touches first finds itself overdue.
func TestDueWorkIsBounded(t *testing.T) {
	for _, tt := range []struct {
		name     string
		calendar bool // one came while the clocks ran: they are looked at one by one
		block    int  // clocks that a block may do
	}{{"together", false, sweepBudget * row.PerDue}, {"one by one", true, sweepBudget / sweepByOne * row.PerDue}} {
		t.Run(tt.name, func(t *testing.T) {
			w := wind(t, tx.Deadline{Code: "CASE", Count: 5, Unit: tx.Workdays})
			n := 2*tt.block + 100
			day := tx.Civil(2026, 3, 2)
			moves := make([]clockMove, n)
			for i := range moves {
				moves[i] = clockMove{do: start, id: someClock(i)}
			}
			w.block(noon(day), moves...)
			if tt.calendar {
				w.calendar(2026, row.Calendar{Holidays: []tx.Date{tx.Civil(2026, 10, 1)}})
			}
			found := func() (count int) {
				start, end := row.BreachRange("hz")
				err := w.store.View().Iterate(start, end, func(_, v []byte) bool {
					d, err := row.DecodeBreach(v)
					if err != nil {
						t.Fatal(err)
					}
					count += len(d.Clocks)
					return true
				})
				if err != nil {
					t.Fatal(err)
				}
				return count
			}
			w.block(noon(day + 7))
			if got := found(); got != 0 {
				t.Fatalf("%d overdue on the last day", got)
			}
			last := someClock(n - 1)
			w.block(noon(day+8), clockMove{do: stop, id: last})
			if got := found(); got != tt.block {
				t.Fatalf("the first block found %d overdue, want %d", got, tt.block)
			}
			if k := w.clock(last); k.State != row.Stopped || k.Late != w.ctx.Height || k.Breaches != 1 {
				t.Fatalf("stopped before it was its turn: %+v", k)
			}
			w.block(noon(day+8), clockMove{do: pause, id: someClock(n - 2)})
			if k := w.clock(someClock(n - 2)); k.State == row.Paused {
				t.Fatalf("paused after its last day: %+v", k)
			}
			w.block(noon(day + 8))
			if got := found(); got != n-1 {
				t.Fatalf("after three blocks %d are overdue, want %d", got, n-1)
			}
			w.indexed()
			_ = w.store.View().Iterate([]byte{0x18}, []byte{0x1a}, func(k, _ []byte) bool { t.Errorf("row %x is left of the index", k); return true })
			before := w.store.View().Head().StateRoot
			w.block(noon(day + 9))
			if w.store.View().Head().StateRoot != before {
				t.Error("a block in which nothing is due changed the state")
			}
		})
	}
}
