package store

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cosmos/iavl"
)

// A Change is a state key to which a block did something. Key and values must
// not be modified.
type Change struct {
	Key           []byte
	Before, After []byte // nil: the key was, or is, absent
}

// changeNodes is how many tree nodes one comparison keeps: both sides of the
// paths to a block's rows.
const changeNodes = 4096

// Changes lists the state keys whose values differ after the block of a height
// from those before it, ascending. It compares two versions of the tree and goes
// only where they differ, so it costs what the block wrote, however large the
// state is. ErrNoHeight means that there is no such block, or none before it.
func (s *Store) Changes(height int64) ([]Change, error) {
	now, err := s.At(height)
	if err != nil {
		return nil, err
	}
	then, err := s.At(height - 1)
	if err != nil {
		return nil, err
	}
	if now.head.TreeVersion == then.head.TreeVersion {
		return nil, nil
	}
	var out []Change
	add := func(key []byte) error {
		c := Change{Key: key}
		if c.Before, err = then.Get(key); err != nil {
			return err
		}
		if c.After, err = now.Get(key); err != nil {
			return err
		}
		if !bytes.Equal(c.Before, c.After) {
			out = append(out, c)
		}
		return nil
	}
	if then.head.TreeVersion == 0 {
		var bad error
		err := now.Iterate(nil, nil, func(k, _ []byte) bool {
			bad = add(bytes.Clone(k))
			return bad == nil
		})
		return out, errors.Join(err, bad)
	}
	// IAVL remembers in a tree which version was the newest when it first asked, so
	// each comparison has a tree of its own.
	tree := newTree(s.rows, changeNodes)
	defer tree.Close()
	version := now.head.TreeVersion
	err = tree.TraverseStateChanges(version, version, func(v int64, set *iavl.ChangeSet) error {
		if v != version {
			return fmt.Errorf("compared tree version %d instead of %d", v, version)
		}
		for _, p := range set.Pairs {
			if err := add(p.Key); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("compare tree versions %d and %d: %w", then.head.TreeVersion, version, err)
	}
	return out, nil
}
