package api

import (
	"net/url"

	"zhenglian/app/tx"
)

// Paths of EPCIS 2.0, below which they are as the standard names them.
const (
	PathEPCIS              = "/v1/epcis"
	PathEPCISCapture       = "/v1/epcis/capture"
	PathEPCISJob           = "/v1/epcis/capture/{captureID}"
	PathEPCISEvents        = "/v1/epcis/events"
	PathEPCISEvent         = "/v1/epcis/events/{eventID}"
	PathEPCISReceipt       = "/v1/epcis/events/{eventID}/receipt"
	PathEPCISQueries       = "/v1/epcis/queries"
	PathEPCISQuery         = "/v1/epcis/queries/{queryName}"
	PathEPCISQueryEvents   = "/v1/epcis/queries/{queryName}/events"
	PathEPCISSubscriptions = "/v1/epcis/queries/{queryName}/subscriptions"
	PathEPCISSubscription  = "/v1/epcis/queries/{queryName}/subscriptions/{subscriptionID}"
)

// PathResolver describes the resolver of codes on labels.
const PathResolver = "/.well-known/gs1resolver"

// MediaJSONLD is the media type of JSON-LD.
const MediaJSONLD = "application/ld+json"

// Headers of captures.
const (
	HeaderAnchor    = "Zhenglian-Anchor"            // id of the trace.events that anchors what is captured
	HeaderReaders   = "Zhenglian-Readers"           // own, public, or ids of members
	HeaderBehaviour = "GS1-Capture-Error-Behaviour" // rollback or proceed
	HeaderLimit     = "GS1-EPCIS-Capture-Limit"     // events of one capture
	HeaderFileLimit = "GS1-EPCIS-Capture-File-Size-Limit"
	HeaderEPCIS     = "GS1-EPCIS-Version"
	HeaderCBV       = "GS1-CBV-Version"
	HeaderPrefixes  = "GS1-Extensions" // prefix=namespace, …: of fields that users have defined
)

// A CaptureJob is a capture and what has become of it (EPCIS 2.0 §12.6).
type CaptureJob struct {
	CaptureID string         `json:"captureID"`
	CreatedAt tx.Time        `json:"createdAt"`
	Finished  tx.Time        `json:"finishedAt,omitzero"`
	Running   bool           `json:"running"`
	Success   bool           `json:"success" doc:"all was captured, or with proceed some of it"`
	Behaviour string         `json:"captureErrorBehaviour" enum:"rollback,proceed"`
	Errors    []CaptureError `json:"errors"`
	Readers   string         `json:"readers" doc:"who may read it besides the member that stated it: own (nobody), public, or members"`
	Anchor    tx.ID          `json:"anchor,omitzero" doc:"statement of trace.events"`
	Total     int            `json:"total" doc:"events of the document"`
	Captured  int            `json:"captured"`
}

// A CaptureError is why something was not captured.
type CaptureError struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Path   string `json:"path,omitempty" doc:"such as epcisBody.eventList[2].eventTime"`
	Detail string `json:"detail"`
}

// EPCISJobURL is the path of a capture.
func EPCISJobURL(id string) string { return PathEPCISCapture + "/" + id }

// EPCISEventURL is the path of an event.
func EPCISEventURL(id string) string { return PathEPCISEvents + "/" + url.PathEscape(id) }
