package repository

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"zhenglian/app/batch"
	"zhenglian/app/tx"
	"zhenglian/client/epcis"
	"zhenglian/node/hooks"
)

const schema = 1

const tables = `
CREATE TABLE contexts (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE anchors (
	id        INTEGER PRIMARY KEY,
	statement BLOB NOT NULL UNIQUE,
	member    TEXT NOT NULL,
	list      BLOB NOT NULL  -- 32 bytes a leaf
);
CREATE TABLE events (
	n           INTEGER PRIMARY KEY AUTOINCREMENT,
	leaf        BLOB NOT NULL,
	event_id    TEXT NOT NULL,
	record_time INTEGER NOT NULL, -- ms since 1970, never less than that of the event before
	event_time  INTEGER NOT NULL, -- µs since 1970
	type        TEXT NOT NULL,
	action      TEXT NOT NULL,
	member      TEXT NOT NULL,
	readers     TEXT NOT NULL,    -- '' own, '*' public, or |a|b|
	anchor      INTEGER NOT NULL,
	place       INTEGER NOT NULL,
	context     INTEGER NOT NULL,
	body        BLOB NOT NULL
);
CREATE UNIQUE INDEX events_leaf ON events (leaf, member);
CREATE INDEX events_time ON events (event_time);
CREATE INDEX events_id ON events (event_id);
CREATE TABLE terms (
	field INTEGER NOT NULL,
	value TEXT NOT NULL,
	n     INTEGER NOT NULL,
	PRIMARY KEY (field, value, n)
) WITHOUT ROWID;
CREATE TABLE jobs (
	id        TEXT PRIMARY KEY,
	created   INTEGER NOT NULL, -- times are ms since 1970
	finished  INTEGER NOT NULL DEFAULT 0,
	owner     TEXT NOT NULL,
	proceed   INTEGER NOT NULL,
	readers   TEXT NOT NULL,
	anchor    BLOB NOT NULL,    -- statement; empty: the gateway's account states it
	envelope  BLOB,             -- that it has signed
	document  BLOB,             -- until it is done
	total     INTEGER NOT NULL DEFAULT 0,
	captured  INTEGER NOT NULL DEFAULT 0,
	faults    TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX jobs_created ON jobs (created);
CREATE TABLE queries (
	name    TEXT PRIMARY KEY,
	created INTEGER NOT NULL,
	owner   TEXT NOT NULL,
	query   TEXT NOT NULL
);
CREATE TABLE subscriptions (
	id       TEXT PRIMARY KEY,
	query    TEXT NOT NULL,
	created  INTEGER NOT NULL,
	owner    TEXT NOT NULL,
	member   TEXT NOT NULL, -- for which its owner reads
	everything INTEGER NOT NULL,
	request  TEXT NOT NULL,
	n        INTEGER NOT NULL,  -- up to which all was sent
	last     INTEGER NOT NULL,  -- when it last ran, ms
	reports  INTEGER NOT NULL DEFAULT 0,
	failures INTEGER NOT NULL DEFAULT 0,
	reason   TEXT NOT NULL DEFAULT '',
	next     INTEGER NOT NULL DEFAULT 0
);
PRAGMA user_version = 1;
`

// Fields of the terms table.
const (
	fieldBizStep = iota + 1
	fieldDisposition
	fieldReadPoint
	fieldBizLocation
	fieldTransformation
	fieldEPC
	fieldChildEPC
	fieldInputEPC
	fieldOutputEPC
	fieldParent
	fieldClass
	fieldChildClass
	fieldInputClass
	fieldOutputClass
)

// A Ledger is what a repository needs of the gateway.
type Ledger interface {
	// Anchored returns who stated a trace.events that is in force, and its body; it
	// waits a moment for one that is on its way. ErrNotAnchored: there is none.
	Anchored(ctx context.Context, id tx.ID) (tx.MemberID, *tx.Events, error)

	// Sign states a root in the name of the account that the operator has given the
	// gateway. ErrNoAccount: it has none.
	Sign(ctx context.Context, b *tx.Events) (*tx.Envelope, error)

	// Enter returns when the statement is in force.
	Enter(ctx context.Context, e *tx.Envelope) error
}

// Errors of a ledger.
var (
	ErrNotAnchored = errors.New("no such trace.events is in force on the ledger")
	ErrNoAccount   = errors.New("this gateway has no account to state events with")
)

// Config are the settings of a Repository.
type Config struct {
	Path    string         // the file
	Key     []byte         // of hooks.LoadKey: the secrets of subscriptions are made from it
	Chain   string         // id of the chain
	Allow   []netip.Prefix // addresses, besides those of the public internet, to which reports may be sent, also over plain http
	Ledger  Ledger         // may be set later: see SetLedger
	Log     *slog.Logger   // nil: slog.Default()
	Workers int            // captures at once; 0: 8
}

// A Repository is an open file of events. Its methods are safe for concurrent use.
type Repository struct {
	c      Config
	write  *sql.DB // one connection
	read   *sql.DB
	poster *hooks.Poster
	ledger Ledger

	queue chan string   // jobs to do
	cpu   chan struct{} // a token for each document that is being read

	mu    sync.Mutex
	added chan struct{} // closed and replaced when events were added
	done  map[string]chan struct{}
	subs  chan struct{} // capacity 1: the set of subscriptions changed

	writing sync.Mutex // one batch after the other
	record  int64      // of the newest event, ms
}

// maxQueue bounds the captures that wait.
const maxQueue = 1000

// Open opens the file at c.Path or makes it.
func Open(c Config) (*Repository, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Workers == 0 {
		c.Workers = 8
	}
	r := &Repository{c: c, ledger: c.Ledger, queue: make(chan string, maxQueue), cpu: make(chan struct{}, runtime.GOMAXPROCS(0)),
		added: make(chan struct{}), done: make(map[string]chan struct{}), subs: make(chan struct{}, 1)}
	var err error
	if r.poster, err = hooks.NewPoster(c.Key, c.Chain, c.Allow); err != nil {
		return nil, fmt.Errorf("EPCIS repository: %w", err)
	}
	if err := r.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("EPCIS repository: %w", err), r.Close())
	}
	return r, nil
}

// SetLedger says who anchors events. Call it before Run.
func (r *Repository) SetLedger(l Ledger) { r.ledger = l }

func (r *Repository) open() error {
	f, err := os.OpenFile(r.c.Path, os.O_CREATE|os.O_RDWR, 0o600) // not everybody may read every event
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	dsn := func(pragmas ...string) string {
		q := url.Values{"_pragma": append([]string{"journal_mode(WAL)", "synchronous(NORMAL)", "busy_timeout(5000)"}, pragmas...)}
		return "file:" + (&url.URL{Path: r.c.Path}).EscapedPath() + "?" + q.Encode()
	}
	if r.write, err = sql.Open("sqlite", dsn("cache_size(-32768)")); err != nil {
		return err
	}
	r.write.SetMaxOpenConns(1)
	if r.read, err = sql.Open("sqlite", dsn("query_only(1)", "case_sensitive_like(1)")); err != nil {
		return err
	}
	r.read.SetMaxOpenConns(max(2, runtime.GOMAXPROCS(0)))
	var version int
	if err := r.write.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	switch version {
	case 0:
		if _, err := r.write.Exec(tables); err != nil {
			return err
		}
	case schema:
	default:
		return fmt.Errorf("%s has schema %d, this program knows %d", r.c.Path, version, schema)
	}
	if _, err := r.write.Exec("DELETE FROM jobs WHERE finished > 0 AND finished < ?", time.Now().Add(-jobsKept).UnixMilli()); err != nil {
		return err
	}
	return r.write.QueryRow("SELECT coalesce(max(record_time), 0) FROM events").Scan(&r.record)
}

// Close closes the file. Run must have returned.
func (r *Repository) Close() error {
	var errs []error
	for _, db := range []*sql.DB{r.read, r.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// Readers are who may read an event besides the member that stated it.
type Readers struct {
	Public  bool
	Members []tx.MemberID
}

// maxReaders bounds the members that are named.
const maxReaders = 64

// ParseReaders reads own, public, or ids of members with commas between.
func ParseReaders(s string) (Readers, error) {
	switch s = strings.TrimSpace(s); s {
	case "", "own":
		return Readers{}, nil
	case "public":
		return Readers{Public: true}, nil
	}
	var rs Readers
	for _, m := range strings.Split(s, ",") {
		id := tx.MemberID(strings.TrimSpace(m))
		if !id.Valid() || id == "own" || id == "public" {
			return rs, fmt.Errorf("%q: want own, public, or ids of members with commas between", s)
		}
		rs.Members = append(rs.Members, id)
	}
	if len(rs.Members) > maxReaders {
		return rs, fmt.Errorf("%d members; the limit is %d", len(rs.Members), maxReaders)
	}
	return rs, nil
}

func (rs Readers) String() string {
	if rs.Public {
		return "public"
	}
	if len(rs.Members) == 0 {
		return "own"
	}
	var b strings.Builder
	for i, m := range rs.Members {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(string(m))
	}
	return b.String()
}

// column is their form in the table.
func (rs Readers) column() string {
	switch {
	case rs.Public:
		return "*"
	case len(rs.Members) == 0:
		return ""
	}
	return "|" + strings.ReplaceAll(rs.String(), ",", "|") + "|"
}

// A Reader is who asks.
type Reader struct {
	Member tx.MemberID // for which they read; "": they see what is public
	All    bool        // the operator sees everything
}

// sees is the condition on events of what a reader may see.
func (w Reader) sees() (string, []any) {
	switch {
	case w.All:
		return "1", nil
	case w.Member == "":
		return "e.readers = '*'", nil
	}
	return "(e.readers = '*' OR e.member = ? OR instr(e.readers, ?) > 0)", []any{string(w.Member), "|" + string(w.Member) + "|"}
}

// A Batch is events that one statement anchors.
type Batch struct {
	Statement tx.ID
	Member    tx.MemberID // that stated it
	Readers   Readers
	Context   any
	Events    []epcis.Event
}

// treeOf is the root over a list of leaves.
func treeOf(list []byte) (tx.Digest, error) {
	t, err := batch.Build(list)
	if err != nil {
		return tx.Digest{}, err
	}
	return t.Root(), nil
}

// add stores a batch; events that are there already stay as they are.
func (r *Repository) add(ctx context.Context, b *Batch, list []byte) error {
	rows := make([]eventRow, len(b.Events))
	for i := range b.Events {
		var err error
		if rows[i], err = rowOf(&b.Events[i], tx.Digest(list[i*sha256.Size:][:sha256.Size])); err != nil {
			return err
		}
	}
	contextText, err := json.Marshal(b.Context)
	if err != nil {
		return err
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	t, err := r.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback() // after Commit it does nothing
	var contextID, anchorID int64
	if err := t.QueryRowContext(ctx, "INSERT INTO contexts (text) VALUES (?) ON CONFLICT DO UPDATE SET text = text RETURNING id", string(contextText)).Scan(&contextID); err != nil {
		return err
	}
	if err := t.QueryRowContext(ctx, "INSERT INTO anchors (statement, member, list) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET list = list RETURNING id",
		b.Statement[:], string(b.Member), list).Scan(&anchorID); err != nil {
		return err
	}
	record := max(time.Now().UnixMilli(), r.record)
	insert, err := t.PrepareContext(ctx, `INSERT INTO events (leaf, event_id, record_time, event_time, type, action, member, readers, anchor, place, context, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`)
	if err != nil {
		return err
	}
	defer insert.Close()
	var terms []any
	for i := range rows {
		w := &rows[i]
		res, err := insert.ExecContext(ctx, w.leaf[:], w.id, record, w.time, w.typ, w.action, string(b.Member), b.Readers.column(), anchorID, i, contextID, w.body)
		if err != nil {
			return err
		}
		if added, err := res.RowsAffected(); err != nil || added == 0 {
			if err != nil {
				return err
			}
			continue
		}
		n, err := res.LastInsertId()
		if err != nil {
			return err
		}
		for _, x := range w.terms {
			terms = append(terms, x.field, x.value, n)
		}
	}
	if err := insertMany(ctx, t, "INSERT OR IGNORE INTO terms VALUES ", 3, terms); err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		return err
	}
	r.record = record
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.added)
	r.added = make(chan struct{})
	return nil
}

// insertMany inserts rows of so many columns, many with one statement.
func insertMany(ctx context.Context, t *sql.Tx, into string, columns int, args []any) error {
	const atOnce = 300
	row := "(?" + strings.Repeat(",?", columns-1) + ")"
	full := into + row + strings.Repeat(","+row, atOnce-1)
	for len(args) > 0 {
		n := min(len(args), atOnce*columns)
		text := full
		if n < atOnce*columns {
			text = into + row + strings.Repeat(","+row, n/columns-1)
		}
		if _, err := t.ExecContext(ctx, text, args[:n]...); err != nil {
			return err
		}
		args = args[n:]
	}
	return nil
}

// moved is closed when events are added after the call.
func (r *Repository) moved() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.added
}

// ErrNoEvent: there is no such event for who asks.
var ErrNoEvent = errors.New("no such event")

// List returns the leaves that a statement anchors, if its events were captured
// here.
func (r *Repository) List(ctx context.Context, statement tx.ID) ([]byte, error) {
	var list []byte
	err := r.read.QueryRowContext(ctx, "SELECT list FROM anchors WHERE statement = ?", statement[:]).Scan(&list)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNoEvent
	}
	return list, err
}

// An Event is one that is kept.
type Event struct {
	N       int64
	Leaf    tx.Digest
	ID      string
	Record  time.Time
	Member  tx.MemberID // that stated it
	Anchor  tx.ID       // trace.events
	Place   int         // in it
	Readers string
	epcis.Event
	context any
	time    int64
}

const eventColumns = `e.n, e.leaf, e.event_id, e.record_time, e.event_time, e.member, e.readers, a.statement, e.place, c.text, e.body`

const eventFrom = ` FROM events e JOIN anchors a ON a.id = e.anchor JOIN contexts c ON c.id = e.context `

func scanEvent(rows interface{ Scan(...any) error }) (*Event, error) {
	var (
		e                  Event
		leaf, anchor, body []byte
		record             int64
		text               string
	)
	if err := rows.Scan(&e.N, &leaf, &e.ID, &record, &e.time, &e.Member, &e.Readers, &anchor, &e.Place, &text, &body); err != nil {
		return nil, err
	}
	copy(e.Leaf[:], leaf)
	copy(e.Anchor[:], anchor)
	e.Record = time.UnixMilli(record).UTC()
	if err := json.Unmarshal([]byte(text), &e.context); err != nil {
		return nil, err
	}
	fields, err := epcis.Read(body)
	if err != nil {
		return nil, err
	}
	e.Event = epcis.NewEvent(fields, e.context)
	return &e, nil
}

// JSON is the event as it is answered: as it was captured, with recordTime and
// eventID, and the contexts of its document that are not GS1's.
func (e *Event) JSON() map[string]any {
	out := make(map[string]any, len(e.Fields)+3)
	for k, v := range e.Fields {
		out[k] = v
	}
	out["recordTime"] = e.Record.Format("2006-01-02T15:04:05.000Z")
	out["eventID"] = e.ID
	if _, own := out["@context"]; !own {
		if c := ownContexts(e.context); len(c) > 0 {
			out["@context"] = c
		}
	}
	return out
}

// ownContexts are the contexts of a document besides GS1's.
func ownContexts(c any) []any {
	all, ok := c.([]any)
	if !ok {
		all = []any{c}
	}
	return slices.DeleteFunc(slices.Clone(all), func(x any) bool {
		s, ok := x.(string)
		return x == nil || ok && strings.HasPrefix(s, "https://ref.gs1.org/standards/epcis/")
	})
}

// Event returns an event by its id, the last captured of several; of corrections
// that repeat it the latest.
func (r *Repository) Event(ctx context.Context, who Reader, id string) (*Event, error) {
	where, args := who.sees()
	e, err := scanEvent(r.read.QueryRowContext(ctx, "SELECT "+eventColumns+eventFrom+"WHERE e.event_id = ? AND "+where+" ORDER BY e.n DESC LIMIT 1", append([]any{id}, args...)...))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNoEvent
	}
	return e, err
}
