package gateway

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"zhenglian/app/receipt"
	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// Lists, read from the rows of the state: what is in force about a tag at any
// height with its proof, the entries, the notices and who has not acted on them.

// ListPath is the list that a path names; exported for the typed layer.
type ListPath struct {
	List string `path:"list" enum:"serious_dishonest,abnormal_operation,industry_notice,negative_index"`
}

func (p ListPath) list() tx.List {
	l, _ := tx.ParseList(p.List) // the enum has been checked
	return l
}

// TagPath is the tag that a path names.
type TagPath struct {
	Tag string `path:"tag" pattern:"^[0-9a-f]{64}$" doc:"keyed pseudonym of a subject"`
}

func (p TagPath) tag() tx.Digest {
	d, _ := tx.ParseDigest(p.Tag) // the pattern has been checked
	return d
}

func listRoutes(h huma.API, l *ledger) {
	s := &listBook{ledger: l, seen: make(map[tx.List]*noticeIndex)}
	register(h, huma.Operation{
		OperationID: "listLists", Method: http.MethodGet, Path: api.PathLists, Tags: []string{"read"},
		Summary:     "The lists and their rules · 名单及其规则",
		Description: "statutory is a property of the list: the others have no basis in law and touch no right.\n\n法定与否取决于名单本身；非法定名单不影响任何权利。",
	}, func(context.Context, *struct{}) (*body[api.Page[api.ListInfo]], error) { return respond(s.all()) })

	register(h, huma.Operation{
		OperationID: "getListSubject", Method: http.MethodGet, Path: api.PathListSubject, Tags: []string{"read", "verify"},
		Summary: "What is or was in force about a tag, with its proof · 标签在名单上的状态及证明",
		Description: "An ICS-23 proof of presence or absence, in the envelope of proofs that receipts use. height is any since the beginning of the chain; " +
			"date asks for the end of that day in China.\n\n存在与不存在均附证明；height 可为任一高度，date 指该日（中国时间）终了时。",
	}, func(ctx context.Context, in *struct {
		ListPath
		TagPath
		Height int64  `query:"height" minimum:"1" doc:"after this block; the newest proven one when it is left out"`
		Date   string `query:"date" pattern:"^[0-9]{4}-[0-9]{2}-[0-9]{2}$" doc:"as of the end of this day"`
	}) (*body[api.Subject], error) {
		return respond(s.subject(in.list(), in.tag(), in.Height, in.Date))
	})

	register(h, huma.Operation{
		OperationID: "getListHistory", Method: http.MethodGet, Path: api.PathListHistory, Tags: []string{"read"},
		Summary: "When entries about a tag came into force and ended · 标签的列入与移出历史",
	}, func(ctx context.Context, in *struct {
		ListPath
		TagPath
	}) (*body[api.Page[api.ListNotice]], error) {
		return respond(s.history(ctx, in.list(), in.tag()))
	})

	register(h, huma.Operation{
		OperationID: "listListEntries", Method: http.MethodGet, Path: api.PathListEntries, Tags: []string{"read"},
		Summary: "Entries of a list, in the order in which they were proposed · 名单记录",
	}, func(ctx context.Context, in *struct {
		ListPath
		State  string `query:"state" pattern:"^[A-Z_]{1,32}$" doc:"only those in this state"`
		Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"50"`
		Cursor string `query:"cursor" maxLength:"32" doc:"next_cursor of the page before"`
	}) (*linked[api.Page[api.ListEntry]], error) {
		page, err := s.entries(ctx, in.list(), api.ListEntryQuery{State: row.State(in.State), Limit: in.Limit, Cursor: in.Cursor})
		return follow(page, err, api.ListURL(in.list(), "entries"), in.Limit, map[string]string{"state": in.State})
	})

	register(h, huma.Operation{
		OperationID: "listListNotices", Method: http.MethodGet, Path: api.PathListNotices, Tags: []string{"read"},
		Summary:     "What came into force or ended, and who has not acted on it · 名单通知及未确认方",
		Description: "With member, what this consumer has not acknowledged. Numbers have no gaps.",
	}, func(ctx context.Context, in *struct {
		ListPath
		Member string `query:"member" pattern:"^[a-z][a-z0-9-]{1,31}$"`
		Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"50"`
		Cursor uint64 `query:"cursor" doc:"number of the last notice of the page before"`
	}) (*linked[api.Page[api.ListNotice]], error) {
		page, err := s.notices(ctx, in.list(), api.ListNoticeQuery{After: in.Cursor, Member: tx.MemberID(in.Member), Limit: in.Limit})
		return follow(page, err, api.ListURL(in.list(), "notices"), in.Limit, map[string]string{"member": in.Member})
	})

	register(h, huma.Operation{
		OperationID: "listListAcks", Method: http.MethodGet, Path: api.PathListAcks, Tags: []string{"read"},
		Summary: "How far each consumer has acknowledged a list · 各使用方的确认情况",
	}, func(ctx context.Context, in *struct{ ListPath }) (*body[api.Page[api.ListAck]], error) {
		return respond(s.acks(ctx, in.list()))
	})

	register(h, huma.Operation{
		OperationID: "getRoutingHint", Method: http.MethodGet, Path: api.PathRouting, Tags: []string{"read"},
		Summary: "A routing hint, for who has stated that it looks it up · 投诉分流标签查询",
		Description: "read is the id of a routing.read about this tag of the last 1000 blocks: every lookup is on the ledger. A hint is no ground to refuse anything.\n\n" +
			"read 为最近 1000 个区块内针对该标签的 routing.read 陈述编号；每次查询均留痕。标签不得作为拒绝受理的理由。",
	}, func(ctx context.Context, in *struct {
		TagPath
		Read string `query:"read" required:"true" pattern:"^[0-9a-f]{64}$" doc:"id of the routing.read"`
	}) (*body[api.RoutingHint], error) {
		id, err := tx.ParseID(in.Read)
		if err != nil {
			return nil, err
		}
		return respond(l.routingHint(in.tag(), id))
	})
}

// A listBook answers questions about lists.
type listBook struct {
	*ledger
	mu   sync.Mutex // guards what follows
	seen map[tx.List]*noticeIndex
}

// A noticeIndex finds the notices of a tag. Notices never change, so it only
// reads those that are new.
type noticeIndex struct {
	read  uint64 // number of the last notice read
	byTag map[tx.Digest][]uint64
}

var listNames = [...]string{tx.SeriousDishonest: "严重违法失信名单", tx.AbnormalOperation: "经营异常名录", tx.IndustryNotice: "行业提示（非法定）", tx.NegativeIndex: "负面主体库（非法定）"}

func (s *listBook) all() (*api.Page[api.ListInfo], error) {
	v := s.chain.Store().View()
	t := &sheet{view: v}
	p := &api.Page[api.ListInfo]{Height: v.Head().Height}
	for _, l := range tx.Lists() {
		n := readRow(t, row.ListKey(l), row.DecodeList)
		info := api.ListInfo{List: l, NameZH: listNames[l], Statutory: l.Statutory(), DecidedBy: state.DecidedBy(l), Entries: n.Entries, Notices: n.Notices,
			Reasons: l.Reasons(), Measures: l.Measures()}
		rule, number := ruleNow(t, l)
		info.Rule, info.Consent, info.Laws = number, rule.Consent, rule.Laws
		for _, term := range rule.Terms {
			info.Terms = append(info.Terms, api.Term{Severity: term.Severity, Min: term.Min, Max: term.Max})
		}
		p.Data = append(p.Data, info)
	}
	return p, t.err
}

// ruleNow is the version of a list's rule for what is proposed in the next block.
func ruleNow(t *sheet, l tx.List) (rule row.ListRule, number uint32) {
	for t.err == nil {
		next := readRow(t, row.ListRuleKey(l, number+1), row.DecodeListRule)
		if len(next.Laws) == 0 || next.From > t.view.Head().Height+1 {
			return rule, number
		}
		rule, number = next, number+1
	}
	return rule, number
}

// subject proves what was in force about a tag.
func (s *listBook) subject(l tx.List, tag tx.Digest, height int64, date string) (*api.Subject, error) {
	if date != "" {
		if height != 0 {
			return nil, badParameter("query.date", "height or date, not both")
		}
		day, err := tx.ParseDate(date)
		if err != nil {
			return nil, badParameter("query.date", "want a date like 2026-04-01")
		}
		if height, err = s.heightAt(day.End()); err != nil {
			return nil, err
		}
	}
	p, err := s.receipts.stateAt(row.SubjectKey(l, tag), height)
	switch {
	case errors.Is(err, errNoProof):
		return nil, retryLater(api.CodeNotReady, 1)
	case errors.Is(err, store.ErrNoHeight):
		return nil, badParameter("query.height", "no such height yet")
	case err != nil:
		return nil, err
	}
	proof, err := p.EncodeJSON()
	if err != nil {
		return nil, err
	}
	v, err := s.chain.Store().At(p.Height)
	if err != nil {
		return nil, err
	}
	out := &api.Subject{List: l, Statutory: l.Statutory(), Tag: tag, Found: p.Row.Value != nil, Height: p.Height, BlockTime: tx.Time(v.Head().Time), InForce: []api.InForce{}, Proof: proof}
	if !out.Found {
		return out, nil
	}
	entries, err := row.DecodeSubject(p.Row.Value)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		id, _, err := proposalAt(v, e.Seq)
		if err != nil {
			return nil, err
		}
		out.InForce = append(out.InForce, api.InForce{ID: id, Seq: e.Seq, State: e.State, From: e.From, Until: e.Until})
	}
	return out, nil
}

// heightAt is the last block whose own time is before t, of those that are proven.
func (s *listBook) heightAt(t tx.Time) (int64, error) {
	newest, _, err := s.receipts.newest()
	if errors.Is(err, errNoProof) {
		return 0, retryLater(api.CodeNotReady, 1)
	}
	if err != nil {
		return 0, err
	}
	n := newest.Head().Height
	var bad error
	later := sort.Search(int(n), func(i int) bool { // heights 1 to n
		h, err := s.chain.Store().HeadAt(int64(i) + 1)
		if err != nil {
			bad = err
		}
		return tx.Time(h.Time) >= t
	})
	if bad == nil && later == 0 {
		bad = badParameter("query.date", "the chain began after it")
	}
	return int64(later), bad
}

// proposalAt reads the list.propose that is entry seq.
func proposalAt(v *store.View, seq uint64) (tx.ID, *tx.Statement, error) {
	e, err := v.Entry(seq)
	if err != nil {
		return tx.ID{}, nil, err
	}
	env, err := tx.ParseEnvelope(e.Envelope)
	if err != nil {
		return tx.ID{}, nil, err
	}
	s, err := tx.ParseStatement(env.Payload)
	return env.ID(), s, err
}

// entries lists the entries of a list.
func (s *listBook) entries(ctx context.Context, l tx.List, q api.ListEntryQuery) (*api.Page[api.ListEntry], error) {
	const maxRead = 2000 // rows of one page that a condition may leave out
	v := s.chain.Store().View()
	start, end := row.ListEntryRange(l)
	if q.Cursor != "" {
		b, err := parseKey(q.Cursor, 8)
		if err != nil {
			return nil, err
		}
		start = append(row.ListEntryKey(l, binary.BigEndian.Uint64(b)), 0)
	}
	type found struct {
		seq uint64
		row row.ListEntry
	}
	var rows []found
	var bad error
	err := v.Iterate(start, end, func(k, value []byte) bool {
		var e row.ListEntry
		if e, bad = row.DecodeListEntry(value); bad == nil {
			rows = append(rows, found{row.ListEntrySeq(k), e})
		}
		return bad == nil && len(rows) <= maxRead
	})
	if err = errors.Join(err, bad); err != nil {
		return nil, err
	}
	p := &api.Page[api.ListEntry]{Data: []api.ListEntry{}, Height: v.Head().Height}
	for i, f := range rows {
		if len(p.Data) == q.Limit || i == maxRead {
			p.HasMore, p.NextCursor = true, seqCursor(rows[i-1].seq)
			break
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e, err := s.entry(v, l, f.seq, &f.row)
		if err != nil {
			return nil, err
		}
		if q.State == "" || e.State == q.State {
			p.Data = append(p.Data, *e)
		}
	}
	return p, nil
}

func seqCursor(seq uint64) string {
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, seq))
}

func (s *listBook) entry(v *store.View, l tx.List, seq uint64, r *row.ListEntry) (*api.ListEntry, error) {
	st, err := state.StandAt(v, s.chain.Directory(), seq)
	if err != nil {
		return nil, err
	}
	b := st.Statement.Body.(*tx.Proposal)
	e := &api.ListEntry{ID: st.ID, Seq: seq, Height: st.Height, List: l, Statutory: l.Statutory(), Member: st.Statement.Member, Tag: r.Tag, Epoch: r.Epoch, USCC: r.USCC,
		State: st.State, Since: st.StateSince, InForce: row.InForceLetter(st.State) != "", Head: st.Head, Law: b.Law.String(), Reason: b.Reason, Severity: r.Severity,
		Measures: b.Measures, Evidence: b.Exhibits, RespondBy: dateText(r.RespondBy), From: dateText(r.From), RepairFrom: dateText(r.RepairFrom), Until: dateText(r.Until)}
	if !b.Basis.IsZero() {
		e.Basis = b.Basis.String()
	}
	return e, nil
}

// dateText writes a date, "" for none.
func dateText(d tx.Date) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// consumers reads who must act on a list, ascending by member.
func consumers(v *store.View, l tx.List) (members []tx.MemberID, rows []row.Consumer, err error) {
	start, end := row.ConsumerRange(l)
	var bad error
	err = v.Iterate(start, end, func(k, value []byte) bool {
		var c row.Consumer
		c, bad = row.DecodeConsumer(value)
		members, rows = append(members, row.ConsumerMember(k)), append(rows, c)
		return bad == nil
	})
	return members, rows, errors.Join(err, bad)
}

// notice describes a notice.
func (s *listBook) notice(v *store.View, l tx.List, number uint64, members []tx.MemberID, rows []row.Consumer) (*api.ListNotice, error) {
	t := &sheet{view: v}
	n := readRow(t, row.NoticeKey(l, number), row.DecodeNotice)
	if t.err != nil {
		return nil, t.err
	}
	head, err := s.chain.Store().HeadAt(n.Height)
	if err != nil {
		return nil, err
	}
	id, _, err := proposalAt(v, n.Entry)
	if err != nil {
		return nil, err
	}
	out := &api.ListNotice{Number: number, Action: n.Action, Entry: id, Seq: n.Entry, State: n.State, Tag: n.Tag, Height: n.Height, BlockTime: tx.Time(head.Time), Due: dateText(n.Due),
		Open: []tx.MemberID{}, Overdue: []tx.MemberID{}}
	today := tx.DateOf(tx.Time(v.Head().Time))
	for i, c := range rows {
		if c.Released || number <= c.Through {
			continue
		}
		out.Open = append(out.Open, members[i])
		if due := c.Due(number, &n); due != 0 && today > due {
			out.Overdue = append(out.Overdue, members[i])
		}
	}
	return out, nil
}

func (s *listBook) notices(ctx context.Context, l tx.List, q api.ListNoticeQuery) (*api.Page[api.ListNotice], error) {
	v := s.chain.Store().View()
	t := &sheet{view: v}
	newest := readRow(t, row.ListKey(l), row.DecodeList).Notices
	members, rows, err := consumers(v, l)
	if err = errors.Join(err, t.err); err != nil {
		return nil, err
	}
	p := &api.Page[api.ListNotice]{Data: []api.ListNotice{}, Height: v.Head().Height}
	after := q.After
	if q.Member != "" {
		i := slices.Index(members, q.Member)
		if i < 0 || rows[i].Released {
			return p, nil
		}
		after = max(after, rows[i].Through)
	}
	for number := after + 1; number <= newest; number++ {
		if len(p.Data) == q.Limit {
			p.HasMore, p.NextCursor = true, api.NoticeCursor(number-1)
			break
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := s.notice(v, l, number, members, rows)
		if err != nil {
			return nil, err
		}
		p.Data = append(p.Data, *n)
	}
	return p, nil
}

// history lists the notices about a tag.
func (s *listBook) history(ctx context.Context, l tx.List, tag tx.Digest) (*api.Page[api.ListNotice], error) {
	v := s.chain.Store().View()
	numbers, err := s.noticesOf(ctx, v, l, tag)
	if err != nil {
		return nil, err
	}
	members, rows, err := consumers(v, l)
	if err != nil {
		return nil, err
	}
	p := &api.Page[api.ListNotice]{Data: []api.ListNotice{}, Height: v.Head().Height}
	for _, number := range numbers {
		n, err := s.notice(v, l, number, members, rows)
		if err != nil {
			return nil, err
		}
		p.Data = append(p.Data, *n)
	}
	return p, nil
}

// noticesOf returns the numbers of the notices about a tag.
func (s *listBook) noticesOf(ctx context.Context, v *store.View, l tx.List, tag tx.Digest) ([]uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.seen[l]
	if x == nil {
		x = &noticeIndex{byTag: make(map[tx.Digest][]uint64)}
		s.seen[l] = x
	}
	start, end := row.NoticeKey(l, x.read+1), []byte(nil)
	_, end = row.NoticeRange(l)
	var bad error
	err := v.Iterate(start, end, func(k, value []byte) bool {
		var n row.Notice
		if n, bad = row.DecodeNotice(value); bad == nil {
			bad = ctx.Err()
		}
		if bad != nil {
			return false
		}
		x.read = row.NoticeNumber(k)
		x.byTag[n.Tag] = append(x.byTag[n.Tag], x.read)
		return true
	})
	return slices.Clone(x.byTag[tag]), errors.Join(err, bad)
}

// maxOpen bounds the notices that are counted for one consumer.
const maxOpen = 10_000

func (s *listBook) acks(ctx context.Context, l tx.List) (*api.Page[api.ListAck], error) {
	v := s.chain.Store().View()
	t := &sheet{view: v}
	newest := readRow(t, row.ListKey(l), row.DecodeList).Notices
	members, rows, err := consumers(v, l)
	if err = errors.Join(err, t.err); err != nil {
		return nil, err
	}
	today := tx.DateOf(tx.Time(v.Head().Time))
	p := &api.Page[api.ListAck]{Data: []api.ListAck{}, Height: v.Head().Height}
	for i := range rows {
		c := &rows[i]
		a := api.ListAck{List: l, Member: members[i], Through: c.Through, Newest: newest, Applied: c.Applied, Lifted: c.Lifted, Released: c.Released, Since: c.Since}
		for number := c.Through + 1; number <= newest && !c.Released && a.Open < maxOpen; number++ {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			n := readRow(t, row.NoticeKey(l, number), row.DecodeNotice)
			if t.err != nil {
				return nil, t.err
			}
			a.Open++
			due := c.Due(number, &n)
			if due != 0 && today > due {
				a.Overdue++
			}
			if text := dateText(due); text != "" && (a.NextDue == "" || text < a.NextDue) {
				a.NextDue = text
			}
		}
		p.Data = append(p.Data, a)
	}
	return p, nil
}

// maxLookupAge is how many blocks a routing.read serves.
const maxLookupAge = 1000

// routingHint answers a lookup that the ledger holds.
func (l *ledger) routingHint(tag tx.Digest, read tx.ID) (*api.RoutingHint, error) {
	v := l.chain.Store().View()
	st, err := state.Stand(v, l.chain.Directory(), read)
	if err != nil {
		return nil, err
	}
	lookup, ok := (*tx.RoutingLookup)(nil), false
	if st != nil {
		lookup, ok = st.Statement.Body.(*tx.RoutingLookup)
	}
	if !ok || lookup.Tag != tag || st.Outcome != row.Effective || st.Height < v.Head().Height-maxLookupAge {
		return nil, badParameter("query.read", "want the id of a routing.read about this tag of the last "+strconv.Itoa(maxLookupAge)+" blocks")
	}
	t := &sheet{view: v}
	if on := readRow(t, row.RoutingKey(), row.DecodeRouting); on.Assessment.IsZero() {
		return nil, errors.Join(t.err, tx.CodeRoutingOff.Err())
	}
	h := readRow(t, row.RoutingTagKey(tag), row.DecodeRoutingTag)
	out := &api.RoutingHint{Tag: tag, Found: h.Bucket != "", Bucket: h.Bucket, Note: sentence(
		"仅用于分流，不得作为拒绝受理或不利处理的依据。", "It only routes: no ground to refuse a complaint or to treat anybody worse.")}
	if out.Found {
		out.Until = dateText(h.Until)
	}
	return out, t.err
}

// stateAt proves one row of the state after a block; height 0 is the newest proven.
func (r *receipts) stateAt(key []byte, height int64) (*receipt.StateProof, error) {
	if height == 0 {
		return r.state(key)
	}
	if height > r.flights.last()-1 {
		return nil, fmt.Errorf("height %d: %w", height, store.ErrNoHeight)
	}
	v, block, err := r.at(height)
	if err != nil {
		return nil, err
	}
	return r.proof(v, block, key)
}
