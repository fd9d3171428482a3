package events

import (
	"encoding/binary"
	"fmt"
	"strings"

	"zhenglian/app/row"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// A table says how the changed rows of a table of the state are told. The first
// byte of a key names the table: see app/row/keys.go.
type table struct {
	name string // type of the event; "": only the row's number is counted
	seq  bool   // the key is the number of a log entry
	tell func(*builder, *api.Event, store.Change) error
}

// tables is the vocabulary. Rows that only count or point (rolls, deadlines,
// links) say nothing that another event does not say better.
var tables = map[byte]table{
	byte(row.ParamsTable):    {name: api.EventParams},
	byte(row.MemberTable):    {name: api.EventMember, tell: memberKey},
	byte(row.AccountTable):   {name: api.EventAccount, tell: accountOwner},
	byte(row.PolicyTable):    {name: api.EventPolicy, tell: policyKind},
	byte(row.RollTable):      {},
	byte(row.OverrideTable):  {name: api.EventOverride, tell: overrideKey},
	byte(row.ValidatorTable): {name: api.EventValidator, tell: validatorOwner},
	byte(row.StepTable):      {},
	byte(row.UpgradeTable):   {name: api.EventUpgrade},
	row.MatterKey(0)[0]:      {name: api.EventMatter, seq: true},
	row.TallyKey(0)[0]:       {name: api.EventWaiting, seq: true, tell: outcome},
	row.DeadlineKey(0, 0)[0]: {},
	row.LinkKey(0)[0]:        {},
}

func memberKey(_ *builder, e *api.Event, c store.Change) error {
	e.Member = tx.MemberID(c.Key[1:])
	return nil
}

func accountOwner(_ *builder, e *api.Event, c store.Change) error {
	a, err := row.DecodeAccount(last(c))
	e.Member = a.Member
	return err
}

func validatorOwner(_ *builder, e *api.Event, c store.Change) error {
	v, err := row.DecodeValidator(last(c))
	e.Member = v.Member
	return err
}

func policyKind(_ *builder, e *api.Event, c store.Change) error {
	kind, _, _ := strings.Cut(string(c.Key[1:]), "\x00")
	e.Kind = tx.Kind(kind)
	return nil
}

func overrideKey(_ *builder, e *api.Event, c store.Change) error {
	parts := strings.SplitN(string(c.Key[1:]), "\x00", 3)
	if len(parts) != 3 {
		return fmt.Errorf("key %x", c.Key)
	}
	e.Member, e.Kind = tx.MemberID(parts[0]), tx.Kind(parts[1])
	return nil
}

// outcome tells a tally as what became of its statement.
func outcome(_ *builder, e *api.Event, c store.Change) error {
	if c.After == nil {
		return nil
	}
	t, err := row.DecodeTally(c.After)
	if err != nil {
		return err
	}
	was := ""
	if c.Before != nil {
		b, err := row.DecodeTally(c.Before)
		if err != nil {
			return err
		}
		was = b.Outcome
	}
	switch {
	case t.Outcome == was: // only another vote
		if was != row.Waits {
			e.Type = ""
		}
	case t.Outcome == row.Effective && was == row.Waits:
		e.Type = api.EventEffective
	case t.Outcome == row.Effective:
		e.Type = "" // it was effective when it came, and has now been endorsed besides
	case t.Outcome == row.Lapsed:
		e.Type = api.EventLapsed
	}
	return nil
}

// last is the row's value, or the one that it had.
func last(c store.Change) []byte {
	if c.After != nil {
		return c.After
	}
	return c.Before
}

// seqOf is the log entry of a key that is a table's byte and its number.
func seqOf(key []byte) (uint64, error) {
	if len(key) != 9 {
		return 0, fmt.Errorf("key %x is not that of an entry", key)
	}
	return binary.BigEndian.Uint64(key[1:]), nil
}
