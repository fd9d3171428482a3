package capture

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/security"
)

// maxHops bounds the lines of net.jsonl; further requests are only counted.
const maxHops = 20_000

// hop is one line of net.jsonl: one request and its response. Each redirect
// is a line of its own under the same id.
type hop struct {
	ID            string             `json:"id"`
	Type          string             `json:"type,omitempty"`
	Main          bool               `json:"main,omitempty"` // a document of the top frame
	Method        string             `json:"method"`
	URL           string             `json:"url"`
	At            string             `json:"at"`
	Status        int64              `json:"status,omitempty"`
	MIME          string             `json:"mime,omitempty"`
	Protocol      string             `json:"protocol,omitempty"`
	RemoteIP      string             `json:"remote_ip,omitempty"`
	RemotePort    int64              `json:"remote_port,omitempty"`
	FromCache     bool               `json:"from_cache"`
	ServiceWorker bool               `json:"from_service_worker,omitempty"`
	Security      string             `json:"security,omitempty"` // the browser's security state
	Bytes         int64              `json:"bytes"`              // received, headers included
	DurationMS    float64            `json:"duration_ms,omitempty"`
	TimingMS      map[string]float64 `json:"timing_ms,omitempty"`
	Headers       map[string]any     `json:"headers,omitempty"` // response headers, of main documents only
	Error         string             `json:"error,omitempty"`

	sent    float64 // monotonic seconds of the browser
	started time.Time
	page    string // for which it was loaded
	wire    wire
}

// recorder follows the events of one tab. Its listen method runs on the
// goroutine that reads the browser's messages.
type recorder struct {
	keepCookies bool
	maxBytes    int64

	mu       sync.Mutex
	stopped  bool        // what comes is no longer part of the capture
	frame    cdp.FrameID // the top frame
	initial  cdp.LoaderID
	hops     []*hop
	dropped  int
	open     map[network.RequestID]*hop
	chains   map[network.RequestID]*chain
	page     string    // for which the tab is loading
	frozen   *view     // of the document, once the tab has gone on
	last     time.Time // of the last event of the network
	received int64     // decoded bytes of all bodies

	loader   cdp.LoaderID // of the document in the top frame
	url      string       // of that document
	loaded   cdp.LoaderID // last loader of the top frame that fired load
	doc      *network.Response
	docHop   *hop
	certErr  string   // the browser's certificate error for the visible page
	certs    []string // and the chain it refused, base64 DER
	notes    []string
	dialogs  int
	cached   int
	remoteIP map[netip.Addr]bool
}

func newRecorder(o Options) *recorder {
	return &recorder{
		keepCookies: o.Cookies == CookiesKept,
		maxBytes:    o.MaxBytes,
		open:        map[network.RequestID]*hop{},
		chains:      map[network.RequestID]*chain{},
		page:        "page",
		remoteIP:    map[netip.Addr]bool{},
	}
}

// A chain is the hops of one request id, with what the network stack says of
// each, in order: that may come before or after the hop itself.
type chain struct {
	hops      []*hop
	sent, got [][][2]string
	statuses  []int64
}

// settle gives each hop of c the headers of the wire, where they are known. The
// stack says nothing of redirects that the browser made itself.
func (c *chain) settle() {
	sent, got := 0, 0
	for _, h := range c.hops {
		if h.Status == 307 && h.wire.statusText == "Internal Redirect" {
			continue
		}
		if sent < len(c.sent) {
			h.wire.sentHeaders = c.sent[sent]
			sent++
		}
		if got < len(c.got) && h.Status != 0 && c.statuses[got] == h.Status {
			h.wire.gotHeaders = c.got[got]
			got++
		}
	}
}

// start tells the recorder which frame is the top one and which document,
// about:blank, is in it before the navigation.
func (r *recorder) start(frame cdp.FrameID, initial cdp.LoaderID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.frame, r.initial, r.loader, r.loaded = frame, initial, initial, initial
	r.last = time.Now()
}

func (r *recorder) listen(ev any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return
	}
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		r.last = time.Now()
		r.request(ev)
	case *network.EventResponseReceived:
		r.last = time.Now()
		if h := r.open[ev.RequestID]; h != nil {
			r.response(h, ev.Response)
			if h.Main {
				r.doc, r.docHop = ev.Response, h
			}
		}
	case *network.EventRequestWillBeSentExtraInfo:
		c := r.chain(ev.RequestID)
		c.sent = append(c.sent, headerList(ev.Headers))
	case *network.EventResponseReceivedExtraInfo:
		c, headers := r.chain(ev.RequestID), headerList(ev.Headers)
		if l := headerText(ev.HeadersText); ev.HeadersText != "" && len(l) >= len(headers) {
			headers = l
		}
		c.got, c.statuses = append(c.got, headers), append(c.statuses, ev.StatusCode)
	case *network.EventRequestServedFromCache:
		if h := r.open[ev.RequestID]; h != nil && !h.FromCache {
			h.FromCache = true
			r.cached++
		}
	case *network.EventDataReceived:
		r.last = time.Now()
		r.received += ev.DataLength
	case *network.EventLoadingFinished:
		r.last = time.Now()
		if h := r.open[ev.RequestID]; h != nil {
			h.Bytes = int64(ev.EncodedDataLength)
			r.finish(ev.RequestID, h, float64(ev.Timestamp))
		}
	case *network.EventLoadingFailed:
		r.last = time.Now()
		if h := r.open[ev.RequestID]; h != nil {
			h.Error = ev.ErrorText
			if ev.BlockedReason != "" {
				h.Error += " (" + string(ev.BlockedReason) + ")"
			}
			r.finish(ev.RequestID, h, float64(ev.Timestamp))
		}
	case *page.EventFrameNavigated:
		if ev.Frame.ParentID == "" {
			r.loader, r.url = ev.Frame.LoaderID, ev.Frame.URL+ev.Frame.URLFragment
		}
	case *page.EventNavigatedWithinDocument:
		if ev.FrameID == r.frame {
			r.url = ev.URL
		}
	case *page.EventLifecycleEvent:
		if ev.FrameID == r.frame && ev.Name == "load" {
			r.loaded = ev.LoaderID
		}
	case *page.EventJavascriptDialogOpening:
		r.dialogs++
	case *security.EventVisibleSecurityStateChanged:
		r.certErr, r.certs = "", nil
		if c := ev.VisibleSecurityState.CertificateSecurityState; c != nil {
			r.certErr, r.certs = c.CertificateNetworkError, c.Certificate
		}
	case *network.EventWebSocketCreated:
		r.add(&hop{ID: string(ev.RequestID), Type: "WebSocket", Method: "GET", URL: ev.URL, At: stamp(time.Now())})
	}
}

func (r *recorder) request(ev *network.EventRequestWillBeSent) {
	if strings.HasPrefix(ev.Request.URL, "data:") {
		return // no network behind it, and the URL is the content
	}
	if h := r.open[ev.RequestID]; h != nil && ev.RedirectResponse != nil {
		r.response(h, ev.RedirectResponse)
		h.wire.cut = "" // of a redirect the browser keeps no body
		h.Bytes = int64(ev.RedirectResponse.EncodedDataLength)
		r.finish(ev.RequestID, h, float64(ev.Timestamp))
	}
	h := &hop{
		ID:     string(ev.RequestID),
		Type:   string(ev.Type),
		Main:   ev.Type == network.ResourceTypeDocument && ev.FrameID == r.frame,
		Method: ev.Request.Method,
		URL:    ev.Request.URL + ev.Request.URLFragment,
		At:     stamp(wallTime(ev.WallTime)),
		sent:   float64(ev.Timestamp),
		page:   r.page,
	}
	h.started = startOf(wallTime(ev.WallTime))
	h.wire.sentHeaders = headerList(ev.Request.Headers)
	for _, e := range ev.Request.PostDataEntries {
		h.wire.sent = append(h.wire.sent, e.Bytes...)
	}
	h.wire.sentCut = ev.Request.HasPostData && len(h.wire.sent) == 0
	r.open[ev.RequestID] = h
	if r.add(h) {
		c := r.chain(ev.RequestID)
		c.hops = append(c.hops, h)
	}
}

func (r *recorder) chain(id network.RequestID) *chain {
	c := r.chains[id]
	if c == nil {
		c = new(chain)
		if len(r.chains) < maxHops {
			r.chains[id] = c
		}
	}
	return c
}

// stop ends the recording: the files that are made of it have to agree. address
// says at which address a host was connected to: the browser knows only the
// filter's.
func (r *recorder) stop(address func(host string) netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	for _, h := range r.hops {
		u, err := url.Parse(h.URL)
		if err != nil || h.Status == 0 || h.FromCache {
			continue
		}
		ip := address(u.Hostname())
		port, err := strconv.ParseInt(cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme]), 10, 64)
		if err != nil || !ip.IsValid() {
			continue
		}
		h.RemoteIP, h.RemotePort = ip.String(), port
		r.remoteIP[ip] = true
	}
}

func (r *recorder) isStopped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopped
}

// freeze keeps what is known of the document, because the tab goes on to another
// page, which belongs to the capture under the name given.
func (r *recorder) freeze(next string) {
	v := r.view()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.frozen, r.page = &v, next
}

// main is the view of the document that was captured, wherever the tab is now.
func (r *recorder) main() view {
	v := r.view()
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.frozen; f != nil {
		v.committed, v.loaded, v.url, v.mainURL, v.doc, v.docHop = f.committed, f.loaded, f.url, f.mainURL, f.doc, f.docHop
		v.certErr, v.certChain = f.certErr, f.certChain
	}
	return v
}

// exchanges returns the hops, with the headers of the wire.
func (r *recorder) exchanges() []*hop {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.chains {
		c.settle()
	}
	return r.hops
}

// finished returns the last hop of a request, nil if it is not kept.
func (r *recorder) finished(id network.RequestID) *hop {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.chains[id]; c != nil && len(c.hops) > 0 {
		return c.hops[len(c.hops)-1]
	}
	return nil
}

func (r *recorder) add(h *hop) bool {
	if len(r.hops) == maxHops {
		r.dropped++
		return false
	}
	r.hops = append(r.hops, h)
	return true
}

func (r *recorder) response(h *hop, resp *network.Response) {
	h.Status, h.MIME, h.Protocol = resp.Status, resp.MimeType, resp.Protocol
	h.Security = string(resp.SecurityState)
	h.ServiceWorker = resp.FromServiceWorker
	if (resp.FromDiskCache || resp.FromPrefetchCache) && !h.FromCache {
		h.FromCache = true
		r.cached++
	}
	h.TimingMS = phases(resp.Timing)
	h.wire.statusText, h.wire.gotHeaders = resp.StatusText, headerList(resp.Headers)
	h.wire.cut = bodyUnspecified // until it is fetched
	if h.Main {
		h.Headers = map[string]any{}
		for name, value := range resp.Headers {
			if v, ok := value.(string); ok && !r.keepCookies {
				value = redactHeader(name, v)
			}
			h.Headers[name] = value
		}
	}
}

func (r *recorder) finish(id network.RequestID, h *hop, at float64) {
	h.DurationMS = millis((at - h.sent) * 1000)
	delete(r.open, id)
}

// phases returns the durations of the phases that took place.
func phases(t *network.ResourceTiming) map[string]float64 {
	if t == nil {
		return nil
	}
	m := map[string]float64{}
	for _, p := range []struct {
		name       string
		start, end float64
	}{
		{"dns", t.DNSStart, t.DNSEnd},
		{"connect", t.ConnectStart, t.ConnectEnd},
		{"tls", t.SslStart, t.SslEnd},
		{"send", t.SendStart, t.SendEnd},
		{"wait", t.SendEnd, t.ReceiveHeadersEnd},
	} {
		if p.start >= 0 && p.end >= p.start { // -1 means: did not take place
			m[p.name] = millis(p.end - p.start)
		}
	}
	return m
}

// millis rounds to microseconds: the browser's clock gives no more.
func millis(f float64) float64 { return math.Round(f*1000) / 1000 }

func wallTime(t cdp.TimeSinceEpoch) time.Time {
	return time.UnixMicro(int64(float64(t) * 1e6))
}

func hostOf(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "a server"
	}
	return u.Hostname()
}

// note remembers something that happened to a request, once.
func (r *recorder) note(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.notes {
		if n == s {
			return
		}
	}
	if len(r.notes) < 100 {
		r.notes = append(r.notes, s)
	}
}

// view is the state of a recorder at one moment.
type view struct {
	committed bool // a document other than about:blank is in the top frame
	loaded    bool // and it fired its load event
	quiet     time.Duration
	overLimit bool
	url       string // of the document
	mainURL   string // last asked for in the top frame
	doc       *network.Response
	docHop    *hop
	certErr   string
	certChain []string
	notes     []string
	dialogs   int
	cached    int
	requests  int
	dropped   int
	remoteIPs []netip.Addr
}

func (r *recorder) view() view {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := view{
		committed: r.loader != r.initial,
		url:       r.url,
		doc:       r.doc,
		docHop:    r.docHop,
		overLimit: r.received > r.maxBytes,
		certErr:   r.certErr,
		certChain: r.certs,
		notes:     append([]string(nil), r.notes...),
		dialogs:   r.dialogs,
		cached:    r.cached,
		requests:  len(r.hops) + r.dropped,
		dropped:   r.dropped,
	}
	for _, h := range r.hops {
		if h.Main {
			v.mainURL = h.URL
		}
	}
	v.loaded = v.committed && r.loaded == r.loader
	if len(r.open) == 0 {
		v.quiet = time.Since(r.last)
	}
	for ip := range r.remoteIP {
		v.remoteIPs = append(v.remoteIPs, ip)
	}
	return v
}

// lines returns the contents of net.jsonl.
func (r *recorder) lines() ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	for _, h := range r.hops {
		if err := enc.Encode(h); err != nil {
			return nil, fmt.Errorf("encode request log: %w", err)
		}
	}
	return buf.Bytes(), nil
}
