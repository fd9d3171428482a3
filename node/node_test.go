package node_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	cmttypes "github.com/cometbft/cometbft/types"

	"zhenglian/node"
	"zhenglian/node/noop"
)

// genesis returns a document with the consensus parameters of a real chain.
func genesis(vals []cmttypes.GenesisValidator) (*cmttypes.GenesisDoc, error) {
	p := cmttypes.DefaultConsensusParams()
	p.Block.MaxBytes = 2 << 20
	p.Evidence.MaxBytes = 64 << 10
	return &cmttypes.GenesisDoc{
		ChainID: "node-test", GenesisTime: time.Now(), InitialHeight: 1,
		ConsensusParams: p, Validators: vals,
	}, nil
}

func fast(_ int, c *node.Config) {
	c.Consensus.Heartbeat = node.Duration(2 * time.Second)
	c.Consensus.ProposeTimeout = node.Duration(300 * time.Millisecond)
	c.Consensus.VoteTimeout = node.Duration(100 * time.Millisecond)
	c.P2P.Redial = node.Duration(300 * time.Millisecond)
	c.StopGrace = node.Duration(10 * time.Second)
}

// testnet lays out n validators. Their databases and application state live as
// long as the test.
func testnet(t *testing.T, n int, genesis func([]cmttypes.GenesisValidator) (*cmttypes.GenesisDoc, error)) []node.Config {
	t.Helper()
	cfgs, err := node.Testnet(t.TempDir(), n, genesis, fast)
	if err != nil {
		t.Fatal(err)
	}
	return cfgs
}

// member is a running node.
type member struct {
	*node.Node
	t      *testing.T
	cancel context.CancelFunc
	done   chan struct{} // closed when Run has returned
	err    error         // what Run returned

	mu                 sync.Mutex
	decided, committed []int64
}

// start runs a node with the no-op application, or the one given.
func start(t *testing.T, cfg node.Config, app abci.Application) *member {
	t.Helper()
	m := &member{t: t, done: make(chan struct{})}
	closeApp := func() error { return nil }
	if app == nil {
		a, err := noop.Open(filepath.Join(cfg.Home, "app"))
		if err != nil {
			t.Fatal(err)
		}
		app, closeApp = a, a.Close
	}
	n, err := node.New(t.Context(), cfg, app, node.Options{Log: logger()})
	if err != nil {
		t.Fatal(err)
	}
	m.Node = n
	n.OnDecided(func(h int64) {
		// What the receipt of the height before needs is there, by promise.
		if _, _, err := n.SignedHeader(h); err != nil && !errors.Is(err, node.ErrStopped) {
			t.Errorf("decided without a signed header: %v", err)
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.decided = append(m.decided, h)
	})
	n.OnCommitted(func(h int64) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.committed = append(m.committed, h)
	})
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	go func() {
		defer close(m.done)
		m.err = errors.Join(n.Run(ctx), closeApp())
		if m.err != nil {
			t.Logf("%s: %v", cfg.Moniker, m.err)
		}
	}()
	t.Cleanup(m.stop)
	return m
}

// logger is silent unless the test is to be watched.
func logger() *slog.Logger {
	if os.Getenv("ZHENGLIAN_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.DiscardHandler)
}

func (m *member) stop() {
	m.cancel()
	<-m.done
}

func (m *member) height() int64 {
	s, err := m.Status()
	if err != nil {
		return -1
	}
	return s.Height
}

// eventually waits for a condition, at most 15 s.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if cond() {
			return
		}
	}
	t.Fatalf("not within 15 s: %s", what)
}

// send submits a transaction and waits until the block with it is committed.
func (m *member) send(tx string) {
	m.t.Helper()
	before := m.height()
	eventually(m.t, "submit "+tx, func() bool {
		err := m.Submit([]byte(tx))
		return err == nil || errors.Is(err, node.ErrTxInCache)
	})
	eventually(m.t, "block with "+tx, func() bool {
		for h := max(before, 1); h <= m.height(); h++ {
			b, err := m.Block(h)
			if err != nil {
				m.t.Fatal(err)
			}
			for _, got := range b.Txs {
				if string(got) == tx {
					before = h
					return true
				}
			}
		}
		return false
	})
}

func TestSingleNode(t *testing.T) {
	cfg := testnet(t, 1, genesis)[0]

	m := start(t, cfg, nil)
	for i := range 5 {
		m.send(fmt.Sprint("first run ", i))
	}
	eventually(t, "ready", func() bool { return m.Ready() == nil })
	m.checkHealth("/livez", http.StatusOK)
	m.checkHealth("/readyz", http.StatusOK)
	m.checkHealth("/metrics", http.StatusOK)
	m.checkHeaders()
	height := m.height()
	m.stop()
	if m.err != nil {
		t.Fatalf("graceful stop: %v", m.err)
	}
	m.checkObserved()
	if err := m.Submit([]byte("late")); !errors.Is(err, node.ErrStopped) {
		t.Errorf("submit after stop: %v", err)
	}
	if _, _, err := m.SignedHeader(1); !errors.Is(err, node.ErrStopped) {
		t.Errorf("read after stop: %v", err)
	}
	if err := m.Run(t.Context()); !errors.Is(err, node.ErrStopped) {
		t.Errorf("second run: %v", err)
	}

	m = start(t, cfg, nil)
	eventually(t, "height after restart", func() bool { return m.height() >= height })
	m.send("second run")
	m.checkHeaders()
	m.stop()
	if m.err != nil {
		t.Fatalf("second graceful stop: %v", m.err)
	}
}

// checkHealth gets a page of the health endpoint.
func (m *member) checkHealth(path string, want int) {
	m.t.Helper()
	res, err := http.Get("http://" + m.HealthAddr().String() + path)
	if err != nil {
		m.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != want {
		m.t.Errorf("%s: %s", path, res.Status)
	}
}

// checkHeaders verifies the commit of every height against its validators.
func (m *member) checkHeaders() {
	m.t.Helper()
	top := m.height()
	for h := int64(1); h <= top; h++ {
		header, commit, err := m.SignedHeader(h)
		if err != nil {
			m.t.Fatal(err)
		}
		vals, err := m.Validators(h)
		if err != nil {
			m.t.Fatal(err)
		}
		if err := vals.VerifyCommit(m.ChainID(), commit.BlockID, h, commit); err != nil {
			m.t.Errorf("commit %d: %v", h, err)
		}
		if header.Height != h || string(header.Hash()) != string(commit.BlockID.Hash) {
			m.t.Errorf("header %d does not belong to its commit", h)
		}
	}
	if _, _, err := m.SignedHeader(top + 1000); !errors.Is(err, node.ErrNotFound) {
		m.t.Errorf("header of the future: %v", err)
	}
}

// checkObserved verifies that observers saw consecutive heights, each decided
// before it was committed.
func (m *member) checkObserved() {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, hs := range map[string][]int64{"decided": m.decided, "committed": m.committed} {
		if len(hs) == 0 {
			m.t.Errorf("nothing %s was observed", name)
		}
		for i, h := range hs {
			if h != hs[0]+int64(i) {
				m.t.Errorf("%s heights have a gap or a repetition: %v", name, hs)
				break
			}
		}
	}
}
