package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"zhenglian/app/policy"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/client/explain"
)

func (c *cli) policyCmd() *cobra.Command {
	return c.noun("policy", "co-signing rules", "会签规则", c.policyList(), c.policyShow(), c.policySet(), c.policyOverride(), c.policyExplain())
}

func (c *cli) kindArg(s string) (tx.Kind, error) {
	if slices.Contains(tx.Kinds(), tx.Kind(s)) {
		return tx.Kind(s), nil
	}
	return "", c.usage("%q is no kind of statement", "%q 不是陈述种类", s)
}

func (c *cli) policies(ctx context.Context) (*api.Page[api.Policy], error) {
	g, err := c.gateway()
	if err != nil {
		return nil, err
	}
	return g.Policies(ctx)
}

// current reports whether a version applies now or will; it is past otherwise.
func current(p *api.Policy, height int64) bool { return p.InForce || p.From > height+1 }

func (c *cli) policyList() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "list", Args: c.args(0, 0), Short: c.tr("list the rules in force and to come", "列出现行及将生效的规则"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := c.policies(cmd.Context())
			if err != nil {
				return err
			}
			data := slices.DeleteFunc(p.Data, func(v api.Policy) bool { return !all && !current(&v, p.Height) })
			return rows(c, data, func(w io.Writer, v api.Policy) {
				mark := " "
				if v.InForce {
					mark = "*"
				}
				fmt.Fprintf(w, "%s %-20s %-14s v%-3d %s %-8d %s\n", mark, v.Kind, v.Member, v.Version, c.tr("from", "自"), v.From, v.Expr)
			})
		},
	}
	c.gatewayFlag(cmd)
	cmd.Flags().BoolVar(&all, "all", false, c.tr("past versions too", "包括历史版本"))
	return cmd
}

func (c *cli) policyShow() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show KIND", Args: c.args(1, 1), Short: c.tr("show every version of a kind's rule, in words", "查看某种类规则的各版本及释义"),
		RunE: func(cmd *cobra.Command, args []string) error {
			kind, err := c.kindArg(args[0])
			if err != nil {
				return err
			}
			p, err := c.policies(cmd.Context())
			if err != nil {
				return err
			}
			data := slices.DeleteFunc(p.Data, func(v api.Policy) bool { return v.Kind != kind })
			return rows(c, data, func(w io.Writer, v api.Policy) {
				title := fmt.Sprintf(c.tr("policy of %s, version %d, from height %d", "%s 的会签规则，第 %d 版，自高度 %d"), v.Kind, v.Version, v.From)
				if v.Member != "" {
					title = fmt.Sprintf(c.tr("%s besides, for its own %s, version %d, from height %d", "%s 对自身 %s 的附加要求，第 %d 版，自高度 %d"), v.Member, v.Kind, v.Version, v.From)
				}
				if v.InForce {
					title += c.tr(" (in force)", "（现行）")
				}
				fmt.Fprintf(w, "%s\n  %s\n", title, v.Expr)
				c.words(w, v.Expr)
			})
		},
	}
	c.gatewayFlag(cmd)
	return cmd
}

// words prints what a rule asks.
func (c *cli) words(w io.Writer, expr string) {
	r, err := explain.Parse(expr)
	if err != nil { // "": an override that was dropped
		return
	}
	for _, line := range r.Words(c.zh) {
		fmt.Fprintf(w, "    %s\n", line)
	}
}

func (c *cli) policySet() *cobra.Command {
	var from string
	cmd := c.govern("set KIND EXPR", c.tr("propose another rule for a kind", "提议变更某种类的会签规则"), 2, tx.GovPolicy, func(ctx context.Context, args []string) (tx.Body, error) {
		return c.policyBody(ctx, args[0], args[1], from)
	})
	cmd.Long = c.tr(`Proposes another rule for matters opened at height --effective or later; those
that are open keep theirs. Leave enough heights for the others to sign: a change
that is complete only after its height lapses.`,
		`提议自 --effective 高度起开启的事项适用新规则；已开启的事项不变。须预留会签所需的区块数：会签齐备时该高度已过的，提议失效。`)
	cmd.Example = `  zheng policy set evidence.challenge 'OF(2,officer@issuer)' --effective +5000 --from admin1`
	c.effectiveFlag(cmd, &from)
	return cmd
}

func (c *cli) effectiveFlag(cmd *cobra.Command, from *string) {
	cmd.Flags().StringVar(from, "effective", "", c.tr("height from which it applies, or +N from now", "生效高度，或 +N"))
}

func (c *cli) policyOverride() *cobra.Command {
	var from string
	var drop bool
	cmd := &cobra.Command{
		Use: "override KIND [EXPR]", Args: c.args(1, 2), Short: c.tr("ask more signatures of your own statements", "对本成员陈述附加会签要求"),
		Long: c.tr("Both the kind's rule and EXPR must hold then for what your member states. --drop ends it.",
			"此后本成员的陈述须同时满足该种类的规则与 EXPR；--drop 撤销附加要求。"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if drop != (len(args) == 1) {
				return c.usage("give EXPR, or --drop", "请给出 EXPR 或 --drop，二者择一")
			}
			b, err := c.policyBody(cmd.Context(), args[0], append(args, "")[1], from)
			if err != nil {
				return err
			}
			return c.state(cmd.Context(), tx.GovOverride, b, tx.ID{})
		},
	}
	c.signFlags(cmd)
	c.effectiveFlag(cmd, &from)
	cmd.Flags().BoolVar(&drop, "drop", false, c.tr("ask no more than the kind's rule", "撤销附加要求"))
	return cmd
}

func (c *cli) policyBody(ctx context.Context, kind, expr, from string) (*tx.PolicyChange, error) {
	k, err := c.kindArg(kind)
	if err != nil {
		return nil, err
	}
	if expr != "" {
		if _, err := policy.Parse(expr); err != nil {
			return nil, fmt.Errorf("%w: %w", errUsage, err)
		}
	}
	h, err := c.heightFlag(ctx, "effective", from)
	return &tx.PolicyChange{Kind: k, Expr: expr, From: h}, err
}

// explanation says why a statement has, or has not yet, taken effect.
type explanation struct {
	ID       tx.ID        `json:"id"`
	Kind     tx.Kind      `json:"kind"`
	Member   string       `json:"member"`
	State    string       `json:"state,omitempty"`
	Outcome  string       `json:"outcome"`
	Height   int64        `json:"height"`
	Rule     ruleInfo     `json:"rule"`
	Signed   []api.Vote   `json:"signed"`
	Objected []api.Vote   `json:"objected,omitempty"`
	Missing  []string     `json:"missing,omitempty"`
	CanSign  []api.Signer `json:"can_sign,omitempty"`
	Deadline int64        `json:"deadline,omitempty"`
	AsOf     int64        `json:"as_of"`
}

type ruleInfo struct {
	Version  uint32   `json:"version"`
	From     int64    `json:"from"` // height from which this version applies
	Expr     string   `json:"expr"`
	Override bool     `json:"override"` // the stating member's own demands are part of it
	Words    []string `json:"words"`
}

func (c *cli) policyExplain() *cobra.Command {
	cmd := &cobra.Command{
		Use: "explain ID", Args: c.args(1, 1), Short: c.tr("say who has signed a statement, who is missing, and by which rule", "说明陈述已由谁签署、尚缺谁、适用哪版规则"),
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
			ps, err := g.Policies(cmd.Context())
			if err != nil {
				return err
			}
			e := c.explain(s, ps.Data)
			return c.print(e, func(w io.Writer) { c.explainText(w, s, &e) })
		},
	}
	c.gatewayFlag(cmd)
	return cmd
}

func (c *cli) explain(s *api.Statement, ps []api.Policy) explanation {
	e := explanation{
		ID: s.ID, Kind: s.Kind, Member: s.Member, State: string(s.State), Outcome: s.Outcome, Height: s.Height,
		Signed: []api.Vote{}, Missing: s.Missing, CanSign: s.CanSign, Deadline: s.Deadline, AsOf: s.AsOf,
	}
	for _, v := range s.Votes {
		if v.Type == tx.Objects {
			e.Objected = append(e.Objected, v)
		} else {
			e.Signed = append(e.Signed, v)
		}
	}
	if s.Policy == nil {
		return e
	}
	e.Rule = ruleInfo{Version: s.Policy.Version, Expr: s.Policy.Expr}
	for _, p := range ps {
		if p.Kind == s.Kind && p.Member == "" && p.Version == s.Policy.Version {
			e.Rule.From, e.Rule.Override = p.From, p.Expr != s.Policy.Expr
		}
	}
	if r, err := explain.Parse(s.Policy.Expr); err == nil {
		e.Rule.Words = r.Words(c.zh)
	}
	return e
}

func (c *cli) explainText(w io.Writer, s *api.Statement, e *explanation) {
	fmt.Fprintf(w, "%s %s\n", stateOf(s), e.ID)
	c.field(w, "statement", "陈述", c.tr("%s by %s, accepted at height %d", "%s，陈述成员 %s，上链高度 %d"), e.Kind, e.Member, e.Height)
	c.field(w, "rule", "规则", c.tr("version %d of the policy of %s, which began at height %d", "%[2]s 会签规则第 %[1]d 版，自高度 %[3]d 起施行"), e.Rule.Version, e.Kind, e.Rule.From)
	switch {
	case s.Matter == nil || s.Matter.Seq == s.Seq:
		c.field(w, "why this one", "适用理由", c.tr("it was in force at height %d, when the statement was accepted; later versions change nothing", "高度 %d 上链时现行；其后的版本不影响本陈述"), s.Height)
	default:
		c.field(w, "why this one", "适用理由", c.tr("it was in force when entry %d opened the matter; later versions change nothing", "第 %d 条开启事项时现行；其后的版本不影响本事项"), s.Matter.Seq)
	}
	if e.Rule.Override {
		c.field(w, "besides", "附加", c.tr("%s asks more of its own statements, joined below", "含 %s 对自身陈述的附加要求"), e.Member)
	}
	c.field(w, "it asks", "要求", "%s", e.Rule.Expr)
	for _, l := range e.Rule.Words {
		fmt.Fprintf(w, "    %s\n", l)
	}
	for _, v := range e.Signed {
		c.field(w, "signed", "已签署", c.tr("%s at height %d (%s), account %s", "%s，高度 %d（%s），账户 %s"), v.Member, v.Height, v.Type, v.Account)
	}
	for _, v := range e.Objected {
		c.field(w, "objected", "异议", c.tr("%s at height %d (%s), account %s", "%s，高度 %d（%s），账户 %s"), v.Member, v.Height, v.Reason, v.Account)
	}
	for _, m := range e.Missing {
		lines := explain.Missing(m, c.zh)
		c.field(w, "missing", "尚缺", "%s", lines[0])
		for _, l := range lines[1:] {
			fmt.Fprintf(w, "    %s\n", l)
		}
	}
	for _, m := range e.CanSign {
		c.field(w, "can still sign", "可会签", c.tr("%s (keys that count: %d)", "%s（可用密钥 %d 把）"), m.Member, len(m.Accounts))
	}
	if e.Deadline != 0 {
		c.field(w, "lapses at height", "失效高度", c.tr("%d, if signatures are still missing", "%d（届时仍未齐备）"), e.Deadline)
	}
	c.field(w, "as of height", "截至高度", "%d", e.AsOf)
}
