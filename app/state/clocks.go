package state

import (
	"bytes"

	"zhenglian/app/row"
	"zhenglian/app/store"
	"zhenglian/app/tx"
)

// Statutory clocks.
//
// Days are those of Asia/Shanghai by block time. A clock is overdue when its
// last day is over: at the end of the first block whose time says so, or, when
// more fall due than a block works off, of one of the next; and a statement
// that stops or changes it finds it overdue by itself. So what a clock says
// never depends on how busy the chain is.
//
// The last day is computed when the clock starts, resumes or is extended, with
// the calendar of that day. Calendars come late and are changed, so when the
// day is over it is computed again if a calendar has come since: what is owed
// can move later by that, never earlier.

// maxDue bounds the clocks that the end of one block looks at; the rest is
// looked at in the next. It is more than 10 000, in whole rows of the index.
const maxDue = 160 * row.PerDue

// moveClocks does to clocks what a statement says that took effect.
func (c *Ctx) moveClocks(b *store.Block, moves []clockMove) error {
	for _, m := range moves {
		if err := c.moveClock(b, m); err != nil {
			return err
		}
	}
	return nil
}

func (c *Ctx) moveClock(b *store.Block, m clockMove) error {
	k, err := clockAt(b, row.ClockKey(m.id))
	if err != nil {
		return err
	}
	if m.do == start {
		return c.startClock(b, m.id, k)
	}
	if k == nil {
		return nil // never started, or stopped
	}
	due := k.Due
	if k.State == row.Running {
		c.ripen(k)
	}
	switch m.do {
	case stop:
		k.State, k.Since = row.Stopped, c.Height
		put(b, []write{{row.ClockKey(m.id), nil}, {row.StoppedKey(m.id), k.Encode()}})
		return nil
	case pause:
		if k.State == row.Running {
			last := c.Dir.days.Add(k.From, k.Count, k.Unit, false)
			if k.Unit != tx.Workdays {
				k.Unit = tx.Days
			}
			k.Count = c.Dir.days.Left(c.today(), last, k.Unit)
			k.State, k.Since = row.Paused, c.Height
		}
	case resume:
		if k.State == row.Paused {
			k.From = c.today()
			k.State, k.Since = row.Running, c.Height
			k.Due = c.Dir.days.Add(k.From, k.Count, k.Unit, k.Roll)
			return c.schedule(b, m.id, k)
		}
	case extend:
		if more := c.extension(m.id.Code, k); more != 0 && k.State != row.Overdue {
			k.Count += more
			k.Extended, k.Since = true, c.Height
			if k.State == row.Running {
				k.Due = max(k.Due, c.Dir.days.Add(k.From, k.Count, k.Unit, k.Roll))
				return c.schedule(b, m.id, k)
			}
		}
	}
	if k.State == row.Running && k.Due != due { // put off by a calendar
		k.Since = c.Height
		return c.schedule(b, m.id, k)
	}
	put(b, []write{{row.ClockKey(m.id), k.Encode()}})
	return nil
}

// startClock begins a round, unless no rule set in force knows the code. k is
// the round before if that has not been stopped.
func (c *Ctx) startClock(b *store.Block, id row.ClockID, k *row.Clock) error {
	today := c.today()
	d, number := c.Dir.Deadline(id.Code, today)
	if d == nil {
		return nil
	}
	if k == nil {
		old, err := clockAt(b, row.StoppedKey(id))
		if err != nil {
			return err
		}
		if old != nil {
			k = old
			put(b, []write{{row.StoppedKey(id), nil}})
		}
	} else if k.State == row.Running {
		c.ripen(k)
	}
	next := row.Clock{Began: c.Height, Count: d.Count, From: today, Roll: d.Roll, Round: 1, RuleSet: number, Since: c.Height, State: row.Running, Unit: d.Unit}
	if k != nil {
		next.Round, next.Breaches = k.Round+1, k.Breaches
	}
	next.Due = c.Dir.days.Add(today, next.Count, next.Unit, next.Roll)
	return c.schedule(b, id, &next)
}

// extension is by how much the rule set lets a clock be extended now.
func (c *Ctx) extension(code tx.ClockCode, k *row.Clock) int64 {
	if k.Extended || int(k.RuleSet) > len(c.Dir.ruleSets) {
		return 0
	}
	for _, d := range c.Dir.ruleSets[k.RuleSet-1].Deadlines {
		if d.Code == code {
			return d.Extend
		}
	}
	return 0
}

// ripen makes a running clock overdue when its last day is over, or puts the day
// off when a calendar came since that says so.
func (c *Ctx) ripen(k *row.Clock) {
	today := c.today()
	if today <= k.Due {
		return
	}
	if c.Dir.daysSince >= k.Since {
		if k.Due = max(k.Due, c.Dir.days.Add(k.From, k.Count, k.Unit, k.Roll)); today <= k.Due {
			return
		}
	}
	k.State, k.Since, k.Late = row.Overdue, c.Height, c.Height
	k.Breaches++
}

// schedule writes a running clock and notes it among those due that day.
func (c *Ctx) schedule(b *store.Block, id row.ClockID, k *row.Clock) error {
	put(b, []write{{row.ClockKey(id), k.Encode()}})
	var n row.DueCount
	v, err := b.Get(row.DueCountKey(k.Due))
	if err == nil && v != nil {
		n, err = row.DecodeDueCount(v)
	}
	if err != nil {
		return broken{err}
	}
	var due row.Due
	key := row.DueKey(k.Due, uint32(n.Clocks/row.PerDue))
	if v, err = b.Get(key); err == nil && v != nil {
		due, err = row.DecodeDue(v)
	}
	if err != nil {
		return broken{err}
	}
	due.Clocks = append(due.Clocks, id)
	n.Clocks++
	put(b, []write{{key, due.Encode()}, {row.DueCountKey(k.Due), n.Encode()}})
	return nil
}

// sweep marks the clocks whose last day is over, by the index of due dates.
func (c *Ctx) sweep(b *store.Block) error {
	type rows struct{ key, value []byte }
	var due []rows
	start, end := row.DueRange(c.today())
	err := b.Iterate(start, end, func(k, v []byte) bool {
		due = append(due, rows{bytes.Clone(k), bytes.Clone(v)})
		return len(due) < maxDue/row.PerDue
	})
	if err != nil {
		return broken{err}
	}
	for _, r := range due {
		d, err := row.DecodeDue(r.value)
		if err != nil {
			return broken{err}
		}
		// Nothing is ever scheduled for a day that is over, so the count has served.
		day := row.DueDay(r.key)
		put(b, []write{{r.key, nil}, {row.DueCountKey(day), nil}})
		for _, id := range d.Clocks {
			k, err := clockAt(b, row.ClockKey(id))
			if err != nil {
				return err
			}
			if k == nil || k.State != row.Running || k.Due != day {
				continue // stopped, paused or put off since
			}
			if c.ripen(k); k.State == row.Running {
				k.Since = c.Height
				err = c.schedule(b, id, k)
			} else {
				put(b, []write{{row.ClockKey(id), k.Encode()}})
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func clockAt(r interface{ Get([]byte) ([]byte, error) }, key []byte) (*row.Clock, error) {
	v, err := r.Get(key)
	if err != nil || v == nil {
		if err != nil {
			err = broken{err}
		}
		return nil, err
	}
	k, err := row.DecodeClock(v)
	if err != nil {
		return nil, broken{err}
	}
	return &k, nil
}
