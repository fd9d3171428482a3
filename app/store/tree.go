package store

import (
	"bytes"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cosmos/iavl"
	iavldb "github.com/cosmos/iavl/db"
)

// treeDB shows IAVL the rows with the tree's prefix as a database of its own.
//
// IAVL's writes go into out, the batch of the block that is being committed, and
// become durable with it: for IAVL, writing its batch does nothing. IAVL reads no
// node between saving and committing it, so pending writes need not be readable.
type treeDB struct {
	db  *pebble.DB
	out *pebble.Batch // owned by the writer; nil outside SaveVersion

	// failed is the first read that failed. IAVL's iterators end quietly on a
	// read error, so whoever iterates asks here whether that was the end.
	failed atomic.Pointer[error]
}

var (
	_ iavldb.DB    = (*treeDB)(nil)
	_ iavldb.Batch = treeBatch{}
)

// nodePrefix starts IAVL's keys of nodes and roots.
const nodePrefix = 's'

func treeKey(key []byte) []byte {
	return append(append(make([]byte, 0, 1+len(key)), prefixTree), key...)
}

// err is the first failed read, if any.
func (t *treeDB) err() error {
	if p := t.failed.Load(); p != nil {
		return *p
	}
	return nil
}

func (t *treeDB) fail(err error) error {
	t.failed.CompareAndSwap(nil, &err)
	return err
}

func (t *treeDB) Get(key []byte) ([]byte, error) {
	v, err := get(t.db, treeKey(key))
	if err != nil {
		return nil, t.fail(fmt.Errorf("read tree node %x: %w", key, err))
	}
	if v == nil && len(key) > 0 && key[0] == nodePrefix {
		// Nothing is pruned and only committed versions are asked for.
		return nil, t.fail(fmt.Errorf("tree node %x is missing", key))
	}
	return v, nil
}

func (t *treeDB) Has(key []byte) (bool, error) {
	_, closer, err := t.db.Get(treeKey(key))
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, t.fail(fmt.Errorf("read tree node %x: %w", key, err))
	}
	return true, closer.Close()
}

func (t *treeDB) Iterator(start, end []byte) (iavldb.Iterator, error) {
	return t.iterator(start, end, false)
}

func (t *treeDB) ReverseIterator(start, end []byte) (iavldb.Iterator, error) {
	return t.iterator(start, end, true)
}

func (t *treeDB) iterator(start, end []byte, reverse bool) (iavldb.Iterator, error) {
	o := &pebble.IterOptions{LowerBound: treeKey(start), UpperBound: []byte{prefixTree + 1}}
	if end != nil {
		o.UpperBound = treeKey(end)
	}
	it, err := t.db.NewIter(o)
	if err != nil {
		return nil, t.fail(fmt.Errorf("iterate tree: %w", err))
	}
	if reverse {
		it.Last()
	} else {
		it.First()
	}
	return &treeIterator{it: it, start: start, end: end, reverse: reverse}, nil
}

// Close does nothing: the store owns the database.
func (t *treeDB) Close() error { return nil }

func (t *treeDB) NewBatch() iavldb.Batch { return treeBatch{t} }

func (t *treeDB) NewBatchWithSize(int) iavldb.Batch { return treeBatch{t} }

// treeBatch is the tree's part of the block's batch. Its size is always zero for
// IAVL, which therefore never flushes a part of a version on its own.
type treeBatch struct{ t *treeDB }

var errNoBlock = errors.New("tree written outside a commit")

func (b treeBatch) Set(key, value []byte) error {
	if b.t.out == nil {
		return errNoBlock
	}
	op := b.t.out.SetDeferred(1+len(key), len(value))
	op.Key[0] = prefixTree
	copy(op.Key[1:], key)
	copy(op.Value, value)
	return op.Finish()
}

func (b treeBatch) Delete(key []byte) error {
	if b.t.out == nil {
		return errNoBlock
	}
	return b.t.out.Delete(treeKey(key), nil)
}

func (b treeBatch) Write() error              { return nil }
func (b treeBatch) WriteSync() error          { return nil }
func (b treeBatch) Close() error              { return nil }
func (b treeBatch) GetByteSize() (int, error) { return 0, nil }

type treeIterator struct {
	it         *pebble.Iterator
	start, end []byte
	reverse    bool
}

func (i *treeIterator) Domain() (start, end []byte) { return i.start, i.end }
func (i *treeIterator) Valid() bool                 { return i.it.Valid() }
func (i *treeIterator) Key() []byte                 { return bytes.Clone(i.it.Key()[1:]) }
func (i *treeIterator) Value() []byte               { return bytes.Clone(i.it.Value()) }
func (i *treeIterator) Error() error                { return i.it.Error() }
func (i *treeIterator) Close() error                { return i.it.Close() }

func (i *treeIterator) Next() {
	if i.reverse {
		i.it.Prev()
	} else {
		i.it.Next()
	}
}

// flushThreshold is what IAVL may collect before it writes; never reached, since
// treeBatch reports no size, but a version must not be torn if that changes.
const flushThreshold = 1 << 30

func newTree(db *treeDB, cacheNodes int) *iavl.MutableTree {
	const skipFastStorage = true
	return iavl.NewMutableTree(db, cacheNodes, skipFastStorage, iavl.NewNopLogger(),
		iavl.FlushThresholdOption(flushThreshold))
}

// openTree loads the tree at exactly the given version. Versions above it cannot
// come from a commit of ours, which is atomic; they are removed rather than trusted.
func openTree(db *treeDB, version int64, cacheNodes int) (*iavl.MutableTree, error) {
	tree := newTree(db, cacheNodes)
	newest, err := tree.GetLatestVersion()
	if err != nil {
		return nil, fmt.Errorf("find newest tree version: %w", err)
	}
	if newest < version {
		return nil, fmt.Errorf("head names tree version %d, but the tree ends at %d", version, newest)
	}
	if version == 0 {
		if newest == 0 {
			return tree, nil
		}
		// For IAVL, version 0 to load would mean the newest.
		if err := db.db.DeleteRange([]byte{prefixTree}, []byte{prefixTree + 1}, pebble.Sync); err != nil {
			return nil, fmt.Errorf("remove tree versions: %w", err)
		}
		return newTree(db, cacheNodes), nil
	}
	db.out = db.db.NewBatch()
	defer func() { db.out = nil }()
	if err := tree.LoadVersionForOverwriting(version); err != nil {
		return nil, errors.Join(fmt.Errorf("load tree version %d: %w", version, err), db.out.Close())
	}
	if db.out.Empty() {
		return tree, db.out.Close()
	}
	if err := db.out.Commit(pebble.Sync); err != nil {
		return nil, fmt.Errorf("remove tree versions above %d: %w", version, err)
	}
	return tree, nil
}

// iterateTree calls fn for the keys of tree in [start, end), ascending, until fn returns false.
func iterateTree(tree *iavl.ImmutableTree, db *treeDB, start, end []byte, fn func(k, v []byte) bool) error {
	if tree.Size() == 0 {
		return nil // IAVL's iterator does not expect a tree without a root
	}
	it, err := tree.Iterator(start, end, true)
	if err != nil {
		return fmt.Errorf("iterate tree: %w", err)
	}
	for ; it.Valid(); it.Next() {
		if !fn(it.Key(), it.Value()) {
			break
		}
	}
	return errors.Join(db.err(), it.Close())
}

// treeAt is the immutable tree at a committed version.
func treeAt(tree *iavl.MutableTree, version int64) (*iavl.ImmutableTree, error) {
	if version == 0 {
		return new(iavl.ImmutableTree), nil
	}
	t, err := tree.GetImmutable(version)
	if err != nil {
		return nil, fmt.Errorf("load tree version %d: %w", version, err)
	}
	return t, nil
}
