package capture

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
)

func TestPublic(t *testing.T) {
	for ip, want := range map[string]bool{
		"1.1.1.1": true, "114.114.114.114": true, "172.32.0.1": true, "2400:3200::1": true, "64:ff9b::1.1.1.1": true, "::ffff:1.1.1.1": true,
		"127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false,
		"100.64.0.1": false, "0.0.0.0": false, "0.1.2.3": false, "192.0.0.8": false, "198.18.0.1": false, "203.0.113.5": false, "224.0.0.1": false,
		"240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd00::1": false, "ff02::1": false, "fec0::1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "64:ff9b::10.0.0.1": false, "64:ff9b:1::1": false,
		"2001:db8::1": false, "2001::1": false, "2002:7f00:1::": false, "100::1": false, "3fff::1": false,
	} {
		if got := public(netip.MustParseAddr(ip)); got != want {
			t.Errorf("public(%s) = %v, want %v", ip, got, want)
		}
	}
	if public(netip.Addr{}) {
		t.Error("the zero address is public")
	}
}

func TestGuard(t *testing.T) {
	g := newGuard(Options{MaxRedirects: 2})
	for _, tc := range []struct {
		url       string
		redirects int
		policy    bool
		want      string // of the refusal; empty: let go
	}{
		{"http://1.1.1.1/", 0, false, ""},
		{"https://[2400:3200::1]:8443/x", 2, false, ""},
		{"data:text/html,x", 0, false, ""},
		{"http://1.1.1.1/", 3, true, "more than 2 redirects"},
		{"http://127.0.0.1/", 0, true, "not on the public internet"},
		{"http://[::1]/", 0, true, "not on the public internet"},
		{"http://169.254.169.254/latest/meta-data/", 1, true, "not on the public internet"},
		{"file:///etc/passwd", 0, true, `scheme "file"`},
		{"ftp://1.1.1.1/", 0, true, `scheme "ftp"`},
		{"http://[bad", 0, true, "unreadable"},
	} {
		r := g.check(context.Background(), tc.url, tc.redirects)
		switch {
		case r == nil && tc.want != "":
			t.Errorf("%s was let go", tc.url)
		case r != nil && (tc.want == "" || !strings.Contains(r.text, tc.want) || r.policy != tc.policy):
			t.Errorf("%s: %+v, want %q", tc.url, *r, tc.want)
		}
	}
	open := newGuard(Options{AllowPrivate: true, MaxRedirects: 2})
	if r := open.check(context.Background(), "http://127.0.0.1/", 0); r != nil {
		t.Errorf("AllowPrivate refused: %+v", *r)
	}
	if r := open.check(context.Background(), "file:///etc/passwd", 0); r == nil {
		t.Error("AllowPrivate let a file URL go")
	}
}

// TestPrivateResponse: the address that really answered counts, whatever the
// look-up before said.
func TestPrivateResponse(t *testing.T) {
	for ip, private := range map[string]bool{"1.1.1.1": false, "10.0.0.7": true, "[::1]": true, "": false} {
		r := newRecorder(Options{MaxBytes: 1})
		r.listen(&network.EventRequestWillBeSent{
			RequestID: "1", Type: network.ResourceTypeImage, Request: &network.Request{URL: "http://rebind.example/a.png", Method: "GET"},
		})
		r.listen(&network.EventResponseReceived{RequestID: "1", Response: &network.Response{Status: 200, RemoteIPAddress: ip}})
		if got := r.view().private; (got != "") != private {
			t.Errorf("response from %q: %q", ip, got)
		}
	}
}

func TestSuspectFlags(t *testing.T) {
	args := []string{"/usr/bin/chromium", "--headless", "--load-extension", "--load-extension=", "--ignore-certificate-errors-spki-list=ours"}
	if got := suspectFlags(args, "ours"); len(got) != 0 {
		t.Errorf("suspectFlags = %q, want none", got)
	}
	bad := []string{"--ignore-certificate-errors", "--load-extension=/opt/x", "--proxy-server=10.0.0.1:3128", "--host-resolver-rules=MAP * 10.0.0.1"}
	if got := suspectFlags(append(args, bad...), ""); !slices.Equal(got, append([]string{args[4]}, bad...)) {
		t.Errorf("suspectFlags = %q", got)
	}
}

func TestProxyVariables(t *testing.T) {
	got := proxyVariables([]string{"PATH=/bin", "https_proxy=http://user:secret@proxy:3128", "HTTP_PROXY=", "ALL_PROXY=socks5://p", "NO_PROXY=x"})
	if want := []string{"ALL_PROXY", "https_proxy"}; !slices.Equal(got, want) {
		t.Errorf("proxyVariables = %q, want %q", got, want)
	}
}

func TestClock(t *testing.T) {
	for step, want := range map[time.Duration]string{0: envOK, 300 * time.Millisecond: envOK, time.Hour: envFail, -time.Minute: envFail} {
		var r report
		r.addClock(step)
		r.close()
		if r.Items[0].Result != want || r.Result != want {
			t.Errorf("step %v: %+v", step, r)
		}
	}
	start := time.Now()
	if got := clockStep(start, start.Add(time.Minute)); got != 0 {
		t.Errorf("clockStep of a clock that was not set = %v", got)
	}
}

func TestOutputLimit(t *testing.T) {
	o, err := newOutput(t.TempDir(), 3<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	if _, err := o.write("a", "x", "x", make([]byte, 2<<20)); err != nil {
		t.Errorf("a file that leaves the reserve: %v", err)
	}
	if _, err := o.write("b", "x", "x", make([]byte, 512<<10)); !errors.Is(err, errOutputLimit) {
		t.Errorf("a file that eats the reserve: %v, want errOutputLimit", err)
	}
	if _, err := o.write("sub/report", "x", "x", make([]byte, 200<<10)); err != nil {
		t.Errorf("a report from the reserve: %v", err)
	}
	if _, err := o.write("../outside", "x", "x", nil); err == nil {
		t.Error("wrote outside the directory")
	}
	if len(o.files) != 2 {
		t.Errorf("files %+v, want the two written", o.files)
	}
}
