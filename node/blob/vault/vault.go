package vault

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"filippo.io/age"

	"zhenglian/client/custody"
	"zhenglian/node/blob"
)

// ErrErased: the ledger says that the file is erased, and it may not come back.
var ErrErased = errors.New("the file was erased by a statement on the ledger")

// ErrHeld: a legal hold forbids it.
var ErrHeld = errors.New("a legal hold is on the file")

// ErrKept: the retention of the file is not over.
var ErrKept = errors.New("the retention of the file is not over")

// Config is what a store is made of.
type Config struct {
	// Dir is the folder of keys and custody log, and of the objects if there is
	// nothing else for them. One process at a time uses it.
	Dir string

	// Key wraps the data keys.
	Key *StoreKey

	// Objects keep the encrypted bytes; nil: Dir does.
	Objects blob.Objects

	// MaxBytes bounds one file; 0 means blob.DefaultMaxBytes.
	MaxBytes int64

	// Classes are the retention classes; nil: DefaultClasses.
	Classes Classes

	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// A Vault is a blob.Store that encrypts, logs, keeps and destroys. See the package
// documentation.
type Vault struct {
	dir      *blob.Dir
	keys     keySpace
	objects  blob.Objects
	books    *books
	key      *StoreKey
	maxBytes int64
	classes  Classes
	now      func() time.Time

	writing sync.Map       // names of objects that a Put is at, which are garbage until it is done
	locks   [64]sync.Mutex // of digests, by their first byte: from writing a key to destroying one
}

var _ blob.Store = (*Vault)(nil)

// keySpace keeps records: a blob.Space.
type keySpace interface {
	blob.Objects
	Shred(ctx context.Context, name string) error
}

// Open opens a store, and finishes what a crash left unfinished.
func Open(ctx context.Context, c Config) (_ *Vault, err error) {
	if c.Key == nil {
		return nil, errors.New("open store: no store key")
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = blob.DefaultMaxBytes
	}
	if c.Classes == nil {
		c.Classes = DefaultClasses()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if err := c.Classes.validate(); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	v := &Vault{key: c.Key, objects: c.Objects, maxBytes: c.MaxBytes, classes: c.Classes, now: c.Now}
	if v.dir, err = blob.OpenDir(c.Dir, c.MaxBytes); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open store %s: %w", c.Dir, err), v.Close())
		}
	}()
	if v.keys, err = v.dir.Space("keys"); err != nil {
		return nil, err
	}
	if v.objects == nil {
		if v.objects, err = v.dir.Space("objects"); err != nil {
			return nil, err
		}
	}
	if v.books, err = openBooks(filepath.Join(c.Dir, "custody.db"), c.Now); err != nil {
		return nil, err
	}
	return v, v.finish(ctx)
}

// Close releases the folder.
func (v *Vault) Close() (err error) {
	if v.books != nil {
		err = v.books.sql.Close()
	}
	return errors.Join(err, v.dir.Close())
}

func (v *Vault) lock(d blob.Digest) (unlock func()) {
	m := &v.locks[int(d[0])%len(v.locks)]
	m.Lock()
	return m.Unlock
}

// stanzaRecipient takes the file key of an age file to be kept elsewhere.
type stanzaRecipient struct{ key *[16]byte }

func (r stanzaRecipient) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	if copy(r.key[:], fileKey) != len(fileKey) || len(fileKey) != len(r.key) {
		return nil, errors.New("file key of another length")
	}
	return []*age.Stanza{{Type: "zhenglian-store"}}, nil
}

// Put implements blob.Store. The bytes come first, under a name of their own; then
// the line in the custody log; then the record, which makes the file visible.
func (v *Vault) Put(ctx context.Context, d blob.Digest, body io.Reader) (blob.Info, error) {
	info, err := v.put(ctx, d, body)
	if err != nil {
		return blob.Info{}, fmt.Errorf("put blob %v: %w", d, err)
	}
	return info, nil
}

func (v *Vault) put(ctx context.Context, d blob.Digest, body io.Reader) (blob.Info, error) {
	if err := v.notErased(ctx, d); err != nil {
		return blob.Info{}, err
	}
	var r record
	rand.Read(r.object[:])
	v.writing.Store(r.name(), nil)
	defer v.writing.Delete(r.name())
	if err := v.books.waste(ctx, r.name()); err != nil { // until the record is there
		return blob.Info{}, err
	}
	err := v.objects.Write(ctx, r.name(), func(w io.Writer) error {
		enc, err := age.Encrypt(w, stanzaRecipient{&r.key})
		if err != nil {
			return err
		}
		if r.bytes, err = blob.Copy(ctx, enc, d, body, v.maxBytes); err != nil {
			return err
		}
		return enc.Close()
	})
	if err != nil {
		return blob.Info{}, errors.Join(err, v.books.wasted(context.WithoutCancel(ctx), r.name()))
	}
	defer v.lock(d)()
	// It may have been erased while it came in.
	if err := v.notErased(ctx, d); err != nil {
		v.sweep(context.WithoutCancel(ctx), r.name())
		return blob.Info{}, err
	}
	old, err := v.record(ctx, d)
	if errors.Is(err, blob.ErrNotFound) || errors.Is(err, errRecord) {
		old, err = nil, nil
	}
	if err != nil {
		return blob.Info{}, err
	}
	err = v.books.act(ctx, custody.Stored, "", []blob.Digest{d}, func(t *sql.Tx) error {
		if old != nil {
			if _, err := t.Exec("INSERT OR IGNORE INTO garbage (object) VALUES (?)", old.name()); err != nil {
				return err
			}
		}
		_, err := t.Exec("INSERT OR IGNORE INTO files (digest, class, since) VALUES (?, ?, ?)", d[:], v.classes[0].Name, day(v.now()))
		return err
	})
	if err != nil {
		return blob.Info{}, err
	}
	var nonce [24]byte
	rand.Read(nonce[:])
	err = v.keys.Write(ctx, d.String(), func(w io.Writer) error {
		_, err := w.Write(r.seal(v.key, d, nonce))
		return err
	})
	if err != nil {
		return blob.Info{}, err
	}
	// The file is stored. What follows is tidying, and finish does it otherwise.
	tidy := context.WithoutCancel(ctx)
	if v.books.wasted(tidy, r.name()) == nil && old != nil {
		v.sweep(tidy, old.name())
	}
	return blob.Info{Digest: d, Bytes: r.bytes}, nil
}

// record reads what is kept of a file.
func (v *Vault) record(ctx context.Context, d blob.Digest) (*record, error) {
	f, _, err := v.keys.Read(ctx, d.String(), 0, -1)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, recordSize+1))
	if err != nil {
		return nil, err
	}
	return openRecord(v.key, d, b)
}

func (v *Vault) lookup(ctx context.Context, d blob.Digest) (*record, error) {
	r, err := v.record(ctx, d)
	if errors.Is(err, blob.ErrNotFound) {
		if gone := v.notErased(ctx, d); gone != nil {
			err = gone
		}
	}
	if err != nil {
		return nil, fmt.Errorf("blob %v: %w", d, err)
	}
	return r, nil
}

// Stat implements blob.Store.
func (v *Vault) Stat(ctx context.Context, d blob.Digest) (blob.Info, error) {
	r, err := v.lookup(ctx, d)
	if err != nil {
		return blob.Info{}, err
	}
	return blob.Info{Digest: d, Bytes: r.bytes}, nil
}

// Get implements blob.Store. The line in the custody log comes before the bytes.
func (v *Vault) Get(ctx context.Context, d blob.Digest) (io.ReadCloser, blob.Info, error) {
	return v.get(ctx, d, custody.Read)
}

// Export is Get for a file that is to leave the member.
func (v *Vault) Export(ctx context.Context, d blob.Digest) (io.ReadCloser, blob.Info, error) {
	return v.get(ctx, d, custody.Exported)
}

func (v *Vault) get(ctx context.Context, d blob.Digest, event string) (io.ReadCloser, blob.Info, error) {
	r, err := v.lookup(ctx, d)
	if err != nil {
		return nil, blob.Info{}, err
	}
	if err := v.books.act(ctx, event, "", []blob.Digest{d}, nil); err != nil {
		return nil, blob.Info{}, fmt.Errorf("custody log: %w", err)
	}
	f, err := v.open(ctx, d, r)
	if err != nil {
		return nil, blob.Info{}, err
	}
	return f, blob.Info{Digest: d, Bytes: r.bytes}, nil
}

// open reads a file without a word in the log.
func (v *Vault) open(ctx context.Context, d blob.Digest, r *record) (io.ReadCloser, error) {
	src, _, err := v.objects.Read(ctx, r.name(), 0, -1)
	if errors.Is(err, blob.ErrNotFound) {
		return nil, fmt.Errorf("blob %v: its object %s is gone: %w", d, r.name(), blob.ErrCorrupt)
	}
	if err != nil {
		return nil, fmt.Errorf("blob %v: %w", d, err)
	}
	return blob.Verify(d, &plain{src: src, key: r.key, d: d}), nil
}

// plain decrypts an object. Whatever is wrong with its bytes is blob.ErrCorrupt.
type plain struct {
	src io.ReadCloser
	key [16]byte
	d   blob.Digest
	dec io.Reader
	err error
}

func (p *plain) Read(b []byte) (int, error) {
	if p.err != nil {
		return 0, p.err
	}
	var n int
	src := &failing{r: p.src}
	if p.dec == nil {
		p.dec, p.err = age.Decrypt(src, age.NewInjectedFileKeyIdentity(p.key[:]))
	}
	if p.err == nil {
		n, p.err = p.dec.Read(b)
	}
	if p.err != nil && p.err != io.EOF && src.err == nil {
		p.err = fmt.Errorf("blob %v: %w: %w", p.d, blob.ErrCorrupt, p.err)
	}
	return n, p.err
}

func (p *plain) Close() error { return p.src.Close() }

// failing remembers whether reading failed for another reason than its end.
type failing struct {
	r   io.Reader
	err error
}

func (f *failing) Read(b []byte) (int, error) {
	n, err := f.r.Read(b)
	if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
		f.err = err
	}
	return n, err
}

// Range reads length bytes of a file from offset on. Every piece of 64 KiB proves
// itself under the key of the file, so that no byte is given that was changed; that
// the whole file has its digest only a Get shows. It is a read for the log.
func (v *Vault) Range(ctx context.Context, d blob.Digest, offset, length int64) (io.ReadCloser, blob.Info, error) {
	r, err := v.lookup(ctx, d)
	if err != nil {
		return nil, blob.Info{}, err
	}
	if offset < 0 || length < 0 || offset > r.bytes || length > r.bytes-offset {
		return nil, blob.Info{}, fmt.Errorf("blob %v: no bytes %d to %d in %d", d, offset, offset+length, r.bytes)
	}
	if err := v.books.act(ctx, custody.Read, "", []blob.Digest{d}, nil); err != nil {
		return nil, blob.Info{}, fmt.Errorf("custody log: %w", err)
	}
	at := &objectAt{ctx: ctx, objects: v.objects, name: r.name()}
	probe, size, err := v.objects.Read(ctx, r.name(), 0, 0)
	if err != nil {
		return nil, blob.Info{}, fmt.Errorf("blob %v: %w", d, err)
	}
	probe.Close()
	dec, n, err := age.DecryptReaderAt(at, size, age.NewInjectedFileKeyIdentity(r.key[:]))
	if err == nil && n != r.bytes {
		err = fmt.Errorf("has %d bytes, not %d", n, r.bytes)
	}
	if err != nil {
		at.Close()
		return nil, blob.Info{}, fmt.Errorf("blob %v: %w: %w", d, blob.ErrCorrupt, err)
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(dec, offset, length), at}, blob.Info{Digest: d, Bytes: r.bytes}, nil
}

// objectAt is an object as an io.ReaderAt. Reads that follow each other share one
// request to the storage.
type objectAt struct {
	ctx     context.Context
	objects blob.Objects
	name    string
	src     io.ReadCloser
	next    int64
}

func (o *objectAt) ReadAt(b []byte, at int64) (int, error) {
	if o.src == nil || at != o.next {
		o.Close()
		src, size, err := o.objects.Read(o.ctx, o.name, at, -1)
		if err != nil {
			return 0, err
		}
		if at >= size {
			src.Close()
			return 0, io.EOF
		}
		o.src, o.next = src, at
	}
	n, err := io.ReadFull(o.src, b)
	o.next += int64(n)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

func (o *objectAt) Close() error {
	if o.src == nil {
		return nil
	}
	err := o.src.Close()
	o.src = nil
	return err
}

// Custody returns lines of the custody log after line n, at most most of them, each
// with its line feed: those about one file, or all.
func (v *Vault) Custody(ctx context.Context, about *blob.Digest, n int64, most int) ([]byte, error) {
	return v.books.lines(ctx, about, n, most)
}

// CheckCustody reads the whole log and checks its chain.
func (v *Vault) CheckCustody(ctx context.Context) error {
	const some = 10_000
	var before custody.Line
	var hash = custody.Hash(nil)
	for n := int64(0); ; {
		log, err := v.books.lines(ctx, nil, n, some)
		if err != nil || len(log) == 0 {
			return err
		}
		for b := range bytes.Lines(log) {
			l, err := custody.Parse(b[:len(b)-1])
			if err != nil {
				return err
			}
			if l.N != before.N+1 || l.N > 1 && l.Prev != hash {
				return fmt.Errorf("custody log: line %d does not continue line %d", l.N, before.N)
			}
			before, hash, n = l, custody.Hash(b[:len(b)-1]), l.N
		}
	}
}
