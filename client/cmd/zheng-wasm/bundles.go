//go:build js && bundles

package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"syscall/js"

	"zhenglian/app/receipt"
	"zhenglian/client/court"
)

func init() { functions["bundle"] = function(6, bundle) }

func bundle(args []js.Value) (map[string]any, error) {
	q, err := ask(args[2], args[3], args[4])
	if err != nil {
		return nil, err
	}
	o := court.Options{Files: q.Files, WantID: q.WantID}
	b, err := content(args[5], receipt.MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificates: %w", err)
		}
		o.TSARoots = append(o.TSARoots, c)
	}
	size := int64(args[1].Float())
	r, err := court.Verify(context.Background(), &reader{read: args[0], size: size}, size, q.trust, o)
	if err != nil {
		return nil, err
	}
	return answer(r.Sum(), string(r.JSON()), r.Page), nil
}

// A reader reads a file of the page: the bytes of a bundle are never all in memory.
type reader struct {
	read js.Value // (offset, length) → Uint8Array
	size int64
}

// ReadAt implements io.ReaderAt.
func (r *reader) ReadAt(b []byte, at int64) (int, error) {
	n := int(min(int64(len(b)), r.size-at))
	if n <= 0 {
		return 0, io.EOF
	}
	got := js.CopyBytesToGo(b[:n], r.read.Invoke(float64(at), n))
	if got < n {
		return got, io.ErrUnexpectedEOF
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}
