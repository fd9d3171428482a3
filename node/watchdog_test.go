package node_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	cmttypes "github.com/cometbft/cometbft/types"

	"zhenglian/node"
	"zhenglian/node/noop"
)

// failing is an application one method of which fails once armed, after passing a
// number of calls.
type failing struct {
	abci.Application
	method string
	panics bool
	armed  atomic.Bool
	passes atomic.Int64
}

var errInjected = errors.New("injected failure")

func fail[Req, Res any](f *failing, method string, call func(context.Context, Req) (Res, error),
	ctx context.Context, r Req,
) (Res, error) {
	if method == f.method && f.armed.Load() && f.passes.Add(-1) < 0 {
		if f.panics {
			panic(errInjected)
		}
		var none Res
		return none, errInjected
	}
	return call(ctx, r)
}

func (f *failing) Info(c context.Context, r *abci.RequestInfo) (*abci.ResponseInfo, error) {
	return fail(f, "Info", f.Application.Info, c, r)
}

func (f *failing) Query(c context.Context, r *abci.RequestQuery) (*abci.ResponseQuery, error) {
	return fail(f, "Query", f.Application.Query, c, r)
}

func (f *failing) CheckTx(c context.Context, r *abci.RequestCheckTx) (*abci.ResponseCheckTx, error) {
	return fail(f, "CheckTx", f.Application.CheckTx, c, r)
}

func (f *failing) InsertTx(c context.Context, r *abci.RequestInsertTx) (*abci.ResponseInsertTx, error) {
	return fail(f, "InsertTx", f.Application.InsertTx, c, r)
}

func (f *failing) ReapTxs(c context.Context, r *abci.RequestReapTxs) (*abci.ResponseReapTxs, error) {
	return fail(f, "ReapTxs", f.Application.ReapTxs, c, r)
}

func (f *failing) InitChain(c context.Context, r *abci.RequestInitChain) (*abci.ResponseInitChain, error) {
	return fail(f, "InitChain", f.Application.InitChain, c, r)
}

func (f *failing) PrepareProposal(c context.Context, r *abci.RequestPrepareProposal) (*abci.ResponsePrepareProposal, error) {
	return fail(f, "PrepareProposal", f.Application.PrepareProposal, c, r)
}

func (f *failing) ProcessProposal(c context.Context, r *abci.RequestProcessProposal) (*abci.ResponseProcessProposal, error) {
	return fail(f, "ProcessProposal", f.Application.ProcessProposal, c, r)
}

func (f *failing) FinalizeBlock(c context.Context, r *abci.RequestFinalizeBlock) (*abci.ResponseFinalizeBlock, error) {
	return fail(f, "FinalizeBlock", f.Application.FinalizeBlock, c, r)
}

func (f *failing) ExtendVote(c context.Context, r *abci.RequestExtendVote) (*abci.ResponseExtendVote, error) {
	return fail(f, "ExtendVote", f.Application.ExtendVote, c, r)
}

func (f *failing) VerifyVoteExtension(c context.Context, r *abci.RequestVerifyVoteExtension) (*abci.ResponseVerifyVoteExtension, error) {
	return fail(f, "VerifyVoteExtension", f.Application.VerifyVoteExtension, c, r)
}

func (f *failing) Commit(c context.Context, r *abci.RequestCommit) (*abci.ResponseCommit, error) {
	return fail(f, "Commit", f.Application.Commit, c, r)
}

func (f *failing) ListSnapshots(c context.Context, r *abci.RequestListSnapshots) (*abci.ResponseListSnapshots, error) {
	return fail(f, "ListSnapshots", f.Application.ListSnapshots, c, r)
}

func (f *failing) OfferSnapshot(c context.Context, r *abci.RequestOfferSnapshot) (*abci.ResponseOfferSnapshot, error) {
	return fail(f, "OfferSnapshot", f.Application.OfferSnapshot, c, r)
}

func (f *failing) LoadSnapshotChunk(c context.Context, r *abci.RequestLoadSnapshotChunk) (*abci.ResponseLoadSnapshotChunk, error) {
	return fail(f, "LoadSnapshotChunk", f.Application.LoadSnapshotChunk, c, r)
}

func (f *failing) ApplySnapshotChunk(c context.Context, r *abci.RequestApplySnapshotChunk) (*abci.ResponseApplySnapshotChunk, error) {
	return fail(f, "ApplySnapshotChunk", f.Application.ApplySnapshotChunk, c, r)
}

// extensions is a genesis under which votes carry extensions, so that CometBFT
// asks for them.
func extensions(vals []cmttypes.GenesisValidator) (*cmttypes.GenesisDoc, error) {
	doc, err := genesis(vals)
	doc.ConsensusParams.ABCI.VoteExtensionsEnableHeight = 1
	return doc, err
}

// TestWatchdog makes each method of the application panic, then fail. Methods that
// a lone validator is never asked for are called on the connection CometBFT would
// use.
func TestWatchdog(t *testing.T) {
	ctx := context.Background()
	tests := []struct {
		method  string
		atStart bool // called by New
		call    func(abci.Application) error
	}{
		{method: "Info", atStart: true},
		{method: "InitChain", atStart: true},
		{method: "CheckTx"},
		{method: "PrepareProposal"},
		{method: "ProcessProposal"},
		{method: "ExtendVote"},
		{method: "FinalizeBlock"},
		{method: "Commit"},
		{"Query", false, func(a abci.Application) error {
			_, err := a.Query(ctx, &abci.RequestQuery{})
			return err
		}},
		{"VerifyVoteExtension", false, func(a abci.Application) error {
			_, err := a.VerifyVoteExtension(ctx, &abci.RequestVerifyVoteExtension{})
			return err
		}},
		{"InsertTx", false, func(a abci.Application) error {
			_, err := a.InsertTx(ctx, &abci.RequestInsertTx{})
			return err
		}},
		{"ReapTxs", false, func(a abci.Application) error {
			_, err := a.ReapTxs(ctx, &abci.RequestReapTxs{})
			return err
		}},
		{"ListSnapshots", false, func(a abci.Application) error {
			_, err := a.ListSnapshots(ctx, &abci.RequestListSnapshots{})
			return err
		}},
		{"OfferSnapshot", false, func(a abci.Application) error {
			_, err := a.OfferSnapshot(ctx, &abci.RequestOfferSnapshot{})
			return err
		}},
		{"LoadSnapshotChunk", false, func(a abci.Application) error {
			_, err := a.LoadSnapshotChunk(ctx, &abci.RequestLoadSnapshotChunk{})
			return err
		}},
		{"ApplySnapshotChunk", false, func(a abci.Application) error {
			_, err := a.ApplySnapshotChunk(ctx, &abci.RequestApplySnapshotChunk{})
			return err
		}},
	}
	for _, tt := range tests {
		for _, panics := range []bool{true, false} {
			name := tt.method + "/error"
			if panics {
				name = tt.method + "/panic"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				gen := genesis
				if tt.method == "ExtendVote" {
					gen = extensions
				}
				cfg := testnet(t, 1, gen)[0]
				app, err := noop.Open(filepath.Join(cfg.Home, "app"))
				if err != nil {
					t.Fatal(err)
				}
				defer app.Close()
				f := &failing{Application: app, method: tt.method, panics: panics}

				if tt.atStart {
					f.armed.Store(true)
					_, err := node.New(t.Context(), cfg, f, node.Options{Log: logger()})
					checkHalted(t, err, tt.method)
					return
				}
				m := start(t, cfg, f)
				m.send("well")
				f.armed.Store(true)
				if tt.call != nil {
					if err := tt.call(m.ABCI()); err == nil {
						t.Error("the failure did not reach the caller")
					}
				} else {
					m.Submit([]byte("ill")) // its error depends on the method
				}
				select {
				case <-m.done:
				case <-time.After(5 * time.Second):
					t.Fatal("still running")
				}
				checkHalted(t, m.err, tt.method)
			})
		}
	}
}

func checkHalted(t *testing.T, err error, method string) {
	t.Helper()
	if !errors.Is(err, node.ErrHalted) {
		t.Fatalf("got %v, want ErrHalted", err)
	}
	if !strings.Contains(err.Error(), method) || !strings.Contains(err.Error(), errInjected.Error()) {
		t.Errorf("the reason is not in %q", err)
	}
}

// TestWatchdogBlockSync fails the application while it follows block sync, whose
// goroutine, unlike that of the consensus, does not recover panics.
func TestWatchdogBlockSync(t *testing.T) {
	t.Parallel()
	cfgs := testnet(t, 4, genesis)
	var ms []*member
	for _, c := range cfgs[:3] {
		ms = append(ms, start(t, c, nil))
	}
	for i := range 6 {
		ms[0].send(fmt.Sprint("before ", i))
	}
	for _, method := range []string{"FinalizeBlock", "Commit"} {
		app, err := noop.Open(filepath.Join(cfgs[3].Home, "app"))
		if err != nil {
			t.Fatal(err)
		}
		f := &failing{Application: app, method: method, panics: true}
		f.armed.Store(true)
		f.passes.Store(3) // New itself replays the block at which the last round failed
		late := start(t, cfgs[3], f)
		select {
		case <-late.done:
		case <-time.After(5 * time.Second):
			t.Fatal("still running")
		}
		checkHalted(t, late.err, method)
		app.Close()
	}

	// The home is sound: the same node with a sound application catches up.
	late := start(t, cfgs[3], nil)
	eventually(t, "catching up", func() bool { return late.Ready() == nil })
	checkSame(t, append(ms, late))
}

// TestWatchdogConsensusFailure makes CometBFT itself panic: no method of the
// application fails.
func TestWatchdogConsensusFailure(t *testing.T) {
	cfg := testnet(t, 1, genesis)[0]
	app, err := noop.Open(filepath.Join(cfg.Home, "app"))
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	m := start(t, cfg, &shortResults{Application: app})
	eventually(t, "submit", func() bool { return m.Submit([]byte("a transaction without a result")) == nil })
	select {
	case <-m.done:
	case <-time.After(5 * time.Second):
		t.Fatal("still running")
	}
	if !errors.Is(m.err, node.ErrHalted) || !strings.Contains(m.err.Error(), "consensus failure") {
		t.Errorf("got %v, want a consensus failure", m.err)
	}
}

// shortResults breaks the rule of one result per transaction, which CometBFT
// answers with a panic of its consensus goroutine.
type shortResults struct{ abci.Application }

func (s *shortResults) FinalizeBlock(ctx context.Context, r *abci.RequestFinalizeBlock) (*abci.ResponseFinalizeBlock, error) {
	res, err := s.Application.FinalizeBlock(ctx, r)
	res.TxResults = nil
	return res, err
}
