package receipt

import (
	"bytes"
	"errors"
	"fmt"

	"zhenglian/app/tx"
)

// ErrPresent is returned by VerifyAbsence for a key that the proof shows to be
// present.
var ErrPresent = errors.New("the key is present")

// VerifyRow checks that p proves the row of key in the state after block
// p.Height, and returns its value, nil when it proves that there is none. key
// comes from the question that was asked, never from the proof.
func VerifyRow(p *StateProof, key []byte, t *Trust) (value []byte, err error) {
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("state proof: %w", err)
	}
	if !bytes.Equal(p.Row.Key, key) {
		return nil, fmt.Errorf("state proof: it is of key %x, not %x", p.Row.Key, key)
	}
	h := p.Head()
	if err := h.verify(t); err != nil {
		return nil, fmt.Errorf("state proof: %w", err)
	}
	if err := p.Row.verify(p.StateRoot); err != nil {
		return nil, fmt.Errorf("state proof: %w", err)
	}
	return p.Row.Value, nil
}

// Head returns the proof without its row.
func (p *StateProof) Head() *StateHead {
	return &StateHead{V: p.V, Chain: p.Chain, Height: p.Height, LogSize: p.LogSize, LogRoot: p.LogRoot, StateRoot: p.StateRoot, Block: p.Block}
}

// Verify checks that the roots of h are those of the chain after block h.Height.
// What is then proven under h.StateRoot holds at that height.
func (h *StateHead) Verify(t *Trust) error {
	err := h.check()
	if err == nil {
		err = h.verify(t)
	}
	if err != nil {
		return fmt.Errorf("state head: %w", err)
	}
	return nil
}

func (h *StateHead) verify(t *Trust) error {
	if h.Chain != t.Chain {
		return fmt.Errorf("it is of chain %q, not %q", h.Chain, t.Chain)
	}
	if _, err := h.Block.verify(t, h.Height+1); err != nil {
		return err
	}
	if got := appHash(h.LogSize, h.LogRoot, h.StateRoot); !bytes.Equal(got[:], h.Block.Header.AppHash) {
		return errors.New("its roots are not those of the block")
	}
	return nil
}

// Verify checks that the row has its value, or is absent when Value is nil,
// under a state root that is known already: of a [StateHead] that was verified.
// Many rows of one state are checked this way without checking its block again.
func (r *Row) Verify(root tx.Digest) error {
	err := checkRows([]Row{*r})
	if err == nil {
		err = r.verify(root)
	}
	if err != nil {
		return fmt.Errorf("row: %w", err)
	}
	return nil
}

// VerifyAbsence checks that p proves that key has no row in the state after
// block p.Height.
func VerifyAbsence(p *StateProof, key []byte, t *Trust) error {
	value, err := VerifyRow(p, key, t)
	if err == nil && value != nil {
		err = fmt.Errorf("state proof: %w", ErrPresent)
	}
	return err
}
