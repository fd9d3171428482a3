package capture

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/network"
)

// special are the blocks of the IANA special-purpose address registries that
// netip's predicates do not cover, and IPv6 transition blocks that can carry a
// private IPv4 address.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),       // this network, RFC 791
	netip.MustParsePrefix("100.64.0.0/10"),   // shared address space, RFC 6598
	netip.MustParsePrefix("192.0.0.0/24"),    // IETF protocol assignments, RFC 6890
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation, RFC 5737
	netip.MustParsePrefix("192.88.99.0/24"),  // 6to4 relay, RFC 7526
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarking, RFC 2544
	netip.MustParsePrefix("198.51.100.0/24"), // documentation, RFC 5737
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation, RFC 5737
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved and broadcast, RFC 1112
	netip.MustParsePrefix("64:ff9b:1::/48"),  // local NAT64, RFC 8215
	netip.MustParsePrefix("100::/64"),        // discard, RFC 6666
	netip.MustParsePrefix("2001::/23"),       // IETF protocol assignments with Teredo, RFC 2928
	netip.MustParsePrefix("2001:db8::/32"),   // documentation, RFC 3849
	netip.MustParsePrefix("2002::/16"),       // 6to4, RFC 3056
	netip.MustParsePrefix("3fff::/20"),       // documentation, RFC 9637
	netip.MustParsePrefix("fec0::/10"),       // site-local, RFC 3879
}

// nat64 embeds an IPv4 address in its last four bytes (RFC 6052).
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// public tells whether ip is an address of the public internet.
func public(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if nat64.Contains(ip) {
		b := ip.As16()
		return public(netip.AddrFrom4([4]byte(b[12:])))
	}
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	for _, p := range special {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}

// guard decides which requests of the page may leave the browser. It sees a
// request before it is sent; that the browser then connects to an address the
// guard looked up is checked afterwards, in recorder.
type guard struct {
	allowPrivate bool
	maxRedirects int

	mu    sync.Mutex
	hosts map[string]*lookup
	hops  map[network.RequestID]int // redirects followed so far
}

// lookup is the resolution of one host name, made once.
type lookup struct {
	once  sync.Once
	addrs []netip.Addr
	err   error
}

func newGuard(o Options) *guard {
	return &guard{
		allowPrivate: o.AllowPrivate,
		maxRedirects: o.MaxRedirects,
		hosts:        map[string]*lookup{},
		hops:         map[network.RequestID]int{},
	}
}

// resolve returns the addresses of host by the resolver of this machine.
func (g *guard) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	g.mu.Lock()
	l := g.hosts[host]
	if l == nil {
		l = &lookup{}
		g.hosts[host] = l
	}
	g.mu.Unlock()
	l.once.Do(func() {
		if ip, err := netip.ParseAddr(host); err == nil {
			l.addrs = []netip.Addr{ip}
			return
		}
		l.addrs, l.err = net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		for i := range l.addrs {
			l.addrs[i] = l.addrs[i].Unmap()
		}
	})
	return l.addrs, l.err
}

// refusal is why a request may not be sent.
type refusal struct {
	reason network.ErrorReason // what the page is told
	text   string              // what the result says
	policy bool                // refused by a rule of this package; otherwise the request is impossible
}

// check returns nil when the request may be sent. redirects is the number of
// redirects that led to it.
func (g *guard) check(ctx context.Context, rawURL string, redirects int) *refusal {
	u, err := url.Parse(rawURL)
	if err != nil {
		return &refusal{network.ErrorReasonBlockedByClient, "request for an unreadable URL", true}
	}
	switch u.Scheme {
	case "http", "https":
	case "data", "blob", "about":
		return nil // no network behind them
	default:
		return &refusal{network.ErrorReasonBlockedByClient, fmt.Sprintf("request with scheme %q refused", u.Scheme), true}
	}
	if redirects > g.maxRedirects {
		return &refusal{network.ErrorReasonFailed, fmt.Sprintf("more than %d redirects", g.maxRedirects), true}
	}
	if g.allowPrivate {
		return nil
	}
	addrs, err := g.resolve(ctx, u.Hostname())
	if err != nil {
		return &refusal{network.ErrorReasonNameNotResolved, fmt.Sprintf("host name not resolved: %v", err), false}
	}
	for _, ip := range addrs {
		if !public(ip) {
			return &refusal{network.ErrorReasonBlockedByClient, fmt.Sprintf("%s has the address %v, which is not on the public internet", u.Hostname(), ip), true}
		}
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

// parseRemoteIP reads the address form of the protocol, with IPv6 in brackets.
func parseRemoteIP(s string) netip.Addr {
	ip, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return ip.Unmap()
}
