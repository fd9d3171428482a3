// Command zheng-verify checks what the ledger hands out, offline: bundles,
// certificates, receipts and printed codes. It is the tool for courts: one static
// program without network, clock or configuration, which believes nothing but the
// trust root that it is given. What it finds is for package court to say.
//
//	zheng-verify --trust TRUST [--file FILE]… [--id ID] [--tsa-roots PEM] [--witnesses POLICY] [-o text|json|html] [--lang zh|en|both] DOCUMENT
//
// The report goes to standard output, everything else to standard error. Exit
// codes: 0 verified, with warnings or without; 1 error, such as a file that
// cannot be read; 2 wrong usage; 3 NOT VERIFIED.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/court"

	"github.com/emmansun/gmsm/sm3"
)

// Exit codes.
const (
	exitVerified    = 0
	exitError       = 1
	exitUsage       = 2
	exitNotVerified = 3
)

const usage = `用法：zheng-verify --trust 可信根文件 [--file 文件]… [选项] 材料
  离线核验材料：陈述是否已上链、由谁签署、会签是否齐备、文件是否一致。报告按在线诉讼规则
  第十六、十七、十八条编排，并列明未检查的事项和何种反证足以推翻。
  材料为证据包（.evb）、存证证书（.pdf）、回执（.receipt.json 或 .receipt.cbor）、账本分叉
  的证明（split-*.json），或
  二维码中的文字（每行一个，扫描所得）；写 - 则从标准输入读取。

  --trust 文件      可信根（链编号与验证节点公钥），须由法院自行通过独立渠道取得
  --changes 文件    较新的信任根文件（来源不限）：其中的验证节点变更逐一由可信根证明
  --file 文件       与陈述比对的原始文件，可重复
  --id 编号         要求材料属于此编号的陈述
  --tsa-roots 文件  所信任的时间戳机构的根证书（PEM）
  --witnesses 文件  见证规则：要求哪些外部见证人联署（C2SP tlog-policy 格式）
  -o text|json|html 输出格式，默认 text
  --lang zh|en|both 报告的语言，默认 both（html 默认 zh）
  --version         显示版本
退出码：0 验证通过 · 1 出错（如文件无法读取） · 2 用法错误 · 3 验证不通过

usage: zheng-verify --trust TRUST [--file FILE]... [options] DOCUMENT
  Checks a document offline: that the statement is on the ledger, who signed it,
  whether its co-signing rule is met, whether the file is the one it names. The
  report is arranged by articles 16, 17 and 18 of the Online Litigation Rules, and
  says what was not checked and what would rebut it.
  DOCUMENT is a bundle (.evb), a certificate (.pdf), a receipt (.receipt.json or
  .receipt.cbor), a proof of a split view (split-*.json) or the text of printed codes, one a line; - reads standard input.

  --trust FILE       trust root (chain id and keys of the validators), which the
                     court gets by a way of its own
  --changes FILE     a newer trust root, from anybody: the changes of the validators
                     that it knows besides are taken as far as TRUST proves them
  --file FILE        original file to compare with the statement; repeatable
  --id ID            the statement that the document is to be of
  --tsa-roots FILE   root certificates of time-stamp authorities that are trusted (PEM)
  --witnesses FILE   witness policy: whose cosignatures are asked for (C2SP tlog-policy)
  -o text|json|html  output format, text by default
  --lang zh|en|both  language of the report, both by default (of html: zh)
  --version          print the version
exit codes: 0 verified, 1 error (such as an unreadable file), 2 usage, 3 NOT VERIFIED
`

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// A command is what the arguments ask for.
type command struct {
	trust, document string
	changes         string // "": none
	tsaRoots        string // "": none
	witnesses       string // "": none
	files           []string
	id              tx.ID // zero: any
	output, lang    string
	version         bool
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return exitVerified
	case err != nil:
		fmt.Fprintf(stderr, "zheng-verify: %v\n\n%s", err, usage)
		return exitUsage
	case c.version:
		fmt.Fprintln(stdout, "zheng-verify "+version())
		return exitVerified
	}
	report, err := verify(c, stdin)
	if err != nil {
		fmt.Fprintf(stderr, "zheng-verify: 出错 error: %v\n", err)
		return exitError
	}
	out := report.JSON()
	switch c.output {
	case "text":
		out = []byte(report.Text(c.lang))
	case "html":
		out = []byte(receipt.HTMLOf(report.Page, c.lang))
	}
	if _, err := stdout.Write(out); err != nil {
		fmt.Fprintf(stderr, "zheng-verify: write the report: %v\n", err)
		return exitError
	}
	if report.Sum().Verdict == receipt.NotVerified {
		return exitNotVerified
	}
	return exitVerified
}

// parse reads the arguments. Unlike package flag alone it takes flags behind the
// receipt as well, where people put them.
func parse(args []string) (*command, error) {
	c := new(command)
	fs := flag.NewFlagSet("zheng-verify", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&c.trust, "trust", "", "")
	fs.StringVar(&c.changes, "changes", "", "")
	fs.Func("file", "", func(s string) error { c.files = append(c.files, s); return nil })
	fs.Func("id", "", func(s string) (err error) { c.id, err = tx.ParseID(s); return err })
	fs.StringVar(&c.tsaRoots, "tsa-roots", "", "")
	fs.StringVar(&c.witnesses, "witnesses", "", "")
	fs.StringVar(&c.output, "o", "text", "")
	fs.StringVar(&c.lang, "lang", receipt.Both, "")
	fs.BoolVar(&c.version, "version", false, "")
	var names []string
	for {
		if err := fs.Parse(args); err != nil {
			return nil, err
		}
		if fs.NArg() == 0 {
			break
		}
		names = append(names, fs.Arg(0))
		args = fs.Args()[1:]
	}
	switch {
	case c.version:
		return c, nil
	case c.trust == "":
		return nil, errors.New("缺少 --trust: the trust root is missing")
	case len(names) != 1:
		return nil, fmt.Errorf("须给出一份材料: want one document, got %d", len(names))
	case c.output != "text" && c.output != "json" && c.output != "html":
		return nil, fmt.Errorf("-o %q: want text, json or html", c.output)
	case c.lang != receipt.ZH && c.lang != receipt.EN && c.lang != receipt.Both:
		return nil, fmt.Errorf("--lang %q: want zh, en or both", c.lang)
	}
	c.document = names[0]
	return c, nil
}

func verify(c *command, stdin io.Reader) (court.Report, error) {
	trust, err := readTrust(c.trust)
	if err != nil {
		return nil, err
	}
	if c.changes != "" {
		newer, err := readTrust(c.changes)
		if err == nil {
			trust, err = trust.Extend(newer)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.changes, err)
		}
	}
	o := court.Options{WantID: c.id}
	if c.tsaRoots != "" {
		if o.TSARoots, err = certificates(c.tsaRoots); err != nil {
			return nil, err
		}
	}
	if c.witnesses != "" {
		b, err := readFile(c.witnesses)
		if err == nil {
			o.Witnesses, err = receipt.ParseWitnessPolicy(b)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.witnesses, err)
		}
	}
	for _, name := range c.files {
		d, err := digest(name)
		if err != nil {
			return nil, err
		}
		o.Files = append(o.Files, d)
	}
	in, size, err := open(c.document, stdin)
	if err != nil {
		return nil, err
	}
	defer in.Close() // only read
	return court.Verify(context.Background(), in, size, trust, o)
}

// A source is a document that is being read.
type source interface {
	io.ReaderAt
	io.Closer
}

type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

// open opens a document; what comes from standard input is read into memory, as far
// as a verifier needs to see that it is too long.
func open(name string, stdin io.Reader) (source, int64, error) {
	if name == "-" {
		b, err := io.ReadAll(io.LimitReader(stdin, maxStdin+1))
		if len(b) > maxStdin {
			err = fmt.Errorf("standard input: more than %d bytes; name the file", maxStdin)
		}
		return memory{bytes.NewReader(b)}, int64(len(b)), err
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: not a file", name)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

const maxStdin = 256 << 20

// certificates reads a PEM file of at least one certificate.
func certificates(name string) (certs []*x509.Certificate, err error) {
	b, err := readFile(name)
	if err != nil {
		return nil, err
	}
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		certs = append(certs, c)
	}
	if certs == nil {
		return nil, fmt.Errorf("%s: 没有证书: no certificate", name)
	}
	return certs, nil
}

// digest reads a file of any length once, for both digests.
func digest(name string) (d receipt.FileDigests, err error) {
	f, err := os.Open(name)
	if err != nil {
		return d, err
	}
	defer f.Close() // only read
	d.Name = filepath.Base(name)
	a, b := sha256.New(), sm3.New()
	if d.Bytes, err = io.Copy(io.MultiWriter(a, b), f); err != nil {
		return d, err
	}
	a.Sum(d.SHA256[:0])
	b.Sum(d.SM3[:0])
	return d, nil
}

func readTrust(name string) (*receipt.Trust, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	b, err := io.ReadAll(io.LimitReader(f, receipt.MaxTrust+1))
	if err != nil {
		return nil, err
	}
	t, err := receipt.ParseTrust(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}

// readFile reads one byte more than any file of certificates may have: enough to see that it
// is too long.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	return io.ReadAll(io.LimitReader(f, receipt.MaxBytes+1))
}

// version is the module's version, or the commit that was built.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v += " " + s.Value
		}
	}
	return fmt.Sprintf("%s (receipts v%d, %s)", v, receipt.Version, info.GoVersion)
}
