// Command benchmark measures the chain: ./scripts/bench runs it.
//
// Most figures are taken in pairs: the subject (an application with its
// transactions) and beside it the ceiling (the no-op application given the same
// transactions by the same load on the same node code and configuration). Subject
// and ceiling alternate, so that the drift of the machine hits both, and the pair
// with the median ratio is reported. What each figure is measured beside is said in
// scripts/README.md.
//
// Each validator is a process of its own: the program runs itself again with the
// argument "validator".
//
//	figures.go    what is measured
//	network.go    the side of the parent: makes a chain, runs it, gathers results
//	validator.go  the side of a validator, load.go how it is loaded, meter.go what is counted
//	workload.go   how an application is plugged in; ledger.go and gateway.go: ours
//	growth.go     one long run and the disk it took
//	overload.go   clients that offer more than the chain takes
//	events.go     what subscribers learn, and when
//	receipts.go   size and verification of a receipt
//	capture.go    a web page taken into evidence
//	goods.go      a million lots; trace.go: walks over them, and a recall
//	pool.go       transactions made beforehand
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"zhenglian/client/capture"
)

func main() {
	capture.RunChild()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) > 1 && os.Args[1] == validatorArg {
		if err := runValidator(ctx, os.Args[2:], os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "benchmark:", err)
		os.Exit(1)
	}
}

// line is one line of output.
type line struct {
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Ceiling float64 `json:"ceiling"` // what was measured beside it, or a bound
	Ratio   float64 `json:"ratio"`   // Value / Ceiling
}

// run measures the figures named in args and prints them.
func run(ctx context.Context, args []string, out, progress io.Writer) error {
	b := &bench{subject: defaultSubject, scale: fullScale, progress: progress}
	names, err := b.options(args)
	if err != nil {
		return err
	}
	if b.profile != "" {
		if err := os.MkdirAll(b.profile, 0o755); err != nil {
			return fmt.Errorf("profile: %w", err)
		}
	}
	enc := json.NewEncoder(out)
	say := func(name, unit string, p pair) error {
		return enc.Encode(line{Name: name, Value: p.value, Unit: unit, Ceiling: p.ceiling, Ratio: p.ratio()})
	}
	for _, f := range figures {
		if len(names) > 0 && !slices.Contains(names, f.name) {
			continue
		}
		p, err := f.measure(ctx, b)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if err := say(f.name, f.unit, p); err != nil {
			return err
		}
		if f.parts == nil {
			continue
		}
		for _, part := range f.parts(b) {
			if err := say(f.name+"."+part.name, part.unit, part.pair); err != nil {
				return err
			}
		}
	}
	return nil
}

// options reads the arguments and returns the names of figures among them.
func (b *bench) options(args []string) (names []string, err error) {
	for i := 0; i < len(args); i++ {
		option, value, hasValue := strings.Cut(args[i], "=")
		switch {
		case args[i] == "--quick":
			b.scale = quickScale
		case option == "--subject", option == "--profile":
			if !hasValue {
				if i++; i == len(args) {
					return nil, fmt.Errorf("%s needs a value", option)
				}
				value = args[i]
			}
			if option == "--subject" {
				b.subject = value
			} else {
				b.profile = value
			}
		case strings.HasPrefix(option, "-"):
			return nil, fmt.Errorf("unknown option %s (want --quick, --profile DIR or --subject NAME)", option)
		default:
			names = append(names, args[i])
		}
	}
	if _, ok := workloads[b.subject]; !ok {
		return nil, fmt.Errorf("unknown subject %q", b.subject)
	}
	for _, name := range names {
		if !slices.ContainsFunc(figures, func(f figure) bool { return f.name == name }) {
			return nil, fmt.Errorf("unknown figure %q; there are %s", name, strings.Join(figureNames(), " "))
		}
	}
	return names, nil
}
