package gs1

import (
	"bufio"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// What the toolkit, which is older than URI Syntax 1.4, does not know: these keys
// and qualifiers, and six characters of set 82.
var newer = regexp.MustCompile(`/(235|417|7040|8013|8019)(/|$)|%3[A-F]`)

// testdata/toolkit.ndjson is what GS1's own toolkit makes of 3000 generated links,
// good and bad: the application identifiers and their values, or nothing. See
// testdata/toolkit.cjs, which wrote it.
func TestToolkit(t *testing.T) {
	f, err := os.Open("testdata/toolkit.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	good, bad, differ := 0, 0, 0
	s := bufio.NewScanner(f)
	for s.Scan() {
		var x struct {
			URI      string
			Elements map[string]string
		}
		if err := json.Unmarshal(s.Bytes(), &x); err != nil {
			t.Fatal(err)
		}
		primary := 0
		for i := range keys {
			if x.Elements[keys[i].ai] != "" {
				primary++
			}
		}
		path, _, _ := strings.Cut(x.URI, "?")
		l, err := Parse(x.URI)
		switch {
		case err != nil && (x.Elements == nil || primary == 0): // the toolkit finds attributes without a key, too
			bad++
		case err != nil && strings.Contains(err.Error(), "does not follow here"):
			differ++ // it knows which qualifiers follow only of some keys
		case err != nil:
			t.Errorf("%s: %v, the toolkit finds %v", x.URI, err, x.Elements)
		case (x.Elements == nil || primary == 0) && newer.MatchString(path):
			differ++
		case x.Elements == nil:
			t.Errorf("%s: taken, the toolkit refuses it", x.URI)
		default:
			good++
			got := map[string]string{l.AI: l.Key}
			for _, q := range append(l.Qualifiers, l.Attributes...) {
				got[q.AI] = q.Value
			}
			for ai, v := range x.Elements {
				if got[ai] != v {
					t.Errorf("%s: (%s) is %q, the toolkit finds %q", x.URI, ai, got[ai], v)
				}
			}
			if len(got) != len(x.Elements) {
				t.Errorf("%s: %v, the toolkit finds %v", x.URI, got, x.Elements)
			}
		}
	}
	if s.Err() != nil || good < 1000 || bad < 300 {
		t.Errorf("%d good, %d bad, %d otherwise, %v", good, bad, differ, s.Err())
	}
}
