package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	cmttypes "github.com/cometbft/cometbft/types"

	"zhenglian/app"
	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/tx"
)

// The clocks that are measured: so many started on each of some days by twenty
// members, of which those of one day fall due in one block.
const (
	clocksADay = 10_000
	clockUsers = 20
)

// clocksDue measures a block in which 10 000 clocks fall due, from the end of
// its transactions until it is durable: the clocks found by the index and made
// overdue, the tree hashed, one synced write. The ceiling is a block that does
// nothing but change the rows of as many clocks.
//
// When a calendar came while they ran, the clocks are looked at one by one, and
// a block does fewer; what is measured is then all the blocks that it takes.
func clocksDue(calendar bool) func(context.Context, *bench) (pair, error) {
	return func(ctx context.Context, b *bench) (_ pair, err error) {
		dir, err := os.MkdirTemp("", "clocks")
		if err != nil {
			return pair{}, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		workload, err := newLedger(1)
		if err != nil {
			return pair{}, err
		}
		a, err := app.New(app.Config{Dir: dir})
		if err != nil {
			return pair{}, err
		}
		defer func() { err = errors.Join(err, a.Close()) }()
		doc := &cmttypes.GenesisDoc{ChainID: chainID}
		if err := workload.(*ledgerWorkload).Genesis(doc); err != nil {
			return pair{}, err
		}
		if _, err := a.InitChain(ctx, &abci.RequestInitChain{ChainId: chainID, AppStateBytes: doc.AppState}); err != nil {
			return pair{}, err
		}
		c := &clockBench{app: a, first: tx.Civil(2026, 3, 2), days: max(2*b.scale.pairs, 10), calendar: calendar}
		if err := c.start(); err != nil {
			return pair{}, err
		}
		var ps []pair
		for i := range b.scale.pairs {
			p := pair{}
			if p.ceiling, err = c.write(2 * i); err != nil {
				return pair{}, err
			}
			if p.value, err = c.fallDue(2*i + 1); err != nil {
				return pair{}, err
			}
			fmt.Fprintf(b.progress, "clocks.due %d/%d %.1f ms, as many rows written %.1f ms\n", i+1, b.scale.pairs, 1e3*p.value, 1e3*p.ceiling)
			ps = append(ps, p)
		}
		return median(ps), nil
	}
}

type clockBench struct {
	app      *app.App
	first    tx.Date // the clocks of day n run until first + n
	days     int
	calendar bool
	height   int64
}

// clock is the i-th clock of a day. Matters are numbered in the order in which
// they were opened, and a member opens one after the other.
func (c *clockBench) clock(day, i int) (row.ClockID, row.Clock) {
	seq := uint64(day*clocksADay + i)
	member := tx.MemberID(fmt.Sprintf("office-%02d", i%clockUsers))
	due := c.first + tx.Date(day)
	return row.ClockID{Code: state.EvidenceAnswer, Matter: seq, Member: member},
		row.Clock{Began: 1, Count: 15, Due: due, From: due - 21, Round: 1, RuleSet: 8, Since: 1, State: row.Running, Unit: tx.Workdays}
}

// start writes all clocks, and the index of those that are to fall due.
func (c *clockBench) start() error {
	for day := range c.days {
		c.height++
		b := c.app.Store().Begin(c.height)
		var due [clockUsers]row.Due
		for i := range clocksADay {
			id, k := c.clock(day, i)
			user, n := i%clockUsers, i/clockUsers
			k.Slot = uint32(n / row.PerDue)
			b.Set(row.ClockKey(id), k.Encode())
			d := &due[user]
			if !c.calendar {
				d.Since = c.height
			}
			if d.Clocks = append(d.Clocks, row.DueClock{Code: id.Code, Matter: id.Matter}); len(d.Clocks) == row.PerDue || i+clockUsers >= clocksADay {
				if day%2 == 1 {
					b.Set(row.DueKey(row.Slot{When: k.When(), Member: id.Member, Number: k.Slot}), d.Encode())
				}
				d.Clocks = nil
			}
		}
		if _, err := b.Commit(); err != nil {
			return err
		}
	}
	return nil
}

// fallDue runs the ends of blocks until a day's clocks are overdue, and adds up
// what they take.
func (c *clockBench) fallDue(day int) (seconds float64, err error) {
	for {
		c.height++
		b := c.app.Store().Begin(c.height)
		ctx := &state.Ctx{Height: c.height, Time: (c.first + tx.Date(day)).End(), Dir: c.app.Directory(), Read: b}
		began := time.Now()
		if _, err := state.EndBlock(ctx, b); err != nil {
			return 0, err
		}
		if _, err := b.Commit(); err != nil {
			return 0, err
		}
		seconds += time.Since(began).Seconds()
		left := 0
		for i := clocksADay - clockUsers; i < clocksADay; i++ {
			id, _ := c.clock(day, i)
			k, err := state.ClockAt(c.app.Store().View(), id)
			if err != nil {
				return 0, err
			}
			if !k.Overdue() {
				left++
			}
		}
		if left == 0 {
			return seconds, nil
		}
		if !c.calendar {
			return 0, fmt.Errorf("%d clocks of day %d are not overdue", left, day)
		}
	}
}

// write runs a block that writes what fallDue would of another day's clocks.
func (c *clockBench) write(day int) (seconds float64, err error) {
	c.height++
	keys, values := make([][]byte, clocksADay), make([][]byte, clocksADay)
	for i := range keys {
		id, k := c.clock(day, i)
		k.Since, k.Breaches = c.height, 1
		keys[i], values[i] = row.ClockKey(id), k.Encode()
	}
	b := c.app.Store().Begin(c.height)
	began := time.Now()
	for i := range keys {
		b.Set(keys[i], values[i])
	}
	if _, err := b.Commit(); err != nil {
		return 0, err
	}
	return time.Since(began).Seconds(), nil
}
