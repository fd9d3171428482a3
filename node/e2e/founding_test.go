package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"zhenglian/app/receipt"
	"zhenglian/client/api"
	"zhenglian/node"
)

// A machine is the computer of one organisation: a loopback address of its own,
// on which it uses the ports that everybody uses, and a folder that nobody else
// reads. What organisations tell each other goes as files.
type machine struct {
	*testing.T
	member, addr      string
	dir, home, keys   string
	proc              *process
	trust             string // file
	nameZH, roles, at string // Chinese name, roles, division
}

// machines are the machines of a network, each with an address under 127/8 that
// nothing else uses.
func machines(t *testing.T, members ...[4]string) []*machine {
	t.Helper()
	base := fmt.Sprintf("127.%d.%d.", 100+rand.IntN(100), rand.IntN(250))
	l, err := net.Listen("tcp", base+"1:26656")
	if err != nil {
		t.Skipf("this system has one loopback address: %v", err)
	}
	l.Close()
	var ms []*machine
	for i, f := range members {
		dir := t.TempDir()
		ms = append(ms, &machine{T: t, member: f[0], nameZH: f[1], roles: f[2], at: f[3], addr: fmt.Sprint(base, i+1),
			dir: dir, home: filepath.Join(dir, "home"), keys: filepath.Join(dir, "keys"), trust: filepath.Join(dir, "trust.json")})
	}
	return ms
}

func (m *machine) url() string { return "http://" + m.addr + ":8080" }

// prepare makes keys and a home.
func (m *machine) prepare() {
	m.Helper()
	for _, k := range []string{"admin1", "admin2", "officer1", "officer2"} {
		must(m.T, 0, nil, "zheng", "keys", "add", k, "--member", m.member, "--plain", "--keys", m.keys)
	}
	must(m.T, 0, nil, "zhengd", "init", "--home", m.home, "--moniker", m.member, "--p2p", m.addr+":26656", "--listen", m.addr+":8080")
	m.configure(func(c *node.Config) {
		quick(c)
		c.Consensus.Heartbeat = node.Duration(time.Second)
		c.Metrics.Listen = m.addr + ":26660"
	})
}

func (m *machine) configure(change func(*node.Config)) {
	m.Helper()
	c, err := node.Load(m.home)
	if err != nil {
		m.Fatal(err)
	}
	change(&c)
	if err := c.Save(); err != nil {
		m.Fatal(err)
	}
}

func (m *machine) start() {
	m.Helper()
	m.proc = start(m.T, m.member, filepath.Join(m.dir, "node.log"), "zhengd", "start", "--home", m.home)
}

func (m *machine) awaitReady() {
	m.Helper()
	eventually(m.T, m.member+" ready", func() error {
		if err := m.proc.running(); err != nil {
			m.Fatal(err)
		}
		return ready(m.url())
	})
}

// copy hands a file over.
func (m *machine) copy(to *machine, name string) {
	m.Helper()
	b, err := os.ReadFile(filepath.Join(m.dir, name))
	if err == nil {
		err = os.WriteFile(filepath.Join(to.dir, name), b, 0o600)
	}
	if err != nil {
		m.Fatal(err)
	}
}

// zheng runs a command of the member's own that enters a statement.
func (m *machine) zheng(args ...string) (e entry) {
	m.Helper()
	must(m.T, 0, &e, "zheng", append(args, "--gateway", m.url(), "--keys", m.keys, "--trust", m.trust, "--out", m.dir, "-o", "json")...)
	return e
}

// decide has the first machine's member state something, and the others endorse
// it from their inboxes, each through its own gateway.
func decide(by *machine, others []*machine, args ...string) {
	by.Helper()
	e := by.zheng(append(args, "--from", "admin1")...)
	for _, m := range others {
		eventually(m.T, "inbox of "+m.member, func() error {
			r := run(m.T, "zheng", "pending", "--from", "admin1", "--keys", m.keys, "--gateway", m.url(), "-o", "json")
			if !bytes.Contains(r.stdout, []byte(e.ID)) {
				return fmt.Errorf("exit %d: %s%s", r.code, r.stdout, r.stderr)
			}
			return nil
		})
		m.zheng("endorse", e.ID, "--from", "admin1")
	}
	var s api.Statement
	must(by.T, 0, &s, "zheng", "show", e.ID, "--gateway", by.url(), "-o", "json")
	if s.State != "ENACTED" {
		by.Fatalf("%q: %s, missing %v", args, s.State, s.Missing)
	}
}

// own has the member's two admins decide what concerns it alone.
func (m *machine) own(args ...string) {
	m.Helper()
	if e := m.zheng(append(args, "--from", "admin1", "--cosign", "admin2")...); e.State != "ENACTED" {
		m.Fatalf("%q: %+v", args, e)
	}
}

// stage waits until a validator is where governance wants it; "" for gone.
func (m *machine) stage(key, want string) {
	m.Helper()
	eventually(m.T, "validator "+key+" "+want, func() error {
		r := run(m.T, "zheng", "validator", "list", "--gateway", m.url(), "-o", "json")
		got := ""
		for d := json.NewDecoder(bytes.NewReader(r.stdout)); d.More(); {
			var v api.Validator
			if err := d.Decode(&v); err != nil {
				return err
			}
			if v.Key.String() == key {
				got = v.Stage
			}
		}
		if got != want {
			return fmt.Errorf("it is %q: %s", got, r.stdout)
		}
		return nil
	})
}

// status is what the node says of itself.
func (m *machine) status() (s struct {
	Ready     bool
	Height    int64
	Validator bool
}) {
	m.Helper()
	must(m.T, 0, &s, "zhengd", "status", "--home", m.home)
	return s
}

func (m *machine) validatorKey() string {
	m.Helper()
	var k struct{ Key string }
	must(m.T, 0, &k, "zhengd", "key", "show", "--home", m.home)
	return k.Key
}

// seal notarizes a file of the first machine's member, with a co-signature of
// the second's; the third, if there is one, verifies the receipt with its trust root.
func seal(by, with, court *machine) string {
	by.Helper()
	page := filepath.Join(by.dir, "page.png")
	if err := os.WriteFile(page, fmt.Append([]byte("\x89PNG\r\n\x1a\n"), rand.Uint64()), 0o600); err != nil {
		by.Fatal(err)
	}
	e := by.zheng("notarize", page, "--no-upload", "--from", "officer1", "--cosign", "officer2")
	if e.State != "PENDING" {
		by.Errorf("by one member: %+v", e)
	}
	eventually(with.T, "the statement at "+with.member, func() error { // its node may be a block behind
		if r := run(with.T, "zheng", "show", e.ID, "--gateway", with.url(), "-o", "json"); r.code != 0 {
			return fmt.Errorf("%s", r.stderr)
		}
		return nil
	})
	with.zheng("endorse", e.ID, "--from", "officer1")
	path := filepath.Join(by.dir, e.ID+".latest.json")
	must(by.T, 0, nil, "zheng", "receipt", e.ID, "--out", path, "--gateway", with.url())
	if court != nil {
		court.verify(page, path)
	}
	return path
}

func (m *machine) verify(page, path string) {
	m.Helper()
	r := new(receipt.Report)
	args := []string{"--trust", m.trust, "-o", "json"}
	if page != "" {
		args = append(args, "--file", page)
	}
	must(m.T, 0, r, "zheng-verify", append(args, path)...)
	if r.Verdict != receipt.Verified {
		m.Errorf("receipt %s: %s", path, r.Verdict)
	}
}

// printed is what the genesis commands print.
type printed struct {
	SHA256, Fingerprint string
	Missing             []string
}

// found has four organisations found a network, as genesis/README.md tells them.
func found(t *testing.T, ms []*machine) {
	t.Helper()
	for _, m := range ms {
		m.prepare()
	}
	// One drafts the terms; all read them and compare the fingerprint.
	draft := []string{"genesis", "terms", "--chain", "walk-1", "--start", time.Now().UTC().Add(-time.Minute).Format(time.RFC3339),
		"--out", filepath.Join(ms[0].dir, "terms.json"), "-o", "json"}
	for _, m := range ms {
		draft = append(draft, "--founder", m.member+":"+m.roles+":10")
	}
	var terms printed
	must(t, 0, &terms, "zhengd", draft...)
	for i, m := range ms {
		if i > 0 {
			ms[0].copy(m, "terms.json")
		}
		var p printed
		if must(t, 0, &p, "zhengd", "genesis", "show", filepath.Join(m.dir, "terms.json"), "-o", "json"); p.Fingerprint != terms.Fingerprint {
			t.Errorf("%s reads other terms: %+v", m.member, p)
		}
	}
	// Each makes and signs its part, and sends it to the others.
	for _, m := range ms {
		args := []string{"genesis", "part", "--home", m.home, "--terms", filepath.Join(m.dir, "terms.json"), "--member", m.member,
			"--name-zh", m.nameZH, "--name-en", m.member, "--keys", m.keys, "--account", "admin1=admin", "--account", "admin2=admin",
			"--account", "officer1=officer", "--account", "officer2=officer", "--out", filepath.Join(m.dir, m.member+".part.json"), "-o", "json"}
		if m.at != "" {
			args = append(args, "--division", m.at)
		}
		var p printed
		if must(t, 0, &p, "zhengd", args...); len(p.Missing) > 0 {
			t.Errorf("%s: not signed by %v", m.member, p.Missing)
		}
		for _, to := range ms {
			if to != m {
				m.copy(to, m.member+".part.json")
			}
		}
	}
	// Each assembles for itself; what they read to each other is the same.
	var first printed
	for i, m := range ms {
		var parts []string
		for j := range ms { // in another order at each
			parts = append(parts, filepath.Join(m.dir, ms[(i+j)%len(ms)].member+".part.json"))
		}
		var p printed
		must(t, 0, &p, "zhengd", append([]string{"genesis", "assemble", "--terms", filepath.Join(m.dir, "terms.json"), "--home", m.home,
			"--out", filepath.Join(m.dir, "genesis.json"), "-o", "json"}, parts...)...)
		if i == 0 {
			first = p
		} else if p.Fingerprint != first.Fingerprint || len(p.SHA256) != 64 {
			t.Fatalf("%s has another genesis: %+v, want %+v", m.member, p, first)
		}
		m.makeTrust()
	}
	// A founder who left one out, or was given an altered part, gets no file.
	m := ms[3]
	bad := filepath.Join(m.dir, "bad.part.json")
	b, err := os.ReadFile(filepath.Join(m.dir, ms[0].member+".part.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bad, bytes.Replace(b, []byte(`"sig": "`), []byte(`"sig": "AAAA`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, parts := range [][]string{{bad, ms[1].member + ".part.json", ms[2].member + ".part.json", m.member + ".part.json"}, {m.member + ".part.json"}} {
		args := []string{"genesis", "assemble", "--terms", filepath.Join(m.dir, "terms.json"), "--out", filepath.Join(m.dir, "other.json")}
		for _, p := range parts {
			args = append(args, filepath.Join(m.dir, filepath.Base(p)))
		}
		must(t, 1, nil, "zhengd", args...)
	}
	if _, err := os.Stat(filepath.Join(m.dir, "other.json")); err == nil {
		t.Error("a file was written from parts that do not hold")
	}
	for _, m := range ms {
		m.start()
	}
	for _, m := range ms {
		m.awaitReady()
	}
}

func (m *machine) makeTrust() {
	m.Helper()
	r := run(m.T, "zhengd", "trust", "--home", m.home)
	if r.code != 0 {
		m.Fatal(r.stderr)
	}
	if err := os.WriteFile(m.trust, r.stdout, 0o644); err != nil {
		m.Fatal(err)
	}
}

// TestFounding is the walk of genesis/README.md: four organisations on machines
// of their own found a network; a fifth joins by fetching the blocks, is voted in
// and runs a validator; one leaves; the court's trust root follows; a validator's
// key is changed; and a lost node is rebuilt from its backup.
func TestFounding(t *testing.T) {
	ms := machines(t, [4]string{"hangzhou-amr", "杭州市市场监督管理局", "regulator", "330100"},
		[4]string{"xianyang-amr", "咸阳市市场监督管理局", "partner-city,regulator", "610400"},
		[4]string{"platform-a", "电商平台甲", "platform", ""}, [4]string{"internet-court", "互联网法院", "court", ""},
		[4]string{"changsha-amr", "长沙市市场监督管理局", "regulator", "430100"})
	four, fifth := ms[:4], ms[4]
	found(t, four)
	court := ms[3]
	before := seal(ms[0], ms[1], court)

	// The fifth has the genesis file from one, its fingerprint from another.
	fifth.prepare()
	four[0].copy(fifth, "genesis.json")
	var a, b printed
	must(t, 0, &a, "zhengd", "genesis", "show", filepath.Join(fifth.dir, "genesis.json"), "-o", "json")
	must(t, 0, &b, "zhengd", "genesis", "show", filepath.Join(four[1].home, "config", "genesis.json"), "-o", "json")
	if a.Fingerprint != b.Fingerprint {
		t.Fatalf("genesis of the fifth %s, of the second %s", a.Fingerprint, b.Fingerprint)
	}
	args := []string{"join", "--home", fifth.home, "--genesis", filepath.Join(fifth.dir, "genesis.json"), "--sha256", b.SHA256}
	for _, m := range four {
		var s struct {
			NodeID string `json:"node_id"`
		}
		must(t, 0, &s, "zhengd", "status", "--home", m.home)
		args = append(args, "--peer", s.NodeID+"@"+m.addr+":26656")
	}
	must(t, 1, nil, "zhengd", append(slices.Clone(args[:6]), strings.Repeat("0", 64), "--peer", args[8])...)
	must(t, 0, nil, "zhengd", args...)
	fifth.makeTrust()
	fifth.start()
	fifth.awaitReady()
	if s := fifth.status(); !s.Ready || s.Validator {
		t.Errorf("the fifth: %+v", s)
	}
	r := run(t, "zheng", "receipt", strings.TrimSuffix(filepath.Base(before), ".latest.json"), "--out", filepath.Join(fifth.dir, "old.json"), "--gateway", fifth.url())
	if r.code != 0 {
		t.Fatalf("a receipt from the fifth: %s", r.stderr)
	}
	fifth.verify("", filepath.Join(fifth.dir, "old.json"))
	walkOn(t, ms, before)
	stopAll(ms[1:])
}

func stopAll(ms []*machine) {
	for _, m := range ms {
		m.proc.stop()
	}
}

// walkOn is the walk from the first vote on.
func walkOn(t *testing.T, ms []*machine, before string) {
	four, fifth, court := ms[:4], ms[4], ms[3]

	// The fifth is voted in: a member first, then a validator.
	for _, k := range []string{"admin1", "admin2"} {
		must(t, 0, nil, "zheng", "keys", "export", k, "--keys", fifth.keys, "--out", filepath.Join(fifth.dir, k+".public.json"))
		fifth.copy(four[0], k+".public.json")
	}
	decide(four[0], four[1:3], "member", "admit", fifth.member, "--name-zh", fifth.nameZH, "--name-en", fifth.member, "--role", fifth.roles,
		"--division", fifth.at, "--division-rev", "2024-12-31", "--uscc", "91350100M000100Y43", "--admin", filepath.Join(four[0].dir, "admin1.public.json")+","+filepath.Join(four[0].dir, "admin2.public.json"))
	for _, k := range []string{"officer1", "officer2"} {
		fifth.own("account", "add", "--key", k, "--role", "officer")
	}
	key := fifth.validatorKey()
	decide(four[0], []*machine{four[1], court}, "validator", "propose", key, "--member", fifth.member, "--power", "10")
	fifth.stage(key, api.StageApproved)
	fifth.zheng("validator", "ready", key, "--from", "admin1")
	court.stage(key, api.StageActive)
	eventually(t, "the fifth in the set", func() error {
		if s := fifth.status(); !s.Validator {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})

	// One leaves, with its keys and its validator.
	gone := four[0].validatorKey()
	decide(four[1], []*machine{fifth, court}, "member", "leave", four[0].member)
	court.stage(gone, "")
	four[0].proc.stop()
	ms = ms[1:] // xianyang, platform, court, changsha

	// The trust root that the court was given when the network was founded proves
	// every change since; whoever brings them is believed nothing.
	path := seal(fifth, ms[0], nil)
	must(t, 3, nil, "zheng-verify", "--trust", court.trust, path)
	var up struct{ Changes, Added int }
	must(t, 0, &up, "zheng", "trust", "update", "--trust", court.trust, "--gateway", fifth.url(), "-o", "json")
	if up.Changes < 2 || up.Added != up.Changes {
		t.Errorf("trust root brought up to date: %+v", up)
	}
	court.verify("", path)
	court.verify("", before)
	must(t, 0, nil, "zheng-verify", "--trust", ms[1].trust, "--changes", court.trust, path)

	// A validator's key is changed: the court's.
	var k struct{ Key, Next string }
	must(t, 0, &k, "zhengd", "key", "next", "--home", court.home)
	court.own("validator", "rotate", k.Key, k.Next)
	ms[0].stage(k.Next, api.StageActive)
	ms[0].stage(k.Key, "")
	court.proc.stop()
	must(t, 0, nil, "zhengd", "key", "switch", "--home", court.home)
	court.start()
	court.awaitReady()
	eventually(t, "the court with its new key", func() error {
		if s := court.status(); !s.Validator {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})

	// The platform loses its machine, and rebuilds it from its backup.
	lost := ms[1]
	backup := filepath.Join(lost.dir, "backup")
	for _, f := range []string{"config.json", "gateway.json", "config/genesis.json", "config/node_key.json", "config/priv_validator_key.json"} {
		b, err := os.ReadFile(filepath.Join(lost.home, f))
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(backup, f)), 0o700)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(backup, f), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	lost.proc.kill()
	if err := os.RemoveAll(lost.home); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(backup, lost.home); err != nil {
		t.Fatal(err)
	}
	h := court.status().Height + 3 // ten, says the manual; a test has little time
	must(t, 0, nil, "zhengd", "restore", "--home", lost.home, "--height", fmt.Sprint(h))
	must(t, 1, nil, "zhengd", "restore", "--home", lost.home, "--height", fmt.Sprint(h))
	lost.start()
	lost.awaitReady()
	eventually(t, "the chain past the height of the restore", func() error {
		if s := court.status(); s.Height <= h {
			return fmt.Errorf("height %d of %d", s.Height, h)
		}
		return nil
	})
	// Without one of the others the chain goes on only if the rebuilt node signs.
	ms[3].proc.stop()
	h = court.status().Height
	eventually(t, "blocks signed by the rebuilt node", func() error {
		if s := court.status(); s.Height < h+3 {
			return fmt.Errorf("height %d", s.Height)
		}
		return nil
	})
	ms[3].start()
	ms[3].awaitReady()
	path = seal(fifth, ms[0], nil)
	must(t, 0, nil, "zheng", "trust", "update", "--trust", court.trust, "--gateway", lost.url(), "-o", "json")
	court.verify("", path)
}
