package tx

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func noBody(Kind) Body { return nil }

// sameHeader checks what ParseWith owes ParseStatement: it accepts every statement
// that the ledger accepts, with the same header.
func sameHeader(t *testing.T, b []byte) {
	t.Helper()
	s, err := ParseStatement(b)
	g, gerr := ParseWith(b, noBody)
	if err != nil {
		return
	}
	if gerr != nil {
		t.Fatalf("the ledger accepts %s, ParseWith does not: %v", b, gerr)
	}
	if g.Body != nil {
		t.Fatal("a body that was not asked for")
	}
	if s.Body = nil; *g != *s {
		t.Fatalf("got header %+v, want %+v", g, s)
	}
}

func TestParseWithVectors(t *testing.T) {
	for _, name := range []string{"statements.json", "statements_bad.json"} {
		b, err := os.ReadFile("testdata/vectors/" + name)
		if err != nil {
			t.Fatal(err)
		}
		var vs []vector
		if err := json.Unmarshal(b, &vs); err != nil {
			t.Fatal(err)
		}
		for _, v := range vs {
			if v.Type == "statement" {
				sameHeader(t, []byte(v.Input))
			}
		}
	}
}

// TestParseWithBody puts bodies of a kind that nobody knows into a statement.
func TestParseWithBody(t *testing.T) {
	b, err := sampleSeal().Encode()
	if err != nil {
		t.Fatal(err)
	}
	s, err := ParseStatement(b)
	if err != nil {
		t.Fatal(err)
	}
	w := Writer{}
	w.Open()
	s.Body.write(&w)
	w.Close()
	for _, c := range []struct {
		body string
		code Code
	}{
		{`{}`, 0},
		{`{"a":[],"b":{"c":[1,-2,"x",true,false]},"d":"中文"}`, 0},
		{`{"b":1,"a":2}`, CodeCanonical},
		{`{"a":1,"a":2}`, CodeDuplicate},
		{`{"a":1, "b":2}`, CodeCanonical},
		{`{"a":01}`, CodeCanonical},
		{`{"a":1.5}`, CodeType},
		{`{"a":null}`, CodeType},
		{`{"a":9007199254740993}`, CodeLimit},
		{`{"a":"e` + "\u0301" + `"}`, CodeUnicode},
		{`{"a":"\/"}`, CodeCanonical},
		{`{"a":` + strings.Repeat("[", 8) + strings.Repeat("]", 8) + `}`, CodeDepth},
		{`[]`, CodeType},
		{`1`, CodeType},
	} {
		in := bytes.Replace(b, w.B, []byte(c.body), 1)
		in = bytes.Replace(in, []byte(`"evidence.seal"`), []byte(`"later.kind"`), 1)
		got, err := ParseWith(in, noBody)
		if CodeOf(err) != c.code && (err != nil || c.code != 0) {
			t.Errorf("%s: %v, want code %d", c.body, err, c.code)
		}
		if err == nil && got.Kind != "later.kind" {
			t.Errorf("kind %q", got.Kind)
		}
		if _, err := ParseStatement(in); err == nil {
			t.Errorf("%s: the ledger accepts a kind that it does not know", c.body)
		}
	}
	for _, kind := range []string{"", "Evidence", "a b", "x.", ".x", strings.Repeat("a", 33)} {
		if _, err := ParseWith(bytes.Replace(b, []byte(`"evidence.seal"`), []byte(`"`+kind+`"`), 1), noBody); err == nil {
			t.Errorf("kind %q is accepted", kind)
		}
	}
}
