package tx

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// Absence has one form, so an optional member that is there says something.
func TestAbsenceHasOneForm(t *testing.T) {
	b, err := sampleSeal().Encode()
	if err != nil {
		t.Fatal(err)
	}
	zeros := strings.Repeat("0", 64)
	for _, tt := range []struct {
		name, old, new, path string
		want                 Code
	}{
		{"zero prev", `"prev":""`, `"prev":"` + zeros + `"`, "prev", CodeLimit},
		{"zero case_tag", `"case_tag":"03` + zeros[2:], `"case_tag":"` + zeros, "body.case_tag", CodeLimit},
		{"zero fields_root", `"fields_root":"07` + zeros[2:], `"fields_root":"` + zeros, "body.fields_root", CodeLimit},
		{"empty tsa", `}]},"chain"`, `}],"tsa":[]},"chain"`, "body.tsa", CodeLimit},
		{"DEL in tool", `zheng/0.1`, "zheng\x7f0.1", "body.captured.tool", CodeType},
	} {
		bad := bytes.Replace(b, []byte(tt.old), []byte(tt.new), 1)
		if bytes.Equal(bad, b) {
			t.Fatalf("%s: nothing to replace in %s", tt.name, b)
		}
		_, err := ParseStatement(bad)
		var e *Error
		if !errors.As(err, &e) || e.Code != tt.want || e.Path != tt.path {
			t.Errorf("%s: got %v, want code %d at %s", tt.name, err, tt.want, tt.path)
		}
	}
	root, err := samples()["seal-root"].Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseStatement(bytes.Replace(root, []byte(`"files_root"`), []byte(`"files":[],"files_root"`), 1)); !errors.Is(err, CodeLimit.Err()) {
		t.Errorf("empty files beside files_root: %v", err)
	}
}

// Every form of an envelope keeps the bound of the wire form, and nothing may
// follow the JSON form.
func TestEnvelopeBounds(t *testing.T) {
	b, err := sampleSeal().Encode()
	if err != nil {
		t.Fatal(err)
	}
	e, err := Seal(b, fixedKey(t, Secp256k1, 1), fixedKey(t, MLDSA65, 2))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := e.wireLen(), len(e.AppendWire(nil)); got != want {
		t.Errorf("wireLen is %d, the wire form has %d", got, want)
	}
	big := &Envelope{Payload: bytes.Repeat([]byte("x"), MaxStatement)}
	for i := range 6 {
		big.Signatures = append(big.Signatures, Signature{AccountID{byte(i + 1)}, make([]byte, 3309)})
	}
	if _, err := ParseEnvelopeJSON(big.AppendJSON(nil)); !errors.Is(err, CodeTooLarge.Err()) {
		t.Errorf("JSON form of %d bytes on the wire: %v", big.wireLen(), err)
	}
	for _, tail := range []string{"}", "]", "}garbage", " x", "{}", "null"} {
		if _, err := ParseEnvelopeJSON(append(e.AppendJSON(nil), tail...)); !errors.Is(err, CodeSyntax.Err()) {
			t.Errorf("followed by %q: %v", tail, err)
		}
	}
	if _, err := ParseEnvelopeJSON(append(e.AppendJSON(nil), " \n"...)); err != nil {
		t.Errorf("followed by a new line: %v", err)
	}
}
