package state

import (
	"slices"

	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// clockFamily is the family of the kinds that are about a clock and nothing else.
const clockFamily = "clock"

// What a transition does to a clock.
type clockAct int

const (
	start  clockAct = iota // begins a new round, whatever became of the last
	stop                   // what was owed is done
	pause                  // the days that follow do not count …
	resume                 // … until here
	extend                 // once a round, as far as the rule set allows
	unread                 // none of these: whose clock it is could not be read
)

// A debtor says whose clock it is: who has to act until its last day. A clock
// belongs to one member in one matter under one code; where several are named
// each has its own. nil: nobody, and nothing happens. p is the matter, of an
// opening as its own statement opens it.
type debtor func(c *Ctx, p *place, s *tx.Statement) []tx.MemberID

func ofOrigin(_ *Ctx, p *place, _ *tx.Statement) []tx.MemberID { return []tx.MemberID{p.origin} }

// ofReceiver is the member to which a hand-over was offered.
func ofReceiver(_ *Ctx, p *place, s *tx.Statement) []tx.MemberID {
	for _, b := range []tx.Body{p.body, s.Body} {
		if ship, ok := b.(*tx.Ship); ok {
			return []tx.MemberID{ship.To}
		}
	}
	return nil
}

// A clockOp is one thing that a transition does to clocks.
type clockOp struct {
	do     clockAct
	code   tx.ClockCode // how long it may take, the rule set in force says
	of     debtor
	ground string // of a pause, which the rule set must allow, and of its end
}

// Codes of the deadlines that transitions start.
const (
	// EvidenceAnswer: whose evidence is challenged sees to a decision, or
	// withdraws it.
	EvidenceAnswer tx.ClockCode = "EVIDENCE_ANSWER"
	// HandoverAnswer: what was offered is received or disputed. HandoverSettle: a
	// hand-over that was disputed is received after all, or taken back.
	HandoverAnswer tx.ClockCode = "HANDOVER_ANSWER"
	HandoverSettle tx.ClockCode = "HANDOVER_SETTLE"
	// ListDecision: what was proposed is decided, or given up. The time from the
	// request for a hearing until the party was heard does not count.
	ListDecision tx.ClockCode = "LIST_DECIDE"
	// ListPublication: what was decided is published.
	ListPublication tx.ClockCode = "PUB_SAME"
	// RepairAccept and RepairDecide: an application for repair is taken up, and
	// decided.
	RepairAccept tx.ClockCode = "REPAIR_ACCEPT"
	RepairDecide tx.ClockCode = "REPAIR_DECIDE"
)

// Codes of the deadlines of inspections and of orders to platforms.
const (
	SampleReport tx.ClockCode = "SAMPLE_REPORT" // the laboratory reports
	RetestAccept tx.ClockCode = "RETEST_ACCEPT" // the regulator accepts or refuses a retest
	RetestReport tx.ClockCode = "RETEST_REPORT" // the laboratory of the retest reports
	SampleNotify tx.ClockCode = "SAMPLE_NOTIFY" // what failed for good is made known
	RecallStart  tx.ClockCode = "RECALL_START"  // its maker recalls it, or a regulator does
	DelistAnswer tx.ClockCode = "DELIST_ACK"    // the platform acknowledges
	DelistAct    tx.ClockCode = "DELIST_DONE"   // the platform has taken the goods off
	DelistCheck  tx.ClockCode = "DELIST_VERIFY" // the regulator has looked
)

// RetestAsk is the code of the days in which a party may ask for a retest. It is no
// clock, for nobody owes it: see inspect.go.
const RetestAsk tx.ClockCode = "RETEST_ASK"

// Codes of the deadlines by which consumers acknowledge the notices of a list,
// and of the party's. They are no clocks of a member in a matter: see list.go.
const (
	ListAck      tx.ClockCode = "LIST_ACK"      // an entry is in force
	ListDefence  tx.ClockCode = "LIST_DEFENCE"  // the least that a party has for its response
	ListWithdraw tx.ClockCode = "LIST_WITHDRAW" // it no longer is
)

// clockTable is what the transitions of the table of kinds do to statutory
// clocks when they take effect, in this order; ascending by kind.
var clockTable = []struct {
	kind tx.Kind
	ops  []clockOp
}{
	{tx.DelistAck, []clockOp{{stop, DelistAnswer, ofPlatform, ""}}},
	{tx.DelistDone, []clockOp{{stop, DelistAnswer, ofPlatform, ""}, {stop, DelistAct, ofPlatform, ""}, {start, DelistCheck, ofOrigin, ""}}},
	{tx.DelistOrder, []clockOp{{start, DelistAnswer, ofPlatform, ""}, {start, DelistAct, ofPlatform, ""}}},
	{tx.DelistReturn, []clockOp{{stop, DelistCheck, ofOrigin, ""}, {start, DelistAct, ofPlatform, ""}}},
	{tx.DelistVerify, []clockOp{{stop, DelistCheck, ofOrigin, ""}}},
	{tx.DelistWithdraw, []clockOp{{stop, DelistAnswer, ofPlatform, ""}, {stop, DelistAct, ofPlatform, ""}, {stop, DelistCheck, ofOrigin, ""}}},
	{tx.EvidenceChallenge, []clockOp{{start, EvidenceAnswer, ofOrigin, ""}}},
	{tx.EvidenceReject, []clockOp{{stop, EvidenceAnswer, ofOrigin, ""}}},
	{tx.EvidenceUphold, []clockOp{{stop, EvidenceAnswer, ofOrigin, ""}}},
	{tx.EvidenceWithdraw, []clockOp{{stop, EvidenceAnswer, ofOrigin, ""}}},
	{tx.InspectAssign, []clockOp{{stop, RetestAccept, ofOrigin, ""}, {start, RetestReport, ofRetestLab, ""}}},
	{tx.InspectClose, []clockOp{{stop, RecallStart, ofMaker, ""}}},
	{tx.InspectConfirm, []clockOp{{start, SampleNotify, ofOrigin, ""}, {start, RecallStart, ofMaker, ""}}},
	{tx.InspectFail, []clockOp{{stop, SampleReport, ofLab, ""}}},
	{tx.InspectNotify, []clockOp{{stop, SampleNotify, ofOrigin, ""}}},
	{tx.InspectOverturn, []clockOp{{stop, RetestReport, ofRetestLab, ""}}},
	{tx.InspectPass, []clockOp{{stop, SampleReport, ofLab, ""}}},
	{tx.InspectRefuse, []clockOp{{stop, RetestAccept, ofOrigin, ""}}},
	{tx.InspectRetest, []clockOp{{start, RetestAccept, ofOrigin, ""}}},
	{tx.InspectRevoke, []clockOp{{stop, RetestAccept, ofOrigin, ""}, {stop, RetestReport, ofRetestLab, ""}, {stop, SampleNotify, ofOrigin, ""}, {stop, RecallStart, ofMaker, ""}}},
	{tx.InspectSample, []clockOp{{start, SampleReport, ofLab, ""}}},
	{tx.InspectUphold, []clockOp{{stop, RetestReport, ofRetestLab, ""}}},
	{tx.InspectWithdraw, []clockOp{{stop, SampleReport, ofLab, ""}}},
	{tx.ListAccept, []clockOp{{stop, RepairAccept, ofOrigin, ""}, {start, RepairDecide, ofOrigin, ""}}},
	{tx.ListAgree, []clockOp{{stop, ListDecision, ofOrigin, ""}, {start, ListPublication, ofOrigin, ""}}},
	{tx.ListDecide, []clockOp{{stop, ListDecision, ofOrigin, ""}, {start, ListPublication, ofOrigin, ""}}},
	{tx.ListDeny, []clockOp{{stop, RepairAccept, ofOrigin, ""}, {stop, RepairDecide, ofOrigin, ""}}},
	{tx.ListDrop, []clockOp{{stop, ListDecision, ofOrigin, ""}}},
	{tx.ListGrant, []clockOp{{stop, RepairAccept, ofOrigin, ""}, {stop, RepairDecide, ofOrigin, ""}}},
	{tx.ListHear, []clockOp{{resume, ListDecision, ofOrigin, tx.HearingGround}}},
	{tx.ListHearing, []clockOp{{pause, ListDecision, ofOrigin, tx.HearingGround}}},
	{tx.ListPropose, []clockOp{{start, ListDecision, ofOrigin, ""}}},
	{tx.ListPublish, []clockOp{{stop, ListPublication, ofOrigin, ""}}},
	{tx.ListRepair, []clockOp{{start, RepairAccept, ofOrigin, ""}}},
	{tx.ListResolve, []clockOp{{stop, ListDecision, ofOrigin, ""}, {start, ListPublication, ofOrigin, ""}}},
	{tx.ListRevoke, []clockOp{{stop, ListPublication, ofOrigin, ""}, {stop, RepairAccept, ofOrigin, ""}, {stop, RepairDecide, ofOrigin, ""}}},
	{tx.ListStay, []clockOp{{stop, RepairAccept, ofOrigin, ""}, {stop, RepairDecide, ofOrigin, ""}}},
	{tx.ListWaive, []clockOp{{resume, ListDecision, ofOrigin, tx.HearingGround}}},
	{tx.TraceCancel, []clockOp{{stop, HandoverAnswer, ofReceiver, ""}, {stop, HandoverSettle, ofOrigin, ""}}},
	{tx.TraceDispute, []clockOp{{stop, HandoverAnswer, ofReceiver, ""}, {start, HandoverSettle, ofOrigin, ""}}},
	{tx.TraceReceive, []clockOp{{stop, HandoverAnswer, ofReceiver, ""}, {stop, HandoverSettle, ofOrigin, ""}}},
	{tx.TraceShip, []clockOp{{start, HandoverAnswer, ofReceiver, ""}}},
}

// A clockMove is a clockOp on one clock.
type clockMove struct {
	do     clockAct
	id     row.ClockID
	ground string
}

// clockActs are what the kinds of the family clock do.
var clockActs = map[tx.Kind]clockAct{tx.ClockExtend: extend, tx.ClockPause: pause, tx.ClockResume: resume}

// clocks returns what a statement that takes effect in p does to clocks.
func (c *Ctx) clocks(p *place, s *tx.Statement) (moves []clockMove) {
	if b, ground := clockStep(s.Body); b != nil {
		id, err := c.clockOf(s.Member, b)
		if err != nil {
			return nil // it was refused
		}
		return []clockMove{{clockActs[s.Kind], id, ground}}
	}
	for _, op := range clockOps(s.Kind) {
		for _, m := range op.of(c, p, s) {
			moves = append(moves, clockMove{op.do, row.ClockID{Code: op.code, Matter: p.seq, Member: m}, op.ground})
		}
	}
	return append(moves, c.recallClocks(s)...)
}

// opensClocks is clocks of a statement that opens its matter, whose number is
// not known yet; nil when there are none.
func (c *Ctx) opensClocks(r *rule, s *tx.Statement) func(seq uint64) []clockMove {
	if len(clockOps(r.kind)) == 0 && r.kind.Family() != clockFamily && r.kind != tx.TraceRecall {
		return nil
	}
	return func(seq uint64) []clockMove {
		return c.clocks(&place{seq: seq, kind: r.kind, height: c.Height, origin: s.Member, body: s.Body}, s)
	}
}

func clockOps(k tx.Kind) []clockOp {
	for i := range clockTable {
		if clockTable[i].kind == k {
			return clockTable[i].ops
		}
	}
	return nil
}

// ClockCodes lists the codes of all deadlines that some transition starts,
// ascending.
func ClockCodes() (codes []tx.ClockCode) {
	for i := range clockTable {
		for _, op := range clockTable[i].ops {
			if op.do == start && !slices.Contains(codes, op.code) {
				codes = append(codes, op.code)
			}
		}
	}
	slices.Sort(codes)
	return codes
}
