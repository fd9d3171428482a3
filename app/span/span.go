package span

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"sort"
)

// A Hash is a SHA-256 digest.
type Hash = [32]byte

// Limits of a span. They bound what a reader holds before it knows the root.
const (
	MaxKey    = 256     // bytes of a key
	MaxValue  = 1 << 16 // bytes of a value
	MaxLeaves = 1 << 22 // leaves inside the range
	MaxBytes  = 1 << 30 // keys and values together
	MaxDepth  = 96      // nodes from the root to a leaf
)

// ErrMalformed is every departure from the form; ErrRoot is a span of another
// tree, or one that was tampered with.
var (
	ErrMalformed = errors.New("span is malformed")
	ErrRoot      = errors.New("span does not lead to the root")
)

func malformed(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, a...))
}

// What a node is; see the package documentation.
const (
	stub = iota
	kept
	edge
	branch
	leaf
	inner
)

// A node of the part of a tree that a span shows.
type node struct {
	kind    byte
	height  uint8  // 0: leaf or edge
	nodes   uint32 // of its subtree in pre-order, itself among them
	size    uint64 // leaves below
	version uint64
	hash    Hash
	key     []byte // leaf: after the prefix; edge: whole
	value   []byte // leaf; edge: its SHA-256
}

// inside reports whether all leaves of the subtree are in the range.
func (n *node) inside() bool { return n.kind == leaf || n.kind == inner }

// A Tree is the part of a state tree that holds a range: a span that was read
// and found to be complete. It is never changed and safe for concurrent use.
type Tree struct {
	prefix []byte
	nodes  []node   // in pre-order
	leaves []uint32 // indices into nodes, ascending by key
}

// Root returns the root of the whole tree.
func (t *Tree) Root() Hash { return t.nodes[0].hash }

// Version returns the version of the root: the tree last changed then.
func (t *Tree) Version() uint64 { return t.nodes[0].version }

// Prefix returns the prefix of the range. It must not be modified.
func (t *Tree) Prefix() []byte { return t.prefix }

// Len returns the number of rows in the range.
func (t *Tree) Len() int { return len(t.leaves) }

// All goes through the rows, ascending: what follows the prefix in the key, and
// the value. Neither may be modified.
func (t *Tree) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(rest, value []byte) bool) {
		for _, i := range t.leaves {
			if n := &t.nodes[i]; !yield(n.key, n.value) {
				return
			}
		}
	}
}

// Get returns the value of the row whose key is the prefix and rest; nil says
// that there is none.
func (t *Tree) Get(rest []byte) []byte {
	i := sort.Search(len(t.leaves), func(i int) bool { return bytes.Compare(t.nodes[t.leaves[i]].key, rest) >= 0 })
	if i == len(t.leaves) || !bytes.Equal(t.nodes[t.leaves[i]].key, rest) {
		return nil
	}
	return t.nodes[t.leaves[i]].value
}

// hashLeaf is the hash of a leaf of an IAVL tree.
func hashLeaf(buf []byte, version uint64, prefix, rest []byte, value Hash) (Hash, []byte) {
	b := append(buf[:0], 0, 2) // height 0, size 1
	b = binary.AppendVarint(b, int64(version))
	b = binary.AppendUvarint(b, uint64(len(prefix)+len(rest)))
	b = append(append(b, prefix...), rest...)
	b = append(append(b, sha256.Size), value[:]...)
	return sha256.Sum256(b), b
}

// hashInner is the hash of an inner node.
func hashInner(buf []byte, height uint8, size, version uint64, left, right *Hash) (Hash, []byte) {
	b := binary.AppendVarint(buf[:0], int64(height))
	b = binary.AppendVarint(b, int64(size))
	b = binary.AppendVarint(b, int64(version))
	b = append(append(b, sha256.Size), left[:]...)
	b = append(append(b, sha256.Size), right[:]...)
	return sha256.Sum256(b), b
}

// Leaf returns the hash of a leaf of the tree.
func Leaf(version int64, key, value []byte) Hash {
	h, _ := hashLeaf(nil, uint64(version), nil, key, sha256.Sum256(value))
	return h
}
