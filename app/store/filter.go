package store

import (
	"encoding/binary"
	"sync/atomic"
)

// Bounds of a filter: 16 MiB answer for up to 16 million ids that all but one in
// fifty of the new ones are new. A log that is larger when it is opened goes without.
const (
	filterBits = 1 << 27
	filterIDs  = 1 << 24
)

// filter is a Bloom filter of the ids of the log. Nearly every id that is asked for
// is new, and a database with many levels takes 8 µs to say so. Ids are SHA-256
// digests, so four of their words are four independent hashes.
type filter struct {
	words [filterBits / 64]atomic.Uint64
}

func probes(id *Hash) (at [4]uint64) {
	for i := range at {
		at[i] = binary.LittleEndian.Uint64(id[8*i:]) % filterBits
	}
	return at
}

func (f *filter) add(id *Hash) {
	for _, bit := range probes(id) {
		f.words[bit/64].Or(1 << (bit % 64))
	}
}

// mayHold reports whether id may be in the log. False is certain.
func (f *filter) mayHold(id *Hash) bool {
	for _, bit := range probes(id) {
		if f.words[bit/64].Load()&(1<<(bit%64)) == 0 {
			return false
		}
	}
	return true
}
