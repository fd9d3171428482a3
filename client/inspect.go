package client

import (
	"context"
	"net/url"
	"strconv"

	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// Inspection returns an inspection and its report.
func (c *Client) Inspection(ctx context.Context, id tx.ID) (*api.Inspection, error) {
	return named(get[api.Inspection](ctx, c, api.InspectionURL(id), nil))("look up inspection " + id.String())
}

// Delisting returns an order to a platform.
func (c *Client) Delisting(ctx context.Context, id tx.ID) (*api.Delisting, error) {
	return named(get[api.Delisting](ctx, c, api.DelistingURL(id), nil))("look up order " + id.String())
}

// Inspections returns a page of inspections, newest first.
func (c *Client) Inspections(ctx context.Context, q api.InspectionQuery) (*api.Page[api.Inspection], error) {
	return named(get[api.Page[api.Inspection]](ctx, c, api.PathInspections, inspectionValues(q)))("list inspections")
}

// Delistings returns a page of orders to platforms, newest first.
func (c *Client) Delistings(ctx context.Context, q api.InspectionQuery) (*api.Page[api.Delisting], error) {
	return named(get[api.Page[api.Delisting]](ctx, c, api.PathDelistings, inspectionValues(q)))("list orders to platforms")
}

func inspectionValues(q api.InspectionQuery) url.Values {
	v := url.Values{}
	for name, s := range map[string]string{"state": string(q.State), "member": string(q.Member), "unit": string(q.Unit), "cursor": q.Cursor} {
		if s != "" {
			v.Set(name, s)
		}
	}
	if q.Limit != 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return v
}
