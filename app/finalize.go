package app

import (
	"context"
	"encoding/binary"
	"fmt"

	abci "github.com/cometbft/cometbft/abci/types"

	"zhenglian/app/state"
	"zhenglian/app/store"
	"zhenglian/app/tx"
)

// FinalizeBlock judges and applies the envelopes of a decided block in order
// and answers with the app hash. The result of an accepted envelope carries its
// sequence number, 8 bytes big endian.
func (a *App) FinalizeBlock(_ context.Context, r *abci.RequestFinalizeBlock) (*abci.ResponseFinalizeBlock, error) {
	dir := a.committed.Load()
	if dir == nil {
		return nil, fmt.Errorf("block %d before InitChain", r.Height)
	}
	opened, errs := a.openAll(dir, r.Txs)
	if a.block != nil { // a block that was finalized and never committed
		a.block.Discard()
	}
	a.block = a.store.Begin(r.Height)
	a.block.Stamp(store.Hash(r.Hash), int64(tx.TimeOf(r.Time)))
	ctx := &state.Ctx{Height: r.Height, Time: tx.TimeOf(r.Time), Dir: dir, Read: a.block, BlockHash: a.blockHash}

	results := make([]*abci.ExecTxResult, len(r.Txs))
	a.txs, a.results = r.Txs, make([]Result, len(r.Txs))
	exec := make([]abci.ExecTxResult, len(r.Txs))
	for i := range r.Txs {
		results[i] = &exec[i]
		out := &a.results[i]
		var effect state.Effect
		err := errs[i]
		if err == nil {
			out.ID = opened[i].ID
			effect, err = state.Check(ctx, opened[i])
		}
		if state.Broken(err) {
			return nil, fmt.Errorf("block %d, transaction %d: %w", r.Height, i, err)
		}
		if err != nil {
			out.Code, out.Err = tx.CodeOf(err), err
			exec[i] = abci.ExecTxResult{Code: uint32(out.Code), Codespace: codespace, Log: err.Error()}
			continue
		}
		out.Seq = state.Apply(a.block, opened[i], effect)
		exec[i].Data = binary.BigEndian.AppendUint64(nil, out.Seq)
	}
	if err := state.EndBlock(ctx, a.block); err != nil {
		return nil, fmt.Errorf("end of block %d: %w", r.Height, err)
	}
	head, err := a.block.Hash()
	if err != nil {
		return nil, fmt.Errorf("hash of block %d: %w", r.Height, err)
	}
	return &abci.ResponseFinalizeBlock{TxResults: results, AppHash: head.AppHash[:]}, nil
}

// Commit makes the finalized block durable.
func (a *App) Commit(context.Context, *abci.RequestCommit) (*abci.ResponseCommit, error) {
	head, err := a.block.Commit()
	if err != nil {
		return nil, err
	}
	a.verified.drop(a.txs)
	results := a.results
	a.block, a.txs, a.results = nil, nil, nil
	if a.onBlock != nil {
		a.onBlock(Block{Head: head, Results: results})
	}
	return &abci.ResponseCommit{}, nil
}
