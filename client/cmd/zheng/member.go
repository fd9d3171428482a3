package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"zhenglian/app/tx"
	"zhenglian/client"
	"zhenglian/client/api"
)

func (c *cli) memberCmd() *cobra.Command {
	act := func(action, en, zh string) *cobra.Command {
		return c.govern(action+" MEMBER", c.tr(en, zh), 1, tx.GovMember, func(_ context.Context, args []string) (tx.Body, error) {
			id, err := c.memberArg(args[0])
			return &tx.Membership{Action: action, ID: id}, err
		})
	}
	return c.noun("member", "members of the consortium", "联盟成员",
		c.memberList(), c.memberShow(), c.memberAdmit(), c.memberAmend(),
		act(tx.Suspend, "propose that a member signs nothing for now", "提议暂停成员"),
		act(tx.Resume, "propose that a suspended member signs again", "提议恢复成员"),
		act(tx.Leave, "propose that a member leaves, with its keys and validators", "提议成员退出，其密钥与验证节点一并失效"))
}

func (c *cli) memberList() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Args: c.args(0, 0), Short: c.tr("list the members", "列出成员"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			g, err := c.gateway()
			if err != nil {
				return err
			}
			p, err := g.Members(cmd.Context())
			if err != nil {
				return err
			}
			return rows(c, p.Data, func(w io.Writer, m api.Member) {
				fmt.Fprintf(w, "%-24s %-10s %-28s %s\n", m.ID, m.Status, strings.Join(m.Roles, ","), c.tr(m.NameEN, m.NameZH))
			})
		},
	}
	c.gatewayFlag(cmd)
	return cmd
}

// memberInfo is a member with what belongs to it.
type memberInfo struct {
	api.Member
	Accounts   []api.Account   `json:"accounts"`
	Validators []api.Validator `json:"validators"`
}

func (c *cli) memberShow() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show MEMBER", Args: c.args(1, 1), Short: c.tr("show a member, its keys and its validators", "查看成员及其密钥、验证节点"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := c.memberArg(args[0])
			if err != nil {
				return err
			}
			g, err := c.gateway()
			if err != nil {
				return err
			}
			m, err := c.findMember(cmd.Context(), g, id)
			if err != nil {
				return err
			}
			info := memberInfo{Member: m, Accounts: []api.Account{}, Validators: []api.Validator{}}
			for a, err := range g.AllAccounts(cmd.Context(), api.AccountQuery{Member: id, Limit: api.MaxLimit}) {
				if err != nil {
					return err
				}
				info.Accounts = append(info.Accounts, a)
			}
			vs, err := g.Validators(cmd.Context())
			if err != nil {
				return err
			}
			for _, v := range vs.Data {
				if v.Member == id {
					info.Validators = append(info.Validators, v)
				}
			}
			return c.print(info, func(w io.Writer) {
				fmt.Fprintf(w, "%s %s\n", strings.ToUpper(m.Status), m.ID)
				c.field(w, "name", "名称", "%s · %s", m.NameZH, m.NameEN)
				c.field(w, "roles", "角色", "%s", strings.Join(m.Roles, ", "))
				for _, f := range []struct{ en, zh, v string }{
					{"credit code", "统一社会信用代码", m.USCC}, {"division", "行政区划", strings.TrimSpace(m.Division + " " + m.DivisionRev)}, {"superior", "上级", m.Superior},
				} {
					if f.v != "" {
						c.field(w, f.en, f.zh, "%s", f.v)
					}
				}
				for _, a := range info.Accounts {
					c.field(w, "account", "账户", "%s", accountLine(a))
				}
				for _, v := range info.Validators {
					c.field(w, "validator", "验证节点", "%s", validatorLine(v))
				}
			})
		},
	}
	c.gatewayFlag(cmd)
	return cmd
}

// findMember finds a member.
func (c *cli) findMember(ctx context.Context, g *client.Client, id tx.MemberID) (api.Member, error) {
	p, err := g.Members(ctx)
	if err != nil {
		return api.Member{}, err
	}
	if i := slices.IndexFunc(p.Data, func(m api.Member) bool { return m.ID == string(id) }); i >= 0 {
		return p.Data[i], nil
	}
	return api.Member{}, fmt.Errorf(c.tr("member %s %w", "成员 %s %w"), id, errNotFound)
}

// memberFlags are what is said of a member.
func (c *cli) memberFlags(cmd *cobra.Command, b *tx.Membership) {
	f := cmd.Flags()
	f.StringVar(&b.NameZH, "name-zh", "", c.tr("Chinese name", "中文名称"))
	f.StringVar(&b.NameEN, "name-en", "", c.tr("English name", "英文名称"))
	f.StringSliceVar(&b.Roles, "role", nil, strings.Join(tx.MemberRoles, " | "))
	f.StringVar(&b.USCC, "uscc", "", c.tr("unified social credit code", "统一社会信用代码"))
	f.StringVar(&b.Division, "division", "", c.tr("division code, GB/T 2260", "行政区划代码 GB/T 2260"))
	f.StringVar(&b.DivisionRev, "division-rev", "", c.tr("date of its edition, YYYY-MM-DD", "区划代码版本日期 YYYY-MM-DD"))
	f.StringVar((*string)(&b.Superior), "superior", "", c.tr("member that is its superior", "上级成员编号"))
}

func (c *cli) memberAdmit() *cobra.Command {
	var b tx.Membership
	var set keySet
	cmd := c.govern("admit MEMBER", c.tr("propose a new member, with its first keys", "提议接纳新成员并登记其首批密钥"), 1, tx.GovMember,
		func(_ context.Context, args []string) (tx.Body, error) {
			id, err := c.memberArg(args[0])
			if err != nil {
				return nil, err
			}
			b.Action, b.ID = tx.Admit, id
			slices.Sort(b.Roles)
			b.Accounts, err = set.credentials(c)
			return &b, err
		})
	cmd.Long = c.tr(`Proposes a new member. It gives you the files of zheng keys export; two or more
keys are admins. Compare the account ids by telephone before you sign.`,
		`提议接纳新成员。其密钥文件由对方以 zheng keys export 给出，其中至少两把为管理员密钥；签名前请以电话核对账户编号。`)
	cmd.Example = `  zheng member admit quality-lab --name-zh 检测所 --name-en "Quality Laboratory" --role lab \
    --uscc 91350100M000100Y43 --admin lab1.json,lab2.json --officer lab3.json --from admin1`
	c.memberFlags(cmd, &b)
	set.flags(c, cmd)
	return cmd
}

func (c *cli) memberAmend() *cobra.Command {
	var b tx.Membership
	var cmd *cobra.Command
	cmd = c.govern("amend MEMBER", c.tr("propose to change what is said of a member", "提议变更成员登记事项"), 1, tx.GovMember,
		func(ctx context.Context, args []string) (tx.Body, error) {
			id, err := c.memberArg(args[0])
			if err != nil {
				return nil, err
			}
			g, err := c.gateway()
			if err != nil {
				return nil, err
			}
			// The statement says everything anew: what no flag names stays as it is.
			m, err := c.findMember(ctx, g, id)
			if err != nil {
				return nil, err
			}
			for name, f := range map[string]struct {
				to  *string
				now string
			}{
				"name-zh": {&b.NameZH, m.NameZH}, "name-en": {&b.NameEN, m.NameEN}, "uscc": {&b.USCC, m.USCC}, "division": {&b.Division, m.Division},
				"division-rev": {&b.DivisionRev, m.DivisionRev}, "superior": {(*string)(&b.Superior), m.Superior},
			} {
				if !cmd.Flags().Changed(name) {
					*f.to = f.now
				}
			}
			if !cmd.Flags().Changed("role") {
				b.Roles = m.Roles
			}
			slices.Sort(b.Roles)
			b.Action, b.ID = tx.Amend, id
			return &b, nil
		})
	cmd.Long = c.tr("Proposes to change what the flags name; the rest stays as it is.", "提议变更所列各项，其余不变。")
	c.memberFlags(cmd, &b)
	return cmd
}
