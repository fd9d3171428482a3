package access

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"zhenglian/app/tx"
)

// A Scope is something that a principal may do.
type Scope string

// The scopes.
const (
	Public  Scope = "" // needs none
	Read    Scope = "read"
	Submit  Scope = "submit"
	Blobs   Scope = "blobs"
	Capture Scope = "capture" // have web pages captured
	Hooks   Scope = "hooks"
	Store   Scope = "store"   // custody, retention, holds, deletion of files
	Reports Scope = "reports" // of consumers
	Admin   Scope = "admin"
)

// Scopes are all scopes that can be granted.
var Scopes = []Scope{Read, Submit, Blobs, Capture, Hooks, Store, Reports, Admin}

// Open is what is allowed without credentials unless the operator says otherwise.
var Open = []Scope{Read, Submit, Blobs}

// CheckScopes refuses words that are no scopes.
func CheckScopes(scopes []Scope) error {
	for _, s := range scopes {
		if !slices.Contains(Scopes, s) {
			return fmt.Errorf("%q is no scope: want %v", s, Scopes)
		}
	}
	return nil
}

// Anonymous is the id of whoever shows no credentials.
const Anonymous = "anonymous"

// A Principal is who asks.
type Principal struct {
	ID     string      `json:"id"` // key:…, oidc:…, cert:… or Anonymous; fit for a log
	Name   string      `json:"name,omitempty"`
	Member tx.MemberID `json:"member,omitempty"` // for which it acts, as the operator noted: proves nothing
	Scopes []Scope     `json:"scopes"`
	Rate   float64     `json:"-"` // requests a second; 0: the gateway's
}

// May reports whether the principal has a scope.
func (p *Principal) May(s Scope) bool {
	return s == Public || slices.Contains(p.Scopes, s) || (s == Hooks || s == Reports) && slices.Contains(p.Scopes, Admin)
}

// Known reports whether the principal has shown credentials.
func (p *Principal) Known() bool { return p.ID != Anonymous }

type principalKey struct{}

// With puts the principal into a context.
func With(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// Of is the principal of a context; one without scopes if there is none.
func Of(ctx context.Context) *Principal {
	if p, ok := ctx.Value(principalKey{}).(*Principal); ok {
		return p
	}
	return &Principal{ID: Anonymous}
}

// ErrDenied: the credentials shown are not good, whatever they would allow. Its
// text says why, as far as that helps nobody else.
var ErrDenied = errors.New("credentials are not accepted")

func denied(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrDenied, fmt.Sprintf(format, a...))
}

// Config are the settings of a Guard. The zero value knows nobody and lets
// everybody read, submit and store files.
type Config struct {
	// Anonymous is what is allowed without credentials; nil: read, submit, blobs.
	Anonymous []Scope
	Keys      *Keys // nil: no API keys
	Providers []Provider
	// Certificates are the client certificates that are known, by any name in them.
	Certificates []Certificate
}

// A Certificate is what somebody with a client certificate may do.
type Certificate struct {
	Name   string      `json:"name"` // a URI, a DNS name or the common name of the certificate
	Member tx.MemberID `json:"member,omitempty"`
	Scopes []Scope     `json:"scopes"`
}

// A Guard knows principals by what they show.
type Guard struct {
	anonymous *Principal
	keys      *Keys
	providers map[string]*verifier // by issuer
	certs     map[string]*Principal
}

// New makes a guard. It asks nobody.
func New(c Config) (*Guard, error) {
	if c.Anonymous == nil {
		c.Anonymous = Open
	}
	if err := CheckScopes(c.Anonymous); err != nil {
		return nil, fmt.Errorf("anonymous: %w", err)
	}
	g := &Guard{
		anonymous: &Principal{ID: Anonymous, Scopes: c.Anonymous}, keys: c.Keys,
		providers: make(map[string]*verifier), certs: make(map[string]*Principal),
	}
	for _, p := range c.Providers {
		v, err := newVerifier(p)
		if err != nil {
			return nil, fmt.Errorf("provider %s: %w", p.Issuer, err)
		}
		if g.providers[p.Issuer] != nil {
			return nil, fmt.Errorf("provider %s: named twice", p.Issuer)
		}
		g.providers[p.Issuer] = v
	}
	for _, k := range c.Certificates {
		if err := CheckScopes(k.Scopes); err != nil {
			return nil, fmt.Errorf("certificate %s: %w", k.Name, err)
		}
		if k.Name == "" || g.certs[k.Name] != nil {
			return nil, fmt.Errorf("certificate %q: want one entry for each name", k.Name)
		}
		g.certs[k.Name] = &Principal{ID: "cert:" + k.Name, Name: k.Name, Member: k.Member, Scopes: k.Scopes}
	}
	return g, nil
}

// Principal says who sent a request. ErrDenied means that they showed credentials
// which are not good: they are not taken for somebody without.
func (g *Guard) Principal(r *http.Request) (*Principal, error) {
	switch values := r.Header.Values("Authorization"); len(values) {
	case 0:
	case 1:
		scheme, token, _ := strings.Cut(values[0], " ")
		if !strings.EqualFold(scheme, "Bearer") || token == "" {
			return nil, denied("want Authorization: Bearer TOKEN")
		}
		if strings.HasPrefix(token, keyPrefix) {
			if g.keys == nil {
				return nil, denied("this gateway takes no API keys")
			}
			return g.keys.principal(token)
		}
		return g.token(r.Context(), token)
	default:
		return nil, denied("more than one Authorization")
	}
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		cert := r.TLS.VerifiedChains[0][0]
		for _, u := range cert.URIs {
			if p := g.certs[u.String()]; p != nil {
				return p, nil
			}
		}
		for _, n := range append(slices.Clone(cert.DNSNames), cert.Subject.CommonName) {
			if p := g.certs[n]; p != nil {
				return p, nil
			}
		}
		return nil, denied("the operator has not entered this client certificate")
	}
	return g.anonymous, nil
}
