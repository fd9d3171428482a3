package capture

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// maxBody is the longest body of one response that is kept.
const maxBody = 64 << 20

// Why a body is not in the web archive, as WARC-Truncated says it.
const (
	bodyLength      = "length"      // over a limit
	bodyUnspecified = "unspecified" // the browser does not have it, or not to the end
)

// A wire is what one hop sent and received, for the web archive. All but the body
// belongs to the recorder's lock; the body is written before bodies.wait returns.
type wire struct {
	sentHeaders, gotHeaders [][2]string
	sent                    []byte // body of the request
	sentCut                 bool   // not all of it is known
	statusText              string
	body                    []byte
	cut                     string // why body is not whole; empty: it is
}

// bodies fetches the bodies of responses as soon as they are there: when the tab
// goes on to another page, the browser forgets them.
type bodies struct {
	wg   sync.WaitGroup
	free chan struct{} // one for each fetch that may run

	mu   sync.Mutex
	left int64
}

func newBodies(max int64) *bodies {
	return &bodies{free: make(chan struct{}, 4), left: max}
}

// fetch gets the body of a request whose last hop is h, in its own time.
func (b *bodies) fetch(ctx context.Context, tab *chromedp.Target, id network.RequestID, h *hop) {
	b.wg.Go(func() {
		b.free <- struct{}{}
		defer func() { <-b.free }()
		r, err := cdp.Call(ctx, tab, network.GetResponseBody, network.GetResponseBodyParams{RequestID: id})
		b.mu.Lock()
		defer b.mu.Unlock()
		switch n := int64(len(r.Body)); {
		case err != nil:
			h.wire.cut = bodyUnspecified
		case n > maxBody || n > b.left:
			h.wire.cut = bodyLength
		default:
			h.wire.body, h.wire.cut = r.Body, ""
			b.left -= n
		}
	})
}

// wait returns when no fetch runs.
func (b *bodies) wait() { b.wg.Wait() }

// headerList makes a list of the headers of the protocol, in order of name. It
// joins the values of headers that came more than once by line feeds.
func headerList(h network.Headers) (l [][2]string) {
	for name, value := range h {
		s, ok := value.(string)
		if !ok {
			continue
		}
		for v := range strings.SplitSeq(s, "\n") {
			l = append(l, [2]string{name, v})
		}
	}
	slices.SortStableFunc(l, func(a, b [2]string) int { return strings.Compare(strings.ToLower(a[0]), strings.ToLower(b[0])) })
	return l
}

// headerText reads the header lines of an HTTP/1 message as they came.
func headerText(s string) (l [][2]string) {
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for _, line := range lines[1:] {
		if name, value, ok := strings.Cut(line, ":"); ok {
			l = append(l, [2]string{name, strings.TrimSpace(value)})
		}
	}
	return l
}
