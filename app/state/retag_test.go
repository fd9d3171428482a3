package state_test

import (
	"bytes"
	"slices"
	"testing"

	"zhenglian/app/apptest"
	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// epoch opens the next key of a list.
func epoch(c *apptest.Chain, l tx.List, n int64) {
	c.Must(c.Sign(c.Statement("hangzhou-amr", tx.GovEpoch, tx.ID{}, &tx.EpochChange{Action: tx.OpenEpoch, Commitment: tx.Digest{byte(n)},
		Copies: []tx.SealedCopy{{Account: c.Keys["admin1"].Public().Account(), SHA256: tx.Digest{9}}}, Epoch: n, List: l}), "admin1", "admin2", "city-admin1"))
}

// retags is a list.retag, its entries in order.
func retags(c *apptest.Chain, l tx.List, epoch int64, entries ...tx.Retag) *tx.Statement {
	slices.SortFunc(entries, func(a, b tx.Retag) int { return bytes.Compare(a.Entry[:], b.Entry[:]) })
	return c.Statement("hangzhou-amr", tx.ListRetag, tx.ID{}, &tx.Retagging{Entries: entries, Epoch: epoch, List: l})
}

// After a rotation every entry in force is found under the new key's tag, with
// the state and days that it had, the others of the old tag stay, and an entry
// that is not in force yet comes into force under the new tag.
func TestRetag(t *testing.T) {
	c := listed(t)
	l := tx.NegativeIndex
	epoch(c, l, 1)
	reached := paths("list", l, row.Proposed)
	in, p := listMatter(c, tx.ListPropose, l, reached[row.RepairApplied])
	// Another in force about the same subject, and one that is decided.
	same := func(s row.State) *matter {
		q := *p
		m := &matter{c: c}
		m.id = c.Must(c.Sign(c.Statement("hangzhou-amr", tx.ListPropose, tx.ID{}, &q), "officer1", "officer2"))
		m.head = m.id
		for _, k := range reached[s] {
			m.head = c.Must(m.listStep(k, &q))
		}
		return m
	}
	second, decided := same(row.Published), same(row.Decided)
	subject := func(tag tx.Digest) row.Subject {
		t.Helper()
		b, err := c.App.Store().View().Get(row.SubjectKey(l, tag))
		if err != nil {
			t.Fatal(err)
		}
		if b == nil {
			return nil
		}
		s, err := row.DecodeSubject(b)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	was, tag := p.Subject.Tag, tx.Digest{0xaa}
	before := subject(was)
	if len(before) != 2 {
		t.Fatalf("in force: %+v", before)
	}
	epoch(c, l, 2)
	try := func(name string, want tx.Code, s *tx.Statement, signers ...string) {
		t.Helper()
		head := c.App.Store().View().Head()
		if got := c.Deliver(c.Sign(s, signers...)); got != want {
			t.Errorf("%s: got %d %s, want %d %s", name, got, got.Name(), want, want.Name())
		}
		if after := c.App.Store().View().Head(); want != tx.CodeOK && (after.LogRoot != head.LogRoot || after.StateRoot != head.StateRoot) {
			t.Errorf("%s: refused, and it changed the ledger", name)
		}
	}
	two := []string{"officer1", "officer2"}
	re := func(m *matter) tx.Retag { return tx.Retag{Entry: m.id, Tag: tag, Was: was} }
	try("published under the old key", tx.CodeEpochInactive, c.Statement("hangzhou-amr", tx.ListPublish, decided.head, &tx.Publication{Summary: tx.Digest{1}}), two...)
	try("tags of the epoch that is over", tx.CodeEpochInactive, retags(c, l, 1, re(in)), two...)
	try("tags of an epoch to come", tx.CodeEpochAhead, retags(c, l, 3, re(in)), two...)
	try("another tag than the entry has", tx.CodeRetagTag, retags(c, l, 2, tx.Retag{Entry: in.id, Tag: tag, Was: tx.Digest{1}}), two...)
	try("no entry", tx.CodeRetagEntry, retags(c, l, 2, tx.Retag{Entry: tx.ID{1}, Tag: tag, Was: was}), two...)
	try("a step of an entry", tx.CodeRetagEntry, retags(c, l, 2, tx.Retag{Entry: in.head, Tag: tag, Was: was}), two...)
	try("an entry of another list", tx.CodeEpochAhead, retags(c, tx.IndustryNotice, 2, re(in)), two...)
	try("as if of another list", tx.CodeRetagEntry, retags(c, tx.IndustryNotice, 1, re(in)), two...)
	other := retags(c, l, 2, re(in))
	other.Member = "xianyang-amr"
	try("another member's entry", tx.CodeRetagEntry, other, "city")
	other.Member = "platform-a"
	try("by who is no regulator", tx.CodeNotRegulator, other, "platform")
	try("one bad entry of two", tx.CodeRetagTag, retags(c, l, 2, re(in), tx.Retag{Entry: second.id, Tag: tag, Was: tx.Digest{1}}), two...)
	dropped, q := given(c, l)
	try("an entry that has ended", tx.CodeRetagEntry, retags(c, l, 2, tx.Retag{Entry: dropped.id, Tag: tag, Was: q.Subject.Tag}), two...)

	try("one of two about a subject", tx.CodeOK, retags(c, l, 2, re(second)), two...)
	if got := subject(tag); !slices.Equal(got, before[1:]) {
		t.Errorf("under the new tag %+v, want %+v", got, before[1:])
	}
	if got := subject(was); !slices.Equal(got, before[:1]) {
		t.Errorf("under the old tag %+v, want %+v", got, before[:1])
	}
	try("both the other and one that is decided", tx.CodeOK, retags(c, l, 2, re(in), re(decided)), two...)
	if got := subject(tag); !slices.Equal(got, before) {
		t.Errorf("under the new tag %+v, want %+v", got, before)
	}
	if got := subject(was); got != nil {
		t.Errorf("left under the old tag: %+v", got)
	}
	if e := stateRow(t, c, row.ListEntryKey(l, seqOf(t, in)), row.DecodeListEntry); e.Tag != tag || e.Epoch != 2 || e.Was != (row.Tagged{Epoch: 1, Tag: was}) {
		t.Errorf("entry %+v", e)
	}
	try("again", tx.CodeRetagTag, retags(c, l, 2, tx.Retag{Entry: in.id, Tag: was, Was: tag}), two...)
	try("published under the new key", tx.CodeOK, c.Statement("hangzhou-amr", tx.ListPublish, decided.head, &tx.Publication{Summary: tx.Digest{1}}), two...)
	if got := subject(tag); len(got) != 3 {
		t.Errorf("three in force: %+v", got)
	}
	// The life of an entry goes on: what leaves does so under the new tag.
	in.head = c.Must(in.listStep(tx.ListGrant, p))
	if got := subject(tag); len(got) != 2 || got[0].Seq != before[1].Seq {
		t.Errorf("after the repair of the first: %+v", got)
	}
	n := stateRow(t, c, row.ListKey(l), row.DecodeList)
	if last := stateRow(t, c, row.NoticeKey(l, n.Notices), row.DecodeNotice); last.Action != row.Lift || last.Tag != tag {
		t.Errorf("told: %+v", last)
	}
}

// given is an entry that was given up.
func given(c *apptest.Chain, l tx.List) (*matter, *tx.Proposal) {
	p := proposal(l)
	p.Subject.Epoch = 2
	m := &matter{c: c}
	m.id = c.Must(c.Sign(c.Statement("hangzhou-amr", tx.ListPropose, tx.ID{}, p), "officer1", "officer2"))
	m.head = m.id
	m.head = c.Must(m.listStep(tx.ListDrop, p))
	return m, p
}
