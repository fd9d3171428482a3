package events

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"

	"zhenglian/app/apptest"
	"zhenglian/app/row"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/genesis"
)

var update = flag.Bool("update", false, "write the golden file anew")

// story is a chain on which everything happens once that events tell of.
func story(t testing.TB) *apptest.Chain {
	c := apptest.New(t, func(g *genesis.State) { g.Params.PendingBlocks = 4 })
	seal := func(n int, signers ...string) *tx.Envelope {
		return c.Sign(c.Statement("hangzhou-amr", tx.EvidenceSeal, tx.ID{}, c.Evidence(n)), signers...)
	}
	take := func(envelopes ...*tx.Envelope) {
		t.Helper()
		var txs [][]byte
		for _, e := range envelopes {
			txs = append(txs, e.AppendWire(nil))
		}
		for i, r := range c.Block(txs...) {
			if r.Code != 0 {
				t.Fatalf("envelope %d of block %d: %s", i, c.Height, r.Log)
			}
		}
	}
	take()
	whole, alone := seal(1, "officer1", "officer2", "city"), seal(2, "officer1")
	take(whole, alone)
	take(c.Sign(c.Statement("hangzhou-amr", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: alone.ID(), Type: tx.Agrees}), "officer2"))
	take(c.Sign(c.Statement("xianyang-amr", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: alone.ID(), Type: tx.Agrees}), "city"))
	withdraw := c.Sign(c.Statement("hangzhou-amr", tx.EvidenceWithdraw, whole.ID(), &tx.Withdraw{Reason: "mistake"}), "officer1")
	take(withdraw) // waits for the second officer
	lapses := seal(3, "officer1")
	take(lapses)
	take(c.Sign(c.Statement("hangzhou-amr", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: withdraw.ID(), Type: tx.Agrees}), "officer2"))
	take(c.Sign(c.Statement("platform-a", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: whole.ID(), Type: tx.Holds}), "platform"))
	for range 4 {
		take()
	}
	key := apptest.Key(t, "new", tx.Secp256k1).Public()
	take(c.Sign(c.Statement("hangzhou-amr", tx.GovAccount, tx.ID{}, &tx.AccountChange{Action: "add", New: &tx.Credential{Key: key, Roles: []string{"officer"}}}), "admin1", "admin2"))
	return c
}

func all(t testing.TB, s *Source, after api.EventID, q api.EventQuery, page int) (out []api.Event) {
	t.Helper()
	for {
		found, to, err := s.Next(t.Context(), after, &q, page)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, found...)
		if to == s.Now() {
			return out
		}
		after = to
	}
}

func TestStory(t *testing.T) {
	c := story(t)
	var b bytes.Buffer
	for _, e := range all(t, New(c.App.Store()), api.EventID{}, api.EventQuery{}, 1000) {
		var d struct {
			Seq           *uint64
			State         string
			Outcome       string
			Before, After *struct{ State, Outcome, Status string }
		}
		if err := json.Unmarshal(e.Data, &d); err != nil {
			t.Fatalf("%s: %v", e.ID, err)
		}
		fmt.Fprintf(&b, "%s %s %s", e.ID, e.Time, e.Type)
		for _, v := range []struct{ name, value string }{{"kind", string(e.Kind)}, {"member", string(e.Member)}} {
			if v.value != "" {
				fmt.Fprintf(&b, " %s=%s", v.name, v.value)
			}
		}
		if e.Matter != nil {
			fmt.Fprintf(&b, " matter=%d", *e.Matter)
		}
		if d.Seq != nil {
			fmt.Fprintf(&b, " seq=%d", *d.Seq)
		}
		if d.Outcome != "" {
			fmt.Fprintf(&b, " %s %s", d.Outcome, d.State)
		}
		side := func(v *struct{ State, Outcome, Status string }) string {
			if v == nil {
				return "-"
			}
			return v.State + v.Outcome
		}
		if e.Type != api.EventAccepted {
			fmt.Fprintf(&b, " %s → %s", side(d.Before), side(d.After))
		}
		fmt.Fprintln(&b)
	}
	const golden = "testdata/story.golden"
	if *update {
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("events are\n%s\nwant\n%s", &b, want)
	}
}

// From wherever somebody goes on, at whatever pace and with whatever conditions,
// nothing is missing, nothing comes twice, and a restart changes nothing.
func TestResume(t *testing.T) {
	c := story(t)
	s := New(c.App.Store())
	whole := all(t, s, api.EventID{}, api.EventQuery{}, 1000)
	if len(whole) < 20 {
		t.Fatalf("only %d events", len(whole))
	}
	text := func(es []api.Event) string {
		b, err := json.Marshal(es)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	matter := uint64(1)
	for _, q := range []api.EventQuery{
		{}, {Types: []string{"matter"}}, {Types: []string{"statement.accepted", "account"}}, {Kinds: []string{"evidence"}},
		{Kinds: []string{"endorse"}}, {Member: "xianyang-amr"}, {Matter: &matter}, {List: "none"},
	} {
		for at := -1; at < len(whole); at++ {
			after := api.EventID{}
			if at >= 0 {
				after = whole[at].ID
			}
			var want []api.Event
			for _, e := range whole[at+1:] {
				if q.Matches(&e) {
					want = append(want, e)
				}
			}
			for _, page := range []int{1, 2, 7} {
				if got := all(t, s, after, q, page); text(got) != text(want) {
					t.Errorf("%+v after %s by %d: %d events, want %d", q, after, page, len(got), len(want))
				}
			}
		}
	}
	c.Reopen()
	if got := all(t, New(c.App.Store()), api.EventID{}, api.EventQuery{}, 3); text(got) != text(whole) {
		t.Error("after a restart the events are others")
	}
	if err := s.Check(api.EventID{Height: c.Height + 1}); !errors.Is(err, ErrAhead) {
		t.Errorf("a place beyond the last block: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.Next(ctx, api.EventID{}, &api.EventQuery{}, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}

// A table that the vocabulary does not know is told all the same.
func TestUnknownTable(t *testing.T) {
	c := story(t)
	s := c.App.Store()
	b := s.Begin(c.Height + 1)
	b.Set([]byte{0x7f, 1}, []byte(`{"list":"test-list","member":"hangzhou-amr","n":1}`))
	b.Set([]byte{0x7f, 2}, []byte{0xff})
	if _, err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	es, err := New(s).Block(c.Height + 1)
	if err != nil || len(es) != 2 {
		t.Fatalf("%d events, %v", len(es), err)
	}
	if es[0].Type != api.EventRow || es[0].List != "test-list" || es[0].Member != "hangzhou-amr" ||
		string(es[0].Data) != `{"key":"7f01","before":null,"after":{"list":"test-list","member":"hangzhou-amr","n":1}}` ||
		string(es[1].Data) != `{"key":"7f02","before":null,"after":"/w=="}` {
		t.Errorf("%+v", es)
	}
}

// What is kept is bounded, and what was forgotten is made again.
func TestForget(t *testing.T) {
	c := story(t)
	s := New(c.App.Store())
	want, err := s.Block(2)
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.bytes += keepBytes
	s.mu.Unlock()
	if _, err := s.Block(3); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	_, kept := s.blocks[2]
	if kept || !slices.Equal(s.order, []int64{3}) {
		t.Errorf("block 2 is kept: %v, order %v", kept, s.order)
	}
	s.mu.Unlock()
	again, err := s.Block(2)
	if err != nil || len(again) != len(want) {
		t.Errorf("%d events, want %d: %v", len(again), len(want), err)
	}
	if _, err := s.Block(c.Height + 1); err == nil {
		t.Error("events of a block that is not there")
	}
}

func BenchmarkBuild(b *testing.B) {
	c := story(b)
	for b.Loop() {
		if _, err := build(c.App.Store(), 2); err != nil {
			b.Fatal(err)
		}
	}
}

// Clocks and lists are told as what happened to them.
func TestClocksAndLists(t *testing.T) {
	c := story(t)
	s := c.App.Store()
	source := New(s)
	id := row.ClockID{Code: "PUB_SAME", Matter: 0, Member: "hangzhou-amr"}
	clock := row.Clock{Began: 2, Count: 7, Due: tx.Civil(2026, 12, 1), From: tx.Civil(2026, 11, 23), Round: 1, RuleSet: 1, Since: 2, State: row.Running, Unit: tx.Workdays}
	breach := row.BreachKey(row.Slot{When: clock.When(), Member: id.Member})
	late := row.Breach{Clocks: []row.DueClock{{Code: id.Code, Matter: id.Matter}}, Late: 5}
	several := row.Breach{Clocks: append([]row.DueClock{{Code: "CASE", Matter: 1}}, late.Clocks...), Late: 5}
	paused := clock
	paused.State = row.Paused
	stopped := clock
	stopped.State = row.Stopped
	notice := row.Notice{Action: row.Apply, Entry: 0, Height: 2, State: row.Published, Tag: tx.Digest{1}}
	consumer := row.Consumer{Since: 3, Through: 1}
	at := c.Height
	for i, step := range []struct {
		write func(*store.Block)
		want  []string // type, member, list, of each event
	}{
		{func(b *store.Block) { b.Set(row.ClockKey(id), clock.Encode()) }, []string{"clock.started hangzhou-amr  0"}},
		{func(b *store.Block) { b.Set(row.ClockKey(id), paused.Encode()) }, []string{"clock.changed hangzhou-amr  0"}},
		{func(b *store.Block) { b.Set(breach, late.Encode()) }, []string{"clock.overdue hangzhou-amr  0"}},
		{func(b *store.Block) { b.Delete(breach) }, nil},
		{func(b *store.Block) { b.Set(breach, several.Encode()) }, []string{"clock.overdue hangzhou-amr  -"}},
		{func(b *store.Block) { b.Set(breach, late.Encode()) }, nil}, // one was taken out
		{func(b *store.Block) {
			b.Delete(row.ClockKey(id))
			b.Set(row.StoppedKey(id), stopped.Encode())
		}, []string{"clock.stopped hangzhou-amr  0"}},
		{func(b *store.Block) {
			b.Set(row.SubjectKey(tx.SeriousDishonest, tx.Digest{1}), row.Subject{{Seq: 0, State: row.Published, From: tx.Civil(2026, 1, 1), Until: tx.Civil(2027, 1, 1)}}.Encode())
			b.Set(row.NoticeKey(tx.SeriousDishonest, 1), notice.Encode())
			b.Set(row.RoutingTagKey(tx.Digest{7}), []byte(`{}`)) // of which nobody is told
		}, []string{"list.subject  serious_dishonest -", "list.notice hangzhou-amr serious_dishonest 0"}},
		{func(b *store.Block) { b.Set(row.ConsumerKey(tx.SeriousDishonest, "platform-a"), consumer.Encode()) }, []string{"list.consumer platform-a serious_dishonest -"}},
		{func(b *store.Block) { b.Set(row.ClockKey(id), []byte(`{"not":"a clock"}`)) }, []string{"row.changed   -"}},
	} {
		at++
		b := s.Begin(at)
		step.write(b)
		if _, err := b.Commit(); err != nil {
			t.Fatal(err)
		}
		es, err := source.Block(at)
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		var got []string
		for _, e := range es {
			matter := "-"
			if e.Matter != nil {
				matter = fmt.Sprint(*e.Matter)
			}
			got = append(got, fmt.Sprint(e.Type, " ", e.Member, " ", e.List, " ", matter))
		}
		if !slices.Equal(got, step.want) {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
	}
}
