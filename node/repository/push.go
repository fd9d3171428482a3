package repository

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"zhenglian/client/epcis"
)

// Bounds of reports.
const (
	reportEvents = 500 // of one report
	firstPause   = time.Second
	longestPause = 10 * time.Minute
	giveUp       = 200 // failures one after another: more than a day
)

// Document is the answer to a query as EPCIS writes it.
func Document(query, subscription string, events []*Event) map[string]any {
	list := make([]any, len(events))
	for i, e := range events {
		list[i] = e.JSON()
	}
	results := map[string]any{"queryName": query, "resultsBody": map[string]any{"eventList": list}}
	if subscription != "" {
		results["subscriptionID"] = subscription
	}
	return map[string]any{
		"@context": []any{epcis.StandardContext}, "type": "EPCISQueryDocument", "schemaVersion": "2.0",
		"creationDate": time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), "epcisBody": map[string]any{"queryResults": results},
	}
}

// reports sends the reports of all subscriptions until ctx ends.
func (r *Repository) reports(ctx context.Context) {
	running := make(map[string]context.CancelFunc)
	ended := make(chan string)
	for {
		subs, err := r.Subscriptions(ctx, "", "")
		if err != nil && ctx.Err() == nil {
			r.c.Log.Error("subscriptions cannot be read", "err", err)
		}
		for _, s := range subs {
			if _, ok := running[s.ID]; ok || s.Failures >= giveUp {
				continue
			}
			own, cancel := context.WithCancel(ctx)
			running[s.ID] = cancel
			go func() {
				r.follow(own, s.Query, s.ID)
				ended <- s.ID
			}()
		}
		select {
		case <-ctx.Done():
			for range running {
				id := <-ended
				running[id]()
			}
			return
		case id := <-ended:
			running[id]()
			delete(running, id)
		case <-r.subs:
		}
	}
}

// follow sends the reports of one subscription until it is ended or ctx ends.
func (r *Repository) follow(ctx context.Context, query, id string) {
	for ctx.Err() == nil {
		added := r.moved() // before looking, so that no event is missed
		s, err := r.Subscription(ctx, "", query, id)
		if err != nil || s.Failures >= giveUp {
			return // ended
		}
		wake := added
		var due time.Time
		switch {
		case s.Failures > 0:
			due, wake = s.next, nil
		case s.Request.Schedule != nil:
			t, err := s.Request.Schedule.parse()
			if err != nil {
				return
			}
			if due, wake = t.next(s.Last), nil; due.IsZero() {
				return
			}
		}
		if due.IsZero() || !time.Now().Before(due) {
			more, err := r.report(ctx, s)
			if err != nil && ctx.Err() == nil {
				r.c.Log.Error("a subscription cannot be served", "subscription", id, "err", err)
				due, wake = time.Now().Add(longestPause/60), nil
			} else if more || s.Request.Schedule != nil || err != nil {
				continue
			}
		}
		look := time.NewTimer(time.Minute) // whether it has been ended
		if !due.IsZero() {
			look.Reset(min(time.Until(due), time.Minute))
		}
		select {
		case <-ctx.Done():
		case <-wake:
		case <-look.C:
		}
		look.Stop()
	}
}

// report sends what is new for a subscription, if there is something, and says
// whether there is more.
func (r *Repository) report(ctx context.Context, s *Subscription) (more bool, err error) {
	named, err := r.Query(ctx, s.Query)
	if err != nil {
		return false, err
	}
	q, err := named.Query.Parse()
	if err != nil {
		return false, err
	}
	q.byRecord, q.up, q.limit, q.max = true, true, 0, 0
	var newest int64
	if err := r.read.QueryRowContext(ctx, "SELECT coalesce(max(n), 0) FROM events").Scan(&newest); err != nil {
		return false, err
	}
	q.where, q.args = append(q.where, "e.n <= ?"), append(q.args, newest)
	p, err := r.some(ctx, s.Reader, q, token{Key: s.n, N: math.MaxInt64}, reportEvents)
	if err != nil {
		return false, err
	}
	to := newest
	if p.Next != "" {
		// It goes on after the last event of this report, or, if it found none in all it
		// looked at, where it stopped.
		if to, err = placeOf(p.Next); err != nil {
			return false, err
		}
	}
	now := time.Now()
	if len(p.Events) == 0 && (!s.Request.ReportIfEmpty || s.Request.Stream) {
		if to == s.n && s.Request.Stream {
			return false, nil
		}
		_, err := r.write.ExecContext(ctx, "UPDATE subscriptions SET n = ?, last = ? WHERE id = ?", to, now.UnixMilli(), s.ID)
		return p.Next != "", err
	}
	body, err := json.Marshal(Document(s.Query, s.ID, p.Events))
	if err != nil {
		return false, err
	}
	// The same events have the same message id, whichever attempt it is.
	gone, retry, failed := r.poster.Post(ctx, s.ID, s.Request.Dest, fmt.Sprintf("%s_%d_%d", s.ID, s.n, s.Reports), "application/json", body)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if failed == nil {
		_, err = r.write.ExecContext(ctx, "UPDATE subscriptions SET n = ?, last = ?, reports = reports + 1, failures = 0, reason = '', next = 0 WHERE id = ?", to, now.UnixMilli(), s.ID)
		return p.Next != "", err
	}
	failures := s.Failures + 1
	if gone {
		failures = giveUp
	}
	wait := longestPause
	if failures < 10 {
		wait = min(longestPause, firstPause<<failures)
	}
	_, err = r.write.ExecContext(ctx, "UPDATE subscriptions SET failures = ?, reason = ?, next = ? WHERE id = ?", failures, failed.Error(), now.Add(max(wait, retry)).UnixMilli(), s.ID)
	return true, err
}
