package member

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/google/renameio/v2"
	"golang.org/x/sync/errgroup"

	"zhenglian/app"
	"zhenglian/client/certificate"
	"zhenglian/node"
	"zhenglian/node/access"
	"zhenglian/node/blob/bucket"
	"zhenglian/node/blob/vault"
	"zhenglian/node/captures"
	"zhenglian/node/consumer"
	"zhenglian/node/erasure"
	"zhenglian/node/events"
	"zhenglian/node/gateway"
	"zhenglian/node/hooks"
	"zhenglian/node/index"
	"zhenglian/node/replay"
	"zhenglian/node/repository"
	"zhenglian/node/witness"
)

// Options are what a process may say beyond its home folder.
type Options struct {
	// Listen overrides the gateway's address.
	Listen string
	// Auth overrides what is allowed without credentials; nil: as the gateway's
	// settings say.
	Auth []access.Scope
	// Version is that of the program.
	Version string
	// Log receives everything; nil: standard error as the configuration says.
	Log *slog.Logger
}

// A Member is one member's process, opened and not yet running.
type Member struct {
	node     *node.Node
	app      *app.App
	gateway  *gateway.Gateway // nil without one
	trust    *trustRoot       // nil without a gateway
	index    *index.Index
	blobs    *vault.Vault
	bucket   *bucket.Bucket // nil: blobs keeps its objects itself
	hooks    *hooks.Hooks
	captures *captures.Service // nil when there is none
	epcis    *repository.Repository
	answers  *replay.Store
	witness  *witness.Collector
	listener net.Listener
	scheme   string
	log      *slog.Logger

	consumers *consumer.Store
}

// Open opens the home folder's databases and brings the application level with
// the blocks it has. It does not touch the network except to listen for clients.
func Open(ctx context.Context, home string, o Options) (_ *Member, err error) {
	cfg, err := node.Load(home)
	if err != nil {
		return nil, err
	}
	settings, err := loadGateway(home)
	if err != nil {
		return nil, err
	}
	genesis, err := readGenesis(home, cfg)
	if err != nil {
		return nil, err
	}
	m := &Member{log: o.Log}
	if m.log == nil {
		m.log = cfg.Log.NewLogger(os.Stderr)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.close())
		}
	}()
	// The gateway needs the node, and the node tells of blocks while it replays:
	// nobody waits for those.
	var gw atomic.Pointer[gateway.Gateway]
	onBlock := func(b app.Block) {
		if g := gw.Load(); g != nil {
			g.Committed(b)
		}
	}
	data := filepath.Join(home, "data")
	if m.app, err = app.New(app.Config{
		Dir: filepath.Join(data, "ledger"), UpgradeInfo: filepath.Join(data, "upgrade-info.json"), OnBlock: onBlock,
		Waiting: cfg.Mempool.Txs, WaitingBytes: cfg.Mempool.Bytes,
	}); err != nil {
		return nil, err
	}
	if m.node, err = node.New(ctx, cfg, m.app, node.Options{Log: m.log}); err != nil {
		return nil, err
	}
	if settings == nil {
		return m, nil
	}
	if o.Listen != "" {
		settings.Listen = o.Listen
	}
	c := &chain{node: m.node, app: m.app, moniker: cfg.Moniker}
	base, err := Trust(genesis)
	if err != nil {
		return nil, err
	}
	m.trust = newTrustRoot(m.node, base, filepath.Join(data, "validator-changes.json"), m.log)
	c.trust = m.trust
	if m.index, err = index.Open(filepath.Join(data, "index.db"), m.app.Store()); err != nil {
		return nil, err
	}
	if err := m.openStore(ctx, home, settings); err != nil {
		return nil, err
	}
	printer, err := settings.printer(home)
	if err != nil {
		return nil, err
	}
	if printer == nil {
		m.log.Warn("no certificates will be printed", "err", certificate.ErrNoFont)
	}
	if o.Auth != nil {
		settings.Auth.Anonymous = o.Auth
	}
	guard, err := settings.guard(home)
	if err != nil {
		return nil, err
	}
	source := events.New(m.app.Store())
	hc, err := settings.hooks()
	if err != nil {
		return nil, err
	}
	if hc.Key, err = hooks.LoadKey(HooksKeyFile(home)); err != nil {
		return nil, err
	}
	hc.Path, hc.Chain, hc.Log, hc.Metrics = filepath.Join(data, "hooks.db"), c.ChainID(), m.log, m.node.Metrics()
	if m.hooks, err = hooks.Open(hc, source); err != nil {
		return nil, err
	}
	if m.captures, err = settings.captures(home, o.Version, m.blobs, m.log); err != nil {
		return nil, err
	}
	if m.epcis, err = repository.Open(repository.Config{Path: filepath.Join(data, "epcis.db"), Key: hc.Key, Chain: hc.Chain, Allow: hc.Allow, Log: m.log}); err != nil {
		return nil, err
	}
	stater, err := settings.stater(home)
	if err != nil {
		return nil, err
	}
	if m.answers, err = replay.Open(filepath.Join(data, "answers.db")); err != nil {
		return nil, err
	}
	if m.consumers, err = consumer.Open(filepath.Join(data, "consumer.db"), m.log); err != nil {
		return nil, err
	}
	wc, err := settings.collector(home, c)
	if err != nil {
		return nil, err
	}
	wc.Log, wc.Metrics = m.log, m.node.Metrics()
	if m.witness, err = witness.OpenCollector(wc); err != nil {
		return nil, err
	}
	m.gateway, err = gateway.New(
		gateway.Config{Rate: settings.Rate, Burst: settings.Burst, InFlight: settings.InFlight, Version: o.Version},
		gateway.Options{Chain: c, Events: source, Hooks: m.hooks, Answers: m.answers, Consumers: m.consumers, EPCIS: m.epcis, Stater: stater, Access: guard, Captures: m.captures, Index: m.index, Blobs: m.blobs, Vault: m.blobs, Printer: printer, Witness: m.witness, Metrics: m.node.Metrics(), Log: m.log})
	if err != nil {
		return nil, err
	}
	if m.listener, err = settings.listen(home); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	m.scheme = "http"
	if settings.TLS.Cert != "" {
		m.scheme = "https"
	}
	m.node.OnDecided(m.gateway.Decided)
	gw.Store(m.gateway)
	return m, nil
}

// beginFile holds the SHA-256 of the genesis file that a home folder began with.
const beginFile = "genesis.sha256"

// readGenesis reads the genesis file and refuses another one than the home's
// data began with: CometBFT would go on with the old chain and not notice, and
// the gateway would propose the trust root of the new one.
func readGenesis(home string, cfg node.Config) ([]byte, error) {
	path := cfg.Genesis
	if !filepath.IsAbs(path) {
		path = filepath.Join(home, path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	sum := fmt.Sprintf("%x\n", sha256.Sum256(b))
	begin := filepath.Join(home, "data", beginFile)
	switch began, err := os.ReadFile(begin); {
	case errors.Is(err, fs.ErrNotExist):
		if err := renameio.WriteFile(begin, []byte(sum), 0o600); err != nil {
			return nil, fmt.Errorf("noting the genesis file: %w", err)
		}
	case err != nil:
		return nil, err
	case string(began) != sum:
		return nil, fmt.Errorf("%s is not the genesis file that the data in %s began with (SHA-256 %.12s…, not %.12s…): "+
			"put the right file back, or start with an empty data folder", path, home, sum, began)
	}
	return b, nil
}

// Addr is where clients reach the gateway, nil without one.
func (m *Member) Addr() net.Addr {
	if m.listener == nil {
		return nil
	}
	return m.listener.Addr()
}

// Scheme is http, or https where the gateway speaks TLS.
func (m *Member) Scheme() string { return m.scheme }

// Node returns the member's node.
func (m *Member) Node() *node.Node { return m.node }

// Run takes part in the chain and serves clients until ctx ends, then stops in
// order: clients first, then the chain. An error means that the process should
// end non-zero.
func (m *Member) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	nodeCtx, stopNode := context.WithCancel(context.WithoutCancel(ctx))
	defer stopNode()
	var chain, clients errgroup.Group
	chain.Go(func() error {
		defer cancel() // without the chain there is nothing to serve
		return m.node.Run(nodeCtx)
	})
	if m.gateway != nil {
		clients.Go(func() error {
			defer cancel()
			return m.gateway.Serve(ctx, m.listener)
		})
		clients.Go(func() error {
			defer cancel()
			return m.index.Run(ctx)
		})
		clients.Go(func() error { return m.trust.run(ctx) })
		clients.Go(func() error {
			return erasure.Run(ctx, erasure.Config{Vault: m.blobs, Index: m.index, Store: m.app.Store(), Directory: m.app.Directory, Log: m.log})
		})
		if m.captures != nil {
			clients.Go(func() error { return m.captures.Run(ctx) })
		}
		clients.Go(func() error { return m.witness.Run(ctx) })
		clients.Go(func() error {
			defer cancel()
			return m.hooks.Run(ctx)
		})
		clients.Go(func() error {
			defer cancel()
			return m.epcis.Run(ctx)
		})
	}
	<-ctx.Done()
	err := clients.Wait()
	stopNode()
	m.listener = nil // the gateway has closed it
	return errors.Join(chain.Wait(), err, m.close())
}

// close releases what Open opened.
func (m *Member) close() (err error) {
	if m.listener != nil {
		err = errors.Join(err, m.listener.Close())
	}
	if m.index != nil {
		err = errors.Join(err, m.index.Close())
	}
	if m.consumers != nil {
		err = errors.Join(err, m.consumers.Close())
	}
	if m.answers != nil {
		err = errors.Join(err, m.answers.Close())
	}
	if m.epcis != nil {
		err = errors.Join(err, m.epcis.Close())
	}
	if m.witness != nil {
		err = errors.Join(err, m.witness.Close())
	}
	if m.hooks != nil {
		err = errors.Join(err, m.hooks.Close())
	}
	if m.blobs != nil {
		err = errors.Join(err, m.blobs.Close())
	}
	if m.bucket != nil {
		err = errors.Join(err, m.bucket.Close())
	}
	if m.app != nil {
		err = errors.Join(err, m.app.Close())
	}
	return err
}
