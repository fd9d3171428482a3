package main

import (
	"context"
	"crypto/sha256"
	"slices"
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

	watched  map[[32]byte]time.Time // when each transaction looked for was due, by SHA-256
	executed []execution            // of watched transactions, heights ascending
}

// execution is a watched transaction in a block whose effects are not provable yet.
type execution struct {
	height int64
	due    time.Time
}

// sample is the fate of a watched transaction.
type sample struct {
	due  time.Time     // when it was to be submitted
	took time.Duration // from then until it was provable
}

// block is a committed block that had accepted transactions.
type block struct {
	at       time.Time // of the end of Commit
	txs      int       // accepted by the application
	refused  int       // in the block all the same
	executed time.Duration
}

// watch looks for a transaction in blocks to come.
func (m *meter) watch(tx []byte, due time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.watched == nil {
		m.watched = make(map[[32]byte]time.Time)
	}
	m.watched[sha256.Sum256(tx)] = due
}

// forget ends the watch for a transaction that was refused.
func (m *meter) forget(tx []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.watched, sha256.Sum256(tx))
}

// provable returns the watched transactions that the decision of a height made
// provable: those of the blocks below it.
func (m *meter) provable(height int64, now time.Time) (s []sample) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.executed) > 0 && m.executed[0].height < height {
		s = append(s, sample{m.executed[0].due, now.Sub(m.executed[0].due)})
		m.executed = m.executed[1:]
	}
	return s
}

// unproven is the number of watched transactions that are not provable yet.
func (m *meter) unproven() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.watched) + len(m.executed)
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
		if len(m.watched) == 0 {
			continue
		}
		sum := sha256.Sum256(tx)
		if due, ok := m.watched[sum]; ok {
			delete(m.watched, sum)
			m.executed = append(m.executed, execution{r.Height, due})
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

// all returns the blocks committed so far.
func (m *meter) all() []block {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.blocks)
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
