package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// Submit implements [api.Ledger]. See [Client.Await] for more patience.
func (c *Client) Submit(ctx context.Context, e *tx.Envelope, o api.SubmitOptions) (*api.Submission, error) {
	q := url.Values{}
	switch {
	case o.Wait < 0:
		q.Set("wait", "0")
	case o.Wait > 0:
		q.Set("wait", strconv.Itoa(int(math.Ceil(min(o.Wait, api.MaxWait).Seconds()))))
	}
	if o.NoReceipt {
		q.Set("receipt", "false")
	}
	r := request{method: http.MethodPost, path: api.PathEnvelopes, query: q}.sendBytes(api.MediaDSSE, e.AppendJSON(nil))
	s := new(api.Submission)
	var onItsWay *api.InFlight
	err := c.do(ctx, r, func(res *http.Response) error {
		if res.StatusCode == http.StatusAccepted {
			onItsWay = new(api.InFlight)
			return object(onItsWay)(res)
		}
		return object(s)(res)
	})
	id := e.ID()
	switch {
	case err != nil:
		return nil, fmt.Errorf("submit %s: %w", id, err)
	case onItsWay != nil:
		onItsWay.ID = id // whatever the gateway says: this is what was handed in
		return nil, onItsWay
	case s.ID != id:
		return nil, fmt.Errorf("submit %s: %w", id, &badAnswer{fmt.Errorf("it speaks of statement %s", s.ID)})
	}
	return s, nil
}

// resubmitAfter is how long Await asks after a statement before it hands the
// same envelope in again: the node that had it may have lost it.
const resubmitAfter = 10 * time.Second

// Await is Submit that does not give up while ctx lasts: after 202 it asks for
// the statement until its receipt exists. When ctx ends first the error is
// the *api.InFlight and wraps ctx.Err() too.
func (c *Client) Await(ctx context.Context, e *tx.Envelope, o api.SubmitOptions) (*api.Submission, error) {
	for {
		s, err := c.Submit(ctx, e, o)
		var onItsWay *api.InFlight
		if !errors.As(err, &onItsWay) {
			return s, err
		}
		until := time.Now().Add(resubmitAfter)
		for pause := 50 * time.Millisecond; time.Now().Before(until); pause = min(2*pause, time.Second) {
			t := time.NewTimer(pause)
			select {
			case <-ctx.Done():
				t.Stop()
				return nil, fmt.Errorf("%w: %w", onItsWay, ctx.Err())
			case <-t.C:
			}
			st, err := c.Statement(ctx, e.ID())
			switch {
			case IsNotFound(err) || err == nil && st.SealedAt == 0:
				continue
			case err != nil:
				return nil, err
			}
			return c.submission(ctx, st, o)
		}
	}
}

// submission makes the answer that Submit would have given.
func (c *Client) submission(ctx context.Context, st *api.Statement, o api.SubmitOptions) (*api.Submission, error) {
	s := &api.Submission{
		ID: st.ID, Seq: st.Seq, Height: st.Height, State: st.State, Outcome: st.Outcome, Missing: st.Missing, SealedAt: st.SealedAt,
		StatementURL: api.StatementURL(st.ID), ReceiptURL: api.ReceiptURL(st.ID),
	}
	if o.NoReceipt {
		return s, nil
	}
	var err error
	s.Receipt, err = c.Receipt(ctx, st.ID, api.ReceiptOptions{})
	return s, err
}

// Statement implements [api.Ledger].
func (c *Client) Statement(ctx context.Context, id tx.ID) (*api.Statement, error) {
	s, err := get[api.Statement](ctx, c, api.StatementURL(id), nil)
	if err != nil {
		return nil, fmt.Errorf("statement %s: %w", id, err)
	}
	if s.ID != id || tx.StatementID([]byte(s.Text)) != id {
		return nil, fmt.Errorf("statement %s: %w", id, &badAnswer{errors.New("it holds another statement")})
	}
	return s, nil
}

// Receipt implements [api.Ledger].
func (c *Client) Receipt(ctx context.Context, id tx.ID, o api.ReceiptOptions) ([]byte, error) {
	q := url.Values{}
	if o.Form != "" {
		q.Set("form", o.Form)
	}
	if o.At != "" {
		q.Set("at", o.At)
	}
	if !o.Item.IsZero() {
		q.Set("item", o.Item.String())
	}
	accept := api.MediaReceiptJSON
	if o.Form == api.FormCompact {
		accept = api.MediaReceiptCBOR
	}
	var b []byte
	if err := c.do(ctx, request{method: http.MethodGet, path: api.ReceiptURL(id), query: q, accept: accept}, whole(&b)); err != nil {
		return nil, fmt.Errorf("receipt of %s: %w", id, err)
	}
	return b, nil
}

// Evidence implements [api.Ledger].
func (c *Client) Evidence(ctx context.Context, q api.EvidenceQuery) (*api.Page[api.Evidence], error) {
	v := pageQuery(q.Limit, q.Cursor)
	for name, d := range map[string]tx.Digest{"sha256": q.SHA256, "sm3": q.SM3, "case_tag": q.CaseTag} {
		if !d.IsZero() {
			v.Set(name, d.String())
		}
	}
	if q.Member != "" {
		v.Set("member", string(q.Member))
	}
	p, err := get[api.Page[api.Evidence]](ctx, c, api.PathEvidence, v)
	if err != nil {
		return nil, fmt.Errorf("search evidence: %w", err)
	}
	return p, nil
}

// AllEvidence goes through every page of a search. It ends after the first
// error, which comes with a zero Evidence.
func (c *Client) AllEvidence(ctx context.Context, q api.EvidenceQuery) iter.Seq2[api.Evidence, error] {
	return pages(func(cursor string) (*api.Page[api.Evidence], error) {
		if cursor != "" {
			q.Cursor = cursor
		}
		return c.Evidence(ctx, q)
	})
}

// Verify implements [api.Ledger].
func (c *Client) Verify(ctx context.Context, r api.VerifyRequest) (*api.Verification, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	v := new(api.Verification)
	if err := c.do(ctx, request{method: http.MethodPost, path: api.PathVerify}.sendBytes(api.MediaJSON, b), object(v)); err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	return v, nil
}

// PutBlob implements [api.Ledger]. A body that is an [io.ReaderAt] and an
// [io.Seeker], as files are, is sent again when an attempt fails.
func (c *Client) PutBlob(ctx context.Context, sha256 tx.Digest, size int64, body io.Reader) (*api.Blob, error) {
	r := request{method: http.MethodPut, path: api.BlobURL(sha256), contentType: "application/octet-stream", size: size, once: true}
	r.body = func() (io.Reader, error) { return io.NopCloser(body), nil }
	if at, ok := body.(interface {
		io.ReaderAt
		io.Seeker
	}); ok && size >= 0 {
		if start, err := at.Seek(0, io.SeekCurrent); err == nil {
			// A section for each attempt: the one before may still be read when
			// the next begins, and must not move its position.
			r.once = false
			r.body = func() (io.Reader, error) { return io.NewSectionReader(at, start, size), nil }
		}
	}
	if size == 0 {
		// With a body that is not nil, net/http takes 0 for "unknown".
		r.body = func() (io.Reader, error) { return http.NoBody, nil }
	}
	b := new(api.Blob)
	if err := c.do(ctx, r, object(b)); err != nil {
		return nil, fmt.Errorf("store file %s: %w", sha256, err)
	}
	return b, nil
}

// Blob implements [api.Ledger].
func (c *Client) Blob(ctx context.Context, digest tx.Digest) (body io.ReadCloser, size int64, err error) {
	return c.Fetch(ctx, digest, nil)
}

// Fetch is Blob with what is to be said in the custody log: use (read or export) and why.
func (c *Client) Fetch(ctx context.Context, digest tx.Digest, say url.Values) (body io.ReadCloser, size int64, err error) {
	err = c.do(ctx, request{method: http.MethodGet, path: api.BlobURL(digest), query: say, accept: "*/*"}, func(res *http.Response) error {
		body, size = &checkedBody{ReadCloser: res.Body, hash: sha256.New(), want: digest}, res.ContentLength
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("fetch file %s: %w", digest, err)
	}
	return body, size, nil
}

// checkedBody ends in io.EOF only when everything read has the digest.
type checkedBody struct {
	io.ReadCloser
	hash hash.Hash
	want tx.Digest
}

func (b *checkedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.hash.Write(p[:n])
	if err == io.EOF && !bytes.Equal(b.hash.Sum(nil), b.want[:]) {
		return n, fmt.Errorf("file %s: the gateway sent other bytes", b.want)
	}
	return n, err
}

// Checkpoint implements [api.Ledger].
func (c *Client) Checkpoint(ctx context.Context) (*api.Checkpoint, error) {
	return named(get[api.Checkpoint](ctx, c, api.PathCheckpoint, nil))("checkpoint")
}

// Trust implements [api.Ledger].
func (c *Client) Trust(ctx context.Context) ([]byte, error) {
	var b []byte
	if err := c.do(ctx, request{method: http.MethodGet, path: api.PathTrust}, whole(&b)); err != nil {
		return nil, fmt.Errorf("trust root: %w", err)
	}
	return b, nil
}

// Members implements [api.Ledger].
func (c *Client) Members(ctx context.Context) (*api.Page[api.Member], error) {
	return named(get[api.Page[api.Member]](ctx, c, api.PathMembers, nil))("members")
}

// Account implements [api.Ledger].
func (c *Client) Account(ctx context.Context, id tx.AccountID) (*api.Account, error) {
	return named(get[api.Account](ctx, c, api.AccountURL(id), nil))("account " + id.String())
}

// Accounts implements [api.Ledger].
func (c *Client) Accounts(ctx context.Context, q api.AccountQuery) (*api.Page[api.Account], error) {
	v := pageQuery(q.Limit, q.Cursor)
	if q.Member != "" {
		v.Set("member", string(q.Member))
	}
	return named(get[api.Page[api.Account]](ctx, c, api.PathAccounts, v))("accounts")
}

// AllAccounts goes through every page of a list of accounts. It ends after the
// first error, which comes with a zero Account.
func (c *Client) AllAccounts(ctx context.Context, q api.AccountQuery) iter.Seq2[api.Account, error] {
	return pages(func(cursor string) (*api.Page[api.Account], error) {
		q.Cursor = cursor
		return c.Accounts(ctx, q)
	})
}

// Validators implements [api.Ledger].
func (c *Client) Validators(ctx context.Context) (*api.Page[api.Validator], error) {
	return named(get[api.Page[api.Validator]](ctx, c, api.PathValidators, nil))("validators")
}

// Protocol implements [api.Ledger].
func (c *Client) Protocol(ctx context.Context) (*api.Protocol, error) {
	return named(get[api.Protocol](ctx, c, api.PathProtocol, nil))("protocol")
}

// Pending implements [api.Ledger].
func (c *Client) Pending(ctx context.Context, q api.PendingQuery) (*api.Page[api.Pending], error) {
	v := pageQuery(q.Limit, q.Cursor)
	if q.Member != "" {
		v.Set("member", string(q.Member))
	}
	if !q.Account.IsZero() {
		v.Set("account", q.Account.String())
	}
	return named(get[api.Page[api.Pending]](ctx, c, api.PathPending, v))("pending statements")
}

// AllPending goes through every page of what waits. It ends after the first
// error, which comes with a zero Pending.
func (c *Client) AllPending(ctx context.Context, q api.PendingQuery) iter.Seq2[api.Pending, error] {
	return pages(func(cursor string) (*api.Page[api.Pending], error) {
		q.Cursor = cursor
		return c.Pending(ctx, q)
	})
}

func pageQuery(limit int, cursor string) url.Values {
	v := url.Values{}
	if limit != 0 {
		v.Set("limit", strconv.Itoa(limit))
	}
	if cursor != "" {
		v.Set("cursor", cursor)
	}
	return v
}

// pages goes through a list page by page.
func pages[T any](page func(cursor string) (*api.Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		for cursor := ""; ; {
			p, err := page(cursor)
			if err != nil {
				yield(none, err)
				return
			}
			for _, v := range p.Data {
				if !yield(v, nil) {
					return
				}
			}
			switch {
			case !p.HasMore:
				return
			case p.NextCursor == "" || p.NextCursor == cursor:
				yield(none, &badAnswer{errors.New("more pages, but no cursor to them")})
				return
			}
			cursor = p.NextCursor
		}
	}
}

// Policies implements [api.Ledger].
func (c *Client) Policies(ctx context.Context) (*api.Page[api.Policy], error) {
	return named(get[api.Page[api.Policy]](ctx, c, api.PathPolicies, nil))("policies")
}

// Status implements [api.Ledger].
func (c *Client) Status(ctx context.Context) (*api.Status, error) {
	return named(get[api.Status](ctx, c, api.PathStatus, nil))("status")
}

// named says in the error what was asked for.
func named[T any](v *T, err error) func(what string) (*T, error) {
	return func(what string) (*T, error) {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		return v, nil
	}
}
