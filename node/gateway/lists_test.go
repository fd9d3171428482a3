package gateway

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"zhenglian/app/receipt"
	"zhenglian/app/row"
	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// later lets the next block be one of n days later.
func (h *harness) later(days int) {
	h.mu.Lock()
	h.chain.Skipped += time.Duration(days) * 24 * time.Hour
	h.mu.Unlock()
	h.block(2)
}

func (h *harness) today() tx.Date {
	h.mu.Lock()
	defer h.mu.Unlock()
	return tx.DateOf(tx.TimeOf(h.chain.Now()))
}

// An entry from proposal to repair, as its users see it over REST: proofs of
// absence and presence at any height and date, notices, acknowledgements that
// fall overdue, and what waits for whose signature.
func TestLists(t *testing.T) {
	h := newHarness(t)
	l := tx.SeriousDishonest
	tag := tx.Digest{0x42}
	prove := func(conditions string) (*api.Subject, bool) {
		t.Helper()
		s := read[api.Subject](h, api.SubjectURL(l, tag)+conditions)
		p, err := receipt.ParseStateProof(s.Proof)
		if err != nil {
			t.Fatal(err)
		}
		value, err := receipt.VerifyRow(p, row.SubjectKey(l, tag), h.trust)
		if err != nil || (value != nil) != s.Found || p.Height != s.Height || !s.Statutory {
			t.Fatalf("%s: %v, %+v", conditions, err, s)
		}
		return &s, s.Found
	}
	head := tx.ID{}
	do := func(kind tx.Kind, body tx.Body, signers ...string) *api.Submission {
		t.Helper()
		s := h.submit(h.sign("hangzhou-amr", kind, head, body, signers...))
		head = s.ID
		return s
	}
	day := h.today()
	proposal := do(tx.ListPropose, &tx.Proposal{Basis: tx.Digest{1}, Law: tx.Law{Article: 9, ID: "samr_44_2021"}, List: l, Measures: []string{"no_honours"}, Reason: "food_safety",
		Severity: tx.Serious, Statutory: true, Subject: tx.ListedSubject{Epoch: 1, Tag: tag}}, "officer1")
	h.verify("proposal", proposal.Receipt, receipt.Options{WantID: proposal.ID})
	do(tx.ListServe, &tx.Service{Document: tx.Digest{1}, Method: "mail", RespondBy: day + 7, ServedOn: day}, "officer1", "officer2")
	do(tx.ListWaive, &tx.Waiver{Document: tx.Digest{1}, Reason: "declared"}, "officer1")
	do(tx.ListReview, &tx.Paper{Document: tx.Digest{2}}, "officer2")
	if _, found := prove(""); found {
		t.Error("in force before the decision")
	}

	// The decision waits for the second officer, whose inbox shows what it would change.
	body := &tx.Listing{Decision: tx.Digest{1}, From: day, Remedy: tx.Digest{2}, RepairFrom: day.AddMonths(12), Until: day.AddMonths(36)}
	waits := h.submit(h.sign("hangzhou-amr", tx.ListDecide, head, body, "officer1"))
	inbox := read[api.Page[api.Pending]](h, api.PathPending+"?member=hangzhou-amr").Data
	if len(inbox) != 1 || inbox[0].ID != waits.ID {
		t.Fatalf("inbox %+v", inbox)
	}
	var sheet []string
	for _, c := range inbox[0].Changes {
		sheet = append(sheet, fmt.Sprintf("%s: %s → %s", c.Field, c.Now, c.Then))
	}
	for _, want := range []string{"严重违法失信名单, statutory", "state: REVIEWED 已法制审核 → DECIDED 已决定列入", "until:  → " + day.AddMonths(36).String()} {
		if !strings.Contains(strings.Join(sheet, "\n"), want) {
			t.Errorf("the sheet does not say %q:\n%s", want, strings.Join(sheet, "\n"))
		}
	}
	h.submit(h.sign("hangzhou-amr", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: waits.ID, Type: tx.Agrees}, "officer2"))
	head = waits.ID

	h.submit(h.sign("hangzhou-amr", tx.ListConsumer, tx.ID{}, &tx.ConsumerChange{Action: tx.EnrolConsumer, List: l, Member: "platform-a"}, "officer1", "officer2"))
	published := do(tx.ListPublish, &tx.Publication{Summary: tx.Digest{1}}, "officer1", "officer2")
	s, found := prove("")
	if !found || len(s.InForce) != 1 || s.InForce[0].ID != proposal.ID || s.InForce[0].State != row.Published || s.InForce[0].Until != day.AddMonths(36) {
		t.Errorf("published: %+v", s)
	}
	if _, found := prove(fmt.Sprintf("?height=%d", published.Height-1)); found {
		t.Error("in force a block before it was published")
	}
	if _, found := prove(fmt.Sprintf("?height=%d", published.Height)); !found {
		t.Error("not in force after the block that published it")
	}
	ack := read[api.Page[api.ListAck]](h, api.ListURL(l, "acks")).Data
	if len(ack) != 1 || ack[0].Member != "platform-a" || ack[0].Open != 1 || ack[0].Overdue != 0 || ack[0].NextDue == "" {
		t.Errorf("acknowledgements: %+v", ack)
	}
	h.later(10)
	notices := read[api.Page[api.ListNotice]](h, api.ListURL(l, "notices")+"?member=platform-a").Data
	if len(notices) != 1 || notices[0].Action != row.Apply || !slices.Equal(notices[0].Overdue, []tx.MemberID{"platform-a"}) {
		t.Errorf("notices: %+v", notices)
	}
	h.submit(h.sign("platform-a", tx.ListAck, tx.ID{}, &tx.Acknowledgement{Applied: 3, List: l, Through: 1}, "platform"))
	if ack := read[api.Page[api.ListAck]](h, api.ListURL(l, "acks")).Data[0]; ack.Open != 0 || ack.Applied != 3 {
		t.Errorf("acknowledged: %+v", ack)
	}

	h.later(366)
	listed := h.today()
	do(tx.ListRepair, &tx.RepairApplication{Application: tx.Digest{1}, Promise: tx.Digest{2}, Proof: tx.Digest{3}}, "officer1")
	h.later(1)
	do(tx.ListGrant, &tx.Paper{Document: tx.Digest{1}}, "officer1", "officer2")
	h.block(1)
	if _, found := prove(""); found {
		t.Error("in force after repair")
	}
	if s, found := prove("?date=" + listed.String()); !found || s.InForce[0].State != row.RepairApplied {
		t.Errorf("as of %s: %+v", listed, s)
	}
	history := read[api.Page[api.ListNotice]](h, api.SubjectURL(l, tag)+"/history").Data
	if len(history) != 2 || history[0].Action != row.Apply || history[1].Action != row.Lift || history[1].State != row.Repaired || !slices.Equal(history[1].Open, []tx.MemberID{"platform-a"}) {
		t.Errorf("history: %+v", history)
	}
	entries := read[api.Page[api.ListEntry]](h, api.ListURL(l, "entries")).Data
	if len(entries) != 1 || entries[0].ID != proposal.ID || entries[0].State != row.Repaired || entries[0].InForce || entries[0].Tag != tag || entries[0].Head != head {
		t.Errorf("entries: %+v", entries)
	}
	if got := read[api.Page[api.ListEntry]](h, api.ListURL(l, "entries")+"?state=PUBLISHED").Data; len(got) != 0 {
		t.Errorf("published entries: %+v", got)
	}
	for _, info := range read[api.Page[api.ListInfo]](h, api.PathLists).Data {
		if info.Statutory != info.List.Statutory() || len(info.Terms) == 0 || len(info.Laws) == 0 || info.Rule != 1 {
			t.Errorf("list: %+v", info)
		}
	}
	for path, status := range map[string]int{
		"/v1/lists/blacklist/entries":               422,
		api.SubjectURL(l, tag) + "?height=99999":    400,
		api.SubjectURL(l, tag) + "?date=2020-01-01": 400,
		api.SubjectURL(l, tag) + "?date=2026-02-30": 400,
		api.SubjectURL(l, tag)[:60]:                 422,
	} {
		if resp, b := h.do("GET", path, ""); resp.StatusCode != status && resp.StatusCode/100 != 4 {
			t.Errorf("GET %s: %s %s, want %d", path, resp.Status, b, status)
		}
	}
}

// A routing hint is shown to who has stated the lookup, and to nobody else.
func TestRoutingHint(t *testing.T) {
	h := newHarness(t)
	tag := tx.Digest{0x66}
	governors := []string{"admin1", "city-admin1", "changsha-admin1", "court-admin1"}
	h.submit(h.sign("hangzhou-amr", tx.GovRouting, tx.ID{}, &tx.RoutingSwitch{Action: tx.SwitchOn, Assessment: tx.Digest{1}}, governors...))
	h.submit(h.sign("hangzhou-amr", tx.RoutingTag, tx.ID{}, &tx.RoutingHint{Bucket: "several", Commitment: tx.Digest{1}, Epoch: 1, Ground: "repeated_claims", Tag: tag,
		Until: h.today() + 30}, "officer1", "officer2", "city"))
	lookup := func(of tx.Digest) *api.Submission {
		return h.submit(h.sign("hangzhou-amr", tx.RoutingRead, tx.ID{}, &tx.RoutingLookup{Purpose: "routing", Tag: of}, "officer1"))
	}
	mine, other := lookup(tag), lookup(tx.Digest{0x67})
	hint := read[api.RoutingHint](h, api.RoutingURL(tag)+"?read="+mine.ID.String())
	if !hint.Found || hint.Bucket != "several" {
		t.Errorf("hint: %+v", hint)
	}
	for _, path := range []string{api.RoutingURL(tag), api.RoutingURL(tag) + "?read=" + other.ID.String(), api.RoutingURL(tag) + "?read=" + tag.String()} {
		if resp, b := h.do("GET", path, ""); resp.StatusCode/100 != 4 || strings.Contains(string(b), "several") {
			t.Errorf("GET %s: %s %s", path, resp.Status, b)
		}
	}
	if resp, b := h.do("POST", api.PathVerify, fmt.Sprintf(`{"key":"%x"}`, row.RoutingTagKey(tag))); resp.StatusCode/100 != 4 {
		t.Errorf("read by its key: %s %s", resp.Status, b)
	}
}
