package gateway

import (
	"bytes"
	"net/http"
	"slices"
	"testing"

	"zhenglian/client/api"
)

// What is remembered is what would be said anew, and nothing of it outlives a block.
func TestRemembered(t *testing.T) {
	h := newHarness(t)
	h.sealFile([]byte("a file"))
	h.indexed()
	const path = api.PathEvidence + "?limit=7"
	first, body := h.do("GET", path, "")
	again, same := h.do("GET", path, "")
	if !bytes.Equal(body, same) {
		t.Errorf("asked again: %s, first %s", same, body)
	}
	for _, name := range rememberedHeaders {
		if a, b := first.Header.Values(name), again.Header.Values(name); !slices.Equal(a, b) {
			t.Errorf("%s: %q, first %q", name, b, a)
		}
	}
	if first.Header.Get("X-Request-Id") == again.Header.Get("X-Request-Id") {
		t.Error("two requests with one id")
	}
	q, err := http.NewRequest(http.MethodGet, h.http.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("If-None-Match", first.Header.Get("ETag"))
	known, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	known.Body.Close()
	if known.StatusCode != http.StatusNotModified {
		t.Errorf("to who has it: %s", known.Status)
	}
	h.sealFile([]byte("another file"))
	h.indexed()
	if _, later := h.do("GET", path, ""); bytes.Equal(later, body) {
		t.Error("what another block changed is not seen")
	}
	if bad, _ := h.do("GET", path+"&sha256=xyz", ""); bad.StatusCode == http.StatusOK {
		t.Error("a bad question has an answer")
	}
	if bad, _ := h.do("GET", path+"&sha256=xyz", ""); bad.StatusCode == http.StatusOK {
		t.Error("a bad question has an answer when it is asked again")
	}
}
