package gateway

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/client/label"
	"zhenglian/client/web"
	"zhenglian/node/consumer"
)

// What consumers do with the page behind a code: they open it, which is counted,
// and report goods. An officer of the gateway's operator reads what they report.

// Counts at which a page says that a code may have been copied: of one item, whose
// code is on that item alone, and of a lot, whose code many items bear.
const (
	manyScansOfItem = 20
	manyScansOfLot  = 5000
)

// maxReportForm bounds the form of a report in bytes: every character escaped.
const maxReportForm = 16 << 10

func consumerRoutes(r *gin.Engine, h huma.API, s *consumer.Store, l *ledger) {
	text := &huma.Schema{Type: huma.TypeString}
	op := &huma.Operation{
		OperationID: "reportGoods", Method: http.MethodPost, Path: "/report", Tags: []string{"network"},
		Summary:     "A consumer reports goods: the form of a unit's page · 消费者举报",
		Description: "The answer is a page. Nothing is kept of who sends it.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/x-www-form-urlencoded": {Schema: &huma.Schema{
			Type: huma.TypeObject, Required: []string{"code", "reason"}, Properties: map[string]*huma.Schema{"code": text, "reason": text, "text": text, "lang": text, "large": text}}}}},
		Responses: map[string]*huma.Response{"200": {Description: "it was taken", Content: map[string]*huma.MediaType{"text/html": {Schema: text}}}},
	}
	addProblem(op)
	h.OpenAPI().AddOperation(op)
	r.POST("/report", func(c *gin.Context) { takeReport(c, s) })
	register(h, huma.Operation{
		OperationID: "listConsumerReports", Method: http.MethodGet, Path: api.PathConsumerReports, Tags: []string{"network"},
		Summary:     "What consumers have reported through the pages of codes, newest first · 消费者举报线索",
		Description: "Nobody has verified it, and nobody knows who said it. It is kept by this gateway and is not on the ledger.\n\n内容未经核实，也不知何人所报；仅存于本网关，不上链。",
	}, func(ctx context.Context, in *struct {
		Code   string `query:"code" maxLength:"256" doc:"only those about this unit"`
		Open   bool   `query:"open" doc:"only those that nobody has dealt with"`
		Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
		Cursor string `query:"cursor" maxLength:"32" doc:"next_cursor of the page before"`
	}) (*linked[api.Page[api.ConsumerReport]], error) {
		if s == nil {
			return nil, api.NewProblem(api.CodeUnavailable, "this gateway takes no reports")
		}
		page, err := reports(ctx, s, l, consumer.Query{Code: in.Code, Open: in.Open, Limit: in.Limit}, in.Cursor)
		open := ""
		if in.Open {
			open = "true"
		}
		return follow(page, err, api.PathConsumerReports, in.Limit, map[string]string{"code": in.Code, "open": open})
	})
	register(h, huma.Operation{
		OperationID: "closeConsumerReport", Method: http.MethodPost, Path: api.PathConsumerReportClose, Tags: []string{"network"}, DefaultStatus: http.StatusNoContent,
		Summary: "A consumer's report was dealt with · 办结举报线索",
	}, func(ctx context.Context, in *struct {
		Number int64 `path:"number" minimum:"1"`
	}) (*struct{}, error) {
		if s == nil {
			return nil, api.NewProblem(api.CodeUnavailable, "this gateway takes no reports")
		}
		ok, err := s.CloseReport(ctx, in.Number)
		if err == nil && !ok {
			err = api.NewProblem(api.CodeNotFound, "no report "+strconv.FormatInt(in.Number, 10))
		}
		return nil, err
	})
}

func reports(ctx context.Context, s *consumer.Store, l *ledger, q consumer.Query, cursor string) (*api.Page[api.ConsumerReport], error) {
	before, err := cursorSeq(cursor)
	if err != nil {
		return nil, err
	}
	q.Before = int64(before)
	rs, more, err := s.Reports(ctx, q)
	if err != nil {
		return nil, err
	}
	p := &api.Page[api.ConsumerReport]{Data: []api.ConsumerReport{}, HasMore: more, Height: l.chain.Store().View().Head().Height}
	for _, r := range rs {
		p.Data = append(p.Data, api.ConsumerReport{Number: r.ID, Code: r.Code, Reason: r.Reason, Text: r.Text, At: r.At.Format(time.RFC3339), Closed: r.Closed})
	}
	if more {
		p.NextCursor = base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, uint64(rs[len(rs)-1].ID)))
	}
	return p, nil
}

// takeReport takes the form of a unit's page.
func takeReport(c *gin.Context, s *consumer.Store) {
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxReportForm)
	page := &web.Reported{Look: lookOf(c)}
	if err := c.Request.ParseForm(); err != nil || s == nil {
		page.Failed = page.T("举报未能提交，请稍后再试或拨打 12315。", "The report could not be taken. Try again later, or call 12315.")
		render(c, http.StatusBadRequest, page)
		return
	}
	page.Look = web.LookOf(c.PostForm("lang"), c.PostForm("large"))
	page.Code = c.PostForm("code")
	text := strings.ReplaceAll(c.PostForm("text"), "\r\n", "\n")
	id, err := s.Report(c.Request.Context(), consumer.Report{Code: page.Code, Reason: c.PostForm("reason"), Text: text})
	status := http.StatusOK
	switch {
	case errors.Is(err, consumer.ErrForm):
		status, page.Failed = http.StatusBadRequest, page.T("请选择举报事由，说明不超过 1000 字。", "Choose a reason, and write at most 1000 characters.")
	case errors.Is(err, consumer.ErrFull):
		status, page.Failed = http.StatusTooManyRequests, page.T("目前举报过多，请稍后再试或拨打 12315。", "There are too many reports now. Try again later, or call 12315.")
	case err != nil:
		status, page.Failed = http.StatusServiceUnavailable, page.T("举报未能提交，请稍后再试或拨打 12315。", "The report could not be taken. Try again later, or call 12315.")
		loggerOf(c).Warn("consumer report", "request_id", requestID(c), "err", err)
	default:
		page.Number = id
	}
	if tx.UnitCode(page.Code).Validate() != nil {
		page.Code = "" // no link to what is no page
	}
	render(c, status, page)
}

// countScan fills in how often the page of a code was opened. A link on the page
// itself, to another language or size, has a query and does not count.
func countScan(c *gin.Context, s *consumer.Store, page *web.Unit) {
	if s == nil || !page.Found {
		return
	}
	count := s.Scans
	if c.Request.URL.RawQuery == "" && c.Request.Method == http.MethodGet {
		count = s.Scan
	}
	n, err := count(c.Request.Context(), page.Code)
	if err != nil {
		loggerOf(c).Warn("scan count", "request_id", requestID(c), "err", err)
		return // the page without it
	}
	if n.Count == 0 {
		return
	}
	page.Scans, page.FirstScan = n.Count, n.First.In(china).Format("2006-01-02 15:04")
	page.OneItem = strings.Contains(page.Code, "/21/")
	page.ManyScans = n.Count > manyScansOfLot || page.OneItem && n.Count > manyScansOfItem
}

// china is the time zone that the pages speak in.
var china = time.FixedZone("UTC+8", 8*3600)

// labels answers with QR codes to print: ?label=png, or svg, a sheet of one lot.
func labels(c *gin.Context, page *web.Unit, code tx.UnitCode) {
	site := "http://" + c.Request.Host
	if c.Request.TLS != nil || c.GetHeader("X-Forwarded-Proto") == "https" {
		site = "https://" + c.Request.Host
	}
	var b []byte
	var err error
	media, name := "image/png", "label.png"
	switch c.Query("label") {
	case "png":
		b, err = label.PNG(site, code, 8)
	case "svg":
		media, name = "image/svg+xml", "labels.svg"
		var sheet strings.Builder
		err = label.Sheet(&sheet, site, slices.Repeat([]label.Label{{Code: code, Text: []string{page.Name}}}, label.PerSheet))
		b = []byte(sheet.String())
	default:
		fail(c, badParameter("query.label", "want png or svg"))
		return
	}
	if err != nil {
		fail(c, badParameter("host", err.Error()))
		return
	}
	c.Header("Content-Disposition", `inline; filename="`+name+`"`)
	c.Header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	c.Header("Cache-Control", "no-store") // it says the host that was asked
	c.Data(http.StatusOK, media, b)
}
