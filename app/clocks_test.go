package app_test

import (
	"reflect"
	"testing"
	"time"

	"zhenglian/app/apptest"
	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/tx"
)

// answer is the clock that a challenge of Hangzhou's evidence starts.
func answer(t *testing.T, c *apptest.Chain, matter uint64) *state.ClockStand {
	t.Helper()
	k, err := state.ClockAt(c.App.Store().View(), row.ClockID{Code: state.EvidenceAnswer, Matter: matter, Member: "hangzhou-amr"})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// A challenge starts a clock; it is overdue after the first block whose time is
// past 24:00 of the fifteenth working day in Shanghai, and a decision stops it.
func TestClockFallsOverdue(t *testing.T) {
	c := apptest.New(t)
	c.Block()
	id := c.Must(c.Seal(1))
	seq := c.App.Store().View().Head().LogSize - 1
	if k := answer(t, c, seq); k != nil {
		t.Fatalf("a clock before the challenge: %+v", k)
	}
	head := c.Must(c.Sign(c.Statement("platform-a", tx.EvidenceChallenge, id, &tx.Challenge{Ground: "not_authentic"}), "platform"))
	// 2026-11-23 is a Monday; the fifteenth working day after it is Monday 14 December.
	due := tx.Civil(2026, 12, 14)
	if k := answer(t, c, seq); k == nil || k.State != row.Running || k.Due != due || k.From != tx.Civil(2026, 11, 23) || k.Round != 1 {
		t.Fatalf("after the challenge: %+v", k)
	}
	c.Skipped = due.End().Time().Add(-time.Millisecond).Sub(c.Now())
	if c.Block(); answer(t, c, seq).Overdue() {
		t.Fatal("overdue on its last day")
	}
	c.Skipped -= time.Second - time.Millisecond // the next block is at 24:00
	c.Block()
	if k := answer(t, c, seq); !k.Overdue() || k.Late != c.Height || k.Breaches != 1 {
		t.Fatalf("after its last day: %+v", k)
	}
	late := c.Height
	c.Must(c.Sign(c.Statement("internet-court", tx.EvidenceReject, head, &tx.Decision{Document: tx.Digest{1}}), "court"))
	if k := answer(t, c, seq); k.State != row.Stopped || k.Late != late || k.Breaches != 1 {
		t.Fatalf("after the decision: %+v", k)
	}
	head = c.Must(c.Sign(c.Statement("platform-a", tx.EvidenceChallenge, stand(t, c, id).Head, &tx.Challenge{Ground: "unlawful"}), "platform"))
	if k := answer(t, c, seq); k.State != row.Running || k.Round != 2 || k.Breaches != 1 || k.Late != 0 {
		t.Fatalf("after the second challenge: %+v", k)
	}
	// A decision in the block that first shows that the day is over comes late.
	c.Skipped += answer(t, c, seq).Due.End().Time().Sub(c.Now())
	c.Must(c.Sign(c.Statement("internet-court", tx.EvidenceUphold, head, &tx.Decision{Document: tx.Digest{1}}), "court"))
	if k := answer(t, c, seq); k.State != row.Stopped || k.Breaches != 2 || k.Late != c.Height {
		t.Fatalf("decided late: %+v", k)
	}
}

// Rule sets and calendars change by governance, and only for days to come.
func TestRuleSetsAndCalendarsAreGoverned(t *testing.T) {
	c := apptest.New(t)
	c.Block()
	today := tx.Civil(2026, 11, 23)
	rules := func(effective tx.Date, count int64) *tx.RuleSet {
		return &tx.RuleSet{Deadlines: []tx.Deadline{{Code: state.EvidenceAnswer, Count: count, Unit: tx.Days}}, Effective: effective, Name: "next", Source: "s"}
	}
	days := func(year int64, holidays ...tx.Date) *tx.Calendar {
		return &tx.Calendar{Holidays: holidays, Source: "s", Year: year}
	}
	of2026 := c.App.Directory().Calendars()[0]
	later := &tx.Calendar{Holidays: append(append([]tx.Date{}, of2026.Holidays...), tx.Civil(2026, 12, 31)), Source: "s", Workdays: of2026.Workdays, Year: 2026}
	for _, tt := range []struct {
		name string
		kind tx.Kind
		body tx.Body
		want tx.Code
	}{
		{"in force today", tx.GovRuleset, rules(today, 3), tx.CodeEffective},
		{"in force yesterday", tx.GovRuleset, rules(today-1, 3), tx.CodeEffective},
		{"in force tomorrow", tx.GovRuleset, rules(today+1, 3), tx.CodeOK},
		{"the same again", tx.GovRuleset, rules(today+1, 3), tx.CodeNothing},
		{"last year", tx.GovCalendar, days(2025), tx.CodeYearPassed},
		{"next year", tx.GovCalendar, days(2027, tx.Civil(2027, 1, 1)), tx.CodeOK},
		{"next year, the same", tx.GovCalendar, days(2027, tx.Civil(2027, 1, 1)), tx.CodeNothing},
		{"next year, otherwise", tx.GovCalendar, days(2027, tx.Civil(2027, 1, 4)), tx.CodeOK},
		{"this year, without what has passed", tx.GovCalendar, days(2026), tx.CodeDayPassed},
		{"this year, with today a holiday", tx.GovCalendar, days(2026, append(append([]tx.Date{}, of2026.Holidays...), today)...), tx.CodeDayPassed},
		{"this year, later", tx.GovCalendar, later, tx.CodeOK},
	} {
		before := c.App.Store().View().Head()
		if got := c.Deliver(c.Govern(tt.kind, tt.body)); got != tt.want {
			t.Errorf("%s: got %d %s, want %d %s", tt.name, got, got.Name(), tt.want, tt.want.Name())
		}
		if after := c.App.Store().View().Head(); tt.want != tx.CodeOK && after.AppHash != before.AppHash {
			t.Errorf("%s: a refused statement changed the ledger", tt.name)
		}
	}

	// What starts today falls under the rules of today, what starts tomorrow under the new ones.
	length := func(n int) int64 {
		id := c.Must(c.Seal(n))
		seq := c.App.Store().View().Head().LogSize - 1
		c.Must(c.Sign(c.Statement("platform-a", tx.EvidenceChallenge, id, &tx.Challenge{Ground: "unlawful"}), "platform"))
		return answer(t, c, seq).Count
	}
	if got := length(1); got != 15 {
		t.Errorf("today: %d", got)
	}
	c.Skipped = today.End().Time().Sub(c.Now())
	if got := length(2); got != 3 {
		t.Errorf("tomorrow: %d", got)
	}

	// After a restart the same rules and calendars hold.
	want := c.App.Directory()
	c.Reopen()
	got := c.App.Directory()
	if !reflect.DeepEqual(got.RuleSets(), want.RuleSets()) || !reflect.DeepEqual(got.Calendars(), want.Calendars()) || !reflect.DeepEqual(got.Days(), want.Days()) {
		t.Error("a restart changes rule sets or calendars")
	}
}
