package index

import (
	"context"
	"fmt"
	"math"

	"zhenglian/app/tx"
)

// listed are the kinds of traceability and inspection that can be listed.
var listed = []tx.Kind{tx.TraceRecall, tx.TraceShip, tx.TraceSell, tx.TraceTake, tx.InspectTask, tx.DelistOrder}

// trace adds the terms of a statement of traceability: the units that it names,
// or that the hand-over which it answers names.
func (w *writer) trace(s *tx.Statement, seq uint64, matter any) {
	add := func(field int, value string) { w.terms = append(w.terms, term{field, []byte(value), int64(seq)}) }
	for _, k := range listed {
		if s.Kind == k {
			add(fieldKind, string(k))
		}
	}
	if s.Kind.Family() != "trace" {
		return
	}
	body := s.Body
	if opening, ok := matter.(int64); ok && uint64(opening) != seq {
		if s := w.statementOf(uint64(opening)); s != nil {
			body = s.Body
		}
	}
	for _, code := range unitsOf(body) {
		add(fieldUnit, string(code))
	}
}

// statementOf returns the statement of an entry, nil after an error.
func (w *writer) statementOf(seq uint64) *tx.Statement {
	if w.err != nil {
		return nil
	}
	e, err := w.view.Entry(seq)
	if err == nil {
		var env *tx.Envelope
		if env, err = tx.ParseEnvelope(e.Envelope); err == nil {
			var s *tx.Statement
			if s, err = tx.ParseStatement(env.Payload); err == nil {
				return s
			}
		}
	}
	w.err = fmt.Errorf("entry %d: %w", seq, err)
	return nil
}

// unitsOf lists the units that a body names.
func unitsOf(b tx.Body) (codes []tx.UnitCode) {
	amounts := func(as []tx.Amount) {
		for _, a := range as {
			codes = append(codes, a.Code)
		}
	}
	switch b := b.(type) {
	case *tx.Register:
		amounts(b.Units)
	case *tx.Ship:
		return b.Units
	case *tx.Sell:
		return b.Units
	case *tx.Take:
		return b.Units
	case *tx.Aggregate:
		return append(append(codes, b.Children...), b.Parent)
	case *tx.Transform:
		amounts(b.Inputs)
		amounts(b.Outputs)
	case *tx.Destroy:
		return b.Units
	case *tx.Recall:
		return b.Units
	case *tx.Dispose:
		return b.Units
	case *tx.Release:
		return b.Units
	}
	return codes
}

// Unit returns the entries that name a unit, or answer a hand-over of it, before
// an entry (0: all), newest first.
func (x *Index) Unit(ctx context.Context, code tx.UnitCode, before uint64, limit int) ([]uint64, error) {
	return x.entries(ctx, fieldUnit, string(code), before, limit)
}

// Traces returns the entries of a kind that can be listed,
// before an entry (0: all), newest first.
func (x *Index) Traces(ctx context.Context, k tx.Kind, before uint64, limit int) ([]uint64, error) {
	return x.entries(ctx, fieldKind, string(k), before, limit)
}

func (x *Index) entries(ctx context.Context, field int, value string, before uint64, limit int) (seqs []uint64, err error) {
	last := int64(math.MaxInt64)
	if before != 0 {
		last = int64(min(before, math.MaxInt64))
	}
	rows, err := x.read.QueryContext(ctx, "SELECT seq FROM terms WHERE field = ? AND value = ? AND seq < ? ORDER BY seq DESC LIMIT ?", field, []byte(value), last, limit)
	if err != nil {
		return nil, fmt.Errorf("search index: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return nil, fmt.Errorf("search index: %w", err)
		}
		seqs = append(seqs, uint64(seq))
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("search index: %w", err)
	}
	return seqs, nil
}
