package node

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/cometbft/cometbft/p2p"
	"github.com/google/renameio/v2"
)

// Founder is what a home brings to the founding of a network.
type Founder struct {
	NodeID    string
	Validator [32]byte // Ed25519 public key
	// Prove signs a message with the validator's key. The message must be none
	// that a validator signs for a block: a DSSE pre-authentication encoding is
	// none, because it begins with "DSSEv1".
	Prove func(message []byte) ([]byte, error)
}

// OpenFounder reads the keys of a home.
func OpenFounder(c Config) (Founder, error) {
	cc := cometConfig(c)
	pv, err := loadValidatorKey(cc)
	if err != nil {
		return Founder{}, err
	}
	nk, err := p2p.LoadNodeKey(cc.NodeKeyFile())
	if err != nil {
		return Founder{}, fmt.Errorf("node key: %w", err)
	}
	pub := pv.Key.PubKey.Bytes()
	if len(pub) != 32 {
		return Founder{}, fmt.Errorf("validator key of type %s; want ed25519", pv.Key.PubKey.Type())
	}
	return Founder{NodeID: string(nk.ID()), Validator: [32]byte(pub), Prove: pv.Key.PrivKey.Sign}, nil
}

// Install puts a genesis file into a home and adds peers, nodeid@host:port, to
// its configuration; the node itself among them is left out. A home that has
// another genesis file keeps it: a chain begins once.
func Install(c Config, genesis []byte, peers []string) error {
	f, err := OpenFounder(c)
	if err != nil {
		return err
	}
	switch b, err := os.ReadFile(c.genesisPath()); {
	case err == nil && string(b) != string(genesis):
		return fmt.Errorf("%s is another genesis file: a chain begins once", c.genesisPath())
	case err != nil && !os.IsNotExist(err):
		return err
	}
	for _, p := range peers {
		if p == "" || len(p) > 40 && p[:40] == f.NodeID || slices.Contains(c.P2P.Peers, p) {
			continue
		}
		c.P2P.Peers = append(c.P2P.Peers, p)
	}
	if err := c.Save(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(c.genesisPath()), 0o700); err != nil {
		return err
	}
	if err := renameio.WriteFile(c.genesisPath(), genesis, 0o644); err != nil {
		return fmt.Errorf("writing the genesis file: %w", err)
	}
	return nil
}
