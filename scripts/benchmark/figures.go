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
	parts      func(*bench) []part // printed after it, when not nil
}

// part is something said together with a figure.
type part struct {
	name, unit string
	pair
}

// figures lists everything that can be measured, in the order of measurement.
//
// The last argument of a throughput is the rate, in transactions a second, for
// which the pool is made beforehand; the window of a faster subject ends early.
var figures = []figure{
	{name: "throughput.1v.1sig", unit: "1/s", measure: throughput(1, 1, poolRate1v), parts: cpuParts("throughput.1v.1sig")},
	{name: "throughput.1v.2sig", unit: "1/s", measure: throughput(1, 2, 28_000), parts: cpuParts("throughput.1v.2sig")},
	{name: "throughput.1v.3sig", unit: "1/s", measure: throughput(1, 3, 20_000), parts: cpuParts("throughput.1v.3sig")},
	{name: "throughput.4v.1sig", unit: "1/s", measure: throughput(4, 1, poolRate4v), parts: cpuParts("throughput.4v.1sig")},
	{name: "throughput.4v.2sig", unit: "1/s", measure: throughput(4, 2, 10_000), parts: cpuParts("throughput.4v.2sig")},
	{name: "throughput.4v.3sig", unit: "1/s", measure: throughput(4, 3, 8_000), parts: cpuParts("throughput.4v.3sig")},
	{name: "latency.4v.p50", unit: "s", measure: latency(4, 0.50)},
	{name: "latency.4v.p99", unit: "s", measure: latency(4, 0.99)},
	{name: "latency.4v.halfload.p99", unit: "s", measure: halfLoad},
	{name: "events.latency", unit: "s", measure: eventLatency},
	{name: "growth.1m", unit: "1/s", measure: growthRates, parts: growthParts},
	{name: "disk.per_statement", unit: "B", measure: diskPerStatement, parts: diskParts},
	{name: "overload.4v", unit: "1/s", measure: overload, parts: overloadParts},
	{name: "spam.p99", unit: "s", measure: spam},
	{name: "receipt.bytes", unit: "B", measure: receiptBytes, parts: receiptBytesParts},
	{name: "receipt.verify", unit: "s", measure: receiptVerify, parts: receiptVerifyParts},
	{name: "receipt.compact", unit: "B", measure: paperBytes, parts: paperParts},
	{name: "wasm.bytes", unit: "B", measure: wasmBytes, parts: wasmParts},
	{name: "bundle.verify", unit: "s", measure: bundleVerify, parts: bundleParts},
	{name: "bundle.verify.many", unit: "s", measure: bundleMany},
	{name: "rest.check", unit: "1/s", measure: restCheck, parts: restCheckParts},
	{name: "batch.tree", unit: "1/s", measure: batchTree},
	{name: "batch.proof", unit: "s", measure: batchProof},
	{name: "capture.local", unit: "s", measure: captureLocal},
	{name: "clocks.due", unit: "s", measure: clocksDue(false)},
	{name: "clocks.due.calendar", unit: "s", measure: clocksDue(true)},
	{name: "lists.absence.serve", unit: "1/s", measure: listsServe, parts: listsServeParts},
	{name: "lists.absence.verify", unit: "s", measure: listsVerify},
	{name: "lists.snapshot", unit: "B", measure: listsSnapshot, parts: listsSnapshotParts},
	{name: "lists.sweep", unit: "s", measure: listsSweep},
	{name: "trace.forward", unit: "s", measure: traceForward},
	{name: "trace.backward", unit: "s", measure: traceBack},
	{name: "recall.freeze", unit: "s", measure: recallFreeze},
	{name: "page.consumer", unit: "s", measure: pageConsumer},
	{name: "epcis.capture", unit: "1/s", measure: epcisCapture, parts: epcisParts},
}

// The rates, in transactions a second, for which the pools of one validator and of
// four are made when a statement has one signature.
const (
	poolRate1v = 40_000
	poolRate4v = 16_000
)

func figureNames() []string {
	names := make([]string, len(figures))
	for i, f := range figures {
		names[i] = f.name
	}
	return names
}

// scale is how long to measure.
type scale struct {
	pairs      int           // odd, so that there is a median
	warm       time.Duration // load before the window opens
	window     time.Duration
	samples    int           // submissions of a latency run
	statements int           // of a growth run
	verifying  time.Duration // of each form of a receipt
}

var (
	fullScale = scale{pairs: 5, warm: 1500 * time.Millisecond, window: 5 * time.Second, samples: 100,
		statements: 1_000_000, verifying: 2 * time.Second}
	quickScale = scale{pairs: 1, warm: time.Second, window: 3 * time.Second, samples: 50,
		statements: 100_000, verifying: 500 * time.Millisecond}
)

// bench is one run of the program.
type bench struct {
	subject  string // key of workloads
	scale    scale
	profile  string // folder; empty: no profiles
	progress io.Writer

	// What several figures share.
	cpu        map[string]pair       // of throughputs: seconds of processor a transaction
	latencies  map[int][]latencyPair // by number of validators
	saturated4 float64               // the subject's throughput.4v.1sig; 0: not measured
	growth     *growth
	overloaded *overloadResult
	receipts   *receipts
	lists      *listed
	captured   float64 // events a second of epcis.capture
	traces     *traces
	bundle     struct{ sm3 pair } // of bundle.verify: beside SM3 alone
	checks     *checked
}

// network returns a network of the subject, which is to be opened.
func (b *bench) network(name string, validators, sigs int, s spec) *network {
	return &network{
		name: name, validators: validators, subject: b.subject, sigs: sigs, spec: s,
		progress: b.progress, profile: b.profile,
	}
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
		name := fmt.Sprintf("throughput.%dv.%dsig", validators, sigs)
		n := b.network(name, validators, sigs, spec{Mode: saturate, Warm: b.scale.warm, Window: b.scale.window})
		if err := n.open(b.pool(perSecond)); err != nil {
			return pair{}, err
		}
		defer n.close()
		rs, err := b.alternate(name, func(ceiling bool) (result, error) { return n.run(ctx, ceiling) })
		if err != nil {
			return pair{}, err
		}
		var ps []pair
		var cpu []pair
		for _, r := range rs {
			ps = append(ps, pair{ceiling: r[0].Rate, value: r[1].Rate})
			cpu = append(cpu, pair{ceiling: r[0].Cores / r[0].Rate, value: r[1].Cores / r[1].Rate})
		}
		p := median(ps)
		if b.cpu == nil {
			b.cpu = make(map[string]pair)
		}
		b.cpu[name] = median(cpu)
		if validators == 4 && sigs == 1 {
			b.saturated4 = p.value
		}
		return p, nil
	}
}

// cpuParts tells what a transaction costs all validators together, which depends
// less than its rate on what else the machine does.
func cpuParts(name string) func(*bench) []part {
	return func(b *bench) []part { return []part{{"cpu", "s", b.cpu[name]}} }
}

// pool is the size of a pool for a load of warm-up and window.
func (b *bench) pool(perSecond int) int {
	return int(float64(perSecond) * (b.scale.warm + b.scale.window).Seconds())
}

// latencyPair holds the sorted latencies of a pair, in seconds.
type latencyPair struct{ value, ceiling []float64 }

// latency measures single submissions on an otherwise idle chain: through the
// gateway until the receipt is in hand and verified, or, for an application without
// a gateway, until the decision of the next height, from which on the result can be
// proved.
func latency(validators int, quantile float64) func(context.Context, *bench) (pair, error) {
	return func(ctx context.Context, b *bench) (pair, error) {
		lps, ok := b.latencies[validators]
		if !ok {
			n := b.network(fmt.Sprintf("latency.%dv", validators), validators, 1,
				spec{Mode: oneByOne, Samples: b.scale.samples, Gateway: true})
			if err := n.open(b.scale.samples * validators); err != nil {
				return pair{}, err
			}
			defer n.close()
			rs, err := b.alternate(n.name, func(ceiling bool) (result, error) { return n.run(ctx, ceiling) })
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

// halfLoad measures four validators at half of the rate that saturates them: from
// the moment a submission is due to the decision of the height that proves it.
func halfLoad(ctx context.Context, b *bench) (pair, error) {
	if b.saturated4 == 0 {
		if _, err := throughput(4, 1, poolRate4v)(ctx, b); err != nil {
			return pair{}, err
		}
	}
	rate := b.saturated4 / 2
	n := b.network("latency.4v.halfload", 4, 1,
		spec{Mode: steady, Warm: b.scale.warm, Window: b.scale.window, Rate: rate})
	if err := n.open(b.pool(int(rate) + 1)); err != nil {
		return pair{}, err
	}
	defer n.close()
	rs, err := b.alternate(fmt.Sprintf("%s at %.0f/s", n.name, rate),
		func(ceiling bool) (result, error) { return n.run(ctx, ceiling) })
	if err != nil {
		return pair{}, err
	}
	var ps []pair
	for _, r := range rs {
		ps = append(ps, pair{value: at(r[1].Latencies, 0.99), ceiling: at(r[0].Latencies, 0.99)})
	}
	return median(ps), nil
}

// at returns a quantile of sorted values.
func at(sorted []float64, quantile float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(quantile*float64(len(sorted)-1)+0.5)]
}
