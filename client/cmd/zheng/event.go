package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"zhenglian/app/tx"
	"zhenglian/client"
	"zhenglian/client/api"
)

func (c *cli) eventCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "event", Short: c.tr("what blocks do, as it happens", "区块事件"), Args: c.args(0, 0), RunE: c.group,
	}
	cmd.AddCommand(c.eventFollowCmd())
	return cmd
}

func (c *cli) eventFollowCmd() *cobra.Command {
	var types, kinds []string
	var member, list, after, cursor string
	var matter int64
	var until bool
	cmd := &cobra.Command{
		Use: "follow", Args: c.args(0, 0), Short: c.tr("follow accepted statements and changes of the state", "跟踪已收录的陈述与状态变更"),
		Long: c.tr(`Prints events as blocks make them, from now on or after --after, until interrupted.
A connection that breaks is made again; no event is missing and none comes twice.
With --cursor FILE the place is kept in a file: the next run goes on there, so that
a program that reads the output sees every event at least once.`,
			`持续输出区块事件，自当前或 --after 之后开始，直至中断。断线自动重连，不丢不重。
--cursor FILE 把位置记入文件，下次运行由此继续，读取输出的程序至少看到每个事件一次。`),
		Example: `  zheng event follow --kind list --type matter.changed -o json
  zheng event follow --after 0 --until-now --member hangzhou-amr`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			g, err := c.gateway()
			if err != nil {
				return err
			}
			o := client.EventOptions{EventQuery: api.EventQuery{Types: types, Kinds: kinds, List: list, Member: tx.MemberID(member)}}
			if matter >= 0 {
				n := uint64(matter)
				o.Matter = &n
			}
			if err := o.Check(); err != nil {
				return c.usage("%v", "%v", err)
			}
			if cursor != "" {
				b, err := os.ReadFile(cursor)
				switch {
				case err == nil:
					after = strings.TrimSpace(string(b))
				case !os.IsNotExist(err):
					return err
				}
			}
			if after != "" {
				id, err := api.ParseEventID(after)
				if err != nil {
					return c.usage("%v", "%v", err)
				}
				o.After = &id
			}
			tell := func(e *api.Event) error {
				if err := c.print(e, func(w io.Writer) { c.eventText(w, e) }); err != nil {
					return err
				}
				return keepCursor(cursor, e.ID)
			}
			if until {
				return c.eventsUntilNow(cmd, g, o, cursor, tell)
			}
			o.Moved = func(id api.EventID) { err = keepCursor(cursor, id) }
			for e, failed := range g.Events(cmd.Context(), o) {
				if failed != nil {
					if cmd.Context().Err() != nil {
						return nil // interrupted, as meant
					}
					return failed
				}
				if err := tell(&e); err != nil {
					return err
				}
			}
			return err
		},
	}
	c.gatewayFlag(cmd)
	f := cmd.Flags()
	f.StringSliceVar(&types, "type", nil, c.tr("types, or what stands before their dot: matter.changed, statement", "事件类型或其前缀：matter.changed、statement"))
	f.StringSliceVar(&kinds, "kind", nil, c.tr("kinds or families of statements: list.decide, evidence", "陈述种类或类别：list.decide、evidence"))
	f.StringVar(&member, "member", "", c.tr("who stated it, opened the matter, or whose row it is", "陈述、发起事项或所属的成员"))
	f.StringVar(&list, "list", "", c.tr("the list that it is about", "所涉名单"))
	f.Int64Var(&matter, "matter", -1, c.tr("number of the log entry that opened the matter", "发起事项的日志条目序号"))
	f.StringVar(&after, "after", "", c.tr("begin after this event or height; 0 is the beginning (default: now)", "从此事件或高度之后开始；0 为链的起点（默认当前）"))
	f.StringVar(&cursor, "cursor", "", c.tr("file that keeps the place", "记录位置的文件"))
	f.BoolVar(&until, "until-now", false, c.tr("end when everything so far has been told", "输出至当前为止后结束"))
	return cmd
}

// eventsUntilNow tells what there is and ends.
func (c *cli) eventsUntilNow(cmd *cobra.Command, g *client.Client, o client.EventOptions, cursor string, tell func(*api.Event) error) error {
	at := api.EventID{}
	if o.After != nil {
		at = *o.After
	}
	for {
		p, err := g.EventPage(cmd.Context(), o.EventQuery, at, api.MaxLimit)
		if err != nil {
			return err
		}
		for i := range p.Data {
			if err := tell(&p.Data[i]); err != nil {
				return err
			}
		}
		if at, err = api.ParseEventID(p.NextCursor); err != nil {
			return err
		}
		if err := keepCursor(cursor, at); err != nil {
			return err
		}
		if !p.HasMore {
			return nil
		}
	}
}

// keepCursor writes a place into a file, if there is one to write.
func keepCursor(path string, id api.EventID) error {
	if path == "" {
		return nil
	}
	return writeFile(path, []byte(id.String()+"\n"))
}

func (c *cli) eventText(w io.Writer, e *api.Event) {
	fmt.Fprintf(w, "%-9s %s %s", e.ID, e.Time, e.Type)
	for _, v := range []struct{ en, zh, value string }{
		{"", "", string(e.Kind)}, {"by ", "成员 ", string(e.Member)}, {"list ", "名单 ", e.List},
	} {
		if v.value != "" {
			fmt.Fprintf(w, "  %s%s", c.tr(v.en, v.zh), v.value)
		}
	}
	if e.Matter != nil {
		fmt.Fprintf(w, c.tr("  matter %d", "  事项 %d"), *e.Matter)
	}
	fmt.Fprintln(w)
}
