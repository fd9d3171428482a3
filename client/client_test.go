package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zhenglian/app/receipt"
	"zhenglian/app/row"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/client/clienttest"
)

// serve starts a ledger and returns a client of it that is quick to retry.
func serve(t *testing.T) (*clienttest.Ledger, *Client) {
	t.Helper()
	l := clienttest.New()
	s := httptest.NewServer(l)
	t.Cleanup(s.Close)
	c, err := New(Config{Gateway: s.URL, MaxPause: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return l, c
}

// signers returns n keys, the same in every run.
func signers(t *testing.T, n int) (out []tx.Signer) {
	t.Helper()
	for i := range n {
		k, err := tx.NewPrivateKey(tx.Secp256k1, bytes.Repeat([]byte{byte(i + 1)}, 32))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, k)
	}
	return out
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// page is what the tests notarize.
func page(t *testing.T, n int) NotarizeOptions {
	t.Helper()
	f, err := HashFile(context.Background(), write(t, "page.html", "<!doctype html>"), "original", nil)
	if err != nil {
		t.Fatal(err)
	}
	return NotarizeOptions{
		Member: "hangzhou-amr", Files: []LocalFile{f}, Signers: signers(t, n),
		Evidence: tx.Evidence{Class: "file", Captured: tx.Captured{Method: "upload", Tool: "test/1"}},
	}
}

// envelope is a signed seal that nobody has submitted.
func envelope(t *testing.T, c *Client, n int) *tx.Envelope {
	t.Helper()
	b, err := c.Seal(context.Background(), page(t, n))
	if err != nil {
		t.Fatal(err)
	}
	e, err := tx.Seal(b, signers(t, n)...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestNotarize(t *testing.T) {
	l, c := serve(t)
	ctx := context.Background()
	o := page(t, 3)
	o.Trust, o.Upload = l.Trust, true
	sent := 0
	o.Progress = func(n int) { sent += n }
	e, err := c.Notarize(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	if !e.Checked || e.State != row.Sealed || e.Seq != 0 {
		t.Errorf("got %+v, want the checked entry 0, sealed", e)
	}
	if sent != len("<!doctype html>") {
		t.Errorf("progress of %d bytes, want %d", sent, len("<!doctype html>"))
	}
	st, err := c.Statement(ctx, e.ID)
	if err != nil {
		t.Fatal(err)
	}
	s, err := tx.ParseStatement([]byte(st.Text))
	if err != nil {
		t.Fatal(err)
	}
	ev := s.Body.(*tx.Evidence)
	if s.Expires != ev.Anchor.Height+DefaultExpires || s.Chain != clienttest.Chain || ev.Files[0].Media != "text/html" || ev.Files[0].SM3.IsZero() {
		t.Errorf("statement %s: wrong header or file", st.Text)
	}
	body, _, err := c.Blob(ctx, ev.Files[0].SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(body); err != nil || string(b) != "<!doctype html>" {
		t.Errorf("blob: got %q, %v", b, err)
	}
	body.Close()

	// The same file again is a new statement, and the index has both.
	if _, err := c.Notarize(ctx, o); err != nil {
		t.Errorf("the same file again: %v", err)
	}
	var seqs []uint64
	for m, err := range c.AllEvidence(ctx, api.EvidenceQuery{SHA256: ev.Files[0].SHA256, Limit: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		seqs = append(seqs, m.Seq)
	}
	if !slices.Equal(seqs, []uint64{1, 0}) {
		t.Errorf("search over pages: got %v, want 1, 0", seqs)
	}
}

func TestNotarizeChecksTheReceipt(t *testing.T) {
	l, c := serve(t)
	o := page(t, 3)
	// A gateway that invents blocks: another validator than the trusted one.
	other, err := receipt.NewTrust(clienttest.Chain, 1, []receipt.Validator{{PubKey: [32]byte{1}, Power: 1}})
	if err != nil {
		t.Fatal(err)
	}
	o.Trust = other
	var bad *Unverified
	if _, err := c.Notarize(context.Background(), o); !errors.As(err, &bad) || bad.Report.Check("quorum").Result != receipt.Fail {
		t.Errorf("got %v, want Unverified by quorum", err)
	}
	// One that answers with the receipt of another entry.
	ctx := context.Background()
	first, second := envelope(t, c, 3), envelope(t, c, 2)
	for second.ID() == first.ID() { // stated in the same millisecond
		second = envelope(t, c, 2)
	}
	s1, err := c.Submit(ctx, first, api.SubmitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	l.Before = func(w http.ResponseWriter, r *http.Request) bool {
		s := *s1
		s.ID = second.ID()
		json.NewEncoder(w).Encode(s)
		return true
	}
	if _, err := c.Enter(ctx, second, l.Trust); !errors.As(err, &bad) || bad.Report.Check("request").Result != receipt.Fail {
		t.Errorf("with trust: got %v, want Unverified by request", err)
	}
	if _, err := c.Enter(ctx, second, nil); err == nil || !strings.Contains(err.Error(), "another entry") {
		t.Errorf("without trust: got %v, want an error about another entry", err)
	}
}

func TestNotarizeRefuses(t *testing.T) {
	l, c := serve(t)
	ctx := context.Background()
	o := page(t, 1)
	o.Trust = &receipt.Trust{Chain: "other-1"}
	if _, err := c.Notarize(ctx, o); !errors.Is(err, tx.CodeChain.Err()) {
		t.Errorf("another chain: got %v, want WRONG_CHAIN", err)
	}
	o = page(t, 1)
	o.Files = nil
	if _, err := c.Notarize(ctx, o); err == nil {
		t.Error("no files: no error")
	}
	for i := range tx.MaxFiles + 1 {
		o.Files = append(o.Files, LocalFile{File: tx.File{Media: "a/b", Role: "x", SHA256: tx.Digest{byte(i), 1}}})
	}
	if _, err := c.Notarize(ctx, o); err == nil || !strings.Contains(err.Error(), "65 files") {
		t.Errorf("65 files: got %v", err)
	}
	o = page(t, 1)
	o.Files = append(o.Files, o.Files[0])
	if b, err := c.Seal(ctx, o); err != nil || bytes.Count(b, []byte(`"media"`)) != 1 {
		t.Errorf("the same file twice: got %s, %v; want it stated once", b, err)
	}
	// The file changes after it was hashed.
	o = page(t, 1)
	o.Upload = true
	if err := os.WriteFile(o.Files[0].Path, []byte("<!doctype HTML>"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Notarize(ctx, o); !errors.Is(err, &api.Problem{Code: api.CodeBlobDigest}) {
		t.Errorf("changed file: got %v, want BLOB_DIGEST", err)
	}
	l.Before = func(w http.ResponseWriter, r *http.Request) bool {
		clienttest.Refuse(w, api.Refusal(&tx.Error{Code: tx.CodeAnchor}))
		return true
	}
	if _, err := c.Notarize(ctx, o); !errors.Is(err, tx.CodeAnchor.Err()) {
		t.Errorf("refusal: got %v, want ANCHOR", err)
	}
}

func TestPending(t *testing.T) {
	l, c := serve(t)
	o := page(t, 1)
	o.Trust = l.Trust
	e, err := c.Notarize(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if e.State != row.Pending || e.Outcome != row.Waits || len(e.Missing) == 0 {
		t.Errorf("got %+v, want it to wait", e)
	}
}

func TestOnlyWaits(t *testing.T) {
	report := func(state, failed string) *receipt.Report {
		return &receipt.Report{Facts: &receipt.Facts{State: state}, Checks: []receipt.Check{{ID: failed, Result: receipt.Fail}}}
	}
	for _, tc := range []struct {
		r    *receipt.Report
		want bool
	}{
		{report("PENDING", "policy"), true},
		{report("SEALED", "policy"), false},
		{report("PENDING", "quorum"), false},
		{&receipt.Report{}, false},
	} {
		if got := OnlyWaits(tc.r); got != tc.want {
			t.Errorf("%+v: got %v, want %v", tc.r, got, tc.want)
		}
	}
}

// Await keeps asking after 202 until the statement can be proved.
func TestAwait(t *testing.T) {
	l, c := serve(t)
	e := envelope(t, c, 3)
	var posted, asked atomic.Int32
	l.Before = func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.Method == http.MethodPost && posted.Add(1) == 1:
			l.ServeHTTP(httptest.NewRecorder(), r) // takes it in, and answers too early
			w.Header().Set("Location", api.StatementURL(e.ID()))
			w.WriteHeader(http.StatusAccepted)
			json.NewEncoder(w).Encode(api.InFlight{ID: e.ID(), State: api.StateInFlight})
			return true
		case r.Method == http.MethodGet && asked.Add(1) < 3:
			clienttest.Refuse(w, api.NewProblem(api.CodeNotFound, ""))
			return true
		}
		return false
	}
	s, err := c.Await(context.Background(), e, api.SubmitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if s.ID != e.ID() || s.SealedAt == 0 || len(s.Receipt) == 0 || asked.Load() < 3 {
		t.Errorf("got %+v after asking %d times", s, asked.Load())
	}
}

func TestAwaitEnds(t *testing.T) {
	l, c := serve(t)
	e := envelope(t, c, 3)
	l.Before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusAccepted)
			io.WriteString(w, `{"state":"IN_FLIGHT"}`)
			return true
		}
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_, err := c.Await(ctx, e, api.SubmitOptions{})
	var f *api.InFlight
	if !errors.As(err, &f) || f.ID != e.ID() || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the InFlight of %s and the deadline", err, e.ID())
	}
}

// A request is tried again when that may help, and not when it cannot.
func TestRetries(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fail  func(w http.ResponseWriter) // the first answer
		tries int32                       // how often the request arrives
		ok    bool
	}{
		{"429 with Retry-After", func(w http.ResponseWriter) {
			p := api.NewProblem(api.CodeOverloaded, "")
			p.RetryAfter = 1
			clienttest.Refuse(w, p)
		}, 2, true},
		{"429 that asks for too much", func(w http.ResponseWriter) {
			p := api.NewProblem(api.CodeMempoolFull, "")
			p.RetryAfter = 60
			clienttest.Refuse(w, p)
		}, 1, false},
		{"503", func(w http.ResponseWriter) { clienttest.Refuse(w, api.NewProblem(api.CodeNotReady, "")) }, 2, true},
		{"502 by a proxy", func(w http.ResponseWriter) { http.Error(w, "<html>", http.StatusBadGateway) }, 2, true},
		{"connection cut", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, 2, true},
		{"answer cut", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, "{")
			panic(http.ErrAbortHandler)
		}, 2, true},
		{"refusal", func(w http.ResponseWriter) {
			clienttest.Refuse(w, api.Refusal(&tx.Error{Code: tx.CodePolicy}))
		}, 1, false},
		{"500", func(w http.ResponseWriter) { clienttest.Refuse(w, api.ProblemOf(io.EOF)) }, 1, false},
		{"not JSON", func(w http.ResponseWriter) { io.WriteString(w, "<html>") }, 1, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, c := serve(t)
			var n atomic.Int32
			l.Before = func(w http.ResponseWriter, r *http.Request) bool {
				if n.Add(1) == 1 {
					tc.fail(w)
					return true
				}
				return false
			}
			_, err := c.Checkpoint(context.Background())
			if (err == nil) != tc.ok || n.Load() != tc.tries {
				t.Errorf("got %v after %d tries, want ok %v after %d", err, n.Load(), tc.ok, tc.tries)
			}
		})
	}
}

// A submission whose answer is lost is handed in again, and entered once.
func TestResubmission(t *testing.T) {
	l, c := serve(t)
	e := envelope(t, c, 3)
	var n atomic.Int32
	l.Before = func(w http.ResponseWriter, r *http.Request) bool {
		if n.Add(1) > 1 {
			return false
		}
		l.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
	s, err := c.Submit(context.Background(), e, api.SubmitOptions{})
	if err != nil || s.Seq != 0 {
		t.Errorf("got %+v, %v; want entry 0", s, err)
	}
}

func TestUnreachable(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	c, err := New(Config{Gateway: s.URL, Attempts: 2})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Status(context.Background()); !errors.Is(err, ErrUnreachable) || IsNotFound(err) {
		t.Errorf("got %v, want ErrUnreachable", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Status(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnreachable) {
		t.Errorf("cancelled: got %v, want only context.Canceled", err)
	}
	for _, bad := range []string{"", "127.0.0.1:80", "ftp://x", "http://", "http://x?y", "http://x#y", ":"} {
		if _, err := New(Config{Gateway: bad}); err == nil {
			t.Errorf("gateway %q: no error", bad)
		}
	}
}

func TestNotFound(t *testing.T) {
	l, c := serve(t)
	ctx := context.Background()
	if _, err := c.Statement(ctx, tx.ID{1}); !IsNotFound(err) || !errors.Is(err, &api.Problem{Code: api.CodeNotFound}) {
		t.Errorf("statement: got %v", err)
	}
	if _, _, err := c.Blob(ctx, tx.Digest{1}); !IsNotFound(err) {
		t.Errorf("blob: got %v", err)
	}
	v, err := c.Verify(ctx, api.VerifyRequest{SHA256: tx.Digest{1}.String()})
	if err != nil || v.Found || len(v.NotProven) == 0 {
		t.Errorf("verify: got %+v, %v", v, err)
	}
	l.Before = func(w http.ResponseWriter, _ *http.Request) bool { http.NotFound(w, nil); return true }
	if _, err := c.Status(ctx); !IsNotFound(err) {
		t.Errorf("a 404 that is no problem: got %v", err)
	}
}

// A gateway that lies about bytes is found out.
func TestBlobIsChecked(t *testing.T) {
	l, c := serve(t)
	ctx := context.Background()
	want := tx.Digest(sha256.Sum256([]byte("right")))
	l.Before = func(w http.ResponseWriter, _ *http.Request) bool { io.WriteString(w, "wrong"); return true }
	body, _, err := c.Blob(ctx, want)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if _, err := io.ReadAll(body); err == nil {
		t.Error("other bytes were read without an error")
	}
}

func TestPutBlobRetries(t *testing.T) {
	for _, content := range []string{"", "some bytes"} {
		l, c := serve(t)
		var n atomic.Int32
		l.Before = func(w http.ResponseWriter, r *http.Request) bool {
			if n.Add(1) == 1 {
				io.CopyN(io.Discard, r.Body, 3)
				panic(http.ErrAbortHandler)
			}
			return false
		}
		d := tx.Digest(sha256.Sum256([]byte(content)))
		b, err := c.PutBlob(context.Background(), d, int64(len(content)), strings.NewReader(content))
		if err != nil || b.Bytes != int64(len(content)) || n.Load() != 2 {
			t.Errorf("%q: got %+v, %v after %d tries", content, b, err, n.Load())
		}
		// A stream cannot be read again.
		n.Store(0)
		if _, err := c.PutBlob(context.Background(), d, -1, io.MultiReader(strings.NewReader(content))); !errors.Is(err, ErrUnreachable) || n.Load() != 1 {
			t.Errorf("stream %q: got %v after %d tries, want one failure", content, err, n.Load())
		}
	}
}

func TestHead(t *testing.T) {
	_, c := serve(t)
	ctx := context.Background()
	s, err := c.Submit(ctx, envelope(t, c, 3), api.SubmitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if head, err := c.Head(ctx, s.ID); err != nil || head != s.ID {
		t.Errorf("got %s, %v; want %s", head, err, s.ID)
	}
	b, err := c.Draft(ctx, Draft{Member: "court", Kind: tx.EndorseKind, Body: &tx.Endorse{Statement: s.ID, Type: tx.Agrees}})
	if err != nil {
		t.Fatal(err)
	}
	e, _ := tx.Seal(b, signers(t, 1)...)
	if _, err := c.Enter(ctx, e, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Head(ctx, e.ID()); err == nil {
		t.Error("an endorsement has a head")
	}
}

func TestMediaType(t *testing.T) {
	for _, tc := range []struct{ name, head, want string }{
		{"a.png", "", "image/png"},
		{"a.html", "x", "text/html"},
		{"a", "\x89PNG\x0d\x0a\x1a\x0a", "image/png"},
		{"a", "plain", "text/plain"},
		{"a", "\x00\x01\x02", "application/octet-stream"},
	} {
		if got := mediaType(tc.name, []byte(tc.head)); got != tc.want {
			t.Errorf("%s %q: got %s, want %s", tc.name, tc.head, got, tc.want)
		}
	}
}

// A folder of package capture is taken as it was listed, or not at all.
func TestOpenCapture(t *testing.T) {
	sum := func(s string) Sums {
		v, err := Sum(strings.NewReader(s))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	folder := func(change func(m map[string]any)) string {
		dir := t.TempDir()
		var files []any
		for name, content := range map[string]string{"page.png": "png", "env.json": "{}"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			s := sum(content)
			files = append(files, map[string]any{"name": name, "role": "x", "media": "text/plain; charset=utf-8", "bytes": s.Bytes, "sha256": s.SHA256, "sm3": s.SM3})
		}
		m := map[string]any{
			"v": 1, "url": "https://x/", "outcome": "COMPLETE", "started": "2026-11-23T08:00:00.000Z", "ended": "2026-11-23T08:00:01.000Z",
			"method": "m", "tool": "t/1", "tool_sha256": sum("").SHA256, "env_sha256": sum("{}").SHA256, "env_result": "ok", "files": files,
		}
		change(m)
		b, _ := json.Marshal(m)
		if err := os.WriteFile(filepath.Join(dir, "capture.json"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	ctx := context.Background()
	dir := folder(func(map[string]any) {})
	k, err := OpenCapture(ctx, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(k.Files) != 3 || k.Files[2].Role != "summary" || k.Files[0].Media != "text/plain" || k.Env.Result != "ok" || k.Env.ReportSHA256 != sum("{}").SHA256 {
		t.Errorf("got %+v", k)
	}
	first := func(m map[string]any) map[string]any { return m["files"].([]any)[0].(map[string]any) }
	for name, change := range map[string]func(m map[string]any){
		"other bytes":     func(m map[string]any) { first(m)["sha256"] = sum("z").SHA256 },
		"other SM3":       func(m map[string]any) { first(m)["sm3"] = sum("z").SM3 },
		"other length":    func(m map[string]any) { first(m)["bytes"] = 9 },
		"missing file":    func(m map[string]any) { first(m)["name"] = "gone" },
		"outside":         func(m map[string]any) { first(m)["name"] = "../x" },
		"no environment":  func(m map[string]any) { m["env_sha256"] = sum("z").SHA256 },
		"another version": func(m map[string]any) { m["v"] = 2 },
		"no digest":       func(m map[string]any) { m["tool_sha256"] = "00" },
	} {
		if _, err := OpenCapture(ctx, folder(change), nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if IsCapture(t.TempDir()) || !IsCapture(dir) {
		t.Error("IsCapture is wrong")
	}
}
