package store

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// writeBlock writes what block height of the crash tests contains, hashes it and
// commits it. Every second block leaves the tree alone; block 2 fills a tile.
func writeBlock(s *Store, height int64) (Head, error) {
	b := s.Begin(height)
	size := 3
	if height == 2 {
		size = 260
	}
	for i := range size {
		id, e := envelope(int(height)*1000 + i)
		b.Append(id, e)
	}
	if height%2 == 0 {
		for i := range 10 {
			b.Set(fmt.Appendf(nil, "key %d", i+int(height)), fmt.Appendf(nil, "value %d", height))
		}
		b.Delete(fmt.Appendf(nil, "key %d", height))
	}
	if _, err := b.Hash(); err != nil {
		return Head{}, err
	}
	return b.Commit()
}

const crashBlocks = 5

// twin is the heads of a store that is never interrupted.
func twin(t *testing.T) []Head {
	t.Helper()
	s := must[*Store](t)(OpenMemory(Options{}))
	defer s.Close()
	var heads []Head
	for height := range int64(crashBlocks) {
		heads = append(heads, must[Head](t)(writeBlock(s, height)))
	}
	return heads
}

type crash struct{ point string }

// crashAt runs blocks until the n-th time the point is reached, and reports the block
// that was being written; -1 when the point was not reached so often.
func crashAt(t *testing.T, s *Store, fault *func(string), point string, n int) (during int64) {
	t.Helper()
	*fault = func(p string) {
		if p == point {
			if n--; n == 0 {
				panic(crash{p})
			}
		}
	}
	defer func() { *fault = nil }()
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(crash); !ok {
				panic(r)
			}
		}
	}()
	for during = range crashBlocks {
		must[Head](t)(writeBlock(s, during))
	}
	return -1
}

// afterCrash checks that the store holds the head before the interrupted block or the
// one after it, and that the rest of the blocks gives the hashes of the twin.
func afterCrash(t *testing.T, s *Store, heads []Head, during int64, durable bool) {
	t.Helper()
	head, ok := s.Head()
	last := during - 1
	if durable {
		last = during
	}
	switch {
	case last < 0 && ok:
		t.Fatalf("crash in the first block: found head %+v", head)
	case last >= 0 && (!ok || head != heads[last]):
		t.Fatalf("crash in block %d: found head %+v, %v, want %+v", during, head, ok, heads[last])
	}
	checkStore(t, s)
	for height := last + 1; height < crashBlocks; height++ {
		if got := must[Head](t)(writeBlock(s, height)); got != heads[height] {
			t.Fatalf("block %d after a crash in %d: got %+v, want %+v", height, during, got, heads[height])
		}
	}
	checkView(t, s, s.View())
}

var faultPoints = []struct {
	name    string
	at      []int // which time it is reached
	durable bool  // the interrupted block survives
}{
	{"log.append", []int{1, 4, 5, 262, 270}, false},
	{"side.rows", []int{1, 2, 3, 5}, false},
	{"tree.save", []int{1, 2, 3}, false},
	{"meta.write", []int{1, 2, 3, 4}, false},
	{"meta.written", []int{1, 2, 3, 5}, true},
}

// TestCrashPowerLoss interrupts a block at each point and loses what was not synced:
// all of it, or every other piece.
func TestCrashPowerLoss(t *testing.T) {
	heads := twin(t)
	for _, p := range faultPoints {
		for _, n := range p.at {
			t.Run(fmt.Sprintf("%s/%d", p.name, n), func(t *testing.T) {
				mem := vfs.NewCrashableMem()
				var fault func(string)
				o := Options{FS: mem, Fault: func(p string) {
					if fault != nil {
						fault(p)
					}
				}}
				s := open(t, "/store", o)
				during := crashAt(t, s, &fault, p.name, n)
				if during < 0 {
					t.Fatal("fault point was not reached")
				}
				after := []*vfs.MemFS{mem.CrashClone(vfs.CrashCloneCfg{}), mem.CrashClone(vfs.CrashCloneCfg{
					UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(uint64(n), uint64(len(p.name)))),
				})}
				s.db.Close() // stops its goroutines; the clones do not see what it writes
				for _, o.FS = range after {
					s = open(t, "/store", o)
					defer s.Close()
					afterCrash(t, s, heads, during, p.durable)
				}
			})
		}
	}
}

// TestCrashKill interrupts a block at each point and goes on with the files as they
// are on disk, as after kill -9.
func TestCrashKill(t *testing.T) {
	heads := twin(t)
	for _, p := range faultPoints {
		n := p.at[len(p.at)-1]
		t.Run(fmt.Sprintf("%s/%d", p.name, n), func(t *testing.T) {
			var fault func(string)
			o := Options{Fault: func(p string) {
				if fault != nil {
					fault(p)
				}
			}}
			dir := t.TempDir()
			s := open(t, filepath.Join(dir, "killed"), o)
			defer s.db.Close()
			during := crashAt(t, s, &fault, p.name, n)
			if during < 0 {
				t.Fatal("fault point was not reached")
			}
			copyDir(t, filepath.Join(dir, "killed"), filepath.Join(dir, "copy"))
			s = open(t, filepath.Join(dir, "copy"), o)
			defer s.Close()
			afterCrash(t, s, heads, during, p.durable)
		})
	}
}

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// TestTornLog cuts the write-ahead log at every length. Whatever is left, the store
// opens at a head of the twin, verifies, and goes on with the twin's hashes.
func TestTornLog(t *testing.T) {
	heads := twin(t)
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole")
	s := open(t, whole, Options{})
	defer s.Close()
	for height := range int64(crashBlocks) {
		must[Head](t)(writeBlock(s, height))
	}
	logs := must[[]string](t)(fs.Glob(os.DirFS(whole), "*.log"))
	if len(logs) != 1 {
		t.Fatalf("got logs %v, want one", logs)
	}
	size := must[os.FileInfo](t)(os.Stat(filepath.Join(whole, logs[0]))).Size()
	seen := map[int64]bool{}
	for i := range int64(24) {
		torn := filepath.Join(dir, fmt.Sprintf("torn-%d", i))
		copyDir(t, whole, torn)
		if err := os.Truncate(filepath.Join(torn, logs[0]), size*i/24); err != nil {
			t.Fatal(err)
		}
		s := open(t, torn, Options{})
		last := int64(-1)
		if head, ok := s.Head(); ok {
			last = head.Height
		}
		seen[last] = true
		afterCrash(t, s, heads, last, true)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) < 3 {
		t.Errorf("cuts left only the heights %v", seen)
	}
}
