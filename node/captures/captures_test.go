package captures

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/client/bundle"
	"zhenglian/client/capture"
	"zhenglian/node/access"
	"zhenglian/node/blob"
)

func TestMain(m *testing.M) {
	capture.RunChild()
	os.Exit(m.Run())
}

var (
	officer   = &access.Principal{ID: "key:a", Member: "hangzhou-amr"}
	colleague = &access.Principal{ID: "key:b", Member: "hangzhou-amr"}
	stranger  = &access.Principal{ID: "key:c", Member: "platform-a"}
	nobody    = &access.Principal{ID: access.Anonymous}
)

type bench struct {
	*testing.T
	*Service
	blobs *blob.Dir
	conf  Config
}

// open opens a service in a folder; ask says what is not as it is here.
func open(t *testing.T, dir string, ask func(*Config)) *bench {
	t.Helper()
	blobs, err := blob.OpenDir(t.TempDir(), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { blobs.Close() })
	c := Config{Dir: dir, AllowNets: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	if ask != nil {
		ask(&c)
	}
	s, err := Open(c, blobs)
	if err != nil {
		t.Fatal(err)
	}
	return &bench{t, s, blobs, c}
}

func (b *bench) run() (stop func()) {
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.Service.Run(ctx)
	}()
	stop = func() { cancel(); <-done }
	b.Cleanup(stop)
	return stop
}

func (b *bench) add(url string) *api.Capture {
	b.Helper()
	c, err := b.Add(officer, api.CaptureRequest{URL: url, NoRecording: true})
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// await waits until a capture is in a state.
func (b *bench) await(id, state string) *api.Capture {
	b.Helper()
	late := time.After(90 * time.Second)
	for {
		c, moved, err := b.Get(officer, id)
		if err != nil {
			b.Fatal(err)
		}
		if c.State == state {
			return c
		}
		select {
		case <-moved:
		case <-late:
			b.Fatalf("after a long time: %+v", c)
		}
	}
}

func browser(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a browser")
	}
}

func serve(t *testing.T, h http.HandlerFunc) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// A capture is made, looked at, confirmed; its files are then where the gateway's are,
// and the seal has the salts for the statement.
func TestCapture(t *testing.T) {
	browser(t)
	b := open(t, t.TempDir(), func(c *Config) { c.TimeServers = []string{"127.0.0.1:1"} }) // which does not answer
	b.run()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<title>shop</title><h1>tea</h1>") })
	c := b.await(b.add(url).ID, api.CaptureDone)
	if c.Outcome != "COMPLETE" || c.Title != "shop" || c.Expires == 0 || len(c.Files) < 10 || len(c.Env) < 10 {
		t.Fatalf("captured %+v", c)
	}
	for _, p := range []*access.Principal{stranger, nobody} {
		if _, _, err := b.Get(p, c.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s sees it: %v", p.ID, err)
		}
		if _, _, err := b.File(p, c.ID, c.Files[0].SHA256); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s sees a file: %v", p.ID, err)
		}
		if err := b.Abandon(p, c.ID); !errors.Is(err, ErrNotFound) || len(b.List(p, "")) != 0 {
			t.Errorf("%s may abandon it: %v", p.ID, err)
		}
	}
	if got := b.List(colleague, ""); len(got) != 1 {
		t.Errorf("the member's other officer sees %v", got)
	}
	cp := &api.Checkpoint{Chain: "test", Anchor: api.Anchor{Height: 7, Hash: tx.Digest{1}}}
	q := api.CaptureConfirm{Member: "hangzhou-amr", Fields: map[string]string{"case_no": "7"}}
	if c.EnvResult != "fail" {
		t.Fatal("the environment of a test, without the time, is said to be ok")
	}
	ctx := t.Context()
	if _, err := b.Confirm(ctx, officer, c.ID, q, cp); !errors.Is(err, ErrWaiver) {
		t.Errorf("confirmed although the environment failed: %v", err)
	}
	q.Waiver = &api.CaptureWaiver{Account: tx.AccountID{2}, Reason: "a test"}
	for name, bad := range map[string]func(*api.CaptureConfirm){
		"no member":       func(q *api.CaptureConfirm) { q.Member = "" },
		"no reason":       func(q *api.CaptureConfirm) { q.Waiver = &api.CaptureWaiver{Account: tx.AccountID{2}} },
		"nobody's waiver": func(q *api.CaptureConfirm) { q.Waiver = &api.CaptureWaiver{Reason: "x"} },
		"field twice":     func(q *api.CaptureConfirm) { q.Fields = map[string]string{"url": "x"} },
		"field's name":    func(q *api.CaptureConfirm) { q.Fields = map[string]string{"A b": "x"} },
		"case tag":        func(q *api.CaptureConfirm) { q.CaseTag = strings.Repeat("0", 64) },
	} {
		q := q
		bad(&q)
		if _, err := b.Confirm(ctx, officer, c.ID, q, cp); !errors.Is(err, ErrRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := b.await(c.ID, api.CaptureDone); got.Statement != (tx.ID{}) {
		t.Errorf("what was refused changed %+v", got)
	}
	d, err := b.Confirm(ctx, colleague, c.ID, q, cp)
	if err != nil {
		t.Fatal(err)
	}
	s, err := tx.ParseStatement([]byte(d.Statement))
	if err != nil {
		t.Fatal(err)
	}
	e := s.Body.(*tx.Evidence)
	if tx.StatementID([]byte(d.Statement)) != d.ID || s.Member != "hangzhou-amr" || e.Env.Result != "fail" || e.FieldsRoot.IsZero() || len(e.Files) < len(c.Files)-2 {
		t.Errorf("drafted %s", d.Statement)
	}
	for _, f := range e.Files {
		if _, err := b.blobs.Stat(ctx, blob.Digest(f.SHA256)); err != nil {
			t.Errorf("%s: %v", f.Role, err)
		}
	}
	name, kept, err := b.Seal(officer, c.ID)
	if err != nil || name != d.ID.String()+".seal.json" {
		t.Fatal(name, err)
	}
	var k keptSeal
	if err := json.Unmarshal(kept, &k); err != nil {
		t.Fatal(err)
	}
	seal, err := bundle.ParseSeal(k.Seal)
	if err != nil {
		t.Fatal(err)
	}
	if no, ok := seal.Manifest.Field("case_no"); !ok || no != "7" {
		t.Errorf("case_no is %q", no)
	}
	if err := b.Abandon(officer, c.ID); !errors.Is(err, ErrState) {
		t.Errorf("abandoned after it was confirmed: %v", err)
	}
	// The previews go in time, the salts stay, also after a restart.
	b.sweep(time.Now().Add(25 * time.Hour))
	if _, _, err := b.File(officer, c.ID, c.Files[0].SHA256); !errors.Is(err, ErrNotFound) {
		t.Errorf("a preview is there: %v", err)
	}
	again := open(t, b.conf.Dir, nil)
	if _, got, err := again.Seal(officer, c.ID); err != nil || string(got) != string(kept) {
		t.Errorf("the seal after a restart: %v", err)
	}
}

// What nobody confirms is deleted after a time, and what is abandoned at once, also while
// it runs.
func TestDeleted(t *testing.T) {
	browser(t)
	b := open(t, t.TempDir(), nil)
	b.run()
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		}
	})
	c := b.await(b.add(url).ID, api.CaptureDone)
	b.sweep(time.Now().Add(23 * time.Hour))
	b.await(c.ID, api.CaptureDone)
	b.sweep(time.Now().Add(25 * time.Hour))
	if _, _, err := b.Get(officer, c.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("kept: %v", err)
	}
	slow, waits := b.add(url+"/slow"), b.add(url)
	b.await(slow.ID, api.CaptureRunning)
	if got := b.await(waits.ID, api.CaptureWaiting); got.Ahead != 0 {
		t.Errorf("%d before it", got.Ahead)
	}
	if err := errors.Join(b.Abandon(officer, waits.ID), b.Abandon(officer, slow.ID)); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		left, err := os.ReadDir(b.conf.Dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("left behind: %v", left)
		}
	}
}

// After a restart a job is finished, waits, or is marked interrupted.
func TestRestart(t *testing.T) {
	browser(t)
	dir := t.TempDir()
	b := open(t, dir, nil)
	stop := b.run()
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		}
	})
	done := b.await(b.add(url).ID, api.CaptureDone)
	slow, waits := b.add(url+"/slow"), b.add(url)
	b.await(slow.ID, api.CaptureRunning)
	// Killed: what is on the disk is all there is.
	killed := filepath.Join(t.TempDir(), "killed")
	if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	stop()
	for what, dir := range map[string]string{"stopped": dir, "killed": killed} {
		b := open(t, dir, nil)
		if got := b.await(slow.ID, api.CaptureInterrupted); got.Error == "" || len(got.Files) != 0 {
			t.Errorf("%s: %+v", what, got)
		}
		if _, err := os.Stat(filepath.Join(dir, slow.ID, "files")); err == nil {
			t.Errorf("%s: files of an interrupted capture stay", what)
		}
		b.await(done.ID, api.CaptureDone)
		b.await(waits.ID, api.CaptureWaiting)
		b.run()
		b.await(waits.ID, api.CaptureDone)
		f, about, err := b.File(officer, done.ID, done.Files[0].SHA256)
		if err != nil {
			t.Fatal(err)
		}
		sum, err := io.ReadAll(f)
		if err := errors.Join(err, f.Close()); err != nil || tx.Digest(blob.Sum(sum)) != about.SHA256 {
			t.Errorf("%s: a preview has other bytes (%v)", what, err)
		}
	}
}

// The queue, the number kept and the time are bounded.
func TestBounds(t *testing.T) {
	b := open(t, t.TempDir(), func(c *Config) { c.Waiting, c.Kept = 2, 3 })
	b.add("http://127.0.0.1:1/")
	b.add("http://127.0.0.1:1/")
	if _, err := b.Add(officer, api.CaptureRequest{URL: "http://127.0.0.1:1/"}); !errors.Is(err, ErrQueue) {
		t.Errorf("a third waits: %v", err)
	}
	for _, q := range []api.CaptureRequest{
		{}, {URL: "ftp://shop.example/"}, {URL: "file:///etc/passwd"}, {URL: "http://"}, {URL: "https://a:b@shop.example/"}, {URL: "javascript:1"},
		{URL: "https://shop.example/", Steps: []byte(`[{"jump":1}]`)}, {URL: "https://shop.example/", Steps: []byte(`{}`)},
	} {
		if _, err := b.Add(officer, q); !errors.Is(err, ErrRequest) {
			t.Errorf("%s %s: %v", q.URL, q.Steps, err)
		}
	}
	browser(t)
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	})
	b = open(t, t.TempDir(), func(c *Config) { c.Limit = 4 * time.Second })
	b.run()
	if c := b.await(b.add(url).ID, api.CaptureFailed); !strings.Contains(c.Error, "longer than 4s") {
		t.Errorf("it says %q", c.Error)
	}
	// A page that cannot be had is a finding, not a failure.
	if c := b.await(b.add("http://127.0.0.1:1/").ID, api.CaptureDone); c.Outcome != "FAILED" {
		t.Errorf("%+v", c)
	}
	// So is an address that is not to be reached.
	if c := b.await(b.add("http://10.0.0.1/").ID, api.CaptureDone); c.Outcome != "BLOCKED" {
		t.Errorf("%+v", c)
	}
}
