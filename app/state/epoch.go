package state

import (
	"fmt"

	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// changeEpoch enacts gov.epoch. A regulator opens the key of a list, hands
// copies to who must check against it, and withdraws it when it is no longer to
// be used. What is secret is between the members; the ledger says which keys
// there are, which one is in use, and who was handed a copy.
func (c *Ctx) changeEpoch(s *tx.Statement, b *tx.EpochChange) ([]write, error) {
	if m := c.Dir.members[s.Member]; m == nil || !m.Has("regulator") {
		return nil, refuse(tx.CodeEpochKeeper, "member", string(s.Member))
	}
	var all row.Epochs
	if _, err := c.row(row.EpochsKey(b.List), func(v []byte) (err error) { all, err = row.DecodeEpochs(v); return err }); err != nil {
		return nil, err
	}
	if b.Action == tx.OpenEpoch {
		return c.openEpoch(s, b, all)
	}
	e, err := c.epoch(b.List, b.Epoch)
	switch {
	case err != nil:
		return nil, err
	case e == nil:
		return nil, refuse(tx.CodeNoEpoch, "body.epoch", fmt.Sprintf("the newest of %s is %d", b.List, all.Last))
	case e.State == row.EpochWithdrawn:
		return nil, refuse(tx.CodeEpochWithdrawn, "body.epoch", fmt.Sprint(b.Epoch))
	case b.Action == tx.HandEpoch:
		return c.handEpoch(s, b)
	}
	if e.State == row.EpochActive {
		all.Active, e.Until = 0, c.Height
	}
	e.State = row.EpochWithdrawn
	return []write{{row.EpochsKey(b.List), all.Encode()}, {row.EpochKey(b.List, b.Epoch), e.Encode()}}, nil
}

// openEpoch puts a new key in the place of the active one, which from then on is
// only for entries that have its tags already.
func (c *Ctx) openEpoch(s *tx.Statement, b *tx.EpochChange, all row.Epochs) ([]write, error) {
	if b.Epoch != all.Last+1 {
		return nil, refuse(tx.CodeEpochNumber, "body.epoch", fmt.Sprintf("the next of %s is %d", b.List, all.Last+1))
	}
	writes, err := c.copies(b)
	if err != nil {
		return nil, err
	}
	own := false
	for i := range b.Copies {
		own = own || c.Dir.accounts[b.Copies[i].Account].Member == s.Member
	}
	if !own { // nobody could check the commitment, or hand out further copies
		return nil, refuse(tx.CodeEpochHolder, "body.copies", "none is for "+string(s.Member))
	}
	if all.Active != 0 {
		old, err := c.epoch(b.List, all.Active)
		if err != nil {
			return nil, err
		}
		if old == nil {
			return nil, broken{fmt.Errorf("epoch %d of %s is missing", all.Active, b.List)}
		}
		old.State, old.Until = row.EpochRetired, c.Height
		writes = append(writes, write{row.EpochKey(b.List, all.Active), old.Encode()})
	}
	return append(writes,
		write{row.EpochsKey(b.List), row.Epochs{Active: b.Epoch, Last: b.Epoch}.Encode()},
		write{row.EpochKey(b.List, b.Epoch), row.Epoch{Commitment: b.Commitment, From: c.Height, Member: s.Member, State: row.EpochActive}.Encode()}), nil
}

// handEpoch hands copies to more accounts. Only who has a copy can make others.
func (c *Ctx) handEpoch(s *tx.Statement, b *tx.EpochChange) ([]write, error) {
	holds := false
	for _, id := range c.Dir.accountsOf(s.Member) {
		found, err := c.row(row.EpochCopyKey(b.List, b.Epoch, id), func([]byte) error { return nil })
		if err != nil {
			return nil, err
		}
		if holds = found; holds {
			break
		}
	}
	if !holds {
		return nil, refuse(tx.CodeEpochHolder, "member", string(s.Member))
	}
	for i := range b.Copies {
		found, err := c.row(row.EpochCopyKey(b.List, b.Epoch, b.Copies[i].Account), func([]byte) error { return nil })
		if err != nil {
			return nil, err
		}
		if found {
			return nil, refuse(tx.CodeExists, fmt.Sprintf("body.copies[%d]", i), b.Copies[i].Account.String())
		}
	}
	return c.copies(b)
}

// copies checks for whom the copies are, and returns their rows.
func (c *Ctx) copies(b *tx.EpochChange) (writes []write, err error) {
	for i := range b.Copies {
		path := fmt.Sprintf("body.copies[%d].account", i)
		a := c.Dir.accounts[b.Copies[i].Account]
		if a == nil || a.RevokedAt != 0 || a.CompromisedFrom != 0 {
			return nil, refuse(tx.CodeNoAccount, path, b.Copies[i].Account.String())
		}
		if m := c.Dir.members[a.Member]; m == nil || !m.Active() {
			return nil, refuse(tx.CodeNoMember, path, string(a.Member))
		}
		if a.Type == tx.MLDSA65 {
			return nil, refuse(tx.CodeEpochSeal, path, string(a.Type))
		}
		writes = append(writes, write{row.EpochCopyKey(b.List, b.Epoch, b.Copies[i].Account), row.EpochCopy{Height: c.Height, SHA256: b.Copies[i].SHA256}.Encode()})
	}
	return writes, nil
}

// inUse checks that a tag was made with the key that is in use. A list whose
// keys nobody has stated yet has tags of its first.
func (c *Ctx) inUse(l tx.List, number int64, path string) error {
	var all row.Epochs
	_, err := c.row(row.EpochsKey(l), func(v []byte) (err error) { all, err = row.DecodeEpochs(v); return err })
	switch {
	case err != nil:
		return err
	case number > max(all.Last, 1):
		return refuse(tx.CodeEpochAhead, path, fmt.Sprintf("the newest of %s is %d", l, all.Last))
	case all.Last != 0 && number != all.Active:
		return refuse(tx.CodeEpochInactive, path, fmt.Sprintf("the active one of %s is %d", l, all.Active))
	}
	return nil
}

// epoch reads an epoch of a list; nil: there is none.
func (c *Ctx) epoch(l tx.List, number int64) (*row.Epoch, error) {
	var e row.Epoch
	found, err := c.row(row.EpochKey(l, number), func(v []byte) (err error) { e, err = row.DecodeEpoch(v); return err })
	if err != nil || !found {
		return nil, err
	}
	return &e, nil
}

// row reads a row of the state with read, if it is there.
func (c *Ctx) row(key []byte, read func([]byte) error) (found bool, err error) {
	v, err := c.Read.Get(key)
	if err == nil && v != nil {
		err = read(v)
	}
	if err != nil {
		return false, broken{err}
	}
	return v != nil, nil
}
