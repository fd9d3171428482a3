package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"

	abci "github.com/cometbft/cometbft/abci/types"

	"zhenglian/app/apptest"
	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/tx"
	"zhenglian/genesis"
)

// stand returns the standing of a statement at the tip.
func stand(t *testing.T, c *apptest.Chain, id tx.ID) *state.Standing {
	t.Helper()
	s, err := state.Stand(c.App.Store().View(), c.App.Directory(), id)
	if err != nil || s == nil {
		t.Fatalf("standing of %s: %v, %v", id, s, err)
	}
	return s
}

func TestSealAtOnce(t *testing.T) {
	c := apptest.New(t)
	c.Block()
	before := c.App.Store().View().Head().StateRoot
	id := c.Must(c.Seal(1))
	if s := stand(t, c, id); s.State != row.Sealed || s.Outcome != row.Effective || len(s.Votes) != 3 {
		t.Errorf("got %+v, want SEALED by 3", s)
	}
	if c.App.Store().View().Head().StateRoot != before {
		t.Error("a complete seal wrote into the state tree")
	}
	if got := c.Deliver(c.Seal(1)); got != tx.CodeOK && got != tx.CodeKnown {
		t.Errorf("again at another height: %d", got)
	}
}

func TestPendingThenEndorsed(t *testing.T) {
	c := apptest.New(t)
	c.Block()
	id := c.Must(c.Sign(c.Statement("hangzhou-amr", tx.EvidenceSeal, tx.ID{}, c.Evidence(1)), "officer1"))
	s := stand(t, c, id)
	if s.State != row.Pending || len(s.Missing) != 2 {
		t.Fatalf("got %s lacking %q, want PENDING lacking two things", s.State, s.Missing)
	}
	endorse := func(member tx.MemberID, typ, reason string, names ...string) tx.Code {
		return c.Deliver(c.Sign(c.Statement(member, tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: id, Type: typ, Reason: reason}), names...))
	}
	for _, step := range []struct {
		name  string
		got   tx.Code
		want  tx.Code
		state row.State
	}{
		{"court objects", endorse("internet-court", tx.Objects, "content_differs", "court"), tx.CodeOK, row.Pending},
		{"platform", endorse("platform-a", tx.Served, "", "platform"), tx.CodeOK, row.Pending},
		{"platform again", endorse("platform-a", tx.Holds, "", "platform"), tx.CodeEndorsed, row.Pending},
		{"the officer who signed", endorse("hangzhou-amr", tx.Agrees, "", "officer1"), tx.CodeEndorsed, row.Pending},
		{"second officer", endorse("hangzhou-amr", tx.Agrees, "", "officer2"), tx.CodeOK, row.Sealed},
		{"late", endorse("xianyang-amr", tx.Holds, "", "city2"), tx.CodeOK, row.Sealed},
		{"another account of that city", endorse("xianyang-amr", tx.Holds, "", "city"), tx.CodeEndorsed, row.Sealed},
	} {
		if step.got != step.want {
			t.Errorf("%s: got %d, want %d", step.name, step.got, step.want)
		}
	}
	s = stand(t, c, id)
	if s.State != row.Sealed || s.Outcome != row.Effective || len(s.Votes) != 5 {
		t.Errorf("got %s %s with %d votes, want SEALED effective with 5", s.State, s.Outcome, len(s.Votes))
	}
}

// A signature that objects never completes a policy.
func TestObjectionDoesNotCount(t *testing.T) {
	c := apptest.New(t)
	c.Block()
	id := c.Must(c.Sign(c.Statement("hangzhou-amr", tx.EvidenceSeal, tx.ID{}, c.Evidence(1)), "officer1", "officer2"))
	c.Must(c.Sign(c.Statement("platform-a", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: id, Type: tx.Objects, Reason: "not_served"}), "platform"))
	if s := stand(t, c, id); s.State != row.Pending {
		t.Errorf("got %s, want PENDING", s.State)
	}
}

func TestPendingExpires(t *testing.T) {
	c := apptest.New(t, pendingBlocks(3))
	c.Block()
	id := c.Must(c.Sign(c.Statement("hangzhou-amr", tx.EvidenceSeal, tx.ID{}, c.Evidence(1)), "officer1"))
	c.Block()
	c.Block()
	if s := stand(t, c, id); s.State != row.Pending {
		t.Fatalf("two blocks later: %s, want PENDING", s.State)
	}
	c.Block()
	if s := stand(t, c, id); s.State != row.Expired || s.Outcome != row.Lapsed {
		t.Fatalf("at its deadline: %s %s, want EXPIRED lapsed", s.State, s.Outcome)
	}
	if got := c.Deliver(c.Sign(c.Statement("hangzhou-amr", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: id, Type: tx.Agrees}), "officer2")); got != tx.CodeSettled {
		t.Errorf("endorsing it then: %d, want %d", got, tx.CodeSettled)
	}
}

// A continuation that waits does not hold the matter: it lapses when another
// takes effect, and its own deadline frees the place it took.
func TestWaitingContinuation(t *testing.T) {
	c := apptest.New(t, pendingBlocks(4))
	c.Block()
	id := c.Must(c.Seal(1))
	withdraw := func(reason string, names ...string) *tx.Envelope {
		return c.Sign(c.Statement("hangzhou-amr", tx.EvidenceWithdraw, id, &tx.Withdraw{Reason: reason}), names...)
	}
	w := c.Must(withdraw("mistake", "officer1"))
	if s := stand(t, c, id); s.State != row.Sealed || s.WaitingStep == 0 {
		t.Fatalf("got %s waiting for %d, want SEALED and one waiting", s.State, s.WaitingStep)
	}
	if got := c.Deliver(withdraw("duplicate", "officer1")); got != tx.CodeWaiting {
		t.Errorf("a second one that would wait: %d, want %d", got, tx.CodeWaiting)
	}
	ch := c.Must(c.Sign(c.Statement("platform-a", tx.EvidenceChallenge, id, &tx.Challenge{Ground: "not_authentic"}), "platform"))
	if s := stand(t, c, w); s.Outcome != row.Lapsed {
		t.Errorf("after the challenge the withdrawal is %s, want lapsed", s.Outcome)
	}
	if s := stand(t, c, id); s.State != row.Challenged || s.Head != ch || s.WaitingStep != 0 {
		t.Errorf("got %s head %s waiting %d", s.State, s.Head, s.WaitingStep)
	}
	w2 := c.Must(c.Sign(c.Statement("hangzhou-amr", tx.EvidenceWithdraw, ch, &tx.Withdraw{Reason: "mistake"}), "officer1"))
	for range 5 {
		c.Block()
	}
	if s := stand(t, c, w2); s.Outcome != row.Lapsed {
		t.Errorf("past its deadline: %s, want lapsed", s.Outcome)
	}
	if s := stand(t, c, id); s.State != row.Challenged || s.WaitingStep != 0 {
		t.Errorf("past the deadline: %s waiting %d, want CHALLENGED and none", s.State, s.WaitingStep)
	}
	w3 := c.Must(c.Sign(c.Statement("hangzhou-amr", tx.EvidenceWithdraw, ch, &tx.Withdraw{Reason: "duplicate"}), "officer1"))
	c.Must(c.Sign(c.Statement("hangzhou-amr", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: w3, Type: tx.Agrees}), "officer2"))
	if s := stand(t, c, id); s.State != row.Withdrawn || s.Head != w3 {
		t.Errorf("endorsed: %s head %s, want WITHDRAWN by %s", s.State, s.Head, w3)
	}
	if s := stand(t, c, w3); s.State != row.Withdrawn || s.Outcome != row.Effective || s.Matter != stand(t, c, id).Seq {
		t.Errorf("the withdrawal itself: %+v", s)
	}
}

// What could never get its signatures does not wait for them: it would keep the
// matter from those who can go on with it.
func TestImpossibleStatementsDoNotWait(t *testing.T) {
	c := apptest.New(t)
	c.Block()
	id := c.Must(c.Seal(1))
	ch := c.Must(c.Sign(c.Statement("platform-a", tx.EvidenceChallenge, id, &tx.Challenge{Ground: "unlawful"}), "platform"))
	reject := c.Sign(c.Statement("changsha-amr", tx.EvidenceReject, ch, &tx.Decision{Document: tx.Digest{1}}), "changsha")
	if got := c.Deliver(reject); got != tx.CodePolicy {
		t.Errorf("a decision by who is no court: %d, want %d", got, tx.CodePolicy)
	}
	c.Must(c.Sign(c.Statement("internet-court", tx.EvidenceReject, ch, &tx.Decision{Document: tx.Digest{1}}), "court"))
	if s := stand(t, c, id); s.State != row.Rejected {
		t.Errorf("after the court's decision: %s", s.State)
	}
}

func TestInitChainIsIdempotent(t *testing.T) {
	c := apptest.New(t)
	first := c.Hashes[0]
	c.Reopen()
	c.Begin()
	if !bytes.Equal(first, c.Hashes[0]) {
		t.Errorf("app hash %x, then %x", first, c.Hashes[0])
	}
	c.Genesis.Params.FutureMillis++
	other := []byte(`{}`)
	if _, err := c.App.InitChain(context.Background(), &abci.RequestInitChain{ChainId: apptest.ChainID, AppStateBytes: other}); err == nil {
		t.Error("a malformed genesis was accepted")
	}
	c.Block()
	if _, err := c.App.InitChain(context.Background(), &abci.RequestInitChain{ChainId: "other-chain", AppStateBytes: mustJSON(t, c.Genesis)}); err == nil {
		t.Error("a database with blocks began another chain")
	}
}

func TestProposals(t *testing.T) {
	c := apptest.New(t)
	c.Block()
	ctx := context.Background()
	good, other := c.Seal(1).AppendWire(nil), c.Seal(2).AppendWire(nil)
	bad := bytes.Clone(good)
	bad[len(bad)-60] ^= 1 // in a signature or keyid
	expired := c.Sign(func() *tx.Statement {
		s := c.Statement("hangzhou-amr", tx.EvidenceSeal, tx.ID{}, c.Evidence(3))
		s.Expires = 1
		return s
	}(), "officer1", "officer2", "city").AppendWire(nil)
	flood := [][]byte{good, other}
	city := c.Sign(c.Statement("xianyang-amr", tx.EvidenceSeal, tx.ID{}, c.Evidence(4)), "city").AppendWire(nil)

	p, err := c.App.PrepareProposal(ctx, &abci.RequestPrepareProposal{Txs: append(flood, bad, expired, city), MaxTxBytes: 1 << 20, Time: apptest.Start})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Txs) != 4 || !bytes.Equal(p.Txs[0], good) || !bytes.Equal(p.Txs[1], city) || !bytes.Equal(p.Txs[2], other) || !bytes.Equal(p.Txs[3], expired) {
		t.Errorf("proposal of %d, want good, city, other, expired: members take turns, the invalid come last and the forged not at all", len(p.Txs))
	}
	p, err = c.App.PrepareProposal(ctx, &abci.RequestPrepareProposal{Txs: append(flood, city), MaxTxBytes: int64(len(good)+len(city)) + 8, Time: apptest.Start})
	if err != nil {
		t.Fatal(err)
	}
	if n := totalSize(p.Txs); n > int64(len(good)+len(city))+8 || len(p.Txs) != 2 {
		t.Errorf("%d transactions of %d bytes do not fit", len(p.Txs), n)
	}
	for _, tt := range []struct {
		name string
		txs  [][]byte
		want abci.ResponseProcessProposal_ProposalStatus
	}{
		{"own proposal", p.Txs, abci.ResponseProcessProposal_ACCEPT},
		{"empty", nil, abci.ResponseProcessProposal_ACCEPT},
		{"expired is for FinalizeBlock", [][]byte{expired}, abci.ResponseProcessProposal_ACCEPT},
		{"bad signature", [][]byte{good, bad}, abci.ResponseProcessProposal_REJECT},
		{"garbage", [][]byte{{1, 2, 3}}, abci.ResponseProcessProposal_REJECT},
		{"oversize", [][]byte{make([]byte, tx.MaxEnvelope+1)}, abci.ResponseProcessProposal_REJECT},
	} {
		r, err := c.App.ProcessProposal(ctx, &abci.RequestProcessProposal{Txs: tt.txs})
		if err != nil || r.Status != tt.want {
			t.Errorf("%s: %v %v, want %v", tt.name, r.GetStatus(), err, tt.want)
		}
	}
	rs := c.Block(good, bad, good, city)
	for i, want := range []tx.Code{tx.CodeOK, 0, tx.CodeKnown, tx.CodeOK} {
		if i == 1 {
			if rs[i].Code == 0 {
				t.Error("a bad signature was accepted in a block")
			}
		} else if tx.Code(rs[i].Code) != want {
			t.Errorf("transaction %d: code %d, want %d", i, rs[i].Code, want)
		}
	}
}

func TestErrorsIs(t *testing.T) {
	err := error(&tx.Error{Code: tx.CodeStalePrev, Path: "prev"})
	if !errors.Is(err, tx.CodeStalePrev.Err()) || errors.Is(err, tx.CodeState.Err()) {
		t.Error("errors.Is must compare codes")
	}
}
func pendingBlocks(n int64) func(*genesis.State) {
	return func(g *genesis.State) { g.Params.PendingBlocks = n }
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func totalSize(txs [][]byte) (n int64) {
	for _, t := range txs {
		n += int64(len(t)) + 3
	}
	return n
}
