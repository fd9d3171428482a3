package blob

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
)

// ErrLocked: the object may not be removed yet.
var ErrLocked = errors.New("object is locked")

// Objects keep bytes under names that their user makes up: lower-case
// hexadecimal digits, at least four. They neither know nor check what is in them.
// Their methods are safe for concurrent use.
type Objects interface {
	// Write stores what fill writes. When it returns nil, the object is visible and
	// survives a power failure; when fill or anything else fails, what was there under
	// the name, or nothing, still is.
	Write(ctx context.Context, name string, fill func(io.Writer) error) error

	// Read opens length bytes of an object from offset on, all that are left when
	// length is negative, and tells how long the whole object is. It fails with
	// ErrNotFound.
	Read(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error)

	// Remove deletes an object; one that is not there is no error. It fails with
	// ErrLocked when the storage keeps it by force until later.
	Remove(ctx context.Context, name string) error

	// List goes through the names, in no particular order.
	List(ctx context.Context) iter.Seq2[string, error]
}

// A Space is a part of a Dir that keeps Objects in files: SPACE/ab/cd/NAME. What
// the package documentation says of a Put holds for its Write.
type Space struct {
	dir  *Dir
	name string
}

var _ Objects = Space{}

// Space returns the part of d with that name, in lower-case letters.
func (d *Dir) Space(name string) (Space, error) {
	if err := d.root.MkdirAll(name, 0o750); err != nil {
		return Space{}, fmt.Errorf("open %s: %w", name, err)
	}
	return Space{d, name}, d.syncDirs(".")
}

// checkName accepts what the contract of Objects allows.
func checkName(name string) error {
	for i := range len(name) {
		if c := name[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return fmt.Errorf("object name %q: want lower-case hexadecimal digits", name)
		}
	}
	if len(name) < 4 || len(name) > 128 {
		return fmt.Errorf("object name %q: want 4 to 128 digits", name)
	}
	return nil
}

func (s Space) path(name string) (string, error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	return path.Join(s.name, name[0:2], name[2:4], name), nil
}

// Write implements Objects.
func (s Space) Write(ctx context.Context, name string, fill func(io.Writer) error) error {
	to, err := s.path(name)
	if err != nil {
		return err
	}
	return s.dir.write(ctx, s.name, to, fill)
}

// write makes a file whole or not at all: see the package documentation.
func (d *Dir) write(ctx context.Context, top, name string, fill func(io.Writer) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	tmp := path.Join(incomingDir, rand.Text())
	f, err := d.root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close() // a second Close is harmless
			// Failing to remove is not worth hiding err: OpenDir tries again.
			d.root.Remove(tmp)
		}
	}()
	if err := fill(f); err != nil {
		return err
	}
	if err := f.Chmod(0o440); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	leaf := path.Dir(name)
	if err := d.root.MkdirAll(leaf, 0o750); err != nil {
		return err
	}
	if err := d.root.Rename(tmp, name); err != nil {
		return err
	}
	// All levels, also those that existed: whoever made them may have crashed,
	// or may be a concurrent write, before syncing them. From here on a failure
	// means "perhaps not durable"; the bytes that are visible are right.
	return d.syncDirs(leaf, path.Dir(leaf), top)
}

// Read implements Objects.
func (s Space) Read(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	from, err := s.path(name)
	if err != nil {
		return nil, 0, err
	}
	f, err := s.dir.root.Open(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("object %s: %w", name, ErrNotFound)
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("object %s is a %v", name, info.Mode().Type())
	}
	if err == nil {
		_, err = f.Seek(offset, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	if length < 0 {
		return f, info.Size(), nil
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(f, length), f}, info.Size(), nil
}

// Remove implements Objects.
func (s Space) Remove(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	at, err := s.path(name)
	if err != nil {
		return err
	}
	err = s.dir.root.Remove(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.dir.syncDirs(path.Dir(at))
}

// Shred overwrites a file with zeros before it is removed, so that its bytes are
// gone from where the file system writes in place. Where it does not, or a copy
// was made, that is not enough: see node/README.md.
func (s Space) Shred(ctx context.Context, name string) error {
	at, err := s.path(name)
	if err != nil {
		return err
	}
	info, err := s.dir.root.Lstat(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("shred %s: is a %v", name, info.Mode().Type())
	}
	if err := s.dir.root.Chmod(at, 0o600); err != nil {
		return err
	}
	f, err := s.dir.root.OpenFile(at, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, info.Size()))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("shred %s: %w", name, err)
	}
	return s.Remove(ctx, name)
}

// List implements Objects.
func (s Space) List(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		err := fs.WalkDir(s.dir.root.FS(), s.name, func(_ string, e fs.DirEntry, err error) error {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return err
			}
			if e.Type().IsRegular() && !yield(e.Name(), nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield("", err)
		}
	}
}
