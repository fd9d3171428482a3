package gateway

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"zhenglian/app/receipt"
	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/tx"
	"zhenglian/client"
	"zhenglian/client/api"
)

// over has the next block come after a day is over.
func (h *harness) over(day tx.Date) {
	h.t.Helper()
	h.mu.Lock()
	h.chain.Skipped += max(0, day.End().Time().Sub(h.chain.Now()))
	h.mu.Unlock()
	h.block(2)
}

// clocks lists what the client finds, as member code state.
func (h *harness) clocks(q api.ClockQuery) (found []string) {
	h.t.Helper()
	q.Limit = 2 // several pages
	for k, err := range h.client().AllClocks(context.Background(), q) {
		if err != nil {
			h.t.Fatal(err)
		}
		found = append(found, string(k.Member)+" "+string(k.Code)+" "+k.State)
	}
	return found
}

// Evidence is challenged; nobody decides until the last day is over. The clock
// is overdue, and its proof is verified without the gateway.
func TestOverdueIsProven(t *testing.T) {
	h, ctx := newHarness(t), context.Background()
	seal := func(n int) *api.Submission { return h.submit(h.seal(n, complete3...)) }
	challenge := func(s *api.Submission) *api.Submission {
		return h.submit(h.sign("platform-a", tx.EvidenceChallenge, s.ID, &tx.Challenge{Ground: "not_authentic"}, "platform"))
	}
	var sealed, challenged []*api.Submission
	for n := range 5 {
		sealed = append(sealed, seal(n))
		challenged = append(challenged, challenge(sealed[n]))
	}
	c := h.client()
	trust := h.trust
	id := row.ClockID{Code: state.EvidenceAnswer, Matter: sealed[0].Seq, Member: "hangzhou-amr"}
	k, err := c.Clock(ctx, id.Matter, id.Member, id.Code)
	if err != nil {
		t.Fatal(err)
	}
	if k.State != api.ClockRunning || k.Matter != sealed[0].ID || k.Unit != tx.Workdays || k.Count != 15 || k.AsOf == 0 {
		t.Errorf("after the challenge: %+v", k)
	}
	prove := func() []byte {
		t.Helper()
		b, err := c.ClockProof(ctx, id.Matter, id.Member, id.Code)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	check := func(b []byte, state string) *client.ProvenClock {
		t.Helper()
		p, err := client.VerifyClock(b, id, trust)
		if err != nil {
			t.Fatal(err)
		}
		if p.State != state || p.Due != k.Due || p.ClockID != id {
			t.Errorf("proven %+v, want %s until %s", p, state, k.Due)
		}
		return p
	}
	check(prove(), api.ClockRunning)

	// One is decided in time, the others are not.
	h.submit(h.sign("internet-court", tx.EvidenceReject, challenged[4].ID, &tx.Decision{Document: tx.Digest{1}}, "court"))
	h.over(k.Due)
	overdue := prove()
	p := check(overdue, api.ClockOverdue)
	if p.Late == 0 || p.Late > p.Height {
		t.Errorf("proven %+v", p)
	}
	is := func(member string, n int, states ...string) (want []string) {
		for _, s := range states {
			for range n {
				want = append(want, member+" EVIDENCE_ANSWER "+s)
			}
		}
		return want
	}
	same := func(what string, got, want []string) {
		t.Helper()
		if strings.Join(got, ",") != strings.Join(want, ",") {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	four, one := is("hangzhou-amr", 4, "overdue"), is("hangzhou-amr", 1, "stopped")
	same("all", h.clocks(api.ClockQuery{}), append(four[:4:4], one...))
	same("open", h.clocks(api.ClockQuery{State: api.ClockOpen, Member: "hangzhou-amr"}), four)
	same("overdue", h.clocks(api.ClockQuery{State: api.ClockOverdue}), four)
	same("overdue, of another", h.clocks(api.ClockQuery{State: api.ClockOverdue, Member: "xianyang-amr"}), nil)
	same("stopped", h.clocks(api.ClockQuery{State: api.ClockStopped, Member: "hangzhou-amr"}), one)
	same("running", h.clocks(api.ClockQuery{State: api.ClockRunning}), nil)
	same("of a matter", h.clocks(api.ClockQuery{Matter: challenged[1].ID}), four[:1])

	h.submit(h.sign("internet-court", tx.EvidenceUphold, challenged[0].ID, &tx.Decision{Document: tx.Digest{1}}, "court"))
	if p := check(prove(), api.ClockStopped); p.Late == 0 {
		t.Error("decided late, and the proof does not say so")
	}
	check(overdue, api.ClockOverdue) // what was proven stays proven

	// No other clock, chain or validators, and no byte changed.
	for _, want := range []row.ClockID{{Code: "OTHER", Matter: id.Matter, Member: id.Member}, {Code: id.Code, Matter: id.Matter, Member: "xianyang-amr"}, {Code: id.Code, Matter: id.Matter + 1, Member: id.Member}, {}} {
		if p, err := client.VerifyClock(overdue, want, trust); err == nil {
			t.Errorf("the proof was taken for that of %+v: %+v", want, p)
		}
	}
	stranger, err := receipt.NewTrust(trust.Chain, 1, []receipt.Validator{{PubKey: [32]byte{1}, Power: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.VerifyClock(overdue, id, stranger); err == nil {
		t.Error("verified by validators that did not sign")
	}
	forged := bytes.Replace(overdue, []byte(`\"late\":`), []byte(`\"late\":1`), 1)
	if bytes.Equal(forged, overdue) {
		t.Fatal("nothing to forge")
	}
	if _, err := client.VerifyClock(forged, id, trust); err == nil {
		t.Error("a forged row was verified")
	}
	if members, err := c.ClockProof(ctx, id.Matter, "xianyang-amr", id.Code); !client.IsNotFound(err) {
		t.Errorf("a clock that nobody has: %s, %v", members, err)
	}
	if p, err := c.Clocks(ctx, api.ClockQuery{Cursor: "zz"}); err == nil && len(p.Data) > 0 {
		t.Error("a cursor of nothing")
	}
}

// The rule sets and calendars of genesis are listed with what is in force.
func TestRuleSetsAndCalendars(t *testing.T) {
	h, ctx := newHarness(t), context.Background()
	h.block(1)
	sets, err := h.client().RuleSets(ctx)
	if err != nil {
		t.Fatal(err)
	}
	in := make(map[string]string)
	for _, s := range sets.Data {
		for _, d := range s.Deadlines {
			if d.InForce {
				in[string(d.Code)] += s.Name
			}
		}
	}
	if in["ACCEPT"] != "complaints-2026" || in["EVIDENCE_ANSWER"] != "consortium" {
		t.Errorf("in force: %v", in)
	}
	years, err := h.client().Calendars(ctx)
	if err != nil || len(years.Data) == 0 || years.Data[0].Year != 2026 || len(years.Data[0].Workdays) != 6 {
		t.Errorf("calendars: %+v, %v", years, err)
	}
}
