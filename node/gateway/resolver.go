package gateway

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/client/gs1"
	"zhenglian/node/repository"
)

// vocabulary is where GS1's link types are defined.
const vocabulary = "https://ref.gs1.org/voc/"

// A resolved is a link from a code to what there is about it.
type resolved struct {
	Href  string `json:"href"`
	Title string `json:"title"`
	Type  string `json:"type"`
	Lang  string `json:"hreflang,omitempty"`
}

// linksOf are the links of a unit by their type, the first of each the one to which
// its type leads.
func linksOf(u *api.Unit) map[string][]resolved {
	self := "/" + string(u.Code)
	page := resolved{Href: self, Title: "证链追溯", Type: "text/html"}
	events := url.Values{}
	uri := repository.CodeURI(u.Code)
	if strings.Contains(self, "/21/") || strings.HasPrefix(self, "/00/") || strings.HasPrefix(self, "/zs/") {
		events.Set("MATCH_anyEPC", uri)
	} else {
		events.Set("MATCH_anyEPCClass", uri)
	}
	return map[string][]resolved{
		"defaultLink":         {page},
		"pip":                 {page, {self + "?lang=en", "Traceability", "text/html", "en"}},
		"traceability":        {{api.PathUnits + "?" + url.Values{"code": {string(u.Code)}}.Encode(), "unit", api.MediaJSON, ""}, {api.TraceURL(u.ID) + "?direction=back", "trace", api.MediaNDJSON, ""}},
		"epcis":               {{api.PathEPCISEvents + "?" + events.Encode(), "EPCIS 2.0", api.MediaJSONLD, ""}},
		"recallStatus":        {{self, "召回状态", "text/html", ""}},
		"verificationService": {{"/verify", "核验", "text/html", ""}},
	}
}

// resolve answers what a GS1-Conformant Resolver answers besides its default link,
// which is the page itself, and reports whether it did:
//
//   - linkType=all or linkset, or an Accept of a linkset: the list (RFC 9264);
//   - a link type that there is: 307 to its link, with the parameters of the request;
//   - a link of GS1 that is not in its canonical form: 307 to that.
//
// A link type that there is not is answered with the default link.
func resolve(c *gin.Context, l *ledger, code tx.UnitCode) bool {
	if strings.HasPrefix(string(code), "01/") || strings.HasPrefix(string(code), "00/") {
		if link, err := gs1.Parse("https://gateway" + c.Request.URL.EscapedPath()); err == nil {
			if path := strings.TrimPrefix(link.Canonical(), gs1.Canonical); path != "/"+string(code) {
				c.Redirect(http.StatusTemporaryRedirect, withQuery(path, c.Request.URL.RawQuery))
				return true
			}
		}
	}
	asked := c.Query("linkType")
	if asked == "all" || asked == "linkset" || strings.Contains(c.GetHeader("Accept"), api.MediaLinkset) {
		linkset(c, l, code)
		return true
	}
	asked = strings.TrimPrefix(strings.TrimPrefix(asked, "gs1:"), vocabulary)
	if asked == "" || asked == "pip" || asked == "defaultLink" {
		return false
	}
	u, err := l.unitByCode(c.Request.Context(), code)
	if err != nil {
		return false // the page says so better
	}
	links := linksOf(u)[asked]
	if len(links) == 0 || links[0].Href == "/"+string(code) {
		return false
	}
	q := c.Request.URL.Query()
	q.Del("linkType")
	c.Redirect(http.StatusTemporaryRedirect, withQuery(links[0].Href, q.Encode()))
	return true
}

func withQuery(to, query string) string {
	switch {
	case query == "":
		return to
	case strings.Contains(to, "?"):
		return to + "&" + query
	}
	return to + "?" + query
}

// linkset lists what there is about a code.
func linkset(c *gin.Context, l *ledger, code tx.UnitCode) {
	u, err := l.unitByCode(c.Request.Context(), code)
	if err != nil {
		fail(c, err)
		return
	}
	set := map[string]any{"anchor": "/" + string(code)}
	for name, links := range linksOf(u) {
		set[vocabulary+name] = links
	}
	b, err := json.Marshal(map[string]any{"linkset": []any{set}})
	if err != nil {
		fail(c, err)
		return
	}
	c.Header("Vary", "Accept")
	c.Header("Link", `</.well-known/gs1resolver>; rel="describedby"`)
	c.Data(http.StatusOK, api.MediaLinkset, b)
}

// resolverRoutes say what the resolver is (GS1-Conformant Resolver Standard).
func resolverRoutes(r *gin.Engine, h huma.API) {
	description, err := json.Marshal(map[string]any{
		"name": "Zhenglian 证链", "resolverRoot": "/", "supportedPrimaryKeys": []string{"00", "01"}, "linkTypeDefaultCanBeLinkset": false,
		"supportedLinkType": []any{map[string]any{"namespace": vocabulary, "prefix": "gs1:"}},
	})
	if err != nil {
		panic("gateway: " + err.Error()) // of words
	}
	r.GET(api.PathResolver, func(c *gin.Context) { c.Data(http.StatusOK, api.MediaJSON, description) })
	op := &huma.Operation{OperationID: "resolver", Method: http.MethodGet, Path: api.PathResolver, Tags: []string{"read"}, Summary: "What the resolver of codes on labels is · 解析器说明",
		Responses: map[string]*huma.Response{"200": {Description: "description", Content: map[string]*huma.MediaType{api.MediaJSON: {Schema: &huma.Schema{Type: huma.TypeObject}}}}}}
	addProblem(op)
	h.OpenAPI().AddOperation(op)
}
