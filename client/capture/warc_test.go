package capture

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"zhenglian/client/warc"
)

// archived reads the WARC of a capture, strictly, and returns its records with
// their text. It compares the index.
func archived(t *testing.T, dir string) (records []*warc.Record, texts []string) {
	t.Helper()
	b := read(t, dir, warc.NameArchive)
	var lines []warc.Line
	err := warc.Read(context.Background(), bytes.NewReader(b), func(r *warc.Record) error {
		records = append(records, r)
		if l := r.IndexLine(warc.NameFile); l != nil {
			lines = append(lines, *l)
		}
		z, err := gzip.NewReader(bytes.NewReader(b[r.Offset : r.Offset+r.Size]))
		if err != nil {
			return err
		}
		text, err := io.ReadAll(z)
		texts = append(texts, string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, dir, warc.NameIndex); !bytes.Equal(got, warc.EncodeIndex(lines)) {
		t.Errorf("index\n%s\nwant\n%s", got, warc.EncodeIndex(lines))
	}
	return records, texts
}

// record returns the text of the first record of a type whose text has part.
func record(t *testing.T, records []*warc.Record, texts []string, typ, part string) string {
	t.Helper()
	for i, r := range records {
		if r.Type == typ && strings.Contains(texts[i], part) {
			return texts[i]
		}
	}
	t.Errorf("no %s with %q", typ, part)
	return ""
}

func TestWebArchive(t *testing.T) {
	var dot bytes.Buffer
	if err := png.Encode(&dot, image.NewGray(image.Rect(0, 0, 2, 2))); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/page?b=2&a=1", http.StatusFound)
	})
	mux.HandleFunc("/page", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("X-Made-By", "shop")
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "geheim1", HttpOnly: true})
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		fmt.Fprint(z, `<title>店</title><h1>“国家级”</h1><img src=/p.png><script>
			document.cookie="seen=geheim2";
			fetch("/log",{method:"POST",headers:{"Authorization":"Bearer geheim3"},body:"clicked=1"}).then(r=>r.text()).then(t=>document.title=t)</script>`)
		z.Close()
	})
	mux.HandleFunc("/p.png", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		w.Write(dot.Bytes())
	})
	mux.HandleFunc("/log", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "logged") })
	srv := httptest.NewServer(mux)
	defer srv.Close()
	r, dir := capture(t, Options{URL: srv.URL})
	if r.Outcome != Complete {
		t.Fatalf("outcome %s: %s", r.Outcome, r.Reason)
	}
	records, texts := archived(t, dir)
	page := record(t, records, texts, warc.Response, "X-Made-By: shop\r\n")
	for _, want := range []string{"“国家级”", "x-orig-Content-Encoding: gzip\r\n", "Set-Cookie: session=[redacted]; HttpOnly\r\n", "WARC-IP-Address: 127.0.0.1\r\n", "WARC-Page-ID: page\r\n", "HTTP/1.1 200 OK\r\n"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page's record has no %q:\n%s", want, page)
		}
	}
	record(t, records, texts, warc.Response, "HTTP/1.1 302 Found\r\n")
	record(t, records, texts, warc.Response, "\r\n\r\n"+dot.String()+"\r\n\r\n")
	record(t, records, texts, warc.Request, "\r\n\r\nclicked=1\r\n\r\n")
	record(t, records, texts, warc.Request, "Authorization: [redacted]\r\n")
	record(t, records, texts, warc.Response, "\r\n\r\nlogged\r\n\r\n")
	record(t, records, texts, warc.Request, "session=[redacted]; seen=[redacted]")
	for _, f := range r.Files {
		if b := read(t, dir, f.Name); bytes.Contains(b, []byte("geheim1")) || bytes.Contains(b, []byte("geheim3")) && f.Role != "warc" && f.Role != "mhtml" && f.Role != "html" {
			t.Errorf("%s holds the value of a cookie", f.Name)
		}
	}
	if strings.Contains(strings.Join(texts, ""), "geheim1") {
		t.Error("the archive holds the value of a cookie")
	}
	if !strings.HasSuffix(string(read(t, dir, warc.NamePages)), `"title":"logged"}`+"\n") {
		t.Errorf("pages %s", read(t, dir, warc.NamePages))
	}

	r, dir = capture(t, Options{URL: srv.URL, Cookies: CookiesKept})
	if r.Outcome != Complete {
		t.Fatalf("outcome %s: %s", r.Outcome, r.Reason)
	}
	records, texts = archived(t, dir)
	record(t, records, texts, warc.Response, "Set-Cookie: session=geheim1; HttpOnly\r\n")
}

func TestRedact(t *testing.T) {
	for _, c := range [][3]string{
		{"Cookie", "a=b; c=d=e;f", "a=[redacted]; c=[redacted]; [redacted]"},
		{"Set-Cookie", "a=b; Path=/; Secure", "a=[redacted]; Path=/; Secure"},
		{"set-cookie", "a", "[redacted]"},
		{"AUTHORIZATION", "Basic x", "[redacted]"},
		{"Accept", "a=b", "a=b"},
	} {
		if got := redactHeader(c[0], c[1]); got != c[2] {
			t.Errorf("%s: %s becomes %q, want %q", c[0], c[1], got, c[2])
		}
	}
}
