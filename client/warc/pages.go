package warc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Names of the files of a web archive in a WACZ file, and in the folder of a
// capture.
const (
	NameFile    = "data.warc.gz" // in the index
	NameArchive = "archive/" + NameFile
	NameIndex   = "indexes/index.cdx"
	NamePages   = "pages/pages.jsonl"
)

// A Page is a line of pages.jsonl but its first.
type Page struct {
	ID    string `json:"id"`
	URL   string `json:"url"`
	TS    string `json:"ts"`
	Title string `json:"title,omitempty"`
}

// pagesHead is the first line of pages.jsonl.
const pagesHead = `{"format":"json-pages-1.0","id":"pages","title":"All Pages"}` + "\n"

// EncodePages returns pages.jsonl of a capture whose document was url.
func EncodePages(id, url, title string, at time.Time) []byte {
	if url == "" {
		return []byte(pagesHead)
	}
	return append([]byte(pagesHead), compact(Page{id, url, at.UTC().Format(dateForm), title})...)
}

// ParsePages reads what EncodePages wrote, and nothing else.
func ParsePages(b []byte) (*Page, error) {
	rest, ok := bytes.CutPrefix(b, []byte(pagesHead))
	if !ok {
		return nil, errors.New("pages.jsonl does not begin as it should")
	}
	if len(rest) == 0 {
		return nil, nil
	}
	var p Page
	if err := json.Unmarshal(rest, &p); err != nil {
		return nil, fmt.Errorf("pages.jsonl: %w", err)
	}
	if _, err := time.Parse(time.RFC3339Nano, p.TS); err != nil || p.URL == "" || !bytes.Equal(compact(p), rest) {
		return nil, errors.New("pages.jsonl is not in its one form")
	}
	return &p, nil
}

// compact is one line of JSON.
func compact(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // strings and numbers always encode
	}
	return b.Bytes()
}
