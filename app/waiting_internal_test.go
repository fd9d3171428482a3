package app

import (
	"testing"

	"zhenglian/app/tx"
)

// The member is read from the end of a statement as from the whole of it, whatever
// the body says.
func TestStatedBy(t *testing.T) {
	for _, body := range []tx.Body{
		&tx.Withdraw{Reason: "mistake"},
		&tx.ValidatorChange{Key: tx.ValidatorKey{1}, Member: "lab-a", Power: 1},
	} {
		kind := tx.GovValidator
		prev := tx.ID{}
		if _, ok := body.(*tx.Withdraw); ok {
			kind, prev = tx.EvidenceWithdraw, tx.ID{7}
		}
		s := tx.Statement{Chain: "test", Kind: kind, Member: "hangzhou-amr", Expires: 9, Prev: prev, Body: body}
		b, err := s.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if m, ok := StatedBy(b); !ok || m != "hangzhou-amr" {
			t.Errorf("%s is stated by %q", b, m)
		}
	}
	for _, b := range []string{"", "{}", `{"member":"a"}`, `,"member":"a`} {
		if m, ok := StatedBy([]byte(b)); ok {
			t.Errorf("%s is stated by %q", b, m)
		}
	}
}
