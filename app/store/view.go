package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cosmos/iavl"
	ics23 "github.com/cosmos/ics23/go"
	"golang.org/x/mod/sumdb/tlog"
)

// A View reads what one committed block left. It stays valid until the store is
// closed and is safe for concurrent use.
type View struct {
	s    *Store
	head Head
	edge edge // of the log when the view was made: this size or larger
	tree *iavl.ImmutableTree
}

// View is the view of the latest head; of the empty store when nothing was committed.
func (s *Store) View() *View {
	st := s.cur.Load()
	return &View{s: s, head: st.head, edge: st.edge, tree: st.tree}
}

// At is the view of the head of the given height, or ErrNoHeight.
func (s *Store) At(height int64) (*View, error) {
	head, err := s.HeadAt(height)
	if err != nil {
		return nil, err
	}
	st := s.cur.Load() // after the head, so that the edge is not the shorter one
	if height > st.head.Height {
		// Durable, but its commit has not returned yet.
		return nil, fmt.Errorf("height %d: %w", height, ErrNoHeight)
	}
	tree := st.tree
	if head.TreeVersion != st.head.TreeVersion {
		if tree, err = treeAt(s.reader, head.TreeVersion); err != nil {
			return nil, err
		}
	}
	return &View{s: s, head: head, edge: st.edge, tree: tree}, nil
}

// Head is the head the view shows.
func (v *View) Head() Head { return v.head }

// Get returns the value of a state key, nil when there is none. It must not be modified.
func (v *View) Get(key []byte) ([]byte, error) {
	if len(key) > 0 && v.s.flat[key[0]] == len(key) {
		return v.getFlat(key)
	}
	return v.proven(key)
}

// proven is Get from the tree.
func (v *View) proven(key []byte) ([]byte, error) {
	value, err := v.tree.Get(key)
	if err != nil {
		return nil, fmt.Errorf("get state key %x: %w", key, err)
	}
	return value, nil
}

// Iterate calls fn for the state keys in [start, end), ascending, until fn returns
// false. A nil bound is open. Key and value must not be modified.
func (v *View) Iterate(start, end []byte, fn func(k, v []byte) bool) error {
	if v.s.isFlat(start, end) {
		return v.iterateFlat(start, end, fn)
	}
	return iterateTree(v.tree, v.s.rows, start, end, fn)
}

// Prove returns the value of a state key, nil when there is none, and the ICS-23
// proof of its presence or absence under Head().StateRoot, to be checked with
// ics23.IavlSpec. In an empty tree everything is absent and ICS-23 has no proof of
// it: the proof is nil and the root, SHA-256 of nothing, is the evidence.
func (v *View) Prove(key []byte) (value []byte, proof *ics23.CommitmentProof, err error) {
	if len(key) == 0 {
		return nil, nil, errors.New("prove state key: key is empty")
	}
	if v.tree.Size() == 0 {
		return nil, nil, nil
	}
	if value, err = v.proven(key); err != nil {
		return nil, nil, err
	}
	if value != nil {
		proof, err = v.tree.GetMembershipProof(key)
	} else {
		proof, err = v.tree.GetNonMembershipProof(key)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("prove state key %x: %w", key, err)
	}
	return value, proof, nil
}

// ErrNoEntry means that the log has no entry of that number.
var ErrNoEntry = errors.New("no such entry")

// Seq finds the entry with an id in the view's log.
func (v *View) Seq(id Hash) (seq uint64, ok bool, err error) {
	return v.s.seq(id, v.head.LogSize)
}

// SeqSince is Seq for an id that was absent when the log had from entries; it is
// cheaper when from is recent.
func (v *View) SeqSince(id Hash, from uint64) (seq uint64, ok bool, err error) {
	return v.s.seqSince(id, from, v.head.LogSize)
}

// Entry returns an entry of the view's log, or ErrNoEntry.
func (v *View) Entry(seq uint64) (Entry, error) {
	if seq >= v.head.LogSize {
		return Entry{}, fmt.Errorf("entry %d of %d: %w", seq, v.head.LogSize, ErrNoEntry)
	}
	return v.s.entry(seq)
}

// Entries returns at most max entries of the view's log from a number on, fewer at
// the end of the log.
func (v *View) Entries(from uint64, max int) ([]Entry, error) {
	if from >= v.head.LogSize || max <= 0 {
		return nil, nil
	}
	entries := make([]Entry, 0, min(uint64(max), v.head.LogSize-from))
	return v.s.entries(entries, from)
}

// entries fills the capacity of into with entries from a number on.
func (s *Store) entries(into []Entry, from uint64) (_ []Entry, err error) {
	start, end := keyUint64(prefixEntry, from), keyUint64(prefixEntry, from+uint64(cap(into)))
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: start[:], UpperBound: end[:]})
	if err != nil {
		return nil, fmt.Errorf("read entries: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for it.First(); it.Valid(); it.Next() {
		seq := from + uint64(len(into))
		if binary.BigEndian.Uint64(it.Key()[1:]) != seq {
			break
		}
		e, err := decodeEntry(seq, append([]byte(nil), it.Value()...))
		if err != nil {
			return nil, err
		}
		into = append(into, e)
	}
	if it.Error() == nil && len(into) < cap(into) {
		return nil, fmt.Errorf("entry %d is missing", from+uint64(len(into)))
	}
	return into, nil
}

// Inclusion is the RFC 6962 audit path of an entry in the view's log, leaf to root.
func (v *View) Inclusion(seq uint64) ([]Hash, error) {
	if seq >= v.head.LogSize {
		return nil, fmt.Errorf("entry %d of %d: %w", seq, v.head.LogSize, ErrNoEntry)
	}
	p, err := tlog.ProveRecord(int64(v.head.LogSize), int64(seq), v.hashes())
	if err != nil {
		return nil, fmt.Errorf("prove entry %d: %w", seq, err)
	}
	return hashes(p), nil
}

// Consistency is the RFC 6962 proof that the log of oldSize entries is a prefix of
// the view's. It is empty for the empty log, which is a prefix of everything.
func (v *View) Consistency(oldSize uint64) ([]Hash, error) {
	if oldSize > v.head.LogSize {
		return nil, fmt.Errorf("log of %d entries: %w", oldSize, ErrNoEntry)
	}
	if oldSize == 0 {
		return nil, nil
	}
	p, err := tlog.ProveTree(int64(v.head.LogSize), int64(oldSize), v.hashes())
	if err != nil {
		return nil, fmt.Errorf("prove prefix of %d entries: %w", oldSize, err)
	}
	return hashes(p), nil
}

// ConsistencyTo is the proof that the log of oldSize entries is a prefix of that of
// size entries, both prefixes of the view's.
func (v *View) ConsistencyTo(oldSize, size uint64) ([]Hash, error) {
	if size > v.head.LogSize || oldSize > size {
		return nil, fmt.Errorf("logs of %d and %d entries: %w", oldSize, size, ErrNoEntry)
	}
	if oldSize == 0 {
		return nil, nil
	}
	p, err := tlog.ProveTree(int64(size), int64(oldSize), v.hashes())
	if err != nil {
		return nil, fmt.Errorf("prove prefix of %d entries: %w", oldSize, err)
	}
	return hashes(p), nil
}

// RootOf is the root of the first size entries of the view's log.
func (v *View) RootOf(size uint64) (Hash, error) {
	if size > v.head.LogSize {
		return Hash{}, fmt.Errorf("log of %d entries: %w", size, ErrNoEntry)
	}
	h, err := tlog.TreeHash(int64(size), v.hashes())
	if err != nil {
		return Hash{}, fmt.Errorf("root of %d entries: %w", size, err)
	}
	return Hash(h), nil
}

func (v *View) hashes() hashReader { return hashReader{edge: v.edge, tiles: v.s.tiles} }

func hashes(p []tlog.Hash) []Hash {
	h := make([]Hash, len(p))
	for i := range p {
		h[i] = Hash(p[i])
	}
	return h
}

// Tile is a C2SP tlog-tiles hash tile of the latest log: width hashes (1 to 256) of
// tree level 8·level, from index·256 on. It is ErrNoTile when the log is too short.
func (s *Store) Tile(level int, index uint64, width int) ([]byte, error) {
	e := s.cur.Load().edge
	if err := checkTile(e.size, level, index, width); err != nil {
		return nil, fmt.Errorf("tile %d/%d of width %d: %w", level, index, width, err)
	}
	t := e.right[level]
	if index < e.full(level) {
		var err error
		if t, err = s.tiles.load(level, index); err != nil {
			return nil, err
		}
	}
	return append([]byte(nil), t[:width*hashSize]...), nil
}

// Bundle is a C2SP tlog-tiles entry bundle of the latest log: width entries (1 to 256)
// from index·256 on, each a 16-bit length and then height ‖ envelope. It is ErrNoTile
// when the log is too short.
func (s *Store) Bundle(index uint64, width int) ([]byte, error) {
	if err := checkTile(s.cur.Load().edge.size, 0, index, width); err != nil {
		return nil, fmt.Errorf("bundle %d of width %d: %w", index, width, err)
	}
	entries, err := s.entries(make([]Entry, 0, width), index*tileWidth)
	if err != nil {
		return nil, err
	}
	var b []byte
	for _, e := range entries {
		b = binary.BigEndian.AppendUint16(b, uint16(8+len(e.Envelope)))
		b = binary.BigEndian.AppendUint64(b, uint64(e.Height))
		b = append(b, e.Envelope...)
	}
	return b, nil
}
