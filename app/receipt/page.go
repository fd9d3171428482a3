package receipt

import (
	"fmt"
	"html"
	"strings"
)

// A Page is a report as people read it, in one language. Text and HTML are two ways
// to write the same one.
type Page struct {
	Lang     string // ZH or EN
	Verdict  Verdict
	Title    string
	Headline string // verdict and outcome
	Summary  string
	Sections []Section
}

// A Section is a part of a page.
type Section struct {
	Title string
	Note  string // under the title, may be empty
	Lines []Line
}

// A Line is a line of a section.
type Line struct {
	Mark  Result // PASS, FAIL, SKIP or WARN; empty: a line that is no result
	Head  bool   // a question; the lines below it answer it
	Text  string
	Label string // name of a fact, empty for sentences
}

// The sections of questions: by the articles of the Online Litigation Rules.
var articles = []struct {
	title, note Text
	article     []string
}{
	{Text{"第十六条：上链之后是否未经篡改", "Article 16: unchanged since it went on the chain"},
		Text{"技术核验是否一致。", "Does the technical check agree?"}, []string{articleOfAfter}},
	{Text{"第十七条：平台、过程与签署", "Article 17: platform, process and signatures"},
		Text{"由谁签署、依据什么规则、账本由谁维护。签名另见电子签名法第十三条。平台是否具备资质、系统是否达到国家或行业标准，不在技术核验之内。", "Who signed, under which rule, who keeps the ledger. For signatures see also art. 13 of the Electronic Signature Law. Whether the platform is licensed and meets national or industry standards is not for a technical check to say."}, []string{articleOfProcess, articleOfSigning}},
	{Text{"第十八条：上链之前的真实性佐证", "Article 18: what supports it from before"},
		Text{"来源、生成机制、存储过程、第三方见证、关联印证数据。以下只说明材料中有什么，不代替审查。", "Source, how it came about, custody, third parties, data that agrees. This says what is there; weighing it is for the court."}, []string{articleOfBefore}},
}

// in returns the text of a language.
func (t Text) in(lang string) string {
	if lang == EN {
		return t.EN
	}
	return t.ZH
}

var markText = map[Result]Text{Pass: {"通过", "PASS"}, Fail: {"不通过", "FAIL"}, Skip: {"未检查", "SKIP"}, Warn: {"注意", "WARN"}}

// Page puts the report into the words of a language, ZH or EN.
func (r *Report) Page(lang string) *Page {
	tr := func(zh, en string) string { return Text{zh, en}.in(lang) }
	p := &Page{Lang: lang, Verdict: r.Verdict, Title: tr("证链 · 核验报告", "Zhenglian · report of verification"), Summary: r.Summary.in(lang)}
	p.Headline = tr("结论：", "Verdict: ") + verdictText(r.Verdict).in(lang) + tr("（", " (") + string(r.Outcome) + tr("，", ", ") + OutcomeText(r.Outcome).in(lang) + tr("）", ")")
	for _, a := range articles {
		s := Section{Title: a.title.in(lang), Note: a.note.in(lang)}
		for i := range r.Points {
			q := &r.Points[i]
			for _, x := range a.article {
				if q.Article == x {
					s.Lines = append(s.Lines, r.question(q, lang)...)
				}
			}
		}
		p.Sections = append(p.Sections, s)
	}
	if rest := r.outside(lang); len(rest) > 0 {
		p.Sections = append(p.Sections, Section{Title: tr("其他", "Other"), Lines: rest})
	}
	if f := r.Facts; f != nil {
		title := tr("回执证明的内容", "What the receipt proves")
		if r.Verdict == NotVerified {
			title = tr("回执所称的内容（未通过验证，不得采信）", "What the receipt claims (not verified: do not rely on it)")
		}
		p.Sections = append(p.Sections, Section{Title: title, Lines: f.lines(lang)})
	}
	p.Sections = append(p.Sections,
		sentences(tr("未检查的内容，以及不能证明的事项", "Not checked, and not proven"), "", r.NotChecked, lang),
		sentences(tr("何种反证足以推翻", "What would rebut it"), tr("对方提出以下任一事项并有证据的，应另行审查。", "If the other party shows any of these, look again."), r.Rebuttals, lang))
	return p
}

func sentences(title, note string, ts []Text, lang string) Section {
	s := Section{Title: title, Note: note}
	for _, t := range ts {
		s.Lines = append(s.Lines, Line{Text: t.in(lang)})
	}
	return s
}

// question is a point with the checks that answer it.
func (r *Report) question(q *Point, lang string) []Line {
	out := []Line{{Mark: q.Result, Head: true, Text: q.ID + " " + q.Name.in(lang)}}
	if len(q.Checks) == 0 {
		return append(out, Line{Mark: Skip, Text: q.Sentence.in(lang)})
	}
	for _, id := range q.Checks {
		out = append(out, r.line(r.Check(id), lang))
	}
	return out
}

func (r *Report) line(c *Check, lang string) Line {
	return Line{Mark: c.Result, Text: c.Name.in(lang) + Text{"：", ": "}.in(lang) + c.Sentence.in(lang)}
}

// outside are the checks that belong to no question.
func (r *Report) outside(lang string) (out []Line) {
	for i := range r.Checks {
		if c := &r.Checks[i]; c.Point == "" {
			out = append(out, r.line(c, lang))
		}
	}
	return out
}

func (f *Facts) lines(lang string) (out []Line) {
	tr := func(zh, en string) string { return Text{zh, en}.in(lang) }
	line := func(name, v string) {
		if v != "" {
			out = append(out, Line{Label: name, Text: clean(v)})
		}
	}
	line(tr("陈述编号", "statement"), f.ID.String())
	line(tr("种类", "kind"), string(f.Kind))
	line(tr("链", "chain"), f.Chain)
	line(tr("陈述成员", "stated by"), named(string(f.Member), f.MemberName.in(lang)))
	line(tr("签署方声明的时间", "time claimed by the signers"), f.ClaimedAt.String())
	if f.NotBefore != nil {
		line(tr("不早于", "not before"), tr(fmt.Sprintf("区块 %d（%s）", f.NotBefore.Height, f.NotBefore.Hash), fmt.Sprintf("block %d (%s)", f.NotBefore.Height, f.NotBefore.Hash)))
	}
	line(tr("封存时间", "sealed at"), f.SealedAt)
	line(tr("位置", "place"), tr(fmt.Sprintf("日志第 %d 条，区块高度 %d", f.Seq, f.Height), fmt.Sprintf("log entry %d, block height %d", f.Seq, f.Height)))
	for _, x := range f.Files {
		line(tr("文件", "file"), tr(fmt.Sprintf("%s，%s，%d 字节，SHA-256 %s，SM3 %s", x.Role, x.Media, x.Bytes, x.SHA256, x.SM3),
			fmt.Sprintf("%s, %s, %d bytes, SHA-256 %s, SM3 %s", x.Role, x.Media, x.Bytes, x.SHA256, x.SM3)))
	}
	for _, x := range f.Signers {
		who := named(string(x.Member), x.MemberName.in(lang))
		line(tr("签署", "signature"), tr(fmt.Sprintf("%s账户 %s，%s，高度 %d", ended(who, "，"), x.Account, voteZH(x.Type), x.Height),
			fmt.Sprintf("%saccount %s, %s, height %d", ended(who, ", "), x.Account, voteEN(x.Type), x.Height)))
	}
	for _, x := range f.Witnesses {
		line(tr("见证", "witness"), tr(fmt.Sprintf("%s，%s", x.Name, x.At), fmt.Sprintf("%s, %s", x.Name, x.At)))
	}
	if f.State != "" {
		line(tr("状态", "state"), tr(fmt.Sprintf("%s（%s，截至高度 %d，%s）", stateZH(f.State), f.State, f.AsOfHeight, f.AsOf),
			fmt.Sprintf("%s (as of height %d, %s)", f.State, f.AsOfHeight, f.AsOf)))
	}
	return out
}

// Text writes the page for a terminal or a file of text.
func (p *Page) Text() string {
	var b strings.Builder
	b.WriteString(p.Headline + "\n" + p.Summary + "\n")
	for i := range p.Sections {
		s := &p.Sections[i]
		b.WriteString("\n" + s.Title + "\n")
		if s.Note != "" {
			b.WriteString("  " + s.Note + "\n")
		}
		for j := range s.Lines {
			l := &s.Lines[j]
			switch {
			case l.Head:
				fmt.Fprintf(&b, "  [%s] %s\n", markText[l.Mark].in(p.Lang), l.Text)
			case l.Mark != "":
				fmt.Fprintf(&b, "      [%s] %s\n", markText[l.Mark].in(p.Lang), l.Text)
			case l.Label != "":
				fmt.Fprintf(&b, "  %s%s%s\n", l.Label, Text{"：", ": "}.in(p.Lang), l.Text)
			default:
				b.WriteString("  · " + l.Text + "\n")
			}
		}
	}
	return b.String()
}

// HTML writes the page as one document without scripts, pictures or links, which
// prints well.
func (p *Page) HTML() string {
	var b strings.Builder
	esc := html.EscapeString
	code := "zh-CN"
	if p.Lang == EN {
		code = "en"
	}
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<title>%s</title>\n<style>%s</style>\n</head>\n<body>\n<main>\n<h1>%s</h1>\n<p class=\"verdict %s\">%s</p>\n<p>%s</p>\n",
		code, esc(p.Title), pageStyle, esc(p.Title), verdictClass(p.Verdict), esc(p.Headline), esc(p.Summary))
	for i := range p.Sections {
		s := &p.Sections[i]
		fmt.Fprintf(&b, "<section>\n<h2>%s</h2>\n", esc(s.Title))
		if s.Note != "" {
			fmt.Fprintf(&b, "<p class=\"note\">%s</p>\n", esc(s.Note))
		}
		list := "" // element that is open
		open := func(name string) {
			if list != name {
				if list != "" {
					b.WriteString("</" + list + ">\n")
				}
				if name != "" {
					b.WriteString("<" + name + ">\n")
				}
				list = name
			}
		}
		for j := range s.Lines {
			l := &s.Lines[j]
			mark := ""
			if l.Mark != "" {
				mark = fmt.Sprintf("<strong class=\"%s\">%s</strong> ", strings.ToLower(string(l.Mark)), esc(markText[l.Mark].in(p.Lang)))
			}
			switch {
			case l.Head:
				open("")
				fmt.Fprintf(&b, "<h3>%s%s</h3>\n", mark, esc(l.Text))
			case l.Label != "":
				open("dl")
				fmt.Fprintf(&b, "<dt>%s</dt><dd>%s</dd>\n", esc(l.Label), esc(l.Text))
			default:
				open("ul")
				fmt.Fprintf(&b, "<li>%s%s</li>\n", mark, esc(l.Text))
			}
		}
		open("")
		b.WriteString("</section>\n")
	}
	b.WriteString("</main>\n</body>\n</html>\n")
	return b.String()
}

func verdictClass(v Verdict) string {
	switch v {
	case Verified:
		return "pass"
	case Warned:
		return "warn"
	}
	return "fail"
}

const pageStyle = "body{font:1rem/1.6 system-ui,sans-serif;color:#111;background:#fff;margin:0}main{max-width:50rem;margin:0 auto;padding:1rem}h1{font-size:1.4rem}h2{font-size:1.15rem;border-bottom:1px solid #777}h3{font-size:1rem;margin:.6rem 0 .2rem}ul{margin:.2rem 0}dt{font-weight:bold}dd{margin:0 0 .3rem 1rem;overflow-wrap:anywhere}li{overflow-wrap:anywhere}.verdict{font-size:1.3rem;font-weight:bold;border:.2rem solid;padding:.5rem}.pass{color:#0a5c2a}.warn{color:#7a4a00}.fail{color:#a00000}.skip,.note{color:#444}@media print{main{max-width:none}h2,h3{break-after:avoid}}"
