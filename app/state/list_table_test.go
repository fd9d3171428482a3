package state_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"zhenglian/app/apptest"
	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/tx"
	"zhenglian/genesis"
)

// listed is the example consortium where Changsha is above Hangzhou, which has
// a third officer, where a department takes part, proposals need two
// signatures, and routing hints are on.
func listed(t *testing.T) *apptest.Chain {
	third, dept := apptest.Key(t, "officer3", tx.Secp256k1), apptest.Key(t, "dept", tx.Secp256k1)
	c := apptest.New(t, func(g *genesis.State) {
		g.Params.PendingBlocks = 100
		g.Members = append(g.Members, genesis.Member{ID: "commerce-dept", NameZH: "商务局", NameEN: "Commerce", Roles: []string{"department"}})
		g.Accounts = append(g.Accounts, genesis.NewAccount("hangzhou-amr", third.Public(), "officer"), genesis.NewAccount("commerce-dept", dept.Public(), "officer"))
		for i := range g.Members {
			if g.Members[i].ID == "hangzhou-amr" {
				g.Members[i].Superior = "changsha-amr"
			}
		}
		for i := range g.Policies {
			if k := g.Policies[i].Kind; k == tx.ListPropose || k == tx.ListConsumer {
				g.Policies[i].Expr = "OF(2,officer@issuer)"
			}
		}
	})
	c.Keys["officer3"], c.Keys["dept"] = third, dept
	c.Block()
	c.Must(c.Govern(tx.GovRouting, &tx.RoutingSwitch{Action: tx.SwitchOn, Assessment: tx.Digest{1}}))
	return c
}

// today is the date in China of the next block.
func today(c *apptest.Chain) tx.Date { return tx.DateOf(tx.TimeOf(c.Now())) }

// skipTo makes the next block one of a later day.
func skipTo(c *apptest.Chain, d tx.Date) {
	if days := int(d - today(c)); days > 0 {
		c.Skipped += time.Duration(days) * 24 * time.Hour
	}
}

var tags byte

// proposal is a body of list.propose about somebody new.
func proposal(l tx.List) *tx.Proposal {
	tags++
	severity := map[tx.List]string{tx.SeriousDishonest: tx.Serious}[l]
	if severity == "" {
		severity = tx.General
	}
	return &tx.Proposal{Basis: tx.Digest{1}, Law: tx.Law{Article: 9, ID: genesis.DefaultListRule(l).Laws[0]}, List: l, Measures: l.Measures(), Reason: l.Reasons()[0],
		Severity: severity, Statutory: l.Statutory(), Subject: tx.ListedSubject{Epoch: 1, Tag: tx.Digest{tags, byte(l), 7}}}
}

// decision is a body of the decision of an entry, with the longest term.
func decision(c *apptest.Chain, p *tx.Proposal) *tx.Listing {
	rule := genesis.DefaultListRule(p.List)
	term := rule.Term(p.Severity)
	from := today(c)
	return &tx.Listing{Decision: tx.Digest{1}, From: from, Remedy: tx.Digest{2}, RepairFrom: from.AddMonths(int(term.Min)), Until: from.AddMonths(int(term.Max))}
}

// listStep is a complete, well-signed statement of a kind of the list or routing
// family that continues m, an entry proposed by p.
func (m *matter) listStep(kind tx.Kind, p *tx.Proposal) *tx.Envelope {
	c := m.c
	by := func(member tx.MemberID, body tx.Body, signers ...string) *tx.Envelope {
		return c.Sign(c.Statement(member, kind, m.head, body), signers...)
	}
	third, dept := "officer3", "dept"
	if c.Keys[third] == nil { // a chain of another test
		third, dept = "officer2", "city"
	}
	paper := &tx.Paper{Document: tx.Digest{byte(c.Height), byte(c.Height >> 8), 1}}
	two := []string{"officer1", "officer2"}
	switch kind {
	case tx.ListPropose:
		return by("hangzhou-amr", proposal(p.List), two...)
	case tx.ListAck:
		return by("platform-a", &tx.Acknowledgement{List: p.List, Through: 1}, "platform")
	case tx.ListConsumer:
		return by("hangzhou-amr", &tx.ConsumerChange{Action: tx.EnrolConsumer, List: p.List, Member: "notary-office"}, two...)
	case tx.ListRetag:
		return by("hangzhou-amr", &tx.Retagging{Entries: []tx.Retag{{Entry: m.id, Tag: tx.Digest{1}, Was: p.Subject.Tag}}, Epoch: 2, List: p.List}, two...)
	case tx.ListServe:
		return by("hangzhou-amr", &tx.Service{Document: tx.Digest{1}, Method: "mail", RespondBy: today(c) + 20, ServedOn: today(c)}, two...)
	case tx.ListHear:
		return by("hangzhou-amr", &tx.Hearing{HeldOn: today(c), Record: tx.Digest{1}}, two...)
	case tx.ListWaive:
		return by("hangzhou-amr", &tx.Waiver{Document: tx.Digest{1}, Reason: "declared"}, two...)
	case tx.ListReview:
		return by("hangzhou-amr", paper, third)
	case tx.ListConsent:
		return by("changsha-amr", paper, "changsha")
	case tx.ListDecide:
		return by("hangzhou-amr", decision(c, p), two...)
	case tx.ListResolve:
		return by("hangzhou-amr", decision(c, p), "officer1", dept)
	case tx.ListAgree:
		return by("hangzhou-amr", decision(c, p), "officer1", "officer2", "city")
	case tx.ListPublish:
		return by("hangzhou-amr", &tx.Publication{Summary: tx.Digest{1}}, two...)
	case tx.ListRepair:
		return by("platform-a", &tx.RepairApplication{Application: tx.Digest{1}, Promise: tx.Digest{2}, Proof: tx.Digest{byte(c.Height), 1}}, "platform")
	case tx.ListDeny:
		return by("hangzhou-amr", &tx.Reasoned{Decision: tx.Digest{byte(c.Height), 1}, Reason: "harm_remains"}, two...)
	case tx.ListReinstate:
		return by("hangzhou-amr", &tx.Reasoned{Decision: tx.Digest{1}, Reason: "false_materials"}, two...)
	case tx.ListStay:
		return by("internet-court", &tx.Reasoned{Decision: tx.Digest{1}, Reason: "court_order"}, "court")
	case tx.ListResume:
		return by("internet-court", paper, "court")
	case tx.ListRevoke:
		return by("internet-court", &tx.Revocation{Decision: tx.Digest{1}, Ground: "penalty_void", Since: today(c)}, "court")
	case tx.ListDrop:
		return by("hangzhou-amr", &tx.Drop{Reason: "no_intent"}, "officer1")
	case tx.RoutingTag:
		return by("hangzhou-amr", hint(c), "officer1", "officer2", "city")
	case tx.RoutingRead:
		return by("hangzhou-amr", &tx.RoutingLookup{Purpose: "routing", Tag: tx.Digest{1}}, "officer1")
	case tx.RoutingContest:
		return by("notary-office", paper, "notary")
	case tx.RoutingRemove:
		return by("hangzhou-amr", &tx.Reasoned{Decision: tx.Digest{1}, Reason: "mistake"}, "officer1")
	case tx.RoutingKeep:
		return by("hangzhou-amr", paper, "officer1", "officer2", "city")
	}
	return by("hangzhou-amr", paper, two...) // accept, defend, grant, hearing
}

// hint is a body of routing.tag about somebody new.
func hint(c *apptest.Chain) *tx.RoutingHint {
	tags++
	return &tx.RoutingHint{Bucket: "several", Commitment: tx.Digest{1}, Epoch: 1, Ground: "repeated_claims", Tag: tx.Digest{tags, 9}, Until: today(c).AddMonths(12)}
}

// may is what the transition table and the list itself allow: the state after a
// kind, "" if it is refused.
func may(l tx.List, s row.State, kind tx.Kind) row.State {
	for _, tr := range state.Transitions() {
		if tr.Kind != kind || tr.Opens || !slices.Contains(tr.From, s) {
			continue
		}
		switch kind {
		case tx.ListDecide, tx.ListResolve, tx.ListAgree:
			if kind != state.DecidedBy(l) || s == row.Reviewed && genesis.DefaultListRule(l).Consent {
				return ""
			}
		}
		return tr.To
	}
	return ""
}

// paths lead from a state to every other that steps of the family reach.
func paths(family string, l tx.List, from row.State) map[row.State][]tx.Kind {
	out := map[row.State][]tx.Kind{from: nil}
	for queue := []row.State{from}; len(queue) > 0; queue = queue[1:] {
		for _, tr := range state.Transitions() {
			if tr.Kind.Family() != family {
				continue
			}
			to := may(l, queue[0], tr.Kind)
			if _, known := out[to]; to != "" && !known {
				out[to] = append(slices.Clone(out[queue[0]]), tr.Kind)
				queue = append(queue, to)
			}
		}
	}
	return out
}

// listMatter opens a matter of kind and takes the steps.
func listMatter(c *apptest.Chain, kind tx.Kind, l tx.List, steps []tx.Kind) (*matter, *tx.Proposal) {
	m, p := &matter{c: c}, proposal(l)
	e := m.listStep(kind, p)
	if kind == tx.ListPropose {
		e = c.Sign(c.Statement("hangzhou-amr", kind, tx.ID{}, p), "officer1", "officer2")
	}
	m.id = c.Must(e)
	m.head = m.id
	for _, k := range steps {
		m.ready(k, p)
		m.head = c.Must(m.listStep(k, p))
	}
	return m, p
}

// ready waits for the day on which a step may be taken.
func (m *matter) ready(kind tx.Kind, p *tx.Proposal) {
	if kind == tx.ListRepair {
		rule := genesis.DefaultListRule(p.List)
		skipTo(m.c, today(m.c).AddMonths(int(rule.Term(p.Severity).Min)))
	}
}

// Every state of every life cycle of lists and routing hints with every kind of
// statement there is, from the transition table itself: allowed as it says, or
// refused with a number and without any change.
func TestEveryListStateAndKind(t *testing.T) {
	pairs := 0
	for _, l := range tx.Lists() {
		c := listed(t)
		type way struct {
			name  string
			state row.State
			make  func() (*matter, *tx.Proposal)
		}
		var ways []way
		add := func(name string, s row.State, make func() (*matter, *tx.Proposal)) {
			ways = append(ways, way{name, s, make})
		}
		for _, cycle := range []struct {
			kind   tx.Kind
			family string
			from   row.State
		}{{tx.ListPropose, "list", row.Proposed}, {tx.RoutingTag, "routing", row.Active}} {
			reached := paths(cycle.family, l, cycle.from)
			for _, s := range slices.Sorted(maps.Keys(reached)) {
				add(string(cycle.kind), s, func() (*matter, *tx.Proposal) { return listMatter(c, cycle.kind, l, reached[s]) })
			}
			add(string(cycle.kind)+" past its end", row.Expired, func() (*matter, *tx.Proposal) {
				m, p := listMatter(c, cycle.kind, l, reached[row.Published])
				skipTo(c, today(c).AddMonths(37))
				c.Block()
				return m, p
			})
			add(string(cycle.kind)+" that waits", row.Pending, func() (*matter, *tx.Proposal) { return waiting(c, cycle.kind, l) })
			add(string(cycle.kind)+" that waited too long", row.Expired, func() (*matter, *tx.Proposal) {
				m, p := waiting(c, cycle.kind, l)
				m.wait(100)
				return m, p
			})
		}
		if n := len(paths("list", l, row.Proposed)); n < 18 {
			t.Errorf("%s: only %d states are reached", l, n)
		}
		add("list.consumer", row.Enacted, func() (*matter, *tx.Proposal) { return enrolled(c, l) })
		add("routing.read", row.Enacted, func() (*matter, *tx.Proposal) { return listMatter(c, tx.RoutingRead, l, nil) })

		for _, w := range ways {
			m, p := w.make()
			if got := m.state(); got != w.state {
				t.Fatalf("%s %s: made %s, want %s", l, w.name, got, w.state)
			}
			var allowed []tx.Kind // which may wait for days: at the end, with matters of their own
			for i, kind := range tx.Kinds() {
				pairs++
				if w.state == row.Pending && i%50 == 49 { // each kind takes a block, and what waits does so for a hundred
					m.wait(100) // so that its end changes nothing under another kind
					m, p = w.make()
				}
				name := fmt.Sprintf("%s %s/%s/%s", l, w.name, w.state, kind)
				if m.familyOf() == kind.Family() && w.state != row.Expired && may(l, w.state, kind) != "" {
					allowed = append(allowed, kind)
					continue
				}
				e := m.anyStep(kind, p)
				before := c.App.Store().View().Head()
				code := c.Deliver(e)
				if kind == tx.EndorseKind && code == tx.CodeOK { // which moves nothing
					if m.state() != w.state {
						t.Errorf("%s: an endorsement made it %s", name, m.state())
					}
					continue
				}
				after := c.App.Store().View().Head()
				if code == tx.CodeOK || after.LogRoot != before.LogRoot || after.StateRoot != before.StateRoot || m.state() != w.state {
					t.Errorf("%s: got code %d and %s, want a refusal that changes nothing", name, code, m.state())
				}
			}
			for _, kind := range allowed {
				m, p := w.make()
				m.ready(kind, p)
				if code, want := m.c.Deliver(m.listStep(kind, p)), may(l, w.state, kind); code != tx.CodeOK || m.state() != want {
					t.Errorf("%s %s/%s/%s: got code %d and %s, want %s", l, w.name, w.state, kind, code, m.state(), want)
				}
			}
		}
	}
	t.Logf("%d pairs of state and kind", pairs)
}

// waiting opens a matter that lacks a signature.
func waiting(c *apptest.Chain, kind tx.Kind, l tx.List) (*matter, *tx.Proposal) {
	p := proposal(l)
	var body tx.Body = p
	if kind == tx.RoutingTag {
		body = hint(c)
	}
	id := c.Must(c.Sign(c.Statement("hangzhou-amr", kind, tx.ID{}, body), "officer1"))
	return &matter{c: c, id: id, head: id}, p
}

// enrolled makes the platform a consumer, or releases it.
func enrolled(c *apptest.Chain, l tx.List) (*matter, *tx.Proposal) {
	b := &tx.ConsumerChange{Action: tx.EnrolConsumer, List: l, Member: "platform-a"}
	id := c.Must(c.Sign(c.Statement("hangzhou-amr", tx.ListConsumer, tx.ID{}, b), "officer1", "officer2"))
	return &matter{c: c, id: id, head: id}, proposal(l)
}

func (m *matter) familyOf() string {
	s, err := state.Stand(m.c.App.Store().View(), m.c.App.Directory(), m.id)
	if err != nil {
		m.c.T.Fatal(err)
	}
	return s.Statement.Kind.Family()
}

// anyStep is a statement of any kind that continues m.
func (m *matter) anyStep(kind tx.Kind, p *tx.Proposal) *tx.Envelope {
	if f := kind.Family(); f == "list" || f == "routing" {
		return m.listStep(kind, p)
	}
	return m.step(kind)
}
