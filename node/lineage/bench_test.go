package lineage

import (
	"context"
	"fmt"
	"testing"

	"zhenglian/app/apptest"
	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/tx"
)

// goods is a chain with n units: a lot, and what was made of it over ten hops.
func goods(b *testing.B, n int) (c *apptest.Chain, first, last row.UnitID) {
	const product tx.ProductCode = "zg/50011000010017"
	c = apptest.New(b)
	c.Block()
	do := func(kind tx.Kind, body tx.Body) []byte {
		return c.Sign(c.Statement("qijiang-amr", kind, tx.ID{}, body), "qijiang").AppendWire(nil)
	}
	code := func(i int) tx.UnitCode { return tx.UnitCode(fmt.Sprintf("%s/10/L%d", product, i)) }
	c.Block(do(tx.TraceProduct, &tx.Product{Mode: tx.Flag, NameEN: "Plums", NameZH: "李子", Code: product, UOM: "g"}))
	c.Block(do(tx.TraceRegister, &tx.Register{Units: []tx.Amount{{Code: code(0), Quantity: tx.MaxQuantity}}}))
	made, layer := 1, []int{0}
	for hop := range 10 {
		width := n/10 + 1
		var txs [][]byte
		var next []int
		for len(next) < width && made < n {
			parts := min(20, width-len(next), n-made)
			body := &tx.Transform{Inputs: []tx.Amount{{Code: code(layer[len(txs)%len(layer)]), Quantity: 1}}}
			for range parts {
				body.Outputs = append(body.Outputs, tx.Amount{Code: code(made), Quantity: 1000}) // more than was put in, which the product only flags
				next = append(next, made)
				made++
			}
			txs = append(txs, do(tx.TraceTransform, body))
		}
		for i, r := range c.Block(txs...) {
			if r.Code != 0 {
				b.Fatalf("hop %d, %d: %s", hop, i, r.Log)
			}
		}
		layer = next
	}
	id := func(i int) row.UnitID {
		id, u, err := state.UnitAt(c.App.Store().View(), code(i))
		if err != nil || u == nil {
			b.Fatal(i, u, err)
		}
		return id
	}
	return c, id(0), id(n - 1)
}

// BenchmarkForward walks from a lot to all 10 000 units that were made of it
// over ten hops; BenchmarkBack from one of the last to the lot.
func BenchmarkForward(b *testing.B) { benchmark(b, false, 10_000) }
func BenchmarkBack(b *testing.B)    { benchmark(b, true, 11) }

func benchmark(b *testing.B, back bool, want int) {
	c, first, last := goods(b, 10_000)
	start := first
	if back {
		start = last
	}
	for b.Loop() {
		n := 0
		if cut, err := Walk(context.Background(), c.App.Store().View(), Query{Start: start, Back: back}, func(Step) error { n++; return nil }); err != nil || cut || n != want {
			b.Fatalf("%d units, want %d; cut %v, %v", n, want, cut, err)
		}
	}
}
