package app_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"

	"zhenglian/app/apptest"
	"zhenglian/app/tx"
)

// crowded is a chain whose waiting room has so many places.
func crowded(t *testing.T, room int, bytes int64) *apptest.Chain {
	t.Helper()
	c := begun(t)
	c.Config.Waiting, c.Config.WaitingBytes = room, bytes
	c.Reopen()
	return c
}

// city is a statement of another member than those of Seal.
func city(c *apptest.Chain, n int) []byte {
	return c.Sign(c.Statement("xianyang-amr", tx.EvidenceSeal, tx.ID{}, c.Evidence(n)), "city").AppendWire(nil)
}

func propose(t *testing.T, c *apptest.Chain, txs ...[]byte) [][]byte {
	t.Helper()
	p, err := c.App.PrepareProposal(context.Background(), &abci.RequestPrepareProposal{Txs: txs, MaxTxBytes: 1 << 20,
		Time: apptest.Start.Add(time.Duration(c.Height) * time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	return p.Txs
}

// flood fills the waiting room with what one member may have there.
func flood(t *testing.T, c *apptest.Chain, from, n int) (txs [][]byte) {
	t.Helper()
	for i := range n {
		b := c.Seal(from + i).AppendWire(nil)
		r, err := c.App.CheckTx(context.Background(), &abci.RequestCheckTx{Tx: b})
		if err != nil {
			t.Fatal(err)
		}
		if r.Code != 0 {
			wantCode(t, "over the share", tx.Code(r.Code), tx.CodeShare)
			break
		}
		txs = append(txs, b)
	}
	return txs
}

func check(t *testing.T, c *apptest.Chain, b []byte) tx.Code {
	t.Helper()
	r, err := c.App.CheckTx(context.Background(), &abci.RequestCheckTx{Tx: b})
	if err != nil {
		t.Fatal(err)
	}
	return tx.Code(r.Code)
}

// A member that floods fills three quarters of the room; the others get in, and
// so does it again when a block has taken some.
func TestShares(t *testing.T) {
	c := crowded(t, 40, 1<<20)
	txs := flood(t, c, 1, 60)
	if len(txs) != 30 {
		t.Errorf("%d of 40 places for one member, want 30", len(txs))
	}
	wantCode(t, "the same again, which waits already", check(t, c, txs[0]), tx.CodeShare)
	wantCode(t, "another member", check(t, c, city(c, 1)), tx.CodeOK)
	forged := bytes.Clone(c.Seal(100).AppendWire(nil))
	forged[len(forged)-60] ^= 1
	wantCode(t, "refused before its signatures are checked", check(t, c, forged), tx.CodeShare)
	c.Block(txs[:10]...)
	if more := flood(t, c, 200, 60); len(more) != 10 { // of 39 places it has three quarters
		t.Errorf("%d more after a block took 10, want 10", len(more))
	}

	c = crowded(t, 1000, 20_000)
	if n := len(flood(t, c, 1, 60)); n < 5 || n > 16 {
		t.Errorf("%d statements of a thousand bytes in 20 000 bytes of room", n)
	}
	wantCode(t, "another member", check(t, c, city(c, 1)), tx.CodeOK)
}

// While nobody else states anything a member has whole blocks. Then it has its
// part, the others come first in turn, and none of theirs waits because the
// mempool, in order of arrival, has theirs behind.
func TestParts(t *testing.T) {
	c := crowded(t, 1000, 1<<20)
	txs := flood(t, c, 1, 200)
	if n := len(propose(t, c, txs[:150]...)); n != 200 {
		t.Errorf("alone: %d of 200 proposed", n)
	}
	late := city(c, 1)
	wantCode(t, "the city", check(t, c, late), tx.CodeOK)
	p := propose(t, c, txs[:150]...)
	if len(p) != 1+16+4 || !bytes.Equal(p[1], late) {
		t.Errorf("with one of another member: %d proposed, want 21 with its second", len(p))
	}
	c.Block(p...)
	if p = propose(t, c); len(p) != 16 || bytes.Equal(p[0], txs[0]) || !bytes.Equal(p[0], txs[20]) {
		t.Errorf("after it: %d proposed, want the next 16", len(p))
	}
	for range 61 { // a minute of nobody else
		c.Block()
	}
	if p = propose(t, c); len(p) != 200-20 {
		t.Errorf("alone again: %d proposed, want what is left", len(p))
	}
	for _, b := range p {
		if bytes.Equal(b, late) {
			t.Error("proposed again after a block had it")
		}
	}
}

// What has become invalid while it waited leaves by a block, where it is refused.
func TestStaleWaits(t *testing.T) {
	c := crowded(t, 100, 1<<20)
	s := c.Statement("xianyang-amr", tx.EvidenceSeal, tx.ID{}, c.Evidence(9))
	s.Expires = c.Height + 1
	b := c.Sign(s, "city").AppendWire(nil)
	wantCode(t, "in time", check(t, c, b), tx.CodeOK)
	c.Block()
	p := propose(t, c)
	if len(p) != 1 || !bytes.Equal(p[0], b) {
		t.Fatalf("%d proposed, want the expired one", len(p))
	}
	if r := c.Block(p...); tx.Code(r[0].Code) != tx.CodeExpired {
		t.Errorf("in the block: %d", r[0].Code)
	}
	if p = propose(t, c); len(p) != 0 {
		t.Errorf("%d proposed afterwards", len(p))
	}
}
