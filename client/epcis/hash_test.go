package epcis

import (
	"strings"
	"testing"
)

// document wraps events in a document with the prefix example.
func document(events ...string) []byte {
	return []byte(`{"@context":["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",{"example":"https://ns.example.com/epcis/"},{"x":"http://example.com/x/"}],
		"type":"EPCISDocument","schemaVersion":"2.0","creationDate":"2022-02-17T11:30:47.0Z","epcisBody":{"eventList":[` + strings.Join(events, ",") + `]}}`)
}

// Events as in the examples of CBV 2.0 §8.9, with the pre-hash strings that the
// public reference generator publishes for them.
var published = []struct{ name, event, pre string }{
	{"logistic units departing", `{"type":"ObjectEvent","eventTime":"2020-03-04T11:00:30.000+01:00","eventTimeZoneOffset":"+01:00","recordTime":"2020-03-04T11:00:30.999+01:00",
		"epcList":["urn:epc:id:sscc:4012345.0000000333","urn:epc:id:sscc:4012345.0000000111","urn:epc:id:sscc:4012345.0000000222"],"action":"OBSERVE","bizStep":"departing",
		"readPoint":{"id":"urn:epc:id:sgln:4012345.00011.987"},"example:myField1":{"example:mySubField1":"2","example:mySubField2":"5"},"example:myField2":"0",
		"example:myField3":{"example:mySubField3":["3","1"]}}`,
		"eventType=ObjectEventeventTime=2020-03-04T10:00:30.000ZeventTimeZoneOffset=+01:00epcListepc=https://id.gs1.org/00/040123450000001112epc=https://id.gs1.org/00/040123450000002225" +
			"epc=https://id.gs1.org/00/040123450000003338action=OBSERVEbizStep=https://ref.gs1.org/cbv/BizStep-departingreadPointid=https://id.gs1.org/414/4012345000115/254/987" +
			"{https://ns.example.com/epcis/}myField1{https://ns.example.com/epcis/}mySubField1=2{https://ns.example.com/epcis/}mySubField2=5{https://ns.example.com/epcis/}myField2=0" +
			"{https://ns.example.com/epcis/}myField3{https://ns.example.com/epcis/}mySubField3=1{https://ns.example.com/epcis/}mySubField3=3"},
	{"sensors", `{"type":"ObjectEvent","eventTime":"2020-04-01T15:00:00+01:00","eventTimeZoneOffset":"+01:00","epcList":["urn:epc:id:sgtin:4012345.011111.9876"],"action":"OBSERVE",
		"bizStep":"inspecting","readPoint":{"id":"urn:epc:id:sgln:4012345.00005.0"},"sensorElementList":[{"sensorMetadata":{"deviceID":"urn:epc:id:giai:4000001.111",
		"deviceMetadata":"https://id.gs1.org/8004/4000001111"},"sensorReport":[{"type":"Temperature","value":26,"sDev":0.1,"uom":"CEL"},{"type":"AbsoluteHumidity","value":12.1,"uom":"A93"},
		{"type":"Dimensionless","microorganism":"https://www.ncbi.nlm.nih.gov/taxonomy/1126011","value":0.05,"uom":"C35"},
		{"type":"Dimensionless","chemicalSubstance":"urn:epcglobal:cbv:inchikey:CZMRCDWAGMRECN-UGDNZRGBSA-N","value":0.18,"uom":"C35"}]}]}`,
		"eventType=ObjectEventeventTime=2020-04-01T14:00:00.000ZeventTimeZoneOffset=+01:00epcListepc=https://id.gs1.org/01/04012345111118/21/9876action=OBSERVE" +
			"bizStep=https://ref.gs1.org/cbv/BizStep-inspectingreadPointid=https://id.gs1.org/414/4012345000054sensorElementsensorMetadatadeviceID=https://id.gs1.org/8004/4000001111" +
			"deviceMetadata=https://id.gs1.org/8004/4000001111sensorReporttype=https://ref.gs1.org/voc/AbsoluteHumidityvalue=12.1uom=A93sensorReporttype=https://ref.gs1.org/voc/Dimensionless" +
			"chemicalSubstance=https://identifiers.org/inchikey:CZMRCDWAGMRECN-UGDNZRGBSA-Nvalue=0.18uom=C35sensorReporttype=https://ref.gs1.org/voc/Dimensionless" +
			"microorganism=https://www.ncbi.nlm.nih.gov/taxonomy/1126011value=0.05uom=C35sensorReporttype=https://ref.gs1.org/voc/Temperaturevalue=26sDev=0.1uom=CEL"},
	{"parties and extensions", `{"type":"ObjectEvent","eventTime":"2020-03-04T11:00:30+01:00","eventTimeZoneOffset":"+01:00","epcList":["urn:epc:id:sgtin:0614141.011111.987"],"action":"OBSERVE",
		"bizStep":"departing","disposition":"in_transit","readPoint":{"id":"urn:epc:id:sgln:4012345.00011.0","example:myField1":"AB-12"},
		"bizTransactionList":[{"type":"po","bizTransaction":"urn:epc:id:gdti:4012345.11111.123"}],"sourceList":[{"type":"owning_party","source":"urn:epc:id:pgln:4012345.00000"}],
		"destinationList":[{"type":"owning_party","destination":"urn:epc:id:pgln:0614141.00000"}],"example:userExt":"CD-34"}`,
		"eventType=ObjectEventeventTime=2020-03-04T10:00:30.000ZeventTimeZoneOffset=+01:00epcListepc=https://id.gs1.org/01/00614141111114/21/987action=OBSERVE" +
			"bizStep=https://ref.gs1.org/cbv/BizStep-departingdisposition=https://ref.gs1.org/cbv/Disp-in_transitreadPointid=https://id.gs1.org/414/4012345000115bizTransactionList" +
			"type=https://ref.gs1.org/cbv/BTT-pobizTransaction=https://id.gs1.org/253/4012345111118123sourceListtype=https://ref.gs1.org/cbv/SDT-owning_partysource=https://id.gs1.org/417/4012345000009" +
			"destinationListtype=https://ref.gs1.org/cbv/SDT-owning_partydestination=https://id.gs1.org/417/0614141000005readPoint{https://ns.example.com/epcis/}myField1=AB-12" +
			"{https://ns.example.com/epcis/}userExt=CD-34"},
	{"transformation", `{"type":"TransformationEvent","eventTime":"2013-10-31T14:58:56.591Z","eventTimeZoneOffset":"+02:00","certificationInfo":"https://example.org/1",
		"errorDeclaration":{"declarationTime":"2013-11-07T14:00:00.000+01:00","reason":"incorrect_data"},"inputEPCList":["urn:epc:id:sgtin:4012345.011122.25","urn:epc:id:sgtin:4000001.065432.99886655"],
		"inputQuantityList":[{"epcClass":"urn:epc:class:lgtin:4012345.011111.4444","quantity":10,"uom":"KGM"},{"epcClass":"urn:epc:class:lgtin:0614141.077777.987","quantity":30},
		{"epcClass":"urn:epc:idpat:sgtin:4012345.066666.*","quantity":220}],"outputEPCList":["urn:epc:id:sgtin:4012345.077889.25"],"transformationID":"urn:epc:id:gdti:0614141.12345.400",
		"bizStep":"commissioning","persistentDisposition":{"unset":["completeness_inferred"],"set":["completeness_verified"]},"ilmd":{"cbvmda:lotNumber":"ABC123","x:array":["12","23.0",{"x:o":"1"}]}}`,
		"eventType=TransformationEventeventTime=2013-10-31T14:58:56.591ZeventTimeZoneOffset=+02:00inputEPCListepc=https://id.gs1.org/01/04000001654321/21/99886655" +
			"epc=https://id.gs1.org/01/04012345111224/21/25inputQuantityListquantityElementepcClass=https://id.gs1.org/01/00614141777778/10/987quantity=30" +
			"quantityElementepcClass=https://id.gs1.org/01/04012345111118/10/4444quantity=10uom=KGMquantityElementepcClass=https://id.gs1.org/01/04012345666663quantity=220" +
			"outputEPCListepc=https://id.gs1.org/01/04012345778892/21/25transformationID=https://id.gs1.org/253/0614141123452400bizStep=https://ref.gs1.org/cbv/BizStep-commissioning" +
			"persistentDispositionset=https://ref.gs1.org/cbv/Disp-completeness_verifiedunset=https://ref.gs1.org/cbv/Disp-completeness_inferred" +
			"ilmd{http://example.com/x/}array=12{http://example.com/x/}array=23{http://example.com/x/}array{http://example.com/x/}o=1{urn:epcglobal:cbv:mda}lotNumber=ABC123"},
}

func TestPublished(t *testing.T) {
	for _, p := range published {
		es, err := Events(document(p.event))
		if err != nil || len(es) != 1 {
			t.Fatalf("%s: %v", p.name, err)
		}
		if got := es[0].PreHash(); got != p.pre {
			t.Errorf("%s:\n%s\nwant\n%s", p.name, got, p.pre)
		}
	}
	es, _ := Events(document(published[0].event))
	if got, want := es[0].ID(), "ni:///sha-256;6ae96341e0acc6d7a261364751f60e68278a81cdf51da0abb6b4e617014e39d7?ver=CBV2.0"; got != want {
		t.Errorf("id %s, want %s", got, want)
	}
}

// The same event written in other ways has the same hash; another event has not.
func TestSameAndOther(t *testing.T) {
	hash := func(event string) string {
		t.Helper()
		es, err := Events(document(event))
		if err != nil {
			t.Fatal(err)
		}
		return es[0].ID()
	}
	const base = `{"type":"ObjectEvent","eventTime":"2026-11-23T16:00:00.0004+08:00","eventTimeZoneOffset":"+08:00","epcList":["urn:epc:id:sgtin:0950600.013435.7","https://id.gs1.org/01/09506000134352/21/8"],"action":"ADD","bizStep":"shipping","quantityList":[{"epcClass":"https://id.gs1.org/01/09506000134352/10/A","quantity":1.50,"uom":"KGM"}]}`
	want := hash(base)
	for what, change := range map[string][2]string{
		"order of a list":     {`"urn:epc:id:sgtin:0950600.013435.7","https://id.gs1.org/01/09506000134352/21/8"`, `"https://id.gs1.org/01/09506000134352/21/8","urn:epc:id:sgtin:0950600.013435.7"`},
		"a Digital Link":      {`https://id.gs1.org/01/09506000134352/21/8`, `https://shop.example/p/01/9506000134352/22/V/21/8?17=271231`},
		"another time zone":   {`2026-11-23T16:00:00.0004+08:00`, `2026-11-23T08:00:00Z`},
		"a vocabulary URN":    {`"shipping"`, `"urn:epcglobal:cbv:bizstep:shipping"`},
		"a vocabulary prefix": {`"shipping"`, `"cbv:BizStep-shipping"`},
		"trailing zeros":      {`1.50`, `1.5`},
		"record time and id":  {`"action"`, `"recordTime":"2026-11-23T08:00:01Z","eventID":"urn:uuid:1","errorDeclaration":{"declarationTime":"2026-11-24T08:00:01Z"},"action"`},
		"white space":         {`"KGM"`, `" KGM "`},
	} {
		changed := strings.Replace(base, change[0], change[1], 1)
		if changed == base || hash(changed) != want {
			t.Errorf("%s: another hash", what)
		}
	}
	for what, change := range map[string][2]string{
		"millisecond": {`00.0004`, `00.0005`}, "serial": {`.7"`, `.9"`}, "action": {"ADD", "OBSERVE"}, "quantity": {"1.50", "1.51"}, "field": {`"action"`, `"x:y":"1","action"`}, "step": {"shipping", "packing"},
	} {
		if changed := strings.Replace(base, change[0], change[1], 1); changed == base || hash(changed) == want {
			t.Errorf("%s: the same hash", what)
		}
	}
}

func TestNumber(t *testing.T) {
	for in, want := range map[string]string{"007": "7", "+1": "1", "-0": "0", "-0.50": "-0.5", "23.0": "23", "0.10": "0.1", "100": "100", "1e3": "1e3", "ABC": "ABC", "1.2.3": "1.2.3",
		"12345678901234567890": "12345678901234567890", "": ""} {
		if got := number(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestBadDocuments(t *testing.T) {
	for _, s := range []string{``, `[]`, `{}`, `{"type":"QuantityEvent"}`, `{"epcisBody":{}}`, `{"epcisBody":{"eventList":{}}}`, `{"epcisBody":{"eventList":[1]}}`, `{"type":"ObjectEvent"} x`,
		`{"type":"ObjectEvent","x":` + strings.Repeat(`[`, 40) + strings.Repeat(`]`, 40) + `}`} {
		if es, err := Events([]byte(s)); err == nil {
			t.Errorf("%s: %v", s, es)
		}
	}
}

func FuzzEvents(f *testing.F) {
	for _, p := range published {
		f.Add(document(p.event))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		es, err := Events(b)
		if err != nil {
			return
		}
		for i := range es {
			if a, b := es[i].PreHash(), es[i].PreHash(); a != b {
				t.Fatalf("%q, then %q", a, b)
			}
		}
	})
}
