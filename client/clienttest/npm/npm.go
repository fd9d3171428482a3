// Package npm installs programs of the npm registry that tests run: those of a lock
// file, beside the caches of this user, once.
package npm

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Install makes the folder name beside the caches of this user hold what the
// package.json and package-lock.json of the folder from ask for, and copies of the
// files in beside. It returns the folder. Where it cannot, it says why, so that the
// caller leaves the test out; under CI the test fails.
func Install(t testing.TB, name, from string, beside ...string) (string, error) {
	t.Helper()
	dir, err := install(name, from, beside)
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	return dir, err
}

func install(name, from string, beside []string) (string, error) {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", fmt.Errorf("%s is not installed: scripts/setup node", tool)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	locked, err := renew(dir, from, "package.json", "package-lock.json")
	if err != nil {
		return "", err
	}
	if _, err := renew(dir, from, beside...); err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules/.package-lock.json")); err == nil && !locked {
		return dir, nil
	}
	cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("npm ci: %w\n%s", err, out), os.RemoveAll(filepath.Join(dir, "node_modules")))
	}
	return dir, nil
}

// renew copies files and reports whether any was another one before.
func renew(dir, from string, names ...string) (changed bool, err error) {
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return false, err
		}
		if old, err := os.ReadFile(filepath.Join(dir, name)); err == nil && bytes.Equal(old, b) {
			continue
		}
		changed = true
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			return false, err
		}
	}
	return changed, nil
}
