package state

import (
	"math/rand/v2"
	"testing"

	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// Random schedules of clocks of hours: every clock is at every block what a model
// says that lives through its minutes one by one, and a calendar changes nothing.
func TestHoursAgainstModel(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 3))
	type model struct {
		state           string
		left            int64 // minutes, the one that runs not counted
		round, breaches int64
		late            int64
		extended        bool
	}
	for range 20 {
		hours := 1 + r.Int64N(5)
		w := wind(t, tx.Deadline{Code: "CASE", Count: hours, Extend: hours, Unit: tx.Hours})
		at := tx.Civil(2026, 3, 1).End()
		models := make([]model, 6)
		for range 80 {
			before := tx.MinuteOf(at)
			at += tx.Time(r.Int64N([]int64{1000, 90_000, 3_600_000, 20_000_000}[r.IntN(4)]))
			for i := range models {
				for m, minute := &models[i], before; minute < tx.MinuteOf(at); minute++ {
					if m.state != row.Running {
						continue
					}
					if m.left--; m.left < 0 {
						m.state, m.late = overdue, w.ctx.Height+1
						m.breaches++
					}
				}
			}
			var moves []clockMove
			for range r.IntN(4) {
				i, a := r.IntN(len(models)), clockAct(r.IntN(5))
				moves = append(moves, clockMove{do: a, id: someClock(i)})
				switch m := &models[i]; {
				case a == start:
					*m = model{state: row.Running, left: 60 * hours, round: m.round + 1, breaches: m.breaches}
				case a == stop && m.state != "":
					m.state = row.Stopped
				case a == pause && m.state == row.Running:
					m.state = row.Paused
				case a == resume && m.state == row.Paused:
					m.state = row.Running
				case a == extend && (m.state == row.Running || m.state == row.Paused) && !m.extended:
					m.extended, m.left = true, m.left+60*hours
				}
			}
			if r.IntN(10) == 0 {
				w.calendar(2026, row.Calendar{Holidays: []tx.Date{tx.DateOf(at), tx.DateOf(at) + 1}})
			}
			w.block(at, moves...)
			w.indexed()
			for i := range models {
				m, k := &models[i], w.clock(someClock(i))
				if k == nil && m.state == "" {
					continue
				}
				if k == nil || k.State != m.state || k.Round != m.round || k.Breaches != m.breaches || k.Late != m.late || k.Extended != m.extended {
					t.Fatalf("seed %d: at %s after %v, of %d hours: clock %d is %+v, want %+v", seed, at, moves, hours, i, k, m)
				}
				if m.state == row.Running && (k.Minute != tx.MinuteOf(at)+tx.Minute(m.left) || k.Due != tx.DateOf(k.Minute.Time())) {
					t.Fatalf("seed %d: at %s clock %d ends with minute %d of %s, want %d more", seed, at, i, k.Minute, k.Due, m.left)
				}
			}
		}
	}
}
