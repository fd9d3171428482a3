package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"zhenglian/app/row"
)

// An UpgradeNeeded is the error of FinalizeBlock at the first height of a
// protocol version that this program lacks. The block before is committed and
// nothing of this one is written; a program that has the version goes on here.
type UpgradeNeeded struct {
	Name   string // of the version
	Height int64
	Info   string
}

// Error says it in the words that cosmovisor and operators know.
func (e *UpgradeNeeded) Error() string {
	return fmt.Sprintf("UPGRADE %q NEEDED at height: %d: %s", e.Name, e.Height, e.Info)
}

// needUpgrade writes the file for cosmovisor and returns the error that stops
// the node.
func (a *App) needUpgrade(u *row.Upgrade) error {
	stop := &UpgradeNeeded{Name: u.Name(), Height: u.Height, Info: u.Info}
	if a.upgradeInfo == "" {
		return stop
	}
	return errors.Join(stop, writeUpgradeInfo(a.upgradeInfo, stop))
}

// writeUpgradeInfo writes the file whole or not at all: cosmovisor polls it.
func writeUpgradeInfo(path string, u *UpgradeNeeded) error {
	b, err := json.Marshal(struct {
		Name   string `json:"name"`
		Height int64  `json:"height"`
		Info   string `json:"info"`
	}{u.Name, u.Height, u.Info})
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path))
	if err != nil {
		return fmt.Errorf("couldn't write the upgrade file: %w", err)
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("couldn't write the upgrade file: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
