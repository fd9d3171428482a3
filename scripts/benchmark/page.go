package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/node/index"
)

// errNoBlock: there is no node behind the goods, and a page needs no signed block.
var errNoBlock = errors.New("no node")

// pageConsumer measures the page behind a code: the seconds that a gateway takes to
// answer, one scan at a time, over the graph of goods: lots of the last hop, whose
// history is that of ten hops before them. The value is the p99. The ceiling is the
// p99 of the same gateway's page for a code that is not on the ledger: the same
// handlers and the same template, with nothing to look up but the code.
func pageConsumer(ctx context.Context, b *bench) (_ pair, err error) {
	scans := 4000
	if b.scale.pairs == 1 {
		scans = 1000
	}
	g, _, err := b.openGraph(ctx)
	if err != nil {
		return pair{}, err
	}
	defer func() { err = errors.Join(err, g.app.Close()) }()
	dir, err := os.MkdirTemp("", "zhenglian-bench-page-")
	if err != nil {
		return pair{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	x, err := index.Open(filepath.Join(dir, "index.db"), g.app.Store())
	if err != nil {
		return pair{}, err
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	run, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- x.Run(run) }()
	defer func() { cancel(); err = errors.Join(err, <-done) }()
	began := time.Now()
	if err := x.Wait(ctx, g.app.Store().View().Head().LogSize); err != nil {
		return pair{}, err
	}
	fmt.Fprintf(b.progress, "page.consumer: indexed in %.0f s\n", time.Since(began).Seconds())
	gw, err := openGateway(&chain{app: g.app, trust: new(receipt.Trust), signed: func(int64) (receipt.SignedBlock, error) { return receipt.SignedBlock{}, errNoBlock }}, x)
	if err != nil {
		return pair{}, err
	}
	defer gw.listener.Close()
	h := gw.gateway.Handler()
	last := len(goodsWidths) - 1
	var ours, none []float64
	for i := range scans + 100 {
		code := g.lot(i*7%g.families, last, i*577%g.width(last))
		took, body, err := scan(ctx, h, code, http.StatusOK)
		if err != nil {
			return pair{}, err
		}
		if !strings.Contains(body, "/e/") || strings.Count(body, "<li><b>") < len(goodsWidths) {
			return pair{}, fmt.Errorf("the page of %s has no history: %.2000s", code, body)
		}
		absent, _, err := scan(ctx, h, code+"X", http.StatusNotFound)
		if err != nil {
			return pair{}, err
		}
		if i >= 100 { // the first ones fill caches
			ours, none = append(ours, took), append(none, absent)
		}
	}
	slices.Sort(ours)
	slices.Sort(none)
	fmt.Fprintf(b.progress, "page.consumer: %d scans, p50 %.2f ms, p99 %.2f ms\n", scans, 1e3*at(ours, 0.5), 1e3*at(ours, 0.99))
	return pair{at(ours, 0.99), at(none, 0.99)}, nil
}

// scan asks for the page of a code and returns the seconds until it was written.
func scan(ctx context.Context, h http.Handler, code tx.UnitCode, want int) (seconds float64, body string, err error) {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/"+string(code), nil)
	w := httptest.NewRecorder()
	began := time.Now()
	h.ServeHTTP(w, r)
	seconds = time.Since(began).Seconds()
	if w.Code != want {
		return 0, "", fmt.Errorf("page of %s: %d: %.500s", code, w.Code, w.Body)
	}
	return seconds, w.Body.String(), nil
}
