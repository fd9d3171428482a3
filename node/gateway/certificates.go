package gateway

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zhenglian/app/tx"
	"zhenglian/client/api"
	printed "zhenglian/client/certificate"
)

// A Printer is what a gateway prints certificates with.
type Printer struct {
	Font   *printed.Font
	Sealer *printed.Sealer // nil: certificates carry no seal
}

// printing is how many certificates are printed at once: a page costs some tens of
// milliseconds of a processor, and a font is not for two at a time.
const printing = 1

// certificateRoutes serve certificates. What is on one is for package certificate to
// say.
func certificateRoutes(h huma.API, l *ledger) {
	register(h, huma.Operation{
		OperationID: "getCertificate", Method: http.MethodGet, Path: api.PathCertificate, Tags: []string{"read", "verify"},
		Summary: "The certificate of a statement, as PDF · 存证证书",
		Description: "Printed from the receipt, as it was accepted or with what holds now. The receipt is attached to it and, in its compact form, printed as a QR code: " +
			"the paper verifies without this gateway. It bears the member's seal if the gateway has one.\n\n由回执生成；附有回执，二维码载有简式回执，纸质证书可离线核验。",
		Responses: map[string]*huma.Response{"200": {Description: "the certificate", Content: map[string]*huma.MediaType{
			api.MediaPDF: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
		}}},
	}, func(ctx context.Context, in *struct {
		StatementPath
		At string `query:"at" enum:"entry,latest" default:"latest" doc:"entry: as it was accepted; latest: and what holds now"`
	}) (*document, error) {
		b, err := l.certificate(ctx, in.id(), in.At)
		if err != nil {
			return nil, err
		}
		name := mime.FormatMediaType("inline", map[string]string{"filename": in.ID[:16] + ".certificate.pdf"})
		return &document{ContentType: api.MediaPDF, Disposition: name, Body: b}, nil
	})
}

func (l *ledger) certificate(ctx context.Context, id tx.ID, at string) ([]byte, error) {
	trust := l.chain.Trust()
	if l.printer == nil || trust == nil {
		return nil, api.NewProblem(api.CodeUnavailable, "this gateway prints no certificates: it has no font with Chinese characters, or no trust root")
	}
	doc, err := l.Receipt(ctx, id, api.ReceiptOptions{Form: api.FormJSON, At: at})
	if err != nil {
		return nil, err
	}
	select {
	case l.press <- struct{}{}:
		defer func() { <-l.press }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	b, err := printed.Certificate(doc, trust, l.printer.Font)
	if errors.Is(err, printed.ErrNotVerified) {
		return nil, api.NewProblem(api.CodeNotCertified, err.Error())
	}
	if err == nil && l.printer.Sealer != nil {
		b, err = printed.Seal(b, l.printer.Sealer, time.Now())
	}
	return b, err
}
