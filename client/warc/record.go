package warc

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Types of records.
const (
	Info     = "warcinfo"
	Response = "response"
	Request  = "request"
	Metadata = "metadata"
	Resource = "resource"
)

// Content types of blocks.
const (
	TypeFields   = "application/warc-fields"
	TypeResponse = "application/http;msgtype=response"
	TypeRequest  = "application/http;msgtype=request"
	TypeDNS      = "text/dns" // RFC 4027
	TypeJSON     = "application/json"
)

// A Header is what a record says of its block.
type Header struct {
	Type          string
	ID            string     // urn:uuid:…
	Date          time.Time  // UTC, milliseconds
	URI           string     // of what the block is; empty for warcinfo
	IP            netip.Addr // of the server; zero: not known
	Protocol      string     // such as h2, of responses; empty: not known
	ConcurrentTo  string     // id of the record that belongs to this one
	Truncated     string     // length | time | disconnect | unspecified; empty: the block is whole
	PageID        string     // page that it was loaded for
	ContentType   string
	PayloadDigest string // sha256:…; of responses and requests
	BlockDigest   string // sha256:…
	Length        int64  // of the block
}

// Fields are the names that a record may have, in their order. All but those in
// optional must be there.
var Fields = []string{"WARC-Type", "WARC-Record-ID", "WARC-Date", "WARC-Target-URI", "WARC-IP-Address", "WARC-Protocol",
	"WARC-Concurrent-To", "WARC-Truncated", "WARC-Page-ID", "Content-Type", "WARC-Payload-Digest", "WARC-Block-Digest", "Content-Length"}

var optional = map[string]bool{"WARC-Target-URI": true, "WARC-IP-Address": true, "WARC-Protocol": true, "WARC-Concurrent-To": true,
	"WARC-Truncated": true, "WARC-Page-ID": true, "WARC-Payload-Digest": true}

// version is the first line of every record.
const version = "WARC/1.1\r\n"

const dateForm = "2006-01-02T15:04:05.000Z"

// values returns the values of h in the order of Fields, "" where there is none.
func (h *Header) values() []string {
	ip := ""
	if h.IP.IsValid() {
		ip = h.IP.String()
	}
	id := func(s string) string {
		if s == "" {
			return ""
		}
		return "<" + s + ">"
	}
	return []string{h.Type, id(h.ID), h.Date.UTC().Format(dateForm), h.URI, ip, h.Protocol, id(h.ConcurrentTo), h.Truncated, h.PageID,
		h.ContentType, h.PayloadDigest, h.BlockDigest, fmt.Sprint(h.Length)}
}

// encode returns the lines of h, with the empty line behind them.
func (h *Header) encode() ([]byte, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	b := []byte(version)
	for i, v := range h.values() {
		if v == "" {
			continue
		}
		b = append(b, Fields[i]...)
		b = append(b, ": "...)
		b = append(b, v...)
		b = append(b, "\r\n"...)
	}
	return append(b, "\r\n"...), nil
}

// check says what is wrong with the values of h.
func (h *Header) check() error {
	for i, v := range h.values() {
		name := Fields[i]
		if v == "" && !optional[name] {
			return fmt.Errorf("%s is missing", name)
		}
		for _, c := range []byte(v) {
			if c < ' ' || c == 0x7f {
				return fmt.Errorf("%s holds a control character", name)
			}
		}
		if strings.TrimSpace(v) != v {
			return fmt.Errorf("%s begins or ends with white space", name)
		}
	}
	http := h.ContentType == TypeResponse || h.ContentType == TypeRequest
	switch h.Type {
	case Info:
		if h.URI != "" || h.ContentType != TypeFields {
			return errors.New("warcinfo describes the file and nothing else")
		}
		return nil
	case Response:
		if h.ContentType != TypeResponse && h.ContentType != TypeDNS {
			return fmt.Errorf("a response of type %q", h.ContentType)
		}
	case Request:
		if h.ContentType != TypeRequest {
			return fmt.Errorf("a request of type %q", h.ContentType)
		}
	case Metadata, Resource:
	default:
		return fmt.Errorf("unknown type of record %q", h.Type)
	}
	if h.URI == "" || strings.Contains(h.URI, " ") {
		return errors.New("WARC-Target-URI is missing or holds a space")
	}
	if http != (h.PayloadDigest != "") {
		return errors.New("a payload digest belongs to HTTP messages, and every one of them")
	}
	return nil
}

// NewID returns an id that no other record has.
func NewID() string {
	var u [16]byte
	rand.Read(u[:])
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80 // version 4, RFC 9562
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// digest is the form of digests in records.
func digest(b []byte) string {
	s := sha256.Sum256(b)
	return labelled(s[:])
}

func labelled(sum []byte) string { return "sha256:" + hex.EncodeToString(sum) }
