package app_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	cmted25519 "github.com/cometbft/cometbft/crypto/ed25519"
	cmttypes "github.com/cometbft/cometbft/types"
	"pgregory.net/rapid"

	"zhenglian/app/apptest"
	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/tx"
	"zhenglian/genesis"
)

// powers are the powers of the set by the number of apptest.ValidatorKey.
func powers(c *apptest.Chain) map[int]int64 {
	out := make(map[int]int64)
	for n := range 10 {
		k := apptest.ValidatorKey(n)
		for _, v := range c.Set.Validators {
			if string(v.PubKey.Bytes()) == string(k[:]) {
				out[n] = v.VotingPower
			}
		}
	}
	return out
}

func wantPowers(t *testing.T, c *apptest.Chain, what string, want map[int]int64) {
	t.Helper()
	if got := powers(c); !reflect.DeepEqual(got, want) {
		t.Errorf("%s: powers %v, want %v", what, got, want)
	}
}

// A validator joins in stages: proposed, approved, ready, active.
func TestValidatorJoins(t *testing.T) {
	c := begun(t)
	add := &tx.ValidatorChange{Key: apptest.ValidatorKey(4), Member: "changsha-amr", Power: 10}
	four := map[int]int64{0: 10, 1: 10, 2: 10, 3: 10}
	ready := c.Sign(c.Statement("changsha-amr", tx.GovReady, tx.ID{}, &tx.Ready{Key: add.Key}), "changsha-admin1")
	wantCode(t, "ready before it is approved", c.Deliver(ready), tx.CodeNoValidator)
	id := c.Must(c.Sign(c.Statement("hangzhou-amr", tx.GovValidator, tx.ID{}, add), "admin1", "city-admin1", "court-admin1"))
	wantCode(t, "ready while it is proposed", c.Deliver(ready), tx.CodeNoValidator)
	c.Must(c.Sign(c.Statement("qijiang-amr", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: id, Type: tx.Agrees}), "qijiang-admin1"))
	c.Block()
	wantPowers(t, c, "approved", four)
	wantCode(t, "ready, says another member", c.Deliver(c.Sign(c.Statement("qijiang-amr", tx.GovReady, tx.ID{}, &tx.Ready{Key: add.Key}), "qijiang-admin1")), tx.CodeNoValidator)
	c.Must(ready)
	wantPowers(t, c, "ready, and nobody seen to sign yet", four)
	c.Block()
	four[4] = 10
	wantPowers(t, c, "active", four)
	c.Must(c.Govern(tx.GovValidator, &tx.ValidatorChange{Key: add.Key, Member: "changsha-amr"}))
	delete(four, 4)
	for range 4 { // until it is seen to sign, or not
		c.Block()
	}
	wantPowers(t, c, "taken out", four)
	if vs := c.App.Directory().Validators(); len(vs) != 4 {
		t.Errorf("%d validators in the state, want 4", len(vs))
	}
}

// The key of one of four validators changes in one step; of one of one, in
// several; and two members who rotate in one block take turns.
func TestValidatorRotates(t *testing.T) {
	c := begun(t)
	rotate := func(member tx.MemberID, from, to int, names ...string) []byte {
		return c.Sign(c.Statement(member, tx.GovRotate, tx.ID{}, &tx.KeyRotation{Key: apptest.ValidatorKey(from), New: apptest.ValidatorKey(to)}), names...).AppendWire(nil)
	}
	rs := c.Block(rotate("hangzhou-amr", 0, 5, "admin1", "admin2"), rotate("xianyang-amr", 1, 6, "city-admin1", "city-admin2"),
		rotate("xianyang-amr", 2, 7, "city-admin1", "city-admin2"), rotate("hangzhou-amr", 5, 1, "admin1", "admin2"))
	for i, want := range []tx.Code{tx.CodeOK, tx.CodeOK, tx.CodeNoValidator, tx.CodeExists} {
		wantCode(t, fmt.Sprint("rotation ", i), tx.Code(rs[i].Code), want)
	}
	for range 20 {
		if n := c.Set.TotalVotingPower(); n < 40 {
			t.Errorf("power fell to %d", n)
		}
		c.Block()
	}
	wantPowers(t, c, "rotated", map[int]int64{5: 10, 6: 10, 2: 10, 3: 10})
}

// A member that leaves takes its validators with it, but not the last.
func TestValidatorsLeave(t *testing.T) {
	c := begun(t)
	c.Must(c.Govern(tx.GovMember, &tx.Membership{Action: tx.Leave, ID: "platform-a"}))
	c.Block()
	c.Block()
	wantPowers(t, c, "left", map[int]int64{0: 10, 1: 10, 3: 10})
	out := func(n int, m tx.MemberID) *tx.Envelope {
		return c.Govern(tx.GovValidator, &tx.ValidatorChange{Key: apptest.ValidatorKey(n), Member: m})
	}
	wantCode(t, "of another member", c.Deliver(out(1, "internet-court")), tx.CodeNoValidator)
	wantCode(t, "of a member that left", c.Deliver(out(2, "platform-a")), tx.CodeNoMember)
	wantCode(t, "that is none", c.Deliver(out(9, "internet-court")), tx.CodeNoValidator)
	c.Must(out(1, "xianyang-amr"))
	c.Must(out(3, "internet-court"))
	wantCode(t, "the last", c.Deliver(out(0, "hangzhou-amr")), tx.CodeLastValidator)
	wantCode(t, "the member of the last", c.Deliver(c.Govern(tx.GovMember, &tx.Membership{Action: tx.Leave, ID: "hangzhou-amr"})), tx.CodeLastValidator)
	for range 40 {
		c.Block()
	}
	wantPowers(t, c, "one is left", map[int]int64{0: 10})
}

// A rapidTB lets apptest fail a rapid property.
type rapidTB struct {
	testing.TB
	rt *rapid.T
}

func (r rapidTB) Fatal(args ...any)                 { r.rt.Fatal(args...) }
func (r rapidTB) Fatalf(format string, args ...any) { r.rt.Fatalf(format, args...) }
func (r rapidTB) Cleanup(f func())                  { r.rt.Cleanup(f) }

// No sequence of statements of governance, by whom ever and whatever they say,
// makes the application fail, gives CometBFT an update that it refuses, changes
// a third of the power at once, leaves too few who sign, or leaves the running
// directory other than the one that a restart reads.
func TestNothingHaltsTheChain(t *testing.T) {
	accepted, refused, steps := make(map[tx.Kind]int), make(map[tx.Code]int), 0
	defer func() {
		if t.Failed() {
			return
		}
		t.Logf("accepted %v, refused %v, %d steps of validators", accepted, refused, steps)
		if testing.Short() { // too few cases to say what they cover
			return
		}
		if steps < 20 || len(accepted) < 9 || len(refused) < 10 {
			t.Errorf("%d steps, %d kinds accepted, %d ways of refusal: the property says too little", steps, len(accepted), len(refused))
		}
	}()
	property := func(rt *rapid.T) {
		c := apptest.New(rapidTB{t, rt}, func(g *genesis.State) { g.Params.PendingBlocks = 6 })
		c.Block()
		for n := 4; n < 8; n++ { // who is new may never sign
			c.Absent[apptest.ValidatorKey(n)] = rapid.Bool().Draw(rt, "absent")
		}
		g := &generator{c: c, t: rt, by: make(map[tx.ID]tx.MemberID)}
		last, total := int64(-9), c.Set.TotalVotingPower()
		for range rapid.IntRange(1, 40).Draw(rt, "blocks") {
			var txs [][]byte
			var kinds []tx.Kind
			for range rapid.IntRange(0, 4).Draw(rt, "statements") {
				e, kind := g.statement()
				kinds = append(kinds, kind)
				g.ids = append(g.ids, e.ID())
				txs = append(txs, e.AppendWire(nil))
			}
			old := c.Set.Copy()
			for i, r := range c.Block(txs...) {
				if r.Code == 0 {
					accepted[kinds[i]]++
				} else {
					refused[tx.Code(r.Code)]++
				}
			}
			if n := len(c.Last.ValidatorUpdates); n > 0 {
				if c.Height < last+2 {
					rt.Fatalf("steps at %d and %d", last, c.Height)
				}
				last = c.Height
				steps++
				if come, gone := moved(old, c.Set); 3*come >= total || 3*gone >= total {
					rt.Fatalf("%d come and %d go of %d", come, gone, total)
				}
			}
			total = c.Set.TotalVotingPower()
			alive := int64(0)
			for _, v := range c.Set.Validators {
				if !c.Absent[tx.ValidatorKey(v.PubKey.Bytes())] {
					alive += v.VotingPower
				}
			}
			if 3*alive <= 2*total {
				rt.Fatalf("%d of %d sign: the chain stands still", alive, total)
			}
			for _, v := range c.App.Directory().Validators() {
				if _, in := c.Set.GetByAddress(validatorAddress(v.Key)); in == nil && v.Power != 0 || in != nil && in.VotingPower != v.Power {
					rt.Fatalf("the state says %+v, CometBFT %v", v, in)
				}
			}
		}
		read, err := state.LoadDirectory(c.App.Store().View())
		if err != nil {
			rt.Fatal(err)
		}
		if !reflect.DeepEqual(read, c.App.Directory()) {
			rt.Fatal("a restart reads another directory")
		}
	}
	for range 3 { // a hundred cases each: one round alone may, by luck, hold few steps
		rapid.Check(t, property)
	}
}

func moved(old, now *cmttypes.ValidatorSet) (come, gone int64) {
	for _, v := range now.Validators {
		if _, o := old.GetByAddress(v.Address); o == nil {
			come += v.VotingPower
		} else {
			come += max(v.VotingPower-o.VotingPower, 0)
			gone += max(o.VotingPower-v.VotingPower, 0)
		}
	}
	for _, o := range old.Validators {
		if _, v := now.GetByAddress(o.Address); v == nil {
			gone += o.VotingPower
		}
	}
	return come, gone
}

func validatorAddress(k tx.ValidatorKey) []byte { return cmted25519.PubKey(k[:]).Address() }

// A generator draws statements of governance from small domains, so that they
// meet each other.
type generator struct {
	c     *apptest.Chain
	t     *rapid.T
	ids   []tx.ID
	by    map[tx.ID]tx.MemberID // who stated it
	drawn int
}

func pick[T any](g *generator, what string, from ...T) T {
	return rapid.SampledFrom(from).Draw(g.t, what)
}

func (g *generator) member() tx.MemberID {
	return pick[tx.MemberID](g, "member", "hangzhou-amr", "xianyang-amr", "changsha-amr", "qijiang-amr", "platform-a", "internet-court", "notary-office", "nanjing-amr")
}

func (g *generator) key() tx.ValidatorKey {
	return apptest.ValidatorKey(rapid.IntRange(0, 7).Draw(g.t, "key"))
}

func (g *generator) names() []string {
	var names []string
	for n := range g.c.Keys {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// validator is mostly one that there is, with its member.
func (g *generator) validator(m tx.MemberID) (tx.ValidatorKey, tx.MemberID) {
	if vs := g.c.App.Directory().Validators(); rapid.IntRange(0, 4).Draw(g.t, "known") > 0 {
		v := pick(g, "validator", vs...)
		return v.Key, v.Member
	}
	return g.key(), m
}

func (g *generator) account() tx.AccountID { return accountOf(g.c, pick(g, "account", g.names()...)) }

func (g *generator) credential(role ...string) tx.Credential {
	g.drawn++
	return g.c.Credential(fmt.Sprint("drawn ", g.drawn), role...)
}

func (g *generator) height() int64 {
	return max(1, g.c.Height+rapid.Int64Range(-3, 8).Draw(g.t, "height"))
}

// govKinds are the kinds of governance, and endorse.
func govKinds() []tx.Kind {
	return slices.DeleteFunc(tx.Kinds(), func(k tx.Kind) bool { return k != tx.EndorseKind && k.Family() != "gov" })
}

func (g *generator) statement() (*tx.Envelope, tx.Kind) {
	member, prev := g.member(), tx.ID{}
	kind := pick(g, "kind", govKinds()...)
	if rapid.Bool().Draw(g.t, "validators") {
		kind = pick(g, "of validators", tx.GovValidator, tx.GovReady, tx.GovRotate, tx.GovMember)
	}
	if len(g.ids) > 0 && (kind == tx.EndorseKind || kind == tx.GovWithdraw) {
		prev = pick(g, "target", g.ids[max(0, len(g.ids)-6):]...)
		if kind == tx.GovWithdraw {
			member = g.by[prev]
		}
	}
	var body tx.Body
	switch kind {
	case tx.EndorseKind:
		body, prev = &tx.Endorse{Statement: prev, Type: pick(g, "type", tx.Agrees, tx.Agrees, tx.Holds)}, tx.ID{}
	case tx.GovWithdraw:
		body = &tx.Withdraw{Reason: "mistake"}
	case tx.GovAccount:
		b := &tx.AccountChange{Action: pick(g, "action", tx.Add, tx.Rotate, tx.Revoke, tx.Expire, tx.Compromise)}
		if b.Action != tx.Add {
			b.Account = g.account()
		}
		switch b.Action {
		case tx.Add, tx.Rotate:
			k := g.credential("admin", "officer")
			b.New = &k
		case tx.Expire:
			b.ValidTo = g.height()
		case tx.Compromise:
			b.From = g.height()
		}
		body = b
	case tx.GovFreeze, tx.GovThaw:
		body = &tx.Freeze{Account: accountOf(g.c, pick(g, "account", "city", "officer1", "notary-admin2")), Reason: "other"}
	case tx.GovMember:
		b := &tx.Membership{Action: pick(g, "action", tx.Admit, tx.Amend, tx.Suspend, tx.Resume, tx.Leave), ID: g.member()}
		if b.Action == tx.Admit || b.Action == tx.Amend {
			action, id := b.Action, b.ID
			*b = nanjing
			b.Action, b.ID = action, id
			b.Roles = pick(g, "roles", []string{"regulator"}, []string{"court"}, []string{"lab", "platform"})
		}
		if b.Action == tx.Admit {
			b.Accounts = []tx.Credential{g.credential("admin"), g.credential("admin")}
		}
		body = b
	case tx.GovRecover:
		body = &tx.Recover{Accounts: []tx.Credential{g.credential("admin"), g.credential("admin")}, ID: g.member()}
	case tx.GovPolicy, tx.GovOverride:
		body = &tx.PolicyChange{Expr: pick(g, "expr", "", "officer@issuer", "admin@issuer", "MAJ(regulator)", "auditor@any", "OF(9,admin@issuer)", genesis.GovernancePolicy, "ALL("),
			From: g.height(), Kind: pick(g, "of", tx.Kinds()...)}
	case tx.GovEpoch:
		b := &tx.EpochChange{Action: pick(g, "epoch action", tx.OpenEpoch, tx.HandEpoch, tx.WithdrawEpoch), Epoch: rapid.Int64Range(1, 3).Draw(g.t, "epoch"), List: tx.NegativeIndex}
		switch b.Action {
		case tx.OpenEpoch:
			b.Commitment = tx.Digest{1}
			fallthrough
		case tx.HandEpoch:
			b.Copies = []tx.SealedCopy{{Account: g.c.Keys[pick(g, "copy for", "admin1", "city", "platform")].Public().Account(), SHA256: tx.Digest{2}}}
		default:
			b.Reason = "other"
		}
		body = b
	case tx.GovParams:
		body = &tx.Params{AnchorBlocks: 5, ExpiresBlocks: 100_000, FutureMillis: 120_000, PendingBlocks: rapid.Int64Range(1, 9).Draw(g.t, "pending")}
	case tx.GovReady:
		b := &tx.Ready{}
		b.Key, member = g.validator(member)
		body = b
	case tx.GovRotate:
		b := &tx.KeyRotation{New: g.key()}
		b.Key, member = g.validator(member)
		if b.Key == b.New {
			b.New[0] ^= 1
		}
		body = b
	case tx.GovUpgrade:
		body = &tx.Upgrade{Height: g.c.Height + 1000, Version: rapid.Int64Range(1, 3).Draw(g.t, "version")}
	case tx.GovList:
		l := pick(g, "list", tx.Lists()...)
		rule := genesis.DefaultListRule(l)
		body = &tx.ListRuleChange{Consent: rapid.Bool().Draw(g.t, "consent"), Document: tx.Digest{1}, From: max(1, g.height()), Laws: rule.Laws, List: l, Terms: rule.Terms}
	case tx.GovRouting:
		b := &tx.RoutingSwitch{Action: pick(g, "switch", tx.SwitchOn, tx.SwitchOff)}
		if b.Action == tx.SwitchOn {
			b.Assessment = tx.Digest{1}
		}
		body = b
	case tx.GovCalendar:
		year := rapid.IntRange(2025, 2028).Draw(g.t, "year")
		body = &tx.Calendar{Year: int64(year), Holidays: []tx.Date{tx.Civil(year, 1, rapid.IntRange(1, 3).Draw(g.t, "day"))}}
	case tx.GovRuleset:
		body = &tx.RuleSet{Deadlines: []tx.Deadline{{Code: "ACCEPT", Count: rapid.Int64Range(1, 30).Draw(g.t, "count"), Unit: tx.Workdays}},
			Effective: tx.Civil(2027, 1, rapid.IntRange(1, 9).Draw(g.t, "day")), Name: pick(g, "name", "complaints-2027", "lists-2027")}
	default:
		if kind != tx.GovValidator && kind.Family() == "gov" {
			g.t.Fatalf("nothing is drawn of %s", kind)
		}
		kind = tx.GovValidator
		body = &tx.ValidatorChange{Key: g.key(), Member: g.member(), Power: pick[int64](g, "power", 0, 0, 1, 9, 10, 11, 1000, tx.MaxPower)}
	}
	s := g.c.Statement(member, kind, prev, body)
	s.Expires -= rapid.Int64Range(0, 900).Draw(g.t, "expires")
	e := g.c.Sign(s, g.signers(member)...)
	g.by[e.ID()] = member
	return e, kind
}

// signers are mostly those that satisfy the policies of the demo, for the
// stating member and for the consortium.
func (g *generator) signers(member tx.MemberID) []string {
	own := map[tx.MemberID]string{"hangzhou-amr": "", "xianyang-amr": "city-", "changsha-amr": "changsha-", "qijiang-amr": "qijiang-",
		"platform-a": "platform-", "internet-court": "court-", "notary-office": "notary-", "nanjing-amr": "notary-"}[member] + "admin"
	names := []string{own + "1"}
	switch rapid.IntRange(0, 6).Draw(g.t, "signers") {
	case 0:
		return rapid.SliceOfNDistinct(rapid.SampledFrom(g.names()), 1, 6, rapid.ID).Draw(g.t, "any")
	case 1:
		return append(names, own+"2")
	case 2:
		return names
	}
	for _, n := range []string{"admin1", "city-admin1", "changsha-admin1", "qijiang-admin1", "platform-admin1", "court-admin1", "notary-admin1"} {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// The stages of a validator, as its row shows them.
func TestValidatorRows(t *testing.T) {
	c := begun(t)
	add := &tx.ValidatorChange{Key: apptest.ValidatorKey(4), Member: "changsha-amr", Power: 20}
	c.Must(c.Govern(tx.GovValidator, add))
	find := func() row.Validator {
		for _, v := range c.App.Directory().Validators() {
			if v.Key == add.Key {
				return v.Validator
			}
		}
		return row.Validator{}
	}
	want := row.Validator{Member: "changsha-amr", Since: c.Height, Target: 20}
	if got := find(); got != want {
		t.Errorf("approved: %+v, want %+v", got, want)
	}
	c.Must(c.Sign(c.Statement("changsha-amr", tx.GovReady, tx.ID{}, &tx.Ready{Key: add.Key}), "changsha-admin1"))
	c.Block()
	want = row.Validator{Member: "changsha-amr", Power: 13, Ready: true, Since: c.Height - 1, Target: 20} // 39 < 40
	if got := find(); got != want {
		t.Errorf("first step: %+v, want %+v", got, want)
	}
	c.Block()
	if got := find(); got != want {
		t.Errorf("while the step is taken: %+v, want %+v", got, want)
	}
	seen := c.Height + 2 // it signs the block after the next, whose votes are in the one after that
	for range 3 {
		c.Block()
	}
	if want.Power, want.Seen = 20, seen; find() != want {
		t.Errorf("second step: %+v, want %+v", find(), want)
	}
}

// Validators that are taken in and never sign stop growing before they can stop
// the chain; those absent may be taken out, those present not when too few are.
func TestValidatorsThatNeverSign(t *testing.T) {
	c := begun(t)
	for n := 4; n < 9; n++ {
		k := apptest.ValidatorKey(n)
		c.Absent[k] = true
		c.Must(c.Govern(tx.GovValidator, &tx.ValidatorChange{Key: k, Member: "hangzhou-amr", Power: 10}))
		c.Must(c.Sign(c.Statement("hangzhou-amr", tx.GovReady, tx.ID{}, &tx.Ready{Key: k}), "admin1"))
	}
	wait := func() {
		for range 40 {
			c.Block()
		}
	}
	wait()
	wantPowers(t, c, "five that never sign", map[int]int64{0: 10, 1: 10, 2: 10, 3: 10, 4: 10, 5: 3})
	c.Must(c.Govern(tx.GovValidator, &tx.ValidatorChange{Key: apptest.ValidatorKey(3), Member: "internet-court"}))
	wait()
	wantPowers(t, c, "one that signs is to go", map[int]int64{0: 10, 1: 10, 2: 10, 3: 9, 4: 10, 5: 3})
	for n := 4; n < 9; n++ {
		c.Must(c.Govern(tx.GovValidator, &tx.ValidatorChange{Key: apptest.ValidatorKey(n), Member: "hangzhou-amr"}))
	}
	wait()
	wantPowers(t, c, "the absent are taken out", map[int]int64{0: 10, 1: 10, 2: 10})
}
