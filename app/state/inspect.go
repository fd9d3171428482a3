package state

import (
	"slices"

	"zhenglian/app/row"
	"zhenglian/app/store"
	"zhenglian/app/tx"
)

// Inspection. A regulator opens the matter; who else may speak in it follows from
// its statements: the laboratory that was named, whoever made or held what was
// sampled, the laboratory of the retest. What fails for good can be named by a
// recall and by orders to platforms, which are matters of their own.
const (
	inspection = "inspect"
	delisting  = "delist"

	// maxSampleAge is how many days may pass before a sampling is stated.
	maxSampleAge = 30
)

// Debtors of the clocks of inspections; see clocktable.go.

func ofLab(_ *Ctx, p *place, _ *tx.Statement) []tx.MemberID {
	return []tx.MemberID{p.body.(*tx.SampleTask).Lab}
}

func ofRetestLab(_ *Ctx, p *place, _ *tx.Statement) []tx.MemberID {
	if p.inspection == nil || p.inspection.RetestLab == "" {
		return nil
	}
	return []tx.MemberID{p.inspection.RetestLab}
}

func ofMaker(_ *Ctx, p *place, _ *tx.Statement) []tx.MemberID {
	if p.inspection == nil {
		return nil
	}
	return []tx.MemberID{p.inspection.Maker}
}

func ofPlatform(_ *Ctx, p *place, _ *tx.Statement) []tx.MemberID {
	return []tx.MemberID{p.body.(*tx.Delisting).Platform}
}

// inspect returns what a statement of inspection does when it takes effect now,
// or the reason why it cannot. p is the matter that it continues, nil when it
// opens one.
func (c *Ctx) inspect(s *tx.Statement, p *place) (act, error) {
	if p == nil {
		b := s.Body.(*tx.SampleTask)
		if _, err := c.product("body.product", b.Product); err != nil {
			return nil, err
		}
		return nothing, c.laboratory(b.Lab, s.Member)
	}
	task := p.body.(*tx.SampleTask)
	if s.Kind == tx.InspectSample {
		return c.sampled(s.Body.(*tx.Sample), task, p)
	}
	n, err := getRow(c.Read, row.InspectionKey(p.seq), row.DecodeInspection)
	if err != nil || n == nil {
		return nothing, err // withdrawn before there is a sample
	}
	p.inspection = n
	switch s.Kind {
	case tx.InspectPass, tx.InspectFail:
		return c.reported(s, p, task.Lab)
	case tx.InspectUphold, tx.InspectOverturn:
		return c.reported(s, p, n.RetestLab)
	case tx.InspectRetest:
		if err := c.mayRetest(s.Member, n); err != nil {
			return nil, err
		}
	case tx.InspectAccept:
		if err := c.mayRetest(s.Member, n); err != nil {
			return nil, err
		}
		n.Parties = slices.DeleteFunc(n.Parties, func(m tx.MemberID) bool { return m == s.Member })
	case tx.InspectAssign:
		n.RetestLab = s.Body.(*tx.LabChoice).Lab
		if err := c.laboratory(n.RetestLab, p.origin, task.Lab); err != nil {
			return nil, err
		}
	case tx.InspectConfirm:
		if p.matter.State == row.Failed && len(n.Parties) > 0 && c.today() <= n.RetestBy {
			return nil, refuse(tx.CodeRetestOpen, "", "until "+n.RetestBy.String())
		}
	case tx.InspectClose:
		return nothing, c.settled(p.seq)
	}
	return just(write{row.InspectionKey(p.seq), n.Encode()}), nil
}

// laboratory checks that a member is a laboratory, and none of those that may
// not test this.
func (c *Ctx) laboratory(lab tx.MemberID, not ...tx.MemberID) error {
	m := c.Dir.members[lab]
	if m == nil || !m.Active() || !m.Has("lab") || slices.Contains(not, lab) {
		return refuse(tx.CodeNotLab, "body.lab", string(lab))
	}
	return nil
}

// sampled: a sample of a unit of the product was taken, wherever the unit was.
func (c *Ctx) sampled(b *tx.Sample, task *tx.SampleTask, p *place) (act, error) {
	today := c.today()
	if b.Taken > today || b.Taken < today-maxSampleAge {
		return nil, refuse(tx.CodeInspectDate, "body.taken", "today is "+today.String())
	}
	if b.Unit.Product() != task.Product {
		return nil, refuse(tx.CodeOtherProduct, "body.unit", string(b.Unit))
	}
	y := &yard{c: c, units: make(map[row.UnitID]*row.Unit)}
	id, u, err := y.named("body.unit", b.Unit)
	switch {
	case err != nil:
		return nil, err
	case u.State == row.UnitConsumed || u.State == row.UnitDestroyed:
		return nil, refuse(tx.CodeUnitState, "body.unit", "it is "+u.State)
	case u.Left < b.Quantity:
		return nil, refuse(tx.CodeQuantity, "body.quantity", "")
	}
	n := row.Inspection{Maker: u.Maker, Taken: b.Taken, Unit: id}
	top := u
	if err := y.above(u, func(p *row.Unit) { top = p }); err != nil {
		return nil, err
	}
	if top.State == row.UnitActive || top.State == row.UnitOffered {
		n.Holder = top.Custodian
	}
	for _, m := range []tx.MemberID{n.Maker, n.Holder} {
		if m != "" && m != p.origin && !slices.Contains(n.Parties, m) {
			n.Parties = append(n.Parties, m)
		}
	}
	slices.Sort(n.Parties)
	return just(write{row.InspectionKey(p.seq), n.Encode()}, write{row.SampledKey(id, p.seq), []byte("{}")}), nil
}

// reported: the laboratory whose turn it is says what it found.
func (c *Ctx) reported(s *tx.Statement, p *place, lab tx.MemberID) (act, error) {
	if s.Member != lab {
		return nil, refuse(tx.CodeNotParty, "member", "the laboratory is "+string(lab))
	}
	n, today := p.inspection, c.today()
	var tested tx.Date
	switch b := s.Body.(type) {
	case *tx.TestPass:
		tested = b.Tested
	case *tx.TestFail:
		tested = b.Tested
	}
	if tested < n.Taken || tested > today {
		return nil, refuse(tx.CodeInspectDate, "body.tested", "the sample is of "+n.Taken.String()+", today is "+today.String())
	}
	if s.Kind == tx.InspectFail {
		n.RetestBy = max(today, c.dueFrom(RetestAsk, today))
	}
	return func(seq uint64) []write {
		n.Report = seq
		return []write{{row.InspectionKey(p.seq), n.Encode()}}
	}, nil
}

// mayRetest checks that a member may still ask for a retest, or give it up.
func (c *Ctx) mayRetest(m tx.MemberID, n *row.Inspection) error {
	switch {
	case !slices.Contains(n.Parties, m):
		return refuse(tx.CodeNoRetest, "member", string(m))
	case c.today() > n.RetestBy:
		return refuse(tx.CodeRetestLate, "", "until "+n.RetestBy.String())
	}
	return nil
}

// settled checks that no order to a platform is open.
func (c *Ctx) settled(inspection uint64) error {
	var open tx.MemberID
	start, end := row.OrderRange(inspection)
	if err := c.Read.Iterate(start, end, func(k, _ []byte) bool {
		open = row.OrderPlatform(k)
		return false
	}); err != nil {
		return broken{err}
	}
	if open != "" {
		return refuse(tx.CodeOrderOpen, "", "to "+string(open))
	}
	return nil
}

// failedAt returns the inspection that a body names, whose failure is final.
func (c *Ctx) failedAt(id tx.ID) (uint64, *row.Inspection, error) {
	no := refuse(tx.CodeNotConfirmed, "body.inspection", id.String())
	seq, ok, err := c.Read.Seq(store.Hash(id))
	if err != nil {
		return 0, nil, broken{err}
	}
	if !ok {
		return 0, nil, no
	}
	p, err := find(c.Read, seq)
	if err != nil {
		return 0, nil, err
	}
	if p == nil || p.seq != seq || p.kind != tx.InspectTask || !row.FailedForGood(p.matter.State) {
		return 0, nil, no
	}
	n, err := getRow(c.Read, row.InspectionKey(seq), row.DecodeInspection)
	if err == nil && n == nil {
		err = no
	}
	return seq, n, err
}

// answers checks the inspection that a recall of units names, and returns what
// the recall writes there.
func (c *Ctx) answers(b *tx.Recall, units []row.UnitID) (act, error) {
	if b.Inspection.IsZero() {
		return nothing, nil
	}
	at, n, err := c.failedAt(b.Inspection)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(units, n.Unit) {
		return nil, refuse(tx.CodeOtherProduct, "body.units", "the sample was of unit "+n.Unit.String())
	}
	return func(seq uint64) []write {
		if n.Recall == 0 {
			n.Recall = seq
		}
		return []write{{row.InspectionKey(at), n.Encode()}}
	}, nil
}

// recallClocks stops the clock that a recall answers: that of the maker of what
// failed for good.
func (c *Ctx) recallClocks(s *tx.Statement) []clockMove {
	b, ok := s.Body.(*tx.Recall)
	if !ok || b.Inspection.IsZero() {
		return nil
	}
	at, n, err := c.failedAt(b.Inspection)
	if err != nil {
		return []clockMove{{do: unread}} // the statement was judged, so it is there
	}
	return []clockMove{{do: stop, id: row.ClockID{Code: RecallStart, Matter: at, Member: n.Maker}}}
}

// delist is inspect for orders to platforms.
func (c *Ctx) delist(s *tx.Statement, p *place) (act, error) {
	if p == nil {
		b := s.Body.(*tx.Delisting)
		if m := c.Dir.members[b.Platform]; m == nil || !m.Active() || !m.Has("platform") {
			return nil, refuse(tx.CodeNotPlatform, "body.platform", string(b.Platform))
		}
		at, _, err := c.failedAt(b.Inspection)
		if err != nil {
			return nil, err
		}
		key := row.OrderKey(at, b.Platform)
		switch old, err := getRow(c.Read, key, row.DecodeOrder); {
		case err != nil:
			return nil, err
		case old != nil:
			return nil, refuse(tx.CodeOrderOpen, "body.platform", string(b.Platform))
		}
		return func(seq uint64) []write { return []write{{key, row.Order{Order: seq}.Encode()}} }, nil
	}
	b := p.body.(*tx.Delisting)
	switch s.Kind {
	case tx.DelistAck, tx.DelistDone:
		if s.Member != b.Platform {
			return nil, refuse(tx.CodeNotParty, "member", "the order is to "+string(b.Platform))
		}
	case tx.DelistVerify, tx.DelistWithdraw:
		return c.endOrder(b, p.seq)
	}
	return nothing, nil
}

// endOrder: an order is no longer open, if it was.
func (c *Ctx) endOrder(b *tx.Delisting, seq uint64) (act, error) {
	at, ok, err := c.Read.Seq(store.Hash(b.Inspection))
	if err != nil {
		return nil, broken{err}
	}
	if !ok {
		return nothing, nil // an order that waits names what may not be there
	}
	key := row.OrderKey(at, b.Platform)
	open, err := getRow(c.Read, key, row.DecodeOrder)
	if err != nil || open == nil || open.Order != seq {
		return nothing, err
	}
	return just(write{key, nil}), nil
}

// InspectionAt returns what follows from the sample of the inspection that an
// entry opened, nil if there is none.
func InspectionAt(r Reader, seq uint64) (*row.Inspection, error) {
	return getRow(r, row.InspectionKey(seq), row.DecodeInspection)
}
