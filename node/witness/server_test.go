package witness

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
)

const origin = "zhenglian-test"

func signer(t testing.TB, name string, alg byte, seed string) *Signer {
	t.Helper()
	d := sha256.Sum256([]byte(seed))
	s, err := NewSigner(name, alg, ed25519.NewKeyFromSeed(d[:]))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A tree is a log in memory.
type tree struct{ stored []tlog.Hash }

func (l *tree) ReadHashes(at []int64) (out []tlog.Hash, err error) {
	for _, i := range at {
		out = append(out, l.stored[i])
	}
	return out, nil
}

func newTree(t testing.TB, name string, same, n int) *tree {
	t.Helper()
	l := new(tree)
	for i := range n {
		data := fmt.Sprintf("entry %d", i)
		if i >= same {
			data += name
		}
		h, err := tlog.StoredHashes(int64(i), []byte(data), l)
		if err != nil {
			t.Fatal(err)
		}
		l.stored = append(l.stored, h...)
	}
	return l
}

func (l *tree) checkpoint(t testing.TB, size int) receipt.Checkpoint {
	t.Helper()
	h, err := tlog.TreeHash(int64(size), l)
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Checkpoint{Origin: origin, Size: uint64(size), Root: tx.Digest(h)}
}

func (l *tree) proof(t testing.TB, from, to int) (out []tx.Digest) {
	t.Helper()
	if from == 0 || from >= to {
		return nil
	}
	p, err := tlog.ProveTree(int64(to), int64(from), l)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range p {
		out = append(out, tx.Digest(h))
	}
	return out
}

func open(t testing.TB, dir string) *Server {
	t.Helper()
	s, err := OpenServer(ServerConfig{Dir: dir, Signer: signer(t, "court.example/w", receipt.AlgWitness, "court"),
		Logs: []Log{{origin, []string{signer(t, origin, receipt.AlgLog, "a").Key().String(), signer(t, origin, receipt.AlgLog, "b").Key().String()}}},
		Log:  slog.New(slog.DiscardHandler), Now: func() time.Time { return time.Unix(1795449600, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func post(s http.Handler, body []byte) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("POST", "/add-checkpoint", bytes.NewReader(body)))
	return w
}

// Every answer of C2SP tlog-witness, in one history of a witness, across a restart.
func TestServer(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	a, b := signer(t, origin, receipt.AlgLog, "a"), signer(t, origin, receipt.AlgLog, "b")
	stranger := signer(t, origin, receipt.AlgLog, "stranger")
	other := signer(t, "other", receipt.AlgLog, "a")
	l, fork := newTree(t, "", 0, 20), newTree(t, "fork", 2, 20)
	good := func(k *Signer, l *tree, from, to int) []byte {
		return (&Request{Old: uint64(from), Consistency: l.proof(t, from, to), Note: k.Sign(l.checkpoint(t, to))}).Encode()
	}
	req := func(from uint64, proof []tx.Digest, note []byte) []byte {
		return (&Request{Old: from, Consistency: proof, Note: note}).Encode()
	}
	bad := a.Sign(l.checkpoint(t, 3))
	bad[len(bad)-10] ^= 1
	foreign := l.checkpoint(t, 3)
	foreign.Origin = "other"
	splits := 0
	for i, c := range []struct {
		name   string
		body   []byte
		status int
		text   string // of the answer
	}{
		{"nothing", nil, 400, "old SIZE"},
		{"no checkpoint", []byte("old 0\n"), 400, "old SIZE"},
		{"leading zero", append([]byte("old 00\n\n"), a.Sign(l.checkpoint(t, 3))...), 400, "not a number"},
		{"no number", append([]byte("old x\n\n"), a.Sign(l.checkpoint(t, 3))...), 400, "not a number"},
		{"no hash", append([]byte("old 0\nAAAA\n\n"), a.Sign(l.checkpoint(t, 3))...), 400, "not a hash"},
		{"too many hashes", req(1, make([]tx.Digest, 64), a.Sign(l.checkpoint(t, 3))), 400, "63"},
		{"extension line", req(0, nil, []byte(origin+"\n3\nAAAA\nmore\n\n— x AAAAAAAA\n")), 400, "checkpoint"},
		{"unknown origin", req(0, nil, other.Sign(foreign)), 404, "origin"},
		{"unknown key", good(stranger, l, 0, 3), 403, "key"},
		{"bad signature", req(0, nil, bad), 403, "key"},
		{"old larger", req(4, nil, a.Sign(l.checkpoint(t, 3))), 400, "larger"},
		{"not at that size", good(a, l, 1, 3), 409, "0\n"},
		{"a proof from nothing", req(0, l.proof(t, 1, 3), a.Sign(l.checkpoint(t, 3))), 422, "nothing to prove"},
		{"the first", good(a, l, 0, 3), 200, "— court.example/w "},
		{"the same again", good(a, l, 3, 3), 200, "— court.example/w "},
		{"does not know", good(a, l, 0, 5), 409, "3\n"},
		{"other gateway", good(b, l, 3, 5), 200, "— court.example/w "},
		{"rolled back", good(a, l, 3, 4), 409, "5\n"},
		{"rolled back with its size", good(a, l, 5, 4), 400, "larger"},
		{"bad proof", req(5, l.proof(t, 4, 9), a.Sign(l.checkpoint(t, 9))), 422, "does not hold"},
		{"no proof", req(5, nil, a.Sign(l.checkpoint(t, 9))), 422, "does not hold"},
		{"restart", nil, 0, ""},
		{"after the restart", good(a, l, 0, 9), 409, "5\n"},
		{"fork of the same size", good(a, fork, 5, 5), 409, "another root"},
		{"longer fork", good(b, fork, 5, 9), 422, "does not hold"},
		{"the true one goes on", good(a, l, 5, 9), 200, "— court.example/w "},
		{"to a power of two", good(a, l, 9, 16), 200, "— court.example/w "},
		{"a fork from there", good(a, fork, 16, 20), 422, "does not hold"},
	} {
		if c.name == "restart" {
			if _, err := OpenServer(s.cfg); err == nil || !strings.Contains(err.Error(), "another process") {
				t.Errorf("two processes: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, dir)
			continue
		}
		w := post(s, c.body)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.text) {
			t.Fatalf("%d %s: %d %q, want %d %q", i, c.name, w.Code, w.Body, c.status, c.text)
		}
		if isSize := w.Header().Get("Content-Type") == sizeType; isSize != (w.Code == 409 && strings.HasSuffix(c.text, "\n")) {
			t.Errorf("%s: Content-Type %s", c.name, w.Header().Get("Content-Type"))
		}
	}
	names, err := splitNames(filepath.Join(dir, splitFolder))
	if splits = len(names); err != nil || splits != 2 {
		t.Errorf("%d proofs of split views, want those of the fork of the same size and of the longer one: %v", splits, err)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/checkpoint/"+originName(origin), nil))
	if c, by, err := receipt.OpenCheckpoint(w.Body.Bytes(), []receipt.NoteKey{s.cfg.Signer.key, a.key}); err != nil || c.Size != 16 || len(by) != 2 {
		t.Errorf("last checkpoint: %+v, %d keys, %v", c, len(by), err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// A last checkpoint that the witness did not sign is not believed.
	path := filepath.Join(dir, "logs", originName(origin), "checkpoint")
	if err := os.WriteFile(path, a.Sign(l.checkpoint(t, 3)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenServer(s.cfg); err == nil || !strings.Contains(err.Error(), "did not") && !strings.Contains(err.Error(), "not the last checkpoint") {
		t.Errorf("a checkpoint that was slipped in: %v", err)
	}
}

// A checkpoint that cannot be kept is not cosigned, and the witness stays where it was.
func TestServerDoesNotSignWhatItCannotKeep(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	defer s.Close()
	l, a := newTree(t, "", 0, 5), signer(t, origin, receipt.AlgLog, "a")
	logs := filepath.Join(dir, "logs")
	if err := os.Rename(logs, logs+".away"); err != nil {
		t.Fatal(err)
	}
	body := (&Request{Note: a.Sign(l.checkpoint(t, 3))}).Encode()
	if w := post(s, body); w.Code != 500 || strings.Contains(w.Body.String(), "—") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if err := os.Rename(logs+".away", logs); err != nil {
		t.Fatal(err)
	}
	if w := post(s, body); w.Code != 200 {
		t.Errorf("afterwards: %d %s", w.Code, w.Body)
	}
}

// Of many who race from one size, each wins at most once, and the witness never goes
// back.
func TestServerRace(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	l, a := newTree(t, "", 0, 20), signer(t, origin, receipt.AlgLog, "a")
	if w := post(s, (&Request{Note: a.Sign(l.checkpoint(t, 3))}).Encode()); w.Code != 200 {
		t.Fatal(w.Body)
	}
	var all sync.WaitGroup
	won := make(chan int, 16)
	for to := 4; to < 20; to++ {
		body := (&Request{Old: 3, Consistency: l.proof(t, 3, to), Note: a.Sign(l.checkpoint(t, to))}).Encode()
		all.Go(func() {
			if w := post(s, body); w.Code == 200 {
				won <- to
			}
		})
	}
	all.Wait()
	close(won)
	var who []int
	for to := range won {
		who = append(who, to)
	}
	if len(who) != 1 || s.logs[origin].last.Size != uint64(who[0]) {
		t.Errorf("%v won; the witness is at %d", who, s.logs[origin].last.Size)
	}
}

// The client against a witness made of the public implementation's parts: its notes,
// its cosignatures, its reading of our request.
func TestSubmitToTorchwood(t *testing.T) {
	d := sha256.Sum256([]byte("torchwood"))
	theirs, err := torchwood.NewCosignatureSigner("torchwood.example/w", ed25519.NewKeyFromSeed(d[:]))
	if err != nil {
		t.Fatal(err)
	}
	a := signer(t, origin, receipt.AlgLog, "a")
	known, err := note.NewVerifier(a.key.String())
	if err != nil {
		t.Fatal(err)
	}
	last := torchwood.Checkpoint{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		head, signed, _ := bytes.Cut(body, []byte("\n\n"))
		lines := strings.Split(string(head), "\n")
		var old int64
		fmt.Sscanf(lines[0], "old %d", &old)
		n, err := note.Open(signed, note.VerifierList(known))
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		c, err := torchwood.ParseCheckpoint(n.Text)
		if err != nil {
			http.Error(w, err.Error(), 400)
			return
		}
		if old != last.N {
			w.Header().Set("Content-Type", sizeType)
			w.WriteHeader(409)
			fmt.Fprintf(w, "%d\n", last.N)
			return
		}
		var proof tlog.TreeProof
		for _, l := range lines[1:] {
			h, err := tlog.ParseHash(l)
			if err != nil {
				http.Error(w, err.Error(), 400)
				return
			}
			proof = append(proof, h)
		}
		if old > 0 {
			if err := tlog.CheckTree(proof, c.N, c.Hash, old, last.Hash); err != nil {
				http.Error(w, err.Error(), http.StatusUnprocessableEntity)
				return
			}
		}
		last = c
		out, err := note.Sign(&note.Note{Text: n.Text}, theirs)
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		w.Write(out[len(n.Text)+1:])
	}))
	defer srv.Close()
	key, err := receipt.ParseNoteKey(theirs.Verifier().String())
	if err != nil {
		t.Fatal(err)
	}
	l := newTree(t, "", 0, 9)
	submit := func(from, to int, l *tree) error {
		cs, err := Submit(context.Background(), srv.Client(), srv.URL+"/", key, &Request{Old: uint64(from), Consistency: l.proof(t, from, to), Note: a.Sign(l.checkpoint(t, to))})
		if err == nil && (len(cs) != 1 || cs[0].Name != "torchwood.example/w") {
			return fmt.Errorf("cosignatures %v", cs)
		}
		return err
	}
	if err := submit(0, 4, l); err != nil {
		t.Error(err)
	}
	var conflict *Conflict
	if err := submit(0, 9, l); !errors.As(err, &conflict) || conflict.Size != 4 {
		t.Errorf("stale: %v", err)
	}
	if err := submit(4, 9, newTree(t, "fork", 1, 9)); !errors.Is(err, ErrInconsistent) {
		t.Errorf("fork: %v", err)
	}
	if err := submit(4, 9, l); err != nil {
		t.Error(err)
	}
	other, err := receipt.ParseNoteKey(signer(t, "torchwood.example/w", receipt.AlgWitness, "another").Key().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Submit(context.Background(), srv.Client(), srv.URL, other, &Request{Old: 9, Note: a.Sign(l.checkpoint(t, 9))}); err == nil {
		t.Error("a cosignature of another key is taken")
	}
}

// The beginning that a proof implies is the one that it was made from.
func TestBeginning(t *testing.T) {
	l := newTree(t, "", 0, 40)
	for n := 2; n <= 40; n++ {
		for m := 1; m < n; m++ {
			proof := l.proof(t, m, n)
			got, ok := beginning(proof, uint64(m), uint64(n), l.checkpoint(t, n).Root)
			if pow := m&(m-1) == 0; ok == pow {
				t.Fatalf("%d to %d: %t", m, n, ok)
			}
			if ok && got != l.checkpoint(t, m).Root {
				t.Fatalf("%d to %d: another root", m, n)
			}
			if _, ok := beginning(proof, uint64(m), uint64(n), tx.Digest{1}); ok {
				t.Fatalf("%d to %d: proven under another root", m, n)
			}
		}
	}
}

// No body panics; what is read is written again with the same bytes.
func FuzzRequest(f *testing.F) {
	l, a := newTree(f, "", 0, 9), signer(f, origin, receipt.AlgLog, "a")
	f.Add((&Request{Old: 4, Consistency: l.proof(f, 4, 9), Note: a.Sign(l.checkpoint(f, 9))}).Encode())
	f.Add([]byte("old 0\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseRequest(b)
		if err == nil && !bytes.Equal(r.Encode(), b) {
			t.Errorf("%q is written as %q", b, r.Encode())
		}
		if len(r.Consistency) > maxProof {
			t.Error("too many hashes")
		}
	})
}
