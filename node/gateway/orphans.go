package gateway

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/node/index"
)

// orphanKinds are the kinds of hand-overs by the words of the query.
var orphanKinds = map[string]tx.Kind{"": "", "ship": tx.TraceShip, "sell": tx.TraceSell, "take": tx.TraceTake}

func orphanRoutes(h huma.API, l *ledger) {
	register(h, huma.Operation{
		OperationID: "listOrphans", Method: http.MethodGet, Path: api.PathOrphans, Tags: []string{"read"},
		Summary: "Hand-overs that only one side has signed · 单方交接",
		Description: "Oldest first: shipments that the receiver has not answered or disputes, and goods that left the ledger or came back, which nobody confirms. " +
			"Found by an index, which proves nothing; what each says is read from the ledger.\n\n最早者在前：收货方未回应或有异议的发货，以及无人确认的离开或退回。",
	}, func(ctx context.Context, in *struct {
		Kind   string `query:"kind" enum:"ship,sell,take"`
		Member string `query:"member" pattern:"^[a-z][a-z0-9-]{1,31}$" doc:"who stated it, or to whom it was offered"`
		Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"50"`
		Cursor string `query:"cursor" maxLength:"256" doc:"next_cursor of the page before"`
	}) (*linked[api.Page[api.Orphan]], error) {
		page, err := l.Orphans(ctx, api.OrphanQuery{Kind: in.Kind, Member: tx.MemberID(in.Member), Limit: in.Limit, Cursor: in.Cursor})
		return follow(page, err, api.PathOrphans, in.Limit, map[string]string{"kind": in.Kind, "member": in.Member})
	})
}

// Orphans lists hand-overs that only one side has signed.
func (l *ledger) Orphans(ctx context.Context, q api.OrphanQuery) (*api.Page[api.Orphan], error) {
	if l.index == nil {
		return nil, api.NewProblem(api.CodeUnavailable, "this gateway has no index")
	}
	after, err := parseCursor(q.Cursor)
	if err != nil {
		return nil, err
	}
	if q.Limit == 0 {
		q.Limit = api.DefaultLimit
	}
	wait, cancel := context.WithTimeout(ctx, indexWait)
	defer cancel()
	_ = l.index.Wait(wait, l.chain.Store().View().Head().LogSize)
	seqs, more, err := l.index.Orphans(ctx, index.OrphanQuery{Kind: orphanKinds[q.Kind], Member: q.Member, After: after, Limit: q.Limit})
	if err != nil {
		return nil, err
	}
	v := l.chain.Store().View() // not older than what was found
	page := &api.Page[api.Orphan]{Data: []api.Orphan{}, Height: v.Head().Height, HasMore: more}
	for _, seq := range seqs {
		o, err := l.orphan(v, seq)
		if err != nil {
			return nil, err
		}
		if o != nil {
			page.Data = append(page.Data, *o)
		}
	}
	if more {
		page.NextCursor = cursorOf(seqs[len(seqs)-1] + 1)
	}
	return page, nil
}

// orphan describes a hand-over, nil when both sides have signed it meanwhile.
func (l *ledger) orphan(v *store.View, seq uint64) (*api.Orphan, error) {
	st, err := state.StandAt(v, l.chain.Directory(), seq)
	if err != nil {
		return nil, err
	}
	if st.State != row.Offered && st.State != row.Disputed && st.State != row.OneSided {
		return nil, nil
	}
	head, err := l.chain.Store().HeadAt(st.Height)
	if err != nil {
		return nil, err
	}
	o := &api.Orphan{ID: st.ID, Seq: seq, Height: st.Height, Time: tx.Time(head.Time), Kind: st.Statement.Kind, State: st.State, Member: st.Statement.Member,
		Age: int64((time.Duration(v.Head().Time-head.Time) * time.Millisecond).Seconds())}
	code, debtor := state.HandoverAnswer, tx.MemberID("")
	switch b := st.Statement.Body.(type) {
	case *tx.Ship:
		o.To, o.Units, debtor = b.To, b.Units, b.To
		if st.State == row.Disputed {
			code, debtor = state.HandoverSettle, o.Member
		}
	case *tx.Sell:
		o.Units, o.Reason = b.Units, b.Reason
	case *tx.Take:
		o.Units = b.Units
	}
	if debtor == "" {
		return o, nil
	}
	k, err := state.ClockAt(v, row.ClockID{Code: code, Matter: seq, Member: debtor})
	if err == nil && k != nil && k.State != row.Stopped {
		o.Waits, o.Due, o.Overdue = debtor, k.Due, k.Overdue()
	}
	return o, err
}
