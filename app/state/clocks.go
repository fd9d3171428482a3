package state

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"zhenglian/app/row"
	"zhenglian/app/store"
	"zhenglian/app/tx"
)

// Statutory clocks.
//
// Days are those of Asia/Shanghai by block time. A clock is overdue when its
// last day is over, one of hours when its last minute is. The end of the first block whose time says so finds it, or,
// when more fall due than a block works off, that of one of the next; and a
// statement that stops or starts it finds it by itself. So what becomes of a
// clock never depends on how busy the chain is.
//
// Clocks that fall due together are found together. The index of due dates names
// the running clocks of a member with the same last day, 64 a row, and nothing
// else; when the day is over the row moves as it is to the breaches of the
// member. So ten thousand clocks that fall due cost a few hundred writes, and a
// clock's own row does not change.
//
// The last day is computed when the clock starts, resumes or is extended, with
// the calendar of that day. Calendars come late and are changed, so when the
// day is over it is computed again if a calendar has come since: what is owed
// can move later by that, never earlier.

// sweepBudget bounds the work of the end of a block: rows of the index, of
// which one whose clocks must be looked at one by one counts sweepByOne times.
const (
	sweepBudget = 400
	sweepByOne  = 16
)

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
	if m.do == unread {
		return broken{errors.New("whose clock it is cannot be read")}
	}
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
	if m.do == stop {
		return c.stopClock(b, m.id, k)
	}
	if late, err := c.ripen(b, m.id, k); err != nil || late != 0 {
		return err
	}
	switch {
	case m.do == pause && k.State == row.Running && (m.ground == "" || c.pauses(m.id.Code, k, m.ground)):
		if err := c.unschedule(b, m.id, k); err != nil {
			return err
		}
		c.stand(k)
		k.Ground, k.State, k.Since = m.ground, row.Paused, c.Height
		put(b, []write{{row.ClockKey(m.id), k.Encode()}})
	case m.do == resume && k.State == row.Paused && (m.ground == "" || m.ground == k.Ground):
		k.Ground, k.From, k.State, k.Since = "", c.today(), row.Running, c.Height
		c.setDue(k)
		return c.schedule(b, m.id, k)
	case m.do == extend && c.extension(m.id.Code, k) != 0:
		if k.State == row.Running {
			if err := c.unschedule(b, m.id, k); err != nil {
				return err
			}
		}
		more := c.extension(m.id.Code, k)
		k.Count += more
		k.Extended, k.Since = true, c.Height
		if k.State == row.Running {
			if k.Unit == tx.Minutes {
				k.Minute += tx.Minute(more)
				k.Due = k.When().Date()
			} else {
				k.Due = max(k.Due, c.Dir.days.Add(k.From, k.Count, k.Unit, k.Roll))
			}
			return c.schedule(b, m.id, k)
		}
		put(b, []write{{row.ClockKey(m.id), k.Encode()}})
	}
	return nil
}

// now is the day, or the minute if the clock counts those, of the block.
func (c *Ctx) now(k *row.Clock) row.When {
	if k.Unit == tx.Minutes {
		return row.OfMinute(c.minute())
	}
	return row.OfDay(c.today())
}

// minute is the minute of the block; before there is a block, none has passed.
func (c *Ctx) minute() tx.Minute {
	if c.Time >= tx.MaxInt {
		return 0
	}
	return tx.MinuteOf(c.Time)
}

// setDue sets when a clock falls due that counts from now on.
func (c *Ctx) setDue(k *row.Clock) {
	if k.Unit == tx.Minutes {
		k.Minute = tx.Minute(c.now(k)) + tx.Minute(k.Count)
		k.Due = k.When().Date()
		return
	}
	k.Due = c.Dir.days.Add(k.From, k.Count, k.Unit, k.Roll)
}

// stand makes the clock count what is left of it.
func (c *Ctx) stand(k *row.Clock) {
	if k.Unit == tx.Minutes {
		k.Count = max(int64(k.When())-int64(c.now(k)), 0)
		return
	}
	last := c.Dir.days.Add(k.From, k.Count, k.Unit, false)
	if k.Unit != tx.Workdays {
		k.Unit = tx.Days
	}
	k.Count = c.Dir.days.Left(c.today(), last, k.Unit)
}

// startClock begins a round, unless no rule set in force knows the code. k is
// the round before if that has not been stopped.
func (c *Ctx) startClock(b *store.Block, id row.ClockID, k *row.Clock) error {
	today := c.today()
	d, number := c.Dir.Deadline(id.Code, today)
	if d == nil {
		return nil
	}
	if k != nil {
		if err := c.stopClock(b, id, k); err != nil {
			return err
		}
	}
	next := row.Clock{Began: c.Height, Count: d.Count, From: today, Roll: d.Roll, Round: 1, RuleSet: number, Since: c.Height, State: row.Running, Unit: d.Unit}
	if d.Unit == tx.Hours {
		next.Count, next.Unit = 60*d.Count, tx.Minutes
	}
	old, err := clockAt(b, row.StoppedKey(id))
	if err != nil {
		return err
	}
	if old != nil {
		next.Round, next.Breaches = old.Round+1, old.Breaches
		put(b, []write{{row.StoppedKey(id), nil}})
	}
	c.setDue(&next)
	return c.schedule(b, id, &next)
}

// stopClock ends a round.
func (c *Ctx) stopClock(b *store.Block, id row.ClockID, k *row.Clock) error {
	late, err := c.ripen(b, id, k)
	if err != nil {
		return err
	}
	if k.State == row.Running {
		if err := c.unschedule(b, id, k); err != nil {
			return err
		}
	}
	if k.Ground, k.State, k.Since, k.Late = "", row.Stopped, c.Height, late; late != 0 {
		k.Breaches++
	}
	put(b, []write{{row.ClockKey(id), nil}, {row.StoppedKey(id), k.Encode()}})
	return nil
}

// deadline is what the rule set under which a clock was started says of it.
func (c *Ctx) deadline(code tx.ClockCode, k *row.Clock) *tx.Deadline {
	if int(k.RuleSet) > len(c.Dir.ruleSets) {
		return nil
	}
	ds := c.Dir.ruleSets[k.RuleSet-1].Deadlines
	i := slices.IndexFunc(ds, func(d tx.Deadline) bool { return d.Code == code })
	if i < 0 {
		return nil
	}
	return &ds[i]
}

// extension is by how much the rule set lets a clock be extended now, in the
// clock's unit.
func (c *Ctx) extension(code tx.ClockCode, k *row.Clock) int64 {
	d := c.deadline(code, k)
	switch {
	case k.Extended || d == nil:
		return 0
	case d.Unit == tx.Hours:
		return 60 * d.Extend
	}
	return d.Extend
}

// pauses reports whether the rule set lets a clock stand still on a ground.
func (c *Ctx) pauses(code tx.ClockCode, k *row.Clock, ground string) bool {
	d := c.deadline(code, k)
	return d != nil && slices.Contains(d.Pause, ground)
}

// stepClock judges clock.pause, clock.resume and clock.extend, which say by
// themselves what the transitions of other kinds say of the clocks they touch.
func (c *Ctx) stepClock(s *tx.Statement) error {
	b, ground := clockStep(s.Body)
	id, err := c.clockOf(s.Member, b)
	if err != nil {
		return err
	}
	k, err := clockAt(c.Read, row.ClockKey(id))
	switch {
	case err != nil:
		return err
	case k == nil:
		return refuse(tx.CodeNoClock, "body.code", string(b.Code))
	case k.State == row.Running && c.now(k) > c.postponed(k):
		return refuse(tx.CodeClockOver, "body.code", "its last day was "+c.postponed(k).Date().String())
	case s.Kind == tx.ClockPause && k.State != row.Running, s.Kind == tx.ClockResume && k.State != row.Paused:
		return refuse(tx.CodeClockState, "kind", "the clock is "+k.State)
	case s.Kind == tx.ClockPause && !c.pauses(b.Code, k, ground):
		return refuse(tx.CodeClockPause, "body.reason", fmt.Sprintf("%s under rule set %d", ground, k.RuleSet))
	case s.Kind == tx.ClockExtend && c.extension(b.Code, k) == 0:
		return refuse(tx.CodeClockExtend, "body.code", fmt.Sprintf("%s under rule set %d", b.Code, k.RuleSet))
	}
	return nil
}

// clockStep is what a body of the family clock says; nil for any other.
func clockStep(b tx.Body) (step *tx.ClockStep, ground string) {
	switch b := b.(type) {
	case *tx.ClockStep:
		return b, ""
	case *tx.Standstill:
		return &b.ClockStep, b.Reason
	}
	return nil, ""
}

// clockOf names the clock of a member that b is about.
func (c *Ctx) clockOf(m tx.MemberID, b *tx.ClockStep) (id row.ClockID, err error) {
	seq, ok, err := c.Read.Seq(store.Hash(b.Matter))
	if err != nil {
		return id, broken{err}
	}
	if !ok {
		return id, refuse(tx.CodeNoClock, "body.matter", "no such statement")
	}
	p, err := find(c.Read, seq)
	if err == nil && p == nil {
		err = refuse(tx.CodeNoClock, "body.matter", "this statement is no step of a matter")
	}
	if err != nil {
		return id, err
	}
	return row.ClockID{Code: b.Code, Matter: p.seq, Member: m}, nil
}

// ripen returns the height at which the clock was found overdue, 0 if it is not:
// now, when its last day is over and the end of no block has come to it. A clock
// that a calendar puts off is scheduled anew.
func (c *Ctx) ripen(b *store.Block, id row.ClockID, k *row.Clock) (late int64, err error) {
	if k.State != row.Running || c.now(k) <= k.When() {
		return 0, nil
	}
	v, err := b.Get(row.BreachKey(row.Slot{When: k.When(), Member: id.Member, Number: k.Slot}))
	if err != nil {
		return 0, broken{err}
	}
	if v != nil {
		d, err := row.DecodeBreach(v)
		if err != nil {
			return 0, broken{err}
		}
		if slices.Contains(d.Clocks, row.DueClock{Code: id.Code, Matter: id.Matter}) {
			return d.Late, nil
		}
	}
	due := c.postponed(k)
	if c.now(k) > due {
		return c.Height, nil
	}
	if err := c.unschedule(b, id, k); err != nil {
		return 0, err
	}
	k.Due, k.Since = due.Date(), c.Height
	return 0, c.schedule(b, id, k)
}

// postponed is the clock's last day by the calendars of now, no earlier than it
// was. Hours pass on every day alike.
func (c *Ctx) postponed(k *row.Clock) row.When {
	if c.Dir.daysSince < k.Since || k.Unit == tx.Minutes {
		return k.When()
	}
	return row.OfDay(max(k.Due, c.Dir.days.Add(k.From, k.Count, k.Unit, k.Roll)))
}

// schedule writes a running clock, and names it in the index of due dates.
func (c *Ctx) schedule(b *store.Block, id row.ClockID, k *row.Clock) error {
	var n row.DueCount
	count := row.DueCountKey(k.When(), id.Member)
	v, err := b.Get(count)
	if err == nil && v != nil {
		n, err = row.DecodeDueCount(v)
	}
	if err != nil {
		return broken{err}
	}
	k.Slot = uint32(n.Clocks / row.PerDue)
	n.Clocks++
	due := row.Due{Since: c.Height}
	key := row.DueKey(row.Slot{When: k.When(), Member: id.Member, Number: k.Slot})
	if v, err = b.Get(key); err == nil && v != nil {
		due, err = row.DecodeDue(v)
	}
	if err != nil {
		return broken{err}
	}
	due.Clocks = append(due.Clocks, row.DueClock{Code: id.Code, Matter: id.Matter})
	put(b, []write{{row.ClockKey(id), k.Encode()}, {key, due.Encode()}, {count, n.Encode()}})
	return nil
}

// unschedule takes a running clock out of the index, or out of the breaches.
func (c *Ctx) unschedule(b *store.Block, id row.ClockID, k *row.Clock) error {
	slot := row.Slot{When: k.When(), Member: id.Member, Number: k.Slot}
	is := func(o row.DueClock) bool { return o.Code == id.Code && o.Matter == id.Matter }
	key := row.DueKey(slot)
	v, err := b.Get(key)
	if err == nil && v != nil {
		var d row.Due
		if d, err = row.DecodeDue(v); err == nil {
			d.Clocks = slices.DeleteFunc(d.Clocks, is)
			put(b, []write{{key, orNone(len(d.Clocks), d.Encode())}})
			return nil
		}
	}
	if err != nil {
		return broken{err}
	}
	key = row.BreachKey(slot)
	if v, err = b.Get(key); err == nil && v != nil {
		var d row.Breach
		if d, err = row.DecodeBreach(v); err == nil {
			d.Clocks = slices.DeleteFunc(d.Clocks, is)
			put(b, []write{{key, orNone(len(d.Clocks), d.Encode())}})
		}
	}
	if err != nil {
		return broken{err}
	}
	return nil
}

// orNone is a row's value, or that there is none when it would be empty.
func orNone(n int, value []byte) []byte {
	if n == 0 {
		return nil
	}
	return value
}

// sweep finds the clocks whose last day or minute is over, by the index of due dates.
func (c *Ctx) sweep(b *store.Block) error {
	type rows struct {
		slot row.Slot
		due  row.Due
	}
	var found []rows
	var bad error
	budget := sweepBudget
	// A calendar may have come that puts off clocks of days.
	late := func(r *rows) bool { return r.slot.When.Days() && c.Dir.daysSince >= r.due.Since }
	for _, now := range []row.When{row.OfMinute(c.minute()), row.OfDay(c.today())} {
		start, end := row.DueRange(now)
		err := b.Iterate(start, end, func(k, v []byte) bool {
			var r rows
			if r.slot, bad = row.DueSlot(k); bad == nil {
				r.due, bad = row.DecodeDue(v)
			}
			if budget--; late(&r) {
				budget -= sweepByOne - 1
			}
			if bad != nil || budget < 0 {
				return false
			}
			found = append(found, r)
			return true
		})
		if err == nil {
			err = bad
		}
		if err != nil {
			return broken{err}
		}
	}
	for _, r := range found {
		clocks := r.due.Clocks
		// Nothing is ever scheduled for a day that is over, so the count has served.
		put(b, []write{{row.DueKey(r.slot), nil}, {row.DueCountKey(r.slot.When, r.slot.Member), nil}})
		if late(&r) {
			var err error
			if clocks, err = c.sift(b, r.slot, clocks); err != nil {
				return err
			}
		}
		if len(clocks) > 0 {
			put(b, []write{{row.BreachKey(r.slot), row.Breach{Clocks: clocks, Late: c.Height}.Encode()}})
		}
	}
	return nil
}

// sift schedules the clocks anew that calendars put off, and returns the others.
func (c *Ctx) sift(b *store.Block, s row.Slot, clocks []row.DueClock) (over []row.DueClock, err error) {
	for _, d := range clocks {
		id := row.ClockID{Code: d.Code, Matter: d.Matter, Member: s.Member}
		k, err := clockAt(b, row.ClockKey(id))
		if err == nil && k == nil {
			err = broken{fmt.Errorf("the index names a clock that is not there: %+v", id)}
		}
		if err != nil {
			return nil, err
		}
		if due := c.postponed(k); c.now(k) <= due {
			k.Due, k.Since = due.Date(), c.Height
			if err := c.schedule(b, id, k); err != nil {
				return nil, err
			}
		} else {
			over = append(over, d)
		}
	}
	return over, nil
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

// A ClockStand is what the ledger says of one clock.
type ClockStand struct {
	row.ClockID
	row.Clock
	// Late is the height at which the clock was found overdue, also while it runs
	// on; 0 if it was not.
	Late int64
	// Key is that of the row that shows it: the clock's own, or, of one that is
	// overdue, that of the breach.
	Key []byte
}

// Overdue reports whether what was owed is still owed after its last day.
func (s *ClockStand) Overdue() bool { return s.State == row.Running && s.Late != 0 }

// ClockAt returns what the ledger says of a clock, nil if it never was.
func ClockAt(r Reader, id row.ClockID) (*ClockStand, error) {
	for _, key := range [][]byte{row.ClockKey(id), row.StoppedKey(id)} {
		k, err := clockAt(r, key)
		if err != nil {
			return nil, err
		}
		if k != nil {
			return standClock(r, id, k, key)
		}
	}
	return nil, nil
}

// ReadClock is ClockAt for a row of a clock that was read.
func ReadClock(r Reader, key, value []byte) (*ClockStand, error) {
	id, _, err := row.ClockOf(key)
	if err != nil {
		return nil, broken{err}
	}
	k, err := row.DecodeClock(value)
	if err != nil {
		return nil, broken{err}
	}
	return standClock(r, id, &k, bytes.Clone(key))
}

func standClock(r Reader, id row.ClockID, k *row.Clock, key []byte) (*ClockStand, error) {
	s := &ClockStand{ClockID: id, Clock: *k, Late: k.Late, Key: key}
	if k.State != row.Running {
		return s, nil
	}
	breach := row.BreachKey(row.Slot{When: k.When(), Member: id.Member, Number: k.Slot})
	v, err := r.Get(breach)
	if err != nil || v == nil {
		return s, err
	}
	d, err := row.DecodeBreach(v)
	if err != nil {
		return nil, broken{err}
	}
	if slices.Contains(d.Clocks, row.DueClock{Code: id.Code, Matter: id.Matter}) {
		s.Late, s.Key = d.Late, breach
		s.Breaches++
	}
	return s, nil
}
