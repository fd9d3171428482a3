package store

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"
)

// What Changes says of every block, replayed on an empty map, gives the state;
// and no block is said to have done what it did not.
func TestChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, err := OpenMemory(Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		state := map[string]string{}
		after := []map[string]string{}
		blocks := rapid.IntRange(1, 12).Draw(t, "blocks")
		for h := range blocks {
			b := s.Begin(int64(h))
			for range rapid.IntRange(0, 30).Draw(t, "writes") {
				key := fmt.Sprintf("%c%02d", 'a'+rapid.IntRange(0, 2).Draw(t, "table"), rapid.IntRange(0, 40).Draw(t, "key"))
				if rapid.IntRange(0, 3).Draw(t, "what") == 0 {
					b.Delete([]byte(key))
					delete(state, key)
					continue
				}
				value := fmt.Sprint(rapid.IntRange(0, 5).Draw(t, "value"))
				b.Set([]byte(key), []byte(value))
				state[key] = value
			}
			if _, err := b.Commit(); err != nil {
				t.Fatal(err)
			}
			after = append(after, maps.Clone(state))
		}
		// Also after later blocks, and in any order.
		for _, h := range rapid.Permutation(heights(blocks)).Draw(t, "order") {
			if h == 0 {
				if _, err := s.Changes(0); !errors.Is(err, ErrNoHeight) {
					t.Fatalf("changes of the first block: %v", err)
				}
				continue
			}
			changes, err := s.Changes(int64(h))
			if err != nil {
				t.Fatal(err)
			}
			got := maps.Clone(after[h-1])
			for i, c := range changes {
				if i > 0 && bytes.Compare(changes[i-1].Key, c.Key) >= 0 {
					t.Fatalf("block %d: %q after %q", h, c.Key, changes[i-1].Key)
				}
				before, was := after[h-1][string(c.Key)]
				if was != (c.Before != nil) || before != string(c.Before) || bytes.Equal(c.Before, c.After) {
					t.Fatalf("block %d: %q was %q, said to be %q and to become %q", h, c.Key, before, c.Before, c.After)
				}
				if c.After == nil {
					delete(got, string(c.Key))
				} else {
					got[string(c.Key)] = string(c.After)
				}
			}
			if !maps.Equal(got, after[h]) {
				t.Fatalf("block %d: with its changes %v, want %v", h, got, after[h])
			}
		}
		if _, err := s.Changes(int64(blocks)); !errors.Is(err, ErrNoHeight) {
			t.Fatalf("changes of a block that is not there: %v", err)
		}
	})
}

func heights(n int) (out []int) {
	for h := range n {
		out = append(out, h)
	}
	return out
}
