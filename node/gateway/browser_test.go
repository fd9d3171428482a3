package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	cdplog "github.com/chromedp/cdproto/log"
	cdpnetwork "github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/emmansun/gmsm/sm3"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// A tab is a browser with one page, and what went wrong in it.
type tab struct {
	*testing.T
	ctx context.Context

	mu       sync.Mutex
	requests []string // URLs, in order
	trouble  []string // errors and warnings of the console
}

var browserNames = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

func newTab(t *testing.T) *tab {
	t.Helper()
	var path string
	for _, name := range browserNames {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("no browser; scripts/setup installs one")
	}
	b := &tab{T: t}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	actx, cancel := chromedp.NewExecAllocator(ctx, chromedp.ExecPath(path),
		chromedp.Headless, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("no-sandbox", os.Geteuid() == 0), // Chromium's sandbox does not work as root
	)
	t.Cleanup(cancel)
	quiet := func(string, ...any) {}
	b.ctx, cancel = chromedp.NewContext(actx, chromedp.WithListener(b.listen), chromedp.WithLogf(quiet), chromedp.WithErrorf(quiet))
	t.Cleanup(cancel)
	if _, err := chromedp.Call(b.ctx, cdpnetwork.Enable, cdpnetwork.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(b.ctx, cdplog.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *tab) listen(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch ev := ev.(type) {
	case *cdpnetwork.EventRequestWillBeSent:
		b.requests = append(b.requests, ev.Request.URL)
	case *cdplog.EventEntryAdded:
		b.trouble = append(b.trouble, fmt.Sprintf("%s: %s (%s)", ev.Entry.Level, ev.Entry.Text, ev.Entry.URL))
	case *runtime.EventConsoleAPICalled:
		if ev.Type == runtime.ConsoleAPICalledTypeError || ev.Type == runtime.ConsoleAPICalledTypeWarning {
			b.trouble = append(b.trouble, fmt.Sprintf("console.%s", ev.Type))
		}
	case *runtime.EventExceptionThrown:
		b.trouble = append(b.trouble, ev.ExceptionDetails.Text+" "+thrown(ev.ExceptionDetails))
	}
}

func thrown(d *runtime.ExceptionDetails) string {
	if d.Exception == nil {
		return ""
	}
	return d.Exception.Description
}

// calm fails for what the console complained of, and for requests to anywhere but
// the given beginnings of URLs.
func (b *tab) calm(allowed ...string) {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.trouble {
		b.Errorf("the console says: %s", s)
	}
	for _, url := range b.requests {
		if !slices.ContainsFunc(allowed, func(p string) bool { return strings.HasPrefix(url, p) }) {
			b.Errorf("the page asked for %.200s", url)
		}
	}
	b.requests, b.trouble = nil, nil
}

// forget lets go of what the page did so far.
func (b *tab) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests, b.trouble = nil, nil
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.Fatal(err)
	}
}

func eval[T any](b *tab, expression string) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("%.200s: %v", expression, err)
	}
	return v
}

// outcome waits for the page to finish and returns its verdict, or its error.
func (b *tab) outcome() string {
	b.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool](`!$("result").hidden || !$("error").hidden`, chromedp.WithPollingTimeout(100*time.Second))); err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.Fatalf("%v; console: %q, requests: %.200q", err, b.trouble, b.requests)
	}
	return eval[string](b, `$("error").hidden ? $("verdict").textContent : $("error").textContent`)
}

func (b *tab) text(id string) string {
	b.Helper()
	return eval[string](b, fmt.Sprintf("document.getElementById(%q).textContent", id))
}

// verify opens a page, chooses files and a trust root, types what is asked, and
// returns the outcome.
func (b *tab) verify(url string, files []string, trust, asked string) string {
	b.Helper()
	b.do(chromedp.Navigate(url), chromedp.WaitVisible("#local"))
	if len(files) > 0 {
		b.do(chromedp.SetUploadFiles("#files", files))
	}
	if trust != "" {
		b.do(chromedp.SetUploadFiles("#trust", []string{trust}))
	}
	if asked != "" {
		b.do(chromedp.SetValue("#q", asked))
	}
	b.do(chromedp.Click("#go"))
	return b.outcome()
}

// sealFile registers a file.
func (h *harness) sealFile(content []byte) *api.Submission {
	h.mu.Lock()
	body := h.chain.Evidence(7)
	body.Files[0] = tx.File{Bytes: int64(len(content)), Media: "text/html", Role: "page", SHA256: sha256.Sum256(content), SM3: sm3.Sum(content)}
	e := h.chain.Sign(h.chain.Statement("hangzhou-amr", tx.EvidenceSeal, tx.ID{}, body), complete3...)
	h.mu.Unlock()
	return h.submit(e)
}

// liar is a gateway that answers every question with one statement.
func (h *harness) liar(about *api.Submission) (url string) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == api.PathVerify {
			r.Body = io.NopCloser(strings.NewReader(`{"id":"` + about.ID.String() + `"}`))
			r.ContentLength = -1
		}
		h.g.Handler().ServeHTTP(w, r)
	}))
	h.t.Cleanup(s.Close)
	return s.URL
}

// TestBrowser uses the page as people do. It stays with one browser, because
// starting one takes longer than any of its parts.
func TestBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser, and needs the verifier that was built last")
	}
	h := newHarness(t)
	content := bytes.Repeat([]byte("<p>evidence</p>\n"), 1<<20/4) // 4 MiB: more than one piece
	s := h.sealFile(content)
	another := h.submit(h.seal(2, complete3...))
	h.indexed()

	dir := t.TempDir()
	write := func(name string, b []byte) string {
		t.Helper()
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	file := write("page.html", content)
	tampered := bytes.Clone(content)
	tampered[len(tampered)/2] ^= 1
	changed := write("changed.html", tampered)
	rec := write("good.receipt.json", s.Receipt)
	otherRec := write("other.receipt.json", another.Receipt)
	trust := write("trust.json", h.trust.Encode())
	wrong := *h.trust
	wrong.Validators = slices.Clone(wrong.Validators)
	wrong.Validators[0].PubKey[0] ^= 1
	wrongTrust := write("wrong.json", wrong.Encode())
	_, page := h.do("GET", "/verify/offline", "")
	offline := "file://" + write("offline.html", page)
	page1 := h.http.URL + "/verify"
	sum := sha256.Sum256(content)

	broken := write("broken.receipt.json", []byte("{}"))
	liar := h.liar(another) + "/verify"

	b := newTab(t)
	const good, warned, bad, unknown = "验证通过", "验证通过，但须注意", "验证不通过", "本站没有查到"
	for _, c := range []struct {
		name, url    string
		files        []string
		trust, asked string
		want         string
		in, says     string // in the element with this id is this text
	}{
		{"file", page1, []string{file}, "", "", good, "root", "来自本站"},
		{"file and receipt", page1, []string{file, rec}, trust, "", good, "root", "由您选择"},
		{"receipt", page1, []string{rec}, trust, "", good, "unchecked", "未提供文件"},
		{"tampered file", page1, []string{changed, rec}, trust, "", bad, "reasons", "不一致"},
		{"unknown file", page1, []string{changed}, trust, "", unknown, "unchecked", "不是不存在的证明"},
		{"wrong trust root", page1, []string{file, rec}, wrongTrust, "", bad, "reasons", "验证节点名单与可信根不同"},
		{"digest", page1, nil, trust, fmt.Sprintf("%X", sum), good, "facts", s.ID.String()},
		{"SM3", page1, nil, "", fmt.Sprintf("%x", sm3.Sum(content)), good, "facts", s.ID.String()},
		{"id", page1, nil, trust, s.ID.String(), good, "reasons", "与所要求的编号"},
		{"unknown digest", page1, nil, "", strings.Repeat("cd", 32), unknown, "summary", "未收录"},
		{"receipt of another", page1, []string{otherRec}, trust, fmt.Sprintf("%x", sum), bad, "summary", "与所输入的摘要或编号无关"},
		{"no digest", page1, nil, "", "xyz", "请输入 64 位十六进制的摘要或编号。", "", ""},
		{"nothing", page1, nil, "", "", "请选择文件或回执，或输入摘要。", "", ""},
		{"no receipt at all", page1, []string{broken}, trust, "", bad, "reasons", "回执无法读取"},
		{"lied to about a file", liar, []string{file}, trust, "", bad, "reasons", "都不一致"},
		{"lied to about a digest", liar, nil, trust, fmt.Sprintf("%x", sum), bad, "summary", "与所输入的摘要或编号无关"},
		{"lied to about an id", liar, nil, trust, s.ID.String(), bad, "reasons", "不是所要求查验的那一份"},
		{"bad trust root", page1, []string{rec}, rec, "", "无法完成验证：", "", ""},
		{"English", page1 + "?lang=en", []string{file, rec}, trust, "", "Verified", "summary", "co-signed"},
		{"linked", page1 + "?q=" + s.ID.String(), nil, trust, "", good, "", ""},
		{"offline", offline, []string{file, rec}, trust, "", good, "root", "由您选择"},
		{"offline, tampered file", offline, []string{changed, rec}, trust, "", bad, "reasons", "不一致"},
		{"offline, no receipt", offline, []string{file}, trust, "", "离线验证需要回执、证书", "", ""},
	} {
		got := b.verify(c.url, c.files, c.trust, c.asked)
		if !strings.HasPrefix(got, c.want) || c.want == good && got != good {
			t.Errorf("%s: %q, want %q\n%s", c.name, got, c.want, b.text("report"))
		}
		if c.in != "" && !strings.Contains(b.text(c.in), c.says) {
			t.Errorf("%s: no %q in #%s: %s", c.name, c.says, c.in, b.text(c.in))
		}
		if c.url == offline {
			b.calm(offline, "blob:null/", "blob:file:")
		} else {
			origin := strings.TrimSuffix(strings.Split(c.url, "?")[0], "/verify")
			b.calm(origin, "blob:"+origin)
		}
	}
	b.do(chromedp.Navigate(page1), chromedp.WaitVisible("#local"))
	if got := eval[string](b, `(() => {
		const dataTransfer = new DataTransfer();
		dataTransfer.items.add(new File(["x"], "dropped.txt"));
		const free = document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
		return free + " " + $("chosen").textContent;
	})()`); !strings.HasPrefix(got, "false dropped.txt") { // false: the browser does not open the file
		t.Errorf("after a drop: %q", got)
	}
	t.Run("keyboard", func(t *testing.T) { keyboard(b, page1, s.ID.String()) })
	t.Run("accessible", func(t *testing.T) {
		script := axeCore(t)
		for _, url := range []string{page1, page1 + "?lang=en&large=1", h.http.URL + "/e/" + s.ID.String(), h.http.URL + "/e/none", offline} {
			b.do(chromedp.Navigate(url))
			accessible(b, url)
			axe(b, script, url)
		}
		b.verify(page1, []string{file, rec}, trust, "")
		accessible(b, "a report")
		axe(b, script, "a report")
		const spoil = `document.querySelector("label").remove(), document.title = "", $("verdict").style.color = "#ccc", $("print").textContent = "", $("go").id = "q"`
		eval[any](b, spoil)
		if found := eval[[]string](b, accessibility); len(found) < 5 {
			t.Errorf("of a spoiled page the checks say only %q", found)
		}
		if script != "" {
			if found := eval[[]string](b, axeRun); len(found) == 0 {
				t.Error("axe-core finds nothing wrong with a spoiled page")
			}
		}
	})
	t.Run("paper", func(t *testing.T) { onPaper(t, h, b, page1, offline, trust, s) })
	t.Run("bundle", func(t *testing.T) { bundles(t, h, b, page1, offline) })
	t.Run("three shells", func(t *testing.T) { threeShells(t, h, b, page1) })
	if t.Failed() {
		return
	}
	b.do(chromedp.Navigate(page1))
	t.Logf("SHA-256 and SM3 together: %.0f MB/s", eval[float64](b, `(async () => {
		const call = await startWorker(), size = 64 << 20;
		const file = new File([new Uint8Array(size)], "zeros"), began = performance.now();
		await call("hash", { file }, () => {});
		return size / 1000 / (performance.now() - began);
	})()`))
}

// keyboard verifies a statement without a mouse.
func keyboard(b *tab, url, id string) {
	b.do(chromedp.Navigate(url), chromedp.WaitVisible("#local"))
	const focused = `document.activeElement.id || document.activeElement.className || document.activeElement.getAttribute("hreflang") || document.activeElement.getAttribute("href")`
	var order []string
	for range 10 {
		b.do(chromedp.KeyEvent(kb.Tab))
		order = append(order, eval[string](b, focused))
	}
	if want := []string{"skip", "/", "en", "large", "q", "files", "photos", "camera-on", "trust", "go"}; !slices.Equal(order, want) {
		b.Errorf("tab goes through %q, want %q", order, want)
	}
	b.do(chromedp.Focus("#large"), chromedp.KeyEvent(" "))
	if !eval[bool](b, `document.documentElement.classList.contains("large") && $("large").getAttribute("aria-pressed") === "true"`) {
		b.Error("the space bar does not enlarge the text")
	}
	b.do(chromedp.Focus("#q"), chromedp.KeyEvent(id), chromedp.KeyEvent(kb.Enter))
	if got := b.outcome(); got != "验证通过" {
		b.Errorf("enter in the field: %q", got)
	}
	if got := eval[string](b, focused); got != "result" {
		b.Errorf("after verifying, focus is on %q, want the result", got)
	}
}

// accessible makes the checks of WCAG 2.2 that a program can make without a
// library: language, title, one main heading, headings in order, names of controls,
// unique ids, nothing wider than the window, targets of references, no positive tabindex, and contrast of text.
func accessible(b *tab, what string) {
	b.Helper()
	for _, s := range eval[[]string](b, accessibility) {
		b.Errorf("%s: %s", what, s)
	}
}

const accessibility = `(() => {
	const found = [], all = (s) => [...document.querySelectorAll(s)];
	const shown = (e) => e.getClientRects().length > 0;
	if (!/^(zh-CN|en)$/.test(document.documentElement.lang)) found.push("no language");
	if (!document.title) found.push("no title");
	if (all("h1").length !== 1 || all("main").length !== 1) found.push("not one h1 and one main");
	if (document.documentElement.scrollWidth > innerWidth) found.push("wider than the window: " + document.documentElement.scrollWidth);
	let level = 1;
	for (const h of all("h1, h2, h3").filter(shown)) {
		if (h.tagName[1] - level > 1) found.push("heading level skipped at " + h.textContent);
		level = +h.tagName[1];
	}
	const ids = all("[id]").map((e) => e.id);
	if (new Set(ids).size !== ids.length) found.push("an id twice");
	for (const a of ["aria-labelledby", "aria-describedby", "for"])
		for (const e of all("[" + a + "]")) for (const id of e.getAttribute(a).split(" ")) if (!ids.includes(id)) found.push(a + " leads nowhere: " + id);
	for (const e of all("input:not([type=hidden])")) if (!e.labels.length) found.push("no label: #" + e.id);
	for (const e of all("a, button").filter(shown)) if (!e.textContent.trim() && !e.ariaLabel) found.push("no name: " + e.outerHTML);
	for (const e of all("[tabindex]")) if (e.tabIndex > 0) found.push("tabindex " + e.tabIndex);
	const rgb = (c) => c.match(/[\d.]+/g).map(Number);
	const light = (c) => c.slice(0, 3).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
	for (const e of all("body *").filter((e) => shown(e) && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))) {
		let back = [255, 255, 255], opacity = 1;
		const layers = [];
		for (let p = e; p; p = p.parentElement) { layers.unshift(rgb(getComputedStyle(p).backgroundColor)); opacity *= getComputedStyle(p).opacity; }
		const over = (c, a) => { back = back.map((v, i) => v * (1 - a) + c[i] * a); };
		for (const c of layers) over(c, c[3] ?? 1);
		const text = rgb(getComputedStyle(e).color), behind = back;
		over(text, (text[3] ?? 1) * opacity);
		const [x, y] = [light(back), light(behind)].sort((p, q) => q - p);
		if ((x + 0.05) / (y + 0.05) < 4.5) found.push("contrast " + ((x + 0.05) / (y + 0.05)).toFixed(1) + ": " + e.outerHTML.slice(0, 120));
	}
	return found;
})()`

// threeShells compares the reports of zheng-verify, of the page and of the gateway
// on every vector, byte for byte.
func threeShells(t *testing.T, h *harness, b *tab, url string) {
	const vectors = "../../app/receipt/testdata/vectors"
	read := func(name string) []byte {
		t.Helper()
		c, err := os.ReadFile(filepath.Join(vectors, name))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	cli := filepath.Join(t.TempDir(), "zheng-verify")
	if out, err := exec.Command("go", "build", "-o", cli, "zhenglian/client/cmd/zheng-verify").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	trust := read("trust.json")
	root, err := receipt.ParseTrust(trust)
	if err != nil {
		t.Fatal(err)
	}
	page := read("page.html")
	var index []struct {
		Receipt string
		WantID  string `json:"want_id"`
		File    *receipt.FileDigests
	}
	if err := json.Unmarshal(read("vectors.json"), &index); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.Navigate(url))
	for _, v := range index {
		q := api.ReportRequest{Receipt: read(v.Receipt), Trust: trust, ID: v.WantID, Files: []api.ReportFile{}}
		args := []string{"-o", "json", "--trust", filepath.Join(vectors, "trust.json")}
		if v.WantID != "" {
			args = append(args, "--id", v.WantID)
		}
		byHand := false // a file with these digests cannot be made
		if f := v.File; f != nil {
			q.Files = append(q.Files, api.ReportFile{Name: f.Name, SHA256: f.SHA256.String(), SM3: f.SM3.String(), Bytes: f.Bytes})
			args = append(args, "--file", filepath.Join(vectors, f.Name))
			byHand = f.SHA256 != sha256.Sum256(page)
		}
		var want []byte
		if byHand {
			id, err := tx.ParseID(v.WantID)
			if err != nil {
				t.Fatal(err)
			}
			want = receipt.Verify(q.Receipt, root, receipt.Options{WantID: id, Files: []receipt.FileDigests{*v.File}}).JSON()
		} else {
			want, _ = exec.Command(cli, append(args, filepath.Join(vectors, v.Receipt))...).Output() // status 3 is a verdict
		}
		if !bytes.Contains(want, []byte(`"verdict"`)) {
			t.Fatalf("%s: zheng-verify writes %q", v.Receipt, want)
		}
		body, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		if _, got := h.do("POST", api.PathReports, string(body)); !bytes.Equal(got, want) {
			t.Errorf("%s: the gateway's report\n%s\nis not zheng-verify's\n%s", v.Receipt, got, want)
		}
		got := eval[string](b, fmt.Sprintf(`(async () => {
			const q = %s, bytes = (s) => Uint8Array.from(atob(s), (c) => c.charCodeAt(0));
			const files = q.files || [];
			return (await (await startWorker())("verify", { receipt: bytes(q.receipt), trust: bytes(q.trust), files, id: q.id || "" })).json;
		})()`, body))
		if got != string(want) {
			t.Errorf("%s: the page's report\n%s\nis not zheng-verify's\n%s", v.Receipt, got, want)
		}
	}
}
