package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"zhenglian/app/row"
	"zhenglian/client/api"
)

// orphanWords are the states of a hand-over that only one side has signed.
var orphanWords = map[row.State][2]string{
	row.Offered:  {"no answer", "对方未回应"},
	row.Disputed: {"disputed", "有异议"},
	row.OneSided: {"nobody confirms it", "无人确认"},
}

// orphansCmd lists hand-overs that only one side has signed.
func (c *cli) orphansCmd() *cobra.Command {
	var kind, member string
	var older time.Duration
	var overdue bool
	cmd := &cobra.Command{
		Use: "orphans", Args: c.args(0, 0),
		Short: c.tr("list hand-overs that only one side has signed, with their age", "列出单方交接及其时长"),
		Long: c.tr(`Oldest first: shipments that the receiver has not answered or disputes, with who
has to act and until when, and goods that left the ledger or came back, which
nobody confirms. The age is from the block of the statement to the newest one.`,
			`最早者在前：收货方未回应或有异议的发货（列出应行动者与末日），以及无人确认的离开或退回。
时长自陈述所在区块至最新区块。`),
		Example: "  zheng trace orphans --kind ship --member platform-a --older 72h\n  zheng trace orphans --overdue -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := api.OrphanQuery{Kind: kind, Limit: api.MaxLimit}
			if !slices.Contains([]string{"", "ship", "sell", "take"}, kind) {
				return c.usage("--kind %q: want ship, sell or take", "--kind %q：应为 ship、sell 或 take", kind)
			}
			var err error
			if member != "" {
				if q.Member, err = c.memberArg(member); err != nil {
					return err
				}
			}
			g, err := c.gateway()
			if err != nil {
				return err
			}
			for o, err := range g.Orphans(cmd.Context(), q) {
				if err != nil {
					return err
				}
				age := time.Duration(o.Age) * time.Second
				if age < older || overdue && !o.Overdue {
					continue
				}
				if err := c.print(o, func(w io.Writer) { c.orphanLine(w, o, age) }); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.gatewayFlag(cmd)
	f := cmd.Flags()
	f.StringVar(&kind, "kind", "", "ship | sell | take")
	f.StringVar(&member, "member", "", c.tr("who stated it, or to whom it was offered", "陈述者或收货方"))
	f.DurationVar(&older, "older", 0, c.tr("only those of this age, such as 72h", "仅列出达到此时长者，如 72h"))
	f.BoolVar(&overdue, "overdue", false, c.tr("only those whose deadline has passed", "仅列出已逾期者"))
	return cmd
}

func (c *cli) orphanLine(w io.Writer, o api.Orphan, age time.Duration) {
	words := orphanWords[o.State]
	to := ""
	if o.To != "" {
		to = " → " + string(o.To)
	}
	due := ""
	if o.Waits != "" {
		due = fmt.Sprintf(c.tr("; %s until %s", "；%s，末日 %s"), o.Waits, o.Due)
		if o.Overdue {
			due += c.tr(" OVERDUE", " 已逾期")
		}
	}
	fmt.Fprintf(w, "%s %s %s%s %s %s: %s%s\n", o.ID, o.Kind, o.Member, to, fmt.Sprintf(c.tr("%d units", "%d 个单元"), len(o.Units)), age, c.tr(words[0], words[1]), due)
}
