package gateway

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/node/access"
	"zhenglian/node/replay"
)

// Bounds of a request with a key.
const (
	maxKeyed  = 2*tx.MaxEnvelope + 1 // bytes of its body: as much as an envelope may have
	maxAnswer = 512 << 10            // bytes of an answer that is kept
)

// idempotent answers a POST with an Idempotency-Key that was answered before with
// the same answer. Requests that only ask are not concerned.
func idempotent(s *replay.Store) gin.HandlerFunc {
	return func(c *gin.Context) {
		header, given := c.Request.Header["Idempotency-Key"]
		if s == nil || !given || c.Request.Method != http.MethodPost || scopeOfRoute(c.Request.Method, c.FullPath()) == access.Read {
			return
		}
		key, ok := idempotencyKey(header)
		if !ok {
			fail(c, api.NewProblem(api.CodeIdempotencyKey, ""))
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, maxKeyed))
		if err != nil {
			fail(c, err)
			return
		}
		c.Request.Body = io.NopCloser(bytes.NewReader(body))
		h := sha256.New()
		fmt.Fprintf(h, "%s\n%s\n%d\n", c.Request.Method, c.Request.URL.RequestURI(), len(body))
		h.Write(body)
		answer, end, err := s.Begin(c, caller(c), key, [32]byte(h.Sum(nil)))
		switch {
		case errors.Is(err, replay.ErrBusy):
			err = retryLater(api.CodeIdempotencyBusy, 1)
		case errors.Is(err, replay.ErrOther):
			err = api.NewProblem(api.CodeIdempotencyOther, "")
		}
		if err != nil {
			fail(c, err)
			return
		}
		if answer != nil {
			c.Header("Idempotency-Replayed", "true")
			if answer.Location != "" {
				c.Header("Location", answer.Location)
			}
			c.Header("Cache-Control", "no-store")
			c.Data(answer.Status, answer.ContentType, answer.Body)
			c.Abort()
			return
		}
		w := &copied{ResponseWriter: c.Writer}
		c.Writer = w
		done := false
		defer func() {
			c.Writer = w.ResponseWriter
			var a *replay.Answer
			if done && final(w.Status()) && !w.tooLong {
				a = &replay.Answer{Status: w.Status(), ContentType: w.Header().Get("Content-Type"), Location: w.Header().Get("Location"), Body: w.body.Bytes()}
			}
			if err := end(a); err != nil {
				loggerOf(c.Request.Context()).Error("answer not kept", "request_id", requestID(c.Request.Context()), "err", err)
			}
		}()
		c.Next()
		done = true
	}
}

// idempotencyKey reads the header: one string of structured fields (RFC 9651), or
// the same without quotes, as many clients send it.
func idempotencyKey(values []string) (string, bool) {
	if len(values) != 1 {
		return "", false
	}
	k := strings.TrimSpace(values[0])
	if inner, quoted := strings.CutPrefix(k, `"`); quoted {
		if k, quoted = strings.CutSuffix(inner, `"`); !quoted {
			return "", false
		}
	}
	if k == "" || len(k) > 255 {
		return "", false
	}
	for _, b := range []byte(k) {
		if b <= ' ' || b > '~' || b == '"' || b == '\\' {
			return "", false
		}
	}
	return k, true
}

// caller is whose keys they are: a principal's, or those of an address.
func caller(c *gin.Context) string {
	p := access.Of(c.Request.Context())
	if p.Known() {
		return p.ID
	}
	from, _ := network(c.RemoteIP())
	return p.ID + " " + from.String()
}

// final reports whether the request is done. What was refused has changed nothing
// and is judged anew; of 202 the answer is still to come.
func final(status int) bool { return status == http.StatusOK || status == http.StatusCreated }

// copied keeps a copy of an answer.
type copied struct {
	gin.ResponseWriter
	body    bytes.Buffer
	tooLong bool
}

func (w *copied) Write(b []byte) (int, error) {
	w.copy(b)
	return w.ResponseWriter.Write(b)
}

func (w *copied) WriteString(s string) (int, error) {
	w.copy([]byte(s))
	return w.ResponseWriter.WriteString(s)
}

func (w *copied) copy(b []byte) {
	if w.tooLong = w.tooLong || w.body.Len()+len(b) > maxAnswer; !w.tooLong {
		w.body.Write(b)
	}
}

// Unwrap lets http.ResponseController find the connection.
func (w *copied) Unwrap() http.ResponseWriter { return w.ResponseWriter }
