package gateway

import (
	"cmp"
	"context"
	"slices"

	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// Bounds of what a page shows of where goods come from. A page is for a person
// with a phone; the whole trace is behind a link.
const (
	maxStoryUnits  = 24
	maxStoryEvents = 60
	maxStoryDepth  = 8
)

// A storyEvent is a statement in the history of a unit, and about which unit it is.
type storyEvent struct {
	api.UnitEvent
	code tx.UnitCode
}

// A story is the history of a unit: its own, of what it was made of until then,
// and the hand-overs of the containers that it was in while it was in them.
type story struct {
	ctx    context.Context
	ledger *ledger
	view   *store.View

	units  []row.UnitID // of which inspections count: the unit and what it was made of
	seen   map[uint64]bool
	stands map[uint64]*state.Standing // read: a statement often names several units of the story
	visits int
	events []storyEvent
	cut    bool
}

// tell gathers the history of a unit.
func (l *ledger) tell(ctx context.Context, v *store.View, u *api.Unit) (*story, error) {
	s := &story{ctx: ctx, ledger: l, view: v, seen: make(map[uint64]bool), stands: make(map[uint64]*state.Standing)}
	if err := s.unit(u.ID, u.Code, v.Head().LogSize, 0); err != nil {
		return nil, err
	}
	slices.SortFunc(s.events, func(a, b storyEvent) int { return cmp.Compare(a.Seq, b.Seq) })
	if n := len(s.events) - maxStoryEvents; n > 0 {
		s.events, s.cut = s.events[n:], true
	}
	return s, nil
}

// unit adds what was stated of a unit before an entry.
func (s *story) unit(id row.UnitID, code tx.UnitCode, before uint64, depth int) error {
	if s.visits++; s.visits > maxStoryUnits || depth > maxStoryDepth {
		s.cut = true
		return nil
	}
	if slices.Contains(s.units, id) {
		return nil
	}
	s.units = append(s.units, id)
	if err := s.named(code, 0, before, true, depth); err != nil {
		return err
	}
	made, err := s.standing(id.Seq())
	if err != nil {
		return err
	}
	b, ok := made.Statement.Body.(*tx.Transform)
	if !ok {
		return nil
	}
	for _, in := range b.Inputs {
		from, u, err := state.UnitAt(s.view, in.Code)
		if err != nil {
			return err
		}
		if u == nil {
			continue
		}
		if err := s.unit(from, in.Code, id.Seq(), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// standing is what the ledger says of an entry, read once.
func (s *story) standing(seq uint64) (*state.Standing, error) {
	if st := s.stands[seq]; st != nil {
		return st, nil
	}
	st, err := state.StandAt(s.view, s.ledger.chain.Directory(), seq)
	if err == nil {
		s.stands[seq] = st
	}
	return st, err
}

// named adds the statements that name a code, between two entries; of a container
// only those that move it.
func (s *story) named(code tx.UnitCode, from, before uint64, all bool, depth int) error {
	seqs, err := s.ledger.index.Unit(s.ctx, code, before, maxUnitEvents)
	if err != nil {
		return err
	}
	out := before // when it was taken out of the container that is looked at
	for _, seq := range seqs {
		if seq < from {
			break
		}
		st, err := s.standing(seq)
		if err != nil {
			return err
		}
		if b, ok := st.Statement.Body.(*tx.Aggregate); ok && b.Parent != code && st.Outcome == row.Effective {
			if st.Statement.Kind == tx.TraceDisaggregate {
				out = seq
			} else if depth <= maxStoryDepth {
				if err := s.named(b.Parent, seq+1, out, false, depth+1); err != nil {
					return err
				}
			}
		}
		if s.seen[seq] || !all && !moves(st.Statement.Kind) {
			continue
		}
		s.seen[seq] = true
		s.events = append(s.events, storyEvent{eventOf(st), code})
	}
	return nil
}

// moves reports whether a kind moves units from one to another.
func moves(k tx.Kind) bool {
	switch k {
	case tx.TraceShip, tx.TraceReceive, tx.TraceDispute, tx.TraceCancel, tx.TraceSell, tx.TraceTake:
		return true
	}
	return false
}

// eventOf describes a statement about units.
func eventOf(st *state.Standing) api.UnitEvent {
	e := api.UnitEvent{ID: st.ID, Seq: st.Seq, Height: st.Height, Kind: st.Statement.Kind, Member: string(st.Statement.Member), At: st.Statement.At,
		Outcome: st.Outcome, State: st.State}
	if ship, ok := st.Statement.Body.(*tx.Ship); ok {
		e.To = string(ship.To)
	}
	return e
}

// inspections are those of the units of the story that have a report, newest first.
func (s *story) inspections() (out []api.Inspection, err error) {
	var seqs []uint64
	for _, id := range s.units {
		start, end := row.SampledRange(id)
		if err := s.view.Iterate(start, end, func(k, _ []byte) bool {
			seqs = append(seqs, row.SampledSeq(k))
			return true
		}); err != nil {
			return nil, err
		}
	}
	slices.Sort(seqs)
	slices.Reverse(seqs)
	for _, seq := range seqs[:min(len(seqs), maxStoryUnits)] {
		st, err := state.StandAt(s.view, s.ledger.chain.Directory(), seq)
		if err != nil {
			return nil, err
		}
		a, err := s.ledger.inspection(s.view, st)
		if err != nil {
			return nil, err
		}
		if a.Report != nil && a.State != row.Revoked {
			out = append(out, *a)
		}
	}
	return out, nil
}
