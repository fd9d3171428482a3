package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/client/epcis"
)

// CaptureOptions say how events are captured.
type CaptureOptions struct {
	Anchor  tx.ID  // the trace.events that anchors them; zero: the gateway's account states them
	Readers string // own, public, or ids of members with commas between; "" is own
	Proceed bool   // take the good events of a document that has bad ones
}

// CaptureEvents hands an EPCIS document to the gateway and waits, as long as ctx
// lasts, until its events are captured or refused: see the job.
func (c *Client) CaptureEvents(ctx context.Context, document []byte, o CaptureOptions) (*api.CaptureJob, error) {
	r := request{method: http.MethodPost, path: api.PathEPCISCapture, header: http.Header{"Prefer": {"wait=20"}}}.sendBytes(api.MediaJSONLD, document)
	if !o.Anchor.IsZero() {
		r.header.Set(api.HeaderAnchor, o.Anchor.String())
	}
	if o.Readers != "" {
		r.header.Set(api.HeaderReaders, o.Readers)
	}
	if o.Proceed {
		r.header.Set(api.HeaderBehaviour, "proceed")
	}
	j := new(api.CaptureJob)
	if err := c.do(ctx, r, object(j)); err != nil {
		return nil, fmt.Errorf("capture events: %w", err)
	}
	for j.Running {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("capture %s: %w", j.CaptureID, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
		r := request{method: http.MethodGet, path: api.EPCISJobURL(j.CaptureID), header: http.Header{"Prefer": {"wait=20"}}}
		if err := c.do(ctx, r, object(j)); err != nil {
			return nil, fmt.Errorf("capture %s: %w", j.CaptureID, err)
		}
	}
	return j, nil
}

// EPCISEvents asks for events by the parameters of EPCIS queries and follows the
// pages of the answer. Each event is JSON as the gateway writes it.
func (c *Client) EPCISEvents(ctx context.Context, parameters url.Values) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		q := url.Values{}
		for k, v := range parameters {
			q[k] = v
		}
		for {
			var page struct {
				EpcisBody struct {
					QueryResults struct {
						ResultsBody struct{ EventList []json.RawMessage }
					}
				}
			}
			next := ""
			err := c.do(ctx, request{method: http.MethodGet, path: api.PathEPCISEvents, query: q, accept: api.MediaJSONLD}, func(res *http.Response) error {
				if link, _, ok := strings.Cut(strings.TrimPrefix(res.Header.Get("Link"), "<"), ">"); ok {
					u, err := url.Parse(link)
					if err != nil {
						return &badAnswer{err}
					}
					if next = u.Query().Get("nextPageToken"); next == "" {
						return &badAnswer{errors.New("a next page without a token")}
					}
				}
				return object(&page)(res)
			})
			if err != nil {
				yield(nil, fmt.Errorf("query events: %w", err))
				return
			}
			for _, e := range page.EpcisBody.QueryResults.ResultsBody.EventList {
				if !yield(e, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			q.Set("nextPageToken", next)
		}
	}
}

// EventID is the id under which a gateway keeps an event: its own, or its hash id.
func EventID(e *epcis.Event) string {
	if id, _ := e.Fields["eventID"].(string); id != "" {
		return id
	}
	return e.ID()
}
