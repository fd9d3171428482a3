package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/client/keys"
)

// What the commands of governance share. Each states one kind; its body comes
// from the command line, its signatures from --from and --cosign, and what is
// missing from the others: zheng pending.

// A noun is a command that only has commands under it.
func (c *cli) noun(name, en, zh string, under ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: name, RunE: c.group, Args: c.args(0, 0), Short: c.tr(en, zh)}
	cmd.AddCommand(under...)
	return cmd
}

// govern makes a command that states a kind of governance with the body that
// body makes of the n arguments.
func (c *cli) govern(use, short string, n int, kind tx.Kind, body func(ctx context.Context, args []string) (tx.Body, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: c.args(n, n),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := body(cmd.Context(), args)
			if err != nil {
				return err
			}
			return c.state(cmd.Context(), kind, b, tx.ID{})
		},
	}
	c.signFlags(cmd)
	return cmd
}

// memberArg reads the id of a member.
func (c *cli) memberArg(s string) (tx.MemberID, error) {
	if m := tx.MemberID(s); m.Valid() {
		return m, nil
	}
	return "", c.usage("%q is not a member id such as hangzhou-amr", "%q 不是成员编号，应如 hangzhou-amr", s)
}

// accountArg reads an account: its id, or the name of a key of the keyring.
func (c *cli) accountArg(s string) (tx.AccountID, error) {
	if id, err := tx.ParseAccountID(s); err == nil {
		return id, nil
	}
	f, err := c.keyOrFile(s)
	if err != nil {
		return tx.AccountID{}, err
	}
	return f.Account, nil
}

// keyOrFile reads a key by its name in the keyring, or a key file by its path,
// as zheng keys export writes it. No secret is needed.
func (c *cli) keyOrFile(s string) (*keys.File, error) {
	if keys.ValidName(s) {
		f, err := c.loadKey(s)
		if err == nil || !errors.Is(err, errNotFound) {
			return f, err
		}
		if _, serr := os.Stat(s); serr != nil {
			return nil, err
		}
	}
	return keys.Read(s)
}

// validatorArg reads the public key of a validator.
func (c *cli) validatorArg(s string) (k tx.ValidatorKey, err error) {
	if err = k.UnmarshalText([]byte(s)); err != nil {
		err = c.usage("%q is not a validator's key: want 64 lower-case hex digits", "%q 不是验证节点公钥：应为 64 位小写十六进制", s)
	}
	return k, err
}

// heightFlag reads a height: N, or +N from the newest block on.
func (c *cli) heightFlag(ctx context.Context, name, s string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimPrefix(s, "+"), 10, 64)
	if err != nil || n < 1 || n > tx.MaxInt {
		return 0, c.usage("--%s %q: want a height, or +N heights from now", "--%s %q：应为高度，或 +N 表示自当前起 N 个区块", name, s)
	}
	if !strings.HasPrefix(s, "+") {
		return n, nil
	}
	g, err := c.gateway()
	if err != nil {
		return 0, err
	}
	cp, err := g.Checkpoint(ctx)
	if err != nil {
		return 0, err
	}
	return cp.Anchor.Height + n, nil
}

// A keySet are the keys that a statement registers, each named in one flag or
// more: --admin NAME,NAME --officer NAME --system NAME.
type keySet [3][]string // by role, in the order of tx.AccountRoles

func (k *keySet) flags(c *cli, cmd *cobra.Command) {
	for i, role := range tx.AccountRoles {
		cmd.Flags().StringSliceVar(&k[i], role, nil, fmt.Sprintf(c.tr("key in the role %s: name in the keyring, or file of zheng keys export", "%s 角色的密钥：密钥名，或 zheng keys export 的文件"), role))
	}
}

// credentials reads the keys.
func (k *keySet) credentials(c *cli) ([]tx.Credential, error) {
	var out []tx.Credential
	for i, role := range tx.AccountRoles {
		for _, name := range k[i] {
			f, err := c.keyOrFile(name)
			if err != nil {
				return nil, err
			}
			at := slices.IndexFunc(out, func(o tx.Credential) bool { return o.Key.Account() == f.Account })
			if at < 0 {
				at = len(out)
				out = append(out, tx.Credential{Key: f.Public})
			}
			out[at].Roles = append(out[at].Roles, role)
		}
	}
	for i := range out {
		slices.Sort(out[i].Roles)
	}
	return out, nil
}

// rows prints a list: an object a line, or a line of text each.
func rows[T any](c *cli, list []T, text func(w io.Writer, v T)) error {
	for _, v := range list {
		if err := c.print(v, func(w io.Writer) { text(w, v) }); err != nil {
			return err
		}
	}
	return nil
}

// field prints one line of a description.
func (c *cli) field(w io.Writer, en, zh, format string, a ...any) {
	fmt.Fprintf(w, "  %s: %s\n", c.tr(en, zh), fmt.Sprintf(format, a...))
}

// heights describes an interval of heights in which something holds.
func heights(from, to int64) string {
	if to == 0 {
		return fmt.Sprintf("%d–", from)
	}
	return fmt.Sprintf("%d–%d", from, to)
}

// changesText shows what a statement would change.
func (c *cli) changesText(w io.Writer, changes []api.Change) {
	none := c.tr("(nothing)", "（无）")
	or := func(s string) string {
		if s == "" {
			return none
		}
		return s
	}
	for _, ch := range changes {
		fmt.Fprintf(w, "  %s\n    %s %s\n    %s %s\n", ch.Field, c.tr("now: ", "现为："), or(ch.Now), c.tr("then:", "改为："), or(ch.Then))
	}
}
