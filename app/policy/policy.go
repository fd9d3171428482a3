package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// A Vote is one valid signature, with what the ledger says of who made it.
type Vote struct {
	Account      tx.AccountID
	AccountRoles []string
	Member       tx.MemberID
	MemberRoles  []string
}

// A Case is what an expression is evaluated on. Binders that the statement
// does not bind are empty and match nobody.
type Case struct {
	Votes     []Vote
	Issuer    tx.MemberID           // who states
	Origin    tx.MemberID           // who opened the matter
	Target    tx.MemberID           // to whom it is directed
	Custodian tx.MemberID           // who holds the goods
	Superior  tx.MemberID           // the issuer's superior
	Platform  tx.MemberID           // the platform of the subject
	Roll      func(role string) int // number of members in a role, for MAJ and FRAC
}

// An Expr is a parsed expression.
type Expr struct {
	op   string // "leaf", "ALL", "ANY", "OF", "MAJ", "FRAC"
	n, m int
	role string
	bind string // scope of a leaf
	args []*Expr
}

// Limits of an expression.
const (
	maxText  = 4096
	maxDepth = 8
	maxArgs  = 16
)

var memberScopes = []string{"any", "other"}
var accountScopes = []string{"issuer", "origin", "target", "custodian", "superior(issuer)", "platform(subject)"}

// Parse reads an expression. The text form is unique: Parse(s).String() == s.
func Parse(s string) (*Expr, error) {
	if len(s) > maxText {
		return nil, fmt.Errorf("policy of %d bytes; the limit is %d", len(s), maxText)
	}
	p := parser{rest: s}
	e, err := p.expr(0)
	if err == nil && p.rest != "" {
		err = fmt.Errorf("unexpected %q", p.rest)
	}
	if err != nil {
		return nil, fmt.Errorf("policy %q: %w", s, err)
	}
	return e, nil
}

// And returns the expression that holds when both hold.
func And(a, b *Expr) *Expr { return &Expr{op: "ALL", args: []*Expr{a, b}} }

// MustParse is Parse for expressions of the source code.
func MustParse(s string) *Expr {
	e, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return e
}

type parser struct{ rest string }

func (p *parser) eat(s string) bool {
	if strings.HasPrefix(p.rest, s) {
		p.rest = p.rest[len(s):]
		return true
	}
	return false
}

func (p *parser) word(ok func(c byte) bool) string {
	i := 0
	for i < len(p.rest) && ok(p.rest[i]) {
		i++
	}
	w := p.rest[:i]
	p.rest = p.rest[i:]
	return w
}

func (p *parser) number() (int, error) {
	w := p.word(func(c byte) bool { return c >= '0' && c <= '9' })
	n, err := strconv.Atoi(w)
	if err != nil || n < 1 || n > 1000 || w[0] == '0' {
		return 0, fmt.Errorf("want a number from 1 to 1000, got %q", w)
	}
	return n, nil
}

func (p *parser) name() string {
	return p.word(func(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' })
}

func (p *parser) roleName() (string, error) {
	r := p.name()
	if !slices.Contains(row.MemberRoles, r) && !slices.Contains(row.AccountRoles, r) {
		return "", fmt.Errorf("unknown role %q", r)
	}
	return r, nil
}

func (p *parser) expr(depth int) (*Expr, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested more than %d deep", maxDepth)
	}
	for _, op := range []string{"ALL", "ANY", "OF", "MAJ", "FRAC"} {
		if !p.eat(op + "(") {
			continue
		}
		e := &Expr{op: op}
		var err error
		switch op {
		case "MAJ", "FRAC":
			if op == "FRAC" {
				if e.n, err = p.number(); err != nil {
					return nil, err
				}
				if !p.eat("/") {
					return nil, fmt.Errorf("want n/m at %q", p.rest)
				}
				if e.m, err = p.number(); err != nil {
					return nil, err
				}
				if e.n > e.m {
					return nil, fmt.Errorf("%d/%d is more than all", e.n, e.m)
				}
				if !p.eat(",") {
					return nil, fmt.Errorf("want a role at %q", p.rest)
				}
			}
			if e.role, err = p.roleName(); err != nil {
				return nil, err
			}
			if !slices.Contains(row.MemberRoles, e.role) {
				return nil, fmt.Errorf("%s counts members; %q is a role of accounts", op, e.role)
			}
		default:
			if op == "OF" {
				if e.n, err = p.number(); err != nil {
					return nil, err
				}
				if !p.eat(",") {
					return nil, fmt.Errorf("want a comma at %q", p.rest)
				}
			}
			for {
				a, err := p.expr(depth + 1)
				if err != nil {
					return nil, err
				}
				if e.args = append(e.args, a); len(e.args) > maxArgs {
					return nil, fmt.Errorf("more than %d operands", maxArgs)
				}
				if !p.eat(",") {
					break
				}
			}
			if e.overLeaves() && slices.ContainsFunc(e.args, func(a *Expr) bool { return a.ofMembers() != e.args[0].ofMembers() }) && op == "OF" {
				return nil, fmt.Errorf("OF counts members or accounts, not both")
			}
			if op == "OF" && !e.overLeaves() && e.n > len(e.args) {
				return nil, fmt.Errorf("OF(%d) of %d operands can never hold", e.n, len(e.args))
			}
		}
		if !p.eat(")") {
			return nil, fmt.Errorf("want ) at %q", p.rest)
		}
		return e, nil
	}
	return p.leaf()
}

func (p *parser) leaf() (*Expr, error) {
	role, err := p.roleName()
	if err != nil {
		return nil, err
	}
	if !p.eat("@") {
		return nil, fmt.Errorf("want @scope after %q", role)
	}
	if p.eat("=") {
		m := tx.MemberID(p.name())
		if !m.Valid() {
			return nil, fmt.Errorf("%q is no member id", m)
		}
		return &Expr{op: "leaf", role: role, bind: "=" + string(m)}, nil
	}
	for _, s := range slices.Concat(memberScopes, accountScopes) {
		if p.eat(s) {
			return &Expr{op: "leaf", role: role, bind: s}, nil
		}
	}
	return nil, fmt.Errorf("unknown scope at %q", p.rest)
}

func (e *Expr) overLeaves() bool {
	return !slices.ContainsFunc(e.args, func(a *Expr) bool { return a.op != "leaf" })
}

// Speaks reports whether a leaf of e has the scope.
func (e *Expr) Speaks(scope string) bool {
	return e.bind == scope || slices.ContainsFunc(e.args, func(a *Expr) bool { return a.Speaks(scope) })
}

// String returns the text of the expression.
func (e *Expr) String() string {
	switch e.op {
	case "leaf":
		return e.role + "@" + e.bind
	case "MAJ":
		return "MAJ(" + e.role + ")"
	case "FRAC":
		return fmt.Sprintf("FRAC(%d/%d,%s)", e.n, e.m, e.role)
	}
	var parts []string
	if e.op == "OF" {
		parts = append(parts, strconv.Itoa(e.n))
	}
	for _, a := range e.args {
		parts = append(parts, a.String())
	}
	return e.op + "(" + strings.Join(parts, ",") + ")"
}

// Holds reports whether the signatures of c satisfy e.
func (e *Expr) Holds(c *Case) bool {
	switch e.op {
	case "leaf":
		return e.count(c, []*Expr{e}) >= 1
	case "ALL":
		for _, a := range e.args {
			if !a.Holds(c) {
				return false
			}
		}
		return true
	case "ANY":
		for _, a := range e.args {
			if a.Holds(c) {
				return true
			}
		}
		return false
	case "OF":
		return e.have(c) >= e.n
	case "MAJ":
		total := c.roll(e.role)
		return total > 0 && 2*e.have(c) > total
	case "FRAC":
		total := c.roll(e.role)
		return total > 0 && e.m*e.have(c) >= e.n*total
	}
	return false
}

func (c *Case) roll(role string) int {
	if c.Roll == nil {
		return 0
	}
	return c.Roll(role)
}

// have returns how much of what OF, MAJ or FRAC counts is there.
func (e *Expr) have(c *Case) int {
	switch {
	case e.op != "OF":
		return e.count(c, []*Expr{{op: "leaf", role: e.role, bind: "any"}})
	case e.overLeaves():
		return e.count(c, e.args)
	}
	n := 0
	for _, a := range e.args {
		if a.Holds(c) {
			n++
		}
	}
	return n
}

// count returns how many different voters match one of the leaves. A voter is
// a member where the leaves' scopes are of members, else an account.
func (e *Expr) count(c *Case, leaves []*Expr) int {
	n := 0
	for i := range c.Votes {
		if !c.match(i, leaves) {
			continue
		}
		again := false
		for j := 0; j < i && !again; j++ {
			same := c.Votes[j].Account == c.Votes[i].Account
			if leaves[0].ofMembers() {
				same = c.Votes[j].Member == c.Votes[i].Member
			}
			again = same && c.match(j, leaves)
		}
		if !again {
			n++
		}
	}
	return n
}

func (c *Case) match(i int, leaves []*Expr) bool {
	for _, l := range leaves {
		if l.matches(c, &c.Votes[i]) {
			return true
		}
	}
	return false
}

// ofMembers reports whether a leaf counts members and not accounts.
func (e *Expr) ofMembers() bool { return slices.Contains(memberScopes, e.bind) }

func (e *Expr) matches(c *Case, v *Vote) bool {
	if !slices.Contains(v.MemberRoles, e.role) && !slices.Contains(v.AccountRoles, e.role) {
		return false
	}
	var want tx.MemberID
	switch e.bind {
	case "any":
		return true
	case "other":
		return v.Member != c.Issuer
	case "issuer":
		want = c.Issuer
	case "origin":
		want = c.Origin
	case "target":
		want = c.Target
	case "custodian":
		want = c.Custodian
	case "superior(issuer)":
		want = c.Superior
	case "platform(subject)":
		want = c.Platform
	default:
		want = tx.MemberID(e.bind[1:])
	}
	return want != "" && v.Member == want
}

// Missing says, for every part of e that does not hold yet, what it lacks, in
// the order of the text.
func (e *Expr) Missing(c *Case) []string {
	if e.Holds(c) {
		return nil
	}
	switch e.op {
	case "ALL":
		var out []string
		for _, a := range e.args {
			out = append(out, a.Missing(c)...)
		}
		return out
	case "OF":
		return []string{fmt.Sprintf("%d more of %s", e.n-e.have(c), e)}
	}
	return []string{e.String()}
}
