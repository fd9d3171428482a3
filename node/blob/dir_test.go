package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"zhenglian/node/blob"
	"zhenglian/node/blob/blobtest"
)

// dirStore is a Dir that remembers where it is.
type dirStore struct {
	*blob.Dir
	path string
}

func open(t *testing.T, path string) dirStore {
	t.Helper()
	d, err := blob.OpenDir(path, blobtest.MaxBytes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return dirStore{d, path}
}

func (s dirStore) file(d blob.Digest) string {
	h := d.String()
	return filepath.Join(s.path, "sha256", h[:2], h[2:4], h)
}

// files lists the regular files below s, without the lock.
func (s dirStore) files(t *testing.T) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(s.path, func(p string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && e.Name() != "LOCK" {
			names = append(names, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestDir(t *testing.T) {
	blobtest.Run(t, blobtest.Harness{
		New: func(t *testing.T) blob.Store { return open(t, t.TempDir()) },
		Overwrite: func(t *testing.T, s blob.Store, d blob.Digest, b []byte) {
			name := s.(dirStore).file(d)
			if err := os.Chmod(name, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		CheckClean: func(t *testing.T, s blob.Store, digests ...blob.Digest) {
			t.Helper()
			var want []string
			for _, d := range digests {
				want = append(want, s.(dirStore).file(d))
			}
			slices.Sort(want)
			got := s.(dirStore).files(t)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("files in the store:\n%q\nwant:\n%q", got, want)
			}
		},
	})
}

func put(t *testing.T, s blob.Store, b string) blob.Digest {
	t.Helper()
	d := blob.Sum([]byte(b))
	if _, err := s.Put(context.Background(), d, strings.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestOpenDirClearsLeftovers(t *testing.T) {
	path := t.TempDir()
	s := open(t, path)
	d := put(t, s, "kept")
	s.Close()
	for _, name := range []string{"half", ".hidden"} {
		if err := os.WriteFile(filepath.Join(path, "incoming", name), []byte("half a bo"), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	s = open(t, path)
	if got, want := s.files(t), []string{s.file(d)}; !slices.Equal(got, want) {
		t.Errorf("after reopening: %q, want %q", got, want)
	}
}

// TestKilledPut kills a process in the middle of a Put and opens its store.
func TestKilledPut(t *testing.T) {
	if dir := os.Getenv("BLOB_TEST_PUT_DIR"); dir != "" {
		s := open(t, dir)
		put(t, s, "finished")
		s.Put(context.Background(), blob.Digest{}, killer{})
		t.Fatal("survived")
	}
	path := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledPut$")
	cmd.Env = append(os.Environ(), "BLOB_TEST_PUT_DIR="+path)
	if out, err := cmd.CombinedOutput(); err == nil || cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("child was not killed: %v\n%s", err, out)
	}
	left, err := os.ReadDir(filepath.Join(path, "incoming"))
	if err != nil || len(left) != 1 {
		t.Fatalf("killed process left %v, %v, want one unfinished body", left, err)
	}

	s := open(t, path) // the lock died with its process
	if got, want := s.files(t), []string{s.file(blob.Sum([]byte("finished")))}; !slices.Equal(got, want) {
		t.Errorf("after a crash: %q, want %q", got, want)
	}
}

// killer is a body whose reader kills its own process.
type killer struct{}

func (killer) Read([]byte) (int, error) {
	p, _ := os.FindProcess(os.Getpid())
	p.Kill()
	select {}
}

func TestOpenDirTwice(t *testing.T) {
	path := t.TempDir()
	s := open(t, path)
	if d, err := blob.OpenDir(path, 0); err == nil {
		d.Close()
		t.Fatal("a second OpenDir of an open store succeeded")
	}
	put(t, s, "the first owner still works")
	s.Close()
	open(t, path)
}

func TestOpenDirErrors(t *testing.T) {
	if _, err := blob.OpenDir(t.TempDir(), -1); err == nil {
		t.Error("OpenDir accepted a negative limit")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := blob.OpenDir(file, 0); err == nil {
		t.Error("OpenDir accepted a file as its directory")
	}
}

func TestBlobsAreReadOnly(t *testing.T) {
	s := open(t, t.TempDir())
	fi, err := os.Stat(s.file(put(t, s, "evidence")))
	if err != nil {
		t.Fatal(err)
	}
	if fi.Mode().Perm() != 0o440 {
		t.Errorf("mode %v, want 0440", fi.Mode().Perm())
	}
}

// TestSymlinks plants links that lead out of the store, where the directory of
// a blob or the blob itself would be.
func TestSymlinks(t *testing.T) {
	outside := t.TempDir()
	b := []byte("secret of another file")
	d := blob.Sum(b)
	secret := filepath.Join(outside, d.String())
	if err := os.WriteFile(secret, b, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, plant := range map[string]func(s dirStore) error{
		"directory": func(s dirStore) error {
			leaf := filepath.Dir(s.file(d))
			return errors.Join(os.MkdirAll(filepath.Dir(leaf), 0o750), os.Symlink(outside, leaf))
		},
		"file": func(s dirStore) error {
			return errors.Join(os.MkdirAll(filepath.Dir(s.file(d)), 0o750), os.Symlink(secret, s.file(d)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir())
			if err := plant(s); err != nil {
				t.Fatal(err)
			}
			if r, _, err := s.Get(context.Background(), d); err == nil {
				r.Close()
				t.Error("Get followed a link out of the store")
			}
			if _, err := s.Stat(context.Background(), d); err == nil {
				t.Error("Stat followed a link out of the store")
			}
			s.Put(context.Background(), d, bytes.NewReader(b)) // may replace the link, never its target
			if got, err := os.ReadDir(outside); err != nil || len(got) != 1 {
				t.Errorf("outside holds %v, %v, want only the secret", got, err)
			}
		})
	}
}
