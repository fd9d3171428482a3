// Package consumer keeps what a gateway learns from consumers who scan codes: how
// often the page of each code was opened, and what they report.
//
// It keeps no address, no cookie and no name, so it cannot tell one consumer from
// another: a count is of pages opened through the code on a label, not of persons
// or places, and only at this gateway. Counts are written once a second and when
// the store closes: a crash loses less than two seconds of them. Reports are on
// the disk before they are answered.
//
// The SQLite file has mode 0600 and may be deleted while the gateway is stopped;
// then counting begins again.
package consumer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

const tables = `
CREATE TABLE IF NOT EXISTS scans (
	code  TEXT PRIMARY KEY,
	count INTEGER NOT NULL,
	first INTEGER NOT NULL -- milliseconds since 1970
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reports (
	id     INTEGER PRIMARY KEY AUTOINCREMENT,
	code   TEXT NOT NULL,
	reason TEXT NOT NULL,
	text   TEXT NOT NULL,
	at     INTEGER NOT NULL, -- milliseconds since 1970
	closed INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS reports_at ON reports (at);
`

// Bounds.
const (
	MaxText    = 1000 // characters of a report
	maxPerHour = 1000 // reports, of which …
	maxPerCode = 50   // … so many about one code
	maxPending = 10_000
	flushEvery = time.Second
)

// Reasons are what a consumer can report of goods.
var Reasons = []string{"copied_code", "not_as_labelled", "unsafe", "recalled_on_sale", "other"}

// Why a report is not taken.
var (
	ErrForm = errors.New("the report is not well formed")
	ErrFull = errors.New("there are too many reports now")
)

// A Scans says how often the page of a code was opened.
type Scans struct {
	Count int64
	First time.Time // of the first
}

// A Report is what a consumer says of goods. Nobody has verified it.
type Report struct {
	ID     int64
	Code   string // of a unit; it may be one that is not on the ledger
	Reason string // of Reasons
	Text   string
	At     time.Time
	Closed bool // an officer has dealt with it
}

// A Store keeps both. Its methods are safe for concurrent use.
type Store struct {
	sql *sql.DB
	now func() time.Time
	log *slog.Logger

	mu      sync.Mutex
	pending map[string]*Scans // what is not written yet: all that there is of the code
	stop    chan struct{}
	stopped chan struct{}
}

// Open opens the file at path, or makes it. The log is told when counts cannot be
// written.
func Open(path string, log *slog.Logger) (*Store, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("consumer: %w", err)
	}
	q := url.Values{"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(5000)", "secure_delete(1)"}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("consumer: %w", err)
	}
	db.SetMaxOpenConns(4)
	if _, err := db.Exec(tables); err != nil {
		return nil, errors.Join(fmt.Errorf("consumer: %w", err), db.Close())
	}
	s := &Store{sql: db, now: time.Now, log: log, pending: make(map[string]*Scans), stop: make(chan struct{}), stopped: make(chan struct{})}
	go s.run()
	return s, nil
}

func (s *Store) run() {
	defer close(s.stopped)
	t := time.NewTicker(flushEvery)
	defer t.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-t.C:
			if err := s.flush(); err != nil {
				s.log.Warn("scan counts are not written", "err", err)
			}
		}
	}
}

// Close writes what is counted and closes the file.
func (s *Store) Close() error {
	close(s.stop)
	<-s.stopped
	return errors.Join(s.flush(), s.sql.Close())
}

// flush writes the counts. What cannot be written stays for the next time.
func (s *Store) flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) == 0 {
		return nil
	}
	t, err := s.sql.Begin()
	if err != nil {
		return fmt.Errorf("consumer: %w", err)
	}
	defer t.Rollback() // after Commit it does nothing
	for code, n := range s.pending {
		if _, err := t.Exec("INSERT INTO scans (code, count, first) VALUES (?, ?, ?) ON CONFLICT (code) DO UPDATE SET count = excluded.count",
			code, n.Count, n.First.UnixMilli()); err != nil {
			return fmt.Errorf("consumer: %w", err)
		}
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("consumer: %w", err)
	}
	clear(s.pending)
	return nil
}

// Scan counts that the page of a code was opened, and returns the count with it.
func (s *Store) Scan(ctx context.Context, code string) (Scans, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.pending[code]
	if n == nil {
		was, err := s.read(ctx, code)
		if err != nil || len(s.pending) >= maxPending {
			return was, err
		}
		if n = &was; n.Count == 0 {
			n.First = s.now()
		}
		s.pending[code] = n
	}
	n.Count++
	return *n, nil
}

// Scans returns the count without another one.
func (s *Store) Scans(ctx context.Context, code string) (Scans, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.pending[code]; n != nil {
		return *n, nil
	}
	return s.read(ctx, code)
}

func (s *Store) read(ctx context.Context, code string) (n Scans, err error) {
	var first int64
	err = s.sql.QueryRowContext(ctx, "SELECT count, first FROM scans WHERE code = ?", code).Scan(&n.Count, &first)
	if errors.Is(err, sql.ErrNoRows) {
		return Scans{}, nil
	}
	if err != nil {
		return Scans{}, fmt.Errorf("consumer: %w", err)
	}
	n.First = time.UnixMilli(first)
	return n, nil
}

// Report takes a report and returns its number.
func (s *Store) Report(ctx context.Context, r Report) (int64, error) {
	if !slices.Contains(Reasons, r.Reason) || !utf8.ValidString(r.Text) || utf8.RuneCountInString(r.Text) > MaxText || r.Code == "" || len(r.Code) > 256 {
		return 0, ErrForm
	}
	t, err := s.sql.BeginTx(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("consumer: %w", err)
	}
	defer t.Rollback() // after Commit it does nothing
	var all, same int
	now := s.now()
	if err := t.QueryRowContext(ctx, "SELECT COUNT(*), COALESCE(SUM(code = ?), 0) FROM reports WHERE at > ?", r.Code, now.Add(-time.Hour).UnixMilli()).Scan(&all, &same); err != nil {
		return 0, fmt.Errorf("consumer: %w", err)
	}
	if all >= maxPerHour || same >= maxPerCode {
		return 0, ErrFull
	}
	res, err := t.ExecContext(ctx, "INSERT INTO reports (code, reason, text, at) VALUES (?, ?, ?, ?)", r.Code, r.Reason, r.Text, now.UnixMilli())
	if err == nil {
		err = t.Commit()
	}
	if err != nil {
		return 0, fmt.Errorf("consumer: %w", err)
	}
	return res.LastInsertId()
}

// A Query selects reports.
type Query struct {
	Code   string // "": any
	Open   bool   // only those that nobody has dealt with
	Before int64  // only reports before this number; 0: all
	Limit  int
}

// Reports returns the reports that q selects, newest first, and whether there are more.
func (s *Store) Reports(ctx context.Context, q Query) (rs []Report, more bool, err error) {
	if q.Before == 0 {
		q.Before = 1 << 62
	}
	rows, err := s.sql.QueryContext(ctx, "SELECT id, code, reason, text, at, closed FROM reports WHERE id < ? AND (? = '' OR code = ?) AND (NOT ? OR closed = 0) ORDER BY id DESC LIMIT ?",
		q.Before, q.Code, q.Code, q.Open, q.Limit+1)
	if err != nil {
		return nil, false, fmt.Errorf("consumer: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r Report
		var at int64
		if err := rows.Scan(&r.ID, &r.Code, &r.Reason, &r.Text, &at, &r.Closed); err != nil {
			return nil, false, fmt.Errorf("consumer: %w", err)
		}
		r.At = time.UnixMilli(at).UTC()
		rs = append(rs, r)
	}
	if err := rows.Err(); err != nil {
		return nil, false, fmt.Errorf("consumer: %w", err)
	}
	if more = len(rs) > q.Limit; more {
		rs = rs[:q.Limit]
	}
	return rs, more, nil
}

// CloseReport says that an officer has dealt with a report; false if there is none.
func (s *Store) CloseReport(ctx context.Context, id int64) (bool, error) {
	res, err := s.sql.ExecContext(ctx, "UPDATE reports SET closed = 1 WHERE id = ?", id)
	if err != nil {
		return false, fmt.Errorf("consumer: %w", err)
	}
	n, err := res.RowsAffected()
	return n == 1, err
}
