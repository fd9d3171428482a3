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

// maxBrotli bounds the compressed verifier in bytes: 1 MB.
const maxBrotli = 1_000_000

func TestCommitted(t *testing.T) {
	read := func(name string) []byte {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(root, folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var want Build
	if err := json.Unmarshal(read("build.json"), &want); err != nil {
		t.Fatal(err)
	}
	const again = "run `go run ./scripts/wasm` and commit " + folder
	source, err := sourceHash(root)
	if err != nil {
		t.Fatal(err)
	}
	if source != want.Source {
		t.Fatalf("the verifier's sources have changed since it was built: %s", again)
	}
	small := read("verifier.wasm.br")
	wasm, err := io.ReadAll(brotli.NewReader(bytes.NewReader(small)))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(wasm)
	if got := (Build{want.Go, want.Source, hex.EncodeToString(sum[:]), len(wasm), len(small)}); got != want {
		t.Errorf("build.json says %+v, the files say %+v: %s", want, got, again)
	}
	if len(small) > maxBrotli {
		t.Errorf("the verifier has %d bytes compressed, the limit is %d", len(small), maxBrotli)
	}
	if os.Getenv("ZHENGLIAN_LONG") == "" || runtime.Version() != want.Go {
		return
	}
	fresh, err := compile(root)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(fresh, wasm) {
		t.Errorf("built again, the verifier has other bytes: %s", again)
	}
}
