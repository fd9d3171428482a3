package store

import (
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

var million = flag.Bool("million", false, "run the benchmarks on a log of one million entries")

// fill appends n entries of 800 bytes in blocks of 1000 and returns the next height.
// Half of each envelope is text-like and half is random, as signatures and digests are.
func fill(tb testing.TB, s *Store, height int64, from, n int) int64 {
	env := benchEnvelopes(min(n, 1000))
	for done := 0; done < n; height++ {
		b := s.Begin(height)
		for i := 0; i < 1000 && done < n; i++ {
			e := env[i]
			binary.BigEndian.PutUint64(e, uint64(from+done))
			b.Append(benchID(from+done), e)
			done++
		}
		if _, err := b.Commit(); err != nil {
			tb.Fatal(err)
		}
	}
	return height
}

func benchID(n int) Hash {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	return sha256.Sum256(b[:])
}

func benchEnvelopes(n int) [][]byte {
	env := make([][]byte, n)
	for i := range env {
		e := make([]byte, 0, 832)
		for j := 0; len(e) < 800; j++ {
			h := benchID(i<<16 | j)
			e = append(e, h[:]...)
			e = append(e, `{"kind":"evidence.seal","member"`...)
		}
		env[i] = e[:800]
	}
	return env
}

// BenchmarkAppend is one entry of 800 bytes in blocks of 1000 without tree writes,
// its part of the commit included, with and without the wait for the sync.
func BenchmarkAppend(b *testing.B) {
	for _, bench := range []struct {
		name string
		o    Options
	}{
		{"sync", Options{}},
		{"nosync", Options{FS: noSync{vfs.Default}}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			s := open(b, b.TempDir(), bench.o)
			defer s.Close()
			b.ReportAllocs()
			b.ResetTimer()
			fill(b, s, 1, 0, b.N)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
		})
	}
}

// noSync is a disk that does not wait for the disk.
type noSync struct{ vfs.FS }

func (fs noSync) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, c)
	return noSyncFile{f}, err
}

func (fs noSync) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.ReuseForWrite(from, to, c)
	return noSyncFile{f}, err
}

type noSyncFile struct{ vfs.File }

func (noSyncFile) Sync() error                       { return nil }
func (noSyncFile) SyncData() error                   { return nil }
func (noSyncFile) SyncTo(int64) (full bool, e error) { return false, nil }

// BenchmarkAppendState is BenchmarkAppend with one new state key an entry, in the
// order of entries.
func BenchmarkAppendState(b *testing.B) {
	s := open(b, b.TempDir(), Options{})
	defer s.Close()
	env := benchEnvelopes(1000)
	value := make([]byte, 100)
	b.ReportAllocs()
	b.ResetTimer()
	for n, height := 0, int64(1); n < b.N; height++ {
		blk := s.Begin(height)
		for i := 0; i < 1000 && n < b.N; i++ {
			seq := blk.Append(benchID(n), env[i])
			binary.BigEndian.PutUint64(value, seq+1)
			blk.Set(binary.BigEndian.AppendUint64([]byte{1}, seq), value)
			n++
		}
		if _, err := blk.Commit(); err != nil {
			b.Fatal(err)
		}
	}
}

// large is a store of one million entries, or of fifty thousand without -million.
func large(b *testing.B) (*Store, int) {
	n := 50_000
	if *million {
		n = 1_000_000
	}
	s := open(b, b.TempDir(), Options{})
	b.Cleanup(func() { s.Close() })
	fill(b, s, 1, 0, n)
	return s, n
}

func BenchmarkInclusion(b *testing.B) {
	s, n := large(b)
	v := s.View()
	for _, bench := range []struct {
		name string
		seq  func(i int) uint64
	}{
		{"newest", func(i int) uint64 { return uint64(n - 1 - i%1000) }},
		{"any", func(i int) uint64 { return uint64(i*7919) % uint64(n) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := v.Inclusion(bench.seq(i)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSeq(b *testing.B) {
	s, n := large(b)
	v := s.View()
	for _, bench := range []struct {
		name string
		id   func(i int) Hash
		ok   bool
	}{
		{"hit", func(i int) Hash { return benchID(i * 7919 % n) }, true},
		{"miss", func(i int) Hash { return benchID(n + i) }, false},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, ok, err := v.Seq(bench.id(i)); err != nil || ok != bench.ok {
					b.Fatal(ok, err)
				}
			}
		})
	}
}

// BenchmarkMillion fills a log with one million entries, ten times a hundred
// thousand, and reports how the rate of the last part compares with the first and
// what an entry takes on disk, the write-ahead log apart. Run it with -benchtime 1x.
func BenchmarkMillion(b *testing.B) {
	if !*million {
		b.Skip("needs -million")
	}
	for b.Loop() {
		s := open(b, b.TempDir(), Options{})
		const part = 100_000
		var rates [10]float64
		last, height := b.Elapsed(), int64(1)
		for i := range rates {
			height = fill(b, s, height, i*part, part)
			now := b.Elapsed()
			rates[i] = part / (now - last).Seconds()
			last = now
			b.Logf("part %d: %.0f appends/s", i, rates[i])
		}
		b.ReportMetric(rates[9]/rates[0], "last/first")
		if err := s.db.Flush(); err != nil {
			b.Fatal(err)
		}
		if err := s.db.Compact(b.Context(), []byte{0}, []byte{0xff}, false); err != nil {
			b.Fatal(err)
		}
		m := s.db.Metrics()
		b.ReportMetric(float64(m.Total().TablesSize+int64(m.BlobFiles.LiveSize))/(10*part), "disk-B/entry")
		b.Logf("\n%v", m)
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
