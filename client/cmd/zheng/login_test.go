package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/oauth2-proxy/mockoidc"
)

// A person logs in at a provider that signs for real, in a browser that follows
// redirects; the gateway sees an ID token for it, renewed when it has expired,
// and no other server sees any.
func TestLogin(t *testing.T) {
	m, err := mockoidc.Run()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Shutdown()
	p, err := oidc.NewProvider(context.Background(), m.Issuer())
	if err != nil {
		t.Fatal(err)
	}
	var seen []string // subjects, by the tokens that the gateway was shown; "" for none
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		subject := ""
		if raw != "" {
			id, err := p.Verifier(&oidc.Config{ClientID: m.ClientID}).Verify(r.Context(), raw)
			if err != nil {
				t.Errorf("the gateway is shown %q: %v", raw, err)
			} else {
				subject = id.Subject
			}
		}
		seen = append(seen, subject)
		http.NotFound(w, r)
	}))
	defer gateway.Close()
	home := t.TempDir()
	var said bytes.Buffer
	c := func() *cli {
		return &cli{in: strings.NewReader(""), out: io.Discard, err: &said, getenv: func(k string) string { return map[string]string{"HOME": home}[k] }}
	}
	ask := func(url string) string {
		t.Helper()
		said.Reset()
		seen = nil
		c().run(context.Background(), []string{"show", strings.Repeat("ab", 32), "--gateway", url})
		return strings.Join(seen, ",")
	}
	if got := ask(gateway.URL); got != "" {
		t.Errorf("shown %q before anybody has logged in", got)
	}
	if code := c().run(context.Background(), []string{"logout"}); code != exitNotFound {
		t.Errorf("logout of nobody: %d", code)
	}

	// Somebody who guesses the address of the waiting program gets nowhere, and
	// does not end the waiting.
	follow := func(page string) error {
		u, err := url.Parse(page)
		if err != nil {
			return err
		}
		if q := u.Query(); q.Get("code_challenge_method") != "S256" || q.Get("state") == "" || q.Get("nonce") == "" {
			t.Errorf("asked for with %v", q)
		}
		go func() {
			back := u.Query().Get("redirect_uri")
			if r, err := http.Get(back + "?state=guessed&code=stolen"); err == nil {
				if r.Body.Close(); r.StatusCode != http.StatusBadRequest {
					t.Errorf("an answer to another login: %s", r.Status)
				}
			}
			if r, err := http.Get(page); err == nil {
				r.Body.Close()
			}
		}()
		return nil
	}
	m.QueueUser(&mockoidc.MockUser{Subject: "10086", Groups: []string{"officers"}})
	s := &session{Gateway: gateway.URL, Issuer: m.Issuer(), ClientID: m.ClientID, ClientSecret: m.ClientSecret}
	if err := c().login(context.Background(), s, []string{"groups"}, follow); err != nil {
		t.Fatal(err)
	}
	if err := c().saveSession(s); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(home, ".zhenglian", "session.json")
	if i, err := os.Stat(path); err != nil || i.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", i, err)
	}
	if got := ask(gateway.URL); got != "10086" {
		t.Errorf("shown %q, want the person: %s", got, &said)
	}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("another server was shown the token")
		}
		http.NotFound(w, r)
	}))
	defer other.Close()
	ask(other.URL)

	// Expired, it is renewed, and what was renewed is kept.
	s.IDToken, s.Expires = "expired", time.Now()
	if err := c().saveSession(s); err != nil {
		t.Fatal(err)
	}
	if got := ask(gateway.URL); got != "10086" {
		t.Errorf("shown %q after the token had expired: %s", got, &said)
	}
	if s, err = c().session(); err != nil || s.IDToken == "expired" || time.Until(s.Expires) < renewAt || s.RefreshToken == "" {
		t.Errorf("kept %+v, %v", s, err)
	}
	s.RefreshToken, s.Expires = "forged", time.Now()
	if err := c().saveSession(s); err != nil {
		t.Fatal(err)
	}
	if got := ask(gateway.URL); got != "" || !strings.Contains(said.String(), "zheng login") {
		t.Errorf("a refresh token that is none: %q, %s", got, &said)
	}

	// A file that others can read is not used; and logging out deletes it.
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := ask(gateway.URL); got != "" || !strings.Contains(said.String(), "others can read") {
		t.Errorf("%q, %s", got, &said)
	}
	if code := c().run(context.Background(), []string{"logout"}); code != exitOK {
		t.Errorf("logout: %d %s", code, &said)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("after logout: %v", err)
	}
}

// A refusal of the provider, a token that answers another login, and one for
// another program are no login.
func TestLoginRefused(t *testing.T) {
	m, err := mockoidc.Run()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Shutdown()
	c := &cli{in: strings.NewReader(""), out: io.Discard, err: io.Discard, getenv: func(string) string { return "" }}
	get := func(change func(q url.Values)) func(string) error {
		return func(page string) error {
			u, err := url.Parse(page)
			if err != nil {
				return err
			}
			q := u.Query()
			change(q)
			u.RawQuery = q.Encode()
			go func() {
				if r, err := http.Get(u.String()); err == nil {
					r.Body.Close()
				}
			}()
			return nil
		}
	}
	for name, tt := range map[string]struct {
		browse func(string) error
		want   string
	}{
		"another nonce":          {get(func(q url.Values) { q.Set("nonce", "another") }), "another login"},
		"another PKCE challenge": {get(func(q url.Values) { q.Set("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM") }), ""},
		"the person declines": {func(page string) error {
			u, _ := url.Parse(page)
			go http.Get(u.Query().Get("redirect_uri") + "?error=access_denied&state=" + u.Query().Get("state"))
			return nil
		}, "access_denied"},
	} {
		s := &session{Issuer: m.Issuer(), ClientID: m.ClientID, ClientSecret: m.ClientSecret}
		if err := c.login(context.Background(), s, nil, tt.browse); err == nil || !strings.Contains(err.Error(), tt.want) || s.IDToken != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, args := range [][]string{{"login"}, {"login", "--gateway", "http://127.0.0.1:1", "--issuer", "http://login.example.org", "--client-id", "zheng"}} {
		if code := c.run(context.Background(), args); code != exitUsage {
			t.Errorf("%v: %d", args, code)
		}
	}
}
