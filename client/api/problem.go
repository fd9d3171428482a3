package api

import (
	"errors"
	"fmt"
	"net/http"

	"zhenglian/app/tx"
)

// A Problem is an error answer (RFC 9457, application/problem+json).
type Problem struct {
	Type      string       `json:"type" doc:"path that explains the code"`
	Title     string       `json:"title"`
	Status    int          `json:"status"`
	Detail    string       `json:"detail,omitempty"`
	Instance  string       `json:"instance,omitempty" doc:"path of the request"`
	Code      string       `json:"code" doc:"stable name; programs branch on it"`
	Number    uint32       `json:"number,omitempty" doc:"number of a refusal by the ledger's rules"`
	Path      string       `json:"path,omitempty" doc:"JSON path of the offending member of the statement"`
	Hint      string       `json:"hint" doc:"what to do next"`
	HintZH    string       `json:"hint_zh"`
	Errors    []FieldError `json:"errors,omitempty" doc:"parts of the request that are wrong"`
	RequestID string       `json:"request_id,omitempty" doc:"quote it when you ask the operator"`

	// RetryAfter is the header of that name in seconds, 0 if absent.
	RetryAfter int `json:"-"`
}

// A FieldError points at one part of a request.
type FieldError struct {
	Location string `json:"location,omitempty" doc:"such as query.limit"`
	Message  string `json:"message"`
}

// Codes of the gateway itself; codes of the rules are the names of tx.Code.
const (
	CodeBadRequest   = "BAD_REQUEST"        // parameters or body are not what the path asks for
	CodeNotFound     = "NOT_FOUND"          // nothing here by that name
	CodeMethod       = "METHOD_NOT_ALLOWED" // the path does not do that
	CodeNotAccept    = "NOT_ACCEPTABLE"     // no form of the answer is acceptable
	CodeTimeout      = "TIMEOUT"            // the request took too long to arrive
	CodeBodyTooLarge = "BODY_TOO_LARGE"     // request body over its limit
	CodeMedia        = "UNSUPPORTED_MEDIA"  // content type is not accepted here
	CodeBlobDigest   = "BLOB_DIGEST"        // bytes do not have the digest of the path
	CodeRateLimited  = "RATE_LIMITED"       // too many requests from one address
	CodeOverloaded   = "OVERLOADED"         // the gateway has too many submissions in hand
	CodeMempoolFull  = "MEMPOOL_FULL"       // the chain has more work than it can do now
	CodeNotCertified = "NOT_CERTIFIED"      // the statement has taken no effect: there is nothing to certify
	CodeUnavailable  = "UNAVAILABLE"        // the node is not ready to answer this
	CodeNotReady     = "NOT_READY"          // the next block, which proves this one, is not decided yet

	CodeHookTarget = "HOOK_TARGET" // events are not sent to that address
	CodeHookLimit  = "HOOK_LIMIT"  // there are as many hooks as there may be

	CodeRange  = "RANGE"  // no such bytes in the file
	CodeErased = "ERASED" // the file was erased by a statement on the ledger
	CodeHeld   = "HELD"   // a legal hold is on the file
	CodeKept   = "KEPT"   // the retention of the file is not over

	CodeUnauthenticated = "UNAUTHENTICATED" // no credentials, or none that are good
	CodeForbidden       = "FORBIDDEN"       // the credentials are good and do not allow this
	CodeCaptureState    = "CAPTURE_STATE"   // the capture is not in the state that this needs
	CodeCaptureQueue    = "CAPTURE_QUEUE"   // as many captures wait, or are kept, as may
	CodeCaptureWaiver   = "CAPTURE_WAIVER"  // the capturing environment failed and nobody accepts that

	CodeEPCISParameter  = "EPCIS_QUERY_PARAMETER" // a parameter of a query is not one, or its value is not
	CodeEPCISMissing    = "EPCIS_NOT_IMPLEMENTED" // of the standard, and not offered here
	CodeEPCISTooLarge   = "EPCIS_QUERY_TOO_LARGE" // more events than the query allows
	CodeEPCISValidation = "EPCIS_VALIDATION"      // an event or document does not keep to the schema
	CodeEPCISTaken      = "EPCIS_DUPLICATE_NAME"  // there is a query of that name
	CodeEPCISSubscribed = "EPCIS_SUBSCRIBED"      // the query has subscriptions
	CodeEPCISLimit      = "EPCIS_LIMIT"           // there are as many as there may be

	CodeIdempotencyKey   = "IDEMPOTENCY_KEY"         // the header has no form that it may have
	CodeIdempotencyBusy  = "IDEMPOTENCY_IN_PROGRESS" // the first request with this key is not answered yet
	CodeIdempotencyOther = "IDEMPOTENCY_KEY_REUSED"  // the key came with another request before
)

// A ProblemKind explains a code.
type ProblemKind struct {
	Code   string `json:"code"`
	Number uint32 `json:"number,omitempty"`
	Status int    `json:"status"`
	Title  string `json:"title"`
	Hint   string `json:"hint"`
	HintZH string `json:"hint_zh"`
}

var gatewayKinds = []ProblemKind{
	{CodeBadRequest, 0, http.StatusBadRequest, "malformed request", "see /docs for what this path takes", "请求格式不正确，请参阅 /docs"},
	{CodeNotFound, 0, http.StatusNotFound, "not found", "check the address; a statement just submitted may need another moment", "未找到，请核对地址；刚提交的陈述请稍候再查"},
	{CodeMethod, 0, http.StatusMethodNotAllowed, "method not allowed", "see /docs for what this path does", "该地址不支持此方法，请参阅 /docs"},
	{CodeNotAccept, 0, http.StatusNotAcceptable, "not acceptable", "accept application/json", "请接受 application/json"},
	{CodeTimeout, 0, http.StatusRequestTimeout, "request took too long", "send it again", "请求传输超时，请重试"},
	{CodeBodyTooLarge, 0, http.StatusRequestEntityTooLarge, "body too large", "send less, or ask the operator for the limit", "请求体过大"},
	{CodeMedia, 0, http.StatusUnsupportedMediaType, "unsupported content type", "see /docs for the content types of this path", "不支持该内容类型"},
	{CodeBlobDigest, 0, http.StatusUnprocessableEntity, "bytes do not match their digest", "send the whole file under its own SHA-256; nothing was stored", "文件内容与摘要不符，未保存任何内容"},
	{CodeRateLimited, 0, http.StatusTooManyRequests, "too many requests", "wait as long as Retry-After says", "请求过于频繁，请按 Retry-After 等待"},
	{CodeOverloaded, 0, http.StatusTooManyRequests, "too many submissions in hand", "wait as long as Retry-After says and send the same envelope again", "网关繁忙，请按 Retry-After 等待后重发同一信封"},
	{CodeMempoolFull, 0, http.StatusTooManyRequests, "the chain has more work than it can do now", "wait as long as Retry-After says and send the same envelope again", "链上排队已满，请按 Retry-After 等待后重发同一信封"},
	{CodeNotCertified, 0, http.StatusConflict, "nothing to certify", "the statement has taken no effect yet, or none at all: see what it waits for", "该陈述尚未生效或未能生效，无可出证；请查看其尚缺的会签"},
	{CodeUnavailable, 0, http.StatusServiceUnavailable, "node is not ready", "try again, or ask another gateway", "节点暂不可用，请重试或改用其他网关"},
	{CodeNotReady, 0, http.StatusServiceUnavailable, "not provable yet", "the next block proves it; wait as long as Retry-After says", "需待下一区块方可证明，请稍候"},
	{CodeHookTarget, 0, http.StatusUnprocessableEntity, "events are not sent to this address", "use https and a public address, or ask the operator to allow this one", "不向该地址推送，请使用 https 与公网地址，或请运营者放行"},
	{CodeHookLimit, 0, http.StatusUnprocessableEntity, "too many hooks", "remove hooks that are not needed, or ask the operator", "回调数量已达上限，请先删除不用的回调"},
	{CodeEPCISParameter, 0, http.StatusBadRequest, "not a parameter of EPCIS queries, or not a value of it", "see errors, and the list of parameters in client/README.md", "查询参数有误，请查看 errors 与 client/README.md 的参数表"},
	{CodeEPCISMissing, 0, http.StatusNotImplemented, "not offered by this repository", "ask without it", "本库不支持此项，请勿使用该参数"},
	{CodeEPCISTooLarge, 0, http.StatusRequestEntityTooLarge, "more events than maxEventCount", "narrow the query, or ask for pages without maxEventCount", "事件数超过 maxEventCount，请缩小查询范围或分页查询"},
	{CodeEPCISValidation, 0, http.StatusBadRequest, "the document does not keep to the EPCIS 2.0 schema", "errors names each place and the reason; nothing was captured", "文档不符合 EPCIS 2.0 模式，errors 列出位置与原因；未采集任何事件"},
	{CodeEPCISTaken, 0, http.StatusConflict, "there is a query of that name", "take another name", "已有同名查询，请更换名称"},
	{CodeEPCISSubscribed, 0, http.StatusConflict, "the query has subscriptions", "end them first", "该查询仍有订阅，请先取消"},
	{CodeEPCISLimit, 0, http.StatusTooManyRequests, "too many of them", "wait, or remove what is not needed", "数量已达上限，请稍候或删除不用的项"},
	{CodeRange, 0, http.StatusRequestedRangeNotSatisfiable, "no such range", "ask for bytes that the file has", "请求的字节范围超出文件长度"},
	{CodeErased, 0, http.StatusGone, "file erased", "it is erased for good, by the statement on the ledger that the evidence names", "该文件已依账本上的删除陈述彻底删除"},
	{CodeHeld, 0, http.StatusConflict, "file under a legal hold", "have the hold released first: zheng store hold --release", "该文件处于法律保全之下，请先解除保全"},
	{CodeKept, 0, http.StatusConflict, "retention not over", "wait until its class ends, or give it another class", "该文件的保存期限未满"},
	{CodeUnauthenticated, 0, http.StatusUnauthorized, "credentials are needed", "send an API key, a token of your provider or a client certificate that the operator has entered", "需要身份凭证：请使用 API 密钥、身份提供方令牌或已登记的客户端证书"},
	{CodeForbidden, 0, http.StatusForbidden, "not allowed", "ask the operator of the gateway for the scope that is named", "权限不足，请向网关运营者申请所列权限"},
	{CodeCaptureState, 0, http.StatusConflict, "not in this state", "look at the capture: its state says what can be done with it", "取证任务当前状态不允许此操作，请先查看其状态"},
	{CodeCaptureQueue, 0, http.StatusTooManyRequests, "too many captures", "wait as long as Retry-After says, or confirm or abandon captures that are done", "取证任务已满，请按 Retry-After 等待，或先确认、放弃已完成的任务"},
	{CodeCaptureWaiver, 0, http.StatusUnprocessableEntity, "the capturing environment failed", "a second officer accepts that, with a reason, and signs too", "取证环境不合格，须由另一名执法人员说明理由、接受并会签"},
	{CodeIdempotencyKey, 0, http.StatusBadRequest, "malformed Idempotency-Key", "send 1 to 255 visible ASCII characters in quotes, such as a UUID", "Idempotency-Key 格式不正确，请使用引号括起的 1 至 255 个可见 ASCII 字符，如 UUID"},
	{CodeIdempotencyBusy, 0, http.StatusConflict, "a request with this key is being answered", "wait as long as Retry-After says and send the same request again", "相同 Idempotency-Key 的请求正在处理，请按 Retry-After 等待后重发"},
	{CodeIdempotencyOther, 0, http.StatusUnprocessableEntity, "this key came with another request", "use a new key for a new request", "该 Idempotency-Key 已用于另一请求，请更换"},
}

// StatusOf returns the HTTP status of a refusal by the ledger: 400 for the
// form of what was sent, 422 for rules, and the few that HTTP has a word for.
func StatusOf(c tx.Code) int {
	switch {
	case c == tx.CodeOK:
		return http.StatusOK
	case c == tx.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case c == tx.CodeKnown:
		return http.StatusConflict
	case c == tx.CodeShare:
		return http.StatusTooManyRequests
	case c < 100:
		return http.StatusBadRequest
	case c < 900:
		return http.StatusUnprocessableEntity
	}
	return http.StatusInternalServerError
}

// ProblemKinds lists every code: first the gateway's, then those of the rules
// in ascending order of number.
func ProblemKinds() []ProblemKind {
	out := append([]ProblemKind(nil), gatewayKinds...)
	for _, c := range tx.Codes() {
		out = append(out, kindOf(c))
	}
	return out
}

// KindByName explains a code.
func KindByName(code string) (ProblemKind, bool) {
	for _, k := range gatewayKinds {
		if k.Code == code {
			return k, true
		}
	}
	if c, ok := tx.CodeByName(code); ok {
		return kindOf(c), true
	}
	return ProblemKind{}, false
}

func kindOf(c tx.Code) ProblemKind {
	return ProblemKind{Code: c.Name(), Number: uint32(c), Status: StatusOf(c), Title: c.Text(), Hint: c.Hint(), HintZH: c.Chinese()}
}

func (k ProblemKind) problem(detail string) *Problem {
	return &Problem{
		Type: PathProblems + "/" + k.Code, Title: k.Title, Status: k.Status, Detail: detail,
		Code: k.Code, Number: k.Number, Hint: k.Hint, HintZH: k.HintZH,
	}
}

// NewProblem makes a problem of the gateway. It panics for a code that is not
// in the table.
func NewProblem(code, detail string) *Problem {
	k, ok := KindByName(code)
	if !ok {
		panic("api: unknown problem code " + code)
	}
	return k.problem(detail)
}

// Refusal makes the problem of a refusal by the ledger's rules.
func Refusal(e *tx.Error) *Problem {
	p := kindOf(e.Code).problem(e.Detail)
	p.Path = e.Path
	return p
}

// ProblemOf returns the problem that err is or wraps. Refusals (*tx.Error)
// become problems; anything else is internal, and its text stays inside.
func ProblemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var e *tx.Error
	if errors.As(err, &e) {
		return Refusal(e)
	}
	return kindOf(tx.CodeInternal).problem("")
}

func (p *Problem) Error() string {
	s := p.Code
	if p.Number != 0 {
		s = fmt.Sprintf("E%d %s", p.Number, p.Code)
	}
	s += ": " + p.Title
	if p.Path != "" {
		s += " at " + p.Path
	}
	if p.Detail != "" {
		s += ": " + p.Detail
	}
	return s
}

// Is makes errors.Is(p, tx.CodeStalePrev.Err()) hold for the problem of that
// refusal, and errors.Is(p, &Problem{Code: c}) for any problem of code c.
func (p *Problem) Is(target error) bool {
	switch t := target.(type) {
	case *tx.Error:
		return p.Number != 0 && p.Number == uint32(t.Code)
	case *Problem:
		return p.Code == t.Code
	}
	return false
}

// GetStatus returns the HTTP status; frameworks that write errors ask for it.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType returns the media type of an error answer, whatever was
// negotiated for others.
func (p *Problem) ContentType(string) string { return MediaProblem }
