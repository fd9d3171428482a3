package warc

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
)

// A Writer writes records. It counts what it has written, for the index.
type Writer struct {
	w    io.Writer
	at   int64
	file string // name in the index
	cdx  []Line
}

// NewWriter writes to w a file that the index will call name, and its warcinfo
// record. about are its fields, such as software.
func NewWriter(w io.Writer, name string, h Header, about [][2]string) (*Writer, error) {
	var block []byte
	for _, f := range about {
		block = fmt.Appendf(block, "%s: %s\r\n", f[0], f[1])
	}
	h.Type, h.ContentType = Info, TypeFields
	wr := &Writer{w: w, file: name}
	_, err := wr.Write(h, block)
	return wr, err
}

// Write writes one record, whose digests and length it fills in, and whose ID
// too when it has none. It returns the id.
func (w *Writer) Write(h Header, block []byte) (string, error) {
	if h.ID == "" {
		h.ID = NewID()
	}
	h.Length, h.BlockDigest = int64(len(block)), digest(block)
	var m *message
	if h.ContentType == TypeResponse || h.ContentType == TypeRequest {
		head, body, err := split(block)
		if err == nil {
			m, err = parseMessage(head, h.Type)
		}
		if err != nil {
			return "", fmt.Errorf("warc: %s: %w", h.URI, err)
		}
		h.PayloadDigest = digest(body)
	}
	head, err := h.encode()
	if err != nil {
		return "", fmt.Errorf("warc: %w", err)
	}
	var member bytes.Buffer
	z := gzip.NewWriter(&member) // a header without name and time: the same record makes the same bytes
	for _, p := range [][]byte{head, block, []byte("\r\n\r\n")} {
		if _, err := z.Write(p); err != nil {
			return "", err
		}
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	if _, err := w.w.Write(member.Bytes()); err != nil {
		return "", fmt.Errorf("warc: %w", err)
	}
	if h.indexed() {
		w.cdx = append(w.cdx, line(&h, m, w.file, w.at, int64(member.Len())))
	}
	w.at += int64(member.Len())
	return h.ID, nil
}

// Index returns the CDXJ index of what was written.
func (w *Writer) Index() []byte { return EncodeIndex(w.cdx) }

// Bytes is how much was written.
func (w *Writer) Bytes() int64 { return w.at }

// Message puts the block of a response or request together. first is its first
// line. Headers that describe an encoding of the body that is undone here get
// the prefix x-orig-; line breaks in values become spaces.
func Message(first string, headers [][2]string, body []byte) []byte {
	var b bytes.Buffer
	b.WriteString(oneLine(first) + "\r\n")
	for _, h := range headers {
		name, value := headerName(h[0]), oneLine(h[1])
		switch strings.ToLower(name) {
		case "":
			continue
		case "content-encoding", "transfer-encoding", "content-length":
			name = "x-orig-" + name
		}
		b.WriteString(name + ": " + value + "\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(body))
	b.Write(body)
	return b.Bytes()
}

func oneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return ' '
		}
		return r
	}, s))
}

// headerName drops what may not be in a header's name. HTTP/2 has names that
// begin with a colon.
func headerName(s string) string {
	if strings.HasPrefix(s, ":") {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f && !strings.ContainsRune(`()<>@,;:\"/[]?={}`, r) {
			return r
		}
		return -1
	}, s)
}

// StatusLine is the first line of a response.
func StatusLine(code int, text string) string {
	if text == "" {
		text = reasons[code]
	}
	return strings.TrimSpace(fmt.Sprintf("HTTP/1.1 %03d %s", code, text))
}
