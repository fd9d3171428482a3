package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"zhenglian/app/tx"
)

// clockSteps makes the commands by which a member states of its own clock that
// the time does not count, counts again, or is longer.
func (c *cli) clockSteps() (cmds []*cobra.Command) {
	for _, s := range []struct {
		name, en, zh string
		kind         tx.Kind
	}{
		{"pause", "the time stands still, on a ground that the rule set allows", "中止计时（须为规则集所列事由）", tx.ClockPause},
		{"resume", "the time counts again", "恢复计时", tx.ClockResume},
		{"extend", "extend a deadline, once, by what the rule set says", "依规则集延长时限（一次）", tx.ClockExtend},
	} {
		var document, reason string
		cmd := &cobra.Command{
			Use: s.name + " MATTER CODE", Short: c.tr(s.en, s.zh), Args: c.args(2, 2),
			Long: c.tr(`MATTER is the id of a statement of the matter, CODE the deadline. It is a deadline of the
member who states it. zheng ruleset show CODE says which pauses and which extension its law
allows. By default two officers sign a pause, and two officers and an administrator, for the
head of the authority, an extension.`,
				`MATTER 为该事项任一陈述的编号，CODE 为时限代码；须为陈述成员自身的时限。所依法规允许的中止事由与
延长期限见 zheng ruleset show CODE。默认规则：中止由两名执法人员签署；延长由两名执法人员及代表机关负责人的管理员签署。`),
			Example: "  zheng clock " + s.name + " 5e3f… LIST_DECIDE" + map[bool]string{true: " --reason testing"}[s.kind == tx.ClockPause] + " --document order.pdf --from officer1,officer2",
			RunE: func(cmd *cobra.Command, args []string) error {
				id, err := c.parseID(args[0])
				if err != nil {
					return err
				}
				b := tx.ClockStep{Code: tx.ClockCode(args[1]), Matter: id}
				if !b.Code.Valid() {
					return c.usage("%q is not the code of a deadline such as LIST_DECIDE", "%q 不是时限代码，应如 LIST_DECIDE", args[1])
				}
				if b.Document, err = c.documentDigest(document); err != nil {
					return err
				}
				if s.kind != tx.ClockPause {
					return c.state(cmd.Context(), s.kind, &b, tx.ID{})
				}
				if !slices.Contains(tx.PauseGrounds(), reason) {
					return c.usage("--reason %q: want one of %s", "--reason %q：应为 %s", reason, strings.Join(tx.PauseGrounds(), " "))
				}
				return c.state(cmd.Context(), s.kind, &tx.Standstill{ClockStep: b, Reason: reason}, tx.ID{})
			},
		}
		cmd.Flags().StringVar(&document, "document", "", c.tr("what it rests on: a file, or its SHA-256", "所依据的文书：文件或其 SHA-256"))
		if s.kind == tx.ClockPause {
			cmd.Flags().StringVar(&reason, "reason", "", strings.Join(tx.PauseGrounds(), " | "))
		}
		c.signFlags(cmd)
		cmds = append(cmds, cmd)
	}
	return cmds
}
