package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/node/access"
)

// maxVerifyBody bounds the body of POST /v1/verify in bytes.
const maxVerifyBody = 4 << 10

// newRoutes builds the one list of routes.
func newRoutes(c Config, o Options, l *ledger, s *streams, m *metrics) (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.ContextWithFallback = true
	r.HandleMethodNotAllowed = true
	r.RedirectTrailingSlash = false
	if err := r.SetTrustedProxies(nil); err != nil {
		return nil, err
	}
	r.Use(identify(o.Log), logged(o.Log), m.count, survive(o.Log), admit(o.Access, c.Rate, c.Burst), bodyWait(c.BodyWait), remembered(l), conditional, idempotent(o.Answers))
	r.Use(verifyStream(l, c.BodyWait))
	r.NoRoute(func(c *gin.Context) { fail(c, api.NewProblem(api.CodeNotFound, "no such path")) })
	r.NoMethod(func(c *gin.Context) { fail(c, api.NewProblem(api.CodeMethod, "")) })

	doc := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:       "Zhenglian 证链",
				Version:     "1",
				Description: apiDescription,
				License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)},
			Tags: []*huma.Tag{
				{Name: "submit", Description: "Hand in statements and files · 提交"},
				{Name: "read", Description: "Read and search · 查询"},
				{Name: "verify", Description: "Prove and verify · 验证"},
				{Name: "log", Description: "Mirror and monitor the log · 日志"},
				{Name: "store", Description: "Custody, retention, legal holds · 保管"},
				{Name: "hooks", Description: "Events sent to you · 回调"},
				{Name: "epcis", Description: "EPCIS 2.0: capture and query · 事件采集与查询"},
				{Name: "network", Description: "Members, rules, node · 网络"},
			},
		},
		Formats:                      map[string]huma.Format{api.MediaJSON: huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat:                api.MediaJSON,
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{completeProblem},
	}
	doc.Components.Schemas.RegisterTypeAlias(reflect.TypeFor[tx.Envelope](), reflect.TypeFor[dsseEnvelope]())
	h := humagin.New(r, doc)

	submitRoutes(h, c, l, m)
	readRoutes(h, c, l)
	networkRoutes(h, l)
	blobRoutes(r, h, c, l)
	tileRoutes(r, h, l)
	witnessRoutes(r, h, l)
	copyRoutes(r, h, l)
	eventRoutes(r, h, s)
	hookRoutes(h, c, o.Hooks)
	storeRoutes(h, c, o.Vault)
	listRoutes(h, l)
	reportRoutes(h, c, l)
	unitRoutes(r, h, l)
	inspectionRoutes(h, l)
	orphanRoutes(h, l)
	unitPageRoutes(r, l, o.Consumers)
	consumerRoutes(r, h, o.Consumers, l)
	addEPCIS(r, h, l, o)
	resolverRoutes(r, h)
	certificateRoutes(h, l)
	captureRoutes(r, h, s, o.Captures, l)
	pageRoutes(r, l)

	secure(h.OpenAPI())

	// What is sent here is read strictly. Answers may gain members, and the
	// document must not promise otherwise.
	for name, s := range h.OpenAPI().Components.Schemas.Map() {
		if name != "VerifyRequest" && name != "HookRequest" && name != "ClassRequest" && name != "HoldRequest" && name != "RedeliverRequest" && name != "ReportRequest" && name != "ReportFile" && name != "CaptureRequest" && name != "CaptureConfirm" && name != "CaptureWaiver" && !strings.HasPrefix(name, "Dsse") {
			s.AdditionalProperties = nil
		}
	}
	spec, err := json.Marshal(h.OpenAPI())
	if err != nil {
		return nil, fmt.Errorf("encode OpenAPI document: %w", err)
	}
	r.GET(api.PathOpenAPI, func(c *gin.Context) { c.Data(http.StatusOK, "application/openapi+json", spec) })
	return r, nil
}

const apiDescription = `A ledger of signed statements. Submit an envelope, get a receipt, verify it offline.

账本的 REST 接口：提交信封，取得回执，离线验证。

Every error is a problem (RFC 9457) with a stable code; GET /problems lists them all.
This gateway is not trusted: receipts prove, answers only help.`

// completeProblem is the last word on every answer of a typed route.
func completeProblem(ctx huma.Context, _ string, v any) (any, error) {
	if p, ok := v.(*api.Problem); ok {
		return complete(p, humagin.Unwrap(ctx).Request, ctx.SetHeader), nil
	}
	return v, nil
}

// dsseEnvelope is the JSON form of an envelope, for the document.
type dsseEnvelope struct {
	Payload     string          `json:"payload" contentEncoding:"base64" doc:"the canonical statement"`
	PayloadType string          `json:"payloadType" enum:"application/vnd.zhenglian.statement.v1+json"`
	Signatures  []dsseSignature `json:"signatures" minItems:"1" maxItems:"64"`
}

type dsseSignature struct {
	KeyID string `json:"keyid" doc:"account id, 40 hex digits"`
	Sig   string `json:"sig" contentEncoding:"base64"`
}

// register adds a typed route. Its errors become problems.
func register[I, O any](h huma.API, op huma.Operation, act func(context.Context, *I) (*O, error)) {
	addProblem(&op)
	huma.Register(h, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := act(ctx, in)
		var plain huma.StatusError
		if err == nil || errors.As(err, &plain) {
			return out, err
		}
		return nil, problemOf(ctx, err)
	})
}

// addProblem says in the document that anything else is a problem.
func addProblem(op *huma.Operation) {
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	op.Responses["default"] = &huma.Response{
		Description: "a problem",
		Content:     map[string]*huma.MediaType{api.MediaProblem: {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}}},
	}
}

// body is an answer without headers of its own.
type body[T any] struct{ Body *T }

func respond[T any](v *T, err error) (*body[T], error) {
	if err != nil {
		return nil, err
	}
	return &body[T]{v}, nil
}

func submitRoutes(h huma.API, c Config, l *ledger, m *metrics) {
	registry := h.OpenAPI().Components.Schemas
	schemaOf := func(t reflect.Type) *huma.Schema { return registry.Schema(t, true, t.Name()) }
	schemaOf(reflect.TypeFor[api.Problem]())
	jsonOf := func(t reflect.Type) map[string]*huma.MediaType {
		return map[string]*huma.MediaType{api.MediaJSON: {Schema: schemaOf(t)}}
	}
	envelope := &huma.MediaType{Schema: schemaOf(reflect.TypeFor[dsseEnvelope]())}

	register(h, huma.Operation{
		OperationID: "submit", Method: http.MethodPost, Path: api.PathEnvelopes, Tags: []string{"submit"},
		Summary: "Submit an envelope and wait for its receipt · 提交信封并等待回执",
		Description: "The same statement twice gives the same answer. A statement that still lacks signatures is accepted as PENDING and says what is missing.\n\n" +
			"重复提交同一陈述得到同一答复；会签不足的陈述以 PENDING 状态入账，并列出所缺签名。",
		MaxBodyBytes: 2*tx.MaxEnvelope + 1, BodyReadTimeout: c.BodyWait,
		SkipValidateBody: true, // tx reads it strictly and has the better words
		RequestBody: &huma.RequestBody{Required: true, Description: "DSSE envelope",
			Content: map[string]*huma.MediaType{api.MediaJSON: envelope, api.MediaDSSE: envelope}},
		Responses: map[string]*huma.Response{
			"200": {Description: "on the ledger, with its receipt", Content: jsonOf(reflect.TypeFor[api.Submission]())},
			"202": {Description: "on its way; ask at Location", Content: jsonOf(reflect.TypeFor[api.InFlight]())},
		},
	}, func(ctx context.Context, in *struct {
		ContentType string  `header:"Content-Type" hidden:"true"`
		Wait        float64 `query:"wait" minimum:"0" maximum:"30" default:"10" doc:"seconds to wait for the receipt"`
		Receipt     bool    `query:"receipt" default:"true" doc:"put the receipt into the answer"`
		RawBody     []byte  `contentType:"application/json"`
	}) (*submitted, error) {
		if err := acceptMedia(in.ContentType, api.MediaJSON, api.MediaDSSE); err != nil {
			return nil, err
		}
		e, err := tx.ParseEnvelopeJSON(in.RawBody)
		if err != nil {
			return nil, err
		}
		o := api.SubmitOptions{Wait: time.Duration(in.Wait * float64(time.Second)), NoReceipt: !in.Receipt}
		if o.Wait == 0 { // which for SubmitOptions is the default
			o.Wait = -1
		}
		began := time.Now()
		s, err := l.Submit(ctx, e, o)
		m.submitted(began, err)
		var later *api.InFlight
		switch {
		case errors.As(err, &later):
			b, err := json.Marshal(later)
			return &submitted{http.StatusAccepted, api.MediaJSON, later.StatementURL, b}, err
		case err != nil:
			return nil, err
		}
		b, err := submissionJSON(s)
		return &submitted{http.StatusOK, api.MediaJSON, s.StatementURL, b}, err
	})
}

// submitted is the answer to a submission: 200 or 202.
type submitted struct {
	Status      int
	ContentType string `header:"Content-Type"`
	Location    string `header:"Location"`
	Body        []byte
}

// submissionJSON encodes a submission. The receipt, nearly all of it, is JSON
// already; the standard encoder would read it through once more.
func submissionJSON(s *api.Submission) ([]byte, error) {
	short := *s
	short.Receipt = nil
	b, err := json.Marshal(short)
	if err != nil || s.Receipt == nil {
		return b, err
	}
	out := make([]byte, 0, len(b)+len(s.Receipt)+16)
	out = append(append(out, b[:len(b)-1]...), `,"receipt":`...)
	return append(append(out, s.Receipt...), '}'), nil
}

// acceptMedia checks the content type of a body; none is as good as the first.
func acceptMedia(contentType string, accepted ...string) error {
	if contentType == "" {
		return nil
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err == nil {
		for _, a := range accepted {
			if media == a {
				return nil
			}
		}
	}
	return api.NewProblem(api.CodeMedia, "send "+strings.Join(accepted, " or "))
}

// StatementPath is the statement that a path names. It is exported because only
// then the typed layer looks into it.
type StatementPath struct {
	ID string `path:"id" pattern:"^[0-9a-f]{64}$" doc:"statement id"`
}

func (p StatementPath) id() tx.ID {
	id, _ := tx.ParseID(p.ID) // the pattern has been checked
	return id
}

func readRoutes(h huma.API, c Config, l *ledger) {
	register(h, huma.Operation{
		OperationID: "getStatement", Method: http.MethodGet, Path: api.PathStatement, Tags: []string{"read"},
		Summary: "A statement and what became of it · 陈述及其现状",
	}, func(ctx context.Context, in *struct {
		StatementPath
		IfNoneMatch string `header:"If-None-Match"`
	}) (*tagged[api.Statement], error) {
		s, err := l.Statement(ctx, in.id())
		if err != nil {
			return nil, err
		}
		return &tagged[api.Statement]{ETag: etagOf(s), CacheControl: "no-cache", Body: s}, notModified(in.IfNoneMatch, etagOf(s))
	})

	binary := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	register(h, huma.Operation{
		OperationID: "getReceipt", Method: http.MethodGet, Path: api.PathReceipt, Tags: []string{"read", "verify"},
		Summary: "The receipt of a statement · 回执",
		Description: "The JSON form is complete. The compact form (CBOR) leaves out the proven rows, for printing; it proves the entry as it was accepted.\n\n" +
			"JSON 形式完整；紧凑形式（CBOR）供打印，不含状态行。",
		Responses: map[string]*huma.Response{"200": {Description: "the receipt", Content: map[string]*huma.MediaType{
			api.MediaReceiptJSON: {Schema: &huma.Schema{Type: huma.TypeObject}}, api.MediaReceiptCBOR: binary,
		}}},
	}, func(ctx context.Context, in *struct {
		StatementPath
		Form   string `query:"form" enum:"json,compact" doc:"default json, or what Accept asks for"`
		At     string `query:"at" enum:"entry,latest" default:"latest" doc:"entry: as it was accepted; latest: and what holds now"`
		Item   string `query:"item" pattern:"^[0-9a-f]{64}$" doc:"of an evidence.batch: SHA-256 of the file whose own receipt is wanted; of a trace.events: the event's leaf"`
		Accept string `header:"Accept"`
	}) (*document, error) {
		o := api.ReceiptOptions{Form: in.Form, At: in.At}
		if in.Item != "" {
			o.Item, _ = tx.ParseDigest(in.Item) // the pattern has been checked
			if o.Item.IsZero() {
				return nil, badParameter("query.item", "want a digest that is not all zero")
			}
		}
		if o.Form == "" && strings.Contains(in.Accept, api.MediaReceiptCBOR) {
			o.Form = api.FormCompact
		}
		b, err := l.Receipt(ctx, in.id(), o)
		if err != nil {
			return nil, err
		}
		d := &document{ContentType: api.MediaReceiptJSON, Vary: "Accept", Body: b}
		name := in.ID[:16] + ".receipt.json"
		if o.Form == api.FormCompact {
			d.ContentType, name = api.MediaReceiptCBOR, in.ID[:16]+".receipt.cbor"
		}
		d.Disposition = mime.FormatMediaType("inline", map[string]string{"filename": name})
		return d, nil
	})

	register(h, huma.Operation{
		OperationID: "searchEvidence", Method: http.MethodGet, Path: api.PathEvidence, Tags: []string{"read"},
		Summary:     "Search evidence, newest first · 查询证据",
		Description: "Conditions that are given must all hold. The list comes from an index: it is convenient and proves nothing.",
	}, func(ctx context.Context, in *struct {
		SHA256  string `query:"sha256" pattern:"^[0-9a-f]{64}$" doc:"of a file"`
		SM3     string `query:"sm3" pattern:"^[0-9a-f]{64}$" doc:"of a file"`
		CaseTag string `query:"case_tag" pattern:"^[0-9a-f]{64}$"`
		Member  string `query:"member" pattern:"^[a-z][a-z0-9-]{1,31}$" doc:"who stated"`
		Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"50"`
		Cursor  string `query:"cursor" maxLength:"32" doc:"next_cursor of the page before"`
	}) (*linked[api.Page[api.Evidence]], error) {
		q := api.EvidenceQuery{Member: tx.MemberID(in.Member), Limit: in.Limit, Cursor: in.Cursor}
		again := url.Values{"limit": {strconv.Itoa(in.Limit)}}
		for _, p := range []struct {
			name, value string
			to          *tx.Digest
		}{{"sha256", in.SHA256, &q.SHA256}, {"sm3", in.SM3, &q.SM3}, {"case_tag", in.CaseTag, &q.CaseTag}} {
			if p.value == "" {
				continue
			}
			*p.to, _ = tx.ParseDigest(p.value) // the pattern has been checked
			if p.to.IsZero() {                 // which for EvidenceQuery is no condition
				return nil, badParameter("query."+p.name, "want a digest that is not all zero")
			}
			again.Set(p.name, p.value)
		}
		if in.Member != "" {
			again.Set("member", in.Member)
		}
		page, err := l.Evidence(ctx, q)
		if err != nil {
			return nil, err
		}
		out := &linked[api.Page[api.Evidence]]{Body: page}
		if page.HasMore {
			again.Set("cursor", page.NextCursor)
			out.Link = fmt.Sprintf("<%s?%s>; rel=\"next\"", api.PathEvidence, again.Encode())
		}
		return out, nil
	})

	register(h, huma.Operation{
		OperationID: "verify", Method: http.MethodPost, Path: api.PathVerify, Tags: []string{"verify"},
		Summary: "Is this on the ledger? · 账本上有没有",
		Description: "Ask for a file by digest, a statement by id, or a row of the state. Rows are answered with a proof of presence or absence. " +
			"Digests and ids are no keys of the state: when they are not found, the answer says so and says what that does not prove.\n\n" +
			"As application/x-ndjson: up to 1 048 576 lines {\"sha256\":…} or {\"sm3\":…}, answered line by line; the last line counts them.\n\n" +
			"按文件摘要、陈述编号或状态键查询；状态键附存在或不存在证明，其余如实说明未查到及其不能证明的事项。",
		DefaultStatus: http.StatusOK, MaxBodyBytes: maxVerifyBody, BodyReadTimeout: c.BodyWait,
		RequestBody: &huma.RequestBody{Content: map[string]*huma.MediaType{api.MediaNDJSON: ndjsonLines}},
	}, func(ctx context.Context, in *struct{ Body api.VerifyRequest }) (*body[api.Verification], error) {
		return respond(l.Verify(ctx, in.Body))
	})

	register(h, huma.Operation{
		OperationID: "getCheckpoint", Method: http.MethodGet, Path: api.PathCheckpoint, Tags: []string{"verify", "log"},
		Summary:     "The newest proven state · 最新检查点",
		Description: "anchor is the block to name in new evidence: what is stated then is not older than that block.",
	}, func(ctx context.Context, _ *struct{}) (*body[api.Checkpoint], error) {
		return respond(l.Checkpoint(ctx))
	})

	register(h, huma.Operation{
		OperationID: "getTrust", Method: http.MethodGet, Path: api.PathTrust, Tags: []string{"verify"},
		Summary:     "The trust root this gateway proposes · 信任根",
		Description: "Whoever verifies should get theirs from somewhere they trust, and compare.",
		Responses: map[string]*huma.Response{"200": {Description: "trust file, see zheng-verify --trust", Content: map[string]*huma.MediaType{
			api.MediaJSON: {Schema: &huma.Schema{Type: huma.TypeObject}},
		}}},
	}, func(ctx context.Context, _ *struct{}) (*document, error) {
		b, err := l.Trust(ctx)
		if err != nil {
			return nil, err
		}
		return &document{ContentType: api.MediaJSON, Body: b}, nil
	})
}

// tagged is an answer that can be asked for again cheaply.
type tagged[T any] struct {
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Body         *T
}

// linked is a page that names the next one.
type linked[T any] struct {
	Link string `header:"Link"`
	Body *T
}

// document is an answer whose bytes are made elsewhere.
type document struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Vary        string `header:"Vary"`
	Body        []byte
}

// etagOf changes when anything about the statement does, except the height as
// of which that was seen.
func etagOf(s *api.Statement) string {
	seen := *s
	seen.AsOf = 0
	b, err := json.Marshal(seen)
	if err != nil {
		panic(fmt.Sprintf("gateway: encode statement: %v", err)) // the statement was parsed
	}
	sum := sha256.Sum256(b)
	return `"` + hex.EncodeToString(sum[:16]) + `"`
}

// notModified is the answer 304 if the caller has the newest already.
func notModified(ifNoneMatch, etag string) error {
	for tag := range strings.SplitSeq(ifNoneMatch, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
			return huma.ErrorWithHeaders(statusOnly(http.StatusNotModified), http.Header{"Etag": {etag}})
		}
	}
	return nil
}

// statusOnly is an answer that is neither an error nor a body.
type statusOnly int

func (s statusOnly) GetStatus() int { return int(s) }
func (s statusOnly) Error() string  { return http.StatusText(int(s)) }

func networkRoutes(h huma.API, l *ledger) {
	directoryRoutes(h, l)
	clockRoutes(h, l)
	register(h, huma.Operation{
		OperationID: "getStatus", Method: http.MethodGet, Path: api.PathStatus, Tags: []string{"network"},
		Summary: "The node behind this gateway · 节点状态",
	}, func(ctx context.Context, _ *struct{}) (*body[api.Status], error) { return respond(l.Status(ctx)) })

	register(h, huma.Operation{
		OperationID: "getPrincipal", Method: http.MethodGet, Path: api.PathPrincipal, Tags: []string{"network"},
		Summary: "Who you are to this gateway, and what you may · 当前身份与权限",
	}, func(ctx context.Context, _ *struct{}) (*body[access.Principal], error) {
		return &body[access.Principal]{access.Of(ctx)}, nil
	})

	register(h, huma.Operation{
		OperationID: "listProblems", Method: http.MethodGet, Path: api.PathProblems, Tags: []string{"network"},
		Summary: "Every code a problem may have · 错误代码表",
	}, func(context.Context, *struct{}) (*body[api.Page[api.ProblemKind]], error) {
		return &body[api.Page[api.ProblemKind]]{&api.Page[api.ProblemKind]{Data: api.ProblemKinds(), Height: l.chain.Store().View().Head().Height}}, nil
	})

	register(h, huma.Operation{
		OperationID: "getProblem", Method: http.MethodGet, Path: api.PathProblem, Tags: []string{"network"},
		Summary: "What a code means · 错误代码说明",
	}, func(_ context.Context, in *struct {
		Code string `path:"code" maxLength:"64"`
	}) (*body[api.ProblemKind], error) {
		k, ok := api.KindByName(in.Code)
		if !ok {
			return nil, api.NewProblem(api.CodeNotFound, "no such code")
		}
		return &body[api.ProblemKind]{&k}, nil
	})

	text := func(name, path, summary string, check func() error) {
		register(h, huma.Operation{
			OperationID: name, Method: http.MethodGet, Path: path, Tags: []string{"network"}, Summary: summary,
			Responses: map[string]*huma.Response{"200": {Description: "ok", Content: map[string]*huma.MediaType{
				"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}},
			}}},
		}, func(context.Context, *struct{}) (*document, error) {
			if err := check(); err != nil {
				return nil, api.NewProblem(api.CodeUnavailable, err.Error())
			}
			return &document{ContentType: "text/plain; charset=utf-8", Body: []byte("ok\n")}, nil
		})
	}
	text("live", api.PathLive, "200 while the gateway answers · 存活", func() error { return nil })
	text("ready", api.PathReady, "200 while the node can be given work · 就绪", l.chain.Ready)
}
