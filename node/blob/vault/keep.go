package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"zhenglian/app/tx"
	"zhenglian/client/custody"
	"zhenglian/node/blob"
)

// A Class says how long files are kept at least.
type Class struct {
	Name string `json:"name"` // slug
	Days int    `json:"days"` // since the file was stored, or the class was set; 0: for ever
}

// Classes are the retention classes; the first is that of files of which nobody
// said anything.
type Classes []Class

// DefaultClasses keep files until somebody gives them a class that ends.
func DefaultClasses() Classes {
	return Classes{{"permanent", 0}, {"case", 3650}, {"working", 365}, {"transient", 30}}
}

func (c Classes) validate() error {
	if len(c) == 0 {
		return errors.New("retention classes: none")
	}
	for i, k := range c {
		if k.Name == "" || len(k.Name) > 32 || k.Days < 0 || k.Days > 100_000 {
			return fmt.Errorf("retention class %q: want a name of at most 32 bytes and 0 to 100000 days", k.Name)
		}
		if slices.ContainsFunc(c[:i], func(o Class) bool { return o.Name == k.Name }) {
			return fmt.Errorf("retention class %q: twice", k.Name)
		}
	}
	return nil
}

func (c Classes) find(name string) (Class, bool) {
	i := slices.IndexFunc(c, func(k Class) bool { return k.Name == name })
	if i < 0 {
		return Class{}, false
	}
	return c[i], true
}

// day counts days since 1970, in UTC.
func day(t time.Time) int64 { return t.Unix() / (24 * 60 * 60) }

// A Hold forbids to delete or erase a file, until it is released.
type Hold struct {
	ID  string  `json:"id"` // of the order: a case number, a digest of a document; up to 64 bytes
	Who string  `json:"who"`
	Why string  `json:"why"`
	At  tx.Time `json:"at"`
}

// Keeping is what is known about how long a file is kept.
type Keeping struct {
	Class string     `json:"class"`
	Until *time.Time `json:"until,omitempty"` // absent: for ever
	Holds []Hold     `json:"holds"`
}

// Keeping tells how long a file is kept.
func (v *Vault) Keeping(ctx context.Context, d blob.Digest) (*Keeping, error) {
	if _, err := v.lookup(ctx, d); err != nil {
		return nil, err
	}
	return v.keeping(ctx, d)
}

func (v *Vault) keeping(ctx context.Context, d blob.Digest) (*Keeping, error) {
	k := &Keeping{Holds: []Hold{}}
	var since int64
	if err := v.books.sql.QueryRowContext(ctx, "SELECT class, since FROM files WHERE digest = ?", d[:]).Scan(&k.Class, &since); err != nil {
		return nil, fmt.Errorf("blob %v: %w", d, err)
	}
	// A class that the settings name no longer ends never.
	if c, ok := v.classes.find(k.Class); ok && c.Days > 0 {
		until := time.Unix((since+int64(c.Days)+1)*24*60*60, 0).UTC()
		k.Until = &until
	}
	rows, err := v.books.sql.QueryContext(ctx, "SELECT id, who, why, at FROM holds WHERE digest = ? ORDER BY id", d[:])
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var h Hold
		if err := rows.Scan(&h.ID, &h.Who, &h.Why, &h.At); err != nil {
			return nil, err
		}
		k.Holds = append(k.Holds, h)
	}
	return k, rows.Err()
}

// ErrNoClass: no such retention class.
var ErrNoClass = errors.New("no such retention class")

// SetClass gives a file another retention class, which counts from now on. Whoever
// shortens the time that a file is kept says so in the log.
func (v *Vault) SetClass(ctx context.Context, d blob.Digest, class string) error {
	if _, ok := v.classes.find(class); !ok {
		return fmt.Errorf("%w: %q", ErrNoClass, class)
	}
	defer v.lock(d)()
	if _, err := v.lookup(ctx, d); err != nil {
		return err
	}
	_, why := By(ctx)
	return v.books.act(ctx, custody.Classed, class+": "+why, []blob.Digest{d}, func(t *sql.Tx) error {
		_, err := t.Exec("UPDATE files SET class = ?, since = ? WHERE digest = ?", class, day(v.now()), d[:])
		return err
	})
}

// Hold puts a legal hold on a file. The same hold twice changes nothing.
func (v *Vault) Hold(ctx context.Context, d blob.Digest, id string) error {
	if id == "" || len(id) > 64 {
		return errors.New("hold: want an id of 1 to 64 bytes")
	}
	defer v.lock(d)()
	if _, err := v.lookup(ctx, d); err != nil {
		return err
	}
	who, why := By(ctx)
	return v.books.act(ctx, custody.Held, id+": "+why, []blob.Digest{d}, func(t *sql.Tx) error {
		_, err := t.Exec("INSERT OR IGNORE INTO holds (digest, id, who, why, at) VALUES (?, ?, ?, ?, ?)", d[:], id, who, why, tx.TimeOf(v.now()))
		return err
	})
}

// ErrNoHold: there is no such hold on the file.
var ErrNoHold = errors.New("no such hold on the file")

// Release ends a legal hold.
func (v *Vault) Release(ctx context.Context, d blob.Digest, id string) error {
	defer v.lock(d)()
	_, why := By(ctx)
	return v.books.act(ctx, custody.Released, id+": "+why, []blob.Digest{d}, func(t *sql.Tx) error {
		r, err := t.Exec("DELETE FROM holds WHERE digest = ? AND id = ?", d[:], id)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ErrNoHold)
		}
		return nil
	})
}

// Delete deletes a file whose retention is over and that nobody holds.
func (v *Vault) Delete(ctx context.Context, d blob.Digest) error {
	defer v.lock(d)()
	r, err := v.lookup(ctx, d)
	if err != nil {
		return err
	}
	k, err := v.keeping(ctx, d)
	if err != nil {
		return err
	}
	if k.Until == nil || v.now().Before(*k.Until) {
		return fmt.Errorf("blob %v: class %s: %w", d, k.Class, ErrKept)
	}
	if len(k.Holds) > 0 {
		err := fmt.Errorf("blob %v: %s: %w", d, k.Holds[0].ID, ErrHeld)
		return errors.Join(err, v.books.act(ctx, custody.Refused, "delete: hold "+k.Holds[0].ID, []blob.Digest{d}, nil))
	}
	return v.destroy(ctx, custody.Deleted, "", d, r, nil)
}

// Erase destroys the keys of files because a statement on the ledger says so. It
// reports which of them a hold keeps for now; those are to be asked for again when
// the hold has ended. A file that is not here, now or later, may not come in.
func (v *Vault) Erase(ctx context.Context, statement tx.ID, digests []blob.Digest) (held []blob.Digest, err error) {
	for _, d := range digests {
		kept, err := v.erase(ctx, statement, d)
		if err != nil {
			return held, fmt.Errorf("erase %v: %w", d, err)
		}
		if kept {
			held = append(held, d)
		}
	}
	return held, nil
}

func (v *Vault) erase(ctx context.Context, statement tx.ID, d blob.Digest) (held bool, err error) {
	defer v.lock(d)()
	if err := v.notErased(ctx, d); errors.Is(err, ErrErased) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	never := func(t *sql.Tx) error {
		_, err := t.Exec("INSERT OR IGNORE INTO erased (digest, statement) VALUES (?, ?)", d[:], statement[:])
		return err
	}
	r, err := v.record(ctx, d)
	if errors.Is(err, blob.ErrNotFound) {
		return false, v.books.act(ctx, custody.Erased, "statement "+statement.String()+"; not stored here", []blob.Digest{d}, never)
	}
	if err != nil && !errors.Is(err, errRecord) {
		return false, err
	}
	k, err := v.keeping(ctx, d)
	if err != nil {
		return false, err
	}
	if len(k.Holds) > 0 {
		return true, v.refuse(ctx, d, "statement "+statement.String()+": hold "+k.Holds[0].ID)
	}
	return false, v.destroy(ctx, custody.Erased, "statement "+statement.String(), d, r, never)
}

func (v *Vault) notErased(ctx context.Context, d blob.Digest) error {
	var s []byte
	err := v.books.sql.QueryRowContext(ctx, "SELECT statement FROM erased WHERE digest = ?", d[:]).Scan(&s)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%w (%x)", ErrErased, s)
}

// destroy says that a file goes, destroys its key, and removes its bytes if the
// storage lets us. From the line on it is done, whatever crashes. r is nil for a
// damaged record.
func (v *Vault) destroy(ctx context.Context, event, why string, d blob.Digest, r *record, also func(*sql.Tx) error) error {
	err := v.books.act(ctx, event, why, []blob.Digest{d}, func(t *sql.Tx) error {
		if also != nil {
			if err := also(t); err != nil {
				return err
			}
		}
		if r != nil {
			if _, err := t.Exec("INSERT OR IGNORE INTO garbage (object) VALUES (?)", r.name()); err != nil {
				return err
			}
		}
		if _, err := t.Exec("DELETE FROM files WHERE digest = ?", d[:]); err != nil {
			return err
		}
		_, err := t.Exec("INSERT OR IGNORE INTO doomed (digest) VALUES (?)", d[:])
		return err
	})
	if err != nil {
		return err
	}
	if err := v.shred(ctx, d); err != nil {
		return err
	}
	if r != nil {
		v.sweep(ctx, r.name())
	}
	return nil
}

func (v *Vault) shred(ctx context.Context, d blob.Digest) error {
	if err := v.keys.Shred(ctx, d.String()); err != nil {
		return err
	}
	_, err := v.books.sql.ExecContext(ctx, "DELETE FROM doomed WHERE digest = ?", d[:])
	return err
}

// waste notes an object that nothing opens, wasted that it is none any more.
func (b *books) waste(ctx context.Context, object string) error {
	_, err := b.sql.ExecContext(ctx, "INSERT OR IGNORE INTO garbage (object) VALUES (?)", object)
	return err
}

func (b *books) wasted(ctx context.Context, object string) error {
	_, err := b.sql.ExecContext(ctx, "DELETE FROM garbage WHERE object = ?", object)
	return err
}

// sweep removes an object that nothing opens; where it fails, or the storage keeps
// it by force, the next one to try is Sweep.
func (v *Vault) sweep(ctx context.Context, object string) error {
	if err := v.objects.Remove(ctx, object); err != nil {
		return err
	}
	return v.books.wasted(ctx, object)
}

// Sweep removes the objects that nothing opens, and reports how many the storage
// still keeps. It may run beside everything else: what is being stored is left alone.
func (v *Vault) Sweep(ctx context.Context) (left int, err error) {
	garbage, err := v.texts(ctx, "SELECT object FROM garbage")
	if err != nil {
		return 0, err
	}
	garbage = slices.DeleteFunc(garbage, func(o string) bool { _, writing := v.writing.Load(o); return writing })
	if len(garbage) == 0 {
		return 0, nil
	}
	// After that look: what was being stored before it has its record by now, or never will.
	used, err := v.used(ctx)
	if err != nil {
		return 0, err
	}
	for _, o := range garbage {
		if used[o] {
			continue
		}
		if err := v.sweep(ctx, o); errors.Is(err, blob.ErrLocked) {
			left++
		} else if err != nil {
			return left, err
		}
	}
	return left, nil
}

func (v *Vault) texts(ctx context.Context, query string) (all []string, err error) {
	rows, err := v.books.sql.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

// finish does what a crash prevented: keys that are to be destroyed, objects whose
// record never came. An object that a record names is none of them.
func (v *Vault) finish(ctx context.Context) error {
	doomed, err := v.texts(ctx, "SELECT lower(hex(digest)) FROM doomed")
	if err != nil {
		return err
	}
	for _, s := range doomed {
		d, err := blob.ParseDigest(s)
		if err != nil {
			return err
		}
		if err := v.shred(ctx, d); err != nil {
			return err
		}
	}
	garbage, err := v.texts(ctx, "SELECT object FROM garbage")
	if err != nil || len(garbage) == 0 {
		return err
	}
	used, err := v.used(ctx)
	if err != nil {
		return err
	}
	for _, o := range garbage {
		if used[o] {
			if err := v.books.wasted(ctx, o); err != nil {
				return err
			}
		}
	}
	return nil
}

// used are the objects that a record names.
func (v *Vault) used(ctx context.Context) (map[string]bool, error) {
	used := make(map[string]bool)
	for name, err := range v.keys.List(ctx) {
		if err != nil {
			return nil, err
		}
		d, err := blob.ParseDigest(name)
		if err != nil {
			return nil, err
		}
		r, err := v.record(ctx, d)
		switch {
		case errors.Is(err, errRecord), errors.Is(err, blob.ErrNotFound):
		case err != nil:
			return nil, err
		default:
			used[r.name()] = true
		}
	}
	return used, nil
}
