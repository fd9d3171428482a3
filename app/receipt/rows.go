package receipt

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"zhenglian/app/policy"
	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// Keys lists the keys of the rows that a receipt for the entry carries, in the
// order in which it carries them. get returns a row of the state under which
// they are to be proven, nil for a key that is absent.
//
// The list is the trace of the verifier's own walk through the state: account
// and member of everybody who signed, the tally, the matter, the policy that
// applies and the one that would have replaced it.
func Keys(e Entry, get func(key []byte) (value []byte, err error)) ([][]byte, error) {
	env, err := tx.ParseEnvelope(e.Envelope)
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w", e.Seq, err)
	}
	s, err := Statement(env.Payload)
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w", e.Seq, err)
	}
	w := &walk{get: get}
	if _, err := w.standing(&e, env, s); err != nil {
		return nil, fmt.Errorf("entry %d: %w", e.Seq, err)
	}
	return w.keys, nil
}

// maxVersions bounds the versions of one policy.
const maxVersions = 1000

// A walk reads the state and remembers which keys it asked for.
type walk struct {
	get  func(key []byte) ([]byte, error)
	keys [][]byte // each once, in order
}

// load reads the row of a key into the value that decode returns; nil when the
// key is absent.
func load[T any](w *walk, key []byte, decode func([]byte) (T, error)) (*T, error) {
	if !slices.ContainsFunc(w.keys, func(k []byte) bool { return bytes.Equal(k, key) }) {
		w.keys = append(w.keys, key)
	}
	b, err := w.get(key)
	if err != nil || b == nil {
		return nil, err
	}
	v, err := decode(b)
	if err != nil {
		return nil, fmt.Errorf("row %x: %w", key, err)
	}
	return &v, nil
}

// A party is somebody who signed: with the statement, or later.
type party struct {
	id      tx.AccountID
	account *row.Account // nil: not on the ledger
	member  *row.Member  // nil: not on the ledger
	vote    row.Vote     // Type row.Signed: with the statement
}

// A standing is what the state says of an entry.
type standing struct {
	issuer  *row.Member // the stating member; nil: not on the ledger
	parties []party     // of the envelope in its order, then of the tally
	tally   *row.Tally  // nil: every signature came with the statement
	matter  *row.Matter // nil: as its opening entry left it, or continued by a statement that is not effective
	version uint32      // of the policy; 0: there is none
	expr    string      // of the policy
	holds   bool        // the signatures satisfy it
	missing []string    // what they lack
	unsure  bool        // the policy may depend on the matter's opening, which a receipt does not carry
}

// opens reports whether a statement opens a matter; other kinds continue one,
// and an endorsement belongs to none.
func opens(s *tx.Statement) bool { return s.Kind != tx.EndorseKind && s.Prev.IsZero() }

func (w *walk) standing(e *Entry, env *tx.Envelope, s *tx.Statement) (*standing, error) {
	st := new(standing)
	var err error
	if st.issuer, err = load(w, row.MemberKey(s.Member), row.DecodeMember); err != nil {
		return nil, err
	}
	for i := range env.Signatures {
		v := row.Vote{Account: env.Signatures[i].Account, Height: e.Height, Type: row.Signed}
		if err := w.party(st, v); err != nil {
			return nil, err
		}
	}
	if s.Kind != tx.EndorseKind {
		if err := w.matter(st, e, s); err != nil {
			return nil, err
		}
	}
	return st, w.policy(st, e, s)
}

// party adds one who signed. The member of a signature in the envelope is the
// account's; that of a later vote is as the tally has it.
func (w *walk) party(st *standing, v row.Vote) error {
	a, err := load(w, row.AccountKey(v.Account), row.DecodeAccount)
	if err != nil {
		return err
	}
	p := party{id: v.Account, account: a, vote: v}
	if a != nil {
		if p.vote.Member == "" {
			p.vote.Member = a.Member
		}
		if p.member, err = load(w, row.MemberKey(p.vote.Member), row.DecodeMember); err != nil {
			return err
		}
	}
	st.parties = append(st.parties, p)
	return nil
}

func (w *walk) matter(st *standing, e *Entry, s *tx.Statement) error {
	var err error
	if st.tally, err = load(w, row.TallyKey(e.Seq), row.DecodeTally); err != nil {
		return err
	}
	if st.tally != nil {
		signed := len(st.parties)
		for _, v := range st.tally.Votes {
			if v.Type == row.Signed && slices.ContainsFunc(st.parties[:signed], func(p party) bool { return p.id == v.Account }) {
				continue
			}
			if err := w.party(st, v); err != nil {
				return err
			}
		}
	}
	seq := e.Seq
	if !opens(s) {
		link, err := load(w, row.LinkKey(e.Seq), row.DecodeLink)
		if err != nil || link == nil {
			return err
		}
		seq = link.Matter
	}
	st.matter, err = load(w, row.MatterKey(seq), row.DecodeMatter)
	return err
}

// policy finds the version that applies and evaluates it. A tally names the
// version; otherwise it is the newest that was in force at the entry's height,
// which the absence of the next one, or its later beginning, proves.
func (w *walk) policy(st *standing, e *Entry, s *tx.Statement) error {
	var p *row.Policy
	if st.tally != nil {
		var err error
		st.version = st.tally.Policy
		if p, err = load(w, row.PolicyKey(s.Kind, st.version), row.DecodePolicy); err != nil {
			return err
		}
	} else {
		for v := uint32(1); v <= maxVersions; v++ {
			next, err := load(w, row.PolicyKey(s.Kind, v), row.DecodePolicy)
			if err != nil {
				return err
			}
			if next == nil || next.From > e.Height {
				break
			}
			p, st.version = next, v
		}
	}
	if p == nil {
		st.version = 0
		return nil
	}
	expr, err := policy.Parse(p.Expr)
	if err != nil {
		return err
	}
	c := policy.Case{Issuer: s.Member}
	if opens(s) || s.Kind == tx.EndorseKind {
		c.Origin = s.Member
	} else {
		st.unsure = st.tally == nil && st.version > 1
	}
	if expr, err = w.override(st, expr, e, s); err != nil {
		return err
	}
	st.bind(&c, expr, s)
	if st.issuer != nil {
		c.Superior = st.issuer.Superior
	}
	for i := range st.parties {
		p := &st.parties[i]
		if p.account == nil || p.member == nil || p.vote.Type == tx.Objects {
			continue
		}
		c.Votes = append(c.Votes, policy.Vote{Account: p.id, AccountRoles: p.account.Roles, Member: p.vote.Member, MemberRoles: p.member.Roles})
	}
	var rollErr error
	c.Roll = func(role string) int {
		n, err := load(w, row.RollKey(role), row.DecodeRoll)
		if err != nil || n == nil {
			rollErr = errors.Join(rollErr, err)
			return 0
		}
		return int(n.Members)
	}
	st.expr = expr.String()
	st.holds = expr.Holds(&c)
	st.missing = expr.Missing(&c)
	return rollErr
}

// override joins a kind's policy with what the stating member had asked of itself
// when the matter opened: of a continuation only the opening would tell which
// version that is, and a receipt does not carry it.
func (w *walk) override(st *standing, kind *policy.Expr, e *Entry, s *tx.Statement) (*policy.Expr, error) {
	if s.Kind.Family() == "gov" { // governance has no overrides
		return kind, nil
	}
	var own *row.Policy
	for v := uint32(1); v <= maxVersions; v++ {
		next, err := load(w, row.OverrideKey(s.Member, s.Kind, v), row.DecodePolicy)
		if err != nil {
			return nil, err
		}
		if next == nil || next.From > e.Height {
			break
		}
		own = next
	}
	switch {
	case own == nil:
		return kind, nil
	case !opens(s) && s.Kind != tx.EndorseKind:
		st.unsure = true
	}
	if own.Expr == "" { // dropped
		return kind, nil
	}
	expr, err := policy.Parse(own.Expr)
	if err != nil {
		return nil, err
	}
	return policy.And(kind, expr), nil
}

// bind binds the custodian, which the kind tells. Whom a statement is directed to
// is in its body, which a verifier reads of few kinds, and what the opening of a
// matter binds is not known here.
func (st *standing) bind(c *policy.Case, e *policy.Expr, s *tx.Statement) {
	issuer, origin := tx.Custody(s.Kind)
	if issuer {
		c.Custodian = s.Member
	}
	continues := !opens(s) && s.Kind != tx.EndorseKind
	if e.Speaks("target") || e.Speaks("platform(subject)") || continues && (e.Speaks("origin") || origin && e.Speaks("custodian")) {
		st.unsure = true
	}
}

// proven checks the rows under a state root and returns the standing that they
// show. They must be exactly the rows that the walk asks for, in its order.
func proven(rows []Row, root tx.Digest, e *Entry, env *tx.Envelope, s *tx.Statement) (*standing, error) {
	for i := range rows {
		if err := rows[i].verify(root); err != nil {
			return nil, fmt.Errorf("row %d: %w", i, err)
		}
	}
	w := &walk{get: func(key []byte) ([]byte, error) {
		for i := range rows {
			if bytes.Equal(rows[i].Key, key) {
				return rows[i].Value, nil
			}
		}
		return nil, fmt.Errorf("the row of key %x is missing", key)
	}}
	st, err := w.standing(e, env, s)
	if err != nil {
		return nil, err
	}
	if !slices.EqualFunc(rows, w.keys, func(r Row, k []byte) bool { return bytes.Equal(r.Key, k) }) {
		return nil, errors.New("there are rows that this statement does not call for, or they are out of order")
	}
	return st, nil
}

// verify checks that the row has its value, or is absent, under the root.
func (r *Row) verify(root tx.Digest) error {
	var err error
	if r.Value != nil {
		err = provePresent(r.Proof, root, r.Key, r.Value)
	} else {
		err = proveAbsent(r.Proof, root, r.Key)
	}
	if err == errUnproven {
		return fmt.Errorf("key %x is not proven under state root %s", r.Key, root)
	}
	return err
}
