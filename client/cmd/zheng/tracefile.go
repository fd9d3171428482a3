package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"zhenglian/client/label"
)

func (c *cli) labelCmd() *cobra.Command {
	var site, out string
	cmd := &cobra.Command{
		Use: "label CODE…", Args: c.args(1, label.PerSheet),
		Short: c.tr("QR labels: a sheet of A4 as SVG, or one code as PNG", "二维码标签：A4 整页 SVG，或单个 PNG"),
		Long: c.tr("The code leads to SITE/CODE, the page of the unit at a gateway that serves the public under that address. Needs no network.",
			"二维码指向 SITE/编码，即以该地址对外服务的网关上的单元页面。无需联网。"),
		Example: `  zheng trace label zg/50011000010017/10/P1 --site https://trace.example --out P1.svg
  zheng trace label 01/09506000134352/10/J1 --site https://trace.example --out J1.png`,
		RunE: func(_ *cobra.Command, args []string) error {
			codes, err := c.unitCodes(args)
			if err != nil {
				return err
			}
			var b bytes.Buffer
			switch {
			case strings.HasSuffix(out, ".svg"):
				labels := make([]label.Label, len(codes))
				for i, code := range codes {
					labels[i].Code = code
				}
				err = label.Sheet(&b, site, labels)
			case strings.HasSuffix(out, ".png") && len(codes) == 1:
				var img []byte
				img, err = label.PNG(site, codes[0], 8)
				b.Write(img)
			default:
				return c.usage("--out %q: want FILE.svg, or FILE.png for one code", "--out %q：应为 文件.svg；单个编码可用 文件.png", out)
			}
			if err != nil {
				return fmt.Errorf("%w: %w", errUsage, err)
			}
			if err := writeFile(out, b.Bytes()); err != nil {
				return err
			}
			v := struct {
				Labels int    `json:"labels"`
				File   string `json:"file"`
			}{len(codes), out}
			return c.print(v, func(w io.Writer) { fmt.Fprintln(w, out) })
		},
	}
	cmd.Flags().StringVar(&site, "site", "", c.tr("address that the code leads to, https://HOST", "二维码指向的网址，https://主机"))
	cmd.Flags().StringVar(&out, "out", "", c.tr("FILE.svg or FILE.png", "文件.svg 或 文件.png"))
	return cmd
}
