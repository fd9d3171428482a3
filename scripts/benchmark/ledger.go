package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	abci "github.com/cometbft/cometbft/abci/types"
	cmttypes "github.com/cometbft/cometbft/types"

	"zhenglian/app"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/genesis"
	"zhenglian/node"
	"zhenglian/node/gateway"
)

// ledgerWorkload is the ledger itself: each transaction is an evidence.seal of
// one file that is complete with its signatures.
type ledgerWorkload struct {
	state  *genesis.State
	keys   []tx.Signer // those that sign each statement
	byName map[string]tx.Signer
	anchor tx.Anchor

	gateway atomic.Pointer[gateway.Gateway] // told of blocks, once there is one
}

var _ Served = (*ledgerWorkload)(nil)

// benchPolicies ask for 1, 2 or 3 signatures; the third is the rule of a new
// network.
var benchPolicies = [...]string{1: "officer@issuer", 2: "OF(2,officer@issuer)", 3: genesis.EvidencePolicy}

func newLedger(sigs int) (Workload, error) {
	w := &ledgerWorkload{byName: make(map[string]tx.Signer)}
	names := []string{"officer1", "officer2", "city"}[:sigs]
	var err error
	w.state, err = genesis.Demo(func(d genesis.DemoKey) (tx.PublicKey, error) {
		seed := sha256.Sum256([]byte("benchmark " + d.Name))
		k, err := tx.NewPrivateKey(d.Type, seed[:])
		if err != nil {
			return tx.PublicKey{}, err
		}
		w.byName[d.Name] = k
		return k.Public(), nil
	})
	if err != nil {
		return nil, err
	}
	for i := range w.state.Policies {
		if w.state.Policies[i].Kind == tx.EvidenceSeal {
			w.state.Policies[i].Expr = benchPolicies[sigs]
		}
	}
	for _, n := range names {
		w.keys = append(w.keys, w.byName[n])
	}
	// Statements made before the chain runs can only be anchored in its
	// beginning, and must outlive the run.
	w.state.Params.AnchorBlocks, w.state.Params.ExpiresBlocks = 10_000_000, 10_000_000
	return w, nil
}

// Genesis implements Workload. It finds out what an anchor of height 0 names.
func (w *ledgerWorkload) Genesis(doc *cmttypes.GenesisDoc) (err error) {
	if doc.AppState, err = json.Marshal(w.state); err != nil {
		return err
	}
	a, err := app.New(app.Config{Dir: "ledger", Store: store.Options{FS: vfs.NewMem()}})
	if err != nil {
		return err
	}
	defer a.Close()
	init := &abci.RequestInitChain{ChainId: doc.ChainID, AppStateBytes: doc.AppState}
	for _, v := range doc.Validators {
		init.Validators = append(init.Validators, abci.Ed25519ValidatorUpdate(v.PubKey.Bytes(), v.Power))
	}
	r, err := a.InitChain(context.Background(), init)
	if err != nil {
		return err
	}
	w.anchor = tx.Anchor{Hash: tx.Digest(r.AppHash)}
	return nil
}

func (w *ledgerWorkload) App(home string) (abci.Application, error) {
	waits := node.Default().Mempool
	return app.New(app.Config{Dir: ledgerDir(home), Waiting: waits.Txs, WaitingBytes: waits.Bytes, OnBlock: func(b app.Block) {
		if g := w.gateway.Load(); g != nil {
			g.Committed(b)
		}
	}})
}

func ledgerDir(home string) string { return filepath.Join(home, "data", "ledger") }

func (w *ledgerWorkload) Tx(i int) ([]byte, error) { return w.seal(i, "hangzhou-amr", w.keys...) }

// seal makes the i-th statement, of a member, with signatures.
func (w *ledgerWorkload) seal(i int, member tx.MemberID, keys ...tx.Signer) ([]byte, error) {
	d := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
	d2 := sha256.Sum256(d[:])
	at := tx.TimeOf(time.Now()) - 60_000
	s := &tx.Statement{
		Chain: chainID, Kind: tx.EvidenceSeal, Member: member, At: at, Expires: 5_000_000,
		Body: &tx.Evidence{
			Anchor:   w.anchor,
			Captured: tx.Captured{Started: at, Ended: at, Method: "headless_chromium", Tool: "zheng/0.1 chromium/156.0", ToolSHA256: d2},
			Class:    "file",
			Files:    []tx.File{{Bytes: 300_000, Media: "image/png", Role: "screenshot", SHA256: d, SM3: d2}},
		},
	}
	b, err := s.Encode()
	if err != nil {
		return nil, err
	}
	e, err := tx.Seal(b, keys...)
	if err != nil {
		return nil, fmt.Errorf("sign transaction %d: %w", i, err)
	}
	return e.AppendWire(nil), nil
}
