package capture

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"runtime/debug"
	"time"
)

// Method names this way of capturing in a statement.
const Method = "chromium_headless_cdp"

// Outcome says how much of the page a capture holds.
type Outcome string

const (
	// Complete: everything the server served was captured. The HTTP status
	// may still be 404: that a page is gone is a finding like any other.
	Complete Outcome = "COMPLETE"
	// Partial: the page was seen, but something is missing: it did not finish
	// loading, an artefact failed, or a limit cut it off.
	Partial Outcome = "PARTIAL"
	// Blocked: the server refused to serve this client (401, 403, 407, 429,
	// 451), answered with a captcha or a page that turns visitors away, or this package refused an address (see Options.AllowPrivate).
	Blocked Outcome = "BLOCKED"
	// Failed: no page of the site was obtained: name, connection, time-out,
	// certificate, too many redirects, or a 5xx status.
	Failed Outcome = "FAILED"
)

// Certificate says what authenticated the server of the main document.
type Certificate string

const (
	// CertNone: no TLS certificate was seen, as with plain HTTP.
	CertNone Certificate = "none"
	// CertTrusted: the browser verified the chain against its own root store.
	CertTrusted Certificate = "trusted"
	// CertExtraRoot: the browser was told to accept the chain, and this
	// package verified it against Options.ExtraRootCAs.
	CertExtraRoot Certificate = "extra_root"
	// CertBad: verification failed.
	CertBad Certificate = "bad"
)

// Values of Options.Cookies.
const (
	CookiesRedacted = "redacted"
	CookiesKept     = "kept"
)

// Errors of Page that callers branch on.
var (
	// ErrNoBrowser: no Chromium was found or given.
	ErrNoBrowser = errors.New("no Chromium or Chrome found: install it (Debian, Ubuntu: apt-get install chromium; " +
		"Fedora: dnf install chromium; macOS: brew install --cask chromium) or name the browser's path")
	// ErrURL: the URL is not one that can be captured.
	ErrURL = errors.New("not a URL that can be captured")
)

// maxResolvers bounds Options.Resolvers and Options.TimeServers.
const maxResolvers = 16

// Options says what to capture and how.
type Options struct {
	// URL is the page: http or https, with a host and without user name or
	// password (they would become part of the evidence).
	URL string
	// OutDir receives the artefacts. It is created if needed. A file already
	// there under the name of an artefact is an error, never overwritten.
	OutDir string
	// Browser is the path of the browser or a name in PATH. Empty: the first
	// of chromium, chromium-browser, google-chrome, google-chrome-stable in PATH.
	Browser string
	// Timeout bounds loading, from navigation to a quiet network; 0 means 60 s.
	// Taking the artefacts has the same time again, so that a page that never
	// finishes is still captured as far as it came.
	Timeout time.Duration
	// ViewportW and ViewportH are in CSS pixels; 0 means 1280 and 800.
	ViewportW, ViewportH int
	// InsecureOK goes on when the certificate does not verify. The result is
	// labelled CertBad and the environment "fail" all the same.
	InsecureOK bool
	// ExtraRootCAs are trusted besides the browser's roots, for servers with
	// a private authority. The server must send the root in its chain, or be
	// self-signed with it. See the package documentation for what this means.
	ExtraRootCAs []*x509.Certificate `json:"-"`
	// AllowPrivate permits loopback, private, link-local and other
	// special-purpose addresses. Without it a page cannot make this machine
	// talk to its own network.
	AllowPrivate bool
	// AllowNets are networks of such addresses that may be reached.
	AllowNets []netip.Prefix
	// Resolvers are DNS servers, as address and port, that are all asked for every
	// host; the answer of the first that has one is used. Empty: the resolver of
	// this machine.
	Resolvers []string
	// MaxBytes bounds what the page may download (decoded) and, separately,
	// what is written to OutDir; 0 means 256 MiB. Twice as much may go over the
	// network before it is cut.
	MaxBytes int64
	// MaxRedirects bounds the HTTP redirects of one request; 0 means 10.
	MaxRedirects int
	// TimeServers are asked for the time while the page loads: host or host:port by
	// SNTP, an http or https URL by the Date of its answer. They are the
	// operator's, and are not asked through the filter.
	TimeServers []string
	// AddressService is an http or https URL that answers with the address that it is
	// asked from, as text. It is the operator's choice, and not asked through the filter.
	AddressService string
	// Steps are done after URL was loaded, before anything is taken.
	Steps []Step
	// Licence is the page of the shop's business licence, taken after the page
	// itself: a URL, or the CSS selector of a link to it.
	Licence string
	// NoRecording leaves the recording of the window out.
	NoRecording bool
	// Note is shown at the beginning of the recording, such as the hash of a block
	// that is not older than it.
	Note string
	// Cookies says whether values of cookies and credentials in headers become
	// part of the evidence: CookiesRedacted, which is the default, or
	// CookiesKept.
	Cookies string
	// ToolVersion is named in Result.Tool. Empty: the version of the main
	// module of the running program.
	ToolVersion string
	// Progress, if set, is told before each of total steps how many are done,
	// and once more at the end with done == total. It must return quickly.
	Progress func(step string, done, total int) `json:"-"`
}

// withDefaults returns o with zero fields filled in, and its parsed URL.
func (o Options) withDefaults() (Options, *url.URL, error) {
	u, err := url.Parse(o.URL)
	switch {
	case err != nil:
		return o, nil, fmt.Errorf("%w: %w", ErrURL, err)
	case u.Scheme != "http" && u.Scheme != "https":
		return o, nil, fmt.Errorf("%w: scheme %q, want http or https", ErrURL, u.Scheme)
	case u.Hostname() == "":
		return o, nil, fmt.Errorf("%w: no host", ErrURL)
	case u.User != nil:
		return o, nil, fmt.Errorf("%w: it holds a user name or password", ErrURL)
	case len(o.Resolvers) > maxResolvers:
		return o, nil, fmt.Errorf("%d resolvers; the limit is %d", len(o.Resolvers), maxResolvers)
	case len(o.TimeServers) > maxResolvers:
		return o, nil, fmt.Errorf("%d time servers; the limit is %d", len(o.TimeServers), maxResolvers)
	case o.OutDir == "":
		return o, nil, errors.New("no output directory given")
	case o.Cookies != "" && o.Cookies != CookiesRedacted && o.Cookies != CookiesKept:
		return o, nil, fmt.Errorf("unknown policy on cookies %q", o.Cookies)
	case o.Timeout < 0 || o.ViewportW < 0 || o.ViewportH < 0 || o.MaxBytes < 0 || o.MaxRedirects < 0:
		return o, nil, errors.New("negative capture limit")
	}
	if err := checkSteps(o.Steps); err != nil {
		return o, nil, err
	}
	if o.AddressService != "" {
		if u, err := url.Parse(o.AddressService); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return o, nil, fmt.Errorf("address service %q: want an http or https URL", o.AddressService)
		}
	}
	for _, t := range o.TimeServers {
		if err := checkTimeServer(t); err != nil {
			return o, nil, err
		}
	}
	for _, r := range o.Resolvers {
		if _, err := netip.ParseAddrPort(r); err != nil {
			return o, nil, fmt.Errorf("resolver %q: want an address and a port", r)
		}
	}
	if o.Timeout == 0 {
		o.Timeout = 60 * time.Second
	}
	if o.ViewportW == 0 {
		o.ViewportW = 1280
	}
	if o.ViewportH == 0 {
		o.ViewportH = 800
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 256 << 20
	}
	if o.MaxRedirects == 0 {
		o.MaxRedirects = 10
	}
	if o.Cookies == "" {
		o.Cookies = CookiesRedacted
	}
	if o.ToolVersion == "" {
		o.ToolVersion = "unknown"
		if bi, ok := debug.ReadBuildInfo(); ok && bi.Main.Version != "" {
			o.ToolVersion = bi.Main.Version
		}
	}
	if o.Progress == nil {
		o.Progress = func(string, int, int) {}
	}
	if o.Browser, err = findBrowser(o.Browser); err != nil {
		return o, nil, err
	}
	return o, u, nil
}

// Result is what a capture saw. Everything in it, except Warnings, is also in
// capture.json.
type Result struct {
	URL         string      // as asked
	FinalURL    string      // of the document captured, after redirects; empty when there was none
	Title       string      // of the document
	Outcome     Outcome     //
	Reason      string      // why Outcome is not COMPLETE, for people
	HTTPStatus  int         // of the main document; 0 when no response came
	RemoteIP    netip.Addr  // of the main document's server; zero when unknown
	Certificate Certificate //

	Started, Ended time.Time // by this machine's clock, UTC

	Method     string   // constant Method
	Tool       string   // "zheng capture/<version> chromium/<version>"
	ToolSHA256 [32]byte // of the browser's executable file
	Signs      []string // that the page is a captcha, or turns its visitor away; see challenge.go
	Perceptual string   // hash of what the window showed, 16 hex digits: see perceptual
	EnvSHA256  [32]byte // of env.json
	EnvResult  string   // "ok" or "fail", see env.json

	Files    []File   // in the order written; names are relative to OutDir, with slashes
	Warnings []string // for the person at the screen
}

// File is one artefact, hashed in process while it was written.
type File struct {
	Name   string
	Role   string // what it is: screenshot, mhtml, pdf, text, net, tls_certificate, tls, error_page, env, summary
	Media  string // MIME type
	Bytes  int64
	SHA256 [32]byte
	SM3    [32]byte
}

// Page captures one page. The error is not nil only when the browser could not
// be run, an artefact could not be written, the options are invalid or ctx
// ended; everything that goes wrong with the page itself is in Result.Outcome.
// Whatever happens, the browser and its profile are gone when Page returns.
func Page(ctx context.Context, o Options) (*Result, error) {
	o, u, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("capture: %w", err)
	}
	out, err := newOutput(o.OutDir, o.MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("capture: %w", err)
	}
	defer out.close()
	s := &session{opts: o, url: u, out: out, env: &report{}}
	res, err := s.run(ctx)
	if err != nil {
		if cerr := ctx.Err(); cerr != nil {
			err = cerr // whatever failed last failed because the caller gave up
		}
		return nil, fmt.Errorf("capture %s: %w", o.URL, err)
	}
	return res, nil
}

// stamp is the form of times in the artefacts: RFC 3339, UTC, milliseconds.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
