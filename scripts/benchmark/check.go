package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	abci "github.com/cometbft/cometbft/abci/types"
	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/gin-gonic/gin"

	"zhenglian/app"
	"zhenglian/app/receipt"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/node/index"
)

// checkStatements is how many statements the ledger has whose files are asked for, and
// checkAsked how many of them are asked for over and over.
const (
	checkStatements = 20_000
	checkAsked      = 1_000
)

// checked is what a hash check takes.
type checked struct {
	serve, bare served // digests that were asked for before, at the same height
	first       served // each question another digest
}

// restCheck asks a gateway, over REST as courts do, which statements name the digest of
// a file: a thousand digests in turn, between two blocks. The ceiling is a gin handler
// that does nothing but return the same bytes, asked in the same way in the same run.
// What it takes for a digest that nobody has asked for since the last block is the part
// first.
func restCheck(ctx context.Context, b *bench) (_ pair, err error) {
	if b.checks != nil {
		return pair{b.checks.serve.rate, b.checks.bare.rate}, nil
	}
	fmt.Fprintf(b.progress, "rest.check making %d statements\n", checkStatements)
	g, digests, stop, err := makeChecked(ctx, checkStatements)
	if err != nil {
		return pair{}, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	path := func(i int) string { return api.PathEvidence + "?sha256=" + digests[i%len(digests)].String() }
	res, err := http.Get(g.URL() + path(0))
	if err != nil {
		return pair{}, err
	}
	answer, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil || res.StatusCode != http.StatusOK || len(answer) < 400 {
		return pair{}, fmt.Errorf("hash check: %s %s: %w", res.Status, answer, err)
	}
	gin.SetMode(gin.ReleaseMode)
	bare := gin.New()
	bare.GET(api.PathEvidence, func(c *gin.Context) { c.Data(http.StatusOK, api.MediaJSON, answer) })
	s := httptest.NewServer(bare)
	defer s.Close()
	get := func(url string, index func(int) int) func(int) (*http.Request, error) {
		return func(i int) (*http.Request, error) {
			return http.NewRequestWithContext(ctx, http.MethodGet, url+path(index(i)), nil)
		}
	}
	few := func(i int) int { return i % checkAsked }
	c := new(checked)
	var all []pair
	// The first round is for what is not asked again.
	if c.first, err = rate(b.scale.verifying, get(g.URL(), func(i int) int { return checkAsked + i })); err != nil {
		return pair{}, err
	}
	for range b.scale.pairs {
		if c.bare, err = rate(b.scale.verifying, get(s.URL, few)); err != nil {
			return pair{}, err
		}
		if c.serve, err = rate(b.scale.verifying, get(g.URL(), few)); err != nil {
			return pair{}, err
		}
		all = append(all, pair{c.serve.rate, c.bare.rate})
	}
	b.checks = c
	return median(all), nil
}

func restCheckParts(b *bench) []part {
	c := b.checks
	return []part{
		{"cpu", "s", pair{c.serve.cpu, c.bare.cpu}},
		{"first", "1/s", pair{c.first.rate, c.bare.rate}},
		{"first.cpu", "s", pair{c.first.cpu, c.bare.cpu}},
	}
}

// makeChecked builds a ledger of so many evidence.seal, indexed and served.
func makeChecked(ctx context.Context, statements int) (_ *ledgerGateway, digests []tx.Digest, stop func() error, err error) {
	workload, err := newLedger(1)
	if err != nil {
		return nil, nil, nil, err
	}
	w := workload.(*ledgerWorkload)
	dir, err := os.MkdirTemp("", "zhenglian-check")
	if err != nil {
		return nil, nil, nil, err
	}
	a, err := app.New(app.Config{Dir: "ledger", Store: store.Options{FS: vfs.NewMem()}})
	if err != nil {
		return nil, nil, nil, err
	}
	doc := &cmttypes.GenesisDoc{ChainID: chainID}
	if err := w.Genesis(doc); err != nil {
		return nil, nil, nil, err
	}
	if _, err := a.InitChain(ctx, &abci.RequestInitChain{ChainId: chainID, AppStateBytes: doc.AppState}); err != nil {
		return nil, nil, nil, err
	}
	const perBlock = 1000
	var height int64
	var hash []byte
	for from := 0; from < statements; from += perBlock {
		var txs [][]byte
		for i := from; i < min(from+perBlock, statements); i++ {
			wire, err := w.Tx(i)
			if err != nil {
				return nil, nil, nil, err
			}
			e, err := tx.ParseEnvelope(wire)
			if err != nil {
				return nil, nil, nil, err
			}
			s, err := tx.ParseStatement(e.Payload)
			if err != nil {
				return nil, nil, nil, err
			}
			digests = append(digests, s.Body.(*tx.Evidence).Files[0].SHA256)
			txs = append(txs, wire)
		}
		height++
		res, err := a.FinalizeBlock(ctx, &abci.RequestFinalizeBlock{Height: height, Hash: make([]byte, sha256.Size), Time: time.Now(), Txs: txs})
		if err != nil {
			return nil, nil, nil, err
		}
		for _, r := range res.TxResults {
			if r.Code != abci.CodeTypeOK {
				return nil, nil, nil, fmt.Errorf("statement was refused: %s", r.Log)
			}
		}
		if _, err := a.Commit(ctx, &abci.RequestCommit{}); err != nil {
			return nil, nil, nil, err
		}
		hash = res.AppHash
	}
	c := &chain{app: a}
	var block receipt.SignedBlock
	if block, c.trust, err = sealed(height+1, hash); err != nil {
		return nil, nil, nil, err
	}
	c.signed = func(int64) (receipt.SignedBlock, error) { return block, nil }
	x, err := index.Open(filepath.Join(dir, "index.db"), a.Store())
	if err != nil {
		return nil, nil, nil, err
	}
	g, err := openGateway(c, x)
	if err != nil {
		return nil, nil, nil, err
	}
	serving, end := context.WithCancel(ctx)
	stopped := make(chan error, 1)
	go func() { stopped <- g.Run(serving) }()
	g.gateway.Decided(height + 1)
	stop = func() error { end(); return errors.Join(<-stopped, a.Close(), os.RemoveAll(dir)) }
	return g, digests, stop, x.Wait(ctx, a.Store().View().Head().LogSize)
}
