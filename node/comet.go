package node

import (
	"encoding/hex"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"

	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/p2p"
)

// cometConfig derives CometBFT's configuration. There is no config.toml: what is
// not in Config is decided here, with the reason beside it.
func cometConfig(c Config) *cmtcfg.Config {
	cc := cmtcfg.DefaultConfig()
	cc.SetRoot(c.Home)
	cc.Moniker = c.Moniker
	cc.Genesis = c.Genesis

	// The gateway talks to the node in process; a validator has no RPC to attack.
	cc.RPC.ListenAddress = ""
	cc.RPC.GRPCListenAddress = ""
	cc.RPC.PprofListenAddress = ""

	cc.P2P.ListenAddress = "tcp://" + c.P2P.Listen
	cc.P2P.ExternalAddress = c.P2P.External
	cc.P2P.UnconditionalPeerIDs = strings.Join(peerIDs(c.P2P.Peers), ",") // dialled by keepDialing
	cc.P2P.PexReactor = false
	cc.P2P.AddrBookStrict = false // members may sit on private addresses
	cc.P2P.AllowDuplicateIP = true
	cc.P2P.SendRate = c.P2P.Rate
	cc.P2P.RecvRate = c.P2P.Rate
	cc.P2P.MaxPacketMsgPayloadSize = 32 << 10      // 1 KiB by default: 2000 packets for one block
	cc.P2P.FlushThrottleTimeout = time.Millisecond // 10 ms by default, paid by every vote
	cc.Mempool.Type = cmtcfg.MempoolTypeFlood      // "app" makes no blocks without empty blocks
	cc.Mempool.Recheck = false                     // FinalizeBlock judges; expiry empties the pool
	cc.Mempool.Size = c.Mempool.Txs
	cc.Mempool.MaxTxsBytes = c.Mempool.Bytes
	cc.Mempool.MaxTxBytes = c.Mempool.TxBytes
	cc.Mempool.CacheSize = c.Mempool.Seen
	cc.BlockSync.AdaptiveSync = false // documented risk of equivocation
	cc.StateSync.Enable = false
	cc.TxIndex.Indexer = "null"            // the read model follows blocks; kv costs 2.6x throughput
	cc.Storage.DiscardABCIResponses = true // results are in the ledger's own log
	cc.Instrumentation.Prometheus = false  // served by our own endpoint
	cc.Instrumentation.Namespace = "cometbft"
	cc.Consensus.CreateEmptyBlocks = false
	cc.Consensus.CreateEmptyBlocksInterval = time.Duration(c.Consensus.Heartbeat)
	cc.Consensus.SkipTimeoutCommit = true
	cc.Consensus.TimeoutCommit = time.Duration(c.Consensus.CommitTimeout)
	cc.Consensus.TimeoutPropose = time.Duration(c.Consensus.ProposeTimeout)
	cc.Consensus.TimeoutProposeDelta = time.Duration(c.Consensus.ProposeTimeout) / 2
	cc.Consensus.TimeoutPrevote = time.Duration(c.Consensus.VoteTimeout)
	cc.Consensus.TimeoutPrevoteDelta = time.Duration(c.Consensus.VoteTimeout) / 2
	cc.Consensus.TimeoutPrecommit = time.Duration(c.Consensus.VoteTimeout)
	cc.Consensus.TimeoutPrecommitDelta = time.Duration(c.Consensus.VoteTimeout) / 2
	cc.Consensus.PeerGossipSleepDuration = time.Duration(c.Consensus.GossipPause)
	cc.Consensus.DoubleSignCheckHeight = c.Consensus.DoubleSignCheck
	return cc
}

// genesisPath returns the absolute or Home-relative path of the genesis document.
func (c Config) genesisPath() string {
	if filepath.IsAbs(c.Genesis) {
		return c.Genesis
	}
	return filepath.Join(c.Home, c.Genesis)
}

// peerIDs returns the node ids of nodeid@host:port addresses.
func peerIDs(peers []string) []string {
	ids := make([]string, len(peers))
	for i, p := range peers {
		ids[i], _, _ = strings.Cut(p, "@")
	}
	return ids
}

// validatePeer checks the form nodeid@host:port without resolving the host, which
// may not be known to the name service yet.
func validatePeer(s string) error {
	id, addr, ok := strings.Cut(s, "@")
	if !ok {
		return fmt.Errorf("%q has no node id (want nodeid@host:port)", s)
	}
	if b, err := hex.DecodeString(id); err != nil || len(b) != p2p.IDByteLength {
		return fmt.Errorf("%q: node id is not %d bytes of hex", s, p2p.IDByteLength)
	}
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return fmt.Errorf("%q: %w", s, err)
	}
	return nil
}
