package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"iter"
	"net/http"

	"zhenglian/client/api"
)

// post sends v as JSON, nothing if it is nil, and reads the answer.
func post[T any](ctx context.Context, c *Client, path string, v any) (*T, error) {
	r := request{method: http.MethodPost, path: path, key: rand.Text()} // it may be sent more than once
	if v != nil {
		b, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		r = r.sendBytes(api.MediaJSON, b)
	}
	out := new(T)
	if err := c.do(ctx, r, object(out)); err != nil {
		return nil, err
	}
	return out, nil
}

// AddHook has events sent to an address. Its secret is told this once.
func (c *Client) AddHook(ctx context.Context, r api.HookRequest) (*api.HookSecret, error) {
	return named(post[api.HookSecret](ctx, c, api.PathHooks, r))("add hook")
}

// Hooks goes through the webhooks that the caller may see. It ends after the
// first error, which comes with a zero Hook.
func (c *Client) Hooks(ctx context.Context) iter.Seq2[api.Hook, error] {
	return pages(func(cursor string) (*api.Page[api.Hook], error) {
		return named(get[api.Page[api.Hook]](ctx, c, api.PathHooks, pageQuery(0, cursor)))("hooks")
	})
}

// Hook reads a webhook.
func (c *Client) Hook(ctx context.Context, id string) (*api.Hook, error) {
	return named(get[api.Hook](ctx, c, api.HookURL(id), nil))("hook " + id)
}

// RemoveHook ends a webhook.
func (c *Client) RemoveHook(ctx context.Context, id string) error {
	_, err := named(new(struct{}), c.do(ctx, request{method: http.MethodDelete, path: api.HookURL(id)}, func(res *http.Response) error { return res.Body.Close() }))("remove hook " + id)
	return err
}

// EnableHook has a webhook go on where it stopped.
func (c *Client) EnableHook(ctx context.Context, id string) (*api.Hook, error) {
	return named(post[api.Hook](ctx, c, api.HookURL(id)+"/enable", nil))("enable hook " + id)
}

// RotateHook gives a webhook a new secret; the old one signs too for a day.
func (c *Client) RotateHook(ctx context.Context, id string) (*api.HookSecret, error) {
	return named(post[api.HookSecret](ctx, c, api.HookURL(id)+"/secret", nil))("new secret of hook " + id)
}

// TestHook sends a message that is no event, and says how it went.
func (c *Client) TestHook(ctx context.Context, id string) (*api.Delivery, error) {
	return named(post[api.Delivery](ctx, c, api.HookURL(id)+"/test", nil))("test hook " + id)
}

// Redeliver has events sent again.
func (c *Client) Redeliver(ctx context.Context, id string, r api.RedeliverRequest) (*api.Hook, error) {
	return named(post[api.Hook](ctx, c, api.HookURL(id)+"/redeliver", r))("redeliver by hook " + id)
}

// Deliveries goes through the log of a webhook, newest first. It ends after the
// first error, which comes with a zero Delivery.
func (c *Client) Deliveries(ctx context.Context, id string) iter.Seq2[api.Delivery, error] {
	return pages(func(cursor string) (*api.Page[api.Delivery], error) {
		return named(get[api.Page[api.Delivery]](ctx, c, api.HookURL(id)+"/deliveries", pageQuery(0, cursor)))("deliveries of hook " + id)
	})
}
