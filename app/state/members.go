package state

import (
	"bytes"
	"maps"
	"slices"

	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// changeMember enacts gov.member. A member that leaves takes its keys and its
// validators with it; its id may be admitted again later, with new keys.
func (c *Ctx) changeMember(b *tx.Membership) (writes []write, err error) {
	old := c.Dir.members[b.ID]
	if known := old != nil && !old.Left; known == (b.Action == tx.Admit) {
		if known {
			return nil, refuse(tx.CodeExists, "body.id", string(b.ID))
		}
		return nil, refuse(tx.CodeNoMember, "body.id", string(b.ID))
	}
	var next row.Member
	if old != nil {
		next = *old
	}
	switch b.Action {
	case tx.Admit, tx.Amend:
		if err := c.describe(b); err != nil {
			return nil, err
		}
		next = row.Member{Division: b.Division, DivisionRev: b.DivisionRev, NameEN: b.NameEN, NameZH: b.NameZH,
			Roles: b.Roles, Superior: b.Superior, Suspended: next.Suspended && b.Action == tx.Amend, USCC: b.USCC}
		if b.Action == tx.Amend {
			if bytes.Equal(next.Encode(), old.Encode()) {
				return nil, refuse(tx.CodeNothing, "", "")
			}
			break
		}
		if c.Dir.membership() >= maxMembers {
			return nil, refuse(tx.CodeFull, "body.id", "")
		}
		if writes, err = c.register(b.ID, "body.accounts", 0, b.Accounts...); err != nil {
			return nil, err
		}
	case tx.Suspend, tx.Resume:
		next.Suspended = b.Action == tx.Suspend
		if next.Suspended == old.Suspended {
			return nil, refuse(tx.CodeNothing, "body.action", "")
		}
	case tx.Leave:
		next.Left = true
		if writes, err = c.dismiss(b.ID); err != nil {
			return nil, err
		}
		writes = append(writes, c.revokeAll(b.ID)...)
	}
	writes = append(writes, write{row.MemberKey(b.ID), next.Encode()})
	return append(writes, c.rolls(b.ID, &next)...), nil
}

// describe checks what a statement says of a member against the other members:
// its superior exists, and no division has two regulators.
func (c *Ctx) describe(b *tx.Membership) error {
	if s := c.Dir.members[b.Superior]; b.Superior != "" && (s == nil || s.Left) {
		return refuse(tx.CodeNoMember, "body.superior", string(b.Superior))
	}
	next := row.Member{Roles: b.Roles}
	for _, id := range c.Dir.memberIDs() {
		m := c.Dir.members[id]
		if id != b.ID && !m.Left && m.Division == b.Division && m.Has("regulator") && next.Has("regulator") {
			return refuse(tx.CodeCity, "body.division", b.Division)
		}
	}
	return nil
}

// memberIDs lists all members, ascending.
func (d *Directory) memberIDs() []tx.MemberID { return slices.Sorted(maps.Keys(d.members)) }

// membership counts the members that have not left.
func (d *Directory) membership() (n int) {
	for _, id := range d.memberIDs() {
		if !d.members[id].Left {
			n++
		}
	}
	return n
}

// rolls returns the rows of the rolls that change when a member becomes next.
func (c *Ctx) rolls(id tx.MemberID, next *row.Member) (writes []write) {
	old := c.Dir.members[id]
	for _, role := range row.MemberRoles {
		n := c.Dir.rolls[role]
		if old != nil && old.Active() && old.Has(role) {
			n--
		}
		if next.Active() && next.Has(role) {
			n++
		}
		if n != c.Dir.rolls[role] {
			writes = append(writes, write{row.RollKey(role), row.Roll{Members: int64(n)}.Encode()})
		}
	}
	return writes
}
