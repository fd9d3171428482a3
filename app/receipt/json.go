package receipt

import (
	"errors"
	"strings"

	"zhenglian/app/tx"
)

// This file does what encoding/json would do, and is held equal to it by tests: that
// package costs 60 KB of a compressed WebAssembly verifier.

// compactJSON returns b without the white space between its tokens. It reads no
// grammar: what comes out is read strictly by [tx.Reader]. White space that divides
// what without it would be one token is an error.
func compactJSON(b []byte) ([]byte, error) {
	out := make([]byte, 0, len(b))
	gap := false // white space came before
	for i := 0; i < len(b); i++ {
		switch c := b[i]; c {
		case ' ', '\t', '\n', '\r':
			gap = true
			continue
		case '"':
			from := i
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			if i >= len(b) {
				return nil, errors.New("not JSON: a string without end")
			}
			out = append(out, b[from:i+1]...)
		default:
			if gap && !structural(c) && len(out) > 0 && !structural(out[len(out)-1]) {
				return nil, errors.New("not JSON: white space within a value")
			}
			out = append(out, c)
		}
		gap = false
	}
	return out, nil
}

func structural(c byte) bool { return strings.IndexByte("{}[],:", c) >= 0 }

// indentJSON returns compact JSON as people read it, two blanks a level, with a line
// feed at its end.
func indentJSON(b []byte) []byte {
	out := make([]byte, 0, 2*len(b))
	depth := 0
	line := func() {
		out = append(out, '\n')
		for range depth {
			out = append(out, ' ', ' ')
		}
	}
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch c {
		case '"':
			from := i
			for i++; b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			out = append(out, b[from:i+1]...)
			continue
		case '{', '[':
			if b[i+1] == c+2 { // nothing in it
				out = append(out, c, c+2)
				i++
				continue
			}
			depth++
			out = append(out, c)
			line()
			continue
		case '}', ']':
			depth--
			line()
		}
		out = append(out, c)
		switch c {
		case ',':
			line()
		case ':':
			out = append(out, ' ')
		}
	}
	return append(out, '\n')
}

// A reportWriter writes a report in the order of its struct tags.
type reportWriter struct{ tx.Writer }

func (w *reportWriter) text(name, s string) {
	w.String(name, strings.ToValidUTF8(s, "\ufffd"))
}

// optional is text that is left out when empty.
func (w *reportWriter) optional(name, s string) {
	if s != "" {
		w.text(name, s)
	}
}

func (w *reportWriter) both(t Text) {
	w.Open()
	w.text("zh", t.ZH)
	w.text("en", t.EN)
	w.Close()
}

func (w *reportWriter) pair(name string, t Text) {
	w.Member(name)
	w.both(t)
}

// list writes an array, or null for nil.
func list[T any](w *reportWriter, name string, items []T, item func(*T)) {
	if items == nil {
		w.null(name)
		return
	}
	w.Array(name, len(items), func(i int) { item(&items[i]) })
}

func (w *reportWriter) null(name string) {
	w.Member(name)
	w.B = append(w.B, "null"...)
}

func (r *Report) write(w *reportWriter) {
	w.Open()
	w.Int("v", int64(r.V))
	w.text("verdict", string(r.Verdict))
	w.text("outcome", string(r.Outcome))
	w.pair("summary", r.Summary)
	list(w, "points", r.Points, func(p *Point) {
		w.Open()
		w.text("id", p.ID)
		w.pair("name", p.Name)
		w.text("article", p.Article)
		w.text("result", string(p.Result))
		list(w, "checks", p.Checks, func(id *string) { w.B = tx.AppendString(w.B, *id) })
		w.pair("sentence", p.Sentence)
		w.Close()
	})
	list(w, "checks", r.Checks, func(c *Check) {
		w.Open()
		w.text("id", c.ID)
		w.pair("name", c.Name)
		w.text("result", string(c.Result))
		w.pair("sentence", c.Sentence)
		w.text("article", c.Article)
		w.text("point", c.Point)
		w.optional("outcome", string(c.Outcome))
		w.Close()
	})
	list(w, "not_checked", r.NotChecked, func(t *Text) { w.both(*t) })
	list(w, "rebuttals", r.Rebuttals, func(t *Text) { w.both(*t) })
	if r.Facts == nil {
		w.null("facts")
	} else {
		w.Member("facts")
		r.Facts.write(w)
	}
	w.Close()
}

func (f *Facts) write(w *reportWriter) {
	w.Open()
	w.Hex("id", f.ID[:])
	w.text("chain", f.Chain)
	w.Int("seq", int64(f.Seq))
	w.Int("height", f.Height)
	w.text("kind", string(f.Kind))
	w.text("member", string(f.Member))
	w.pair("member_name", f.MemberName)
	w.text("claimed_at", f.ClaimedAt.String())
	if f.NotBefore == nil {
		w.null("not_before")
	} else {
		w.Member("not_before")
		w.Open()
		w.Int("height", f.NotBefore.Height)
		w.Hex("hash", f.NotBefore.Hash[:])
		w.Close()
	}
	w.text("sealed_at", f.SealedAt)
	list(w, "files", f.Files, func(x *File) {
		w.Open()
		w.text("role", x.Role)
		w.text("media", x.Media)
		w.Int("bytes", x.Bytes)
		w.Hex("sha256", x.SHA256[:])
		w.Hex("sm3", x.SM3[:])
		w.Close()
	})
	if f.Item != nil {
		w.Member("item")
		w.Open()
		w.Int("index", f.Item.Index)
		w.Int("count", f.Item.Count)
		w.Hex("sha256", f.Item.SHA256[:])
		w.Close()
	}
	list(w, "signers", f.Signers, func(s *Signer) {
		w.Open()
		w.Hex("account", s.Account[:])
		w.text("member", string(s.Member))
		w.pair("member_name", s.MemberName)
		w.text("type", s.Type)
		w.Int("height", s.Height)
		w.Close()
	})
	if len(f.Witnesses) > 0 {
		w.Array("witnesses", len(f.Witnesses), func(i int) {
			w.Open()
			w.text("name", f.Witnesses[i].Name)
			w.text("at", f.Witnesses[i].At)
			w.Close()
		})
	}
	w.text("state", f.State)
	w.Int("as_of_height", f.AsOfHeight)
	w.text("as_of", f.AsOf)
	w.Close()
}
