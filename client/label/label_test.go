package label

import (
	"bytes"
	"encoding/xml"
	"image"
	"image/png"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"zhenglian/app/tx"
)

const code tx.UnitCode = "01/09506000134352/10/A%2FB"

func TestLink(t *testing.T) {
	for site, want := range map[string]string{"https://z.example": "https://z.example/" + string(code), "http://127.0.0.1:8080/": "http://127.0.0.1:8080/" + string(code),
		"z.example": "", "https://z.example/x": "", "https://a@z.example": "", "https://z.example?q": "", "javascript://z": ""} {
		if got, err := Link(site, code); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", site, got, err)
		}
	}
	if _, err := Link("https://z.example", "01/1"); err == nil {
		t.Error("accepted a code that is none")
	}
}

// Sheet and image show the same modules, in a margin of four, and begin with the
// finder pattern of ISO/IEC 18004 §6.3.3.
func TestSheetIsTheImage(t *testing.T) {
	b, err := PNG("https://z.example", code, 1)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var sheet bytes.Buffer
	if err := Sheet(&sheet, "https://z.example", []Label{{Code: code, Text: []string{"李子酱 <&>"}}}); err != nil {
		t.Fatal(err)
	}
	size := img.Bounds().Dx()
	drawn := make(map[image.Point]bool)
	path := regexp.MustCompile(` d="([^"]+)"`).FindStringSubmatch(sheet.String())[1]
	for _, m := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-\d+z`).FindAllStringSubmatch(path, -1) {
		x, _ := strconv.Atoi(m[1])
		y, _ := strconv.Atoi(m[2])
		n, _ := strconv.Atoi(m[3])
		for i := range n {
			drawn[image.Point{x + i, y}] = true
		}
	}
	for y := range size {
		for x := range size {
			r, _, _, _ := img.At(x, y).RGBA()
			if (r == 0) != drawn[image.Point{x, y}] {
				t.Fatalf("module %d,%d: image %v, sheet %v", x, y, r == 0, drawn[image.Point{x, y}])
			}
		}
	}
	for i, row := range []string{"#######", "#.....#", "#.###.#", "#.###.#", "#.###.#", "#.....#", "#######"} {
		for j := range row {
			for _, at := range []image.Point{{4 + j, 4 + i}, {size - 11 + j, 4 + i}, {4 + j, size - 11 + i}} {
				if drawn[at] != (row[j] == '#') {
					t.Errorf("finder pattern at %v: %v", at, drawn[at])
				}
			}
		}
	}
	for p := range drawn {
		if p.X < 4 || p.Y < 4 || p.X >= size-4 || p.Y >= size-4 {
			t.Errorf("dark module in the margin at %v", p)
		}
	}
	d := xml.NewDecoder(&sheet)
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("the sheet is not XML: %v", err)
		}
	}
	if err := Sheet(io.Discard, "https://z.example", make([]Label, PerSheet+1)); err == nil || !strings.Contains(err.Error(), "24") {
		t.Errorf("too many: %v", err)
	}
}
