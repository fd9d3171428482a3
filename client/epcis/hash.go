package epcis

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"zhenglian/app/tx"
	"zhenglian/client/gs1"
)

// How a field of the standard is written.
type form int

const (
	value    form = iota // name=value
	moment               // name=value, in UTC with milliseconds
	word                 // name=value; a bare word is of the vocabulary of the row
	items                // name, then each item as child=value, sorted
	objects              // name, then each item as its children in order, sorted; child "" has no name of its own
	object               // name, then the children in order
	elements             // no name; each item is name of the child and its children in order, sorted
)

type field struct {
	name  string
	form  form
	child string // name of an item
	voc   string // of a word
	order []field
}

const (
	cbv = "https://ref.gs1.org/cbv/"
	voc = "https://ref.gs1.org/voc/"
)

var (
	quantity = []field{{name: "epcClass"}, {name: "quantity"}, {name: "uom"}}
	place    = []field{{name: "id"}}
)

// order is the table of CBV 2.0 §8.9.2.
var order = []field{
	{name: "eventTime", form: moment},
	{name: "eventTimeZoneOffset"},
	{name: "epcList", form: items, child: "epc"},
	{name: "parentID"},
	{name: "inputEPCList", form: items, child: "epc"},
	{name: "childEPCs", form: items, child: "epc"},
	{name: "quantityList", form: objects, child: "quantityElement", order: quantity},
	{name: "childQuantityList", form: objects, child: "quantityElement", order: quantity},
	{name: "inputQuantityList", form: objects, child: "quantityElement", order: quantity},
	{name: "outputEPCList", form: items, child: "epc"},
	{name: "outputQuantityList", form: objects, child: "quantityElement", order: quantity},
	{name: "action"},
	{name: "transformationID"},
	{name: "bizStep", form: word, voc: cbv + "BizStep-"},
	{name: "disposition", form: word, voc: cbv + "Disp-"},
	{name: "persistentDisposition", form: object, order: []field{{name: "set", form: word, voc: cbv + "Disp-"}, {name: "unset", form: word, voc: cbv + "Disp-"}}},
	{name: "readPoint", form: object, order: place},
	{name: "bizLocation", form: object, order: place},
	{name: "bizTransactionList", form: objects, order: []field{{name: "type", form: word, voc: cbv + "BTT-"}, {name: "bizTransaction"}}},
	{name: "sourceList", form: objects, order: []field{{name: "type", form: word, voc: cbv + "SDT-"}, {name: "source"}}},
	{name: "destinationList", form: objects, order: []field{{name: "type", form: word, voc: cbv + "SDT-"}, {name: "destination"}}},
	{name: "sensorElementList", form: elements, child: "sensorElement", order: []field{
		{name: "sensorMetadata", form: object, order: []field{
			{name: "time", form: moment}, {name: "startTime", form: moment}, {name: "endTime", form: moment}, {name: "deviceID"}, {name: "deviceMetadata"}, {name: "rawData"},
			{name: "dataProcessingMethod"}, {name: "bizRules"}}},
		{name: "sensorReport", form: elements, child: "sensorReport", order: []field{
			{name: "type", form: word, voc: voc}, {name: "exception", form: word, voc: voc}, {name: "deviceID"}, {name: "deviceMetadata"}, {name: "rawData"},
			{name: "dataProcessingMethod"}, {name: "time", form: moment}, {name: "microorganism"}, {name: "chemicalSubstance"}, {name: "value"},
			{name: "component", form: word, voc: cbv + "Comp-"}, {name: "stringValue"}, {name: "booleanValue"}, {name: "hexBinaryValue"}, {name: "uriValue"},
			{name: "minValue"}, {name: "maxValue"}, {name: "meanValue"}, {name: "sDev"}, {name: "percRank"}, {name: "percValue"}, {name: "uom"},
			{name: "coordinateReferenceSystem"}}},
	}},
}

// unhashed are members of an event that are not hashed.
var unhashed = []string{"type", "@context", "recordTime", "eventID", "errorDeclaration", "certificationInfo", "rdfs:comment", "comment"}

// PreHash returns the pre-hash string of an event.
func (e *Event) PreHash() string {
	var b strings.Builder
	b.WriteString("eventType=" + typeOf(e.Fields))
	b.WriteString(e.ordered(e.Fields, order))
	b.WriteString(e.rest(e.Fields, order, unhashed))
	return b.String()
}

// Hash returns the SHA-256 of the pre-hash string.
func (e *Event) Hash() tx.Digest { return sha256.Sum256([]byte(e.PreHash())) }

// declaration is the table of an errorDeclaration.
var declaration = []field{{name: "declarationTime", form: moment}, {name: "reason", form: word, voc: cbv + "ER-"}, {name: "correctiveEventIDs", form: items, child: "correctiveEventID"}}

// Leaf returns what trace.events anchors of the event: its hash, or, when it
// declares an error, the hash of it and of what it declares.
func (e *Event) Leaf() tx.Digest {
	d, ok := e.Fields["errorDeclaration"].(map[string]any)
	if !ok {
		return e.Hash()
	}
	return sha256.Sum256([]byte(e.PreHash() + "errorDeclaration" + e.ordered(d, declaration) + e.rest(d, declaration, nil)))
}

// ID returns the event hash id.
func (e *Event) ID() string {
	h := e.Hash()
	return "ni:///sha-256;" + hex.EncodeToString(h[:]) + "?ver=CBV2.0"
}

// ordered writes the fields of the standard.
func (e *Event) ordered(fields map[string]any, order []field) string {
	var b strings.Builder
	for i := range order {
		if v, ok := fields[order[i].name]; ok {
			b.WriteString(e.standard(&order[i], v))
		}
	}
	return b.String()
}

func (e *Event) standard(f *field, v any) string {
	named := func(inside string) string {
		if inside == "" {
			return ""
		}
		return f.name + inside
	}
	switch f.form {
	case items:
		return named(e.sorted(v, func(x any) string { return e.plain(f.child, x) }))
	case objects:
		return named(e.sorted(v, func(x any) string { return e.inOrder(f.child, x, f.order) }))
	case elements:
		return e.sorted(v, func(x any) string { return e.inOrder(f.child, x, f.order) })
	case object:
		o, _ := v.(map[string]any)
		return named(e.ordered(o, f.order))
	case word:
		return e.sorted(v, func(x any) string {
			s, ok := x.(string)
			if s = strings.TrimSpace(s); !ok || s == "" {
				return ""
			}
			if !strings.Contains(s, ":") {
				return f.name + "=" + f.voc + s
			}
			return f.name + "=" + e.canonical(s)
		})
	case moment:
		s, _ := v.(string)
		if s = strings.TrimSpace(s); s == "" {
			return ""
		}
		return f.name + "=" + utc(s)
	}
	return e.sorted(v, func(x any) string { return e.plain(f.name, x) })
}

// inOrder writes an item: its name, if it has one, and its children in order.
func (e *Event) inOrder(name string, v any, order []field) string {
	o, _ := v.(map[string]any)
	if inside := e.ordered(o, order); inside != "" {
		return name + inside
	}
	return ""
}

// sorted writes the items of an array, or the one item, in the order of their text.
func (e *Event) sorted(v any, write func(any) string) string {
	items, ok := v.([]any)
	if !ok {
		return write(v)
	}
	texts := make([]string, len(items))
	for i, x := range items {
		texts[i] = write(x)
	}
	slices.Sort(texts)
	return strings.Join(texts, "")
}

// plain writes name=value, or nothing for an empty value.
func (e *Event) plain(name string, v any) string {
	if s := e.text(v); s != "" {
		return name + "=" + s
	}
	return ""
}

// text is a value in canonical form, "" for what is no value.
func (e *Event) text(v any) string {
	switch v := v.(type) {
	case string:
		return e.canonical(strings.TrimSpace(v))
	case json.Number:
		return number(v.String())
	case bool:
		return map[bool]string{true: "true", false: "false"}[v]
	}
	return ""
}

// rest writes what the order has not written: members that users have defined,
// ilmd, and such members inside what the standard defines.
func (e *Event) rest(fields map[string]any, order []field, skip []string) string {
	var texts []string
	for name, v := range fields {
		if slices.Contains(skip, name) {
			continue
		}
		if i := slices.IndexFunc(order, func(f field) bool { return f.name == name }); i >= 0 {
			texts = append(texts, e.leftover(&order[i], v)...)
		} else {
			texts = append(texts, e.own(e.expand(name), v)...)
		}
	}
	slices.Sort(texts)
	return strings.Join(texts, "")
}

// leftover is what users have added inside a field of the standard.
func (e *Event) leftover(f *field, v any) (texts []string) {
	if f.order == nil {
		return nil
	}
	name := f.name
	if f.form == elements {
		name = f.child
	}
	items, ok := v.([]any)
	if !ok {
		items = []any{v}
	}
	for _, x := range items {
		if o, ok := x.(map[string]any); ok {
			if inside := e.rest(o, f.order, nil); inside != "" {
				texts = append(texts, name+inside)
			}
		}
	}
	return texts
}

// own writes a member that users have defined, one text for each value.
func (e *Event) own(name string, v any) (texts []string) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			texts = append(texts, e.own(name, x)...)
		}
	case map[string]any:
		var inside []string
		for k, x := range v {
			if k != "rdfs:comment" && k != "comment" && k != "@context" {
				inside = append(inside, e.own(e.expand(k), x)...)
			}
		}
		slices.Sort(inside)
		texts = append(texts, name+strings.Join(inside, ""))
	default:
		if s := e.text(v); s != "" {
			texts = append(texts, name+"="+s)
		} else {
			texts = append(texts, name)
		}
	}
	return texts
}

// expand writes prefix:name as {namespace}name.
func (e *Event) expand(name string) string {
	if prefix, local, ok := strings.Cut(name, ":"); ok {
		if uri, ok := e.prefixes[prefix]; ok {
			return "{" + uri + "}" + local
		}
	}
	return name
}

// Canonical is the one form of a value, whatever way it is written: so values of
// events and of those who ask for them compare as text.
func (e *Event) Canonical(s string) string { return e.canonical(strings.TrimSpace(s)) }

// Expand is the name of a field with its prefix written out, as {namespace}local.
func (e *Event) Expand(name string) string { return e.expand(name) }

// Vocabularies that bare words of fields belong to.
const (
	BizStep     = cbv + "BizStep-"
	Disposition = cbv + "Disp-"
	Transaction = cbv + "BTT-"
	Party       = cbv + "SDT-" // of sources and destinations
	ErrorReason = cbv + "ER-"
	Component   = cbv + "Comp-"
	Measurement = voc
)

// Word is the canonical form of a word of a vocabulary.
func (e *Event) Word(vocabulary, s string) string {
	if s = strings.TrimSpace(s); s != "" && !strings.Contains(s, ":") {
		return vocabulary + s
	}
	return e.canonical(s)
}

// Time reads a moment as events write it.
func Time(s string) (time.Time, error) { return time.Parse(time.RFC3339Nano, strings.TrimSpace(s)) }

// urns are old ways to write words of the vocabulary.
var urns = [][2]string{{"urn:epcglobal:cbv:bizstep:", cbv + "BizStep-"}, {"urn:epcglobal:cbv:disp:", cbv + "Disp-"}, {"urn:epcglobal:cbv:btt:", cbv + "BTT-"},
	{"urn:epcglobal:cbv:sdt:", cbv + "SDT-"}, {"urn:epcglobal:cbv:er:", cbv + "ER-"}, {"urn:epcglobal:cbv:inchikey:", "https://identifiers.org/inchikey:"}}

// canonical is the one form of a value: vocabulary by its web address, numbers
// without needless zeros, GS1 identifiers as canonical Digital Links.
func (e *Event) canonical(s string) string {
	for _, u := range urns {
		if rest, ok := strings.CutPrefix(s, u[0]); ok {
			return u[1] + rest
		}
	}
	if prefix, local, ok := strings.Cut(s, ":"); ok && !strings.HasPrefix(local, "//") {
		if uri := e.prefixes[prefix]; strings.HasPrefix(uri, "https://ref.gs1.org") || strings.HasPrefix(uri, "https://gs1.org") {
			return uri + local
		}
	}
	if l := gs1.Normalise(s); l != "" {
		return l
	}
	return number(s)
}

var decimal = regexp.MustCompile(`^([+-]?)0*([0-9]+)(?:\.([0-9]*?)0*)?$`)

// number takes needless zeros and signs from a decimal number; other text stays.
func number(s string) string {
	m := decimal.FindStringSubmatch(s)
	if m == nil {
		return s
	}
	n := m[2]
	if m[3] != "" {
		n += "." + m[3]
	}
	if m[1] == "-" && n != "0" {
		n = "-" + n
	}
	return n
}

// utc writes a moment in UTC with milliseconds, rounded half up; text that is
// no moment stays as it is.
func utc(s string) string {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return s
	}
	return t.Add(500 * time.Microsecond).UTC().Truncate(time.Millisecond).Format("2006-01-02T15:04:05.000Z")
}
