package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"zhenglian/app/row"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/client/list"
)

// listKeyRetag tags a member's entries anew after a rotation.
func (c *cli) listKeyRetag() *cobra.Command {
	var which, typ string
	var sealed []string
	cmd := &cobra.Command{
		Use: "retag --list LIST --key NEW,OLD --type TYPE FILE|-", Args: c.args(1, 1),
		Short: c.tr("give your entries the tags of the new key", "以新密钥更换本成员记录的标签"),
		Long: c.tr(`After a rotation: reads the identifiers of the subjects of your entries, one a line,
from your own files, makes their tags under both keys, and states list.retag for the
entries of yours that have the old one and have not ended, a hundred a statement. Credit
codes that are public beside their tags need not be in the file. What nothing in the file
matches is listed, and the exit code is 1: until none is left, check with both keys.`,
			`轮换密钥后：从本成员文件逐行读取记录主体的标识，以新旧两期密钥计算标签，就本成员仍为旧标签且
未终止的记录陈述 list.retag，每份陈述至多一百条。依法公开的统一社会信用代码无须列入文件。无法对应
的记录逐一列出，退出码为 1；在全部更换之前，比对须两期密钥并用。`),
		Example: `  zheng list key retag --list serious_dishonest --type uscc --key epoch2.sealed,epoch1.sealed ids.txt --from officer1 --cosign officer2`,
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := c.listArg(which)
			if err != nil {
				return err
			}
			t, err := list.ParseType(typ)
			if err != nil {
				return c.usage("--type: %v", "--type：%v", err)
			}
			if len(sealed) != 2 {
				return c.usage("--key: want the new key and the old one", "--key：应依次给出新、旧两期密钥")
			}
			g, err := c.taggers(l, sealed, []list.Type{t})
			if err != nil {
				return err
			}
			slices.SortFunc(g, func(a, b *list.Tagger) int { return int(b.Epoch().Number - a.Epoch().Number) })
			if g[0].Epoch().Number == g[1].Epoch().Number {
				return c.usage("--key: both are of epoch %d", "--key：两者同为第 %d 期", g[0].Epoch().Number)
			}
			in, err := c.input(args[0])
			if err != nil {
				return err
			}
			defer in.Close()
			var ids [][]byte
			lines := bufio.NewScanner(in)
			for lines.Scan() {
				if strings.TrimSpace(lines.Text()) != "" {
					ids = append(ids, bytes.Clone(lines.Bytes()))
				}
			}
			if err := lines.Err(); err != nil {
				return err
			}
			return c.retag(cmd.Context(), l, g[0], g[1], ids)
		},
	}
	c.listFlag(cmd, &which)
	cmd.Flags().StringVar(&typ, "type", "", "uscc | person | phone | shop")
	cmd.Flags().StringSliceVar(&sealed, "key", nil, c.tr("sealed copies of both keys, opened with --from", "新旧密钥的密封副本，以 --from 打开"))
	c.signFlags(cmd)
	return cmd
}

// retag finds the member's entries that have tags of the old epoch and states
// their new ones.
func (c *cli) retag(ctx context.Context, l tx.List, next, old *list.Tagger, ids [][]byte) error {
	p, err := c.newPen()
	if err != nil {
		return err
	}
	left := make(map[tx.Digest][]tx.ID)
	for e, err := range p.client.AllListEntries(ctx, l, api.ListEntryQuery{Limit: api.MaxLimit}) {
		if err != nil {
			return err
		}
		if e.Member != p.member || e.Epoch != old.Epoch().Number || slices.Contains([]row.State{row.Pending, row.Expired, row.Dropped, row.Revoked, row.Ended}, e.State) {
			continue
		}
		left[e.Tag] = append(left[e.Tag], e.ID)
		if e.USCC != "" && old.Type() == list.USCC {
			ids = append(ids, []byte(e.USCC))
		}
	}
	var found []tx.Retag
	for n, id := range ids {
		was, err := old.Tag(id)
		if err != nil {
			return fmt.Errorf("line %d: %w", n+1, err)
		}
		tag, err := next.Tag(id)
		if err != nil {
			return err
		}
		for _, e := range left[was] {
			found = append(found, tx.Retag{Entry: e, Tag: tag, Was: was})
		}
		delete(left, was)
	}
	slices.SortFunc(found, func(a, b tx.Retag) int { return bytes.Compare(a.Entry[:], b.Entry[:]) })
	for batch := range slices.Chunk(found, tx.MaxRetags) {
		if err := c.state(ctx, tx.ListRetag, &tx.Retagging{Entries: batch, Epoch: next.Epoch().Number, List: l}, tx.ID{}); err != nil {
			return err
		}
	}
	var rest []string
	for _, ids := range left {
		for _, id := range ids {
			rest = append(rest, id.String())
		}
	}
	slices.Sort(rest)
	c.say("%d tagged anew, %d left", "已更换 %d 条，剩余 %d 条", len(found), len(rest))
	if len(rest) > 0 {
		return fmt.Errorf("%s: %s", c.tr("no identifier given matches the tag of", "下列记录无对应标识"), strings.Join(rest, " "))
	}
	return nil
}
