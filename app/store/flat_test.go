package store

import (
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"
)

// Views of every height read the same from flat rows as from the tree: keys and
// ranges with bounds of any length, after overwriting, deletion, discarded
// blocks and reopening with or without the option.
func TestFlat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := Options{FS: vfs.NewMem(), Flat: []Family{{'a', 3}, {'c', 2}}}
		s := must[*Store](rapidTB{t: t})(Open("/store", o))
		defer func() { s.Close() }()
		letter := rapid.SampledFrom([]byte("abc\x00\xff"))
		bound := rapid.SliceOfN(letter, 1, 5)
		key := rapid.Custom(func(t *rapid.T) []byte {
			switch first := rapid.SampledFrom([]byte("abc")).Draw(t, "first"); first {
			case 'a':
				return append([]byte{first}, rapid.SliceOfN(letter, 2, 2).Draw(t, "key")...)
			case 'c':
				return append([]byte{first}, rapid.SliceOfN(letter, 1, 1).Draw(t, "key")...)
			default:
				return append([]byte{first}, rapid.SliceOfN(letter, 0, 3).Draw(t, "key")...)
			}
		})
		for height := range rapid.Int64Range(1, 20).Draw(t, "blocks") {
			b := s.Begin(height)
			for range rapid.IntRange(0, 12).Draw(t, "writes") {
				if k := key.Draw(t, "key"); rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
					b.Delete(k)
				} else {
					b.Set(k, rapid.SliceOfN(letter, 1, 2).Draw(t, "value"))
				}
			}
			if height > 0 && rapid.IntRange(0, 4).Draw(t, "discard") == 0 {
				b.Discard()
				b = s.Begin(height)
			}
			must[Head](rapidTB{t: t})(b.Commit())
			if rapid.IntRange(0, 9).Draw(t, "reopen") == 0 {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				o.Flat = nil // the database knows
				s = must[*Store](rapidTB{t: t})(Open("/store", o))
			}
		}
		for height := range s.View().Head().Height + 1 {
			v := must[*View](rapidTB{t: t})(s.At(height))
			for range 5 {
				k := key.Draw(t, "get")
				got, err := v.Get(k)
				want, err2 := v.proven(k)
				if err != nil || err2 != nil || string(got) != string(want) || (got == nil) != (want == nil) {
					t.Fatalf("height %d: get %q is %q, %v; the tree has %q, %v", height, k, got, err, want, err2)
				}
				start, end := bound.Draw(t, "start"), bound.Draw(t, "end")
				if rapid.Bool().Draw(t, "flat") {
					start[0] = 'a'
					if end[0] = 'a'; rapid.Bool().Draw(t, "whole") {
						end = []byte{'b'}
					}
				}
				most := rapid.IntRange(1, 6).Draw(t, "most")
				read := func(iterate func(start, end []byte, fn func(k, v []byte) bool) error) (rows []string) {
					if err := iterate(start, end, func(k, v []byte) bool {
						rows = append(rows, string(k)+"="+string(v))
						return len(rows) < most
					}); err != nil {
						t.Fatal(err)
					}
					return rows
				}
				fromTree := read(func(start, end []byte, fn func(k, v []byte) bool) error {
					return iterateTree(v.tree, v.s.rows, start, end, fn)
				})
				if got := read(v.Iterate); !slices.Equal(got, fromTree) {
					t.Fatalf("height %d, %q to %q: %q, the tree has %q", height, start, end, got, fromTree)
				}
			}
		}
	})
}

// A database that was begun without flat rows goes on without them.
func TestFlatLater(t *testing.T) {
	o := Options{FS: vfs.NewMem()}
	s := must[*Store](t)(Open("/store", o))
	b := s.Begin(1)
	b.Set([]byte("a1"), []byte("x"))
	must[Head](t)(b.Commit())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	o.Flat = []Family{{'a', 2}}
	s = must[*Store](t)(Open("/store", o))
	defer s.Close()
	if v, err := s.View().Get([]byte("a1")); err != nil || string(v) != "x" {
		t.Errorf("get: %q, %v", v, err)
	}
}

// A key of a wrong length would be out of order among the flat rows.
func TestFlatLength(t *testing.T) {
	s := must[*Store](t)(OpenMemory(Options{Flat: []Family{{'a', 2}}}))
	defer s.Close()
	b := s.Begin(1)
	b.Set([]byte("abc"), []byte("x"))
	defer b.Discard()
	defer func() {
		if recover() == nil {
			t.Error("a key of the wrong length was written")
		}
	}()
	b.Commit()
}
