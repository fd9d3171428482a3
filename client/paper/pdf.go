package paper

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/adler32"
	"strconv"

	"zhenglian/app/receipt"
)

// MaxPDF is the most bytes of a certificate that is read.
const MaxPDF = 32 << 20

// IsPDF reports whether b begins as a PDF does.
func IsPDF(b []byte) bool { return bytes.HasPrefix(b, []byte("%PDF-")) }

// maxStreams bounds how many embedded files are looked at.
const maxStreams = 16

// Attached returns the receipt that is embedded in a PDF.
func Attached(pdf []byte) ([]byte, error) {
	switch {
	case len(pdf) > MaxPDF:
		return nil, errors.New("paper: the PDF is too long for a certificate")
	case !IsPDF(pdf):
		return nil, errors.New("paper: this is no PDF")
	}
	var found []byte
	for n, rest := 0, pdf; n < maxStreams; n++ {
		at := bytes.Index(rest, []byte("/EmbeddedFile "))
		if at < 0 {
			break
		}
		rest = rest[at:]
		b := stream(rest)
		rest = rest[1:]
		if !isReceipt(b) {
			continue
		}
		if found != nil && !bytes.Equal(found, b) {
			return nil, errors.New("paper: the PDF holds two receipts")
		}
		found = b
	}
	if found == nil {
		return nil, errors.New("paper: there is no receipt in this PDF; a certificate of the ledger carries one")
	}
	return found, nil
}

// isReceipt tells a receipt from other files by its form alone.
func isReceipt(b []byte) bool {
	_, err := receipt.Parse(b)
	return err == nil
}

// stream reads the stream whose dictionary b is in, nil if it cannot: its
// direct /Length, and /FlateDecode or no filter.
func stream(b []byte) []byte {
	const window = 1024 // of the dictionary
	head := b[:min(len(b), window)]
	at := bytes.Index(head, []byte("stream"))
	if at < 0 {
		return nil
	}
	head = head[:at]
	b = b[at+len("stream"):]
	switch {
	case bytes.HasPrefix(b, []byte("\r\n")):
		b = b[2:]
	case bytes.HasPrefix(b, []byte("\n")):
		b = b[1:]
	default:
		return nil
	}
	n := number(head, "/Length ")
	if n < 0 || n > len(b) {
		return nil
	}
	b = b[:n]
	if !bytes.Contains(head, []byte("/Filter")) {
		if n > receipt.MaxBytes {
			return nil
		}
		return b
	}
	if !bytes.Contains(head, []byte("/Filter /FlateDecode")) {
		return nil
	}
	return zlib(b)
}

// number reads the integer behind a name.
func number(head []byte, name string) int {
	at := bytes.Index(head, []byte(name))
	if at < 0 {
		return -1
	}
	digits := head[at+len(name):]
	end := 0
	for end < len(digits) && end < 9 && digits[end] >= '0' && digits[end] <= '9' {
		end++
	}
	n, err := strconv.Atoi(string(digits[:end]))
	if err != nil {
		return -1
	}
	return n
}

// zlib reads a zlib stream (RFC 1950) without a dictionary.
func zlib(b []byte) []byte {
	if len(b) < 6 || b[0]&0x0f != 8 || b[1]&0x20 != 0 || binary.BigEndian.Uint16(b)%31 != 0 {
		return nil
	}
	out, err := unpack(b[2:len(b)-4], receipt.MaxBytes)
	if err != nil || adler32.Checksum(out) != binary.BigEndian.Uint32(b[len(b)-4:]) {
		return nil
	}
	return out
}
