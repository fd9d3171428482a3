// Package bundletest makes bundles for tests: a web capture of a shop's page,
// sealed on the ledger of package clienttest, with two time-stamps whose clock
// agrees with that of the ledger.
package bundletest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm3"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client"
	"zhenglian/client/api"
	"zhenglian/client/bundle"
	"zhenglian/client/clienttest"
	"zhenglian/client/fields"
	"zhenglian/client/stamp"
	"zhenglian/client/warc"
)

// A Case is everything that a bundle is made of.
type Case struct {
	Contents bundle.Contents
	Trust    *receipt.Trust
	TSARoots []*x509.Certificate
	ID       tx.ID
	Data     map[string][]byte // evidence files by path
}

// start is a little before the first block of the ledger.
var start = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// New makes a case whose screenshot has about big bytes.
func New(t testing.TB, big int) *Case {
	t.Helper()
	var authorities []stamp.Authority
	var roots []*x509.Certificate
	for _, name := range []string{"A", "B"} {
		a, err := stamp.NewTestAuthority(name, func() time.Time { return start.Add(12 * time.Second) })
		if err != nil {
			t.Fatal(err)
		}
		authorities, roots = append(authorities, a), append(roots, a.Root)
	}
	return newCase(t, big, authorities, roots)
}

// NewStamped makes a case with one time-stamp by an authority that is not for
// tests, made so long after 08:00:00. The anchor block is of 08:00:11, the block that
// seals of 08:00:13, and the capture claims to have ended at 08:00:10.
func NewStamped(t testing.TB, after time.Duration) *Case {
	t.Helper()
	a := newAuthority(t, start.Add(after))
	return newCase(t, 0, []stamp.Authority{a}, []*x509.Certificate{a.root()})
}

func newCase(t testing.TB, big int, authorities []stamp.Authority, roots []*x509.Certificate) *Case {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := context.Background()
	ledger := clienttest.New()
	srv := httptest.NewServer(ledger)
	t.Cleanup(srv.Close)
	c, err := client.New(client.Config{Gateway: srv.URL})
	must(err)
	var signers []tx.Signer
	for i := range 3 {
		k, err := tx.NewPrivateKey(tx.Secp256k1, bytes.Repeat([]byte{byte(i + 1)}, 32))
		must(err)
		signers = append(signers, k)
	}
	enter := func(e tx.Evidence, files []tx.File) *api.Submission {
		var local []client.LocalFile
		for _, f := range files {
			local = append(local, client.LocalFile{File: f})
		}
		s, err := c.Notarize(ctx, client.NotarizeOptions{Member: "hangzhou-amr", Evidence: e, Files: local, Signers: signers, Trust: ledger.Trust})
		must(err)
		return s.Submission
	}
	captured := tx.Captured{Started: tx.TimeOf(start.Add(9 * time.Second)), Ended: tx.TimeOf(start.Add(10 * time.Second)), Method: "chromium_headless_cdp", Tool: "zheng capture/test chromium/156", ToolSHA256: tx.Digest{1}}

	// An earlier statement, for a block to anchor in.
	first := enter(tx.Evidence{Class: "file", Captured: captured}, []tx.File{{Bytes: 1, Media: "text/plain", Role: "original", SHA256: tx.Digest{1}, SM3: tx.Digest{2}}})
	r, err := receipt.Parse(first.Receipt)
	must(err)
	h := r.Block.Header
	anchor := tx.Anchor{Height: h.Height, Hash: h.Hash()}
	block := blockOf(t, first.Receipt)
	header, err := bundle.AnchorHeader(block, anchor)
	must(err)

	env := []byte(`{"v":1,"result":"ok","items":[{"id":"dns","result":"ok","observed":"203.0.113.7"},{"id":"browser_version","result":"na","observed":"156"}]}`)
	data := map[string][]byte{
		"capture.json": []byte(`{"v":1,"url":"https://shop.example/item/1","final_url":"https://shop.example/item/1?x=2","title":"示例店铺","outcome":"COMPLETE","http_status":200,"remote_ip":"203.0.113.7","certificate":"trusted"}`),
		"env.json":     env,
		"net.jsonl":    []byte(`{"url":"https://shop.example/item/1","status":200,"remote_ip":"203.0.113.7","at":"2026-11-23T08:00:09.500Z"}` + "\n"),
		"page.mhtml":   []byte("MIME-Version: 1.0\r\n\r\n“国家级”龙井茶\r\n"),
		"page.png":     append([]byte("\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte("pixel"), 1+big/5)...),
		"text.txt":     []byte("“国家级”龙井茶，全网最低价！\n"),
	}
	for name, b := range webArchive(t) {
		data[name] = b
	}
	roles := map[string][2]string{
		"capture.json": {"summary", "application/json"}, "env.json": {"env", "application/json"}, "net.jsonl": {"net", "application/jsonl"},
		"page.mhtml": {"mhtml", "multipart/related"}, "page.png": {"screenshot", "image/png"}, "text.txt": {"text", "text/plain"},
		warc.NameArchive: {"warc", "application/warc"}, warc.NameIndex: {"warc_index", "text/plain"}, warc.NamePages: {"warc_pages", "application/jsonl"},
	}
	k := &Case{Trust: ledger.Trust, TSARoots: roots, Data: map[string][]byte{}}
	var stated []tx.File
	var listed []bundle.File
	for name, b := range data {
		f := tx.File{Bytes: int64(len(b)), Media: roles[name][1], Role: roles[name][0], SHA256: sha256.Sum256(b), SM3: sm3.Sum(b)}
		p := bundle.CapturePath(name)
		k.Data[p] = b
		stated = append(stated, f)
		listed = append(listed, bundle.File{Path: p, Role: f.Role, Media: f.Media, Bytes: f.Bytes, SHA256: f.SHA256, SM3: f.SM3})
	}
	fs, err := bundle.CaptureFields(data["capture.json"])
	must(err)
	fs = append(fs, fields.Field{Name: "case_no", Value: "杭市监案字〔2026〕12号"}, fields.Field{Name: "officers", Value: "张三、李四"})
	seal, err := bundle.NewSeal(ctx, bundle.SealOptions{
		Fields: fs, Files: listed, Anchor: anchor, Header: header, Authorities: authorities,
		Events: []bundle.Event{{At: captured.Started, Event: "collected", Detail: captured.Tool}, {At: captured.Ended, Event: "hashed", Detail: fmt.Sprintf("%d files", len(listed))}},
	})
	must(err)
	e := tx.Evidence{Class: "web_capture", Captured: captured, Env: &tx.Env{ReportSHA256: sha256.Sum256(env), Result: "ok"}}
	seal.Bind(&e)
	s := enter(e, stated)
	k.ID = s.ID
	k.Contents = bundle.Contents{Seal: seal, Receipt: s.Receipt, Trust: ledger.Trust, Open: func(f bundle.File) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(k.Data[f.Path])), nil
	}}
	return k
}

// webArchive makes what a capture of the page keeps of the network.
func webArchive(t testing.TB) map[string][]byte {
	t.Helper()
	const url = "https://shop.example/item/1?x=2"
	var b bytes.Buffer
	at := start.Add(9*time.Second + 500*time.Millisecond)
	w, err := warc.NewWriter(&b, warc.NameFile, warc.Header{Date: at}, [][2]string{{"software", "zheng capture/test"}})
	if err != nil {
		t.Fatal(err)
	}
	put := func(h warc.Header, block []byte) string {
		h.Date, h.IP = at, netip.MustParseAddr("203.0.113.7")
		id, err := w.Write(h, block)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	id := put(warc.Header{Type: warc.Response, URI: url, ContentType: warc.TypeResponse, Protocol: "h2"},
		warc.Message(warc.StatusLine(200, ""), [][2]string{{"content-type", "text/html; charset=utf-8"}}, []byte("<title>示例店铺</title><p>“国家级”龙井茶</p>")))
	put(warc.Header{Type: warc.Request, URI: url, ContentType: warc.TypeRequest, ConcurrentTo: id}, warc.Message("GET /item/1?x=2 HTTP/1.1", [][2]string{{"host", "shop.example"}}, nil))
	return map[string][]byte{warc.NameArchive: b.Bytes(), warc.NameIndex: w.Index(), warc.NamePages: warc.EncodePages("page", url, "示例店铺", at)}
}

// Bytes returns the bundle of k.
func (k *Case) Bytes(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := bundle.Write(context.Background(), &b, k.Contents); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// blockOf takes the block out of a receipt, as a checkpoint would show it.
func blockOf(t testing.TB, doc []byte) json.RawMessage {
	var parts struct {
		Block json.RawMessage `json:"block"`
	}
	if err := json.Unmarshal(doc, &parts); err != nil {
		t.Fatal(err)
	}
	return parts.Block
}
