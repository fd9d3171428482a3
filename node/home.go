package node

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"

	cmtcfg "github.com/cometbft/cometbft/config"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	cmttypes "github.com/cometbft/cometbft/types"
)

// Identity is what other members need to know of a node.
type Identity struct {
	// NodeID is the network identity: 40 hex digits.
	NodeID string

	// Validator is the consensus key with voting power 10, as a genesis document
	// lists it: the set changes by less than a third of its power at a time,
	// which must leave room for steps in a small network. A node that is in no validator set follows the chain.
	Validator cmttypes.GenesisValidator
}

// InitHome makes c.Home a node's home: folders, both keys and config.json. Keys
// that exist are kept, so that it can be repeated; the genesis document is the
// caller's. A lost sign state beside an existing consensus key is an error, not
// something to be replaced: it could mean signing twice.
func InitHome(c Config) (Identity, error) {
	cc := cometConfig(c)
	for _, dir := range []string{filepath.Dir(cc.NodeKeyFile()), cc.DBDir()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return Identity{}, fmt.Errorf("making home: %w", err)
		}
	}
	_, err := os.Stat(cc.PrivValidatorKeyFile())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(cc.PrivValidatorStateFile()); err == nil {
			return Identity{}, fmt.Errorf("making home: %s exists without its key", cc.PrivValidatorStateFile())
		}
		privval.GenFilePV(cc.PrivValidatorKeyFile(), cc.PrivValidatorStateFile()).Save()
	case err != nil:
		return Identity{}, fmt.Errorf("making home: %w", err)
	}
	pv, err := loadValidatorKey(cc)
	if err != nil {
		return Identity{}, err
	}
	nk, err := p2p.LoadOrGenNodeKey(cc.NodeKeyFile())
	if err != nil {
		return Identity{}, fmt.Errorf("node key: %w", err)
	}
	if err := c.Save(); err != nil {
		return Identity{}, err
	}
	return Identity{
		NodeID: string(nk.ID()),
		Validator: cmttypes.GenesisValidator{
			Address: pv.Key.Address, PubKey: pv.Key.PubKey, Power: 10, Name: c.Moniker,
		},
	}, nil
}

// loadValidatorKey loads the consensus key with its sign state. It checks both
// files first, because CometBFT's loader exits the process when one is amiss.
func loadValidatorKey(cc *cmtcfg.Config) (*privval.FilePV, error) {
	for path, v := range map[string]any{
		cc.PrivValidatorKeyFile():   new(privval.FilePVKey),
		cc.PrivValidatorStateFile(): new(privval.FilePVLastSignState),
	} {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("validator key: %w", err)
		}
		if err := cmtjson.Unmarshal(b, v); err != nil {
			return nil, fmt.Errorf("validator key: parsing %s: %w", path, err)
		}
		if k, ok := v.(*privval.FilePVKey); ok && k.PrivKey == nil {
			return nil, fmt.Errorf("validator key: %s has no private key", path)
		}
	}
	return privval.LoadFilePV(cc.PrivValidatorKeyFile(), cc.PrivValidatorStateFile()), nil
}

// Testnet lays out the homes of n validators on loopback under dir (node0, node1,
// ...), connected to each other, on ports that are free now. genesis builds the
// document from the validators; tune, when not nil, changes a configuration before
// it is saved. It serves demonstrations, tests and measurements; the members of a
// real chain each run InitHome and agree on the genesis document.
func Testnet(dir string, n int, genesis func([]cmttypes.GenesisValidator) (*cmttypes.GenesisDoc, error),
	tune func(i int, c *Config),
) ([]Config, error) {
	ports, err := freePorts(2 * n)
	if err != nil {
		return nil, fmt.Errorf("laying out testnet: %w", err)
	}
	cfgs := make([]Config, n)
	peers := make([]string, n)
	vals := make([]cmttypes.GenesisValidator, n)
	for i := range cfgs {
		c := Default()
		c.Home = filepath.Join(dir, fmt.Sprintf("node%d", i))
		c.Moniker = fmt.Sprintf("node%d", i)
		c.P2P.Listen = fmt.Sprintf("127.0.0.1:%d", ports[i])
		c.Metrics.Listen = fmt.Sprintf("127.0.0.1:%d", ports[n+i])
		if tune != nil {
			tune(i, &c)
		}
		id, err := InitHome(c)
		if err != nil {
			return nil, fmt.Errorf("laying out testnet: %w", err)
		}
		cfgs[i], vals[i] = c, id.Validator
		peers[i] = id.NodeID + "@" + c.P2P.Listen
	}
	doc, err := genesis(vals)
	if err != nil {
		return nil, fmt.Errorf("building genesis: %w", err)
	}
	if err := doc.ValidateAndComplete(); err != nil {
		return nil, fmt.Errorf("building genesis: %w", err)
	}
	for i := range cfgs {
		for j, p := range peers {
			if j != i {
				cfgs[i].P2P.Peers = append(cfgs[i].P2P.Peers, p)
			}
		}
		if err := cfgs[i].Save(); err != nil {
			return nil, err
		}
		if err := doc.SaveAs(cfgs[i].genesisPath()); err != nil {
			return nil, fmt.Errorf("writing genesis: %w", err)
		}
	}
	return cfgs, nil
}

// Testnet takes its ports below the range from which systems choose the source
// ports of outgoing connections, so that a stopped node finds its port free again.
const (
	firstTestPort = 20_000
	endTestPort   = 32_000
)

// testPorts remembers the ports that this process has handed out.
var testPorts struct {
	sync.Mutex
	used map[int]bool
}

// freePorts returns n loopback TCP ports that nothing listens on at this moment and
// that this process has not used for another network.
func freePorts(n int) ([]int, error) {
	testPorts.Lock()
	defer testPorts.Unlock()
	if testPorts.used == nil {
		testPorts.used = make(map[int]bool)
	}
	var ports []int
	for range endTestPort - firstTestPort {
		if len(ports) == n {
			return ports, nil
		}
		port := firstTestPort + rand.IntN(endTestPort-firstTestPort)
		if testPorts.used[port] {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue // taken by another process
		}
		l.Close()
		testPorts.used[port] = true
		ports = append(ports, port)
	}
	return nil, errors.New("no free ports")
}
