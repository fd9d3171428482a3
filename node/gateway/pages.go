package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/client/web"
	"zhenglian/node/blob"
)

// pageRoutes serves the pages for people and what they load.
func pageRoutes(r *gin.Engine, l *ledger) {
	for path, file := range map[string]string{
		"/":                "start.html",
		api.PathDocs:       "docs.html",
		"/web/docs.js":     "docs.js",
		"/web/style.css":   "style.css",
		"/web/verify.js":   "verify.js",
		"/web/notarize.js": "notarize.js",
		"/web/station.js":  "station.js",
	} {
		r.GET(path, func(c *gin.Context) {
			pageHeaders(c, web.Policy)
			http.ServeFileFS(c.Writer, c.Request, web.Files, file)
		})
	}
	r.GET("/web/worker.js", func(c *gin.Context) {
		pageHeaders(c, web.VerifyPolicy) // a worker compiles under the policy of its own answer
		c.Data(http.StatusOK, "text/javascript; charset=utf-8", web.Worker())
	})
	r.GET("/web/signer.js", func(c *gin.Context) {
		pageHeaders(c, web.VerifyPolicy)
		c.Data(http.StatusOK, "text/javascript; charset=utf-8", web.Signer())
	})
	r.GET("/notarize", func(c *gin.Context) {
		renderUnder(c, http.StatusOK, web.NotarizePolicy, &web.Notarize{Look: lookOf(c)})
	})
	r.GET("/station", func(c *gin.Context) {
		renderUnder(c, http.StatusOK, web.StationPolicy, &web.Station{Look: lookOf(c)})
	})
	r.GET("/web/jsqr.js", func(c *gin.Context) {
		pageHeaders(c, web.Policy)
		c.Data(http.StatusOK, "text/javascript; charset=utf-8", web.Decoder())
	})
	for _, p := range web.Programs {
		r.GET("/web/"+p.Name+".wasm", func(c *gin.Context) {
			pageHeaders(c, web.Policy)
			c.Header("Vary", "Accept-Encoding")
			content := p.Brotli
			if strings.Contains(c.GetHeader("Accept-Encoding"), "br") {
				c.Header("Content-Encoding", "br")
			} else { // every browser takes gzip; brotli they ask for over TLS only
				content = p.Gzip
				c.Header("Content-Encoding", "gzip")
			}
			c.Data(http.StatusOK, "application/wasm", content())
		})
	}
	r.GET("/verify", func(c *gin.Context) { verifyPage(c, l) })
	offline := map[web.Look]func() ([]byte, error){}
	for _, look := range []web.Look{{}, {English: true}, {Large: true}, {English: true, Large: true}} {
		offline[look] = sync.OnceValues(func() ([]byte, error) { return web.Offline(look) })
	}
	r.GET("/verify/offline", func(c *gin.Context) {
		b, err := offline[lookOf(c)]()
		if err != nil {
			fail(c, err)
			return
		}
		c.Header("Content-Disposition", `attachment; filename="zheng-verify.html"`)
		pageHeaders(c, web.Policy)
		c.Data(http.StatusOK, "text/html; charset=utf-8", b)
	})
	r.GET("/e/:id", func(c *gin.Context) { evidencePage(c, l) })
}

func pageHeaders(c *gin.Context, policy string) {
	c.Header("Content-Security-Policy", policy)
	c.Header("Referrer-Policy", "no-referrer")
	c.Header("Cache-Control", "no-cache")
}

func lookOf(c *gin.Context) web.Look { return web.LookOf(c.Query("lang"), c.Query("large")) }

// A page can be shown.
type page interface{ Render(io.Writer) error }

// render answers with a page of the verifier.
func render(c *gin.Context, status int, p page) { renderUnder(c, status, web.VerifyPolicy, p) }

func renderUnder(c *gin.Context, status int, policy string, page page) {
	var b bytes.Buffer
	if err := page.Render(&b); err != nil {
		fail(c, err)
		return
	}
	pageHeaders(c, policy)
	c.Data(status, "text/html; charset=utf-8", b.Bytes())
}

var digits = regexp.MustCompile(`^[0-9a-f]{64}$`)

// verifyPage is the page that verifies. To whoever has no JavaScript it answers
// what was asked in its form.
func verifyPage(c *gin.Context, l *ledger) {
	page := &web.Verify{Look: lookOf(c), Asked: strings.ToLower(strings.TrimSpace(c.Query("q")))}
	switch {
	case page.Asked == "":
	case !digits.MatchString(page.Asked):
		page.Bad = true
		page.Asked = ""
	default:
		var err error
		if page.Answers, err = answers(c.Request.Context(), l, page.Look, page.Asked); err != nil {
			fail(c, err)
			return
		}
	}
	render(c, http.StatusOK, page)
}

// answers asks whether asked is an id, and whether it is a digest. Without an
// index only the first can be answered.
func answers(ctx context.Context, l *ledger, look web.Look, asked string) (all []web.Answer, err error) {
	for _, q := range []api.VerifyRequest{{ID: asked}, {SHA256: asked}, {SM3: asked}} {
		v, err := l.Verify(ctx, q) // never the gin.Context, which is used again
		var p *api.Problem
		if errors.As(err, &p) && q.ID == "" {
			continue
		}
		if err != nil {
			return nil, err
		}
		a := web.Answer{Found: v.Found, Sentence: look.T(v.Answer.ZH, v.Answer.EN)}
		for _, s := range v.NotProven {
			a.NotProven = append(a.NotProven, look.T(s.ZH, s.EN))
		}
		for i := range v.Matches {
			a.IDs = append(a.IDs, v.Matches[i].ID.String())
		}
		if len(a.IDs) == 0 && v.Found {
			a.IDs = []string{v.ID.String()}
		}
		if v.Found {
			return []web.Answer{a}, nil
		}
		all = append(all, a)
	}
	return all, nil
}

// evidencePage shows a statement as its receipt has it.
func evidencePage(c *gin.Context, l *ledger) {
	page := &web.Evidence{Look: lookOf(c), ID: c.Param("id")}
	status, err := fillEvidence(c, l, page)
	if status >= http.StatusInternalServerError {
		page.Broken = true
		loggerOf(c).Warn("evidence page", "request_id", requestID(c), "err", err)
	}
	render(c, status, page)
}

// fillEvidence returns the status of the answer, and why it is not 200.
func fillEvidence(c *gin.Context, l *ledger, page *web.Evidence) (int, error) {
	id, err := tx.ParseID(page.ID)
	if err != nil {
		return http.StatusNotFound, err
	}
	b, err := l.Receipt(c.Request.Context(), id, api.ReceiptOptions{})
	var p *api.Problem
	switch {
	case errors.As(err, &p) && p.Status == http.StatusNotFound:
		return http.StatusNotFound, err
	case err != nil:
		return http.StatusServiceUnavailable, err
	}
	trust := l.chain.Trust()
	if trust == nil {
		return http.StatusServiceUnavailable, errors.New("the gateway has no trust root")
	}
	r := receipt.Verify(b, trust, receipt.Options{WantID: id})
	f := r.Facts
	if f == nil {
		return http.StatusServiceUnavailable, fmt.Errorf("own receipt of %s: %s", id, r.Summary.EN)
	}
	parsed, err := receipt.Parse(b)
	if err != nil {
		return http.StatusServiceUnavailable, err
	}
	env, err := tx.ParseEnvelope(parsed.Entry.Envelope)
	if err != nil {
		return http.StatusServiceUnavailable, err
	}
	page.Found, page.Good = true, r.Verdict != receipt.NotVerified
	page.Certificate = page.Good && l.printer != nil
	t := page.T
	page.Verdict = map[receipt.Verdict]string{
		receipt.Verified:    t("验证通过", "Verified"),
		receipt.Warned:      t("验证通过，但须注意", "Verified, with warnings"),
		receipt.NotVerified: t("验证不通过", "NOT VERIFIED"),
	}[r.Verdict]
	page.Summary = t(r.Summary.ZH, r.Summary.EN)
	page.Statement = string(env.Payload)
	fact := func(zh, en, value string) {
		if value != "" {
			page.Facts = append(page.Facts, web.Fact{Name: t(zh, en), Value: value})
		}
	}
	who := func(id tx.MemberID, name receipt.Text) string {
		if n := t(name.ZH, name.EN); n != "" {
			return n + " (" + string(id) + ")"
		}
		return string(id)
	}
	fact("种类", "Kind", string(f.Kind))
	fact("链", "Chain", f.Chain)
	fact("陈述成员", "Stated by", who(f.Member, f.MemberName))
	state := receipt.StateText(f.State)
	fact("状态", "State", fmt.Sprintf(t("%s（截至高度 %d，%s）", "%s (as of height %d, %s)"), t(state.ZH, state.EN), f.AsOfHeight, f.AsOf))
	fact("声明的时间", "Claimed time", f.ClaimedAt.String())
	if f.NotBefore != nil {
		fact("不早于", "Not before", fmt.Sprintf(t("区块 %d", "block %d"), f.NotBefore.Height))
	}
	fact("封存时间", "Sealed at", f.SealedAt)
	fact("位置", "Place", fmt.Sprintf(t("日志第 %d 条，高度 %d", "log entry %d, height %d"), f.Seq, f.Height))
	for _, s := range f.Signers {
		did := receipt.VoteText(s.Type)
		page.Signers = append(page.Signers, web.Fact{Name: who(s.Member, s.MemberName),
			Value: fmt.Sprintf(t("账户 %s，%s，高度 %d", "account %s, %s, height %d"), s.Account, t(did.ZH, did.EN), s.Height)})
	}
	for _, x := range f.Files {
		kept := false
		if l.blobs != nil {
			_, err := l.blobs.Stat(c.Request.Context(), blob.Digest(x.SHA256))
			kept = err == nil
		}
		page.Files = append(page.Files, web.File{Role: x.Role, Media: x.Media, Bytes: x.Bytes, SHA256: x.SHA256.String(), SM3: x.SM3.String(), Kept: kept})
	}
	s, err := l.Statement(c.Request.Context(), id)
	if err != nil {
		return http.StatusServiceUnavailable, err
	}
	page.Missing, page.Disputed = s.Missing, f.Kind == tx.EvidenceSeal
	if s.Matter != nil && !s.Matter.Head.IsZero() {
		page.Head = s.Matter.Head.String()
	}
	if page.Codes, err = l.codes(c.Request.Context(), id); err != nil {
		loggerOf(c).Warn("codes of the evidence page", "request_id", requestID(c), "err", err) // the page does without
	}
	return http.StatusOK, nil
}
