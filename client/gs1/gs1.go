// Package gs1 reads and writes the identifiers of GS1: Digital Link URIs, and
// the EPC URNs that are older ways to say the same.
//
//	https://HOST/01/09506000134352/10/LOT1/21/7?17=271231    a Digital Link
//	urn:epc:id:sgtin:950600.0013435.7                        an EPC
//	https://id.gs1.org/01/09506000134352/21/7                both, in canonical form
//
// Specifications: GS1 Digital Link Standard: URI Syntax 1.4 §4 and §5, EPC Tag
// Data Standard 2.0 §6 and §7, GS1 General Specifications §7.9 (check digits).
package gs1

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"zhenglian/app/tx"
)

// Canonical is the beginning of a canonical Digital Link.
const Canonical = "https://id.gs1.org"

// A Link is a Digital Link: a key, what narrows it down, and attributes.
type Link struct {
	Host       string    // scheme and host, such as https://example.org; "" means Canonical
	AI, Key    string    // application identifier and value of the primary key
	Qualifiers []Element // in the order of the key's row in keys
	Attributes []Element // query parameters, ascending by AI
}

// An Element is an application identifier with its value, not percent-encoded.
type Element struct{ AI, Value string }

// A key is a primary key: its length in digits, with check digit, and what may
// follow it, in this order.
type key struct {
	ai         string
	digits     int  // of the part with the check digit, which is its last; 0: alphanumeric
	more       bool // characters may follow the digits
	max        int  // characters in all
	qualifiers []string
}

var keys = []key{
	{"00", 18, false, 18, nil},
	{"01", 14, false, 14, []string{"22", "10", "21", "235"}},
	{"253", 13, true, 30, nil},
	{"255", 13, true, 25, nil},
	{"401", 0, true, 30, nil},
	{"402", 17, false, 17, nil},
	{"414", 13, false, 13, []string{"254", "7040"}},
	{"417", 13, false, 13, []string{"7040"}},
	{"8003", 14, true, 30, nil},
	{"8004", 0, true, 30, []string{"7040"}},
	{"8006", 14, true, 18, []string{"22", "10", "21"}},
	{"8010", 0, true, 30, []string{"8011"}},
	{"8013", 0, true, 30, nil},
	{"8017", 18, false, 18, []string{"8019"}},
	{"8018", 18, false, 18, []string{"8019"}},
}

// any82 is a class of the characters of GS1's set 82 (General Specifications §7.11).
const any82 = `[!"%-?A-Z_a-z]`

// forms are the values that are not digits alone (General Specifications §3.2).
var forms = map[string]*regexp.Regexp{
	"253": form(`[0-9]{13}` + any82 + `{0,17}`), "255": form(`[0-9]{13,25}`), "401": form(any82 + `{1,30}`), "8003": form(`[0-9]{14}` + any82 + `{0,16}`),
	"8004": form(any82 + `{1,30}`), "8006": form(`[0-9]{18}`), "8010": form(`[#\-/0-9A-Z]{1,30}`), "8013": form(any82 + `{1,25}`),
	"22": form(any82 + `{1,20}`), "10": form(any82 + `{1,20}`), "21": form(any82 + `{1,20}`), "235": form(any82 + `{1,28}`), "254": form(any82 + `{1,20}`),
	"7040": form(`[0-9]` + any82 + `{3}`), "8011": form(`[0-9]{1,12}`), "8019": form(`[0-9]{1,10}`),
}

func form(s string) *regexp.Regexp { return regexp.MustCompile("^" + s + "$") }

// shortNames are names that URI Syntax 1.0 and 1.1 allowed instead of numbers.
var shortNames = map[string]string{
	"sscc": "00", "gtin": "01", "gdti": "253", "gcn": "255", "ginc": "401", "gsin": "402", "gln": "414", "party": "417", "grai": "8003", "giai": "8004",
	"itip": "8006", "cpid": "8010", "gmn": "8013", "gsrnp": "8017", "gsrn": "8018",
	"cpv": "22", "lot": "10", "ser": "21", "tpx": "235", "glnx": "254", "cpsn": "8011", "srin": "8019",
}

func keyOf(ai string) *key {
	for i := range keys {
		if keys[i].ai == ai {
			return &keys[i]
		}
	}
	return nil
}

// ErrNotLink says that a URI is no Digital Link.
var ErrNotLink = errors.New("not a GS1 Digital Link")

// Parse reads a Digital Link of any host. The path may begin with segments that
// are not the link's; a GTIN of 8, 12 or 13 digits is padded to 14.
func Parse(uri string) (*Link, error) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, fmt.Errorf("%w: %q", ErrNotLink, uri)
	}
	parts := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	for i := len(parts) - 2; i >= 0; i -= 2 { // every second one, from the end, is an application identifier
		if ai, ok := shortNames[parts[i]]; ok {
			parts[i] = ai
		}
	}
	for at := 0; at+1 < len(parts); at++ {
		if k := keyOf(parts[at]); k != nil && (len(parts)-at)%2 == 0 {
			l := &Link{Host: u.Scheme + "://" + u.Host, AI: k.ai}
			if err := l.read(k, parts[at+1:]); err != nil {
				return nil, fmt.Errorf("%w: %q: %w", ErrNotLink, uri, err)
			}
			for ai, vs := range u.Query() {
				if isAI(ai) && len(vs) == 1 {
					l.Attributes = append(l.Attributes, Element{ai, vs[0]})
				}
			}
			slices.SortFunc(l.Attributes, func(a, b Element) int { return strings.Compare(a.AI, b.AI) })
			return l, nil
		}
	}
	return nil, fmt.Errorf("%w: %q", ErrNotLink, uri)
}

func isAI(s string) bool {
	return len(s) >= 2 && len(s) <= 4 && strings.Trim(s, "0123456789") == ""
}

// read takes over the value of the key, and what follows it.
func (l *Link) read(k *key, parts []string) (err error) {
	if l.Key, err = url.PathUnescape(parts[0]); err != nil {
		return err
	}
	if n := len(l.Key); k.ai == "01" && (n == 8 || n == 12 || n == 13) {
		l.Key = strings.Repeat("0", 14-n) + l.Key
	}
	if err := k.check(l.Key); err != nil {
		return err
	}
	next := 0
	for i := 1; i < len(parts); i += 2 {
		at := slices.Index(k.qualifiers, parts[i])
		if at < next {
			return fmt.Errorf("%s does not follow here", parts[i])
		}
		v, err := url.PathUnescape(parts[i+1])
		if err != nil || !forms[parts[i]].MatchString(v) {
			return fmt.Errorf("value of %s", parts[i])
		}
		l.Qualifiers, next = append(l.Qualifiers, Element{parts[i], v}), at+1
	}
	return nil
}

// check checks length and check digit of a key's value.
func (k *key) check(v string) error {
	if len(v) > k.max || len(v) < k.digits || v == "" || !k.more && len(v) != k.digits {
		return fmt.Errorf("%s of %d characters", k.ai, len(v))
	}
	if f := forms[k.ai]; f != nil && !f.MatchString(v) {
		return fmt.Errorf("value of %s", k.ai)
	}
	if k.digits == 0 {
		return nil
	}
	d := v[:k.digits]
	if strings.Trim(d, "0123456789") != "" {
		return fmt.Errorf("%s is not of digits", k.ai)
	}
	if c := tx.CheckDigit(d[:k.digits-1]); d[k.digits-1] != c {
		return fmt.Errorf("check digit of %s: want %c", k.ai, c)
	}
	return nil
}

// Build writes the link: key, qualifiers in their order, attributes.
func (l *Link) Build() string {
	host := l.Host
	if host == "" {
		host = Canonical
	}
	var b strings.Builder
	b.WriteString(host + "/" + l.AI + "/" + escape(l.Key))
	for _, q := range l.Qualifiers {
		b.WriteString("/" + q.AI + "/" + escape(q.Value))
	}
	for i, a := range l.Attributes {
		b.WriteByte("?&"[min(i, 1)])
		b.WriteString(a.AI + "=" + url.QueryEscape(a.Value))
	}
	return b.String()
}

// Canonical is the link of GS1's own host without attributes.
func (l *Link) Canonical() string {
	return (&Link{AI: l.AI, Key: l.Key, Qualifiers: l.Qualifiers}).Build()
}

// Finest is the canonical link of the finest identification only: of a GTIN the
// serial if there is one, else the lot; without the variant (CBV 2.0 §8.9).
func (l *Link) Finest() string {
	q := l.Qualifiers
	if l.AI == "01" || l.AI == "8006" {
		for _, want := range []string{"21", "235", "10", ""} {
			i := slices.IndexFunc(q, func(e Element) bool { return e.AI == want })
			if i >= 0 {
				q = q[i : i+1]
				break
			}
			if want == "" {
				q = nil
			}
		}
	}
	// Here, as the reference generator of event hashes has it, !'()* stand for themselves.
	return marks.Replace((&Link{AI: l.AI, Key: l.Key, Qualifiers: q}).Build())
}

var marks = strings.NewReplacer("%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*")

// UnitCode returns the code under which the ledger knows what the link names.
func (l *Link) UnitCode() (tx.UnitCode, error) {
	c := tx.UnitCode(strings.TrimPrefix(l.Canonical(), Canonical+"/"))
	return c, c.Validate()
}

// escape percent-encodes a value for a path: everything but the unreserved
// characters of RFC 3986.
func escape(v string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(v) {
		switch c := v[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_', c == '~':
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}
