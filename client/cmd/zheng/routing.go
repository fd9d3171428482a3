package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"zhenglian/app/tx"
)

// listRule is zheng list rule: gov.list.
func (c *cli) listRule() *cobra.Command {
	var from, document string
	var laws, terms []string
	var consent bool
	cmd := c.govern("rule LIST", c.tr("propose another rule of a list", "提议变更名单规则"), 1, tx.GovList, func(ctx context.Context, args []string) (tx.Body, error) {
		l, err := c.theList(args[0])
		if err != nil {
			return nil, err
		}
		b := &tx.ListRuleChange{Consent: consent, Laws: laws, List: l}
		if b.Document, err = c.documentDigest(document); err != nil {
			return nil, err
		}
		for _, t := range terms {
			p := strings.Split(t, ":")
			if len(p) != 3 {
				return nil, c.usage("--term %q: want SEVERITY:MIN:MAX, in months", "--term %q：应为 程度:最短月数:最长月数", t)
			}
			least, err1 := strconv.ParseInt(p[1], 10, 64)
			most, err2 := strconv.ParseInt(p[2], 10, 64)
			if err1 != nil || err2 != nil {
				return nil, c.usage("--term %q: want SEVERITY:MIN:MAX, in months", "--term %q：应为 程度:最短月数:最长月数", t)
			}
			b.Terms = append(b.Terms, tx.Term{Severity: p[0], Min: least, Max: most})
		}
		b.From, err = c.heightFlag(ctx, "effective", from)
		return b, err
	})
	cmd.Example = `  zheng list rule serious_dishonest --laws ndrc_36_2026,samr_44_2021 --term serious:12:36 --document order.pdf --effective +5000 --from admin1`
	f := cmd.Flags()
	f.StringVar(&document, "document", "", c.tr("law or resolution that it follows: a file, or its SHA-256", "所依据的法规或决议：文件或其 SHA-256"))
	f.StringSliceVar(&laws, "laws", nil, c.tr("that an entry may rest on, ascending", "可作为列入依据的法规代号，升序"))
	f.StringArrayVar(&terms, "term", nil, c.tr("SEVERITY:MIN:MAX in months, from minor to serious", "程度:最短月数:最长月数，自轻至重"))
	f.BoolVar(&consent, "consent", false, c.tr("the superior must consent before the decision", "作出决定前须经上级机关同意"))
	c.effectiveFlag(cmd, &from)
	return cmd
}

// routingCmd is everything about routing hints, which are off by default.
func (c *cli) routingCmd() *cobra.Command {
	return c.noun("routing", "hints on where a complaint goes to: off by default, never a ground to refuse", "投诉分流标签：默认关闭，不得作为拒绝受理的依据",
		c.routingSwitch(), c.routingTag(), c.routingRead(),
		c.routingStep("contest", c.tr("the person disputes the hint", "当事人提出异议"), tx.RoutingContest, paper("document")),
		c.routingStep("keep", c.tr("after a contest the hint stands", "异议审查后保留"), tx.RoutingKeep, paper("decision")),
		c.routingStep("remove", c.tr("the hint ends", "移除标签"), tx.RoutingRemove, reasoned("decision", "contest_upheld | mistake | no_longer_needed | unlawful")))
}

func (c *cli) routingSwitch() *cobra.Command {
	var assessment string
	cmd := c.govern("switch on|off", c.tr("propose to switch hints on or off", "提议启用或停用"), 1, tx.GovRouting, func(_ context.Context, args []string) (tx.Body, error) {
		b := &tx.RoutingSwitch{Action: args[0]}
		var err error
		if assessment != "" {
			b.Assessment, err = c.documentDigest(assessment)
		}
		return b, err
	})
	cmd.Flags().StringVar(&assessment, "assessment", "", c.tr("of the effects on persons, with on: a file, or its SHA-256", "个人信息保护影响评估（启用时必需）：文件或其 SHA-256"))
	return cmd
}

func (c *cli) routingTag() *cobra.Command {
	b := &tx.RoutingHint{}
	var commitment, until string
	cmd := &cobra.Command{
		Use: "tag TAG", Args: c.args(1, 1), Short: c.tr("make a hint about a tag", "登记分流标签"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if b.Tag, err = c.theTag(args[0]); err != nil {
				return err
			}
			if b.Commitment, err = c.documentDigest(commitment); err != nil {
				return err
			}
			if b.Until, err = c.day("until", until); err != nil {
				return err
			}
			return c.state(cmd.Context(), tx.RoutingTag, b, tx.ID{})
		},
	}
	c.signFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&b.Bucket, "bucket", "few", "few | several | many")
	f.StringVar(&b.Ground, "ground", "", "repeated_claims | withdrawn_after_payment | false_claims")
	f.Int64Var(&b.Epoch, "epoch", 1, c.tr("of the key that made the tag", "生成标签的密钥期号"))
	f.StringVar(&commitment, "commitment", "", c.tr("to the facts: a file, or its SHA-256", "事实材料的承诺值：文件或其 SHA-256"))
	f.StringVar(&until, "until", "", c.tr("first day on which it is no longer in force, within 12 months", "失效之日，不超过 12 个月"))
	return cmd
}

func (c *cli) routingRead() *cobra.Command {
	var purpose, lookup string
	cmd := &cobra.Command{
		Use: "read TAG", Args: c.args(1, 1), Short: c.tr("look a tag up: first state it, then read with --lookup ID", "查询标签：先陈述查询，再以 --lookup 编号 读取"),
		Long: c.tr(`Every lookup is a statement on the ledger. Without --lookup it is made; with the
id of one, made in the last 1000 blocks, the hint is read.`,
			`每次查询都是账本上的陈述。不带 --lookup 时作出查询陈述；以最近 1000 个区块内的查询
陈述编号作为 --lookup，即可读取标签。`),
		RunE: func(cmd *cobra.Command, args []string) error {
			tag, err := c.theTag(args[0])
			if err != nil {
				return err
			}
			if lookup == "" {
				return c.state(cmd.Context(), tx.RoutingRead, &tx.RoutingLookup{Purpose: purpose, Tag: tag}, tx.ID{})
			}
			id, err := c.parseID(lookup)
			if err != nil {
				return err
			}
			g, err := c.gateway()
			if err != nil {
				return err
			}
			h, err := g.Routing(cmd.Context(), tag, id)
			if err != nil {
				return err
			}
			return c.print(h, func(w io.Writer) {
				if h.Found {
					fmt.Fprintf(w, "%s  %s – %s\n", h.Tag, h.Bucket, h.Until)
				} else {
					fmt.Fprintln(w, c.tr("no hint about the tag", "没有该标签的记录"))
				}
				fmt.Fprintln(w, c.tr(h.Note.EN, h.Note.ZH))
			})
		},
	}
	c.signFlags(cmd)
	cmd.Flags().StringVar(&purpose, "purpose", "routing", "routing | subject_access")
	cmd.Flags().StringVar(&lookup, "lookup", "", c.tr("id of the lookup statement", "查询陈述编号"))
	return cmd
}

func (c *cli) routingStep(name, short string, kind tx.Kind, flags func(*cli, *cobra.Command) func(*cli) (tx.Body, error)) *cobra.Command {
	var body func(*cli) (tx.Body, error)
	cmd := &cobra.Command{
		Use: name + " ID", Short: short, Args: c.args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := c.parseID(args[0])
			if err != nil {
				return err
			}
			b, err := body(c)
			if err != nil {
				return err
			}
			return c.state(cmd.Context(), kind, b, id)
		},
	}
	body = flags(c, cmd)
	c.signFlags(cmd)
	return cmd
}
