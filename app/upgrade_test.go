package app_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	abci "github.com/cometbft/cometbft/abci/types"
	cmttypes "github.com/cometbft/cometbft/types"

	"zhenglian/app"
	"zhenglian/app/apptest"
	"zhenglian/app/state"
	"zhenglian/app/store"
	"zhenglian/app/tx"
)

// twoVersions are the rules of a program that has a version 2, in which nobody
// challenges evidence.
func twoVersions() map[int64]state.Rules {
	rules := state.Versions()
	two := rules[1]
	two.Check = func(c *state.Ctx, o *state.Opened) (state.Effect, error) {
		if o.Statement.Kind == tx.EvidenceChallenge {
			return state.Effect{}, &tx.Error{Code: tx.CodeUnknownKind, Path: "kind"}
		}
		return state.Check(c, o)
	}
	rules[2] = two
	return rules
}

// announced returns the protocol version that a block announces, 0 if none.
func announced(r *abci.ResponseFinalizeBlock) uint64 {
	if r.ConsensusParamUpdates == nil {
		return 0
	}
	return cmttypes.DefaultConsensusParams().Update(r.ConsensusParamUpdates).Version.App
}

// A program without the version stops before it commits the height, says what
// it needs and leaves the file for cosmovisor; one that has it goes on from there,
// and comes to the same hashes as one that had it all the time.
func TestUpgrade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "upgrade-info.json")
	old, both := begun(t), begun(t)
	old.Config = app.Config{UpgradeInfo: file}
	old.Reopen()
	both.Config.Rules = twoVersions()
	both.Reopen()
	at := old.Height + 5
	plan := old.Govern(tx.GovUpgrade, &tx.Upgrade{Height: at, Info: `{"binaries":{}}`, Version: 2}).AppendWire(nil)
	var sealed tx.ID
	for old.Height < at-1 {
		var txs [][]byte
		switch at - old.Height {
		case 5:
			txs = [][]byte{plan}
		case 4:
			e := old.Seal(1)
			sealed = e.ID()
			txs = [][]byte{e.AppendWire(nil)}
		}
		for _, c := range []*apptest.Chain{old, both} {
			c.Block(txs...)
			want := uint64(0)
			if c.Height == at-1 {
				want = 2
			}
			if got := announced(c.Last); got != want {
				t.Errorf("block %d announces version %d, want %d", c.Height, got, want)
			}
			if p := c.App.Directory().Params.Protocol; p != 1 {
				t.Errorf("block %d is of version %d", c.Height, p)
			}
		}
	}
	challenge := old.Sign(old.Statement("platform-a", tx.EvidenceChallenge, sealed, &tx.Challenge{Ground: "unlawful"}), "platform").AppendWire(nil)
	for range 2 { // the second time, after a restart
		_, err := old.App.FinalizeBlock(context.Background(), old.Request(challenge))
		var stop *app.UpgradeNeeded
		if !errors.As(err, &stop) || stop.Height != at || stop.Name != "v2" {
			t.Fatalf("a program without version 2: %v", err)
		}
		if want := `UPGRADE "v2" NEEDED at height: 6: {"binaries":{}}`; err.Error() != want {
			t.Errorf("it says %q, want %q", err, want)
		}
		if h, _ := old.App.Store().Head(); h.Height != at-1 {
			t.Errorf("it is at height %d, want %d", h.Height, at-1)
		}
		old.Reopen()
	}
	b, err := os.ReadFile(file)
	if want := `{"name":"v2","height":6,"info":"{\"binaries\":{}}"}`; err != nil || string(b) != want {
		t.Errorf("the file says %s (%v), want %s", b, err, want)
	}
	if left, _ := filepath.Glob(file + "?*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}

	old.Config.Rules = twoVersions()
	old.Reopen()
	for _, c := range []*apptest.Chain{old, both} {
		wantCode(t, "under the new rules", tx.Code(c.Block(challenge)[0].Code), tx.CodeUnknownKind)
		if d := c.App.Directory(); d.Params.Protocol != 2 || d.Upgrade() != nil {
			t.Errorf("after the upgrade: version %d, due %v", d.Params.Protocol, d.Upgrade())
		}
		if i, err := c.App.Info(context.Background(), nil); err != nil || i.AppVersion != 2 {
			t.Errorf("info: %v, %v; want version 2", i, err)
		}
		if r, err := c.App.CheckTx(context.Background(), &abci.RequestCheckTx{Tx: challenge}); err != nil || tx.Code(r.Code) != tx.CodeUnknownKind {
			t.Errorf("CheckTx by the old rules: %v %v", r, err)
		}
	}
	if !bytes.Equal(old.Hashes[at], both.Hashes[at]) {
		t.Errorf("block %d: %x by who was upgraded, %x by who had both", at, old.Hashes[at], both.Hashes[at])
	}
	wantCode(t, "back to version 1", old.Deliver(old.Govern(tx.GovUpgrade, &tx.Upgrade{Height: at + 9, Version: 1})), tx.CodeProtocol)
	if err := old.App.Close(); err != nil {
		t.Fatal(err)
	}
	if a, err := app.New(app.Config{Dir: "ledger", Store: store.Options{FS: old.FS}}); err == nil {
		a.Close()
		t.Error("a program without version 2 opened its database")
	}
	old.App = old.Open()
}

func TestUpgradeCalledOff(t *testing.T) {
	c := begun(t)
	upgrade := func(version, height int64) tx.Code {
		return c.Deliver(c.Govern(tx.GovUpgrade, &tx.Upgrade{Height: height, Version: version}))
	}
	wantCode(t, "nothing to call off", upgrade(1, 50), tx.CodeNothing)
	wantCode(t, "in the past", upgrade(2, c.Height), tx.CodeHeight)
	wantCode(t, "planned", upgrade(2, 50), tx.CodeOK)
	wantCode(t, "planned again", upgrade(2, 50), tx.CodeNothing)
	wantCode(t, "moved", upgrade(2, c.Height+3), tx.CodeOK)
	wantCode(t, "called off", upgrade(1, 1), tx.CodeOK)
	for range 5 {
		if c.Block(); announced(c.Last) != 0 {
			t.Fatal("announced all the same")
		}
	}
	wantCode(t, "planned for the next but one", upgrade(2, c.Height+3), tx.CodeOK)
	c.Block()
	if announced(c.Last) != 2 {
		t.Fatal("not announced")
	}
}
