package receipt

import (
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
	Point    string `json:"point"`   // the question that it helps to answer, see [Point]; empty: none

	Outcome Outcome `json:"outcome,omitempty"` // what the result makes of the whole; empty: nothing in particular
}

// A Report is what verification found. It depends on its input only.
type Report struct {
	V          int     `json:"v"`
	Verdict    Verdict `json:"verdict"`
	Outcome    Outcome `json:"outcome"`
	Summary    Text    `json:"summary"`
	Points     []Point `json:"points"` // the fifteen questions, in their order
	Checks     []Check `json:"checks"` // every check of the table, in its order
	NotChecked []Text  `json:"not_checked"`
	Rebuttals  []Text  `json:"rebuttals"` // what evidence to the contrary would have to show
	Facts      *Facts  `json:"facts"`     // what the receipt says; to be relied on only as far as the verdict goes. nil: unreadable
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
	Item       *ItemFact   `json:"item,omitempty"` // of a batch; nil: the receipt proves no single item
	Signers    []Signer    `json:"signers"`
	Witnesses  []Sighting  `json:"witnesses,omitempty"` // of the verifier's policy, who cosigned; only those whose cosignature verifies
	State      string      `json:"state"`               // empty in the compact form
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

// An ItemFact is the digest of a batch that the receipt proves.
type ItemFact struct {
	Index  int64     `json:"index"`
	Count  int64     `json:"count"`
	SHA256 tx.Digest `json:"sha256"`
}

// A Signer is an account that signed, or spoke on the statement later.
type Signer struct {
	Account    tx.AccountID `json:"account"`
	Member     tx.MemberID  `json:"member"` // empty in the compact form
	MemberName Text         `json:"member_name"`
	Type       string       `json:"type"` // signed with the statement; served, holds, agrees or objects afterwards
	Height     int64        `json:"height"`
}

// A Sighting is a cosignature: the witness saw the statement in the log by then.
type Sighting struct {
	Name string `json:"name"` // in the verifier's policy
	At   string `json:"at"`   // by the witness's own clock
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

// Sum returns r: see package court.
func (r *Report) Sum() *Report { return r }

// JSON returns the report for programs, indented, with a line feed at its end.
func (r *Report) JSON() []byte {
	var w reportWriter
	r.write(&w)
	return indentJSON(w.B)
}

// Languages of a text report.
const (
	ZH   = "zh"
	EN   = "en"
	Both = "both"
)

// Text returns the report for people in a language: ZH, EN, or Both, Chinese
// first.
func (r *Report) Text(lang string) string { return TextOf(r.Page, lang) }

// TextOf writes the pages of a report in a language, or in both.
func TextOf(page func(lang string) *Page, lang string) string {
	if lang != Both {
		return page(lang).Text()
	}
	return page(ZH).Text() + "\n" + strings.Repeat("-", 72) + "\n\n" + page(EN).Text()
}

// HTMLOf writes the page of a report as a document, in Chinese unless lang is EN.
func HTMLOf(page func(lang string) *Page, lang string) string {
	if lang != EN {
		lang = ZH
	}
	return page(lang).HTML()
}

func verdictText(v Verdict) Text {
	switch v {
	case Verified:
		return Text{"验证通过", string(v)}
	case Warned:
		return Text{"验证通过，但须注意", string(v)}
	}
	return Text{"验证不通过", string(v)}
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
	case string(row.Erased):
		return "已删除原件"
	case string(row.Withdrawn):
		return "已撤回"
	case string(row.Expired):
		return "会签逾期失效"
	case StateEffective, string(row.Enacted):
		return "已生效"
	case StateLapsed:
		return "未生效即失效"
	}
	if zh, ok := traceZH(s); ok {
		return zh
	}
	if zh := row.ListStateZH(row.State(s)); zh != "" {
		return zh
	}
	return s
}

// States of statements that open no matter; those of matters are in package row.
const (
	StateEffective = "EFFECTIVE" // it took effect
	StateLapsed    = "LAPSED"    // it did not get the signatures it needed
)
