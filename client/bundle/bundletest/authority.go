package bundletest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"github.com/digitorus/timestamp"

	"zhenglian/app/tx"
	"zhenglian/client/stamp"
)

// An authority is what stamp.TestAuthority is not: one whose name and policy do
// not say that it is for tests, with an intermediate between signer and root.
type authority struct {
	certs []*x509.Certificate // signer, intermediate, root
	key   crypto.Signer
	now   time.Time
}

func newAuthority(t testing.TB, now time.Time) *authority {
	t.Helper()
	a := &authority{now: now}
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		t.Fatal(err)
	}
	var parent *x509.Certificate
	var parentKey crypto.Signer
	for i, name := range []string{"root", "intermediate", "signer"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: "Example time " + name}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(20, 0, 0),
			BasicConstraintsValid: true, IsCA: name != "signer", KeyUsage: x509.KeyUsageCertSign,
		}
		if name == "signer" {
			c.KeyUsage = x509.KeyUsageDigitalSignature
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage}}
		}
		if parent == nil {
			parent, parentKey = c, key
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), parentKey)
		if err != nil {
			t.Fatal(err)
		}
		if parent, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
		a.key, parentKey = key, key
		a.certs = append([]*x509.Certificate{parent}, a.certs...)
	}
	return a
}

func (a *authority) root() *x509.Certificate { return a.certs[2] }

// Stamp implements [stamp.Authority]. The token leaves out the root, as those of
// most authorities do.
func (a *authority) Stamp(_ context.Context, d tx.Digest) (*stamp.Stamped, error) {
	ts := timestamp.Timestamp{
		HashAlgorithm: crypto.SHA256, HashedMessage: d[:], Time: a.now, Accuracy: 500 * time.Millisecond,
		Policy: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 32473, 1}, AddTSACertificate: true, Certificates: a.certs[1:2],
	}
	b, err := ts.CreateResponseWithOpts(a.certs[0], a.key, crypto.SHA256)
	if err != nil {
		return nil, err
	}
	parsed, err := timestamp.ParseResponse(b)
	if err != nil {
		return nil, err
	}
	t, err := stamp.Parse(parsed.RawToken)
	if err != nil {
		return nil, err
	}
	certs, err := t.Chain(d, a.certs[2:], nil)
	return &stamp.Stamped{Token: t, Certs: certs}, err
}
