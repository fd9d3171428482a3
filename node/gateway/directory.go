package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"zhenglian/app/row"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// This is the directory of the consortium as governance has made it: members,
// accounts, rules, validators, protocol. It is read from the rows of the state.

func directoryRoutes(h huma.API, l *ledger) {
	register(h, huma.Operation{
		OperationID: "listMembers", Method: http.MethodGet, Path: api.PathMembers, Tags: []string{"network"},
		Summary: "Members of the consortium · 成员",
	}, func(ctx context.Context, _ *struct{}) (*body[api.Page[api.Member]], error) {
		return respond(l.Members(ctx))
	})

	register(h, huma.Operation{
		OperationID: "listAccounts", Method: http.MethodGet, Path: api.PathAccounts, Tags: []string{"network"},
		Summary: "Accounts, ascending by id · 账户",
	}, func(ctx context.Context, in *struct {
		Member string `query:"member" pattern:"^[a-z][a-z0-9-]{1,31}$" doc:"for whom they act"`
		Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"50"`
		Cursor string `query:"cursor" maxLength:"32" doc:"next_cursor of the page before"`
	}) (*linked[api.Page[api.Account]], error) {
		page, err := l.Accounts(ctx, api.AccountQuery{Member: tx.MemberID(in.Member), Limit: in.Limit, Cursor: in.Cursor})
		return follow(page, err, api.PathAccounts, in.Limit, map[string]string{"member": in.Member})
	})

	register(h, huma.Operation{
		OperationID: "getAccount", Method: http.MethodGet, Path: api.PathAccount, Tags: []string{"network"},
		Summary: "An account · 账户",
	}, func(ctx context.Context, in *struct {
		ID string `path:"id" pattern:"^[0-9a-f]{40}$" doc:"account id"`
	}) (*body[api.Account], error) {
		id, err := tx.ParseAccountID(in.ID)
		if err != nil {
			return nil, err
		}
		return respond(l.Account(ctx, id))
	})

	register(h, huma.Operation{
		OperationID: "listPolicies", Method: http.MethodGet, Path: api.PathPolicies, Tags: []string{"network"},
		Summary:     "Co-signing rules and overrides, every version · 会签规则",
		Description: "First the rules of the kinds, then what members ask of their own statements besides (member is set).",
	}, func(ctx context.Context, _ *struct{}) (*body[api.Page[api.Policy]], error) {
		return respond(l.Policies(ctx))
	})

	register(h, huma.Operation{
		OperationID: "listValidators", Method: http.MethodGet, Path: api.PathValidators, Tags: []string{"network"},
		Summary: "Validators and their stages · 验证节点",
	}, func(ctx context.Context, _ *struct{}) (*body[api.Page[api.Validator]], error) {
		return respond(l.Validators(ctx))
	})

	register(h, huma.Operation{
		OperationID: "getProtocol", Method: http.MethodGet, Path: api.PathProtocol, Tags: []string{"network"},
		Summary: "Protocol version, the one to come, parameters · 协议版本与参数",
	}, func(ctx context.Context, _ *struct{}) (*body[api.Protocol], error) { return respond(l.Protocol(ctx)) })

	register(h, huma.Operation{
		OperationID: "listPending", Method: http.MethodGet, Path: api.PathPending, Tags: []string{"read", "network"},
		Summary: "What waits for signatures, soonest deadline first · 待会签",
		Description: "With member or account it is their inbox: the statements that a signature of theirs would bring nearer to taking effect. " +
			"A page may hold less than the limit and still have a next one.\n\n" +
			"给出 member 或 account 即为其待办：只列其签名仍有作用的陈述。",
	}, func(ctx context.Context, in *struct {
		Member  string `query:"member" pattern:"^[a-z][a-z0-9-]{1,31}$"`
		Account string `query:"account" pattern:"^[0-9a-f]{40}$"`
		Limit   int    `query:"limit" minimum:"1" maximum:"100" default:"50"`
		Cursor  string `query:"cursor" maxLength:"32" doc:"next_cursor of the page before"`
	}) (*linked[api.Page[api.Pending]], error) {
		q := api.PendingQuery{Member: tx.MemberID(in.Member), Limit: in.Limit, Cursor: in.Cursor}
		if in.Account != "" {
			if q.Account, _ = tx.ParseAccountID(in.Account); q.Account.IsZero() { // which for PendingQuery is no condition
				return nil, badParameter("query.account", "want an account id that is not all zero")
			}
		}
		page, err := l.Pending(ctx, q)
		return follow(page, err, api.PathPending, in.Limit, map[string]string{"member": in.Member, "account": in.Account})
	})
}

// follow answers with a page and, when it is not the last, a link to the next
// one with the same conditions.
func follow[T any](page *api.Page[T], err error, path string, limit int, conditions map[string]string) (*linked[api.Page[T]], error) {
	if err != nil {
		return nil, err
	}
	out := &linked[api.Page[T]]{Body: page}
	if page.HasMore {
		again := url.Values{"limit": {strconv.Itoa(limit)}, "cursor": {page.NextCursor}}
		for name, value := range conditions {
			if value != "" {
				again.Set(name, value)
			}
		}
		out.Link = fmt.Sprintf("<%s?%s>; rel=\"next\"", path, again.Encode())
	}
	return out, nil
}

// Members implements api.Ledger.
func (l *ledger) Members(context.Context) (*api.Page[api.Member], error) {
	return list(l.chain.Store().View(), row.MemberTable, func(key, value []byte) (api.Member, error) {
		m, err := row.DecodeMember(value)
		status := api.MemberActive
		switch {
		case m.Left:
			status = api.MemberLeft
		case m.Suspended:
			status = api.MemberSuspended
		}
		return api.Member{
			ID: string(key), NameZH: m.NameZH, NameEN: m.NameEN, Roles: m.Roles,
			Division: m.Division, DivisionRev: m.DivisionRev, Superior: string(m.Superior), USCC: m.USCC,
			Suspended: m.Suspended, Status: status,
		}, err
	})
}

// Policies implements api.Ledger.
func (l *ledger) Policies(context.Context) (*api.Page[api.Policy], error) {
	v := l.chain.Store().View()
	p, err := list(v, row.PolicyTable, decodePolicy)
	if err != nil {
		return nil, err
	}
	overrides, err := list(v, row.OverrideTable, func(key, value []byte) (api.Policy, error) {
		member, rest, _ := bytes.Cut(key, []byte{0})
		p, err := decodePolicy(rest, value)
		p.Member = tx.MemberID(member)
		return p, err
	})
	if err != nil {
		return nil, err
	}
	p.Data = append(p.Data, overrides.Data...)
	// Versions of one rule stand together, ascending, and begin in that order:
	// the last that has begun is in force.
	for i := range p.Data {
		at, begun := &p.Data[i], func(q *api.Policy) bool { return q.From <= p.Height+1 }
		later := i+1 < len(p.Data) && p.Data[i+1].Kind == at.Kind && p.Data[i+1].Member == at.Member && begun(&p.Data[i+1])
		at.InForce = begun(at) && !later
	}
	return p, nil
}

// decodePolicy reads a version of a rule; its key is kind ‖ 00 ‖ version.
func decodePolicy(key, value []byte) (api.Policy, error) {
	p, err := row.DecodePolicy(value)
	kind, number, ok := strings.Cut(string(key), "\x00")
	if !ok || len(number) != 4 {
		return api.Policy{}, fmt.Errorf("policy key %x", key)
	}
	return api.Policy{Kind: tx.Kind(kind), Version: binary.BigEndian.Uint32([]byte(number)), Expr: p.Expr, From: p.From}, err
}

// Validators implements api.Ledger.
func (l *ledger) Validators(context.Context) (*api.Page[api.Validator], error) {
	return list(l.chain.Store().View(), row.ValidatorTable, func(key, value []byte) (api.Validator, error) {
		v, err := row.DecodeValidator(value)
		if len(key) != len(tx.ValidatorKey{}) {
			return api.Validator{}, fmt.Errorf("validator key %x", key)
		}
		stage := api.StageActive
		switch {
		case !v.Ready:
			stage = api.StageApproved
		case v.Power != v.Target:
			stage = api.StageQueued
		}
		return api.Validator{Key: tx.ValidatorKey(key), Member: v.Member, Stage: stage, Power: v.Power, Target: v.Target, Ready: v.Ready, Since: v.Since}, err
	})
}

// Protocol implements api.Ledger.
func (l *ledger) Protocol(context.Context) (*api.Protocol, error) {
	v := l.chain.Store().View()
	b, err := v.Get(row.ParamsKey())
	if err != nil {
		return nil, err
	}
	p, err := row.DecodeParams(b)
	if err != nil {
		return nil, err
	}
	out := &api.Protocol{
		Version: p.Protocol, AnchorBlocks: p.AnchorBlocks, ExpiresBlocks: p.ExpiresBlocks,
		FutureMillis: p.FutureMillis, PendingBlocks: p.PendingBlocks, AsOf: v.Head().Height,
	}
	if b, err = v.Get(row.UpgradeKey()); err != nil || b == nil {
		return out, err
	}
	u, err := row.DecodeUpgrade(b)
	out.Upgrade = &api.Upgrade{Version: u.Version, Height: u.Height, Info: u.Info}
	return out, err
}

// list reads a table of the state. decode is given keys without the byte that
// names the table.
func list[T any](v *store.View, table row.Table, decode func(key, value []byte) (T, error)) (*api.Page[T], error) {
	p := &api.Page[T]{Data: []T{}, Height: v.Head().Height}
	start, end := tableRange(table)
	var bad error
	err := v.Iterate(start, end, func(key, value []byte) bool {
		var t T
		if t, bad = decode(key[1:], value); bad != nil {
			return false
		}
		p.Data = append(p.Data, t)
		return true
	})
	return p, errors.Join(err, bad)
}

func tableRange(t row.Table) (start, end []byte) { return []byte{byte(t)}, []byte{byte(t) + 1} }

// maxScan bounds the rows that one page looks at, whatever it keeps of them.
const maxScan = 2000

// Accounts implements api.Ledger.
func (l *ledger) Accounts(_ context.Context, q api.AccountQuery) (*api.Page[api.Account], error) {
	if q.Limit == 0 {
		q.Limit = api.DefaultLimit
	}
	v := l.chain.Store().View()
	p := &api.Page[api.Account]{Data: []api.Account{}, Height: v.Head().Height}
	start, end := tableRange(row.AccountTable)
	if q.Cursor != "" {
		last, err := parseKey(q.Cursor, len(tx.AccountID{}))
		if err != nil {
			return nil, err
		}
		start = append(row.AccountKey(tx.AccountID(last)), 0)
	}
	var bad error
	var last []byte
	seen := 0
	err := v.Iterate(start, end, func(key, value []byte) bool {
		if len(p.Data) == q.Limit || seen == maxScan {
			p.HasMore, p.NextCursor = true, base64.RawURLEncoding.EncodeToString(last)
			return false
		}
		seen++
		last = append(last[:0], key[1:]...)
		var a row.Account
		if a, bad = row.DecodeAccount(value); bad != nil {
			return false
		}
		if q.Member == "" || a.Member == q.Member {
			p.Data = append(p.Data, accountOf(tx.AccountID(key[1:]), &a, p.Height))
		}
		return true
	})
	return p, errors.Join(err, bad)
}

// parseKey reads a cursor that is a key of so many bytes.
func parseKey(cursor string, size int) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) != size {
		return nil, badParameter("query.cursor", "not a cursor of this list")
	}
	return b, nil
}

// Account implements api.Ledger.
func (l *ledger) Account(_ context.Context, id tx.AccountID) (*api.Account, error) {
	v := l.chain.Store().View()
	b, err := v.Get(row.AccountKey(id))
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, api.NewProblem(api.CodeNotFound, "no account "+id.String())
	}
	a, err := row.DecodeAccount(b)
	if err != nil {
		return nil, err
	}
	out := accountOf(id, &a, v.Head().Height)
	return &out, nil
}

func accountOf(id tx.AccountID, a *row.Account, height int64) api.Account {
	status := api.AccountActive
	switch err := a.Check(height + 1); {
	case errors.Is(err, tx.CodeAccountRevoked.Err()):
		status = api.AccountRevoked
	case errors.Is(err, tx.CodeAccountFrozen.Err()):
		status = api.AccountFrozen
	case err != nil:
		status = api.AccountExpired
	}
	return api.Account{
		ID: id, Member: string(a.Member), Roles: a.Roles, Type: a.Type, Key: hex.EncodeToString(a.Key), Tag: a.Tag, Status: status,
		ValidFrom: a.ValidFrom, ValidTo: a.ValidTo, FrozenFrom: a.FrozenFrom, RevokedAt: a.RevokedAt,
		CompromisedFrom: a.CompromisedFrom, AsOf: height,
	}
}
