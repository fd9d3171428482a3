package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"

	"zhenglian/node"
	"zhenglian/node/noop"
)

// spec tells a validator process what to do.
type spec struct {
	Home       string
	Index      int
	Validators int
	Workload   string
	Sigs       int
	Ceiling    bool   // run the no-op application in place of the workload's
	Pool       string // file of its share of the transactions

	Mode    mode
	Warm    time.Duration // saturate: load before the window
	Window  time.Duration // saturate: the window
	Samples int           // oneByOne: submissions
}

type mode string

const (
	saturate mode = "saturate" // every validator submits all it can
	oneByOne mode = "onebyone" // validator 0 submits when the chain is quiet
)

// submitters is how many goroutines submit on a validator under saturation: enough
// to check transactions on all cores while others wait for room.
const submitters = 8

// backOff is the pause after the mempool was full. A saturated chain empties the
// mempool a block at a time, some tens of milliseconds apart.
const backOff = 2 * time.Millisecond

// result is what a validator measured.
type result struct {
	Rate      float64   `json:"rate,omitempty"`      // saturate: accepted transactions a second
	Latencies []float64 `json:"latencies,omitempty"` // oneByOne: seconds, ascending

	// For people, about the window.
	Blocks   int     `json:"blocks,omitempty"`
	Refused  int     `json:"refused,omitempty"`  // by CheckTx or in a block
	Full     int64   `json:"full,omitempty"`     // submissions that found the mempool full
	Executed float64 `json:"executed,omitempty"` // share of the time in FinalizeBlock and Commit
	RSS      int64   `json:"rss,omitempty"`      // largest so far, bytes
	Cores    float64 `json:"cores,omitempty"`    // busy on average: this process, in the end all validators
	Busy     float64 `json:"busy,omitempty"`     // busy on average: the whole machine
	Others   float64 `json:"-"`                  // the difference: who measures should be alone
}

func (r result) String() string {
	if r.Latencies != nil {
		return fmt.Sprintf("p50 %.1f ms, p99 %.1f ms", 1e3*at(r.Latencies, 0.5), 1e3*at(r.Latencies, 0.99))
	}
	return fmt.Sprintf("%.0f/s on %.2f cores (%.2f used by others); validator 0: %d blocks, %.0f%% executing, %d MB, %d refused, full %d times",
		r.Rate, r.Cores, max(0, r.Others), r.Blocks, 100*r.Executed, r.RSS>>20, r.Refused, r.Full)
}

// runValidator is the life of a validator process. An error has been told to the
// parent when it returns.
func runValidator(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	say := json.NewEncoder(out)
	err := validate(ctx, cancel, args, bufio.NewScanner(in), say)
	if err != nil {
		return errors.Join(err, say.Encode(message{Error: err.Error()}))
	}
	return nil
}

func validate(ctx context.Context, cancel context.CancelFunc, args []string, orders *bufio.Scanner, say *json.Encoder) error {
	var s spec
	if len(args) != 1 {
		return errors.New("a validator takes one argument")
	}
	if err := json.Unmarshal([]byte(args[0]), &s); err != nil {
		return err
	}
	d, err := openDriver(ctx, s)
	if err != nil {
		return err
	}
	defer d.close()
	stopped := make(chan error, 1)
	go func() {
		stopped <- d.node.Run(ctx)
		cancel() // whatever waits below need not go on
	}()

	err = func() error {
		if err := d.awaitReady(ctx); err != nil {
			return err
		}
		if err := say.Encode(message{Kind: "ready"}); err != nil {
			return err
		}
		if !orders.Scan() || orders.Text() != "go" {
			return errors.New("not told to go")
		}
		r, err := d.measure(ctx)
		if err != nil {
			return err
		}
		body, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if err := say.Encode(message{Kind: "result", Body: body}); err != nil {
			return err
		}
		orders.Scan() // "stop", or the end of the parent
		return nil
	}()
	cancel()
	return errors.Join(err, <-stopped)
}

// driver loads one validator and measures it.
type driver struct {
	spec     spec
	workload Workload
	app      abci.Application
	meter    *meter
	node     *node.Node
	txs      [][]byte

	next          atomic.Int64 // index of the next transaction
	refused, full atomic.Int64

	mu      sync.Mutex
	decided int64
	cond    *sync.Cond // decided has grown
}

func openDriver(ctx context.Context, s spec) (_ *driver, err error) {
	d := &driver{spec: s}
	d.cond = sync.NewCond(&d.mu)
	if d.workload, err = workloads[s.Workload](s.Sigs); err != nil {
		return nil, err
	}
	if d.txs, err = readPool(s.Pool); err != nil {
		return nil, err
	}
	cfg, err := node.Load(s.Home)
	if err != nil {
		return nil, err
	}
	if s.Ceiling {
		d.app, err = noop.Open(filepath.Join(s.Home, "noop"))
	} else {
		d.app, err = d.workload.App(s.Home)
	}
	if err != nil {
		return nil, err
	}
	d.meter = &meter{Application: d.app}
	// Validators stop one by one, which CometBFT calls errors of their connections.
	// A failure reaches the watchdog whether it is logged or not.
	cfg.Log.CometLevel = slog.LevelError + 1
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	if d.node, err = node.New(ctx, cfg, d.meter, node.Options{Log: log.With("validator", s.Index)}); err != nil {
		d.close()
		return nil, err
	}
	d.node.OnDecided(func(height int64) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.decided = height
		d.cond.Broadcast()
	})
	return d, nil
}

func (d *driver) close() {
	if c, ok := d.app.(io.Closer); ok {
		c.Close()
	}
}

// awaitReady waits until the node takes part and sees all others.
func (d *driver) awaitReady(ctx context.Context) error {
	for {
		s, err := d.node.Status()
		if err == nil && d.node.Ready() == nil && len(s.Peers) == d.spec.Validators-1 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (d *driver) measure(ctx context.Context) (result, error) {
	if d.spec.Mode == oneByOne {
		if d.spec.Index != 0 {
			return result{}, nil
		}
		return d.oneByOne(ctx)
	}
	return d.saturate(ctx)
}

// saturate offers transactions from the pool as fast as they are taken.
func (d *driver) saturate(ctx context.Context) (result, error) {
	from := time.Now().Add(d.spec.Warm)
	to := from.Add(d.spec.Window)
	load, stop := context.WithDeadline(ctx, to)
	defer stop()
	var wg sync.WaitGroup
	for range submitters {
		wg.Go(func() { d.submit(load) })
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
	if len(bs) < 3 {
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
		return result{}, fmt.Errorf("the pool of %d transactions lasted only %s of the window", len(d.txs), elapsed)
	}
	r.Rate = float64(txs) / elapsed.Seconds()
	r.Blocks = len(bs) - 1
	r.Executed = executed.Seconds() / elapsed.Seconds()
	return r, nil
}

// submit offers transactions until ctx ends or the pool does.
func (d *driver) submit(ctx context.Context) {
	for ctx.Err() == nil {
		tx, ok := d.tx(d.next.Add(1) - 1)
		if !ok {
			return
		}
		for ctx.Err() == nil {
			err := d.node.Submit(tx)
			if errors.Is(err, node.ErrMempoolFull) {
				d.full.Add(1)
				time.Sleep(backOff)
				continue
			}
			if err != nil && !errors.Is(err, node.ErrTxInCache) {
				d.refused.Add(1)
			}
			break
		}
	}
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

// oneByOne submits single transactions to a quiet chain.
func (d *driver) oneByOne(ctx context.Context) (result, error) {
	receipter, _ := d.workload.(Receipter)
	if d.spec.Ceiling {
		receipter = nil
	}
	var r result
	for i := range d.spec.Samples {
		// The blocks of the last one are done well before this ends, and no timer
		// of the consensus stays in step with it.
		select {
		case <-ctx.Done():
			return result{}, ctx.Err()
		case <-time.After(100*time.Millisecond + rand.N(100*time.Millisecond)):
		}
		tx, ok := d.tx(int64(i))
		if !ok {
			return result{}, fmt.Errorf("only %d transactions for %d samples", len(d.txs), d.spec.Samples)
		}
		found := d.meter.watch(tx)
		begin := time.Now()
		if err := d.node.Submit(tx); err != nil {
			return result{}, fmt.Errorf("submitting: %w", err)
		}
		var height int64
		select {
		case <-ctx.Done():
			return result{}, ctx.Err()
		case height = <-found:
		}
		d.awaitDecided(height + 1)
		if receipter != nil {
			if err := receipter.Receipt(d.node, d.app, tx, height); err != nil {
				return result{}, fmt.Errorf("receipt: %w", err)
			}
		}
		r.Latencies = append(r.Latencies, time.Since(begin).Seconds())
	}
	slices.Sort(r.Latencies)
	return r, nil
}

// awaitDecided waits until a height is decided. A halted chain is ended by the
// parent's time limit.
func (d *driver) awaitDecided(height int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.decided < height {
		d.cond.Wait()
	}
}

// cpuTime returns the processor time this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// machineTime returns the processor time all processes have used since the machine
// started, or 0 where the system does not tell: the first line of /proc/stat, in
// hundredths of a second, without the times of being idle (4th and 5th).
func machineTime() (d time.Duration) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(stat), "\n")
	for i, f := range strings.Fields(line) {
		if i == 0 || i == 4 || i == 5 || i > 8 { // the name; idle; waiting for disks; guests, counted before
			continue
		}
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0
		}
		d += time.Duration(n) * 10 * time.Millisecond
	}
	return d
}

// maxRSS returns the largest resident size of this process so far, in bytes.
func maxRSS() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return int64(u.Maxrss) << 10
}
