package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
)

// DefaultMaxBytes bounds a blob in a Dir opened without a limit: 4 GiB, about
// two hours of recorded video.
const DefaultMaxBytes int64 = 4 << 30

const (
	incomingDir = "incoming"
	blobDir     = "sha256"
	lockFile    = "LOCK"
)

// Dir is the Store in a local directory. See the package documentation for its
// layout. One process at a time may open a directory.
type Dir struct {
	root     *os.Root
	lock     *os.File
	maxBytes int64
}

var _ Store = (*Dir)(nil)

// OpenDir opens the store in dir, creating it if needed, and removes bodies
// that an earlier process left unfinished. It fails when another process has
// the store open. maxBytes bounds one blob; 0 means DefaultMaxBytes.
func OpenDir(dir string, maxBytes int64) (*Dir, error) {
	if maxBytes < 0 {
		return nil, fmt.Errorf("open blob store: negative size limit %d", maxBytes)
	}
	if maxBytes == 0 {
		maxBytes = DefaultMaxBytes
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("open blob store: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open blob store: %w", err)
	}
	d := &Dir{root: root, maxBytes: maxBytes}
	if err := d.init(); err != nil {
		d.Close()
		return nil, fmt.Errorf("open blob store %s: %w", dir, err)
	}
	return d, nil
}

func (d *Dir) init() error {
	var err error
	// The lock comes before the clearing: what looks left over may be a body
	// that another process is still receiving.
	if d.lock, err = lock(d.root, lockFile); err != nil {
		return err
	}
	for _, sub := range []string{incomingDir, blobDir} {
		if err := d.root.MkdirAll(sub, 0o750); err != nil {
			return err
		}
	}
	left, err := fs.ReadDir(d.root.FS(), incomingDir)
	if err != nil {
		return err
	}
	for _, e := range left {
		if err := d.root.RemoveAll(path.Join(incomingDir, e.Name())); err != nil {
			return fmt.Errorf("remove unfinished blob: %w", err)
		}
	}
	return d.syncDirs(".")
}

// Close releases the directory. Calls still running on d may fail.
func (d *Dir) Close() error {
	var err error
	if d.lock != nil {
		err = d.lock.Close()
	}
	return errors.Join(err, d.root.Close())
}

// Put implements Store.
func (d *Dir) Put(ctx context.Context, want Digest, body io.Reader) (info Info, err error) {
	var n int64
	err = d.write(ctx, blobDir, blobPath(want), func(w io.Writer) error {
		n, err = Copy(ctx, w, want, body, d.maxBytes)
		return err
	})
	if err != nil {
		return Info{}, fmt.Errorf("put blob %v: %w", want, err)
	}
	return Info{Digest: want, Bytes: n}, nil
}

// Get implements Store.
func (d *Dir) Get(ctx context.Context, want Digest) (io.ReadCloser, Info, error) {
	if err := ctx.Err(); err != nil {
		return nil, Info{}, err
	}
	f, err := d.root.Open(blobPath(want))
	if err != nil {
		return nil, Info{}, getError(want, err)
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = fmt.Errorf("is a %v", fi.Mode().Type())
	}
	if err != nil {
		f.Close()
		return nil, Info{}, getError(want, err)
	}
	return Verify(want, f), Info{Digest: want, Bytes: fi.Size()}, nil
}

// Stat implements Store.
func (d *Dir) Stat(ctx context.Context, want Digest) (Info, error) {
	if err := ctx.Err(); err != nil {
		return Info{}, err
	}
	fi, err := d.root.Lstat(blobPath(want))
	if err == nil && !fi.Mode().IsRegular() {
		err = fmt.Errorf("is a %v", fi.Mode().Type())
	}
	if err != nil {
		return Info{}, getError(want, err)
	}
	return Info{Digest: want, Bytes: fi.Size()}, nil
}

// getError names the blob and maps a missing file to ErrNotFound.
func getError(d Digest, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNotFound
	}
	return fmt.Errorf("blob %v: %w", d, err)
}

// blobPath is the place of d relative to the root.
func blobPath(d Digest) string {
	s := d.String()
	return path.Join(blobDir, s[0:2], s[2:4], s)
}

// syncDirs makes the entries of the directories durable, in the order given.
func (d *Dir) syncDirs(names ...string) error {
	for _, name := range names {
		f, err := d.root.Open(name)
		if err != nil {
			return err
		}
		err = f.Sync()
		f.Close()
		if err != nil {
			return fmt.Errorf("sync directory: %w", err)
		}
	}
	return nil
}
