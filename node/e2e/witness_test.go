package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhenglian/app/receipt"
	"zhenglian/client/api"
	"zhenglian/node"
	"zhenglian/node/member"
	"zhenglian/node/witness"
)

// A court runs a witness as a process of its own, without a chain; a gateway is told
// of it, and from then on receipts carry what a verifier with a policy asks for.
func TestWitness(t *testing.T) {
	home, court := filepath.Join(t.TempDir(), "demo"), filepath.Join(t.TempDir(), "court")
	p, d := runDemo(t, home)
	var known api.Witnesses
	_, b := d.do("GET", api.PathWitnesses, "", nil)
	if err := json.Unmarshal(b, &known); err != nil {
		t.Fatal(err)
	}
	p.stop()

	addr := freeAddr(t)
	r := run(t, "zhengd", "witness", "init", "--home", court, "--name", "court.example/witness", "--listen", addr)
	key := strings.TrimSpace(string(r.stdout))
	must(t, 0, nil, "zhengd", "witness", "log", "--home", court, known.LogKey)
	if k := run(t, "zhengd", "witness", "key", "--home", court); strings.TrimSpace(string(k.stdout)) != key {
		t.Errorf("key %q, then %q", key, k.stdout)
	}
	must(t, 2, nil, "zhengd", "witness", "log", "--home", court, key)
	must(t, 1, nil, "zhengd", "witness", "init", "--home", court, "--name", "court.example/witness")
	w := start(t, "witness", filepath.Join(t.TempDir(), "witness.log"), "zhengd", "witness", "run", "--home", court)

	folders, err := filepath.Glob(filepath.Join(home, "*", "gateway.json"))
	if err != nil || len(folders) != 1 {
		t.Fatalf("gateways in %v: %v", folders, err)
	}
	g := member.DefaultGateway()
	g.Witness.Targets = []witness.Target{{Name: "court", Key: key, URL: "http://" + addr}}
	g.Witness.Every = node.Duration(200 * time.Millisecond)
	if err := g.Save(filepath.Dir(folders[0])); err != nil {
		t.Fatal(err)
	}
	p, d = runDemo(t, home)
	page := d.file("page.png")
	e := d.zheng("notarize", page, "--from", "officer1", "--cosign", "officer2,city")
	policy := d.write("policy.txt", []byte("witness court "+key+"\nquorum court\n"))
	path := ""
	eventually(t, "the receipt is witnessed", func() error {
		path = d.receipt(e.ID)
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		r, err := receipt.Parse(b)
		if err == nil && r.Witnessed == nil {
			err = fmt.Errorf("no cosignature yet")
		}
		return err
	})
	if got := d.verify(0, "--file", page, "--witnesses", policy, path); got.Check("witnesses").Result != receipt.Pass || len(got.Facts.Witnesses) != 1 {
		t.Errorf("%+v", got.Check("witnesses"))
	}
	d.verify(3, "--file", page, "--witnesses", policy, e.Receipt) // the receipt of before
	if b := d.read(filepath.Join(court, "logs", mustOnly(t, filepath.Join(court, "logs")), "checkpoint")); !strings.Contains(string(b), "— court.example/witness ") {
		t.Errorf("the witness keeps %q", b)
	}
	w.stop()
	p.stop()
}

// mustOnly is the name of the only entry of a folder.
func mustOnly(t *testing.T, dir string) string {
	t.Helper()
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 1 {
		t.Fatalf("%s: %v, %v", dir, names, err)
	}
	return names[0].Name()
}
