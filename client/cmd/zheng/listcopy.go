package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client"
	"zhenglian/client/list"
)

// What a platform does with a list: fetch a copy, make tags, sweep its shops.

// listCopies are the commands under list of who checks against it.
func (c *cli) listCopies() []*cobra.Command {
	return []*cobra.Command{c.listFetch(), c.listSweep(), c.listTag(), c.listKey()}
}

// listFlag adds --list.
func (c *cli) listFlag(cmd *cobra.Command, into *string) {
	words := make([]string, 0, len(tx.Lists()))
	for _, l := range tx.Lists() {
		words = append(words, l.String())
	}
	cmd.Flags().StringVar(into, "list", "", strings.Join(words, " | "))
}

// listArg reads the word of a list.
func (c *cli) listArg(s string) (tx.List, error) {
	l, err := tx.ParseList(s)
	if err != nil {
		return 0, c.usage("--list %q: see zheng list --help for the lists there are", "--list %q：名单种类见 zheng list --help", s)
	}
	return l, nil
}

// trusted reads the trust root, without which a copy is nothing.
func (c *cli) trusted() (*receipt.Trust, error) {
	t, err := c.trustRoot()
	if err == nil && t == nil {
		err = c.usage("give --trust FILE, a trust root from a source of your own: without one nothing is proven", "请用 --trust 给出由独立渠道取得的信任根文件，否则无从核验")
	}
	return t, err
}

// unproven gives an error of a copy its exit code.
func unproven(err error) error {
	for _, bad := range []error{list.ErrProof, list.ErrWrongList, list.ErrBase, list.ErrFile, list.ErrSealed, list.ErrCommitment} {
		if errors.Is(err, bad) {
			return fmt.Errorf("%w: %w", errNotVerified, err)
		}
	}
	return err
}

// readCopy reads a snapshot that was saved, and proves it again.
func readCopy(path string, l tx.List, t *receipt.Trust) (*list.Set, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, err := list.ReadSnapshot(f, l, t)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, unproven(err))
	}
	return s, nil
}

// fetched is a copy as list fetch reports it.
type fetched struct {
	List      tx.List   `json:"list"`
	Height    int64     `json:"height"`
	StateRoot tx.Digest `json:"state_root"`
	AppHash   tx.Digest `json:"app_hash"`
	SealedAt  string    `json:"sealed_at"`
	Subjects  int       `json:"subjects"`
	Since     int64     `json:"since,omitempty"` // height of the copy before
	Listed    []string  `json:"listed,omitempty"`
	Changed   []string  `json:"changed,omitempty"`
	Lifted    []string  `json:"lifted,omitempty"`
	File      string    `json:"file,omitempty"`
}

func (c *cli) listFetch() *cobra.Command {
	var which, path string
	var height int64
	cmd := &cobra.Command{
		Use: "fetch --list LIST --copy FILE", Args: c.args(0, 0),
		Short: c.tr("fetch what is in force on a list, proven whole", "取得名单现行内容，并证明完整无遗漏"),
		Long: c.tr(`Fetches everything in force on a list and proves it against the trust root:
every row, and that none is missing. When FILE holds an earlier copy only the
changes are fetched, and what changed is said: listed, changed, lifted.
A copy that is not proven is refused (exit code 3) and FILE stays as it is.`,
			`取得名单全部现行内容，并依信任根核验：逐条属实，且无一遗漏。FILE 已有旧副本时只取增量，
并列出新列入、变更与解除的标签。核验不通过则拒绝（退出码 3），FILE 保持不变。`),
		Example: `  zheng list fetch --list serious_dishonest --copy serious.zlsnap --trust trust.json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := c.listArg(which)
			if err != nil {
				return err
			}
			if path == "" {
				return c.usage("where to? give --copy FILE", "请用 --copy 指定副本文件")
			}
			trust, err := c.trusted()
			if err != nil {
				return err
			}
			g, err := c.gateway()
			if err != nil {
				return err
			}
			old, err := readCopy(path, l, trust)
			if errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
			if err != nil {
				return err
			}
			s, err := c.fetch(cmd.Context(), g, l, height, old, trust)
			if err != nil {
				return unproven(err)
			}
			b, err := s.Encode()
			if err != nil {
				return err
			}
			if err := writeFile(path, b); err != nil {
				return err
			}
			return c.printFetched(s, old, path)
		},
	}
	c.listFlag(cmd, &which)
	cmd.Flags().StringVar(&path, "copy", "", c.tr("file of the copy", "副本文件"))
	cmd.Flags().Int64Var(&height, "height", 0, c.tr("of the state (default: the newest)", "状态高度（默认最新）"))
	c.gatewayFlag(cmd)
	c.trustFlag(cmd)
	return cmd
}

func (c *cli) fetch(ctx context.Context, g *client.Client, l tx.List, height int64, old *list.Set, t *receipt.Trust) (*list.Set, error) {
	if old == nil || height != 0 {
		return g.Snapshot(ctx, l, height, t)
	}
	return g.Update(ctx, old, t)
}

func (c *cli) printFetched(s, old *list.Set, path string) error {
	h := s.Head()
	f := fetched{List: s.List(), Height: h.Height, StateRoot: h.StateRoot, AppHash: tx.Digest(h.Block.Header.AppHash),
		SealedAt: h.Block.Header.Time.String(), Subjects: s.Len(), File: path}
	if old != nil {
		f.Since = old.Head().Height
		for ch := range s.Changes(old) {
			switch tag := ch.Tag.String(); {
			case ch.Was == nil:
				f.Listed = append(f.Listed, tag)
			case ch.Now == nil:
				f.Lifted = append(f.Lifted, tag)
			default:
				f.Changed = append(f.Changed, tag)
			}
		}
	}
	return c.print(f, func(w io.Writer) {
		fmt.Fprintf(w, c.tr("PROVEN %s at height %d: %d subjects\n", "已证明 %s，高度 %d：现行 %d 个主体\n"), f.List, f.Height, f.Subjects)
		if !f.List.Statutory() {
			fmt.Fprintf(w, "  %s\n", c.tr("this list has no basis in law", "本名单非法定名单"))
		}
		c.field(w, "app hash", "应用哈希", "%s", f.AppHash)
		c.field(w, "sealed at", "封存时间", "%s", f.SealedAt)
		for _, x := range []struct {
			en, zh string
			tags   []string
		}{{"listed", "新列入", f.Listed}, {"changed", "变更", f.Changed}, {"lifted", "解除", f.Lifted}} {
			for _, tag := range x.tags {
				c.field(w, x.en, x.zh, "%s", tag)
			}
		}
	})
}

// taggers opens the sealed copies with --from and makes taggers of every type.
func (c *cli) taggers(l tx.List, sealed []string, types []list.Type) ([]*list.Tagger, error) {
	if len(sealed) == 0 {
		return nil, c.usage("give --key FILE: the sealed copy of the list's key for your account", "请用 --key 给出密封给本账户的名单密钥副本")
	}
	var out []*list.Tagger
	for _, path := range sealed {
		s, k, err := c.openSealed(path)
		if err != nil {
			return nil, err
		}
		if s.Epoch.List != l {
			return nil, c.usage("%s is a key of the list %s", "%s 是名单 %s 的密钥", path, s.Epoch.List)
		}
		for _, t := range types {
			g, err := list.NewTagger(s.Epoch, k, t)
			if err != nil {
				return nil, err
			}
			out = append(out, g)
		}
	}
	return out, nil
}

// openSealed opens a sealed copy with the key --from.
func (c *cli) openSealed(path string) (*list.Sealed, list.Key, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, list.Key{}, err
	}
	s, err := list.ParseSealed(b)
	if err != nil {
		return nil, list.Key{}, fmt.Errorf("%s: %w", path, err)
	}
	name, err := c.fromName()
	if err != nil {
		return nil, list.Key{}, err
	}
	with, err := c.openKey(name)
	if err != nil {
		return nil, list.Key{}, err
	}
	k, err := s.Open(with.PrivateKey)
	if err != nil {
		return nil, k, fmt.Errorf("%s: %w", path, unproven(err))
	}
	return s, k, nil
}

// sealedFlags adds what opens a list's key.
func (c *cli) sealedFlags(cmd *cobra.Command, into *[]string) {
	cmd.Flags().StringSliceVar(into, "key", nil, c.tr("sealed copies of the list's keys, newest epoch first", "名单密钥的密封副本，新期在前"))
	cmd.Flags().StringVar(&c.flags.from, "from", "", c.tr("your key, to which they are sealed", "密封所对应的本方密钥名"))
	c.keyringFlags(cmd)
}

// input opens the file of an argument; - is standard input.
func (c *cli) input(path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(c.in), nil
	}
	return os.Open(path)
}

func (c *cli) listTag() *cobra.Command {
	var which, typ string
	var sealed []string
	cmd := &cobra.Command{
		Use: "tag FILE|-", Args: c.args(1, 1),
		Short: c.tr("make the tags of identifiers, one a line", "计算标识的标签，每行一个"),
		Long: c.tr(`Reads identifiers, one a line, and prints their tags under the list's key in
the same order. Identifiers come from a file and not from the command line,
which others on the machine can see. One that is none is an error and ends it.`,
			`逐行读取标识，按名单密钥输出其标签，顺序不变。标识取自文件而非命令行参数，以免被同机他人看到。
遇到无效标识即报错终止。`),
		Example: `  zheng list tag --list serious_dishonest --type uscc --key epoch1.sealed --from officer1 ids.txt`,
		RunE: func(_ *cobra.Command, args []string) error {
			l, err := c.listArg(which)
			if err != nil {
				return err
			}
			t, err := list.ParseType(typ)
			if err != nil {
				return c.usage("--type: %v", "--type：%v", err)
			}
			if len(sealed) > 1 {
				return c.usage("one --key at a time: a tag is of one epoch", "标签只属于一个密钥期，请只给一个 --key")
			}
			g, err := c.taggers(l, sealed, []list.Type{t})
			if err != nil {
				return err
			}
			in, err := c.input(args[0])
			if err != nil {
				return err
			}
			defer in.Close()
			lines := bufio.NewScanner(in)
			for n := 1; lines.Scan(); n++ {
				if strings.TrimSpace(lines.Text()) == "" {
					continue
				}
				tag, err := g[0].Tag(lines.Bytes())
				if err != nil {
					return fmt.Errorf("line %d: %w", n, err)
				}
				if err := c.print(struct {
					Line  int       `json:"line"`
					List  tx.List   `json:"list"`
					Epoch int64     `json:"epoch"`
					Type  list.Type `json:"type"`
					Tag   tx.Digest `json:"tag"`
				}{n, l, g[0].Epoch().Number, t, tag}, func(w io.Writer) { fmt.Fprintln(w, tag) }); err != nil {
					return err
				}
			}
			return lines.Err()
		},
	}
	c.listFlag(cmd, &which)
	cmd.Flags().StringVar(&typ, "type", "", "uscc | person | phone | shop")
	c.sealedFlags(cmd, &sealed)
	return cmd
}

func (c *cli) listSweep() *cobra.Command {
	var which, path, format, report string
	var sealed []string
	cmd := &cobra.Command{
		Use: "sweep --list LIST --copy FILE --key SEALED SHOPS|-", Args: c.args(1, 1),
		Short: c.tr("check a file of shops against a copy of a list, locally", "在本地以名单副本批量比对店铺"),
		Long: c.tr(`Reads shops (CSV with a line of column names, or NDJSON), makes the tags of the
columns uscc, person, phone and shop, and prints every shop of which an entry is
in force, an object a line. Nothing leaves this machine. The column id is
repeated in the output; identifiers are not.

--report FILE gets what was checked against which state: height, app hash and
the signed block that proves it, the digest of the input, and the counts. Enter
that file with zheng notarize to prove later that you had checked, and when.`,
			`读取店铺清单（首行为列名的 CSV，或 NDJSON），计算 uscc、person、phone、shop 各列的标签，逐行输出有
现行条目的店铺。数据不出本机；输出重复 id 列，不含标识本身。

--report 文件记载依据何一状态作了比对：高度、应用哈希及其区块签名、输入文件摘要与各项计数。
可用 zheng notarize 将其存证，以证明已尽比对义务及其时间。`),
		Example: `  zheng list sweep --list serious_dishonest --copy serious.zlsnap --trust trust.json \
      --key epoch1.sealed --from robot --report sweep.json shops.csv > matches.ndjson`,
		RunE: func(_ *cobra.Command, args []string) error {
			l, err := c.listArg(which)
			if err != nil {
				return err
			}
			trust, err := c.trusted()
			if err != nil {
				return err
			}
			if path == "" {
				return c.usage("give --copy FILE, as zheng list fetch wrote it", "请用 --copy 给出 zheng list fetch 所存的副本")
			}
			if format == "" {
				format = list.CSV
				if name := args[0]; strings.HasSuffix(name, ".ndjson") || strings.HasSuffix(name, ".jsonl") {
					format = list.NDJSON
				}
			}
			if format != list.CSV && format != list.NDJSON {
				return c.usage("--format %s: want csv or ndjson", "--format %s：应为 csv 或 ndjson", format)
			}
			g, err := c.taggers(l, sealed, list.Types())
			if err != nil {
				return err
			}
			s, err := readCopy(path, l, trust)
			if err != nil {
				return err
			}
			sweeper, err := list.NewSweeper(s, g...)
			if err != nil {
				return err
			}
			in, err := c.input(args[0])
			if err != nil {
				return err
			}
			defer in.Close()
			rep, err := sweeper.Sweep(in, format, list.Sink{
				Match: func(m list.Match) error {
					return c.print(m, func(w io.Writer) {
						fmt.Fprintf(w, "%d\t%s\t%s\t%s", m.Line, m.ID, m.Type, m.Tag)
						for _, e := range m.Entries {
							fmt.Fprintf(w, "\t%d %s %s–%s", e.Seq, e.State, e.From, e.Until)
						}
						fmt.Fprintln(w)
					})
				},
				Skip: func(s list.Skipped) error {
					c.say("line %d %s: not checked: %s", "第 %d 行 %s：未比对：%s", s.Line, s.ID, s.Reason)
					return nil
				},
			})
			if err != nil {
				return err
			}
			if report != "" {
				b, err := json.MarshalIndent(rep, "", " ")
				if err != nil {
					return err
				}
				if err := writeFile(report, append(b, '\n')); err != nil {
					return err
				}
			}
			c.say("checked %d identifiers of %d shops against %s at height %d (app hash %s): %d found, %d could not be checked",
				"已按 %[3]s 高度 %[4]d（应用哈希 %[5]s）比对 %[2]d 家店铺的 %[1]d 个标识：命中 %[6]d 家，未能比对 %[7]d 个",
				rep.Checked, rep.Lines, rep.List, rep.Height, rep.AppHash, rep.Matched, rep.Skipped)
			return nil
		},
	}
	c.listFlag(cmd, &which)
	f := cmd.Flags()
	f.StringVar(&path, "copy", "", c.tr("copy of the list, as zheng list fetch wrote it", "zheng list fetch 所存的名单副本"))
	f.StringVar(&format, "format", "", c.tr("csv or ndjson (default: by the name of the file)", "csv 或 ndjson（默认按文件名）"))
	f.StringVar(&report, "report", "", c.tr("write the report to this file", "将比对报告写入此文件"))
	c.sealedFlags(cmd, &sealed)
	c.trustFlag(cmd)
	return cmd
}
