package state

import (
	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// Everything that happens to an account counts from the next height on: who
// signed in the same block, before or after, signed in force. So a verifier
// judges a signature by the height of its entry alone.

// changeAccount enacts gov.account: a member's change of its own keys.
func (c *Ctx) changeAccount(m tx.MemberID, b *tx.AccountChange) (writes []write, err error) {
	if b.New != nil {
		if writes, err = c.register(m, "body.new", c.keysHeld(m), *b.New); err != nil {
			return nil, err
		}
	}
	if b.Action == tx.Add {
		return writes, nil
	}
	a := c.Dir.accounts[b.Account]
	if a == nil || a.Member != m {
		return nil, refuse(tx.CodeNoAccount, "body.account", "")
	}
	next := a.Account
	switch {
	case b.Action == tx.Compromise && b.From > c.Height:
		return nil, refuse(tx.CodeHeight, "body.from", "it lies ahead")
	case b.Action == tx.Compromise && a.CompromisedFrom != 0 && b.From >= a.CompromisedFrom:
		return nil, refuse(tx.CodeNothing, "body.from", "")
	case b.Action == tx.Compromise:
		next.CompromisedFrom = b.From
	case a.RevokedAt != 0:
		return nil, refuse(tx.CodeNoAccount, "body.account", "it is revoked")
	case b.Action == tx.Expire && b.ValidTo < c.Height:
		return nil, refuse(tx.CodeHeight, "body.valid_to", "it lies behind")
	case b.Action == tx.Expire && b.ValidTo == a.ValidTo:
		return nil, refuse(tx.CodeNothing, "body.valid_to", "")
	case b.Action == tx.Expire:
		next.ValidTo = b.ValidTo
	}
	if b.Action != tx.Expire && next.RevokedAt == 0 {
		next.RevokedAt = c.Height + 1
	}
	return append(writes, write{row.AccountKey(b.Account), next.Encode()}), nil
}

// freeze enacts gov.freeze and gov.thaw: the others stop a member's key, or let
// it sign again.
func (c *Ctx) freeze(s *tx.Statement, b *tx.Freeze) ([]write, error) {
	a := c.Dir.accounts[b.Account]
	switch {
	case a == nil || a.RevokedAt != 0:
		return nil, refuse(tx.CodeNoAccount, "body.account", "")
	case a.Member == s.Member:
		return nil, refuse(tx.CodeNotParty, "member", "the others decide")
	case (a.FrozenFrom != 0) == (s.Kind == tx.GovFreeze):
		return nil, refuse(tx.CodeNothing, "body.account", "")
	}
	next := a.Account
	next.FrozenFrom = 0
	if s.Kind == tx.GovFreeze {
		next.FrozenFrom = c.Height + 1
	}
	return []write{{row.AccountKey(b.Account), next.Encode()}}, nil
}

// recover enacts gov.recover: the others register new keys for a member that
// has lost its own, and revoke all that it had.
func (c *Ctx) recover(stating tx.MemberID, b *tx.Recover) ([]write, error) {
	m := c.Dir.members[b.ID]
	if m == nil || m.Left {
		return nil, refuse(tx.CodeNoMember, "body.id", string(b.ID))
	}
	if b.ID == stating {
		return nil, refuse(tx.CodeNotParty, "member", "who can sign has not lost its keys")
	}
	writes, err := c.register(b.ID, "body.accounts", 0, b.Accounts...)
	return append(writes, c.revokeAll(b.ID)...), err
}

// register returns the rows of a member's new accounts; held is how many keys
// it keeps that are not revoked.
func (c *Ctx) register(m tx.MemberID, path string, held int, credentials ...tx.Credential) (writes []write, err error) {
	if held+len(credentials) > maxKeys || len(c.Dir.accountsOf(m))+len(credentials) > maxKeysEver {
		return nil, refuse(tx.CodeFull, path, "")
	}
	for _, k := range credentials {
		id := k.Key.Account()
		switch {
		case c.Dir.accounts[id] != nil:
			return nil, refuse(tx.CodeExists, path, id.String())
		case k.ValidTo != 0 && k.ValidTo <= c.Height:
			return nil, refuse(tx.CodeHeight, path+".valid_to", "it lies behind")
		}
		a := row.Account{Key: k.Key.Bytes, Member: m, Roles: k.Roles, Tag: k.Tag, Type: k.Key.Type, ValidFrom: c.Height + 1, ValidTo: k.ValidTo}
		writes = append(writes, write{row.AccountKey(id), a.Encode()})
	}
	return writes, nil
}

// keysHeld counts a member's keys that are not revoked.
func (c *Ctx) keysHeld(m tx.MemberID) (n int) {
	for _, id := range c.Dir.accountsOf(m) {
		if c.Dir.accounts[id].RevokedAt == 0 {
			n++
		}
	}
	return n
}

func (c *Ctx) revokeAll(m tx.MemberID) (writes []write) {
	for _, id := range c.Dir.accountsOf(m) {
		if a := c.Dir.accounts[id].Account; a.RevokedAt == 0 {
			a.RevokedAt = c.Height + 1
			writes = append(writes, write{row.AccountKey(id), a.Encode()})
		}
	}
	return writes
}
