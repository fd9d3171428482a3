package bundle

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func pack(t testing.TB, sources ...Source) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteArchive(&b, sources); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestNames(t *testing.T) {
	for _, n := range []string{"a", "a/b.c", "证据/截图.png", ".hidden", "a..b", "com", "com10", "console.txt"} {
		if err := checkName(n); err != nil {
			t.Errorf("%q: %v", n, err)
		}
	}
	for _, n := range []string{
		"", "/a", "a/", "a//b", "./a", "a/./b", "..", "../a", "a/../b", "a/..", `a\b`, "C:a", "a:b", "a*", "a?b", `a"b`, "a<b", "a>b", "a|b",
		"a\x00b", "a\nb", "a\u202eb", "a\u200bb", "e\u0301", "\xff", "a.", "a /b", "a./b", "con", "NUL.txt", "x/aux", "com1.log", "lpt9", strings.Repeat("a", maxName+1),
	} {
		if checkName(n) == nil {
			t.Errorf("%q is accepted", n)
		}
	}
	for _, names := range [][]string{{"b", "a"}, {"a", "a"}, {"A", "a"}, {"Straße", "straße"}} {
		var e []Entry
		for _, n := range names {
			e = append(e, Entry{Name: n})
		}
		if checkNames(e) == nil {
			t.Errorf("%q are accepted", names)
		}
	}
}

// TestEveryByte changes each byte of the headers of an archive. Only what a name
// or a CRC says can be changed, and then it says something else.
func TestEveryByte(t *testing.T) {
	b := pack(t, BytesSource("a", []byte("one")), BytesSource("b/c", []byte("two")))
	a, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		inData := false
		for _, e := range a.Entries {
			inData = inData || int64(i) >= e.Data && int64(i) < e.Data+e.Size
		}
		if inData {
			continue // for the digests to find
		}
		for bit := range 8 {
			bad := bytes.Clone(b)
			bad[i] ^= 1 << bit
			if _, err := Open(bytes.NewReader(bad), int64(len(bad))); err == nil {
				t.Errorf("bit %d of byte %d: accepted", bit, i)
			}
		}
	}
	for n := range b {
		if _, err := Open(bytes.NewReader(b[:n]), int64(n)); err == nil {
			t.Errorf("%d bytes of %d: accepted", n, len(b))
		}
	}
}

// TestZip64 writes an archive beyond 4 GiB with a hole in it, and has the
// standard library read it too.
func TestZip64(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	entries := []Entry{{Name: "big", Size: 5 << 30}, {Name: "small", Size: 1, CRC: 0xe8b7be43}}
	at := int64(0)
	for i := range entries {
		h := entries[i].local()
		if _, err := f.WriteAt(h, at); err != nil {
			t.Fatal(err)
		}
		at += int64(len(h)) + entries[i].Size
	}
	if _, err := f.WriteAt([]byte("a"), at-1); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(directory(entries), at); err != nil {
		t.Fatal("this test needs a file system with sparse files: ", err)
	}
	fi, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	a, err := Open(f, fi.Size())
	if err != nil {
		t.Fatal(err)
	}
	if b, err := a.Bytes("small", 10); err != nil || string(b) != "a" || a.Entries[0].Size != 5<<30 {
		t.Errorf("small is %q, %v; big has %d bytes", b, err, a.Entries[0].Size)
	}
	if _, err := a.Bytes("big", maxSmall); err == nil {
		t.Error("5 GiB were read into memory")
	}
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	r, err := z.File[1].Open()
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); err != nil || string(b) != "a" || z.File[0].UncompressedSize64 != 5<<30 {
		t.Errorf("archive/zip reads %q, %v", b, err)
	}
}

func TestWriteArchiveRefuses(t *testing.T) {
	short := BytesSource("a", []byte("abc"))
	short.Size = 2
	long := BytesSource("a", []byte("abc"))
	long.Size = 4
	crc := BytesSource("a", []byte("abc"))
	crc.CRC++
	huge := BytesSource("a", nil)
	huge.Size = MaxBytes
	for name, s := range map[string][]Source{
		"none": nil, "short": {short}, "long": {long}, "crc": {crc}, "huge": {huge}, "name": {BytesSource("../a", nil)},
		"many": make([]Source, MaxEntries+1),
	} {
		if WriteArchive(io.Discard, s) == nil {
			t.Errorf("%s: written", name)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(pack(f, BytesSource("a", []byte("one")), BytesSource("b/c", nil)))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Add(directory([]Entry{{Name: "big", Size: 5 << 30}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		// What is accepted has one form: its parts make the same bytes again.
		var sources []Source
		for _, e := range a.Entries {
			data, err := a.Bytes(e.Name, int64(len(b)))
			if err != nil {
				t.Fatal(err)
			}
			s := BytesSource(e.Name, data)
			if s.CRC != e.CRC {
				return // for the digests to find
			}
			sources = append(sources, s)
		}
		if !bytes.Equal(pack(t, sources...), b) {
			t.Error("an archive has two forms")
		}
		if _, err := zip.NewReader(bytes.NewReader(b), int64(len(b))); err != nil {
			t.Errorf("archive/zip does not read it: %v", err)
		}
	})
}

func FuzzParseManifest(f *testing.F) {
	m := Manifest{
		Fields: []SealedField{{}, {Withheld: true}}, Files: []SealedFile{{}, {Withheld: true}}, Others: []File{{Path: "a", Role: "x"}},
	}
	m.Fields[0].Name, m.Files[0].Path, m.Files[0].Role = "n", "evidence/files/a", "original"
	f.Add(m.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseManifest(b)
		if err != nil {
			return
		}
		if !bytes.Equal(m.Encode(), b) {
			t.Errorf("%q was read and is written as %q", b, m.Encode())
		}
		if len(m.Fields)+len(m.Files) > 0 {
			if _, err := m.Tree(); err != nil {
				t.Error(err)
			}
		}
	})
}

func FuzzCustody(f *testing.F) {
	f.Add(appendEvents(nil, Event{1, "collected", "x"}, Event{2, "hashed", "字"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		events, err := parseCustody(b)
		if err == nil && !bytes.Equal(appendEvents(nil, events...), b) {
			t.Errorf("%q was read and is written as %q", b, appendEvents(nil, events...))
		}
	})
}

func TestNamesAdd(t *testing.T) {
	var n Names
	for _, x := range [][2]string{
		{"a.png", "d/a.png"}, {"a.png", "d/a-2.png"}, {"A.PNG", "d/A-3.PNG"}, {"截图 1.png", "d/截图 1.png"}, {`x:y\z`, "d/x_y_z"}, {"e\u0301", "d/é"},
		{"..", "d/file"}, {"con.txt", "d/file-2"}, {"end.", "d/file-3"}, {"\xff\n", "d/file-4"}, {strings.Repeat("证", 100) + ".txt", "d/" + strings.Repeat("证", 40) + ".txt"},
	} {
		got := n.Add("d/", x[0])
		if got != x[1] {
			t.Errorf("%q: got %q, want %q", x[0], got, x[1])
		}
		if err := checkName(got); err != nil {
			t.Error(err)
		}
	}
}

// TestReadmeIsFrozen: bundles that were handed over have this text, and the
// verifier compares it. Another text is another version of the format.
func TestReadmeIsFrozen(t *testing.T) {
	if got := fmt.Sprintf("%x", sha256.Sum256(readme)); got != "50728e2afbbee3bf446c19d798e131f942234f4931953334a2e1825787eb8dd5" {
		t.Errorf("readme.txt is %s: bundles made before do not verify", got)
	}
}
