package state_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/tx"
)

func (w *world) recall(id tx.ID) *row.Recall {
	w.t.Helper()
	rc, err := state.RecallAt(w.App.Store().View(), id)
	if err != nil || rc == nil {
		w.t.Fatalf("recall: %v, %v", rc, err)
	}
	return rc
}

func (w *world) stateOf(id tx.ID) row.State {
	w.t.Helper()
	s, err := state.Stand(w.App.Store().View(), w.App.Directory(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return s.State
}

// scope reads the units of a recall's scope in their order there.
func (w *world) scope(id tx.ID) []row.UnitID {
	w.t.Helper()
	seq, _, err := w.App.Store().View().Seq([32]byte(id))
	if err != nil {
		w.t.Fatal(err)
	}
	byN := map[int64]row.UnitID{}
	start, end := row.ScopeRange(seq)
	if err := w.App.Store().View().Iterate(start, end, func(k, v []byte) bool {
		in, err := row.DecodeScoped(v)
		if err != nil {
			w.t.Fatal(err)
		}
		byN[in.N] = row.ScopeUnit(k)
		return true
	}); err != nil {
		w.t.Fatal(err)
	}
	ids := make([]row.UnitID, len(byN))
	for n := range ids {
		ids[n] = byN[int64(n)]
	}
	return ids
}

// root computes the root over a scope with another implementation.
func root(t testing.TB, ids []row.UnitID) tx.Digest {
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = hashes[x]
		}
		return out, nil
	})
	for n, id := range ids {
		more, err := tlog.StoredHashesForRecordHash(int64(n), sha256.Sum256(append([]byte{0}, id[:]...)), reader)
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, more...)
	}
	h, err := tlog.TreeHash(int64(len(ids)), reader)
	if err != nil {
		t.Fatal(err)
	}
	return tx.Digest(h)
}

// Plums are recalled: with them goes the jam made of them, wherever it is, and
// nothing else. Then holders answer, and the goods are dealt with.
func TestRecall(t *testing.T) {
	w := newWorld(t, tx.Reject)
	bad, good := lot(plums, "BAD"), lot(plums, "GOOD")
	w.register("qijiang", bad, good, crate(1), crate(2))
	j1, j2, j3, j4, r1 := lot(jam, "J1"), lot(jam, "J2"), lot(jam, "J3"), lot(jam, "J4"), lot(jam, "R1")
	w.must("qijiang", &tx.Transform{Inputs: some(50, bad), Outputs: some(10, j1, j2)})
	w.must("qijiang", &tx.Transform{Inputs: some(50, good), Outputs: some(10, j3)})
	w.must("qijiang", &tx.Transform{Inputs: some(5, j1, j3), Outputs: some(10, r1)}) // mixed: r1 has some of the bad
	w.must("qijiang", &tx.Transform{Inputs: some(50, bad), Outputs: some(10, j4)})   // bad is used up
	w.must("qijiang", &tx.Aggregate{Children: units(j2, j3), Parent: crate(1)})
	w.must("qijiang", &tx.Aggregate{Children: units(crate(1)), Parent: crate(2)})
	offer := w.must("qijiang", &tx.Ship{To: "platform-a", Units: units(crate(2), j4)})

	w.refused(tx.CodeRecaller, "platform", &tx.Recall{Level: 1, Reason: "unsafe", Units: units(bad)})
	id := w.must("officer1", &tx.Recall{Level: 1, Reason: "unsafe", Units: units(bad)}) // a regulator
	frozen := w.Height
	rc := w.recall(id)
	if rc.Frozen != frozen || rc.Count != 5 || w.stateOf(id) != row.Frozen {
		t.Fatalf("frozen in its block: %+v, %s", rc, w.stateOf(id))
	}
	var want []row.UnitID
	for _, c := range []tx.UnitCode{bad, j1, j2, j4, r1} {
		uid, u, err := state.UnitAt(w.App.Store().View(), c)
		if err != nil || u.Recalls != 1 {
			t.Errorf("%s: %+v, %v", c, u, err)
		}
		want = append(want, uid)
	}
	got := w.scope(id)
	if r := state.ScopeRoot(rc); r != root(t, got) {
		t.Errorf("root %s, want %s", r, root(t, got))
	}
	slices.SortFunc(got, func(a, b row.UnitID) int { return slices.Compare(a[:], b[:]) })
	slices.SortFunc(want, func(a, b row.UnitID) int { return slices.Compare(a[:], b[:]) })
	if !slices.Equal(got, want) {
		t.Errorf("scope %v, want %v", got, want)
	}
	for _, c := range []tx.UnitCode{good, j3, crate(1), crate(2)} {
		if u := w.unit(c); u.Recalls != 0 {
			t.Errorf("%s is recalled: %+v", c, u)
		}
	}
	if a, b := w.unit(crate(1)).Hot, w.unit(crate(2)).Hot; a != 1 || b != 1 {
		t.Errorf("recalled inside the crates: %d, %d", a, b)
	}

	// Nothing that is recalled moves, nor what it is in.
	w.refused(tx.CodeRecalled, "qijiang", &tx.Ship{To: "platform-a", Units: units(r1)})
	w.refused(tx.CodeRecalled, "qijiang", &tx.Sell{Reason: "sold", Units: units(j1)})
	w.refused(tx.CodeRecalled, "qijiang", &tx.Transform{Inputs: some(1, r1), Outputs: some(1, lot(jam, "R2"))})
	w.refused(tx.CodeRecalled, "qijiang", &tx.Destroy{Reason: "other", Units: units(r1)})
	// What is on its way may arrive, so that it is known where it is.
	w.Must(w.sign("platform", tx.TraceReceive, offer, &tx.Receive{}))
	w.refused(tx.CodeRecalled, "platform", &tx.Ship{To: "hangzhou-amr", Units: units(crate(2))})
	w.Must(w.sign("platform", tx.TraceDisaggregate, tx.ID{}, &tx.Aggregate{Children: units(crate(1)), Parent: crate(2)}))
	w.must("platform", &tx.Ship{To: "hangzhou-amr", Units: units(crate(2))}) // empty now
	w.Must(w.sign("platform", tx.TraceDisaggregate, tx.ID{}, &tx.Aggregate{Children: units(j2, j3), Parent: crate(1)}))
	w.must("platform", &tx.Ship{To: "hangzhou-amr", Units: units(j3)})
	if u := w.unit(crate(1)); u.Hot != 0 || u.Inside != 0 {
		t.Errorf("emptied crate: %+v", u)
	}

	w.must("qijiang", &tx.Ack{Recall: id})
	w.refused(tx.CodeNotHolder, "qijiang", &tx.Ack{Recall: id})
	w.refused(tx.CodeNotHolder, "city", &tx.Ack{Recall: id})
	w.must("platform", &tx.Dispose{Method: "harmless", Recall: id, Units: units(j2)})
	if u := w.unit(j2); u.State != row.UnitDestroyed {
		t.Errorf("disposed of: %+v", u)
	}
	w.refused(tx.CodeUnitState, "platform", &tx.Dispose{Method: "harmless", Recall: id, Units: units(j2)})
	w.refused(tx.CodeNotCustodian, "qijiang", &tx.Dispose{Method: "harmless", Recall: id, Units: units(j4)})
	w.refused(tx.CodeNotInScope, "qijiang", &tx.Dispose{Method: "harmless", Recall: id, Units: units(good)})
	decision := tx.Digest{1}
	release := &tx.Release{Document: decision, Recall: id, Units: units(r1)}
	e := w.sign("officer1", tx.TraceRelease, tx.ID{}, release)
	w.Must(e)
	w.must("qijiang", &tx.Ship{To: "platform-a", Units: units(r1)})
	w.refused(tx.CodeNotInScope, "officer1", &tx.Release{Document: decision, Recall: id, Units: units(r1)})
	w.Must(w.sign("city", tx.TraceClose, id, &tx.Decision{Document: decision}))
	if rc := w.recall(id); rc.Disposed != 1 || rc.Released != 1 || w.stateOf(id) != row.Closed {
		t.Errorf("closed: %+v, %s", rc, w.stateOf(id))
	}
	w.refused(tx.CodeRecalled, "qijiang", &tx.Ship{To: "platform-a", Units: units(j1)}) // for ever
}

// A unit in two recalls moves when it is released from both; a recalled
// container brings its contents with it.
func TestRecallTwice(t *testing.T) {
	w := newWorld(t, tx.Reject)
	p := lot(plums, "P")
	w.register("qijiang", p, crate(1), crate(2))
	w.must("qijiang", &tx.Aggregate{Children: units(p), Parent: crate(1)})
	w.must("qijiang", &tx.Aggregate{Children: units(crate(1)), Parent: crate(2)})
	a := w.must("qijiang", &tx.Recall{Level: 2, Reason: "origin", Units: units(p)})
	b := w.must("qijiang", &tx.Recall{Level: 2, Reason: "origin", Units: units(crate(1), p)})
	if rc := w.recall(b); rc.Count != 2 || w.unit(p).Recalls != 2 || w.unit(crate(2)).Hot != 2 || w.unit(crate(1)).Hot != 1 {
		t.Errorf("%+v, unit %+v, crates %+v %+v", rc, w.unit(p), w.unit(crate(1)), w.unit(crate(2)))
	}
	for i, id := range []tx.ID{a, b} {
		w.must("officer1", &tx.Release{Document: tx.Digest{1}, Recall: id, Units: units(p)})
		if got := w.unit(p).Recalls; got != int64(1-i) {
			t.Errorf("released %d times: %d", i+1, got)
		}
	}
	w.must("officer1", &tx.Release{Document: tx.Digest{1}, Recall: b, Units: units(crate(1))})
	w.must("qijiang", &tx.Ship{To: "platform-a", Units: units(crate(2))})
}

// A scope that is too large for one block is frozen over several, and is as
// complete: what was made meanwhile of units not yet reached is in it.
func TestRecallOverBlocks(t *testing.T) {
	defer state.BoundTraced(3)()
	w := newWorld(t, tx.Reject)
	p := lot(plums, "P")
	w.register("qijiang", p)
	n := 0
	split := func(from tx.UnitCode, parts int) (out []tx.UnitCode) {
		for range parts {
			n++
			out = append(out, lot(jam, fmt.Sprint("J", n)))
		}
		w.must("qijiang", &tx.Transform{Inputs: some(4, from), Outputs: some(3/int64(parts), out...)})
		return out
	}
	first := split(p, 1)
	for range 11 {
		split(p, 3)
	}
	id := w.must("qijiang", &tx.Recall{Level: 1, Reason: "unsafe", Units: units(p)})
	if rc := w.recall(id); rc.Frozen != 0 || w.stateOf(id) != row.Scoping {
		t.Fatalf("frozen at once: %+v", rc)
	}
	try := func(want tx.Code, key string, kind tx.Kind, prev tx.ID, b tx.Body) {
		if got := w.Deliver(w.sign(key, kind, prev, b)); got != want {
			t.Errorf("%s: %d %s, want %d", kind, got, got.Name(), want)
		}
	}
	// The last jar is not reached yet: it may still be used, and takes what it becomes with it.
	try(tx.CodeOK, "qijiang", tx.TraceTransform, tx.ID{}, &tx.Transform{Inputs: some(1, lot(jam, fmt.Sprint("J", n))), Outputs: some(1, lot(jam, "LATE"))})
	try(tx.CodeNotFrozen, "qijiang", tx.TraceAck, tx.ID{}, &tx.Ack{Recall: id})
	try(tx.CodeNotFrozen, "officer1", tx.TraceRelease, tx.ID{}, &tx.Release{Document: tx.Digest{1}, Recall: id, Units: units(p)})
	try(tx.CodeState, "officer1", tx.TraceClose, id, &tx.Decision{Document: tx.Digest{1}})
	try(tx.CodeRecalled, "qijiang", tx.TraceShip, tx.ID{}, &tx.Ship{To: "platform-a", Units: units(first...)})
	blocks := 0
	for ; w.recall(id).Frozen == 0; blocks++ {
		if blocks > 60 {
			t.Fatal("never frozen")
		}
		w.Block()
	}
	rc := w.recall(id)
	if rc.Count != 1+1+33+1 || state.ScopeRoot(rc) != root(t, w.scope(id)) || int64(len(w.scope(id))) != rc.Count {
		t.Errorf("%d in the scope after %d blocks, %d listed", rc.Count, blocks, len(w.scope(id)))
	}
	seq, _, _ := w.App.Store().View().Seq([32]byte(id))
	start, end := row.QueueRange(seq)
	w.App.Store().View().Iterate(start, end, func(k, _ []byte) bool {
		t.Errorf("queue row %x is left", k)
		return true
	})
	if w.unit(lot(jam, "LATE")).Recalls != 1 {
		t.Error("what was made meanwhile escaped")
	}
	if blocks < 3 {
		t.Errorf("frozen in %d more blocks: the bound does nothing", blocks)
	}
}
