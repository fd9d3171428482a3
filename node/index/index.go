package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"zhenglian/app/store"
	"zhenglian/app/tx"
)

// schema is the version of the tables; another number makes Open rebuild.
const schema = 4

const tables = `
CREATE TABLE statements (
	seq    INTEGER PRIMARY KEY,
	id     BLOB NOT NULL,
	height INTEGER NOT NULL,
	kind   TEXT NOT NULL,
	member TEXT NOT NULL,
	at     INTEGER NOT NULL,
	matter INTEGER,
	about  INTEGER
);
CREATE TABLE terms (
	field INTEGER NOT NULL,
	value BLOB NOT NULL,
	seq   INTEGER NOT NULL,
	PRIMARY KEY (field, value, seq)
) WITHOUT ROWID;
CREATE TABLE cursor (
	one      INTEGER PRIMARY KEY CHECK (one = 1),
	log_size INTEGER NOT NULL,
	height   INTEGER NOT NULL,
	last     BLOB NOT NULL
);
INSERT INTO cursor VALUES (1, 0, 0, x'');
` + batchTables + orphanTables + `
PRAGMA user_version = 4;
`

// batchSize is the number of entries of one SQL transaction: enough that the
// transaction itself costs nothing beside the rows.
const batchSize = 512

// An Index is an open read model. Its methods are safe for concurrent use.
type Index struct {
	store *store.Store
	path  string
	write *sql.DB // one connection, owned by Run
	read  *sql.DB
	stmts sync.Map      // *sql.Stmt of read, by its text
	wake  chan struct{} // capacity 1: there may be more to index

	lists   func(ctx context.Context, list tx.Digest, bytes int64) ([]byte, error) // nil: digests of batches are not indexed
	arrived atomic.Bool                                                            // a list may be there that was not

	// Owned by Run.
	filling *filling // nil: none
	without int64    // batches before this entry have been looked for

	mu       sync.Mutex
	at       Position
	advanced chan struct{} // closed and replaced when at changes
}

// A Position says how far an index has followed the log.
type Position struct {
	LogSize uint64 // entries indexed
	Height  int64  // of the last of them
}

// Open opens the index of s in the file at path, or makes a new one there.
func Open(path string, s *store.Store) (*Index, error) {
	x := &Index{store: s, path: path, wake: make(chan struct{}, 1), advanced: make(chan struct{})}
	err := x.open()
	if err == nil {
		err = x.check()
	}
	if err != nil {
		// It cannot be used, for whatever reason; it can always be made again.
		if err = x.create(); err != nil {
			return nil, errors.Join(fmt.Errorf("open index: %w", err), x.close())
		}
	}
	x.Notify()
	return x, nil
}

func (x *Index) open() (err error) {
	dsn := func(pragmas ...string) string {
		q := url.Values{"_pragma": append([]string{"journal_mode(WAL)", "synchronous(NORMAL)", "busy_timeout(5000)"}, pragmas...)}
		return "file:" + (&url.URL{Path: x.path}).EscapedPath() + "?" + q.Encode()
	}
	if x.write, err = sql.Open("sqlite", dsn("cache_size(-8192)")); err != nil {
		return err
	}
	x.write.SetMaxOpenConns(1)
	if x.read, err = sql.Open("sqlite", dsn("query_only(1)")); err != nil {
		return err
	}
	x.read.SetMaxOpenConns(max(2, runtime.GOMAXPROCS(0)))
	return nil
}

// errOther means that the file is no index of this log in this schema.
var errOther = errors.New("index of another schema or log")

// check reads the cursor and compares it with the log.
func (x *Index) check() error {
	var version int
	if err := x.write.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version != schema {
		return errOther
	}
	var (
		p    Position
		last []byte
	)
	if err := x.write.QueryRow("SELECT log_size, height, last FROM cursor").Scan(&p.LogSize, &p.Height, &last); err != nil {
		return err
	}
	if p.LogSize > 0 {
		e, err := x.store.View().Entry(p.LogSize - 1)
		if err != nil {
			return err // also when the log is shorter than the index
		}
		env, err := tx.ParseEnvelope(e.Envelope)
		if err != nil {
			return err
		}
		if id := env.ID(); string(id[:]) != string(last) || e.Height != p.Height {
			return errOther
		}
	}
	x.moved(p)
	return nil
}

// create replaces the file by an empty index.
func (x *Index) create() error {
	x.close() // whatever was open
	if err := Remove(x.path); err != nil {
		return err
	}
	if err := x.open(); err != nil {
		return err
	}
	_, err := x.write.Exec(tables)
	return err
}

// Remove deletes the index in the file at path, which must not be open. The
// next Open makes it again from the start of the log.
func Remove(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove index: %w", err)
		}
	}
	return nil
}

func (x *Index) close() error {
	var errs []error
	for _, db := range []*sql.DB{x.read, x.write} { // the writer last: its end empties the write-ahead log
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// Close closes the file. Run must have returned.
func (x *Index) Close() error {
	if err := x.close(); err != nil {
		return fmt.Errorf("close index: %w", err)
	}
	return nil
}

// Notify says that a block was committed. It never blocks.
func (x *Index) Notify() {
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

// Run follows the log until ctx ends, which is not an error.
func (x *Index) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-x.wake:
		}
		for {
			began := time.Now()
			more, err := x.batch(ctx)
			if ctx.Err() != nil {
				return nil
			}
			if err == nil && !more {
				more, err = x.fill(ctx)
				if ctx.Err() != nil {
					return nil
				}
			}
			if err != nil {
				return fmt.Errorf("index: %w", err)
			}
			if !more {
				break
			}
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(time.Since(began)):
			}
		}
	}
}

// Position says how far the index has come.
func (x *Index) Position() Position {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.at
}

// Wait returns when the index holds size entries, or with the error of ctx.
func (x *Index) Wait(ctx context.Context, size uint64) error {
	for {
		x.mu.Lock()
		at, advanced := x.at, x.advanced
		x.mu.Unlock()
		if at.LogSize >= size {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-advanced:
		}
	}
}

func (x *Index) moved(p Position) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.at = p
	close(x.advanced)
	x.advanced = make(chan struct{})
}
