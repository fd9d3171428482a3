package api

import (
	"encoding/json"

	"zhenglian/app/tx"
)

// Captures that a gateway makes for those who have only its page.
const (
	PathCaptures       = "/v1/captures"
	PathCapture        = "/v1/captures/{id}"
	PathCaptureEvents  = "/v1/captures/{id}/events"
	PathCaptureFile    = "/v1/captures/{id}/files/{sha256}"
	PathCaptureConfirm = "/v1/captures/{id}/confirm"
	PathCaptureSeal    = "/v1/captures/{id}/seal"
)

// CaptureURL is the path of a capture.
func CaptureURL(id string) string { return PathCaptures + "/" + id }

// A CaptureRequest says what to capture.
type CaptureRequest struct {
	URL         string          `json:"url" maxLength:"4096" doc:"http or https, without user name and password"`
	Steps       json.RawMessage `json:"steps,omitempty" doc:"entry steps: an array of {goto}, {click}, {type, text, secret}, {wait}, {pause}, {scroll}"`
	Licence     string          `json:"licence,omitempty" maxLength:"4096" doc:"page of the shop's licence: URL, or CSS selector of a link to it"`
	Width       int             `json:"width,omitempty" minimum:"320" maximum:"3840" doc:"of the window, in CSS pixels"`
	Height      int             `json:"height,omitempty" minimum:"240" maximum:"2160" doc:"of the window, in CSS pixels"`
	Timeout     int             `json:"timeout,omitempty" minimum:"1" maximum:"120" doc:"seconds that the page may load"`
	Insecure    bool            `json:"insecure,omitempty" doc:"go on when the certificate is bad; the capture says so"`
	KeepCookies bool            `json:"keep_cookies,omitempty" doc:"keep the values of cookies and credentials"`
	NoRecording bool            `json:"no_recording,omitempty" doc:"make no recording of the window"`
	CaseTag     string          `json:"case_tag,omitempty" pattern:"^[0-9a-f]{64}$" doc:"keyed pseudonym of the case"`
}

// States of a capture.
const (
	CaptureWaiting     = "WAITING"     // for its turn
	CaptureRunning     = "RUNNING"     //
	CaptureDone        = "CAPTURED"    // look at it, then confirm or abandon
	CaptureConfirmed   = "CONFIRMED"   // its statement is drafted, its files are kept
	CaptureFailed      = "FAILED"      // nothing could be captured: Error says why
	CaptureInterrupted = "INTERRUPTED" // the gateway ended meanwhile: ask again
)

// A Capture is a capture and what became of it.
type Capture struct {
	ID      string  `json:"id"`
	State   string  `json:"state" enum:"WAITING,RUNNING,CAPTURED,CONFIRMED,FAILED,INTERRUPTED"`
	URL     string  `json:"url"`
	CaseTag string  `json:"case_tag,omitempty"`
	By      string  `json:"by" doc:"who asked for it, as /v1/principal says"`
	Created tx.Time `json:"created"`
	Ended   tx.Time `json:"ended,omitzero"`
	Expires tx.Time `json:"expires,omitzero" doc:"when what is not confirmed is deleted"`

	Step  string `json:"step,omitempty" doc:"what is being done"`
	Done  int    `json:"done" doc:"steps done"`
	Total int    `json:"total" doc:"steps to do; 0 before it runs"`
	Ahead int    `json:"ahead,omitempty" doc:"captures whose turn is earlier"`
	Error string `json:"error,omitempty"`

	Outcome     string           `json:"outcome,omitempty" enum:"COMPLETE,PARTIAL,BLOCKED,FAILED" doc:"how much of the page it holds"`
	Reason      string           `json:"reason,omitempty" doc:"why it is not COMPLETE"`
	Signs       []string         `json:"block_signs,omitempty" doc:"that the page is a captcha, or turns its visitor away"`
	FinalURL    string           `json:"final_url,omitempty"`
	Title       string           `json:"title,omitempty"`
	HTTPStatus  int              `json:"http_status,omitempty"`
	RemoteIP    string           `json:"remote_ip,omitempty"`
	Certificate string           `json:"certificate,omitempty"`
	EnvResult   string           `json:"env_result,omitempty" enum:"ok,fail"`
	Env         []CaptureEnvItem `json:"env,omitempty" doc:"what was found out about the capturing machine"`
	Warnings    []string         `json:"warnings,omitempty"`
	Files       []CaptureFile    `json:"files,omitempty"`

	Statement    tx.ID  `json:"statement,omitzero" doc:"drafted last"`
	StatementURL string `json:"statement_url,omitempty" doc:"there once it was signed and submitted"`
}

// A CaptureEnvItem is one observation about the capturing machine.
type CaptureEnvItem struct {
	ID       string          `json:"id"`
	Result   string          `json:"result" enum:"ok,fail,na,error"`
	Observed json.RawMessage `json:"observed"`
	Expected string          `json:"expected,omitempty"`
	File     string          `json:"evidence_file,omitempty" doc:"the artefact that shows it"`
}

// A CaptureFile is an artefact of a capture.
type CaptureFile struct {
	Name   string    `json:"name"`
	Role   string    `json:"role"`
	Media  string    `json:"media"`
	Bytes  int64     `json:"bytes"`
	SHA256 tx.Digest `json:"sha256"`
	SM3    tx.Digest `json:"sm3"`
	URL    string    `json:"url,omitempty" doc:"while the capture is kept; once confirmed the bytes are also at /v1/blobs"`
}

// A CaptureConfirm says that a capture is to be stated, and by whom.
type CaptureConfirm struct {
	Member     tx.MemberID       `json:"member" doc:"who states"`
	CaseTag    string            `json:"case_tag,omitempty" pattern:"^[0-9a-f]{64}$" doc:"instead of that of the request"`
	Fields     map[string]string `json:"fields,omitempty" doc:"under the salted root, such as case_no: not public"`
	Incomplete bool              `json:"incomplete,omitempty" doc:"state it although it was BLOCKED or FAILED"`
	Waiver     *CaptureWaiver    `json:"waiver,omitempty" doc:"needed when env_result is fail"`
}

// A CaptureWaiver is a second officer's acceptance of a failed environment. The account
// must be among those who sign the statement.
type CaptureWaiver struct {
	Account tx.AccountID `json:"account"`
	Reason  string       `json:"reason" minLength:"1" maxLength:"2000"`
}

// A CaptureDraft is the statement to be signed.
type CaptureDraft struct {
	ID        tx.ID  `json:"id" doc:"that the statement will have"`
	Statement string `json:"statement" doc:"canonical JSON: these bytes are signed"`
	SealURL   string `json:"seal_url" doc:"the salts: whoever is to make a bundle keeps this file"`
}
