package capture

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
)

// A captcha and a page that turns its visitor away are sealed as such; a page that only
// has one of their signs is a page.
func TestChallenge(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("<p>特级龙井，产地杭州，二十年老店，顺丰包邮，支持七天无理由退货。</p>", 40)
	pages := map[string]string{
		"/slider":    `<title>安全验证</title><div class="nc-container" style="width:300px;height:40px">向右滑动</div>`,
		"/recaptcha": `<title>Just a moment</title><div class="g-recaptcha" style="width:300px;height:74px"></div><p>one more step</p>`,
		"/denied":    `<title>Access Denied</title><h1>Access Denied</h1><p>Reference 18.2f</p>`,
		"/frequent":  `<title>提示</title><p>访问过于频繁，请稍后再试</p>`,
		"/header":    `<title>ok</title>` + long,
		"/shop":      `<title>龙井茶</title>` + long + `<div class="g-recaptcha" style="width:300px;height:74px"></div><p>登录须完成安全验证</p>`,
		"/hidden":    `<title>龙井茶</title><p>tea</p><div class="g-recaptcha" style="display:none">x</div>`,
		"/plain":     `<title>龙井茶</title><p>tea</p>`,
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if r.URL.Path == "/header" {
			w.Header().Set("CF-Mitigated", "challenge")
		}
		io.WriteString(w, pages[r.URL.Path])
	}))
	t.Cleanup(srv.Close)
	for path, want := range map[string]struct {
		outcome Outcome
		sign    string // "": none
	}{
		"/slider": {Blocked, "shows: aliyun"}, "/recaptcha": {Blocked, "shows: reCAPTCHA"}, "/denied": {Blocked, "says: access denied"},
		"/frequent": {Blocked, "says: 访问过于频繁"}, "/header": {Blocked, "header: cf-mitigated: challenge"},
		"/shop": {Complete, "says: 安全验证"}, "/hidden": {Complete, ""}, "/plain": {Complete, ""},
	} {
		r, dir := capture(t, Options{URL: srv.URL + path, NoRecording: true})
		if r.Outcome != want.outcome || want.sign == "" && len(r.Signs) > 0 || want.sign != "" && !slices.Contains(r.Signs, want.sign) {
			t.Errorf("%s: %s (%s), signs %q, want %s, %q", path, r.Outcome, r.Reason, r.Signs, want.outcome, want.sign)
		}
		// What was seen is kept, whatever it is called, and the summary has the signs.
		var sum struct {
			Outcome Outcome
			Signs   []string `json:"block_signs"`
		}
		if err := json.Unmarshal(read(t, dir, "capture.json"), &sum); err != nil {
			t.Fatal(err)
		}
		if len(read(t, dir, "page.png")) == 0 || sum.Outcome != want.outcome || !slices.Equal(sum.Signs, r.Signs) {
			t.Errorf("%s: summary %+v", path, sum)
		}
	}
}

func TestChallengeHeader(t *testing.T) {
	for _, h := range []network.Headers{{}, {"cf-mitigated": "other"}, {"Server": "cloudflare"}} {
		if got := challengeHeader(h); got != "" {
			t.Errorf("%v: %q", h, got)
		}
	}
	if got := challengeHeader(network.Headers{"X-Amzn-Waf-Action": "captcha"}); got != "x-amzn-waf-action: captcha" {
		t.Errorf("%q", got)
	}
}

// The report has every item on the machine, and says which artefact shows it.
func TestMachine(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<title>x</title>203.0.113.7") }))
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "203.0.113.7") }))
	t.Cleanup(srv.Close)
	t.Cleanup(service.Close)
	_, dir := capture(t, Options{URL: srv.URL, NoRecording: true, AddressService: service.URL})
	for id, want := range map[string]item{
		"service_worker":           {Result: envOK},
		"resolvers":                {Result: envNA, File: "dns.jsonl"},
		"route":                    {Result: envNA},
		"processes":                {Result: envNA},
		"policies":                 {Result: envOK},
		"root_store":               {Result: envNA},
		"disk_free":                {Result: envOK},
		"program":                  {Result: envNA},
		"image":                    {Result: envNA},
		"certificate_transparency": {Result: envNA},
		"public_ip":                {Result: envNA},
		"cache":                    {Result: envOK, File: "net.jsonl"},
		"network":                  {File: "connections.jsonl"},
	} {
		it := envItem(t, dir, id)
		if want.Result != "" && it.Result != want.Result || it.File != want.File || it.Observed == nil {
			t.Errorf("%+v, want %+v", it, want)
		}
		if it.File != "" {
			read(t, dir, it.File)
		}
	}
	if got := fmt.Sprint(envItem(t, dir, "public_ip").Observed); !strings.HasPrefix(got, "203.0.113.7, as http://127.0.0.1") {
		t.Errorf("public_ip: %s", got)
	}
}

func TestMachineItems(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		t.Helper()
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	last := func(r *report) item { return r.Items[len(r.Items)-1] }
	r := &report{}
	r.route(write("route", "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"+
		"eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\neth1\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\n"))
	if got := last(r).Observed; got != "default by 192.0.2.1 over eth1" {
		t.Errorf("route: %v", got)
	}
	r.resolvers([]string{"a", "b", "c"}, "")
	if last(r).Result != envOK {
		t.Errorf("three resolvers: %+v", last(r))
	}
	r.resolvers(nil, write("resolv.conf", "# x\nnameserver 192.0.2.53\nsearch x\nnameserver 192.0.2.54\n"))
	if got := fmt.Sprint(last(r).Observed); got != "map[system:[192.0.2.53 192.0.2.54]]" {
		t.Errorf("resolvers: %s", got)
	}
	r.policies([]string{filepath.Dir(write("managed/proxy.json", "{}")), filepath.Join(dir, "none")})
	if last(r).Result != envFail {
		t.Errorf("policies: %+v", last(r))
	}
	write("proc/1/comm", "init\n")
	write("proc/22/comm", "zhengd\n")
	write("proc/23/comm", "zhengd\n")
	r.processes(filepath.Join(dir, "proc"))
	if got := last(r).Observed.(string); !strings.HasPrefix(got, "3, of 2 names") {
		t.Errorf("processes: %s", got)
	}
	r.publicAddress(t.Context(), "http://127.0.0.1:1/")
	if last(r).Result != envError {
		t.Errorf("public_ip: %+v", last(r))
	}
}
