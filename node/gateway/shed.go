package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"zhenglian/app"
	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// shed refuses submissions while the gateway or the node has all the work it can
// take, or a member all that is its share, before anything is done for them. An
// answer that costs a tenth of a submission leaves a gateway that is offered
// several times its capacity enough for what it has accepted. Submit refuses for
// the same reasons whoever gets in between this look and the mempool.
func shed(l *ledger, m *metrics, bodyWait time.Duration, next http.Handler) (http.Handler, error) {
	overloaded, err := shedding(retryLater(api.CodeOverloaded, 1))
	if err != nil {
		return nil, err
	}
	full, err := shedding(retryLater(api.CodeMempoolFull, 1))
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body []byte
		if r.Method == http.MethodPost && r.URL.Path == api.PathEnvelopes {
			switch {
			case len(l.inFlight) == cap(l.inFlight):
				body = overloaded
			case l.chain.Full():
				body = full
			case l.chain.Crowded():
				if err := l.share(w, r, bodyWait); err != nil {
					body, _ = shedding(shareProblem(err)) // of one field, which always encodes
				}
			}
		}
		if body == nil {
			next.ServeHTTP(w, r)
			return
		}
		m.requests.WithLabelValues(http.MethodPost, api.PathEnvelopes, "429").Inc()
		id := nameRequest(r)
		h := w.Header()
		h.Set("X-Request-Id", id)
		h.Set("Content-Type", api.MediaProblem)
		h.Set("Cache-Control", "no-store")
		h.Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		w.Write(fmt.Appendf(nil, `%s,"request_id":"%s"}`, body, id))
	}), nil
}

// shedding is a problem of a submission, up to the request's id and the brace behind it.
func shedding(p *api.Problem) ([]byte, error) {
	p.Instance = api.PathEnvelopes
	b, err := json.Marshal(p)
	return bytes.TrimSuffix(b, []byte("}")), err
}

// share refuses a submission of a member whose share of the waiting room is used
// up. It reads the body and leaves it for whoever comes next. A body that names a
// member wrongly gains nothing: it is judged whole unless it is refused here.
func (l *ledger) share(w http.ResponseWriter, r *http.Request, bodyWait time.Duration) error {
	const most = 2*tx.MaxEnvelope + 1
	if r.ContentLength <= 0 || r.ContentLength > most {
		return nil
	}
	if bodyWait > 0 {
		http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyWait)) // HTTP/2 and tests have none
	}
	b := make([]byte, r.ContentLength)
	n, err := io.ReadFull(r.Body, b)
	rest := r.Body
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(b[:n]), rest), rest}
	if err != nil {
		return nil // whoever reads on meets the same error
	}
	member, ok := statedIn(b)
	if !ok {
		return nil
	}
	return l.chain.Spare(member, base64.StdEncoding.DecodedLen(len(b)))
}

// statedIn reads who states the statement of an envelope in DSSE JSON from the end
// of its payload. Of anything else it may say anything.
func statedIn(envelope []byte) (tx.MemberID, bool) {
	const (
		name = `"payload":"`
		tail = 512 // characters of base64: the member, the previous head and the version behind it
	)
	begin := bytes.Index(envelope, []byte(name))
	if begin < 0 {
		return "", false
	}
	payload, _, ok := bytes.Cut(envelope[begin+len(name):], []byte(`"`))
	if !ok {
		return "", false
	}
	payload = payload[max(0, len(payload)-tail)/4*4:]
	end, err := base64.StdEncoding.AppendDecode(nil, payload)
	if err != nil {
		return "", false
	}
	return app.StatedBy(end)
}
