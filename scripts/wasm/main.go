// Wasm builds the verifier that the page /verify runs in a browser, into
// client/web/verifier, from where it is embedded:
//
//	go run ./scripts/wasm           all of them
//	go run ./scripts/wasm signer    one of them
//
// It writes
//
//	verifier.wasm.br  client/cmd/zheng-wasm, compressed with brotli, quality 11
//	bundles.wasm.br   the same with the build tag bundles: it reads bundles as well
//	signer.wasm.br    client/cmd/zheng-signer, with which the page /notarize signs
//	wasm_exec.js      the glue between Go and JavaScript, of the same Go release
//	build.json        what went in and what came out, see [Build]
//
// The files are committed, so that `go install` needs nothing but Go. The everyday
// test of this package hashes the sources and compares with build.json: it takes a
// second, and fails when somebody changed the verifier and did not build it again.
// With ZHENGLIAN_LONG=1 it builds the program anew and compares every byte, if Go is
// of the release that built the committed one; other releases make other bytes.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/andybalholm/brotli"
)

// folder is where the programs go, relative to the root of the module.
const folder = "client/web/verifier"

// A target is one program: its name, build tags and package, and flags of its own.
type target struct {
	name, tags, program string
	flags               []string
}

var targets = []target{
	{"verifier", "", "./client/cmd/zheng-wasm", nil},
	{"bundles", "bundles", "./client/cmd/zheng-wasm", nil},
	{"signer", "signer", "./client/cmd/zheng-signer", []string{
		// What opens an encrypted key takes long enough.
		"-gcflags=golang.org/x/crypto/scrypt=",
		"-gcflags=golang.org/x/crypto/pbkdf2=",
	}},
}

// flags of the build. Calls are not inlined, which makes the compressed program a
// tenth smaller, except where digests are made and curves are computed.
var flags = []string{
	"-trimpath", "-buildvcs=false", "-ldflags=-s -w",
	"-gcflags=all=-l",
	"-gcflags=crypto/internal/fips140/sha256=",
	"-gcflags=github.com/emmansun/gmsm/internal/sm3=",
	"-gcflags=crypto/internal/fips140/edwards25519/field=",
	"-gcflags=math/big=",
}

// A Build is what build.json says of a program.
type Build struct {
	Name   string `json:"name"`   // of the target
	Go     string `json:"go"`     // release that built it
	Source string `json:"source"` // SHA-256 over the sources and flags, see sourceHash
	SHA256 string `json:"sha256"` // of the program, uncompressed
	Bytes  int    `json:"bytes"`  // of the program, uncompressed
	Brotli int    `json:"brotli"` // bytes compressed
}

func main() {
	built, err := buildAll(".", os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "wasm:", err)
		os.Exit(1)
	}
	for _, b := range built {
		fmt.Printf("%s/%s.wasm.br: %d bytes, %d uncompressed, %s\n", folder, b.Name, b.Brotli, b.Bytes, b.Go)
	}
}

// buildAll writes the files of the module in root: all programs, or those that are
// named.
func buildAll(root string, names []string) (built []Build, err error) {
	var old []Build
	if len(names) > 0 {
		doc, err := os.ReadFile(filepath.Join(root, folder, "build.json"))
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(doc, &old); err != nil {
			return nil, err
		}
	}
	for _, t := range targets {
		if i := slices.IndexFunc(old, func(b Build) bool { return b.Name == t.name }); len(names) > 0 && i >= 0 && !slices.Contains(names, t.name) {
			built = append(built, old[i])
			continue
		}
		b, err := build(root, t)
		if err != nil {
			return nil, err
		}
		built = append(built, *b)
	}
	goroot, err := command(root, "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	glue, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(goroot)), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return nil, err
	}
	doc, err := json.MarshalIndent(built, "", "  ")
	if err != nil {
		return nil, err
	}
	for name, content := range map[string][]byte{"wasm_exec.js": glue, "build.json": append(doc, '\n')} {
		if err := os.WriteFile(filepath.Join(root, folder, name), content, 0o644); err != nil {
			return nil, err
		}
	}
	return built, nil
}

// build writes one program.
func build(root string, t target) (*Build, error) {
	source, err := sourceHash(root, t)
	if err != nil {
		return nil, err
	}
	wasm, err := compile(root, t)
	if err != nil {
		return nil, err
	}
	var small bytes.Buffer
	w := brotli.NewWriterOptions(&small, brotli.WriterOptions{Quality: brotli.BestCompression, LGWin: 24})
	if _, err := w.Write(wasm); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(root, folder, t.name+".wasm.br"), small.Bytes(), 0o644); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(wasm)
	return &Build{Name: t.name, Go: runtime.Version(), Source: source, SHA256: hex.EncodeToString(sum[:]), Bytes: len(wasm), Brotli: small.Len()}, nil
}

// command is a go command in root for the browser's platform.
func command(root string, args ...string) *exec.Cmd {
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	cmd.Env = append(cmd.Environ(), "GOOS=js", "GOARCH=wasm", "GOWASM=", "GOFLAGS=", "GOEXPERIMENT=")
	return cmd
}

// compile builds a program and returns it.
func compile(root string, t target) ([]byte, error) {
	dir, err := os.MkdirTemp("", "zheng-wasm")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) // a folder of the system's temporary files
	out := filepath.Join(dir, "verifier.wasm")
	cmd := command(root, slices.Concat([]string{"build", "-tags=" + t.tags}, flags, t.flags, []string{"-o", out, t.program})...)
	if msg, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build %s: %w\n%s", t.program, err, msg)
	}
	return os.ReadFile(out)
}

// sourceHash is SHA-256 over the flags and over path and SHA-256 of each Go file
// outside the standard library that goes into the program.
func sourceHash(root string, t target) (string, error) {
	cmd := command(root, "list", "-deps", "-tags="+t.tags, "-json=ImportPath,Dir,Standard,GoFiles", t.program)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go list %s: %w\n%s", t.program, err, stderr.Bytes())
	}
	h := sha256.New()
	fmt.Fprintln(h, strings.Join(slices.Concat(flags, t.flags), "\n"))
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath, Dir string
			Standard        bool
			GoFiles         []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return hex.EncodeToString(h.Sum(nil)), nil
		} else if err != nil {
			return "", fmt.Errorf("output of go list: %w", err)
		}
		if p.Standard {
			continue
		}
		for _, name := range p.GoFiles {
			b, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				return "", err
			}
			fmt.Fprintf(h, "%s/%s %x\n", p.ImportPath, name, sha256.Sum256(b))
		}
	}
}
