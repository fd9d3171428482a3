package gateway

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"zhenglian/app/tx"
	"zhenglian/client"
	"zhenglian/client/api"
)

// What a consumer of a list has not acknowledged is among the clocks, running
// and then overdue, page by page; and it is proven without the gateway.
func TestUnacknowledgedNoticesAreClocks(t *testing.T) {
	h, ctx := newHarness(t), context.Background()
	l, day := tx.NegativeIndex, h.today()
	two := []string{"officer1", "officer2"}
	h.submit(h.sign("hangzhou-amr", tx.ListConsumer, tx.ID{}, &tx.ConsumerChange{Action: tx.EnrolConsumer, List: l, Member: "platform-a"}, two...))
	var ids []tx.ID
	for n := range byte(3) {
		head := tx.ID{}
		do := func(kind tx.Kind, body tx.Body, signers ...string) {
			head = h.submit(h.sign("hangzhou-amr", kind, head, body, signers...)).ID
		}
		do(tx.ListPropose, &tx.Proposal{Law: tx.Law{Article: 3, ID: "consortium_rules"}, List: l, Measures: []string{"compare"}, Reason: "false_identity",
			Severity: tx.General, Subject: tx.ListedSubject{Epoch: 1, Tag: tx.Digest{1, n}}}, "officer1")
		ids = append(ids, head)
		do(tx.ListServe, &tx.Service{Document: tx.Digest{1}, Method: "mail", RespondBy: day + 10, ServedOn: day}, two...)
		do(tx.ListWaive, &tx.Waiver{Document: tx.Digest{1}, Reason: "declared"}, "officer1")
		do(tx.ListReview, &tx.Paper{Document: tx.Digest{2}}, "officer2")
		do(tx.ListAgree, &tx.Listing{Decision: tx.Digest{1}, From: day, Remedy: tx.Digest{2}, RepairFrom: day.AddMonths(3), Until: day.AddMonths(6)}, "officer1", "officer2", "city")
		do(tx.ListPublish, &tx.Publication{Summary: tx.Digest{1}}, two...)
		if n == 0 { // which makes the second notice
			do(tx.ListStay, &tx.Reasoned{Decision: tx.Digest{1}, Reason: "reexamination"}, two...)
		}
	}
	acks := func(q api.ClockQuery) (found []string) {
		t.Helper()
		q.Limit = 1
		for k, err := range h.client().AllClocks(ctx, q) {
			if err != nil {
				t.Fatal(err)
			}
			if k.Notice != 0 {
				found = append(found, fmt.Sprintf("%s %s %d %s", k.Code, k.Member, k.Notice, k.State))
			}
		}
		return found
	}
	same := func(what string, got []string, want ...string) {
		t.Helper()
		if strings.Join(got, ",") != strings.Join(want, ",") {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	c := h.client()
	prove := func(number uint64, state string) []byte {
		t.Helper()
		b, err := c.ListAckProof(ctx, l, number, "platform-a")
		if err != nil {
			t.Fatal(err)
		}
		k, err := client.VerifyListAck(b, l, number, "platform-a", h.trust)
		if err != nil || k.State != state {
			t.Fatalf("proven %+v, %v; want %s", k, err, state)
		}
		return b
	}
	r := func(state string, numbers ...int) (want []string) {
		for _, n := range numbers {
			want = append(want, fmt.Sprintf("%s platform-a %d %s", map[bool]string{true: "LIST_WITHDRAW", false: "LIST_ACK"}[n == 2], n, state))
		}
		return want
	}
	same("at first", acks(api.ClockQuery{}), r("running", 1, 2, 3, 4)...)
	prove(1, api.ClockRunning)
	h.later(10)
	h.submit(h.sign("platform-a", tx.ListAck, tx.ID{}, &tx.Acknowledgement{Applied: 1, List: l, Through: 1}, "platform"))
	same("overdue", acks(api.ClockQuery{State: api.ClockOverdue}), r("overdue", 2, 3, 4)...)
	same("open, of the platform", acks(api.ClockQuery{State: api.ClockOpen, Member: "platform-a"}), r("overdue", 2, 3, 4)...)
	same("running", acks(api.ClockQuery{State: api.ClockRunning}))
	same("stopped", acks(api.ClockQuery{State: api.ClockStopped}))
	same("of another", acks(api.ClockQuery{Member: "hangzhou-amr"}))
	same("of a matter", acks(api.ClockQuery{Matter: ids[0]}), r("overdue", 2)...)

	overdue := prove(2, api.ClockOverdue)
	prove(1, api.ClockStopped)
	h.submit(h.sign("platform-a", tx.ListAck, tx.ID{}, &tx.Acknowledgement{Lifted: 1, List: l, Through: 4}, "platform"))
	prove(2, api.ClockStopped)
	same("when all is acknowledged", acks(api.ClockQuery{}))
	// What was proven stays proven; of another notice, list or consumer it proves nothing.
	if k, err := client.VerifyListAck(overdue, l, 2, "platform-a", h.trust); err != nil || k.State != api.ClockOverdue || k.Code != "LIST_WITHDRAW" {
		t.Errorf("%+v, %v", k, err)
	}
	for _, bad := range []struct {
		list   tx.List
		number uint64
		member tx.MemberID
	}{{l, 3, "platform-a"}, {tx.IndustryNotice, 2, "platform-a"}, {l, 2, "notary-office"}} {
		if k, err := client.VerifyListAck(overdue, bad.list, bad.number, bad.member, h.trust); err == nil {
			t.Errorf("taken for the proof of %+v: %+v", bad, k)
		}
	}
	if _, err := client.VerifyListAck(bytes.Replace(overdue, []byte(`through\":1`), []byte(`through\":0`), 1), l, 2, "platform-a", h.trust); err == nil {
		t.Error("a forged row was verified")
	}
	if _, err := c.ListAckProof(ctx, l, 9, "platform-a"); !client.IsNotFound(err) {
		t.Errorf("of no notice: %v", err)
	}
}
