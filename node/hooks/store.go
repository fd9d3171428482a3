package hooks

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"zhenglian/app/tx"
	"zhenglian/client/api"
)

const schema = 2

const tables = `
CREATE TABLE hooks (
	id          TEXT PRIMARY KEY,
	owner       TEXT NOT NULL,
	created     INTEGER NOT NULL, -- times are milliseconds since 1970
	request     TEXT NOT NULL,    -- api.HookRequest
	generation  INTEGER NOT NULL DEFAULT 1, -- of its secret, see key.go
	old_until   INTEGER NOT NULL DEFAULT 0, -- the one before signs too until then
	height      INTEGER NOT NULL, -- of the place up to which all is delivered
	idx         INTEGER NOT NULL,
	disabled    INTEGER NOT NULL DEFAULT 0,
	reason      TEXT NOT NULL DEFAULT '',
	failures    INTEGER NOT NULL DEFAULT 0,
	since       INTEGER NOT NULL DEFAULT 0,
	next        INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX hooks_owner ON hooks (owner);
CREATE TABLE deliveries (
	n       INTEGER PRIMARY KEY AUTOINCREMENT,
	hook    TEXT NOT NULL,
	message TEXT NOT NULL,
	height  INTEGER NOT NULL,
	idx     INTEGER NOT NULL,
	type    TEXT NOT NULL,
	attempt INTEGER NOT NULL,
	at      INTEGER NOT NULL,
	status  INTEGER NOT NULL,
	error   TEXT NOT NULL,
	millis  INTEGER NOT NULL,
	ok      INTEGER NOT NULL
);
CREATE INDEX deliveries_hook ON deliveries (hook, n);
CREATE TABLE again (
	hook     TEXT NOT NULL,
	height   INTEGER NOT NULL,
	idx      INTEGER NOT NULL,
	attempts INTEGER NOT NULL,
	next     INTEGER NOT NULL,
	PRIMARY KEY (hook, height, idx)
) WITHOUT ROWID;
CREATE TABLE known (
	check_value BLOB NOT NULL -- of the key by which secrets are made
);
PRAGMA user_version = 2;
`

// Bounds of what is kept.
const (
	maxHooks      = 1000 // of a gateway
	maxOwn        = 50   // of a principal
	maxDeliveries = 1000 // of a hook, in its log
	maxAgain      = 1000 // of a hook, events to be sent again
)

// Errors of what is asked.
var (
	ErrNoHook = errors.New("no such hook")
	ErrLimit  = errors.New("too many hooks")
)

// db is the file of hooks.
type db struct {
	sql *sql.DB
	key key
}

// openDB opens the file at path, or makes it, readable by its owner alone.
func openDB(path string, k key) (*db, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("others can read %s, which holds addresses of receivers: chmod 600", path)
	}
	q := url.Values{"_pragma": {"journal_mode(WAL)", "synchronous(NORMAL)", "busy_timeout(5000)", "secure_delete(1)"}}
	s, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, err
	}
	s.SetMaxOpenConns(1)
	d := &db{s, k}
	var version int
	if err := s.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	switch version {
	case 0:
		if _, err := s.Exec(tables); err != nil {
			return nil, errors.Join(err, s.Close())
		}
		if _, err := s.Exec("INSERT INTO known VALUES (?)", k.check()); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	case schema:
		var known []byte
		if err := s.QueryRow("SELECT check_value FROM known").Scan(&known); err != nil {
			return nil, errors.Join(err, s.Close())
		}
		if !bytes.Equal(known, k.check()) {
			return nil, errors.Join(fmt.Errorf("%s was made with another key: put that one back, or receivers need new secrets: move the file away", path), s.Close())
		}
	default:
		return nil, errors.Join(fmt.Errorf("%s has schema %d, this program knows %d", path, version, schema), s.Close())
	}
	return d, nil
}

// A hook is a row of its table.
type hook struct {
	api.Hook
	query    api.EventQuery
	url      *url.URL
	secrets  [][]byte
	seed     []byte
	disabled bool
	next     time.Time
	since    time.Time
}

const columns = "id, owner, created, request, generation, old_until, height, idx, disabled, reason, failures, since, next"

func (d *db) scan(row interface{ Scan(...any) error }) (*hook, error) {
	var (
		h                     hook
		request               string
		generation            int64
		created, until, since int64
		next                  int64
		r                     api.HookRequest
	)
	err := row.Scan(&h.ID, &h.Owner, &created, &request, &generation, &until, &h.Delivered.Height, &h.Delivered.Index,
		&h.disabled, &h.Reason, &h.Failures, &since, &next)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNoHook
	}
	if err == nil {
		err = json.Unmarshal([]byte(request), &r)
	}
	if err == nil {
		h.url, err = url.Parse(r.URL)
	}
	if err != nil {
		return nil, err
	}
	h.query = r.Query()
	h.URL, h.Description, h.Types, h.Kinds, h.Member, h.List, h.Matter = r.URL, r.Description, r.Types, r.Kinds, r.Member, r.List, r.Matter
	h.secrets, h.seed = [][]byte{d.key.hook(h.ID, generation)}, d.key.seed(h.ID)
	if generation > 1 && time.Now().UnixMilli() < until {
		h.secrets = append(h.secrets, d.key.hook(h.ID, generation-1))
	}
	h.PublicKey, h.Created, h.Since, h.Next = publicText(h.seed), tx.Time(created), tx.Time(since), tx.Time(next)
	h.since, h.next = time.UnixMilli(since), time.UnixMilli(next)
	switch {
	case h.disabled:
		h.State, h.Next = api.HookDisabled, 0
	case h.Failures > 0:
		h.State = api.HookFailing
	default:
		h.State = api.HookActive
	}
	return &h, nil
}

// add makes a hook.
func (d *db) add(ctx context.Context, owner string, r api.HookRequest, after api.EventID) (*hook, error) {
	t, err := d.sql.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer t.Rollback() // after Commit it does nothing
	var all, own int
	if err := t.QueryRowContext(ctx, "SELECT count(*), coalesce(sum(owner = ?), 0) FROM hooks", owner).Scan(&all, &own); err != nil {
		return nil, err
	}
	if all >= maxHooks || own >= maxOwn {
		return nil, ErrLimit
	}
	b, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	id := "hook_" + strings.ToLower(rand.Text()[:16])
	if _, err := t.ExecContext(ctx, "INSERT INTO hooks (id, owner, created, request, height, idx) VALUES (?, ?, ?, ?, ?, ?)",
		id, owner, time.Now().UnixMilli(), string(b), after.Height, after.Index); err != nil {
		return nil, err
	}
	h, err := d.scan(t.QueryRowContext(ctx, "SELECT "+columns+" FROM hooks WHERE id = ?", id))
	if err != nil {
		return nil, err
	}
	return h, t.Commit()
}

func (d *db) get(ctx context.Context, id string) (*hook, error) {
	return d.scan(d.sql.QueryRowContext(ctx, "SELECT "+columns+" FROM hooks WHERE id = ?", id))
}

// list returns the hooks of an owner, of everybody if it is "", after an id.
func (d *db) list(ctx context.Context, owner, after string, limit int) (out []*hook, err error) {
	rows, err := d.sql.QueryContext(ctx, "SELECT "+columns+" FROM hooks WHERE (? = '' OR owner = ?) AND id > ? ORDER BY id LIMIT ?", owner, owner, after, limit)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		h, err := d.scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	return out, rows.Err()
}

func (d *db) remove(ctx context.Context, id string) error {
	t, err := d.sql.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback() // after Commit it does nothing
	for _, query := range []string{"DELETE FROM hooks WHERE id = ?", "DELETE FROM deliveries WHERE hook = ?", "DELETE FROM again WHERE hook = ?"} {
		if _, err := t.ExecContext(ctx, query, id); err != nil {
			return err
		}
	}
	return t.Commit()
}

func (d *db) change(ctx context.Context, query string, args ...any) error {
	_, err := d.sql.ExecContext(ctx, query, args...)
	return err
}

// enable begins again where the hook stopped.
func (d *db) enable(ctx context.Context, id string) error {
	return d.change(ctx, "UPDATE hooks SET disabled = 0, reason = '', failures = 0, since = 0, next = 0 WHERE id = ?", id)
}

func (d *db) disable(ctx context.Context, id, reason string) error {
	return d.change(ctx, "UPDATE hooks SET disabled = 1, reason = ? WHERE id = ?", reason, id)
}

// rotate gives a hook a new secret; the one that it had signs too for a while.
func (d *db) rotate(ctx context.Context, id string, until time.Time) error {
	return d.change(ctx, "UPDATE hooks SET generation = generation + 1, old_until = ? WHERE id = ?", until.UnixMilli(), id)
}

// move sets the place of a hook.
func (d *db) move(ctx context.Context, id string, to api.EventID) error {
	return d.change(ctx, "UPDATE hooks SET height = ?, idx = ? WHERE id = ?", to.Height, to.Index, id)
}

// advance moves the place of a hook on, unless somebody has moved it meanwhile.
func (d *db) advance(ctx context.Context, id string, from, to api.EventID) error {
	return d.change(ctx, "UPDATE hooks SET height = ?, idx = ? WHERE id = ? AND height = ? AND idx = ?", to.Height, to.Index, id, from.Height, from.Index)
}

// repeat notes an event to be sent again.
func (d *db) repeat(ctx context.Context, id string, e api.EventID) error {
	var n int
	if err := d.sql.QueryRowContext(ctx, "SELECT count(*) FROM again WHERE hook = ?", id).Scan(&n); err != nil {
		return err
	}
	if n >= maxAgain {
		return ErrLimit
	}
	return d.change(ctx, "INSERT OR REPLACE INTO again VALUES (?, ?, ?, 0, 0)", id, e.Height, e.Index)
}

// A repetition is an event to be sent again.
type repetition struct {
	event    api.EventID
	attempts int
	next     time.Time
}

// repetition is the next of a hook, nil if there is none.
func (d *db) repetition(ctx context.Context, id string) (*repetition, error) {
	var r repetition
	var next int64
	err := d.sql.QueryRowContext(ctx, "SELECT height, idx, attempts, next FROM again WHERE hook = ? ORDER BY next, height, idx LIMIT 1", id).
		Scan(&r.event.Height, &r.event.Index, &r.attempts, &next)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	r.next = time.UnixMilli(next)
	return &r, err
}

func (d *db) repeated(ctx context.Context, id string, r *repetition, next time.Time) error {
	if next.IsZero() {
		return d.change(ctx, "DELETE FROM again WHERE hook = ? AND height = ? AND idx = ?", id, r.event.Height, r.event.Index)
	}
	return d.change(ctx, "UPDATE again SET attempts = attempts + 1, next = ? WHERE hook = ? AND height = ? AND idx = ?", next.UnixMilli(), id, r.event.Height, r.event.Index)
}

// note keeps an attempt in the log, and forgets the oldest ones of the hook.
func (d *db) note(ctx context.Context, id string, a *api.Delivery) error {
	t, err := d.sql.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback() // after Commit it does nothing
	res, err := t.ExecContext(ctx, "INSERT INTO deliveries (hook, message, height, idx, type, attempt, at, status, error, millis, ok) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		id, a.Message, a.Event.Height, a.Event.Index, a.Type, a.Attempt, int64(a.At), a.Status, a.Error, a.Millis, a.OK)
	if err != nil {
		return err
	}
	if a.N, err = res.LastInsertId(); err != nil {
		return err
	}
	if _, err := t.ExecContext(ctx, "DELETE FROM deliveries WHERE hook = ? AND n <= (SELECT n FROM deliveries WHERE hook = ? ORDER BY n DESC LIMIT 1 OFFSET ?)", id, id, maxDeliveries); err != nil {
		return err
	}
	return t.Commit()
}

// succeeded moves a hook on after a delivery; failed notes when to try again.
func (d *db) succeeded(ctx context.Context, h *hook, to api.EventID) error {
	at := h.Delivered
	return d.change(ctx, `UPDATE hooks SET reason = '', failures = 0, since = 0, next = 0,
		height = iif(height = ? AND idx = ?, ?, height), idx = iif(height = ? AND idx = ?, ?, idx) WHERE id = ?`,
		at.Height, at.Index, to.Height, at.Height, at.Index, to.Index, h.ID)
}

func (d *db) failed(ctx context.Context, id, reason string, since, next time.Time) error {
	return d.change(ctx, "UPDATE hooks SET reason = ?, failures = failures + 1, since = ?, next = ? WHERE id = ?", reason, since.UnixMilli(), next.UnixMilli(), id)
}

// deliveries returns the log of a hook, newest first, before a number.
func (d *db) deliveries(ctx context.Context, id string, before int64, limit int) (out []api.Delivery, err error) {
	rows, err := d.sql.QueryContext(ctx, "SELECT n, message, height, idx, type, attempt, at, status, error, millis, ok FROM deliveries WHERE hook = ? AND n < ? ORDER BY n DESC LIMIT ?", id, before, limit)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var a api.Delivery
		var at int64
		if err := rows.Scan(&a.N, &a.Message, &a.Event.Height, &a.Event.Index, &a.Type, &a.Attempt, &at, &a.Status, &a.Error, &a.Millis, &a.OK); err != nil {
			return nil, err
		}
		a.At = tx.Time(at)
		out = append(out, a)
	}
	return out, rows.Err()
}
