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
// the set as it is, and waits until the step before is in force.

// stepBlocks is how long a step takes: what the end of block H says is the set
// that signs block H+2.
const stepBlocks = 2

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
	next.Power, next.Since = 0, c.Height
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

// stepValidators returns the next step of the validator set, ascending by key,
// and its rows. Less than a third of the power comes and less than a third
// goes, so that a light client and the validators who stay carry on; what does
// not fit waits for the next step, first come first served, and a change that
// is too large for one step is spread over several.
func (c *Ctx) stepValidators() (step []Power, writes []write) {
	if c.Dir.stepped != 0 && c.Height < c.Dir.stepped+stepBlocks {
		return nil, nil
	}
	var queue []Validator
	total := int64(0)
	for _, v := range c.Dir.validators {
		total += v.Power
		if v.Ready && v.Power != v.Target {
			queue = append(queue, v)
		}
	}
	slices.SortStableFunc(queue, func(a, b Validator) int { return cmp.Compare(a.Since, b.Since) })
	up := max(total-1, 0) / 3
	down := up
	for _, v := range queue {
		d := min(max(v.Target-v.Power, -down), up)
		if d == 0 {
			continue
		}
		if v.Power += d; d > 0 {
			up -= d
		} else {
			down += d
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
