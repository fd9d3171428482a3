package receipt

import (
	"errors"
	"slices"
	"testing"
	"time"

	"zhenglian/app/row"
	"zhenglian/app/tx"
	"zhenglian/genesis"
)

// state proves a row after a block.
func (l *ledger) state(key []byte, height int64) *StateProof {
	l.T.Helper()
	v := l.at(height)
	h := v.Head()
	return &StateProof{V: Version, Chain: l.trust.Chain, Height: height, LogSize: h.LogSize, LogRoot: h.LogRoot, StateRoot: h.StateRoot,
		Block: l.sign(l.header(height + 1)), Row: prove(l.T, v, key)}
}

// A whole life of an entry: at every step the receipts verify, and at every
// height a proof says what was in force, or that nothing was.
func TestListLife(t *testing.T) {
	l := newLedger(t, func(g *genesis.State) {
		g.Params.PendingBlocks = 50
		for i := range g.Members {
			if g.Members[i].ID == "hangzhou-amr" {
				g.Members[i].Superior = "changsha-amr"
			}
		}
	})
	tag := tx.Digest{0x77, 1}
	key := row.SubjectKey(tx.SeriousDishonest, tag)
	day := func() tx.Date { return tx.DateOf(tx.TimeOf(l.Now())) }
	type fact struct {
		height int64
		state  row.State // "" when nothing is in force
	}
	var facts []fact
	note := func(s row.State) { facts = append(facts, fact{l.Height, s}) }
	note("")
	var ids []tx.ID
	head := tx.ID{}
	do := func(member tx.MemberID, kind tx.Kind, body tx.Body, signers ...string) {
		t.Helper()
		head = l.Must(l.Sign(l.Statement(member, kind, head, body), signers...))
		ids = append(ids, head)
	}
	paper := func() *tx.Paper { return &tx.Paper{Document: tx.Digest{byte(l.Height), 1}} }
	skip := func(to tx.Date) { l.Skipped += time.Duration(to-day()) * 24 * time.Hour }

	do("hangzhou-amr", tx.ListPropose, &tx.Proposal{Basis: tx.Digest{1}, Law: tx.Law{Article: 9, ID: "samr_44_2021"}, List: tx.SeriousDishonest,
		Measures: []string{"no_honours"}, Reason: "food_safety", Severity: tx.Serious, Statutory: true, Subject: tx.ListedSubject{Epoch: 1, Tag: tag, USCC: "91350100M000100Y43"}}, "officer1")
	do("hangzhou-amr", tx.ListServe, &tx.Service{Document: tx.Digest{1}, Method: "mail", RespondBy: day() + 7, ServedOn: day()}, "officer1", "officer2")
	do("hangzhou-amr", tx.ListDefend, paper(), "officer1")
	do("hangzhou-amr", tx.ListHearing, paper(), "officer1")
	do("hangzhou-amr", tx.ListHear, &tx.Hearing{HeldOn: day(), Record: tx.Digest{1}}, "officer1", "officer2")
	do("hangzhou-amr", tx.ListReview, paper(), "officer2")
	do("changsha-amr", tx.ListConsent, paper(), "changsha")
	from := day()
	decided := l.Statement("hangzhou-amr", tx.ListDecide, head, &tx.Listing{Decision: tx.Digest{1}, From: from, Remedy: tx.Digest{2}, RepairFrom: from.AddMonths(12), Until: from.AddMonths(36)})
	head = l.Must(l.Sign(decided, "officer1")) // the second officer signs later
	ids = append(ids, head)
	l.Must(l.Sign(l.Statement("hangzhou-amr", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: head, Type: tx.Agrees}), "officer2"))
	note("")
	do("hangzhou-amr", tx.ListPublish, &tx.Publication{Summary: tx.Digest{1}}, "officer1", "officer2")
	note(row.Published)
	do("internet-court", tx.ListStay, &tx.Reasoned{Decision: tx.Digest{1}, Reason: "court_order"}, "court")
	note("")
	do("internet-court", tx.ListResume, paper(), "court")
	note(row.Published)
	skip(from.AddMonths(12))
	do("platform-a", tx.ListRepair, &tx.RepairApplication{Application: tx.Digest{1}, Promise: tx.Digest{2}, Proof: tx.Digest{3}}, "platform")
	note(row.RepairApplied)
	do("hangzhou-amr", tx.ListAccept, paper(), "officer1")
	note(row.RepairAccepted)
	do("hangzhou-amr", tx.ListDeny, &tx.Reasoned{Decision: tx.Digest{1}, Reason: "harm_remains"}, "officer1", "officer2")
	note(row.RepairDenied)
	do("platform-a", tx.ListRepair, &tx.RepairApplication{Application: tx.Digest{1}, Promise: tx.Digest{2}, Proof: tx.Digest{4}}, "platform")
	do("hangzhou-amr", tx.ListGrant, paper(), "officer1", "officer2")
	note("")
	do("hangzhou-amr", tx.ListReinstate, &tx.Reasoned{Decision: tx.Digest{1}, Reason: "false_materials"}, "officer1", "officer2")
	note(row.Reinstated)
	skip(from.AddMonths(36) - 1)
	l.Block()
	note(row.Reinstated)
	skip(from.AddMonths(36))
	l.Block()
	note("") // it has ended by itself
	l.Block()

	for _, f := range facts {
		p := l.state(key, f.height)
		value, err := VerifyRow(p, key, l.trust)
		if err != nil {
			t.Fatalf("height %d: %v", f.height, err)
		}
		if f.state == "" {
			if err := VerifyAbsence(p, key, l.trust); err != nil {
				t.Errorf("height %d: %v", f.height, err)
			}
			continue
		}
		s, err := row.DecodeSubject(value)
		if err != nil || len(s) != 1 || s[0].State != f.state || s[0].From != from || s[0].Until != from.AddMonths(36) {
			t.Errorf("height %d: %s, %v, want %s", f.height, value, err, f.state)
		}
		if err := VerifyAbsence(p, key, l.trust); !errors.Is(err, ErrPresent) {
			t.Errorf("height %d: absent: %v", f.height, err)
		}
		// A proof of one height is none of another's, and none of another tag.
		p.Height++
		if _, err := VerifyRow(p, key, l.trust); err == nil {
			t.Error("a proof of another height verifies")
		}
		p.Height--
		if _, err := VerifyRow(p, row.SubjectKey(tx.SeriousDishonest, tx.Digest{1}), l.trust); err == nil {
			t.Error("a proof of another tag verifies")
		}
	}

	last := l.Height - 1
	for i, id := range ids {
		s, err := l.receipt(id), error(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []*Receipt{s, l.later(s, last)} {
			rep := Verify(toJSON(t, r), l.trust, Options{WantID: id})
			if bad := failing(rep); len(bad) > 0 && !slices.Equal(bad, []string{"policy"}) {
				t.Errorf("step %d: %s, failing %v", i, rep.Verdict, bad)
			}
			if rep.Verdict == NotVerified && r.Later != nil {
				t.Errorf("step %d, as of the end: %s, failing %v", i, rep.Verdict, failing(rep))
			}
		}
	}
}
