package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhenglian/client/api"
	"zhenglian/node/access"
	"zhenglian/node/captures"
)

// withCaptures gives a gateway one capture that is done, with hostile content, and lets
// anonymous callers have captures. Nothing runs.
func withCaptures(t *testing.T, id string, files map[string]string) func(*Config, *Options) {
	t.Helper()
	dir := t.TempDir()
	job := map[string]any{"id": id, "request": map[string]any{"url": "https://shop.example/"}, "by": access.Anonymous, "state": api.CaptureDone,
		"created": "2026-11-23T20:00:00.000Z", "expires": "2036-11-23T20:00:00.000Z", "previews": true, "outcome": "COMPLETE", "env_result": "ok"}
	var list []any
	for name, content := range files {
		media, body, _ := strings.Cut(content, "|")
		p := filepath.Join(dir, id, "files", name)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		list = append(list, map[string]any{"name": name, "role": "x", "media": media, "bytes": len(body), "sha256": fmt.Sprintf("%x", sha256.Sum256([]byte(body))), "sm3": strings.Repeat("0", 64)})
	}
	job["files"] = list
	b, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, id, "job.json"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return func(_ *Config, o *Options) {
		var err error
		if o.Captures, err = captures.Open(captures.Config{Dir: dir, Waiting: 1}, o.Blobs); err != nil {
			t.Fatal(err)
		}
		if o.Access, err = access.New(access.Config{Anonymous: append([]access.Scope{access.Capture}, access.Open...)}); err != nil {
			t.Fatal(err)
		}
	}
}

// Nothing of a captured page runs in the gateway's name; what cannot run is shown.
func TestCaptureFiles(t *testing.T) {
	id := strings.Repeat("a", 26)
	files := map[string]string{
		"viewport.png":        "image/png|\x89PNG",
		"text.txt":            "text/plain; charset=utf-8|tea",
		"env.json":            "application/json|{}",
		"recording.webm":      "video/webm|webm",
		"page.html":           "text/html; charset=utf-8|<script>alert(1)</script>",
		"page.mhtml":          "multipart/related|x",
		"page.pdf":            "application/pdf|%PDF-",
		"archive/picture.svg": "image/svg+xml|<svg onload=alert(1)>",
	}
	h := newHarness(t, withCaptures(t, id, files))
	for name, content := range files {
		_, body, _ := strings.Cut(content, "|")
		res, got := h.do("GET", fmt.Sprintf("%s/files/%x", api.CaptureURL(id), sha256.Sum256([]byte(body))), "")
		media, disposition := res.Header.Get("Content-Type"), res.Header.Get("Content-Disposition")
		if res.StatusCode != http.StatusOK || string(got) != body || res.Header.Get("Content-Security-Policy") != "sandbox; default-src 'none'" ||
			res.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(res.Header.Get("Cache-Control"), "no-store") {
			t.Errorf("%s: %s %v %q", name, res.Status, res.Header, got)
		}
		switch filepath.Ext(name) {
		case ".png", ".webm":
			if !strings.HasPrefix(disposition, "inline") {
				t.Errorf("%s is not shown: %s", name, disposition)
			}
		case ".txt", ".json":
			if media != "text/plain; charset=utf-8" {
				t.Errorf("%s is %s", name, media)
			}
		default:
			if !strings.HasPrefix(disposition, "attachment") || media != "application/octet-stream" {
				t.Errorf("%s is shown: %s, %s", name, media, disposition)
			}
		}
	}
	for _, path := range []string{"/files/" + strings.Repeat("0", 64), "/files/..%2f..%2fjob.json", "/files/job.json", "/seal"} {
		if res, b := h.do("GET", api.CaptureURL(id)+path, ""); res.StatusCode == http.StatusOK {
			t.Errorf("%s: %s", path, b)
		}
	}
}

// The routes say what is wrong, with codes, and a stream of a capture that is over ends.
func TestCaptureRoutes(t *testing.T) {
	id := strings.Repeat("b", 26)
	h := newHarness(t, withCaptures(t, id, map[string]string{"text.txt": "text/plain|x"}))
	for _, c := range []struct {
		method, path, body, code string
		status                   int
	}{
		{"GET", api.PathCaptures, "", "", 200},
		{"GET", api.CaptureURL(id), "", "", 200},
		{"GET", api.CaptureURL(strings.Repeat("c", 26)), "", api.CodeNotFound, 404},
		{"GET", api.CaptureURL(strings.Repeat("c", 26)) + "/events", "", api.CodeNotFound, 404},
		{"POST", api.PathCaptures, `{"url":"file:///etc/passwd"}`, api.CodeBadRequest, 400},
		{"POST", api.PathCaptures, `{"url":"https://a.example/","what":1}`, api.CodeBadRequest, 400},
		{"POST", api.PathCaptures, `{"url":"https://a.example/","timeout":9999}`, api.CodeBadRequest, 400},
		{"POST", api.PathCaptures, `{"url":"https://a.example/","steps":[{"goto":"file:///"}]}`, api.CodeBadRequest, 400},
		{"POST", api.PathCaptures, `{"url":"https://a.example/"}`, "", 202},
		{"POST", api.PathCaptures, `{"url":"https://b.example/"}`, api.CodeCaptureQueue, 429},
		{"GET", api.CaptureURL(id) + "/seal", "", api.CodeCaptureState, 409},
		{"POST", api.CaptureURL(id) + "/confirm", `{"member":"Not A Member"}`, api.CodeBadRequest, 400},
		{"DELETE", api.CaptureURL(id), "", "", 204},
		{"GET", api.CaptureURL(id), "", api.CodeNotFound, 404},
	} {
		if c.method == "DELETE" { // before it goes
			res, b := h.do("GET", api.CaptureURL(id)+"/events", "")
			if res.StatusCode != 200 || !bytes.HasPrefix(b, []byte("event: capture\ndata: {")) || !bytes.HasSuffix(b, []byte("\n\n")) {
				t.Errorf("events: %s %q", res.Status, b)
			}
		}
		r, err := http.NewRequest(c.method, h.http.URL+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", api.MediaJSON)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var p api.Problem
		_ = json.NewDecoder(res.Body).Decode(&p) // no problem has no code
		res.Body.Close()
		if res.StatusCode != c.status || c.code != "" && p.Code != c.code {
			t.Errorf("%s %s %s: %s %s, want %d %s", c.method, c.path, c.body, res.Status, p.Code, c.status, c.code)
		}
	}
	none := newHarness(t)
	if res, _ := none.do("GET", api.PathCaptures, ""); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("anonymous callers, as it comes: %s", res.Status)
	}
}
