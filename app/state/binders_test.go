package state

import (
	"testing"

	"zhenglian/app/policy"
	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// Whom a policy can speak of, of statements that open a matter and of those that
// continue one.
func TestBinders(t *testing.T) {
	id := tx.AccountID{1}
	d := &Directory{
		members: map[tx.MemberID]*row.Member{
			"city": {Roles: []string{"regulator"}, Superior: "province"}, "province": {Roles: []string{"regulator"}},
			"shop": {Roles: []string{"platform"}}, "lab": {Roles: []string{"lab"}},
		},
		accounts: map[tx.AccountID]*account{id: {Account: row.Account{Member: "shop"}}},
	}
	c := &Ctx{Dir: d}
	ship := &place{kind: tx.TraceShip, origin: "lab", body: &tx.Ship{To: "shop"}}
	for _, tt := range []struct {
		name string
		s    tx.Statement
		p    *place
		want policy.Case
	}{
		{"evidence", tx.Statement{Kind: tx.EvidenceSeal, Member: "city", Body: &tx.Evidence{}}, nil,
			policy.Case{Issuer: "city", Origin: "city", Superior: "province"}},
		{"a challenge", tx.Statement{Kind: tx.EvidenceChallenge, Member: "shop", Body: &tx.Challenge{}}, &place{origin: "city", body: &tx.Evidence{}},
			policy.Case{Issuer: "shop", Origin: "city"}},
		{"a member changed", tx.Statement{Kind: tx.GovMember, Member: "city", Body: &tx.Membership{ID: "lab"}}, nil,
			policy.Case{Issuer: "city", Origin: "city", Superior: "province", Target: "lab"}},
		{"keys recovered", tx.Statement{Kind: tx.GovRecover, Member: "lab", Body: &tx.Recover{ID: "shop"}}, nil,
			policy.Case{Issuer: "lab", Origin: "lab", Target: "shop", Platform: "shop"}},
		{"a validator", tx.Statement{Kind: tx.GovValidator, Member: "lab", Body: &tx.ValidatorChange{Member: "city"}}, nil,
			policy.Case{Issuer: "lab", Origin: "lab", Target: "city"}},
		{"a key frozen", tx.Statement{Kind: tx.GovFreeze, Member: "lab", Body: &tx.Freeze{Account: id}}, nil,
			policy.Case{Issuer: "lab", Origin: "lab", Target: "shop", Platform: "shop"}},
		{"an unknown key", tx.Statement{Kind: tx.GovFreeze, Member: "lab", Body: &tx.Freeze{Account: tx.AccountID{2}}}, nil,
			policy.Case{Issuer: "lab", Origin: "lab"}},
		{"goods offered", tx.Statement{Kind: tx.TraceShip, Member: "lab", Body: ship.body}, nil,
			policy.Case{Issuer: "lab", Origin: "lab", Target: "shop", Platform: "shop", Custodian: "lab"}},
		{"goods received", tx.Statement{Kind: tx.TraceReceive, Member: "shop"}, ship,
			policy.Case{Issuer: "shop", Origin: "lab", Target: "shop", Platform: "shop", Custodian: "lab"}},
	} {
		got := *c.caseOf(&tt.s, tt.p)
		got.Roll = nil
		if got.Issuer != tt.want.Issuer || got.Origin != tt.want.Origin || got.Superior != tt.want.Superior ||
			got.Target != tt.want.Target || got.Platform != tt.want.Platform || got.Custodian != tt.want.Custodian {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}
