package gateway

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"zhenglian/app/tx"
	"zhenglian/client"
	"zhenglian/client/api"
)

// followEvents reads events until n have come.
func followEvents(t *testing.T, c *client.Client, o client.EventOptions, n int) (out []api.Event) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for e, err := range c.Events(ctx, o) {
		if err != nil {
			t.Fatalf("after %d events: %v", len(out), err)
		}
		if out = append(out, e); len(out) == n {
			break
		}
	}
	return out
}

func (h *harness) client() *client.Client {
	h.t.Helper()
	c, err := client.New(client.Config{Gateway: h.http.URL})
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func ids(es []api.Event) string {
	var b strings.Builder
	for _, e := range es {
		fmt.Fprint(&b, e.ID, " ")
	}
	return b.String()
}

// Who follows sees what happens as it happens, whoever else follows what.
func TestEventsLive(t *testing.T) {
	h := newHarness(t)
	c := h.client()
	start := h.g.ledger.events.Now()
	type result struct{ all, waiting []api.Event }
	done := make(chan result, 1)
	go func() {
		var r result
		r.all = followEvents(t, c, client.EventOptions{After: &start}, 4)
		r.waiting = followEvents(t, c, client.EventOptions{After: &start, EventQuery: api.EventQuery{Types: []string{"matter"}}}, 1)
		done <- r
	}()
	h.submit(h.seal(1, complete3...))
	pending := h.submit(h.seal(2, "officer1"))
	r := <-done
	if r.all[0].Type != api.EventAccepted || r.all[2].Type != api.EventMatter || r.waiting[0].ID != r.all[2].ID {
		t.Errorf("%+v", r)
	}
	var d api.EntryEvent
	if err := json.Unmarshal(r.all[1].Data, &d); err != nil || d.Statement != pending.ID || d.Outcome != "waiting" {
		t.Errorf("%s: %v", r.all[1].Data, err)
	}
	page, err := c.EventPage(t.Context(), api.EventQuery{}, start, 2)
	if err != nil || !page.HasMore || ids(page.Data) != ids(r.all[:2]) || page.NextCursor != r.all[1].ID.String() {
		t.Errorf("page %+v, %v", page, err)
	}
}

// A stream that is cut anywhere goes on without loss and without doubles.
func TestEventsResume(t *testing.T) {
	h := newHarness(t)
	for n := range 6 {
		h.submit(h.seal(n, "officer1"))
	}
	c := h.client()
	want := followEvents(t, c, client.EventOptions{After: &api.EventID{}}, 18)
	var got []api.Event
	at := api.EventID{}
	for len(got) < len(want) {
		part := followEvents(t, c, client.EventOptions{After: &at}, min(1+len(got)%4, len(want)-len(got)))
		got = append(got, part...)
		at = got[len(got)-1].ID
	}
	if ids(got) != ids(want) {
		t.Errorf("got %s\nwant %s", ids(got), ids(want))
	}
}

// A quiet stream says that it is alive and how far it has got.
func TestEventsHeartbeat(t *testing.T) {
	h := newHarness(t, func(c *Config, _ *Options) { c.Heartbeat = 20 * time.Millisecond })
	resp, err := http.Get(h.http.URL + api.PathEvents + "?type=params")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if ct := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || ct != api.MediaEvents {
		t.Fatalf("status %d, %s", resp.StatusCode, ct)
	}
	lines := bufio.NewScanner(resp.Body)
	next := func(prefix string) string {
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), prefix) {
				return lines.Text()
			}
		}
		t.Fatalf("no %q: %v", prefix, lines.Err())
		return ""
	}
	if got := next("id:"); got != "id: 2" {
		t.Errorf("it begins with %q", got)
	}
	next(": alive")
	h.submit(h.seal(1, complete3...)) // nothing of params
	for id := ""; id != "id: 4"; {
		id = next("id:")
	}
}

// Who does not read is cut after a moment, while others go on, and may come back.
func TestEventsSlowClient(t *testing.T) {
	h := newHarness(t)
	h.g.streams.wait = 50 * time.Millisecond
	h.http.Config.ConnState = func(c net.Conn, s http.ConnState) {
		if s == http.StateNew {
			c.(*net.TCPConn).SetWriteBuffer(4 << 10)
		}
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.http.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET %s?after=0 HTTP/1.1\r\nHost: x\r\n\r\n", api.PathEvents)
	deadline := time.Now().Add(30 * time.Second)
	until := func(n int) {
		t.Helper()
		for len(h.g.streams.open) != n {
			if time.Now().After(deadline) {
				t.Fatalf("%d streams, want %d", len(h.g.streams.open), n)
			}
			time.Sleep(time.Millisecond)
		}
	}
	until(1)
	n := 0
	for ; len(h.g.streams.open) > 0 && time.Now().Before(deadline); n++ {
		h.submit(h.seal(n, "officer1"))
	}
	until(0)
	if n < 5 {
		t.Fatalf("cut after %d statements", n)
	}
	all := followEvents(t, h.client(), client.EventOptions{After: &api.EventID{}}, 3*n)
	if len(all) != 3*n {
		t.Errorf("%d events, want %d", len(all), 3*n)
	}
}

// There are only so many streams, and all end with the gateway.
func TestEventsBounded(t *testing.T) {
	h := newHarness(t, func(c *Config, _ *Options) { c.Streams = 2 })
	var open []*http.Response
	for range 2 {
		resp, err := http.Get(h.http.URL + api.PathEvents)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		open = append(open, resp)
	}
	resp, b := h.do("GET", api.PathEvents, "")
	var p api.Problem
	if err := json.Unmarshal(b, &p); err != nil || resp.StatusCode != 429 || p.Code != api.CodeOverloaded || resp.Header.Get("Retry-After") == "" {
		t.Errorf("status %d: %s", resp.StatusCode, b)
	}
	h.g.streams.end()
	for _, resp := range open {
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Error(err)
		}
	}
}

func TestEventsRefusals(t *testing.T) {
	h := newHarness(t)
	for query, want := range map[string]int{
		"after=x": 400, "after=1.x": 400, "after=01": 400, "after=-1": 400, "after=9": 503, "after=1&after=2": 400, "what=1": 400,
		"type=a.b.c": 400, "type=": 400, "kind=%00": 400, "matter=-1": 400, "limit=0": 400, "limit=1001": 400, "list=a%20b": 400,
	} {
		resp, b := h.do("GET", api.PathEvents+"?"+query, "")
		if resp.StatusCode != want || resp.Header.Get("Content-Type") != api.MediaProblem {
			t.Errorf("%s: status %d, want %d: %s", query, resp.StatusCode, want, b)
		}
	}
	c := h.client()
	for _, err := range c.Events(t.Context(), client.EventOptions{EventQuery: api.EventQuery{Types: []string{"a.b.c"}}}) {
		var p *api.Problem
		if !errors.As(err, &p) || p.Status != 400 {
			t.Errorf("client: %v", err)
		}
	}
	if !(&api.EventQuery{Kinds: []string{"evidence"}}).Matches(&api.Event{Kind: tx.EvidenceSeal}) {
		t.Error("a family does not match its kind")
	}
}
