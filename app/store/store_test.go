package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/vfs"
	ics23 "github.com/cosmos/ics23/go"
	"golang.org/x/mod/sumdb/tlog"
)

// forEachFS runs a test on the memory file system and on the disk.
func forEachFS(t *testing.T, test func(t *testing.T, dir string, o Options)) {
	t.Run("memory", func(t *testing.T) { test(t, "store", Options{FS: vfs.NewMem()}) })
	t.Run("disk", func(t *testing.T) { test(t, filepath.Join(t.TempDir(), "store"), Options{}) })
}

func open(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// reopen closes s and opens it again.
func reopen(t testing.TB, s *Store, dir string, o Options) *Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, dir, o)
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// envelope is a test envelope and its id, both derived from n.
func envelope(n int) (Hash, []byte) {
	e := bytes.Repeat(binary.BigEndian.AppendUint32(nil, uint32(n)), 1+n%5)
	return sha256.Sum256(e), e
}

// checkView verifies a view against nothing but its head: every entry, id, inclusion
// and consistency proof, every tile and bundle, every state key and the gaps between
// keys, and the hashes themselves.
func checkView(t testing.TB, s *Store, v *View) {
	t.Helper()
	h := v.Head()
	size := h.LogSize

	// The log root, recomputed from the leaves alone.
	entries := must[[]Entry](t)(v.Entries(0, int(size)))
	if uint64(len(entries)) != size {
		t.Fatalf("height %d: got %d entries, want %d", h.Height, len(entries), size)
	}
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(ix []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(ix))
		for i, x := range ix {
			out[i] = stored[x]
		}
		return out, nil
	})
	roots := []tlog.Hash{tlog.Hash(emptyRoot)}
	leaves := make([]tlog.Hash, size)
	for i, e := range entries {
		data := append(binary.BigEndian.AppendUint64(nil, uint64(e.Height)), e.Envelope...)
		leaves[i] = tlog.RecordHash(data)
		if got := tlog.Hash(LeafHash(e.Height, e.Envelope)); got != leaves[i] || e.Seq != uint64(i) {
			t.Fatalf("entry %d: leaf %v, want %v; seq %d", i, got, leaves[i], e.Seq)
		}
		hs := must[[]tlog.Hash](t)(tlog.StoredHashes(int64(i), data, reader))
		stored = append(stored, hs...)
		roots = append(roots, must[tlog.Hash](t)(tlog.TreeHash(int64(i+1), reader)))
	}
	if roots[size] != tlog.Hash(h.LogRoot) {
		t.Fatalf("height %d: log root %x, leaves give %x", h.Height, h.LogRoot, roots[size])
	}
	if got := AppHash(size, h.LogRoot, h.StateRoot); got != h.AppHash {
		t.Fatalf("height %d: app hash %x, want %x", h.Height, h.AppHash, got)
	}

	for i, e := range entries {
		one := must[Entry](t)(v.Entry(uint64(i)))
		if one.Height != e.Height || !bytes.Equal(one.Envelope, e.Envelope) {
			t.Fatalf("entry %d: got %v, want %v", i, one, e)
		}
		id := Hash(sha256.Sum256(e.Envelope))
		if seq, ok, err := v.Seq(id); err != nil || !ok || seq != uint64(i) {
			t.Fatalf("seq of entry %d: got %d, %v, %v", i, seq, ok, err)
		}
		p := proof(must[[]Hash](t)(v.Inclusion(uint64(i))))
		if err := tlog.CheckRecord(p, int64(size), tlog.Hash(h.LogRoot), int64(i), leaves[i]); err != nil {
			t.Fatalf("inclusion of %d in %d: %v", i, size, err)
		}
	}
	for old := uint64(1); old <= size; old++ {
		p := proof(must[[]Hash](t)(v.Consistency(old)))
		if err := tlog.CheckTree(tlog.TreeProof(p), int64(size), tlog.Hash(h.LogRoot), int64(old), roots[old]); err != nil {
			t.Fatalf("consistency of %d with %d: %v", old, size, err)
		}
	}
	if _, err := v.Entry(size); !errors.Is(err, ErrNoEntry) {
		t.Fatalf("entry beyond the log: got %v, want ErrNoEntry", err)
	}
	if _, err := v.Inclusion(size); !errors.Is(err, ErrNoEntry) {
		t.Fatalf("inclusion beyond the log: got %v, want ErrNoEntry", err)
	}
	if _, err := v.Consistency(size + 1); !errors.Is(err, ErrNoEntry) {
		t.Fatalf("consistency beyond the log: got %v, want ErrNoEntry", err)
	}

	for level := 0; size>>(8*level) > 0; level++ {
		n := size >> (8 * level)
		for index := uint64(0); index<<8 < n; index++ {
			width := int(min(256, n-index<<8))
			var want []byte
			for i := range width {
				hash := stored[tlog.StoredHashIndex(8*level, int64(index<<8)+int64(i))]
				want = append(want, hash[:]...)
			}
			for _, w := range []int{1, (width + 1) / 2, width} {
				if got := must[[]byte](t)(s.Tile(level, index, w)); !bytes.Equal(got, want[:w*32]) {
					t.Fatalf("tile %d/%d.p/%d differs", level, index, w)
				}
			}
			if level == 0 {
				checkBundle(t, s, index, entries[index<<8:index<<8+uint64(width)])
			}
		}
	}
	checkState(t, v)
}

func checkBundle(t testing.TB, s *Store, index uint64, want []Entry) {
	t.Helper()
	b := must[[]byte](t)(s.Bundle(index, len(want)))
	for _, e := range want {
		n := binary.BigEndian.Uint16(b)
		entry := b[2 : 2+n]
		b = b[2+n:]
		if sha256.Sum256(append([]byte{0}, entry...)) != LeafHash(e.Height, e.Envelope) {
			t.Fatalf("bundle %d: entry %d is not the leaf", index, e.Seq)
		}
	}
	if len(b) != 0 {
		t.Fatalf("bundle %d: %d bytes left", index, len(b))
	}
}

func checkState(t testing.TB, v *View) {
	t.Helper()
	h := v.Head()
	root := h.StateRoot[:]
	empty := true
	check := func(key, want []byte) {
		value, p, err := v.Prove(key)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(value, want) || (value == nil) != (want == nil) {
			t.Fatalf("prove %x: got value %x, want %x", key, value, want)
		}
		if got := must[[]byte](t)(v.Get(key)); !bytes.Equal(got, want) {
			t.Fatalf("get %x: got %x, want %x", key, got, want)
		}
		switch {
		case want != nil:
			if !ics23.VerifyMembership(ics23.IavlSpec, root, p, key, want) {
				t.Fatalf("height %d: membership of %x does not verify", h.Height, key)
			}
		case empty:
			if p != nil || h.StateRoot != emptyRoot {
				t.Fatalf("height %d: proof %v and root %x of an empty tree", h.Height, p, h.StateRoot)
			}
		default:
			if !ics23.VerifyNonMembership(ics23.IavlSpec, root, p, key) {
				t.Fatalf("height %d: absence of %x does not verify", h.Height, key)
			}
		}
	}
	type pair struct{ k, v []byte }
	var all []pair
	if err := v.Iterate(nil, nil, func(k, val []byte) bool {
		all = append(all, pair{k, val})
		return true
	}); err != nil {
		t.Fatal(err)
	}
	empty = len(all) == 0
	check([]byte{0}, nil)
	check([]byte("\xff\xff"), nil)
	for _, p := range all {
		check(p.k, p.v)
		check(append(bytes.Clone(p.k), 0), nil)
	}
}

func proof(p []Hash) tlog.RecordProof {
	out := make(tlog.RecordProof, len(p))
	for i := range p {
		out[i] = p[i]
	}
	return out
}

// checkStore verifies the latest view and those of all heights up to it.
func checkStore(t testing.TB, s *Store) {
	t.Helper()
	checkView(t, s, s.View())
	head, ok := s.Head()
	if !ok {
		return
	}
	for height := int64(0); height <= head.Height; height++ {
		v, err := s.At(height)
		if errors.Is(err, ErrNoHeight) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if v.Head().Height != height {
			t.Fatalf("view at %d shows %d", height, v.Head().Height)
		}
		checkView(t, s, v)
	}
}

func TestBlocks(t *testing.T) {
	forEachFS(t, func(t *testing.T, dir string, o Options) {
		s := open(t, dir, o)
		if h, ok := s.Head(); ok || h != emptyHead() {
			t.Fatalf("new store: got head %v, %v", h, ok)
		}
		checkStore(t, s)
		n := 0
		// Sizes around the tile borders; every third block leaves the state alone.
		for height, size := range []int{0, 1, 254, 1, 1, 0, 300, 3} {
			b := s.Begin(int64(height))
			for range size {
				id, env := envelope(n)
				if got := b.Append(id, env); got != uint64(n) {
					t.Fatalf("appended as %d, want %d", got, n)
				}
				if seq, ok, err := b.Seq(id); err != nil || !ok || seq != uint64(n) {
					t.Fatalf("seq in block: got %d, %v, %v", seq, ok, err)
				}
				if e := must[Entry](t)(b.Entry(uint64(n))); !bytes.Equal(e.Envelope, env) || e.Height != int64(height) {
					t.Fatalf("entry in block: got %v", e)
				}
				n++
			}
			if height%3 != 2 {
				for i := range 20 {
					b.Set(fmt.Appendf(nil, "key %d", i*height%31), fmt.Appendf(nil, "value %d", height))
				}
				b.Delete(fmt.Appendf(nil, "key %d", height))
			}
			want := must[Head](t)(b.Hash())
			got := must[Head](t)(b.Commit())
			if got != want {
				t.Fatalf("committed %v, hash was %v", got, want)
			}
			if head, ok := s.Head(); !ok || head != got {
				t.Fatalf("head is %v, committed %v", head, got)
			}
			checkView(t, s, s.View())
			if height%2 == 1 {
				s = reopen(t, s, dir, o)
				checkView(t, s, s.View())
			}
		}
		checkStore(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
