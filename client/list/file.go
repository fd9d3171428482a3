package list

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"zhenglian/app/receipt"
	"zhenglian/app/row"
	"zhenglian/app/span"
	"zhenglian/app/tx"
)

// The first bytes of the files.
const (
	snapshotMagic = "zlsnap1\n"
	deltaMagic    = "zldelt1\n"
)

// maxHead bounds the head of a file in bytes.
const maxHead = 1 << 20

// Errors that callers branch on. An error of a span, such as [span.ErrRoot], is
// inside ErrProof.
var (
	// ErrFile is a file that is not one of these, or is cut off.
	ErrFile = errors.New("not a copy of a list")
	// ErrProof is a copy that does not hold what the chain says.
	ErrProof = errors.New("the copy is not proven")
	// ErrWrongList is a copy of another list.
	ErrWrongList = errors.New("the copy is of another list")
	// ErrBase is a delta from another state than the set's.
	ErrBase = errors.New("the delta begins at another state")
)

// prefix begins the keys of a list's subject rows.
func prefix(l tx.List) []byte {
	start, _ := row.SubjectRange(l)
	return start
}

// Prefix returns what begins the keys of a list's subject rows, for whoever
// makes copies.
func Prefix(l tx.List) []byte { return prefix(l) }

// A Base is the state from which a delta begins.
type Base struct {
	Height int64
	Root   tx.Digest
}

// WriteSnapshot writes a snapshot. rows writes the span.
func WriteSnapshot(w io.Writer, h *receipt.StateHead, l tx.List, rows func(*span.Writer) error) error {
	return writeFile(w, snapshotMagic, h, append([]byte(nil), byte(l)), rows)
}

// WriteDelta writes a delta. rows writes the span, as of the tree at base.
func WriteDelta(w io.Writer, h *receipt.StateHead, l tx.List, base Base, rows func(*span.Writer) error) error {
	b := binary.BigEndian.AppendUint64([]byte{byte(l)}, uint64(base.Height))
	return writeFile(w, deltaMagic, h, append(b, base.Root[:]...), rows)
}

func writeFile(w io.Writer, magic string, h *receipt.StateHead, about []byte, rows func(*span.Writer) error) error {
	head, err := h.EncodeCBOR()
	if err != nil {
		return err
	}
	b := binary.BigEndian.AppendUint32([]byte(magic), uint32(len(head)))
	if _, err := w.Write(append(append(b, head...), about...)); err != nil {
		return err
	}
	// Tags do not compress; what does, does so with little effort.
	z, err := flate.NewWriter(w, flate.BestSpeed)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(z, 1<<16)
	if err := rows(span.NewWriter(buffered)); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	return z.Close()
}

// A file is a copy up to its span.
type file struct {
	head *receipt.StateHead
	list tx.List
	base Base // of a delta
	r    *bufio.Reader
}

func openFile(r io.Reader, magic string) (*file, error) {
	f := &file{r: bufio.NewReaderSize(r, 1<<16)}
	fixed := make([]byte, len(magic)+4)
	if _, err := io.ReadFull(f.r, fixed); err != nil || string(fixed[:len(magic)]) != magic {
		return nil, cut(err, "it begins with something else")
	}
	n := binary.BigEndian.Uint32(fixed[len(magic):])
	if n > maxHead {
		return nil, fmt.Errorf("%w: its head is too long", ErrFile)
	}
	rest := int(n) + 1
	if magic == deltaMagic {
		rest += 8 + 32
	}
	b := make([]byte, rest)
	if _, err := io.ReadFull(f.r, b); err != nil {
		return nil, cut(err, "")
	}
	head, about := b[:n], b[n:]
	if len(head) == 0 || head[0] < 0xa0 { // JSON is no form of it here
		return nil, fmt.Errorf("%w: its head is not CBOR", ErrFile)
	}
	var err error
	if f.head, err = receipt.ParseStateHead(head); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	if f.list = tx.List(about[0]); !f.list.Valid() {
		return nil, fmt.Errorf("%w: there is no %v", ErrFile, f.list)
	}
	if magic == deltaMagic {
		f.base = Base{Height: int64(binary.BigEndian.Uint64(about[1:])), Root: tx.Digest(about[9:])}
	}
	return f, nil
}

// cut says why a file is none: its end came too early, or why.
func cut(err error, why string) error {
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: it is cut off", ErrFile)
	case err != nil:
		return err // of the network
	}
	return fmt.Errorf("%w: %s", ErrFile, why)
}

// rows reads the span with read, to the end of the file.
func (f *file) rows(read func(*bufio.Reader) (*span.Tree, error)) (*span.Tree, error) {
	z := flate.NewReader(f.r)
	r := bufio.NewReaderSize(z, 1<<16)
	t, err := read(r)
	if err != nil {
		return nil, broken(err)
	}
	if _, err := r.ReadByte(); err != io.EOF {
		return nil, broken(cmpErr(err, "something follows the span"))
	}
	if _, err := f.r.ReadByte(); err != io.EOF {
		return nil, broken(cmpErr(err, "something follows the file"))
	}
	return t, nil
}

func cmpErr(err error, why string) error {
	if err == nil {
		return fmt.Errorf("%w: %s", ErrFile, why)
	}
	return err
}

// broken sorts the errors of a span and of what it is packed in.
func broken(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, span.ErrMalformed), errors.Is(err, span.ErrRoot):
		return fmt.Errorf("%w: %w", ErrProof, err)
	case errors.As(err, &corrupt), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %w", ErrFile, err)
	}
	return err
}

// ReadSnapshot reads a snapshot of a list and proves it against a trust root.
func ReadSnapshot(r io.Reader, l tx.List, t *receipt.Trust) (*Set, error) {
	f, err := openFile(r, snapshotMagic)
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	s, err := f.prove(l, t, func(r *bufio.Reader) (*span.Tree, error) {
		return span.Read(r, prefix(l), span.Hash(f.head.StateRoot))
	})
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	return s, nil
}

// Apply reads a delta from the set's state and returns the set after it. s stays
// as it is.
func (s *Set) Apply(r io.Reader, t *receipt.Trust) (*Set, error) {
	f, err := openFile(r, deltaMagic)
	if err != nil {
		return nil, fmt.Errorf("delta: %w", err)
	}
	if f.base.Height != s.head.Height || f.base.Root != s.head.StateRoot {
		return nil, fmt.Errorf("delta: %w: at height %d, the set is of %d", ErrBase, f.base.Height, s.head.Height)
	}
	if f.head.Height < s.head.Height {
		return nil, fmt.Errorf("delta: %w: it leads back to height %d", ErrBase, f.head.Height)
	}
	n, err := f.prove(s.list, t, func(r *bufio.Reader) (*span.Tree, error) {
		return s.tree.Apply(r, span.Hash(f.head.StateRoot))
	})
	if err != nil {
		return nil, fmt.Errorf("delta: %w", err)
	}
	return n, nil
}

func (f *file) prove(l tx.List, t *receipt.Trust, read func(*bufio.Reader) (*span.Tree, error)) (*Set, error) {
	if f.list != l {
		return nil, fmt.Errorf("%w: of %s, not of %s", ErrWrongList, f.list, l)
	}
	if err := f.head.Verify(t); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProof, err)
	}
	tree, err := f.rows(read)
	if err != nil {
		return nil, err
	}
	return newSet(l, f.head, tree)
}

// Write writes the snapshot from which the set could be read.
func (s *Set) Write(w io.Writer) error {
	return WriteSnapshot(w, s.head, s.list, s.tree.Write)
}

// Encode returns the snapshot from which the set could be read.
func (s *Set) Encode() ([]byte, error) {
	var b bytes.Buffer
	err := s.Write(&b)
	return b.Bytes(), err
}
