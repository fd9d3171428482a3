package row

import (
	"bytes"
	"testing"

	"zhenglian/app/tx"
)

var (
	clock = ClockID{Code: "CASE", Matter: 7, Member: "hz"}
	slot  = Slot{When: OfDay(tx.Civil(2026, 1, 22)), Member: "hz", Number: 3}
)

func TestClockKeys(t *testing.T) {
	for stopped, key := range map[bool][]byte{false: ClockKey(clock), true: StoppedKey(clock)} {
		id, was, err := ClockOf(key)
		if err != nil || id != clock || was != stopped {
			t.Errorf("key %x reads back as %+v, %v, %v", key, id, was, err)
		}
		start, end := ClockRange(stopped, "hz")
		first, last := MatterClockRange(stopped, "hz", 7)
		if bytes.Compare(key, start) < 0 || bytes.Compare(key, end) >= 0 || bytes.Compare(key, first) < 0 || bytes.Compare(key, last) >= 0 {
			t.Errorf("key %x is not in the ranges of its member and matter", key)
		}
		for _, other := range []ClockID{{"CASE", 7, "hzz"}, {"CASE", 7, "h"}, {"CASE", 7, "hy"}} {
			if k := ClockKey(other); !stopped && bytes.Compare(k, start) >= 0 && bytes.Compare(k, end) < 0 {
				t.Errorf("a clock of %s is in the range of hz", other.Member)
			}
		}
	}
	if s, err := DueSlot(DueKey(slot)); err != nil || s != slot {
		t.Errorf("due slot reads back as %+v, %v", s, err)
	}
	if s, err := BreachSlot(BreachKey(slot)); err != nil || s != slot {
		t.Errorf("breach slot reads back as %+v, %v", s, err)
	}
	if _, end := DueRange(slot.When); bytes.Compare(DueKey(slot), end) < 0 {
		t.Error("due before its day is over")
	}
	if _, end := DueRange(slot.When + 1); bytes.Compare(DueKey(slot), end) >= 0 {
		t.Error("not due when its day is over")
	}
	at := OfMinute(tx.MinuteOf(tx.Civil(2026, 1, 22).End()))
	minute := Slot{When: at, Member: "hz", Number: 1}
	if s, err := DueSlot(DueKey(minute)); err != nil || s != minute || at.Days() || at.Date() != tx.Civil(2026, 1, 23) || at.End() != tx.Civil(2026, 1, 22).End()+60_000 {
		t.Errorf("slot of a minute reads back as %+v of %s, %v", s, at.Date(), err)
	}
	days, today := DueRange(OfDay(tx.Civil(2999, 12, 31)))
	if k := DueKey(minute); bytes.Compare(k, days) >= 0 && bytes.Compare(k, today) < 0 {
		t.Error("a minute is in the range of days")
	}
	start, end := DueRange(at + 1)
	if k := DueKey(minute); bytes.Compare(k, start) < 0 || bytes.Compare(k, end) >= 0 || bytes.Compare(DueKey(slot), start) >= 0 {
		t.Error("the range of minutes is not that of minutes")
	}
	for _, b := range [][]byte{nil, {0x16}, ClockKey(clock)[:9], DueKey(slot)[:9], BreachKey(slot)[:5], MemberKey("hz")} {
		if _, _, err := ClockOf(b); err == nil {
			t.Errorf("key %x was read as that of a clock", b)
		}
		if _, err := DueSlot(b); err == nil {
			t.Errorf("key %x was read as that of due clocks", b)
		}
		if _, err := BreachSlot(b); err == nil {
			t.Errorf("key %x was read as that of overdue clocks", b)
		}
	}
}
