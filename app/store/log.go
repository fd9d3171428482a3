package store

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8               // tree levels a tile spans
	tileWidth  = 1 << tileHeight // hashes in the lowest level of a full tile
	hashSize   = 32

	// tileBytes is the stored form of a full tile: its lowest level.
	tileBytes = tileWidth * hashSize

	// tileLevels is enough for 2^64 entries.
	tileLevels = 64 / tileHeight
)

// A tile is a complete binary subtree of height 8 under construction or finished:
// 256 hashes of its lowest level, then 128 of the level above, down to 2. The hash
// above those two belongs to the parent tile. The stored and published form is the
// first tileBytes; the levels above are kept so that a proof looks up its hashes
// instead of computing up to 255 of them.
//
// A tile only ever grows: push writes hashes that were not there and changes none.
// So readers that know how far the tile reached at their head share it with the
// writer without a lock, and a block that was discarded leaves nothing behind but
// bytes no reader looks at.
type tile [(2*tileWidth - 2) * hashSize]byte

// offset is where the i-th hash of the tile's j-th level starts.
func (t *tile) offset(j int, i uint64) int {
	return (2*tileWidth - (2*tileWidth)>>j + int(i)) * hashSize
}

func (t *tile) at(j int, i uint64) tlog.Hash {
	o := t.offset(j, i)
	return tlog.Hash(t[o : o+hashSize])
}

// push adds h as the i-th hash of the lowest level, and the hashes of the subtrees
// this completes. When it completes the tile, root is the hash of the whole.
func (t *tile) push(i uint64, h tlog.Hash) (root tlog.Hash, full bool) {
	for j := range tileHeight {
		copy(t[t.offset(j, i):], h[:])
		if i&1 == 0 {
			return tlog.Hash{}, false
		}
		h = tlog.NodeHash(t.at(j, i-1), h)
		i >>= 1
	}
	return h, true
}

// newTile fills a tile from its stored form.
func newTile(stored []byte) (*tile, error) {
	if len(stored) != tileBytes {
		return nil, fmt.Errorf("log tile has %d bytes, not %d", len(stored), tileBytes)
	}
	t := new(tile)
	for i := range uint64(tileWidth) {
		t.push(i, tlog.Hash(stored[i*hashSize:(i+1)*hashSize]))
	}
	return t, nil
}

// root is the hash of a full tile.
func (t *tile) root() tlog.Hash {
	return tlog.NodeHash(t.at(tileHeight-1, 0), t.at(tileHeight-1, 1))
}

// An edge is the right edge of the log: its size and, for each tile level, the tile
// that is not full yet. It is a value; an older copy stays valid (see tile).
type edge struct {
	size  uint64
	right [tileLevels]*tile
}

// append adds a leaf: the leaf's hash, and on average one node hash. It is
// tlog.StoredHashesForRecordHash without the index arithmetic and the allocations.
// Tiles it completes are handed to emit, lowest level first.
func (e *edge) append(leaf tlog.Hash, emit func(level int, index uint64, t *tile)) {
	h := leaf
	for k, n := 0, e.size; k < tileLevels; k, n = k+1, n>>tileHeight {
		i := n % tileWidth
		if i == 0 {
			e.right[k] = new(tile)
		}
		root, full := e.right[k].push(i, h)
		if !full {
			break
		}
		emit(k, n>>tileHeight, e.right[k])
		h = root
	}
	e.size++
}

// root is the root of the log, in at most one node hash a level.
func (e *edge) root() (Hash, error) {
	h, err := tlog.TreeHash(int64(e.size), hashReader{edge: *e})
	return Hash(h), err
}

// full is the number of full tiles at a tile level.
func (e *edge) full(level int) uint64 { return e.size >> (tileHeight * level) >> tileHeight }

// A hashReader gives tlog the hashes of a log from its tiles.
type hashReader struct {
	edge  edge
	tiles *tiles // full tiles; TreeHash of the edge itself needs none
}

func (r hashReader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		level, n := tlog.SplitStoredHashIndex(x)
		k, j := level/tileHeight, level%tileHeight
		index := uint64(n) >> (tileHeight - j)
		t := r.edge.right[k]
		if index < r.edge.full(k) {
			var err error
			if t, err = r.tiles.load(k, index); err != nil {
				return nil, err
			}
		}
		hashes[i] = t.at(j, uint64(n)%(tileWidth>>j))
	}
	return hashes, nil
}

// tiles reads full tiles through a small direct-mapped cache, which needs no lock
// and keeps the newest tiles, where nearly all proofs are made.
type tiles struct {
	db    *pebble.DB
	cache []atomic.Pointer[cachedTile]
}

type cachedTile struct {
	level int
	index uint64
	tile  *tile
}

func (c *tiles) slot(level int, index uint64) *atomic.Pointer[cachedTile] {
	// The tiles above one another that a proof needs fall into different slots.
	return &c.cache[(index+uint64(level)*97)%uint64(len(c.cache))]
}

func (c *tiles) load(level int, index uint64) (*tile, error) {
	slot := c.slot(level, index)
	if t := slot.Load(); t != nil && t.level == level && t.index == index {
		return t.tile, nil
	}
	k := keyTile(level, index)
	stored, err := get(c.db, k[:])
	if err != nil {
		return nil, fmt.Errorf("read log tile %d/%d: %w", level, index, err)
	}
	if stored == nil {
		return nil, fmt.Errorf("log tile %d/%d is missing", level, index)
	}
	t, err := newTile(stored)
	if err != nil {
		return nil, fmt.Errorf("log tile %d/%d: %w", level, index, err)
	}
	slot.Store(&cachedTile{level, index, t})
	return t, nil
}

// loadEdge rebuilds the right edge of a log of the given size: partial tiles of
// level 0 from the entries, those above from the full tiles below them.
func loadEdge(size uint64, entry func(uint64) (Entry, error), tiles *tiles) (edge, error) {
	e := edge{size: size}
	for k := range tileLevels {
		n := size >> (tileHeight * k)
		if n%tileWidth == 0 {
			continue
		}
		t := new(tile)
		for i, at := uint64(0), n&^(tileWidth-1); at < n; i, at = i+1, at+1 {
			var h tlog.Hash
			if k == 0 {
				ent, err := entry(at)
				if err != nil {
					return edge{}, err
				}
				h = LeafHash(ent.Height, ent.Envelope)
			} else {
				below, err := tiles.load(k-1, at)
				if err != nil {
					return edge{}, err
				}
				h = below.root()
			}
			t.push(i, h)
		}
		e.right[k] = t
	}
	return e, nil
}

// ErrNoTile means that a tile or bundle reaches beyond the committed log.
var ErrNoTile = errors.New("no such tile")

// checkTile checks a request for width hashes or entries from index·256 at a level.
func checkTile(size uint64, level int, index uint64, width int) error {
	if level < 0 || level >= tileLevels || width < 1 || width > tileWidth {
		return ErrNoTile
	}
	n := size >> (tileHeight * level)
	if index > n/tileWidth || index*tileWidth+uint64(width) > n {
		return ErrNoTile
	}
	return nil
}
