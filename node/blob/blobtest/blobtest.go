// Package blobtest is the test suite that every driver of package blob passes.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"zhenglian/node/blob"
)

// MaxBytes is the size limit of the stores that Harness.New makes.
const MaxBytes = 1 << 20

// Harness makes the stores under test.
type Harness struct {
	// New returns an empty store with the size limit MaxBytes.
	New func(t *testing.T) blob.Store
	// Overwrite replaces the stored bytes of d behind the store's back.
	Overwrite func(t *testing.T, s blob.Store, d blob.Digest, b []byte)
	// CheckClean fails t when s holds anything besides the blobs in want,
	// such as unfinished uploads.
	CheckClean func(t *testing.T, s blob.Store, want ...blob.Digest)
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	t.Run("RoundTrip", h.roundTrip)
	t.Run("Missing", h.missing)
	t.Run("RefusedBodies", h.refusedBodies)
	t.Run("PutTwice", h.putTwice)
	t.Run("PutRepairs", h.putRepairs)
	t.Run("Corrupt", h.corrupt)
	t.Run("CanceledPut", h.canceledPut)
	t.Run("InvisibleUntilComplete", h.invisibleUntilComplete)
	t.Run("ConcurrentPuts", h.concurrentPuts)
}

// pseudoRandom returns n bytes that depend only on n.
func pseudoRandom(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)}).Read(b)
	return b
}

func mustPut(t *testing.T, s blob.Store, b []byte) blob.Digest {
	t.Helper()
	d := blob.Sum(b)
	info, err := s.Put(context.Background(), d, bytes.NewReader(b))
	if err != nil {
		t.Fatalf("Put: %v", err)
	}
	if want := (blob.Info{Digest: d, Bytes: int64(len(b))}); info != want {
		t.Fatalf("Put = %+v, want %+v", info, want)
	}
	return d
}

// read returns all bytes of d and the error that ended reading.
func read(t *testing.T, s blob.Store, d blob.Digest) ([]byte, error) {
	t.Helper()
	r, info, err := s.Get(context.Background(), d)
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err == nil && info.Bytes != int64(len(b)) {
		t.Errorf("Get says %d bytes, the reader gave %d", info.Bytes, len(b))
	}
	return b, err
}

func checkStored(t *testing.T, s blob.Store, want []byte) {
	t.Helper()
	d := blob.Sum(want)
	got, err := read(t, s, d)
	if err != nil {
		t.Fatalf("read %v: %v", d, err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("read %d bytes that differ from the %d stored", len(got), len(want))
	}
	info, err := s.Stat(context.Background(), d)
	if wantInfo := (blob.Info{Digest: d, Bytes: int64(len(want))}); err != nil || info != wantInfo {
		t.Errorf("Stat = %+v, %v, want %+v", info, err, wantInfo)
	}
}

func checkMissing(t *testing.T, s blob.Store, d blob.Digest) {
	t.Helper()
	if _, err := s.Stat(context.Background(), d); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Stat = %v, want ErrNotFound", err)
	}
	r, _, err := s.Get(context.Background(), d)
	if !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Get = %v, want ErrNotFound", err)
	}
	if err == nil {
		r.Close()
	}
}

func (h Harness) roundTrip(t *testing.T) {
	s := h.New(t)
	var all []blob.Digest
	for _, n := range []int{0, 1, 511, 32<<10 + 1, MaxBytes} {
		b := pseudoRandom(n)
		all = append(all, mustPut(t, s, b))
		checkStored(t, s, b)
	}
	h.CheckClean(t, s, all...)
}

func (h Harness) missing(t *testing.T) {
	s := h.New(t)
	checkMissing(t, s, blob.Sum([]byte("never stored")))
	checkMissing(t, s, blob.Digest{})
}

func (h Harness) refusedBodies(t *testing.T) {
	good := pseudoRandom(100_000)
	broken := errors.New("connection reset")
	for _, tc := range []struct {
		name string
		d    blob.Digest
		body io.Reader
		want error
	}{
		{"other bytes", blob.Sum(good), strings.NewReader("something else"), blob.ErrDigestMismatch},
		{"truncated", blob.Sum(good), bytes.NewReader(good[:len(good)-1]), blob.ErrDigestMismatch},
		{"one byte more", blob.Sum(good), io.MultiReader(bytes.NewReader(good), strings.NewReader("x")), blob.ErrDigestMismatch},
		{"empty", blob.Sum(good), strings.NewReader(""), blob.ErrDigestMismatch},
		{"broken off", blob.Sum(good), io.MultiReader(bytes.NewReader(good[:70_000]), iotest.ErrReader(broken)), broken},
		{"unexpected EOF", blob.Sum(good), io.MultiReader(bytes.NewReader(good), iotest.ErrReader(io.ErrUnexpectedEOF)), io.ErrUnexpectedEOF},
		{"over the limit", blob.Sum(pseudoRandom(MaxBytes + 1)), bytes.NewReader(pseudoRandom(MaxBytes + 1)), blob.ErrTooLarge},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := h.New(t)
			if _, err := s.Put(context.Background(), tc.d, tc.body); !errors.Is(err, tc.want) {
				t.Errorf("Put = %v, want %v", err, tc.want)
			}
			checkMissing(t, s, tc.d)
			h.CheckClean(t, s)
		})
	}
}

func (h Harness) putTwice(t *testing.T) {
	s := h.New(t)
	b := pseudoRandom(5000)
	d := mustPut(t, s, b)
	if again := mustPut(t, s, b); again != d {
		t.Errorf("second Put stored %v, first %v", again, d)
	}
	// A wrong body is refused also when the blob is there, and leaves it alone.
	if _, err := s.Put(context.Background(), d, strings.NewReader("x")); !errors.Is(err, blob.ErrDigestMismatch) {
		t.Errorf("Put of a wrong body over a stored blob = %v, want ErrDigestMismatch", err)
	}
	checkStored(t, s, b)
	h.CheckClean(t, s, d)
}

func (h Harness) putRepairs(t *testing.T) {
	s := h.New(t)
	b := pseudoRandom(5000)
	d := mustPut(t, s, b)
	h.Overwrite(t, s, d, []byte("rotten"))
	mustPut(t, s, b)
	checkStored(t, s, b)
}

func (h Harness) corrupt(t *testing.T) {
	b := pseudoRandom(100_000)
	flipped := bytes.Clone(b)
	flipped[77_777] ^= 1
	for name, bad := range map[string][]byte{
		"bit flipped": flipped,
		"truncated":   b[:50_000],
		"extended":    append(bytes.Clone(b), 0),
		"emptied":     {},
	} {
		t.Run(name, func(t *testing.T) {
			s := h.New(t)
			d := mustPut(t, s, b)
			h.Overwrite(t, s, d, bad)
			r, _, err := s.Get(context.Background(), d)
			if err != nil {
				t.Fatalf("Get: %v", err)
			}
			defer r.Close()
			if _, err := io.Copy(io.Discard, r); !errors.Is(err, blob.ErrCorrupt) {
				t.Errorf("read = %v, want ErrCorrupt", err)
			}
			// The verdict stands when asked again.
			if _, err := r.Read(make([]byte, 1)); !errors.Is(err, blob.ErrCorrupt) {
				t.Errorf("read after the end = %v, want ErrCorrupt", err)
			}
		})
	}
}

func (h Harness) canceledPut(t *testing.T) {
	s := h.New(t)
	b := pseudoRandom(200_000)
	ctx, cancel := context.WithCancel(context.Background())
	body := io.MultiReader(bytes.NewReader(b[:1000]), readerFunc(func([]byte) (int, error) {
		cancel()
		return 0, nil
	}), bytes.NewReader(b[1000:]))
	if _, err := s.Put(ctx, blob.Sum(b), body); !errors.Is(err, context.Canceled) {
		t.Errorf("Put = %v, want context.Canceled", err)
	}
	checkMissing(t, s, blob.Sum(b))
	h.CheckClean(t, s)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func (h Harness) invisibleUntilComplete(t *testing.T) {
	s := h.New(t)
	b := pseudoRandom(200_000)
	d := blob.Sum(b)
	pr, pw := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := s.Put(context.Background(), d, pr)
		done <- err
	}()
	pw.Write(b) // returns once Put has read every byte
	checkMissing(t, s, d)
	pw.Close()
	if err := <-done; err != nil {
		t.Fatalf("Put: %v", err)
	}
	checkStored(t, s, b)
}

// concurrentPuts stores few blobs from many goroutines, some with bad bodies,
// while others read: a blob is seen whole or not at all.
func (h Harness) concurrentPuts(t *testing.T) {
	s := h.New(t)
	var blobs [][]byte
	var digests []blob.Digest
	for i := range 3 {
		b := pseudoRandom(50_000 + i)
		blobs, digests = append(blobs, b), append(digests, blob.Sum(b))
	}
	var wg sync.WaitGroup
	for i := range 24 {
		b, d := blobs[i%3], digests[i%3]
		wg.Go(func() {
			if _, err := s.Put(context.Background(), d, iotest.OneByteReader(bytes.NewReader(b))); err != nil {
				t.Errorf("Put: %v", err)
			}
		})
		wg.Go(func() {
			if _, err := s.Put(context.Background(), d, bytes.NewReader(b[1:])); !errors.Is(err, blob.ErrDigestMismatch) {
				t.Errorf("Put of a bad body = %v, want ErrDigestMismatch", err)
			}
		})
		wg.Go(func() {
			if err := readIfThere(s, d, b); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, b := range blobs {
		checkStored(t, s, b)
	}
	h.CheckClean(t, s, digests...)
}

func readIfThere(s blob.Store, d blob.Digest, want []byte) error {
	r, _, err := s.Get(context.Background(), d)
	if errors.Is(err, blob.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("get: %w", err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("read during concurrent puts: %w", err)
	}
	if !bytes.Equal(got, want) {
		return errors.New("read other bytes during concurrent puts")
	}
	return nil
}
