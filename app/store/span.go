package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"zhenglian/app/span"
)

// A treeNode is a node of the state tree as IAVL keeps it.
//
//	row   't' 's' version(8) nonce(4)
//	leaf  varint(0) varint(1) bytes(key) bytes(value)
//	inner varint(height) varint(size) bytes(key) bytes(hash) varint(0) varint(version) varint(nonce) varint(version) varint(nonce)
//
// The key of an inner node is the smallest of its right subtree.
type treeNode struct {
	id          nodeID
	height      int64
	size        int64
	key         []byte
	value       []byte // of a leaf
	hash        Hash   // of an inner node
	left, right nodeID
}

type nodeID struct {
	version int64
	nonce   uint32
}

func (n *treeNode) isLeaf() bool { return n.height == 0 }

func (n *treeNode) hashOf() Hash {
	if n.isLeaf() {
		return span.Leaf(n.id.version, n.key, n.value)
	}
	return n.hash
}

func (id nodeID) row() []byte {
	b := append(make([]byte, 0, 14), prefixTree, nodePrefix)
	b = binary.BigEndian.AppendUint64(b, uint64(id.version))
	return binary.BigEndian.AppendUint32(b, id.nonce)
}

var errTreeNode = errors.New("tree node is malformed")

// node reads a node of the tree.
func (t *treeDB) node(id nodeID) (*treeNode, error) {
	b, err := get(t.db, id.row())
	if err != nil {
		return nil, fmt.Errorf("read tree node %v: %w", id, err)
	}
	if b == nil {
		return nil, fmt.Errorf("tree node %v is missing", id)
	}
	r := nodeReader{b: b}
	n := &treeNode{id: id, height: r.varint(), size: r.varint(), key: r.bytes()}
	if n.isLeaf() {
		n.value = r.bytes()
	} else {
		h := r.bytes()
		if mode := r.varint(); r.bad || len(h) != hashSize || mode != 0 {
			return nil, fmt.Errorf("%v: %w", id, errTreeNode)
		}
		n.hash = Hash(h)
		n.left = nodeID{r.varint(), uint32(r.varint())}
		n.right = nodeID{r.varint(), uint32(r.varint())}
	}
	if r.bad || n.height < 0 || n.height > span.MaxDepth || n.size < 1 {
		return nil, fmt.Errorf("%v: %w", id, errTreeNode)
	}
	return n, nil
}

// root finds the root of a version, which may be a node of an earlier one.
func (t *treeDB) root(version int64) (nodeID, error) {
	id := nodeID{version, 1}
	b, err := get(t.db, id.row())
	switch {
	case err != nil:
		return id, fmt.Errorf("read tree root %d: %w", version, err)
	case len(b) == 0:
		return id, fmt.Errorf("tree %d has no root", version)
	case b[0] == nodePrefix && len(b) == 13: // a node begins with its height, which is lower
		return nodeID{int64(binary.BigEndian.Uint64(b[1:])), binary.BigEndian.Uint32(b[9:])}, nil
	}
	return id, nil
}

type nodeReader struct {
	b   []byte
	bad bool
}

func (r *nodeReader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *nodeReader) bytes() []byte {
	n, w := binary.Uvarint(r.b)
	if w <= 0 || n > uint64(len(r.b)-w) {
		r.bad = true
		return nil
	}
	v := r.b[w : w+int(n)]
	r.b = r.b[w+int(n):]
	return v
}

// Span writes the span of the state keys that begin with prefix; with base, an
// earlier tree version, only what changed since. The memory it takes does not
// grow with the range.
func (v *View) Span(prefix []byte, base int64, w *span.Writer) error {
	if len(prefix) == 0 {
		return errors.New("span: prefix is empty")
	}
	if v.tree.Size() == 0 {
		return errors.New("span: the tree is empty")
	}
	root, err := v.s.rows.root(v.head.TreeVersion)
	if err != nil {
		return err
	}
	s := &spanWalk{db: v.s.rows, base: base, prefix: prefix, w: w}
	if s.before, err = s.last(root); err != nil {
		return err
	}
	if s.after, err = s.first(root); err != nil {
		return err
	}
	if err := s.walk(root, nil, nil); err != nil {
		return err
	}
	return w.Close()
}

// HasPrefix reports whether there is a state key that begins with prefix.
func (v *View) HasPrefix(prefix []byte) (found bool, err error) {
	err = v.Iterate(prefix, prefixEnd(prefix), func(_, _ []byte) bool {
		found = true
		return false
	})
	return found, err
}

// prefixEnd is the first key after all that begin with prefix; nil: there is none.
func prefixEnd(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			end := bytes.Clone(prefix[:i+1])
			end[i]++
			return end
		}
	}
	return nil
}

// A spanWalk goes through the tree in pre-order. before and after are the keys
// next to the range; nil: the tree begins or ends with the range.
type spanWalk struct {
	db            *treeDB
	base          int64
	prefix        []byte
	before, after []byte
	w             *span.Writer
}

// last finds the last key before the range.
func (s *spanWalk) last(id nodeID) ([]byte, error) {
	for {
		n, err := s.db.node(id)
		if err != nil {
			return nil, err
		}
		switch {
		case n.isLeaf() && bytes.Compare(n.key, s.prefix) < 0:
			return n.key, nil
		case n.isLeaf():
			return nil, nil
		case bytes.Compare(n.key, s.prefix) < 0:
			id = n.right
		default:
			id = n.left
		}
	}
}

// first finds the first key after the range.
func (s *spanWalk) first(id nodeID) (found []byte, err error) {
	behind := func(key []byte) bool { return bytes.Compare(key, s.prefix) > 0 && !bytes.HasPrefix(key, s.prefix) }
	for {
		n, err := s.db.node(id)
		if err != nil {
			return nil, err
		}
		switch {
		case n.isLeaf() && behind(n.key):
			return n.key, nil
		case n.isLeaf():
			return found, nil
		case behind(n.key):
			found, id = n.key, n.left
		default:
			id = n.right
		}
	}
}

// walk writes a subtree whose smallest key is low, unless it is the tree's, and
// after which high is the next key; nil: it ends the tree.
func (s *spanWalk) walk(id nodeID, low, high []byte) error {
	n, err := s.db.node(id)
	if err != nil {
		return err
	}
	switch {
	case s.before != nil && high != nil && bytes.Compare(high, s.before) <= 0,
		s.after != nil && low != nil && bytes.Compare(low, s.after) > 0:
		return s.w.Stub(n.hashOf())
	}
	begins := low != nil && bytes.Compare(low, s.prefix) >= 0 || low == nil && s.before == nil
	ends := high != nil && (s.after == nil || bytes.Compare(high, s.after) <= 0) || high == nil && s.after == nil
	inside := begins && ends
	switch {
	case inside && n.id.version <= s.base:
		return s.w.Kept(n.hashOf())
	case inside && n.isLeaf():
		return s.w.Leaf(n.id.version, n.key[len(s.prefix):], n.value)
	case inside:
		err = s.w.Inner(n.id.version)
	case n.isLeaf():
		return s.w.Edge(n.id.version, n.key, sha256.Sum256(n.value))
	default:
		err = s.w.Branch(n.id.version, uint8(n.height), uint64(n.size))
	}
	if err != nil {
		return err
	}
	if err := s.walk(n.left, low, n.key); err != nil {
		return err
	}
	return s.walk(n.right, n.key, high)
}
