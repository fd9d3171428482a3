package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/gin-gonic/gin"

	"zhenglian/app/tx"
	"zhenglian/node/access"
)

// What a request carries in its context.
type (
	requestIDKey struct{}
	loggerKey    struct{}
)

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

func loggerOf(ctx context.Context) *slog.Logger {
	if log, ok := ctx.Value(loggerKey{}).(*slog.Logger); ok {
		return log
	}
	return slog.Default()
}

// identify gives the request an id: the caller's, if it is a short plain word,
// so that logs of several services can be joined, else a new one.
func identify(log *slog.Logger) gin.HandlerFunc {
	return func(c *gin.Context) {
		id := nameRequest(c.Request)
		ctx := context.WithValue(c.Request.Context(), requestIDKey{}, id)
		c.Request = c.Request.WithContext(context.WithValue(ctx, loggerKey{}, log))
		c.Header("X-Request-Id", id)
		c.Header("X-Content-Type-Options", "nosniff")
	}
}

// nameRequest returns the id that the client gave the request, or a new one.
func nameRequest(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); plainWord(id) {
		return id
	}
	return rand.Text()
}

func plainWord(s string) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// logged logs each request when it has been answered: neither bodies nor
// queries nor headers, which may hold what is nobody's business.
func logged(log *slog.Logger) gin.HandlerFunc {
	return func(c *gin.Context) {
		began := time.Now()
		defer func() {
			level := slog.LevelDebug
			switch s := c.Writer.Status(); {
			case c.Request.URL.Path == "/readyz" || c.Request.URL.Path == "/livez":
				// Asked several times a second for as long as it says no.
			case s >= http.StatusInternalServerError:
				level = slog.LevelWarn
			case s >= http.StatusBadRequest:
				level = slog.LevelInfo
			}
			log.LogAttrs(c, level, "request",
				slog.String("id", requestID(c.Request.Context())),
				slog.String("method", c.Request.Method),
				slog.String("path", c.Request.URL.Path),
				slog.Int("status", c.Writer.Status()),
				slog.Int("bytes", max(c.Writer.Size(), 0)),
				slog.Duration("took", time.Since(began)),
				slog.String("from", c.RemoteIP()),
				slog.String("who", access.Of(c.Request.Context()).ID))
		}()
		c.Next()
	}
}

// survive answers a panic of a handler with a problem and logs where it was.
func survive(log *slog.Logger) gin.HandlerFunc {
	return func(c *gin.Context) {
		defer func() {
			switch r := recover(); {
			case r == nil:
			case r == http.ErrAbortHandler:
				panic(r) // the server breaks the connection, as was meant
			default:
				log.Error("handler panicked", "request_id", requestID(c.Request.Context()), "panic", r, "stack", string(debug.Stack()))
				fail(c, tx.CodeInternal.Err())
			}
		}()
		c.Next()
	}
}

// bodyWait bounds how long the body of a request may take to arrive, also one
// that nobody asked for and that the server reads only to be rid of it. Routes
// that take a body end the bound when they have it: a deadline that passes while
// the handler waits would end the request.
func bodyWait(d time.Duration) gin.HandlerFunc {
	return func(c *gin.Context) {
		if c.Request.Body == nil || c.Request.Body == http.NoBody {
			return
		}
		err := http.NewResponseController(c.Writer).SetReadDeadline(time.Now().Add(d))
		if err != nil && !errors.Is(err, http.ErrNotSupported) { // a recorder in a test has no connection
			fail(c, err)
		}
	}
}

// maxLimiters bounds the addresses and principals that a gateway remembers. Whoever is
// forgotten starts with a full bucket.
const maxLimiters = 10_000

// network is what shares one bucket: an IPv4 address, or an IPv6 /64, which one
// customer has to itself. Loopback is not limited.
func network(ip string) (_ netip.Prefix, limited bool) {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return netip.Prefix{}, true // all that have no address share one
	}
	if a = a.Unmap(); a.IsLoopback() {
		return netip.Prefix{}, false
	}
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // the length is right
	return p, true
}
