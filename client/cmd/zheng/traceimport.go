package main

import (
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
	"github.com/xuri/excelize/v2"

	"zhenglian/app/tx"
	"zhenglian/client"
)

// importColumns are the columns of a table of units; those after the second may
// be missing.
var importColumns = []string{"code", "quantity", "made", "best_before", "origin", "season"}

// A rowInfo is what an import says of one row, or of one problem of it.
type rowInfo struct {
	Row     int    `json:"row"` // as a spreadsheet numbers it: the head is 1
	Code    string `json:"code"`
	Problem string `json:"problem,omitempty"`
	Column  string `json:"column,omitempty"` // of the problem
	Cell    string `json:"cell,omitempty"`   // as a spreadsheet names it
	Value   string `json:"value,omitempty"`  // of that cell
	Remedy  string `json:"remedy,omitempty"` // what to do
}

// remedy says what belongs into a column.
func (c *cli) remedy(column string) string {
	w := map[string][2]string{
		"code": {"write the path on the label, 01/GTIN/10/LOT or zg/14 digits/10/LOT, the check digit as printed; each code once",
			"填写标签上的路径：01/GTIN/10/批号 或 zg/14 位数字/10/批号，校验位照标签，每个编码只出现一次"},
		"quantity":    {"a whole number in the product's unit (g, ml, pc), at least 1; leave it empty for a container", "按产品计量单位（g、ml、pc）填写不小于 1 的整数；容器留空"},
		"made":        {"a day like 2026-11-23, or leave it empty", "填写日期，如 2026-11-23，或留空"},
		"best_before": {"a day like 2027-11-23, not before made, or leave it empty", "填写日期，如 2027-11-23，不早于 made，或留空"},
		"origin":      {"the 12 digits of the village or township, with a season; or leave both empty", "填写村或镇街的 12 位代码并填 season，或两者都留空"},
		"season":      {"small letters and digits, such as s2026, with an origin; or leave both empty", "填写小写字母和数字，如 s2026，并填 origin，或两者都留空"},
	}[column]
	return c.tr(w[0], w[1])
}

func (c *cli) importCmd() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use: "import FILE.csv|FILE.xlsx", Args: c.args(1, 1),
		Short: c.tr("register the units of a table", "按表格批量登记单元"),
		Long: c.tr(`Reads a table, CSV in UTF-8 or the first sheet of an .xlsx, whose first row names
the columns:

  code, quantity                       needed
  made, best_before, origin, season    optional; empty cells say nothing

Every row is looked at before anything is signed; if one has a problem, each
problem is printed with its row, column, value and what to do, and nothing is
entered. --dry-run stops there. Rows with the same dates and harvest go into one
statement, 200 at most. With --offline they are signed now and sent later, by
zheng trace queue send.`,
			`读入表格：UTF-8 编码的 CSV，或 .xlsx 的第一个工作表，首行为列名：

  code, quantity                       必填
  made, best_before, origin, season    可选，空单元格表示不填

签名之前先检查每一行；只要有一行有问题，就逐项列出行、列、所填值和改法，不提交任何内容。
--dry-run 只检查。日期与产地相同的行合为一条陈述，每条至多 200 行。加 --offline 则现在签名，
以后用 zheng trace queue send 提交。`),
		Example: `  zheng trace import lots.xlsx --dry-run
  zheng trace import lots.csv --from qijiang --offline`,
		RunE: func(cmd *cobra.Command, args []string) error { return c.importFile(cmd.Context(), args[0], dry) },
	}
	c.traceFlags(cmd)
	cmd.Flags().BoolVar(&dry, "dry-run", false, c.tr("look at every row, sign nothing", "只检查，不签名"))
	return cmd
}

// Bounds of a table.
const (
	maxImport      = 20_000   // rows
	maxImportBytes = 64 << 20 // of a spreadsheet, unpacked
)

func (c *cli) importFile(ctx context.Context, path string, dry bool) error {
	next, done, err := c.openTable(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer done()
	bodies, infos, rows, err := c.readTable(next)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	bad := make(map[int]bool)
	for _, r := range infos {
		if r.Problem != "" {
			bad[r.Row] = true
		} else if !dry {
			continue
		}
		if err := c.print(r, func(w io.Writer) { c.rowLine(w, r) }); err != nil {
			return err
		}
	}
	if len(bad) > 0 {
		return fmt.Errorf(c.tr("%d of %d rows have a problem; nothing was entered", "%d 行有问题（共 %d 行），未提交任何内容"), len(bad), rows)
	}
	c.say("%d rows in %d statements", "%d 行，合为 %d 条陈述", rows, len(bodies))
	if dry {
		return nil
	}
	if c.flags.offline {
		for _, b := range bodies {
			if err := c.enqueue(tx.TraceRegister, b, tx.ID{}); err != nil {
				return err
			}
		}
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

func (c *cli) rowLine(w io.Writer, r rowInfo) {
	said := r.Problem
	if said == "" {
		said = "ok"
	}
	fmt.Fprintf(w, c.tr("row %d  %s  %s\n", "第 %d 行  %s  %s\n"), r.Row, r.Code, said)
	if r.Column != "" {
		fmt.Fprintf(w, c.tr("       %s, column %s, says %q: %s\n", "       单元格 %s（列 %s）所填为 %q：%s\n"), r.Cell, r.Column, r.Value, r.Remedy)
	}
}

// openTable opens a CSV or a spreadsheet. next returns the cells of a row, io.EOF
// after the last.
func (c *cli) openTable(path string) (next func() ([]string, error), done func() error, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	if !strings.HasSuffix(strings.ToLower(path), ".xlsx") {
		t := csv.NewReader(f)
		t.FieldsPerRecord = -1
		t.TrimLeadingSpace = true
		return t.Read, f.Close, nil
	}
	defer f.Close()
	// Values as they are stored: what a cell shows depends on who opens it.
	book, err := excelize.OpenReader(f, excelize.Options{RawCellValue: true, UnzipSizeLimit: maxImportBytes, UnzipXMLSizeLimit: maxImportBytes})
	if err != nil {
		return nil, nil, fmt.Errorf(c.tr("not a spreadsheet that can be read: %w", "无法读取的电子表格：%w"), err)
	}
	rows, err := book.Rows(book.GetSheetName(0))
	if err != nil {
		return nil, nil, errors.Join(err, book.Close())
	}
	return func() ([]string, error) {
		if !rows.Next() {
			return nil, errors.Join(rows.Error(), io.EOF)
		}
		return rows.Columns()
	}, func() error { return errors.Join(rows.Close(), book.Close()) }, nil
}

// dayOf reads a day as a spreadsheet stores it, the number of days since 1900; any
// other text stays what it is.
func dayOf(cell string) string {
	n, err := strconv.ParseFloat(cell, 64)
	if err != nil || n < 1 || n >= 1e6 {
		return cell
	}
	t, err := excelize.ExcelDateToTime(n, false)
	if err != nil {
		return cell
	}
	return t.Format("2006-01-02")
}

// readTable reads a table of units, and says of every row what is wrong with it.
func (c *cli) readTable(next func() ([]string, error)) (bodies []*tx.Register, infos []rowInfo, rows int, err error) {
	head, err := next()
	if err == nil && len(head) == 0 {
		err = io.EOF
	}
	if err != nil {
		return nil, nil, 0, fmt.Errorf(c.tr("first row: %w", "首行：%w"), err)
	}
	head[0] = strings.TrimPrefix(head[0], "\ufeff")
	column := make(map[string]int)
	for i, h := range head {
		h = strings.ToLower(strings.TrimSpace(h))
		if h == "" {
			continue
		}
		if _, twice := column[h]; twice || !slices.Contains(importColumns, h) {
			return nil, nil, 0, c.usage("column %q: want each of %s at most once", "列 %q：应为 %s，各至多一次", h, strings.Join(importColumns, ", "))
		}
		column[h] = i
	}
	for _, need := range importColumns[:2] {
		if _, ok := column[need]; !ok {
			return nil, nil, 0, c.usage("column %s is missing", "缺少列 %s", need)
		}
	}
	type group struct{ made, best, origin, season, product string }
	open := make(map[group]*tx.Register)
	seen := make(map[tx.UnitCode]int)
	for n := 2; ; n++ {
		cells, err := next()
		if errors.Is(err, io.EOF) {
			return bodies, infos, rows, nil
		}
		if err != nil {
			return nil, nil, 0, err
		}
		if strings.TrimSpace(strings.Join(cells, "")) == "" {
			continue // below a table
		}
		if rows++; rows > maxImport {
			return nil, nil, 0, fmt.Errorf(c.tr("more than %d rows: split the table", "超过 %d 行，请拆分表格"), maxImport)
		}
		cell := func(name string) string {
			if i, ok := column[name]; ok && i < len(cells) {
				return strings.TrimSpace(cells[i])
			}
			return ""
		}
		var problems []rowInfo
		wrong := func(name, problem string) {
			at := ""
			if i, ok := column[name]; ok {
				if letter, err := excelize.ColumnNumberToName(i + 1); err == nil {
					at = letter + strconv.Itoa(n)
				}
			}
			problems = append(problems, rowInfo{Row: n, Code: cell("code"), Problem: problem, Column: name, Cell: at, Value: cell(name), Remedy: c.remedy(name)})
		}
		one := c.readRow(cell, wrong)
		a := one.Units[0]
		if first, twice := seen[a.Code]; len(problems) == 0 && twice {
			wrong("code", fmt.Sprintf(c.tr("the same code as row %d", "与第 %d 行编码相同"), first))
		}
		if len(problems) > 0 {
			infos = append(infos, problems...)
			continue
		}
		infos = append(infos, rowInfo{Row: n, Code: cell("code")})
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
}

// readRow reads a row, and tells wrong of each cell what is wrong with it.
func (c *cli) readRow(cell func(string) string, wrong func(column, problem string)) *tx.Register {
	one := &tx.Register{Units: make([]tx.Amount, 1), Made: dayOf(cell("made")), BestBefore: dayOf(cell("best_before"))}
	a := &one.Units[0]
	var err error
	broken := false // of the code nothing is known
	if a.Code, err = c.unitCode(cell("code")); err != nil {
		wrong("code", c.complaint(err))
		a.Code, broken = "zg/50011000010017/10/X", true
	}
	if q := cell("quantity"); q != "" {
		if a.Quantity, err = strconv.ParseInt(q, 10, 64); err != nil {
			wrong("quantity", fmt.Sprintf(c.tr("quantity %q is not a whole number", "数量 %q 不是整数"), q))
			broken = true
		}
	}
	if broken && !a.Code.Container() {
		a.Quantity = max(1, min(a.Quantity, tx.MaxQuantity))
	}
	if cell("origin")+cell("season") != "" {
		one.Harvest = &tx.HarvestRef{Origin: cell("origin"), Season: cell("season")}
	}
	// The first problem hides others: each cell that has one is put right, and the
	// rest looked at again.
	for range importColumns {
		err := bodyError(one)
		if err == nil {
			return one
		}
		name := ""
		if e := (*tx.Error)(nil); errors.As(err, &e) {
			name = e.Path[strings.LastIndexByte(e.Path, '.')+1:]
		}
		switch name {
		case "made":
			one.Made = ""
		case "best_before":
			one.BestBefore = ""
		case "origin":
			one.Harvest.Origin = "500110101200"
		case "season":
			one.Harvest.Season = "s2026"
		case "quantity":
			if a.Quantity = 1; a.Code.Container() {
				a.Quantity = 0
			}
		default:
			wrong("code", c.complaint(err))
			return one
		}
		wrong(name, c.complaint(err))
	}
	return one
}

// bodyError says what is wrong with a body.
func bodyError(b tx.Body) error {
	probe := tx.Statement{Chain: "a", Kind: tx.TraceRegister, Member: "aa", Expires: 1, Body: b}
	_, err := probe.Encode()
	return err
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
