package app

import (
	"context"

	abci "github.com/cometbft/cometbft/abci/types"

	"zhenglian/app/state"
	"zhenglian/app/tx"
)

// PrepareProposal fills the block: it drops envelopes that have become invalid
// and, when there is more than fits, takes one envelope of each stating member
// in turn, so that a member who floods delays only itself.
func (a *App) PrepareProposal(_ context.Context, r *abci.RequestPrepareProposal) (*abci.ResponsePrepareProposal, error) {
	dir := a.committed.Load()
	ctx := a.next(dir, a.store.View())
	ctx.Time = tx.TimeOf(r.Time)
	opened, errs := a.openAll(dir, r.Txs)
	var queues [][]int // of transactions, one queue a member, in order of arrival
	of := make(map[tx.MemberID]int)
	for i, o := range opened {
		if errs[i] != nil {
			continue
		}
		if _, err := state.Check(ctx, o); err != nil {
			if state.Broken(err) {
				return nil, err
			}
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
	for took := true; took; {
		took = false
		for q := range queues {
			if len(queues[q]) == 0 {
				continue
			}
			t := r.Txs[queues[q][0]]
			if size(t) > room {
				queues[q] = nil // keep a member's own order: nothing overtakes
				continue
			}
			queues[q] = queues[q][1:]
			room -= size(t)
			out = append(out, t)
			took = true
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
	_, errs := a.openAll(a.committed.Load(), r.Txs)
	for _, err := range errs {
		if err != nil {
			return &abci.ResponseProcessProposal{Status: abci.ResponseProcessProposal_REJECT}, nil
		}
	}
	return &abci.ResponseProcessProposal{Status: abci.ResponseProcessProposal_ACCEPT}, nil
}
