package events

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"zhenglian/app/row"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// A builder makes the events of one block.
type builder struct {
	view *store.View // after the block
	time tx.Time
}

// build makes the events of a committed block.
func build(s *store.Store, height int64) ([]api.Event, error) {
	if height == 0 {
		return nil, nil // genesis: nothing happened yet
	}
	view, err := s.At(height)
	if err != nil {
		return nil, err
	}
	before, err := s.HeadAt(height - 1)
	if err != nil {
		return nil, err
	}
	b := &builder{view: view, time: tx.Time(view.Head().Time)}
	entries, err := view.Entries(before.LogSize, int(view.Head().LogSize-before.LogSize))
	if err != nil {
		return nil, err
	}
	changes, err := s.Changes(height)
	if err != nil {
		return nil, err
	}
	var out []api.Event
	for i, e := range entries {
		ev, err := b.entry(e)
		if err != nil {
			return nil, fmt.Errorf("event of entry %d: %w", e.Seq, err)
		}
		ev.ID = api.EventID{Height: height, Index: i}
		out = append(out, ev)
	}
	for i, c := range changes {
		ev, err := b.row(c)
		if err != nil {
			return nil, fmt.Errorf("event of row %x at height %d: %w", c.Key, height, err)
		}
		if ev.Type != "" {
			ev.ID = api.EventID{Height: height, Index: len(entries) + i}
			out = append(out, ev)
		}
	}
	return out, nil
}

// entry tells that a statement was accepted.
func (b *builder) entry(e store.Entry) (api.Event, error) {
	id, s, err := parse(e)
	if err != nil {
		return api.Event{}, err
	}
	d := api.EntryEvent{
		Statement: id, Seq: e.Seq, Kind: s.Kind, Member: s.Member, At: s.At, Prev: s.Prev,
		Outcome: row.Effective, URL: api.StatementURL(id),
	}
	ev := api.Event{Type: api.EventAccepted, Time: b.time, Kind: s.Kind, Member: s.Member}
	at, ok := e.Seq, true // an entry of the matter
	switch body := s.Body.(type) {
	case *tx.Endorse:
		d.About = body.Statement
		at, ok, err = b.view.Seq(store.Hash(body.Statement))
	default:
		if !s.Prev.IsZero() {
			at, ok, err = b.view.Seq(store.Hash(s.Prev))
		}
	}
	if err != nil {
		return api.Event{}, err
	}
	if t, err := b.view.Get(row.TallyKey(e.Seq)); err != nil {
		return api.Event{}, err
	} else if t != nil {
		tally, err := row.DecodeTally(t)
		if err != nil {
			return api.Event{}, err
		}
		d.Outcome = tally.Outcome
	}
	if ok {
		m, opening := at, s
		if at != e.Seq {
			if m, opening, err = b.matter(at); err != nil {
				return api.Event{}, err
			}
		}
		ev.Matter, ev.List = &m, listOf(opening)
		if own := listOf(s); own != "" {
			ev.List = own
		}
		if d.About.IsZero() {
			if d.State, err = b.state(m, opening.Kind); err != nil {
				return api.Event{}, err
			}
		}
	}
	ev.Data, err = json.Marshal(d)
	return ev, err
}

// matter returns the matter of which entry seq is part, or which it endorses or
// was to continue, and the statement that opened it.
func (b *builder) matter(seq uint64) (uint64, *tx.Statement, error) {
	// From an endorsement to what it endorses, from a continuation that waits to
	// what it continues, from one that took effect to the matter: three steps at most.
	for range 4 {
		if v, err := b.view.Get(row.LinkKey(seq)); err != nil {
			return 0, nil, err
		} else if v != nil {
			l, err := row.DecodeLink(v)
			if err != nil {
				return 0, nil, err
			}
			seq = l.Matter
		}
		e, err := b.view.Entry(seq)
		if err != nil {
			return 0, nil, err
		}
		_, s, err := parse(e)
		if err != nil {
			return 0, nil, err
		}
		next := s.Prev
		if body, ok := s.Body.(*tx.Endorse); ok {
			next = body.Statement
		}
		if next.IsZero() {
			return seq, s, nil
		}
		at, ok, err := b.view.Seq(store.Hash(next))
		if err != nil {
			return 0, nil, err
		}
		if !ok {
			return seq, s, nil
		}
		seq = at
	}
	return 0, nil, fmt.Errorf("entry %d leads to no matter", seq)
}

// state is that of a matter after the block.
func (b *builder) state(matter uint64, kind tx.Kind) (row.State, error) {
	v, err := b.view.Get(row.MatterKey(matter))
	if err != nil {
		return "", err
	}
	if v == nil {
		return row.Opened(kind), nil
	}
	m, err := row.DecodeMatter(v)
	return m.State, err
}

// row tells that a row of the state changed.
func (b *builder) row(c store.Change) (api.Event, error) {
	ev := api.Event{Type: api.EventRow, Time: b.time}
	d := api.RowEvent{Key: hex.EncodeToString(c.Key), Before: document(c.Before), After: document(c.After)}
	if t, known := tables[c.Key[0]]; known {
		if ev.Type = t.name; ev.Type == "" {
			return ev, nil
		}
		if t.tell != nil {
			if err := t.tell(&telling{b, &ev, &d, c}); err != nil {
				// It is not as the vocabulary thinks: told as it is, for a block that
				// cannot be told would stop everybody who follows.
				ev = api.Event{Type: api.EventRow, Time: b.time}
				d.Statement, d.Seq = tx.ID{}, nil
			}
			if ev.Type == "" {
				return ev, nil
			}
		}
	} else {
		// What most rows say of themselves, whatever their table.
		var own struct {
			List   string      `json:"list"`
			Member tx.MemberID `json:"member"`
		}
		if json.Unmarshal(last(c), &own) == nil {
			ev.List, ev.Member = own.List, own.Member
		}
	}
	var err error
	ev.Data, err = json.Marshal(d)
	return ev, err
}

// about fills in which statement a row is of, and what that says of the event.
func (b *builder) about(ev *api.Event, d *api.RowEvent, seq uint64) error {
	e, err := b.view.Entry(seq)
	if err != nil {
		return err
	}
	id, s, err := parse(e)
	if err != nil {
		return err
	}
	d.Statement, d.Seq = id, &seq
	matter, opening, err := b.matter(seq)
	if err != nil {
		return err
	}
	ev.Kind, ev.Member, ev.Matter, ev.List = s.Kind, s.Member, &matter, listOf(opening)
	return nil
}

// listOf is the list that a statement names, if it is of that family.
func listOf(s *tx.Statement) string {
	if s.Kind.Family() != "list" && !strings.HasPrefix(string(s.Kind), "gov.list") {
		return ""
	}
	b, err := s.Encode()
	if err != nil {
		return ""
	}
	var named struct {
		Body struct {
			List string `json:"list"`
		} `json:"body"`
	}
	if json.Unmarshal(b, &named) != nil {
		return ""
	}
	return named.Body.List
}

func parse(e store.Entry) (tx.ID, *tx.Statement, error) {
	env, err := tx.ParseEnvelope(e.Envelope)
	if err != nil {
		return tx.ID{}, nil, err
	}
	s, err := tx.ParseStatement(env.Payload)
	return env.ID(), s, err
}

// document is a row's value: JSON as it is, anything else as base64.
func document(b []byte) json.RawMessage {
	switch {
	case b == nil:
		return json.RawMessage("null")
	case json.Valid(b):
		return b
	}
	text, _ := json.Marshal(b)
	return text
}
