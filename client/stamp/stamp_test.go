package stamp

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhenglian/app/tx"
)

var ctx = context.Background()

func authority(t testing.TB) *TestAuthority {
	t.Helper()
	a, err := NewTestAuthority("A", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func stamped(t testing.TB, a Authority, d tx.Digest) *Stamped {
	t.Helper()
	s, err := a.Stamp(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestChain(t *testing.T) {
	a := authority(t)
	s := stamped(t, a, tx.Digest{1})
	if _, err := s.Chain(tx.Digest{2}, []*x509.Certificate{a.Root}, nil); err == nil {
		t.Error("another imprint verifies")
	}
	if _, err := s.Chain(tx.Digest{1}, nil, s.Certs); err == nil {
		t.Error("a token verifies without a root")
	}

	// The certificate counts at genTime, not now.
	now := time.Now()
	clock := now
	b, err := NewTestAuthority("B", func() time.Time { return clock })
	if err != nil {
		t.Fatal(err)
	}
	stamped(t, b, tx.Digest{1})
	for _, clock = range []time.Time{now.AddDate(-2, 0, 0), now.AddDate(11, 0, 0)} {
		if _, err := b.Stamp(ctx, tx.Digest{1}); err == nil || !strings.Contains(err.Error(), "not certified") {
			t.Errorf("a token of %v: %v", clock, err)
		}
	}
	clock = now.AddDate(8, 0, 0)
	stamped(t, b, tx.Digest{1})
}

// TestUsage signs with certificates that must not sign time-stamps.
func TestUsage(t *testing.T) {
	usage := func(oids ...asn1.ObjectIdentifier) []byte {
		b, err := asn1.Marshal(oids)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	stamping, server := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}, asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 1}
	for name, ext := range map[string][]pkix.Extension{
		"none":         nil,
		"not critical": {{Id: oidExtKeyUsage, Value: usage(stamping)}},
		"server":       {{Id: oidExtKeyUsage, Critical: true, Value: usage(server)}},
		"both":         {{Id: oidExtKeyUsage, Critical: true, Value: usage(stamping, server)}},
	} {
		a := authority(t)
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(3), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtraExtensions: ext}
		if a.cert, err = certify(template, template, key.Public(), key); err != nil {
			t.Fatal(err)
		}
		a.key = key
		if _, err := a.Stamp(ctx, tx.Digest{1}); err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("usage %s: %v", name, err)
		}
	}
}

// TestEveryBit flips each bit of a response. None may verify as the same.
func TestEveryBit(t *testing.T) {
	a := authority(t)
	s := stamped(t, a, tx.Digest{1})
	b := s.Response()
	for i := range b {
		for bit := range 8 {
			bad := bytes.Clone(b)
			bad[i] ^= 1 << bit
			k, err := ParseResponse(bad)
			if err == nil && k.Digest() == s.Digest() {
				t.Fatalf("bit %d of byte %d: the same token", bit, i)
			}
		}
	}
	for n := range b {
		if _, err := ParseResponse(b[:n]); err == nil {
			t.Fatalf("%d bytes of %d are a token", n, len(b))
		}
	}
	if _, err := ParseResponse(append(b, 0)); err == nil {
		t.Error("trailing data")
	}
}

// TestOpenSSL has another program verify a token.
func TestOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatal("openssl is needed: apt-get install openssl")
	}
	s := stamped(t, authority(t), tx.Digest{1, 2, 3})
	dir := t.TempDir()
	tsr, ca := filepath.Join(dir, "00.tsr"), filepath.Join(dir, "00.pem")
	if err := os.WriteFile(tsr, s.Response(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certs[1].Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(openssl, "ts", "-verify", "-in", tsr, "-digest", s.Imprint.String(), "-CAfile", ca).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("Verification: OK")) {
		t.Errorf("openssl: %v\n%s", err, out)
	}
	out, err = exec.Command(openssl, "ts", "-verify", "-in", tsr, "-digest", tx.Digest{9}.String(), "-CAfile", ca).CombinedOutput()
	if err == nil {
		t.Errorf("openssl accepts another digest\n%s", out)
	}
}

func FuzzParse(f *testing.F) {
	s := stamped(f, authority(f), tx.Digest{1})
	f.Add(s.DER)
	f.Add(s.Response())
	f.Add([]byte{0x30, 0x80, 0, 0})
	f.Add(bytes.Repeat([]byte{0x30, 0x7e}, 100))
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := Parse(b); err == nil && !bytes.Equal(k.DER, b) {
			t.Error("a token keeps other bytes than it was read from")
		}
		if k, err := ParseResponse(b); err == nil && !bytes.Equal(k.Response(), b) {
			t.Error("a response has two forms")
		}
		_, _ = ParseReply(b)
	})
}
