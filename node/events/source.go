package events

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"zhenglian/app/store"
	"zhenglian/client/api"
)

// keepBytes bounds the events of the newest blocks that a Source keeps.
const keepBytes = 32 << 20

// ErrAhead means that a place is beyond the last block.
var ErrAhead = errors.New("place is beyond the last block")

// A Source tells the events of a store. Its methods are safe for concurrent use.
type Source struct {
	store    *store.Store
	building chan struct{} // a token for each block that is being made: readers of old blocks leave a core to the chain

	mu     sync.Mutex
	blocks map[int64]*blockEvents // lately asked for
	order  []int64                // of blocks, oldest first
	bytes  int                    // of blocks
	moved  chan struct{}          // closed and replaced by Notify
}

// blockEvents are the events of one block, made once.
type blockEvents struct {
	once    sync.Once
	events  []api.Event
	bytes   int // about what they take
	err     error
	counted bool // in Source.bytes; guarded by Source.mu
}

// New makes a source.
func New(s *store.Store) *Source {
	return &Source{store: s, building: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)), blocks: make(map[int64]*blockEvents), moved: make(chan struct{})}
}

// Notify says that a block was committed. It never blocks.
func (s *Source) Notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.moved)
	s.moved = make(chan struct{})
}

// Moved returns a channel that is closed when the next block has been committed.
// Who looks at the head after calling it misses none.
func (s *Source) Moved() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.moved
}

// Now is the place after everything that has happened.
func (s *Source) Now() api.EventID {
	head, _ := s.store.Head()
	return api.EventID{Height: head.Height, Index: api.EndOfBlock}
}

// Check refuses a place beyond the last block: of another chain, or of a node
// that is ahead of this one.
func (s *Source) Check(after api.EventID) error {
	if head, _ := s.store.Head(); after.Height > head.Height {
		return fmt.Errorf("%w: height %d, the last is %d", ErrAhead, after.Height, head.Height)
	}
	return nil
}

// scanBlocks bounds the blocks that one call of Next goes through.
const scanBlocks = 256

// Next returns the events after a place for which q asks, in order, at most max,
// and the place up to which they are all there are. It goes through a bounded
// number of blocks: that it returns none does not mean that there are none.
// Only when the place is Now, there are no more.
func (s *Source) Next(ctx context.Context, after api.EventID, q *api.EventQuery, max int) (found []api.Event, to api.EventID, err error) {
	head, _ := s.store.Head()
	to = after
	for n := 0; n < scanBlocks && ctx.Err() == nil; n++ {
		height := to.Height
		if to.Index == api.EndOfBlock {
			height++
		}
		if height > head.Height {
			return found, to, nil
		}
		all, err := s.Block(height)
		if err != nil {
			return found, to, err
		}
		for i := range all {
			e := &all[i]
			if !to.Less(e.ID) || !q.Matches(e) {
				continue
			}
			if len(found) == max {
				return found, found[max-1].ID, nil
			}
			found = append(found, *e)
		}
		to = api.EventID{Height: height, Index: api.EndOfBlock}
	}
	return found, to, ctx.Err()
}

// Block returns the events of one committed block. They must not be modified.
func (s *Source) Block(height int64) ([]api.Event, error) {
	s.mu.Lock()
	b := s.blocks[height]
	if b == nil {
		b = new(blockEvents)
		s.blocks[height] = b
		s.order = append(s.order, height)
	}
	s.mu.Unlock()
	b.once.Do(func() {
		s.building <- struct{}{}
		defer func() { <-s.building }()
		b.events, b.err = build(s.store, height)
		b.bytes = 128
		for i := range b.events {
			b.bytes += 256 + len(b.events[i].Data)
		}
		s.made(height, b)
	})
	return b.events, b.err
}

// made counts a block, and forgets the oldest ones beyond the bound. One that
// could not be made is forgotten at once.
func (s *Source) made(height int64, b *blockEvents) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blocks[height] != b {
		return // forgotten meanwhile
	}
	if b.err != nil {
		delete(s.blocks, height)
		s.order = slices.DeleteFunc(s.order, func(h int64) bool { return h == height })
		return
	}
	b.counted = true
	s.bytes += b.bytes
	for len(s.order) > 1 && s.bytes > keepBytes {
		if oldest := s.blocks[s.order[0]]; oldest.counted {
			s.bytes -= oldest.bytes
		}
		delete(s.blocks, s.order[0])
		s.order = s.order[1:]
	}
}
