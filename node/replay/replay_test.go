package replay

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

func TestAnswers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "answers.db")
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { s.Close() }()
	one, two := [32]byte{1}, [32]byte{2}
	begin := func(principal, key string, request [32]byte) (*Answer, func(*Answer) error, error) {
		t.Helper()
		return s.Begin(t.Context(), principal, key, request)
	}
	_, end, err := begin("a", "k", one)
	if err != nil || end == nil {
		t.Fatal(err)
	}
	if _, _, err := begin("a", "k", one); !errors.Is(err, ErrBusy) {
		t.Errorf("the same meanwhile: %v", err)
	}
	if _, _, err := begin("a", "k", two); !errors.Is(err, ErrOther) {
		t.Errorf("another meanwhile: %v", err)
	}
	if err := end(nil); err != nil { // it failed
		t.Fatal(err)
	}
	_, end, err = begin("a", "k", two) // nothing was kept
	if err != nil || end == nil {
		t.Fatalf("after a failure: %v", err)
	}
	want := &Answer{Status: 201, ContentType: "application/json", Location: "/x", Body: []byte(`{"a":1}`)}
	if err := end(want); err != nil {
		t.Fatal(err)
	}
	for range 2 { // also after a restart
		if got, _, err := begin("a", "k", two); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v", got, err)
		}
		if _, _, err := begin("a", "k", one); !errors.Is(err, ErrOther) {
			t.Errorf("%v", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if s, err = Open(path); err != nil {
			t.Fatal(err)
		}
	}
	if got, end, err := begin("b", "k", one); got != nil || end == nil || err != nil {
		t.Errorf("somebody else's key: %+v, %v", got, err)
	}
	s.now = func() time.Time { return time.Now().Add(Lifetime + time.Second) }
	_, end, err = begin("a", "k", one)
	if err != nil || end == nil {
		t.Fatalf("a day later: %v", err)
	}
	if err := end(want); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	// What is old goes.
	_, end, _ = begin("c", "1", one)
	end(want)
	s.now = func() time.Time { return time.Now().Add(3 * Lifetime) }
	s.kept = 0
	_, end, _ = begin("c", "2", one)
	end(want)
	var n int
	if err := s.sql.QueryRow("SELECT count(*) FROM answers").Scan(&n); err != nil || n != 1 {
		t.Errorf("%d answers are kept: %v", n, err)
	}
}
