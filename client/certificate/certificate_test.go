package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"zhenglian/app/receipt"
	"zhenglian/client/paper"
)

const vectors = "../../app/receipt/testdata/vectors/"

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func trust(t testing.TB) *receipt.Trust {
	t.Helper()
	r, err := receipt.ParseTrust(read(t, vectors+"trust.json"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func theFont(t testing.TB) *Font {
	t.Helper()
	f, err := LoadFont("", "")
	if errors.Is(err, ErrNoFont) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func certificate(t testing.TB) []byte {
	t.Helper()
	b, err := Certificate(read(t, vectors+"good.receipt.json"), trust(t), theFont(t))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tool finds a program of Debian's poppler-utils or zbar-tools.
func tool(t testing.TB, name string) string {
	t.Helper()
	p, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not here: scripts/setup paper", name)
	}
	return p
}

func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(tool(t, name), args...)
	var talk bytes.Buffer
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, talk.Bytes())
	}
	return string(out)
}

func save(t testing.TB, b []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "doc.pdf")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestSameBytes(t *testing.T) {
	a, b := certificate(t), certificate(t)
	if !bytes.Equal(a, b) {
		t.Error("the same record makes other bytes")
	}
	if len(a) > 200<<10 {
		t.Errorf("%d bytes", len(a))
	}
}

// TestWords looks for what is printed as a reader sees it.
func TestWords(t *testing.T) {
	text := strings.Join(strings.Fields(run(t, "pdftotext", "-layout", save(t, certificate(t)), "-")), "")
	for _, want := range []string{
		"电子数据存证证书", "54638b83f04fd57166d1e774c24bd2deddc5b693789710b7e5897a0dac27abc4", "杭州市市场监督管理局（hangzhou-amr）", "咸阳市市场监督管理局",
		"2026-11-2316:00:08（北京时间）", "911d3b062e106a4e0b731c0ad543b6a3bc993dd7a9054bfeb4cb584f64d51d44", "f98038cff5837a550aaf5d54f0dc794f0c2212e3e63a660ccec64b6ebcfabcbd",
		"V1", "V15", "本证书不证明", "何种反证足以推翻", "可核验的回执",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not printed in\n%s", want, text)
		}
	}
}

func TestOnlyWhatVerifies(t *testing.T) {
	for _, name := range []string{"bad-quorum.receipt.json", "pending.receipt.json", "bad-policy.receipt.json"} {
		if _, err := Certificate(read(t, vectors+name), trust(t), theFont(t)); !errors.Is(err, ErrNotVerified) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAttached(t *testing.T) {
	doc := certificate(t)
	b, err := paper.Attached(doc)
	if err != nil {
		t.Fatal(err)
	}
	if r := receipt.Verify(b, trust(t), receipt.Options{}); r.Verdict != receipt.Verified {
		t.Error(r.Text(receipt.EN))
	}
	dir := t.TempDir()
	run(t, "pdfdetach", "-saveall", "-o", dir, save(t, doc))
	names, err := filepath.Glob(dir + "/*")
	if err != nil || len(names) != 1 || !strings.HasSuffix(names[0], ".receipt.json") || !bytes.Equal(read(t, names[0]), b) {
		t.Errorf("another reader finds %v (%v)", names, err)
	}
}

// TestPaper prints, scans, and verifies: at 200 dpi, turned and out of focus, with a
// decoder that is not the page's.
func TestPaper(t *testing.T) {
	tool(t, "zbarimg")
	dir := t.TempDir()
	run(t, "pdftoppm", "-r", "200", "-png", "-gray", save(t, certificate(t)), dir+"/page")
	pages, err := filepath.Glob(dir + "/page*.png")
	if err != nil || len(pages) < 2 {
		t.Fatalf("pages %v (%v)", pages, err)
	}
	for _, degrees := range []float64{0, 2.5, -7, 90} {
		scan := filepath.Join(dir, "scan.png")
		writePNG(t, scan, photograph(readPNG(t, pages[len(pages)-1]), degrees))
		out := run(t, "zbarimg", "-q", "--raw", "-Sdisable", "-Sqrcode.enable", scan)
		var s paper.Sheet
		done, err := s.Add(strings.TrimSuffix(out, "\n"))
		if err != nil || !done {
			t.Fatalf("%v°: %v, done %v", degrees, err, done)
		}
		b, err := s.Receipt()
		if err != nil {
			t.Fatal(err)
		}
		r := receipt.Verify(b, trust(t), receipt.Options{})
		if r.Verdict != receipt.Warned || r.Outcome != receipt.Partial || r.Facts.ID.String() != "54638b83f04fd57166d1e774c24bd2deddc5b693789710b7e5897a0dac27abc4" {
			t.Errorf("%v°: %s", degrees, r.Text(receipt.EN))
		}
	}
}

func readPNG(t testing.TB, name string) image.Image {
	t.Helper()
	m, err := png.Decode(bytes.NewReader(read(t, name)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func writePNG(t testing.TB, name string, m image.Image) {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// photograph turns a picture and blurs it a little.
func photograph(m image.Image, degrees float64) *image.Gray {
	b := m.Bounds()
	w, h := b.Dx(), b.Dy()
	side := int(math.Hypot(float64(w), float64(h))) + 1
	out := image.NewGray(image.Rect(0, 0, side, side))
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	at := func(x, y int) float64 {
		if x < 0 || y < 0 || x >= w || y >= h {
			return 235
		}
		return float64(color.GrayModel.Convert(m.At(b.Min.X+x, b.Min.Y+y)).(color.Gray).Y)
	}
	for y := range side {
		for x := range side {
			dx, dy := float64(x-side/2), float64(y-side/2)
			fx, fy := dx*cos+dy*sin+float64(w)/2, -dx*sin+dy*cos+float64(h)/2
			ix, iy := int(math.Floor(fx)), int(math.Floor(fy))
			px, py := fx-float64(ix), fy-float64(iy)
			v := at(ix, iy)*(1-px)*(1-py) + at(ix+1, iy)*px*(1-py) + at(ix, iy+1)*(1-px)*py + at(ix+1, iy+1)*px*py
			out.Pix[y*out.Stride+x] = uint8(20 + v*0.85) // grey paper, weak ink
		}
	}
	soft := image.NewGray(out.Rect)
	for y := 1; y < side-1; y++ {
		for x := 1; x < side-1; x++ {
			sum := 0
			for j := -1; j <= 1; j++ {
				for i := -1; i <= 1; i++ {
					sum += int(out.Pix[(y+j)*out.Stride+x+i]) * (2 - abs(i)) * (2 - abs(j))
				}
			}
			soft.Pix[y*soft.Stride+x] = uint8(sum / 16)
		}
	}
	return soft
}

func abs(n int) int { return max(n, -n) }

// gb2312 lists the characters of GB/T 2312.
func gb2312(t testing.TB) (out []rune) {
	t.Helper()
	d := simplifiedchinese.GBK.NewDecoder()
	for a := byte(0xa1); a <= 0xf7; a++ {
		for b := byte(0xa1); b <= 0xfe; b++ {
			if a >= 0xaa && a <= 0xaf || a == 0xa2 && (b < 0xb1 || b == 0xe3 || b == 0xe4 || b >= 0xef && b <= 0xf0 || b > 0xfc) || a == 0xa6 && b > 0xd8 || a == 0xa8 && (b > 0xba && b < 0xc5 || b > 0xe9) || a == 0xa9 && (b < 0xa4 || b > 0xef) || a == 0xa4 && b > 0xf3 || a == 0xa5 && b > 0xf6 || a == 0xa7 && (b > 0xc1 && b < 0xd1 || b > 0xf1) || a == 0xa6 && b > 0xb8 && b < 0xc1 || a == 0xd7 && b > 0xf9 {
				continue // not assigned, or of GBK alone
			}
			s, err := d.Bytes([]byte{a, b})
			if err != nil {
				continue
			}
			r := []rune(string(s))
			if len(r) == 1 && r[0] != '\ufffd' && (r[0] < 0xe000 || r[0] > 0xf8ff) {
				out = append(out, r[0])
			}
		}
	}
	return out
}

// TestGB2312 writes every character of GB 2312 and looks at the paper: each must
// leave ink.
func TestGB2312(t *testing.T) {
	f := theFont(t)
	all := gb2312(t)
	if len(all) != 7445 {
		t.Fatalf("%d characters, GB 2312 has 7445", len(all))
	}
	const columns, rows, cell, dpi = 40, 60, 4.0, 100
	s := newSheets(f, "GB 2312", "", time.Unix(0, 0))
	for i, r := range all {
		if i > 0 && i%(columns*rows) == 0 {
			s.page()
		}
		k := i % (columns * rows)
		for _, p := range f.pieces(string(r)) {
			if strings.HasPrefix(p.text, "[U+") {
				t.Errorf("%q (%U) has no glyph and nothing instead", r, r)
			}
		}
		s.draw(10+float64(k%columns)*cell, 10+float64(k/columns)*cell, 8, string(r))
	}
	b, err := s.bytes()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	run(t, "pdftoppm", "-r", "100", "-png", "-gray", save(t, b), dir+"/p")
	pages, err := filepath.Glob(dir + "/p*.png")
	if err != nil || len(pages) != (len(all)+columns*rows-1)/(columns*rows) {
		t.Fatalf("pages %v (%v)", pages, err)
	}
	for i, r := range all {
		if r == '\u3000' {
			continue
		}
		if i%(columns*rows) == 0 {
			t.Logf("page %s", pages[i/(columns*rows)])
		}
		if !inked(t, pages[i/(columns*rows)], i%(columns*rows), columns, cell, dpi) {
			t.Errorf("%q (%U) prints blank", r, r)
		}
	}
}

var lastPage struct {
	name string
	m    image.Image
}

func inked(t testing.TB, name string, k, columns int, cell, dpi float64) bool {
	if lastPage.name != name {
		lastPage.name, lastPage.m = name, readPNG(t, name)
	}
	px := func(mm float64) int { return int(mm / 25.4 * dpi) }
	x0, y0 := px(10+float64(k%columns)*cell), px(10+float64(k/columns)*cell)
	for y := y0; y < y0+px(cell); y++ {
		for x := x0; x < x0+px(cell)-1; x++ {
			if c := color.GrayModel.Convert(lastPage.m.At(x, y)).(color.Gray); c.Y < 200 {
				return true
			}
		}
	}
	return false
}

// TestRare writes characters beyond the Basic Multilingual Plane: by their code, and
// by their outline where a font for them is at hand.
func TestRare(t *testing.T) {
	f := theFont(t)
	write := func(f *Font) []byte {
		s := newSheets(f, "x", "", time.Unix(0, 0))
		s.row("姓名", "𠮷野家 龘㎡")
		b, err := s.bytes()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	text := run(t, "pdftotext", save(t, write(f)), "-")
	if !strings.Contains(text, "[U+20BB7]野家 龘㎡") {
		t.Errorf("got %q", text)
	}
	const noto = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"
	if _, err := os.Stat(noto); err != nil {
		t.Skip("fonts-noto-cjk is not here")
	}
	f, err := LoadFont("", noto)
	if err != nil {
		t.Fatal(err)
	}
	if p := f.pieces("𠮷"); len(p) != 1 || p[0].rare != '𠮷' {
		t.Errorf("pieces %+v", p)
	}
	if text := run(t, "pdftotext", save(t, write(f)), "-"); strings.Contains(text, "U+") {
		t.Errorf("got %q", text)
	}
}

// sealer makes a member's certificate, of a test authority.
func sealer(t *testing.T, useRSA bool) *Sealer {
	t.Helper()
	ca, caKey := issue(t, "测试机构 Test CA", nil, nil, useRSA)
	leaf, key := issue(t, "杭州市市场监督管理局", ca, caKey, useRSA)
	dir := t.TempDir()
	var chain []byte
	for _, c := range []*x509.Certificate{leaf, ca} {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"chain.pem": chain, "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := LoadSealer(dir+"/chain.pem", dir+"/key.pem", "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func issue(t *testing.T, name string, ca *x509.Certificate, caKey any, useRSA bool) (*x509.Certificate, any) {
	t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true}
	c.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
	if ca == nil {
		c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign
	}
	var key, pub any
	if useRSA {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		key, pub = k, &k.PublicKey
	} else {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		key, pub = k, &k.PublicKey
	}
	parent, signer := ca, caKey
	if ca == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, pub, signer)
	if err != nil {
		t.Fatal(err)
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return out, key
}

func TestSeal(t *testing.T) {
	doc := certificate(t)
	for _, useRSA := range []bool{false, true} {
		sealed, err := Seal(doc, sealer(t, useRSA), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(sealed, doc) {
			t.Error("the seal changes what it seals")
		}
		if b, err := paper.Attached(sealed); err != nil || len(b) == 0 {
			t.Errorf("the receipt is gone: %v", err)
		}
		out := run(t, "pdfsig", save(t, sealed))
		for _, want := range []string{"Signature Validation: Signature is Valid.", "Total document signed", "杭州市市场监督管理局"} {
			if !strings.Contains(out, want) {
				t.Errorf("RSA %v: pdfsig does not say %q:\n%s", useRSA, want, out)
			}
		}
		bad := bytes.Clone(sealed)
		bad[len(doc)/2] ^= 1
		if out, _ := exec.Command(tool(t, "pdfsig"), save(t, bad)).CombinedOutput(); strings.Contains(string(out), "Signature is Valid") {
			t.Error("a changed document has a valid seal")
		}
	}
}
