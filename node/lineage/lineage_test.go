package lineage

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"zhenglian/app/row"
	"zhenglian/app/store"
	"zhenglian/app/tx"
)

// graph is a state made by hand: rows, and entries that made units.
type graph struct {
	rows    map[string][]byte
	entries map[uint64][]byte
	made    []row.UnitID
}

func newGraph() *graph { return &graph{map[string][]byte{}, map[uint64][]byte{}, nil} }

func (g *graph) Get(key []byte) ([]byte, error) { return g.rows[string(key)], nil }

func (g *graph) Iterate(start, end []byte, fn func(k, v []byte) bool) error {
	var keys []string
	for k := range g.rows {
		if k >= string(start) && k < string(end) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		if !fn([]byte(k), g.rows[k]) {
			return nil
		}
	}
	return nil
}

func (g *graph) Seq(store.Hash) (uint64, bool, error)              { return 0, false, nil }
func (g *graph) SeqSince(store.Hash, uint64) (uint64, bool, error) { return 0, false, nil }

func (g *graph) Entry(seq uint64) (store.Entry, error) {
	if e := g.entries[seq]; e != nil {
		return store.Entry{Seq: seq, Envelope: e}, nil
	}
	return store.Entry{}, errors.New("no entry")
}

func lot(id row.UnitID) tx.UnitCode { return tx.UnitCode("zg/50011000010017/10/L" + id.String()) }

// make makes units of others, as entry seq.
func (g *graph) make(seq uint64, n int, of ...row.UnitID) (ids []row.UnitID) {
	b := &tx.Transform{}
	for i := range n {
		id := row.NewUnitID(seq, i)
		ids = append(ids, id)
		g.rows[string(row.UnitKey(id))] = row.Unit{Code: lot(id), State: row.UnitActive}.Encode()
		g.rows[string(row.NamedKey(lot(id)))] = row.Named{Unit: id}.Encode()
		b.Outputs = append(b.Outputs, tx.Amount{Code: lot(id), Quantity: 1})
	}
	for _, u := range of {
		g.rows[string(row.UseKey(u, seq))] = row.Use{Quantity: 1}.Encode()
		b.Inputs = append(b.Inputs, tx.Amount{Code: lot(u), Quantity: 1})
	}
	var body tx.Body = b
	kind := tx.TraceTransform
	if len(of) == 0 {
		body, kind = &tx.Register{Units: b.Outputs}, tx.TraceRegister
	}
	s := &tx.Statement{Chain: "c", Kind: kind, Member: "hz", Expires: 1, Body: body}
	text, err := s.Encode()
	if err != nil {
		panic(err)
	}
	key, err := tx.NewPrivateKey(tx.Secp256k1, slices.Repeat([]byte{7}, 32))
	if err != nil {
		panic(err)
	}
	e, err := tx.Seal(text, key)
	if err != nil {
		panic(err)
	}
	g.entries[seq] = e.AppendWire(nil)
	g.made = append(g.made, ids...)
	return ids
}

func walkAll(t testing.TB, g *graph, q Query) (steps []Step, cut bool) {
	t.Helper()
	cut, err := Walk(context.Background(), g, q, func(s Step) error {
		steps = append(steps, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return steps, cut
}

// Over random graphs, both directions reach exactly what a plain closure
// reaches, each unit once, nearest first; and back is the reverse of forward.
func TestRandomGraphs(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		g := newGraph()
		next := map[row.UnitID][]row.UnitID{}
		for seq := uint64(1); seq < 40; seq++ {
			var of []row.UnitID
			for range min(r.IntN(4), len(g.made)) {
				if u := g.made[r.IntN(len(g.made))]; !slices.Contains(of, u) {
					of = append(of, u)
				}
			}
			for _, id := range g.make(seq, 1+r.IntN(3), of...) {
				for _, u := range of {
					next[u] = append(next[u], id)
				}
			}
		}
		forward := map[row.UnitID]map[row.UnitID]bool{}
		for _, u := range g.made {
			want := map[row.UnitID]int{u: 0}
			for queue := []row.UnitID{u}; len(queue) > 0; queue = queue[1:] {
				for _, v := range next[queue[0]] {
					if _, ok := want[v]; !ok {
						want[v] = want[queue[0]] + 1
						queue = append(queue, v)
					}
				}
			}
			steps, cut := walkAll(t, g, Query{Start: u})
			depth := 0
			got := map[row.UnitID]bool{}
			for _, s := range steps {
				if d, ok := want[s.ID]; !ok || d != s.Depth || s.Depth < depth || got[s.ID] {
					t.Fatalf("seed %d: %s reaches %s at depth %d, want %d %v", seed, u, s.ID, s.Depth, d, ok)
				}
				depth, got[s.ID] = s.Depth, true
			}
			if len(got) != len(want) || cut {
				t.Fatalf("seed %d: %s reaches %d of %d, cut %v", seed, u, len(got), len(want), cut)
			}
			forward[u] = got
		}
		for _, v := range g.made {
			steps, _ := walkAll(t, g, Query{Start: v, Back: true})
			for _, u := range g.made {
				if came := slices.ContainsFunc(steps, func(s Step) bool { return s.ID == u }); came != forward[u][v] {
					t.Fatalf("seed %d: back from %s comes to %s: %v, forward %v", seed, v, u, came, forward[u][v])
				}
			}
		}
	}
}

// Bad data do not hold a walk up: a circle of containers, a use that leads to
// nothing, a unit that is not there.
func TestBadData(t *testing.T) {
	g := newGraph()
	a, b := row.NewUnitID(1, 0), row.NewUnitID(1, 1)
	for _, p := range [][2]row.UnitID{{a, b}, {b, a}} {
		g.rows[string(row.UnitKey(p[0]))] = row.Unit{Code: "zs/500110000100000017", State: row.UnitActive, Parent: p[1]}.Encode()
		g.rows[string(row.InsideKey(p[0], p[1]))] = []byte("{}")
	}
	if steps, cut := walkAll(t, g, Query{Start: a}); len(steps) != 2 || cut {
		t.Errorf("a circle: %d steps, cut %v", len(steps), cut)
	}
	u := g.make(5, 1)[0]
	g.rows[string(row.UseKey(u, 99))] = row.Use{Quantity: 1}.Encode()
	if steps, _ := walkAll(t, g, Query{Start: u}); len(steps) != 1 {
		t.Errorf("a use that leads to nothing: %d steps", len(steps))
	}
	if _, err := Walk(context.Background(), g, Query{Start: row.NewUnitID(77, 0)}, func(Step) error { return nil }); !errors.Is(err, ErrNoUnit) {
		t.Errorf("no unit: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Walk(ctx, g, Query{Start: u}, func(Step) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Bounds cut, and say so; what fits exactly is not cut.
func TestBounds(t *testing.T) {
	g := newGraph()
	u := g.make(1, 1)[0]
	last := u
	for seq := uint64(2); seq <= 6; seq++ {
		last = g.make(seq, 1, last)[0]
	}
	for _, c := range []struct {
		q    Query
		n    int
		want bool
	}{
		{Query{}, 6, false}, {Query{Depth: 5}, 6, false}, {Query{Depth: 4}, 5, true}, {Query{Units: 6}, 6, false}, {Query{Units: 5}, 5, true}, {Query{Units: 1}, 1, true},
	} {
		c.q.Start = u
		if steps, cut := walkAll(t, g, c.q); len(steps) != c.n || cut != c.want {
			t.Errorf("%+v: %d steps, cut %v; want %d, %v", c.q, len(steps), cut, c.n, c.want)
		}
	}
}

func ExampleWalk() {
	g := newGraph()
	plums := g.make(1, 1)[0]
	g.make(2, 2, plums)
	Walk(context.Background(), g, Query{Start: plums}, func(s Step) error {
		fmt.Println(s.Depth, s.How, s.ID)
		return nil
	})
	// Output:
	// 0  1.0
	// 1 made_into 2.0
	// 1 made_into 2.1
}

// Ten hops of diamonds: each hop makes two lots of the two before it, so that
// there are a thousand ways and each unit is still reached once, by a shortest.
func TestDiamonds(t *testing.T) {
	g := newGraph()
	layer := g.make(1, 1)
	first := layer[0]
	for hop := range uint64(10) {
		a := g.make(2+2*hop, 1, layer...)
		layer = append(a, g.make(3+2*hop, 1, layer...)...)
	}
	steps, cut := walkAll(t, g, Query{Start: first})
	if len(steps) != 21 || cut {
		t.Fatalf("%d steps, cut %v; want 21", len(steps), cut)
	}
	for i, s := range steps {
		if want := (i + 1) / 2; s.Depth != want {
			t.Errorf("%s at depth %d, want %d", s.ID, s.Depth, want)
		}
	}
	if steps, cut := walkAll(t, g, Query{Start: first, Depth: 4}); len(steps) != 9 || !cut {
		t.Errorf("four hops: %d steps, cut %v", len(steps), cut)
	}
	if steps, cut := walkAll(t, g, Query{Start: layer[0], Back: true}); len(steps) != 20 || cut {
		t.Errorf("back: %d steps, cut %v; want 20", len(steps), cut)
	}
}

// A circle of transformations, which the rules cannot make, ends too: a lot is
// said to have been used by the entry that made what it was made of.
func TestCircle(t *testing.T) {
	g := newGraph()
	a := g.make(1, 1)[0]
	b := g.make(2, 2, a)[0]
	c := g.make(3, 1, b)[0]
	for _, made := range []uint64{1, 2, 3} {
		g.rows[string(row.UseKey(c, made))] = row.Use{Quantity: 1}.Encode()
	}
	for _, start := range []row.UnitID{a, b, c} {
		if steps, cut := walkAll(t, g, Query{Start: start}); len(steps) != 4 || cut {
			t.Errorf("from %s: %d steps, cut %v", start, len(steps), cut)
		}
	}
	if steps, _ := walkAll(t, g, Query{Start: c, Back: true}); len(steps) != 3 {
		t.Errorf("back: %d steps", len(steps))
	}
	g.rows[string(row.UnitKey(b))] = []byte("{")
	if _, err := Walk(t.Context(), g, Query{Start: a}, func(Step) error { return nil }); err == nil {
		t.Error("a row that cannot be read went unnoticed")
	}
}

// One lot that thousands of entries used: the walk stops at its bound and says so.
func TestWide(t *testing.T) {
	g := newGraph()
	u := g.make(1, 1)[0]
	for seq := uint64(2); seq < 300; seq++ {
		g.make(seq, 3, u)
	}
	if steps, cut := walkAll(t, g, Query{Start: u, Units: 50}); len(steps) != 50 || !cut {
		t.Errorf("%d steps, cut %v; want 50", len(steps), cut)
	}
	if steps, cut := walkAll(t, g, Query{Start: u, Units: 1 + 298*3}); len(steps) != 1+298*3 || cut {
		t.Errorf("%d steps, cut %v; want all", len(steps), cut)
	}
}
