package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/node/access"
	"zhenglian/node/blob"
	"zhenglian/node/blob/vault"
)

// maxStoreBody bounds the body of a request about the store in bytes.
const maxStoreBody = 8 << 10

// StoredPath is the file that a path names.
type StoredPath struct {
	SHA256 string `path:"sha256" pattern:"^[0-9a-f]{64}$" doc:"of the bytes"`
}

func (p StoredPath) digest() blob.Digest {
	d, _ := blob.ParseDigest(p.SHA256) // its pattern was checked
	return d
}

// behalf says for the custody log who asks, and why.
func behalf(ctx context.Context, why string) context.Context {
	return vault.With(ctx, access.Of(ctx).ID, why)
}

// withStore is for routes that need a store with a custody log.
func withStore[I, O any](v *vault.Vault, act func(context.Context, *I) (*O, error)) func(context.Context, *I) (*O, error) {
	return func(ctx context.Context, in *I) (*O, error) {
		if v == nil {
			return nil, api.NewProblem(api.CodeUnavailable, "this gateway keeps no custody log")
		}
		out, err := act(ctx, in)
		if err != nil {
			return nil, blobProblem(err)
		}
		return out, nil
	}
}

// storeRoutes adds custody, retention and legal holds.
func storeRoutes(h huma.API, c Config, v *vault.Vault) {
	op := func(id, method, path, summary string, status int) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: path, Tags: []string{"store"}, Summary: summary,
			DefaultStatus: status, MaxBodyBytes: maxStoreBody, BodyReadTimeout: c.BodyWait}
	}
	o := op("getCustody", http.MethodGet, api.PathCustody, "Custody log: who did what with a file, when, why · 保管记录", http.StatusOK)
	o.Description = "Lines of JSON, each with its line feed, oldest first; package client/custody says what is in them and how they are chained. Go on with after = n of the last line."
	register(h, o, withStore(v, func(ctx context.Context, in *struct {
		Digest string `query:"digest" pattern:"^[0-9a-f]{64}$" doc:"lines about this file; absent: all lines"`
		After  int64  `query:"after" minimum:"0" doc:"lines behind the line of this number"`
		Limit  int    `query:"limit" minimum:"1" maximum:"10000" default:"1000"`
	}) (*lines, error) {
		var about *blob.Digest
		if in.Digest != "" {
			d, err := blob.ParseDigest(in.Digest)
			if err != nil {
				return nil, badParameter("query.digest", err.Error())
			}
			about = &d
		}
		log, err := v.Custody(ctx, about, in.After, in.Limit)
		return &lines{ContentType: api.MediaCustody, CacheControl: "no-store", Body: log}, err
	}))
	stored := func(ctx context.Context, d blob.Digest) (*body[api.Stored], error) {
		info, err := v.Stat(ctx, d)
		if err != nil {
			return nil, err
		}
		k, err := v.Keeping(ctx, d)
		if err != nil {
			return nil, err
		}
		s := &api.Stored{SHA256: tx.Digest(d), Bytes: info.Bytes, Class: k.Class, Until: k.Until, Holds: []api.Hold{}}
		for _, h := range k.Holds {
			s.Holds = append(s.Holds, api.Hold(h))
		}
		return respond(s, nil)
	}
	register(h, op("getStored", http.MethodGet, api.PathStored, "How long a file is kept · 保存期限与保全", http.StatusOK),
		withStore(v, func(ctx context.Context, in *StoredPath) (*body[api.Stored], error) { return stored(ctx, in.digest()) }))
	register(h, op("setClass", http.MethodPost, api.PathStoredClass, "Another retention class, from now on · 变更保存类别", http.StatusOK),
		withStore(v, func(ctx context.Context, in *struct {
			StoredPath
			Body api.ClassRequest
		}) (*body[api.Stored], error) {
			if err := v.SetClass(behalf(ctx, in.Body.Why), in.digest(), in.Body.Class); err != nil {
				return nil, err
			}
			return stored(ctx, in.digest())
		}))
	register(h, op("holdStored", http.MethodPost, api.PathStoredHolds, "A legal hold: neither deleted nor erased · 设置保全", http.StatusOK),
		withStore(v, func(ctx context.Context, in *struct {
			StoredPath
			Body api.HoldRequest
		}) (*body[api.Stored], error) {
			if err := v.Hold(behalf(ctx, in.Body.Why), in.digest(), in.Body.ID); err != nil {
				return nil, err
			}
			return stored(ctx, in.digest())
		}))
	register(h, op("releaseStored", http.MethodDelete, api.PathStoredHold, "End a legal hold · 解除保全", http.StatusOK),
		withStore(v, func(ctx context.Context, in *struct {
			StoredPath
			ID  string `path:"id" pattern:"^[A-Za-z0-9._-]{1,64}$" doc:"of the hold"`
			Why string `query:"why" required:"true" minLength:"1" maxLength:"500"`
		}) (*body[api.Stored], error) {
			if err := v.Release(behalf(ctx, in.Why), in.digest(), in.ID); err != nil {
				return nil, err
			}
			return stored(ctx, in.digest())
		}))
	register(h, op("deleteStored", http.MethodDelete, api.PathStored, "Delete a file whose retention is over · 删除期满文件", http.StatusNoContent),
		withStore(v, func(ctx context.Context, in *struct {
			StoredPath
			Why string `query:"why" required:"true" minLength:"1" maxLength:"500"`
		}) (*struct{}, error) {
			return &struct{}{}, v.Delete(behalf(ctx, in.Why), in.digest())
		}))
}

// lines are lines of JSON.
type lines struct {
	ContentType  string `header:"Content-Type"`
	CacheControl string `header:"Cache-Control"`
	Body         []byte
}

// storeProblem is the problem of what a store refuses; nil if it is no such error.
func storeProblem(err error) error {
	for _, r := range []struct {
		err  error
		code string
	}{
		{vault.ErrErased, api.CodeErased}, {vault.ErrHeld, api.CodeHeld}, {vault.ErrKept, api.CodeKept},
	} {
		if errors.Is(err, r.err) {
			return api.NewProblem(r.code, r.err.Error())
		}
	}
	switch {
	case errors.Is(err, vault.ErrNoClass):
		return badParameter("body.class", vault.ErrNoClass.Error())
	case errors.Is(err, vault.ErrNoHold):
		return api.NewProblem(api.CodeNotFound, vault.ErrNoHold.Error())
	}
	return nil
}

// maxWhy bounds a reason in bytes.
const maxWhy = 500

// byteRange reads a Range header with one range (RFC 9110 §14.2). One that it
// does not understand asks for the whole, as does none.
func byteRange(header string, size int64) (from, length int64, part bool, err error) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	first, last, dash := strings.Cut(spec, "-")
	if !ok || !dash || strings.Contains(spec, ",") {
		return 0, size, false, nil
	}
	a, errA := strconv.ParseInt(first, 10, 64)
	b, errB := strconv.ParseInt(last, 10, 64)
	switch {
	case first == "" && errB == nil && b >= 0: // the last b bytes
		a, b = max(0, size-b), size-1
	case errA != nil || a < 0 || last != "" && (errB != nil || b < a):
		return 0, size, false, nil
	case last == "" || b >= size:
		b = size - 1
	}
	if a >= size {
		return 0, 0, false, fmt.Errorf("the file has %d bytes", size)
	}
	return a, b - a + 1, true, nil
}
