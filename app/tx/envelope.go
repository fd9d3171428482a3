package tx

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"slices"
	"strconv"
)

// PayloadType is the DSSE payload type of a statement.
const PayloadType = "application/vnd.zhenglian.statement.v1+json"

// Limits of an envelope. A log entry is 8 bytes of height and the envelope, and
// a C2SP tlog-tiles entry bundle gives an entry a 16-bit length; that fixes
// MaxEnvelope. MaxStatement leaves room for signatures: 64 of secp256k1 or 4
// of ML-DSA-65. Larger content is a blob, or goes under a Merkle root.
const (
	MaxStatement  = 48 << 10      // bytes of a statement
	MaxSignatures = 64            // signatures of an envelope
	MaxEnvelope   = 1<<16 - 1 - 8 // bytes of an envelope on the wire
)

// An Envelope is a statement with its signatures: DSSE v1
// (github.com/secure-systems-lab/dsse, envelope.md and protocol.md). One
// transaction of the chain is one envelope in the wire form.
//
//	wire form, protobuf, every field in this order and none twice:
//	  1 payload      bytes   the canonical statement
//	  2 payloadType  string  PayloadType
//	  3 signatures   message, repeated, in ascending order of keyid:
//	      1 sig      bytes
//	      2 keyid    string  40 hex digits: the account
type Envelope struct {
	Payload    []byte
	Signatures []Signature
}

// A Signature is one account's signature over the envelope's payload.
type Signature struct {
	Account AccountID
	Sig     []byte
}

// ID returns the id of the statement inside.
func (e *Envelope) ID() ID { return StatementID(e.Payload) }

// paeHead is everything of the pre-authentication encoding before a payload of
// n bytes.
func paeHead(payloadType string, n int) []byte {
	b := make([]byte, 0, 80)
	b = append(b, "DSSEv1 "...)
	b = strconv.AppendInt(b, int64(len(payloadType)), 10)
	b = append(b, ' ')
	b = append(b, payloadType...)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(n), 10)
	return append(b, ' ')
}

// PAE returns the bytes that are signed (DSSE pre-authentication encoding):
//
//	"DSSEv1" SP len(type) SP type SP len(payload) SP payload
func PAE(payload []byte) []byte { return PAEAs(PayloadType, payload) }

// PAEAs is PAE of another payload type than that of statements, so that no
// signature of the one kind is ever one of the other.
func PAEAs(payloadType string, payload []byte) []byte {
	return append(paeHead(payloadType, len(payload)), payload...)
}

// PAEDigest returns SHA-256(PAE(payload)), which is what secp256k1 keys sign.
func PAEDigest(payload []byte) [32]byte {
	h := sha256.New()
	h.Write(paeHead(PayloadType, len(payload)))
	h.Write(payload)
	var d [32]byte
	h.Sum(d[:0])
	return d
}

// AppendWire appends the wire form of e to b.
func (e *Envelope) AppendWire(b []byte) []byte {
	b = appendField(b, 1, e.Payload)
	b = append(b, 2<<3|2, byte(len(PayloadType)))
	b = append(b, PayloadType...)
	for i := range e.Signatures {
		s := &e.Signatures[i]
		n := 1 + uvarintLen(len(s.Sig)) + len(s.Sig) + 2 + 2*len(s.Account)
		b = append(b, 3<<3|2)
		b = appendUvarint(b, n)
		b = appendField(b, 1, s.Sig)
		b = append(b, 2<<3|2, byte(2*len(s.Account)))
		b = append(b, s.Account.String()...)
	}
	return b
}

func appendField(b []byte, num int, v []byte) []byte {
	b = append(b, byte(num<<3|2))
	b = appendUvarint(b, len(v))
	return append(b, v...)
}

func appendUvarint(b []byte, n int) []byte {
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

func uvarintLen(n int) int {
	l := 1
	for ; n >= 0x80; n >>= 7 {
		l++
	}
	return l
}

// wire is a strict reader of length-delimited protobuf fields.
type wire struct{ b []byte }

// field reads the field of number num, which must come next.
func (w *wire) field(num int) ([]byte, bool) {
	if len(w.b) < 2 || w.b[0] != byte(num<<3|2) {
		return nil, false
	}
	n, used := 0, 0
	for i := 1; ; i++ {
		if i >= len(w.b) || i > 3 { // three bytes hold 2 MiB, over every limit
			return nil, false
		}
		c := w.b[i]
		n |= int(c&0x7f) << (7 * (i - 1))
		if c < 0x80 {
			if c == 0 && i > 1 {
				return nil, false // not the shortest form
			}
			used = i + 1
			break
		}
	}
	if n > len(w.b)-used {
		return nil, false
	}
	v := w.b[used : used+n : used+n]
	w.b = w.b[used+n:]
	return v, true
}

// ParseEnvelope reads the wire form strictly: there is exactly one sequence of
// bytes for an envelope. The result shares memory with b.
func ParseEnvelope(b []byte) (*Envelope, error) {
	if len(b) > MaxEnvelope {
		return nil, errorf(CodeTooLarge, "envelope of %d bytes; the limit is %d", len(b), MaxEnvelope)
	}
	w := wire{b}
	payload, ok := w.field(1)
	if !ok {
		return nil, errorf(CodeEnvelope, "field 1 (payload) expected first")
	}
	typ, ok := w.field(2)
	if !ok {
		return nil, errorf(CodeEnvelope, "field 2 (payloadType) expected after the payload")
	}
	if string(typ) != PayloadType {
		return nil, errorf(CodePayloadType, "got %q", clip(string(typ)))
	}
	e := &Envelope{Payload: payload, Signatures: make([]Signature, 0, 3)}
	for len(w.b) > 0 {
		if len(e.Signatures) == MaxSignatures {
			return nil, errorf(CodeSigCount, "more than %d", MaxSignatures)
		}
		m, ok := w.field(3)
		if !ok {
			return nil, errorf(CodeEnvelope, "field 3 (signatures) expected")
		}
		in := wire{m}
		sig, ok1 := in.field(1)
		keyid, ok2 := in.field(2)
		s := Signature{Sig: sig}
		if !ok1 || !ok2 || len(in.b) != 0 || !hexInto(s.Account[:], keyid) {
			return nil, errorf(CodeEnvelope, "signature %d is malformed", len(e.Signatures))
		}
		e.Signatures = append(e.Signatures, s)
	}
	return e, e.check()
}

// check holds for every form of an envelope.
func (e *Envelope) check() error {
	if len(e.Payload) > MaxStatement {
		return errorf(CodeTooLarge, "statement of %d bytes; the limit is %d", len(e.Payload), MaxStatement)
	}
	if n := len(e.Signatures); n == 0 || n > MaxSignatures {
		return errorf(CodeSigCount, "got %d", n)
	}
	for i := 1; i < len(e.Signatures); i++ {
		if string(e.Signatures[i-1].Account[:]) >= string(e.Signatures[i].Account[:]) {
			return errorf(CodeSigOrder, "signature %d", i)
		}
	}
	if n := e.wireLen(); n > MaxEnvelope {
		return errorf(CodeTooLarge, "envelope of %d bytes; the limit is %d", n, MaxEnvelope)
	}
	return nil
}

// wireLen is the length of the wire form.
func (e *Envelope) wireLen() int {
	field := func(n int) int { return 1 + uvarintLen(n) + n }
	total := field(len(e.Payload)) + field(len(PayloadType))
	for i := range e.Signatures {
		total += field(field(len(e.Signatures[i].Sig)) + field(2*len(AccountID{})))
	}
	return total
}

// AppendJSON appends the DSSE JSON form, members in the order of the DSSE
// specification:
//
//	{"payload":base64,"payloadType":…,"signatures":[{"keyid":…,"sig":base64},…]}
func (e *Envelope) AppendJSON(b []byte) []byte {
	b = append(b, `{"payload":"`...)
	b = base64.StdEncoding.AppendEncode(b, e.Payload)
	b = append(b, `","payloadType":"`+PayloadType+`","signatures":[`...)
	for i, s := range e.Signatures {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"keyid":"`...)
		b = append(b, s.Account.String()...)
		b = append(b, `","sig":"`...)
		b = base64.StdEncoding.AppendEncode(b, s.Sig)
		b = append(b, `"}`...)
	}
	return append(b, `]}`...)
}

// MarshalJSON implements json.Marshaler with AppendJSON.
func (e *Envelope) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }

// UnmarshalJSON implements json.Unmarshaler with ParseEnvelopeJSON.
func (e *Envelope) UnmarshalJSON(b []byte) error {
	v, err := ParseEnvelopeJSON(b)
	if err == nil {
		*e = *v
	}
	return err
}

// ParseEnvelopeJSON reads the DSSE JSON form. Unlike a statement it is only a
// carrier — nobody signs these bytes — so white space and the order of members
// are free; unknown or repeated members, other payload types and anything
// after the object are not. Signatures may come in any order and are sorted.
func ParseEnvelopeJSON(b []byte) (*Envelope, error) {
	if len(b) > 2*MaxEnvelope {
		return nil, errorf(CodeTooLarge, "JSON envelope of %d bytes; the limit is %d", len(b), 2*MaxEnvelope)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	e := &Envelope{}
	var typ string
	err := jsonObject(d, map[string]func() error{
		"payload":     func() (err error) { e.Payload, err = jsonBase64(d); return },
		"payloadType": func() (err error) { typ, err = jsonString(d); return },
		"signatures": func() error {
			if t, err := d.Token(); err != nil || t != json.Delim('[') {
				return errorf(CodeType, "signatures: want an array")
			}
			for d.More() {
				if len(e.Signatures) == MaxSignatures {
					return errorf(CodeSigCount, "more than %d", MaxSignatures)
				}
				s, err := jsonSignature(d)
				if err != nil {
					return err
				}
				e.Signatures = append(e.Signatures, s)
			}
			_, err := d.Token()
			return err
		},
	})
	if err == nil {
		if _, end := d.Token(); end != io.EOF {
			err = errorf(CodeSyntax, "trailing data")
		}
	}
	if err != nil {
		if _, ok := err.(*Error); !ok {
			err = errorf(CodeSyntax, "%v", err)
		}
		return nil, err
	}
	if typ != PayloadType {
		return nil, errorf(CodePayloadType, "got %q", clip(typ))
	}
	e.Sort()
	return e, e.check()
}

// Sort puts the signatures in the order of the wire form.
func (e *Envelope) Sort() {
	slices.SortFunc(e.Signatures, func(a, b Signature) int { return bytes.Compare(a.Account[:], b.Account[:]) })
}

func jsonSignature(d *json.Decoder) (s Signature, err error) {
	var keyid string
	err = jsonObject(d, map[string]func() error{
		"keyid": func() (err error) { keyid, err = jsonString(d); return },
		"sig":   func() (err error) { s.Sig, err = jsonBase64(d); return },
	})
	if err == nil {
		err = s.Account.UnmarshalText([]byte(keyid))
	}
	return s, err
}

// jsonObject reads an object that has exactly the given members, in any order.
func jsonObject(d *json.Decoder, members map[string]func() error) error {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errorf(CodeSyntax, "want a JSON object")
	}
	seen := make(map[string]bool, len(members))
	for d.More() {
		name, err := jsonString(d)
		if err != nil {
			return err
		}
		read, known := members[name]
		switch {
		case !known:
			return &Error{Code: CodeUnknown, Path: clip(name)}
		case seen[name]:
			return &Error{Code: CodeDuplicate, Path: name}
		}
		seen[name] = true
		if err := read(); err != nil {
			return err
		}
	}
	if len(seen) != len(members) {
		return errorf(CodeMissing, "an envelope has payload, payloadType and signatures; a signature has keyid and sig")
	}
	_, err := d.Token()
	return err
}

func jsonString(d *json.Decoder) (string, error) {
	t, err := d.Token()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", errorf(CodeType, "want a string")
	}
	return s, nil
}

func jsonBase64(d *json.Decoder) ([]byte, error) {
	s, err := jsonString(d)
	if err != nil {
		return nil, err
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, errorf(CodeType, "want standard base64 with padding")
	}
	return b, nil
}
