package genesis

import (
	"encoding/json"
	"time"

	cmttypes "github.com/cometbft/cometbft/types"
)

// ConsensusParams are the parameters of every new network, all of them written
// out: CometBFT's defaults allow blocks of 53 MiB.
func ConsensusParams() *cmttypes.ConsensusParams {
	p := cmttypes.DefaultConsensusParams()
	p.Block.MaxBytes = 2 << 20
	p.Block.MaxGas = -1
	// Proof of a validator's misbehaviour is kept half a year, for audit; it
	// expires when both bounds are passed.
	p.Evidence.MaxBytes = 64 << 10
	p.Evidence.MaxAgeNumBlocks = 500_000
	p.Evidence.MaxAgeDuration = 180 * 24 * time.Hour
	p.Validator.PubKeyTypes = []string{cmttypes.ABCIPubKeyTypeEd25519}
	p.Version.App = 1
	p.ABCI.VoteExtensionsEnableHeight = 0
	return p
}

// Doc returns the genesis file of a network.
func Doc(chain string, start time.Time, validators []cmttypes.GenesisValidator, s *State) (*cmttypes.GenesisDoc, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, err
	}
	d := &cmttypes.GenesisDoc{
		ChainID: chain, GenesisTime: start.UTC().Truncate(time.Millisecond), InitialHeight: 1,
		ConsensusParams: ConsensusParams(), Validators: validators, AppState: b,
	}
	return d, d.ValidateAndComplete()
}
