package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cosmos/iavl"
)

// Options tune a store. The zero value is what a node uses.
type Options struct {
	// FS holds the database; nil means the disk. Tests use vfs.NewMem or
	// vfs.NewStrictMem, which can lose what was not synced.
	FS vfs.FS

	// CacheNodes bounds IAVL's cache, in tree nodes of about 300 bytes. There are
	// two caches of this size, one for the writer and one for readers. Default 200 000.
	CacheNodes int

	// CacheTiles bounds the cache of full log tiles, 16 KiB each. Default 1024,
	// which serves proofs of the newest 256 Ki entries from memory.
	CacheTiles int

	// CacheBytes bounds Pebble's block cache, which Pebble's write buffers (up to
	// 192 MiB while it falls behind, ordinarily 64) are not part of. Default 128 MiB.
	CacheBytes int64

	// Flat are the state keys of which a new database keeps flat rows (see flat.go).
	Flat []Family

	// Fault is for tests: it is called when the named point is reached, and may panic.
	// In order: "log.append" (each entry, before anything of it is kept), "side.rows"
	// (rows of entries and tiles are in the batch), "tree.save" (before the tree is
	// saved into the batch, in blocks that change it), "meta.write" (before the batch is
	// written) and "meta.written" (it is durable, but nobody was told).
	Fault func(point string)
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.CacheNodes == 0 {
		o.CacheNodes = 200_000
	}
	if o.CacheTiles == 0 {
		o.CacheTiles = 1024
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 128 << 20
	}
	if o.Fault == nil {
		o.Fault = func(string) {}
	}
	return o
}

// A Store is an open database. One goroutine at a time may write, through Begin and
// the Block it gives; everything else may be called from anywhere at any time
// before Close.
type Store struct {
	db    *pebble.DB
	fault func(string)
	tiles *tiles
	rows  *treeDB
	ids   *recent
	known *filter // nil: the log is too large for one
	flat  families

	// IAVL clears pointers in saved nodes while it changes a tree. Readers must
	// therefore not share nodes with the writer: they have a tree, and so a node
	// cache, of their own, which is only ever asked for immutable versions.
	reader *iavl.MutableTree

	cur atomic.Pointer[state] // what the last commit left

	// Owned by the writer.
	writer *iavl.MutableTree
	base   *iavl.ImmutableTree // committed version of writer, for the block's own reads
	open   bool                // a block is open
	broken error               // a commit failed halfway: memory may be ahead of disk

	// batchSize is the room that the next block's batch begins with: blocks are much
	// like the one before, and growing by doubling copies everything again.
	batchSize int
}

// state is what readers share of one commit.
type state struct {
	head      Head
	committed bool // head was committed; otherwise it is emptyHead
	edge      edge
	tree      *iavl.ImmutableTree // of Store.reader
}

// Open opens the database in dir, creating it when there is none, and checks that
// the right edge of the log and the version of the tree are those of the last head.
func Open(dir string, o Options) (*Store, error) {
	o = o.withDefaults()
	if err := makeDir(o.FS, dir); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	db, err := openPebble(dir, o)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{
		db:    db,
		fault: o.Fault,
		tiles: &tiles{db: db, cache: make([]atomic.Pointer[cachedTile], o.CacheTiles)},
		rows:  &treeDB{db: db},
	}
	if err := s.load(o.CacheNodes, o.Flat); err != nil {
		return nil, errors.Join(fmt.Errorf("open store: %w", err), db.Close())
	}
	return s, nil
}

// OpenMemory opens a new store that lives in memory, for tests.
func OpenMemory(o Options) (*Store, error) {
	if o.FS == nil {
		o.FS = vfs.NewMem()
	}
	return Open("/store", o)
}

// makeDir creates dir so that it survives a loss of power. Pebble syncs what is in
// its directory, but not the directory's own name.
func makeDir(fs vfs.FS, dir string) error {
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	parent, err := fs.OpenDir(fs.PathDir(dir))
	if err != nil {
		return err
	}
	return errors.Join(parent.Sync(), parent.Close())
}

// maxBatchHint bounds Store.batchSize: a single large block is no habit.
const maxBatchHint = 8 << 20

// Memtables are small enough that flushes and compactions keep the pace of the
// blocks from the start: with 64 MiB the first hundred thousand statements went a
// quarter faster than all that followed, at the same rate over a million. memTables
// of them may wait for their flush before writes do.
const (
	memTableSize = 16 << 20
	memTables    = 6
)

func openPebble(dir string, o Options) (*pebble.DB, error) {
	// Pebble takes memtables off the capacity of the cache. Without room for them the
	// cache would hold nothing, and each look-up would read index and filter again.
	cache := pebble.NewCache(o.CacheBytes + memTables*memTableSize)
	defer cache.Unref()
	p := &pebble.Options{
		FS:                 o.FS,
		Cache:              cache,
		FormatMajorVersion: pebble.FormatValueSeparation,
		Logger:             quietLogger{pebble.DefaultLogger},

		// A commit waits for the disk only in its own sync, so compaction may fall
		// far behind before writes stop.
		MemTableSize:                memTableSize,
		MemTableStopWritesThreshold: memTables,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       64,
		LBaseMaxBytes:               256 << 20,
		CompactionConcurrencyRange:  func() (lower, upper int) { return 1, 2 },
	}
	p.Experimental.ValueSeparationPolicy = apart
	for i := range p.Levels {
		p.TargetFileSizes[i] = 8 << 20 << min(i, 3)
		p.Levels[i] = pebble.LevelOptions{
			BlockSize:      16 << 10,
			IndexBlockSize: 64 << 10,
			// Nearly every id a block asks for is new: ten bits a key answer 99 %
			// of those questions without reading a block.
			FilterPolicy: bloom.FilterPolicy(10),
		}
	}
	p.ApplyCompressionSettings(func() pebble.DBCompressionSettings {
		return pebble.UniformDBCompressionSettings(sstable.SnappyCompression)
	})
	return pebble.Open(dir, p)
}

// apart keeps entries and tiles out of what compactions rewrite: they are written
// once and never deleted, so that no file of them ever needs rewriting, while the ids
// between them are merged again and again.
func apart() pebble.ValueSeparationPolicy {
	return pebble.ValueSeparationPolicy{
		Enabled:               true,
		MinimumSize:           256,
		MaxBlobReferenceDepth: 1 << 10,
	}
}

// quietLogger drops Pebble's notes on its housekeeping. Errors still reach the
// standard error, and a fatal one (a failed write of the log) ends the process.
type quietLogger struct{ pebble.Logger }

func (quietLogger) Infof(string, ...any) {}

// load reads the last head and makes memory agree with it.
func (s *Store) load(cacheNodes int, flat []Family) error {
	if err := s.checkFormat(); err != nil {
		return err
	}
	st := &state{head: emptyHead()}
	height, ok, err := getUint64(s.db, keyLatest)
	if err != nil {
		return fmt.Errorf("read latest height: %w", err)
	}
	if ok {
		st.committed = true
		if st.head, err = s.HeadAt(int64(height)); err != nil {
			return err
		}
	}
	if err := s.loadFlat(flat, ok); err != nil {
		return fmt.Errorf("read what is flat: %w", err)
	}

	st.edge, err = loadEdge(st.head.LogSize, s.entry, s.tiles)
	if err != nil {
		return fmt.Errorf("rebuild right edge of the log: %w", err)
	}
	root, err := st.edge.root()
	if err != nil {
		return fmt.Errorf("hash log: %w", err)
	}
	if root != st.head.LogRoot {
		return fmt.Errorf("log of %d entries has root %x, the head of height %d says %x", st.head.LogSize, root, st.head.Height, st.head.LogRoot)
	}

	if s.writer, err = openTree(s.rows, st.head.TreeVersion, cacheNodes); err != nil {
		return err
	}
	s.reader = newTree(s.rows, cacheNodes)
	if s.base, err = treeAt(s.writer, st.head.TreeVersion); err != nil {
		return err
	}
	if st.tree, err = treeAt(s.reader, st.head.TreeVersion); err != nil {
		return err
	}
	if got := Hash(st.tree.Hash()); got != st.head.StateRoot {
		return fmt.Errorf("tree version %d has root %x, the head of height %d says %x", st.head.TreeVersion, got, st.head.Height, st.head.StateRoot)
	}
	s.ids = newRecent(st.head.LogSize)
	if err := s.loadFilter(st.head.LogSize); err != nil {
		return fmt.Errorf("read ids: %w", err)
	}
	s.cur.Store(st)
	return nil
}

// loadFilter reads all ids of a log that is not too large: half a second a million.
func (s *Store) loadFilter(size uint64) error {
	if size > filterIDs {
		return nil
	}
	s.known = new(filter)
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefixID}, UpperBound: []byte{prefixID + 1}})
	if err != nil {
		return err
	}
	for it.First(); it.Valid(); it.Next() {
		s.known.add((*Hash)(it.Key()[1:]))
	}
	return errors.Join(it.Error(), it.Close())
}

// checkFormat writes the format row into a new database and checks it in an old one.
func (s *Store) checkFormat() error {
	v, err := get(s.db, keyFormat)
	if err != nil {
		return fmt.Errorf("read format: %w", err)
	}
	want := binary.BigEndian.AppendUint32(nil, format)
	if v == nil {
		if err := s.db.Set(keyFormat, want, pebble.Sync); err != nil {
			return fmt.Errorf("write format: %w", err)
		}
		return nil
	}
	if string(v) != string(want) {
		return fmt.Errorf("rows have format %x, this program reads %x", v, want)
	}
	return nil
}

// Close closes the database. Nobody may be reading or writing; an open block is lost.
func (s *Store) Close() error {
	if err := errors.Join(s.writer.Close(), s.reader.Close(), s.db.Close()); err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}

// Head is the latest committed head. When nothing was ever committed ok is false and
// the head is that of an empty log and an empty tree at height 0.
func (s *Store) Head() (head Head, ok bool) {
	st := s.cur.Load()
	return st.head, st.committed
}

// ErrNoHeight means that no block of that height was committed.
var ErrNoHeight = errors.New("height was never committed")

// HeadAt is the head that the block of the given height left.
func (s *Store) HeadAt(height int64) (Head, error) {
	if height < 0 {
		return Head{}, fmt.Errorf("height %d: %w", height, ErrNoHeight)
	}
	k := keyUint64(prefixHead, uint64(height))
	row, err := get(s.db, k[:])
	if err != nil {
		return Head{}, fmt.Errorf("read head of height %d: %w", height, err)
	}
	if row == nil {
		return Head{}, fmt.Errorf("height %d: %w", height, ErrNoHeight)
	}
	return decodeHead(row)
}

// entry reads a row of the log, committed or not.
func (s *Store) entry(seq uint64) (Entry, error) {
	k := keyUint64(prefixEntry, seq)
	row, err := get(s.db, k[:])
	if err != nil {
		return Entry{}, fmt.Errorf("read entry %d: %w", seq, err)
	}
	if row == nil {
		return Entry{}, fmt.Errorf("entry %d is missing", seq)
	}
	return decodeEntry(seq, row)
}

// seqSince is seq for who knows that the id was absent from the log of from entries.
func (s *Store) seqSince(id Hash, from, size uint64) (uint64, bool, error) {
	if n, ok, known := s.ids.find(id, from); known {
		return n, ok && n < size, nil
	}
	return s.seq(id, size)
}

// seq finds an entry by id in a log of the given size. Rows beyond it do not exist:
// they belong to later blocks or to none.
func (s *Store) seq(id Hash, size uint64) (uint64, bool, error) {
	if s.known != nil && !s.known.mayHold(&id) {
		return 0, false, nil
	}
	k := keyID(id)
	n, ok, err := getUint64(s.db, k[:])
	if err != nil {
		return 0, false, fmt.Errorf("look up %x: %w", id, err)
	}
	if !ok || n >= size {
		return 0, false, nil
	}
	return n, true, nil
}
