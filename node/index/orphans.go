package index

import (
	"context"
	"fmt"
	"math"

	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/tx"
)

// Hand-overs that only one side has signed: offers that are not answered or are
// disputed, and goods that left or came back without anybody's confirmation. A row
// goes when the other side has accepted, or the sender taken the goods back.
const orphanTables = `
CREATE TABLE orphans (
	seq    INTEGER PRIMARY KEY,
	kind   TEXT NOT NULL,
	member TEXT NOT NULL,
	other  TEXT NOT NULL
);
`

// handover notes that an entry may have changed the matter of a hand-over.
func (w *writer) handover(s *tx.Statement, matter, about any) {
	switch s.Kind {
	case tx.TraceShip, tx.TraceSell, tx.TraceTake, tx.TraceReceive, tx.TraceDispute, tx.TraceCancel:
		if seq, ok := matter.(int64); ok {
			w.handovers = append(w.handovers, uint64(seq))
		}
	case tx.EndorseKind: // by which one of them may have taken effect
		if seq, ok := about.(int64); ok {
			w.endorsed = append(w.endorsed, uint64(seq))
		}
	}
}

// orphans brings the rows of the hand-overs that were noted up to date. The view is
// of a height that is not below their entries', so what it says of them is final or
// will be looked at again.
func (w *writer) orphans() {
	for _, seq := range w.endorsed {
		if w.err != nil {
			return
		}
		p, err := state.MatterOf(w.view, seq)
		if w.err = err; p != nil {
			w.handovers = append(w.handovers, p.Seq)
		}
	}
	seen := make(map[uint64]bool, len(w.handovers))
	for _, seq := range w.handovers {
		if seen[seq] || w.err != nil {
			continue
		}
		seen[seq] = true
		w.orphan(seq)
	}
}

func (w *writer) orphan(seq uint64) {
	s := w.statementOf(seq)
	if w.err != nil {
		return
	}
	other := ""
	switch b := s.Body.(type) {
	case *tx.Ship:
		other = string(b.To)
	case *tx.Sell, *tx.Take:
	default:
		return
	}
	p, err := state.MatterOf(w.view, seq)
	if err != nil {
		w.err = err
		return
	}
	if p != nil && (p.State == row.Offered || p.State == row.Disputed || p.State == row.OneSided) {
		_, w.err = w.tx.ExecContext(w.ctx, "INSERT OR IGNORE INTO orphans VALUES (?, ?, ?, ?)", int64(seq), string(s.Kind), string(s.Member), other)
	} else {
		_, w.err = w.tx.ExecContext(w.ctx, "DELETE FROM orphans WHERE seq = ?", int64(seq))
	}
}

// An OrphanQuery selects hand-overs that only one side has signed. Conditions that
// are set must all hold.
type OrphanQuery struct {
	Kind   tx.Kind     // "": any
	Member tx.MemberID // who stated it or to whom it was offered; "": anybody
	After  uint64      // only entries from this one on
	Limit  int
}

// Orphans returns the entries of hand-overs that only one side has signed, oldest
// first, and whether there are more.
func (x *Index) Orphans(ctx context.Context, q OrphanQuery) (seqs []uint64, more bool, err error) {
	rows, err := x.read.QueryContext(ctx, `SELECT seq FROM orphans WHERE seq >= ? AND (? = '' OR kind = ?) AND (? = '' OR member = ? OR other = ?) ORDER BY seq LIMIT ?`,
		int64(min(q.After, math.MaxInt64)), string(q.Kind), string(q.Kind), string(q.Member), string(q.Member), string(q.Member), q.Limit+1)
	if err != nil {
		return nil, false, fmt.Errorf("search index: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return nil, false, fmt.Errorf("search index: %w", err)
		}
		seqs = append(seqs, uint64(seq))
	}
	if err := rows.Err(); err != nil {
		return nil, false, fmt.Errorf("search index: %w", err)
	}
	if more = len(seqs) > q.Limit; more {
		seqs = seqs[:q.Limit]
	}
	return seqs, more, nil
}
