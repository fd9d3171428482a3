package repository

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"zhenglian/client/epcis"
	"zhenglian/client/gs1"
)

// A Query says which events are asked for, in which order. It is made of the
// parameters of EPCIS 2.0 §8.2.7.1.
type Query struct {
	where    []string // on events e, with args
	args     []any
	terms    []condition
	tests    []func(*Event) bool // of what SQL does not know; all must hold
	byRecord bool
	up       bool // oldest first
	limit    int  // eventCountLimit: so many in all; 0: no limit
	max      int  // maxEventCount: more are an error; 0: no limit
	sum      string
}

// A condition on terms: one of the fields has one of the values.
type condition struct {
	fields []int
	values []string
	globs  []string
}

// A ParameterError says what is wrong with a query.
type ParameterError struct {
	Name, Reason string
	Missing      bool // it is of the standard, and not offered here
}

func (e *ParameterError) Error() string { return e.Name + ": " + e.Reason }

// MaxParameters bounds the parameters of a query, and the values of one.
const (
	MaxParameters = 32
	maxValues     = 100
)

// matches are the parameters about what an event is of.
var matches = map[string][]int{
	"MATCH_epc":            {fieldEPC, fieldChildEPC},
	"MATCH_parentID":       {fieldParent},
	"MATCH_inputEPC":       {fieldInputEPC},
	"MATCH_outputEPC":      {fieldOutputEPC},
	"MATCH_anyEPC":         {fieldEPC, fieldChildEPC, fieldInputEPC, fieldOutputEPC, fieldParent},
	"MATCH_epcClass":       {fieldClass, fieldChildClass},
	"MATCH_inputEPCClass":  {fieldInputClass},
	"MATCH_outputEPCClass": {fieldOutputClass},
	"MATCH_anyEPCClass":    {fieldClass, fieldChildClass, fieldInputClass, fieldOutputClass},
}

// words are the parameters that are terms and one value each.
var words = map[string]struct {
	field      int
	vocabulary string
}{
	"EQ_bizStep": {fieldBizStep, epcis.BizStep}, "EQ_disposition": {fieldDisposition, epcis.Disposition}, "EQ_readPoint": {fieldReadPoint, ""},
	"EQ_bizLocation": {fieldBizLocation, ""}, "EQ_transformationID": {fieldTransformation, ""},
}

// ParseQuery reads the parameters of a query: each with its values, of which one
// must hold. prefixes are those of names of fields that users have defined.
func ParseQuery(params map[string][]string, prefixes map[string]string) (*Query, error) {
	q := new(Query)
	if len(params) > MaxParameters {
		return nil, &ParameterError{Name: "query", Reason: fmt.Sprintf("%d parameters; the limit is %d", len(params), MaxParameters)}
	}
	context := make(map[string]any, len(prefixes))
	for k, v := range prefixes {
		context[k] = v
	}
	e := epcis.NewEvent(map[string]any{}, context)
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(params)) {
		values := params[name]
		if len(values) == 0 || len(values) > maxValues {
			return nil, &ParameterError{Name: name, Reason: fmt.Sprintf("want 1 to %d values", maxValues)}
		}
		fmt.Fprintf(sum, "%q=%q\n", name, values)
		if err := q.parameter(&e, name, values); err != nil {
			return nil, err
		}
	}
	q.sum = hex.EncodeToString(sum.Sum(nil)[:8])
	return q, nil
}

func (q *Query) parameter(e *epcis.Event, name string, values []string) error {
	bad := func(format string, a ...any) error {
		return &ParameterError{Name: name, Reason: fmt.Sprintf(format, a...)}
	}
	in := func(column string, allowed []string) error {
		for _, v := range values {
			if !slices.Contains(allowed, v) {
				return bad("want one of %s", strings.Join(allowed, ", "))
			}
			q.args = append(q.args, v)
		}
		q.where = append(q.where, column+" IN (?"+strings.Repeat(",?", len(values)-1)+")")
		return nil
	}
	one := func() (string, error) {
		if len(values) != 1 {
			return "", bad("state it once")
		}
		return values[0], nil
	}
	number := func(most int) (int, error) {
		v, err := one()
		if err != nil {
			return 0, err
		}
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > most {
			return 0, bad("want 1 to %d", most)
		}
		return n, nil
	}
	if w, ok := words[name]; ok {
		c := condition{fields: []int{w.field}}
		for _, v := range values {
			if w.vocabulary != "" {
				v = e.Word(w.vocabulary, v)
			} else {
				v = canonical(e, v)
			}
			c.values = append(c.values, v)
		}
		q.terms = append(q.terms, c)
		return nil
	}
	if fields, ok := matches[name]; ok {
		c := condition{fields: fields}
		for _, v := range values {
			if g := gs1.Globs(v); g != nil {
				c.globs = append(c.globs, g...)
			} else {
				c.values = append(c.values, canonical(e, v))
			}
		}
		q.terms = append(q.terms, c)
		return nil
	}
	switch name {
	case "eventType":
		return in("e.type", epcis.Types)
	case "EQ_action":
		return in("e.action", []string{"ADD", "OBSERVE", "DELETE"})
	case "EQ_eventID":
		q.where = append(q.where, "e.event_id IN (?"+strings.Repeat(",?", len(values)-1)+")")
		for _, v := range values {
			q.args = append(q.args, v)
		}
		return nil
	case "GE_eventTime", "LT_eventTime", "GE_recordTime", "LT_recordTime":
		v, err := one()
		if err != nil {
			return err
		}
		t, err := epcis.Time(v)
		if err != nil {
			return bad("want a time with a time zone, such as 2026-11-23T08:00:00Z")
		}
		column, at := "e.event_time", t.UnixMicro()
		if strings.HasSuffix(name, "recordTime") {
			// Rounded up: a record time is whole milliseconds.
			column, at = "e.record_time", t.Add(time.Millisecond-time.Nanosecond).UnixMilli()
		}
		q.where = append(q.where, column+map[string]string{"GE": " >= ?", "LT": " < ?"}[name[:2]])
		q.args = append(q.args, at)
		return nil
	case "orderBy":
		v, err := one()
		if err == nil && v != "eventTime" && v != "recordTime" {
			err = &ParameterError{Name: name, Reason: "events are ordered by eventTime or recordTime", Missing: true}
		}
		q.byRecord = v == "recordTime"
		return err
	case "orderDirection":
		v, err := one()
		if err == nil && v != "ASC" && v != "DESC" {
			err = bad("want ASC or DESC")
		}
		q.up = v == "ASC"
		return err
	case "eventCountLimit":
		n, err := number(1_000_000)
		q.limit = n
		return err
	case "maxEventCount":
		n, err := number(1_000_000)
		q.max = n
		return err
	}
	test, err := testOf(e, name, values)
	if err != nil {
		return err
	}
	q.tests = append(q.tests, test)
	return nil
}
