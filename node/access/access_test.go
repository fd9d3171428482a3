package access

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/oauth2-proxy/mockoidc"
	"golang.org/x/oauth2"
)

func bearer(token string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

func keys(t *testing.T) *Keys {
	t.Helper()
	k, err := OpenKeys(filepath.Join(t.TempDir(), "apikeys.json"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func guard(t *testing.T, c Config) *Guard {
	t.Helper()
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// A key is good from when it is shown until it expires or is revoked, and what is
// kept of it is no key.
func TestKeys(t *testing.T) {
	k := keys(t)
	g := guard(t, Config{Keys: k})
	key, token, err := k.Add(Key{Name: "robot", Scopes: []Scope{Submit, Read}, Member: "platform-a", Rate: 7, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	want := &Principal{ID: "key:" + key.ID, Name: "robot", Member: "platform-a", Scopes: []Scope{Submit, Read}, Rate: 7}
	if p, err := g.Principal(bearer(token)); err != nil || !reflect.DeepEqual(p, want) {
		t.Errorf("got %+v, %v", p, err)
	}
	secret := token[len(keyPrefix)+idLength+1:]
	if len(secret) < 52 {
		t.Errorf("secret of %d characters", len(secret))
	}
	b, err := os.ReadFile(k.path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(k.path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if strings.Contains(string(b), secret) {
		t.Error("the file holds the secret")
	}
	for _, wrong := range []string{
		token + "x", token[:len(token)-1], strings.Replace(token, "_", "__", 1), keyPrefix + key.ID + "_", keyPrefix + "aaaaaaaaaa_" + secret,
		keyPrefix, key.Hash, keyPrefix + key.ID + "_" + key.Hash, "", "x y", token + " x",
	} {
		r := bearer("")
		r.Header.Set("Authorization", "Bearer "+wrong)
		if p, err := g.Principal(r); !errors.Is(err, ErrDenied) {
			t.Errorf("%q: %+v, %v", wrong, p, err)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
	r := bearer(token)
	r.Header.Add("Authorization", "Bearer "+token)
	if _, err := g.Principal(r); !errors.Is(err, ErrDenied) {
		t.Errorf("two credentials: %v", err)
	}
	// Another process revokes it.
	other, err := OpenKeys(k.path)
	if err != nil {
		t.Fatal(err)
	}
	first, err := other.Revoke(key.ID)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := other.Revoke(key.ID); err != nil || !again.Revoked.Equal(first.Revoked) {
		t.Errorf("%+v, %v", again, err)
	}
	if _, err := g.Principal(bearer(token)); !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), "revoked") {
		t.Errorf("a revoked key: %v", err)
	}
	if _, err := k.Revoke("nothing"); !errors.Is(err, ErrNoKey) {
		t.Errorf("%v", err)
	}
}

func TestKeyExpires(t *testing.T) {
	k := keys(t)
	_, token, err := k.Add(Key{Name: "soon", Scopes: []Scope{Read}, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if err := k.change(func(keys []Key) ([]Key, error) {
		keys[0].Expires = time.Now().Add(-time.Second)
		return keys, nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := guard(t, Config{Keys: k}).Principal(bearer(token)); !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), "expired") {
		t.Errorf("%v", err)
	}
	for _, bad := range []Key{
		{Scopes: []Scope{Read}}, {Expires: time.Now().Add(time.Hour)}, {Scopes: []Scope{"root"}, Expires: time.Now().Add(time.Hour)},
		{Scopes: []Scope{Read}, Expires: time.Now().Add(-time.Hour)}, {Scopes: []Scope{Read}, Rate: -1, Expires: time.Now().Add(time.Hour)},
	} {
		if key, _, err := k.Add(bad); err == nil {
			t.Errorf("%+v was added", key)
		}
	}
}

// Several who add keys at once lose none.
func TestKeysTogether(t *testing.T) {
	k := keys(t)
	const n = 8
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			other := &Keys{path: k.path}
			if _, _, err := other.Add(Key{Name: "x", Scopes: []Scope{Read}, Expires: time.Now().Add(time.Hour)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if all, err := k.List(); err != nil || len(all) != n {
		t.Errorf("%d keys, want %d: %v", len(all), n, err)
	}
}

// A file that others can read, or that is none of ours, is refused: nobody gets in
// by it, and nobody is taken for anonymous.
func TestKeysFile(t *testing.T) {
	k := keys(t)
	_, token, err := k.Add(Key{Name: "x", Scopes: []Scope{Read}, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(k.path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenKeys(k.path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("%v", err)
	}
	for _, content := range []string{`{"keys":[{"id":"x"}]}`, `{"key":[]}`, `[`, `{"keys":[null]}`} {
		if err := os.WriteFile(k.path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		os.Chmod(k.path, 0o600)
		if _, err := OpenKeys(k.path); err == nil {
			t.Errorf("%s was read", content)
		}
		if _, err := guard(t, Config{Keys: k}).Principal(bearer(token)); err == nil || errors.Is(err, ErrDenied) {
			t.Errorf("%s: %v", content, err)
		}
	}
}

// login gets an ID token as a person does in a browser: authorization code with
// PKCE, from a provider that signs for real.
func login(t *testing.T, m *mockoidc.MockOIDC) string {
	t.Helper()
	c := oauth2.Config{
		ClientID: m.ClientID, ClientSecret: m.ClientSecret, RedirectURL: "http://127.0.0.1/back",
		Endpoint: oauth2.Endpoint{AuthURL: m.AuthorizationEndpoint(), TokenURL: m.TokenEndpoint()}, Scopes: []string{"openid", "email", "profile", "groups"},
	}
	verifier := oauth2.GenerateVerifier()
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := browser.Get(c.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier)))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := c.Exchange(context.Background(), back.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	id, _ := tokens.Extra("id_token").(string)
	return id
}

func provider(t *testing.T) *mockoidc.MockOIDC {
	t.Helper()
	m, err := mockoidc.Run()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Shutdown() })
	return m
}

func TestOIDC(t *testing.T) {
	m := provider(t)
	p := Provider{Issuer: m.Issuer(), Audience: m.ClientID, Claim: "groups", Member: "hangzhou-amr",
		Grants: map[string][]Scope{"officers": {Submit, Read, Blobs}, "clerks": {Read}, "it": {Admin}}}
	g := guard(t, Config{Providers: []Provider{p}})
	person := func(groups ...string) string {
		m.QueueUser(&mockoidc.MockUser{Subject: "10086", Email: "li@example.gov.cn", PreferredUsername: "李", Groups: groups})
		return login(t, m)
	}
	officer, err := g.Principal(bearer(person("officers", "chess", "clerks")))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(officer.Scopes, []Scope{Read, Submit, Blobs}) || officer.Member != "hangzhou-amr" {
		t.Errorf("%+v", officer)
	}
	if b, _ := json.Marshal(officer); strings.Contains(string(b), "10086") || strings.Contains(string(b), "李") || !strings.HasPrefix(officer.ID, "oidc:") {
		t.Errorf("%s names a person", b)
	}
	nobody, err := g.Principal(bearer(person("chess")))
	if err != nil || len(nobody.Scopes) != 0 || nobody.ID != officer.ID {
		t.Errorf("%+v, %v", nobody, err)
	}

	good := person("officers")
	now := time.Now()
	sign := func(change func(jwt.MapClaims)) string {
		c := jwt.MapClaims{"iss": m.Issuer(), "aud": m.ClientID, "sub": "1", "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "groups": []string{"officers"}}
		change(c)
		s, err := m.Keypair.SignJWT(c)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	stranger, err := mockoidc.RandomKeypair(2048)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := stranger.SignJWT(jwt.MapClaims{"iss": m.Issuer(), "aud": m.ClientID, "sub": "1", "exp": now.Add(time.Hour).Unix(), "groups": []string{"it"}})
	if err != nil {
		t.Fatal(err)
	}
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"iss": m.Issuer(), "aud": m.ClientID, "sub": "1", "exp": now.Add(time.Hour).Unix()}).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	confused, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"iss": m.Issuer(), "aud": m.ClientID, "sub": "1", "exp": now.Add(time.Hour).Unix()}).SignedString([]byte("public"))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	for name, token := range map[string]string{
		"for others":       sign(func(c jwt.MapClaims) { c["aud"] = "someone-else" }),
		"expired":          sign(func(c jwt.MapClaims) { c["exp"] = now.Add(-time.Hour).Unix() }),
		"not yet":          sign(func(c jwt.MapClaims) { c["nbf"] = now.Add(time.Hour).Unix() }),
		"of another":       sign(func(c jwt.MapClaims) { c["iss"] = "https://other.example" }),
		"of nobody":        sign(func(c jwt.MapClaims) { delete(c, "iss") }),
		"by a stranger":    forged,
		"without one":      none,
		"by a shared key":  confused,
		"with other words": parts[0] + "." + strings.Split(forged, ".")[1] + "." + parts[2],
		"cut":              parts[0] + "." + parts[1],
		"long":             good + strings.Repeat("x", maxToken),
	} {
		if p, err := g.Principal(bearer(token)); !errors.Is(err, ErrDenied) {
			t.Errorf("token %s: %+v, %v", name, p, err)
		} else if strings.Contains(err.Error(), token) {
			t.Errorf("token %s: the error holds it", name)
		}
	}
	if p, err := g.Principal(bearer(sign(func(jwt.MapClaims) {}))); err != nil || len(p.Scopes) != 3 {
		t.Errorf("the form that the tests change: %+v, %v", p, err)
	}
}

// A provider that is not there is no reason not to start, and no verdict.
func TestOIDCAway(t *testing.T) {
	m := provider(t)
	p := Provider{Issuer: m.Issuer(), Audience: m.ClientID, Claim: "groups", Grants: map[string][]Scope{"x": {Read}}}
	token := login(t, m)
	if err := m.Shutdown(); err != nil {
		t.Fatal(err)
	}
	if _, err := guard(t, Config{Providers: []Provider{p}}).Principal(bearer(token)); !errors.Is(err, ErrProvider) || errors.Is(err, ErrDenied) {
		t.Errorf("%v", err)
	}
	for _, bad := range []Provider{
		{Issuer: "http://id.example", Audience: "a", Claim: "c", Grants: p.Grants},
		{Issuer: "https://id.example", Claim: "c", Grants: p.Grants},
		{Issuer: "https://id.example", Audience: "a", Claim: "c", Grants: map[string][]Scope{"x": {"root"}}},
		{Issuer: "https://id.example", Audience: "a", Claim: "c", Grants: p.Grants, CA: "/nothing"},
	} {
		if _, err := New(Config{Providers: []Provider{bad}}); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}

// authority makes certificates for tests.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t}
	a.cert, a.key = a.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "ca"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

func (a *authority) issue(c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

func (a *authority) client(c *x509.Certificate) tls.Certificate {
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	cert, key := a.issue(c)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

func write(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A machine is known by a certificate of the right authority and by nothing else;
// the server's own certificate is replaced while it runs.
func TestCertificates(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	serve := func(serial string) {
		cert, key := a.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "gateway", SerialNumber: serial}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
		b, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "key.pem"), "PRIVATE KEY", b)
		write(t, filepath.Join(dir, "cert.pem"), "CERTIFICATE", cert.Raw)
	}
	serve("1")
	write(t, filepath.Join(dir, "ca.pem"), "CERTIFICATE", a.cert.Raw)
	conf, err := TLS(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	g := guard(t, Config{Certificates: []Certificate{
		{Name: "spiffe://platform-a/sweeper", Member: "platform-a", Scopes: []Scope{Read, Hooks}}, {Name: "scanner", Scopes: []Scope{Read}},
	}})
	srv := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := g.Principal(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		io.WriteString(w, p.ID)
	})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go srv.Serve(tls.NewListener(l, conf))
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	var serial string
	ask := func(certs ...tls.Certificate) (string, error) {
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if len(certs) == 0 {
				return new(tls.Certificate), nil
			}
			return &certs[0], nil
		}}}
		defer tr.CloseIdleConnections()
		resp, err := (&http.Client{Transport: tr}).Get("https://" + l.Addr().String())
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		serial = resp.TLS.PeerCertificates[0].Subject.SerialNumber
		b, err := io.ReadAll(resp.Body)
		return string(b), err
	}
	uri, _ := url.Parse("spiffe://platform-a/sweeper")
	for _, c := range []struct {
		name  string
		certs []tls.Certificate
		want  string
	}{
		{"by URI", []tls.Certificate{a.client(&x509.Certificate{URIs: []*url.URL{uri}})}, "cert:spiffe://platform-a/sweeper"},
		{"by name", []tls.Certificate{a.client(&x509.Certificate{Subject: pkix.Name{CommonName: "scanner"}})}, "cert:scanner"},
		{"by DNS name", []tls.Certificate{a.client(&x509.Certificate{DNSNames: []string{"x", "scanner"}})}, "cert:scanner"},
		{"not entered", []tls.Certificate{a.client(&x509.Certificate{Subject: pkix.Name{CommonName: "other"}})}, "has not entered"},
		{"none", nil, Anonymous},
	} {
		if got, err := ask(c.certs...); err != nil || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
	if got, err := ask(newAuthority(t).client(&x509.Certificate{Subject: pkix.Name{CommonName: "scanner"}})); err == nil {
		t.Errorf("of another authority: %q", got)
	}
	later := time.Now().Add(time.Minute)
	serve("2")
	os.Chtimes(filepath.Join(dir, "cert.pem"), later, later)
	if _, err := ask(); err != nil || serial != "2" {
		t.Errorf("after the change it shows certificate %q, %v", serial, err)
	}
	if _, err := TLS(filepath.Join(dir, "none.pem"), filepath.Join(dir, "key.pem"), ""); err == nil {
		t.Error("a missing certificate is accepted")
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []Config{
		{Anonymous: []Scope{"all"}}, {Certificates: []Certificate{{Name: "x", Scopes: []Scope{"all"}}}},
		{Certificates: []Certificate{{Name: "x"}, {Name: "x"}}}, {Certificates: []Certificate{{}}},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
	for header, want := range map[string]string{"": Anonymous, "Basic eDp5": "", "Bearer": "", "bearer zlk_x_y": ""} {
		r := bearer("")
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		p, err := guard(t, Config{}).Principal(r)
		if want == "" && !errors.Is(err, ErrDenied) || want != "" && (err != nil || p.ID != want) {
			t.Errorf("%q: %+v, %v", header, p, err)
		}
	}
}
