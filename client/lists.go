package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/client/list"
)

// Snapshot fetches what is in force on a list, at the newest height that is
// proven or, when it is not 0, at the one given, and proves it.
func (c *Client) Snapshot(ctx context.Context, l tx.List, height int64, t *receipt.Trust) (*list.Set, error) {
	q := url.Values{}
	if height != 0 {
		q.Set("height", strconv.FormatInt(height, 10))
	}
	var s *list.Set
	err := c.copied(ctx, api.PathListSnapshot, l, q, api.MediaListSnapshot, func(r io.Reader) (err error) {
		s, err = list.ReadSnapshot(r, l, t)
		return err
	})
	if err == nil && height != 0 && s.Head().Height != height {
		err = &badAnswer{fmt.Errorf("it is of height %d", s.Head().Height)}
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", l, err)
	}
	return s, nil
}

// Update leads a set to the newest height that is proven, by a delta; when the
// gateway no longer holds the height of the set, by a snapshot.
func (c *Client) Update(ctx context.Context, s *list.Set, t *receipt.Trust) (*list.Set, error) {
	q := url.Values{"since": {strconv.FormatInt(s.Head().Height, 10)}}
	var n *list.Set
	err := c.copied(ctx, api.PathListDelta, s.List(), q, api.MediaListDelta, func(r io.Reader) (err error) {
		n, err = s.Apply(r, t)
		return err
	})
	switch {
	case IsNotFound(err):
		return c.Snapshot(ctx, s.List(), 0, t)
	case err != nil:
		return nil, fmt.Errorf("list %s: %w", s.List(), err)
	}
	return n, nil
}

// copied fetches a copy of a list and reads it as it comes.
func (c *Client) copied(ctx context.Context, path string, l tx.List, q url.Values, media string, read func(io.Reader) error) error {
	path = strings.Replace(path, "{list}", l.String(), 1)
	return c.do(ctx, request{method: http.MethodGet, path: path, query: q, accept: media}, func(res *http.Response) error {
		defer res.Body.Close()
		err := read(res.Body)
		// What is cut off counts as a failure of the network; what is not proven does not.
		if errors.Is(err, list.ErrProof) || errors.Is(err, list.ErrBase) || errors.Is(err, list.ErrWrongList) {
			return &badAnswer{err}
		}
		return err
	})
}
