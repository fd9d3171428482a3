package node_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"zhenglian/node"
)

func TestConfigRoundTrip(t *testing.T) {
	c := node.Default()
	c.Home = t.TempDir()
	c.P2P.Peers = []string{strings.Repeat("ab", 20) + "@member.example:26656"}
	if err := c.Save(); err != nil {
		t.Fatal(err)
	}
	got, err := node.Load(c.Home)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, c) {
		t.Errorf("loaded %+v, want %+v", got, c)
	}
}

func TestLoadRefuses(t *testing.T) {
	home := t.TempDir()
	c := node.Default()
	c.Home = home
	if err := c.Save(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(home, "config.json")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"unknown member":    {`"moniker"`, `"monicker": "", "moniker"`},
		"trailing data":     {"\n}\n", "\n} {}\n"},
		"number for time":   {`"30s"`, `30`},
		"bad time":          {`"30s"`, `"30"`},
		"short heartbeat":   {`"30s"`, `"10ms"`},
		"bad level":         {`"WARN"`, `"LOUD"`},
		"bad format":        {`"text"`, `"xml"`},
		"no port":           {`"0.0.0.0:26656"`, `"0.0.0.0"`},
		"peer without id":   {`"peers": []`, `"peers": ["member.example:26656"]`},
		"peer with odd id":  {`"peers": []`, `"peers": ["abc@member.example:26656"]`},
		"empty mempool":     {`"txs": 5000`, `"txs": 0`},
		"no double sign":    {`"double_sign_check": 0`, `"double_sign_check": -1`},
		"slow network":      {`"rate": 104857600`, `"rate": 1024`},
		"negative patience": {`"commit_timeout": "0s"`, `"commit_timeout": "-1s"`},
	} {
		bad := strings.Replace(string(good), change[0], change[1], 1)
		if bad == string(good) {
			t.Fatalf("%s: %q is not in the file", name, change[0])
		}
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := node.Load(home); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// TestInitHomeKeepsKeys: repeating it changes nothing, and a lost sign state is not
// made up for.
func TestInitHomeKeepsKeys(t *testing.T) {
	c := node.Default()
	c.Home = t.TempDir()
	first, err := node.InitHome(c)
	if err != nil {
		t.Fatal(err)
	}
	second, err := node.InitHome(c)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(first, second) {
		t.Errorf("second call: %+v, first %+v", second, first)
	}
	if err := os.Remove(filepath.Join(c.Home, "data", "priv_validator_state.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := node.InitHome(c); err == nil {
		t.Error("a lost sign state was accepted")
	}
}
