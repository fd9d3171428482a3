package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"zhenglian/app/tx"
	"zhenglian/client"
	"zhenglian/client/api"
	"zhenglian/client/web"
)

const (
	plums tx.UnitCode = "zg/50011000010017/10/P1"
	jam   tx.UnitCode = "01/09506000134352/10/J%2F1"
	jar   tx.UnitCode = "01/09506000134352/10/J%2F1/21/7"
	crate tx.UnitCode = "zs/500110000100000017"
)

// state submits a statement of traceability.
func (h *harness) state(key string, member tx.MemberID, kind tx.Kind, prev tx.ID, b tx.Body) tx.ID {
	h.t.Helper()
	h.mu.Lock()
	e := h.chain.Sign(h.chain.Statement(member, kind, prev, b), key)
	h.mu.Unlock()
	return h.submit(e).ID
}

func (h *harness) page(path string) (int, string) {
	h.t.Helper()
	resp, b := h.do("GET", path, "")
	if p := resp.Header.Get("Content-Security-Policy"); p != web.VerifyPolicy {
		h.t.Errorf("%s: policy %q", path, p)
	}
	if bytes.Contains(b, []byte("<script")) {
		h.t.Errorf("%s: the page has a script", path)
	}
	return resp.StatusCode, string(b)
}

func amount(c tx.UnitCode, q int64) []tx.Amount { return []tx.Amount{{Code: c, Quantity: q}} }

// Goods from a village to a shop, what was made of them and of what, and the
// page on the label before and after a recall.
func TestUnits(t *testing.T) {
	h := newHarness(t)
	village := func(k tx.Kind, b tx.Body) tx.ID { return h.state("qijiang", "qijiang-amr", k, tx.ID{}, b) }
	platform := func(k tx.Kind, b tx.Body) tx.ID { return h.state("platform", "platform-a", k, tx.ID{}, b) }
	village(tx.TraceProduct, &tx.Product{Mode: tx.Flag, NameEN: "Plums", NameZH: "李子", Code: plums.Product(), UOM: "g"})
	platform(tx.TraceProduct, &tx.Product{Mode: tx.Flag, NameEN: "Plum jam", NameZH: "李子酱", Code: jam.Product(), UOM: "g",
		Yield: &tx.Yield{From: []tx.ProductCode{plums.Product()}, Gives: 4, Per: 5}})
	village(tx.TraceRegister, &tx.Register{Made: "2026-11-01", Units: amount(plums, 1000)})
	c := h.client()
	ship := village(tx.TraceShip, &tx.Ship{To: "platform-a", Units: []tx.UnitCode{plums}})
	offered, err := c.Unit(t.Context(), plums)
	if err != nil || offered.State != "OFFERED" || offered.Product.NameZH != "李子" {
		t.Fatalf("%+v, %v", offered, err)
	}
	if _, b := h.page("/" + string(plums)); !strings.Contains(b, "对方尚未确认") {
		t.Errorf("a shipment that nobody answered: %s", b)
	}
	h.state("platform", "platform-a", tx.TraceReceive, ship, &tx.Receive{})
	platform(tx.TraceTransform, &tx.Transform{BestBefore: "2027-11-02", Made: "2026-11-02", Inputs: amount(plums, 500), Outputs: append(amount(jam, 400), amount(jar, 1)...)})
	before := h.chain.Height
	platform(tx.TraceRegister, &tx.Register{Units: amount(crate, 0)})
	platform(tx.TraceAggregate, &tx.Aggregate{Children: []tx.UnitCode{jar}, Parent: crate})
	h.indexed()

	walk := func(code tx.UnitCode, q api.TraceQuery) (s string) {
		u, err := c.Unit(t.Context(), code)
		if err != nil {
			t.Fatal(err)
		}
		for l, err := range c.Trace(t.Context(), u.ID, q) {
			if err != nil {
				t.Fatal(err)
			}
			if l.End != nil {
				return s + fmt.Sprintf("%d %v", l.End.Units, l.End.Cut)
			}
			s += fmt.Sprintf("%d %s %s, ", l.Depth, l.How, l.Unit.Code)
		}
		return s + "no end"
	}
	for _, w := range []struct {
		code tx.UnitCode
		q    api.TraceQuery
		want string
	}{
		{plums, api.TraceQuery{}, "0  " + string(plums) + ", 1 made_into " + string(jam) + ", 1 made_into " + string(jar) + ", 2 inside_of " + string(crate) + ", 4 false"},
		{plums, api.TraceQuery{At: before}, "0  " + string(plums) + ", 1 made_into " + string(jam) + ", 1 made_into " + string(jar) + ", 3 false"},
		{plums, api.TraceQuery{Depth: 1}, "0  " + string(plums) + ", 1 made_into " + string(jam) + ", 1 made_into " + string(jar) + ", 3 true"},
		{plums, api.TraceQuery{Limit: 2}, "0  " + string(plums) + ", 1 made_into " + string(jam) + ", 2 true"},
		{crate, api.TraceQuery{Back: true}, "0  " + string(crate) + ", 1 contains " + string(jar) + ", 2 made_of " + string(plums) + ", 3 false"},
	} {
		if got := walk(w.code, w.q); got != w.want {
			t.Errorf("%s %+v:\n%s\nwant\n%s", w.code, w.q, got, w.want)
		}
	}

	status, b := h.page("/" + string(jar))
	for _, want := range []string{"李子酱", "没有召回记录", "J/1", "2026-11-02", "2027-11-02", "电商平台甲（示例）", "加工", "装箱", `href="/e/`, "没有证明的事", "12315", `href="/` + strings.ReplaceAll(string(jar), "%", "%") + `?lang=en"`} {
		if status != 200 || !strings.Contains(b, want) {
			t.Errorf("%d: no %q in\n%s", status, want, b)
		}
	}
	if _, b := h.page("/" + string(jar) + "?lang=en&large=1"); !strings.Contains(b, "Plum jam") || !strings.Contains(b, `class="large"`) || !strings.Contains(b, "Best before") {
		t.Errorf("in English: %s", b)
	}
	recall := h.state("officer1", "hangzhou-amr", tx.TraceRecall, tx.ID{}, &tx.Recall{Level: 1, Reason: "failed_test", Units: []tx.UnitCode{plums}})
	h.indexed()
	if _, b := h.page("/" + string(jar)); !strings.Contains(b, "此产品已被召回") || strings.Index(b, "此产品已被召回") > strings.Index(b, "<h1>") || !strings.Contains(b, "杭州市市场监督管理局 发起的 1 级召回：检验不合格") {
		t.Errorf("recalled: %s", b)
	}
	if _, b := h.page("/" + string(crate)); !strings.Contains(b, "容器内有被召回的产品") {
		t.Errorf("the crate: %s", b)
	}
	r, err := c.Recall(t.Context(), recall)
	if err != nil || r.Count != 3 || r.Frozen == 0 || r.State != "FROZEN" || len(r.Holders) != 1 || r.Holders[0].Units != 3 || r.Root.IsZero() {
		t.Errorf("recall %+v, %v", r, err)
	}

	// The resolver.
	resp, body := h.do("GET", "/"+string(jam)+"?linkType=all", "")
	var set struct {
		Linkset []map[string]any `json:"linkset"`
	}
	if err := json.Unmarshal(body, &set); err != nil || resp.Header.Get("Content-Type") != api.MediaLinkset || len(set.Linkset) != 1 {
		t.Errorf("linkset: %s, %v", body, err)
	}
	if resp, body := h.do("GET", "/"+string(jam)+"?linkType=gs1:traceability", ""); resp.StatusCode != 200 || !bytes.Contains(body, []byte(`"code":"`+string(jam)+`"`)) {
		t.Errorf("traceability: %d %s", resp.StatusCode, body)
	}

	// What is not there, and what is not well formed.
	for path, want := range map[string]string{
		"/01/09506000134352/10/NONE": "没有登记",
		"/01/09506000134353/10/J1":   "校验位",
		"/zg/1":                      "编码格式",
		"/00/%3Cscript%3E":           "编码格式",
	} {
		if status, b := h.page(path); status != 404 || !strings.Contains(b, want) || strings.Contains(b, "<script") {
			t.Errorf("%s: %d %s", path, status, b)
		}
	}
	u, _ := c.Unit(t.Context(), jar)
	for path, want := range map[string]int{
		"/v1/units?code=zg/1": 400, "/v1/units": 400, "/v1/units?code=01/09506000134352/10/NONE": 404, "/v1/units/1": 400, "/v1/units/99999.0": 404, "/v1/units/1.99999": 400,
		api.TraceURL(u.ID) + "?depth=0": 400, api.TraceURL(u.ID) + "?limit=100001": 400, api.TraceURL(u.ID) + "?direction=up": 400, api.TraceURL(u.ID) + "?at=99999": 400,
		api.TraceURL(u.ID) + "?x=1": 400, api.TraceURL(u.ID) + "?at=1": 404, "/v1/units/x/trace": 400, "/v1/recalls/" + ship.String(): 404,
	} {
		if resp, b := h.do("GET", path, ""); resp.StatusCode != want || resp.Header.Get("Content-Type") != api.MediaProblem {
			t.Errorf("%s: %d %s, want %d", path, resp.StatusCode, b, want)
		}
	}
	for _, err := range c.Trace(t.Context(), u.ID, api.TraceQuery{At: 1}) {
		if !client.IsNotFound(err) || errors.Is(err, client.ErrCutOff) {
			t.Errorf("at a height before it was: %v", err)
		}
	}
}
