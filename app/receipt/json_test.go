package receipt

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"zhenglian/app/tx"
)

func byLibrary(t *testing.T, r *Report) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestReportJSON compares with the library, on reports and on one in which nothing is
// empty, so that no new fact is forgotten.
func TestReportJSON(t *testing.T) {
	trust, err := ParseTrust(read(t, "trust.json"))
	if err != nil {
		t.Fatal(err)
	}
	full := new(Report)
	fill(reflect.ValueOf(full).Elem())
	for _, r := range []*Report{full, new(Report), Verify(read(t, "good.receipt.json"), trust, Options{}), Verify(nil, trust, Options{}), Verify(read(t, "compact.receipt.cbor"), trust, Options{})} {
		if got, want := r.JSON(), byLibrary(t, r); !bytes.Equal(got, want) {
			t.Errorf("got\n%s\nencoding/json writes\n%s", got, want)
		}
	}
}

// fill sets everything to something.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0))
		fill(v.Index(1))
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).SetUint(uint64(i + 1))
		}
	case reflect.String:
		v.SetString("a \"text\" <b> 中文\n")
	case reflect.Int, reflect.Int64:
		v.SetInt(1234567890123)
	case reflect.Uint64:
		v.SetUint(77)
	}
}

func TestCompactJSON(t *testing.T) {
	for _, name := range []string{"good.receipt.json", "trust.json", "good.report.json", "vectors.json"} {
		b := read(t, name)
		var want, spread bytes.Buffer
		if err := json.Compact(&want, b); err != nil {
			t.Fatal(err)
		}
		if err := json.Indent(&spread, b, "\t", " \r"); err != nil {
			t.Fatal(err)
		}
		for _, in := range [][]byte{b, want.Bytes(), spread.Bytes()} {
			if got, err := compactJSON(in); err != nil || !bytes.Equal(got, want.Bytes()) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for _, bad := range []string{"1 2", "tr ue", `{"a":1 2}`, `"`, `"\`, "- 1"} {
		if got, err := compactJSON([]byte(bad)); err == nil {
			t.Errorf("%q becomes %q", bad, got)
		}
	}
}

// FuzzCompactJSON: whatever the library finds valid comes out as from it, and nothing
// that it finds invalid is valid afterwards.
func FuzzCompactJSON(f *testing.F) {
	f.Add([]byte(` { "a" : [ 1 , -2.5e3 , "x\" y" , true , null , {} , [ ] ] } `))
	f.Add([]byte("1 2"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var want bytes.Buffer
		lib := json.Compact(&want, b)
		got, err := compactJSON(b)
		switch {
		case lib == nil && (err != nil || !bytes.Equal(got, want.Bytes())):
			t.Errorf("%q: got %q (%v), want %q", b, got, err, want.Bytes())
		case lib != nil && err == nil && json.Valid(got):
			t.Errorf("%q is invalid, %q is not", b, got)
		}
	})
}

func TestTrustIndented(t *testing.T) {
	trust, err := ParseTrust(read(t, "trust.json"))
	if err != nil {
		t.Fatal(err)
	}
	trust.GenesisSHA256 = tx.Digest{1}
	var compact, want bytes.Buffer
	if err := json.Compact(&compact, trust.Encode()); err != nil {
		t.Fatal(err)
	}
	if err := json.Indent(&want, compact.Bytes(), "", "  "); err != nil {
		t.Fatal(err)
	}
	if want.WriteByte('\n'); !bytes.Equal(trust.Encode(), want.Bytes()) {
		t.Errorf("got %s", trust.Encode())
	}
}
