package stamp

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"

	"github.com/digitorus/timestamp"

	"zhenglian/app/tx"
)

// ParseReply reads an authority's own response, which may have words in it.
func ParseReply(response []byte) (*Token, error) {
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
// an [Authority]; package remote serves it over HTTP.
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
	t, err := ParseReply(b)
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

// Reply answers a TimeStampReq (RFC 3161 §2.4.1).
func (a *TestAuthority) Reply(request []byte) ([]byte, error) {
	q, err := timestamp.ParseRequest(request)
	if err != nil {
		return nil, err
	}
	return a.respond(q)
}
