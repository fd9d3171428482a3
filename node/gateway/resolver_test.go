package gateway

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// The codes on labels lead to what there is about a unit, as a GS1-Conformant
// Resolver does: of GS1 and of the consortium.
func TestResolver(t *testing.T) {
	e := newEPCIS(t)
	product := tx.ProductCode("zg/50011000010017")
	e.submit(e.sign("qijiang-amr", tx.TraceProduct, tx.ID{}, &tx.Product{Mode: tx.Flag, NameEN: "jam", NameZH: "果酱", Code: product, UOM: "g"}, "qijiang"))
	gtin := tx.ProductCode("01/09506000134352")
	e.submit(e.sign("qijiang-amr", tx.TraceProduct, tx.ID{}, &tx.Product{Mode: tx.Flag, NameEN: "jam", NameZH: "果酱", Code: gtin, UOM: "g"}, "qijiang"))
	lot, item := tx.UnitCode(string(product)+"/10/P1"), tx.UnitCode(string(gtin)+"/10/L1/21/7")
	e.submit(e.sign("qijiang-amr", tx.TraceRegister, tx.ID{}, &tx.Register{Made: "2026-11-20", Units: []tx.Amount{{Code: lot, Quantity: 5}, {Code: item, Quantity: 5}}}, "qijiang"))
	doc := epcisDocument(
		`{"type":"ObjectEvent","eventTime":"2026-11-23T08:00:00Z","eventTimeZoneOffset":"+08:00","quantityList":[{"epcClass":"https://other.example/`+string(lot)+`?x=1"}],"action":"OBSERVE"}`,
		`{"type":"ObjectEvent","eventTime":"2026-11-23T08:00:01Z","eventTimeZoneOffset":"+08:00","epcList":["urn:epc:id:sgtin:9506000.013435.7"],"action":"OBSERVE"}`)
	if j := e.capture(doc, api.HeaderAnchor, e.anchor(doc).String(), api.HeaderReaders, "public"); !j.Success {
		t.Fatalf("%+v", j)
	}
	plain := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	get := func(path, accept string) *http.Response {
		t.Helper()
		r, err := http.NewRequest("GET", e.http.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", accept)
		resp, err := plain.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	for _, x := range []struct{ path, to string }{
		{"/" + string(lot), ""}, {"/" + string(lot) + "?linkType=gs1:pip", ""}, {"/" + string(lot) + "?linkType=gs1:nothing", ""}, {"/" + string(item), ""},
		{"/" + string(lot) + "?linkType=gs1:traceability", "/v1/units?code="}, {"/" + string(lot) + "?linkType=" + url.QueryEscape("https://ref.gs1.org/voc/traceability"), "/v1/units?code="},
		{"/" + string(lot) + "?linkType=gs1:epcis", "/v1/epcis/events?MATCH_anyEPCClass="}, {"/" + string(item) + "?linkType=gs1:epcis&perPage=5", "/v1/epcis/events?MATCH_anyEPC="},
		{"/" + string(lot) + "?linkType=gs1:verificationService", "/verify"}, {"/01/9506000134352/10/L1/21/7?17=271231", "/" + string(item) + "?17=271231"},
		{"/01/09506000134352/ser/7", "/01/09506000134352/21/7"},
	} {
		resp := get(x.path, "text/html")
		if want := http.StatusOK; x.to == "" && resp.StatusCode != want {
			t.Errorf("%s: status %d", x.path, resp.StatusCode)
		}
		if x.to != "" && (resp.StatusCode != http.StatusTemporaryRedirect || !strings.HasPrefix(resp.Header.Get("Location"), x.to)) {
			t.Errorf("%s: status %d to %q, want %s", x.path, resp.StatusCode, resp.Header.Get("Location"), x.to)
		}
	}
	for _, path := range []string{"/" + string(lot) + "?linkType=gs1:epcis", "/" + string(item) + "?linkType=gs1:epcis"} {
		if found, _ := e.find(path); len(found) != 1 {
			t.Errorf("%s: %d events", path, len(found))
		}
	}
	for _, path := range []string{"/" + string(lot) + "?linkType=all", "/" + string(lot) + "?linkType=linkset", "/" + string(item)} {
		resp, b := e.as("GET", path, "", "Accept", api.MediaLinkset)
		var set struct {
			Linkset []map[string]json.RawMessage
		}
		if err := json.Unmarshal(b, &set); err != nil || resp.Header.Get("Content-Type") != api.MediaLinkset || len(set.Linkset) != 1 ||
			set.Linkset[0]["https://ref.gs1.org/voc/defaultLink"] == nil || set.Linkset[0]["https://ref.gs1.org/voc/epcis"] == nil || set.Linkset[0]["anchor"] == nil {
			t.Errorf("%s: %s, %v", path, b, err)
		}
	}
	if resp, b := e.as("GET", api.PathResolver, ""); resp.StatusCode != 200 || !strings.Contains(string(b), "supportedPrimaryKeys") {
		t.Errorf("status %d: %s", resp.StatusCode, b)
	}
}
