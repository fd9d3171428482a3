package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"zhenglian/app/receipt"
)

const vectors = "../../../app/receipt/testdata/vectors"

func vector(name string) string { return filepath.Join(vectors, name) }

// call runs the tool in the process.
func call(t *testing.T, stdin []byte, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(args, bytes.NewReader(stdin), &out, &err)
	return code, out.String(), err.String()
}

func TestExitCodes(t *testing.T) {
	trust := vector("trust.json")
	var report receipt.Report
	b, err := os.ReadFile(vector("good.report.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &report); err != nil {
		t.Fatal(err)
	}
	id := report.Facts.ID.String()
	other := filepath.Join(t.TempDir(), "other.png")
	if err := os.WriteFile(other, []byte("another picture"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []string
		code int
		out  string // in standard output
		err  string // in standard error
	}{
		{"verified", []string{"--trust", trust, vector("good.receipt.json")}, 0, "VERIFIED", ""},
		{"cbor", []string{"--trust", trust, vector("good.receipt.cbor")}, 0, "验证通过", ""},
		{"flags behind the receipt", []string{vector("good.receipt.json"), "-o", "json", "--trust=" + trust}, 0, `"verdict": "VERIFIED"`, ""},
		{"one dash", []string{"-trust", trust, "-id", id, vector("good.receipt.json")}, 0, "VERIFIED", ""},
		{"withdrawn", []string{"--trust", trust, vector("withdrawn.receipt.json")}, 0, "VERIFIED WITH WARNINGS", ""},
		{"pending", []string{"--trust", trust, vector("pending.receipt.json")}, 3, "NOT VERIFIED", ""},
		{"bad quorum", []string{"--trust", trust, "-o", "json", vector("bad-quorum.receipt.json")}, 3, `"verdict": "NOT VERIFIED"`, ""},
		{"not a receipt", []string{"--trust", trust, trust}, 3, "NOT VERIFIED", ""},
		{"other id", []string{"--trust", trust, "--id", strings.Repeat("0", 63) + "1", vector("good.receipt.json")}, 3, "NOT VERIFIED", ""},
		{"the file", []string{"--trust", trust, "--file", vector("page.html"), "-o", "json", vector("good.receipt.json")}, 0, "page.html", ""},
		{"the file and another", []string{"--trust", trust, "--file", vector("page.html"), vector("good.receipt.json"), "--file", other}, 3, "other.png", ""},
		{"other file", []string{"--trust", trust, "--file", other, vector("good.receipt.json")}, 3, "other.png", ""},
		{"witnessed", []string{"--trust", trust, "--witnesses", vector("witnesses.txt"), vector("witnessed.receipt.json")}, 0, "notary (2026-11-23T16:00:01Z)", ""},
		{"too few witnesses", []string{"--trust", trust, "--witnesses", vector("witnesses.txt"), vector("bad-witness-few.receipt.json")}, 3, "not met", ""},
		{"nobody's witnesses", []string{"--trust", trust, vector("bad-witness-few.receipt.json")}, 0, "no witness policy", ""},
		{"witnesses that are none", []string{"--trust", trust, "--witnesses", trust, vector("witnessed.receipt.json")}, 1, "", "witness policy"},
		{"split view", []string{"--trust", trust, "--witnesses", vector("witnesses.txt"), vector("split-same.json")}, 0, "FORK_DETECTED", ""},
		{"split view of validators alone", []string{"--trust", trust, vector("split-heads.json")}, 0, "FORK_DETECTED", ""},
		{"split view that is none", []string{"--trust", trust, vector("bad-split-agree.json")}, 3, "INCONSISTENT", ""},
		{"no receipt there", []string{"--trust", trust, "nowhere.json"}, 1, "", "nowhere.json"},
		{"no file there", []string{"--trust", trust, "--file", "nowhere.png", vector("good.receipt.json")}, 1, "", "nowhere.png"},
		{"no trust there", []string{"--trust", "nowhere.json", vector("good.receipt.json")}, 1, "", "nowhere.json"},
		{"trust that is none", []string{"--trust", vector("good.receipt.json"), vector("good.receipt.json")}, 1, "", "trust root"},
		{"no trust", []string{vector("good.receipt.json")}, 2, "", "--trust"},
		{"no receipt", []string{"--trust", trust}, 2, "", "one document"},
		{"two receipts", []string{"--trust", trust, "a", "b"}, 2, "", "got 2"},
		{"bad id", []string{"--trust", trust, "--id", "xyz", "a"}, 2, "", "id"},
		{"bad output", []string{"--trust", trust, "-o", "xml", "a"}, 2, "", "xml"},
		{"bad language", []string{"--trust", trust, "--lang", "fr", "a"}, 2, "", "fr"},
		{"unknown flag", []string{"--trusted", trust, "a"}, 2, "", "trusted"},
		{"help", []string{"--help"}, 0, "用法", ""},
		{"version", []string{"--version"}, 0, "zheng-verify ", ""},
	} {
		code, out, errs := call(t, nil, c.args...)
		if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errs, c.err) {
			t.Errorf("%s: exit %d, want %d\n%s%s", c.name, code, c.code, out, errs)
		}
		if (code == 0 || code == 3) != (errs == "") {
			t.Errorf("%s: exit %d and standard error %q", c.name, code, errs)
		}
	}
}

func TestStandardInput(t *testing.T) {
	b, err := os.ReadFile(vector("good.receipt.cbor"))
	if err != nil {
		t.Fatal(err)
	}
	if code, out, errs := call(t, b, "--trust", vector("trust.json"), "-"); code != 0 {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	if code, _, _ := call(t, nil, "--trust", vector("trust.json"), "-"); code != 3 {
		t.Errorf("empty receipt: exit %d, want 3", code)
	}
	if code, _, _ := call(t, make([]byte, receipt.MaxBytes+100), "--trust", vector("trust.json"), "-"); code != 3 {
		t.Errorf("endless receipt: exit %d, want 3", code)
	}
}

func TestLanguages(t *testing.T) {
	texts := map[string]string{}
	for _, lang := range []string{"zh", "en", "both"} {
		code, out, _ := call(t, nil, "--trust", vector("trust.json"), "--lang", lang, vector("good.receipt.json"))
		if code != 0 {
			t.Fatalf("%s: exit %d", lang, code)
		}
		texts[lang] = out
	}
	if !strings.Contains(texts["zh"], "未检查") || strings.Contains(texts["zh"], "Verdict") || !strings.Contains(texts["en"], "Not checked") || strings.Contains(texts["en"], "结论") {
		t.Error("a language shows the other's text")
	}
	if !strings.HasPrefix(texts["both"], texts["zh"]) || !strings.HasSuffix(texts["both"], texts["en"]) {
		t.Error("both is not Chinese first, then English")
	}
}

// The digests of "abc" are the examples of FIPS 180-4 and GB/T 32905.
func TestDigest(t *testing.T) {
	name := filepath.Join(t.TempDir(), "abc.txt")
	if err := os.WriteFile(name, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := digest(name)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := d.SHA256.String(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; got != want {
		t.Errorf("SHA-256: got %s, want %s", got, want)
	}
	if got, want := d.SM3.String(), "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"; got != want {
		t.Errorf("SM3: got %s, want %s", got, want)
	}
	if d.Bytes != 3 || d.Name != "abc.txt" {
		t.Errorf("got %+v", d)
	}
}

// The tool is one static program: it builds without a C compiler, and without
// one it gives the same report, byte for byte.
func TestBuildsStatic(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	bin := filepath.Join(t.TempDir(), "zheng-verify")
	build := exec.Command("go", "build", "-trimpath", "-o", bin, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"good.receipt.json", "bad-signatures.receipt.json", "endorsed.receipt.json"} {
		got, err := exec.Command(bin, "--trust", vector("trust.json"), "-o", "json", vector(name)).Output()
		if _, exited := err.(*exec.ExitError); err != nil && !exited {
			t.Fatal(err)
		}
		if _, want, _ := call(t, nil, "--trust", vector("trust.json"), "-o", "json", vector(name)); string(got) != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}
