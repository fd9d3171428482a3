package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
)

// A Report is the report on the receipt in a bundle, with the checks of the bundle
// before those of the receipt, and a verdict on all of them.
type Report struct {
	*receipt.Report
	Bundle *Facts `json:"bundle"` // what the bundle says; to be relied on only as far as the verdict goes. nil: unreadable
}

// Facts are what a bundle says beyond its receipt.
type Facts struct {
	Root      tx.Digest `json:"root"`
	Fields    []Field   `json:"fields"`
	Withheld  int       `json:"withheld"` // fields and files that are not shown
	Files     int       `json:"files"`    // evidence files that are
	Bytes     int64     `json:"bytes"`    // of all of these
	NotBefore *Bound    `json:"not_before"`
	NotAfter  *Bound    `json:"not_after"`
	Tokens    []Stamp   `json:"timestamps"`
}

// A Field is shown in a bundle.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// A Bound is one end of the interval in which the evidence was sealed.
type Bound struct {
	At string       `json:"at"` // RFC 3339, UTC
	By receipt.Text `json:"by"`
}

// A Stamp is a time-stamp whose signature holds.
type Stamp struct {
	Authority string    `json:"authority"`
	Time      string    `json:"time"`
	Accuracy  string    `json:"accuracy"`
	Token     tx.Digest `json:"token_sha256"`
	Trusted   bool      `json:"trusted"` // certified by a root that the verifier gave
	Test      bool      `json:"test"`    // of a test authority: proves nothing
}

// JSON returns the report for programs, indented, with a line feed at its end.
func (r *Report) JSON() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(r) // structs of strings and numbers always encode
	return b.Bytes()
}

// Text returns the report for people in a language of package receipt.
func (r *Report) Text(lang string) string { return receipt.TextOf(r.Page, lang) }

// Page is the page of the report on the receipt, with what the bundle says behind
// its facts.
func (r *Report) Page(lang string) *receipt.Page {
	p := r.Report.Page(lang)
	if r.Bundle == nil {
		return p
	}
	at := max(0, len(p.Sections)-2) // before what was not checked and what would rebut it
	p.Sections = slices.Insert(p.Sections, at, r.facts(lang))
	return p
}

// facts are what the bundle says. Values are quoted, because they come from a file
// that anybody may have written.
func (r *Report) facts(lang string) receipt.Section {
	f := r.Bundle
	tr := func(t receipt.Text) string {
		if lang == receipt.ZH {
			return t.ZH
		}
		return t.EN
	}
	s := receipt.Section{Title: tr(receipt.Text{ZH: "证据包证明的内容", EN: "What the bundle proves"})}
	if r.Verdict == receipt.NotVerified {
		s.Title = tr(receipt.Text{ZH: "证据包所称的内容（未通过验证，不得采信）", EN: "What the bundle claims (not verified: do not rely on it)"})
	}
	line := func(t receipt.Text, format string, a ...any) {
		s.Lines = append(s.Lines, receipt.Line{Label: tr(t), Text: fmt.Sprintf(format, a...)})
	}
	if f.NotBefore != nil {
		line(receipt.Text{ZH: "不早于", EN: "not before"}, "%s (%s)", f.NotBefore.At, tr(f.NotBefore.By))
	}
	if f.NotAfter != nil {
		line(receipt.Text{ZH: "不晚于", EN: "not after"}, "%s (%s)", f.NotAfter.At, tr(f.NotAfter.By))
	}
	for _, t := range f.Tokens {
		worth := receipt.Text{ZH: "未给出可信根，时间未获证明", EN: "no root of yours certifies it: its time is not proven"}
		switch {
		case t.Test:
			worth = receipt.Text{ZH: "测试机构，没有证明力", EN: "UNTRUSTED test authority: proves nothing"}
		case t.Trusted:
			worth = receipt.Text{ZH: "可信", EN: "trusted"}
		}
		line(receipt.Text{ZH: "时间戳", EN: "time-stamp"}, "%s ±%s, %s, %s", t.Time, t.Accuracy, strconv.Quote(t.Authority), tr(worth))
	}
	line(receipt.Text{ZH: "树根", EN: "root"}, "%s", f.Root)
	if f.Files > 0 {
		line(receipt.Text{ZH: "证据文件", EN: "evidence files"}, tr(receipt.Text{ZH: "%d 个，共 %d 字节", EN: "%d, of %d bytes"}), f.Files, f.Bytes)
	}
	for _, x := range f.Fields {
		line(receipt.Text{ZH: "字段 " + x.Name, EN: "field " + x.Name}, "%s", strconv.Quote(x.Value))
	}
	if f.Withheld > 0 {
		line(receipt.Text{ZH: "未出示", EN: "withheld"}, "%d", f.Withheld)
	}
	return s
}

// superseded are the sentences by which a receipt says that it was alone: a
// bundle brings what was missing.
var superseded = []string{
	"The time-stamp tokens that the statement names are not in the receipt.",
	"The report on the capturing environment is named by its digest; its content was not checked.",
}

// conclude draws the verdict over all checks.
func (v *verification) conclude() {
	base := v.base
	if base == nil { // no receipt to be read: its report is that of nothing
		base = receipt.Verify(nil, v.trust, receipt.Options{})
	}
	r := &Report{Report: base, Bundle: v.facts}
	v.report = r
	verdict := base.Verdict
	first := (*receipt.Check)(nil)
	for i := range v.checks {
		switch c := &v.checks[i]; c.Result {
		case receipt.Fail:
			if verdict = receipt.NotVerified; first == nil {
				first = c
			}
		case receipt.Warn:
			if verdict == receipt.Verified {
				verdict = receipt.Warned
			}
		}
	}
	switch {
	case first != nil:
		r.Summary = receipt.Text{ZH: "本证据包不能采信：“" + first.Name.ZH + "”一项不通过。", EN: "The bundle is not to be relied on: the check \"" + first.Name.EN + "\" failed."}
	case base.Verdict == receipt.Verified && verdict == receipt.Verified:
		r.Summary = receipt.Text{ZH: "证据包完整；其陈述已上链、会签齐备且未被改动。", EN: "The bundle is complete and unchanged; its statement is on the ledger, co-signed as its rule asks."}
	case base.Verdict == receipt.Verified:
		r.Summary = receipt.Text{ZH: "证据包完整且未被改动，但有须注意的事项。", EN: "The bundle is complete and unchanged, with something to note below."}
	case base.Verdict == receipt.Warned:
		r.Summary = receipt.Text{ZH: "证据包完整且未被改动。" + base.Summary.ZH, EN: "The bundle is complete and unchanged. " + base.Summary.EN}
	}
	r.Verdict = verdict
	r.Checks = append(append([]receipt.Check(nil), v.checks...), base.Checks...)
	v.notChecked()
	r.Answer()
}

func (v *verification) notChecked() {
	r := v.report
	var out []receipt.Text
	for i := range v.checks {
		if c := &v.checks[i]; c.Result == receipt.Skip {
			out = append(out, receipt.Text{ZH: c.Name.ZH + "：" + c.Sentence.ZH, EN: c.Name.EN + ": " + c.Sentence.EN})
		}
	}
	for _, t := range r.NotChecked {
		if !slices.Contains(superseded, t.EN) {
			out = append(out, t)
		}
	}
	r.NotChecked = append(out,
		receipt.Text{ZH: "字段（网址、标题、案号等）是采集方的记载：证据包只证明它们在封存后未改变。", EN: "Fields (addresses, title, case number) are what the office recorded: the bundle proves only that they did not change since."},
		receipt.Text{ZH: "封存之后的保管过程：本证据包不含封存后的保管记录。", EN: "Custody after the seal: the bundle holds no record of it."},
		receipt.Text{ZH: "时间戳机构的证书是否已被吊销。", EN: "Whether a time-stamp authority's certificate was revoked."},
	)
}
