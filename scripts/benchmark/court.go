package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/emmansun/gmsm/sm3"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client"
	"zhenglian/client/bundle"
	"zhenglian/client/clienttest"
	"zhenglian/client/court"
	"zhenglian/client/paper"
	"zhenglian/client/web"
)

// What a court is handed.
const (
	// paperBound is what a receipt may take in a printed code, in bytes: one QR code
	// of version 40 holds 2854 as we write them.
	paperBound = 2800
	// wasmBound is what the verifier of the page may take, in bytes compressed.
	wasmBound = 1_000_000
	// bundleBytes is how large the evidence in the bundle is that is verified.
	bundleBytes = 1 << 30
)

// paperBytes is the compact receipt as it goes into a code.
func paperBytes(ctx context.Context, b *bench) (pair, error) {
	r, err := b.makeReceipts(ctx)
	if err != nil {
		return pair{}, err
	}
	return pair{float64(len(paper.Pack(r.compact))), paperBound}, nil
}

func paperParts(b *bench) []part {
	codes, err := paper.Codes(b.receipts.compact)
	if err != nil {
		return nil
	}
	return []part{{"codes", "", pair{float64(len(codes)), 1}}, {"characters", "", pair{float64(len(codes[0])), paper.MaxCode}}}
}

// wasmBytes is the program that the page loads; the other is for bundles.
func wasmBytes(context.Context, *bench) (pair, error) {
	return pair{float64(len(web.Programs[0].Brotli())), wasmBound}, nil
}

func wasmParts(*bench) []part {
	return []part{{"bundles", "B", pair{float64(len(web.Programs[1].Brotli())), wasmBound}}}
}

// bundleFiles are the evidence files of the bundle of bundle.verify.many.
const bundleFiles = 16

// bundleVerify measures a bundle of one file.
func bundleVerify(ctx context.Context, b *bench) (pair, error) {
	p, sm3, err := verifyBundle(ctx, b, 1)
	b.bundle.sm3 = sm3
	return p, err
}

// bundleMany measures one whose evidence is in several files.
func bundleMany(ctx context.Context, b *bench) (pair, error) {
	p, _, err := verifyBundle(ctx, b, bundleFiles)
	return p, err
}

// bundleParts say how far SM3 alone, which no verifier of these digests can do
// without, is from the bound.
func bundleParts(b *bench) []part { return []part{{"sm3", "s", b.bundle.sm3}} }

// verifyBundle measures the verification of a bundle that is not in memory, beside
// the slower of reading the file and of SHA-256 over it, and beside SM3 over it, all in
// the same run.
func verifyBundle(ctx context.Context, b *bench, files int) (_, _ pair, err error) {
	dir, err := os.MkdirTemp("", "zhenglian-bundle")
	if err != nil {
		return pair{}, pair{}, err
	}
	defer os.RemoveAll(dir) // a folder of the system's temporary files
	fmt.Fprintf(b.progress, "bundle of %d bytes in %d files\n", int64(bundleBytes), files)
	name, trust, err := makeBundle(ctx, dir, bundleBytes, files)
	if err != nil {
		return pair{}, pair{}, err
	}
	f, err := os.Open(name)
	if err != nil {
		return pair{}, pair{}, err
	}
	defer f.Close() // only read
	info, err := f.Stat()
	if err != nil {
		return pair{}, pair{}, err
	}
	timed := func(what func() error) (float64, error) {
		if err := forget(f); err != nil {
			return 0, err
		}
		begin := time.Now()
		err := what()
		return time.Since(begin).Seconds(), err
	}
	copyTo := func(w io.Writer) func() error {
		return func() error {
			_, err := io.CopyBuffer(struct{ io.Writer }{w}, io.NewSectionReader(f, 0, info.Size()), make([]byte, 1<<20))
			return err
		}
	}
	var pairs, chains []pair
	for range b.scale.pairs {
		read, err := timed(copyTo(io.Discard))
		if err != nil {
			return pair{}, pair{}, err
		}
		hash, err := timed(copyTo(sha256.New()))
		if err != nil {
			return pair{}, pair{}, err
		}
		chain, err := timed(copyTo(sm3.New()))
		if err != nil {
			return pair{}, pair{}, err
		}
		verify, err := timed(func() error {
			r, err := court.Verify(ctx, f, info.Size(), trust, court.Options{})
			if err == nil && r.Sum().Verdict == receipt.NotVerified {
				err = fmt.Errorf("bundle: %s", r.Text(receipt.EN))
			}
			return err
		})
		if err != nil {
			return pair{}, pair{}, err
		}
		fmt.Fprintf(b.progress, "bundle read %.2f s, SHA-256 %.2f s, SM3 %.2f s, verified %.2f s\n", read, hash, chain, verify)
		pairs, chains = append(pairs, pair{verify, max(read, hash)}), append(chains, pair{verify, chain})
	}
	return median(pairs), median(chains), nil
}

// forget asks the system to let go of what it keeps of a file in memory.
func forget(f *os.File) error {
	return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}

// makeBundle seals files of size bytes together that do not compress, on a ledger of one
// process, and returns the path of its bundle and the ledger's trust root.
func makeBundle(ctx context.Context, dir string, size int64, count int) (string, *receipt.Trust, error) {
	ledger := clienttest.New()
	srv := httptest.NewServer(ledger)
	defer srv.Close()
	c, err := client.New(client.Config{Gateway: srv.URL})
	if err != nil {
		return "", nil, err
	}
	var locals []client.LocalFile
	var files []bundle.File
	originals := map[string]string{} // by path in the bundle
	for i := range count {
		base := fmt.Sprintf("recording-%02d.webm", i)
		original := filepath.Join(dir, base)
		if err := writeRandom(original, size/int64(count), byte(i)); err != nil {
			return "", nil, err
		}
		local, err := client.HashFile(ctx, original, "recording", nil)
		if err != nil {
			return "", nil, err
		}
		path := bundle.DirFiles + base
		originals[path] = original
		locals = append(locals, local)
		files = append(files, bundle.File{Path: path, Role: local.Role, Media: local.Media, Bytes: local.Bytes, SHA256: local.SHA256, SM3: local.SM3})
	}
	var signers []tx.Signer
	for i := range clienttest.Needs {
		k, err := tx.NewPrivateKey(tx.Secp256k1, bytes.Repeat([]byte{byte(i + 1)}, 32))
		if err != nil {
			return "", nil, err
		}
		signers = append(signers, k)
	}
	now := tx.TimeOf(time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC))
	captured := tx.Captured{Started: now, Ended: now, Method: "upload", Tool: "benchmark", ToolSHA256: tx.Digest{1}}
	enter := func(e tx.Evidence, files ...client.LocalFile) (*client.Entry, error) {
		return c.Notarize(ctx, client.NotarizeOptions{Member: "hangzhou-amr", Evidence: e, Files: files, Signers: signers, Trust: ledger.Trust})
	}
	first, err := enter(tx.Evidence{Class: "file", Captured: captured}, locals[0]) // for a block to anchor in
	if err != nil {
		return "", nil, err
	}
	r, err := receipt.Parse(first.Receipt)
	if err != nil {
		return "", nil, err
	}
	var doc struct {
		Block json.RawMessage `json:"block"`
	}
	if err := json.Unmarshal(first.Receipt, &doc); err != nil {
		return "", nil, err
	}
	anchor := tx.Anchor{Height: r.Block.Header.Height, Hash: r.Block.Header.Hash()}
	header, err := bundle.AnchorHeader(doc.Block, anchor)
	if err != nil {
		return "", nil, err
	}
	seal, err := bundle.NewSeal(ctx, bundle.SealOptions{
		Files: files, Anchor: anchor, Header: header, Events: []bundle.Event{{At: now, Event: "collected", Detail: "benchmark"}},
	})
	if err != nil {
		return "", nil, err
	}
	e := tx.Evidence{Class: "file", Captured: captured}
	seal.Bind(&e)
	s, err := enter(e, locals...)
	if err != nil {
		return "", nil, err
	}
	name := filepath.Join(dir, "case.evb")
	out, err := os.Create(name)
	if err != nil {
		return "", nil, err
	}
	err = bundle.Write(ctx, out, bundle.Contents{Seal: seal, Receipt: s.Receipt, Trust: ledger.Trust,
		Open: func(f bundle.File) (io.ReadCloser, error) { return os.Open(originals[f.Path]) }})
	if err == nil {
		err = out.Sync()
	}
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	return name, ledger.Trust, err
}

func writeRandom(name string, size int64, seed byte) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	source := rand.NewChaCha8([32]byte{1, seed})
	_, err = io.CopyN(f, source, size)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
