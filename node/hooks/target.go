package hooks

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"zhenglian/client/capture/filter"
)

// ErrTarget means that events are not sent to an address.
var ErrTarget = errors.New("address is not allowed")

// Bounds of one attempt.
const (
	dialWait = 5 * time.Second
	postWait = 20 * time.Second
)

// A target decides where events may go, and takes them there.
type target struct {
	allow []netip.Prefix
	https *http.Client
	plain *http.Client // to allowed addresses only
}

func newTarget(allow []netip.Prefix) *target {
	t := &target{allow: allow}
	client := func(check func(netip.Addr) error) *http.Client {
		dialer := &net.Dialer{
			Timeout: dialWait,
			// After the name was resolved and before anything is sent: a name that
			// resolves to something else the second time changes nothing.
			Control: func(_, address string, _ syscall.RawConn) error {
				at, err := netip.ParseAddrPort(address)
				if err != nil {
					return err
				}
				return check(at.Addr().Unmap())
			},
		}
		return &http.Client{
			Timeout:       postWait,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				DialContext: dialer.DialContext, TLSHandshakeTimeout: dialWait, ResponseHeaderTimeout: postWait,
				MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 16 << 10,
			},
		}
	}
	t.https, t.plain = client(t.check), client(t.allowed)
	return t
}

// check refuses addresses that are neither public nor allowed.
func (t *target) check(ip netip.Addr) error {
	if filter.Public(ip) {
		return nil
	}
	return t.allowed(ip)
}

func (t *target) allowed(ip netip.Addr) error {
	for _, p := range t.allow {
		if p.Contains(ip) {
			return nil
		}
	}
	return fmt.Errorf("%w: %s", ErrTarget, ip)
}

// validate refuses a URL to which nothing will ever be sent. It resolves the
// name, so that whoever asks learns at once; each connection is checked again.
func (t *target) validate(ctx context.Context, raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "":
		return fmt.Errorf("%w: want https://HOST/PATH", ErrTarget)
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%w: scheme %q", ErrTarget, u.Scheme)
	case u.User != nil:
		return fmt.Errorf("%w: credentials in the address", ErrTarget)
	case u.Fragment != "":
		return fmt.Errorf("%w: a fragment in the address", ErrTarget)
	}
	check := t.check
	if u.Scheme == "http" {
		check = t.allowed
	}
	ctx, cancel := context.WithTimeout(ctx, dialWait)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil {
		if u.Scheme == "http" {
			return fmt.Errorf("%w: http goes to allowed addresses only, and this name has none", ErrTarget)
		}
		return nil // it may be there later
	}
	for _, ip := range addrs {
		if err := check(ip.Unmap().WithZone("")); err != nil {
			if u.Scheme == "http" {
				return fmt.Errorf("%w: use https", err)
			}
			return err
		}
	}
	return nil
}

// client is the one for a URL.
func (t *target) client(u *url.URL) *http.Client {
	if u.Scheme == "http" {
		return t.plain
	}
	return t.https
}
