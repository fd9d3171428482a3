package capture

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"

	"github.com/chromedp/cdproto/page"
)

// Bounds of console.jsonl.
const (
	maxMessages    = 2000
	maxMessageText = 4096
)

// A message is what the page, or the browser about it, said to the console.
type message struct {
	At    string `json:"at"`
	Level string `json:"level"`
	Text  string `json:"text"`
	URL   string `json:"url,omitempty"`
	Line  int64  `json:"line,omitempty"`
}

// console gathers messages.
type console struct {
	mu      sync.Mutex
	all     []message
	dropped int
}

func (c *console) listen(ev any) {
	m := message{At: stamp(time.Now())}
	switch ev := ev.(type) {
	case *runtime.EventConsoleAPICalled:
		m.Level = string(ev.Type)
		var parts []string
		for _, a := range ev.Args {
			switch {
			case len(a.Value) > 0:
				parts = append(parts, strings.Trim(string(a.Value), `"`))
			default:
				parts = append(parts, a.Description)
			}
		}
		m.Text = strings.Join(parts, " ")
		if ev.StackTrace != nil && len(ev.StackTrace.CallFrames) > 0 {
			f := ev.StackTrace.CallFrames[0]
			m.URL, m.Line = f.URL, f.LineNumber+1
		}
	case *runtime.EventExceptionThrown:
		m.Level, m.Text, m.URL, m.Line = "exception", ev.ExceptionDetails.Text, ev.ExceptionDetails.URL, ev.ExceptionDetails.LineNumber+1
		if e := ev.ExceptionDetails.Exception; e != nil {
			m.Text += " " + e.Description
		}
	case *log.EventEntryAdded:
		m.Level, m.Text, m.URL, m.Line = string(ev.Entry.Level), ev.Entry.Text, ev.Entry.URL, ev.Entry.LineNumber
	default:
		return
	}
	if len(m.Text) > maxMessageText {
		m.Text = strings.ToValidUTF8(m.Text[:maxMessageText], "")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.all) == maxMessages {
		c.dropped++
		return
	}
	c.all = append(c.all, m)
}

func (c *console) lines() ([]byte, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for _, m := range c.all {
		e.Encode(m) // strings and numbers, to memory
	}
	return b.Bytes(), c.dropped
}

// viewport takes what the window shows, and nothing beyond.
func (s *session) viewport(ctx context.Context) ([]byte, error) {
	fast := true
	r, err := cdp.Call(ctx, s.browser.tab, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng, OptimizeForSpeed: &fast})
	if err == nil {
		if s.res.Perceptual, err = perceptual(r.Data); err != nil {
			return nil, err
		}
	}
	return r.Data, err
}

// html is the document as scripts have left it.
func (s *session) html(ctx context.Context) ([]byte, error) {
	var text string
	err := s.evaluate(ctx, `(document.doctype?new XMLSerializer().serializeToString(document.doctype)+"\n":"")+document.documentElement.outerHTML`, &text)
	return []byte(text), err
}

// seenCookie is a cookie of the profile after the capture. It was empty before.
type seenCookie struct {
	Name     string  `json:"name"`
	Value    string  `json:"value"`
	Domain   string  `json:"domain"`
	Path     string  `json:"path"`
	Expires  float64 `json:"expires"` // seconds since 1970; -1: with the session
	HTTPOnly bool    `json:"http_only"`
	Secure   bool    `json:"secure"`
	SameSite string  `json:"same_site,omitempty"`
}

func (s *session) cookies(ctx context.Context) ([]byte, error) {
	r, err := cdp.Call(ctx, s.browser.tab, network.GetCookies, network.GetCookiesParams{})
	if err != nil {
		return nil, err
	}
	out := struct {
		Policy  string       `json:"policy"`
		Cookies []seenCookie `json:"cookies"`
	}{s.opts.Cookies, []seenCookie{}}
	for _, c := range r.Cookies {
		v := c.Value
		if s.opts.Cookies != CookiesKept {
			v = redacted
		}
		out.Cookies = append(out.Cookies, seenCookie{c.Name, v, c.Domain, c.Path, c.Expires, c.HTTPOnly, c.Secure, string(c.SameSite)})
	}
	b, err := json.MarshalIndent(out, "", "  ")
	return append(b, '\n'), err
}

// consoleLog writes console.jsonl.
func (s *session) consoleLog() error {
	b, dropped := s.console.lines()
	if dropped > 0 {
		s.warn("console.jsonl lacks %d messages", dropped)
	}
	_, err := s.out.write("console.jsonl", "console", "application/jsonl", b)
	if errors.Is(err, errOutputLimit) {
		s.note("%v", err)
		return nil
	}
	return err
}

// licence takes the page that the shop shows its business licence on.
func (s *session) licence() error {
	s.next()
	if s.opts.Licence == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.browser.ctx, s.opts.Timeout)
	defer cancel()
	s.rec.freeze("licence")
	if err := s.gotoLicence(ctx); err != nil {
		s.note("licence page: %v", err)
		return nil
	}
	s.settle()
	for _, a := range []struct {
		name, role, media string
		take              func(context.Context) ([]byte, error)
	}{
		{"licence/page.png", "licence_screenshot", "image/png", s.screenshot},
		{"licence/page.mhtml", "licence_mhtml", "multipart/related", s.mhtml},
		{"licence/text.txt", "licence_text", "text/plain; charset=utf-8", s.visibleText},
	} {
		b, err := a.take(ctx)
		if err == nil {
			_, err = s.out.write(a.name, a.role, a.media, b)
			if err != nil && !errors.Is(err, errOutputLimit) {
				return err
			}
		}
		if err != nil {
			s.note("%s: %v", a.name, err)
		}
	}
	return nil
}

// gotoLicence follows the link that Options.Licence selects, or goes to the URL it
// is.
func (s *session) gotoLicence(ctx context.Context) error {
	target := s.opts.Licence
	if !strings.HasPrefix(target, "http://") && !strings.HasPrefix(target, "https://") {
		quoted, err := json.Marshal(target)
		if err != nil {
			return err
		}
		if err := s.evaluate(ctx, fmt.Sprintf(`(()=>{const e=document.querySelector(%s),a=e&&(e.closest("a[href]")||e.querySelector("a[href]"));return a?a.href:""})()`, quoted), &target); err != nil {
			return err
		}
		if !strings.HasPrefix(target, "http://") && !strings.HasPrefix(target, "https://") {
			return fmt.Errorf("no link at %q", s.opts.Licence)
		}
	}
	r, err := cdp.Call(ctx, s.browser.tab, page.Navigate, page.NavigateParams{URL: target})
	if err == nil && r.ErrorText != "" {
		err = errors.New(r.ErrorText)
	}
	return err
}

func (s *session) visibleText(ctx context.Context) ([]byte, error) {
	var text string
	err := s.evaluate(ctx, "document.documentElement.innerText ?? document.documentElement.textContent ?? ''", &text)
	return []byte(text), err
}

// hostsFile looks whether this machine's hosts file says anything about the host
// of the page: that would be an answer that nobody outside gave.
func (r *report) hostsFile(path, host string) {
	b, err := os.ReadFile(path)
	if err != nil {
		r.add("hosts_file", envNA, "there is none: "+err.Error(), "says nothing about the host")
		return
	}
	named := false
	for line := range strings.SplitSeq(string(b), "\n") {
		line, _, _ = strings.Cut(line, "#")
		if f := strings.Fields(line); len(f) > 1 {
			for _, name := range f[1:] {
				named = named || strings.EqualFold(name, host)
			}
		}
	}
	observed := fmt.Sprintf("sha256 %x", sha256.Sum256(b))
	switch {
	case named && (host == "localhost" || strings.HasSuffix(host, ".localhost")):
		r.add("hosts_file", envNA, observed+"; it names this machine", "says nothing about the host")
	case named:
		r.check("hosts_file", false, observed+"; it names the host", "says nothing about the host")
	default:
		r.check("hosts_file", true, observed, "says nothing about the host")
	}
}
