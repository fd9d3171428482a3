package state

import (
	"bytes"
	"maps"
	"slices"

	"zhenglian/app/policy"
	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// governance is the family of kinds that change the directory. Each of its
// statements opens a matter and takes effect once: at once when it brings all
// its signatures, or through the endorsement that completes it.
const governance = "gov"

// Bounds of the directory.
const (
	maxMembers    = 256  // that have not left
	maxKeys       = 64   // of one member that are not revoked
	maxKeysEver   = 1024 // of one member
	maxValidators = 100
	maxVersions   = 1000 // of one policy; a receipt shows them all
)

// admins checks that everybody who signed is an admin.
func (c *Ctx) admins(o *Opened) error {
	for _, s := range o.Envelope.Signatures {
		if !slices.Contains(c.Dir.accounts[s.Account].Roles, tx.Admin) {
			return refuse(tx.CodeNotAdmin, "", s.Account.String())
		}
	}
	return nil
}

// enact returns the rows that a statement of governance writes when it takes
// effect now, or the reason why it cannot. It is asked when the statement is
// made and again when its signatures are complete: the ledger may have changed
// while it waited.
func (c *Ctx) enact(s *tx.Statement) (writes []write, err error) {
	switch b := s.Body.(type) {
	case *tx.AccountChange:
		writes, err = c.changeAccount(s.Member, b)
	case *tx.EpochChange:
		writes, err = c.changeEpoch(s, b)
	case *tx.Freeze:
		writes, err = c.freeze(s, b)
	case *tx.Membership:
		writes, err = c.changeMember(b)
	case *tx.Recover:
		writes, err = c.recover(s.Member, b)
	case *tx.PolicyChange:
		if s.Kind == tx.GovOverride {
			writes, err = c.changeOverride(s.Member, b)
		} else {
			writes, err = c.changePolicy(b)
		}
	case *tx.Params:
		writes, err = c.changeParams(b)
	case *tx.ValidatorChange:
		writes, err = c.changeValidator(b)
	case *tx.Ready:
		writes, err = c.ready(s.Member, b)
	case *tx.KeyRotation:
		writes, err = c.rotate(s.Member, b)
	case *tx.Upgrade:
		writes, err = c.planUpgrade(b)
	case *tx.RuleSet:
		writes, err = c.changeRuleSet(b)
	case *tx.Calendar:
		writes, err = c.changeCalendar(b)
	case *tx.ListRuleChange:
		writes, err = c.changeListRule(b)
	case *tx.RoutingSwitch:
		writes, err = c.switchRouting(b)
	}
	if err != nil {
		return nil, err
	}
	after, err := c.Dir.with(writes)
	if err != nil {
		return nil, err
	}
	if !after.governable(c.Height+1) && c.Dir.governable(c.Height+1) {
		return nil, refuse(tx.CodeUngovernable, "", "")
	}
	return writes, nil
}

// changePolicy enacts gov.policy: a new version of a kind's policy, from a
// later height on. Matters that are open then keep the version under which
// they were opened.
func (c *Ctx) changePolicy(b *tx.PolicyChange) ([]write, error) {
	if _, err := policy.Parse(b.Expr); err != nil {
		return nil, refuse(tx.CodeExpr, "body.expr", err.Error())
	}
	number, err := c.nextVersion(c.Dir.policies[b.Kind], b)
	if err != nil {
		return nil, err
	}
	return []write{{row.PolicyKey(b.Kind, number), row.Policy{Expr: b.Expr, From: b.From}.Encode()}}, nil
}

// changeOverride enacts gov.override: what the member asks of its own
// statements besides the kind's policy. Both must hold, so it can never loosen.
// Governance has no overrides: a member could lock itself out of undoing them.
func (c *Ctx) changeOverride(m tx.MemberID, b *tx.PolicyChange) ([]write, error) {
	if b.Kind.Family() == governance {
		return nil, refuse(tx.CodeExpr, "body.kind", "governance has no overrides")
	}
	if b.Expr != "" {
		if _, err := policy.Parse(b.Expr); err != nil {
			return nil, refuse(tx.CodeExpr, "body.expr", err.Error())
		}
	}
	vs := c.Dir.overrides[override{m, b.Kind}]
	if b.Expr == "" && len(vs) == 0 {
		return nil, refuse(tx.CodeNothing, "body.expr", "")
	}
	number, err := c.nextVersion(vs, b)
	if err != nil {
		return nil, err
	}
	return []write{{row.OverrideKey(m, b.Kind, number), row.Policy{Expr: b.Expr, From: b.From}.Encode()}}, nil
}

// nextVersion numbers a new version. Versions begin in the order in which they
// are made, none before the next block.
func (c *Ctx) nextVersion(vs []version, b *tx.PolicyChange) (uint32, error) {
	if b.From <= c.Height {
		return 0, refuse(tx.CodeHeight, "body.from", "want a later height than this one")
	}
	if len(vs) >= maxVersions {
		return 0, refuse(tx.CodeFull, "body.kind", "")
	}
	if len(vs) == 0 {
		return 1, nil
	}
	last := vs[len(vs)-1]
	text := ""
	if last.expr != nil {
		text = last.expr.String()
	}
	switch {
	case b.From < last.from:
		return 0, refuse(tx.CodeHeight, "body.from", "an earlier version begins later")
	case b.Expr == text:
		return 0, refuse(tx.CodeNothing, "body.expr", "")
	}
	return last.number + 1, nil
}

// changeParams enacts gov.params.
func (c *Ctx) changeParams(b *tx.Params) ([]write, error) {
	p := c.Dir.Params
	p.AnchorBlocks, p.ExpiresBlocks, p.FutureMillis, p.PendingBlocks = b.AnchorBlocks, b.ExpiresBlocks, b.FutureMillis, b.PendingBlocks
	if p == c.Dir.Params {
		return nil, refuse(tx.CodeNothing, "", "")
	}
	return []write{{row.ParamsKey(), p.Encode()}}, nil
}

// accountsOf lists a member's accounts, ascending by id.
func (d *Directory) accountsOf(m tx.MemberID) []tx.AccountID {
	return slices.DeleteFunc(d.accountIDs(), func(id tx.AccountID) bool { return d.accounts[id].Member != m })
}

// accountIDs lists all accounts, ascending.
func (d *Directory) accountIDs() []tx.AccountID {
	return slices.SortedFunc(maps.Keys(d.accounts), func(a, b tx.AccountID) int { return bytes.Compare(a[:], b[:]) })
}
