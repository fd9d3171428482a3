package store

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func testID(n uint64) Hash { return sha256.Sum256(binary.BigEndian.AppendUint64([]byte("filter"), n)) }

// What was added is never denied, and little else is held possible.
func TestFilter(t *testing.T) {
	f := new(filter)
	const n = 200_000
	for i := range uint64(n) {
		id := testID(i)
		f.add(&id)
	}
	wrong := 0
	for i := range uint64(2 * n) {
		id := testID(i)
		switch may := f.mayHold(&id); {
		case i < n && !may:
			t.Fatalf("id %d was added and is denied", i)
		case i >= n && may:
			wrong++
		}
	}
	if wrong > n/1000 {
		t.Errorf("%d of %d new ids held possible", wrong, n)
	}
}

// A store that is opened again finds every id, and finds that others are new
// without asking the database.
func TestFilterIsLoaded(t *testing.T) {
	fs := vfs.NewMem()
	const n = 500
	for round := range uint64(3) {
		s, err := Open("store", Options{FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		for i := range round * n {
			if seq, ok, err := s.View().Seq(testID(i)); err != nil || !ok || seq != i {
				t.Fatalf("round %d: id %d: %d %v %v", round, i, seq, ok, err)
			}
		}
		if s.known == nil {
			t.Fatal("a small log has no filter")
		}
		b := s.Begin(int64(round))
		for i := round * n; i < (round+1)*n; i++ {
			if _, ok, err := b.Seq(testID(i)); err != nil || ok {
				t.Fatalf("id %d is not new: %v", i, err)
			}
			b.Append(testID(i), []byte("envelope"))
		}
		if _, err := b.Commit(); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := s.View().Seq(testID((round+1)*n - 1)); err != nil || !ok {
			t.Errorf("round %d: committed and not found: %v", round, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
