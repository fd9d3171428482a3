package span_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"zhenglian/app/span"
	"zhenglian/app/store"
)

var update = flag.Bool("update", false, "write the vectors anew")

// A vector is a span, or a delta when there is a base, and what becomes of it.
type vector struct {
	Name   string   `json:"name"`
	Prefix string   `json:"prefix"`         // hex
	Root   string   `json:"root"`           // hex; what the reader demands
	Base   string   `json:"base,omitempty"` // hex; the span that a delta is applied to
	From   string   `json:"from,omitempty"` // hex; root of the base
	Span   string   `json:"span"`           // hex
	Whole  string   `json:"whole,omitempty"`
	Rows   []string `json:"rows,omitempty"` // key after the prefix = value, in hex
	Error  string   `json:"error,omitempty"`
}

const vectorFile = "testdata/vectors/spans.json"

func reading(b []byte) *bufio.Reader { return bufio.NewReader(bytes.NewReader(b)) }

// source is a tree that changes once.
func source(t testing.TB, n int) (older, newer *store.View) {
	t.Helper()
	s, err := store.Open("/s", store.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	commit := func(set func(b *store.Block)) {
		b := s.Begin(s.View().Head().Height + 1)
		set(b)
		if _, err := b.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	commit(func(b *store.Block) {
		for _, p := range []string{"a", "b", "c"} {
			for i := range n {
				b.Set(fmt.Appendf(nil, "%s%02d", p, i), fmt.Appendf(nil, "%s%d", p, i))
			}
		}
	})
	older = s.View()
	commit(func(b *store.Block) {
		b.Delete([]byte("b01"))
		b.Set([]byte("b02"), []byte("changed"))
		b.Set([]byte("b99"), []byte("new"))
		b.Delete([]byte("a00"))
	})
	return older, s.View()
}

func spanOf(t testing.TB, v *store.View, prefix string, base int64) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := v.Span([]byte(prefix), base, span.NewWriter(&b)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// good are spans of two heights of a small tree.
func good(t testing.TB) (out []vector) {
	older, newer := source(t, 6)
	for _, c := range []struct{ name, prefix string }{
		{"rows in the middle", "b"}, {"rows at the left end of the tree", "a"}, {"rows at the right end", "c"},
		{"no rows, in the middle", "b5"}, {"no rows, before everything", "0"}, {"no rows, after everything", "z"}, {"one row", "b03"},
	} {
		for i, v := range []*store.View{older, newer} {
			root := v.Head().StateRoot
			b := spanOf(t, v, c.prefix, 0)
			x := vector{Name: c.name, Prefix: hex.EncodeToString([]byte(c.prefix)), Root: hex.EncodeToString(root[:]), Span: hex.EncodeToString(b)}
			tree, err := span.Read(reading(b), []byte(c.prefix), root)
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range tree.All() {
				x.Rows = append(x.Rows, fmt.Sprintf("%x=%x", k, v))
			}
			out = append(out, x)
			if i == 0 {
				continue
			}
			from := older.Head().StateRoot
			x.Name = "delta: " + c.name
			x.Base = hex.EncodeToString(spanOf(t, older, c.prefix, 0))
			x.From = hex.EncodeToString(from[:])
			x.Whole, x.Span = x.Span, hex.EncodeToString(spanOf(t, newer, c.prefix, older.Head().TreeVersion))
			out = append(out, x)
		}
	}
	return out
}

// bad are departures from the second good vector, and from the delta after it.
func bad(t testing.TB) (out []vector) {
	older, newer := source(t, 6)
	root := newer.Head().StateRoot
	whole := spanOf(t, newer, "b", 0)
	change := func(name string, b []byte) {
		out = append(out, vector{Name: name, Prefix: hex.EncodeToString([]byte("b")), Root: hex.EncodeToString(root[:]), Span: hex.EncodeToString(b)})
	}
	change("nothing", nil)
	change("cut off", whole[:len(whole)-1])
	flipped := bytes.Clone(whole)
	flipped[bytes.Index(whole, []byte("changed"))] ^= 1
	change("a value changed", flipped)
	flipped = bytes.Clone(whole)
	flipped[0] = 9
	change("an unknown node", flipped)
	change("of another height", spanOf(t, older, "b", 0))
	change("of another prefix", spanOf(t, newer, "c", 0))
	change("a delta without base", spanOf(t, newer, "b", older.Head().TreeVersion))

	// Spans that lead to the root and leave something out or say it otherwise.
	// The tree has left and right of the root as read here.
	tokens := func(f func(w *span.Writer)) []byte {
		var b bytes.Buffer
		f(span.NewWriter(&b))
		return b.Bytes()
	}
	change("the root alone, as a stub", tokens(func(w *span.Writer) { w.Stub(root) }))
	change("the root alone, as a kept node", tokens(func(w *span.Writer) { w.Kept(root) }))
	change("the range of a longer prefix", spanOf(t, newer, "b03", 0))

	delta := spanOf(t, newer, "b", older.Head().TreeVersion)
	from := older.Head().StateRoot
	base := func(name string, b, d []byte, root [32]byte) {
		out = append(out, vector{Name: name, Prefix: hex.EncodeToString([]byte("b")), Root: hex.EncodeToString(root[:]),
			Base: hex.EncodeToString(b), From: hex.EncodeToString(from[:]), Span: hex.EncodeToString(d)})
	}
	base("delta cut off", spanOf(t, older, "b", 0), delta[:len(delta)-1], root)
	base("delta to another root", spanOf(t, older, "b", 0), delta, from)
	flipped = bytes.Clone(delta)
	flipped[bytes.Index(delta, []byte("new"))] ^= 1
	base("delta with a value changed", spanOf(t, older, "b", 0), flipped, root)
	return out
}

// judge reads a vector and returns the rows, what the tree writes, and the error.
func judge(t testing.TB, v *vector) (rows []string, written string, err error) {
	t.Helper()
	dec := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var tree *span.Tree
	if v.Base == "" {
		tree, err = span.Read(reading(dec(v.Span)), dec(v.Prefix), [32]byte(dec(v.Root)))
	} else {
		base, e := span.Read(reading(dec(v.Base)), dec(v.Prefix), [32]byte(dec(v.From)))
		if e != nil {
			t.Fatal(e)
		}
		tree, err = base.Apply(reading(dec(v.Span)), [32]byte(dec(v.Root)))
	}
	if err != nil {
		return nil, "", err
	}
	for k, v := range tree.All() {
		rows = append(rows, fmt.Sprintf("%x=%x", k, v))
	}
	var b bytes.Buffer
	if err := tree.Write(span.NewWriter(&b)); err != nil {
		t.Fatal(err)
	}
	return rows, hex.EncodeToString(b.Bytes()), nil
}

func TestVectors(t *testing.T) {
	if *update {
		vs := append(good(t), bad(t)...)
		for i := range vs {
			_, _, err := judge(t, &vs[i])
			switch {
			case errors.Is(err, span.ErrRoot):
				vs[i].Error = "root"
			case err != nil:
				vs[i].Error = "malformed"
			}
		}
		b, err := json.MarshalIndent(vs, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(vectorFile), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorFile, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var vs []vector
	if err := json.Unmarshal(b, &vs); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for i := range vs {
		v := &vs[i]
		rows, written, err := judge(t, v)
		want := map[string]error{"": nil, "root": span.ErrRoot, "malformed": span.ErrMalformed}[v.Error]
		if !errors.Is(err, want) || (want == nil) != (err == nil) {
			t.Errorf("%s: got %v, want %v", v.Name, err, v.Error)
		}
		if err != nil {
			refused++
			continue
		}
		if fmt.Sprint(rows) != fmt.Sprint(v.Rows) {
			t.Errorf("%s: rows %v, want %v", v.Name, rows, v.Rows)
		}
		whole := v.Span
		if v.Whole != "" {
			whole = v.Whole
		}
		if written != whole {
			t.Errorf("%s: the tree writes\n%s, want\n%s", v.Name, written, whole)
		}
	}
	if want := len(bad(t)); refused != want {
		t.Errorf("%d vectors are refused, want the %d bad ones", refused, want)
	}
}

// TestTampered changes every bit of a span and of a delta, leaves out every run
// of bytes at an end, and puts something in.
func TestTampered(t *testing.T) {
	older, newer := source(t, 12)
	whole, root := spanOf(t, newer, "b", 0), newer.Head().StateRoot
	old := spanOf(t, older, "b", 0)
	delta := spanOf(t, newer, "b", older.Head().TreeVersion)
	base, err := span.Read(reading(old), []byte("b"), older.Head().StateRoot)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		b    []byte
		read func(b []byte) error
	}{
		"span":  {whole, func(b []byte) error { _, err := span.Read(reading(b), []byte("b"), root); return err }},
		"delta": {delta, func(b []byte) error { _, err := base.Apply(reading(b), root); return err }},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.read(c.b); err != nil {
				t.Fatal(err)
			}
			refused := func(what string, at int, b []byte) {
				err := c.read(b)
				if !errors.Is(err, span.ErrMalformed) && !errors.Is(err, span.ErrRoot) {
					t.Errorf("%s at %d: %v", what, at, err)
				}
			}
			for i := range c.b {
				for bit := range 8 {
					b := bytes.Clone(c.b)
					b[i] ^= 1 << bit
					refused("bit", i, b)
				}
				refused("cut", i, c.b[:i])
				refused("left out", i, append(bytes.Clone(c.b[:i]), c.b[i+1:]...))
				refused("put in", i, append(append(bytes.Clone(c.b[:i]), 0xff), c.b[i:]...))
			}
		})
	}
}

// TestHidden tries to leave a row of the range out of a span that leads to the
// root: behind a stub, or by calling the rows next to it the edges.
func TestHidden(t *testing.T) {
	_, newer := source(t, 12)
	root := newer.Head().StateRoot
	for _, longer := range []string{"b0", "b02", "b05", "b11", "b99"} {
		b := spanOf(t, newer, longer, 0)
		if _, err := span.Read(reading(b), []byte("b"), root); !errors.Is(err, span.ErrMalformed) {
			t.Errorf("the span of %q passes for that of %q: %v", longer, "b", err)
		}
	}
}

func FuzzRead(f *testing.F) {
	older, newer := source(f, 6)
	root := newer.Head().StateRoot
	for _, p := range []string{"a", "b", "c", "b5", "z"} {
		f.Add(spanOf(f, newer, p, 0), spanOf(f, newer, p, older.Head().TreeVersion))
	}
	base, err := span.Read(reading(spanOf(f, older, "b", 0)), []byte("b"), older.Head().StateRoot)
	if err != nil {
		f.Fatal(err)
	}
	want := spanOf(f, newer, "b", 0)
	f.Fuzz(func(t *testing.T, whole, delta []byte) {
		check := func(tree *span.Tree, err error) {
			if err != nil {
				if !errors.Is(err, span.ErrMalformed) && !errors.Is(err, span.ErrRoot) {
					t.Fatalf("error without a kind: %v", err)
				}
				return
			}
			var b bytes.Buffer
			if err := tree.Write(span.NewWriter(&b)); err != nil || !bytes.Equal(b.Bytes(), want) {
				t.Fatalf("another span with the same root: %x, %v", b.Bytes(), err)
			}
		}
		check(span.Read(reading(whole), []byte("b"), root))
		check(base.Apply(reading(delta), root))
	})
}
