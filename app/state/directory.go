package state

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"zhenglian/app/calendar"
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

// A Directory is the part of the state that every statement may need, decoded:
// parameters, members, accounts with their verifiers, policies, rolls,
// validators. It is immutable, so that it can serve every goroutine; a
// statement of governance makes the next one (with).
type Directory struct {
	Params     row.Params
	members    map[tx.MemberID]*row.Member
	accounts   map[tx.AccountID]*account
	policies   map[tx.Kind][]version // ascending by number
	overrides  map[override][]version
	rolls      map[string]int
	validators []Validator // ascending by key
	stepped    int64       // height of the last change of the validator set, 0 if none
	upgrade    *row.Upgrade
	ruleSets   []RuleSet  // ascending by number
	calendars  []Calendar // ascending by year
	days       *calendar.Calendar
	daysSince  int64 // height of the last change of a calendar
}

type account struct {
	row.Account
	verifier *tx.Verifier
}

type version struct {
	number uint32
	from   int64
	expr   *policy.Expr // nil: an override that was dropped
}

// An override is what a member asks of itself besides a kind's policy.
type override struct {
	member tx.MemberID
	kind   tx.Kind
}

// A Validator is a validator with its key.
type Validator struct {
	Key tx.ValidatorKey
	row.Validator
}

// LoadDirectory decodes the directory from the state tree.
func LoadDirectory(r Reader) (*Directory, error) {
	d := &Directory{
		members:   make(map[tx.MemberID]*row.Member),
		accounts:  make(map[tx.AccountID]*account),
		policies:  make(map[tx.Kind][]version),
		overrides: make(map[override][]version),
		rolls:     make(map[string]int),
	}
	var bad error
	var err error
	for _, span := range row.DirectoryRanges() {
		if err == nil {
			err = r.Iterate(span[0], span[1], func(k, v []byte) bool {
				bad = d.set(k, v)
				return bad == nil
			})
		}
		if err == nil {
			err = bad
		}
	}
	if err == nil && d.Params.Chain == "" {
		err = fmt.Errorf("the state has no parameters: it was never initialised from a genesis file")
	}
	return d, err
}

// with returns the directory after some rows of the state were written; d
// itself when none of them is of the directory. Tables that do not change are
// shared.
func (d *Directory) with(writes []write) (*Directory, error) {
	if !slices.ContainsFunc(writes, func(w write) bool { _, ok := row.TableOf(w.key); return ok }) {
		return d, nil
	}
	next := *d
	own := make(map[row.Table]bool)
	for _, w := range writes {
		table, ok := row.TableOf(w.key)
		if !ok {
			continue
		}
		if !own[table] {
			own[table] = true
			next.unshare(table)
		}
		if err := next.set(w.key, w.value); err != nil {
			return nil, broken{err}
		}
	}
	return &next, nil
}

func (d *Directory) unshare(t row.Table) {
	switch t {
	case row.MemberTable:
		d.members = maps.Clone(d.members)
	case row.AccountTable:
		d.accounts = maps.Clone(d.accounts)
	case row.PolicyTable:
		d.policies = maps.Clone(d.policies)
	case row.OverrideTable:
		d.overrides = maps.Clone(d.overrides)
	case row.RollTable:
		d.rolls = maps.Clone(d.rolls)
	case row.ValidatorTable:
		d.validators = slices.Clone(d.validators)
	case row.RuleSetTable:
		d.ruleSets = slices.Clone(d.ruleSets)
	case row.CalendarTable:
		d.calendars = slices.Clone(d.calendars)
	}
}

// set takes over one row of the directory. Only validators and upgrades are
// ever deleted (value nil).
func (d *Directory) set(key, value []byte) (err error) {
	table, _ := row.TableOf(key)
	rest := key[1:]
	switch table {
	case row.ParamsTable:
		d.Params, err = row.DecodeParams(value)
	case row.MemberTable:
		var m row.Member
		m, err = row.DecodeMember(value)
		d.members[tx.MemberID(rest)] = &m
	case row.AccountTable:
		err = d.setAccount(rest, value)
	case row.PolicyTable:
		var v version
		var kind string
		if v, kind, err = decodeVersion(rest, value); err == nil {
			d.policies[tx.Kind(kind)] = append(slices.Clip(d.policies[tx.Kind(kind)]), v)
		}
	case row.OverrideTable:
		var v version
		var kind string
		member, rest, _ := bytes.Cut(rest, []byte{0})
		if v, kind, err = decodeVersion(rest, value); err == nil {
			o := override{tx.MemberID(member), tx.Kind(kind)}
			d.overrides[o] = append(slices.Clip(d.overrides[o]), v)
		}
	case row.RollTable:
		var n row.Roll
		n, err = row.DecodeRoll(value)
		d.rolls[string(rest)] = int(n.Members)
	case row.ValidatorTable:
		err = d.setValidator(rest, value)
	case row.StepTable:
		var s row.Step
		s, err = row.DecodeStep(value)
		d.stepped = s.Height
	case row.UpgradeTable:
		if d.upgrade = nil; value != nil {
			var u row.Upgrade
			u, err = row.DecodeUpgrade(value)
			d.upgrade = &u
		}
	case row.RuleSetTable:
		err = d.setRuleSet(rest, value)
	case row.CalendarTable:
		err = d.setCalendar(rest, value)
	default:
		err = fmt.Errorf("unknown table")
	}
	if err != nil {
		return fmt.Errorf("directory row %x: %w", key, err)
	}
	return nil
}

func (d *Directory) setAccount(id, value []byte) error {
	a, err := row.DecodeAccount(value)
	if err != nil {
		return err
	}
	if len(id) != len(tx.AccountID{}) {
		return fmt.Errorf("key of %d bytes", len(id))
	}
	next := &account{Account: a}
	if old := d.accounts[tx.AccountID(id)]; old != nil {
		next.verifier = old.verifier // an account's key never changes
	} else if next.verifier, err = a.PublicKey().Verifier(); err != nil {
		return err
	}
	d.accounts[tx.AccountID(id)] = next
	return nil
}

// decodeVersion reads kind ‖ 00 ‖ version and its policy.
func decodeVersion(key, value []byte) (v version, kind string, err error) {
	k, number, ok := bytes.Cut(key, []byte{0})
	p, err := row.DecodePolicy(value)
	if err == nil && (!ok || len(number) != 4) {
		err = fmt.Errorf("malformed key")
	}
	if err != nil {
		return v, "", err
	}
	v = version{number: binary.BigEndian.Uint32(number), from: p.From}
	if p.Expr != "" {
		v.expr, err = policy.Parse(p.Expr)
	}
	return v, string(k), err
}

func (d *Directory) setValidator(key, value []byte) error {
	if len(key) != len(tx.ValidatorKey{}) {
		return fmt.Errorf("key of %d bytes", len(key))
	}
	k := tx.ValidatorKey(key)
	i, found := slices.BinarySearchFunc(d.validators, k, func(v Validator, k tx.ValidatorKey) int { return bytes.Compare(v.Key[:], k[:]) })
	if value == nil {
		if found {
			d.validators = slices.Delete(d.validators, i, i+1)
		}
		return nil
	}
	v, err := row.DecodeValidator(value)
	if err != nil {
		return err
	}
	if !found {
		d.validators = slices.Insert(d.validators, i, Validator{})
	}
	d.validators[i] = Validator{k, v}
	return nil
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

// Validators lists the validators, ascending by key. The list is not to be
// changed.
func (d *Directory) Validators() []Validator { return d.validators }

// Upgrade returns the upgrade that is due, or nil.
func (d *Directory) Upgrade() *row.Upgrade { return d.upgrade }

// Roll returns how many active members have a role.
func (d *Directory) Roll(role string) int { return d.rolls[role] }

// validator returns a validator, or nil.
func (d *Directory) validator(k tx.ValidatorKey) *Validator {
	for i := range d.validators {
		if d.validators[i].Key == k {
			return &d.validators[i]
		}
	}
	return nil
}

// at returns the version in force at a height.
func at(vs []version, height int64) (version, bool) {
	for i := len(vs) - 1; i >= 0; i-- {
		if vs[i].from <= height {
			return vs[i], true
		}
	}
	return version{}, false
}

// policyAt returns the version of a kind's policy that applies to a matter
// opened at height, joined with what the stating member then asked of itself.
// Later versions begin later, so the answer never changes.
func (d *Directory) policyAt(k tx.Kind, issuer tx.MemberID, height int64) (version, error) {
	v, ok := at(d.policies[k], height)
	if !ok {
		return v, broken{fmt.Errorf("no policy for %s at height %d", k, height)}
	}
	if own, ok := at(d.overrides[override{issuer, k}], height); ok && own.expr != nil {
		v.expr = policy.And(v.expr, own.expr)
	}
	return v, nil
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
