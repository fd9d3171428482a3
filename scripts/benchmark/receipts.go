package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmttypes "github.com/cometbft/cometbft/types"
	cmtversion "github.com/cometbft/cometbft/version"

	"zhenglian/app"
	"zhenglian/app/receipt"
	"zhenglian/app/row"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// The receipt that is measured is that of a capture of one file with three
// signatures, as the gateway makes it: the last of 2^20 entries, beside a state of
// 100,000 matters, in a block signed by three of four validators.
const (
	receiptEntries = 1 << 20
	receiptMatters = 100_000

	// receiptBound is what the compact form may take, in bytes, and verifyBound
	// what its verification may, in seconds.
	receiptBound = 3 << 10
	verifyBound  = 1e-3
)

// receipts are the two forms of a receipt.
type receipts struct {
	compact, full []byte
	id            tx.ID
	trust         *receipt.Trust

	verifyCompact, verifyFull float64 // seconds
}

func (b *bench) makeReceipts(ctx context.Context) (*receipts, error) {
	if b.receipts == nil {
		fmt.Fprintf(b.progress, "receipt making a ledger of %d entries\n", receiptEntries)
		r, err := makeReceipts(ctx, receiptEntries, receiptMatters)
		if err != nil {
			return nil, err
		}
		b.receipts = r
	}
	return b.receipts, nil
}

// makeReceipts builds a ledger in memory and asks a gateway for the receipt of its
// last entry.
func makeReceipts(ctx context.Context, entries, matters uint64) (_ *receipts, err error) {
	workload, err := newLedger(3)
	if err != nil {
		return nil, err
	}
	w := workload.(*ledgerWorkload)
	a, err := app.New(app.Config{Dir: "ledger", Store: store.Options{FS: vfs.NewMem()}})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	doc := &cmttypes.GenesisDoc{ChainID: chainID}
	if err := w.Genesis(doc); err != nil {
		return nil, err
	}
	if _, err := a.InitChain(ctx, &abci.RequestInitChain{ChainId: chainID, AppStateBytes: doc.AppState}); err != nil {
		return nil, err
	}
	if err := fill(a.Store(), entries-1, matters); err != nil {
		return nil, err
	}

	wire, err := w.Tx(0)
	if err != nil {
		return nil, err
	}
	head, _ := a.Store().Head()
	height := head.Height + 1
	res, err := a.FinalizeBlock(ctx, &abci.RequestFinalizeBlock{
		Height: height, Hash: make([]byte, sha256.Size), Time: time.Now(), Txs: [][]byte{wire},
	})
	if err != nil {
		return nil, err
	}
	if code := res.TxResults[0].Code; code != abci.CodeTypeOK {
		return nil, fmt.Errorf("statement was refused: %s", res.TxResults[0].Log)
	}
	if _, err := a.Commit(ctx, &abci.RequestCommit{}); err != nil {
		return nil, err
	}

	c := &chain{app: a}
	var block receipt.SignedBlock
	if block, c.trust, err = sealed(height+1, res.AppHash); err != nil {
		return nil, err
	}
	c.signed = func(int64) (receipt.SignedBlock, error) { return block, nil }
	g, err := openGateway(c, nil)
	if err != nil {
		return nil, err
	}
	serving, stop := context.WithCancel(ctx)
	stopped := make(chan error, 1)
	go func() { stopped <- g.Run(serving) }()
	defer func() { stop(); err = errors.Join(err, <-stopped) }()
	g.gateway.Decided(height + 1)

	e, err := tx.ParseEnvelope(wire)
	if err != nil {
		return nil, err
	}
	r := &receipts{id: e.ID(), trust: c.trust}
	if r.compact, err = g.client.Receipt(ctx, r.id, api.ReceiptOptions{Form: api.FormCompact, At: api.AtEntry}); err != nil {
		return nil, err
	}
	if r.full, err = g.client.Receipt(ctx, r.id, api.ReceiptOptions{Form: api.FormJSON, At: api.AtEntry}); err != nil {
		return nil, err
	}
	return r, nil
}

// fill gives a store entries that nobody will read, and matters.
func fill(s *store.Store, entries, matters uint64) error {
	const perBlock = 1 << 16
	envelope := make([]byte, 64)
	matter := row.Matter{State: row.Withdrawn}
	for seq, height := uint64(0), int64(1); seq < entries; height++ {
		b := s.Begin(height)
		b.Stamp(store.Hash{}, time.Now().UnixMilli()-1)
		for range min(perBlock, entries-seq) {
			binary.BigEndian.PutUint64(envelope, seq)
			b.Append(sha256.Sum256(envelope), slices.Clone(envelope))
			if seq%(entries/matters) == 0 {
				binary.BigEndian.PutUint64(matter.Head[:], seq)
				b.Set(row.MatterKey(seq), matter.Encode())
			}
			seq++
		}
		if _, err := b.Commit(); err != nil {
			return err
		}
	}
	return nil
}

// sealed is the header of a height with the signatures of three of four validators,
// and the trust root they are in.
func sealed(height int64, appHash []byte) (b receipt.SignedBlock, t *receipt.Trust, err error) {
	const power = 1
	var validators []receipt.Validator
	var set []*cmttypes.Validator
	keys := make(map[string]ed25519.PrivKey)
	for i := range 4 {
		k := ed25519.GenPrivKeyFromSecret(fmt.Appendf(nil, "validator %d", i))
		pub := k.PubKey()
		keys[string(pub.Address())] = k
		set = append(set, cmttypes.NewValidator(pub, power))
		validators = append(validators, receipt.Validator{PubKey: [32]byte(pub.Bytes()), Power: power})
	}
	if t, err = receipt.NewTrust(chainID, 1, validators); err != nil {
		return b, nil, err
	}
	vals := cmttypes.NewValidatorSet(set)
	some := func(what string) []byte { d := sha256.Sum256([]byte(what)); return d[:] }
	now := time.Now().UTC()
	h := receipt.Header{
		BlockVersion: cmtversion.BlockProtocol, AppVersion: app.ProtocolVersion,
		ChainID: chainID, Height: height, Time: receipt.TimeOf(now),
		LastBlockID:    receipt.BlockID{Hash: some("block"), PartsTotal: 1, PartsHash: some("parts")},
		LastCommitHash: some("commit"), DataHash: some("data"), ValidatorsHash: vals.Hash(), NextValidatorsHash: vals.Hash(),
		ConsensusHash: some("consensus"), AppHash: appHash, LastResultsHash: some("results"), EvidenceHash: some(""),
		ProposerAddress: vals.Validators[0].Address,
	}
	hash := h.Hash()
	b = receipt.SignedBlock{Header: h, Commit: receipt.Commit{PartsTotal: 1, PartsHash: some("parts")}}
	for i, v := range vals.Validators[:3] {
		vote := &cmttypes.Vote{
			Type: cmtproto.PrecommitType, Height: height, Timestamp: now,
			BlockID: cmttypes.BlockID{Hash: hash[:], PartSetHeader: cmttypes.PartSetHeader{Total: 1, Hash: some("parts")}},
		}
		sig, err := keys[string(v.Address)].Sign(cmttypes.VoteSignBytes(chainID, vote.ToProto()))
		if err != nil {
			return b, nil, err
		}
		b.Commit.Signatures = append(b.Commit.Signatures, receipt.Signature{Validator: i, Time: receipt.TimeOf(now), Sig: sig})
	}
	return b, t, nil
}

func receiptBytes(ctx context.Context, b *bench) (pair, error) {
	r, err := b.makeReceipts(ctx)
	if err != nil {
		return pair{}, err
	}
	return pair{float64(len(r.compact)), receiptBound}, nil
}

func receiptBytesParts(b *bench) []part {
	return []part{{"full", "B", pair{float64(len(b.receipts.full)), receiptBound}}}
}

// receiptVerify measures the full form, which is what submission answers.
func receiptVerify(ctx context.Context, b *bench) (pair, error) {
	r, err := b.makeReceipts(ctx)
	if err != nil {
		return pair{}, err
	}
	for _, form := range []struct {
		receipt []byte
		verdict receipt.Verdict
		seconds *float64
	}{
		{r.full, receipt.Verified, &r.verifyFull},
		{r.compact, receipt.Warned, &r.verifyCompact}, // it does not prove accounts and policy
	} {
		if *form.seconds, err = r.verify(form.receipt, form.verdict, b.scale.verifying); err != nil {
			return pair{}, err
		}
	}
	return pair{r.verifyFull, verifyBound}, nil
}

func receiptVerifyParts(b *bench) []part {
	return []part{{"compact", "s", pair{b.receipts.verifyCompact, verifyBound}}}
}

// verify returns the median time, in seconds, that a verification takes.
func (r *receipts) verify(b []byte, want receipt.Verdict, during time.Duration) (float64, error) {
	var took []float64
	for end := time.Now().Add(during); time.Now().Before(end); {
		begin := time.Now()
		report := receipt.Verify(b, r.trust, receipt.Options{WantID: r.id})
		took = append(took, time.Since(begin).Seconds())
		if report.Verdict != want {
			return 0, fmt.Errorf("verdict %s, want %s:\n%s", report.Verdict, want, report.Text(receipt.EN))
		}
	}
	slices.Sort(took)
	return at(took, 0.5), nil
}
