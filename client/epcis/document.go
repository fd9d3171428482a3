package epcis

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
)

// An Event is one event of a document, with the prefixes that its document's
// context declares.
type Event struct {
	Fields   map[string]any // numbers are json.Number
	prefixes map[string]string
}

// Types are the types of events of EPCIS 2.0.
var Types = []string{"ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent"}

// Type is the type of the event.
func (e *Event) Type() string { return typeOf(e.Fields) }

// Limits of a document.
const (
	MaxDocument = 16 << 20  // bytes
	MaxEvents   = 10_000    // events of one capture
	MaxEvent    = 256 << 10 // bytes of one event in a capture
	maxDepth    = 32        // levels of nesting
)

// StandardContext is the JSON-LD context of EPCIS 2.0.
const StandardContext = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"

// A Capture is a document as a repository takes it: the events that keep to the
// schema, and what is wrong with the others.
type Capture struct {
	Context any     // of the document: a string, an object, or an array of them; nil: none
	Events  []Event // that are good, in order
	Places  []int   // of each of them in the eventList, from 0
	Total   int     // events in the eventList
	Faults  []Fault // of the document and of the events that are not good
}

// decode reads one JSON object.
func decode(b []byte) (map[string]any, error) {
	if len(b) > MaxDocument {
		return nil, fmt.Errorf("document of %d bytes; the limit is %d", len(b), MaxDocument)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber() // a number is hashed as it is written, not as a binary fraction
	var doc map[string]any
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("EPCIS document: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("EPCIS document: data after the object")
	}
	if deep(doc, maxDepth) {
		return nil, fmt.Errorf("EPCIS document: nested more than %d levels", maxDepth)
	}
	return doc, nil
}

// list returns the events of a document or query document, and where they are.
func list(doc map[string]any) (list any, at string) {
	body, ok := doc["epcisBody"].(map[string]any)
	if !ok {
		return []any{doc}, ""
	}
	switch {
	case body["eventList"] != nil:
		return body["eventList"], "epcisBody.eventList"
	case body["queryResults"] != nil:
		results, _ := body["queryResults"].(map[string]any)
		inner, _ := results["resultsBody"].(map[string]any)
		return inner["eventList"], "epcisBody.queryResults.resultsBody.eventList"
	case body["event"] != nil:
		return []any{body["event"]}, "epcisBody.event"
	}
	return nil, "epcisBody.eventList"
}

// Events reads the events of an EPCISDocument or EPCISQueryDocument in JSON or
// JSON-LD, or of a bare event. It does not check them against the schema.
func Events(document []byte) ([]Event, error) {
	doc, err := decode(document)
	if err != nil {
		return nil, err
	}
	prefixes := prefixesOf(doc["@context"])
	l, _ := list(doc)
	items, ok := l.([]any)
	if !ok {
		return nil, errors.New("EPCIS document: no eventList")
	}
	events := make([]Event, len(items))
	for i, item := range items {
		fields, ok := item.(map[string]any)
		if !ok || typeOf(fields) == "" {
			return nil, fmt.Errorf("EPCIS document: eventList[%d] is not an event of EPCIS 2.0", i)
		}
		events[i] = eventOf(fields, prefixes)
	}
	return events, nil
}

// NewEvent makes an event of its fields and the contexts that are around it.
func NewEvent(fields map[string]any, context any) Event {
	return eventOf(fields, prefixesOf(context))
}

// Read reads the fields of one event as they were written by Marshal.
func Read(b []byte) (map[string]any, error) { return decode(b) }

func eventOf(fields map[string]any, prefixes map[string]string) Event {
	if c, ok := fields["@context"]; ok {
		prefixes = contextOf(c, maps.Clone(prefixes))
	}
	return Event{fields, prefixes}
}

// prefixesOf are the prefixes of a context beside those that are known.
func prefixesOf(context any) map[string]string {
	return contextOf(context, map[string]string{
		"gs1": "https://ref.gs1.org/voc/", "cbv": "https://ref.gs1.org/cbv/", "epcis": "https://ref.gs1.org/epcis/", "cbvmda": "urn:epcglobal:cbv:mda",
	})
}

// ReadCapture reads an EPCISDocument, or a bare event if one is given, and checks
// it against GS1's schema: first the document, then each event. The error is of
// what is no JSON object at all.
func ReadCapture(document []byte) (*Capture, error) {
	doc, err := decode(document)
	if err != nil {
		return nil, err
	}
	c := &Capture{Context: doc["@context"]}
	fault := func(at, reason string) { c.Faults = append(c.Faults, Fault{at, reason}) }
	if typeOf(doc) != "" { // a bare event
		c.Total = 1
		if _, ok := doc["@context"]; !ok {
			fault("@context", "an event that is sent by itself needs it")
			return c, nil
		}
		c.take(doc, "", 0, prefixesOf(nil))
		return c, nil
	}
	if t, _ := doc["type"].(string); t != "EPCISDocument" {
		fault("type", "want EPCISDocument, or one of the types of events")
		return c, nil
	}
	// The events are checked one by one: what is around them first.
	l, at := list(doc)
	items, ok := l.([]any)
	head := maps.Clone(doc)
	if body, isObject := doc["epcisBody"].(map[string]any); isObject && ok && at == "epcisBody.eventList" {
		body = maps.Clone(body)
		body["eventList"] = []any{}
		head["epcisBody"] = body
	}
	for _, f := range check("epcisDocument", head, "") {
		if len(f.Path) > 0 && f.Path[0] == '.' {
			f.Path = f.Path[1:]
		}
		c.Faults = append(c.Faults, f)
	}
	if len(c.Faults) > 0 {
		return c, nil
	}
	if !ok {
		fault("epcisBody.eventList", "there is none")
		return c, nil
	}
	if c.Total = len(items); c.Total > MaxEvents {
		fault(at, fmt.Sprintf("%d events; one capture takes at most %d", c.Total, MaxEvents))
		return c, nil
	}
	if c.Total == 0 {
		fault(at, "there is no event in it")
		return c, nil
	}
	prefixes := prefixesOf(doc["@context"])
	for i, item := range items {
		c.take(item, at+"["+strconv.Itoa(i)+"]", i, prefixes)
	}
	return c, nil
}

// take takes an item of the list if it is good.
func (c *Capture) take(item any, at string, place int, prefixes map[string]string) {
	fields, ok := item.(map[string]any)
	if !ok {
		c.Faults = append(c.Faults, Fault{at, "want an object"})
		return
	}
	dot := at
	if dot != "" {
		dot += "."
	}
	t := typeOf(fields)
	if t == "" {
		c.Faults = append(c.Faults, Fault{dot + "type", "want one of " + fmt.Sprint(Types)})
		return
	}
	faults := check(t, fields, at)
	if e := eventOf(fields, prefixes); len(faults) == 0 {
		if faults = e.beyond(dot); len(faults) == 0 {
			c.Events, c.Places = append(c.Events, e), append(c.Places, place)
			return
		}
	}
	for _, f := range faults {
		if at == "" && f.Path != "" && f.Path[0] == '.' {
			f.Path = f.Path[1:]
		}
		c.Faults = append(c.Faults, f)
	}
}

// beyond checks what the schema cannot say: that prefixes are declared, and how
// long the event is.
func (e *Event) beyond(at string) (faults []Fault) {
	if b, err := e.Marshal(); err != nil || len(b) > MaxEvent {
		return []Fault{{at[:max(0, len(at)-1)], fmt.Sprintf("event of %d bytes; the limit is %d", len(b), MaxEvent)}}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		if p := prefix(name); p != "" && e.prefixes[p] == "" && !slices.Contains(knownSchemes, p) {
			faults = append(faults, Fault{at + name, fmt.Sprintf("the @context declares no prefix %q", p)})
		}
	}
	return faults
}

// knownSchemes may begin the name of a field without being a prefix.
var knownSchemes = []string{"http", "https", "urn", "rdfs", "owl", "xsd", "dcterms", "rdf"}

// prefix is what stands before the colon of a name.
func prefix(name string) string {
	for i := range len(name) {
		if name[i] == ':' {
			return name[:i]
		}
	}
	return ""
}

// Marshal writes the event as JSON; numbers as they were written.
func (e *Event) Marshal() ([]byte, error) {
	var b bytes.Buffer
	w := json.NewEncoder(&b)
	w.SetEscapeHTML(false)
	if err := w.Encode(e.Fields); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// deep reports whether a value nests more than so many levels.
func deep(v any, left int) bool {
	if left == 0 {
		return true
	}
	switch v := v.(type) {
	case map[string]any:
		for _, x := range v {
			if deep(x, left-1) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(x any) bool { return deep(x, left-1) })
	}
	return false
}

// contextOf adds the prefixes of a JSON-LD context. Contexts named by their
// address are not fetched: those of EPCIS are known.
func contextOf(c any, into map[string]string) map[string]string {
	switch c := c.(type) {
	case []any:
		for _, x := range c {
			contextOf(x, into)
		}
	case map[string]any:
		for prefix, uri := range c {
			if s, ok := uri.(string); ok {
				into[prefix] = s
			}
		}
	}
	return into
}

func typeOf(fields map[string]any) string {
	if s, ok := fields["type"].(string); ok && slices.Contains(Types, s) {
		return s
	}
	return ""
}
