package explain

import (
	"slices"
	"strings"
	"testing"

	"zhenglian/app/policy"
	"zhenglian/app/tx"
)

// vote is one of "member/role,role/accountrole".
func vote(s string) policy.Vote {
	p := strings.Split(s, "/")
	v := policy.Vote{Member: tx.MemberID(p[0]), MemberRoles: strings.Split(p[1], ","), AccountRoles: []string{p[2]}}
	copy(v.Account[:], s)
	return v
}

func TestAdvances(t *testing.T) {
	const governance = "ALL(FRAC(2/3,regulator),ANY(platform@any,court@any))"
	for _, c := range []struct {
		rule  string
		votes string // separated by blanks
		vote  string
		want  bool
	}{
		{governance, "hz/regulator/admin", "cs/regulator/admin", true}, // one of two that lack: Missing stays as it is
		{governance, "hz/regulator/admin", "hz/regulator/admin2", false},
		{governance, "hz/regulator/admin", "pa/platform/admin", true},
		{governance, "hz/regulator/admin pa/platform/admin", "ct/court/admin", false},
		{governance, "hz/regulator/admin cs/regulator/admin", "qj/regulator/admin", false}, // two of three are enough
		{governance, "hz/regulator/admin", "lb/lab/admin", false},
		{"OF(2,admin@issuer)", "hz/regulator/admin", "hz/regulator/admin2", false}, // not in the role
		{"OF(2,officer@issuer)", "hz/regulator/officer", "hz/court/officer", true},
		{"OF(3,officer@issuer)", "hz/regulator/officer", "hz/court/officer", true},
		{"OF(2,officer@issuer)", "hz/regulator/officer", "cs/regulator/officer", false},
		{"ANY(OF(2,court@any),lab@any)", "", "ct/court/admin", true}, // half of an alternative
		{"ALL(court@any,court@any)", "ct/court/admin", "c2/court/admin", false},
		{"MAJ(regulator)", "hz/regulator/admin", "cs/regulator/admin", true},
		{"court@other", "", "hz/court/admin", false}, // states itself
	} {
		r, err := Parse(c.rule)
		if err != nil {
			t.Fatal(err)
		}
		cs := &policy.Case{Issuer: "hz", Origin: "hz", Roll: func(string) int { return 3 }}
		for _, v := range strings.Fields(c.votes) {
			cs.Votes = append(cs.Votes, vote(v))
		}
		if got := r.Advances(cs, vote(c.vote)); got != c.want {
			t.Errorf("%s with %q: %q advances it: %v, want %v", c.rule, c.votes, c.vote, got, c.want)
		}
	}
}

// A policy as deep as they get, joined with an override, still parses, and
// holds exactly when policy says so.
func TestJoined(t *testing.T) {
	deep := strings.Repeat("ANY(", 8) + "court@any" + strings.Repeat(")", 8)
	a, b := policy.MustParse(deep), policy.MustParse("lab@superior(issuer)")
	joined := policy.And(a, b)
	r, err := Parse(joined.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, votes := range [][]policy.Vote{nil, {vote("ct/court/admin")}, {vote("up/lab/admin")}, {vote("ct/court/admin"), vote("up/lab/admin")}} {
		c := &policy.Case{Issuer: "hz", Superior: "up", Votes: votes}
		if r.Holds(c) != joined.Holds(c) {
			t.Errorf("%d votes: %v, policy says %v", len(votes), r.Holds(c), joined.Holds(c))
		}
	}
	for _, bad := range []string{"", "ALL(", "ALL()", "ALL(x)", "OF(2)", "NO(court@any)", "ALL(court@any))"} {
		if _, err := Parse(bad); err == nil {
			t.Errorf("%q parses", bad)
		}
	}
}

func TestWords(t *testing.T) {
	r, err := Parse("ALL(FRAC(2/3,regulator),ANY(court@any,lab@=lab-1,OF(2,officer@issuer)))")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"all of:", "  at least 2/3 of the members in the role regulator", "  one of:", "    court of any member", "    lab of lab-1",
		"    2 of:", "      officer of the member that states",
	}
	if got := r.Words(false); !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	if got := strings.Join(Missing("1 more of OF(2,officer@issuer)", true), "|"); got != "以下还缺 1 个：|  陈述成员：经办人" {
		t.Errorf("got %s", got)
	}
	if got := strings.Join(Missing("court@superior(issuer)", false), "|"); got != "court of the superior of the member that states" {
		t.Errorf("got %s", got)
	}
	for _, role := range append(slices.Clone(tx.MemberRoles), tx.AccountRoles...) {
		if Role(role, true) == role {
			t.Errorf("no Chinese for %s", role)
		}
	}
}
