package main

import (
	"bytes"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"zhenglian/app/tx"
	"zhenglian/client"
	"zhenglian/client/api"
	"zhenglian/client/custody"
)

func (c *cli) storeCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "store", Short: c.tr("files of evidence in the gateway's store: custody, retention, legal holds, erasure", "网关中的证据文件：保管记录、保存期限、法律保全与删除"), Args: c.args(0, 0), RunE: c.group,
		Long: c.tr(`Files by the SHA-256 of their bytes. All but put, get and erase need the scope store:
see --token-file.`, `以 SHA-256 指称文件。除 put、get 与 erase 外均需 store 权限，见 --token-file。`),
	}
	cmd.AddCommand(c.storePutCmd(), c.storeGetCmd(), c.storeCustodyCmd(), c.storeShowCmd(), c.storeHoldCmd(), c.storeClassCmd(), c.storeDeleteCmd(), c.storeEraseCmd())
	return cmd
}

// fileCmd is a command about one stored file.
func (c *cli) fileCmd(use, short string, run func(cmd *cobra.Command, g *client.Client, d tx.Digest) error) *cobra.Command {
	cmd := &cobra.Command{Use: use, Args: c.args(1, 1), Short: short, RunE: func(cmd *cobra.Command, args []string) error {
		d, err := tx.ParseDigest(args[0])
		if err != nil {
			return c.usage("%q is not a SHA-256: want 64 lower-case hex digits", "%q 不是 SHA-256：应为 64 位小写十六进制", args[0])
		}
		g, err := c.gateway()
		if err != nil {
			return err
		}
		return run(cmd, g, d)
	}}
	c.gatewayFlag(cmd)
	return cmd
}

func (c *cli) whyFlag(cmd *cobra.Command, why *string) {
	cmd.Flags().StringVar(why, "why", "", c.tr("reason, for the custody log", "事由，写入保管记录"))
}

// needWhy refuses what changes something without a reason.
func (c *cli) needWhy(why string) error {
	if why == "" {
		return c.usage("--why is missing: the custody log has a reason for everything that is changed", "缺少 --why：任何变更均须写明事由")
	}
	return nil
}

func (c *cli) storePutCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "put FILE…", Args: c.args(1, -1), Short: c.tr("store files", "保存文件"),
		RunE: func(cmd *cobra.Command, args []string) error {
			g, err := c.gateway()
			if err != nil {
				return err
			}
			var put []api.Blob
			for _, path := range args {
				f, err := client.HashFile(cmd.Context(), path, "file", nil)
				if err != nil {
					return err
				}
				if err := g.Upload(cmd.Context(), f, nil); err != nil {
					return err
				}
				put = append(put, api.Blob{SHA256: f.SHA256, Bytes: f.Bytes, URL: api.BlobURL(f.SHA256)})
			}
			return c.print(put, func(w io.Writer) {
				for i, b := range put {
					fmt.Fprintf(w, "%s  %s\n", b.SHA256, args[i])
				}
			})
		},
	}
	c.gatewayFlag(cmd)
	return cmd
}

func (c *cli) storeGetCmd() *cobra.Command {
	var out, why string
	var export bool
	cmd := c.fileCmd("get SHA256", c.tr("fetch a file, and check its digest", "取得文件并核对摘要"), func(cmd *cobra.Command, g *client.Client, d tx.Digest) error {
		say := url.Values{}
		if why != "" {
			say.Set("why", why)
		}
		if export {
			say.Set("use", "export")
		}
		if out == "" {
			out = d.String()
		}
		body, _, err := g.Fetch(cmd.Context(), d, say)
		if err != nil {
			return err
		}
		defer body.Close()
		f, err := renameio.NewPendingFile(out, renameio.WithPermissions(0o600))
		if err != nil {
			return err
		}
		defer f.Cleanup() // after the replacing it does nothing
		n, err := io.Copy(f, body)
		if err != nil {
			return err
		}
		if err := f.CloseAtomicallyReplace(); err != nil {
			return err
		}
		return c.print(map[string]any{"sha256": d, "bytes": n, "path": out}, func(w io.Writer) { fmt.Fprintf(w, "%s  %s\n", d, out) })
	})
	cmd.Flags().StringVarP(&out, "file", "f", "", c.tr("write it here (default: its digest)", "写入的文件（默认以摘要命名）"))
	cmd.Flags().BoolVar(&export, "export", false, c.tr("it is to be handed to somebody else: the custody log says so", "将移交他人，写入保管记录"))
	c.whyFlag(cmd, &why)
	return cmd
}

func (c *cli) storeCustodyCmd() *cobra.Command {
	var out string
	cmd := c.fileCmd("custody SHA256", c.tr("the custody log of a file, with its chain checked", "文件的保管记录，并核验其哈希链"), func(cmd *cobra.Command, g *client.Client, d tx.Digest) error {
		var log []byte
		var lines []custody.Line
		for n := int64(0); ; {
			more, err := g.Custody(cmd.Context(), d, n)
			if err != nil {
				return err
			}
			log = append(log, more...)
			if lines, err = custody.Check(log); err != nil {
				return fmt.Errorf("%w: %w", errNotVerified, err)
			}
			if bytes.Count(more, []byte("\n")) < api.MaxCustody {
				break
			}
			n = lines[len(lines)-1].N
		}
		if len(lines) == 0 {
			return fmt.Errorf(c.tr("%w: the store has no line about %s", "%w：没有关于 %s 的保管记录"), errNotFound, d)
		}
		if i := slices.IndexFunc(lines, func(l custody.Line) bool { return l.Digest != d }); i >= 0 {
			return fmt.Errorf("%w: line %d is about another file", errNotVerified, lines[i].N)
		}
		if out != "" {
			if err := renameio.WriteFile(filepath.Clean(out), log, 0o600); err != nil {
				return err
			}
		}
		type shown struct {
			N   int64     `json:"n"`
			At  tx.Time   `json:"at"`
			Ev  string    `json:"event"`
			Who string    `json:"who"`
			Why string    `json:"why"`
			Sum tx.Digest `json:"sha256_of_line"`
		}
		all := make([]shown, len(lines))
		for i, l := range lines {
			all[i] = shown{l.N, l.At, l.Event, l.Who, l.Why, custody.Hash(l.Encode())}
		}
		return c.print(all, func(w io.Writer) {
			for _, l := range all {
				fmt.Fprintf(w, "%d  %s  %-8s  %s  %s\n", l.N, l.At, l.Ev, l.Who, l.Why)
			}
		})
	})
	cmd.Flags().StringVarP(&out, "file", "f", "", c.tr("also keep the lines in this file", "同时将原始记录写入文件"))
	return cmd
}

func (c *cli) printStored(s *api.Stored) error {
	return c.print(s, func(w io.Writer) {
		until := c.tr("for ever", "永久")
		if s.Until != nil {
			until = s.Until.Format("2006-01-02")
		}
		fmt.Fprintf(w, c.tr("%s  %d bytes, class %s, kept until: %s\n", "%s  %d 字节，类别 %s，保存至：%s\n"), s.SHA256, s.Bytes, s.Class, until)
		for _, h := range s.Holds {
			fmt.Fprintf(w, c.tr("held: %s  %s  %s  %s\n", "保全：%s  %s  %s  %s\n"), h.ID, h.At, h.Who, h.Why)
		}
	})
}

func (c *cli) storeShowCmd() *cobra.Command {
	return c.fileCmd("show SHA256", c.tr("how long a file is kept, and who holds it", "文件的保存期限与保全"), func(cmd *cobra.Command, g *client.Client, d tx.Digest) error {
		s, err := g.Stored(cmd.Context(), d)
		if err != nil {
			return err
		}
		return c.printStored(s)
	})
}

func (c *cli) storeHoldCmd() *cobra.Command {
	var id, why string
	var release bool
	cmd := c.fileCmd("hold SHA256 --id ORDER --why REASON", c.tr("a legal hold: the file is neither deleted nor erased", "设置或解除法律保全：保全期间不得删除"), func(cmd *cobra.Command, g *client.Client, d tx.Digest) error {
		if id == "" {
			return c.usage("--id is missing: the number of the order", "缺少 --id：保全文书的编号")
		}
		if err := c.needWhy(why); err != nil {
			return err
		}
		if !release {
			s, err := g.Hold(cmd.Context(), d, api.HoldRequest{ID: id, Why: why})
			if err != nil {
				return err
			}
			return c.printStored(s)
		}
		if err := g.Release(cmd.Context(), d, id, why); err != nil {
			return err
		}
		s, err := g.Stored(cmd.Context(), d)
		if err != nil {
			return err
		}
		return c.printStored(s)
	})
	cmd.Flags().StringVar(&id, "id", "", c.tr("number of the order", "保全文书的编号"))
	cmd.Flags().BoolVar(&release, "release", false, c.tr("end the hold", "解除保全"))
	c.whyFlag(cmd, &why)
	return cmd
}

func (c *cli) storeClassCmd() *cobra.Command {
	var class, why string
	cmd := c.fileCmd("class SHA256 --to CLASS --why REASON", c.tr("give a file another retention class, from now on", "变更保存类别，自即日起算"), func(cmd *cobra.Command, g *client.Client, d tx.Digest) error {
		if err := c.needWhy(why); err != nil {
			return err
		}
		s, err := g.SetClass(cmd.Context(), d, api.ClassRequest{Class: class, Why: why})
		if err != nil {
			return err
		}
		return c.printStored(s)
	})
	cmd.Flags().StringVar(&class, "to", "", c.tr("class, as the gateway's operator has named it", "类别名称，由网关运营者设定"))
	c.whyFlag(cmd, &why)
	return cmd
}

func (c *cli) storeDeleteCmd() *cobra.Command {
	var why string
	cmd := c.fileCmd("delete SHA256 --why REASON", c.tr("delete a file whose retention is over", "删除期满文件"), func(cmd *cobra.Command, g *client.Client, d tx.Digest) error {
		if err := c.needWhy(why); err != nil {
			return err
		}
		if err := g.DeleteFile(cmd.Context(), d, why); err != nil {
			return err
		}
		return c.print(map[string]any{"deleted": d}, func(w io.Writer) { fmt.Fprintf(w, c.tr("%s deleted\n", "%s 已删除\n"), d) })
	})
	c.whyFlag(cmd, &why)
	return cmd
}

func (c *cli) storeEraseCmd() *cobra.Command {
	var authority, decision string
	b := &tx.Erase{}
	cmd := &cobra.Command{
		Use: "erase ID SHA256…", Args: c.args(2, tx.MaxErased+1), Short: c.tr("state that files of evidence are erased for good", "陈述：彻底删除证据原件"),
		Long: c.tr(`States on the ledger that files of the evidence ID are erased. When the statement is
effective (two officers and a court, a notary or the superior), every store destroys the
keys of the files; nobody can bring them back. The seal and all proofs stay. Name the
files that hold the salts of its fields too, and say --salts.`,
			`在账本上陈述证据 ID 的文件已彻底删除。陈述生效后（两名执法人员，以及法院、公证机构或上级机关会签），
各文件库即销毁其密钥，无法恢复；封存记录与全部证明仍然有效。若一并删除含字段盐值的文件，请使用 --salts。`),
		Example: `  zheng store erase 5e3f… 9c1d… --basis court_order --authority internet-court --decision order.pdf --from officer1 --cosign officer2,court`,
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := c.parseID(args[0])
			if err != nil {
				return err
			}
			for _, a := range args[1:] {
				d, err := tx.ParseDigest(a)
				if err != nil {
					return c.usage("%q is not a SHA-256: want 64 lower-case hex digits", "%q 不是 SHA-256：应为 64 位小写十六进制", a)
				}
				b.Files = append(b.Files, d)
			}
			slices.SortFunc(b.Files, func(x, y tx.Digest) int { return bytes.Compare(x[:], y[:]) })
			b.Files = slices.Compact(b.Files)
			b.Authority = tx.MemberID(authority)
			if b.Decision, err = c.documentDigest(decision); err != nil {
				return err
			}
			return c.state(cmd.Context(), tx.EvidenceErase, b, id)
		},
	}
	c.signFlags(cmd)
	cmd.Flags().StringVar(&authority, "authority", "", c.tr("member whose decision it is", "作出决定的成员"))
	cmd.Flags().StringVar(&b.Basis, "basis", "retention_over", "retention_over | consent_withdrawn | unlawful_collection | data_subject | court_order")
	cmd.Flags().StringVar(&decision, "decision", "", c.tr("the reasoned decision: a file, or its SHA-256", "决定书：文件或其 SHA-256"))
	cmd.Flags().BoolVar(&b.Salts, "salts", false, c.tr("the salts of its fields are among the files", "所列文件包含字段盐值"))
	return cmd
}
