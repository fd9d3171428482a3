package receipt

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"zhenglian/app/tx"
)

// Parse reads a receipt in either encoding.
func Parse(b []byte) (*Receipt, error) {
	r := new(Receipt)
	if err := parse(b, r); err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	return r, nil
}

// ParseStateProof reads a state proof in either encoding.
func ParseStateProof(b []byte) (*StateProof, error) {
	p := new(StateProof)
	if err := parse(b, p); err != nil {
		return nil, fmt.Errorf("state proof: %w", err)
	}
	return p, nil
}

// ParseStateHead reads a state head in either encoding.
func ParseStateHead(b []byte) (*StateHead, error) {
	h := new(StateHead)
	if err := parse(b, h); err != nil {
		return nil, fmt.Errorf("state head: %w", err)
	}
	return h, nil
}

// a document has two encodings.
type document interface {
	read(r *tx.Reader)
	write(w *tx.Writer)
	cbor(w *cborWalk)
	check() error
}

// parse recognises the encoding by its first byte: a JSON object begins with
// "{", a CBOR map of few members with 0xa0 or more. Afterwards it encodes the
// document again: what differs from b had a byte that carries no meaning.
func parse(b []byte, d document) error {
	switch {
	case len(b) == 0:
		return errors.New("is empty")
	case len(b) > MaxBytes:
		return fmt.Errorf("%d bytes; the limit is %d", len(b), MaxBytes)
	case b[0] >= 0xa0:
		if err := decodeCBOR(b, d); err != nil {
			return err
		}
		if err := d.check(); err != nil {
			return err
		}
		if !bytes.Equal(encodeCBOR(d), b) {
			return errors.New("not the deterministic CBOR encoding")
		}
		return nil
	}
	return parseJSON(b, d)
}

// parseJSON reads canonical JSON as it comes out of editors and REST frameworks:
// they put white space between tokens, and encoding/json escapes what HTML would
// mistake. Nothing else may differ.
func parseJSON(b []byte, d document) error {
	compact, err := compactJSON(b)
	if err != nil {
		return err
	}
	canonical := unescapeHTML(compact)
	r := tx.NewReader(canonical)
	d.read(r)
	r.End()
	if err := r.Err(); err != nil {
		return err
	}
	if err := d.check(); err != nil {
		return err
	}
	if !bytes.Equal(encodeJSON(d), canonical) {
		return errors.New("not canonical JSON")
	}
	return nil
}

// htmlEscapes are what encoding/json writes for <, >, &, U+2028 and U+2029.
var htmlEscapes = map[string]string{`u003c`: "<", `u003e`: ">", `u0026`: "&", `u2028`: "\u2028", `u2029`: "\u2029"}

// unescapeHTML returns valid JSON without the escapes that encoding/json adds, in
// the memory of b.
func unescapeHTML(b []byte) []byte {
	out := b[:0]
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\\')
		if i < 0 {
			return append(out, b...)
		}
		out, b = append(out, b[:i]...), b[i:]
		if len(b) >= 6 {
			if c, ok := htmlEscapes[string(b[1:6])]; ok {
				out, b = append(out, c...), b[6:]
				continue
			}
		}
		n := min(2, len(b)) // a backslash and what it escapes
		out, b = append(out, b[:n]...), b[n:]
	}
	return out
}

func encodeJSON(d document) []byte {
	w := tx.Writer{B: make([]byte, 0, 16<<10)}
	d.write(&w)
	return w.B
}

// EncodeJSON returns the JSON encoding. It refuses what Parse would refuse.
func (r *Receipt) EncodeJSON() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	return encodeJSON(r), nil
}

// EncodeCBOR returns the CBOR encoding. It refuses what Parse would refuse.
func (r *Receipt) EncodeCBOR() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	return encodeCBOR(r), nil
}

// MarshalJSON implements json.Marshaler with EncodeJSON.
func (r *Receipt) MarshalJSON() ([]byte, error) { return r.EncodeJSON() }

// UnmarshalJSON implements json.Unmarshaler with Parse.
func (r *Receipt) UnmarshalJSON(b []byte) error { return parseJSON(b, r) }

// EncodeJSON returns the JSON encoding. It refuses what ParseStateProof would refuse.
func (p *StateProof) EncodeJSON() ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("state proof: %w", err)
	}
	return encodeJSON(p), nil
}

// EncodeCBOR returns the CBOR encoding. It refuses what ParseStateProof would refuse.
func (p *StateProof) EncodeCBOR() ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("state proof: %w", err)
	}
	return encodeCBOR(p), nil
}

// EncodeJSON returns the JSON encoding. It refuses what ParseStateHead would refuse.
func (h *StateHead) EncodeJSON() ([]byte, error) {
	if err := h.check(); err != nil {
		return nil, fmt.Errorf("state head: %w", err)
	}
	return encodeJSON(h), nil
}

// EncodeCBOR returns the CBOR encoding. It refuses what ParseStateHead would refuse.
func (h *StateHead) EncodeCBOR() ([]byte, error) {
	if err := h.check(); err != nil {
		return nil, fmt.Errorf("state head: %w", err)
	}
	return encodeCBOR(h), nil
}

// MarshalJSON implements json.Marshaler with EncodeJSON.
func (p *StateProof) MarshalJSON() ([]byte, error) { return p.EncodeJSON() }

// UnmarshalJSON implements json.Unmarshaler with ParseStateProof.
func (p *StateProof) UnmarshalJSON(b []byte) error { return parseJSON(b, p) }

// check holds for both encodings: what one could not carry, neither may. It
// also turns empty byte strings into nil, so that a document is equal to itself
// after a round trip.
func (r *Receipt) check() error {
	if err := checkHead(r.V, r.Chain, r.LogSize); err != nil {
		return err
	}
	if r.Entry.Height < 1 || r.Entry.Height > tx.MaxInt || r.Entry.Seq > tx.MaxInt {
		return errors.New("entry: height or sequence number out of bounds")
	}
	if _, err := tx.ParseEnvelope(r.Entry.Envelope); err != nil {
		return fmt.Errorf("entry: %w", err)
	}
	if len(r.Path) > maxPath {
		return errors.New("path is too long")
	}
	if err := r.Block.check(); err != nil {
		return err
	}
	if err := checkRows(r.Rows); err != nil {
		return err
	}
	if l := r.Later; l != nil {
		if l.Height <= r.Entry.Height || l.Height > tx.MaxInt || l.LogSize > tx.MaxInt {
			return errors.New("later: not later, or out of bounds")
		}
		if len(l.Consistency) > maxTreePath {
			return errors.New("later: consistency proof is too long")
		}
		if err := l.Block.check(); err != nil {
			return fmt.Errorf("later: %w", err)
		}
		if err := checkRows(l.Rows); err != nil {
			return fmt.Errorf("later: %w", err)
		}
		if len(r.Rows) == 0 || len(l.Rows) == 0 {
			return errors.New("later: rows are missing")
		}
		if l.Consistency == nil {
			l.Consistency = []tx.Digest{} // deterministic CBOR tells null from an empty array
		}
	}
	if x := r.Item; x != nil {
		if x.Index < 0 || x.Index >= tx.MaxBatch || len(x.Path) > maxPath {
			return errors.New("item: index or path out of bounds")
		}
		if x.Path == nil {
			x.Path = []tx.Digest{}
		}
	}
	if w := r.Witnessed; w != nil {
		if err := w.check(); err != nil {
			return err
		}
	}
	if r.Path == nil {
		r.Path = []tx.Digest{}
	}
	return nil
}

func (p *StateProof) check() error {
	if err := p.Head().check(); err != nil {
		return err
	}
	return checkRows([]Row{p.Row})
}

func (h *StateHead) check() error {
	if err := checkHead(h.V, h.Chain, h.LogSize); err != nil {
		return err
	}
	if h.Height < 1 || h.Height > tx.MaxInt {
		return errors.New("height out of bounds")
	}
	return h.Block.check()
}

// errVersion is in the error on a document of another version.
var errVersion = errors.New("this program reads")

func checkHead(v int, chain string, size uint64) error {
	switch {
	case v != Version:
		return fmt.Errorf("version %d; %w version %d", v, errVersion, Version)
	case len(chain) == 0 || len(chain) > 50 || !printable(chain):
		return errors.New("chain id is malformed")
	case size > tx.MaxInt:
		return errors.New("log size out of bounds")
	}
	return nil
}

func checkRows(rows []Row) error {
	if len(rows) > maxRows {
		return fmt.Errorf("%d rows; the limit is %d", len(rows), maxRows)
	}
	for i := range rows {
		r := &rows[i]
		switch {
		case len(r.Key) == 0 || len(r.Key) > 256 || len(r.Proof) == 0 || len(r.Proof) > maxProof || len(r.Value) > maxValue:
			return fmt.Errorf("row %d: key, value or proof is missing or too long", i)
		case r.Value != nil && (len(r.Value) == 0 || !canonicalText(r.Value)):
			return fmt.Errorf("row %d: value is not text", i)
		}
	}
	return nil
}

// canonicalText reports whether a JSON string can carry b and give it back.
func canonicalText(b []byte) bool {
	r := tx.NewReader(tx.AppendString(nil, string(b)))
	r.String(maxValue)
	r.End()
	return r.Err() == nil
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

func (b *SignedBlock) check() error {
	h, c := &b.Header, &b.Commit
	if h.Height < 2 || h.Height > tx.MaxInt || h.BlockVersion > tx.MaxInt || h.AppVersion > tx.MaxInt {
		return errors.New("header: number out of bounds")
	}
	if len(h.ChainID) == 0 || len(h.ChainID) > 50 || !printable(h.ChainID) {
		return errors.New("header: chain id is malformed")
	}
	for _, p := range []*[]byte{&h.LastBlockID.Hash, &h.LastBlockID.PartsHash, &h.LastCommitHash, &h.DataHash, &h.ValidatorsHash,
		&h.NextValidatorsHash, &h.ConsensusHash, &h.AppHash, &h.LastResultsHash, &h.EvidenceHash, &c.PartsHash} {
		if len(*p) != 32 {
			return errors.New("header or commit: a hash is not of 32 bytes")
		}
	}
	if len(h.ProposerAddress) != 20 {
		return errors.New("header: proposer address is not of 20 bytes")
	}
	if !h.Time.valid() {
		return errors.New("header: time out of bounds")
	}
	if c.Round < 0 || c.PartsTotal == 0 || len(c.Signatures) == 0 || len(c.Signatures) > maxValidators {
		return errors.New("commit: round, parts or signatures out of bounds")
	}
	for i := range c.Signatures {
		s := &c.Signatures[i]
		switch {
		case s.Validator < 0 || s.Validator >= maxValidators || i > 0 && s.Validator <= c.Signatures[i-1].Validator:
			return errors.New("commit: signatures are not in ascending order of validator, each once")
		case len(s.Sig) != 64:
			return errors.New("commit: a signature is not of 64 bytes")
		case !s.Time.valid():
			return errors.New("commit: time out of bounds")
		}
	}
	return nil
}

// valid bounds t to the years 1970 to 9999, which the text form can write.
func (t Time) valid() bool {
	return t.Sec >= 0 && t.Sec <= 253402300799 && t.Nano >= 0 && t.Nano <= 999999999
}

func (r *Receipt) write(w *tx.Writer) {
	w.Open()
	r.Block.write(w)
	w.String("chain", r.Chain)
	w.Member("entry")
	w.Open()
	w.Member("envelope")
	if e, err := tx.ParseEnvelope(r.Entry.Envelope); err == nil { // check has seen to it
		w.B = e.AppendJSON(w.B)
	}
	w.Int("height", r.Entry.Height)
	w.Int("seq", int64(r.Entry.Seq))
	w.Close()
	if x := r.Item; x != nil {
		w.Member("item")
		w.Open()
		w.Int("index", x.Index)
		writeDigests(w, "path", x.Path)
		w.Hex("sha256", x.SHA256[:])
		w.Close()
	}
	if l := r.Later; l != nil {
		w.Member("later")
		w.Open()
		l.Block.write(w)
		writeDigests(w, "consistency", l.Consistency)
		w.Int("height", l.Height)
		w.Hex("log_root", l.LogRoot[:])
		w.Int("log_size", int64(l.LogSize))
		writeRows(w, l.Rows)
		w.Hex("state_root", l.StateRoot[:])
		w.Close()
	}
	w.Hex("log_root", r.LogRoot[:])
	w.Int("log_size", int64(r.LogSize))
	writeDigests(w, "path", r.Path)
	if len(r.Rows) > 0 {
		writeRows(w, r.Rows)
	}
	w.Hex("state_root", r.StateRoot[:])
	w.Int("v", int64(r.V))
	if r.Witnessed != nil {
		w.Member("witnessed")
		r.Witnessed.write(w)
	}
	w.Close()
}

func (r *Receipt) read(d *tx.Reader) {
	*r = Receipt{}
	o := d.Object()
	o.Need("block")
	r.Block.read(d)
	o.Need("chain")
	r.Chain = d.String(50)
	o.Need("entry")
	e := d.Object()
	e.Need("envelope")
	r.Entry.Envelope = readEnvelope(d)
	e.Need("height")
	r.Entry.Height = d.Int(1, tx.MaxInt)
	e.Need("seq")
	r.Entry.Seq = uint64(d.Int(0, tx.MaxInt))
	e.End()
	if o.Has("item") {
		r.Item = new(Item)
		x := d.Object()
		x.Need("index")
		r.Item.Index = d.Int(0, tx.MaxBatch-1)
		x.Need("path")
		r.Item.Path = readDigests(d, maxPath)
		x.Need("sha256")
		d.Hex(r.Item.SHA256[:])
		x.End()
	}
	if o.Has("later") {
		l := new(Later)
		lo := d.Object()
		lo.Need("block")
		l.Block.read(d)
		lo.Need("consistency")
		l.Consistency = readDigests(d, maxTreePath)
		lo.Need("height")
		l.Height = d.Int(1, tx.MaxInt)
		lo.Need("log_root")
		d.Hex(l.LogRoot[:])
		lo.Need("log_size")
		l.LogSize = uint64(d.Int(0, tx.MaxInt))
		lo.Need("rows")
		l.Rows = readRows(d)
		lo.Need("state_root")
		d.Hex(l.StateRoot[:])
		lo.End()
		r.Later = l
	}
	o.Need("log_root")
	d.Hex(r.LogRoot[:])
	o.Need("log_size")
	r.LogSize = uint64(d.Int(0, tx.MaxInt))
	o.Need("path")
	r.Path = readDigests(d, maxPath)
	if o.Has("rows") {
		r.Rows = readRows(d)
	}
	o.Need("state_root")
	d.Hex(r.StateRoot[:])
	o.Need("v")
	r.V = int(d.Int(0, 1<<31))
	if o.Has("witnessed") {
		r.Witnessed = new(Witnessed)
		r.Witnessed.read(d)
	}
	o.End()
}

// readEnvelope reads the DSSE JSON form, whose members come in canonical order
// when AppendJSON writes it, into the wire form.
func readEnvelope(d *tx.Reader) []byte {
	var e tx.Envelope
	o := d.Object()
	o.Need("payload")
	e.Payload = readBase64(d, tx.MaxStatement)
	o.Need("payloadType")
	if d.String(128) != tx.PayloadType {
		d.Fail(tx.CodePayloadType, "")
	}
	o.Need("signatures")
	d.Array(tx.MaxSignatures, func(int) {
		var s tx.Signature
		so := d.Object()
		so.Need("keyid")
		d.Hex(s.Account[:])
		so.Need("sig")
		s.Sig = readBase64(d, 8192)
		so.End()
		e.Signatures = append(e.Signatures, s)
	})
	o.End()
	if d.Err() != nil {
		return nil
	}
	return e.AppendWire(make([]byte, 0, len(e.Payload)+256*len(e.Signatures)))
}

func (p *StateProof) write(w *tx.Writer) {
	w.Open()
	p.Block.write(w)
	w.String("chain", p.Chain)
	w.Int("height", p.Height)
	w.Hex("log_root", p.LogRoot[:])
	w.Int("log_size", int64(p.LogSize))
	w.Member("row")
	p.Row.write(w)
	w.Hex("state_root", p.StateRoot[:])
	w.Int("v", int64(p.V))
	w.Close()
}

func (h *StateHead) write(w *tx.Writer) {
	w.Open()
	h.Block.write(w)
	w.String("chain", h.Chain)
	w.Int("height", h.Height)
	w.Hex("log_root", h.LogRoot[:])
	w.Int("log_size", int64(h.LogSize))
	w.Hex("state_root", h.StateRoot[:])
	w.Int("v", int64(h.V))
	w.Close()
}

func (h *StateHead) read(d *tx.Reader) {
	*h = StateHead{}
	o := d.Object()
	o.Need("block")
	h.Block.read(d)
	o.Need("chain")
	h.Chain = d.String(50)
	o.Need("height")
	h.Height = d.Int(1, tx.MaxInt)
	o.Need("log_root")
	d.Hex(h.LogRoot[:])
	o.Need("log_size")
	h.LogSize = uint64(d.Int(0, tx.MaxInt))
	o.Need("state_root")
	d.Hex(h.StateRoot[:])
	o.Need("v")
	h.V = int(d.Int(0, 1<<31))
	o.End()
}

func (p *StateProof) read(d *tx.Reader) {
	*p = StateProof{}
	o := d.Object()
	o.Need("block")
	p.Block.read(d)
	o.Need("chain")
	p.Chain = d.String(50)
	o.Need("height")
	p.Height = d.Int(1, tx.MaxInt)
	o.Need("log_root")
	d.Hex(p.LogRoot[:])
	o.Need("log_size")
	p.LogSize = uint64(d.Int(0, tx.MaxInt))
	o.Need("row")
	p.Row = readRow(d)
	o.Need("state_root")
	d.Hex(p.StateRoot[:])
	o.Need("v")
	p.V = int(d.Int(0, 1<<31))
	o.End()
}

func (b *SignedBlock) write(w *tx.Writer) {
	w.Member("block")
	w.Open()
	c := &b.Commit
	w.Member("commit")
	w.Open()
	w.Hex("parts_hash", c.PartsHash)
	w.Int("parts_total", int64(c.PartsTotal))
	w.Int("round", int64(c.Round))
	w.Array("signatures", len(c.Signatures), func(i int) {
		s := &c.Signatures[i]
		w.Open()
		writeBase64(w, "signature", s.Sig)
		w.String("time", s.Time.String())
		w.Int("validator", int64(s.Validator))
		w.Close()
	})
	w.Close()
	h := &b.Header
	w.Member("header")
	w.Open()
	w.Hex("app_hash", h.AppHash)
	w.Int("app_version", int64(h.AppVersion))
	w.Int("block_version", int64(h.BlockVersion))
	w.String("chain_id", h.ChainID)
	w.Hex("consensus_hash", h.ConsensusHash)
	w.Hex("data_hash", h.DataHash)
	w.Hex("evidence_hash", h.EvidenceHash)
	w.Int("height", h.Height)
	w.Member("last_block_id")
	w.Open()
	w.Hex("hash", h.LastBlockID.Hash)
	w.Hex("parts_hash", h.LastBlockID.PartsHash)
	w.Int("parts_total", int64(h.LastBlockID.PartsTotal))
	w.Close()
	w.Hex("last_commit_hash", h.LastCommitHash)
	w.Hex("last_results_hash", h.LastResultsHash)
	w.Hex("next_validators_hash", h.NextValidatorsHash)
	w.Hex("proposer_address", h.ProposerAddress)
	w.String("time", h.Time.String())
	w.Hex("validators_hash", h.ValidatorsHash)
	w.Close()
	w.Close()
}

func (b *SignedBlock) read(d *tx.Reader) {
	o := d.Object()
	o.Need("commit")
	c := &b.Commit
	co := d.Object()
	co.Need("parts_hash")
	c.PartsHash = d.HexBytes(32)
	co.Need("parts_total")
	c.PartsTotal = uint32(d.Int(0, 1<<32-1))
	co.Need("round")
	c.Round = int32(d.Int(0, 1<<31-1))
	co.Need("signatures")
	d.Array(maxValidators, func(int) {
		var s Signature
		so := d.Object()
		so.Need("signature")
		s.Sig = readBase64(d, 64)
		so.Need("time")
		s.Time = readTime(d)
		so.Need("validator")
		s.Validator = int(d.Int(0, maxValidators))
		so.End()
		c.Signatures = append(c.Signatures, s)
	})
	co.End()
	o.Need("header")
	h := &b.Header
	ho := d.Object()
	ho.Need("app_hash")
	h.AppHash = d.HexBytes(32)
	ho.Need("app_version")
	h.AppVersion = uint64(d.Int(0, tx.MaxInt))
	ho.Need("block_version")
	h.BlockVersion = uint64(d.Int(0, tx.MaxInt))
	ho.Need("chain_id")
	h.ChainID = d.String(50)
	ho.Need("consensus_hash")
	h.ConsensusHash = d.HexBytes(32)
	ho.Need("data_hash")
	h.DataHash = d.HexBytes(32)
	ho.Need("evidence_hash")
	h.EvidenceHash = d.HexBytes(32)
	ho.Need("height")
	h.Height = d.Int(1, tx.MaxInt)
	ho.Need("last_block_id")
	bo := d.Object()
	bo.Need("hash")
	h.LastBlockID.Hash = d.HexBytes(32)
	bo.Need("parts_hash")
	h.LastBlockID.PartsHash = d.HexBytes(32)
	bo.Need("parts_total")
	h.LastBlockID.PartsTotal = uint32(d.Int(0, 1<<32-1))
	bo.End()
	ho.Need("last_commit_hash")
	h.LastCommitHash = d.HexBytes(32)
	ho.Need("last_results_hash")
	h.LastResultsHash = d.HexBytes(32)
	ho.Need("next_validators_hash")
	h.NextValidatorsHash = d.HexBytes(32)
	ho.Need("proposer_address")
	h.ProposerAddress = d.HexBytes(20)
	ho.Need("time")
	h.Time = readTime(d)
	ho.Need("validators_hash")
	h.ValidatorsHash = d.HexBytes(32)
	ho.End()
	o.End()
}

func writeRows(w *tx.Writer, rows []Row) {
	w.Array("rows", len(rows), func(i int) { rows[i].write(w) })
}

func readRows(d *tx.Reader) (rows []Row) {
	d.Array(maxRows, func(int) { rows = append(rows, readRow(d)) })
	return rows
}

// write shows the value as a string: it is canonical JSON itself, and can be read.
func (r *Row) write(w *tx.Writer) {
	w.Open()
	w.Hex("key", r.Key)
	writeBase64(w, "proof", r.Proof)
	if r.Value != nil {
		w.String("value", string(r.Value))
	}
	w.Close()
}

func readRow(d *tx.Reader) (r Row) {
	o := d.Object()
	o.Need("key")
	r.Key = d.HexBytes(256)
	o.Need("proof")
	r.Proof = readBase64(d, maxProof)
	if o.Has("value") {
		r.Value = []byte(d.String(maxValue))
	}
	o.End()
	return r
}

func writeDigests(w *tx.Writer, name string, v []tx.Digest) {
	w.Array(name, len(v), func(i int) {
		w.B = append(w.B, '"')
		w.B = append(w.B, v[i].String()...)
		w.B = append(w.B, '"')
	})
}

func readDigests(d *tx.Reader, max int) []tx.Digest {
	v := []tx.Digest{}
	d.Array(max, func(int) {
		var h tx.Digest
		d.Hex(h[:])
		v = append(v, h)
	})
	return v
}

func writeBase64(w *tx.Writer, name string, b []byte) {
	w.Member(name)
	w.B = append(w.B, '"')
	w.B = base64.StdEncoding.AppendEncode(w.B, b)
	w.B = append(w.B, '"')
}

func readBase64(d *tx.Reader, max int) []byte {
	s := d.String(base64.StdEncoding.EncodedLen(max))
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		d.Fail(tx.CodeType, "want standard base64 with padding")
		return nil
	}
	return b
}

func readTime(d *tx.Reader) Time {
	t, err := time.Parse(timeLayout, d.String(len(timeLayout)))
	if err != nil {
		d.Fail(tx.CodeType, "want a time like 2026-11-23T08:00:00.000000000Z")
		return Time{}
	}
	return TimeOf(t)
}
