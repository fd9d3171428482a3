package certificate

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/digitorus/pdf"
	"github.com/digitorus/pdfsign/sign"
)

// A Sealer is the certificate of a member, its key, and the certificates that
// lead to its authority.
type Sealer struct {
	Key   crypto.Signer
	Chain []*x509.Certificate // the member's own first
	Name  string              // of the member, for readers of the seal
}

// LoadSealer reads PEM files: the member's certificate with those above it, and its
// key in PKCS #8, RSA or P-256.
func LoadSealer(certs, key, name string) (*Sealer, error) {
	b, err := os.ReadFile(certs)
	if err != nil {
		return nil, err
	}
	s := &Sealer{Name: name}
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", certs, err)
		}
		s.Chain = append(s.Chain, c)
	}
	if len(s.Chain) == 0 {
		return nil, fmt.Errorf("%s: no certificate", certs)
	}
	if b, err = os.ReadFile(key); err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("%s: not PEM", key)
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: want PKCS #8 (openssl pkcs8 -topk8 -nodes): %w", key, err)
	}
	signer, ok := k.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%s: a key that cannot sign", key)
	}
	s.Key = signer
	pub, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !pub.Equal(s.Chain[0].PublicKey) {
		return nil, errors.New("the key is not that of the certificate")
	}
	if s.Name == "" {
		s.Name = s.Chain[0].Subject.CommonName
	}
	return s, nil
}

// Seal signs a document of this package. at is the time that the signer claims.
func Seal(doc []byte, s *Sealer, at time.Time) ([]byte, error) {
	in := bytes.NewReader(doc)
	r, err := pdf.NewReader(in, int64(len(doc)))
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	var out bytes.Buffer
	err = sign.Sign(in, &out, r, int64(len(doc)), sign.SignData{
		Signature: sign.SignDataSignature{
			CertType:   sign.CertificationSignature,
			DocMDPPerm: sign.DoNotAllowAnyChangesPerms,
			Info:       sign.SignDataSignatureInfo{Name: s.Name, Reason: "电子数据存证", Date: at},
		},
		Signer:            s.Key,
		DigestAlgorithm:   crypto.SHA256,
		Certificate:       s.Chain[0],
		CertificateChains: [][]*x509.Certificate{s.Chain},
	})
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return out.Bytes(), nil
}
