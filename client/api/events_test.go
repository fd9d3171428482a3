package api

import (
	"encoding/json"
	"testing"

	"zhenglian/app/tx"
)

// An event id has one form, and the order of ids is that of the events.
func FuzzEventID(f *testing.F) {
	for _, s := range []string{"0", "1.0", "120.3", "9007199254740991.2147483646", "01", "1.", ".1", "-1", "1.01", "1.2147483647", "1.2.3", "+1", " 1", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseEventID(s)
		if err != nil {
			return
		}
		if id.String() != s || id.Height < 0 || id.Index < 0 {
			t.Fatalf("%q is %+v, which is %q", s, id, id)
		}
		b, err := json.Marshal(id)
		if err != nil {
			t.Fatal(err)
		}
		var again EventID
		if err := json.Unmarshal(b, &again); err != nil || again != id {
			t.Fatalf("%s is %+v: %v", b, again, err)
		}
		end := EventID{id.Height, EndOfBlock}
		if id.Less(id) || end.Less(id) || id != end && !id.Less(end) || !end.Less(EventID{id.Height + 1, 0}) {
			t.Fatalf("the order of %s is wrong", id)
		}
	})
}

func TestEventQuery(t *testing.T) {
	five, six := uint64(5), uint64(6)
	e := &Event{Type: EventMatter, Kind: tx.EvidenceSeal, Member: "hangzhou-amr", List: "serious_dishonest", Matter: &five}
	for _, c := range []struct {
		q    EventQuery
		want bool
	}{
		{EventQuery{}, true}, {EventQuery{Types: []string{"statement", "matter"}}, true}, {EventQuery{Types: []string{"matter.change"}}, false},
		{EventQuery{Kinds: []string{"evidence"}}, true}, {EventQuery{Kinds: []string{"evidence.withdraw"}}, false},
		{EventQuery{Member: "hangzhou-amr"}, true}, {EventQuery{Member: "hangzhou"}, false}, {EventQuery{List: "serious_dishonest"}, true},
		{EventQuery{List: "negative_index"}, false}, {EventQuery{Matter: &five}, true}, {EventQuery{Matter: &six}, false},
		{EventQuery{Types: []string{"matter"}, Member: "platform-a"}, false},
	} {
		if got := c.q.Matches(e); got != c.want {
			t.Errorf("%+v: %v", c.q, got)
		}
		if err := c.q.Check(); err != nil {
			t.Errorf("%+v: %v", c.q, err)
		}
	}
	if (&EventQuery{Matter: &five}).Matches(&Event{}) || (&EventQuery{Kinds: []string{"evidence"}}).Matches(&Event{}) {
		t.Error("what an event does not say is no match")
	}
	for _, q := range []EventQuery{{Types: []string{""}}, {Types: []string{"a.b.c"}}, {Kinds: []string{"a."}}, {Kinds: []string{"证"}}, {List: "a b"}, {Types: make([]string, maxWords+1)}} {
		if q.Check() == nil {
			t.Errorf("%+v is accepted", q)
		}
	}
}
