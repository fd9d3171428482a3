package row

import (
	"bytes"
	"reflect"
	"testing"

	"zhenglian/app/tx"
)

// A codec reads a value and writes it again, for every table.
var codecs = map[string]struct {
	sample []byte
	again  func([]byte) ([]byte, error)
}{
	"params":       {Params{Chain: "c1", AnchorBlocks: 1, ExpiresBlocks: 2, FutureMillis: 3, PendingBlocks: 4, Protocol: 1}.Encode(), again(DecodeParams)},
	"member":       {Member{Division: "330100", NameEN: "H", NameZH: "杭", Roles: []string{"regulator"}, Superior: "up"}.Encode(), again(DecodeMember)},
	"account":      {Account{Key: []byte{1, 2}, Member: "hz", Roles: []string{"officer"}, Type: tx.SM2, ValidFrom: 1, RevokedAt: 9}.Encode(), again(DecodeAccount)},
	"validator":    {Validator{Member: "hz", Power: 10, Ready: true, Seen: 5, Since: 3, Target: 7}.Encode(), again(DecodeValidator)},
	"step":         {Step{Height: 4}.Encode(), again(DecodeStep)},
	"upgrade":      {Upgrade{Height: 9, Info: "https", Version: 2}.Encode(), again(DecodeUpgrade)},
	"member, all":  {Member{Division: "330100", DivisionRev: "2024-12-31", Left: true, Roles: []string{"court"}, USCC: "91350100M000100Y43"}.Encode(), again(DecodeMember)},
	"account, all": {Account{FrozenFrom: 3, Tag: tx.Digest{1}, Roles: []string{"admin"}}.Encode(), again(DecodeAccount)},
	"policy":       {Policy{Expr: "officer@issuer", From: 7}.Encode(), again(DecodePolicy)},
	"roll":         {Roll{4}.Encode(), again(DecodeRoll)},
	"matter":       {Matter{Head: tx.ID{1}, Since: 5, State: Sealed, Waiting: 3}.Encode(), again(DecodeMatter)},
	"ruleset": {RuleSet{Deadlines: []tx.Deadline{{Basis: "art. 1", Code: "CASE", Count: 90, Extend: 30, Roll: true, Tentative: true, Unit: tx.Days}, {Code: "OLD", Unit: tx.NoLimit}},
		Effective: tx.Civil(2026, 4, 15), Name: "cases", Since: 3, Source: "Order 1", SHA256: tx.Digest{1}}.Encode(), again(DecodeRuleSet)},
	"calendar":   {Calendar{Holidays: []tx.Date{tx.Civil(2026, 1, 1)}, Since: 4, Source: "s", SHA256: tx.Digest{1}, Workdays: []tx.Date{tx.Civil(2026, 1, 4)}}.Encode(), again(DecodeCalendar)},
	"clock":      {Clock{Began: 2, Count: 15, Due: tx.Civil(2026, 1, 22), From: tx.Civil(2026, 1, 1), Round: 1, RuleSet: 1, Since: 2, State: Running, Unit: tx.Workdays}.Encode(), again(DecodeClock)},
	"clock, all": {Clock{Began: 2, Breaches: 1, Count: 15, Extended: true, Due: 9, From: 3, Late: 7, Roll: true, Round: 2, RuleSet: 1, Since: 7, Slot: 3, State: Stopped, Unit: tx.Days}.Encode(), again(DecodeClock)},
	"due":        {Due{[]DueClock{{"CASE", 7}, {"CASE", 9}}, 5}.Encode(), again(DecodeDue)},
	"breach":     {Breach{[]DueClock{{"CASE", 7}}, 9}.Encode(), again(DecodeBreach)},
	"due count":  {DueCount{65}.Encode(), again(DecodeDueCount)},
	"link":       {Link{8}.Encode(), again(DecodeLink)},
	"list":       {List{Entries: 3, Notices: 9}.Encode(), again(DecodeList)},
	"notice":     {Notice{Action: Apply, Due: 20546, Entry: 5, Height: 7, State: Published, Tag: tx.Digest{3}}.Encode(), again(DecodeNotice)},
	"unit":       {Unit{Code: "zs/1", Custodian: "hz", Left: 5, Maker: "jd", Quantity: 9, Since: 2, State: UnitActive}.Encode(), again(DecodeUnit)},
	"unit, all": {Unit{Code: "zs/1", Custodian: "hz", Flags: []string{FlagDisputed, FlagYield}, Hot: 1, Inside: 2, Level: 3, Maker: "jd", Parent: NewUnitID(7, 8), Recalls: 4,
		State: UnitOut}.Encode(), again(DecodeUnit)},
	"named":        {Named{NewUnitID(1, 2)}.Encode(), again(DecodeNamed)},
	"product":      {Product{Mode: tx.Reject, NameEN: "P", NameZH: "李", Owner: "hz", UOM: "g"}.Encode(), again(DecodeProduct)},
	"product, all": {Product{Makers: []tx.MemberID{"jd"}, Mode: tx.Flag, Yield: &tx.Yield{From: []tx.ProductCode{"zg/1"}, Gives: 1, Per: 2}}.Encode(), again(DecodeProduct)},
	"use":          {Use{6}.Encode(), again(DecodeUse)},
	"harvest":      {Harvest{Declared: 9, Member: "hz", Registered: 3}.Encode(), again(DecodeHarvest)},
	"recall":       {Recall{Count: 3, Cursor: []byte{1}, Disposed: 1, Done: 2, Edge: []tx.Digest{{1}, {2}}, Released: 1}.Encode(), again(DecodeRecall)},
	"recall, done": {Recall{Count: 3, Frozen: 9}.Encode(), again(DecodeRecall)},
	"scoped":       {Scoped{4, "harmless"}.Encode(), again(DecodeScoped)},
	"queued":       {Queued{NewUnitID(1, 2)}.Encode(), again(DecodeQueued)},
	"holder":       {Holder{3, 4}.Encode(), again(DecodeHolder)},
	"tally": {Tally{Deadline: 9, Outcome: Waits, Policy: 1, Since: 2, Votes: []Vote{
		{Account: tx.AccountID{1}, Height: 2, Member: "hz", Type: Signed},
		{Account: tx.AccountID{2}, Height: 3, Member: "jd", Reason: "other", Type: tx.Objects}}}.Encode(), again(DecodeTally)},
}

func again[T interface{ Encode() []byte }](decode func([]byte) (T, error)) func([]byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) {
		v, err := decode(b)
		if err != nil {
			return nil, err
		}
		return v.Encode(), nil
	}
}

func TestRoundTrip(t *testing.T) {
	for name, c := range codecs {
		got, err := c.again(c.sample)
		if err != nil || !bytes.Equal(got, c.sample) {
			t.Errorf("%s: got %s, %v; want %s", name, got, err, c.sample)
		}
		for i := range c.sample {
			cut := c.sample[:i]
			if _, err := c.again(cut); err == nil {
				t.Errorf("%s: accepted when cut to %s", name, cut)
			}
		}
	}
	m, err := DecodeMember(codecs["member"].sample)
	if err != nil || !reflect.DeepEqual(m, Member{Division: "330100", NameEN: "H", NameZH: "杭", Roles: []string{"regulator"}, Superior: "up"}) {
		t.Errorf("member reads back as %+v, %v", m, err)
	}
}

// Keys of different tables never collide, and deadlines are ordered by height.
func TestKeys(t *testing.T) {
	keys := [][]byte{ParamsKey(), MemberKey("hz"), AccountKey(tx.AccountID{1}), PolicyKey("a.b", 1), RollKey("court"), OverrideKey("hz", "a.b", 1), ValidatorKey(tx.ValidatorKey{}), StepKey(), UpgradeKey(), MatterKey(1), TallyKey(1), DeadlineKey(1, 1), LinkKey(1),
		RuleSetKey(1), CalendarKey(2026), ClockKey(clock), StoppedKey(clock), DueKey(slot), DueCountKey(1, "hz"), BreachKey(slot),
		UnitKey(UnitID{}), NamedKey("zs/1"), ProductKey("zg/1"), InsideKey(UnitID{}, UnitID{}), UseKey(UnitID{}, 1), HarvestKey("1", "2", "3"), RecallKey(1),
		ScopeKey(1, UnitID{}), QueueKey(1, 1), HolderKey(1, "hz"), ScopingKey(1)}
	seen := make(map[byte]bool)
	for _, k := range keys {
		if seen[k[0]] {
			t.Errorf("prefix %02x twice", k[0])
		}
		seen[k[0]] = true
	}
	for _, k := range keys {
		inside := false
		for _, s := range DirectoryRanges() {
			inside = inside || bytes.Compare(k, s[0]) >= 0 && bytes.Compare(k, s[1]) < 0
		}
		if _, ok := TableOf(k); ok != inside {
			t.Errorf("key %x: a row of the directory %v, in its range %v", k, ok, inside)
		}
	}
	start, end := DeadlineRange(300)
	for _, h := range []int64{1, 255, 256, 300} {
		if k := DeadlineKey(h, 1<<40); bytes.Compare(k, start) < 0 || bytes.Compare(k, end) >= 0 {
			t.Errorf("deadline at %d is not due at 300", h)
		}
	}
	if k := DeadlineKey(301, 0); bytes.Compare(k, end) < 0 {
		t.Error("deadline at 301 is due at 300")
	}
	if DeadlineSeq(DeadlineKey(7, 9)) != 9 {
		t.Error("a deadline's statement is lost")
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range codecs {
		f.Add(c.sample)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for name, c := range codecs {
			if got, err := c.again(b); err == nil && !bytes.Equal(got, b) {
				t.Fatalf("%s: accepted %s, encodes as %s", name, b, got)
			}
		}
	})
}

// Keys of a range are in it, those of the next unit or recall are not, and the
// parts of a key read back.
func TestTraceKeys(t *testing.T) {
	a, b := NewUnitID(7, 0xffff), NewUnitID(8, 0)
	in := func(key []byte, r func() (start, end []byte)) bool {
		start, end := r()
		return bytes.Compare(key, start) >= 0 && bytes.Compare(key, end) < 0
	}
	for i, ok := range []bool{
		in(UnitKey(a), func() ([]byte, []byte) { return MadeRange(7) }), !in(UnitKey(b), func() ([]byte, []byte) { return MadeRange(7) }),
		in(InsideKey(a, b), func() ([]byte, []byte) { return InsideRange(a) }), !in(InsideKey(b, a), func() ([]byte, []byte) { return InsideRange(a) }),
		in(UseKey(a, 1<<63), func() ([]byte, []byte) { return UseRange(a) }), !in(UseKey(b, 0), func() ([]byte, []byte) { return UseRange(a) }),
		in(ScopeKey(255, b), func() ([]byte, []byte) { return ScopeRange(255) }), !in(ScopeKey(256, a), func() ([]byte, []byte) { return ScopeRange(255) }),
		in(HolderKey(255, "zz"), func() ([]byte, []byte) { return HolderRange(255) }), in(QueueKey(255, 9), func() ([]byte, []byte) { return QueueRange(255) }),
		in(ScopingKey(1), ScopingRange),
		UnitOf(UnitKey(a)) == a, InsideChild(InsideKey(a, b)) == b, UseSeq(UseKey(a, 9)) == 9, ScopeUnit(ScopeKey(1, b)) == b, HolderMember(HolderKey(1, "hz")) == "hz",
		ScopingSeq(ScopingKey(5)) == 5, a.Seq() == 7 && a.Index() == 0xffff,
	} {
		if !ok {
			t.Errorf("case %d", i)
		}
	}
	if id, err := ParseUnitID(a.String()); err != nil || id != a {
		t.Errorf("%s reads back as %v, %v", a, id, err)
	}
	for _, s := range []string{"", "7", "7.", "07.1", "7.65536", "7.1.2", "-1.0"} {
		if id, err := ParseUnitID(s); err == nil {
			t.Errorf("%q reads as %v", s, id)
		}
	}
}
