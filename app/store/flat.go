package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Flat rows are copies of some state keys outside the tree, for those who read many
// of them and want no proof: a look-up is one step instead of twenty, and a range is
// read from one place. They are keyed by state key and height, so a view of any
// height reads them, and the newest version comes first:
//
//	'f' state key ‖ ^height(8)   value; empty: the key was deleted at that height
//
// Which keys have them is a matter of the database: it is written down when the
// database is new, and a database that was begun without them goes on without.
// Views read them; blocks and proofs read the tree. All keys of a family have one
// length, so that no key is the beginning of another and rows lie in the order of keys.

// A Family is the state keys that begin with a byte. They are all of one length.
type Family struct {
	First byte
	Size  int // of a key
}

// families of flat rows; Size by first byte, 0 when there are none.
type families [256]int

func (f *families) encode() (b []byte) {
	for first, size := range f {
		if size > 0 {
			b = append(b, byte(first), byte(size))
		}
	}
	return b
}

// loadFlat finds out what is flat in this database. It is called before the first
// block is written.
func (s *Store) loadFlat(want []Family, begun bool) error {
	if !begun {
		for _, f := range want {
			s.flat[f.First] = f.Size
		}
		return s.db.Set(keyFlat, s.flat.encode(), pebble.Sync)
	}
	b, err := get(s.db, keyFlat)
	for ; len(b) >= 2; b = b[2:] {
		s.flat[b[0]] = int(b[1])
	}
	return err
}

func flatKey(key []byte, height int64) []byte {
	b := make([]byte, 0, 1+len(key)+8)
	b = append(append(b, prefixFlat), key...)
	return binary.BigEndian.AppendUint64(b, ^uint64(height))
}

// flatten writes the flat rows of the block's net writes.
func (b *Block) flatten() {
	for _, key := range b.state.keys(nil, nil) {
		size := b.s.flat[key[0]]
		if size == 0 {
			continue
		}
		if len(key) != size {
			panic(fmt.Sprintf("store: state key %x is not %d bytes long", key, size))
		}
		if c := b.state.cells[key]; !bytes.Equal(c.base, c.value) {
			b.set(flatKey([]byte(key), b.height), c.value)
		}
	}
}

// isFlat reports whether a view finds all keys of a range among the flat rows.
func (s *Store) isFlat(start, end []byte) bool {
	if len(start) == 0 || len(end) == 0 || s.flat[start[0]] == 0 {
		return false
	}
	return end[0] == start[0] || len(end) == 1 && end[0] == start[0]+1
}

// flatBound is where the rows of the keys from a bound on begin.
func (s *Store) flatBound(bound []byte, size int) []byte {
	b := append([]byte{prefixFlat}, bound...)
	if len(bound) > size { // the key that it begins with comes before it
		b = append(b[:1+size], bytes.Repeat([]byte{0xff}, 9)...)
	}
	return b
}

// iterateFlat is View.Iterate for a range that is flat.
func (v *View) iterateFlat(start, end []byte, fn func(k, v []byte) bool) (err error) {
	size := v.s.flat[start[0]]
	it, err := v.s.db.NewIter(&pebble.IterOptions{LowerBound: v.s.flatBound(start, size), UpperBound: v.s.flatBound(end, size)})
	if err != nil {
		return fmt.Errorf("read flat rows: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	at := ^uint64(v.head.Height)
	for ok := it.First(); ok; {
		row := it.Key()
		if len(row) != 1+size+8 {
			return fmt.Errorf("flat row %x is not %d bytes long", row, 1+size+8)
		}
		if binary.BigEndian.Uint64(row[1+size:]) < at { // later than the view
			ok = it.SeekGE(binary.BigEndian.AppendUint64(bytes.Clone(row[:1+size]), at))
			continue
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("read flat row %x: %w", row, err)
		}
		both := append(append(make([]byte, 0, size+len(value)), row[1:1+size]...), value...)
		key := both[:size:size]
		if len(value) > 0 && !fn(key, both[size:]) {
			return nil
		}
		// Past what the key was before.
		for n := 0; ; n++ {
			if n == 4 {
				ok = it.SeekGE(append(append([]byte{prefixFlat}, key...), bytes.Repeat([]byte{0xff}, 9)...))
				break
			}
			if ok = it.Next(); !ok || !bytes.Equal(it.Key()[1:1+size], key) {
				break
			}
		}
	}
	return it.Error()
}

// getFlat is View.Get for a key that is flat.
func (v *View) getFlat(key []byte) (value []byte, err error) {
	it, err := v.s.db.NewIter(&pebble.IterOptions{
		LowerBound: flatKey(key, v.head.Height), UpperBound: append(append([]byte{prefixFlat}, key...), bytes.Repeat([]byte{0xff}, 9)...),
	})
	if err != nil {
		return nil, fmt.Errorf("read flat row: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	if it.First() {
		b, err := it.ValueAndErr()
		if err != nil || len(b) == 0 {
			return nil, err
		}
		return bytes.Clone(b), nil
	}
	return nil, it.Error()
}
