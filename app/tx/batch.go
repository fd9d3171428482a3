package tx

// EvidenceBatch opens a matter: as many as MaxBatch files existed, by the root of
// their digests.
const EvidenceBatch Kind = "evidence.batch"

// MaxBatch is the number of digests that one evidence.batch may stand for.
const MaxBatch = 1 << 20

// Batch is the body of evidence.batch: one statement for many files. The digests
// themselves are off the ledger, in a list of 32 bytes each; whoever has the list
// can prove each of them by a path to Root.
//
//	anchor       object  {hash, height}: a recent block of this chain; the statement is not older than it
//	captured     object  {ended, method, started, tool, tool_sha256}
//	case_tag     hex     keyed pseudonym of the case, optional
//	count        int     digests in the list, 1 to 1048576
//	list_sha256  hex     SHA-256 of the list: the digests one after another, in order
//	root         hex     RFC 6962 root over the digests, each a leaf
type Batch struct {
	Anchor   Anchor
	Captured Captured
	CaseTag  Digest // zero: absent
	Count    int64
	List     Digest
	Root     Digest
}

func (b *Batch) read(r *Reader) {
	o := r.Object()
	o.Need("anchor")
	b.Anchor = readAnchor(r)
	o.Need("captured")
	b.Captured = readCaptured(r)
	if o.Has("case_tag") {
		r.HexSome(b.CaseTag[:])
	}
	o.Need("count")
	b.Count = r.Int(1, MaxBatch)
	o.Need("list_sha256")
	r.Hex(b.List[:])
	o.Need("root")
	r.Hex(b.Root[:])
	o.End()
}

func (b *Batch) write(w *Writer) {
	b.Anchor.write(w)
	b.Captured.write(w)
	if !b.CaseTag.IsZero() {
		w.Hex("case_tag", b.CaseTag[:])
	}
	w.Int("count", b.Count)
	w.Hex("list_sha256", b.List[:])
	w.Hex("root", b.Root[:])
}

// Validate implements Body.
func (b *Batch) Validate() error { return b.Captured.validate() }
