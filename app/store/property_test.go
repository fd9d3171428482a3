package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cosmos/iavl"
	iavldb "github.com/cosmos/iavl/db"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// model is the store in its plainest form: the leaves, the pairs, and an IAVL tree
// in memory to which the net writes of each block are applied in key order.
type model struct {
	leaves []tlog.Hash
	ids    map[Hash]uint64
	pairs  map[string]string
	tree   *iavl.MutableTree
	heads  []Head
}

func newModel() *model {
	return &model{
		ids:   map[Hash]uint64{},
		pairs: map[string]string{},
		tree:  iavl.NewMutableTree(iavldb.NewMemDB(), 1000, true, iavl.NewNopLogger()),
	}
}

// next is the head after a block with these envelopes and this state.
func (m *model) next(t *rapid.T, height int64, envelopes [][]byte, pairs map[string]string) Head {
	for _, e := range envelopes {
		m.ids[sha256.Sum256(e)] = uint64(len(m.leaves))
		m.leaves = append(m.leaves, tlog.RecordHash(append(binary.BigEndian.AppendUint64(nil, uint64(height)), e...)))
	}
	var keys []string
	for k := range m.pairs {
		keys = append(keys, k)
	}
	for k := range pairs {
		if _, ok := m.pairs[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	changed := false
	for _, k := range keys {
		was, had := m.pairs[k]
		is, has := pairs[k]
		switch {
		case had && !has:
			must3(m.tree.Remove([]byte(k)))
		case has && (!had || was != is):
			must2(m.tree.Set([]byte(k), []byte(is)))
		default:
			continue
		}
		changed = true
	}
	if changed {
		must3(m.tree.SaveVersion())
	}
	m.pairs = pairs

	h := Head{Height: height, LogSize: uint64(len(m.leaves)), LogRoot: naiveRoot(m.leaves), TreeVersion: m.tree.Version()}
	h.StateRoot = Hash(m.tree.Hash())
	h.AppHash = AppHash(h.LogSize, h.LogRoot, h.StateRoot)
	m.heads = append(m.heads, h)
	return h
}

func must2(_ bool, err error) {
	if err != nil {
		panic(err)
	}
}

func must3[A, B any](_ A, _ B, err error) {
	if err != nil {
		panic(err)
	}
}

// naiveRoot is RFC 6962 section 2.1, word by word.
func naiveRoot(leaves []tlog.Hash) Hash {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return Hash(leaves[0])
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	return Hash(tlog.NodeHash(tlog.Hash(naiveRoot(leaves[:k])), tlog.Hash(naiveRoot(leaves[k:]))))
}

// TestModel runs random blocks, discards, second hashes, reads and reopenings against
// the model. Keys come from a small alphabet, so that they meet again.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := Options{FS: vfs.NewMem(), CacheNodes: 8, CacheTiles: 2, CacheBytes: 1 << 20}
		s := must[*Store](rapidTB{t: t})(Open("/store", o))
		defer func() { s.Close() }()
		m := newModel()
		height := int64(-1)
		n := 0
		key := rapid.SliceOfN(rapid.SampledFrom([]byte("ab\x00")), 1, 4)

		for range rapid.IntRange(1, 12).Draw(t, "blocks") {
			height += rapid.Int64Range(1, 2).Draw(t, "step")
			b := s.Begin(height)
			pairs := map[string]string{}
			for k, v := range m.pairs {
				pairs[k] = v
			}
			var envelopes [][]byte
			acts := rapid.IntRange(0, 12).Draw(t, "acts")
			for range acts {
				switch rapid.IntRange(0, 6).Draw(t, "act") {
				case 0, 1:
					for range rapid.SampledFrom([]int{1, 2, 130}).Draw(t, "entries") {
						id, e := envelope(n)
						n++
						if _, ok, err := b.Seq(id); ok || err != nil {
							t.Fatalf("new id: got %v, %v", ok, err)
						}
						if got, want := b.Append(id, e), uint64(len(m.leaves)+len(envelopes)); got != want {
							t.Fatalf("appended as %d, want %d", got, want)
						}
						envelopes = append(envelopes, e)
					}
				case 2, 3:
					k, v := key.Draw(t, "key"), rapid.SampledFrom([]string{"x", "y"}).Draw(t, "value")
					b.Set(k, []byte(v))
					pairs[string(k)] = v
				case 4:
					k := key.Draw(t, "key")
					b.Delete(k)
					delete(pairs, string(k))
				case 5:
					must[Head](rapidTB{t: t})(b.Hash())
				case 6:
					k := key.Draw(t, "key")
					v, err := b.Get(k)
					if want, ok := pairs[string(k)]; err != nil || string(v) != want || (v != nil) != ok {
						t.Fatalf("get %q: got %q, %v, want %q", k, v, err, want)
					}
					start, end := key.Draw(t, "start"), key.Draw(t, "end")
					comparePairs(t, pairs, start, end, b.Iterate)
				}
			}
			comparePairs(t, pairs, nil, nil, b.Iterate)
			if rapid.IntRange(0, 3).Draw(t, "end") == 0 {
				b.Discard()
				height = int64(-1)
				if h, ok := s.Head(); ok {
					height = h.Height
				}
				n -= len(envelopes)
			} else {
				want := m.next(t, height, envelopes, pairs)
				if rapid.Bool().Draw(t, "hash first") {
					if got, err := b.Hash(); err != nil || got != want {
						t.Fatalf("hash: got %+v, %v, want %+v", got, err, want)
					}
				}
				if got, err := b.Commit(); err != nil || got != want {
					t.Fatalf("commit: got %+v, %v, want %+v", got, err, want)
				}
			}
			if rapid.IntRange(0, 3).Draw(t, "reopen") == 0 {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = must[*Store](rapidTB{t: t})(Open("/store", o))
			}
		}
		for _, want := range m.heads {
			v := must[*View](rapidTB{t: t})(s.At(want.Height))
			if v.Head() != want {
				t.Fatalf("head at %d: got %+v, want %+v", want.Height, v.Head(), want)
			}
			for range min(want.LogSize, 3) {
				seq := rapid.Uint64Range(0, want.LogSize-1).Draw(t, "seq")
				p := proof(must[[]Hash](rapidTB{t: t})(v.Inclusion(seq)))
				if err := tlog.CheckRecord(p, int64(want.LogSize), tlog.Hash(want.LogRoot), int64(seq), m.leaves[seq]); err != nil {
					t.Fatal(err)
				}
			}
			checkState(rapidTB{t: t}, v)
		}
		comparePairs(t, m.pairs, nil, nil, s.View().Iterate)
		for id, want := range m.ids {
			if seq, ok, err := s.View().Seq(id); err != nil || !ok || seq != want {
				t.Fatalf("seq: got %d, %v, %v, want %d", seq, ok, err, want)
			}
		}
	})
}

// comparePairs checks an iteration of [start, end) against the pairs it should show.
func comparePairs(t *rapid.T, pairs map[string]string, start, end []byte, iterate func(start, end []byte, fn func(k, v []byte) bool) error) {
	var want []string
	for k := range pairs {
		if (start == nil || k >= string(start)) && (end == nil || k < string(end)) {
			want = append(want, k)
		}
	}
	slices.Sort(want)
	var got []string
	if err := iterate(start, end, func(k, v []byte) bool {
		if !bytes.Equal(v, []byte(pairs[string(k)])) {
			t.Fatalf("iterate: %q is %q, want %q", k, v, pairs[string(k)])
		}
		got = append(got, string(k))
		return true
	}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("iterate %q to %q: got %q, want %q", start, end, got, want)
	}
}

// rapidTB lets the checkers of store_test.go report to rapid.
type rapidTB struct {
	testing.TB
	t *rapid.T
}

func (r rapidTB) Helper()                   { r.t.Helper() }
func (r rapidTB) Fatal(args ...any)         { r.t.Fatal(args...) }
func (r rapidTB) Fatalf(f string, a ...any) { r.t.Fatalf(f, a...) }
