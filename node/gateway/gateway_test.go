package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"zhenglian/app/receipt"
	"zhenglian/app/row"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/node/blob"
)

// do sends a request and reads the answer.
func (h *harness) do(method, path, body string) (*http.Response, []byte) {
	h.t.Helper()
	r, err := http.NewRequest(method, h.http.URL+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return resp, b
}

// submit sends an envelope that must be sealed.
func (h *harness) submit(e *tx.Envelope) *api.Submission {
	h.t.Helper()
	resp, b := h.do("POST", api.PathEnvelopes, string(e.AppendJSON(nil)))
	if resp.StatusCode != 200 {
		h.t.Fatalf("status %d: %s", resp.StatusCode, b)
	}
	s := new(api.Submission)
	if err := json.Unmarshal(b, s); err != nil {
		h.t.Fatal(err)
	}
	return s
}

func (h *harness) verify(what string, b []byte, o receipt.Options) {
	h.t.Helper()
	if r := receipt.Verify(b, h.trust, o); r.Verdict == receipt.NotVerified {
		h.t.Errorf("%s does not verify:\n%s", what, r.Text("en"))
	}
}

// pending checks a receipt in which nothing is wrong but missing signatures.
func (h *harness) pending(what string, b []byte) {
	h.t.Helper()
	for _, c := range receipt.Verify(b, h.trust, receipt.Options{}).Checks {
		if (c.Result == receipt.Fail) != (c.ID == "policy") {
			h.t.Errorf("%s: %s: %s", what, c.ID, c.Result)
		}
	}
}

// Every receipt that the gateway gives out verifies offline, in each form.
func TestReceiptsVerify(t *testing.T) {
	h := newHarness(t)
	var last *api.Submission
	for n := range 5 {
		last = h.submit(h.seal(n, complete3...))
		h.verify("receipt in the answer", last.Receipt, receipt.Options{WantID: last.ID})
	}
	pending := h.submit(h.seal(9, "officer1"))
	h.pending("receipt of a pending statement", pending.Receipt)
	h.submit(h.sign("hangzhou-amr", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: pending.ID, Type: tx.Agrees}, "officer2"))
	endorsed := h.submit(h.sign("platform-a", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: pending.ID, Type: tx.Served}, "platform"))
	h.verify("receipt of an endorsement", endorsed.Receipt, receipt.Options{WantID: endorsed.ID})
	withdrawn := h.submit(h.sign("hangzhou-amr", tx.EvidenceWithdraw, last.ID, &tx.Withdraw{Reason: "mistake"}, "officer1", "officer2"))
	h.verify("receipt of a withdrawal", withdrawn.Receipt, receipt.Options{WantID: withdrawn.ID})

	for _, s := range []*api.Submission{last, pending, endorsed, withdrawn} {
		for _, q := range []string{"", "?at=entry", "?form=compact"} {
			resp, b := h.do("GET", s.ReceiptURL+q, "")
			if resp.StatusCode != 200 {
				t.Fatalf("%s%s: status %d: %s", s.ReceiptURL, q, resp.StatusCode, b)
			}
			if s == pending && q == "?at=entry" {
				h.pending("receipt as of a time when signatures were missing", b)
				continue
			}
			h.verify("receipt "+q, b, receipt.Options{WantID: s.ID})
		}
	}

	// Whoever asks whether something holds is told what became of it.
	resp, b := h.do("POST", "/v1/verify", `{"id":"`+last.ID.String()+`"}`)
	var v api.Verification
	if err := json.Unmarshal(b, &v); resp.StatusCode != 200 || err != nil {
		t.Fatalf("verify: status %d, %v: %s", resp.StatusCode, err, b)
	}
	r, err := receipt.Parse(v.Receipt)
	if err != nil {
		t.Fatal(err)
	}
	if r.Later == nil {
		t.Error("POST /v1/verify answers with a receipt that does not show the withdrawal")
	}
}

// A row that is not there is proven not to be there, and one that is, to be.
func TestStateProofs(t *testing.T) {
	h := newHarness(t)
	nobody := tx.AccountID{1}
	for _, c := range []struct {
		ask   api.VerifyRequest
		key   []byte
		found bool
	}{
		{api.VerifyRequest{Account: nobody.String()}, row.AccountKey(nobody), false},
		{api.VerifyRequest{Member: "internet-court"}, row.MemberKey("internet-court"), true},
		{api.VerifyRequest{Key: "01"}, row.ParamsKey(), true},
	} {
		ask, _ := json.Marshal(c.ask)
		_, b := h.do("POST", api.PathVerify, string(ask))
		var v api.Verification
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		if v.Found != c.found {
			t.Errorf("%s: found %v, want %v", ask, v.Found, c.found)
		}
		p, err := receipt.ParseStateProof(v.Proof)
		if err != nil {
			t.Fatalf("%s: %v", ask, err)
		}
		value, err := receipt.VerifyRow(p, c.key, h.trust)
		if err != nil {
			t.Errorf("%s: %v", ask, err)
		}
		if string(value) != string(v.Value) || (value != nil) != c.found {
			t.Errorf("%s: proven %s, answered %s", ask, value, v.Value)
		}
	}
}

// Many at once, several of them the same: each statement lands once and all who
// submitted it get the same answer.
func TestConcurrentSubmissions(t *testing.T) {
	h := newHarness(t)
	const statements, each = 20, 3
	var wg sync.WaitGroup
	answers := make([][each]*api.Submission, statements)
	for n := range statements {
		e := string(h.seal(n, complete3...).AppendJSON(nil))
		for i := range each {
			wg.Go(func() {
				resp, b := h.do("POST", api.PathEnvelopes, e)
				s := new(api.Submission)
				if err := json.Unmarshal(b, s); err != nil || resp.StatusCode != 200 {
					t.Errorf("status %d, %v: %s", resp.StatusCode, err, b)
				}
				answers[n][i] = s
			})
		}
	}
	wg.Wait()
	seen := map[uint64]bool{}
	for n, a := range answers {
		for i := range each {
			if a[i].ID != a[0].ID || a[i].Seq != a[0].Seq || !bytes.Equal(a[i].Receipt, a[0].Receipt) {
				t.Errorf("statement %d was answered in different ways", n)
			}
		}
		if seen[a[0].Seq] {
			t.Errorf("entry %d twice", a[0].Seq)
		}
		seen[a[0].Seq] = true
		h.verify("receipt", a[0].Receipt, receipt.Options{WantID: a[0].ID})
	}
	f := h.g.ledger.flights
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.byID) != 0 {
		t.Errorf("%d flights never ended", len(f.byID))
	}
}

// Two statements that exclude each other pass CheckTx; the block takes one and
// the other's submitter gets the block's number.
func TestRefusedInBlock(t *testing.T) {
	h := newHarness(t)
	s := h.submit(h.seal(1, complete3...))
	h.mu.Lock()
	h.auto = false
	h.mu.Unlock()
	answers := make(chan int, 2)
	var codes sync.Map
	for _, reason := range []string{"mistake", "duplicate"} {
		e := string(h.sign("hangzhou-amr", tx.EvidenceWithdraw, s.ID, &tx.Withdraw{Reason: reason}, "officer1", "officer2").AppendJSON(nil))
		go func() {
			resp, b := h.do("POST", api.PathEnvelopes, e)
			var p api.Problem
			if json.Unmarshal(b, &p) == nil {
				codes.Store(p.Code, true)
			}
			answers <- resp.StatusCode
		}()
	}
	h.eventually("both in the mempool", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.pool) == 2
	})
	h.block(2)
	got := []int{<-answers, <-answers}
	slices.Sort(got)
	if !slices.Equal(got, []int{200, 422}) {
		t.Errorf("statuses %v, want one accepted and one refused", got)
	}
	if _, ok := codes.Load("STALE_PREV"); !ok {
		t.Error("the refusal is not STALE_PREV")
	}
}

func (h *harness) eventually(what string, ok func() bool) {
	h.t.Helper()
	for range 500 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	h.t.Fatalf("never: %s", what)
}

// More submissions than the gateway holds are told to come back; it recovers.
func TestOverload(t *testing.T) {
	h := newHarness(t, func(c *Config, _ *Options) { c.InFlight = 2 })
	h.mu.Lock()
	h.auto = false
	h.mu.Unlock()
	var wg sync.WaitGroup
	for n := range 2 {
		e := string(h.seal(n, complete3...).AppendJSON(nil))
		wg.Go(func() {
			if resp, b := h.do("POST", api.PathEnvelopes, e); resp.StatusCode != 200 {
				t.Errorf("status %d: %s", resp.StatusCode, b)
			}
		})
	}
	h.eventually("two in flight", func() bool { return len(h.g.ledger.inFlight) == 2 })
	third := h.seal(3, complete3...)
	resp, b := h.do("POST", api.PathEnvelopes, string(third.AppendJSON(nil)))
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "1" || !bytes.Contains(b, []byte(api.CodeOverloaded)) {
		t.Errorf("status %d, Retry-After %q: %s", resp.StatusCode, resp.Header.Get("Retry-After"), b)
	}
	h.block(2)
	wg.Wait()
	h.mu.Lock()
	h.auto = true
	h.mu.Unlock()
	h.submit(third)
}

// Whoever goes away stops waiting.
func TestClientGone(t *testing.T) {
	h := newHarness(t)
	h.mu.Lock()
	h.auto = false
	h.mu.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	e := string(h.seal(1, complete3...).AppendJSON(nil))
	done := make(chan error, 1)
	go func() {
		r, err := http.NewRequestWithContext(ctx, "POST", h.http.URL+api.PathEnvelopes, strings.NewReader(e))
		if err == nil {
			_, err = http.DefaultClient.Do(r)
		}
		done <- err
	}()
	h.eventually("in flight", func() bool { return len(h.g.ledger.inFlight) == 1 })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	h.eventually("no longer in flight", func() bool { return len(h.g.ledger.inFlight) == 0 })
}

func TestRateLimit(t *testing.T) {
	c := newTestChain(t)
	g, err := New(Config{Rate: 0.001, Burst: 2}, Options{Chain: c})
	if err != nil {
		t.Fatal(err)
	}
	status := func(from string) int {
		r, _ := http.NewRequest("GET", "/livez", nil)
		r.RemoteAddr = from
		w := &recorder{header: http.Header{}}
		g.Handler().ServeHTTP(w, r)
		if w.status == 429 && w.header.Get("Retry-After") == "" {
			t.Error("429 without Retry-After")
		}
		return w.status
	}
	for i, want := range []int{200, 200, 429} {
		if got := status("192.0.2.1:1234"); got != want {
			t.Errorf("request %d: got %d, want %d", i, got, want)
		}
	}
	if got := status("192.0.2.2:1234"); got != 200 {
		t.Errorf("another address: got %d", got)
	}
	for i, from := range []string{"[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8::3]:1"} {
		if got, want := status(from), []int{200, 200, 429}[i]; got != want {
			t.Errorf("IPv6 neighbour %d: got %d, want %d", i, got, want)
		}
	}
	for range 5 {
		if got := status("127.0.0.1:1234"); got != 200 {
			t.Errorf("loopback: got %d", got)
		}
	}
}

// recorder is a response writer without a connection.
type recorder struct {
	header http.Header
	status int
	bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }
func (r *recorder) WriteHeader(s int)   { r.status = s }
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = 200
	}
	return r.Buffer.Write(b)
}

// Bodies over their limit are refused before they are read to the end.
func TestBodyLimits(t *testing.T) {
	h := newHarness(t)
	big := strings.Repeat(" ", 2*tx.MaxEnvelope+2)
	for _, c := range []struct{ method, path, body, code string }{
		{"POST", api.PathEnvelopes, big, api.CodeBodyTooLarge},
		{"POST", api.PathVerify, strings.Repeat(" ", maxVerifyBody+2), api.CodeBodyTooLarge},
		{"PUT", api.BlobURL(tx.Digest(blob.Sum([]byte("x")))), strings.Repeat("x", maxBlob+1), api.CodeBodyTooLarge},
	} {
		resp, b := h.do(c.method, c.path, c.body)
		var p api.Problem
		if err := json.Unmarshal(b, &p); err != nil || resp.StatusCode != 413 || p.Code != c.code {
			t.Errorf("%s %s: status %d: %s", c.method, c.path, resp.StatusCode, b)
		}
	}
}

// A body that does not arrive is given up.
func TestSlowBody(t *testing.T) {
	h := newHarness(t, func(c *Config, _ *Options) { c.BodyWait = 50 * time.Millisecond })
	for _, path := range []string{"POST " + api.PathEnvelopes, "PUT " + api.BlobURL(tx.Digest{1})} {
		conn, err := net.Dial("tcp", h.http.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", path)
		conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		b, err := io.ReadAll(conn)
		if err != nil || !bytes.Contains(b, []byte(" 408 ")) {
			t.Errorf("%s: %v: %s", path, err, b)
		}
	}
}

// The bound on a body's arrival does not end a wait that comes after it.
func TestWaitLongerThanBody(t *testing.T) {
	h := newHarness(t, func(c *Config, _ *Options) { c.BodyWait = 30 * time.Millisecond })
	h.mu.Lock()
	h.auto = false
	h.mu.Unlock()
	e := string(h.seal(1, complete3...).AppendJSON(nil))
	if resp, b := h.do("POST", api.PathEnvelopes+"?wait=0.2", e); resp.StatusCode != 202 {
		t.Errorf("status %d: %s", resp.StatusCode, b)
	}
}

// A gateway with too much to do refuses before it reads anything, with the same
// problem as after.
func TestShedding(t *testing.T) {
	h := newHarness(t)
	h.mu.Lock()
	h.full = true
	h.mu.Unlock()
	for _, body := range []string{"", "not JSON", string(h.seal(1, complete3...).AppendJSON(nil))} {
		resp, b := h.do("POST", api.PathEnvelopes, body)
		var p api.Problem
		if err := json.Unmarshal(b, &p); err != nil || resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "1" ||
			p.Code != api.CodeMempoolFull || p.RequestID != resp.Header.Get("X-Request-Id") {
			t.Errorf("%.20q: status %d, %v: %s", body, resp.StatusCode, err, b)
		}
	}
	if resp, b := h.do("GET", api.PathStatus, ""); resp.StatusCode != 200 {
		t.Errorf("reading while full: status %d: %s", resp.StatusCode, b)
	}
}

// Users see that something failed and a number to quote; the log sees what.
func TestFailuresStayInside(t *testing.T) {
	h := newHarness(t)
	r := h.g.routes
	r.GET("/web/test/panic", func(*gin.Context) { panic("secret in a panic") })
	r.GET("/web/test/error", func(c *gin.Context) { fail(c, errors.New("secret in an error")) })
	for _, path := range []string{"/web/test/panic", "/web/test/error"} {
		resp, b := h.do("GET", path, "")
		if resp.StatusCode != 500 || bytes.Contains(b, []byte("secret")) || bytes.Contains(b, []byte("goroutine")) {
			t.Errorf("%s: status %d: %s", path, resp.StatusCode, b)
		}
		if id := resp.Header.Get("X-Request-Id"); id == "" || !strings.Contains(h.log.String(), id) {
			t.Errorf("%s: request %q is not in the log", path, id)
		}
	}
	for _, want := range []string{"secret in a panic", "secret in an error"} {
		if !strings.Contains(h.log.String(), want) {
			t.Errorf("the log does not say %q", want)
		}
	}
}

// The access log holds neither bodies nor queries.
func TestAccessLog(t *testing.T) {
	h := newHarness(t)
	e := h.seal(1, complete3...)
	h.submit(e)
	h.do("GET", "/v1/evidence?case_tag="+strings.Repeat("ab", 32), "")
	log := h.log.String()
	if !strings.Contains(log, "method=POST path=/v1/envelopes status=200") {
		t.Errorf("no line for the submission in\n%s", log)
	}
	for _, secret := range []string{strings.Repeat("ab", 32), e.Signatures[0].Account.String(), "payload"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

func TestMetrics(t *testing.T) {
	r := prometheus.NewRegistry()
	h := newHarness(t, func(_ *Config, o *Options) { o.Metrics = r })
	h.submit(h.seal(1, complete3...))
	h.do("POST", api.PathEnvelopes, "{}")
	h.do("POST", api.PathEnvelopes, string(h.seal(2, "city").AppendJSON(nil)))
	h.do("GET", "/no/such/path", "")
	h.do("MADEUP", "/v1/status", "")
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range families {
		for _, m := range f.GetMetric() {
			line := f.GetName()
			for _, l := range m.GetLabel() {
				line += " " + l.GetValue()
			}
			switch {
			case m.Counter != nil:
				line += fmt.Sprint(" = ", m.Counter.GetValue())
			case m.Histogram != nil:
				line += fmt.Sprint(" = ", m.Histogram.GetSampleCount())
			}
			got = append(got, line)
		}
	}
	want := []string{
		"zhenglian_gateway_event_streams",
		"zhenglian_gateway_requests_total POST /v1/envelopes 200 = 1",
		"zhenglian_gateway_requests_total POST /v1/envelopes 400 = 1",
		"zhenglian_gateway_requests_total POST /v1/envelopes 422 = 1",
		"zhenglian_gateway_requests_total none none 404 = 1",
		"zhenglian_gateway_requests_total none none 405 = 1",
		"zhenglian_gateway_submissions_waiting",
		"zhenglian_gateway_submit_seconds NOT_ISSUER = 1",
		"zhenglian_gateway_submit_seconds receipt = 1",
		"zhenglian_index_behind_entries",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A file that rotted on disk never arrives complete.
func TestCorruptBlob(t *testing.T) {
	dir := t.TempDir()
	blobs, err := blob.OpenDir(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer blobs.Close()
	h := newHarness(t, func(_ *Config, o *Options) { o.Blobs = blobs })
	content := strings.Repeat("0123456789abcdef", 20_000)
	d := blob.Sum([]byte(content))
	if resp, b := h.do("PUT", api.BlobURL(tx.Digest(d)), content); resp.StatusCode != 201 {
		t.Fatalf("status %d: %s", resp.StatusCode, b)
	}
	if _, b := h.do("GET", api.BlobURL(tx.Digest(d)), ""); string(b) != content {
		t.Fatal("the file comes back changed")
	}
	name := filepath.Join(dir, "sha256", d.String()[:2], d.String()[2:4], d.String())
	if err := os.Chmod(name, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte("X"+content[1:]), 0o600); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(h.http.URL + api.BlobURL(tx.Digest(d)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("%d damaged bytes arrived without an error", len(b))
	}
}

// Without an index and without a place for files the gateway says so.
func TestParts(t *testing.T) {
	h := newHarness(t, func(_ *Config, o *Options) { o.Index, o.Blobs = nil, nil })
	s := h.submit(h.seal(1, complete3...))
	h.verify("receipt", s.Receipt, receipt.Options{WantID: s.ID})
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/v1/evidence", ""},
		{"POST", "/v1/verify", `{"sha256":"` + strings.Repeat("ab", 32) + `"}`},
		{"PUT", api.BlobURL(tx.Digest{1}), "x"},
		{"GET", api.BlobURL(tx.Digest{1}), ""},
	} {
		if resp, b := h.do(c.method, c.path, c.body); resp.StatusCode != 503 {
			t.Errorf("%s %s: status %d: %s", c.method, c.path, resp.StatusCode, b)
		}
	}
}

// A statement read again costs nothing while nothing has happened to it.
func TestETag(t *testing.T) {
	h := newHarness(t)
	s := h.submit(h.seal(1, complete3...))
	get := func(etag string) (*http.Response, []byte) {
		r, _ := http.NewRequest("GET", h.http.URL+s.StatementURL, nil)
		if etag != "" {
			r.Header.Set("If-None-Match", etag)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp, b
	}
	resp, _ := get("")
	etag := resp.Header.Get("ETag")
	if etag == "" {
		t.Fatal("no ETag")
	}
	h.block(3)
	if resp, b := get(etag); resp.StatusCode != 304 || len(b) != 0 || resp.Header.Get("ETag") != etag {
		t.Errorf("nothing changed: status %d, ETag %q: %s", resp.StatusCode, resp.Header.Get("ETag"), b)
	}
	h.submit(h.sign("hangzhou-amr", tx.EvidenceWithdraw, s.ID, &tx.Withdraw{Reason: "mistake"}, "officer1", "officer2"))
	if resp, b := get(etag); resp.StatusCode != 200 || !bytes.Contains(b, []byte("WITHDRAWN")) {
		t.Errorf("withdrawn: status %d: %s", resp.StatusCode, b)
	}
}

// Walking along Link leads through everything once.
func TestPaging(t *testing.T) {
	h := newHarness(t)
	const n = 7
	for i := range n {
		h.submit(h.seal(i, complete3...))
	}
	var seqs []uint64
	path := "/v1/evidence?limit=3"
	for path != "" {
		resp, b := h.do("GET", path, "")
		var p api.Page[api.Evidence]
		if err := json.Unmarshal(b, &p); err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Data {
			seqs = append(seqs, e.Seq)
		}
		link := resp.Header.Get("Link")
		if (link != "") != p.HasMore {
			t.Errorf("has_more %v with Link %q", p.HasMore, link)
		}
		path, _, _ = strings.Cut(strings.TrimPrefix(link, "<"), ">")
	}
	if want := []uint64{6, 5, 4, 3, 2, 1, 0}; !slices.Equal(seqs, want) {
		t.Errorf("got %v, want %v", seqs, want)
	}
}

// Serve stops when it is told to, also while somebody waits.
func TestServe(t *testing.T) {
	h := newHarness(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.g.Serve(ctx, l) }()
	resp, err := http.Get("http://" + l.Addr().String() + api.PathReady)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%v, %v", resp, err)
	}
	resp.Body.Close()
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("still serving")
	}
}

var update = flag.Bool("update", false, "write client/api/openapi.json anew")

// The document names every path that is served, and only those, and is the one
// that is published beside the contract: read the difference before -update.
func TestOpenAPI(t *testing.T) {
	h := newHarness(t)
	_, b := h.do("GET", api.PathOpenAPI, "")
	const published = "../../client/api/openapi.json"
	var indented bytes.Buffer
	if err := json.Indent(&indented, b, "", " "); err != nil {
		t.Fatal(err)
	}
	indented.WriteByte('\n')
	if *update {
		if err := os.WriteFile(published, indented.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(published); err != nil || !bytes.Equal(indented.Bytes(), want) {
		t.Errorf("the document is not %s (%v); go test ./node/gateway -run OpenAPI -update", published, err)
	}
	var doc struct {
		OpenAPI    string
		Paths      map[string]map[string]json.RawMessage
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("openapi is %q", doc.OpenAPI)
	}
	served := map[string]bool{}
	for _, r := range h.g.routes.Routes() {
		path := r.Path
		for _, part := range strings.Split(path, "/") {
			if name, ok := strings.CutPrefix(part, ":"); ok {
				path = strings.Replace(path, part, "{"+name+"}", 1)
			}
		}
		switch {
		case path == "/v1/epcis/events/*rest": // what is named there may hold slashes
			served["GET /v1/epcis/events/{eventID}"], served["GET /v1/epcis/events/{eventID}/receipt"] = true, true
			continue
		case strings.HasPrefix(path, "/v1/epcis/") && strings.HasSuffix(path, "/*rest"):
			resource := strings.TrimSuffix(path, "*rest") + "{value}"
			served["GET "+resource], served["GET "+resource+"/events"] = true, true
			continue
		case path == "/" || path == api.PathDocs || path == api.PathOpenAPI || strings.HasPrefix(path, "/web/"),
			strings.HasPrefix(path, "/verify"), path == "/notarize", path == "/station", path == "/e/{id}", strings.HasSuffix(path, "/*rest"):
			continue // pages, and the document itself
		case path == "/tile/*path":
			served["GET /tile/{level}/{index}"], served["GET /tile/entries/{index}"] = true, true
			continue
		}
		served[r.Method+" "+path] = true
	}
	documented := map[string]bool{}
	ids := map[string]bool{}
	for path, ops := range doc.Paths {
		for method, raw := range ops {
			documented[strings.ToUpper(method)+" "+path] = true
			var op struct {
				OperationID string
				Summary     string
				Tags        []string
				Responses   map[string]json.RawMessage
			}
			if err := json.Unmarshal(raw, &op); err != nil {
				t.Fatal(err)
			}
			if op.OperationID == "" || ids[op.OperationID] || op.Summary == "" || len(op.Tags) == 0 || op.Responses["default"] == nil {
				t.Errorf("%s %s is not described: %s", method, path, raw)
			}
			ids[op.OperationID] = true
		}
	}
	for r := range served {
		if !documented[r] {
			t.Errorf("%s is served and not documented", r)
		}
	}
	for r := range documented {
		if !served[r] {
			t.Errorf("%s is documented and not served", r)
		}
	}
	// Every reference leads somewhere.
	for _, part := range bytes.Split(b, []byte(`"$ref":"#/components/schemas/`))[1:] {
		name, _, _ := bytes.Cut(part, []byte(`"`))
		if doc.Components.Schemas[string(name)] == nil {
			t.Errorf("no schema %s", name)
		}
	}
}

// The contract is the same without HTTP.
func TestRefusalSurvivesABCI(t *testing.T) {
	for _, e := range []*tx.Error{
		{Code: tx.CodeStalePrev, Path: "prev", Detail: "the head is 00: or not"},
		{Code: tx.CodeStalePrev, Path: "prev"},
		{Code: tx.CodeStalePrev, Detail: "only a detail"},
		{Code: tx.CodeStalePrev},
	} {
		if got := refusal(e.Code, e.Error()); got.Error() != e.Error() {
			t.Errorf("got %q, want %q", got, e)
		}
	}
	if got := refusal(tx.CodeInternal, "open /var/lib: permission denied"); got.Error() != (&tx.Error{Code: tx.CodeInternal}).Error() {
		t.Errorf("internal text came through: %q", got)
	}
}

func TestParseTile(t *testing.T) {
	for s, want := range map[string]tilePath{
		"0/000":                  {level: 0, index: 0, width: 256},
		"8/0/000":                {level: 0, index: 0, width: 256},
		"7/123":                  {level: 7, index: 123, width: 256},
		"1/x001/x234/067":        {level: 1, index: 1234067, width: 256},
		"1/x001/x234/067.p/8":    {level: 1, index: 1234067, width: 8},
		"entries/x001/000.p/255": {entries: true, index: 1000, width: 255},
		"entries/999":            {entries: true, index: 999, width: 256},
	} {
		if got, ok := parseTile(s); !ok || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", s, got, ok, want)
		}
	}
	for _, s := range []string{
		"", "0", "0/", "0/0", "0/0000", "8/000", "10/000", "-1/000", "x/000", "0/x000/000", "0/001/002", "0/x001", "0/+01",
		"0/000.p/", "0/000.p/0", "0/000.p/256", "0/000.p/01", "0/000.p/x", "0/x001/x002/x003/x004/x005/x006/007", "entries", "entries/",
	} {
		if got, ok := parseTile(s); ok {
			t.Errorf("%q: got %+v, want none", s, got)
		}
	}
}

func TestCache(t *testing.T) {
	c := newCache[int, string](2)
	for i := range 4 {
		c.put(i, fmt.Sprint(i))
		c.get(0) // used all the time, so never forgotten
	}
	if v, ok := c.get(0); !ok || v != "0" {
		t.Errorf("what is used was forgotten")
	}
	c.put(4, "4")
	c.put(5, "5")
	if _, ok := c.get(1); ok {
		t.Error("what is not used was kept")
	}
	if got := c.put(5, "other"); got != "5" {
		t.Errorf("put over an existing value returned %q", got)
	}
	if n := len(c.young) + len(c.old); n > 4 {
		t.Errorf("%d values, want at most 4", n)
	}
}

// Assembling a receipt, once when nothing about it was asked before, and what a
// whole submission costs beside the chain.
func BenchmarkReceipt(b *testing.B) {
	h := newHarness(b)
	const n = 200
	var ids []tx.ID
	for i := range n {
		ids = append(ids, h.submit(h.seal(i, complete3...)).ID)
	}
	r := h.g.ledger.receipts
	b.Run("first", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			r.made = newCache[tx.ID, *made](1)
			if _, err := r.entry(b.Context(), ids[i%n], uint64(i%n)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("first, no row cached", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			r.made = newCache[tx.ID, *made](1)
			r.rows = newCache[provenKey, receipt.Row](100)
			if _, err := r.entry(b.Context(), ids[i%n], uint64(i%n)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("submission of a known statement over HTTP", func(b *testing.B) {
		e := string(h.seal(n, complete3...).AppendJSON(nil))
		b.ReportAllocs()
		for b.Loop() {
			if resp, body := h.do("POST", api.PathEnvelopes, e); resp.StatusCode != 200 {
				b.Fatalf("%d: %s", resp.StatusCode, body)
			}
		}
	})
}
