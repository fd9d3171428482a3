package store

import "sync"

// recentIDs is how many of the newest entries' ids are kept in memory.
const recentIDs = 1 << 16

// recent holds the ids of the newest entries, so that whoever knows that an id was
// absent from a slightly smaller log need not look it up on disk again.
type recent struct {
	mu   sync.RWMutex
	from uint64 // ids of the entries from here on are held
	seqs map[Hash]uint64
	ids  []Hash // of from, from+1, …
}

func newRecent(size uint64) *recent {
	return &recent{from: size, seqs: make(map[Hash]uint64, recentIDs)}
}

// add appends the ids of a committed block, in order, and forgets the oldest.
func (r *recent) add(ids []Hash) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		r.seqs[id] = r.from + uint64(len(r.ids))
		r.ids = append(r.ids, id)
	}
	if drop := len(r.ids) - recentIDs; drop >= recentIDs/4 { // in batches: copying is linear
		for _, id := range r.ids[:drop] {
			delete(r.seqs, id)
		}
		r.ids = append(r.ids[:0:0], r.ids[drop:]...)
		r.from += uint64(drop)
	}
}

// find looks among the entries from a number on. known is false when those are not
// all held.
func (r *recent) find(id Hash, from uint64) (seq uint64, ok, known bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if from < r.from {
		return 0, false, false
	}
	seq, ok = r.seqs[id]
	return seq, ok && seq >= from, true
}
