// Package genesis describes how a network begins: its members, their accounts,
// the co-signing policies and the parameters that every node must agree on.
//
// The State here is the app_state of the CometBFT genesis file. Every member
// checks the same bytes before it starts its validator; genesis/README.md
// walks through founding and joining.
package genesis

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"zhenglian/app/policy"
	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// A State is the application's part of a genesis file.
type State struct {
	Params   Params    `json:"params"`
	Members  []Member  `json:"members"`  // ascending by id
	Accounts []Account `json:"accounts"` // ascending by id
	Policies []Policy  `json:"policies"` // ascending by kind

	RuleSets  []RuleSet  `json:"rulesets,omitempty"`  // numbered from 1 in this order
	Calendars []Calendar `json:"calendars,omitempty"` // ascending by year

	// Validators say whose the validators of the genesis file are, ascending by
	// key. One that is not here is nobody's until gov.validator says whose.
	Validators []Validator `json:"validators,omitempty"`
}

// Params are the numbers of row.Params. The chain id comes from the genesis
// file itself.
type Params struct {
	AnchorBlocks  int64 `json:"anchor_blocks"`
	ExpiresBlocks int64 `json:"expires_blocks"`
	FutureMillis  int64 `json:"future_millis"`
	PendingBlocks int64 `json:"pending_blocks"`
}

// DefaultParams suit a consortium whose idle heartbeat is 30 s and that seals a
// page every few seconds: the claimed time of a statement may lie a heartbeat
// plus clock skew ahead of the last block's time, and a statement waits about a
// week for signatures when there is a block every three seconds. A chain that
// is always busy needs more: see gov.params.
func DefaultParams() Params {
	return Params{AnchorBlocks: 200_000, ExpiresBlocks: 200_000, FutureMillis: 120_000, PendingBlocks: 200_000}
}

// A Member is an organisation.
type Member struct {
	ID       tx.MemberID `json:"id"`
	NameZH   string      `json:"name_zh"`
	NameEN   string      `json:"name_en"`
	Roles    []string    `json:"roles"` // ascending; see row.MemberRoles
	Division string      `json:"division,omitempty"`
	Superior tx.MemberID `json:"superior,omitempty"`

	DivisionRev string `json:"division_rev,omitempty"` // date of the edition of GB/T 2260
	USCC        string `json:"uscc,omitempty"`         // unified social credit code
}

// An Account is a key that acts for a member from the first block on.
type Account struct {
	ID     tx.AccountID `json:"id"`
	Member tx.MemberID  `json:"member"`
	Roles  []string     `json:"roles"` // ascending; see row.AccountRoles
	Type   tx.KeyType   `json:"type"`
	Key    string       `json:"key"` // lower-case hex
}

// A Validator is a validator of the genesis file with the member who runs it.
type Validator struct {
	Key    tx.ValidatorKey `json:"key"`
	Member tx.MemberID     `json:"member"`
}

// A Policy is the rule of one kind of statement.
type Policy struct {
	Kind tx.Kind `json:"kind"`
	Expr string  `json:"expr"` // see package policy
}

// EvidencePolicy is the default rule for evidence: two different officers of
// the stating member and one other member that is a platform, a partner city,
// a court or a notary. A platform under investigation is never required: any
// of the others will do.
const EvidencePolicy = "ALL(OF(2,officer@issuer),ANY(platform@other,partner-city@other,court@other,notary@other))"

// GovernancePolicy is the default rule for what concerns the consortium: two
// thirds of the regulators, each of which is that of another city, and one
// member of another kind. Only admins sign governance.
const GovernancePolicy = "ALL(FRAC(2/3,regulator),ANY(platform@any,court@any,notary@any,lab@any,department@any))"

// OwnPolicy is the default rule for what concerns a member alone.
const OwnPolicy = "OF(2,admin@issuer)"

// HolderPolicy is the default rule for what a member does with goods that it
// holds: one signature of its own, a person's or a system's.
const HolderPolicy = "ANY(officer@issuer,system@issuer)"

// HarvestPolicy is the default rule for a declared harvest, which bounds what
// is sold under its origin: the declaring member and a regulator, who may be one.
const HarvestPolicy = "ALL(officer@issuer,regulator@any)"

// RecallPolicy is the default rule for lifting a recall: an officer of the
// stating member, and a regulator, who may be one.
const RecallPolicy = "ALL(officer@issuer,regulator@any)"

// ReportPolicy is the default rule for a test report: an officer of the
// laboratory, and one of the regulator who ordered the test.
const ReportPolicy = "ALL(officer@issuer,lab@issuer,officer@origin)"

// RevokePolicy is the default rule for revoking a result.
const RevokePolicy = "ANY(OF(2,officer@issuer),court@issuer)"

// EpochPolicy is the rule for the secret keys of lists: two administrators of the
// regulator, and one of another member, who has seen the ceremony or opened a
// copy of its own.
const EpochPolicy = "ALL(OF(2,admin@issuer),regulator@issuer,ANY(regulator@other,platform@other,court@other,notary@other,lab@other,department@other))"

// DefaultPolicies are the rules of a new network.
func DefaultPolicies() []Policy {
	return []Policy{
		{tx.ClockExtend, "ALL(OF(2,officer@issuer),admin@issuer)"},
		{tx.ClockPause, "OF(2,officer@issuer)"},
		{tx.ClockResume, "officer@issuer"},
		{tx.DelistAck, HolderPolicy},
		{tx.DelistDone, HolderPolicy},
		{tx.DelistOrder, "OF(2,officer@issuer)"},
		{tx.DelistReturn, "officer@issuer"},
		{tx.DelistVerify, "officer@issuer"},
		{tx.DelistWithdraw, "OF(2,officer@issuer)"},
		{tx.EndorseKind, "ANY(officer@issuer,admin@issuer,system@issuer)"},
		{tx.EvidenceBatch, EvidencePolicy},
		{tx.EvidenceChallenge, "officer@issuer"},
		{tx.EvidenceErase, "ALL(OF(2,officer@issuer),ANY(court@other,notary@other,officer@superior(issuer)))"},
		{tx.EvidenceReject, "ALL(officer@issuer,court@issuer)"},
		{tx.EvidenceSeal, EvidencePolicy},
		{tx.EvidenceSupersede, "OF(2,officer@issuer)"},
		{tx.EvidenceUphold, "ALL(officer@issuer,court@issuer)"},
		{tx.EvidenceWithdraw, "OF(2,officer@issuer)"},
		{tx.GovAccount, OwnPolicy},
		{tx.GovCalendar, GovernancePolicy},
		{tx.GovEpoch, EpochPolicy},
		{tx.GovFreeze, GovernancePolicy},
		{tx.GovList, GovernancePolicy},
		{tx.GovMember, GovernancePolicy},
		{tx.GovOverride, OwnPolicy},
		{tx.GovParams, GovernancePolicy},
		{tx.GovPolicy, GovernancePolicy},
		{tx.GovReady, "admin@issuer"},
		{tx.GovRecover, GovernancePolicy},
		{tx.GovRotate, OwnPolicy},
		{tx.GovRouting, GovernancePolicy},
		{tx.GovRuleset, GovernancePolicy},
		{tx.GovThaw, GovernancePolicy},
		{tx.GovUpgrade, GovernancePolicy},
		{tx.GovValidator, GovernancePolicy},
		{tx.GovWithdraw, "admin@issuer"},
		{tx.InspectAccept, "officer@issuer"},
		{tx.InspectAssign, "officer@issuer"},
		{tx.InspectClose, "officer@issuer"},
		{tx.InspectConfirm, "OF(2,officer@issuer)"},
		{tx.InspectFail, ReportPolicy},
		{tx.InspectNotify, "officer@issuer"},
		{tx.InspectOverturn, ReportPolicy},
		{tx.InspectPass, ReportPolicy},
		{tx.InspectRefuse, "OF(2,officer@issuer)"},
		{tx.InspectRetest, "officer@issuer"},
		{tx.InspectRevoke, RevokePolicy},
		{tx.InspectSample, "OF(2,officer@issuer)"},
		{tx.InspectTask, "officer@issuer"},
		{tx.InspectUphold, ReportPolicy},
		{tx.InspectWithdraw, "officer@issuer"},
		{tx.ListAccept, "officer@issuer"},
		{tx.ListAck, "ANY(officer@issuer,system@issuer)"},
		{tx.ListAgree, "ALL(OF(2,officer@issuer),partner-city@other)"},
		{tx.ListConsent, "officer@issuer"},
		{tx.ListConsumer, "OF(2,officer@issuer)"},
		{tx.ListDecide, "OF(2,officer@issuer)"},
		{tx.ListDefend, "officer@issuer"},
		{tx.ListDeny, "OF(2,officer@issuer)"},
		{tx.ListDrop, "officer@issuer"},
		{tx.ListGrant, "OF(2,officer@issuer)"},
		{tx.ListHear, "OF(2,officer@issuer)"},
		{tx.ListHearing, "officer@issuer"},
		{tx.ListPropose, "officer@issuer"},
		{tx.ListPublish, "OF(2,officer@issuer)"},
		{tx.ListReinstate, "OF(2,officer@issuer)"},
		{tx.ListRepair, "officer@issuer"},
		{tx.ListResolve, "ALL(officer@issuer,regulator@any,FRAC(1/2,department))"},
		{tx.ListResume, "ANY(OF(2,officer@issuer),court@issuer)"},
		{tx.ListRetag, "OF(2,officer@issuer)"},
		{tx.ListReview, "officer@issuer"},
		{tx.ListRevoke, "ANY(OF(2,officer@issuer),court@issuer)"},
		{tx.ListServe, "OF(2,officer@issuer)"},
		{tx.ListStay, "ANY(OF(2,officer@issuer),court@issuer)"},
		{tx.ListWaive, "officer@issuer"},
		{tx.RoutingContest, "officer@issuer"},
		{tx.RoutingKeep, "ALL(OF(2,officer@issuer),ANY(regulator@other,mediator@other,court@other))"},
		{tx.RoutingRead, "ANY(officer@issuer,system@issuer)"},
		{tx.RoutingRemove, "ANY(officer@issuer,court@issuer)"},
		{tx.RoutingTag, "ALL(OF(2,officer@issuer),regulator@other)"},
		{tx.TraceAck, HolderPolicy},
		{tx.TraceAggregate, HolderPolicy},
		{tx.TraceCancel, HolderPolicy},
		{tx.TraceClose, RecallPolicy},
		{tx.TraceDestroy, HolderPolicy},
		{tx.TraceDisaggregate, HolderPolicy},
		{tx.TraceDispose, HolderPolicy},
		{tx.TraceDispute, HolderPolicy},
		{tx.TraceEvents, HolderPolicy},
		{tx.TraceHarvest, HarvestPolicy},
		{tx.TraceProduct, "officer@issuer"},
		{tx.TraceRecall, "officer@issuer"},
		{tx.TraceReceive, HolderPolicy},
		{tx.TraceRegister, HolderPolicy},
		{tx.TraceRelease, RecallPolicy},
		{tx.TraceSell, HolderPolicy},
		{tx.TraceShip, HolderPolicy},
		{tx.TraceTake, HolderPolicy},
		{tx.TraceTransform, HolderPolicy},
		{tx.TraceWithdraw, HolderPolicy},
	}
}

// NewAccount returns the genesis account of a public key.
func NewAccount(member tx.MemberID, key tx.PublicKey, roles ...string) Account {
	slices.Sort(roles)
	return Account{ID: key.Account(), Member: member, Roles: roles, Type: key.Type, Key: hex.EncodeToString(key.Bytes)}
}

// Sort puts members, accounts and policies in the order that Validate wants.
func (s *State) Sort() {
	slices.SortFunc(s.Members, func(a, b Member) int { return strings.Compare(string(a.ID), string(b.ID)) })
	slices.SortFunc(s.Accounts, func(a, b Account) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	slices.SortFunc(s.Validators, func(a, b Validator) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	slices.SortFunc(s.Policies, func(a, b Policy) int { return strings.Compare(string(a.Kind), string(b.Kind)) })
}

// Parse reads app_state strictly and validates it.
func Parse(b []byte) (*State, error) {
	if err := noDuplicates(json.NewDecoder(bytes.NewReader(b))); err != nil {
		return nil, fmt.Errorf("genesis app_state: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	s := new(State)
	if err := d.Decode(s); err != nil {
		return nil, fmt.Errorf("genesis app_state: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("genesis app_state: data after the object")
	}
	return s, s.Validate()
}

// noDuplicates reads one JSON value and refuses an object that states a member
// twice, of which encoding/json would silently take the last.
func noDuplicates(d *json.Decoder) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	open, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	seen := make(map[string]bool)
	for d.More() {
		if open == '{' {
			name, err := d.Token()
			if err != nil {
				return err
			}
			if n, _ := name.(string); seen[n] {
				return fmt.Errorf("member %q twice", n)
			} else {
				seen[n] = true
			}
		}
		if err := noDuplicates(d); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// Rows returns the rows of the state tree that s stands for, in the order in
// which they are written. Validate has passed.
func (s *State) Rows(chain string) (keys, values [][]byte, err error) {
	put := func(k, v []byte) { keys = append(keys, k); values = append(values, v) }
	p := row.Params{Chain: chain, AnchorBlocks: s.Params.AnchorBlocks, ExpiresBlocks: s.Params.ExpiresBlocks,
		FutureMillis: s.Params.FutureMillis, PendingBlocks: s.Params.PendingBlocks, Protocol: 1}
	put(row.ParamsKey(), p.Encode())
	for _, m := range s.Members {
		put(row.MemberKey(m.ID), row.Member{Division: m.Division, DivisionRev: m.DivisionRev, NameEN: m.NameEN, NameZH: m.NameZH, Roles: m.Roles,
			Superior: m.Superior, USCC: m.USCC}.Encode())
	}
	for _, a := range s.Accounts {
		r, err := a.row()
		if err != nil {
			return nil, nil, err
		}
		put(row.AccountKey(a.ID), r.Encode())
	}
	for _, p := range s.Policies {
		put(row.PolicyKey(p.Kind, 1), row.Policy{Expr: p.Expr}.Encode())
	}
	for _, role := range row.MemberRoles {
		n := int64(0)
		for _, m := range s.Members {
			if slices.Contains(m.Roles, role) {
				n++
			}
		}
		put(row.RollKey(role), row.Roll{Members: n}.Encode())
	}
	for i := range s.RuleSets {
		put(row.RuleSetKey(uint32(i)+1), s.RuleSets[i].row().Encode())
	}
	for i := range s.Calendars {
		put(row.CalendarKey(s.Calendars[i].Year), s.Calendars[i].row().Encode())
	}
	for _, l := range tx.Lists() {
		put(row.ListRuleKey(l, 1), DefaultListRule(l).Encode())
	}
	return keys, values, nil
}

// Owner returns the member who runs a validator, "" if the state does not say.
func (s *State) Owner(k tx.ValidatorKey) tx.MemberID {
	for _, v := range s.Validators {
		if v.Key == k {
			return v.Member
		}
	}
	return ""
}

func (a *Account) row() (row.Account, error) {
	key, err := hex.DecodeString(a.Key)
	if err != nil || hex.EncodeToString(key) != a.Key {
		return row.Account{}, fmt.Errorf("account %s: key is not lower-case hex", a.ID)
	}
	return row.Account{Key: key, Member: a.Member, Roles: a.Roles, Type: a.Type, ValidFrom: 1}, nil
}

// Validate checks everything that a chain could not live with.
func (s *State) Validate() error {
	p := s.Params
	for _, n := range []struct {
		name     string
		v        int64
		min, max int64
	}{
		{"anchor_blocks", p.AnchorBlocks, 1, tx.MaxBlocks},
		{"expires_blocks", p.ExpiresBlocks, 1, tx.MaxBlocks},
		{"future_millis", p.FutureMillis, tx.MinFuture, tx.MaxFuture},
		{"pending_blocks", p.PendingBlocks, 1, tx.MaxBlocks},
	} {
		if n.v < n.min || n.v > n.max {
			return fmt.Errorf("params: %s is %d; want %d to %d", n.name, n.v, n.min, n.max)
		}
	}
	members := make(map[tx.MemberID]bool, len(s.Members))
	cities := make(map[string]tx.MemberID)
	for i, m := range s.Members {
		switch {
		case !m.ID.Valid():
			return fmt.Errorf("member %q: not a member id", m.ID)
		case i > 0 && s.Members[i-1].ID >= m.ID:
			return fmt.Errorf("member %q: out of order, or twice", m.ID)
		case m.NameZH == "" || m.NameEN == "" || len(m.NameZH) > tx.MaxName || len(m.NameEN) > tx.MaxName:
			return fmt.Errorf("member %q: want a Chinese and an English name of at most %d bytes", m.ID, tx.MaxName)
		case m.Division != "" && !tx.ValidDivision(m.Division):
			return fmt.Errorf("member %q: %q is no division code of GB/T 2260", m.ID, m.Division)
		case m.DivisionRev != "" && (m.Division == "" || !tx.ValidDate(m.DivisionRev)):
			return fmt.Errorf("member %q: want the date of the division code's edition", m.ID)
		case m.USCC != "" && !tx.ValidUSCC(m.USCC):
			return fmt.Errorf("member %q: %q is no unified social credit code", m.ID, m.USCC)
		}
		if slices.Contains(m.Roles, "regulator") {
			if other, taken := cities[m.Division]; taken || m.Division == "" {
				return fmt.Errorf("member %q: a regulator is that of a division of its own (%q, %s)", m.ID, m.Division, other)
			}
			cities[m.Division] = m.ID
		}
		if err := checkRoles(m.Roles, row.MemberRoles); err != nil {
			return fmt.Errorf("member %q: %w", m.ID, err)
		}
		members[m.ID] = true
	}
	for _, m := range s.Members {
		if m.Superior != "" && (!members[m.Superior] || m.Superior == m.ID) {
			return fmt.Errorf("member %q: superior %q is no other member", m.ID, m.Superior)
		}
	}
	for i, a := range s.Accounts {
		if i > 0 && bytes.Compare(s.Accounts[i-1].ID[:], a.ID[:]) >= 0 {
			return fmt.Errorf("account %s: out of order, or twice", a.ID)
		}
		if !members[a.Member] {
			return fmt.Errorf("account %s: no member %q", a.ID, a.Member)
		}
		if err := checkRoles(a.Roles, row.AccountRoles); err != nil {
			return fmt.Errorf("account %s: %w", a.ID, err)
		}
		r, err := a.row()
		if err != nil {
			return err
		}
		if _, err := r.PublicKey().Verifier(); err != nil {
			return fmt.Errorf("account %s: %w", a.ID, err)
		}
		if r.PublicKey().Account() != a.ID {
			return fmt.Errorf("account %s: its key makes %s", a.ID, r.PublicKey().Account())
		}
	}
	for i, v := range s.Validators {
		if i > 0 && bytes.Compare(s.Validators[i-1].Key[:], v.Key[:]) >= 0 {
			return fmt.Errorf("validator %s: out of order, or twice", v.Key)
		}
		if !members[v.Member] {
			return fmt.Errorf("validator %s: no member %q", v.Key, v.Member)
		}
	}
	seen := make(map[tx.Kind]bool, len(s.Policies))
	for i, p := range s.Policies {
		if i > 0 && s.Policies[i-1].Kind >= p.Kind {
			return fmt.Errorf("policy of %s: out of order, or twice", p.Kind)
		}
		if _, err := policy.Parse(p.Expr); err != nil {
			return fmt.Errorf("policy of %s: %w", p.Kind, err)
		}
		seen[p.Kind] = true
	}
	for _, k := range tx.Kinds() {
		if !seen[k] {
			return fmt.Errorf("no policy for %s", k)
		}
	}
	if len(seen) != len(tx.Kinds()) {
		return fmt.Errorf("a policy for an unknown kind")
	}
	return s.validateClocks()
}

func checkRoles(roles, table []string) error {
	if len(roles) == 0 {
		return fmt.Errorf("no role")
	}
	for i, r := range roles {
		if !slices.Contains(table, r) {
			return fmt.Errorf("unknown role %q", r)
		}
		if i > 0 && roles[i-1] >= r {
			return fmt.Errorf("role %q: out of order, or twice", r)
		}
	}
	return nil
}
