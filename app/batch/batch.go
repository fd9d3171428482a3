// Package batch makes the tree of an evidence.batch: one statement for as many as
// a million files.
//
// A list is the SHA-256 digests of the files, 32 bytes each, in order. The statement
// names the list by its own SHA-256 and by the root of an RFC 6962 Merkle tree whose
// leaves are the digests. Whoever has the list makes the path of each digest; the
// receipt of the batch with such a path is the receipt of that file (receipt.Item).
package batch

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"zhenglian/app/tx"
)

// A Tree is the Merkle tree of a list. It is safe for concurrent use.
type Tree struct {
	list   []byte
	levels [][]tx.Digest // [0] the leaves' hashes; the last level is the root alone
}

// Build makes the tree of a list of 1 to tx.MaxBatch digests. The list is kept and
// must not be modified.
func Build(list []byte) (*Tree, error) {
	n := len(list) / sha256.Size
	switch {
	case len(list)%sha256.Size != 0:
		return nil, fmt.Errorf("a list is of digests of %d bytes; this one has %d bytes", sha256.Size, len(list))
	case n == 0 || n > tx.MaxBatch:
		return nil, fmt.Errorf("a batch has 1 to %d digests, not %d", tx.MaxBatch, n)
	}
	level := make([]tx.Digest, n)
	leaf := make([]byte, 1, 1+sha256.Size)
	for i := range level {
		level[i] = sha256.Sum256(append(leaf[:1], list[i*sha256.Size:(i+1)*sha256.Size]...))
	}
	t := &Tree{list: list, levels: [][]tx.Digest{level}}
	pair := make([]byte, 1, 1+2*sha256.Size)
	pair[0] = 1
	for len(level) > 1 {
		up := make([]tx.Digest, (len(level)+1)/2)
		for i := range len(level) / 2 {
			up[i] = sha256.Sum256(append(append(pair[:1], level[2*i][:]...), level[2*i+1][:]...))
		}
		if len(level)%2 == 1 { // the last has no sibling yet: it goes up as it is
			up[len(up)-1] = level[len(level)-1]
		}
		level = up
		t.levels = append(t.levels, level)
	}
	return t, nil
}

// Len is the number of digests.
func (t *Tree) Len() int { return len(t.levels[0]) }

// Digest is the i-th digest of the list.
func (t *Tree) Digest(i int) (d tx.Digest) {
	copy(d[:], t.list[i*sha256.Size:])
	return d
}

// Root is the RFC 6962 root.
func (t *Tree) Root() tx.Digest { return t.levels[len(t.levels)-1][0] }

// List is the SHA-256 of the list.
func (t *Tree) List() tx.Digest { return sha256.Sum256(t.list) }

// Path is the RFC 6962 §2.1.1 audit path of the i-th digest, leaf to root.
func (t *Tree) Path(i int) []tx.Digest {
	path := make([]tx.Digest, 0, len(t.levels))
	for _, level := range t.levels[:len(t.levels)-1] {
		if s := i ^ 1; s < len(level) {
			path = append(path, level[s])
		}
		i /= 2
	}
	return path
}

// ErrOther means that a list is not the one that the statement names.
var ErrOther = errors.New("not the list that the statement names")

// Of makes the tree of the list that a statement names.
func Of(b *tx.Batch, list []byte) (*Tree, error) {
	if int64(len(list)) != b.Count*sha256.Size || sha256.Sum256(list) != b.List {
		return nil, ErrOther
	}
	t, err := Build(list)
	if err == nil && t.Root() != b.Root {
		err = fmt.Errorf("%w: its root is %s, the statement says %s", ErrOther, t.Root(), b.Root)
	}
	return t, err
}

// Find returns the first place of a digest in the list, -1 if it has none.
func (t *Tree) Find(d tx.Digest) int {
	for i := range t.Len() {
		if t.Digest(i) == d {
			return i
		}
	}
	return -1
}
