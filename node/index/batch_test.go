package index

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"zhenglian/app/batch"
	"zhenglian/app/tx"
)

func digestOf(i int) tx.Digest { return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i))) }

func listOf(from, to int) (list []byte) {
	for i := from; i < to; i++ {
		d := digestOf(i)
		list = append(list, d[:]...)
	}
	return list
}

func batchStatement(t *testing.T, list []byte) *tx.Statement {
	tree, err := batch.Build(list)
	if err != nil {
		t.Fatal(err)
	}
	return &tx.Statement{Chain: "test-1", Kind: tx.EvidenceBatch, Member: "city-1", Expires: 9, Body: &tx.Batch{
		Captured: tx.Captured{Method: "upload", Tool: "test"}, Count: int64(tree.Len()), List: tree.List(), Root: tree.Root()}}
}

// Digests of a batch are found once its list is there, whenever that is, also after
// a restart in the middle; a list whose root is not the statement's is not indexed.
func TestBatches(t *testing.T) {
	l := newLedger(t)
	l.fill(0, 3)
	long, late, forged := listOf(0, 10_000), listOf(9_990, 10_010), listOf(50_000, 50_010)
	wrong := batchStatement(t, forged)
	wrong.Body.(*tx.Batch).Root[0] ^= 1
	l.commit(batchStatement(t, long), wrong, batchStatement(t, late)) // 3, 4, 5
	have := map[tx.Digest][]byte{sha256.Sum256(long): long, sha256.Sum256(forged): forged}
	get := func(_ context.Context, d tx.Digest, bytes int64) ([]byte, error) {
		if list := have[d]; int64(len(list)) == bytes {
			return list, nil
		}
		return nil, ErrNoList
	}
	path := filepath.Join(t.TempDir(), "index.db")
	x := open(t, path, l)
	x.Lists(get)
	for range 2 { // the log, and the first digests
		if _, err := x.batch(t.Context()); err != nil {
			t.Fatal(err)
		}
		if more, err := x.fill(t.Context()); err != nil || !more {
			t.Fatal(more, err)
		}
	}
	x.Close()

	x = open(t, path, l)
	x.Lists(get)
	ask := []tx.Digest{digestOf(9_995), digestOf(0), digestOf(50_000), digestOf(10_005), digestOf(9_995)}
	hits := func(want ...[]Item) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- x.Run(ctx) }()
		var got [][]Item
		for range 200 {
			all, err := x.Lookup(ctx, false, ask)
			if err != nil {
				t.Fatal(err)
			}
			got = got[:0]
			for _, h := range all {
				got = append(got, h.Items)
			}
			if reflect.DeepEqual(got, want) {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	hits([]Item{{3, 9_995}}, []Item{{3, 0}}, nil, nil, []Item{{3, 9_995}})
	have[sha256.Sum256(late)] = late
	x.Arrived()
	hits([]Item{{3, 9_995}, {5, 5}}, []Item{{3, 0}}, nil, []Item{{5, 15}}, []Item{{3, 9_995}, {5, 5}})

	// A file is found among those that statements name, by either digest.
	seal1 := seal(1).Body.(*tx.Evidence).Files[0]
	for _, c := range []struct {
		sm3 bool
		d   tx.Digest
	}{{false, seal1.SHA256}, {true, seal1.SM3}} {
		got, err := x.Lookup(t.Context(), c.sm3, []tx.Digest{{9}, c.d})
		if err != nil || !reflect.DeepEqual(got, []Hit{{}, {Seqs: []uint64{1}}}) {
			t.Errorf("%v: %+v, %v", c.sm3, got, err)
		}
	}
	if seqs, _ := search(t, x, Query{Limit: 10}); len(seqs) != 6 {
		t.Errorf("evidence lists %v", seqs)
	}
}
