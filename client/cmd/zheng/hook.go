package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"zhenglian/app/tx"
	"zhenglian/client/api"
)

func (c *cli) hookCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "hook", Short: c.tr("have events sent to an address (Standard Webhooks)", "把事件推送到指定地址（Standard Webhooks）"), Args: c.args(0, 0), RunE: c.group,
		Long: c.tr(`Webhooks of a gateway: it sends you events in order, each at least once, signed by
Standard Webhooks. It needs the scope hooks: see --token-file.`,
			`网关回调：按 Standard Webhooks 签名，有序且至少一次地推送事件。需要 hooks 权限，见 --token-file。`),
	}
	cmd.AddCommand(c.hookAddCmd(), c.hookListCmd(), c.hookLogCmd(), c.hookRedeliverCmd(),
		c.hookIDCmd("show", c.tr("a hook and how it fares", "查看回调状态"), func(cmd *cobra.Command, id string) error {
			g, err := c.gateway()
			if err != nil {
				return err
			}
			h, err := g.Hook(cmd.Context(), id)
			if err != nil {
				return err
			}
			return c.print(h, func(w io.Writer) { c.hookText(w, h) })
		}),
		c.hookIDCmd("remove", c.tr("end a hook", "删除回调"), func(cmd *cobra.Command, id string) error {
			g, err := c.gateway()
			if err != nil {
				return err
			}
			if err := g.RemoveHook(cmd.Context(), id); err != nil {
				return err
			}
			return c.print(map[string]string{"removed": id}, func(w io.Writer) { fmt.Fprintf(w, c.tr("%s removed\n", "%s 已删除\n"), id) })
		}),
		c.hookIDCmd("enable", c.tr("go on where a hook stopped", "自停止处重新启用"), func(cmd *cobra.Command, id string) error {
			g, err := c.gateway()
			if err != nil {
				return err
			}
			h, err := g.EnableHook(cmd.Context(), id)
			if err != nil {
				return err
			}
			return c.print(h, func(w io.Writer) { c.hookText(w, h) })
		}),
		c.hookIDCmd("rotate", c.tr("a new secret; the old one signs too for a day", "更换密钥，旧密钥一日内仍同时签名"), func(cmd *cobra.Command, id string) error {
			g, err := c.gateway()
			if err != nil {
				return err
			}
			s, err := g.RotateHook(cmd.Context(), id)
			if err != nil {
				return err
			}
			return c.print(s, func(w io.Writer) { c.secretText(w, s) })
		}),
		c.hookIDCmd("test", c.tr("send a message that is no event, at once", "立即发送一条测试消息"), func(cmd *cobra.Command, id string) error {
			g, err := c.gateway()
			if err != nil {
				return err
			}
			d, err := g.TestHook(cmd.Context(), id)
			if err != nil {
				return err
			}
			if err := c.print(d, func(w io.Writer) { c.deliveryText(w, d) }); err != nil || d.OK {
				return err
			}
			return fmt.Errorf(c.tr("the test was not delivered: %s", "测试消息未送达：%s"), d.Error)
		}))
	return cmd
}

// hookIDCmd is a command that takes the id of a hook.
func (c *cli) hookIDCmd(name, short string, run func(*cobra.Command, string) error) *cobra.Command {
	cmd := &cobra.Command{Use: name + " HOOK", Args: c.args(1, 1), Short: short, RunE: func(cmd *cobra.Command, args []string) error { return run(cmd, args[0]) }}
	c.gatewayFlag(cmd)
	return cmd
}

func (c *cli) hookAddCmd() *cobra.Command {
	var r api.HookRequest
	var member, after string
	var matter int64
	cmd := &cobra.Command{
		Use: "add URL", Args: c.args(1, 1), Short: c.tr("have events sent to URL, from now on or after --after", "订阅事件，自当前或 --after 之后开始"),
		Long: c.tr(`Prints the hook with its secret, which is shown this once: check every message by it,
with any Standard Webhooks library. Conditions are those of zheng event follow.`,
			`输出回调及其密钥，密钥仅显示这一次；请用任一 Standard Webhooks 库核验每条消息。条件与 zheng event follow 相同。`),
		Example: `  zheng hook add https://platform.example/zhenglian --kind list --type matter.changed --token-file key.txt -o json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			r.URL, r.Member = args[0], tx.MemberID(member)
			if matter >= 0 {
				n := uint64(matter)
				r.Matter = &n
			}
			if after != "" {
				id, err := api.ParseEventID(after)
				if err != nil {
					return c.usage("%v", "%v", err)
				}
				r.After = &id
			}
			q := r.Query()
			if err := q.Check(); err != nil {
				return c.usage("%v", "%v", err)
			}
			g, err := c.gateway()
			if err != nil {
				return err
			}
			s, err := g.AddHook(cmd.Context(), r)
			if err != nil {
				return err
			}
			return c.print(s, func(w io.Writer) { c.secretText(w, s) })
		},
	}
	c.gatewayFlag(cmd)
	f := cmd.Flags()
	f.StringSliceVar(&r.Types, "type", nil, c.tr("types, or what stands before their dot: matter.changed, statement", "事件类型或其前缀：matter.changed、statement"))
	f.StringSliceVar(&r.Kinds, "kind", nil, c.tr("kinds or families of statements: list.decide, evidence", "陈述种类或类别：list.decide、evidence"))
	f.StringVar(&member, "member", "", c.tr("who stated it, opened the matter, or whose row it is", "陈述、发起事项或所属的成员"))
	f.StringVar(&r.List, "list", "", c.tr("the list that it is about", "所涉名单"))
	f.Int64Var(&matter, "matter", -1, c.tr("number of the log entry that opened the matter", "发起事项的日志条目序号"))
	f.StringVar(&after, "after", "", c.tr("begin after this event or height; 0 is the beginning (default: now)", "从此事件或高度之后开始；0 为链的起点（默认当前）"))
	f.StringVar(&r.Description, "description", "", c.tr("what you call it", "说明"))
	return cmd
}

func (c *cli) hookListCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Args: c.args(0, 0), Short: c.tr("your hooks; with the scope admin everybody's", "列出自己的回调；有 admin 权限时列出全部"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			g, err := c.gateway()
			if err != nil {
				return err
			}
			for h, err := range g.Hooks(cmd.Context()) {
				if err != nil {
					return err
				}
				if err := c.print(h, func(w io.Writer) { c.hookText(w, &h) }); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.gatewayFlag(cmd)
	return cmd
}

func (c *cli) hookLogCmd() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use: "log HOOK", Args: c.args(1, 1), Short: c.tr("attempts to deliver, newest first", "推送记录，最新在前"),
		RunE: func(cmd *cobra.Command, args []string) error {
			g, err := c.gateway()
			if err != nil {
				return err
			}
			n := 0
			for d, err := range g.Deliveries(cmd.Context(), args[0]) {
				if err != nil {
					return err
				}
				if err := c.print(d, func(w io.Writer) { c.deliveryText(w, &d) }); err != nil {
					return err
				}
				if n++; n == limit {
					break
				}
			}
			return nil
		},
	}
	c.gatewayFlag(cmd)
	cmd.Flags().IntVar(&limit, "limit", 50, c.tr("at most so many; 0: all that are kept", "最多条数；0 为全部"))
	return cmd
}

func (c *cli) hookRedeliverCmd() *cobra.Command {
	var event, after string
	cmd := &cobra.Command{
		Use: "redeliver HOOK (--event ID | --after PLACE)", Args: c.args(1, 1), Short: c.tr("send one event again, or all after a place", "重新推送某一事件，或某处之后的全部"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var r api.RedeliverRequest
			for _, v := range []struct {
				text string
				to   **api.EventID
			}{{event, &r.Event}, {after, &r.After}} {
				if v.text == "" {
					continue
				}
				id, err := api.ParseEventID(v.text)
				if err != nil {
					return c.usage("%v", "%v", err)
				}
				*v.to = &id
			}
			if (r.Event == nil) == (r.After == nil) {
				return c.usage("give --event or --after", "请指定 --event 或 --after 之一")
			}
			g, err := c.gateway()
			if err != nil {
				return err
			}
			h, err := g.Redeliver(cmd.Context(), args[0], r)
			if err != nil {
				return err
			}
			return c.print(h, func(w io.Writer) { c.hookText(w, h) })
		},
	}
	c.gatewayFlag(cmd)
	cmd.Flags().StringVar(&event, "event", "", c.tr("this one, HEIGHT.INDEX", "事件编号，高度.序号"))
	cmd.Flags().StringVar(&after, "after", "", c.tr("go back to this event or height", "退回到此事件或高度"))
	return cmd
}

func (c *cli) secretText(w io.Writer, s *api.HookSecret) {
	c.hookText(w, &s.Hook)
	c.field(w, "secret", "密钥", "%s", s.Secret)
	c.say("the secret is shown this once: keep it", "密钥仅显示这一次，请妥善保存")
}

func (c *cli) hookText(w io.Writer, h *api.Hook) {
	fmt.Fprintf(w, "%s %s\n", h.ID, h.State)
	c.field(w, "address", "地址", "%s", h.URL)
	c.field(w, "owner", "所有者", "%s", h.Owner)
	c.field(w, "delivered up to", "已推送至", "%s", h.Delivered)
	if h.Failures > 0 {
		c.field(w, "failing", "失败", c.tr("%d times since %s: %s; next attempt %s", "自 %[2]s 起 %[1]d 次：%[3]s；下次尝试 %[4]s"), h.Failures, h.Since, h.Reason, h.Next)
	} else if h.Reason != "" {
		c.field(w, "reason", "原因", "%s", h.Reason)
	}
	c.field(w, "public key", "公钥", "%s", h.PublicKey)
}

func (c *cli) deliveryText(w io.Writer, d *api.Delivery) {
	result := c.tr("delivered", "已送达")
	if !d.OK {
		result = d.Error
	}
	fmt.Fprintf(w, "%s %-9s %s  #%d  %d ms  %s\n", d.At, d.Event, d.Type, d.Attempt, d.Millis, result)
}
