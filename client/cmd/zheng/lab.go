package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"zhenglian/app/receipt"
	"zhenglian/client/bundle"
	"zhenglian/client/bundle/lab"
)

func (c *cli) labCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "lab BUNDLE.evb", Args: c.args(1, 1),
		Short: c.tr("try to tamper with copies of a bundle, and see what is caught", "篡改实验室：改动证据包副本，看是否被发现"),
		Long: c.tr(`Changes copies of a bundle in memory, in every way that the lab knows: damage,
ambiguous archives, forgeries with all digests computed again. Shows which check caught
each change. The bundle itself is not touched.

Exit codes: 0 every change was caught, 3 one was missed.`,
			`在内存中以各种方式改动证据包的副本：损坏、有歧义的压缩格式、重算全部摘要的伪造，
并列出每种改动由哪一项检查发现。原证据包不会被改动。

退出码：0 全部发现，3 有改动未被发现。`),
		Example: `  zheng lab case7.evb --trust trust.json
  zheng lab case7.evb --trust trust.json -o json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			trust, err := c.trustRoot()
			if err != nil {
				return err
			}
			if trust == nil {
				return c.usage("give --trust FILE", "请用 --trust 指定信任根文件")
			}
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close() // only read
			b, err := io.ReadAll(io.LimitReader(f, lab.MaxBytes+1))
			if err != nil {
				return err
			}
			r, err := lab.Run(cmd.Context(), b, trust, bundle.Options{})
			if err != nil {
				return err
			}
			if err := c.print(r, func(w io.Writer) { fmt.Fprint(w, r.Text(c.tr(receipt.EN, receipt.ZH))) }); err != nil {
				return err
			}
			if !r.Complete() {
				return fmt.Errorf(c.tr("%w: %d of %d changes were missed", "%w：%[3]d 种改动中有 %[2]d 种未被发现"), errNotVerified, r.Changes-r.Caught, r.Changes)
			}
			return nil
		},
	}
	c.trustFlag(cmd)
	return cmd
}
