package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/unicode/norm"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"zhenglian/app/tx"
	"zhenglian/client/custody"
	"zhenglian/node/blob"
)

const schema = 1

// The triggers are no defence against whoever can write the file: the chain is.
const tables = `
CREATE TABLE custody (
	n      INTEGER PRIMARY KEY,
	digest BLOB NOT NULL,
	hash   BLOB NOT NULL,
	line   BLOB NOT NULL
);
CREATE INDEX custody_digest ON custody (digest, n);
CREATE TRIGGER custody_kept BEFORE DELETE ON custody BEGIN SELECT RAISE(ABORT, 'the custody log is only appended to'); END;
CREATE TRIGGER custody_fixed BEFORE UPDATE ON custody BEGIN SELECT RAISE(ABORT, 'the custody log is only appended to'); END;
CREATE TABLE files (
	digest BLOB PRIMARY KEY,
	class  TEXT NOT NULL,
	since  INTEGER NOT NULL -- days since 1970: its retention runs from here
) WITHOUT ROWID;
CREATE TABLE holds (
	digest BLOB NOT NULL,
	id     TEXT NOT NULL,
	who    TEXT NOT NULL,
	why    TEXT NOT NULL,
	at     INTEGER NOT NULL, -- milliseconds since 1970
	PRIMARY KEY (digest, id)
) WITHOUT ROWID;
-- keys that are to be destroyed: with the line that says so, before it is done
CREATE TABLE doomed (digest BLOB PRIMARY KEY) WITHOUT ROWID;
-- objects without a key, which are to be removed when the storage lets us
CREATE TABLE garbage (object TEXT PRIMARY KEY) WITHOUT ROWID;
-- files that the ledger forbids to keep
CREATE TABLE erased (digest BLOB PRIMARY KEY, statement BLOB NOT NULL) WITHOUT ROWID;
-- entries of the log with an erasure that is not settled
CREATE TABLE erasures (seq INTEGER PRIMARY KEY);
CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;
`

// books are the file of what the store knows besides keys and bytes. Every write is
// synced before it returns.
type books struct {
	sql *sql.DB
	now func() time.Time

	mu sync.Mutex // one line after the other
}

func openBooks(path string, now func() time.Time) (*books, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	q := url.Values{"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(5000)", "secure_delete(1)"}, "_txlock": {"immediate"}}
	s, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, err
	}
	s.SetMaxOpenConns(1)
	b := &books{sql: s, now: now}
	var version int
	if err := s.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	switch version {
	case 0:
		if _, err := s.Exec(tables); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	case schema:
	default:
		return nil, errors.Join(fmt.Errorf("%s has schema %d, this program knows %d", path, version, schema), s.Close())
	}
	return b, nil
}

// act writes lines about files, and what else do does, in one piece.
func (b *books) act(ctx context.Context, event string, why string, digests []blob.Digest, do func(*sql.Tx) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, err := b.sql.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback() // after Commit it does nothing
	if do != nil {
		if err := do(t); err != nil {
			return err
		}
	}
	who, given := By(ctx)
	if why == "" {
		why = given
	}
	for _, d := range digests {
		l := custody.Line{At: tx.TimeOf(b.now()), Digest: tx.Digest(d), Event: event, Who: clip(who, custody.MaxWho), Why: clip(why, custody.MaxWhy)}
		var prev, last []byte
		if err := t.QueryRow("SELECT n, hash FROM custody ORDER BY n DESC LIMIT 1").Scan(&l.N, &prev); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := t.QueryRow("SELECT hash FROM custody WHERE digest = ? ORDER BY n DESC LIMIT 1", d[:]).Scan(&last); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		copy(l.Prev[:], prev)
		copy(l.Last[:], last)
		l.N++
		line := l.Encode()
		if _, err := custody.Parse(line); err != nil {
			return err // nothing enters that a reader would refuse
		}
		hash := custody.Hash(line)
		if _, err := t.Exec("INSERT INTO custody (n, digest, hash, line) VALUES (?, ?, ?, ?)", l.N, d[:], hash[:], line); err != nil {
			return err
		}
	}
	return t.Commit()
}

// lines returns at most most lines after line n, each with a line feed: those about
// one file, or all.
func (b *books) lines(ctx context.Context, about *blob.Digest, n int64, most int) (log []byte, err error) {
	q, args := "SELECT line FROM custody WHERE n > ? ORDER BY n LIMIT ?", []any{n, most}
	if about != nil {
		q, args = "SELECT line FROM custody WHERE digest = ? AND n > ? ORDER BY n LIMIT ?", []any{about[:], n, most}
	}
	rows, err := b.sql.QueryContext(ctx, q, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var line []byte
		if err := rows.Scan(&line); err != nil {
			return nil, err
		}
		log = append(append(log, line...), '\n')
	}
	return log, rows.Err()
}

// clip shortens text to at most n bytes of whole characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}

type byKey struct{}

type by struct{ who, why string }

// With says on whose behalf, and why, the store is used. Who is an id of a
// principal, fit for a log; why is theirs to word.
func With(ctx context.Context, who, why string) context.Context {
	return context.WithValue(ctx, byKey{}, by{norm.NFC.String(strings.ToValidUTF8(who, "?")), norm.NFC.String(strings.ToValidUTF8(why, "?"))})
}

// By is what With said; the node itself if it said nothing.
func By(ctx context.Context) (who, why string) {
	if b, ok := ctx.Value(byKey{}).(by); ok {
		return b.who, b.why
	}
	return "node", ""
}
