package gs1

import "testing"

// The URNs of every scheme, as the EPC Tag Data Standard and the examples of
// CBV write them, and the canonical links that they stand for.
func TestNormalise(t *testing.T) {
	for uri, want := range map[string]string{
		"urn:epc:id:sgtin:4012345.012345.12":                                    "/01/04012345123456/21/12",
		"urn:epc:id:sgtin:0614141.011111.9%2F8":                                 "/01/00614141111114/21/9%2F8",
		"urn:epc:id:sgtin:0614141.011111.a.b":                                   "/01/00614141111114/21/a.b",
		"urn:epc:id:sscc:4012345.0000000333":                                    "/00/040123450000003338",
		"urn:epc:id:grai:4012345.66666.87":                                      "/8003/0401234566666387",
		"urn:epc:id:giai:4012345.AAbb":                                          "/8004/4012345AAbb",
		"urn:epc:id:gsrn:4012345.9876540000":                                    "/8018/401234598765400000",
		"urn:epc:id:gsrnp:4012345.0000098765":                                   "/8017/401234500000987658",
		"urn:epc:id:gdti:4012345.55555.98":                                      "/253/401234555555498",
		"urn:epc:id:cpi:4012345.ABC.123":                                        "/8010/4012345ABC/8011/123",
		"urn:epc:id:sgcn:4012345.99999.44":                                      "/255/401234599999044",
		"urn:epc:id:ginc:4012345.333":                                           "/401/4012345333",
		"urn:epc:id:gsin:4012345.999987654":                                     "/402/40123459999876541",
		"urn:epc:id:itip:4012345.012345.01.02.999":                              "/8006/040123451234560102/21/999",
		"urn:epc:id:upui:4012345.012345.AB12":                                   "/01/04012345123456/235/AB12",
		"urn:epc:id:sgln:4012345.00011.987":                                     "/414/4012345000115/254/987",
		"urn:epc:id:sgln:4012345.00011.0":                                       "/414/4012345000115",
		"urn:epc:id:pgln:4012345.00225":                                         "/417/4012345002256",
		"urn:epc:class:lgtin:4054739.099914.20160711":                           "/01/04054739999148/10/20160711",
		"urn:epc:idpat:sgtin:4054739.099914.*":                                  "/01/04054739999148",
		"urn:epc:idpat:grai:4012345.66666.*":                                    "/8003/04012345666663",
		"urn:epc:idpat:gdti:4012345.55555.*":                                    "/253/4012345555554",
		"urn:epc:idpat:sgcn:4012345.99999.*":                                    "/255/4012345999990",
		"urn:epc:idpat:cpi:4012345.ABC.*":                                       "/8010/4012345ABC",
		"urn:epc:idpat:itip:4012345.012345.01.02.*":                             "/8006/040123451234560102",
		"https://example.org/8004/401234599999":                                 "/8004/401234599999",
		"https://example.org/some/path/01/9506000134352":                        "/01/09506000134352",
		"http://example.org/01/09506000134352/22/V/10/L%2F1/21/7?17=271231&s=x": "/01/09506000134352/21/7",
		"https://example.org/01/09506000134352/22/V/10/L%2f1":                   "/01/09506000134352/10/L%2F1",
	} {
		if got := Normalise(uri); got != Canonical+want {
			t.Errorf("%s: %s, want %s", uri, got, Canonical+want)
		}
	}
	for _, uri := range []string{"", "urn:epc:id:sgtin:4012345.01234.12", "urn:epc:id:sgtin:4012345.012345", "urn:epc:id:sgtin:401234x.012345.1", "urn:epc:id:foo:1.2.3", "urn:uuid:1",
		"https://www.ncbi.nlm.nih.gov/taxonomy/1126011", "https://example.org/01/09506000134353", "https://example.org/01/09506000134352/21/7/10/L", "https://example.org/01/09506000134352/21",
		"https://example.org/00/1", "mailto:01/09506000134352", "urn:epc:idpat:sgtin:4012345.*.*", "urn:epc:id:sgtin:4012345..1"} {
		if got := Normalise(uri); got != "" {
			t.Errorf("%q: %s, want nothing", uri, got)
		}
	}
}

// What is built reads back as it was, attributes and host included.
func TestBuild(t *testing.T) {
	const uri = "https://trace.example/01/09506000134352/22/V/10/L%2F1%3C%25/21/7?17=271231&3103=000195"
	l, err := Parse(uri)
	if err != nil || l.Build() != uri {
		t.Fatalf("%s, %v", l.Build(), err)
	}
	if l.Canonical() != "https://id.gs1.org/01/09506000134352/22/V/10/L%2F1%3C%25/21/7" {
		t.Errorf("canonical: %s", l.Canonical())
	}
	l.Qualifiers[1].Value = "L/1"
	if c, err := l.UnitCode(); err != nil || c != "01/09506000134352/22/V/10/L%2F1/21/7" {
		t.Errorf("unit code %s, %v", c, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("https://trace.example/01/09506000134352/22/V/10/L%2F1/21/7?17=271231")
	f.Add("urn:epc:id:sgtin:4012345.012345.12")
	f.Add("urn:epc:idpat:itip:4012345.012345.01.02.*")
	f.Fuzz(func(t *testing.T, uri string) {
		n := Normalise(uri)
		if n == "" {
			return
		}
		if again := Normalise(n); again != n {
			t.Fatalf("%q is %s, which is %s", uri, n, again)
		}
	})
}
