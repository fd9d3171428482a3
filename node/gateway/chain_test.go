package gateway

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/crypto/tmhash"
	cmttypes "github.com/cometbft/cometbft/types"

	"zhenglian/app"
	"zhenglian/app/apptest"
	"zhenglian/app/receipt"
	"zhenglian/app/state"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/node"
	"zhenglian/node/blob"
	"zhenglian/node/index"
	"zhenglian/node/replay"
)

// testChain is the real application in memory with validators that really sign,
// and a mempool and a clock that tests hold in their hands.
type testChain struct {
	t     testing.TB
	trust *receipt.Trust
	vals  *cmttypes.ValidatorSet
	keys  []ed25519.PrivKey // in the order of vals

	mu      sync.Mutex // guards what follows, and the chain that embeds it
	chain   *apptest.Chain
	gateway *Gateway
	auto    bool            // every submission makes its block, and the one that proves it
	full    bool            // the mempool takes nothing
	ready   error           //
	seen    map[string]bool // the mempool's cache
	pool    [][]byte        //
	decided int64
}

func newTestChain(t testing.TB) *testChain {
	t.Helper()
	c := &testChain{t: t, chain: apptest.New(t), seen: map[string]bool{}, auto: true}
	byAddress := map[string]ed25519.PrivKey{}
	var vals []*cmttypes.Validator
	var trusted []receipt.Validator
	for i := range 4 {
		k := ed25519.GenPrivKeyFromSecret(fmt.Appendf(nil, "validator %d", i))
		byAddress[string(k.PubKey().Address())] = k
		vals = append(vals, cmttypes.NewValidator(k.PubKey(), 10))
		trusted = append(trusted, receipt.Validator{PubKey: [32]byte(k.PubKey().Bytes()), Power: 10})
	}
	c.vals = cmttypes.NewValidatorSet(vals)
	for _, v := range c.vals.Validators {
		c.keys = append(c.keys, byAddress[string(v.Address)])
	}
	var err error
	if c.trust, err = receipt.NewTrust(apptest.ChainID, 1, trusted); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *testChain) ChainID() string             { return apptest.ChainID }
func (c *testChain) Store() *store.Store         { return c.chain.App.Store() }
func (c *testChain) Directory() *state.Directory { return c.chain.App.Directory() }
func (c *testChain) Trust() *receipt.Trust       { return c.trust }
func (c *testChain) Info() Info                  { return Info{NodeID: "n1", Moniker: "test", Peers: 3, Validators: 4} }

func (c *testChain) Ready() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ready
}

func (c *testChain) Full() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.full
}

func (c *testChain) Crowded() bool                        { return c.chain.App.Crowded() }
func (c *testChain) Spare(m tx.MemberID, bytes int) error { return c.chain.App.Spare(m, bytes) }

func (c *testChain) Submit(envelope []byte) error {
	r, err := c.chain.App.CheckTx(context.Background(), &abci.RequestCheckTx{Tx: envelope})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.full:
		return node.ErrMempoolFull
	case c.seen[string(envelope)]:
		return node.ErrTxInCache
	case r.Code != 0:
		return &node.CheckError{Code: r.Code, Log: r.Log}
	}
	c.seen[string(envelope)] = true
	c.pool = append(c.pool, envelope)
	if c.auto {
		go c.block(2)
	}
	return nil
}

// block decides and executes n blocks; the first takes what waits.
func (c *testChain) block(n int) {
	for range n {
		c.mu.Lock()
		c.decide()
		c.execute()
		c.mu.Unlock()
	}
}

// decide has the validators sign the next height, whose transactions are not
// executed yet. The caller holds mu.
func (c *testChain) decide() {
	c.decided = c.chain.Height + 1
	c.gateway.Decided(c.decided)
}

// execute runs the decided block. The caller holds mu.
func (c *testChain) execute() {
	txs := c.pool
	c.pool = nil
	b := app.Block{}
	for i, r := range c.chain.Block(txs...) {
		e, err := tx.ParseEnvelope(txs[i])
		if err != nil {
			c.t.Error(err)
			return
		}
		res := app.Result{ID: e.ID(), Code: tx.Code(r.Code)}
		if r.Code == 0 {
			res.Seq = binary.BigEndian.Uint64(r.Data)
		} else {
			res.Err = &tx.Error{Code: res.Code, Detail: "in a block"}
			delete(c.seen, string(txs[i]))
		}
		b.Results = append(b.Results, res)
	}
	b.Head, _ = c.Store().Head()
	c.gateway.Committed(b)
}

func (c *testChain) SignedBlock(height int64) (receipt.SignedBlock, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if height < 1 || height > c.decided {
		return receipt.SignedBlock{}, fmt.Errorf("header %d: %w", height, node.ErrNotFound)
	}
	some := func(what string) []byte { return tmhash.Sum(fmt.Appendf(nil, "%s %d", what, height)) }
	set := c.vals.Hash()
	start := apptest.Start.Add(time.Duration(height-1)*time.Second + c.chain.Skipped) // of a block that is decided and not committed
	if head, err := c.Store().HeadAt(height); err == nil {
		start = tx.Time(head.Time).Time()
	}
	h := receipt.Header{
		BlockVersion: 11, AppVersion: 1, ChainID: apptest.ChainID, Height: height,
		Time:           receipt.TimeOf(start),
		LastBlockID:    receipt.BlockID{Hash: some("block"), PartsTotal: 1, PartsHash: some("parts")},
		LastCommitHash: some("commit"), DataHash: some("data"), ValidatorsHash: set, NextValidatorsHash: set,
		ConsensusHash: some("consensus"), AppHash: c.chain.Hashes[height-1], LastResultsHash: some("results"), EvidenceHash: some("evidence"),
		ProposerAddress: c.vals.Validators[0].Address,
	}
	hash := h.Hash()
	b := receipt.SignedBlock{Header: h, Commit: receipt.Commit{PartsTotal: 1, PartsHash: some("these parts")}}
	for i, k := range c.keys[:3] {
		at := start.Add(time.Second)
		v := cmttypes.Vote{
			Type: 2, Height: height, Timestamp: at, ValidatorIndex: int32(i), ValidatorAddress: k.PubKey().Address(),
			BlockID: cmttypes.BlockID{Hash: hash[:], PartSetHeader: cmttypes.PartSetHeader{Total: 1, Hash: some("these parts")}},
		}
		sig, err := k.Sign(cmttypes.VoteSignBytes(apptest.ChainID, v.ToProto()))
		if err != nil {
			return receipt.SignedBlock{}, err
		}
		b.Commit.Signatures = append(b.Commit.Signatures, receipt.Signature{Validator: i, Time: receipt.TimeOf(at), Sig: sig})
	}
	return b, nil
}

// seal is a new evidence.seal, signed by the named keys.
func (c *testChain) seal(n int, signers ...string) *tx.Envelope {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.chain.Sign(c.chain.Statement("hangzhou-amr", tx.EvidenceSeal, tx.ID{}, c.chain.Evidence(n)), signers...)
}

// sign is any statement of a member.
func (c *testChain) sign(member tx.MemberID, kind tx.Kind, prev tx.ID, body tx.Body, signers ...string) *tx.Envelope {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.chain.Sign(c.chain.Statement(member, kind, prev, body), signers...)
}

// complete are signers that satisfy the policy of evidence.
var complete3 = []string{"officer1", "officer2", "city"}

// A harness is a gateway on a test chain with an index and a place for files,
// behind a real HTTP server.
type harness struct {
	*testChain
	g    *Gateway
	http *httptest.Server
	log  *logBuffer
}

const maxBlob = 1 << 20

func newHarness(t testing.TB, change ...func(*Config, *Options)) *harness {
	t.Helper()
	c := newTestChain(t)
	dir := t.TempDir()
	x, err := index.Open(filepath.Join(dir, "index.db"), c.Store())
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.OpenDir(filepath.Join(dir, "blobs"), maxBlob)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := replay.Open(filepath.Join(dir, "answers.db"))
	if err != nil {
		t.Fatal(err)
	}
	h := &harness{testChain: c, log: &logBuffer{}}
	cfg := Config{Version: "test"}
	o := Options{Chain: c, Index: x, Blobs: blobs, Answers: kept, Log: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	for _, f := range change {
		f(&cfg, &o)
	}
	if h.g, err = New(cfg, o); err != nil {
		t.Fatal(err)
	}
	c.gateway = h.g
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- x.Run(ctx) }()
	h.http = httptest.NewServer(h.g.Handler())
	t.Cleanup(func() {
		h.http.Close()
		cancel()
		if err := errors.Join(<-done, x.Close(), blobs.Close(), kept.Close()); err != nil {
			t.Error(err)
		}
	})
	c.block(2)
	return h
}

// logBuffer keeps what the gateway logs.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
