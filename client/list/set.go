package list

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"

	"zhenglian/app/receipt"
	"zhenglian/app/row"
	"zhenglian/app/span"
	"zhenglian/app/tx"
)

// A Set is what was in force on a list after a block, whole and proven. It is
// never changed and safe for concurrent use.
type Set struct {
	list tx.List
	head *receipt.StateHead
	tree *span.Tree

	// seen has a bit for what some bits of each tag say: most that are asked for
	// need not be looked for. It is small enough to stay in a processor's cache.
	seen []uint64

	// Tags are spread evenly: the first bits of one say near where it is.
	tags  []tx.Digest // ascending
	rows  [][]byte    // values, in the order of tags
	first []uint32    // of each value of the first bits: the first tag with it
	shift int         // 64 minus the number of these bits
}

func newSet(l tx.List, h *receipt.StateHead, t *span.Tree) (*Set, error) {
	s := &Set{list: l, head: h, tree: t, tags: make([]tx.Digest, 0, t.Len()), rows: make([][]byte, 0, t.Len())}
	for rest, value := range t.All() {
		if len(rest) != len(tx.Digest{}) {
			return nil, fmt.Errorf("%w: %x is no key of a subject", ErrProof, rest)
		}
		if _, err := row.DecodeSubject(value); err != nil {
			return nil, fmt.Errorf("%w: row of tag %x: %w", ErrProof, rest, err)
		}
		s.tags = append(s.tags, tx.Digest(rest))
		s.rows = append(s.rows, value)
	}
	bits := 1
	for 1<<bits < len(s.tags) && bits < 24 {
		bits++
	}
	s.shift = 64 - bits
	s.seen = make([]uint64, max(1, 1<<bits*16/64))
	for i := range s.tags {
		word, bit := s.mark(&s.tags[i])
		s.seen[word] |= bit
	}
	s.first = make([]uint32, 1<<bits+1)
	for _, tag := range s.tags {
		s.first[s.slot(&tag)+1]++
	}
	for i := 1; i < len(s.first); i++ {
		s.first[i] += s.first[i-1]
	}
	return s, nil
}

func (s *Set) slot(tag *tx.Digest) uint64 { return binary.BigEndian.Uint64(tag[:8]) >> s.shift }

// mark is the place in seen of a tag.
func (s *Set) mark(tag *tx.Digest) (word int, bit uint64) {
	h := binary.BigEndian.Uint64(tag[8:16])
	return int(h>>6) & (len(s.seen) - 1), 1 << (h & 63)
}

// List returns the list.
func (s *Set) List() tx.List { return s.list }

// Head returns the block and the roots that the set was proven against.
func (s *Set) Head() *receipt.StateHead { return s.head }

// Base returns the state of the set, from which a delta is to begin.
func (s *Set) Base() Base { return Base{s.head.Height, s.head.StateRoot} }

// Len returns the number of subjects.
func (s *Set) Len() int { return len(s.tags) }

// find returns the place of a tag.
func (s *Set) find(tag *tx.Digest) (int, bool) {
	if word, bit := s.mark(tag); s.seen[word]&bit == 0 {
		return 0, false
	}
	slot := s.slot(tag)
	lo, hi := int(s.first[slot]), int(s.first[slot+1])
	for lo < hi {
		mid := (lo + hi) / 2
		switch bytes.Compare(s.tags[mid][:], tag[:]) {
		case 0:
			return mid, true
		case -1:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return 0, false
}

// Has reports whether an entry about the subject is in force.
func (s *Set) Has(tag tx.Digest) bool {
	_, ok := s.find(&tag)
	return ok
}

// Get returns what is in force about a subject; nil: nothing is, and that is
// proven.
func (s *Set) Get(tag tx.Digest) row.Subject {
	i, ok := s.find(&tag)
	if !ok {
		return nil
	}
	return s.subject(i)
}

func (s *Set) subject(i int) row.Subject {
	e, _ := row.DecodeSubject(s.rows[i]) // newSet has read it
	return e
}

// All goes through the subjects, ascending by tag.
func (s *Set) All() iter.Seq2[tx.Digest, row.Subject] {
	return func(yield func(tx.Digest, row.Subject) bool) {
		for i, tag := range s.tags {
			if !yield(tag, s.subject(i)) {
				return
			}
		}
	}
}

// A Change is how a subject differs between two sets.
type Change struct {
	Tag      tx.Digest
	Was, Now row.Subject // nil: nothing in force
}

// Changes goes through the subjects that differ between an older set and s: whom
// to act against, and whom to stop acting against.
func (s *Set) Changes(older *Set) iter.Seq[Change] {
	return func(yield func(Change) bool) {
		i, j := 0, 0
		for i < len(older.tags) || j < len(s.tags) {
			order := 0
			switch {
			case i == len(older.tags):
				order = 1
			case j == len(s.tags):
				order = -1
			default:
				order = bytes.Compare(older.tags[i][:], s.tags[j][:])
			}
			var c Change
			switch {
			case order < 0:
				c = Change{Tag: older.tags[i], Was: older.subject(i)}
				i++
			case order > 0:
				c = Change{Tag: s.tags[j], Now: s.subject(j)}
				j++
			default:
				at, before := j, i
				i, j = i+1, j+1
				if string(older.rows[before]) == string(s.rows[at]) {
					continue
				}
				c = Change{Tag: s.tags[at], Was: older.subject(before), Now: s.subject(at)}
			}
			if !yield(c) {
				return
			}
		}
	}
}
