package receipt

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"zhenglian/app/apptest"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/genesis"

	"github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/crypto/tmhash"
	cmtversion "github.com/cometbft/cometbft/proto/tendermint/version"
	"github.com/cometbft/cometbft/types"
	"github.com/emmansun/gmsm/sm3"
)

// A ledger is the real application in memory, with validators that sign headers
// for its blocks. The same calls make the same bytes.
type ledger struct {
	*apptest.Chain
	set     *types.ValidatorSet
	signers []types.PrivValidator
	trust   *Trust
}

// newLedger has four validators of power 10. Statements wait five blocks.
func newLedger(t testing.TB, options ...func(*genesis.State)) *ledger {
	t.Helper()
	l := &ledger{}
	short := func(s *genesis.State) { s.Params.PendingBlocks = 5 }
	l.Chain = apptest.New(t, append([]func(*genesis.State){short}, options...)...)
	l.set, l.signers = fixedSet(10, 10, 10, 10)
	l.trust = fromSet(t, apptest.ChainID, l.set)
	l.Block()
	return l
}

func fixedSet(powers ...int64) (*types.ValidatorSet, []types.PrivValidator) {
	byAddress := map[string]types.PrivValidator{}
	var vals []*types.Validator
	for i, p := range powers {
		pv := types.NewMockPVWithParams(ed25519.GenPrivKeyFromSecret(fmt.Appendf(nil, "validator %d", i)), false, false)
		byAddress[string(pv.PrivKey.PubKey().Address())] = pv
		vals = append(vals, types.NewValidator(pv.PrivKey.PubKey(), p))
	}
	set := types.NewValidatorSet(vals)
	var signers []types.PrivValidator
	for _, v := range set.Validators {
		signers = append(signers, byAddress[string(v.Address)])
	}
	return set, signers
}

// header is the header of height, with everything filled in as on a real chain.
func (l *ledger) header(height int64) *types.Header {
	some := func(what string) []byte { return tmhash.Sum(fmt.Appendf(nil, "%s %d", what, height)) }
	return &types.Header{
		Version: cmtversion.Consensus{Block: 11, App: 1}, ChainID: apptest.ChainID, Height: height, Time: apptest.Start.Add(time.Duration(height)*time.Second + 123456789),
		LastBlockID:    types.BlockID{Hash: some("block"), PartSetHeader: types.PartSetHeader{Total: 1, Hash: some("parts")}},
		LastCommitHash: some("commit"), DataHash: some("data"), ValidatorsHash: l.set.Hash(), NextValidatorsHash: l.set.Hash(),
		ConsensusHash: some("consensus"), AppHash: l.Hashes[height-1], LastResultsHash: some("results"), EvidenceHash: tmhash.Sum(nil),
		ProposerAddress: l.set.Validators[height%int64(len(l.set.Validators))].Address,
	}
}

// sign has all validators but the last sign a header.
func (l *ledger) sign(h *types.Header) SignedBlock {
	l.T.Helper()
	c := signHeader(l.T, h, l.set, l.signers, 0, types.PartSetHeader{Total: 1, Hash: tmhash.Sum([]byte("parts"))}, func(i int) types.BlockIDFlag {
		if i == len(l.set.Validators)-1 && i > 0 {
			return types.BlockIDFlagNil
		}
		return types.BlockIDFlagCommit
	})
	return SignedBlock{Header: fromHeader(h), Commit: fromCommit(c)}
}

// at is the ledger after a block.
func (l *ledger) at(height int64) *store.View {
	l.T.Helper()
	v, err := l.App.Store().At(height)
	if err != nil {
		l.T.Fatal(err)
	}
	return v
}

func prove(t testing.TB, v *store.View, key []byte) Row {
	t.Helper()
	value, proof, err := v.Prove(key)
	if err != nil {
		t.Fatal(err)
	}
	b, err := proof.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return Row{Key: key, Value: value, Proof: b}
}

func rowsOf(t testing.TB, v *store.View, e Entry) (rows []Row) {
	t.Helper()
	keys, err := Keys(e, v.Get)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		rows = append(rows, prove(t, v, k))
	}
	return rows
}

func digests(h []store.Hash) []tx.Digest {
	out := make([]tx.Digest, len(h))
	for i := range h {
		out[i] = h[i]
	}
	return out
}

// receipt is what a node gives out for a statement.
func (l *ledger) receipt(id tx.ID) *Receipt {
	l.T.Helper()
	seq, ok, err := l.App.Store().View().Seq(store.Hash(id))
	if err != nil || !ok {
		l.T.Fatalf("statement %s: %v", id, err)
	}
	e, err := l.App.Store().View().Entry(seq)
	if err != nil {
		l.T.Fatal(err)
	}
	v := l.at(e.Height)
	path, err := v.Inclusion(seq)
	if err != nil {
		l.T.Fatal(err)
	}
	entry := Entry{Seq: seq, Height: e.Height, Envelope: e.Envelope}
	return &Receipt{V: Version, Chain: apptest.ChainID, Entry: entry, LogSize: v.Head().LogSize, LogRoot: v.Head().LogRoot, Path: digests(path),
		StateRoot: v.Head().StateRoot, Block: l.sign(l.header(e.Height + 1)), Rows: rowsOf(l.T, v, entry)}
}

// later adds the state at a later height.
func (l *ledger) later(r *Receipt, height int64) *Receipt {
	l.T.Helper()
	v := l.at(height)
	proof, err := v.Consistency(r.LogSize)
	if err != nil {
		l.T.Fatal(err)
	}
	c := *r
	c.Later = &Later{Height: height, LogSize: v.Head().LogSize, LogRoot: v.Head().LogRoot, StateRoot: v.Head().StateRoot,
		Block: l.sign(l.header(height + 1)), Consistency: digests(proof), Rows: rowsOf(l.T, v, r.Entry)}
	return &c
}

// capture is a statement of the size that a web capture with one file has.
func (l *ledger) capture() *tx.Statement {
	d := func(s string) tx.Digest { return sha256.Sum256([]byte(s)) }
	at := tx.TimeOf(apptest.Start)
	b := l.Evidence(1)
	b.Class, b.Captured = "web_capture", tx.Captured{Started: at - 4000, Ended: at - 1000, Method: "headless_chromium", Tool: "zheng/0.1 chromium/156.0", ToolSHA256: d("tool")}
	b.CaseTag, b.FieldsRoot, b.Env = d("case"), d("fields"), &tx.Env{ReportSHA256: d("env"), Result: "ok"}
	p := page()
	b.Files = []tx.File{{Bytes: p.Bytes, Media: "text/html", Role: "page", SHA256: p.SHA256, SM3: p.SM3}}
	return l.Statement("hangzhou-amr", tx.EvidenceSeal, tx.ID{}, b)
}

// pageBytes is the file that capture names.
var pageBytes = []byte("<!doctype html>\n<meta charset=utf-8>\n<title>示例店铺 Example shop</title>\n<p>“国家级”龙井茶，全网最低价！\n")

// page is what it is compared by.
func page() FileDigests {
	return FileDigests{Name: "page.html", SHA256: sha256.Sum256(pageBytes), SM3: sm3.Sum(pageBytes), Bytes: int64(len(pageBytes))}
}

// sample is a ledger of some statements and the receipt of a complete capture.
func sample(t testing.TB) (*ledger, *Receipt) {
	t.Helper()
	l := newLedger(t)
	for i := range 5 {
		l.Must(l.Seal(i))
	}
	id := l.Must(l.Sign(l.capture(), "officer1", "officer2", "city"))
	for i := range 5 {
		l.Must(l.Seal(10 + i))
	}
	return l, l.receipt(id)
}

func toJSON(t testing.TB, r *Receipt) []byte {
	t.Helper()
	b, err := r.EncodeJSON()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func toCBOR(t testing.TB, r *Receipt) []byte {
	t.Helper()
	b, err := r.EncodeCBOR()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// clone copies a receipt deeply.
func clone(t testing.TB, r *Receipt) *Receipt {
	t.Helper()
	c, err := Parse(bytes.Clone(toCBOR(t, r)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// failing lists the checks of a report that failed.
func failing(r *Report) (ids []string) {
	for i := range r.Checks {
		if r.Checks[i].Result == Fail {
			ids = append(ids, r.Checks[i].ID)
		}
	}
	return ids
}
