package repository

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
)

// Bounds of answers.
const (
	MaxPage  = 1000   // events of a page
	maxLook  = 20_000 // events looked at for one page
	lookStep = 500    // read at once
	few      = 5000   // entries of terms that are cheaper gathered than looked up
)

// A Page is a part of the answer to a query.
type Page struct {
	Events []*Event
	Next   string // token of what follows; empty: that was all
}

// A token says where a page ended.
type token struct {
	Sum  string `json:"s"` // of the query, without the token
	Key  int64  `json:"k"` // event time, or n
	N    int64  `json:"n"`
	Left int    `json:"l,omitempty"` // of eventCountLimit
}

// Errors of queries.
var (
	ErrToken   = errors.New("not a token of this query")
	ErrTooMany = errors.New("more events than maxEventCount")
)

// Find returns events that a query asks for, at most n, from a token on.
func (r *Repository) Find(ctx context.Context, who Reader, q *Query, n int, from string) (*Page, error) {
	at := token{Sum: q.sum, Key: math.MaxInt64, N: math.MaxInt64, Left: q.limit}
	if q.up {
		at.Key, at.N = math.MinInt64, math.MinInt64
	}
	if from != "" {
		b, err := base64.RawURLEncoding.Strict().DecodeString(from)
		var t token
		if err != nil || json.Unmarshal(b, &t) != nil || t.Sum != q.sum {
			return nil, ErrToken
		}
		at = t
	}
	if q.max > 0 && from == "" {
		most := *q
		most.max, most.limit = 0, 0
		p, err := r.some(ctx, who, &most, at, q.max+1)
		if err != nil {
			return nil, err
		}
		if len(p.Events) > q.max || p.Next != "" {
			return nil, ErrTooMany
		}
	}
	return r.some(ctx, who, q, at, min(n, MaxPage))
}

// some reads on from a place.
func (r *Repository) some(ctx context.Context, who Reader, q *Query, at token, n int) (*Page, error) {
	p := &Page{Events: []*Event{}}
	if q.limit > 0 {
		n = min(n, at.Left)
	}
	step := lookStep
	if len(q.tests) == 0 {
		step = n + 1
	}
	more := func() {
		if q.limit == 0 || at.Left > 0 {
			b, _ := json.Marshal(at) // of numbers and a string
			p.Next = base64.RawURLEncoding.EncodeToString(b)
		}
	}
	for looked := 0; ; {
		events, err := r.candidates(ctx, who, q, at, step)
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			if !slices.ContainsFunc(q.tests, func(test func(*Event) bool) bool { return !test(e) }) {
				if len(p.Events) == n {
					more()
					return p, nil
				}
				p.Events = append(p.Events, e)
				if q.limit > 0 {
					at.Left--
				}
			}
			at.Key, at.N = q.key(e), e.N
		}
		if len(events) < step {
			return p, nil
		}
		if looked += len(events); looked >= maxLook {
			more()
			return p, nil
		}
	}
}

func (q *Query) key(e *Event) int64 {
	if q.byRecord {
		return e.N
	}
	return e.time
}

// candidates returns events that SQL finds, in order, after a place.
func (r *Repository) candidates(ctx context.Context, who Reader, q *Query, at token, n int) ([]*Event, error) {
	var b strings.Builder
	b.WriteString("SELECT " + eventColumns + eventFrom + "WHERE ")
	seen, args := who.sees()
	b.WriteString(seen)
	for _, w := range q.where {
		b.WriteString(" AND " + w)
	}
	args = append(args, q.args...)
	gathered := false
	for i := range q.terms {
		c := &q.terms[i]
		w, a := c.sql()
		is := false
		if !gathered {
			var count int
			if err := r.read.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT 1 FROM terms t WHERE "+w+" LIMIT ?)", append(slices.Clone(a), few+1)...).Scan(&count); err != nil {
				return nil, err
			}
			is = count <= few
		}
		if is {
			gathered = true
			b.WriteString(" AND e.n IN (SELECT t.n FROM terms t WHERE " + w + ")")
		} else {
			b.WriteString(" AND EXISTS (SELECT 1 FROM terms t WHERE " + w + " AND t.n = e.n)")
		}
		args = append(args, a...)
	}
	column, than, direction := "e.event_time", "<", "DESC"
	if q.byRecord {
		column = "e.n"
	}
	if q.up {
		than, direction = ">", "ASC"
	}
	if gathered {
		column = "+" + column // few: sorted afterwards
	}
	b.WriteString(" AND (" + column + ", e.n) " + than + " (?, ?) ORDER BY " + column + " " + direction + ", e.n " + direction + " LIMIT ?")
	args = append(args, at.Key, at.N, n)
	return r.events(ctx, b.String(), args)
}

func (r *Repository) events(ctx context.Context, query string, args []any) ([]*Event, error) {
	rows, err := r.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []*Event
	for rows.Next() {
		e, err := scanEvent(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

// sql is a condition on terms t.
func (c *condition) sql() (string, []any) {
	var args []any
	fields := "t.field IN (?" + strings.Repeat(",?", len(c.fields)-1) + ")"
	for _, f := range c.fields {
		args = append(args, f)
	}
	var any []string
	if len(c.values) > 0 {
		any = append(any, "t.value IN (?"+strings.Repeat(",?", len(c.values)-1)+")")
		for _, v := range c.values {
			args = append(args, v)
		}
	}
	for _, g := range c.globs {
		any = append(any, "t.value GLOB ?")
		args = append(args, g)
	}
	return fields + " AND (" + strings.Join(any, " OR ") + ")", args
}

// resources are what can be browsed.
var resources = map[string][]int{
	"epcs": {fieldEPC, fieldChildEPC, fieldInputEPC, fieldOutputEPC, fieldParent}, "bizSteps": {fieldBizStep}, "bizLocations": {fieldBizLocation},
	"readPoints": {fieldReadPoint}, "dispositions": {fieldDisposition},
}

// Values returns what events have in a resource — epcs, bizSteps, bizLocations,
// readPoints or dispositions —, ascending, after one.
func (r *Repository) Values(ctx context.Context, who Reader, resource, after string, limit int) ([]string, error) {
	fields := resources[resource]
	seen, seenArgs := who.sees()
	var out []string
	for len(out) < limit {
		next := ""
		for _, f := range fields {
			rows, err := r.read.QueryContext(ctx, "SELECT t.value FROM terms t JOIN events e ON e.n = t.n WHERE t.field = ? AND t.value > ? AND "+seen+" ORDER BY t.value LIMIT 1",
				append([]any{f, after}, seenArgs...)...)
			if err != nil {
				return nil, err
			}
			var v string
			for rows.Next() {
				if err := rows.Scan(&v); err != nil {
					return nil, errors.Join(err, rows.Close())
				}
			}
			if err := errors.Join(rows.Err(), rows.Close()); err != nil {
				return nil, err
			}
			if v != "" && (next == "" || v < next) {
				next = v
			}
		}
		if next == "" {
			break
		}
		out, after = append(out, next), next
	}
	return out, nil
}

// ResourceParameter is the parameter that asks for the events of a value of a
// resource.
func ResourceParameter(resource string) string {
	return map[string]string{"epcs": "MATCH_anyEPC", "bizSteps": "EQ_bizStep", "bizLocations": "EQ_bizLocation", "readPoints": "EQ_readPoint",
		"dispositions": "EQ_disposition", "eventTypes": "eventType"}[resource]
}

// placeOf is the last event that a page looked at.
func placeOf(next string) (int64, error) {
	var t token
	b, err := base64.RawURLEncoding.DecodeString(next)
	if err == nil {
		err = json.Unmarshal(b, &t)
	}
	return t.N, err
}
