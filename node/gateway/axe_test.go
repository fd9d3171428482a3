package gateway

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhenglian/client/clienttest/npm"
)

// axeCore installs axe-core, in the version of testdata/axe, beside the caches of
// this user, and returns its script; "" when npm is not here.
func axeCore(t *testing.T) string {
	t.Helper()
	dir, err := npm.Install(t, "zhenglian-axe", "testdata/axe")
	if err != nil {
		t.Log("axe-core is not run: ", err)
		return ""
	}
	b, err := os.ReadFile(filepath.Join(dir, "node_modules/axe-core/axe.min.js"))
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
