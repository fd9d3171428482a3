package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"zhenglian/app/tx"
	"zhenglian/client/api"
)

func (c *cli) validatorCmd() *cobra.Command {
	return c.noun("validator", "nodes that sign blocks", "验证节点",
		c.validatorList(), c.validatorPropose(),
		c.govern("ready KEY", c.tr("say that your approved node has caught up", "声明本成员已获批准的节点已同步"), 1, tx.GovReady, func(_ context.Context, args []string) (tx.Body, error) {
			k, err := c.validatorArg(args[0])
			return &tx.Ready{Key: k}, err
		}),
		c.govern("rotate KEY NEW", c.tr("have your node sign with another key", "更换本成员节点的签名密钥"), 2, tx.GovRotate, func(_ context.Context, args []string) (tx.Body, error) {
			k, err := c.validatorArg(args[0])
			if err != nil {
				return nil, err
			}
			next, err := c.validatorArg(args[1])
			return &tx.KeyRotation{Key: k, New: next}, err
		}),
		c.govern("remove KEY", c.tr("propose to take a validator out", "提议移除验证节点"), 1, tx.GovValidator, func(ctx context.Context, args []string) (tx.Body, error) {
			k, err := c.validatorArg(args[0])
			if err != nil {
				return nil, err
			}
			g, err := c.gateway()
			if err != nil {
				return nil, err
			}
			p, err := g.Validators(ctx)
			if err != nil {
				return nil, err
			}
			i := slices.IndexFunc(p.Data, func(v api.Validator) bool { return v.Key == k })
			switch {
			case i < 0:
				return nil, fmt.Errorf(c.tr("validator %s %w", "验证节点 %s %w"), k, errNotFound)
			case p.Data[i].Member == "":
				return nil, c.usage("nobody's yet: say whose it is, zheng validator propose %s --member ID --power 0", "尚未登记所属成员：请执行 zheng validator propose %s --member 成员 --power 0", k)
			}
			return &tx.ValidatorChange{Key: k, Member: p.Data[i].Member}, nil
		}))
}

func validatorLine(v api.Validator) string {
	return fmt.Sprintf("%s %-9s %d→%d", v.Key, v.Stage, v.Power, v.Target)
}

func (c *cli) validatorList() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Args: c.args(0, 0), Short: c.tr("list the validators and their stages", "列出验证节点及其阶段"),
		Long: c.tr(`A validator is approved (its node has not yet said that it is in step), queued
(its power moves towards what governance wants) or active. Power is written as
NOW→WANTED.`,
			`阶段：approved 已批准，节点尚未声明同步；queued 权重正在调整；active 生效。权重写作 当前→目标。`),
		RunE: func(cmd *cobra.Command, _ []string) error {
			g, err := c.gateway()
			if err != nil {
				return err
			}
			p, err := g.Validators(cmd.Context())
			if err != nil {
				return err
			}
			return rows(c, p.Data, func(w io.Writer, v api.Validator) { fmt.Fprintf(w, "%-20s %s\n", v.Member, validatorLine(v)) })
		},
	}
	c.gatewayFlag(cmd)
	return cmd
}

func (c *cli) validatorPropose() *cobra.Command {
	var member string
	var power int64
	cmd := c.govern("propose KEY", c.tr("propose a validator, or another power for one", "提议新增验证节点或调整权重"), 1, tx.GovValidator, func(_ context.Context, args []string) (tx.Body, error) {
		k, err := c.validatorArg(args[0])
		if err != nil {
			return nil, err
		}
		m, err := c.memberArg(member)
		if err == nil && (power < 0 || power > tx.MaxPower) {
			err = c.usage("--power %d: want 0 to %d", "--power %d：应为 0 至 %d", power, tx.MaxPower)
		}
		return &tx.ValidatorChange{Key: k, Member: m, Power: power}, err
	})
	cmd.Flags().StringVar(&member, "member", "", c.tr("whose node it is", "节点所属成员"))
	cmd.Flags().Int64Var(&power, "power", 10, c.tr("voting power; 0 takes it out", "投票权重；0 表示移除"))
	return cmd
}

func (c *cli) upgradeCmd() *cobra.Command {
	var version int64
	var height, info string
	plan := c.govern("plan", c.tr("propose a protocol version from a height on", "提议自某高度起启用新协议版本"), 0, tx.GovUpgrade, func(ctx context.Context, _ []string) (tx.Body, error) {
		if version < 1 {
			return nil, c.usage("--version: want a protocol version", "--version：应为协议版本号")
		}
		h, err := c.heightFlag(ctx, "height", height)
		return &tx.Upgrade{Version: version, Height: h, Info: info}, err
	})
	plan.Long = c.tr("Proposes an upgrade. The version in force calls off what is planned.", "提议升级；以现行版本号提议即取消既有计划。")
	plan.Flags().Int64Var(&version, "version", 0, c.tr("protocol version", "协议版本"))
	plan.Flags().StringVar(&height, "height", "", c.tr("first block under it, or +N from now", "首个适用区块高度，或 +N"))
	plan.Flags().StringVar(&info, "info", "", c.tr("where to get the program", "程序获取方式"))
	return c.noun("upgrade", "the version of the protocol", "协议版本", c.protocolShow(c.tr("show the version in force and the one to come", "查看现行与将来的协议版本")), plan)
}

func (c *cli) paramsCmd() *cobra.Command {
	var b tx.Params
	var set *cobra.Command
	set = c.govern("set", c.tr("propose other parameters", "提议调整参数"), 0, tx.GovParams, func(ctx context.Context, _ []string) (tx.Body, error) {
		g, err := c.gateway()
		if err != nil {
			return nil, err
		}
		p, err := g.Protocol(ctx)
		if err != nil {
			return nil, err
		}
		for name, f := range map[string]struct {
			to  *int64
			now int64
		}{
			"anchor-blocks": {&b.AnchorBlocks, p.AnchorBlocks}, "expires-blocks": {&b.ExpiresBlocks, p.ExpiresBlocks},
			"future-millis": {&b.FutureMillis, p.FutureMillis}, "pending-blocks": {&b.PendingBlocks, p.PendingBlocks},
		} {
			if !set.Flags().Changed(name) {
				*f.to = f.now
			}
		}
		return &b, nil
	})
	f := set.Flags()
	f.Int64Var(&b.AnchorBlocks, "anchor-blocks", 0, c.tr("an anchor names one of the last so many blocks", "锚定区块须在最近多少个区块内"))
	f.Int64Var(&b.ExpiresBlocks, "expires-blocks", 0, c.tr("expires lies at most so many heights ahead", "有效期最多多少个区块"))
	f.Int64Var(&b.FutureMillis, "future-millis", 0, c.tr("a claimed time lies at most so far ahead, in milliseconds", "声明时间最多超前多少毫秒"))
	f.Int64Var(&b.PendingBlocks, "pending-blocks", 0, c.tr("a statement waits at most so many heights for signatures", "待会签最多多少个区块"))
	return c.noun("params", "the numbers that all nodes agree on", "全网参数", c.protocolShow(c.tr("show the parameters", "查看参数")), set)
}

func (c *cli) protocolShow(short string) *cobra.Command {
	cmd := &cobra.Command{
		Use: "show", Args: c.args(0, 0), Short: short,
		RunE: func(cmd *cobra.Command, _ []string) error {
			g, err := c.gateway()
			if err != nil {
				return err
			}
			p, err := g.Protocol(cmd.Context())
			if err != nil {
				return err
			}
			return c.print(p, func(w io.Writer) {
				fmt.Fprintf(w, "%s %d\n", c.tr("protocol version", "协议版本"), p.Version)
				if u := p.Upgrade; u != nil {
					c.field(w, "to come", "将启用", c.tr("version %d at height %d %s", "版本 %d，高度 %d %s"), u.Version, u.Height, u.Info)
				}
				for _, f := range []struct {
					name string
					v    int64
				}{{"anchor_blocks", p.AnchorBlocks}, {"expires_blocks", p.ExpiresBlocks}, {"future_millis", p.FutureMillis}, {"pending_blocks", p.PendingBlocks}} {
					fmt.Fprintf(w, "  %s: %d\n", f.name, f.v)
				}
				c.field(w, "as of height", "截至高度", "%d", p.AsOf)
			})
		},
	}
	c.gatewayFlag(cmd)
	return cmd
}
