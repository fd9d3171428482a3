package member

import (
	"crypto/sha256"
	"fmt"

	"github.com/cometbft/cometbft/crypto/ed25519"
	cmttypes "github.com/cometbft/cometbft/types"

	"zhenglian/app"
	"zhenglian/app/receipt"
	"zhenglian/app/state"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/node"
	"zhenglian/node/gateway"
)

// chain is the gateway's view of the member's node.
type chain struct {
	node    *node.Node
	app     *app.App
	trust   *trustRoot
	moniker string
}

var _ gateway.Chain = (*chain)(nil)

func (c *chain) ChainID() string              { return c.node.ChainID() }
func (c *chain) Submit(envelope []byte) error { return c.node.Submit(envelope) }
func (c *chain) Full() bool                   { return c.node.Full() }
func (c *chain) Crowded() bool                { return c.app.Crowded() }
func (c *chain) Store() *store.Store          { return c.app.Store() }
func (c *chain) Directory() *state.Directory  { return c.app.Directory() }
func (c *chain) Trust() *receipt.Trust        { return c.trust.Trust() }
func (c *chain) Ready() error                 { return c.node.Ready() }

func (c *chain) Spare(m tx.MemberID, bytes int) error { return c.app.Spare(m, bytes) }

func (c *chain) SignedBlock(height int64) (receipt.SignedBlock, error) {
	return SignedBlock(c.node, height)
}

func (c *chain) Info() gateway.Info {
	i := gateway.Info{Moniker: c.moniker}
	if s, err := c.node.Status(); err == nil {
		i.NodeID, i.Peers = s.NodeID, len(s.Peers)
		i.Validators = s.Validators.Size()
	}
	return i
}

// SignedBlock returns the header of a height and the precommits for it, as
// receipts carry them: only votes for the block, and no more than it takes to
// pass two thirds of the power.
func SignedBlock(n *node.Node, height int64) (receipt.SignedBlock, error) {
	h, commit, err := n.SignedHeader(height)
	if err != nil {
		return receipt.SignedBlock{}, err
	}
	vals, err := n.Validators(height)
	if err != nil {
		return receipt.SignedBlock{}, err
	}
	sb := receipt.SignedBlock{Header: header(h), Commit: receipt.Commit{
		Round:      commit.Round,
		PartsTotal: commit.BlockID.PartSetHeader.Total,
		PartsHash:  commit.BlockID.PartSetHeader.Hash,
	}}
	var power int64
	for i, s := range commit.Signatures {
		if s.BlockIDFlag != cmttypes.BlockIDFlagCommit {
			continue
		}
		sb.Commit.Signatures = append(sb.Commit.Signatures, receipt.Signature{Validator: i, Time: receipt.TimeOf(s.Timestamp), Sig: s.Signature})
		if power += vals.Validators[i].VotingPower; 3*power > 2*vals.TotalVotingPower() {
			break
		}
	}
	return sb, nil
}

func header(h *cmttypes.Header) receipt.Header {
	return receipt.Header{
		BlockVersion: h.Version.Block, AppVersion: h.Version.App,
		ChainID: h.ChainID, Height: h.Height, Time: receipt.TimeOf(h.Time),
		LastBlockID:    receipt.BlockID{Hash: h.LastBlockID.Hash, PartsTotal: h.LastBlockID.PartSetHeader.Total, PartsHash: h.LastBlockID.PartSetHeader.Hash},
		LastCommitHash: h.LastCommitHash, DataHash: h.DataHash,
		ValidatorsHash: h.ValidatorsHash, NextValidatorsHash: h.NextValidatorsHash,
		ConsensusHash: h.ConsensusHash, AppHash: h.AppHash, LastResultsHash: h.LastResultsHash,
		EvidenceHash: h.EvidenceHash, ProposerAddress: h.ProposerAddress,
	}
}

// Trust returns the trust root of a network: its chain id, its first validators
// and the SHA-256 of its genesis file, which anybody can compare.
func Trust(genesis []byte) (*receipt.Trust, error) {
	d, err := cmttypes.GenesisDocFromJSON(genesis)
	if err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	var vs []receipt.Validator
	for _, v := range d.Validators {
		k, ok := v.PubKey.(ed25519.PubKey)
		if !ok {
			return nil, fmt.Errorf("validator %s has a key of type %s; receipts know ed25519", v.Name, v.PubKey.Type())
		}
		vs = append(vs, receipt.Validator{PubKey: [32]byte(k), Power: v.Power})
	}
	t, err := receipt.NewTrust(d.ChainID, d.InitialHeight, vs)
	if err != nil {
		return nil, err
	}
	t.GenesisSHA256 = tx.Digest(sha256.Sum256(genesis))
	return t, nil
}
