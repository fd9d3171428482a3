package court

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"testing"

	"zhenglian/app/receipt"
	"zhenglian/client/paper"
)

const vectors = "../../app/receipt/testdata/vectors/"

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(vectors + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestDocuments verifies the same receipt in each of its dresses.
func TestDocuments(t *testing.T) {
	trust, err := receipt.ParseTrust(read(t, "trust.json"))
	if err != nil {
		t.Fatal(err)
	}
	codes, err := paper.Codes(read(t, "compact.receipt.cbor"))
	if err != nil {
		t.Fatal(err)
	}
	pdf := append([]byte("%PDF-1.7\n1 0 obj\n<< /Type /EmbeddedFile /Length 00 >>\nstream\n"), read(t, "good.receipt.json")...)
	long := bytes.Replace(pdf, []byte("/Length 00"), []byte("/Length 999999999"), 1)
	pdf = bytes.Replace(pdf, []byte("/Length 00"), []byte("/Length "+strconv.Itoa(len(read(t, "good.receipt.json")))), 1)
	for name, c := range map[string]struct {
		doc     []byte
		outcome receipt.Outcome
	}{
		"receipt":             {read(t, "good.receipt.json"), receipt.Partial},
		"CBOR":                {read(t, "good.receipt.cbor"), receipt.Partial},
		"certificate":         {pdf, receipt.Partial},
		"certificate cut off": {long, receipt.Malformed},
		"PDF without receipt": {[]byte("%PDF-1.7\n"), receipt.Malformed},
		"code":                {[]byte(codes[0] + "\n"), receipt.Partial},
		"half a code":         {[]byte("ZL1:1/2:00000000:BB8"), receipt.Malformed},
		"bundle cut off":      {[]byte("PK\x03\x04"), receipt.Malformed},
		"nothing":             {nil, receipt.Malformed},
	} {
		r, err := Verify(context.Background(), bytes.NewReader(c.doc), int64(len(c.doc)), trust, Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if r.Sum().Outcome != c.outcome {
			t.Errorf("%s: outcome %s, want %s\n%s", name, r.Sum().Outcome, c.outcome, r.Text(receipt.EN))
		}
	}
}
