package genesis_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	cmttypes "github.com/cometbft/cometbft/types"

	"zhenglian/app/tx"
	"zhenglian/genesis"
)

func demo(t testing.TB) *genesis.State {
	t.Helper()
	n := byte(0)
	s, err := genesis.Demo(func(d genesis.DemoKey) (tx.PublicKey, error) {
		n++
		k, err := tx.NewPrivateKey(d.Type, bytes.Repeat([]byte{n}, 32))
		if err != nil {
			return tx.PublicKey{}, err
		}
		return k.Public(), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestParse(t *testing.T) {
	b, err := json.Marshal(demo(t))
	if err != nil {
		t.Fatal(err)
	}
	s, err := genesis.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := json.Marshal(s); !bytes.Equal(again, b) {
		t.Error("reads back as something else")
	}
	for _, tt := range []struct{ name, old, new, want string }{
		{"unknown field", `"params":{`, `"params":{"x":1,`, "unknown field"},
		{"a member twice", `"policies":[`, `"policies":[],"policies":[`, "twice"},
		{"no pending time", `"pending_blocks":200000`, `"pending_blocks":0`, "pending_blocks"},
		{"clock skew below a second", `"future_millis":120000`, `"future_millis":1`, "future_millis"},
		{"member id", `"id":"court`, `"id":"Court`, ""},
		{"member with an unknown role", `"roles":["notary"]`, `"roles":["prophet"]`, "unknown role"},
		{"member without a role", `"roles":["notary"]`, `"roles":[]`, "no role"},
		{"account of nobody", `"member":"notary-office"`, `"member":"nobody-here"`, "no member"},
		{"account with another key", `"type":"sm2"`, `"type":"secp256k1"`, ""},
		{"kind without a policy", `{"kind":"endorse","expr":"ANY(officer@issuer,admin@issuer,system@issuer)"},`, ``, "no policy for endorse"},
		{"policy that cannot be read", `OF(2,officer@issuer)`, `OF(0,officer@issuer)`, "policy"},
		{"two regulators of a city", `"division":"430100"`, `"division":"330100"`, "division of its own"},
		{"regulator without a city", `,"division":"430100"`, ``, "division of its own"},
		{"division of no province", `"division":"430100"`, `"division":"990100"`, "GB/T 2260"},
		{"edition of the division codes", `"division":"430100"`, `"division":"430100","division_rev":"soon"`, "edition"},
		{"credit code", `"division":"430100"`, `"division":"430100","uscc":"91350100M000100Y44"`, "social credit"},
		{"validator of nobody", `"policies":`, `"validators":[{"key":"` + strings.Repeat("01", 32) + `","member":"nobody-here"}],"policies":`, "no member"},
		{"deadline of nothing", `"code":"ACCEPT","count":7`, `"code":"ACCEPT","count":0`, "rule set \"complaints-2020\""},
		{"deadlines out of order", `"code":"ACCEPT","count":7`, `"code":"ZZ","count":7`, "rule set"},
		{"rule set with a capital", `"name":"repair-2026"`, `"name":"Repair"`, "rule set"},
		{"holiday of another year", `"holidays":["2026-01-01"`, `"holidays":["2025-01-01"`, "calendar of 2026"},
		{"a Monday that is worked", `"2026-01-04"`, `"2026-01-05"`, "calendar of 2026"},
		{"unknown kind", `"kind":"evidence.withdraw"`, `"kind":"evidence.zap"`, "no policy"},
	} {
		bad := strings.Replace(string(b), tt.old, tt.new, 1)
		if bad == string(b) && tt.name != "member id" {
			t.Errorf("%s: nothing to replace", tt.name)
		}
		if tt.name == "member id" {
			bad = strings.ReplaceAll(string(b), `"internet-court"`, `"Internet-court"`)
		}
		if _, err := genesis.Parse([]byte(bad)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error about %q", tt.name, err, tt.want)
		}
	}
	if _, err := genesis.Parse(append(b, b...)); err == nil {
		t.Error("two states in one file were accepted")
	}
}

func TestOrderMatters(t *testing.T) {
	s := demo(t)
	s.Members[0], s.Members[1] = s.Members[1], s.Members[0]
	if err := s.Validate(); err == nil {
		t.Error("members out of order were accepted: two files for one state")
	}
	s.Sort()
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
	s.Accounts = append(s.Accounts, s.Accounts[0])
	s.Sort()
	if err := s.Validate(); err == nil {
		t.Error("an account twice was accepted")
	}
}

// CometBFT's default parameters are not safe for a consortium; ours are written
// out and small.
func TestDoc(t *testing.T) {
	d, err := genesis.Doc("zhenglian-test", time.Unix(1, 0), []cmttypes.GenesisValidator{{PubKey: cmttypes.NewMockPV().PrivKey.PubKey(), Power: 1}}, demo(t))
	if err != nil {
		t.Fatal(err)
	}
	p := d.ConsensusParams
	if p.Block.MaxBytes != 2<<20 || p.Evidence.MaxBytes > p.Block.MaxBytes/8 || p.ABCI.VoteExtensionsEnableHeight != 0 || p.Version.App != 1 {
		t.Errorf("consensus parameters %+v", p)
	}
	if _, err := genesis.Parse(d.AppState); err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	b, _ := json.Marshal(demo(f))
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := genesis.Parse(b)
		if err != nil {
			return
		}
		if _, _, err := s.Rows("chain"); err != nil {
			t.Fatalf("a valid state has no rows: %v", err)
		}
	})
}
