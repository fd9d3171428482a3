package app_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtcrypto "github.com/cometbft/cometbft/proto/tendermint/crypto"

	"zhenglian/app/apptest"
	"zhenglian/app/row"
	"zhenglian/app/tx"
	"zhenglian/genesis"
)

// begun is a chain with a block.
func begun(t *testing.T, options ...func(*genesis.State)) *apptest.Chain {
	t.Helper()
	c := apptest.New(t, options...)
	c.Block()
	return c
}

func accountOf(c *apptest.Chain, name string) tx.AccountID { return c.Keys[name].Public().Account() }

// sealWith is evidence of Hangzhou signed by some keys.
func sealWith(c *apptest.Chain, n int, names ...string) *tx.Envelope {
	return c.Sign(c.Statement("hangzhou-amr", tx.EvidenceSeal, tx.ID{}, c.Evidence(n)), names...)
}

func wantCode(t *testing.T, what string, got, want tx.Code) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %d %s, want %d %s", what, got, got.Name(), want, want.Name())
	}
}

// Keys that are revoked, out of date or frozen sign nothing from the next block
// on, and what they signed before stands.
func TestKeysOutOfForce(t *testing.T) {
	for _, tt := range []struct {
		name    string
		stop    func(c *apptest.Chain) *tx.Envelope
		inBlock tx.Code // of what the key signed later in the same block
		want    tx.Code // in the next
	}{
		{"revoked", func(c *apptest.Chain) *tx.Envelope {
			return c.Own(tx.GovAccount, &tx.AccountChange{Account: accountOf(c, "officer2"), Action: tx.Revoke})
		}, tx.CodeOK, tx.CodeAccountRevoked},
		{"expired", func(c *apptest.Chain) *tx.Envelope {
			return c.Own(tx.GovAccount, &tx.AccountChange{Account: accountOf(c, "officer2"), Action: tx.Expire, ValidTo: c.Height + 1})
		}, tx.CodeOK, tx.CodeAccountExpired},
		{"compromised", func(c *apptest.Chain) *tx.Envelope {
			return c.Own(tx.GovAccount, &tx.AccountChange{Account: accountOf(c, "officer2"), Action: tx.Compromise, From: 1})
		}, tx.CodeOK, tx.CodeAccountRevoked},
		{"frozen", func(c *apptest.Chain) *tx.Envelope {
			return c.Sign(c.Statement("xianyang-amr", tx.GovFreeze, tx.ID{}, &tx.Freeze{Account: accountOf(c, "officer2"), Reason: "compromised"}),
				"city-admin1", "changsha-admin1", "qijiang-admin1", "court-admin1")
		}, tx.CodeOK, tx.CodeAccountFrozen},
		{"of a suspended member", func(c *apptest.Chain) *tx.Envelope {
			return c.Govern(tx.GovMember, &tx.Membership{Action: tx.Suspend, ID: "hangzhou-amr"})
		}, tx.CodeUnknownMember, tx.CodeUnknownMember},
		{"of a member that left", func(c *apptest.Chain) *tx.Envelope {
			return c.Govern(tx.GovMember, &tx.Membership{Action: tx.Leave, ID: "hangzhou-amr"})
		}, tx.CodeUnknownMember, tx.CodeAccountRevoked},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := begun(t)
			before := c.Must(sealWith(c, 1, "officer1", "officer2", "city"))
			same := sealWith(c, 2, "officer1", "officer2", "city").AppendWire(nil)
			stop := tt.stop(c).AppendWire(nil)
			rs := c.Block(stop, same)
			wantCode(t, "the statement that stops it", tx.Code(rs[0].Code), tx.CodeOK)
			wantCode(t, "signed in the same block", tx.Code(rs[1].Code), tt.inBlock)
			root := c.App.Store().View().Head().LogRoot
			wantCode(t, "signed in the next block", c.Deliver(sealWith(c, 3, "officer1", "officer2", "city")), tt.want)
			if c.App.Store().View().Head().LogRoot != root {
				t.Error("a refused statement entered the log")
			}
			if s := stand(t, c, before); s.State != row.Sealed || s.Outcome != row.Effective {
				t.Errorf("what it signed before is %s %s", s.State, s.Outcome)
			}
			a := c.App.Directory().Account(accountOf(c, "officer2"))
			if err := a.Check(c.Height - 1); err != nil {
				t.Errorf("judged by the height of its entry, what it signed before no longer verifies: %v", err)
			}
		})
	}
}

func TestFreezeAndThaw(t *testing.T) {
	c := begun(t)
	freeze := &tx.Freeze{Account: accountOf(c, "city"), Reason: "court_order"}
	wantCode(t, "its own member", c.Deliver(c.Sign(c.Statement("xianyang-amr", tx.GovFreeze, tx.ID{}, freeze), "city-admin1")), tx.CodeNotParty)
	wantCode(t, "thaw of what is not frozen", c.Deliver(c.Govern(tx.GovThaw, freeze)), tx.CodeNothing)
	c.Must(c.Govern(tx.GovFreeze, freeze))
	wantCode(t, "frozen", c.Deliver(sealWith(c, 1, "officer1", "officer2", "city")), tx.CodeAccountFrozen)
	c.Must(c.Govern(tx.GovThaw, freeze))
	wantCode(t, "thawed", c.Deliver(sealWith(c, 2, "officer1", "officer2", "city")), tx.CodeOK)
}

// A new key signs from the next block on; a rotation revokes the old one.
func TestRegisterAndRotate(t *testing.T) {
	c := begun(t)
	k := c.Credential("officer3", "officer")
	k.Tag = tx.Digest{7}
	c.Must(c.Own(tx.GovAccount, &tx.AccountChange{Action: tx.Add, New: &k}))
	wantCode(t, "the new key", c.Deliver(sealWith(c, 1, "officer1", "officer3", "city")), tx.CodeOK)
	if a := c.App.Directory().Account(accountOf(c, "officer3")); a.Tag != k.Tag || a.ValidFrom != c.Height {
		t.Errorf("registered as %+v at height %d", a, c.Height)
	}
	wantCode(t, "the same key again", c.Deliver(c.Own(tx.GovAccount, &tx.AccountChange{Action: tx.Add, New: &k})), tx.CodeExists)
	next := c.Credential("officer4", "officer")
	c.Must(c.Own(tx.GovAccount, &tx.AccountChange{Account: accountOf(c, "officer3"), Action: tx.Rotate, New: &next}))
	wantCode(t, "the old key", c.Deliver(sealWith(c, 2, "officer1", "officer3", "city")), tx.CodeAccountRevoked)
	wantCode(t, "the next key", c.Deliver(sealWith(c, 3, "officer1", "officer4", "city")), tx.CodeOK)
	other := c.Credential("officer5", "officer")
	for what, b := range map[string]*tx.AccountChange{
		"another member's account": {Account: accountOf(c, "city"), Action: tx.Revoke},
		"a revoked account":        {Account: accountOf(c, "officer3"), Action: tx.Rotate, New: &other},
		"no account":               {Account: tx.AccountID{1}, Action: tx.Revoke},
	} {
		wantCode(t, what, c.Deliver(c.Own(tx.GovAccount, b)), tx.CodeNoAccount)
	}
	wantCode(t, "compromised in the future", c.Deliver(c.Own(tx.GovAccount, &tx.AccountChange{Account: accountOf(c, "officer3"), Action: tx.Compromise, From: c.Height + 9})), tx.CodeHeight)
	wantCode(t, "one admin of a member", c.Deliver(c.Sign(c.Statement("notary-office", tx.GovAccount, tx.ID{}, &tx.AccountChange{Action: tx.Add, New: &other}), "notary-admin1")), tx.CodeOK)
	if c.App.Directory().Account(accountOf(c, "officer5")) != nil {
		t.Error("one admin registered a key")
	}
}

// A member that lost all keys gets new ones from the others.
func TestRecover(t *testing.T) {
	c := begun(t)
	fresh := []tx.Credential{c.Credential("n1", "admin"), c.Credential("n2", "admin", "officer")}
	c.Must(c.Govern(tx.GovRecover, &tx.Recover{Accounts: fresh, ID: "notary-office"}))
	wantCode(t, "an old key", c.Deliver(sealWith(c, 1, "officer1", "officer2", "notary")), tx.CodeAccountRevoked)
	wantCode(t, "a new key", c.Deliver(sealWith(c, 2, "officer1", "officer2", "n2")), tx.CodeOK)
	k := c.Credential("n3", "officer")
	c.Must(c.Sign(c.Statement("notary-office", tx.GovAccount, tx.ID{}, &tx.AccountChange{Action: tx.Add, New: &k}), "n1", "n2"))
	wantCode(t, "by the member itself", c.Deliver(c.Sign(c.Statement("hangzhou-amr", tx.GovRecover, tx.ID{},
		&tx.Recover{Accounts: []tx.Credential{c.Credential("h1", "admin"), c.Credential("h2", "admin")}, ID: "hangzhou-amr"}), "admin1")), tx.CodeNotParty)
}

var nanjing = tx.Membership{Action: tx.Admit, Division: "320100", DivisionRev: "2024-12-31", ID: "nanjing-amr", NameEN: "Nanjing", NameZH: "南京",
	Roles: []string{"partner-city", "regulator"}, USCC: "91350100M000100Y43"}

// A new member is on the rolls at once, so that governance needs more; when it
// has left it is not.
func TestMembers(t *testing.T) {
	c := begun(t)
	admit := nanjing
	admit.Accounts = []tx.Credential{c.Credential("nj1", "admin"), c.Credential("nj2", "admin")}
	city := nanjing
	city.Accounts, city.Division = admit.Accounts, "330100"
	wantCode(t, "a second regulator of Hangzhou", c.Deliver(c.Govern(tx.GovMember, &city)), tx.CodeCity)
	up := admit
	up.Superior = "nobody"
	wantCode(t, "under a superior that is not there", c.Deliver(c.Govern(tx.GovMember, &up)), tx.CodeNoMember)
	wire := c.Govern(tx.GovMember, &admit).AppendWire(nil)
	s := c.Statement("hangzhou-amr", tx.GovMember, tx.ID{}, &admit)
	s.Expires++
	rs := c.Block(wire, c.Sign(s, "admin1").AppendWire(nil))
	wantCode(t, "admitted", tx.Code(rs[0].Code), tx.CodeOK)
	wantCode(t, "admitted again in the same block", tx.Code(rs[1].Code), tx.CodeExists)
	if n := c.App.Directory().Roll("regulator"); n != 5 {
		t.Errorf("%d regulators on the roll, want 5", n)
	}
	params := func(anchor int64) *tx.Params {
		return &tx.Params{AnchorBlocks: anchor, ExpiresBlocks: 100_000, FutureMillis: 120_000, PendingBlocks: 20_160}
	}
	id := c.Must(c.Govern(tx.GovParams, params(10)))
	if s := stand(t, c, id); s.State != row.Pending {
		t.Errorf("3 of 5 regulators: %s, want PENDING", s.State)
	}
	c.Must(c.Sign(c.Statement("nanjing-amr", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: id, Type: tx.Agrees}), "nj1"))
	if s := stand(t, c, id); s.State != row.Enacted || c.App.Directory().Params.AnchorBlocks != 10 {
		t.Errorf("4 of 5 regulators: %s, want ENACTED", s.State)
	}
	amend := nanjing
	amend.Action, amend.NameEN = tx.Amend, "Nanking"
	wantCode(t, "amended", c.Deliver(c.Sign(c.Statement("hangzhou-amr", tx.GovMember, tx.ID{}, &amend), "admin1", "city-admin1", "changsha-admin1", "nj1", "court-admin1")), tx.CodeOK)
	if c.App.Directory().Member("nanjing-amr").NameEN != "Nanking" {
		t.Error("the name did not change")
	}
	leave := &tx.Membership{Action: tx.Leave, ID: "nanjing-amr"}
	c.Must(c.Sign(c.Statement("nanjing-amr", tx.GovMember, tx.ID{}, leave), "admin1", "city-admin1", "changsha-admin1", "nj1", "court-admin1"))
	if n := c.App.Directory().Roll("regulator"); n != 4 {
		t.Errorf("%d regulators on the roll, want 4", n)
	}
	wantCode(t, "amended after it left", c.Deliver(c.Govern(tx.GovMember, &amend)), tx.CodeNoMember)
	admit.Accounts = []tx.Credential{c.Credential("nj3", "admin"), c.Credential("nj4", "admin")}
	wantCode(t, "admitted again later", c.Deliver(c.Govern(tx.GovMember, &admit)), tx.CodeOK)
	wantCode(t, "by its old key", c.Deliver(c.Sign(c.Statement("nanjing-amr", tx.GovMember, tx.ID{}, leave), "nj1")), tx.CodeAccountRevoked)
}

// Votes of a member that was suspended meanwhile, or of a key that was in other
// hands, complete nothing.
func TestVotesThatNoLongerCount(t *testing.T) {
	propose := func(c *apptest.Chain) tx.ID {
		return c.Must(c.Sign(c.Statement("hangzhou-amr", tx.GovParams, tx.ID{},
			&tx.Params{AnchorBlocks: 10, ExpiresBlocks: 100_000, FutureMillis: 120_000, PendingBlocks: 20_160}), "admin1", "city-admin1", "court-admin1"))
	}
	agree := func(c *apptest.Chain, id tx.ID, member tx.MemberID, name string) row.State {
		c.Must(c.Sign(c.Statement(member, tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: id, Type: tx.Agrees}), name))
		return stand(t, c, id).State
	}
	c := begun(t)
	id := propose(c)
	if got := agree(c, id, "changsha-amr", "changsha-admin1"); got != row.Enacted {
		t.Errorf("without a change: %s, want ENACTED", got)
	}
	c = begun(t)
	id = propose(c)
	c.Must(c.Sign(c.Statement("xianyang-amr", tx.GovAccount, tx.ID{}, &tx.AccountChange{Account: accountOf(c, "city-admin1"), Action: tx.Revoke}), "city-admin1", "city-admin2"))
	if got := agree(c, id, "changsha-amr", "changsha-admin1"); got != row.Enacted {
		t.Errorf("a key revoked after it signed: %s, want ENACTED", got)
	}
	c = begun(t)
	id = propose(c)
	c.Must(c.Sign(c.Statement("xianyang-amr", tx.GovAccount, tx.ID{}, &tx.AccountChange{Account: accountOf(c, "city-admin1"), Action: tx.Compromise, From: 1}), "city-admin1", "city-admin2"))
	if got := agree(c, id, "changsha-amr", "changsha-admin1"); got != row.Pending {
		t.Errorf("a key compromised before it signed: %s, want PENDING", got)
	}
	c = begun(t)
	id = propose(c)
	c.Must(c.Govern(tx.GovMember, &tx.Membership{Action: tx.Suspend, ID: "internet-court"}))
	if got := agree(c, id, "changsha-amr", "changsha-admin1"); got != row.Pending {
		t.Errorf("a member suspended meanwhile: %s, want PENDING", got)
	}
	wantCode(t, "governance is held", c.Deliver(c.Sign(c.Statement("qijiang-amr", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: id, Type: tx.Holds}), "qijiang-admin1")), tx.CodeTarget)
	wantCode(t, "agreed to by an officer", c.Deliver(c.Sign(c.Statement("qijiang-amr", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: id, Type: tx.Agrees}), "qijiang")), tx.CodeNotAdmin)
}

// A new policy applies to matters opened from its height on; those before keep
// the one under which they were opened.
func TestPolicyVersions(t *testing.T) {
	c := begun(t, func(g *genesis.State) { // a third officer, whom a later policy asks for
		g.Accounts = append(g.Accounts, genesis.NewAccount("hangzhou-amr", apptest.Key(t, "officer3", tx.Secp256k1).Public(), "officer"))
	})
	before := c.Must(sealWith(c, 1, "officer1", "officer2", "city"))
	from := c.Height + 3
	policy := func(expr string, from int64) *tx.Envelope {
		return c.Govern(tx.GovPolicy, &tx.PolicyChange{Expr: expr, From: from, Kind: tx.EvidenceWithdraw})
	}
	wantCode(t, "malformed", c.Deliver(policy("OF(0,officer@issuer)", from)), tx.CodeExpr)
	wantCode(t, "in the past", c.Deliver(policy("officer@issuer", c.Height)), tx.CodeHeight)
	from = c.Height + 3
	c.Must(policy("OF(3,officer@issuer)", from))
	wantCode(t, "beginning before the last", c.Deliver(policy("officer@issuer", from-1)), tx.CodeHeight)
	wantCode(t, "the same again", c.Deliver(policy("OF(3,officer@issuer)", from+1)), tx.CodeNothing)
	after := c.Must(sealWith(c, 2, "officer1", "officer2", "city"))
	withdraw := func(id tx.ID) row.State {
		c.Must(c.Sign(c.Statement("hangzhou-amr", tx.EvidenceWithdraw, id, &tx.Withdraw{Reason: "mistake"}), "officer1", "officer2"))
		return stand(t, c, id).State
	}
	if got := withdraw(before); got != row.Withdrawn {
		t.Errorf("opened before: %s, want WITHDRAWN by two", got)
	}
	if got := withdraw(after); got != row.Sealed {
		t.Errorf("opened after: %s, want SEALED: two of three", got)
	}
}

// What a member asks of itself holds besides the policy, for its own statements
// alone, and is dropped as it came.
func TestOverride(t *testing.T) {
	c := begun(t)
	override := func(expr string) *tx.Envelope {
		return c.Own(tx.GovOverride, &tx.PolicyChange{Expr: expr, From: c.Height + 2, Kind: tx.EvidenceSeal})
	}
	state := func(e *tx.Envelope) row.State { return stand(t, c, c.Must(e)).State }
	wantCode(t, "dropping what is not there", c.Deliver(override("")), tx.CodeNothing)
	c.Must(override("court@other"))
	half := c.Must(sealWith(c, 1, "officer1", "officer2", "city"))
	if s := stand(t, c, half); s.State != row.Pending || !slices.Contains(s.Missing, "court@other") {
		t.Errorf("without the court: %s lacking %q", s.State, s.Missing)
	}
	if got := state(sealWith(c, 2, "officer1", "court")); got != row.Pending {
		t.Errorf("an override loosened the policy: %s", got)
	}
	if got := state(sealWith(c, 3, "officer1", "officer2", "court")); got != row.Sealed {
		t.Errorf("with the court: %s", got)
	}
	other := c.Sign(c.Statement("xianyang-amr", tx.EvidenceSeal, tx.ID{}, c.Evidence(4)), "city", "city2", "platform")
	if got := state(other); got != row.Sealed {
		t.Errorf("another member's: %s", got)
	}
	c.Must(override(""))
	if got := state(sealWith(c, 5, "officer1", "officer2", "city")); got != row.Sealed {
		t.Errorf("dropped: %s", got)
	}
	c.Must(c.Sign(c.Statement("internet-court", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: half, Type: tx.Agrees}), "court"))
	if s := stand(t, c, half); s.State != row.Sealed {
		t.Errorf("opened under the override and completed: %s", s.State)
	}
	wantCode(t, "of governance", c.Deliver(c.Own(tx.GovOverride, &tx.PolicyChange{Expr: "court@other", From: c.Height + 2, Kind: tx.GovAccount})), tx.CodeExpr)
}

// No statement takes effect after which nobody could govern.
func TestUngovernable(t *testing.T) {
	c := begun(t)
	for what, b := range map[string]struct {
		kind tx.Kind
		body tx.Body
	}{
		"a policy that nobody can satisfy": {tx.GovPolicy, &tx.PolicyChange{Expr: "auditor@any", From: 100, Kind: tx.GovPolicy}},
		"a policy of one who is not there": {tx.GovPolicy, &tx.PolicyChange{Expr: "admin@=nobody", From: 100, Kind: tx.GovMember}},
	} {
		wantCode(t, what, c.Deliver(c.Govern(b.kind, b.body)), tx.CodeUngovernable)
	}
	for _, m := range []tx.MemberID{"platform-a", "notary-office", "test-institute", "retest-institute"} {
		c.Must(c.Govern(tx.GovMember, &tx.Membership{Action: tx.Suspend, ID: m}))
	}
	wantCode(t, "the last member of another kind", c.Deliver(c.Govern(tx.GovMember, &tx.Membership{Action: tx.Suspend, ID: "internet-court"})), tx.CodeUngovernable)
	court := func(name string) tx.Code {
		return c.Deliver(c.Govern(tx.GovFreeze, &tx.Freeze{Account: accountOf(c, name), Reason: "other"}))
	}
	c.Must(c.Sign(c.Statement("xianyang-amr", tx.GovMember, tx.ID{}, &tx.Membership{Action: tx.Resume, ID: "notary-office"}), "admin1", "city-admin1", "changsha-admin1", "court-admin1"))
	wantCode(t, "the first key of one of two", court("court-admin2"), tx.CodeOK)
	wantCode(t, "its last key", court("court-admin1"), tx.CodeOK)
	notary := func(name string) tx.Code {
		return c.Deliver(c.Sign(c.Statement("hangzhou-amr", tx.GovFreeze, tx.ID{}, &tx.Freeze{Account: accountOf(c, name), Reason: "other"}), "admin1", "city-admin1", "changsha-admin1", "notary-admin1"))
	}
	wantCode(t, "the first key of the last", notary("notary-admin2"), tx.CodeOK)
	wantCode(t, "the last key", notary("notary-admin1"), tx.CodeUngovernable)
}

// A step of another family continues nothing.
func TestFamilies(t *testing.T) {
	c := begun(t)
	evidence := c.Must(sealWith(c, 1, "officer1"))
	gov := c.Must(c.Sign(c.Statement("hangzhou-amr", tx.GovParams, tx.ID{}, &tx.Params{AnchorBlocks: 10, ExpiresBlocks: 100_000, FutureMillis: 120_000, PendingBlocks: 20_160}), "admin1"))
	wantCode(t, "evidence.withdraw of governance", c.Deliver(c.Sign(c.Statement("hangzhou-amr", tx.EvidenceWithdraw, gov, &tx.Withdraw{Reason: "mistake"}), "officer1", "officer2")), tx.CodeFamily)
	wantCode(t, "gov.withdraw of evidence", c.Deliver(c.Sign(c.Statement("hangzhou-amr", tx.GovWithdraw, evidence, &tx.Withdraw{Reason: "mistake"}), "admin1")), tx.CodeFamily)
}

// A step that waits when its matter expires no longer moves it.
func TestStepOfAnExpiredMatter(t *testing.T) {
	c := begun(t, pendingBlocks(4))
	id := c.Must(sealWith(c, 1, "officer1"))
	c.Block()
	w := c.Must(c.Sign(c.Statement("hangzhou-amr", tx.EvidenceWithdraw, id, &tx.Withdraw{Reason: "mistake"}), "officer1"))
	c.Block()
	c.Block()
	if s := stand(t, c, id); s.State != row.Expired {
		t.Fatalf("the matter is %s", s.State)
	}
	c.Must(c.Sign(c.Statement("hangzhou-amr", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: w, Type: tx.Agrees}), "officer2"))
	if s := stand(t, c, id); s.State != row.Expired || s.WaitingStep != 0 {
		t.Errorf("completed afterwards: %s, waiting %d; want EXPIRED and none", s.State, s.WaitingStep)
	}
	if s := stand(t, c, w); s.Outcome != row.Lapsed {
		t.Errorf("the step is %s, want lapsed", s.Outcome)
	}
}

// What a member or the consortium registers is bounded.
func TestBounds(t *testing.T) {
	c := begun(t)
	own := func(b *tx.AccountChange) []byte { return c.Own(tx.GovAccount, b).AppendWire(nil) }
	var txs [][]byte
	for i := range 62 {
		k := c.Credential(fmt.Sprint("many ", i), "officer")
		txs = append(txs, own(&tx.AccountChange{Action: tx.Add, New: &k}))
	}
	for i, r := range c.Block(txs...) {
		want := tx.CodeOK // four there were
		if i >= 60 {
			want = tx.CodeFull
		}
		wantCode(t, fmt.Sprint("key ", i), tx.Code(r.Code), want)
	}
	c.Must(c.Own(tx.GovAccount, &tx.AccountChange{Account: accountOf(c, "many 1"), Action: tx.Revoke}))
	k := c.Credential("one more", "officer")
	wantCode(t, "after one was revoked", c.Deliver(c.Own(tx.GovAccount, &tx.AccountChange{Action: tx.Add, New: &k})), tx.CodeOK)

	txs = nil
	for i := range 97 {
		txs = append(txs, c.Govern(tx.GovValidator, &tx.ValidatorChange{Key: apptest.ValidatorKey(4 + i), Member: "hangzhou-amr", Power: 1}).AppendWire(nil))
	}
	rs := c.Block(txs...)
	wantCode(t, "validator 100", tx.Code(rs[95].Code), tx.CodeOK)
	wantCode(t, "validator 101", tx.Code(rs[96].Code), tx.CodeFull)
	wantCode(t, "a rotation that makes 101", c.Deliver(c.Own(tx.GovRotate, &tx.KeyRotation{Key: apptest.ValidatorKey(0), New: apptest.ValidatorKey(200)})), tx.CodeFull)
}

// The validators of the genesis file are in the state from the beginning, with
// their members; a key that CometBFT would take and we do not know is refused.
func TestGenesisValidators(t *testing.T) {
	c := apptest.New(t)
	for i, v := range c.App.Directory().Validators() {
		n := slices.IndexFunc(apptest.Validators, func(m tx.MemberID) bool { return m == v.Member })
		if n < 0 || v.Key != apptest.ValidatorKey(n) || v.Power != 10 || v.Target != 10 || !v.Ready {
			t.Errorf("validator %d: %+v", i, v)
		}
	}
	other := apptest.New(t)
	_, err := other.App.InitChain(context.Background(), &abci.RequestInitChain{ChainId: apptest.ChainID, AppStateBytes: mustJSON(t, c.Genesis),
		Validators: []abci.ValidatorUpdate{{PubKey: cmtcrypto.PublicKey{Sum: &cmtcrypto.PublicKey_Secp256K1{Secp256K1: make([]byte, 33)}}, Power: 1}}})
	if err == nil {
		t.Error("a validator with a secp256k1 key was accepted")
	}
}
