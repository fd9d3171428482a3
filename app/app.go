package app

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"

	abci "github.com/cometbft/cometbft/abci/types"

	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/genesis"
)

// ProtocolVersion is the protocol version under which a chain begins. Later ones
// come by gov.upgrade.
const ProtocolVersion = 1

// Config are the settings of an App. None of them changes what it computes.
type Config struct {
	// Dir is the folder of the database.
	Dir string
	// Verified is how many checked envelopes are remembered between CheckTx
	// and FinalizeBlock. Default 20 000.
	Verified int
	// Waiting and WaitingBytes are how many envelopes wait for a block at most, and
	// their bytes: the bounds of the node's mempool, of which every member has its
	// share. 0: there are no shares.
	Waiting      int
	WaitingBytes int64
	// Rules are the rules by protocol version. Default state.Versions, those of
	// this program; a test may bring others.
	Rules map[int64]state.Rules
	// UpgradeInfo is the file that is written when the chain needs a protocol
	// version that is not in Rules, in the form that cosmovisor reads: a JSON
	// object of name, height and info. "" writes none.
	UpgradeInfo string
	// Store are the settings of the database.
	Store store.Options
	// OnBlock, if set, is called after every commit with what became of each
	// envelope. It is called on the consensus goroutine and must not block.
	OnBlock func(Block)
}

// A Block is what one committed block did, for observers.
type Block struct {
	Head    store.Head
	Results []Result
}

// A Result is what became of one envelope of a block.
type Result struct {
	ID   tx.ID // zero when the envelope could not be read
	Code tx.Code
	Seq  uint64 // of the log entry, if Code is CodeOK
	Err  error  // the refusal, if it was one
}

// App is the ledger as an ABCI application. CheckTx and Query may run on any
// number of goroutines beside the one that carries blocks.
type App struct {
	abci.BaseApplication
	store       *store.Store
	verified    *verified
	waiting     *waitingRoom
	cores       int
	rules       map[int64]state.Rules
	upgradeInfo string
	onBlock     func(Block)

	anchors   [256]atomic.Pointer[tx.Anchor]  // blocks lately named by statements, by height
	committed atomic.Pointer[state.Directory] // of the last committed state; nil before InitChain

	// Owned by the goroutine that carries blocks.
	block   *store.Block
	dir     *state.Directory     // as block leaves it
	sums    [][32]byte           // of its transactions, by which they are remembered
	stated  map[tx.MemberID]bool // who stated something in it
	time    tx.Time
	results []Result
}

// New opens the application's database, or makes one.
func New(c Config) (*App, error) {
	if c.Verified == 0 {
		c.Verified = 20_000
	}
	if c.Rules == nil {
		c.Rules = state.Versions()
	}
	if c.Store.Flat == nil {
		for _, f := range row.Flat {
			c.Store.Flat = append(c.Store.Flat, store.Family{First: byte(f[0]), Size: f[1]})
		}
	}
	s, err := store.Open(c.Dir, c.Store)
	if err != nil {
		return nil, fmt.Errorf("couldn't open the ledger's database: %w", err)
	}
	a := &App{store: s, verified: newVerified(c.Verified), waiting: newWaitingRoom(c.Waiting, c.WaitingBytes), cores: runtime.GOMAXPROCS(0), rules: c.Rules, upgradeInfo: c.UpgradeInfo, onBlock: c.OnBlock}
	if _, ok := s.Head(); ok {
		d, err := state.LoadDirectory(s.View())
		if err != nil {
			s.Close()
			return nil, err
		}
		if _, ok := c.Rules[d.Params.Protocol]; !ok {
			s.Close()
			return nil, fmt.Errorf("the database is of protocol version %d, which this program lacks", d.Params.Protocol)
		}
		a.committed.Store(d)
	}
	return a, nil
}

// Close closes the database. No block is being carried.
func (a *App) Close() error {
	if a.block != nil {
		a.block.Discard()
		a.block = nil
	}
	return a.store.Close()
}

// Store gives read access to the log and the state.
func (a *App) Store() *store.Store { return a.store }

// Directory returns the members, accounts and policies of the last committed
// state, nil before the chain has begun. Who takes a view of the store first and
// the directory then has one that knows everything the view shows.
func (a *App) Directory() *state.Directory { return a.committed.Load() }

// Info tells CometBFT where the application stands, from disk.
func (a *App) Info(context.Context, *abci.RequestInfo) (*abci.ResponseInfo, error) {
	r := &abci.ResponseInfo{Data: "zhenglian", AppVersion: ProtocolVersion}
	if h, ok := a.store.Head(); ok {
		r.AppVersion = uint64(a.committed.Load().Params.Protocol)
		r.LastBlockHeight = h.Height
		r.LastBlockAppHash = h.AppHash[:]
	}
	r.Version = fmt.Sprint(r.AppVersion)
	return r, nil
}

// InitChain writes the genesis state. CometBFT calls it again when the node
// stopped before the first block; it then answers as before.
func (a *App) InitChain(_ context.Context, r *abci.RequestInitChain) (*abci.ResponseInitChain, error) {
	g, err := genesis.Parse(r.AppStateBytes)
	if err != nil {
		return nil, err
	}
	keys, values, err := g.Rows(r.ChainId)
	if err != nil {
		return nil, err
	}
	for _, u := range r.Validators {
		k := u.PubKey.GetEd25519()
		if len(k) != len(tx.ValidatorKey{}) || u.Power < 1 {
			return nil, fmt.Errorf("genesis validator %s: want an Ed25519 key and a power", &u)
		}
		key := tx.ValidatorKey(k)
		v := row.Validator{Member: g.Owner(key), Power: u.Power, Ready: true, Target: u.Power}
		keys, values = append(keys, row.ValidatorKey(key)), append(values, v.Encode())
	}
	head, done := a.store.Head()
	if !done {
		b := a.store.Begin(0)
		for i := range keys {
			b.Set(keys[i], values[i])
		}
		if head, err = b.Hash(); err != nil {
			return nil, err
		}
		b.Stamp(head.AppHash, 0) // what an anchor of height 0 names
		if head, err = b.Commit(); err != nil {
			return nil, err
		}
	} else if head.Height != 0 {
		return nil, fmt.Errorf("the database already holds block %d; it cannot begin a chain", head.Height)
	} else if err := sameGenesis(a.store.View(), keys, values); err != nil {
		return nil, err
	}
	d, err := state.LoadDirectory(a.store.View())
	if err != nil {
		return nil, err
	}
	a.committed.Store(d)
	return &abci.ResponseInitChain{AppHash: head.AppHash[:]}, nil
}

func sameGenesis(v *store.View, keys, values [][]byte) error {
	for i := range keys {
		got, err := v.Get(keys[i])
		if err != nil {
			return err
		}
		if string(got) != string(values[i]) {
			return fmt.Errorf("the database was begun from another genesis file (row %x differs)", keys[i])
		}
	}
	return nil
}

// blockHash answers anchors from the head rows. What it reads never changes, so
// the last few answers are kept: many statements name the same block.
func (a *App) blockHash(height int64) (tx.Digest, bool, error) {
	slot := &a.anchors[uint64(height)%uint64(len(a.anchors))]
	if k := slot.Load(); k != nil && k.Height == height {
		return k.Hash, true, nil
	}
	h, err := a.store.HeadAt(height)
	switch {
	case err == nil:
		slot.Store(&tx.Anchor{Height: height, Hash: tx.Digest(h.Block)})
		return tx.Digest(h.Block), true, nil
	case isNoHeight(err):
		return tx.Digest{}, false, nil
	}
	return tx.Digest{}, false, err
}
