package repository

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"zhenglian/client/epcis"
)

// testOf makes the test of a parameter that is answered by looking into each event:
//
//	OP_name                      a field of the standard
//	OP_prefix:name               a field of users at the top of the event
//	OP_INNER_prefix:name         one at any depth below the top
//	OP_ILMD_…, OP_INNER_ILMD_…   in ilmd; so also ERROR_DECLARATION, SENSORELEMENT, SENSORMETADATA,
//	                             SENSORREPORT, readPoint, bizLocation
//	OP_value_UOM                 of a sensor report, in that unit
//
// OP is EQ, GT, GE, LT, LE or EXISTS. Values are compared as numbers when both are
// numbers, as times when both are times, else as text.
func testOf(e *epcis.Event, name string, values []string) (func(*Event) bool, error) {
	op, field, ok := strings.Cut(name, "_")
	if !ok || field == "" {
		return nil, &ParameterError{Name: name, Reason: "no such parameter"}
	}
	switch op {
	case "EQ", "EXISTS":
	case "GT", "GE", "LT", "LE":
		if len(values) != 1 {
			return nil, &ParameterError{Name: name, Reason: "state it once"}
		}
		if numberOf(values[0]) == nil {
			if _, err := epcis.Time(values[0]); err != nil {
				return nil, &ParameterError{Name: name, Reason: "want a number or a time"}
			}
		}
	case "WD", "HASATTR", "EQATTR":
		return nil, &ParameterError{Name: name, Reason: "this repository keeps no master data", Missing: true}
	default:
		return nil, &ParameterError{Name: name, Reason: "no such parameter"}
	}
	find, vocabulary, err := finder(e, field)
	if err != nil {
		err.Name = name
		return nil, err
	}
	if op == "EXISTS" {
		return func(x *Event) bool { return len(find(x)) > 0 }, nil
	}
	wanted := make([]string, len(values))
	for i, v := range values {
		if wanted[i] = e.Canonical(v); vocabulary != "" {
			wanted[i] = e.Word(vocabulary, v)
		}
	}
	return func(x *Event) bool {
		for _, v := range find(x) {
			for _, s := range scalars(v) {
				if vocabulary != "" {
					s = x.Word(vocabulary, s)
				} else {
					s = x.Canonical(s)
				}
				if slices.ContainsFunc(wanted, func(w string) bool { return compare(op, s, w) }) {
					return true
				}
			}
		}
		return false
	}, nil
}

// A find returns the values that a field has in an event.
type find func(*Event) []any

// places are the parts of an event that names of parameters begin with.
var places = []struct {
	prefix string
	path   []string
}{
	{"ILMD_", []string{"ilmd"}}, {"ERROR_DECLARATION_", []string{"errorDeclaration"}}, {"SENSORELEMENT_", []string{"sensorElementList"}},
	{"SENSORMETADATA_", []string{"sensorElementList", "sensorMetadata"}}, {"SENSORREPORT_", []string{"sensorElementList", "sensorReport"}},
	{"readPoint_", []string{"readPoint"}}, {"bizLocation_", []string{"bizLocation"}},
}

// pairs are lists of a type and a value: EQ_source_owning_party.
var pairs = []struct{ prefix, list, value, vocabulary string }{
	{"bizTransaction_", "bizTransactionList", "bizTransaction", epcis.Transaction},
	{"source_", "sourceList", "source", epcis.Party},
	{"destination_", "destinationList", "destination", epcis.Party},
}

// Fields of sensor reports and their metadata that are asked for by name alone.
var (
	measured = []string{"value", "minValue", "maxValue", "meanValue", "sDev", "percValue"} // with _UOM
	reported = []string{"type", "exception", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "time", "microorganism", "chemicalSubstance", "component",
		"stringValue", "booleanValue", "hexBinaryValue", "uriValue", "percRank", "coordinateReferenceSystem"}
	metadata = []string{"startTime", "endTime", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules", "time"}

	reportPath   = []string{"sensorElementList", "sensorReport"}
	metadataPath = []string{"sensorElementList", "sensorMetadata"}
)

// finder finds where the field of a parameter is.
func finder(e *epcis.Event, field string) (find, string, *ParameterError) {
	at := func(path ...string) find { return func(x *Event) []any { return along(x.Fields, path) } }
	switch field {
	case "errorDeclaration":
		return at("errorDeclaration"), "", nil
	case "errorDeclarationTime", "errorDeclaration_Time":
		return at("errorDeclaration", "declarationTime"), "", nil
	case "errorReason":
		return at("errorDeclaration", "reason"), epcis.ErrorReason, nil
	case "correctiveEventID":
		return at("errorDeclaration", "correctiveEventIDs"), "", nil
	case "persistentDisposition_set":
		return at("persistentDisposition", "set"), epcis.Disposition, nil
	case "persistentDisposition_unset":
		return at("persistentDisposition", "unset"), epcis.Disposition, nil
	case "certificationInfo", "eventTimeZoneOffset", "ilmd", "sensorElementList":
		return at(field), "", nil
	case "sensorMetadata", "sensorReport":
		return at("sensorElementList", field), "", nil
	}
	if q, uom, _ := strings.Cut(field, "_"); q == "quantity" {
		return func(x *Event) (out []any) {
			for _, l := range []string{"quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"} {
				for _, v := range many(x.Fields[l]) {
					if o, ok := v.(map[string]any); ok && (uom == "" || text(o["uom"]) == uom) {
						out = append(out, many(o["quantity"])...)
					}
				}
			}
			return out
		}, "", nil
	}
	for _, p := range pairs {
		typ, ok := strings.CutPrefix(field, p.prefix)
		if !ok {
			continue
		}
		typ = e.Word(p.vocabulary, typ)
		return func(x *Event) (out []any) {
			for _, v := range many(x.Fields[p.list]) {
				if o, ok := v.(map[string]any); ok && x.Word(p.vocabulary, text(o["type"])) == typ {
					out = append(out, many(o[p.value])...)
				}
			}
			return out
		}, "", nil
	}
	for _, name := range measured {
		rest, ok := strings.CutPrefix(field, name)
		if !ok || rest != "" && rest[0] != '_' {
			continue
		}
		uom := strings.TrimPrefix(rest, "_")
		return func(x *Event) (out []any) {
			for _, v := range along(x.Fields, reportPath) {
				if o, ok := v.(map[string]any); ok && (uom == "" || text(o["uom"]) == uom) {
					out = append(out, many(o[name])...)
				}
			}
			return out
		}, "", nil
	}
	vocabulary := map[string]string{"type": epcis.Measurement, "exception": epcis.Measurement, "component": epcis.Component}[field]
	inReport, inMetadata := slices.Contains(reported, field), slices.Contains(metadata, field)
	if inReport || inMetadata {
		return func(x *Event) (out []any) {
			if inReport {
				out = along(x.Fields, append(slices.Clone(reportPath), field))
			}
			if inMetadata {
				out = append(out, along(x.Fields, append(slices.Clone(metadataPath), field))...)
			}
			return out
		}, vocabulary, nil
	}
	rest, inner := strings.CutPrefix(field, "INNER_")
	var path []string
	for _, p := range places {
		if after, ok := strings.CutPrefix(rest, p.prefix); ok {
			rest, path = after, p.path
			break
		}
	}
	if rest == "" || !strings.ContainsAny(rest, ":#") && path == nil {
		return nil, "", &ParameterError{Reason: "no such parameter; a field of your own is PREFIX:NAME or NAMESPACE#NAME"}
	}
	// The name as it is written, with the prefix that the caller declares, or with
	// its namespace written out.
	whole := strings.NewReplacer("{", "", "}", "")
	asked := []string{rest, whole.Replace(e.Expand(rest)), strings.Replace(rest, "#", "", 1)}
	same := func(x *Event, key string) bool {
		return key == rest || slices.Contains(asked[1:], whole.Replace(x.Expand(key)))
	}
	return func(x *Event) (out []any) {
		tops := []any{x.Fields}
		if path != nil {
			tops = along(x.Fields, path)
		}
		for _, v := range tops {
			o, ok := v.(map[string]any)
			if !ok {
				continue
			}
			for key, v := range o {
				switch {
				case inner && path == nil && slices.Contains(standard, key): // users' fields only
				case inner:
					below(v, func(key string, v any) {
						if same(x, key) {
							out = append(out, v)
						}
					})
				case same(x, key):
					out = append(out, v)
				}
			}
		}
		return out
	}, vocabularyOf(rest, path), nil
}

// standard are fields of the standard that hold others.
var standard = []string{"ilmd", "sensorElementList", "errorDeclaration", "readPoint", "bizLocation", "quantityList", "childQuantityList", "inputQuantityList",
	"outputQuantityList", "bizTransactionList", "sourceList", "destinationList", "persistentDisposition"}

// vocabularyOf is that of a field of the standard inside another one.
func vocabularyOf(name string, path []string) string {
	if len(path) == 2 && path[1] == "sensorReport" {
		return map[string]string{"type": epcis.Measurement, "exception": epcis.Measurement, "component": epcis.Component}[name]
	}
	return ""
}

// along returns what is at the end of a path, through lists.
func along(v any, path []string) []any {
	if len(path) == 0 {
		return many(v)
	}
	var out []any
	for _, x := range many(v) {
		if o, ok := x.(map[string]any); ok {
			if next, ok := o[path[0]]; ok {
				out = append(out, along(next, path[1:])...)
			}
		}
	}
	return out
}

// below calls fn for every member of the objects in a value.
func below(v any, fn func(string, any)) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			below(x, fn)
		}
	case map[string]any:
		for key, x := range v {
			fn(key, x)
			below(x, fn)
		}
	}
}

// scalars are the values in a value, as text.
func scalars(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case json.Number:
		return []string{v.String()}
	case bool:
		return []string{fmt.Sprint(v)}
	case []any:
		var out []string
		for _, x := range v {
			out = append(out, scalars(x)...)
		}
		return out
	case map[string]any: // {"@value": …}, {"id": …}
		for _, k := range []string{"@value", "id", "@id"} {
			if x, ok := v[k]; ok {
				return scalars(x)
			}
		}
	}
	return nil
}

// numberOf reads a decimal number, nil if it is none. A rational is exact; a number
// with an exponent that is out of reason is none.
func numberOf(s string) *big.Rat {
	if len(s) == 0 || len(s) > 40 || strings.ContainsAny(s, "/xXpP_") {
		return nil
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 && len(s)-i > 4 {
		return nil
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil
	}
	return r
}

// compare compares a value of an event with one that is asked for.
func compare(op, have, want string) bool {
	var c int
	if a, b := numberOf(have), numberOf(want); a != nil && b != nil {
		c = a.Cmp(b)
	} else if t, err := epcis.Time(have); err == nil {
		u, err := epcis.Time(want)
		if err != nil {
			return false
		}
		c = t.Compare(u)
	} else {
		return op == "EQ" && have == want
	}
	switch op {
	case "EQ":
		return c == 0
	case "GT":
		return c > 0
	case "GE":
		return c >= 0
	case "LT":
		return c < 0
	}
	return c <= 0
}
