// Package interop holds our witness against a public implementation of C2SP
// tlog-witness whose dependencies are too many for the module itself.
package interop

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"testing"

	fnote "github.com/transparency-dev/formats/note"
	client "github.com/transparency-dev/witness/client/http"
	omni "github.com/transparency-dev/witness/witness"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/node/witness"
)

const origin = "zhenglian-test"

type tree struct{ stored []tlog.Hash }

func (l *tree) ReadHashes(at []int64) (out []tlog.Hash, err error) {
	for _, i := range at {
		out = append(out, l.stored[i])
	}
	return out, nil
}

func newTree(t *testing.T, name string, n int) *tree {
	l := new(tree)
	for i := range n {
		h, err := tlog.StoredHashes(int64(i), fmt.Appendf(nil, "%s %d", name, i), l)
		if err != nil {
			t.Fatal(err)
		}
		l.stored = append(l.stored, h...)
	}
	return l
}

func signer(t *testing.T, name string, alg byte) *witness.Signer {
	d := sha256.Sum256([]byte(name))
	s, err := witness.NewSigner(name, alg, ed25519.NewKeyFromSeed(d[:]))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The client of transparency-dev's witness against our server: every answer means to
// it what we mean by it, and its cosignature verifier takes ours.
func TestTransparencyDevClient(t *testing.T) {
	log, own := signer(t, origin, receipt.AlgLog), signer(t, "court.example/w", receipt.AlgWitness)
	srv, err := witness.OpenServer(witness.ServerConfig{Dir: t.TempDir(), Signer: own, Logs: []witness.Log{{Origin: origin, Keys: []string{log.Key().String()}}}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	h := httptest.NewServer(srv)
	defer h.Close()
	u, err := url.Parse(h.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := client.NewWitness(u, h.Client())
	good, fork := newTree(t, "entry", 20), newTree(t, "fork", 20)
	update := func(l *tree, from, to int) ([]byte, []byte, uint64, error) {
		root, err := tlog.TreeHash(int64(to), l)
		if err != nil {
			t.Fatal(err)
		}
		var proof [][]byte
		if from > 0 && from < to {
			p, err := tlog.ProveTree(int64(to), int64(from), l)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range p {
				proof = append(proof, x[:])
			}
		}
		cp := log.Sign(receipt.Checkpoint{Origin: origin, Size: uint64(to), Root: tx.Digest(root)})
		answer, size, err := c.Update(context.Background(), uint64(from), cp, proof)
		return cp, answer, size, err
	}
	cp, answer, _, err := update(good, 0, 7)
	if err != nil {
		t.Fatal(err)
	}
	v, err := fnote.NewVerifierForCosignatureV1(own.Key().String())
	if err != nil {
		t.Fatal(err)
	}
	if n, err := note.Open(append(cp, answer...), note.VerifierList(v)); err != nil || len(n.Sigs) != 1 {
		t.Fatalf("their verifier: %v", err)
	}
	if _, _, size, err := update(good, 0, 12); !errors.Is(err, omni.ErrCheckpointStale) || size != 7 {
		t.Errorf("stale: %d, %v", size, err)
	}
	if _, _, _, err := update(fork, 7, 12); !errors.Is(err, omni.ErrInvalidProof) {
		t.Errorf("a fork: %v", err)
	}
	if _, _, _, err := update(fork, 7, 7); !errors.Is(err, omni.ErrRootMismatch) {
		t.Errorf("a fork of the same size: %v", err)
	}
	if _, _, _, err := update(good, 7, 20); err != nil {
		t.Errorf("the log goes on: %v", err)
	}
}
