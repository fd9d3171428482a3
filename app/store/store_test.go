package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	ics23 "github.com/cosmos/ics23/go"
	"golang.org/x/mod/sumdb/tlog"
)

// forEachFS runs a test on the memory file system and on the disk.
func forEachFS(t *testing.T, test func(t *testing.T, dir string, o Options)) {
	t.Run("memory", func(t *testing.T) { test(t, "/store", Options{FS: vfs.NewMem()}) })
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
		if root := must[Hash](t)(v.RootOf(old)); tlog.Hash(root) != roots[old] {
			t.Fatalf("root of %d of %d: got %x, want %x", old, size, root, roots[old])
		}
		to := old + (size-old)/2
		p = proof(must[[]Hash](t)(v.ConsistencyTo(old, to)))
		if err := tlog.CheckTree(tlog.TreeProof(p), int64(to), roots[to], int64(old), roots[old]); err != nil {
			t.Fatalf("consistency of %d with %d of %d: %v", old, to, size, err)
		}
	}
	if _, err := v.Entry(size); !errors.Is(err, ErrNoEntry) {
		t.Fatalf("entry beyond the log: got %v, want ErrNoEntry", err)
	}
	if _, err := v.Inclusion(size); !errors.Is(err, ErrNoEntry) {
		t.Fatalf("inclusion beyond the log: got %v, want ErrNoEntry", err)
	}
	if _, err := v.RootOf(size + 1); !errors.Is(err, ErrNoEntry) {
		t.Fatalf("root of %d of %d: %v", size+1, size, err)
	}
	if _, err := v.ConsistencyTo(0, size+1); !errors.Is(err, ErrNoEntry) {
		t.Fatalf("consistency with %d of %d: %v", size+1, size, err)
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
	// Each key, the gap behind it, and both ends.
	check([]byte("\xff\xff"), nil)
	if empty || !bytes.Equal(all[0].k, []byte{0}) {
		check([]byte{0}, nil)
	}
	for i, p := range all {
		check(p.k, p.v)
		if gap := append(bytes.Clone(p.k), 0); i+1 == len(all) || !bytes.Equal(all[i+1].k, gap) {
			check(gap, nil)
		}
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

// TestVectors fixes the bytes that a second implementation must hash.
func TestVectors(t *testing.T) {
	for _, test := range []struct {
		name string
		got  Hash
		want string // computed by another program
	}{
		{"empty root", emptyRoot, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"leaf", LeafHash(258, []byte("envelope")), "2614dca3736e0d663e3d4a66acbe5b12f2cc02f6aa43f0a59a3cd801aa85f3ee"},
		{"empty leaf", LeafHash(0, nil), "3e7077fd2f66d689e0cee6a7cf5b37bf2dca7c979af356d0a31cbc5c85605c7d"},
		{"empty app", AppHash(0, emptyRoot, emptyRoot), "9c536b632655e40caab50e0bc7116ad6ace23f37bd98907ec92925f1a1d0ed9d"},
		{"app", AppHash(258, Hash(bytes.Repeat([]byte{1}, 32)), Hash(bytes.Repeat([]byte{2}, 32))), "8dc73f2b18438ec7ecef3e3d7a774a3810b1d782d6a6f3bfbdefc9fb12a15799"},
	} {
		if got := hex.EncodeToString(test.got[:]); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

// TestGolden fixes the application hashes of the blocks that writeBlock writes. They
// change only with the protocol.
func TestGolden(t *testing.T) {
	want := []string{
		"b33454d938017cc7257cef5b48e4adb6407eff1cde220f186bc54772e5fab31e",
		"bf76e5b7cfb3fc2d8ace80386e37cca19df55173f4e2d2a6c0eeb347964d7f2f",
		"6029426142ea28ec4b6d396dfbd370bce3ed5cb6d40aeb0127ddfc3be8569e8c",
		"5aa73804f093d19f12114d206cdae160b051894fa2a0bdbce02797f1fcef288d",
		"ae818b095fa2fe63c4bb89e5c7b8892640fb3f175edfd2559e802ccbe3747242",
	}
	for i, h := range twin(t) {
		if got := hex.EncodeToString(h.AppHash[:]); got != want[i] {
			t.Errorf("block %d: got %s, want %s", i, got, want[i])
		}
	}
}

// TestEmptyWrites checks that blocks whose state writes come to nothing leave the
// tree and its version alone, however they come to nothing.
func TestEmptyWrites(t *testing.T) {
	saves := 0
	s := must[*Store](t)(OpenMemory(Options{Fault: func(point string) {
		if point == "tree.save" {
			saves++
		}
	}}))
	defer s.Close()
	b := s.Begin(0)
	b.Set([]byte("k"), []byte("v"))
	first := must[Head](t)(b.Commit())
	for i, write := range []func(b *Block){
		func(b *Block) {},
		func(b *Block) { b.Set([]byte("k"), []byte("v")) },
		func(b *Block) { b.Set([]byte("k"), []byte("w")); b.Set([]byte("k"), []byte("v")) },
		func(b *Block) { b.Delete([]byte("k")); b.Set([]byte("k"), []byte("v")) },
		func(b *Block) { b.Delete([]byte("absent")) },
		func(b *Block) { b.Set([]byte("new"), []byte("v")); b.Delete([]byte("new")) },
		func(b *Block) {
			b.Set([]byte("new"), []byte("v"))
			must[Head](t)(b.Hash())
			b.Delete([]byte("new"))
		},
	} {
		b := s.Begin(int64(1 + i))
		write(b)
		h := must[Head](t)(b.Commit())
		if h.StateRoot != first.StateRoot || h.TreeVersion != first.TreeVersion || h.AppHash != first.AppHash {
			t.Errorf("case %d: got %+v, want the state of %+v", i, h, first)
		}
	}
	if saves != 1 {
		t.Errorf("the tree was saved %d times, want once", saves)
	}
	checkStore(t, s)
}

// TestValuesAreCopied checks that a caller may use its buffers again.
func TestValuesAreCopied(t *testing.T) {
	s := must[*Store](t)(OpenMemory(Options{}))
	defer s.Close()
	b := s.Begin(0)
	k, v := []byte("key"), []byte("value")
	b.Set(k, v)
	k[0], v[0] = 'x', 'x'
	must[Head](t)(b.Commit())
	if got := must[[]byte](t)(s.View().Get([]byte("key"))); string(got) != "value" {
		t.Errorf("got %q, want value", got)
	}
	checkStore(t, s)
}

// TestViewsStay checks that a view made before a commit, or of a block that was then
// discarded and written otherwise, still shows its own head.
func TestViewsStay(t *testing.T) {
	s := must[*Store](t)(OpenMemory(Options{}))
	defer s.Close()
	var views []*View
	for height := range int64(8) {
		views = append(views, s.View())
		b := s.Begin(height)
		for i := range 50 {
			id, e := envelope(900_000 + i)
			b.Append(id, e)
		}
		b.Set([]byte("k"), []byte("discarded"))
		must[Head](t)(b.Hash())
		b.Discard()
		b.Discard()
		b = s.Begin(height)
		for i := range 70 {
			id, e := envelope(int(height)*100 + i)
			b.Append(id, e)
		}
		b.Set([]byte("k"), fmt.Appendf(nil, "%d", height))
		must[Head](t)(b.Commit())
	}
	for i, v := range views {
		if want := uint64(70 * i); v.Head().LogSize != want {
			t.Errorf("view %d has %d entries, want %d", i, v.Head().LogSize, want)
		}
		checkView(t, s, v)
	}
	id, _ := envelope(701)
	if _, ok, err := views[7].Seq(id); ok || err != nil {
		t.Errorf("id of a later block in an older view: got %v, %v", ok, err)
	}
	if seq, ok, err := s.View().Seq(id); !ok || err != nil || seq != 491 {
		t.Errorf("id in the newest view: got %d, %v, %v", seq, ok, err)
	}
}

func TestHeights(t *testing.T) {
	s := must[*Store](t)(OpenMemory(Options{}))
	defer s.Close()
	for _, height := range []int64{0, 1, 5, 6} {
		must[Head](t)(s.Begin(height).Commit())
	}
	for height := int64(-1); height < 9; height++ {
		want := height == 0 || height == 1 || height == 5 || height == 6
		h, err := s.HeadAt(height)
		if want != (err == nil) || want && h.Height != height || !want && !errors.Is(err, ErrNoHeight) {
			t.Errorf("head at %d: got %v, %v", height, h, err)
		}
		if _, err := s.At(height); want != (err == nil) || !want && !errors.Is(err, ErrNoHeight) {
			t.Errorf("view at %d: got %v", height, err)
		}
	}
}

// TestStamp checks that a block's header hash and time are kept, and in no hash.
func TestStamp(t *testing.T) {
	forEachFS(t, func(t *testing.T, dir string, o Options) {
		heads := twin(t)
		s := open(t, dir, o)
		defer func() { s.Close() }()
		for height := range int64(3) {
			b := s.Begin(height)
			before := must[Head](t)(b.Hash())
			b.Stamp(Hash{1, byte(height)}, 1_800_000_000_000+height)
			after := must[Head](t)(b.Hash())
			if before.AppHash != after.AppHash || after.Block != (Hash{1, byte(height)}) {
				t.Errorf("head before the stamp %+v, after it %+v", before, after)
			}
			must[Head](t)(b.Commit())
		}
		s = reopen(t, s, dir, o)
		for height := range int64(3) {
			h := must[Head](t)(s.HeadAt(height))
			if h.Block != (Hash{1, byte(height)}) || h.Time != 1_800_000_000_000+height {
				t.Errorf("head at %d is %+v", height, h)
			}
		}
		if heads[0].Block != (Hash{}) || heads[0].Time != 0 {
			t.Errorf("head without a stamp is %+v", heads[0])
		}
	})
}

// TestTileLevels is the log across the border of the second tile level.
func TestTileLevels(t *testing.T) {
	const size = 1<<16 + 300
	o := Options{FS: vfs.NewMem(), CacheTiles: 7}
	s := open(t, "/store", o)
	defer func() { s.Close() }()
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(ix []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(ix))
		for i, x := range ix {
			out[i] = stored[x]
		}
		return out, nil
	})
	n := 0
	for height := int64(0); n < size; height++ {
		b := s.Begin(height)
		for range 7001 {
			if n == size {
				break
			}
			e := binary.BigEndian.AppendUint32(nil, uint32(n))
			b.Append(sha256.Sum256(e), e)
			stored = append(stored, must[[]tlog.Hash](t)(tlog.StoredHashesForRecordHash(int64(n), tlog.Hash(LeafHash(height, e)), reader))...)
			n++
		}
		h := must[Head](t)(b.Commit())
		if want := must[tlog.Hash](t)(tlog.TreeHash(int64(n), reader)); tlog.Hash(h.LogRoot) != want {
			t.Fatalf("root of %d entries is %x, want %x", n, h.LogRoot, want)
		}
		if height%4 == 3 {
			s = reopen(t, s, "/store", o)
		}
		v := s.View()
		for i := range 50 {
			seq := uint64(i*i*7919) % uint64(n)
			p := proof(must[[]Hash](t)(v.Inclusion(seq)))
			leaf := stored[tlog.StoredHashIndex(0, int64(seq))]
			if err := tlog.CheckRecord(p, int64(n), tlog.Hash(h.LogRoot), int64(seq), leaf); err != nil {
				t.Fatalf("inclusion of %d in %d: %v", seq, n, err)
			}
		}
	}
	for _, test := range []struct {
		level int
		index uint64
		width int
		ok    bool
	}{
		{0, 255, 256, true}, {0, 256, 256, true}, {0, 257, 44, true}, {0, 257, 45, false}, {0, 258, 1, false},
		{1, 0, 256, true}, {1, 1, 1, true}, {1, 1, 2, false}, {2, 0, 1, true}, {2, 0, 2, false}, {3, 0, 1, false},
		{-1, 0, 1, false}, {8, 0, 1, false}, {0, 0, 0, false}, {0, 0, 257, false}, {0, 1 << 62, 1, false}, {0, 1<<64 - 1, 256, false},
	} {
		got, err := s.Tile(test.level, test.index, test.width)
		if !test.ok {
			if !errors.Is(err, ErrNoTile) {
				t.Errorf("tile %d/%d.p/%d: got %v, want ErrNoTile", test.level, test.index, test.width, err)
			}
			continue
		}
		want := must[[]byte](t)(tlog.ReadTileData(tlog.Tile{H: 8, L: test.level, N: int64(test.index), W: test.width}, reader))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("tile %d/%d.p/%d differs, %v", test.level, test.index, test.width, err)
		}
	}
	if _, err := s.Bundle(257, 45); !errors.Is(err, ErrNoTile) {
		t.Errorf("bundle beyond the log: got %v", err)
	}
}

func TestEntries(t *testing.T) {
	s := must[*Store](t)(OpenMemory(Options{}))
	defer s.Close()
	for height := range int64(3) {
		b := s.Begin(height)
		for i := range 4 {
			id, e := envelope(int(height)*4 + i)
			b.Append(id, e)
		}
		must[Head](t)(b.Commit())
	}
	v := must[*View](t)(s.At(1)) // 8 of 12 entries
	for _, test := range []struct {
		from uint64
		max  int
		want int
	}{{0, 100, 8}, {0, 3, 3}, {6, 2, 2}, {6, 3, 2}, {8, 5, 0}, {100, 5, 0}, {0, 0, 0}, {0, -1, 0}} {
		got := must[[]Entry](t)(v.Entries(test.from, test.max))
		if len(got) != test.want {
			t.Errorf("entries %d, %d: got %d, want %d", test.from, test.max, len(got), test.want)
		}
		for i, e := range got {
			_, env := envelope(int(e.Seq))
			if e.Seq != test.from+uint64(i) || e.Height != int64(e.Seq/4) || !bytes.Equal(e.Envelope, env) {
				t.Errorf("entries %d, %d: entry %d is %v", test.from, test.max, i, e)
			}
		}
	}
}

// TestMisuse checks that what cannot be an input, only a mistake, panics.
func TestMisuse(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(s *Store)
	}{
		{"second block", func(s *Store) { s.Begin(8); s.Begin(9) }},
		{"same height", func(s *Store) { s.Begin(7) }},
		{"negative height", func(s *Store) { s.Begin(-1) }},
		{"empty key", func(s *Store) { s.Begin(8).Set(nil, []byte("v")) }},
		{"empty value", func(s *Store) { s.Begin(8).Set([]byte("k"), []byte{}) }},
		{"long envelope", func(s *Store) { s.Begin(8).Append(Hash{}, make([]byte, MaxEnvelope+1)) }},
		{"same id", func(s *Store) { b := s.Begin(8); b.Append(Hash{}, nil); b.Append(Hash{}, nil) }},
		{"write after commit", func(s *Store) { b := s.Begin(8); b.Commit(); b.Set([]byte("k"), []byte("v")) }},
		{"commit after discard", func(s *Store) { b := s.Begin(8); b.Discard(); b.Commit() }},
		{"write while iterating", func(s *Store) {
			b := s.Begin(8)
			b.Iterate(nil, nil, func(k, v []byte) bool { b.Delete(k); return true })
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := must[*Store](t)(OpenMemory(Options{}))
			b := s.Begin(7)
			b.Set([]byte("k"), []byte("v"))
			must[Head](t)(b.Commit())
			defer func() {
				if recover() == nil {
					t.Error("did not panic")
				}
			}()
			test.do(s)
		})
	}
}

// TestDamage changes rows of a closed store and checks that it does not open.
func TestDamage(t *testing.T) {
	flip := func(db *pebble.DB, key []byte, at int) {
		v, err := get(db, key)
		if err != nil || v == nil {
			panic(fmt.Sprintf("row %x: %v", key, err))
		}
		v[(at+len(v))%len(v)] ^= 1
		if err := db.Set(key, v, pebble.Sync); err != nil {
			panic(err)
		}
	}
	head, last := keyUint64(prefixHead, 4), keyUint64(prefixEntry, 270)
	tile := keyTile(0, 0)
	for _, test := range []struct {
		name string
		do   func(db *pebble.DB)
		want string
	}{
		{"format", func(db *pebble.DB) { flip(db, keyFormat, -1) }, "rows have format"},
		{"latest", func(db *pebble.DB) { flip(db, keyLatest, -1) }, "height was never committed"},
		{"head", func(db *pebble.DB) { flip(db, head[:], 40) }, "app hash does not follow"},
		{"last entry", func(db *pebble.DB) { flip(db, last[:], -1) }, "has root"},
		{"last entry gone", func(db *pebble.DB) { db.Delete(last[:], pebble.Sync) }, "entry 270 is missing"},
		{"tile", func(db *pebble.DB) { flip(db, tile[:], -1) }, "has root"},
		{"tile gone", func(db *pebble.DB) { db.Delete(tile[:], pebble.Sync) }, "log tile 0/0 is missing"},
		{"tree gone", func(db *pebble.DB) {
			db.DeleteRange([]byte{prefixTree}, []byte{prefixTree + 1}, pebble.Sync)
		}, "tree ends at 0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := Options{FS: vfs.NewMem()}
			s := open(t, "/store", o)
			for height := range int64(crashBlocks) {
				must[Head](t)(writeBlock(s, height))
			}
			test.do(s.db)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s, err := Open("/store", o)
			if err == nil {
				s.Close()
				t.Fatal("opened")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q, want %q in it", err, test.want)
			}
		})
	}
}

// TestLostNode checks that a read which meets a missing tree node fails; IAVL's own
// iterator would end as if there were no more keys.
func TestLostNode(t *testing.T) {
	o := Options{FS: vfs.NewMem()}
	s := open(t, "/store", o)
	b := s.Begin(0)
	for i := range 100 {
		b.Set(fmt.Appendf(nil, "key %02d", i), []byte("v"))
	}
	must[Head](t)(b.Commit())
	it := must[*pebble.Iterator](t)(s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefixTree}, UpperBound: []byte{prefixTree + 1}}))
	it.Last()
	leaf := bytes.Clone(it.Key())
	it.Close()
	if err := s.db.Delete(leaf, pebble.Sync); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s, "/store", o)
	defer s.Close()

	n := 0
	err := s.View().Iterate(nil, nil, func(k, v []byte) bool { n++; return true })
	if err == nil || n > 99 {
		t.Errorf("iterated %d keys, %v; want an error", n, err)
	}
	if _, err := s.View().Get([]byte("key 99")); err == nil {
		t.Error("got a key whose node is lost")
	}
	b = s.Begin(1)
	b.Set([]byte("key 99"), []byte("w"))
	if _, err := b.Hash(); err == nil {
		t.Error("hashed a block over a lost node")
	}
	if _, err := b.Commit(); err == nil {
		t.Error("committed a block over a lost node")
	}
	b.Discard()
}

// TestTreeAhead checks that tree versions no head names are removed on Open.
func TestTreeAhead(t *testing.T) {
	heads := twin(t)
	for blocks := range int64(3) {
		t.Run(fmt.Sprint(blocks), func(t *testing.T) {
			o := Options{FS: vfs.NewMem()}
			s := open(t, "/store", o)
			for height := range blocks {
				must[Head](t)(writeBlock(s, height))
			}
			for i := range byte(2) {
				if _, err := s.writer.Set([]byte("key 5"), []byte{i}); err != nil {
					t.Fatal(err)
				}
				s.rows.out = s.db.NewBatch()
				if _, _, err := s.writer.SaveVersion(); err != nil {
					t.Fatal(err)
				}
				if err := s.rows.out.Commit(pebble.Sync); err != nil {
					t.Fatal(err)
				}
			}
			s = reopen(t, s, "/store", o)
			defer s.Close()
			afterCrash(t, s, heads, blocks-1, true)
		})
	}
}

// TestRowsBeyondLog checks that side rows of a block that never was do not exist.
func TestRowsBeyondLog(t *testing.T) {
	heads := twin(t)
	o := Options{FS: vfs.NewMem()}
	s := open(t, "/store", o)
	must[Head](t)(writeBlock(s, 0))
	id := Hash{7}
	idKey, entryKey := keyID(id), keyUint64(prefixEntry, 3)
	for _, row := range []struct{ k, v []byte }{{idKey[:], entryKey[1:]}, {entryKey[:], make([]byte, 20)}} {
		if err := s.db.Set(row.k, row.v, pebble.Sync); err != nil {
			t.Fatal(err)
		}
	}
	s = reopen(t, s, "/store", o)
	defer s.Close()
	if _, ok, err := s.View().Seq(id); ok || err != nil {
		t.Errorf("view: got %v, %v", ok, err)
	}
	b := s.Begin(1)
	if _, ok, err := b.Seq(id); ok || err != nil {
		t.Errorf("block: got %v, %v", ok, err)
	}
	if _, err := b.Entry(3); !errors.Is(err, ErrNoEntry) {
		t.Errorf("entry: got %v, want ErrNoEntry", err)
	}
	b.Discard()
	afterCrash(t, s, heads, 0, true)
}

// TestBlockCache checks that blocks read from tables stay in memory. (A cache no
// larger than Pebble's memtables holds nothing.)
func TestBlockCache(t *testing.T) {
	s := must[*Store](t)(OpenMemory(Options{CacheBytes: 1 << 17}))
	defer s.Close()
	for height := range int64(crashBlocks) {
		must[Head](t)(writeBlock(s, height))
	}
	if err := s.db.Flush(); err != nil {
		t.Fatal(err)
	}
	before := s.db.Metrics().BlockCache
	for range 100 {
		must[Entry](t)(s.View().Entry(7))
	}
	after := s.db.Metrics().BlockCache
	if hits, misses := after.Hits-before.Hits, after.Misses-before.Misses; hits < 100 || misses > 10 {
		t.Errorf("100 reads of an entry: %d hits, %d misses of the block cache", hits, misses)
	}
}

// TestReaders reads views old and new while blocks are committed; it is for -race.
func TestReaders(t *testing.T) {
	s := must[*Store](t)(OpenMemory(Options{CacheNodes: 50, CacheTiles: 3}))
	defer s.Close()
	must[Head](t)(writeBlock(s, 0))
	const blocks = 40
	stop := make(chan struct{})
	errs := make(chan error, 3)
	for r := range 3 {
		go func() {
			errs <- func() error {
				for i := uint64(r); ; i++ {
					select {
					case <-stop:
						return nil
					default:
					}
					v := s.View()
					if i%2 == 1 {
						var err error
						if v, err = s.At(int64(i) % (v.Head().Height + 1)); err != nil {
							return err
						}
					}
					if err := readSome(s, v, i); err != nil {
						return fmt.Errorf("height %d: %w", v.Head().Height, err)
					}
				}
			}()
		}()
	}
	for height := int64(1); height < blocks; height++ {
		if height%5 == 0 {
			b := s.Begin(height)
			id, e := envelope(1)
			b.Append(Hash{byte(height), id[0]}, e)
			b.Set([]byte("key 3"), []byte("discarded"))
			must[Head](t)(b.Hash())
			b.Discard()
		}
		must[Head](t)(writeBlock(s, height))
	}
	close(stop)
	for range 3 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func readSome(s *Store, v *View, i uint64) error {
	h := v.Head()
	seq := i * 31 % h.LogSize
	e, err := v.Entry(seq)
	if err != nil {
		return err
	}
	p, err := v.Inclusion(seq)
	if err != nil {
		return err
	}
	leaf := tlog.Hash(LeafHash(e.Height, e.Envelope))
	if err := tlog.CheckRecord(proof(p), int64(h.LogSize), tlog.Hash(h.LogRoot), int64(seq), leaf); err != nil {
		return err
	}
	if got, ok, err := v.Seq(sha256.Sum256(e.Envelope)); err != nil || !ok || got != seq {
		return fmt.Errorf("seq: got %d, %v, %w", got, ok, err)
	}
	var keys [][]byte
	if err := v.Iterate(nil, nil, func(k, val []byte) bool { keys = append(keys, k); return true }); err != nil {
		return err
	}
	key := keys[i%uint64(len(keys))]
	value, proof, err := v.Prove(key)
	if err != nil {
		return err
	}
	if !ics23.VerifyMembership(ics23.IavlSpec, h.StateRoot[:], proof, key, value) {
		return fmt.Errorf("membership of %q does not verify", key)
	}
	if _, err := s.Tile(0, h.LogSize/257, 1); err != nil {
		return err
	}
	_, err = s.Bundle(0, 1)
	return err
}
