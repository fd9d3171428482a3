package fields

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"zhenglian/app/tx"
)

// Bounds of a tree.
const (
	MaxLeaves = 1 << 20
	MaxEntry  = 64 << 10 // bytes of an entry
	MaxName   = 32       // bytes of a field's name
	MaxValue  = 8 << 10  // bytes of a field's value
)

// A Salt hides an entry until it is shown.
type Salt [32]byte

// NewSalt returns a salt that nobody can guess.
func NewSalt() (s Salt) {
	_, _ = rand.Read(s[:]) // never fails: it ends the program instead
	return s
}

// MarshalText writes s as 64 lower-case hex digits.
func (s Salt) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, s[:]), nil }

// UnmarshalText reads exactly 64 lower-case hex digits.
func (s *Salt) UnmarshalText(b []byte) error { return (*tx.Digest)(s).UnmarshalText(b) }

// Leaf returns the hash of the leaf of entry.
func Leaf(s Salt, entry []byte) tx.Digest {
	return tx.Digest(tlog.RecordHash(append(s[:], entry...)))
}

// A Field is a named text that a statement commits to.
type Field struct {
	Name  string // slug of at most MaxName bytes with '_'
	Value string // NFC text of at most MaxValue bytes
}

// Entry returns the canonical JSON of f.
func (f Field) Entry() []byte {
	w := tx.Writer{}
	w.Open()
	w.String("name", f.Name)
	w.String("value", f.Value)
	w.Close()
	return w.B
}

// ParseField reads the canonical JSON of a field.
func ParseField(entry []byte) (f Field, err error) {
	r := tx.NewReader(entry)
	o := r.Object()
	o.Need("name")
	f.Name = r.Slug(1, MaxName, '_')
	o.Need("value")
	f.Value = r.String(MaxValue)
	o.End()
	r.End()
	if err := r.Err(); err != nil {
		return Field{}, fmt.Errorf("field: %w", err)
	}
	return f, nil
}

// Check reports whether f is one that a tree may hold.
func (f Field) Check() error {
	got, err := ParseField(f.Entry())
	if err == nil && got != f {
		err = errors.New("field: text is not UTF-8 in NFC")
	}
	return err
}

// A Tree is the Merkle tree over the leaf hashes of a list.
type Tree struct {
	size   int64
	stored []tlog.Hash // in the order of tlog.StoredHashIndex
}

// NewTree builds the tree over 1 to MaxLeaves leaf hashes.
func NewTree(leaves []tx.Digest) (*Tree, error) {
	if n := len(leaves); n == 0 || n > MaxLeaves {
		return nil, fmt.Errorf("salted tree: %d leaves; want 1 to %d", n, MaxLeaves)
	}
	t := &Tree{size: int64(len(leaves)), stored: make([]tlog.Hash, 0, 2*len(leaves))}
	for i, l := range leaves {
		more, err := tlog.StoredHashesForRecordHash(int64(i), tlog.Hash(l), t)
		if err != nil {
			return nil, fmt.Errorf("salted tree: %w", err)
		}
		t.stored = append(t.stored, more...)
	}
	return t, nil
}

// ReadHashes implements [tlog.HashReader].
func (t *Tree) ReadHashes(at []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(at))
	for i, j := range at {
		if j < 0 || j >= int64(len(t.stored)) {
			return nil, errors.New("hash outside of the tree")
		}
		out[i] = t.stored[j]
	}
	return out, nil
}

// Root returns the root.
func (t *Tree) Root() (tx.Digest, error) {
	h, err := tlog.TreeHash(t.size, t)
	return tx.Digest(h), err
}

// Disclose proves leaf i, whose salt and entry the caller has.
func (t *Tree) Disclose(i int, s Salt, entry []byte) (*Disclosure, error) {
	proof, err := tlog.ProveRecord(t.size, int64(i), t)
	if err != nil {
		return nil, fmt.Errorf("salted tree: %w", err)
	}
	d := &Disclosure{Entry: bytes.Clone(entry), Salt: s, Index: int64(i), Size: t.size}
	for _, h := range proof {
		d.Path = append(d.Path, tx.Digest(h))
	}
	return d, nil
}

// A Disclosure shows one entry of a tree and proves it, without the others.
//
//	entry  string  canonical JSON of the entry
//	index  int     of the leaf, from 0
//	path   array   hashes from leaf to root, hex
//	salt   hex
//	size   int     leaves of the tree
//	v      int     1
type Disclosure struct {
	Entry       []byte
	Salt        Salt
	Index, Size int64
	Path        []tx.Digest
}

// maxPath is the longest path of a tree of MaxLeaves.
const maxPath = 20

// Verify checks that d is of the tree of root.
func (d *Disclosure) Verify(root tx.Digest) error {
	path := make(tlog.RecordProof, len(d.Path))
	for i := range d.Path {
		path[i] = tlog.Hash(d.Path[i])
	}
	if d.Size < 1 || d.Size > MaxLeaves || d.Index < 0 || d.Index >= d.Size {
		return errors.New("disclosure: index or size out of bounds")
	}
	if err := tlog.CheckRecord(path, d.Size, tlog.Hash(root), d.Index, tlog.Hash(Leaf(d.Salt, d.Entry))); err != nil {
		return fmt.Errorf("disclosure: the entry is not in the tree %s: %w", root, err)
	}
	return nil
}

// Encode returns the canonical JSON of d.
func (d *Disclosure) Encode() []byte {
	w := tx.Writer{}
	w.Open()
	w.String("entry", string(d.Entry))
	w.Int("index", d.Index)
	w.Array("path", len(d.Path), func(i int) { w.B = tx.AppendString(w.B, d.Path[i].String()) })
	w.Hex("salt", d.Salt[:])
	w.Int("size", d.Size)
	w.Int("v", 1)
	w.Close()
	return w.B
}

// ParseDisclosure reads what Encode wrote, and nothing else. It proves nothing
// before [Disclosure.Verify].
func ParseDisclosure(b []byte) (*Disclosure, error) {
	if len(b) > 4*MaxEntry {
		return nil, fmt.Errorf("disclosure: %d bytes; the limit is %d", len(b), 4*MaxEntry)
	}
	d := new(Disclosure)
	r := tx.NewReader(b)
	o := r.Object()
	o.Need("entry")
	d.Entry = []byte(r.String(MaxEntry))
	o.Need("index")
	d.Index = r.Int(0, MaxLeaves)
	o.Need("path")
	r.Array(maxPath, func(int) {
		var h tx.Digest
		r.Hex(h[:])
		d.Path = append(d.Path, h)
	})
	o.Need("salt")
	r.Hex(d.Salt[:])
	o.Need("size")
	d.Size = r.Int(1, MaxLeaves)
	o.Need("v")
	if v := r.Int(0, 1<<31); v != 1 {
		r.Fail(tx.CodeType, fmt.Sprintf("version %d; this program reads version 1", v))
	}
	o.End()
	r.End()
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("disclosure: %w", err)
	}
	return d, nil
}
