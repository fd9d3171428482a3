package capture

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/chromedp/cdproto/network"
)

// A page that stands in the way of the one that was asked for says little besides: one
// with more visible characters than this is taken for a page, whatever signs it bears.
const challengeText = 600

// challengeElements are what the makers of captchas and of firewalls put into a page, by
// name and CSS selector. They count when they can be seen.
var challengeElements = [][2]string{
	{"reCAPTCHA", `iframe[src*="/recaptcha/"], .g-recaptcha`},
	{"hCaptcha", `iframe[src*="hcaptcha.com"], .h-captcha`},
	{"Turnstile", `iframe[src*="challenges.cloudflare.com"], .cf-turnstile, #challenge-form, #challenge-stage`},
	{"GeeTest", `.geetest_holder, .geetest_captcha, .geetest_panel, .geetest_box`},
	{"TencentCaptcha", `#tcaptcha_iframe, #tcaptcha_iframe_dy, iframe[src*="captcha.qq.com"], iframe[src*="captcha.gtimg.com"]`},
	{"aliyun", `#nc_1_wrapper, .nc-container, .nc_scale, #baxia-punish, .baxia-dialog, iframe[src*="punish"]`},
	{"NetEase", `.yidun, .yidun_panel`},
	{"slider", `.JDJRV-slide, .captcha_verify_container, #captcha-verify-image`},
	{"captcha", `img[src*="captcha" i], img[id*="captcha" i], form[action*="captcha" i], input[name*="captcha" i]`},
}

// challengeWords are what such a page says, in lower case.
var challengeWords = []string{
	"安全验证", "人机验证", "滑动验证", "拖动滑块", "拖动下方滑块", "请完成验证", "请完成下方验证", "向右滑动", "点击完成验证", "验证后继续访问",
	"访问过于频繁", "访问频率过高", "访问被拒绝", "访问被拦截", "访问受限", "请求被拦截", "异常流量", "系统检测到", "您的访问", "您的请求可能对网站造成安全威胁",
	"verify you are human", "verify that you are human", "are you a robot", "i'm not a robot", "i am human", "prove you are human", "unusual traffic",
	"checking your browser", "access denied", "request blocked", "you have been blocked", "attention required", "enable javascript and cookies to continue",
	"complete the security check", "security verification", "too many requests",
}

// challengeHeaders are those by which a server says it itself.
var challengeHeaders = map[string]string{"cf-mitigated": "challenge", "x-amzn-waf-action": ""}

// challenge looks whether the page is one that asks for a proof of being a person, or
// turns its visitor away, instead of what was asked for. text is what can be seen of it.
func (s *session) challenge(ctx context.Context, text []byte) {
	shown := strings.ToLower(s.res.Title + "\n" + string(text))
	for _, w := range challengeWords {
		if strings.Contains(shown, w) {
			s.res.Signs = append(s.res.Signs, "says: "+w)
		}
	}
	selectors, err := json.Marshal(challengeElements)
	if err != nil {
		return
	}
	var seen []string
	if err := s.evaluate(ctx, fmt.Sprintf(`%s.filter(([, s]) => [...document.querySelectorAll(s)].some((e) => { const r = e.getBoundingClientRect(); return r.width > 1 && r.height > 1; })).map(([n]) => n)`, selectors), &seen); err == nil {
		for _, n := range seen {
			s.res.Signs = append(s.res.Signs, "shows: "+n)
		}
	}
	said := false
	if v := s.rec.view(); v.doc != nil {
		if h := challengeHeader(v.doc.Headers); h != "" {
			s.res.Signs, said = append(s.res.Signs, "header: "+h), true
		}
	}
	s.barredByPage = said || len(s.res.Signs) > 0 && utf8.RuneCount(text) <= challengeText
}

// challengeHeader returns the header by which a server says that this is a challenge.
func challengeHeader(h network.Headers) string {
	for name, value := range h {
		want, known := challengeHeaders[strings.ToLower(name)]
		v, _ := value.(string)
		if known && (want == "" || strings.EqualFold(v, want)) {
			return strings.ToLower(name) + ": " + v
		}
	}
	return ""
}
