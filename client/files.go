package client

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path/filepath"

	"github.com/emmansun/gmsm/sm3"

	"zhenglian/app/tx"
)

// Sums are the digests of some bytes as evidence states them.
type Sums struct {
	SHA256, SM3 tx.Digest
	Bytes       int64
}

// Sum reads r once to its end.
func Sum(r io.Reader) (Sums, error) {
	a, b := sha256.New(), sm3.New()
	n, err := io.CopyBuffer(io.MultiWriter(a, b), struct{ io.Reader }{r}, make([]byte, 256<<10))
	s := Sums{Bytes: n}
	a.Sum(s.SHA256[:0])
	b.Sum(s.SM3[:0])
	return s, err
}

// A LocalFile is a file of this machine as evidence will state it.
type LocalFile struct {
	Path string
	tx.File
}

// Progress is told how many more bytes have been read or sent. It may be
// called from another goroutine and must return quickly.
type Progress func(bytes int)

// HashFile reads the regular file at path once and states it in the given
// role. Its media type comes from its name, or else from its first bytes.
func HashFile(ctx context.Context, path, role string, progress Progress) (LocalFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return LocalFile{}, fmt.Errorf("hash file: %w", err)
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
		return LocalFile{}, fmt.Errorf("hash file: %s is not a regular file", path)
	}
	head := make([]byte, 512) // as much as DetectContentType looks at
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return LocalFile{}, fmt.Errorf("hash file: %w", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return LocalFile{}, fmt.Errorf("hash file: %w", err)
	}
	s, err := Sum(&watchedReader{ctx, f, progress})
	if err != nil {
		return LocalFile{}, fmt.Errorf("hash file %s: %w", path, err)
	}
	return LocalFile{path, tx.File{
		Bytes: s.Bytes, Media: mediaType(path, head[:n]), Role: role, SHA256: s.SHA256, SM3: s.SM3,
	}}, nil
}

// watchedReader reports progress and ends when ctx does.
type watchedReader struct {
	ctx      context.Context
	r        io.Reader
	progress Progress
}

func (w *watchedReader) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.r.Read(p)
	if w.progress != nil && n > 0 {
		w.progress(n)
	}
	return n, err
}

// mediaType names what a file is, without parameters, in the form that a
// statement takes.
func mediaType(path string, head []byte) string {
	for _, s := range []string{mime.TypeByExtension(filepath.Ext(path)), http.DetectContentType(head)} {
		if m, _, err := mime.ParseMediaType(s); err == nil {
			return m
		}
	}
	return "application/octet-stream"
}

// A Capture is a folder that package capture wrote, checked against its own
// list.
type Capture struct {
	URL     string
	Outcome string // COMPLETE, PARTIAL, BLOCKED or FAILED
	Reason  string // why Outcome is not COMPLETE, for people
	Tool    tx.Captured
	Env     tx.Env
	Files   []LocalFile // capture.json, which lists all others, is the last
}

// captureSummary is the file of a capture that lists all others.
const captureSummary = "capture.json"

// IsCapture reports whether dir looks like a folder of package capture.
func IsCapture(dir string) bool {
	fi, err := os.Stat(filepath.Join(dir, captureSummary))
	return err == nil && fi.Mode().IsRegular()
}

// OpenCapture reads the folder dir and hashes every file that its capture.json
// lists. A file that is missing or has other bytes than listed is an error.
// Files that are not listed are no part of the capture.
func OpenCapture(ctx context.Context, dir string, progress Progress) (*Capture, error) {
	c, err := openCapture(ctx, dir, progress)
	if err != nil {
		return nil, fmt.Errorf("capture folder %s: %w", dir, err)
	}
	return c, nil
}

func openCapture(ctx context.Context, dir string, progress Progress) (*Capture, error) {
	root, err := os.OpenRoot(dir) // names in the list cannot lead out of it
	if err != nil {
		return nil, err
	}
	defer root.Close()
	b, err := root.ReadFile(captureSummary)
	if err != nil {
		return nil, err
	}
	var s struct {
		Version    int       `json:"v"`
		URL        string    `json:"url"`
		Started    tx.Time   `json:"started"`
		Ended      tx.Time   `json:"ended"`
		Outcome    string    `json:"outcome"`
		Reason     string    `json:"reason"`
		Method     string    `json:"method"`
		Tool       string    `json:"tool"`
		ToolSHA256 tx.Digest `json:"tool_sha256"`
		EnvSHA256  tx.Digest `json:"env_sha256"`
		EnvResult  string    `json:"env_result"`
		Files      []struct {
			Name   string    `json:"name"`
			Role   string    `json:"role"`
			Media  string    `json:"media"`
			Bytes  int64     `json:"bytes"`
			SHA256 tx.Digest `json:"sha256"`
			SM3    tx.Digest `json:"sm3"`
		} `json:"files"`
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("%s: %w", captureSummary, err)
	}
	if s.Version != 1 {
		return nil, fmt.Errorf("%s: version %d; this program reads version 1", captureSummary, s.Version)
	}
	c := &Capture{
		URL: s.URL, Outcome: s.Outcome, Reason: s.Reason,
		Tool: tx.Captured{Started: s.Started, Ended: s.Ended, Method: s.Method, Tool: s.Tool, ToolSHA256: s.ToolSHA256},
		Env:  tx.Env{ReportSHA256: s.EnvSHA256, Result: s.EnvResult},
	}
	env := false
	for _, f := range s.Files {
		got, err := sumIn(ctx, root, f.Name, progress)
		if err != nil {
			return nil, err
		}
		if got != (Sums{f.SHA256, f.SM3, f.Bytes}) {
			return nil, fmt.Errorf("%s was changed after the capture", f.Name)
		}
		env = env || f.SHA256 == s.EnvSHA256
		media, _, err := mime.ParseMediaType(f.Media) // statements take no parameters
		if err != nil {
			media = "application/octet-stream"
		}
		c.Files = append(c.Files, LocalFile{filepath.Join(dir, filepath.FromSlash(f.Name)), tx.File{
			Bytes: f.Bytes, Media: media, Role: f.Role, SHA256: f.SHA256, SM3: f.SM3,
		}})
	}
	if !env {
		return nil, errors.New("the environment report is not among its files")
	}
	got, err := sumIn(ctx, root, captureSummary, progress)
	if err != nil {
		return nil, err
	}
	c.Files = append(c.Files, LocalFile{filepath.Join(dir, captureSummary), tx.File{
		Bytes: got.Bytes, Media: "application/json", Role: "summary", SHA256: got.SHA256, SM3: got.SM3,
	}})
	return c, nil
}

func sumIn(ctx context.Context, root *os.Root, name string, progress Progress) (Sums, error) {
	f, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return Sums{}, err
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
		return Sums{}, fmt.Errorf("%s: %w", name, fs.ErrInvalid)
	}
	s, err := Sum(&watchedReader{ctx, f, progress})
	if err != nil {
		return Sums{}, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}
