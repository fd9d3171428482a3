package store

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"zhenglian/app/span"
)

// spanOf is the span of a prefix, or the delta to it.
func spanOf(t interface{ Fatal(...any) }, v *View, prefix string, base int64) []byte {
	var b bytes.Buffer
	if err := v.Span([]byte(prefix), base, span.NewWriter(&b)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func reading(b []byte) *bufio.Reader { return bufio.NewReader(bytes.NewReader(b)) }

// TestSpans walks random histories. At every height each prefix is read whole and
// holds what the model says; from every earlier height a delta leads to the same
// span, byte for byte.
func TestSpans(t *testing.T) {
	prefixes := []string{"a", "ab", "b", "b\xff", "c", "\xff", "zz"}
	keys := rapid.Custom(func(t *rapid.T) string {
		return rapid.SampledFrom(prefixes[:6]).Draw(t, "prefix") + rapid.StringN(0, 2, -1).Draw(t, "rest")
	})
	rapid.Check(t, func(t *rapid.T) {
		s, err := Open("/s", Options{FS: vfs.NewMem()})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		state := map[string]string{}
		var states []map[string]string
		for h := int64(1); h <= int64(rapid.IntRange(1, 8).Draw(t, "heights")); h++ {
			b := s.Begin(h)
			for k, v := range rapid.MapOfN(keys, rapid.StringN(1, 3, -1), 0, 12).Draw(t, "set") {
				state[k] = v
				b.Set([]byte(k), []byte(v))
			}
			for _, k := range slices.Sorted(maps.Keys(state)) {
				if rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
					delete(state, k)
					b.Delete([]byte(k))
				}
			}
			if len(state) == 0 {
				state["q"] = "q"
				b.Set([]byte("q"), []byte("q"))
			}
			if _, err := b.Commit(); err != nil {
				t.Fatal(err)
			}
			states = append(states, maps.Clone(state))
		}
		for i, state := range states {
			v, err := s.At(int64(i + 1))
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range prefixes {
				b := spanOf(t, v, p, 0)
				r := reading(b)
				tree, err := span.Read(r, []byte(p), v.Head().StateRoot)
				if err != nil {
					t.Fatalf("height %d, prefix %q: %v", i+1, p, err)
				}
				if _, err := r.ReadByte(); err == nil {
					t.Fatal("something follows the span")
				}
				got := map[string]string{}
				for rest, value := range tree.All() {
					got[p+string(rest)] = string(value)
				}
				want := map[string]string{}
				for _, k := range slices.Sorted(maps.Keys(state)) {
					if strings.HasPrefix(k, p) {
						want[k] = state[k]
						if string(tree.Get([]byte(k[len(p):]))) != state[k] {
							t.Fatalf("Get %q", k)
						}
					}
				}
				if !maps.Equal(got, want) {
					t.Fatalf("height %d, prefix %q: got %q, want %q", i+1, p, got, want)
				}
				var again bytes.Buffer
				if err := tree.Write(span.NewWriter(&again)); err != nil || !bytes.Equal(again.Bytes(), b) {
					t.Fatalf("the tree writes another span, %v", err)
				}
				for j := range i {
					old, err := s.At(int64(j + 1))
					if err != nil {
						t.Fatal(err)
					}
					base, err := span.Read(reading(spanOf(t, old, p, 0)), []byte(p), old.Head().StateRoot)
					if err != nil {
						t.Fatal(err)
					}
					delta := spanOf(t, v, p, old.Head().TreeVersion)
					newer, err := base.Apply(reading(delta), v.Head().StateRoot)
					if err != nil {
						t.Fatalf("delta %d to %d, prefix %q: %v", j+1, i+1, p, err)
					}
					again.Reset()
					if err := newer.Write(span.NewWriter(&again)); err != nil || !bytes.Equal(again.Bytes(), b) {
						t.Fatalf("delta %d to %d, prefix %q leads to another span, %v", j+1, i+1, p, err)
					}
				}
			}
		}
	})
}

func TestSpanNeedsRange(t *testing.T) {
	s := open(t, "/s", Options{FS: vfs.NewMem()})
	defer s.Close()
	if err := s.View().Span([]byte("a"), 0, span.NewWriter(&bytes.Buffer{})); err == nil {
		t.Error("a span of an empty tree")
	}
	b := s.Begin(1)
	b.Set([]byte("a"), []byte("1"))
	must[Head](t)(b.Commit())
	if err := s.View().Span(nil, 0, span.NewWriter(&bytes.Buffer{})); err == nil {
		t.Error("a span without prefix")
	}
	for prefix, want := range map[string]bool{"a": true, "b": false, "\xff": false} {
		if got := must[bool](t)(s.View().HasPrefix([]byte(prefix))); got != want {
			t.Errorf("HasPrefix %q: %t", prefix, got)
		}
	}
}

// listStore is a store with a list of n rows in the middle of its keys.
func listStore(tb testing.TB, n int) *Store {
	s := open(tb, "/s", Options{FS: vfs.NewMem()})
	b := s.Begin(1)
	b.Set([]byte("\x01"), []byte("{}"))
	b.Set([]byte("\x30"), []byte("{}"))
	must[Head](tb)(b.Commit())
	const perBlock = 20_000
	for i := 0; i < n; {
		b := s.Begin(s.View().Head().Height + 1)
		for j := 0; j < perBlock && i < n; j++ {
			b.Set(listKey(i), listValue(i))
			i++
		}
		must[Head](tb)(b.Commit())
	}
	return s
}

func listKey(i int) []byte {
	h := benchID(i)
	return append([]byte("\x20list\x00"), h[:]...)
}

func listValue(i int) []byte {
	h := benchID(i + 1<<30)
	return fmt.Appendf(nil, `{"entry":"%x","epoch":1,"since":%d,"state":"PUBLISHED"}`, h, i)
}

func BenchmarkSpan(b *testing.B) {
	s := listStore(b, 140_000)
	defer s.Close()
	prefix := "\x20list\x00"
	v := s.View()
	whole := spanOf(b, v, prefix, 0)
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			whole = spanOf(b, v, prefix, 0)
		}
		b.ReportMetric(float64(len(whole)), "bytes")
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := span.Read(reading(whole), []byte(prefix), v.Head().StateRoot); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("absence", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			_, p, err := v.Prove(listKey(1_000_000 + i))
			if err != nil {
				b.Fatal(err)
			}
			if _, err := p.Marshal(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
