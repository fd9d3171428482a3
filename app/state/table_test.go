package state_test

import (
	"fmt"
	"slices"
	"testing"

	"zhenglian/app/apptest"
	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/tx"
	"zhenglian/genesis"
)

// A matter is one of a family in some state, to be continued by every kind.
type matter struct {
	c    *apptest.Chain
	id   tx.ID // opening statement
	head tx.ID
	key  string // of the origin, of a matter of traceability
}

func open(t *testing.T, e func(*apptest.Chain) *tx.Envelope) *matter {
	c := apptest.New(t, func(g *genesis.State) { g.Params.PendingBlocks = 5 })
	c.Block()
	id := c.Must(e(c))
	return &matter{c: c, id: id, head: id}
}

func seal(signers ...string) func(*apptest.Chain) *tx.Envelope {
	return func(c *apptest.Chain) *tx.Envelope {
		return c.Sign(c.Statement("hangzhou-amr", tx.EvidenceSeal, tx.ID{}, c.Evidence(1)), signers...)
	}
}

// propose is a statement of governance that lacks two signatures of those that it needs.
func propose(c *apptest.Chain) *tx.Envelope {
	return c.Sign(c.Statement("hangzhou-amr", tx.GovParams, tx.ID{}, otherParams), "admin1", "city-admin1")
}

var otherParams = &tx.Params{AnchorBlocks: 7, ExpiresBlocks: 100_000, FutureMillis: 5000, PendingBlocks: 5}

// body is a body of each kind that opens a matter of governance, which could
// take effect in a new chain.
func body(c *apptest.Chain, kind tx.Kind) tx.Body {
	officer := c.Keys["city"].Public().Account()
	switch kind {
	case tx.GovAccount:
		k := c.Credential("new officer", "officer")
		return &tx.AccountChange{Action: tx.Add, New: &k}
	case tx.GovCalendar:
		return &tx.Calendar{Holidays: []tx.Date{tx.Civil(2027, 1, 1)}, Year: 2027}
	case tx.GovEpoch:
		return &tx.EpochChange{Action: tx.OpenEpoch, Commitment: tx.Digest{1}, Copies: []tx.SealedCopy{{Account: c.Keys["admin1"].Public().Account(), SHA256: tx.Digest{2}}}, Epoch: 1, List: tx.NegativeIndex}
	case tx.GovFreeze, tx.GovThaw:
		return &tx.Freeze{Account: officer, Reason: "misuse"}
	case tx.GovList:
		return &tx.ListRuleChange{Document: tx.Digest{1}, From: c.Height + 100, Laws: []string{"consortium_rules"}, List: tx.NegativeIndex, Terms: []tx.Term{{Max: 9, Severity: tx.General}}}
	case tx.GovRouting:
		return &tx.RoutingSwitch{Action: tx.SwitchOn, Assessment: tx.Digest{1}}
	case tx.GovMember:
		return &tx.Membership{Action: tx.Suspend, ID: "notary-office"}
	case tx.GovOverride:
		return &tx.PolicyChange{Expr: "OF(3,officer@issuer)", From: c.Height + 100, Kind: tx.EvidenceSeal}
	case tx.GovParams:
		return &tx.Params{AnchorBlocks: 9, ExpiresBlocks: 100_000, FutureMillis: 5000, PendingBlocks: 5}
	case tx.GovPolicy:
		return &tx.PolicyChange{Expr: "court@any", From: c.Height + 100, Kind: tx.EvidenceChallenge}
	case tx.GovReady:
		return &tx.Ready{Key: apptest.ValidatorKey(9)}
	case tx.GovRecover:
		return &tx.Recover{Accounts: []tx.Credential{c.Credential("r1", "admin"), c.Credential("r2", "admin")}, ID: "notary-office"}
	case tx.GovRotate:
		return &tx.KeyRotation{Key: apptest.ValidatorKey(0), New: apptest.ValidatorKey(9)}
	case tx.GovRuleset:
		return &tx.RuleSet{Deadlines: []tx.Deadline{{Code: "ACCEPT", Count: 8, Unit: tx.Workdays}}, Effective: tx.Civil(2027, 1, 1), Name: "complaints-2027"}
	case tx.GovUpgrade:
		return &tx.Upgrade{Height: c.Height + 1000, Version: 2}
	case tx.GovValidator:
		return &tx.ValidatorChange{Key: apptest.ValidatorKey(9), Member: "hangzhou-amr", Power: 5}
	}
	panic(kind)
}

// prepare makes room for what body of the kind says.
func prepare(c *apptest.Chain, kind tx.Kind) {
	switch kind {
	case tx.GovThaw:
		c.Must(c.Govern(tx.GovFreeze, body(c, tx.GovFreeze)))
	case tx.GovReady:
		c.Must(c.Govern(tx.GovValidator, body(c, tx.GovValidator)))
	}
}

// step is a complete, well-signed statement of a kind that continues m.
func (m *matter) step(kind tx.Kind) *tx.Envelope {
	c := m.c
	switch kind {
	case tx.EvidenceChallenge:
		return c.Sign(c.Statement("platform-a", kind, m.head, &tx.Challenge{Ground: "not_authentic"}), "platform")
	case tx.EvidenceUphold, tx.EvidenceReject:
		return c.Sign(c.Statement("internet-court", kind, m.head, &tx.Decision{Document: tx.Digest{1}}), "court")
	case tx.EvidenceErase:
		return c.Sign(c.Statement("hangzhou-amr", kind, m.head, &tx.Erase{Authority: "internet-court", Basis: "court_order", Decision: tx.Digest{1}, Files: []tx.Digest{{1}}}), "officer1", "officer2", "court")
	case tx.EvidenceSupersede:
		by := c.Must(c.Seal(77))
		return c.Sign(c.Statement("hangzhou-amr", kind, m.head, &tx.Supersede{By: by, Reason: "recapture"}), "officer1", "officer2")
	case tx.EvidenceWithdraw:
		return c.Sign(c.Statement("hangzhou-amr", kind, m.head, &tx.Withdraw{Reason: "mistake"}), "officer1", "officer2")
	case tx.EvidenceBatch:
		return c.Sign(c.Statement("hangzhou-amr", kind, m.head, c.Batch(2, tx.Digest{1}, tx.Digest{2})), "officer1", "officer2", "city")
	case tx.EvidenceSeal:
		return c.Sign(c.Statement("hangzhou-amr", kind, m.head, c.Evidence(2)), "officer1", "officer2", "city")
	case tx.GovWithdraw:
		return c.Sign(c.Statement("hangzhou-amr", kind, m.head, &tx.Withdraw{Reason: "mistake"}), "admin1")
	case tx.EndorseKind: // the court completes what lacks one signature of another kind of member
		return c.Sign(c.Statement("internet-court", kind, tx.ID{}, &tx.Endorse{Statement: m.id, Type: tx.Agrees}), "court-admin1")
	}
	switch kind.Family() {
	case "clock":
		return c.Sign(c.Statement("hangzhou-amr", kind, m.head, clockStep(kind, m.id)), "officer1", "officer2", "admin1")
	case "trace":
		return m.traceStep(kind)
	case "inspect", "delist":
		return m.inspectStep(kind)
	case "list", "routing":
		return m.listStep(kind, proposal(tx.NegativeIndex))
	}
	return c.Sign(c.Statement("hangzhou-amr", kind, m.head, body(c, kind)), "admin1", "admin2", "city-admin1", "changsha-admin1", "court-admin1")
}

func (m *matter) must(kind tx.Kind) { m.head = m.c.Must(m.step(kind)) }

func (m *matter) state() row.State {
	s, err := state.Stand(m.c.App.Store().View(), m.c.App.Directory(), m.id)
	if err != nil {
		m.c.T.Fatal(err)
	}
	return s.State
}

// endorse is another regulator's consent.
func (m *matter) endorse(name string, member tx.MemberID) {
	m.c.Must(m.c.Sign(m.c.Statement(member, tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: m.id, Type: tx.Agrees}), name))
}

// A way leads to a state of a family, and says what the protocol (app/README.md)
// allows there: every kind that is not here is refused.
type way struct {
	family  string
	state   row.State
	make    func(t *testing.T) *matter
	allowed map[tx.Kind]row.State
}

var ways = []way{
	{"evidence", row.Pending, func(t *testing.T) *matter { return open(t, seal("officer1", "officer2")) },
		map[tx.Kind]row.State{tx.EvidenceWithdraw: row.Withdrawn, tx.EndorseKind: row.Sealed}},
	{"evidence", row.Sealed, func(t *testing.T) *matter { return open(t, seal("officer1", "officer2", "city")) },
		map[tx.Kind]row.State{tx.EvidenceChallenge: row.Challenged, tx.EvidenceSupersede: row.Superseded, tx.EvidenceWithdraw: row.Withdrawn,
			tx.EvidenceErase: row.Erased, tx.EndorseKind: row.Sealed}},
	{"evidence", row.Challenged, after(tx.EvidenceChallenge),
		map[tx.Kind]row.State{tx.EvidenceUphold: row.Upheld, tx.EvidenceReject: row.Rejected, tx.EvidenceWithdraw: row.Withdrawn,
			tx.EndorseKind: row.Challenged}},
	{"evidence", row.Rejected, after(tx.EvidenceChallenge, tx.EvidenceReject),
		map[tx.Kind]row.State{tx.EvidenceChallenge: row.Challenged, tx.EvidenceSupersede: row.Superseded, tx.EvidenceWithdraw: row.Withdrawn,
			tx.EvidenceErase: row.Erased, tx.EndorseKind: row.Rejected}},
	{"evidence", row.Upheld, after(tx.EvidenceChallenge, tx.EvidenceUphold), map[tx.Kind]row.State{tx.EvidenceErase: row.Erased, tx.EndorseKind: row.Upheld}},
	{"evidence", row.Superseded, after(tx.EvidenceSupersede), map[tx.Kind]row.State{tx.EvidenceErase: row.Erased, tx.EndorseKind: row.Superseded}},
	{"evidence", row.Erased, after(tx.EvidenceErase), map[tx.Kind]row.State{tx.EndorseKind: row.Erased}},
	{"evidence", row.Withdrawn, after(tx.EvidenceWithdraw), map[tx.Kind]row.State{tx.EvidenceErase: row.Erased, tx.EndorseKind: row.Withdrawn}},
	{"evidence", row.Sealed, func(t *testing.T) *matter { // of a batch
		return open(t, func(c *apptest.Chain) *tx.Envelope {
			return c.Sign(c.Statement("hangzhou-amr", tx.EvidenceBatch, tx.ID{}, c.Batch(2, tx.Digest{1}, tx.Digest{2})), "officer1", "officer2", "city")
		})
	}, map[tx.Kind]row.State{tx.EvidenceChallenge: row.Challenged, tx.EvidenceSupersede: row.Superseded, tx.EvidenceWithdraw: row.Withdrawn,
		tx.EvidenceErase: row.Erased, tx.EndorseKind: row.Sealed}},
	{"evidence", row.Expired, func(t *testing.T) *matter {
		m := open(t, seal("officer1", "officer2"))
		m.wait(5)
		return m
	}, nil},
	{"gov", row.Pending, func(t *testing.T) *matter {
		m := open(t, propose)
		m.endorse("changsha-admin1", "changsha-amr")
		return m
	}, map[tx.Kind]row.State{tx.GovWithdraw: row.Withdrawn, tx.EndorseKind: row.Enacted}},
	{"gov", row.Enacted, func(t *testing.T) *matter {
		m := open(t, propose)
		m.endorse("changsha-admin1", "changsha-amr")
		m.endorse("notary-admin1", "notary-office")
		return m
	}, map[tx.Kind]row.State{tx.EndorseKind: row.Enacted}},
	{"gov", row.Withdrawn, func(t *testing.T) *matter {
		m := open(t, propose)
		m.must(tx.GovWithdraw)
		return m
	}, nil},
	{"gov", row.Expired, func(t *testing.T) *matter {
		m := open(t, propose)
		m.wait(5)
		return m
	}, nil},
	{"gov", row.Overtaken, func(t *testing.T) *matter {
		m := open(t, propose)
		m.endorse("changsha-admin1", "changsha-amr")
		m.c.Must(m.c.Govern(tx.GovParams, otherParams)) // what it wanted is so already
		m.endorse("notary-admin1", "notary-office")
		return m
	}, nil},
}

// after is evidence that some steps have continued.
func after(kinds ...tx.Kind) func(t *testing.T) *matter {
	return func(t *testing.T) *matter {
		m := open(t, seal("officer1", "officer2", "city"))
		for _, k := range kinds {
			m.must(k)
		}
		return m
	}
}

func (m *matter) wait(blocks int) {
	for range blocks {
		m.c.Block()
	}
}

// Every state with every kind of statement: accepted as the table says, or
// refused with a number and without any change.
func TestEveryStateAndKind(outer *testing.T) {
	defer state.BoundTraced(1)()
	t := outer
	for _, w := range slices.Concat(ways, traceWays, inspectWays) {
		var kept *matter // refusals change nothing, so one serves them all
		for _, kind := range tx.Kinds() {
			t.Run(fmt.Sprintf("%s/%s/%s", w.family, w.state, kind), func(t *testing.T) {
				want, allowed := w.allowed[kind]
				m := kept
				if m == nil || allowed {
					m = w.make(outer)
				}
				if !allowed && w.state != row.Pending && w.state != row.Scoping { // these do not last
					kept = m
				}
				if got := m.state(); got != w.state {
					t.Fatalf("made %s, want %s", got, w.state)
				}
				e := m.step(kind)
				before := m.c.App.Store().View().Head()
				code := m.c.Deliver(e)
				if allowed {
					if code != tx.CodeOK || m.state() != want {
						t.Errorf("got code %d and %s, want %s", code, m.state(), want)
					}
					return
				}
				after := m.c.App.Store().View().Head()
				if code == tx.CodeOK || m.state() != w.state {
					t.Errorf("got code %d and %s, want a refusal", code, m.state())
				}
				if after.LogRoot != before.LogRoot || after.StateRoot != before.StateRoot {
					t.Errorf("a refused statement changed the ledger")
				}
			})
		}
	}
}

// Every kind that opens a matter, in the three ways in which it can begin.
func TestEveryOpening(t *testing.T) {
	for _, kind := range tx.Kinds() {
		if kind.Family() != "gov" || kind == tx.GovWithdraw {
			continue
		}
		t.Run(string(kind), func(t *testing.T) {
			c := apptest.New(t)
			c.Block()
			prepare(c, kind)
			all := []string{"admin1", "admin2", "city-admin1", "changsha-admin1", "court-admin1"}
			s := c.Statement("hangzhou-amr", kind, tx.ID{}, body(c, kind))
			if got := c.Deliver(c.Sign(s, append(all, "notary")...)); got != tx.CodeNotAdmin {
				t.Errorf("signed by an officer too: %d, want %d", got, tx.CodeNotAdmin)
			}
			part := c.Sign(s, all[:1]...)
			id := c.Must(part)
			m := &matter{c: c, id: id, head: id}
			if kind == tx.GovReady {
				if m.state() != row.Enacted {
					t.Errorf("signed by one: %s", m.state())
				}
				return
			}
			if m.state() != row.Pending {
				t.Fatalf("signed by one: %s", m.state())
			}
			s.Expires++ // another statement
			whole := c.Must(c.Sign(s, all...))
			if w := (&matter{c: c, id: whole, head: whole}); w.state() != row.Enacted {
				t.Fatalf("signed by all: %s", w.state())
			}
			// What waited is overtaken by its twin, except what cannot conflict.
			for i, member := range []tx.MemberID{"hangzhou-amr", "xianyang-amr", "changsha-amr", "internet-court"} {
				if m.state() == row.Pending {
					m.endorse(all[i+1], member)
				}
			}
			if m.state() != row.Overtaken {
				t.Errorf("completed after its twin: %s, want LAPSED", m.state())
			}
		})
	}
}

// Every refusal has its own number.
func TestRefusals(t *testing.T) {
	c := apptest.New(t)
	c.Block()
	c.Block()
	sealed := c.Must(c.Seal(1))
	endorsed := c.Must(c.Sign(c.Statement("notary-office", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: sealed, Type: tx.Holds}), "notary"))
	seal := func(change func(s *tx.Statement, b *tx.Evidence)) *tx.Statement {
		b := c.Evidence(100)
		s := c.Statement("hangzhou-amr", tx.EvidenceSeal, tx.ID{}, b)
		change(s, b)
		return s
	}
	all := []string{"officer1", "officer2", "city"}
	challenge := func(prev tx.ID) *tx.Statement {
		return c.Statement("platform-a", tx.EvidenceChallenge, prev, &tx.Challenge{Ground: "unlawful"})
	}
	supersede := func(by tx.ID) *tx.Statement {
		return c.Statement("hangzhou-amr", tx.EvidenceSupersede, sealed, &tx.Supersede{By: by, Reason: "format"})
	}
	batch := c.Batch(1, tx.Digest{1}, tx.Digest{1})
	batch.Anchor.Hash[0] ^= 1
	badBatch := c.Statement("hangzhou-amr", tx.EvidenceBatch, tx.ID{}, batch)
	stranger := apptest.Key(t, "stranger", tx.Secp256k1)
	c.Keys["stranger"] = stranger
	for _, tt := range []struct {
		name    string
		s       *tx.Statement
		signers []string
		want    tx.Code
	}{
		{"other chain", seal(func(s *tx.Statement, _ *tx.Evidence) { s.Chain = "other" }), all, tx.CodeChain},
		{"expired", seal(func(s *tx.Statement, _ *tx.Evidence) { s.Expires = c.Height }), all, tx.CodeExpired},
		{"expires too far", seal(func(s *tx.Statement, _ *tx.Evidence) { s.Expires = 1 << 40 }), all, tx.CodeExpiresFar},
		{"made in the future", seal(func(s *tx.Statement, _ *tx.Evidence) { s.At += 3_600_000 }), all, tx.CodeFuture},
		{"unknown account", seal(func(*tx.Statement, *tx.Evidence) {}), []string{"officer1", "stranger"}, tx.CodeUnknownAccount},
		{"not signed by its member", seal(func(*tx.Statement, *tx.Evidence) {}), []string{"city"}, tx.CodeNotIssuer},
		{"another member twice", seal(func(*tx.Statement, *tx.Evidence) {}), []string{"officer1", "city", "city2"}, tx.CodeSameMember},
		{"unknown member", seal(func(s *tx.Statement, _ *tx.Evidence) { s.Member = "nobody" }), []string{"officer1", "city"}, tx.CodeNotIssuer},
		{"anchor of another chain", seal(func(_ *tx.Statement, b *tx.Evidence) { b.Anchor.Hash[0] ^= 1 }), all, tx.CodeAnchor},
		{"anchor of another beginning", seal(func(_ *tx.Statement, b *tx.Evidence) { b.Anchor.Height = 0 }), all, tx.CodeAnchor},
		{"anchor in the future", seal(func(_ *tx.Statement, b *tx.Evidence) { b.Anchor.Height = c.Height + 9 }), all, tx.CodeAnchor},
		{"batch with an anchor of another chain", badBatch, all, tx.CodeAnchor},
		{"seal with prev", seal(func(s *tx.Statement, _ *tx.Evidence) { s.Prev = sealed }), all, tx.CodeState},
		{"endorse with prev", c.Statement("internet-court", tx.EndorseKind, sealed, &tx.Endorse{Statement: sealed, Type: tx.Holds}), []string{"court"}, tx.CodeState},
		{"challenge without prev", challenge(tx.ID{}), []string{"platform"}, tx.CodeUnknownPrev},
		{"challenge of nothing", challenge(tx.ID{9}), []string{"platform"}, tx.CodeUnknownPrev},
		{"challenge of an endorsement", challenge(endorsed), []string{"platform"}, tx.CodeStalePrev},
		{"challenge by the origin", c.Statement("hangzhou-amr", tx.EvidenceChallenge, sealed, &tx.Challenge{Ground: "unlawful"}), []string{"officer1"}, tx.CodeNotParty},
		{"withdrawal by another", c.Statement("xianyang-amr", tx.EvidenceWithdraw, sealed, &tx.Withdraw{Reason: "mistake"}), []string{"city", "city2"}[:1], tx.CodeNotParty},
		{"superseded by nothing", supersede(tx.ID{9}), []string{"officer1", "officer2"}, tx.CodeTarget},
		{"superseded by itself", supersede(sealed), []string{"officer1", "officer2"}, tx.CodeTarget},
		{"superseded by an endorsement", supersede(endorsed), []string{"officer1", "officer2"}, tx.CodeTarget},
		{"endorsing nothing", c.Statement("internet-court", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: tx.ID{9}, Type: tx.Holds}), []string{"court"}, tx.CodeTarget},
		{"endorsing an endorsement", c.Statement("internet-court", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: endorsed, Type: tx.Holds}), []string{"court"}, tx.CodeTarget},
		{"endorsing twice", c.Statement("notary-office", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: sealed, Type: tx.Agrees}), []string{"notary"}, tx.CodeEndorsed},
		{"endorsing after co-signing", c.Statement("xianyang-amr", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: sealed, Type: tx.Agrees}), []string{"city2"}, tx.CodeEndorsed},
		{"endorsing with another member's key", c.Statement("internet-court", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: sealed, Type: tx.Holds}), []string{"court", "platform"}, tx.CodeNotParty},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := c.App.Store().View().Head()
			if got := c.Deliver(c.Sign(tt.s, tt.signers...)); got != tt.want {
				t.Errorf("got %d %s, want %d %s", got, got.Name(), tt.want, tt.want.Name())
			}
			if after := c.App.Store().View().Head(); after.AppHash != before.AppHash {
				t.Error("a refused statement changed the app hash")
			}
		})
	}
	begin, err := c.App.Store().HeadAt(0)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Deliver(c.Sign(seal(func(_ *tx.Statement, b *tx.Evidence) { b.Anchor = tx.Anchor{Hash: tx.Digest(begin.AppHash)} }), all...)); got != tx.CodeOK {
		t.Errorf("anchored in the beginning of this chain: %d", got)
	}
	wire := c.Sign(seal(func(*tx.Statement, *tx.Evidence) {}), all...).AppendWire(nil)
	if rs := c.Block(wire, wire); rs[0].Code != 0 || tx.Code(rs[1].Code) != tx.CodeKnown {
		t.Errorf("the same envelope twice in a block: %d, %d", rs[0].Code, rs[1].Code)
	}
	if rs := c.Block(wire); tx.Code(rs[0].Code) != tx.CodeKnown {
		t.Errorf("the same envelope in a later block: %d", rs[0].Code)
	}
}

// A statement carries no more than 64 votes, whoever asks.
func TestEndorsementLimit(t *testing.T) {
	var members []genesis.Member
	var accounts []genesis.Account
	names := make([]string, 70)
	for i := range names {
		names[i] = fmt.Sprintf("extra-%d", i)
		members = append(members, genesis.Member{ID: tx.MemberID(names[i]), NameZH: "外", NameEN: "extra", Roles: []string{"department"}})
		accounts = append(accounts, genesis.NewAccount(tx.MemberID(names[i]), apptest.Key(t, names[i], tx.Secp256k1).Public(), "officer"))
	}
	c := apptest.New(t, func(g *genesis.State) {
		g.Members = append(g.Members, members...)
		g.Accounts = append(g.Accounts, accounts...)
	})
	c.Block()
	id := c.Must(c.Seal(1))
	for i, n := range names {
		c.Keys[n] = apptest.Key(t, n, tx.Secp256k1)
		want := tx.CodeOK
		if i >= 61 { // three came with the envelope
			want = tx.CodeEndorseLimit
		}
		if got := c.Deliver(c.Sign(c.Statement(tx.MemberID(n), tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: id, Type: tx.Holds}), n)); got != want {
			t.Fatalf("endorsement %d: got %d, want %d", i, got, want)
		}
	}
}
