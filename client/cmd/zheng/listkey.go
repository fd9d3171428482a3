package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"zhenglian/app/receipt"
	"zhenglian/app/row"
	"zhenglian/app/tx"
	"zhenglian/client"
	"zhenglian/client/api"
	"zhenglian/client/list"
)

// The secret keys of lists: made in memory, sealed at once to those who must
// check against the list, committed to on the ledger.

func (c *cli) listKey() *cobra.Command {
	cmd := c.noun("key", "the secret keys by which a list's tags are made", "名单标签的密钥",
		c.listKeyOpenEpoch("new"), c.listKeyOpenEpoch("rotate"), c.listKeySeal(), c.listKeyOpen(), c.listKeyRetag(), c.listKeyWithdraw(), c.listKeyShow())
	cmd.Long = c.tr(`A list shows its subjects as tags only. Tags are made with a secret key, which
the regulator hands, sealed to their accounts, to the members that must check
against the list. The ceremony:

  1. zheng list key new      an administrator of the regulator makes the key, seals it and states gov.epoch
  2. (any way)               each sealed copy goes to its recipient; nobody else can open it
  3. zheng list key open     an administrator of another member opens its copy: it must be the key committed to
  4. zheng endorse ID        and co-signs; then the key is in force

rotate puts a new key in its place; then who proposed an entry tags it anew (retag),
and until the last is done everybody checks with both.
withdraw ends the use of a key that somebody knows who must not: destroy copies.`,
		`名单仅以标签示人。标签由密钥生成，监管成员将密钥密封后交给须比对名单的成员。步骤如下：

  1. zheng list key new      监管成员的管理员生成密钥、逐一密封并陈述 gov.epoch
  2. （任意途径）            将各密封副本交给对应的接收人，他人无法打开
  3. zheng list key open     另一成员的管理员打开自己的副本，核对其与承诺一致
  4. zheng endorse 编号      会签，密钥即生效

rotate 以新密钥替换现行密钥；随后由提出成员以 retag 更换既有条目的标签，全部更换之前比对时两期并用。
withdraw 停用已泄露的密钥，各方须销毁副本。`)
	return cmd
}

// provenRow reads a row of the state and proves it, or its absence (nil), when
// there is a trust root.
func provenRow(ctx context.Context, g *client.Client, key []byte, t *receipt.Trust) ([]byte, error) {
	v, err := g.Verify(ctx, api.VerifyRequest{Key: hex.EncodeToString(key)})
	if err != nil {
		return nil, err
	}
	if t == nil {
		return v.Value, nil
	}
	p, err := receipt.ParseStateProof(v.Proof)
	if err == nil {
		var value []byte
		if value, err = receipt.VerifyRow(p, key, t); err == nil {
			return value, nil
		}
	}
	return nil, fmt.Errorf("%w: %w", errNotVerified, err)
}

// epochs reads the numbers of a list's epochs; zero: there is none.
func (c *cli) epochs(ctx context.Context, l tx.List) (e row.Epochs, err error) {
	g, err := c.gateway()
	if err != nil {
		return e, err
	}
	t, err := c.trustRoot()
	if err != nil {
		return e, err
	}
	b, err := provenRow(ctx, g, row.EpochsKey(l), t)
	if err != nil || b == nil {
		return e, err
	}
	return row.DecodeEpochs(b)
}

// recipient finds the public key of an account: of a key in the keyring or in a
// file, or of the account on the ledger.
func (c *cli) recipient(ctx context.Context, s string) (tx.PublicKey, error) {
	id, err := tx.ParseAccountID(s)
	if err != nil {
		f, err := c.keyOrFile(s)
		if err != nil {
			return tx.PublicKey{}, err
		}
		return f.Public, nil
	}
	g, err := c.gateway()
	if err != nil {
		return tx.PublicKey{}, err
	}
	a, err := g.Account(ctx, id)
	if err != nil {
		return tx.PublicKey{}, err
	}
	b, err := hex.DecodeString(a.Key)
	if err != nil {
		return tx.PublicKey{}, err
	}
	k := tx.PublicKey{Type: a.Type, Bytes: b}
	if k.Account() != id { // an account id is a digest of its key: nobody can put another in its place
		return k, fmt.Errorf("%w: the gateway sent another key for account %s", errNotVerified, id)
	}
	return k, nil
}

// sealTo seals a key to everybody, writes the copies and returns what the
// ledger holds of them.
func (c *cli) sealTo(e list.Epoch, k list.Key, to []tx.PublicKey, dir string) (copies []tx.SealedCopy, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	for _, p := range to {
		s, err := list.Seal(e, k, p)
		if err != nil {
			return nil, err
		}
		path := filepath.Join(dir, fmt.Sprintf("%s-%d-%s.sealed", e.List, e.Number, s.Account))
		if err := writeFile(path, s.Encode()); err != nil {
			return nil, err
		}
		c.say("sealed to %s: %s", "已密封给 %s：%s", s.Account, path)
		copies = append(copies, tx.SealedCopy{Account: s.Account, SHA256: s.Digest()})
	}
	slices.SortFunc(copies, func(a, b tx.SealedCopy) int { return bytes.Compare(a.Account[:], b.Account[:]) })
	for i := 1; i < len(copies); i++ {
		if copies[i].Account == copies[i-1].Account {
			return nil, c.usage("account %s is named twice", "账户 %s 重复", copies[i].Account)
		}
	}
	return copies, nil
}

// chain is the chain id: of the trust root, else of the gateway.
func (c *cli) chain(ctx context.Context) (string, error) {
	t, err := c.trustRoot()
	if err != nil {
		return "", err
	}
	if t != nil {
		return t.Chain, nil
	}
	g, err := c.gateway()
	if err != nil {
		return "", err
	}
	cp, err := g.Checkpoint(ctx)
	if err != nil {
		return "", err
	}
	return cp.Chain, nil
}

// listKeyOpenEpoch is list key new and list key rotate.
func (c *cli) listKeyOpenEpoch(name string) *cobra.Command {
	var which, dir string
	var to []string
	var number int64
	short := c.tr("make the key of a list, seal it and state it", "生成名单密钥，密封并陈述")
	if name == "rotate" {
		short = c.tr("put a new key in the place of the one in use", "以新密钥替换现行密钥")
	}
	cmd := &cobra.Command{
		Use: name + " --list LIST --to ACCOUNT,…", Args: c.args(0, 0), Short: short,
		Long: short + "\n\n" + c.tr(`The key is made in memory, sealed to the key --from and to every --to, and
forgotten: only the copies in --dir open it. --to names keys of the keyring, key
files, or account ids.`, `密钥仅存于内存，密封给 --from 及各 --to 后即丢弃，只有 --dir 中的副本可以打开。
--to 可为密钥名、密钥文件或账户编号。`),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			l, err := c.listArg(which)
			if err != nil {
				return err
			}
			from, err := c.fromName()
			if err != nil {
				return err
			}
			if number == 0 {
				all, err := c.epochs(ctx, l)
				if err != nil {
					return err
				}
				if (all.Active != 0) != (name == "rotate") {
					return c.usage("epoch %d of %s is in use: new is for a list without a key, rotate for one with a key", "%[2]s 现行密钥期为 %[1]d：无密钥用 new，有密钥用 rotate", all.Active, l)
				}
				number = all.Last + 1
			}
			chain, err := c.chain(ctx)
			if err != nil {
				return err
			}
			var keys []tx.PublicKey
			for _, s := range append([]string{from}, to...) {
				k, err := c.recipient(ctx, s)
				if err != nil {
					return err
				}
				keys = append(keys, k)
			}
			e := list.Epoch{Chain: chain, List: l, Number: number}
			k, err := list.NewKey()
			if err != nil {
				return err
			}
			copies, err := c.sealTo(e, k, keys, dir)
			if err != nil {
				return err
			}
			return c.state(ctx, tx.GovEpoch, &tx.EpochChange{Action: tx.OpenEpoch, Commitment: k.Commitment(e), Copies: copies, Epoch: number, List: l}, tx.ID{})
		},
	}
	c.listFlag(cmd, &which)
	f := cmd.Flags()
	f.StringSliceVar(&to, "to", nil, c.tr("who receives a copy: keys, key files or account ids", "接收副本者：密钥名、密钥文件或账户编号"))
	f.StringVar(&dir, "dir", ".", c.tr("folder for the sealed copies", "密封副本的保存目录"))
	f.Int64Var(&number, "epoch", 0, c.tr("number of the epoch (default: the next on the ledger)", "密钥期编号（默认为账本上的下一期）"))
	c.signFlags(cmd)
	return cmd
}

func (c *cli) listKeySeal() *cobra.Command {
	var dir string
	var to, sealed []string
	cmd := &cobra.Command{
		Use: "seal --key SEALED --to ACCOUNT,…", Args: c.args(0, 0),
		Short: c.tr("hand copies of a key to more accounts", "向更多账户分发密钥副本"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(sealed) != 1 || len(to) == 0 {
				return c.usage("give one --key, your own sealed copy, and --to", "请给出一个 --key（本方密封副本）与 --to")
			}
			s, k, err := c.openSealed(sealed[0])
			if err != nil {
				return err
			}
			var keys []tx.PublicKey
			for _, name := range to {
				k, err := c.recipient(cmd.Context(), name)
				if err != nil {
					return err
				}
				keys = append(keys, k)
			}
			copies, err := c.sealTo(s.Epoch, k, keys, dir)
			if err != nil {
				return err
			}
			return c.state(cmd.Context(), tx.GovEpoch, &tx.EpochChange{Action: tx.HandEpoch, Copies: copies, Epoch: s.Epoch.Number, List: s.Epoch.List}, tx.ID{})
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&sealed, "key", nil, c.tr("your own sealed copy", "本方密封副本"))
	f.StringSliceVar(&to, "to", nil, c.tr("who receives a copy: keys, key files or account ids", "接收副本者：密钥名、密钥文件或账户编号"))
	f.StringVar(&dir, "dir", ".", c.tr("folder for the sealed copies", "密封副本的保存目录"))
	c.signFlags(cmd)
	return cmd
}

// opened is a sealed copy as list key open reports it.
type opened struct {
	Chain      string       `json:"chain"`
	List       tx.List      `json:"list"`
	Epoch      int64        `json:"epoch"`
	Account    tx.AccountID `json:"account"`
	Commitment tx.Digest    `json:"commitment"`
	SHA256     tx.Digest    `json:"sha256"` // of the copy
	State      string       `json:"state,omitempty"`
	Statement  tx.ID        `json:"statement,omitzero"`
}

func (c *cli) listKeyOpen() *cobra.Command {
	var statement string
	cmd := &cobra.Command{
		Use: "open SEALED", Args: c.args(1, 1),
		Short: c.tr("open a sealed copy and compare it with the ledger", "打开密封副本并与账本核对"),
		Long: c.tr(`Opens a copy with --from and checks that it holds the key that the ledger has a
commitment to. Nothing of the key is printed or kept. With --statement the copy
is compared with a gov.epoch statement that still waits: do so before you co-sign.`,
			`以 --from 打开副本，核对其为账本所承诺的密钥。不输出、不留存密钥。
会签前请用 --statement 与待会签的 gov.epoch 陈述核对。`),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, _, err := c.openSealed(args[0])
			if err != nil {
				return err
			}
			out := opened{Chain: s.Epoch.Chain, List: s.Epoch.List, Epoch: s.Epoch.Number, Account: s.Account, Commitment: s.Commitment, SHA256: s.Digest()}
			g, err := c.gateway()
			if err != nil {
				return err
			}
			if statement != "" {
				err = c.matchesStatement(cmd.Context(), g, s, statement, &out)
			} else {
				err = c.matchesEpoch(cmd.Context(), g, s, &out)
			}
			if err != nil {
				return err
			}
			return c.print(out, func(w io.Writer) {
				fmt.Fprintf(w, c.tr("OPENS %s epoch %d\n", "可打开 %s 第 %d 期\n"), out.List, out.Epoch)
				c.field(w, "commitment", "承诺", "%s", out.Commitment)
				if out.State != "" {
					c.field(w, "state", "状态", "%s", out.State)
				}
			})
		},
	}
	cmd.Flags().StringVar(&statement, "statement", "", c.tr("id of the gov.epoch statement to compare with", "所核对的 gov.epoch 陈述编号"))
	cmd.Flags().StringVar(&c.flags.from, "from", "", c.tr("your key, to which it is sealed", "密封所对应的本方密钥名"))
	c.keyringFlags(cmd)
	c.gatewayFlag(cmd)
	c.trustFlag(cmd)
	return cmd
}

// matchesStatement compares a copy with the statement that opens its epoch. The
// text of a statement makes its id, so the gateway cannot send another.
func (c *cli) matchesStatement(ctx context.Context, g *client.Client, s *list.Sealed, statement string, out *opened) error {
	id, err := tx.ParseID(statement)
	if err != nil {
		return c.usage("--statement: want an id of 64 hex digits", "--statement：应为 64 位十六进制编号")
	}
	st, err := g.Statement(ctx, id)
	if err != nil {
		return err
	}
	parsed, err := tx.ParseStatement([]byte(st.Text))
	if err != nil {
		return err
	}
	b, ok := parsed.Body.(*tx.EpochChange)
	if !ok || b.List != s.Epoch.List || b.Epoch != s.Epoch.Number || parsed.Chain != s.Epoch.Chain {
		return fmt.Errorf("%w: statement %s is not about this key", errNotVerified, id)
	}
	if b.Action == tx.OpenEpoch && b.Commitment != s.Commitment {
		return fmt.Errorf("%w: %w", errNotVerified, list.ErrCommitment)
	}
	if !slices.Contains(b.Copies, tx.SealedCopy{Account: s.Account, SHA256: s.Digest()}) {
		return fmt.Errorf("%w: the statement does not name this copy", errNotVerified)
	}
	out.Statement, out.State = id, string(st.State)
	return nil
}

// matchesEpoch compares a copy with the epoch on the ledger.
func (c *cli) matchesEpoch(ctx context.Context, g *client.Client, s *list.Sealed, out *opened) error {
	t, err := c.trusted()
	if err != nil {
		return err
	}
	b, err := provenRow(ctx, g, row.EpochKey(s.Epoch.List, s.Epoch.Number), t)
	if err != nil {
		return err
	}
	if b == nil {
		return fmt.Errorf("epoch %d of %s %w on the ledger; if its statement still waits, give --statement", s.Epoch.Number, s.Epoch.List, errNotFound)
	}
	e, err := row.DecodeEpoch(b)
	if err != nil {
		return err
	}
	if e.Commitment != s.Commitment {
		return fmt.Errorf("%w: %w", errNotVerified, list.ErrCommitment)
	}
	out.State = e.State
	if e.State == row.EpochWithdrawn {
		c.say("this key was withdrawn: do not use it, and destroy the copy", "该密钥已撤回：请勿使用，并销毁副本")
	}
	return nil
}

func (c *cli) listKeyWithdraw() *cobra.Command {
	var which, reason string
	var number int64
	cmd := c.govern("withdraw --list LIST --epoch N --reason WORD", c.tr("end the use of a list's key", "撤回名单密钥"), 0, tx.GovEpoch, func(context.Context, []string) (tx.Body, error) {
		l, err := c.listArg(which)
		if err != nil {
			return nil, err
		}
		return &tx.EpochChange{Action: tx.WithdrawEpoch, Epoch: number, List: l, Reason: reason}, nil
	})
	c.listFlag(cmd, &which)
	cmd.Flags().Int64Var(&number, "epoch", 0, c.tr("number of the epoch", "密钥期编号"))
	cmd.Flags().StringVar(&reason, "reason", "", "compromised | retagged | mistake | other")
	return cmd
}

// epochInfo is an epoch as list key show prints it.
type epochInfo struct {
	List       tx.List     `json:"list"`
	Epoch      int64       `json:"epoch"`
	State      string      `json:"state"`
	Member     tx.MemberID `json:"member"`
	From       int64       `json:"from"`
	Until      int64       `json:"until"`
	Commitment tx.Digest   `json:"commitment"`
}

func (c *cli) listKeyShow() *cobra.Command {
	var which string
	cmd := &cobra.Command{
		Use: "show --list LIST", Args: c.args(0, 0),
		Short: c.tr("which keys a list has had, and which is in use", "查看名单的各期密钥"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := c.listArg(which)
			if err != nil {
				return err
			}
			all, err := c.epochs(cmd.Context(), l)
			if err != nil {
				return err
			}
			g, err := c.gateway()
			if err != nil {
				return err
			}
			t, err := c.trustRoot()
			if err != nil {
				return err
			}
			var out []epochInfo
			for n := int64(1); n <= all.Last; n++ {
				b, err := provenRow(cmd.Context(), g, row.EpochKey(l, n), t)
				if err == nil && b == nil {
					err = errors.New("the row of an epoch is missing")
				}
				if err != nil {
					return fmt.Errorf("epoch %d: %w", n, err)
				}
				e, err := row.DecodeEpoch(b)
				if err != nil {
					return err
				}
				out = append(out, epochInfo{l, n, e.State, e.Member, e.From, e.Until, e.Commitment})
			}
			if len(out) == 0 {
				return fmt.Errorf("a key of %s %w", l, errNotFound)
			}
			return rows(c, out, func(w io.Writer, e epochInfo) {
				fmt.Fprintf(w, "%s %d %s %s %s %s\n", e.List, e.Epoch, e.State, e.Member, strings.TrimSpace(heights(e.From, e.Until)), e.Commitment)
			})
		},
	}
	c.listFlag(cmd, &which)
	c.gatewayFlag(cmd)
	c.trustFlag(cmd)
	return cmd
}
