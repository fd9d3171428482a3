package node

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"

	dbm "github.com/cometbft/cometbft-db"
	cmtcfg "github.com/cometbft/cometbft/config"
	"pgregory.net/rapid"
)

func openTestDB(t *testing.T, dir string) *pebbleDB {
	t.Helper()
	db, err := openPebble(dir, 4<<20, pebbleLogger{slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// TestPebbleDBLikeMemDB compares the database with CometBFT's in-memory one under
// random operations: the two must be indistinguishable.
func TestPebbleDBLikeMemDB(t *testing.T) {
	dir := t.TempDir()
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		got := openTestDB(t, filepath.Join(dir, fmt.Sprint(run)))
		defer got.Close()
		want := dbm.NewMemDB()
		// Few short keys, empty and nil among them, so that they meet often.
		key := rapid.SampledFrom([][]byte{nil, {}, {0}, {0, 0}, {1}, {1, 0xff}, {2}, {0xff}, {0xff, 0xff}})
		value := rapid.SampledFrom([][]byte{nil, {}, {1}, {2, 3}})
		same := func(what string, g, w error) {
			if (g == nil) != (w == nil) {
				rt.Fatalf("%s: got error %v, want %v", what, g, w)
			}
		}
		both := func(f func(db dbm.DB) error) {
			same("write", f(got), f(want))
		}
		rt.Repeat(map[string]func(*rapid.T){
			"set": func(rt *rapid.T) {
				k, v := key.Draw(rt, "key"), value.Draw(rt, "value")
				both(func(db dbm.DB) error { return db.Set(k, v) })
			},
			"set sync": func(rt *rapid.T) {
				k, v := key.Draw(rt, "key"), value.Draw(rt, "value")
				both(func(db dbm.DB) error { return db.SetSync(k, v) })
			},
			"delete": func(rt *rapid.T) {
				k := key.Draw(rt, "key")
				both(func(db dbm.DB) error { return db.Delete(k) })
			},
			"delete sync": func(rt *rapid.T) {
				k := key.Draw(rt, "key")
				both(func(db dbm.DB) error { return db.DeleteSync(k) })
			},
			"batch": func(rt *rapid.T) {
				ks := rapid.SliceOfN(key, 0, 5).Draw(rt, "keys")
				del := rapid.Bool().Draw(rt, "delete the last")
				sync := rapid.Bool().Draw(rt, "sync")
				both(func(db dbm.DB) error {
					b := db.NewBatch()
					defer b.Close()
					var errs error
					for i, k := range ks {
						if del && i == len(ks)-1 {
							errs = errors.Join(errs, b.Delete(k))
						} else {
							errs = errors.Join(errs, b.Set(k, []byte{byte(i)}))
						}
					}
					if sync {
						return errors.Join(errs, b.WriteSync())
					}
					return errors.Join(errs, b.Write())
				})
			},
			"": func(rt *rapid.T) {
				k := key.Draw(rt, "key")
				g, gerr := got.Get(k)
				w, werr := want.Get(k)
				same("get", gerr, werr)
				if (g == nil) != (w == nil) || !bytes.Equal(g, w) {
					rt.Fatalf("get %x: got %#v, want %#v", k, g, w)
				}
				gh, _ := got.Has(k)
				if wh, _ := want.Has(k); gh != wh {
					rt.Fatalf("has %x: got %t", k, gh)
				}
				start, end := key.Draw(rt, "start"), key.Draw(rt, "end")
				for _, reverse := range []bool{false, true} {
					gs, gerr := walk(got, start, end, reverse)
					ws, werr := walk(want, start, end, reverse)
					same("iterator", gerr, werr)
					if !slices.Equal(gs, ws) {
						rt.Fatalf("[%x,%x) reverse %t: got %v, want %v", start, end, reverse, gs, ws)
					}
				}
			},
		})
	})
}

func walk(db dbm.DB, start, end []byte, reverse bool) (pairs []string, err error) {
	open := db.Iterator
	if reverse {
		open = db.ReverseIterator
	}
	it, err := open(start, end)
	if err != nil {
		return nil, err
	}
	for ; it.Valid(); it.Next() {
		pairs = append(pairs, fmt.Sprintf("%x=%x", it.Key(), it.Value()))
	}
	return pairs, errors.Join(it.Error(), it.Close())
}

func TestPebbleDBReopen(t *testing.T) {
	dir := t.TempDir()
	db := openTestDB(t, dir)
	if err := db.SetSync([]byte("a"), []byte("1")); err != nil {
		t.Fatal(err)
	}
	b := db.NewBatch()
	if err := errors.Join(b.Set([]byte("b"), []byte("2")), b.WriteSync()); err != nil {
		t.Fatal(err)
	}
	if err := db.Compact(nil, nil); err != nil {
		t.Errorf("compact: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := walk(openTestDB(t, dir), nil, nil, false)
	if err != nil || !slices.Equal(got, []string{"61=31", "62=32"}) {
		t.Errorf("after reopening: %v, %v", got, err)
	}
}

func TestPebbleDBMisuse(t *testing.T) {
	db := openTestDB(t, t.TempDir())
	b := db.NewBatch()
	if err := errors.Join(b.Set([]byte("a"), []byte("1")), b.Write()); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"set":    b.Set([]byte("a"), []byte("1")),
		"delete": b.Delete([]byte("a")),
		"write":  b.Write(),
		"sync":   b.WriteSync(),
	} {
		if !errors.Is(err, errBatchClosed) {
			t.Errorf("%s on a written batch: %v", name, err)
		}
	}
	if err := errors.Join(b.Close(), b.Close()); err != nil {
		t.Errorf("closing twice: %v", err)
	}

	it, err := db.Iterator([]byte("a"), []byte("b"))
	if err != nil {
		t.Fatal(err)
	}
	if s, e := it.Domain(); string(s) != "a" || string(e) != "b" {
		t.Errorf("domain %q %q", s, e)
	}
	it.Next()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("Key of an exhausted iterator did not panic")
			}
		}()
		it.Key()
	}()
	it.Close()

	late := db.NewBatch()
	defer late.Close()
	if err := errors.Join(db.Close(), db.Close()); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	_, getErr := db.Get([]byte("a"))
	_, itErr := db.Iterator(nil, nil)
	for name, err := range map[string]error{
		"get":      getErr,
		"iterator": itErr,
		"set":      db.SetSync([]byte("a"), []byte("1")),
		"delete":   db.Delete([]byte("a")),
		"compact":  db.Compact(nil, nil),
		"batch":    late.Write(),
	} {
		if !errors.Is(err, errDBClosed) {
			t.Errorf("%s on a closed database: %v", name, err)
		}
	}
	if err := db.NewBatch().Set([]byte("a"), []byte("1")); err == nil {
		t.Error("a batch of a closed database took a write")
	}
}

// TestLateReader: a goroutine that CometBFT leaves behind ends at its first read
// of a closed store, having run what it deferred.
func TestLateReader(t *testing.T) {
	s := &stores{log: slog.New(slog.DiscardHandler)}
	cfg := cmtcfg.DefaultConfig()
	cfg.SetRoot(t.TempDir())
	db, err := s.provide(&cmtcfg.DBContext{ID: "state", Config: cfg})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	survived := false
	go func() {
		defer close(done)
		db.Get([]byte("a"))
		survived = true
	}()
	<-done
	if survived {
		t.Error("the goroutine went on after reading a closed store")
	}
}
