package node

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	"github.com/cometbft/cometbft/privval"
	"github.com/google/renameio/v2"
)

// nextKeyPath is where a consensus key waits until it takes the place of the
// one in use.
func nextKeyPath(cc *cmtcfg.Config) string {
	return filepath.Join(filepath.Dir(cc.PrivValidatorKeyFile()), "next_validator_key.json")
}

// Keys are the public consensus keys of a home: the one in use, and the one
// that is to follow, nil if there is none.
func Keys(c Config) (now, next []byte, err error) {
	cc := cometConfig(c)
	if now, err = publicKey(cc.PrivValidatorKeyFile()); err != nil {
		return nil, nil, err
	}
	if next, err = publicKey(nextKeyPath(cc)); errors.Is(err, fs.ErrNotExist) {
		return now, nil, nil
	}
	return now, next, err
}

func publicKey(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("validator key: %w", err)
	}
	var k privval.FilePVKey
	if err := cmtjson.Unmarshal(b, &k); err != nil {
		return nil, fmt.Errorf("validator key: parsing %s: %w", path, err)
	}
	if k.PrivKey == nil {
		return nil, fmt.Errorf("validator key: %s has no private key", path)
	}
	return k.PrivKey.PubKey().Bytes(), nil
}

// NextKey makes the consensus key that is to follow the one in use, or finds
// the one that was made before. The running node does not notice.
func NextKey(c Config) (public []byte, err error) {
	cc := cometConfig(c)
	path := nextKeyPath(cc)
	if k, err := publicKey(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	k := privval.NewFilePV(ed25519.GenPrivKey(), path, "").Key
	b, err := cmtjson.MarshalIndent(k, "", "  ")
	if err != nil {
		return nil, err
	}
	return k.PubKey.Bytes(), renameio.WriteFile(path, b, 0o600)
}

// SwitchKey puts the next consensus key in the place of the one in use, which
// is kept beside it under a name of its own. The node is stopped. The sign state
// stays where it is: the new key signs nothing at heights that are over.
func SwitchKey(c Config) (old, now []byte, err error) {
	cc := cometConfig(c)
	old, now, err = Keys(c)
	if err != nil {
		return nil, nil, err
	}
	if now == nil {
		return nil, nil, fmt.Errorf("there is no next key: make one first, and have it take the place of the old one on the ledger")
	}
	state, err := readSignState(cc)
	if err != nil {
		return nil, nil, err
	}
	// What the old key signed last is no signature of the new one.
	state.Signature, state.SignBytes = nil, nil
	if err := writeSignState(cc, state); err != nil {
		return nil, nil, err
	}
	retired := filepath.Join(filepath.Dir(cc.PrivValidatorKeyFile()), "retired_"+hex.EncodeToString(old[:8])+".json")
	if err := os.Link(cc.PrivValidatorKeyFile(), retired); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, nil, err
	}
	return old, now, os.Rename(nextKeyPath(cc), cc.PrivValidatorKeyFile())
}

func readSignState(cc *cmtcfg.Config) (s privval.FilePVLastSignState, err error) {
	b, err := os.ReadFile(cc.PrivValidatorStateFile())
	if err != nil {
		return s, fmt.Errorf("sign state: %w", err)
	}
	if err := cmtjson.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("sign state: parsing %s: %w", cc.PrivValidatorStateFile(), err)
	}
	return s, nil
}

func writeSignState(cc *cmtcfg.Config, s privval.FilePVLastSignState) error {
	b, err := cmtjson.MarshalIndent(&s, "", "  ")
	if err != nil {
		return err
	}
	return renameio.WriteFile(cc.PrivValidatorStateFile(), b, 0o600)
}

// Restore prepares a home whose data are lost and whose keys come from a backup:
// its validator signs nothing at or below height, so that it cannot contradict
// what it signed and nobody remembers. A home that has data is refused.
func Restore(c Config, height int64) error {
	cc := cometConfig(c)
	if height < 1 {
		return fmt.Errorf("height %d: want one that the network has not reached yet", height)
	}
	if _, err := publicKey(cc.PrivValidatorKeyFile()); err != nil {
		return err
	}
	if es, err := os.ReadDir(cc.DBDir()); err == nil && len(es) > 0 {
		return fmt.Errorf("%s is not empty: this home has its data, start it, or move them away", cc.DBDir())
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(cc.DBDir(), 0o700); err != nil {
		return err
	}
	return writeSignState(cc, privval.FilePVLastSignState{Height: height, Step: 3}) // 3: precommit, the last of a round
}
