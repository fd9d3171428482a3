package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"zhenglian/app"
	"zhenglian/app/receipt"
	"zhenglian/app/state"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/node/access"
	"zhenglian/node/blob"
	"zhenglian/node/blob/vault"
	"zhenglian/node/captures"
	"zhenglian/node/consumer"
	"zhenglian/node/events"
	"zhenglian/node/hooks"
	"zhenglian/node/index"
	"zhenglian/node/replay"
	"zhenglian/node/repository"
)

// A Chain is what the gateway needs of the node behind it. Its methods are
// safe for concurrent use.
type Chain interface {
	ChainID() string

	// Submit offers an envelope in wire form to the mempool. A refusal by the
	// rules is a *node.CheckError; node.ErrTxInCache, ErrMempoolFull and the
	// others keep their meaning.
	Submit(envelope []byte) error

	// Full reports whether Submit would answer node.ErrMempoolFull. It costs
	// next to nothing.
	Full() bool

	// Crowded reports whether the share of some member is used up, so that it pays
	// to ask Spare. It costs next to nothing.
	Crowded() bool

	// Spare refuses an envelope of a member, of so many bytes, when the member's
	// share of what may wait for a block is used up, as Submit would. The error is a
	// *tx.Error of CodeShare.
	Spare(m tx.MemberID, bytes int) error

	// Store gives read access to the log and the state.
	Store() *store.Store

	// Directory is that of the last committed state, nil before the first.
	Directory() *state.Directory

	// SignedBlock returns the header of a decided height and the commit for it.
	SignedBlock(height int64) (receipt.SignedBlock, error)

	// Trust is the trust root that the gateway proposes.
	Trust() *receipt.Trust

	// Ready says why the node should not be given work, or nil.
	Ready() error

	// Info describes the node.
	Info() Info
}

// Info describes the node behind the gateway.
type Info struct {
	NodeID     string
	Moniker    string
	Peers      int // connected
	Validators int // that decide the next height
}

// Config are the limits of a gateway. The zero value of a field is its default.
type Config struct {
	// Rate is the number of requests a second from one address (IPv6: one /64)
	// over time, Burst how many at once. Default 500 and 1000; Rate < 0 turns the
	// limit off. Loopback is not limited: that is a proxy, which limits its own clients.
	Rate  float64
	Burst int

	// InFlight is how many submissions may wait for a block at once; more are
	// answered 429. Default 10 000, about two seconds of a busy chain.
	InFlight int

	// Uploads is how many blobs may be received at once; more are answered 429.
	// Default 32.
	Uploads int

	// BodyWait is how long the body of a request may take to arrive, for a blob
	// how long it may stand still. Default 30 s.
	BodyWait time.Duration

	// Streams is how many clients may follow events at once; more are answered
	// 429. Default 1000.
	Streams int

	// Heartbeat is the pause after which a stream of events without events says
	// that it is alive. Default 15 s.
	Heartbeat time.Duration

	// Version is that of the program, for /v1/status.
	Version string
}

func (c Config) withDefaults() Config {
	if c.Rate == 0 {
		c.Rate = 500
	}
	if c.Burst == 0 {
		c.Burst = 1000
	}
	if c.InFlight == 0 {
		c.InFlight = 10_000
	}
	if c.Uploads == 0 {
		c.Uploads = 32
	}
	if c.BodyWait == 0 {
		c.BodyWait = 30 * time.Second
	}
	if c.Streams == 0 {
		c.Streams = 1000
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = 15 * time.Second
	}
	if c.Version == "" {
		c.Version = "devel"
	}
	return c
}

// Options are the parts of a gateway. Only Chain is needed.
type Options struct {
	Chain Chain

	// Events tells what blocks did; nil: the gateway makes its own.
	Events *events.Source

	Index *index.Index // nil: searching is unavailable
	Hooks *hooks.Hooks // nil: there are no webhooks

	// Answers keeps what requests with an Idempotency-Key were answered; nil: the
	// header is not looked at.
	Answers *replay.Store

	Blobs blob.Store   // nil: there is no place for files
	Vault *vault.Vault // Blobs, if it logs, keeps and erases; nil: it does not
	Log   *slog.Logger // nil: slog.Default()

	// Captures captures web pages; nil: it does not.
	Captures *captures.Service
	// EPCIS keeps EPCIS events; nil: there are no capture and query interfaces.
	EPCIS *repository.Repository

	// Stater states events of callers who sign nothing themselves; nil: they must.
	Stater *Stater

	// Consumers counts how often the page of a code was opened and takes reports;
	// nil: neither.
	Consumers *consumer.Store

	// Printer makes certificates; nil: there are none.
	Printer *Printer

	// Witness knows who outside the ledger saw its log; nil: nobody did.
	Witness Witness

	// Access says who asks and what they may; nil: everybody may read, submit and
	// store files, and nobody more.
	Access *access.Guard

	// Metrics takes the gateway's metrics; nil: nobody sees them.
	Metrics prometheus.Registerer
}

// A Gateway serves one node. Wire its notifications before the node runs.
type Gateway struct {
	ledger  *ledger
	routes  *gin.Engine
	handler http.Handler // shed before routes
	log     *slog.Logger
	streams *streams
}

// New makes a gateway.
func New(c Config, o Options) (*Gateway, error) {
	c = c.withDefaults()
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Access == nil {
		guard, err := access.New(access.Config{})
		if err != nil {
			return nil, fmt.Errorf("gateway: %w", err)
		}
		o.Access = guard
	}
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	if o.Index != nil && o.Blobs != nil {
		o.Index.Lists(lists(o.Blobs))
	}
	g := &Gateway{ledger: newLedger(c, o), log: o.Log}
	if o.EPCIS != nil {
		o.EPCIS.SetLedger(&epcisLedger{g.ledger, o.Stater})
	}
	g.streams = newStreams(c, g.ledger)
	m, err := newMetrics(o.Metrics, g.ledger, g.streams)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	if g.routes, err = newRoutes(c, o, g.ledger, g.streams, m); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	if g.handler, err = shed(g.ledger, m, c.BodyWait, g.routes); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	return g, nil
}

// Committed tells what became of each envelope of a block whose effects are
// stored. It is made for app.Config.OnBlock and never blocks.
func (g *Gateway) Committed(b app.Block) {
	g.ledger.flights.committed(b)
	g.ledger.events.Notify()
	if g.ledger.index != nil {
		g.ledger.index.Notify()
	}
}

// Decided tells that a height is decided, so that SignedBlock has it and the
// state of the height before can be proven. It is made for node.OnDecided.
func (g *Gateway) Decided(height int64) { g.ledger.flights.decide(height) }

// Handler returns the gateway as an HTTP handler.
func (g *Gateway) Handler() http.Handler { return g.handler }

// Bounds of a connection.
const (
	headerWait     = 5 * time.Second
	idleWait       = 2 * time.Minute
	maxHeaderBytes = 16 << 10
	stopWait       = 5 * time.Second
)

// Serve answers on l until ctx ends, then lets what is under way finish for a
// few seconds. It closes l.
func (g *Gateway) Serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler:           g.handler,
		ReadHeaderTimeout: headerWait,
		IdleTimeout:       idleWait,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}
	srv.RegisterOnShutdown(g.streams.end) // they would never finish by themselves
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve gateway: %w", err)
	case <-ctx.Done():
	}
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWait)
	defer cancel()
	if err := srv.Shutdown(wait); err != nil {
		srv.Close() // whoever still waits gets a broken connection and may ask again
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve gateway: %w", err)
	}
	return nil
}
