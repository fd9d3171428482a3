package node_test

import (
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	cmttypes "github.com/cometbft/cometbft/types"

	"zhenglian/app"
	"zhenglian/app/state"
	"zhenglian/app/tx"
	ledger "zhenglian/genesis"
	"zhenglian/node"
)

// consortium is the example consortium with keys made from their names.
type consortium struct {
	keys  map[string]*tx.PrivateKey
	state *ledger.State
}

func newConsortium(t *testing.T) *consortium {
	t.Helper()
	c := &consortium{keys: make(map[string]*tx.PrivateKey)}
	var err error
	c.state, err = ledger.Demo(func(d ledger.DemoKey) (tx.PublicKey, error) {
		seed := sha256.Sum256([]byte(d.Name))
		k, err := tx.NewPrivateKey(d.Type, seed[:])
		if err != nil {
			return tx.PublicKey{}, err
		}
		c.keys[d.Name] = k
		return k.Public(), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// envelope is a statement of Hangzhou signed by keys of these names.
func (c *consortium) envelope(t *testing.T, kind tx.Kind, body tx.Body, names ...string) string {
	t.Helper()
	b, err := (&tx.Statement{Chain: "governed", Kind: kind, Member: "hangzhou-amr", At: tx.TimeOf(time.Now()), Expires: 50_000, Body: body}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	var signers []tx.Signer
	for _, n := range names {
		signers = append(signers, c.keys[n])
	}
	e, err := tx.Seal(b, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return string(e.AppendWire(nil))
}

var governors = []string{"admin1", "city-admin1", "changsha-admin1", "court-admin1"}

// ledgerNode runs a node with the ledger under the given rules. The second
// result closes the ledger of a node that has ended.
func ledgerNode(t *testing.T, cfg node.Config, rules map[int64]state.Rules) (*member, func()) {
	t.Helper()
	a, err := app.New(app.Config{Dir: filepath.Join(cfg.Home, "ledger"), Rules: rules, UpgradeInfo: filepath.Join(cfg.Home, "upgrade-info.json")})
	if err != nil {
		t.Fatal(err)
	}
	shut := sync.OnceFunc(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(shut) // after the node has ended: start registers that later
	return start(t, cfg, a), shut
}

// CometBFT itself takes what governance says: a fifth validator joins, the
// first goes, and the protocol version changes at its height; the program that
// lacks the version stops before, and catches up once it has it.
func TestGovernance(t *testing.T) {
	c := newConsortium(t)
	var fifth, first tx.ValidatorKey
	cfgs, err := node.Testnet(t.TempDir(), 5, func(vs []cmttypes.GenesisValidator) (*cmttypes.GenesisDoc, error) {
		first, fifth = tx.ValidatorKey(vs[0].PubKey.Bytes()), tx.ValidatorKey(vs[4].PubKey.Bytes())
		for i := range vs {
			vs[i].Power = 10
		}
		return ledger.Doc("governed", time.Now(), vs[:4], c.state)
	}, func(i int, c *node.Config) {
		fast(i, c)
		c.Consensus.Heartbeat = node.Duration(time.Second)
	})
	if err != nil {
		t.Fatal(err)
	}
	one, two := state.Versions(), state.Versions()
	two[2] = two[1]
	var ms []*member
	var shut []func()
	for i, cfg := range cfgs {
		rules := two
		if i == 1 {
			rules = one
		}
		m, s := ledgerNode(t, cfg, rules)
		ms, shut = append(ms, m), append(shut, s)
	}
	eventually(t, "the first block", func() bool { return ms[0].height() > 0 })
	set := func() (keys map[string]int64) {
		vs, err := ms[0].Validators(ms[0].height())
		if err != nil {
			t.Fatal(err)
		}
		keys = make(map[string]int64)
		for _, v := range vs.Validators {
			keys[string(v.PubKey.Bytes())] = v.VotingPower
		}
		return keys
	}
	ms[0].send(c.envelope(t, tx.GovValidator, &tx.ValidatorChange{Key: fifth, Member: "hangzhou-amr", Power: 10}, governors...))
	ms[0].send(c.envelope(t, tx.GovReady, &tx.Ready{Key: fifth}, "admin1"))
	eventually(t, "the fifth validator", func() bool { return set()[string(fifth[:])] == 10 })
	ms[0].send(c.envelope(t, tx.GovValidator, &tx.ValidatorChange{Key: first, Member: "hangzhou-amr"}, governors...))
	eventually(t, "the first one gone", func() bool { _, in := set()[string(first[:])]; return !in && len(set()) == 4 })

	at := ms[0].height() + 6
	ms[0].send(c.envelope(t, tx.GovUpgrade, &tx.Upgrade{Height: at, Info: "see the release", Version: 2}, governors...))
	eventually(t, "the blocks of version 2", func() bool { return ms[0].height() > at })
	for h, want := range map[int64]uint64{at - 1: 1, at: 2} {
		b, err := ms[0].Block(h)
		if err != nil {
			t.Fatal(err)
		}
		if b.Version.App != want {
			t.Errorf("block %d is of version %d, want %d", h, b.Version.App, want)
		}
	}
	<-ms[1].done
	var need *app.UpgradeNeeded
	if !errors.Is(ms[1].err, node.ErrHalted) || !errors.As(ms[1].err, &need) || need.Height != at {
		t.Errorf("the node without version 2 ended with %v", ms[1].err)
	}
	if _, err := os.Stat(filepath.Join(cfgs[1].Home, "upgrade-info.json")); err != nil {
		t.Error(err)
	}
	shut[1]()
	ms[1], _ = ledgerNode(t, cfgs[1], two)
	eventually(t, "the upgraded node to catch up", func() bool { return ms[1].height() > at })
	checkSame(t, []*member{ms[0], ms[1]})
}
