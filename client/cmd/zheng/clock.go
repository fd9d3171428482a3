package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"zhenglian/app/receipt"
	"zhenglian/app/row"
	"zhenglian/app/tx"
	"zhenglian/client"
	"zhenglian/client/api"
)

func (c *cli) clockCmd() *cobra.Command {
	return c.noun("clock", "statutory deadlines: what is open, what is overdue, and its proof", "法定时限：未结、逾期及其证明",
		append([]*cobra.Command{c.clockList(), c.clockShow(), c.clockProve(), c.clockVerify()}, c.clockSteps()...)...)
}

// clockWords are the states of a clock in Chinese.
var clockWords = map[string]string{api.ClockRunning: "计时", api.ClockPaused: "中止", api.ClockOverdue: "逾期", api.ClockStopped: "已结"}

func (c *cli) clockState(s string) string { return c.tr(strings.ToUpper(s), clockWords[s]) }

func (c *cli) clockList() *cobra.Command {
	var member, state, matter string
	cmd := &cobra.Command{
		Use: "list", Args: c.args(0, 0), Short: c.tr("list deadlines: of a member, in a state, of a matter", "列出时限：按成员、状态或事项"),
		Long: c.tr(`Lists statutory deadlines, by member. --state open is what is not stopped: running,
paused or overdue. What consumers of lists have not acknowledged comes last, as
LIST/NUMBER of the notice. The last day ends at 24:00 in Asia/Shanghai, by block time.`,
			`按成员列出法定时限。--state open 为全部未结：计时、中止、逾期。名单使用方未确认的通知列于最后，
以“名单/通知号”表示。末日以区块时间（东八区）24 时为止。`),
		Example: "  zheng clock list --member hangzhou-amr --state overdue",
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := api.ClockQuery{State: state, Limit: api.MaxLimit}
			var err error
			if member != "" {
				if q.Member, err = c.memberArg(member); err != nil {
					return err
				}
			}
			if states := []string{"", api.ClockOpen, api.ClockRunning, api.ClockPaused, api.ClockOverdue, api.ClockStopped}; !slices.Contains(states, state) {
				return c.usage("--state %q: want one of%s", "--state %q：应为%s", state, strings.Join(states, " "))
			}
			if matter != "" {
				if q.Matter, err = tx.ParseID(matter); err != nil || q.Matter.IsZero() {
					return c.usage("--matter %q: want the id of a statement", "--matter %q：应为陈述编号", matter)
				}
			}
			g, err := c.gateway()
			if err != nil {
				return err
			}
			for k, err := range g.AllClocks(cmd.Context(), q) {
				if err != nil {
					return err
				}
				if err := c.print(k, func(w io.Writer) {
					of := strconv.FormatUint(k.Seq, 10)
					if k.Notice != 0 {
						of = k.List + "/" + strconv.FormatUint(k.Notice, 10)
					}
					fmt.Fprintf(w, "%-8s %s %-24s %-20s %s %s\n", c.clockState(k.State), k.Due, k.Member, k.Code, of, k.Matter)
				}); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&member, "member", "", c.tr("who has to act", "应办成员"))
	cmd.Flags().StringVar(&state, "state", "", c.tr("open, running, paused, overdue or stopped", "open、running、paused、overdue 或 stopped"))
	cmd.Flags().StringVar(&matter, "matter", "", c.tr("id of a statement of the matter", "事项中任一陈述的编号"))
	c.gatewayFlag(cmd)
	return cmd
}

// clockArgs reads MATTER MEMBER CODE. The matter is the number of the log entry
// that opened it, or the id of any of its statements, which g looks up.
func (c *cli) clockArgs(ctx context.Context, g *client.Client, args []string) (id row.ClockID, err error) {
	if id.Member, err = c.memberArg(args[1]); err != nil {
		return id, err
	}
	if id.Code = tx.ClockCode(args[2]); !id.Code.Valid() {
		return id, c.usage("%q is not the code of a deadline such as EVIDENCE_ANSWER", "%q 不是时限代码，应如 EVIDENCE_ANSWER", args[2])
	}
	if id.Matter, err = strconv.ParseUint(args[0], 10, 63); err == nil {
		return id, nil
	}
	matter, err := tx.ParseID(args[0])
	if err != nil || g == nil {
		return id, c.usage("%q is not a matter: want the number of the log entry that opened it", "%q 不是事项：应为其开启条目的序号", args[0])
	}
	p, err := g.Clocks(ctx, api.ClockQuery{Matter: matter, Member: id.Member})
	if err != nil {
		return id, err
	}
	for _, k := range p.Data {
		if k.Code == id.Code {
			id.Matter = k.Seq
			return id, nil
		}
	}
	return id, fmt.Errorf(c.tr("clock %s of %s %w", "%[2]s 的时限 %[1]s %[3]w"), id.Code, id.Member, errNotFound)
}

// A noticeArg is what a consumer of a list owes: the acknowledgement of a notice.
type noticeArg struct {
	list   tx.List
	number uint64
	member tx.MemberID
	code   tx.ClockCode
}

// noticeArgs reads LIST/NUMBER MEMBER CODE; nil when the first is no such thing.
func (c *cli) noticeArgs(args []string) (*noticeArg, error) {
	name, number, ok := strings.Cut(args[0], "/")
	if !ok {
		return nil, nil
	}
	n := &noticeArg{code: tx.ClockCode(args[2])}
	var err error
	if n.list, err = c.theList(name); err != nil {
		return nil, err
	}
	if n.number, err = strconv.ParseUint(number, 10, 63); err != nil || n.number == 0 {
		return nil, c.usage("%q: want LIST/NUMBER", "%q：应为 名单/通知号", args[0])
	}
	n.member, err = c.memberArg(args[1])
	return n, err
}

// verify checks the proof of the acknowledgement, or, of none, that of a clock.
func (n *noticeArg) verify(b []byte, id row.ClockID, t *receipt.Trust) (*client.ProvenClock, error) {
	if n == nil {
		return client.VerifyClock(b, id, t)
	}
	k, err := client.VerifyListAck(b, n.list, n.number, n.member, t)
	if err == nil && k.Code != n.code {
		return nil, fmt.Errorf("the notice is to be acknowledged under %s", k.Code)
	}
	return k, err
}

func (c *cli) clockShow() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show MATTER MEMBER CODE", Args: c.args(3, 3), Short: c.tr("show a deadline", "查看一项时限"),
		Long: c.tr("MATTER is the number of the log entry that opened the matter, or the id of one of its statements.",
			"MATTER 为开启事项的条目序号，或该事项任一陈述的编号。"),
		RunE: func(cmd *cobra.Command, args []string) error {
			g, err := c.gateway()
			if err != nil {
				return err
			}
			id, err := c.clockArgs(cmd.Context(), g, args)
			if err != nil {
				return err
			}
			k, err := g.Clock(cmd.Context(), id.Matter, id.Member, id.Code)
			if err != nil {
				return err
			}
			return c.print(k, func(w io.Writer) {
				fmt.Fprintf(w, "%s %s\n", strings.TrimSpace(c.clockState(k.State)+" "+k.Ground), k.Code)
				c.field(w, "member", "成员", "%s", k.Member)
				c.field(w, "matter", "事项", "%s (%d)", k.Matter, k.Seq)
				c.field(w, "last day", "末日", "%s", k.Due)
				if k.Ends != 0 {
					c.field(w, "until", "截止时刻", "%s", k.Ends)
				}
				c.field(w, "counted", "计算", "%d %s, %s", k.Count, k.Unit, k.From)
				c.field(w, "rule set", "规则集", "%d", k.RuleSet)
				c.field(w, "round", "次数", "%d", k.Round)
				c.field(w, "overdue", "逾期次数", "%d", k.Breaches)
				if k.Late != 0 {
					c.field(w, "found overdue at height", "认定逾期的高度", "%d", k.Late)
				}
			})
		},
	}
	c.gatewayFlag(cmd)
	return cmd
}

func (c *cli) clockProve() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "prove MATTER MEMBER CODE", Args: c.args(3, 3), Short: c.tr("fetch the proof of where a deadline stands", "取得时限状态的证明"),
		Long: c.tr(`Writes a state proof to a file, or to standard output: anybody can check it offline,
zheng clock verify. With --trust it is checked before it is written. Of what a consumer
of a list has to acknowledge, MATTER is LIST/NUMBER of the notice.`,
			`将状态证明写入文件或标准输出；任何人可用 zheng clock verify 离线核验。给出 --trust 时先核验再写出。
使用方对名单通知的确认，MATTER 写作“名单/通知号”。`),
		Example: "  zheng clock prove 17 hangzhou-amr EVIDENCE_ANSWER --out overdue.proof.json\n  zheng clock prove negative_index/12 platform-a LIST_ACK --out unheeded.proof.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			g, err := c.gateway()
			if err != nil {
				return err
			}
			trust, err := c.trustRoot()
			if err != nil {
				return err
			}
			n, err := c.noticeArgs(args)
			if err != nil {
				return err
			}
			var id row.ClockID
			var b []byte
			if n != nil {
				b, err = g.ListAckProof(cmd.Context(), n.list, n.number, n.member)
			} else if id, err = c.clockArgs(cmd.Context(), g, args); err == nil {
				b, err = g.ClockProof(cmd.Context(), id.Matter, id.Member, id.Code)
			}
			if err != nil {
				return err
			}
			if trust != nil {
				if _, err := n.verify(b, id, trust); err != nil {
					return fmt.Errorf("%w: %w", errNotVerified, err)
				}
			}
			if out == "" {
				_, err = c.out.Write(append(b, '\n'))
				return err
			}
			return os.WriteFile(out, b, 0o644)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", c.tr("file to write", "写入的文件"))
	c.gatewayFlag(cmd)
	c.trustFlag(cmd)
	return cmd
}

// clockVerdict is what zheng clock verify prints.
type clockVerdict struct {
	Verdict  string       `json:"verdict"`
	Code     tx.ClockCode `json:"code,omitempty"`
	Member   tx.MemberID  `json:"member,omitempty"`
	Seq      uint64       `json:"seq"`
	State    string       `json:"state,omitempty"`
	Due      tx.Date      `json:"due"`
	Late     int64        `json:"late,omitempty"`
	Height   int64        `json:"height"`
	SealedAt tx.Time      `json:"sealed_at"`
}

func (c *cli) clockVerify() *cobra.Command {
	cmd := &cobra.Command{
		Use: "verify PROOF MATTER MEMBER CODE", Args: c.args(4, 4), Short: c.tr("check a proof of a deadline offline", "离线核验时限证明"),
		Long: c.tr(`Checks, without asking anybody, that the state of a block which the validators of
--trust signed says where this deadline stood. MATTER is the number of the log entry
that opened the matter, or LIST/NUMBER of the notice that a consumer is to acknowledge. The answer holds as of that block.`,
			`不联网核验：--trust 所列验证节点签署的区块状态中，该时限处于何种状态。MATTER 为开启事项的条目序号，或使用方
应确认通知的“名单/通知号”。结论以该区块为准。`),
		RunE: func(_ *cobra.Command, args []string) error {
			trust, err := c.trustRoot()
			if err != nil {
				return err
			}
			if trust == nil {
				return c.usage("--trust FILE is missing: there is nothing else to check against", "须给出 --trust 信任根文件")
			}
			n, err := c.noticeArgs(args[1:])
			if err != nil {
				return err
			}
			var id row.ClockID
			if n == nil {
				if id, err = c.clockArgs(context.Background(), nil, args[1:]); err != nil {
					return err
				}
			}
			b, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			k, err := n.verify(b, id, trust)
			if err != nil {
				return fmt.Errorf("%w: %w", errNotVerified, err)
			}
			v := clockVerdict{"VERIFIED", k.Code, k.Member, k.Matter, k.State, k.Due, k.Late, k.Height, k.SealedAt}
			return c.print(v, func(w io.Writer) {
				fmt.Fprintf(w, "%s %s\n", c.tr("VERIFIED", "核验通过"), c.clockState(k.State))
				c.field(w, "deadline", "时限", "%s, %s, %d", k.Code, k.Member, k.Matter)
				c.field(w, "last day", "末日", "%s", k.Due)
				if k.Late != 0 {
					c.field(w, "found overdue at height", "认定逾期的高度", "%d", k.Late)
				}
				c.field(w, "as of", "截至", "%d, %s", k.Height, k.SealedAt)
			})
		},
	}
	c.trustFlag(cmd)
	return cmd
}

func (c *cli) rulesetCmd() *cobra.Command {
	list := &cobra.Command{
		Use: "list", Args: c.args(0, 0), Short: c.tr("list the rule sets", "列出规则集"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			sets, err := c.ruleSets(cmd.Context())
			if err != nil {
				return err
			}
			return rows(c, sets, func(w io.Writer, s api.RuleSet) {
				fmt.Fprintf(w, "%3d %s %-24s %d %s\n", s.Number, s.Effective, s.Name, len(s.Deadlines), s.Source)
			})
		},
	}
	show := &cobra.Command{
		Use: "show NUMBER|NAME|CODE", Args: c.args(1, 1), Short: c.tr("show a rule set, or every rule set that has a deadline", "查看规则集，或含某时限代码的全部规则集"),
		RunE: func(cmd *cobra.Command, args []string) error {
			sets, err := c.ruleSets(cmd.Context())
			if err != nil {
				return err
			}
			code := tx.ClockCode(args[0])
			sets = slices.DeleteFunc(sets, func(s api.RuleSet) bool {
				return strconv.FormatUint(uint64(s.Number), 10) != args[0] && s.Name != args[0] &&
					!slices.ContainsFunc(s.Deadlines, func(d api.Deadline) bool { return d.Code == code })
			})
			if len(sets) == 0 {
				return fmt.Errorf(c.tr("rule set %s %w", "规则集 %s %w"), args[0], errNotFound)
			}
			return rows(c, sets, func(w io.Writer, s api.RuleSet) {
				fmt.Fprintf(w, "%d %s\n", s.Number, s.Name)
				c.field(w, "in force from", "施行日期", "%s", s.Effective)
				c.field(w, "source", "依据", "%s", s.Source)
				for _, d := range s.Deadlines {
					if code.Valid() && d.Code != code {
						continue
					}
					marks := ""
					if d.Tentative {
						marks += c.tr(", to be confirmed", "，待确认")
					}
					if !d.InForce {
						marks += c.tr(", not in force", "，未施行")
					}
					fmt.Fprintf(w, "  %-20s %s%s (%s)\n", d.Code, deadlineLength(d), marks, d.Basis)
				}
			})
		},
	}
	propose := c.govern("propose FILE", c.tr("propose deadlines from a day on", "提议自某日起施行的时限"), 1, tx.GovRuleset, func(_ context.Context, args []string) (tx.Body, error) {
		var f ruleSetFile
		if err := c.readJSON(args[0], &f); err != nil {
			return nil, err
		}
		b := &tx.RuleSet{Effective: f.Effective, Name: f.Name, Source: f.Source, SHA256: f.SHA256}
		for _, d := range f.Deadlines {
			b.Deadlines = append(b.Deadlines, tx.Deadline{Basis: d.Basis, Code: d.Code, Count: d.Count, Extend: d.Extend, Pause: d.Pause, Roll: d.Roll, Tentative: d.Tentative, Unit: d.Unit})
		}
		slices.SortFunc(b.Deadlines, func(a, b tx.Deadline) int { return strings.Compare(string(a.Code), string(b.Code)) })
		return b, nil
	})
	propose.Long = c.tr(`FILE is JSON, - for standard input:

  {"name": "complaints-2027", "effective": "2027-01-01", "source": "…",
   "deadlines": [{"code": "ACCEPT", "count": 7, "unit": "workdays", "basis": "art. 14"}]}

unit is workdays, days, hours, months, years or none; extend, roll, tentative and pause,
the grounds on which the time stands still, are optional.`,
		`FILE 为 JSON 文件，- 表示标准输入，格式：

  {"name": "complaints-2027", "effective": "2027-01-01", "source": "…",
   "deadlines": [{"code": "ACCEPT", "count": 7, "unit": "workdays", "basis": "第十四条"}]}

unit 为 workdays、days、hours、months、years 或 none；extend、roll、tentative 及 pause（可中止的事由）可省略。`)
	for _, cmd := range []*cobra.Command{list, show} {
		c.gatewayFlag(cmd)
	}
	return c.noun("ruleset", "deadlines as laws set them", "时限规则集", list, show, propose)
}

// ruleSetFile is a rule set as people write it.
type ruleSetFile struct {
	Name      string    `json:"name"`
	Effective tx.Date   `json:"effective"`
	Source    string    `json:"source"`
	SHA256    tx.Digest `json:"source_sha256"`
	Deadlines []struct {
		Code      tx.ClockCode `json:"code"`
		Count     int64        `json:"count"`
		Unit      string       `json:"unit"`
		Extend    int64        `json:"extend"`
		Pause     []string     `json:"pause"`
		Roll      bool         `json:"roll"`
		Tentative bool         `json:"tentative"`
		Basis     string       `json:"basis"`
	} `json:"deadlines"`
}

func (c *cli) ruleSets(ctx context.Context) ([]api.RuleSet, error) {
	g, err := c.gateway()
	if err != nil {
		return nil, err
	}
	p, err := g.RuleSets(ctx)
	if err != nil {
		return nil, err
	}
	return p.Data, nil
}

func deadlineLength(d api.Deadline) string {
	s := fmt.Sprintf("%d %s", d.Count, d.Unit)
	if d.Extend != 0 {
		s += fmt.Sprintf(" + %d", d.Extend)
	}
	if len(d.Pause) > 0 {
		s += ", ‖ " + strings.Join(d.Pause, " ")
	}
	return s
}

func (c *cli) calendarCmd() *cobra.Command {
	calendars := func(ctx context.Context) ([]api.Calendar, error) {
		g, err := c.gateway()
		if err != nil {
			return nil, err
		}
		p, err := g.Calendars(ctx)
		if err != nil {
			return nil, err
		}
		return p.Data, nil
	}
	list := &cobra.Command{
		Use: "list", Args: c.args(0, 0), Short: c.tr("list the calendars", "列出工作日历"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := calendars(cmd.Context())
			if err != nil {
				return err
			}
			return rows(c, all, func(w io.Writer, y api.Calendar) {
				fmt.Fprintf(w, "%d %d %d %s\n", y.Year, len(y.Holidays), len(y.Workdays), y.Source)
			})
		},
	}
	show := &cobra.Command{
		Use: "show YEAR", Args: c.args(1, 1), Short: c.tr("show a year's holidays and make-up workdays", "查看某年的节假日与调休上班日"),
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := calendars(cmd.Context())
			if err != nil {
				return err
			}
			i := slices.IndexFunc(all, func(y api.Calendar) bool { return strconv.FormatInt(y.Year, 10) == args[0] })
			if i < 0 {
				return fmt.Errorf(c.tr("calendar of %s %w", "%s 年日历 %w"), args[0], errNotFound)
			}
			return c.print(all[i], func(w io.Writer) {
				fmt.Fprintf(w, "%d\n", all[i].Year)
				c.field(w, "source", "依据", "%s", all[i].Source)
				for _, l := range []struct {
					en, zh string
					days   []tx.Date
				}{{"not worked", "放假", all[i].Holidays}, {"worked", "上班", all[i].Workdays}} {
					words := make([]string, len(l.days))
					for j, d := range l.days {
						words[j] = d.String()
					}
					c.field(w, l.en, l.zh, "%s", strings.Join(words, " "))
				}
			})
		},
	}
	propose := c.govern("propose FILE", c.tr("propose a year's calendar", "提议某年的工作日历"), 1, tx.GovCalendar, func(_ context.Context, args []string) (tx.Body, error) {
		var f struct {
			Year     int64     `json:"year"`
			Holidays []tx.Date `json:"holidays"`
			Workdays []tx.Date `json:"workdays"`
			Source   string    `json:"source"`
			SHA256   tx.Digest `json:"source_sha256"`
		}
		if err := c.readJSON(args[0], &f); err != nil {
			return nil, err
		}
		slices.Sort(f.Holidays)
		slices.Sort(f.Workdays)
		return &tx.Calendar{Holidays: f.Holidays, Source: f.Source, SHA256: f.SHA256, Workdays: f.Workdays, Year: f.Year}, nil
	})
	propose.Long = c.tr(`FILE is JSON, - for standard input:

  {"year": 2027, "source": "…", "holidays": ["2027-01-01"], "workdays": ["2027-02-14"]}

Mondays to Fridays are worked but for holidays, Saturdays and Sundays are not but for workdays.`,
		`FILE 为 JSON 文件，- 表示标准输入，格式：

  {"year": 2027, "source": "…", "holidays": ["2027-01-01"], "workdays": ["2027-02-14"]}

holidays 为放假日，workdays 为调休上班的周六、周日；其余周一至周五为工作日。`)
	for _, cmd := range []*cobra.Command{list, show} {
		c.gatewayFlag(cmd)
	}
	return c.noun("calendar", "working-day calendars", "工作日历", list, show, propose)
}

// readJSON reads a file of exactly the members that v has; - is standard input.
func (c *cli) readJSON(path string, v any) error {
	in := c.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	d := json.NewDecoder(io.LimitReader(in, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return c.usage("%s: %w", "%s：%w", path, err)
	}
	return nil
}
