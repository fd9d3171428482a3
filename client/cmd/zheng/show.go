package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client"
	"zhenglian/client/api"
)

func (c *cli) showCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show ID", Args: c.args(1, 1),
		Short: c.tr("show a statement and what became of it", "查看陈述及其后续状态"),
		Long: c.tr("Shows what the gateway says of a statement. The proof is its receipt: zheng receipt ID.",
			"显示网关所述的陈述状态；能作证明的是回执：zheng receipt 编号。"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := c.parseID(args[0])
			if err != nil {
				return err
			}
			g, err := c.gateway()
			if err != nil {
				return err
			}
			s, err := g.Statement(cmd.Context(), id)
			if err != nil {
				return err
			}
			return c.print(s, func(w io.Writer) { c.showText(w, s) })
		},
	}
	c.gatewayFlag(cmd)
	return cmd
}

func (c *cli) showText(w io.Writer, s *api.Statement) {
	line := func(en, zh, format string, a ...any) {
		fmt.Fprintf(w, "  %s: %s\n", c.tr(en, zh), fmt.Sprintf(format, a...))
	}
	fmt.Fprintf(w, "%s %s\n", stateOf(s), s.ID)
	line("kind", "种类", "%s", s.Kind)
	line("stated by", "陈述成员", "%s", s.Member)
	line("claimed time", "声明时间", "%s", s.At)
	line("place", "位置", c.tr("entry %d, height %d", "第 %d 条，高度 %d"), s.Seq, s.Height)
	if s.SealedAt != 0 {
		line("sealed at", "固定时间", "%s", s.SealedAt)
	}
	line("outcome", "结果", "%s", s.Outcome)
	if s.Matter != nil {
		line("matter", "事项", c.tr("opened by entry %d, head %s, since height %d", "由第 %d 条开启，最新陈述 %s，自高度 %d"), s.Matter.Seq, s.Matter.Head, s.Matter.Since)
	}
	if s.Policy != nil {
		line("policy", "会签规则", "v%d %s", s.Policy.Version, s.Policy.Expr)
	}
	for _, v := range s.Votes {
		line("vote", "签署", "%s %s %s %s", v.Member, v.Type, v.Account, v.Reason)
	}
	for _, m := range s.Missing {
		line("missing", "尚缺", "%s", m)
	}
	line("as of height", "截至高度", "%d", s.AsOf)
	fmt.Fprintf(w, "\n%s\n", s.Text)
}

// stateOf is the state of the statement's matter, or its outcome if it has none.
func stateOf(s *api.Statement) string {
	if s.State != "" {
		return string(s.State)
	}
	return strings.ToUpper(s.Outcome)
}

func (c *cli) receiptCmd() *cobra.Command {
	var out, form, at, item string
	cmd := &cobra.Command{
		Use: "receipt ID", Args: c.args(1, 1),
		Short: c.tr("fetch the receipt of a statement", "取得陈述的回执"),
		Example: `  zheng receipt 5e3f… --out page.receipt.json
  zheng receipt 5e3f… --form compact --out page.receipt.cbor`,
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := c.parseID(args[0])
			if err != nil {
				return err
			}
			if form != api.FormJSON && form != api.FormCompact {
				return c.usage("--form %s: want json or compact", "--form %s：应为 json 或 compact", form)
			}
			if at != api.AtEntry && at != api.AtLatest {
				return c.usage("--at %s: want entry or latest", "--at %s：应为 entry 或 latest", at)
			}
			if form == api.FormCompact && out == "" {
				return c.usage("--form compact is binary: give --out FILE", "compact 为二进制格式，请用 --out 指定文件")
			}
			trust, err := c.trustRoot()
			if err != nil {
				return err
			}
			g, err := c.gateway()
			if err != nil {
				return err
			}
			o := api.ReceiptOptions{Form: form, At: at}
			if item != "" {
				if o.Item, err = tx.ParseDigest(item); err != nil {
					return c.usage("--item: want 64 lower-case hex digits", "--item：应为 64 位小写十六进制")
				}
			}
			b, err := g.Receipt(cmd.Context(), id, o)
			if err != nil {
				return err
			}
			if trust != nil {
				r := receipt.Verify(b, trust, receipt.Options{WantID: id})
				if r.Verdict == receipt.NotVerified && !client.OnlyWaits(r) {
					return &client.Unverified{ID: id, Report: r}
				}
			}
			if out == "" {
				_, err := c.out.Write(b)
				return err
			}
			if err := writeFile(out, b); err != nil {
				return err
			}
			v := struct {
				ID      tx.ID  `json:"id"`
				Receipt string `json:"receipt"`
				Checked bool   `json:"receipt_verified"`
			}{id, out, trust != nil}
			return c.print(v, func(w io.Writer) { fmt.Fprintln(w, out) })
		},
	}
	c.gatewayFlag(cmd)
	c.trustFlag(cmd)
	cmd.Flags().StringVar(&out, "out", "", c.tr("file to write (default: stdout)", "保存为（默认输出到标准输出）"))
	cmd.Flags().StringVar(&form, "form", api.FormJSON, c.tr("json, or compact for printing", "json，或供打印的 compact"))
	cmd.Flags().StringVar(&at, "at", api.AtLatest, c.tr("entry: as it was accepted; latest: and what holds now", "entry：上链之时；latest：并含当前状态"))
	cmd.Flags().StringVar(&item, "item", "", c.tr("of a batch: SHA-256 of the file whose own receipt is wanted", "批次中某一文件的 SHA-256：取其单独回执"))
	return cmd
}
