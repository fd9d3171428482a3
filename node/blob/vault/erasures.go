package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"zhenglian/app/tx"
	"zhenglian/client/custody"
	"zhenglian/node/blob"
)

// Erasures is up to which entry the log was searched for erasures, and the entries
// with one that is not settled.
func (v *Vault) Erasures(ctx context.Context) (next uint64, waiting []uint64, err error) {
	err = v.books.sql.QueryRowContext(ctx, "SELECT value FROM facts WHERE name = 'entries'").Scan(&next)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, nil, err
	}
	rows, err := v.books.sql.QueryContext(ctx, "SELECT seq FROM erasures ORDER BY seq")
	if err != nil {
		return 0, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var seq uint64
		if err := rows.Scan(&seq); err != nil {
			return 0, nil, err
		}
		waiting = append(waiting, seq)
	}
	return next, waiting, rows.Err()
}

// FoundErasures notes entries with erasures among those before next.
func (v *Vault) FoundErasures(ctx context.Context, next uint64, found []uint64) error {
	t, err := v.books.sql.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback() // after Commit it does nothing
	for _, seq := range found {
		if _, err := t.Exec("INSERT OR IGNORE INTO erasures (seq) VALUES (?)", int64(seq)); err != nil {
			return err
		}
	}
	if _, err := t.Exec("INSERT INTO facts (name, value) VALUES ('entries', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", int64(next)); err != nil {
		return err
	}
	return t.Commit()
}

// SettledErasure notes that nothing of an entry is left to do.
func (v *Vault) SettledErasure(ctx context.Context, seq uint64) error {
	_, err := v.books.sql.ExecContext(ctx, "DELETE FROM erasures WHERE seq = ?", int64(seq))
	return err
}

// Spare says in the log, once, that a file was not erased because other evidence names it.
func (v *Vault) Spare(ctx context.Context, statement tx.ID, d blob.Digest, other tx.ID) error {
	return v.refuse(ctx, d, fmt.Sprintf("statement %v: named by %v", statement, other))
}

// refuse writes a line of kind refused, unless it is the newest about the file.
func (v *Vault) refuse(ctx context.Context, d blob.Digest, why string) error {
	var last []byte
	err := v.books.sql.QueryRowContext(ctx, "SELECT line FROM custody WHERE digest = ? ORDER BY n DESC LIMIT 1", d[:]).Scan(&last)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if l, err := custody.Parse(last); err == nil && l.Event == custody.Refused && l.Why == why {
		return nil // it is tried every few seconds
	}
	return v.books.act(ctx, custody.Refused, why, []blob.Digest{d}, nil)
}
