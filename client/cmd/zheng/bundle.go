package main

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client"
	"zhenglian/client/api"
	"zhenglian/client/bundle"
	"zhenglian/client/fields"
	"zhenglian/client/stamp"
	"zhenglian/client/stamp/remote"
)

// Endings of the files that an office keeps or hands over.
const (
	bundleExt     = ".evb"
	sealExt       = ".seal.json"
	receiptExt    = ".receipt.json"
	disclosureExt = ".disclosure.json"
)

// sealFlags are what `zheng notarize` seals besides files.
type sealFlags struct {
	tsa, fields []string
	tsaRoots    string
}

func (c *cli) sealFlags(cmd *cobra.Command) *sealFlags {
	f := new(sealFlags)
	fl := cmd.Flags()
	fl.StringArrayVar(&f.fields, "field", nil, c.tr("NAME=VALUE under the salted root, such as case_no=…; repeatable", "以加盐方式封存的字段 名称=值，如 case_no=…，可重复"))
	fl.StringSliceVar(&f.tsa, "tsa", nil, c.tr("time-stamp authorities: URL, or test:NAME for a demonstration (UNTRUSTED)", "时间戳机构网址；test:名称 为演示用（没有证明力）"))
	c.tsaRootsFlag(cmd, &f.tsaRoots)
	return f
}

// tsaRootsFlag adds --tsa-roots.
func (c *cli) tsaRootsFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVar(path, "tsa-roots", "", c.tr("PEM file of the roots of time-stamp authorities that you trust", "所信任的时间戳机构根证书（PEM 文件）"))
}

// readCertificates reads a PEM file of at least one certificate.
func readCertificates(path string) (certs []*x509.Certificate, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		certs = append(certs, c)
	}
	if certs == nil {
		return nil, fmt.Errorf("no certificate in %s", path)
	}
	return certs, nil
}

// sealing is what goes into every seal of one run.
type sealing struct {
	fields      []fields.Field
	authorities []stamp.Authority
}

// prepareSeal reads the flags and the configuration.
func (j *notarizeJob) prepareSeal(f *sealFlags) error {
	for _, kv := range f.fields {
		name, value, ok := strings.Cut(kv, "=")
		x := fields.Field{Name: name, Value: bundle.Text(value)}
		if err := x.Check(); !ok || err != nil {
			return j.usage("--field %q: want NAME=VALUE, NAME of a-z, 0-9 and _", "--field %q：应为 名称=值，名称由 a-z、0-9、_ 组成", kv)
		}
		j.sealing.fields = append(j.sealing.fields, x)
	}
	var roots []*x509.Certificate
	if f.tsaRoots != "" {
		var err error
		if roots, err = readCertificates(f.tsaRoots); err != nil {
			return fmt.Errorf("time-stamp roots: %w", err)
		}
	}
	if len(f.tsa) == 0 {
		for _, a := range j.file.TSA {
			own, err := readCertificates(a.Roots)
			if err != nil {
				return fmt.Errorf("time-stamp roots: %w", err)
			}
			j.authorities = append(j.authorities, &remote.Authority{URL: a.URL, Roots: own})
		}
	}
	for _, a := range f.tsa {
		if name, ok := strings.CutPrefix(a, "test:"); ok {
			t, err := stamp.NewTestAuthority(name, time.Now)
			if err != nil {
				return err
			}
			j.say("warning: the time-stamps of %s are UNTRUSTED: for demonstration only", "注意：%s 的时间戳仅供演示，没有证明力", a)
			j.authorities = append(j.authorities, t)
			continue
		}
		if roots == nil {
			return j.usage("--tsa %s needs --tsa-roots FILE: a token that cannot be checked is not worth asking for", "--tsa %s 须同时给出 --tsa-roots 文件", a)
		}
		j.authorities = append(j.authorities, &remote.Authority{URL: a, Roots: roots})
	}
	if len(j.authorities) == 1 {
		j.say("warning: one time-stamp authority only; with two, neither need be believed alone", "注意：只有一家时间戳机构；宜用两家，以免仅凭一家之言")
	}
	return nil
}

// seal builds the salted tree over local and its fields, has it stamped, and
// puts its root into e. Paths say where the files lie.
func (j *notarizeJob) seal(ctx context.Context, e *tx.Evidence, local []client.LocalFile, dir string) (*bundle.Seal, map[string]string, error) {
	cp, err := j.client.Checkpoint(ctx)
	if err != nil {
		return nil, nil, err
	}
	o := bundle.SealOptions{Fields: slices.Clone(j.sealing.fields), Authorities: j.authorities, Anchor: tx.Anchor{Height: cp.Anchor.Height, Hash: cp.Anchor.Hash}}
	if len(cp.Block) > 0 {
		if o.Header, err = bundle.AnchorHeader(cp.Block, o.Anchor); err != nil {
			return nil, nil, err
		}
	}
	paths := map[string]string{}
	var names bundle.Names
	var bytes int64
	for _, f := range local {
		name := ""
		if dir == "" {
			name = names.Add(bundle.DirFiles, filepath.Base(f.Path))
		} else {
			rel, err := filepath.Rel(dir, f.Path)
			if err != nil {
				return nil, nil, err
			}
			name = bundle.CapturePath(filepath.ToSlash(rel))
		}
		paths[name] = j.besideOut(f.Path)
		bytes += f.Bytes
		o.Files = append(o.Files, bundle.File{Path: name, Role: f.Role, Media: f.Media, Bytes: f.Bytes, SHA256: f.SHA256, SM3: f.SM3})
	}
	if dir != "" {
		b, err := os.ReadFile(filepath.Join(dir, "capture.json"))
		if err != nil {
			return nil, nil, err
		}
		captured, err := bundle.CaptureFields(b)
		if err != nil {
			return nil, nil, err
		}
		o.Fields = append(o.Fields, captured...)
	}
	o.Events = []bundle.Event{
		{At: e.Captured.Started, Event: "collected", Detail: e.Captured.Tool},
		{At: e.Captured.Ended, Event: "hashed", Detail: fmt.Sprintf("%d files, %d bytes", len(local), bytes)},
	}
	s, err := bundle.NewSeal(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	s.Bind(e)
	return s, paths, nil
}

// besideOut makes path relative to the folder of receipts, so that both can be
// moved together; it stays as it is where that cannot be.
func (c *cli) besideOut(path string) string {
	abs, err1 := filepath.Abs(path)
	out, err2 := filepath.Abs(c.flags.outDir)
	if err1 != nil || err2 != nil {
		return path
	}
	rel, err := filepath.Rel(out, abs)
	if err != nil || strings.HasPrefix(rel, "..") {
		return abs
	}
	return filepath.ToSlash(rel)
}

// keptSeal is OUTDIR/ID.seal.json.
type keptSeal struct {
	Seal  json.RawMessage   `json:"seal"`
	Paths map[string]string `json:"paths"` // of evidence files by name in the bundle; relative ones to the folder of this file
}

// keepSeal writes the seal before anything is entered: a statement on the ledger
// whose salts are lost proves nothing of its fields. Only its owner may read it.
func (c *cli) keepSeal(id tx.ID, s *bundle.Seal, paths map[string]string) (string, error) {
	b, err := json.MarshalIndent(keptSeal{s.Encode(), paths}, "", " ")
	if err != nil {
		return "", err
	}
	path := filepath.Join(c.flags.outDir, id.String()+sealExt)
	if err := os.MkdirAll(c.flags.outDir, 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o600); err != nil {
		return "", fmt.Errorf("keep the seal: %w", err)
	}
	return path, nil
}

func (c *cli) bundleCmd() *cobra.Command {
	var in, out, tsaRoots string
	var withhold []string
	var refresh bool
	cmd := &cobra.Command{
		Use: "bundle ID|DIR", Args: c.args(1, 1),
		Short: c.tr("make the file that goes to a court", "生成提交法院的证据包"),
		Long: c.tr(`Puts evidence files, statement, receipt, time-stamps and custody log into one
BUNDLE.evb, which anybody checks offline: zheng verify BUNDLE.evb --trust TRUST.

DIR is the folder to which zheng notarize wrote its receipts; every statement sealed
there becomes a bundle. An ID is looked up in --in. Files that are no longer where they
were are fetched from the gateway. A bundle that does not verify is not kept.

--withhold hides fields (case_no) or files (evidence/capture/page.mhtml): what is shown
is proved all the same.`,
			`把证据文件、陈述、回执、时间戳和保管记录合为一个证据包（.evb），任何人可离线核验：
zheng verify 证据包.evb --trust 信任根。

DIR 为 zheng notarize 保存回执的文件夹，其中每条陈述生成一个证据包；给出编号时在 --in
中查找。文件已不在原处时从网关取回。未通过核验的证据包不予保留。

--withhold 隐去字段（如 case_no）或文件，其余内容仍可证明。`),
		Example: `  zheng bundle 5e3f… --in receipts --trust trust.json
  zheng bundle receipts --withhold case_no,officers`,
	}
	c.gatewayFlag(cmd)
	c.trustFlag(cmd)
	c.tsaRootsFlag(cmd, &tsaRoots)
	f := cmd.Flags()
	f.StringVar(&in, "in", ".", c.tr("folder of receipts, for an ID", "按编号查找时的回执文件夹"))
	f.StringVar(&out, "out", "", c.tr("file for the bundle (default: ID.evb in the folder of receipts)", "证据包保存为（默认在回执文件夹中）"))
	f.StringSliceVar(&withhold, "withhold", nil, c.tr("fields and files that are not shown", "不出示的字段和文件"))
	f.BoolVar(&refresh, "refresh", false, c.tr("fetch the receipt as of now from the gateway", "从网关取得当前回执"))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		j := bundleJob{cli: c, withhold: withhold, refresh: refresh}
		var err error
		if j.trust, err = c.trustRoot(); err != nil {
			return err
		}
		if j.trust == nil {
			return c.usage("a bundle is checked before it is kept: give --trust FILE", "证据包须先核验再保存，请用 --trust 指定信任根文件")
		}
		if tsaRoots != "" {
			if j.options.TSARoots, err = readCertificates(tsaRoots); err != nil {
				return fmt.Errorf("time-stamp roots: %w", err)
			}
		}
		seals, err := c.findSeals(args[0], in)
		if err != nil {
			return err
		}
		if out != "" && len(seals) > 1 {
			return c.usage("--out takes one bundle; %s has %d", "--out 只适用于一个证据包，%s 中有 %d 个", args[0], len(seals))
		}
		for _, s := range seals {
			to := out
			if to == "" {
				to = strings.TrimSuffix(s, sealExt) + bundleExt
			}
			if err := j.make(cmd.Context(), s, to); err != nil {
				return err
			}
		}
		return nil
	}
	return cmd
}

// findSeals lists the seals of a folder, or the one of an id.
func (c *cli) findSeals(arg, in string) ([]string, error) {
	if fi, err := os.Stat(arg); err == nil && fi.IsDir() {
		all, err := filepath.Glob(filepath.Join(arg, "*"+sealExt))
		if err == nil && len(all) == 0 {
			err = fmt.Errorf(c.tr("%w: no *%s in %s: it is made by zheng notarize", "%w：%[3]s 中没有 *%[2]s，该文件由 zheng notarize 生成"), errNotFound, sealExt, arg)
		}
		return all, err
	}
	id, err := c.parseID(arg)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(in, id.String()+sealExt)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf(c.tr("%w: no seal of this statement in %s (%s): name the folder of zheng notarize by --in", "%w：%s 中没有该陈述的封存记录（%s），请用 --in 指定 zheng notarize 的保存目录"), errNotFound, in, filepath.Base(path))
	}
	return []string{path}, nil
}

// bundleJob is what one call of `zheng bundle` has to do.
type bundleJob struct {
	*cli
	trust    *receipt.Trust
	options  bundle.Options
	withhold []string
	refresh  bool
}

// bundleInfo is a bundle as `zheng bundle` prints it.
type bundleInfo struct {
	ID      tx.ID           `json:"id"`
	Bundle  string          `json:"bundle"` // path
	Bytes   int64           `json:"bytes"`
	SHA256  tx.Digest       `json:"sha256"`
	Verdict receipt.Verdict `json:"verdict"`
}

// make turns the seal at path into the bundle at out.
func (j *bundleJob) make(ctx context.Context, path, out string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var k keptSeal
	if err := json.Unmarshal(b, &k); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	seal, err := bundle.ParseSeal(k.Seal)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	info := bundleInfo{Bundle: out}
	if info.ID, err = tx.ParseID(strings.TrimSuffix(filepath.Base(path), sealExt)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	doc, err := j.receiptOf(ctx, info.ID, strings.TrimSuffix(path, sealExt)+receiptExt)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(out), ".zheng-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already when all went well
	defer f.Close()
	sum := sha256.New()
	err = bundle.Write(ctx, io.MultiWriter(f, sum), bundle.Contents{
		Seal: seal, Receipt: doc, Trust: j.trust, Withhold: j.withhold,
		Open: func(x bundle.File) (io.ReadCloser, error) { return j.open(ctx, filepath.Dir(path), k.Paths, x) },
	})
	if err != nil {
		return err
	}
	sum.Sum(info.SHA256[:0])
	if info.Bytes, err = f.Seek(0, io.SeekCurrent); err != nil {
		return err
	}
	o := j.options
	o.WantID = info.ID
	r, err := bundle.Verify(ctx, f, info.Bytes, j.trust, o)
	if err != nil {
		return err
	}
	if r.Verdict == receipt.NotVerified {
		return &client.Unverified{ID: info.ID, Report: r.Report}
	}
	info.Verdict = r.Verdict
	if err := errors.Join(f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", out, err)
	}
	if err := os.Rename(f.Name(), out); err != nil {
		return err
	}
	return j.print(info, func(w io.Writer) {
		fmt.Fprintf(w, "%s %s\n  %s\n  %d %s · SHA-256 %s\n", info.Verdict, info.ID, info.Bundle, info.Bytes, j.tr("bytes", "字节"), info.SHA256)
	})
}

// receiptOf reads the receipt that was kept, or the one as of now.
func (j *bundleJob) receiptOf(ctx context.Context, id tx.ID, path string) ([]byte, error) {
	if !j.refresh {
		b, err := os.ReadFile(path)
		if !errors.Is(err, os.ErrNotExist) {
			return b, err
		}
	}
	g, err := j.gateway()
	if err != nil {
		return nil, err
	}
	return g.Receipt(ctx, id, api.ReceiptOptions{At: api.AtLatest})
}

// open opens an evidence file where it was, or else from the gateway.
func (j *bundleJob) open(ctx context.Context, dir string, paths map[string]string, x bundle.File) (io.ReadCloser, error) {
	path := filepath.FromSlash(paths[x.Path])
	if path != "" && !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	f, err := os.Open(path)
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		return f, err
	}
	if j.setting(j.flags.gateway, "ZHENG_GATEWAY", j.file.Gateway, "") == "" {
		return nil, fmt.Errorf(j.tr("%w; give --gateway URL to fetch it", "%w；可用 --gateway 从网关取回"), err)
	}
	g, err := j.gateway()
	if err != nil {
		return nil, err
	}
	body, _, err := g.Blob(ctx, x.SHA256)
	return body, err
}

// verifyBundle checks a bundle offline.
func (c *cli) verifyBundle(ctx context.Context, path string, trust *receipt.Trust, tsaRoots, witnesses string) error {
	if trust == nil {
		return c.usage("a bundle needs --trust FILE: the root inside it proves nothing", "核验证据包须给出 --trust 信任根文件，包内的副本不作依据")
	}
	var o bundle.Options
	if tsaRoots != "" {
		var err error
		if o.TSARoots, err = readCertificates(tsaRoots); err != nil {
			return fmt.Errorf("time-stamp roots: %w", err)
		}
	}
	var err error
	if o.Witnesses, err = readWitnesses(witnesses); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // only read
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	r, err := bundle.Verify(ctx, f, fi.Size(), trust, o)
	if err != nil {
		return err
	}
	return c.printReport(r)
}

// printReport prints a report, and makes an error of one that does not hold.
func (c *cli) printReport(r *bundle.Report) error {
	out := r.Text(c.tr(receipt.EN, receipt.ZH))
	if c.json {
		out = string(r.JSON())
	}
	if _, err := io.WriteString(c.out, out); err != nil {
		return err
	}
	if r.Verdict == receipt.NotVerified {
		return &client.Unverified{Report: r.Report}
	}
	return nil
}

func (c *cli) discloseCmd() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "disclose BUNDLE.evb NAME", Args: c.args(2, 2),
		Short: c.tr("prove one field or file of a bundle, and show nothing else", "只出示证据包中的一个字段或文件，并可证明"),
		Long: c.tr(`Writes a file that proves one field (case_no) or one line of the manifest
(evidence/capture/page.png) to be under the statement on the ledger. Anybody checks
it offline: zheng verify NAME.disclosure.json --trust TRUST.`,
			`生成一个文件，证明某一字段（如 case_no）或清单中的某一行属于上链陈述，其余内容不出示。
任何人可离线核验：zheng verify 名称.disclosure.json --trust 信任根。`),
		Example: `  zheng disclose case7.evb case_no --out case_no.disclosure.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close() // only read
			fi, err := f.Stat()
			if err != nil {
				return err
			}
			a, err := bundle.Open(f, fi.Size())
			if err != nil {
				return err
			}
			b, err := bundle.Disclose(a, args[1])
			if err != nil {
				return err
			}
			if out == "" {
				out = filepath.Base(args[1]) + disclosureExt
			}
			if !strings.HasSuffix(out, disclosureExt) {
				return c.usage("--out %s: want a name that ends with %s", "--out %s：文件名应以 %s 结尾", out, disclosureExt)
			}
			if err := writeFile(out, b); err != nil {
				return err
			}
			v := struct {
				Disclosure string `json:"disclosure"`
			}{out}
			return c.print(v, func(w io.Writer) { fmt.Fprintln(w, out) })
		},
	}
	cmd.Flags().StringVar(&out, "out", "", c.tr("file to write (default: NAME.disclosure.json here)", "保存为（默认：当前目录下 名称.disclosure.json）"))
	return cmd
}

// verifyDisclosure checks a disclosure file offline.
func (c *cli) verifyDisclosure(path string, trust *receipt.Trust) error {
	if trust == nil {
		return c.usage("%s needs --trust FILE: there is nothing else to check against", "核验 %s 须给出 --trust 信任根文件", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // only read
	b, err := io.ReadAll(io.LimitReader(f, bundle.MaxDisclosure+1))
	if err != nil {
		return err
	}
	return c.printReport(bundle.VerifyDisclosure(b, trust, bundle.Options{}))
}
