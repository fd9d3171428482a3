package repository

import (
	"slices"
	"strings"

	"zhenglian/app/tx"
	"zhenglian/client/epcis"
	"zhenglian/client/gs1"
)

// An eventRow is what is stored of an event.
type eventRow struct {
	leaf        tx.Digest
	id          string
	time        int64 // µs since 1970
	typ, action string
	body        []byte
	terms       []term
}

type term struct {
	field int
	value string
}

// rowOf makes the row of an event. Its eventID is its hash id when it has none; its
// recordTime is set when it is stored.
func rowOf(e *epcis.Event, leaf tx.Digest) (eventRow, error) {
	w := eventRow{leaf: leaf, typ: e.Type(), terms: termsOf(e)}
	at, err := epcis.Time(text(e.Fields["eventTime"]))
	if err != nil {
		return w, err
	}
	w.time, w.action = at.UnixMicro(), text(e.Fields["action"])
	if w.id = text(e.Fields["eventID"]); w.id == "" {
		w.id = e.ID()
	}
	kept := epcis.Event{Fields: make(map[string]any, len(e.Fields))}
	for k, v := range e.Fields {
		if k != "recordTime" && k != "eventID" {
			kept.Fields[k] = v
		}
	}
	w.body, err = kept.Marshal()
	return w, err
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// indexed are the fields of the standard that are terms.
var indexed = []struct {
	field      int
	name       string
	inside     string // member of the items, or of the one object; "": the value itself
	vocabulary string
}{
	{fieldBizStep, "bizStep", "", epcis.BizStep},
	{fieldDisposition, "disposition", "", epcis.Disposition},
	{fieldReadPoint, "readPoint", "id", ""},
	{fieldBizLocation, "bizLocation", "id", ""},
	{fieldTransformation, "transformationID", "", ""},
	{fieldEPC, "epcList", "", ""},
	{fieldChildEPC, "childEPCs", "", ""},
	{fieldInputEPC, "inputEPCList", "", ""},
	{fieldOutputEPC, "outputEPCList", "", ""},
	{fieldParent, "parentID", "", ""},
	{fieldClass, "quantityList", "epcClass", ""},
	{fieldChildClass, "childQuantityList", "epcClass", ""},
	{fieldInputClass, "inputQuantityList", "epcClass", ""},
	{fieldOutputClass, "outputQuantityList", "epcClass", ""},
}

// termsOf are the terms of an event, each once.
func termsOf(e *epcis.Event) (out []term) {
	for _, x := range indexed {
		for _, v := range many(e.Fields[x.name]) {
			if x.inside != "" {
				o, _ := v.(map[string]any)
				v = o[x.inside]
			}
			s, ok := v.(string)
			if !ok || s == "" {
				continue
			}
			t := term{x.field, ""}
			if x.vocabulary != "" {
				t.value = e.Word(x.vocabulary, s)
			} else {
				t.value = canonical(e, s)
			}
			if !slices.Contains(out, t) || len(out) > 64 { // the table takes each once in any case
				out = append(out, t)
			}
		}
	}
	return out
}

// CodeURI is how events write the code of a unit.
func CodeURI(code tx.UnitCode) string { return gs1.Canonical + "/" + string(code) }

// canonical is the canonical form of what an event is of. Codes of the consortium,
// https://HOST/zg/…, are the same whatever the host, as those of GS1 are.
func canonical(e *epcis.Event, s string) string {
	if _, path, ok := strings.Cut(s, "://"); ok {
		if _, path, ok = strings.Cut(path, "/"); ok && (strings.HasPrefix(path, "zg/") || strings.HasPrefix(path, "zs/")) {
			path, _, _ = strings.Cut(path, "?")
			if code := tx.UnitCode(path); code.Validate() == nil {
				return CodeURI(code)
			}
		}
	}
	return e.Canonical(s)
}

// many is a value as a list.
func many(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}
