package main

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fixture is a module whose lines say in a comment what is wrong with them:
// "want RULE", or "want-file RULE" for the file as a whole.
const fixture = "testdata/module"

var wantComment = regexp.MustCompile(`// want(-file)? (\S+)$`)

// wanted reads the comments of the fixture as "file:line rule".
func wanted(t *testing.T) []string {
	t.Helper()
	var want []string
	err := fs.WalkDir(os.DirFS(fixture), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(fixture, path))
		for i, line := range strings.Split(string(text), "\n") {
			if m := wantComment.FindStringSubmatch(line); m != nil {
				if m[1] != "" {
					i = -1
				}
				want = append(want, fmt.Sprintf("%s:%d %s", path, i+1, m[2]))
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return want
}

func TestDeterminismFindings(t *testing.T) {
	allowed := []exception{
		{"app/store/store.go", "crypto/rand", "the test of an exception"},
	}
	findings, err := checkDeterminism(fixture, deterministicRoots, allowed)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{} // a line may break one rule twice
	for _, f := range findings {
		got[fmt.Sprintf("%s:%d %s", f.file, f.line, f.rule)] = f.String()
	}
	for _, w := range wanted(t) {
		if _, ok := got[w]; !ok {
			t.Errorf("not found: %s", w)
		}
		delete(got, w)
	}
	for _, place := range slices.Sorted(maps.Keys(got)) {
		t.Errorf("found for nothing: %s", got[place])
	}
}

func TestCleanPackage(t *testing.T) {
	findings, err := checkDeterminism(fixture, []string{module + "/app/tx"}, nil)
	if err != nil || len(findings) > 0 {
		t.Errorf("got %q, %v, want no findings", findings, err)
	}
}

// Each thing in the tables is found by name in the fixture, so none of them is
// misspelt.
func TestEveryBanIsShown(t *testing.T) {
	findings, err := checkDeterminism(fixture, []string{module + "/app/state"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, f := range findings {
		found[f.what] = true
	}
	for _, table := range []map[string]ban{banned, bannedImports} {
		for _, name := range slices.Sorted(maps.Keys(table)) {
			if !found[name] {
				t.Errorf("no line of the fixture shows that %s is found", name)
			}
		}
	}
}

func TestFindingNamesFileAndLine(t *testing.T) {
	findings, err := checkDeterminism(fixture, []string{module + "/app/policy"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	const want = "app/policy/policy.go:6: [clock] time.Now: time is block time, and the same in every time zone"
	if len(findings) != 1 || findings[0].String() != want {
		t.Errorf("got %q, want %q", findings, want)
	}
}

func TestUnusedExceptionIsFound(t *testing.T) {
	allowed := []exception{
		{"app/tx/tx.go", "crypto/rand", "lets nothing through"},
		{"app/store/store.go", "crypto/rand", "for a package that is not checked"},
	}
	findings, err := checkDeterminism(fixture, []string{module + "/app/tx"}, allowed)
	if err != nil {
		t.Fatal(err)
	}
	if len(findings) != 1 || findings[0].rule != "exception" || findings[0].file != "app/tx/tx.go" {
		t.Errorf("got %q, want one finding about app/tx/tx.go", findings)
	}
}

func TestExceptionsHaveReasons(t *testing.T) {
	for _, e := range exceptions {
		if e.reason == "" {
			t.Errorf("%s may use %s without a reason", e.file, e.what)
		}
	}
}

func TestBrokenCodeIsAnError(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module zhenglian\n\ngo 1.26.0\n")
	write(t, filepath.Join(dir, "app/tx/tx.go"), "package tx\n\nvar n int = \"text\"\n")
	if findings, err := checkDeterminism(dir, []string{module + "/app/tx"}, nil); err == nil {
		t.Errorf("got findings %q, want an error", findings)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
