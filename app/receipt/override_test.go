package receipt

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// What a member asks of itself besides the kind's policy is part of the rule that
// a receipt proves.
func TestOverride(t *testing.T) {
	l := newLedger(t)
	before := l.Must(l.Seal(1))
	l.Must(l.Sign(l.Statement("hangzhou-amr", tx.GovOverride, tx.ID{}, &tx.PolicyChange{Expr: "court@any", From: l.Height + 3, Kind: tx.EvidenceSeal}), "admin1", "admin2"))
	for range 3 {
		l.Block()
	}
	waits := l.Must(l.Seal(2))
	good := l.Must(l.Sign(l.Statement("hangzhou-amr", tx.EvidenceSeal, tx.ID{}, l.Evidence(3)), "officer1", "officer2", "court"))
	// court and city both: more than asked
	more := l.Must(l.Sign(l.Statement("hangzhou-amr", tx.EvidenceSeal, tx.ID{}, l.Evidence(4)), "officer1", "officer2", "court", "city"))
	l.Must(l.Sign(l.Statement("hangzhou-amr", tx.GovOverride, tx.ID{}, &tx.PolicyChange{From: l.Height + 2, Kind: tx.EvidenceSeal}), "admin1", "admin2"))
	l.Block()
	l.Block()
	dropped := l.Must(l.Seal(5))
	l.Block()
	for _, c := range []struct {
		name    string
		id      tx.ID
		verdict Verdict
		asks    bool // for the court
	}{
		{"before it", before, Verified, false}, {"under it, complete", good, Verified, true}, {"under it, more", more, Verified, true},
		{"under it, without the court", waits, NotVerified, true}, {"after it was dropped", dropped, Verified, false},
	} {
		rep := Verify(toJSON(t, l.receipt(c.id)), l.trust, Options{WantID: c.id})
		s := rep.Check("policy").Sentence.EN
		if rep.Verdict != c.verdict || strings.Contains(s, "court@any") != c.asks {
			t.Errorf("%s: %s, %s", c.name, rep.Verdict, s)
		}
	}
	// Its row cannot be left out.
	r := clone(t, l.receipt(good))
	key := row.OverrideKey("hangzhou-amr", tx.EvidenceSeal, 1)
	n := len(r.Rows)
	if r.Rows = slices.DeleteFunc(r.Rows, func(x Row) bool { return bytes.Equal(x.Key, key) }); len(r.Rows) != n-1 {
		t.Fatal("the receipt has no row of the override")
	}
	if rep := Verify(toJSON(t, r), l.trust, Options{}); rep.Check("state").Result != Fail {
		t.Errorf("without the row of the override: %s", rep.Verdict)
	}
}
