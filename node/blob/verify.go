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
