package list

import (
	"errors"
	"fmt"

	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// A Hit is an identifier of which something is in force on the list.
type Hit struct {
	Type    Type
	Epoch   int64 // of the first key whose tag was found
	Tag     tx.Digest
	Subject row.Subject // what is in force, under the tags of all keys
}

// A Sweeper looks identifiers up in a set. It is not safe for concurrent use;
// [Sweeper.Clone] makes another.
type Sweeper struct {
	set     *Set
	taggers map[Type][]*Tagger // newest epoch first
	normal  []byte
}

// NewSweeper returns a Sweeper that looks for each identifier under every tagger
// of its type.
func NewSweeper(s *Set, taggers ...*Tagger) (*Sweeper, error) {
	if len(taggers) == 0 {
		return nil, errors.New("sweep: there is no key: open your sealed copy first")
	}
	w := &Sweeper{set: s, taggers: map[Type][]*Tagger{}}
	for _, t := range taggers {
		if t.epoch.List != s.list || t.epoch.Chain != s.head.Chain {
			return nil, fmt.Errorf("sweep: a key of list %s of chain %s, for a copy of list %s of chain %s", t.epoch.List, t.epoch.Chain, s.list, s.head.Chain)
		}
		for _, u := range w.taggers[t.typ] {
			if u.epoch == t.epoch {
				return nil, fmt.Errorf("sweep: two keys of epoch %d", t.epoch.Number)
			}
		}
		w.taggers[t.typ] = append(w.taggers[t.typ], t)
	}
	return w, nil
}

// Clone returns a Sweeper for another goroutine.
func (w *Sweeper) Clone() *Sweeper {
	c := &Sweeper{set: w.set, taggers: map[Type][]*Tagger{}}
	for t, all := range w.taggers {
		for _, g := range all {
			c.taggers[t] = append(c.taggers[t], g.Clone())
		}
	}
	return c
}

// Check looks an identifier up; nil says that nothing is in force. An
// identifier that is none is an error: it was not checked.
func (w *Sweeper) Check(t Type, id []byte) (*Hit, error) {
	taggers := w.taggers[t]
	if len(taggers) == 0 {
		return nil, fmt.Errorf("sweep: there is no key for identifiers of type %q", t)
	}
	var err error
	if w.normal, err = appendNormal(w.normal[:0], t, id); err != nil {
		return nil, err
	}
	// Entries are tagged anew one after the other when a key has changed, so one
	// subject may have some under either.
	var hit *Hit
	for _, g := range taggers {
		tag := g.tag(w.normal)
		i, ok := w.set.find(&tag)
		switch {
		case ok && hit == nil:
			hit = &Hit{Type: t, Epoch: g.epoch.Number, Tag: tag, Subject: w.set.subject(i)}
		case ok:
			hit.Subject = append(hit.Subject[:len(hit.Subject):len(hit.Subject)], w.set.subject(i)...)
		}
	}
	return hit, nil
}
