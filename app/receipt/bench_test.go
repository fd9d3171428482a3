package receipt

import (
	"encoding/binary"
	"testing"

	"zhenglian/app/row"
	"zhenglian/app/tx"

	"github.com/cosmos/iavl"
	iavldb "github.com/cosmos/iavl/db"
	"golang.org/x/mod/sumdb/tlog"
)

// big is the receipt of a capture with one file and three signatures, sealed by
// three of four validators in a log of 2^20 entries and a state of 100 000 matters.
func big(t testing.TB) (*ledger, *Receipt) {
	l, r := sample(t)
	const level = 20
	r.Entry.Seq, r.LogSize = 777_777, 1<<level
	r.Path = nil
	root := tlog.Hash(leafHash(r.Entry.Height, r.Entry.Envelope))
	for i, n := 0, r.Entry.Seq; i < level; i, n = i+1, n>>1 {
		d := tx.Digest(node([32]byte{byte(i)}, [32]byte{}))
		r.Path = append(r.Path, d)
		if n&1 == 0 {
			root = tlog.NodeHash(root, tlog.Hash(d))
		} else {
			root = tlog.NodeHash(tlog.Hash(d), root)
		}
	}
	r.LogRoot = tx.Digest(root)
	tree := iavl.NewMutableTree(iavldb.NewMemDB(), 1_000_000, true, iavl.NewNopLogger())
	set := func(k, v []byte) bool {
		if _, err := tree.Set(append([]byte(nil), k...), append([]byte(nil), v...)); err != nil {
			t.Fatal(err)
		}
		return true
	}
	if err := l.at(r.Entry.Height).Iterate([]byte{0}, []byte{0xff}, set); err != nil {
		t.Fatal(err)
	}
	m := row.Matter{State: row.Withdrawn}
	for seq := range uint64(100_000) {
		binary.BigEndian.PutUint64(m.Head[:], seq)
		set(row.MatterKey(10*seq), m.Encode())
	}
	state, _, err := tree.SaveVersion()
	if err != nil {
		t.Fatal(err)
	}
	r.StateRoot = tx.Digest(state)
	keys, err := Keys(r.Entry, tree.Get)
	if err != nil {
		t.Fatal(err)
	}
	r.Rows = nil
	for _, k := range keys {
		r.Rows = append(r.Rows, proveIn(t, tree.ImmutableTree, k))
	}
	return l, l.resign(r)
}

// The compact form fits a printed code of 3 KB.
func TestCompactSize(t *testing.T) {
	l, r := big(t)
	b := toCBOR(t, r.Compact())
	t.Logf("envelope %d, compact CBOR %d, full CBOR %d, full JSON %d bytes", len(r.Entry.Envelope), len(b), len(toCBOR(t, r)), len(toJSON(t, r)))
	if len(b) > 3000 {
		t.Errorf("compact form of %d bytes, want at most 3000", len(b))
	}
	if rep := Verify(b, l.trust, Options{}); rep.Verdict != Warned {
		t.Errorf("compact: %s", rep.Text(EN))
	}
	if rep := Verify(toJSON(t, r), l.trust, Options{}); rep.Verdict != Verified {
		t.Errorf("full: %s", rep.Text(EN))
	}
}

func BenchmarkVerify(b *testing.B) {
	l, r := big(b)
	for _, c := range []struct {
		name    string
		receipt []byte
	}{{"full/json", toJSON(b, r)}, {"full/cbor", toCBOR(b, r)}, {"compact/cbor", toCBOR(b, r.Compact())}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if Verify(c.receipt, l.trust, Options{}).Verdict == NotVerified {
					b.Fatal("not verified")
				}
			}
			b.ReportMetric(float64(len(c.receipt)), "receipt-bytes")
		})
	}
}
