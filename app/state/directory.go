package state

import (
	"fmt"
	"strings"

	"zhenglian/app/policy"
	"zhenglian/app/row"
	"zhenglian/app/store"
	"zhenglian/app/tx"
)

// A Reader is what rules read: a committed view or the open block.
type Reader interface {
	Get(key []byte) ([]byte, error)
	Iterate(start, end []byte, fn func(k, v []byte) bool) error
	Seq(id store.Hash) (uint64, bool, error)
	SeqSince(id store.Hash, from uint64) (uint64, bool, error)
	Entry(seq uint64) (store.Entry, error)
}

// A Directory is the part of the state that every statement needs, decoded:
// parameters, members, accounts with their verifiers, policies, rolls. It is
// immutable and only looked up by key, so that it can serve every goroutine.
type Directory struct {
	Params   row.Params
	members  map[tx.MemberID]*row.Member
	accounts map[tx.AccountID]*account
	policies map[tx.Kind][]version // ascending by number
	rolls    map[string]int
}

type account struct {
	row.Account
	verifier *tx.Verifier
}

type version struct {
	number uint32
	from   int64
	expr   *policy.Expr
}

// LoadDirectory decodes the directory from the state tree.
func LoadDirectory(r Reader) (*Directory, error) {
	d := &Directory{
		members:  make(map[tx.MemberID]*row.Member),
		accounts: make(map[tx.AccountID]*account),
		policies: make(map[tx.Kind][]version),
		rolls:    make(map[string]int),
	}
	b, err := r.Get(row.ParamsKey())
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, fmt.Errorf("the state has no parameters: it was never initialised from a genesis file")
	}
	if d.Params, err = row.DecodeParams(b); err != nil {
		return nil, fmt.Errorf("parameters: %w", err)
	}
	each := func(start, end []byte, what string, fn func(key, value []byte) error) {
		if err != nil {
			return
		}
		ierr := r.Iterate(start, end, func(k, v []byte) bool {
			if err = fn(k[1:], v); err != nil {
				err = fmt.Errorf("%s %x: %w", what, k, err)
			}
			return err == nil
		})
		if err == nil {
			err = ierr
		}
	}
	start, end := row.MemberRange()
	each(start, end, "member", func(k, v []byte) error {
		m, err := row.DecodeMember(v)
		d.members[tx.MemberID(k)] = &m
		return err
	})
	start, end = row.AccountRange()
	each(start, end, "account", func(k, v []byte) error {
		a, err := row.DecodeAccount(v)
		if err != nil {
			return err
		}
		ver, err := a.PublicKey().Verifier()
		if err != nil {
			return err
		}
		if len(k) != len(tx.AccountID{}) {
			return fmt.Errorf("key of %d bytes", len(k))
		}
		d.accounts[tx.AccountID(k)] = &account{a, ver}
		return nil
	})
	start, end = row.PolicyRange()
	each(start, end, "policy", func(k, v []byte) error {
		kind, _, ok := strings.Cut(string(k), "\x00")
		p, err := row.DecodePolicy(v)
		if err != nil || !ok {
			return fmt.Errorf("malformed: %w", err)
		}
		e, err := policy.Parse(p.Expr)
		if err != nil {
			return err
		}
		number := uint32(len(d.policies[tx.Kind(kind)]) + 1)
		d.policies[tx.Kind(kind)] = append(d.policies[tx.Kind(kind)], version{number, p.From, e})
		return nil
	})
	start, end = row.RollRange()
	each(start, end, "roll", func(k, v []byte) error {
		n, err := row.DecodeRoll(v)
		d.rolls[string(k)] = int(n.Members)
		return err
	})
	return d, err
}

// Member returns a member, or nil.
func (d *Directory) Member(m tx.MemberID) *row.Member { return d.members[m] }

// Account returns an account's row, or nil.
func (d *Directory) Account(a tx.AccountID) *row.Account {
	if v := d.accounts[a]; v != nil {
		return &v.Account
	}
	return nil
}

// policyAt returns the version of a kind's policy that applies to a matter
// opened at height.
func (d *Directory) policyAt(k tx.Kind, height int64) (version, error) {
	vs := d.policies[k]
	for i := len(vs) - 1; i >= 0; i-- {
		if vs[i].from <= height {
			return vs[i], nil
		}
	}
	return version{}, fmt.Errorf("no policy for %s at height %d", k, height)
}

// vote describes one signature to the policy language.
func (d *Directory) vote(id tx.AccountID, m tx.MemberID) policy.Vote {
	v := policy.Vote{Account: id, Member: m}
	if a := d.accounts[id]; a != nil {
		v.AccountRoles = a.Roles
	}
	if mm := d.members[m]; mm != nil {
		v.MemberRoles = mm.Roles
	}
	return v
}

// Policy returns the text of one version of a kind's policy, "" if there is none.
func (d *Directory) Policy(k tx.Kind, number uint32) string {
	if vs := d.policies[k]; number >= 1 && int(number) <= len(vs) {
		return vs[number-1].expr.String()
	}
	return ""
}
