// Package label makes QR labels for goods: the code of a unit as a GS1 Digital
// Link, which leads whoever scans it to the unit's page.
package label

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/url"
	"strings"

	"rsc.io/qr"

	"zhenglian/app/tx"
)

// quiet is the empty margin around a QR code in modules (ISO/IEC 18004 §9.1).
const quiet = 4

// A Label is one code and the lines of text under it.
type Label struct {
	Code tx.UnitCode
	Text []string // such as the product's name; may be empty
}

// Link is the link in the code: the address of a site and the code of the unit.
// A site is http://HOST or https://HOST, with a port if need be.
func Link(site string, code tx.UnitCode) (string, error) {
	u, err := url.Parse(strings.TrimSuffix(site, "/"))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", fmt.Errorf("site %q: want https://HOST", site)
	}
	if err := code.Validate(); err != nil {
		return "", err
	}
	return u.String() + "/" + string(code), nil
}

// encode makes the QR code of a link. Level M survives 15 % of damage.
func encode(site string, code tx.UnitCode) (*qr.Code, string, error) {
	link, err := Link(site, code)
	if err != nil {
		return nil, "", err
	}
	q, err := qr.Encode(link, qr.M)
	if err != nil {
		return nil, "", fmt.Errorf("QR code of %s: %w", link, err)
	}
	return q, link, nil
}

// PNG returns the QR code of a unit as an image, each module scale pixels wide.
// The quiet margin is part of it.
func PNG(site string, code tx.UnitCode, scale int) ([]byte, error) {
	q, _, err := encode(site, code)
	if err != nil {
		return nil, err
	}
	// The module's own images have no margin, or fail when they are small.
	size := (q.Size + 2*quiet) * scale
	img := image.NewPaletted(image.Rect(0, 0, size, size), color.Palette{color.White, color.Black})
	for y := range size {
		for x := range size {
			if q.Black(x/scale-quiet, y/scale-quiet) {
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	var b bytes.Buffer
	err = png.Encode(&b, img)
	return b.Bytes(), err
}

// Sizes of a sheet in millimetres, for A4.
const (
	pageWidth, pageHeight = 210, 297
	margin                = 10
	columns, rows         = 4, 6
	cellWidth             = (pageWidth - 2*margin) / columns
	cellHeight            = (pageHeight - 2*margin) / rows
	codeSize              = 32
)

// PerSheet is how many labels a sheet holds.
const PerSheet = columns * rows

// Sheet writes at most PerSheet labels as an SVG page of A4: four columns of six.
func Sheet(w io.Writer, site string, labels []Label) error {
	if len(labels) > PerSheet {
		return fmt.Errorf("%d labels; a sheet holds %d", len(labels), PerSheet)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%dmm" height="%dmm" viewBox="0 0 %[1]d %[2]d">`+"\n", pageWidth, pageHeight)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", pageWidth, pageHeight)
	for i, l := range labels {
		q, link, err := encode(site, l.Code)
		if err != nil {
			return err
		}
		x, y := margin+i%columns*cellWidth, margin+i/columns*cellHeight
		fmt.Fprintf(&b, `<g transform="translate(%d %d)"><title>%s</title>`+"\n", x, y, escape(link))
		fmt.Fprintf(&b, `<g transform="translate(%d 0) scale(%.5f)"><path d="%s"/></g>`+"\n", (cellWidth-codeSize)/2, float64(codeSize)/float64(q.Size+2*quiet), modules(q))
		for n, t := range append(l.Text[:len(l.Text):len(l.Text)], string(l.Code)) {
			fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" font-size="2.6" text-anchor="middle" font-family="sans-serif">%s</text>`+"\n", float64(cellWidth)/2, float64(codeSize)+2+float64(n)*3.2, escape(clip(t)))
		}
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	_, err := w.Write(b.Bytes())
	return err
}

// modules is the path of the dark modules, runs in a row joined.
func modules(q *qr.Code) string {
	var b strings.Builder
	for y := range q.Size {
		for x := 0; x < q.Size; {
			n := 0
			for x+n < q.Size && q.Black(x+n, y) {
				n++
			}
			if n > 0 {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%[3]dz", x+quiet, y+quiet, n)
			}
			x += n + 1
		}
	}
	return b.String()
}

// clip keeps a line inside its cell.
func clip(s string) string {
	if r := []rune(s); len(r) > 32 {
		return string(r[:31]) + "…"
	}
	return s
}

func escape(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
	return b.String()
}
