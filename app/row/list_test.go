package row_test

import (
	"bytes"
	"fmt"
	"testing"

	"zhenglian/app/row"
	"zhenglian/app/tx"
)

func subject() row.Subject {
	return row.Subject{
		{Seq: 17, State: row.Published, From: tx.Civil(2026, 4, 1), Until: tx.Civil(2029, 4, 1)},
		{Seq: 123456, State: row.RepairDenied, From: tx.Civil(2026, 5, 1), Until: tx.Civil(2027, 5, 1)},
	}
}

func TestSubject(t *testing.T) {
	b := subject().Encode()
	if want := `[[17,"P",20260401,20290401],[123456,"D",20260501,20270501]]`; string(b) != want {
		t.Errorf("got %s, want %s", b, want)
	}
	for _, bad := range []string{
		``, `[]`, `{}`, `[[17,"P",20260401]]`, `[[17,"P",20260401,20290401,1]]`, `[[17,"P",20260401,20260431]]`, `[[17,"P",20260401,0]]`,
		`[[17,"X",20260401,20290401]]`, `[[17,"P",20260401,20290401],[17,"P",20260401,20290401]]`, `[[17,"P",20260401,20290401]] `,
		`[[9,"P",20260401,20290401],[8,"P",20260401,20290401]]`, `[[17, "P",20260401,20290401]]`, `[17,"P",20260401,20290401]`,
	} {
		if s, err := row.DecodeSubject([]byte(bad)); err == nil {
			t.Errorf("%s: read as %v", bad, s)
		}
	}
	var many row.Subject
	for i := range row.MaxInForce + 1 {
		many = append(many, row.InForce{Seq: uint64(i), State: row.Published, From: tx.Civil(2026, 4, 1), Until: tx.Civil(2029, 4, 1)})
	}
	if _, err := row.DecodeSubject(many.Encode()); err == nil {
		t.Error("too many entries were read")
	}
	if _, err := row.DecodeSubject(many[1:].Encode()); err != nil {
		t.Error(err)
	}
}

// The row of one entry, with its tag and what a proof needs besides, leaves room
// for 140 000 of them in 12 MB.
func TestSubjectSize(t *testing.T) {
	s := row.Subject{{Seq: 9_999_999, State: row.Published, From: tx.Civil(2026, 4, 1), Until: tx.Civil(2029, 4, 1)}}
	if n := len(s.Encode()) + 32; n > 70 {
		t.Errorf("tag and value take %d bytes", n)
	}
}

func FuzzSubject(f *testing.F) {
	f.Add(subject().Encode())
	f.Add([]byte(`[[1,"A",20260101,20260102]]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := row.DecodeSubject(b)
		if err == nil && !bytes.Equal(s.Encode(), b) {
			t.Errorf("%q was read and is written %q", b, s.Encode())
		}
	})
}

func TestListKeys(t *testing.T) {
	tag := tx.Digest{1, 2}
	for _, l := range tx.Lists() {
		k := row.SubjectKey(l, tag)
		start, end := row.SubjectRange(l)
		if !row.IsSubjectKey(l, k) || row.SubjectTag(k) != tag || bytes.Compare(start, k) > 0 || bytes.Compare(k, end) >= 0 {
			t.Errorf("%s: key %x in [%x, %x)", l, k, start, end)
		}
		for _, other := range tx.Lists() {
			if other != l && row.IsSubjectKey(other, k) {
				t.Errorf("key of %s is one of %s", l, other)
			}
		}
	}
	for _, tt := range []struct{ got, want string }{
		{fmt.Sprintf("%x", row.ListEntryKey(tx.IndustryNotice, 258)), "21030000000000000102"},
		{fmt.Sprintf("%x", row.ListEndKey(tx.Civil(2029, 4, 1), 1)), "26000054880000000000000001"},
		{fmt.Sprintf("%x", row.ConsumerKey(tx.NegativeIndex, "p-a")), "2504702d61"},
	} {
		if tt.got != tt.want {
			t.Errorf("key %s, want %s", tt.got, tt.want)
		}
	}
}
