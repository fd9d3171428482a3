package node

import (
	"fmt"

	"github.com/cometbft/cometbft/mempool"
	"github.com/cometbft/cometbft/p2p"
	protomem "github.com/cometbft/cometbft/proto/tendermint/mempool"
)

// mempoolReactor is CometBFT's name of the reactor that gossips transactions.
const mempoolReactor = "MEMPOOL"

// gossip is CometBFT's mempool reactor that offers no transaction to a peer twice.
//
// CometBFT walks through the mempool with a cursor for each peer. When a block takes
// the transaction under the cursor and none is behind it, the walk begins again at
// the front, and all that waits goes to the peer once more. A block takes the newest
// transaction and leaves older ones whenever the proposer lets a quiet member pass
// one who floods: 3 000 statements then went again to every peer of every member,
// which held the next block up by 90 ms on the benchmark's machine (spam.p99).
type gossip struct {
	*mempool.Reactor
	remember int // transactions
}

// gossipOnce puts a gossip in the place of the mempool reactor of a switch that has
// not started. A transaction is known again while no more than remember others have
// followed it.
func gossipOnce(sw *p2p.Switch, remember int) error {
	r, ok := sw.Reactor(mempoolReactor)
	if !ok {
		return fmt.Errorf("the switch has no reactor %s", mempoolReactor)
	}
	m, ok := r.(*mempool.Reactor)
	if !ok {
		return fmt.Errorf("reactor %s is a %T", mempoolReactor, r)
	}
	sw.RemoveReactor(mempoolReactor, m)
	sw.AddReactor(mempoolReactor, gossip{Reactor: m, remember: remember})
	return nil
}

// AddPeer implements p2p.Reactor.
func (g gossip) AddPeer(p p2p.Peer) {
	g.Reactor.AddPeer(&oncePeer{Peer: p, remember: g.remember})
}

// oncePeer is a peer to which each transaction is sent once. Only the goroutine
// that walks for the peer sends through it.
type oncePeer struct {
	p2p.Peer
	remember int

	// Transactions sent lately, and those sent before them, by the memory in which
	// the mempool holds them: two sets that take turns, each of at most remember.
	sent, before map[*byte]struct{}
}

// Send implements p2p.Peer.
func (p *oncePeer) Send(e p2p.Envelope) bool {
	m, ok := e.Message.(*protomem.Txs)
	if !ok || len(m.Txs) != 1 || len(m.Txs[0]) == 0 {
		return p.Peer.Send(e)
	}
	at := &m.Txs[0][0]
	if _, ok := p.sent[at]; ok {
		return true
	}
	if _, ok := p.before[at]; !ok && !p.Peer.Send(e) {
		return false
	}
	if p.sent == nil || len(p.sent) >= p.remember {
		p.before, p.sent = p.sent, make(map[*byte]struct{})
	}
	p.sent[at] = struct{}{}
	return true
}
