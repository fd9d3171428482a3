package member

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/google/renameio/v2"

	"zhenglian/app/receipt"
	"zhenglian/node"
)

// scanBatch is how many headers are looked at before somebody else may ask.
const scanBatch = 2_000

// A trustRoot is that of the genesis file with the changes of the validators
// since. No part of the ledger lists those: they are found by comparing, in each
// header, the validators of the block with those of the next one. What was found
// is kept in a file beside the data, which only saves looking again.
type trustRoot struct {
	node *node.Node
	path string // of the file
	log  *slog.Logger

	mu      sync.Mutex
	scanned int64 // every header up to here has been looked at
	trust   *receipt.Trust
}

// scanFile is the form of the file.
type scanFile struct {
	Scanned int64   `json:"scanned"`
	Changes []int64 `json:"changes"` // heights of their blocks
}

func newTrustRoot(n *node.Node, base *receipt.Trust, path string, log *slog.Logger) *trustRoot {
	return &trustRoot{node: n, path: path, log: log, trust: base, scanned: base.Height - 1}
}

// Trust returns the trust root as far as headers have been looked at.
func (t *trustRoot) Trust() *receipt.Trust {
	if _, err := t.scan(scanBatch); err != nil && !errors.Is(err, node.ErrStopped) {
		t.log.Warn("looking for changes of the validators", "err", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.trust
}

// run looks at all headers, those to come too, until ctx ends.
func (t *trustRoot) run(ctx context.Context) error {
	if err := t.resume(); err != nil {
		t.log.Warn("reading the changes of the validators found before; looking for them again", "file", t.path, "err", err)
	}
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for ctx.Err() == nil {
		level, err := t.scan(scanBatch)
		if err != nil && !errors.Is(err, node.ErrStopped) {
			t.log.Warn("looking for changes of the validators", "err", err)
		}
		if !level && err == nil {
			continue
		}
		if err := t.save(); err != nil {
			t.log.Warn("noting the changes of the validators", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	return nil
}

// scan looks at up to max more headers. It reports whether none is left.
func (t *trustRoot) scan(max int) (level bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for range max {
		h, _, err := t.node.SignedHeader(t.scanned + 1)
		if errors.Is(err, node.ErrNotFound) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if !bytes.Equal(h.ValidatorsHash, h.NextValidatorsHash) {
			if err := t.add(h.Height); err != nil {
				return false, err
			}
		}
		t.scanned = h.Height
	}
	return false, nil
}

// add appends the change that a block brings.
func (t *trustRoot) add(height int64) error {
	b, err := SignedBlock(t.node, height)
	if err != nil {
		return err
	}
	set, err := t.node.Validators(height + 1)
	if err != nil {
		return err
	}
	vs, err := validators(set)
	if err != nil {
		return err
	}
	next, err := t.trust.NewChange(b, vs)
	if err != nil {
		return fmt.Errorf("block %d: %w", height, err)
	}
	t.trust = next
	return nil
}

func validators(set *cmttypes.ValidatorSet) (vs []receipt.Validator, err error) {
	for _, v := range set.Validators {
		k := v.PubKey.Bytes()
		if len(k) != 32 {
			return nil, fmt.Errorf("validator %s has a key of type %s; receipts know ed25519", v.Address, v.PubKey.Type())
		}
		vs = append(vs, receipt.Validator{PubKey: [32]byte(k), Power: v.VotingPower})
	}
	return vs, nil
}

// resume takes up what was found before.
func (t *trustRoot) resume() error {
	b, err := os.ReadFile(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var f scanFile
	if err := json.Unmarshal(b, &f); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, h := range f.Changes {
		if h <= t.scanned {
			continue
		}
		if err := t.add(h); err != nil {
			return err
		}
		t.scanned = h
	}
	t.scanned = max(t.scanned, f.Scanned)
	return nil
}

func (t *trustRoot) save() error {
	t.mu.Lock()
	f := scanFile{Scanned: t.scanned, Changes: []int64{}}
	for i := range t.trust.Changes {
		f.Changes = append(f.Changes, t.trust.Changes[i].Block.Header.Height)
	}
	t.mu.Unlock()
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return renameio.WriteFile(t.path, append(b, '\n'), 0o600)
}
