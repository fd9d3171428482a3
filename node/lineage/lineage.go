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
	"context"
	"fmt"

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
	w := &walk{r: r, q: q, seen: make(map[row.UnitID]bool), visit: visit}
	if w.q.Depth <= 0 || w.q.Depth > MaxDepth {
		w.q.Depth = MaxDepth
	}
	if w.q.Units <= 0 || w.q.Units > MaxUnits {
		w.q.Units = MaxUnits
	}
	if err := w.reach(Step{ID: q.Start}); err != nil {
		return false, err
	}
	for len(w.queue) > 0 {
		if err := ctx.Err(); err != nil {
			return w.cut, err
		}
		s := w.queue[0]
		w.queue = w.queue[1:]
		if err := w.expand(s); err != nil {
			return w.cut, err
		}
	}
	return w.cut, nil
}

type walk struct {
	r     state.Reader
	q     Query
	seen  map[row.UnitID]bool // looked up only
	queue []Step
	visit func(Step) error
	cut   bool
}

// reach visits a unit that was not reached before.
func (w *walk) reach(s Step) error {
	if w.seen[s.ID] {
		return nil
	}
	if len(w.seen) >= w.q.Units {
		w.cut = true
		return nil
	}
	u, err := state.UnitByID(w.r, s.ID)
	if err != nil {
		return err
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

func (w *walk) expand(s Step) error {
	next := func(id row.UnitID, how string, entry uint64) error {
		return w.reach(Step{ID: id, Depth: s.Depth + 1, From: s.ID, How: how, Entry: entry})
	}
	edges, err := w.edges(s)
	if err != nil {
		return err
	}
	if len(edges) > 0 && s.Depth >= w.q.Depth {
		for _, e := range edges {
			w.cut = w.cut || !w.seen[e.id]
		}
		return nil
	}
	for _, e := range edges {
		if err := next(e.id, e.how, e.entry); err != nil {
			return err
		}
	}
	return nil
}

type edge struct {
	id    row.UnitID
	how   string
	entry uint64
}

// edges lists what a unit leads to.
func (w *walk) edges(s Step) (es []edge, err error) {
	if s.Unit.Code.Container() {
		if s.How != InsideOf {
			start, end := row.InsideRange(s.ID)
			err = w.r.Iterate(start, end, func(k, _ []byte) bool {
				es = append(es, edge{row.InsideChild(k), Contains, 0})
				return len(es) < w.q.Units
			})
		}
	} else if w.q.Back {
		es, err = w.inputs(s)
	} else {
		es, err = w.outputs(s)
	}
	if err == nil && !w.q.Back && !s.Unit.Parent.IsZero() {
		es = append(es, edge{s.Unit.Parent, InsideOf, 0})
	}
	return es, err
}

// outputs lists what transformations made of a unit.
func (w *walk) outputs(s Step) (es []edge, err error) {
	var uses []uint64
	start, end := row.UseRange(s.ID)
	if err := w.r.Iterate(start, end, func(k, _ []byte) bool {
		uses = append(uses, row.UseSeq(k))
		return len(uses) < w.q.Units
	}); err != nil {
		return nil, err
	}
	for _, seq := range uses {
		start, end := row.MadeRange(seq)
		if err := w.r.Iterate(start, end, func(k, _ []byte) bool {
			es = append(es, edge{row.UnitOf(k), MadeInto, seq})
			return true
		}); err != nil {
			return nil, err
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
			es = append(es, edge{id, MadeOf, s.ID.Seq()})
		}
	}
	return es, nil
}
