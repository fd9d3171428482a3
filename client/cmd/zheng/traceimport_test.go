package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

// A spreadsheet says what the same table says as CSV; days may be days of the
// spreadsheet. Every problem of a row is named with its cell, its value and a remedy.
func TestImportSpreadsheet(t *testing.T) {
	book := excelize.NewFile()
	date, err := book.NewStyle(&excelize.Style{NumFmt: 14})
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range [][]any{
		{"Code", "Quantity", "Made", "best_before", "origin", "season"},
		{"zg/50011000010017/10/P1", 5, 46327, "2027-11-01", "500110101200", "s2026"},
		{},
		{"zg/50011000010018/10/P2", "ten", "yesterday", "", "5001", "S!"},
		{"zg/50011000010017/10/P3", 1.5, 46327, "2026-01-01"},
		{"zs/500110000100000017", nil},
	} {
		if err := book.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	if err := book.SetCellStyle("Sheet1", "C2", "C5", date); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "lots.xlsx")
	if err := book.SaveAs(path); err != nil {
		t.Fatal(err)
	}
	c := &cli{}
	next, done, err := c.openTable(path)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	bodies, infos, rows, err := c.readTable(next)
	if err != nil || rows != 4 || len(bodies) != 2 {
		t.Fatalf("%d rows, %d statements, %v", rows, len(bodies), err)
	}
	if b := bodies[0]; b.Made != "2026-11-01" || b.Harvest.Season != "s2026" || b.Units[0].Quantity != 5 {
		t.Errorf("%+v", b)
	}
	var got []string
	for _, r := range infos {
		if r.Problem == "" {
			continue
		}
		if r.Remedy == "" || r.Row < 2 {
			t.Errorf("%+v", r)
		}
		got = append(got, r.Cell+" "+r.Column+" "+r.Value)
	}
	want := []string{"A4 code zg/50011000010018/10/P2", "B4 quantity ten", "C4 made yesterday", "E4 origin 5001", "F4 season S!", "B5 quantity 1.5", "D5 best_before 2026-01-01"}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("problems\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	if _, _, err := c.openTable("traceimport_test.go.xlsx"); err == nil {
		t.Error("a file that is not there was opened")
	}
	junk := filepath.Join(t.TempDir(), "junk.xlsx")
	if err := writeFile(junk, []byte("not a spreadsheet")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.openTable(junk); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("junk: %v", err)
	}
}
