package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zhenglian/app/tx"
	"zhenglian/client/capture"
)

// captureFlags are the settings of a capture.
type captureFlags struct {
	browser, viewport, extraRoot, steps, licence, note string
	addressService                                     string
	timeout                                            time.Duration
	insecure, allowPrivate, keepCookies, noRecording   bool
	allowNets, resolvers, clocks                       []string
}

func (c *cli) captureFlags(cmd *cobra.Command) *captureFlags {
	f := new(captureFlags)
	fl := cmd.Flags()
	fl.StringVar(&f.browser, "browser", "", c.tr("browser to run (default: Chromium or Chrome of this machine)", "浏览器程序（默认使用本机 Chromium 或 Chrome）"))
	fl.StringVar(&f.viewport, "viewport", "1280x800", c.tr("size of the window in CSS pixels", "窗口尺寸（CSS 像素）"))
	fl.DurationVar(&f.timeout, "timeout", time.Minute, c.tr("how long a page may load", "页面加载时限"))
	fl.BoolVar(&f.insecure, "insecure", false, c.tr("go on when the certificate is bad; the capture says so", "证书无效时仍继续，取证结果会注明"))
	fl.BoolVar(&f.allowPrivate, "allow-private", false, c.tr("allow addresses that are not on the public internet", "允许访问非公网地址"))
	fl.StringVar(&f.extraRoot, "extra-root", "", c.tr("PEM file of authorities trusted besides the browser's", "额外信任的根证书（PEM 文件）"))
	fl.StringSliceVar(&f.allowNets, "allow-net", nil, c.tr("networks that are not public and may be reached, as 10.1.0.0/16", "允许访问的非公网网段，如 10.1.0.0/16"))
	fl.StringSliceVar(&f.resolvers, "resolver", nil, c.tr("DNS servers to ask, as 1.2.3.4:53; name at least two", "域名解析服务器，如 1.2.3.4:53，宜用两个以上"))
	fl.StringSliceVar(&f.clocks, "time-server", nil, c.tr("time servers to compare the clock with: host, or https URL", "校时服务器：主机名或 https 网址"))
	fl.StringVar(&f.addressService, "address-service", "", c.tr("URL that answers with the address it is asked from", "返回来访地址的服务网址，用于记录本机公网地址"))
	fl.StringVar(&f.steps, "steps", "", c.tr("JSON file of entry steps: goto, click, type, wait, pause, scroll", "进入步骤文件（JSON）：goto、click、type、wait、pause、scroll"))
	fl.StringVar(&f.licence, "licence", "", c.tr("page of the shop's licence: URL, or CSS selector of a link to it", "店铺亮照页面：网址，或指向它的链接的 CSS 选择器"))
	fl.StringVar(&f.note, "note", "", c.tr("text shown at the beginning of the recording", "录屏开头显示的文字"))
	fl.BoolVar(&f.keepCookies, "keep-cookies", false, c.tr("keep the values of cookies and credentials", "保留 Cookie 和凭据的值"))
	fl.BoolVar(&f.noRecording, "no-recording", false, c.tr("make no recording of the window", "不录制窗口"))
	return f
}

// options reads the settings into o.
func (f *captureFlags) options(c *cli, o *capture.Options) error {
	o.Resolvers, o.TimeServers, o.Licence, o.Note, o.NoRecording = f.resolvers, f.clocks, f.licence, f.note, f.noRecording
	o.AddressService = f.addressService
	if f.keepCookies {
		o.Cookies = capture.CookiesKept
	}
	for _, n := range f.allowNets {
		p, err := netip.ParsePrefix(n)
		if err != nil {
			return c.usage("--allow-net %q: want a network like 10.1.0.0/16", "--allow-net %q：应为网段，如 10.1.0.0/16", n)
		}
		o.AllowNets = append(o.AllowNets, p)
	}
	if f.steps == "" {
		return nil
	}
	b, err := os.ReadFile(f.steps)
	if err != nil {
		return err
	}
	if o.Steps, err = capture.ParseSteps(b); err != nil {
		return fmt.Errorf("%w: --steps %s: %w", errUsage, f.steps, err)
	}
	return nil
}

// capturePage captures one page into the folder dir.
func (c *cli) capturePage(ctx context.Context, f *captureFlags, address, dir string) (*capture.Result, error) {
	o := capture.Options{
		URL: address, OutDir: dir, Browser: f.browser, Timeout: f.timeout,
		InsecureOK: f.insecure, AllowPrivate: f.allowPrivate, ToolVersion: version(),
	}
	if n, err := fmt.Sscanf(f.viewport, "%dx%d", &o.ViewportW, &o.ViewportH); n != 2 || err != nil || o.ViewportW < 1 || o.ViewportH < 1 {
		return nil, c.usage("--viewport %q: want WIDTHxHEIGHT", "--viewport %q：应为 宽x高", f.viewport)
	}
	if f.extraRoot != "" {
		roots, err := readCertificates(f.extraRoot)
		if err != nil {
			return nil, fmt.Errorf("extra root: %w", err)
		}
		o.ExtraRootCAs = roots
	}
	if err := f.options(c, &o); err != nil {
		return nil, err
	}
	var b *bar
	o.Progress = func(_ string, done, total int) {
		if b == nil {
			b = c.bar(c.tr("capture", "取证"), int64(total), false)
		}
		b.set(done)
	}
	r, err := capture.Page(ctx, o)
	if b != nil {
		b.done()
	}
	if errors.Is(err, capture.ErrURL) {
		return nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	if err != nil {
		return nil, err
	}
	for _, w := range r.Warnings {
		c.say("warning: %s", "注意：%s", w)
	}
	return r, nil
}

// captureDir names a new folder for a capture of address.
func captureDir(address string, at time.Time) string {
	host := "page"
	if u, err := url.Parse(address); err == nil && u.Hostname() != "" {
		host = strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
				return r
			}
			return '_'
		}, strings.ToLower(u.Hostname()))
	}
	return fmt.Sprintf("capture-%s-%s", at.UTC().Format("20060102T150405.000Z"), host)
}

// captureInfo is a capture as `zheng capture` prints it.
type captureInfo struct {
	URL         string              `json:"url"`
	FinalURL    string              `json:"final_url"`
	Title       string              `json:"title"`
	Outcome     capture.Outcome     `json:"outcome"`
	Reason      string              `json:"reason,omitempty"`
	HTTPStatus  int                 `json:"http_status"`
	RemoteIP    string              `json:"remote_ip,omitempty"`
	Certificate capture.Certificate `json:"certificate"`
	Started     tx.Time             `json:"started"`
	Ended       tx.Time             `json:"ended"`
	EnvResult   string              `json:"env_result"`
	Dir         string              `json:"dir"`
	Files       []captureFile       `json:"files"`
}

type captureFile struct {
	Name   string `json:"name"`
	Role   string `json:"role"`
	Media  string `json:"media"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	SM3    string `json:"sm3"`
}

func (c *cli) captureCmd() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use: "capture URL", Args: c.args(1, 1),
		Short: c.tr("capture a web page into a folder", "把网页取证到文件夹"),
		Long: c.tr(`Captures a page with a headless browser in a fresh profile: pictures, recording,
MHTML, PDF, text, what went over the network (WARC), certificates, answers of
resolvers, and a report on the capturing machine. The browser reaches the network
through a filter only, which refuses what is not on the public internet.
Put the folder on the ledger with: zheng notarize DIR
If the report says fail, a second officer accepts that first: zheng waive DIR`,
			`以全新配置的无界面浏览器取证：截图、录屏、MHTML、PDF、文本、网络往来（WARC）、证书链、
域名解析结果，以及取证环境报告。浏览器只能经过滤代理访问网络，非公网地址一律拒绝。
随后可上链：zheng notarize 文件夹
环境报告不合格时，须先由另一名执法人员说明理由并接受：zheng waive 文件夹`),
		Example: `  zheng capture https://shop.example/item/1 --out item1`,
	}
	f := c.captureFlags(cmd)
	cmd.Flags().StringVar(&dir, "out", "", c.tr("folder for the artefacts (default: a new one here)", "保存取证文件的文件夹（默认在当前目录新建）"))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if dir == "" {
			dir = captureDir(args[0], time.Now())
		}
		r, err := c.capturePage(cmd.Context(), f, args[0], dir)
		if err != nil {
			return err
		}
		i := captureInfo{
			URL: r.URL, FinalURL: r.FinalURL, Title: r.Title, Outcome: r.Outcome, Reason: r.Reason, HTTPStatus: r.HTTPStatus,
			Certificate: r.Certificate, Started: tx.TimeOf(r.Started), Ended: tx.TimeOf(r.Ended), EnvResult: r.EnvResult, Dir: dir,
		}
		if r.RemoteIP.IsValid() {
			i.RemoteIP = r.RemoteIP.String()
		}
		for _, f := range r.Files {
			i.Files = append(i.Files, captureFile{f.Name, f.Role, f.Media, f.Bytes, hex.EncodeToString(f.SHA256[:]), hex.EncodeToString(f.SM3[:])})
		}
		if err := c.print(i, func(w io.Writer) {
			fmt.Fprintf(w, "%s %s\n", i.Outcome, dir)
			if i.Reason != "" {
				fmt.Fprintf(w, "  %s\n", i.Reason)
			}
			fmt.Fprintf(w, "  HTTP %d · %s · %s %s · %s %s\n", i.HTTPStatus, cmp.Or(i.RemoteIP, "-"),
				c.tr("certificate", "证书"), i.Certificate, c.tr("environment", "环境"), i.EnvResult)
			for _, f := range i.Files {
				fmt.Fprintf(w, "  %s  %-24s %d\n", f.SHA256, filepath.FromSlash(f.Name), f.Bytes)
			}
		}); err != nil {
			return err
		}
		if r.Outcome == capture.Blocked || r.Outcome == capture.Failed {
			return fmt.Errorf(c.tr("no page was captured (%s): %s", "未能取得网页（%s）：%s"), r.Outcome, r.Reason)
		}
		return nil
	}
	return cmd
}
