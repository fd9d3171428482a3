package state_test

import (
	"testing"

	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// TestErase: who may erase evidence, on whose authority, and what of it the form refuses.
func TestErase(t *testing.T) {
	m := open(t, seal("officer1", "officer2", "city"))
	c := m.c
	body := func(change func(*tx.Erase)) *tx.Erase {
		b := &tx.Erase{Authority: "internet-court", Basis: "data_subject", Decision: tx.Digest{1}, Files: []tx.Digest{{1}, {2}}, Salts: true}
		change(b)
		return b
	}
	same := func(*tx.Erase) {}
	try := func(what string, want tx.Code, member tx.MemberID, b *tx.Erase, signers ...string) {
		t.Helper()
		if got := c.Deliver(c.Sign(c.Statement(member, tx.EvidenceErase, m.head, b), signers...)); got != want {
			t.Errorf("%s: %d, want %d", what, got, want)
		}
		if s := m.state(); want != tx.CodeOK && s != row.Sealed {
			t.Errorf("%s: the evidence is %s", what, s)
		}
	}
	all := []string{"officer1", "officer2", "court"}
	try("by another member", tx.CodeNotParty, "changsha-amr", body(same), "changsha")
	try("authority that is no member", tx.CodeNoMember, "hangzhou-amr", body(func(b *tx.Erase) { b.Authority = "nobody" }), all...)
	try("by all that it takes", tx.CodeOK, "hangzhou-amr", body(same), all...)
	if s := m.state(); s != row.Erased {
		t.Errorf("the evidence is %s, want ERASED", s)
	}

	for _, files := range [][]tx.Digest{{{2}, {1}}, {{1}, {1}}} {
		b := body(func(b *tx.Erase) { b.Files = files })
		if got := tx.CodeOf(b.Validate()); got != tx.CodeBody {
			t.Errorf("files %v: %d, want %d", files, got, tx.CodeBody)
		}
	}
}
