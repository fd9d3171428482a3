package warc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Line of a CDXJ index says where the response to a GET of a URL is.
type Line struct {
	Key  string // SURT of the URL: host reversed
	Time string // 14 digits
	URL  string
	// Mime, Status, Digest of the payload, and where the record is.
	Mime, Digest, File string
	Status             int
	Offset, Length     int64
}

// indexed reports whether h belongs into an index: whether it answers a GET. Such
// a response stands before its request; the answer to any other method stands
// behind the request and names it in ConcurrentTo.
func (h *Header) indexed() bool {
	return h.Type == Response && h.ContentType == TypeResponse && h.ConcurrentTo == ""
}

func line(h *Header, m *message, file string, at, length int64) Line {
	return Line{Key: SURT(h.URI), Time: h.Date.UTC().Format("20060102150405"), URL: h.URI, Mime: m.mime, Digest: h.PayloadDigest,
		File: file, Status: m.status, Offset: at, Length: length}
}

// IndexLine is the line that r has in the index of a file of that name; nil if
// none.
func (r *Record) IndexLine(file string) *Line {
	if !r.indexed() {
		return nil
	}
	l := line(&r.Header, r.message, file, r.Offset, r.Size)
	return &l
}

// EncodeIndex returns the CDXJ file of lines, sorted.
func EncodeIndex(lines []Line) []byte {
	rows := make([]string, 0, len(lines))
	for _, l := range lines {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		// Numbers are strings there, as other programs write them.
		err := e.Encode(struct {
			URL    string `json:"url"`
			Mime   string `json:"mime,omitempty"`
			Status string `json:"status"`
			Digest string `json:"digest"`
			Length string `json:"length"`
			Offset string `json:"offset"`
			File   string `json:"filename"`
		}{l.URL, l.Mime, strconv.Itoa(l.Status), l.Digest, fmt.Sprint(l.Length), fmt.Sprint(l.Offset), l.File})
		if err != nil {
			panic(err) // strings always encode
		}
		rows = append(rows, l.Key+" "+l.Time+" "+b.String())
	}
	slices.Sort(rows)
	return []byte(strings.Join(rows, ""))
}

// SURT is the sort-friendly form of a URL: http://a.example/p?b&a becomes
// example,a)/p?a&b, in lower case and without a leading www.
func SURT(rawURL string) string {
	scheme, rest, ok := strings.Cut(rawURL, "://")
	if !ok || scheme != "http" && scheme != "https" {
		return rawURL
	}
	rest, _, _ = strings.Cut(strings.ToLower(rest), "#")
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	host, tail := rest[:end], rest[end:]
	if w := strings.TrimLeft(strings.TrimPrefix(host, "www"), "0123456789"); strings.HasPrefix(host, "www") && strings.HasPrefix(w, ".") {
		host = w[1:]
	}
	port := ""
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host, port = host[:i], host[i:]
	}
	path, query, hasQuery := strings.Cut(tail, "?")
	if path == "" {
		path = "/"
	}
	if !strings.HasPrefix(host, "[") {
		parts := strings.Split(host, ".")
		slices.Reverse(parts)
		host = strings.Join(parts, ",")
	}
	s := host + port + ")" + path
	if hasQuery && query != "" {
		args := strings.Split(query, "&")
		slices.Sort(args)
		s += "?" + strings.Join(args, "&")
	}
	return s
}
