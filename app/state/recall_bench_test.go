package state_test

import (
	"fmt"
	"testing"

	"zhenglian/app/state"
	"zhenglian/app/tx"
)

// grow registers a lot and makes units of it, hop by hop, until there are n.
func grow(w *world, n int) tx.UnitCode {
	first := lot(plums, "P")
	w.must("qijiang", &tx.Register{Units: some(tx.MaxQuantity, first)})
	var layer []tx.UnitCode
	made := 1
	take := func(from tx.UnitCode, quantity int64, parts int) (out []tx.UnitCode) {
		for range parts {
			made++
			out = append(out, lot(jam, fmt.Sprint("J", made)))
		}
		e := w.sign("qijiang", tx.TraceTransform, tx.ID{}, &tx.Transform{Inputs: some(quantity, from), Outputs: some(quantity/2/int64(parts), out...)})
		w.Must(e)
		return out
	}
	layer = take(first, tx.MaxQuantity, 20)
	q := int64(tx.MaxQuantity) / 40
	for made < n {
		var next []tx.UnitCode
		for _, u := range layer {
			if made < n {
				next = append(next, take(u, q, min(20, n-made))...)
			}
		}
		layer, q = next, q/40
	}
	return first
}

// BenchmarkRecallFreeze freezes the scope of a recall of 10 000 units in one block.
func BenchmarkRecallFreeze(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		w := newWorld(b, tx.Reject)
		first := grow(w, 10_000)
		e := w.sign("officer1", tx.TraceRecall, tx.ID{}, &tx.Recall{Level: 1, Reason: "unsafe", Units: units(first)})
		wire := e.AppendWire(nil)
		b.StartTimer()
		w.Block(wire)
		b.StopTimer()
		rc, err := state.RecallAt(w.App.Store().View(), e.ID())
		if err != nil || rc.Frozen != w.Height || rc.Count != 10_000 {
			b.Fatalf("%+v, %v", rc, err)
		}
		b.StartTimer()
	}
}
