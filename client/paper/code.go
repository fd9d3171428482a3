package paper

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

const (
	// MaxCode is the capacity of a QR code of version 40-L in alphanumeric mode
	// (ISO/IEC 18004, table 7).
	MaxCode = 4296

	// MaxCodes is how many codes a receipt may be cut into.
	MaxCodes = 9

	// MaxReceipt bounds a receipt in codes, unpacked.
	MaxReceipt = 64 << 10

	prefix  = "ZL1:"
	headLen = len(prefix) + len("1/1:") + 8 + len(":")
)

// IsCode reports whether text looks like a code of this package.
func IsCode(text string) bool { return strings.HasPrefix(text, prefix) }

// A Sheet gathers the codes of one receipt, in any order.
type Sheet struct {
	name  string
	parts [][]byte
	have  int
}

// Add reads a code; done says that all are there. A code that was read before does
// no harm; one of another receipt is an error and changes nothing.
func (s *Sheet) Add(text string) (done bool, err error) {
	if len(text) > MaxCode || len(text) <= headLen || !IsCode(text) {
		return false, errors.New("paper: this is no code of a receipt")
	}
	head, data := text[len(prefix):headLen], text[headLen:]
	i, n, name := int(head[0]-'1'), int(head[2]-'0'), head[4:12]
	if head[1] != '/' || head[3] != ':' || head[12] != ':' || n < 1 || n > MaxCodes || i < 0 || i >= n || strings.Trim(name, "0123456789ABCDEF") != "" {
		return false, errors.New("paper: the beginning of the code is malformed")
	}
	part, err := decode45(data)
	if err != nil {
		return false, err
	}
	if s.parts == nil {
		s.name, s.parts = name, make([][]byte, n)
	}
	switch {
	case s.name != name || len(s.parts) != n:
		return false, errors.New("paper: this code belongs to another receipt")
	case s.parts[i] == nil:
		s.parts[i] = part
		s.have++
	case !bytes.Equal(s.parts[i], part):
		return false, errors.New("paper: two codes of one number differ")
	}
	return s.have == n, nil
}

// Missing lists the numbers, from 1, of the codes that were not read yet, and how
// many there are.
func (s *Sheet) Missing() (numbers []int, of int) {
	for i := range s.parts {
		if s.parts[i] == nil {
			numbers = append(numbers, i+1)
		}
	}
	return numbers, len(s.parts)
}

// Receipt returns the receipt, once all codes are there.
func (s *Sheet) Receipt() ([]byte, error) {
	if s.have == 0 || s.have < len(s.parts) {
		return nil, fmt.Errorf("paper: %d of %d codes were read", s.have, len(s.parts))
	}
	packed := bytes.Join(s.parts, nil)
	sum := sha256.Sum256(packed)
	if strings.ToUpper(hex.EncodeToString(sum[:4])) != s.name {
		return nil, errors.New("paper: the codes do not belong together")
	}
	return unpack(packed, MaxReceipt)
}

// unpack decompresses, at most limit bytes.
func unpack(packed []byte, limit int) ([]byte, error) {
	b, rest, err := inflate(packed, limit)
	if err == nil && len(rest) > 0 {
		err = errors.New("paper: trailing data")
	}
	return b, err
}

// alphabet is that of base45 (RFC 9285 §4.2), the alphanumeric characters of QR.
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

func encode45(b []byte) string {
	out := make([]byte, 0, (len(b)+1)/2*3)
	for ; len(b) >= 2; b = b[2:] {
		n := int(b[0])<<8 | int(b[1])
		out = append(out, alphabet[n%45], alphabet[n/45%45], alphabet[n/2025])
	}
	if len(b) == 1 {
		out = append(out, alphabet[b[0]%45], alphabet[b[0]/45])
	}
	return string(out)
}

func decode45(s string) ([]byte, error) {
	bad := errors.New("paper: the code is damaged")
	if len(s)%3 == 1 {
		return nil, bad
	}
	out := make([]byte, 0, len(s)/3*2+1)
	for len(s) > 0 {
		k := min(3, len(s))
		n, unit := 0, 1
		for i := range k {
			v := strings.IndexByte(alphabet, s[i])
			if v < 0 {
				return nil, bad
			}
			n += v * unit
			unit *= 45
		}
		s = s[k:]
		switch {
		case k == 3 && n <= 0xffff:
			out = append(out, byte(n>>8), byte(n))
		case k == 2 && n <= 0xff:
			out = append(out, byte(n))
		default:
			return nil, bad
		}
	}
	return out, nil
}
