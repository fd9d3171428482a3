package certificate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/bundle"
)

// names of fields of a bundle, as a record shows them.
var fieldNames = map[string]string{
	"url": "网络地址", "final_url": "最终地址", "title": "页面标题", "outcome": "采集结果", "http_status": "HTTP 状态",
	"remote_ip": "服务器地址", "certificate": "服务器证书", "case": "案号", "case_no": "案号", "case_number": "案号", "officers": "承办人", "object": "证明对象",
	"officer": "承办人", "officer1": "承办人一", "officer2": "承办人二", "witness": "见证人", "anchor": "锚定区块", "custody_head": "保管记录摘要",
}

// Record prints the record of an extraction of electronic data from a bundle.
func Record(ctx context.Context, in io.ReaderAt, size int64, trust *receipt.Trust, f *Font) ([]byte, error) {
	report, err := bundle.Verify(ctx, in, size, trust, bundle.Options{})
	if err != nil {
		return nil, err
	}
	if report.Verdict == receipt.NotVerified {
		return nil, fmt.Errorf("%w: %s", ErrNotVerified, report.Summary.EN)
	}
	a, err := bundle.Open(in, size)
	if err != nil {
		return nil, err
	}
	doc, err := a.Bytes(bundle.NameReceipt, receipt.MaxBytes)
	if err != nil {
		return nil, err
	}
	r, err := receipt.Parse(doc)
	if err != nil {
		return nil, err
	}
	env, err := tx.ParseEnvelope(r.Entry.Envelope)
	if err != nil {
		return nil, err
	}
	stmt, err := receipt.Statement(env.Payload)
	if err != nil {
		return nil, err
	}
	seal, ok := stmt.Body.(*tx.Evidence)
	if !ok {
		return nil, errors.New("the bundle is of another kind of statement")
	}
	sealed, err := moment(report.Facts.SealedAt)
	if err != nil {
		return nil, err
	}
	id := report.Facts.ID.String()
	s := newSheets(f, "电子数据提取笔录 "+id, "电子数据提取笔录 "+id, sealed)
	s.title("电子数据提取笔录", sizeTitle)
	s.title("Record of an extraction of electronic data", sizeSmall)
	s.y += 2
	s.extraction(report, seal)
	if err := s.environment(a, seal); err != nil {
		return nil, err
	}
	if err := s.custody(a); err != nil {
		return nil, err
	}
	s.facts(report.Facts, trust)
	s.answers(report.Report)
	s.heading("签名")
	s.paragraph("", "以上内容全部取自经核验的证据包与账本记录，未作手工增补。请核对后签名。", sizeSmall)
	s.lines("提取人：", "提取人：")
	s.lines("见证人：", "持有人（提供人）：")
	s.lines("日期：", "　　")
	s.howTo()
	if err := s.codes(r); err != nil {
		return nil, err
	}
	s.attach(id+".receipt.json", "账本回执 receipt of the ledger", doc)
	return s.bytes()
}

// extraction prints what was extracted, from where, when and with what.
func (s *sheets) extraction(r *bundle.Report, e *tx.Evidence) {
	s.heading("提取对象与方法")
	for _, x := range r.Bundle.Fields {
		name := fieldNames[x.Name]
		if name == "" {
			name = x.Name
		}
		s.row(name, x.Value)
	}
	if r.Bundle.Withheld > 0 {
		s.row("未出示", fmt.Sprintf("%d 项", r.Bundle.Withheld))
	}
	s.row("类别", e.Class)
	s.row("提取方法", e.Captured.Method)
	s.row("提取工具", e.Captured.Tool)
	s.row("工具 SHA-256", e.Captured.ToolSHA256.String())
	s.row("提取开始", local(e.Captured.Started.Time())+"，提取方声明")
	s.row("提取结束", local(e.Captured.Ended.Time())+"，提取方声明")
	if b := r.Bundle.NotBefore; b != nil {
		s.row("封存不早于", b.At+"（"+b.By.ZH+"）")
	}
	if b := r.Bundle.NotAfter; b != nil {
		s.row("封存不晚于", b.At+"（"+b.By.ZH+"）")
	}
	for _, t := range r.Bundle.Tokens {
		worth := "未给出可信根"
		if t.Test {
			worth = "测试机构，没有证明力"
		} else if t.Trusted {
			worth = "可信"
		}
		s.row("时间戳", t.Time+"，"+t.Authority+"，"+worth)
	}
	s.row("完整性校验值", "清单根 "+r.Bundle.Root.String())
}

// environment prints the report on the machine that captured.
func (s *sheets) environment(a *bundle.Archive, e *tx.Evidence) error {
	if e.Env == nil {
		return nil
	}
	const name, limit = bundle.DirCapture + "env.json", 4 << 20
	s.heading("系统环境检查")
	s.row("结论", e.Env.Result+"，报告 SHA-256 "+e.Env.ReportSHA256.String())
	if a.Find(name) == nil {
		s.row("明细", "未出示")
		return nil
	}
	b, err := a.Bytes(name, limit)
	if err != nil {
		return err
	}
	var env struct {
		Items []struct {
			ID       string `json:"id"`
			Result   string `json:"result"`
			Observed any    `json:"observed"`
		} `json:"items"`
	}
	if err := json.Unmarshal(b, &env); err != nil {
		return fmt.Errorf("env.json: %w", err)
	}
	for _, it := range env.Items {
		text := it.Result
		if seen := bundle.Text(fmt.Sprint(it.Observed)); it.Observed != nil && seen != "" {
			const most = 120 // characters: the whole is in the bundle
			if r := []rune(seen); len(r) > most {
				seen = string(r[:most]) + "…"
			}
			text += "，" + seen
		}
		s.row(it.ID, text)
	}
	return nil
}

// custody prints the log until the seal.
func (s *sheets) custody(a *bundle.Archive) error {
	const limit = 1 << 20
	b, err := a.Bytes(bundle.NameCustody, limit)
	if err != nil {
		return err
	}
	s.heading("提取与保管过程")
	for line := range strings.Lines(string(b)) {
		var e struct{ At, Event, Detail string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return fmt.Errorf("custody log: %w", err)
		}
		s.row(e.At[:min(19, len(e.At))]+"Z", e.Event+"，"+e.Detail)
	}
	return nil
}
