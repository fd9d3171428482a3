package capture

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestGuard(t *testing.T) {
	g := newGuard(Options{MaxRedirects: 2})
	for _, tc := range []struct {
		url       string
		redirects int
		want      string // of the refusal; empty: let go
	}{
		{"http://1.1.1.1/", 0, ""},
		{"https://[2400:3200::1]:8443/x", 2, ""},
		{"data:text/html,x", 0, ""},
		{"http://1.1.1.1/", 3, "more than 2 redirects"},
		{"file:///etc/passwd", 0, `scheme "file"`},
		{"ftp://1.1.1.1/", 0, `scheme "ftp"`},
		{"http://[bad", 0, "unreadable"},
	} {
		r := g.check(tc.url, tc.redirects)
		switch {
		case r == nil && tc.want != "":
			t.Errorf("%s was let go", tc.url)
		case r != nil && (tc.want == "" || !strings.Contains(r.text, tc.want)):
			t.Errorf("%s: %+v, want %q", tc.url, *r, tc.want)
		}
	}
}

func TestSuspectFlags(t *testing.T) {
	args := []string{"/usr/bin/chromium", "--headless", "--load-extension", "--load-extension=", "--ignore-certificate-errors-spki-list=ours"}
	if got := suspectFlags(append(args, "--proxy-server=ours"), "ours", []string{"--proxy-server=ours"}); len(got) != 0 {
		t.Errorf("suspectFlags = %q, want none", got)
	}
	bad := []string{"--ignore-certificate-errors", "--load-extension=/opt/x", "--proxy-server=10.0.0.1:3128", "--host-resolver-rules=MAP * 10.0.0.1"}
	if got := suspectFlags(append(args, bad...), "", nil); !slices.Equal(got, append([]string{args[4]}, bad...)) {
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
