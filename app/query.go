package app

import (
	"context"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/proto/tendermint/crypto"
)

// Query answers path "/state" with the value of a state key (Data) at a height
// (0: the latest) and its ICS-23 proof. Everything else is served by the
// gateway from the store.
func (a *App) Query(_ context.Context, r *abci.RequestQuery) (*abci.ResponseQuery, error) {
	refuse := func(log string) (*abci.ResponseQuery, error) {
		return &abci.ResponseQuery{Code: 1, Codespace: codespace, Log: log}, nil
	}
	if r.Path != "/state" || len(r.Data) == 0 {
		return refuse("the only path is /state, with a key as data")
	}
	v := a.store.View()
	if r.Height != 0 {
		var err error
		if v, err = a.store.At(r.Height); err != nil {
			return refuse("height not available")
		}
	}
	value, proof, err := v.Prove(r.Data)
	if err != nil {
		return refuse("no proof: " + err.Error())
	}
	res := &abci.ResponseQuery{Key: r.Data, Value: value, Height: v.Head().Height}
	if r.Prove && proof != nil {
		b, err := proof.Marshal()
		if err != nil {
			return refuse("no proof: " + err.Error())
		}
		res.ProofOps = proofOps(r.Data, b)
	}
	return res, nil
}

func proofOps(key, proof []byte) *crypto.ProofOps {
	return &crypto.ProofOps{Ops: []crypto.ProofOp{{Type: "ics23:iavl", Key: key, Data: proof}}}
}
