package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"path"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/node/access"
	"zhenglian/node/captures"
)

// captureRetry is when whoever was refused a capture may come again, in seconds.
const captureRetry = 30

// CapturePath is the capture that a path names; exported for the typed layer.
type CapturePath struct {
	ID string `path:"id" pattern:"^[a-z2-7]{26}$" doc:"capture id"`
}

// captureRoutes has web pages captured. Nothing is stated by that: who confirms a
// capture gets a statement to sign.
func captureRoutes(r *gin.Engine, h huma.API, s *streams, service *captures.Service, l *ledger) {
	tags := []string{"submit"}
	register(h, huma.Operation{
		OperationID: "capture", Method: http.MethodPost, Path: api.PathCaptures, Tags: tags, DefaultStatus: http.StatusAccepted,
		Summary: "Capture a web page · 网页取证",
		Description: "Answers at once with a job: follow it at its events. When it is CAPTURED, look at it, then confirm it to get the statement to sign, or delete it. " +
			"What nobody confirms is deleted after a time.\n\n立即返回任务；完成后核对预览，再确认（取得待签陈述）或放弃。逾期未确认的自动删除。",
	}, func(ctx context.Context, in *struct{ Body api.CaptureRequest }) (*createdCapture, error) {
		if service == nil {
			return nil, errNoCaptures()
		}
		c, err := service.Add(access.Of(ctx), in.Body)
		if err != nil {
			return nil, captureProblem(err)
		}
		return &createdCapture{Location: api.CaptureURL(c.ID), Body: c}, nil
	})
	register(h, huma.Operation{
		OperationID: "listCaptures", Method: http.MethodGet, Path: api.PathCaptures, Tags: tags,
		Summary: "Your captures and those of your member, newest first · 取证任务",
	}, func(ctx context.Context, in *struct {
		CaseTag string `query:"case_tag" pattern:"^[0-9a-f]{64}$"`
	}) (*body[api.Page[api.Capture]], error) {
		if service == nil {
			return nil, errNoCaptures()
		}
		return &body[api.Page[api.Capture]]{&api.Page[api.Capture]{
			Data: service.List(access.Of(ctx), in.CaseTag), Height: l.chain.Store().View().Head().Height,
		}}, nil
	})
	register(h, huma.Operation{
		OperationID: "getCapture", Method: http.MethodGet, Path: api.PathCapture, Tags: tags,
		Summary: "A capture and what became of it · 取证任务及结果",
	}, func(ctx context.Context, in *struct{ CapturePath }) (*body[api.Capture], error) {
		if service == nil {
			return nil, errNoCaptures()
		}
		c, _, err := service.Get(access.Of(ctx), in.ID)
		return respond(c, captureProblem(err))
	})
	register(h, huma.Operation{
		OperationID: "abandonCapture", Method: http.MethodDelete, Path: api.PathCapture, Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Stop and delete a capture that was not confirmed · 放弃取证",
	}, func(ctx context.Context, in *struct{ CapturePath }) (*struct{}, error) {
		if service == nil {
			return nil, errNoCaptures()
		}
		return nil, captureProblem(service.Abandon(access.Of(ctx), in.ID))
	})
	register(h, huma.Operation{
		OperationID: "confirmCapture", Method: http.MethodPost, Path: api.PathCaptureConfirm, Tags: tags, DefaultStatus: http.StatusOK,
		Summary: "Keep a capture, and get the statement to sign · 确认取证并取得待签陈述",
		Description: "The files are stored and a statement is drafted. Sign its bytes with your own key, in the page or with zheng sign, and submit the envelope. Fetch the seal as well: it holds the salts.\n\n" +
			"保存文件并生成陈述；请用自己的密钥签名后提交信封，并保存封存记录（含盐值）。",
	}, func(ctx context.Context, in *struct {
		CapturePath
		Body api.CaptureConfirm
	}) (*body[api.CaptureDraft], error) {
		if service == nil {
			return nil, errNoCaptures()
		}
		cp, err := l.Checkpoint(ctx)
		if err != nil {
			return nil, err
		}
		d, err := service.Confirm(ctx, access.Of(ctx), in.ID, in.Body, cp)
		return respond(d, captureProblem(err))
	})
	register(h, huma.Operation{
		OperationID: "getCaptureSeal", Method: http.MethodGet, Path: api.PathCaptureSeal, Tags: tags,
		Summary:     "The salts of a confirmed capture, for zheng bundle · 封存记录（含盐值）",
		Description: "Not for others to read: it discloses every field. Keep it beside the receipt.",
		Responses: map[string]*huma.Response{"200": {Description: "seal", Content: map[string]*huma.MediaType{
			api.MediaJSON: {Schema: &huma.Schema{Type: huma.TypeObject}},
		}}},
	}, func(ctx context.Context, in *struct{ CapturePath }) (*document, error) {
		if service == nil {
			return nil, errNoCaptures()
		}
		name, b, err := service.Seal(access.Of(ctx), in.ID)
		if err != nil {
			return nil, captureProblem(err)
		}
		return &document{ContentType: api.MediaJSON, Disposition: attachment(name), Body: b}, nil
	})

	id := &huma.Param{Name: "id", In: "path", Required: true, Description: "capture id", Schema: &huma.Schema{Type: huma.TypeString}}
	for _, op := range []*huma.Operation{
		{
			OperationID: "captureEvents", Method: http.MethodGet, Path: api.PathCaptureEvents, Tags: tags, Parameters: []*huma.Param{id},
			Summary:     "Follow a capture · 取证进度",
			Description: "Server-sent events: `capture` with the capture as data, at once and at each change, until it is over. `gone`: it was deleted.",
			Responses: map[string]*huma.Response{"200": {Description: "events", Content: map[string]*huma.MediaType{
				api.MediaEvents: {Schema: &huma.Schema{Type: huma.TypeString}}}}},
		},
		{
			OperationID: "getCaptureFile", Method: http.MethodGet, Path: api.PathCaptureFile, Tags: tags,
			Parameters:  []*huma.Param{id, {Name: "sha256", In: "path", Required: true, Description: "of the artefact", Schema: &huma.Schema{Type: huma.TypeString, Pattern: "^[0-9a-f]{64}$"}}},
			Summary:     "An artefact, to look at · 取证文件预览",
			Description: "Pictures, text and the recording are shown; everything else, HTML above all, is a file to be saved.",
			Responses:   map[string]*huma.Response{"200": binaryBody("the bytes")},
		},
	} {
		addProblem(op)
		h.OpenAPI().AddOperation(op)
	}
	r.GET("/v1/captures/:id/events", func(c *gin.Context) { followCapture(c, s, service) })
	r.GET("/v1/captures/:id/files/:sha256", func(c *gin.Context) { captureFile(c, service) })
}

type createdCapture struct {
	Location string `header:"Location"`
	Body     *api.Capture
}

func errNoCaptures() error {
	return api.NewProblem(api.CodeUnavailable, "this gateway captures no web pages: its operator enables that in gateway.json; zheng capture does it on your own machine")
}

// captureProblem explains what the service refused.
func captureProblem(err error) error {
	switch {
	case errors.Is(err, captures.ErrNotFound):
		return api.NewProblem(api.CodeNotFound, "no such capture: it may have been deleted, because nobody confirmed it in time")
	case errors.Is(err, captures.ErrRequest):
		return api.NewProblem(api.CodeBadRequest, err.Error())
	case errors.Is(err, captures.ErrState):
		return api.NewProblem(api.CodeCaptureState, err.Error())
	case errors.Is(err, captures.ErrWaiver):
		return api.NewProblem(api.CodeCaptureWaiver, "")
	case errors.Is(err, captures.ErrQueue):
		return retryLater(api.CodeCaptureQueue, captureRetry)
	}
	return err
}

func attachment(name string) string {
	return mime.FormatMediaType("attachment", map[string]string{"filename": name})
}

// followCapture writes what becomes of a capture until it is over.
func followCapture(c *gin.Context, s *streams, service *captures.Service) {
	if service == nil {
		fail(c, errNoCaptures())
		return
	}
	who, id := access.Of(c.Request.Context()), c.Param("id")
	job, moved, err := service.Get(who, id)
	if err != nil {
		fail(c, captureProblem(err))
		return
	}
	select {
	case s.open <- struct{}{}:
		defer func() { <-s.open }()
	default:
		fail(c, retryLater(api.CodeOverloaded, 5))
		return
	}
	c.Header("Content-Type", api.MediaEvents)
	c.Header("Cache-Control", "no-store")
	c.Header("X-Accel-Buffering", "no") // proxies must pass on at once
	c.Status(http.StatusOK)
	control := http.NewResponseController(c.Writer)
	write := func(text string) bool {
		if err := control.SetWriteDeadline(time.Now().Add(s.wait)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return false
		}
		if _, err := c.Writer.WriteString(text); err != nil {
			return false
		}
		return control.Flush() == nil
	}
	beat := time.NewTicker(s.heartbeat)
	defer beat.Stop()
	for {
		b, err := json.Marshal(job)
		if err != nil {
			panic(fmt.Sprintf("gateway: encode capture: %v", err)) // made of strings and checked JSON
		}
		if !write("event: capture\ndata: " + string(b) + "\n\n") {
			return
		}
		if job.State != api.CaptureWaiting && job.State != api.CaptureRunning {
			return
		}
		for waiting := true; waiting; {
			select {
			case <-moved:
				waiting = false
			case <-beat.C:
				if !write(": alive\n\n") {
					return
				}
			case <-c.Request.Context().Done():
				return
			case <-s.ending:
				return
			}
		}
		if job, moved, err = service.Get(who, id); err != nil {
			write("event: gone\ndata: {}\n\n")
			return
		}
	}
}

// shown are the media types that a browser shows of a captured page. They run
// nothing; what could is a file to be saved.
var shown = map[string]string{
	"image/png": "image/png", "video/webm": "video/webm", "text/plain": "text/plain; charset=utf-8",
	"application/json": "text/plain; charset=utf-8", "application/jsonl": "text/plain; charset=utf-8",
}

// captureFile sends an artefact.
func captureFile(c *gin.Context, service *captures.Service) {
	if service == nil {
		fail(c, errNoCaptures())
		return
	}
	d, err := tx.ParseDigest(c.Param("sha256"))
	if err != nil {
		fail(c, badParameter("path.sha256", "want 64 lower-case hex digits"))
		return
	}
	f, about, err := service.File(access.Of(c.Request.Context()), c.Param("id"), d)
	if err != nil {
		fail(c, captureProblem(err))
		return
	}
	defer f.Close()
	media, _, _ := mime.ParseMediaType(about.Media)
	as, show := shown[media]
	name := path.Base(about.Name)
	if show {
		c.Header("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": name}))
	} else {
		as = "application/octet-stream"
		c.Header("Content-Disposition", attachment(name))
	}
	c.Header("Content-Type", as)
	c.Header("Content-Security-Policy", "sandbox; default-src 'none'")
	c.Header("Cache-Control", "private, no-store")
	c.Header("Cross-Origin-Resource-Policy", "same-origin")
	c.Header("Referrer-Policy", "no-referrer")
	c.Header("ETag", `"`+about.SHA256.String()+`"`)
	http.ServeContent(c.Writer, c.Request, "", time.Time{}, f)
}
