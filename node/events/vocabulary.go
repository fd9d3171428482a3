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
	tell func(*telling) error
}

// A telling is a row that is being told.
type telling struct {
	*builder
	*api.Event
	row    *api.RowEvent
	change store.Change
}

// tables is the vocabulary. Rows that only count, point or queue say nothing that
// another event does not say better; routing hints about complainants are nobody's
// business but their readers', whose every reading is a statement.
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
	byte(row.RuleSetTable):   {name: api.EventRuleSet},
	byte(row.CalendarTable):  {name: api.EventCalendar},

	row.MatterKey(0)[0]:      {name: api.EventMatter, tell: entryKey},
	row.TallyKey(0)[0]:       {name: api.EventWaiting, tell: outcome},
	row.DeadlineKey(0, 0)[0]: {},
	row.LinkKey(0)[0]:        {},

	row.ClockKey(row.ClockID{})[0]:   {name: api.EventClock, tell: clock},
	row.StoppedKey(row.ClockID{})[0]: {name: api.EventStopped, tell: clock},
	row.DueKey(row.Slot{})[0]:        {},
	row.DueCountKey(0, "")[0]:        {},
	row.BreachKey(row.Slot{})[0]:     {name: api.EventOverdue, tell: breach},

	row.SubjectKey(0, tx.Digest{})[0]: {name: api.EventSubject, tell: listKey},
	row.ListEntryKey(0, 0)[0]:         {name: api.EventListEntry, tell: listEntry},
	row.ListRuleKey(0, 0)[0]:          {name: api.EventListRule, tell: listKey},
	row.ListKey(0)[0]:                 {},
	row.NoticeKey(0, 0)[0]:            {name: api.EventNotice, tell: notice},
	row.ConsumerKey(0, "")[0]:         {name: api.EventConsumer, tell: consumer},
	row.ListEndKey(0, 0)[0]:           {},
	row.RoutingKey()[0]:               {name: api.EventRouting},
	row.RoutingTagKey(tx.Digest{})[0]: {},

	row.UnitKey(row.UnitID{})[0]:                 {name: api.EventUnit, tell: unit},
	row.NamedKey("")[0]:                          {},
	row.ProductKey("")[0]:                        {name: api.EventProduct, tell: product},
	row.InsideKey(row.UnitID{}, row.UnitID{})[0]: {},
	row.UseKey(row.UnitID{}, 0)[0]:               {},
	row.HarvestKey("", "", "")[0]:                {name: api.EventHarvest, tell: harvest},
	row.RecallKey(0)[0]:                          {name: api.EventRecall, tell: entryKey},
	row.ScopeKey(0, row.UnitID{})[0]:             {name: api.EventScope, tell: recallKey},
	row.QueueKey(0, 0)[0]:                        {},
	row.HolderKey(0, "")[0]:                      {name: api.EventHolder, tell: holder},
	row.ScopingKey(0)[0]:                         {},
}

func memberKey(t *telling) error {
	t.Member = tx.MemberID(t.change.Key[1:])
	return nil
}

func accountOwner(t *telling) error {
	a, err := row.DecodeAccount(last(t.change))
	t.Member = a.Member
	return err
}

func validatorOwner(t *telling) error {
	v, err := row.DecodeValidator(last(t.change))
	t.Member = v.Member
	return err
}

func policyKind(t *telling) error {
	kind, _, _ := strings.Cut(string(t.change.Key[1:]), "\x00")
	t.Kind = tx.Kind(kind)
	return nil
}

func overrideKey(t *telling) error {
	parts := strings.SplitN(string(t.change.Key[1:]), "\x00", 3)
	if len(parts) != 3 {
		return fmt.Errorf("key %x", t.change.Key)
	}
	t.Member, t.Kind = tx.MemberID(parts[0]), tx.Kind(parts[1])
	return nil
}

// entryKey is for keys that are a table's byte and the number of a log entry.
func entryKey(t *telling) error {
	if len(t.change.Key) != 9 {
		return fmt.Errorf("key %x is not that of an entry", t.change.Key)
	}
	return t.about(t.Event, t.row, binary.BigEndian.Uint64(t.change.Key[1:]))
}

// recallKey is for keys that begin with the number of a recall.
func recallKey(t *telling) error {
	if len(t.change.Key) < 9 {
		return fmt.Errorf("key %x is not that of a recall", t.change.Key)
	}
	return t.about(t.Event, t.row, binary.BigEndian.Uint64(t.change.Key[1:]))
}

// outcome tells a tally as what became of its statement.
func outcome(t *telling) error {
	if err := entryKey(t); err != nil || t.change.After == nil {
		return err
	}
	now, err := row.DecodeTally(t.change.After)
	if err != nil {
		return err
	}
	was := ""
	if t.change.Before != nil {
		b, err := row.DecodeTally(t.change.Before)
		if err != nil {
			return err
		}
		was = b.Outcome
	}
	switch {
	case now.Outcome == was: // only another vote
		if was != row.Waits {
			t.Type = ""
		}
	case now.Outcome == row.Effective && was == row.Waits:
		t.Type = api.EventEffective
	case now.Outcome == row.Effective:
		t.Type = "" // it was effective when it came, and has now been endorsed besides
	case now.Outcome == row.Lapsed:
		t.Type = api.EventLapsed
	}
	return nil
}

// clock tells what became of a clock. One that stops leaves one table for the
// other: that is told once, where it arrives.
func clock(t *telling) error {
	id, stopped, err := row.ClockOf(t.change.Key)
	if err != nil {
		return err
	}
	if t.change.After == nil {
		t.Type = ""
		return nil
	}
	if err := t.about(t.Event, t.row, id.Matter); err != nil {
		return err
	}
	t.Member = id.Member // whose clock it is
	if stopped {
		return nil
	}
	if _, err := row.DecodeClock(t.change.After); err != nil {
		return err
	}
	if t.change.Before == nil {
		t.Type = api.EventStarted
	}
	return nil
}

// breach tells that clocks of a member are overdue: when the row comes to be. What
// is taken out of it later is told as the clock that stops.
func breach(t *telling) error {
	slot, err := row.BreachSlot(t.change.Key)
	if err != nil {
		return err
	}
	if t.change.After == nil || t.change.Before != nil {
		t.Type = ""
		return nil
	}
	b, err := row.DecodeBreach(t.change.After)
	if err == nil && len(b.Clocks) == 1 {
		err = t.about(t.Event, t.row, b.Clocks[0].Matter)
	}
	t.Member = slot.Member // whose clocks they are
	return err
}

// listKey is for keys that begin with a list.
func listKey(t *telling) error {
	if len(t.change.Key) < 2 {
		return fmt.Errorf("key %x is not that of a list", t.change.Key)
	}
	t.List = tx.List(t.change.Key[1]).String()
	return nil
}

func listEntry(t *telling) error {
	if err := listKey(t); err != nil {
		return err
	}
	return t.about(t.Event, t.row, row.ListEntrySeq(t.change.Key))
}

func notice(t *telling) error {
	n, err := row.DecodeNotice(last(t.change))
	if err != nil {
		return err
	}
	if err := t.about(t.Event, t.row, n.Entry); err != nil {
		return err
	}
	return listKey(t)
}

func consumer(t *telling) error {
	t.Member = row.ConsumerMember(t.change.Key)
	return listKey(t)
}

func unit(t *telling) error {
	u, err := row.DecodeUnit(last(t.change))
	t.Member = u.Custodian
	return err
}

func product(t *telling) error {
	p, err := row.DecodeProduct(last(t.change))
	t.Member = p.Owner
	return err
}

func harvest(t *telling) error {
	h, err := row.DecodeHarvest(last(t.change))
	t.Member = h.Member
	return err
}

func holder(t *telling) error {
	if err := recallKey(t); err != nil {
		return err
	}
	t.Member = row.HolderMember(t.change.Key)
	return nil
}

// last is the row's value, or the one that it had.
func last(c store.Change) []byte {
	if c.After != nil {
		return c.After
	}
	return c.Before
}
