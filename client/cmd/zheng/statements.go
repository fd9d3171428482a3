package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"zhenglian/app/tx"
	"zhenglian/client"
)

// parseID reads the id of a statement given as an argument.
func (c *cli) parseID(s string) (tx.ID, error) {
	id, err := tx.ParseID(s)
	if err != nil {
		return id, c.usage("%q is not the id of a statement: want 64 lower-case hex digits", "%q 不是陈述编号：应为 64 位小写十六进制", s)
	}
	return id, nil
}

// state drafts a statement and enters it.
func (c *cli) state(ctx context.Context, kind tx.Kind, body tx.Body, continues tx.ID) error {
	// Whatever is wrong with the body was given on the command line: find it
	// before keys and gateway are asked for.
	probe := tx.Statement{Chain: "a", Kind: kind, Member: "aa", Expires: 1, Body: body}
	if _, err := probe.Encode(); err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	if c.flags.offline {
		return c.enqueue(kind, body, continues)
	}
	p, err := c.newPen()
	if err != nil {
		return err
	}
	d := client.Draft{Member: p.member, Kind: kind, Body: body, Expires: c.flags.expires}
	if p.trust != nil {
		d.Chain = p.trust.Chain
	}
	if !continues.IsZero() {
		if d.Prev, err = p.client.Head(ctx, continues); err != nil {
			return err
		}
	}
	statement, err := p.client.Draft(ctx, d)
	if err != nil {
		return err
	}
	return c.finish(ctx, p, statement, nil)
}

// continueAct makes a command that continues the matter of ID with the body that
// body returns.
func (c *cli) continueAct(use, short string, kind tx.Kind, body func() (tx.Body, error)) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: c.args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := c.parseID(args[0])
			if err != nil {
				return err
			}
			b, err := body()
			if err != nil {
				return err
			}
			return c.state(cmd.Context(), kind, b, id)
		},
	}
}

func (c *cli) endorseCmd() *cobra.Command {
	var typ, reason string
	cmd := &cobra.Command{
		Use: "endorse ID", Args: c.args(1, 1),
		Short: c.tr("co-sign a statement on the ledger, or object to it", "对账本上的陈述会签或提出异议"),
		Long: c.tr(`Says of the statement ID, in the name of your member:

  served   we served these data at that time
  holds    we hold a copy
  agrees   we agree with the statement
  objects  we object; --reason content_differs | not_served | wrong_subject | unlawful | other`,
			`以本成员名义对编号为 ID 的陈述表示：

  served   当时确由我方提供该数据
  holds    我方持有副本
  agrees   我方同意该陈述
  objects  我方有异议；--reason content_differs | not_served | wrong_subject | unlawful | other`),
		Example: `  zheng endorse 5e3f… --type served --from platform`,
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := c.parseID(args[0])
			if err != nil {
				return err
			}
			return c.state(cmd.Context(), tx.EndorseKind, &tx.Endorse{Statement: id, Type: typ, Reason: reason}, tx.ID{})
		},
	}
	c.signFlags(cmd)
	cmd.Flags().StringVar(&typ, "type", tx.Agrees, c.tr("served, holds, agrees or objects; governance takes the last two", "served、holds、agrees 或 objects；治理事项只用后两种"))
	cmd.Flags().StringVar(&reason, "reason", "", c.tr("why, with --type objects", "异议理由代码"))
	return cmd
}

// continueCmds are the commands that continue the matter of an evidence item.
func (c *cli) continueCmds() []*cobra.Command {
	var by, supersedeReason, withdrawReason, ground, document string
	var decisions [2]string
	// act makes a command that states kind with the body that body returns.
	act := func(name, short string, kind tx.Kind, body func() (tx.Body, error)) *cobra.Command {
		cmd := c.continueAct(name+" ID", short, kind, body)
		c.signFlags(cmd)
		return cmd
	}
	supersede := act("supersede", c.tr("replace evidence by a better capture", "以更完整的取证替代原证据"), tx.EvidenceSupersede, func() (tx.Body, error) {
		id, err := c.parseID(by)
		return &tx.Supersede{By: id, Reason: supersedeReason}, err
	})
	supersede.Flags().StringVar(&by, "by", "", c.tr("id of the evidence that replaces it", "替代证据的编号"))
	supersede.Flags().StringVar(&supersedeReason, "reason", "recapture", "recapture | incomplete | wrong_case | format")

	withdraw := act("withdraw", c.tr("no longer rely on evidence, or give up a proposal that waits", "撤回证据，或撤回待会签的提议"), tx.EvidenceWithdraw, func() (tx.Body, error) {
		return &tx.Withdraw{Reason: withdrawReason}, nil
	})
	evidence := withdraw.RunE
	withdraw.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := c.parseID(args[0])
		if err != nil {
			return err
		}
		g, err := c.gateway()
		if err != nil {
			return err
		}
		s, err := g.Statement(cmd.Context(), id)
		if err != nil {
			return err
		}
		if s.Kind.Family() != tx.GovWithdraw.Family() {
			return evidence(cmd, args)
		}
		return c.state(cmd.Context(), tx.GovWithdraw, &tx.Withdraw{Reason: withdrawReason}, id)
	}
	withdraw.Flags().StringVar(&withdrawReason, "reason", "mistake", "mistake | duplicate | unlawful | not_relied_on")

	challenge := act("challenge", c.tr("dispute evidence", "质疑证据"), tx.EvidenceChallenge, func() (tx.Body, error) {
		b := &tx.Challenge{Ground: ground}
		var err error
		if document != "" {
			b.Document, err = c.documentDigest(document)
		}
		return b, err
	})
	challenge.Flags().StringVar(&ground, "ground", "content_differs", "content_differs | not_authentic | unclean_environment | platform_not_neutral | before_chain | unlawful")
	challenge.Flags().StringVar(&document, "document", "", c.tr("reasoned objection: a file, or its SHA-256", "质疑意见书：文件或其 SHA-256"))

	cmds := []*cobra.Command{supersede, withdraw, challenge}
	for i, d := range []struct {
		name, short string
		kind        tx.Kind
	}{
		{"uphold", c.tr("decide that a challenge is right", "裁定质疑成立"), tx.EvidenceUphold},
		{"reject", c.tr("decide that the evidence stands", "裁定驳回质疑"), tx.EvidenceReject},
	} {
		cmd := act(d.name, d.short, d.kind, func() (tx.Body, error) {
			digest, err := c.documentDigest(decisions[i])
			return &tx.Decision{Document: digest}, err
		})
		cmd.Flags().StringVar(&decisions[i], "decision", "", c.tr("the reasoned decision: a file, or its SHA-256", "裁定书：文件或其 SHA-256"))
		cmds = append(cmds, cmd)
	}
	return cmds
}

// documentDigest returns the SHA-256 of a document given as a file or as its
// digest. The document itself stays where it is.
func (c *cli) documentDigest(s string) (tx.Digest, error) {
	if s == "" {
		return tx.Digest{}, c.usage("the document is missing: a file, or its SHA-256", "缺少文书：请给出文件或其 SHA-256")
	}
	if d, err := tx.ParseDigest(s); err == nil {
		return d, nil
	}
	f, err := os.Open(s)
	if err != nil {
		return tx.Digest{}, fmt.Errorf("document: %w", err)
	}
	defer f.Close()
	sums, err := client.Sum(f)
	if err != nil {
		return tx.Digest{}, fmt.Errorf("document %s: %w", s, err)
	}
	return sums.SHA256, nil
}
