package member

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"zhenglian/node/blob"
	"zhenglian/node/blob/bucket"
	"zhenglian/node/blob/vault"
)

const defaultStoreKey = "config/store.key"

// DefaultStore keeps files in blobs/, for ever.
func DefaultStore() StoreConfig {
	return StoreConfig{Key: defaultStoreKey, Classes: vault.DefaultClasses()}
}

func (s *StoreConfig) validate() error {
	switch {
	case s.LockDays < 0 || s.LockDays > 100_000:
		return errors.New("lock_days: want 0 to 100000")
	case s.Bucket == "" && (s.LockDays > 0 || s.Prefix != ""):
		return errors.New("lock_days and prefix are of a bucket")
	}
	return nil
}

// openStore opens the store of files.
func (m *Member) openStore(ctx context.Context, home string, g *Gateway) (err error) {
	s := g.Store
	if s.Key == "" {
		s.Key = defaultStoreKey // settings from before there was a choice
	}
	if !filepath.IsAbs(s.Key) {
		s.Key = filepath.Join(home, s.Key)
	}
	c := vault.Config{Dir: filepath.Join(home, "blobs"), MaxBytes: g.MaxBlob, Classes: s.Classes}
	if c.Key, err = vault.LoadKey(s.Key); err != nil {
		return err
	}
	if s.Bucket != "" {
		lock := time.Duration(s.LockDays) * 24 * time.Hour
		if m.bucket, err = bucket.Open(ctx, bucket.Config{URL: s.Bucket, Prefix: s.Prefix, Lock: lock}); err != nil {
			return err
		}
		c.Objects = blob.Objects(m.bucket)
	}
	if m.blobs, err = vault.Open(ctx, c); err != nil {
		return fmt.Errorf("files of evidence: %w", err)
	}
	return nil
}
