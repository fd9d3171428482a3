//go:build !js

package stamp

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"time"

	"github.com/digitorus/timestamp"

	"zhenglian/app/tx"
)

// A Remote is an authority reached over HTTP (RFC 3161 §3.4).
type Remote struct {
	URL   string
	Roots []*x509.Certificate // at least one
	HTTP  *http.Client        // nil means one that waits 20 s
}

// Stamp implements [Authority].
func (r *Remote) Stamp(ctx context.Context, digest tx.Digest) (*Stamped, error) {
	s, err := r.stamp(ctx, digest)
	if err != nil {
		return nil, fmt.Errorf("time-stamp authority %s: %w", r.URL, err)
	}
	return s, nil
}

func (r *Remote) stamp(ctx context.Context, digest tx.Digest) (*Stamped, error) {
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
	if b, err = io.ReadAll(io.LimitReader(res.Body, 2*MaxToken)); err != nil {
		return nil, err
	}
	t, err := tokenIn(b)
	if err != nil {
		return nil, err
	}
	if t.nonce != nonce.String() {
		return nil, errors.New("the token is an answer to another request")
	}
	certs, err := t.Chain(digest, r.Roots, nil)
	if err != nil {
		return nil, err
	}
	return &Stamped{t, certs}, nil
}

// tokenIn reads an authority's own response, which may have words in it.
func tokenIn(response []byte) (*Token, error) {
	if err := checkDER(response); err != nil {
		return nil, err
	}
	ts, err := timestamp.ParseResponse(response)
	if err != nil {
		return nil, err
	}
	return Parse(ts.RawToken)
}

// A TestAuthority signs tokens that prove nothing, with a key of its own. It is
// an [Authority], and an http.Handler that a [Remote] can ask.
type TestAuthority struct {
	Root *x509.Certificate

	cert *x509.Certificate
	key  crypto.Signer
	now  func() time.Time
}

// NewTestAuthority makes an authority called name, whose clock is now.
func NewTestAuthority(name string, now func() time.Time) (*TestAuthority, error) {
	a := &TestAuthority{now: now}
	from := now().AddDate(-1, 0, 0) // the encoder adds this machine's time, which may be other than now
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	subject := func(what string) pkix.Name {
		return pkix.Name{Organization: []string{testName + " 演示用，无证明力"}, CommonName: testName + " " + what + " " + name}
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: subject("test root"), NotBefore: from, NotAfter: from.AddDate(20, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	if a.Root, err = certify(root, root, rootKey.Public(), rootKey); err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		return nil, err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: subject("test time-stamps"), NotBefore: from, NotAfter: from.AddDate(10, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: oidExtKeyUsage, Critical: true, Value: usage}}, // x509 would not make it critical
	}
	a.key = key
	if a.cert, err = certify(leaf, a.Root, key.Public(), rootKey); err != nil {
		return nil, err
	}
	return a, nil
}

func certify(template, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, key)
	if err != nil {
		return nil, fmt.Errorf("test authority: %w", err)
	}
	return x509.ParseCertificate(der)
}

// Stamp implements [Authority].
func (a *TestAuthority) Stamp(_ context.Context, digest tx.Digest) (*Stamped, error) {
	b, err := a.respond(&timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: digest[:]})
	if err != nil {
		return nil, fmt.Errorf("test authority: %w", err)
	}
	t, err := tokenIn(b)
	if err != nil {
		return nil, fmt.Errorf("test authority: %w", err)
	}
	certs, err := t.Chain(digest, []*x509.Certificate{a.Root}, nil)
	if err != nil {
		return nil, fmt.Errorf("test authority: %w", err)
	}
	return &Stamped{t, certs}, nil
}

func (a *TestAuthority) respond(q *timestamp.Request) ([]byte, error) {
	ts := timestamp.Timestamp{
		HashAlgorithm: q.HashAlgorithm, HashedMessage: q.HashedMessage, Nonce: q.Nonce,
		Time: a.now().UTC().Truncate(time.Second), Accuracy: time.Second, // as fine as the encoder writes
		Policy: asn1.ObjectIdentifier{2, 999, 1}, AddTSACertificate: true, Certificates: []*x509.Certificate{a.Root},
	}
	return ts.CreateResponseWithOpts(a.cert, a.key, crypto.SHA256)
}

// ServeHTTP implements http.Handler.
func (a *TestAuthority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(io.LimitReader(r.Body, 4<<10))
	if err != nil {
		return
	}
	q, err := timestamp.ParseRequest(b)
	if err == nil {
		b, err = a.respond(q)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/timestamp-reply")
	_, _ = w.Write(b) // the client went away
}
