package app

import (
	"context"
	"encoding/binary"
	"fmt"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"

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
	if u := dir.Upgrade(); u != nil && u.Height == r.Height {
		if _, ok := a.rules[u.Version]; !ok {
			return nil, a.needUpgrade(u)
		}
	}
	opened, errs, sums := a.openAll(dir, r.Txs)
	if a.block != nil { // a block that was finalized and never committed
		a.block.Discard()
	}
	a.block = a.store.Begin(r.Height)
	a.block.Stamp(store.Hash(r.Hash), int64(tx.TimeOf(r.Time)))
	ctx := &state.Ctx{Height: r.Height, Time: tx.TimeOf(r.Time), Dir: dir, Read: a.block, BlockHash: a.blockHash}
	if err := state.BeginBlock(ctx, a.block, signers(r.DecidedLastCommit)); err != nil {
		return nil, fmt.Errorf("beginning of block %d: %w", r.Height, err)
	}
	rules := a.rules[ctx.Dir.Params.Protocol]

	results := make([]*abci.ExecTxResult, len(r.Txs))
	a.sums, a.results = sums, make([]Result, len(r.Txs))
	a.stated, a.time = stated(opened, errs), ctx.Time
	exec := make([]abci.ExecTxResult, len(r.Txs))
	for i := range r.Txs {
		results[i] = &exec[i]
		out := &a.results[i]
		var effect state.Effect
		err := errs[i]
		if err == nil {
			out.ID = opened[i].ID
			effect, err = rules.Check(ctx, opened[i])
		}
		if state.Broken(err) {
			return nil, fmt.Errorf("block %d, transaction %d: %w", r.Height, i, err)
		}
		if err != nil {
			out.Code, out.Err = tx.CodeOf(err), err
			exec[i] = abci.ExecTxResult{Code: uint32(out.Code), Codespace: codespace, Log: err.Error()}
			continue
		}
		if out.Seq, err = state.Apply(ctx, a.block, opened[i], effect); err != nil {
			return nil, fmt.Errorf("block %d, transaction %d: %w", r.Height, i, err)
		}
		exec[i].Data = binary.BigEndian.AppendUint64(nil, out.Seq)
	}
	updates, err := rules.EndBlock(ctx, a.block)
	if err != nil {
		return nil, fmt.Errorf("end of block %d: %w", r.Height, err)
	}
	a.dir = ctx.Dir
	head, err := a.block.Hash()
	if err != nil {
		return nil, fmt.Errorf("hash of block %d: %w", r.Height, err)
	}
	res := &abci.ResponseFinalizeBlock{TxResults: results, AppHash: head.AppHash[:]}
	for _, p := range updates.Validators {
		res.ValidatorUpdates = append(res.ValidatorUpdates, abci.Ed25519ValidatorUpdate(p.Key[:], p.Power))
	}
	if updates.Protocol != 0 {
		res.ConsensusParamUpdates = &cmtproto.ConsensusParams{Version: &cmtproto.VersionParams{App: uint64(updates.Protocol)}}
	}
	return res, nil
}

// signers lists the validators whose votes are in the commit of the last block,
// for that block or for none.
func signers(c abci.CommitInfo) (signed [][20]byte) {
	for _, v := range c.Votes {
		if v.BlockIdFlag != cmtproto.BlockIDFlagAbsent && len(v.Validator.Address) == 20 {
			signed = append(signed, [20]byte(v.Validator.Address))
		}
	}
	return signed
}

// Commit makes the finalized block durable.
func (a *App) Commit(context.Context, *abci.RequestCommit) (*abci.ResponseCommit, error) {
	a.committed.Store(a.dir) // before the view: see check
	head, err := a.block.Commit()
	if err != nil {
		return nil, err
	}
	a.verified.drop(a.sums)
	a.waiting.committed(a.time, a.sums, a.stated)
	results := a.results
	a.block, a.dir, a.sums, a.results, a.stated = nil, nil, nil, nil, nil
	if a.onBlock != nil {
		a.onBlock(Block{Head: head, Results: results})
	}
	return &abci.ResponseCommit{}, nil
}
