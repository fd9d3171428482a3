package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"zhenglian/app/receipt"
	"zhenglian/app/row"
	"zhenglian/app/tx"
	"zhenglian/client"
	"zhenglian/client/api"
)

// The life of an entry of a list, step by step, and what holds.

// listWords names the lists in help texts.
func listWords() string {
	var words []string
	for _, l := range tx.Lists() {
		words = append(words, l.String())
	}
	return strings.Join(words, " | ")
}

// listLife are the commands for entries, acknowledgements and questions.
func (c *cli) listLife() []*cobra.Command {
	cmds := []*cobra.Command{c.listPropose()}
	cmds = append(cmds, c.listSteps()...)
	cmds = append(cmds, c.listConsumer(tx.EnrolConsumer, c.tr("a member must act on a list from now on", "指定成员为名单使用方")),
		c.listConsumer(tx.ReleaseConsumer, c.tr("a member need not act on a list any more", "解除成员的名单使用方义务")), c.listAck())
	return append(cmds, c.listShow(), c.listEntries(), c.listCheck(), c.listHistory(), c.listNotices(), c.listAcks(), c.listRule())
}

// theList reads the word of a list.
func (c *cli) theList(s string) (tx.List, error) {
	l, err := tx.ParseList(s)
	if err != nil {
		return 0, c.usage("%q is no list: want %s", "%q 不是名单种类：应为 %s", s, listWords())
	}
	return l, nil
}

func (c *cli) theTag(s string) (tx.Digest, error) {
	d, err := tx.ParseDigest(s)
	if err != nil {
		return d, c.usage("%q is not a tag: want 64 lower-case hex digits (zheng list tag makes them)", "%q 不是标签：应为 64 位小写十六进制（由 zheng list tag 生成）", s)
	}
	return d, nil
}

// day reads a date given in a flag.
func (c *cli) day(flag, s string) (tx.Date, error) {
	d, err := tx.ParseDate(s)
	if err != nil {
		return 0, c.usage("--%s %q: want a date like 2026-04-01", "--%s %q：应为日期，如 2026-04-01", flag, s)
	}
	return d, nil
}

func (c *cli) listPropose() *cobra.Command {
	var list, tag, uscc, law, reason, severity, basis string
	var measures, evidence []string
	var epoch int64
	cmd := &cobra.Command{
		Use: "propose", Args: c.args(0, 0), Short: c.tr("propose an entry", "提出列入"),
		Long: c.tr(`Proposes an entry about the subject with a tag, which zheng list tag makes from a
code with the list's key. Whether the list has a basis in law is stated by itself:
serious_dishonest and abnormal_operation have, the others have not.`,
			`就某标签所指主体提出列入；标签由 zheng list tag 以名单密钥生成。是否为法定名单
由名单种类决定并自动载明：serious_dishonest 与 abnormal_operation 为法定名单，其他不是。`),
		Example: `  zheng list propose --list serious_dishonest --tag 7b1e… --law samr_44_2021:9 --reason food_safety \
    --severity serious --measures no_honours,key_supervision --basis penalty.pdf --evidence 5e3f… --from officer1`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := c.theList(list)
			if err != nil {
				return err
			}
			b := &tx.Proposal{List: l, Measures: measures, Reason: reason, Severity: severity, Statutory: l.Statutory(), Subject: tx.ListedSubject{Epoch: epoch, USCC: uscc}}
			if b.Subject.Tag, err = c.theTag(tag); err != nil {
				return err
			}
			parts := append(strings.Split(law, ":"), "", "")
			b.Law.ID = parts[0]
			if b.Law.Article, err = strconv.ParseInt(parts[1], 10, 64); err != nil {
				return c.usage("--law %q: want LAW:ARTICLE or LAW:ARTICLE:PARAGRAPH", "--law %q：应为 法规代号:条 或 法规代号:条:款", law)
			}
			if parts[2] != "" {
				if b.Law.Paragraph, err = strconv.ParseInt(parts[2], 10, 64); err != nil {
					return c.usage("--law %q: want LAW:ARTICLE:PARAGRAPH", "--law %q：应为 法规代号:条:款", law)
				}
			}
			if basis != "" {
				if b.Basis, err = c.documentDigest(basis); err != nil {
					return err
				}
			}
			for _, e := range evidence {
				id, err := c.parseID(e)
				if err != nil {
					return err
				}
				b.Exhibits = append(b.Exhibits, id)
			}
			return c.state(cmd.Context(), tx.ListPropose, b, tx.ID{})
		},
	}
	c.signFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&list, "list", "", listWords())
	f.StringVar(&tag, "tag", "", c.tr("keyed pseudonym of the subject", "主体标签"))
	f.Int64Var(&epoch, "epoch", 1, c.tr("of the list's key that made the tag", "生成标签的名单密钥期号"))
	f.StringVar(&uscc, "uscc", "", c.tr("credit code to be public beside the tag, on a statutory list", "随标签公开的统一社会信用代码（限法定名单）"))
	f.StringVar(&law, "law", "", c.tr("LAW:ARTICLE[:PARAGRAPH], a law of the list's rule", "法规代号:条[:款]，须为名单规则所列"))
	f.StringVar(&reason, "reason", "", c.tr("see zheng list show", "见 zheng list show"))
	f.StringVar(&severity, "severity", tx.Serious, "minor | general | serious")
	f.StringSliceVar(&measures, "measures", nil, c.tr("of the list, ascending", "名单所允许的措施，升序"))
	f.StringVar(&basis, "basis", "", c.tr("penalty decision: a file, or its SHA-256", "行政处罚决定：文件或其 SHA-256"))
	f.StringSliceVar(&evidence, "evidence", nil, c.tr("ids of evidence", "证据编号"))
	return cmd
}

// A listStep is a command that continues an entry.
type listStep struct {
	name, en, zh string
	kind         tx.Kind
	flags        func(c *cli, cmd *cobra.Command) func(c *cli) (tx.Body, error)
}

// paper is a step that is a document and nothing else.
func paper(flag string) func(*cli, *cobra.Command) func(*cli) (tx.Body, error) {
	return func(c *cli, cmd *cobra.Command) func(*cli) (tx.Body, error) {
		s := cmd.Flags().String(flag, "", c.tr("the document: a file, or its SHA-256", "文书：文件或其 SHA-256"))
		return func(c *cli) (tx.Body, error) {
			d, err := c.documentDigest(*s)
			return &tx.Paper{Document: d}, err
		}
	}
}

// reasoned is a step that is a decision for a reason.
func reasoned(flag, reasons string) func(*cli, *cobra.Command) func(*cli) (tx.Body, error) {
	return func(c *cli, cmd *cobra.Command) func(*cli) (tx.Body, error) {
		s := cmd.Flags().String(flag, "", c.tr("the decision: a file, or its SHA-256", "决定书：文件或其 SHA-256"))
		reason := cmd.Flags().String("reason", "", reasons)
		return func(c *cli) (tx.Body, error) {
			d, err := c.documentDigest(*s)
			return &tx.Reasoned{Decision: d, Reason: *reason}, err
		}
	}
}

// decided is the step that decides an entry.
func decided(c *cli, cmd *cobra.Command) func(*cli) (tx.Body, error) {
	f := cmd.Flags()
	decision := f.String("decision", "", c.tr("the decision: a file, or its SHA-256", "决定书：文件或其 SHA-256"))
	remedy := f.String("remedy", "", c.tr("text on how to be removed: a file, or its SHA-256", "移出条件与程序说明：文件或其 SHA-256"))
	from := f.String("first-day", "", c.tr("first day, YYYY-MM-DD", "列入起始日"))
	repair := f.String("repair-from", "", c.tr("first day on which repair may be applied for", "可申请信用修复之日"))
	until := f.String("until", "", c.tr("first day on which it is no longer in force", "不再有效之日"))
	return func(c *cli) (tx.Body, error) {
		b := &tx.Listing{}
		var err error
		if b.Decision, err = c.documentDigest(*decision); err != nil {
			return nil, err
		}
		if b.Remedy, err = c.documentDigest(*remedy); err != nil {
			return nil, err
		}
		for _, d := range []struct {
			flag, value string
			to          *tx.Date
		}{{"first-day", *from, &b.From}, {"repair-from", *repair, &b.RepairFrom}, {"until", *until, &b.Until}} {
			if *d.to, err = c.day(d.flag, d.value); err != nil {
				return nil, err
			}
		}
		return b, nil
	}
}

var listSteps = []listStep{
	{"serve", "the party was told reasons, basis and rights", "送达告知书", tx.ListServe, func(c *cli, cmd *cobra.Command) func(*cli) (tx.Body, error) {
		f := cmd.Flags()
		notice := f.String("notice", "", c.tr("the notice: a file, or its SHA-256", "告知书：文件或其 SHA-256"))
		method := f.String("method", "direct", "direct | electronic | mail | public_notice")
		served := f.String("served", "", c.tr("date of service, YYYY-MM-DD", "送达日期"))
		by := f.String("respond-by", "", c.tr("last day for a response", "答辩截止日"))
		return func(c *cli) (tx.Body, error) {
			b := &tx.Service{Method: *method}
			var err error
			if b.Document, err = c.documentDigest(*notice); err != nil {
				return nil, err
			}
			if b.ServedOn, err = c.day("served", *served); err != nil {
				return nil, err
			}
			b.RespondBy, err = c.day("respond-by", *by)
			return b, err
		}
	}},
	{"defend", "the party has defended itself", "登记陈述申辩", tx.ListDefend, paper("defence")},
	{"hearing", "the party asks for a hearing", "登记听证申请", tx.ListHearing, paper("request")},
	{"hear", "the party was heard", "登记听取意见", tx.ListHear, func(c *cli, cmd *cobra.Command) func(*cli) (tx.Body, error) {
		record := cmd.Flags().String("record", "", c.tr("the record: a file, or its SHA-256", "笔录：文件或其 SHA-256"))
		held := cmd.Flags().String("held", "", c.tr("date, YYYY-MM-DD", "日期"))
		return func(c *cli) (tx.Body, error) {
			b := &tx.Hearing{}
			var err error
			if b.Record, err = c.documentDigest(*record); err != nil {
				return nil, err
			}
			b.HeldOn, err = c.day("held", *held)
			return b, err
		}
	}},
	{"waive", "the party does not use its right to be heard", "登记放弃陈述申辩", tx.ListWaive, func(c *cli, cmd *cobra.Command) func(*cli) (tx.Body, error) {
		declared := cmd.Flags().String("declaration", "", c.tr("what the party declared: a file, or its SHA-256", "当事人声明：文件或其 SHA-256"))
		reason := cmd.Flags().String("reason", tx.NoResponse, "declared | no_response | withdrawn")
		return func(c *cli) (tx.Body, error) {
			b := &tx.Waiver{Reason: *reason}
			var err error
			if *declared != "" {
				b.Document, err = c.documentDigest(*declared)
			}
			return b, err
		}
	}},
	{"review", "legal review, by another officer than proposed it", "法制审核（须由提出人以外的人员）", tx.ListReview, paper("opinion")},
	{"consent", "the superior consents", "上级机关同意", tx.ListConsent, paper("consent")},
	{"decide", "decide an entry, in the way of its list", "作出列入决定（按名单种类）", tx.ListDecide, decided},
	{"publish", "the entry comes into force", "公示", tx.ListPublish, func(c *cli, cmd *cobra.Command) func(*cli) (tx.Body, error) {
		s := cmd.Flags().String("summary", "", c.tr("what is published: a file, or its SHA-256", "公示内容：文件或其 SHA-256"))
		return func(c *cli) (tx.Body, error) {
			d, err := c.documentDigest(*s)
			return &tx.Publication{Summary: d}, err
		}
	}},
	{"repair", "the party applies for repair of its credit", "申请信用修复", tx.ListRepair, func(c *cli, cmd *cobra.Command) func(*cli) (tx.Body, error) {
		f := cmd.Flags()
		application := f.String("application", "", c.tr("a file, or its SHA-256", "申请书：文件或其 SHA-256"))
		promise := f.String("promise", "", c.tr("promise letter: a file, or its SHA-256", "信用承诺书：文件或其 SHA-256"))
		proof := f.String("fulfilment", "", c.tr("what proves that the obligations are met: a file, or its SHA-256", "履行义务证明：文件或其 SHA-256"))
		return func(c *cli) (tx.Body, error) {
			b := &tx.RepairApplication{}
			var err error
			for _, d := range []struct {
				value string
				to    *tx.Digest
			}{{*application, &b.Application}, {*promise, &b.Promise}, {*proof, &b.Proof}} {
				if *d.to, err = c.documentDigest(d.value); err != nil {
					return nil, err
				}
			}
			return b, nil
		}
	}},
	{"accept", "an application for repair is taken up", "受理信用修复申请", tx.ListAccept, paper("notice")},
	{"grant", "repair is granted: the entry ends", "准予信用修复（移出）", tx.ListGrant, paper("decision")},
	{"deny", "repair is denied", "不予信用修复", tx.ListDeny, reasoned("decision", "false_materials | harm_remains | incomplete | new_penalty | not_fulfilled")},
	{"reinstate", "repair was got by false materials", "撤销修复、恢复列入", tx.ListReinstate, reasoned("decision", "broken_promise | false_materials")},
	{"stay", "suspend an entry", "中止", tx.ListStay, reasoned("order", "administrative_review | court_order | reexamination")},
	{"resume", "the stay ends", "恢复（中止结束）", tx.ListResume, paper("order")},
	{"revoke", "the entry should not have been, or its basis has gone", "撤销列入", tx.ListRevoke, func(c *cli, cmd *cobra.Command) func(*cli) (tx.Body, error) {
		decision := cmd.Flags().String("decision", "", c.tr("the decision: a file, or its SHA-256", "决定书：文件或其 SHA-256"))
		ground := cmd.Flags().String("ground", "", "court_order | mistake | penalty_revoked | penalty_unlawful | penalty_void")
		since := cmd.Flags().String("since", "", c.tr("when the ground arose, YYYY-MM-DD", "事由发生之日"))
		return func(c *cli) (tx.Body, error) {
			b := &tx.Revocation{Ground: *ground}
			var err error
			if b.Decision, err = c.documentDigest(*decision); err != nil {
				return nil, err
			}
			b.Since, err = c.day("since", *since)
			return b, err
		}
	}},
	{"drop", "give the proposal up", "不予列入（撤回提议）", tx.ListDrop, func(c *cli, cmd *cobra.Command) func(*cli) (tx.Body, error) {
		reason := cmd.Flags().String("reason", "no_intent", "defence_holds | duplicate | mistake | no_intent | not_grave")
		return func(*cli) (tx.Body, error) { return &tx.Drop{Reason: *reason}, nil }
	}},
}

// listSteps makes the commands that continue an entry. decide states the kind by
// which the entry's list is decided.
func (c *cli) listSteps() (cmds []*cobra.Command) {
	for _, s := range listSteps {
		var body func(*cli) (tx.Body, error)
		cmd := &cobra.Command{
			Use: s.name + " ID", Short: c.tr(s.en, s.zh), Args: c.args(1, 1),
			RunE: func(cmd *cobra.Command, args []string) error {
				id, err := c.parseID(args[0])
				if err != nil {
					return err
				}
				b, err := body(c)
				if err != nil {
					return err
				}
				kind := s.kind
				if kind == tx.ListDecide {
					if kind, err = c.decider(cmd.Context(), id); err != nil {
						return err
					}
				}
				return c.state(cmd.Context(), kind, b, id)
			},
		}
		body = s.flags(c, cmd)
		c.signFlags(cmd)
		cmds = append(cmds, cmd)
	}
	return cmds
}

// decider is the kind by which the list of an entry is decided.
func (c *cli) decider(ctx context.Context, id tx.ID) (tx.Kind, error) {
	g, err := c.gateway()
	if err != nil {
		return "", err
	}
	e, err := g.ListEntry(ctx, id)
	if err != nil {
		return "", err
	}
	ls, err := g.Lists(ctx)
	if err != nil {
		return "", err
	}
	for _, l := range ls.Data {
		if l.List == e.List {
			return l.DecidedBy, nil
		}
	}
	return "", fmt.Errorf("the gateway does not know the list %s", e.List)
}

func (c *cli) listConsumer(action, short string) *cobra.Command {
	cmd := &cobra.Command{
		Use: action + " LIST MEMBER", Short: short, Args: c.args(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := c.theList(args[0])
			if err != nil {
				return err
			}
			m, err := c.memberArg(args[1])
			if err != nil {
				return err
			}
			return c.state(cmd.Context(), tx.ListConsumer, &tx.ConsumerChange{Action: action, List: l, Member: m}, tx.ID{})
		},
	}
	c.signFlags(cmd)
	return cmd
}

func (c *cli) listAck() *cobra.Command {
	b := &tx.Acknowledgement{}
	cmd := &cobra.Command{
		Use: "ack LIST", Args: c.args(1, 1), Short: c.tr("your member has acted on every notice up to one", "确认已按名单通知采取或解除措施"),
		Long: c.tr(`Says that your member has acted on every notice of the list up to --through: has
applied measures to --applied shops, accounts and the like, and lifted them from
--lifted, since its last acknowledgement. zheng list notices shows what is open.`,
			`确认本成员已处理该名单截至 --through 号的全部通知：自上次确认以来，对 --applied 个
店铺、账户等采取措施，对 --lifted 个解除措施。未确认的通知见 zheng list notices。`),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if b.List, err = c.theList(args[0]); err != nil {
				return err
			}
			return c.state(cmd.Context(), tx.ListAck, b, tx.ID{})
		},
	}
	c.signFlags(cmd)
	cmd.Flags().Int64Var(&b.Through, "through", 0, c.tr("number of the last notice acted on", "已处理的最后一条通知编号"))
	cmd.Flags().Int64Var(&b.Applied, "applied", 0, c.tr("how many measures were applied to", "采取措施的数量"))
	cmd.Flags().Int64Var(&b.Lifted, "lifted", 0, c.tr("from how many they were lifted", "解除措施的数量"))
	return cmd
}

// entryText prints an entry.
func (c *cli) entryText(w io.Writer, e *api.ListEntry) {
	state := string(e.State)
	if zh := row.ListStateZH(e.State); zh != "" && c.zh {
		state = zh
	}
	fmt.Fprintf(w, "%s  %s\n", e.ID, state)
	statutory := c.tr("statutory", "法定")
	if !e.Statutory {
		statutory = c.tr("not statutory", "非法定")
	}
	c.field(w, "list", "名单", "%s (%s)", e.List, statutory)
	c.field(w, "tag", "标签", "%s, %s %d", e.Tag, c.tr("epoch", "密钥期号"), e.Epoch)
	if e.USCC != "" {
		c.field(w, "credit code", "统一社会信用代码", "%s", e.USCC)
	}
	c.field(w, "proposed by", "提出机关", "%s, %s %d", e.Member, c.tr("height", "高度"), e.Height)
	c.field(w, "reason", "事由", "%s, %s; %s", e.Reason, e.Severity, e.Law)
	c.field(w, "measures", "措施", "%s", strings.Join(e.Measures, " "))
	if e.Until != "" {
		c.field(w, "term", "期限", "%s – %s; %s %s", e.From, e.Until, c.tr("repair from", "可申请修复"), e.RepairFrom)
	}
}

func (c *cli) listShow() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show [ID]", Args: c.args(0, 1), Short: c.tr("an entry; without ID, the lists and their rules", "查看名单记录；不带编号则列出各名单及其规则"),
		RunE: func(cmd *cobra.Command, args []string) error {
			g, err := c.gateway()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				id, err := c.parseID(args[0])
				if err != nil {
					return err
				}
				e, err := g.ListEntry(cmd.Context(), id)
				if err != nil {
					return err
				}
				return c.print(e, func(w io.Writer) { c.entryText(w, e) })
			}
			p, err := g.Lists(cmd.Context())
			if err != nil {
				return err
			}
			return rows(c, p.Data, func(w io.Writer, l api.ListInfo) {
				fmt.Fprintf(w, "%s  %s\n", l.List, l.NameZH)
				c.field(w, "statutory", "法定名单", "%s", map[bool]string{true: c.tr("yes", "是"), false: c.tr("no", "否")}[l.Statutory])
				c.field(w, "in force", "有效记录", "%d, %s %d", l.Entries, c.tr("newest notice", "最新通知编号"), l.Notices)
				c.field(w, "decided by", "决定方式", "%s", l.DecidedBy)
				c.field(w, "laws", "法律依据", "%s", strings.Join(l.Laws, " "))
				for _, t := range l.Terms {
					c.field(w, t.Severity, t.Severity, c.tr("%d to %d months", "%d 至 %d 个月"), t.Min, t.Max)
				}
				c.field(w, "reasons", "事由", "%s", strings.Join(l.Reasons, " "))
				c.field(w, "measures", "措施", "%s", strings.Join(l.Measures, " "))
			})
		},
	}
	c.gatewayFlag(cmd)
	return cmd
}

func (c *cli) listEntries() *cobra.Command {
	var state string
	cmd := &cobra.Command{
		Use: "entries LIST", Args: c.args(1, 1), Short: c.tr("the entries of a list", "列出名单记录"),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := c.theList(args[0])
			if err != nil {
				return err
			}
			g, err := c.gateway()
			if err != nil {
				return err
			}
			for e, err := range g.AllListEntries(cmd.Context(), l, api.ListEntryQuery{State: row.State(state)}) {
				if err != nil {
					return err
				}
				if err := c.print(e, func(w io.Writer) { c.entryText(w, &e) }); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.gatewayFlag(cmd)
	cmd.Flags().StringVar(&state, "state", "", c.tr("only those in this state, such as PUBLISHED", "仅列出处于该状态的记录，如 PUBLISHED"))
	return cmd
}

// A checked subject is what a proof says of a tag.
type checkedSubject struct {
	Verdict string        `json:"verdict"` // VERIFIED
	List    tx.List       `json:"list"`
	Tag     tx.Digest     `json:"tag"`
	Found   bool          `json:"found"`
	Height  int64         `json:"height"`
	Proven  string        `json:"proven"` // time of the header that signs the state
	InForce []api.InForce `json:"in_force"`
}

func (c *cli) listCheck() *cobra.Command {
	var proof, out, date string
	var height int64
	cmd := &cobra.Command{
		Use: "check LIST TAG --trust TRUST", Args: c.args(2, 2), Short: c.tr("is it in force about a tag? with a proof", "核验标签是否在名单上（附证明）"),
		Long: c.tr(`Asks the gateway what is in force about a tag, and checks its proof, of presence
or of absence, against --trust: it holds whoever the gateway is. --height or --date
ask for the past. --out keeps the proof; --proof checks a kept one without a network.

Exit codes: 0 the proof holds, whatever it says (in_force in -o json); 3 NOT VERIFIED.`,
			`向网关查询标签的在册情况，并按 --trust 核验其存在或不存在的证明：无论网关是否可信均
成立。--height 或 --date 查询过去；--out 保存证明；--proof 离线核验已保存的证明。

退出码：0 证明成立（在册与否见 -o json 的 in_force）；3 核验不通过。`),
		Example: `  zheng list check serious_dishonest 7b1e… --trust trust.json --date 2026-06-30 --out proof.json
  zheng list check serious_dishonest 7b1e… --trust trust.json --proof proof.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := c.theList(args[0])
			if err != nil {
				return err
			}
			tag, err := c.theTag(args[1])
			if err != nil {
				return err
			}
			trust, err := c.trustRoot()
			if err != nil {
				return err
			}
			if trust == nil {
				return c.usage("give --trust FILE, a trust root from a source of your own: without one nothing is proven", "请用 --trust 给出由独立渠道取得的信任根文件，否则无从核验")
			}
			var b []byte
			if proof != "" {
				b, err = os.ReadFile(proof)
			} else {
				b, err = c.askSubject(cmd.Context(), l, tag, height, date)
			}
			if err != nil {
				return err
			}
			p, in, err := client.CheckSubject(b, l, tag, trust)
			if err != nil {
				return errors.Join(errNotVerified, err)
			}
			if height != 0 && p.Height != height {
				return errors.Join(errNotVerified, fmt.Errorf("the proof is of height %d", p.Height))
			}
			if out != "" {
				if err := os.WriteFile(out, b, 0o644); err != nil {
					return err
				}
			}
			return c.printSubject(l, tag, p, in)
		},
	}
	c.gatewayFlag(cmd)
	c.trustFlag(cmd)
	f := cmd.Flags()
	f.StringVar(&proof, "proof", "", c.tr("check this kept proof, without a network", "离线核验该证明文件"))
	f.StringVar(&out, "out", "", c.tr("file to keep the proof in", "保存证明的文件"))
	f.Int64Var(&height, "height", 0, c.tr("after this block", "该高度的状态"))
	f.StringVar(&date, "date", "", c.tr("as of the end of this day in China, YYYY-MM-DD", "该日（中国时间）终了时的状态"))
	return cmd
}

// askSubject fetches the proof of what is in force about a tag.
func (c *cli) askSubject(ctx context.Context, l tx.List, tag tx.Digest, height int64, date string) (json.RawMessage, error) {
	if date != "" {
		if _, err := c.day("date", date); err != nil {
			return nil, err
		}
	}
	g, err := c.gateway()
	if err != nil {
		return nil, err
	}
	s, err := g.Subject(ctx, l, tag, height, date)
	if err != nil {
		return nil, err
	}
	return s.Proof, nil
}

func (c *cli) printSubject(l tx.List, tag tx.Digest, p *receipt.StateProof, in row.Subject) error {
	s := &checkedSubject{Verdict: "VERIFIED", List: l, Tag: tag, Found: len(in) > 0, Height: p.Height, Proven: p.Block.Header.Time.String(), InForce: []api.InForce{}}
	for _, e := range in {
		s.InForce = append(s.InForce, api.InForce{Seq: e.Seq, State: e.State, From: e.From, Until: e.Until})
	}
	return c.print(s, func(w io.Writer) {
		if !s.Found {
			fmt.Fprintf(w, c.tr("VERIFIED: nothing is in force about the tag on %s after height %d (%s)\n", "VERIFIED：高度 %[2]d（%[3]s）时，%[1]s 上没有该标签的有效记录\n"), l, s.Height, s.Proven)
			return
		}
		fmt.Fprintf(w, c.tr("VERIFIED: in force about the tag on %s after height %d (%s):\n", "VERIFIED：高度 %[2]d（%[3]s）时，%[1]s 上该标签的有效记录：\n"), l, s.Height, s.Proven)
		for _, e := range s.InForce {
			state := string(e.State)
			if c.zh {
				state = row.ListStateZH(e.State)
			}
			c.field(w, "entry", "记录", "%d, %s, %s – %s", e.Seq, state, e.From, e.Until)
		}
	})
}

// noticeText prints a notice.
func (c *cli) noticeText(w io.Writer, n api.ListNotice) {
	action := map[string]string{row.Apply: c.tr("apply", "采取措施"), row.Lift: c.tr("lift", "解除措施")}[n.Action]
	fmt.Fprintf(w, "%d  %s  %s  %s\n", n.Number, action, n.State, n.Entry)
	c.field(w, "tag", "标签", "%s", n.Tag)
	c.field(w, "height", "高度", "%d, %s", n.Height, n.BlockTime)
	if n.Due != "" {
		c.field(w, "due", "期限", "%s", n.Due)
	}
	if len(n.Open) > 0 {
		c.field(w, "open", "未确认", "%v", n.Open)
	}
	if len(n.Overdue) > 0 {
		c.field(w, "OVERDUE", "逾期", "%v", n.Overdue)
	}
}

func (c *cli) listHistory() *cobra.Command {
	cmd := &cobra.Command{
		Use: "history LIST TAG", Args: c.args(2, 2), Short: c.tr("when entries about a tag came into force and ended", "标签的列入与移出历史"),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := c.theList(args[0])
			if err != nil {
				return err
			}
			tag, err := c.theTag(args[1])
			if err != nil {
				return err
			}
			g, err := c.gateway()
			if err != nil {
				return err
			}
			p, err := g.SubjectHistory(cmd.Context(), l, tag)
			if err != nil {
				return err
			}
			return rows(c, p.Data, c.noticeText)
		},
	}
	c.gatewayFlag(cmd)
	return cmd
}

func (c *cli) listNotices() *cobra.Command {
	var member string
	cmd := &cobra.Command{
		Use: "notices LIST", Args: c.args(1, 1), Short: c.tr("what came into force or ended, and who has not acted on it", "名单通知及未确认方"),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := c.theList(args[0])
			if err != nil {
				return err
			}
			var m tx.MemberID
			if member != "" {
				if m, err = c.memberArg(member); err != nil {
					return err
				}
			}
			g, err := c.gateway()
			if err != nil {
				return err
			}
			for n, err := range g.AllListNotices(cmd.Context(), l, m) {
				if err != nil {
					return err
				}
				if err := c.print(n, func(w io.Writer) { c.noticeText(w, n) }); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.gatewayFlag(cmd)
	cmd.Flags().StringVar(&member, "member", "", c.tr("only what this consumer has not acknowledged", "仅列出该使用方未确认的通知"))
	return cmd
}

func (c *cli) listAcks() *cobra.Command {
	cmd := &cobra.Command{
		Use: "acks LIST", Args: c.args(1, 1), Short: c.tr("how far each consumer has acknowledged a list", "各使用方的确认情况"),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := c.theList(args[0])
			if err != nil {
				return err
			}
			g, err := c.gateway()
			if err != nil {
				return err
			}
			p, err := g.ListAcks(cmd.Context(), l)
			if err != nil {
				return err
			}
			return rows(c, p.Data, func(w io.Writer, a api.ListAck) {
				fmt.Fprintf(w, "%s\n", a.Member)
				c.field(w, "acknowledged", "已确认至", "%d / %d", a.Through, a.Newest)
				c.field(w, "open", "未确认", "%d", a.Open)
				if a.Overdue > 0 {
					c.field(w, "OVERDUE", "逾期", "%d", a.Overdue)
				}
				c.field(w, "applied, lifted", "采取、解除", "%d, %d", a.Applied, a.Lifted)
			})
		},
	}
	c.gatewayFlag(cmd)
	return cmd
}
