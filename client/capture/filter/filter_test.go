package filter_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"zhenglian/client/capture/filter"
	"zhenglian/client/capture/filter/filtertest"
)

// fixture is a proxy with its log.
type fixture struct {
	addr string
	mu   sync.Mutex
	log  []filter.Event
}

func start(t *testing.T, c filter.Config) *fixture {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	f := &fixture{addr: l.Addr().String()}
	p := filter.New(c, func(e filter.Event) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.log = append(f.log, e)
	})
	go p.Serve(t.Context(), l)
	return f
}

func (f *fixture) dial(t *testing.T, host string, port int) (net.Conn, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, err := filter.Dial(ctx, "tcp", f.addr, host, port)
	if err == nil {
		t.Cleanup(func() { c.Close() })
	}
	return c, err
}

// last returns the last event of a kind.
func (f *fixture) last(kind string) filter.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range slices.Backward(f.log) {
		if e.Kind == kind {
			return e
		}
	}
	return filter.Event{}
}

// echo is a server that counts its connections.
func echo(t *testing.T, address string) (port int, count *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	count = new(atomic.Int64)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			count.Add(1)
			go func() { io.Copy(c, c); c.Close() }()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port, count
}

func says(t *testing.T, c net.Conn, text string) {
	t.Helper()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	b := make([]byte, len(text))
	if _, err := io.WriteString(c, text); err != nil {
		t.Error(err)
	} else if _, err := io.ReadFull(c, b); err != nil || string(b) != text {
		t.Errorf("echo %q, %v", b, err)
	}
}

// TestRefusedAddresses: what is not on the public internet is not reached,
// however it is written.
func TestRefusedAddresses(t *testing.T) {
	port, count := echo(t, "127.0.0.1:0")
	srv := filtertest.DNS(t, func(name string, n int) []string {
		return map[string][]string{
			"private.example.": {"10.0.0.1"}, "loop.example.": {"127.0.0.1"}, "mixed.example.": {"1.1.1.1", "127.0.0.1"},
			"meta.example.": {"169.254.169.254"}, "six.example.": {"::1"}, "mapped.example.": {"::ffff:127.0.0.1"}, "nat.example.": {"64:ff9b::7f00:1"},
		}[name]
	})
	f := start(t, filter.Config{Resolvers: []string{srv}})
	for _, host := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "0.0.0.0", "10.1.2.3", "169.254.169.254", "fe80::1", "100.100.100.200",
		"2130706433", "0x7f000001", "0x7f.1", "127.1", "0177.0.0.1", "017700000001", "a.127", "localhost.1", "", ".", "a b", "a/b", "user@host", "[::1]",
		"private.example", "loop.example", "LOOP.example.", "mixed.example", "meta.example", "six.example", "mapped.example", "nat.example"} {
		if _, err := f.dial(t, host, port); err == nil {
			t.Errorf("%q was connected to", host)
		}
		if e := f.last(filter.Refused); e.Host != host || e.Reason == "" {
			t.Errorf("%q: the log says %+v", host, e)
		}
	}
	if n := count.Load(); n != 0 {
		t.Errorf("the server got %d connections", n)
	}
}

// TestRebinding: the address of a name is that of its first look-up.
func TestRebinding(t *testing.T) {
	port, first := echo(t, "127.0.0.1:0")
	_, second := echo(t, fmt.Sprintf("127.0.0.2:%d", port))
	var asked atomic.Int64
	srv := filtertest.DNS(t, func(name string, n int) []string {
		if asked.Add(1); n == 0 {
			return []string{"127.0.0.1"}
		}
		return []string{"127.0.0.2"}
	})
	f := start(t, filter.Config{Resolvers: []string{srv}, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	for range 3 {
		c, err := f.dial(t, "rebind.example", port)
		if err != nil {
			t.Fatal(err)
		}
		says(t, c, "hello")
	}
	if first.Load() != 3 || second.Load() != 0 {
		t.Errorf("%d connections to the first address, %d to the second", first.Load(), second.Load())
	}
	if n := asked.Load(); n > 2 {
		t.Errorf("asked %d times; A and AAAA once each is enough", n)
	}
	// The second address would not be allowed, and is never looked at.
	f = start(t, filter.Config{Resolvers: []string{srv}, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	if _, err := f.dial(t, "other.example", port); err != nil {
		t.Error(err)
	}
	if _, err := f.dial(t, "127.0.0.2", port); err == nil {
		t.Error("127.0.0.2 is not allowed and was reached")
	}
}

func TestResolvers(t *testing.T) {
	port, _ := echo(t, "127.0.0.1:0")
	yes := filtertest.DNS(t, func(string, int) []string { return []string{"127.0.0.1"} })
	other := filtertest.DNS(t, func(string, int) []string { return []string{"127.0.0.9"} })
	no := filtertest.DNS(t, func(string, int) []string { return nil })
	f := start(t, filter.Config{Resolvers: []string{no, yes, other}, AllowAll: true})
	c, err := f.dial(t, "shop.example", port)
	if err != nil {
		t.Fatal(err)
	}
	says(t, c, "hello")
	var got []string
	for deadline := time.Now().Add(5 * time.Second); len(got) < 3 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		got = nil
		f.mu.Lock()
		for _, e := range f.log {
			if e.Kind == filter.DNS {
				got = append(got, fmt.Sprintf("%s %s %v", e.Answer.Resolver, e.Answer.Rcode, e.Answer.Addrs))
				for _, w := range e.Answer.Wire {
					if err := new(dns.Msg).Unpack(w); err != nil {
						t.Errorf("the message of %s: %v", e.Answer.Resolver, err)
					}
				}
			}
		}
		f.mu.Unlock()
	}
	want := []string{no + " NXDOMAIN []", yes + " NOERROR [127.0.0.1]", other + " NOERROR [127.0.0.9]"}
	if !slices.Equal(got, want) {
		t.Errorf("answers %q, want %q", got, want)
	}
	f = start(t, filter.Config{Resolvers: []string{no}, AllowAll: true})
	if _, err := f.dial(t, "shop.example", port); err == nil || !strings.Contains(f.last(filter.Failed).Reason, "NXDOMAIN") {
		t.Errorf("%v, %+v", err, f.last(filter.Failed))
	}
}

func TestLimits(t *testing.T) {
	port, _ := echo(t, "127.0.0.1:0")
	f := start(t, filter.Config{AllowAll: true, MaxBytes: 100_000})
	c, err := f.dial(t, "127.0.0.1", port)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(10 * time.Second))
	go io.Copy(c, bytes.NewReader(make([]byte, 1<<20)))
	if n, _ := io.Copy(io.Discard, c); n > 100_000 {
		t.Errorf("%d bytes came back", n)
	}
	if _, err := f.dial(t, "127.0.0.1", port); err == nil {
		t.Error("connected after the limit")
	}
	if e := f.last(filter.Refused); !strings.Contains(e.Reason, "more than 100000 bytes") {
		t.Errorf("log %+v", e)
	}

	f = start(t, filter.Config{AllowAll: true, MaxConns: 1})
	if _, err := f.dial(t, "127.0.0.1", port); err != nil {
		t.Fatal(err)
	}
	if _, err := f.dial(t, "127.0.0.1", port); err == nil {
		t.Error("two connections at once")
	}
	f = start(t, filter.Config{AllowAll: true, MaxTotal: 1})
	if _, err := f.dial(t, "127.0.0.1", port); err != nil {
		t.Fatal(err)
	}
	if _, err := f.dial(t, "127.0.0.1", port); err == nil {
		t.Error("two connections altogether")
	}
	f = start(t, filter.Config{AllowAll: true, MaxHosts: 1})
	f.dial(t, "127.0.0.1", port)
	if _, err := f.dial(t, "127.0.0.2", port); err == nil {
		t.Error("two hosts")
	}
}

// TestGarbage: whatever a client says, the proxy goes on.
func TestGarbage(t *testing.T) {
	port, _ := echo(t, "127.0.0.1:0")
	f := start(t, filter.Config{AllowAll: true})
	for _, s := range []string{"", "\x05", "\x04\x01", "GET / HTTP/1.1\r\n\r\n", "\x05\x01\x00\x05\x02\x00\x01", "\x05\x01\x00\x05\x01\x00\x07", "\x05\x01\x00\x05\x01\x00\x03\xff" + strings.Repeat("a", 100)} {
		c, err := net.Dial("tcp", f.addr)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, s)
		c.Close()
	}
	c, err := f.dial(t, "127.0.0.1", port)
	if err != nil {
		t.Fatal(err)
	}
	says(t, c, "still here")
}

// TestRun speaks to the process's loop.
func TestRun(t *testing.T) {
	in, config := io.Pipe()
	events, out := io.Pipe()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- filter.Run(in, out, l) }()
	json.NewEncoder(config).Encode(filter.Config{})
	dec := json.NewDecoder(events)
	next := func(kind string) (e filter.Event) {
		t.Helper()
		if err := dec.Decode(&e); err != nil || e.Kind != kind {
			t.Fatalf("event %+v, %v, want %s", e, err, kind)
		}
		return e
	}
	next(filter.Ready)
	dialed := make(chan error, 1)
	go func() {
		_, err := filter.Dial(t.Context(), "tcp", l.Addr().String(), "127.0.0.1", 1)
		dialed <- err
	}()
	if e := next(filter.Refused); e.Host != "127.0.0.1" || e.Port != 1 {
		t.Errorf("event %+v", e)
	}
	if err := <-dialed; err == nil {
		t.Error("a private address was reached")
	}
	io.WriteString(config, "sync\n")
	next(filter.Synced)
	config.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("it still listens")
	}
}
