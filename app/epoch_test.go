package app_test

import (
	"bytes"
	"testing"

	"zhenglian/app/apptest"
	"zhenglian/app/row"
	"zhenglian/app/tx"
	"zhenglian/genesis"
)

func epochRow(t *testing.T, c *apptest.Chain, l tx.List, n int64) row.Epoch {
	t.Helper()
	b, err := c.App.Store().View().Get(row.EpochKey(l, n))
	if err != nil || b == nil {
		t.Fatalf("epoch %d: %v", n, err)
	}
	e, err := row.DecodeEpoch(b)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func epochs(t *testing.T, c *apptest.Chain, l tx.List) (e row.Epochs) {
	t.Helper()
	b, err := c.App.Store().View().Get(row.EpochsKey(l))
	if err == nil && b != nil {
		e, err = row.DecodeEpochs(b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// openEpoch is gov.epoch open with copies for some keys.
func openEpoch(c *apptest.Chain, n int64, names ...string) *tx.EpochChange {
	return &tx.EpochChange{Action: tx.OpenEpoch, Commitment: tx.Digest{byte(n)}, Copies: copiesFor(c, names...), Epoch: n, List: tx.NegativeIndex}
}

func copiesFor(c *apptest.Chain, names ...string) (out []tx.SealedCopy) {
	for _, n := range names {
		out = append(out, tx.SealedCopy{Account: accountOf(c, n), SHA256: tx.Digest{9}})
	}
	for i := range out { // ascending by account
		for j := range i {
			if bytes.Compare(out[i].Account[:], out[j].Account[:]) < 0 {
				out[i], out[j] = out[j], out[i]
			}
		}
	}
	return out
}

// keepEpoch is a complete statement of Hangzhou about the key of a list.
func keepEpoch(c *apptest.Chain, b *tx.EpochChange) *tx.Envelope {
	return c.Sign(c.Statement("hangzhou-amr", tx.GovEpoch, tx.ID{}, b), "admin1", "admin2", "city-admin1")
}

// A key is opened, rotated and withdrawn.
func TestEpochs(t *testing.T) {
	c := begun(t)
	l := tx.NegativeIndex
	keep := func(b *tx.EpochChange) *tx.Envelope { return keepEpoch(c, b) }
	c.Must(keep(openEpoch(c, 1, "admin1", "platform")))
	first := c.Height
	if e := epochRow(t, c, l, 1); e.State != row.EpochActive || e.From != first || e.Until != 0 || e.Member != "hangzhou-amr" || e.Commitment != (tx.Digest{1}) {
		t.Errorf("opened: %+v", e)
	}
	if epochs(t, c, l) != (row.Epochs{Active: 1, Last: 1}) || epochs(t, c, tx.SeriousDishonest) != (row.Epochs{}) {
		t.Errorf("numbers: %+v", epochs(t, c, l))
	}
	start, end := row.EpochCopyRange(l, 1)
	n := 0
	if err := c.App.Store().View().Iterate(start, end, func(k, v []byte) bool {
		e, err := row.DecodeEpochCopy(v)
		if id := row.EpochCopyAccount(k); err != nil || e.Height != first || e.SHA256 != (tx.Digest{9}) || id != accountOf(c, "admin1") && id != accountOf(c, "platform") {
			t.Errorf("copy %x: %s, %v", k, v, err)
		}
		n++
		return true
	}); err != nil || n != 2 {
		t.Errorf("%d copies, %v", n, err)
	}

	c.Must(keep(&tx.EpochChange{Action: tx.HandEpoch, Copies: copiesFor(c, "court"), Epoch: 1, List: l}))
	c.Must(keep(openEpoch(c, 2, "admin2")))
	if e := epochRow(t, c, l, 1); e.State != row.EpochRetired || e.Until != c.Height {
		t.Errorf("retired: %+v", e)
	}
	withdraw := func(n int64) *tx.EpochChange {
		return &tx.EpochChange{Action: tx.WithdrawEpoch, Epoch: n, List: l, Reason: "compromised"}
	}
	retired := c.Height
	c.Must(keep(withdraw(1)))
	if e := epochRow(t, c, l, 1); e.State != row.EpochWithdrawn || e.Until != retired || epochs(t, c, l).Active != 2 {
		t.Errorf("withdrawn: %+v", e)
	}
	c.Must(keep(withdraw(2)))
	if e := epochRow(t, c, l, 2); e.State != row.EpochWithdrawn || e.Until != c.Height || epochs(t, c, l) != (row.Epochs{Last: 2}) {
		t.Errorf("the active one withdrawn: %+v, %+v", e, epochs(t, c, l))
	}
	c.Must(keep(openEpoch(c, 3, "admin1")))
	if epochs(t, c, l) != (row.Epochs{Active: 3, Last: 3}) {
		t.Errorf("after a withdrawal: %+v", epochs(t, c, l))
	}
}

func TestEpochsRefused(t *testing.T) {
	c := begun(t)
	c.Must(keepEpoch(c, openEpoch(c, 1, "admin1", "platform")))
	c.Must(keepEpoch(c, openEpoch(c, 2, "admin1")))
	c.Must(keepEpoch(c, &tx.EpochChange{Action: tx.WithdrawEpoch, Epoch: 1, List: tx.NegativeIndex, Reason: "other"}))
	pq := c.Credential("quantum", "officer")
	pqKey, err := tx.NewPrivateKey(tx.MLDSA65, bytes.Repeat([]byte{3}, 32))
	if err != nil {
		t.Fatal(err)
	}
	pq.Key = pqKey.Public()
	c.Must(c.Own(tx.GovAccount, &tx.AccountChange{Action: tx.Add, New: &pq}))
	c.Must(c.Own(tx.GovAccount, &tx.AccountChange{Account: accountOf(c, "officer2"), Action: tx.Revoke}))
	c.Must(c.Govern(tx.GovMember, &tx.Membership{Action: tx.Suspend, ID: "notary-office"}))
	hand := func(n int64, names ...string) *tx.EpochChange {
		return &tx.EpochChange{Action: tx.HandEpoch, Copies: copiesFor(c, names...), Epoch: n, List: tx.NegativeIndex}
	}
	to := func(id tx.AccountID) *tx.EpochChange {
		b := openEpoch(c, 3, "admin1")
		b.Copies = append(b.Copies, tx.SealedCopy{Account: id, SHA256: tx.Digest{1}})
		if bytes.Compare(b.Copies[0].Account[:], id[:]) > 0 {
			b.Copies[0], b.Copies[1] = b.Copies[1], b.Copies[0]
		}
		return b
	}
	regulators := []string{"admin1", "admin2", "city-admin1", "changsha-admin1", "court-admin1"}
	for _, tt := range []struct {
		name    string
		member  tx.MemberID
		body    *tx.EpochChange
		signers []string
		want    tx.Code
	}{
		{"by a court", "internet-court", openEpoch(c, 3, "court"), []string{"court-admin1", "admin1"}, tx.CodeEpochKeeper},
		{"a number that is taken", "hangzhou-amr", openEpoch(c, 2, "admin1"), regulators, tx.CodeEpochNumber},
		{"a number left out", "hangzhou-amr", openEpoch(c, 4, "admin1"), regulators, tx.CodeEpochNumber},
		{"no copy of one's own", "hangzhou-amr", openEpoch(c, 3, "platform"), regulators, tx.CodeEpochHolder},
		{"a copy for nobody", "hangzhou-amr", to(tx.AccountID{7}), regulators, tx.CodeNoAccount},
		{"a copy for a revoked key", "hangzhou-amr", to(accountOf(c, "officer2")), regulators, tx.CodeNoAccount},
		{"a copy for a suspended member", "hangzhou-amr", to(accountOf(c, "notary-admin1")), regulators, tx.CodeNoMember},
		{"a copy for a key that only signs", "hangzhou-amr", to(pq.Key.Account()), regulators, tx.CodeEpochSeal},
		{"hand out what is not there", "hangzhou-amr", hand(3, "court"), regulators, tx.CodeNoEpoch},
		{"hand out what is withdrawn", "hangzhou-amr", hand(1, "court"), regulators, tx.CodeEpochWithdrawn},
		{"hand out twice", "hangzhou-amr", hand(2, "admin1"), regulators, tx.CodeExists},
		{"hand out without a copy", "xianyang-amr", hand(2, "court"), []string{"city-admin1", "admin1"}, tx.CodeEpochHolder},
		{"withdraw what is not there", "hangzhou-amr", &tx.EpochChange{Action: tx.WithdrawEpoch, Epoch: 3, List: tx.NegativeIndex, Reason: "other"}, regulators, tx.CodeNoEpoch},
		{"withdraw of another list", "hangzhou-amr", &tx.EpochChange{Action: tx.WithdrawEpoch, Epoch: 2, List: tx.IndustryNotice, Reason: "other"}, regulators, tx.CodeNoEpoch},
		{"withdraw twice", "hangzhou-amr", &tx.EpochChange{Action: tx.WithdrawEpoch, Epoch: 1, List: tx.NegativeIndex, Reason: "other"}, regulators, tx.CodeEpochWithdrawn},
		{"signed by an officer", "hangzhou-amr", openEpoch(c, 3, "admin1"), []string{"officer1"}, tx.CodeNotAdmin},
	} {
		before := c.App.Store().View().Head().StateRoot
		wantCode(t, tt.name, c.Deliver(c.Sign(c.Statement(tt.member, tx.GovEpoch, tx.ID{}, tt.body), tt.signers...)), tt.want)
		if c.App.Store().View().Head().StateRoot != before {
			t.Errorf("%s: the state changed", tt.name)
		}
	}
}

// Two of a regulator's administrators and one of another member: alone they wait.
func TestEpochCeremony(t *testing.T) {
	c := begun(t)
	id := c.Must(c.Sign(c.Statement("hangzhou-amr", tx.GovEpoch, tx.ID{}, openEpoch(c, 1, "admin1", "platform")), "admin1", "admin2"))
	if e := epochs(t, c, tx.NegativeIndex); e.Last != 0 {
		t.Fatalf("in force without a witness: %+v", e)
	}
	c.Must(c.Sign(c.Statement("xianyang-amr", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: id, Type: tx.Agrees}), "city-admin1"))
	if e := epochs(t, c, tx.NegativeIndex); e != (row.Epochs{Active: 1, Last: 1}) {
		t.Errorf("with a witness: %+v", e)
	}
}

// Once a list has a key, new entries are proposed under the active one.
func TestEpochOfProposal(t *testing.T) {
	c := begun(t)
	l := tx.NegativeIndex
	n := byte(0)
	propose := func(epoch int64) tx.Code {
		n++
		return c.Deliver(c.Sign(c.Statement("hangzhou-amr", tx.ListPropose, tx.ID{}, &tx.Proposal{Law: tx.Law{Article: 1, ID: genesis.DefaultListRule(l).Laws[0]}, List: l,
			Measures: l.Measures()[:1], Reason: l.Reasons()[0], Severity: "general", Subject: tx.ListedSubject{Epoch: epoch, Tag: tx.Digest{n}}}), "officer1", "officer2"))
	}
	wantCode(t, "no key was stated", propose(7), tx.CodeEpochAhead)
	wantCode(t, "no key was stated yet, and it will be the first", propose(1), tx.CodeOK)
	c.Must(keepEpoch(c, openEpoch(c, 1, "admin1")))
	wantCode(t, "the active epoch", propose(1), tx.CodeOK)
	wantCode(t, "an epoch to come", propose(2), tx.CodeEpochAhead)
	c.Must(keepEpoch(c, openEpoch(c, 2, "admin1")))
	wantCode(t, "a retired epoch", propose(1), tx.CodeEpochInactive)
	wantCode(t, "the new one", propose(2), tx.CodeOK)
	c.Must(keepEpoch(c, &tx.EpochChange{Action: tx.WithdrawEpoch, Epoch: 2, List: l, Reason: "compromised"}))
	wantCode(t, "a withdrawn epoch", propose(2), tx.CodeEpochInactive)
}
