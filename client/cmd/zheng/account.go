package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"zhenglian/app/tx"
	"zhenglian/client/api"
)

func (c *cli) accountCmd() *cobra.Command {
	stop := func(name, en, zh string, kind tx.Kind, reason string) *cobra.Command {
		cmd := c.govern(name+" ACCOUNT", c.tr(en, zh), 1, kind, func(_ context.Context, args []string) (tx.Body, error) {
			id, err := c.accountArg(args[0])
			return &tx.Freeze{Account: id, Reason: reason}, err
		})
		cmd.Flags().StringVar(&reason, "reason", reason, "compromised | misuse | court_order | resolved | mistake | other")
		return cmd
	}
	return c.noun("account", "keys that are registered on the ledger", "账本上登记的密钥（账户）",
		c.accountList(), c.accountShow(), c.accountAdd(), c.accountRotate(),
		c.govern("revoke ACCOUNT", c.tr("end a key of your member; what it signed stays valid", "注销本成员密钥，此前签名仍有效"), 1, tx.GovAccount, c.accountChange(tx.Revoke)),
		c.accountExpire(),
		c.accountCompromised(),
		stop("freeze", "propose to stop another member's key", "提议冻结其他成员的密钥", tx.GovFreeze, "compromised"),
		stop("thaw", "propose that a frozen key signs again", "提议解冻密钥", tx.GovThaw, "resolved"),
		c.accountRecover())
}

// accountChange makes the body of an action that names an account alone.
func (c *cli) accountChange(action string) func(context.Context, []string) (tx.Body, error) {
	return func(_ context.Context, args []string) (tx.Body, error) {
		id, err := c.accountArg(args[0])
		return &tx.AccountChange{Action: action, Account: id}, err
	}
}

func accountLine(a api.Account) string {
	s := fmt.Sprintf("%s %-8s %-9s %-16s %s", a.ID, a.Status, a.Type, strings.Join(a.Roles, ","), heights(a.ValidFrom, a.ValidTo))
	for _, h := range []struct {
		name   string
		height int64
	}{{"frozen_from", a.FrozenFrom}, {"revoked_at", a.RevokedAt}, {"compromised_from", a.CompromisedFrom}} {
		if h.height != 0 {
			s += fmt.Sprintf(" %s %d", h.name, h.height)
		}
	}
	return s
}

func (c *cli) accountList() *cobra.Command {
	var member string
	cmd := &cobra.Command{
		Use: "list", Args: c.args(0, 0), Short: c.tr("list the accounts", "列出账户"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := api.AccountQuery{Limit: api.MaxLimit}
			if member != "" {
				var err error
				if q.Member, err = c.memberArg(member); err != nil {
					return err
				}
			}
			g, err := c.gateway()
			if err != nil {
				return err
			}
			for a, err := range g.AllAccounts(cmd.Context(), q) {
				if err != nil {
					return err
				}
				if err := c.print(a, func(w io.Writer) { fmt.Fprintf(w, "%-20s %s\n", a.Member, accountLine(a)) }); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.gatewayFlag(cmd)
	cmd.Flags().StringVar(&member, "member", "", c.tr("of this member only", "仅限该成员"))
	return cmd
}

func (c *cli) accountShow() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show ACCOUNT", Args: c.args(1, 1), Short: c.tr("show an account", "查看账户"),
		Long: c.tr("ACCOUNT is an id of 40 hex digits, or the name of a key.", "ACCOUNT 为 40 位十六进制账户编号，或密钥名。"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := c.accountArg(args[0])
			if err != nil {
				return err
			}
			g, err := c.gateway()
			if err != nil {
				return err
			}
			a, err := g.Account(cmd.Context(), id)
			if err != nil {
				return err
			}
			return c.print(a, func(w io.Writer) {
				fmt.Fprintf(w, "%s %s\n", strings.ToUpper(a.Status), a.ID)
				c.field(w, "member", "成员", "%s", a.Member)
				c.field(w, "roles", "角色", "%s", strings.Join(a.Roles, ", "))
				c.field(w, "key", "公钥", "%s %s", a.Type, a.Key)
				c.field(w, "signs at heights", "有效高度", "%s", heights(a.ValidFrom, a.ValidTo))
				for _, f := range []struct {
					en, zh string
					height int64
				}{{"frozen from height", "冻结自高度", a.FrozenFrom}, {"revoked at height", "注销于高度", a.RevokedAt}, {"compromised from height", "失密自高度", a.CompromisedFrom}} {
					if f.height != 0 {
						c.field(w, f.en, f.zh, "%d", f.height)
					}
				}
				c.field(w, "as of height", "截至高度", "%d", a.AsOf)
			})
		},
	}
	c.gatewayFlag(cmd)
	cmd.Flags().StringVar(&c.flags.keys, "keys", "", c.tr("folder of key files (default ~/.zhenglian/keys)", "密钥目录（默认 ~/.zhenglian/keys）"))
	return cmd
}

// newKey are the flags of a key to be registered.
type newKey struct {
	key, validTo, tag string
	roles             []string
}

func (n *newKey) flags(c *cli, cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&n.key, "key", "", c.tr("the new key: name in the keyring, or file of zheng keys export", "新密钥：密钥名，或 zheng keys export 的文件"))
	f.StringSliceVar(&n.roles, "role", nil, strings.Join(tx.AccountRoles, " | "))
	f.StringVar(&n.validTo, "valid-to", "", c.tr("last height at which it signs, or +N from now", "最后有效高度，或 +N"))
	f.StringVar(&n.tag, "tag", "", c.tr("keyed pseudonym of its holder, 64 hex digits", "持有人标签（带密钥的化名，64 位十六进制）"))
}

func (n *newKey) credential(ctx context.Context, c *cli) (*tx.Credential, error) {
	if n.key == "" {
		return nil, c.usage("which key? give --key NAME or --key FILE", "请用 --key 指定新密钥名或其文件")
	}
	if len(n.roles) == 0 {
		return nil, c.usage("give --role officer, admin or system", "请用 --role 指定角色：officer、admin 或 system")
	}
	// The same as an admission says it, with its check of roles.
	var set keySet
	for _, role := range n.roles {
		i := slices.Index(tx.AccountRoles, role)
		if i < 0 {
			return nil, c.usage("--role %s: want officer, admin or system", "--role %s：应为 officer、admin 或 system", role)
		}
		set[i] = []string{n.key}
	}
	cs, err := set.credentials(c)
	if err != nil {
		return nil, err
	}
	if n.validTo != "" {
		if cs[0].ValidTo, err = c.heightFlag(ctx, "valid-to", n.validTo); err != nil {
			return nil, err
		}
	}
	if n.tag != "" {
		if cs[0].Tag, err = tx.ParseDigest(n.tag); err != nil {
			return nil, c.usage("--tag: want 64 lower-case hex digits", "--tag：应为 64 位小写十六进制")
		}
	}
	return &cs[0], nil
}

func (c *cli) accountAdd() *cobra.Command {
	var n newKey
	cmd := c.govern("add", c.tr("register a key for your member", "为本成员登记新密钥"), 0, tx.GovAccount, func(ctx context.Context, _ []string) (tx.Body, error) {
		k, err := n.credential(ctx, c)
		return &tx.AccountChange{Action: tx.Add, New: k}, err
	})
	cmd.Example = `  zheng account add --key wang --role officer --from admin1 --cosign admin2`
	n.flags(c, cmd)
	return cmd
}

func (c *cli) accountRotate() *cobra.Command {
	var n newKey
	cmd := c.govern("rotate ACCOUNT", c.tr("replace a key of your member by a new one", "更换本成员密钥"), 1, tx.GovAccount, func(ctx context.Context, args []string) (tx.Body, error) {
		id, err := c.accountArg(args[0])
		if err != nil {
			return nil, err
		}
		if len(n.roles) == 0 { // those of the key that it replaces
			g, err := c.gateway()
			if err != nil {
				return nil, err
			}
			old, err := g.Account(ctx, id)
			if err != nil {
				return nil, err
			}
			n.roles = old.Roles
		}
		k, err := n.credential(ctx, c)
		return &tx.AccountChange{Action: tx.Rotate, Account: id, New: k}, err
	})
	n.flags(c, cmd)
	return cmd
}

func (c *cli) accountExpire() *cobra.Command {
	var validTo string
	cmd := c.govern("expire ACCOUNT", c.tr("set the last height at which a key of your member signs", "设定本成员密钥的最后有效高度"), 1, tx.GovAccount, func(ctx context.Context, args []string) (tx.Body, error) {
		id, err := c.accountArg(args[0])
		if err != nil {
			return nil, err
		}
		h, err := c.heightFlag(ctx, "valid-to", validTo)
		return &tx.AccountChange{Action: tx.Expire, Account: id, ValidTo: h}, err
	})
	cmd.Flags().StringVar(&validTo, "valid-to", "", c.tr("last height at which it signs, or +N from now", "最后有效高度，或 +N"))
	return cmd
}

func (c *cli) accountCompromised() *cobra.Command {
	var since int64
	cmd := c.govern("compromised ACCOUNT", c.tr("revoke a key of your member and flag what it signed", "报告本成员密钥失密：注销并标记可疑签名"), 1, tx.GovAccount, func(_ context.Context, args []string) (tx.Body, error) {
		id, err := c.accountArg(args[0])
		if err == nil && since < 1 {
			err = c.usage("--since: want the first height whose signatures are in doubt", "--since：应为签名可疑的首个高度")
		}
		return &tx.AccountChange{Action: tx.Compromise, Account: id, From: since}, err
	})
	cmd.Long = c.tr(`Revokes the key and flags what it signed from height --since on. Nothing is
erased: a verifier shows those signatures with a warning.`,
		`注销密钥，并标记其自 --since 高度起的签名。任何记录均不删除，核验时对这些签名给出警告。`)
	cmd.Flags().Int64Var(&since, "since", 0, c.tr("first height whose signatures are in doubt", "签名可疑的首个高度"))
	return cmd
}

func (c *cli) accountRecover() *cobra.Command {
	var set keySet
	cmd := c.govern("recover MEMBER", c.tr("propose new keys for a member that has lost its own", "提议为丢失全部密钥的成员登记新密钥"), 1, tx.GovRecover, func(_ context.Context, args []string) (tx.Body, error) {
		id, err := c.memberArg(args[0])
		if err != nil {
			return nil, err
		}
		cs, err := set.credentials(c)
		return &tx.Recover{ID: id, Accounts: cs}, err
	})
	set.flags(c, cmd)
	return cmd
}
