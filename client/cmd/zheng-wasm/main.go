//go:build js

// Command zheng-wasm is the court tool for a browser: packages receipt and paper as
// WebAssembly, and digests of files of any length. Built by scripts/wasm, it runs
// in a worker of the page /verify and reads no network and no clock.
//
// It defines one global object:
//
//	zheng.verify(document, trust, files, id)                   → {verdict, json, zh, en, words}
//	zheng.bundle(read, size, trust, files, id, certificates)   → the same, of a bundle
//	zheng.trust(trust)                                         → {chain, height, validators, sha256}
//	zheng.hasher()                                             → {write(bytes), sum() → {sha256, sm3, bytes}}
//
// It is built twice: bundle is there only in the one with the build tag bundles,
// which is half as large again, because time-stamps want X.509 and CMS. The page
// loads that one when a bundle is dropped on it; the page that is one file carries
// it alone.
//
// document is a receipt, a certificate in PDF, or the text of printed codes, one a
// line; read is a function (offset, length) → Uint8Array, which may be called for
// all of the bundle; certificates is PEM of the roots of time-stamp authorities
// that are trusted, or empty. document, trust and certificates are Uint8Arrays,
// files is an array of {name, sha256, sm3, bytes} with digests in lower-case hex, id
// is "" or the id of the statement that is asked for. json, zh and en are the report, byte for byte as zheng-verify
// writes it with -o json and with --lang; words is {value: {zh, en}} for the values
// of state and type in its facts. What cannot be read is answered
// {error}; nothing is thrown. sha256 of a trust root is that of its file as
// [receipt.Trust.Encode] writes it: its fingerprint.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"syscall/js"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/paper"

	"github.com/emmansun/gmsm/sm3"
)

func main() {
	functions["verify"] = function(4, verify)
	functions["trust"] = function(1, describe)
	functions["hasher"] = function(0, newHasher)
	js.Global().Set("zheng", js.ValueOf(functions))
	select {} // the functions are called from outside
}

// functions are what the page can call.
var functions = map[string]any{}

// function makes a function of JavaScript with so many arguments.
func function(arity int, f func(args []js.Value) (map[string]any, error)) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) any {
		if len(args) != arity {
			return map[string]any{"error": fmt.Sprintf("%d arguments, want %d", len(args), arity)}
		}
		v, err := f(args)
		if err != nil {
			return map[string]any{"error": err.Error()}
		}
		return v
	})
}

func verify(args []js.Value) (map[string]any, error) {
	doc, err := content(args[0], paper.MaxPDF)
	if err != nil {
		return nil, fmt.Errorf("document: %w", err)
	}
	q, err := ask(args[1], args[2], args[3])
	if err != nil {
		return nil, err
	}
	r := paper.Verify(doc, q.trust, q.Options)
	return answer(r, string(r.JSON()), r.Page), nil
}

// A question is what is asked of a document.
type question struct {
	trust *receipt.Trust
	receipt.Options
}

func ask(root, files, id js.Value) (q question, err error) {
	b, err := content(root, receipt.MaxBytes)
	if err != nil {
		return q, fmt.Errorf("trust root: %w", err)
	}
	if q.trust, err = receipt.ParseTrust(b); err != nil {
		return q, err
	}
	if id := id.String(); id != "" {
		if q.WantID, err = tx.ParseID(id); err != nil {
			return q, fmt.Errorf("id: %w", err)
		}
	}
	for i := range files.Length() {
		f := files.Index(i)
		d := receipt.FileDigests{Name: f.Get("name").String(), Bytes: int64(f.Get("bytes").Int())}
		if d.SHA256, err = tx.ParseDigest(f.Get("sha256").String()); err != nil {
			return q, fmt.Errorf("SHA-256 of %q: %w", d.Name, err)
		}
		if d.SM3, err = tx.ParseDigest(f.Get("sm3").String()); err != nil {
			return q, fmt.Errorf("SM3 of %q: %w", d.Name, err)
		}
		q.Files = append(q.Files, d)
	}
	return q, nil
}

// answer is a report in every form.
func answer(r *receipt.Report, json string, page func(lang string) *receipt.Page) map[string]any {
	return map[string]any{
		"verdict": string(r.Verdict), "json": json, "zh": receipt.TextOf(page, receipt.ZH), "en": receipt.TextOf(page, receipt.EN), "words": words(r.Facts),
	}
}

func words(f *receipt.Facts) map[string]any {
	w := map[string]any{}
	if f == nil {
		return w
	}
	put := func(value string, t receipt.Text) { w[value] = map[string]any{"zh": t.ZH, "en": t.EN} }
	put(f.State, receipt.StateText(f.State))
	for i := range f.Signers {
		put(f.Signers[i].Type, receipt.VoteText(f.Signers[i].Type))
	}
	return w
}

func describe(args []js.Value) (map[string]any, error) {
	b, err := content(args[0], receipt.MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("trust root: %w", err)
	}
	t, err := receipt.ParseTrust(b)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(t.Root().Encode()) // it stays, however the validators change
	return map[string]any{
		"chain": t.Chain, "height": float64(t.Height), "validators": len(t.Validators), "sha256": hex.EncodeToString(sum[:]),
	}, nil
}

// content copies a Uint8Array of at most limit bytes, and of a longer one enough for
// the verifier to see that it is.
func content(v js.Value, limit int) ([]byte, error) {
	if !v.InstanceOf(js.Global().Get("Uint8Array")) {
		return nil, errors.New("not a Uint8Array")
	}
	n := min(v.Get("length").Int(), limit+1)
	b := make([]byte, n)
	js.CopyBytesToGo(b, v)
	return b, nil
}

// newHasher makes both digests of what is written to it, which may be gigabytes.
func newHasher([]js.Value) (map[string]any, error) {
	a, b := sha256.New(), sm3.New()
	var n int64
	buf := make([]byte, 64<<10)
	return map[string]any{
		"write": function(1, func(args []js.Value) (map[string]any, error) {
			length := args[0].Get("length").Int()
			for at := 0; at < length; at += len(buf) {
				k := js.CopyBytesToGo(buf, args[0].Call("subarray", at, min(length, at+len(buf))))
				a.Write(buf[:k])
				b.Write(buf[:k])
			}
			n += int64(length)
			return nil, nil
		}),
		"sum": function(0, func([]js.Value) (map[string]any, error) {
			return map[string]any{"sha256": sum(a), "sm3": sum(b), "bytes": n}, nil
		}),
	}, nil
}

func sum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }
