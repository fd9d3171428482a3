package witness

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"zhenglian/app/receipt"
)

// A Log is what a witness looks at.
type Log struct {
	Origin string   `json:"origin"` // the chain id
	Keys   []string `json:"keys"`   // vkeys of the gateways that may bring checkpoints
}

// ServerConfig is what a witness needs.
type ServerConfig struct {
	Dir    string // keeps what was seen
	Signer *Signer
	Logs   []Log
	Log    *slog.Logger     // nil: slog.Default()
	Now    func() time.Time // nil: time.Now
}

// A Server is a witness. It answers POST /add-checkpoint, and for people and monitors
//
//	GET /                    its key
//	GET /checkpoint/ORIGIN   the last note that it cosigned; ORIGIN is the SHA-256 of the origin in hex
//	GET /splits/             proofs of split views, one name a line
//	GET /splits/NAME         one of them
type Server struct {
	cfg  ServerConfig
	lock *os.File
	mux  *http.ServeMux
	logs map[string]*watched // by origin
}

// watched is a log with the last checkpoint that was cosigned.
type watched struct {
	keys []receipt.NoteKey
	path string

	mu   sync.Mutex // held from the look at last until it is replaced on disk
	last receipt.Checkpoint
	note []byte // nil: none
}

// OpenServer opens a witness's folder, for one process at a time. It does not start
// with a last checkpoint that it did not sign itself.
func OpenServer(c ServerConfig) (_ *Server, err error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if !c.Signer.key.Witness() {
		return nil, errors.New("witness: the key is that of a log")
	}
	s := &Server{cfg: c, mux: http.NewServeMux(), logs: map[string]*watched{}}
	for _, d := range []string{"logs", splitFolder} {
		if err := os.MkdirAll(filepath.Join(c.Dir, d), 0o700); err != nil {
			return nil, fmt.Errorf("witness: %w", err)
		}
	}
	if s.lock, err = lock(filepath.Join(c.Dir, "lock")); err != nil {
		return nil, fmt.Errorf("witness: %s: %w", c.Dir, err)
	}
	for _, l := range c.Logs {
		if err := s.watch(l); err != nil {
			return nil, errors.Join(fmt.Errorf("witness: log %q: %w", l.Origin, err), s.lock.Close())
		}
	}
	s.mux.HandleFunc("POST /add-checkpoint", s.add)
	s.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, c.Signer.key.String()+"\n") })
	s.mux.HandleFunc("GET /checkpoint/{origin}", s.checkpoint)
	s.mux.HandleFunc("GET /splits/{$}", s.splits)
	s.mux.HandleFunc("GET /splits/{name}", s.split)
	return s, nil
}

// Close lets another process have the folder.
func (s *Server) Close() error { return s.lock.Close() }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

func originName(origin string) string {
	d := sha256.Sum256([]byte(origin))
	return hex.EncodeToString(d[:])
}

func (s *Server) watch(l Log) error {
	if s.logs[l.Origin] != nil {
		return errors.New("named twice")
	}
	if len(l.Keys) == 0 {
		return errors.New("no key")
	}
	w := &watched{path: filepath.Join(s.cfg.Dir, "logs", originName(l.Origin))}
	for _, text := range l.Keys {
		k, err := receipt.ParseNoteKey(text)
		if err != nil {
			return err
		}
		if k.Witness() || k.Name() != l.Origin {
			return fmt.Errorf("%q is not a key of this log: its name must be the origin, its type 1", text)
		}
		w.keys = append(w.keys, k)
	}
	if err := os.MkdirAll(w.path, 0o700); err != nil {
		return err
	}
	w.path = filepath.Join(w.path, "checkpoint")
	b, err := os.ReadFile(w.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		c, by, err := receipt.OpenCheckpoint(b, []receipt.NoteKey{s.cfg.Signer.key})
		if err != nil || len(by) != 1 || c.Origin != l.Origin {
			return fmt.Errorf("%s: it is not the last checkpoint that this witness cosigned: %w", w.path, err)
		}
		w.last, w.note = c, b
	}
	s.logs[l.Origin] = w
	return nil
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	io.WriteString(w, text) // who does not read the answer may ask again
}

// add answers add-checkpoint.
func (s *Server) add(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		plain(w, http.StatusBadRequest, "the body is too long, or broke off\n")
		return
	}
	req, err := parseRequest(body)
	if err != nil {
		plain(w, http.StatusBadRequest, err.Error()+"\n")
		return
	}
	origin, _, _ := strings.Cut(string(req.Note), "\n")
	l := s.logs[origin]
	if l == nil {
		plain(w, http.StatusNotFound, "this witness does not know the origin\n")
		return
	}
	c, by, err := receipt.OpenCheckpoint(req.Note, l.keys)
	switch {
	case err != nil && len(by) == 0 && !wellFormed(req.Note):
		plain(w, http.StatusBadRequest, err.Error()+"\n")
	case err != nil || len(by) == 0:
		plain(w, http.StatusForbidden, "no signature by a key that this witness knows for the origin\n")
	case req.Old > c.Size:
		plain(w, http.StatusBadRequest, "the old size is larger than the checkpoint's\n")
	default:
		s.consider(w, l, &req, c)
	}
}

// wellFormed reports whether a note is a checkpoint, whoever signed it.
func wellFormed(signed []byte) bool {
	_, _, err := receipt.OpenCheckpoint(signed, nil)
	return err == nil
}

// consider cosigns a checkpoint that a known key signed, or says why not.
func (s *Server) consider(w http.ResponseWriter, l *watched, req *Request, c receipt.Checkpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case req.Old != l.last.Size:
		w.Header().Set("Content-Type", sizeType)
		w.WriteHeader(http.StatusConflict)
		io.WriteString(w, strconv.FormatUint(l.last.Size, 10)+"\n")
		return
	case l.note != nil && c.Size == l.last.Size && c.Root != l.last.Root:
		s.alarm(l, req, c)
		plain(w, http.StatusConflict, "the checkpoint that this witness cosigned last has the same size and another root\n")
		return
	case req.Old == 0 && len(req.Consistency) > 0:
		plain(w, http.StatusUnprocessableEntity, "there is nothing to prove from size 0\n")
		return
	}
	if req.Old > 0 {
		if err := tlog.CheckTree(tlogHashes(req.Consistency), int64(c.Size), tlog.Hash(c.Root), int64(l.last.Size), tlog.Hash(l.last.Root)); err != nil {
			s.alarm(l, req, c)
			plain(w, http.StatusUnprocessableEntity, "the consistency proof does not hold\n")
			return
		}
	}
	line := s.cfg.Signer.Cosign(c, s.cfg.Now())
	note := append(slices.Clone(req.Note), line...)
	if err := writeDurably(l.path, note, 0o600); err != nil {
		s.cfg.Log.Error("a checkpoint was not cosigned because it could not be kept", "origin", c.Origin, "err", err)
		plain(w, http.StatusInternalServerError, "the checkpoint could not be kept\n")
		return
	}
	l.last, l.note = c, note
	s.cfg.Log.Info("cosigned", "origin", c.Origin, "size", c.Size)
	plain(w, http.StatusOK, line)
}

// alarm keeps what contradicts the last checkpoint, as a proof if it is one.
func (s *Server) alarm(l *watched, req *Request, c receipt.Checkpoint) {
	root := c.Root
	proven := c.Size == l.last.Size
	if !proven {
		root, proven = beginning(req.Consistency, l.last.Size, c.Size, c.Root)
	}
	log := s.cfg.Log.With("origin", c.Origin, "size", c.Size, "root", c.Root.String(), "cosigned_size", l.last.Size, "cosigned_root", l.last.Root.String())
	if proven {
		proof := req.Consistency
		if c.Size == l.last.Size {
			proof = nil
		}
		split, err := receipt.NewSplit(receipt.View{Note: l.note}, receipt.View{Note: req.Note}, root, proof)
		if err == nil {
			name, err := keepSplit(filepath.Join(s.cfg.Dir, splitFolder), split)
			log.Error("SPLIT VIEW: the log showed two histories; the proof is kept", "file", name, "err", err)
			return
		}
	}
	log.Warn("a checkpoint was refused: it is not proven to grow from the last one")
}

func (s *Server) checkpoint(w http.ResponseWriter, r *http.Request) {
	for origin, l := range s.logs {
		if originName(origin) != r.PathValue("origin") {
			continue
		}
		l.mu.Lock()
		note := l.note
		l.mu.Unlock()
		if note != nil {
			plain(w, http.StatusOK, string(note))
			return
		}
	}
	plain(w, http.StatusNotFound, "no checkpoint of such a log was cosigned\n")
}

func (s *Server) splits(w http.ResponseWriter, _ *http.Request) {
	names, err := splitNames(filepath.Join(s.cfg.Dir, splitFolder))
	if err != nil {
		plain(w, http.StatusInternalServerError, "the proofs cannot be read\n")
		return
	}
	text := ""
	for _, n := range names {
		text += n + "\n"
	}
	plain(w, http.StatusOK, text)
}

func (s *Server) split(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	dir := filepath.Join(s.cfg.Dir, splitFolder)
	names, err := splitNames(dir)
	if err != nil || !slices.Contains(names, name) {
		plain(w, http.StatusNotFound, "no such proof\n")
		return
	}
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		plain(w, http.StatusNotFound, "no such proof\n")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(b)
}
