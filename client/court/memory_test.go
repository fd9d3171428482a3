package court

import (
	"bytes"
	"compress/zlib"
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"zhenglian/app/receipt"
	"zhenglian/client/paper"
)

// maxMemory is what a document may cost that is no bundle: the document, what is read
// of it and the report, all that is ever allocated counted together. The longest
// document is a PDF of paper.MaxPDF bytes.
const maxMemory = 4 * paper.MaxPDF

// Whatever the document says of itself, reading it takes bounded memory and ends with
// a report.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("allocates")
	}
	root, err := os.ReadFile(vectors + "trust.json")
	if err != nil {
		t.Fatal(err)
	}
	trust, err := receipt.ParseTrust(root)
	if err != nil {
		t.Fatal(err)
	}
	var deflated bytes.Buffer
	z := zlib.NewWriter(&deflated)
	zeros := make([]byte, 1<<20)
	for range 64 { // 64 MiB of zeros
		z.Write(zeros)
	}
	z.Close()
	bomb := fmt.Sprintf("<</Type/EmbeddedFile/Filter/FlateDecode/Length %d>>stream\n%s\nendstream endobj\n", deflated.Len(), deflated.String())
	pdf := "%PDF-1.7\n"
	for i := 1; len(pdf)+len(bomb) < 8<<20; i++ {
		pdf += fmt.Sprintf("%d 0 obj", i) + bomb
	}
	for name, doc := range map[string][]byte{
		"CBOR that claims 2^60 members":    append([]byte{0xbb, 0x10, 0, 0, 0, 0, 0, 0, 0}, make([]byte, 1<<20)...),
		"CBOR that claims a long string":   append([]byte{0xa8, 0x01, 0x01, 0x02, 0x7b, 0x10, 0, 0, 0, 0, 0, 0, 0}, make([]byte, receipt.MaxBytes-64)...),
		"CBOR of empty arrays":             bytes.Repeat([]byte{0xa8, 0x01, 0x01, 0x80}, receipt.MaxBytes/4),
		"JSON of white space":              []byte("{" + strings.Repeat(" ", receipt.MaxBytes-2) + "}"),
		"JSON of brackets":                 []byte("{" + strings.Repeat("[", receipt.MaxBytes-2)),
		"a split view of hashes":           []byte(`{"consistency":[` + strings.Repeat(`"`+strings.Repeat("00", 32)+`",`, 50_000) + `""]`),
		"a split view with a note":         []byte(`{"consistency":[],"first":{"checkpoint":"` + strings.Repeat(`\n`, 1<<20) + `"}`),
		"codes without end":                []byte(strings.Repeat("ZL1:1/9:00000000:"+strings.Repeat("A", 4000)+"\n", 1000)),
		"a PDF of bombs":                   []byte(pdf),
		"a PDF of nothing":                 append([]byte("%PDF-1.7\n"), make([]byte, paper.MaxPDF-16)...),
		"a PDF of objects":                 []byte("%PDF-1.7\n" + strings.Repeat("1 0 obj<</Type/EmbeddedFile/Length 9>>stream\n", paper.MaxPDF/64)),
		"a document longer than every one": bytes.Repeat([]byte("{"), paper.MaxPDF+100),
		"an archive of beginnings":         bytes.Repeat([]byte("PK\x03\x04"), 1<<20),
		"an archive of ends":               append([]byte("PK\x03\x04"), bytes.Repeat([]byte("PK\x05\x06\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00"), 1<<16)...),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := Verify(context.Background(), bytes.NewReader(doc), int64(len(doc)), trust, Options{})
		runtime.ReadMemStats(&after)
		if err != nil || r.Sum().Verdict != receipt.NotVerified {
			t.Errorf("%s: %v", name, err)
		}
		used := after.TotalAlloc - before.TotalAlloc
		t.Logf("%s: %d bytes of document, %d MiB", name, len(doc), used>>20)
		if used > maxMemory {
			t.Errorf("%s: %d bytes allocated for %d; the bound is %d", name, used, len(doc), maxMemory)
		}
	}
}
