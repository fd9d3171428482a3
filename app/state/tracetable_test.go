package state_test

import (
	"testing"

	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/tx"
	"zhenglian/genesis"
)

// traceMatter is a matter of traceability that key opened, after the goods
// that it needs were made.
func traceMatter(key string, b tx.Body, then ...tx.Kind) func(t *testing.T) *matter {
	return func(t *testing.T) *matter {
		w := newWorld(t, tx.Reject, func(g *genesis.State) { g.Params.PendingBlocks = 5 })
		w.register("qijiang", lot(plums, "P1"), lot(plums, "P2"))
		if _, ok := b.(*tx.Take); ok {
			w.must(key, &tx.Sell{Reason: "lost", Units: units(lot(plums, "P1"))})
		}
		id := w.must(key, b)
		m := &matter{c: w.Chain, id: id, head: id, key: key}
		for _, k := range then {
			m.must(k)
		}
		return m
	}
}

var (
	anOffer   = &tx.Ship{To: "platform-a", Units: units(lot(plums, "P1"))}
	aRecall   = &tx.Recall{Level: 1, Reason: "unsafe", Units: units(lot(plums, "P1"), lot(plums, "P2"))}
	aHarvest  = &tx.Harvest{Origin: village, Product: jam, Quantity: 5, Season: "s2026"} // the platform's, which needs a regulator
	anyDigest = tx.Digest{1}
)

// traceStep is a complete, well-signed statement of a kind of traceability
// that continues m, or tries to.
func (m *matter) traceStep(kind tx.Kind) *tx.Envelope {
	by := func(key string, b tx.Body) *tx.Envelope {
		return m.c.Sign(m.c.Statement(membersOf[key], kind, m.head, b), key)
	}
	there := units(lot(plums, "P2"))
	switch kind {
	case tx.TraceReceive:
		return by("platform", &tx.Receive{})
	case tx.TraceDispute:
		return by("platform", &tx.Dispute{Reason: "short"})
	case tx.TraceCancel:
		return by("qijiang", &tx.Withdraw{Reason: "mistake"})
	case tx.TraceClose:
		return by("officer1", &tx.Decision{Document: anyDigest})
	case tx.TraceWithdraw:
		if m.key == "" {
			return by("officer1", &tx.Withdraw{Reason: "mistake"})
		}
		return by(m.key, &tx.Withdraw{Reason: "mistake"})
	case tx.TraceProduct:
		return by("qijiang", &tx.Product{Mode: tx.Flag, NameEN: "x", NameZH: "x", Code: plums, UOM: "g"})
	case tx.TraceHarvest:
		return by("qijiang", &tx.Harvest{Origin: village, Product: plums, Quantity: 5000, Season: "s2026"})
	case tx.TraceRegister:
		return by("qijiang", &tx.Register{Units: some(1, lot(plums, "NEW"))})
	case tx.TraceShip:
		return by("qijiang", &tx.Ship{To: "platform-a", Units: there})
	case tx.TraceSell:
		return by("qijiang", &tx.Sell{Reason: "sold", Units: there})
	case tx.TraceTake:
		return by("qijiang", &tx.Take{Units: there})
	case tx.TraceAggregate, tx.TraceDisaggregate:
		return by("qijiang", &tx.Aggregate{Children: there, Parent: crate(1)})
	case tx.TraceTransform:
		return by("qijiang", &tx.Transform{Inputs: some(1, there...), Outputs: some(1, lot(plums, "NEW"))})
	case tx.TraceDestroy:
		return by("qijiang", &tx.Destroy{Reason: "other", Units: there})
	case tx.TraceEvents:
		return by("qijiang", &tx.Events{Count: 1, Root: anyDigest})
	case tx.TraceRecall:
		return by("qijiang", &tx.Recall{Level: 1, Reason: "unsafe", Units: there})
	case tx.TraceAck:
		return by("qijiang", &tx.Ack{Recall: m.id})
	case tx.TraceDispose:
		return by("qijiang", &tx.Dispose{Method: "harmless", Recall: m.id, Units: there})
	case tx.TraceRelease:
		return by("officer1", &tx.Release{Document: anyDigest, Recall: m.id, Units: there})
	}
	panic(kind)
}

// traceWays lead to the states of matters of traceability; see ways.
var traceWays = []way{
	{"trace", row.Pending, traceMatter("platform", aHarvest), map[tx.Kind]row.State{tx.TraceWithdraw: row.Withdrawn, tx.EndorseKind: row.Pending}},
	{"trace", row.Recorded, traceMatter("qijiang", &tx.Events{Count: 1, Root: anyDigest}), map[tx.Kind]row.State{tx.EndorseKind: row.Recorded}},
	{"trace", row.OneSided, traceMatter("qijiang", &tx.Sell{Reason: "sold", Units: units(lot(plums, "P1"))}), map[tx.Kind]row.State{tx.EndorseKind: row.OneSided}},
	{"trace", row.OneSided, traceMatter("qijiang", &tx.Take{Units: units(lot(plums, "P1"))}), map[tx.Kind]row.State{tx.EndorseKind: row.OneSided}},
	{"trace", row.Offered, traceMatter("qijiang", anOffer),
		map[tx.Kind]row.State{tx.TraceReceive: row.Received, tx.TraceDispute: row.Disputed, tx.TraceCancel: row.Cancelled, tx.EndorseKind: row.Offered}},
	{"trace", row.Disputed, traceMatter("qijiang", anOffer, tx.TraceDispute),
		map[tx.Kind]row.State{tx.TraceReceive: row.Received, tx.TraceCancel: row.Cancelled, tx.EndorseKind: row.Disputed}},
	{"trace", row.Received, traceMatter("qijiang", anOffer, tx.TraceReceive), map[tx.Kind]row.State{tx.EndorseKind: row.Received}},
	{"trace", row.Cancelled, traceMatter("qijiang", anOffer, tx.TraceCancel), map[tx.Kind]row.State{tx.EndorseKind: row.Cancelled}},
	{"trace", row.Frozen, frozen(), map[tx.Kind]row.State{tx.TraceClose: row.Closed, tx.EndorseKind: row.Frozen}},
	{"trace", row.Closed, frozen(tx.TraceClose), map[tx.Kind]row.State{tx.EndorseKind: row.Closed}},
	{"trace", row.Withdrawn, traceMatter("platform", aHarvest, tx.TraceWithdraw), nil},
	{"trace", row.Expired, func(t *testing.T) *matter {
		m := traceMatter("platform", aHarvest)(t)
		m.wait(5)
		return m
	}, nil},
	{"trace", row.Overtaken, func(t *testing.T) *matter {
		m := traceMatter("platform", aHarvest)(t)
		w := &world{m.c, t}
		w.must("qijiang", aHarvest) // it is Qijiang's now
		m.endorse("city", "xianyang-amr")
		return m
	}, nil},
}

// frozen is a recall whose scope is frozen, after some steps.
func frozen(then ...tx.Kind) func(t *testing.T) *matter {
	return func(t *testing.T) *matter {
		m := traceMatter("qijiang", aRecall)(t)
		m.wait(3) // the bound of this test is one row a block
		for _, k := range then {
			m.must(k)
		}
		return m
	}
}

// A recall whose scope is being frozen cannot be closed; anybody may endorse it.
func TestScopingMatter(t *testing.T) {
	defer state.BoundTraced(1)()
	m := traceMatter("qijiang", aRecall)(t)
	if m.state() != row.Scoping {
		t.Fatalf("%s", m.state())
	}
	if code := m.c.Deliver(m.step(tx.TraceClose)); code != tx.CodeState {
		t.Errorf("closed: %d", code)
	}
}
