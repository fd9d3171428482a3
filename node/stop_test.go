package node_test

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"

	"zhenglian/node"
	"zhenglian/node/noop"
)

// TestAlone: a validator without the others is alive but not ready, and stops in
// order while it still looks for them.
func TestAlone(t *testing.T) {
	m := start(t, testnet(t, 4, genesis)[0], nil)
	eventually(t, "running", func() bool { return m.height() == 0 })
	m.checkHealth("/livez", http.StatusOK)
	m.checkHealth("/readyz", http.StatusServiceUnavailable)
	m.stop()
	if m.err != nil {
		t.Error(m.err)
	}
}

// stuck is an application whose Commit, once armed, does not return.
type stuck struct {
	abci.Application
	armed   atomic.Bool
	entered chan struct{}
	release chan struct{}
}

func (s *stuck) Commit(ctx context.Context, r *abci.RequestCommit) (*abci.ResponseCommit, error) {
	if s.armed.CompareAndSwap(true, false) {
		close(s.entered)
		<-s.release
	}
	return s.Application.Commit(ctx, r)
}

// TestStopGrace: a stop that does not come to an end is given up and reported, and
// has done no harm.
func TestStopGrace(t *testing.T) {
	cfg := testnet(t, 1, genesis)[0]
	cfg.StopGrace = node.Duration(200 * time.Millisecond)
	app, err := noop.Open(filepath.Join(cfg.Home, "app"))
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	s := &stuck{Application: app, entered: make(chan struct{}), release: make(chan struct{})}
	m := start(t, cfg, s)
	m.send("well")
	s.armed.Store(true)
	if err := m.Submit([]byte("stuck")); err != nil {
		t.Fatal(err)
	}
	<-s.entered
	begin := time.Now()
	m.stop()
	if m.err == nil || !strings.Contains(m.err.Error(), "not done after") {
		t.Errorf("got %v, want the stop given up", m.err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("giving up took %s", took)
	}

	// Here the process would end. Instead the application comes to itself, the stop
	// goes on behind our back, and the home becomes free.
	close(s.release)
	var n *node.Node
	eventually(t, "stores released", func() bool {
		n, err = node.New(t.Context(), cfg, app, node.Options{Log: logger()})
		return err == nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.Run(ctx); err != nil {
		t.Error(err)
	}
}
