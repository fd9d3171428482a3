package gateway

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// axeCore installs axe-core, in the version of testdata/axe, beside the caches of
// this user, and returns its script; "" when npm is not here.
func axeCore(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Log("axe-core is not run: ", err)
		return ""
	}
	dir := filepath.Join(cache, "zhenglian-axe")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	same := true
	for _, name := range []string{"package.json", "package-lock.json"} {
		b, err := os.ReadFile(filepath.Join("testdata/axe", name))
		if err != nil {
			t.Fatal(err)
		}
		if old, err := os.ReadFile(filepath.Join(dir, name)); err == nil && bytes.Equal(old, b) {
			continue
		}
		same = false
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	script := filepath.Join(dir, "node_modules/axe-core/axe.min.js")
	if _, err := os.Stat(script); err != nil || !same {
		cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("npm ci: %v\n%s", err, out)
			}
			t.Logf("axe-core is not run, scripts/setup node: %v\n%s", err, out)
			return ""
		}
	}
	b, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// axe runs axe-core in the page that is open and fails for what it calls serious or
// critical.
func axe(b *tab, script, what string) {
	b.Helper()
	if script == "" {
		return
	}
	if eval[bool](b, "typeof axe === 'undefined'") {
		eval[any](b, script+"; null")
	}
	for _, s := range eval[[]string](b, axeRun) {
		if strings.HasPrefix(s, "serious") || strings.HasPrefix(s, "critical") {
			b.Errorf("%s: %s", what, s)
		} else {
			b.Logf("%s: %s", what, s)
		}
	}
}

var axeRun = fmt.Sprintf(`(async () => (await axe.run(document, { runOnly: %s })).violations.map((v) =>
	v.impact + ": " + v.id + ", " + v.help + ": " + v.nodes.map((n) => n.html.slice(0, 160)).join(" | ")))()`,
	`["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]`)
