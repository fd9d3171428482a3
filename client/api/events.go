package api

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// Media type of a stream of events.
const MediaEvents = "text/event-stream"

// Types of events. What a block did is told in this order: the statements it
// accepted, in the order of the log, then the rows of the state that it changed,
// ascending by key. A row of a table that has no type of its own here is told as
// EventRow.
const (
	EventAccepted  = "statement.accepted"  // an entry of the log
	EventWaiting   = "statement.waiting"   // the votes for a statement that lacks signatures changed
	EventEffective = "statement.effective" // a statement that waited took effect
	EventLapsed    = "statement.lapsed"    // a statement that waited no longer can
	EventMatter    = "matter.changed"      // a matter has another state, head or waiting step
	EventMember    = "member.changed"
	EventAccount   = "account.changed"
	EventPolicy    = "policy.changed"    // a version of a rule was added
	EventOverride  = "override.changed"  // the same of a member's own rule
	EventValidator = "validator.changed" // a validator's row changed or went
	EventParams    = "params.changed"
	EventUpgrade   = "upgrade.changed" // one was set, called off, or began

	EventRuleSet  = "ruleset.changed"  // a set of deadlines was added
	EventCalendar = "calendar.changed" // a year's working days were set
	EventStarted  = "clock.started"    // a statutory clock runs, for the first time or again after it was stopped
	EventClock    = "clock.changed"    // it was paused, resumed or extended
	EventOverdue  = "clock.overdue"    // its last day has passed
	EventStopped  = "clock.stopped"

	EventNotice    = "list.notice"   // an entry came into force or ended: what consumers act on and acknowledge
	EventSubject   = "list.subject"  // what is in force about a subject changed; no row: nothing is
	EventListEntry = "list.entry"    // an entry's days and reasons
	EventConsumer  = "list.consumer" // a member was enrolled, acknowledged, or was released
	EventListRule  = "list.rule"     // a version of a list's rule was added
	EventRouting   = "routing.changed"

	EventUnit    = "trace.unit"    // a unit came into being or changed
	EventProduct = "trace.product" // a product was declared anew
	EventHarvest = "trace.harvest" // what a place yielded
	EventRecall  = "trace.recall"  // how far a recall is
	EventScope   = "trace.scope"   // a unit came into a recall's scope, was released or disposed of
	EventHolder  = "trace.holder"  // what a member holds of a recall, and whether it has answered

	EventRow = "row.changed" // a row of another table
)

// An Event is one thing that a block did. Every gateway of a chain tells the same
// events with the same ids.
type Event struct {
	ID     EventID         `json:"id" doc:"HEIGHT.INDEX: give it as Last-Event-ID to go on after this event"`
	Type   string          `json:"type" doc:"such as statement.accepted"`
	Time   tx.Time         `json:"time" doc:"time of the block: not a time of sealing"`
	Kind   tx.Kind         `json:"kind,omitempty" doc:"of the statement, or of the one that opened the matter"`
	Member tx.MemberID     `json:"member,omitempty" doc:"who stated it, who opened the matter, or whose row it is"`
	Matter *uint64         `json:"matter,omitempty" doc:"log entry that opened the matter"`
	List   string          `json:"list,omitempty" doc:"the list that it is about"`
	Data   json.RawMessage `json:"data" doc:"depends on type: EntryEvent for statement.accepted, otherwise RowEvent"`
}

// An EntryEvent is the data of statement.accepted. State and outcome are as the
// block left them.
type EntryEvent struct {
	Statement tx.ID       `json:"statement" doc:"id of the statement"`
	Seq       uint64      `json:"seq"`
	Kind      tx.Kind     `json:"kind"`
	Member    tx.MemberID `json:"member"`
	At        tx.Time     `json:"at" doc:"claimed"`
	Prev      tx.ID       `json:"prev,omitzero" doc:"the statement that it continues"`
	About     tx.ID       `json:"about,omitzero" doc:"the statement that it endorses"`
	Outcome   string      `json:"outcome" doc:"effective, waiting or lapsed"`
	State     row.State   `json:"state,omitempty" doc:"of its matter"`
	URL       string      `json:"statement_url"`
}

// A RowEvent is the data of every other event: a row of the state before and
// after the block, as app/README.md defines its table. A row can be proved:
// POST /v1/verify with its key.
type RowEvent struct {
	Key       string          `json:"key" doc:"of the state tree, hex"`
	Statement tx.ID           `json:"statement,omitzero" doc:"the statement that the row is of, or that opened the matter"`
	Seq       *uint64         `json:"seq,omitempty" doc:"its log entry"`
	Before    json.RawMessage `json:"before" doc:"null: there was no row"`
	After     json.RawMessage `json:"after" doc:"null: the row was deleted"`
}

// An EventID is a place in the chain's events: after the event that it names.
// Events of a block are numbered from 0, whether anybody is told of them or not.
type EventID struct {
	Height int64
	Index  int
}

// EndOfBlock is the Index of the place after all events of a block.
const EndOfBlock = 1<<31 - 1

// Less reports whether e comes before f.
func (e EventID) Less(f EventID) bool {
	return e.Height < f.Height || e.Height == f.Height && e.Index < f.Index
}

// String is HEIGHT.INDEX, or HEIGHT for the end of a block.
func (e EventID) String() string {
	if e.Index == EndOfBlock {
		return strconv.FormatInt(e.Height, 10)
	}
	return fmt.Sprintf("%d.%d", e.Height, e.Index)
}

// MarshalText implements encoding.TextMarshaler.
func (e EventID) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *EventID) UnmarshalText(b []byte) (err error) {
	*e, err = ParseEventID(string(b))
	return err
}

// ParseEventID reads what String wrote.
func ParseEventID(s string) (EventID, error) {
	height, index, has := strings.Cut(s, ".")
	h, err := strconv.ParseInt(height, 10, 54)
	i := int64(EndOfBlock)
	if err == nil && has {
		i, err = strconv.ParseInt(index, 10, 32)
	}
	id := EventID{h, int(i)}
	if err != nil || h < 0 || i < 0 || id.String() != s {
		return EventID{}, fmt.Errorf("event id %q: want HEIGHT.INDEX or HEIGHT", s)
	}
	return id, nil
}

// An EventQuery says which events to tell. Conditions that are set must all hold;
// of a list of words one must fit.
type EventQuery struct {
	Types  []string    // such as matter.changed; a name before the dot is all of it; none: all
	Kinds  []string    // kinds (list.decide) or families (list); none: all
	Member tx.MemberID // who stated it, who opened the matter, or whose row it is
	List   string      //
	Matter *uint64     // log entry that opened the matter
}

// Matches reports whether an event is one of those asked for.
func (q *EventQuery) Matches(e *Event) bool {
	switch {
	case len(q.Types) > 0 && !oneOf(q.Types, e.Type),
		len(q.Kinds) > 0 && (e.Kind == "" || !oneOf(q.Kinds, string(e.Kind))),
		q.Member != "" && q.Member != e.Member,
		q.List != "" && q.List != e.List,
		q.Matter != nil && (e.Matter == nil || *q.Matter != *e.Matter):
		return false
	}
	return true
}

// oneOf reports whether a dotted name, or what stands before its dot, is in words.
func oneOf(words []string, name string) bool {
	family, _, _ := strings.Cut(name, ".")
	for _, w := range words {
		if w == name || w == family {
			return true
		}
	}
	return false
}

// maxWords bounds the words of one condition.
const maxWords = 32

// Check refuses conditions that no event could meet because they have no form.
func (q *EventQuery) Check() error {
	for _, c := range []struct {
		name  string
		words []string
	}{{"type", q.Types}, {"kind", q.Kinds}} {
		if len(c.words) > maxWords {
			return fmt.Errorf("%s: at most %d", c.name, maxWords)
		}
		for _, w := range c.words {
			if !dotted(w) {
				return fmt.Errorf("%s: %q is no name", c.name, w)
			}
		}
	}
	if len(q.List) > 64 || q.List != "" && !plain(q.List) {
		return fmt.Errorf("list: %q is no name", q.List)
	}
	return nil
}

func dotted(s string) bool {
	first, second, has := strings.Cut(s, ".")
	return len(s) <= 64 && first != "" && plain(first) && (!has || second != "" && plain(second))
}

// plain: letters, digits, - and _.
func plain(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
