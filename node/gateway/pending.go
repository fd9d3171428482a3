package gateway

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"zhenglian/app/policy"
	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/client/explain"
)

// governance is the family of kinds that only admins sign.
const governance = "gov"

// maxWaiting bounds the statements that one page looks at. Each is read from the
// log and evaluated, so they are fewer than other rows.
const maxWaiting = 500

// Pending implements api.Ledger. What waits is what has a deadline row, so the
// state alone answers.
func (l *ledger) Pending(ctx context.Context, q api.PendingQuery) (*api.Page[api.Pending], error) {
	if q.Limit == 0 {
		q.Limit = api.DefaultLimit
	}
	start, end := row.DeadlineRange(math.MaxInt64)
	if q.Cursor != "" {
		b, err := parseKey(q.Cursor, 16)
		if err != nil {
			return nil, err
		}
		start = append(append(start, b...), 0)
	}
	v := l.chain.Store().View()
	p := &api.Page[api.Pending]{Data: []api.Pending{}, Height: v.Head().Height}
	var keys [][]byte
	err := v.Iterate(start, end, func(key, _ []byte) bool {
		keys = append(keys, slices.Clone(key))
		return len(keys) <= maxWaiting // the last says only that there are more
	})
	if err != nil {
		return nil, err
	}
	for i, key := range keys {
		if len(p.Data) == q.Limit || i == maxWaiting {
			p.HasMore, p.NextCursor = true, base64.RawURLEncoding.EncodeToString(keys[i-1][1:])
			break
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		w, err := l.pending(v, row.DeadlineSeq(key), q)
		if err != nil {
			return nil, err
		}
		if w != nil {
			p.Data = append(p.Data, *w)
		}
	}
	return p, nil
}

// pending describes a statement that waits; nil when it is not for those asked for.
func (l *ledger) pending(v *store.View, seq uint64, q api.PendingQuery) (*api.Pending, error) {
	st, err := state.StandAt(v, l.chain.Directory(), seq)
	if err != nil {
		return nil, err
	}
	can, err := l.canSign(v, st, q)
	if err != nil || len(can) == 0 && (q.Member != "" || !q.Account.IsZero()) {
		return nil, err
	}
	changes, err := changesOf(v, st.Statement)
	if err != nil {
		return nil, fmt.Errorf("changes of entry %d: %w", seq, err)
	}
	return &api.Pending{
		ID: st.ID, Seq: seq, Kind: st.Statement.Kind, Member: string(st.Statement.Member), At: st.Statement.At,
		Since: st.Height, Deadline: st.Deadline, Policy: api.Rule{Version: st.Policy, Expr: st.Expr},
		Votes: votesOf(st), Missing: append([]string{}, st.Missing...), CanSign: can, Changes: changes,
		Text: string(st.Envelope.Payload), StatementURL: api.StatementURL(st.ID),
	}, nil
}

func votesOf(st *state.Standing) []api.Vote {
	out := make([]api.Vote, len(st.Votes))
	for i, v := range st.Votes {
		out[i] = api.Vote{Account: v.Account, Member: string(v.Member), Type: v.Type, Reason: v.Reason, Height: v.Height}
	}
	return out
}

// canSign lists, of those asked for, whose signature would bring a statement
// nearer that waits. It is advice: the rules judge the signature when it comes.
func (l *ledger) canSign(v *store.View, st *state.Standing, q api.PendingQuery) ([]api.Signer, error) {
	out := []api.Signer{}
	if st.Outcome != row.Waits {
		return out, nil
	}
	rule, err := explain.Parse(st.Expr)
	if err != nil {
		return nil, fmt.Errorf("policy %d of %s: %w", st.Policy, st.Statement.Kind, err)
	}
	dir := l.chain.Directory()
	issuer := st.Statement.Member
	c := &policy.Case{Issuer: issuer, Origin: issuer, Roll: dir.Roll}
	if st.Matter != st.Seq {
		if c.Origin, err = openerOf(v, st.Matter); err != nil {
			return nil, err
		}
	}
	if m := dir.Member(issuer); m != nil {
		c.Superior = m.Superior
	}
	voted := make(map[string]bool) // by account, and by member
	for _, vote := range st.Votes {
		voted[vote.Account.String()], voted[string(vote.Member)] = true, true
		m, a := dir.Member(vote.Member), dir.Account(vote.Account)
		if vote.Type == tx.Objects || m == nil || !m.Active() || a == nil || a.CompromisedFrom != 0 && vote.Height >= a.CompromisedFrom {
			continue // it speaks for nothing: see "Endorse" in app/README.md §5
		}
		c.Votes = append(c.Votes, policy.Vote{Account: vote.Account, AccountRoles: a.Roles, Member: vote.Member, MemberRoles: m.Roles})
	}
	all, err := l.signers.of(dir, v)
	if err != nil {
		return nil, err
	}
	alike := make(map[string]bool) // accounts of one member with the same roles count the same
	for i := range all {
		a := &all[i]
		m := dir.Member(a.Member)
		switch {
		case q.Member != "" && a.Member != q.Member, !q.Account.IsZero() && a.id != q.Account,
			m == nil || !m.Active() || a.Check(v.Head().Height+1) != nil,
			st.Statement.Kind.Family() == governance && !slices.Contains(a.Roles, tx.Admin),
			voted[a.id.String()], a.Member != issuer && voted[string(a.Member)]:
			continue
		}
		key := string(a.Member) + " " + strings.Join(a.Roles, " ")
		counts, known := alike[key]
		if !known {
			counts = rule.Advances(c, policy.Vote{Account: a.id, AccountRoles: a.Roles, Member: a.Member, MemberRoles: m.Roles})
			alike[key] = counts
		}
		if !counts {
			continue
		}
		if n := len(out); n == 0 || out[n-1].Member != a.Member {
			out = append(out, api.Signer{Member: a.Member})
		}
		last := &out[len(out)-1]
		last.Accounts = append(last.Accounts, a.id)
	}
	return out, nil
}

// openerOf returns who stated an entry.
func openerOf(v *store.View, seq uint64) (tx.MemberID, error) {
	e, err := v.Entry(seq)
	if err != nil {
		return "", err
	}
	env, err := tx.ParseEnvelope(e.Envelope)
	if err != nil {
		return "", err
	}
	s, err := tx.ParseStatement(env.Payload)
	if err != nil {
		return "", err
	}
	return s.Member, nil
}

// signers are the accounts that are not revoked, ascending by member, then id.
// They are read when governance has changed the directory. A directory may be
// newer than the view by one block, so what is read with it the first time is
// read once more from a later view, which shows all that the directory knows.
type signers struct {
	mu      sync.Mutex // guards what follows
	dir     *state.Directory
	height  int64 // of the view from which all was read
	settled bool  // all is what dir knows
	all     []signer
}

type signer struct {
	id tx.AccountID
	row.Account
}

func (s *signers) of(dir *state.Directory, v *store.View) ([]signer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	height := v.Head().Height
	if s.dir == dir && (s.settled || s.height == height) {
		return s.all, nil
	}
	var all []signer
	var bad error
	start, end := tableRange(row.AccountTable)
	err := v.Iterate(start, end, func(key, value []byte) bool {
		var a row.Account
		if a, bad = row.DecodeAccount(value); bad == nil && a.RevokedAt == 0 {
			all = append(all, signer{tx.AccountID(key[1:]), a})
		}
		return bad == nil
	})
	if err = errors.Join(err, bad); err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b signer) int { return strings.Compare(string(a.Member), string(b.Member)) })
	if s.dir != dir || height > s.height {
		s.settled = s.dir == dir
		s.dir, s.height, s.all = dir, height, all
	}
	return all, nil
}

// newestPolicy returns the last version of a rule, nil when there is none;
// first is the key of its version 0.
func newestPolicy(v *store.View, first []byte) (*row.Policy, error) {
	end := slices.Clone(first)
	binary.BigEndian.PutUint32(end[len(end)-4:], math.MaxUint32)
	var last []byte
	if err := v.Iterate(first, end, func(_, value []byte) bool {
		last = slices.Clone(value)
		return true
	}); err != nil || last == nil {
		return nil, err
	}
	p, err := row.DecodePolicy(last)
	return &p, err
}
