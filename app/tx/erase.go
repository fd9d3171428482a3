package tx

// EvidenceErase says that the bytes of evidence are gone for good: what destroyed
// them, and on whose authority. The seal stays, and every proof with it.
const EvidenceErase Kind = "evidence.erase"

// MaxErased bounds the files that one statement erases.
const MaxErased = 256

// Erase is the body of evidence.erase. Stores that hold a file named here destroy
// its data key when the statement takes effect, and take the file no more.
//
//	authority        slug    member whose decision it is
//	basis            string  retention_over | consent_withdrawn | unlawful_collection | data_subject | court_order
//	decision_sha256  hex     of the reasoned decision
//	files            array   1 to 256 digests, ascending: files of the evidence that are erased, among them those with the salts of its field tree
//	salts            bool    whether the salts are erased, so that no field can be disclosed or guessed any more
type Erase struct {
	Authority MemberID
	Basis     string
	Decision  Digest
	Files     []Digest
	Salts     bool
}

var eraseBases = []string{"retention_over", "consent_withdrawn", "unlawful_collection", "data_subject", "court_order"}

func (b *Erase) read(r *Reader) {
	o := r.Object()
	o.Need("authority")
	b.Authority = MemberID(r.Slug(2, 32, '-'))
	o.Need("basis")
	b.Basis = r.Name(eraseBases)
	o.Need("decision_sha256")
	r.Hex(b.Decision[:])
	o.Need("files")
	r.Array(MaxErased, func(int) {
		var d Digest
		r.Hex(d[:])
		b.Files = append(b.Files, d)
	})
	r.some(len(b.Files))
	o.Need("salts")
	b.Salts = r.Bool()
	o.End()
}

func (b *Erase) write(w *Writer) {
	w.String("authority", string(b.Authority))
	w.String("basis", b.Basis)
	w.Hex("decision_sha256", b.Decision[:])
	w.Array("files", len(b.Files), func(i int) { w.B = appendHex(w.B, b.Files[i][:]) })
	w.Bool("salts", b.Salts)
}

// Validate implements Body.
func (b *Erase) Validate() error {
	for i := 1; i < len(b.Files); i++ {
		if string(b.Files[i-1][:]) >= string(b.Files[i][:]) {
			return &Error{Code: CodeBody, Path: "body.files", Detail: "want ascending digests, each once"}
		}
	}
	return nil
}
