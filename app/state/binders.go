package state

import (
	"slices"

	"zhenglian/app/policy"
	"zhenglian/app/tx"
)

// caseOf binds the members that a policy can speak of: of a statement that opens
// a matter, or belongs to none (p nil), or continues the matter p. What it binds
// follows from statements and from the directory alone, so that a verifier who has
// their rows binds the same.
func (c *Ctx) caseOf(s *tx.Statement, p *place) *policy.Case {
	cs := &policy.Case{Issuer: s.Member, Origin: s.Member, Roll: func(role string) int { return c.Dir.rolls[role] }}
	if p != nil {
		cs.Origin = p.origin
	}
	if m := c.Dir.members[s.Member]; m != nil {
		cs.Superior = m.Superior
	}
	if cs.Target = c.Dir.target(s.Body); cs.Target == "" && p != nil {
		cs.Target = c.Dir.target(p.body)
	}
	switch issuer, origin := tx.Custody(s.Kind); {
	case issuer:
		cs.Custodian = s.Member
	case origin:
		cs.Custodian = cs.Origin
	}
	if m := c.Dir.members[cs.Target]; m != nil && m.Has("platform") {
		cs.Platform = cs.Target
	}
	return cs
}

// target is the member to whom a body is directed, "" for none.
func (d *Directory) target(b tx.Body) tx.MemberID {
	if f, ok := b.(*tx.Freeze); ok {
		if a := d.accounts[f.Account]; a != nil {
			return a.Member
		}
	}
	return tx.Target(b)
}

// maxTargets bounds the members that governable tries as targets.
const maxTargets = 16

// governable reports whether the admins who can sign at height could together
// still satisfy the newest policy of every kind of governance, for some member
// who states it and some member whom it concerns. A change after which they could
// not would be the last one.
func (d *Directory) governable(height int64) bool {
	admins := d.voters(height, func(a *account) bool { return slices.Contains(a.Roles, tx.Admin) })
	var members []tx.MemberID // that have an admin, in order of their first
	for _, v := range admins {
		if !slices.Contains(members, v.Member) {
			members = append(members, v.Member)
		}
	}
	possible := func(e *policy.Expr) bool {
		targets := []tx.MemberID{""}
		if e.Speaks("target") || e.Speaks("platform(subject)") {
			targets = members[:min(len(members), maxTargets)]
		}
		return slices.ContainsFunc(members, func(m tx.MemberID) bool {
			return slices.ContainsFunc(targets, func(t tx.MemberID) bool {
				cs := &policy.Case{Votes: admins, Issuer: m, Origin: m, Superior: d.members[m].Superior, Target: t, Roll: d.Roll}
				if x := d.members[t]; x != nil && x.Has("platform") {
					cs.Platform = t
				}
				return e.Holds(cs)
			})
		})
	}
	for i := range rules {
		vs := d.policies[rules[i].kind]
		if rules[i].kind.Family() == governance && (len(vs) == 0 || !possible(vs[len(vs)-1].expr)) {
			return false
		}
	}
	return true
}
