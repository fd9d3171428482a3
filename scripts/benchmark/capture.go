package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chromedp/chromedp"

	"zhenglian/client/capture"
)

// captureBound is what a capture may take beyond the page's own load, in seconds.
const captureBound = 3

// localPage is a page like a shop's: text, a style sheet, a script, twenty pictures.
func localPage() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<!DOCTYPE html><title>店铺</title><link rel=stylesheet href=/s.css><script src=/s.js></script>`)
		for i := range 20 {
			fmt.Fprintf(w, `<p><img src="/%d.png"> %s`, i, strings.Repeat("“国家级”龙井茶，全网最低价！", 40))
		}
	})
	mux.HandleFunc("/s.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css")
		fmt.Fprint(w, "p{margin:1em}")
	})
	mux.HandleFunc("/s.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprint(w, "document.documentElement.lang='zh'")
	})
	mux.HandleFunc("/{name}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		png.Encode(w, image.NewRGBA(image.Rect(0, 0, 300, 200)))
	})
	return mux
}

// captureLocal measures a capture with everything that is taken by default, browser
// start and hashing included, beside the load of the same page in a browser that
// runs already, plus what a capture may take beyond it.
func captureLocal(ctx context.Context, b *bench) (pair, error) {
	srv := httptest.NewServer(localPage())
	defer srv.Close()
	dir, err := os.MkdirTemp("", "capture-")
	if err != nil {
		return pair{}, err
	}
	defer os.RemoveAll(dir)
	var ps []pair
	for i := range b.scale.pairs {
		load, err := loadAlone(ctx, srv.URL)
		if err != nil {
			return pair{}, err
		}
		begin := time.Now()
		r, err := capture.Page(ctx, capture.Options{URL: srv.URL, OutDir: filepath.Join(dir, fmt.Sprint(i)), AllowPrivate: true})
		if err != nil {
			return pair{}, err
		}
		if r.Outcome != capture.Complete {
			return pair{}, errors.New(r.Reason)
		}
		p := pair{time.Since(begin).Seconds(), load.Seconds() + captureBound}
		fmt.Fprintf(b.progress, "capture.local %d/%d %.2f s, load alone %.2f s\n", i+1, b.scale.pairs, p.value, load.Seconds())
		ps = append(ps, p)
	}
	return median(ps), nil
}

// loadAlone loads a page in a browser with a new profile, and says how long the
// load took.
func loadAlone(ctx context.Context, url string) (time.Duration, error) {
	opts := []chromedp.ExecAllocatorOption{chromedp.Headless, chromedp.NoFirstRun, chromedp.DisableGPU}
	ctx, cancel := chromedp.NewExecAllocator(ctx, opts...)
	defer cancel()
	ctx, stop := chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {}))
	defer stop()
	if err := chromedp.Do(ctx); err != nil {
		return 0, err
	}
	begin := time.Now()
	err := chromedp.Do(ctx, chromedp.Navigate(url))
	return time.Since(begin), err
}
