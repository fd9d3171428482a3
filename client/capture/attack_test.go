package capture

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zhenglian/client/capture/filter/filtertest"
)

// hostile runs Page where only 127.0.0.1 may be reached of what is not public.
func hostile(t *testing.T, o Options) (*Result, string) {
	t.Helper()
	o.OutDir, o.AllowNets = t.TempDir(), []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	if o.Timeout == 0 {
		o.Timeout = 20 * time.Second
	}
	r, err := Page(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	checkFiles(t, r, o.OutDir)
	return r, o.OutDir
}

// inner is a server that no page from outside has any business with.
func inner(t *testing.T) (address string, requests *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Skip("this system has one loopback address only")
	}
	requests = new(atomic.Int64)
	srv := &httptest.Server{Listener: l, Config: &http.Server{
		Handler: text("<title>secret</title>"),
		ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				requests.Add(1)
			}
		}}}
	srv.Start()
	t.Cleanup(srv.Close)
	return l.Addr().String(), requests
}

func TestRedirectToPrivate(t *testing.T) {
	t.Parallel()
	address, requests := inner(t)
	srv := httptest.NewServer(http.RedirectHandler("http://"+address+"/admin", http.StatusFound))
	t.Cleanup(srv.Close)
	r, dir := hostile(t, Options{URL: srv.URL})
	if r.Outcome != Blocked || !strings.Contains(r.Reason, "127.0.0.2") || hasFile(r, "page.png") {
		t.Errorf("outcome %s: %s", r.Outcome, r.Reason)
	}
	if n := requests.Load(); n != 0 {
		t.Errorf("the inner server got %d connections", n)
	}
	archived(t, dir) // what happened is kept all the same: the redirect
	if b := read(t, dir, "connections.jsonl"); !strings.Contains(string(b), `"refused"`) {
		t.Errorf("connections %s", b)
	}
}

// TestRebindingPage: the page's own name leads to the inner server from the second
// look-up on.
func TestRebindingPage(t *testing.T) {
	t.Parallel()
	address, requests := inner(t)
	_, port, _ := net.SplitHostPort(address)
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Skip("the port is taken")
	}
	outer := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close") // so that each request needs a connection
		if r.URL.Path == "/data" {
			fmt.Fprint(w, "outer data")
			return
		}
		fmt.Fprint(w, `<title>trap</title><p id=p>waiting<script>setTimeout(()=>fetch("/data").then(r=>r.text()).then(t=>{document.getElementById("p").textContent="got "+t}),200)</script>`)
	})}}
	outer.Start()
	t.Cleanup(outer.Close)
	resolver := filtertest.DNS(t, func(_ string, n int) []string {
		if n == 0 {
			return []string{"127.0.0.1"}
		}
		return []string{"127.0.0.2"}
	})
	r, dir := hostile(t, Options{URL: "http://trap.example:" + port + "/", Resolvers: []string{resolver}})
	if r.Outcome != Complete || r.RemoteIP != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("outcome %s: %s, from %v", r.Outcome, r.Reason, r.RemoteIP)
	}
	if got := string(read(t, dir, "text.txt")); !strings.Contains(got, "got outer data") {
		t.Errorf("text %q", got)
	}
	if n := requests.Load(); n != 0 {
		t.Errorf("the inner server got %d connections", n)
	}
	records, texts := archived(t, dir)
	record(t, records, texts, "response", "trap.example. 0 IN A 127.0.0.1\n")
	if b := read(t, dir, "dns.jsonl"); !strings.Contains(string(b), `"rcode":"NOERROR"`) {
		t.Errorf("dns %s", b)
	}
}

// TestOtherWaysOut: a page tries what does not look like loading a page.
func TestOtherWaysOut(t *testing.T) {
	t.Parallel()
	address, requests := inner(t)
	stun, err := net.ListenPacket("udp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stun.Close() })
	var datagrams atomic.Int64
	go func() {
		b := make([]byte, 2048)
		for {
			if _, _, err := stun.ReadFrom(b); err != nil {
				return
			}
			datagrams.Add(1)
		}
	}()
	secret := filepath.Join(t.TempDir(), "secret.txt")
	if err := os.WriteFile(secret, []byte("file content"), 0o644); err != nil {
		t.Fatal(err)
	}
	page := `<title>trap</title><p id=p></p>
<iframe src="file://` + secret + `"></iframe><img src="http://` + address + `/pixel"><link rel=preconnect href="http://` + address + `">
<link rel=dns-prefetch href="//prefetched.invalid"><img src="ftp://` + address + `/x">
<script>
const say=t=>document.getElementById("p").textContent+=t+" ";
new Worker(URL.createObjectURL(new Blob(['fetch("http://` + address + `/worker",{mode:"no-cors"}).then(()=>postMessage("worker reached"),()=>postMessage("worker refused"))']))).onmessage=e=>say(e.data);
const ws=new WebSocket("ws://` + address + `/"); ws.onopen=()=>say("socket reached"); ws.onerror=()=>say("socket refused");
navigator.sendBeacon("http://` + address + `/beacon","x");
try{const pc=new RTCPeerConnection({iceServers:[{urls:"stun:` + stun.LocalAddr().String() + `"}]});pc.createDataChannel("x");
pc.onicecandidate=e=>{if(e.candidate&&e.candidate.candidate)say("candidate "+e.candidate.candidate)};pc.createOffer().then(o=>pc.setLocalDescription(o));}catch(e){}
fetch("file://` + secret + `").then(r=>r.text()).then(t=>say("file "+t),()=>say("no file"));
setTimeout(()=>say("done"),1500);fetch("/slow");
</script>`
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			time.Sleep(1800 * time.Millisecond)
			return
		}
		fmt.Fprint(w, page)
	}))
	t.Cleanup(srv.Close)
	r, dir := hostile(t, Options{URL: srv.URL})
	got := string(read(t, dir, "text.txt"))
	for _, want := range []string{"worker refused", "socket refused", "no file", "done"} {
		if !strings.Contains(got, want) {
			t.Errorf("the page does not say %q: %q", want, got)
		}
	}
	for _, bad := range []string{"reached", "file content", "candidate"} {
		if strings.Contains(got, bad) {
			t.Errorf("the page says %q", got)
		}
	}
	if r.Outcome != Partial || !strings.Contains(r.Reason, "127.0.0.2") {
		t.Errorf("outcome %s: %s", r.Outcome, r.Reason)
	}
	if n := requests.Load(); n != 0 {
		t.Errorf("the inner server got %d connections", n)
	}
	if n := datagrams.Load(); n != 0 {
		t.Errorf("the STUN server got %d datagrams", n)
	}
}

// TestBombs: pages that are meant to fill memory or disk, or never to end.
func TestBombs(t *testing.T) {
	t.Parallel()
	flood := func(w io.Writer, stop <-chan struct{}) {
		b := []byte(strings.Repeat("<p>more</p>\n", 4096))
		for {
			select {
			case <-stop:
				return
			default:
				if _, err := w.Write(b); err != nil {
					return
				}
			}
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		flood(w, r.Context().Done())
	})
	mux.HandleFunc("/gzip", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Encoding", "gzip")
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
		flood(z, r.Context().Done())
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		for {
			fmt.Fprint(w, "<p>drip")
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	for path, want := range map[string]string{"/endless": "bytes", "/gzip": "stopped loading after 4194304 bytes", "/slow": "not loaded completely after 3s"} {
		o := Options{URL: srv.URL + path, MaxBytes: 4 << 20}
		if path == "/slow" {
			o.Timeout = 3 * time.Second
		}
		r, dir := hostile(t, o)
		if r.Outcome != Partial || !strings.Contains(r.Reason, want) {
			t.Errorf("%s: outcome %s: %s", path, r.Outcome, r.Reason)
		}
		var total int64
		for _, f := range r.Files {
			total += f.Bytes
		}
		if total > 4<<20 {
			t.Errorf("%s: %d bytes written", path, total)
		}
		if hasFile(r, "archive/data.warc.gz") {
			archived(t, dir)
		}
	}
}
