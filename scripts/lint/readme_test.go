package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// paths finds, in Markdown, the targets of links and the words in code that
// begin like a path of this repository.
var paths = regexp.MustCompile("(?m)\\]\\(([^)#: ]+)[)#]|(?:^|[`( ])(?:\\./)?((?:app|client|genesis|node|scripts|\\.ci)/[A-Za-z0-9_./-]*)")

// Every file and folder that a README of ours names is there.
func TestReadmePaths(t *testing.T) {
	root := filepath.Join("..", "..")
	for _, readme := range []string{"README.md", "README.zh-CN.md", "app/README.md", "genesis/README.md", "node/README.md"} {
		b, err := os.ReadFile(filepath.Join(root, readme))
		if err != nil {
			t.Error(err)
			continue
		}
		n := 0
		for _, m := range paths.FindAllStringSubmatch(string(b), -1) {
			path := filepath.Join(root, m[2])
			if m[1] != "" { // a link is relative to its file
				path = filepath.Join(root, filepath.Dir(readme), m[1])
			}
			n++
			if _, err := os.Stat(strings.TrimRight(path, ".")); err != nil {
				t.Errorf("%s names %s: %v", readme, m[1]+m[2], err)
			}
		}
		if n < 2 {
			t.Errorf("%s: found only %d paths", readme, n)
		}
	}
}

// README.md and its translation have the same shape and name the same files.
func TestReadmeTranslation(t *testing.T) {
	shape := func(name string) (out []string) {
		b, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if strings.HasPrefix(line, "#") {
				out = append(out, line[:strings.IndexByte(line, ' ')])
			}
		}
		seen := make(map[string]bool)
		for _, m := range paths.FindAllStringSubmatch(string(b), -1) {
			if m[2] != "" && !seen[m[2]] {
				seen[m[2]] = true
				out = append(out, strings.TrimRight(m[2], "."))
			}
		}
		return out
	}
	en, zh := shape("README.md"), shape("README.zh-CN.md")
	missing := func(from, in []string, name string) {
		have := make(map[string]int)
		for _, s := range in {
			have[s]++
		}
		for _, s := range from {
			if have[s]--; have[s] < 0 {
				t.Errorf("%s lacks %s", name, s)
			}
		}
	}
	missing(en, zh, "README.zh-CN.md")
	missing(zh, en, "README.md")
}
