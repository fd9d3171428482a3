package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"zhenglian/app/apptest"
	"zhenglian/app/batch"
	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/client/epcis"
	"zhenglian/node/access"
	"zhenglian/node/repository"
)

// epcisHarness is a gateway with a repository, and somebody of qijiang who shows a
// certificate, somebody of platform-a, and an operator.
type epcisHarness struct {
	*harness
	r    *repository.Repository
	path string // its file
}

// epcisKey is what the secrets of subscriptions are made from.
var epcisKey = bytes.Repeat([]byte{7}, 32)

func newEPCIS(t *testing.T, change ...func(*Config, *Options)) *epcisHarness {
	t.Helper()
	path := filepath.Join(t.TempDir(), "epcis.db")
	r, err := repository.Open(repository.Config{Path: path, Key: epcisKey, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	if err != nil {
		t.Fatal(err)
	}
	e := &epcisHarness{r: r, path: path}
	e.harness = newHarness(t, append(change, func(_ *Config, o *Options) { o.EPCIS = r })...)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// as sends a request with headers, in pairs.
func (e *epcisHarness) as(method, path, body string, headers ...string) (*http.Response, []byte) {
	e.t.Helper()
	r, err := http.NewRequest(method, e.http.URL+path, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	r.Header.Set("Content-Type", api.MediaJSONLD)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return resp, b
}

// epcisDocument is an EPCISDocument of events.
func epcisDocument(events ...string) string {
	return `{"@context":["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",{"x":"https://ns.example/x/"}],"type":"EPCISDocument","schemaVersion":"2.0","creationDate":"2026-11-23T08:00:00Z","epcisBody":{"eventList":[` +
		strings.Join(events, ",") + `]}}`
}

// object is an event of a serial number; more is put into it.
func object(serial int, more string) string {
	return fmt.Sprintf(`{"type":"ObjectEvent","eventTime":"2026-11-23T08:%02d:%02d+08:00","eventTimeZoneOffset":"+08:00","epcList":["urn:epc:id:sgtin:9506000.013435.%d"],"action":"OBSERVE","bizStep":"shipping"%s}`,
		serial/60%60, serial%60, serial, more)
}

// anchor puts the root over the events of a document on the ledger.
func (e *epcisHarness) anchor(doc string) tx.ID {
	e.t.Helper()
	events, err := epcis.Events([]byte(doc))
	if err != nil {
		e.t.Fatal(err)
	}
	return e.anchorOf(events)
}

func (e *epcisHarness) anchorOf(events []epcis.Event) tx.ID {
	e.t.Helper()
	var list []byte
	for i := range events {
		l := events[i].Leaf()
		list = append(list, l[:]...)
	}
	tree, err := batch.Build(list)
	if err != nil {
		e.t.Fatal(err)
	}
	env := e.sign("qijiang-amr", tx.TraceEvents, tx.ID{}, &tx.Events{Count: int64(len(events)), Root: tree.Root()}, "qijiang")
	e.submit(env)
	return env.ID()
}

// capture captures a document and returns its job when it is done.
func (e *epcisHarness) capture(doc string, headers ...string) *api.CaptureJob {
	e.t.Helper()
	resp, b := e.as("POST", api.PathEPCISCapture, doc, append(headers, "Prefer", "wait=10")...)
	j := new(api.CaptureJob)
	if err := json.Unmarshal(b, j); err != nil || resp.StatusCode != 202 || resp.Header.Get("Location") != api.EPCISJobURL(j.CaptureID) || j.Running {
		e.t.Fatalf("status %d: %s, %v", resp.StatusCode, b, err)
	}
	return j
}

// find returns the events that a query finds, and the token of the next page.
func (e *epcisHarness) find(path string, headers ...string) (events []map[string]any, next string) {
	e.t.Helper()
	resp, b := e.as("GET", path, "", headers...)
	if resp.StatusCode != 200 {
		e.t.Fatalf("%s: status %d: %s", path, resp.StatusCode, b)
	}
	var doc struct {
		EpcisBody struct {
			QueryResults struct {
				ResultsBody struct{ EventList []map[string]any }
			}
		}
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		e.t.Fatal(err)
	}
	if l := resp.Header.Get("Link"); l != "" {
		u, err := url.Parse(strings.TrimPrefix(strings.Split(l, ">")[0], "<"))
		if err != nil {
			e.t.Fatal(err)
		}
		next = u.Query().Get("nextPageToken")
	}
	return doc.EpcisBody.QueryResults.ResultsBody.EventList, next
}

// From the capture of one event to its receipt.
func TestEPCISVertical(t *testing.T) {
	e := newEPCIS(t)
	doc := epcisDocument(object(1, `,"x:note":"a","ilmd":{"x:lot":"L1"}`), object(2, ``), object(3, ``))
	doc = strings.Replace(doc, `"action":"OBSERVE","bizStep":"shipping","x:note"`, `"action":"ADD","bizStep":"shipping","x:note"`, 1)
	id := e.anchor(doc)
	j := e.capture(doc, api.HeaderAnchor, id.String(), api.HeaderReaders, "public")
	if !j.Success || j.Captured != 3 || j.Anchor != id || len(j.Errors) != 0 {
		t.Fatalf("%+v", j)
	}
	found, _ := e.find(api.PathEPCISEvents + "?MATCH_epc=urn:epc:id:sgtin:9506000.013435.1")
	if len(found) != 1 {
		t.Fatalf("%d events", len(found))
	}
	event := found[0]
	eventID := event["eventID"].(string)
	// It is what was captured, and has the same hash.
	captured, err := epcis.Events([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	if eventID != captured[0].ID() {
		t.Errorf("event id %s, want %s", eventID, captured[0].ID())
	}
	resp, b := e.as("GET", api.EPCISEventURL(eventID), "")
	back, err := epcis.Events(b)
	if err != nil || resp.StatusCode != 200 || back[0].Leaf() != captured[0].Leaf() {
		t.Fatalf("status %d: %s, %v", resp.StatusCode, b, err)
	}
	resp, b = e.as("GET", api.EPCISEventURL(eventID)+"/receipt", "")
	if resp.StatusCode != 200 {
		t.Fatalf("receipt: status %d: %s", resp.StatusCode, b)
	}
	rep := receipt.Verify(b, e.trust, receipt.Options{WantID: id})
	if leaf := captured[0].Leaf(); rep.Verdict == receipt.NotVerified || rep.Facts.Item == nil || rep.Facts.Item.SHA256 != leaf || rep.Facts.Item.Count != 3 {
		t.Fatalf("%s", rep.Text("en"))
	}
	// Again it is the same, and nothing is there twice.
	if j := e.capture(doc, api.HeaderAnchor, id.String()); !j.Success {
		t.Errorf("%+v", j)
	}
	if found, _ = e.find(api.PathEPCISEvents); len(found) != 3 {
		t.Errorf("%d events", len(found))
	}
}

// What is wrong is refused with its place and its reason, whole or in part.
func TestEPCISErrors(t *testing.T) {
	e := newEPCIS(t)
	good, bad := object(1, ``), strings.Replace(object(2, ``), `"OBSERVE"`, `"TAKE"`, 1)
	doc := epcisDocument(good, bad, object(3, ``))
	events, err := epcis.Events([]byte(epcisDocument(good, object(3, ``))))
	if err != nil {
		t.Fatal(err)
	}
	id := e.anchorOf(events)
	j := e.capture(doc, api.HeaderAnchor, id.String(), api.HeaderReaders, "public")
	if j.Success || j.Captured != 0 || j.Total != 3 || len(j.Errors) == 0 || j.Errors[0].Path != "epcisBody.eventList[1].action" || !strings.Contains(j.Errors[0].Detail, "ADD") {
		t.Fatalf("%+v", j)
	}
	if found, _ := e.find(api.PathEPCISEvents); len(found) != 0 {
		t.Fatalf("all or nothing, and %d events are there", len(found))
	}
	j = e.capture(doc, api.HeaderAnchor, id.String(), api.HeaderReaders, "public", api.HeaderBehaviour, "proceed")
	if !j.Success || j.Captured != 2 || j.Total != 3 || len(j.Errors) == 0 || j.Behaviour != "proceed" {
		t.Fatalf("%+v", j)
	}
	if found, _ := e.find(api.PathEPCISEvents); len(found) != 2 {
		t.Fatalf("%d events", len(found))
	}
	// An anchor of other events, none, of another kind, one event too few.
	other := e.anchor(epcisDocument(object(9, ``)))
	for what, x := range map[string][2]string{"other events": {epcisDocument(object(8, ``)), other.String()}, "one more": {epcisDocument(object(9, ``), object(8, ``)), other.String()},
		"another order": {epcisDocument(object(3, ``), good), id.String()}} {
		if j := e.capture(x[0], api.HeaderAnchor, x[1]); j.Success || j.Captured != 0 || !strings.Contains(j.Errors[0].Detail, "root") {
			t.Errorf("%s: %+v", what, j)
		}
	}
	seal := e.seal(1, complete3...)
	e.submit(seal)
	if j := e.capture(epcisDocument(good), api.HeaderAnchor, seal.ID().String()); j.Success || !strings.Contains(j.Errors[0].Detail, "in force") {
		t.Errorf("%+v", j)
	}
	for what, headers := range map[string][]string{
		"no anchor": {}, "bad anchor": {api.HeaderAnchor, "7"}, "behaviour": {api.HeaderAnchor, id.String(), api.HeaderBehaviour, "maybe"},
		"readers": {api.HeaderAnchor, id.String(), api.HeaderReaders, "Everybody!"}, "media": {api.HeaderAnchor, id.String(), "Content-Type", "application/xml"},
	} {
		if resp, b := e.as("POST", api.PathEPCISCapture, doc, headers...); resp.StatusCode != 400 && resp.StatusCode != 415 {
			t.Errorf("%s: status %d: %s", what, resp.StatusCode, b)
		}
	}
	if j := e.capture(`[]`, api.HeaderAnchor, id.String()); j.Success || len(j.Errors) != 1 {
		t.Errorf("%+v", j)
	}
	// One event by itself.
	single := strings.Replace(object(5, ``), "{", `{"@context":["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],`, 1)
	one := e.anchor(single)
	resp, b := e.as("POST", api.PathEPCISEvents, single, api.HeaderAnchor, one.String(), api.HeaderReaders, "public")
	if resp.StatusCode != 201 || !strings.HasPrefix(resp.Header.Get("Location"), api.PathEPCISEvents+"/ni:") {
		t.Errorf("status %d, %s: %s", resp.StatusCode, resp.Header.Get("Location"), b)
	}
	resp, b = e.as("POST", api.PathEPCISEvents, strings.Replace(single, "OBSERVE", "TAKE", 1), api.HeaderAnchor, one.String())
	var p api.Problem
	if err := json.Unmarshal(b, &p); err != nil || resp.StatusCode != 400 || p.Code != api.CodeEPCISValidation || len(p.Errors) == 0 || p.Errors[0].Location != "action" {
		t.Errorf("status %d: %s", resp.StatusCode, b)
	}
	for _, path := range []string{"/nothing", "/x/events"} {
		if resp, _ := e.as("GET", api.PathEPCISEvents+path, ""); resp.StatusCode != 404 {
			t.Errorf("%s: status %d", path, resp.StatusCode)
		}
	}
	for path, status := range map[string]int{"?EQ_dream=1": 400, "?GE_eventTime=yesterday": 400, "?WD_readPoint=urn:x:1": 501, "?HASATTR_epc=1": 501, "?eventType=QuantityEvent": 400,
		"?orderDirection=UP": 400, "?perPage=0": 400, "?nextPageToken=x": 400, "?maxEventCount=1": 413, "?EQ_x:y%23=": 200} {
		if resp, b := e.as("GET", api.PathEPCISEvents+path, ""); resp.StatusCode != status {
			t.Errorf("%s: status %d, want %d: %s", path, resp.StatusCode, status, b)
		}
	}
}

// Who is not meant to see an event does not see it, nor what it is of, nor that it
// is there.
func TestEPCISReaders(t *testing.T) {
	certs := func(names ...string) (out []access.Certificate) {
		for _, n := range names {
			out = append(out, access.Certificate{Name: n, Member: tx.MemberID(n), Scopes: []access.Scope{access.Read, access.Submit}})
		}
		return out
	}
	guard, err := access.New(access.Config{Certificates: append(certs("qijiang-amr", "platform-a", "hangzhou-amr"), access.Certificate{Name: "operator", Scopes: []access.Scope{access.Read, access.Admin}})})
	if err != nil {
		t.Fatal(err)
	}
	e := newEPCIS(t, func(_ *Config, o *Options) { o.Access = guard })
	who := map[string]repository.Reader{"": {}, "qijiang-amr": {Member: "qijiang-amr"}, "platform-a": {Member: "platform-a"}, "hangzhou-amr": {Member: "hangzhou-amr"}, "operator": {All: true}}
	for i, readers := range []string{"own", "public", "platform-a,court-x"} {
		doc := epcisDocument(object(i, fmt.Sprintf(`,"bizLocation":{"id":"urn:x:%d"}`, i)))
		if j := e.capture(doc, api.HeaderAnchor, e.anchor(doc).String(), api.HeaderReaders, readers); !j.Success || j.Readers != readers {
			t.Fatalf("%+v", j)
		}
	}
	all, err := repository.ParseQuery(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]int{"": {1}, "qijiang-amr": {0, 1, 2}, "platform-a": {1, 2}, "hangzhou-amr": {1}, "operator": {0, 1, 2}} {
		p, err := e.r.Find(t.Context(), who[name], all, 10, "")
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, x := range p.Events {
			var n int
			fmt.Sscanf(x.Fields["bizLocation"].(map[string]any)["id"].(string), "urn:x:%d", &n)
			got = append(got, n)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%q sees %v, want %v", name, got, want)
		}
		places, err := e.r.Values(t.Context(), who[name], "bizLocations", "", 10)
		if err != nil || len(places) != len(want) {
			t.Errorf("%q sees %v, %v", name, places, err)
		}
	}
	if found, _ := e.find(api.PathEPCISEvents); len(found) != 1 {
		t.Errorf("somebody without credentials sees %d events", len(found))
	}
	var hidden *repository.Event
	if p, err := e.r.Find(t.Context(), repository.Reader{All: true}, all, 10, ""); err != nil {
		t.Fatal(err)
	} else {
		for _, x := range p.Events {
			if x.Readers == "" {
				hidden = x
			}
		}
	}
	for _, path := range []string{api.EPCISEventURL(hidden.ID), api.EPCISEventURL(hidden.ID) + "/receipt"} {
		if resp, _ := e.as("GET", path, ""); resp.StatusCode != 404 {
			t.Errorf("%s: status %d", path, resp.StatusCode)
		}
	}
}

// With an account that the operator has given it the gateway states events of those
// who speak EPCIS and nothing else, if they are of its member.
func TestEPCISStater(t *testing.T) {
	var own *epcisHarness
	guard, err := access.New(access.Config{})
	if err != nil {
		t.Fatal(err)
	}
	own = newEPCIS(t, func(_ *Config, o *Options) {
		o.Access = guard
		o.Stater = &Stater{Member: "qijiang-amr", Signer: apptest.Key(t, "qijiang", tx.Secp256k1), Now: func() time.Time { return apptest.Start }}
	})
	doc := epcisDocument(object(1, ``), object(2, ``))
	if resp, b := own.as("POST", api.PathEPCISCapture, doc); resp.StatusCode != 403 {
		t.Fatalf("somebody without credentials: status %d: %s", resp.StatusCode, b)
	}
	j, err := own.r.Capture(t.Context(), repository.Request{Owner: "key:1", Member: "qijiang-amr", Readers: repository.Readers{Public: true}, Document: []byte(doc)})
	if err != nil {
		t.Fatal(err)
	}
	if j, err = own.r.Wait(t.Context(), j.ID); err != nil || !j.Success() || j.Captured != 2 || j.Anchor.IsZero() {
		t.Fatalf("%+v, %v", j, err)
	}
	resp, b := own.as("GET", api.StatementURL(j.Anchor), "")
	if resp.StatusCode != 200 || !bytes.Contains(b, []byte("trace.events")) {
		t.Fatalf("status %d: %s", resp.StatusCode, b)
	}
}

// Pages hold every event once, in order, whatever is captured meanwhile; all
// resources can be browsed.
func TestEPCISPages(t *testing.T) {
	e := newEPCIS(t)
	var events []string
	for i := range 57 {
		events = append(events, object(i, fmt.Sprintf(`,"disposition":"in_transit","readPoint":{"id":"https://id.gs1.org/414/4012345000115/254/%d"},"x:n":%d`, i%5, i)))
	}
	doc := epcisDocument(events...)
	e.capture(doc, api.HeaderAnchor, e.anchor(doc).String(), api.HeaderReaders, "public")
	for _, query := range []string{"?perPage=10", "?perPage=10&orderBy=recordTime", "?perPage=10&orderDirection=ASC", "?perPage=7&GE_x:n=0", "?perPage=10&EQ_disposition=in_transit", "?perPage=10&orderBy=recordTime&orderDirection=ASC&EQ_bizStep=shipping"} {
		var all []string
		token := ""
		for pages := 0; pages < 20; pages++ {
			path := api.PathEPCISEvents + query
			if token != "" {
				path += "&nextPageToken=" + token
			}
			var found []map[string]any
			if found, token = e.find(path); len(found) == 0 {
				t.Errorf("%s: an empty page", query)
			}
			for _, x := range found {
				all = append(all, x["eventTime"].(string))
			}
			if token == "" {
				break
			}
		}
		up := strings.Contains(query, "ASC")
		if len(all) != 57 || !slices.IsSortedFunc(all, func(a, b string) int {
			if up {
				return strings.Compare(a, b)
			}
			return strings.Compare(b, a)
		}) {
			t.Errorf("%s: %d events, %v", query, len(all), all)
		}
	}
	if found, next := e.find(api.PathEPCISEvents + "?eventCountLimit=3&perPage=2"); len(found) != 2 || next == "" {
		t.Errorf("%d events, next %q", len(found), next)
	} else if found, next = e.find(api.PathEPCISEvents + "?eventCountLimit=3&perPage=2&nextPageToken=" + next); len(found) != 1 || next != "" {
		t.Errorf("%d events, next %q", len(found), next)
	}
	members := func(path string) []string {
		t.Helper()
		resp, b := e.as("GET", path, "")
		var c struct{ Member []string }
		if err := json.Unmarshal(b, &c); err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s: status %d: %s", path, resp.StatusCode, b)
		}
		return c.Member
	}
	if got := members(api.PathEPCIS + "/readPoints"); len(got) != 5 || got[4] != "https://id.gs1.org/414/4012345000115/254/4" {
		t.Errorf("%v", got)
	}
	if got := members(api.PathEPCIS + "/epcs?perPage=1000"); len(got) != 57 {
		t.Errorf("%d epcs", len(got))
	}
	if got := members(api.PathEPCIS + "/bizSteps"); !reflect.DeepEqual(got, []string{"https://ref.gs1.org/cbv/BizStep-shipping"}) {
		t.Errorf("%v", got)
	}
	for path, want := range map[string]int{
		"/epcs/" + url.PathEscape("https://id.gs1.org/01/09506000134352/21/7") + "/events": 1, "/epcs/urn:epc:id:sgtin:9506000.013435.7/events": 1, "/bizSteps/shipping/events?perPage=100": 57,
		"/readPoints/" + url.PathEscape("https://id.gs1.org/414/4012345000115/254/4") + "/events": 11, "/dispositions/active/events": 0, "/eventTypes/ObjectEvent/events?perPage=60": 57, "/eventTypes/TransactionEvent/events": 0,
	} {
		if found, _ := e.find(api.PathEPCIS + path); len(found) != want {
			t.Errorf("%s: %d events, want %d", path, len(found), want)
		}
	}
}
