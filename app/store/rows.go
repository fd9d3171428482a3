package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// The first byte of every key; the table is in doc.go.
const (
	prefixMeta  = 'm'
	prefixHead  = 'b'
	prefixEntry = 'e'
	prefixID    = 'i'
	prefixTile  = 'h'
	prefixTree  = 't'
	prefixFlat  = 'f'
)

// format is the layout of the rows; another number is another layout.
const format = 1

var (
	keyFormat = []byte{prefixMeta, 'f', 'o', 'r', 'm', 'a', 't'}
	keyLatest = []byte{prefixMeta, 'l', 'a', 't', 'e', 's', 't'}
	keyFlat   = []byte{prefixMeta, 'f', 'l', 'a', 't'}
)

func keyUint64(prefix byte, n uint64) (k [9]byte) {
	k[0] = prefix
	binary.BigEndian.PutUint64(k[1:], n)
	return k
}

func keyID(id Hash) (k [33]byte) {
	k[0] = prefixID
	copy(k[1:], id[:])
	return k
}

func keyTile(level int, index uint64) (k [10]byte) {
	k[0] = prefixTile
	k[1] = byte(level)
	binary.BigEndian.PutUint64(k[2:], index)
	return k
}

// Head is what one committed block left behind.
type Head struct {
	Height      int64
	LogSize     uint64 // entries in the log
	LogRoot     Hash
	StateRoot   Hash
	AppHash     Hash
	TreeVersion int64 // IAVL version that holds the state; 0 before the first state write
	Block       Hash  // header hash of this block, as given to Stamp; in no hash of ours
	Time        int64 // its time in milliseconds since 1970, as given to Stamp
}

const headSize = 4*8 + 4*32

// emptyHead is the head of a store in which nothing was ever committed.
func emptyHead() Head {
	return Head{LogRoot: emptyRoot, StateRoot: emptyRoot, AppHash: AppHash(0, emptyRoot, emptyRoot)}
}

func (h Head) encode() []byte {
	b := make([]byte, 0, headSize)
	b = binary.BigEndian.AppendUint64(b, uint64(h.Height))
	b = binary.BigEndian.AppendUint64(b, h.LogSize)
	b = binary.BigEndian.AppendUint64(b, uint64(h.TreeVersion))
	b = append(b, h.LogRoot[:]...)
	b = append(b, h.StateRoot[:]...)
	b = append(b, h.AppHash[:]...)
	b = append(b, h.Block[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(h.Time))
}

func decodeHead(b []byte) (Head, error) {
	if len(b) != headSize {
		return Head{}, fmt.Errorf("head row has %d bytes, not %d", len(b), headSize)
	}
	h := Head{
		Height:      int64(binary.BigEndian.Uint64(b)),
		LogSize:     binary.BigEndian.Uint64(b[8:]),
		TreeVersion: int64(binary.BigEndian.Uint64(b[16:])),
		LogRoot:     Hash(b[24:56]),
		StateRoot:   Hash(b[56:88]),
		AppHash:     Hash(b[88:120]),
		Block:       Hash(b[120:152]),
		Time:        int64(binary.BigEndian.Uint64(b[152:])),
	}
	if h.AppHash != AppHash(h.LogSize, h.LogRoot, h.StateRoot) {
		return Head{}, fmt.Errorf("head row of height %d: app hash does not follow from the roots", h.Height)
	}
	return h, nil
}

// Entry is one entry of the log.
type Entry struct {
	Seq      uint64
	Height   int64 // of the block that accepted it
	Envelope []byte
}

func decodeEntry(seq uint64, b []byte) (Entry, error) {
	if len(b) < 8 {
		return Entry{}, fmt.Errorf("row of entry %d is truncated", seq)
	}
	return Entry{Seq: seq, Height: int64(binary.BigEndian.Uint64(b)), Envelope: b[8:]}, nil
}

// get returns a copy of the value at key; nil means there is no such row.
func get(db *pebble.DB, key []byte) ([]byte, error) {
	v, closer, err := db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	// Not append(nil, v...): a row with an empty value is not nil.
	c := make([]byte, len(v))
	copy(c, v)
	return c, closer.Close()
}

// getUint64 reads a row of eight bytes without copying it.
func getUint64(db *pebble.DB, key []byte) (n uint64, ok bool, err error) {
	v, closer, err := db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	if len(v) != 8 {
		return 0, false, errors.Join(fmt.Errorf("row %x has %d bytes, not 8", key, len(v)), closer.Close())
	}
	n = binary.BigEndian.Uint64(v)
	return n, true, closer.Close()
}
