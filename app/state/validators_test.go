package state

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	abci "github.com/cometbft/cometbft/abci/types"
	cmttypes "github.com/cometbft/cometbft/types"
	"pgregory.net/rapid"

	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// TestSteps drives sets of validators to arbitrary targets: every step is one
// that CometBFT takes, is small, and is given time; and the targets are reached
// unless a third of the power is less than one.
func TestSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		power := rapid.OneOf(rapid.Int64Range(0, 12), rapid.Int64Range(0, tx.MaxPower))
		d := &Directory{}
		set := cmttypes.NewValidatorSet(nil)
		for i := range rapid.IntRange(1, 8).Draw(t, "known") {
			v := Validator{tx.ValidatorKey{byte(i)}, row.Validator{Power: 1 + power.Draw(t, "power"), Ready: true, Since: power.Draw(t, "since"), Target: power.Draw(t, "target")}}
			d.validators = append(d.validators, v)
			if err := change(set, []Power{{v.Key, v.Power}}); err != nil {
				t.Fatal(err)
			}
		}
		wanted := false
		for i := range rapid.IntRange(0, 4).Draw(t, "new") {
			v := Validator{tx.ValidatorKey{byte(100 + i)}, row.Validator{Ready: rapid.Bool().Draw(t, "ready"), Target: 1 + power.Draw(t, "target")}}
			d.validators = append(d.validators, v)
			wanted = wanted || v.Ready
		}
		for _, v := range d.validators {
			wanted = wanted || v.Power > 0 && v.Target > 0
		}
		if !wanted { // changeValidator and dismiss see to it
			d.validators[0].Target = 1
		}
		c := &Ctx{Dir: d, Height: 10}
		quiet := 0
		for quiet < 3 {
			c.Height++
			for i := range c.Dir.validators { // who has power signs
				if v := &c.Dir.validators[i]; v.Power > 0 {
					v.Seen = c.Height
				}
			}
			step, writes := c.stepValidators()
			if c.Dir.stepped != 0 && c.Height < c.Dir.stepped+2 && len(step) > 0 {
				t.Fatalf("a step at %d after that at %d", c.Height, c.Dir.stepped)
			}
			if len(step) == 0 {
				quiet++
				continue
			}
			quiet = 0
			checkStep(t, set, step)
			next, err := c.Dir.with(writes)
			if err != nil {
				t.Fatal(err)
			}
			c.Dir = next
		}
		for _, v := range c.Dir.validators {
			if v.Ready && v.Power != v.Target && set.TotalVotingPower() > 3 {
				t.Errorf("%x stays at %d, want %d, of %d", v.Key[0], v.Power, v.Target, set.TotalVotingPower())
			}
			if !v.Ready && v.Power != 0 {
				t.Errorf("%x has power and is not ready", v.Key[0])
			}
		}
	})
}

// TestStepsOfTheDead adds validators that never sign: those who do keep three
// quarters of the power, and with it the chain.
func TestStepsOfTheDead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		power := rapid.Int64Range(1, 40)
		c := &Ctx{Dir: &Directory{}, Height: 10}
		for i := range rapid.IntRange(1, 12).Draw(t, "validators") {
			v := Validator{tx.ValidatorKey{byte(i)}, row.Validator{Ready: true, Since: power.Draw(t, "since"), Target: power.Draw(t, "target") - 1}}
			if i == 0 || rapid.Bool().Draw(t, "alive") {
				v.Power, v.Seen = power.Draw(t, "power"), c.Height
			}
			c.Dir.validators = append(c.Dir.validators, v)
		}
		for range 200 {
			c.Height++
			_, writes := c.stepValidators()
			next, err := c.Dir.with(writes)
			if err != nil {
				t.Fatal(err)
			}
			c.Dir = next
			var total, here int64
			for i := range c.Dir.validators {
				v := &c.Dir.validators[i]
				if total += v.Power; v.Seen != 0 {
					v.Seen = c.Height
					here += v.Power
				}
			}
			if 4*here < 3*total {
				t.Fatalf("%d of %d sign", here, total)
			}
		}
	})
}

// checkStep takes a step as CometBFT would, after checking that it is small.
func checkStep(t *rapid.T, set *cmttypes.ValidatorSet, step []Power) {
	total, up, down := set.TotalVotingPower(), int64(0), int64(0)
	for _, p := range step {
		old := int64(0)
		for _, v := range set.Validators {
			if bytes.Equal(v.PubKey.Bytes(), p.Key[:]) {
				old = v.VotingPower
			}
		}
		up, down = up+max(p.Power-old, 0), down+max(old-p.Power, 0)
	}
	if 3*up >= total || 3*down >= total {
		t.Fatalf("%d come and %d go of %d: a third or more", up, down, total)
	}
	if !slices.IsSortedFunc(step, func(a, b Power) int { return bytes.Compare(a.Key[:], b.Key[:]) }) {
		t.Fatalf("out of order: %v", step)
	}
	if err := change(set, step); err != nil {
		t.Fatalf("CometBFT would halt: %v", err)
	}
}

func change(set *cmttypes.ValidatorSet, step []Power) error {
	var updates []abci.ValidatorUpdate
	for _, p := range step {
		updates = append(updates, abci.Ed25519ValidatorUpdate(p.Key[:], p.Power))
	}
	vs, err := cmttypes.PB2TM.ValidatorUpdates(updates)
	if err != nil {
		return err
	}
	if err := set.UpdateWithChangeSet(vs); err != nil {
		return err
	}
	if set.IsNilOrEmpty() {
		return fmt.Errorf("the set is empty")
	}
	return nil
}
