package receipt

import (
	"bytes"
	"testing"

	"zhenglian/app/row"
	"zhenglian/app/tx"
)

func keep(_, v []byte) []byte { return v }

// without drops the row of a key.
func without(key []byte) func(k, v []byte) []byte {
	return func(k, v []byte) []byte {
		if bytes.Equal(k, key) {
			return nil
		}
		return v
	}
}

// with changes the row of a key.
func with(key []byte, change func(v []byte) []byte) func(k, v []byte) []byte {
	return func(k, v []byte) []byte {
		if bytes.Equal(k, key) {
			return change(v)
		}
		return v
	}
}

// What validators would have to have signed for the verifier to see it: rules
// broken inside a chain whose blocks, roots and proofs are all in order.
func TestForged(t *testing.T) {
	l, good := sample(t)
	s, err := tx.ParseStatement(mustEnvelope(t, good).Payload)
	if err != nil {
		t.Fatal(err)
	}
	half := l.Must(l.Sign(l.Statement("hangzhou-amr", tx.EvidenceSeal, tx.ID{}, l.Evidence(50)), "officer1", "officer2"))
	pending := l.receipt(half)
	gone := l.Must(l.Seal(51))
	withdrawal := l.receipt(l.Must(l.Sign(l.Statement("hangzhou-amr", tx.EvidenceWithdraw, gone, &tx.Withdraw{Reason: "mistake"}), "officer1", "officer2")))

	key := func(name string) []byte { return row.AccountKey(l.Keys[name].Public().Account()) }
	tally := func(change func(m *row.Tally)) func(k, v []byte) []byte {
		return with(row.TallyKey(pending.Entry.Seq), func(v []byte) []byte {
			m, err := row.DecodeTally(v)
			if err != nil {
				t.Fatal(err)
			}
			change(&m)
			return m.Encode()
		})
	}
	endorsed := func(typ, reason string) func(k, v []byte) []byte {
		return tally(func(m *row.Tally) {
			m.Outcome = row.Effective
			m.Votes = append(m.Votes, row.Vote{Account: l.Keys["platform"].Public().Account(), Height: m.Since, Member: "platform-a", Type: typ, Reason: reason})
		})
	}
	both := func(a, b func(k, v []byte) []byte) func(k, v []byte) []byte {
		return func(k, v []byte) []byte {
			if v = a(k, v); v == nil {
				return nil
			}
			return b(k, v)
		}
	}
	noMatter := without(row.MatterKey(pending.Entry.Seq))
	seal := row.PolicyKey(tx.EvidenceSeal, 1)
	policyIs := func(expr string) func(k, v []byte) []byte {
		return with(seal, func([]byte) []byte { return row.Policy{Expr: expr}.Encode() })
	}
	next := func(from int64) Row {
		return Row{Key: row.PolicyKey(tx.EvidenceSeal, 2), Value: row.Policy{Expr: "court@issuer", From: from}.Encode()}
	}
	late := *s
	late.Expires = good.Entry.Height - 1
	stolen, err := tx.Seal(mustEnvelope(t, good).Payload, l.Keys["officer2"])
	if err != nil {
		t.Fatal(err)
	}
	stolen.Signatures[0].Account = l.Keys["officer1"].Public().Account()

	for _, c := range []struct {
		name    string
		receipt *Receipt
		check   string
		want    Result
	}{
		{"unchanged", l.rebuild(good, keep), "policy", Pass},
		{"endorsed", l.rebuild(pending, both(noMatter, endorsed(tx.Served, ""))), "policy", Pass},
		{"an objection counted as a signature", l.rebuild(pending, both(noMatter, endorsed(tx.Objects, "other"))), "policy", Fail},
		{"an endorsement by another member's account", l.rebuild(pending, both(noMatter, both(endorsed(tx.Served, ""), with(key("platform"), func(v []byte) []byte {
			return bytes.Replace(v, []byte("platform-a"), []byte("internet-court"), 1)
		})))), "accounts", Fail},
		{"lapsed without a matter", l.rebuild(pending, both(noMatter, tally(func(m *row.Tally) { m.Outcome = row.Lapsed }))), "later", Fail},
		{"continues no matter", l.rebuild(withdrawal, without(row.LinkKey(withdrawal.Entry.Seq))), "later", Fail},
		{"its matter is not there", l.rebuild(withdrawal, without(row.MatterKey(withdrawal.Entry.Seq-1))), "later", Fail},
		{"no policy", l.rebuild(good, without(seal)), "policy", Fail},
		{"a new policy, not yet in force", l.rebuild(good, keep, next(good.Entry.Height+1)), "policy", Pass},
		{"a new policy in force", l.rebuild(good, keep, next(good.Entry.Height)), "policy", Fail},
		{"a policy that others alone satisfy", func() *Receipt {
			c := clone(t, good)
			c.Entry.Envelope = l.Sign(s, "platform", "court").AppendWire(nil)
			return l.rebuild(c, policyIs("platform@other"))
		}(), "policy", Fail},
		{"an unknown account", l.rebuild(good, without(key("city"))), "signatures", Fail},
		{"an unknown member", l.rebuild(good, without(row.MemberKey("xianyang-amr"))), "accounts", Fail},
		{"a suspended member", l.rebuild(good, with(row.MemberKey("xianyang-amr"), func(v []byte) []byte {
			return bytes.Replace(v, []byte(`"suspended":false`), []byte(`"suspended":true`), 1)
		})), "accounts", Warn},
		{"past its last height", l.forge(good, l.Sign(&late, "officer1", "officer2", "city")), "statement", Fail},
		{"another key under the account's id", func() *Receipt {
			c := clone(t, good)
			c.Entry.Envelope = stolen.AppendWire(nil)
			a, err := l.at(c.Entry.Height).Get(key("officer2"))
			if err != nil {
				t.Fatal(err)
			}
			return l.rebuild(c, with(key("officer1"), func([]byte) []byte { return a }))
		}(), "signatures", Fail},
	} {
		rep := Verify(toJSON(t, c.receipt), l.trust, Options{})
		if got := rep.Check(c.check).Result; got != c.want {
			t.Errorf("%s: %s is %s, want %s\n%s", c.name, c.check, got, c.want, rep.Text(EN))
		}
		if c.want == Fail && rep.Verdict != NotVerified {
			t.Errorf("%s: %s", c.name, rep.Verdict)
		}
	}
}

func TestLaterTampered(t *testing.T) {
	l, good := sample(t)
	earlier := l.later(good, l.Height-1).Later
	for name, change := range map[string]func(x *Later){
		"fewer signatures": func(x *Later) { x.Block.Commit.Signatures = x.Block.Commit.Signatures[1:] },
		"an earlier block": func(x *Later) { x.Block = earlier.Block },
		"an earlier state": func(x *Later) { x.StateRoot[0] ^= 1 },
		"an earlier log": func(x *Later) {
			x.LogSize, x.LogRoot, x.Consistency = earlier.LogSize, earlier.LogRoot, earlier.Consistency
		},
		"a log that was cut off":   func(x *Later) { x.LogSize = good.LogSize - 1 },
		"no consistency proof":     func(x *Later) { x.Consistency = nil },
		"another height":           func(x *Later) { x.Height++ },
		"rows of the first height": func(x *Later) { x.Rows = l.receipt(l.Must(l.Seal(70))).Rows },
	} {
		r := clone(t, l.later(good, 12))
		change(r.Later)
		rep := Verify(toJSON(t, r), l.trust, Options{})
		if rep.Verdict != NotVerified || rep.Check("later").Result != Fail {
			t.Errorf("%s: %s, later %s", name, rep.Verdict, rep.Check("later").Result)
		}
		if rep.Facts.AsOfHeight != good.Entry.Height {
			t.Errorf("%s: the report speaks of height %d, which is not proven", name, rep.Facts.AsOfHeight)
		}
	}
}

// A block is checked against the very set and chain of the trust root.
func TestOtherTrust(t *testing.T) {
	l, r := sample(t)
	more, _ := fixedSet(10, 10, 10, 10, 1)
	if rep := Verify(toJSON(t, r), fromSet(t, l.trust.Chain, more), Options{}); rep.Check("quorum").Result != Fail {
		t.Error("a block of four validators under a trust root of five")
	}
	other := *l.trust
	other.Chain = "zhenglian-other"
	if _, err := r.Block.verify(&other, r.Block.Header.Height); err == nil {
		t.Error("a block of another chain")
	}
	if _, err := r.Block.verify(l.trust, r.Block.Header.Height+1); err == nil {
		t.Error("a block of another height")
	}
}

func TestTrustRefuses(t *testing.T) {
	one, two := Validator{PubKey: [32]byte{1}, Power: 1}, Validator{PubKey: [32]byte{2}, Power: tx.MaxInt}
	for name, f := range map[string]func() (*Trust, error){
		"a validator twice": func() (*Trust, error) { return NewTrust("c", 1, []Validator{one, one}) },
		"power over 2^53":   func() (*Trust, error) { return NewTrust("c", 1, []Validator{one, two}) },
		"no power":          func() (*Trust, error) { return NewTrust("c", 1, []Validator{{}}) },
		"no validator":      func() (*Trust, error) { return NewTrust("c", 1, nil) },
		"no height":         func() (*Trust, error) { return NewTrust("c", 0, []Validator{one}) },
		"no chain":          func() (*Trust, error) { return NewTrust("", 1, []Validator{one}) },
		"unknown member":    func() (*Trust, error) { return ParseTrust([]byte(`{"chain":"c","hight":1,"v":1,"validators":[]}`)) },
	} {
		if _, err := f(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if trust, err := NewTrust("c", 1, []Validator{one}); err != nil || trust.Validators[0] != one {
		t.Errorf("one validator: %v", err)
	}
}
