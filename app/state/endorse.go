package state

import (
	"fmt"

	"zhenglian/app/row"
	"zhenglian/app/store"
	"zhenglian/app/tx"
)

// endorse judges a co-signature, or objection, that comes after the statement.
// It adds to the statement's tally and, when the statement was waiting and its
// policy now holds, makes it effective.
func (c *Ctx) endorse(o *Opened) (Effect, error) {
	s := o.Statement
	body := s.Body.(*tx.Endorse)
	if !s.Prev.IsZero() {
		return Effect{}, refuse(tx.CodeState, "prev", "an endorsement continues no matter")
	}
	for _, sig := range o.Envelope.Signatures {
		if c.Dir.accounts[sig.Account].Member != s.Member {
			return Effect{}, refuse(tx.CodeNotParty, "", "an endorsement is signed by its own member only")
		}
	}
	own, err := c.Dir.policyAt(tx.EndorseKind, s.Member, c.Height)
	if err != nil {
		return Effect{}, err
	}
	cs := c.caseOf(s, nil)
	if cs.Votes = c.votes(o); !own.expr.Holds(cs) {
		return Effect{}, refuse(tx.CodePolicy, "", own.expr.String())
	}
	seq, ok, err := c.Read.Seq(store.Hash(body.Statement))
	if err != nil {
		return Effect{}, broken{err}
	}
	if !ok {
		return Effect{}, refuse(tx.CodeTarget, "body.statement", "no such statement")
	}
	entry, target, err := statementAt(c.Read, seq)
	if err != nil {
		return Effect{}, err
	}
	r := ruleOf(target.Kind)
	if r == nil {
		return Effect{}, refuse(tx.CodeTarget, "body.statement", "an endorsement is not endorsed")
	}
	if r.governs() {
		if body.Type != tx.Agrees && body.Type != tx.Objects {
			return Effect{}, refuse(tx.CodeTarget, "body.type", "governance is agreed to or objected to")
		}
		if err := c.admins(o); err != nil {
			return Effect{}, err
		}
	}
	t, err := c.tally(entry, target, r, seq)
	if err != nil {
		return Effect{}, err
	}
	if t.Outcome == row.Lapsed {
		return Effect{}, refuse(tx.CodeSettled, "body.statement", fmt.Sprintf("it lapsed at height %d", t.Since))
	}
	if len(t.Votes)+len(o.Envelope.Signatures) > maxEndorsements {
		return Effect{}, refuse(tx.CodeEndorseLimit, "body.statement", "")
	}
	for _, v := range c.signed(o) {
		for _, w := range t.Votes {
			if w.Account == v.Account || w.Member == v.Member && v.Member != target.Member {
				return Effect{}, refuse(tx.CodeEndorsed, "member", string(v.Member))
			}
		}
		v.Type, v.Reason = body.Type, body.Reason
		t.Votes = append(t.Votes, v)
	}
	if target.Kind == tx.ListReview {
		if err := c.otherReviewer(target, t); err != nil {
			return Effect{}, err
		}
	}
	if t.Outcome != row.Waits {
		return Effect{Outcome: row.Effective, writes: []write{{row.TallyKey(seq), t.Encode()}}}, nil
	}
	return c.complete(seq, target, r, t)
}

// otherReviewer checks who has signed a legal review so far against who signed
// the proposal.
func (c *Ctx) otherReviewer(review *tx.Statement, t *row.Tally) error {
	prev, _, err := c.Read.Seq(store.Hash(review.Prev))
	if err != nil {
		return broken{err}
	}
	p, err := find(c.Read, prev)
	if err != nil {
		return err
	}
	return c.otherOfficer(t.Votes, p)
}

// tally returns the tally of a statement, or the one it would have had: every
// signature in the envelope, effective at once.
func (c *Ctx) tally(e store.Entry, s *tx.Statement, r *rule, seq uint64) (*row.Tally, error) {
	t, err := tallyAt(c.Read, seq)
	if err != nil || t != nil {
		return t, err
	}
	env, err := tx.ParseEnvelope(e.Envelope)
	if err != nil {
		return nil, broken{err}
	}
	opened := e.Height
	if !r.opens {
		p, err := find(c.Read, seq)
		if err != nil {
			return nil, err
		}
		opened = p.height
	}
	v, err := c.Dir.policyAt(s.Kind, s.Member, opened)
	if err != nil {
		return nil, err
	}
	then := *c
	then.Height = e.Height
	return &row.Tally{Outcome: row.Effective, Policy: v.number, Since: e.Height, Votes: then.signed(&Opened{Envelope: env})}, nil
}

// complete stores the tally of a waiting statement and, when its policy holds
// now, makes the statement effective. A statement that can no longer take
// effect, because the ledger changed while it waited, lapses.
func (c *Ctx) complete(seq uint64, s *tx.Statement, r *rule, t *row.Tally) (Effect, error) {
	at := seq
	if !r.opens {
		prev, _, err := c.Read.Seq(store.Hash(s.Prev))
		if err != nil {
			return Effect{}, broken{err}
		}
		at = prev
	}
	p, err := find(c.Read, at)
	if err != nil {
		return Effect{}, err
	}
	v, err := c.Dir.policyAt(s.Kind, s.Member, p.height)
	if err != nil {
		return Effect{}, err
	}
	cs := c.caseOf(s, p)
	cs.Votes = tallied(c.Dir, t)
	if !v.expr.Holds(cs) {
		return Effect{Outcome: row.Effective, writes: []write{{row.TallyKey(seq), t.Encode()}}}, nil
	}
	var writes []write
	if r.opens {
		writes, err = c.completeOpening(p, s, r, t)
	} else {
		writes, err = c.completeStep(p, seq, s, r, t)
	}
	due := write{row.DeadlineKey(t.Deadline, seq), nil}
	t.Since = c.Height
	e := Effect{Outcome: row.Effective, writes: append(writes, write{row.TallyKey(seq), t.Encode()}, due)}
	if err == nil && t.Outcome == row.Effective {
		e.clocks = c.clocks(p, s)
	}
	return e, err
}

// completeOpening moves the matter that the statement opened, and sets the
// outcome of its tally.
func (c *Ctx) completeOpening(p *place, s *tx.Statement, r *rule, t *row.Tally) (writes []write, err error) {
	m := row.Matter{Head: p.matter.Head, Since: c.Height, State: r.to, Waiting: p.matter.Waiting}
	t.Outcome = row.Effective
	writes, own, err := c.opened(r, s)
	switch {
	case Broken(err):
		return nil, err
	case err != nil:
		writes, m.State, t.Outcome = nil, row.Overtaken, row.Lapsed
	default:
		writes = append(writes, own(p.seq)...)
	}
	return append(writes, write{row.MatterKey(p.seq), m.Encode()}), nil
}

// completeStep moves the matter that the statement continues, and sets the
// outcome of its tally.
func (c *Ctx) completeStep(p *place, seq uint64, s *tx.Statement, r *rule, t *row.Tally) ([]write, error) {
	p.matter.Waiting = 0 // it is this one, settled here
	if p.matter.Head != s.Prev || !r.allowed(p.matter.State) {
		t.Outcome = row.Lapsed
		return []write{{row.MatterKey(p.seq), p.matter.Encode()}}, nil
	}
	do, err := c.continued(r, s, p)
	if Broken(err) {
		return nil, err
	}
	if err != nil {
		t.Outcome = row.Lapsed
		return []write{{row.MatterKey(p.seq), p.matter.Encode()}}, nil
	}
	e, err := c.Read.Entry(seq)
	if err != nil {
		return nil, broken{err}
	}
	env, err := tx.ParseEnvelope(e.Envelope)
	if err != nil {
		return nil, broken{err}
	}
	t.Outcome = row.Effective
	writes, err := c.effective(p, r, env.ID())
	writes = append(writes, do(seq)...)
	return append(writes, write{row.LinkKey(seq), row.Link{Matter: p.seq}.Encode()}), err
}
