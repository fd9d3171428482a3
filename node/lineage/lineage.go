// Package lineage follows units of goods through the state tree: forward to
// everything that was made of a unit and back to everything it was made of.
//
// It reads a view of one height and nothing else, so an answer is that of the
// ledger at that height, and a view of an earlier height gives the answer of
// then: no height is ever pruned.
//
//	forward  a unit      → what transformations made of it, and the container it is in
//	         a container → what is inside, and the container it is in
//	back     a unit      → what the entry that made it used
//	         a container → what is inside
//
// A container that is reached from something inside it is a place where that
// thing is, not a thing made of it: its other contents are not followed.
// Every unit is reached once, by a shortest way, so circles cannot hold a walk
// up, whatever the data; depth and number of units are bounded, and a walk that
// was cut short says so.
package lineage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/tx"
)

// Bounds of a walk.
const (
	MaxDepth = 64
	MaxUnits = 100_000
)

// A Query says where to begin and how far to go.
type Query struct {
	Start row.UnitID
	Back  bool
	Depth int // steps from the start, 1 to MaxDepth; 0: MaxDepth
	Units int // at most so many, with the start, 1 to MaxUnits; 0: MaxUnits
}

// How one unit leads to the next.
const (
	MadeInto = "made_into" // a transformation used it and made the other
	MadeOf   = "made_of"   // the other was used to make it
	Contains = "contains"  // the other is inside it
	InsideOf = "inside_of" // it is inside the other
)

// A Step is a unit that was reached.
type Step struct {
	ID    row.UnitID
	Unit  row.Unit
	Depth int        // 0: the start
	From  row.UnitID // zero for the start
	How   string     // From leads to it; "" for the start
	Entry uint64     // the transformation, for MadeInto and MadeOf
}

// Walk calls visit with every unit that is reached, nearest first, in an order
// that depends on the ledger alone. cut says that a bound left something out.
// An error of visit ends the walk.
func Walk(ctx context.Context, r state.Reader, q Query, visit func(Step) error) (cut bool, err error) {
	w := &walk{r: r, q: q, seen: make(map[row.UnitID]bool), done: make(map[uint64]bool), visit: visit}
	if w.q.Depth <= 0 || w.q.Depth > MaxDepth {
		w.q.Depth = MaxDepth
	}
	if w.q.Units <= 0 || w.q.Units > MaxUnits {
		w.q.Units = MaxUnits
	}
	if err := w.reach(Step{ID: q.Start}, nil); err != nil {
		return false, err
	}
	for len(w.queue) > 0 {
		n := min(atOnce, len(w.queue))
		if err := w.read(w.queue[:n]); err != nil {
			return w.cut, err
		}
		for _, s := range w.queue[:n] {
			if err := ctx.Err(); err != nil {
				return w.cut, err
			}
			if err := w.expand(s); err != nil {
				return w.cut, err
			}
			if w.cut && len(w.seen) >= w.q.Units {
				return true, nil // there is no room for anything more
			}
		}
		w.queue = w.queue[n:]
	}
	return w.cut, nil
}

// atOnce is how many units' uses are read together. What one entry made lies side
// by side in the state, and so do the uses of it: reading a run of keys costs
// about what reading one of them does.
const atOnce = 1024

type walk struct {
	r     state.Reader
	q     Query
	seen  map[row.UnitID]bool     // looked up only
	done  map[uint64]bool         // transformations that were followed; looked up only
	uses  map[row.UnitID][]uint64 // of the units that are being expanded; looked up only
	queue []Step
	visit func(Step) error
	cut   bool
}

// reach visits a unit that was not reached before. Its row is u, or is read.
func (w *walk) reach(s Step, u *row.Unit) (err error) {
	if w.seen[s.ID] {
		return nil
	}
	if len(w.seen) >= w.q.Units {
		w.cut = true
		return nil
	}
	if u == nil {
		if u, err = state.UnitByID(w.r, s.ID); err != nil {
			return err
		}
	}
	if u == nil {
		return fmt.Errorf("unit %s: %w", s.ID, ErrNoUnit)
	}
	s.Unit = *u
	w.seen[s.ID] = true
	w.queue = append(w.queue, s)
	return w.visit(s)
}

// ErrNoUnit says that the view has no such unit.
var ErrNoUnit = fmt.Errorf("no such unit")

// read finds what transformations used the units of some steps.
func (w *walk) read(steps []Step) error {
	if w.q.Back {
		return nil
	}
	ids := make([]row.UnitID, 0, len(steps))
	for i := range steps {
		if !steps[i].Unit.Code.Container() {
			ids = append(ids, steps[i].ID)
		}
	}
	slices.SortFunc(ids, func(a, b row.UnitID) int {
		return cmp.Or(cmp.Compare(a.Seq(), b.Seq()), cmp.Compare(a.Index(), b.Index()))
	})
	w.uses = make(map[row.UnitID][]uint64, len(ids))
	entries := make(map[uint64]bool) // not followed so far; counted only
	for from := 0; from < len(ids) && len(entries) <= w.q.Units; {
		to := from + 1
		for to < len(ids) && ids[to].Seq() == ids[from].Seq() && ids[to].Index() == ids[to-1].Index()+1 {
			to++
		}
		start, _ := row.UseRange(ids[from])
		_, end := row.UseRange(ids[to-1])
		if err := w.r.Iterate(start, end, func(k, _ []byte) bool {
			if seq := row.UseSeq(k); !w.done[seq] {
				id := row.UseUnit(k)
				w.uses[id] = append(w.uses[id], seq)
				entries[seq] = true
			}
			return len(entries) <= w.q.Units
		}); err != nil {
			return err
		}
		from = to
	}
	// Each of them makes a unit at least.
	w.cut = w.cut || len(entries) > w.q.Units
	return nil
}

func (w *walk) expand(s Step) error {
	edges, err := w.edges(s)
	if err != nil {
		return err
	}
	if s.Depth >= w.q.Depth {
		for _, e := range edges {
			w.cut = w.cut || !w.seen[e.id]
		}
		return nil
	}
	for i := range edges {
		e := &edges[i]
		if err := w.reach(Step{ID: e.id, Depth: s.Depth + 1, From: s.ID, How: e.how, Entry: e.entry}, e.unit); err != nil {
			return err
		}
	}
	return nil
}

type edge struct {
	id    row.UnitID
	how   string
	entry uint64
	unit  *row.Unit // nil: not read
}

// edges lists what a unit leads to, without what a transformation made that was
// followed before.
func (w *walk) edges(s Step) (es []edge, err error) {
	if s.Unit.Code.Container() {
		if s.How != InsideOf {
			start, end := row.InsideRange(s.ID)
			err = w.r.Iterate(start, end, func(k, _ []byte) bool {
				es = append(es, edge{id: row.InsideChild(k), how: Contains})
				return len(es) <= w.q.Units
			})
		}
	} else if w.q.Back {
		es, err = w.inputs(s)
	} else {
		es, err = w.outputs(s)
	}
	if err == nil && !w.q.Back && !s.Unit.Parent.IsZero() {
		es = append(es, edge{id: s.Unit.Parent, how: InsideOf})
	}
	return es, err
}

// outputs lists what transformations made of a unit.
func (w *walk) outputs(s Step) (es []edge, err error) {
	for _, seq := range w.uses[s.ID] {
		if w.done[seq] {
			continue
		}
		w.done[seq] = true
		var bad error
		start, end := row.MadeRange(seq)
		if err := w.r.Iterate(start, end, func(k, value []byte) bool {
			var u row.Unit
			u, bad = row.DecodeUnit(value)
			es = append(es, edge{row.UnitOf(k), MadeInto, seq, &u})
			return bad == nil
		}); err != nil || bad != nil {
			return nil, errors.Join(err, bad)
		}
	}
	return es, nil
}

// inputs lists what was used to make a unit.
func (w *walk) inputs(s Step) (es []edge, err error) {
	e, err := w.r.Entry(s.ID.Seq())
	if err != nil {
		return nil, err
	}
	env, err := tx.ParseEnvelope(e.Envelope)
	if err != nil {
		return nil, err
	}
	st, err := tx.ParseStatement(env.Payload)
	if err != nil {
		return nil, err
	}
	b, ok := st.Body.(*tx.Transform)
	if !ok {
		return nil, nil
	}
	for _, a := range b.Inputs {
		id, u, err := state.UnitAt(w.r, a.Code)
		if err != nil {
			return nil, err
		}
		if u != nil {
			es = append(es, edge{id, MadeOf, s.ID.Seq(), u})
		}
	}
	return es, nil
}
