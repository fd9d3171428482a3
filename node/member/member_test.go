package member_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cmttypes "github.com/cometbft/cometbft/types"

	"zhenglian/app/tx"
	"zhenglian/genesis"
	"zhenglian/node"
	"zhenglian/node/member"
)

// home lays out a network of one validator with a gateway.
func home(t *testing.T) string {
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
	cfgs, err := node.Testnet(t.TempDir(), 1, func(vs []cmttypes.GenesisValidator) (*cmttypes.GenesisDoc, error) {
		return genesis.Doc("member-test", time.Now(), vs, s)
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := member.DefaultGateway()
	g.Listen = "127.0.0.1:0"
	if err := g.Save(cfgs[0].Home); err != nil {
		t.Fatal(err)
	}
	return cfgs[0].Home
}

func run(t *testing.T, dir string) error {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	m, err := member.Open(ctx, dir, member.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	for deadline := time.Now().Add(time.Minute); m.Node().Ready() != nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(m.Node().Ready())
		}
	}
	cancel()
	return <-done
}

// A home goes on only with the genesis file it began with: another one would
// leave the chain as it is and change what the gateway tells verifiers to trust.
func TestAnotherGenesisFileIsRefused(t *testing.T) {
	dir := home(t)
	for range 2 {
		if err := run(t, dir); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "config", "genesis.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(b, []byte("member-test"), []byte("other-chain"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(t, dir); err == nil || !strings.Contains(err.Error(), "genesis file") {
		t.Errorf("with another genesis file: %v", err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(t, dir); err != nil {
		t.Errorf("with the right file again: %v", err)
	}
}
