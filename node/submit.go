package node

import (
	"bytes"
	"errors"
	"fmt"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/mempool"
)

// Reasons for Submit to refuse a transaction that say nothing about its content.
var (
	// ErrMempoolFull: more work is waiting than the chain does in about a second.
	// The same transaction may be offered again later.
	ErrMempoolFull = errors.New("mempool is full")

	// ErrTxInCache: these bytes were seen before and wait for a block, are in one,
	// or were dropped. Not a failure for the sender, who should look for the result.
	ErrTxInCache = errors.New("transaction was seen before")

	// ErrTxTooLarge: the transaction exceeds mempool.tx_bytes.
	ErrTxTooLarge = errors.New("transaction is too large")

	// ErrCatchingUp: the node is behind the chain and cannot judge transactions.
	ErrCatchingUp = errors.New("node is catching up")

	// ErrStopped: the node is not running.
	ErrStopped = errors.New("node is stopped")
)

// CheckError is the refusal of a transaction by the application.
type CheckError struct {
	Code uint32 // never 0
	Log  string // for people
}

func (e *CheckError) Error() string {
	return fmt.Sprintf("application refused the transaction with code %d: %s", e.Code, e.Log)
}

// Submit offers a transaction to the mempool and returns when the application has
// checked it. A nil error means that it waits for a block and is on its way to the
// other members, not that it will be in one: it can be lost with the process. The
// caller must not change tx afterwards.
//
// Submit is safe for concurrent use and checks concurrently.
func (n *Node) Submit(tx []byte) (err error) {
	if !n.enter() {
		return ErrStopped
	}
	defer n.leave()
	if n.comet.ConsensusReactor().WaitSync() {
		return ErrCatchingUp
	}
	defer func() {
		// CometBFT makes a panic of an application's error; the guard has halted the
		// node already.
		if r := recover(); r != nil {
			err = fmt.Errorf("submitting: %v", r)
		}
	}()

	mp := n.comet.Mempool()
	var (
		res  *abci.ResponseCheckTx
		full bool
	)
	err = mp.CheckTx(tx, func(r *abci.ResponseCheckTx) {
		res = r
		full = mp.Size() >= n.cfg.Mempool.Txs || mp.SizeBytes()+int64(len(tx)) > n.cfg.Mempool.Bytes
	}, mempool.TxInfo{})
	var (
		tooLarge mempool.ErrTxTooLarge
		isFull   mempool.ErrMempoolIsFull
	)
	switch {
	case errors.As(err, &isFull), errors.Is(err, mempool.ErrRecheckFull):
		return ErrMempoolFull
	case errors.Is(err, mempool.ErrTxInCache):
		return ErrTxInCache
	case errors.As(err, &tooLarge):
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTxTooLarge, tooLarge.Actual, tooLarge.Max)
	case err != nil:
		return fmt.Errorf("submitting: %w", err)
	case res.Code != abci.CodeTypeOK:
		return &CheckError{Code: res.Code, Log: res.Log}
	case full && !waiting(mp, tx):
		return ErrMempoolFull
	}
	return nil
}

// Full reports whether the mempool has no room for another transaction of usual
// size, so that Submit would most likely refuse it.
func (n *Node) Full() bool {
	if !n.enter() {
		return false // Submit says why it cannot
	}
	defer n.leave()
	const usual = 2 << 10
	mp := n.comet.Mempool()
	return mp.Size() >= n.cfg.Mempool.Txs || mp.SizeBytes()+usual > n.cfg.Mempool.Bytes
}

// waiting reports whether tx is in the mempool. CometBFT silently drops a
// transaction for which there was room before the check but not after it, and
// still reports success; while the mempool is not full that cannot have happened.
// A transaction that has left for a block in between counts as dropped: offering
// it again is harmless.
func waiting(mp mempool.Mempool, tx []byte) bool {
	for _, w := range mp.ReapMaxTxs(-1) {
		if len(w) == len(tx) && bytes.Equal(w, tx) {
			return true
		}
	}
	return false
}
