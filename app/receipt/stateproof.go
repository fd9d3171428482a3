package receipt

import (
	"bytes"
	"errors"
	"fmt"
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
	if p.Chain != t.Chain {
		return nil, fmt.Errorf("state proof: it is of chain %q, not %q", p.Chain, t.Chain)
	}
	if !bytes.Equal(p.Row.Key, key) {
		return nil, fmt.Errorf("state proof: it is of key %x, not %x", p.Row.Key, key)
	}
	if _, err := p.Block.verify(t, p.Height+1); err != nil {
		return nil, fmt.Errorf("state proof: %w", err)
	}
	if got := appHash(p.LogSize, p.LogRoot, p.StateRoot); !bytes.Equal(got[:], p.Block.Header.AppHash) {
		return nil, errors.New("state proof: its roots are not those of the block")
	}
	if err := p.Row.verify(p.StateRoot); err != nil {
		return nil, fmt.Errorf("state proof: %w", err)
	}
	return p.Row.Value, nil
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
