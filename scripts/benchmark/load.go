package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"zhenglian/app/tx"
	"zhenglian/node"
)

// mode is how validators are loaded.
type mode string

const (
	saturate mode = "saturate" // every validator submits all it can
	steady   mode = "steady"   // all validators submit at a rate, together
	oneByOne mode = "onebyone" // validator 0 submits when the chain is quiet
	followed mode = "followed" // validator 0 submits when the chain is quiet, and a client follows its events
	exhaust  mode = "exhaust"  // every validator submits all it has
	serve    mode = "serve"    // clients submit through the gateways
	spamming mode = "spamming" // as oneByOne, and the last validator submits all that is taken
)

// submitters is how many goroutines submit on a validator: under saturation enough
// to check transactions on all cores while others wait for room.
const submitters = 8

// backOff is the pause after the mempool was full. A saturated chain empties the
// mempool a block at a time, some tens of milliseconds apart.
const backOff = 2 * time.Millisecond

// patience is how long transactions may wait for a block when no more come.
const patience = 20 * time.Second

func (d *driver) measure(ctx context.Context) (result, error) {
	switch d.spec.Mode {
	case saturate:
		return d.window(ctx, func(load context.Context, _ time.Time) { d.submitAll(load) })
	case serve:
		return d.window(ctx, func(load context.Context, _ time.Time) { <-load.Done() })
	case steady:
		return d.steady(ctx)
	case oneByOne:
		if d.spec.Index != 0 {
			return result{}, nil
		}
		return d.oneByOne(ctx, 0)
	case followed:
		if d.spec.Index != 0 {
			return result{}, nil
		}
		return d.follow(ctx)
	case exhaust:
		return d.exhaust(ctx)
	case spamming:
		return d.spamming(ctx)
	}
	return result{}, fmt.Errorf("no mode %q", d.spec.Mode)
}

// window measures the rate in a window under a load that begins before it.
func (d *driver) window(ctx context.Context, load func(ctx context.Context, from time.Time)) (result, error) {
	from := time.Now().Add(d.spec.Warm)
	to := from.Add(d.spec.Window)
	loading, stop := context.WithDeadline(ctx, to)
	defer stop()
	var wg sync.WaitGroup
	for range submitters {
		wg.Go(func() { load(loading, from) })
	}
	time.Sleep(time.Until(from))
	cpu, machine := cpuTime(), machineTime()
	wg.Wait()
	// A pool that ran out leaves transactions in the mempool; the window closes
	// when they are in blocks, as far as that goes.
	for time.Now().Before(to) && time.Since(d.meter.last()) < time.Second {
		time.Sleep(10 * time.Millisecond)
	}
	if err := ctx.Err(); err != nil {
		return result{}, err
	}
	took := time.Since(from).Seconds()
	r := result{
		Full:    d.full.Load(),
		Refused: int(d.refused.Load()),
		Cores:   (cpuTime() - cpu).Seconds() / took,
		Busy:    (machineTime() - machine).Seconds() / took,
		RSS:     maxRSS(),
	}
	if d.spec.Index != 0 {
		return r, nil
	}
	// From the end of one block to the end of another, so that no part of a block
	// is counted.
	bs := d.meter.between(from, to)
	if len(bs) < 2 {
		return result{}, fmt.Errorf("only %d blocks with transactions in the window; %d submissions were refused", len(bs), r.Refused)
	}
	elapsed := bs[len(bs)-1].at.Sub(bs[0].at)
	txs := 0
	var executed time.Duration
	for _, b := range bs[1:] {
		txs += b.txs
		r.Refused += b.refused
		executed += b.executed
	}
	if elapsed < d.spec.Window/4 {
		return result{}, fmt.Errorf("there was a load only in %s of the window", elapsed)
	}
	r.Rate = float64(txs) / elapsed.Seconds()
	r.Blocks = len(bs) - 1
	r.Executed = executed.Seconds() / elapsed.Seconds()
	return r, nil
}

// settle waits until what clients handed in is in blocks: a chain with something to
// do makes several a second.
func (d *driver) settle(ctx context.Context) {
	const quiet = 5 * time.Second
	for d.spec.Mode == serve && time.Since(d.meter.last()) < quiet && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
}

// submitAll offers transactions from the pool as fast as they are taken, until ctx
// ends or the pool does.
func (d *driver) submitAll(ctx context.Context) {
	for ctx.Err() == nil {
		tx, ok := d.tx(d.next.Add(1) - 1)
		if !ok {
			return
		}
		d.submit(ctx, tx)
	}
}

// submit offers a transaction until it is taken or refused. It reports whether it
// was taken.
func (d *driver) submit(ctx context.Context, tx []byte) bool {
	for ctx.Err() == nil {
		err := d.node.Submit(tx)
		switch {
		case err == nil, errors.Is(err, node.ErrTxInCache):
			return true
		case !full(err):
			d.refused.Add(1)
			return false
		}
		d.full.Add(1)
		time.Sleep(backOff)
	}
	return false
}

// full reports whether a refusal passes by itself: there is no room for the
// transaction, or none for its member's.
func full(err error) bool {
	var refused *node.CheckError
	return errors.Is(err, node.ErrMempoolFull) || errors.As(err, &refused) && refused.Code == uint32(tx.CodeShare)
}

// tx returns the i-th transaction. The no-op application outruns any pool: it gets
// the same transactions again and again, told apart by a number in the last bytes.
func (d *driver) tx(i int64) ([]byte, bool) {
	if !d.spec.Ceiling && !isNoop(d.workload) {
		if i >= int64(len(d.txs)) {
			return nil, false
		}
		return d.txs[i], true
	}
	tx := bytes.Clone(d.txs[i%int64(len(d.txs))])
	binary.BigEndian.PutUint64(tx[len(tx)-8:], uint64(d.spec.Index)<<56|uint64(i))
	return tx, true
}

func isNoop(w Workload) bool {
	_, ok := w.(noopWorkload)
	return ok
}

// steady submits at a rate and measures, for what was due in the window, the time
// until it could be proved. A submission that comes late, because the machine was
// busy, counts from when it was due.
func (d *driver) steady(ctx context.Context) (result, error) {
	interval := time.Duration(float64(time.Second) * float64(d.spec.Validators) / d.spec.Rate)
	begin := time.Now()
	r, err := d.window(ctx, func(load context.Context, _ time.Time) {
		for {
			i := d.next.Add(1) - 1
			due := begin.Add(time.Duration(i) * interval)
			if end, _ := load.Deadline(); due.After(end) {
				return
			}
			time.Sleep(time.Until(due))
			tx, ok := d.tx(i)
			if !ok {
				return
			}
			d.meter.watch(tx, due)
			// Taken late is still taken; only the end of everything interrupts.
			if !d.submit(ctx, tx) {
				d.meter.forget(tx)
			}
		}
	})
	if err != nil {
		return result{}, err
	}
	if r.Refused > 0 {
		return result{}, fmt.Errorf("%d transactions were refused", r.Refused)
	}
	for end := time.Now().Add(patience); d.meter.unproven() > 0; {
		if time.Now().After(end) {
			return result{}, fmt.Errorf("%d transactions could not be proved after %s", d.meter.unproven(), patience)
		}
		time.Sleep(10 * time.Millisecond)
	}
	from := begin.Add(d.spec.Warm)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.samples {
		if !s.due.Before(from) {
			r.Latencies = append(r.Latencies, s.took.Seconds())
		}
	}
	slices.Sort(r.Latencies)
	return r, nil
}

// oneByOne submits single transactions to a quiet chain. Each takes until its
// receipt is in hand or, for an application without a gateway, until it could be
// proved: the decision of the next height.
func (d *driver) oneByOne(ctx context.Context, warm int) (result, error) {
	enter := d.prove
	if d.gateway != nil {
		enter = d.gateway.Enter
	}
	var r result
	from := time.Now()
	for i := range warm + d.spec.Samples {
		// The blocks of the last one are done well before this ends, and no timer
		// of the consensus stays in step with it.
		select {
		case <-ctx.Done():
			return result{}, ctx.Err()
		case <-time.After(100*time.Millisecond + rand.N(100*time.Millisecond)):
		}
		tx, ok := d.tx(int64(i))
		if !ok {
			return result{}, fmt.Errorf("only %d transactions for %d samples", len(d.txs), warm+d.spec.Samples)
		}
		begin := time.Now()
		if err := enter(ctx, tx); err != nil {
			return result{}, fmt.Errorf("submission %d: %w", i, err)
		}
		if i >= warm {
			r.Latencies = append(r.Latencies, time.Since(begin).Seconds())
		}
	}
	r.Rate = float64(total(d.meter.all())) / time.Since(from).Seconds()
	slices.Sort(r.Latencies)
	return r, nil
}

// prove submits a transaction and returns when it can be proved.
func (d *driver) prove(ctx context.Context, tx []byte) error {
	d.mu.Lock()
	more := d.more
	d.mu.Unlock()
	d.meter.watch(tx, time.Now())
	if err := d.node.Submit(tx); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-more:
		return nil
	}
}

// exhaust submits the whole pool and measures the rate of each tenth of it.
func (d *driver) exhaust(ctx context.Context) (result, error) {
	begin := time.Now()
	var wg sync.WaitGroup
	for range submitters {
		wg.Go(func() { d.submitAll(ctx) })
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		wg.Wait()
		submitted := time.Now()
		quiet := func() time.Duration { return min(time.Since(submitted), time.Since(d.meter.last())) }
		for total(d.meter.all()) < len(d.txs) && quiet() < patience && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
	}()
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for running := true; running; {
		select {
		case <-tick.C:
			d.progress(fmt.Sprintf("%d of %d after %s", total(d.meter.all()), len(d.txs), time.Since(begin).Round(time.Second)))
		case <-done:
			running = false
		}
	}
	if err := ctx.Err(); err != nil {
		return result{}, err
	}
	bs := d.meter.all()
	r := result{
		Accepted: total(bs), Blocks: len(bs), Refused: int(d.refused.Load()), Full: d.full.Load(),
		RSS: maxRSS(), Cores: cpuTime().Seconds() / time.Since(begin).Seconds(),
	}
	if r.Accepted < len(d.txs) || len(bs) < 2 {
		return result{}, fmt.Errorf("%d of %d transactions were accepted, %d were refused by CheckTx", r.Accepted, len(d.txs), r.Refused)
	}
	elapsed := bs[len(bs)-1].at.Sub(bs[0].at)
	r.Rate = float64(r.Accepted-bs[0].txs) / elapsed.Seconds()
	for _, b := range bs[1:] {
		r.Executed += b.executed.Seconds() / elapsed.Seconds()
	}
	r.Tenths = tenths(bs)
	return r, nil
}

func total(bs []block) (txs int) {
	for _, b := range bs {
		txs += b.txs
	}
	return txs
}

// tenths returns the rate of each tenth of the transactions, from the end of one
// block to the end of another: a tenth begins where the one before ended.
func tenths(bs []block) (rates []float64) {
	all, sum, from := total(bs), 0, 0
	for i, b := range bs {
		if i == 0 {
			all -= b.txs // it only starts the clock
			continue
		}
		if sum += b.txs; sum*10 < all*(len(rates)+1) {
			continue
		}
		rates = append(rates, float64(total(bs[from+1:i+1]))/b.at.Sub(bs[from].at).Seconds())
		from = i
	}
	return rates
}
