package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"zhenglian/app/tx"
	"zhenglian/client"
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

// importColumns are the columns of a table of units; those after the second may
// be missing.
var importColumns = []string{"code", "quantity", "made", "best_before", "origin", "season"}

// A rowInfo is what an import says of one row.
type rowInfo struct {
	Row     int    `json:"row"` // as a spreadsheet numbers it: the head is 1
	Code    string `json:"code"`
	Problem string `json:"problem,omitempty"`
}

func (c *cli) importCmd() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use: "import FILE.csv", Args: c.args(1, 1),
		Short: c.tr("register the units of a table", "按表格批量登记单元"),
		Long: c.tr(`Reads a table (CSV in UTF-8, as spreadsheets save it) whose first row names the columns:

  code, quantity                       needed
  made, best_before, origin, season    optional; empty cells say nothing

Every row is looked at before anything is signed; if one has a problem, each
problem is printed and nothing is entered. --dry-run stops there. Rows with the
same dates and harvest go into one statement, 200 at most.`,
			`读入表格（电子表格另存的 UTF-8 编码 CSV），首行为列名：

  code, quantity                       必填
  made, best_before, origin, season    可选，空单元格表示不填

签名之前先检查每一行；只要有一行有问题，就逐行列出问题，不提交任何内容。
--dry-run 只检查。日期与产地相同的行合为一条陈述，每条至多 200 行。`),
		RunE: func(cmd *cobra.Command, args []string) error { return c.importFile(cmd.Context(), args[0], dry) },
	}
	c.signFlags(cmd)
	cmd.Flags().BoolVar(&dry, "dry-run", false, c.tr("look at every row, sign nothing", "只检查，不签名"))
	return cmd
}

// maxImport bounds the rows of a table.
const maxImport = 20_000

func (c *cli) importFile(ctx context.Context, path string, dry bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	bodies, infos, err := c.readTable(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	bad := 0
	for _, r := range infos {
		if r.Problem != "" {
			bad++
		}
		if r.Problem == "" && !dry {
			continue
		}
		if err := c.print(r, func(w io.Writer) {
			said := r.Problem
			if said == "" {
				said = "ok"
			}
			fmt.Fprintf(w, c.tr("row %d  %s  %s\n", "第 %d 行  %s  %s\n"), r.Row, r.Code, said)
		}); err != nil {
			return err
		}
	}
	if bad > 0 {
		return fmt.Errorf(c.tr("%d of %d rows have a problem; nothing was entered", "%d 行有问题（共 %d 行），未提交任何内容"), bad, len(infos))
	}
	c.say("%d rows in %d statements", "%d 行，合为 %d 条陈述", len(infos), len(bodies))
	if dry {
		return nil
	}
	p, err := c.newPen()
	if err != nil {
		return err
	}
	for _, b := range bodies {
		d := client.Draft{Member: p.member, Kind: tx.TraceRegister, Body: b, Expires: c.flags.expires}
		statement, err := p.client.Draft(ctx, d)
		if err == nil {
			err = c.finish(ctx, p, statement, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readTable reads a table of units, and says of every row what is wrong with it.
func (c *cli) readTable(r io.Reader) (bodies []*tx.Register, infos []rowInfo, err error) {
	t := csv.NewReader(r)
	t.FieldsPerRecord = -1
	t.TrimLeadingSpace = true
	head, err := t.Read()
	if err != nil {
		return nil, nil, fmt.Errorf(c.tr("first row: %w", "首行：%w"), err)
	}
	head[0] = strings.TrimPrefix(head[0], "\ufeff")
	column := make(map[string]int)
	for i, h := range head {
		h = strings.ToLower(strings.TrimSpace(h))
		if _, twice := column[h]; twice || !slices.Contains(importColumns, h) {
			return nil, nil, c.usage("column %q: want each of %s at most once", "列 %q：应为 %s，各至多一次", h, strings.Join(importColumns, ", "))
		}
		column[h] = i
	}
	for _, need := range importColumns[:2] {
		if _, ok := column[need]; !ok {
			return nil, nil, c.usage("column %s is missing", "缺少列 %s", need)
		}
	}
	type group struct{ made, best, origin, season, product string }
	open := make(map[group]*tx.Register)
	seen := make(map[tx.UnitCode]int)
	for n := 2; ; n++ {
		cells, err := t.Read()
		if errors.Is(err, io.EOF) {
			return bodies, infos, nil
		}
		if err != nil {
			return nil, nil, err
		}
		if n > maxImport+1 {
			return nil, nil, fmt.Errorf(c.tr("more than %d rows: split the table", "超过 %d 行，请拆分表格"), maxImport)
		}
		cell := func(name string) string {
			if i, ok := column[name]; ok && i < len(cells) {
				return strings.TrimSpace(cells[i])
			}
			return ""
		}
		info := rowInfo{Row: n, Code: cell("code")}
		one := &tx.Register{Made: cell("made"), BestBefore: cell("best_before")}
		if cell("origin")+cell("season") != "" {
			one.Harvest = &tx.HarvestRef{Origin: cell("origin"), Season: cell("season")}
		}
		a, problem := c.readRow(cell("code"), cell("quantity"))
		if problem == "" {
			one.Units = []tx.Amount{a}
			problem = c.problemOf(one)
		}
		if first, twice := seen[a.Code]; problem == "" && twice {
			problem = fmt.Sprintf(c.tr("the same code as row %d", "与第 %d 行编码相同"), first)
		}
		if info.Problem = problem; problem == "" {
			seen[a.Code] = n
			g := group{made: one.Made, best: one.BestBefore, origin: cell("origin"), season: cell("season")}
			if one.Harvest != nil {
				g.product = string(a.Code.Product()) // what was harvested is of one product
			}
			if b := open[g]; b != nil && len(b.Units) < tx.MaxUnits {
				b.Units = append(b.Units, a)
			} else {
				open[g] = one
				bodies = append(bodies, one)
			}
		}
		infos = append(infos, info)
	}
}

func (c *cli) readRow(code, quantity string) (a tx.Amount, problem string) {
	u, err := c.unitCode(code)
	if err != nil {
		return a, c.complaint(err)
	}
	a.Code = u
	if quantity != "" {
		if a.Quantity, err = strconv.ParseInt(quantity, 10, 64); err != nil {
			return a, fmt.Sprintf(c.tr("quantity %q is not a whole number", "数量 %q 不是整数"), quantity)
		}
	}
	return a, ""
}

// problemOf says what is wrong with a body, "" for nothing.
func (c *cli) problemOf(b tx.Body) string {
	probe := tx.Statement{Chain: "a", Kind: tx.TraceRegister, Member: "aa", Expires: 1, Body: b}
	if _, err := probe.Encode(); err != nil {
		return c.complaint(err)
	}
	return ""
}

// complaint says what a refusal means, with what to do.
func (c *cli) complaint(err error) string {
	var e *tx.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	said := fmt.Sprintf("E%d %s", uint32(e.Code), c.tr(e.Code.Text(), e.Code.Chinese()))
	if e.Path != "" {
		said += c.tr(" at ", "，位置 ") + e.Path
	}
	if e.Detail != "" {
		said += c.tr(": ", "：") + e.Detail
	}
	return said + c.tr("; "+e.Code.Hint(), "")
}
