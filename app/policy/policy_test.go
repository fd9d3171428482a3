package policy

import (
	"slices"
	"testing"

	"zhenglian/app/tx"

	"pgregory.net/rapid"
)

func vote(account byte, role string, member tx.MemberID, memberRole string) Vote {
	return Vote{Account: tx.AccountID{account}, AccountRoles: []string{role}, Member: member, MemberRoles: []string{memberRole}}
}

func TestHolds(t *testing.T) {
	o1 := vote(1, "officer", "hz", "regulator")
	o2 := vote(2, "officer", "hz", "regulator")
	s1 := vote(3, "system", "hz", "regulator")
	p1 := vote(4, "system", "taobao", "platform")
	p1b := vote(5, "officer", "taobao", "platform")
	p2 := vote(6, "system", "jd", "platform")
	ct := vote(7, "officer", "court", "court")
	cq := vote(8, "officer", "cq", "regulator")
	roll := func(role string) int { return map[string]int{"platform": 3, "regulator": 4}[role] }
	const evidence = "ALL(OF(2,officer@issuer),ANY(platform@other,partner-city@other,court@other,notary@other))"
	for _, c := range []struct {
		expr  string
		votes []Vote
		want  bool
	}{
		{evidence, []Vote{o1, o2, p1}, true},
		{evidence, []Vote{o1, o2, ct}, true},
		{evidence, []Vote{o1, o2}, false},
		{evidence, []Vote{o1, p1}, false},
		{evidence, []Vote{o1, s1, p1}, false}, // a service key is not an officer
		{evidence, []Vote{o1, o1, p1}, false}, // one account counts once
		{"OF(2,platform@any)", []Vote{p1, p1b}, false},
		{"OF(2,platform@any)", []Vote{p1, p2}, true},
		{"OF(2,platform@other,court@other)", []Vote{p1, ct}, true},
		{"OF(1,officer@issuer,officer@origin)", []Vote{o1}, true},
		{"OF(2,platform@any,officer@any)", []Vote{p1, p1b}, false}, // one organisation, whichever leaf it matches
		{"OF(2,ALL(officer@issuer),platform@any)", []Vote{o1, p1}, true},
		{"platform@other", []Vote{p1}, true},
		{"regulator@other", []Vote{o1}, false},
		{"regulator@other", []Vote{cq}, true},
		{"regulator@=cq", []Vote{cq}, true},
		{"regulator@=cq", []Vote{o1}, false},
		{"court@target", []Vote{ct}, false}, // not bound by the statement
		{"regulator@superior(issuer)", []Vote{cq}, true},
		{"MAJ(platform)", []Vote{p1}, false},
		{"MAJ(platform)", []Vote{p1, p2}, true},
		{"MAJ(platform)", []Vote{p1, p1b}, false},
		{"MAJ(court)", []Vote{ct}, false}, // no roll: nobody to be the majority of
		{"FRAC(2/3,platform)", []Vote{p1, p2}, true},
		{"FRAC(2/3,platform)", []Vote{p1}, false},
		{"FRAC(1/4,regulator)", []Vote{cq}, true},
	} {
		e := MustParse(c.expr)
		got := e.Holds(&Case{Votes: c.votes, Issuer: "hz", Origin: "hz", Superior: "cq", Roll: roll})
		if got != c.want {
			t.Errorf("%s with %d votes: got %v, want %v", c.expr, len(c.votes), got, c.want)
		}
		if e.String() != c.expr {
			t.Errorf("text form of %q is %q", c.expr, e.String())
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, s := range []string{"", "ALL()", "OF(0,officer@issuer)", "OF(01,officer@issuer)", "OF(3,ALL(officer@issuer),court@any,ANY(court@any),)",
		"OF(3,ALL(officer@issuer),court@any)", "boss@issuer", "OF(2,platform@any,officer@issuer)", "officer", "officer@", "officer@everyone", "officer@=X", "FRAC(3/2,court)", "MAJ(officer)",
		"ALL(officer@issuer", "officer@issuer)", "officer@issuer ", "ALL(ALL(ALL(ALL(ALL(ALL(ALL(ALL(ALL(ALL(court@any))))))))))"} {
		if e, err := Parse(s); err == nil {
			t.Errorf("Parse(%q) accepted as %s", s, e)
		}
	}
}

func genExpr(depth int) *rapid.Generator[*Expr] {
	return rapid.Custom(func(t *rapid.T) *Expr {
		roles := []string{"officer", "system", "regulator", "platform", "court"}
		op := rapid.SampledFrom([]string{"leaf", "ALL", "ANY", "OF", "MAJ", "FRAC"}).Draw(t, "op")
		role := rapid.SampledFrom(roles).Draw(t, "role")
		if depth == 0 || op == "leaf" {
			return &Expr{op: "leaf", role: role, bind: rapid.SampledFrom(slices.Concat(memberScopes, accountScopes)).Draw(t, "bind")}
		}
		if op == "MAJ" || op == "FRAC" {
			m := rapid.IntRange(1, 4).Draw(t, "m")
			return &Expr{op: op, role: rapid.SampledFrom(roles[2:]).Draw(t, "role"), m: m, n: rapid.IntRange(1, m).Draw(t, "n")}
		}
		args := rapid.SliceOfN(genExpr(depth-1), 1, 3).Draw(t, "args")
		if op == "OF" && slices.ContainsFunc(args, func(a *Expr) bool { return a.op == "leaf" && a.ofMembers() != args[0].ofMembers() }) {
			op = "ALL"
		}
		return &Expr{op: op, n: rapid.IntRange(1, len(args)).Draw(t, "n"), args: args}
	})
}

// More valid signatures never turn accept into reject.
func TestMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := genExpr(3).Draw(t, "expr")
		members := []tx.MemberID{"a1", "b1", "c1", "d1"}
		memberRole := []string{"regulator", "platform", "court", "platform"}
		var votes []Vote
		for i, n := 0, rapid.IntRange(0, 8).Draw(t, "votes"); i < n; i++ {
			m := rapid.IntRange(0, 3).Draw(t, "member")
			votes = append(votes, vote(byte(rapid.IntRange(0, 2).Draw(t, "account")+10*m), rapid.SampledFrom([]string{"officer", "system"}).Draw(t, "role"), members[m], memberRole[m]))
		}
		c := Case{Votes: votes, Issuer: "a1", Origin: "b1", Superior: "c1", Target: "b1", Platform: "d1", Custodian: "c1", Roll: func(string) int { return 2 }}
		held := false
		for i := 0; i <= len(votes); i++ {
			c.Votes = votes[:i]
			now := e.Holds(&c)
			if held && !now {
				t.Fatalf("%s held with %d votes and not with %d", e, i-1, i)
			}
			held = now
			if now != (len(e.Missing(&c)) == 0) {
				t.Fatalf("%s: Missing disagrees with Holds", e)
			}
		}
		p, err := Parse(e.String())
		if err != nil {
			t.Fatal(err)
		}
		if p.String() != e.String() {
			t.Fatalf("text form is not unique: %s", e)
		}
	})
}
