package main

import (
	"bytes"
	"context"
	"sync"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
)

// meter counts what an application commits.
type meter struct {
	abci.Application

	mu      sync.Mutex
	pending block
	blocks  []block // with transactions, committed

	watched []byte     // transaction looked for
	found   chan int64 // capacity 1: the height it was found at
}

// block is a committed block that had accepted transactions.
type block struct {
	at       time.Time // of the end of Commit
	txs      int       // accepted by the application
	refused  int       // in the block all the same
	executed time.Duration
}

// watch returns a channel that gets the height at which tx is executed. There is
// one watched transaction at a time.
func (m *meter) watch(tx []byte) <-chan int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watched, m.found = tx, make(chan int64, 1)
	return m.found
}

// FinalizeBlock implements abci.Application.
func (m *meter) FinalizeBlock(ctx context.Context, r *abci.RequestFinalizeBlock) (*abci.ResponseFinalizeBlock, error) {
	begin := time.Now()
	res, err := m.Application.FinalizeBlock(ctx, r)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pending = block{executed: time.Since(begin)}
	for i, tx := range r.Txs {
		if res.TxResults[i].Code == abci.CodeTypeOK {
			m.pending.txs++
		} else {
			m.pending.refused++
		}
		if m.watched != nil && bytes.Equal(tx, m.watched) {
			m.watched = nil
			m.found <- r.Height
		}
	}
	return res, nil
}

// Commit implements abci.Application.
func (m *meter) Commit(ctx context.Context, r *abci.RequestCommit) (*abci.ResponseCommit, error) {
	begin := time.Now()
	res, err := m.Application.Commit(ctx, r)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pending.txs+m.pending.refused > 0 {
		m.pending.at = time.Now()
		m.pending.executed += time.Since(begin)
		m.blocks = append(m.blocks, m.pending)
	}
	return res, err
}

// between returns the blocks committed in a window.
func (m *meter) between(from, to time.Time) []block {
	m.mu.Lock()
	defer m.mu.Unlock()
	var bs []block
	for _, b := range m.blocks {
		if !b.at.Before(from) && b.at.Before(to) {
			bs = append(bs, b)
		}
	}
	return bs
}

// last returns the time of the last block with transactions.
func (m *meter) last() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.blocks) == 0 {
		return time.Time{}
	}
	return m.blocks[len(m.blocks)-1].at
}
