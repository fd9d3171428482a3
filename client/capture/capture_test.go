package capture

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm3"
)

// TestMain gives the tests a temporary directory of their own, so that it can
// tell at the end whether a browser left anything behind.
func TestMain(m *testing.M) {
	RunChild()
	if _, err := findBrowser(""); err != nil {
		fmt.Fprintln(os.Stderr, "the tests of this package need a browser:", err)
		os.Exit(1)
	}
	tmp, err := os.MkdirTemp("", "capture-test-")
	if err != nil {
		log.Fatal(err)
	}
	os.Chmod(tmp, 0o711) // the browser is another user when this is root
	os.Setenv("TMPDIR", tmp)
	code := m.Run()
	for _, what := range leftovers(tmp) {
		fmt.Fprintln(os.Stderr, "FAIL: left behind:", what)
		code = 1
	}
	os.RemoveAll(tmp)
	os.Exit(code)
}

// leftovers lists profiles in tmp, and processes that were started with it.
func leftovers(tmp string) []string {
	var found []string
	for _, pattern := range []string{"zheng-capture-*", "chromedp-runner*"} {
		dirs, _ := filepath.Glob(filepath.Join(tmp, pattern))
		found = append(found, dirs...)
	}
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range procs {
		if p == fmt.Sprintf("/proc/%d", os.Getpid()) {
			continue
		}
		cmdline, _ := os.ReadFile(p + "/cmdline")
		environ, _ := os.ReadFile(p + "/environ")
		if bytes.Contains(cmdline, []byte(tmp+"/")) || bytes.Contains(environ, []byte(tmp+"/")) {
			found = append(found, p+" "+string(cmdline))
		}
	}
	return found
}

// authority is a certificate authority for tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "Capture Test Root"},
		NotBefore:             time.Now().Add(-48 * time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	return authority{sign(t, tmpl, tmpl, &key.PublicKey, key), key}
}

func sign(t *testing.T, tmpl, parent *x509.Certificate, pub *ecdsa.PublicKey, key *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, pub, key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// serve starts a TLS server with a certificate of the authority; edit, if not
// nil, changes the certificate before it is signed.
func (a authority) serve(t *testing.T, h http.Handler, edit func(*x509.Certificate)) *httptest.Server {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: "shop.test"},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    time.Now().Add(-24 * time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if edit != nil {
		edit(tmpl)
	}
	leaf := sign(t, tmpl, a.cert, &key.PublicKey, a.key)
	s := httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw, a.cert.Raw}, PrivateKey: key}}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are expected
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func text(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, s) }
}

// capture runs Page with the options that a local server needs.
func capture(t *testing.T, o Options) (*Result, string) {
	t.Helper()
	o.OutDir, o.AllowPrivate = t.TempDir(), true
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	r, err := Page(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	checkFiles(t, r, o.OutDir)
	return r, o.OutDir
}

// checkFiles compares the files on disk, the result and capture.json.
func checkFiles(t *testing.T, r *Result, dir string) {
	t.Helper()
	var names []string
	stated := map[string]bool{} // a statement names no file twice in the same role
	for _, f := range r.Files {
		names = append(names, f.Name)
		if key := fmt.Sprintf("%s %x", f.Role, f.SHA256); stated[key] {
			t.Errorf("%s: the same bytes in the role %s twice", f.Name, f.Role)
		} else {
			stated[key] = true
		}
		b := read(t, dir, f.Name)
		if int64(len(b)) != f.Bytes || sha256.Sum256(b) != f.SHA256 || sm3.Sum(b) != f.SM3 {
			t.Errorf("%s: record %+v does not fit its %d bytes", f.Name, f, len(b))
		}
	}
	var onDisk []string
	filepath.WalkDir(dir, func(p string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			rel, _ := filepath.Rel(dir, p)
			onDisk = append(onDisk, filepath.ToSlash(rel))
		}
		return err
	})
	if want := slices.Sorted(slices.Values(names)); !slices.Equal(slices.Sorted(slices.Values(onDisk)), want) {
		t.Errorf("files on disk %q, in the result %q", onDisk, want)
	}

	var sum summaryJSON
	if err := json.Unmarshal(read(t, dir, "capture.json"), &sum); err != nil {
		t.Fatal(err)
	}
	if sum.Outcome != r.Outcome || sum.URL != r.URL || sum.HTTPStatus != r.HTTPStatus || sum.Certificate != r.Certificate ||
		sum.EnvSHA256 != hex.EncodeToString(r.EnvSHA256[:]) || len(sum.Files) != len(r.Files)-1 {
		t.Errorf("capture.json %+v does not fit the result %+v", sum, r)
	}
	if r.EnvSHA256 != sha256.Sum256(read(t, dir, "env.json")) {
		t.Error("EnvSHA256 is not the hash of env.json")
	}
	if r.ToolSHA256 == [32]byte{} || !strings.Contains(r.Tool, " chromium/") || r.Method != Method {
		t.Errorf("tool %q %x, method %q", r.Tool, r.ToolSHA256, r.Method)
	}
	if r.Started.After(r.Ended) || r.Started.Location() != time.UTC {
		t.Errorf("started %v, ended %v", r.Started, r.Ended)
	}
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// envItem returns the item with the id from env.json.
func envItem(t *testing.T, dir, id string) item {
	t.Helper()
	var r report
	if err := json.Unmarshal(read(t, dir, "env.json"), &r); err != nil {
		t.Fatal(err)
	}
	for _, it := range r.Items {
		if it.ID == id {
			return it
		}
	}
	t.Fatalf("env.json has no item %q", id)
	return item{}
}

func netLog(t *testing.T, dir string) []hop {
	t.Helper()
	var hops []hop
	dec := json.NewDecoder(bytes.NewReader(read(t, dir, "net.jsonl")))
	for dec.More() {
		var h hop
		if err := dec.Decode(&h); err != nil {
			t.Fatal(err)
		}
		hops = append(hops, h)
	}
	return hops
}

func hasFile(r *Result, name string) bool {
	return slices.ContainsFunc(r.Files, func(f File) bool { return f.Name == name })
}

func TestPage(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/shop", http.StatusFound) })
	mux.HandleFunc("/favicon.ico", http.NotFound) // the browser's own wish
	mux.HandleFunc("/frame", text(`<p>in the frame</p><script src="/frame.js"></script>`))
	mux.HandleFunc("/frame.js", text("document.title = 'framed'"))
	srv := ca.serve(t, mux, nil)
	// The frame is of another site, and the dialog waits for an answer.
	other := strings.Replace(srv.URL, "127.0.0.1", "localhost", 1)
	mux.HandleFunc("/shop", text(`<!DOCTYPE html><html lang="zh"><meta charset="utf-8"><title>店铺 Shop</title>
		<body style="margin:0"><h1>营业执照 licence-marker</h1><iframe src="`+other+`/frame"></iframe>
		<div style="height:3000px"></div><script>alert("stop")</script></body>`))

	var progress []int
	r, dir := capture(t, Options{
		URL: srv.URL + "/", ExtraRootCAs: []*x509.Certificate{ca.cert}, ViewportW: 1000, ViewportH: 700,
		Progress: func(_ string, done, total int) {
			if total != len(steps) {
				t.Errorf("progress total %d, want %d", total, len(steps))
			}
			progress = append(progress, done)
		},
	})
	if r.Outcome != Complete || r.Reason != "" {
		t.Errorf("outcome %s, %s", r.Outcome, r.Reason)
	}
	if r.FinalURL != srv.URL+"/shop" || r.Title != "店铺 Shop" || r.HTTPStatus != 200 || r.RemoteIP != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("result %+v", r)
	}
	for i, n := range progress {
		if n != i {
			t.Fatalf("progress %v, want every step once", progress)
		}
	}
	if len(progress) != len(steps)+1 {
		t.Errorf("progress %v ended early", progress)
	}

	img, err := png.DecodeConfig(bytes.NewReader(read(t, dir, "page.png")))
	if err != nil || img.Width != 1000 || img.Height < 3000 {
		t.Errorf("screenshot %+v, %v, want 1000 x at least 3000", img, err)
	}
	mhtml := read(t, dir, "page.mhtml")
	if !bytes.Contains(mhtml, []byte("licence-marker")) || !bytes.Contains(mhtml, []byte("in the frame")) {
		t.Error("MHTML lacks the page or its frame")
	}
	if !bytes.HasPrefix(read(t, dir, "page.pdf"), []byte("%PDF-")) {
		t.Error("PDF does not start with %PDF-")
	}
	if got := string(read(t, dir, "text.txt")); !strings.Contains(got, "营业执照 licence-marker") {
		t.Errorf("text %q", got)
	}

	if r.Certificate != CertExtraRoot {
		t.Errorf("certificate %s, want %s", r.Certificate, CertExtraRoot)
	}
	for i, want := range srv.TLS.Certificates[0].Certificate {
		if !bytes.Equal(read(t, dir, fmt.Sprintf("tls/%02d.der", i)), want) {
			t.Errorf("tls/%02d.der is not what the server sent", i)
		}
	}
	var rep tlsReport
	if err := json.Unmarshal(read(t, dir, "tls/tls.json"), &rep); err != nil {
		t.Fatal(err)
	}
	if rep.Protocol != "TLS 1.3" || len(rep.Chain) != 2 || !strings.Contains(rep.Chain[0].Subject, "shop.test") || rep.Host != "127.0.0.1" {
		t.Errorf("tls.json %+v", rep)
	}

	hops := netLog(t, dir)
	var got []string
	for _, h := range hops {
		if strings.HasSuffix(h.URL, "/favicon.ico") {
			continue
		}
		got = append(got, fmt.Sprint(h.Status, " ", h.URL, " ", h.Main, " ", h.RemoteIP != "", " ", h.FromCache))
	}
	want := []string{
		"302 " + srv.URL + "/ true true false",
		"200 " + srv.URL + "/shop true true false",
		"200 " + other + "/frame false true false",
		"200 " + other + "/frame.js false true false",
	}
	if !slices.Equal(got, want) {
		t.Errorf("requests\n%q, want\n%q", got, want)
	}
	if hops[0].Headers["Location"] != "/shop" || hops[1].Headers["Content-Type"] != "text/html; charset=utf-8" {
		t.Errorf("headers %v and %v", hops[0].Headers, hops[1].Headers)
	}

	for id, want := range map[string]string{
		"profile": "ok", "extensions": "ok", "suspect_switches": "ok", "proxy": "ok", "clock_steady": "ok", "cache": "ok",
		"certificate": "ok", "certificate_exception": "na", "addresses": "na", "dns": "na", "remote_ip": "na",
	} {
		if it := envItem(t, dir, id); it.Result != want {
			t.Errorf("env item %+v, want %s", it, want)
		}
	}
	if n := envItem(t, dir, "dialogs").Observed; n != 1.0 {
		t.Errorf("dialogs %v, want 1", n)
	}
	// Where the system does not let the browser have its sandbox, that is a fail.
	wantSandbox, wantEnv := "ok", "ok"
	if !system().sandbox {
		wantSandbox, wantEnv = "fail", "fail"
	}
	if it := envItem(t, dir, "sandbox"); it.Result != wantSandbox || r.EnvResult != wantEnv {
		t.Errorf("sandbox %+v, environment %s", it, r.EnvResult)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var code int
		fmt.Sscanf(r.URL.Path, "/%d", &code)
		w.WriteHeader(max(code, 200))
		fmt.Fprintf(w, "<p>this is %d", code)
	}))
	t.Cleanup(srv.Close)
	for code, want := range map[int]Outcome{404: Complete, 403: Blocked, 503: Failed} {
		r, dir := capture(t, Options{URL: fmt.Sprintf("%s/%d", srv.URL, code)})
		if r.Outcome != want || r.HTTPStatus != code || r.Certificate != CertNone {
			t.Errorf("%d: outcome %s (%s), status %d, certificate %s", code, r.Outcome, r.Reason, r.HTTPStatus, r.Certificate)
		}
		// What was served is kept whatever the status.
		if got := string(read(t, dir, "text.txt")); got != fmt.Sprintf("this is %d", code) {
			t.Errorf("%d: text %q", code, got)
		}
	}
}

// refusing is the URL of a port where connections are refused, and that no server of
// a test beside this one can get meanwhile: it is bound, and nobody listens.
func refusing(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("http://127.0.0.1:%d", at.(*syscall.SockaddrInet4).Port)
}

func TestNoPage(t *testing.T) {
	t.Parallel()
	closed := refusing(t)
	loop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path+"x", http.StatusFound)
	}))
	t.Cleanup(loop.Close)
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(silent.Close)
	onward := httptest.NewServer(text(`<script>location = "` + closed + `"</script>`))
	t.Cleanup(onward.Close)
	for _, tc := range []struct {
		name, url, reason string
		timeout           time.Duration
	}{
		{"connection refused", closed, "connection refused", 0},
		{"unknown host", "http://no-such-host.invalid/", "host name not resolved", 0},
		{"redirect loop", loop.URL, "more than 3 redirects", 0},
		{"script leads to a dead server", onward.URL, "did not load", 0},
		{"silent server", silent.URL, "no response after 1.5s", 1500 * time.Millisecond},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, dir := capture(t, Options{URL: tc.url, Timeout: tc.timeout, MaxRedirects: 3})
			if r.Outcome != Failed || !strings.Contains(r.Reason, tc.reason) || r.FinalURL != "" {
				t.Errorf("outcome %s, reason %q, final URL %q", r.Outcome, r.Reason, r.FinalURL)
			}
			if hasFile(r, "page.png") || hasFile(r, "page.mhtml") {
				t.Error("the browser's error page was passed off as the page")
			}
			// The browser has an error page for everything but its patience.
			if got, want := hasFile(r, "error.png"), tc.url != silent.URL; got != want {
				t.Errorf("error.png: %v, want %v", got, want)
			}
			hops := netLog(t, dir)
			if len(hops) == 0 || hops[0].URL != strings.TrimSuffix(tc.url, "/")+"/" {
				t.Errorf("request log %+v", hops)
			}
		})
	}
}

func TestUnfinishedPage(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<title>half</title><p>the first half"+strings.Repeat(" ", 2000))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(srv.Close)
	r, dir := capture(t, Options{URL: srv.URL, Timeout: 4 * time.Second})
	if r.Outcome != Partial || !strings.Contains(r.Reason, "not loaded completely after 4s") {
		t.Errorf("outcome %s, reason %q", r.Outcome, r.Reason)
	}
	if got := string(read(t, dir, "text.txt")); !strings.Contains(got, "the first half") {
		t.Errorf("text %q", got)
	}
}

// TestTallPage: a screenshot ends where the browser's surfaces end, says so, and
// shows the page down to there.
func TestTallPage(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(text(`<!DOCTYPE html><body style="margin:0"><div style="height:20000px;background:rgb(0,128,0)"></div>`))
	t.Cleanup(srv.Close)
	r, dir := capture(t, Options{URL: srv.URL, ViewportW: 300})
	if r.Outcome != Partial || !strings.Contains(r.Reason, "300 x 20000 pixels; the screenshot ends at 16384") {
		t.Errorf("outcome %s, reason %q", r.Outcome, r.Reason)
	}
	img, err := png.Decode(bytes.NewReader(read(t, dir, "page.png")))
	if err != nil {
		t.Fatal(err)
	}
	if b := img.Bounds(); b.Dx() != 300 || b.Dy() != maxPixels {
		t.Errorf("screenshot is %v", b)
	}
	for _, y := range []int{0, 9000, maxPixels - 1} {
		if r, g, b, _ := img.At(150, y).RGBA(); r>>8 != 0 || g>>8 != 128 || b>>8 != 0 {
			t.Errorf("pixel at height %d is %d,%d,%d, want green", y, r>>8, g>>8, b>>8)
		}
	}
}

// TestBrowserDies is not parallel: it recognises its browser as the only child.
func TestBrowserDies(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		children, err := filepath.Glob("/proc/self/task/*/children")
		if err != nil || len(children) == 0 {
			t.Error("this system does not list child processes")
		}
		for _, name := range children {
			b, _ := os.ReadFile(name)
			for _, pid := range strings.Fields(string(b)) {
				n, _ := strconv.Atoi(pid)
				if p, err := os.FindProcess(n); err == nil {
					p.Kill()
				}
			}
		}
		<-r.Context().Done()
	}))
	defer srv.Close()
	r, err := Page(context.Background(), Options{URL: srv.URL, OutDir: t.TempDir(), AllowPrivate: true})
	if err == nil || !strings.Contains(err.Error(), "the browser ended") {
		t.Errorf("Page = %+v, %v, want an error about the browser", r, err)
	}
}

func TestMaxBytes(t *testing.T) {
	t.Parallel()
	chunk := bytes.Repeat([]byte("x"), 64<<10)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		for r.Context().Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}))
	t.Cleanup(srv.Close)
	r, _ := capture(t, Options{URL: srv.URL, MaxBytes: 2 << 20, Timeout: 20 * time.Second})
	if r.Outcome != Partial || !strings.Contains(r.Reason, "stopped loading after 2097152 bytes") {
		t.Errorf("outcome %s, reason %q", r.Outcome, r.Reason)
	}
	var total int64
	for _, f := range r.Files {
		total += f.Bytes
	}
	if total > 3<<20 {
		t.Errorf("wrote %d bytes", total)
	}
}

func TestBadCertificate(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	page := text("<p>behind a bad certificate")
	unknown := ca.serve(t, page, nil)
	expired := ca.serve(t, page, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
	renamed := ca.serve(t, page, func(c *x509.Certificate) { c.IPAddresses = nil })
	roots := []*x509.Certificate{ca.cert}
	for _, tc := range []struct {
		name     string
		srv      *httptest.Server
		roots    []*x509.Certificate
		insecure bool
		outcome  Outcome
		problem  string
	}{
		{"unknown root", unknown, nil, false, Failed, "ERR_CERT_AUTHORITY_INVALID"},
		{"unknown root, go on", unknown, nil, true, Complete, "ERR_CERT_AUTHORITY_INVALID"},
		{"expired under an extra root", expired, roots, false, Failed, "expired"},
		{"other name under an extra root, go on", renamed, roots, true, Complete, "127.0.0.1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, dir := capture(t, Options{URL: tc.srv.URL, ExtraRootCAs: tc.roots, InsecureOK: tc.insecure})
			if r.Outcome != tc.outcome || r.Certificate != CertBad || r.EnvResult != "fail" {
				t.Errorf("outcome %s (%s), certificate %s, environment %s", r.Outcome, r.Reason, r.Certificate, r.EnvResult)
			}
			if it := envItem(t, dir, "certificate"); it.Result != "fail" || !strings.Contains(fmt.Sprint(it.Observed), tc.problem) {
				t.Errorf("env item %+v, want a fail that names %q", it, tc.problem)
			}
			if !bytes.Equal(read(t, dir, "tls/00.der"), tc.srv.TLS.Certificates[0].Certificate[0]) {
				t.Error("tls/00.der is not the certificate the server showed")
			}
			// Without a verdict of the browser the page never reached the screen.
			if got := hasFile(r, "page.png"); got != (tc.insecure || tc.roots != nil) {
				t.Errorf("page.png: %v", got)
			}
		})
	}
}

func TestPrivateAddressRefused(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	t.Cleanup(srv.Close)
	for _, u := range []string{strings.Replace(srv.URL, "127.0.0.1", "localhost", 1), strings.Replace(srv.URL, "127.0.0.1", "0x7f.1", 1)} {
		dir := t.TempDir()
		r, err := Page(context.Background(), Options{URL: u, OutDir: dir, Timeout: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		checkFiles(t, r, dir)
		if r.Outcome == Complete || r.Outcome == Partial || hasFile(r, "page.png") {
			t.Errorf("%s: outcome %s (%s)", u, r.Outcome, r.Reason)
		}
	}
	if n := requests.Load(); n != 0 {
		t.Errorf("the server got %d requests", n)
	}
}

func TestCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	t.Cleanup(srv.Close)
	r, err := Page(ctx, Options{URL: srv.URL, OutDir: t.TempDir(), AllowPrivate: true})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Page = %+v, %v, want context.Canceled", r, err)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"", "shop.example", "ftp://shop.example/", "file:///etc/passwd", "http:///path", "https://user:pw@shop.example/", "http://[::1"} {
		if _, err := Page(context.Background(), Options{URL: u, OutDir: t.TempDir()}); !errors.Is(err, ErrURL) {
			t.Errorf("Page(%q) = %v, want ErrURL", u, err)
		}
	}
	_, err := Page(context.Background(), Options{URL: "http://shop.example/", OutDir: t.TempDir(), Browser: "no-such-browser"})
	if !errors.Is(err, ErrNoBrowser) || !strings.Contains(err.Error(), "apt-get install chromium") {
		t.Errorf("missing browser: %v, want ErrNoBrowser that says how to install one", err)
	}
	if _, err := Page(context.Background(), Options{URL: "http://shop.example/", OutDir: t.TempDir(), Browser: "false"}); err == nil {
		t.Error("a browser that does not start is no error")
	}
}

func TestNothingOverwritten(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(text("<p>new"))
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "page.png"), []byte("older evidence"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Page(context.Background(), Options{URL: srv.URL, OutDir: dir, AllowPrivate: true}); !errors.Is(err, os.ErrExist) {
		t.Errorf("Page = %v, want os.ErrExist", err)
	}
	if got := string(read(t, dir, "page.png")); got != "older evidence" {
		t.Errorf("page.png is now %q", got)
	}
}
