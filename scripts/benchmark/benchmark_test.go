package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"

	"zhenglian/node"
	"zhenglian/node/noop"
)

// TestMain lets the test program be a validator, as the benchmark is.
func TestMain(m *testing.M) {
	workloads["toy"] = func(int) (Workload, error) { return toy{noopWorkload{size: 300}}, nil }
	if len(os.Args) > 1 && os.Args[1] == validatorArg {
		main()
		return
	}
	os.Exit(m.Run())
}

// toy is a workload that is slow in known ways, and refuses every third
// transaction in its blocks.
type toy struct{ noopWorkload }

const (
	toyExecution = 20 * time.Microsecond // a transaction, in FinalizeBlock
	toyReceipt   = 60 * time.Millisecond
)

type toyApp struct{ *noop.App }

func (toy) App(home string) (abci.Application, error) {
	a, err := noop.Open(filepath.Join(home, "app"))
	return toyApp{a}, err
}

func (a toyApp) FinalizeBlock(ctx context.Context, r *abci.RequestFinalizeBlock) (*abci.ResponseFinalizeBlock, error) {
	time.Sleep(time.Duration(len(r.Txs)) * toyExecution)
	res, err := a.App.FinalizeBlock(ctx, r)
	for i := 0; i < len(res.TxResults); i += 3 {
		res.TxResults[i].Code = 1
	}
	return res, err
}

func (toy) Receipt(n *node.Node, app abci.Application, tx []byte, height int64) error {
	b, err := n.Block(height)
	if err != nil {
		return err
	}
	if len(b.Txs) != 1 || !bytes.Equal(b.Txs[0], tx) {
		return fmt.Errorf("block %d does not have the transaction", height)
	}
	if _, ok := app.(toyApp); !ok {
		return fmt.Errorf("application is a %T", app)
	}
	if _, _, err := n.SignedHeader(height + 1); err != nil {
		return err
	}
	time.Sleep(toyReceipt)
	return nil
}

func testBench() *bench {
	return &bench{
		subject:  "toy",
		scale:    scale{pairs: 1, warm: 200 * time.Millisecond, window: time.Second, samples: 5},
		progress: io.Discard,
	}
}

func TestThroughput(t *testing.T) {
	p, err := throughput(1, 1, 60_000)(t.Context(), testBench())
	if err != nil {
		t.Fatal(err)
	}
	// At most 50,000 a second are executed and a third of them is refused.
	if limit := 0.7 / toyExecution.Seconds(); p.value <= 0 || p.value > limit {
		t.Errorf("toy reached %.0f/s, want at most %.0f", p.value, limit)
	}
	if p.ratio() > 0.9 {
		t.Errorf("toy at %.0f/s is as fast as the no-op application at %.0f/s", p.value, p.ceiling)
	}
}

func TestLatency(t *testing.T) {
	b := testBench()
	p50, err := latency(4, 0.5)(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if p50.value < toyReceipt.Seconds() || p50.ceiling <= 0 {
		t.Errorf("p50 %+v, want at least the time of the receipt", p50)
	}
	p99, err := latency(4, 0.99)(t.Context(), b) // of the same samples
	if err != nil {
		t.Fatal(err)
	}
	if p99.value < p50.value || p99.ceiling < p50.ceiling {
		t.Errorf("p99 %+v is below p50 %+v", p99, p50)
	}
}

func TestExhaustedPool(t *testing.T) {
	_, err := throughput(1, 1, 100)(t.Context(), testBench())
	if err == nil || !strings.Contains(err.Error(), "validator 0") {
		t.Errorf("a pool for a fraction of the window gave %v", err)
	}
}

func TestArguments(t *testing.T) {
	for _, args := range [][]string{
		{"throughput.5v"}, {"--slow"}, {"--subject=nothing"},
	} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%v was accepted", args)
		}
	}
	out, err := json.Marshal(line{Name: "n", Value: 1, Unit: "s", Ceiling: 2, Ratio: 0.5})
	if want := `{"name":"n","value":1,"unit":"s","ceiling":2,"ratio":0.5}`; err != nil || string(out) != want {
		t.Errorf("line %s, want %s", out, want)
	}
}

func TestMedian(t *testing.T) {
	got := median([]pair{{9, 10}, {1, 10}, {5, 10}})
	if got != (pair{5, 10}) {
		t.Errorf("got %+v", got)
	}
	if at([]float64{1, 2, 3, 4, 5}, 0.5) != 3 || at([]float64{1, 2}, 0.99) != 2 || at(nil, 0.5) != 0 {
		t.Error("quantiles are off")
	}
}

func TestPool(t *testing.T) {
	dir := t.TempDir()
	paths := []string{filepath.Join(dir, "a"), filepath.Join(dir, "b")}
	w := noopWorkload{size: 20}
	if err := writePools(w, 5, paths); err != nil {
		t.Fatal(err)
	}
	for k, path := range paths {
		txs, err := readPool(path)
		if err != nil {
			t.Fatal(err)
		}
		if want := 3 - k; len(txs) != want {
			t.Fatalf("pool %d has %d transactions, want %d", k, len(txs), want)
		}
		for i, tx := range txs {
			want, err := w.Tx(2*i + k)
			if err != nil || !bytes.Equal(tx, want) {
				t.Errorf("transaction %d of pool %d is another", i, k)
			}
		}
	}
	if err := os.Truncate(paths[0], 30); err != nil {
		t.Fatal(err)
	}
	if _, err := readPool(paths[0]); err == nil {
		t.Error("a pool that is cut short was read")
	}
}
