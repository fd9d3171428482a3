package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	dbm "github.com/cometbft/cometbft-db"
)

var (
	errKeyEmpty    = errors.New("key is empty")
	errValueNil    = errors.New("value is nil")
	errBatchClosed = errors.New("batch is written or closed")
	errDBClosed    = errors.New("database is closed")
)

// pebbleDB is a Pebble database behind CometBFT's database interface. cometbft-db
// has one of its own, but only under a build tag, with the default tuning and
// with a Close that drops its error.
//
// Unlike bare Pebble, which panics, every method returns errDBClosed after Close:
// CometBFT's gossip goroutines outlive the stores for some seconds.
type pebbleDB struct {
	db *pebble.DB

	mu     sync.RWMutex // held for reading while db is in use
	closed bool
}

var _ dbm.DB = (*pebbleDB)(nil)

// openPebble opens or creates the database in the folder dir. memTable is the
// size in bytes a write buffer may grow to; up to four exist at once.
func openPebble(dir string, memTable uint64, log pebble.Logger) (*pebbleDB, error) {
	opts := &pebble.Options{
		Logger:                      log,
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                memTable,
		MemTableStopWritesThreshold: 4,
		// Blocks are written once, in order, and seldom read: let level 0 gather
		// instead of rewriting level 1 at every flush.
		L0CompactionThreshold:      4,
		L0StopWritesThreshold:      24,
		LBaseMaxBytes:              64 << 20,
		CompactionConcurrencyRange: func() (lower, upper int) { return 1, 2 },
		BytesPerSync:               1 << 20,
	}
	// Parts of blocks are written once and make up nearly all that is stored:
	// compactions pass over them.
	opts.Experimental.ValueSeparationPolicy = func() pebble.ValueSeparationPolicy {
		return pebble.ValueSeparationPolicy{
			Enabled:               true,
			MinimumSize:           1 << 10,
			MaxBlobReferenceDepth: 1 << 10,
			RewriteMinimumAge:     time.Hour, // what pruned blocks leave behind
			TargetGarbageRatio:    0.3,
		}
	}
	db, err := pebble.Open(dir, opts)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", dir, err)
	}
	return &pebbleDB{db: db}, nil
}

// use runs f unless the database is closed, and keeps it open meanwhile.
func (p *pebbleDB) use(f func() error) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return errDBClosed
	}
	return f()
}

// Get implements dbm.DB.
func (p *pebbleDB) Get(key []byte) (value []byte, err error) {
	if len(key) == 0 {
		return nil, errKeyEmpty
	}
	err = p.use(func() error {
		v, c, err := p.db.Get(key)
		if errors.Is(err, pebble.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		// An empty value is present: it must not come back as nil.
		value = append([]byte{}, v...)
		return c.Close()
	})
	return value, err
}

// Has implements dbm.DB.
func (p *pebbleDB) Has(key []byte) (bool, error) {
	v, err := p.Get(key)
	return v != nil, err
}

func (p *pebbleDB) set(key, value []byte, o *pebble.WriteOptions) error {
	if len(key) == 0 {
		return errKeyEmpty
	}
	if value == nil {
		return errValueNil
	}
	return p.use(func() error { return p.db.Set(key, value, o) })
}

// Set implements dbm.DB.
func (p *pebbleDB) Set(key, value []byte) error { return p.set(key, value, pebble.NoSync) }

// SetSync implements dbm.DB.
func (p *pebbleDB) SetSync(key, value []byte) error { return p.set(key, value, pebble.Sync) }

func (p *pebbleDB) delete(key []byte, o *pebble.WriteOptions) error {
	if len(key) == 0 {
		return errKeyEmpty
	}
	return p.use(func() error { return p.db.Delete(key, o) })
}

// Delete implements dbm.DB.
func (p *pebbleDB) Delete(key []byte) error { return p.delete(key, pebble.NoSync) }

// DeleteSync implements dbm.DB.
func (p *pebbleDB) DeleteSync(key []byte) error { return p.delete(key, pebble.Sync) }

// Iterator implements dbm.DB.
func (p *pebbleDB) Iterator(start, end []byte) (dbm.Iterator, error) {
	return p.iterator(start, end, false)
}

// ReverseIterator implements dbm.DB.
func (p *pebbleDB) ReverseIterator(start, end []byte) (dbm.Iterator, error) {
	return p.iterator(start, end, true)
}

func (p *pebbleDB) iterator(start, end []byte, reverse bool) (dbm.Iterator, error) {
	if (start != nil && len(start) == 0) || (end != nil && len(end) == 0) {
		return nil, errKeyEmpty
	}
	it := &pebbleIterator{start: start, end: end, reverse: reverse}
	err := p.use(func() (err error) {
		it.it, err = p.db.NewIter(&pebble.IterOptions{LowerBound: start, UpperBound: end})
		return err
	})
	if err != nil {
		return nil, err
	}
	if reverse {
		it.valid = it.it.Last()
	} else {
		it.valid = it.it.First()
	}
	return it, nil
}

// Close implements dbm.DB. A second Close does nothing.
func (p *pebbleDB) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	return p.db.Close()
}

// NewBatch implements dbm.DB.
func (p *pebbleDB) NewBatch() dbm.Batch {
	b := &pebbleBatch{db: p}
	// A closed database gives a batch whose every use fails.
	_ = p.use(func() error {
		b.batch = p.db.NewBatch()
		return nil
	})
	return b
}

// Print implements dbm.DB.
func (p *pebbleDB) Print() error {
	it, err := p.Iterator(nil, nil)
	if err != nil {
		return err
	}
	for ; it.Valid(); it.Next() {
		fmt.Fprintf(os.Stdout, "[%X]:\t[%X]\n", it.Key(), it.Value())
	}
	return errors.Join(it.Error(), it.Close())
}

// Stats implements dbm.DB.
func (p *pebbleDB) Stats() map[string]string {
	m := make(map[string]string)
	_ = p.use(func() error {
		m["pebble"] = p.db.Metrics().String()
		return nil
	})
	return m
}

// Compact implements dbm.DB. Nil bounds stand for the first and the last key.
func (p *pebbleDB) Compact(start, end []byte) error {
	if start == nil || end == nil {
		it, err := p.iterator(start, end, false)
		if err != nil {
			return err
		}
		pi := it.(*pebbleIterator)
		if start == nil && pi.valid {
			start = pi.Key()
		}
		if end == nil && pi.it.Last() {
			end = append(bytes.Clone(pi.it.Key()), 0)
		}
		if err := it.Close(); err != nil {
			return err
		}
	}
	if bytes.Compare(start, end) >= 0 {
		return nil // nothing in range; Pebble would refuse
	}
	return p.use(func() error { return p.db.Compact(context.Background(), start, end, true) })
}

// pebbleBatch implements dbm.Batch.
type pebbleBatch struct {
	db    *pebbleDB
	batch *pebble.Batch // nil once written or closed
}

// Set implements dbm.Batch.
func (b *pebbleBatch) Set(key, value []byte) error {
	switch {
	case len(key) == 0:
		return errKeyEmpty
	case value == nil:
		return errValueNil
	case b.batch == nil:
		return errBatchClosed
	}
	return b.batch.Set(key, value, nil)
}

// Delete implements dbm.Batch.
func (b *pebbleBatch) Delete(key []byte) error {
	switch {
	case len(key) == 0:
		return errKeyEmpty
	case b.batch == nil:
		return errBatchClosed
	}
	return b.batch.Delete(key, nil)
}

func (b *pebbleBatch) commit(o *pebble.WriteOptions) error {
	if b.batch == nil {
		return errBatchClosed
	}
	if err := b.db.use(func() error { return b.batch.Commit(o) }); err != nil {
		return err
	}
	return b.Close()
}

// Write implements dbm.Batch.
func (b *pebbleBatch) Write() error { return b.commit(pebble.NoSync) }

// WriteSync implements dbm.Batch.
func (b *pebbleBatch) WriteSync() error { return b.commit(pebble.Sync) }

// Close implements dbm.Batch.
func (b *pebbleBatch) Close() error {
	if b.batch == nil {
		return nil
	}
	err := b.batch.Close()
	b.batch = nil
	return err
}

// pebbleIterator implements dbm.Iterator.
type pebbleIterator struct {
	it         *pebble.Iterator
	start, end []byte
	reverse    bool
	valid      bool // once false, false for ever
}

// Domain implements dbm.Iterator.
func (i *pebbleIterator) Domain() (start, end []byte) { return i.start, i.end }

// Valid implements dbm.Iterator.
func (i *pebbleIterator) Valid() bool { return i.valid }

// Next implements dbm.Iterator.
func (i *pebbleIterator) Next() {
	i.mustBeValid()
	if i.reverse {
		i.valid = i.it.Prev()
	} else {
		i.valid = i.it.Next()
	}
}

// Key implements dbm.Iterator. The copy makes it safe to keep.
func (i *pebbleIterator) Key() []byte {
	i.mustBeValid()
	return bytes.Clone(i.it.Key())
}

// Value implements dbm.Iterator. The copy makes it safe to keep.
func (i *pebbleIterator) Value() []byte {
	i.mustBeValid()
	return append([]byte{}, i.it.Value()...)
}

// Error implements dbm.Iterator.
func (i *pebbleIterator) Error() error { return i.it.Error() }

// Close implements dbm.Iterator.
func (i *pebbleIterator) Close() error {
	i.valid = false
	return i.it.Close()
}

func (i *pebbleIterator) mustBeValid() {
	if !i.valid {
		panic("iterator is not valid") // demanded by the interface
	}
}
