package receipt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// A Verdict sums up a report.
type Verdict string

// The verdicts. A receipt that proves its statement, of which something must
// yet be known — it was withdrawn, say — is Warned.
const (
	Verified    Verdict = "VERIFIED"
	Warned      Verdict = "VERIFIED WITH WARNINGS"
	NotVerified Verdict = "NOT VERIFIED"
)

// A Result is the outcome of one check.
type Result string

// The results.
const (
	Pass Result = "PASS"
	Fail Result = "FAIL"
	Skip Result = "SKIP" // not checked; the sentence says why
	Warn Result = "WARN"
)

// A Text is a sentence in two languages.
type Text struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// A Check is one line of a report.
type Check struct {
	ID       string `json:"id"` // stable
	Name     Text   `json:"name"`
	Result   Result `json:"result"`
	Sentence Text   `json:"sentence"`
	Article  string `json:"article"` // the rule of law that the check serves
}

// A Report is what verification found. It depends on its input only.
type Report struct {
	V          int     `json:"v"`
	Verdict    Verdict `json:"verdict"`
	Summary    Text    `json:"summary"`
	Checks     []Check `json:"checks"` // every check of the table, in its order
	NotChecked []Text  `json:"not_checked"`
	Facts      *Facts  `json:"facts"` // what the receipt says; to be relied on only as far as the verdict goes. nil: unreadable
}

// Facts are what a receipt says.
type Facts struct {
	ID         tx.ID       `json:"id"`
	Chain      string      `json:"chain"`
	Seq        uint64      `json:"seq"`
	Height     int64       `json:"height"`
	Kind       tx.Kind     `json:"kind"`
	Member     tx.MemberID `json:"member"`
	MemberName Text        `json:"member_name"` // empty in the compact form
	ClaimedAt  tx.Time     `json:"claimed_at"`  // by the signers
	NotBefore  *Anchor     `json:"not_before"`  // nil: the kind names no block
	SealedAt   string      `json:"sealed_at"`   // time of the block that confirmed it
	Files      []File      `json:"files"`
	Signers    []Signer    `json:"signers"`
	State      string      `json:"state"` // empty in the compact form
	AsOfHeight int64       `json:"as_of_height"`
	AsOf       string      `json:"as_of"` // time of the block that confirmed AsOfHeight
}

// An Anchor is the block that a statement names: it was made after it.
type Anchor struct {
	Height int64     `json:"height"`
	Hash   tx.Digest `json:"hash"`
}

// A File is a file that the statement names by digest.
type File struct {
	Role   string    `json:"role"`
	Media  string    `json:"media"`
	Bytes  int64     `json:"bytes"`
	SHA256 tx.Digest `json:"sha256"`
	SM3    tx.Digest `json:"sm3"`
}

// A Signer is an account that signed, or spoke on the statement later.
type Signer struct {
	Account    tx.AccountID `json:"account"`
	Member     tx.MemberID  `json:"member"` // empty in the compact form
	MemberName Text         `json:"member_name"`
	Type       string       `json:"type"` // signed with the statement; served, holds, agrees or objects afterwards
	Height     int64        `json:"height"`
}

// Check returns the line with a stable id, nil if there is none.
func (r *Report) Check(id string) *Check {
	for i := range r.Checks {
		if r.Checks[i].ID == id {
			return &r.Checks[i]
		}
	}
	return nil
}

// JSON returns the report for programs, indented, with a line feed at its end.
func (r *Report) JSON() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(r) // a struct of strings and numbers always encodes
	return b.Bytes()
}

// Languages of a text report.
const (
	ZH   = "zh"
	EN   = "en"
	Both = "both"
)

// Text returns the report for people in a language: ZH, EN, or Both, Chinese
// first.
func (r *Report) Text(lang string) string {
	var b strings.Builder
	if lang != EN {
		r.chinese(&b)
	}
	if lang == Both {
		b.WriteString("\n" + strings.Repeat("-", 72) + "\n\n")
	}
	if lang != ZH {
		r.english(&b)
	}
	return b.String()
}

var verdictZH = map[Verdict]string{Verified: "验证通过", Warned: "验证通过，但须注意", NotVerified: "验证不通过"}
var resultZH = map[Result]string{Pass: "通过", Fail: "不通过", Skip: "未检查", Warn: "注意"}

func (r *Report) chinese(b *strings.Builder) {
	fmt.Fprintf(b, "结论：%s\n%s\n\n逐项检查\n", verdictZH[r.Verdict], r.Summary.ZH)
	for i := range r.Checks {
		c := &r.Checks[i]
		fmt.Fprintf(b, "  [%s] %s：%s", resultZH[c.Result], c.Name.ZH, c.Sentence.ZH)
		if c.Article != "" {
			fmt.Fprintf(b, "（%s）", articleZH.Replace(c.Article))
		}
		b.WriteByte('\n')
	}
	if f := r.Facts; f != nil {
		title := "回执证明的内容"
		if r.Verdict == NotVerified {
			title = "回执所称的内容（未通过验证，不得采信）"
		}
		b.WriteString("\n" + title + "\n")
		line := func(name, v string) {
			if v != "" {
				fmt.Fprintf(b, "  %s：%s\n", name, clean(v))
			}
		}
		line("陈述编号", f.ID.String())
		line("种类", string(f.Kind))
		line("链", f.Chain)
		line("陈述成员", named(string(f.Member), f.MemberName.ZH))
		line("签署方声明的时间", f.ClaimedAt.String())
		if f.NotBefore != nil {
			line("不早于", fmt.Sprintf("区块 %d（%s）", f.NotBefore.Height, f.NotBefore.Hash))
		}
		line("封存时间", f.SealedAt)
		line("位置", fmt.Sprintf("日志第 %d 条，区块高度 %d", f.Seq, f.Height))
		for _, x := range f.Files {
			line("文件", fmt.Sprintf("%s，%s，%d 字节，SHA-256 %s，SM3 %s", x.Role, x.Media, x.Bytes, x.SHA256, x.SM3))
		}
		for _, x := range f.Signers {
			line("签署", fmt.Sprintf("%s账户 %s，%s，高度 %d", ended(named(string(x.Member), x.MemberName.ZH), "，"), x.Account, voteZH(x.Type), x.Height))
		}
		if f.State != "" {
			line("状态", fmt.Sprintf("%s（%s，截至高度 %d，%s）", stateZH(f.State), f.State, f.AsOfHeight, f.AsOf))
		}
	}
	b.WriteString("\n未检查的内容，以及本回执不能证明的事项\n")
	for _, t := range r.NotChecked {
		b.WriteString("  · " + t.ZH + "\n")
	}
}

func (r *Report) english(b *strings.Builder) {
	fmt.Fprintf(b, "Verdict: %s\n%s\n\nChecks\n", r.Verdict, r.Summary.EN)
	for i := range r.Checks {
		c := &r.Checks[i]
		fmt.Fprintf(b, "  [%s] %s: %s", c.Result, c.Name.EN, c.Sentence.EN)
		if c.Article != "" {
			fmt.Fprintf(b, " (%s)", articleEN.Replace(c.Article))
		}
		b.WriteByte('\n')
	}
	if f := r.Facts; f != nil {
		title := "What the receipt proves"
		if r.Verdict == NotVerified {
			title = "What the receipt claims (not verified: do not rely on it)"
		}
		b.WriteString("\n" + title + "\n")
		line := func(name, v string) {
			if v != "" {
				fmt.Fprintf(b, "  %s: %s\n", name, clean(v))
			}
		}
		line("statement", f.ID.String())
		line("kind", string(f.Kind))
		line("chain", f.Chain)
		line("stated by", named(string(f.Member), f.MemberName.EN))
		line("time claimed by the signers", f.ClaimedAt.String())
		if f.NotBefore != nil {
			line("not before", fmt.Sprintf("block %d (%s)", f.NotBefore.Height, f.NotBefore.Hash))
		}
		line("sealed at", f.SealedAt)
		line("place", fmt.Sprintf("log entry %d, block height %d", f.Seq, f.Height))
		for _, x := range f.Files {
			line("file", fmt.Sprintf("%s, %s, %d bytes, SHA-256 %s, SM3 %s", x.Role, x.Media, x.Bytes, x.SHA256, x.SM3))
		}
		for _, x := range f.Signers {
			line("signature", fmt.Sprintf("%saccount %s, %s, height %d", ended(named(string(x.Member), x.MemberName.EN), ", "), x.Account, voteEN(x.Type), x.Height))
		}
		if f.State != "" {
			line("state", fmt.Sprintf("%s (as of height %d, %s)", f.State, f.AsOfHeight, f.AsOf))
		}
	}
	b.WriteString("\nNot checked, and not proven by this receipt\n")
	for _, t := range r.NotChecked {
		b.WriteString("  - " + t.EN + "\n")
	}
}

// clean takes from text what could command a terminal or break a line. Names and
// error messages come out of a file that anybody may have written.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

func named(id, name string) string {
	if name == "" {
		return id
	}
	return name + " (" + id + ")"
}

// The laws in each language, for people; Check.Article is for programs.
var (
	articleZH = strings.NewReplacer("art. 13", "第十三条", "art. 16", "第十六条", "art. 17", "第十七条", "art. 18", "第十八条")
	articleEN = strings.NewReplacer("在线诉讼规则", "Online Litigation Rules", "电子签名法", "Electronic Signature Law")
)

// ended puts mark behind s unless s is empty.
func ended(s, mark string) string {
	if s == "" {
		return ""
	}
	return s + mark
}

// StateText puts Facts.State into words.
func StateText(state string) Text { return Text{stateZH(state), state} }

// VoteText puts Signer.Type into words.
func VoteText(typ string) Text { return Text{voteZH(typ), voteEN(typ)} }

func voteEN(typ string) string {
	switch typ {
	case row.Signed:
		return "signed with the statement"
	case tx.Objects:
		return "objected later"
	}
	return "endorsed later: " + typ
}

func voteZH(typ string) string {
	switch typ {
	case row.Signed:
		return "随陈述签署"
	case tx.Served:
		return "会签：曾提供该数据"
	case tx.Holds:
		return "会签：持有副本"
	case tx.Agrees:
		return "会签：同意"
	case tx.Objects:
		return "提出异议"
	}
	return typ
}

func stateZH(s string) string {
	switch s {
	case string(row.Pending):
		return "等待会签"
	case string(row.Sealed):
		return "已封存"
	case string(row.Challenged):
		return "被质疑"
	case string(row.Upheld):
		return "质疑成立"
	case string(row.Rejected):
		return "质疑被驳回"
	case string(row.Superseded):
		return "已被替代"
	case string(row.Withdrawn):
		return "已撤回"
	case string(row.Expired):
		return "会签逾期失效"
	case StateEffective, string(row.Enacted):
		return "已生效"
	case StateLapsed:
		return "未生效即失效"
	}
	return s
}

// States of statements that open no matter; those of matters are in package row.
const (
	StateEffective = "EFFECTIVE" // it took effect
	StateLapsed    = "LAPSED"    // it did not get the signatures it needed
)
