package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/andybalholm/brotli"
)

const root = "../.."

// maxBrotli bounds the compressed programs in bytes. The verifier is what a page loads
// to check a receipt, a certificate or a sheet of paper; the other one is loaded for
// a bundle, and the third for officers who sign.
var maxBrotli = map[string]int{"verifier": 1_000_000, "bundles": 1_800_000, "signer": 2_200_000}

// strangers are types of bodies that a verifier does not judge. If one is in the
// program, something reads statements with every schema, and it grows with every kind.
var strangers = []string{"tx.Membership", "tx.PolicyChange", "tx.ValidatorChange"}

const again = "run `go run ./scripts/wasm` and commit " + folder

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCommitted(t *testing.T) {
	var builds []Build
	if err := json.Unmarshal(read(t, "build.json"), &builds); err != nil {
		t.Fatal(err)
	}
	if len(builds) != len(targets) {
		t.Fatalf("build.json has %d programs, want %d: %s", len(builds), len(targets), again)
	}
	for i, want := range builds {
		t.Run(targets[i].name, func(t *testing.T) { committed(t, targets[i], want) })
	}
}

func committed(t *testing.T, x target, want Build) {
	source, err := sourceHash(root, x)
	if err != nil {
		t.Fatal(err)
	}
	if source != want.Source {
		t.Fatalf("the verifier's sources have changed since it was built: %s", again)
	}
	small := read(t, x.name+".wasm.br")
	wasm, err := io.ReadAll(brotli.NewReader(bytes.NewReader(small)))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(wasm)
	if got := (Build{x.name, want.Go, want.Source, hex.EncodeToString(sum[:]), len(wasm), len(small)}); got != want {
		t.Errorf("build.json says %+v, the files say %+v: %s", want, got, again)
	}
	if len(small) > maxBrotli[x.name] {
		t.Errorf("%d bytes compressed, the limit is %d", len(small), maxBrotli[x.name])
	}
	for _, name := range strangers {
		if x.name == "signer" {
			break // it shows whatever kind is to be signed
		}
		if bytes.Contains(wasm, []byte(name)) {
			t.Errorf("%s is in the program", name)
		}
	}
	if os.Getenv("ZHENGLIAN_LONG") == "" || runtime.Version() != want.Go {
		return
	}
	fresh, err := compile(root, x)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(fresh, wasm) {
		t.Errorf("built again, it has other bytes: %s", again)
	}
}
