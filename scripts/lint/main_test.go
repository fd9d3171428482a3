package main

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// TestRepository is the lint itself, so that `go test ./...` fails when a
// promise is broken.
func TestRepository(t *testing.T) {
	const root = "../.."
	readTree(t, root)
	findings, err := check(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		t.Error(f)
	}
}

// readTree lists every folder of the module. The go command notes what a test
// reads and repeats a cached result only while that is unchanged; what the lint
// reads through a child process it would not notice.
func readTree(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if strings.HasPrefix(d.Name(), ".") && path != root {
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
