package node

import (
	"context"
	"sync/atomic"
)

// heights hands block heights from the consensus to an observer that may be slow.
// Publishing never blocks; every height from the first published one is delivered
// once, in order.
type heights struct {
	observe func(height int64)
	latest  atomic.Int64
	first   atomic.Int64
	wake    chan struct{} // capacity 1: a height is waiting
}

func newHeights(observe func(int64)) *heights {
	return &heights{observe: observe, wake: make(chan struct{}, 1)}
}

// publish is called with consecutive heights.
func (h *heights) publish(height int64) {
	h.first.CompareAndSwap(0, height)
	h.latest.Store(height)
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// run delivers until ctx ends.
func (h *heights) run(ctx context.Context) {
	var next int64
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
		}
		if next == 0 {
			next = h.first.Load()
		}
		for ; next <= h.latest.Load() && ctx.Err() == nil; next++ {
			h.observe(next)
		}
	}
}
