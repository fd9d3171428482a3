package capture

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// probeTime bounds the independent look at the server's certificate.
const probeTime = 10 * time.Second

// tlsProbe is what a second connection, by this program, found: to the address
// that the browser was served from, with the same name.
type tlsProbe struct {
	Address  string    `json:"address"`
	At       string    `json:"at"`
	Protocol string    `json:"protocol,omitempty"`
	Cipher   string    `json:"cipher,omitempty"`
	Same     bool      `json:"same_certificate"` // as the browser's connection
	Verified bool      `json:"verified"`         // by this machine's roots, or those of the operator
	Problem  string    `json:"problem,omitempty"`
	OCSP     string    `json:"ocsp_staple,omitempty"` // DER, in hex
	SCTs     []string  `json:"scts,omitempty"`        // of the handshake, in hex
	Chain    []tlsCert `json:"chain"`
}

// probe connects to the server of the main document once more, through the filter
// and so to the same address, and writes tls/probe.json.
func (s *session) probe(origin, host string, browserChain []*x509.Certificate) error {
	u, err := url.Parse(origin)
	if err != nil {
		return nil
	}
	port := 443
	if p, err := strconv.Atoi(u.Port()); err == nil {
		port = p
	}
	ctx, cancel := context.WithTimeout(s.browser.ctx, probeTime)
	defer cancel()
	rep := tlsProbe{Address: hostKey(host, port), At: stamp(time.Now()), Chain: []tlsCert{}}
	chain, err := s.handshake(ctx, host, port, &rep)
	if err != nil {
		rep.Problem = err.Error()
		s.env.add("tls_probe", envError, rep.Problem, "the same certificate as the browser's connection")
	}
	for i, c := range chain {
		name := fmt.Sprintf("tls/probe-%02d.der", i)
		if _, err := s.out.write(name, "tls_probe_certificate", "application/pkix-cert", c.Raw); err != nil {
			return err
		}
		rep.Chain = append(rep.Chain, describe(name, c))
	}
	if err == nil {
		rep.Same = len(browserChain) > 0 && bytes.Equal(chain[0].Raw, browserChain[0].Raw)
		// Large sites have many certificates: another one that verifies for the name is
		// no contradiction, but worth knowing.
		switch {
		case rep.Same:
			s.env.add("tls_probe", envOK, "a second connection to the same address has the same certificate", "the same certificate as the browser's connection")
		case rep.Verified:
			s.env.add("tls_probe", envNA, "a second connection has another certificate for the name, which verifies", "the same certificate as the browser's connection")
		default:
			s.env.add("tls_probe", envFail, "a second connection has another certificate, which does not verify: "+rep.Problem, "the same certificate as the browser's connection")
		}
	}
	_, err = s.out.writeJSON("tls/probe.json", "tls_probe", &rep)
	return err
}

func (s *session) handshake(ctx context.Context, host string, port int, rep *tlsProbe) ([]*x509.Certificate, error) {
	c, err := s.filter.dial(ctx, host, port)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if ip := s.filter.address(host); ip.IsValid() {
		rep.Address = hostKey(ip.String(), port)
	}
	// Verified below, so that what does not verify is kept as well.
	t := tls.Client(c, &tls.Config{ServerName: host, InsecureSkipVerify: true})
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	state := t.ConnectionState()
	rep.Protocol, rep.Cipher = tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite)
	rep.OCSP = hex.EncodeToString(state.OCSPResponse)
	for _, sct := range state.SignedCertificateTimestamps {
		rep.SCTs = append(rep.SCTs, hex.EncodeToString(sct))
	}
	chain := state.PeerCertificates
	if len(chain) == 0 {
		return nil, errors.New("no certificate")
	}
	if err := s.verifyChain(chain, host); err != nil {
		rep.Problem = err.Error()
	} else {
		rep.Verified = true
	}
	return chain, nil
}

func (s *session) verifyChain(chain []*x509.Certificate, host string) error {
	o := x509.VerifyOptions{DNSName: host, Intermediates: x509.NewCertPool(), CurrentTime: s.res.Started}
	for _, c := range chain[1:] {
		o.Intermediates.AddCert(c)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	for _, c := range s.opts.ExtraRootCAs {
		roots.AddCert(c)
	}
	o.Roots = roots
	_, err = chain[0].Verify(o)
	return err
}
