package node

import (
	"fmt"

	"github.com/cometbft/cometbft/p2p"
	cmttypes "github.com/cometbft/cometbft/types"
)

// Peer is a connected member.
type Peer struct {
	NodeID  string
	Moniker string // its own claim
	Addr    string // host:port of the connection
}

// Status is a snapshot of the node.
type Status struct {
	ChainID    string
	NodeID     string
	Height     int64 // of the last block stored; 0 before the first
	Base       int64 // of the oldest block stored
	CatchingUp bool  // following block sync, not yet taking part
	Peers      []Peer
	Validators *cmttypes.ValidatorSet // who decides height Height+1
}

// ChainID returns the chain id of the genesis document.
func (n *Node) ChainID() string { return n.genesis.ChainID }

// Genesis returns the genesis document, which must not be changed.
func (n *Node) Genesis() *cmttypes.GenesisDoc { return n.genesis }

// Status returns a snapshot of the node.
func (n *Node) Status() (Status, error) {
	if !n.enter() {
		return Status{}, ErrStopped
	}
	defer n.leave()
	s := Status{
		ChainID:    n.genesis.ChainID,
		NodeID:     string(n.comet.NodeInfo().ID()),
		Height:     n.comet.BlockStore().Height(),
		Base:       n.comet.BlockStore().Base(),
		CatchingUp: n.comet.ConsensusReactor().WaitSync(),
	}
	for _, p := range n.comet.Switch().Peers().Copy() {
		s.Peers = append(s.Peers, Peer{
			NodeID:  string(p.ID()),
			Moniker: moniker(p.NodeInfo()),
			Addr:    p.RemoteAddr().String(),
		})
	}
	vals, err := n.validatorsAt(max(s.Height+1, n.genesis.InitialHeight))
	if err != nil {
		return Status{}, err
	}
	s.Validators = vals
	return s, nil
}

// SignedHeader returns the header of a height and a commit for that very height:
// the signatures of more than 2/3 of its voting power. Until height+1 is stored it
// is the commit this node saw, afterwards the canonical one that all nodes have in
// block height+1; both are equally good proof. It is available for a height from
// the moment OnDecided reports it.
func (n *Node) SignedHeader(height int64) (*cmttypes.Header, *cmttypes.Commit, error) {
	if !n.enter() {
		return nil, nil, ErrStopped
	}
	defer n.leave()
	bs := n.comet.BlockStore()
	meta := bs.LoadBlockMeta(height)
	if meta == nil {
		return nil, nil, fmt.Errorf("header %d: %w", height, ErrNotFound)
	}
	commit := bs.LoadBlockCommit(height)
	if commit == nil {
		commit = bs.LoadSeenCommit(height)
	}
	if commit == nil || commit.Height != height || !commit.BlockID.Equals(meta.BlockID) {
		return nil, nil, fmt.Errorf("commit %d: %w", height, ErrNotFound)
	}
	return &meta.Header, commit, nil
}

// Block returns the block of a height.
func (n *Node) Block(height int64) (*cmttypes.Block, error) {
	if !n.enter() {
		return nil, ErrStopped
	}
	defer n.leave()
	b := n.comet.BlockStore().LoadBlock(height)
	if b == nil {
		return nil, fmt.Errorf("block %d: %w", height, ErrNotFound)
	}
	return b, nil
}

// Validators returns the validators that sign a height, known up to two heights
// beyond the last block. Their proposer priorities carry no meaning.
func (n *Node) Validators(height int64) (*cmttypes.ValidatorSet, error) {
	if !n.enter() {
		return nil, ErrStopped
	}
	defer n.leave()
	return n.validatorsAt(height)
}

func (n *Node) validatorsAt(height int64) (*cmttypes.ValidatorSet, error) {
	vals, err := n.validators.LoadValidatorsFast(height)
	if err != nil {
		return nil, fmt.Errorf("validators %d: %w: %w", height, ErrNotFound, err)
	}
	return vals, nil
}

func moniker(info p2p.NodeInfo) string {
	if d, ok := info.(p2p.DefaultNodeInfo); ok {
		return d.Moniker
	}
	return ""
}
