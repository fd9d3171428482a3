package main

import (
	"io"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"zhenglian/app/row"
)

// The walks of a small graph reach what the queries by hand reach, and a recall
// of a family is all of its lots.
func TestTraces(t *testing.T) {
	g, err := openGoods("ledger", vfs.NewMem())
	if err != nil {
		t.Fatal(err)
	}
	defer g.app.Close()
	g.families, g.shrink = 3, 40
	if err := g.grow(t.Context(), io.Discard); err != nil {
		t.Fatal(err)
	}
	if g.events < 3*g.units || g.units < 3*g.lots() {
		t.Errorf("%d units of %d lots a family, %d events", g.units, g.lots(), g.events)
	}
	db, err := g.openSQL(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	id := func(hop, n int) row.UnitID {
		u, err := g.unit(g.lot(1, hop, n))
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	for _, w := range []struct {
		start row.UnitID
		back  bool
		query string
	}{{id(0, 0), false, sqlForward}, {id(3, 1), false, sqlForward}, {id(10, 7), true, sqlBack}, {id(6, 0), true, sqlBack}} {
		want, _, err := bySQL(t.Context(), db, w.query, w.start)
		if err != nil {
			t.Fatal(err)
		}
		if n, _, _, err := g.byLineage(t.Context(), w.start, w.back); err != nil || n != want || n < 2 {
			t.Errorf("%s, back %t: %d units, %v; by SQL %d", w.start, w.back, n, err, want)
		}
	}
	if _, err := g.freeze(t.Context(), 1); err != nil {
		t.Error(err)
	}
}
