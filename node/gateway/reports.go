package gateway

import (
	"bytes"
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/client/court"
)

// maxReportBody bounds the body of POST /v1/reports in bytes: a receipt and a trust
// root in base64, and the digests of some thousand files.
const maxReportBody = 2*(receipt.MaxBytes*4/3+4) + 1<<20

// reportRoutes lets the gateway verify with the same code as zheng-verify and the
// page. Whoever relies on the answer relies on the gateway.
func reportRoutes(h huma.API, c Config, l *ledger) {
	text := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	register(h, huma.Operation{
		OperationID: "report", Method: http.MethodPost, Path: api.PathReports, Tags: []string{"verify"},
		Summary: "Verify a receipt, certificate or bundle here · 由网关验证回执、证书或证据包",
		Description: "The report is the one that zheng-verify and the page /verify write, byte for byte. It is only as good as this gateway: to rely on nobody, verify offline.\n\n" +
			"报告与 zheng-verify 及 /verify 页面逐字节相同，但须信任本网关；如不愿信任任何人，请离线验证。",
		DefaultStatus: http.StatusOK, MaxBodyBytes: maxReportBody, BodyReadTimeout: c.BodyWait,
		Responses: map[string]*huma.Response{"200": {Description: "the report", Content: map[string]*huma.MediaType{
			api.MediaJSON: {Schema: &huma.Schema{Type: huma.TypeObject}}, "text/plain": text, "text/html": text,
		}}},
	}, func(ctx context.Context, in *struct {
		Form string `query:"form" enum:"json,text,html" default:"json"`
		Lang string `query:"lang" enum:"zh,en,both" default:"both" doc:"of the text and html forms"`
		Body api.ReportRequest
	}) (*document, error) {
		r, err := l.report(ctx, &in.Body)
		if err != nil {
			return nil, err
		}
		if in.Form == "text" {
			return &document{ContentType: "text/plain; charset=utf-8", Body: []byte(r.Text(in.Lang))}, nil
		}
		if in.Form == "html" {
			return &document{ContentType: "text/html; charset=utf-8", Body: []byte(receipt.HTMLOf(r.Page, in.Lang))}, nil
		}
		return &document{ContentType: api.MediaJSON, Body: r.JSON()}, nil
	})
}

func (l *ledger) report(ctx context.Context, q *api.ReportRequest) (court.Report, error) {
	trust := l.chain.Trust()
	if len(q.Trust) > 0 {
		var err error
		if trust, err = receipt.ParseTrust(q.Trust); err != nil {
			return nil, badParameter("body.trust", err.Error())
		}
	}
	if trust == nil {
		return nil, api.NewProblem(api.CodeUnavailable, "this gateway proposes no trust root: send yours")
	}
	var o court.Options
	if q.ID != "" {
		var err error
		if o.WantID, err = tx.ParseID(q.ID); err != nil {
			return nil, badParameter("body.id", "want 64 lower-case hex digits")
		}
	}
	for i := range q.Files {
		f := &q.Files[i]
		a, err := tx.ParseDigest(f.SHA256)
		if err != nil {
			return nil, badParameter("body.files.sha256", "want 64 lower-case hex digits")
		}
		b, err := tx.ParseDigest(f.SM3)
		if err != nil {
			return nil, badParameter("body.files.sm3", "want 64 lower-case hex digits")
		}
		o.Files = append(o.Files, receipt.FileDigests{Name: f.Name, SHA256: a, SM3: b, Bytes: f.Bytes})
	}
	return court.Verify(ctx, bytes.NewReader(q.Receipt), int64(len(q.Receipt)), trust, o)
}
