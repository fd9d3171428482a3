package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	cmttypes "github.com/cometbft/cometbft/types"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client"
	"zhenglian/client/api"
	"zhenglian/genesis"
	"zhenglian/node"
	"zhenglian/node/member"
)

// chain is the chain id of the networks that tests lay out themselves.
const chain = "zhenglian-e2e"

// A network is four validators that each serve a gateway.
type network struct {
	*testing.T
	cfgs    []node.Config
	urls    []string // of the gateways
	clients []*client.Client
	procs   []*process // the last one of each; nil before the first

	trust  *receipt.Trust
	keys   map[string]*tx.PrivateKey // by the names of genesis.DemoKeys
	anchor tx.Anchor                 // of a block near the beginning
}

// newNetwork lays out and starts a network with the members of the example
// consortium, with changes to the settings of their gateways. Its timers are shorter than those of a real one, so that more
// happens in the time of a test.
func newNetwork(t *testing.T, change ...func(i int, g *member.Gateway)) *network {
	t.Helper()
	n := &network{T: t, keys: make(map[string]*tx.PrivateKey)}
	state, err := genesis.Demo(func(d genesis.DemoKey) (tx.PublicKey, error) {
		k, err := tx.GenerateKey(d.Type)
		if err != nil {
			return tx.PublicKey{}, err
		}
		n.keys[d.Name] = k
		return k.Public(), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	const validators = 4
	n.cfgs, err = node.Testnet(t.TempDir(), validators, func(vs []cmttypes.GenesisValidator) (*cmttypes.GenesisDoc, error) {
		return genesis.Doc(chain, time.Now(), vs, state)
	}, func(_ int, c *node.Config) { quick(c) })
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(n.cfgs[0].Home, n.cfgs[0].Genesis))
	if err != nil {
		t.Fatal(err)
	}
	if n.trust, err = member.Trust(b); err != nil {
		t.Fatal(err)
	}
	for i, c := range n.cfgs {
		g := member.DefaultGateway()
		g.Listen = freeAddr(t)
		for slices.Contains(n.urls, "http://"+g.Listen) {
			g.Listen = freeAddr(t)
		}
		for _, f := range change {
			f(i, &g)
		}
		if err := g.Save(c.Home); err != nil {
			t.Fatal(err)
		}
		n.add("http://" + g.Listen)
	}
	for i := range n.cfgs {
		n.start(i)
	}
	for i := range n.cfgs {
		n.awaitReady(i)
	}
	cp, err := n.clients[1].Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n.anchor = tx.Anchor{Hash: cp.Anchor.Hash, Height: cp.Anchor.Height}
	return n
}

// quick shortens the timers of a node.
func quick(c *node.Config) {
	c.Consensus.Heartbeat = node.Duration(2 * time.Second)
	c.Consensus.ProposeTimeout = node.Duration(500 * time.Millisecond)
	c.Consensus.VoteTimeout = node.Duration(200 * time.Millisecond)
	c.P2P.Redial = node.Duration(300 * time.Millisecond)
}

// add makes the client of a gateway, which tries everything once.
func (n *network) add(url string) {
	n.Helper()
	c, err := client.New(client.Config{Gateway: url, Attempts: 1})
	if err != nil {
		n.Fatal(err)
	}
	n.urls, n.clients, n.procs = append(n.urls, url), append(n.clients, c), append(n.procs, nil)
}

// start starts member i, for the first time or again.
func (n *network) start(i int) {
	n.Helper()
	home := n.cfgs[i].Home
	n.procs[i] = start(n.T, n.cfgs[i].Moniker, filepath.Join(home, "node.log"), "zhengd", "start", "--home", home)
}

func (n *network) awaitReady(i int) {
	n.Helper()
	eventually(n.T, n.cfgs[i].Moniker+" ready", func() error {
		if err := n.procs[i].running(); err != nil {
			n.Fatal(err)
		}
		return ready(n.urls[i])
	})
}

// envelope is seal for the goroutine of the test.
func (n *network) envelope(content string) *tx.Envelope {
	n.Helper()
	e, err := n.seal(content)
	if err != nil {
		n.Fatal(err)
	}
	return e
}

// seal makes an evidence.seal of some bytes with all signatures that it takes.
func (n *network) seal(content string) (*tx.Envelope, error) {
	now := tx.TimeOf(time.Now())
	sum := tx.Digest(sha256.Sum256([]byte(content)))
	s := tx.Statement{
		Chain: chain, Kind: tx.EvidenceSeal, Member: "hangzhou-amr", At: now, Expires: n.anchor.Height + 50_000,
		Body: &tx.Evidence{
			Anchor:   n.anchor,
			Captured: tx.Captured{Started: now, Ended: now, Method: "upload", Tool: "e2e", ToolSHA256: sum},
			Class:    "file",
			Files:    []tx.File{{Bytes: int64(len(content)), Media: "text/plain", Role: "original", SHA256: sum, SM3: sum}},
		},
	}
	b, err := s.Encode()
	if err != nil {
		return nil, err
	}
	return tx.Seal(b, n.keys["officer1"], n.keys["officer2"], n.keys["city"])
}

// submit enters a statement through gateway i and checks its receipt. It goes on
// trying: a chain that has just lost a member needs a moment.
func (n *network) submit(i int, content string) *api.Submission {
	n.Helper()
	e := n.envelope(content)
	var s *api.Submission
	eventually(n.T, "submission by "+n.cfgs[i].Moniker, func() (err error) {
		s, err = n.clients[i].Submit(n.Context(), e, api.SubmitOptions{})
		return err
	})
	if err := n.check(s, s.Receipt); err != nil {
		n.Error(err)
	}
	return s
}

// check verifies that a receipt proves the entry that s promises.
func (n *network) check(s *api.Submission, proof []byte) error {
	r := receipt.Verify(proof, n.trust, receipt.Options{WantID: s.ID, WantSeq: &s.Seq, WantHeight: s.Height})
	if r.Verdict != receipt.Verified {
		return fmt.Errorf("receipt of %s, entry %d: %s %q", s.ID, s.Seq, r.Verdict, failed(r))
	}
	return nil
}

// checkAt has gateway i prove the entry that s promises.
func (n *network) checkAt(ctx context.Context, i int, s *api.Submission) error {
	b, err := n.clients[i].Receipt(ctx, s.ID, api.ReceiptOptions{})
	if err != nil {
		return fmt.Errorf("%s: %w", n.cfgs[i].Moniker, err)
	}
	return n.check(s, b)
}

// agree waits until all gateways speak of the same height and compares what they
// say of it.
func (n *network) agree() *api.Checkpoint {
	n.Helper()
	var same *api.Checkpoint
	eventually(n.T, "checkpoints of one height", func() error {
		var cps []*api.Checkpoint
		for _, c := range n.clients {
			cp, err := c.Checkpoint(n.Context())
			if err != nil {
				return err
			}
			if cps = append(cps, cp); cp.Height != cps[0].Height {
				return fmt.Errorf("heights %d and %d", cps[0].Height, cp.Height)
			}
		}
		same = cps[0]
		for i, cp := range cps {
			if cp.AppHash != same.AppHash || cp.LogRoot != same.LogRoot || cp.LogSize != same.LogSize {
				n.Errorf("height %d: %s has app hash %s, %s has %s", cp.Height, n.cfgs[i].Moniker, cp.AppHash, n.cfgs[0].Moniker, same.AppHash)
			}
		}
		return nil
	})
	return same
}

// TestNetwork stops validators, starts them again, and has a node join late.
func TestNetwork(t *testing.T) {
	n := newNetwork(t)
	var entered []*api.Submission
	enter := func(i int, content string) { entered = append(entered, n.submit(i, content)) }
	for i := range n.procs {
		enter(i, fmt.Sprint("all four, by ", i))
	}

	// Two thirds of the power are more than enough.
	n.procs[3].stop()
	enter(0, "three of four, by 0")
	enter(2, "three of four, by 2")

	// Half of it is not: whoever asks is told so, and nothing is lost.
	n.procs[2].stop()
	stuck := n.envelope("two of four")
	r := n.post(0, stuck, "1")
	if r.StatusCode != http.StatusAccepted || r.Header.Get("Location") != api.StatementURL(stuck.ID()) {
		t.Errorf("two of four: %s, Location %q", r.Status, r.Header.Get("Location"))
	}
	eventually(t, "unready gateway", func() error {
		var p *api.Problem
		if err := ready(n.urls[0]); !errors.As(err, &p) || p.Status != http.StatusServiceUnavailable {
			return fmt.Errorf("readiness of two of four: %v", err)
		}
		return nil
	})
	for _, s := range entered { // reading goes on
		if err := n.checkAt(t.Context(), 1, s); err != nil {
			t.Error(err)
		}
	}

	// Both come back, and the chain goes on by itself with what was stuck.
	n.start(2)
	n.start(3)
	var s *api.Statement
	eventually(t, "the stuck statement", func() (err error) {
		if s, err = n.clients[1].Statement(t.Context(), stuck.ID()); err == nil && s.SealedAt == 0 {
			err = errors.New("not provable yet")
		}
		return err
	})
	for i := range n.procs {
		n.awaitReady(i)
		sub, err := n.clients[i].Submit(t.Context(), stuck, api.SubmitOptions{})
		if err != nil || sub.Seq != s.Seq || sub.Height != s.Height {
			t.Errorf("the stuck statement again, by %d: %+v %v", i, sub, err)
		} else if err := n.check(sub, sub.Receipt); err != nil {
			t.Error(err)
		}
	}
	enter(3, "four again, by the one longest away")

	n.joinLate()
	for _, s := range entered {
		if err := n.checkAt(t.Context(), len(n.procs)-1, s); err != nil {
			t.Errorf("from the node that joined late: %v", err)
		}
	}
	enter(len(n.procs)-1, "by the node that joined late")
	eventually(t, "the whole log everywhere", func() error { // gateways may agree on an earlier height first
		if got, want := n.agree().LogSize, uint64(len(entered)+1); got != want {
			return fmt.Errorf("the log has %d entries, want %d", got, want)
		}
		return nil
	})
	for _, p := range n.procs {
		p.stop()
	}
}

// post hands an envelope in at gateway i and returns the answer without its body.
func (n *network) post(i int, e *tx.Envelope, wait string) *http.Response {
	n.Helper()
	r, err := http.Post(n.urls[i]+api.PathEnvelopes+"?wait="+wait, api.MediaDSSE, strings.NewReader(string(e.AppendJSON(nil))))
	if err != nil {
		n.Fatal(err)
	}
	r.Body.Close()
	return r
}

// joinLate adds a node that is no validator and has nothing but the genesis file,
// the way an operator does it, and waits until it has caught up.
func (n *network) joinLate() {
	n.Helper()
	home, listen := filepath.Join(n.TempDir(), "observer"), freeAddr(n.T)
	must(n.T, 0, nil, "zhengd", "init", "--home", home, "--moniker", "observer", "--p2p", freeAddr(n.T), "--listen", listen)
	doc, err := os.ReadFile(filepath.Join(n.cfgs[0].Home, n.cfgs[0].Genesis))
	if err != nil {
		n.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "config", "genesis.json"), doc, 0o600); err != nil {
		n.Fatal(err)
	}
	c, err := node.Load(home)
	if err != nil {
		n.Fatal(err)
	}
	quick(&c)
	c.Metrics.Listen = freeAddr(n.T)
	for i := range n.cfgs {
		s := n.status(n.cfgs[i].Home)
		c.P2P.Peers = append(c.P2P.Peers, s.NodeID+"@"+n.cfgs[i].P2P.Listen)
	}
	if err := c.Save(); err != nil {
		n.Fatal(err)
	}
	n.cfgs = append(n.cfgs, c)
	n.add("http://" + listen)
	n.start(len(n.procs) - 1)
	n.awaitReady(len(n.procs) - 1)
	if s := n.status(home); !s.Ready || s.Validator || s.CatchingUp || len(s.Validators) != 4 {
		n.Errorf("status of the node that joined late: %+v", s)
	}
}

// status is a part of what zhengd status prints.
type status struct {
	Ready      bool              `json:"ready"`
	NodeID     string            `json:"node_id"`
	CatchingUp bool              `json:"catching_up"`
	Validators []json.RawMessage `json:"validators"`
	Validator  bool              `json:"validator"`
}

func (n *network) status(home string) (s status) {
	n.Helper()
	must(n.T, 0, &s, "zhengd", "status", "--home", home)
	return s
}
