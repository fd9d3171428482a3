package state

import (
	"bytes"
	"cmp"
	"slices"

	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// The validator set moves towards what governance wants in steps at the end of
// blocks. A mistake there halts every node, so a step is built so that it
// cannot be one: it names each key once, removes only who is in, leaves most of
// the set as it is, waits until the step before is in force, and leaves three
// quarters of the power with validators that are seen to sign.

const (
	// stepBlocks is how long a step takes: what the end of block H says is the
	// set that signs block H+2.
	stepBlocks = 2
	// seenBlocks is how long a validator counts as present after it was seen to
	// sign. A commit needs two thirds of the votes and often has no more, so one
	// block says little about who is absent.
	seenBlocks = 20
)

// changeValidator enacts gov.validator: the power that a validator is to have.
// A new one counts only when its member says that it is ready.
func (c *Ctx) changeValidator(b *tx.ValidatorChange) ([]write, error) {
	if m := c.Dir.members[b.Member]; m == nil || m.Left {
		return nil, refuse(tx.CodeNoMember, "body.member", string(b.Member))
	}
	v := c.Dir.validator(b.Key)
	switch {
	case v == nil && b.Power == 0:
		return nil, refuse(tx.CodeNoValidator, "body.key", "")
	case v == nil && len(c.Dir.validators) >= maxValidators:
		return nil, refuse(tx.CodeFull, "body.key", "")
	case v == nil:
		return []write{validatorRow(b.Key, row.Validator{Member: b.Member, Since: c.Height, Target: b.Power})}, nil
	case v.Member != "" && v.Member != b.Member:
		return nil, refuse(tx.CodeNoValidator, "body.member", "it is a validator of "+string(v.Member))
	case v.Member == b.Member && v.Target == b.Power:
		return nil, refuse(tx.CodeNothing, "body.power", "")
	case b.Power == 0 && !c.Dir.keepsValidator(func(w *Validator) bool { return w.Key == b.Key }):
		return nil, refuse(tx.CodeLastValidator, "body.power", "")
	}
	next := v.Validator
	next.Member = b.Member
	if next.Target != b.Power {
		next.Target, next.Since = b.Power, c.Height
	}
	return []write{validatorRow(b.Key, next)}, nil
}

// ready enacts gov.ready: the member of an approved validator says that its
// node has caught up. Nothing in a block shows whether a node that does not
// sign yet is in step, so its member answers for it.
func (c *Ctx) ready(m tx.MemberID, b *tx.Ready) ([]write, error) {
	v := c.Dir.validator(b.Key)
	if v == nil || v.Ready || v.Member != m {
		return nil, refuse(tx.CodeNoValidator, "body.key", "want an approved validator of this member")
	}
	next := v.Validator
	next.Ready, next.Since = true, c.Height
	return []write{validatorRow(b.Key, next)}, nil
}

// rotate enacts gov.rotate: the new key takes the place and power of the old one.
func (c *Ctx) rotate(m tx.MemberID, b *tx.KeyRotation) ([]write, error) {
	v := c.Dir.validator(b.Key)
	switch {
	case v == nil || !v.Ready || v.Member != m || v.Target == 0:
		return nil, refuse(tx.CodeNoValidator, "body.key", "want a validator of this member")
	case c.Dir.validator(b.New) != nil:
		return nil, refuse(tx.CodeExists, "body.new", "")
	case len(c.Dir.validators) >= maxValidators:
		return nil, refuse(tx.CodeFull, "body.new", "")
	}
	old, next := v.Validator, v.Validator
	old.Target, old.Since = 0, c.Height
	next.Power, next.Seen, next.Since = 0, 0, c.Height
	return []write{validatorRow(b.Key, old), validatorRow(b.New, next)}, nil
}

// dismiss returns the rows by which a member's validators are to go.
func (c *Ctx) dismiss(m tx.MemberID) (writes []write, err error) {
	for i := range c.Dir.validators {
		if v := &c.Dir.validators[i]; v.Member == m && v.Target != 0 {
			next := v.Validator
			next.Target, next.Since = 0, c.Height
			writes = append(writes, validatorRow(v.Key, next))
		}
	}
	if len(writes) > 0 && !c.Dir.keepsValidator(func(v *Validator) bool { return v.Member == m }) {
		return nil, refuse(tx.CodeLastValidator, "body.id", "")
	}
	return writes, nil
}

// keepsValidator reports whether a validator that can be counted on is wanted
// besides those that go.
func (d *Directory) keepsValidator(goes func(*Validator) bool) bool {
	for i := range d.validators {
		if v := &d.validators[i]; v.Ready && v.Target > 0 && !goes(v) {
			return true
		}
	}
	return false
}

// validatorRow writes a validator, or deletes it when it neither has power nor
// is to have any.
func validatorRow(k tx.ValidatorKey, v row.Validator) write {
	if v.Power == 0 && v.Target == 0 {
		return write{row.ValidatorKey(k), nil}
	}
	return write{row.ValidatorKey(k), v.Encode()}
}

// A Power is one change of the validator set.
type Power struct {
	Key   tx.ValidatorKey
	Power int64 // 0 removes
}

// queue lists the validators whose power is to change: first come first served,
// of those that came together who grows first, so that a rotation does not
// lower the power in between, and then by key.
func (d *Directory) queue() (queue []Validator) {
	for _, v := range d.validators {
		if v.Ready && v.Power != v.Target {
			queue = append(queue, v)
		}
	}
	shrinks := func(v *Validator) int {
		if v.Target < v.Power {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(queue, func(a, b Validator) int { return cmp.Or(cmp.Compare(a.Since, b.Since), shrinks(&a)-shrinks(&b)) })
	return queue
}

// present reports whether the validator was lately seen to sign.
func (c *Ctx) present(v *Validator) bool { return v.Seen != 0 && c.Height-v.Seen <= seenBlocks }

// noteSigners returns the rows that say who signed the last block, given by
// address. Only while the set is to change does it matter, and then not in
// every block.
func (c *Ctx) noteSigners(signed [][20]byte) (writes []write) {
	if len(c.Dir.queue()) == 0 {
		return nil
	}
	for _, v := range c.Dir.validators {
		if slices.Contains(signed, v.Key.Address()) && (v.Seen == 0 || c.Height-v.Seen > seenBlocks/2) {
			v.Seen = c.Height
			writes = append(writes, validatorRow(v.Key, v.Validator))
		}
	}
	return writes
}

// stepValidators returns the next step of the validator set, ascending by key,
// and its rows. Less than a third of the power comes and less than a third
// goes, so that a light client and the validators who stay carry on; and
// afterwards at least three quarters is with those present, so that the chain
// goes on even if nobody who is new ever signs. What does not fit waits for the
// next step, and a change that is too large for one step is spread over several.
func (c *Ctx) stepValidators() (step []Power, writes []write) {
	queue := c.Dir.queue()
	if len(queue) == 0 || c.Dir.stepped != 0 && c.Height < c.Dir.stepped+stepBlocks {
		return nil, nil
	}
	var total, here int64 // power of all, and of those present
	for i := range c.Dir.validators {
		v := &c.Dir.validators[i]
		total += v.Power
		if c.present(v) {
			here += v.Power
		}
	}
	if 3*here <= 2*total { // who signs is not known yet: every commit has two thirds
		return nil, nil
	}
	up := (total - 1) / 3
	down := up
	for _, v := range queue {
		present, spare := c.present(&v), max(4*here-3*total, 0)
		d := min(max(v.Target-v.Power, -down), up)
		switch {
		case d > 0 && !present: // 4·here ≥ 3·(total+d)
			d = min(d, spare/3)
		case d < 0 && present: // 4·(here+d) ≥ 3·(total+d)
			d = max(d, -spare)
		}
		if d == 0 {
			continue
		}
		if v.Power += d; d > 0 {
			up -= d
		} else {
			down += d
		}
		total += d
		if present {
			here += d
		}
		step = append(step, Power{v.Key, v.Power})
		writes = append(writes, validatorRow(v.Key, v.Validator))
	}
	if len(step) == 0 {
		return nil, nil
	}
	slices.SortFunc(step, func(a, b Power) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	return step, append(writes, write{row.StepKey(), row.Step{Height: c.Height}.Encode()})
}
