package index

import (
	"context"
	"database/sql"
	"fmt"

	"zhenglian/app/store"
	"zhenglian/app/tx"
)

// Fields of the terms table. Numbers are never reused within a schema.
const (
	fieldAny    = 0 // value is empty: every evidence.seal
	fieldSHA256 = 1 // of a file, 32 bytes
	fieldSM3    = 2 // of a file, 32 bytes
	fieldCase   = 3 // case tag, 32 bytes
	fieldMember = 4 // who stated, text
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
	b := writer{ctx: ctx, view: v}
	b.prepare(t)
	var last tx.ID
	for _, e := range entries {
		last = b.add(e)
	}
	end := entries[len(entries)-1]
	p := Position{LogSize: end.Seq + 1, Height: end.Height}
	b.exec(b.cursor, p.LogSize, p.Height, last[:])
	if b.err != nil {
		return false, b.err
	}
	if err := t.Commit(); err != nil {
		return false, err
	}
	x.moved(p)
	return p.LogSize < v.Head().LogSize, nil
}

// A writer adds entries inside one SQL transaction. The first error stays in
// err and makes the rest do nothing.
type writer struct {
	ctx  context.Context
	view *store.View
	err  error

	statement, term, matter, cursor *sql.Stmt // closed with the transaction
}

func (w *writer) prepare(t *sql.Tx) {
	for dst, query := range map[**sql.Stmt]string{
		&w.statement: "INSERT INTO statements VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		&w.term:      "INSERT OR IGNORE INTO terms VALUES (?, ?, ?)", // a file may be there in two roles
		&w.matter:    "SELECT matter FROM statements WHERE seq = ?",
		&w.cursor:    "UPDATE cursor SET log_size = ?, height = ?, last = ?",
	} {
		s, err := t.PrepareContext(w.ctx, query)
		if err != nil && w.err == nil {
			w.err = err
		}
		*dst = s
	}
}

func (w *writer) exec(s *sql.Stmt, args ...any) {
	if w.err == nil {
		_, w.err = s.ExecContext(w.ctx, args...)
	}
}

// add writes the rows of an entry and returns its statement's id.
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
	w.exec(w.statement, int64(e.Seq), id[:], e.Height, string(s.Kind), string(s.Member), int64(s.At), matter, about)
	if ev, ok := s.Body.(*tx.Evidence); ok {
		add := func(field int, value []byte) { w.exec(w.term, field, value, int64(e.Seq)) }
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
	seq := w.find(prev)
	if seq == nil || w.err != nil {
		return nil
	}
	var m sql.NullInt64
	if w.err = w.matter.QueryRowContext(w.ctx, seq).Scan(&m); w.err != nil || !m.Valid {
		return nil
	}
	return m.Int64
}
