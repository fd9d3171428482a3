package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"zhenglian/client"
	"zhenglian/client/api"
)

// Follower is a Gateway whose clients can follow what is accepted.
type Follower interface {
	// Follow tells of every statement that is accepted from now on, when a client
	// of the gateway learns of it. It ends with ctx.
	Follow(ctx context.Context) (<-chan struct{}, error)
}

// Follow implements Follower by a client that reads server-sent events over HTTP.
func (g *ledgerGateway) Follow(ctx context.Context) (<-chan struct{}, error) {
	told, begun := make(chan struct{}, 1), make(chan struct{}, 1)
	o := client.EventOptions{EventQuery: api.EventQuery{Types: []string{api.EventAccepted}}, Moved: func(api.EventID) {
		select {
		case begun <- struct{}{}: // the place at which the stream begins
		default:
		}
	}}
	go func() {
		defer close(told)
		for _, err := range g.client.Events(ctx, o) {
			if err != nil {
				return
			}
			told <- struct{}{}
		}
	}()
	select {
	case <-begun:
		return told, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// follow submits single transactions to a quiet chain and measures of each, from
// its submission, when its block was committed here and when a client that follows
// the gateway's events was told.
func (d *driver) follow(ctx context.Context) (result, error) {
	f, ok := d.gateway.(Follower)
	if !ok {
		return result{}, errors.New("it has no events to follow")
	}
	told, err := f.Follow(ctx)
	if err != nil {
		return result{}, err
	}
	var r result
	for i := range d.spec.Samples {
		select {
		case <-ctx.Done():
			return result{}, ctx.Err()
		case <-time.After(100*time.Millisecond + rand.N(100*time.Millisecond)):
		}
		tx, ok := d.tx(int64(i))
		if !ok {
			return result{}, fmt.Errorf("only %d transactions for %d samples", len(d.txs), d.spec.Samples)
		}
		begin := time.Now()
		if err := d.node.Submit(tx); err != nil {
			return result{}, fmt.Errorf("submission %d: %w", i, err)
		}
		select {
		case <-ctx.Done():
			return result{}, ctx.Err()
		case _, ok := <-told:
			if !ok {
				return result{}, errors.New("the stream of events ended")
			}
		}
		r.Latencies = append(r.Latencies, time.Since(begin).Seconds())
		for d.meter.last().Before(begin) { // the event may be here before the commit has returned
			time.Sleep(100 * time.Microsecond)
		}
		r.Commits = append(r.Commits, d.meter.last().Sub(begin).Seconds())
	}
	slices.Sort(r.Latencies)
	slices.Sort(r.Commits)
	return r, nil
}

// eventLatency measures how long after its submission a subscriber learns of a
// statement, beside the time until its block is committed, of the same statements.
func eventLatency(ctx context.Context, b *bench) (pair, error) {
	n := b.network("events.latency", 4, 1, spec{Mode: followed, Samples: b.scale.samples, Gateway: true})
	if err := n.open(b.scale.samples * 4); err != nil {
		return pair{}, err
	}
	defer n.close()
	var ps []pair
	for i := range b.scale.pairs {
		r, err := n.run(ctx, false)
		if err != nil {
			return pair{}, err
		}
		p := pair{value: at(r.Latencies, 0.99), ceiling: at(r.Commits, 0.99)}
		fmt.Fprintf(b.progress, "events.latency %d/%d p50 %.1f ms beside %.1f ms, p99 %.1f ms beside %.1f ms\n", i+1, b.scale.pairs,
			1e3*at(r.Latencies, 0.5), 1e3*at(r.Commits, 0.5), 1e3*p.value, 1e3*p.ceiling)
		ps = append(ps, p)
	}
	return median(ps), nil
}
