package hooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"
)

// errAnswer means that a receiver answered, and not that it took the message.
var errAnswer = errors.New("the receiver answered")

// post sends a signed message. It returns the status of the answer, 0 without one,
// and how long the receiver asks to be left alone.
func (t *target) post(ctx context.Context, to *url.URL, id string, now time.Time, contentType string, body []byte, secrets [][]byte, seed []byte) (status int, retry time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(body))
	if err != nil {
		return 0, 0, err
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("User-Agent", "zhenglian-hooks/1")
	req.Header.Set("webhook-id", id)
	req.Header.Set("webhook-timestamp", stamp(now))
	req.Header.Set("webhook-signature", signature(id, now, body, secrets, seed))
	resp, err := t.client(to).Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, restOfAnswer) // what it says besides does not matter
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return resp.StatusCode, 0, nil
	}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		retry = time.Duration(min(s, int(maxRetry/time.Second))) * time.Second
	}
	return resp.StatusCode, retry, fmt.Errorf("%w %d", errAnswer, resp.StatusCode)
}

// A Poster sends signed messages by Standard Webhooks for others than hooks, with
// the same care about where they go. It is safe for concurrent use.
type Poster struct {
	target *target
	key    key
}

// NewPoster makes a poster for a chain that may send to the public internet and to
// the addresses in allow, there also over plain http. Secrets of its receivers are
// made from the key, which is that of LoadKey.
func NewPoster(key []byte, chain string, allow []netip.Prefix) (*Poster, error) {
	k, err := newKey(key, chain)
	return &Poster{newTarget(allow), k}, err
}

// Validate refuses an address to which nothing is sent: ErrTarget.
func (p *Poster) Validate(ctx context.Context, to string) error { return p.target.validate(ctx, to) }

// Post sends a message once to a receiver, by whose name it is signed. gone means
// that the receiver wants no more; the text of an error names no address.
func (p *Poster) Post(ctx context.Context, receiver, to, id, contentType string, body []byte) (gone bool, retry time.Duration, err error) {
	u, err := url.Parse(to)
	if err != nil {
		return false, 0, errors.New("the address cannot be used")
	}
	status, retry, err := p.target.post(ctx, u, id, time.Now(), contentType, body, [][]byte{p.key.receiver(receiver)}, p.key.seed(receiver))
	if err != nil {
		return status == http.StatusGone, retry, errors.New(plain(err))
	}
	return false, 0, nil
}

// Secret and Public are what a receiver is told: the secret that signs its messages
// and the public key of the other signature.
func (p *Poster) Secret(receiver string) string { return secretText(p.key.receiver(receiver)) }
func (p *Poster) Public(receiver string) string { return publicText(p.key.seed(receiver)) }
