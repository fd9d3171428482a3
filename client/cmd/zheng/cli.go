package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client"
	"zhenglian/client/api"
)

// Exit codes. Scripts branch on them, so they never change.
const (
	exitOK          = 0
	exitError       = 1
	exitUsage       = 2
	exitNotVerified = 3
	exitNotFound    = 4
	exitUnreachable = 5
)

// Errors that have an exit code of their own, besides those of package client.
var (
	errUsage       = errors.New("usage")
	errNotVerified = errors.New("NOT VERIFIED")
	errNotFound    = errors.New("not found")
)

// cli is one run of the program.
type cli struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string

	zh      bool // speak Chinese
	json    bool // -o json
	started bool // arguments were accepted: what fails now is not their form
	flags   flags
	file    fileConfig
}

// flags are those that more than one command has.
type flags struct {
	output, lang, gateway, keys, from, trust, passphraseFile, outDir string
	tokenFile                                                        string
	cosign                                                           []string
	expires                                                          int64
	draft                                                            string
	offline                                                          bool   // of trace: sign now, send later
	queue                                                            string // folder
}

// fileConfig is ~/.zhenglian/config.json.
type fileConfig struct {
	Gateway string `json:"gateway"`
	Keys    string `json:"keys"`
	From    string `json:"from"`
	Trust   string `json:"trust"`
	Lang    string `json:"lang"`

	TokenFile string `json:"token_file"` // its first line is sent to the gateway
	TLS       struct {
		CA   string `json:"ca"`   // PEM file: authority of the gateway, instead of the system's
		Cert string `json:"cert"` // PEM files: the caller's own certificate and key
		Key  string `json:"key"`
	} `json:"tls"`
	TSA []struct {
		URL   string `json:"url"`
		Roots string `json:"roots"` // PEM file
	} `json:"tsa"`
}

// run runs one command and returns the exit code.
func (c *cli) run(ctx context.Context, args []string) int {
	ferr := c.readConfig()
	c.zh = c.chinese(args)
	root := c.root()
	root.SetArgs(args)
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	if ferr != nil {
		return c.fail(ferr)
	}
	err := root.ExecuteContext(ctx)
	if err != nil && !c.started {
		err = fmt.Errorf("%w: %w", errUsage, err)
	}
	if err != nil {
		return c.fail(err)
	}
	return exitOK
}

// home is the directory of configuration and keys.
func (c *cli) home() (string, error) {
	h := c.getenv("HOME")
	if h == "" {
		var err error
		if h, err = os.UserHomeDir(); err != nil {
			return "", err
		}
	}
	return filepath.Join(h, ".zhenglian"), nil
}

func (c *cli) readConfig() error {
	dir, err := c.home()
	if err != nil {
		return nil // without a home there is no file; --keys must say where the keys are
	}
	path := filepath.Join(dir, "config.json")
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	d := json.NewDecoder(f)
	d.DisallowUnknownFields()
	if err := d.Decode(&c.file); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// setting applies the precedence: flag, environment, file, default.
func (c *cli) setting(flag, env, file, standard string) string {
	for _, v := range []string{flag, c.getenv(env), file} {
		if v != "" {
			return v
		}
	}
	return standard
}

// chinese decides the language before the flags are parsed, because help is
// made of it.
func (c *cli) chinese(args []string) bool {
	lang := ""
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, "--lang="); ok {
			lang = v
		} else if a == "--lang" && i+1 < len(args) {
			lang = args[i+1]
		}
	}
	locale := c.getenv("LC_ALL")
	for _, name := range []string{"LC_MESSAGES", "LANG"} {
		if locale == "" {
			locale = c.getenv(name)
		}
	}
	return strings.HasPrefix(c.setting(lang, "ZHENG_LANG", c.file.Lang, locale), "zh")
}

// tr chooses a text by language.
func (c *cli) tr(en, zh string) string {
	if c.zh {
		return zh
	}
	return en
}

// say tells the person at the screen something that is not data.
func (c *cli) say(en, zh string, a ...any) {
	fmt.Fprintf(c.err, c.tr(en, zh)+"\n", a...)
}

// print writes a result: one line of JSON, or text for people.
func (c *cli) print(v any, text func(w io.Writer)) error {
	if !c.json {
		var b strings.Builder
		text(&b)
		_, err := io.WriteString(c.out, b.String())
		return err
	}
	e := json.NewEncoder(c.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// failure is an error as -o json writes it to stderr.
type failure struct {
	Exit    int    `json:"exit"`
	Message string `json:"message"`
	Code    string `json:"code,omitempty"`
	Number  uint32 `json:"number,omitempty"`
	Hint    string `json:"hint,omitempty"`
}

// fail tells what went wrong and what to do next, and returns the exit code.
func (c *cli) fail(err error) int {
	f := failure{Exit: exitError, Message: err.Error()}
	var refusal *tx.Error
	var p *api.Problem
	var onItsWay *api.InFlight
	var bad *client.Unverified
	switch {
	case errors.As(err, &p):
		f.Code, f.Number, f.Hint = p.Code, p.Number, c.tr(p.Hint, p.HintZH)
	case errors.As(err, &refusal):
		f.Code, f.Number, f.Hint = refusal.Code.Name(), uint32(refusal.Code), c.tr(refusal.Code.Hint(), refusal.Code.Chinese())
	}
	switch {
	case errors.Is(err, errUsage):
		f.Exit, f.Hint = exitUsage, c.tr("see: zheng help, or zheng COMMAND --help", "用法见：zheng help，或 zheng 命令 --help")
	case errors.As(err, &bad):
		f.Exit = exitNotVerified
		if c.zh {
			f.Message = "核验不通过：" + bad.Report.Summary.ZH
		}
		f.Hint = c.rejected(bad.Report)
	case errors.Is(err, errNotVerified):
		f.Exit, f.Hint = exitNotVerified, c.rejected(nil)
	case client.IsNotFound(err), errors.Is(err, errNotFound):
		f.Exit = exitNotFound
	case errors.Is(err, client.ErrUnreachable):
		f.Exit = exitUnreachable
		f.Hint = c.tr("check --gateway and the network, then run the same command again: nothing is entered twice", "请核对 --gateway 与网络后重新执行，同一陈述不会重复上链")
	case errors.As(err, &onItsWay):
		f.Hint = c.tr("it may still come: zheng show "+onItsWay.ID.String(), "稍后可能上链，请查询：zheng show "+onItsWay.ID.String())
	}
	if c.json {
		e := json.NewEncoder(c.err)
		e.SetEscapeHTML(false)
		_ = e.Encode(struct {
			Error failure `json:"error"`
		}{f})
		return f.Exit
	}
	c.say("zheng: %s", "zheng：%s", f.Message)
	if f.Hint != "" {
		c.say("  → %s", "  → %s", f.Hint)
	}
	return f.Exit
}

// rejected says what to do about a receipt that does not hold.
func (c *cli) rejected(r *receipt.Report) string {
	if r != nil && client.OnlyWaits(r) {
		return c.tr("it has no effect until the missing signatures are there: zheng endorse "+r.Facts.ID.String()+
			"; then fetch the new receipt: zheng receipt", "所缺会签齐备前不生效：zheng endorse "+r.Facts.ID.String()+"；其后以 zheng receipt 取得新回执")
	}
	return c.tr("do not rely on it; keep the files, and ask another gateway or the operator", "请勿采信；请保留文件，并向其他网关或运营者核实")
}

// usage makes an error of exit code 2.
func (c *cli) usage(en, zh string, a ...any) error {
	return fmt.Errorf("%w: "+c.tr(en, zh), append([]any{errUsage}, a...)...)
}

// gateway connects to the gateway in force.
func (c *cli) gateway() (*client.Client, error) {
	g := c.setting(c.flags.gateway, "ZHENG_GATEWAY", c.file.Gateway, "")
	if g == "" {
		return nil, c.usage("no gateway: give --gateway URL, set ZHENG_GATEWAY, or write it into ~/.zhenglian/config.json",
			"未指定网关：请用 --gateway URL、环境变量 ZHENG_GATEWAY 或 ~/.zhenglian/config.json")
	}
	token, err := c.token()
	if err != nil {
		return nil, err
	}
	if token == "" {
		if token, err = c.loginToken(g); err != nil {
			return nil, err
		}
	}
	tls, err := c.tls()
	if err != nil {
		return nil, err
	}
	cl, err := client.New(client.Config{Gateway: g, UserAgent: "zheng/" + version(), Token: token, TLS: tls})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	return cl, nil
}

// version names this build.
func version() string {
	bi, ok := debug.ReadBuildInfo()
	if !ok || bi.Main.Version == "" {
		return "unknown"
	}
	return bi.Main.Version
}

// bar is a progress bar on stderr, or nothing when nobody watches.
type bar struct {
	p *mpb.Progress
	b *mpb.Bar
}

func (c *cli) bar(name string, total int64, bytes bool) *bar {
	f, ok := c.err.(*os.File)
	if !ok || !isatty.IsTerminal(f.Fd()) || total == 0 {
		return &bar{}
	}
	p := mpb.New(mpb.WithOutput(c.err), mpb.WithWidth(40))
	count := decor.CountersNoUnit("%d / %d")
	if bytes {
		count = decor.CountersKibiByte("% .1f / % .1f")
	}
	return &bar{p, p.AddBar(total, mpb.PrependDecorators(decor.Name(name+" ")), mpb.AppendDecorators(count), mpb.BarRemoveOnComplete())}
}

// add is a [client.Progress].
func (b *bar) add(n int) {
	if b.b != nil {
		b.b.IncrBy(n)
	}
}

func (b *bar) set(n int) {
	if b.b != nil {
		b.b.SetCurrent(int64(n))
	}
}

// done ends the bar, complete or not, and gives the terminal back.
func (b *bar) done() {
	if b.b != nil {
		b.b.Abort(true)
		b.p.Wait()
	}
}

// writeFile replaces the file at path by b, whole or not at all.
func writeFile(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".zheng-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}

// args wraps a check of arguments so that it speaks both languages.
func (c *cli) args(min, max int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < min:
			return errors.New(c.tr("argument missing: ", "缺少参数：") + cmd.UseLine())
		case max >= 0 && len(args) > max:
			return errors.New(c.tr("too many arguments: ", "参数过多：") + cmd.UseLine())
		}
		return nil
	}
}
