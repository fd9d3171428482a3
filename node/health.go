package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/cometbft/cometbft/blocksync"
	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/consensus"
	"github.com/cometbft/cometbft/mempool"
	cmtnode "github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/proxy"
	"github.com/cometbft/cometbft/state"
	"github.com/cometbft/cometbft/statesync"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// missedHeartbeats is how many heartbeat intervals may pass without a block before
// a node calls itself unready.
const missedHeartbeats = 3

// Ready reports why the node should not be given work, or nil. A node is ready
// when it runs, has caught up with the chain, has a block, and has seen one (or
// started) within three heartbeats. Every chain makes its first block at once, so a
// node at genesis becomes ready as soon as enough validators are there to agree.
func (n *Node) Ready() error {
	if err := n.watchdog.cause(); err != nil {
		return err
	}
	if !n.enter() {
		return ErrStopped
	}
	defer n.leave()
	if n.comet.ConsensusReactor().WaitSync() {
		return ErrCatchingUp
	}
	if n.comet.BlockStore().Height() == 0 {
		return errors.New("no block yet")
	}
	if quiet := time.Since(time.Unix(0, n.progress.Load())); quiet > missedHeartbeats*time.Duration(n.cfg.Consensus.Heartbeat) {
		return fmt.Errorf("no block for %s", quiet.Round(time.Second))
	}
	return nil
}

// serveHealth answers on the configured address until ctx ends:
//
//	/livez    200 until the node halts; then the supervisor should restart it
//	/readyz   200 while Ready, else 503 with the reason
//	/status   what operators ask first, as JSON: see statusPage
//	/metrics  Prometheus metrics of CometBFT, the Go runtime and the application
func (n *Node) serveHealth(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, n.watchdog.cause())
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, n.Ready())
	})
	mux.HandleFunc("GET /status", n.serveStatus)
	mux.Handle("GET /metrics", promhttp.HandlerFor(n.registry, promhttp.HandlerOpts{}))
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { srv.Close() })()
	if err := srv.Serve(n.health); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving health: %w", err)
	}
	return nil
}

func answer(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	io.WriteString(w, "ok\n")
}

// statusPage is the answer of /status.
type statusPage struct {
	Ready      bool              `json:"ready"`
	Reason     string            `json:"reason,omitempty"` // why it is not ready
	Chain      string            `json:"chain"`
	NodeID     string            `json:"node_id"`
	Moniker    string            `json:"moniker"`
	Height     int64             `json:"height"` // of the last block stored
	CatchingUp bool              `json:"catching_up"`
	Peers      []statusPeer      `json:"peers"`      // connected
	Validators []statusValidator `json:"validators"` // who decide the next height
	Validator  bool              `json:"validator"`  // this node is one of them
}

type statusPeer struct {
	NodeID  string `json:"node_id"`
	Moniker string `json:"moniker"` // its own claim
	Addr    string `json:"addr"`
}

type statusValidator struct {
	Address string `json:"address"` // 40 upper-case hex digits, as CometBFT writes them
	Power   int64  `json:"power"`
}

// serveStatus answers 200 also when the node is not ready: the page says why.
func (n *Node) serveStatus(w http.ResponseWriter, _ *http.Request) {
	s, err := n.Status()
	if err != nil {
		answer(w, err)
		return
	}
	p := statusPage{
		Ready: true, Chain: s.ChainID, NodeID: s.NodeID, Moniker: n.cfg.Moniker,
		Height: s.Height, CatchingUp: s.CatchingUp,
		Peers: []statusPeer{}, Validators: []statusValidator{},
	}
	if err := n.Ready(); err != nil {
		p.Ready, p.Reason = false, err.Error()
	}
	for _, peer := range s.Peers {
		p.Peers = append(p.Peers, statusPeer(peer))
	}
	for _, v := range s.Validators.Validators {
		p.Validators = append(p.Validators, statusValidator{v.Address.String(), v.VotingPower})
	}
	if key, err := n.comet.PrivValidator().GetPubKey(); err == nil {
		p.Validator = s.Validators.HasAddress(key.Address())
	}
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(p) // whoever asked is gone
}

// HealthAddr returns the address of the health endpoint, or nil without one. It
// answers while Run runs.
func (n *Node) HealthAddr() net.Addr {
	if n.health == nil {
		return nil
	}
	return n.health.Addr()
}

// Metrics returns the registry behind /metrics, for the metrics of other parts.
func (n *Node) Metrics() *prometheus.Registry { return n.registry }

func newRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return r
}

// registererMu guards prometheus.DefaultRegisterer while cometMetrics borrows it.
var registererMu sync.Mutex

// cometMetrics registers CometBFT's metrics with r. CometBFT knows only the global
// default registerer, where a second node in one process would panic, so that one
// is replaced for the moment of the registration.
func cometMetrics(r prometheus.Registerer, cfg *cmtcfg.InstrumentationConfig) cmtnode.MetricsProvider {
	on := *cfg
	on.Prometheus = true // only the collection: the server is ours
	provide := cmtnode.DefaultMetricsProvider(&on)
	return func(chainID string) (*consensus.Metrics, *p2p.Metrics, *mempool.Metrics, *state.Metrics,
		*proxy.Metrics, *blocksync.Metrics, *statesync.Metrics,
	) {
		registererMu.Lock()
		defer registererMu.Unlock()
		defer func(old prometheus.Registerer) { prometheus.DefaultRegisterer = old }(prometheus.DefaultRegisterer)
		prometheus.DefaultRegisterer = r
		return provide(chainID)
	}
}
