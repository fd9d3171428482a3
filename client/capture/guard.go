package capture

import (
	"fmt"
	"net/url"
	"sync"

	"github.com/chromedp/cdproto/network"
)

// guard decides which requests of the page may leave the browser, before they are
// sent. Which addresses may be reached is for the filter.
type guard struct {
	maxRedirects int

	mu   sync.Mutex
	hops map[network.RequestID]int // redirects followed so far
}

func newGuard(o Options) *guard {
	return &guard{maxRedirects: o.MaxRedirects, hops: map[network.RequestID]int{}}
}

// refusal is why a request may not be sent.
type refusal struct {
	reason network.ErrorReason // what the page is told
	text   string              // what the result says
}

// check returns nil when the request may be sent. redirects is the number of
// redirects that led to it.
func (g *guard) check(rawURL string, redirects int) *refusal {
	u, err := url.Parse(rawURL)
	if err != nil {
		return &refusal{network.ErrorReasonBlockedByClient, "request for an unreadable URL"}
	}
	switch u.Scheme {
	case "http", "https":
	case "data", "blob", "about":
		return nil // no network behind them
	default:
		return &refusal{network.ErrorReasonBlockedByClient, fmt.Sprintf("request with scheme %q refused", u.Scheme)}
	}
	if redirects > g.maxRedirects {
		return &refusal{network.ErrorReasonFailed, fmt.Sprintf("more than %d redirects", g.maxRedirects)}
	}
	return nil
}

// hop counts the requests that share the network id and returns how many came
// before this one: the browser keeps the id over redirects.
func (g *guard) hop(id network.RequestID) int {
	if id == "" {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	n := g.hops[id]
	g.hops[id]++
	return n
}
