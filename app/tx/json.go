package tx

import (
	"strconv"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Reader reads one canonical JSON value (RFC 8785, integers only) strictly and
// in one pass. Canonical form fixes the order of members, so a schema is read
// as a sequence of Need and Has calls in ascending order of name, and every
// departure — white space, another order, an escape that need not be there —
// is an error at the byte where it happens.
//
// The first error sticks: later calls return zero values, and Err reports it.
type Reader struct {
	b     []byte
	i     int
	depth int
	err   *Error
	at    step           // what is being read, for error paths
	path  [MaxDepth]step // what it is in
	deep  int            // of path in use
}

// A step is one part of an error path: a member, or an item of it.
type step struct {
	name string
	item int // 1 for the first item, 0 for the member itself
}

func (s step) String() string {
	if s.item == 0 {
		return s.name
	}
	return s.name + "[" + strconv.Itoa(s.item-1) + "]"
}

// MaxDepth is how deeply objects and arrays may nest.
const MaxDepth = 8

// MaxInt is the largest magnitude of an integer: 2^53, beyond which programs
// that read numbers as IEEE 754 doubles would see another value.
const MaxInt = 1 << 53

// NewReader returns a Reader of b, which it does not copy.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// Err returns the first error, or nil.
func (r *Reader) Err() error {
	if r.err == nil {
		return nil
	}
	return r.err
}

// Fail records an error at the current member unless one is recorded already.
func (r *Reader) Fail(c Code, detail string) {
	if r.err != nil {
		return
	}
	p := ""
	for _, s := range r.path[:r.deep] {
		p = join(p, s.String())
	}
	r.err = &Error{Code: c, Path: join(p, r.at.String()), Detail: detail}
}

func join(p, s string) string {
	if p == "" || s == "" {
		return p + s
	}
	return p + "." + s
}

func (r *Reader) peek() byte {
	if r.i < len(r.b) {
		return r.b[r.i]
	}
	return 0
}

func (r *Reader) expect(c byte) bool {
	if r.err != nil {
		return false
	}
	if r.i < len(r.b) && r.b[r.i] == c {
		r.i++
		return true
	}
	r.unexpected()
	return false
}

// unexpected tells white space (canonical form has none) from other bytes.
func (r *Reader) unexpected() {
	switch {
	case r.i >= len(r.b):
		r.Fail(CodeSyntax, "ends early")
	case r.b[r.i] == ' ' || r.b[r.i] == '\n' || r.b[r.i] == '\t' || r.b[r.i] == '\r':
		r.Fail(CodeCanonical, "white space at byte "+strconv.Itoa(r.i))
	default:
		r.Fail(CodeSyntax, "unexpected byte at "+strconv.Itoa(r.i))
	}
}

// End checks that nothing follows the value.
func (r *Reader) End() {
	if r.err == nil && r.i != len(r.b) {
		r.at = step{}
		r.Fail(CodeSyntax, "trailing data at byte "+strconv.Itoa(r.i))
	}
}

// An Object is an object being read; see Reader.Object.
type Object struct {
	r     *Reader
	last  string // name of the last member read
	outer step
	any   bool
}

// Object enters an object.
func (r *Reader) Object() Object {
	o := Object{r: r, outer: r.at}
	if r.err != nil {
		return o
	}
	if r.peek() != '{' {
		r.wrongType("an object")
		return o
	}
	if r.depth++; r.depth > MaxDepth {
		r.Fail(CodeDepth, "")
		return o
	}
	if r.at.name != "" {
		r.path[r.deep] = r.at
		r.deep++
		r.at = step{}
	}
	r.i++
	return o
}

// Has reads the next member's name if it is name, and reports whether it was.
// The member's value must be read next.
func (o *Object) Has(name string) bool {
	r := o.r
	if r.err != nil {
		return false
	}
	i := r.i
	if r.peek() == '}' {
		return false
	}
	if o.any {
		if r.peek() != ',' {
			r.unexpected()
			return false
		}
		i++
	}
	if i < len(r.b) && r.b[i] != '"' {
		r.i = i
		r.unexpected()
		return false
	}
	// Fast path: the bytes are exactly "name":
	end := i + len(name) + 3
	if end <= len(r.b) && string(r.b[i+1:i+1+len(name)]) == name && r.b[end-2] == '"' && r.b[end-1] == ':' {
		r.i = end
		r.at = step{name: name}
		o.last, o.any = name, true
		return true
	}
	// Another name: a later member leaves this one absent, an earlier one is
	// unknown, repeated or out of order.
	save := r.i
	r.i = i
	next := r.rawString()
	if r.err != nil {
		return false
	}
	r.i = save
	if next <= o.last && o.any || next < name {
		o.misplaced(next)
	}
	return false
}

func (o *Object) misplaced(next string) {
	r := o.r
	r.at = step{name: clip(next)}
	switch {
	case o.any && next == o.last:
		r.Fail(CodeDuplicate, "")
	case o.any && next < o.last:
		r.Fail(CodeCanonical, "members out of order, or unknown")
	default:
		r.Fail(CodeUnknown, "")
	}
}

// Need is Has for a member that must be there.
func (o *Object) Need(name string) {
	if !o.Has(name) && o.r.err == nil {
		o.r.at = step{name: name}
		o.r.Fail(CodeMissing, "")
	}
}

// End leaves the object.
func (o *Object) End() {
	r := o.r
	if r.err != nil {
		return
	}
	if r.peek() == ',' {
		r.i++
		next := r.rawString()
		if r.err == nil {
			o.misplaced(next)
		}
		return
	}
	r.at = step{}
	if !o.any && r.peek() == '"' {
		r.at.name = clip(r.rawString())
		r.Fail(CodeUnknown, "")
		return
	}
	if !r.expect('}') {
		return
	}
	r.depth--
	if o.outer.name != "" {
		r.deep--
	}
	r.at = o.outer
}

// Array reads an array of at most max values, calling item to read each.
func (r *Reader) Array(max int, item func(i int)) {
	if r.err != nil {
		return
	}
	if r.peek() != '[' {
		r.wrongType("an array")
		return
	}
	if r.depth++; r.depth > MaxDepth {
		r.Fail(CodeDepth, "")
		return
	}
	r.i++
	outer := r.at
	if r.peek() == ']' {
		r.i++
		r.depth--
		return
	}
	for n := 0; ; n++ {
		if n >= max {
			r.Fail(CodeLimit, "more than "+strconv.Itoa(max)+" items")
			return
		}
		r.at.item = n + 1
		item(n)
		if r.err != nil {
			return
		}
		r.at = outer
		if r.peek() == ']' {
			r.i++
			r.depth--
			return
		}
		if !r.expect(',') {
			return
		}
	}
}

// some checks that an optional array, once it is there, holds something.
func (r *Reader) some(n int) {
	if n == 0 {
		r.Fail(CodeLimit, "empty; leave it out")
	}
}

func (r *Reader) wrongType(want string) {
	switch c := r.peek(); {
	case c == '{' || c == '[' || c == '"' || c == '-' || c >= '0' && c <= '9' || c == 't' || c == 'f' || c == 'n':
		r.Fail(CodeType, "want "+want)
	default:
		r.unexpected()
	}
}

// Int reads an integer from min to max.
func (r *Reader) Int(min, max int64) int64 {
	if r.err != nil {
		return 0
	}
	start := r.i
	neg := r.peek() == '-'
	if neg {
		r.i++
	}
	first := r.i
	var v int64
	for r.i < len(r.b) && r.b[r.i] >= '0' && r.b[r.i] <= '9' && r.i-first < 17 {
		v = v*10 + int64(r.b[r.i]-'0')
		r.i++
	}
	n := r.i - first
	if n == 0 {
		r.i = start
		r.wrongType("an integer")
		return 0
	}
	if r.b[first] == '0' && (n > 1 || neg) {
		r.Fail(CodeCanonical, "leading zero or −0")
		return 0
	}
	if c := r.peek(); c == '.' || c == 'e' || c == 'E' {
		r.Fail(CodeType, "numbers are integers without fraction or exponent")
		return 0
	}
	if n > 16 || v > MaxInt {
		r.Fail(CodeLimit, "magnitude over 2^53")
		return 0
	}
	if neg {
		v = -v
	}
	if v < min || v > max {
		r.Fail(CodeLimit, "want "+strconv.FormatInt(min, 10)+" to "+strconv.FormatInt(max, 10))
		return 0
	}
	return v
}

// Bool reads true or false.
func (r *Reader) Bool() bool {
	if r.err != nil {
		return false
	}
	rest := r.b[r.i:]
	switch {
	case len(rest) >= 4 && string(rest[:4]) == "true":
		r.i += 4
		return true
	case len(rest) >= 5 && string(rest[:5]) == "false":
		r.i += 5
		return false
	}
	r.wrongType("true or false")
	return false
}

// String reads a string of at most max bytes of UTF-8 in NFC.
func (r *Reader) String(max int) string {
	s := r.rawString()
	if r.err != nil {
		return ""
	}
	if len(s) > max {
		r.Fail(CodeLimit, "longer than "+strconv.Itoa(max)+" bytes")
		return ""
	}
	return s
}

// plain reads a string of ASCII that needs no escape and returns it without a copy.
func (r *Reader) plain() []byte {
	if r.err != nil {
		return nil
	}
	if r.peek() != '"' {
		r.wrongType("a string")
		return nil
	}
	for j := r.i + 1; j < len(r.b); j++ {
		switch c := r.b[j]; {
		case c == '"':
			s := r.b[r.i+1 : j]
			r.i = j + 1
			return s
		case c == '\\' || c < 0x20 || c >= 0x7f:
			r.Fail(CodeType, "unexpected character")
			return nil
		}
	}
	r.Fail(CodeSyntax, "string without end")
	return nil
}

// Hex reads len(dst) bytes as lower-case hex.
func (r *Reader) Hex(dst []byte) {
	if s := r.plain(); r.err == nil && !hexInto(dst, s) {
		r.Fail(CodeType, "want "+strconv.Itoa(2*len(dst))+" lower-case hex digits")
	}
}

// HexSome is Hex for what may be absent: absence has one form, so zero bytes do
// not stand for it.
func (r *Reader) HexSome(dst []byte) {
	r.Hex(dst)
	for _, c := range dst {
		if c != 0 {
			return
		}
	}
	r.Fail(CodeLimit, "all zero; leave it out")
}

// HexBytes reads lower-case hex of at most max bytes.
func (r *Reader) HexBytes(max int) []byte {
	s := r.plain()
	if r.err != nil {
		return nil
	}
	if len(s) > 2*max {
		r.Fail(CodeLimit, "longer than "+strconv.Itoa(max)+" bytes")
		return nil
	}
	b := make([]byte, len(s)/2)
	if !hexInto(b, s) {
		r.Fail(CodeType, "want lower-case hex digits")
		return nil
	}
	return b
}

// Time reads a time in its text form.
func (r *Reader) Time() Time {
	s := r.plain()
	if r.err != nil {
		return 0
	}
	t, ok := parseTime(s)
	if !ok {
		r.Fail(CodeType, "want a time like 2026-11-23T08:00:00.000Z")
	}
	return t
}

// Slug reads a lower-case name of min to max bytes with sep between words.
func (r *Reader) Slug(min, max int, sep byte) string {
	s := r.plain()
	if r.err != nil {
		return ""
	}
	if !isSlug(s, min, max, sep) {
		r.Fail(CodeType, "want a lower-case name of "+strconv.Itoa(min)+" to "+strconv.Itoa(max)+" letters, digits and '"+string(sep)+"'")
		return ""
	}
	return string(s)
}

// Name reads one of the words of a table.
func (r *Reader) Name(table []string) string {
	s := r.plain()
	if r.err != nil {
		return ""
	}
	for _, t := range table {
		if string(s) == t {
			return t
		}
	}
	if !isSlug(s, 1, 32, '_') {
		r.Fail(CodeType, "want a lower-case name")
	} else {
		r.Fail(CodeUnknownTag, string(s))
	}
	return ""
}

// rawString reads any canonical JSON string.
func (r *Reader) rawString() string {
	if r.err != nil {
		return ""
	}
	if r.peek() != '"' {
		r.wrongType("a string")
		return ""
	}
	start := r.i + 1
	ascii := true
	for j := start; j < len(r.b); j++ {
		c := r.b[j]
		if c == '"' {
			s := r.b[start:j]
			r.i = j + 1
			if !ascii && !r.text(s) {
				return ""
			}
			return string(s)
		}
		if c == '\\' {
			return r.escaped(start, j)
		}
		if c < 0x20 {
			r.Fail(CodeSyntax, "control character in a string")
			return ""
		}
		if c >= 0x80 {
			ascii = false
		}
	}
	r.Fail(CodeSyntax, "string without end")
	return ""
}

func (r *Reader) text(s []byte) bool {
	if !utf8.Valid(s) {
		r.Fail(CodeUnicode, "not UTF-8")
		return false
	}
	if !norm.NFC.IsNormal(s) {
		r.Fail(CodeUnicode, "not in Unicode normalisation form C")
		return false
	}
	return true
}

// escaped reads the rest of a string that holds an escape at j. RFC 8785
// §3.2.2.2 leaves one spelling for each character: \b \t \n \f \r \" \\, other
// control characters as \u00xx in lower case, everything else as itself.
func (r *Reader) escaped(start, j int) string {
	buf := append(make([]byte, 0, 64), r.b[start:j]...)
	for j < len(r.b) {
		c := r.b[j]
		switch {
		case c == '"':
			r.i = j + 1
			if !r.text(buf) {
				return ""
			}
			return string(buf)
		case c < 0x20:
			r.Fail(CodeSyntax, "control character in a string")
			return ""
		case c != '\\':
			buf = append(buf, c)
			j++
		default:
			v, n := unescape(r.b[j:])
			if n == 0 {
				r.Fail(CodeCanonical, "escape that RFC 8785 does not use")
				return ""
			}
			buf = append(buf, v)
			j += n
		}
	}
	r.Fail(CodeSyntax, "string without end")
	return ""
}

func unescape(b []byte) (v byte, n int) {
	if len(b) < 2 {
		return 0, 0
	}
	switch b[1] {
	case '"', '\\':
		return b[1], 2
	case 'b':
		return 8, 2
	case 't':
		return 9, 2
	case 'n':
		return 10, 2
	case 'f':
		return 12, 2
	case 'r':
		return 13, 2
	case 'u':
		if len(b) < 6 || b[2] != '0' || b[3] != '0' {
			return 0, 0
		}
		hi, lo := nibble(b[4]), nibble(b[5])
		if hi > 1 || lo > 15 {
			return 0, 0
		}
		v = hi<<4 | lo
		switch v {
		case 8, 9, 10, 12, 13:
			return 0, 0 // these have a short form
		}
		return v, 6
	}
	return 0, 0
}

// skip passes over one value without checking its form, and returns its bytes.
// It is used where the schema of a member is known only from a later one; the
// value is read strictly afterwards.
func (r *Reader) skip() []byte {
	if r.err != nil {
		return nil
	}
	start, depth := r.i, 0
	for r.i < len(r.b) {
		switch r.b[r.i] {
		case '{', '[':
			if depth++; depth > MaxDepth {
				r.Fail(CodeDepth, "")
				return nil
			}
		case '}', ']':
			depth--
		case '"':
			for r.i++; r.i < len(r.b) && r.b[r.i] != '"'; r.i++ {
				if r.b[r.i] == '\\' {
					r.i++
				}
			}
		case ' ', '\t', '\n', '\r':
			r.unexpected()
			return nil
		}
		r.i++
		if depth <= 0 && (r.i >= len(r.b) || r.b[r.i] == ',' || r.b[r.i] == '}') {
			break
		}
	}
	if depth != 0 || r.i > len(r.b) {
		r.i = len(r.b)
		r.Fail(CodeSyntax, "ends early")
		return nil
	}
	return r.b[start:r.i]
}

// value reads any canonical value whose schema is not known.
func (r *Reader) value() {
	if r.err != nil {
		return
	}
	switch c := r.peek(); c {
	case '{':
		o := r.Object()
		for r.err == nil && o.next() {
			r.value()
		}
		o.End()
	case '[':
		r.Array(len(r.b), func(int) { r.value() })
	case '"':
		r.rawString()
	case 't', 'f':
		r.Bool()
	default:
		r.Int(-MaxInt, MaxInt)
	}
}

// next reads the name of the next member, whatever it is, and reports whether there
// is one.
func (o *Object) next() bool {
	r := o.r
	if r.err != nil || r.peek() == '}' {
		return false
	}
	if o.any && !r.expect(',') {
		return false
	}
	name := r.rawString()
	if r.err == nil && o.any && name <= o.last {
		o.misplaced(name)
	}
	r.expect(':')
	o.last, o.any = name, true
	r.at = step{name: clip(name)}
	return r.err == nil
}

// clip bounds a name taken from hostile input before it goes into a message.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

// AppendString appends s as a canonical JSON string. The caller has checked
// that s is UTF-8 in NFC.
func AppendString(b []byte, s string) []byte {
	const hexdigits = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c >= 0x20:
			b = append(b, c)
		case c == 8:
			b = append(b, `\b`...)
		case c == 9:
			b = append(b, `\t`...)
		case c == 10:
			b = append(b, `\n`...)
		case c == 12:
			b = append(b, `\f`...)
		case c == 13:
			b = append(b, `\r`...)
		default:
			b = append(b, `\u00`...)
			b = append(b, hexdigits[c>>4], hexdigits[c&15])
		}
	}
	return append(b, '"')
}

// A Writer appends canonical JSON. Members must be written in ascending order
// of name; the Reader on the other side refuses anything else.
type Writer struct {
	B     []byte
	first bool
}

// Open begins an object.
func (w *Writer) Open() { w.B = append(w.B, '{'); w.first = true }

// Close ends an object.
func (w *Writer) Close() { w.B = append(w.B, '}'); w.first = false }

// Member writes a member's name.
func (w *Writer) Member(name string) {
	if !w.first {
		w.B = append(w.B, ',')
	}
	w.first = false
	w.B = append(w.B, '"')
	w.B = append(w.B, name...)
	w.B = append(w.B, '"', ':')
}

// String writes a string member.
func (w *Writer) String(name, v string) { w.Member(name); w.B = AppendString(w.B, v) }

// Int writes an integer member.
func (w *Writer) Int(name string, v int64) { w.Member(name); w.B = strconv.AppendInt(w.B, v, 10) }

// Bool writes a boolean member.
func (w *Writer) Bool(name string, v bool) { w.Member(name); w.B = strconv.AppendBool(w.B, v) }

// Hex writes bytes as a string of lower-case hex.
func (w *Writer) Hex(name string, v []byte) { w.Member(name); w.B = appendHex(w.B, v) }

// Array writes an array of n values, each appended by item.
func (w *Writer) Array(name string, n int, item func(i int)) {
	w.Member(name)
	w.List(n, item)
}

// Number writes an integer that is an item of an array.
func (w *Writer) Number(v int64) { w.B = strconv.AppendInt(w.B, v, 10) }

// List writes an array that is no member.
func (w *Writer) List(n int, item func(i int)) {
	w.B = append(w.B, '[')
	for i := 0; i < n; i++ {
		if i > 0 {
			w.B = append(w.B, ',')
		}
		item(i)
	}
	w.B = append(w.B, ']')
	w.first = false
}

func appendHex(b, v []byte) []byte {
	const hexdigits = "0123456789abcdef"
	b = append(b, '"')
	for _, c := range v {
		b = append(b, hexdigits[c>>4], hexdigits[c&15])
	}
	return append(b, '"')
}
