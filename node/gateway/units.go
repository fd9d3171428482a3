package gateway

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/node/lineage"
)

const (
	maxUnitEvents = 100              // listed with a unit
	traceLimit    = 10_000           // units of a trace when nobody says otherwise
	traceWait     = 30 * time.Second // that a trace may take

	// unitWait is how long an answer waits for the index to catch up with the log.
	// Whoever scans a code in a shop does not wait for a busy chain: the state is
	// the newest in any case, the history may lack the last steps.
	unitWait = 20 * time.Millisecond
)

// unitOf describes a unit as a view has it.
func (l *ledger) unitOf(v *store.View, id row.UnitID, u *row.Unit) *api.Unit {
	a := &api.Unit{
		ID: id, Code: u.Code, State: u.State, Recalled: u.Stopped(), Recalls: u.Recalls, Custodian: u.Custodian, Maker: u.Maker,
		Quantity: u.Quantity, Left: u.Left, Flags: u.Flags, Inside: u.Inside, Hot: u.Hot, Since: u.Since, AsOf: v.Head().Height,
	}
	if !u.Parent.IsZero() {
		a.Parent = u.Parent.String()
	}
	return a
}

// unit is unitOf with its product and what was stated about it.
func (l *ledger) unit(ctx context.Context, v *store.View, id row.UnitID, u *row.Unit) (*api.Unit, error) {
	a := l.unitOf(v, id, u)
	if code := u.Code.Product(); code != "" {
		p, err := state.ProductAt(v, code)
		if err != nil {
			return nil, err
		}
		if p != nil {
			a.Product = &api.Product{Code: code, NameZH: p.NameZH, NameEN: p.NameEN, Owner: p.Owner, UOM: p.UOM}
		}
	}
	if l.index == nil {
		return a, nil
	}
	wait, cancel := context.WithTimeout(ctx, unitWait)
	defer cancel()
	if err := l.index.Wait(wait, v.Head().LogSize); err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	seqs, err := l.index.Unit(ctx, u.Code, v.Head().LogSize, maxUnitEvents)
	if err != nil {
		return nil, err
	}
	for _, seq := range seqs {
		st, err := state.StandAt(v, l.chain.Directory(), seq)
		if err != nil {
			return nil, err
		}
		a.Events = append(a.Events, eventOf(st))
	}
	return a, nil
}

// unitByCode returns a unit as it is now.
func (l *ledger) unitByCode(ctx context.Context, code tx.UnitCode) (*api.Unit, error) {
	if err := code.Validate(); err != nil {
		return nil, badParameter("query.code", err.Error())
	}
	v := l.chain.Store().View()
	id, u, err := state.UnitAt(v, code)
	if err != nil {
		return nil, err
	}
	if u == nil {
		return nil, api.NewProblem(api.CodeNotFound, "no unit "+string(code))
	}
	return l.unit(ctx, v, id, u)
}

// recall returns a recall as it is now.
func (l *ledger) recall(id tx.ID) (*api.Recall, error) {
	v := l.chain.Store().View()
	rc, err := state.RecallAt(v, id)
	if err != nil {
		return nil, err
	}
	if rc == nil {
		return nil, api.NewProblem(api.CodeNotFound, "no recall "+id.String())
	}
	st, err := state.Stand(v, l.chain.Directory(), id)
	if err != nil {
		return nil, err
	}
	b := st.Statement.Body.(*tx.Recall)
	a := &api.Recall{ID: id, State: st.State, Member: string(st.Statement.Member), Level: b.Level, Reason: b.Reason, Seeds: b.Units,
		Frozen: rc.Frozen, Count: rc.Count, Root: state.ScopeRoot(rc), Disposed: rc.Disposed, Released: rc.Released, Holders: []api.Holder{}, AsOf: v.Head().Height}
	start, end := row.HolderRange(st.Seq)
	var bad error
	err = v.Iterate(start, end, func(k, value []byte) bool {
		var h row.Holder
		if h, bad = row.DecodeHolder(value); bad != nil {
			return false
		}
		a.Holders = append(a.Holders, api.Holder{Member: row.HolderMember(k), Units: h.Units, Acked: h.Acked})
		return true
	})
	return a, errors.Join(err, bad)
}

// UnitPath is the unit that a path names.
type UnitPath struct {
	ID string `path:"id" maxLength:"32" pattern:"^(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)$" doc:"unit id, SEQ.INDEX"`
}

func unitRoutes(r *gin.Engine, h huma.API, l *ledger) {
	register(h, huma.Operation{
		OperationID: "findUnit", Method: http.MethodGet, Path: api.PathUnits, Tags: []string{"read"},
		Summary:     "A lot, item or container by its code · 按编码查询追溯单元",
		Description: "The code is the path of a GS1 Digital Link, such as 01/09506000134352/10/LOT1, or one of the consortium, such as zg/50011000010017/10/P1.",
	}, func(ctx context.Context, in *struct {
		Code string `query:"code" required:"true" maxLength:"256"`
	}) (*body[api.Unit], error) {
		return respond(l.unitByCode(ctx, tx.UnitCode(in.Code)))
	})
	register(h, huma.Operation{
		OperationID: "getUnit", Method: http.MethodGet, Path: api.PathUnit, Tags: []string{"read"},
		Summary: "A lot, item or container · 追溯单元",
	}, func(ctx context.Context, in *struct{ UnitPath }) (*body[api.Unit], error) {
		id, err := row.ParseUnitID(in.ID)
		if err != nil {
			return nil, badParameter("path.id", err.Error())
		}
		v := l.chain.Store().View()
		u, err := state.UnitByID(v, id)
		if err == nil && u == nil {
			err = api.NewProblem(api.CodeNotFound, "no unit "+in.ID)
		}
		if err != nil {
			return nil, err
		}
		return respond(l.unit(ctx, v, id, u))
	})
	register(h, huma.Operation{
		OperationID: "getRecall", Method: http.MethodGet, Path: api.PathRecall, Tags: []string{"read"},
		Summary: "A recall, its scope and its holders · 召回及其范围",
	}, func(ctx context.Context, in *struct{ StatementPath }) (*body[api.Recall], error) {
		return respond(l.recall(in.id()))
	})

	op := &huma.Operation{
		OperationID: "traceUnit", Method: http.MethodGet, Path: api.PathTrace, Tags: []string{"read"},
		Summary: "What was made of a unit, or what it was made of · 向前或向后追溯",
		Description: "One JSON object a line, nearest first, each unit once; the last line has `end`, which says whether a bound left something out. " +
			"An answer without it was cut off. With `at`, as the ledger was at that height.\n\n每行一个 JSON 对象，由近及远；末行含 end，缺少即为不完整。",
		Parameters: []*huma.Param{
			{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}, Description: "unit id, SEQ.INDEX"},
			{Name: "direction", In: "query", Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"forward", "back"}, Default: "forward"}},
			{Name: "depth", In: "query", Schema: &huma.Schema{Type: huma.TypeInteger, Default: lineage.MaxDepth}, Description: "steps, 1 to 64"},
			{Name: "limit", In: "query", Schema: &huma.Schema{Type: huma.TypeInteger, Default: traceLimit}, Description: "units, 1 to 100000"},
			{Name: "at", In: "query", Schema: &huma.Schema{Type: huma.TypeInteger}, Description: "height"},
		},
		Responses: map[string]*huma.Response{"200": {Description: "the trace", Content: map[string]*huma.MediaType{
			api.MediaNDJSON: {Schema: h.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[api.TraceLine](), true, "TraceLine")},
		}}},
	}
	addProblem(op)
	h.OpenAPI().AddOperation(op)
	r.GET("/v1/units/:id/trace", func(c *gin.Context) { traceUnit(c, l) })
}

// traceQuery reads the parameters of a trace.
func traceQuery(c *gin.Context, l *ledger) (q lineage.Query, v *store.View, err error) {
	if q.Start, err = row.ParseUnitID(c.Param("id")); err != nil {
		return q, nil, badParameter("path.id", err.Error())
	}
	q.Units, q.Depth = traceLimit, lineage.MaxDepth
	v = l.chain.Store().View()
	for name, values := range c.Request.URL.Query() {
		if len(values) != 1 {
			return q, nil, badParameter("query."+name, "state it once")
		}
		n, nerr := strconv.ParseInt(values[0], 10, 64)
		within := func(max int64) error {
			if nerr != nil || n < 1 || n > max {
				return badParameter("query."+name, "want 1 to "+strconv.FormatInt(max, 10))
			}
			return nil
		}
		switch name {
		case "direction":
			if q.Back = values[0] == "back"; !q.Back && values[0] != "forward" {
				err = badParameter("query.direction", "want forward or back")
			}
		case "depth":
			err, q.Depth = within(lineage.MaxDepth), int(n)
		case "limit":
			err, q.Units = within(lineage.MaxUnits), int(n)
		case "at":
			if err = within(v.Head().Height); err == nil {
				v, err = l.chain.Store().At(n)
			}
		default:
			err = badParameter("query."+name, "unknown parameter")
		}
		if err != nil {
			return q, nil, err
		}
	}
	return q, v, nil
}

// traceUnit streams a trace.
func traceUnit(c *gin.Context, l *ledger) {
	q, v, err := traceQuery(c, l)
	var start *row.Unit
	if err == nil {
		if start, err = state.UnitByID(v, q.Start); err == nil && start == nil {
			err = api.NewProblem(api.CodeNotFound, "no unit "+q.Start.String()+" at height "+strconv.FormatInt(v.Head().Height, 10))
		}
	}
	if err != nil {
		fail(c, err)
		return
	}
	c.Header("Content-Type", api.MediaNDJSON)
	c.Header("Cache-Control", "no-cache")
	w := bufio.NewWriterSize(c.Writer, 32<<10)
	lines := json.NewEncoder(w)
	ctx, cancel := context.WithTimeout(c.Request.Context(), traceWait)
	defer cancel()
	n := 0
	cut, err := lineage.Walk(ctx, v, q, func(s lineage.Step) error {
		n++
		line := api.TraceLine{Unit: l.unitOf(v, s.ID, &s.Unit), Depth: s.Depth, How: s.How, Entry: s.Entry}
		if !s.From.IsZero() {
			line.From = s.From.String()
		}
		return lines.Encode(line)
	})
	last := api.TraceLine{End: &api.TraceEnd{Units: n, Cut: cut, Depth: q.Depth, Limit: q.Units, AsOf: v.Head().Height}}
	if err != nil {
		p := problemOf(c.Request.Context(), err)
		loggerOf(c).Warn("trace", "request_id", requestID(c), "err", err)
		last = api.TraceLine{Fault: &api.TraceStop{Code: p.Code}}
	}
	if err := lines.Encode(last); err == nil {
		_ = w.Flush() // whoever asked is gone: nobody to tell
	}
}
