// Package erasure has a store destroy what the ledger says is erased.
//
// It reads the log for statements of kind evidence.erase, waits until each is
// effective, and has the vault destroy the keys of the files that it names. A file
// that other evidence names, which is not erased, stays; one on which there is a
// legal hold stays until the hold has ended. Where it is, is kept in the store itself,
// so that a store that was away or came from a copy does it all when it is back.
package erasure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/node/blob"
	"zhenglian/node/blob/vault"
	"zhenglian/node/index"
)

// Config is what a follower works on.
type Config struct {
	Vault     *vault.Vault
	Index     *index.Index // knows what names a file
	Store     *store.Store
	Directory func() *state.Directory // of the last committed state
	Log       *slog.Logger
}

// Every is the pause between two looks at the log.
const Every = 2 * time.Second

// Run follows the log until ctx ends. What fails is tried again.
func Run(ctx context.Context, c Config) error {
	t := time.NewTicker(Every)
	defer t.Stop()
	var swept time.Time
	for {
		if time.Since(swept) > sweepEvery {
			if left, err := c.Vault.Sweep(ctx); err != nil && ctx.Err() == nil {
				c.Log.Error("removing objects that nothing opens failed; it is tried again", "err", err)
			} else if left > 0 {
				c.Log.Info("objects that nothing opens are still locked", "objects", left)
			}
			swept = time.Now()
		}
		if err := Step(ctx, c); err != nil && ctx.Err() == nil {
			c.Log.Error("erasing files failed; it is tried again", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// sweepEvery is the pause between two tries to remove the bytes of what is gone.
const sweepEvery = 24 * time.Hour

// some is how many entries are read at once.
const some = 1000

// Step reads what is new in the log, and does what there is to do.
func Step(ctx context.Context, c Config) error {
	v, dir := c.Store.View(), c.Directory()
	if dir == nil {
		return nil
	}
	size := v.Head().LogSize
	at, waiting, err := c.Vault.Erasures(ctx)
	if err != nil {
		return err
	}
	for at < size {
		entries, err := v.Entries(at, some)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			break
		}
		var found []uint64
		for _, e := range entries {
			if bytes.Contains(e.Envelope, []byte(`"kind":"`+tx.EvidenceErase+`"`)) {
				found = append(found, e.Seq)
			}
		}
		at = entries[len(entries)-1].Seq + 1
		if err := c.Vault.FoundErasures(ctx, at, found); err != nil {
			return err
		}
		waiting = append(waiting, found...)
	}
	if len(waiting) == 0 {
		return nil
	}
	if err := c.Index.Wait(ctx, size); err != nil {
		return err
	}
	for _, seq := range waiting {
		done, err := c.erase(ctx, v, dir, seq)
		if err != nil {
			return fmt.Errorf("entry %d: %w", seq, err)
		}
		if done {
			if err := c.Vault.SettledErasure(ctx, seq); err != nil {
				return err
			}
		}
	}
	return nil
}

// erase does what an entry says, and reports whether nothing is left to do.
func (c *Config) erase(ctx context.Context, v *store.View, dir *state.Directory, seq uint64) (done bool, err error) {
	st, err := state.StandAt(v, dir, seq)
	if err != nil {
		return false, err
	}
	b, ok := st.Statement.Body.(*tx.Erase)
	if !ok || st.Outcome == row.Lapsed {
		return true, nil // the words stood in another statement, or it came to nothing
	}
	if st.Outcome != row.Effective {
		return false, nil
	}
	var digests []blob.Digest
	for _, d := range b.Files {
		other, err := c.namedElsewhere(ctx, v, dir, d)
		switch {
		case err != nil:
			return false, err
		case other.IsZero():
			digests = append(digests, blob.Digest(d))
		default:
			c.Log.Warn("a file is not erased: other evidence names it too", "blob", d, "statement", st.ID, "other", other)
			if err := c.Vault.Spare(ctx, st.ID, blob.Digest(d), other); err != nil {
				return false, err
			}
		}
	}
	held, err := c.Vault.Erase(ctx, st.ID, digests)
	if err != nil {
		return false, err
	}
	c.Log.Info("evidence erased", "statement", st.ID, "files", len(digests)-len(held), "held", len(held))
	return len(held) == 0, nil
}

// namedElsewhere finds evidence that names a file and is not erased.
func (c *Config) namedElsewhere(ctx context.Context, v *store.View, dir *state.Directory, d tx.Digest) (tx.ID, error) {
	q := index.Query{SHA256: d, Limit: 100}
	for {
		seqs, more, err := c.Index.Evidence(ctx, q)
		if err != nil {
			return tx.ID{}, err
		}
		for _, seq := range seqs {
			st, err := state.StandAt(v, dir, seq)
			if err != nil {
				return tx.ID{}, err
			}
			if st.State != row.Erased {
				return st.ID, nil
			}
			q.Before = seq
		}
		if !more {
			return tx.ID{}, nil
		}
		if len(seqs) == 0 {
			return tx.ID{}, errors.New("the index gives an empty page")
		}
	}
}
