package witness

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"zhenglian/app/receipt"
)

const splitFolder = "splits"

// maxSplits bounds the proofs that are kept: one is enough, and whoever holds a log
// key could make any number.
const maxSplits = 64

// keepSplit writes a proof into a folder, under a name that follows from the two
// logs, and returns the name.
func keepSplit(dir string, s *receipt.Split) (string, error) {
	a, err := s.First.Checkpoint()
	if err != nil {
		return "", err
	}
	b, err := s.Second.Checkpoint()
	if err != nil {
		return "", err
	}
	id := sha256.Sum256([]byte(a.Text() + b.Text()))
	name := fmt.Sprintf("split-%x.json", id[:8])
	if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
		return name, nil
	}
	names, err := splitNames(dir)
	if err != nil {
		return "", err
	}
	if len(names) >= maxSplits {
		return names[0], nil
	}
	return name, writeDurably(filepath.Join(dir, name), s.Encode(), 0o600)
}

// splitNames lists the proofs of a folder.
func splitNames(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if ok, _ := filepath.Match("split-*.json", e.Name()); ok {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, err
}
