package access

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/time/rate"

	"zhenglian/app/tx"
)

// A Provider is an OpenID provider whose tokens are accepted.
type Provider struct {
	Issuer   string `json:"issuer"`   // as in its tokens; https, but for loopback
	Audience string `json:"audience"` // what its tokens must be for: the client id of the gateway's users
	// CA is a PEM file with the provider's certificate authority; "": the system's.
	CA string `json:"ca,omitempty"`
	// Claim names a claim with words, such as groups or scope; Grants says what
	// each word allows. A token without any of them allows nothing.
	Claim  string             `json:"claim"`
	Grants map[string][]Scope `json:"grants"`
	// Member is for whom its people act, noted beside what they do.
	Member tx.MemberID `json:"member,omitempty"`
}

// Bounds of asking a provider.
const (
	providerWait = 10 * time.Second
	maxToken     = 16 << 10 // bytes
)

// A verifier checks the tokens of one provider.
type verifier struct {
	Provider
	http *http.Client

	mu    sync.Mutex
	found *oidc.IDTokenVerifier // nil until the provider has been asked
}

func newVerifier(p Provider) (*verifier, error) {
	u, err := url.Parse(p.Issuer)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme != "https" && !(u.Scheme == "http" && (ip != nil && ip.IsLoopback() || u.Hostname() == "localhost")) {
		return nil, errors.New("want https")
	}
	if p.Audience == "" || p.Claim == "" || len(p.Grants) == 0 {
		return nil, errors.New("audience, claim and grants are needed")
	}
	for word, scopes := range p.Grants {
		if err := CheckScopes(scopes); err != nil {
			return nil, fmt.Errorf("grants of %q: %w", word, err)
		}
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	if p.CA != "" {
		pem, err := os.ReadFile(p.CA)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", p.CA)
		}
		t.TLSClientConfig.RootCAs = pool
	}
	// Tokens that name keys which nobody has must not make us ask for keys all day.
	asking := patientTransport{t, rate.NewLimiter(rate.Every(time.Second), 10)}
	return &verifier{Provider: p, http: &http.Client{Transport: asking, Timeout: providerWait}}, nil
}

// patientTransport bounds how often a provider is asked.
type patientTransport struct {
	next  http.RoundTripper
	limit *rate.Limiter
}

func (p patientTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if !p.limit.Allow() {
		return nil, errors.New("the provider has been asked often enough")
	}
	return p.next.RoundTrip(r)
}

// verifier asks the provider for its keys the first time it is needed, and again
// until it answers: a gateway starts without it.
func (v *verifier) verifier() (*oidc.IDTokenVerifier, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.found != nil {
		return v.found, nil
	}
	// Its keys are fetched again for as long as the gateway runs, not the request.
	p, err := oidc.NewProvider(oidc.ClientContext(context.Background(), v.http), v.Issuer)
	if err != nil {
		return nil, err
	}
	v.found = p.Verifier(&oidc.Config{ClientID: v.Audience})
	return v.found, nil
}

// ErrProvider: an OpenID provider could not be asked, which is nobody's fault here.
var ErrProvider = errors.New("the OpenID provider does not answer")

// token is who has a token of a provider.
func (g *Guard) token(ctx context.Context, token string) (*Principal, error) {
	if len(token) > maxToken {
		return nil, denied("the token is too long")
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, denied("neither an API key nor a JWT")
	}
	var named struct {
		Issuer string `json:"iss"`
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(b, &named) != nil {
		return nil, denied("the token cannot be read")
	}
	v := g.providers[named.Issuer]
	if v == nil {
		return nil, denied("tokens of this issuer are not accepted")
	}
	ver, err := v.verifier()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrProvider, v.Issuer, err)
	}
	t, err := ver.Verify(ctx, token)
	var expired *oidc.TokenExpiredError
	switch {
	case errors.As(err, &expired):
		return nil, denied("the token has expired")
	case err != nil && strings.Contains(err.Error(), "fetching keys"): // which go-oidc does not wrap
		return nil, fmt.Errorf("%w: %s: %w", ErrProvider, v.Issuer, err)
	case err != nil:
		return nil, denied("the token does not verify")
	}
	var claims map[string]any
	if err := t.Claims(&claims); err != nil {
		return nil, denied("the token cannot be read")
	}
	sum := sha256.Sum256([]byte(t.Issuer + "\x00" + t.Subject))
	p := &Principal{ID: "oidc:" + hex.EncodeToString(sum[:8]), Member: v.Member}
	granted := make(map[Scope]bool)
	for _, word := range words(claims[v.Claim]) {
		for _, s := range v.Grants[word] {
			granted[s] = true
		}
	}
	for _, s := range Scopes {
		if granted[s] {
			p.Scopes = append(p.Scopes, s)
		}
	}
	return p, nil
}

// words are those of a claim: an array of strings, or one string with spaces.
func words(claim any) (out []string) {
	switch c := claim.(type) {
	case string:
		return strings.Fields(c)
	case []any:
		for _, w := range c {
			if s, ok := w.(string); ok {
				out = append(out, s)
			}
		}
	}
	return out
}
