package gateway

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"zhenglian/client/api"
)

// describeEPCIS adds the interfaces of EPCIS to the document. Their parameters are
// those of the standard, too many to be declared one by one.
func describeEPCIS(h huma.API) {
	schemas := h.OpenAPI().Components.Schemas
	job := schemas.Schema(reflect.TypeFor[api.CaptureJob](), true, "CaptureJob")
	object := &huma.Schema{Type: huma.TypeObject}
	media := func(s *huma.Schema) map[string]*huma.MediaType {
		return map[string]*huma.MediaType{api.MediaJSON: {Schema: s}, api.MediaJSONLD: {Schema: s}}
	}
	word := func(name, in, doc string) *huma.Param {
		return &huma.Param{Name: name, In: in, Required: in == "path", Schema: &huma.Schema{Type: huma.TypeString}, Description: doc}
	}
	paging := []*huma.Param{
		{Name: "perPage", In: "query", Schema: &huma.Schema{Type: huma.TypeInteger, Default: epcisPage}, Description: "1 to 1000"},
		word("nextPageToken", "query", "of the Link of the page before"),
	}
	query := append([]*huma.Param{
		{Name: "parameters", In: "query", Style: "form", Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true},
			Description: "EQ_bizStep, MATCH_anyEPC, GE_eventTime, … as EPCIS 2.0 §8.2.7.1 names them; several values with | between"},
		word(api.HeaderPrefixes, "header", "prefix=namespace, … of fields of your own"),
	}, paging...)
	headers := []*huma.Param{
		word(api.HeaderAnchor, "header", "id of the trace.events that anchors what is captured; absent: the gateway's own account states it"),
		word(api.HeaderReaders, "header", "own (default), public, or ids of members with commas between"),
		word(api.HeaderBehaviour, "header", "rollback (default): all or nothing; proceed: the good events of a document with bad ones"),
		word("Prefer", "header", "wait=SECONDS: answer when the capture is done"),
	}
	name, subscription := word("queryName", "path", ""), word("subscriptionID", "path", "")
	document := &huma.RequestBody{Required: true, Description: "EPCISDocument, or one event", Content: media(object)}
	add := func(id, method, path, summary string, params []*huma.Param, body *huma.RequestBody, status string, answer *huma.Schema) {
		op := &huma.Operation{OperationID: id, Method: method, Path: path, Tags: []string{"epcis"}, Summary: summary, Parameters: params, RequestBody: body,
			Responses: map[string]*huma.Response{status: {Description: http.StatusText(map[string]int{"200": 200, "201": 201, "202": 202, "204": 204, "307": 307}[status])}}}
		if answer != nil {
			op.Responses[status].Content = media(answer)
		}
		addProblem(op)
		h.OpenAPI().AddOperation(op)
	}
	add("epcisCapture", http.MethodPost, api.PathEPCISCapture, "Capture the events of a document · 采集事件", headers, document, "202", job)
	add("epcisJobs", http.MethodGet, api.PathEPCISCapture, "Your captures, newest first · 采集任务", paging, nil, "200", &huma.Schema{Type: huma.TypeArray, Items: job})
	add("epcisJob", http.MethodGet, api.PathEPCISJob, "A capture · 采集任务", []*huma.Param{word("captureID", "path", ""), headers[3]}, nil, "200", job)
	add("epcisCaptureEvent", http.MethodPost, api.PathEPCISEvents, "Capture one event · 采集单个事件", headers[:2], document, "201", job)
	add("epcisEvents", http.MethodGet, api.PathEPCISEvents, "Query events · 查询事件", query, nil, "200", object)
	event := []*huma.Param{word("eventID", "path", "percent-encoded")}
	add("epcisEvent", http.MethodGet, api.PathEPCISEvent, "An event · 事件", event, nil, "200", object)
	add("epcisReceipt", http.MethodGet, api.PathEPCISReceipt, "The receipt of an event · 事件回执", event, nil, "307", nil)
	for _, r := range []struct{ name, words string }{
		{"eventTypes", "Types of events · 事件类型"}, {"epcs", "What events are of · 对象编码"}, {"bizSteps", "Business steps · 业务步骤"},
		{"bizLocations", "Locations · 业务位置"}, {"readPoints", "Read points · 采集点"}, {"dispositions", "Dispositions · 状态"},
	} {
		add("epcis_"+r.name, http.MethodGet, api.PathEPCIS+"/"+r.name, r.words, paging, nil, "200", object)
		value := word("value", "path", "percent-encoded")
		add("epcis_"+r.name+"_value", http.MethodGet, api.PathEPCIS+"/"+r.name+"/{value}", r.words, []*huma.Param{value}, nil, "200", object)
		add("epcis_"+r.name+"_events", http.MethodGet, api.PathEPCIS+"/"+r.name+"/{value}/events", r.words, append([]*huma.Param{value}, query...), nil, "200", object)
	}
	kept := &huma.RequestBody{Required: true, Description: "{name, query: {parameter: value or values}}", Content: media(object)}
	add("epcisAddQuery", http.MethodPost, api.PathEPCISQueries, "Keep a query under a name · 保存查询", query[1:2], kept, "201", object)
	add("epcisQueries", http.MethodGet, api.PathEPCISQueries, "Named queries · 已保存的查询", paging, nil, "200", &huma.Schema{Type: huma.TypeArray, Items: object})
	add("epcisQuery", http.MethodGet, api.PathEPCISQuery, "A named query · 查询定义", []*huma.Param{name}, nil, "200", object)
	add("epcisRemoveQuery", http.MethodDelete, api.PathEPCISQuery, "Forget a query · 删除查询", []*huma.Param{name}, nil, "204", nil)
	add("epcisQueryEvents", http.MethodGet, api.PathEPCISQueryEvents, "Events of a named query · 按已保存的查询取事件", append([]*huma.Param{name}, paging...), nil, "200", object)
	wanted := &huma.RequestBody{Required: true, Description: "{dest, stream: true} or {dest, schedule: {minute: \"0\", …}}, reportIfEmpty, initialRecordTime", Content: media(object)}
	add("epcisSubscribe", http.MethodPost, api.PathEPCISSubscriptions, "Have reports on a query sent · 订阅", []*huma.Param{name}, wanted, "201", object)
	add("epcisSubscriptions", http.MethodGet, api.PathEPCISSubscriptions, "Your subscriptions of a query · 订阅列表", []*huma.Param{name}, nil, "200", &huma.Schema{Type: huma.TypeArray, Items: object})
	add("epcisSubscription", http.MethodGet, api.PathEPCISSubscription, "A subscription and how it fares · 订阅状态", []*huma.Param{name, subscription}, nil, "200", object)
	add("epcisUnsubscribe", http.MethodDelete, api.PathEPCISSubscription, "End a subscription · 取消订阅", []*huma.Param{name, subscription}, nil, "204", nil)
}
