package tx

// EndorseKind is the kind of a co-signature that comes after the statement.
const EndorseKind Kind = "endorse"

// The types of an endorsement: what the endorsing member says about the
// statement. None of them but Agrees says that its content is right.
const (
	Served  = "served"  // this member served these data at that time
	Holds   = "holds"   // this member holds a copy
	Agrees  = "agrees"  // this member agrees with the statement
	Objects = "objects" // this member objects; Reason says why
)

// Endorse is the body of endorse: one member's co-signature of, or objection
// to, a statement that the ledger already holds. It names that statement and
// moves no head, so co-signers never race each other. The header's prev is "".
//
//	reason     string  with objects only: content_differs | not_served | wrong_subject | unlawful | other
//	statement  hex     id of the statement
//	type       string  served | holds | agrees | objects
type Endorse struct {
	Reason    string // "": absent
	Statement ID
	Type      string
}

var endorseTypes = []string{Served, Holds, Agrees, Objects}
var objectReasons = []string{"content_differs", "not_served", "wrong_subject", "unlawful", "other"}

func (b *Endorse) read(r *Reader) {
	o := r.Object()
	if o.Has("reason") {
		b.Reason = r.Name(objectReasons)
	}
	o.Need("statement")
	r.Hex(b.Statement[:])
	o.Need("type")
	b.Type = r.Name(endorseTypes)
	o.End()
}

func (b *Endorse) write(w *Writer) {
	if b.Reason != "" {
		w.String("reason", b.Reason)
	}
	w.Hex("statement", b.Statement[:])
	w.String("type", b.Type)
}

// Validate implements Body.
func (b *Endorse) Validate() error {
	if (b.Type == Objects) != (b.Reason != "") {
		return &Error{Code: CodeBody, Path: "body.reason", Detail: "goes with type objects"}
	}
	return nil
}
