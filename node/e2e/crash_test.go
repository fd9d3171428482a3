package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/client"
	"zhenglian/client/api"
)

// TestCrash kills validators at random moments while clients submit: one at a
// time mostly, at times one that has just been started again, two, or all four.
// Afterwards everything that was ever acknowledged is there, provable by every
// member, exactly once; the rest of what was submitted can be submitted again;
// all members have the same state at every height; and nobody had to lend a hand.
func TestCrash(t *testing.T) {
	kills := 50
	if long() {
		kills = 500
	}
	rnd := newRand(t)
	n := newNetwork(t)
	l := newLoad(n, rnd)

	for killed := 0; killed < kills; {
		victims := rnd.Perm(len(n.procs))
		switch p := rnd.Float64(); {
		case p < 0.80:
			victims = victims[:1]
		case p < 0.92:
			victims = victims[:2]
		}
		// The moment is what is random here; nothing is waited for.
		time.Sleep(time.Duration(rnd.Int64N(int64(400 * time.Millisecond))))
		for _, i := range victims {
			if err := n.procs[i].running(); err != nil {
				t.Fatal(err)
			}
			n.procs[i].kill()
			killed++
		}
		if len(victims) == 1 && rnd.IntN(4) == 0 {
			l.progress("with one of four down")
		}
		for _, i := range victims {
			n.start(i)
		}
		if again := victims[0]; rnd.IntN(4) == 0 { // while it replays
			time.Sleep(time.Duration(rnd.Int64N(int64(800 * time.Millisecond))))
			n.procs[again].kill()
			killed++
			n.start(again)
		}
		l.progress(fmt.Sprintf("after %d kills", killed))
	}

	for i := range n.procs {
		n.awaitReady(i)
	}
	acknowledged, open := l.stop()
	t.Logf("%d acknowledged during the kills, %d not; going on took at most %s", len(acknowledged), len(open), l.slowest.Round(time.Millisecond))
	again := n.resubmit(open)
	all := append(acknowledged, again...)
	n.checkAll(all)
	cp := n.agree()
	if cp.LogSize != uint64(len(all)) {
		t.Errorf("the log has %d entries of %d statements", cp.LogSize, len(all))
	}
	for _, p := range n.procs {
		p.stop()
	}
	n.compareStores(cp.LogSize)
}

// A load submits statements through gateways chosen at random.
type load struct {
	*network
	cancel  context.CancelFunc
	workers sync.WaitGroup
	count   atomic.Int64  // of acknowledged
	slowest time.Duration // of progress; owned by the goroutine of the test

	mu           sync.Mutex
	acknowledged []*api.Submission // answered with a receipt, which was verified
	open         []*tx.Envelope    // submitted everywhere, with no answer or with 202
}

// clientsAtOnce are enough to have something in flight at every moment and few
// enough for a small machine to replay and verify it all.
const clientsAtOnce = 4

func newLoad(n *network, rnd *rand.Rand) *load {
	ctx, cancel := context.WithCancel(n.Context())
	l := &load{network: n, cancel: cancel}
	for w := range clientsAtOnce {
		rnd := rand.New(rand.NewPCG(rnd.Uint64(), 0))
		l.workers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				pause := 20 * time.Millisecond
				if !l.one(ctx, rnd.IntN(len(n.clients)), fmt.Sprint("client ", w, " statement ", i)) {
					pause = 500 * time.Millisecond // nobody is there: do not hammer at the doors
				}
				time.Sleep(time.Duration(rnd.Int64N(int64(pause))))
			}
		})
	}
	n.Cleanup(func() { l.stop() })
	return l
}

// one submits one statement, starting at some gateway and going on to the next
// when that one does not answer with a receipt. It reports whether one did.
func (l *load) one(ctx context.Context, gateway int, content string) bool {
	e, err := l.seal(content)
	if err != nil {
		l.Error(err)
		return false
	}
	for i := range l.clients {
		i = (gateway + i) % len(l.clients)
		s, err := l.try(ctx, i, e)
		if err == nil {
			if err := l.check(s, s.Receipt); err != nil {
				l.Error(err) // and it counts: it has to be there
			}
			l.mu.Lock()
			l.acknowledged = append(l.acknowledged, s)
			l.mu.Unlock()
			l.count.Add(1)
			return true
		}
		if !passes(err) {
			l.Errorf("submit through gateway %d: %v", i, err)
		}
	}
	l.mu.Lock()
	l.open = append(l.open, e)
	l.mu.Unlock()
	return false
}

func (l *load) try(ctx context.Context, gateway int, e *tx.Envelope) (*api.Submission, error) {
	// A gateway that is killed breaks the connection, one that hangs would not.
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return l.clients[gateway].Submit(ctx, e, api.SubmitOptions{Wait: 3 * time.Second})
}

// passes reports whether a submission failed for a reason that passes by itself,
// and not by the judgement of the ledger.
func passes(err error) bool {
	var p *api.Problem
	var later *api.InFlight
	switch {
	case errors.As(err, &p):
		return p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests
	case errors.As(err, &later), errors.Is(err, client.ErrUnreachable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return true
	}
	return false
}

// progress waits until a few more statements are acknowledged.
func (l *load) progress(when string) {
	l.Helper()
	began, want := time.Now(), l.count.Load()+10
	eventually(l.T, "progress "+when, func() error {
		for _, p := range l.procs {
			// Those that the test has killed have been replaced, or will be.
			if err := p.running(); err != nil && !p.killed {
				l.Fatal(err)
			}
		}
		if got := l.count.Load(); got < want {
			return fmt.Errorf("%d more are missing", want-got)
		}
		return nil
	})
	l.slowest = max(l.slowest, time.Since(began))
}

// stop ends the load and returns what became of it.
func (l *load) stop() ([]*api.Submission, []*tx.Envelope) {
	l.cancel()
	l.workers.Wait()
	return l.acknowledged, l.open
}

// each calls f for 0 to count-1, a few at a time.
func (n *network) each(count int, f func(ctx context.Context, i int) error) {
	n.Helper()
	g, ctx := errgroup.WithContext(n.Context())
	g.SetLimit(clientsAtOnce)
	for i := range count {
		g.Go(func() error { return f(ctx, i) })
	}
	if err := g.Wait(); err != nil {
		n.Error(err)
	}
}

// resubmit enters the statements whose fate is unknown.
func (n *network) resubmit(open []*tx.Envelope) []*api.Submission {
	n.Helper()
	out := make([]*api.Submission, len(open))
	n.each(len(open), func(ctx context.Context, i int) error {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		s, err := n.clients[i%len(n.clients)].Await(ctx, open[i], api.SubmitOptions{})
		if err != nil {
			return fmt.Errorf("submitted again: %w", err)
		}
		out[i] = s
		return n.check(s, s.Receipt)
	})
	if n.Failed() {
		n.FailNow()
	}
	return out
}

// checkAll has the gateways prove every entry that was promised, in turn.
func (n *network) checkAll(all []*api.Submission) {
	n.Helper()
	place := make(map[uint64]tx.ID)
	for _, s := range all {
		if other, taken := place[s.Seq]; taken {
			n.Errorf("%s and %s were both promised entry %d", other, s.ID, s.Seq)
		}
		place[s.Seq] = s.ID
	}
	n.each(len(all), func(ctx context.Context, i int) error {
		return n.checkAt(ctx, i%len(n.clients), all[i])
	})
}

// compareStores opens the stores of all members, which have stopped, and compares
// what they hold at every height.
func (n *network) compareStores(logSize uint64) {
	n.Helper()
	var stores []*store.Store
	top := int64(1 << 62)
	for _, c := range n.cfgs {
		s, err := store.Open(filepath.Join(c.Home, "data", "ledger"), store.Options{CacheBytes: 8 << 20})
		if err != nil {
			n.Fatal(err)
		}
		defer s.Close()
		head, _ := s.Head()
		if head.LogSize != logSize {
			n.Errorf("%s holds %d entries, want %d", c.Moniker, head.LogSize, logSize)
		}
		top = min(top, head.Height)
		stores = append(stores, s)
	}
	n.Logf("%d blocks, %d entries", top, logSize)
	for h := int64(1); h <= top; h++ {
		want, err := stores[0].HeadAt(h)
		if err != nil {
			n.Fatal(err)
		}
		for i, s := range stores[1:] {
			if got, err := s.HeadAt(h); err != nil || got != want {
				n.Fatalf("height %d: %s has %+v, %s has %+v (%v)", h, n.cfgs[0].Moniker, want, n.cfgs[i+1].Moniker, got, err)
			}
		}
	}
}
