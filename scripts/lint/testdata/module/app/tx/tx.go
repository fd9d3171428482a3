// Package tx is clean: each line is near to something forbidden.
package tx

import (
	"bytes"
	"maps"
	"slices"
	"sync"
	"time"
)

const million int = 1e6

type table struct {
	mu   sync.Mutex
	rows map[string]int
	ids  map[[32]byte]int
}

func (t *table) sum(at int64) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range slices.Sorted(maps.Keys(t.rows)) {
		n += t.rows[k]
	}
	for _, id := range slices.SortedFunc(maps.Keys(t.ids), func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) }) {
		n += t.ids[id]
	}
	if time.Unix(at, 0).UTC().Hour() > 12 || time.UnixMilli(at).In(time.FixedZone("UTC+8", 8*3600)).Weekday() == time.Monday {
		n += million
	}
	return n
}
