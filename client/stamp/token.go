package stamp

import (
	"bytes"
	"crypto"
	_ "crypto/sha1" // signingCertificate of RFC 2634 names certificates by it
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/digitorus/pkcs7"
	"github.com/digitorus/timestamp"

	"zhenglian/app/tx"
)

// MaxToken is the most bytes of a token.
const MaxToken = 64 << 10

// maxDepth bounds the nesting of a token. A certificate with every extension
// stays below 20.
const maxDepth = 32

// A Token is a time-stamp token whose signature holds. Who signed it is for
// [Token.Chain] to say.
type Token struct {
	DER      []byte
	Imprint  tx.Digest     // SHA-256 of what was stamped
	Time     time.Time     // genTime, UTC
	Accuracy time.Duration // ±; 0: the authority does not say
	Serial   string        // decimal
	Policy   string        // OID
	Signer   *x509.Certificate

	others []*x509.Certificate // in the token
	nonce  string
}

var (
	oidTSTInfo       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidSigningCert   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}
	oidSigningCertV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidExtKeyUsage   = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidSHA256        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
)

// Parse reads a token (ContentInfo of RFC 3161 §2.4.2) and checks its form, its
// signature and what its certificate may be used for.
func Parse(der []byte) (*Token, error) {
	t, err := parse(der)
	if err != nil {
		return nil, fmt.Errorf("time-stamp token: %w", err)
	}
	return t, nil
}

func parse(der []byte) (*Token, error) {
	if len(der) > MaxToken {
		return nil, fmt.Errorf("%d bytes; the limit is %d", len(der), MaxToken)
	}
	if err := checkDER(der); err != nil {
		return nil, err
	}
	p7, err := pkcs7.Parse(der)
	if err != nil {
		return nil, err
	}
	signer := p7.GetOnlySigner()
	if signer == nil {
		return nil, errors.New("want one signer, with its certificate")
	}
	var content asn1.ObjectIdentifier
	if err := p7.UnmarshalSignedAttribute(pkcs7.OIDAttributeContentType, &content); err != nil || !content.Equal(oidTSTInfo) {
		return nil, errors.New("what is signed is not a time-stamp")
	}
	if err := namesSigner(p7, signer); err != nil {
		return nil, err
	}
	if err := onlyStamps(signer); err != nil {
		return nil, err
	}
	ts, err := timestamp.Parse(der) // verifies the signature
	if err != nil {
		return nil, err
	}
	if ts.HashAlgorithm != crypto.SHA256 || len(ts.HashedMessage) != sha256.Size {
		return nil, errors.New("the imprint is not of SHA-256")
	}
	if slices.ContainsFunc(ts.Extensions, func(e pkix.Extension) bool { return e.Critical }) {
		return nil, errors.New("it has a critical extension")
	}
	if y := ts.Time.UTC().Year(); y < 1970 || y > 9999 || ts.Accuracy < 0 || ts.Accuracy > time.Hour {
		return nil, errors.New("time or accuracy out of bounds")
	}
	t := &Token{DER: bytes.Clone(der), Imprint: tx.Digest(ts.HashedMessage), Time: ts.Time.UTC(), Accuracy: ts.Accuracy, Policy: ts.Policy.String(), Signer: signer}
	if ts.SerialNumber != nil {
		t.Serial = ts.SerialNumber.String()
	}
	if ts.Nonce != nil {
		t.nonce = ts.Nonce.String()
	}
	for _, c := range p7.Certificates {
		if !c.Equal(signer) {
			t.others = append(t.others, c)
		}
	}
	return t, nil
}

// checkDER walks the tags and lengths of one value: definite and shortest
// lengths, low tag numbers, bounded nesting, nothing behind it.
func checkDER(b []byte) error {
	rest, err := skipDER(b, 0)
	if err == nil && len(rest) > 0 {
		err = errors.New("trailing data")
	}
	return err
}

func skipDER(b []byte, depth int) (rest []byte, err error) {
	if depth > maxDepth {
		return nil, errors.New("nested too deeply")
	}
	if len(b) < 2 || b[0]&0x1f == 0x1f {
		return nil, errors.New("not DER: truncated, or a high tag number")
	}
	n, head := int(b[1]), 2
	if n >= 0x80 {
		size := n & 0x7f
		if size == 0 || size > 3 || len(b) < 2+size {
			return nil, errors.New("not DER: indefinite or excessive length")
		}
		n, head = 0, 2+size
		for _, c := range b[2:head] {
			n = n<<8 | int(c)
		}
		if n < 0x80 || size > 1 && n < 1<<(8*(size-1)) {
			return nil, errors.New("not DER: the length is not the shortest")
		}
	}
	if n > len(b)-head {
		return nil, errors.New("not DER: truncated")
	}
	if b[0]&0x20 != 0 { // constructed
		for in := b[head : head+n]; len(in) > 0; {
			if in, err = skipDER(in, depth+1); err != nil {
				return nil, err
			}
		}
	}
	return b[head+n:], nil
}

// essCertID is ESSCertID (RFC 2634 §5.4.1), or ESSCertIDv2 (RFC 5035 §3) with
// another hash.
type essCertID struct {
	Hash         []byte
	IssuerSerial asn1.RawValue `asn1:"optional"`
}

type essCertIDv2 struct {
	Algorithm    pkix.AlgorithmIdentifier `asn1:"optional"`
	Hash         []byte
	IssuerSerial asn1.RawValue `asn1:"optional"`
}

// namesSigner checks that a signed attribute names the certificate of the
// signer, which must be the first (RFC 3161 §2.4.1).
func namesSigner(p7 *pkcs7.PKCS7, signer *x509.Certificate) error {
	var v2 struct {
		Certs    []essCertIDv2
		Policies asn1.RawValue `asn1:"optional"`
	}
	hash, want := crypto.SHA256, []byte(nil)
	if err := p7.UnmarshalSignedAttribute(oidSigningCertV2, &v2); err == nil && len(v2.Certs) > 0 {
		c := v2.Certs[0]
		if a := c.Algorithm.Algorithm; len(a) > 0 && !a.Equal(oidSHA256) {
			if a.Equal(asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}) {
				hash = crypto.SHA384
			} else if a.Equal(asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}) {
				hash = crypto.SHA512
			} else {
				return errors.New("the signing certificate is named by an unknown hash")
			}
		}
		want = c.Hash
	} else {
		var v1 struct {
			Certs    []essCertID
			Policies asn1.RawValue `asn1:"optional"`
		}
		if err := p7.UnmarshalSignedAttribute(oidSigningCert, &v1); err != nil || len(v1.Certs) == 0 {
			return errors.New("no signed attribute names the signing certificate")
		}
		hash, want = crypto.SHA1, v1.Certs[0].Hash
	}
	h := hash.New()
	h.Write(signer.Raw)
	if !bytes.Equal(h.Sum(nil), want) {
		return errors.New("the signing certificate is another than the one that is named")
	}
	return nil
}

// onlyStamps checks the extended key usage of RFC 3161 §2.3.
func onlyStamps(c *x509.Certificate) error {
	if len(c.ExtKeyUsage) != 1 || c.ExtKeyUsage[0] != x509.ExtKeyUsageTimeStamping || len(c.UnknownExtKeyUsage) > 0 {
		return errors.New("the certificate is not for time-stamping alone")
	}
	for _, e := range c.Extensions {
		if e.Id.Equal(oidExtKeyUsage) && e.Critical {
			return nil
		}
	}
	return errors.New("the certificate's extended key usage is not critical")
}

// Digest names t: SHA-256 of its bytes, as a statement states it.
func (t *Token) Digest() tx.Digest { return sha256.Sum256(t.DER) }

// Nonce returns the request's nonce that t answers, in decimal; empty: none.
func (t *Token) Nonce() string { return t.nonce }

// NotAfter is the latest moment at which t can have been made.
func (t *Token) NotAfter() time.Time { return t.Time.Add(t.Accuracy) }

// testPolicy and testName mark what a [TestAuthority] signs.
const (
	testPolicy = "2.999"
	testName   = "UNTRUSTED"
)

// Test reports whether t was made for tests or demonstrations, and proves
// nothing about time.
func (t *Token) Test() bool {
	return strings.HasPrefix(t.Policy+".", testPolicy+".") || strings.HasPrefix(t.Signer.Subject.CommonName, testName)
}

// Chain checks that t stamps imprint, and that its signer was certified for it
// at genTime by one of roots. Certificates in the token and in extra may stand
// between them. It returns signer, intermediates, root.
func (t *Token) Chain(imprint tx.Digest, roots, extra []*x509.Certificate) ([]*x509.Certificate, error) {
	if t.Imprint != imprint {
		return nil, fmt.Errorf("time-stamp token: it stamps %s, not %s", t.Imprint, imprint)
	}
	o := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: t.Time, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}}
	for _, c := range roots {
		o.Roots.AddCert(c)
	}
	for _, c := range slices.Concat(t.others, extra) {
		o.Intermediates.AddCert(c)
	}
	chains, err := t.Signer.Verify(o)
	if err != nil {
		return nil, fmt.Errorf("time-stamp token: its authority is not certified at %s: %w", t.Time.Format(time.RFC3339), err)
	}
	return chains[0], nil
}

// granted is the PKIStatusInfo of a response without words.
var granted = []byte{0x30, 0x03, 0x02, 0x01, 0x00}

// Response returns t as a granted TimeStampResp (RFC 3161 §2.4.2), the form that
// other programs read.
func (t *Token) Response() []byte {
	b, err := asn1.Marshal([]asn1.RawValue{{FullBytes: granted}, {FullBytes: t.DER}})
	if err != nil {
		panic(err) // both parts are DER
	}
	return b
}

// ParseResponse reads what [Token.Response] wrote, and nothing else.
func ParseResponse(b []byte) (*Token, error) {
	der, err := TokenOf(b)
	if err != nil {
		return nil, err
	}
	return Parse(der)
}

// TokenOf returns the bytes of the token in what [Token.Response] wrote, without
// reading them: whoever knows their digest compares it first.
func TokenOf(b []byte) ([]byte, error) {
	var parts []asn1.RawValue
	if len(b) > MaxToken+64 {
		return nil, fmt.Errorf("time-stamp response: %d bytes; the limit is %d", len(b), MaxToken+64)
	}
	rest, err := asn1.Unmarshal(b, &parts)
	if err != nil || len(rest) > 0 || len(parts) != 2 || !bytes.Equal(parts[0].FullBytes, granted) {
		return nil, errors.New("time-stamp response: it is not a granted token and nothing else")
	}
	return parts[1].FullBytes, nil
}
