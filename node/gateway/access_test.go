package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"zhenglian/client/api"
	"zhenglian/node/access"
)

// expected is what each route needs, said once more and in another way: nothing
// for what helps to begin, read for what only looks, and one by one what changes
// something.
func expected(method, route string) (access.Scope, bool) {
	public := []string{"/", "/livez", "/readyz", "/openapi.json", "/docs", "/problems", "/problems/:code", "/verify", "/verify/offline",
		"/web/docs.js", "/notarize", "/web/notarize.js", "/station", "/web/station.js", "/web/signer.js", "/web/signer.wasm", "/web/style.css", "/web/verify.js", "/web/worker.js", "/web/verifier.wasm", "/web/bundles.wasm", "/web/jsqr.js", "/v1/principal", "/01/*rest", "/.well-known/gs1resolver", "/zg/*rest", "/00/*rest", "/zs/*rest"}
	changes := map[string]access.Scope{
		"POST /v1/epcis/capture": access.Submit, "POST /v1/epcis/events": access.Submit,
		"POST /report":       access.Public,
		"POST /v1/envelopes": access.Submit, "PUT /v1/blobs/:sha256": access.Blobs,
		"POST /v1/verify": access.Read, "POST /v1/reports": access.Read, // they answer and change nothing
	}
	if strings.HasPrefix(route, "/v1/epcis/queries") && method != "GET" {
		return access.Hooks, method == "POST" || method == "DELETE"
	}
	if strings.HasPrefix(route, "/v1/hooks") {
		return access.Hooks, method == "GET" || method == "POST" || method == "DELETE"
	}
	if strings.HasPrefix(route, "/v1/reports/consumer") {
		return access.Reports, method == "GET" || method == "POST"
	}
	if strings.HasPrefix(route, "/v1/captures") {
		return access.Capture, method == "GET" || method == "POST" || method == "DELETE"
	}
	if route == "/v1/custody" || strings.HasPrefix(route, "/v1/store/") {
		return access.Store, method == "GET" || method == "POST" || method == "DELETE"
	}
	if s, ok := changes[method+" "+route]; ok {
		return s, true
	}
	switch {
	case slices.Contains(public, route):
		return access.Public, method == "GET"
	case method == "GET" || method == "HEAD":
		return access.Read, true
	}
	return "", false
}

// A visitor is one kind of caller.
type visitor struct {
	name   string
	show   func(*http.Request)
	scopes []access.Scope
	bad    bool // what is shown is not good
}

// visitors are callers of every kind, one for each scope and more.
func visitors(t *testing.T) (access.Config, []visitor) {
	t.Helper()
	keys, err := access.OpenKeys(filepath.Join(t.TempDir(), "apikeys.json"))
	if err != nil {
		t.Fatal(err)
	}
	bearer := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	var vs []visitor
	add := func(name string, scopes ...access.Scope) string {
		k, token, err := keys.Add(access.Key{Name: name, Scopes: scopes, Expires: time.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		vs = append(vs, visitor{name: name, show: bearer(token), scopes: scopes})
		return k.ID
	}
	for _, s := range access.Scopes {
		add("key that may "+string(s), s)
	}
	add("key that may everything", access.Scopes...)
	id := add("key that was revoked", access.Scopes...)
	if _, err := keys.Revoke(id); err != nil {
		t.Fatal(err)
	}
	vs[len(vs)-1].bad = true
	conf := access.Config{Keys: keys}
	for _, s := range access.Scopes {
		name := "machine-" + string(s)
		conf.Certificates = append(conf.Certificates, access.Certificate{Name: name, Scopes: []access.Scope{s}})
		vs = append(vs, visitor{name: name, scopes: []access.Scope{s}, show: certificate(name)})
	}
	vs = append(vs,
		visitor{name: "machine that is not entered", show: certificate("other"), bad: true},
		visitor{name: "made-up key", show: bearer("zlk_aaaaaaaaaa_" + strings.Repeat("A", 52)), bad: true},
		visitor{name: "made-up token", show: bearer("a.b.c"), bad: true},
		visitor{name: "basic", show: func(r *http.Request) { r.SetBasicAuth("admin", "admin") }, bad: true})
	return conf, vs
}

// certificate shows one that the TLS of the connection has verified; package
// access tests that it does.
func certificate(name string) func(*http.Request) {
	c := &x509.Certificate{Subject: pkix.Name{CommonName: name}}
	return func(r *http.Request) {
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{c}, VerifiedChains: [][]*x509.Certificate{{c}}}
	}
}

var parameter = regexp.MustCompile(`[:*][a-z0-9]+`)

// Every route answers every kind of caller as its scope says: the routes are those
// of the gateway itself, so that none is missing.
func TestScopes(t *testing.T) {
	for _, mode := range []struct {
		name      string
		anonymous []access.Scope
	}{{"open", nil}, {"read", []access.Scope{access.Read}}, {"required", []access.Scope{}}} {
		t.Run(mode.name, func(t *testing.T) {
			conf, vs := visitors(t)
			conf.Anonymous = mode.anonymous
			nobody := visitor{name: "anonymous", show: func(*http.Request) {}, scopes: mode.anonymous}
			if mode.anonymous == nil {
				nobody.scopes = access.Open
			}
			vs = append(vs, nobody)
			guard, err := access.New(conf)
			if err != nil {
				t.Fatal(err)
			}
			h := newHarness(t, func(c *Config, o *Options) { o.Access, c.Rate = guard, -1 })
			checked := 0
			for _, route := range h.g.routes.Routes() {
				need, ok := expected(route.Method, route.Path)
				if !ok {
					t.Errorf("%s %s: nobody has said who may use it: see needs in access.go, and expected", route.Method, route.Path)
					continue
				}
				for _, v := range vs {
					r := httptest.NewRequest(route.Method, parameter.ReplaceAllString(route.Path, "1"), nil)
					r.Header.Set("Accept", api.MediaJSON) // a page of events rather than a stream
					v.show(r)
					w := httptest.NewRecorder()
					h.g.Handler().ServeHTTP(w, r)
					want := "passes"
					switch {
					case v.bad:
						want = "401"
					case (need == access.Hooks || need == access.Reports) && slices.Contains(v.scopes, access.Admin): // everybody's hooks, all reports
					case need != access.Public && !slices.Contains(v.scopes, need):
						if want = "403"; v.name == "anonymous" {
							want = "401"
						}
					}
					got := fmt.Sprint(w.Code)
					if w.Code != http.StatusUnauthorized && w.Code != http.StatusForbidden {
						got = "passes"
					}
					if got != want {
						t.Errorf("%s %s by %s: %d, want %s", route.Method, route.Path, v.name, w.Code, want)
					}
					if (want == "passes") != (w.Header().Get("WWW-Authenticate") == "") {
						t.Errorf("%s %s by %s: WWW-Authenticate %q", route.Method, route.Path, v.name, w.Header().Get("WWW-Authenticate"))
					}
					checked++
				}
			}
			if checked < 500 {
				t.Errorf("only %d pairs were checked", checked)
			}
			for _, secret := range []string{"zlk_", "Bearer", "YWRtaW46YWRtaW4"} {
				if strings.Contains(h.log.String(), secret) {
					t.Errorf("the log holds credentials: %q", secret)
				}
			}
		})
	}
}

// What no row names is closed.
func TestUnnamedRouteIsClosed(t *testing.T) {
	for _, c := range []struct{ method, route string }{{"POST", "/v1/anything"}, {"DELETE", "/v1/members"}, {"GET", "/anything"}, {"PUT", "/v1/blob"}} {
		if s := scopeOfRoute(c.method, c.route); s != access.Admin {
			t.Errorf("%s %s needs %q", c.method, c.route, s)
		}
	}
}

// The page that verifies is for everybody; that it looks something up is not.
func TestVerifyPageLooksUp(t *testing.T) {
	guard, err := access.New(access.Config{Anonymous: []access.Scope{}})
	if err != nil {
		t.Fatal(err)
	}
	h := newHarness(t, func(_ *Config, o *Options) { o.Access = guard })
	for path, want := range map[string]int{"/verify": 200, "/verify?lang=en": 200, "/verify?q=x": 401} {
		if resp, _ := h.do("GET", path, ""); resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
	}
}

// A principal has a share of its own, wherever it calls from, and is told what is
// left of it.
func TestRatePerPrincipal(t *testing.T) {
	keys, err := access.OpenKeys(filepath.Join(t.TempDir(), "apikeys.json"))
	if err != nil {
		t.Fatal(err)
	}
	add := func(rate float64) string {
		_, token, err := keys.Add(access.Key{Name: "x", Scopes: []access.Scope{access.Read}, Rate: rate, Expires: time.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	guard, err := access.New(access.Config{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	h := newHarness(t, func(c *Config, o *Options) { o.Access, c.Rate, c.Burst = guard, 0.01, 3 })
	get := func(token, from string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", api.PathMembers, nil)
		r.RemoteAddr = from
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		w := httptest.NewRecorder()
		h.g.Handler().ServeHTTP(w, r)
		return w
	}
	mine, own, other := add(0), add(0.02), add(0)
	for i := range 3 {
		w := get(mine, fmt.Sprintf("192.0.2.%d:1", i))
		want := fmt.Sprintf(`"default";r=%d;t=%d`, 2-i, 100*(i+1))
		if w.Code != 200 || w.Header().Get("RateLimit") != want || w.Header().Get("RateLimit-Policy") != `"default";q=3;w=300` {
			t.Errorf("request %d: %d, %v", i, w.Code, w.Header())
		}
	}
	if w := get(mine, "192.0.2.9:1"); w.Code != 429 || w.Header().Get("Retry-After") != "100" {
		t.Errorf("%d, %v", w.Code, w.Header())
	}
	if w := get(other, "192.0.2.0:1"); w.Code != 200 {
		t.Errorf("another principal at the same address: %d", w.Code)
	}
	for i, want := range []int{200, 429} {
		if w := get(own, "192.0.2.0:1"); w.Code != want {
			t.Errorf("request %d of a key with a rate of its own: %d, want %d", i, w.Code, want)
		}
	}
	for i, want := range []int{200, 200, 200, 429} {
		if w := get("", "198.51.100.1:1"); w.Code != want {
			t.Errorf("anonymous request %d: %d, want %d", i, w.Code, want)
		}
	}
	if w := get("zlk_x_y", "198.51.100.1:1"); w.Code != 429 {
		t.Errorf("guessing keys is bounded like everything else: %d", w.Code)
	}
	for range 5 {
		if w := get("", "127.0.0.1:1"); w.Code != 200 || w.Header().Get("RateLimit") != "" {
			t.Errorf("loopback: %d", w.Code)
		}
	}
}
