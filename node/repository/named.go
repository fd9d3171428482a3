package repository

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// A NamedQuery is a query that is kept under a name.
type NamedQuery struct {
	Name    string
	Created time.Time
	Owner   string
	Query   Parameters
}

// Parameters are those of a query as they were given, and the prefixes of users'
// fields.
type Parameters struct {
	Params   map[string][]string `json:"params"`
	Prefixes map[string]string   `json:"prefixes,omitempty"`
}

// Parse is ParseQuery.
func (p Parameters) Parse() (*Query, error) { return ParseQuery(p.Params, p.Prefixes) }

// Errors of named queries and subscriptions.
var (
	ErrNoQuery        = errors.New("no such query")
	ErrNoSubscription = errors.New("no such subscription")
	ErrTaken          = errors.New("there is a query of that name")
	ErrLimit          = errors.New("too many")
	ErrSubscribed     = errors.New("it has subscriptions")
)

// Bounds of what is kept for callers.
const (
	maxQueries       = 1000
	maxSubscriptions = 1000
)

var queryName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// AddQuery keeps a query.
func (r *Repository) AddQuery(ctx context.Context, q NamedQuery) (*NamedQuery, error) {
	if !queryName.MatchString(q.Name) {
		return nil, &ParameterError{Name: "name", Reason: "want 1 to 64 letters, digits and ._-"}
	}
	if _, err := q.Query.Parse(); err != nil {
		return nil, err
	}
	b, err := json.Marshal(q.Query)
	if err != nil {
		return nil, err
	}
	q.Created = time.Now().UTC().Truncate(time.Millisecond)
	res, err := r.write.ExecContext(ctx, "INSERT INTO queries SELECT ?, ?, ?, ? WHERE (SELECT count(*) FROM queries) < ? ON CONFLICT DO NOTHING",
		q.Name, q.Created.UnixMilli(), q.Owner, string(b), maxQueries)
	if err != nil {
		return nil, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		if err == nil {
			err = ErrLimit
			if _, known := r.Query(ctx, q.Name); known == nil {
				err = ErrTaken
			}
		}
		return nil, err
	}
	return &q, nil
}

func scanQuery(rows interface{ Scan(...any) error }) (*NamedQuery, error) {
	var q NamedQuery
	var created int64
	var text string
	err := rows.Scan(&q.Name, &created, &q.Owner, &text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNoQuery
	}
	if err != nil {
		return nil, err
	}
	q.Created = time.UnixMilli(created).UTC()
	return &q, json.Unmarshal([]byte(text), &q.Query)
}

// Query returns a query by its name.
func (r *Repository) Query(ctx context.Context, name string) (*NamedQuery, error) {
	return scanQuery(r.write.QueryRowContext(ctx, "SELECT name, created, owner, query FROM queries WHERE name = ?", name))
}

// Queries returns queries in the order of their names, after one.
func (r *Repository) Queries(ctx context.Context, after string, limit int) ([]*NamedQuery, error) {
	rows, err := r.read.QueryContext(ctx, "SELECT name, created, owner, query FROM queries WHERE name > ? ORDER BY name LIMIT ?", after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []*NamedQuery
	for rows.Next() {
		q, err := scanQuery(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, q)
	}
	return out, rows.Err()
}

// RemoveQuery forgets a query without subscriptions. owner "" is the operator.
func (r *Repository) RemoveQuery(ctx context.Context, owner, name string) error {
	q, err := r.Query(ctx, name)
	if err != nil {
		return err
	}
	if owner != "" && q.Owner != owner {
		return ErrNoQuery
	}
	res, err := r.write.ExecContext(ctx, "DELETE FROM queries WHERE name = ? AND NOT EXISTS (SELECT 1 FROM subscriptions WHERE query = ?)", name, name)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err == nil && n == 0 {
		return ErrSubscribed
	}
	return err
}

// A SubscriptionRequest asks for reports on a query.
type SubscriptionRequest struct {
	Dest              string     `json:"dest"`
	Stream            bool       `json:"stream"`   // report as events come
	Schedule          *Schedule  `json:"schedule"` // or at times
	ReportIfEmpty     bool       `json:"reportIfEmpty"`
	InitialRecordTime *time.Time `json:"initialRecordTime"` // events from then on; nil: from now on
}

// A Subscription sends reports.
type Subscription struct {
	ID       string
	Query    string
	Created  time.Time
	Owner    string
	Reader   Reader
	Request  SubscriptionRequest
	Last     time.Time // when it last ran
	Reports  int       // that were delivered
	Failures int       // since the last one
	Reason   string    // of the last failure
	Public   string    // the key with which it signs besides the secret
	n        int64
	next     time.Time // after a failure
}

const subscriptionColumns = "id, query, created, owner, member, everything, request, n, last, reports, failures, reason, next"

func (r *Repository) scanSubscription(rows interface{ Scan(...any) error }) (*Subscription, error) {
	var (
		s                   Subscription
		created, last, next int64
		request             string
	)
	err := rows.Scan(&s.ID, &s.Query, &created, &s.Owner, &s.Reader.Member, &s.Reader.All, &request, &s.n, &last, &s.Reports, &s.Failures, &s.Reason, &next)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNoSubscription
	}
	if err != nil {
		return nil, err
	}
	s.Created, s.Last, s.next = time.UnixMilli(created).UTC(), time.UnixMilli(last).UTC(), time.UnixMilli(next)
	s.Public = r.poster.Public(s.ID)
	return &s, json.Unmarshal([]byte(request), &s.Request)
}

// Subscribe has reports on a query sent. The secret that signs them is told here
// and never again.
func (r *Repository) Subscribe(ctx context.Context, owner string, who Reader, query string, q SubscriptionRequest) (_ *Subscription, secret string, err error) {
	if _, err := r.Query(ctx, query); err != nil {
		return nil, "", err
	}
	if q.Stream == (q.Schedule != nil) {
		return nil, "", &ParameterError{Name: "schedule", Reason: "want stream: true, or a schedule"}
	}
	if q.Schedule != nil {
		if _, err := q.Schedule.parse(); err != nil {
			return nil, "", &ParameterError{Name: "schedule", Reason: err.Error()}
		}
	}
	if err := r.poster.Validate(ctx, q.Dest); err != nil {
		return nil, "", err
	}
	var n int64
	if q.InitialRecordTime != nil {
		err = r.read.QueryRowContext(ctx, "SELECT coalesce(max(n), 0) FROM events WHERE record_time < ?", q.InitialRecordTime.UnixMilli()).Scan(&n)
	} else {
		err = r.read.QueryRowContext(ctx, "SELECT coalesce(max(n), 0) FROM events").Scan(&n)
	}
	if err != nil {
		return nil, "", err
	}
	b, err := json.Marshal(q)
	if err != nil {
		return nil, "", err
	}
	id, now := "sub_"+strings.ToLower(rand.Text()[:20]), time.Now().UnixMilli()
	res, err := r.write.ExecContext(ctx, "INSERT INTO subscriptions ("+subscriptionColumns+") SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, '', 0 WHERE (SELECT count(*) FROM subscriptions) < ?",
		id, query, now, owner, string(who.Member), who.All, string(b), n, now, maxSubscriptions)
	if err != nil {
		return nil, "", err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return nil, "", errors.Join(err, ErrLimit)
	}
	s, err := r.Subscription(ctx, owner, query, id)
	if err != nil {
		return nil, "", err
	}
	select {
	case r.subs <- struct{}{}:
	default:
	}
	return s, r.poster.Secret(id), nil
}

// Subscription returns a subscription of an owner, of anybody if owner is "".
func (r *Repository) Subscription(ctx context.Context, owner, query, id string) (*Subscription, error) {
	return r.scanSubscription(r.write.QueryRowContext(ctx, "SELECT "+subscriptionColumns+" FROM subscriptions WHERE id = ? AND query = ? AND (? = '' OR owner = ?)", id, query, owner, owner))
}

// Subscriptions returns those of a query and an owner, of anybody if owner is "", of
// all queries if query is "".
func (r *Repository) Subscriptions(ctx context.Context, owner, query string) ([]*Subscription, error) {
	rows, err := r.write.QueryContext(ctx, "SELECT "+subscriptionColumns+" FROM subscriptions WHERE (? = '' OR query = ?) AND (? = '' OR owner = ?) ORDER BY created, id", query, query, owner, owner)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []*Subscription
	for rows.Next() {
		s, err := r.scanSubscription(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// Unsubscribe ends a subscription.
func (r *Repository) Unsubscribe(ctx context.Context, owner, query, id string) error {
	if _, err := r.Subscription(ctx, owner, query, id); err != nil {
		return err
	}
	_, err := r.write.ExecContext(ctx, "DELETE FROM subscriptions WHERE id = ?", id)
	if err != nil {
		return fmt.Errorf("unsubscribe: %w", err)
	}
	return nil
}
