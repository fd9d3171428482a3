package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strconv"

	"zhenglian/app/receipt"
	"zhenglian/app/row"
	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// Lists reads the lists and their rules.
func (c *Client) Lists(ctx context.Context) (*api.Page[api.ListInfo], error) {
	return named(get[api.Page[api.ListInfo]](ctx, c, api.PathLists, nil))("lists")
}

// Subject reads what is in force about a tag: at the newest proven height, at
// the height given, or as of the end of a day. Its proof is not checked here:
// see CheckSubject.
func (c *Client) Subject(ctx context.Context, l tx.List, tag tx.Digest, height int64, date string) (*api.Subject, error) {
	q := url.Values{}
	if height != 0 {
		q.Set("height", strconv.FormatInt(height, 10))
	}
	if date != "" {
		q.Set("date", date)
	}
	return named(get[api.Subject](ctx, c, api.SubjectURL(l, tag), q))("list " + l.String() + ", tag " + tag.String())
}

// CheckSubject checks a StateProof, without a network, and returns what it
// proves to be in force about a tag: nothing when it proves absence. The list
// and the tag come from the question, never from the proof.
func CheckSubject(proof []byte, l tx.List, tag tx.Digest, t *receipt.Trust) (p *receipt.StateProof, in row.Subject, err error) {
	if p, err = receipt.ParseStateProof(proof); err != nil {
		return nil, nil, err
	}
	value, err := receipt.VerifyRow(p, row.SubjectKey(l, tag), t)
	if err != nil || value == nil {
		return p, nil, err
	}
	in, err = row.DecodeSubject(value)
	return p, in, err
}

// SubjectHistory reads when entries about a tag came into force and ended.
func (c *Client) SubjectHistory(ctx context.Context, l tx.List, tag tx.Digest) (*api.Page[api.ListNotice], error) {
	return named(get[api.Page[api.ListNotice]](ctx, c, api.SubjectURL(l, tag)+"/history", nil))("history of " + tag.String())
}

// AllListEntries goes through the entries of a list. It ends after the first
// error, which comes with a zero entry.
func (c *Client) AllListEntries(ctx context.Context, l tx.List, q api.ListEntryQuery) iter.Seq2[api.ListEntry, error] {
	return pages(func(cursor string) (*api.Page[api.ListEntry], error) {
		v := pageQuery(q.Limit, cursor)
		if q.State != "" {
			v.Set("state", string(q.State))
		}
		return named(get[api.Page[api.ListEntry]](ctx, c, api.ListURL(l, "entries"), v))("entries of " + l.String())
	})
}

// AllListNotices goes through the notices of a list; with a member, those it
// has not acknowledged.
func (c *Client) AllListNotices(ctx context.Context, l tx.List, member tx.MemberID) iter.Seq2[api.ListNotice, error] {
	return pages(func(cursor string) (*api.Page[api.ListNotice], error) {
		v := pageQuery(0, cursor)
		if member != "" {
			v.Set("member", string(member))
		}
		return named(get[api.Page[api.ListNotice]](ctx, c, api.ListURL(l, "notices"), v))("notices of " + l.String())
	})
}

// ListAcks reads how far each consumer has acknowledged a list.
func (c *Client) ListAcks(ctx context.Context, l tx.List) (*api.Page[api.ListAck], error) {
	return named(get[api.Page[api.ListAck]](ctx, c, api.ListURL(l, "acks"), nil))("acknowledgements of " + l.String())
}

// Routing looks up a routing hint, for who has stated the lookup read.
func (c *Client) Routing(ctx context.Context, tag tx.Digest, read tx.ID) (*api.RoutingHint, error) {
	return named(get[api.RoutingHint](ctx, c, api.RoutingURL(tag), url.Values{"read": {read.String()}}))("routing hint")
}

// ListEntry reads one entry of a list, by the id of any of its statements.
func (c *Client) ListEntry(ctx context.Context, id tx.ID) (*api.ListEntry, error) {
	s, err := c.Statement(ctx, id)
	if err != nil {
		return nil, err
	}
	if s.Matter == nil || s.Kind.Family() != tx.ListPropose.Family() {
		return nil, fmt.Errorf("statement %s is of kind %s, and part of no entry of a list", id, s.Kind)
	}
	for _, l := range tx.Lists() {
		for e, err := range c.AllListEntries(ctx, l, api.ListEntryQuery{Limit: api.MaxLimit}) {
			if err != nil {
				return nil, err
			}
			if e.Head == s.Matter.Head {
				return &e, nil
			}
		}
	}
	return nil, errors.New("the entry is not proposed yet: it waits for signatures")
}
