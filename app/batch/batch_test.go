package batch

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"zhenglian/app/tx"
)

func list(n int) []byte {
	b := make([]byte, 0, n*sha256.Size)
	for i := range n {
		d := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
		b = append(b, d[:]...)
	}
	return b
}

// Roots and paths are those of golang.org/x/mod/sumdb/tlog, for every size around
// powers of two.
func TestTree(t *testing.T) {
	var stored []tlog.Hash
	read := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = stored[x]
		}
		return out, nil
	})
	all := list(70)
	for n := 1; n <= 70; n++ {
		more, err := tlog.StoredHashes(int64(n-1), all[(n-1)*32:n*32], read)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, more...)
		want, err := tlog.TreeHash(int64(n), read)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := Build(all[:n*32])
		if err != nil {
			t.Fatal(err)
		}
		if tlog.Hash(tree.Root()) != want || tree.Len() != n {
			t.Fatalf("%d digests: root %s, want %s", n, tree.Root(), want)
		}
		for i := range n {
			path := make([]tlog.Hash, 0, 7)
			for _, h := range tree.Path(i) {
				path = append(path, tlog.Hash(h))
			}
			d := tree.Digest(i)
			if err := tlog.CheckRecord(path, int64(n), want, int64(i), tlog.RecordHash(d[:])); err != nil {
				t.Fatalf("%d of %d: %v", i, n, err)
			}
		}
	}
}

func TestBounds(t *testing.T) {
	for _, n := range []int{0, 1, 31, 33, (tx.MaxBatch + 1) * 32} {
		if _, err := Build(make([]byte, n)); err == nil {
			t.Errorf("a list of %d bytes has a tree", n)
		}
	}
}

func TestOf(t *testing.T) {
	l := list(100)
	tree, err := Build(l)
	if err != nil {
		t.Fatal(err)
	}
	good := tx.Batch{Count: 100, List: tree.List(), Root: tree.Root()}
	if _, err := Of(&good, l); err != nil {
		t.Error(err)
	}
	root, other, count := good, good, good
	root.Root[0] ^= 1
	other.List[0] ^= 1
	count.Count--
	for _, b := range []tx.Batch{root, other, count} {
		if _, err := Of(&b, l); !errors.Is(err, ErrOther) {
			t.Errorf("%+v: %v", b, err)
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	l := list(tx.MaxBatch)
	for b.Loop() {
		if _, err := Build(l); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*tx.MaxBatch/b.Elapsed().Seconds(), "leaves/s")
}

func BenchmarkPath(b *testing.B) {
	tree, err := Build(list(tx.MaxBatch))
	if err != nil {
		b.Fatal(err)
	}
	i := 0
	for b.Loop() {
		tree.Path(i % tx.MaxBatch)
		i += 7919
	}
}
