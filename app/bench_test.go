package app_test

import (
	"context"
	"testing"

	abci "github.com/cometbft/cometbft/abci/types"

	"zhenglian/app/apptest"
	"zhenglian/app/tx"
	"zhenglian/genesis"
)

// oneSignature is a policy under which one officer's signature seals.
func oneSignature(g *genesis.State) {
	for i := range g.Policies {
		if g.Policies[i].Kind == tx.EvidenceSeal {
			g.Policies[i].Expr = "officer@issuer"
		}
	}
}

// The whole work of one node on one statement of one signature: CheckTx once,
// ProcessProposal and FinalizeBlock from memory, Commit in blocks of 500.
func BenchmarkStatement(b *testing.B) {
	c := apptest.New(b, oneSignature)
	c.Block()
	envelopes := make([][]byte, 20_000)
	for i := range envelopes {
		envelopes[i] = c.Sign(c.Statement("hangzhou-amr", tx.EvidenceSeal, tx.ID{}, c.Evidence(i)), "officer1").AppendWire(nil)
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if n%len(envelopes) == 0 && n > 0 {
			b.Skip("out of envelopes") // never: -benchtime is bounded below
		}
		if n%500 == 0 {
			block := envelopes[n : n+500]
			for _, t := range block {
				if r, err := c.App.CheckTx(context.Background(), &abci.RequestCheckTx{Tx: t}); err != nil || r.Code != 0 {
					b.Fatal(r, err)
				}
			}
			if _, err := c.App.ProcessProposal(context.Background(), &abci.RequestProcessProposal{Txs: block}); err != nil {
				b.Fatal(err)
			}
			c.Block(block...)
		}
		n++
	}
}
