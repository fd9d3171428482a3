package state

import (
	"zhenglian/app/policy"
	"zhenglian/app/row"
	"zhenglian/app/store"
	"zhenglian/app/tx"
)

// A Standing is what the ledger says of one statement at one height.
type Standing struct {
	ID        tx.ID
	Seq       uint64
	Height    int64 // of the block that accepted it
	Envelope  *tx.Envelope
	Statement *tx.Statement

	Outcome  string // row.Effective, row.Waits or row.Lapsed
	Since    int64  // height of the outcome
	Deadline int64  // height at which it lapses, while it waits
	Votes    []row.Vote
	Policy   uint32   // version of the kind's policy that applies
	Expr     string   // its text
	Missing  []string // while it waits: what the policy lacks

	// The matter of which the statement is part; State is "" when it belongs to
	// none (endorse, or a continuation that never took effect).
	Matter      uint64    // sequence number of the opening entry
	State       row.State // of the matter
	StateSince  int64     // height of the matter's last change
	Head        tx.ID     // last effective statement of the matter
	WaitingStep uint64    // entry that waits to continue the matter, 0 if none
}

// Stand returns the standing of a statement, or nil when the view does not hold
// it. dir is the directory of the view's state or of a later one.
func Stand(v Reader, dir *Directory, id tx.ID) (*Standing, error) {
	seq, ok, err := v.Seq(store.Hash(id))
	if err != nil || !ok {
		return nil, err
	}
	return StandAt(v, dir, seq)
}

// StandAt is Stand by sequence number.
func StandAt(v Reader, dir *Directory, seq uint64) (*Standing, error) {
	e, s, err := statementAt(v, seq)
	if err != nil {
		return nil, err
	}
	env, err := tx.ParseEnvelope(e.Envelope)
	if err != nil {
		return nil, err
	}
	st := &Standing{ID: env.ID(), Seq: seq, Height: e.Height, Envelope: env, Statement: s, Outcome: row.Effective, Since: e.Height}
	c := &Ctx{Height: e.Height, Dir: dir, Read: v}
	r := ruleOf(s.Kind)
	if r == nil { // endorse: effective when accepted, part of no matter
		p, err := dir.policyAt(s.Kind, s.Member, e.Height)
		if err != nil {
			return nil, err
		}
		st.Policy, st.Expr = p.number, p.expr.String()
		st.Votes = c.signed(&Opened{Envelope: env})
		return st, nil
	}
	at := seq
	t, err := tallyAt(v, seq)
	if err != nil {
		return nil, err
	}
	if t != nil && t.Outcome != row.Effective && !r.opens {
		if at, _, err = v.Seq(store.Hash(s.Prev)); err != nil {
			return nil, err
		}
	}
	p, err := find(v, at)
	if err != nil {
		return nil, err
	}
	if t == nil {
		if t, err = c.tally(e, s, r, seq); err != nil {
			return nil, err
		}
	}
	opened := e.Height
	if p != nil {
		opened = p.height
	}
	rule, err := dir.policyAt(s.Kind, s.Member, opened)
	if err != nil {
		return nil, err
	}
	st.Outcome, st.Since, st.Votes = t.Outcome, t.Since, t.Votes
	st.Policy, st.Expr = t.Policy, rule.expr.String()
	if t.Outcome == row.Waits {
		st.Deadline = t.Deadline
		cs := c.caseOf(s, p)
		cs.Votes = tallied(dir, t)
		st.Missing = rule.expr.Missing(cs)
	}
	if p != nil && !(t.Outcome == row.Lapsed && !r.opens) {
		st.Matter, st.State, st.StateSince, st.Head, st.WaitingStep = p.seq, p.matter.State, p.matter.Since, p.matter.Head, p.matter.Waiting
	}
	return st, nil
}

// tallied are the votes of a tally that speak for the statement now. A member
// that was suspended or has left speaks for nothing that is not yet decided,
// and neither does a key that was in other hands when it signed; what a key
// signed before it was revoked counts.
func tallied(dir *Directory, t *row.Tally) (out []policy.Vote) {
	for _, v := range t.Votes {
		m, a := dir.members[v.Member], dir.accounts[v.Account]
		if v.Type == tx.Objects || m == nil || !m.Active() || a == nil || a.CompromisedFrom != 0 && v.Height >= a.CompromisedFrom {
			continue
		}
		out = append(out, dir.vote(v.Account, v.Member))
	}
	return out
}

// A Place is the matter of which an entry is part.
type Place struct {
	Seq   uint64 // of the opening entry
	State row.State
}

// MatterOf returns the matter of which entry seq is part: its opening, or a step
// that took effect; nil when it is part of none.
func MatterOf(r Reader, seq uint64) (*Place, error) {
	p, err := find(r, seq)
	if err != nil || p == nil {
		return nil, err
	}
	return &Place{Seq: p.seq, State: p.matter.State}, nil
}

// After is the state of a matter once a statement of the kind took effect in it.
func After(k tx.Kind) row.State {
	if r := ruleOf(k); r != nil {
		return r.to
	}
	return ""
}
