package bundle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Bounds of an archive.
const (
	MaxEntries = 10_000
	MaxBytes   = 20 << 30 // of the whole file
	maxName    = 240      // bytes of an entry's name
)

// An archive is a ZIP file (PKWARE APPNOTE 6.3) in one form only:
//
//	{local header, data}…  in ascending order of name, nothing between them
//	{central header}…      in the same order
//	[zip64 end, locator]   only when the directory begins beyond 4 GiB
//	end of directory       without a comment, the last byte of the file
//
// Every entry is stored, not compressed; so the bytes of the evidence are the
// bytes of the file, and a small file cannot swell. There are no data
// descriptors, comments, links, folders, or extra fields but zip64's where they are
// needed; the time is 1980-01-01, the mode 0644, the names are UTF-8.
//
// As names, sizes and CRCs determine every other byte, the reader takes these
// from the directory, writes the headers again and compares. What other programs
// could read differently is therefore refused, whatever it is.

// An Entry is a file in an archive.
type Entry struct {
	Name string
	Size int64
	CRC  uint32 // IEEE
	Data int64  // offset of the first byte; set by Open
}

const (
	sigLocal   = 0x04034b50
	sigCentral = 0x02014b50
	sigEnd     = 0x06054b50
	sigEnd64   = 0x06064b50
	sigLocator = 0x07064b50

	lenCentral = 46
	lenEnd     = 22
	lenEnd64   = 56
	lenLocator = 20

	flagUTF8 = 1 << 11
	dosDate  = 1<<5 | 1       // 1980-01-01
	mode     = 0o100644 << 16 // a regular file, Unix
	full32   = 1<<32 - 1
)

var le = binary.LittleEndian

// local returns the local header of e.
func (e *Entry) local() []byte {
	extra := e.sizes64()
	b := le.AppendUint32(nil, sigLocal)
	b = e.common(b, len(extra))
	b = append(b, e.Name...)
	return append(b, extra...)
}

// common appends what both headers have, from the version needed to the length
// of the extra field.
func (e *Entry) common(b []byte, extra int) []byte {
	size := uint32(min(e.Size, full32))
	b = le.AppendUint16(b, version(extra))
	b = le.AppendUint16(b, flagUTF8)
	b = le.AppendUint16(b, 0) // stored
	b = le.AppendUint16(b, 0) // 00:00:00
	b = le.AppendUint16(b, dosDate)
	b = le.AppendUint32(b, e.CRC)
	b = le.AppendUint32(b, size)
	b = le.AppendUint32(b, size)
	b = le.AppendUint16(b, uint16(len(e.Name)))
	return le.AppendUint16(b, uint16(extra))
}

// version is 4.5 where zip64 is used, else 2.0.
func version(extra int) uint16 {
	if extra > 0 {
		return 45
	}
	return 20
}

// sizes64 is the zip64 extra field of a local header, nil when sizes fit.
func (e *Entry) sizes64() []byte {
	if e.Size < full32 {
		return nil
	}
	b := le.AppendUint16(nil, 1)
	b = le.AppendUint16(b, 16)
	b = le.AppendUint64(b, uint64(e.Size))
	return le.AppendUint64(b, uint64(e.Size))
}

// central returns the header of e in the directory, at is where its local header
// begins.
func (e *Entry) central(at int64) []byte {
	extra := e.sizes64()
	if at >= full32 {
		if extra == nil {
			extra = le.AppendUint16(nil, 1)
			extra = le.AppendUint16(extra, 0)
		}
		extra = le.AppendUint64(extra, uint64(at))
		le.PutUint16(extra[2:], uint16(len(extra)-4))
	}
	b := le.AppendUint32(nil, sigCentral)
	b = le.AppendUint16(b, 3<<8|version(len(extra))) // made by Unix
	b = e.common(b, len(extra))
	b = append(b, make([]byte, 6)...) // comment, disk, internal attributes
	b = le.AppendUint32(b, mode)
	b = le.AppendUint32(b, uint32(min(at, full32)))
	b = append(b, e.Name...)
	return append(b, extra...)
}

// directory returns everything behind the last entry.
func directory(entries []Entry) []byte {
	var b []byte
	at := int64(0)
	for i := range entries {
		e := &entries[i]
		b = append(b, e.central(at)...)
		at += int64(len(e.local())) + e.Size
	}
	size := len(b)
	if at >= full32 {
		b = le.AppendUint32(b, sigEnd64)
		b = le.AppendUint64(b, lenEnd64-12)
		b = le.AppendUint16(b, 3<<8|45)
		b = le.AppendUint16(b, 45)
		b = append(b, make([]byte, 8)...) // disks
		b = le.AppendUint64(b, uint64(len(entries)))
		b = le.AppendUint64(b, uint64(len(entries)))
		b = le.AppendUint64(b, uint64(size))
		b = le.AppendUint64(b, uint64(at))
		b = le.AppendUint32(b, sigLocator)
		b = le.AppendUint32(b, 0)
		b = le.AppendUint64(b, uint64(at)+uint64(size))
		b = le.AppendUint32(b, 1)
	}
	b = le.AppendUint32(b, sigEnd)
	b = append(b, make([]byte, 4)...) // disks
	b = le.AppendUint16(b, uint16(len(entries)))
	b = le.AppendUint16(b, uint16(len(entries)))
	b = le.AppendUint32(b, uint32(size))
	b = le.AppendUint32(b, uint32(min(at, full32)))
	return le.AppendUint16(b, 0)
}

// checkNames checks each name, their order, and that no two are one file where
// names do not tell case.
func checkNames(entries []Entry) error {
	fold := cases.Fold()
	seen := make(map[string]bool, len(entries))
	for i := range entries {
		n := entries[i].Name
		if err := checkName(n); err != nil {
			return err
		}
		if i > 0 && n == entries[i-1].Name {
			return fmt.Errorf("entry %q occurs twice", n)
		}
		if i > 0 && n < entries[i-1].Name {
			return fmt.Errorf("entry %q is out of order", n)
		}
		f := fold.String(n)
		if seen[f] {
			return fmt.Errorf("entry %q differs from another only in case", n)
		}
		seen[f] = true
	}
	return nil
}

// checkName accepts names that mean the same file under one folder on every
// system: relative, with slashes, in NFC, without what Windows or a terminal reads
// otherwise.
func checkName(n string) error {
	bad := func(why string) error { return fmt.Errorf("entry name %q: %s", n, why) }
	switch {
	case n == "" || len(n) > maxName:
		return bad(fmt.Sprintf("want 1 to %d bytes", maxName))
	case !utf8.ValidString(n) || !norm.NFC.IsNormalString(n):
		return bad("not UTF-8 in NFC")
	case path.IsAbs(n) || path.Clean(n) != n || n == ".." || strings.HasPrefix(n, "../"):
		return bad("it leads out of the archive, or is not in its shortest form")
	case strings.ContainsAny(n, `\:*?"<>|`):
		return bad("a character that not every system allows")
	}
	for _, r := range n {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return bad("an invisible character")
		}
	}
	for _, part := range strings.Split(n, "/") {
		if strings.HasSuffix(part, ".") || strings.HasSuffix(part, " ") {
			return bad("a part ends with a dot or a space")
		}
		stem, _, _ := strings.Cut(strings.ToUpper(part), ".")
		switch {
		case stem == "CON" || stem == "PRN" || stem == "AUX" || stem == "NUL",
			len(stem) == 4 && (stem[:3] == "COM" || stem[:3] == "LPT") && stem[3] >= '0' && stem[3] <= '9':
			return bad("a device on Windows")
		}
	}
	return nil
}

// An Archive is an opened ZIP file in the form above. The data are not read yet.
type Archive struct {
	Entries []Entry
	r       io.ReaderAt
}

// Open reads the headers of an archive of size bytes.
func Open(r io.ReaderAt, size int64) (*Archive, error) {
	a := &Archive{r: r}
	if err := a.open(size); err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	return a, nil
}

func (a *Archive) open(size int64) error {
	if size > MaxBytes {
		return fmt.Errorf("%d bytes; the limit is %d", size, int64(MaxBytes))
	}
	if size < lenEnd {
		return errors.New("too short to be a ZIP file")
	}
	end, err := a.bytes(size-lenEnd, lenEnd)
	if err != nil {
		return err
	}
	if le.Uint32(end) != sigEnd || le.Uint16(end[20:]) != 0 {
		return errors.New("the file does not end with its directory: trailing data, a comment, truncated, or no ZIP file")
	}
	n, length, at := int(le.Uint16(end[10:])), int64(le.Uint32(end[12:])), int64(le.Uint32(end[16:]))
	tail := int64(lenEnd)
	if at == full32 {
		tail += lenEnd64 + lenLocator
		if size < tail {
			return errors.New("truncated")
		}
		b, err := a.bytes(size-tail, lenEnd64)
		if err != nil {
			return err
		}
		at = int64(le.Uint64(b[48:]))
	}
	if n == 0 || n > MaxEntries {
		return fmt.Errorf("%d entries; want 1 to %d", n, MaxEntries)
	}
	if length > int64(n)*(lenCentral+maxName+28) || at < 0 || at != size-tail-length {
		return errors.New("the directory is not where the file says")
	}
	b, err := a.bytes(at, int(length+tail))
	if err != nil {
		return err
	}
	if err := a.parse(b[:length], n); err != nil {
		return err
	}
	if err := checkNames(a.Entries); err != nil {
		return err
	}
	if !bytes.Equal(directory(a.Entries), b) {
		return errors.New("the directory is not in the one form that its names, sizes and sums give")
	}
	return a.locals()
}

// parse reads the directory loosely: what it does not look at is compared later.
func (a *Archive) parse(b []byte, n int) error {
	for range n {
		if len(b) < lenCentral || le.Uint32(b) != sigCentral {
			return errors.New("the directory has fewer entries than it says")
		}
		e := Entry{CRC: le.Uint32(b[16:]), Size: int64(le.Uint32(b[24:]))}
		name, extra, comment := int(le.Uint16(b[28:])), int(le.Uint16(b[30:])), int(le.Uint16(b[32:]))
		if len(b) < lenCentral+name+extra+comment {
			return errors.New("the directory is truncated")
		}
		e.Name = string(b[lenCentral : lenCentral+name])
		switch {
		case le.Uint16(b[8:])&(1|1<<6|1<<13) != 0:
			return fmt.Errorf("entry %q is encrypted", e.Name)
		case le.Uint16(b[10:]) != 0:
			return fmt.Errorf("entry %q is compressed (method %d); a bundle only stores", e.Name, le.Uint16(b[10:]))
		case le.Uint32(b[38:]) != mode:
			return fmt.Errorf("entry %q is not a plain file", e.Name)
		}
		if e.Size == full32 {
			x := b[lenCentral+name : lenCentral+name+extra]
			if len(x) < 20 {
				return fmt.Errorf("entry %q: no size", e.Name)
			}
			e.Size = int64(le.Uint64(x[4:]))
		}
		if e.Size < 0 || e.Size > MaxBytes {
			return fmt.Errorf("entry %q: %d bytes; the limit is %d", e.Name, uint64(e.Size), int64(MaxBytes))
		}
		a.Entries = append(a.Entries, e)
		b = b[lenCentral+name+extra+comment:]
	}
	return nil
}

// locals compares the local headers, whose places the directory has proved.
func (a *Archive) locals() error {
	at := int64(0)
	for i := range a.Entries {
		e := &a.Entries[i]
		want := e.local()
		got, err := a.bytes(at, len(want))
		if err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("entry %q: its own header differs from the directory", e.Name)
		}
		e.Data = at + int64(len(want))
		at = e.Data + e.Size
	}
	return nil
}

func (a *Archive) bytes(at int64, n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := a.r.ReadAt(b, at); err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	return b, nil
}

// Find returns the entry of a name, nil if there is none.
func (a *Archive) Find(name string) *Entry {
	for i := range a.Entries {
		if a.Entries[i].Name == name {
			return &a.Entries[i]
		}
	}
	return nil
}

// Reader reads the data of e, which is of a.
func (a *Archive) Reader(e *Entry) *io.SectionReader {
	return io.NewSectionReader(a.r, e.Data, e.Size)
}

// Bytes reads the whole entry of a name, which may have max bytes.
func (a *Archive) Bytes(name string, max int64) ([]byte, error) {
	e := a.Find(name)
	switch {
	case e == nil:
		return nil, fmt.Errorf("%s is missing", name)
	case e.Size > max:
		return nil, fmt.Errorf("%s has %d bytes; the limit is %d", name, e.Size, max)
	}
	return a.bytes(e.Data, int(e.Size))
}

// A Source is what becomes an entry.
type Source struct {
	Entry // without Data
	Open  func() (io.ReadCloser, error)
}

// BytesSource is a source in memory.
func BytesSource(name string, b []byte) Source {
	return Source{Entry{Name: name, Size: int64(len(b)), CRC: crc32.ChecksumIEEE(b)}, func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(b)), nil
	}}
}

// WriteArchive writes sources, in ascending order of name, as an archive. A
// source that does not have the size and CRC it states is an error.
func WriteArchive(w io.Writer, sources []Source) error {
	entries := make([]Entry, len(sources))
	for i := range sources {
		entries[i] = sources[i].Entry
	}
	if n := len(entries); n == 0 || n > MaxEntries {
		return fmt.Errorf("archive: %d entries; want 1 to %d", n, MaxEntries)
	}
	if err := checkNames(entries); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	total := int64(0)
	for i := range sources {
		if total += sources[i].Size; total > MaxBytes-(1<<24) {
			return fmt.Errorf("archive: more than %d bytes", int64(MaxBytes))
		}
		if err := sources[i].write(w); err != nil {
			return fmt.Errorf("archive: %s: %w", sources[i].Name, err)
		}
	}
	if _, err := w.Write(directory(entries)); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}

func (s *Source) write(w io.Writer) error {
	r, err := s.Open()
	if err != nil {
		return err
	}
	defer r.Close() // only read
	if _, err := w.Write(s.local()); err != nil {
		return err
	}
	sum := crc32.NewIEEE()
	n, err := io.Copy(io.MultiWriter(w, sum), io.LimitReader(r, s.Size+1))
	if err != nil {
		return err
	}
	if n != s.Size || sum.Sum32() != s.CRC {
		return errors.New("the file changed while it was packed")
	}
	return nil
}

// Names makes names of entries from names of files, which may be anything.
type Names struct{ taken map[string]bool }

// Add returns a name under dir, which ends with a slash, that is like base and
// that Add has not returned before.
func (n *Names) Add(dir, base string) string {
	if n.taken == nil {
		n.taken = map[string]bool{}
	}
	base = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return '_'
		}
		return r
	}, Text(base))
	ext := path.Ext(base)
	stem := strings.TrimSuffix(base, ext)
	if len(ext) > 16 {
		stem, ext = base, ""
	}
	for len(stem) > 120 {
		_, size := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-size]
	}
	if checkName(dir+stem+ext) != nil {
		stem, ext = "file", ""
	}
	for i := 1; ; i++ {
		name := dir + stem + ext
		if i > 1 {
			name = fmt.Sprintf("%s%s-%d%s", dir, stem, i, ext)
		}
		if f := cases.Fold().String(name); !n.taken[f] {
			n.taken[f] = true
			return name
		}
	}
}
