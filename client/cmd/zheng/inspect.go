package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zhenglian/app/row"
	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// inspectCmd is everything about sampling, test reports and orders to platforms.
func (c *cli) inspectCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "inspect", Args: c.args(0, 0), RunE: c.group,
		Short: c.tr("sample, test, retest, confirm; take goods off platforms", "抽检：抽样、检验、复检、确认、下架"),
		Long: c.tr(`An inspection goes from a regulator's task to the end:

  task → sample → report → [accept | retest → assign → report --retest] →
  confirm → notify → close

A report that fails gives maker and holder of the goods some working days to
ask for a retest; confirm waits for their end, or until each has accepted.
What is confirmed can be recalled (zheng trace recall open --inspection ID) and
taken off platforms (zheng inspect delist order). ID is the task's.`,
			`抽检由监管部门下达任务，直至办结：

  task 任务 → sample 抽样 → report 报告 →〔accept 接受结论 | retest 申请复检 →
  assign 指定复检机构 → report --retest 复检报告〕→ confirm 确认 →
  notify 公布 → close 办结

检验不合格后，生产者与被抽样方可在期限内申请复检；期满或各方均接受后方可确认。
确认后可召回（zheng trace recall open --inspection 编号）、可通知平台下架
（zheng inspect delist order）。ID 为任务的编号。`),
		Example: `  zheng inspect task zg/50011000010017 --lab test-institute --from officer1
  zheng inspect sample 5e3f… zg/50011000010017/10/P1 --quantity 500 --document record.pdf --from officer1 --cosign officer2
  zheng inspect report 5e3f… --fail '铅; lead (Pb); 0.35; 0.1; mg/kg' --items 12 --standard 'GB 2762-2022' --document report.pdf --from lab
  zheng endorse 77ab… --type agrees --from officer1`,
	}
	cmd.AddCommand(c.taskCmd(), c.sampleCmd(), c.reportCmd())
	for _, s := range inspectSteps {
		cmd.AddCommand(c.inspectStep(s))
	}
	cmd.AddCommand(c.inspectionsCmd(), c.inspectionCmd(), c.delistCmd())
	return cmd
}

// inspectStep makes a command that continues an inspection or an order.
func (c *cli) inspectStep(s listStep) *cobra.Command {
	cmd := &cobra.Command{Use: s.name + " ID", Args: c.args(1, 1), Short: c.tr(s.en, s.zh)}
	body := s.flags(c, cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := c.parseID(args[0])
		if err != nil {
			return err
		}
		b, err := body(c)
		if err != nil {
			return err
		}
		return c.state(cmd.Context(), s.kind, b, id)
	}
	c.signFlags(cmd)
	return cmd
}

// givenUp is a step that ends something for a reason of the kinds of withdrawal.
func givenUp(c *cli, cmd *cobra.Command) func(*cli) (tx.Body, error) {
	reason := cmd.Flags().String("reason", "mistake", "mistake | duplicate | unlawful | not_relied_on")
	return func(*cli) (tx.Body, error) { return &tx.Withdraw{Reason: *reason}, nil }
}

var inspectSteps = []listStep{
	{"accept", "maker or holder does not ask for a retest", "接受结论，放弃复检", tx.InspectAccept, paper("document")},
	{"retest", "maker or holder asks for a retest", "申请复检", tx.InspectRetest, paper("document")},
	{"assign", "accept the application and name the laboratory of the retest", "受理复检并指定复检机构", tx.InspectAssign, func(c *cli, cmd *cobra.Command) func(*cli) (tx.Body, error) {
		document := cmd.Flags().String("document", "", c.tr("the decision: a file, or its SHA-256", "受理决定：文件或其 SHA-256"))
		lab := cmd.Flags().String("lab", "", c.tr("another laboratory", "另一检验机构"))
		return func(c *cli) (tx.Body, error) {
			d, err := c.documentDigest(*document)
			return &tx.LabChoice{Document: d, Lab: tx.MemberID(*lab)}, err
		}
	}},
	{"refuse", "refuse a retest", "不予受理复检", tx.InspectRefuse, reasoned("decision", "late | microbial | backup_expired | backup_unfit | other")},
	{"confirm", "the failure is final", "确认不合格", tx.InspectConfirm, paper("document")},
	{"notify", "the result is made known", "公布结果", tx.InspectNotify, paper("document")},
	{"close", "nothing is left to do", "办结", tx.InspectClose, paper("document")},
	{"revoke", "the result counts no more", "撤销结论", tx.InspectRevoke, paper("document")},
	{"withdraw", "it does not take place", "撤回任务", tx.InspectWithdraw, givenUp},
}

func (c *cli) taskCmd() *cobra.Command {
	var b tx.SampleTask
	var lab, document string
	cmd := c.traceAct("task PRODUCT", 1, 1, c.tr("have a product sampled and tested", "下达抽检任务"), tx.InspectTask, func(args []string) (tx.Body, error) {
		b.Product, b.Lab = tx.ProductCode(args[0]), tx.MemberID(lab)
		var err error
		if document != "" {
			b.Document, err = c.documentDigest(document)
		}
		return &b, err
	})
	cmd.Flags().StringVar(&lab, "lab", "", c.tr("laboratory, a member", "承检机构成员"))
	cmd.Flags().StringVar(&b.Reason, "reason", "routine", "routine | special | complaint | follow_up | emergency")
	cmd.Flags().StringVar(&document, "document", "", c.tr("the plan or order: a file, or its SHA-256", "计划或通知：文件或其 SHA-256"))
	return cmd
}

func (c *cli) sampleCmd() *cobra.Command {
	var b tx.Sample
	var document, taken string
	cmd := &cobra.Command{
		Use: "sample ID CODE", Args: c.args(2, 2), Short: c.tr("a sample was taken of a unit", "已抽取样品"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := c.parseID(args[0])
			if err == nil {
				b.Unit, err = c.unitCode(args[1])
			}
			if err == nil {
				b.Taken, err = c.dayOrToday("taken", taken)
			}
			if err == nil {
				b.Document, err = c.documentDigest(document)
			}
			if err != nil {
				return err
			}
			return c.state(cmd.Context(), tx.InspectSample, &b, id)
		},
	}
	c.signFlags(cmd)
	cmd.Flags().Int64Var(&b.Quantity, "quantity", 0, c.tr("in the product's unit", "数量，以产品计量单位计"))
	cmd.Flags().StringVar(&taken, "taken", "", c.tr("day, YYYY-MM-DD (default today in China)", "抽样日期（默认今日）"))
	cmd.Flags().StringVar(&document, "document", "", c.tr("the sampling record: a file, or its SHA-256", "抽样单：文件或其 SHA-256"))
	return cmd
}

func (c *cli) reportCmd() *cobra.Command {
	var items int64
	var standard, tested, document string
	var failed []string
	var pass, retest bool
	cmd := &cobra.Command{
		Use: "report ID", Args: c.args(1, 1), Short: c.tr("the laboratory reports; the regulator co-signs", "检验机构出具报告，监管部门会签"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := c.parseID(args[0])
			if err != nil {
				return err
			}
			if pass != (len(failed) == 0) {
				return c.usage("say either --pass or, for each item that failed, --fail", "请给出 --pass，或逐项给出 --fail")
			}
			day, err := c.dayOrToday("tested", tested)
			if err != nil {
				return err
			}
			d, err := c.documentDigest(document)
			if err != nil {
				return err
			}
			if pass {
				kind := tx.InspectPass
				if retest {
					kind = tx.InspectOverturn
				}
				return c.state(cmd.Context(), kind, &tx.TestPass{Document: d, Items: items, Standard: standard, Tested: day}, id)
			}
			b := &tx.TestFail{Document: d, Items: items, Standard: standard, Tested: day}
			for _, s := range failed {
				f, err := c.failedItem(s)
				if err != nil {
					return err
				}
				b.Failed = append(b.Failed, f)
			}
			kind := tx.InspectFail
			if retest {
				kind = tx.InspectUphold
			}
			return c.state(cmd.Context(), kind, b, id)
		},
	}
	c.signFlags(cmd)
	f := cmd.Flags()
	f.BoolVar(&pass, "pass", false, c.tr("everything passed", "全部合格"))
	f.StringArrayVar(&failed, "fail", nil, c.tr("item that failed: 'CHINESE; ENGLISH; FOUND; LIMIT; UNIT', the unit may be left out", "不合格项：'中文名; 英文名; 实测值; 限量; 单位'，单位可省略"))
	f.BoolVar(&retest, "retest", false, c.tr("it is the report of the retest", "复检报告"))
	f.Int64Var(&items, "items", 1, c.tr("how many items were tested", "检验项目数"))
	f.StringVar(&standard, "standard", "", c.tr("such as 'GB 2762-2022'", "判定标准，如 'GB 2762-2022'"))
	f.StringVar(&tested, "tested", "", c.tr("day on which the test ended, YYYY-MM-DD (default today in China)", "检验完成日期（默认今日）"))
	f.StringVar(&document, "document", "", c.tr("the test report: a file, or its SHA-256", "检验报告：文件或其 SHA-256"))
	return cmd
}

// failedItem reads 'CHINESE; ENGLISH; FOUND; LIMIT; UNIT'.
func (c *cli) failedItem(s string) (f tx.FailedItem, err error) {
	parts := strings.Split(s, ";")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	if len(parts) < 4 || len(parts) > 5 {
		return f, c.usage("--fail %q: want CHINESE; ENGLISH; FOUND; LIMIT; UNIT", "--fail %q：应为 中文名; 英文名; 实测值; 限量; 单位", s)
	}
	f = tx.FailedItem{NameZH: parts[0], NameEN: parts[1], Found: parts[2], Limit: parts[3]}
	if len(parts) == 5 {
		f.Unit = parts[4]
	}
	return f, nil
}

// dayOrToday reads a day; "" is today in China.
func (c *cli) dayOrToday(flag, s string) (tx.Date, error) {
	if s == "" {
		return tx.DateOf(tx.TimeOf(time.Now())), nil
	}
	return c.day(flag, s)
}

// queryFlags are those of lists of inspections and orders.
func (c *cli) queryFlags(cmd *cobra.Command) func() api.InspectionQuery {
	f := cmd.Flags()
	st := f.String("state", "", c.tr("only those in this state, such as FAILED", "仅此状态，如 FAILED"))
	member := f.String("member", "", c.tr("only those in which this member has a part", "仅此成员参与的"))
	limit := f.Int("limit", 50, c.tr("at most so many", "最多条数"))
	return func() api.InspectionQuery {
		return api.InspectionQuery{State: row.State(*st), Member: tx.MemberID(*member), Limit: *limit}
	}
}

func (c *cli) inspectionsCmd() *cobra.Command {
	var unit string
	cmd := &cobra.Command{Use: "list", Args: c.args(0, 0), Short: c.tr("list inspections, newest first", "列出抽检，由新到旧")}
	query := c.queryFlags(cmd)
	cmd.Flags().StringVar(&unit, "unit", "", c.tr("only those of this unit", "仅此单元的"))
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		q := query()
		if unit != "" {
			var err error
			if q.Unit, err = c.unitCode(unit); err != nil {
				return err
			}
		}
		g, err := c.gateway()
		if err != nil {
			return err
		}
		p, err := g.Inspections(cmd.Context(), q)
		if err != nil {
			return err
		}
		return c.print(p, func(w io.Writer) {
			for i := range p.Data {
				c.inspectionLine(w, &p.Data[i])
			}
			if p.HasMore {
				c.say("there are more: raise --limit", "未列全：请增大 --limit")
			}
		})
	}
	c.gatewayFlag(cmd)
	return cmd
}

func (c *cli) inspectionLine(w io.Writer, a *api.Inspection) {
	what := string(a.Unit)
	if what == "" {
		what = string(a.Product)
	}
	fmt.Fprintf(w, "%s %s %s %s\n", a.State, a.ID, what, a.Lab)
}

func (c *cli) inspectionCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show ID", Args: c.args(1, 1), Short: c.tr("show an inspection and its report", "查看抽检及其报告"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := c.parseID(args[0])
			if err != nil {
				return err
			}
			g, err := c.gateway()
			if err != nil {
				return err
			}
			a, err := g.Inspection(cmd.Context(), id)
			if err != nil {
				return err
			}
			return c.print(a, func(w io.Writer) { c.showInspection(w, a) })
		},
	}
	c.gatewayFlag(cmd)
	return cmd
}

func (c *cli) showInspection(w io.Writer, a *api.Inspection) {
	c.inspectionLine(w, a)
	line := func(en, zh, value string) {
		if value != "" {
			fmt.Fprintf(w, "  %s: %s\n", c.tr(en, zh), value)
		}
	}
	line("regulator", "监管部门", string(a.Member))
	line("sampled on", "抽样日期", a.Taken)
	line("maker", "生产者", string(a.Maker))
	line("held by", "被抽样方", string(a.Holder))
	if r := a.Report; r != nil {
		verdict := c.tr("passes", "合格")
		if !r.Passes {
			verdict = c.tr("FAILS", "不合格")
		}
		line("report", "报告", fmt.Sprintf("%s %s %s, %d, %s", verdict, r.Lab, r.Standard, r.Items, r.Tested))
		for _, f := range r.Failed {
			line("failed", "不合格项", fmt.Sprintf(c.tr("%s %s, limit %s %s", "%s %s，限量 %s %s"), c.tr(f.NameEN, f.NameZH), f.Found, f.Limit, f.Unit))
		}
	}
	if len(a.Parties) > 0 {
		var names []string
		for _, m := range a.Parties {
			names = append(names, string(m))
		}
		line("may ask for a retest", "可申请复检", strings.Join(names, ", ")+c.tr(" until ", "，截至 ")+a.RetestBy)
	}
	line("retest by", "复检机构", string(a.RetestLab))
	line("recall", "召回", a.Recall)
}

var delistSteps = []listStep{
	{"ack", "the platform has the order", "平台确认收到", tx.DelistAck, paper("document")},
	{"done", "the platform has taken the goods off", "平台已下架", tx.DelistDone, func(c *cli, cmd *cobra.Command) func(*cli) (tx.Body, error) {
		var b tx.Delisted
		var document string
		f := cmd.Flags()
		f.Int64Var(&b.Count, "count", 0, c.tr("offers taken off", "下架商品链接数"))
		f.Int64Var(&b.Shops, "shops", 0, c.tr("shops that had made them", "涉及店铺数"))
		f.StringVar(&document, "document", "", c.tr("the list of them: a file, or its SHA-256", "清单：文件或其 SHA-256"))
		return func(c *cli) (tx.Body, error) {
			var err error
			if document != "" {
				b.Document, err = c.documentDigest(document)
			}
			return &b, err
		}
	}},
	{"return", "the goods are not all off", "退回：未全部下架", tx.DelistReturn, reasoned("decision", "still_offered | relisted | incomplete | unreachable")},
	{"verify", "the goods are off", "核实已下架", tx.DelistVerify, paper("document")},
	{"withdraw", "the order is taken back", "撤回通知", tx.DelistWithdraw, givenUp},
}

// delistCmd is the life of an order to a platform.
func (c *cli) delistCmd() *cobra.Command {
	cmd := &cobra.Command{Use: "delist", Args: c.args(0, 0), RunE: c.group, Short: c.tr("order a platform to take goods off; answer; verify", "通知平台下架、平台办理、核实")}
	var platform, document string
	order := c.traceAct("order INSPECTION", 1, 1, c.tr("order a platform to take off what failed", "通知平台下架不合格产品"), tx.DelistOrder, func(args []string) (tx.Body, error) {
		id, err := c.parseID(args[0])
		if err != nil {
			return nil, err
		}
		d, err := c.documentDigest(document)
		return &tx.Delisting{Document: d, Inspection: id, Platform: tx.MemberID(platform)}, err
	})
	order.Flags().StringVar(&platform, "platform", "", c.tr("platform, a member", "平台成员"))
	order.Flags().StringVar(&document, "document", "", c.tr("the order: a file, or its SHA-256", "通知书：文件或其 SHA-256"))
	cmd.AddCommand(order)
	for _, s := range delistSteps {
		cmd.AddCommand(c.inspectStep(s))
	}
	list := &cobra.Command{Use: "list", Args: c.args(0, 0), Short: c.tr("list orders, newest first", "列出下架通知，由新到旧")}
	query := c.queryFlags(list)
	list.RunE = func(cmd *cobra.Command, _ []string) error {
		g, err := c.gateway()
		if err != nil {
			return err
		}
		p, err := g.Delistings(cmd.Context(), query())
		if err != nil {
			return err
		}
		return c.print(p, func(w io.Writer) {
			for _, d := range p.Data {
				fmt.Fprintf(w, "%s %s %s → %s\n", d.State, d.ID, d.Member, d.Platform)
			}
		})
	}
	c.gatewayFlag(list)
	cmd.AddCommand(list)
	return cmd
}
