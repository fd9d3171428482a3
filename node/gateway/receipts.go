package gateway

import (
	"context"
	"errors"
	"fmt"

	"zhenglian/app/receipt"
	"zhenglian/app/store"
	"zhenglian/app/tx"
)

// receipts assembles receipts and proofs. Everything they say comes from the
// store at a height H and from the signed block H+1.
type receipts struct {
	chain   Chain
	flights *flights

	blocks *cache[int64, receipt.SignedBlock]
	rows   *cache[provenKey, receipt.Row]
	made   *cache[tx.ID, *made]
}

// A provenKey is a key of the state tree with a certain root. Blocks that
// complete their statements do not change the tree, so that the proofs of
// accounts, members and policies serve many receipts.
type provenKey struct {
	root store.Hash
	key  string
}

// made is a receipt as of its entry. It is never changed.
type made struct {
	receipt *receipt.Receipt
	json    []byte
}

// Sizes of the caches: a receipt takes about 10 KiB, a row about 2 KiB.
const (
	blocksKept   = 64
	rowsKept     = 2048
	receiptsKept = 512
)

func newReceipts(chain Chain, f *flights) *receipts {
	return &receipts{
		chain:   chain,
		flights: f,
		blocks:  newCache[int64, receipt.SignedBlock](blocksKept),
		rows:    newCache[provenKey, receipt.Row](rowsKept),
		made:    newCache[tx.ID, *made](receiptsKept),
	}
}

// entry returns the receipt of a log entry as of the block that accepted it,
// as soon as the next block is decided.
func (r *receipts) entry(ctx context.Context, id tx.ID, seq uint64) (*made, error) {
	if m, ok := r.made.get(id); ok {
		return m, nil
	}
	e, err := r.chain.Store().View().Entry(seq)
	if err != nil {
		return nil, err
	}
	v, err := r.chain.Store().At(e.Height)
	if err != nil {
		return nil, err
	}
	// Everything but the block is there already: gather it while we wait.
	draft, err := r.draft(v, e)
	if err != nil {
		return nil, err
	}
	if err := r.flights.await(ctx, e.Height+1); err != nil {
		return nil, err
	}
	if draft.Block, err = r.block(e.Height + 1); err != nil {
		return nil, err
	}
	m := &made{receipt: draft}
	if m.json, err = draft.EncodeJSON(); err != nil {
		return nil, fmt.Errorf("assemble receipt of %s: %w", id, err)
	}
	return r.made.put(id, m), nil
}

// draft is a receipt without its block.
func (r *receipts) draft(v *store.View, e store.Entry) (*receipt.Receipt, error) {
	head := v.Head()
	path, err := v.Inclusion(e.Seq)
	if err != nil {
		return nil, err
	}
	d := &receipt.Receipt{
		V:         receipt.Version,
		Chain:     r.chain.ChainID(),
		Entry:     receipt.Entry{Seq: e.Seq, Height: e.Height, Envelope: e.Envelope},
		LogSize:   head.LogSize,
		LogRoot:   tx.Digest(head.LogRoot),
		Path:      digests(path),
		StateRoot: tx.Digest(head.StateRoot),
	}
	if d.Rows, err = r.rowsOf(v, e); err != nil {
		return nil, err
	}
	return d, nil
}

// later adds how things stand at the newest height that a block proves, if that
// is later than the entry. It leaves m alone and returns the longer receipt.
func (r *receipts) later(m *made) (*receipt.Receipt, error) {
	v, block, err := r.newest()
	if err != nil {
		return nil, err
	}
	head, first := v.Head(), m.receipt
	if head.Height <= first.Entry.Height {
		return first, nil
	}
	proof, err := v.Consistency(first.LogSize)
	if err != nil {
		return nil, err
	}
	e := store.Entry{Seq: first.Entry.Seq, Height: first.Entry.Height, Envelope: first.Entry.Envelope}
	rows, err := r.rowsOf(v, e)
	if err != nil {
		return nil, err
	}
	longer := *first
	longer.Later = &receipt.Later{
		Height:      head.Height,
		LogSize:     head.LogSize,
		LogRoot:     tx.Digest(head.LogRoot),
		StateRoot:   tx.Digest(head.StateRoot),
		Block:       block,
		Consistency: digests(proof),
		Rows:        rows,
	}
	return &longer, nil
}

// errNoProof means that the chain is too young to prove anything: a receipt
// begins at block 1 with header 2.
var errNoProof = errors.New("no state is proven yet")

// newest returns the newest state that a decided block proves, with that block.
func (r *receipts) newest() (*store.View, receipt.SignedBlock, error) {
	s := r.chain.Store()
	head, _ := s.Head()
	return r.at(min(head.Height, r.flights.last()-1))
}

// at returns the state of a height and the block that proves it.
func (r *receipts) at(height int64) (*store.View, receipt.SignedBlock, error) {
	if height < 1 {
		return nil, receipt.SignedBlock{}, errNoProof
	}
	v, err := r.chain.Store().At(height)
	if err != nil {
		return nil, receipt.SignedBlock{}, err
	}
	b, err := r.block(height + 1)
	return v, b, err
}

// block returns a decided block's header and commit.
func (r *receipts) block(height int64) (receipt.SignedBlock, error) {
	if b, ok := r.blocks.get(height); ok {
		return b, nil
	}
	b, err := r.chain.SignedBlock(height)
	if err != nil {
		return b, fmt.Errorf("signed block %d: %w", height, err)
	}
	return r.blocks.put(height, b), nil
}

// state proves one row of the newest proven state, or its absence.
func (r *receipts) state(key []byte) (*receipt.StateProof, error) {
	v, block, err := r.newest()
	if err != nil {
		return nil, err
	}
	return r.proof(v, block, key)
}

// proof proves one row of a state, or its absence; block is that of the next height.
func (r *receipts) proof(v *store.View, block receipt.SignedBlock, key []byte) (*receipt.StateProof, error) {
	row, err := r.row(v, key)
	if err != nil {
		return nil, err
	}
	head := v.Head()
	return &receipt.StateProof{
		V:         receipt.Version,
		Chain:     r.chain.ChainID(),
		Height:    head.Height,
		LogSize:   head.LogSize,
		LogRoot:   tx.Digest(head.LogRoot),
		StateRoot: tx.Digest(head.StateRoot),
		Block:     block,
		Row:       row,
	}, nil
}

// rowsOf proves the rows that a receipt for the entry carries, under v's state.
func (r *receipts) rowsOf(v *store.View, e store.Entry) ([]receipt.Row, error) {
	keys, err := receipt.Keys(receipt.Entry{Seq: e.Seq, Height: e.Height, Envelope: e.Envelope}, v.Get)
	if err != nil {
		return nil, err
	}
	rows := make([]receipt.Row, len(keys))
	for i, key := range keys {
		if rows[i], err = r.row(v, key); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// row proves a row of the state, or its absence.
func (r *receipts) row(v *store.View, key []byte) (receipt.Row, error) {
	at := provenKey{v.Head().StateRoot, string(key)}
	if row, ok := r.rows.get(at); ok {
		return row, nil
	}
	value, proof, err := v.Prove(key)
	if err != nil {
		return receipt.Row{}, err
	}
	b, err := proof.Marshal()
	if err != nil {
		return receipt.Row{}, fmt.Errorf("encode proof of %x: %w", key, err)
	}
	return r.rows.put(at, receipt.Row{Key: key, Value: value, Proof: b}), nil
}

func digests(h []store.Hash) []tx.Digest {
	d := make([]tx.Digest, len(h))
	for i := range h {
		d[i] = tx.Digest(h[i])
	}
	return d
}
