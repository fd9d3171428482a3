package certificate

import (
	"errors"
	"fmt"
	"time"

	"zhenglian/app/receipt"
	"zhenglian/client/paper"
)

// ErrNotVerified says that the record does not verify; nothing is printed of it.
var ErrNotVerified = errors.New("the record does not verify: there is nothing to certify")

// beijing is China's standard time, which has no summer time.
var beijing = time.FixedZone("UTC+8", 8*3600)

// local shows a moment as people in China read it, and in UTC.
func local(t time.Time) string {
	return t.In(beijing).Format("2006-01-02 15:04:05") + "（北京时间） = " + t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// moment reads a time of a report.
func moment(s string) (time.Time, error) { return time.Parse(time.RFC3339Nano, s) }

// Certificate prints the certificate of the statement of a receipt. Of a compact one
// it says that the receipt shows neither members nor state.
func Certificate(doc []byte, trust *receipt.Trust, f *Font) ([]byte, error) {
	r, err := receipt.Parse(doc)
	if err != nil {
		return nil, err
	}
	report := receipt.Verify(doc, trust, receipt.Options{})
	if report.Verdict == receipt.NotVerified {
		return nil, fmt.Errorf("%w: %s", ErrNotVerified, report.Summary.EN)
	}
	sealed, err := moment(report.Facts.SealedAt)
	if err != nil {
		return nil, err
	}
	id := report.Facts.ID.String()
	s := newSheets(f, "存证证书 "+id, "存证证书 "+id, sealed)
	s.title("电子数据存证证书", sizeTitle)
	s.title("Certificate of evidence on the ledger", sizeSmall)
	s.y += 2
	s.facts(report.Facts, trust)
	s.answers(report)
	s.proves(report)
	s.howTo()
	if err := s.codes(r); err != nil {
		return nil, err
	}
	full, err := r.EncodeJSON()
	if err != nil {
		return nil, err
	}
	s.attach(id+".receipt.json", "账本回执 receipt of the ledger", full)
	return s.bytes()
}

// facts prints what the statement says, and who signed it.
func (s *sheets) facts(f *receipt.Facts, trust *receipt.Trust) {
	s.heading("存证内容")
	s.row("证书编号", f.ID.String())
	s.row("存证单位", named(string(f.Member), f.MemberName.ZH))
	s.row("陈述种类", string(f.Kind))
	if f.State != "" {
		s.row("状态", fmt.Sprintf("%s（%s），截至区块高度 %d", receipt.StateText(f.State).ZH, f.State, f.AsOfHeight))
	} else {
		s.row("状态", "所据为简式回执，未载状态、会签规则和签署成员")
	}
	s.row("签署方声明时间", local(f.ClaimedAt.Time())+"，自述，未经证明")
	if f.NotBefore != nil {
		s.row("不早于", fmt.Sprintf("区块 %d，摘要 %s", f.NotBefore.Height, f.NotBefore.Hash))
	}
	if t, err := moment(f.SealedAt); err == nil {
		s.row("封存时间", local(t)+"，由验证节点证明")
	}
	s.row("账本位置", fmt.Sprintf("链 %s，日志第 %d 条，区块高度 %d", f.Chain, f.Seq, f.Height))
	s.row("可信根", fmt.Sprintf("高度 %d，%d 个验证节点，名单摘要 %x", trust.Height, len(trust.Validators), trust.ValidatorsHash()))
	if len(f.Files) > 0 {
		s.heading("电子数据")
		for i, x := range f.Files {
			s.row(fmt.Sprintf("第 %d 件", i+1), fmt.Sprintf("%s，%s，%d 字节", x.Role, x.Media, x.Bytes))
			s.row("　SHA-256", x.SHA256.String())
			s.row("　SM3", x.SM3.String())
		}
	}
	s.heading("签署")
	for _, x := range f.Signers {
		s.row(receipt.VoteText(x.Type).ZH, fmt.Sprintf("%s账户 %s，区块高度 %d", comma(named(string(x.Member), x.MemberName.ZH)), x.Account, x.Height))
	}
}

func named(id, name string) string {
	if name == "" {
		return id
	}
	return name + "（" + id + "）"
}

func comma(s string) string {
	if s == "" {
		return ""
	}
	return s + "，"
}

var marks = map[receipt.Result]string{receipt.Pass: "通过", receipt.Warn: "注意", receipt.Skip: "未检查", receipt.Fail: "不通过"}

// answers prints the questions with their answers.
func (s *sheets) answers(r *receipt.Report) {
	s.heading("出具时的核验结果：" + receipt.OutcomeText(r.Outcome).ZH + "（" + string(r.Outcome) + "）")
	for i := range r.Points {
		p := &r.Points[i]
		text := p.Name.ZH + "："
		for _, id := range p.Checks {
			if c := r.Check(id); c.Result != receipt.Skip || p.Result == receipt.Skip {
				text += c.Sentence.ZH
			}
		}
		s.paragraph(p.ID, marks[p.Result]+"　"+text+p.Sentence.ZH, sizeSmall)
	}
}

// proves prints what the certificate says and what it does not.
func (s *sheets) proves(r *receipt.Report) {
	s.heading("本证书证明")
	if len(r.Facts.Files) > 0 {
		s.paragraph("·", "摘要与上列一致的电子数据，自封存时起未被改动：持有该数据者可重新计算摘要，逐字比对。", sizeSmall)
	}
	signed := "上列机构以其在账本登记的密钥签署了该陈述"
	if r.Check("policy").Result == receipt.Pass {
		signed += "，并符合当时的会签规则"
	}
	s.paragraph("·", signed+"。", sizeSmall)
	s.paragraph("·", "该陈述至迟在封存时间已经形成，并被三分之二以上的验证节点收录。", sizeSmall)
	s.heading("本证书不证明，以及未检查的事项")
	for _, t := range r.NotChecked {
		s.paragraph("·", t.ZH, sizeSmall)
	}
	s.heading("何种反证足以推翻")
	for _, t := range r.Rebuttals {
		s.paragraph("·", t.ZH, sizeSmall)
	}
}

// howTo prints how anybody verifies the certificate.
func (s *sheets) howTo() {
	s.heading("如何核验")
	for i, t := range []string{
		"须自备可信根文件（验证节点公钥），由法院或创始成员另行提供，不得取自出示本证书的一方。",
		"纸质证书：打开离线核验页，拍摄或选择末页二维码的照片，即可在断网状态下核验。",
		"电子证书：将本文件交给核验页或命令 zheng-verify --trust 可信根 证书.pdf；本文件附有完整回执。",
		"原始数据：将原始文件一并交给核验页或加 --file 文件；文件只在本机计算摘要，不上传。",
		"印刷文字仅供阅读；文字与二维码或附件不一致的，以二维码或附件的核验结果为准。",
	} {
		s.paragraph(fmt.Sprintf("%d.", i+1), t, sizeSmall)
	}
}

// codes prints the compact receipt.
func (s *sheets) codes(r *receipt.Receipt) error {
	b, err := r.Compact().EncodeCBOR()
	if err != nil {
		return err
	}
	codes, err := paper.Codes(b)
	if err != nil {
		return err
	}
	for i, c := range codes {
		s.page()
		s.title("可核验的回执", sizeHeading)
		note := "本码载有账本的简式回执，连同可信根即可离线核验，无须访问任何网站。"
		if len(codes) > 1 {
			note = fmt.Sprintf("本码为 %d 个中的第 %d 个，合起来载有账本的简式回执；读取次序不限。", len(codes), i+1)
		}
		s.title(note, sizeSmall)
		s.y += 4
		if err := s.code(c, 170); err != nil {
			return err
		}
	}
	return nil
}
