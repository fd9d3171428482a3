package member

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"zhenglian/client/stamp/remote"
	"zhenglian/node/blob"
	"zhenglian/node/captures"
)

// captures opens the service that captures web pages; nil when the settings have none.
func (g *Gateway) captures(home, version string, blobs blob.Store, log *slog.Logger) (*captures.Service, error) {
	s := &g.Captures
	if s.Running == 0 {
		return nil, nil
	}
	c := captures.Config{
		Dir: filepath.Join(home, "data", "captures"), Running: s.Running, Waiting: s.Waiting, Kept: s.Kept,
		Keep: time.Duration(s.Keep), Limit: time.Duration(s.Limit),
		Browser: s.Browser, AddressService: s.AddressService, Resolvers: s.Resolvers, TimeServers: s.TimeServers, Version: version, Log: log,
	}
	if c.Running < 0 || c.Waiting < 0 || c.Kept < 0 || c.Keep < 0 || c.Limit < 0 {
		return nil, fmt.Errorf("gateway.json: captures: a bound is negative")
	}
	for _, a := range s.Allow {
		p, err := netip.ParsePrefix(a)
		if err != nil {
			return nil, fmt.Errorf("gateway.json: captures.allow: %w", err)
		}
		c.AllowNets = append(c.AllowNets, p)
	}
	for _, t := range s.TSA {
		path := t.Roots
		if !filepath.IsAbs(path) {
			path = filepath.Join(home, path)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("gateway.json: captures.tsa: %w", err)
		}
		a := &remote.Authority{URL: t.URL}
		for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("gateway.json: captures.tsa: %s: %w", path, err)
			}
			a.Roots = append(a.Roots, cert)
		}
		if len(a.Roots) == 0 {
			return nil, fmt.Errorf("gateway.json: captures.tsa: no certificate in %s", path)
		}
		c.Authorities = append(c.Authorities, a)
	}
	return captures.Open(c, blobs)
}
