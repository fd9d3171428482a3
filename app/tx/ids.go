package tx

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// An ID names a statement: the SHA-256 of its canonical bytes. Two statements
// with the same bytes are the same statement. The zero ID means "none".
type ID [32]byte

// StatementID returns the ID of a statement given its canonical bytes.
func StatementID(statement []byte) ID { return sha256.Sum256(statement) }

func (id ID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether id is the zero ID, which names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText writes id as 64 lower-case hex digits.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads exactly 64 lower-case hex digits.
func (id *ID) UnmarshalText(b []byte) error { return unhex(id[:], b) }

// ParseID reads the text form of an ID.
func ParseID(s string) (ID, error) {
	var id ID
	err := id.UnmarshalText([]byte(s))
	return id, err
}

// A Digest is the SHA-256 or SM3 digest of some bytes; the field that holds it
// says which.
type Digest [32]byte

func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// IsZero reports whether d is all zero bytes, which stands for "absent".
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText writes d as 64 lower-case hex digits.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads exactly 64 lower-case hex digits.
func (d *Digest) UnmarshalText(b []byte) error { return unhex(d[:], b) }

// ParseDigest reads the text form of a Digest.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	err := d.UnmarshalText([]byte(s))
	return d, err
}

// An AccountID names an account. It is derived from the account's public key
// (see [PublicKey.Account]), so it cannot be pointed at another key later, and
// it is the DSSE keyid of the account's signatures.
type AccountID [20]byte

func (a AccountID) String() string { return hex.EncodeToString(a[:]) }

// IsZero reports whether a names no account.
func (a AccountID) IsZero() bool { return a == AccountID{} }

// MarshalText writes a as 40 lower-case hex digits.
func (a AccountID) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads exactly 40 lower-case hex digits.
func (a *AccountID) UnmarshalText(b []byte) error { return unhex(a[:], b) }

// ParseAccountID reads the text form of an AccountID.
func ParseAccountID(s string) (AccountID, error) {
	var a AccountID
	err := a.UnmarshalText([]byte(s))
	return a, err
}

// A MemberID names an organisation of the consortium: 2 to 32 of a-z, 0-9 and
// '-', beginning with a letter and not ending in '-'.
type MemberID string

// Valid reports whether m has the form of a member id.
func (m MemberID) Valid() bool { return isSlug(string(m), 2, 32, '-') }

// ValidChain reports whether s can be a chain id.
func ValidChain(s string) bool { return isSlug(s, 1, 50, '-') }

// A Time is a moment in milliseconds since 1970-01-01T00:00:00Z. Its text form
// is RFC 3339 in UTC with exactly three fractional digits.
type Time int64

const timeLayout = "2006-01-02T15:04:05.000Z"

func (t Time) String() string { return time.UnixMilli(int64(t)).UTC().Format(timeLayout) }

// Time returns t as a time.Time in UTC.
func (t Time) Time() time.Time { return time.UnixMilli(int64(t)).UTC() }

// MarshalText writes the text form.
func (t Time) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads the text form and nothing else.
func (t *Time) UnmarshalText(b []byte) error {
	v, ok := parseTime(b)
	if !ok {
		return &Error{Code: CodeType, Detail: "a time is written like 2026-11-23T08:00:00.000Z"}
	}
	*t = v
	return nil
}

// TimeOf returns t cut to milliseconds.
func TimeOf(t time.Time) Time { return Time(t.UnixMilli()) }

func parseTime(b []byte) (Time, bool) {
	if len(b) != len(timeLayout) || b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' || b[19] != '.' || b[23] != 'Z' {
		return 0, false
	}
	var ok = true
	num := func(i, n int) int {
		v := 0
		for _, c := range b[i : i+n] {
			if c < '0' || c > '9' {
				ok = false
			}
			v = v*10 + int(c-'0')
		}
		return v
	}
	year, month, day := num(0, 4), num(5, 2), num(8, 2)
	hour, minute, sec, ms := num(11, 2), num(14, 2), num(17, 2), num(20, 3)
	if !ok || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || sec > 59 {
		return 0, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, sec, ms*1e6, time.UTC)
	if t.Day() != day { // 31 February and the like
		return 0, false
	}
	return Time(t.UnixMilli()), true
}

// isSlug reports whether s has min to max bytes of a-z, 0-9 and sep, starts
// with a letter and does not end in sep.
func isSlug[T string | []byte](s T, min, max int, sep byte) bool {
	if len(s) < min || len(s) > max || s[0] < 'a' || s[0] > 'z' || s[len(s)-1] == sep {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != sep {
			return false
		}
	}
	return true
}

// unhex reads exactly len(dst) bytes of lower-case hex.
func unhex(dst, src []byte) error {
	if !hexInto(dst, src) {
		return &Error{Code: CodeType, Detail: "want lower-case hex digits of the right length"}
	}
	return nil
}

func hexInto(dst, src []byte) bool {
	if len(src) != 2*len(dst) {
		return false
	}
	for i := range dst {
		hi, lo := nibble(src[2*i]), nibble(src[2*i+1])
		if hi > 15 || lo > 15 {
			return false
		}
		dst[i] = hi<<4 | lo
	}
	return true
}

func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}
