package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"

	"zhenglian/app/row"
	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// Unit returns the unit of a code, with the statements about it.
func (c *Client) Unit(ctx context.Context, code tx.UnitCode) (*api.Unit, error) {
	return named(get[api.Unit](ctx, c, api.PathUnits, url.Values{"code": {string(code)}}))("look up unit " + string(code))
}

// UnitByID returns a unit, with the statements about it.
func (c *Client) UnitByID(ctx context.Context, id row.UnitID) (*api.Unit, error) {
	return named(get[api.Unit](ctx, c, api.UnitURL(id), nil))("look up unit " + id.String())
}

// Recall returns a recall and how far it has come.
func (c *Client) Recall(ctx context.Context, id tx.ID) (*api.Recall, error) {
	return named(get[api.Recall](ctx, c, api.RecallURL(id), nil))("look up recall " + id.String())
}

// Orphans goes through the hand-overs that only one side has signed, oldest first.
func (c *Client) Orphans(ctx context.Context, q api.OrphanQuery) iter.Seq2[api.Orphan, error] {
	return pages(func(cursor string) (*api.Page[api.Orphan], error) {
		v := pageQuery(q.Limit, cursor)
		for name, value := range map[string]string{"kind": q.Kind, "member": string(q.Member)} {
			if value != "" {
				v.Set(name, value)
			}
		}
		return named(get[api.Page[api.Orphan]](ctx, c, api.PathOrphans, v))("orphans")
	})
}

// maxTraceLine bounds a line of a trace in bytes.
const maxTraceLine = 64 << 10

// ErrCutOff says that an answer ended before its end.
var ErrCutOff = errors.New("the gateway's answer was cut off")

// Trace follows a unit. The last line has End; without it the sequence ends
// with an error.
func (c *Client) Trace(ctx context.Context, id row.UnitID, q api.TraceQuery) iter.Seq2[api.TraceLine, error] {
	return func(yield func(api.TraceLine, error) bool) {
		stopped := false
		fail := func(err error) { yield(api.TraceLine{}, fmt.Errorf("trace unit %s: %w", id, err)) }
		err := c.do(ctx, request{method: http.MethodGet, path: api.TraceURL(id), query: q.Values(), accept: api.MediaNDJSON, once: true}, func(res *http.Response) error {
			defer res.Body.Close()
			s := bufio.NewScanner(res.Body)
			s.Buffer(make([]byte, 0, 4096), maxTraceLine)
			for s.Scan() {
				var l api.TraceLine
				if err := json.Unmarshal(s.Bytes(), &l); err != nil {
					return err
				}
				if l.Fault != nil {
					return fmt.Errorf("the gateway could not go on: %s", l.Fault.Code)
				}
				if !yield(l, nil) || l.End != nil {
					stopped = true
					return nil
				}
			}
			return errors.Join(s.Err(), ErrCutOff)
		})
		if err != nil && !stopped {
			fail(err)
		}
	}
}
