// Command benchmark measures the chain: ./scripts/bench runs it.
//
// Every figure is taken in pairs: the subject (an application with its
// transactions) and beside it the ceiling (the no-op application given the same
// transactions by the same load on the same node code and configuration). Subject
// and ceiling alternate, so that the drift of the machine hits both, and the pair
// with the median ratio is reported.
//
// Each validator is a process of its own: the program runs itself again with the
// argument "validator". See validator.go for that side, network.go for this one,
// figures.go for what is measured and workload.go for how an application is
// plugged in.
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
)

func main() {
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
	Ceiling float64 `json:"ceiling"` // the same figure of the no-op application
	Ratio   float64 `json:"ratio"`   // Value / Ceiling
}

// run measures the figures named in args and prints them.
func run(ctx context.Context, args []string, out, progress io.Writer) error {
	b := &bench{subject: defaultSubject, scale: fullScale, progress: progress}
	var names []string
	for _, a := range args {
		name, isSubject := strings.CutPrefix(a, "--subject=")
		switch {
		case a == "--quick":
			b.scale = quickScale
		case isSubject:
			b.subject = name
		case strings.HasPrefix(a, "-"):
			return fmt.Errorf("unknown option %s (want --quick or --subject=NAME)", a)
		default:
			names = append(names, a)
		}
	}
	if _, ok := workloads[b.subject]; !ok {
		return fmt.Errorf("unknown subject %q", b.subject)
	}
	for _, name := range names {
		if !slices.ContainsFunc(figures, func(f figure) bool { return f.name == name }) {
			return fmt.Errorf("unknown figure %q; there are %s", name, strings.Join(figureNames(), " "))
		}
	}
	enc := json.NewEncoder(out)
	for _, f := range figures {
		if len(names) > 0 && !slices.Contains(names, f.name) {
			continue
		}
		p, err := f.measure(ctx, b)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		err = enc.Encode(line{Name: f.name, Value: p.value, Unit: f.unit, Ceiling: p.ceiling, Ratio: p.ratio()})
		if err != nil {
			return err
		}
	}
	return nil
}
