package court

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"zhenglian/client/bundle/bundletest"
)

// byHand returns the lines of client/README.md under a mark.
func byHand(t *testing.T, mark string) string {
	t.Helper()
	b, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), "<!-- by hand: "+mark+" -->\n```sh\n")
	lines, _, closed := strings.Cut(rest, "\n```\n")
	if !ok || !closed {
		t.Fatalf("README.md has no lines %q", mark)
	}
	return lines
}

// shell runs lines in a folder of their own that has the given files.
func shell(t *testing.T, lines string, files map[string][]byte) (string, error) {
	t.Helper()
	for _, tool := range []string{"bash", "openssl", "sha256sum", "jq", "xxd", "unzip"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not here: scripts/setup paper", tool)
		}
	}
	dir := t.TempDir()
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", lines)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestReceiptByHand repeats the verification of a receipt as README.md tells an
// expert to, and with one digit changed.
func TestReceiptByHand(t *testing.T) {
	lines := byHand(t, "receipt")
	good := map[string][]byte{"receipt.json": read(t, "good.receipt.json"), "trust.json": read(t, "trust.json"), "page.html": read(t, "page.html")}
	out, err := shell(t, lines, good)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if strings.Count(out, "Verified OK") != 1 || strings.Count(out, "Signature Verified Successfully") != 3 {
		t.Errorf("openssl says\n%s", out)
	}
	l := strings.Split(out, "\n")
	for i, pair := range [][2]int{{1, 2}, {4, 5}, {6, 7}} { // file, log root, app hash
		if len(l) <= pair[1] || l[pair[0]][:64] != l[pair[1]][:64] {
			t.Errorf("pair %d differs in\n%s", i, out)
		}
	}
	header := []byte(`"data_hash":"`)
	at := bytes.Index(good["receipt.json"], header) + len(header)
	spoiled := bytes.Clone(good["receipt.json"])
	spoiled[at] ^= 1 // another hexadecimal digit
	good["receipt.json"] = spoiled
	if out, err := shell(t, lines, good); err == nil {
		t.Errorf("a changed header passes:\n%s", out)
	}
}

func TestBundleByHand(t *testing.T) {
	k := bundletest.New(t, 1000)
	out, err := shell(t, byHand(t, "bundle"), map[string][]byte{"case.evb": k.Bytes(t)})
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.HasPrefix(out, k.ID.String()) || strings.Count(out, "Verification: OK") != 2 || strings.Count(out, ": OK\n") < 10 {
		t.Errorf("got\n%s", out)
	}
}
