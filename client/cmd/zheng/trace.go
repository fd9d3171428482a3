package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// traceCmd is everything about goods: units, hand-overs, recalls, labels.
func (c *cli) traceCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "trace", Args: c.args(0, 0), RunE: c.group,
		Short: c.tr("goods: lots, hand-overs, recalls, labels", "追溯：批次、交接、召回、标签"),
		Long: c.tr(`Lots, items and containers on the ledger, and who holds them.

A unit is named by the path of its GS1 Digital Link:
  01/GTIN/10/LOT, 01/GTIN/21/SERIAL   goods
  zg/14 digits/10/LOT                 goods of a producer without a GTIN
  00/SSCC, zs/18 digits               containers
A whole link, https://HOST/01/…, does as well. Quantities are in the product's
unit: CODE=QUANTITY.`,
			`账本上的批次、单品、容器及其保管人。

单元以 GS1 Digital Link 的路径命名：
  01/GTIN/10/批号，01/GTIN/21/序列号   商品
  zg/14 位数字/10/批号                 无 GTIN 的生产者的商品
  00/SSCC，zs/18 位数字                容器
也可给出完整链接 https://主机/01/…。数量以产品的计量单位计：编码=数量。`),
		Example: `  zheng trace register zg/50011000010017/10/P1=600000 --origin 500110101200 --season s2026 --from qijiang
  zheng trace ship zg/50011000010017/10/P1 --to platform-a --from qijiang
  zheng trace receive 5e3f… --from platform
  zheng trace follow zg/50011000010017/10/P1`,
	}
	cmd.AddCommand(c.productCmd(), c.harvestCmd(), c.registerCmd(), c.shipCmd(), c.receiveCmd(), c.disputeCmd(), c.cancelCmd(),
		c.goodsEventCmd(), c.epcisCmd(), c.followCmd(), c.orphansCmd(), c.recallCmd(), c.labelCmd(), c.importCmd(), c.queueCmd())
	return cmd
}

// unitCode reads the code of a unit, or a link that ends in one.
func (c *cli) unitCode(s string) (tx.UnitCode, error) {
	code := s
	if _, after, ok := strings.Cut(s, "://"); ok {
		_, code, _ = strings.Cut(after, "/")
		code, _, _ = strings.Cut(code, "?")
	}
	u := tx.UnitCode(strings.TrimPrefix(code, "/"))
	if err := u.Validate(); err != nil {
		return "", fmt.Errorf("%w: %s: %w", errUsage, s, err)
	}
	return u, nil
}

func (c *cli) unitCodes(args []string) ([]tx.UnitCode, error) {
	us := make([]tx.UnitCode, len(args))
	for i, a := range args {
		var err error
		if us[i], err = c.unitCode(a); err != nil {
			return nil, err
		}
	}
	return us, nil
}

// amounts reads CODE=QUANTITY; a container has none.
func (c *cli) amounts(args []string) ([]tx.Amount, error) {
	as := make([]tx.Amount, len(args))
	for i, a := range args {
		code, quantity := a, ""
		if j := strings.LastIndexByte(a, '='); j >= 0 {
			code, quantity = a[:j], a[j+1:]
		}
		u, err := c.unitCode(code)
		if err != nil {
			return nil, err
		}
		as[i].Code = u
		if quantity == "" {
			continue
		}
		if as[i].Quantity, err = strconv.ParseInt(quantity, 10, 64); err != nil {
			return nil, c.usage("%s: want CODE=QUANTITY, the quantity a whole number", "%s：应为 编码=数量，数量为整数", a)
		}
	}
	return as, nil
}

// act makes a command that states a kind with the body that body returns.
func (c *cli) traceAct(use string, min, max int, short string, kind tx.Kind, body func(args []string) (tx.Body, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: c.args(min, max),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := body(args)
			if err != nil {
				return err
			}
			return c.state(cmd.Context(), kind, b, tx.ID{})
		},
	}
	c.traceFlags(cmd)
	return cmd
}

func (c *cli) productCmd() *cobra.Command {
	var p tx.Product
	var makers, of []string
	var yield string
	cmd := c.traceAct("product CODE", 1, 1, c.tr("declare a product: its names, unit and yield", "申报产品：名称、计量单位、得率"), tx.TraceProduct, func(args []string) (tx.Body, error) {
		p.Code = tx.ProductCode(args[0])
		for _, m := range makers {
			p.Makers = append(p.Makers, tx.MemberID(m))
		}
		if len(of) == 0 {
			return &p, nil
		}
		p.Yield = new(tx.Yield)
		for _, s := range of {
			p.Yield.From = append(p.Yield.From, tx.ProductCode(s))
		}
		if n, err := fmt.Sscanf(yield, "%d/%d", &p.Yield.Gives, &p.Yield.Per); n != 2 || err != nil {
			return nil, c.usage("--yield %q: want GIVES/PER, such as 4/5", "--yield %q：应为 产出/投入，如 4/5", yield)
		}
		return &p, nil
	})
	f := cmd.Flags()
	f.StringVar(&p.NameZH, "zh", "", c.tr("name in Chinese", "中文名称"))
	f.StringVar(&p.NameEN, "en", "", c.tr("name in English", "英文名称"))
	f.StringVar(&p.UOM, "uom", "g", c.tr("unit of its quantities: g, ml or pc", "计量单位：g、ml 或 pc"))
	f.StringVar(&p.Mode, "mode", tx.Reject, c.tr("what becomes of more than was harvested, or the yield allows: reject or flag", "超过收获量或得率时：reject 拒绝，flag 标记"))
	f.StringSliceVar(&makers, "makers", nil, c.tr("other members who may make it, ascending", "可生产的其他成员，升序"))
	f.StringSliceVar(&of, "of", nil, c.tr("products of which it is made, ascending", "原料产品编码，升序"))
	f.StringVar(&yield, "yield", "", c.tr("at most GIVES of PER of those", "得率上限：产出/投入"))
	return cmd
}

func (c *cli) harvestCmd() *cobra.Command {
	var b tx.Harvest
	cmd := c.traceAct("harvest PRODUCT", 1, 1, c.tr("declare what a place harvested; a regulator co-signs", "申报产地收获量，须监管部门会签"), tx.TraceHarvest, func(args []string) (tx.Body, error) {
		b.Product = tx.ProductCode(args[0])
		return &b, nil
	})
	cmd.Flags().StringVar(&b.Origin, "origin", "", c.tr("12 digits of the village or township", "产地 12 位代码"))
	cmd.Flags().StringVar(&b.Season, "season", "", c.tr("such as s2026", "季次，如 s2026"))
	cmd.Flags().Int64Var(&b.Quantity, "quantity", 0, c.tr("in the product's unit", "数量，以产品计量单位计"))
	return cmd
}

func (c *cli) registerCmd() *cobra.Command {
	var b tx.Register
	var h tx.HarvestRef
	cmd := c.traceAct("register CODE=QUANTITY…", 1, tx.MaxUnits, c.tr("register units that you made, or containers", "登记所生产的单元或容器"), tx.TraceRegister, func(args []string) (tx.Body, error) {
		var err error
		b.Units, err = c.amounts(args)
		if h != (tx.HarvestRef{}) {
			b.Harvest = &h
		}
		return &b, err
	})
	cmd.Flags().StringVar(&b.Made, "made", "", c.tr("day, YYYY-MM-DD", "生产日期，YYYY-MM-DD"))
	cmd.Flags().StringVar(&b.BestBefore, "best-before", "", c.tr("day, YYYY-MM-DD", "保质期至，YYYY-MM-DD"))
	cmd.Flags().StringVar(&h.Origin, "origin", "", c.tr("12 digits of the village or township of the harvest", "产地 12 位代码"))
	cmd.Flags().StringVar(&h.Season, "season", "", c.tr("of the harvest", "季次"))
	return cmd
}

func (c *cli) shipCmd() *cobra.Command {
	var b tx.Ship
	var to string
	cmd := c.traceAct("ship CODE…", 1, tx.MaxUnits, c.tr("offer units to another member, who accepts or disputes", "向其他成员发货，待对方确认或提出异议"), tx.TraceShip, func(args []string) (tx.Body, error) {
		var err error
		b.To = tx.MemberID(to)
		b.Units, err = c.unitCodes(args)
		return &b, err
	})
	cmd.Flags().StringVar(&to, "to", "", c.tr("member who receives", "收货成员"))
	return cmd
}

// answerAct makes a command that continues the hand-over or recall ID.
func (c *cli) answerAct(use, short string, kind tx.Kind, body func() (tx.Body, error)) *cobra.Command {
	cmd := c.continueAct(use, short, kind, body)
	c.traceFlags(cmd)
	return cmd
}

func (c *cli) receiveCmd() *cobra.Command {
	return c.answerAct("receive ID", c.tr("accept a shipment that was offered to you", "确认收货"), tx.TraceReceive, func() (tx.Body, error) { return &tx.Receive{}, nil })
}

func (c *cli) disputeCmd() *cobra.Command {
	var reason, document string
	cmd := c.answerAct("dispute ID", c.tr("contradict a shipment that was offered to you", "对发货提出异议"), tx.TraceDispute, func() (tx.Body, error) {
		b := &tx.Dispute{Reason: reason}
		var err error
		if document != "" {
			b.Document, err = c.documentDigest(document)
		}
		return b, err
	})
	cmd.Flags().StringVar(&reason, "reason", "not_received", "not_received | short | other_goods | damaged | other")
	cmd.Flags().StringVar(&document, "document", "", c.tr("the complaint: a file, or its SHA-256", "异议文书：文件或其 SHA-256"))
	return cmd
}

func (c *cli) cancelCmd() *cobra.Command {
	var reason string
	cmd := c.answerAct("cancel ID", c.tr("take back a shipment that is not accepted", "撤回尚未确认的发货"), tx.TraceCancel, func() (tx.Body, error) { return &tx.Withdraw{Reason: reason}, nil })
	cmd.Flags().StringVar(&reason, "reason", "mistake", "mistake | duplicate | unlawful | not_relied_on")
	return cmd
}

// goodsEventCmd is what happens to units at one place.
func (c *cli) goodsEventCmd() *cobra.Command {
	cmd := &cobra.Command{Use: "event", Args: c.args(0, 0), RunE: c.group, Short: c.tr("pack, unpack, make, sell, take, destroy; EPCIS events", "装箱、拆箱、加工、售出、退回、销毁；EPCIS 事件")}
	cmd.AddCommand(c.eventHashCmd(), c.eventCaptureCmd(), c.eventReceiptCmd(), c.eventQueryCmd())
	var box string
	pack := func(use, short string, kind tx.Kind) *cobra.Command {
		cmd := c.traceAct(use, 1, tx.MaxUnits, short, kind, func(args []string) (tx.Body, error) {
			parent, err := c.unitCode(box)
			if err != nil {
				return nil, err
			}
			children, err := c.unitCodes(args)
			return &tx.Aggregate{Children: children, Parent: parent}, err
		})
		cmd.Flags().StringVar(&box, "box", "", c.tr("the container", "容器编码"))
		return cmd
	}
	var m tx.Transform
	var use []string
	make := c.traceAct("make CODE=QUANTITY…", 1, tx.MaxOutputs, c.tr("make units of others, or split them", "加工或拆分"), tx.TraceTransform, func(args []string) (tx.Body, error) {
		var err error
		if m.Inputs, err = c.amounts(use); err == nil {
			m.Outputs, err = c.amounts(args)
		}
		return &m, err
	})
	make.Flags().StringSliceVar(&use, "use", nil, c.tr("what is used up, CODE=QUANTITY,…", "投入，编码=数量，可用逗号分隔多个"))
	make.Flags().StringVar(&m.Made, "made", "", c.tr("day, YYYY-MM-DD", "生产日期，YYYY-MM-DD"))
	make.Flags().StringVar(&m.BestBefore, "best-before", "", c.tr("day, YYYY-MM-DD", "保质期至，YYYY-MM-DD"))
	var sold, destroyed string
	sell := c.traceAct("sell CODE…", 1, tx.MaxUnits, c.tr("units leave the ledger; nobody confirms it", "售出或离开账本，仅一方陈述"), tx.TraceSell, func(args []string) (tx.Body, error) {
		us, err := c.unitCodes(args)
		return &tx.Sell{Reason: sold, Units: us}, err
	})
	sell.Flags().StringVar(&sold, "reason", "sold", "sold | exported | given | lost")
	take := c.traceAct("take CODE…", 1, tx.MaxUnits, c.tr("units that had left are with you again; nobody confirms it", "已离开账本的单元退回，仅一方陈述"), tx.TraceTake, func(args []string) (tx.Body, error) {
		us, err := c.unitCodes(args)
		return &tx.Take{Units: us}, err
	})
	destroy := c.traceAct("destroy CODE…", 1, tx.MaxUnits, c.tr("units are no more", "销毁"), tx.TraceDestroy, func(args []string) (tx.Body, error) {
		us, err := c.unitCodes(args)
		return &tx.Destroy{Reason: destroyed, Units: us}, err
	})
	destroy.Flags().StringVar(&destroyed, "reason", "other", "expired | damaged | consumed | sample | other")
	cmd.AddCommand(pack("pack CODE…", c.tr("put units into a container", "装箱"), tx.TraceAggregate), pack("unpack CODE…", c.tr("take units out of a container", "拆箱"), tx.TraceDisaggregate),
		make, sell, take, destroy)
	return cmd
}

func (c *cli) followCmd() *cobra.Command {
	var q api.TraceQuery
	cmd := &cobra.Command{
		Use: "follow CODE", Args: c.args(1, 1),
		Short: c.tr("what was made of a unit and where it is, or what it was made of", "向前或向后追溯"),
		Long: c.tr("Prints each unit once, nearest first. What the gateway says helps; each step is proved by its receipt: zheng receipt ID.",
			"由近及远逐行列出，每个单元一次。网关的答复仅供参考；每一步由其回执证明：zheng receipt 编号。"),
		RunE: func(cmd *cobra.Command, args []string) error {
			code, err := c.unitCode(args[0])
			if err != nil {
				return err
			}
			g, err := c.gateway()
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			u, err := g.Unit(ctx, code)
			if err != nil {
				return err
			}
			for line, err := range g.Trace(ctx, u.ID, q) {
				if err != nil {
					return err
				}
				if err := c.print(line, func(w io.Writer) { c.traceLine(w, line) }); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.gatewayFlag(cmd)
	f := cmd.Flags()
	f.BoolVar(&q.Back, "back", false, c.tr("to what it was made of", "向来源追溯"))
	f.IntVar(&q.Depth, "depth", 0, c.tr("steps at most, 1 to 64", "最多步数，1 至 64"))
	f.IntVar(&q.Limit, "limit", 0, c.tr("units at most (default 10000)", "最多单元数（默认 10000）"))
	f.Int64Var(&q.At, "at", 0, c.tr("as the ledger was at this height", "按账本在此高度的状态"))
	return cmd
}

func (c *cli) traceLine(w io.Writer, l api.TraceLine) {
	if l.End != nil {
		if c.say("%d units at height %d", "共 %d 个单元，高度 %d", l.End.Units, l.End.AsOf); l.End.Cut {
			c.say("there is more: raise --depth or --limit", "未列全：请增大 --depth 或 --limit")
		}
		return
	}
	how := map[string]string{"made_into": c.tr("made into", "制成"), "made_of": c.tr("made of", "原料"), "contains": c.tr("contains", "内含"), "inside_of": c.tr("inside", "装于")}[l.How]
	recalled := ""
	if l.Unit.Recalled {
		recalled = c.tr(" RECALLED", " 已召回")
	}
	fmt.Fprintf(w, "%s%s %s %s %s %d/%d%s %s\n", strings.Repeat("  ", l.Depth), how, l.Unit.Code, l.Unit.State, l.Unit.Custodian, l.Unit.Left, l.Unit.Quantity, recalled, strings.Join(l.Unit.Flags, ","))
}

// recallCmd is the life of a recall.
func (c *cli) recallCmd() *cobra.Command {
	cmd := &cobra.Command{Use: "recall", Args: c.args(0, 0), RunE: c.group, Short: c.tr("open, show, ack, dispose, release, close", "召回：发起、查看、回应、处置、解除、结束")}
	var b tx.Recall
	var document, decision, method, inspection string
	open := c.traceAct("open CODE…", 1, tx.MaxUnits, c.tr("recall units and all that was made of them", "召回单元及由其制成的一切"), tx.TraceRecall, func(args []string) (tx.Body, error) {
		var err error
		if b.Units, err = c.unitCodes(args); err == nil && document != "" {
			b.Document, err = c.documentDigest(document)
		}
		if err == nil && inspection != "" {
			b.Inspection, err = c.parseID(inspection)
		}
		return &b, err
	})
	open.Flags().StringVar(&inspection, "inspection", "", c.tr("the inspection that found it, confirmed; --reason failed_test", "所依据的已确认抽检，须 --reason failed_test"))
	open.Flags().Int64Var(&b.Level, "level", 1, c.tr("1 to 3, 1 the gravest", "级别 1 至 3，1 级最重"))
	open.Flags().StringVar(&b.Reason, "reason", "unsafe", "unsafe | failed_test | mislabelled | counterfeit | origin | other")
	open.Flags().StringVar(&document, "document", "", c.tr("the notice or order: a file, or its SHA-256", "通知或决定：文件或其 SHA-256"))

	// about makes a command whose first argument is the recall.
	about := func(use string, min, max int, short string, kind tx.Kind, body func(id tx.ID, rest []string) (tx.Body, error)) *cobra.Command {
		return c.traceAct(use, min, max, short, kind, func(args []string) (tx.Body, error) {
			id, err := c.parseID(args[0])
			if err != nil {
				return nil, err
			}
			return body(id, args[1:])
		})
	}
	ack := about("ack ID", 1, 1, c.tr("say that you have stopped what you hold", "回应：已停止流转所持产品"), tx.TraceAck, func(id tx.ID, _ []string) (tx.Body, error) { return &tx.Ack{Recall: id}, nil })
	dispose := about("dispose ID CODE…", 2, tx.MaxUnits, c.tr("recalled units were made harmless", "处置被召回单元"), tx.TraceDispose, func(id tx.ID, rest []string) (tx.Body, error) {
		us, err := c.unitCodes(rest)
		return &tx.Dispose{Method: method, Recall: id, Units: us}, err
	})
	dispose.Flags().StringVar(&method, "method", "destroyed", "destroyed | harmless | reworked")
	release := about("release ID CODE…", 2, tx.MaxUnits, c.tr("units are recalled no more; a regulator signs", "解除召回，须监管部门签署"), tx.TraceRelease, func(id tx.ID, rest []string) (tx.Body, error) {
		d, err := c.documentDigest(decision)
		if err != nil {
			return nil, err
		}
		us, err := c.unitCodes(rest)
		return &tx.Release{Document: d, Recall: id, Units: us}, err
	})
	shut := c.answerAct("close ID", c.tr("the recall is over; a regulator signs", "召回结束，须监管部门签署"), tx.TraceClose, func() (tx.Body, error) {
		d, err := c.documentDigest(decision)
		return &tx.Decision{Document: d}, err
	})
	for _, x := range []*cobra.Command{release, shut} {
		x.Flags().StringVar(&decision, "decision", "", c.tr("the reasoned decision: a file, or its SHA-256", "决定书：文件或其 SHA-256"))
	}
	show := &cobra.Command{
		Use: "show ID", Args: c.args(1, 1), Short: c.tr("show a recall, its scope and its holders", "查看召回、范围与持有人"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.showRecall(cmd.Context(), args[0]) },
	}
	c.gatewayFlag(show)
	cmd.AddCommand(open, show, ack, dispose, release, shut)
	return cmd
}

func (c *cli) showRecall(ctx context.Context, arg string) error {
	id, err := c.parseID(arg)
	if err != nil {
		return err
	}
	g, err := c.gateway()
	if err != nil {
		return err
	}
	r, err := g.Recall(ctx, id)
	if err != nil {
		return err
	}
	return c.print(r, func(w io.Writer) {
		fmt.Fprintf(w, "%s %s\n", r.State, r.ID)
		line := func(en, zh, format string, a ...any) {
			fmt.Fprintf(w, "  %s: %s\n", c.tr(en, zh), fmt.Sprintf(format, a...))
		}
		line("recalled by", "发起成员", "%s", r.Member)
		line("level, reason", "级别、原因", "%d %s", r.Level, r.Reason)
		if r.Frozen == 0 {
			line("scope", "范围", c.tr("being frozen, %d units so far", "正在确定，目前 %d 个单元"), r.Count)
		} else {
			line("scope", "范围", c.tr("%d units, frozen at height %d, root %s", "%d 个单元，于高度 %d 确定，根 %s"), r.Count, r.Frozen, r.Root)
		}
		line("disposed, released", "已处置、已解除", "%d, %d", r.Disposed, r.Released)
		for _, h := range r.Holders {
			answer := c.tr("no answer", "未回应")
			if h.Acked != 0 {
				answer = fmt.Sprintf(c.tr("answered at height %d", "于高度 %d 回应"), h.Acked)
			}
			line("holder", "持有人", "%s %d %s", h.Member, h.Units, answer)
		}
	})
}
