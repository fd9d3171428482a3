package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"zhenglian/app/tx"
)

// writeDraft writes a statement that nobody has signed to --draft.
func (c *cli) writeDraft(statement []byte) error {
	if err := writeFile(c.flags.draft, append(bytes.Clone(statement), '\n')); err != nil {
		return err
	}
	c.say("nothing was submitted; sign it with: zheng sign %s --from NAME", "尚未提交；请执行 zheng sign %s --from 密钥名 签名", c.flags.draft)
	v := struct {
		ID    tx.ID  `json:"id"`
		Draft string `json:"draft"`
	}{tx.StatementID(statement), c.flags.draft}
	return c.print(v, func(w io.Writer) { fmt.Fprintf(w, "DRAFT %s\n  %s\n", v.ID, v.Draft) })
}

// readEnvelope reads a file with a draft, which becomes an envelope without
// signatures, or with an envelope. The statement in it is well formed.
func readEnvelope(path string) (*tx.Envelope, *tx.Statement, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 2*tx.MaxEnvelope+1))
	if err != nil {
		return nil, nil, err
	}
	e := &tx.Envelope{Payload: bytes.TrimRight(b, "\r\n")}
	if !bytes.HasPrefix(b, []byte(`{"at":`)) { // how every statement begins
		if e, err = tx.ParseEnvelopeJSON(b); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	s, err := tx.ParseStatement(e.Payload)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return e, s, nil
}

// describe tells the person who is about to sign what the statement says.
func (c *cli) describe(e *tx.Envelope, s *tx.Statement) {
	c.say("%s of %s on chain %s, made %s, acceptable to height %d, %d signatures so far\n%s",
		"%s，陈述成员 %s，链 %s，声明时间 %s，最迟高度 %d，已有 %d 个签名\n%s",
		s.Kind, s.Member, s.Chain, s.At, s.Expires, len(e.Signatures), e.Payload)
}

func (c *cli) signCmd() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "sign FILE", Args: c.args(1, 1),
		Short: c.tr("sign a draft, or add a signature to an envelope", "对草稿签名，或为信封追加签名"),
		Long: c.tr(`Signs what --draft wrote, or adds a signature to what another zheng sign wrote.
It needs no network: pass the file from hand to hand, and let the last one run
zheng submit. An envelope is replaced in place; a draft FILE.json becomes
FILE.envelope.json.`,
			`对 --draft 写出的陈述签名，或为他人签过的信封追加签名。无需联网：文件依次传递，
最后一人执行 zheng submit。信封就地更新；草稿 FILE.json 生成 FILE.envelope.json。`),
		Example: `  zheng notarize page.png --from officer1 --draft page.json
  zheng sign page.json --from officer1
  zheng sign page.envelope.json --from officer2
  zheng submit page.envelope.json`,
		RunE: func(_ *cobra.Command, args []string) error {
			e, s, err := readEnvelope(args[0])
			if err != nil {
				return err
			}
			c.describe(e, s)
			signers, err := c.signers()
			if err != nil {
				return err
			}
			if out == "" {
				out = args[0]
				if len(e.Signatures) == 0 {
					out = strings.TrimSuffix(out, ".json") + ".envelope.json"
				}
			}
			for _, k := range signers {
				account := k.Public().Account()
				for _, have := range e.Signatures {
					if have.Account == account {
						return fmt.Errorf(c.tr("account %s has signed already", "账户 %s 已签过名"), account)
					}
				}
				sig, err := k.Sign(e.Payload)
				if err != nil {
					return fmt.Errorf("sign: %w", err)
				}
				e.Signatures = append(e.Signatures, tx.Signature{Account: account, Sig: sig})
			}
			e.Sort()
			b := append(e.AppendJSON(nil), '\n')
			if _, err := tx.ParseEnvelopeJSON(b); err != nil {
				return err
			}
			if err := writeFile(out, b); err != nil {
				return err
			}
			v := struct {
				ID       tx.ID          `json:"id"`
				Envelope string         `json:"envelope"`
				Accounts []tx.AccountID `json:"accounts"`
			}{ID: e.ID(), Envelope: out}
			for _, s := range e.Signatures {
				v.Accounts = append(v.Accounts, s.Account)
			}
			return c.print(v, func(w io.Writer) {
				fmt.Fprintf(w, "%s %s\n  %s\n", c.tr("SIGNED", "已签名"), v.ID, v.Envelope)
				for _, a := range v.Accounts {
					fmt.Fprintf(w, "  %s\n", a)
				}
			})
		},
	}
	c.keyringFlags(cmd)
	cmd.Flags().StringVar(&c.flags.from, "from", "", c.tr("key that signs", "签名密钥名"))
	cmd.Flags().StringSliceVar(&c.flags.cosign, "cosign", nil, c.tr("more keys that sign, NAME,NAME", "其他签名密钥名，可用逗号分隔多个"))
	cmd.Flags().StringVar(&out, "out", "", c.tr("file for the envelope", "信封保存为"))
	return cmd
}

func (c *cli) submitCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "submit FILE", Args: c.args(1, 1),
		Short: c.tr("enter a signed envelope", "提交已签名的信封"),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, _, err := readEnvelope(args[0])
			if err != nil {
				return err
			}
			if len(e.Signatures) == 0 {
				return c.usage("%s is not signed: run zheng sign %[1]s --from NAME first", "%s 尚未签名：请先执行 zheng sign %[1]s --from 密钥名", args[0])
			}
			var p pen
			if p.client, err = c.gateway(); err != nil {
				return err
			}
			if p.trust, err = c.trustRoot(); err != nil {
				return err
			}
			return c.enter(cmd.Context(), p, e, nil)
		},
	}
	c.gatewayFlag(cmd)
	c.trustFlag(cmd)
	cmd.Flags().StringVar(&c.flags.outDir, "out", ".", c.tr("folder for receipts", "回执保存目录"))
	return cmd
}
