package gateway

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/client/web"
)

// Without JavaScript the form is answered in HTML.
func TestVerifyPage(t *testing.T) {
	h := newHarness(t)
	s := h.submit(h.seal(1, complete3...))
	h.indexed()
	env, err := h.g.ledger.Statement(t.Context(), s.ID)
	if err != nil {
		t.Fatal(err)
	}
	st, err := tx.ParseStatement(env.Envelope.Payload)
	if err != nil {
		t.Fatal(err)
	}
	file := st.Body.(*tx.Evidence).Files[0]
	link := `href="/e/` + s.ID.String() + `"`
	for _, c := range []struct {
		query      string
		has, lacks []string
	}{
		{"", []string{`<html lang="zh-CN">`, "验证证据", `action="/verify"`, "/verify/offline"}, []string{`id="answer"`}},
		{"?lang=en", []string{`<html lang="en">`, "Verify evidence", `href="/verify/offline?lang=en"`}, []string{"验证证据"}},
		{"?large=1", []string{`class="large"`, `/verify?lang=en&amp;large=1`}, nil},
		{"?q=" + s.ID.String(), []string{link, "号日志"}, nil},
		{"?q=" + strings.ToUpper(file.SHA256.String()), []string{link}, nil},
		{"?q=+" + file.SM3.String() + "+", []string{link}, nil},
		{"?q=" + strings.Repeat("ab", 32), []string{`id="answer"`, "不是不存在的证明"}, []string{`href="/e/`}},
		{"?lang=en&q=" + strings.Repeat("ab", 32), []string{"no proof of absence"}, nil},
		{"?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", []string{"64 位十六进制", `role="alert"`}, []string{"alert(1)"}},
	} {
		resp, b := h.do("GET", "/verify"+c.query, "")
		if resp.StatusCode != 200 || resp.Header.Get("Content-Security-Policy") != web.VerifyPolicy {
			t.Errorf("%s: status %d, policy %q", c.query, resp.StatusCode, resp.Header.Get("Content-Security-Policy"))
		}
		for _, s := range c.has {
			if !bytes.Contains(b, []byte(s)) {
				t.Errorf("%s: no %q in\n%s", c.query, s, b)
			}
		}
		for _, s := range c.lacks {
			if bytes.Contains(b, []byte(s)) {
				t.Errorf("%s: %q in\n%s", c.query, s, b)
			}
		}
	}
}

func TestEvidencePage(t *testing.T) {
	h := newHarness(t)
	s := h.submit(h.seal(1, complete3...))
	resp, b := h.do("GET", "/e/"+s.ID.String(), "")
	if resp.StatusCode != 200 {
		t.Fatalf("status %d\n%s", resp.StatusCode, b)
	}
	for _, want := range []string{s.ID.String(), "验证通过", "已封存（截至高度", "随陈述签署", "hangzhou-amr", s.ReceiptURL, "/verify?q=" + s.ID.String(), "&#34;kind&#34;:&#34;evidence.seal&#34;"} {
		if !bytes.Contains(b, []byte(want)) {
			t.Errorf("no %q in\n%s", want, b)
		}
	}
	for _, id := range []string{strings.Repeat("ab", 32), "nonsense", "%3Cscript%3E"} {
		resp, b := h.do("GET", "/e/"+id+"?lang=en", "")
		if resp.StatusCode != 404 || !bytes.Contains(b, []byte("Not found")) || bytes.Contains(b, []byte("<script")) {
			t.Errorf("%s: status %d\n%s", id, resp.StatusCode, b)
		}
	}
}

func TestVerifierEncodings(t *testing.T) {
	h := newHarness(t)
	var programs [][]byte
	for accept, open := range map[string]func(io.Reader) (io.Reader, error){
		"gzip, deflate, br, zstd": func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil },
		"gzip, deflate":           func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	} {
		r, err := http.NewRequest("GET", h.http.URL+"/web/verifier.wasm", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", accept)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		in, err := open(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(in)
		if err != nil || !bytes.HasPrefix(b, []byte("\x00asm")) || resp.Header.Get("Content-Type") != "application/wasm" {
			t.Errorf("%s: %v, %q, %x", accept, err, resp.Header, b[:min(4, len(b))])
		}
		programs = append(programs, b)
	}
	if !bytes.Equal(programs[0], programs[1]) {
		t.Error("two encodings, two programs")
	}
}

func TestReports(t *testing.T) {
	h := newHarness(t)
	s := h.submit(h.seal(1, complete3...))
	ask := func(query string, q api.ReportRequest) (*http.Response, []byte) {
		t.Helper()
		b, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		return h.do("POST", api.PathReports+query, string(b))
	}
	want := receipt.Verify(s.Receipt, h.trust, receipt.Options{WantID: s.ID})
	good := api.ReportRequest{Receipt: s.Receipt, ID: s.ID.String()}
	if resp, b := ask("", good); resp.StatusCode != 200 || !bytes.Equal(b, want.JSON()) {
		t.Errorf("status %d\n%s\nwant\n%s", resp.StatusCode, b, want.JSON())
	}
	if resp, b := ask("?form=text&lang=zh", good); resp.StatusCode != 200 || string(b) != want.Text(receipt.ZH) {
		t.Errorf("status %d\n%s\nwant\n%s", resp.StatusCode, b, want.Text(receipt.ZH))
	}
	for name, change := range map[string]func(*api.ReportRequest){
		"trust":  func(q *api.ReportRequest) { q.Trust = []byte("{}") },
		"id":     func(q *api.ReportRequest) { q.ID = "x" },
		"sha256": func(q *api.ReportRequest) { q.Files = []api.ReportFile{{SM3: s.ID.String()}} },
		"sm3":    func(q *api.ReportRequest) { q.Files = []api.ReportFile{{SHA256: s.ID.String()}} },
	} {
		q := good
		change(&q)
		if resp, b := ask("", q); resp.StatusCode != 400 && resp.StatusCode != 422 || !bytes.Contains(b, []byte(name)) {
			t.Errorf("bad %s: status %d %s", name, resp.StatusCode, b)
		}
	}
	if resp, b := ask("", api.ReportRequest{Receipt: []byte("{")}); resp.StatusCode != 200 || !bytes.Contains(b, []byte(receipt.NotVerified)) {
		t.Errorf("a broken receipt: status %d %s", resp.StatusCode, b)
	}
	if resp, _ := h.do("POST", api.PathReports, `{"receipt":"`+strings.Repeat("A", maxReportBody)+`"}`); resp.StatusCode != 413 {
		t.Errorf("a long body: status %d", resp.StatusCode)
	}
}

// indexed waits until the index has followed the log.
func (h *harness) indexed() {
	h.t.Helper()
	h.eventually("indexed", func() bool { return h.g.ledger.indexStatus().Behind == 0 })
}
