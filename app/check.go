package app

import (
	"context"
	"crypto/sha256"
	"errors"

	abci "github.com/cometbft/cometbft/abci/types"

	"zhenglian/app/state"
	"zhenglian/app/store"
	"zhenglian/app/tx"
)

func isNoHeight(err error) bool { return errors.Is(err, store.ErrNoHeight) }

// CheckTx judges an envelope as if it were in the next block. It runs on many
// goroutines at once, on the last committed state.
func (a *App) CheckTx(_ context.Context, r *abci.RequestCheckTx) (*abci.ResponseCheckTx, error) {
	err := a.check(r.Tx)
	if state.Broken(err) {
		return nil, err
	}
	if err != nil {
		return &abci.ResponseCheckTx{Code: uint32(tx.CodeOf(err)), Codespace: codespace, Log: err.Error()}, nil
	}
	return &abci.ResponseCheckTx{}, nil
}

// codespace names our codes among those of CometBFT's tools.
const codespace = "zhenglian"

func (a *App) check(envelope []byte) error {
	// The view first: a directory later than the view knows all that the view
	// shows, an earlier one does not.
	v := a.store.View()
	dir := a.committed.Load()
	if dir == nil {
		return &tx.Error{Code: tx.CodeInternal, Detail: "the chain has not begun"}
	}
	if err := a.waiting.full(envelope); err != nil {
		return err
	}
	sum := sha256.Sum256(envelope)
	o, err := a.openSum(dir, envelope, sum)
	if err != nil {
		return err
	}
	if _, err = a.rules[dir.Params.Protocol].Check(a.next(dir, v), o); err != nil {
		return err
	}
	o.AbsentFrom(v.Head().LogSize)
	return a.waiting.admit(o.Statement.Member, sum, envelope)
}

// next is the context of the block after the one that v shows.
func (a *App) next(dir *state.Directory, v *store.View) *state.Ctx {
	h := v.Head()
	t := tx.Time(h.Time)
	if h.Time == 0 { // before block 1 there is no block time to compare with
		t = tx.Time(tx.MaxInt)
	}
	return &state.Ctx{Height: h.Height + 1, Time: t, Dir: dir, Read: v, BlockHash: a.blockHash}
}
