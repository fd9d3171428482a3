package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"

	"github.com/gin-gonic/gin"

	"zhenglian/client/api"
	"zhenglian/node/access"
)

// maxTagged bounds the answers that get a tag, in bytes: they are held back until
// they are complete.
const maxTagged = 1 << 20

// conditional gives the answers of /v1 a tag by what is in them, and answers 304 to
// who has them already. The height as of which an answer holds does not count, so
// that it stays the same while nothing in it changes.
func conditional(c *gin.Context) {
	route := c.FullPath()
	if c.Request.Method != http.MethodGet || !strings.HasPrefix(route, "/v1/") || route == api.PathEvents || strings.HasPrefix(route, "/v1/blobs/") {
		return
	}
	w := &held{ResponseWriter: c.Writer}
	c.Writer = w
	defer func() { c.Writer = w.ResponseWriter }()
	c.Next()
	w.end(c)
}

// held keeps an answer back, as long as it is short.
type held struct {
	gin.ResponseWriter
	body   bytes.Buffer
	passed bool // it was too long, or was to be sent at once
}

func (w *held) Write(b []byte) (int, error) {
	if !w.passed && w.body.Len()+len(b) > maxTagged {
		w.pass()
	}
	if w.passed {
		return w.ResponseWriter.Write(b)
	}
	return w.body.Write(b)
}

func (w *held) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// WriteHeaderNow waits for the body.
func (w *held) WriteHeaderNow() {}

// Written reports whether it is too late for another answer.
func (w *held) Written() bool { return w.passed || w.body.Len() > 0 }

// Flush sends what there is: who flushes does not want to be held back.
func (w *held) Flush() {
	w.pass()
	w.ResponseWriter.Flush()
}

// Unwrap lets http.ResponseController find the connection.
func (w *held) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *held) pass() {
	if !w.passed {
		w.passed = true
		_, _ = w.ResponseWriter.Write(w.body.Bytes()) // the next write says what failed
		w.body.Reset()
	}
}

// asOf is the height as of which an answer holds: the last member of those that
// have one.
var asOf = regexp.MustCompile(`,"(?:height|as_of)":[0-9]+}\n?$`)

// end sends the answer, or says that it is known.
func (w *held) end(c *gin.Context) {
	if w.passed {
		return
	}
	h := w.Header()
	if w.Status() == http.StatusOK && h.Get("ETag") == "" && h.Get("Cache-Control") == "" {
		sum := sha256.Sum256(asOf.ReplaceAll(w.body.Bytes(), nil))
		tag := `"` + hex.EncodeToString(sum[:16]) + `"`
		h.Set("ETag", "W/"+tag)
		h.Set("Cache-Control", "no-cache")
		if access.Of(c.Request.Context()).Known() {
			h.Set("Cache-Control", "private, no-cache")
		}
		h.Add("Vary", "Authorization")
		if none := c.GetHeader("If-None-Match"); none != "" && notModified(none, tag) != nil {
			w.ResponseWriter.WriteHeader(http.StatusNotModified)
			h.Del("Content-Type")
			h.Del("Content-Length")
			w.ResponseWriter.WriteHeaderNow()
			return
		}
	}
	if w.body.Len() == 0 {
		w.ResponseWriter.WriteHeaderNow()
		return
	}
	_, _ = w.ResponseWriter.Write(w.body.Bytes()) // who asked has gone
}
