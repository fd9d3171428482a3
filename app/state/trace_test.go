package state_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"zhenglian/app/apptest"
	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/tx"
	"zhenglian/genesis"
)

const (
	plums   tx.ProductCode = "zg/50011000010017"
	jam     tx.ProductCode = "01/09506000134352"
	village                = "500110101200"
)

func lot(p tx.ProductCode, name string) tx.UnitCode { return tx.UnitCode(string(p) + "/10/" + name) }

// crate is the n-th container of Qijiang.
func crate(n int) tx.UnitCode {
	digits := fmt.Sprintf("5001100001%07d", n)
	return tx.UnitCode("zs/" + digits + string(tx.CheckDigit(digits)))
}

// A world is a chain with the goods of the example: plums of a village in
// Qijiang, and a platform that makes jam of them, at most 4 of 5.
type world struct {
	*apptest.Chain
	t testing.TB
}

func newWorld(t testing.TB, mode string, options ...func(*genesis.State)) *world {
	w := &world{apptest.New(t, options...), t}
	w.Block()
	w.must("qijiang", &tx.Product{Mode: mode, NameEN: "Plums", NameZH: "李子", Code: plums, UOM: "g"})
	w.must("platform", &tx.Product{Makers: []tx.MemberID{"qijiang-amr"}, Mode: mode, NameEN: "Jam", NameZH: "李子酱", Code: jam, UOM: "g",
		Yield: &tx.Yield{From: []tx.ProductCode{plums}, Gives: 4, Per: 5}})
	w.must("qijiang", &tx.Harvest{Origin: village, Product: plums, Quantity: 1000, Season: "s2026"})
	return w
}

var membersOf = map[string]tx.MemberID{"qijiang": "qijiang-amr", "platform": "platform-a", "officer1": "hangzhou-amr", "officer2": "hangzhou-amr", "court": "internet-court", "city": "xianyang-amr",
	"lab": "test-institute", "lab2": "retest-institute", "station": "qijiang-station", "processor": "qijiang-foods"}

// kindOf is the kind of a body; those that share one are named by act.
func kindOf(b tx.Body) tx.Kind {
	switch b.(type) {
	case *tx.Product:
		return tx.TraceProduct
	case *tx.Harvest:
		return tx.TraceHarvest
	case *tx.Register:
		return tx.TraceRegister
	case *tx.Ship:
		return tx.TraceShip
	case *tx.Sell:
		return tx.TraceSell
	case *tx.Take:
		return tx.TraceTake
	case *tx.Aggregate:
		return tx.TraceAggregate
	case *tx.Transform:
		return tx.TraceTransform
	case *tx.Destroy:
		return tx.TraceDestroy
	case *tx.Recall:
		return tx.TraceRecall
	case *tx.Ack:
		return tx.TraceAck
	case *tx.Dispose:
		return tx.TraceDispose
	case *tx.Release:
		return tx.TraceRelease
	case *tx.Receive:
		return tx.TraceReceive
	case *tx.Dispute:
		return tx.TraceDispute
	case *tx.Events:
		return tx.TraceEvents
	case *tx.SampleTask:
		return tx.InspectTask
	case *tx.Delisting:
		return tx.DelistOrder
	}
	panic(fmt.Sprintf("%T", b))
}

func (w *world) sign(key string, kind tx.Kind, prev tx.ID, b tx.Body, more ...string) *tx.Envelope {
	return w.Sign(w.Statement(membersOf[key], kind, prev, b), append([]string{key}, more...)...)
}

// must states a body that opens a matter.
func (w *world) must(key string, b tx.Body) tx.ID {
	w.t.Helper()
	return w.Must(w.sign(key, kindOf(b), tx.ID{}, b))
}

// refused states a body and wants a number, and nothing changed.
func (w *world) refused(want tx.Code, key string, b tx.Body) {
	w.t.Helper()
	w.refuses(want, w.sign(key, kindOf(b), tx.ID{}, b))
}

func (w *world) refuses(want tx.Code, e *tx.Envelope) {
	w.t.Helper()
	before := w.App.Store().View().Head()
	if got := w.Deliver(e); got != want {
		w.t.Errorf("got %d %s, want %d %s", got, got.Name(), want, want.Name())
	}
	if after := w.App.Store().View().Head(); after.AppHash != before.AppHash {
		w.t.Error("a refused statement changed the ledger")
	}
}

func (w *world) unit(c tx.UnitCode) *row.Unit {
	w.t.Helper()
	_, u, err := state.UnitAt(w.App.Store().View(), c)
	if err != nil || u == nil {
		w.t.Fatalf("unit %s: %v, %v", c, u, err)
	}
	return u
}

func (w *world) register(key string, codes ...tx.UnitCode) {
	w.t.Helper()
	b := new(tx.Register)
	for _, c := range codes {
		a := tx.Amount{Code: c, Quantity: 100}
		if c.Container() {
			a.Quantity = 0
		}
		b.Units = append(b.Units, a)
	}
	w.must(key, b)
}

func units(cs ...tx.UnitCode) []tx.UnitCode { return cs }

func some(q int64, cs ...tx.UnitCode) (as []tx.Amount) {
	for _, c := range cs {
		as = append(as, tx.Amount{Code: c, Quantity: q})
	}
	return as
}

// A lot goes from a village through a platform's kitchen to a shop, with both
// signatures at each hand-over.
func TestTraceStory(t *testing.T) {
	w := newWorld(t, tx.Reject)
	p1, j1, j2 := lot(plums, "P1"), lot(jam, "J1"), lot(jam, "J2")
	w.must("qijiang", &tx.Register{Harvest: &tx.HarvestRef{Origin: village, Season: "s2026"}, Made: "2026-11-20", Units: some(600, p1)})
	ship := w.must("qijiang", &tx.Ship{To: "platform-a", Units: units(p1)})
	if u := w.unit(p1); u.State != row.UnitOffered || u.Custodian != "qijiang-amr" {
		t.Fatalf("shipped: %+v", u)
	}
	w.Must(w.sign("platform", tx.TraceReceive, ship, &tx.Receive{}))
	if u := w.unit(p1); u.State != row.UnitActive || u.Custodian != "platform-a" {
		t.Fatalf("received: %+v", u)
	}
	w.must("platform", &tx.Transform{Inputs: some(500, p1), Outputs: some(200, j1, j2)})
	if u := w.unit(p1); u.Left != 100 || u.State != row.UnitActive {
		t.Fatalf("used: %+v", u)
	}
	w.register("platform", crate(1))
	w.must("platform", &tx.Aggregate{Children: units(j1, j2), Parent: crate(1)})
	ship = w.must("platform", &tx.Ship{To: "hangzhou-amr", Units: units(crate(1))})
	w.Must(w.sign("officer1", tx.TraceReceive, ship, &tx.Receive{}))
	w.Must(w.sign("officer1", tx.TraceDisaggregate, tx.ID{}, &tx.Aggregate{Children: units(j1), Parent: crate(1)}))
	w.must("officer1", &tx.Sell{Reason: "sold", Units: units(j1)})
	if u := w.unit(j1); u.State != row.UnitOut || u.Custodian != "hangzhou-amr" || u.Maker != "platform-a" {
		t.Errorf("sold: %+v", u)
	}
	if u := w.unit(crate(1)); u.Inside != 1 || u.Level != 1 {
		t.Errorf("crate: %+v", u)
	}
}

// Every refusal of traceability has its own number, and changes nothing.
func TestTraceRefusals(t *testing.T) {
	w := newWorld(t, tx.Reject)
	p1, p2, j1 := lot(plums, "P1"), lot(plums, "P2"), lot(jam, "J1")
	here := &tx.HarvestRef{Origin: village, Season: "s2026"}
	w.must("qijiang", &tx.Register{Harvest: here, Units: some(600, p1)})
	w.register("qijiang", crate(1), crate(2), lot(jam, "IN"))
	w.must("qijiang", &tx.Aggregate{Children: units(lot(jam, "IN")), Parent: crate(1)})
	ship := w.must("qijiang", &tx.Register{Units: some(5, lot(plums, "GO"))})
	_ = ship
	offer := w.must("qijiang", &tx.Ship{To: "platform-a", Units: units(lot(plums, "GO"))})

	w.refused(tx.CodeNotMaker, "officer1", &tx.Product{Mode: tx.Flag, NameEN: "x", NameZH: "x", Code: jam, UOM: "g"})
	w.refused(tx.CodeUnitState, "platform", &tx.Product{Mode: tx.Flag, NameEN: "x", NameZH: "x", Code: jam, UOM: "pc"})
	w.refused(tx.CodeNoProduct, "qijiang", &tx.Harvest{Origin: village, Product: "zg/50011000010024", Quantity: 1, Season: "s2026"})
	w.refused(tx.CodeNoHarvest, "officer1", &tx.Harvest{Origin: village, Product: plums, Quantity: 5000, Season: "s2026"})
	w.refused(tx.CodeOverHarvest, "qijiang", &tx.Harvest{Origin: village, Product: plums, Quantity: 599, Season: "s2026"})
	w.refused(tx.CodeNoProduct, "qijiang", &tx.Register{Units: some(1, lot("zg/50011000010024", "P"))})
	w.refused(tx.CodeNotMaker, "platform", &tx.Register{Units: some(1, lot(plums, "P"))})
	w.refused(tx.CodeUnitExists, "qijiang", &tx.Register{Units: some(1, p1)})
	w.refused(tx.CodeOverHarvest, "qijiang", &tx.Register{Harvest: here, Units: some(401, p2)})
	w.refused(tx.CodeNoHarvest, "qijiang", &tx.Register{Harvest: &tx.HarvestRef{Origin: village, Season: "s2025"}, Units: some(1, p2)})
	w.refused(tx.CodeNoMember, "qijiang", &tx.Ship{To: "nobody", Units: units(p1)})
	w.refused(tx.CodeNoMember, "qijiang", &tx.Ship{To: "qijiang-amr", Units: units(p1)})
	w.refused(tx.CodeNoUnit, "qijiang", &tx.Ship{To: "platform-a", Units: units(p1, p2)})
	w.refused(tx.CodeNotCustodian, "platform", &tx.Ship{To: "qijiang-amr", Units: units(p1)})
	w.refused(tx.CodeUnitState, "qijiang", &tx.Ship{To: "platform-a", Units: units(lot(plums, "GO"))})
	w.refused(tx.CodeInside, "qijiang", &tx.Ship{To: "platform-a", Units: units(lot(jam, "IN"))})
	w.refused(tx.CodeUnitState, "qijiang", &tx.Take{Units: units(p1)})
	w.refused(tx.CodeInside, "qijiang", &tx.Aggregate{Children: units(lot(jam, "IN")), Parent: crate(2)})
	w.refuses(tx.CodeInside, w.sign("qijiang", tx.TraceDisaggregate, tx.ID{}, &tx.Aggregate{Children: units(p1), Parent: crate(1)}))
	w.refused(tx.CodeContainer, "qijiang", &tx.Destroy{Reason: "other", Units: units(crate(1))})
	w.refused(tx.CodeQuantity, "qijiang", &tx.Transform{Inputs: some(601, p1), Outputs: some(1, p2)})
	w.refused(tx.CodeYield, "qijiang", &tx.Transform{Inputs: some(100, p1), Outputs: some(81, j1)})
	w.refused(tx.CodeYield, "qijiang", &tx.Transform{Inputs: some(100, p1), Outputs: some(101, p2)})
	w.refused(tx.CodeRecaller, "platform", &tx.Recall{Level: 1, Reason: "unsafe", Units: units(p1)})
	w.refused(tx.CodeNoRecall, "qijiang", &tx.Ack{Recall: offer})
	w.refused(tx.CodeNoRecall, "qijiang", &tx.Release{Recall: tx.ID{1}, Units: units(p1)})
	w.refuses(tx.CodeNotParty, w.sign("officer1", tx.TraceReceive, offer, &tx.Receive{}))
	w.refuses(tx.CodeNotParty, w.sign("officer1", tx.TraceDispute, offer, &tx.Dispute{Reason: "short"}))
	w.refuses(tx.CodeNotParty, w.sign("platform", tx.TraceCancel, offer, &tx.Withdraw{Reason: "mistake"}))
	w.refuses(tx.CodeState, w.sign("officer1", tx.TraceClose, offer, &tx.Decision{Document: tx.Digest{1}}))

	// Containers nest eight deep and no deeper.
	for n := 10; n < 20; n++ {
		w.register("qijiang", crate(n))
	}
	for n := 10; n < 18; n++ {
		w.must("qijiang", &tx.Aggregate{Children: units(crate(n)), Parent: crate(n + 1)})
	}
	w.refused(tx.CodeNesting, "qijiang", &tx.Aggregate{Children: units(crate(18)), Parent: crate(19)})
	w.refused(tx.CodeInside, "qijiang", &tx.Aggregate{Children: units(crate(19)), Parent: crate(10)})
}

// What the product's rule does not refuse, it flags, and what is made of it is
// flagged too.
func TestTraceFlags(t *testing.T) {
	w := newWorld(t, tx.Flag)
	p1, j1, j2 := lot(plums, "P1"), lot(jam, "J1"), lot(jam, "J2")
	w.must("qijiang", &tx.Register{Harvest: &tx.HarvestRef{Origin: village, Season: "s2026"}, Units: some(1001, p1)})
	if got := w.unit(p1).Flags; !slices.Equal(got, []string{row.FlagHarvest}) {
		t.Errorf("over the harvest: %v", got)
	}
	w.must("qijiang", &tx.Transform{Inputs: some(100, p1), Outputs: some(81, j1)})
	if got := w.unit(j1).Flags; !slices.Equal(got, []string{row.FlagHarvest, row.FlagYield}) {
		t.Errorf("over the yield: %v", got)
	}
	w.must("qijiang", &tx.Sell{Reason: "sold", Units: units(j1)})
	w.must("platform", &tx.Take{Units: units(j1)})
	ship := w.must("platform", &tx.Ship{To: "hangzhou-amr", Units: units(j1)})
	w.Must(w.sign("officer1", tx.TraceDispute, ship, &tx.Dispute{Reason: "short"}))
	back := w.Must(w.sign("platform", tx.TraceCancel, lastOf(w, ship), &tx.Withdraw{Reason: "mistake"}))
	w.refuses(tx.CodeState, w.sign("officer1", tx.TraceReceive, back, &tx.Receive{}))
	w.must("platform", &tx.Transform{Inputs: some(81, j1), Outputs: some(80, j2)})
	if u := w.unit(j2); !slices.Equal(u.Flags, []string{row.FlagDisputed, row.FlagHarvest, row.FlagOneSided, row.FlagYield}) {
		t.Errorf("made of it: %v", u.Flags)
	}
	if u := w.unit(j1); u.State != row.UnitConsumed {
		t.Errorf("used up: %s", u.State)
	}
}

// lastOf is the head of the matter that a statement opened.
func lastOf(w *world, id tx.ID) tx.ID {
	s, err := state.Stand(w.App.Store().View(), w.App.Directory(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return s.Head
}

// A statement that waits for a signature is judged again when it comes.
func TestTraceCompletedLater(t *testing.T) {
	w := newWorld(t, tx.Reject, func(g *genesis.State) {
		for i := range g.Policies {
			if k := g.Policies[i].Kind; k == tx.TraceShip || k == tx.TraceReceive {
				g.Policies[i].Expr = "ALL(ANY(officer@issuer,system@issuer),court@any)"
			}
		}
	})
	p1, p2 := lot(plums, "P1"), lot(plums, "P2")
	w.register("qijiang", p1, p2)
	consent := func(id tx.ID) {
		w.Must(w.sign("court", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: id, Type: tx.Agrees}))
	}
	standing := func(id tx.ID) row.State {
		s, err := state.Stand(w.App.Store().View(), w.App.Directory(), id)
		if err != nil {
			t.Fatal(err)
		}
		return s.State
	}
	ship := w.must("qijiang", &tx.Ship{To: "platform-a", Units: units(p1)})
	if w.unit(p1).State != row.UnitActive {
		t.Error("shipped before it was complete")
	}
	twin := w.must("qijiang", &tx.Ship{To: "hangzhou-amr", Units: units(p1)})
	consent(ship)
	if standing(ship) != row.Offered || w.unit(p1).State != row.UnitOffered {
		t.Errorf("completed: %s, %s", standing(ship), w.unit(p1).State)
	}
	consent(twin)
	if standing(twin) != row.Overtaken {
		t.Errorf("the twin: %s", standing(twin))
	}
	receive := w.Must(w.sign("platform", tx.TraceReceive, ship, &tx.Receive{}))
	if w.unit(p1).Custodian != "qijiang-amr" {
		t.Error("received before it was complete")
	}
	consent(receive)
	if u := w.unit(p1); u.Custodian != "platform-a" || standing(ship) != row.Received {
		t.Errorf("received: %+v, %s", u, standing(ship))
	}
	// A receipt that waits is overtaken when the sender takes the goods back.
	ship = w.Must(w.sign("qijiang", tx.TraceShip, tx.ID{}, &tx.Ship{To: "platform-a", Units: units(p2)}, "court"))
	late := w.Must(w.sign("platform", tx.TraceReceive, ship, &tx.Receive{}))
	w.Must(w.sign("qijiang", tx.TraceCancel, ship, &tx.Withdraw{Reason: "mistake"}))
	w.refuses(tx.CodeSettled, w.sign("court", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: late, Type: tx.Agrees}))
	if u := w.unit(p2); u.Custodian != "qijiang-amr" || u.State != row.UnitActive {
		t.Errorf("taken back: %+v", u)
	}
}

// A harvest is declared by its member and a regulator.
func TestHarvestNeedsRegulator(t *testing.T) {
	w := newWorld(t, tx.Reject)
	b := &tx.Harvest{Origin: village, Product: jam, Quantity: 5, Season: "s2027"}
	id := w.must("platform", b)
	if s, _ := state.Stand(w.App.Store().View(), w.App.Directory(), id); s.State != row.Pending {
		t.Fatalf("alone: %s", s.State)
	}
	w.Must(w.sign("city", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: id, Type: tx.Agrees}))
	w.must("platform", &tx.Register{Harvest: &tx.HarvestRef{Origin: village, Season: "s2027"}, Units: some(5, lot(jam, "J"))})
}

// ---- a model of custody, and random histories ----

// A thing is a unit of the model: what the rules say, written down again in the
// plainest way.
type thing struct {
	holder   tx.MemberID
	state    string
	in       tx.UnitCode
	left     int64
	children int
}

type model struct {
	things map[tx.UnitCode]*thing
	made   map[tx.ProductCode]int64 // harvested
	ships  map[tx.ID]*tx.Ship
	open   map[tx.ID]string // of hand-overs
	known  map[tx.ID]bool
}

func (m *model) free(who tx.MemberID, cs ...tx.UnitCode) bool {
	for _, c := range cs {
		u := m.things[c]
		if u == nil || u.state != row.UnitActive || u.in != "" || u.holder != who {
			return false
		}
	}
	return true
}

// apply says whether the ledger must accept the statement, and does what it does.
func (m *model) apply(id tx.ID, s *tx.Statement) bool {
	if m.known[id] {
		return false
	}
	ok := m.judge(id, s)
	if ok {
		m.known[id] = true
	}
	return ok
}

func (m *model) judge(id tx.ID, s *tx.Statement) bool {
	who := s.Member
	switch b := s.Body.(type) {
	case *tx.Register:
		var sum int64
		for _, a := range b.Units {
			if m.things[a.Code] != nil {
				return false
			}
			sum += a.Quantity
		}
		if b.Harvest != nil {
			if who != "qijiang-amr" || m.made[plums]+sum > 1000 {
				return false
			}
			m.made[plums] += sum
		}
		for _, a := range b.Units {
			m.things[a.Code] = &thing{holder: who, state: row.UnitActive, left: a.Quantity}
		}
	case *tx.Ship:
		if b.To == who || !m.free(who, b.Units...) {
			return false
		}
		for _, c := range b.Units {
			m.things[c].state = row.UnitOffered
		}
		m.ships[id], m.open[id] = b, "open"
	case *tx.Receive, *tx.Dispute, *tx.Withdraw:
		ship := m.ships[s.Prev]
		if ship == nil || m.open[s.Prev] != "open" {
			return false
		}
		cancel := s.Kind == tx.TraceCancel
		origin := m.things[ship.Units[0]].holder
		if cancel != (who == origin) || !cancel && who != ship.To {
			return false
		}
		m.open[s.Prev] = "answered"
		if s.Kind == tx.TraceDispute {
			return true
		}
		for _, c := range ship.Units {
			m.things[c].state = row.UnitActive
			if !cancel {
				m.things[c].holder = ship.To
			}
		}
	case *tx.Aggregate:
		if s.Kind == tx.TraceDisaggregate {
			if !m.free(who, b.Parent) {
				return false
			}
			for _, c := range b.Children {
				if u := m.things[c]; u == nil || u.in != b.Parent {
					return false
				}
			}
			for _, c := range b.Children {
				m.things[c].in, m.things[c].holder = "", who
				m.things[b.Parent].children--
			}
			return true
		}
		if !m.free(who, append(slices.Clone(b.Children), b.Parent)...) {
			return false
		}
		for _, c := range b.Children {
			m.things[c].in = b.Parent
			m.things[b.Parent].children++
		}
	case *tx.Transform:
		var in, out int64
		for _, a := range b.Inputs {
			if !m.free(who, a.Code) || m.things[a.Code].left < a.Quantity {
				return false
			}
			if a.Code.Product() == plums {
				in += a.Quantity
			}
		}
		for _, a := range b.Outputs {
			if m.things[a.Code] != nil {
				return false
			}
			out += a.Quantity
		}
		if out > in*4/5 {
			return false
		}
		for _, a := range b.Inputs {
			if u := m.things[a.Code]; u.left == a.Quantity {
				u.left, u.state = 0, row.UnitConsumed
			} else {
				u.left -= a.Quantity
			}
		}
		for _, a := range b.Outputs {
			m.things[a.Code] = &thing{holder: who, state: row.UnitActive, left: a.Quantity}
		}
	case *tx.Destroy:
		if !m.free(who, b.Units...) {
			return false
		}
		for _, c := range b.Units {
			if m.things[c].children > 0 {
				return false
			}
		}
		for _, c := range b.Units {
			m.things[c].state, m.things[c].left = row.UnitDestroyed, 0
		}
	}
	return true
}

// Late, repeated, reordered and contradictory statements never corrupt a unit:
// over random histories, in random order and with repetitions, the ledger
// accepts exactly what the model accepts, and ends where the model ends.
func TestTraceRandomHistories(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	accepted, refused := 0, 0
	for seed := range uint64(rounds) {
		rng := rand.New(rand.NewPCG(seed, 5))
		w := newWorld(t, tx.Reject)
		pick := func(n int) int { return rng.IntN(n) }
		keys := []string{"qijiang", "platform"}
		goods := []tx.UnitCode{lot(plums, "A"), lot(plums, "B"), lot(plums, "C")}
		jams := []tx.UnitCode{lot(jam, "X"), lot(jam, "Y"), lot(jam, "Z")}
		boxes := []tx.UnitCode{crate(1), crate(2)}
		all := slices.Concat(goods, jams, boxes)
		list := func() []tx.UnitCode {
			cs := slices.Clone(all)
			rng.Shuffle(len(cs), func(i, j int) { cs[i], cs[j] = cs[j], cs[i] })
			return cs[:1+pick(2)]
		}
		var envelopes []*tx.Envelope
		var ships []tx.ID
		add := func(e *tx.Envelope) { envelopes = append(envelopes, e) }
		for i, g := range goods {
			add(w.sign("qijiang", tx.TraceRegister, tx.ID{}, &tx.Register{Harvest: &tx.HarvestRef{Origin: village, Season: "s2026"}, Units: some(int64(300+pick(100)*i), g)}))
		}
		for _, b := range boxes {
			add(w.sign(keys[pick(2)], tx.TraceRegister, tx.ID{}, &tx.Register{Units: some(0, b)}))
		}
		for range 60 {
			key := keys[pick(2)]
			other := membersOf[keys[pick(2)]]
			switch pick(8) {
			case 0, 1:
				e := w.sign(key, tx.TraceShip, tx.ID{}, &tx.Ship{To: other, Units: list()})
				ships = append(ships, e.ID())
				add(e)
			case 2, 3:
				if len(ships) > 0 {
					ship := ships[pick(len(ships))]
					switch pick(4) {
					case 0:
						add(w.sign(key, tx.TraceCancel, ship, &tx.Withdraw{Reason: "mistake"}))
					case 1:
						add(w.sign(key, tx.TraceDispute, ship, &tx.Dispute{Reason: "short"}))
					default:
						add(w.sign(key, tx.TraceReceive, ship, &tx.Receive{}))
					}
				}
			case 4:
				box := boxes[pick(2)]
				kind := []tx.Kind{tx.TraceAggregate, tx.TraceDisaggregate}[pick(2)]
				b := &tx.Aggregate{Children: list(), Parent: box}
				if b.Validate() == nil {
					add(w.sign(key, kind, tx.ID{}, b))
				}
			case 5, 6:
				add(w.sign(key, tx.TraceTransform, tx.ID{}, &tx.Transform{Inputs: some(int64(1+pick(200)), goods[pick(3)]), Outputs: some(int64(1+pick(150)), jams[pick(3)])}))
			case 7:
				if pick(3) == 0 {
					add(w.sign(key, tx.TraceDestroy, tx.ID{}, &tx.Destroy{Reason: "other", Units: list()}))
				}
			}
		}
		for range 20 { // repeated
			envelopes = append(envelopes, envelopes[pick(len(envelopes))])
		}
		rng.Shuffle(len(envelopes), func(i, j int) { envelopes[i], envelopes[j] = envelopes[j], envelopes[i] })
		envelopes = append(envelopes, envelopes...) // what was refused is tried again, what was accepted is known

		m := &model{things: map[tx.UnitCode]*thing{}, made: map[tx.ProductCode]int64{}, ships: map[tx.ID]*tx.Ship{}, open: map[tx.ID]string{}, known: map[tx.ID]bool{}}
		for len(envelopes) > 0 { // several in a block, as they come
			n := min(1+pick(9), len(envelopes))
			var wires [][]byte
			for _, e := range envelopes[:n] {
				wires = append(wires, e.AppendWire(nil))
			}
			for i, r := range w.Block(wires...) {
				s, err := tx.ParseStatement(envelopes[i].Payload)
				if err != nil {
					t.Fatal(err)
				}
				if want := m.apply(envelopes[i].ID(), s); want != (r.Code == 0) {
					t.Fatalf("seed %d: %s\nledger %d %s, model %v", seed, envelopes[i].Payload, r.Code, r.Log, want)
				}
				if r.Code == 0 {
					accepted++
				} else {
					refused++
				}
			}
			envelopes = envelopes[n:]
		}
		for _, c := range all {
			_, u, err := state.UnitAt(w.App.Store().View(), c)
			if err != nil {
				t.Fatal(err)
			}
			want := m.things[c]
			if u == nil || want == nil {
				if (u == nil) != (want == nil) {
					t.Fatalf("seed %d: %s: ledger %v, model %v", seed, c, u, want)
				}
				continue
			}
			if u.Custodian != want.holder || u.State != want.state || u.Left != want.left || u.Inside != int64(want.children) || u.Parent.IsZero() != (want.in == "") {
				t.Fatalf("seed %d: %s: ledger %+v, model %+v", seed, c, u, want)
			}
		}
	}
	t.Logf("%d accepted, %d refused", accepted, refused)
	if accepted < 20*rounds/4 || refused < accepted {
		t.Errorf("%d accepted and %d refused test too little", accepted, refused)
	}
}
