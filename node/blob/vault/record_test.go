package vault

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"

	"zhenglian/node/blob"
)

var update = flag.Bool("update", false, "write the vectors anew")

// A vector is a file as the store keeps it.
type vector struct {
	StoreKey string `json:"store_key"`
	DataKey  string `json:"data_key"`
	Object   string `json:"object"` // its name
	Nonce    string `json:"nonce"`
	Plain    string `json:"plain"`
	SHA256   string `json:"sha256"`
	Record   string `json:"record"`
	Age      string `json:"age"` // its bytes
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestVectors opens what testdata/vectors.json holds, and makes the records again.
func TestVectors(t *testing.T) {
	path := filepath.Join("testdata", "vectors.json")
	if *update {
		writeVectors(t, path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		k := StoreKey(unhex(t, c.StoreKey))
		plain := unhex(t, c.Plain)
		d := blob.Sum(plain)
		if d.String() != c.SHA256 {
			t.Errorf("digest %v, want %s", d, c.SHA256)
		}
		r, err := openRecord(&k, d, unhex(t, c.Record))
		if err != nil {
			t.Fatal(err)
		}
		if r.name() != c.Object || hex.EncodeToString(r.key[:]) != c.DataKey || r.bytes != int64(len(plain)) {
			t.Errorf("record %+v, want %+v", r, c)
		}
		if again := r.seal(&k, d, [24]byte(unhex(t, c.Nonce))); hex.EncodeToString(again) != c.Record {
			t.Errorf("sealed again: %x, want %s", again, c.Record)
		}
		dec, err := age.Decrypt(bytes.NewReader(unhex(t, c.Age)), age.NewInjectedFileKeyIdentity(r.key[:]))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(dec); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("decrypted %q, %v", got, err)
		}
		// Every changed bit is noticed, and another digest too.
		for i := range 8 * recordSize {
			bad := unhex(t, c.Record)
			bad[i/8] ^= 1 << (i % 8)
			if _, err := openRecord(&k, d, bad); err == nil {
				t.Errorf("bit %d changed: no error", i)
			}
		}
		if _, err := openRecord(&k, blob.Sum([]byte("another")), unhex(t, c.Record)); err == nil {
			t.Error("it opens under another digest")
		}
	}
}

func writeVectors(t *testing.T, path string) {
	var all []vector
	for i, plain := range []string{"", "evidence", "证据"} {
		k, r := StoreKey{byte(i + 1)}, record{object: [16]byte{byte(i), 0xff}, bytes: int64(len(plain))}
		var enc bytes.Buffer
		w, err := age.Encrypt(&enc, stanzaRecipient{&r.key})
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, plain)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		d, nonce := blob.Sum([]byte(plain)), [24]byte{5, byte(i)}
		all = append(all, vector{
			hex.EncodeToString(k[:]), hex.EncodeToString(r.key[:]), r.name(), hex.EncodeToString(nonce[:]),
			hex.EncodeToString([]byte(plain)), d.String(), hex.EncodeToString(r.seal(&k, d, nonce)), hex.EncodeToString(enc.Bytes()),
		})
	}
	b, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func FuzzRecord(f *testing.F) {
	k, d := &StoreKey{1}, blob.Sum(nil)
	r := record{bytes: 5}
	f.Add(r.seal(k, d, [24]byte{}))
	f.Add([]byte(recordMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := openRecord(k, d, b)
		if err == nil && !bytes.Equal(r.seal(k, d, [24]byte(b[36:60])), b) {
			t.Errorf("%x is not how it is written", b)
		}
	})
}
