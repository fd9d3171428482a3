// Package replay keeps what a gateway answered to requests with an
// Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07), so that a
// request that is sent again gets the same answer and does nothing twice.
//
// A key belongs to a principal and to one request: method, path, query and body.
// Answers are kept for a day, at most a hundred thousand of them, in a SQLite file
// of mode 0600 that may be deleted while the gateway is stopped.
package replay

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

const tables = `
CREATE TABLE IF NOT EXISTS answers (
	principal TEXT NOT NULL,
	key       TEXT NOT NULL,
	request   BLOB NOT NULL, -- SHA-256
	at        INTEGER NOT NULL, -- milliseconds since 1970
	answer    BLOB NOT NULL,
	UNIQUE (principal, key)
);
CREATE INDEX IF NOT EXISTS answers_at ON answers (at);
`

// Bounds of what is kept.
const (
	Lifetime   = 24 * time.Hour
	maxAnswers = 100_000
	sweepEvery = 100 // answers
)

// An Answer is what a request was answered.
type Answer struct {
	Status      int    `json:"status"`
	ContentType string `json:"content_type,omitempty"`
	Location    string `json:"location,omitempty"`
	Body        []byte `json:"body"`
}

// Why there is no answer.
var (
	// ErrBusy: the first request with the key is not answered yet.
	ErrBusy = errors.New("a request with this key is being answered")
	// ErrOther: the key came with another request.
	ErrOther = errors.New("the key came with another request")
)

// A Store keeps answers. Its methods are safe for concurrent use.
type Store struct {
	sql *sql.DB
	now func() time.Time

	mu   sync.Mutex // guards what follows
	busy map[[2]string][32]byte
	kept int // since the last sweep
}

// Open opens the file at path, or makes it.
func Open(path string) (*Store, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	q := url.Values{"_pragma": {"journal_mode(WAL)", "synchronous(NORMAL)", "busy_timeout(5000)", "secure_delete(1)"}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(tables); err != nil {
		return nil, errors.Join(fmt.Errorf("replay: %w", err), db.Close())
	}
	return &Store{sql: db, now: time.Now, busy: make(map[[2]string][32]byte)}, nil
}

// Close closes the file.
func (s *Store) Close() error { return s.sql.Close() }

// Begin looks for the answer to a request. Without one the caller answers it, and
// then calls end, with nil if the answer is not to be kept.
func (s *Store) Begin(ctx context.Context, principal, key string, request [32]byte) (_ *Answer, end func(*Answer) error, _ error) {
	at := [2]string{principal, key}
	s.mu.Lock()
	same, busy := s.busy[at]
	if !busy {
		s.busy[at] = request
	}
	s.mu.Unlock()
	switch {
	case busy && same == request:
		return nil, nil, ErrBusy
	case busy:
		return nil, nil, ErrOther
	}
	free := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.busy, at)
	}
	var was, b []byte
	err := s.sql.QueryRowContext(ctx, "SELECT request, answer FROM answers WHERE principal = ? AND key = ? AND at > ?",
		principal, key, s.now().Add(-Lifetime).UnixMilli()).Scan(&was, &b)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, func(a *Answer) error {
			defer free()
			if a == nil {
				return nil
			}
			return s.keep(principal, key, request, a)
		}, nil
	case err != nil:
		free()
		return nil, nil, fmt.Errorf("replay: %w", err)
	}
	free()
	if string(was) != string(request[:]) {
		return nil, nil, ErrOther
	}
	a := new(Answer)
	if err := json.Unmarshal(b, a); err != nil {
		return nil, nil, fmt.Errorf("replay: %w", err)
	}
	return a, nil, nil
}

// keep stores an answer, also when who asked has gone meanwhile.
func (s *Store) keep(principal, key string, request [32]byte, a *Answer) error {
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	now := s.now()
	if _, err := s.sql.Exec("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)", principal, key, request[:], now.UnixMilli(), b); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	s.mu.Lock()
	s.kept++
	sweep := s.kept%sweepEvery == 1
	s.mu.Unlock()
	if !sweep {
		return nil
	}
	if _, err := s.sql.Exec("DELETE FROM answers WHERE at <= ?", now.Add(-Lifetime).UnixMilli()); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	if _, err := s.sql.Exec("DELETE FROM answers WHERE rowid <= (SELECT max(rowid) FROM answers) - ?", maxAnswers); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	return nil
}
