package warc_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"zhenglian/client/warc"
)

var at = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// sample is a file of five records, and its writer.
func sample(t testing.TB) ([]byte, *warc.Writer) {
	t.Helper()
	var b bytes.Buffer
	w, err := warc.NewWriter(&b, "data.warc.gz", warc.Header{Date: at}, [][2]string{{"software", "test"}})
	if err != nil {
		t.Fatal(err)
	}
	put := func(h warc.Header, block []byte) string {
		t.Helper()
		h.Date = at
		id, err := w.Write(h, block)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	page := warc.Message(warc.StatusLine(200, ""), [][2]string{{"Content-Type", "text/html; charset=utf-8"}, {"content-encoding", "br"}, {":status", "200"}, {"X", "a\r\nb"}}, []byte("<p>页面</p>"))
	id := put(warc.Header{Type: warc.Response, URI: "https://www.shop.example/Item?b=2&a=1", ContentType: warc.TypeResponse,
		IP: netip.MustParseAddr("203.0.113.7"), Protocol: "h2"}, page)
	put(warc.Header{Type: warc.Request, URI: "https://www.shop.example/Item?b=2&a=1", ContentType: warc.TypeRequest, ConcurrentTo: id},
		warc.Message("GET /Item?b=2&a=1 HTTP/1.1", [][2]string{{"Accept", ""}}, nil))
	id = put(warc.Header{Type: warc.Request, URI: "https://shop.example/log", ContentType: warc.TypeRequest},
		warc.Message("POST /log HTTP/1.1", nil, []byte("x=1")))
	put(warc.Header{Type: warc.Response, URI: "https://shop.example/log", ContentType: warc.TypeResponse, ConcurrentTo: id, Truncated: "length"},
		warc.Message(warc.StatusLine(299, ""), nil, nil))
	put(warc.Header{Type: warc.Response, URI: "dns:shop.example", ContentType: warc.TypeDNS}, []byte("20261123080000\nshop.example. 60 IN A 203.0.113.7\n"))
	return b.Bytes(), w
}

func read(b []byte) (out []*warc.Record, err error) {
	err = warc.Read(context.Background(), bytes.NewReader(b), func(r *warc.Record) error { out = append(out, r); return nil })
	return out, err
}

func TestRoundTrip(t *testing.T) {
	b, w := sample(t)
	records, err := read(b)
	if err != nil {
		t.Fatal(err)
	}
	var lines []warc.Line
	var types []string
	for _, r := range records {
		types = append(types, fmt.Sprintf("%s %d", r.Type, r.Status()))
		if l := r.IndexLine("data.warc.gz"); l != nil {
			lines = append(lines, *l)
		}
	}
	if got, want := strings.Join(types, ", "), "warcinfo 0, response 200, request 0, request 0, response 299, response 0"; got != want {
		t.Errorf("records %s, want %s", got, want)
	}
	if got := warc.EncodeIndex(lines); !bytes.Equal(got, w.Index()) || bytes.Count(got, []byte("\n")) != 1 {
		t.Errorf("index of the reader\n%s, of the writer\n%s", got, w.Index())
	}
	if !bytes.HasPrefix(w.Index(), []byte(`example,shop)/item?a=1&b=2 20261123080000 {"url":"https://www.shop.example/Item?b=2&a=1","mime":"text/html","status":"200","digest":"sha256:`)) {
		t.Errorf("index %s", w.Index())
	}
	// A member is a file of one record that any gzip reads.
	r := records[1]
	z, err := gzip.NewReader(bytes.NewReader(b[r.Offset : r.Offset+r.Size]))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"WARC-IP-Address: 203.0.113.7\r\n", "x-orig-content-encoding: br\r\n", "X: a  b\r\n", "\r\n\r\n<p>页面</p>\r\n\r\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestSURT(t *testing.T) {
	for in, want := range map[string]string{
		"https://www2.Shop.example:8443/A/b?z&Y=1#frag": "example,shop:8443)/a/b?y=1&z",
		"http://shop.example":                           "example,shop)/",
		"http://[::1]:80/x":                             "[::1]:80)/x",
		"http://wwwshop.example/?":                      "example,wwwshop)/",
		"dns:shop.example":                              "dns:shop.example",
	} {
		if got := warc.SURT(in); got != want {
			t.Errorf("SURT(%q) = %q, want %q", in, got, want)
		}
	}
}

// member compresses a record as somebody else would.
func member(parts ...string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for _, p := range parts {
		io.WriteString(z, p)
	}
	z.Close()
	return b.Bytes()
}

func TestRefused(t *testing.T) {
	good, _ := sample(t)
	records, _ := read(good)
	info := good[:records[0].Size]
	second := func(head, block string) []byte { return append(bytes.Clone(info), member(head, block, "\r\n\r\n")...) }
	const dns = "WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:1>\r\nWARC-Date: 2026-11-23T08:00:00.000Z\r\nWARC-Target-URI: dns:a\r\nContent-Type: text/dns\r\n" +
		"WARC-Block-Digest: sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb\r\nContent-Length: 1\r\n\r\n"
	if _, err := read(second(dns, "a")); err != nil {
		t.Fatalf("the record that the cases change: %v", err)
	}
	swap := func(old, new string) []byte { return second(strings.Replace(dns, old, new, 1), "a") }
	httpHead := strings.NewReplacer("text/dns", warc.TypeResponse+"\r\nWARC-Payload-Digest: sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "dns:a", "http://a/")
	bomb := second(strings.Replace(dns, "Content-Length: 1", "Content-Length: 67108864", 1), strings.Repeat("a", 64<<20))
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":             {nil, "unexpected EOF"},
		"no gzip":           {[]byte("WARC/1.1\r\n"), "gzip"},
		"truncated":         {good[:len(good)-7], "unexpected EOF"},
		"trailing":          {append(bytes.Clone(good), "x"...), "unexpected EOF"},
		"trailing zeros":    {append(bytes.Clone(good), make([]byte, 32)...), "gzip"},
		"twice":             {append(bytes.Clone(good), good[records[1].Offset:]...), "occurs twice"},
		"two warcinfo":      {append(bytes.Clone(info), info...), "no other, is warcinfo"},
		"no warcinfo":       {good[records[0].Size:], "first record"},
		"version":           {swap("WARC/1.1", "WARC/1.0"), "does not begin"},
		"digest":            {swap("sha256:ca", "sha256:cb"), "digest of its block"},
		"short":             {swap("Content-Length: 1", "Content-Length: 0"), "digest of its block"},
		"long":              {swap("Content-Length: 1", "Content-Length: 2"), "digest of its block"},
		"negative":          {swap("Content-Length: 1", "Content-Length: -1"), "Content-Length"},
		"plus":              {swap("Content-Length: 1", "Content-Length: +1"), "one form"},
		"huge":              {swap("Content-Length: 1", "Content-Length: 999999999999"), "over the limit"},
		"type":              {swap("response", "revisit"), "unknown type"},
		"unknown field":     {swap("Content-Type", "WARC-Filename: x\r\nContent-Type"), "one form"},
		"twice the field":   {swap("Content-Type", "WARC-Target-URI: dns:b\r\nContent-Type"), "line"},
		"order":             {swap("WARC-Type: response\r\nWARC-Record-ID: <urn:uuid:1>", "WARC-Record-ID: <urn:uuid:1>\r\nWARC-Type: response"), "one form"},
		"date":              {swap(".000Z", "Z"), "WARC-Date"},
		"address":           {swap("Content-Type", "WARC-IP-Address: 1.2.3\r\nContent-Type"), "WARC-IP-Address"},
		"concurrent":        {swap("Content-Type", "WARC-Concurrent-To: <urn:uuid:9>\r\nContent-Type"), "not before it"},
		"folded":            {swap("Content-Type: text/dns", "Content-Type: text/dns\r\n more"), "line"},
		"payload digest":    {swap("Content-Type: text/dns", "Content-Type: text/dns\r\nWARC-Payload-Digest: sha256:00"), "payload digest"},
		"no HTTP":           {second(httpHead.Replace(dns), "a"), "HTTP message"},
		"data after record": {append(bytes.Clone(info), member(dns, "a", "\r\n\r\nx")...), "does not end"},
		"two in one member": {append(bytes.Clone(info), member(dns, "a", "\r\n\r\n", dns, "a", "\r\n\r\n")...), "does not end"},
		"bomb":              {bomb, "swells"},
	} {
		if _, err := read(c.file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	w, err := warc.NewWriter(io.Discard, "x", warc.Header{Date: at}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []warc.Header{
		{Type: "other", Date: at, URI: "http://a/", ContentType: "a/b"},
		{Type: warc.Metadata, Date: at, ContentType: "a/b"},
		{Type: warc.Metadata, Date: at, URI: "http://a/\r\nX: y", ContentType: "a/b"},
		{Type: warc.Response, Date: at, URI: "http://a/", ContentType: warc.TypeResponse},
	} {
		if _, err := w.Write(h, []byte("no HTTP")); err == nil {
			t.Errorf("%+v was written", h)
		}
	}
}

// FuzzRead checks that what is read is what would be written, and that nothing
// crashes.
func FuzzRead(f *testing.F) {
	good, _ := sample(f)
	f.Add(good)
	records, _ := read(good)
	f.Add(good[:records[0].Size])
	f.Add(member("WARC/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		end := int64(0)
		err := warc.Read(context.Background(), bytes.NewReader(b), func(r *warc.Record) error {
			if r.Offset != end || r.Size <= 0 || r.Offset+r.Size > int64(len(b)) {
				t.Fatalf("record at %d of %d bytes behind %d", r.Offset, r.Size, end)
			}
			end = r.Offset + r.Size
			if l := r.IndexLine("f"); l != nil && bytes.Count(warc.EncodeIndex([]warc.Line{*l}), []byte("\n")) != 1 {
				t.Fatal("an index line is not one line")
			}
			return nil
		})
		if err == nil && end != int64(len(b)) {
			t.Fatalf("%d bytes of %d read", end, len(b))
		}
	})
}

// FuzzRecord puts any values into a record that is otherwise well made.
func FuzzRecord(f *testing.F) {
	f.Add("GET", "http://a/?x=\"", "Content-Type", "text/html; x", []byte("body"))
	f.Fuzz(func(t *testing.T, first, uri, name, value string, body []byte) {
		var b bytes.Buffer
		w, err := warc.NewWriter(&b, "f", warc.Header{Date: at}, nil)
		if err != nil {
			t.Fatal(err)
		}
		block := warc.Message("HTTP/1.1 200 "+first, [][2]string{{name, value}}, body)
		if _, err := w.Write(warc.Header{Type: warc.Response, Date: at, URI: uri, ContentType: warc.TypeResponse}, block); err != nil {
			return // it refused to write it
		}
		records, err := read(b.Bytes())
		if err != nil || len(records) != 2 {
			t.Fatalf("%d records, %v", len(records), err)
		}
		if got := warc.EncodeIndex([]warc.Line{*records[1].IndexLine("f")}); !bytes.Equal(got, w.Index()) {
			t.Fatalf("index %s, want %s", got, w.Index())
		}
	})
}
