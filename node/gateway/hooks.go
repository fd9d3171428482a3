package gateway

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"zhenglian/client/api"
	"zhenglian/node/access"
	"zhenglian/node/events"
	"zhenglian/node/hooks"
)

// maxHookBody bounds the body of a request about hooks in bytes.
const maxHookBody = 16 << 10

// HookPath is the hook that a path names.
type HookPath struct {
	ID string `path:"id" pattern:"^hook_[a-z0-9]{16}$" doc:"hook id"`
}

// owner is whose hooks a caller may see: their own, or, with the scope admin, all.
func owner(ctx context.Context) string {
	p := access.Of(ctx)
	for _, s := range p.Scopes {
		if s == access.Admin {
			return ""
		}
	}
	return p.ID
}

// hookRoutes adds the webhooks.
func hookRoutes(h huma.API, c Config, hk *hooks.Hooks) {
	op := func(id, method, path, summary string, status int) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: path, Tags: []string{"hooks"}, Summary: summary,
			DefaultStatus: status, MaxBodyBytes: maxHookBody, BodyReadTimeout: c.BodyWait}
	}
	o := op("addHook", http.MethodPost, api.PathHooks, "Have events sent to an address · 订阅回调", http.StatusCreated)
	o.Description = "By Standard Webhooks: signed with HMAC-SHA256 (v1) and Ed25519 (v1a), in order, each at least once. The secret is shown in this answer and never again.\n\n" +
		"按 Standard Webhooks 推送：带签名、有序、至少一次；密钥仅在本次应答中显示。"
	register(h, o, withHooks(hk, func(ctx context.Context, in *struct{ Body api.HookRequest }) (*located[api.HookSecret], error) {
		q := in.Body.Query()
		if err := q.Check(); err != nil {
			return nil, badParameter("body", err.Error())
		}
		s, err := hk.Add(ctx, access.Of(ctx).ID, in.Body)
		if err != nil {
			return nil, err
		}
		return &located[api.HookSecret]{Location: api.HookURL(s.ID), CacheControl: "no-store", Body: s}, nil
	}))
	register(h, op("listHooks", http.MethodGet, api.PathHooks, "Webhooks · 回调列表", http.StatusOK),
		withHooks(hk, func(ctx context.Context, in *struct {
			Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"50"`
			Cursor string `query:"cursor" maxLength:"64" doc:"next_cursor of the page before"`
		}) (*linked[api.Page[api.Hook]], error) {
			after, err := base64.RawURLEncoding.Strict().DecodeString(in.Cursor)
			if err != nil {
				return nil, badParameter("query.cursor", "not a cursor of this list")
			}
			data, err := hk.List(ctx, owner(ctx), string(after), in.Limit+1)
			if err != nil {
				return nil, err
			}
			p := &api.Page[api.Hook]{Data: data, HasMore: len(data) > in.Limit}
			if p.HasMore {
				p.Data = data[:in.Limit]
				p.NextCursor = base64.RawURLEncoding.EncodeToString([]byte(p.Data[in.Limit-1].ID))
			}
			return follow(p, nil, api.PathHooks, in.Limit, nil)
		}))
	register(h, op("getHook", http.MethodGet, api.PathHook, "A webhook and how it fares · 回调状态", http.StatusOK),
		withHooks(hk, func(ctx context.Context, in *HookPath) (*body[api.Hook], error) {
			return respond(hk.Get(ctx, owner(ctx), in.ID))
		}))
	register(h, op("removeHook", http.MethodDelete, api.PathHook, "End a webhook · 删除回调", http.StatusNoContent),
		withHooks(hk, func(ctx context.Context, in *HookPath) (*struct{}, error) {
			return &struct{}{}, hk.Remove(ctx, owner(ctx), in.ID)
		}))
	register(h, op("enableHook", http.MethodPost, api.PathHookEnable, "Go on where a webhook stopped · 重新启用", http.StatusOK),
		withHooks(hk, func(ctx context.Context, in *HookPath) (*body[api.Hook], error) {
			return respond(hk.Enable(ctx, owner(ctx), in.ID))
		}))
	register(h, op("rotateHook", http.MethodPost, api.PathHookSecret, "A new secret; the old one signs too for a day · 更换密钥", http.StatusOK),
		withHooks(hk, func(ctx context.Context, in *HookPath) (*located[api.HookSecret], error) {
			s, err := hk.Rotate(ctx, owner(ctx), in.ID)
			if err != nil {
				return nil, err
			}
			return &located[api.HookSecret]{Location: api.HookURL(s.ID), CacheControl: "no-store", Body: s}, nil
		}))
	register(h, op("testHook", http.MethodPost, api.PathHookTest, "Send a message that is no event, at once · 测试", http.StatusOK),
		withHooks(hk, func(ctx context.Context, in *HookPath) (*body[api.Delivery], error) {
			return respond(hk.Test(ctx, owner(ctx), in.ID))
		}))
	register(h, op("redeliver", http.MethodPost, api.PathHookAgain, "Send one event again, or all after a place · 重新推送", http.StatusAccepted),
		withHooks(hk, func(ctx context.Context, in *struct {
			HookPath
			Body api.RedeliverRequest
		}) (*body[api.Hook], error) {
			return respond(hk.Redeliver(ctx, owner(ctx), in.ID, in.Body))
		}))
	register(h, op("listDeliveries", http.MethodGet, api.PathHookLog, "Attempts to deliver, newest first · 推送记录", http.StatusOK),
		withHooks(hk, func(ctx context.Context, in *struct {
			HookPath
			Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"50"`
			Cursor string `query:"cursor" maxLength:"32" doc:"next_cursor of the page before"`
		}) (*linked[api.Page[api.Delivery]], error) {
			var before int64
			if in.Cursor != "" {
				n, err := strconv.ParseInt(in.Cursor, 36, 64)
				if err != nil || n < 1 {
					return nil, badParameter("query.cursor", "not a cursor of this list")
				}
				before = n
			}
			data, err := hk.Deliveries(ctx, owner(ctx), in.ID, before, in.Limit+1)
			if err != nil {
				return nil, err
			}
			p := &api.Page[api.Delivery]{Data: append([]api.Delivery{}, data...), HasMore: len(data) > in.Limit}
			if p.HasMore {
				p.Data = data[:in.Limit]
				p.NextCursor = strconv.FormatInt(p.Data[in.Limit-1].N, 36)
			}
			return follow(p, nil, api.HookURL(in.ID)+"/deliveries", in.Limit, nil)
		}))
}

// located is an answer that says where the thing is.
type located[T any] struct {
	Location     string `header:"Location"`
	CacheControl string `header:"Cache-Control"`
	Body         *T
}

// withHooks explains the errors of hooks, also that there are none here.
func withHooks[I, O any](hk *hooks.Hooks, act func(context.Context, *I) (*O, error)) func(context.Context, *I) (*O, error) {
	return func(ctx context.Context, in *I) (*O, error) {
		if hk == nil {
			return nil, api.NewProblem(api.CodeUnavailable, "this gateway has no webhooks")
		}
		out, err := act(ctx, in)
		switch {
		case errors.Is(err, hooks.ErrNoHook):
			err = api.NewProblem(api.CodeNotFound, "no such hook")
		case errors.Is(err, hooks.ErrTarget):
			err = api.NewProblem(api.CodeHookTarget, err.Error())
		case errors.Is(err, hooks.ErrLimit):
			err = api.NewProblem(api.CodeHookLimit, "")
		case errors.Is(err, hooks.ErrRequest):
			err = badParameter("body", err.Error())
		case errors.Is(err, hooks.ErrNoEvent), errors.Is(err, events.ErrAhead):
			err = badParameter("body", err.Error())
		}
		return out, err
	}
}
