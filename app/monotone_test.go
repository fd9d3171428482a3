package app_test

import (
	"testing"

	"pgregory.net/rapid"

	"zhenglian/app/apptest"
	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/tx"
	"zhenglian/genesis"
)

// More valid signatures never turn what takes effect into what waits or is
// refused: of evidence and of governance, whoever states it, under any policy, with
// an override or without. At most one account of each other member signs: a second
// one is refused by its form (SAME_MEMBER).
func TestMoreSignatures(t *testing.T) {
	signers := map[tx.MemberID][]string{"hangzhou-amr": {"officer1", "officer2", "admin1", "admin2"}, "xianyang-amr": {"city", "city-admin1"},
		"changsha-amr": {"changsha", "changsha-admin1"}, "platform-a": {"platform", "platform-admin1"}, "internet-court": {"court", "court-admin1"}, "notary-office": {"notary-admin1"}}
	exprs := []string{genesis.EvidencePolicy, genesis.GovernancePolicy, "OF(3,officer@any,admin@any)", "ALL(OF(2,officer@issuer),MAJ(regulator))",
		"ANY(platform@other,OF(2,admin@issuer))", "OF(2,regulator@other,court@other)", "FRAC(1/2,regulator)"}
	rapid.Check(t, func(rt *rapid.T) {
		c := apptest.New(rapidTB{t, rt}, func(g *genesis.State) {
			for i := range g.Policies {
				if k := g.Policies[i].Kind; k == tx.EvidenceSeal || k == tx.GovParams {
					g.Policies[i].Expr = rapid.SampledFrom(exprs).Draw(rt, "policy")
				}
			}
		})
		c.Block()
		if rapid.Bool().Draw(rt, "override") {
			c.Deliver(c.Own(tx.GovOverride, &tx.PolicyChange{Expr: rapid.SampledFrom(exprs).Draw(rt, "asks"), From: c.Height + 2, Kind: tx.EvidenceSeal}))
			c.Block()
		}
		governs := rapid.Bool().Draw(rt, "governance")
		var names []string
		for _, m := range []tx.MemberID{"hangzhou-amr", "xianyang-amr", "changsha-amr", "platform-a", "internet-court", "notary-office"} {
			of := signers[m]
			if governs {
				of = of[len(of)/2:]
			}
			if m == "hangzhou-amr" {
				names = append(names, of...)
			} else {
				names = append(names, rapid.SampledFrom(of).Draw(rt, string(m)))
			}
		}
		names = rapid.Permutation(names).Draw(rt, "order")
		effective := false
		for n := 1; n <= len(names); n++ {
			s := c.Statement("hangzhou-amr", tx.EvidenceSeal, tx.ID{}, c.Evidence(n))
			if governs {
				s = c.Statement("hangzhou-amr", tx.GovParams, tx.ID{}, &tx.Params{AnchorBlocks: int64(1000 + n), ExpiresBlocks: 200_000, FutureMillis: 120_000, PendingBlocks: 1000})
			}
			e := c.Sign(s, names[:n]...)
			code := c.Deliver(e)
			now := false
			if code == tx.CodeOK {
				st, err := state.Stand(c.App.Store().View(), c.App.Directory(), e.ID())
				if err != nil {
					rt.Fatal(err)
				}
				now = st.Outcome == row.Effective
			}
			if effective && !now {
				rt.Fatalf("%v takes effect, with %s it does not: %v", names[:n-1], names[n-1], code)
			}
			effective = now
		}
	})
}
