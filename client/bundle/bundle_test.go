package bundle_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/bundle"
	"zhenglian/client/bundle/bundletest"
)

var ctx = context.Background()

func verify(t testing.TB, b []byte, k *bundletest.Case, o bundle.Options) *bundle.Report {
	t.Helper()
	r, err := bundle.Verify(ctx, bytes.NewReader(b), int64(len(b)), k.Trust, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// results are the checks that did not pass.
func results(r *bundle.Report) (s string) {
	for _, c := range r.Checks {
		if c.Result != receipt.Pass {
			s += c.ID + "=" + string(c.Result) + " " + c.Sentence.EN + "\n"
		}
	}
	return s
}

func TestRoundTrip(t *testing.T) {
	k := bundletest.New(t, 100)
	b := k.Bytes(t)
	if !bytes.Equal(b, k.Bytes(t)) {
		t.Error("the same contents make other bytes")
	}
	again, err := bundle.ParseSeal(k.Contents.Seal.Encode())
	if err != nil {
		t.Fatal(err)
	}
	k.Contents.Seal = again
	if !bytes.Equal(b, k.Bytes(t)) {
		t.Error("a seal that was kept makes other bytes")
	}
	r := verify(t, b, k, bundle.Options{WantID: k.ID, TSARoots: k.TSARoots})
	// The ledger of clienttest gives compact receipts, without state; and its
	// authorities are for tests.
	if r.Verdict != receipt.Warned {
		t.Fatalf("verdict %s\n%s", r.Verdict, results(r))
	}
	want := map[string]receipt.Result{"timestamps": receipt.Warn, "policy": receipt.Warn, "signatures": receipt.Skip, "accounts": receipt.Skip, "state": receipt.Skip, "later": receipt.Skip, "witnesses": receipt.Skip}
	for _, c := range r.Checks {
		w, ok := want[c.ID]
		if !ok {
			w = receipt.Pass
		}
		if c.Result != w {
			t.Errorf("%s: got %s, want %s: %s", c.ID, c.Result, w, c.Sentence.EN)
		}
	}
	f := r.Bundle
	if f.NotBefore == nil || f.NotBefore.At != "2026-11-23T08:00:11.000Z" || f.NotAfter == nil || f.NotAfter.At != "2026-11-23T08:00:13.000Z" {
		t.Errorf("interval: %+v %+v", f.NotBefore, f.NotAfter)
	}
	if len(f.Tokens) != 2 || !f.Tokens[0].Test || f.Tokens[0].Trusted {
		t.Errorf("a test authority's tokens: %+v", f.Tokens)
	}
	for _, t2 := range r.NotChecked {
		if strings.Contains(t2.EN, "tokens that the statement names are not") || strings.Contains(t2.EN, "its content was not checked") {
			t.Errorf("said though the bundle has it: %s", t2.EN)
		}
	}
	if other := verify(t, b, k, bundle.Options{WantID: tx.ID{9}}); other.Verdict != receipt.NotVerified {
		t.Error("a bundle of another statement verifies")
	}
	var doc map[string]any
	if err := json.Unmarshal(r.JSON(), &doc); err != nil || doc["verdict"] == nil || doc["bundle"] == nil {
		t.Errorf("JSON report: %v %s", err, r.JSON())
	}
	both := r.Text(receipt.Both)
	for _, s := range []string{"证据包", "杭市监案字", "UNTRUSTED", "not before: 2026-11-23T08:00:11.000Z"} {
		if !strings.Contains(both, s) {
			t.Errorf("the text report lacks %q", s)
		}
	}
}

// TestTime gives bundles a trusted time-stamp of different moments.
func TestTime(t *testing.T) {
	for _, c := range []struct {
		after         time.Duration
		interval      receipt.Result
		notAfter, say string
	}{
		{12 * time.Second, receipt.Pass, "2026-11-23T08:00:12.500Z", "between 2026-11-23T08:00:11.000Z and 2026-11-23T08:00:12.500Z"},
		{14 * time.Second, receipt.Warn, "2026-11-23T08:00:13.000Z", "later than the block that sealed it"},
		{9 * time.Second, receipt.Warn, "2026-11-23T08:00:09.500Z", "earlier than the anchor block"},
		{9 * time.Second, receipt.Warn, "2026-11-23T08:00:09.500Z", "claims to have ended after time-stamp"},
	} {
		k := bundletest.NewStamped(t, c.after)
		b := k.Bytes(t)
		r := verify(t, b, k, bundle.Options{TSARoots: k.TSARoots})
		i, s := r.Check("interval"), r.Check("timestamps")
		if s.Result != receipt.Pass || i.Result != c.interval || r.Bundle.NotAfter.At != c.notAfter || !strings.Contains(i.Sentence.EN, c.say) {
			t.Errorf("%v: %s %s; %s %s; not after %s", c.after, s.Result, s.Sentence.EN, i.Result, i.Sentence.EN, r.Bundle.NotAfter.At)
		}
		if len(r.Bundle.Tokens) != 1 || !r.Bundle.Tokens[0].Trusted || r.Bundle.Tokens[0].Test {
			t.Errorf("tokens: %+v", r.Bundle.Tokens)
		}
		// Nobody's word but the verifier's makes an authority a trusted one.
		for _, roots := range [][]*x509.Certificate{nil, bundletest.New(t, 0).TSARoots} {
			r := verify(t, b, k, bundle.Options{TSARoots: roots})
			if s := r.Check("timestamps"); s.Result != receipt.Warn || r.Bundle.Tokens[0].Trusted || r.Bundle.NotAfter.At != "2026-11-23T08:00:13.000Z" {
				t.Errorf("%v without its root: %s, not after %s", c.after, s.Result, r.Bundle.NotAfter.At)
			}
		}
	}
}

func TestWithheld(t *testing.T) {
	k := bundletest.New(t, 0)
	k.Contents.Withhold = []string{"case_no", "officers", bundle.DirCapture + "page.mhtml"}
	b := k.Bytes(t)
	if bytes.Contains(b, []byte("杭市监案字")) || bytes.Contains(b, []byte("MIME-Version")) {
		t.Error("what is withheld is in the bundle")
	}
	r := verify(t, b, k, bundle.Options{})
	if r.Verdict != receipt.Warned || r.Bundle.Withheld != 3 {
		t.Errorf("verdict %s, %d withheld\n%s", r.Verdict, r.Bundle.Withheld, results(r))
	}
	if err := bundle.Write(ctx, io.Discard, func() bundle.Contents { c := k.Contents; c.Withhold = []string{"nothing"}; return c }()); err == nil {
		t.Error("something was withheld that is not there")
	}
}

func TestDisclose(t *testing.T) {
	k := bundletest.New(t, 0)
	m := &k.Contents.Seal.Manifest
	for _, name := range []string{"case_no", bundle.DirCapture + "page.png"} {
		d, err := m.Disclose(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Verify(m.Root); err != nil {
			t.Error(err)
		}
		if bytes.Contains(d.Encode(), []byte("张三")) {
			t.Error("a disclosure shows another field")
		}
	}
	d, _ := m.Disclose(bundle.DirCapture + "page.png")
	f, err := bundle.ParseFile(d.Entry)
	if err != nil || f.SHA256 != sha256.Sum256(k.Data[f.Path]) {
		t.Errorf("file entry: %+v, %v", f, err)
	}
	if _, err := m.Disclose("absent"); err == nil {
		t.Error("a field that is not there was disclosed")
	}
}

func TestDisclosureFile(t *testing.T) {
	k := bundletest.New(t, 0)
	b := k.Bytes(t)
	a, err := bundle.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"case_no", bundle.DirCapture + "page.png"} {
		d, err := bundle.Disclose(a, name)
		if err != nil {
			t.Fatal(err)
		}
		r := bundle.VerifyDisclosure(d, k.Trust, bundle.Options{WantID: k.ID})
		if r.Verdict != receipt.Warned || r.Check("disclosure").Result != receipt.Pass {
			t.Errorf("%s: %s\n%s", name, r.Verdict, results(r))
		}
		good := r.JSON()
		if name == "case_no" && (len(r.Bundle.Fields) != 1 || r.Bundle.Fields[0].Value != "杭市监案字〔2026〕12号") || bytes.Contains(d, []byte("张三")) {
			t.Errorf("%s shows %+v", name, r.Bundle.Fields)
		}
		for i := range d {
			bad := bytes.Clone(d)
			bad[i] ^= 1
			// The root commits to leaves, not to how many there are: 18 and 19 may share
			// a path. Such a change shows nothing else.
			if r := bundle.VerifyDisclosure(bad, k.Trust, bundle.Options{WantID: k.ID}); r.Verdict != receipt.NotVerified && !bytes.Equal(r.JSON(), good) {
				t.Fatalf("%s: byte %d: %s", name, i, r.Verdict)
			}
		}
		if r := bundle.VerifyDisclosure(d, k.Trust, bundle.Options{WantID: tx.ID{1}}); r.Verdict != receipt.NotVerified {
			t.Errorf("%s: of another statement: %s", name, r.Verdict)
		}
	}
	if _, err := bundle.Disclose(a, "absent"); err == nil {
		t.Error("a field that is not there was disclosed")
	}
	// A field that is proved, but by the receipt of another statement.
	other := bundletest.New(t, 0).Contents.Receipt
	d, _ := bundle.Disclose(a, "case_no")
	spliced := append(bytes.Clone(d[:bytes.Index(d, []byte(`,"receipt":`))]), `,"receipt":`...)
	spliced = append(append(spliced, other...), '}', '\n')
	if r := bundle.VerifyDisclosure(spliced, k.Trust, bundle.Options{}); r.Check("disclosure").Result != receipt.Fail {
		t.Errorf("with another receipt: %s", r.Verdict)
	}
}

// TestWriteRefuses gives Write files that are not those that were sealed.
func TestWriteRefuses(t *testing.T) {
	k := bundletest.New(t, 0)
	p := bundle.DirCapture + "text.txt"
	k.Data[p] = append(k.Data[p], ' ')
	if err := bundle.Write(ctx, io.Discard, k.Contents); err == nil || !strings.Contains(err.Error(), "not the file that was sealed") {
		t.Errorf("a changed file: %v", err)
	}
	other := bundletest.New(t, 0)
	k.Contents.Receipt = other.Contents.Receipt
	if err := bundle.Write(ctx, io.Discard, k.Contents); err == nil || !strings.Contains(err.Error(), "not that of the statement") {
		t.Errorf("another statement: %v", err)
	}
}

// TestOtherPrograms has the standard library, unzip and openssl read a bundle.
func TestOtherPrograms(t *testing.T) {
	k := bundletest.New(t, 0)
	b := k.Bytes(t)
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		if want, ok := k.Data[f.Name]; ok && !bytes.Equal(got, want) {
			t.Errorf("%s has other bytes", f.Name)
		}
	}
	dir := t.TempDir()
	evb := filepath.Join(dir, "x.evb")
	if err := os.WriteFile(evb, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := exec.LookPath("unzip"); err == nil {
		if out, err := exec.Command(p, "-q", evb, "-d", dir).CombinedOutput(); err != nil {
			t.Errorf("unzip: %v\n%s", err, out)
		}
	} else {
		t.Log("no unzip")
	}
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatal("openssl is needed: apt-get install openssl")
	}
	for _, n := range []string{"00", "01"} {
		for _, ext := range []string{".tsr", ".pem"} {
			f, err := z.Open(bundle.DirTSA + n + ext)
			if err != nil {
				t.Fatal(err)
			}
			got, _ := io.ReadAll(f)
			if err := os.WriteFile(filepath.Join(dir, n+ext), got, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		out, err := exec.Command(openssl, "ts", "-verify", "-in", filepath.Join(dir, n+".tsr"), "-digest", k.Contents.Seal.Manifest.Root.String(), "-CAfile", filepath.Join(dir, n+".pem")).CombinedOutput()
		if err != nil {
			t.Errorf("openssl: %v\n%s", err, out)
		}
	}
}

// FuzzVerify changes whole bundles. None but the original may be better than
// NOT VERIFIED, and none may crash the verifier.
func FuzzVerify(f *testing.F) {
	k := bundletest.New(f, 0)
	whole := k.Bytes(f)
	f.Add(uint32(0), byte(0), uint32(0))
	f.Add(uint32(len(whole)/2), byte(1), uint32(0))
	f.Add(uint32(100), byte(0x80), uint32(77))
	f.Fuzz(func(t *testing.T, at uint32, xor byte, cut uint32) {
		b := bytes.Clone(whole)
		b[int(at)%len(b)] ^= xor
		b = b[:len(b)-int(cut)%len(b)]
		r := verify(t, b, k, bundle.Options{})
		if r.Verdict != receipt.NotVerified && !bytes.Equal(b, whole) {
			t.Errorf("byte %d xor %#x, %d cut: %s", at, xor, cut, r.Verdict)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	k := bundletest.New(b, 256<<20)
	bytes256 := k.Bytes(b)
	b.SetBytes(int64(len(bytes256)))
	for b.Loop() {
		verify(b, bytes256, k, bundle.Options{})
	}
}

func BenchmarkSHA256(b *testing.B) {
	data := make([]byte, 256<<20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		sha256.Sum256(data)
	}
}
