package client

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"zhenglian/client/api"
)

// Bounds of following events.
const (
	maxEvent     = 4 << 20          // bytes of one line
	eventSilence = 50 * time.Second // three heartbeats of a gateway: after them a stream counts as dead
)

// EventOptions say from where to follow events, and how.
type EventOptions struct {
	api.EventQuery
	// After is the place after which to begin; nil means now.
	After *api.EventID
	// Moved, if set, is told places up to which everything has been seen, also
	// when there was nothing to tell. Who keeps the last of them may go on there.
	Moved func(api.EventID)
}

// Events follows what blocks do until ctx ends, which is its last error. A
// connection that breaks is made again and goes on after the last event: none is
// missing and none comes twice. A gateway that does not answer is asked again for
// as long as ctx lasts; one that refuses ends it.
func (c *Client) Events(ctx context.Context, o EventOptions) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		after := o.After
		pause := 200 * time.Millisecond
		for {
			began := time.Now()
			stopped, err := c.stream(ctx, o, &after, yield)
			if stopped {
				return
			}
			var p *api.Problem
			if ctx.Err() != nil {
				err = fmt.Errorf("events of %s: %w", c.base, ctx.Err())
			}
			// What a gateway refuses it refuses again, unless it says when to come back.
			if ctx.Err() != nil || errors.As(err, &p) && p.RetryAfter == 0 && p.Status < 500 {
				yield(api.Event{}, err)
				return
			}
			if time.Since(began) > 5*time.Second {
				pause = 200 * time.Millisecond
			}
			wait := pause
			if p != nil && p.RetryAfter > 0 {
				wait = min(time.Duration(p.RetryAfter)*time.Second, c.conf.MaxPause)
			}
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
			pause = min(2*pause, 10*time.Second)
		}
	}
}

// stream follows one connection and moves after. It reports whether the caller
// wants no more.
func (c *Client) stream(ctx context.Context, o EventOptions, after **api.EventID, yield func(api.Event, error) bool) (stopped bool, _ error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	q := eventQuery(o.EventQuery)
	if *after != nil {
		q.Set("after", (*after).String())
	}
	var res *http.Response
	r := request{method: http.MethodGet, path: api.PathEvents, query: q, accept: api.MediaEvents}
	if _, err := c.attempt(ctx, r, func(r *http.Response) error { res = r; return nil }); err != nil {
		return false, err
	}
	defer res.Body.Close()
	dead := time.AfterFunc(eventSilence, cancel)
	defer dead.Stop()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(make([]byte, 64<<10), maxEvent)
	var id, data string
	for lines.Scan() {
		dead.Reset(eventSilence)
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "":
			if id == "" {
				continue
			}
			place, err := api.ParseEventID(id)
			if err != nil {
				return false, &badAnswer{err}
			}
			if data != "" {
				var e api.Event
				if err := json.Unmarshal([]byte(data), &e); err != nil || e.ID != place {
					return false, &badAnswer{fmt.Errorf("event %s: %w", id, errors.Join(err, errors.New("not as announced")))}
				}
				if !yield(e, nil) {
					return true, nil
				}
			}
			if *after = &place; o.Moved != nil {
				o.Moved(place)
			}
			id, data = "", ""
		case name == "id":
			id = value
		case name == "data":
			data = value // ours are one line each
		}
	}
	return false, fmt.Errorf("%w: %s: %w", ErrUnreachable, c.base, cmp.Or(lines.Err(), io.ErrUnexpectedEOF))
}

// EventPage reads the events after a place that there are already. The page's
// NextCursor is the place to go on from, also when it has no more.
func (c *Client) EventPage(ctx context.Context, q api.EventQuery, after api.EventID, limit int) (*api.Page[api.Event], error) {
	v := eventQuery(q)
	v.Set("after", after.String())
	if limit != 0 {
		v.Set("limit", strconv.Itoa(limit))
	}
	return named(get[api.Page[api.Event]](ctx, c, api.PathEvents, v))("events")
}

func eventQuery(q api.EventQuery) url.Values {
	v := url.Values{}
	for name, value := range map[string]string{
		"type": strings.Join(q.Types, ","), "kind": strings.Join(q.Kinds, ","), "member": string(q.Member), "list": q.List,
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.Matter != nil {
		v.Set("matter", strconv.FormatUint(*q.Matter, 10))
	}
	return v
}
