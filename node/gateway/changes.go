package gateway

import (
	"fmt"
	"strconv"
	"strings"

	"zhenglian/app/row"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// A sheet shows what a statement of governance would change, field by field.
type sheet struct {
	view *store.View
	out  []api.Change
	err  error // of the database; what follows it does nothing
}

// changesOf compares what a statement of governance asks for with what holds
// now. For other kinds there is nothing to compare: who signs reads the text.
func changesOf(v *store.View, s *tx.Statement) ([]api.Change, error) {
	t := &sheet{view: v}
	switch b := s.Body.(type) {
	case *tx.Membership:
		t.member(b)
	case *tx.AccountChange:
		t.account(s.Member, b)
	case *tx.EpochChange:
		t.epoch(b)
	case *tx.Freeze:
		a := readRow(t, row.AccountKey(b.Account), row.DecodeAccount)
		then := ""
		if s.Kind == tx.GovFreeze {
			then = "the next height"
		}
		t.add(accountField(b.Account, a.Member, "frozen_from"), height(a.FrozenFrom), then)
		t.add("reason", "", b.Reason)
	case *tx.Recover:
		t.add("member "+string(b.ID)+", keys in force", "", "revoked, all of them")
		t.credentials(b.ID, b.Accounts)
	case *tx.PolicyChange:
		t.policy(s, b)
	case *tx.Params:
		p := readRow(t, row.ParamsKey(), row.DecodeParams)
		t.number("anchor_blocks", p.AnchorBlocks, b.AnchorBlocks)
		t.number("expires_blocks", p.ExpiresBlocks, b.ExpiresBlocks)
		t.number("future_millis", p.FutureMillis, b.FutureMillis)
		t.number("pending_blocks", p.PendingBlocks, b.PendingBlocks)
	case *tx.ValidatorChange:
		w := readRow(t, row.ValidatorKey(b.Key), row.DecodeValidator)
		t.add("validator "+b.Key.String()+", member", string(w.Member), string(b.Member))
		t.number("validator "+b.Key.String()+", target", w.Target, b.Power)
	case *tx.Ready:
		w := readRow(t, row.ValidatorKey(b.Key), row.DecodeValidator)
		t.add("validator "+b.Key.String()+", ready", strconv.FormatBool(w.Ready), "true")
	case *tx.KeyRotation:
		w := readRow(t, row.ValidatorKey(b.Key), row.DecodeValidator)
		t.number("validator "+b.Key.String()+", target", w.Target, 0)
		t.number("validator "+b.New.String()+", target", 0, w.Target)
	case *tx.Upgrade:
		t.upgrade(b)
	case *tx.Withdraw:
		if s.Kind == tx.GovWithdraw {
			t.add("proposal "+s.Prev.String(), "waits", "withdrawn")
		}
	default:
		t.lists(s)
	}
	return t.out, t.err
}

// add notes a field that changes.
func (t *sheet) add(field, now, then string) {
	if now != then {
		t.out = append(t.out, api.Change{Field: field, Now: now, Then: then})
	}
}

func (t *sheet) number(field string, now, then int64) {
	t.add(field, strconv.FormatInt(now, 10), strconv.FormatInt(then, 10))
}

// height writes a height of which 0 means none.
func height(h int64) string {
	if h == 0 {
		return ""
	}
	return strconv.FormatInt(h, 10)
}

func accountField(id tx.AccountID, m tx.MemberID, field string) string {
	return "account " + id.String() + " of " + string(m) + ", " + field
}

// readRow reads a row; its zero value when there is none.
func readRow[T any](t *sheet, key []byte, decode func([]byte) (T, error)) (v T) {
	if t.err != nil {
		return v
	}
	b, err := t.view.Get(key)
	if err == nil && b != nil {
		v, err = decode(b)
	}
	t.err = err
	return v
}

func (t *sheet) member(b *tx.Membership) {
	m := readRow(t, row.MemberKey(b.ID), row.DecodeMember)
	status := map[string]string{tx.Admit: api.MemberActive, tx.Suspend: api.MemberSuspended, tx.Resume: api.MemberActive, tx.Leave: api.MemberLeft}[b.Action]
	now := ""
	switch {
	case m.Left:
		now = api.MemberLeft
	case m.Suspended:
		now = api.MemberSuspended
	case len(m.Roles) > 0: // as every member has
		now = api.MemberActive
	}
	field := func(name string) string { return "member " + string(b.ID) + ", " + name }
	if status != "" {
		t.add(field("status"), now, status)
	}
	switch b.Action {
	case tx.Leave:
		t.add(field("keys in force"), "", "revoked, all of them")
		t.add(field("validators"), "", "removed")
	case tx.Admit, tx.Amend:
		t.add(field("name_zh"), m.NameZH, b.NameZH)
		t.add(field("name_en"), m.NameEN, b.NameEN)
		t.add(field("roles"), strings.Join(m.Roles, " "), strings.Join(b.Roles, " "))
		t.add(field("uscc"), m.USCC, b.USCC)
		t.add(field("division"), m.Division, b.Division)
		t.add(field("division_rev"), m.DivisionRev, b.DivisionRev)
		t.add(field("superior"), string(m.Superior), string(b.Superior))
		t.credentials(b.ID, b.Accounts)
	}
}

func (t *sheet) credentials(m tx.MemberID, cs []tx.Credential) {
	for i := range cs {
		then := fmt.Sprintf("new: %s, %s key", strings.Join(cs[i].Roles, " "), cs[i].Key.Type)
		if cs[i].ValidTo != 0 {
			then += ", last height " + height(cs[i].ValidTo)
		}
		t.add(accountField(cs[i].Key.Account(), m, "roles"), "", then)
	}
}

func (t *sheet) account(m tx.MemberID, b *tx.AccountChange) {
	a := readRow(t, row.AccountKey(b.Account), row.DecodeAccount)
	field := func(name string) string { return accountField(b.Account, m, name) }
	switch b.Action {
	case tx.Expire:
		t.add(field("valid_to"), height(a.ValidTo), height(b.ValidTo))
	case tx.Compromise:
		t.add(field("compromised_from"), height(a.CompromisedFrom), height(b.From))
	}
	if b.Action != tx.Add && b.Action != tx.Expire && a.RevokedAt == 0 {
		t.add(field("revoked_at"), "", "the next height")
	}
	if b.New != nil {
		t.credentials(m, []tx.Credential{*b.New})
	}
}

func (t *sheet) policy(s *tx.Statement, b *tx.PolicyChange) {
	field, first := "policy of "+string(b.Kind), row.PolicyKey(b.Kind, 0)
	if s.Kind == tx.GovOverride {
		field = "override of " + string(s.Member) + " for " + string(b.Kind)
		first = row.OverrideKey(s.Member, b.Kind, 0)
	}
	p, err := newestPolicy(t.view, first)
	if err != nil {
		t.err = err
		return
	}
	now, from := "", ""
	if p != nil {
		now, from = p.Expr, strconv.FormatInt(p.From, 10)
	}
	t.add(field, now, b.Expr)
	t.add(field+", from height", from, height(b.From))
}

func (t *sheet) upgrade(b *tx.Upgrade) {
	p := readRow(t, row.ParamsKey(), row.DecodeParams)
	u := readRow(t, row.UpgradeKey(), row.DecodeUpgrade)
	if b.Version == p.Protocol { // it calls off what is due
		t.add("upgrade that is due", fmt.Sprintf("version %d at height %d", u.Version, u.Height), "")
		return
	}
	t.number("protocol version", p.Protocol, b.Version)
	t.add("upgrade height", height(u.Height), height(b.Height))
	t.add("upgrade info", u.Info, b.Info)
}

// epoch shows what becomes of the key of a list.
func (t *sheet) epoch(b *tx.EpochChange) {
	name := "key of " + b.List.String() + ", epoch " + strconv.FormatInt(b.Epoch, 10)
	e := readRow(t, row.EpochKey(b.List, b.Epoch), row.DecodeEpoch)
	all := readRow(t, row.EpochsKey(b.List), row.DecodeEpochs)
	switch b.Action {
	case tx.OpenEpoch:
		t.add(name+", commitment", "", b.Commitment.String())
		t.add(name, e.State, row.EpochActive)
		if all.Active != 0 {
			t.add("key of "+b.List.String()+", epoch "+strconv.FormatInt(all.Active, 10), row.EpochActive, row.EpochRetired)
		}
	case tx.WithdrawEpoch:
		t.add(name, e.State, row.EpochWithdrawn)
		t.add("reason", "", b.Reason)
	}
	for _, c := range b.Copies {
		a := readRow(t, row.AccountKey(c.Account), row.DecodeAccount)
		was := readRow(t, row.EpochCopyKey(b.List, b.Epoch, c.Account), row.DecodeEpochCopy)
		now := ""
		if !was.SHA256.IsZero() {
			now = was.SHA256.String()
		}
		t.add(name+", copy of "+accountField(c.Account, a.Member, "sha256"), now, c.SHA256.String())
	}
}
