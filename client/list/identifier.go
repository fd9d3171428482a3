package list

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"zhenglian/app/tx"
)

// A Type says what kind of thing an identifier names.
type Type string

// The types of identifiers.
const (
	USCC   Type = "uscc"   // unified social credit code
	Person Type = "person" // citizen's identity number
	Phone  Type = "phone"  // mobile number
	Shop   Type = "shop"   // shop of a platform
)

// Types are all types of identifiers.
func Types() []Type { return []Type{USCC, Person, Phone, Shop} }

// ParseType reads the word of a type.
func ParseType(s string) (Type, error) {
	if t := Type(s); slices.Contains(Types(), t) {
		return t, nil
	}
	return "", fmt.Errorf("%q is no type of identifier: want uscc, person, phone or shop", s)
}

// maxIdentifier bounds an identifier as it comes, in bytes.
const maxIdentifier = 512

// maxShop bounds a platform's own number of a shop, in bytes.
const maxShop = 128

// ErrIdentifier is an identifier that is none. The error never repeats it:
// errors get into logs.
var ErrIdentifier = errors.New("not an identifier")

func bad(t Type, why string) error { return fmt.Errorf("%s: %w: %s", t, ErrIdentifier, why) }

// Normal returns the normal form of an identifier.
func Normal(t Type, id string) (string, error) {
	b, err := appendNormal(nil, t, []byte(id))
	return string(b), err
}

// appendNormal appends the normal form of an identifier to dst.
func appendNormal(dst []byte, t Type, id []byte) ([]byte, error) {
	if len(id) > maxIdentifier {
		return dst, bad(t, "too long")
	}
	from := len(dst)
	if t == Shop {
		return appendShop(dst, id)
	}
	for len(id) > 0 {
		c := id[0]
		id = id[1:]
		if c >= utf8.RuneSelf {
			var size int
			if c, size = narrow(append([]byte{c}, id...)); size == 0 {
				return dst[:from], bad(t, "it holds a character that does not belong there")
			}
			id = id[size-1:]
		}
		switch {
		case c == ' ' || c == '-' || c == '\t':
		case c >= 'a' && c <= 'z' && t != Phone:
			dst = append(dst, c-'a'+'A')
		default:
			dst = append(dst, c)
		}
	}
	n := dst[from:]
	switch t {
	case USCC:
		if !tx.ValidUSCC(string(n)) {
			return dst[:from], bad(t, "want 18 characters with their check character (GB 32100-2015)")
		}
	case Person:
		if !validPerson(n) {
			return dst[:from], bad(t, "want 18 characters with their check character (GB 11643-1999)")
		}
	case Phone:
		for _, code := range []string{"+86", "0086", "86"} {
			if rest, ok := bytes.CutPrefix(n, []byte(code)); ok && len(rest) == 11 {
				n = append(n[:0], rest...)
				break
			}
		}
		if len(n) != 11 || n[0] != '1' || n[1] < '3' || slices.ContainsFunc(n, notDigit) {
			return dst[:from], bad(t, "want a mobile number of 11 digits")
		}
	default:
		return dst[:from], bad(t, "there is no such type")
	}
	return dst[:from+len(n)], nil
}

func notDigit(c byte) bool { return c < '0' || c > '9' }

// narrow reads a full-width character as the ASCII character it stands for.
func narrow(b []byte) (c byte, size int) {
	switch r, size := utf8.DecodeRune(b); {
	case r >= '！' && r <= '～':
		return byte(r - '！' + '!'), size
	case r == '\u3000' || r == '\u00a0':
		return ' ', size
	case r == '‐' || r == '‑' || r == '–' || r == '—' || r == '−':
		return '-', size
	}
	return 0, 0
}

// appendShop reads PLATFORM/NUMBER. The number is the platform's own: what may
// stand in it, and whether case matters, is the platform's affair.
func appendShop(dst, id []byte) ([]byte, error) {
	from := len(dst)
	platform, number, ok := bytes.Cut(bytes.TrimSpace(id), []byte("/"))
	if !ok || !tx.MemberID(platform).Valid() {
		return dst, bad(Shop, "want PLATFORM/NUMBER, where PLATFORM is a member id")
	}
	dst = append(append(dst, platform...), '/')
	start := len(dst)
	for number = bytes.TrimSpace(number); len(number) > 0; {
		c, size := number[0], 1
		if c >= utf8.RuneSelf {
			if c, size = narrow(number); size == 0 {
				r, size := utf8.DecodeRune(number)
				if r == utf8.RuneError {
					return dst[:from], bad(Shop, "it is not UTF-8")
				}
				dst, number = append(dst, number[:size]...), number[size:]
				continue
			}
		}
		if c <= ' ' || c == 0x7f {
			return dst[:from], bad(Shop, "it holds white space or a control character")
		}
		dst, number = append(dst, c), number[size:]
	}
	if !norm.NFC.IsNormal(dst[start:]) {
		dst = append(dst[:start], norm.NFC.Bytes(bytes.Clone(dst[start:]))...)
	}
	if n := len(dst) - start; n == 0 || n > maxShop {
		return dst[:from], bad(Shop, "its number has 1 to 128 bytes")
	}
	return dst, nil
}

// validPerson checks form, date of birth and check character (ISO 7064 mod
// 11-2).
func validPerson(b []byte) bool {
	if len(b) != 18 || slices.ContainsFunc(b[:17], notDigit) || !tx.ValidDivision(string(b[:2])+"0000") ||
		!tx.ValidDate(string(b[6:10])+"-"+string(b[10:12])+"-"+string(b[12:14])) {
		return false
	}
	sum := 0
	for i, weight := range [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(b[i]-'0') * weight
	}
	return b[17] == "10X98765432"[sum%11]
}
