package certificate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// FontPaths are where a font with the characters of GB 2312 is looked for: that of
// Debian's package fonts-wqy-microhei (WenQuanYi Micro Hei, Apache-2.0), which is
// also in other distributions.
var FontPaths = []string{
	"/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
	"/usr/share/fonts/wqy-microhei/wqy-microhei.ttc",
	"/usr/share/fonts/wenquanyi/wqy-microhei/wqy-microhei.ttc",
}

// ErrNoFont says that no font was found; the message says what to do.
var ErrNoFont = errors.New("no Chinese font: install the package fonts-wqy-microhei, or name a TrueType font")

// A Font is what certificates are written with.
type Font struct {
	ttf  []byte
	face *sfnt.Font
	rare *sfnt.Font // for characters that ttf has not; nil: they are written as U+XXXX
	buf  sfnt.Buffer
}

// LoadFont reads a TrueType font, or the first face of a collection. An empty path
// means the first of FontPaths that is there. rare is the path of a second font, of
// any outline format, for characters that the first one lacks, such as those beyond
// the Basic Multilingual Plane; it may be empty.
func LoadFont(path, rare string) (*Font, error) {
	b, err := readFont(path)
	if err != nil {
		return nil, err
	}
	f := new(Font)
	if f.ttf, err = firstFace(b); err != nil {
		return nil, fmt.Errorf("font: %w", err)
	}
	if f.face, err = sfnt.Parse(f.ttf); err != nil {
		return nil, fmt.Errorf("font: %w", err)
	}
	if rare == "" {
		return f, nil
	}
	if b, err = os.ReadFile(rare); err != nil {
		return nil, err
	}
	c, err := sfnt.ParseCollection(b)
	if err == nil {
		f.rare, err = c.Font(0)
	}
	if err != nil {
		return nil, fmt.Errorf("font %s: %w", rare, err)
	}
	return f, nil
}

func readFont(path string) ([]byte, error) {
	if path != "" {
		return os.ReadFile(path)
	}
	for _, p := range FontPaths {
		if b, err := os.ReadFile(p); err == nil {
			return b, nil
		}
	}
	return nil, ErrNoFont
}

// firstFace takes the first font out of a TrueType collection (OpenType §"Font
// Collections"), because the writer of PDFs reads single fonts. Tables keep their
// order and bytes; what does not belong to the face is left out.
func firstFace(b []byte) ([]byte, error) {
	if len(b) < 16 || string(b[:4]) != "ttcf" {
		return b, nil
	}
	be := binary.BigEndian
	at := int(be.Uint32(b[12:]))
	if at < 0 || at+12 > len(b) {
		return nil, errors.New("collection is cut off")
	}
	n := int(be.Uint16(b[at+4:]))
	dir := at + 12
	if dir+16*n > len(b) {
		return nil, errors.New("collection is cut off")
	}
	out := append([]byte(nil), b[at:dir+16*n]...)
	for i := range n {
		e := dir + 16*i
		from, size := int(be.Uint32(b[e+8:])), int(be.Uint32(b[e+12:]))
		if from < 0 || size < 0 || from > len(b)-size {
			return nil, errors.New("table is cut off")
		}
		be.PutUint32(out[12+16*i+8:], uint32(len(out)))
		out = append(out, b[from:from+size]...)
		for len(out)%4 != 0 {
			out = append(out, 0)
		}
	}
	return out, nil
}

// instead are characters of GB 2312 whose glyph is empty in the font of FontPaths, and
// what is written for them. The accents of Pinyin are set over their letter.
var instead = map[rune]string{
	'℃': "°C", 'Ⅴ': "V", 'Ⅹ': "X",
	'ǎ': "a\u02c7", 'ǐ': "i\u02c7", 'ǒ': "o\u02c7", 'ǔ': "u\u02c7",
	'ǘ': "ü\u02ca", 'ǚ': "ü\u02c7", 'ǜ': "ü\u02cb",
}

// isAccent says that a character of instead is set over the one before.
func isAccent(r rune) bool { return r >= 0x02c7 && r <= 0x02cb }

// drawable reports whether the font has a glyph for r that is not empty.
func (f *Font) drawable(r rune) bool {
	if r == ' ' || r == '\u3000' {
		return true
	}
	return r <= 0xffff && hasOutline(f.face, &f.buf, r)
}

func hasOutline(face *sfnt.Font, buf *sfnt.Buffer, r rune) bool {
	g, err := face.GlyphIndex(buf, r)
	if err != nil || g == 0 {
		return false
	}
	s, err := face.LoadGlyph(buf, g, fixed.I(1000), nil)
	return err == nil && len(s) > 0
}

// A piece is a part of a line that is written in one way.
type piece struct {
	text   string // characters of the font
	accent string // one, over the last character of text
	rare   rune   // or a character to be drawn by its outline
}

// pieces divides text by how it is written. A character that no font has becomes its
// code in brackets, so that nothing is lost or blank.
func (f *Font) pieces(text string) (out []piece) {
	add := func(s string) {
		if n := len(out); n > 0 && out[n-1].rare == 0 && out[n-1].accent == "" {
			out[n-1].text += s
		} else {
			out = append(out, piece{text: s})
		}
	}
	for _, r := range text {
		switch {
		case f.drawable(r):
			add(string(r))
		case instead[r] != "":
			s := []rune(instead[r])
			if last := s[len(s)-1]; isAccent(last) {
				out = append(out, piece{text: string(s[:len(s)-1]), accent: string(last)})
			} else {
				add(instead[r])
			}
		case f.rare != nil && hasOutline(f.rare, &f.buf, r):
			out = append(out, piece{rare: r})
		default:
			add(fmt.Sprintf("[U+%04X]", r))
		}
	}
	return out
}

// outline returns the outline of a rare character, for a size in units, and its width.
func (f *Font) outline(r rune, units int) (sfnt.Segments, fixed.Int26_6) {
	g, err := f.rare.GlyphIndex(&f.buf, r)
	if err != nil {
		return nil, 0
	}
	s, err := f.rare.LoadGlyph(&f.buf, g, fixed.I(units), nil)
	if err != nil {
		return nil, 0
	}
	w, err := f.rare.GlyphAdvance(&f.buf, g, fixed.I(units), font.HintingNone)
	if err != nil {
		return nil, 0
	}
	return s, w
}
