package app

import (
	"context"

	abci "github.com/cometbft/cometbft/abci/types"

	"zhenglian/app/state"
	"zhenglian/app/tx"
)

// PrepareProposal fills the block. When there is more than fits, it takes one
// envelope of each stating member in turn, so that a member who floods delays
// only itself.
//
// Envelopes that have become invalid since CheckTx come last. They are not left
// out: the mempool forgets a transaction only when a block has held it, so what
// is never proposed would stay for ever and fill it. In the block they are
// refused with their number, and those who wait for them are told.
func (a *App) PrepareProposal(_ context.Context, r *abci.RequestPrepareProposal) (*abci.ResponsePrepareProposal, error) {
	dir := a.committed.Load()
	ctx := a.next(dir, a.store.View())
	ctx.Time = tx.TimeOf(r.Time)
	opened, errs, _ := a.openAll(dir, r.Txs)
	var queues [][]int // of transactions, one queue a member, in order of arrival
	var stale []int
	of := make(map[tx.MemberID]int)
	for i, o := range opened {
		if errs[i] != nil {
			continue // CheckTx lets none of these in, and every validator would reject the block
		}
		if _, err := state.Check(ctx, o); state.Broken(err) {
			return nil, err
		} else if err != nil {
			stale = append(stale, i)
			continue
		}
		q, ok := of[o.Statement.Member]
		if !ok {
			q = len(queues)
			of[o.Statement.Member] = q
			queues = append(queues, nil)
		}
		queues[q] = append(queues[q], i)
	}
	out := make([][]byte, 0, len(r.Txs))
	room := r.MaxTxBytes
	take := func(i int) bool {
		n := size(r.Txs[i])
		if n > room {
			return false
		}
		room -= n
		out = append(out, r.Txs[i])
		return true
	}
	for more := true; more; {
		more = false
		for q := range queues {
			switch {
			case len(queues[q]) == 0:
			case take(queues[q][0]):
				queues[q] = queues[q][1:]
				more = true
			default:
				queues[q] = nil // keep a member's own order: nothing overtakes
			}
		}
	}
	for _, i := range stale {
		take(i)
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
