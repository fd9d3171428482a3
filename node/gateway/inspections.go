package gateway

import (
	"context"
	"encoding/binary"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// Inspections and orders to platforms. The state says what each has come to; the
// index only which there are.

// maxInspectionsRead bounds what one page looks at and a condition may leave out.
const maxInspectionsRead = 1000

func inspectionRoutes(h huma.API, l *ledger) {
	register(h, huma.Operation{
		OperationID: "listInspections", Method: http.MethodGet, Path: api.PathInspections, Tags: []string{"read"},
		Summary:     "Inspections, newest first · 抽检",
		Description: "member is anybody with a part in it: regulator, laboratories, maker, holder.\n\nmember 指任一参与方：监管部门、检验机构、生产者、被抽样方。",
	}, func(ctx context.Context, in *struct {
		State  string `query:"state" pattern:"^[A-Z_]{1,32}$" doc:"only those in this state"`
		Member string `query:"member" pattern:"^[a-z][a-z0-9-]{1,31}$"`
		Unit   string `query:"unit" maxLength:"256" doc:"only those of this unit"`
		Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
		Cursor string `query:"cursor" maxLength:"32" doc:"next_cursor of the page before"`
	}) (*linked[api.Page[api.Inspection]], error) {
		page, err := l.inspections(ctx, api.InspectionQuery{State: row.State(in.State), Member: tx.MemberID(in.Member), Unit: tx.UnitCode(in.Unit), Limit: in.Limit, Cursor: in.Cursor})
		return follow(page, err, api.PathInspections, in.Limit, map[string]string{"state": in.State, "member": in.Member, "unit": in.Unit})
	})
	register(h, huma.Operation{
		OperationID: "getInspection", Method: http.MethodGet, Path: api.PathInspection, Tags: []string{"read"},
		Summary: "An inspection and its report · 抽检及其结论",
	}, func(_ context.Context, in *struct{ StatementPath }) (*body[api.Inspection], error) {
		v := l.chain.Store().View()
		st, err := l.opening(v, in.id(), tx.InspectTask)
		if err != nil {
			return nil, err
		}
		return respond(l.inspection(v, st))
	})
	register(h, huma.Operation{
		OperationID: "listDelistings", Method: http.MethodGet, Path: api.PathDelistings, Tags: []string{"read"},
		Summary: "Orders to platforms, newest first · 下架通知",
	}, func(ctx context.Context, in *struct {
		State  string `query:"state" pattern:"^[A-Z_]{1,32}$" doc:"only those in this state"`
		Member string `query:"member" pattern:"^[a-z][a-z0-9-]{1,31}$" doc:"regulator or platform"`
		Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
		Cursor string `query:"cursor" maxLength:"32" doc:"next_cursor of the page before"`
	}) (*linked[api.Page[api.Delisting]], error) {
		page, err := l.delistings(ctx, api.InspectionQuery{State: row.State(in.State), Member: tx.MemberID(in.Member), Limit: in.Limit, Cursor: in.Cursor})
		return follow(page, err, api.PathDelistings, in.Limit, map[string]string{"state": in.State, "member": in.Member})
	})
	register(h, huma.Operation{
		OperationID: "getDelisting", Method: http.MethodGet, Path: api.PathDelisting, Tags: []string{"read"},
		Summary: "An order to a platform · 下架通知及其办理",
	}, func(_ context.Context, in *struct{ StatementPath }) (*body[api.Delisting], error) {
		v := l.chain.Store().View()
		st, err := l.opening(v, in.id(), tx.DelistOrder)
		if err != nil {
			return nil, err
		}
		d := delistingOf(v, st)
		return &body[api.Delisting]{Body: &d}, nil
	})
}

// opening returns the standing of a statement that opened a matter of the kind.
func (l *ledger) opening(v *store.View, id tx.ID, k tx.Kind) (*state.Standing, error) {
	st, err := state.Stand(v, l.chain.Directory(), id)
	if err == nil && (st == nil || st.Statement.Kind != k) {
		err = api.NewProblem(api.CodeNotFound, "no "+string(k)+" "+id.String())
	}
	return st, err
}

// inspection describes the inspection that a statement opened.
func (l *ledger) inspection(v *store.View, st *state.Standing) (*api.Inspection, error) {
	b := st.Statement.Body.(*tx.SampleTask)
	a := &api.Inspection{ID: st.ID, Seq: st.Seq, State: st.State, Since: st.StateSince, Head: st.Head, Member: st.Statement.Member,
		Lab: b.Lab, Product: b.Product, Reason: b.Reason, AsOf: v.Head().Height}
	n, err := state.InspectionAt(v, st.Seq)
	if err != nil || n == nil {
		return a, err
	}
	u, err := state.UnitByID(v, n.Unit)
	if err != nil {
		return nil, err
	}
	a.Unit, a.UnitID, a.Taken = u.Code, n.Unit.String(), n.Taken.String()
	a.Maker, a.Holder, a.RetestLab = n.Maker, n.Holder, n.RetestLab
	if n.RetestBy != 0 {
		a.RetestBy = n.RetestBy.String()
	}
	if st.State == row.Failed {
		a.Parties = n.Parties
	}
	if n.Recall != 0 {
		id, _, err := proposalAt(v, n.Recall)
		if err != nil {
			return nil, err
		}
		a.Recall = id.String()
	}
	if n.Report != 0 {
		if a.Report, err = reportAt(v, n.Report); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// reportAt reads the test report that is entry seq.
func reportAt(v *store.View, seq uint64) (*api.TestReport, error) {
	id, s, err := proposalAt(v, seq)
	if err != nil {
		return nil, err
	}
	r := &api.TestReport{ID: id, Kind: s.Kind, Lab: s.Member}
	switch b := s.Body.(type) {
	case *tx.TestPass:
		r.Passes, r.Document, r.Items, r.Standard, r.Tested = true, b.Document, b.Items, b.Standard, b.Tested.String()
	case *tx.TestFail:
		r.Document, r.Items, r.Standard, r.Tested = b.Document, b.Items, b.Standard, b.Tested.String()
		for _, f := range b.Failed {
			r.Failed = append(r.Failed, api.FailedItem{NameZH: f.NameZH, NameEN: f.NameEN, Found: f.Found, Limit: f.Limit, Unit: f.Unit})
		}
	}
	return r, nil
}

func delistingOf(v *store.View, st *state.Standing) api.Delisting {
	b := st.Statement.Body.(*tx.Delisting)
	return api.Delisting{ID: st.ID, Seq: st.Seq, State: st.State, Since: st.StateSince, Head: st.Head, Member: st.Statement.Member,
		Platform: b.Platform, Inspection: b.Inspection, Document: b.Document, AsOf: v.Head().Height}
}

// inspections lists inspections, newest first.
func (l *ledger) inspections(ctx context.Context, q api.InspectionQuery) (*api.Page[api.Inspection], error) {
	v := l.chain.Store().View()
	before, err := cursorSeq(q.Cursor)
	if err != nil {
		return nil, err
	}
	var seqs []uint64
	if q.Unit != "" {
		if seqs, err = sampledOf(v, q.Unit, before); err != nil {
			return nil, err
		}
	} else if seqs, err = l.newest(ctx, v, tx.InspectTask, before); err != nil {
		return nil, err
	}
	return pick(ctx, v, q.Limit, seqs, func(seq uint64) (*api.Inspection, bool, error) {
		st, err := state.StandAt(v, l.chain.Directory(), seq)
		if err != nil || q.State != "" && st.State != q.State {
			return nil, false, err
		}
		a, err := l.inspection(v, st)
		if err != nil {
			return nil, false, err
		}
		return a, q.Member == "" || slices.Contains([]tx.MemberID{a.Member, a.Lab, a.RetestLab, a.Maker, a.Holder}, q.Member), nil
	})
}

// delistings lists orders to platforms, newest first.
func (l *ledger) delistings(ctx context.Context, q api.InspectionQuery) (*api.Page[api.Delisting], error) {
	v := l.chain.Store().View()
	before, err := cursorSeq(q.Cursor)
	if err != nil {
		return nil, err
	}
	seqs, err := l.newest(ctx, v, tx.DelistOrder, before)
	if err != nil {
		return nil, err
	}
	return pick(ctx, v, q.Limit, seqs, func(seq uint64) (*api.Delisting, bool, error) {
		st, err := state.StandAt(v, l.chain.Directory(), seq)
		if err != nil {
			return nil, false, err
		}
		d := delistingOf(v, st)
		return &d, (q.State == "" || d.State == q.State) && (q.Member == "" || d.Member == q.Member || d.Platform == q.Member), nil
	})
}

// newest returns the entries of a kind that opens matters, newest first.
func (l *ledger) newest(ctx context.Context, v *store.View, k tx.Kind, before uint64) ([]uint64, error) {
	if l.index == nil {
		return nil, api.NewProblem(api.CodeUnavailable, "this gateway has no index")
	}
	if before == 0 || before > v.Head().LogSize {
		before = v.Head().LogSize
	}
	wait, cancel := context.WithTimeout(ctx, unitWait)
	defer cancel()
	if err := l.index.Wait(wait, before); err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return l.index.Traces(ctx, k, before, maxInspectionsRead+1)
}

// sampledOf returns the inspections of a unit, newest first.
func sampledOf(v *store.View, code tx.UnitCode, before uint64) (seqs []uint64, err error) {
	if err := code.Validate(); err != nil {
		return nil, badParameter("query.unit", err.Error())
	}
	id, u, err := state.UnitAt(v, code)
	if err != nil || u == nil {
		return nil, err
	}
	start, end := row.SampledRange(id)
	err = v.Iterate(start, end, func(k, _ []byte) bool {
		if seq := row.SampledSeq(k); before == 0 || seq < before {
			seqs = append(seqs, seq)
		}
		return true
	})
	slices.Reverse(seqs)
	return seqs[:min(len(seqs), maxInspectionsRead+1)], err
}

// pick makes a page of those entries of which make says that they are wanted.
func pick[T any](ctx context.Context, v *store.View, limit int, seqs []uint64, make func(seq uint64) (*T, bool, error)) (*api.Page[T], error) {
	p := &api.Page[T]{Data: []T{}, Height: v.Head().Height}
	for i, seq := range seqs {
		if len(p.Data) == limit || i == maxInspectionsRead {
			p.HasMore, p.NextCursor = true, seqCursor(seqs[i-1])
			break
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		a, wanted, err := make(seq)
		if err != nil {
			return nil, err
		}
		if wanted {
			p.Data = append(p.Data, *a)
		}
	}
	return p, nil
}

// cursorSeq reads a cursor that seqCursor made; "" is 0.
func cursorSeq(s string) (uint64, error) {
	if s == "" {
		return 0, nil
	}
	b, err := parseKey(s, 8)
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(b), nil
}
