package blob_test

import (
	"encoding/json"
	"strings"
	"testing"

	"zhenglian/node/blob"
)

func TestParseDigest(t *testing.T) {
	// SHA-256 of "abc", FIPS 180-4 example.
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	d, err := blob.ParseDigest(abc)
	if err != nil || d != blob.Sum([]byte("abc")) || d.String() != abc {
		t.Errorf("ParseDigest(%q) = %v, %v", abc, d, err)
	}
	for _, bad := range []string{
		"", abc[:63], abc + "0", abc + "00", strings.ToUpper(abc), " " + abc[1:], abc[:63] + "g",
		"0x" + abc[2:], abc[:63] + "\n", strings.Repeat("../", 21) + "x", strings.Repeat("/", 64), strings.Repeat("\x00", 64),
		strings.Repeat("é", 32),
	} {
		if d, err := blob.ParseDigest(bad); err == nil {
			t.Errorf("ParseDigest(%q) = %v, want an error", bad, d)
		}
	}
}

func TestDigestJSON(t *testing.T) {
	want := blob.Sum([]byte("abc"))
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got blob.Digest
	if err := json.Unmarshal(b, &got); err != nil || got != want {
		t.Errorf("Unmarshal(%s) = %v, %v", b, got, err)
	}
	if err := json.Unmarshal([]byte(`"AB"`), &got); err == nil {
		t.Error("Unmarshal accepted a bad digest")
	}
}

func FuzzParseDigest(f *testing.F) {
	f.Add(strings.Repeat("0a", 32))
	f.Add(strings.Repeat("0A", 32))
	f.Add("../../../etc/passwd")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := blob.ParseDigest(s)
		if err == nil && d.String() != s {
			t.Errorf("%q parsed to %v: a digest has two spellings", s, d)
		}
		if err != nil && d != (blob.Digest{}) {
			t.Errorf("%q failed but returned %v", s, d)
		}
	})
}
