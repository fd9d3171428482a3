package state_test

import (
	"testing"
	"time"

	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/tx"
)

// Whoever is offered goods has three working days to answer, and whose hand-over
// is disputed seven to settle it; an answer stops the one, a settlement the other.
func TestHandoverClocks(t *testing.T) {
	w := newWorld(t, tx.Reject)
	w.must("qijiang", &tx.Register{Units: some(10, lot(plums, "A"), lot(plums, "B"), lot(plums, "C"))})
	offer := func(name string) (tx.ID, uint64) {
		id := w.must("qijiang", &tx.Ship{To: "platform-a", Units: units(lot(plums, name))})
		p, err := state.Stand(w.App.Store().View(), w.App.Directory(), id)
		if err != nil {
			t.Fatal(err)
		}
		return id, p.Seq
	}
	answer := func(key string, kind tx.Kind, offer tx.ID, b tx.Body) tx.ID {
		return w.Must(w.sign(key, kind, offer, b))
	}
	want := func(seq uint64, member tx.MemberID, code tx.ClockCode, state_ string, due string) {
		t.Helper()
		k, err := state.ClockAt(w.App.Store().View(), row.ClockID{Code: code, Matter: seq, Member: member})
		if err != nil {
			t.Fatal(err)
		}
		got, last := "none", ""
		if k != nil {
			if got, last = k.State, k.Due.String(); k.Overdue() {
				got = "OVERDUE"
			}
		}
		if got != state_ || due != "" && due != last {
			t.Errorf("%s of %s is %s until %s, want %s %s", code, member, got, last, state_, due)
		}
	}
	a, seqA := offer("A")
	want(seqA, "platform-a", state.HandoverAnswer, row.Running, "2026-11-26") // a Monday and three working days
	want(seqA, "qijiang-amr", state.HandoverSettle, "none", "")
	answer("platform", tx.TraceReceive, a, &tx.Receive{})
	want(seqA, "platform-a", state.HandoverAnswer, row.Stopped, "")

	b, seqB := offer("B")
	disputed := answer("platform", tx.TraceDispute, b, &tx.Dispute{Reason: "short"})
	want(seqB, "platform-a", state.HandoverAnswer, row.Stopped, "")
	want(seqB, "qijiang-amr", state.HandoverSettle, row.Running, "2026-12-02")
	answer("platform", tx.TraceReceive, disputed, &tx.Receive{})
	want(seqB, "qijiang-amr", state.HandoverSettle, row.Stopped, "")

	c, seqC := offer("C")
	w.Skipped += 4 * 24 * time.Hour
	w.Block()
	w.Block()
	want(seqC, "platform-a", state.HandoverAnswer, "OVERDUE", "2026-11-26")
	answer("qijiang", tx.TraceCancel, c, &tx.Withdraw{Reason: "mistake"})
	want(seqC, "platform-a", state.HandoverAnswer, row.Stopped, "")
}
