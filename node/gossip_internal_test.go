package node

import (
	"sync"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/mempool"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/p2p/mock"
	protomem "github.com/cometbft/cometbft/proto/tendermint/mempool"
	"github.com/cometbft/cometbft/proxy"
	cmttypes "github.com/cometbft/cometbft/types"
)

// listener is a peer that keeps what it is sent.
type listener struct {
	*mock.Peer
	mu   sync.Mutex
	got  map[string]int
	deaf int // sends that fail first
}

func (l *listener) Send(e p2p.Envelope) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.deaf > 0 {
		l.deaf--
		return false
	}
	for _, tx := range e.Message.(*protomem.Txs).Txs {
		l.got[string(tx)]++
	}
	return true
}

func (l *listener) heard() (txs, messages int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.got {
		messages += n
	}
	return len(l.got), messages
}

type atHeight int64

func (h atHeight) GetHeight() int64 { return int64(h) }

// gossiping is a mempool with the reactor that a node has, and one peer.
func gossiping(t *testing.T, remember int, deaf int) (*mempool.CListMempool, *listener) {
	t.Helper()
	cc := cmtcfg.DefaultConfig()
	app, err := proxy.NewLocalClientCreator(abci.NewBaseApplication()).NewABCIClient()
	if err != nil {
		t.Fatal(err)
	}
	mp := mempool.NewCListMempool(cc.Mempool, proxy.NewAppConnMempool(app, proxy.NopMetrics()), 1)
	mp.EnableTxsAvailable()
	sw := p2p.MakeSwitch(cc.P2P, 1, func(_ int, sw *p2p.Switch) *p2p.Switch {
		sw.AddReactor(mempoolReactor, mempool.NewReactor(cc.Mempool, mp, false))
		return sw
	})
	if err := gossipOnce(sw, remember); err != nil {
		t.Fatal(err)
	}
	r, _ := sw.Reactor(mempoolReactor)
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	l := &listener{Peer: mock.NewPeer(nil), got: map[string]int{}, deaf: deaf}
	l.Set(cmttypes.PeerStateKey, atHeight(1000))
	r.AddPeer(r.InitPeer(l))
	t.Cleanup(func() {
		l.Stop()
		r.Stop()
	})
	return mp, l
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

// A block that takes the newest transaction and leaves the others makes nobody
// hear them again, and what comes later is heard.
func TestGossipOnce(t *testing.T) {
	const waiting = 300
	mp, l := gossiping(t, 1000, 3)
	offer := func(i int) cmttypes.Tx {
		tx := cmttypes.Tx{1, byte(i >> 8), byte(i)}
		if err := mp.CheckTx(tx, nil, mempool.TxInfo{}); err != nil {
			t.Fatal(err)
		}
		return tx
	}
	for i := range waiting {
		offer(i)
	}
	for block := range 5 {
		last := offer(waiting + block)
		await(t, "the newest is not heard", func() bool { n, _ := l.heard(); return n == waiting+block+1 })
		mp.Lock()
		err := mp.Update(int64(block+2), cmttypes.Txs{last}, []*abci.ExecTxResult{{}}, nil, nil)
		mp.Unlock()
		if err != nil {
			t.Fatal(err)
		}
	}
	offer(waiting + 5)
	await(t, "what came after the blocks is not heard", func() bool { n, _ := l.heard(); return n == waiting+6 })
	time.Sleep(50 * time.Millisecond) // the walks that the blocks caused
	if n, m := l.heard(); m != n {
		t.Errorf("%d messages for %d transactions", m, n)
	}
}

// A peer remembers so many transactions and no more.
func TestGossipForgets(t *testing.T) {
	l := &listener{Peer: mock.NewPeer(nil), got: map[string]int{}}
	p := &oncePeer{Peer: l, remember: 10}
	send := func(tx []byte) {
		p.Send(p2p.Envelope{ChannelID: mempool.MempoolChannel, Message: &protomem.Txs{Txs: [][]byte{tx}}})
	}
	txs := make([][]byte, 30)
	for i := range txs {
		txs[i] = []byte{byte(i)}
		send(txs[i])
		send(txs[i])
	}
	if n, m := l.heard(); n != 30 || m != 30 {
		t.Fatalf("%d messages for %d of 30 transactions", m, n)
	}
	if len(p.sent)+len(p.before) > 20 {
		t.Errorf("%d transactions remembered", len(p.sent)+len(p.before))
	}
	send(txs[29])
	send(txs[25])
	if _, m := l.heard(); m != 30 {
		t.Error("one of the last ten was sent again")
	}
	send(txs[0])
	if _, m := l.heard(); m != 31 {
		t.Error("the first of thirty is still remembered")
	}
}
