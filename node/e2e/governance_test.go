package e2e

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"zhenglian/app/receipt"
	"zhenglian/client/api"
)

// TestGovernance changes keys, members and rules of the example consortium as
// its members do.
func TestGovernance(t *testing.T) {
	p, d := runDemo(t, filepath.Join(t.TempDir(), "demo"))
	for _, part := range []struct {
		name string
		test func(*demo)
	}{
		{"a key added, used, revoked", (*demo).testAccount},
		{"a member admitted", (*demo).testAdmit},
		{"a proposal given up", (*demo).testGiveUp},
		{"a rule from a later height on", (*demo).testPolicy},
		{"validators and upgrades proposed", (*demo).testStages},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(d.in(t)) })
	}
	p.stop()
}

// newKey makes a key in the consortium's keyring.
func (d *demo) newKey(name, member string) {
	d.Helper()
	must(d.T, 0, nil, "zheng", "keys", "add", name, "--member", member, "--plain", "--keys", filepath.Join(d.home, "keys"))
}

// ask runs a command that only reads, and parses what it prints into v.
func (d *demo) ask(v any, args ...string) {
	d.Helper()
	must(d.T, 0, v, "zheng", append(args, "--gateway", d.url, "-o", "json")...)
}

// lines runs a command that prints a list.
func lines[T any](d *demo, args ...string) (out []T) {
	d.Helper()
	r := run(d.T, "zheng", append(args, "--gateway", d.url, "-o", "json")...)
	if r.code != 0 {
		d.Fatalf("zheng %q: exit %d: %s", args, r.code, r.stderr)
	}
	for dec := json.NewDecoder(bytes.NewReader(r.stdout)); dec.More(); {
		var v T
		if err := dec.Decode(&v); err != nil {
			d.Fatalf("zheng %q: %v: %s", args, err, r.stdout)
		}
		out = append(out, v)
	}
	return out
}

// inbox are the ids that wait for the member of a key.
func (d *demo) inbox(key string) (ids []string) {
	d.Helper()
	for _, p := range lines[api.Pending](d, "pending", "--from", key, "--keys", filepath.Join(d.home, "keys")) {
		ids = append(ids, p.ID.String())
	}
	return ids
}

// refused runs a command that enters a statement and is refused with a number.
func (d *demo) refused(number uint32, args ...string) {
	d.Helper()
	r := run(d.T, "zheng", append(args, "--gateway", d.url, "--keys", filepath.Join(d.home, "keys"),
		"--trust", d.trust, "--out", d.out, "-o", "json")...)
	var f struct {
		Error struct{ Number uint32 }
	}
	last := r.stderr[strings.LastIndexByte(strings.TrimSpace(r.stderr), '\n')+1:]
	if err := json.Unmarshal([]byte(last), &f); err != nil || r.code != 1 || f.Error.Number != number {
		d.Errorf("zheng %q: exit %d, %s; want E%d", args, r.code, r.stderr, number)
	}
}

// testAccount: two admins register a key for their member; it signs until they
// revoke it, and what it signed stays valid.
func (d *demo) testAccount() {
	d.newKey("officer3", "hangzhou-amr")
	d.refused(102, "notarize", d.file("early.png"), "--from", "officer3", "--cosign", "officer1,city")
	add := d.zheng("account", "add", "--key", "officer3", "--role", "officer", "--from", "admin1")
	if add.State != "PENDING" || !slices.Equal(d.inbox("admin2"), []string{add.ID}) {
		d.Errorf("by one admin: %+v, inbox of the other %v", add, d.inbox("admin2"))
	}
	d.zheng("endorse", add.ID, "--from", "admin2")
	if s := d.show(add.ID); s.State != "ENACTED" {
		d.Errorf("by two admins: %s", s.State)
	}

	page := d.file("page.png")
	e := d.zheng("notarize", page, "--from", "officer3", "--cosign", "officer1,city")
	if e.State != "SEALED" {
		d.Errorf("sealed with the new key: %+v", e)
	}
	if r := d.zheng("account", "revoke", "officer3", "--from", "admin1", "--cosign", "admin2"); r.State != "ENACTED" {
		d.Errorf("revoke: %+v", r)
	}
	var a api.Account
	d.ask(&a, "account", "show", "officer3", "--keys", filepath.Join(d.home, "keys"))
	if a.Status != api.AccountRevoked || a.ValidFrom == 0 || a.RevokedAt <= a.ValidFrom {
		d.Errorf("account: %+v", a)
	}
	d.refused(104, "notarize", d.file("late.png"), "--from", "officer3", "--cosign", "officer1,city")
	for _, path := range []string{e.Receipt, d.receipt(e.ID)} {
		if r := d.verify(0, "--file", page, path); r.Verdict != receipt.Verified {
			d.Errorf("sealed before the key was revoked: %s", r.Verdict)
		}
	}
	if r := d.verify(0, "--id", add.ID, d.receipt(add.ID)); r.Facts.State != "ENACTED" || len(r.Facts.Signers) != 2 {
		d.Errorf("receipt of the new key: %s by %v", r.Facts.State, r.Facts.Signers)
	}
}

// testAdmit: two thirds of the regulators and a court admit a laboratory, each
// from their inbox.
func (d *demo) testAdmit() {
	for _, name := range []string{"quality-admin1", "quality-admin2", "quality-officer"} {
		d.newKey(name, "quality-lab")
	}
	e := d.zheng("member", "admit", "quality-lab", "--name-zh", "质量检测所", "--name-en", "Quality Laboratory", "--role", "lab",
		"--uscc", "91350100M000100Y43", "--admin", "quality-admin1,quality-admin2", "--from", "admin1")
	if e.State != "PENDING" {
		d.Fatalf("by one regulator of four: %+v", e)
	}
	for _, step := range []struct {
		key     string
		waiting []string // whose inbox has it afterwards
	}{
		{"changsha-admin1", []string{"city-admin1", "court-admin1", "platform-admin1", "notary-admin1", "qijiang-admin1"}},
		{"court-admin1", []string{"city-admin1", "qijiang-admin1"}},
		{"city-admin1", nil},
	} {
		if !slices.Equal(d.inbox(step.key), []string{e.ID}) {
			d.Errorf("inbox of %s: %v", step.key, d.inbox(step.key))
		}
		d.zheng("endorse", e.ID, "--from", step.key)
		for _, key := range []string{"admin1", "changsha-admin1", "city-admin1", "court-admin1", "platform-admin1", "notary-admin1", "qijiang-admin1"} {
			if got, want := len(d.inbox(key)) > 0, slices.Contains(step.waiting, key); got != want {
				d.Errorf("after %s: in the inbox of %s %v, want %v", step.key, key, got, want)
			}
		}
	}
	var x struct {
		State   string
		Rule    struct{ Version uint32 }
		Signed  []api.Vote
		Missing []string
	}
	d.ask(&x, "policy", "explain", e.ID)
	if x.State != "ENACTED" || x.Rule.Version != 1 || len(x.Signed) != 4 || len(x.Missing) != 0 {
		d.Errorf("explained: %+v", x)
	}
	var m struct {
		Status   string
		Accounts []api.Account
	}
	d.ask(&m, "member", "show", "quality-lab")
	if m.Status != api.MemberActive || len(m.Accounts) != 2 {
		d.Errorf("the new member: %+v", m)
	}
	// It acts for itself.
	if a := d.zheng("account", "add", "--key", "quality-officer", "--role", "officer", "--from", "quality-admin1", "--cosign", "quality-admin2"); a.State != "ENACTED" {
		d.Errorf("a key of the new member: %+v", a)
	}
}

func (d *demo) testGiveUp() {
	e := d.zheng("member", "suspend", "platform-a", "--from", "admin1")
	if w := d.zheng("withdraw", e.ID, "--reason", "mistake", "--from", "admin2"); w.State != "WITHDRAWN" {
		d.Errorf("given up: %+v", w)
	}
	if got := d.inbox("city-admin1"); len(got) != 0 {
		d.Errorf("inbox: %v", got)
	}
	// The same as a file that goes round.
	draft, envelope := filepath.Join(d.out, "freeze.json"), filepath.Join(d.out, "freeze.envelope.json")
	keys := filepath.Join(d.home, "keys")
	must(d.T, 0, nil, "zheng", "account", "freeze", "qijiang", "--reason", "misuse", "--from", "admin1", "--keys", keys, "--gateway", d.url, "--draft", draft)
	must(d.T, 0, nil, "zheng", "sign", draft, "--keys", keys, "--from", "admin1")
	must(d.T, 0, nil, "zheng", "sign", envelope, "--keys", keys, "--from", "changsha-admin1", "--cosign", "city-admin1,platform-admin1")
	var f entry
	must(d.T, 0, &f, "zheng", "submit", envelope, "--gateway", d.url, "--trust", d.trust, "--out", d.out, "-o", "json")
	if f.State != "ENACTED" {
		d.Errorf("freeze: %+v", f)
	}
	d.refused(108, "notarize", d.file("frozen.png"), "--from", "qijiang")
}

// testPolicy: one officer is to be enough to withdraw evidence. It holds for what
// is sealed from the height on; what was sealed before keeps its rule.
func (d *demo) testPolicy() {
	seal := func() entry {
		return d.zheng("notarize", d.file("page.png"), "--no-upload", "--from", "officer1", "--cosign", "officer2,city")
	}
	before := seal()
	set := d.zheng("policy", "set", "evidence.withdraw", "officer@issuer", "--effective", "+10",
		"--from", "admin1", "--cosign", "changsha-admin1,city-admin1,court-admin1")
	if set.State != "ENACTED" {
		d.Fatalf("policy: %+v", set)
	}
	newest := func() api.Policy {
		ps := lines[api.Policy](d, "policy", "show", "evidence.withdraw")
		return ps[len(ps)-1]
	}
	p := newest()
	if p.Version != 2 || p.InForce || p.From <= set.Height {
		d.Fatalf("made at height %d: %+v", set.Height, p)
	}
	after := seal()
	for after.Height < p.From {
		after = seal()
	}
	if p = newest(); !p.InForce {
		d.Errorf("at height %d: %+v", after.Height, p)
	}
	for _, c := range []struct {
		evidence entry
		outcome  string
		version  uint32
	}{{before, "waiting", 1}, {after, "effective", 2}} {
		w := d.zheng("withdraw", c.evidence.ID, "--reason", "mistake", "--from", "officer1")
		var x struct{ Rule struct{ Version uint32 } }
		d.ask(&x, "policy", "explain", w.ID)
		if w.Outcome != c.outcome || x.Rule.Version != c.version {
			d.Errorf("evidence of height %d withdrawn by one officer: %s by version %d, want %s by %d", c.evidence.Height, w.Outcome, x.Rule.Version, c.outcome, c.version)
		}
	}
	if v := d.verify(0, "--id", after.ID, d.receipt(after.ID)); v.Facts.State != "WITHDRAWN" {
		d.Errorf("withdrawn under the new rule: %s", v.Facts.State)
	}
}

// testStages: a proposed validator goes through its stages as far as it can
// without a node, and is taken out again.
func (d *demo) testStages() {
	key := strings.Repeat("0", 63) + "1"
	all := []string{"--from", "admin1", "--cosign", "changsha-admin1,city-admin1,court-admin1"}
	stage := func() string {
		for _, v := range lines[api.Validator](d, "validator", "list") {
			if v.Key.String() == key {
				return v.Stage
			}
		}
		return "gone"
	}
	before := lines[api.Validator](d, "validator", "list")
	d.zheng(append([]string{"validator", "propose", key, "--member", "notary-office", "--power", "1"}, all...)...)
	if got := stage(); got != api.StageApproved {
		d.Errorf("proposed: %s", got)
	}
	d.zheng(append([]string{"validator", "remove", key}, all...)...)
	if got := stage(); got != "gone" {
		d.Errorf("removed: %s", got)
	}
	if after := lines[api.Validator](d, "validator", "list"); !slices.Equal(before, after) || len(after) != 4 {
		d.Errorf("validators %+v, before %+v", after, before)
	}

	plan := d.zheng(append([]string{"upgrade", "plan", "--version", "2", "--height", "+100000", "--info", "https://example.org"}, all...)...)
	var p api.Protocol
	if d.ask(&p, "upgrade", "show"); plan.State != "ENACTED" || p.Version != 1 || p.Upgrade == nil || p.Upgrade.Version != 2 {
		d.Errorf("planned: %+v, %+v", plan, p)
	}
	d.zheng(append([]string{"upgrade", "plan", "--version", "1", "--height", "+1"}, all...)...)
	p = api.Protocol{}
	if d.ask(&p, "upgrade", "show"); p.Upgrade != nil {
		d.Errorf("called off: %+v", p.Upgrade)
	}
}
