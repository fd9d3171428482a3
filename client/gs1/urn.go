package gs1

import (
	"fmt"
	"net/url"
	"strings"

	"zhenglian/app/tx"
)

// A scheme is one of the EPC URNs: how its parts, between dots, make a link.
// digits is the number of digits of company prefix and reference together,
// without check digit; the last part is a serial when serial is set.
type scheme struct {
	name   string
	ai     string
	digits int
	serial string // AI of the last part; "+": it belongs to the key; "": there is none
}

var schemes = []scheme{
	{"id:sgtin", "01", 13, "21"}, {"id:sscc", "00", 17, ""}, {"id:sgln", "414", 12, "254"}, {"id:pgln", "417", 12, ""}, {"id:grai", "8003", 12, "+"},
	{"id:gdti", "253", 12, "+"}, {"id:sgcn", "255", 12, "+"}, {"id:gsrn", "8018", 17, ""}, {"id:gsrnp", "8017", 17, ""}, {"id:gsin", "402", 16, ""},
	{"id:giai", "8004", 0, ""}, {"id:ginc", "401", 0, ""}, {"id:cpi", "8010", 0, "8011"}, {"id:itip", "8006", 13, "21"}, {"id:upui", "01", 13, "235"},
	{"class:lgtin", "01", 13, "10"},
}

// FromURN reads an EPC URN, of an item, a class or a pattern, such as
// urn:epc:id:sgtin:4012345.011111.987 or urn:epc:idpat:sgtin:4012345.011111.*.
func FromURN(urn string) (*Link, error) {
	rest, ok := strings.CutPrefix(urn, "urn:epc:")
	if !ok {
		return nil, fmt.Errorf("%q is no EPC URN", urn)
	}
	pattern := false
	if after, is := strings.CutPrefix(rest, "idpat:"); is {
		rest, pattern = "id:"+after, true
	}
	for i := range schemes {
		s := &schemes[i]
		if body, ok := strings.CutPrefix(rest, s.name+":"); ok {
			l, err := s.link(body, pattern)
			if err != nil {
				return nil, fmt.Errorf("%q: %w", urn, err)
			}
			return l, nil
		}
	}
	return nil, fmt.Errorf("%q is of no scheme of GS1", urn)
}

func (s *scheme) link(body string, pattern bool) (*Link, error) {
	parts := strings.SplitN(body, ".", s.parts())
	if len(parts) != s.parts() {
		return nil, fmt.Errorf("want %d parts", s.parts())
	}
	prefix, ref := parts[0], parts[1]
	if n := len(prefix); n < 6 || n > 12 || strings.Trim(prefix, "0123456789") != "" {
		return nil, fmt.Errorf("company prefix %q", prefix)
	}
	l := &Link{AI: s.ai}
	if s.digits == 0 {
		v, err := url.PathUnescape(ref)
		if err != nil {
			return nil, err
		}
		l.Key = prefix + v
	} else {
		digits := prefix + ref
		if (s.ai == "01" || s.ai == "8006" || s.ai == "00") && ref != "" { // indicator or extension digit goes first
			digits = ref[:1] + prefix + ref[1:]
		}
		if len(digits) != s.digits || strings.Trim(digits, "0123456789") != "" {
			return nil, fmt.Errorf("want %d digits before the check digit", s.digits)
		}
		if s.ai == "8003" { // a GRAI has a filler digit
			digits = "0" + digits
		}
		l.Key = digits + string(tx.CheckDigit(digits))
	}
	if s.name == "id:itip" {
		l.Key += parts[2] + parts[3]
	}
	last := parts[len(parts)-1]
	if s.serial != "" && !(pattern && last == "*") {
		v, err := url.PathUnescape(last)
		switch {
		case err != nil || v == "":
			return nil, fmt.Errorf("serial %q", last)
		case s.serial == "+":
			l.Key += v
		case s.serial == "254" && v == "0": // a GLN without extension
		case !forms[s.serial].MatchString(v):
			return nil, fmt.Errorf("serial %q: value of %s", last, s.serial)
		default:
			l.Qualifiers = []Element{{s.serial, v}}
		}
	}
	return l, keyOf(s.ai).check(l.Key)
}

// parts is how many parts the scheme has.
func (s *scheme) parts() int {
	switch {
	case s.name == "id:itip":
		return 5
	case s.serial == "":
		return 2
	}
	return 3
}

// Normalise returns the canonical link of the finest identification that a URI
// carries, or "" when it carries none of GS1.
func Normalise(uri string) string {
	if strings.HasPrefix(uri, "urn:epc:") {
		if l, err := FromURN(uri); err == nil {
			return l.Finest()
		}
		return ""
	}
	if l, err := Parse(uri); err == nil {
		return l.Finest()
	}
	return ""
}
