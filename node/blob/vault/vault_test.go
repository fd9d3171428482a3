package vault_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"zhenglian/app/tx"
	"zhenglian/client/custody"
	"zhenglian/node/blob"
	"zhenglian/node/blob/blobtest"
	"zhenglian/node/blob/vault"
)

// store is a Vault that remembers where it is and what time it is.
type store struct {
	*vault.Vault
	path string
	now  time.Time
}

var key = vault.StoreKey{1, 2, 3}

func open(t *testing.T, path string) *store {
	t.Helper()
	s := &store{path: path, now: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}
	s.reopen(t)
	t.Cleanup(func() { s.Close() })
	return s
}

func (s *store) reopen(t *testing.T) {
	t.Helper()
	if s.Vault != nil {
		s.Close()
	}
	v, err := vault.Open(context.Background(), vault.Config{Dir: s.path, Key: &key, MaxBytes: blobtest.MaxBytes, Now: func() time.Time { return s.now }})
	if err != nil {
		t.Fatal(err)
	}
	s.Vault = v
}

// files are the regular files below a folder of the store.
func (s *store) files(t *testing.T, sub string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(s.path, sub), func(p string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, p)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return names
}

func (s *store) put(t *testing.T, b []byte) blob.Digest {
	t.Helper()
	d := blob.Sum(b)
	if _, err := s.Put(t.Context(), d, bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	return d
}

func (s *store) get(t *testing.T, d blob.Digest) ([]byte, error) {
	t.Helper()
	r, _, err := s.Get(t.Context(), d)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// lines are those about a file, checked.
func (s *store) lines(t *testing.T, d *blob.Digest) []custody.Line {
	t.Helper()
	log, err := s.Custody(t.Context(), d, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := custody.Check(log)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func events(lines []custody.Line) (all []string) {
	for _, l := range lines {
		all = append(all, l.Event)
	}
	return all
}

func TestVault(t *testing.T) {
	blobtest.Run(t, blobtest.Harness{
		New: func(t *testing.T) blob.Store { return open(t, t.TempDir()) },
		Overwrite: func(t *testing.T, s blob.Store, _ blob.Digest, b []byte) {
			all := s.(*store).files(t, "objects")
			if len(all) != 1 {
				t.Fatalf("%d objects, want 1", len(all))
			}
			if err := errors.Join(os.Chmod(all[0], 0o600), os.WriteFile(all[0], b, 0o600)); err != nil {
				t.Fatal(err)
			}
		},
		CheckClean: func(t *testing.T, s blob.Store, want ...blob.Digest) {
			v := s.(*store)
			if n := len(v.files(t, "objects")); n != len(want) {
				t.Errorf("%d objects, want %d", n, len(want))
			}
			if n := len(v.files(t, "keys")); n != len(want) {
				t.Errorf("%d keys, want %d", n, len(want))
			}
			if left := v.files(t, "incoming"); len(left) > 0 {
				t.Errorf("left over: %q", left)
			}
		},
	})
}

// TestAtRest looks for the file, its digest and its key in everything on disk.
func TestAtRest(t *testing.T) {
	s := open(t, t.TempDir())
	secret := []byte("the shop's licence page, in the clear, of a natural person")
	d := s.put(t, bytes.Repeat(secret, 3000))
	for _, p := range s.files(t, "objects") {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, secret[:16]) || bytes.Contains(b, d[:]) || strings.Contains(p, d.String()) {
			t.Errorf("%s gives away what it is", p)
		}
	}
	other := vault.StoreKey{9}
	s.Close()
	v, err := vault.Open(t.Context(), vault.Config{Dir: s.path, Key: &other})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if _, err := v.Stat(t.Context(), d); err == nil || errors.Is(err, blob.ErrNotFound) {
		t.Errorf("with another store key: %v, want an error that says so", err)
	}
}

// TestRecordOfAnother puts the record of one file in the place of another's.
func TestRecordOfAnother(t *testing.T) {
	s := open(t, t.TempDir())
	a, b := s.put(t, []byte("a")), s.put(t, []byte("b"))
	at := func(d blob.Digest) string {
		h := d.String()
		return filepath.Join(s.path, "keys", h[:2], h[2:4], h)
	}
	if err := os.Rename(at(a), at(b)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Stat(t.Context(), b); err == nil || errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Stat = %v, want a damaged record", err)
	}
	s.put(t, []byte("b")) // and what is stored again is there again
	if got, err := s.get(t, b); err != nil || string(got) != "b" {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestRange(t *testing.T) {
	s := open(t, t.TempDir())
	b := make([]byte, 300_000)
	rand.NewChaCha8([32]byte{}).Read(b)
	d := s.put(t, b)
	for _, c := range []struct{ from, n int64 }{{0, 0}, {0, 1}, {65535, 2}, {1000, 250_000}, {299_999, 1}, {300_000, 0}, {0, 300_000}} {
		r, info, err := s.Range(t.Context(), d, c.from, c.n)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		r.Close()
		if err != nil || !bytes.Equal(got, b[c.from:c.from+c.n]) || info.Bytes != 300_000 {
			t.Errorf("bytes %d+%d: %d bytes, %v", c.from, c.n, len(got), err)
		}
	}
	for _, c := range []struct{ from, n int64 }{{-1, 1}, {0, 300_001}, {300_001, 0}, {1, 1 << 62}} {
		if _, _, err := s.Range(t.Context(), d, c.from, c.n); err == nil {
			t.Errorf("bytes %d+%d: no error", c.from, c.n)
		}
	}
	// A changed byte is noticed in its own piece, and elsewhere does no harm.
	p := s.files(t, "objects")[0]
	enc, err := os.ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	enc[len(enc)/2] ^= 1
	if err := errors.Join(os.Chmod(p, 0o600), os.WriteFile(p, enc, 0o600)); err != nil {
		t.Fatal(err)
	}
	r, _, err := s.Range(t.Context(), d, 130_000, 60_000)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); err == nil {
		t.Error("a changed byte was handed out")
	}
	r.Close()
}

func TestCustody(t *testing.T) {
	s := open(t, t.TempDir())
	ctx := vault.With(t.Context(), "key:abc", "case 17")
	a := blob.Sum([]byte("a"))
	if _, err := s.Put(ctx, a, strings.NewReader("a")); err != nil {
		t.Fatal(err)
	}
	b := s.put(t, []byte("b"))
	if _, err := s.get(t, a); err != nil {
		t.Fatal(err)
	}
	r, _, err := s.Export(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	lines := s.lines(t, &a)
	if got, want := events(lines), []string{custody.Stored, custody.Read, custody.Exported}; !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
	if lines[0].Who != "key:abc" || lines[0].Why != "case 17" || lines[1].Who != "node" {
		t.Errorf("lines %+v", lines)
	}
	if n := len(s.lines(t, &b)); n != 1 {
		t.Errorf("%d lines about b, want 1", n)
	}
	if n := len(s.lines(t, nil)); n != 4 {
		t.Errorf("%d lines, want 4", n)
	}
	// The chain goes on after a restart.
	s.reopen(t)
	if _, err := s.get(t, b); err != nil {
		t.Fatal(err)
	}
	if n := len(s.lines(t, nil)); n != 5 {
		t.Errorf("%d lines, want 5", n)
	}
	if err := s.CheckCustody(t.Context()); err != nil {
		t.Error(err)
	}
	// A refused body leaves no line.
	if _, err := s.Put(t.Context(), a, strings.NewReader("x")); !errors.Is(err, blob.ErrDigestMismatch) {
		t.Errorf("Put = %v", err)
	}
	if n := len(s.lines(t, nil)); n != 5 {
		t.Errorf("%d lines, want 5", n)
	}
}

func TestRetention(t *testing.T) {
	s := open(t, t.TempDir())
	ctx := t.Context()
	d := s.put(t, []byte("kept"))
	s.now = s.now.AddDate(100, 0, 0)
	if err := s.Delete(ctx, d); !errors.Is(err, vault.ErrKept) {
		t.Errorf("Delete of a permanent file = %v, want ErrKept", err)
	}
	if err := s.SetClass(ctx, d, "fleeting"); !errors.Is(err, vault.ErrNoClass) {
		t.Errorf("SetClass = %v, want ErrNoClass", err)
	}
	if err := s.SetClass(ctx, d, "transient"); err != nil {
		t.Fatal(err)
	}
	s.now = s.now.AddDate(0, 0, 30)
	if err := s.Delete(ctx, d); !errors.Is(err, vault.ErrKept) {
		t.Errorf("Delete on the last day = %v, want ErrKept", err)
	}
	s.now = s.now.AddDate(0, 0, 1)
	if err := s.Hold(ctx, d, "case-1"); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(ctx, d); !errors.Is(err, vault.ErrHeld) {
		t.Errorf("Delete of a held file = %v, want ErrHeld", err)
	}
	s.reopen(t) // a hold survives
	if err := s.Release(ctx, d, "case-2"); !errors.Is(err, vault.ErrNoHold) {
		t.Errorf("Release of another hold = %v, want ErrNoHold", err)
	}
	if err := s.Release(ctx, d, "case-1"); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(ctx, d); err != nil {
		t.Fatal(err)
	}
	if _, err := s.get(t, d); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Get after Delete = %v, want ErrNotFound", err)
	}
	if n := len(s.files(t, "objects")) + len(s.files(t, "keys")); n != 0 {
		t.Errorf("%d files are left", n)
	}
	want := []string{custody.Stored, custody.Classed, custody.Held, custody.Refused, custody.Released, custody.Deleted}
	if got := events(s.lines(t, &d)); !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
	s.put(t, []byte("kept")) // what was deleted may come back
}

// TestErase erases one of two files, with a copy of the folder's objects kept as an
// object lock would.
func TestErase(t *testing.T) {
	s := open(t, t.TempDir())
	ctx := t.Context()
	statement := tx.ID{7}
	gone, other := s.put(t, []byte("personal data")), s.put(t, []byte("stays"))
	absent := blob.Sum([]byte("never stored here"))
	if err := s.Hold(ctx, gone, "case-1"); err != nil {
		t.Fatal(err)
	}
	record := s.files(t, "keys")
	all := []blob.Digest{gone, absent}
	if held, err := s.Erase(ctx, statement, all); err != nil || !slices.Equal(held, []blob.Digest{gone}) {
		t.Fatalf("Erase = %v, %v, want the held one back", held, err)
	}
	if _, err := s.get(t, gone); err != nil {
		t.Errorf("a held file: %v", err)
	}
	if err := s.Release(ctx, gone, "case-1"); err != nil {
		t.Fatal(err)
	}
	if held, err := s.Erase(ctx, statement, all); err != nil || len(held) != 0 {
		t.Fatalf("Erase = %v, %v", held, err)
	}
	for _, d := range all {
		if _, err := s.get(t, d); !errors.Is(err, vault.ErrErased) {
			t.Errorf("Get = %v, want ErrErased", err)
		}
	}
	if _, err := s.Put(ctx, gone, strings.NewReader("personal data")); !errors.Is(err, vault.ErrErased) {
		t.Errorf("Put of what was erased = %v, want ErrErased", err)
	}
	if got, err := s.get(t, other); err != nil || string(got) != "stays" {
		t.Errorf("the other file: %q, %v", got, err)
	}
	for _, p := range record {
		if strings.HasSuffix(p, gone.String()) {
			if _, err := os.Stat(p); !errors.Is(err, fs.ErrNotExist) {
				t.Error("the key is still there")
			}
		}
	}
	if n := len(s.files(t, "objects")); n != 1 {
		t.Errorf("%d objects, want 1", n)
	}
	lines := s.lines(t, &gone)
	if l := lines[len(lines)-1]; l.Event != custody.Erased || !strings.Contains(l.Why, statement.String()) {
		t.Errorf("last line %+v", l)
	}
	s.reopen(t)
	if _, err := s.get(t, gone); !errors.Is(err, vault.ErrErased) {
		t.Errorf("after a restart: %v, want ErrErased", err)
	}
	if err := s.CheckCustody(ctx); err != nil {
		t.Error(err)
	}
}

// TestSweepBeside sweeps at each moment of a Put: what is acknowledged stays.
func TestSweepBeside(t *testing.T) {
	s := open(t, t.TempDir())
	sweep := func(at string) {
		if at == "before remove" {
			return // that is its own
		}
		if _, err := s.Sweep(t.Context()); err != nil {
			t.Error(err)
		}
	}
	s.Between(func(k vault.Keys) vault.Keys { return killingKeys{k, sweep} }, func(o blob.Objects) blob.Objects { return killing{o, sweep} })
	for range 2 { // the second replaces the first
		d := s.put(t, []byte("kept"))
		sweep("")
		if got, err := s.get(t, d); err != nil || string(got) != "kept" {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if n := len(s.files(t, "objects")); n != 1 {
		t.Errorf("%d objects, want 1", n)
	}
}

// TestKilled kills a process at each step of a Put and of an erasure, and looks at
// what is left: what was acknowledged is there, what was said to be erased is not.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("VAULT_TEST_DIR"); dir != "" {
		child(dir, os.Getenv("VAULT_TEST_STEP"))
		t.Fatal("survived")
	}
	for _, step := range []string{"in object", "after object", "before record", "before shred", "before remove", "erased"} {
		t.Run(step, func(t *testing.T) {
			path := t.TempDir()
			cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
			cmd.Env = append(os.Environ(), "VAULT_TEST_DIR="+path, "VAULT_TEST_STEP="+step)
			out, err := cmd.CombinedOutput()
			if err == nil || cmd.ProcessState.ExitCode() != -1 {
				t.Fatalf("child was not killed: %v\n%s", err, out)
			}
			acknowledged := strings.Split(strings.TrimSpace(string(out)), "\n")
			s := open(t, path)
			for _, b := range acknowledged {
				if got, err := s.get(t, blob.Sum([]byte(b))); err != nil || string(got) != b {
					t.Errorf("acknowledged %q: %q, %v", b, got, err)
				}
			}
			_, err = s.get(t, blob.Sum([]byte("third")))
			if want := map[bool]error{true: vault.ErrErased, false: blob.ErrNotFound}[strings.HasPrefix(step, "before s") || step == "before remove" || step == "erased"]; !errors.Is(err, want) {
				t.Errorf("third: %v, want %v", err, want)
			}
			if _, err := s.Sweep(t.Context()); err != nil {
				t.Error(err)
			}
			if n := len(s.files(t, "objects")); n != len(acknowledged) {
				t.Errorf("%d objects for %d files", n, len(acknowledged))
			}
			if n := len(s.files(t, "keys")); n != len(acknowledged) {
				t.Errorf("%d keys for %d files", n, len(acknowledged))
			}
			if err := s.CheckCustody(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// child stores two files, says so, and dies at a step with a third.
func child(dir, step string) {
	ctx := context.Background()
	v, err := vault.Open(ctx, vault.Config{Dir: dir, Key: &key})
	if err != nil {
		panic(err)
	}
	put := func(s string) {
		if _, err := v.Put(ctx, blob.Sum([]byte(s)), strings.NewReader(s)); err != nil {
			panic(err)
		}
	}
	put("first")
	put("second")
	os.Stdout.WriteString("first\nsecond\n")
	armed := func(at string) {
		if at == step {
			p, _ := os.FindProcess(os.Getpid())
			p.Kill()
			select {}
		}
	}
	v.Between(func(k vault.Keys) vault.Keys { return killingKeys{k, armed} },
		func(o blob.Objects) blob.Objects { return killing{o, armed} })
	put("third")
	v.Erase(ctx, tx.ID{1}, []blob.Digest{blob.Sum([]byte("third"))})
	armed("erased")
}

// killing are objects, killingKeys records, that say when they are at a step, such as
// to kill their own process.
type killing struct {
	blob.Objects
	armed func(at string)
}

func (k killing) Write(ctx context.Context, name string, fill func(io.Writer) error) error {
	err := k.Objects.Write(ctx, name, func(w io.Writer) error {
		err := fill(w)
		k.armed("in object")
		return err
	})
	k.armed("after object")
	return err
}

func (k killing) Remove(ctx context.Context, name string) error {
	k.armed("before remove")
	return k.Objects.Remove(ctx, name)
}

type killingKeys struct {
	vault.Keys
	armed func(at string)
}

func (k killingKeys) Write(ctx context.Context, name string, fill func(io.Writer) error) error {
	k.armed("before record")
	return k.Keys.Write(ctx, name, fill)
}

func (k killingKeys) Shred(ctx context.Context, name string) error {
	k.armed("before shred")
	return k.Keys.Shred(ctx, name)
}
