package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"

	"zhenglian/app/receipt"
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

// A toy's client has its receipt some time after the transaction could be proved.
type toyGateway struct{ node *node.Node }

func (toy) Gateway(_ string, n *node.Node, _ abci.Application) (Gateway, error) {
	return toyGateway{n}, nil
}
func (toy) Request([]byte, bool) (Request, error) { return Request{}, errors.ErrUnsupported }
func (toy) Missing(string, [][]byte) (int, error) { return 0, errors.ErrUnsupported }

func (toyGateway) URL() string { return "" }
func (toyGateway) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func (g toyGateway) Enter(_ context.Context, tx []byte) error {
	before, err := g.node.Status()
	if err != nil {
		return err
	}
	if err := g.node.Submit(tx); err != nil {
		return err
	}
	for height := before.Height + 1; ; {
		b, err := g.node.Block(height)
		switch {
		case errors.Is(err, node.ErrNotFound):
			time.Sleep(time.Millisecond)
			continue
		case err != nil:
			return err
		}
		if len(b.Txs) == 1 && bytes.Equal(b.Txs[0], tx) {
			time.Sleep(toyReceipt)
			return nil
		}
		height++
	}
}

func testBench() *bench {
	return &bench{
		subject:  "toy",
		scale:    scale{pairs: 1, warm: 200 * time.Millisecond, window: 2 * time.Second, samples: 5},
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

func TestHalfLoad(t *testing.T) {
	b := testBench()
	b.subject, b.saturated4 = "noop", 400
	p, err := halfLoad(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if p.value <= 0 || p.ceiling <= 0 {
		t.Errorf("p99 %+v", p)
	}
}

func TestDisk(t *testing.T) {
	b := testBench()
	b.subject, b.scale.statements = "ledger", 3000
	p, err := diskPerStatement(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	sizes := make(map[string]float64)
	for _, part := range diskParts(b) {
		sizes[part.name] = part.value
		if part.name != "wal" {
			sum += part.value
		}
	}
	if math.Abs(sum-p.value) > 1 {
		t.Errorf("parts sum up to %.1f B, all is %.1f B", sum, p.value)
	}
	// Compression cannot touch the signature and the digests of an envelope.
	for _, name := range []string{"blockstore", "log"} {
		if sizes[name] < 128 {
			t.Errorf("%s takes %.1f B, less than what cannot be compressed", name, sizes[name])
		}
	}
	if sizes["ids"] < 32 || sizes["wal"] < 800 || p.ceiling < 700 {
		t.Errorf("sizes %v, envelope %.1f B", sizes, p.ceiling)
	}
}

func TestTenths(t *testing.T) {
	begin := time.Now()
	bs := []block{{at: begin, txs: 7}}
	for i := range 100 { // twice as fast after half of the statements
		at := time.Duration(i+1) * time.Second
		if i >= 50 {
			at = 50*time.Second + time.Duration(i-49)*time.Second/2
		}
		bs = append(bs, block{at: begin.Add(at), txs: 10})
	}
	want := []float64{10, 10, 10, 10, 10, 20, 20, 20, 20, 20}
	if got := tenths(bs); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestOffers(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		header string
		fails  bool
	}{
		{"200", http.StatusOK, "", false},
		{"202", http.StatusAccepted, "", false},
		{"429", http.StatusTooManyRequests, "1", false},
		{"429 without Retry-After", http.StatusTooManyRequests, "", true},
		{"503", http.StatusServiceUnavailable, "1", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var mu sync.Mutex
			seen := make(map[string]int)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				mu.Lock()
				defer mu.Unlock()
				seen[string(b)]++
				status := http.StatusOK
				if seen[string(b)] == 1 { // the second time everything is accepted
					status = c.status
				}
				if c.header != "" {
					w.Header().Set("Retry-After", c.header)
				}
				w.WriteHeader(status)
			}))
			defer server.Close()
			txs := [][]byte{[]byte("a"), []byte("b"), []byte("c"), []byte("d")}
			requests, err := makeRequests(echo{}, txs)
			if err != nil {
				t.Fatal(err)
			}
			o := &offers{workload: echo{}, txs: txs, requests: requests, rate: 100, lasts: 45 * time.Millisecond}
			if c.status == http.StatusTooManyRequests {
				o.lasts *= 2
			}
			err = o.run(t.Context(), []string{server.URL})
			if ended := err != nil && strings.Contains(err.Error(), "all transactions"); err != nil && !c.fails && !ended {
				t.Fatal(err)
			}
			if c.fails {
				if err == nil {
					t.Error("no error")
				}
				return
			}
			if got := len(o.accepted[0]); got == 0 || int(o.offered.Load()) != got+int(o.refused.Load()) {
				t.Errorf("%d offered, %d refused, %d accepted", o.offered.Load(), o.refused.Load(), got)
			}
			for tx, n := range seen {
				if n > 1 && c.status != http.StatusTooManyRequests {
					t.Errorf("%s was offered %d times", tx, n)
				}
			}
		})
	}
}

// echo is a workload whose requests are its transactions.
type echo struct{ toy }

func (echo) Request(tx []byte, _ bool) (Request, error) { return Request{Path: "/", Body: tx}, nil }

func TestReceipts(t *testing.T) {
	r, err := makeReceipts(t.Context(), 1<<10, 100)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.verify(r.full, receipt.Verified, time.Millisecond); err != nil {
		t.Error(err)
	}
	if _, err := r.verify(r.compact, receipt.Warned, time.Millisecond); err != nil {
		t.Error(err)
	}
	c, err := receipt.Parse(r.compact)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(c.Path), 10; got != want {
		t.Errorf("path of %d digests, want %d", got, want)
	}
	if got, want := len(c.Block.Commit.Signatures), 3; got != want {
		t.Errorf("%d validators signed, want %d", got, want)
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
		{"throughput.5v"}, {"--slow"}, {"--subject=nothing"}, {"--subject", "nothing"}, {"--profile"},
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
	if err := writePools(w, 5, paths, func(int) {}); err != nil {
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
