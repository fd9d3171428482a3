package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"zhenglian/app/batch"
	"zhenglian/app/tx"
)

// proofBound is what the path of one item may take, in seconds.
const proofBound = 10e-6

// batchTree measures leaves a second of the tree over a full batch, from the list to
// the root, beside the same number of hashes of the same lengths alone.
func batchTree(ctx context.Context, b *bench) (pair, error) {
	list := batchList()
	var ps []pair
	for i := range b.scale.pairs {
		begin := time.Now()
		var leaf [1 + sha256.Size]byte
		var node [1 + 2*sha256.Size]byte
		for range tx.MaxBatch {
			d := sha256.Sum256(leaf[:])
			copy(node[1:], d[:])
			d = sha256.Sum256(node[:])
			copy(leaf[1:], d[:])
		}
		alone := time.Since(begin)
		begin = time.Now()
		if _, err := batch.Build(list); err != nil {
			return pair{}, err
		}
		p := pair{tx.MaxBatch / time.Since(begin).Seconds(), tx.MaxBatch / alone.Seconds()}
		fmt.Fprintf(b.progress, "batch.tree %d/%d %.0f leaves/s, hashes alone %.0f/s\n", i+1, b.scale.pairs, p.value, p.ceiling)
		ps = append(ps, p)
		if err := ctx.Err(); err != nil {
			return pair{}, err
		}
	}
	return median(ps), nil
}

// batchProof measures the path of one item of a full batch, which a receipt then
// carries, and checks each against the root.
func batchProof(ctx context.Context, b *bench) (pair, error) {
	tree, err := batch.Build(batchList())
	if err != nil {
		return pair{}, err
	}
	const step, paths = 7919, 100_000
	took := time.Duration(0)
	for i := range paths {
		at := i * step % tx.MaxBatch
		begin := time.Now()
		path := tree.Path(at)
		took += time.Since(begin)
		if i%100 != 0 {
			continue
		}
		hashes := make([]tlog.Hash, len(path))
		for j := range path {
			hashes[j] = tlog.Hash(path[j])
		}
		d := tree.Digest(at)
		if err := tlog.CheckRecord(hashes, tx.MaxBatch, tlog.Hash(tree.Root()), int64(at), tlog.RecordHash(d[:])); err != nil {
			return pair{}, err
		}
		if err := ctx.Err(); err != nil {
			return pair{}, err
		}
	}
	return pair{took.Seconds() / paths, proofBound}, nil
}

func batchList() []byte {
	list := make([]byte, 0, tx.MaxBatch*sha256.Size)
	for i := range tx.MaxBatch {
		d := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
		list = append(list, d[:]...)
	}
	return list
}
