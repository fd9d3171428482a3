package tx

import "testing"

func TestAddMonths(t *testing.T) {
	for _, tt := range []struct {
		from string
		n    int
		want string
	}{
		{"2026-01-31", 1, "2026-02-28"}, {"2024-01-31", 1, "2024-02-29"}, {"2026-11-30", 36, "2029-11-30"}, {"2026-12-31", 2, "2027-02-28"},
		{"2026-12-15", 1, "2027-01-15"}, {"2026-11-15", 1, "2026-12-15"}, {"2026-05-01", 0, "2026-05-01"},
	} {
		from, err := ParseDate(tt.from)
		if err != nil {
			t.Fatal(err)
		}
		if got := from.AddMonths(tt.n).String(); got != tt.want {
			t.Errorf("%s and %d months: %s, want %s", tt.from, tt.n, got, tt.want)
		}
	}
}

func TestListWords(t *testing.T) {
	for _, l := range Lists() {
		if got, err := ParseList(l.String()); got != l || err != nil {
			t.Errorf("%s: %v, %v", l, got, err)
		}
	}
	for _, s := range []string{"", "blacklist", "list 0"} {
		if _, err := ParseList(s); err == nil {
			t.Errorf("%q is a list", s)
		}
	}
	if NegativeIndex.Statutory() || IndustryNotice.Statutory() || !SeriousDishonest.Statutory() || !AbnormalOperation.Statutory() {
		t.Error("statutory lists")
	}
}

// listSamples is a statement of every kind of the list and routing families.
func listSamples(st func(Kind, ID, Body) *Statement) map[string]*Statement {
	paper, head := &Paper{Document: Digest{3}}, ID{1}
	until := Civil(2027, 4, 1)
	decided := &Listing{Decision: Digest{1}, From: Civil(2026, 4, 1), Remedy: Digest{2}, RepairFrom: Civil(2026, 7, 1), Until: until}
	m := map[string]*Statement{
		"list-propose": st(ListPropose, ID{}, &Proposal{Basis: Digest{1}, Exhibits: []ID{{1}, {2}}, Law: Law{Article: 9, ID: "samr_44_2021", Paragraph: 1},
			List: SeriousDishonest, Measures: []string{"key_supervision", "no_honours"}, Reason: "food_safety", Severity: Serious, Statutory: true,
			Subject: ListedSubject{Epoch: 1, Tag: Digest{5}, USCC: "91350100M000100Y43"}}),
		"list-propose-index": st(ListPropose, ID{}, &Proposal{Law: Law{Article: 2, ID: "consortium_rules"}, List: NegativeIndex, Measures: []string{"compare"},
			Reason: "false_identity", Severity: Minor, Subject: ListedSubject{Epoch: 2, Tag: Digest{6}}}),
		"list-retag":            st(ListRetag, ID{}, &Retagging{Entries: []Retag{{ID{1}, Digest{2}, Digest{3}}, {ID{2}, Digest{4}, Digest{5}}}, Epoch: 2, List: NegativeIndex}),
		"list-serve":            st(ListServe, head, &Service{Document: Digest{1}, Method: "mail", RespondBy: Civil(2026, 3, 10), ServedOn: Civil(2026, 3, 1)}),
		"list-hear":             st(ListHear, head, &Hearing{HeldOn: Civil(2026, 3, 9), Record: Digest{1}}),
		"list-waive":            st(ListWaive, head, &Waiver{Document: Digest{1}, Reason: "declared"}),
		"list-waive-silent":     st(ListWaive, head, &Waiver{Reason: NoResponse}),
		"list-publish":          st(ListPublish, head, &Publication{Summary: Digest{1}}),
		"list-repair":           st(ListRepair, head, &RepairApplication{Application: Digest{1}, Promise: Digest{2}, Proof: Digest{3}}),
		"list-deny":             st(ListDeny, head, &Reasoned{Decision: Digest{1}, Reason: "not_fulfilled"}),
		"list-reinstate":        st(ListReinstate, head, &Reasoned{Decision: Digest{1}, Reason: "false_materials"}),
		"list-stay":             st(ListStay, head, &Reasoned{Decision: Digest{1}, Reason: "court_order"}),
		"list-revoke":           st(ListRevoke, head, &Revocation{Decision: Digest{1}, Ground: "penalty_revoked", Since: Civil(2026, 5, 2)}),
		"list-drop":             st(ListDrop, head, &Drop{Reason: "no_intent"}),
		"list-consumer":         st(ListConsumer, ID{}, &ConsumerChange{Action: EnrolConsumer, List: SeriousDishonest, Member: "platform-a"}),
		"list-consumer-release": st(ListConsumer, ID{}, &ConsumerChange{Action: ReleaseConsumer, List: AbnormalOperation, Member: "platform-a"}),
		"list-ack":              st(ListAck, ID{}, &Acknowledgement{Applied: 3, Lifted: 1, List: IndustryNotice, Through: 9}),
		"gov-list": st(GovList, ID{}, &ListRuleChange{Consent: true, Document: Digest{1}, From: 90, Laws: []string{"ndrc_36_2026", "samr_44_2021"}, List: SeriousDishonest,
			Terms: []Term{{Max: 12, Min: 3, Severity: General}, {Max: 36, Min: 12, Severity: Serious}}}),
		"gov-routing":     st(GovRouting, ID{}, &RoutingSwitch{Action: SwitchOn, Assessment: Digest{1}}),
		"gov-routing-off": st(GovRouting, ID{}, &RoutingSwitch{Action: SwitchOff}),
		"routing-tag":     st(RoutingTag, ID{}, &RoutingHint{Bucket: "several", Commitment: Digest{1}, Epoch: 1, Ground: "repeated_claims", Tag: Digest{2}, Until: until}),
		"routing-read":    st(RoutingRead, ID{}, &RoutingLookup{Purpose: "routing", Tag: Digest{2}}),
		"routing-remove":  st(RoutingRemove, head, &Reasoned{Decision: Digest{1}, Reason: "contest_upheld"}),
	}
	for name, k := range map[string]Kind{"accept": ListAccept, "consent": ListConsent, "defend": ListDefend, "grant": ListGrant, "hearing": ListHearing,
		"resume": ListResume, "review": ListReview, "contest": RoutingContest, "keep": RoutingKeep} {
		m[k.Family()+"-"+name] = st(k, head, paper)
	}
	for name, k := range map[string]Kind{"decide": ListDecide, "resolve": ListResolve, "agree": ListAgree} {
		m["list-"+name] = st(k, head, decided)
	}
	return m
}

// Every kind has a sample, and with it a vector.
func TestEveryKindHasASample(t *testing.T) {
	seen := make(map[Kind]bool)
	for _, s := range samples() {
		seen[s.Kind] = true
	}
	for _, k := range Kinds() {
		if !seen[k] {
			t.Errorf("no sample of %s", k)
		}
	}
}
