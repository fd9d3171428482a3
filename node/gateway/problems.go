package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/node"
	"zhenglian/node/blob"
)

// huma is told some things through package variables; ours are the same for
// every gateway of the process, so they are set once.
func init() {
	huma.DefaultArrayNullable = false // a list without items is [] or absent
	huma.NewError = newError
	huma.NewErrorWithContext = func(_ huma.Context, status int, msg string, errs ...error) huma.StatusError {
		return newError(status, msg, errs...)
	}
}

// newError turns huma's errors into problems. Values are not echoed: they may
// be secrets sent to the wrong place.
func newError(status int, msg string, errs ...error) huma.StatusError {
	code := api.CodeBadRequest
	switch status {
	case http.StatusNotFound:
		code = api.CodeNotFound
	case http.StatusMethodNotAllowed:
		code = api.CodeMethod
	case http.StatusNotAcceptable:
		code = api.CodeNotAccept
	case http.StatusRequestTimeout:
		code = api.CodeTimeout
	case http.StatusRequestEntityTooLarge:
		code = api.CodeBodyTooLarge
	case http.StatusUnsupportedMediaType:
		code = api.CodeMedia
	}
	if status >= http.StatusInternalServerError {
		code, msg, errs = tx.CodeInternal.Name(), "", nil
	}
	p := api.NewProblem(code, msg)
	for _, err := range errs {
		var d huma.ErrorDetailer
		switch {
		case errors.As(err, &d):
			p.Errors = append(p.Errors, api.FieldError{Location: d.ErrorDetail().Location, Message: d.ErrorDetail().Message})
		case err != nil:
			p.Errors = append(p.Errors, api.FieldError{Message: err.Error()})
		}
	}
	return p
}

// badParameter is the problem of one wrong part of a request.
func badParameter(location, message string) *api.Problem {
	p := api.NewProblem(api.CodeBadRequest, location+": "+message)
	p.Errors = []api.FieldError{{Location: location, Message: message}}
	return p
}

// retryLater is a problem that passes by itself.
func retryLater(code string, seconds int) *api.Problem {
	p := api.NewProblem(code, "")
	p.RetryAfter = seconds
	return p
}

// shareProblem is the problem of a member whose share is used up.
func shareProblem(err error) *api.Problem {
	p := api.ProblemOf(err)
	p.RetryAfter = 1
	return p
}

// submitProblem explains why the node did not take an envelope.
func submitProblem(err error) error {
	var refused *node.CheckError
	switch {
	case errors.As(err, &refused) && tx.Code(refused.Code) == tx.CodeShare:
		return shareProblem(refusal(tx.CodeShare, refused.Log))
	case errors.As(err, &refused):
		return refusal(tx.Code(refused.Code), refused.Log)
	case errors.Is(err, node.ErrMempoolFull):
		return retryLater(api.CodeMempoolFull, 1)
	case errors.Is(err, node.ErrTxTooLarge):
		return &tx.Error{Code: tx.CodeTooLarge}
	case errors.Is(err, node.ErrCatchingUp), errors.Is(err, node.ErrStopped):
		p := retryLater(api.CodeUnavailable, 5)
		p.Detail = err.Error()
		return p
	}
	return err
}

// refusal makes a *tx.Error again of the text that ABCI carries, which is its
// Error(): "E205 text at path: detail".
func refusal(code tx.Code, text string) error {
	e := &tx.Error{Code: code}
	rest, ours := strings.CutPrefix(text, e.Error())
	if !ours {
		return e // internal text stays inside
	}
	if at, ok := strings.CutPrefix(rest, " at "); ok {
		e.Path, e.Detail, _ = strings.Cut(at, ": ")
	} else {
		e.Detail = strings.TrimPrefix(rest, ": ")
	}
	return e
}

func errNoBlobs() error {
	return api.NewProblem(api.CodeUnavailable, "this gateway keeps no files")
}

func blobProblem(err error) error {
	var tooLong *http.MaxBytesError
	switch {
	case errors.Is(err, blob.ErrNotFound):
		return api.NewProblem(api.CodeNotFound, "no such file here")
	case errors.Is(err, blob.ErrDigestMismatch):
		return api.NewProblem(api.CodeBlobDigest, "")
	case errors.Is(err, blob.ErrTooLarge), errors.As(err, &tooLong):
		return api.NewProblem(api.CodeBodyTooLarge, "")
	}
	if p := storeProblem(err); p != nil {
		return p
	}
	return err
}

// problemOf returns the problem of an error. What is nobody's fault but ours is
// logged with its text, which users do not see.
func problemOf(ctx context.Context, err error) *api.Problem {
	var (
		known   *api.Problem
		refused *tx.Error
		tooLong *http.MaxBytesError
	)
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &refused) && refused.Code != tx.CodeInternal:
		return api.Refusal(refused)
	case errors.As(err, &tooLong):
		return api.NewProblem(api.CodeBodyTooLarge, "")
	case errors.Is(err, os.ErrDeadlineExceeded), ctx.Err() != nil:
		return api.NewProblem(api.CodeTimeout, "") // too slow, or gone
	case errors.Is(err, node.ErrNotFound), errors.Is(err, node.ErrStopped), errors.Is(err, store.ErrNoHeight):
		p := retryLater(api.CodeUnavailable, 5)
		p.Detail = err.Error()
		return p
	}
	loggerOf(ctx).Error("request failed", "request_id", requestID(ctx), "err", err)
	return api.ProblemOf(err)
}

// complete fills what only the request knows and sets the headers of a problem.
func complete(p *api.Problem, r *http.Request, header func(name, value string)) *api.Problem {
	q := *p
	q.Instance, q.RequestID = r.URL.Path, requestID(r.Context())
	if q.RetryAfter > 0 {
		header("Retry-After", strconv.Itoa(q.RetryAfter))
	}
	header("Cache-Control", "no-store")
	return &q
}

// fail ends a request of a plain handler with the problem of err.
func fail(c *gin.Context, err error) {
	p := problemOf(c.Request.Context(), err)
	c.Abort()
	if c.Writer.Written() {
		panic(http.ErrAbortHandler) // too late for words: break the connection
	}
	b, err := json.Marshal(complete(p, c.Request, c.Header))
	if err != nil {
		panic(fmt.Sprintf("gateway: encode problem: %v", err)) // made of strings and numbers
	}
	c.Data(p.Status, api.MediaProblem, b)
}
