package gateway

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"zhenglian/app/apptest"
	"zhenglian/app/tx"
	"zhenglian/client/keys"
)

// A village station registers lots with a phone: what is wrong is said field by
// field, the list survives a reload, the key stays in the browser, and the lots are
// on the ledger.
func TestStation(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	h := newHarness(t)
	h.mu.Lock()
	h.chain.Skipped = max(0, time.Since(apptest.Start)) // the page goes by this machine's clock
	h.chain.Block()
	h.mu.Unlock()
	h.state("qijiang", "qijiang-amr", tx.TraceProduct, tx.ID{}, &tx.Product{Mode: tx.Reject, NameEN: "Plums", NameZH: "李子", Code: plums.Product(), UOM: "g"})
	dir := t.TempDir()
	const passphrase = "一二三 correct horse"
	if err := keys.Save(dir, keys.Key{Name: "qijiang", Member: "qijiang-amr", PrivateKey: h.chain.Keys["qijiang"]}, []byte(passphrase)); err != nil {
		t.Fatal(err)
	}

	b := newTab(t)
	run := func(steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(b.ctx, steps...); err != nil {
			t.Fatalf("%v; the page says %q", err, b.text("error"))
		}
	}
	// submit signs and hands in the list, and waits for what comes of it.
	submit := func() {
		t.Helper()
		run(chromedp.SetUploadFiles("#key-file", []string{keys.Path(dir, "qijiang")}), chromedp.SetValue("#passphrase", passphrase), chromedp.Click("#submit"))
		if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool](`!$("submit").disabled`, chromedp.WithPollingTimeout(60*time.Second))); err != nil {
			b.mu.Lock()
			defer b.mu.Unlock()
			t.Fatalf("%v; console: %q", err, b.trouble)
		}
	}
	lot := func(code, quantity string) {
		t.Helper()
		run(chromedp.SetValue("#code", code), chromedp.SetValue("#quantity", quantity), chromedp.Click("#lot-form button"))
	}
	run(chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile, chromedp.EmulateTouch), chromedp.Navigate(h.http.URL+"/station?lang=en"), chromedp.WaitVisible("#lot-form"))
	if eval[bool](b, "document.documentElement.scrollWidth > innerWidth") {
		t.Error("the page is wider than a phone")
	}
	if script := axeCore(t); script != "" {
		axe(b, script, "the form of a station")
	}

	for _, w := range []struct{ code, quantity, want string }{
		{"zg/50011000010018/10/S1", "5", "check digit"},
		{"zg/50011000010017", "5", "the code is"},
		{"zg/50011000010017/10/S1", "1.5", "whole number"},
		{"zs/500110000100000017", "5", "no quantity"},
	} {
		if lot(w.code, w.quantity); !strings.Contains(b.text("error"), w.want) || b.text("lots") != "" {
			t.Errorf("%s %s: the page says %q, want %q", w.code, w.quantity, b.text("error"), w.want)
		}
	}
	lot("https://trace.example/zg/50011000010017/10/S1?17=271120", "5")
	lot("zg/50011000010017/10/S2", "7")
	if lot("zg/50011000010017/10/S2", "7"); !strings.Contains(b.text("error"), "already") {
		t.Errorf("the same lot twice: %q", b.text("error"))
	}
	run(chromedp.Reload(), chromedp.WaitVisible("#lots li"))
	if s := b.text("lots"); !strings.Contains(s, "10/S1 · 5") || !strings.Contains(s, "10/S2 · 7") {
		t.Fatalf("after a reload the list is %q", s)
	}
	if !eval[bool](b, "document.getElementById('csv').href.startsWith('blob:') && !document.getElementById('csv').hidden") {
		t.Error("the list cannot be saved as a table")
	}

	submit()
	if s := b.text("done"); !strings.Contains(s, "2 units registered") || b.text("lots") != "" {
		t.Fatalf("the page says %q %q, the list %q", s, b.text("error"), b.text("lots"))
	}
	for _, code := range []tx.UnitCode{"zg/50011000010017/10/S1", "zg/50011000010017/10/S2"} {
		if u, err := h.client().Unit(t.Context(), code); err != nil || u.Maker != "qijiang-amr" {
			t.Errorf("%s: %+v, %v", code, u, err)
		}
	}
	b.calm(h.http.URL, "data:image/svg+xml") // the browser draws its own date fields

	// What the ledger refuses stays in the list, with its reason.
	lot("zg/50011000010017/10/S1", "5")
	submit()
	if s := b.text("error"); !strings.Contains(s, "S1") || !strings.Contains(b.text("lots"), "S1") {
		t.Errorf("a lot that exists: %q, list %q", s, b.text("lots"))
	}
}
