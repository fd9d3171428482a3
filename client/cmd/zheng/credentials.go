package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
)

// token is what the gateway is shown: of --token-file, ZHENG_TOKEN, or token_file
// of the configuration. It is never an argument, which others could see.
func (c *cli) token() (string, error) {
	path := c.flags.tokenFile
	if path == "" {
		if t := c.getenv("ZHENG_TOKEN"); t != "" {
			return t, nil
		}
		path = c.file.TokenFile
	}
	if path == "" {
		return "", nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	first, _, _ := strings.Cut(string(b), "\n")
	if first = strings.TrimSpace(first); first == "" {
		return "", fmt.Errorf(c.tr("%s: its first line is empty", "%s：首行为空"), path)
	}
	return first, nil
}

// tls is what the configuration says of connections to the gateway; nil: nothing.
func (c *cli) tls() (*tls.Config, error) {
	t := c.file.TLS
	if t.CA == "" && t.Cert == "" {
		return nil, nil
	}
	conf := new(tls.Config)
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, err
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf(c.tr("%s holds no certificate", "%s 中没有证书"), t.CA)
		}
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, err
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}
