package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"zhenglian/client/api"
)

// ErrUnreachable: the gateway did not answer.
var ErrUnreachable = errors.New("gateway does not answer")

// IsNotFound reports whether the gateway said that there is no such thing.
func IsNotFound(err error) bool {
	var p *api.Problem
	return errors.As(err, &p) && p.Status == http.StatusNotFound
}

// Config says which gateway to talk to and how patiently.
type Config struct {
	// Gateway is the base URL, such as https://ledger.example.gov.cn. A path
	// in it goes before the paths of the contract.
	Gateway string
	// HTTP sends the requests; nil means a client that gives up connecting
	// after 5 s and waiting for an answer to begin after a minute.
	HTTP *http.Client
	// TLS, if set, is used by the client that HTTP is when it is nil: other
	// authorities, or a certificate of the caller.
	TLS *tls.Config
	// Attempts is how often one request is sent at most; 0 means 5.
	Attempts int
	// MaxPause is the longest pause between two attempts. When the gateway's
	// Retry-After asks for more, its problem is returned instead; 0 means 30 s.
	MaxPause time.Duration
	// Token is sent as the bearer of every request: an API key of the gateway, or a
	// token of an OpenID provider that it accepts. Empty: none.
	Token string
	// UserAgent names the program; empty means "zhenglian-client".
	UserAgent string
}

// A Client talks to one gateway. It is safe for concurrent use.
type Client struct {
	base *url.URL
	conf Config
}

var _ api.Ledger = (*Client)(nil)

// New checks c and returns a client. It sends nothing.
func New(c Config) (*Client, error) {
	u, err := url.Parse(c.Gateway)
	if err != nil {
		return nil, fmt.Errorf("gateway address: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("gateway address %q: want http://HOST[:PORT] or https://HOST[:PORT]", c.Gateway)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	if ip := net.ParseIP(u.Hostname()); c.Token != "" && u.Scheme != "https" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("gateway address %q: a token is sent over https only", c.Gateway)
	}
	if c.HTTP == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		if c.TLS != nil {
			t.TLSClientConfig = c.TLS.Clone()
		}
		t.DialContext = (&net.Dialer{Timeout: 5 * time.Second}).DialContext
		t.ResponseHeaderTimeout = api.MaxWait + 30*time.Second
		c.HTTP = &http.Client{Transport: t}
	}
	if c.Attempts == 0 {
		c.Attempts = 5
	}
	if c.MaxPause == 0 {
		c.MaxPause = 30 * time.Second
	}
	if c.UserAgent == "" {
		c.UserAgent = "zhenglian-client"
	}
	return &Client{base: u, conf: c}, nil
}

// Gateway returns the base URL.
func (c *Client) Gateway() string { return c.base.String() }

// Bounds of answers, in bytes. Blobs are streamed and not bounded.
const (
	maxAnswer  = 64 << 20
	maxProblem = 1 << 20
)

// A request is sent once or more often.
type request struct {
	method, path string
	query        url.Values
	body         func() (io.Reader, error) // nil: none. Called before every attempt
	size         int64                     // of the body; -1: unknown
	contentType  string
	accept       string
	once         bool        // the body cannot be had a second time
	key          string      // Idempotency-Key; empty: none
	header       http.Header // further ones
}

// do sends r until it is answered, and hands a successful answer to read.
// An error of read counts as a failure of the network.
func (c *Client) do(ctx context.Context, r request, read func(*http.Response) error) error {
	attempts := c.conf.Attempts
	if r.once {
		attempts = 1
	}
	for n := 1; ; n++ {
		again, err := c.attempt(ctx, r, read)
		if err == nil || !again || n >= attempts {
			return err
		}
		// 100 ms, 200 ms, … when nobody says otherwise.
		pause := min(100*time.Millisecond<<(n-1), c.conf.MaxPause)
		var p *api.Problem
		if errors.As(err, &p) && p.RetryAfter > 0 {
			pause = time.Duration(p.RetryAfter) * time.Second
			if pause > c.conf.MaxPause {
				return err
			}
		}
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return fmt.Errorf("%w (last answer: %w)", ctx.Err(), err)
		case <-t.C:
		}
	}
}

// attempt sends r once. It says whether sending it again may help.
func (c *Client) attempt(ctx context.Context, r request, read func(*http.Response) error) (again bool, err error) {
	u := *c.base
	u.Path += r.path
	u.RawQuery = r.query.Encode()
	var body io.Reader
	if r.body != nil {
		if body, err = r.body(); err != nil {
			return false, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), body)
	if err != nil {
		return false, err
	}
	if r.body != nil {
		req.ContentLength = r.size
		req.Header.Set("Content-Type", r.contentType)
	}
	if r.accept == "" {
		r.accept = api.MediaJSON
	}
	req.Header.Set("Accept", r.accept+", "+api.MediaProblem)
	req.Header.Set("User-Agent", c.conf.UserAgent)
	for name, values := range r.header {
		req.Header[name] = values
	}
	if r.key != "" {
		req.Header.Set("Idempotency-Key", `"`+r.key+`"`)
	}
	if c.conf.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.conf.Token)
	}

	res, err := c.conf.HTTP.Do(req)
	if err != nil {
		return c.failed(ctx, err)
	}
	if res.StatusCode >= 300 {
		defer res.Body.Close()
		p := problemOf(res)
		switch p.Status {
		case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			again = true
		}
		return again, p
	}
	if err := read(res); err != nil {
		return c.failed(ctx, err)
	}
	return false, nil
}

// failed tells an end of the caller's patience from a failure of the network.
func (c *Client) failed(ctx context.Context, err error) (again bool, _ error) {
	if ctx.Err() != nil {
		return false, fmt.Errorf("%s: %w", c.base, ctx.Err())
	}
	var bad *badAnswer
	if errors.As(err, &bad) {
		return false, err
	}
	return true, fmt.Errorf("%w: %s: %w", ErrUnreachable, c.base, err)
}

// badAnswer: something answered, but not a gateway of this contract.
type badAnswer struct{ err error }

func (e *badAnswer) Error() string { return "answer is not that of a gateway: " + e.err.Error() }
func (e *badAnswer) Unwrap() error { return e.err }

// problemOf reads an error answer. What is not a problem, such as a page by a
// proxy on the way, becomes one.
func problemOf(res *http.Response) *api.Problem {
	p := new(api.Problem)
	b, err := io.ReadAll(io.LimitReader(res.Body, maxProblem))
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil || media != api.MediaProblem || json.Unmarshal(b, p) != nil || p.Code == "" {
		p = &api.Problem{
			Type: "about:blank", Title: http.StatusText(res.StatusCode), Code: "HTTP_" + strconv.Itoa(res.StatusCode),
			Hint: "this did not come from a gateway: check its address", HintZH: "应答并非来自网关，请核对网关地址",
		}
	}
	p.Status = res.StatusCode
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && s > 0 {
		p.RetryAfter = s
	}
	return p
}

// whole reads an answer that is held in memory.
func whole(into *[]byte) func(*http.Response) error {
	return func(res *http.Response) error {
		defer res.Body.Close()
		b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
		if err != nil {
			return err
		}
		if len(b) > maxAnswer {
			return &badAnswer{fmt.Errorf("over %d bytes", maxAnswer)}
		}
		*into = b
		return nil
	}
}

// object reads an answer that is one JSON object.
func object(into any) func(*http.Response) error {
	return func(res *http.Response) error {
		var b []byte
		if err := whole(&b)(res); err != nil {
			return err
		}
		if err := json.Unmarshal(b, into); err != nil {
			return &badAnswer{err}
		}
		return nil
	}
}

// sendBytes gives r a body that can be sent again.
func (r request) sendBytes(contentType string, b []byte) request {
	r.body = func() (io.Reader, error) { return bytes.NewReader(b), nil }
	r.size, r.contentType = int64(len(b)), contentType
	return r
}

func get[T any](ctx context.Context, c *Client, path string, query url.Values) (*T, error) {
	v := new(T)
	if err := c.do(ctx, request{method: http.MethodGet, path: path, query: query}, object(v)); err != nil {
		return nil, err
	}
	return v, nil
}
