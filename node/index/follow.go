package index

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"zhenglian/app/store"
	"zhenglian/app/tx"
)

// Fields of the terms table. Numbers are never reused within a schema.
const (
	fieldAny    = 0 // value is empty: every evidence.seal and evidence.batch
	fieldSHA256 = 1 // of a file, 32 bytes
	fieldSM3    = 2 // of a file, 32 bytes
	fieldCase   = 3 // case tag, 32 bytes
	fieldMember = 4 // who stated, text
	fieldUnit   = 5 // code of a unit that a statement of traceability names, text
	fieldKind   = 6 // kind, text; of recalls, hand-overs, inspections and orders to platforms only
)

// batch indexes the next entries and reports whether there are more.
func (x *Index) batch(ctx context.Context) (more bool, err error) {
	v := x.store.View()
	from := x.Position().LogSize
	entries, err := v.Entries(from, batchSize)
	if err != nil || len(entries) == 0 {
		return false, err
	}
	t, err := x.write.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer t.Rollback() // after Commit it does nothing
	b := writer{ctx: ctx, view: v, tx: t, matters: make(map[uint64]any, len(entries))}
	var last tx.ID
	for _, e := range entries {
		last = b.add(e)
	}
	end := entries[len(entries)-1]
	p := Position{LogSize: end.Seq + 1, Height: end.Height}
	b.flush(p, last)
	if b.err != nil {
		return false, b.err
	}
	if err := t.Commit(); err != nil {
		return false, err
	}
	x.moved(p)
	return p.LogSize < v.Head().LogSize, nil
}

// A writer gathers the rows of entries and writes them inside one SQL transaction.
// The first error stays in err and makes the rest do nothing.
type writer struct {
	ctx  context.Context
	view *store.View
	tx   *sql.Tx
	err  error

	statements []any          // rows of the table, one after another
	matters    map[uint64]any // of the statements among them
	terms      []term
	batches    []any    // rows of the table
	handovers  []uint64 // openings of matters that may have changed
	endorsed   []uint64 // entries that were endorsed
}

// A term is a row of terms.
type term struct {
	field int
	value []byte
	seq   int64
}

// Rows are inserted many at a time: a statement costs SQLite and its driver more
// than a row does.
const rowsAtOnce = 64

// insert writes rows of some columns each.
func (w *writer) insert(into string, columns int, args []any) {
	one := "(?" + strings.Repeat(", ?", columns-1) + ")"
	for at := 0; at < len(args) && w.err == nil; {
		n := min(rowsAtOnce, (len(args)-at)/columns)
		query := into + " VALUES " + one + strings.Repeat(", "+one, n-1)
		stmt, err := w.tx.PrepareContext(w.ctx, query)
		if err != nil {
			w.err = err
			return
		}
		for ; at+n*columns <= len(args) && w.err == nil; at += n * columns {
			_, w.err = stmt.ExecContext(w.ctx, args[at:at+n*columns]...)
		}
	}
}

// flush writes what was gathered. Terms go in the order of their table's key.
func (w *writer) flush(p Position, last tx.ID) {
	w.insert("INSERT INTO statements", 8, w.statements)
	w.insert("INSERT INTO batches", 4, w.batches)
	slices.SortFunc(w.terms, func(a, b term) int {
		return cmp.Or(cmp.Compare(a.field, b.field), bytes.Compare(a.value, b.value), cmp.Compare(a.seq, b.seq))
	})
	args := make([]any, 0, 3*len(w.terms))
	for _, t := range w.terms {
		args = append(args, t.field, t.value, t.seq)
	}
	w.insert("INSERT OR IGNORE INTO terms", 3, args) // a file may be there in two roles
	w.orphans()
	if w.err == nil {
		_, w.err = w.tx.ExecContext(w.ctx, "UPDATE cursor SET log_size = ?, height = ?, last = ?", p.LogSize, p.Height, last[:])
	}
}

// add gathers the rows of an entry and returns its statement's id.
func (w *writer) add(e store.Entry) tx.ID {
	if w.err != nil {
		return tx.ID{}
	}
	env, err := tx.ParseEnvelope(e.Envelope)
	if err != nil {
		w.err = fmt.Errorf("entry %d: %w", e.Seq, err)
		return tx.ID{}
	}
	s, err := tx.ParseStatement(env.Payload)
	if err != nil {
		w.err = fmt.Errorf("entry %d: %w", e.Seq, err)
		return tx.ID{}
	}
	id := env.ID()
	var matter, about any
	switch b := s.Body.(type) {
	case *tx.Endorse:
		about = w.find(b.Statement)
	default:
		matter = int64(e.Seq)
		if !s.Prev.IsZero() {
			matter = w.matterOf(s.Prev)
		}
	}
	w.statements = append(w.statements, int64(e.Seq), id[:], e.Height, string(s.Kind), string(s.Member), int64(s.At), matter, about)
	w.matters[e.Seq] = matter
	add := func(field int, value []byte) { w.terms = append(w.terms, term{field, value, int64(e.Seq)}) }
	if b, ok := s.Body.(*tx.Batch); ok {
		add(fieldAny, []byte{})
		add(fieldMember, []byte(s.Member))
		if !b.CaseTag.IsZero() {
			add(fieldCase, b.CaseTag[:])
		}
		w.batches = append(w.batches, int64(e.Seq), b.List[:], b.Count, 0)
	}
	if ev, ok := s.Body.(*tx.Evidence); ok {
		add(fieldAny, []byte{})
		add(fieldMember, []byte(s.Member))
		for i := range ev.Files {
			add(fieldSHA256, ev.Files[i].SHA256[:])
			add(fieldSM3, ev.Files[i].SM3[:])
		}
		if !ev.CaseTag.IsZero() {
			add(fieldCase, ev.CaseTag[:])
		}
	}
	w.trace(s, e.Seq, matter)
	w.handover(s, matter, about)
	return id
}

// find returns the entry of a statement that an accepted one names, or nil.
func (w *writer) find(id tx.ID) any {
	seq, ok, err := w.view.Seq(store.Hash(id))
	if err != nil && w.err == nil {
		w.err = err
	}
	if err != nil || !ok {
		return nil
	}
	return int64(seq)
}

// matterOf returns the matter of the statement that an accepted one continues.
func (w *writer) matterOf(prev tx.ID) any {
	seq, ok := w.find(prev).(int64)
	if !ok || w.err != nil {
		return nil
	}
	if m, ok := w.matters[uint64(seq)]; ok {
		return m
	}
	var m sql.NullInt64
	row := w.tx.QueryRowContext(w.ctx, "SELECT matter FROM statements WHERE seq = ?", seq)
	if w.err = row.Scan(&m); w.err != nil || !m.Valid {
		return nil
	}
	return m.Int64
}
