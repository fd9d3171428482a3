package state

import (
	"fmt"
	"slices"

	"zhenglian/app/row"
	"zhenglian/app/store"
	"zhenglian/app/tx"
)

// retag judges list.retag: after the key of a list has changed, who proposed an
// entry gives it the tag that the new key makes, so that whoever holds the new
// key alone finds it. What is in force, for whom and until when, does not change.
func (c *Ctx) retag(m tx.MemberID, b *tx.Retagging) ([]write, error) {
	if err := c.inUse(b.List, b.Epoch, "body.epoch"); err != nil {
		return nil, err
	}
	var writes []write
	subjects := make(map[tx.Digest]row.Subject) // as the entries before have left them
	var touched []tx.Digest
	subject := func(tag tx.Digest) (row.Subject, error) {
		s, known := subjects[tag]
		if known {
			return s, nil
		}
		s, _, err := listRow(c, row.SubjectKey(b.List, tag), row.DecodeSubject)
		subjects[tag], touched = s, append(touched, tag)
		return s, err
	}
	for i := range b.Entries {
		re, path := &b.Entries[i], fmt.Sprintf("body.entries[%d]", i)
		e, err := c.entryNamed(b.List, m, re.Entry, path+".entry")
		switch {
		case err != nil:
			return nil, err
		case e.Tag != re.Was:
			return nil, refuse(tx.CodeRetagTag, path+".was", "the entry has "+e.Tag.String())
		case e.Epoch >= b.Epoch:
			return nil, refuse(tx.CodeRetagTag, path+".tag", fmt.Sprintf("the entry has one of epoch %d", e.Epoch))
		}
		old, err := subject(re.Was)
		if err != nil {
			return nil, err
		}
		if at := indexOf(old, e.place.seq); at >= 0 {
			is := old[at]
			next, err := subject(re.Tag)
			if err != nil {
				return nil, err
			}
			if len(next) >= row.MaxInForce {
				return nil, refuse(tx.CodeSubjectFull, path+".tag", fmt.Sprintf("%d entries", len(next)))
			}
			subjects[re.Was] = slices.Delete(slices.Clone(old), at, at+1)
			to, _ := slices.BinarySearchFunc(next, is.Seq, func(f row.InForce, seq uint64) int {
				if f.Seq < seq {
					return -1
				}
				return 1
			})
			subjects[re.Tag] = slices.Insert(slices.Clone(next), to, is)
		}
		e.Was, e.Epoch, e.Tag = row.Tagged{Epoch: e.Epoch, Tag: e.Tag}, b.Epoch, re.Tag
		writes = append(writes, e.save())
	}
	for _, tag := range touched {
		w := write{key: row.SubjectKey(b.List, tag)}
		if s := subjects[tag]; len(s) > 0 {
			w.value = s.Encode()
		}
		writes = append(writes, w)
	}
	return writes, nil
}

// entryNamed returns the entry of a list that a member proposed by a statement
// and that has not ended.
func (c *Ctx) entryNamed(l tx.List, m tx.MemberID, id tx.ID, path string) (*entry, error) {
	no := func(detail string) error { return refuse(tx.CodeRetagEntry, path, detail) }
	seq, ok, err := c.Read.Seq(store.Hash(id))
	if err != nil {
		return nil, broken{err}
	}
	if !ok {
		return nil, no("no such statement")
	}
	p, err := find(c.Read, seq)
	switch {
	case err != nil:
		return nil, err
	case p == nil || p.seq != seq || p.kind != tx.ListPropose:
		return nil, no("want a list.propose")
	case p.origin != m:
		return nil, no("of " + string(p.origin))
	}
	e, err := c.entryOf(p)
	switch {
	case err != nil:
		return nil, err
	case e == nil || e.list != l:
		return nil, no("not on " + l.String())
	case slices.Contains([]row.State{row.Dropped, row.Revoked, row.Ended}, p.matter.State):
		return nil, no("it is " + string(p.matter.State))
	}
	return e, nil
}
