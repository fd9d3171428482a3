package gateway

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// Statutory clocks, and the rules and calendars by which they run. All of it is
// read from the state; the index has no part in it.

func clockRoutes(h huma.API, l *ledger) {
	register(h, huma.Operation{
		OperationID: "listClocks", Method: http.MethodGet, Path: api.PathClocks, Tags: []string{"read", "network"},
		Summary: "Statutory deadlines: running, paused, overdue, stopped · 法定时限",
		Description: "By member; those that are not stopped come first. state=open is all but the stopped ones. Behind them come the acknowledgements that consumers of lists owe, running or overdue. A page may hold less than the limit and still have a next one.\n\n" +
			"按成员排列，未停止者在前；state=open 为全部未停止者；其后为名单使用方未确认的通知。",
	}, func(ctx context.Context, in *struct {
		Member string `query:"member" pattern:"^[a-z][a-z0-9-]{1,31}$" doc:"who has to act"`
		State  string `query:"state" enum:"open,running,paused,overdue,stopped"`
		Matter string `query:"matter" pattern:"^[0-9a-f]{64}$" doc:"id of a statement of the matter"`
		Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"50"`
		Cursor string `query:"cursor" maxLength:"256" doc:"next_cursor of the page before"`
	}) (*linked[api.Page[api.Clock]], error) {
		q := api.ClockQuery{Member: tx.MemberID(in.Member), State: in.State, Limit: in.Limit, Cursor: in.Cursor}
		if in.Matter != "" {
			id, err := tx.ParseID(in.Matter)
			if err != nil || id.IsZero() {
				return nil, badParameter("query.matter", "want the id of a statement")
			}
			q.Matter = id
		}
		page, err := l.Clocks(ctx, q)
		return follow(page, err, api.PathClocks, in.Limit, map[string]string{"member": in.Member, "state": in.State, "matter": in.Matter})
	})

	register(h, huma.Operation{
		OperationID: "getClock", Method: http.MethodGet, Path: api.PathClock, Tags: []string{"read", "network"},
		Summary: "A statutory deadline · 一项法定时限",
	}, func(ctx context.Context, in *clockPath) (*body[api.Clock], error) {
		return respond(l.Clock(ctx, in.Seq, tx.MemberID(in.Member), tx.ClockCode(in.Code)))
	})

	register(h, huma.Operation{
		OperationID: "proveClock", Method: http.MethodGet, Path: api.PathClockProof, Tags: []string{"verify", "network"},
		Summary: "Proof of a statutory deadline, to be verified offline · 法定时限的证明",
		Description: "A state proof (application protocol, §7) of the row that shows where the clock stands: of one that is overdue the breach that names it, otherwise its own.\n\n" +
			"对所示行的状态证明：逾期者为记载该逾期的行，否则为该时限自身的行；可离线核验。",
	}, func(ctx context.Context, in *clockPath) (*proofBody, error) {
		b, err := l.ClockProof(ctx, in.Seq, tx.MemberID(in.Member), tx.ClockCode(in.Code))
		if err != nil {
			return nil, err
		}
		return &proofBody{Body: b}, nil
	})

	ackRoutes(h, l)

	register(h, huma.Operation{
		OperationID: "listRuleSets", Method: http.MethodGet, Path: api.PathRuleSets, Tags: []string{"network"},
		Summary: "Rule sets: deadlines as laws set them · 时限规则集",
	}, func(ctx context.Context, _ *struct{}) (*body[api.Page[api.RuleSet]], error) {
		return respond(l.RuleSets(ctx))
	})

	register(h, huma.Operation{
		OperationID: "listCalendars", Method: http.MethodGet, Path: api.PathCalendars, Tags: []string{"network"},
		Summary: "Working-day calendars · 工作日历",
	}, func(ctx context.Context, _ *struct{}) (*body[api.Page[api.Calendar]], error) {
		return respond(l.Calendars(ctx))
	})
}

// clockPath names a clock.
type clockPath struct {
	Seq    uint64 `path:"seq" doc:"log entry that opened the matter"`
	Member string `path:"member" pattern:"^[a-z][a-z0-9-]{1,31}$" doc:"who has to act"`
	Code   string `path:"code" pattern:"^[A-Z][A-Z0-9_]{1,31}$" doc:"which deadline"`
}

// proofBody is a state proof in its JSON encoding.
type proofBody struct {
	Body []byte `contentType:"application/json"`
}

// Clocks implements api.Ledger.
func (l *ledger) Clocks(ctx context.Context, q api.ClockQuery) (*api.Page[api.Clock], error) {
	if q.Limit == 0 {
		q.Limit = api.DefaultLimit
	}
	s := &clockScan{store: l.chain.Store(), view: l.chain.Store().View(), query: q}
	s.page = &api.Page[api.Clock]{Data: []api.Clock{}, Height: s.view.Head().Height}
	if !q.Matter.IsZero() {
		return s.page, s.matter(ctx, l.chain.Directory())
	}
	if q.Cursor != "" {
		b, err := base64.RawURLEncoding.Strict().DecodeString(q.Cursor)
		if err != nil || len(b) < 2 {
			return nil, badParameter("query.cursor", "not a cursor of this list")
		}
		s.after = b
	}
	var err error
	if q.State == api.ClockOverdue {
		err = s.breaches()
	} else {
		if q.State != api.ClockStopped {
			err = s.clocks(row.ClockRange(false, q.Member))
		}
		if err == nil && !s.page.HasMore && (q.State == "" || q.State == api.ClockStopped) {
			err = s.clocks(row.ClockRange(true, q.Member))
		}
	}
	if err == nil && !s.page.HasMore && q.State != api.ClockStopped && q.State != api.ClockPaused {
		err = s.acks(ctx, 0, false)
	}
	return s.page, err
}

// clockScan makes one page of clocks. A cursor is the key of the last row that
// was looked at and the number of clocks of it that were, in one byte.
type clockScan struct {
	store *store.Store
	view  *store.View
	query api.ClockQuery
	page  *api.Page[api.Clock]
	after []byte // cursor
	last  []byte
	seen  int
}

// full ends the page when it is.
func (s *clockScan) full() bool {
	if len(s.page.Data) < s.query.Limit && s.seen < maxScan {
		return false
	}
	s.page.HasMore, s.page.NextCursor = true, base64.RawURLEncoding.EncodeToString(s.last)
	return true
}

// look notes that number n of the row at key is looked at.
func (s *clockScan) look(key []byte, n int) {
	s.seen++
	s.last = append(append(s.last[:0], key...), byte(n))
}

// resume is where the row after which the last page ended stands, and how many
// of its clocks that page had.
func (s *clockScan) resume(start, end []byte) (from []byte, skip int, any bool) {
	if s.after == nil {
		return start, 0, true
	}
	key := s.after[:len(s.after)-1]
	switch {
	case string(key) < string(start):
		return start, 0, true
	case string(key) >= string(end):
		return nil, 0, false
	}
	return key, int(s.after[len(s.after)-1]) + 1, true
}

func (s *clockScan) clocks(start, end []byte) error {
	start, skip, any := s.resume(start, end)
	if !any {
		return nil
	}
	var bad error
	err := s.view.Iterate(start, end, func(key, value []byte) bool {
		if skip > 0 {
			skip = 0
			return true
		}
		if s.full() {
			return false
		}
		s.look(key, 0)
		k, err := state.ReadClock(s.view, key, value)
		if bad = err; bad == nil {
			bad = s.add(k)
		}
		return bad == nil
	})
	return errors.Join(err, bad)
}

func (s *clockScan) breaches() error {
	start, end := row.BreachRange(s.query.Member)
	start, skip, any := s.resume(start, end)
	if !any {
		return nil
	}
	var bad error
	err := s.view.Iterate(start, end, func(key, value []byte) bool {
		slot, err := row.BreachSlot(key)
		b, err2 := row.DecodeBreach(value)
		if bad = errors.Join(err, err2); bad != nil {
			return false
		}
		for i := skip; i < len(b.Clocks); i++ {
			if s.full() {
				return false
			}
			s.look(key, i)
			id := row.ClockID{Code: b.Clocks[i].Code, Matter: b.Clocks[i].Matter, Member: slot.Member}
			k, err := state.ClockAt(s.view, id)
			if err == nil && k == nil {
				err = fmt.Errorf("breach of a clock that is not there: %+v", id)
			}
			if bad = err; bad == nil {
				bad = s.add(k)
			}
			if bad != nil {
				return false
			}
		}
		skip = 0
		return true
	})
	return errors.Join(err, bad)
}

// matter lists the clocks of one matter, which are few.
func (s *clockScan) matter(ctx context.Context, dir *state.Directory) error {
	st, err := state.Stand(s.view, dir, s.query.Matter)
	if err != nil {
		return err
	}
	if st == nil || st.State == "" {
		return api.NewProblem(api.CodeNotFound, "no matter of statement "+s.query.Matter.String())
	}
	members, err := list(s.view, row.MemberTable, func(key, _ []byte) (tx.MemberID, error) { return tx.MemberID(key), nil })
	if err != nil {
		return err
	}
	for _, m := range members.Data {
		if s.query.Member != "" && m != s.query.Member {
			continue
		}
		for _, stopped := range []bool{false, true} {
			start, end := row.MatterClockRange(stopped, m, st.Matter)
			var bad error
			err := s.view.Iterate(start, end, func(key, value []byte) bool {
				k, err := state.ReadClock(s.view, key, value)
				if bad = err; bad == nil {
					bad = s.add(k)
				}
				return bad == nil
			})
			if err := errors.Join(err, bad); err != nil {
				return err
			}
		}
	}
	if st.Statement.Kind.Family() != "list" || s.query.State == api.ClockStopped || s.query.State == api.ClockPaused {
		return nil
	}
	return s.acks(ctx, st.Matter, true)
}

// add puts a clock on the page if it is asked for.
func (s *clockScan) add(k *state.ClockStand) error {
	at := clockState(k)
	if want := s.query.State; want != "" && want != at && (want != api.ClockOpen || at == api.ClockStopped) {
		return nil
	}
	c, err := clockOf(s.view, k)
	if err == nil {
		s.page.Data = append(s.page.Data, c)
	}
	return err
}

func clockState(k *state.ClockStand) string {
	switch {
	case k.Overdue():
		return api.ClockOverdue
	case k.State == row.Paused:
		return api.ClockPaused
	case k.State == row.Stopped:
		return api.ClockStopped
	}
	return api.ClockRunning
}

func clockOf(v *store.View, k *state.ClockStand) (api.Clock, error) {
	e, err := v.Entry(k.Matter)
	if err != nil {
		return api.Clock{}, err
	}
	env, err := tx.ParseEnvelope(e.Envelope)
	if err != nil {
		return api.Clock{}, err
	}
	out := api.Clock{
		Code: k.Code, Member: k.Member, Matter: env.ID(), Seq: k.Matter, State: clockState(k), Due: k.Due, From: k.From, Count: k.Count, Unit: k.Unit,
		Extended: k.Extended, RuleSet: k.RuleSet, Round: k.Round, Breaches: k.Breaches, Began: k.Began, Late: k.Late, Since: k.Since, AsOf: v.Head().Height,
		Ground: k.Ground,
	}
	if k.Unit == tx.Minutes {
		out.Ends = k.Minute.End()
	}
	return out, nil
}

// Clock implements api.Ledger.
func (l *ledger) Clock(_ context.Context, seq uint64, m tx.MemberID, code tx.ClockCode) (*api.Clock, error) {
	v := l.chain.Store().View()
	k, err := findClock(v, seq, m, code)
	if err != nil {
		return nil, err
	}
	c, err := clockOf(v, k)
	return &c, err
}

func findClock(v *store.View, seq uint64, m tx.MemberID, code tx.ClockCode) (*state.ClockStand, error) {
	k, err := state.ClockAt(v, row.ClockID{Code: code, Matter: seq, Member: m})
	if err == nil && k == nil {
		err = api.NewProblem(api.CodeNotFound, fmt.Sprintf("%s has no clock %s in the matter of entry %d", m, code, seq))
	}
	return k, err
}

// ClockProof implements api.Ledger.
func (l *ledger) ClockProof(_ context.Context, seq uint64, m tx.MemberID, code tx.ClockCode) ([]byte, error) {
	v, block, err := l.receipts.newest()
	if errors.Is(err, errNoProof) {
		return nil, retryLater(api.CodeNotReady, 1)
	}
	if err != nil {
		return nil, err
	}
	k, err := findClock(v, seq, m, code)
	if err != nil {
		return nil, err
	}
	p, err := l.receipts.proof(v, block, k.Key)
	if err != nil {
		return nil, err
	}
	return p.EncodeJSON()
}

// RuleSets implements api.Ledger.
func (l *ledger) RuleSets(context.Context) (*api.Page[api.RuleSet], error) {
	v := l.chain.Store().View()
	dir, head := l.chain.Directory(), v.Head()
	p := &api.Page[api.RuleSet]{Data: []api.RuleSet{}, Height: head.Height}
	for _, s := range dir.RuleSets() {
		r := api.RuleSet{Number: s.Number, Name: s.Name, Effective: s.Effective, Source: s.Source, SHA256: s.SHA256, Since: s.Since}
		for _, d := range s.Deadlines {
			in, of := dir.Deadline(d.Code, tx.DateOf(tx.Time(head.Time)))
			r.Deadlines = append(r.Deadlines, api.Deadline{
				Code: d.Code, Count: d.Count, Unit: d.Unit, Extend: d.Extend, Pause: d.Pause, Roll: d.Roll, Tentative: d.Tentative, Basis: d.Basis,
				InForce: in != nil && of == s.Number,
			})
		}
		p.Data = append(p.Data, r)
	}
	return p, nil
}

// Calendars implements api.Ledger.
func (l *ledger) Calendars(context.Context) (*api.Page[api.Calendar], error) {
	p := &api.Page[api.Calendar]{Data: []api.Calendar{}, Height: l.chain.Store().View().Head().Height}
	none := []tx.Date{}
	for _, c := range l.chain.Directory().Calendars() {
		p.Data = append(p.Data, api.Calendar{
			Year: c.Year, Holidays: append(none, c.Holidays...), Workdays: append(none, c.Workdays...), Source: c.Source, SHA256: c.SHA256, Since: c.Since,
		})
	}
	return p, nil
}
