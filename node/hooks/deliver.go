package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"time"

	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// A message is the body of a delivery.
type message struct {
	Type      string          `json:"type"`
	Timestamp tx.Time         `json:"timestamp"`
	Data      json.RawMessage `json:"data"`
}

// Bounds of a worker.
const (
	batch        = 32               // events read at once
	maxRepeats   = 8                // attempts of an event that was asked for again
	maxRetry     = time.Hour        // of Retry-After
	restOfAnswer = 64 << 10         // bytes read of a receiver's answer, to use the connection again
	keepPlace    = 10 * time.Second // between places kept of a hook for which there is nothing
	sickPause    = 5 * time.Second  // after an error of ours
)

// work delivers the events of one hook until it is disabled, removed, or ctx ends.
func (h *Hooks) work(ctx context.Context, id string, wake chan struct{}) {
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.wakes, id)
		// Enabled between its last look and now: another worker begins.
		select {
		case h.fresh <- struct{}{}:
		default:
		}
	}()
	var p progress
	for ctx.Err() == nil {
		k, err := h.db.get(ctx, id)
		if err == nil && k.disabled || errors.Is(err, ErrNoHook) {
			return
		}
		moved := h.source.Moved() // before looking, so that no block is missed
		var until time.Time
		var idle bool
		if err == nil {
			if p.place != k.Delivered { // at the beginning, and when somebody has moved it
				p.place, p.at = k.Delivered, k.Delivered
			}
			until, idle, err = h.turn(ctx, k, &p)
		}
		if err != nil && ctx.Err() == nil {
			h.c.Log.Error("a hook cannot be served", "hook", id, "err", err)
			until, idle = time.Now().Add(sickPause), true
		}
		if !idle {
			continue
		}
		var due <-chan time.Time
		var t *time.Timer
		if !until.IsZero() {
			t = time.NewTimer(time.Until(until))
			due, moved = t.C, nil // events wait behind the one that failed
		}
		select {
		case <-ctx.Done():
		case <-due:
		case <-moved:
		case <-wake:
		}
		if t != nil {
			t.Stop()
		}
	}
}

// A progress is how far a worker has got.
type progress struct {
	place api.EventID // that is kept of the hook
	at    api.EventID // up to which there is nothing for it; not before place
	kept  time.Time   // when the place was last moved without a delivery
}

// turn does what is due for a hook: what is to be sent again, then the events
// after its place. It says whether there is nothing more for now, and until when
// nothing new can change that.
func (h *Hooks) turn(ctx context.Context, k *hook, p *progress) (until time.Time, idle bool, err error) {
	r, err := h.db.repetition(ctx, k.ID)
	if err != nil {
		return until, false, err
	}
	if r != nil && !time.Now().Before(r.next) {
		return until, false, h.again(ctx, k, r)
	}
	if wait := time.Until(k.next); k.Failures > 0 && wait > 0 {
		until = k.next
		if r != nil && r.next.Before(until) {
			until = r.next
		}
		return until, true, nil
	}
	found, to, err := h.source.Next(ctx, p.at, &k.query, batch)
	if err != nil {
		return until, false, err
	}
	for i := range found {
		d, err := h.deliver(ctx, k, &found[i], k.Failures+1)
		if err != nil {
			return until, false, err
		}
		if !d.OK {
			return until, false, h.gaveUp(ctx, k, d)
		}
		if err := h.db.succeeded(ctx, k, found[i].ID); err != nil {
			return until, false, err
		}
		// Somebody may have disabled, removed or sent it back meanwhile.
		now, err := h.db.get(ctx, k.ID)
		if err != nil || now.disabled || now.Delivered != found[i].ID {
			return until, false, nil
		}
		k = now
		p.place, p.at = k.Delivered, k.Delivered
	}
	p.at = to
	if to.Less(h.source.Now()) {
		return until, false, nil // a long way through what is not for it
	}
	if time.Since(p.kept) > keepPlace && k.Delivered.Less(to) {
		if err := h.db.advance(ctx, k.ID, k.Delivered, to); err != nil {
			return until, false, err
		}
		p.place, p.kept = to, time.Now()
	}
	if r != nil {
		until = r.next
	}
	return until, true, nil
}

// again sends an event once more that somebody has asked for.
func (h *Hooks) again(ctx context.Context, k *hook, r *repetition) error {
	e, err := h.event(r.event)
	if errors.Is(err, ErrNoEvent) {
		return h.db.repeated(ctx, k.ID, r, time.Time{})
	}
	if err != nil {
		return err
	}
	d, err := h.deliver(ctx, k, e, r.attempts+1)
	if err != nil {
		return err
	}
	var next time.Time
	if !d.OK && r.attempts+1 < maxRepeats {
		next = time.Now().Add(h.pause(r.attempts+1, 0))
	}
	return h.db.repeated(ctx, k.ID, r, next)
}

// deliver sends an event and keeps in the log how that went.
func (h *Hooks) deliver(ctx context.Context, k *hook, e *api.Event, attempt int) (*outcome, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(message{Type: e.Type, Timestamp: e.Time, Data: data})
	if err != nil {
		return nil, err
	}
	d := &api.Delivery{Message: fmt.Sprintf("evt_%s_%d_%d", h.c.Chain, e.ID.Height, e.ID.Index), Event: e.ID, Type: e.Type, Attempt: attempt}
	o := &outcome{Delivery: d, retry: h.post(ctx, k, d, body)}
	if ctx.Err() != nil {
		return nil, ctx.Err() // whatever it says, it is tried again after the start
	}
	return o, h.db.note(ctx, k.ID, d)
}

// An outcome is an attempt and what the receiver says of the next one.
type outcome struct {
	*api.Delivery
	retry time.Duration // that the receiver asks for, 0 if it does not
}

// gaveUp notes that an attempt failed: when to try again, or that it is enough.
func (h *Hooks) gaveUp(ctx context.Context, k *hook, d *outcome) error {
	now := time.Now()
	since := k.since
	if k.Failures == 0 {
		since = now
	}
	if d.Status == http.StatusGone || now.Sub(since) >= h.c.GiveUp {
		reason := "the receiver says that it is gone"
		if d.Status != http.StatusGone {
			reason = fmt.Sprintf("it has failed since %s: %s", since.UTC().Format(time.RFC3339), d.Error)
		}
		h.count.WithLabelValues("disabled").Inc()
		h.c.Log.Warn("a hook was disabled", "hook", k.ID, "reason", reason, "event", d.Event.String())
		return h.db.disable(ctx, k.ID, reason)
	}
	return h.db.failed(ctx, k.ID, d.Error, since, now.Add(h.pause(k.Failures+1, d.retry)))
}

// pause is how long to wait after the n-th failure: doubled each time, give or
// take a half so that hooks that failed together do not come back together.
func (h *Hooks) pause(n int, asked time.Duration) time.Duration {
	p := h.c.First
	for range n - 1 {
		if p *= 2; p >= h.c.Longest {
			p = h.c.Longest
			break
		}
	}
	p = p/2 + rand.N(p)
	return max(p, min(asked, maxRetry))
}

// post sends a body and fills in how that went. It returns how long the receiver
// asks to be left alone.
func (h *Hooks) post(ctx context.Context, k *hook, d *api.Delivery, body []byte) (retry time.Duration) {
	select {
	case h.posting <- struct{}{}:
		defer func() { <-h.posting }()
	case <-ctx.Done():
		d.Error = "stopped"
		return 0
	}
	now := time.Now()
	d.At = tx.TimeOf(now)
	defer func() {
		d.Millis = time.Since(now).Milliseconds()
		result := "ok"
		if !d.OK {
			result = "failed"
		}
		h.count.WithLabelValues(result).Inc()
	}()
	var err error
	d.Status, retry, err = h.target.post(ctx, k.url, d.Message, now, api.MediaJSON, body, k.secrets, k.seed)
	if d.OK = err == nil; !d.OK {
		d.Error = plain(err)
	}
	return retry
}

// plain says what went wrong without the address, which may hold a secret.
func plain(err error) string {
	var dns *net.DNSError
	var of *url.Error
	switch {
	case errors.Is(err, errAnswer):
		return err.Error()
	case errors.Is(err, ErrTarget):
		return "the address is not on the public internet, and the operator has not allowed it"
	case errors.Is(err, context.DeadlineExceeded):
		return "the receiver did not answer in time"
	case errors.As(err, &dns):
		return "the host name does not resolve"
	case errors.As(err, &of):
		return of.Err.Error()
	}
	return "the receiver was not reached"
}
