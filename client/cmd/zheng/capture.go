package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zhenglian/app/tx"
	"zhenglian/client/capture"
)

// captureFlags are the settings of a capture.
type captureFlags struct {
	browser, viewport, extraRoot string
	timeout                      time.Duration
	insecure, allowPrivate       bool
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
	return f
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
		Long: c.tr(`Captures a page with a headless browser in a fresh profile: screenshot, MHTML,
PDF, text, requests, certificates, and a report on the capturing machine.
Put the folder on the ledger with: zheng notarize DIR`,
			`以全新配置的无界面浏览器取证：截图、MHTML、PDF、文本、请求记录、证书链，
以及取证环境报告。随后可上链：zheng notarize 文件夹`),
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
