package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtnode "github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
)

// ErrNotFound is returned for a height this node has no data of: not reached yet,
// or pruned.
var ErrNotFound = errors.New("height is not available")

// Node is one member of the chain. Its methods are safe for concurrent use, except
// that OnDecided and OnCommitted must be called before Run.
type Node struct {
	cfg      Config
	log      *slog.Logger
	genesis  *cmttypes.GenesisDoc
	stores   *stores
	watchdog *watchdog
	guard    *guard
	registry *prometheus.Registry
	health   net.Listener // nil without a health endpoint

	comet      *cmtnode.Node
	validators validatorStore
	consensus  interface{ Wait() } // returns when the consensus goroutine has ended

	decided, committed []*heights
	progress           atomic.Int64 // Unix nanoseconds of the last commit, or of the start

	started  atomic.Bool // CometBFT has been started
	stopping atomic.Bool // CometBFT is being stopped in order

	mu      sync.RWMutex // held for reading while the stores are in use
	running bool
	spent   bool
}

// validatorStore is the part of CometBFT's state store that answers which
// validators sign a height.
type validatorStore interface {
	// LoadValidatorsFast leaves out the proposer priorities, whose computation
	// takes longer the longer the set has been in force.
	LoadValidatorsFast(height int64) (*cmttypes.ValidatorSet, error)
}

// Options are the parts of a node that are not configuration.
type Options struct {
	// Log receives everything; nil means the logger of the configuration on
	// standard error.
	Log *slog.Logger
}

// New opens the stores in cfg.Home and brings app level with them: InitChain on a
// new chain, otherwise the replay of blocks that app has not committed, which can
// take long for an empty app and is cut short by ctx. It does not touch the
// network, except to reserve the health endpoint's port. The caller keeps app and
// closes it after Run has returned.
func New(ctx context.Context, cfg Config, app abci.Application, opts Options) (_ *Node, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	// CometBFT exits the process at the n-th of its crash points when this is set.
	os.Unsetenv("FAIL_TEST_INDEX")

	n := &Node{cfg: cfg, log: opts.Log, watchdog: newWatchdog(), registry: newRegistry()}
	if n.log == nil {
		n.log = cfg.Log.NewLogger(os.Stderr)
	}
	n.stores = &stores{log: n.log}
	n.guard = &guard{
		app: app, watchdog: n.watchdog, log: n.log,
		syncing: n.isSyncing, decided: n.publishDecided, committed: n.publishCommitted,
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close())
		}
	}()

	if n.genesis, err = cmttypes.GenesisDocFromFile(cfg.genesisPath()); err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	cc := cometConfig(cfg)
	if err := cc.ValidateBasic(); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	validatorKey, err := loadValidatorKey(cc)
	if err != nil {
		return nil, err
	}
	nodeKey, err := p2p.LoadNodeKey(cc.NodeKeyFile())
	if err != nil {
		return nil, fmt.Errorf("node key: %w", err)
	}
	if cfg.Metrics.Listen != "" {
		if n.health, err = net.Listen("tcp", cfg.Metrics.Listen); err != nil {
			return nil, fmt.Errorf("health endpoint: %w", err)
		}
	}
	n.comet, err = cmtnode.NewNodeWithContext(ctx, cc, validatorKey, nodeKey, n.guard,
		func() (*cmttypes.GenesisDoc, error) { return n.genesis, nil },
		n.stores.provide, cometMetrics(n.registry, cc.Instrumentation),
		cometLogger{log: n.log, level: cfg.Log.CometLevel, watchdog: n.watchdog, stopping: &n.stopping})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting: %w", err), n.watchdog.cause())
	}
	if err := gossipOnce(n.comet.Switch().(*p2p.Switch), cfg.Mempool.Txs); err != nil {
		return nil, fmt.Errorf("starting: %w", err)
	}
	env, err := n.comet.ConfigureRPC() // the only public way to these two
	if err != nil {
		return nil, fmt.Errorf("starting: %w", err)
	}
	n.validators = env.StateStore.(validatorStore)
	n.consensus = env.ConsensusState.(interface{ Wait() })
	return n, nil
}

// OnDecided registers an observer that is told every height that is decided while
// the node runs, in order: the block and the commit for it are stored, its state is
// not yet computed. This is the moment from which the state of the height before
// can be proved. A slow observer delays nobody but falls behind; one that needs
// every height keeps a cursor and compares it with Status when it starts.
func (n *Node) OnDecided(observe func(height int64)) {
	n.decided = append(n.decided, newHeights(observe))
}

// OnCommitted registers an observer that is told every height whose effects the
// application has stored while the node runs, in order. See OnDecided.
func (n *Node) OnCommitted(observe func(height int64)) {
	n.committed = append(n.committed, newHeights(observe))
}

func (n *Node) publishDecided(height int64) {
	for _, h := range n.decided {
		h.publish(height)
	}
}

func (n *Node) publishCommitted(height int64) {
	n.progress.Store(time.Now().UnixNano())
	for _, h := range n.committed {
		h.publish(height)
	}
}

// isSyncing reports whether blocks are being executed by block sync. During New
// they come from the replay instead.
func (n *Node) isSyncing() bool {
	return n.started.Load() && n.comet.ConsensusReactor().WaitSync()
}

// Run takes part in the chain until ctx ends, then stops in order and returns nil
// when everything is closed. It returns ErrHalted (wrapped) when the application or
// the consensus failed, and another error when starting or stopping did. It can be
// called once.
func (n *Node) Run(ctx context.Context) error {
	n.mu.Lock()
	if n.spent {
		n.mu.Unlock()
		return ErrStopped
	}
	n.running, n.spent = true, true
	n.mu.Unlock()

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var group errgroup.Group
	if n.health != nil {
		group.Go(func() error {
			defer cancel() // without its endpoint the node is invisible: stop
			return n.serveHealth(ctx)
		})
	}
	for _, h := range append(n.decided, n.committed...) {
		group.Go(func() error {
			h.run(ctx)
			return nil
		})
	}

	err := n.take(ctx)
	cancel()
	return errors.Join(err, n.stop(&group))
}

// take runs CometBFT until ctx ends or the watchdog fires.
func (n *Node) take(ctx context.Context) error {
	// CometBFT sleeps through this in a way that nothing can interrupt.
	if wait := time.Until(n.genesis.GenesisTime); wait > 0 {
		n.log.Info("waiting for genesis", "time", n.genesis.GenesisTime)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
	n.progress.Store(time.Now().UnixNano())
	n.started.Store(true)
	if err := n.comet.Start(); err != nil {
		return errors.Join(fmt.Errorf("starting: %w", err), n.watchdog.cause())
	}
	for _, p := range n.cfg.P2P.Peers {
		go n.keepDialing(ctx, p) // a dial in progress at the end dies of its timeout
	}
	go func() {
		n.consensus.Wait()
		if ctx.Err() == nil {
			n.watchdog.halt(errors.New("consensus ended"))
		}
	}()
	n.log.Info("running", "chain", n.genesis.ChainID, "node", n.comet.NodeInfo().ID(),
		"height", n.comet.BlockStore().Height())
	select {
	case <-ctx.Done():
	case <-n.watchdog.failed:
		n.log.Error("halting", "err", n.watchdog.cause())
	}
	return n.watchdog.cause()
}

// stop ends everything that New and Run began, or gives up after the stop grace.
func (n *Node) stop(group *errgroup.Group) error {
	n.stopping.Store(true)
	done := make(chan error, 1)
	go func() {
		n.mu.Lock() // waits for readers, keeps further ones out
		n.running = false
		n.mu.Unlock()
		// An error here only says that it was not running.
		_ = n.comet.Stop()
		_ = n.comet.ProxyApp().Stop()
		done <- errors.Join(group.Wait(), n.close())
	}()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("stopping: %w", err)
		}
		return nil
	case <-time.After(time.Duration(n.cfg.StopGrace)):
		return fmt.Errorf("stopping: not done after %s", time.Duration(n.cfg.StopGrace))
	}
}

// close releases what New opened.
func (n *Node) close() error {
	if n.health != nil {
		n.health.Close() // closed before when it was served
	}
	return n.stores.close()
}

// enter reports whether the stores may be used, which then stay open until leave.
func (n *Node) enter() bool {
	n.mu.RLock()
	if !n.running {
		n.mu.RUnlock()
		return false
	}
	return true
}

func (n *Node) leave() { n.mu.RUnlock() }

// ABCI returns the application behind the guard, for callers that want the failure
// of a method to halt the node as it does when CometBFT calls it.
func (n *Node) ABCI() abci.Application { return n.guard }
