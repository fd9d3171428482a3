package receipt

import (
	"testing"

	"zhenglian/app/tx"
	"zhenglian/genesis"
)

// A policy may ask for the member whom a statement concerns. Who that is the body
// says, of which a verifier reads no more than that it is canonical: it says that it
// cannot evaluate the policy, and takes the validators' word.
func TestTargetInReceipt(t *testing.T) {
	policy := "ALL(" + genesis.GovernancePolicy + ",admin@target,admin@platform(subject))"
	l := newLedger(t, func(s *genesis.State) {
		for i := range s.Policies {
			if s.Policies[i].Kind == tx.GovFreeze {
				s.Policies[i].Expr = policy
			}
		}
	})
	freeze := func(name string, signers ...string) *tx.Envelope {
		b := &tx.Freeze{Account: l.Keys[name].Public().Account(), Reason: "misuse"}
		return l.Sign(l.Statement("hangzhou-amr", tx.GovFreeze, tx.ID{}, b), signers...)
	}
	all := []string{"admin1", "city-admin1", "changsha-admin1", "court-admin1"}
	if got := l.Deliver(freeze("notary", append(all, "notary-admin1")...)); got != tx.CodePolicy {
		t.Errorf("a target that is no platform: %v", got)
	}
	waits := l.Must(freeze("platform", all...))
	good := l.Must(freeze("platform-admin2", append(all, "platform-admin1")...))
	l.Block()
	for id, want := range map[tx.ID]Verdict{waits: NotVerified, good: Warned} {
		rep := Verify(toJSON(t, l.receipt(id)), l.trust, Options{WantID: id})
		if rep.Verdict != want {
			t.Errorf("%s, want %s: %s", rep.Verdict, want, rep.Check("policy").Sentence.EN)
		}
	}
	if s := l.App.Directory().Account(l.Keys["platform-admin2"].Public().Account()); s.FrozenFrom == 0 {
		t.Error("not frozen")
	}
}
