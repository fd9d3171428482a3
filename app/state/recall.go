package state

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"zhenglian/app/row"
	"zhenglian/app/store"
	"zhenglian/app/tx"
)

// A recall stops the units it names, and all that was made of them or is inside
// them. Its scope is found at the end of the block that accepted it, and of the
// blocks after, if it is large: each unit that comes into the scope is stopped
// there and then, so nothing more can be made of it, shipped, or put somewhere.
// When nothing is left to follow, the scope is therefore exactly what the
// ledger held as descendants of the units named at that height, and it can
// never grow again: it is frozen.

// maxTraced bounds the rows that recalls read at the end of one block.
// It is part of the protocol: every node must stop at the same place.
var maxTraced = 30_000

// recall: the maker of the units, or a regulator, recalls them.
func (y *yard) recall(m tx.MemberID, b *tx.Recall) (act, error) {
	regulator := y.c.Dir.members[m].Has("regulator")
	var seeds []row.UnitID
	for i, code := range b.Units {
		path := itemOf("units", i)
		id, u, err := y.named(path, code)
		if err != nil {
			return nil, err
		}
		if !regulator && u.Maker != m {
			return nil, refuse(tx.CodeRecaller, path, "its maker is "+string(u.Maker))
		}
		seeds = append(seeds, id)
	}
	answer, err := y.c.answers(b, seeds)
	if err != nil {
		return nil, err
	}
	return func(seq uint64) []write {
		ws := append(answer(seq), write{row.ScopingKey(seq), []byte("{}")}, write{row.RecallKey(seq), row.Recall{}.Encode()})
		for i, id := range seeds {
			ws = append(ws, write{row.QueueKey(seq, int64(i)), row.Queued{Unit: id}.Encode()})
		}
		return ws
	}, nil
}

// recallAt returns the recall that a body names, and its entry.
func (c *Ctx) recallAt(id tx.ID) (uint64, *row.Recall, error) {
	seq, ok, err := c.seqOf(id)
	if err != nil {
		return 0, nil, err
	}
	if ok {
		rc, err := getRow(c.Read, row.RecallKey(seq), row.DecodeRecall)
		if err != nil || rc != nil {
			return seq, rc, err
		}
	}
	return 0, nil, refuse(tx.CodeNoRecall, "body.recall", id.String())
}

// getRow reads and decodes a row, nil if there is none.
func getRow[T any](r Reader, key []byte, decode func([]byte) (T, error)) (*T, error) {
	b, err := r.Get(key)
	if err != nil {
		return nil, broken{err}
	}
	if b == nil {
		return nil, nil
	}
	v, err := decode(b)
	if err != nil {
		return nil, broken{err}
	}
	return &v, nil
}

// ackRecall: a holder says that it has stopped what it holds.
func (c *Ctx) ackRecall(m tx.MemberID, b *tx.Ack) (act, error) {
	seq, rc, err := c.recallAt(b.Recall)
	if err != nil {
		return nil, err
	}
	if rc.Frozen == 0 {
		return nil, refuse(tx.CodeNotFrozen, "body.recall", "")
	}
	key := row.HolderKey(seq, m)
	h, err := getRow(c.Read, key, row.DecodeHolder)
	if err != nil {
		return nil, err
	}
	if h == nil || h.Acked != 0 {
		return nil, refuse(tx.CodeNotHolder, "member", string(m))
	}
	h.Acked = c.Height
	return just(write{key, h.Encode()}), nil
}

// settleScope sets the outcome of units of a recall's scope, and applies change to
// each. find returns the unit of a code.
func (y *yard) settleScope(recall tx.ID, units []tx.UnitCode, outcome string, find func(path string, code tx.UnitCode) (row.UnitID, *row.Unit, error),
	change func(rc *row.Recall, u *row.Unit) error) (act, error) {
	seq, rc, err := y.c.recallAt(recall)
	if err != nil {
		return nil, err
	}
	if rc.Frozen == 0 {
		return nil, refuse(tx.CodeNotFrozen, "body.recall", "")
	}
	var rows []write
	for i, code := range units {
		path := itemOf("units", i)
		id, u, err := find(path, code)
		if err != nil {
			return nil, err
		}
		key := row.ScopeKey(seq, id)
		in, err := getRow(y.c.Read, key, row.DecodeScoped)
		if err != nil {
			return nil, err
		}
		if in == nil || in.Outcome != "" {
			return nil, refuse(tx.CodeNotInScope, path, string(code))
		}
		if err := change(rc, u); err != nil {
			return nil, err
		}
		in.Outcome = outcome
		rows = append(rows, write{key, in.Encode()})
	}
	return y.done(append(rows, write{row.RecallKey(seq), rc.Encode()})...), nil
}

// dispose: its holder has made recalled units harmless.
func (y *yard) dispose(m tx.MemberID, b *tx.Dispose) (act, error) {
	find := func(path string, code tx.UnitCode) (row.UnitID, *row.Unit, error) {
		id, u, err := y.held(m, path, code, true)
		if err == nil && u.Inside > 0 {
			err = refuse(tx.CodeContainer, path, fmt.Sprintf("%d are in it", u.Inside))
		}
		return id, u, err
	}
	return y.settleScope(b.Recall, b.Units, b.Method, find, func(rc *row.Recall, u *row.Unit) error {
		u.State, u.Left = row.UnitDestroyed, 0
		rc.Disposed++
		return nil
	})
}

// release: units are recalled no more.
func (y *yard) release(b *tx.Release) (act, error) {
	return y.settleScope(b.Recall, b.Units, row.OutcomeReleased, y.named, func(rc *row.Recall, u *row.Unit) error {
		rc.Released++
		if u.Recalls--; u.Recalls > 0 {
			return nil
		}
		return y.above(u, func(p *row.Unit) { p.Hot-- })
	})
}

// above applies change to everything that a unit is inside of, and returns
// when it has come to the outermost.
func (y *yard) above(u *row.Unit, change func(*row.Unit)) error {
	for !u.Parent.IsZero() {
		p, err := y.must(u.Parent)
		if err != nil {
			return err
		}
		change(p)
		u = p
	}
	return nil
}

// A scoper follows a recall for part of a block.
type scoper struct {
	c     *Ctx
	b     *store.Block
	y     *yard
	seq   uint64
	rc    *row.Recall
	seeds int // of the statement
	left  int // rows that may still be read
}

// scopeRecalls goes on freezing the scopes of recalls, in the order in which
// they were accepted, as far as the bound of a block allows.
func (c *Ctx) scopeRecalls(b *store.Block) error {
	var seqs []uint64
	start, end := row.ScopingRange()
	err := b.Iterate(start, end, func(k, _ []byte) bool {
		seqs = append(seqs, row.ScopingSeq(k))
		return len(seqs) < 64 // the others wait for the next block
	})
	if err != nil {
		return broken{err}
	}
	left := maxTraced
	for _, seq := range seqs {
		if left, err = c.scopeRecall(b, seq, left); err != nil || left <= 0 {
			return err
		}
	}
	return nil
}

func (c *Ctx) scopeRecall(b *store.Block, seq uint64, left int) (int, error) {
	rc, err := getRow(b, row.RecallKey(seq), row.DecodeRecall)
	if err != nil {
		return 0, err
	}
	if rc == nil {
		return 0, broken{fmt.Errorf("recall %d is being frozen and not there", seq)}
	}
	_, s, err := statementAt(b, seq)
	if err != nil {
		return 0, err
	}
	f := &scoper{c: c, b: b, y: &yard{c: c, units: make(map[row.UnitID]*row.Unit)}, seq: seq, rc: rc, left: left}
	if rc.Count == 0 {
		f.seeds = len(s.Body.(*tx.Recall).Units)
		if err := f.sow(); err != nil {
			return 0, err
		}
	}
	complete := false
	for f.left > 0 {
		if complete = rc.Done == rc.Count; complete {
			break
		}
		if err := f.follow(); err != nil {
			return 0, err
		}
	}
	put(b, f.y.writes())
	if complete {
		rc.Frozen, rc.Done = c.Height, 0
		put(b, []write{{row.ScopingKey(seq), nil}})
		if err := f.frozen(); err != nil {
			return 0, err
		}
	}
	put(b, []write{{row.RecallKey(seq), rc.Encode()}})
	return f.left, nil
}

// sow takes the units that the statement names into the scope.
func (f *scoper) sow() error {
	var ids []row.UnitID
	for n := range f.seeds {
		q, err := getRow(f.b, row.QueueKey(f.seq, int64(n)), row.DecodeQueued)
		if err != nil {
			return err
		}
		ids = append(ids, q.Unit)
	}
	for _, id := range ids {
		if err := f.visit(id); err != nil {
			return err
		}
	}
	return nil
}

// traced is how many keys follow reads at a time.
const traced = 1000

// follow reads on what comes after the first unit that is not done: what is
// inside it, and what was made of it. A unit of which much was made is followed
// over several calls, and blocks; the cursor says how far.
func (f *scoper) follow() error {
	key := row.QueueKey(f.seq, f.rc.Done)
	q, err := getRow(f.b, key, row.DecodeQueued)
	if err != nil {
		return err
	}
	start, end := row.InsideRange(q.Unit)
	on, err := f.through(start, end, func(k []byte) error { return f.visit(row.InsideChild(k)) })
	if err != nil || !on {
		return err
	}
	start, end = row.UseRange(q.Unit)
	on, err = f.through(start, end, func(k []byte) error {
		ids, err := f.made(row.UseSeq(k))
		for i := 0; err == nil && i < len(ids); i++ {
			err = f.visit(ids[i])
		}
		return err
	})
	if err != nil || !on {
		return err
	}
	f.rc.Done, f.rc.Cursor = f.rc.Done+1, nil
	put(f.b, []write{{key, nil}})
	return nil
}

// through calls fn with the keys of a range, from the cursor on, and reports
// whether it came to the end of the range.
func (f *scoper) through(start, end []byte, fn func(key []byte) error) (bool, error) {
	if slices.Compare(f.rc.Cursor, start) > 0 {
		start = f.rc.Cursor
	}
	if slices.Compare(start, end) >= 0 {
		return true, nil // this range was read before
	}
	var keys [][]byte
	err := f.b.Iterate(start, end, func(k, _ []byte) bool {
		keys = append(keys, slices.Clone(k))
		return len(keys) < traced
	})
	if err != nil {
		return false, broken{err}
	}
	for _, k := range keys {
		if f.left <= 0 {
			f.rc.Cursor = k
			return false, nil
		}
		f.left--
		if err := fn(k); err != nil {
			return false, err
		}
	}
	if len(keys) == traced {
		f.rc.Cursor = append(keys[traced-1], 0)
		return false, nil
	}
	return true, nil
}

// made lists the units that entry seq made.
func (f *scoper) made(seq uint64) (ids []row.UnitID, err error) {
	start, end := row.MadeRange(seq)
	if err = f.b.Iterate(start, end, func(k, _ []byte) bool {
		ids = append(ids, row.UnitOf(k))
		return true
	}); err != nil {
		return nil, broken{err}
	}
	return ids, nil
}

// visit takes a unit into the scope, unless it is there.
func (f *scoper) visit(id row.UnitID) error {
	f.left--
	key := row.ScopeKey(f.seq, id)
	if in, err := getRow(f.b, key, row.DecodeScoped); err != nil || in != nil {
		return err
	}
	u, err := f.y.must(id)
	if err != nil {
		return err
	}
	if u.Recalls++; u.Recalls == 1 {
		if err := f.y.above(u, func(p *row.Unit) { p.Hot++ }); err != nil {
			return err
		}
	}
	top := u
	if err := f.y.above(u, func(p *row.Unit) { top = p }); err != nil {
		return err
	}
	n := f.rc.Count
	f.rc.Count++
	f.rc.Edge = appendLeaf(f.rc.Edge, n, id)
	put(f.b, []write{{key, row.Scoped{N: n}.Encode()}, {row.QueueKey(f.seq, n), row.Queued{Unit: id}.Encode()}})
	if u.State == row.UnitConsumed || top.State != row.UnitActive && top.State != row.UnitOffered {
		return nil // nobody of the ledger holds it
	}
	hkey := row.HolderKey(f.seq, top.Custodian)
	h, err := getRow(f.b, hkey, row.DecodeHolder)
	if err != nil {
		return err
	}
	if h == nil {
		h = new(row.Holder)
	}
	h.Units++
	put(f.b, []write{{hkey, h.Encode()}})
	return nil
}

// frozen moves the recall's matter.
func (f *scoper) frozen() error {
	p, err := find(f.b, f.seq)
	if err != nil {
		return err
	}
	m := p.matter
	m.State, m.Since = row.Frozen, f.c.Height
	put(f.b, []write{{row.MatterKey(f.seq), m.Encode()}})
	return nil
}

// appendLeaf adds the n-th unit to the right edge of the RFC 6962 tree over a
// scope: the roots of the full subtrees, largest first.
func appendLeaf(edge []tx.Digest, n int64, id row.UnitID) []tx.Digest {
	h := tx.Digest(sha256.Sum256(append([]byte{0}, id[:]...)))
	for ; n&1 == 1; n >>= 1 {
		h = inner(edge[len(edge)-1], h)
		edge = edge[:len(edge)-1]
	}
	return append(edge, h)
}

func inner(left, right tx.Digest) tx.Digest {
	return sha256.Sum256(slices.Concat([]byte{1}, left[:], right[:]))
}

// ScopeRoot is the RFC 6962 root over the units of a recall's scope, in their
// order there: leaves are their ids.
func ScopeRoot(rc *row.Recall) tx.Digest {
	if len(rc.Edge) == 0 {
		return sha256.Sum256(nil)
	}
	h := rc.Edge[len(rc.Edge)-1]
	for i := len(rc.Edge) - 2; i >= 0; i-- {
		h = inner(rc.Edge[i], h)
	}
	return h
}

// RecallAt returns the recall of a statement, nil if it is none.
func RecallAt(r Reader, id tx.ID) (*row.Recall, error) {
	_, rc, err := (&Ctx{Read: r}).recallAt(id)
	if tx.CodeOf(err) == tx.CodeNoRecall {
		return nil, nil
	}
	return rc, err
}
