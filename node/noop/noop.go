// Package noop is an ABCI application that does as little as one can: every
// transaction is accepted and the app hash is a hash over all of them. It is the
// measuring stick of the benchmark: what the node, the network and the disk allow
// when the application costs nothing.
package noop

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	abci "github.com/cometbft/cometbft/abci/types"
)

// stateFile holds height ‖ app hash ‖ SHA-256 of the two.
const stateFile = "noop.state"

const (
	heightSize = 8
	stateSize  = heightSize + sha256.Size + sha256.Size
)

// App is the application. Its state is one height and one hash.
type App struct {
	abci.BaseApplication
	file *os.File

	mu     sync.Mutex
	height int64
	hash   [sha256.Size]byte
}

var _ abci.Application = (*App)(nil)

// Open returns the application with its state in the folder dir, which is made
// when missing. A state that was torn by a crash counts as none: CometBFT then
// replays the chain. It is not synced to disk, because the least possible work is
// the point.
func Open(dir string) (*App, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening no-op application: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, stateFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening no-op application: %w", err)
	}
	a := &App{file: f}
	var b [stateSize]byte
	switch _, err := f.ReadAt(b[:], 0); {
	case err == nil:
		a.load(b)
	case !errors.Is(err, io.EOF):
		f.Close()
		return nil, fmt.Errorf("opening no-op application: %w", err)
	}
	return a, nil
}

func (a *App) load(b [stateSize]byte) {
	body := b[:heightSize+sha256.Size]
	if sha256.Sum256(body) != [sha256.Size]byte(b[len(body):]) {
		return
	}
	a.height = int64(binary.BigEndian.Uint64(body))
	copy(a.hash[:], body[heightSize:])
}

// Close releases the state file.
func (a *App) Close() error {
	if err := a.file.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return err
	}
	return nil
}

// Info implements abci.Application.
func (a *App) Info(context.Context, *abci.RequestInfo) (*abci.ResponseInfo, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	res := &abci.ResponseInfo{LastBlockHeight: a.height}
	if a.height > 0 {
		res.LastBlockAppHash = a.hash[:]
	}
	return res, nil
}

// PrepareProposal implements abci.Application: as many transactions as fit.
func (a *App) PrepareProposal(_ context.Context, r *abci.RequestPrepareProposal) (*abci.ResponsePrepareProposal, error) {
	return &abci.ResponsePrepareProposal{Txs: r.Txs}, nil // CometBFT offers no more than fit
}

// FinalizeBlock implements abci.Application. An empty block leaves the hash alone,
// so that a quiet chain stays quiet.
func (a *App) FinalizeBlock(_ context.Context, r *abci.RequestFinalizeBlock) (*abci.ResponseFinalizeBlock, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.height = r.Height
	res := make([]*abci.ExecTxResult, len(r.Txs))
	if len(r.Txs) > 0 {
		h := sha256.New()
		h.Write(a.hash[:])
		for i, tx := range r.Txs {
			h.Write(tx)
			res[i] = &abci.ExecTxResult{}
		}
		h.Sum(a.hash[:0])
	}
	hash := a.hash
	return &abci.ResponseFinalizeBlock{TxResults: res, AppHash: hash[:]}, nil
}

// Commit implements abci.Application.
func (a *App) Commit(context.Context, *abci.RequestCommit) (*abci.ResponseCommit, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := binary.BigEndian.AppendUint64(make([]byte, 0, stateSize), uint64(a.height))
	b = append(b, a.hash[:]...)
	sum := sha256.Sum256(b)
	if _, err := a.file.WriteAt(append(b, sum[:]...), 0); err != nil {
		return nil, fmt.Errorf("writing state: %w", err)
	}
	return &abci.ResponseCommit{}, nil
}
