package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
)

// profiled runs measure and writes path.cpu.pprof, of its time, and
// path.allocs.pprof, of all that the process has allocated by then. With an empty
// path it only runs measure.
func profiled(path string, measure func() (result, error)) (_ result, err error) {
	if path == "" {
		return measure()
	}
	cpu, err := os.Create(path + ".cpu.pprof")
	if err != nil {
		return result{}, fmt.Errorf("profile: %w", err)
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return result{}, errors.Join(fmt.Errorf("profile: %w", err), cpu.Close())
	}
	r, err := measure()
	pprof.StopCPUProfile()
	return r, errors.Join(err, cpu.Close(), writeAllocs(path+".allocs.pprof"))
}

func writeAllocs(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	return errors.Join(pprof.Lookup("allocs").WriteTo(f, 0), f.Close())
}
