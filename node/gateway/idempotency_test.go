package gateway

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhenglian/client/api"
	"zhenglian/node/access"
)

// While the first request is being answered the second one is told to wait; a key
// is its principal's own; and nothing is kept of a request that was not finished.
func TestIdempotencyKeys(t *testing.T) {
	keys, err := access.OpenKeys(filepath.Join(t.TempDir(), "apikeys.json"))
	if err != nil {
		t.Fatal(err)
	}
	guard, err := access.New(access.Config{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	var tokens []string
	for range 2 {
		_, token, err := keys.Add(access.Key{Name: "x", Scopes: []access.Scope{access.Submit}, Expires: time.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, token)
	}
	h := newHarness(t, func(_ *Config, o *Options) { o.Access = guard })
	h.mu.Lock()
	h.auto = false
	h.mu.Unlock()
	post := func(token, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", api.PathEnvelopes+"?receipt=false", strings.NewReader(body))
		r.Header.Set("Idempotency-Key", `"same"`)
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		w := httptest.NewRecorder()
		h.g.Handler().ServeHTTP(w, r)
		return w
	}
	one, two := string(h.seal(1, complete3...).AppendJSON(nil)), string(h.seal(2, complete3...).AppendJSON(nil))
	first, other := make(chan *httptest.ResponseRecorder, 1), make(chan *httptest.ResponseRecorder, 1)
	go func() { first <- post(tokens[0], one) }()
	go func() { other <- post(tokens[1], two) }() // the same key of somebody else
	for waiting := 0; waiting < 2; time.Sleep(time.Millisecond) {
		h.mu.Lock()
		waiting = len(h.pool)
		h.mu.Unlock()
	}
	if w := post(tokens[0], one); w.Code != http.StatusConflict || w.Header().Get("Retry-After") != "1" || !strings.Contains(w.Body.String(), api.CodeIdempotencyBusy) {
		t.Errorf("meanwhile: %d %s", w.Code, w.Body)
	}
	if w := post(tokens[0], two); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("another meanwhile: %d %s", w.Code, w.Body)
	}
	h.block(2)
	for name, c := range map[string]chan *httptest.ResponseRecorder{"first": first, "other": other} {
		if w := <-c; w.Code != http.StatusOK || w.Header().Get("Idempotency-Replayed") != "" {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	again := post(tokens[0], one)
	if again.Code != http.StatusOK || again.Header().Get("Idempotency-Replayed") != "true" {
		t.Errorf("again: %d %s", again.Code, again.Body)
	}
	for _, key := range [][]string{{`"a`}, {`a"`}, {""}, {`""`}, {"a b"}, {"a", "b"}, {"é"}, {`a\b`}, {strings.Repeat("a", 256)}} {
		if k, ok := idempotencyKey(key); ok {
			t.Errorf("%q is the key %q", key, k)
		}
	}
}
