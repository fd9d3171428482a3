package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/client/bundle"
	"zhenglian/client/certificate"
)

// printFlags are those of commands that print a PDF.
type printFlags struct {
	out, font, rareFont string
	sealCert, sealKey   string
}

func (c *cli) printFlags(cmd *cobra.Command) *printFlags {
	p := new(printFlags)
	f := cmd.Flags()
	f.StringVar(&p.out, "out", "", c.tr("PDF to write", "保存为 PDF 文件"))
	f.StringVar(&p.font, "font", "", c.tr("TrueType font with Chinese characters (default: WenQuanYi Micro Hei of the system)", "含汉字的 TrueType 字体（默认用系统的文泉驿微米黑）"))
	f.StringVar(&p.rareFont, "rare-font", "", c.tr("second font, for rare characters", "补充字体，用于生僻字"))
	f.StringVar(&p.sealCert, "seal-cert", "", c.tr("seal with this certificate and those above it (PEM)", "以此证书及其上级证书（PEM）加盖电子印章"))
	f.StringVar(&p.sealKey, "seal-key", "", c.tr("its key (PEM, PKCS #8)", "印章证书的私钥（PEM，PKCS #8）"))
	c.trustFlag(cmd)
	return p
}

// printed is a PDF as -o json tells of it.
type printed struct {
	ID     tx.ID     `json:"id"`
	PDF    string    `json:"pdf"`
	SHA256 tx.Digest `json:"sha256"`
	Sealed bool      `json:"sealed"`
}

// printPDF makes, seals and writes a PDF.
func (c *cli) printPDF(p *printFlags, id tx.ID, make func(f *certificate.Font) ([]byte, error)) error {
	font, err := certificate.LoadFont(p.font, p.rareFont)
	if err != nil {
		return err
	}
	doc, err := make(font)
	if err != nil {
		return err
	}
	if p.sealCert != "" {
		s, err := certificate.LoadSealer(p.sealCert, p.sealKey, "")
		if err != nil {
			return err
		}
		if doc, err = certificate.Seal(doc, s, time.Now()); err != nil {
			return err
		}
	}
	if err := writeFile(p.out, doc); err != nil {
		return err
	}
	v := printed{id, p.out, sha256.Sum256(doc), p.sealCert != ""}
	return c.print(v, func(w io.Writer) { fmt.Fprintln(w, p.out) })
}

// check looks at what every print needs.
func (c *cli) check(p *printFlags) (*receipt.Trust, error) {
	trust, err := c.trustRoot()
	switch {
	case err != nil:
		return nil, err
	case trust == nil:
		return nil, c.usage("give --trust FILE: only what verifies is printed", "须以 --trust 给出信任根：只打印核验通过的内容")
	case p.out == "":
		return nil, c.usage("give --out FILE.pdf", "须以 --out 指定 PDF 文件")
	case (p.sealCert == "") != (p.sealKey == ""):
		return nil, c.usage("--seal-cert and --seal-key go together", "--seal-cert 与 --seal-key 须同时给出")
	}
	return trust, nil
}

func (c *cli) certificateCmd() *cobra.Command {
	var p *printFlags
	cmd := &cobra.Command{
		Use: "certificate ID|RECEIPT|BUNDLE", Args: c.args(1, 1),
		Short: c.tr("print the certificate of a statement as PDF", "生成存证证书（PDF）"),
		Long: c.tr(`Prints a certificate from a receipt: of a statement whose receipt is fetched, of a
receipt file, or of the one in a bundle. Only what verifies against --trust is
printed, and nothing that is not in the record. The page with the code verifies
from paper; the whole receipt is attached to the file.`,
			`由回执生成存证证书：按编号向网关取得回执，或用回执文件，或用证据包中的回执。
只打印按 --trust 核验通过的内容，不含记录之外的任何文字。末页二维码可从纸上离线核验；
文件附有完整回执。`),
		Example: `  zheng certificate 5e3f… --trust trust.json --out 5e3f.pdf
  zheng certificate case7.evb --trust trust.json --out case7.pdf --seal-cert chain.pem --seal-key key.pem`,
		RunE: func(cmd *cobra.Command, args []string) error {
			trust, err := c.check(p)
			if err != nil {
				return err
			}
			doc, err := c.receiptOf(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			r := receipt.Verify(doc, trust, receipt.Options{})
			if r.Verdict == receipt.NotVerified {
				return c.unprintable(r)
			}
			return c.printPDF(p, r.Facts.ID, func(f *certificate.Font) ([]byte, error) { return certificate.Certificate(doc, trust, f) })
		},
	}
	p = c.printFlags(cmd)
	c.gatewayFlag(cmd)
	return cmd
}

// receiptOf finds the receipt of an id, a receipt file or a bundle.
func (c *cli) receiptOf(ctx context.Context, arg string) ([]byte, error) {
	if strings.HasSuffix(arg, bundleExt) {
		f, size, err := openBundle(arg)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		a, err := bundle.Open(f, size)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", arg, err)
		}
		return a.Bytes(bundle.NameReceipt, receipt.MaxBytes)
	}
	if b, err := os.ReadFile(arg); err == nil {
		return b, nil
	}
	id, err := c.parseID(arg)
	if err != nil {
		return nil, err
	}
	g, err := c.gateway()
	if err != nil {
		return nil, err
	}
	return g.Receipt(ctx, id, api.ReceiptOptions{Form: api.FormJSON, At: api.AtEntry})
}

func openBundle(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

func (c *cli) unprintable(r *receipt.Report) error {
	return fmt.Errorf("%w: %s", errNotVerified, c.tr(r.Summary.EN, r.Summary.ZH))
}

func (c *cli) recordCmd() *cobra.Command {
	var p *printFlags
	cmd := &cobra.Command{
		Use: "record BUNDLE.evb", Args: c.args(1, 1),
		Short: c.tr("print the record of an extraction as PDF", "生成电子数据提取笔录（PDF）"),
		Long: c.tr(`Prints the record of an extraction of electronic data from a bundle: address,
method, tool, times, environment, custody, digests, with places for the
signatures of officers, witness and holder. Only what verifies is printed.`,
			`由证据包生成电子数据提取笔录：网络地址、方法、工具、时间、系统环境、保管过程、完整性
校验值，并留有提取人、见证人、持有人签名处。只打印核验通过的内容。`),
		Example: `  zheng record case7.evb --trust trust.json --out case7-record.pdf`,
		RunE: func(cmd *cobra.Command, args []string) error {
			trust, err := c.check(p)
			if err != nil {
				return err
			}
			f, size, err := openBundle(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			r, err := bundle.Verify(cmd.Context(), f, size, trust, bundle.Options{})
			if err != nil {
				return err
			}
			if r.Verdict == receipt.NotVerified {
				return c.unprintable(r.Report)
			}
			return c.printPDF(p, r.Facts.ID, func(font *certificate.Font) ([]byte, error) {
				return certificate.Record(cmd.Context(), f, size, trust, font)
			})
		},
	}
	p = c.printFlags(cmd)
	return cmd
}
