// Command demosite serves the page of an invented web shop over TLS on loopback,
// for the demonstration to take into evidence.
//
//	demosite --dir DIR
//
// It makes a certificate authority that exists only in its memory, listens on a
// free port and writes, the last one when it is ready:
//
//	DIR/ca.pem   the authority's certificate
//	DIR/url      address of the shop's page
//
// It sends the authority along with its own certificate, because a browser can
// be told to trust an authority only by a key that it sees (see client/capture).
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"embed"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

//go:embed site
var site embed.FS

// itemPath is the page of the product.
const itemPath = "/item/8842017.html"

func main() {
	dir := flag.String("dir", "", "folder for ca.pem and url")
	flag.Parse()
	if *dir == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "demosite:", err)
		os.Exit(1)
	}
}

// serve serves until ctx ends.
func serve(ctx context.Context, dir string) error {
	authority, certificate, err := issue(time.Now())
	if err != nil {
		return fmt.Errorf("making certificates: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	handler, err := shop()
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           handler,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{certificate}},
		ReadHeaderTimeout: 5 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // browsers break off handshakes all the time
	}
	done := make(chan error, 1)
	go func() { done <- srv.ServeTLS(l, "", "") }()
	defer srv.Close()

	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority})
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), ca, 0o644); err != nil {
		return err
	}
	url := fmt.Sprintf("https://localhost:%d%s\n", l.Addr().(*net.TCPAddr).Port, itemPath)
	// Whoever waits for the file must not see half of it.
	unready := filepath.Join(dir, "url.new")
	if err := os.WriteFile(unready, []byte(url), 0o644); err != nil {
		return err
	}
	if err := os.Rename(unready, filepath.Join(dir, "url")); err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		if err := srv.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	}
}

// shop answers with the product's page and what belongs to it.
func shop() (http.Handler, error) {
	files, err := fs.Sub(site, "site")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(files)))
	mux.HandleFunc("GET "+itemPath, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", "taoxuan-web")
		w.Header().Set("Cache-Control", "no-store")
		http.ServeFileFS(w, r, files, "item.html")
	})
	return mux, nil
}

// lifetime of the certificates; a demonstration does not run longer.
const lifetime = 7 * 24 * time.Hour

// issue makes an authority and a certificate of it for localhost, whose chain
// holds both.
func issue(now time.Time) (authority []byte, certificate tls.Certificate, err error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, certificate, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, certificate, err
	}
	ca := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "Zhenglian demo CA 证链演示根证书"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(lifetime),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	if authority, err = x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey); err != nil {
		return nil, certificate, err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: "localhost", Organization: []string{"淘选商城（虚构）"}},
		DNSNames:     []string{"localhost"},
		NotBefore:    ca.NotBefore,
		NotAfter:     ca.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	if err != nil {
		return nil, certificate, err
	}
	return authority, tls.Certificate{Certificate: [][]byte{der, authority}, PrivateKey: key}, nil
}
