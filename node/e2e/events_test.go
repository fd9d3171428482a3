package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"zhenglian/client"
	"zhenglian/client/api"
)

// TestEvents kills the node whose events somebody follows, again and again. Every
// entry of the log is told once and in order all the same, and another gateway
// goes on where the first one was left.
func TestEvents(t *testing.T) {
	n := newNetwork(t)
	const rounds, each = 4, 5
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	var told sync.WaitGroup
	events := func(i int, after *api.EventID, until uint64) (out []api.Event) {
		for e, err := range n.clients[i].Events(ctx, client.EventOptions{After: after, EventQuery: api.EventQuery{Types: []string{api.EventAccepted}}}) {
			if err != nil {
				t.Errorf("after %d events: %v", len(out), err)
				return out
			}
			if out = append(out, e); seqOf(t, e) == until {
				return out
			}
		}
		return out
	}
	var all []api.Event
	told.Go(func() { all = events(0, &api.EventID{}, rounds*each-1) })
	for r := range rounds {
		for s := range each {
			n.submit(1+s%3, fmt.Sprint("round ", r, " statement ", s))
			if s == 2 {
				n.procs[0].kill()
				n.start(0)
			}
		}
		n.awaitReady(0)
	}
	told.Wait()
	for i, e := range all {
		if seq := seqOf(t, e); seq != uint64(i) {
			t.Fatalf("event %d is of entry %d", i, seq)
		}
	}
	if len(all) != rounds*each {
		t.Fatalf("%d entries were told, want %d", len(all), rounds*each)
	}
	middle := all[len(all)/2].ID
	rest := events(2, &middle, rounds*each-1)
	if want := all[len(all)/2+1:]; fmt.Sprint(ids(rest)) != fmt.Sprint(ids(want)) {
		t.Errorf("another gateway goes on with %v, want %v", ids(rest), ids(want))
	}
	// A gateway that stops ends its streams in order.
	quiet, stop := context.WithCancel(ctx)
	defer stop()
	told.Go(func() {
		for range n.clients[3].Events(quiet, client.EventOptions{}) {
		}
	})
	time.Sleep(100 * time.Millisecond)
	n.procs[3].stop()
	stop()
	told.Wait()
}

func ids(es []api.Event) (out []string) {
	for _, e := range es {
		out = append(out, e.ID.String())
	}
	return out
}

func seqOf(t *testing.T, e api.Event) uint64 {
	var d api.EntryEvent
	if err := json.Unmarshal(e.Data, &d); err != nil {
		t.Error(err)
	}
	return d.Seq
}
