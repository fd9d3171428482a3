package client

import (
	"context"
	"fmt"
	"os"
	"sync"
)

// Upload hands one file to the gateway, again from its start when an attempt fails.
func (c *Client) Upload(ctx context.Context, l LocalFile, progress Progress) error {
	f, err := os.Open(l.Path)
	if err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	defer f.Close()
	_, err = c.PutBlob(ctx, l.SHA256, l.Bytes, &watchedFile{File: f, progress: progress})
	return err
}

// watchedFile reports how far a file was read, and a part that is sent twice
// only once.
type watchedFile struct {
	*os.File
	progress Progress

	mu   sync.Mutex
	high int64 // first offset not reported yet
}

func (w *watchedFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := w.File.ReadAt(p, off)
	if w.progress == nil {
		return n, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if end := off + int64(n); end > w.high {
		w.progress(int(end - w.high))
		w.high = end
	}
	return n, err
}
