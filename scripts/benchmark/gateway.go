package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	abci "github.com/cometbft/cometbft/abci/types"
	"golang.org/x/sync/errgroup"

	"zhenglian/app"
	"zhenglian/app/receipt"
	"zhenglian/app/state"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/client"
	"zhenglian/client/api"
	"zhenglian/node"
	"zhenglian/node/gateway"
	"zhenglian/node/index"
	"zhenglian/node/member"
	"zhenglian/node/repository"
)

// Gateway implements Served with what package member runs: the gateway and its
// index. Only files of evidence have no place.
func (w *ledgerWorkload) Gateway(home string, n *node.Node, a abci.Application) (_ Gateway, err error) {
	genesis, err := os.ReadFile(filepath.Join(home, node.Default().Genesis))
	if err != nil {
		return nil, err
	}
	c := &chain{node: n, app: a.(*app.App)}
	if c.trust, err = member.Trust(genesis); err != nil {
		return nil, err
	}
	c.signed = func(height int64) (receipt.SignedBlock, error) { return member.SignedBlock(n, height) }
	x, err := index.Open(filepath.Join(home, "data", "index.db"), c.app.Store())
	if err != nil {
		return nil, err
	}
	r, err := repository.Open(repository.Config{Path: filepath.Join(home, "data", "epcis.db"), Key: make([]byte, 32), Chain: chainID})
	if err != nil {
		return nil, errors.Join(err, x.Close())
	}
	g, err := openGatewayWith(c, x, r)
	if err != nil {
		return nil, errors.Join(err, x.Close(), r.Close())
	}
	n.OnDecided(g.gateway.Decided)
	w.gateway.Store(g.gateway)
	return g, nil
}

// Request implements Served.
func (w *ledgerWorkload) Request(wire []byte, patient bool) (Request, error) {
	e, err := tx.ParseEnvelope(wire)
	if err != nil {
		return Request{}, err
	}
	r := Request{Path: api.PathEnvelopes, ContentType: api.MediaDSSE, Body: e.AppendJSON(nil)}
	if !patient {
		r.Path += "?wait=0"
	}
	return r, nil
}

// Missing implements Served.
func (w *ledgerWorkload) Missing(home string, txs [][]byte) (missing int, err error) {
	s, err := store.Open(ledgerDir(home), store.Options{})
	if err != nil {
		return 0, err
	}
	defer s.Close()
	for _, wire := range txs {
		e, err := tx.ParseEnvelope(wire)
		if err != nil {
			return 0, err
		}
		_, known, err := s.View().Seq(store.Hash(e.ID()))
		if err != nil {
			return 0, err
		}
		if !known {
			missing++
		}
	}
	return missing, nil
}

// chain is the gateway's view of a node, or of an application without one.
type chain struct {
	node   *node.Node // nil: none
	app    *app.App
	trust  *receipt.Trust
	signed func(height int64) (receipt.SignedBlock, error)
}

var _ gateway.Chain = (*chain)(nil)

func (c *chain) ChainID() string              { return chainID }
func (c *chain) Submit(envelope []byte) error { return c.node.Submit(envelope) }
func (c *chain) Full() bool                   { return c.node.Full() }
func (c *chain) Crowded() bool                { return c.app.Crowded() }
func (c *chain) Store() *store.Store          { return c.app.Store() }
func (c *chain) Directory() *state.Directory  { return c.app.Directory() }
func (c *chain) Trust() *receipt.Trust        { return c.trust }
func (c *chain) Ready() error                 { return c.node.Ready() }
func (c *chain) Info() gateway.Info           { return gateway.Info{} }

func (c *chain) Spare(m tx.MemberID, bytes int) error { return c.app.Spare(m, bytes) }

func (c *chain) SignedBlock(height int64) (receipt.SignedBlock, error) { return c.signed(height) }

// ledgerGateway is a gateway on loopback with a client of its own.
type ledgerGateway struct {
	chain    *chain
	gateway  *gateway.Gateway
	index    *index.Index           // nil: none
	epcis    *repository.Repository // nil: none
	listener net.Listener
	client   *client.Client
}

// openGateway puts a gateway before a chain.
func openGateway(c *chain, x *index.Index) (*ledgerGateway, error) {
	return openGatewayWith(c, x, nil)
}

// openGatewayWith is openGateway with a repository of EPCIS events.
func openGatewayWith(c *chain, x *index.Index, r *repository.Repository) (_ *ledgerGateway, err error) {
	g := &ledgerGateway{chain: c, index: x, epcis: r}
	g.gateway, err = gateway.New(gateway.Config{}, gateway.Options{
		Chain: c, Index: x, EPCIS: r, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		return nil, err
	}
	if g.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	g.client, err = client.New(client.Config{Gateway: g.URL()})
	return g, err
}

func (g *ledgerGateway) URL() string { return "http://" + g.listener.Addr().String() }

// Run implements Gateway.
func (g *ledgerGateway) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return g.gateway.Serve(ctx, g.listener) })
	if g.index != nil {
		group.Go(func() error { return g.index.Run(ctx) })
	}
	if g.epcis != nil {
		group.Go(func() error { return g.epcis.Run(ctx) })
	}
	err := group.Wait()
	if g.epcis != nil {
		err = errors.Join(err, g.epcis.Close())
	}
	if g.index != nil {
		err = errors.Join(err, g.index.Close())
	}
	return err
}

// Enter implements Gateway.
func (g *ledgerGateway) Enter(ctx context.Context, wire []byte) error {
	e, err := tx.ParseEnvelope(wire)
	if err != nil {
		return err
	}
	entry, err := g.client.Enter(ctx, e, g.chain.trust)
	if err != nil {
		return err
	}
	if !entry.Checked {
		return fmt.Errorf("the receipt of %s was not verified", entry.ID)
	}
	return nil
}
