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

// bundleVerify measures the verification of a bundle that is not in memory, beside
// the slower of reading the file and of SHA-256 over it, in the same run.
func bundleVerify(ctx context.Context, b *bench) (_ pair, err error) {
	dir, err := os.MkdirTemp("", "zhenglian-bundle")
	if err != nil {
		return pair{}, err
	}
	defer os.RemoveAll(dir) // a folder of the system's temporary files
	fmt.Fprintf(b.progress, "bundle of %d bytes\n", int64(bundleBytes))
	name, trust, err := makeBundle(ctx, dir, bundleBytes)
	if err != nil {
		return pair{}, err
	}
	f, err := os.Open(name)
	if err != nil {
		return pair{}, err
	}
	defer f.Close() // only read
	info, err := f.Stat()
	if err != nil {
		return pair{}, err
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
	var pairs []pair
	for range b.scale.pairs {
		read, err := timed(copyTo(io.Discard))
		if err != nil {
			return pair{}, err
		}
		hash, err := timed(copyTo(sha256.New()))
		if err != nil {
			return pair{}, err
		}
		verify, err := timed(func() error {
			r, err := court.Verify(ctx, f, info.Size(), trust, court.Options{})
			if err == nil && r.Sum().Verdict == receipt.NotVerified {
				err = fmt.Errorf("bundle: %s", r.Text(receipt.EN))
			}
			return err
		})
		if err != nil {
			return pair{}, err
		}
		fmt.Fprintf(b.progress, "bundle read %.2f s, SHA-256 %.2f s, verified %.2f s\n", read, hash, verify)
		pairs = append(pairs, pair{verify, max(read, hash)})
	}
	return median(pairs), nil
}

// forget asks the system to let go of what it keeps of a file in memory.
func forget(f *os.File) error {
	return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}

// makeBundle seals a file of size bytes that do not compress, on a ledger of one
// process, and returns the path of its bundle and the ledger's trust root.
func makeBundle(ctx context.Context, dir string, size int64) (string, *receipt.Trust, error) {
	ledger := clienttest.New()
	srv := httptest.NewServer(ledger)
	defer srv.Close()
	c, err := client.New(client.Config{Gateway: srv.URL})
	if err != nil {
		return "", nil, err
	}
	original := filepath.Join(dir, "recording.webm")
	if err := writeRandom(original, size); err != nil {
		return "", nil, err
	}
	local, err := client.HashFile(ctx, original, "recording", nil)
	if err != nil {
		return "", nil, err
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
	first, err := enter(tx.Evidence{Class: "file", Captured: captured}, local) // for a block to anchor in
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
	path := bundle.DirFiles + "recording.webm"
	seal, err := bundle.NewSeal(ctx, bundle.SealOptions{
		Files:  []bundle.File{{Path: path, Role: local.Role, Media: local.Media, Bytes: local.Bytes, SHA256: local.SHA256, SM3: local.SM3}},
		Anchor: anchor, Header: header, Events: []bundle.Event{{At: now, Event: "collected", Detail: "benchmark"}},
	})
	if err != nil {
		return "", nil, err
	}
	e := tx.Evidence{Class: "file", Captured: captured}
	seal.Bind(&e)
	s, err := enter(e, local)
	if err != nil {
		return "", nil, err
	}
	name := filepath.Join(dir, "case.evb")
	out, err := os.Create(name)
	if err != nil {
		return "", nil, err
	}
	err = bundle.Write(ctx, out, bundle.Contents{Seal: seal, Receipt: s.Receipt, Trust: ledger.Trust,
		Open: func(bundle.File) (io.ReadCloser, error) { return os.Open(original) }})
	if err == nil {
		err = out.Sync()
	}
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	return name, ledger.Trust, err
}

func writeRandom(name string, size int64) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	source := rand.NewChaCha8([32]byte{1})
	_, err = io.CopyN(f, source, size)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
