package gateway

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"golang.org/x/time/rate"

	"zhenglian/client/api"
	"zhenglian/node/access"
)

// needs says what a request needs: the first row that fits. A route ends in *
// where it stands for all that begin so. What no row fits needs admin, so that a
// route of which nobody has thought is closed.
var needs = []struct {
	method, route string
	scope         access.Scope
}{
	{"GET", api.PathLive, access.Public},
	{"GET", api.PathReady, access.Public},
	{"GET", api.PathOpenAPI, access.Public},
	{"GET", api.PathDocs, access.Public},
	{"GET", api.PathProblems + "*", access.Public},
	{"GET", api.PathPrincipal, access.Public},
	{"GET", "/", access.Public},
	{"GET", "/web/*", access.Public},
	{"GET", "/verify/offline", access.Public},
	{"GET", "/verify", access.Public}, // a question to it needs read: see scopeOf
	{"POST", api.PathEnvelopes, access.Submit},
	{"PUT", "/v1/blobs/*", access.Blobs},
	{"POST", api.PathVerify, access.Read},
	{"POST", api.PathReports, access.Read},
	{"GET", api.PathHooks + "*", access.Hooks},
	{"POST", api.PathHooks + "*", access.Hooks},
	{"DELETE", api.PathHooks + "*", access.Hooks},
	{"GET", api.PathCaptures + "*", access.Capture}, // what is not stated yet is not for everybody
	{"POST", api.PathCaptures + "*", access.Capture},
	{"DELETE", api.PathCaptures + "*", access.Capture},
	{"GET", "/notarize", access.Public}, // what it does needs what it needs
	{"GET", "/station", access.Public},
	{"POST", api.PathEPCISCapture, access.Submit},
	{"POST", api.PathEPCISEvents, access.Submit},
	{"POST", api.PathEPCISQueries + "*", access.Hooks}, // they stay, and have reports sent
	{"DELETE", api.PathEPCISQueries + "*", access.Hooks},
	{"GET", api.PathCustody, access.Store},
	{"GET", "/v1/store/*", access.Store},
	{"POST", "/v1/store/*", access.Store},
	{"DELETE", "/v1/store/*", access.Store},
	{"GET", api.PathConsumerReports, access.Reports},
	{"POST", api.PathConsumerReports + "/*", access.Reports},
	{"POST", "/report", access.Public}, // by whoever scans a code
	{"GET", "/v1/*", access.Read},
	{"HEAD", "/v1/*", access.Read},
	{"GET", "/tile/*", access.Read},
	{"GET", "/checkpoint", access.Read},
	{"GET", "/e/*", access.Read},
	{"GET", api.PathResolver, access.Public},
	{"GET", "/01/*", access.Public}, // the codes on labels, for whoever scans one
	{"GET", "/zg/*", access.Public},
	{"GET", "/00/*", access.Public},
	{"GET", "/zs/*", access.Public},
}

// scopeOf is what a request to a route needs.
func scopeOf(r *http.Request, route string) access.Scope {
	if route == "/verify" && r.URL.Query().Has("q") {
		return access.Read // it is looked up on the ledger
	}
	return scopeOfRoute(r.Method, route)
}

func scopeOfRoute(method, route string) access.Scope {
	for _, n := range needs {
		begin, all := strings.CutSuffix(n.route, "*")
		if n.method == method && (route == n.route || all && strings.HasPrefix(route, begin)) {
			return n.scope
		}
	}
	return access.Admin
}

// admit finds out who asks, bounds how often they do, and lets pass what they may.
func admit(g *access.Guard, perSecond float64, burst int) gin.HandlerFunc {
	if burst < 1 {
		burst = 1
	}
	type place struct {
		id   string
		each float64 // so that another rate of a key begins another bucket
	}
	buckets := newCache[place, *rate.Limiter](maxLimiters)
	return func(c *gin.Context) {
		p, err := g.Principal(c.Request)
		if err == nil {
			c.Request = c.Request.WithContext(access.With(c.Request.Context(), p))
		}
		id, each, most := "", perSecond, burst
		switch from, limited := network(c.RemoteIP()); {
		case err == nil && p.Known():
			if id = p.ID; p.Rate > 0 {
				each, most = p.Rate, max(1, int(2*p.Rate))
			}
		case limited:
			id = from.String()
		}
		if id != "" && each > 0 {
			b, ok := buckets.get(place{id, each})
			if !ok {
				b = buckets.put(place{id, each}, rate.NewLimiter(rate.Limit(each), most))
			}
			allowed := b.Allow()
			rateHeaders(c, b)
			if !allowed {
				fail(c, retryLater(api.CodeRateLimited, int(math.Ceil(1/each))))
				return
			}
		}
		need := scopeOf(c.Request, c.FullPath())
		switch {
		case c.FullPath() == "": // there is no such route, whoever asks
		case errors.Is(err, access.ErrDenied):
			unauthenticated(c, need, err)
		case errors.Is(err, access.ErrProvider):
			loggerOf(c.Request.Context()).Warn("who asks cannot be verified", "request_id", requestID(c.Request.Context()), "err", err)
			problem := retryLater(api.CodeUnavailable, 5)
			problem.Detail = access.ErrProvider.Error()
			fail(c, problem)
		case err != nil:
			fail(c, err)
		case !p.May(need) && !p.Known():
			unauthenticated(c, need, nil)
		case !p.May(need):
			c.Header("WWW-Authenticate", fmt.Sprintf(`Bearer realm="zhenglian", error="insufficient_scope", scope="%s"`, need))
			fail(c, api.NewProblem(api.CodeForbidden, fmt.Sprintf("it needs the scope %s", need)))
		}
	}
}

// unauthenticated refuses whoever has shown no credentials or no good ones.
func unauthenticated(c *gin.Context, need access.Scope, err error) {
	challenge, detail := fmt.Sprintf(`Bearer realm="zhenglian", scope="%s"`, need), fmt.Sprintf("it needs the scope %s", need)
	if err != nil {
		challenge, detail = `Bearer realm="zhenglian", error="invalid_token"`, err.Error()
	}
	c.Header("WWW-Authenticate", challenge)
	fail(c, api.NewProblem(api.CodeUnauthenticated, detail))
}

// rateHeaders tells what is left of a bucket (draft-ietf-httpapi-ratelimit-headers-10).
func rateHeaders(c *gin.Context, b *rate.Limiter) {
	left := math.Max(0, math.Floor(b.Tokens()))
	perSecond, burst := float64(b.Limit()), float64(b.Burst())
	c.Header("RateLimit-Policy", fmt.Sprintf(`"default";q=%.0f;w=%.0f`, burst, math.Ceil(burst/perSecond)))
	c.Header("RateLimit", fmt.Sprintf(`"default";r=%.0f;t=%.0f`, left, math.Ceil((burst-left)/perSecond)))
}

// secure says in the document what each operation needs, and how to show it. What
// anonymous callers may do is the operator's choice, so that every operation may
// also be asked for without credentials.
func secure(doc *huma.OpenAPI) {
	doc.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"apiKey": {Type: "http", Scheme: "bearer", Description: "API key of the gateway's operator: zlk_…"},
		"token":  {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "token of an OpenID provider that the operator has entered"},
		"tls":    {Type: "mutualTLS", Description: "client certificate that the operator has entered"},
	}
	for path, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Head, item.Post, item.Put, item.Delete, item.Patch} {
			if op == nil {
				continue
			}
			scope := scopeOfRoute(op.Method, path)
			if scope == access.Public {
				continue
			}
			words := []string{string(scope)}
			op.Security = []map[string][]string{{"apiKey": words}, {"token": words}, {"tls": words}}
			if slices.Contains(access.Open, scope) {
				op.Security = append(op.Security, map[string][]string{}) // unless the operator says no
			}
		}
	}
}
