package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestServe(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- serve(ctx, dir) }()
	var page string
	for end := time.Now().Add(20 * time.Second); page == ""; time.Sleep(5 * time.Millisecond) {
		b, err := os.ReadFile(filepath.Join(dir, "url"))
		if err == nil {
			page = strings.TrimSpace(string(b))
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	base := strings.TrimSuffix(page, itemPath)
	for url, want := range map[string]string{
		page:                        "根治高血压",
		base + "/static/shop.css":   "font",
		base + "/static/tea.svg":    "<svg",
		base + "/item/unknown.html": "404",
	} {
		r, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || !strings.Contains(string(b), want) {
			t.Errorf("%s: %s %v, without %q", url, r.Status, err, want)
		}
		if n := len(r.TLS.PeerCertificates); n != 2 {
			t.Errorf("%s: a chain of %d, want the authority in it", url, n)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
