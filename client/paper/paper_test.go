package paper

import (
	"bytes"
	"compress/flate"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"zhenglian/app/receipt"
)

const vectors = "../../app/receipt/testdata/vectors/"

func compact(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile(vectors + "compact.receipt.cbor")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRFC9285 holds the encoding to the examples of RFC 9285 §4.3 and §4.4.
func TestRFC9285(t *testing.T) {
	for in, want := range map[string]string{"AB": "BB8", "Hello!!": "%69 VD92EX0", "base-45": "UJCLQE7W581", "ietf!": "QED8WEX0"} {
		if got := encode45([]byte(in)); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
		if got, err := decode45(want); err != nil || string(got) != in {
			t.Errorf("%q: got %q (%v)", want, got, err)
		}
	}
	for _, bad := range []string{"GGW", ":::", "A", "::", "ab8", "BB8A"} {
		if got, err := decode45(bad); err == nil {
			t.Errorf("%q reads as %x", bad, got)
		}
	}
}

func TestCodes(t *testing.T) {
	one := compact(t)
	many := make([]byte, 12000) // does not compress
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(many)
	for _, c := range []struct {
		in    []byte
		codes int
	}{{one, 1}, {many, 5}} {
		codes, err := Codes(c.in)
		if err != nil || len(codes) != c.codes {
			t.Fatalf("%d codes (%v), want %d", len(codes), err, c.codes)
		}
		var s Sheet
		for i := len(codes) - 1; i >= 0; i-- {
			if len(codes[i]) > MaxCode || strings.Trim(codes[i], alphabet) != "" {
				t.Errorf("code of %d characters", len(codes[i]))
			}
			for range 2 {
				done, err := s.Add(codes[i])
				if err != nil || done != (i == 0) {
					t.Fatalf("code %d: done %v (%v)", i, done, err)
				}
			}
			if missing, of := s.Missing(); len(missing) != i || of != len(codes) {
				t.Errorf("missing %v of %d", missing, of)
			}
		}
		got, err := s.Receipt()
		if err != nil || !bytes.Equal(got, c.in) {
			t.Errorf("%d bytes came back (%v)", len(got), err)
		}
	}
	a, _ := Codes(many)
	b, _ := Codes(many[:11000])
	var s Sheet
	if _, err := s.Add(a[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Add(b[1]); err == nil {
		t.Error("codes of two receipts go together")
	}
	if _, err := Codes(make([]byte, MaxReceipt+1)); err == nil {
		t.Error("a receipt that is too long")
	}
	if _, err := s.Receipt(); err == nil {
		t.Error("a receipt of which codes are missing")
	}
}

var update = flag.Bool("update", false, "write testdata/compact.code.txt again")

// TestVector reads a code that is on disk, of a receipt that is.
func TestVector(t *testing.T) {
	const name = "testdata/compact.code.txt"
	if *update {
		codes, err := Codes(compact(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(strings.Join(codes, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	doc, source, err := Read(b)
	if err != nil || source != receipt.FromPaper || !bytes.Equal(doc, compact(t)) {
		t.Errorf("%d bytes, %q, %v; the receipt has changed: read the difference, then run with -update", len(doc), source, err)
	}
}

// TestBomb gives a code that unpacks to more than a receipt may have.
func TestBomb(t *testing.T) {
	packed := Pack(make([]byte, 100<<20))
	if _, err := unpack(packed, MaxReceipt); err == nil {
		t.Error("it unpacks")
	}
	if _, err := unpack(append(Pack([]byte("x")), 0), MaxReceipt); err == nil {
		t.Error("trailing data")
	}
}

// FuzzInflate holds our reader to that of the standard library.
func FuzzInflate(f *testing.F) {
	f.Add(Pack(compact(f)))
	f.Add(Pack(make([]byte, 70_000)))
	f.Add(Pack(nil))
	stored := []byte{1, 3, 0, 0xfc, 0xff, 'a', 'b', 'c'}
	f.Add(stored)
	f.Fuzz(func(t *testing.T, b []byte) {
		const limit = 1 << 16
		in := bytes.NewReader(b)
		want, werr := io.ReadAll(io.LimitReader(flate.NewReader(in), limit+1))
		if len(want) > limit {
			werr = errInflate
		}
		got, rest, err := inflate(b, limit)
		switch {
		case err == nil && werr != nil:
			t.Errorf("we read %d bytes, the library says %v", len(got), werr)
		case err != nil && werr == nil:
			t.Errorf("the library reads %d bytes, we say %v", len(want), err)
		case err == nil && (!bytes.Equal(got, want) || len(rest) != in.Len()):
			t.Errorf("%d bytes and %d left, the library has %d and %d", len(got), len(rest), len(want), in.Len())
		}
	})
}

func FuzzCode(f *testing.F) {
	codes, err := Codes(compact(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(codes[0], "")
	f.Add("ZL1:1/2:00000000:BB8", "ZL1:2/2:00000000:BB8")
	trust, err := os.ReadFile(vectors + "trust.json")
	if err != nil {
		f.Fatal(err)
	}
	root, err := receipt.ParseTrust(trust)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		var s Sheet
		done, _ := s.Add(a)
		if !done {
			done, _ = s.Add(b)
		}
		doc, err := s.Receipt()
		if (err == nil) && !done {
			t.Error("a receipt although codes are missing")
		}
		if err == nil && len(doc) > MaxReceipt {
			t.Errorf("%d bytes", len(doc))
		}
		if err == nil && receipt.Verify(doc, root, receipt.Options{}).Verdict == receipt.Verified {
			t.Error("a compact receipt without a warning")
		}
	})
}

func FuzzAttached(f *testing.F) {
	full, err := os.ReadFile(vectors + "good.receipt.json")
	if err != nil {
		f.Fatal(err)
	}
	head := "%PDF-1.7\n4 0 obj\n<< /Type /EmbeddedFile /Length "
	f.Add([]byte(head + "5 >>\nstream\nhello\nendstream"))
	f.Add([]byte(head + "3311 >>\nstream\n" + string(full) + "\nendstream"))
	f.Add([]byte(head + "9 /Filter /FlateDecode >>\nstream\nx\x9c\x03\x00\x00\x00\x00\x01\nendstream"))
	f.Fuzz(func(t *testing.T, b []byte) {
		doc, err := Attached(b)
		if err == nil && (len(doc) == 0 || len(doc) > receipt.MaxBytes) {
			t.Errorf("%d bytes", len(doc))
		}
	})
}
