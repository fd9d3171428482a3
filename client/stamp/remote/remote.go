// Package remote asks time-stamp authorities over HTTP (RFC 3161 §3.4), and serves
// one for tests. It stands apart from package stamp, so that what only reads tokens
// has no network in it.
package remote

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"time"

	"github.com/digitorus/timestamp"

	"zhenglian/app/tx"
	"zhenglian/client/stamp"
)

// An Authority is reached over HTTP. It is a [stamp.Authority].
type Authority struct {
	URL   string
	Roots []*x509.Certificate // at least one
	HTTP  *http.Client        // nil means one that waits 20 s
}

// Stamp implements [stamp.Authority].
func (r *Authority) Stamp(ctx context.Context, digest tx.Digest) (*stamp.Stamped, error) {
	s, err := r.stamp(ctx, digest)
	if err != nil {
		return nil, fmt.Errorf("time-stamp authority %s: %w", r.URL, err)
	}
	return s, nil
}

func (r *Authority) stamp(ctx context.Context, digest tx.Digest) (*stamp.Stamped, error) {
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 63))
	if err != nil {
		return nil, err
	}
	q := timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: digest[:], Certificates: true, Nonce: nonce}
	b, err := q.Marshal()
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/timestamp-query")
	req.Header.Set("Accept", "application/timestamp-reply")
	c := r.HTTP
	if c == nil {
		c = &http.Client{Timeout: 20 * time.Second}
	}
	res, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s", res.Status)
	}
	if b, err = io.ReadAll(io.LimitReader(res.Body, 2*stamp.MaxToken)); err != nil {
		return nil, err
	}
	t, err := stamp.ParseReply(b)
	if err != nil {
		return nil, err
	}
	if t.Nonce() != nonce.String() {
		return nil, errors.New("the token is an answer to another request")
	}
	certs, err := t.Chain(digest, r.Roots, nil)
	if err != nil {
		return nil, err
	}
	return &stamp.Stamped{Token: t, Certs: certs}, nil
}

// Handler serves a test authority.
func Handler(a *stamp.TestAuthority) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(io.LimitReader(r.Body, 4<<10))
		if err != nil {
			return
		}
		if b, err = a.Reply(b); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/timestamp-reply")
		_, _ = w.Write(b) // the client went away
	})
}
