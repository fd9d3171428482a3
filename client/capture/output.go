package capture

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/emmansun/gmsm/sm3"
)

// errOutputLimit: Options.MaxBytes does not leave room for a file.
var errOutputLimit = errors.New("over the size limit of the capture")

// reserve is kept free of page artefacts so that the small reports (net.jsonl
// apart) always fit.
const reserve = 1 << 20

// output writes artefacts into a directory and remembers their hashes.
type output struct {
	root  *os.Root
	left  int64 // bytes that may still be written
	files []File
}

func newOutput(dir string, maxBytes int64) (*output, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &output{root: root, left: maxBytes}, nil
}

func (o *output) close() { o.root.Close() }

// write makes the durable file name of b and returns its record. A file of a
// size that would eat into the reserve fails with errOutputLimit, unless it is
// itself as small as one of the reports.
func (o *output) write(name, role, media string, b []byte) (File, error) {
	n := int64(len(b))
	if n > o.left-reserve && n > reserve/4 {
		return File{}, fmt.Errorf("%s: %d bytes: %w", name, n, errOutputLimit)
	}
	if dir := path.Dir(name); dir != "." {
		if err := o.root.MkdirAll(dir, 0o750); err != nil {
			return File{}, err
		}
	}
	f, err := o.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	h256, hsm3 := sha256.New(), sm3.New()
	if _, err := io.MultiWriter(f, h256, hsm3).Write(b); err != nil {
		return File{}, fmt.Errorf("write %s: %w", name, err)
	}
	if err := f.Sync(); err != nil {
		return File{}, fmt.Errorf("write %s: %w", name, err)
	}
	if err := f.Close(); err != nil {
		return File{}, fmt.Errorf("write %s: %w", name, err)
	}
	rec := File{Name: name, Role: role, Media: media, Bytes: n}
	h256.Sum(rec.SHA256[:0])
	hsm3.Sum(rec.SM3[:0])
	o.left -= n
	o.files = append(o.files, rec)
	return rec, nil
}

func (o *output) writeJSON(name, role string, v any) (File, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return File{}, fmt.Errorf("encode %s: %w", name, err)
	}
	return o.write(name, role, "application/json", append(b, '\n'))
}
