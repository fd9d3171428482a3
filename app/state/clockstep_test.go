package state_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"zhenglian/app/apptest"
	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/tx"
	"zhenglian/genesis"
)

// clockStep is a body of a kind of the family clock: of the deadline for a
// decision in a matter.
func clockStep(kind tx.Kind, matter tx.ID) tx.Body {
	return clockBody(kind, tx.ClockStep{Code: state.ListDecision, Document: tx.Digest{1}, Matter: matter}, "testing")
}

func clockBody(kind tx.Kind, b tx.ClockStep, ground string) tx.Body {
	if kind == tx.ClockPause {
		return &tx.Standstill{ClockStep: b, Reason: ground}
	}
	return &b
}

// stepClock states a kind of the family clock in a matter, completely signed.
func (m *matter) stepClock(kind tx.Kind, b tx.Body) *tx.Envelope {
	return m.c.Sign(m.c.Statement("hangzhou-amr", kind, tx.ID{}, b), "officer1", "officer2", "admin1")
}

// clock returns the clock until the matter's decision, nil if it never ran.
func (m *matter) clock() *state.ClockStand {
	m.c.T.Helper()
	v := m.c.App.Store().View()
	s, err := state.Stand(v, m.c.App.Directory(), m.id)
	if err != nil {
		m.c.T.Fatal(err)
	}
	k, err := state.ClockAt(v, row.ClockID{Code: state.ListDecision, Matter: s.Matter, Member: "hangzhou-amr"})
	if err != nil {
		m.c.T.Fatal(err)
	}
	return k
}

// Every state of the life cycle of an entry with every kind of the family clock:
// the time until the decision runs from the proposal, stands still from the
// request for a hearing until it was held or waived, and has ended with the
// decision or when the proposal is given up.
func TestEveryListStateAndClockKind(t *testing.T) {
	running := []row.State{row.Proposed, row.NoticeServed, row.DefenceFiled, row.Heard, row.Waived, row.Reviewed, row.SuperiorOK}
	for _, l := range tx.Lists() {
		c := listed(t)
		reached := paths("list", l, row.Proposed)
		for _, s := range slices.Sorted(maps.Keys(reached)) {
			m, _ := listMatter(c, tx.ListPropose, l, reached[s])
			is := row.Stopped
			switch {
			case slices.Contains(running, s):
				is = row.Running
			case s == row.HearingRequested:
				is = row.Paused
			}
			if k := m.clock(); k == nil || k.State != is {
				t.Errorf("%s %s: the clock is %+v, want %s", l, s, k, is)
				continue
			}
			for _, kind := range []tx.Kind{tx.ClockResume, tx.ClockExtend, tx.ClockPause, tx.ClockExtend, tx.ClockPause, tx.ClockResume} {
				k, want, then := m.clock(), tx.CodeOK, is
				switch {
				case is == row.Stopped:
					want = tx.CodeNoClock
				case kind == tx.ClockExtend && k.Extended:
					want = tx.CodeClockExtend
				case kind == tx.ClockPause && is == row.Running:
					then = row.Paused
				case kind == tx.ClockResume && is == row.Paused:
					then = row.Running
				case kind != tx.ClockExtend:
					want = tx.CodeClockState
				}
				before := c.App.Store().View().Head()
				code := c.Deliver(m.stepClock(kind, clockStep(kind, m.id)))
				after := c.App.Store().View().Head()
				if code != want || m.clock().State != then || m.state() != s {
					t.Errorf("%s %s/%s of a clock that is %s: code %d, then %s; want %d and %s", l, s, kind, is, code, m.clock().State, want, then)
				}
				if code != tx.CodeOK && (after.StateRoot != before.StateRoot || after.LogRoot != before.LogRoot) {
					t.Errorf("%s %s/%s was refused and changed something", l, s, kind)
				}
				is = then
			}
		}
	}
}

// The days between the request for a hearing and the hearing do not count, and
// an extension of the law's length comes once.
func TestHearingStopsTheTime(t *testing.T) {
	c := listed(t)
	m, p := listMatter(c, tx.ListPropose, tx.NegativeIndex, []tx.Kind{tx.ListServe})
	due := m.clock().Due
	if k := m.clock(); k.Unit != tx.Days || k.Count != 90 || due < k.From+90 {
		t.Fatalf("until the decision: %+v", k)
	}
	m.head = c.Must(m.listStep(tx.ListHearing, p))
	if k := m.clock(); k.State != row.Paused || k.Ground != tx.HearingGround || k.Count != 90 {
		t.Fatalf("while a hearing is due: %+v", k)
	}
	skipTo(c, today(c)+200)
	m.head = c.Must(m.listStep(tx.ListHear, p))
	if k := m.clock(); k.State != row.Running || k.Ground != "" || k.Due < k.From+90 || k.Due < due+195 || k.Late != 0 {
		t.Fatalf("after the hearing: %+v, due %s before", k, due)
	}
	due = m.clock().Due
	c.Must(m.stepClock(tx.ClockExtend, clockStep(tx.ClockExtend, m.head)))
	if k := m.clock(); !k.Extended || k.Due < due+28 || k.Due > due+40 {
		t.Fatalf("extended: %+v, due %s before", k, due)
	}
	skipTo(c, m.clock().Due+1)
	c.Block()
	if k := m.clock(); !k.Overdue() {
		t.Fatalf("after its last day: %+v", k)
	}
	for _, kind := range []tx.Kind{tx.ClockPause, tx.ClockExtend} {
		if code := c.Deliver(m.stepClock(kind, clockStep(kind, m.id))); code != tx.CodeClockOver {
			t.Errorf("%s of an overdue clock: code %d", kind, code)
		}
	}
}

// Who may stop the time, of which clock and why.
func TestClockStepRefusals(t *testing.T) {
	c := listed(t)
	m, _ := listMatter(c, tx.ListPropose, tx.NegativeIndex, nil)
	hint := c.Must(c.Sign(c.Statement("changsha-amr", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: m.id, Type: tx.Agrees}), "changsha"))
	change := func(kind tx.Kind, do func(*tx.ClockStep)) *tx.Envelope {
		b := tx.ClockStep{Code: state.ListDecision, Document: tx.Digest{1}, Matter: m.id}
		do(&b)
		return m.stepClock(kind, clockBody(kind, b, "testing"))
	}
	for _, tt := range []struct {
		name string
		e    *tx.Envelope
		want tx.Code
	}{
		{"no such statement", change(tx.ClockPause, func(b *tx.ClockStep) { b.Matter = tx.ID{1} }), tx.CodeNoClock},
		{"an endorsement is no matter", change(tx.ClockPause, func(b *tx.ClockStep) { b.Matter = hint }), tx.CodeNoClock},
		{"another code", change(tx.ClockExtend, func(b *tx.ClockStep) { b.Code = "REPAIR_DECIDE" }), tx.CodeNoClock},
		{"another member's", c.Sign(c.Statement("changsha-amr", tx.ClockResume, tx.ID{}, clockStep(tx.ClockResume, m.id)), "changsha"), tx.CodeNoClock},
		{"it continues nothing", c.Sign(c.Statement("hangzhou-amr", tx.ClockPause, m.head, clockStep(tx.ClockPause, m.id)), "officer1", "officer2"), tx.CodeState},
	} {
		if code := c.Deliver(tt.e); code != tt.want {
			t.Errorf("%s: code %d, want %d", tt.name, code, tt.want)
		}
	}

	// One officer's pause waits, and takes effect when the second signs; not if the
	// clock has been stopped meanwhile.
	for _, stopped := range []bool{false, true} {
		m, p := listMatter(c, tx.ListPropose, tx.NegativeIndex, nil)
		id := c.Must(c.Sign(c.Statement("hangzhou-amr", tx.ClockPause, tx.ID{}, clockStep(tx.ClockPause, m.id)), "officer1"))
		if k := m.clock(); k.State != row.Running {
			t.Fatalf("paused by one officer: %+v", k)
		}
		want := row.Paused
		if stopped {
			m.head, want = c.Must(m.listStep(tx.ListDrop, p)), row.Stopped
		}
		c.Must(c.Sign(c.Statement("hangzhou-amr", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: id, Type: tx.Agrees}), "officer2"))
		if k := m.clock(); k.State != want {
			t.Errorf("completed: %+v, want %s", k, want)
		}
	}
}

// What a rule set does not allow is refused: the grounds of a pause, and an
// extension where there is none.
func TestRuleSetSaysWhatStandsStill(t *testing.T) {
	c := apptest.New(t, func(g *genesis.State) {
		for i := range g.RuleSets {
			for j := range g.RuleSets[i].Deadlines {
				if d := &g.RuleSets[i].Deadlines[j]; d.Code == state.ListDecision {
					d.Pause, d.Extend, d.Count, d.Unit, d.Roll = []string{"testing"}, 0, 24, tx.Hours, false
				}
			}
		}
	})
	c.Block()
	m, p := listMatter(c, tx.ListPropose, tx.NegativeIndex, []tx.Kind{tx.ListServe})
	if k := m.clock(); k.Unit != tx.Minutes || k.Count != 24*60 || k.Minute == 0 {
		t.Fatalf("24 hours: %+v", k)
	}
	b := clockBody(tx.ClockPause, tx.ClockStep{Code: state.ListDecision, Document: tx.Digest{1}, Matter: m.id}, "inspection")
	if code := c.Deliver(m.stepClock(tx.ClockPause, b)); code != tx.CodeClockPause {
		t.Errorf("a pause on another ground: code %d", code)
	}
	if code := c.Deliver(m.stepClock(tx.ClockExtend, clockStep(tx.ClockExtend, m.id))); code != tx.CodeClockExtend {
		t.Errorf("an extension that the law does not know: code %d", code)
	}
	m.head = c.Must(m.listStep(tx.ListHearing, p))
	if k := m.clock(); k.State != row.Running {
		t.Errorf("stands still for a hearing, which the rule set does not say: %+v", k)
	}
	c.Must(m.stepClock(tx.ClockPause, clockStep(tx.ClockPause, m.id)))
	left := m.clock().Count
	skipTo(c, today(c)+3)
	m.head = c.Must(m.listStep(tx.ListHear, p))
	if k := m.clock(); k.State != row.Paused || k.Ground != "testing" {
		t.Errorf("the end of a hearing ended a test: %+v", k)
	}
	c.Must(m.stepClock(tx.ClockResume, clockStep(tx.ClockResume, m.id)))
	k := m.clock()
	if k.State != row.Running || k.Count != left || k.Late != 0 {
		t.Errorf("resumed: %+v, %d minutes left", k, left)
	}
	end := k.Minute.End()
	c.Skipped += end.Time().Sub(c.Now()) - 2*60*1e9
	c.Block()
	if k := m.clock(); k.Overdue() {
		t.Fatalf("overdue before its last minute is over: %+v", k)
	}
	c.Skipped += 3 * 60 * 1e9
	c.Block()
	if k := m.clock(); !k.Overdue() {
		t.Fatalf("not overdue: %+v at %s", k, fmt.Sprint(c.Now()))
	}
}
