package receipt

import (
	"errors"
	"fmt"
	"slices"
)

// A Change is one change of the validators, proved by those before it: the last
// block that they decided, with the signatures of more than two thirds of their
// power. Its header names the next set by its hash (next_validators_hash), which
// is in office from the next height on.
//
// So a trust root that was handed over once grows with the chain, and whoever
// brings it up to date is believed nothing.
type Change struct {
	Block      SignedBlock
	Validators []Validator // in CometBFT's order, in office from Block.Header.Height+1 on
}

// Bounds of a trust file.
const (
	MaxTrust   = 64 << 20 // bytes of it
	maxChanges = 10_000
)

// validatorsAt are the validators in office at a height, as far as t knows.
func (t *Trust) validatorsAt(height int64) []Validator { return t.before(t.changesBefore(height)) }

// changesBefore counts the changes that were in office at a height.
func (t *Trust) changesBefore(height int64) (n int) {
	for n < len(t.Changes) && t.Changes[n].Block.Header.Height < height {
		n++
	}
	return n
}

// before are the validators after n changes.
func (t *Trust) before(n int) []Validator {
	if n == 0 {
		return t.Validators
	}
	return t.Changes[n-1].Validators
}

// checkChanges verifies the changes from number first on.
func (t *Trust) checkChanges(first int) error {
	if len(t.Changes) > maxChanges {
		return fmt.Errorf("%d changes; the limit is %d", len(t.Changes), maxChanges)
	}
	for i := first; i < len(t.Changes); i++ {
		if err := t.checkChange(i); err != nil {
			return fmt.Errorf("change %d: %w", i, err)
		}
	}
	return nil
}

func (t *Trust) checkChange(i int) error {
	c := &t.Changes[i]
	if err := c.Block.check(); err != nil {
		return err
	}
	if err := checkValidators(c.Validators); err != nil {
		return err
	}
	h := c.Block.Header.Height
	if h < t.Height || i > 0 && h <= t.Changes[i-1].Block.Header.Height {
		return fmt.Errorf("height %d is out of order", h)
	}
	if _, err := c.Block.verifyBy(t.Chain, t.before(i), h); err != nil {
		return err
	}
	if next := validatorsHash(c.Validators); string(next[:]) != string(c.Block.Header.NextValidatorsHash) {
		return errors.New("the block names other validators as the next ones")
	}
	return nil
}

// Extend returns t with the changes that newer knows besides, each verified by
// the validators before it. Nothing else of newer is believed. It is t itself
// when newer knows nothing more.
func (t *Trust) Extend(newer *Trust) (*Trust, error) {
	if newer.Chain != t.Chain {
		return nil, fmt.Errorf("trust root: it is of chain %q, not %q", newer.Chain, t.Chain)
	}
	from := t.Height
	if n := len(t.Changes); n > 0 {
		from = t.Changes[n-1].Block.Header.Height + 1
	}
	out := *t
	out.Changes = slices.Clone(t.Changes)
	for _, c := range newer.Changes {
		if c.Block.Header.Height >= from {
			out.Changes = append(out.Changes, c)
		}
	}
	if len(out.Changes) == len(t.Changes) {
		return t, nil
	}
	if err := out.checkChanges(len(t.Changes)); err != nil {
		return nil, fmt.Errorf("trust root: %w", err)
	}
	return &out, nil
}

// Root returns t without its changes: what was handed over, and what people
// compare by its fingerprint.
func (t *Trust) Root() *Trust {
	r := *t
	r.Changes = nil
	return &r
}

// Latest is the height from which on the last validators that t knows are in
// office, and how many changes led to them.
func (t *Trust) Latest() (height int64, changes int) {
	if n := len(t.Changes); n > 0 {
		return t.Changes[n-1].Block.Header.Height + 1, n
	}
	return t.Height, 0
}

// NewChange makes the change that a block brings, of which before are the
// validators who signed it; t knows them. It is t's next one.
func (t *Trust) NewChange(b SignedBlock, validators []Validator) (*Trust, error) {
	out := *t
	out.Changes = append(slices.Clone(t.Changes), Change{b, slices.Clone(validators)})
	if err := out.checkChanges(len(t.Changes)); err != nil {
		return nil, fmt.Errorf("trust root: %w", err)
	}
	return &out, nil
}
