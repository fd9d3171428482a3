package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/client/web"
	"zhenglian/node/consumer"
)

// unitPageRoutes serve the codes on labels: the paths of GS1 Digital Links, and
// those of the consortium.
//
// What is asked for decides the answer: see resolve. Everything else is the page.
func unitPageRoutes(r *gin.Engine, l *ledger, s *consumer.Store) {
	for _, key := range []string{"01", "zg", "00", "zs"} {
		r.GET("/"+key+"/*rest", func(c *gin.Context) { unitPage(c, l, s) })
	}
}

func unitPage(c *gin.Context, l *ledger, s *consumer.Store) {
	path := c.Request.URL.EscapedPath()
	page := &web.Unit{Look: lookOf(c), Path: path, Code: strings.TrimPrefix(path, "/")}
	code := tx.UnitCode(page.Code)
	if resolve(c, l, code) {
		return
	}
	status, err := fillUnit(c.Request.Context(), l, page, code)
	if status >= http.StatusInternalServerError {
		page.Broken = true
		loggerOf(c).Warn("unit page", "request_id", requestID(c), "err", err)
	}
	if page.Found && c.Query("label") != "" {
		labels(c, page, code)
		return
	}
	countScan(c, s, page)
	page.Takes = s != nil
	render(c, status, page)
}

// fillUnit returns the status of the answer, and why it is not 200.
func fillUnit(ctx context.Context, l *ledger, page *web.Unit, code tx.UnitCode) (int, error) {
	if err := code.Validate(); err != nil {
		var e *tx.Error
		errors.As(err, &e)
		page.Bad = page.T(e.Code.Chinese(), e.Code.Hint())
		return http.StatusNotFound, err
	}
	u, err := l.unitByCode(ctx, code)
	var p *api.Problem
	switch {
	case errors.As(err, &p) && p.Status == http.StatusNotFound:
		return http.StatusNotFound, err
	case err != nil:
		return http.StatusServiceUnavailable, err
	}
	t := page.T
	page.Found, page.Recalled, page.Height = true, u.Recalls > 0, u.AsOf
	page.TraceURL = api.TraceURL(u.ID) + "?direction=back"
	if head, err := l.chain.Store().HeadAt(u.AsOf); err == nil && head.Time != 0 {
		page.Time = tx.Time(head.Time).String()
	}
	page.Name = t("物流容器", "Shipping container")
	fact := func(zh, en, value string) {
		if value != "" {
			page.Facts = append(page.Facts, web.Fact{Name: t(zh, en), Value: value})
		}
	}
	who := func(m tx.MemberID) string {
		if r := l.chain.Directory().Member(m); r != nil {
			return t(r.NameZH, r.NameEN)
		}
		return string(m)
	}
	if u.Product != nil {
		page.Name = t(u.Product.NameZH, u.Product.NameEN)
		fact("品牌方", "Owner of the product", who(u.Product.Owner))
	}
	fact("生产者", "Made by", who(u.Maker))
	for _, q := range [][3]string{{"/10/", "批号", "Lot"}, {"/21/", "序列号", "Serial"}} {
		if _, v, ok := strings.Cut(string(code), q[0]); ok {
			v, _, _ = strings.Cut(v, "/")
			if v, err = url.PathUnescape(v); err == nil { // it was checked
				fact(q[1], q[2], v)
			}
		}
	}
	if err := l.unitDates(u, fact); err != nil {
		return http.StatusServiceUnavailable, err
	}
	if u.Product != nil {
		fact("数量", "Quantity", fmt.Sprintf("%d %s", u.Quantity, u.Product.UOM))
	}
	switch {
	case u.State == row.UnitOut:
		fact("现状", "Now", t("已售出或离开账本", "sold, or gone from the ledger"))
	case u.State == row.UnitOffered:
		fact("现状", "Now", t("运输途中，尚未收货", "on its way, not accepted yet"))
	case u.State == row.UnitActive && u.Parent == "":
		fact("现状", "Now", t("在", "with ")+who(u.Custodian))
	case u.State == row.UnitActive:
		fact("现状", "Now", t("在容器内", "in a container"))
	}
	switch {
	case u.State == row.UnitDestroyed:
		page.Stop = t("账本记录此产品已销毁，不应再出售", "The ledger says that this product was destroyed. It should not be on sale.")
	case u.State == row.UnitConsumed:
		page.Stop = t("账本记录此批已全部用于加工，不应再出售", "The ledger says that all of this lot was used up. It should not be on sale.")
	case u.Hot > 0:
		page.Stop = t("容器内有被召回的产品", "Something inside is recalled")
	}
	for _, f := range u.Flags {
		page.Warnings = append(page.Warnings, map[string]string{
			row.FlagDisputed: t("流转中收货方曾提出异议", "A receiver contradicted a hand-over of it"),
			row.FlagHarvest:  t("登记数量超过产地申报的收获量", "More was registered than its place of origin declared as harvested"),
			row.FlagOneSided: t("曾离开账本后返回，来源仅一方陈述", "It left the ledger and came back; only one side says from where"),
			row.FlagYield:    t("产量超过申报的得率", "More was made than the declared yield allows"),
		}[f])
	}
	if err := l.fillStory(ctx, u, page, who); err != nil {
		return http.StatusServiceUnavailable, err
	}
	if page.Recalled {
		if err := l.recallsOf(ctx, u, page, who); err != nil {
			return http.StatusServiceUnavailable, err
		}
	}
	return http.StatusOK, nil
}

// fillStory fills in where the goods come from, who signed each step, and what
// tests of them found.
func (l *ledger) fillStory(ctx context.Context, u *api.Unit, page *web.Unit, who func(tx.MemberID) string) error {
	if l.index == nil {
		return nil
	}
	v, t := l.chain.Store().View(), page.T
	s, err := l.tell(ctx, v, u)
	if err != nil {
		return err
	}
	page.Cut = s.cut
	for _, e := range s.events {
		what, known := eventWords[e.Kind]
		if e.Outcome != row.Effective || !known {
			continue
		}
		by := who(tx.MemberID(e.Member))
		if e.To != "" {
			by += " → " + who(tx.MemberID(e.To))
			switch e.State {
			case row.Offered:
				by += t("（对方尚未确认）", " (not confirmed by the other side)")
			case row.Disputed:
				by += t("（对方有异议）", " (contradicted by the other side)")
			}
		}
		if e.State == row.OneSided {
			by += t("（仅一方陈述）", " (one side only)")
		}
		about := ""
		if e.code != u.Code {
			if about, err = l.called(v, page.Look, e.code); err != nil {
				return err
			}
		}
		page.Events = append(page.Events, web.Event{ID: e.ID.String(), What: t(what[0], what[1]), About: about, Who: by, When: e.At.String()})
	}
	found, err := s.inspections()
	if err != nil {
		return err
	}
	for i := range found {
		n, err := l.pageInspection(v, page.Look, &found[i], u, who)
		if err != nil {
			return err
		}
		page.Inspections = append(page.Inspections, n)
	}
	return nil
}

// called is what a unit is called on a page: its product and lot.
func (l *ledger) called(v *store.View, look web.Look, code tx.UnitCode) (string, error) {
	name := look.T("容器", "Container")
	if p := code.Product(); p != "" {
		r, err := state.ProductAt(v, p)
		if err != nil {
			return "", err
		}
		if r != nil {
			name = look.T(r.NameZH, r.NameEN)
		}
	}
	if _, lot, ok := strings.Cut(string(code), "/10/"); ok {
		lot, _, _ = strings.Cut(lot, "/")
		if lot, err := url.PathUnescape(lot); err == nil { // it was checked
			name += " " + lot
		}
	}
	return name, nil
}

// pageInspection describes an inspection to a consumer.
func (l *ledger) pageInspection(v *store.View, look web.Look, a *api.Inspection, u *api.Unit, who func(tx.MemberID) string) (web.Inspection, error) {
	t, r := look.T, a.Report
	n := web.Inspection{ID: a.ID.String(), Report: r.ID.String(), Passes: r.Passes, Tested: r.Tested,
		By: fmt.Sprintf(t("%s 检验，%s 会签", "tested by %s, co-signed by %s"), who(r.Lab), who(a.Member)), Standard: fmt.Sprintf(t("%s，%d 项", "%s, %d items"), r.Standard, r.Items)}
	if a.Unit != u.Code {
		var err error
		if n.About, err = l.called(v, look, a.Unit); err != nil {
			return n, err
		}
	}
	for _, f := range r.Failed {
		n.Failed = append(n.Failed, fmt.Sprintf(t("%s：实测 %s %s，限量 %s %[3]s", "%s: found %s %s, limit %s %[3]s"), t(f.NameZH, f.NameEN), f.Found, f.Unit, f.Limit))
	}
	switch {
	case r.Passes && a.State == row.Overturned:
		n.Verdict = t("复检合格（初检不合格）", "Passed when tested again (it had failed first)")
	case r.Passes:
		n.Verdict = t("合格", "Passed")
	case row.FailedForGood(a.State):
		n.Verdict = t("不合格（已确认）", "Failed (final)")
	default:
		n.Verdict = t("不合格（尚可复检，未最终确认）", "Failed (not final: it may be tested again)")
	}
	return n, nil
}

var eventWords = map[tx.Kind][2]string{
	tx.TraceRegister: {"登记", "Registered"}, tx.TraceShip: {"发货", "Shipped"}, tx.TraceReceive: {"收货", "Received"}, tx.TraceDispute: {"异议", "Disputed"},
	tx.TraceCancel: {"撤回发货", "Shipment taken back"}, tx.TraceSell: {"售出", "Sold"}, tx.TraceTake: {"退回入账", "Came back"}, tx.TraceAggregate: {"装箱", "Packed"},
	tx.TraceDisaggregate: {"拆箱", "Unpacked"}, tx.TraceTransform: {"加工", "Processed"}, tx.TraceDestroy: {"销毁", "Destroyed"}, tx.TraceRecall: {"召回", "Recalled"},
	tx.TraceDispose: {"召回处置", "Recalled goods disposed of"}, tx.TraceRelease: {"解除召回", "Released from recall"}, tx.TraceClose: {"召回结束", "Recall closed"},
}

// unitDates says when a unit was made and how long it keeps, as its maker states.
func (l *ledger) unitDates(u *api.Unit, fact func(zh, en, value string)) error {
	st, err := state.StandAt(l.chain.Store().View(), l.chain.Directory(), u.ID.Seq())
	if err != nil {
		return err
	}
	switch b := st.Statement.Body.(type) {
	case *tx.Register:
		if b.Harvest != nil {
			fact("产地", "Place of origin", b.Harvest.Origin)
		}
		fact("生产日期", "Made on", b.Made)
		fact("保质期至", "Best before", b.BestBefore)
	case *tx.Transform:
		fact("生产日期", "Made on", b.Made)
		fact("保质期至", "Best before", b.BestBefore)
	}
	return nil
}

// maxRecallsShown bounds the recalls looked through for a page.
const maxRecallsShown = 1000

// recallsOf lists the recalls that a unit is in, newest first.
func (l *ledger) recallsOf(ctx context.Context, u *api.Unit, page *web.Unit, who func(tx.MemberID) string) error {
	if l.index == nil {
		return nil
	}
	v := l.chain.Store().View()
	seqs, err := l.index.Traces(ctx, tx.TraceRecall, v.Head().LogSize, maxRecallsShown)
	if err != nil {
		return err
	}
	for _, seq := range seqs {
		b, err := v.Get(row.ScopeKey(seq, u.ID))
		if err != nil {
			return err
		}
		if b == nil {
			continue
		}
		in, err := row.DecodeScoped(b)
		if err != nil {
			return err
		}
		if in.Outcome == row.OutcomeReleased {
			continue
		}
		st, err := state.StandAt(v, l.chain.Directory(), seq)
		if err != nil {
			return err
		}
		r := st.Statement.Body.(*tx.Recall)
		page.Recalls = append(page.Recalls, web.Recall{ID: st.ID.String(),
			Text: fmt.Sprintf(page.T("%s 发起的 %d 级召回：%s", "Recall of level %[2]d by %[1]s: %[3]s"), who(st.Statement.Member), r.Level, recallReason(page.Look, r.Reason))})
	}
	return nil
}

func recallReason(l web.Look, reason string) string {
	w := map[string][2]string{"unsafe": {"不安全", "unsafe"}, "failed_test": {"检验不合格", "failed a test"}, "mislabelled": {"标签不符", "mislabelled"},
		"counterfeit": {"假冒", "counterfeit"}, "origin": {"产地不实", "false origin"}, "other": {"其他原因", "other reasons"}}[reason]
	return l.T(w[0], w[1])
}
