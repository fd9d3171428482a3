package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"zhenglian/app/batch"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/client/epcis"
)

// The events that are captured.
const (
	captureBatch   = 500   // of one document, under one statement
	captureMost    = 24000 // a second for which documents are made beforehand
	captureClients = 4     // at once, of one gateway
	captureTarget  = 2_000 // a second
)

// captured is a document and the statement that anchors it.
type captured struct {
	document []byte
	envelope []byte // DSSE
	id       tx.ID
}

// eventDocument makes the n-th document: shipping events with two items, a lot, places,
// parties, a transaction and a temperature, as a cold chain has them.
func eventDocument(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"@context":["` + epcis.StandardContext + `",{"ex":"https://ns.example.com/epcis/"}],"type":"EPCISDocument","schemaVersion":"2.0","creationDate":"2026-11-23T08:00:00Z","epcisBody":{"eventList":[`)
	for i := range captureBatch {
		if i > 0 {
			b.WriteByte(',')
		}
		s := n*captureBatch + i
		fmt.Fprintf(&b, `{"type":"ObjectEvent","eventTime":"2026-11-23T%02d:%02d:%02d+08:00","eventTimeZoneOffset":"+08:00","epcList":["urn:epc:id:sgtin:9506000.013435.%d","urn:epc:id:sgtin:9506000.013435.B%d"],`+
			`"quantityList":[{"epcClass":"urn:epc:class:lgtin:9506000.013435.L%d","quantity":12.5,"uom":"KGM"}],"action":"OBSERVE","bizStep":"shipping","disposition":"in_transit",`+
			`"readPoint":{"id":"urn:epc:id:sgln:9506000.00001.0"},"bizLocation":{"id":"urn:epc:id:sgln:9506000.0000%d.0"},"bizTransactionList":[{"type":"desadv","bizTransaction":"urn:epcglobal:cbv:bt:9506000000002:%d"}],`+
			`"sourceList":[{"type":"owning_party","source":"urn:epc:id:pgln:9506000.00001"}],"sensorElementList":[{"sensorReport":[{"type":"Temperature","value":%d.5,"uom":"CEL"}]}],"ex:vehicle":"渝A%d"}`,
			s/3600%24, s/60%60, s%60, s, s, s/100, s%10, s/50, s%9, s%1000)
	}
	b.WriteString(`]}}`)
	return []byte(b.String())
}

// readEvents is what every capture must do with a document: read it, check it
// against the schema, hash every event.
func readEvents(document []byte) (list []byte, err error) {
	c, err := epcis.ReadCapture(document)
	if err != nil {
		return nil, err
	}
	if len(c.Faults) > 0 {
		return nil, c.Faults[0]
	}
	for i := range c.Events {
		l := c.Events[i].Leaf()
		list = append(list, l[:]...)
	}
	return list, nil
}

// epcisCapture measures the events a second that one of four gateways captures, by
// documents of 500, from the statement that anchors them until they can be queried,
// beside the same documents only read, checked and hashed on all cores of the
// machine with nothing else on it.
func epcisCapture(ctx context.Context, b *bench) (pair, error) {
	n := b.network("epcis.capture", 4, 1, spec{Mode: serve, Gateway: true, Warm: b.scale.warm, Window: b.scale.window})
	if err := n.open(4); err != nil {
		return pair{}, err
	}
	defer n.close()
	w, ok := n.workload.(*ledgerWorkload)
	if !ok {
		return pair{}, errors.New("only the ledger captures events")
	}
	var ps []pair
	for i := range b.scale.pairs {
		docs := make([]captured, b.pool(captureMost)/captureBatch+1)
		begin := time.Now()
		var made errgroup.Group
		made.SetLimit(runtime.GOMAXPROCS(0))
		for k := range docs {
			made.Go(func() (err error) {
				docs[k], err = w.capture(eventDocument(i*len(docs) + k))
				return err
			})
		}
		if err := made.Wait(); err != nil {
			return pair{}, err
		}
		alone := float64(len(docs)*captureBatch) / time.Since(begin).Seconds()
		var rate float64
		n.clients = func(ctx context.Context, urls []string) (err error) {
			rate, err = captureAll(ctx, urls[0], docs, b.scale.warm, b.scale.window)
			return err
		}
		if _, err := n.run(ctx, false); err != nil {
			return pair{}, err
		}
		fmt.Fprintf(b.progress, "epcis.capture %d/%d %.0f events/s, read and hashed alone %.0f/s\n", i+1, b.scale.pairs, rate, alone)
		ps = append(ps, pair{rate, alone})
	}
	p := median(ps)
	b.captured = p.value
	return p, nil
}

func epcisParts(b *bench) []part {
	return []part{{"target", "1/s", pair{b.captured, captureTarget}}}
}

// capture signs the statement of a document.
func (w *ledgerWorkload) capture(document []byte) (c captured, err error) {
	list, err := readEvents(document)
	if err != nil {
		return c, err
	}
	tree, err := batch.Build(list)
	if err != nil {
		return c, err
	}
	s := &tx.Statement{Chain: chainID, Kind: tx.TraceEvents, Member: "hangzhou-amr", At: tx.TimeOf(time.Now()) - 60_000, Expires: 5_000_000,
		Body: &tx.Events{Count: int64(tree.Len()), Root: tree.Root()}}
	text, err := s.Encode()
	if err != nil {
		return c, err
	}
	e, err := tx.Seal(text, w.byName["officer1"])
	if err != nil {
		return c, err
	}
	return captured{document, e.AppendJSON(nil), e.ID()}, nil
}

// captureAll captures documents until the time is over, and returns the events a
// second whose captures were done in the window.
func captureAll(ctx context.Context, gateway string, docs []captured, warm, window time.Duration) (float64, error) {
	begin := time.Now()
	var next, events atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range captureClients {
		group.Go(func() error {
			for time.Since(begin) < warm+window {
				i := int(next.Add(1)) - 1
				if i >= len(docs) {
					return fmt.Errorf("all %d documents are captured: make more", len(docs))
				}
				d := &docs[i]
				if err := post(ctx, gateway+api.PathEnvelopes+"?wait=0", api.MediaDSSE, d.envelope, nil, nil); err != nil {
					return err
				}
				var job api.CaptureJob
				err := post(ctx, gateway+api.PathEPCISCapture, api.MediaJSONLD, d.document, map[string]string{api.HeaderAnchor: d.id.String(), "Prefer": "wait=30"}, &job)
				if err != nil {
					return err
				}
				if !job.Success || job.Captured != captureBatch {
					return fmt.Errorf("capture %s: %+v", job.CaptureID, job.Errors)
				}
				if t := time.Since(begin); t > warm && t <= warm+window {
					events.Add(captureBatch)
				}
			}
			return nil
		})
	}
	err := group.Wait()
	return float64(events.Load()) / window.Seconds(), err
}

// post sends a body that must be taken.
func post(ctx context.Context, url, media string, body []byte, headers map[string]string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", media)
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s answered %d: %.200s", url, resp.StatusCode, b)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(b, into)
}
