package receipt

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"zhenglian/app/store"
	"zhenglian/app/tx"

	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmtversion "github.com/cometbft/cometbft/proto/tendermint/version"
	"github.com/cometbft/cometbft/types"
)

// fromHeader converts CometBFT's header. The node has its own copy of this.
func fromHeader(h *types.Header) Header {
	return Header{
		BlockVersion: h.Version.Block, AppVersion: h.Version.App, ChainID: h.ChainID, Height: h.Height, Time: TimeOf(h.Time),
		LastBlockID:    BlockID{Hash: h.LastBlockID.Hash, PartsTotal: h.LastBlockID.PartSetHeader.Total, PartsHash: h.LastBlockID.PartSetHeader.Hash},
		LastCommitHash: h.LastCommitHash, DataHash: h.DataHash, ValidatorsHash: h.ValidatorsHash, NextValidatorsHash: h.NextValidatorsHash,
		ConsensusHash: h.ConsensusHash, AppHash: h.AppHash, LastResultsHash: h.LastResultsHash, EvidenceHash: h.EvidenceHash,
		ProposerAddress: h.ProposerAddress,
	}
}

// fromCommit converts CometBFT's commit, without nil and absent votes.
func fromCommit(c *types.Commit) Commit {
	out := Commit{Round: c.Round, PartsTotal: c.BlockID.PartSetHeader.Total, PartsHash: c.BlockID.PartSetHeader.Hash}
	for i, s := range c.Signatures {
		if s.BlockIDFlag == types.BlockIDFlagCommit {
			out.Signatures = append(out.Signatures, Signature{Validator: i, Time: TimeOf(s.Timestamp), Sig: s.Signature})
		}
	}
	return out
}

func fromSet(t testing.TB, chain string, set *types.ValidatorSet) *Trust {
	t.Helper()
	var vals []Validator
	for _, v := range set.Validators {
		vals = append(vals, Validator{PubKey: [32]byte(v.PubKey.Bytes()), Power: v.VotingPower})
	}
	// Another order than CometBFT's, which NewTrust is to restore.
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(vals), func(i, j int) { vals[i], vals[j] = vals[j], vals[i] })
	trust, err := NewTrust(chain, 1, vals)
	if err != nil {
		t.Fatal(err)
	}
	return trust
}

// source draws values from a seed that failures print.
type source struct{ *rand.Rand }

func newSource(t testing.TB) source {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return source{rand.New(rand.NewPCG(seed, 0))}
}

func (s source) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(s.Uint32())
	}
	return b
}

func (s source) hash() []byte {
	if s.IntN(8) == 0 {
		return nil
	}
	return s.bytes(32)
}

func (s source) time() time.Time {
	t := time.Unix(s.Int64N(253402300799), s.Int64N(1e9)).UTC()
	if s.IntN(8) == 0 {
		t = t.Truncate(time.Second)
	}
	return t
}

func (s source) header() *types.Header {
	return &types.Header{
		Version: cmtversion.Consensus{Block: uint64(s.IntN(20)), App: uint64(s.IntN(3))}, ChainID: string([]byte("zhenglian-test-chain")[:s.IntN(20)]), Height: s.Int64N(1 << uint(1+s.IntN(60))),
		Time: s.time(), LastBlockID: types.BlockID{Hash: s.hash(), PartSetHeader: types.PartSetHeader{Total: uint32(s.IntN(300)), Hash: s.hash()}},
		LastCommitHash: s.hash(), DataHash: s.hash(), ValidatorsHash: s.bytes(32), NextValidatorsHash: s.hash(), ConsensusHash: s.hash(),
		AppHash: s.hash(), LastResultsHash: s.hash(), EvidenceHash: s.hash(), ProposerAddress: s.bytes(20),
	}
}

func TestHeaderHashIsCometBFTs(t *testing.T) {
	s := newSource(t)
	for range 2000 {
		h := s.header()
		own := fromHeader(h)
		if got := own.Hash(); !bytes.Equal(got[:], h.Hash()) {
			t.Fatalf("got %x, want %x for %v", got, h.Hash(), h)
		}
	}
}

func TestVoteBytesAreCometBFTs(t *testing.T) {
	s := newSource(t)
	for range 2000 {
		h := s.header()
		c := Commit{Round: int32(s.IntN(3)), PartsTotal: uint32(1 + s.IntN(200)), PartsHash: s.bytes(32)}
		own := fromHeader(h)
		hash := own.Hash()
		at := s.time()
		votes := c.precommits(h.ChainID, h.Height, hash)
		want := types.VoteSignBytes(h.ChainID, &cmtproto.Vote{Type: cmtproto.PrecommitType, Height: h.Height, Round: c.Round,
			BlockID: cmtproto.BlockID{Hash: hash[:], PartSetHeader: cmtproto.PartSetHeader{Total: c.PartsTotal, Hash: c.PartsHash}}, Timestamp: at})
		if got := votes.signBytes(TimeOf(at)); !bytes.Equal(got, want) {
			t.Fatalf("got %x, want %x", got, want)
		}
	}
}

func randomSet(s source, n, maxPower int) (*types.ValidatorSet, []types.PrivValidator) {
	byAddress := map[string]types.PrivValidator{}
	var vals []*types.Validator
	for range n {
		pv := types.NewMockPVWithParams(ed25519.GenPrivKeyFromSecret(s.bytes(32)), false, false)
		byAddress[string(pv.PrivKey.PubKey().Address())] = pv
		vals = append(vals, types.NewValidator(pv.PrivKey.PubKey(), 1+s.Int64N(int64(maxPower))))
	}
	set := types.NewValidatorSet(vals)
	var signers []types.PrivValidator
	for _, v := range set.Validators {
		signers = append(signers, byAddress[string(v.Address)])
	}
	return set, signers
}

// signHeader returns a commit in which the validators that vote picks sign for h.
func signHeader(t testing.TB, h *types.Header, set *types.ValidatorSet, signers []types.PrivValidator, round int32, parts types.PartSetHeader, vote func(i int) types.BlockIDFlag) *types.Commit {
	t.Helper()
	c := &types.Commit{Height: h.Height, Round: round, BlockID: types.BlockID{Hash: h.Hash(), PartSetHeader: parts}}
	for i, v := range set.Validators {
		sig := types.CommitSig{BlockIDFlag: vote(i)}
		if sig.BlockIDFlag != types.BlockIDFlagAbsent {
			sig.ValidatorAddress = v.Address
			sig.Timestamp = h.Time.Add(time.Duration(i) * 137 * time.Millisecond)
			p := cmtproto.Vote{Type: cmtproto.PrecommitType, Height: h.Height, Round: round, Timestamp: sig.Timestamp, ValidatorAddress: v.Address, ValidatorIndex: int32(i)}
			if sig.BlockIDFlag == types.BlockIDFlagCommit {
				p.BlockID = c.BlockID.ToProto()
			}
			if err := signers[i].SignVote(h.ChainID, &p); err != nil {
				t.Fatal(err)
			}
			sig.Signature = p.Signature
		}
		c.Signatures = append(c.Signatures, sig)
	}
	return c
}

// The verifier accepts a commit when, and only when, CometBFT's light client
// check does, on random sets, votes and damage.
func TestQuorumIsCometBFTs(t *testing.T) {
	s := newSource(t)
	accepted, refused := 0, 0
	for range 300 {
		set, signers := randomSet(s, 1+s.IntN(7), 1+s.IntN(6))
		trust := fromSet(t, "test-chain", set)
		if got := trust.ValidatorsHash(); !bytes.Equal(got[:], set.Hash()) {
			t.Fatalf("validators hash: got %x, want %x", got, set.Hash())
		}
		h := s.header()
		h.ChainID, h.Height, h.ValidatorsHash = "test-chain", 2+s.Int64N(1000), set.Hash()
		flags := []types.BlockIDFlag{types.BlockIDFlagCommit, types.BlockIDFlagCommit, types.BlockIDFlagCommit, types.BlockIDFlagNil, types.BlockIDFlagAbsent}
		c := signHeader(t, h, set, signers, int32(s.IntN(3)), types.PartSetHeader{Total: 1 + s.Uint32N(4), Hash: s.bytes(32)}, func(int) types.BlockIDFlag { return flags[s.IntN(len(flags))] })
		want := set.VerifyCommitLightAllSignatures(h.ChainID, c.BlockID, h.Height, c)
		b := SignedBlock{Header: fromHeader(h), Commit: fromCommit(c)}
		if len(b.Commit.Signatures) > 0 && s.IntN(4) == 0 {
			bad := &b.Commit.Signatures[s.IntN(len(b.Commit.Signatures))]
			bad.Sig = bytes.Clone(bad.Sig)
			bad.Sig[s.IntN(64)] ^= 1 << s.IntN(8)
			c.Signatures[bad.Validator].Signature = bad.Sig
			want = set.VerifyCommitLightAllSignatures(h.ChainID, c.BlockID, h.Height, c)
		}
		_, err := b.verify(trust, h.Height)
		if (err == nil) != (want == nil) {
			t.Fatalf("got %v, CometBFT says %v", err, want)
		}
		if err == nil {
			accepted++
		} else {
			refused++
		}
	}
	if accepted < 20 || refused < 20 {
		t.Errorf("%d accepted, %d refused: the test has lost its teeth", accepted, refused)
	}
}

func TestHashesAreTheStores(t *testing.T) {
	s := newSource(t)
	for range 200 {
		size, height := s.Uint64()>>uint(s.IntN(64)), s.Int64()
		lr, sr := tx.Digest(s.bytes(32)), tx.Digest(s.bytes(32))
		if got, want := appHash(size, lr, sr), store.AppHash(size, lr, sr); got != want {
			t.Fatalf("app hash: got %x, want %x", got, want)
		}
		env := s.bytes(s.IntN(500))
		if got, want := leafHash(height, env), store.LeafHash(height, env); got != want {
			t.Fatalf("leaf hash: got %x, want %x", got, want)
		}
	}
}
