package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	"golang.org/x/sync/errgroup"

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
	Pool       string // file of its share of the transactions; empty: it submits nothing

	Gateway bool   // serve clients, where the workload can
	Profile string // path without ending of the profiles to write; empty: none

	Mode    mode
	Warm    time.Duration // load before the window; not of oneByOne and exhaust
	Window  time.Duration // the window; not of oneByOne and exhaust
	Samples int           // oneByOne, spamming: submissions
	Flood   bool          // spamming: a member floods
	Rate    float64       // steady: submissions a second, all validators together
}

// result is what a validator measured.
type result struct {
	Rate      float64   `json:"rate,omitempty"`      // accepted transactions a second
	Tenths    []float64 `json:"tenths,omitempty"`    // exhaust: the same of each tenth of the transactions
	Accepted  int       `json:"accepted,omitempty"`  // exhaust: transactions
	Latencies []float64 `json:"latencies,omitempty"` // oneByOne, steady, followed: seconds, ascending
	Commits   []float64 `json:"commits,omitempty"`   // followed: seconds until the block was committed, ascending

	// Most of it for people, about the window.
	Blocks   int     `json:"blocks,omitempty"`
	Refused  int     `json:"refused,omitempty"`  // by CheckTx or in a block
	Full     int64   `json:"full,omitempty"`     // submissions that found the mempool full
	Executed float64 `json:"executed,omitempty"` // share of the time in FinalizeBlock and Commit
	RSS      int64   `json:"rss,omitempty"`      // largest so far in bytes; in the end of all validators
	Cores    float64 `json:"cores,omitempty"`    // busy on average: this process, in the end all validators
	Busy     float64 `json:"busy,omitempty"`     // busy on average: the whole machine
	Others   float64 `json:"-"`                  // the difference: who measures should be alone
}

func (r result) String() string {
	if r.Latencies != nil {
		return fmt.Sprintf("%d samples: p50 %.1f ms, p99 %.1f ms", len(r.Latencies), 1e3*at(r.Latencies, 0.5), 1e3*at(r.Latencies, 0.99))
	}
	return fmt.Sprintf("%.0f/s on %.2f cores (%.2f used by others); validator 0: %d blocks, %.0f%% executing, %d refused, full %d times; %d MB",
		r.Rate, r.Cores, max(0, r.Others), r.Blocks, 100*r.Executed, r.Refused, r.Full, r.RSS>>20)
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
	var group errgroup.Group
	group.Go(func() error {
		defer cancel() // whatever waits below need not go on
		return d.node.Run(ctx)
	})
	hello := ready{}
	if d.gateway != nil {
		hello.URL = d.gateway.URL()
		group.Go(func() error {
			defer cancel()
			return d.gateway.Run(ctx)
		})
	}

	err = func() error {
		if err := d.awaitReady(ctx); err != nil {
			return err
		}
		if err := tell(say, "ready", hello); err != nil {
			return err
		}
		if !orders.Scan() || orders.Text() != "go" {
			return errors.New("not told to go")
		}
		d.progress = func(text string) { tell(say, "progress", text) } // the end will be told too
		r, err := profiled(s.Profile, func() (result, error) { return d.measure(ctx) })
		if err != nil {
			return err
		}
		if err := tell(say, "result", r); err != nil {
			return err
		}
		orders.Scan() // "stop", or the end of the parent
		d.settle(ctx)
		return nil
	}()
	cancel()
	return errors.Join(err, group.Wait())
}

// ready is what a validator says when it takes part.
type ready struct {
	URL string `json:"url,omitempty"` // of its gateway
}

func tell(say *json.Encoder, kind string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return say.Encode(message{Kind: kind, Body: body})
}

// driver loads one validator and measures it.
type driver struct {
	spec     spec
	workload Workload
	app      abci.Application
	meter    *meter
	node     *node.Node
	gateway  Gateway // nil: none
	txs      [][]byte
	progress func(text string)

	next          atomic.Int64 // index of the next transaction
	refused, full atomic.Int64

	mu      sync.Mutex
	samples []sample
	more    chan struct{} // closed and replaced when samples has grown
}

func openDriver(ctx context.Context, s spec) (_ *driver, err error) {
	d := &driver{spec: s, more: make(chan struct{})}
	if d.workload, err = workloads[s.Workload](s.Sigs); err != nil {
		return nil, err
	}
	if s.Pool != "" {
		if d.txs, err = readPool(s.Pool); err != nil {
			return nil, err
		}
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
		proven := d.meter.provable(height, time.Now())
		if len(proven) == 0 {
			return
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.samples = append(d.samples, proven...)
		close(d.more)
		d.more = make(chan struct{})
	})
	if served, ok := d.workload.(Served); ok && s.Gateway && !s.Ceiling {
		if d.gateway, err = served.Gateway(s.Home, d.node, d.app); err != nil {
			d.close()
			return nil, err
		}
	}
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
