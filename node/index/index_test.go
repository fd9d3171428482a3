package index

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"zhenglian/app/store"
	"zhenglian/app/tx"
)

// ledger is a store with synthetic entries; only their form matters here.
type ledger struct {
	t   testing.TB
	s   *store.Store
	ids []tx.ID
}

func newLedger(t testing.TB) *ledger {
	s, err := store.OpenMemory(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &ledger{t: t, s: s}
}

func digest(n uint64) (d tx.Digest) {
	d[0] = 0xd1
	binary.BigEndian.PutUint64(d[24:], n)
	return d
}

// seal is evidence number n: file n, and case n/10 in every second one.
func seal(n uint64) *tx.Statement {
	e := &tx.Evidence{
		Anchor:   tx.Anchor{Height: 1},
		Captured: tx.Captured{Started: 1, Ended: 2, Method: "upload", Tool: "test"},
		Class:    "file",
		Files: []tx.File{
			{Bytes: 1, Media: "text/plain", Role: "original", SHA256: digest(n), SM3: digest(1_000_000 + n)},
			{Bytes: 1, Media: "text/plain", Role: "copy", SHA256: digest(n), SM3: digest(1_000_000 + n)},
		},
	}
	if n%2 == 0 {
		e.CaseTag = digest(2_000_000 + n/10)
	}
	return &tx.Statement{Chain: "test-1", Kind: tx.EvidenceSeal, Member: tx.MemberID(fmt.Sprintf("city-%d", n%3)), At: tx.Time(n), Expires: 100, Body: e}
}

// commit appends one block of statements.
func (l *ledger) commit(statements ...*tx.Statement) {
	l.t.Helper()
	head, _ := l.s.Head()
	b := l.s.Begin(head.Height + 1)
	for _, s := range statements {
		payload, err := s.Encode()
		if err != nil {
			l.t.Fatal(err)
		}
		e := tx.Envelope{Payload: payload, Signatures: []tx.Signature{{Sig: make([]byte, 64)}}}
		l.ids = append(l.ids, e.ID())
		b.Append(store.Hash(e.ID()), e.AppendWire(nil))
	}
	if _, err := b.Commit(); err != nil {
		l.t.Fatal(err)
	}
}

// fill commits evidence from..to in blocks of 100.
func (l *ledger) fill(from, to uint64) {
	l.t.Helper()
	for from < to {
		var block []*tx.Statement
		for ; from < to && len(block) < 100; from++ {
			block = append(block, seal(from))
		}
		l.commit(block...)
	}
}

func open(t testing.TB, path string, l *ledger) *Index {
	t.Helper()
	x, err := Open(path, l.s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

// follow runs x until it holds the whole log.
func follow(t testing.TB, x *Index, l *ledger) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- x.Run(ctx) }()
	head, _ := l.s.Head()
	if err := x.Wait(ctx, head.LogSize); err != nil {
		t.Fatalf("index stays at %+v, log has %d: %v", x.Position(), head.LogSize, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func search(t testing.TB, x *Index, q Query) ([]uint64, bool) {
	t.Helper()
	seqs, more, err := x.Evidence(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return seqs, more
}

func TestEvidence(t *testing.T) {
	l := newLedger(t)
	l.fill(0, 30)
	// The same file again, by another member, and a statement that is no evidence.
	again := seal(4)
	again.Member = "city-2"
	l.commit(again, &tx.Statement{Chain: "test-1", Kind: tx.EvidenceWithdraw, Member: "city-1", Expires: 9, Prev: l.ids[4], Body: &tx.Withdraw{Reason: "mistake"}})
	x := open(t, filepath.Join(t.TempDir(), "index.db"), l)
	follow(t, x, l)

	for _, c := range []struct {
		name string
		q    Query
		want []uint64
		more bool
	}{
		{"file once", Query{SHA256: digest(7), Limit: 10}, []uint64{7}, false},
		{"file twice, newest first", Query{SHA256: digest(4), Limit: 10}, []uint64{30, 4}, false},
		{"limit", Query{SHA256: digest(4), Limit: 1}, []uint64{30}, true},
		{"next page", Query{SHA256: digest(4), Limit: 1, Before: 30}, []uint64{4}, false},
		{"sm3", Query{SM3: digest(1_000_007), Limit: 10}, []uint64{7}, false},
		{"sm3 is not sha256", Query{SM3: digest(7), Limit: 10}, nil, false},
		{"case", Query{CaseTag: digest(2_000_001), Limit: 10}, []uint64{18, 16, 14, 12, 10}, false},
		{"case and member", Query{CaseTag: digest(2_000_001), Member: "city-0", Limit: 10}, []uint64{18, 12}, false},
		{"member", Query{Member: "city-1", Limit: 3}, []uint64{28, 25, 22}, true},
		{"all", Query{Limit: 2}, []uint64{30, 29}, true},
		{"unknown member", Query{Member: "nobody", Limit: 10}, nil, false},
		{"contradiction", Query{SHA256: digest(1), SM3: digest(1_000_002), Limit: 10}, nil, false},
	} {
		got, more := search(t, x, c.q)
		if !reflect.DeepEqual(got, c.want) || more != c.more {
			t.Errorf("%s: got %v, %v, want %v, %v", c.name, got, more, c.want, c.more)
		}
	}
}

// Endorsements point at what they endorse; continuations belong to a matter.
func TestStatements(t *testing.T) {
	l := newLedger(t)
	l.commit(seal(1))
	l.commit(
		&tx.Statement{Chain: "test-1", Kind: tx.EvidenceChallenge, Member: "shop", Expires: 9, Prev: l.ids[0], Body: &tx.Challenge{Ground: "unlawful"}},
		&tx.Statement{Chain: "test-1", Kind: tx.EndorseKind, Member: "court", Expires: 9, Body: &tx.Endorse{Statement: l.ids[0], Type: tx.Agrees}},
	)
	l.commit(&tx.Statement{Chain: "test-1", Kind: tx.EvidenceReject, Member: "court", Expires: 9, Prev: l.ids[1], Body: &tx.Decision{}})
	x := open(t, filepath.Join(t.TempDir(), "index.db"), l)
	follow(t, x, l)
	want := [][]any{
		{int64(0), int64(1), "evidence.seal", "city-1", int64(0), nil},
		{int64(1), int64(2), "evidence.challenge", "shop", int64(0), nil},
		{int64(2), int64(2), "endorse", "court", nil, int64(0)},
		{int64(3), int64(3), "evidence.reject", "court", int64(0), nil},
	}
	got := dump(t, x.path, "SELECT seq, height, kind, member, matter, about FROM statements ORDER BY seq")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
}

func dump(t testing.TB, path, query string) (out [][]any) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		row, ptr := make([]any, len(cols)), make([]any, len(cols))
		for i := range row {
			ptr[i] = &row[i]
		}
		if err := rows.Scan(ptr...); err != nil {
			t.Fatal(err)
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// everything is all that an index says, in a form that can be compared.
func everything(t testing.TB, path string) [3][][]any {
	return [3][][]any{
		dump(t, path, "SELECT * FROM statements ORDER BY seq"),
		dump(t, path, "SELECT * FROM terms ORDER BY field, value, seq"),
		dump(t, path, "SELECT * FROM cursor"),
	}
}

// An index that was interrupted between batches, and copied as a crash would
// leave it in the middle of one, ends as one made in one go.
func TestInterrupted(t *testing.T) {
	l := newLedger(t)
	l.fill(0, 3*batchSize+17)
	dir := t.TempDir()
	whole := open(t, filepath.Join(dir, "whole.db"), l)
	follow(t, whole, l)
	want := everything(t, whole.path)

	path := filepath.Join(dir, "parts.db")
	x, err := Open(path, l.s)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if more, err := x.batch(t.Context()); err != nil || !more {
			t.Fatalf("batch: more %v, %v", more, err)
		}
	}
	// A crash: the file and its write-ahead log as they are, no orderly close,
	// with a transaction that never ended.
	cut, err := x.write.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cut.Exec("DELETE FROM terms"); err != nil {
		t.Fatal(err)
	}
	crashed := filepath.Join(dir, "crashed.db")
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(crashed+suffix, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := cut.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, crashed} {
		x := open(t, p, l)
		if got := x.Position().LogSize; got != 2*batchSize {
			t.Errorf("%s: goes on at %d, want %d", filepath.Base(p), got, 2*batchSize)
		}
		follow(t, x, l)
		if got := everything(t, p); !reflect.DeepEqual(got, want) {
			t.Errorf("%s differs from the one made in one go", filepath.Base(p))
		}
	}
}

// A batch that fails leaves the cursor and the rows where they were.
func TestBatchIsAtomic(t *testing.T) {
	l := newLedger(t)
	l.fill(0, 10)
	x := open(t, filepath.Join(t.TempDir(), "index.db"), l)
	follow(t, x, l)
	want := everything(t, x.path)
	b := l.s.Begin(99)
	b.Append(store.Hash{1}, []byte("no envelope"))
	if _, err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := x.batch(t.Context()); err == nil {
		t.Fatal("an entry that is no envelope was indexed")
	}
	if got := everything(t, x.path); !reflect.DeepEqual(got, want) {
		t.Error("a failed batch left something behind")
	}
}

// What is no index of this log is made again and ends the same.
func TestRebuild(t *testing.T) {
	l := newLedger(t)
	l.fill(0, 50)
	dir := t.TempDir()
	path := filepath.Join(dir, "index.db")
	x := open(t, path, l)
	follow(t, x, l)
	want := everything(t, path)
	x.Close()

	other := newLedger(t)
	other.fill(100, 160)
	exec := func(query string) func() {
		return func() {
			db, err := sql.Open("sqlite", "file:"+path)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, err := db.Exec(query); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, spoil := range map[string]func(){
		"removed": func() {
			if err := Remove(path); err != nil {
				t.Fatal(err)
			}
		},
		"other schema": exec("DELETE FROM terms; PRAGMA user_version = 99"),
		"no tables":    exec("DROP TABLE cursor"),
		"not sqlite": func() {
			if err := os.WriteFile(path, []byte("this is not a database, not even nearly one"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"another log": func() {
			Remove(path)
			o := open(t, path, other)
			follow(t, o, other)
			o.Close()
		},
		"longer than the log": exec("UPDATE cursor SET log_size = 1000"),
	} {
		t.Run(name, func(t *testing.T) {
			spoil()
			x, err := Open(path, l.s)
			if err != nil {
				t.Fatal(err)
			}
			if got := x.Position(); got != (Position{}) {
				t.Errorf("starts at %+v, want the beginning", got)
			}
			follow(t, x, l)
			if err := x.Close(); err != nil {
				t.Fatal(err)
			}
			if got := everything(t, path); !reflect.DeepEqual(got, want) {
				t.Error("the rebuilt index differs")
			}
		})
	}
}

// Searching goes on while the log grows, and sees each entry once it is indexed.
func TestConcurrent(t *testing.T) {
	l := newLedger(t)
	x := open(t, filepath.Join(t.TempDir(), "index.db"), l)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- x.Run(ctx) }()
	wrote := make(chan struct{})
	go func() {
		defer close(wrote)
		for n := range uint64(300) {
			l.commit(seal(n))
			x.Notify()
		}
	}()
	for n := range uint64(300) {
		if err := x.Wait(ctx, n+1); err != nil {
			t.Fatal(err)
		}
		if got, _ := search(t, x, Query{SHA256: digest(n), Limit: 5}); !reflect.DeepEqual(got, []uint64{n}) {
			t.Fatalf("entry %d: got %v", n, got)
		}
	}
	<-wrote
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func BenchmarkFollow(b *testing.B) {
	l := newLedger(b)
	l.fill(0, 20_000)
	path := filepath.Join(b.TempDir(), "index.db")
	for b.Loop() {
		Remove(path)
		x, err := Open(path, l.s)
		if err != nil {
			b.Fatal(err)
		}
		for more := true; more; {
			if more, err = x.batch(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		x.Close()
	}
	fi, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/20_000, "µs/entry")
	b.ReportMetric(float64(fi.Size())/20_000, "bytes/entry")
}
