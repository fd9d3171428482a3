package state_test

import (
	"testing"

	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/tx"
	"zhenglian/genesis"
)

// sampleDay is a day on which the samples of these tests were taken: that of the
// first block.
var sampleDay = tx.Civil(2026, 11, 23)

// inspected is an inspection of the village's lot P1 after some steps.
func inspected(then ...tx.Kind) func(t *testing.T) *matter {
	return func(t *testing.T) *matter {
		w := newWorld(t, tx.Reject, func(g *genesis.State) { g.Params.PendingBlocks = 5 })
		w.register("qijiang", lot(plums, "P1"), lot(plums, "P2"))
		return inspect(w, then...)
	}
}

func inspect(w *world, then ...tx.Kind) *matter {
	id := w.must("officer1", aTask)
	m := &matter{c: w.Chain, id: id, head: id, key: "officer1"}
	for _, k := range then {
		m.must(k)
	}
	return m
}

// waitingTask is an inspection that lacks a signature, because Hangzhou asks two
// of itself.
func waitingTask(t *testing.T) *matter {
	w := newWorld(t, tx.Reject, func(g *genesis.State) { g.Params.PendingBlocks = 5 })
	from := w.Height + 3
	w.Must(w.Own(tx.GovOverride, &tx.PolicyChange{Expr: "OF(2,officer@issuer)", From: from, Kind: tx.InspectTask}))
	for w.Height < from {
		w.Block()
	}
	return inspect(w)
}

// ordered is an order to the platform that follows a failure, after some steps.
func ordered(then ...tx.Kind) func(t *testing.T) *matter {
	return func(t *testing.T) *matter {
		i := inspected(forGood...)(t)
		return order(i, then...)
	}
}

func order(i *matter, then ...tx.Kind) *matter {
	m := &matter{c: i.c, head: i.id}
	e := m.inspectStep(tx.DelistOrder)
	m.id = m.c.Must(e)
	m.head = m.id
	for _, k := range then {
		m.must(k)
	}
	return m
}

// waitingOrder lacks a signature of Hangzhou.
func waitingOrder(t *testing.T) *matter {
	i := inspected(forGood...)(t)
	s := i.c.Statement("hangzhou-amr", tx.DelistOrder, tx.ID{}, &tx.Delisting{Document: anyDigest, Inspection: i.id, Platform: "platform-a"})
	id := i.c.Must(i.c.Sign(s, "officer1"))
	return &matter{c: i.c, id: id, head: id}
}

var (
	aTask   = &tx.SampleTask{Lab: "test-institute", Product: plums, Reason: "routine"}
	aPass   = &tx.TestPass{Document: anyDigest, Items: 12, Standard: "GB 2762-2022", Tested: sampleDay}
	aFail   = &tx.TestFail{Document: anyDigest, Failed: []tx.FailedItem{{Found: "0.35", Limit: "0.1", NameEN: "lead (Pb)", NameZH: "铅（以Pb计）", Unit: "mg/kg"}}, Items: 12, Standard: "GB 2762-2022", Tested: sampleDay}
	forGood = []tx.Kind{tx.InspectSample, tx.InspectFail, tx.InspectAccept, tx.InspectConfirm}
)

// inspectStep is a complete, well-signed statement of a kind of inspection, or of
// orders to platforms, that continues m, or tries to.
func (m *matter) inspectStep(kind tx.Kind) *tx.Envelope {
	by := func(b tx.Body, keys ...string) *tx.Envelope {
		return m.c.Sign(m.c.Statement(membersOf[keys[0]], kind, m.head, b), keys...)
	}
	paper := &tx.Paper{Document: anyDigest}
	switch kind {
	case tx.InspectTask:
		return by(aTask, "officer1")
	case tx.InspectSample:
		return by(&tx.Sample{Document: anyDigest, Quantity: 10, Taken: sampleDay, Unit: lot(plums, "P1")}, "officer1", "officer2")
	case tx.InspectPass:
		return by(aPass, "lab", "officer1")
	case tx.InspectFail:
		return by(aFail, "lab", "officer1")
	case tx.InspectOverturn:
		return by(aPass, "lab2", "officer1")
	case tx.InspectUphold:
		return by(aFail, "lab2", "officer1")
	case tx.InspectAccept, tx.InspectRetest:
		return by(paper, "qijiang")
	case tx.InspectAssign:
		return by(&tx.LabChoice{Document: anyDigest, Lab: "retest-institute"}, "officer1")
	case tx.InspectRefuse:
		return by(&tx.Reasoned{Decision: anyDigest, Reason: "microbial"}, "officer1", "officer2")
	case tx.InspectRevoke:
		return by(paper, "court")
	case tx.InspectConfirm:
		return by(paper, "officer1", "officer2")
	case tx.InspectNotify, tx.InspectClose:
		return by(paper, "officer1")
	case tx.InspectWithdraw:
		return by(&tx.Withdraw{Reason: "mistake"}, "officer1")
	case tx.DelistOrder: // head is an inspection: opens
		s := m.c.Statement("hangzhou-amr", kind, tx.ID{}, &tx.Delisting{Document: anyDigest, Inspection: m.head, Platform: "platform-a"})
		return m.c.Sign(s, "officer1", "officer2")
	case tx.DelistAck:
		return by(paper, "platform")
	case tx.DelistDone:
		return by(&tx.Delisted{Count: 3, Shops: 2}, "platform")
	case tx.DelistReturn:
		return by(&tx.Reasoned{Decision: anyDigest, Reason: "still_offered"}, "officer1")
	case tx.DelistVerify:
		return by(paper, "officer1")
	case tx.DelistWithdraw:
		return by(&tx.Withdraw{Reason: "mistake"}, "officer1", "officer2")
	}
	panic(kind)
}

type kindStates = map[tx.Kind]row.State

// with adds what every statement of a state allows.
func with(s row.State, more kindStates) kindStates {
	more[tx.EndorseKind] = s
	return more
}

func steps(before []tx.Kind, more ...tx.Kind) []tx.Kind {
	return append(before[:len(before):len(before)], more...)
}

// inspectWays lead to the states of inspections and of orders; see ways. A
// delist.order that names an inspection opens a matter of its own.
var inspectWays = func() []way {
	failed := []tx.Kind{tx.InspectSample, tx.InspectFail}
	asked := steps(failed, tx.InspectRetest)
	retest := steps(asked, tx.InspectAssign)
	again := steps(retest, tx.InspectUphold)
	notified := steps(again, tx.InspectConfirm, tx.InspectNotify)
	return []way{
		{"inspect", row.Pending, waitingTask, kindStates{tx.InspectWithdraw: row.Withdrawn, tx.EndorseKind: row.Pending}},
		{"inspect", row.Tasked, inspected(), with(row.Tasked, kindStates{tx.InspectSample: row.Sampled, tx.InspectWithdraw: row.Withdrawn})},
		{"inspect", row.Sampled, inspected(tx.InspectSample), with(row.Sampled, kindStates{tx.InspectPass: row.Passed, tx.InspectFail: row.Failed, tx.InspectWithdraw: row.Withdrawn})},
		{"inspect", row.Passed, inspected(tx.InspectSample, tx.InspectPass), with(row.Passed, kindStates{tx.InspectRevoke: row.Revoked})},
		{"inspect", row.Failed, inspected(failed...), with(row.Failed, kindStates{tx.InspectAccept: row.Failed, tx.InspectRetest: row.RetestAsked, tx.InspectRevoke: row.Revoked})},
		{"inspect", row.Failed, inspected(steps(failed, tx.InspectAccept)...), with(row.Failed, kindStates{tx.InspectConfirm: row.Confirmed, tx.InspectRevoke: row.Revoked})},
		{"inspect", row.RetestAsked, inspected(asked...), with(row.RetestAsked, kindStates{tx.InspectAssign: row.Retesting, tx.InspectRefuse: row.RetestRefused, tx.InspectRevoke: row.Revoked})},
		{"inspect", row.RetestRefused, inspected(steps(asked, tx.InspectRefuse)...), with(row.RetestRefused, kindStates{tx.InspectConfirm: row.Confirmed, tx.InspectRevoke: row.Revoked})},
		{"inspect", row.Retesting, inspected(retest...), with(row.Retesting, kindStates{tx.InspectUphold: row.RetestFailed, tx.InspectOverturn: row.Overturned, tx.InspectRevoke: row.Revoked})},
		{"inspect", row.Overturned, inspected(steps(retest, tx.InspectOverturn)...), with(row.Overturned, kindStates{tx.InspectRevoke: row.Revoked})},
		{"inspect", row.RetestFailed, inspected(again...), with(row.RetestFailed, kindStates{tx.InspectConfirm: row.Confirmed, tx.InspectRevoke: row.Revoked})},
		{"inspect", row.Confirmed, inspected(steps(again, tx.InspectConfirm)...), with(row.Confirmed, kindStates{tx.InspectNotify: row.Notified, tx.InspectRevoke: row.Revoked})},
		{"inspect", row.Notified, inspected(notified...), with(row.Notified, kindStates{tx.InspectClose: row.Closed, tx.InspectRevoke: row.Revoked})},
		{"inspect", row.Closed, inspected(steps(notified, tx.InspectClose)...), with(row.Closed, kindStates{tx.InspectRevoke: row.Revoked})},
		{"inspect", row.Revoked, inspected(tx.InspectSample, tx.InspectPass, tx.InspectRevoke), with(row.Revoked, kindStates{})},
		{"inspect", row.Withdrawn, inspected(tx.InspectWithdraw), with(row.Withdrawn, kindStates{})},
		{"inspect", row.Expired, func(t *testing.T) *matter {
			m := waitingTask(t)
			m.wait(5)
			return m
		}, nil},
		{"inspect", row.Overtaken, func(t *testing.T) *matter {
			m := waitingTask(t)
			m.c.Must(m.c.Govern(tx.GovMember, &tx.Membership{Action: tx.Suspend, ID: "test-institute"})) // no laboratory any more
			m.endorse("officer2", "hangzhou-amr")
			return m
		}, nil},
		{"delist", row.Pending, waitingOrder, kindStates{tx.DelistWithdraw: row.Withdrawn, tx.EndorseKind: row.Pending}},
		{"delist", row.Issued, ordered(), with(row.Issued, kindStates{tx.DelistAck: row.Acked, tx.DelistDone: row.Delisted, tx.DelistWithdraw: row.Withdrawn})},
		{"delist", row.Acked, ordered(tx.DelistAck), with(row.Acked, kindStates{tx.DelistDone: row.Delisted, tx.DelistWithdraw: row.Withdrawn})},
		{"delist", row.Delisted, ordered(tx.DelistAck, tx.DelistDone), with(row.Delisted, kindStates{tx.DelistReturn: row.Issued, tx.DelistVerify: row.Verified, tx.DelistWithdraw: row.Withdrawn})},
		{"delist", row.Issued, ordered(tx.DelistDone, tx.DelistReturn), with(row.Issued, kindStates{tx.DelistAck: row.Acked, tx.DelistDone: row.Delisted, tx.DelistWithdraw: row.Withdrawn})},
		{"delist", row.Verified, ordered(tx.DelistDone, tx.DelistVerify), with(row.Verified, kindStates{})},
		{"delist", row.Withdrawn, ordered(tx.DelistWithdraw), with(row.Withdrawn, kindStates{})},
		{"delist", row.Expired, func(t *testing.T) *matter {
			m := waitingOrder(t)
			m.wait(5)
			return m
		}, nil},
		{"delist", row.Overtaken, func(t *testing.T) *matter {
			m := waitingOrder(t)
			b := m.stated().Body.(*tx.Delisting)
			m.c.Must(m.c.Sign(m.c.Statement("internet-court", tx.InspectRevoke, headOf(m, b.Inspection), &tx.Paper{Document: anyDigest}), "court"))
			m.c.Must(m.c.Sign(m.c.Statement("hangzhou-amr", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: m.id, Type: tx.Agrees}), "officer2"))
			return m
		}, nil},
	}
}()

func (m *matter) stated() *tx.Statement {
	s, err := state.Stand(m.c.App.Store().View(), m.c.App.Directory(), m.id)
	if err != nil {
		m.c.T.Fatal(err)
	}
	return s.Statement
}

func headOf(m *matter, id tx.ID) tx.ID {
	s, err := state.Stand(m.c.App.Store().View(), m.c.App.Directory(), id)
	if err != nil {
		m.c.T.Fatal(err)
	}
	return s.Head
}
