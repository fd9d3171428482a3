package gateway

import (
	"encoding/xml"
	"image/png"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/client/web"
	"zhenglian/node/access"
	"zhenglian/node/consumer"
)

// withConsumers is a harness whose gateway counts and takes reports, and one lot
// and one jar.
func withConsumers(t *testing.T) (*harness, *consumer.Store) {
	t.Helper()
	s, err := consumer.Open(filepath.Join(t.TempDir(), "consumer.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	guard, err := access.New(access.Config{Anonymous: access.Scopes})
	if err != nil {
		t.Fatal(err)
	}
	h := newHarness(t, func(_ *Config, o *Options) { o.Consumers, o.Access = s, guard })
	h.state("platform", "platform-a", tx.TraceProduct, tx.ID{}, &tx.Product{Mode: tx.Flag, NameEN: "Plum jam", NameZH: "李子酱", Code: jam.Product(), UOM: "g"})
	h.state("platform", "platform-a", tx.TraceRegister, tx.ID{}, &tx.Register{Units: append(amount(jam, 400), amount(jar, 1)...)})
	h.indexed()
	return h, s
}

// Opening the page of a code is counted, links on the page are not, and a code of
// one item that is opened often raises an alarm.
func TestScanCount(t *testing.T) {
	h, s := withConsumers(t)
	const alarm = "此码打开次数异常多"
	for i := range manyScansOfItem + 1 {
		_, page := h.page("/" + string(jar))
		if !strings.Contains(page, "次，首次") || strings.Contains(page, alarm) != (i == manyScansOfItem) {
			t.Fatalf("%d: %s", i, page)
		}
	}
	for _, q := range []string{"?lang=en", "?large=1", "?label=svg", "?linkType=all"} {
		if resp, _ := h.do("GET", "/"+string(jar)+q, ""); resp.StatusCode != 200 {
			t.Errorf("%s: %s", q, resp.Status)
		}
	}
	if resp, _ := h.do("HEAD", "/"+string(jar), ""); resp.StatusCode == 200 {
		t.Log("HEAD is answered")
	}
	if n, err := s.Scans(t.Context(), string(jar)); err != nil || n.Count != manyScansOfItem+1 {
		t.Errorf("%+v, %v", n, err)
	}
	h.page("/zg/50011000010017/10/NONE") // not on the ledger: not counted
	if n, err := s.Scans(t.Context(), "zg/50011000010017/10/NONE"); err != nil || n.Count != 0 {
		t.Errorf("%+v, %v", n, err)
	}
	if _, page := h.page("/" + string(jam)); strings.Contains(page, alarm) || !strings.Contains(page, "次数多属正常") {
		t.Errorf("of a lot: %s", page)
	}
}

// A report goes from the form on the page to an officer.
func TestConsumerReport(t *testing.T) {
	h, _ := withConsumers(t)
	_, page := h.page("/" + string(jar))
	for _, want := range []string{`<form method="post" action="/report">`, `name="reason"`, `name="text"`, `value="` + string(jar) + `"`, `<label for="reason">`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in %s", want, page)
		}
	}
	send := func(v url.Values) (*http.Response, string) {
		t.Helper()
		resp, err := http.PostForm(h.http.URL+"/report", v)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if p := resp.Header.Get("Content-Security-Policy"); p != web.VerifyPolicy {
			t.Errorf("policy %q", p)
		}
		return resp, string(b)
	}
	resp, b := send(url.Values{"code": {string(jar)}, "reason": {"recalled_on_sale"}, "text": {"还在卖\r\n<b>"}, "lang": {"zh"}})
	if resp.StatusCode != 200 || !strings.Contains(b, "已收到，编号 1") || !strings.Contains(b, `href="/`+string(jar)+`"`) {
		t.Errorf("%s: %s", resp.Status, b)
	}
	if _, b := send(url.Values{"code": {"01/nonsense"}, "reason": {"copied_code"}, "lang": {"en"}}); !strings.Contains(b, "Received, number 2") || strings.Contains(b, "nonsense") {
		t.Errorf("%s", b)
	}
	for name, v := range map[string]url.Values{
		"no reason":   {"code": {string(jar)}},
		"no code":     {"reason": {"unsafe"}},
		"a long text": {"code": {string(jar)}, "reason": {"unsafe"}, "text": {strings.Repeat("字", consumer.MaxText+1)}},
		"a huge body": {"code": {string(jar)}, "reason": {"unsafe"}, "text": {strings.Repeat("x", maxReportForm)}},
	} {
		if resp, b := send(v); resp.StatusCode != 400 || !strings.Contains(b, "没有收到举报") {
			t.Errorf("%s: %s %s", name, resp.Status, b)
		}
	}
	all := read[api.Page[api.ConsumerReport]](h, api.PathConsumerReports)
	if len(all.Data) != 2 || all.Data[1].Code != string(jar) || all.Data[1].Text != "还在卖\n<b>" || all.Data[1].Reason != "recalled_on_sale" || all.Data[1].Closed {
		t.Errorf("%+v", all)
	}
	if resp, b := h.do("POST", "/v1/reports/consumer/1/close", ""); resp.StatusCode != 204 {
		t.Errorf("%s: %s", resp.Status, b)
	}
	if resp, _ := h.do("POST", "/v1/reports/consumer/99/close", ""); resp.StatusCode != 404 {
		t.Errorf("%s", resp.Status)
	}
	if open := read[api.Page[api.ConsumerReport]](h, api.PathConsumerReports+"?open=true"); len(open.Data) != 1 || open.Data[0].Number != 2 {
		t.Errorf("%+v", open)
	}
	first := read[api.Page[api.ConsumerReport]](h, api.PathConsumerReports+"?limit=1")
	if next := read[api.Page[api.ConsumerReport]](h, api.PathConsumerReports+"?limit=1&cursor="+first.NextCursor); !first.HasMore || len(next.Data) != 1 || next.Data[0].Number != 1 {
		t.Errorf("%+v, %+v", first, next)
	}
}

// The page gives codes to print, which lead to where it was asked.
func TestLabelsFromPage(t *testing.T) {
	h, _ := withConsumers(t)
	resp, b := h.do("GET", "/"+string(jar)+"?label=svg", "")
	if resp.Header.Get("Content-Type") != "image/svg+xml" || strings.Count(string(b), "<title>"+h.http.URL+"/"+string(jar)+"</title>") != 24 || xml.Unmarshal(b, new(struct{})) != nil {
		t.Errorf("%s: %.300s", resp.Header.Get("Content-Type"), b)
	}
	resp, b = h.do("GET", "/"+string(jar)+"?label=png", "")
	if _, err := png.Decode(strings.NewReader(string(b))); err != nil || resp.Header.Get("Content-Type") != "image/png" {
		t.Errorf("%s: %v", resp.Header.Get("Content-Type"), err)
	}
	if resp, _ := h.do("GET", "/"+string(jar)+"?label=pdf", ""); resp.StatusCode != 400 && resp.StatusCode != 422 {
		t.Errorf("%s", resp.Status)
	}
}
