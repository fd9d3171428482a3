package index

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"zhenglian/app/batch"
	"zhenglian/app/tx"
)

// A batch names a list that is not on the ledger: its digests are indexed when the
// list can be had, which may be never.
const batchTables = `
CREATE TABLE batches (
	seq   INTEGER PRIMARY KEY,
	list  BLOB NOT NULL,
	count INTEGER NOT NULL,
	done  INTEGER NOT NULL
);
CREATE TABLE items (
	sha256 BLOB NOT NULL,
	seq    INTEGER NOT NULL,
	place  INTEGER NOT NULL,
	PRIMARY KEY (sha256, seq, place)
) WITHOUT ROWID;
`

// ErrNoList means that the list of a batch is not to be had.
var ErrNoList = errors.New("the list of the batch is not here")

// itemsAtOnce is the number of digests of one SQL transaction.
const itemsAtOnce = 4096

// Lists tells the index where to get the list that a batch names: its bytes, or
// ErrNoList. Call it before Run.
func (x *Index) Lists(get func(ctx context.Context, list tx.Digest, bytes int64) ([]byte, error)) {
	x.lists = get
}

// Arrived says that bytes were stored that may be the list of a batch. It never
// blocks.
func (x *Index) Arrived() {
	x.arrived.Store(true)
	x.Notify()
}

// A filling is a batch whose digests are being indexed.
type filling struct {
	seq  int64
	tree *batch.Tree
	done int
}

// fill indexes the next digests of batches whose lists are there, and reports
// whether there are more.
func (x *Index) fill(ctx context.Context) (more bool, err error) {
	if x.lists == nil {
		return false, nil
	}
	if x.arrived.Swap(false) {
		x.without = 0
	}
	if x.filling == nil {
		if x.filling, err = x.nextBatch(ctx); x.filling == nil {
			return false, err
		}
	}
	f := x.filling
	t, err := x.write.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer t.Rollback() // after Commit it does nothing
	w := writer{ctx: ctx, tx: t}
	end := min(f.done+itemsAtOnce, f.tree.Len())
	args := make([]any, 0, 3*(end-f.done))
	for i := f.done; i < end; i++ {
		d := f.tree.Digest(i)
		args = append(args, d[:], f.seq, i)
	}
	w.insert("INSERT OR IGNORE INTO items", 3, args)
	if w.err == nil {
		_, w.err = t.ExecContext(ctx, "UPDATE batches SET done = ? WHERE seq = ?", end, f.seq)
	}
	if w.err != nil {
		return false, w.err
	}
	if err := t.Commit(); err != nil {
		return false, err
	}
	if f.done = end; f.done == f.tree.Len() {
		x.filling = nil
	}
	return true, nil
}

// nextBatch finds a batch that is not indexed and whose list can be had, beginning
// with those that were not looked for since a list last arrived.
func (x *Index) nextBatch(ctx context.Context) (*filling, error) {
	rows, err := x.write.QueryContext(ctx, "SELECT seq, done FROM batches WHERE done < count AND seq >= ? ORDER BY seq", x.without)
	if err != nil {
		return nil, err
	}
	type open struct {
		seq  int64
		done int
	}
	var all []open
	for rows.Next() {
		var o open
		if err := rows.Scan(&o.seq, &o.done); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		all = append(all, o)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	for _, o := range all {
		x.without = o.seq + 1
		b, err := x.batchOf(uint64(o.seq))
		if err != nil {
			return nil, err
		}
		list, err := x.lists(ctx, b.List, b.Count*sha256.Size)
		if errors.Is(err, ErrNoList) {
			continue
		}
		if err != nil {
			return nil, err
		}
		// The validators do not see the list: its root may be another than the
		// statement says. Then it proves nothing, and nothing is indexed.
		tree, err := batch.Of(b, list)
		if errors.Is(err, batch.ErrOther) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return &filling{o.seq, tree, o.done}, nil
	}
	return nil, nil
}

// batchOf reads the statement of a batch.
func (x *Index) batchOf(seq uint64) (*tx.Batch, error) {
	e, err := x.store.View().Entry(seq)
	if err != nil {
		return nil, err
	}
	env, err := tx.ParseEnvelope(e.Envelope)
	if err != nil {
		return nil, err
	}
	s, err := tx.ParseStatement(env.Payload)
	if err != nil {
		return nil, err
	}
	b, ok := s.Body.(*tx.Batch)
	if !ok {
		return nil, fmt.Errorf("entry %d is indexed as a batch and is %s", seq, s.Kind)
	}
	return b, nil
}

// An Item is a digest of a batch.
type Item struct {
	Seq   uint64 // of the batch's statement
	Place int    // in its list, from 0
}

// askAtOnce is the number of digests of one question.
const askAtOnce = 256

// A Hit is what the index holds of a digest.
type Hit struct {
	Seqs  []uint64 // statements that name the file, ascending
	Items []Item   // batches that hold the digest
}

// Lookup looks for files by SHA-256, or by SM3, many at a time: hits are in the order
// of the digests. Entries indexed during the call may be missing.
func (x *Index) Lookup(ctx context.Context, isSM3 bool, digests []tx.Digest) ([]Hit, error) {
	hits := make([]Hit, len(digests))
	field := fieldSHA256
	if isSM3 {
		field = fieldSM3
	}
	for at := 0; at < len(digests); at += askAtOnce {
		part := digests[at:min(at+askAtOnce, len(digests))]
		where := make(map[tx.Digest][]int, len(part))
		args := make([]any, 0, len(part)+1)
		args = append(args, field)
		for i, d := range part {
			if where[d] == nil {
				args = append(args, d[:])
			}
			where[d] = append(where[d], at+i)
		}
		marks := "(?" + strings.Repeat(", ?", len(args)-2) + ")"
		err := x.each(ctx, "SELECT value, seq, 0 FROM terms WHERE field = ? AND value IN "+marks+" ORDER BY seq", args, func(d tx.Digest, seq uint64, _ int) {
			for _, i := range where[d] {
				hits[i].Seqs = append(hits[i].Seqs, seq)
			}
		})
		if err == nil && !isSM3 {
			err = x.each(ctx, "SELECT sha256, seq, place FROM items WHERE sha256 IN "+marks+" ORDER BY seq, place", args[1:], func(d tx.Digest, seq uint64, place int) {
				for _, i := range where[d] {
					hits[i].Items = append(hits[i].Items, Item{seq, place})
				}
			})
		}
		if err != nil {
			return nil, fmt.Errorf("search index: %w", err)
		}
	}
	return hits, nil
}

// each calls fn for the rows of a query for a digest, a seq and a place.
func (x *Index) each(ctx context.Context, query string, args []any, fn func(d tx.Digest, seq uint64, place int)) error {
	rows, err := x.read.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		var value []byte
		var seq int64
		var place int
		if err := rows.Scan(&value, &seq, &place); err != nil {
			return errors.Join(err, rows.Close())
		}
		var d tx.Digest
		copy(d[:], value)
		fn(d, uint64(seq), place)
	}
	return errors.Join(rows.Err(), rows.Close())
}
