package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"zhenglian/app/batch"
	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client"
)

// The files of a batch folder. Each is written whole and then renamed, in this
// order, so that a batch that was interrupted goes on where it stopped.
const (
	batchItems     = "items.ndjson"       // one line a digest, in the order of the list
	batchList      = "list.bin"           // the digests, 32 bytes each
	batchStatement = "statement.json"     // as it was signed
	batchReceipt   = "batch.receipt.json" // of the whole batch
)

// batchItem is a line of batchItems, and of what --digests reads.
type batchItem struct {
	Index  int       `json:"index"`
	SHA256 tx.Digest `json:"sha256"`
	Name   string    `json:"name,omitempty"`
	Bytes  int64     `json:"bytes,omitempty"`
}

func (c *cli) batchCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "batch", Args: c.args(0, 0), RunE: c.group,
		Short: c.tr("put up to a million files on the ledger with one statement", "以一条陈述把至多一百多万个文件上链"),
		Long: c.tr(`One statement states the root of up to 1 048 576 digests; each file has a receipt of
its own. The folder of --out holds everything: items.ndjson (what is where), list.bin
(the digests: keep it, without it no item can be proved), batch.receipt.json.`,
			`一条陈述登记至多 1 048 576 个摘要的根；每个文件各有回执。--out 目录保存全部所需：
items.ndjson（各项对照）、list.bin（摘要清单，务必保存，缺了它便不能证明任何一项）、batch.receipt.json。`),
	}
	cmd.AddCommand(c.batchSealCmd(), c.batchReceiptCmd(), c.batchStatusCmd())
	return cmd
}

func (c *cli) batchSealCmd() *cobra.Command {
	var digests, caseTag string
	var noUpload bool
	cmd := &cobra.Command{
		Use: "seal [FILE|DIR...]", Args: c.args(0, -1),
		Short: c.tr("hash files, or take their digests, and state them all at once", "计算（或读入）文件摘要，一次登记"),
		Long: c.tr(`Hashes the FILEs and everything in the DIRs, or reads digests from --digests: NDJSON
with a member sha256 (64 hex digits) and optionally name and bytes on each line.

If it was interrupted, the same command with the same --out goes on where it stopped.`,
			`计算所给文件及文件夹内全部文件的摘要，或从 --digests 读入：每行一个 JSON，含 sha256
（64 位十六进制），可含 name 与 bytes。

若被中断，以同一 --out 再次执行即从中断处继续。`),
		Example: `  zheng batch seal photos/ --from officer1 --cosign officer2,city --out batch-7
  zheng batch seal --digests shops.ndjson --from officer1 --cosign officer2,city --out batch-8`,
	}
	c.signFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&digests, "digests", "", c.tr("NDJSON of digests; - is standard input", "摘要的 NDJSON 文件；- 表示标准输入"))
	f.StringVar(&caseTag, "case-tag", "", c.tr("keyed pseudonym of the case, 64 hex digits", "案件标签（带密钥的化名，64 位十六进制）"))
	f.BoolVar(&noUpload, "no-upload", false, c.tr("do not hand the list to the gateway: it then cannot find the items", "不把摘要清单交网关（网关将无法查到各项）"))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		j := batchJob{cli: c, dir: c.flags.outDir, upload: !noUpload}
		if caseTag != "" {
			var err error
			if j.caseTag, err = tx.ParseDigest(caseTag); err != nil {
				return c.usage("--case-tag: want 64 lower-case hex digits", "--case-tag：应为 64 位小写十六进制")
			}
		}
		if c.flags.draft != "" {
			return c.usage("a batch is signed at once: --draft is not for it", "批次须即时签署，不适用 --draft")
		}
		return j.seal(cmd.Context(), args, digests)
	}
	return cmd
}

// batchJob is one call of `zheng batch seal`.
type batchJob struct {
	*cli
	dir     string
	upload  bool
	caseTag tx.Digest
}

func (j *batchJob) path(name string) string { return filepath.Join(j.dir, name) }

// seal does what of the batch has not been done yet.
func (j *batchJob) seal(ctx context.Context, args []string, digests string) error {
	if _, err := os.Stat(j.path(batchReceipt)); err == nil {
		return fmt.Errorf(j.tr("%s holds a batch that is complete; take another --out", "%s 中的批次已完成，请另选 --out"), j.dir)
	}
	p, err := j.newPen()
	if err != nil {
		return err
	}
	started := time.Now()
	list, err := os.ReadFile(j.path(batchList))
	switch {
	case err == nil:
		j.say("going on with the %d digests of %s", "沿用已有的 %d 个摘要：%s", len(list)/sha256.Size, j.path(batchList))
	case !errors.Is(err, fs.ErrNotExist):
		return err
	case len(args) == 0 && digests == "":
		return j.usage("name files, folders or --digests", "请指定文件、文件夹或 --digests")
	default:
		if list, err = j.gather(ctx, args, digests); err != nil {
			return err
		}
	}
	tree, err := batch.Build(list)
	if err != nil {
		return err
	}
	if j.upload {
		b := j.bar(j.tr("upload", "上传"), int64(len(list)), true)
		defer b.done()
		// First the list: who sees the statement can then have it.
		err := p.client.Upload(ctx, client.LocalFile{Path: j.path(batchList), File: tx.File{Bytes: int64(len(list)), SHA256: tree.List()}}, b.add)
		b.done()
		if err != nil {
			return err
		}
	}
	statement, err := os.ReadFile(j.path(batchStatement))
	if errors.Is(err, fs.ErrNotExist) {
		statement, err = j.state(ctx, p, tree, started)
	}
	if err != nil {
		return err
	}
	if err := j.finish(ctx, p, statement, func(r *entryInfo) { r.Items = tree.Len() }); err != nil {
		return err
	}
	id := tx.StatementID(statement)
	return os.Rename(filepath.Join(j.flags.outDir, id.String()+".receipt.json"), j.path(batchReceipt))
}

// state drafts the statement and keeps it: entering the same bytes again is the
// same statement.
func (j *batchJob) state(ctx context.Context, p pen, tree *batch.Tree, started time.Time) ([]byte, error) {
	tool, err := ownTool()
	if err != nil {
		return nil, err
	}
	tool.Started, tool.Ended, tool.Method = tx.TimeOf(started), tx.TimeOf(time.Now()), methodUpload
	d := client.Draft{Member: p.member, Kind: tx.EvidenceBatch, Expires: j.flags.expires, Body: &tx.Batch{
		Captured: tool, CaseTag: j.caseTag, Count: int64(tree.Len()), List: tree.List(), Root: tree.Root(),
	}}
	if p.trust != nil {
		d.Chain = p.trust.Chain
	}
	statement, err := p.client.Draft(ctx, d)
	if err != nil {
		return nil, err
	}
	return statement, writeFile(j.path(batchStatement), statement)
}

// gather makes the list and what stands beside it.
func (j *batchJob) gather(ctx context.Context, args []string, digests string) ([]byte, error) {
	var items []batchItem
	var err error
	switch {
	case digests != "" && len(args) > 0:
		return nil, j.usage("name files or --digests, not both", "文件与 --digests 只能择一")
	case digests != "":
		items, err = j.readDigests(digests)
	default:
		items, err = j.hash(ctx, args)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case len(items) == 0:
		return nil, errors.New(j.tr("there is nothing to state", "没有可登记的内容"))
	case len(items) > tx.MaxBatch:
		return nil, fmt.Errorf(j.tr("%d items; one batch takes at most %d: make several", "共 %d 项；一个批次至多 %d 项，请分批"), len(items), tx.MaxBatch)
	}
	list := make([]byte, 0, len(items)*sha256.Size)
	var lines bytes.Buffer
	w := json.NewEncoder(&lines)
	for i := range items {
		items[i].Index = i
		list = append(list, items[i].SHA256[:]...)
		if err := w.Encode(&items[i]); err != nil {
			return nil, err
		}
	}
	if err := writeFile(j.path(batchItems), lines.Bytes()); err != nil {
		return nil, err
	}
	return list, writeFile(j.path(batchList), list)
}

// badLines is how many wrong lines are reported one by one.
const badLines = 20

// readDigests reads NDJSON. A list with a wrong line is refused whole, after all
// its wrong lines have been named.
func (j *batchJob) readDigests(name string) (items []batchItem, err error) {
	in := j.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close() // only read
		in = f
	}
	bad := 0
	s := bufio.NewScanner(in)
	s.Buffer(nil, 64<<10)
	for n := 1; s.Scan(); n++ {
		line := bytes.TrimSpace(s.Bytes())
		if len(line) == 0 {
			continue
		}
		var item batchItem
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		err := d.Decode(&item)
		if err == nil && item.SHA256.IsZero() {
			err = errors.New("sha256 is missing")
		}
		if err != nil {
			if bad++; bad <= badLines {
				j.say("line %d: %v", "第 %d 行：%v", n, err)
			}
			continue
		}
		items = append(items, item)
	}
	switch {
	case s.Err() != nil:
		return nil, fmt.Errorf("%s: %w", name, s.Err())
	case bad > 0:
		return nil, fmt.Errorf(j.tr("%s: %d lines are wrong; nothing was stated. Correct them and try again", "%s：%d 行有误，未登记任何内容；请更正后重试"), name, bad)
	}
	return items, nil
}

// hash reads the files and all files in the folders, in the order of their names.
func (j *batchJob) hash(ctx context.Context, args []string) (items []batchItem, err error) {
	type found struct {
		path string
		size int64
	}
	var files []found
	var total int64
	for _, a := range args {
		err := filepath.WalkDir(a, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			fi, err := os.Stat(path)
			if err != nil {
				return err
			}
			if !fi.Mode().IsRegular() {
				return fmt.Errorf(j.tr("%s is no regular file", "%s 不是普通文件"), path)
			}
			files = append(files, found{path, fi.Size()})
			total += fi.Size()
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	b := j.bar(j.tr("hash", "计算摘要"), total, true)
	defer b.done()
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		d, n, err := hashOf(f.path, b)
		if err != nil {
			return nil, err
		}
		items = append(items, batchItem{SHA256: d, Name: filepath.ToSlash(f.path), Bytes: n})
	}
	return items, nil
}

func hashOf(path string, b *bar) (d tx.Digest, n int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return d, 0, err
	}
	defer f.Close() // only read
	h := sha256.New()
	n, err = io.Copy(h, f)
	b.add(int(n))
	h.Sum(d[:0])
	return d, n, err
}

func (c *cli) batchReceiptCmd() *cobra.Command {
	var dir, out string
	var compact bool
	cmd := &cobra.Command{
		Use: "receipt FILE|SHA256", Args: c.args(1, 1),
		Short: c.tr("make the receipt of one item, without a network", "生成其中一项的回执（无需网络）"),
		Long: c.tr(`Makes the receipt of one file of a batch from the folder of --batch: the receipt of the
batch and the path of the file's digest. zheng-verify checks it with --file FILE.`,
			`由 --batch 目录生成批次中某一文件的回执：批次回执加上该文件摘要的路径。
用 zheng-verify 并以 --file 指定文件即可核验。`),
		Example: "  zheng batch receipt photos/17.jpg --batch batch-7 --out 17.receipt.json",
	}
	f := cmd.Flags()
	f.StringVar(&dir, "batch", ".", c.tr("folder of the batch", "批次目录"))
	f.StringVar(&out, "out", "", c.tr("file to write (default SHA256.receipt.json in the folder of the batch)", "输出文件（默认批次目录下的 摘要.receipt.json）"))
	f.BoolVar(&compact, "compact", false, c.tr("the short form (CBOR), small enough for a printed code", "紧凑格式（CBOR），可印为二维码"))
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		tree, r, err := c.openBatch(dir)
		if err != nil {
			return err
		}
		d, err := tx.ParseDigest(args[0])
		if err != nil {
			if d, _, err = hashOf(args[0], &bar{}); err != nil {
				return err
			}
		}
		i := tree.Find(d)
		if i < 0 {
			return fmt.Errorf(c.tr("%s is not in the batch: %w", "%s 不在该批次中：%w"), d, errNotFound)
		}
		r.Item = &receipt.Item{Index: int64(i), SHA256: d, Path: tree.Path(i)}
		ext, encode := ".receipt.json", r.EncodeJSON
		if compact {
			ext, encode = ".receipt.cbor", r.Compact().EncodeCBOR
		}
		b, err := encode()
		if err != nil {
			return err
		}
		if out == "" {
			out = filepath.Join(dir, d.String()+ext)
		}
		if err := writeFile(out, b); err != nil {
			return err
		}
		info := struct {
			Index   int       `json:"index"`
			SHA256  tx.Digest `json:"sha256"`
			Receipt string    `json:"receipt"`
		}{i, d, out}
		return c.print(info, func(w io.Writer) { fmt.Fprintf(w, "%s  %d  %s\n", d, i, out) })
	}
	return cmd
}

// openBatch reads a batch folder whose statement is on the ledger.
func (c *cli) openBatch(dir string) (*batch.Tree, *receipt.Receipt, error) {
	b, err := os.ReadFile(filepath.Join(dir, batchReceipt))
	if err != nil {
		return nil, nil, fmt.Errorf(c.tr("no batch that is complete: %w (zheng batch seal --out %s goes on with one)", "没有已完成的批次：%w（可执行 zheng batch seal --out %s 继续）"), err, dir)
	}
	r, err := receipt.Parse(b)
	if err != nil {
		return nil, nil, err
	}
	e, err := tx.ParseEnvelope(r.Entry.Envelope)
	if err != nil {
		return nil, nil, err
	}
	s, err := tx.ParseStatement(e.Payload)
	if err != nil {
		return nil, nil, err
	}
	body, ok := s.Body.(*tx.Batch)
	if !ok {
		return nil, nil, fmt.Errorf(c.tr("%s is the receipt of %s, not of a batch", "%s 是 %s 的回执，并非批次"), filepath.Join(dir, batchReceipt), s.Kind)
	}
	list, err := os.ReadFile(filepath.Join(dir, batchList))
	if err != nil {
		return nil, nil, err
	}
	tree, err := batch.Of(body, list)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", filepath.Join(dir, batchList), err)
	}
	return tree, r, nil
}

func (c *cli) batchStatusCmd() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use: "status", Args: c.args(0, 0),
		Short: c.tr("what has been done of a batch; every item as NDJSON with -o json", "批次进度；-o json 逐项输出 NDJSON"),
	}
	cmd.Flags().StringVar(&dir, "batch", ".", c.tr("folder of the batch", "批次目录"))
	cmd.RunE = func(*cobra.Command, []string) error {
		items, err := os.Open(filepath.Join(dir, batchItems))
		if err != nil {
			return err
		}
		defer items.Close() // only read
		state := "listed"
		for _, s := range []struct{ file, state string }{{batchStatement, "stated"}, {batchReceipt, "sealed"}} {
			if _, err := os.Stat(filepath.Join(dir, s.file)); err == nil {
				state = s.state
			}
		}
		n := 0
		s := bufio.NewScanner(items)
		s.Buffer(nil, 64<<10)
		w := bufio.NewWriter(c.out)
		for s.Scan() {
			n++
			if !c.json {
				continue
			}
			var item struct {
				batchItem
				Status string `json:"status"`
			}
			if err := json.Unmarshal(s.Bytes(), &item); err != nil {
				return fmt.Errorf("%s: %w", batchItems, err)
			}
			item.Status = state
			b, err := json.Marshal(item)
			if err != nil {
				return err
			}
			w.Write(append(b, '\n'))
		}
		if err := s.Err(); err != nil {
			return err
		}
		if !c.json {
			fmt.Fprintf(w, c.tr("%d items, %s\n", "共 %d 项，%s\n"), n, state)
		}
		return w.Flush()
	}
	return cmd
}
