package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"html/template"
	"image"
	"image/color"
	"image/png"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"

	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/client/paper"
)

// Pixels of a module of a code, and of the quiet zone around it in modules.
const (
	codeScale = 3
	codeQuiet = 4
)

// codes are the codes of a statement's compact receipt, as pictures: what a certificate
// has printed on it.
func (l *ledger) codes(ctx context.Context, id tx.ID) ([]template.URL, error) {
	compact, err := l.Receipt(ctx, id, api.ReceiptOptions{Form: api.FormCompact, At: api.AtEntry})
	if err != nil {
		return nil, err
	}
	texts, err := paper.Codes(compact)
	if err != nil {
		return nil, err
	}
	var out []template.URL
	for _, t := range texts {
		c, err := qr.Encode(t, qr.L, qr.AlphaNumeric)
		if err != nil {
			return nil, err
		}
		b, err := codePNG(c)
		if err != nil {
			return nil, err
		}
		out = append(out, template.URL("data:image/png;base64,"+base64.StdEncoding.EncodeToString(b)))
	}
	return out, nil
}

// codePNG draws a code in two colours, with the quiet zone that readers need.
func codePNG(c barcode.Barcode) ([]byte, error) {
	n := c.Bounds().Dx()
	side := (n + 2*codeQuiet) * codeScale
	p := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range n * codeScale {
		for x := range n * codeScale {
			if v, _, _, _ := c.At(x/codeScale, y/codeScale).RGBA(); v == 0 {
				p.SetColorIndex(x+codeQuiet*codeScale, y+codeQuiet*codeScale, 1)
			}
		}
	}
	var b bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, p)
	return b.Bytes(), err
}
