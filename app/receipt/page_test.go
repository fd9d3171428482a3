package receipt

import (
	"strings"
	"testing"
)

// TestHostileHTML verifies a receipt beside a file whose name wants to be markup.
func TestHostileHTML(t *testing.T) {
	trust, err := ParseTrust(read(t, "trust.json"))
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Files: []FileDigests{{Name: `<script>alert("x")</script>` + "\u202e\x1b[31m"}}}
	r := Verify(read(t, "good.receipt.json"), trust, o)
	for _, lang := range []string{ZH, EN} {
		doc := HTMLOf(r.Page, lang)
		for _, bad := range []string{"<script", "\x1b", "\u202e", "src=", "http:", "https:"} {
			if strings.Contains(doc, bad) {
				t.Errorf("%s: the page holds %q", lang, bad)
			}
		}
		if !strings.Contains(doc, "&lt;script&gt;") || !strings.Contains(doc, string(HashMismatch)) {
			t.Errorf("%s: the page does not show what was compared:\n%s", lang, doc)
		}
		if doc != HTMLOf(Verify(read(t, "good.receipt.json"), trust, o).Page, lang) {
			t.Error("the same input gives another page")
		}
	}
}

// TestEveryPoint checks that the fifteen questions are all answered, under one of
// the three articles each, and that every check belongs to one.
func TestEveryPoint(t *testing.T) {
	trust, err := ParseTrust(read(t, "trust.json"))
	if err != nil {
		t.Fatal(err)
	}
	r := Verify(read(t, "good.receipt.json"), trust, Options{})
	text := r.Text(ZH)
	if len(r.Points) != 15 {
		t.Fatalf("%d questions", len(r.Points))
	}
	for i := range r.Points {
		p := &r.Points[i]
		if strings.Count(text, "] "+p.ID+" "+p.Name.ZH) != 1 {
			t.Errorf("%s is not in the report once", p.ID)
		}
		if (len(p.Checks) == 0) != (p.Sentence != Text{}) {
			t.Errorf("%s has checks %v and the sentence %q", p.ID, p.Checks, p.Sentence.ZH)
		}
	}
	for i := range r.Checks {
		c := &r.Checks[i]
		found := false
		for _, p := range r.Points {
			found = found || p.ID == c.Point
		}
		if !found {
			t.Errorf("check %s belongs to no question", c.ID)
		}
	}
}
