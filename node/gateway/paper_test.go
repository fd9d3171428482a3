package gateway

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"zhenglian/client/api"
	"zhenglian/client/bundle/bundletest"
	printed "zhenglian/client/certificate"
)

// scan gives the page photographs of codes and returns the outcome.
func (b *tab) scan(url string, photos []string, trust string) string {
	b.Helper()
	b.do(chromedp.Navigate(url), chromedp.WaitVisible("#local"),
		chromedp.SetUploadFiles("#photos", photos), chromedp.SetUploadFiles("#trust", []string{trust}), chromedp.Click("#go"))
	return b.outcome()
}

// onPaper verifies a certificate as a file, and as a photograph of its last page.
func onPaper(t *testing.T, h *harness, b *tab, page, offline, trust string, s *api.Submission) {
	font, err := printed.LoadFont("", "")
	if err != nil {
		t.Skip(err)
	}
	ppm, err := exec.LookPath("pdftoppm")
	if err != nil {
		t.Skip("pdftoppm is not here: scripts/setup paper")
	}
	doc, err := printed.Certificate(s.Receipt, h.trust, font)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	pdf := filepath.Join(dir, "certificate.pdf")
	if err := os.WriteFile(pdf, doc, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(ppm, "-r", "200", "-png", pdf, filepath.Join(dir, "page")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "page*.png"))
	if err != nil || len(pages) < 2 {
		t.Fatalf("pages %v (%v)", pages, err)
	}
	b.forget()
	words, code := pages[0], pages[len(pages)-1]
	for _, url := range []string{page, offline} {
		if got := b.verify(url, []string{pdf}, trust, ""); got != "验证通过" || !strings.Contains(b.text("unchecked"), "证书上印刷的文字") {
			t.Errorf("certificate: %q\n%s", got, b.text("report"))
		}
		if got := b.scan(url, []string{code}, trust); got != "验证通过，但须注意" || !strings.Contains(b.text("facts"), s.ID.String()) {
			t.Errorf("photograph: %q\n%s", got, b.text("report"))
		}
		if got := b.scan(url, []string{words}, trust); !strings.Contains(got, "没有找到二维码") {
			t.Errorf("photograph without a code: %q", got)
		}
	}
	b.calm(h.http.URL, "blob:"+h.http.URL, offline, "blob:null/", "blob:file:")
}

// bundles verifies a bundle and a changed one, and compares the three shells.
func bundles(t *testing.T, h *harness, b *tab, page, offline string) {
	c := bundletest.New(t, 1<<20)
	whole := c.Bytes(t)
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		t.Helper()
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	evb, trust := write("case.evb", whole), write("trust.json", c.Trust.Encode())
	spoiled := append([]byte(nil), whole...)
	spoiled[len(spoiled)/2] ^= 1
	bad := write("bad.evb", spoiled)
	cli := filepath.Join(dir, "zheng-verify")
	if out, err := exec.Command("go", "build", "-o", cli, "zhenglian/client/cmd/zheng-verify").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, verdict := range map[string]string{evb: "验证通过，但须注意", bad: "验证不通过"} {
		for _, url := range []string{page, offline} {
			if got := b.verify(url, []string{name}, trust, ""); got != verdict {
				t.Errorf("%s at %s: %q, want %q\n%s", filepath.Base(name), url, got, verdict, b.text("report"))
			}
			want, _ := exec.Command(cli, "-o", "json", "--trust", trust, name).Output() // status 3 is a verdict
			if got := b.text("json"); got != string(want) {
				t.Errorf("%s: the page's report\n%s\nis not zheng-verify's\n%s", filepath.Base(name), got, want)
			}
		}
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		q, err := json.Marshal(api.ReportRequest{Receipt: content, Trust: c.Trust.Encode()})
		if err != nil {
			t.Fatal(err)
		}
		if len(q) > maxReportBody {
			continue
		}
		res, got := h.do(http.MethodPost, api.PathReports, string(q))
		if res.StatusCode != http.StatusOK || string(got) != b.text("json") {
			t.Errorf("%s: the gateway's report: %s %s", filepath.Base(name), res.Status, got)
		}
	}
	b.calm(h.http.URL, "blob:"+h.http.URL, offline, "blob:null/", "blob:file:")
}
