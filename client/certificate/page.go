package certificate

import (
	"bytes"
	"fmt"
	"image/color"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"codeberg.org/go-pdf/fpdf"
	"github.com/boombuler/barcode/qr"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// Measures of a page, in millimetres; A4.
const (
	pageWidth, pageHeight = 210.0, 297.0
	margin                = 18.0
	bottom                = pageHeight - 20
	textWidth             = pageWidth - 2*margin
	labelWidth            = 38.0
	family                = "cjk"
)

// Sizes of letters, in points.
const (
	sizeTitle, sizeHeading, sizeText, sizeSmall = 20.0, 12.5, 9.5, 8.0
)

// sheets is a PDF being written from top to bottom.
type sheets struct {
	pdf  *fpdf.Fpdf
	font *Font
	y    float64 // of the next line's top
	foot string
}

// newSheets begins a document. Nothing in it depends on when or where it is made:
// its date is that of what it is about.
func newSheets(f *Font, title, foot string, at time.Time) *sheets {
	p := fpdf.New("P", "mm", "A4", "")
	p.SetCreationDate(at)
	p.SetModificationDate(at)
	p.SetCatalogSort(true)
	p.SetProducer("Zhenglian", true)
	p.SetTitle(title, true)
	p.SetLang("zh-CN")
	p.SetAutoPageBreak(false, 0)
	p.SetMargins(margin, margin, margin)
	p.AddUTF8FontFromBytes(family, "", f.ttf)
	s := &sheets{pdf: p, font: f, foot: foot}
	p.SetFooterFunc(func() {
		p.SetTextColor(90, 90, 90)
		s.draw(margin, pageHeight-14, sizeSmall, foot)
		n := fmt.Sprintf("第 %d 页", p.PageNo())
		s.draw(pageWidth-margin-s.width(n, sizeSmall), pageHeight-14, sizeSmall, n)
		p.SetTextColor(0, 0, 0)
	})
	s.page()
	return s
}

func (s *sheets) page() {
	s.pdf.AddPage()
	s.y = margin
}

// room begins a new page unless so many millimetres are left.
func (s *sheets) room(h float64) {
	if s.y+h > bottom {
		s.page()
	}
}

// lead is the distance of lines of a size.
func lead(size float64) float64 { return size * 25.4 / 72 * 1.5 }

// width measures text as it will be drawn.
func (s *sheets) width(text string, size float64) (w float64) {
	s.pdf.SetFont(family, "", size)
	for _, p := range s.font.pieces(text) {
		if p.rare != 0 {
			_, adv := s.font.outline(p.rare, 1000)
			w += float64(adv) / 64 / 1000 * size * 25.4 / 72
		} else {
			w += s.pdf.GetStringWidth(p.text)
		}
	}
	return w
}

// draw writes one line with its top at y.
func (s *sheets) draw(x, y, size float64, text string) {
	s.pdf.SetFont(family, "", size)
	mm := size * 25.4 / 72 // of an em
	base := y + mm*1.1
	for _, p := range s.font.pieces(text) {
		if p.rare != 0 {
			segments, adv := s.font.outline(p.rare, 1000)
			s.fill(segments, x, base, mm/1000)
			x += float64(adv) / 64 / 1000 * mm
			continue
		}
		s.pdf.Text(x, base, p.text)
		w := s.pdf.GetStringWidth(p.text)
		if p.accent != "" {
			_, n := utf8.DecodeLastRuneInString(p.text)
			letter := s.pdf.GetStringWidth(p.text[len(p.text)-n:])
			s.pdf.Text(x+w-letter/2-s.pdf.GetStringWidth(p.accent)/2, base, p.accent)
		}
		x += w
	}
}

// fill draws an outline whose unit is so many millimetres.
func (s *sheets) fill(segments sfnt.Segments, x, y, unit float64) {
	at := func(p fixed.Point26_6) (float64, float64) {
		return x + float64(p.X)/64*unit, y + float64(p.Y)/64*unit
	}
	for _, g := range segments {
		ax, ay := at(g.Args[0])
		bx, by := at(g.Args[1])
		cx, cy := at(g.Args[2])
		switch g.Op {
		case sfnt.SegmentOpMoveTo:
			s.pdf.MoveTo(ax, ay)
		case sfnt.SegmentOpLineTo:
			s.pdf.LineTo(ax, ay)
		case sfnt.SegmentOpQuadTo:
			s.pdf.CurveTo(ax, ay, bx, by)
		case sfnt.SegmentOpCubeTo:
			s.pdf.CurveBezierCubicTo(ax, ay, bx, by, cx, cy)
		}
	}
	s.pdf.DrawPath("F")
}

// wrap breaks text into lines of a width: between Chinese characters anywhere, between
// words at blanks, and within what has no blank where it must.
func (s *sheets) wrap(text string, size, width float64) (lines []string) {
	var line strings.Builder
	w := 0.0
	flush := func() {
		lines = append(lines, strings.TrimRight(line.String(), " "))
		line.Reset()
		w = 0
	}
	for _, word := range words(text) {
		ww := s.width(word, size)
		if w > 0 && w+ww > width {
			flush()
			word = strings.TrimLeft(word, " ")
			ww = s.width(word, size)
		}
		if ww <= width {
			line.WriteString(word)
			w += ww
			continue
		}
		for _, r := range word { // longer than a line
			rw := s.width(string(r), size)
			if w+rw > width {
				flush()
			}
			line.WriteRune(r)
			w += rw
		}
	}
	flush()
	return lines
}

// words divides text where a line may break. Marks that close stay with what they
// close.
func words(text string) (out []string) {
	word := ""
	end := func() {
		if word != "" {
			out = append(out, word)
			word = ""
		}
	}
	for _, r := range text {
		switch {
		case strings.ContainsRune("，。；：、！？）》】”’…%", r):
			if word == "" && len(out) > 0 {
				out[len(out)-1] += string(r)
			} else {
				word += string(r)
				end()
			}
		case unicode.Is(unicode.Han, r) || r > 0x2e80:
			end()
			out = append(out, string(r))
		case r == ' ':
			end()
			word = " "
		default:
			word += string(r)
		}
	}
	end()
	return out
}

// title writes a line in the middle.
func (s *sheets) title(text string, size float64) {
	s.draw((pageWidth-s.width(text, size))/2, s.y, size, text)
	s.y += lead(size)
}

func (s *sheets) heading(text string) {
	s.room(lead(sizeHeading)*2 + 4)
	s.y += 2.5
	s.pdf.SetFillColor(232, 236, 240)
	s.pdf.Rect(margin, s.y, textWidth, lead(sizeHeading), "F")
	s.draw(margin+1.5, s.y+0.6, sizeHeading, text)
	s.y += lead(sizeHeading) + 1.5
}

// row writes a name and its value. An empty value is left out.
func (s *sheets) row(name, value string) {
	if value == "" {
		return
	}
	lines := s.wrap(value, sizeText, textWidth-labelWidth)
	for i, l := range lines {
		s.room(lead(sizeText))
		if i == 0 {
			s.pdf.SetTextColor(70, 70, 70)
			s.draw(margin, s.y, sizeText, name)
			s.pdf.SetTextColor(0, 0, 0)
		}
		s.draw(margin+labelWidth, s.y, sizeText, l)
		s.y += lead(sizeText)
	}
}

// paragraph writes text over the whole width, with a mark before its first line.
func (s *sheets) paragraph(mark, text string, size float64) {
	indent := 0.0
	if mark != "" {
		indent = 6
	}
	for i, l := range s.wrap(text, size, textWidth-indent) {
		s.room(lead(size))
		if i == 0 && mark != "" {
			s.draw(margin, s.y, size, mark)
		}
		s.draw(margin+indent, s.y, size, l)
		s.y += lead(size)
	}
}

// code draws a QR code in the middle of what is left of the page. A module is drawn
// as a part of a rectangle, so that print has no seams and no scaling.
func (s *sheets) code(text string, side float64) error {
	const (
		quiet = 4   // modules around it
		fine  = 137 // modules of version 30: beyond it, larger modules help a camera more than more correction
	)
	c, err := qr.Encode(text, qr.M, qr.AlphaNumeric)
	if err != nil || c.Bounds().Dx() > fine {
		if c, err = qr.Encode(text, qr.L, qr.AlphaNumeric); err != nil {
			return fmt.Errorf("QR code: %w", err)
		}
	}
	n := c.Bounds().Dx()
	unit := side / float64(n+2*quiet)
	left, top := (pageWidth-side)/2+quiet*unit, s.y+quiet*unit
	dark := func(x, y int) bool {
		g, _ := color.GrayModel.Convert(c.At(x, y)).(color.Gray)
		return g.Y < 128
	}
	s.pdf.SetFillColor(0, 0, 0)
	for y := range n {
		for x := 0; x < n; x++ {
			from := x
			for x < n && dark(x, y) {
				x++
			}
			if x > from {
				s.pdf.Rect(left+float64(from)*unit, top+float64(y)*unit, float64(x-from)*unit, unit, "F")
			}
		}
	}
	s.y += side
	return nil
}

// lines draws places for signatures by hand.
func (s *sheets) lines(names ...string) {
	s.room(16)
	s.y += 8
	w := textWidth / float64(len(names))
	for i, n := range names {
		x := margin + float64(i)*w
		s.draw(x, s.y, sizeText, n)
		from := x + s.width(n, sizeText) + 1
		s.pdf.Line(from, s.y+lead(sizeText)-0.8, x+w-4, s.y+lead(sizeText)-0.8)
	}
	s.y += lead(sizeText) + 2
}

// attach embeds a file.
func (s *sheets) attach(name, description string, content []byte) {
	s.pdf.SetAttachments([]fpdf.Attachment{{Content: content, Filename: name, Description: description}})
}

// bytes ends the document.
func (s *sheets) bytes() ([]byte, error) {
	var b bytes.Buffer
	if err := s.pdf.Output(&b); err != nil {
		return nil, fmt.Errorf("PDF: %w", err)
	}
	return b.Bytes(), nil
}
