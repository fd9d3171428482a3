package capture

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"zhenglian/client/warc"
)

// webArchive writes what went over the network: the WARC, its index, and the list
// of pages.
func (s *session) webArchive() error {
	s.next()
	s.bodies.wait()
	var b bytes.Buffer
	w, err := warc.NewWriter(&b, warc.NameFile, warc.Header{Date: s.res.Started}, [][2]string{
		{"software", s.res.Tool},
		{"format", "WARC File Format 1.1"},
		{"conformsTo", "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/"},
		{"description", "bodies as the browser decoded them; cookies: " + s.opts.Cookies},
	})
	if err != nil {
		return err
	}
	if err := s.archiveDNS(w); err != nil {
		return err
	}
	for _, h := range s.rec.exchanges() {
		if err := s.archiveHop(w, h); err != nil {
			s.note("web archive: %v", err)
		}
	}
	at := s.res.Started
	if v := s.rec.main(); v.docHop != nil {
		at = v.docHop.started
	}
	for _, f := range []struct {
		name, role, media string
		data              []byte
	}{
		{warc.NameArchive, "warc", "application/warc", b.Bytes()},
		{warc.NameIndex, "warc_index", "text/plain", w.Index()},
		{warc.NamePages, "warc_pages", "application/jsonl", warc.EncodePages("page", s.res.FinalURL, s.res.Title, at)},
	} {
		_, err := s.out.write(f.name, f.role, f.media, f.data)
		if errors.Is(err, errOutputLimit) {
			s.note("%v", err)
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// archiveHop writes the records of one request. The response to a GET comes first,
// and is in the index; that to anything else follows its request, and is not.
func (s *session) archiveHop(w *warc.Writer, h *hop) error {
	u, err := url.Parse(h.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return nil // no network behind it, or no HTTP
	}
	u.Fragment, u.RawFragment = "", ""
	head := warc.Header{Date: h.started, URI: u.String(), PageID: h.page}
	head.IP, _ = netip.ParseAddr(h.RemoteIP) // not valid: not known
	target := u.RequestURI()
	request, response := head, head
	request.Type, request.ContentType = warc.Request, warc.TypeRequest
	if h.wire.sentCut {
		request.Truncated = bodyUnspecified
	}
	sent := warc.Message(h.Method+" "+strings.ReplaceAll(target, " ", "%20")+" HTTP/1.1", s.policy(h.wire.sentHeaders), h.wire.sent)
	if h.Status == 0 { // no response came
		_, err := w.Write(request, sent)
		return err
	}
	response.Type, response.ContentType, response.Protocol, response.Truncated = warc.Response, warc.TypeResponse, protocolName(h.Protocol), h.wire.cut
	got := warc.Message(warc.StatusLine(int(h.Status), h.wire.statusText), s.policy(h.wire.gotHeaders), h.wire.body)
	first, second, a, b := &response, &request, got, sent
	if h.Method != "GET" {
		first, second, a, b = &request, &response, sent, got
	}
	if second.ConcurrentTo, err = w.Write(*first, a); err != nil {
		return err
	}
	_, err = w.Write(*second, b)
	return err
}

// policy applies the policy on cookies to headers.
func (s *session) policy(headers [][2]string) [][2]string {
	if s.opts.Cookies == CookiesKept {
		return headers
	}
	out := make([][2]string, len(headers))
	for i, h := range headers {
		out[i] = [2]string{h[0], redactHeader(h[0], h[1])}
	}
	return out
}

// protocolName is the browser's name of a protocol in the words of
// WARC-Protocol.
func protocolName(s string) string {
	switch s {
	case "http/1.0", "http/1.1", "h2", "h3":
		return s
	}
	return ""
}

// note remembers why the capture is not complete although the page was seen.
func (s *session) note(format string, args ...any) {
	s.missing = append(s.missing, fmt.Sprintf(format, args...))
}

// startOf is when a request was sent, to the millisecond as records have it.
func startOf(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
