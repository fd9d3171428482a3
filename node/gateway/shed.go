package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	"zhenglian/client/api"
)

// shed refuses submissions while the gateway or the node has all the work it can
// take, before anything is done for them. An answer that costs a tenth of a
// submission leaves a gateway that is offered several times its capacity enough
// for what it has accepted. Submit refuses for the same reasons whoever gets in
// between this look and the mempool.
func shed(l *ledger, m *metrics, next http.Handler) (http.Handler, error) {
	overloaded, err := shedding(api.CodeOverloaded)
	if err != nil {
		return nil, err
	}
	full, err := shedding(api.CodeMempoolFull)
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

// shedding is the problem of a code, up to the request's id and the brace behind it.
func shedding(code string) ([]byte, error) {
	p := retryLater(code, 1)
	p.Instance = api.PathEnvelopes
	b, err := json.Marshal(p)
	return bytes.TrimSuffix(b, []byte("}")), err
}
