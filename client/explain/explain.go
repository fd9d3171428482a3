// Package explain takes a co-signing rule apart: what it asks, in words, and
// whether one more signature would bring it nearer.
//
// Whether a rule holds is decided by package policy alone. What is added here
// serves people who look at a statement that waits; nothing rests on it.
package explain

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"zhenglian/app/policy"
)

// A Rule is an expression of the policy language, taken apart.
type Rule struct {
	op          string // "leaf", "ALL", "ANY", "OF", "MAJ", "FRAC"
	count       string // of OF and FRAC, as written
	role, scope string // of a leaf; MAJ and FRAC have a role
	args        []*Rule
	expr        *policy.Expr // nil for ALL, which holds when its operands do
}

// Parse reads an expression. It reads the join of a policy with an override
// too, which may be longer and one level deeper than policy.Parse allows.
func Parse(text string) (*Rule, error) {
	op, inside := "leaf", ""
	if i := strings.IndexByte(text, '('); i > 0 && strings.HasSuffix(text, ")") && !strings.Contains(text[:i], "@") {
		op, inside = text[:i], text[i+1:len(text)-1]
	}
	r := &Rule{op: op}
	if op != "ALL" {
		var err error
		if r.expr, err = policy.Parse(text); err != nil {
			return nil, err
		}
	}
	switch op {
	case "leaf":
		r.role, r.scope, _ = strings.Cut(text, "@")
		return r, nil
	case "MAJ":
		r.role = inside
		return r, nil
	case "FRAC":
		r.count, r.role, _ = strings.Cut(inside, ",")
		return r, nil
	}
	operands := split(inside)
	if op == "OF" {
		r.count, operands = operands[0], operands[1:]
	}
	for _, o := range operands {
		a, err := Parse(o)
		if err != nil {
			return nil, err
		}
		if op == "ALL" && a.op == "ALL" { // all of all of them is all of them
			r.args = append(r.args, a.args...)
		} else {
			r.args = append(r.args, a)
		}
	}
	return r, nil
}

// split cuts at the commas that stand in no brackets.
func split(s string) (parts []string) {
	depth, from := 0, 0
	for i := range len(s) {
		switch s[i] {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				parts = append(parts, s[from:i])
				from = i + 1
			}
		}
	}
	return append(parts, s[from:])
}

// Holds reports whether the signatures of c satisfy the rule.
func (r *Rule) Holds(c *policy.Case) bool {
	if r.op == "ALL" {
		return !slices.ContainsFunc(r.args, func(a *Rule) bool { return !a.Holds(c) })
	}
	return r.expr.Holds(c)
}

// Advances reports whether the vote v, which is not among those of c, would
// count for a part of the rule that does not hold yet. One vote need not be
// enough to change what is missing: of a third of fifty members it is one.
func (r *Rule) Advances(c *policy.Case, v policy.Vote) bool {
	if r.Holds(c) {
		return false
	}
	switch {
	case r.op == "MAJ" || r.op == "FRAC":
		voted := slices.ContainsFunc(c.Votes, func(w policy.Vote) bool { return w.Member == v.Member })
		return !voted && slices.Contains(v.MemberRoles, r.role)
	case r.op == "leaf" || r.op == "OF" && r.overLeaves():
		with := *c
		with.Votes = append(slices.Clip(c.Votes), v)
		return !slices.Equal(r.expr.Missing(c), r.expr.Missing(&with))
	}
	return slices.ContainsFunc(r.args, func(a *Rule) bool { return a.Advances(c, v) })
}

func (r *Rule) overLeaves() bool {
	return !slices.ContainsFunc(r.args, func(a *Rule) bool { return a.op != "leaf" })
}

// Words says what the rule asks, one part a line, operands indented below what
// they belong to. In Chinese when zh is set, else in English.
func (r *Rule) Words(zh bool) []string {
	line := r.head(zh)
	out := []string{line}
	for _, a := range r.args {
		for _, l := range a.Words(zh) {
			out = append(out, "  "+l)
		}
	}
	return out
}

func (r *Rule) head(zh bool) string {
	pick := func(en, chinese string) string {
		if zh {
			return chinese
		}
		return en
	}
	role := Role(r.role, zh)
	switch r.op {
	case "ALL":
		return pick("all of:", "以下各项均须满足：")
	case "ANY":
		return pick("one of:", "以下任一项：")
	case "OF":
		return fmt.Sprintf(pick("%s of:", "以下合计至少 %s 个："), r.count)
	case "MAJ":
		return fmt.Sprintf(pick("more than half of the members in the role %s", "过半数%s成员"), role)
	case "FRAC":
		return fmt.Sprintf(pick("at least %s of the members in the role %s", "至少 %s 的%s成员"), r.count, role)
	}
	switch r.scope {
	case "any":
		return fmt.Sprintf(pick("%s of any member", "任一成员：%s"), role)
	case "other":
		return fmt.Sprintf(pick("%s of another member than the one that states", "陈述成员以外的成员：%s"), role)
	case "issuer":
		return fmt.Sprintf(pick("%s of the member that states", "陈述成员：%s"), role)
	case "origin":
		return fmt.Sprintf(pick("%s of the member that opened the matter", "事项发起成员：%s"), role)
	case "superior(issuer)":
		return fmt.Sprintf(pick("%s of the superior of the member that states", "陈述成员的上级：%s"), role)
	}
	return fmt.Sprintf(pick("%s of %s", "%[2]s：%[1]s"), role, strings.TrimPrefix(r.scope, "="))
}

// Missing puts into words what [policy.Expr.Missing] says.
func Missing(text string, zh bool) []string {
	head, rest, more := strings.Cut(text, " more of ")
	if _, err := strconv.Atoi(head); !more || err != nil {
		rest, more = text, false
	}
	r, err := Parse(rest)
	if err != nil {
		return []string{text}
	}
	words := r.Words(zh)
	if more && zh {
		words[0] = "以下还缺 " + head + " 个："
	} else if more {
		words[0] = head + " more of:"
	}
	return words
}

// roles are the roles in words, in Chinese.
var roles = map[string]string{
	"regulator": "监管部门", "platform": "平台", "partner-city": "协作城市", "court": "法院", "notary": "公证机构", "lab": "检测机构",
	"mediator": "调解组织", "department": "联席会议成员单位", "producer": "生产者", "auditor": "审计机构",
	"officer": "经办人", "admin": "管理员", "system": "系统账户",
}

// Role is the name of a role of members or of accounts.
func Role(role string, zh bool) string {
	if name, ok := roles[role]; ok && zh {
		return name
	}
	return role
}
