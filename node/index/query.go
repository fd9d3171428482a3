package index

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"

	"zhenglian/app/tx"
)

// prepared returns the statement of a text, of which there are a few. They are closed with
// the database.
func (x *Index) prepared(ctx context.Context, text string) (*sql.Stmt, error) {
	if s, ok := x.stmts.Load(text); ok {
		return s.(*sql.Stmt), nil
	}
	s, err := x.read.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	if old, ok := x.stmts.LoadOrStore(text, s); ok {
		return old.(*sql.Stmt), s.Close()
	}
	return s, nil
}

// A Query selects evidence. Conditions that are set must all hold.
type Query struct {
	SHA256  tx.Digest   // of a file; zero: any
	SM3     tx.Digest   // of a file; zero: any
	CaseTag tx.Digest   // zero: any
	Member  tx.MemberID // who stated; "": any
	Before  uint64      // only entries before this one; 0: all
	Limit   int         // at least 1
}

// Evidence returns the log entries that q selects, newest first, and whether
// there are more than q.Limit. Entries indexed during the call may be missing.
func (x *Index) Evidence(ctx context.Context, q Query) (seqs []uint64, more bool, err error) {
	var terms []term
	for _, d := range []struct {
		field  int
		digest tx.Digest
	}{{fieldSHA256, q.SHA256}, {fieldSM3, q.SM3}, {fieldCase, q.CaseTag}} {
		if !d.digest.IsZero() {
			terms = append(terms, term{field: d.field, value: d.digest[:]})
		}
	}
	if q.Member != "" {
		terms = append(terms, term{field: fieldMember, value: []byte(q.Member)})
	}
	if len(terms) == 0 {
		terms = []term{{field: fieldAny, value: []byte{}}}
	}
	before := int64(math.MaxInt64)
	if q.Before != 0 {
		before = int64(min(q.Before, math.MaxInt64))
	}

	// The first term, the most selective, is walked in descending order of seq
	// along the primary key; each further one is a look-up in it.
	text := strings.Builder{}
	text.WriteString("SELECT t.seq FROM terms t WHERE t.field = ? AND t.value = ? AND t.seq < ?")
	args := []any{terms[0].field, terms[0].value, before}
	for _, t := range terms[1:] {
		text.WriteString(" AND EXISTS (SELECT 1 FROM terms o WHERE o.field = ? AND o.value = ? AND o.seq = t.seq)")
		args = append(args, t.field, t.value)
	}
	text.WriteString(" ORDER BY t.seq DESC LIMIT ?")
	args = append(args, q.Limit+1)

	stmt, err := x.prepared(ctx, text.String())
	if err != nil {
		return nil, false, fmt.Errorf("search index: %w", err)
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return nil, false, fmt.Errorf("search index: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return nil, false, fmt.Errorf("search index: %w", err)
		}
		if len(seqs) == q.Limit {
			return seqs, true, nil
		}
		seqs = append(seqs, uint64(seq))
	}
	if err := rows.Err(); err != nil {
		return nil, false, fmt.Errorf("search index: %w", err)
	}
	return seqs, false, nil
}
