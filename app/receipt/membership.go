package receipt

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"zhenglian/app/tx"
)

// A proof of a row is a cosmos.ics23.v1.CommitmentProof for an IAVL tree. This
// file reads and checks the two forms of it that a receipt may carry, for one
// key present and for one key absent, and is otherwise the rules of ICS-23 with
// IavlSpec (github.com/cosmos/ics23, which tests and fuzzing hold it equal to).
// It is here because the library drags in protobuf reflection, which is four
// fifths of a verifier in WebAssembly.
//
//	CommitmentProof    exist = 1 | nonexist = 2
//	NonExistenceProof  key = 1, left = 2, right = 3          neighbours; one may be missing
//	ExistenceProof     key = 1, value = 2, leaf = 3, path = 4…   leaf to root
//	LeafOp             hash = 1, prehash_key = 2, prehash_value = 3, length = 4, prefix = 5
//	InnerOp            hash = 1, prefix = 2, suffix = 3
//
// The operations of an IAVL tree are fixed, so a LeafOp begins with leafHead and
// an InnerOp with innerHead, and only prefix and suffix vary:
//
//	leaf   SHA-256(prefix ‖ len key ‖ key ‖ 32 ‖ SHA-256(value))   prefix: height 0, size, version
//	inner  SHA-256(prefix ‖ child ‖ suffix)                        prefix: height, size, version, 32
//	                                                               right children: and the left one, 32
//
// Numbers in a prefix are zigzag varints of encoding/binary.
const (
	leafHead  = "\x08\x01\x18\x01\x20\x01\x2a" // SHA-256, key as it is, SHA-256 of the value, lengths as varints; then the prefix
	innerHead = "\x08\x01\x12"                 // SHA-256; then the prefix

	maxDepth = 128 // inner nodes of a path
	sibling  = 33  // bytes of a child in a preimage: its length, 32, and its hash
)

var errProof = errors.New("the proof is malformed")

// A membership is a proven leaf and its path to the root.
type membership struct {
	key, value []byte
	prefix     []byte // of the leaf
	path       []step // from the leaf to the root
}

// A step is an inner node with one child left out.
type step struct{ prefix, suffix []byte }

// A message reads the one encoding that a protobuf message of these proofs has:
// fields in ascending order, each once, lengths as short as can be and none of
// them 0 where the field may be left out.
type message struct {
	b   []byte
	bad bool
}

// field takes the length-delimited field with the tag, nil when another follows.
func (m *message) field(tag byte) []byte {
	if m.bad || len(m.b) == 0 || m.b[0] != tag {
		return nil
	}
	n, w := binary.Uvarint(m.b[1:])
	if w <= 0 || n == 0 || n > uint64(len(m.b)-1-w) || w > 1 && n>>(7*(w-1)) == 0 {
		m.bad = true
		return nil
	}
	v := m.b[1+w : 1+w+int(n)]
	m.b = m.b[1+w+int(n):]
	return v
}

// skip takes bytes that are always the same, up to and with the tag of a field,
// and returns that field.
func (m *message) skip(head string) []byte {
	rest, ok := bytes.CutPrefix(m.b, []byte(head[:len(head)-1]))
	m.b, m.bad = rest, m.bad || !ok
	v := m.field(head[len(head)-1])
	m.bad = m.bad || v == nil
	return v
}

// end reports whether the message was read to its end.
func (m *message) end() bool { return !m.bad && len(m.b) == 0 }

// provePresent checks that p proves the value of key under root.
func provePresent(p []byte, root tx.Digest, key, value []byte) error {
	m := message{b: p}
	e, err := readMembership(m.field(1<<3 | 2))
	switch {
	case err != nil:
		return err
	case !m.end():
		return errProof
	case !bytes.Equal(e.key, key) || !bytes.Equal(e.value, value) || e.root() != root:
		return errUnproven
	}
	return nil
}

// errUnproven is the error of a proof that is well formed and proves something else.
var errUnproven = errors.New("it proves something else")

// proveAbsent checks that p proves that there is no key under root: that its
// neighbours are next to each other, or the one neighbour at the edge.
func proveAbsent(p []byte, root tx.Digest, key []byte) error {
	outer := message{b: p}
	m := message{b: outer.field(2<<3 | 2)}
	named := m.field(1<<3 | 2)
	left, err := readNeighbour(&m, 2<<3|2)
	if err != nil {
		return err
	}
	right, err := readNeighbour(&m, 3<<3|2)
	if err != nil {
		return err
	}
	switch {
	case !m.end() || !outer.end() || left == nil && right == nil:
		return errProof
	case !bytes.Equal(named, key):
		return errUnproven
	case left != nil && (bytes.Compare(left.key, key) >= 0 || left.root() != root):
		return errUnproven
	case right != nil && (bytes.Compare(right.key, key) <= 0 || right.root() != root):
		return errUnproven
	case left == nil && !edge(right.path, step.isLeft), right == nil && !edge(left.path, step.isRight):
		return errUnproven
	case left != nil && right != nil && !adjacent(left.path, right.path):
		return errUnproven
	}
	return nil
}

// readNeighbour reads a neighbour; nil: there is none.
func readNeighbour(m *message, tag byte) (*membership, error) {
	b := m.field(tag)
	if b == nil {
		return nil, nil
	}
	return readMembership(b)
}

func readMembership(b []byte) (*membership, error) {
	m := message{b: b}
	e := &membership{key: m.field(1<<3 | 2), value: m.field(2<<3 | 2)}
	leaf := message{b: m.field(3<<3 | 2)}
	e.prefix = leaf.skip(leafHead)
	if len(e.key) == 0 || len(e.value) == 0 || !leaf.end() || e.prefix[0] != 0 || !numbers(e.prefix, 0, 0) {
		return nil, errProof
	}
	for len(m.b) > 0 && !m.bad {
		in := message{b: m.field(4<<3 | 2)}
		s := step{prefix: in.skip(innerHead), suffix: in.field(3<<3 | 2)}
		e.path = append(e.path, s)
		switch n := len(s.prefix); {
		case !in.end(), len(e.path) > maxDepth:
			return nil, errProof
		case n < 4, n > 12+sibling, s.prefix[0] == 0, len(s.suffix)%sibling != 0:
			return nil, errProof
		case !numbers(s.prefix, int64(len(e.path)), 1) && !numbers(s.prefix, int64(len(e.path)), 1+sibling):
			return nil, errProof
		}
	}
	if !m.end() {
		return nil, errProof
	}
	return e, nil
}

// numbers reports whether a prefix is height, size and version, none negative and
// the height at least low, and then so many bytes.
func numbers(prefix []byte, low int64, rest int) bool {
	for range 3 {
		v, n := binary.Varint(prefix)
		if n <= 0 || v < low {
			return false
		}
		prefix, low = prefix[n:], 0
	}
	return len(prefix) == rest
}

// root computes the root of the tree that holds the leaf.
func (e *membership) root() tx.Digest {
	value := sha256.Sum256(e.value)
	b := append([]byte(nil), e.prefix...)
	b = binary.AppendUvarint(b, uint64(len(e.key)))
	b = append(b, e.key...)
	b = append(b, sha256.Size)
	node := sha256.Sum256(append(b, value[:]...))
	for _, s := range e.path {
		b = append(b[:0], s.prefix...)
		b = append(b, node[:]...)
		node = sha256.Sum256(append(b, s.suffix...))
	}
	return node
}

// isLeft reports whether the child left out is the left one.
func (s step) isLeft() bool { return len(s.prefix) <= 12 && len(s.suffix) == sibling }

// isRight reports whether the child left out is the right one.
func (s step) isRight() bool { return len(s.prefix) >= 4+sibling && len(s.suffix) == 0 }

// edge reports whether a path keeps to one side all the way.
func edge(path []step, side func(step) bool) bool {
	for _, s := range path {
		if !side(s) {
			return false
		}
	}
	return true
}

// adjacent reports whether nothing is between two paths: above some node they are
// the same, there they part to the left and to the right, and below it each keeps
// as close to the other as can be.
func adjacent(left, right []step) bool {
	for {
		if len(left) == 0 || len(right) == 0 {
			return false
		}
		l, r := left[len(left)-1], right[len(right)-1]
		left, right = left[:len(left)-1], right[:len(right)-1]
		if bytes.Equal(l.prefix, r.prefix) && bytes.Equal(l.suffix, r.suffix) {
			continue
		}
		return l.isLeft() && r.isRight() && edge(left, step.isRight) && edge(right, step.isLeft)
	}
}
