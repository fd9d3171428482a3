package app_test

import (
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
