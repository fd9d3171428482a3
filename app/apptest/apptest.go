// Package apptest is an in-memory chain for tests: the real application on a
// database in memory, with blocks made by hand. Keys and block times are fixed,
// so the same calls give the same app hashes everywhere.
package apptest

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	abci "github.com/cometbft/cometbft/abci/types"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmttypes "github.com/cometbft/cometbft/types"

	"zhenglian/app"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/genesis"
)

// ChainID is the id of every test chain.
const ChainID = "zhenglian-test"

// Start is the time of block 1; block n follows n−1 seconds later.
var Start = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// Validators are the members who run the four validators of every test chain;
// each has power 10.
var Validators = []tx.MemberID{"hangzhou-amr", "xianyang-amr", "platform-a", "internet-court"}

// ValidatorKey is the n-th validator key: the first four are in the genesis file.
func ValidatorKey(n int) tx.ValidatorKey {
	seed := sha256.Sum256(fmt.Appendf(nil, "apptest validator %d", n))
	return tx.ValidatorKey(ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey))
}

// A Chain is an application with the example consortium and its keys.
type Chain struct {
	T       testing.TB
	App     *app.App
	Config  app.Config // of the next Open; Dir and Store are the chain's own
	Genesis *genesis.State
	Set     *cmttypes.ValidatorSet      // as CometBFT would have it two blocks later
	Last    *abci.ResponseFinalizeBlock // of the last block
	Absent  map[tx.ValidatorKey]bool    // validators that do not sign
	Keys    map[string]*tx.PrivateKey   // by name of genesis.DemoKeys
	Height  int64
	Skipped time.Duration // by how much later than Start says the next block is
	Hashes  [][]byte      // app hash of each block, [0] of genesis
	FS      vfs.FS
	sets    []*cmttypes.ValidatorSet // Set after each block
}

// Key returns a fixed key for a name.
func Key(t testing.TB, name string, typ tx.KeyType) *tx.PrivateKey {
	t.Helper()
	seed := sha256.Sum256([]byte("apptest " + name))
	k, err := tx.NewPrivateKey(typ, seed[:])
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// New begins a chain. Options change the genesis state before it is used.
func New(t testing.TB, options ...func(*genesis.State)) *Chain {
	t.Helper()
	c := &Chain{T: t, Keys: make(map[string]*tx.PrivateKey), FS: vfs.NewMem(), Absent: make(map[tx.ValidatorKey]bool)}
	g, err := genesis.Demo(func(d genesis.DemoKey) (tx.PublicKey, error) {
		c.Keys[d.Name] = Key(t, d.Name, d.Type)
		return c.Keys[d.Name].Public(), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range Validators {
		g.Validators = append(g.Validators, genesis.Validator{Key: ValidatorKey(i), Member: m})
	}
	for _, o := range options {
		o(g)
	}
	g.Sort()
	if err := g.Validate(); err != nil {
		t.Fatal(err)
	}
	c.Genesis = g
	c.App = c.Open()
	c.Begin()
	t.Cleanup(func() { c.App.Close() })
	return c
}

// Open opens another application on the chain's file system.
func (c *Chain) Open() *app.App {
	c.T.Helper()
	config := c.Config
	config.Dir, config.Store = "ledger", store.Options{FS: c.FS}
	a, err := app.New(config)
	if err != nil {
		c.T.Fatal(err)
	}
	return a
}

// Reopen closes the application, as a restart does, and opens it again.
func (c *Chain) Reopen() {
	c.T.Helper()
	if err := c.App.Close(); err != nil {
		c.T.Fatal(err)
	}
	c.App = c.Open()
}

// Begin sends InitChain.
func (c *Chain) Begin() {
	c.T.Helper()
	b, err := json.Marshal(c.Genesis)
	if err != nil {
		c.T.Fatal(err)
	}
	var vs []abci.ValidatorUpdate
	for i := range Validators {
		k := ValidatorKey(i)
		vs = append(vs, abci.Ed25519ValidatorUpdate(k[:], 10))
	}
	r, err := c.App.InitChain(context.Background(), &abci.RequestInitChain{ChainId: ChainID, AppStateBytes: b, Time: Start, Validators: vs})
	if err != nil {
		c.T.Fatal(err)
	}
	c.Set = cmttypes.NewValidatorSet(nil)
	c.update(vs)
	c.sets = []*cmttypes.ValidatorSet{c.Set.Copy()}
	c.Hashes = [][]byte{r.AppHash}
}

// update changes the validator set as CometBFT does, which halts where this fails.
func (c *Chain) update(updates []abci.ValidatorUpdate) {
	c.T.Helper()
	vs, err := cmttypes.PB2TM.ValidatorUpdates(updates)
	if err == nil {
		err = c.Set.UpdateWithChangeSet(vs)
	}
	if err != nil {
		c.T.Fatalf("block %d: CometBFT would halt: %v", c.Height, err)
	}
}

// BlockHash is the made-up header hash of a block.
func BlockHash(height int64) tx.Digest {
	return sha256.Sum256(binary.BigEndian.AppendUint64([]byte("apptest block"), uint64(height)))
}

// Now is the time of the next block.
func (c *Chain) Now() time.Time {
	return Start.Add(time.Duration(c.Height)*time.Second + c.Skipped)
}

// Request is the FinalizeBlock of the next block with the given transactions.
func (c *Chain) Request(txs ...[]byte) *abci.RequestFinalizeBlock {
	h := BlockHash(c.Height + 1)
	return &abci.RequestFinalizeBlock{Height: c.Height + 1, Hash: h[:], DecidedLastCommit: c.lastCommit(), Time: c.Now(), Txs: txs}
}

// lastCommit is the commit of the last block, by the set that the third last
// and those before it left.
func (c *Chain) lastCommit() (ci abci.CommitInfo) {
	if c.Height == 0 {
		return ci
	}
	for _, v := range c.sets[max(0, c.Height-2)].Validators {
		flag := cmtproto.BlockIDFlagCommit
		if c.Absent[tx.ValidatorKey(v.PubKey.Bytes())] {
			flag = cmtproto.BlockIDFlagAbsent
		}
		ci.Votes = append(ci.Votes, abci.VoteInfo{Validator: abci.Validator{Address: v.Address, Power: v.VotingPower}, BlockIdFlag: flag})
	}
	return ci
}

// Block runs a block of transactions and returns its results.
func (c *Chain) Block(txs ...[]byte) []*abci.ExecTxResult {
	c.T.Helper()
	r, err := c.App.FinalizeBlock(context.Background(), c.Request(txs...))
	if err != nil {
		c.T.Fatal(err)
	}
	if _, err := c.App.Commit(context.Background(), &abci.RequestCommit{}); err != nil {
		c.T.Fatal(err)
	}
	c.Height++
	if c.Last = r; len(r.ValidatorUpdates) > 0 {
		c.update(r.ValidatorUpdates)
	}
	c.sets = append(c.sets, c.Set.Copy())
	c.Hashes = append(c.Hashes, r.AppHash)
	return r.TxResults
}

// Deliver runs a block of one envelope and returns its code.
func (c *Chain) Deliver(e *tx.Envelope) tx.Code {
	c.T.Helper()
	return tx.Code(c.Block(e.AppendWire(nil))[0].Code)
}

// Must is Deliver that wants acceptance; it returns the statement's id.
func (c *Chain) Must(e *tx.Envelope) tx.ID {
	c.T.Helper()
	r := c.Block(e.AppendWire(nil))[0]
	if r.Code != 0 {
		c.T.Fatalf("refused: %s", r.Log)
	}
	return e.ID()
}

// Statement fills the header of a statement for the next block.
func (c *Chain) Statement(member tx.MemberID, kind tx.Kind, prev tx.ID, body tx.Body) *tx.Statement {
	return &tx.Statement{Chain: ChainID, Kind: kind, Member: member, At: tx.TimeOf(c.Now()),
		Expires: c.Height + 1000, Prev: prev, Body: body}
}

// Evidence is a valid body of evidence.seal; n makes it different from others.
// It is anchored in the last block, so there must be one.
func (c *Chain) Evidence(n int) *tx.Evidence {
	d := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))
	at := tx.TimeOf(Start)
	return &tx.Evidence{
		Anchor:   tx.Anchor{Hash: BlockHash(c.Height), Height: c.Height},
		Captured: tx.Captured{Started: at, Ended: at, Method: "upload", Tool: "apptest", ToolSHA256: d},
		Class:    "file",
		Files:    []tx.File{{Bytes: int64(n), Media: "image/png", Role: "page", SHA256: d, SM3: d}},
	}
}

// Batch is a valid body of evidence.batch for a root; it is anchored as Evidence is.
func (c *Chain) Batch(count int64, list, root tx.Digest) *tx.Batch {
	e := c.Evidence(0)
	return &tx.Batch{Anchor: e.Anchor, Captured: e.Captured, Count: count, List: list, Root: root}
}

// Sign encodes and signs a statement with keys by name.
func (c *Chain) Sign(s *tx.Statement, names ...string) *tx.Envelope {
	c.T.Helper()
	b, err := s.Encode()
	if err != nil {
		c.T.Fatal(err)
	}
	var signers []tx.Signer
	for _, n := range names {
		if c.Keys[n] == nil {
			c.T.Fatalf("no key %q", n)
		}
		signers = append(signers, c.Keys[n])
	}
	e, err := tx.Seal(b, signers...)
	if err != nil {
		c.T.Fatal(err)
	}
	return e
}

// governors satisfy genesis.GovernancePolicy.
var governors = []string{"admin1", "city-admin1", "changsha-admin1", "court-admin1"}

// Govern is a complete statement of governance, stated by Hangzhou.
func (c *Chain) Govern(kind tx.Kind, body tx.Body) *tx.Envelope {
	c.T.Helper()
	return c.Sign(c.Statement("hangzhou-amr", kind, tx.ID{}, body), governors...)
}

// Own is a complete statement of what concerns Hangzhou alone.
func (c *Chain) Own(kind tx.Kind, body tx.Body) *tx.Envelope {
	c.T.Helper()
	return c.Sign(c.Statement("hangzhou-amr", kind, tx.ID{}, body), "admin1", "admin2")
}

// Credential is a new key by name, which Keys then holds.
func (c *Chain) Credential(name string, roles ...string) tx.Credential {
	c.T.Helper()
	c.Keys[name] = Key(c.T, name, tx.Secp256k1)
	return tx.Credential{Key: c.Keys[name].Public(), Roles: roles}
}

// Seal is a complete evidence.seal of the Hangzhou regulator, co-signed by a city.
func (c *Chain) Seal(n int) *tx.Envelope {
	c.T.Helper()
	return c.Sign(c.Statement("hangzhou-amr", tx.EvidenceSeal, tx.ID{}, c.Evidence(n)), "officer1", "officer2", "city")
}
