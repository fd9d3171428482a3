package node

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
)

// configFile is the name of the configuration inside a home folder.
const configFile = "config.json"

// Config is the configuration of one node, kept as config.json in its home
// folder. Unknown members are refused. Everything else that CometBFT can be told
// is fixed in code (see cometConfig): members of one chain do not tune it apart.
type Config struct {
	// Home is the folder the configuration was loaded from. Not in the file.
	Home string `json:"-"`

	// Moniker is the name other members see in their peer list. It proves nothing.
	Moniker string `json:"moniker"`

	// Genesis is the path of the genesis document; relative paths start at Home.
	Genesis string `json:"genesis"`

	P2P       P2PConfig       `json:"p2p"`
	Mempool   MempoolConfig   `json:"mempool"`
	Consensus ConsensusConfig `json:"consensus"`
	Log       LogConfig       `json:"log"`
	Metrics   MetricsConfig   `json:"metrics"`

	// StopGrace bounds a graceful stop. A node that needs longer is left as it is
	// and Run reports it; whatever was acknowledged is on disk and the next start
	// replays the rest. Give the supervisor a longer limit than this one.
	StopGrace Duration `json:"stop_grace"`
}

// P2PConfig is the network between members. Peers are listed, never discovered.
type P2PConfig struct {
	// Listen is the host:port for connections from other members.
	Listen string `json:"listen"`

	// External is the host:port other members use, when it differs from Listen.
	External string `json:"external,omitempty"`

	// Peers are the members to stay connected to, as nodeid@host:port. Name all
	// validators: each link is used both ways, so one side naming it is enough,
	// but both sides naming it survives more.
	Peers []string `json:"peers"`

	// Redial is the pause, give or take a half, between attempts to reach a peer
	// that is not connected. They never cease.
	Redial Duration `json:"redial"`

	// Rate bounds the bytes per second on one connection, in each direction.
	// Below 50 MB/s a full block arrives late enough to cost rounds.
	Rate int64 `json:"rate"`
}

// MempoolConfig bounds the transactions that wait for a block. Hold about one
// second of work: a longer queue is only latency, and a sender who is told
// "full" can slow down. Gossip between members obeys the same bounds.
type MempoolConfig struct {
	// Txs is the largest number of waiting transactions.
	Txs int `json:"txs"`

	// Bytes is the largest sum of their sizes.
	Bytes int64 `json:"bytes"`

	// TxBytes is the largest size of one transaction.
	TxBytes int `json:"tx_bytes"`

	// Seen is the number of transactions remembered in order to refuse a second
	// copy; at least a few times Txs.
	Seen int `json:"seen"`
}

// ConsensusConfig holds the timers of the consensus. They need not be equal at
// all members, but the slowest sets the pace when something is wrong.
type ConsensusConfig struct {
	// Heartbeat is the pause after which an empty block is made on a quiet chain.
	// It keeps light clients fresh and shows that the chain is alive; three missed
	// heartbeats make a node unready. Between heartbeats only transactions make
	// blocks.
	Heartbeat Duration `json:"heartbeat"`

	// ProposeTimeout is how long to wait for a proposer that may be down before
	// voting for nothing; half of it is added in every further round. It must
	// cover sending a full block to the slowest member. It costs nothing while
	// the proposer is well.
	ProposeTimeout Duration `json:"propose_timeout"`

	// VoteTimeout is how long to wait for missing votes once more than 2/3 of the
	// power has voted without agreeing; half of it is added in every further round.
	VoteTimeout Duration `json:"vote_timeout"`

	// CommitTimeout is how long to wait, after a block is decided, for the votes
	// of slower members. The next height starts earlier when all have voted. Zero
	// gives the lowest latency; 50 to 100 ms give fewer and larger blocks at load.
	CommitTimeout Duration `json:"commit_timeout"`

	// GossipPause is how long the gossip sleeps when it has nothing for a peer.
	// Every step of a block waits for it: 2 ms commits in 19 ms where CometBFT's
	// own 100 ms commits in 230 ms, for some per cent of one core while idle.
	GossipPause Duration `json:"gossip_pause"`

	// DoubleSignCheck, when above zero, refuses to start a validator whose key
	// signed one of the last DoubleSignCheck blocks it knows of. It catches a
	// second machine running with the same key. It also refuses an ordinary
	// restart until the others have made that many blocks, and stops a chain for
	// good when more than 1/3 of the power restarts at once, so the default is
	// 0 (off); set 10 for the first start after moving a validator, then 0 again.
	// data/priv_validator_state.json guards against double signing at all times.
	DoubleSignCheck int64 `json:"double_sign_check"`
}

// LogConfig selects what is written to standard error. Levels are debug, info,
// warn and error.
type LogConfig struct {
	// Level applies to our own messages.
	Level slog.Level `json:"level"`

	// CometLevel applies to CometBFT, which at info writes half a dozen lines a block.
	CometLevel slog.Level `json:"comet_level"`

	// Format is "text" or "json".
	Format string `json:"format"`
}

// MetricsConfig is the HTTP endpoint for operators: /livez, /readyz, /status, /metrics.
type MetricsConfig struct {
	// Listen is the host:port, empty for none. It has neither authentication nor
	// TLS: keep it on loopback or behind something that has.
	Listen string `json:"listen"`
}

// Duration is a time.Duration written like "250ms" in JSON.
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) {
	return []byte(time.Duration(d).String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return err
	}
	*d = Duration(v)
	return nil
}

// Default returns the configuration of a member on its own machine, with no
// peers yet.
func Default() Config {
	return Config{
		Moniker: "zhenglian",
		Genesis: filepath.Join("config", "genesis.json"),
		P2P: P2PConfig{
			Listen: "0.0.0.0:26656",
			Peers:  []string{},
			Redial: Duration(3 * time.Second),
			Rate:   100 << 20,
		},
		Mempool: MempoolConfig{
			Txs:     5_000,
			Bytes:   16 << 20,
			TxBytes: 64 << 10, // an envelope is at most 65 527 bytes
			Seen:    100_000,
		},
		Consensus: ConsensusConfig{
			Heartbeat:      Duration(30 * time.Second),
			ProposeTimeout: Duration(2 * time.Second),
			VoteTimeout:    Duration(500 * time.Millisecond),
			GossipPause:    Duration(2 * time.Millisecond),
		},
		Log: LogConfig{
			Level:      slog.LevelInfo,
			CometLevel: slog.LevelWarn,
			Format:     "text",
		},
		Metrics:   MetricsConfig{Listen: "127.0.0.1:26660"},
		StopGrace: Duration(100 * time.Second),
	}
}

// Load reads and validates the configuration in home.
func Load(home string) (Config, error) {
	path := filepath.Join(home, configFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("reading configuration: %w", err)
	}
	var c Config
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return Config{}, fmt.Errorf("parsing %s: %w", path, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Config{}, fmt.Errorf("parsing %s: data after the configuration", path)
	}
	c.Home = home
	if err := c.Validate(); err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// Save validates c and replaces the configuration in c.Home with it.
func (c Config) Save() error {
	if err := c.Validate(); err != nil {
		return fmt.Errorf("saving configuration: %w", err)
	}
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("saving configuration: %w", err)
	}
	if err := renameio.WriteFile(filepath.Join(c.Home, configFile), append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("saving configuration: %w", err)
	}
	return nil
}

// Validate reports the first value that a node cannot run with.
func (c Config) Validate() error {
	switch {
	case c.Home == "":
		return errors.New("home is empty")
	case c.Genesis == "":
		return errors.New("genesis is empty")
	case c.P2P.Rate < 1<<20:
		return fmt.Errorf("p2p.rate %d is below 1 MiB/s", c.P2P.Rate)
	case c.P2P.Redial <= 0:
		return errors.New("p2p.redial must be positive")
	case c.Mempool.Txs < 1:
		return errors.New("mempool.txs must be positive")
	case c.Mempool.TxBytes < 1:
		return errors.New("mempool.tx_bytes must be positive")
	case c.Mempool.Bytes < int64(c.Mempool.TxBytes):
		return errors.New("mempool.bytes is below mempool.tx_bytes")
	case c.Mempool.Seen < c.Mempool.Txs:
		return errors.New("mempool.seen is below mempool.txs")
	case c.Consensus.Heartbeat < Duration(time.Second):
		return errors.New("consensus.heartbeat is below 1s")
	case c.Consensus.ProposeTimeout <= 0:
		return errors.New("consensus.propose_timeout must be positive")
	case c.Consensus.VoteTimeout <= 0:
		return errors.New("consensus.vote_timeout must be positive")
	case c.Consensus.CommitTimeout < 0:
		return errors.New("consensus.commit_timeout is negative")
	case c.Consensus.GossipPause <= 0:
		return errors.New("consensus.gossip_pause must be positive")
	case c.Consensus.DoubleSignCheck < 0:
		return errors.New("consensus.double_sign_check is negative")
	case c.Log.Format != "text" && c.Log.Format != "json":
		return fmt.Errorf("log.format %q is neither text nor json", c.Log.Format)
	case c.StopGrace <= 0:
		return errors.New("stop_grace must be positive")
	}
	if _, _, err := net.SplitHostPort(c.P2P.Listen); err != nil {
		return fmt.Errorf("p2p.listen: %w", err)
	}
	if c.P2P.External != "" {
		if _, _, err := net.SplitHostPort(c.P2P.External); err != nil {
			return fmt.Errorf("p2p.external: %w", err)
		}
	}
	for _, p := range c.P2P.Peers {
		if err := validatePeer(p); err != nil {
			return fmt.Errorf("p2p.peers: %w", err)
		}
	}
	if c.Metrics.Listen != "" {
		if _, _, err := net.SplitHostPort(c.Metrics.Listen); err != nil {
			return fmt.Errorf("metrics.listen: %w", err)
		}
	}
	return nil
}
