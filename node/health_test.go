package node_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// TestStatusPage asks two members, of which only one runs: each is a validator of
// two, and neither can be ready without the other.
func TestStatusPage(t *testing.T) {
	t.Parallel()
	type page struct {
		Ready      bool   `json:"ready"`
		Reason     string `json:"reason"`
		Chain      string `json:"chain"`
		NodeID     string `json:"node_id"`
		Moniker    string `json:"moniker"`
		Height     int64  `json:"height"`
		CatchingUp bool   `json:"catching_up"`
		Peers      []struct {
			NodeID  string `json:"node_id"`
			Moniker string `json:"moniker"`
			Addr    string `json:"addr"`
		} `json:"peers"`
		Validators []struct {
			Address string `json:"address"`
			Power   int64  `json:"power"`
		} `json:"validators"`
		Validator bool `json:"validator"`
	}
	ask := func(m *member) (p page, ok bool) {
		res, err := http.Get("http://" + m.HealthAddr().String() + "/status")
		if err != nil {
			return p, false
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return p, false // not running yet
		}
		if got := res.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("content type %q", got)
		}
		if err := json.NewDecoder(res.Body).Decode(&p); err != nil {
			t.Fatal(err)
		}
		return p, true
	}

	cfgs := testnet(t, 2, genesis)
	a := start(t, cfgs[0], nil)
	var p page
	eventually(t, "first page", func() (ok bool) { p, ok = ask(a); return ok })
	if p.Ready || p.Reason == "" || p.Height != 0 || len(p.Peers) != 0 {
		t.Errorf("alone: %+v", p)
	}

	b := start(t, cfgs[1], nil)
	eventually(t, "ready", func() bool { p, _ = ask(a); return p.Ready && len(p.Peers) == 1 })
	if p.Reason != "" || p.Chain != "node-test" || p.Moniker != "node0" || p.Height < 1 || p.CatchingUp || !p.Validator {
		t.Errorf("both: %+v", p)
	}
	if len(p.Validators) != 2 || p.Validators[0].Power != 10 || len(p.Validators[0].Address) != 40 {
		t.Errorf("validators: %+v", p.Validators)
	}
	q, _ := ask(b)
	if got := p.Peers[0]; got.NodeID != q.NodeID || got.Moniker != "node1" || !strings.Contains(got.Addr, ":") {
		t.Errorf("peer %+v, want %s", got, q.NodeID)
	}
}
