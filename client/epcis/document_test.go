package epcis

import (
	"strings"
	"testing"
)

// What is wrong with a document is told with its place and a reason; what is
// right in it is taken.
func TestReadCapture(t *testing.T) {
	const good = `{"type":"ObjectEvent","eventTime":"2026-11-23T08:00:00Z","eventTimeZoneOffset":"+08:00","epcList":["urn:epc:id:sgtin:0950600.013435.7"],"action":"ADD","bizStep":"commissioning","x:mine":"1","ilmd":{"x:lot":"A"}}`
	c, err := ReadCapture(document(good))
	if err != nil || len(c.Faults) != 0 || len(c.Events) != 1 || c.Total != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	with := func(old, now string) string {
		t.Helper()
		s := strings.Replace(good, old, now, 1)
		if s == good {
			t.Fatalf("%q is not in it", old)
		}
		return s
	}
	const at = "epcisBody.eventList[1]"
	for _, x := range []struct{ event, path, reason string }{
		{with(`"eventTime":"2026-11-23T08:00:00Z",`, ``), at, "missing property 'eventTime'"},
		{with(`2026-11-23T08:00:00Z`, `yesterday`), at + ".eventTime", "date-time"},
		{with(`"+08:00"`, `"+8"`), at + ".eventTimeZoneOffset", "pattern"},
		{with(`"ADD"`, `"TAKE"`), at + ".action", "ADD"},
		{with(`"commissioning"`, `"dreaming"`), at + ".bizStep", ""},
		{with(`"ObjectEvent"`, `"QuantityEvent"`), at + ".type", "ObjectEvent"},
		{with(`"x:mine"`, `"mine"`), at, `"mine"`},
		{with(`"x:mine"`, `"y:mine"`), at + ".y:mine", `no prefix "y"`},
		{with(`"ADD"`, `"OBSERVE"`), at, "not allowed"},
		{with(`"epcList":["urn:epc:id:sgtin:0950600.013435.7"],`, ``), at, "missing"},
		{with(`"urn:epc:id:sgtin:0950600.013435.7"`, `7`), at + ".epcList[0]", "string"},
		{with(`"x:mine"`, `"sensorElementList":[{"sensorReport":[{"type":"Temperature","value":"warm"}]}],"x:mine"`), at + ".sensorElementList[0].sensorReport[0].value", "number"},
		{`7`, at, "object"},
		{with(`"1"`, `"`+strings.Repeat("a", MaxEvent)+`"`), at, "limit"},
	} {
		c, err := ReadCapture(document(good, x.event))
		if err != nil || len(c.Events) != 1 || c.Total != 2 || c.Places[0] != 0 || len(c.Faults) == 0 {
			t.Errorf("%.80s: %+v, %v", x.event, c, err)
			continue
		}
		found := false
		for _, f := range c.Faults {
			found = found || strings.HasPrefix(f.Path, x.path) && strings.Contains(f.Reason, x.reason)
		}
		if !found {
			t.Errorf("%.200s: %q, want %s: %s", x.event, c.Faults, x.path, x.reason)
		}
	}
	for _, x := range []struct{ document, path, reason string }{
		{`{}`, "type", "want"},
		{strings.Replace(string(document(good)), `"creationDate":"2022-02-17T11:30:47.0Z",`, ``, 1), "", "creationDate"},
		{strings.Replace(string(document(good)), `"2.0"`, `"two"`, 1), "schemaVersion", ""},
		{strings.Replace(string(document(good)), `"eventList":[`, `"events":[`, 1), "epcisBody", "eventList"},
		{string(document()), "epcisBody.eventList", "no event"},
		{strings.Replace(string(document(good)), `"epcisBody"`, `"x":1,"epcisBody"`, 1), "", `"x"`},
		{good, "@context", "needs it"},
		{`{"type":"EPCISDocument"}`, "", "missing"},
	} {
		c, err := ReadCapture([]byte(x.document))
		if err != nil || len(c.Events) != 0 || len(c.Faults) == 0 || c.Faults[0].Path != x.path || !strings.Contains(c.Faults[0].Reason, x.reason) {
			t.Errorf("%.80s: %+v, %v; want %s: %s", x.document, c, err, x.path, x.reason)
		}
	}
	if c, err := ReadCapture([]byte(`{"@context":[{"x":"http://x/"}],` + good[1:])); err != nil || len(c.Events) != 1 || len(c.Faults) != 0 {
		t.Errorf("a bare event: %+v, %v", c, err)
	}
	for _, s := range []string{``, `[]`, `{} {}`, strings.Repeat(" ", MaxDocument) + "{}"} {
		if _, err := ReadCapture([]byte(s)); err == nil {
			t.Errorf("%.20q is taken", s)
		}
	}
}

// A correction has the hash of its event and a leaf of its own.
func TestLeaf(t *testing.T) {
	leaf := func(declared string) (Event, string) {
		es, err := Events(document(`{"type":"ObjectEvent","eventTime":"2026-11-23T08:00:00Z",` + declared + `"action":"OBSERVE"}`))
		if err != nil {
			t.Fatal(err)
		}
		l := es[0].Leaf()
		return es[0], l.String()
	}
	plain, original := leaf("")
	corrected, first := leaf(`"errorDeclaration":{"declarationTime":"2026-11-24T08:00:00Z","reason":"did_not_occur"},`)
	if h := plain.Hash(); h != corrected.Hash() || h.String() != original || first == original {
		t.Fatalf("hash %s, leaves %s and %s", h, original, first)
	}
	if _, same := leaf(`"errorDeclaration":{"reason":"https://ref.gs1.org/cbv/ER-did_not_occur","declarationTime":"2026-11-24T16:00:00.0000+08:00"},`); same != first {
		t.Error("the same declaration in another form has another leaf")
	}
	for _, d := range []string{`"declarationTime":"2026-11-24T08:00:01Z","reason":"did_not_occur"`, `"declarationTime":"2026-11-24T08:00:00Z"`,
		`"declarationTime":"2026-11-24T08:00:00Z","reason":"did_not_occur","correctiveEventIDs":["urn:uuid:1"]`, `"declarationTime":"2026-11-24T08:00:00Z","reason":"did_not_occur","x:why":"1"`} {
		if _, other := leaf(`"errorDeclaration":{` + d + `},`); other == first || other == original {
			t.Errorf("%s: not a leaf of its own", d)
		}
	}
}

func FuzzReadCapture(f *testing.F) {
	for _, p := range published {
		f.Add(document(p.event))
	}
	f.Add([]byte(`{"@context":[],"type":"EPCISDocument","schemaVersion":"2.0","creationDate":"2022-02-17T11:30:47.0Z","epcisBody":{"eventList":[{}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ReadCapture(b)
		if err != nil {
			return
		}
		if len(c.Events) != len(c.Places) || len(c.Events)+len(c.Faults) == 0 {
			t.Fatalf("%+v", c)
		}
		for i := range c.Events {
			text, err := c.Events[i].Marshal()
			if err != nil {
				t.Fatal(err)
			}
			fields, err := Read(text)
			if err != nil {
				t.Fatal(err)
			}
			if again := NewEvent(fields, c.Context); again.Leaf() != c.Events[i].Leaf() {
				t.Fatalf("%s has another leaf when it is read again", text)
			}
		}
	})
}

func BenchmarkReadCapture(b *testing.B) {
	event := strings.Replace(published[0].event, `"example:myField2":"0",`, `"bizLocation":{"id":"urn:epc:id:sgln:4012345.00011.987"},`, 1)
	events := make([]string, 100)
	for i := range events {
		events[i] = event
	}
	doc := document(events...)
	for b.Loop() {
		c, err := ReadCapture(doc)
		if err != nil || len(c.Events) != 100 {
			b.Fatal(err, c.Faults)
		}
		for i := range c.Events {
			c.Events[i].Leaf()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/event")
}
