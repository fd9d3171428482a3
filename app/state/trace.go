package state

import (
	"bytes"
	"fmt"
	"slices"

	"zhenglian/app/row"
	"zhenglian/app/store"
	"zhenglian/app/tx"
)

// Traceability. Its statements open matters, like those of governance, and what
// they say of units is written when they take effect: at once, or through the
// endorsement that completes them, when they are judged again. A hand-over and
// a recall are matters with a life of their own.

const (
	traceFamily = "trace"

	// maxLevel is how deeply containers nest; it bounds every walk upwards.
	maxLevel = 8

	// maxRegistered bounds what is registered under one harvest, whatever the
	// product's mode says, so that sums stay numbers of JSON.
	maxRegistered = 1000 * tx.MaxQuantity
)

// traces reports whether the kind is of traceability.
func (r *rule) traces() bool { return r.kind.Family() == traceFamily }

// An act is what a statement of traceability writes once it has a sequence number.
type act func(seq uint64) []write

// trace returns what a statement of traceability does when it takes effect now,
// or the reason why it cannot. p is the matter that it continues, nil when it
// opens one.
func (c *Ctx) trace(s *tx.Statement, p *place) (act, error) {
	y := &yard{c: c, units: make(map[row.UnitID]*row.Unit)}
	switch b := s.Body.(type) {
	case *tx.Product:
		return c.declareProduct(s.Member, b)
	case *tx.Harvest:
		return c.declareHarvest(s.Member, b)
	case *tx.Register:
		return y.register(s.Member, b)
	case *tx.Ship:
		return y.ship(s.Member, b)
	case *tx.Sell:
		return y.sell(s.Member, b)
	case *tx.Take:
		return y.take(s.Member, b)
	case *tx.Aggregate:
		if s.Kind == tx.TraceAggregate {
			return y.aggregate(s.Member, b)
		}
		return y.disaggregate(s.Member, b)
	case *tx.Transform:
		return y.transform(s.Member, b)
	case *tx.Destroy:
		return y.destroy(s.Member, b)
	case *tx.Receive:
		return y.answer(s, p, func(u *row.Unit, ship *tx.Ship) { u.State, u.Custodian = row.UnitActive, ship.To })
	case *tx.Dispute:
		return y.answer(s, p, func(u *row.Unit, _ *tx.Ship) { u.Flags = flagged(u.Flags, row.FlagDisputed) })
	case *tx.Recall:
		return y.recall(s.Member, b)
	case *tx.Ack:
		return c.ackRecall(s.Member, b)
	case *tx.Dispose:
		return y.dispose(s.Member, b)
	case *tx.Release:
		return y.release(b)
	case *tx.Withdraw:
		if s.Kind == tx.TraceCancel {
			return y.answer(s, p, func(u *row.Unit, _ *tx.Ship) { u.State = row.UnitActive })
		}
	}
	return nothing, nil // the matter itself says it all
}

func nothing(uint64) []write { return nil }

// just is an act that needs no sequence number.
func just(ws ...write) act { return func(uint64) []write { return ws } }

// A yard is the units that a statement touches, each loaded once.
type yard struct {
	c       *Ctx
	units   map[row.UnitID]*row.Unit // looked up only, never ranged over
	touched []row.UnitID             // in the order in which they were loaded
	was     [][]byte                 // their rows, as they were
}

// get returns a unit, nil if there is none.
func (y *yard) get(id row.UnitID) (*row.Unit, error) {
	if u := y.units[id]; u != nil {
		return u, nil
	}
	b, err := y.c.Read.Get(row.UnitKey(id))
	if err != nil {
		return nil, broken{err}
	}
	if b == nil {
		return nil, nil
	}
	u, err := row.DecodeUnit(b)
	if err != nil {
		return nil, broken{err}
	}
	y.units[id] = &u
	y.touched, y.was = append(y.touched, id), append(y.was, b)
	return &u, nil
}

// must is get for a unit that a row of the state names.
func (y *yard) must(id row.UnitID) (*row.Unit, error) {
	u, err := y.get(id)
	if err == nil && u == nil {
		err = broken{fmt.Errorf("unit %s is named and not there", id)}
	}
	return u, err
}

// named returns the unit of a code.
func (y *yard) named(path string, code tx.UnitCode) (id row.UnitID, u *row.Unit, err error) {
	b, err := y.c.Read.Get(row.NamedKey(code))
	if err != nil {
		return id, nil, broken{err}
	}
	if b == nil {
		return id, nil, refuse(tx.CodeNoUnit, path, string(code))
	}
	n, err := row.DecodeNamed(b)
	if err != nil {
		return id, nil, broken{err}
	}
	u, err = y.must(n.Unit)
	return n.Unit, u, err
}

// itemOf is the path of an item of the body.
func itemOf(list string, i int) string { return fmt.Sprintf("body.%s[%d]", list, i) }

// held returns a unit that the member holds and can dispose of: with it, on its
// own, not recalled unless stopped units will do.
func (y *yard) held(m tx.MemberID, path string, code tx.UnitCode, stopped bool) (row.UnitID, *row.Unit, error) {
	id, u, err := y.named(path, code)
	if err != nil {
		return id, nil, err
	}
	switch {
	case u.State != row.UnitActive:
		err = refuse(tx.CodeUnitState, path, "it is "+u.State)
	case !u.Parent.IsZero():
		err = refuse(tx.CodeInside, path, "it is in unit "+u.Parent.String())
	case u.Custodian != m:
		err = refuse(tx.CodeNotCustodian, path, "its custodian is "+string(u.Custodian))
	case u.Stopped() && !stopped:
		err = refuse(tx.CodeRecalled, path, string(code))
	}
	return id, u, err
}

// each applies change to the units of a list that the member holds.
func (y *yard) each(m tx.MemberID, units []tx.UnitCode, change func(path string, u *row.Unit) error) error {
	for i, code := range units {
		path := itemOf("units", i)
		_, u, err := y.held(m, path, code, false)
		if err == nil {
			err = change(path, u)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// writes are the rows of the units that have changed.
func (y *yard) writes() (ws []write) {
	for i, id := range y.touched {
		if u := y.units[id]; !bytes.Equal(u.Encode(), y.was[i]) {
			u.Since = y.c.Height
			ws = append(ws, write{row.UnitKey(id), u.Encode()})
		}
	}
	return ws
}

func (y *yard) done(more ...write) act { return just(append(y.writes(), more...)...) }

// product returns a declared product.
func (c *Ctx) product(path string, code tx.ProductCode) (*row.Product, error) {
	b, err := c.Read.Get(row.ProductKey(code))
	if err != nil {
		return nil, broken{err}
	}
	if b == nil {
		return nil, refuse(tx.CodeNoProduct, path, string(code))
	}
	p, err := row.DecodeProduct(b)
	if err != nil {
		return nil, broken{err}
	}
	return &p, nil
}

// declareProduct: the first who declares a product owns it.
func (c *Ctx) declareProduct(m tx.MemberID, b *tx.Product) (act, error) {
	old, err := c.product("body.product", b.Code)
	switch {
	case Broken(err):
		return nil, err
	case err == nil && old.Owner != m:
		return nil, refuse(tx.CodeNotMaker, "body.product", "it is "+string(old.Owner)+"'s")
	case err == nil && old.UOM != b.UOM:
		return nil, refuse(tx.CodeUnitState, "body.uom", "quantities of this product are in "+old.UOM)
	}
	p := row.Product{Makers: b.Makers, Mode: b.Mode, NameEN: b.NameEN, NameZH: b.NameZH, Owner: m, UOM: b.UOM, Yield: b.Yield}
	return just(write{row.ProductKey(b.Code), p.Encode()}), nil
}

func (c *Ctx) harvest(key []byte) (*row.Harvest, error) {
	b, err := c.Read.Get(key)
	if err != nil {
		return nil, broken{err}
	}
	if b == nil {
		return nil, nil
	}
	h, err := row.DecodeHarvest(b)
	if err != nil {
		return nil, broken{err}
	}
	return &h, nil
}

// declareHarvest: a harvest may be corrected, but not below what was registered
// under it.
func (c *Ctx) declareHarvest(m tx.MemberID, b *tx.Harvest) (act, error) {
	if _, err := c.product("body.product", b.Product); err != nil {
		return nil, err
	}
	key := row.HarvestKey(b.Origin, b.Product, b.Season)
	h, err := c.harvest(key)
	switch {
	case err != nil:
		return nil, err
	case h == nil:
		h = &row.Harvest{Member: m}
	case h.Member != m:
		return nil, refuse(tx.CodeNoHarvest, "member", "it is "+string(h.Member)+"'s")
	case b.Quantity < h.Registered:
		return nil, refuse(tx.CodeOverHarvest, "body.quantity", fmt.Sprintf("%d are registered", h.Registered))
	}
	h.Declared = b.Quantity
	return just(write{key, h.Encode()}), nil
}

// fresh checks that a member may make a unit of a new code, and returns its
// product, nil for a container.
func (c *Ctx) fresh(m tx.MemberID, path string, code tx.UnitCode) (*row.Product, error) {
	b, err := c.Read.Get(row.NamedKey(code))
	if err != nil {
		return nil, broken{err}
	}
	if b != nil {
		return nil, refuse(tx.CodeUnitExists, path, string(code))
	}
	if code.Container() {
		return nil, nil
	}
	p, err := c.product(path, code.Product())
	if err == nil && p.Owner != m && !slices.Contains(p.Makers, m) {
		err = refuse(tx.CodeNotMaker, path, "it is "+string(p.Owner)+"'s")
	}
	return p, err
}

// create returns the act that creates units, after other rows.
func (y *yard) create(m tx.MemberID, as []tx.Amount, flags []string, rest func(seq uint64) []write) act {
	units := make([]row.Unit, len(as))
	for i, a := range as {
		units[i] = row.Unit{Code: a.Code, Custodian: m, Flags: flags, Left: a.Quantity, Maker: m, Quantity: a.Quantity, Since: y.c.Height, State: row.UnitActive}
	}
	return func(seq uint64) []write {
		ws := rest(seq)
		for i := range units {
			id := row.NewUnitID(seq, i)
			ws = append(ws, write{row.UnitKey(id), units[i].Encode()}, write{row.NamedKey(units[i].Code), row.Named{Unit: id}.Encode()})
		}
		return ws
	}
}

// register: units come into being with their maker, within the harvest they
// are said to be of.
func (y *yard) register(m tx.MemberID, b *tx.Register) (act, error) {
	var product *row.Product
	var sum int64
	for i, a := range b.Units {
		p, err := y.c.fresh(m, itemOf("units", i), a.Code)
		if err != nil {
			return nil, err
		}
		product, sum = p, sum+a.Quantity
	}
	if b.Harvest == nil {
		return y.create(m, b.Units, nil, nothing), nil
	}
	key := row.HarvestKey(b.Harvest.Origin, b.Units[0].Code.Product(), b.Harvest.Season)
	h, err := y.c.harvest(key)
	switch {
	case err != nil:
		return nil, err
	case h == nil || h.Member != m:
		return nil, refuse(tx.CodeNoHarvest, "body.harvest", b.Harvest.Origin+" "+b.Harvest.Season)
	}
	var flags []string
	if h.Registered += sum; h.Registered > h.Declared {
		if product.Mode == tx.Reject || h.Registered > maxRegistered {
			return nil, refuse(tx.CodeOverHarvest, "body.units", fmt.Sprintf("%d of %d would be registered", h.Registered, h.Declared))
		}
		flags = []string{row.FlagHarvest}
	}
	return y.create(m, b.Units, flags, just(write{key, h.Encode()})), nil
}

// ship: units are offered; they stay the sender's until the receiver accepts.
func (y *yard) ship(m tx.MemberID, b *tx.Ship) (act, error) {
	if to := y.c.Dir.members[b.To]; b.To == m || to == nil || !to.Active() {
		return nil, refuse(tx.CodeNoMember, "body.to", string(b.To))
	}
	err := y.each(m, b.Units, func(path string, u *row.Unit) error {
		u.State = row.UnitOffered
		return nil
	})
	return y.done(), err
}

// sell: units leave the ledger, which nobody confirms.
func (y *yard) sell(m tx.MemberID, b *tx.Sell) (act, error) {
	err := y.each(m, b.Units, func(path string, u *row.Unit) error {
		u.State = row.UnitOut
		return nil
	})
	return y.done(), err
}

// take: units that had left are with this member now. A recalled one may come
// back: then it is known where it is.
func (y *yard) take(m tx.MemberID, b *tx.Take) (act, error) {
	for i, code := range b.Units {
		path := itemOf("units", i)
		_, u, err := y.named(path, code)
		if err != nil {
			return nil, err
		}
		if u.State != row.UnitOut {
			return nil, refuse(tx.CodeUnitState, path, "it is "+u.State)
		}
		u.State, u.Custodian, u.Flags = row.UnitActive, m, flagged(u.Flags, row.FlagOneSided)
	}
	return y.done(), nil
}

// answer moves the units of a hand-over as its sender or receiver says.
func (y *yard) answer(s *tx.Statement, p *place, change func(*row.Unit, *tx.Ship)) (act, error) {
	_, opening, err := statementAt(y.c.Read, p.seq)
	if err != nil {
		return nil, err
	}
	ship, ok := opening.Body.(*tx.Ship)
	if !ok {
		return nil, refuse(tx.CodeState, "prev", "the matter is no hand-over")
	}
	if s.Kind != tx.TraceCancel && ship.To != s.Member {
		return nil, refuse(tx.CodeNotParty, "member", "it was offered to "+string(ship.To))
	}
	for _, code := range ship.Units {
		_, u, err := y.named("", code)
		if err != nil {
			return nil, broken{err} // they were there when they were shipped
		}
		change(u, ship)
	}
	return y.done(), nil
}

// aggregate puts units into a container. Both are on their own, so that there
// can be no circle, and nothing above the container has to follow.
func (y *yard) aggregate(m tx.MemberID, b *tx.Aggregate) (act, error) {
	pid, parent, err := y.held(m, "body.parent", b.Parent, false)
	if err != nil {
		return nil, err
	}
	var rows []write
	for i, code := range b.Children {
		path := itemOf("children", i)
		id, u, err := y.held(m, path, code, false)
		if err != nil {
			return nil, err
		}
		if u.Level >= maxLevel {
			return nil, refuse(tx.CodeNesting, path, "")
		}
		u.Parent = pid
		parent.Inside++
		parent.Level = max(parent.Level, u.Level+1)
		rows = append(rows, write{row.InsideKey(pid, id), []byte("{}")})
	}
	return y.done(rows...), nil
}

// disaggregate takes units out of a container. Recalled ones may be taken out:
// somebody must.
func (y *yard) disaggregate(m tx.MemberID, b *tx.Aggregate) (act, error) {
	pid, parent, err := y.held(m, "body.parent", b.Parent, true)
	if err != nil {
		return nil, err
	}
	var rows []write
	for i, code := range b.Children {
		path := itemOf("children", i)
		id, u, err := y.named(path, code)
		if err != nil {
			return nil, err
		}
		if u.Parent != pid {
			return nil, refuse(tx.CodeInside, path, "it is not in "+string(b.Parent))
		}
		u.Parent, u.Custodian = row.UnitID{}, m
		parent.Inside--
		parent.Hot -= hot(u)
		rows = append(rows, write{row.InsideKey(pid, id), nil})
	}
	return y.done(rows...), nil
}

// hot is the number of recalled units that a unit brings into a container.
func hot(u *row.Unit) int64 {
	if u.Recalls > 0 {
		return u.Hot + 1
	}
	return u.Hot
}

// transform makes units of others. Of each product at most what its yield
// allows may come out.
func (y *yard) transform(m tx.MemberID, b *tx.Transform) (act, error) {
	type total struct {
		product tx.ProductCode
		sum     int64
	}
	var ins, outs []total
	count := func(ts []total, p tx.ProductCode, n int64) []total {
		i := slices.IndexFunc(ts, func(t total) bool { return t.product == p })
		if i < 0 {
			return append(ts, total{p, n})
		}
		ts[i].sum += n
		return ts
	}
	var flags []string
	ids := make([]row.UnitID, len(b.Inputs))
	for i, a := range b.Inputs {
		path := itemOf("inputs", i)
		id, u, err := y.held(m, path, a.Code, false)
		if err != nil {
			return nil, err
		}
		if u.Left < a.Quantity {
			return nil, refuse(tx.CodeQuantity, path+".quantity", fmt.Sprintf("%d are left", u.Left))
		}
		if u.Left -= a.Quantity; u.Left == 0 {
			u.State = row.UnitConsumed
		}
		ids[i], ins, flags = id, count(ins, a.Code.Product(), a.Quantity), flagged(flags, u.Flags...)
	}
	for i, a := range b.Outputs {
		outs = count(outs, a.Code.Product(), a.Quantity)
		if _, err := y.c.fresh(m, itemOf("outputs", i), a.Code); err != nil {
			return nil, err
		}
	}
	for _, out := range outs {
		p, err := y.c.product("body.outputs", out.product)
		if err != nil {
			return nil, err
		}
		var same, of int64
		for _, in := range ins {
			if in.product == out.product {
				same = in.sum
			} else if p.Yield != nil && slices.Contains(p.Yield.From, in.product) {
				of += in.sum
			}
		}
		limit := same
		if p.Yield != nil {
			limit += of * p.Yield.Gives / p.Yield.Per // ≤ 200 · 10^12 · 10^4 < 2^63
		}
		if out.sum <= limit {
			continue
		}
		if p.Mode == tx.Reject {
			return nil, refuse(tx.CodeYield, "body.outputs", fmt.Sprintf("%d of %s, and at most %d may be", out.sum, out.product, limit))
		}
		flags = flagged(flags, row.FlagYield)
	}
	used := y.writes()
	return y.create(m, b.Outputs, flags, func(seq uint64) []write {
		ws := slices.Clone(used)
		for i, id := range ids {
			ws = append(ws, write{row.UseKey(id, seq), row.Use{Quantity: b.Inputs[i].Quantity}.Encode()})
		}
		return ws
	}), nil
}

// flagged adds flags to a list, which stays ascending.
func flagged(list []string, flags ...string) []string {
	for _, f := range flags {
		if i, found := slices.BinarySearch(list, f); !found {
			list = slices.Insert(slices.Clip(list), i, f)
		}
	}
	return list
}

// destroy: units are no more. What is recalled is disposed of instead.
func (y *yard) destroy(m tx.MemberID, b *tx.Destroy) (act, error) {
	err := y.each(m, b.Units, func(path string, u *row.Unit) error {
		if u.Inside > 0 {
			return refuse(tx.CodeContainer, path, fmt.Sprintf("%d are in it", u.Inside))
		}
		u.State, u.Left = row.UnitDestroyed, 0
		return nil
	})
	return y.done(), err
}

// UnitAt returns the unit of a code and its id, nil if there is none.
func UnitAt(r Reader, code tx.UnitCode) (row.UnitID, *row.Unit, error) {
	y := &yard{c: &Ctx{Read: r}, units: make(map[row.UnitID]*row.Unit)}
	id, u, err := y.named("", code)
	if tx.CodeOf(err) == tx.CodeNoUnit {
		return id, nil, nil
	}
	return id, u, err
}

// seqOf returns the entry of a statement that a body names.
func (c *Ctx) seqOf(id tx.ID) (uint64, bool, error) {
	seq, ok, err := c.Read.Seq(store.Hash(id))
	if err != nil {
		return 0, false, broken{err}
	}
	return seq, ok, nil
}

// UnitByID returns a unit, nil if there is none.
func UnitByID(r Reader, id row.UnitID) (*row.Unit, error) {
	return getRow(r, row.UnitKey(id), row.DecodeUnit)
}

// ProductAt returns a declared product, nil if there is none.
func ProductAt(r Reader, p tx.ProductCode) (*row.Product, error) {
	return getRow(r, row.ProductKey(p), row.DecodeProduct)
}
