package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhenglian/client/certificate"
	"zhenglian/client/clienttest/npm"
	"zhenglian/client/keys"
)

// browserConfig is what testdata/browser/workbench.mjs is told.
type browserConfig struct {
	Modules    string `json:"modules"` // folder with node_modules
	Browser    string `json:"browser"`
	Sandbox    bool   `json:"sandbox"`
	URL        string `json:"url"`  // of the gateway
	Shop       string `json:"shop"` // page to capture
	Out        string `json:"out"`  // folder for downloads
	Trust      string `json:"trust"`
	Officer1   string `json:"officer1"` // key files; this one is encrypted
	Passphrase string `json:"passphrase"`
	Officer2   string `json:"officer2"`
	Account2   string `json:"account2"`
	City       string `json:"city"`
	Paper      bool   `json:"paper"`    // certificates are printed
	PDFToPPM   string `json:"pdftoppm"` // "": not here
	Zheng      string `json:"zheng"`
	Ring       string `json:"ring"` // folder of all keys, not encrypted
}

// nodeModules installs what testdata/browser pins beside the caches of this user.
func nodeModules(t *testing.T) string {
	t.Helper()
	dir, err := npm.Install(t, "zhenglian-browser", "testdata/browser")
	if err != nil {
		t.Skip(err)
	}
	return dir
}

func systemBrowser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if p, err := exec.LookPath(name); err == nil {
			return p
		}
	}
	t.Skip("no browser; scripts/setup installs one")
	return ""
}

// shop is a page to be captured.
const shop = `<!DOCTYPE html><html lang="zh-CN"><meta charset="utf-8"><title>茶叶店</title>
<h1>特级龙井 · 有机认证</h1><p>本品根治高血压。</p><script>document.body.append("客服在线")</script>`

// The workbench, from the address of a page to a verdict, as people use it.
func TestWorkbench(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a network and two browsers")
	}
	c := browserConfig{Modules: nodeModules(t), Browser: systemBrowser(t), Sandbox: os.Geteuid() != 0, Passphrase: "一二三 correct horse"}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(shop))
	}))
	t.Cleanup(s.Close)
	c.Shop = s.URL + "/item/1"
	_, d := runDemo(t, t.TempDir())
	c.URL, c.Trust, c.Out = d.url, d.trust, t.TempDir()
	_, err := certificate.LoadFont("", "")
	c.Paper = err == nil

	c.PDFToPPM, _ = exec.LookPath("pdftoppm")
	c.Zheng = filepath.Join(bin, "zheng")
	ring := filepath.Join(d.home, "keys")
	c.Ring = ring
	c.Officer2, c.City = keys.Path(ring, "officer2"), keys.Path(ring, "city")
	f, err := keys.Load(ring, "officer1")
	if err != nil {
		t.Fatal(err)
	}
	k, err := f.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Save(c.Out, k, []byte(c.Passphrase)); err != nil {
		t.Fatal(err)
	}
	c.Officer1 = keys.Path(c.Out, "officer1")
	if f, err = keys.Load(ring, "officer2"); err != nil {
		t.Fatal(err)
	}
	c.Account2 = f.Account.String()

	conf := filepath.Join(c.Out, "config.json")
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(conf, b, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "testdata/browser/workbench.mjs", conf)
	cmd.Stdout, cmd.Stderr = tWriter{t}, tWriter{t}
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}

	// What the browser made stands before the court's tool, and makes a bundle.
	var r struct{ ID, Receipt, Seal, PDF string }
	if b, err = os.ReadFile(filepath.Join(c.Out, "result.json")); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	d.verify(0, r.Receipt)
	d.out = c.Out
	var made struct{ Bundle, Verdict string }
	must(t, 0, &made, "zheng", "bundle", r.ID, "--in", c.Out, "--trust", d.trust, "--gateway", d.url, "-o", "json")
	d.verify(0, made.Bundle)
}

// tWriter logs what a program prints.
type tWriter struct{ t *testing.T }

func (w tWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimRight(string(b), "\n"))
	return len(b), nil
}
