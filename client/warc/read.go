package warc

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Bounds of a file.
const (
	MaxRecords = 100_000
	MaxBlock   = 1 << 30  // bytes of a block
	MaxTotal   = 4 << 30  // bytes of all blocks
	maxHead    = 64 << 10 // bytes of a record's header, and of an HTTP message's
	// maxRatio is how much a record may swell when it is unpacked. Deflate reaches
	// 1032; what is above 200 is made to do harm, unless it is small.
	maxRatio   = 200
	smallBlock = 8 << 20
)

// A Record is one record as [Read] found it.
type Record struct {
	Header
	Offset, Size int64 // of its gzip member in the file
	message      *message
}

// Status is that of an HTTP response; 0 for other records.
func (r *Record) Status() int {
	if r.message == nil {
		return 0
	}
	return r.message.status
}

// Read reads a file to its end and hands each record to each, after its block
// was read and its digests compared. It holds no block in memory.
func Read(ctx context.Context, r io.Reader, each func(*Record) error) error {
	rd := reader{ctx: ctx, in: &counter{r: bufio.NewReaderSize(r, 64<<10)}, ids: map[string]bool{}}
	for n := 0; ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := rd.in.r.Peek(1); err == io.EOF && n > 0 {
			return nil
		}
		if n == MaxRecords {
			return fmt.Errorf("warc: more than %d records", MaxRecords)
		}
		rec, err := rd.record(n == 0)
		if err == nil {
			err = each(rec)
		}
		if err != nil {
			return fmt.Errorf("warc: record %d: %w", n, err)
		}
	}
}

// counter counts what the decompressor takes; as it is an io.ByteReader, that is
// no byte more than the member has.
type counter struct {
	r *bufio.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (c *counter) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}

type reader struct {
	ctx   context.Context
	in    *counter
	z     *gzip.Reader
	ids   map[string]bool
	total int64
}

// record reads one member.
func (rd *reader) record(first bool) (_ *Record, err error) {
	rec := &Record{Offset: rd.in.n}
	if rd.z == nil {
		rd.z, err = gzip.NewReader(rd.in)
	} else {
		err = rd.z.Reset(rd.in)
	}
	if err != nil {
		return nil, unexpected(err)
	}
	rd.z.Multistream(false)
	if h := rd.z.Header; h.Name != "" || h.Comment != "" || h.Extra != nil {
		return nil, errors.New("a gzip header with more than it needs")
	}
	z := bufio.NewReaderSize(rd.z, 64<<10)
	head, err := readHead(z)
	if err != nil {
		return nil, err
	}
	if rec.Header, err = parseHeader(head); err != nil {
		return nil, err
	}
	switch {
	case first != (rec.Type == Info):
		return nil, errors.New("the first record, and no other, is warcinfo")
	case rd.ids[rec.ID]:
		return nil, fmt.Errorf("the id %s occurs twice", rec.ID)
	case rec.ConcurrentTo != "" && !rd.ids[rec.ConcurrentTo]:
		return nil, fmt.Errorf("it belongs to %s, which is not before it", rec.ConcurrentTo)
	case rec.Length > MaxBlock || rd.total+rec.Length > MaxTotal:
		return nil, fmt.Errorf("%d bytes: over the limit", rec.Length)
	}
	rd.ids[rec.ID] = true
	rd.total += rec.Length
	if err := rd.block(rec, z); err != nil {
		return nil, err
	}
	var end [4]byte
	if _, err := io.ReadFull(z, end[:]); err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	if _, err := z.ReadByte(); err != nil && err != io.EOF { // where the sum of the member is compared
		return nil, err
	} else if err == nil || string(end[:]) != "\r\n\r\n" {
		return nil, errors.New("the record does not end where its length says")
	}
	rec.Size = rd.in.n - rec.Offset
	return rec, nil
}

// block reads a block and compares its digests.
func (rd *reader) block(rec *Record, z *bufio.Reader) error {
	whole, payload := sha256.New(), sha256.New()
	left := rec.Length
	if rec.PayloadDigest != "" {
		head, err := readHead(io.LimitReader(z, left))
		if err != nil {
			return fmt.Errorf("HTTP message: %w", err)
		}
		if rec.message, err = parseMessage(head, rec.Type); err != nil {
			return fmt.Errorf("HTTP message: %w", err)
		}
		whole.Write(head)
		left -= int64(len(head))
	}
	buf := make([]byte, 32<<10)
	start := rd.in.n
	for done := int64(0); done < left; {
		if err := rd.ctx.Err(); err != nil {
			return err
		}
		n, err := z.Read(buf[:min(int64(len(buf)), left-done)])
		if n == 0 && err != nil {
			return unexpected(err)
		}
		done += int64(n)
		for _, h := range []hash.Hash{whole, payload} {
			h.Write(buf[:n])
		}
		if done > smallBlock && done/maxRatio > rd.in.n-start+64<<10 {
			return errors.New("it swells more than honest records do")
		}
	}
	if got := labelled(whole.Sum(nil)); got != rec.BlockDigest {
		return fmt.Errorf("the digest of its block is %s, not %s", got, rec.BlockDigest)
	}
	if rec.PayloadDigest != "" {
		if got := labelled(payload.Sum(nil)); got != rec.PayloadDigest {
			return fmt.Errorf("the digest of its payload is %s, not %s", got, rec.PayloadDigest)
		}
		if rec.message.length != left {
			return fmt.Errorf("Content-Length of its message is %d; the body has %d bytes", rec.message.length, left)
		}
	}
	return nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readHead reads to the first empty line, which it includes. Given a
// bufio.Reader it takes no byte more.
func readHead(r io.Reader) ([]byte, error) {
	br, ok := r.(io.ByteReader)
	if !ok {
		br = oneByte{r}
	}
	var head []byte
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		if len(head) == maxHead {
			return nil, fmt.Errorf("a header of more than %d bytes", maxHead)
		}
		b, err := br.ReadByte()
		if err != nil {
			return nil, unexpected(err)
		}
		head = append(head, b)
	}
	return head, nil
}

// oneByte reads byte by byte from what is buffered already.
type oneByte struct{ r io.Reader }

func (o oneByte) ReadByte() (byte, error) {
	var b [1]byte
	_, err := io.ReadFull(o.r, b[:])
	return b[0], err
}

// parseHeader reads what Header.encode wrote, and nothing else.
func parseHeader(head []byte) (h Header, err error) {
	rest, ok := strings.CutPrefix(string(head), version)
	if !ok {
		return h, errors.New("it does not begin with WARC/1.1")
	}
	got := map[string]string{}
	for l := range strings.SplitSeq(strings.TrimSuffix(rest, "\r\n\r\n"), "\r\n") {
		name, value, ok := strings.Cut(l, ": ")
		if _, twice := got[name]; !ok || twice {
			return h, fmt.Errorf("line %.60q", l)
		}
		got[name] = value
	}
	id := func(name string) string { return strings.TrimSuffix(strings.TrimPrefix(got[name], "<"), ">") }
	h = Header{Type: got["WARC-Type"], ID: id("WARC-Record-ID"), URI: got["WARC-Target-URI"], Protocol: got["WARC-Protocol"],
		ConcurrentTo: id("WARC-Concurrent-To"), Truncated: got["WARC-Truncated"], PageID: got["WARC-Page-ID"], ContentType: got["Content-Type"],
		PayloadDigest: got["WARC-Payload-Digest"], BlockDigest: got["WARC-Block-Digest"]}
	if h.Date, err = time.Parse(dateForm, got["WARC-Date"]); err != nil {
		return h, fmt.Errorf("WARC-Date: %w", err)
	}
	if s, ok := got["WARC-IP-Address"]; ok {
		if h.IP, err = netip.ParseAddr(s); err != nil {
			return h, fmt.Errorf("WARC-IP-Address: %w", err)
		}
	}
	if h.Length, err = strconv.ParseInt(got["Content-Length"], 10, 64); err != nil || h.Length < 0 {
		return h, fmt.Errorf("Content-Length %.30q", got["Content-Length"])
	}
	// What cannot be written in this form is not read in it either.
	if again, err := h.encode(); err != nil {
		return h, err
	} else if !bytes.Equal(again, head) {
		return h, errors.New("its header is not in the one form that its values give")
	}
	return h, nil
}

// message is what the index says of an HTTP message.
type message struct {
	status int
	method string
	mime   string
	length int64
}

// split parts an HTTP message after its header.
func split(block []byte) (head, body []byte, err error) {
	i := bytes.Index(block, []byte("\r\n\r\n"))
	if i < 0 || i+4 > maxHead {
		return nil, nil, fmt.Errorf("no header of at most %d bytes", maxHead)
	}
	return block[:i+4], block[i+4:], nil
}

// parseMessage reads the header of an HTTP message as Message writes it.
func parseMessage(head []byte, typ string) (*message, error) {
	first, rest, _ := strings.Cut(strings.TrimSuffix(string(head), "\r\n\r\n"), "\r\n")
	m := &message{length: -1}
	if typ == Request {
		words := strings.Split(first, " ")
		if len(words) != 3 || words[0] == "" || words[1] == "" || words[2] != "HTTP/1.1" {
			return nil, fmt.Errorf("request line %.60q", first)
		}
		m.method = words[0]
	} else {
		code, ok := strings.CutPrefix(first, "HTTP/1.1 ")
		code, _, _ = strings.Cut(code, " ")
		n, err := strconv.Atoi(code)
		if !ok || err != nil || len(code) != 3 || n < 100 {
			return nil, fmt.Errorf("status line %.60q", first)
		}
		m.status = n
	}
	for l := range strings.SplitSeq(rest, "\r\n") {
		name, value, ok := strings.Cut(l, ": ")
		if !ok {
			if name, ok = strings.CutSuffix(l, ":"); !ok {
				return nil, fmt.Errorf("header line %.60q", l)
			}
		}
		if name == "" || headerName(name) != name || strings.ContainsAny(value, "\r\n\x00") {
			return nil, fmt.Errorf("header line %.60q", l)
		}
		switch strings.ToLower(name) {
		case "content-length":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil || n < 0 || m.length >= 0 {
				return nil, errors.New("Content-Length is no number, or there twice")
			}
			m.length = n
		case "content-type":
			if m.mime == "" {
				m.mime = mimeOf(value)
			}
		case "content-encoding", "transfer-encoding":
			return nil, fmt.Errorf("the body is still encoded (%s)", l)
		}
	}
	if m.length < 0 {
		return nil, errors.New("no Content-Length")
	}
	return m, nil
}

// mimeOf is a media type without parameters, as far as the index takes it.
func mimeOf(s string) string {
	s, _, _ = strings.Cut(s, ";")
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f && r != '"' && r != '\\' {
			return r
		}
		return -1
	}, s)
}
