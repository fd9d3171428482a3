package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	svix "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"zhenglian/client/api"
	"zhenglian/client/epcis"
	"zhenglian/node/access"
	"zhenglian/node/repository"
)

// Every document that client/epcis knows is captured, and comes back as it was.
func TestEPCISConformance(t *testing.T) {
	e := newEPCIS(t)
	b, err := os.ReadFile("../../client/epcis/testdata/documents.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Name     string
		Document json.RawMessage
	}
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, x := range all {
		doc := string(x.Document)
		j := e.capture(doc, api.HeaderAnchor, e.anchor(doc).String(), api.HeaderReaders, "public")
		if !j.Success {
			t.Errorf("%s: %+v", x.Name, j)
			continue
		}
		events, err := epcis.Events(x.Document)
		if err != nil {
			t.Fatal(err)
		}
		total += len(events)
		for i := range events {
			id, _ := events[i].Fields["eventID"].(string)
			if id == "" {
				id = events[i].ID()
			}
			found, _ := e.find(api.PathEPCISEvents + "?EQ_eventID=" + url.QueryEscape(id))
			if len(found) != 1 {
				t.Errorf("%s: %d events of %s", x.Name, len(found), id)
				continue
			}
			got := found[0]
			if got["recordTime"] == nil || got["eventID"] != id {
				t.Errorf("%s: %v", x.Name, got)
			}
			text, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := epcis.Events(text); err != nil || again[0].Leaf() != events[i].Leaf() {
				t.Errorf("%s: what comes back has another hash: %v", x.Name, err)
			}
			delete(got, "recordTime")
			delete(got, "@context")
			want, err := events[i].Marshal()
			if err != nil {
				t.Fatal(err)
			}
			var same map[string]any
			if err := json.Unmarshal(want, &same); err != nil {
				t.Fatal(err)
			}
			same["eventID"] = id
			if !reflect.DeepEqual(got, same) {
				t.Errorf("%s: %v, captured %v", x.Name, got, same)
			}
		}
	}
	if found, _ := e.find(api.PathEPCISEvents + "?perPage=1000"); len(found) != total {
		t.Errorf("%d events, captured %d", len(found), total)
	}
	// What the parameters of the standard find in them.
	for query, want := range map[string]int{
		"eventType=AssociationEvent": 1, "eventType=AssociationEvent|TransactionEvent": 2, "EQ_action=ADD": 3, "EQ_action=ADD&EQ_action=DELETE": 4,
		"EQ_bizStep=urn:epcglobal:cbv:bizstep:receiving": 5, "EQ_bizStep=shipping|unpacking": 4, "EQ_disposition=in_transit": 3,
		"EQ_persistentDisposition_set=completeness_verified": 5, "EQ_persistentDisposition_unset=completeness_inferred": 5,
		"EQ_transformationID=urn:epc:id:gdti:0614141.12345.400": 1, "MATCH_parentID=urn:epc:id:sscc:0614141.1234567890": 2,
		"MATCH_inputEPC=urn:epc:id:sgtin:4012345.011122.25": 1, "MATCH_outputEPC=urn:epc:idpat:sgtin:4012345.077889.*": 1, "MATCH_outputEPC=urn:epc:idpat:sgtin:4012345.*.*": 3,
		"MATCH_anyEPC=https://shop.example/01/10614141073464/21/2018": 4, "MATCH_epcClass=urn:epc:idpat:sgtin:4012345.098765.*": 1,
		"MATCH_inputEPCClass=urn:epc:class:lgtin:4012345.011111.4444": 1, "MATCH_anyEPCClass=https://id.gs1.org/01/04012345111118/10/4444": 3,
		"GE_eventTime=2020-01-01T00:00:00Z&LT_eventTime=2021-01-01T00:00:00Z": 4, "GE_recordTime=2020-01-01T00:00:00Z": total, "LT_recordTime=2020-01-01T00:00:00Z": 0,
		"EQ_source_owning_party=urn:epc:id:pgln:4012345.00225": 5, "EQ_destination_location=urn:epc:id:sgln:0614141.00777.0": 5, "EQ_bizTransaction_po=urn:epc:id:gdti:0614141.00001.1618034": 5,
		"EXISTS_errorDeclaration=": 1, "EQ_errorReason=incorrect_data": 1, "EQ_correctiveEventID=urn:uuid:404d95fc-9457-4a51-bd6a-0bba133845a8": 1, "GE_errorDeclarationTime=2020-01-01T00:00:00Z": 1,
		"EXISTS_ilmd=": 2, "EQ_ILMD_cbvmda:lotNumber=ABC123": 2, "EQ_ILMD_cbvmda:countryOfOrigin=GB": 1, "EQ_INNER_ILMD_ext2:string=stringInObject": 2, "GT_ILMD_cbvmda:grossWeight=3.4": 1,
		"EQ_ext1:int=10": 5, "GE_ext1:float=20.0": 5, "GT_ext1:float=20": 0, "EQ_INNER_ext3:string=stringInObjectInObject": 5, "EQ_http://ns.example.com/epcis/myField=Example of a vendor/user extension": 1,
		"EQ_type=Temperature": 5, "GE_value_CEL=26": 5, "GT_value_CEL=26": 0, "LT_sDev=1": 5, "EQ_booleanValue=true": 5, "EQ_component=https://ref.gs1.org/cbv/Comp-latitude": 1,
		"EQ_SENSORMETADATA_deviceID=urn:epc:id:giai:4000001.111": 5, "EQ_SENSORREPORT_ext1:someFurtherReportData=someText": 5, "EQ_deviceID=https://id.gs1.org/8004/4000001111": 5,
		"EQ_exception=ALARM_CONDITION": 1, "GE_quantity_KGM=200.5": 3, "EQ_quantity=220": 3, "EXISTS_sensorElementList=": 7, "EXISTS_certificationInfo=": 2,
	} {
		values := url.Values{}
		for _, p := range strings.Split(query, "&") {
			name, v, _ := strings.Cut(p, "=")
			values.Add(name, v)
		}
		if found, _ := e.find(api.PathEPCISEvents + "?perPage=1000&" + values.Encode()); len(found) != want {
			t.Errorf("%s: %d events, want %d", query, len(found), want)
		}
	}
	if found, _ := e.find(api.PathEPCISEvents+"?EQ_mine:int=10", api.HeaderPrefixes, "mine=http://example.com/ext1/"); len(found) != 5 {
		t.Errorf("a prefix of the caller's: %d events", len(found))
	}
}

// Reports on a named query come signed, in order, each event once when the receiver
// takes it, again when it does not; a schedule sends them at its times.
func TestEPCISSubscriptions(t *testing.T) {
	guard, err := access.New(access.Config{Anonymous: []access.Scope{access.Read, access.Submit, access.Hooks}})
	if err != nil {
		t.Fatal(err)
	}
	e := newEPCIS(t, func(_ *Config, o *Options) { o.Access = guard })
	var mu sync.Mutex
	got := map[string][]string{}
	bodies := map[string][]*http.Request{}
	refuse := 1
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if refuse > 0 {
			refuse--
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		events, err := epcis.Events(b)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(strings.NewReader(string(b)))
		bodies[r.URL.Path] = append(bodies[r.URL.Path], r)
		for i := range events {
			got[r.URL.Path] = append(got[r.URL.Path], fmt.Sprint(events[i].Fields["x:n"]))
		}
	}))
	defer receiver.Close()

	if resp, b := e.as("POST", api.PathEPCISQueries, `{"name":"ships","query":{"EQ_bizStep":"shipping","GE_x:n":3}}`, api.HeaderPrefixes, "x=https://ns.example/x/"); resp.StatusCode != 201 {
		t.Fatalf("status %d: %s", resp.StatusCode, b)
	}
	if resp, b := e.as("POST", api.PathEPCISQueries, `{"name":"ships","query":{}}`); resp.StatusCode != 409 {
		t.Errorf("a name twice: status %d: %s", resp.StatusCode, b)
	}
	for _, bad := range []string{`{"name":"a b","query":{}}`, `{"name":"x","query":{"EQ_dream":1}}`, `{"name":"x","query":{"EQ_action":{}}}`, `{"what":1}`} {
		if resp, b := e.as("POST", api.PathEPCISQueries, bad); resp.StatusCode != 400 {
			t.Errorf("%s: status %d: %s", bad, resp.StatusCode, b)
		}
	}
	const subs = api.PathEPCISQueries + "/ships/subscriptions"
	for body, status := range map[string]int{`{"dest":"http://10.1.2.3/","stream":true}`: 422, `{"dest":"` + receiver.URL + `"}`: 400, `{"dest":"` + receiver.URL + `","schedule":{"hour":"25"}}`: 400,
		`{"dest":"` + receiver.URL + `","schedule":{"hour":"1"},"stream":true}`: 400} {
		if resp, b := e.as("POST", subs, body); resp.StatusCode != status {
			t.Errorf("%s: status %d: %s", body, resp.StatusCode, b)
		}
	}
	subscribe := func(body string) (id, secret string) {
		t.Helper()
		resp, b := e.as("POST", subs, body)
		var s struct{ SubscriptionID, Secret string }
		if err := json.Unmarshal(b, &s); err != nil || resp.StatusCode != 201 || s.Secret == "" {
			t.Fatalf("status %d: %s, %v", resp.StatusCode, b, err)
		}
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Secret, "whsec_"))
		if err != nil || len(key) != 32 {
			t.Fatalf("%s: %v", s.Secret, err)
		}
		for _, path := range []string{e.path, e.path + "-wal"} {
			if kept, err := os.ReadFile(path); err != nil || bytes.Contains(kept, key) || !bytes.Contains(kept, []byte("ships")) && path != e.path {
				t.Errorf("%s holds the secret, or not the subscription: %v", path, err)
			}
		}
		return s.SubscriptionID, s.Secret
	}
	stream, secret := subscribe(`{"dest":"` + receiver.URL + `/stream","stream":true}`)
	subscribe(`{"dest":"` + receiver.URL + `/every-second","schedule":{"second":"[0-59]"}}`)
	numbers := func(from, to int) (want []string) {
		for i := from; i < to; i++ {
			want = append(want, fmt.Sprint(i))
		}
		return want
	}
	put := func(from, to int) {
		t.Helper()
		var events []string
		for i := from; i < to; i++ {
			events = append(events, object(i, fmt.Sprintf(`,"x:n":%d`, i)))
		}
		doc := epcisDocument(events...)
		if j := e.capture(doc, api.HeaderAnchor, e.anchor(doc).String(), api.HeaderReaders, "public"); !j.Success {
			t.Fatalf("%+v", j)
		}
	}
	put(0, 6)
	put(6, 10)
	until := time.Now().Add(20 * time.Second)
	for {
		mu.Lock()
		done := reflect.DeepEqual(got["/stream"], numbers(3, 10)) && reflect.DeepEqual(got["/every-second"], numbers(3, 10))
		mu.Unlock()
		if done {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("reported %v", got)
		}
		time.Sleep(50 * time.Millisecond)
	}
	hook, err := svix.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	for _, r := range bodies["/stream"] {
		b, _ := io.ReadAll(r.Body)
		if err := hook.Verify(b, r.Header); err != nil {
			t.Errorf("signature: %v", err)
		}
		if !strings.Contains(string(b), `"subscriptionID":"`+stream+`"`) || !strings.Contains(string(b), `"queryName":"ships"`) {
			t.Errorf("%s", b)
		}
	}
	mu.Unlock()
	if resp, b := e.as("GET", subs+"/"+stream, ""); resp.StatusCode != 200 || strings.Contains(string(b), "whsec_") {
		t.Errorf("status %d: %s", resp.StatusCode, b)
	}
	if found, _ := e.find(api.PathEPCISQueries + "/ships/events"); len(found) != 7 {
		t.Errorf("%d events of the query", len(found))
	}
	if resp, _ := e.as("DELETE", api.PathEPCISQueries+"/ships", ""); resp.StatusCode != 409 {
		t.Errorf("a query with subscriptions is removed: %d", resp.StatusCode)
	}
	resp, b := e.as("GET", subs, "")
	var all []struct{ SubscriptionID string }
	if err := json.Unmarshal(b, &all); err != nil || resp.StatusCode != 200 || len(all) != 2 {
		t.Fatalf("status %d: %s", resp.StatusCode, b)
	}
	for _, s := range all {
		if resp, _ := e.as("DELETE", subs+"/"+s.SubscriptionID, ""); resp.StatusCode != 204 {
			t.Errorf("status %d", resp.StatusCode)
		}
	}
	if resp, _ := e.as("DELETE", api.PathEPCISQueries+"/ships", ""); resp.StatusCode != 204 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

// A capture that was not done when the process ended is done by the next one.
func TestEPCISRestart(t *testing.T) {
	e := newEPCIS(t)
	path := t.TempDir() + "/epcis.db"
	r, err := repository.Open(repository.Config{Path: path, Key: epcisKey, Ledger: &epcisLedger{l: e.g.ledger}})
	if err != nil {
		t.Fatal(err)
	}
	doc := epcisDocument(object(1, ``))
	j, err := r.Capture(t.Context(), repository.Request{Anchor: e.anchor(doc), Document: []byte(doc), Readers: repository.Readers{Public: true}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil { // Run never ran
		t.Fatal(err)
	}
	time.Sleep(2 * time.Millisecond)
	if r, err = repository.Open(repository.Config{Path: path, Key: epcisKey, Ledger: &epcisLedger{l: e.g.ledger}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	e.eventually("the capture is done", func() bool {
		now, err := r.Job(t.Context(), j.ID)
		return err == nil && now.Success() && now.Captured == 1
	})
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
