package gateway

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"zhenglian/app/apptest"
	"zhenglian/app/row"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/genesis"
)

// read asks for a document.
func read[T any](h *harness, path string) (v T) {
	h.t.Helper()
	resp, b := h.do("GET", path, "")
	if err := json.Unmarshal(b, &v); err != nil || resp.StatusCode != 200 {
		h.t.Fatalf("GET %s: %s: %s", path, resp.Status, b)
	}
	return v
}

// inbox are the statements that wait for a member, in order.
func (h *harness) inbox(conditions string) (ids []tx.ID) {
	h.t.Helper()
	for _, p := range read[api.Page[api.Pending]](h, api.PathPending+"?"+conditions).Data {
		ids = append(ids, p.ID)
	}
	return ids
}

// laboratory is a member to be admitted.
func (h *harness) laboratory() *tx.Membership {
	return &tx.Membership{
		Accounts: []tx.Credential{h.chain.Credential("new-lab-admin1", "admin"), h.chain.Credential("new-lab-admin2", "admin")},
		Action:   tx.Admit, ID: "lab-1", NameZH: "检测所", NameEN: "Laboratory", Roles: []string{"lab"}, USCC: "91350100M000100Y43",
	}
}

// A member is admitted step by step: whoever's signature still counts finds the
// proposal in the inbox, and nobody else.
func TestInbox(t *testing.T) {
	h := newHarness(t)
	s := h.submit(h.sign("hangzhou-amr", tx.GovMember, tx.ID{}, h.laboratory(), "admin1"))
	agree := func(member tx.MemberID, signer string) {
		h.t.Helper()
		h.submit(h.sign(member, tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: s.ID, Type: tx.Agrees}, signer))
	}
	wantIn := func(members ...string) {
		h.t.Helper()
		for _, m := range read[api.Page[api.Member]](h, api.PathMembers).Data {
			if got, want := slices.Equal(h.inbox("member="+m.ID), []tx.ID{s.ID}), slices.Contains(members, m.ID); got != want {
				h.t.Errorf("in the inbox of %s: %v, want %v", m.ID, got, want)
			}
		}
	}
	wantIn("changsha-amr", "internet-court", "notary-office", "platform-a", "qijiang-amr", "retest-institute", "test-institute", "xianyang-amr")

	p := read[api.Page[api.Pending]](h, api.PathPending+"?member=xianyang-amr").Data[0]
	want := []tx.AccountID{apptest.Key(t, "city-admin1", tx.Secp256k1).Public().Account(), apptest.Key(t, "city-admin2", tx.Secp256k1).Public().Account()}
	if len(p.CanSign) != 1 || !sameAccounts(p.CanSign[0].Accounts, want) {
		t.Errorf("who can sign: %v, want %v", p.CanSign, want)
	}
	if p.Member != "hangzhou-amr" || p.Since != s.Height || p.Deadline <= s.Height || len(p.Votes) != 1 || len(p.Missing) != 2 || p.Policy.Version != 1 {
		t.Errorf("pending: %+v", p)
	}
	if i := slices.IndexFunc(p.Changes, func(c api.Change) bool { return c.Field == "member lab-1, name_zh" }); i < 0 || p.Changes[i].Then != "检测所" || p.Changes[i].Now != "" {
		t.Errorf("changes: %v", p.Changes)
	}
	if got := h.inbox("account=" + want[0].String()); len(got) != 1 {
		t.Errorf("inbox of an admin: %v", got)
	}
	if got := h.inbox("account=" + apptest.Key(t, "city", tx.Secp256k1).Public().Account().String()); len(got) != 0 {
		t.Errorf("inbox of an officer, who does not govern: %v", got)
	}

	agree("changsha-amr", "changsha-admin1")
	wantIn("internet-court", "notary-office", "platform-a", "qijiang-amr", "retest-institute", "test-institute", "xianyang-amr")
	agree("internet-court", "court-admin1")
	wantIn("qijiang-amr", "xianyang-amr")
	if st := read[api.Statement](h, api.StatementURL(s.ID)); len(st.CanSign) != 2 || st.Deadline != p.Deadline {
		t.Errorf("statement: can sign %v, deadline %d", st.CanSign, st.Deadline)
	}
	agree("xianyang-amr", "city-admin2")
	wantIn()
	if st := read[api.Statement](h, api.StatementURL(s.ID)); st.State != row.Enacted || st.CanSign != nil {
		t.Errorf("with every signature it is %s, and can be signed by %v", st.State, st.CanSign)
	}
	members := read[api.Page[api.Member]](h, api.PathMembers).Data
	if i := slices.IndexFunc(members, func(m api.Member) bool { return m.ID == "lab-1" }); i < 0 || members[i].Status != api.MemberActive || members[i].USCC == "" {
		t.Errorf("members: %+v", members)
	}
}

func sameAccounts(a, b []tx.AccountID) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(id tx.AccountID) bool { return !slices.Contains(b, id) })
}

// Evidence waits for officers and others, and a step of a matter for those of
// whom its rule speaks.
func TestInboxEvidence(t *testing.T) {
	h := newHarness(t)
	s := h.submit(h.seal(1, "officer1"))
	officer2 := apptest.Key(t, "officer2", tx.Secp256k1).Public().Account()
	if p := read[api.Page[api.Pending]](h, api.PathPending+"?member=hangzhou-amr").Data; len(p) != 1 || !sameAccounts(p[0].CanSign[0].Accounts, []tx.AccountID{officer2}) {
		t.Errorf("the second officer's inbox: %+v", p)
	}
	h.submit(h.sign("hangzhou-amr", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: s.ID, Type: tx.Agrees}, "officer2"))
	if got := h.inbox("member=hangzhou-amr"); len(got) != 0 {
		t.Errorf("two officers have signed: %v", got)
	}
	// Whoever objects has spoken.
	h.submit(h.sign("platform-a", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: s.ID, Type: tx.Objects, Reason: "not_served"}, "platform"))
	for member, want := range map[string]int{"platform-a": 0, "xianyang-amr": 1, "internet-court": 1} {
		if got := h.inbox("member=" + member); len(got) != want {
			t.Errorf("inbox of %s: %v, want %d", member, got, want)
		}
	}
	sealed := h.submit(h.seal(2, complete3...))
	w := h.submit(h.sign("hangzhou-amr", tx.EvidenceWithdraw, sealed.ID, &tx.Withdraw{Reason: "mistake"}, "officer1"))
	if got := h.inbox("member=hangzhou-amr"); !slices.Equal(got, []tx.ID{w.ID}) {
		t.Errorf("a withdrawal that lacks an officer: %v", got)
	}
}

// Pages follow each other without gaps.
func TestPendingPages(t *testing.T) {
	h := newHarness(t)
	var want []tx.ID
	for i := range 5 {
		want = append(want, h.submit(h.seal(i, "officer1", "officer2")).ID)
	}
	var got []tx.ID
	for path := api.PathPending + "?limit=2&member=internet-court"; path != ""; {
		resp, b := h.do("GET", path, "")
		var p api.Page[api.Pending]
		if err := json.Unmarshal(b, &p); err != nil || p.HasMore != (resp.Header.Get("Link") != "") {
			t.Fatalf("%s: %s", path, b)
		}
		for _, w := range p.Data {
			got = append(got, w.ID)
		}
		path, _, _ = strings.Cut(strings.TrimPrefix(resp.Header.Get("Link"), "<"), ">")
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, bad := range []string{"cursor=x", "limit=101", "member=X", "account=00", "account=" + strings.Repeat("0", 40)} {
		if resp, b := h.do("GET", api.PathPending+"?"+bad, ""); resp.StatusCode/100 != 4 {
			t.Errorf("%s: %s: %s", bad, resp.Status, b)
		}
	}

	accounts := 0
	for path := api.PathAccounts + "?limit=3&member=hangzhou-amr"; path != ""; {
		resp, b := h.do("GET", path, "")
		var p api.Page[api.Account]
		if err := json.Unmarshal(b, &p); err != nil {
			t.Fatalf("%s: %s", path, b)
		}
		for _, a := range p.Data {
			if accounts++; a.Member != "hangzhou-amr" || a.Status != api.AccountActive {
				t.Errorf("account: %+v", a)
			}
		}
		path, _, _ = strings.Cut(strings.TrimPrefix(resp.Header.Get("Link"), "<"), ">")
	}
	if accounts != 4 {
		t.Errorf("%d accounts of hangzhou-amr, want 4", accounts)
	}
}

// Every kind of governance shows what it would change.
func TestChanges(t *testing.T) {
	h := newHarness(t)
	id := func(name string) tx.AccountID { return apptest.Key(t, name, tx.Secp256k1).Public().Account() }
	credential := h.chain.Credential("newcomer", "officer")
	v := read[api.Page[api.Validator]](h, api.PathValidators).Data[0]
	account := func(name, member, field string) string {
		return "account " + id(name).String() + " of " + member + ", " + field
	}
	d := genesis.DefaultParams()
	validator := "validator " + v.Key.String()
	for _, c := range []struct {
		kind tx.Kind
		body tx.Body
		want string // as "field: now → then; …", or its beginning with …
	}{
		{tx.GovAccount, &tx.AccountChange{Action: tx.Add, New: &credential}, account("newcomer", "hangzhou-amr", "roles") + ":  → new: officer, secp256k1 key"},
		{tx.GovAccount, &tx.AccountChange{Action: tx.Rotate, Account: id("officer1"), New: &credential}, account("officer1", "hangzhou-amr", "revoked_at") + ":  → the next height; " + account("newcomer", "hangzhou-amr", "roles") + ":  → new: officer, secp256k1 key"},
		{tx.GovAccount, &tx.AccountChange{Action: tx.Revoke, Account: id("officer1")}, account("officer1", "hangzhou-amr", "revoked_at") + ":  → the next height"},
		{tx.GovAccount, &tx.AccountChange{Action: tx.Expire, Account: id("officer1"), ValidTo: 99}, account("officer1", "hangzhou-amr", "valid_to") + ":  → 99"},
		{tx.GovAccount, &tx.AccountChange{Action: tx.Compromise, Account: id("officer1"), From: 1}, account("officer1", "hangzhou-amr", "compromised_from") + ":  → 1; " + account("officer1", "hangzhou-amr", "revoked_at") + ":  → the next height"},
		{tx.GovEpoch, &tx.EpochChange{Action: tx.OpenEpoch, Commitment: tx.Digest{1}, Copies: []tx.SealedCopy{{Account: id("officer1"), SHA256: tx.Digest{2}}}, Epoch: 1, List: tx.NegativeIndex},
			"key of negative_index, epoch 1, commitment:  → " + tx.Digest{1}.String() + "; key of negative_index, epoch 1:  → ACTIVE; key of negative_index, epoch 1, copy of " +
				account("officer1", "hangzhou-amr", "sha256") + ":  → " + tx.Digest{2}.String()},
		{tx.GovEpoch, &tx.EpochChange{Action: tx.WithdrawEpoch, Epoch: 1, List: tx.NegativeIndex, Reason: "compromised"},
			"key of negative_index, epoch 1:  → WITHDRAWN; reason:  → compromised"},
		{tx.GovFreeze, &tx.Freeze{Account: id("city"), Reason: "misuse"}, account("city", "xianyang-amr", "frozen_from") + ":  → the next height; reason:  → misuse"},
		{tx.GovMember, &tx.Membership{Action: tx.Suspend, ID: "platform-a"}, "member platform-a, status: active → suspended"},
		{tx.GovMember, &tx.Membership{Action: tx.Leave, ID: "platform-a"}, "member platform-a, status: active → left; member platform-a, keys in force:  → revoked, all of them; member platform-a, validators:  → removed"},
		{tx.GovRecover, &tx.Recover{ID: "platform-a", Accounts: []tx.Credential{credential}}, "member platform-a, keys in force:  → revoked, all of them; " + account("newcomer", "platform-a", "roles") + ":  → new: officer, secp256k1 key"},
		{tx.GovPolicy, &tx.PolicyChange{Kind: tx.EvidenceChallenge, Expr: "OF(2,officer@issuer)", From: 50}, "policy of evidence.challenge: officer@issuer → OF(2,officer@issuer); policy of evidence.challenge, from height: 0 → 50"},
		{tx.GovOverride, &tx.PolicyChange{Kind: tx.EvidenceChallenge, Expr: "court@other", From: 50}, "override of hangzhou-amr for evidence.challenge:  → court@other; override of hangzhou-amr for evidence.challenge, from height:  → 50"},
		{tx.GovParams, &tx.Params{AnchorBlocks: d.AnchorBlocks, ExpiresBlocks: d.ExpiresBlocks, FutureMillis: d.FutureMillis, PendingBlocks: 7}, fmt.Sprintf("pending_blocks: %d → 7", d.PendingBlocks)},
		{tx.GovValidator, &tx.ValidatorChange{Key: v.Key, Member: "hangzhou-amr", Power: 3}, fmt.Sprintf("%s, member: %s → hangzhou-amr; %[1]s, target: %[3]d → 3", validator, v.Member, v.Target)},
		{tx.GovRotate, &tx.KeyRotation{Key: v.Key, New: tx.ValidatorKey{7}}, fmt.Sprintf("%s, target: %d → 0; validator %s, target: 0 → %[2]d", validator, v.Target, tx.ValidatorKey{7})},
		{tx.GovUpgrade, &tx.Upgrade{Version: 2, Height: 500, Info: "where"}, "protocol version: 1 → 2; upgrade height:  → 500; upgrade info:  → where"},
		{tx.GovWithdraw, &tx.Withdraw{Reason: "mistake"}, "proposal " + tx.ID{}.String() + ": waits → withdrawn"},
		{tx.EvidenceWithdraw, &tx.Withdraw{Reason: "mistake"}, ""},
	} {
		changes, err := changesOf(h.Store().View(), &tx.Statement{Kind: c.kind, Member: "hangzhou-amr", Body: c.body})
		if err != nil {
			t.Errorf("%s: %v", c.kind, err)
		}
		var got []string
		for _, ch := range changes {
			got = append(got, ch.Field+": "+ch.Now+" → "+ch.Then)
		}
		if s := strings.Join(got, "; "); s != c.want {
			t.Errorf("%s %+v:\n got %s\nwant %s", c.kind, c.body, s, c.want)
		}
	}
	if p := read[api.Protocol](h, api.PathProtocol); p.Version != 1 || p.Upgrade != nil || p.PendingBlocks != d.PendingBlocks {
		t.Errorf("protocol: %+v", p)
	}
}

// What governance did to accounts and rules can be read.
func TestDirectory(t *testing.T) {
	h := newHarness(t)
	id := apptest.Key(t, "officer2", tx.Secp256k1).Public().Account()
	own := func(kind tx.Kind, body tx.Body) {
		h.t.Helper()
		if s := h.submit(h.sign("hangzhou-amr", kind, tx.ID{}, body, "admin1", "admin2")); s.State != row.Enacted {
			h.t.Fatalf("%s is %s", kind, s.State)
		}
	}
	own(tx.GovAccount, &tx.AccountChange{Action: tx.Compromise, Account: id, From: 2})
	if a := read[api.Account](h, api.AccountURL(id)); a.Status != api.AccountRevoked || a.CompromisedFrom != 2 || a.RevokedAt == 0 {
		t.Errorf("account: %+v", a)
	}
	head := h.Store().View().Head().Height
	own(tx.GovOverride, &tx.PolicyChange{Kind: tx.EvidenceSeal, Expr: "court@other", From: head + 3})
	own(tx.GovOverride, &tx.PolicyChange{Kind: tx.EvidenceSeal, Expr: "", From: head + 100})
	h.block(3)
	var got []string
	for _, p := range read[api.Page[api.Policy]](h, api.PathPolicies).Data {
		if p.Member != "" {
			got = append(got, fmt.Sprintf("%s %s v%d %q %v", p.Member, p.Kind, p.Version, p.Expr, p.InForce))
		} else if !p.InForce {
			t.Errorf("%s v%d is not in force", p.Kind, p.Version)
		}
	}
	if want := []string{`hangzhou-amr evidence.seal v1 "court@other" true`, `hangzhou-amr evidence.seal v2 "" false`}; !slices.Equal(got, want) {
		t.Errorf("overrides %q, want %q", got, want)
	}
	for _, v := range read[api.Page[api.Validator]](h, api.PathValidators).Data {
		if v.Stage != api.StageActive || v.Power != v.Target {
			t.Errorf("validator: %+v", v)
		}
	}
}

// A directory that is a block ahead of the view does not hide its new accounts.
func TestSignersSettle(t *testing.T) {
	h := newHarness(t)
	before := h.Store().View()
	k := h.chain.Credential("newcomer", "officer")
	h.submit(h.sign("hangzhou-amr", tx.GovAccount, tx.ID{}, &tx.AccountChange{Action: tx.Add, New: &k}, "admin1", "admin2"))
	dir, after := h.Directory(), h.Store().View()
	var s signers
	knows := func(v *store.View) bool {
		t.Helper()
		all, err := s.of(dir, v)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(all, func(a signer) bool { return a.id == k.Key.Account() })
	}
	if knows(before) {
		t.Error("known before it was registered")
	}
	if !knows(after) || !s.settled || !knows(after) {
		t.Error("not known with the view of its directory")
	}
}
