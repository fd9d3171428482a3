package span

import (
	"encoding/binary"
	"errors"
	"io"
)

// A Writer writes the nodes of a span. Whoever walks the tree calls it once for
// each node, in pre-order; the last node ends the span.
type Writer struct {
	w    io.Writer
	open []parent // inner nodes whose subtrees are not written yet
	done bool
	buf  []byte
}

type parent struct {
	version uint64
	rest    int // children to come
}

// NewWriter returns a Writer to w, which should be buffered.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

var errOrder = errors.New("span: nodes that are not a tree in pre-order")

// Stub writes a subtree outside the range.
func (w *Writer) Stub(h Hash) error { return w.node(stub, nil, h[:]) }

// Kept writes a subtree inside the range that the base holds.
func (w *Writer) Kept(h Hash) error { return w.node(kept, nil, h[:]) }

// Edge writes the leaf next to the range; value is the SHA-256 of its value.
func (w *Writer) Edge(version int64, key []byte, value Hash) error {
	v := uint64(version)
	return w.node(edge, &v, binary.AppendUvarint(nil, uint64(len(key))), key, value[:])
}

// Branch writes an inner node with leaves outside the range.
func (w *Writer) Branch(version int64, height uint8, size uint64) error {
	v := uint64(version)
	return w.node(branch, &v, binary.AppendUvarint([]byte{height}, size))
}

// Leaf writes a row of the range; rest is what follows the prefix in its key.
func (w *Writer) Leaf(version int64, rest, value []byte) error {
	v := uint64(version)
	return w.node(leaf, &v, binary.AppendUvarint(nil, uint64(len(rest))), rest, binary.AppendUvarint(nil, uint64(len(value))), value)
}

// Inner writes an inner node with all its leaves inside the range.
func (w *Writer) Inner(version int64) error {
	v := uint64(version)
	return w.node(inner, &v)
}

// Close reports whether a whole span was written.
func (w *Writer) Close() error {
	if !w.done {
		return errOrder
	}
	return nil
}

func (w *Writer) node(kind byte, version *uint64, fields ...[]byte) error {
	if w.done {
		return errOrder
	}
	w.buf = append(w.buf[:0], kind)
	if version != nil {
		age := *version
		if n := len(w.open); n > 0 {
			if age = w.open[n-1].version - *version; *version > w.open[n-1].version {
				return errOrder
			}
		}
		w.buf = binary.AppendUvarint(w.buf, age)
	}
	for _, f := range fields {
		w.buf = append(w.buf, f...)
	}
	if kind == branch || kind == inner {
		w.open = append(w.open, parent{*version, 2})
	} else {
		for len(w.open) > 0 {
			p := &w.open[len(w.open)-1]
			if p.rest--; p.rest > 0 {
				break
			}
			w.open = w.open[:len(w.open)-1]
		}
		w.done = len(w.open) == 0
	}
	_, err := w.w.Write(w.buf)
	return err
}

// Write writes t as it would be written by whoever holds the whole tree.
func (t *Tree) Write(w *Writer) error {
	for i := range t.nodes {
		n := &t.nodes[i]
		var err error
		switch v := int64(n.version); n.kind {
		case stub:
			err = w.Stub(n.hash)
		case edge:
			err = w.Edge(v, n.key, Hash(n.value))
		case branch:
			err = w.Branch(v, n.height, n.size)
		case leaf:
			err = w.Leaf(v, n.key, n.value)
		case inner:
			err = w.Inner(v)
		}
		if err != nil {
			return err
		}
	}
	return w.Close()
}
