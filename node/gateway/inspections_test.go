package gateway

import (
	"strings"
	"testing"

	"zhenglian/app/row"
	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// both submits a statement of an inspection with several signatures.
func (h *harness) both(member tx.MemberID, kind tx.Kind, prev tx.ID, b tx.Body, keys ...string) tx.ID {
	h.t.Helper()
	return h.submit(h.sign(member, kind, prev, b, keys...)).ID
}

// An inspection of plums, from its task to a confirmed failure: its lists, the
// inboxes, and the page of the jam that was made of the plums.
func TestInspections(t *testing.T) {
	h := newHarness(t)
	c := h.client()
	digest, day := tx.Digest{1}, tx.Civil(2026, 11, 23)
	h.state("qijiang", "qijiang-amr", tx.TraceProduct, tx.ID{}, &tx.Product{Mode: tx.Flag, NameEN: "Plums", NameZH: "李子", Code: plums.Product(), UOM: "g"})
	h.state("platform", "platform-a", tx.TraceProduct, tx.ID{}, &tx.Product{Mode: tx.Flag, NameEN: "Plum jam", NameZH: "李子酱", Code: jam.Product(), UOM: "g",
		Yield: &tx.Yield{From: []tx.ProductCode{plums.Product()}, Gives: 4, Per: 5}})
	h.state("qijiang", "qijiang-amr", tx.TraceRegister, tx.ID{}, &tx.Register{Units: amount(plums, 1000)})
	ship := h.state("qijiang", "qijiang-amr", tx.TraceShip, tx.ID{}, &tx.Ship{To: "platform-a", Units: []tx.UnitCode{plums}})
	h.state("platform", "platform-a", tx.TraceReceive, ship, &tx.Receive{})
	h.state("platform", "platform-a", tx.TraceTransform, tx.ID{}, &tx.Transform{Inputs: amount(plums, 500), Outputs: amount(jam, 400)})
	h.state("platform", "platform-a", tx.TraceRegister, tx.ID{}, &tx.Register{Units: amount(crate, 0)})
	h.state("platform", "platform-a", tx.TraceAggregate, tx.ID{}, &tx.Aggregate{Children: []tx.UnitCode{jam}, Parent: crate})
	boxed := h.state("platform", "platform-a", tx.TraceShip, tx.ID{}, &tx.Ship{To: "hangzhou-amr", Units: []tx.UnitCode{crate}})
	h.indexed()
	want := func(page string, words ...string) {
		t.Helper()
		for _, w := range words {
			if !strings.Contains(page, w) {
				t.Errorf("no %q in\n%s", w, page)
			}
		}
	}
	_, page := h.page("/" + string(jam))
	// The village's registration, the hand-over of the plums, the making, and the crate on its way.
	want(page, "没有抽检记录", "李子 P1", "登记", "收货", "加工", "/e/"+boxed.String())

	task := h.both("hangzhou-amr", tx.InspectTask, tx.ID{}, &tx.SampleTask{Lab: "test-institute", Product: plums.Product(), Reason: "routine"}, "officer1")
	head := h.both("hangzhou-amr", tx.InspectSample, task, &tx.Sample{Document: digest, Quantity: 10, Taken: day, Unit: plums}, "officer1", "officer2")
	fail := &tx.TestFail{Document: digest, Items: 12, Standard: "GB 2762-2022", Tested: day,
		Failed: []tx.FailedItem{{Found: "0.35", Limit: "0.1", NameEN: "lead (Pb)", NameZH: "铅（以Pb计）", Unit: "mg/kg"}}}
	report := h.both("test-institute", tx.InspectFail, head, fail, "lab")
	h.indexed()
	if got := h.inbox("member=hangzhou-amr"); len(got) != 1 || got[0] != report {
		t.Errorf("the report waits in the regulator's inbox: %v", got)
	}
	if got := h.inbox("member=platform-a"); len(got) != 0 {
		t.Errorf("in the platform's inbox: %v", got)
	}
	h.both("hangzhou-amr", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: report, Type: tx.Agrees}, "officer1")
	h.indexed()
	_, page = h.page("/" + string(jam))
	want(page, "最近一次抽检不合格", "尚可复检", "铅（以Pb计）：实测 0.35 mg/kg，限量 0.1 mg/kg", "检验机构（示例） 检验", "杭州市市场监督管理局 会签", "/e/"+report.String())
	a, err := c.Inspection(t.Context(), task)
	if err != nil || a.State != row.Failed || a.Unit != plums || a.Holder != "hangzhou-amr" && a.Holder != "platform-a" || a.Report == nil || a.Report.Passes || a.RetestBy == "" || len(a.Parties) != 2 {
		t.Fatalf("%+v, %v", a, err)
	}
	paper := &tx.Paper{Document: digest}
	head = report
	for _, key := range []struct {
		name   string
		member tx.MemberID
	}{{"qijiang", "qijiang-amr"}, {"platform", "platform-a"}} {
		head = h.both(key.member, tx.InspectAccept, head, paper, key.name)
	}
	h.both("hangzhou-amr", tx.InspectConfirm, head, paper, "officer1", "officer2")
	order := h.both("hangzhou-amr", tx.DelistOrder, tx.ID{}, &tx.Delisting{Document: digest, Inspection: task, Platform: "platform-a"}, "officer1", "officer2")
	second := h.both("hangzhou-amr", tx.InspectTask, tx.ID{}, &tx.SampleTask{Lab: "retest-institute", Product: jam.Product(), Reason: "follow_up"}, "officer1")
	recall := h.state("officer1", "hangzhou-amr", tx.TraceRecall, tx.ID{}, &tx.Recall{Inspection: task, Level: 1, Reason: "failed_test", Units: []tx.UnitCode{plums}})
	h.indexed()
	_, page = h.page("/" + string(jam))
	want(page, "此产品已被召回", "不合格（已确认）")
	if strings.Index(page, "此产品已被召回") > strings.Index(page, "<h1>") {
		t.Error("the recall does not come first")
	}

	for _, tt := range []struct {
		q    api.InspectionQuery
		want []tx.ID
	}{
		{api.InspectionQuery{}, []tx.ID{second, task}},
		{api.InspectionQuery{State: row.Confirmed}, []tx.ID{task}},
		{api.InspectionQuery{State: row.Tasked}, []tx.ID{second}},
		{api.InspectionQuery{Member: "test-institute"}, []tx.ID{task}},
		{api.InspectionQuery{Member: "qijiang-amr"}, []tx.ID{task}},
		{api.InspectionQuery{Member: "notary-office"}, nil},
		{api.InspectionQuery{Unit: plums}, []tx.ID{task}},
		{api.InspectionQuery{Unit: jam}, nil},
	} {
		p, err := c.Inspections(t.Context(), tt.q)
		if err != nil || len(p.Data) != len(tt.want) {
			t.Errorf("%+v: %+v, %v", tt.q, p, err)
			continue
		}
		for i, id := range tt.want {
			if p.Data[i].ID != id {
				t.Errorf("%+v: %v, want %v", tt.q, p.Data[i].ID, id)
			}
		}
	}
	first, err := c.Inspections(t.Context(), api.InspectionQuery{Limit: 1})
	if err != nil || !first.HasMore {
		t.Fatalf("%+v, %v", first, err)
	}
	if next, err := c.Inspections(t.Context(), api.InspectionQuery{Limit: 1, Cursor: first.NextCursor}); err != nil || len(next.Data) != 1 || next.Data[0].ID != task || next.Data[0].Recall != recall.String() {
		t.Errorf("%+v, %v", next, err)
	}
	if p, err := c.Delistings(t.Context(), api.InspectionQuery{Member: "platform-a", State: row.Issued}); err != nil || len(p.Data) != 1 || p.Data[0].ID != order {
		t.Errorf("%+v, %v", p, err)
	}
	if d, err := c.Delisting(t.Context(), order); err != nil || d.Inspection != task || d.Platform != "platform-a" {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := c.Inspection(t.Context(), order); err == nil {
		t.Error("an order is an inspection")
	}
	if _, err := c.Inspections(t.Context(), api.InspectionQuery{Cursor: "!"}); err == nil {
		t.Error("a bad cursor was read")
	}
}
