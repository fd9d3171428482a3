package node_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"

	"zhenglian/node"
	"zhenglian/node/noop"
)

// picky refuses some transactions, takes its time over all and makes no blocks
// while held.
type picky struct {
	abci.Application
	held   atomic.Bool
	inside atomic.Int64 // concurrent CheckTx calls
	most   atomic.Int64
}

func (p *picky) CheckTx(_ context.Context, r *abci.RequestCheckTx) (*abci.ResponseCheckTx, error) {
	in := p.inside.Add(1)
	defer p.inside.Add(-1)
	for m := p.most.Load(); in > m && !p.most.CompareAndSwap(m, in); m = p.most.Load() {
	}
	time.Sleep(5 * time.Millisecond)
	if bytes.HasPrefix(r.Tx, []byte("bad")) {
		return &abci.ResponseCheckTx{Code: 7, Log: "bad"}, nil
	}
	return &abci.ResponseCheckTx{}, nil
}

func (p *picky) PrepareProposal(ctx context.Context, r *abci.RequestPrepareProposal) (*abci.ResponsePrepareProposal, error) {
	if p.held.Load() {
		return &abci.ResponsePrepareProposal{}, nil
	}
	return p.Application.PrepareProposal(ctx, r)
}

func TestSubmit(t *testing.T) {
	cfg := testnet(t, 1, genesis)[0]
	cfg.Mempool.Txs = 10
	cfg.Metrics.Listen = "" // a node without a health endpoint runs as well
	app, err := noop.Open(filepath.Join(cfg.Home, "app"))
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	p := &picky{Application: app}
	m := start(t, cfg, p)
	defer m.stop()
	m.send("first")

	var refused *node.CheckError
	if err := m.Submit([]byte("bad")); !errors.As(err, &refused) || refused.Code != 7 || refused.Log != "bad" {
		t.Errorf("refusal by the application: %v", err)
	}
	if err := m.Submit(make([]byte, cfg.Mempool.TxBytes+1)); !errors.Is(err, node.ErrTxTooLarge) {
		t.Errorf("too large: %v", err)
	}
	if err := m.Submit([]byte("first")); !errors.Is(err, node.ErrTxInCache) {
		t.Errorf("second time: %v", err)
	}

	// Thirty at once into room for ten: no more is acknowledged than there is room
	// for, though all pass the first look at it together.
	p.held.Store(true)
	var wg sync.WaitGroup
	var accepted, full atomic.Int64
	for i := range 30 {
		wg.Go(func() {
			switch err := m.Submit(fmt.Append(nil, "flood ", i)); {
			case err == nil:
				accepted.Add(1)
			case errors.Is(err, node.ErrMempoolFull):
				full.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if p.most.Load() < 2 {
		t.Error("transactions were checked one after the other")
	}
	// The mempool itself may overshoot by a few; what matters is that every
	// acknowledged transaction waits there and gets into a block.
	if accepted.Load()+full.Load() != 30 || accepted.Load() < 10 || full.Load() == 0 {
		t.Errorf("%d accepted, %d told full", accepted.Load(), full.Load())
	}
	p.held.Store(false)
	eventually(t, "all accepted in blocks", func() bool {
		var n int64
		for h := int64(1); h <= m.height(); h++ {
			b, err := m.Block(h)
			if err != nil {
				t.Fatal(err)
			}
			for _, tx := range b.Txs {
				if bytes.HasPrefix(tx, []byte("flood ")) {
					n++
				}
			}
		}
		return n == accepted.Load()
	})
}
