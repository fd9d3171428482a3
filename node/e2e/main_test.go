// Package e2e tests the ledger as its users meet it: zhengd, zheng and
// zheng-verify as programs of their own, with real homes, sockets and signals.
//
//	demo_test.go             the example consortium and everything one does with it
//	supervise_linux_test.go  its validators killed, and its supervisor
//	crash_test.go            validators killed at random moments under load
//	governance_test.go       its keys, members and rules changed
//	founding_test.go         organisations that found a network, join, leave, change keys, lose a node
//	network_test.go          validators stopped and started, and a node that joins late
//
// What a test of one process can show is tested beside the code; here is what
// only whole processes can.
//
//	ZHENGLIAN_LONG=1   many more kills
//	ZHENGLIAN_SEED=N   the random choices of a run that printed this seed
package e2e

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// bin is the folder of the programs under test.
var bin string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		var err error
		if bin, err = os.MkdirTemp("", "zhenglian-e2e-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(bin)
		build := exec.Command("go", "build", "-o", bin+string(filepath.Separator),
			"zhenglian/node/cmd/zhengd", "zhenglian/client/cmd/zheng", "zhenglian/client/cmd/zheng-verify")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v: %v\n%s", build.Args, err, out)
			return 1
		}
		return m.Run()
	}())
}

// long reports whether time does not matter.
func long() bool { return os.Getenv("ZHENGLIAN_LONG") != "" }

// newRand returns the source of a test's random choices and prints its seed.
func newRand(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("ZHENGLIAN_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("ZHENGLIAN_SEED: %v", err)
		}
	}
	t.Logf("ZHENGLIAN_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// patience is how long a condition may take to come true. It is many times what
// it takes on an idle machine: only failures wait so long.
const patience = 2 * time.Minute

// eventually waits until cond returns nil.
func eventually(t *testing.T, what string, cond func() error) {
	t.Helper()
	end := time.Now().Add(patience)
	for {
		err := cond()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: not within %s: %v", what, patience, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
