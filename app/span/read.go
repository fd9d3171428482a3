package span

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
)

// Read reads the span of the rows whose keys begin with prefix, of the tree
// with the root, and nothing after it. It returns the range only when it is
// proven whole.
func Read(r *bufio.Reader, prefix []byte, root Hash) (*Tree, error) {
	return read(r, prefix, root, nil)
}

// Apply reads a delta to a newer tree with the root, and returns the range of
// that tree. t stays as it is; the two share memory.
func (t *Tree) Apply(r *bufio.Reader, root Hash) (*Tree, error) {
	base := make(map[Hash]uint32, 2*len(t.leaves))
	for i := range t.nodes {
		if t.nodes[i].inside() {
			base[t.nodes[i].hash] = uint32(i)
		}
	}
	return read(r, t.prefix, root, &source{t, base})
}

// A source is where kept nodes come from.
type source struct {
	tree *Tree
	at   map[Hash]uint32 // of the nodes inside the range
}

// Where a reader is, from left to right.
type phase int

const (
	begin      phase = iota
	leftStubs        // behind which an edge must come
	leftEdge         // the last leaf before the range
	within           // leaves of the range
	rightEdge        // the first leaf after it
	rightStubs       // what is not shown
)

type reader struct {
	r      *bufio.Reader
	prefix []byte
	base   *source // nil: no delta
	t      *Tree
	at     phase
	bytes  int64  // held so far
	arena  []byte // from which keys and values are cut
	buf    []byte // for hashing
}

func read(r *bufio.Reader, prefix []byte, root Hash, base *source) (*Tree, error) {
	d := &reader{r: r, prefix: bytes.Clone(prefix), base: base}
	d.t = &Tree{prefix: d.prefix}
	if _, err := d.node(math.MaxInt64, true, 0); err != nil {
		if errors.Is(err, io.EOF) {
			err = malformed("it ends too early")
		}
		return nil, err
	}
	switch {
	case d.at == leftStubs:
		return nil, malformed("it ends without the leaf next to the range")
	case d.t.Root() != root:
		return nil, fmt.Errorf("%w: it leads to %x, not to %x", ErrRoot, d.t.Root(), root)
	}
	return d.t, nil
}

// node reads a node and its subtree. above is the version of its parent.
func (d *reader) node(above uint64, isRoot bool, depth int) (index uint32, err error) {
	if depth > MaxDepth {
		return 0, malformed("more than %d levels", MaxDepth)
	}
	kind, err := d.r.ReadByte()
	if err != nil {
		return 0, err
	}
	n := node{kind: kind, nodes: 1}
	switch kind {
	case stub:
		err = d.stub(&n)
	case kept:
		return d.keep()
	case edge, branch, leaf, inner:
		if n.version, err = d.version(above, isRoot); err != nil {
			return 0, err
		}
	default:
		return 0, malformed("there is no node %d", kind)
	}
	if err != nil {
		return 0, err
	}
	switch kind {
	case edge:
		err = d.edge(&n)
	case leaf:
		err = d.leaf(&n)
	case branch, inner:
		return d.inner(n, depth)
	}
	if err != nil {
		return 0, err
	}
	return d.add(n), nil
}

func (d *reader) add(n node) uint32 {
	d.t.nodes = append(d.t.nodes, n)
	return uint32(len(d.t.nodes) - 1)
}

func (d *reader) uvarint() (uint64, error) {
	var v uint64
	for shift := 0; ; shift += 7 {
		c, err := d.r.ReadByte()
		if err != nil {
			return 0, err
		}
		if shift == 63 && c > 1 || c == 0 && shift > 0 {
			return 0, malformed("a number is too large, or longer than it need be")
		}
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v, nil
		}
	}
}

func (d *reader) version(above uint64, isRoot bool) (uint64, error) {
	age, err := d.uvarint()
	switch {
	case err != nil:
		return 0, err
	case age > above || !isRoot && age >= above:
		return 0, malformed("a version is out of bounds")
	case isRoot && age == 0:
		return 0, malformed("version 0")
	case isRoot:
		return age, nil
	}
	return above - age, nil
}

// take reads n bytes into memory that stays.
func (d *reader) take(n uint64, limit uint64) ([]byte, error) {
	if n > limit {
		return nil, malformed("%d bytes; the limit is %d", n, limit)
	}
	if d.bytes += int64(n); d.bytes > MaxBytes {
		return nil, malformed("more than %d bytes", MaxBytes)
	}
	if uint64(cap(d.arena)-len(d.arena)) < n {
		d.arena = make([]byte, 0, 1<<18)
	}
	at := len(d.arena)
	d.arena = d.arena[:at+int(n)]
	b := d.arena[at : at+int(n) : at+int(n)]
	_, err := io.ReadFull(d.r, b)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return b, err
}

func (d *reader) taken(limit uint64) ([]byte, error) {
	n, err := d.uvarint()
	if err != nil {
		return nil, err
	}
	return d.take(n, limit)
}

func (d *reader) stub(n *node) error {
	switch d.at {
	case begin, leftStubs:
		d.at = leftStubs
	case rightEdge, rightStubs:
		d.at = rightStubs
	default:
		return malformed("a subtree is left out that may belong to the range")
	}
	h, err := d.take(sha256.Size, sha256.Size)
	if err == nil {
		n.hash = Hash(h)
	}
	return err
}

func (d *reader) edge(n *node) (err error) {
	if n.key, err = d.taken(MaxKey); err != nil {
		return err
	}
	if n.value, err = d.take(sha256.Size, sha256.Size); err != nil {
		return err
	}
	switch before := bytes.Compare(n.key, d.prefix) < 0; {
	case bytes.HasPrefix(n.key, d.prefix):
		return malformed("a leaf of the range is shown as one outside")
	case before && d.at <= leftStubs:
		d.at = leftEdge
	case !before && (d.at == begin || d.at == leftEdge || d.at == within):
		d.at = rightEdge
	default:
		return malformed("a leaf outside the range is out of place")
	}
	n.size = 1
	n.hash, d.buf = hashLeaf(d.buf, n.version, nil, n.key, Hash(n.value))
	return nil
}

// inRange checks that leaves of the range may come here, of which rest is the
// first key.
func (d *reader) inRange(rest []byte, leaves int) error {
	if d.at == leftStubs || d.at > within {
		return malformed("a leaf of the range is out of place")
	}
	d.at = within
	n := len(d.t.leaves)
	if n > 0 && bytes.Compare(d.t.nodes[d.t.leaves[n-1]].key, rest) >= 0 {
		return malformed("keys do not ascend")
	}
	if n+leaves > MaxLeaves {
		return malformed("more than %d leaves", MaxLeaves)
	}
	return nil
}

func (d *reader) leaf(n *node) (err error) {
	if n.key, err = d.taken(MaxKey); err != nil {
		return err
	}
	if n.value, err = d.taken(MaxValue); err != nil {
		return err
	}
	if err := d.inRange(n.key, 1); err != nil {
		return err
	}
	d.t.leaves = append(d.t.leaves, uint32(len(d.t.nodes)))
	n.size = 1
	n.hash, d.buf = hashLeaf(d.buf, n.version, d.prefix, n.key, sha256.Sum256(n.value))
	return nil
}

// keep copies a subtree from the base.
func (d *reader) keep() (uint32, error) {
	b, err := d.take(sha256.Size, sha256.Size)
	if err != nil {
		return 0, err
	}
	if d.base == nil {
		return 0, malformed("a kept node, and nothing to keep it from")
	}
	i, ok := d.base.at[Hash(b)]
	if !ok {
		return 0, malformed("node %x is kept, but the base does not hold it", b)
	}
	from := d.base.tree
	subtree := from.nodes[i : i+from.nodes[i].nodes]
	at := uint32(len(d.t.nodes))
	first := true
	for j := range subtree {
		if subtree[j].kind != leaf {
			continue
		}
		if first {
			if err := d.inRange(subtree[j].key, int(subtree[0].size)); err != nil {
				return 0, err
			}
			first = false
		}
		d.t.leaves = append(d.t.leaves, at+uint32(j))
	}
	d.t.nodes = append(d.t.nodes, subtree...)
	return at, nil
}

// inner reads the children of n, an inner node or a branch.
func (d *reader) inner(n node, depth int) (uint32, error) {
	if n.kind == branch {
		h, err := d.r.ReadByte()
		if err != nil {
			return 0, err
		}
		if h == 0 || h > MaxDepth {
			return 0, malformed("height %d", h)
		}
		n.height = h
		if n.size, err = d.uvarint(); err != nil {
			return 0, err
		}
		if n.size > math.MaxInt64 {
			return 0, malformed("size %d", n.size)
		}
	}
	at := d.add(n)
	i, err := d.node(n.version, false, depth+1)
	if err != nil {
		return 0, err
	}
	j, err := d.node(n.version, false, depth+1)
	if err != nil {
		return 0, err
	}
	left, right := &d.t.nodes[i], &d.t.nodes[j]
	switch {
	case left.version > n.version || right.version > n.version: // of a kept node
		return 0, malformed("a node is younger than its parent")
	case n.kind == inner && !(left.inside() && right.inside()), n.kind == branch && left.inside() && right.inside():
		return 0, malformed("an inner node is shown as another kind")
	case left.kind == stub && right.kind == stub:
		return 0, malformed("two stubs where there could be one")
	}
	p := &d.t.nodes[at]
	if p.kind == inner {
		p.height = 1 + max(left.height, right.height)
		p.size = left.size + right.size
		if p.height > MaxDepth {
			return 0, malformed("more than %d levels", MaxDepth)
		}
	}
	p.nodes = uint32(len(d.t.nodes)) - at
	p.hash, d.buf = hashInner(d.buf, p.height, p.size, p.version, &left.hash, &right.hash)
	return at, nil
}
