package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// overloadFactor is how many times the saturated rate is offered.
	overloadFactor = 3

	// The peak is looked for by offering overloadStep times the best rate so far, at
	// most overloadSteps times.
	overloadStep  = 1.25
	overloadSteps = 4

	// Clients of each gateway, one connection each. Patient ones wait for their
	// receipts before they offer something else, and soon all of them wait; the
	// others are content with 202 and keep up the rate.
	patientClients = 200
	hastyClients   = 50

	// memoryBound is what a node may take under overload.
	memoryBound = 1 << 30
)

// overloadResult is what the median run of an overload showed.
type overloadResult struct {
	pair                      // statements a second that entered under overload, and the gateways' peak
	process           float64 // the peak of the same validators when they submit for themselves
	offered, answered float64 // requests a second, and those of them answered 429
	memory            int64   // bytes, of the largest node
}

// overload finds the peak of the gateways of four validators: what enters with clients
// who wait for their receipts and offer the next statement at once, or, if that is
// more, what enters of a rate that is raised until no more does. Then it offers three
// times the peak and measures what enters the ledger. It fails when a gateway
// refuses otherwise than by 429 with Retry-After, or when a statement that it
// accepted, by a receipt or by 202, is not on its validator's disk in the end.
func overload(ctx context.Context, b *bench) (pair, error) {
	n := b.network("overload.4v", 4, 1, spec{Mode: saturate, Warm: b.scale.warm, Window: 2 * b.scale.window}) // blocks are large and few
	if err := n.open(2 * b.pool(poolRate4v)); err != nil {
		return pair{}, err
	}
	defer n.close()
	served, ok := n.workload.(Served)
	if !ok {
		return pair{}, fmt.Errorf("%s has no gateway", b.subject)
	}
	var txs [][]byte
	for _, path := range n.pools {
		share, err := readPool(path)
		if err != nil {
			return pair{}, err
		}
		txs = append(txs, share...)
	}
	requests, err := makeRequests(served, txs)
	if err != nil {
		return pair{}, err
	}

	pairs := (b.scale.pairs + 1) / 2
	var runs []overloadResult
	var ps []pair
	for i := range pairs {
		n.spec.Mode, n.spec.Gateway = saturate, false
		n.clients, n.inspect = nil, nil
		process, err := n.run(ctx, false)
		if err != nil {
			return pair{}, fmt.Errorf("without gateways: %w", err)
		}
		fmt.Fprintf(b.progress, "%s %d/%d without gateways %s\n", n.name, i+1, pairs, process)

		lasts := n.spec.Warm + n.spec.Window
		peak, err := n.offer(ctx, &offers{workload: served, txs: txs, requests: requests, rate: math.Inf(1), lasts: lasts})
		if err != nil {
			return pair{}, fmt.Errorf("peak: %w", err)
		}
		fmt.Fprintf(b.progress, "%s %d/%d patient clients %s\n", n.name, i+1, pairs, peak)
		for range overloadSteps {
			o := &offers{workload: served, txs: txs, requests: requests, rate: overloadStep * peak.Rate, hasty: hastyClients, lasts: lasts}
			more, err := n.offer(ctx, o)
			if err != nil {
				return pair{}, fmt.Errorf("peak: %w", err)
			}
			fmt.Fprintf(b.progress, "%s %d/%d offered %.0f/s %s\n", n.name, i+1, pairs, o.rate, more)
			if more.Rate <= peak.Rate {
				break
			}
			peak = more
		}

		o := &offers{workload: served, txs: txs, requests: requests, rate: overloadFactor * peak.Rate, hasty: hastyClients, lasts: lasts}
		r, err := n.offer(ctx, o)
		if err != nil {
			return pair{}, fmt.Errorf("offered %d times the peak: %w", overloadFactor, err)
		}
		res := overloadResult{
			pair: pair{value: r.Rate, ceiling: peak.Rate}, process: process.Rate,
			offered: float64(o.offered.Load()) / lasts.Seconds(), answered: float64(o.refused.Load()) / lasts.Seconds(),
			memory: r.RSS,
		}
		fmt.Fprintf(b.progress, "%s %d/%d x%d %s; %.0f/s offered, %.0f/s answered 429, %d receipts\n",
			n.name, i+1, pairs, overloadFactor, r, res.offered, res.answered, o.receipts.Load())
		if res.answered == 0 {
			return pair{}, fmt.Errorf("nothing was refused of %.0f/s", res.offered)
		}
		runs, ps = append(runs, res), append(ps, res.pair)
	}
	m := median(ps)
	b.overloaded = &runs[slices.Index(ps, m)]
	return m, nil
}

// offer runs the network under the load of clients, and counts what it lost.
func (n *network) offer(ctx context.Context, o *offers) (result, error) {
	n.spec.Mode, n.spec.Gateway = serve, true
	n.clients = o.run
	n.inspect = func(homes []string) error {
		for i, home := range homes {
			missing, err := o.workload.Missing(home, o.accepted[i])
			if err != nil {
				return err
			}
			if missing > 0 {
				return fmt.Errorf("%d of %d statements that gateway %d accepted are lost", missing, len(o.accepted[i]), i)
			}
		}
		return nil
	}
	return n.run(ctx, false)
}

func overloadParts(b *bench) []part {
	o := b.overloaded
	return []part{
		{"peak", "1/s", pair{o.ceiling, o.process}},
		{"offered", "1/s", pair{o.offered, overloadFactor * o.ceiling}},
		{"refused", "1/s", pair{o.answered, o.offered}},
		{"memory", "B", pair{float64(o.memory), memoryBound}},
	}
}

// offers are clients that together begin submissions at a rate, whatever becomes of
// them, unless all of them are waiting. What is refused is offered again when
// everything else has been.
type offers struct {
	workload Served
	txs      [][]byte
	requests map[*byte]*request
	rate     float64 // submissions begun a second; infinite: as soon as a client is free
	hasty    int     // clients of each gateway that do not wait for receipts
	lasts    time.Duration

	offered, refused, receipts atomic.Int64 // answers, but for offered
	next                       atomic.Int64 // submission

	mu       sync.Mutex
	fresh    int // txs from here on were not offered yet
	again    [][]byte
	accepted [][][]byte // by gateway: transactions answered by 200 or 202
}

// request is how a transaction is submitted by who does not wait, and by who does.
type request [2]Request

// makeRequests makes the requests of transactions beforehand, because that is no part
// of what is measured. They are found by the memory of the transaction.
func makeRequests(w Served, txs [][]byte) (map[*byte]*request, error) {
	requests := make(map[*byte]*request, len(txs))
	for _, tx := range txs {
		r := new(request)
		for i, patient := range []bool{false, true} {
			var err error
			if r[i], err = w.Request(tx, patient); err != nil {
				return nil, err
			}
		}
		r[1].Body = r[0].Body
		requests[&tx[0]] = r
	}
	return requests, nil
}

// run offers until the time is over and the last answer is there.
func (o *offers) run(ctx context.Context, urls []string) error {
	o.accepted = make([][][]byte, len(urls))
	begin := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for k := range patientClients + o.hasty {
		for i, u := range urls {
			group.Go(func() error {
				err := o.client(ctx, begin, i, u, k < patientClients)
				if err != nil {
					return fmt.Errorf("client of gateway %d: %w", i, err)
				}
				return nil
			})
		}
	}
	return group.Wait()
}

// client is one connection. It speaks HTTP itself, because http.Client takes more
// of the machine than what is to be measured would leave it.
func (o *offers) client(ctx context.Context, begin time.Time, gateway int, base string, patient bool) error {
	u, err := url.Parse(base)
	if err != nil {
		return err
	}
	var conn net.Conn
	var in *bufio.Reader
	var out []byte
	for {
		due := begin.Add(time.Duration(float64(o.next.Add(1)-1) / o.rate * float64(time.Second)))
		if due.Sub(begin) > o.lasts || time.Since(begin) > o.lasts {
			if conn == nil {
				return nil
			}
			return conn.Close()
		}
		time.Sleep(time.Until(due))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		tx, ok := o.take()
		if !ok {
			return errors.New("all transactions are on the ledger or on their way")
		}
		if conn == nil { // when it is first needed
			if conn, err = net.Dial("tcp", u.Host); err != nil {
				return err
			}
			defer conn.Close()
			in = bufio.NewReader(conn)
		}
		r := o.requests[&tx[0]][0]
		if patient {
			r = o.requests[&tx[0]][1]
		}
		out = fmt.Appendf(out[:0], "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
			r.Path, u.Host, r.ContentType, len(r.Body))
		out = append(out, r.Body...)
		o.offered.Add(1)
		if _, err := conn.Write(out); err != nil {
			return err
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			return err
		}
		if err := o.answered(gateway, tx, res); err != nil {
			return err
		}
	}
}

// answered notes what became of a submission.
func (o *offers) answered(gateway int, tx []byte, res *http.Response) error {
	defer res.Body.Close()
	switch res.StatusCode {
	case http.StatusOK, http.StatusAccepted:
		if res.StatusCode == http.StatusOK {
			o.receipts.Add(1)
		}
		o.mu.Lock()
		o.accepted[gateway] = append(o.accepted[gateway], tx)
		o.mu.Unlock()
	case http.StatusTooManyRequests:
		if after, err := strconv.Atoi(res.Header.Get("Retry-After")); err != nil || after < 1 {
			return fmt.Errorf("429 with Retry-After %q", res.Header.Get("Retry-After"))
		}
		o.refused.Add(1)
		o.mu.Lock()
		o.again = append(o.again, tx)
		o.mu.Unlock()
	default:
		b, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10))
		return fmt.Errorf("answered %s: %s", res.Status, b)
	}
	_, err := io.Copy(io.Discard, res.Body)
	return err
}

// take returns a transaction to offer.
func (o *offers) take() (tx []byte, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fresh < len(o.txs) {
		o.fresh++
		return o.txs[o.fresh-1], true
	}
	if len(o.again) == 0 {
		return nil, false
	}
	tx, o.again = o.again[0], o.again[1:]
	return tx, true
}
