package hooks

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"zhenglian/app/apptest"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/node/events"
)

// A rig is a chain, the hooks of its gateway, and a receiver.
type rig struct {
	*testing.T
	chain  *apptest.Chain
	source *events.Source
	conf   Config
	hooks  *Hooks
	stop   func()
	log    *bytes.Buffer
	logMu  sync.Mutex

	receiver *httptest.Server
	mu       sync.Mutex // guards what follows
	answer   func(n int, r *http.Request) int
	got      []received
	secret   string // checked by the receiver when set
	bad      []error
}

type received struct {
	id   string
	body struct {
		Type string
		Data api.Event
	}
}

func (r *rig) Write(p []byte) (int, error) {
	r.logMu.Lock()
	defer r.logMu.Unlock()
	return r.log.Write(p)
}

func newRig(t *testing.T) *rig {
	r := &rig{T: t, chain: apptest.New(t), log: new(bytes.Buffer)}
	r.source = events.New(r.chain.App.Store())
	r.receiver = httptest.NewServer(http.HandlerFunc(r.receive))
	t.Cleanup(r.receiver.Close)
	r.conf = Config{Key: random(keyBytes),
		Path: filepath.Join(t.TempDir(), "hooks.db"), Chain: apptest.ChainID, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		First: time.Millisecond, Longest: 5 * time.Millisecond, Log: slog.New(slog.NewTextHandler(r, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	r.start()
	t.Cleanup(func() { r.stop() })
	r.chain.Block()
	return r
}

func (r *rig) receive(w http.ResponseWriter, req *http.Request) {
	b, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	var m received
	m.id = req.Header.Get("webhook-id")
	json.Unmarshal(b, &m.body)
	if r.secret != "" {
		v, err := standardwebhooks.NewWebhook(r.secret)
		if err == nil {
			err = v.Verify(b, req.Header)
		}
		if err != nil {
			r.bad = append(r.bad, err)
		}
	}
	status := 204
	if r.answer != nil {
		status = r.answer(len(r.got), req)
	}
	r.got = append(r.got, m)
	if status/100 == 3 {
		w.Header().Set("Location", "http://127.0.0.1:1/")
	}
	w.WriteHeader(status)
}

// start opens the hooks and runs them until stop.
func (r *rig) start() {
	r.Helper()
	var err error
	if r.hooks, err = Open(r.conf, r.source); err != nil {
		r.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.hooks.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-done, r.hooks.Close()); err != nil {
			r.Error(err)
		}
	})
}

// seal makes a block with a statement: three events if it waits.
func (r *rig) seal(n int) {
	r.Helper()
	r.chain.Must(r.chain.Sign(r.chain.Statement("hangzhou-amr", tx.EvidenceSeal, tx.ID{}, r.chain.Evidence(n)), "officer1"))
	r.source.Notify()
}

func (r *rig) add(change ...func(*api.HookRequest)) *api.HookSecret {
	r.Helper()
	q := api.HookRequest{URL: r.receiver.URL + "/in?token=hush", After: &api.EventID{}}
	for _, f := range change {
		f(&q)
	}
	s, err := r.hooks.Add(r.Context(), "key:robot", q)
	if err != nil {
		r.Fatal(err)
	}
	return s
}

func (r *rig) until(what string, done func() bool) {
	r.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if done() {
			return
		}
		if time.Now().After(deadline) {
			r.Fatalf("in vain: %s; received %d", what, r.count())
		}
	}
}

func (r *rig) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.got)
}

// distinct are the events received, in the order in which each came first.
func (r *rig) distinct() (out []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := map[string]bool{}
	for _, m := range r.got {
		id := m.body.Data.ID.String()
		if !seen[id] {
			out = append(out, id)
		}
		seen[id] = true
	}
	return out
}

// expected are the events that there are.
func (r *rig) expected(q api.EventQuery) (out []string) {
	es, _, err := r.source.Next(r.Context(), api.EventID{}, &q, 10_000)
	if err != nil {
		r.Fatal(err)
	}
	for _, e := range es {
		out = append(out, e.ID.String())
	}
	return out
}

func (r *rig) state(id string) *api.Hook {
	r.Helper()
	k, err := r.hooks.Get(r.Context(), "", id)
	if err != nil {
		r.Fatal(err)
	}
	return k
}

// A receiver that fails now and then, and a gateway that is stopped and started,
// lose nothing and change no order; every message is signed so that another
// implementation accepts it.
func TestDelivery(t *testing.T) {
	r := newRig(t)
	r.answer = func(n int, _ *http.Request) int { return []int{204, 500, 200, 503, 302, 202}[n%6] }
	s := r.add(func(q *api.HookRequest) { q.Types = []string{"statement"} })
	r.mu.Lock()
	r.secret = s.Secret
	r.mu.Unlock()
	for n := range 12 {
		r.seal(n)
		if n%4 == 3 {
			r.stop()
			r.seal(100 + n)
			r.start()
		}
	}
	want := r.expected(api.EventQuery{Types: []string{"statement"}})
	r.until("all events", func() bool { return len(r.distinct()) == len(want) })
	if got := r.distinct(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	last, err := api.ParseEventID(want[len(want)-1])
	if err != nil {
		t.Fatal(err)
	}
	r.until("the place", func() bool { return !r.state(s.ID).Delivered.Less(last) })
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.bad) > 0 {
		t.Errorf("%d messages do not verify: %v", len(r.bad), r.bad[0])
	}
	for _, m := range r.got {
		if want := fmt.Sprintf("evt_%s_%d_%d", apptest.ChainID, m.body.Data.ID.Height, m.body.Data.ID.Index); m.id != want || m.body.Type != m.body.Data.Type {
			t.Errorf("webhook-id %s, want %s; type %s of %s", m.id, want, m.body.Type, m.body.Data.Type)
		}
	}
	r.logMu.Lock()
	defer r.logMu.Unlock()
	for _, secret := range []string{s.Secret, strings.TrimPrefix(s.Secret, secretPrefix), "hush", r.receiver.URL} {
		if strings.Contains(r.log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// v1a is Ed25519 by the key that the hook shows, and a secret that was replaced
// goes on signing for a while.
func TestSignatures(t *testing.T) {
	r := newRig(t)
	s := r.add()
	again, err := r.hooks.Rotate(t.Context(), "key:robot", s.ID)
	if err != nil || again.Secret == s.Secret {
		t.Fatalf("%v", err)
	}
	k, err := r.hooks.db.get(t.Context(), s.ID)
	if err != nil {
		t.Fatal(err)
	}
	body, now := []byte(`{"type":"x"}`), time.Now()
	sig := signature("evt_1", now, body, k.secrets, k.seed)
	h := http.Header{}
	h.Set("webhook-id", "evt_1")
	h.Set("webhook-timestamp", fmt.Sprint(now.Unix()))
	h.Set("webhook-signature", sig)
	for _, secret := range []string{s.Secret, again.Secret} {
		v, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Verify(body, h); err != nil {
			t.Error(err)
		}
		if err := v.Verify([]byte(`{"type":"y"}`), h); err == nil {
			t.Error("another body verifies")
		}
	}
	parts := strings.Split(sig, " ")
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(parts[2], "v1a,"))
	if err != nil {
		t.Fatal(err)
	}
	pub, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.PublicKey, "whpk_"))
	if err != nil || s.PublicKey != again.PublicKey {
		t.Fatal(err)
	}
	if !ed25519.Verify(pub, fmt.Appendf(nil, "evt_1.%d.%s", now.Unix(), body), raw) {
		t.Error("v1a does not verify")
	}
	if _, err := r.hooks.db.sql.Exec("UPDATE hooks SET old_until = 1"); err != nil {
		t.Fatal(err)
	}
	if k, err = r.hooks.db.get(t.Context(), s.ID); err != nil || len(k.secrets) != 1 {
		t.Errorf("%d secrets sign after a day: %v", len(k.secrets), err)
	}
	// The specification's own example.
	const example = `{"test": 2432232314}`
	secret, _ := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if got := signature("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(example), [][]byte{secret}, make([]byte, 32)); !strings.HasPrefix(got, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= ") {
		t.Errorf("got %s", got)
	}
}

// A receiver that is gone, or fails for too long, is left alone; when it is
// enabled again it has missed nothing.
func TestDisable(t *testing.T) {
	r := newRig(t)
	r.seal(1)
	r.answer = func(int, *http.Request) int { return 410 }
	s := r.add()
	r.until("gone", func() bool { return r.state(s.ID).State == api.HookDisabled })
	if n := r.count(); n != 1 {
		t.Errorf("%d attempts at one who is gone", n)
	}
	r.seal(2)
	r.mu.Lock()
	r.answer = func(int, *http.Request) int { return 500 }
	r.mu.Unlock()
	r.stop()
	r.conf.GiveUp = 30 * time.Millisecond
	r.start()
	if k := r.state(s.ID); k.State != api.HookDisabled || k.Reason == "" {
		t.Errorf("after a restart: %+v", k)
	}
	if _, err := r.hooks.Enable(t.Context(), "key:robot", s.ID); err != nil {
		t.Fatal(err)
	}
	r.until("given up", func() bool { return r.state(s.ID).State == api.HookDisabled })
	if k := r.state(s.ID); !strings.Contains(k.Reason, "answered 500") {
		t.Errorf("%+v", k)
	}
	log, err := r.hooks.Deliveries(t.Context(), "key:robot", s.ID, 0, 1000)
	if err != nil || len(log) < 3 || log[0].Status != 500 || log[0].OK || log[0].Attempt < 2 || log[len(log)-1].Status != 410 {
		t.Errorf("%+v, %v", log, err)
	}
	r.mu.Lock()
	r.answer, r.got = nil, nil
	r.mu.Unlock()
	if _, err := r.hooks.Enable(t.Context(), "key:robot", s.ID); err != nil {
		t.Fatal(err)
	}
	want := r.expected(api.EventQuery{})
	r.until("all events", func() bool { return len(r.distinct()) == len(want) })
	if got := r.distinct(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	r.until("active", func() bool { return r.state(s.ID).State == api.HookActive })
}

func TestRedeliver(t *testing.T) {
	r := newRig(t)
	for n := range 3 {
		r.seal(n)
	}
	s := r.add()
	want := r.expected(api.EventQuery{})
	r.until("all events", func() bool { return r.count() == len(want) })
	r.until("the place", func() bool { return !r.state(s.ID).Delivered.Less(api.EventID{Height: 4, Index: 2}) })
	one := api.EventID{Height: 3, Index: 1}
	if _, err := r.hooks.Redeliver(t.Context(), "key:robot", s.ID, api.RedeliverRequest{Event: &one}); err != nil {
		t.Fatal(err)
	}
	r.until("one again", func() bool { return r.count() == len(want)+1 })
	r.mu.Lock()
	if last := r.got[len(r.got)-1]; last.body.Data.ID != one {
		t.Errorf("%s again, want %s", last.body.Data.ID, one)
	}
	r.got = nil
	r.mu.Unlock()
	back := api.EventID{Height: 2, Index: api.EndOfBlock}
	if _, err := r.hooks.Redeliver(t.Context(), "key:robot", s.ID, api.RedeliverRequest{After: &back}); err != nil {
		t.Fatal(err)
	}
	r.until("from there on", func() bool { return r.count() == 6 })
	if got := r.distinct(); fmt.Sprint(got) != fmt.Sprint(want[3:]) {
		t.Errorf("got %v, want %v", got, want[3:])
	}
	for _, bad := range []api.RedeliverRequest{{}, {Event: &one, After: &back}, {Event: &api.EventID{Height: 3, Index: 99}}, {Event: &back}, {After: &api.EventID{Height: 99}}} {
		if _, err := r.hooks.Redeliver(t.Context(), "key:robot", s.ID, bad); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
	d, err := r.hooks.Test(t.Context(), "key:robot", s.ID)
	if err != nil || !d.OK || d.Type != TestType || d.Status != 204 {
		t.Errorf("%+v, %v", d, err)
	}
}

// Nothing is sent into private networks, whatever a name resolves to when.
func TestTargets(t *testing.T) {
	r := newRig(t)
	r.stop()
	r.conf.Allow = []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}
	r.start()
	for _, u := range []string{
		r.receiver.URL, "https://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://10.0.0.1/", "https://169.254.169.254/latest/meta-data",
		"https://[::ffff:10.0.0.1]/", "https://[64:ff9b::10.0.0.1]/", "https://0.0.0.0/", "http://10.8.0.1/", "http://1.1.1.1/", "ftp://1.1.1.1/",
		"https://user:pass@1.1.1.1/", "https://1.1.1.1/#x", "https:///x", "/x", "", "https://0x7f.1/", "http://no-such-host.invalid/",
	} {
		if _, err := r.hooks.Add(t.Context(), "key:robot", api.HookRequest{URL: u}); !errors.Is(err, ErrTarget) && u != "https://0x7f.1/" {
			t.Errorf("%s: %v", u, err)
		}
	}
	for _, u := range []string{"https://1.1.1.1/", "https://10.9.1.1/", "http://10.9.1.1:8080/in"} {
		if err := r.hooks.target.validate(t.Context(), u); err != nil {
			t.Errorf("%s: %v", u, err)
		}
	}
	// One that passed when it was entered, and leads elsewhere when it is used.
	r.seal(1)
	for _, u := range []string{r.receiver.URL, strings.Replace(r.receiver.URL, "http", "https", 1), strings.Replace(r.receiver.URL, "127.0.0.1", "localhost", 1)} {
		k, err := r.hooks.db.add(t.Context(), "key:robot", api.HookRequest{URL: u}, api.EventID{})
		if err != nil {
			t.Fatal(err)
		}
		r.hooks.changed(k.ID)
		r.until("an attempt", func() bool { return r.state(k.ID).Failures > 2 })
		if reason := r.state(k.ID).Reason; !strings.Contains(reason, "public internet") {
			t.Errorf("%s: %s", u, reason)
		}
	}
	if r.count() != 0 {
		t.Error("something was sent")
	}
}

// Hooks are seen by those who made them, and there are only so many.
func TestOwners(t *testing.T) {
	r := newRig(t)
	s := r.add()
	other := "key:other"
	_, err1 := r.hooks.Get(t.Context(), other, s.ID)
	_, err2 := r.hooks.Rotate(t.Context(), other, s.ID)
	_, err3 := r.hooks.Deliveries(t.Context(), other, s.ID, 0, 1)
	_, err4 := r.hooks.Test(t.Context(), other, s.ID)
	_, err5 := r.hooks.Enable(t.Context(), other, s.ID)
	_, err6 := r.hooks.Redeliver(t.Context(), other, s.ID, api.RedeliverRequest{After: &api.EventID{}})
	err7 := r.hooks.Remove(t.Context(), other, s.ID)
	for i, err := range []error{err1, err2, err3, err4, err5, err6, err7} {
		if !errors.Is(err, ErrNoHook) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if l, err := r.hooks.List(t.Context(), other, "", 10); err != nil || len(l) != 0 {
		t.Errorf("%v, %v", l, err)
	}
	if l, err := r.hooks.List(t.Context(), "", "", 10); err != nil || len(l) != 1 || l[0].Owner != "key:robot" {
		t.Errorf("%v, %v", l, err)
	}
	if b, err := json.Marshal(r.state(s.ID)); err != nil || strings.Contains(string(b), "whsec_") {
		t.Errorf("%s, %v", b, err)
	}
	for range maxOwn - 1 {
		r.add(func(q *api.HookRequest) { q.Types = []string{"nothing"} })
	}
	if _, err := r.hooks.Add(t.Context(), "key:robot", api.HookRequest{URL: r.receiver.URL}); !errors.Is(err, ErrLimit) {
		t.Errorf("%v", err)
	}
	if err := r.hooks.Remove(t.Context(), "key:robot", s.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := r.hooks.Add(t.Context(), "key:robot", api.HookRequest{URL: r.receiver.URL}); err != nil {
		t.Error(err)
	}
}

// Only its owner reads the file.
func TestFile(t *testing.T) {
	r := newRig(t)
	r.add()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(r.conf.Path + suffix)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", suffix, info, err)
		}
	}
	r.stop()
	if err := os.Chmod(r.conf.Path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(r.conf, r.source); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("%v", err)
	}
}

// What is kept tells no secret, the same key makes the same secrets after a
// restart, and a key that is another is noticed.
func TestSecretsAreNotKept(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	s, err := r.hooks.Add(ctx, "owner", api.HookRequest{URL: r.receiver.URL})
	if err != nil {
		t.Fatal(err)
	}
	next, err := r.hooks.Rotate(ctx, "owner", s.ID)
	if err != nil {
		t.Fatal(err)
	}
	before, err := r.hooks.db.get(ctx, s.ID)
	if err != nil || secretText(before.secrets[0]) != next.Secret || secretText(before.secrets[1]) != s.Secret || next.Secret == s.Secret {
		t.Fatalf("%+v, %v", before, err)
	}
	r.stop()
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(r.conf.Path + suffix)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for _, secret := range append(before.secrets, before.seed, r.conf.Key) {
			if bytes.Contains(b, secret) {
				t.Errorf("hooks.db%s holds a secret", suffix)
			}
		}
	}
	r.start()
	after, err := r.hooks.db.get(ctx, s.ID)
	if err != nil || !reflect.DeepEqual(after.secrets, before.secrets) || !bytes.Equal(after.seed, before.seed) || after.PublicKey != before.PublicKey {
		t.Errorf("after a restart: %+v, %v", after, err)
	}
	r.stop()
	other := r.conf
	other.Key = bytes.Repeat([]byte{1}, keyBytes)
	if h, err := Open(other, r.source); err == nil || !strings.Contains(err.Error(), "another key") {
		t.Errorf("%v, %v", h, err)
	}
	r.start()
}

func TestLoadKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hooks.key")
	made, err := LoadKey(path)
	if err != nil || len(made) != keyBytes {
		t.Fatal(made, err)
	}
	if again, err := LoadKey(path); err != nil || !bytes.Equal(again, made) {
		t.Errorf("%x, %v; want %x", again, err, made)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("others can read it: %v", err)
	}
	bad := filepath.Join(t.TempDir(), "bad.key")
	if err := os.WriteFile(bad, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(bad); err == nil {
		t.Error("a file that is no key")
	}
}

func TestPause(t *testing.T) {
	h := &Hooks{c: Config{First: time.Second, Longest: 10 * time.Minute}}
	for n, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 11: 10 * time.Minute, 1000: 10 * time.Minute} {
		for range 100 {
			if p := h.pause(n, 0); p < want/2 || p > want*3/2 {
				t.Errorf("after %d failures %s, want about %s", n, p, want)
			}
		}
	}
	if p := h.pause(1, time.Minute); p != time.Minute {
		t.Errorf("asked for a minute: %s", p)
	}
	if p := h.pause(1, 9*time.Hour); p != time.Hour {
		t.Errorf("asked for nine hours: %s", p)
	}
}
