package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/node/lineage"
)

// traces are the walks of a run. Each is taken in turn with the same walk by a
// recursive query over the same rows in SQLite.
type traces struct {
	forward, back       []float64 // seconds, sorted
	forwardSQL, backSQL []float64
}

// sqlGoods are the rows of units as somebody would keep them who wants nothing
// but to ask this one question of the newest height.
const sqlGoods = `
CREATE TABLE unit (id INTEGER PRIMARY KEY, parent INTEGER, row BLOB NOT NULL);
CREATE TABLE used (unit INTEGER, entry INTEGER, PRIMARY KEY (unit, entry)) WITHOUT ROWID;
CREATE INDEX used_by ON used (entry, unit);
`

// The walks by hand. A unit is entry · 65536 + index.
const (
	sqlForward = `
WITH RECURSIVE walk(id) AS (
	VALUES (?)
	UNION SELECT made.id FROM walk JOIN used ON used.unit = walk.id JOIN unit AS made ON made.id BETWEEN used.entry << 16 AND (used.entry << 16) + 65535
	UNION SELECT inside.parent FROM walk JOIN unit AS inside ON inside.id = walk.id WHERE inside.parent IS NOT NULL
)
SELECT id, row FROM walk JOIN unit USING (id)`
	sqlBack = `
WITH RECURSIVE walk(id) AS (
	VALUES (?)
	UNION SELECT used.unit FROM walk JOIN used ON used.entry = walk.id >> 16
)
SELECT id, row FROM walk JOIN unit USING (id)`
)

func sqlID(u row.UnitID) int64 { return int64(u.Seq()<<16 | uint64(u.Index())) }

// openSQL opens the rows of a graph in SQLite, and makes them when they are not there.
func (g *goods) openSQL(ctx context.Context, dir string) (_ *sql.DB, err error) {
	path := filepath.Join(dir, "goods.sqlite")
	_, missing := os.Stat(path)
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)&_pragma=cache_size(-131072)")
	if err != nil || missing == nil {
		return db, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close(), os.Remove(path))
		}
	}()
	t, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer t.Rollback() // after Commit it does nothing
	if _, err := t.ExecContext(ctx, sqlGoods); err != nil {
		return nil, err
	}
	units, err := t.PrepareContext(ctx, "INSERT INTO unit VALUES (?, ?, ?)")
	if err != nil {
		return nil, err
	}
	uses, err := t.PrepareContext(ctx, "INSERT INTO used VALUES (?, ?)")
	if err != nil {
		return nil, err
	}
	var bad error
	v := g.app.Store().View()
	first, _ := row.MadeRange(0)
	_, last := row.MadeRange(1<<63 - 1)
	if err := v.Iterate(first, last, func(k, value []byte) bool {
		u, err := row.DecodeUnit(value)
		if err != nil {
			bad = err
			return false
		}
		var parent any
		if !u.Parent.IsZero() {
			parent = sqlID(u.Parent)
		}
		_, bad = units.ExecContext(ctx, sqlID(row.UnitOf(k)), parent, value)
		return bad == nil
	}); err != nil || bad != nil {
		return nil, errors.Join(err, bad)
	}
	first, last = row.UseRange(row.UnitID{})
	last[1] = 0x80 // every unit
	if err := v.Iterate(first, last, func(k, _ []byte) bool {
		_, bad = uses.ExecContext(ctx, sqlID(row.UseUnit(k)), int64(row.UseSeq(k)))
		return bad == nil
	}); err != nil || bad != nil {
		return nil, errors.Join(err, bad)
	}
	return db, t.Commit()
}

// bySQL walks by a query, and returns the units reached and the seconds it took.
func bySQL(ctx context.Context, db *sql.DB, query string, start row.UnitID) (n int, seconds float64, err error) {
	began := time.Now()
	rows, err := db.QueryContext(ctx, query, sqlID(start))
	if err != nil {
		return 0, 0, err
	}
	defer rows.Close()
	var id int64
	var value sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&id, &value); err != nil {
			return 0, 0, err
		}
		n++
	}
	return n, time.Since(began).Seconds(), rows.Err()
}

// byLineage walks as a gateway does.
func (g *goods) byLineage(ctx context.Context, start row.UnitID, back bool) (n, depth int, seconds float64, err error) {
	began := time.Now()
	cut, err := lineage.Walk(ctx, g.app.Store().View(), lineage.Query{Start: start, Back: back}, func(s lineage.Step) error {
		n, depth = n+1, max(depth, s.Depth)
		return nil
	})
	if err == nil && cut {
		err = errors.New("the walk was cut short")
	}
	return n, depth, time.Since(began).Seconds(), err
}

// openGraph opens the graph of this run's size: a tenth of it for a look.
func (b *bench) openGraph(ctx context.Context) (*goods, string, error) {
	families := goodsFamilies
	if b.scale.pairs == 1 {
		families /= 10
	}
	return makeGoods(ctx, families, b.progress)
}

// makeTraces measures all walks at once.
func (b *bench) makeTraces(ctx context.Context) (_ *traces, err error) {
	if b.traces != nil {
		return b.traces, nil
	}
	walks := 40
	if b.scale.pairs == 1 {
		walks = 10
	}
	g, dir, err := b.openGraph(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.app.Close()) }()
	db, err := g.openSQL(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	t := new(traces)
	for i := range walks {
		f := i * 7 % g.families
		first, err := g.unit(g.lot(f, 0, 0))
		if err != nil {
			return nil, err
		}
		last, err := g.unit(g.lot(f, len(goodsWidths)-1, i*577%g.width(len(goodsWidths)-1)))
		if err != nil {
			return nil, err
		}
		for _, w := range []struct {
			start    row.UnitID
			back     bool
			query    string
			ours     *[]float64
			sql      *[]float64
			min, max int // units
		}{
			{first, false, sqlForward, &t.forward, &t.forwardSQL, g.lots(), 2 * g.lots()},
			{last, true, sqlBack, &t.back, &t.backSQL, len(goodsWidths), g.lots()},
		} {
			n, alone, err := bySQL(ctx, db, w.query, w.start)
			if err != nil {
				return nil, err
			}
			m, depth, took, err := g.byLineage(ctx, w.start, w.back)
			if err != nil {
				return nil, err
			}
			if m != n || m < w.min || m > w.max || depth < len(goodsWidths)-1 {
				return nil, fmt.Errorf("unit %s: %d units over %d hops, by SQL %d; want %d to %d", w.start, m, depth, n, w.min, w.max)
			}
			fmt.Fprintf(b.progress, "trace %d/%d back %t: %d units, %d hops, %.1f ms, by SQL %.1f ms\n", i+1, walks, w.back, m, depth, 1e3*took, 1e3*alone)
			*w.ours, *w.sql = append(*w.ours, took), append(*w.sql, alone)
		}
	}
	for _, s := range [][]float64{t.forward, t.back, t.forwardSQL, t.backSQL} {
		slices.Sort(s)
	}
	b.traces = t
	return t, nil
}

func traceForward(ctx context.Context, b *bench) (pair, error) {
	t, err := b.makeTraces(ctx)
	if err != nil {
		return pair{}, err
	}
	return pair{at(t.forward, 0.95), at(t.forwardSQL, 0.95)}, nil
}

func traceBack(ctx context.Context, b *bench) (pair, error) {
	t, err := b.makeTraces(ctx)
	if err != nil {
		return pair{}, err
	}
	return pair{at(t.back, 0.95), at(t.backSQL, 0.95)}, nil
}

// recallFreeze measures the block that accepts a recall of a family's first lot,
// from FinalizeBlock until it is durable, in which the scope of 10 000 units is
// followed and frozen. The ceiling is a block that does nothing but write as many
// rows: those of the units and of a scope. It works on a copy of the graph.
func recallFreeze(ctx context.Context, b *bench) (_ pair, err error) {
	g, dir, err := b.openGraph(ctx)
	if err != nil {
		return pair{}, err
	}
	families, height := g.families, g.height
	if err := g.app.Close(); err != nil {
		return pair{}, err
	}
	spoiled, err := os.MkdirTemp("", "recall")
	if err != nil {
		return pair{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(spoiled)) }()
	if err := os.CopyFS(spoiled, os.DirFS(dir)); err != nil {
		return pair{}, err
	}
	if g, err = openGoods(spoiled, nil); err != nil {
		return pair{}, err
	}
	defer func() { err = errors.Join(err, g.app.Close()) }()
	g.families, g.height = families, height
	var ps []pair
	for i := range b.scale.pairs {
		var p pair
		if p.ceiling, err = g.writeScope(2 * i); err != nil {
			return pair{}, err
		}
		if p.value, err = g.freeze(ctx, 2*i+1); err != nil {
			return pair{}, err
		}
		fmt.Fprintf(b.progress, "recall.freeze %d/%d %.0f ms, as many rows written %.0f ms\n", i+1, b.scale.pairs, 1e3*p.value, 1e3*p.ceiling)
		ps = append(ps, p)
	}
	return median(ps), nil
}

// freeze recalls a family, and returns the seconds that its block took.
func (g *goods) freeze(ctx context.Context, family int) (float64, error) {
	g.height++
	s := &tx.Statement{Chain: chainID, Kind: tx.TraceRecall, Member: goodsMembers[0].member, At: tx.TimeOf(goodsTime(g.height)), Expires: 5_000_000,
		Body: &tx.Recall{Level: 1, Reason: "unsafe", Units: []tx.UnitCode{g.lot(family, 0, 0)}}}
	text, err := s.Encode()
	if err != nil {
		return 0, err
	}
	e, err := tx.Seal(text, g.byName[goodsMembers[0].key])
	if err != nil {
		return 0, err
	}
	took, err := g.run(ctx, e.AppendWire(nil))
	if err != nil {
		return 0, err
	}
	rc, err := state.RecallAt(g.app.Store().View(), e.ID())
	if err == nil && (rc.Frozen != g.height || rc.Count != int64(g.lots())) {
		err = fmt.Errorf("%d units of %d, frozen at %d; the block is %d", rc.Count, g.lots(), rc.Frozen, g.height)
	}
	return took.Seconds(), err
}

// writeScope writes the rows that a recall of a family does, and returns the
// seconds that it took.
func (g *goods) writeScope(family int) (float64, error) {
	first, err := g.unit(g.lot(family, 0, 0))
	if err != nil {
		return 0, err
	}
	g.height++
	var ids []row.UnitID
	var rows [][]byte
	if _, err := lineage.Walk(context.Background(), g.app.Store().View(), lineage.Query{Start: first}, func(s lineage.Step) error {
		if !s.Unit.Code.Container() {
			s.Unit.Recalls, s.Unit.Since = 1, g.height
			ids, rows = append(ids, s.ID), append(rows, s.Unit.Encode())
		}
		return nil
	}); err != nil {
		return 0, err
	}
	b := g.app.Store().Begin(g.height)
	b.Stamp(store.Hash{}, int64(tx.TimeOf(goodsTime(g.height))))
	began := time.Now()
	for i, id := range ids {
		b.Set(row.UnitKey(id), rows[i])
		b.Set(row.ScopeKey(uint64(family), id), row.Scoped{N: int64(i)}.Encode())
	}
	_, err = b.Commit()
	return time.Since(began).Seconds(), err
}
