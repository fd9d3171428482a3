package tx

import "strings"

// A UnitCode names a lot, an item or a shipping container as the path of a GS1
// Digital Link URI (GS1 Digital Link: URI Syntax 1.4, §4) without host:
//
//	01/GTIN-14[/22/variant][/10/lot][/21/serial]   goods; a lot or a serial at least
//	zg/14 digits[/10/lot][/21/serial]              goods of a producer without a GTIN
//	00/SSCC-18                                     a shipping container
//	zs/18 digits                                   a shipping container of a member without a GS1 prefix
//
// The codes of the consortium, zg and zs, have the form and the check digit of
// those of GS1: division (6, GB/T 2260), producer (4, given by the division's
// regulator), item (3 of goods, 7 of containers), check digit. GS1's keys are
// numbers, so theirs and ours cannot be confused.
//
// There is one spelling for a code: values are 1 to 20 characters of GS1's set
// 82, of which letters, digits, '-', '.' and '_' stand for themselves and the
// others are percent-encoded in upper case.
type UnitCode string

// A ProductCode names what a unit is one of: the first two segments of its code.
type ProductCode string

// maxUnitCode bounds the bytes of a code: three values of 20 characters, each
// percent-encoded.
const maxUnitCode = 17 + 3*(4+60)

// Product returns what the unit is one of, "" for a container.
func (c UnitCode) Product() ProductCode {
	if c.Container() || len(c) < 17 {
		return ""
	}
	return ProductCode(c[:17])
}

// Container reports whether the code is that of a shipping container.
func (c UnitCode) Container() bool {
	return strings.HasPrefix(string(c), "00/") || strings.HasPrefix(string(c), "zs/")
}

// Validate checks the form and the check digit.
func (c UnitCode) Validate() error {
	s := string(c)
	if c.Container() {
		return checkKey(s[3:], 18, s[0] == 'z')
	}
	if len(s) < 17 {
		return errorf(CodeUnitCode, "want 01/GTIN/10/LOT, zg/…, 00/SSCC or zs/…")
	}
	if err := ProductCode(s[:17]).Validate(); err != nil {
		return err
	}
	rest, named := s[17:], false
	for _, q := range []string{"/22/", "/10/", "/21/"} {
		if q == "/22/" && s[0] == 'z' {
			continue
		}
		if v, ok := strings.CutPrefix(rest, q); ok {
			v, _, _ = strings.Cut(v, "/")
			if !codeValue(v) {
				return errorf(CodeUnitCode, "value of %s is not 1 to 20 characters of GS1's set 82 in their one spelling", strings.Trim(q, "/"))
			}
			rest = rest[len(q)+len(v):]
			named = named || q != "/22/"
		}
	}
	switch {
	case rest != "":
		return errorf(CodeUnitCode, "unexpected %s", clip(rest))
	case !named:
		return errorf(CodeUnitCode, "a unit has a lot (10) or a serial (21)")
	}
	return nil
}

// Validate checks the form and the check digit.
func (p ProductCode) Validate() error {
	s := string(p)
	if len(s) != 17 || s[:3] != "01/" && s[:3] != "zg/" {
		return errorf(CodeUnitCode, "want 01/ or zg/ and 14 digits")
	}
	return checkKey(s[3:], 14, s[0] == 'z')
}

// checkKey checks n digits, the last of which is GS1's check digit, and, of a
// code of the consortium, that the first are a division.
func checkKey(s string, n int, ours bool) error {
	if len(s) != n {
		return errorf(CodeUnitCode, "want %d digits", n)
	}
	for i := range n {
		if s[i] < '0' || s[i] > '9' {
			return errorf(CodeUnitCode, "want %d digits", n)
		}
	}
	if ours && !ValidDivision(s[:6]) {
		return errorf(CodeUnitCode, "a code of the consortium begins with a division")
	}
	if s[n-1] != CheckDigit(s[:n-1]) {
		return errorf(CodeCheckDigit, "want %c", CheckDigit(s[:n-1]))
	}
	return nil
}

// CheckDigit returns the check digit that follows some digits (GS1 General
// Specifications §7.9: weights 3 and 1 from the right, modulo 10).
func CheckDigit(digits string) byte {
	sum := 0
	for i := range len(digits) {
		w := 1
		if (len(digits)-i)%2 == 1 {
			w = 3
		}
		sum += w * int(digits[i]-'0')
	}
	return byte('0' + (10-sum%10)%10)
}

// escaped82 are the characters of GS1's set 82 that a code percent-encodes.
const escaped82 = `!"%&'()*+,/:;<=>?`

// codeValue reports whether v is a value in its one spelling.
func codeValue(v string) bool {
	n := 0
	for i := 0; i < len(v); i, n = i+1, n+1 {
		c := v[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_':
		case c == '%' && i+2 < len(v) && upperNibble(v[i+1]) < 16 && upperNibble(v[i+2]) < 16 &&
			strings.IndexByte(escaped82, upperNibble(v[i+1])<<4|upperNibble(v[i+2])) >= 0:
			i += 2
		default:
			return false
		}
	}
	return n >= 1 && n <= 20 && v != "." && v != ".."
}

func upperNibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// ValidPlace reports whether s is a place of the statistical division codes:
// 12 digits, of which the first 6 are a division of GB/T 2260 and the others
// a township and a village, 0 where there is none.
func ValidPlace(s string) bool {
	if len(s) != 12 || !ValidDivision(s[:6]) {
		return false
	}
	for i := range 12 {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
