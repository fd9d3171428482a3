package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"zhenglian/app/receipt"
	"zhenglian/app/row"
	"zhenglian/app/tx"
	"zhenglian/client"
)

// methodUpload is how evidence was obtained that is a file somebody hands in.
const methodUpload = "upload"

func (c *cli) notarizeCmd() *cobra.Command {
	var class, caseTag string
	var upload, noUpload, incomplete bool
	cmd := &cobra.Command{
		Use: "notarize FILE|URL|DIR...", Args: c.args(1, -1),
		Short: c.tr("put files or web pages on the ledger as evidence", "把文件或网页作为证据上链"),
		Long: c.tr(`States the digests of files, signs with --from and --cosign, enters the statement,
checks the receipt and writes it to OUTDIR/ID.receipt.json.

All FILEs together are one statement. Each URL is captured into a new folder in
OUTDIR and is a statement of its own, as is each DIR made by zheng capture.
The bytes are handed to the gateway too, unless --no-upload.

What must not be public (addresses, case number, officers) goes under a salted
root; each --tsa stamps it. OUTDIR/ID.seal.json keeps the salts: without it nothing
of this can be proved, and no bundle made (zheng bundle ID).

When the signatures do not yet satisfy the policy, the statement waits (PENDING)
until others endorse it: zheng endorse ID.`,
			`声明文件摘要，以 --from 与 --cosign 的密钥签名并上链，核验回执后保存为
OUTDIR/编号.receipt.json。

所有“文件”合为一条陈述；每个网址先取证到 OUTDIR 下的新文件夹，单独成为一条陈述；
zheng capture 生成的文件夹亦同。除非 --no-upload，文件内容也会交网关保存。

不宜公开的内容（网址、案号、办案人员）只以加盐树根上链，并由各 --tsa 加盖时间戳。
OUTDIR/编号.seal.json 保存盐值：缺了它便无法举证，也无法生成证据包（zheng bundle 编号）。

签名尚未满足会签规则时，陈述处于待会签（PENDING）状态，由他人会签：zheng endorse 编号。`),
		Example: `  zheng notarize page.png --from officer1 --cosign officer2,city --out receipts
  zheng notarize https://shop.example/item/1 --from officer1 -o json`,
	}
	c.signFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&class, "class", "file", c.tr("what the FILEs are: file, video or monitor", "文件类别：file、video 或 monitor"))
	f.StringVar(&caseTag, "case-tag", "", c.tr("keyed pseudonym of the case, 64 hex digits", "案件标签（带密钥的化名，64 位十六进制）"))
	f.BoolVar(&upload, "upload", true, c.tr("hand the bytes to the gateway", "把文件内容交网关保存"))
	f.BoolVar(&noUpload, "no-upload", false, c.tr("state digests only", "只声明摘要，不上传内容"))
	f.BoolVar(&incomplete, "incomplete", false, c.tr("also notarize a capture that was BLOCKED or FAILED", "取证被拦截或失败时仍上链"))
	sf := c.sealFlags(cmd)
	cf := c.captureFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		j := notarizeJob{cli: c, upload: upload && !noUpload, incomplete: incomplete}
		if class != "file" && class != "video" && class != "monitor" {
			return c.usage("--class %s: want file, video or monitor", "--class %s：应为 file、video 或 monitor", class)
		}
		if caseTag != "" {
			var err error
			if j.caseTag, err = tx.ParseDigest(caseTag); err != nil {
				return c.usage("--case-tag: want 64 lower-case hex digits", "--case-tag：应为 64 位小写十六进制")
			}
		}
		if err := j.sort(args); err != nil {
			return err
		}
		if c.flags.draft != "" && j.statements() > 1 {
			return c.usage("--draft takes one statement; these are %d", "--draft 只适用于一条陈述，此处为 %d 条", j.statements())
		}
		if err := j.prepare(); err != nil {
			return err
		}
		if err := j.prepareSeal(sf); err != nil {
			return err
		}
		if len(j.files) > 0 {
			if err := j.notarizeFiles(ctx, class); err != nil {
				return err
			}
		}
		for _, u := range j.urls {
			dir := filepath.Join(c.flags.outDir, captureDir(u, time.Now()))
			c.say("capturing %s", "正在取证 %s", u)
			if _, err := c.capturePage(ctx, cf, u, dir); err != nil {
				return err
			}
			if err := j.notarizeCapture(ctx, dir); err != nil {
				return err
			}
		}
		for _, dir := range j.dirs {
			if err := j.notarizeCapture(ctx, dir); err != nil {
				return err
			}
		}
		return nil
	}
	return cmd
}

// notarizeJob is what one call of `zheng notarize` has to do.
type notarizeJob struct {
	*cli
	upload, incomplete bool
	caseTag            tx.Digest
	files, urls, dirs  []string
	pen
	sealing
}

// sort tells the kinds of arguments apart.
func (j *notarizeJob) sort(args []string) error {
	for _, a := range args {
		if strings.HasPrefix(a, "http://") || strings.HasPrefix(a, "https://") {
			j.urls = append(j.urls, a)
			continue
		}
		fi, err := os.Stat(a)
		switch {
		case err != nil:
			return fmt.Errorf("notarize: %w", err)
		case !fi.IsDir():
			j.files = append(j.files, a)
		case client.IsCapture(a):
			j.dirs = append(j.dirs, a)
		default:
			return j.usage("%s is a folder without capture.json: name its files, or a folder made by zheng capture",
				"%s 不是 zheng capture 生成的文件夹：请逐个指定文件", a)
		}
	}
	return nil
}

func (j *notarizeJob) statements() int { return min(len(j.files), 1) + len(j.urls) + len(j.dirs) }

func (j *notarizeJob) notarizeFiles(ctx context.Context, class string) error {
	tool, err := ownTool()
	if err != nil {
		return err
	}
	started := time.Now()
	var total int64
	for _, f := range j.files {
		if fi, err := os.Stat(f); err == nil {
			total += fi.Size()
		}
	}
	b := j.bar(j.tr("hash", "计算摘要"), total, true)
	defer b.done()
	var local []client.LocalFile
	for _, path := range j.files {
		f, err := client.HashFile(ctx, path, "original", b.add)
		if err != nil {
			return err
		}
		local = append(local, f)
	}
	b.done()
	tool.Started, tool.Ended, tool.Method = tx.TimeOf(started), tx.TimeOf(time.Now()), methodUpload
	return j.enter(ctx, tx.Evidence{Class: class, Captured: tool}, local, "")
}

func (j *notarizeJob) notarizeCapture(ctx context.Context, dir string) error {
	k, err := client.OpenCapture(ctx, dir, nil)
	if err != nil {
		return err
	}
	switch {
	case k.Outcome == "COMPLETE":
	case k.Outcome == "PARTIAL" || j.incomplete:
		j.say("warning: the capture is %s: %s", "注意：取证结果为 %s：%s", k.Outcome, k.Reason)
	default:
		return fmt.Errorf(j.tr("the capture is %s (%s); the folder %s is kept: look at it, and use --incomplete to notarize it as it is",
			"取证结果为 %s（%s）；已保留文件夹 %s，核实后可用 --incomplete 按现状上链"), k.Outcome, k.Reason, dir)
	}
	if k.Env.Result == "fail" {
		f, err := j.waiverOf(ctx, dir, k)
		if err != nil {
			return err
		}
		k.Files = append(k.Files, f)
	}
	return j.enter(ctx, tx.Evidence{Class: "web_capture", Captured: k.Tool, Env: &k.Env}, k.Files, dir)
}

// enter seals local as one statement.
func (j *notarizeJob) enter(ctx context.Context, e tx.Evidence, local []client.LocalFile, dir string) error {
	e.CaseTag = j.caseTag
	var total int64
	for _, f := range local {
		total += f.Bytes
	}
	if !j.upload {
		total = 0
	}
	seal, paths, err := j.seal(ctx, &e, local, dir)
	if err != nil {
		return err
	}
	b := j.bar(j.tr("upload", "上传"), total, true)
	defer b.done()
	statement, err := j.client.Seal(ctx, client.NotarizeOptions{
		Member: j.member, Evidence: e, Files: local, Upload: j.upload, Expires: j.flags.expires,
		Trust: j.trust, Progress: b.add,
	})
	b.done()
	if err != nil {
		return err
	}
	kept, err := j.keepSeal(tx.StatementID(statement), seal, paths)
	if err != nil {
		return err
	}
	return j.finish(ctx, statement, func(r *entryInfo) {
		r.Capture, r.Seal = dir, kept
		for _, f := range local {
			r.Files = append(r.Files, fileInfo{f.Path, f.Role, f.Media, f.Bytes, f.SHA256, f.SM3})
		}
	})
}

// ownTool names this program in a statement.
var ownTool = sync.OnceValues(func() (tx.Captured, error) {
	path, err := os.Executable()
	if err != nil {
		return tx.Captured{}, fmt.Errorf("this program's file: %w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return tx.Captured{}, fmt.Errorf("this program's file: %w", err)
	}
	defer f.Close()
	s, err := client.Sum(f)
	if err != nil {
		return tx.Captured{}, fmt.Errorf("this program's file: %w", err)
	}
	return tx.Captured{Tool: "zheng/" + version(), ToolSHA256: s.SHA256}, nil
})

// A pen is what it takes to state something: gateway, trust root, keys.
type pen struct {
	client  *client.Client
	trust   *receipt.Trust // nil: receipts are not checked
	member  tx.MemberID
	signers []tx.Signer // nil for a draft
}

// prepare gets everything that can be missing before any work begins.
func (j *notarizeJob) prepare() (err error) {
	j.pen, err = j.newPen()
	return err
}

func (c *cli) newPen() (p pen, err error) {
	if p.client, err = c.gateway(); err != nil {
		return p, err
	}
	if p.trust, err = c.trustRoot(); err != nil {
		return p, err
	}
	name, err := c.fromName()
	if err != nil {
		return p, err
	}
	if c.flags.expires < 0 {
		return p, c.usage("--expires: want a number of heights", "--expires：应为区块数")
	}
	f, err := c.loadKey(name)
	if err != nil {
		return p, err
	}
	p.member = f.Member
	if c.flags.draft != "" {
		if len(c.flags.cosign) > 0 {
			return p, c.usage("a draft is not signed yet: leave --cosign out and use zheng sign", "--draft 不签名，请去掉 --cosign 并改用 zheng sign")
		}
		return p, nil // the secret is not needed, and not asked for
	}
	p.signers, err = c.signers()
	return p, err
}

// trustRoot reads the trust file in force; nil when there is none.
func (c *cli) trustRoot() (*receipt.Trust, error) {
	path := c.setting(c.flags.trust, "ZHENG_TRUST", c.file.Trust, "")
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("trust root: %w", err)
	}
	return receipt.ParseTrust(b)
}

// entryInfo is a statement on the ledger as the commands print it that entered
// it.
type entryInfo struct {
	ID       tx.ID      `json:"id"`
	Seq      uint64     `json:"seq"`
	Height   int64      `json:"height"`
	Receipt  string     `json:"receipt"` // path
	State    row.State  `json:"state,omitempty"`
	Outcome  string     `json:"outcome"`
	SealedAt tx.Time    `json:"sealed_at"`
	Checked  bool       `json:"receipt_verified"` // against --trust
	Missing  []string   `json:"missing,omitempty"`
	Capture  string     `json:"capture,omitempty"` // folder
	Seal     string     `json:"seal,omitempty"`    // path
	Files    []fileInfo `json:"files,omitempty"`
	Items    int        `json:"items,omitempty"` // digests of a batch
}

type fileInfo struct {
	Path   string    `json:"path"`
	Role   string    `json:"role"`
	Media  string    `json:"media"`
	Bytes  int64     `json:"bytes"`
	SHA256 tx.Digest `json:"sha256"`
	SM3    tx.Digest `json:"sm3"`
}

// finish signs a statement and enters it, or writes it as a draft.
func (j *notarizeJob) finish(ctx context.Context, statement []byte, more func(*entryInfo)) error {
	return j.cli.finish(ctx, j.pen, statement, more)
}

func (c *cli) finish(ctx context.Context, p pen, statement []byte, more func(*entryInfo)) error {
	if c.flags.draft != "" {
		return c.writeDraft(statement)
	}
	e, err := tx.Seal(statement, p.signers...)
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	return c.enter(ctx, p, e, more)
}

// enter hands an envelope in, keeps its receipt and prints what became of it.
func (c *cli) enter(ctx context.Context, p pen, e *tx.Envelope, more func(*entryInfo)) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	entry, err := p.client.Enter(ctx, e, p.trust)
	if err != nil {
		return err
	}
	r := entryInfo{
		ID: entry.ID, Seq: entry.Seq, Height: entry.Height, State: entry.State, Outcome: entry.Outcome,
		SealedAt: entry.SealedAt, Checked: entry.Checked, Missing: entry.Missing,
	}
	r.Receipt = filepath.Join(c.flags.outDir, entry.ID.String()+".receipt.json")
	if err := writeFile(r.Receipt, entry.Receipt); err != nil {
		return errors.Join(fmt.Errorf(c.tr("%s is on the ledger, but its receipt could not be kept; get it with: zheng receipt %[1]s --out FILE", "%s 已上链，但回执未能保存；请执行 zheng receipt %[1]s --out 文件"), entry.ID), err)
	}
	if more != nil {
		more(&r)
	}
	err = c.print(r, func(w io.Writer) {
		fmt.Fprintf(w, "%s %s\n", stateWord(r), r.ID)
		fmt.Fprintf(w, "  %s %d · %s %d · %s %s\n", c.tr("entry", "序号"), r.Seq, c.tr("height", "高度"), r.Height, c.tr("sealed at", "固定时间"), r.SealedAt)
		fmt.Fprintf(w, "  %s %s\n", c.tr("receipt", "回执"), r.Receipt)
	})
	if !r.Checked {
		c.say("the receipt was not checked: no --trust given; check it with zheng verify --receipt %s --trust FILE", "未给出 --trust，回执尚未核验；可执行 zheng verify --receipt %s --trust 信任根文件", r.Receipt)
	}
	if r.Outcome == row.Waits {
		c.say("It waits for signatures. Still missing: %s\nWhoever can give one runs: zheng endorse %s --type agrees --from NAME --gateway %s\nWhen they have, fetch the receipt that shows it: zheng receipt %[2]s --out %[4]s",
			"等待会签，尚缺：%s\n请有权会签者执行：zheng endorse %s --type agrees --from 密钥名 --gateway %s\n会签齐备后取得新回执：zheng receipt %[2]s --out %[4]s",
			strings.Join(r.Missing, "; "), r.ID, p.client.Gateway(), r.Receipt)
	}
	return err
}

// stateWord is the state of the matter, or of a statement that has none.
func stateWord(r entryInfo) string {
	if r.State != "" {
		return string(r.State)
	}
	return strings.ToUpper(r.Outcome)
}
