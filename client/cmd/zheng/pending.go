package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"zhenglian/app/tx"
	"zhenglian/client/api"
)

func (c *cli) pendingCmd() *cobra.Command {
	var member string
	var all bool
	cmd := &cobra.Command{
		Use: "pending", Args: c.args(0, 0), Short: c.tr("what waits for your member's signature", "待本成员会签的陈述"),
		Long: c.tr(`Lists the statements that wait for signatures and that a signature of your member
would bring nearer to taking effect, soonest deadline first, each with what you
would sign: what would change for governance, else the statement itself. Your
member is that of --from, unless --member names another.

Sign one with: zheng endorse ID`,
			`列出等待会签且本成员签名仍有作用的陈述，先到期者在前，并显示将要签署的内容：
治理类陈述逐项列出变更，其他为陈述原文。成员取自 --from 密钥，或由 --member 指定。

会签：zheng endorse 编号`),
		Example: `  zheng pending --from admin1
  zheng endorse 5e3f… --from admin1`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := api.PendingQuery{Limit: api.MaxPending}
			var own tx.AccountID // of the key at hand
			switch {
			case all:
			case member != "":
				var err error
				if q.Member, err = c.memberArg(member); err != nil {
					return err
				}
			default:
				name, err := c.fromName()
				if err != nil {
					return err
				}
				f, err := c.loadKey(name)
				if err != nil {
					return err
				}
				q.Member, own = f.Member, f.Account
			}
			g, err := c.gateway()
			if err != nil {
				return err
			}
			n := 0
			for p, err := range g.AllPending(cmd.Context(), q) {
				if err != nil {
					return err
				}
				n++
				if err := c.print(p, func(w io.Writer) { c.pendingText(w, &p, own) }); err != nil {
					return err
				}
			}
			if n == 0 {
				c.say("nothing waits", "没有待会签的陈述")
			}
			return nil
		},
	}
	c.gatewayFlag(cmd)
	cmd.Flags().StringVar(&c.flags.keys, "keys", "", c.tr("folder of key files (default ~/.zhenglian/keys)", "密钥目录（默认 ~/.zhenglian/keys）"))
	cmd.Flags().StringVar(&c.flags.from, "from", "", c.tr("key whose member asks", "查询所用密钥名"))
	cmd.Flags().StringVar(&member, "member", "", c.tr("of this member", "指定成员"))
	cmd.Flags().BoolVar(&all, "all", false, c.tr("all that waits, for whomever", "全部待会签陈述"))
	return cmd
}

func (c *cli) pendingText(w io.Writer, p *api.Pending, own tx.AccountID) {
	fmt.Fprintf(w, "%s %s\n", p.ID, p.Kind)
	c.field(w, "stated by", "陈述成员", c.tr("%s, claimed time %s", "%s，声明时间 %s"), p.Member, p.At)
	c.field(w, "waits since height", "等待自高度", c.tr("%d, lapses at height %d", "%d，失效高度 %d"), p.Since, p.Deadline)
	for _, v := range p.Votes {
		if v.Type == tx.Objects {
			c.field(w, "objected", "异议", "%s (%s)", v.Member, v.Reason)
		} else {
			c.field(w, "signed", "已签署", "%s (%s)", v.Member, v.Type)
		}
	}
	c.field(w, "missing", "尚缺", "%s", strings.Join(p.Missing, "; "))
	if !own.IsZero() && !slices.ContainsFunc(p.CanSign, func(s api.Signer) bool { return slices.Contains(s.Accounts, own) }) {
		c.field(w, "note", "提示", "%s", c.tr("another key of your member is needed for this one", "须以本成员的另一密钥会签"))
	}
	fmt.Fprintln(w, c.tr("  you would sign:", "  将要签署："))
	if len(p.Changes) == 0 {
		fmt.Fprintf(w, "  %s\n", p.Text)
		return
	}
	c.changesText(w, p.Changes)
}
