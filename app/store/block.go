package store

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// A Block is the one open write. It ends with Commit or Discard and is used by one
// goroutine at a time.
//
// Errors of Get, Seq, Entry and Iterate mean that the database cannot be read: the
// caller must not go on as if a key were absent. A failed Hash or Commit repeats its
// error; after a failed Commit the store takes no further block until it is reopened.
type Block struct {
	s      *Store
	height int64
	prev   *state
	batch  *pebble.Batch
	err    error
	done   bool

	stamp  Hash
	millis int64

	edge      edge
	ids       map[Hash]uint64
	order     []Hash        // the same ids, by sequence number
	envelopes [][]byte      // of this block's entries
	full      []*cachedTile // tiles this block completed
	leaf      []byte        // scratch for one leaf

	state     overlay
	iterating bool
	applied   bool // the overlay's writes are in the writer's tree
	changed   bool // and they change it
	hashed    *Head
}

// Begin opens a block. Heights grow, not necessarily by one; height 0 is for the
// state of genesis. It panics when a block is open or the height is not above the last.
func (s *Store) Begin(height int64) *Block {
	prev := s.cur.Load()
	if s.open {
		panic("store: a block is already open")
	}
	if height < 0 || prev.committed && height <= prev.head.Height {
		panic(fmt.Sprintf("store: block %d cannot follow %d", height, prev.head.Height))
	}
	s.open = true
	return &Block{
		s:      s,
		height: height,
		prev:   prev,
		batch:  s.db.NewBatchWithSize(s.batchSize),
		err:    s.broken,
		edge:   prev.edge,
		ids:    make(map[Hash]uint64),
	}
}

// Stamp notes the header hash and the time, in milliseconds since 1970, of the block
// being written. They go into the head row, where later statements that are anchored
// in this block are checked against them, and into no hash.
func (b *Block) Stamp(hash Hash, millis int64) {
	b.writing()
	b.stamp, b.millis = hash, millis
}

// writing checks that the block may be written and forgets its hash.
func (b *Block) writing() {
	if b.done || b.iterating {
		panic("store: write to a finished block, or while iterating")
	}
	b.hashed = nil
}

// Append adds an entry to the log and returns its sequence number. The id must be
// new to the log (ask Seq), the envelope no longer than MaxEnvelope and left alone
// until the block ends; Append panics when it can tell that they are not.
func (b *Block) Append(id Hash, envelope []byte) (seq uint64) {
	b.writing()
	b.s.fault("log.append")
	if len(envelope) > MaxEnvelope {
		panic(fmt.Sprintf("store: envelope of %d bytes", len(envelope)))
	}
	if _, twice := b.ids[id]; twice {
		panic(fmt.Sprintf("store: %x appended twice", id))
	}
	seq = b.edge.size
	b.ids[id] = seq
	b.order = append(b.order, id)
	b.envelopes = append(b.envelopes, envelope)

	b.leaf = appendLeaf(b.leaf[:0], b.height, envelope)
	entryKey, idKey := keyUint64(prefixEntry, seq), keyID(id)
	b.set(entryKey[:], b.leaf[1:])
	b.set(idKey[:], entryKey[1:])
	b.edge.append(sha256.Sum256(b.leaf), b.emit)
	return seq
}

func (b *Block) emit(level int, index uint64, t *tile) {
	k := keyTile(level, index)
	b.set(k[:], t[:tileBytes])
	b.full = append(b.full, &cachedTile{level, index, t})
}

// set adds a row to the batch.
func (b *Block) set(key, value []byte) {
	if err := b.batch.Set(key, value, nil); err != nil && b.err == nil {
		b.err = fmt.Errorf("add row to batch: %w", err)
	}
}

// Seq finds the entry with an id, in the log or in this block.
func (b *Block) Seq(id Hash) (seq uint64, ok bool, err error) {
	if seq, ok := b.ids[id]; ok {
		return seq, true, nil
	}
	return b.s.seq(id, b.prev.edge.size)
}

// SeqSince is Seq for an id that was absent when the log had from entries; it is
// cheaper when from is recent.
func (b *Block) SeqSince(id Hash, from uint64) (seq uint64, ok bool, err error) {
	if seq, ok := b.ids[id]; ok {
		return seq, true, nil
	}
	return b.s.seqSince(id, from, b.prev.edge.size)
}

// Entry returns an entry of the log or of this block, or ErrNoEntry. Its bytes must
// not be modified.
func (b *Block) Entry(seq uint64) (Entry, error) {
	switch {
	case seq < b.prev.edge.size:
		return b.s.entry(seq)
	case seq < b.edge.size:
		return Entry{Seq: seq, Height: b.height, Envelope: b.envelopes[seq-b.prev.edge.size]}, nil
	}
	return Entry{}, fmt.Errorf("entry %d of %d: %w", seq, b.edge.size, ErrNoEntry)
}

// Get returns the value of a state key as this block left it, nil when there is
// none. It must not be modified.
func (b *Block) Get(key []byte) ([]byte, error) {
	c := b.state.cell(key)
	if c.written {
		return c.value, nil
	}
	if err := b.loadBase(key, c); err != nil {
		return nil, err
	}
	return c.base, nil
}

func (b *Block) loadBase(key []byte, c *cell) error {
	if c.baseKnown {
		return nil
	}
	v, err := b.s.base.Get(key)
	if err != nil {
		return fmt.Errorf("get state key %x: %w", key, err)
	}
	c.base, c.baseKnown = v, true
	return nil
}

// Set writes a state key. Neither key nor value may be empty, because ICS-23 can
// prove neither: that panics. Both are copied. Setting the value a key has already
// is not a write.
func (b *Block) Set(key, value []byte) {
	b.writing()
	if len(key) == 0 || len(value) == 0 {
		panic(fmt.Sprintf("store: empty state key or value: %x = %x", key, value))
	}
	b.state.write(key, bytes.Clone(value))
}

// Delete removes a state key; deleting an absent key is not a write.
func (b *Block) Delete(key []byte) {
	b.writing()
	b.state.write(key, nil)
}

// Iterate calls fn for the state keys in [start, end) as this block left them, in
// ascending order, until fn returns false. A nil bound is open. Key and value must not
// be modified, and fn must not write to the block: that panics.
func (b *Block) Iterate(start, end []byte, fn func(k, v []byte) bool) error {
	defer func(was bool) { b.iterating = was }(b.iterating)
	b.iterating = true

	keys := b.state.keys(start, end)
	more := true
	// ours passes the block's own key to fn, unless the block deleted it.
	ours := func() {
		k := keys[0]
		keys = keys[1:]
		if v := b.state.cells[k].value; v != nil {
			more = fn([]byte(k), v)
		}
	}
	err := iterateTree(b.s.base, b.s.rows, start, end, func(k, v []byte) bool {
		for more && len(keys) > 0 && keys[0] < string(k) {
			ours()
		}
		if !more {
			return false
		}
		if len(keys) > 0 && keys[0] == string(k) {
			ours()
		} else {
			more = fn(k, v)
		}
		return more
	})
	for err == nil && more && len(keys) > 0 {
		ours()
	}
	return err
}

// Hash is the head this block would leave if it were committed now.
func (b *Block) Hash() (Head, error) {
	if b.done {
		panic("store: hash of a finished block")
	}
	if b.hashed != nil {
		return *b.hashed, nil
	}
	if b.err == nil {
		b.err = b.apply()
	}
	if b.err != nil {
		return Head{}, b.err
	}
	logRoot, err := b.edge.root()
	if err != nil {
		b.err = fmt.Errorf("hash log: %w", err)
		return Head{}, b.err
	}
	h := Head{
		Height:      b.height,
		LogSize:     b.edge.size,
		LogRoot:     logRoot,
		StateRoot:   b.prev.head.StateRoot,
		TreeVersion: b.prev.head.TreeVersion,
		Block:       b.stamp,
		Time:        b.millis,
	}
	if b.changed {
		h.StateRoot = Hash(b.s.writer.WorkingHash())
		h.TreeVersion = b.s.writer.WorkingVersion()
	}
	h.AppHash = AppHash(h.LogSize, h.LogRoot, h.StateRoot)
	b.hashed = &h
	return h, nil
}

// apply brings the net writes into the writer's tree, starting from the committed one.
func (b *Block) apply() error {
	b.rollback()
	for _, key := range b.state.keys(nil, nil) {
		c := b.state.cells[key]
		k := []byte(key)
		if err := b.loadBase(k, c); err != nil {
			return err
		}
		// Present values are never empty, so this also tells absent from present.
		if bytes.Equal(c.base, c.value) {
			continue
		}
		b.applied, b.changed = true, true
		var err error
		if c.value == nil {
			_, _, err = b.s.writer.Remove(k)
		} else {
			_, err = b.s.writer.Set(k, c.value)
		}
		if err != nil {
			return fmt.Errorf("write state key %x: %w", k, err)
		}
	}
	return nil
}

// rollback takes the block's writes out of the writer's tree.
func (b *Block) rollback() {
	if b.applied {
		b.s.writer.Rollback()
	}
	b.applied, b.changed = false, false
}

// Commit makes the block durable and then visible, and ends it.
func (b *Block) Commit() (Head, error) {
	h, err := b.Hash()
	if err != nil {
		return Head{}, err
	}
	if err := b.commit(h); err != nil {
		b.err = fmt.Errorf("commit block %d: %w", b.height, err)
		b.s.broken = b.err
		return Head{}, b.err
	}
	return h, nil
}

func (b *Block) commit(h Head) error {
	s := b.s
	s.fault("side.rows")
	if b.changed {
		b.flatten()
		s.fault("tree.save")
		s.rows.out = b.batch
		root, version, err := s.writer.SaveVersion()
		s.rows.out = nil
		if err != nil {
			return fmt.Errorf("save tree: %w", err)
		}
		if version != h.TreeVersion || Hash(root) != h.StateRoot {
			return fmt.Errorf("tree was saved as version %d with root %x, expected %d with %x", version, root, h.TreeVersion, h.StateRoot)
		}
	}
	headKey := keyUint64(prefixHead, uint64(h.Height))
	b.set(headKey[:], h.encode())
	b.set(keyLatest, headKey[1:])
	if b.err != nil {
		return b.err
	}
	s.batchSize = min(b.batch.Len()+b.batch.Len()/4, maxBatchHint)
	s.fault("meta.write")
	if err := b.batch.Commit(pebble.Sync); err != nil {
		return fmt.Errorf("write batch: %w", err)
	}
	s.fault("meta.written")

	next := &state{head: h, committed: true, edge: b.edge, tree: b.prev.tree}
	if b.changed {
		var err error
		if s.base, err = treeAt(s.writer, h.TreeVersion); err != nil {
			return err
		}
		if next.tree, err = treeAt(s.reader, h.TreeVersion); err != nil {
			return err
		}
	}
	for _, t := range b.full {
		s.tiles.slot(t.level, t.index).Store(t)
	}
	// Before the head, so that who sees the head finds its ids.
	s.ids.add(b.order)
	if s.known != nil {
		for i := range b.order {
			s.known.add(&b.order[i])
		}
	}
	s.cur.Store(next)
	b.done, s.open = true, false
	return nil
}

// Discard ends the block without a trace. On a block that has ended it does nothing.
func (b *Block) Discard() {
	if b.done {
		return
	}
	b.rollback()
	// A batch that was not committed has nothing to report.
	_ = b.batch.Close()
	b.done, b.s.open = true, false
}
