package app

import (
	"context"
	"crypto/sha256"
	"slices"

	abci "github.com/cometbft/cometbft/abci/types"

	"zhenglian/app/state"
	"zhenglian/app/tx"
)

// PrepareProposal fills the block with what waits, one envelope of each stating
// member in turn, so that a member who floods delays only itself; and when others
// state something too, it takes no more than its part of the block (waitingRoom).
//
// Envelopes that have become invalid since CheckTx come last. They are not left
// out: the mempool forgets a transaction only when a block has held it, so what
// is never proposed would stay for ever and fill it. In the block they are
// refused with their number, and those who wait for them are told.
func (a *App) PrepareProposal(_ context.Context, r *abci.RequestPrepareProposal) (*abci.ResponsePrepareProposal, error) {
	dir := a.committed.Load()
	ctx := a.next(dir, a.store.View())
	ctx.Time = tx.TimeOf(r.Time)
	parts := a.waiting.parts(ctx.Time, r.Txs, func(b []byte) (tx.MemberID, [32]byte, bool) {
		sum := sha256.Sum256(b)
		o, err := a.openSum(dir, b, sum)
		if err != nil {
			return "", sum, false
		}
		return o.Statement.Member, sum, true
	})
	var out, stale [][]byte
	room := r.MaxTxBytes
	fits := func(b []byte) bool {
		n := size(b)
		if n > room {
			return false
		}
		room -= n
		return true
	}
	// next is the next envelope of a part that the rules accept by now.
	next := func(p *part) ([]byte, error) {
		for len(p.txs) > 0 && p.left > 0 {
			b := p.txs[0]
			p.txs = p.txs[1:]
			p.left -= units(b)
			o, err := a.openSum(dir, b, sha256.Sum256(b))
			if err != nil {
				continue
			}
			_, err = a.rules[dir.Params.Protocol].Check(ctx, o)
			if state.Broken(err) {
				return nil, err
			}
			if err == nil {
				return b, nil
			}
			stale = append(stale, b)
		}
		return nil, nil
	}
	for len(parts) > 0 {
		var err error
		parts = slices.DeleteFunc(parts, func(p *part) bool {
			var b []byte
			if b, err = next(p); err != nil || b == nil || !fits(b) {
				return true // what does not fit keeps a member's own order: nothing overtakes
			}
			out = append(out, b)
			return false
		})
		if err != nil {
			return nil, err
		}
	}
	for _, b := range stale {
		if fits(b) {
			out = append(out, b)
		}
	}
	return &abci.ResponsePrepareProposal{Txs: out}, nil
}

// size is what a transaction takes of a block: its bytes, a protobuf tag and
// its length.
func size(t []byte) int64 {
	n := int64(len(t))
	l := int64(1)
	for v := n; v >= 0x80; v >>= 7 {
		l++
	}
	return 1 + l + n
}

// ProcessProposal rejects a block in which any transaction is not a well-formed
// envelope with good signatures. Whether the rules accept a statement is left
// to FinalizeBlock: two statements of one block may exclude each other without
// fault of the proposer.
func (a *App) ProcessProposal(_ context.Context, r *abci.RequestProcessProposal) (*abci.ResponseProcessProposal, error) {
	_, errs, _ := a.openAll(a.committed.Load(), r.Txs)
	for _, err := range errs {
		if err != nil {
			return &abci.ResponseProcessProposal{Status: abci.ResponseProcessProposal_REJECT}, nil
		}
	}
	return &abci.ResponseProcessProposal{Status: abci.ResponseProcessProposal_ACCEPT}, nil
}
