package gateway

import (
	"context"
	"sync"

	"zhenglian/app"
	"zhenglian/app/tx"
)

// flights knows who waits for which statement and for which block.
type flights struct {
	mu      sync.Mutex
	byID    map[tx.ID]*flight
	decided int64         // last height decided
	changed chan struct{} // closed and replaced when decided grows
}

// A flight is a submitted statement that somebody waits for.
type flight struct {
	waiters int           // guarded by flights.mu
	done    chan struct{} // closed when a block has judged the statement
	refusal error         // the block's verdict if it was not accepted; read after done
}

func newFlights(decided int64) *flights {
	return &flights{byID: make(map[tx.ID]*flight), decided: decided, changed: make(chan struct{})}
}

// join begins to wait for a statement; leave ends it.
func (f *flights) join(id tx.ID) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.byID[id]
	if w == nil {
		w = &flight{done: make(chan struct{})}
		f.byID[id] = w
	}
	w.waiters++
	return w
}

func (f *flights) leave(id tx.ID, w *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if w.waiters--; w.waiters == 0 && f.byID[id] == w {
		delete(f.byID, id)
	}
}

// committed ends the flights of a block. It runs on the consensus goroutine:
// a look-up for each envelope, and nothing that blocks.
func (f *flights) committed(b app.Block) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.raise(b.Head.Height) // blocks that are replayed at the start were decided before
	if len(f.byID) == 0 {
		return
	}
	for i := range b.Results {
		r := &b.Results[i]
		w := f.byID[r.ID]
		if w == nil {
			continue
		}
		if r.Code != tx.CodeOK {
			w.refusal = r.Err
		}
		delete(f.byID, r.ID)
		close(w.done)
	}
}

// decide wakes those who wait for a block.
func (f *flights) decide(height int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.raise(height)
}

func (f *flights) raise(height int64) {
	if height <= f.decided {
		return
	}
	f.decided = height
	close(f.changed)
	f.changed = make(chan struct{})
}

// last is the last height decided.
func (f *flights) last() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.decided
}

// await returns when a height is decided, or with the error of ctx.
func (f *flights) await(ctx context.Context, height int64) error {
	for {
		f.mu.Lock()
		decided, changed := f.decided, f.changed
		f.mu.Unlock()
		if decided >= height {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}
