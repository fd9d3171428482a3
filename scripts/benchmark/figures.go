package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// figure is one measured quantity.
type figure struct {
	name, unit string
	measure    func(context.Context, *bench) (pair, error)
}

// figures lists everything that can be measured, in the order of measurement.
//
// The last argument of a throughput is the rate, in transactions a second, for
// which the pool is made beforehand; the window of a faster subject ends early.
var figures = []figure{
	{"throughput.1v.1sig", "1/s", throughput(1, 1, 40_000)},
	{"throughput.1v.2sig", "1/s", throughput(1, 2, 28_000)},
	{"throughput.1v.3sig", "1/s", throughput(1, 3, 20_000)},
	{"throughput.4v.1sig", "1/s", throughput(4, 1, 16_000)},
	{"throughput.4v.2sig", "1/s", throughput(4, 2, 10_000)},
	{"throughput.4v.3sig", "1/s", throughput(4, 3, 8_000)},
	{"latency.4v.p50", "s", latency(4, 0.50)},
	{"latency.4v.p99", "s", latency(4, 0.99)},
}

func figureNames() []string {
	names := make([]string, len(figures))
	for i, f := range figures {
		names[i] = f.name
	}
	return names
}

// scale is how long to measure.
type scale struct {
	pairs   int           // odd, so that there is a median
	warm    time.Duration // load before the window opens
	window  time.Duration
	samples int // submissions of a latency run
}

var (
	fullScale  = scale{pairs: 5, warm: 1500 * time.Millisecond, window: 5 * time.Second, samples: 100}
	quickScale = scale{pairs: 1, warm: time.Second, window: 3 * time.Second, samples: 50}
)

// bench is one run of the program.
type bench struct {
	subject  string // key of workloads
	scale    scale
	progress io.Writer

	latencies map[int][]latencyPair // by number of validators: p50 and p99 share one measurement
}

// pair is one value with the ceiling measured beside it.
type pair struct{ value, ceiling float64 }

func (p pair) ratio() float64 { return p.value / p.ceiling }

// median returns the pair with the median ratio.
func median(ps []pair) pair {
	ps = slices.Clone(ps)
	slices.SortFunc(ps, func(a, b pair) int { return cmp.Compare(a.ratio(), b.ratio()) })
	return ps[len(ps)/2]
}

// alternate measures the ceiling and the subject in turn, once a pair.
func (b *bench) alternate(what string, measure func(ceiling bool) (result, error)) ([][2]result, error) {
	var pairs [][2]result
	for i := range b.scale.pairs {
		var p [2]result
		for j, side := range []string{"ceiling", b.subject} {
			r, err := measure(j == 0)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", side, err)
			}
			fmt.Fprintf(b.progress, "%s %d/%d %-8s %s\n", what, i+1, b.scale.pairs, side, r)
			p[j] = r
		}
		pairs = append(pairs, p)
	}
	return pairs, nil
}

// throughput measures the transactions a second of a saturated chain, every
// validator being offered as many as its mempool takes.
func throughput(validators, sigs, perSecond int) func(context.Context, *bench) (pair, error) {
	return func(ctx context.Context, b *bench) (pair, error) {
		total := b.scale.warm + b.scale.window
		n := &network{
			validators: validators, subject: b.subject, sigs: sigs,
			spec: spec{Mode: saturate, Warm: b.scale.warm, Window: b.scale.window},
		}
		what := fmt.Sprintf("throughput.%dv.%dsig", validators, sigs)
		fmt.Fprintf(b.progress, "%s making transactions\n", what)
		if err := n.open(int(float64(perSecond) * total.Seconds())); err != nil {
			return pair{}, err
		}
		defer n.close()
		rs, err := b.alternate(what, func(ceiling bool) (result, error) { return n.run(ctx, ceiling) })
		if err != nil {
			return pair{}, err
		}
		var ps []pair
		for _, r := range rs {
			ps = append(ps, pair{ceiling: r[0].Rate, value: r[1].Rate})
		}
		return median(ps), nil
	}
}

// latencyPair holds the sorted latencies of a pair, in seconds.
type latencyPair struct{ value, ceiling []float64 }

// latency measures single submissions on an otherwise idle chain: from Submit to
// the receipt in hand, or, for an application without receipts, to the decision of
// the next height, from which on the result can be proved.
func latency(validators int, quantile float64) func(context.Context, *bench) (pair, error) {
	return func(ctx context.Context, b *bench) (pair, error) {
		lps, ok := b.latencies[validators]
		if !ok {
			n := &network{
				validators: validators, subject: b.subject, sigs: 1,
				spec: spec{Mode: oneByOne, Samples: b.scale.samples},
			}
			if err := n.open(b.scale.samples * validators); err != nil {
				return pair{}, err
			}
			defer n.close()
			rs, err := b.alternate(fmt.Sprintf("latency.%dv", validators),
				func(ceiling bool) (result, error) { return n.run(ctx, ceiling) })
			if err != nil {
				return pair{}, err
			}
			for _, r := range rs {
				lps = append(lps, latencyPair{ceiling: r[0].Latencies, value: r[1].Latencies})
			}
			if b.latencies == nil {
				b.latencies = make(map[int][]latencyPair)
			}
			b.latencies[validators] = lps
		}
		var ps []pair
		for _, lp := range lps {
			ps = append(ps, pair{value: at(lp.value, quantile), ceiling: at(lp.ceiling, quantile)})
		}
		return median(ps), nil
	}
}

// at returns a quantile of sorted values.
func at(sorted []float64, quantile float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(quantile*float64(len(sorted)-1)+0.5)]
}
