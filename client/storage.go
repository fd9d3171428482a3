package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// Custody reads lines of the custody log of the gateway's store, each with its line
// feed: those about one file or, with a zero digest, all, after the line of number n.
func (c *Client) Custody(ctx context.Context, about tx.Digest, n int64) (log []byte, err error) {
	q := url.Values{"after": {strconv.FormatInt(n, 10)}, "limit": {strconv.Itoa(api.MaxCustody)}}
	if !about.IsZero() {
		q.Set("digest", about.String())
	}
	err = c.do(ctx, request{method: http.MethodGet, path: api.PathCustody, query: q}, func(res *http.Response) error {
		defer res.Body.Close()
		log, err = io.ReadAll(res.Body)
		return err
	})
	_, err = named(new(struct{}), err)("custody log")
	return log, err
}

// Stored tells how long a file is kept.
func (c *Client) Stored(ctx context.Context, d tx.Digest) (*api.Stored, error) {
	return named(get[api.Stored](ctx, c, api.StoredURL(d), nil))("file " + d.String())
}

// SetClass gives a file another retention class.
func (c *Client) SetClass(ctx context.Context, d tx.Digest, r api.ClassRequest) (*api.Stored, error) {
	return named(post[api.Stored](ctx, c, api.StoredURL(d)+"/class", r))("class of " + d.String())
}

// Hold puts a legal hold on a file.
func (c *Client) Hold(ctx context.Context, d tx.Digest, r api.HoldRequest) (*api.Stored, error) {
	return named(post[api.Stored](ctx, c, api.StoredURL(d)+"/holds", r))("hold on " + d.String())
}

// Release ends a legal hold.
func (c *Client) Release(ctx context.Context, d tx.Digest, id, why string) error {
	return c.remove(ctx, api.StoredURL(d)+"/holds/"+url.PathEscape(id), why, "release "+d.String())
}

// DeleteFile deletes a file whose retention is over.
func (c *Client) DeleteFile(ctx context.Context, d tx.Digest, why string) error {
	return c.remove(ctx, api.StoredURL(d), why, "delete "+d.String())
}

func (c *Client) remove(ctx context.Context, path, why, what string) error {
	r := request{method: http.MethodDelete, path: path, query: url.Values{"why": {why}}}
	_, err := named(new(struct{}), c.do(ctx, r, func(res *http.Response) error { return res.Body.Close() }))(what)
	return err
}
