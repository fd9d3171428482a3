package capture

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/security"
	"github.com/chromedp/chromedp"

	"zhenglian/client/capture/filter"
)

const (
	// quietTime without network traffic after load means the page is there.
	quietTime = 300 * time.Millisecond
	// settleTime is how long at most to wait for that after load; a page that
	// polls is never quiet.
	settleTime = 5 * time.Second
	// maxPixels is the longest side of a screenshot: beyond 16 384 the
	// browser's surfaces repeat or stay blank.
	maxPixels = 16384
)

// steps are what Options.Progress is told, in order.
var steps = []string{"start browser", "load page", "entry steps", "window", "screenshot", "archive", "pdf", "text", "html", "cookies",
	"certificates", "licence page", "recording", "web archive", "connections", "request log", "environment", "summary"}

// session is one run of Page.
type session struct {
	opts Options
	url  *url.URL
	out  *output
	env  *report

	browser *browser
	guard   *guard
	rec     *recorder
	bodies  *bodies
	console console
	cast    screencast
	clocks  chan []clockReading
	filter  *filterProcess
	frame   cdp.FrameID

	step         int
	res          Result
	barredByPage bool     // what came is a page that turns visitors away, or tests them
	missing      []string // why the capture is not COMPLETE although the page was seen
}

func (s *session) next() {
	s.opts.Progress(steps[s.step], s.step, len(steps))
	s.step++
}

func (s *session) warn(format string, args ...any) {
	s.res.Warnings = append(s.res.Warnings, fmt.Sprintf(format, args...))
}

// run is a capture from start to end. It returns an error only for the cases
// that Page documents.
func (s *session) run(ctx context.Context) (_ *Result, err error) {
	started := time.Now()
	s.res = Result{URL: s.opts.URL, Method: Method, Certificate: CertNone, Started: started.UTC()}
	s.guard, s.rec, s.bodies = newGuard(s.opts), newRecorder(s.opts), newBodies(s.opts.MaxBytes)

	s.next()
	s.filter, err = startFilter(ctx, filter.Config{
		Resolvers: s.opts.Resolvers, Allow: s.opts.AllowNets, AllowAll: s.opts.AllowPrivate, MaxBytes: 2 * s.opts.MaxBytes,
	}, s.passed)
	if err != nil {
		return nil, err
	}
	defer s.filter.close()
	if s.browser, err = startBrowser(ctx, s.opts, s.filter, s.listen); err != nil {
		return nil, err
	}
	defer func() {
		if cerr := s.browser.close(); cerr != nil {
			s.warn("clean up: %v", cerr)
		}
	}()
	if s.browser.noSandbox {
		s.warn("the browser runs without its sandbox: this system does not let it have one")
	}
	if s.opts.InsecureOK {
		s.warn("certificate errors do not stop this capture; they are recorded")
	}
	var hashing sync.WaitGroup // the executable has some 300 MB: hash it while the page loads
	var hashErr error
	hashing.Go(func() { hashErr = s.browser.hash(s.opts.Browser) })
	defer hashing.Wait()
	if err := s.prepare(); err != nil {
		return nil, fmt.Errorf("prepare browser: %w", err)
	}
	if err := s.filter.awaitReady(ctx); err != nil {
		return nil, err
	}

	if len(s.opts.TimeServers) > 0 {
		s.clocks = make(chan []clockReading, 1)
		go func() { s.clocks <- askClocks(ctx, s.opts.TimeServers) }()
	}
	if !s.opts.NoRecording {
		if err := s.startRecording(s.browser.ctx); err != nil {
			return nil, fmt.Errorf("record: %w", err)
		}
	}

	s.next()
	nav := s.navigate()
	s.next()
	if nav == nil {
		if err := s.walk(); err != nil {
			return nil, err
		}
	}
	if err := s.alive(ctx); err != nil {
		return nil, err
	}

	v := s.rec.view()
	errorPage := strings.HasPrefix(v.url, "chrome-error:")
	if errorPage && nav == nil {
		nav = errors.New("the page went on to one that did not load")
	}
	seen := nav == nil && v.committed
	if err := s.artefacts(seen, errorPage); err != nil {
		return nil, err
	}
	if err := s.certificates(nav); err != nil {
		return nil, err
	}
	if seen {
		if err := s.licence(); err != nil {
			return nil, err
		}
	} else {
		s.next()
	}
	s.bodies.wait()
	s.filter.sync()
	s.rec.stop(s.filter.address)
	ended := time.Now()
	if err := s.recording(); err != nil {
		return nil, err
	}
	hashing.Wait()
	if hashErr != nil {
		return nil, hashErr
	}
	if err := s.alive(ctx); err != nil {
		return nil, err
	}

	s.res.Ended = ended.UTC()
	s.res.Tool = "zheng capture/" + s.opts.ToolVersion + " " + s.browser.version()
	s.res.ToolSHA256 = s.browser.sha256
	s.decide(nav)
	if err := s.webArchive(); err != nil {
		return nil, err
	}
	if err := s.consoleLog(); err != nil {
		return nil, err
	}
	if err := s.networkLogs(); err != nil {
		return nil, err
	}
	if err := s.requestLog(); err != nil {
		return nil, err
	}
	s.decide(nav) // again: the last files may be what is missing
	if err := s.environment(started, ended); err != nil {
		return nil, err
	}
	if err := s.summary(); err != nil {
		return nil, err
	}
	s.opts.Progress("done", len(steps), len(steps))
	return &s.res, nil
}

// alive fails when the caller gave up or the browser ended by itself: what
// came after that is no observation of the page.
func (s *session) alive(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.browser.ctx.Err() != nil {
		return errors.New("the browser ended during the capture")
	}
	return nil
}

// listen is told every event of the tab, in order, and must not block.
func (s *session) listen(ev any) {
	s.rec.listen(ev)
	s.console.listen(ev)
	switch ev := ev.(type) {
	case *fetch.EventRequestPaused:
		if ev.Request.URL == encoderURL && s.rec.isStopped() {
			go s.fulfil(ev)
			return
		}
		redirects := s.guard.hop(ev.NetworkID)
		go s.admit(ev, redirects)
	case *page.EventScreencastFrame:
		at := time.Now()
		if ev.Metadata != nil && ev.Metadata.Timestamp > 0 {
			at = wallTime(ev.Metadata.Timestamp)
		}
		s.cast.add(at, ev.Data)
		go cdp.Call(s.browser.ctx, s.browser.tab, page.ScreencastFrameAck, page.ScreencastFrameAckParams{SessionID: ev.SessionID})
	case *network.EventLoadingFinished:
		if h := s.rec.finished(ev.RequestID); h != nil {
			s.bodies.fetch(s.browser.ctx, s.browser.tab, ev.RequestID, h)
		}
	case *page.EventJavascriptDialogOpening:
		// Nobody is there to answer, and the page waits for one.
		go cdp.Call(s.browser.ctx, s.browser.tab, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: false})
	}
}

// admit lets a request go or refuses it. Errors mean that the tab is gone.
func (s *session) admit(ev *fetch.EventRequestPaused, redirects int) {
	b := s.browser
	if r := s.guard.check(ev.Request.URL, redirects); r != nil {
		s.rec.note(r.text)
		cdp.Call(b.ctx, b.tab, fetch.FailRequest, fetch.FailRequestParams{RequestID: ev.RequestID, ErrorReason: r.reason})
		return
	}
	cdp.Call(b.ctx, b.tab, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: ev.RequestID})
}

// prepare sets up the tab before the first request. A step that fails fails
// the capture: without it the page would be loaded in another way than reported.
func (s *session) prepare() error {
	ctx, cancel := context.WithTimeout(s.browser.ctx, startTimeout)
	defer cancel()
	t := s.browser.tab
	tree, err := cdp.Call(ctx, t, page.GetFrameTree, cdp.Empty{})
	if err != nil {
		return err
	}
	s.frame = tree.FrameTree.Frame.ID
	s.rec.start(s.frame, tree.FrameTree.Frame.LoaderID)
	perBody := min(int64(maxBody), s.opts.MaxBytes)
	if _, err := cdp.Call(ctx, t, network.Enable, network.EnableParams{
		MaxTotalBufferSize: &s.opts.MaxBytes, MaxResourceBufferSize: &perBody, MaxPostDataSize: &perBody,
	}); err != nil {
		return err
	}
	if _, err := cdp.Call(ctx, t, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true}); err != nil {
		return err
	}
	if _, err := cdp.Call(ctx, t, network.SetBypassServiceWorker, network.SetBypassServiceWorkerParams{Bypass: true}); err != nil {
		return err
	}
	if _, err := cdp.Call(ctx, t, runtime.Enable, cdp.Empty{}); err != nil {
		return err
	}
	if _, err := cdp.Call(ctx, t, cdplog.Enable, cdp.Empty{}); err != nil {
		return err
	}
	if _, err := cdp.Call(ctx, t, security.Enable, cdp.Empty{}); err != nil {
		return err
	}
	if s.opts.InsecureOK {
		// Unlike the command line switch, this keeps the browser's verdict.
		if _, err := cdp.Call(ctx, t, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true}); err != nil {
			return err
		}
	}
	if _, err := chromedp.CallBrowser(ctx, cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{
		Behavior: cdpbrowser.SetDownloadBehaviorBehaviorDeny,
	}); err != nil {
		return err
	}
	if _, err := cdp.Call(ctx, t, fetch.Enable, fetch.EnableParams{}); err != nil {
		return err
	}
	return chromedp.Do(ctx, chromedp.EmulateViewport(int64(s.opts.ViewportW), int64(s.opts.ViewportH)))
}

// passed is told what the filter does.
func (s *session) passed(e filter.Event) {
	if e.Kind == filter.Refused {
		s.rec.note(e.Reason)
	}
}

// navigate loads the page and waits until it is there. Its error says why no
// document, or not all of it, came.
func (s *session) navigate() error {
	ctx, cancel := context.WithTimeout(s.browser.ctx, s.opts.Timeout)
	defer cancel()
	t := s.browser.tab
	res, err := cdp.Call(ctx, t, page.Navigate, page.NavigateParams{URL: s.url.String()})
	switch {
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("no response after %v", s.opts.Timeout)
	case err != nil:
		return err
	case res.ErrorText != "":
		s.awaitErrorPage()
		return errors.New(res.ErrorText)
	}

	var loadedAt time.Time
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		v := s.rec.view()
		switch {
		case v.overLimit:
			s.missing = append(s.missing, fmt.Sprintf("stopped loading after %d bytes", s.opts.MaxBytes))
			s.stopLoading()
			return nil
		case !v.loaded:
			loadedAt = time.Time{}
		case loadedAt.IsZero():
			loadedAt = time.Now()
		case v.quiet >= quietTime || time.Since(loadedAt) >= settleTime:
			return nil
		}
		select {
		case <-ctx.Done():
			if v.loaded {
				return nil
			}
			s.missing = append(s.missing, fmt.Sprintf("not loaded completely after %v", s.opts.Timeout))
			s.stopLoading()
			return nil
		case <-tick.C:
		}
	}
}

// awaitErrorPage waits for the page with which the browser explains an error.
// It comes a moment after the error itself; the capture does not depend on it.
func (s *session) awaitErrorPage() {
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline) && !s.rec.view().loaded; {
		time.Sleep(20 * time.Millisecond)
	}
}

// stopLoading keeps what has come so far. Should it fail, the artefacts show.
func (s *session) stopLoading() {
	ctx, cancel := context.WithTimeout(s.browser.ctx, 5*time.Second)
	defer cancel()
	cdp.Call(ctx, s.browser.tab, page.StopLoading, cdp.Empty{})
}

// artefacts takes what can be seen of the page: everything when seen, only a
// picture of the browser's own error page when errorPage. It returns only
// errors of writing.
func (s *session) artefacts(seen, errorPage bool) error {
	ctx, cancel := context.WithTimeout(s.browser.ctx, s.opts.Timeout)
	defer cancel()
	type artefact struct {
		name, role, media string
		take              func(context.Context) ([]byte, error)
	}
	all := []artefact{
		{"viewport.png", "viewport", "image/png", s.viewport},
		{"page.png", "screenshot", "image/png", s.screenshot},
		{"page.mhtml", "mhtml", "multipart/related", s.mhtml},
		{"page.pdf", "pdf", "application/pdf", s.pdf},
		{"text.txt", "text", "text/plain; charset=utf-8", s.text},
		{"page.html", "html", "text/html; charset=utf-8", s.html},
		{"cookies.json", "cookies", "application/json", s.cookies},
	}
	for i, a := range all {
		s.next()
		if !seen {
			if i > 0 || !errorPage {
				continue
			}
			a.name, a.role = "error.png", "error_page"
		}
		b, err := a.take(ctx)
		if err == nil {
			_, err = s.out.write(a.name, a.role, a.media, b)
			if err != nil && !errors.Is(err, errOutputLimit) {
				return err
			}
		}
		if err != nil && seen {
			s.missing = append(s.missing, fmt.Sprintf("%s: %v", a.name, err))
		}
	}
	return nil
}

// screenshot takes the whole page, not only what the window shows.
func (s *session) screenshot(ctx context.Context) ([]byte, error) {
	m, err := cdp.Call(ctx, s.browser.tab, page.GetLayoutMetrics, cdp.Empty{})
	if err != nil {
		return nil, err
	}
	w := max(math.Ceil(m.CSSContentSize.Width), float64(s.opts.ViewportW))
	h := max(math.Ceil(m.CSSContentSize.Height), float64(s.opts.ViewportH))
	if w > maxPixels || h > maxPixels {
		s.missing = append(s.missing, fmt.Sprintf("the page has %.0f x %.0f pixels; the screenshot ends at %d", w, h, maxPixels))
	}
	beyond, fast := true, true
	r, err := cdp.Call(ctx, s.browser.tab, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Format:                page.CaptureScreenshotFormatPng,
		OptimizeForSpeed:      &fast,
		CaptureBeyondViewport: &beyond,
		Clip:                  &page.Viewport{Width: min(w, maxPixels), Height: min(h, maxPixels), Scale: 1},
	})
	return r.Data, err
}

func (s *session) mhtml(ctx context.Context) ([]byte, error) {
	r, err := cdp.Call(ctx, s.browser.tab, page.CaptureSnapshot, page.CaptureSnapshotParams{Format: page.CaptureSnapshotFormatMhtml})
	return []byte(r.Data), err
}

func (s *session) pdf(ctx context.Context) ([]byte, error) {
	return chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4), chromedp.PDFPrintBackground(), chromedp.PDFStream())(ctx, s.browser.tab)
}

// text reads title and visible text.
func (s *session) text(ctx context.Context) ([]byte, error) {
	if err := s.evaluate(ctx, "document.title", &s.res.Title); err != nil {
		return nil, err
	}
	text, err := s.visibleText(ctx)
	if err == nil {
		s.challenge(ctx, text)
	}
	return text, err
}

// certificates writes the chain of the main document's connection and judges it.
func (s *session) certificates(nav error) error {
	s.next()
	v := s.rec.view()
	host, origin := s.url.Hostname(), s.url.Scheme+"://"+s.url.Host
	if u, err := url.Parse(v.url); err == nil && u.Scheme == "https" && nav == nil {
		host, origin = u.Hostname(), u.Scheme+"://"+u.Host
	} else if v.docHop != nil && nav == nil {
		if u, err := url.Parse(v.docHop.URL); err == nil {
			host, origin = u.Hostname(), u.Scheme+"://"+u.Host
		}
	}
	browserErr := v.certErr
	if nav != nil && strings.Contains(nav.Error(), "ERR_CERT_") {
		browserErr = nav.Error()
	}
	if !strings.HasPrefix(origin, "https://") {
		s.env.add("certificate", envNA, "plain HTTP: nothing authenticates the server", "")
		return nil
	}

	var chain []*x509.Certificate
	rep := tlsReport{Host: host, Chain: []tlsCert{}, Source: "connection of the browser, by Network.getCertificate"}
	ctx, cancel := context.WithTimeout(s.browser.ctx, s.opts.Timeout)
	defer cancel()
	r, err := cdp.Call(ctx, s.browser.tab, network.GetCertificate, network.GetCertificateParams{Origin: origin})
	if err == nil {
		table := r.TableNames
		if len(table) == 0 && browserErr != "" {
			table = v.certChain
			rep.Source = "connection that the browser refused, by Security.visibleSecurityState"
		}
		chain, err = parseChain(table)
	}
	if err != nil {
		s.missing = append(s.missing, fmt.Sprintf("certificates: %v", err))
	}
	if err := s.probe(origin, host, chain); err != nil {
		return err
	}
	for i, c := range chain {
		name := fmt.Sprintf("tls/%02d.der", i)
		if _, err := s.out.write(name, "tls_certificate", "application/pkix-cert", c.Raw); err != nil {
			return err
		}
		rep.addCert(name, c)
	}
	if v.doc != nil && v.doc.SecurityDetails != nil {
		rep.addConnection(v.doc.SecurityDetails)
		if v.doc.SecurityState == security.StateInsecure && browserErr == "" {
			browserErr = "the browser calls the connection insecure"
		}
	}
	verdict, problem := judge(chain, host, s.res.Started, s.opts.ExtraRootCAs, browserErr)
	s.res.Certificate, rep.Certificate = verdict, verdict
	if problem != nil {
		rep.Problem = problem.Error()
	}
	switch verdict {
	case CertTrusted:
		s.env.check("certificate", true, "verified by the browser with its own roots", "verified")
	case CertExtraRoot:
		s.env.check("certificate", true, "verified with the extra root of the operator "+spkiList(s.opts.ExtraRootCAs)+", not with the browser's roots", "verified")
	case CertBad:
		s.env.check("certificate", false, rep.Problem, "verified")
	case CertNone:
		s.env.add("certificate", envNA, "no TLS connection came about", "verified")
		return nil
	}
	_, err = s.out.writeJSON("tls/tls.json", "tls", &rep)
	return err
}

func (s *session) requestLog() error {
	s.next()
	b, err := s.rec.lines()
	if err != nil {
		return err
	}
	_, err = s.out.write("net.jsonl", "net", "application/jsonl", b)
	if errors.Is(err, errOutputLimit) {
		s.missing = append(s.missing, err.Error())
		return nil
	}
	if n := s.rec.view().dropped; n > 0 {
		s.missing = append(s.missing, fmt.Sprintf("net.jsonl lacks %d requests", n))
	}
	return err
}

// barred says why the filter did not let the document of a URL through, by a rule
// or because there was no way to its server; both are empty when it did.
func (s *session) barred(rawURL string) (refused, failed string) {
	host := hostOf(rawURL)
	for _, e := range s.filter.log() {
		if !strings.EqualFold(e.Host, host) {
			continue
		}
		switch e.Kind {
		case filter.Refused:
			refused = e.Reason
		case filter.Failed:
			failed = e.Reason
		}
	}
	return refused, failed
}

// decide sets the outcome from everything seen.
func (s *session) decide(nav error) {
	v := s.rec.main()
	r := &s.res
	if v.doc != nil {
		r.HTTPStatus = int(v.doc.Status)
	}
	if v.docHop != nil {
		r.RemoteIP, _ = netip.ParseAddr(v.docHop.RemoteIP)
	}
	if v.committed && nav == nil {
		r.FinalURL = v.url
	}
	refused, failed := s.barred(v.mainURL)
	switch {
	case nav != nil && refused != "":
		r.Outcome, r.Reason = Blocked, refused
	case nav != nil && strings.Contains(nav.Error(), "ERR_BLOCKED_BY_CLIENT"):
		r.Outcome, r.Reason = Blocked, strings.Join(append(v.notes, nav.Error()), "; ")
	case nav != nil:
		why := append(v.notes, nav.Error())
		if failed != "" {
			why = append(why, failed)
		}
		r.Outcome, r.Reason = Failed, strings.Join(why, "; ")
	case !v.committed:
		r.Outcome, r.Reason = Failed, "no document came"
	case r.Certificate == CertBad && !s.opts.InsecureOK:
		r.Outcome, r.Reason = Failed, "the certificate does not verify"
	case slices.Contains([]int{401, 403, 407, 429, 451}, r.HTTPStatus):
		r.Outcome, r.Reason = Blocked, fmt.Sprintf("the server answered %d", r.HTTPStatus)
	case r.HTTPStatus >= 500:
		r.Outcome, r.Reason = Failed, fmt.Sprintf("the server answered %d", r.HTTPStatus)
	case s.barredByPage:
		r.Outcome, r.Reason = Blocked, "the page tests its visitor or turns it away: "+strings.Join(r.Signs, "; ")
	case len(s.missing) > 0 || len(v.notes) > 0:
		r.Outcome, r.Reason = Partial, strings.Join(append(s.missing, v.notes...), "; ")
	default:
		r.Outcome = Complete
	}
}

// clock writes what the time servers said, and judges this machine's clock.
func (s *session) clock() error {
	if s.clocks == nil {
		s.env.clockOffset(nil)
		return nil
	}
	all := <-s.clocks // bounded by clockTime
	s.env.clockOffset(all)
	_, err := s.out.writeJSON("clock.json", "clock", all)
	return err
}

// environment writes env.json.
func (s *session) environment(started, ended time.Time) error {
	s.next()
	v, e := s.rec.main(), s.env
	e.addBrowser(s.browser, spkiList(s.opts.ExtraRootCAs))
	e.addClock(clockStep(started, ended))
	if err := s.clock(); err != nil {
		return err
	}
	e.hostsFile("/etc/hosts", s.url.Hostname())
	if v.doc != nil {
		if d, err := serverDate(v.doc.Headers); err == nil {
			e.add("clock_server", envNA, fmt.Sprintf("the server's Date is %v from ours", d.Sub(responseTime(v.doc)).Round(time.Second)), "")
		}
	}
	e.check("cache", v.cached == 0, v.cached, "0 responses from a cache")
	e.addresses(v.remoteIPs, s.opts)
	e.add("remote_ip", envNA, s.res.RemoteIP, "")
	e.dns(s.filter.log(), s.url.Hostname(), s.filter.address(s.url.Hostname()))
	e.add("final_url", envNA, s.res.FinalURL, s.opts.URL)
	e.add("dialogs", envNA, v.dialogs, "")
	e.check("service_worker", true, "requests of the page are not answered by one", "bypassed")
	e.transparency(v.doc)
	e.machine(s.opts, s.opts.OutDir)
	e.publicAddress(s.browser.ctx, s.opts.AddressService)
	e.point(s.out.files)
	e.close()
	f, err := s.out.writeJSON("env.json", "env", e)
	s.res.EnvSHA256, s.res.EnvResult = f.SHA256, e.Result
	return err
}
