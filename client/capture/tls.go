package capture

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/cdproto/network"
)

// spkiHash is the form in which the browser names a public key on its command
// line: base64 of SHA-256 over the DER SubjectPublicKeyInfo.
func spkiHash(c *x509.Certificate) string {
	h := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(h[:])
}

func spkiList(roots []*x509.Certificate) string {
	var l []string
	for _, c := range roots {
		l = append(l, spkiHash(c))
	}
	return strings.Join(l, ",")
}

// judge decides what authenticated the server.
//
// browserErr is the browser's own certificate error, empty when it accepted
// the chain. The browser stops checking a chain that holds the public key of
// an extra root (names and dates included), so such a chain is verified here.
func judge(chain []*x509.Certificate, host string, at time.Time, extra []*x509.Certificate, browserErr string) (Certificate, error) {
	if len(chain) == 0 {
		if browserErr != "" {
			return CertBad, errors.New(browserErr)
		}
		return CertNone, nil
	}
	excepted := false
	for _, c := range chain {
		for _, x := range extra {
			excepted = excepted || spkiHash(c) == spkiHash(x)
		}
	}
	if !excepted {
		if browserErr != "" {
			return CertBad, errors.New(browserErr)
		}
		return CertTrusted, nil
	}
	opts := x509.VerifyOptions{
		DNSName:       host,
		Roots:         x509.NewCertPool(),
		Intermediates: x509.NewCertPool(),
		CurrentTime:   at,
	}
	for _, x := range extra {
		opts.Roots.AddCert(x)
	}
	for _, c := range chain[1:] {
		opts.Intermediates.AddCert(c)
	}
	if _, err := chain[0].Verify(opts); err != nil {
		return CertBad, err
	}
	return CertExtraRoot, nil
}

// parseChain decodes the answer of Network.getCertificate: base64 DER, the
// server's certificate first.
func parseChain(table []string) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for _, s := range table {
		der, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return nil, fmt.Errorf("decode certificate: %w", err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("parse certificate: %w", err)
		}
		chain = append(chain, c)
	}
	return chain, nil
}

// tlsReport is tls.json.
type tlsReport struct {
	Host        string      `json:"host"`
	Certificate Certificate `json:"certificate"`
	Problem     string      `json:"problem,omitempty"`
	Source      string      `json:"source"`
	Protocol    string      `json:"protocol,omitempty"`
	Cipher      string      `json:"cipher,omitempty"`
	KeyExchange string      `json:"key_exchange,omitempty"`
	SCTs        int         `json:"sct_count"`
	CT          string      `json:"certificate_transparency,omitempty"`
	Chain       []tlsCert   `json:"chain"`
}

type tlsCert struct {
	File      string   `json:"file"`
	SHA256    string   `json:"sha256"`
	Subject   string   `json:"subject"`
	Issuer    string   `json:"issuer"`
	Serial    string   `json:"serial"`
	Names     []string `json:"names,omitempty"`
	NotBefore string   `json:"not_before"`
	NotAfter  string   `json:"not_after"`
}

// addConnection fills in what the browser says about the connection.
func (r *tlsReport) addConnection(d *network.SecurityDetails) {
	r.Protocol, r.Cipher = d.Protocol, d.Cipher
	r.KeyExchange = strings.TrimSpace(d.KeyExchange + " " + d.KeyExchangeGroup)
	r.SCTs = len(d.SignedCertificateTimestampList)
	r.CT = string(d.CertificateTransparencyCompliance)
}

func (r *tlsReport) addCert(file string, c *x509.Certificate) {
	r.Chain = append(r.Chain, describe(file, c))
}

// describe says what a certificate in a file is.
func describe(file string, c *x509.Certificate) tlsCert {
	sum := sha256.Sum256(c.Raw)
	names := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return tlsCert{
		File:      file,
		SHA256:    hex.EncodeToString(sum[:]),
		Subject:   c.Subject.String(),
		Issuer:    c.Issuer.String(),
		Serial:    c.SerialNumber.Text(16),
		Names:     names,
		NotBefore: stamp(c.NotBefore),
		NotAfter:  stamp(c.NotAfter),
	}
}
