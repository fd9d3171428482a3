package receipt

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"zhenglian/app/row"
	"zhenglian/app/tx"
)

func TestGood(t *testing.T) {
	l, r := sample(t)
	r = l.witnessed(r, l.Height, "court", "notary")
	opt := Options{Files: []FileDigests{page()}, WantSeq: &r.Entry.Seq, WantHeight: r.Entry.Height, Witnesses: witnessPolicy(t)}
	rep := Verify(toJSON(t, r), l.trust, opt)
	if rep.Verdict != Verified {
		t.Fatalf("verdict %s\n%s", rep.Verdict, rep.Text(Both))
	}
	for i := range rep.Checks {
		if rep.Checks[i].Result != Pass {
			t.Errorf("%s: %s", rep.Checks[i].ID, rep.Checks[i].Result)
		}
	}
	again := Verify(toJSON(t, r), l.trust, opt)
	if !bytes.Equal(rep.JSON(), again.JSON()) || rep.Text(Both) != again.Text(Both) {
		t.Error("two reports on one input differ")
	}
	if rep := Verify(toCBOR(t, r), l.trust, opt); rep.Verdict != Verified {
		t.Errorf("CBOR: verdict %s", rep.Verdict)
	}
	f := rep.Facts
	if f.SealedAt != r.Block.Header.Time.String() || f.NotBefore == nil || f.State != "SEALED" || len(f.Signers) != 3 || f.MemberName.ZH == "" {
		t.Errorf("facts: %+v", f)
	}
}

func TestCompact(t *testing.T) {
	l, r := sample(t)
	b := toCBOR(t, r.Compact())
	rep := Verify(b, l.trust, Options{Files: []FileDigests{page()}})
	if rep.Verdict != Warned || len(failing(rep)) > 0 {
		t.Fatalf("verdict %s\n%s", rep.Verdict, rep.Text(EN))
	}
	for id, want := range map[string]Result{"signatures": Skip, "accounts": Skip, "policy": Warn, "state": Skip, "later": Skip, "file": Pass, "quorum": Pass} {
		if got := rep.Check(id).Result; got != want {
			t.Errorf("%s: got %s, want %s", id, got, want)
		}
	}
}

// Every state that a statement can reach, by the real rules, and what the
// verifier makes of it.
func TestStates(t *testing.T) {
	l := newLedger(t)
	seal := func(n int, names ...string) tx.ID {
		return l.Must(l.Sign(l.Statement("hangzhou-amr", tx.EvidenceSeal, tx.ID{}, l.Evidence(n)), names...))
	}
	say := func(member tx.MemberID, k tx.Kind, prev tx.ID, b tx.Body, names ...string) tx.ID {
		return l.Must(l.Sign(l.Statement(member, k, prev, b), names...))
	}
	full := []string{"officer1", "officer2", "city"}
	sealed := seal(1, full...)
	withdrawn := seal(2, full...)
	withdrawal := say("hangzhou-amr", tx.EvidenceWithdraw, withdrawn, &tx.Withdraw{Reason: "mistake"}, "officer1", "officer2")
	superseded := seal(3, full...)
	superseding := say("hangzhou-amr", tx.EvidenceSupersede, superseded, &tx.Supersede{By: sealed, Reason: "recapture"}, "officer1", "officer2")
	challenged := seal(4, full...)
	challenge := say("internet-court", tx.EvidenceChallenge, challenged, &tx.Challenge{Ground: "not_authentic"}, "court")
	upheld := seal(5, full...)
	answered := say("xianyang-amr", tx.EvidenceChallenge, upheld, &tx.Challenge{Ground: "unlawful"}, "city")
	say("internet-court", tx.EvidenceUphold, answered, &tx.Decision{Document: tx.Digest{1}}, "court")
	rejected := seal(6, full...)
	say("internet-court", tx.EvidenceReject, say("xianyang-amr", tx.EvidenceChallenge, rejected, &tx.Challenge{Ground: "unlawful"}, "city"), &tx.Decision{Document: tx.Digest{2}}, "court")
	completed := seal(7, "officer1", "officer2")
	endorsement := say("platform-a", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: completed, Type: tx.Served}, "platform")
	objected := seal(8, full...)
	say("platform-a", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: objected, Type: tx.Objects, Reason: "not_served"}, "platform")
	expired := seal(9, "officer1")
	for range 8 {
		l.Block()
	}
	waiting := seal(10, "officer1")
	waitingStep := say("hangzhou-amr", tx.EvidenceWithdraw, objected, &tx.Withdraw{Reason: "mistake"}, "officer1")
	l.Block()

	for _, c := range []struct {
		name    string
		id      tx.ID
		early   Verdict // without the later state
		verdict Verdict
		state   string
		later   Result
		policy  Result
	}{
		{"sealed", sealed, Verified, Verified, "SEALED", Pass, Pass},
		{"withdrawn", withdrawn, Verified, Warned, "WITHDRAWN", Warn, Pass},
		{"superseded", superseded, Verified, Warned, "SUPERSEDED", Warn, Pass},
		{"challenged", challenged, Verified, Warned, "CHALLENGED", Warn, Pass},
		{"upheld", upheld, Verified, Warned, "UPHELD", Warn, Pass},
		{"rejected", rejected, Verified, Verified, "REJECTED", Pass, Pass},
		{"completed", completed, NotVerified, Verified, "SEALED", Pass, Pass},
		{"objected", objected, Verified, Verified, "SEALED", Pass, Pass},
		{"expired", expired, NotVerified, NotVerified, "EXPIRED", Skip, Fail},
		{"waiting", waiting, NotVerified, NotVerified, "PENDING", Skip, Fail},
		{"endorsement", endorsement, Verified, Verified, StateEffective, Pass, Pass},
		{"withdrawal", withdrawal, Verified, Verified, StateEffective, Pass, Pass},
		{"superseding", superseding, Verified, Verified, StateEffective, Pass, Pass},
		{"challenge", challenge, Verified, Verified, StateEffective, Pass, Pass},
		{"answered challenge", answered, Verified, Warned, StateEffective, Warn, Pass},
		{"waiting step", waitingStep, NotVerified, NotVerified, "PENDING", Skip, Fail},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := l.receipt(c.id)
			if rep := Verify(toJSON(t, r), l.trust, Options{WantID: c.id}); rep.Verdict != c.early {
				t.Errorf("at its height: verdict %s, want %s\n%s", rep.Verdict, c.early, rep.Text(EN))
			}
			if r.Entry.Height == l.Height {
				return
			}
			rep := Verify(toJSON(t, l.later(r, l.Height)), l.trust, Options{WantID: c.id})
			if rep.Verdict != c.verdict || rep.Facts.State != c.state || rep.Check("later").Result != c.later || rep.Check("policy").Result != c.policy {
				t.Errorf("verdict %s, state %s\n%s", rep.Verdict, rep.Facts.State, rep.Text(EN))
			}
			if rep.Facts.AsOfHeight != l.Height {
				t.Errorf("as of %d, want %d", rep.Facts.AsOfHeight, l.Height)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	l, r := sample(t)
	old := *l.trust
	old.Height = r.Entry.Height + 5
	if rep := Verify(toJSON(t, r), &old, Options{}); rep.Verdict != Warned || rep.Check("quorum").Result != Warn {
		t.Errorf("a block older than the trust root: %s", rep.Verdict)
	}
}

// An account whose key is compromised from a height on, learned of later, is
// flagged; one that was revoked before it signed fails.
func TestAccountHeights(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(a *row.Account, height int64)
		want   Result
	}{
		{"in force", func(a *row.Account, h int64) { a.ValidFrom, a.ValidTo = h, h }, Pass},
		{"compromised", func(a *row.Account, h int64) { a.CompromisedFrom = h }, Warn},
		{"compromised afterwards", func(a *row.Account, h int64) { a.CompromisedFrom = h + 1 }, Pass},
		{"revoked", func(a *row.Account, h int64) { a.RevokedAt = h }, Fail},
		{"revoked afterwards", func(a *row.Account, h int64) { a.RevokedAt = h + 1 }, Pass},
		{"not yet valid", func(a *row.Account, h int64) { a.ValidFrom = h + 1 }, Fail},
		{"no longer valid", func(a *row.Account, h int64) { a.ValidTo = h - 1 }, Fail},
		{"of another member", func(a *row.Account, h int64) { a.Member = "hangzhou-amr"; a.ValidTo = h - 1 }, Fail},
	} {
		l, r := sample(t)
		key := row.AccountKey(l.Keys["officer1"].Public().Account())
		rebuilt := l.rebuild(r, func(k, v []byte) []byte {
			if !bytes.Equal(k, key) {
				return v
			}
			a, err := row.DecodeAccount(v)
			if err != nil {
				t.Fatal(err)
			}
			c.change(&a, r.Entry.Height)
			return a.Encode()
		})
		rep := Verify(toJSON(t, rebuilt), l.trust, Options{})
		if got := rep.Check("accounts").Result; got != c.want {
			t.Errorf("%s: got %s, want %s\n%s", c.name, got, c.want, rep.Text(EN))
		}
	}
}

func TestRequest(t *testing.T) {
	l, r := sample(t)
	env, _ := tx.ParseEnvelope(r.Entry.Envelope)
	other := r.Entry.Seq + 1
	for _, c := range []struct {
		name string
		opt  Options
		want Result
	}{
		{"nothing", Options{}, Skip},
		{"id", Options{WantID: env.ID()}, Pass},
		{"other id", Options{WantID: tx.ID{1}}, Fail},
		{"seq", Options{WantSeq: &r.Entry.Seq}, Pass},
		{"other seq", Options{WantSeq: &other}, Fail},
		{"other height", Options{WantHeight: r.Entry.Height + 1}, Fail},
	} {
		rep := Verify(toJSON(t, r), l.trust, c.opt)
		if got := rep.Check("request").Result; got != c.want || (c.want == Fail) != (rep.Verdict == NotVerified) {
			t.Errorf("%s: got %s, verdict %s", c.name, got, rep.Verdict)
		}
	}
}

func TestFiles(t *testing.T) {
	l, r := sample(t)
	other, sm3, length := page(), page(), page()
	other.SHA256[0] ^= 1
	sm3.SM3[0] ^= 1
	length.Bytes++
	for _, c := range []struct {
		name  string
		files []FileDigests
		want  Result
	}{
		{"none", nil, Skip},
		{"the page", []FileDigests{page()}, Pass},
		{"another", []FileDigests{other}, Fail},
		{"same SHA-256, other SM3", []FileDigests{sm3}, Fail},
		{"other length", []FileDigests{length}, Fail},
		{"one of two", []FileDigests{page(), other}, Fail},
	} {
		rep := Verify(toJSON(t, r), l.trust, Options{Files: c.files})
		if got := rep.Check("file").Result; got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// The text report must not carry what a terminal would obey.
func TestCleanText(t *testing.T) {
	l, r := sample(t)
	rep := Verify(toJSON(t, r), l.trust, Options{Files: []FileDigests{{Name: "\x1b[2Jevil\n\u202e"}}})
	rep.Facts.MemberName = Text{"a\x1b[31m\nb", "a\rb"}
	text := rep.Text(Both)
	if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\n' || r == '\u202e' }); i >= 0 {
		t.Errorf("control character at %d: %q", i, text[i:i+10])
	}
	if slices.Contains(strings.Split(text, "\n"), "b") {
		t.Error("a name broke a line")
	}
}

// A statement of governance that was complete took effect: it is not evidence,
// and its receipt does not call it sealed.
func TestGovernance(t *testing.T) {
	l := newLedger(t)
	l.Block()
	id := l.Must(l.Govern(tx.GovParams, &tx.Params{AnchorBlocks: 10, ExpiresBlocks: 1000, FutureMillis: 5000, PendingBlocks: 10}))
	l.Block()
	r := Verify(toJSON(t, l.receipt(id)), l.trust, Options{WantID: id})
	if r.Verdict != Verified || r.Facts.State != string(row.Enacted) {
		t.Errorf("verdict %s, state %s, failing %v", r.Verdict, r.Facts.State, failing(r))
	}
	if s := r.Check("later").Sentence.EN; !strings.Contains(s, "took effect") {
		t.Errorf("later: %s", s)
	}

	waits := l.Must(l.Sign(l.Statement("hangzhou-amr", tx.GovParams, tx.ID{}, &tx.Params{AnchorBlocks: 11, ExpiresBlocks: 1000, FutureMillis: 5000, PendingBlocks: 10}), "admin1"))
	l.Block()
	if r := Verify(toJSON(t, l.receipt(waits)), l.trust, Options{}); r.Verdict != NotVerified || r.Facts.State != string(row.Pending) {
		t.Errorf("while it waits: verdict %s, state %s", r.Verdict, r.Facts.State)
	}
}
