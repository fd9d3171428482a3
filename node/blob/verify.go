package blob

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
)

// verifier is an io.ReadCloser that hashes what passes through it and turns
// the io.EOF of bytes that do not hash to want into ErrCorrupt.
type verifier struct {
	src  io.ReadCloser
	hash hash.Hash
	want Digest
	err  error // verdict, once reached; later reads repeat it
}

// Verify wraps src, the stored bytes of the blob d, in the reader that
// Store.Get promises. It is exported for drivers in other packages.
func Verify(d Digest, src io.ReadCloser) io.ReadCloser {
	return &verifier{src: src, hash: sha256.New(), want: d}
}

func (v *verifier) Read(p []byte) (int, error) {
	if v.err != nil {
		return 0, v.err
	}
	n, err := v.src.Read(p)
	v.hash.Write(p[:n])
	if err == io.EOF {
		if got := Digest(v.hash.Sum(nil)); got != v.want {
			err = fmt.Errorf("blob %v hashes to %v: %w", v.want, got, ErrCorrupt)
		}
	}
	v.err = err
	return n, err
}

func (v *verifier) Close() error { return v.src.Close() }

// Copy writes body to w and fails with ErrTooLarge when it has more than most
// bytes, with ErrDigestMismatch when they do not hash to want. It is what a Put of
// every driver does before anything becomes visible.
func Copy(ctx context.Context, w io.Writer, want Digest, body io.Reader, most int64) (int64, error) {
	// One byte past the limit tells a body of exactly most bytes from a longer one.
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, sum), io.LimitReader(ctxReader{ctx, body}, most+1))
	if err != nil {
		return n, err
	}
	if n > most {
		return n, fmt.Errorf("more than %d bytes: %w", most, ErrTooLarge)
	}
	if got := Digest(sum.Sum(nil)); got != want {
		return n, fmt.Errorf("%d bytes hash to %v: %w", n, got, ErrDigestMismatch)
	}
	return n, nil
}

// ctxReader fails reads once its context is done. A read that already blocks
// in src goes on until src returns.
type ctxReader struct {
	ctx context.Context
	src io.Reader
}

func (r ctxReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.src.Read(p)
}
