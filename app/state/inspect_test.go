package state_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"zhenglian/app/apptest"
	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/tx"
	"zhenglian/genesis"
)

// clockAt is the state of a member's clock in the matter, "" if it never was.
func (m *matter) clockAt(code tx.ClockCode, member tx.MemberID) string {
	v := m.c.App.Store().View()
	s, err := state.Stand(v, m.c.App.Directory(), m.id)
	if err != nil {
		m.c.T.Fatal(err)
	}
	k, err := state.ClockAt(v, row.ClockID{Code: code, Matter: s.Matter, Member: member})
	if err != nil {
		m.c.T.Fatal(err)
	}
	if k == nil {
		return ""
	}
	return k.State
}

func (m *matter) wantClock(code tx.ClockCode, member tx.MemberID, want string) {
	m.c.T.Helper()
	if got := m.clockAt(code, member); got != want {
		m.c.T.Errorf("clock %s of %s in %s: %q, want %q", code, member, m.state(), got, want)
	}
}

func (m *matter) inspection() *row.Inspection {
	v := m.c.App.Store().View()
	s, err := state.Stand(v, m.c.App.Directory(), m.id)
	if err != nil {
		m.c.T.Fatal(err)
	}
	n, err := state.InspectionAt(v, s.Matter)
	if err != nil || n == nil {
		m.c.T.Fatalf("inspection: %v, %v", n, err)
	}
	return n
}

func (w *world) refusesStep(want tx.Code, m *matter, kind tx.Kind, b tx.Body, keys ...string) {
	w.t.Helper()
	w.refuses(want, w.Sign(w.Statement(membersOf[keys[0]], kind, m.head, b), keys...))
}

// A lot fails, fails again, is recalled and taken off a platform; each who owes
// something has a clock that runs while it does.
func TestInspectionStory(t *testing.T) {
	w := newWorld(t, tx.Reject)
	w.register("qijiang", lot(plums, "P1"), lot(plums, "P2"))
	ship := w.must("qijiang", &tx.Ship{To: "platform-a", Units: units(lot(plums, "P1"))})
	w.Must(w.sign("platform", tx.TraceReceive, ship, &tx.Receive{}))

	m := inspect(w)
	m.must(tx.InspectSample)
	m.wantClock(state.SampleReport, "test-institute", row.Running)
	if n := m.inspection(); n.Maker != "qijiang-amr" || n.Holder != "platform-a" || !slices.Equal(n.Parties, []tx.MemberID{"platform-a", "qijiang-amr"}) {
		t.Fatalf("sampled: %+v", n)
	}
	m.must(tx.InspectFail)
	m.wantClock(state.SampleReport, "test-institute", row.Stopped)
	if n := m.inspection(); n.RetestBy != tx.Civil(2026, 12, 2) || n.Report == 0 { // 7 working days from Monday the 23rd
		t.Fatalf("failed: %+v", n)
	}
	confirm := &tx.Paper{Document: anyDigest}
	w.refusesStep(tx.CodeRetestOpen, m, tx.InspectConfirm, confirm, "officer1", "officer2")
	m.must(tx.InspectAccept) // Qijiang gives it up, the platform has not
	w.refusesStep(tx.CodeRetestOpen, m, tx.InspectConfirm, confirm, "officer1", "officer2")
	w.refusesStep(tx.CodeNoRetest, m, tx.InspectRetest, confirm, "qijiang")
	m.head = w.Must(w.Sign(w.Statement("platform-a", tx.InspectRetest, m.head, confirm), "platform"))
	m.wantClock(state.RetestAccept, "hangzhou-amr", row.Running)
	w.refusesStep(tx.CodeNotLab, m, tx.InspectAssign, &tx.LabChoice{Document: anyDigest, Lab: "test-institute"}, "officer1")
	w.refusesStep(tx.CodeNotLab, m, tx.InspectAssign, &tx.LabChoice{Document: anyDigest, Lab: "internet-court"}, "officer1")
	m.must(tx.InspectAssign)
	m.wantClock(state.RetestAccept, "hangzhou-amr", row.Stopped)
	m.wantClock(state.RetestReport, "retest-institute", row.Running)
	w.refusesStep(tx.CodeNotParty, m, tx.InspectUphold, aFail, "lab", "officer1")
	first := m.inspection().Report

	order := &tx.Delisting{Document: anyDigest, Inspection: m.id, Platform: "platform-a"}
	recall := &tx.Recall{Inspection: m.id, Level: 2, Reason: "failed_test", Units: units(lot(plums, "P1"))}
	w.refuses(tx.CodeNotConfirmed, w.sign("officer1", tx.DelistOrder, tx.ID{}, order, "officer2"))
	w.refused(tx.CodeNotConfirmed, "officer1", recall)

	m.must(tx.InspectUphold)
	m.wantClock(state.RetestReport, "retest-institute", row.Stopped)
	if n := m.inspection(); n.Report == first {
		t.Error("the report that counts is that of the retest")
	}
	m.must(tx.InspectConfirm)
	m.wantClock(state.SampleNotify, "hangzhou-amr", row.Running)
	m.wantClock(state.RecallStart, "qijiang-amr", row.Running)

	other := *recall
	other.Units = units(lot(plums, "P2"))
	w.refused(tx.CodeOtherProduct, "officer1", &other)
	other = *recall
	other.Inspection = ship
	w.refused(tx.CodeNotConfirmed, "officer1", &other)
	id := w.must("qijiang", recall)
	m.wantClock(state.RecallStart, "qijiang-amr", row.Stopped)
	if n := m.inspection(); n.Recall == 0 {
		t.Error("the inspection does not name its recall")
	}
	if u := w.unit(lot(plums, "P1")); u.Recalls != 1 {
		t.Errorf("recalled by %s: %+v", id, u)
	}

	w.refuses(tx.CodeNotPlatform, w.sign("officer1", tx.DelistOrder, tx.ID{}, &tx.Delisting{Document: anyDigest, Inspection: m.id, Platform: "internet-court"}, "officer2"))
	w.refuses(tx.CodeNotRegulator, w.sign("platform", tx.DelistOrder, tx.ID{}, order))
	d := &matter{c: m.c, id: w.Must(w.sign("officer1", tx.DelistOrder, tx.ID{}, order, "officer2"))}
	d.head = d.id
	d.wantClock(state.DelistAnswer, "platform-a", row.Running)
	d.wantClock(state.DelistAct, "platform-a", row.Running)
	w.refuses(tx.CodeOrderOpen, w.sign("officer2", tx.DelistOrder, tx.ID{}, order, "officer1"))
	w.refusesStep(tx.CodeNotParty, d, tx.DelistAck, confirm, "court")
	d.must(tx.DelistAck)
	d.wantClock(state.DelistAnswer, "platform-a", row.Stopped)
	d.wantClock(state.DelistAct, "platform-a", row.Running)
	d.must(tx.DelistDone)
	d.wantClock(state.DelistAct, "platform-a", row.Stopped)
	d.wantClock(state.DelistCheck, "hangzhou-amr", row.Running)
	d.must(tx.DelistReturn)
	d.wantClock(state.DelistCheck, "hangzhou-amr", row.Stopped)
	d.wantClock(state.DelistAct, "platform-a", row.Running)
	d.must(tx.DelistDone)

	m.must(tx.InspectNotify)
	m.wantClock(state.SampleNotify, "hangzhou-amr", row.Stopped)
	w.refusesStep(tx.CodeOrderOpen, m, tx.InspectClose, confirm, "officer1")
	d.must(tx.DelistVerify)
	m.must(tx.InspectClose)
	if m.state() != row.Closed || d.state() != row.Verified {
		t.Errorf("at the end %s and %s", m.state(), d.state())
	}
}

// Every other refusal of an inspection has its own number.
func TestInspectionRefusals(t *testing.T) {
	w := newWorld(t, tx.Reject)
	w.register("qijiang", lot(plums, "P1"), lot(plums, "P2"))
	w.must("qijiang", &tx.Destroy{Reason: "other", Units: units(lot(plums, "P2"))})
	task := func(change func(b *tx.SampleTask)) *tx.SampleTask {
		b := *aTask
		change(&b)
		return &b
	}
	w.refused(tx.CodeNotRegulator, "platform", aTask)
	w.refused(tx.CodeNotLab, "officer1", task(func(b *tx.SampleTask) { b.Lab = "nobody" }))
	w.refused(tx.CodeNotLab, "officer1", task(func(b *tx.SampleTask) { b.Lab = "platform-a" }))
	w.refused(tx.CodeNoProduct, "officer1", task(func(b *tx.SampleTask) { b.Product = "zg/50011000010024" }))

	m := inspect(w)
	sample := func(change func(b *tx.Sample)) *tx.Sample {
		b := &tx.Sample{Document: anyDigest, Quantity: 10, Taken: sampleDay, Unit: lot(plums, "P1")}
		change(b)
		return b
	}
	for _, tt := range []struct {
		want   tx.Code
		change func(b *tx.Sample)
	}{
		{tx.CodeInspectDate, func(b *tx.Sample) { b.Taken++ }},
		{tx.CodeInspectDate, func(b *tx.Sample) { b.Taken -= 31 }},
		{tx.CodeOtherProduct, func(b *tx.Sample) { b.Unit = lot(jam, "J1") }},
		{tx.CodeNoUnit, func(b *tx.Sample) { b.Unit = lot(plums, "P9") }},
		{tx.CodeUnitState, func(b *tx.Sample) { b.Unit = lot(plums, "P2") }},
		{tx.CodeQuantity, func(b *tx.Sample) { b.Quantity = 101 }},
	} {
		w.refusesStep(tt.want, m, tx.InspectSample, sample(tt.change), "officer1", "officer2")
	}
	w.refusesStep(tx.CodeNotParty, m, tx.InspectSample, sample(func(*tx.Sample) {}), "city")
	m.must(tx.InspectSample)
	w.refusesStep(tx.CodeNotParty, m, tx.InspectFail, aFail, "lab2", "officer1")
	early, late := *aFail, *aFail
	early.Tested--
	late.Tested++
	w.refusesStep(tx.CodeInspectDate, m, tx.InspectFail, &early, "lab", "officer1")
	w.refusesStep(tx.CodeInspectDate, m, tx.InspectFail, &late, "lab", "officer1")
	// A report waits for whichever of the two signatures it lacks.
	report := w.Must(w.Sign(w.Statement("test-institute", tx.InspectFail, m.head, aFail), "lab"))
	if m.state() != row.Sampled {
		t.Fatalf("signed by the laboratory alone: %s", m.state())
	}
	w.Must(w.Sign(w.Statement("hangzhou-amr", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: report, Type: tx.Agrees}), "officer1"))
	if m.head = report; m.state() != row.Failed {
		t.Fatalf("signed by both: %s", m.state())
	}
	w.refusesStep(tx.CodeNoRetest, m, tx.InspectRetest, &tx.Paper{Document: anyDigest}, "platform")
	skipTo(w.Chain, tx.Civil(2026, 12, 3))
	w.Block()
	w.refusesStep(tx.CodeRetestLate, m, tx.InspectRetest, &tx.Paper{Document: anyDigest}, "qijiang")
	w.refusesStep(tx.CodeRetestLate, m, tx.InspectAccept, &tx.Paper{Document: anyDigest}, "qijiang")
	m.must(tx.InspectConfirm) // the term is over
}

// Who owes a report and lets its last day pass is overdue, by the ledger.
func TestInspectionOverdue(t *testing.T) {
	w := newWorld(t, tx.Reject)
	w.register("qijiang", lot(plums, "P1"))
	m := inspect(w, tx.InspectSample)
	skipTo(w.Chain, tx.Civil(2026, 12, 22)) // 20 working days end on the 21st
	w.Block()
	s, err := state.Stand(w.App.Store().View(), w.App.Directory(), m.id)
	if err != nil {
		t.Fatal(err)
	}
	k, err := state.ClockAt(w.App.Store().View(), row.ClockID{Code: state.SampleReport, Matter: s.Matter, Member: "test-institute"})
	if err != nil || k == nil || !k.Overdue() {
		t.Errorf("%+v, %v", k, err)
	}
}

// An inspectModel is what the rules of inspections amount to for one inspection
// and the orders to one platform.
type inspectModel struct {
	state   row.State
	parties int // that may ask for a retest
	order   row.State
}

// next is the model's judgement of a statement.
func (m *inspectModel) next(k tx.Kind) bool {
	type edge struct {
		from row.State
		kind tx.Kind
	}
	to := map[edge]row.State{
		{row.Tasked, tx.InspectSample}: row.Sampled, {row.Tasked, tx.InspectWithdraw}: row.Withdrawn, {row.Sampled, tx.InspectWithdraw}: row.Withdrawn,
		{row.Sampled, tx.InspectPass}: row.Passed, {row.Sampled, tx.InspectFail}: row.Failed,
		{row.Failed, tx.InspectRetest}: row.RetestAsked, {row.Failed, tx.InspectAccept}: row.Failed, {row.Failed, tx.InspectConfirm}: row.Confirmed,
		{row.RetestAsked, tx.InspectAssign}: row.Retesting, {row.RetestAsked, tx.InspectRefuse}: row.RetestRefused,
		{row.Retesting, tx.InspectUphold}: row.RetestFailed, {row.Retesting, tx.InspectOverturn}: row.Overturned,
		{row.RetestRefused, tx.InspectConfirm}: row.Confirmed, {row.RetestFailed, tx.InspectConfirm}: row.Confirmed,
		{row.Confirmed, tx.InspectNotify}: row.Notified, {row.Notified, tx.InspectClose}: row.Closed,
	}
	orders := map[edge]row.State{
		{row.Issued, tx.DelistAck}: row.Acked, {row.Issued, tx.DelistDone}: row.Delisted, {row.Acked, tx.DelistDone}: row.Delisted,
		{row.Delisted, tx.DelistReturn}: row.Issued, {row.Delisted, tx.DelistVerify}: "", {row.Issued, tx.DelistWithdraw}: "",
		{row.Acked, tx.DelistWithdraw}: "", {row.Delisted, tx.DelistWithdraw}: "",
	}
	if k.Family() == "delist" {
		if k == tx.DelistOrder {
			if m.order != "" || !row.FailedForGood(m.state) {
				return false
			}
			m.order = row.Issued
			return true
		}
		s, ok := orders[edge{m.order, k}]
		if ok {
			m.order = s
		}
		return ok
	}
	if k == tx.InspectRevoke {
		ok := m.state != row.Tasked && m.state != row.Sampled && m.state != row.Withdrawn && m.state != row.Revoked
		if ok {
			m.state = row.Revoked
		}
		return ok
	}
	s, ok := to[edge{m.state, k}]
	switch {
	case !ok, k == tx.InspectConfirm && m.state == row.Failed && m.parties > 0, k == tx.InspectClose && m.order != "",
		(k == tx.InspectAccept || k == tx.InspectRetest) && m.parties == 0:
		return false
	case k == tx.InspectAccept:
		m.parties = 0
	}
	m.state = s
	return true
}

// Statements of inspections in random orders, with the newest head or an old one,
// many twice: what the ledger holds is always what a simple model says.
func TestInspectionModel(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	kinds := slices.DeleteFunc(tx.Kinds(), func(k tx.Kind) bool { return k.Family() != "inspect" && k.Family() != "delist" || k == tx.InspectTask })
	w := newWorld(t, tx.Reject, func(*genesis.State) {})
	w.register("qijiang", lot(plums, "P1"))
	accepted := 0
	for range 150 {
		m := inspect(w)
		model := inspectModel{state: row.Tasked, parties: 1}
		var d *matter
		var sent [][]byte
		old := m.head
		for range 60 {
			k := kinds[r.IntN(len(kinds))]
			if (k == tx.InspectRevoke || k == tx.InspectWithdraw) && r.IntN(8) > 0 {
				continue // which ends it
			}
			if r.IntN(10) == 0 && len(sent) > 0 { // again
				if got := deliver(w.Chain, sent[r.IntN(len(sent))]); got == tx.CodeOK {
					t.Fatal("the same envelope was accepted twice")
				}
				continue
			}
			at := m
			switch {
			case k == tx.DelistOrder:
			case k.Family() == "delist" && d == nil:
				continue
			case k.Family() == "delist":
				at = d
			}
			head, stale := at.head, r.IntN(6) == 0 && at == m && m.head != old
			if k == tx.DelistOrder {
				at = &matter{c: w.Chain, head: m.id}
				head, stale = tx.ID{}, false
			} else if stale {
				at = &matter{c: w.Chain, id: m.id, head: old}
			}
			e := at.step(k)
			was := model
			want := !stale && model.next(k)
			wire := e.AppendWire(nil)
			got := deliver(w.Chain, wire)
			if (got == tx.CodeOK) != want {
				t.Fatalf("%s in %s, order %q, parties %d: code %d, the model says %v", k, was.state, was.order, was.parties, got, want)
			}
			if got == tx.CodeOK {
				accepted++
				sent = append(sent, wire)
				switch {
				case k == tx.DelistOrder:
					d = &matter{c: w.Chain, id: e.ID(), head: e.ID()}
				case at == d:
					d.head = e.ID()
				default:
					old, m.head = head, e.ID()
				}
			}
			if m.state() != model.state || d != nil && model.order != "" && d.state() != model.order {
				t.Fatalf("after %s: %s, the model says %s", k, m.state(), model.state)
			}
		}
		// Nothing of the unit moved by it.
		if u := w.unit(lot(plums, "P1")); u.State != row.UnitActive || u.Left != 100 || u.Recalls != 0 {
			t.Fatalf("%+v", u)
		}
	}
	if accepted < 200 {
		t.Errorf("only %d statements were accepted", accepted)
	}
}

func deliver(c *apptest.Chain, wire []byte) tx.Code { return tx.Code(c.Block(wire)[0].Code) }
