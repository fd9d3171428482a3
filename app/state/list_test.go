package state_test

import (
	"testing"

	"zhenglian/app/apptest"
	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/tx"
	"zhenglian/genesis"
)

// stateRow reads a row; it must be there.
func stateRow[T any](t *testing.T, c *apptest.Chain, key []byte, decode func([]byte) (T, error)) T {
	t.Helper()
	b, err := c.App.Store().View().Get(key)
	if err != nil {
		t.Fatal(err)
	}
	v, err := decode(b)
	if err != nil {
		t.Fatalf("row %x: %q: %v", key, b, err)
	}
	return v
}

// Every refusal of a list statement has its own number.
func TestListRefusals(t *testing.T) {
	c := listed(t)
	evidence := c.Must(c.Seal(1))
	withdrawn := c.Must(c.Seal(2))
	c.Must(c.Sign(c.Statement("hangzhou-amr", tx.EvidenceWithdraw, withdrawn, &tx.Withdraw{Reason: "mistake"}), "officer1", "officer2"))
	hinted := c.Must(c.Sign(c.Statement("hangzhou-amr", tx.RoutingTag, tx.ID{}, hint(c)), "officer1", "officer2", "city"))
	two := []string{"officer1", "officer2"}
	propose := func(change func(*tx.Proposal)) *tx.Statement {
		p := proposal(tx.SeriousDishonest)
		change(p)
		return c.Statement("hangzhou-amr", tx.ListPropose, tx.ID{}, p)
	}
	reach := func(l tx.List, s row.State) (*matter, *tx.Proposal) {
		return listMatter(c, tx.ListPropose, l, paths("list", l, row.Proposed)[s])
	}
	try := func(name string, want tx.Code, s *tx.Statement, signers ...string) {
		t.Helper()
		before := c.App.Store().View().Head()
		if got := c.Deliver(c.Sign(s, signers...)); got != want {
			t.Errorf("%s: got %d %s, want %d %s", name, got, got.Name(), want, want.Name())
		}
		if after := c.App.Store().View().Head(); want != tx.CodeOK && (after.LogRoot != before.LogRoot || after.StateRoot != before.StateRoot) {
			t.Errorf("%s: a refused statement changed the ledger", name)
		}
	}

	try("proposed by a platform", tx.CodeNotLister, c.Statement("platform-a", tx.ListPropose, tx.ID{}, proposal(tx.SeriousDishonest)), "platform")
	try("a department proposes to a statutory list", tx.CodeNotLister, c.Statement("commerce-dept", tx.ListPropose, tx.ID{}, proposal(tx.AbnormalOperation)), "dept")
	try("a law that the list does not know", tx.CodeListLaw, propose(func(p *tx.Proposal) { p.Law.ID = "joint_meeting_rules" }), two...)
	try("a severity without a term", tx.CodeTerm, propose(func(p *tx.Proposal) { p.Severity = tx.Minor }), two...)
	try("evidence that is not there", tx.CodeListEvidence, propose(func(p *tx.Proposal) { p.Exhibits = []tx.ID{{9}} }), two...)
	try("evidence that does not stand", tx.CodeListEvidence, propose(func(p *tx.Proposal) { p.Exhibits = []tx.ID{evidence, withdrawn} }), two...)
	try("a routing hint as a reason", tx.CodeRoutingBasis, propose(func(p *tx.Proposal) { p.Exhibits = []tx.ID{hinted} }), two...)
	try("evidence that stands", tx.CodeOK, propose(func(p *tx.Proposal) { p.Exhibits = []tx.ID{evidence} }), two...)
	try("opened with prev", tx.CodeState, c.Statement("hangzhou-amr", tx.ListPropose, evidence, proposal(tx.SeriousDishonest)), two...)

	m, _ := reach(tx.SeriousDishonest, row.Proposed)
	serve := func(change func(*tx.Service)) *tx.Statement {
		b := &tx.Service{Document: tx.Digest{1}, Method: "mail", RespondBy: today(c) + 20, ServedOn: today(c)}
		change(b)
		return c.Statement("hangzhou-amr", tx.ListServe, m.head, b)
	}
	try("served tomorrow", tx.CodeListDate, serve(func(b *tx.Service) { b.ServedOn++ }), two...)
	try("served long ago", tx.CodeListDate, serve(func(b *tx.Service) { b.ServedOn -= 91 }), two...)
	// 2026-11-23 is a Monday: the fifth working day is the next Monday.
	try("too little time to respond", tx.CodeRespondBy, serve(func(b *tx.Service) { b.RespondBy = b.ServedOn + 6 }), two...)
	try("too much time to respond", tx.CodeRespondBy, serve(func(b *tx.Service) { b.RespondBy = b.ServedOn + 91 }), two...)
	try("served by another regulator", tx.CodeNotParty, c.Statement("xianyang-amr", tx.ListServe, m.head, &tx.Service{Document: tx.Digest{1}, Method: "mail", RespondBy: today(c) + 20, ServedOn: today(c)}), "city")
	try("continued with a statement of evidence", tx.CodeFamily, c.Statement("platform-a", tx.EvidenceChallenge, m.head, &tx.Challenge{Ground: "unlawful"}), "platform")
	stale := m.head
	m.head = c.Must(c.Sign(serve(func(b *tx.Service) { b.RespondBy = b.ServedOn + 7 }), two...))
	try("a stale head", tx.CodeStalePrev, c.Statement("hangzhou-amr", tx.ListDefend, stale, &tx.Paper{Document: tx.Digest{1}}), two...)
	silent := func() *tx.Statement {
		return c.Statement("hangzhou-amr", tx.ListWaive, m.head, &tx.Waiver{Reason: tx.NoResponse})
	}
	try("no response on the last day", tx.CodeResponseOpen, silent(), two...)
	skipTo(c, today(c)+8)
	try("no response when it is over", tx.CodeOK, silent(), two...)

	m, _ = reach(tx.SeriousDishonest, row.HearingRequested)
	try("heard tomorrow", tx.CodeListDate, c.Statement("hangzhou-amr", tx.ListHear, m.head, &tx.Hearing{HeldOn: today(c) + 1, Record: tx.Digest{1}}), two...)
	m, p := reach(tx.SeriousDishonest, row.Waived)
	review := c.Statement("hangzhou-amr", tx.ListReview, m.head, &tx.Paper{Document: tx.Digest{1}})
	try("reviewed by who proposed it", tx.CodeSameOfficer, review, "officer1")
	try("reviewed by who proposed it, among others", tx.CodeSameOfficer, review, "officer3", "officer1")
	m.head = c.Must(c.Sign(review, "officer3"))
	try("consent of another", tx.CodeNotSuperior, c.Statement("xianyang-amr", tx.ListConsent, m.head, &tx.Paper{Document: tx.Digest{1}}), "city")
	try("decided without consent", tx.CodeNoConsent, c.Statement("hangzhou-amr", tx.ListDecide, m.head, decision(c, p)), two...)
	m.head = c.Must(m.listStep(tx.ListConsent, p))
	decide := func(kind tx.Kind, change func(*tx.Listing)) *tx.Statement {
		b := decision(c, p)
		change(b)
		return c.Statement("hangzhou-amr", kind, m.head, b)
	}
	same := func(*tx.Listing) {}
	try("decided as a joint meeting does", tx.CodeWrongDecision, decide(tx.ListResolve, same), "officer1", "dept")
	try("decided as an index is", tx.CodeWrongDecision, decide(tx.ListAgree, same), "officer1", "officer2", "city")
	try("from long ago", tx.CodeListDate, decide(tx.ListDecide, func(b *tx.Listing) { b.From -= 91 }), two...)
	try("from long after", tx.CodeListDate, decide(tx.ListDecide, func(b *tx.Listing) { b.From += 91; b.Until += 91; b.RepairFrom += 91 }), two...)
	try("for too long", tx.CodeTerm, decide(tx.ListDecide, func(b *tx.Listing) { b.Until++ }), two...)
	try("repair before the least time", tx.CodeTerm, decide(tx.ListDecide, func(b *tx.Listing) { b.RepairFrom-- }), two...)
	later := decide(tx.ListDecide, func(b *tx.Listing) { b.From += 3; b.RepairFrom += 5 })
	try("decided from a later day", tx.CodeOK, later, two...)
	m.head = mustID(t, later)
	publish := func() *tx.Statement {
		return c.Statement("hangzhou-amr", tx.ListPublish, m.head, &tx.Publication{Summary: tx.Digest{1}})
	}
	try("published before its first day", tx.CodeNotYet, publish(), two...)
	skipTo(c, today(c).AddMonths(36))
	c.Block()
	try("published after its last day", tx.CodeListEnded, publish(), two...)

	m, _ = reach(tx.SeriousDishonest, row.Published)
	try("repair too early", tx.CodeRepairEarly, m.statement(tx.ListRepair, &tx.RepairApplication{Application: tx.Digest{1}, Promise: tx.Digest{2}, Proof: tx.Digest{3}}), two...)
	try("revoked for what comes tomorrow", tx.CodeRevokeDate, m.statement(tx.ListRevoke, &tx.Revocation{Decision: tx.Digest{1}, Ground: "mistake", Since: today(c) + 1}), two...)
	try("stayed by a platform", tx.CodeNotReviewBody, c.Statement("platform-a", tx.ListStay, m.head, &tx.Reasoned{Decision: tx.Digest{1}, Reason: "court_order"}), "platform")
	try("revoked by another regulator", tx.CodeNotReviewBody, c.Statement("xianyang-amr", tx.ListRevoke, m.head, &tx.Revocation{Decision: tx.Digest{1}, Ground: "mistake", Since: today(c)}), "city", "city2")
	try("stayed by the superior with one officer", tx.CodePolicy, c.Statement("changsha-amr", tx.ListStay, m.head, &tx.Reasoned{Decision: tx.Digest{1}, Reason: "reexamination"}), "changsha")

	ack := func(through int64) *tx.Statement {
		return c.Statement("platform-a", tx.ListAck, tx.ID{}, &tx.Acknowledgement{Applied: 2, Lifted: 1, List: tx.SeriousDishonest, Through: through})
	}
	consumer := func(action string, m tx.MemberID) *tx.Statement {
		return c.Statement("hangzhou-amr", tx.ListConsumer, tx.ID{}, &tx.ConsumerChange{Action: action, List: tx.SeriousDishonest, Member: m})
	}
	try("acknowledged by no consumer", tx.CodeNoConsumer, ack(1), "platform")
	try("enrolled by a platform", tx.CodeNotRegulator, c.Statement("platform-a", tx.ListConsumer, tx.ID{}, &tx.ConsumerChange{Action: tx.EnrolConsumer, List: tx.SeriousDishonest, Member: "platform-a"}), "platform")
	try("nobody enrolled", tx.CodeNoMember, consumer(tx.EnrolConsumer, "nobody"), two...)
	try("released who is none", tx.CodeNoConsumer, consumer(tx.ReleaseConsumer, "platform-a"), two...)
	try("enrolled", tx.CodeOK, consumer(tx.EnrolConsumer, "platform-a"), two...)
	try("enrolled twice", tx.CodeNoConsumer, consumer(tx.EnrolConsumer, "platform-a"), two...)
	n := stateRow(t, c, row.ListKey(tx.SeriousDishonest), row.DecodeList)
	try("acknowledged what is not there", tx.CodeAckFuture, ack(int64(n.Notices)+1), "platform")
	try("acknowledged", tx.CodeOK, ack(int64(n.Notices)), "platform")
	try("acknowledged twice", tx.CodeAckOrder, ack(int64(n.Notices)), "platform")
	try("released", tx.CodeOK, consumer(tx.ReleaseConsumer, "platform-a"), two...)
	m.head = c.Must(m.listStep(tx.ListRevoke, p))
	try("acknowledged after release", tx.CodeNoConsumer, ack(int64(n.Notices)+1), "platform")

	try("a hint for too long", tx.CodeRoutingTerm, c.Statement("hangzhou-amr", tx.RoutingTag, tx.ID{}, change(hint(c), func(b *tx.RoutingHint) { b.Until++ })), "officer1", "officer2", "city")
	try("a hint that has ended", tx.CodeRoutingTerm, c.Statement("hangzhou-amr", tx.RoutingTag, tx.ID{}, change(hint(c), func(b *tx.RoutingHint) { b.Until = today(c) })), "officer1", "officer2", "city")
	again := hint(c)
	try("a hint", tx.CodeOK, c.Statement("hangzhou-amr", tx.RoutingTag, tx.ID{}, again), "officer1", "officer2", "city")
	again.Bucket = "many"
	try("another about the same tag", tx.CodeRoutingExists, c.Statement("hangzhou-amr", tx.RoutingTag, tx.ID{}, again), "officer1", "officer2", "city")
	try("a hint by a platform", tx.CodeNotRegulator, c.Statement("platform-a", tx.RoutingTag, tx.ID{}, hint(c)), "platform")
	c.Must(c.Govern(tx.GovRouting, &tx.RoutingSwitch{Action: tx.SwitchOff}))
	try("a hint when they are off", tx.CodeRoutingOff, c.Statement("hangzhou-amr", tx.RoutingTag, tx.ID{}, hint(c)), "officer1", "officer2", "city")
	try("a lookup when they are off", tx.CodeRoutingOff, c.Statement("hangzhou-amr", tx.RoutingRead, tx.ID{}, &tx.RoutingLookup{Purpose: "routing", Tag: tx.Digest{1}}), "officer1")

	rule := func(change func(*tx.ListRuleChange)) *tx.Statement {
		d := genesis.DefaultListRule(tx.SeriousDishonest)
		b := &tx.ListRuleChange{Consent: d.Consent, Document: tx.Digest{1}, From: c.Height + 10, Laws: d.Laws, List: tx.SeriousDishonest, Terms: d.Terms}
		change(b)
		return c.Statement("hangzhou-amr", tx.GovList, tx.ID{}, b)
	}
	admins := []string{"admin1", "city-admin1", "changsha-admin1", "court-admin1"}
	try("the same rule", tx.CodeNothing, rule(func(*tx.ListRuleChange) {}), admins...)
	try("a rule from now", tx.CodeHeight, rule(func(b *tx.ListRuleChange) { b.From, b.Consent = c.Height+1, false }), admins...)
	try("a rule without consent", tx.CodeOK, rule(func(b *tx.ListRuleChange) { b.From, b.Consent = c.Height+9, false }), admins...)
	try("a rule that would begin before the last", tx.CodeHeight, rule(func(b *tx.ListRuleChange) { b.From = c.Height + 3 }), admins...)
}

func change[T any](v *T, f func(*T)) *T { f(v); return v }

func mustID(t *testing.T, s *tx.Statement) tx.ID {
	t.Helper()
	b, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return tx.StatementID(b)
}

// statement is one of Hangzhou that continues m.
func (m *matter) statement(kind tx.Kind, b tx.Body) *tx.Statement {
	return m.c.Statement("hangzhou-amr", kind, m.head, b)
}

// One subject has at most so many entries in force.
func TestSubjectFull(t *testing.T) {
	c := listed(t)
	tag := tx.Digest{0x55}
	for i := range row.MaxInForce + 1 {
		m, p := listMatterAbout(c, tx.AbnormalOperation, tag)
		want := tx.CodeOK
		if i == row.MaxInForce {
			want = tx.CodeSubjectFull
		}
		if got := c.Deliver(m.listStep(tx.ListPublish, p)); got != want {
			t.Fatalf("entry %d: got %d, want %d", i, got, want)
		}
	}
	if s := stateRow(t, c, row.SubjectKey(tx.AbnormalOperation, tag), row.DecodeSubject); len(s) != row.MaxInForce {
		t.Errorf("%d entries in force", len(s))
	}
}

// listMatterAbout makes an entry about a tag that is decided.
func listMatterAbout(c *apptest.Chain, l tx.List, tag tx.Digest) (*matter, *tx.Proposal) {
	m, p := &matter{c: c}, proposal(l)
	p.Subject.Tag = tag
	m.id = c.Must(c.Sign(c.Statement("hangzhou-amr", tx.ListPropose, tx.ID{}, p), "officer1", "officer2"))
	m.head = m.id
	for _, k := range paths("list", l, row.Proposed)[row.Decided] {
		m.head = c.Must(m.listStep(k, p))
	}
	return m, p
}

// A rule of a list applies to what is proposed from its height on: an entry
// keeps the rule under which it was proposed.
func TestListRuleIsPinned(t *testing.T) {
	c := listed(t)
	old, p := listMatter(c, tx.ListPropose, tx.SeriousDishonest, paths("list", tx.SeriousDishonest, row.Proposed)[row.Reviewed])
	rule := genesis.DefaultListRule(tx.SeriousDishonest)
	c.Must(c.Govern(tx.GovList, &tx.ListRuleChange{Document: tx.Digest{1}, From: c.Height + 2, Laws: rule.Laws, List: tx.SeriousDishonest, Terms: rule.Terms}))
	c.Block()
	if got := c.Deliver(old.listStep(tx.ListDecide, p)); got != tx.CodeNoConsent {
		t.Errorf("an entry proposed under the old rule: %d", got)
	}
	young, p := listMatter(c, tx.ListPropose, tx.SeriousDishonest, paths("list", tx.SeriousDishonest, row.Proposed)[row.Reviewed])
	if got := c.Deliver(young.listStep(tx.ListDecide, p)); got != tx.CodeOK {
		t.Errorf("an entry proposed under the new rule: %d", got)
	}
}

// Without a superior there is nobody whose consent could be missing.
func TestNoSuperiorNoConsent(t *testing.T) {
	c := apptest.New(t)
	c.Block()
	m, p := &matter{c: c}, proposal(tx.SeriousDishonest)
	m.id = c.Must(c.Sign(c.Statement("hangzhou-amr", tx.ListPropose, tx.ID{}, p), "officer1"))
	m.head = m.id
	for _, k := range []tx.Kind{tx.ListServe, tx.ListWaive, tx.ListReview, tx.ListDecide, tx.ListPublish} {
		m.head = c.Must(m.listStep(k, p))
	}
	if m.state() != row.Published {
		t.Error(m.state())
	}
}

// Many entries of one day end over as many blocks as it takes, each block no
// more than its share, and each with a notice.
func TestListEndsAreBounded(t *testing.T) {
	c := listed(t)
	const entries = 1005
	l := tx.AbnormalOperation
	ps, heads := make([]*tx.Proposal, entries), make([]tx.ID, entries)
	step := func(make func(i int) *tx.Envelope) {
		var wire [][]byte
		for i := range entries {
			e := make(i)
			heads[i] = e.ID()
			wire = append(wire, e.AppendWire(nil))
		}
		for _, r := range c.Block(wire...) {
			if r.Code != 0 {
				t.Fatalf("refused: %s", r.Log)
			}
		}
	}
	step(func(i int) *tx.Envelope {
		ps[i] = proposal(l)
		ps[i].Subject.Tag = tx.Digest{byte(i), byte(i >> 8), 1}
		return c.Sign(c.Statement("hangzhou-amr", tx.ListPropose, tx.ID{}, ps[i]), "officer1", "officer2")
	})
	for _, k := range []tx.Kind{tx.ListServe, tx.ListWaive, tx.ListReview, tx.ListDecide, tx.ListPublish} {
		step(func(i int) *tx.Envelope { return (&matter{c: c, head: heads[i]}).listStep(k, ps[i]) })
	}
	before := stateRow(t, c, row.ListKey(l), row.DecodeList)
	if before.Entries != entries {
		t.Fatalf("%d in force", before.Entries)
	}
	skipTo(c, today(c).AddMonths(36))
	c.Block()
	if n := stateRow(t, c, row.ListKey(l), row.DecodeList); n.Entries != 5 || n.Notices != before.Notices+1000 {
		t.Errorf("after one block: %+v", n)
	}
	c.Block()
	n := stateRow(t, c, row.ListKey(l), row.DecodeList)
	if n.Entries != 0 || n.Notices != before.Notices+entries {
		t.Errorf("after two blocks: %+v", n)
	}
	if last := stateRow(t, c, row.NoticeKey(l, n.Notices), row.DecodeNotice); last.Action != row.Lift || last.State != row.Ended || last.Due <= today(c) {
		t.Errorf("last notice: %+v", last)
	}
}

// What a repair starts and stops: two working days to take it up, fifteen to
// decide, and the clock that runs ends with the entry.
func TestRepairClocks(t *testing.T) {
	c := listed(t)
	l := tx.AbnormalOperation
	m, p := listMatter(c, tx.ListPropose, l, paths("list", l, row.Proposed)[row.RepairApplied])
	seq := seqOf(t, m)
	clock := func(code tx.ClockCode) *state.ClockStand {
		k, err := state.ClockAt(c.App.Store().View(), row.ClockID{Code: code, Matter: seq, Member: "hangzhou-amr"})
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	if k := clock("PUB_SAME"); k == nil || k.State != row.Stopped {
		t.Errorf("publication: %+v", k)
	}
	if k := clock("REPAIR_ACCEPT"); k == nil || k.State != row.Running {
		t.Errorf("taking it up: %+v", k)
	}
	m.head = c.Must(m.listStep(tx.ListAccept, p))
	if k := clock("REPAIR_ACCEPT"); k.State != row.Stopped {
		t.Errorf("taken up: %+v", k)
	}
	if k := clock("REPAIR_DECIDE"); k == nil || k.State != row.Running {
		t.Errorf("to be decided: %+v", k)
	}
	skipTo(c, today(c)+40)
	c.Block()
	if k := clock("REPAIR_DECIDE"); !k.Overdue() {
		t.Errorf("not decided in time: %+v", k)
	}
	skipTo(c, today(c).AddMonths(36))
	c.Block()
	if k := clock("REPAIR_DECIDE"); k.State != row.Stopped || m.state() != row.Ended {
		t.Errorf("when the entry ended: %+v, %s", k, m.state())
	}
}

// Who reviews has not signed the proposal, in whatever statement he did either.
func TestReviewerIsAnotherOfficer(t *testing.T) {
	c := listed(t)
	agree := func(id tx.ID, name string) tx.Code {
		return c.Deliver(c.Sign(c.Statement("hangzhou-amr", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: id, Type: tx.Agrees}), name))
	}
	c.Must(c.Own(tx.GovOverride, &tx.PolicyChange{Expr: "OF(2,officer@issuer)", From: c.Height + 2, Kind: tx.ListReview}))
	c.Block()
	p := proposal(tx.NegativeIndex)
	id := c.Must(c.Sign(c.Statement("hangzhou-amr", tx.ListPropose, tx.ID{}, p), "officer1"))
	if code := agree(id, "officer2"); code != tx.CodeOK {
		t.Fatal(code)
	}
	m := &matter{c: c, id: id, head: id}
	for _, k := range []tx.Kind{tx.ListServe, tx.ListWaive} {
		m.head = c.Must(m.listStep(k, p))
	}
	review := m.listStep(tx.ListReview, p) // of officer3, who needs another
	s, err := tx.ParseStatement(review.Payload)
	if err != nil {
		t.Fatal(err)
	}
	if code := c.Deliver(c.Sign(s, "officer2")); code != tx.CodeSameOfficer {
		t.Errorf("who agreed to the proposal reviews it: code %d", code)
	}
	id = c.Must(review)
	if m.state() != row.Waived {
		t.Fatalf("reviewed by one: %s", m.state())
	}
	for _, name := range []string{"officer1", "officer2"} {
		before := c.App.Store().View().Head().StateRoot
		if code := agree(id, name); code != tx.CodeSameOfficer || c.App.Store().View().Head().StateRoot != before {
			t.Errorf("%s, who signed the proposal, completes its review: code %d", name, code)
		}
	}
	// Somebody who only objected to the proposal may review it, and one who agrees to
	// it when the review waits may not be of both.
	if code := c.Deliver(c.Sign(c.Statement("hangzhou-amr", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: m.id, Type: tx.Agrees}), "officer3")); code != tx.CodeOK {
		t.Fatal(code)
	}
	if code := agree(id, "admin1"); code != tx.CodeSameOfficer || m.state() != row.Waived {
		t.Errorf("a review by one who has since agreed to the proposal: code %d, %s", code, m.state())
	}
}

func seqOf(t *testing.T, m *matter) uint64 {
	t.Helper()
	seq, ok, err := m.c.App.Store().View().Seq([32]byte(m.id))
	if err != nil || !ok {
		t.Fatal(err)
	}
	return seq
}
