package receipt

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"zhenglian/app/tx"
)

// A Checkpoint says how long a log is and what its root is. Its text is the body
// of a C2SP tlog-checkpoint: the lines origin, size in decimal, root in base64. We
// write no extension lines, and read none.
type Checkpoint struct {
	Origin string // the chain id
	Size   uint64
	Root   tx.Digest
}

// Text is what a note's signatures are over.
func (c Checkpoint) Text() string {
	return c.Origin + "\n" + strconv.FormatUint(c.Size, 10) + "\n" + base64.StdEncoding.EncodeToString(c.Root[:]) + "\n"
}

// ParseCheckpoint reads the text of a checkpoint. There is one text for a checkpoint.
func ParseCheckpoint(text string) (c Checkpoint, err error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) == 4 {
		c.Origin = lines[0]
		if c.Size, err = strconv.ParseUint(lines[1], 10, 53); err == nil {
			var root []byte
			if root, err = base64.StdEncoding.Strict().DecodeString(lines[2]); err == nil && len(root) == len(c.Root) {
				c.Root = tx.Digest(root)
			}
		}
	}
	if err != nil || c.Origin == "" || c.Text() != text {
		return Checkpoint{}, errors.New("checkpoint: want the lines origin, size and root, and no others")
	}
	return c, nil
}

// Algorithms of keys of signed notes (C2SP signed-note).
const (
	AlgLog     = 1 // Ed25519 over the text: a log signs its checkpoints
	AlgWitness = 4 // Ed25519, cosignature/v1: with a time
)

// cosignatureSize is that of the signature of a cosignature/v1: a time and Ed25519.
const cosignatureSize = 8 + ed25519.SignatureSize

// A NoteKey is a public key of signed notes. It is a note.Verifier of
// golang.org/x/mod/sumdb/note.
type NoteKey struct {
	name string
	alg  byte
	pub  [ed25519.PublicKeySize]byte
}

// NewNoteKey names a key. A name has no space and no plus, and is ASCII here.
func NewNoteKey(name string, alg byte, pub ed25519.PublicKey) (NoteKey, error) {
	if !noteName(name) || len(pub) != ed25519.PublicKeySize || alg != AlgLog && alg != AlgWitness {
		return NoteKey{}, fmt.Errorf("key %q: its name, algorithm or length is none that we know", name)
	}
	return NoteKey{name, alg, [32]byte(pub)}, nil
}

const maxNoteName = 255

func noteName(s string) bool {
	return s != "" && len(s) <= maxNoteName && printable(s) && !strings.ContainsAny(s, " +")
}

// ParseNoteKey reads a vkey of C2SP signed-note: NAME+HASH+KEY.
func ParseNoteKey(vkey string) (NoteKey, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) == 3 {
		b, err := base64.StdEncoding.Strict().DecodeString(parts[2])
		if err == nil && len(b) == 1+ed25519.PublicKeySize {
			if k, err := NewNoteKey(parts[0], b[0], b[1:]); err == nil && k.String() == vkey {
				return k, nil
			}
		}
	}
	return NoteKey{}, fmt.Errorf("%q is no key of a log or a witness (NAME+HASH+KEY, Ed25519)", vkey)
}

// String is the vkey.
func (k NoteKey) String() string {
	id := k.id()
	return k.name + "+" + hex.EncodeToString(id[:]) + "+" + base64.StdEncoding.EncodeToString(append([]byte{k.alg}, k.pub[:]...))
}

func (k NoteKey) id() (id [4]byte) {
	d := sha256.Sum256(append([]byte(k.name+"\n"), append([]byte{k.alg}, k.pub[:]...)...))
	copy(id[:], d[:])
	return id
}

// Name implements note.Verifier.
func (k NoteKey) Name() string { return k.name }

// Witness reports whether it is the key of a witness, not that of a log.
func (k NoteKey) Witness() bool { return k.alg == AlgWitness }

// KeyHash implements note.Verifier.
func (k NoteKey) KeyHash() uint32 {
	id := k.id()
	return binary.BigEndian.Uint32(id[:])
}

// Verify implements note.Verifier.
func (k NoteKey) Verify(text, sig []byte) bool {
	if k.alg == AlgLog {
		return len(sig) == ed25519.SignatureSize && ed25519.Verify(k.pub[:], text, sig)
	}
	if len(sig) != cosignatureSize {
		return false
	}
	t := binary.BigEndian.Uint64(sig)
	return t <= math.MaxInt64 && ed25519.Verify(k.pub[:], CosignedText(int64(t), string(text)), sig[8:])
}

// CosignedText is what a witness signs at a time (C2SP tlog-cosignature, Ed25519).
func CosignedText(unix int64, text string) []byte {
	return []byte("cosignature/v1\ntime " + strconv.FormatInt(unix, 10) + "\n" + text)
}

// A Cosignature is the signature line of a witness under a checkpoint.
type Cosignature struct {
	Name string `cbor:"1,keyasint"` // of the witness's key
	Sig  []byte `cbor:"2,keyasint"` // key id (4), time (8), Ed25519 (64)
}

// Bounds of cosignatures.
const (
	maxCosignatures = 64
	// A cosignature of ML-DSA-44, which we carry and cannot check, is the longest.
	maxCosignature = 4 + 8 + 2420
)

// Line is the signature as a line of a note.
func (c *Cosignature) Line() string {
	return "— " + c.Name + " " + base64.StdEncoding.EncodeToString(c.Sig) + "\n"
}

// At is when the witness says that it signed, in seconds since 1970.
func (c *Cosignature) At() int64 { return int64(binary.BigEndian.Uint64(c.Sig[4:])) }

// of reports whether k made the line, by its name and id alone.
func (c *Cosignature) of(k *NoteKey) bool {
	id := k.id()
	return c.Name == k.name && string(c.Sig[:4]) == string(id[:])
}

// Cosignatures are the lines of a note that may be those of witnesses, in the order
// of receipts.
func Cosignatures(signed []byte) (out []Cosignature, err error) {
	_, lines, err := splitNote(signed)
	if err != nil {
		return nil, err
	}
	for _, l := range lines {
		if c := (Cosignature{l.name, l.sig}); c.check() == nil {
			out = append(out, c)
		}
	}
	SortCosignatures(out)
	return slices.CompactFunc(out, func(a, b Cosignature) bool { return compareCosignatures(&a, &b) == 0 }), nil
}

// SortCosignatures puts them in the order of receipts: by name, then key.
func SortCosignatures(cs []Cosignature) {
	slices.SortFunc(cs, func(a, b Cosignature) int { return compareCosignatures(&a, &b) })
}

func compareCosignatures(a, b *Cosignature) int {
	if c := strings.Compare(a.Name, b.Name); c != 0 {
		return c
	}
	return strings.Compare(string(a.Sig[:4]), string(b.Sig[:4]))
}

func (c *Cosignature) check() error {
	if !noteName(c.Name) || len(c.Sig) < 4+cosignatureSize || len(c.Sig) > maxCosignature || c.At() < 0 {
		return errors.New("a cosignature is malformed")
	}
	return nil
}

// A noteLine is a signature of a note: a name, and the key id with the signature.
type noteLine struct {
	name string
	sig  []byte
}

// maxNoteLines bounds the signatures of a note, as golang.org/x/mod/sumdb/note does.
const maxNoteLines = 100

var errNote = errors.New("not a signed note")

// splitNote takes a signed note apart (C2SP signed-note). A test holds it equal to
// golang.org/x/mod/sumdb/note, which costs 25 KB of a compressed WebAssembly verifier.
func splitNote(signed []byte) (text string, lines []noteLine, err error) {
	if len(signed) > maxNote || !utf8.Valid(signed) {
		return "", nil, errNote
	}
	for _, c := range signed {
		if c < 0x20 && c != '\n' {
			return "", nil, errNote
		}
	}
	s := string(signed)
	at := strings.LastIndex(s, "\n\n")
	if at < 0 || !strings.HasSuffix(s, "\n") {
		return "", nil, errNote
	}
	text, rest := s[:at+1], s[at+2:]
	for rest != "" {
		line, after, _ := strings.Cut(rest, "\n")
		rest = after
		name, b64, ok := strings.Cut(strings.TrimPrefix(line, "— "), " ")
		sig, err := base64.StdEncoding.DecodeString(b64)
		if !strings.HasPrefix(line, "— ") || !ok || err != nil || len(sig) < 5 || name == "" || strings.Contains(name, "+") || strings.IndexFunc(name, unicode.IsSpace) >= 0 {
			return "", nil, errNote
		}
		if lines = append(lines, noteLine{name, sig}); len(lines) > maxNoteLines {
			return "", nil, errNote
		}
	}
	if lines == nil {
		return "", nil, errNote
	}
	return text, lines, nil
}

// errNoteSignature is a signature, by a key that is known, that does not verify.
var errNoteSignature = errors.New("the signature of a known key does not verify")

// OpenCheckpoint reads a signed checkpoint and returns the keys, of those known,
// that signed it. A signature by one of them that does not verify is an error.
func OpenCheckpoint(signed []byte, known []NoteKey) (c Checkpoint, by []NoteKey, err error) {
	text, lines, err := splitNote(signed)
	if err != nil {
		return c, nil, fmt.Errorf("checkpoint: %w", err)
	}
	for _, k := range known {
		id, seen := k.id(), false
		for _, l := range lines {
			if seen || l.name != k.name || string(l.sig[:4]) != string(id[:]) {
				continue
			}
			if !k.Verify([]byte(text), l.sig[4:]) {
				return c, nil, fmt.Errorf("checkpoint: %w: %s", errNoteSignature, k.name)
			}
			seen, by = true, append(by, k)
		}
	}
	if c, err = ParseCheckpoint(text); err != nil {
		return c, nil, err
	}
	return c, by, nil
}

// Witnessed shows that witnesses outside the ledger saw a log that holds the
// receipt's: each cosigned a checkpoint of it, and cosigns no other log of this
// name.
type Witnessed struct {
	LogSize      uint64        `cbor:"1,keyasint"` // of the log that they saw
	LogRoot      tx.Digest     `cbor:"2,keyasint"`
	Consistency  []tx.Digest   `cbor:"3,keyasint"` // from Receipt.LogSize to LogSize (RFC 6962 §2.1.2)
	Cosignatures []Cosignature `cbor:"4,keyasint"` // ascending by name, then key id
}

// Checkpoint is what was cosigned.
func (w *Witnessed) Checkpoint(chain string) Checkpoint {
	return Checkpoint{chain, w.LogSize, w.LogRoot}
}

func (w *Witnessed) check() error {
	if w.LogSize > tx.MaxInt || len(w.Consistency) > maxTreePath {
		return errors.New("witnessed: out of bounds")
	}
	if n := len(w.Cosignatures); n == 0 || n > maxCosignatures {
		return fmt.Errorf("witnessed: %d cosignatures; want 1 to %d", n, maxCosignatures)
	}
	for i := range w.Cosignatures {
		if err := w.Cosignatures[i].check(); err != nil {
			return fmt.Errorf("witnessed: %w", err)
		}
		if i > 0 && compareCosignatures(&w.Cosignatures[i-1], &w.Cosignatures[i]) >= 0 {
			return errors.New("witnessed: cosignatures are not in ascending order, each once")
		}
	}
	if w.Consistency == nil {
		w.Consistency = []tx.Digest{}
	}
	return nil
}

func (w *Witnessed) cbor(c *cborWalk) {
	c.object(4)
	c.member(1)
	cborNumber(c, &w.LogSize)
	c.member(2)
	c.digest(&w.LogRoot)
	c.member(3)
	cborList(c, &w.Consistency, c.digest)
	c.member(4)
	cborList(c, &w.Cosignatures, func(s *Cosignature) {
		c.object(2)
		c.member(1)
		c.text(&s.Name)
		c.member(2)
		c.bytes(&s.Sig)
	})
}

func (w *Witnessed) write(o *tx.Writer) {
	o.Open()
	writeDigests(o, "consistency", w.Consistency)
	o.Array("cosignatures", len(w.Cosignatures), func(i int) {
		o.Open()
		o.String("name", w.Cosignatures[i].Name)
		writeBase64(o, "signature", w.Cosignatures[i].Sig)
		o.Close()
	})
	o.Hex("log_root", w.LogRoot[:])
	o.Int("log_size", int64(w.LogSize))
	o.Close()
}

func (w *Witnessed) read(d *tx.Reader) {
	o := d.Object()
	o.Need("consistency")
	w.Consistency = readDigests(d, maxTreePath)
	o.Need("cosignatures")
	d.Array(maxCosignatures, func(int) {
		var c Cosignature
		co := d.Object()
		co.Need("name")
		c.Name = d.String(maxNoteName)
		co.Need("signature")
		c.Sig = readBase64(d, maxCosignature)
		co.End()
		w.Cosignatures = append(w.Cosignatures, c)
	})
	o.Need("log_root")
	d.Hex(w.LogRoot[:])
	o.Need("log_size")
	w.LogSize = uint64(d.Int(0, tx.MaxInt))
	o.End()
}
