// Package web holds the pages that a gateway serves: a start page, the
// documentation of its API, the page that verifies, the workbench of officers, and the
// page of an evidence item. They are a few files without a build step, load nothing from elsewhere and
// use the same REST paths as everybody. The public ones work without JavaScript.
//
// # The page that verifies
//
// verify.html asks for files, a receipt, certificate or bundle, photographs of printed
// codes, a trust root and a digest or id. verify.js hashes and verifies in a worker,
// which runs packages receipt and paper as WebAssembly (verifier/, made by
// scripts/wasm), for bundles a larger program; photographs are read by jsQR (vendor/).
// Files stay where they are.
// [Offline] is the same page as one file that works without any site.
//
// # The workbench
//
// notarize.html has the gateway capture pages, shows what it captured, and has people
// sign: signer.js runs package tx as WebAssembly in a worker, with the key file that
// somebody chooses. Neither key nor passphrase leaves the page. What is signed is first
// read in the worker and shown, and compared with what was looked at.
//
// # The form of a station
//
// station.html takes down lots one by one on a phone, keeps them in the browser, and
// makes trace.register statements of them, signed as on the workbench; or a table for
// zheng trace import.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"sync"

	"github.com/andybalholm/brotli"
)

// Files are the pages and what they load.
//
//go:embed start.html docs.html docs.js style.css verify.html verify.js worker.js notarize.html notarize.js signer.js station.html station.js evidence.html unit.html reported.html verifier vendor
var Files embed.FS

// Policy is the Content-Security-Policy of the pages: their own files and the
// gateway itself, no inline script, no frame around them.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// VerifyPolicy is that of the page that verifies. It also compiles WebAssembly,
// starts a worker and asks the gateway in a form.
const VerifyPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// NotarizePolicy is that of the workbench. It signs in a worker and shows artefacts that
// it has fetched.
const NotarizePolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// StationPolicy is that of the form of a station, which signs in a worker.
const StationPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// A Program is WebAssembly that the page that verifies runs.
type Program struct {
	Name string // in its path
	gzip func() []byte
}

// Programs are the verifier, the one that reads bundles as well, and the one that signs.
var Programs = []*Program{newProgram("verifier"), newProgram("bundles"), newProgram("signer")}

func newProgram(name string) *Program {
	p := &Program{Name: name}
	p.gzip = sync.OnceValue(func() []byte {
		var b bytes.Buffer
		w := must(gzip.NewWriterLevel(&b, gzip.BestCompression))
		must(io.Copy(w, brotli.NewReader(bytes.NewReader(p.Brotli()))))
		if err := w.Close(); err != nil {
			panic(err)
		}
		return b.Bytes()
	})
	return p
}

// Brotli returns the program as it is embedded, compressed with brotli.
func (p *Program) Brotli() []byte { return must(Files.ReadFile("verifier/" + p.Name + ".wasm.br")) }

// Gzip returns it for browsers that take no brotli, which they do not without TLS,
// and for the page that is one file. It is made once.
func (p *Program) Gzip() []byte { return p.gzip() }

// Decoder returns the script that finds QR codes in pictures: jsQR, Apache-2.0.
func Decoder() []byte { return must(Files.ReadFile("vendor/jsQR.js")) }

// Worker returns the script of the worker: Go's glue, and ours behind it.
var Worker = sync.OnceValue(func() []byte {
	return append(append(must(Files.ReadFile("verifier/wasm_exec.js")), '\n'), must(Files.ReadFile("worker.js"))...)
})

// Signer returns the script of the worker that signs: Go's glue, and ours behind it.
var Signer = sync.OnceValue(func() []byte {
	return append(append(must(Files.ReadFile("verifier/wasm_exec.js")), '\n'), must(Files.ReadFile("signer.js"))...)
})

// must is for files that are embedded: they are there, and tests have read them.
func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("web: %v", err))
	}
	return v
}

// A Look is how a page is shown: the query parameters lang and large.
type Look struct {
	English bool
	Large   bool
}

// LookOf reads the query parameters: lang=en and large=1. Others mean Chinese, in
// letters of the usual size.
func LookOf(lang, large string) Look { return Look{English: lang == "en", Large: large == "1"} }

// T returns the sentence in the page's language.
func (l Look) T(zh, en string) string {
	if l.English {
		return en
	}
	return zh
}

// Lang is the page's language as HTML names it.
func (l Look) Lang() string { return l.T("zh-CN", "en") }

// Query are the query parameters that keep the look; empty when it is the usual one.
func (l Look) Query() template.URL {
	q := ""
	if l.English {
		q += "&lang=en"
	}
	if l.Large {
		q += "&large=1"
	}
	if q == "" {
		return ""
	}
	return template.URL("?" + q[1:])
}

// Other is the look in the other language.
func (l Look) Other() Look { l.English = !l.English; return l }

// Resized is the look in the other size.
func (l Look) Resized() Look { l.Large = !l.Large; return l }

var pages = template.Must(template.ParseFS(Files, "verify.html", "notarize.html", "station.html", "evidence.html", "unit.html", "reported.html"))

// Embedded is what a page that is one file carries in itself.
type Embedded struct {
	Policy template.HTMLAttr // of Content-Security-Policy, in a meta element
	Style  template.CSS
	Script template.JS
	Worker template.HTML // base64
	WASM   template.HTML // base64 of gzip
}

// A Verify is the page that verifies.
type Verify struct {
	Look
	Asked   string    // digest or id in the form; empty: nothing was asked
	Answers []Answer  // of the gateway
	Bad     bool      // Asked is neither a digest nor an id
	Offline *Embedded // nil: the page is served
}

// An Answer is what the gateway says of a digest or id. It proves nothing.
type Answer struct {
	Found     bool
	Sentence  string
	NotProven []string
	IDs       []string // of the statements found
}

// Render writes the page.
func (v *Verify) Render(w io.Writer) error { return pages.ExecuteTemplate(w, "verify.html", v) }

// Offline returns the page that verifies as one file, which loads nothing: its own
// policy forbids it to open any connection.
func Offline(l Look) ([]byte, error) {
	style, script := must(Files.ReadFile("style.css")), must(Files.ReadFile("verify.js"))
	e := &Embedded{
		Policy: template.HTMLAttr(fmt.Sprintf(`content="default-src 'none'; script-src '%s' 'wasm-unsafe-eval' blob:; worker-src blob:; style-src '%s'; base-uri 'none'; form-action 'none'"`, hashSource(script), hashSource(style))),
		Style:  template.CSS(style),
		Script: template.JS(script),
		Worker: template.HTML(base64.StdEncoding.EncodeToString(slices.Concat(Decoder(), []byte{'\n'}, Worker()))),
		WASM:   template.HTML(base64.StdEncoding.EncodeToString(Programs[1].Gzip())),
	}
	var b bytes.Buffer
	err := (&Verify{Look: l, Offline: e}).Render(&b)
	return b.Bytes(), err
}

// hashSource is the source expression that allows one inline script or style (CSP 3 §2.3.1).
func hashSource(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// A Notarize is the workbench of officers. Everything in it is done by notarize.js.
type Notarize struct{ Look }

// Render writes the page.
func (n *Notarize) Render(w io.Writer) error { return pages.ExecuteTemplate(w, "notarize.html", n) }

// A Station is the form of a station that registers lots.
type Station struct{ Look }

// Render writes the page.
func (s *Station) Render(w io.Writer) error { return pages.ExecuteTemplate(w, "station.html", s) }

// An Evidence is the page of a statement.
type Evidence struct {
	Look
	ID          string
	Found       bool
	Broken      bool   // it is there, and could not be read
	Verdict     string // of the gateway about itself
	Good        bool   // it verifies
	Certificate bool   // the gateway prints one
	Summary     string
	Facts       []Fact
	Signers     []Fact
	Files       []File
	State       string
	Statement   string // the canonical bytes that were signed, as text

	Missing  []string // signatures that the rule still lacks
	Head     string   // id of the last effective statement of the matter; empty: it has none
	Disputed bool     // the statement opens evidence, which others may challenge
	Codes    []template.URL
}

// A Fact is a line of the page.
type Fact struct{ Name, Value string }

// A File is a file that the statement names.
type File struct {
	Role, Media, SHA256, SM3 string
	Bytes                    int64
	Kept                     bool // the gateway has the bytes
}

// Render writes the page.
func (e *Evidence) Render(w io.Writer) error { return pages.ExecuteTemplate(w, "evidence.html", e) }
