package consumer

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Counts survive a restart, and many at once are all counted.
func TestScans(t *testing.T) {
	path := filepath.Join(t.TempDir(), "consumer.db")
	s := open(t, path)
	begin := time.Now().Add(-time.Second)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 25 {
				if _, err := s.Scan(t.Context(), fmt.Sprint("code", i%2)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	n, err := s.Scan(t.Context(), "code0")
	if err != nil || n.Count != 101 || n.First.Before(begin) {
		t.Fatalf("%+v, %v", n, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if i, err := os.Stat(path); err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", i.Mode(), err)
	}
	s = open(t, path)
	defer s.Close()
	again, err := s.Scans(t.Context(), "code0")
	if err != nil || again.Count != 101 || !again.First.Equal(n.First.Truncate(time.Millisecond)) {
		t.Errorf("after a restart %+v, %v; want %+v", again, err, n)
	}
	if n, err := s.Scans(t.Context(), "other"); err != nil || n.Count != 0 {
		t.Errorf("%+v, %v", n, err)
	}
}

// What was counted is written without an orderly end.
func TestScansCrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "consumer.db")
	s := open(t, path)
	defer s.Close()
	if _, err := s.Scan(t.Context(), "code"); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		other := open(t, path)
		n, err := other.Scans(t.Context(), "code")
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Close(); err != nil {
			t.Fatal(err)
		}
		if n.Count == 1 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("not written")
		}
	}
}

func TestReports(t *testing.T) {
	path := filepath.Join(t.TempDir(), "consumer.db")
	s := open(t, path)
	now := time.UnixMilli(1795420800000)
	s.now = func() time.Time { return now }
	for _, r := range []Report{
		{Code: "a", Reason: "dislike"}, {Code: "", Reason: "unsafe"}, {Code: strings.Repeat("a", 257), Reason: "unsafe"},
		{Code: "a", Reason: "unsafe", Text: strings.Repeat("字", MaxText+1)}, {Code: "a", Reason: "unsafe", Text: "\xff"},
	} {
		if _, err := s.Report(t.Context(), r); !errors.Is(err, ErrForm) {
			t.Errorf("%.20v: %v", r, err)
		}
	}
	for i := range maxPerCode {
		if id, err := s.Report(t.Context(), Report{Code: "a", Reason: "unsafe", Text: "坏了"}); err != nil || id != int64(i)+1 {
			t.Fatalf("%d, %v", id, err)
		}
	}
	if _, err := s.Report(t.Context(), Report{Code: "a", Reason: "unsafe"}); !errors.Is(err, ErrFull) {
		t.Errorf("the 51st within the hour: %v", err)
	}
	if _, err := s.Report(t.Context(), Report{Code: "b", Reason: "other"}); err != nil {
		t.Errorf("about another: %v", err)
	}
	now = now.Add(61 * time.Minute)
	if _, err := s.Report(t.Context(), Report{Code: "a", Reason: "copied_code"}); err != nil {
		t.Errorf("an hour later: %v", err)
	}
	if ok, err := s.CloseReport(t.Context(), 1); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	if ok, err := s.CloseReport(t.Context(), 999); ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	defer s.Close()
	rs, more, err := s.Reports(t.Context(), Query{Limit: 2})
	if err != nil || !more || len(rs) != 2 || rs[0].Code != "a" || rs[0].Reason != "copied_code" || rs[1].Code != "b" {
		t.Errorf("%+v, %v, %v", rs, more, err)
	}
	rs, more, err = s.Reports(t.Context(), Query{Code: "a", Open: true, Before: rs[1].ID, Limit: 100})
	if err != nil || more || len(rs) != maxPerCode-1 || rs[0].Text != "坏了" {
		t.Errorf("%d, %v, %v", len(rs), more, err)
	}
}
