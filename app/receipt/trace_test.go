package receipt

import (
	"strings"
	"testing"

	"zhenglian/app/tx"
)

// The receipt of a statement of traceability verifies in every state of its
// matter, and says which that is; what a reader must not miss is a warning.
func TestTraceReceipts(t *testing.T) {
	const product tx.ProductCode = "zg/50011000010017"
	l := newLedger(t)
	n := 0
	state := func(key string, member tx.MemberID, kind tx.Kind, prev tx.ID, b tx.Body) tx.ID {
		return l.Must(l.Sign(l.Statement(member, kind, prev, b), key))
	}
	village := func(kind tx.Kind, prev tx.ID, b tx.Body) tx.ID { return state("qijiang", "qijiang-amr", kind, prev, b) }
	unit := func() []tx.UnitCode {
		n++
		u := tx.UnitCode(product) + tx.UnitCode("/10/L"+string(rune('A'+n)))
		village(tx.TraceRegister, tx.ID{}, &tx.Register{Units: []tx.Amount{{Code: u, Quantity: 1}}})
		return []tx.UnitCode{u}
	}
	offer := func() tx.ID {
		return village(tx.TraceShip, tx.ID{}, &tx.Ship{To: "platform-a", Units: unit()})
	}
	declared := village(tx.TraceProduct, tx.ID{}, &tx.Product{Mode: tx.Flag, NameEN: "Plums", NameZH: "李子", Code: product, UOM: "g"})
	sold := village(tx.TraceSell, tx.ID{}, &tx.Sell{Reason: "sold", Units: unit()})
	offered, received, disputed, cancelled := offer(), offer(), offer(), offer()
	answer := state("platform", "platform-a", tx.TraceReceive, received, &tx.Receive{})
	state("platform", "platform-a", tx.TraceDispute, disputed, &tx.Dispute{Reason: "short"})
	village(tx.TraceCancel, cancelled, &tx.Withdraw{Reason: "mistake"})
	recall := village(tx.TraceRecall, tx.ID{}, &tx.Recall{Level: 1, Reason: "unsafe", Units: unit()})
	closed := village(tx.TraceRecall, tx.ID{}, &tx.Recall{Level: 1, Reason: "unsafe", Units: unit()})
	village(tx.TraceClose, closed, &tx.Decision{Document: tx.Digest{1}})
	l.Block()
	for _, c := range []struct {
		id    tx.ID
		state string
		warns bool
		zh    string
	}{
		{declared, "RECORDED", false, "已记录"}, {sold, "ONE_SIDED", false, "无人确认"}, {offered, "OFFERED", false, "尚未确认"}, {received, "RECEIVED", false, "已确认"},
		{answer, StateEffective, false, "双方确认"}, {disputed, "DISPUTED", true, "异议"}, {cancelled, "CANCELLED", true, "撤回"}, {recall, "FROZEN", false, "召回范围已确定"},
		{closed, "CLOSED", false, "召回已结束"},
	} {
		r := Verify(toJSON(t, l.later(l.receipt(c.id), l.Height-1)), l.trust, Options{WantID: c.id})
		if r.Verdict == NotVerified || (r.Verdict == Warned) != c.warns || r.Facts.State != c.state {
			t.Errorf("%s: %s, state %s, failing %v\n%s", c.state, r.Verdict, r.Facts.State, failing(r), r.Text("zh"))
		}
		if !strings.Contains(r.Text("zh"), c.zh) {
			t.Errorf("%s: no %q in\n%s", c.state, c.zh, r.Text("zh"))
		}
		if c.state != StateEffective && stateZH(c.state) == c.state {
			t.Errorf("%s has no Chinese name", c.state)
		}
	}
}
