package state

import (
	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// Who may make a statement in a matter, besides what the policy asks.
type party int

const (
	anyone     party = iota // every member
	origin                  // the member who opened the matter
	notOrigin               // every other member
	superior                // the superior of the member who opened the matter
	reviewBody              // the member who opened the matter, its superior, or a court
	regulator               // every regulator
)

// A rule is everything about a kind that a table can say.
type rule struct {
	kind  tx.Kind
	opens bool        // opens a matter; otherwise continues one, or is endorse
	from  []row.State // states of the matter in which it may be made
	to    row.State   // state of the matter once it is effective
	who   party
}

// rules is the transition table, ascending by kind; clockTable (clocktable.go)
// says what the transitions do to statutory clocks. endorse has a function of
// its own: it belongs to no matter.
var rules = []rule{
	{tx.ClockExtend, true, nil, row.Enacted, anyone},
	{tx.ClockPause, true, nil, row.Enacted, anyone},
	{tx.ClockResume, true, nil, row.Enacted, anyone},
	{tx.DelistAck, false, []row.State{row.Issued}, row.Acked, notOrigin},
	{tx.DelistDone, false, []row.State{row.Issued, row.Acked}, row.Delisted, notOrigin},
	{tx.DelistOrder, true, nil, row.Issued, regulator},
	{tx.DelistReturn, false, []row.State{row.Delisted}, row.Issued, origin},
	{tx.DelistVerify, false, []row.State{row.Delisted}, row.Verified, origin},
	{tx.DelistWithdraw, false, []row.State{row.Pending, row.Issued, row.Acked, row.Delisted}, row.Withdrawn, origin},
	{tx.EvidenceBatch, true, nil, row.Sealed, anyone},
	{tx.EvidenceChallenge, false, []row.State{row.Sealed, row.Rejected}, row.Challenged, notOrigin},
	{tx.EvidenceErase, false, []row.State{row.Sealed, row.Upheld, row.Rejected, row.Superseded, row.Withdrawn}, row.Erased, origin},
	{tx.EvidenceReject, false, []row.State{row.Challenged}, row.Rejected, notOrigin},
	{tx.EvidenceSeal, true, nil, row.Sealed, anyone},
	{tx.EvidenceSupersede, false, []row.State{row.Sealed, row.Rejected}, row.Superseded, origin},
	{tx.EvidenceUphold, false, []row.State{row.Challenged}, row.Upheld, notOrigin},
	{tx.EvidenceWithdraw, false, []row.State{row.Pending, row.Sealed, row.Challenged, row.Rejected}, row.Withdrawn, origin},
	{tx.GovAccount, true, nil, row.Enacted, anyone},
	{tx.GovCalendar, true, nil, row.Enacted, anyone},
	{tx.GovEpoch, true, nil, row.Enacted, anyone},
	{tx.GovFreeze, true, nil, row.Enacted, anyone},
	{tx.GovList, true, nil, row.Enacted, anyone},
	{tx.GovMember, true, nil, row.Enacted, anyone},
	{tx.GovOverride, true, nil, row.Enacted, anyone},
	{tx.GovParams, true, nil, row.Enacted, anyone},
	{tx.GovPolicy, true, nil, row.Enacted, anyone},
	{tx.GovReady, true, nil, row.Enacted, anyone},
	{tx.GovRecover, true, nil, row.Enacted, anyone},
	{tx.GovRotate, true, nil, row.Enacted, anyone},
	{tx.GovRouting, true, nil, row.Enacted, anyone},
	{tx.GovRuleset, true, nil, row.Enacted, anyone},
	{tx.GovThaw, true, nil, row.Enacted, anyone},
	{tx.GovUpgrade, true, nil, row.Enacted, anyone},
	{tx.GovValidator, true, nil, row.Enacted, anyone},
	{tx.GovWithdraw, false, []row.State{row.Pending}, row.Withdrawn, origin},
	{tx.InspectAccept, false, []row.State{row.Failed}, row.Failed, notOrigin},
	{tx.InspectAssign, false, []row.State{row.RetestAsked}, row.Retesting, origin},
	{tx.InspectClose, false, []row.State{row.Notified}, row.Closed, origin},
	{tx.InspectConfirm, false, []row.State{row.Failed, row.RetestRefused, row.RetestFailed}, row.Confirmed, origin},
	{tx.InspectFail, false, []row.State{row.Sampled}, row.Failed, notOrigin},
	{tx.InspectNotify, false, []row.State{row.Confirmed}, row.Notified, origin},
	{tx.InspectOverturn, false, []row.State{row.Retesting}, row.Overturned, notOrigin},
	{tx.InspectPass, false, []row.State{row.Sampled}, row.Passed, notOrigin},
	{tx.InspectRefuse, false, []row.State{row.RetestAsked}, row.RetestRefused, origin},
	{tx.InspectRetest, false, []row.State{row.Failed}, row.RetestAsked, notOrigin},
	{tx.InspectRevoke, false, []row.State{row.Passed, row.Failed, row.RetestAsked, row.Retesting, row.RetestRefused, row.RetestFailed, row.Overturned, row.Confirmed, row.Notified, row.Closed}, row.Revoked, reviewBody},
	{tx.InspectSample, false, []row.State{row.Tasked}, row.Sampled, origin},
	{tx.InspectTask, true, nil, row.Tasked, regulator},
	{tx.InspectUphold, false, []row.State{row.Retesting}, row.RetestFailed, notOrigin},
	{tx.InspectWithdraw, false, []row.State{row.Pending, row.Tasked, row.Sampled}, row.Withdrawn, origin},
	{tx.ListAccept, false, []row.State{row.RepairApplied}, row.RepairAccepted, origin},
	{tx.ListAck, true, nil, row.Enacted, anyone},
	{tx.ListAgree, false, []row.State{row.Reviewed, row.SuperiorOK}, row.Decided, origin},
	{tx.ListConsent, false, []row.State{row.Reviewed}, row.SuperiorOK, superior},
	{tx.ListConsumer, true, nil, row.Enacted, regulator},
	{tx.ListDecide, false, []row.State{row.Reviewed, row.SuperiorOK}, row.Decided, origin},
	{tx.ListDefend, false, []row.State{row.NoticeServed}, row.DefenceFiled, origin},
	{tx.ListDeny, false, []row.State{row.RepairApplied, row.RepairAccepted}, row.RepairDenied, origin},
	{tx.ListDrop, false, []row.State{row.Pending, row.Proposed, row.NoticeServed, row.DefenceFiled, row.HearingRequested, row.Heard, row.Waived, row.Reviewed, row.SuperiorOK}, row.Dropped, origin},
	{tx.ListGrant, false, []row.State{row.RepairApplied, row.RepairAccepted}, row.Repaired, origin},
	{tx.ListHear, false, []row.State{row.DefenceFiled, row.HearingRequested}, row.Heard, origin},
	{tx.ListHearing, false, []row.State{row.NoticeServed, row.DefenceFiled}, row.HearingRequested, origin},
	{tx.ListPropose, true, nil, row.Proposed, anyone},
	{tx.ListPublish, false, []row.State{row.Decided}, row.Published, origin},
	{tx.ListReinstate, false, []row.State{row.Repaired}, row.Reinstated, origin},
	{tx.ListRepair, false, []row.State{row.Published, row.RepairDenied, row.Reinstated}, row.RepairApplied, anyone},
	{tx.ListResolve, false, []row.State{row.Reviewed, row.SuperiorOK}, row.Decided, origin},
	{tx.ListResume, false, []row.State{row.Stayed}, row.Published, reviewBody},
	{tx.ListRetag, true, nil, row.Enacted, regulator},
	{tx.ListReview, false, []row.State{row.Heard, row.Waived}, row.Reviewed, origin},
	{tx.ListRevoke, false, []row.State{row.Decided, row.Published, row.RepairApplied, row.RepairAccepted, row.RepairDenied, row.Reinstated, row.Stayed, row.Repaired}, row.Revoked, reviewBody},
	{tx.ListServe, false, []row.State{row.Proposed}, row.NoticeServed, origin},
	{tx.ListStay, false, []row.State{row.Published, row.RepairApplied, row.RepairAccepted, row.RepairDenied, row.Reinstated}, row.Stayed, reviewBody},
	{tx.ListWaive, false, []row.State{row.NoticeServed, row.DefenceFiled, row.HearingRequested}, row.Waived, origin},
	{tx.RoutingContest, false, []row.State{row.Active}, row.Contested, anyone},
	{tx.RoutingKeep, false, []row.State{row.Contested}, row.Active, origin},
	{tx.RoutingRead, true, nil, row.Enacted, anyone},
	{tx.RoutingRemove, false, []row.State{row.Pending, row.Active, row.Contested}, row.Removed, reviewBody},
	{tx.RoutingTag, true, nil, row.Active, regulator},
	{tx.TraceAck, true, nil, row.Recorded, anyone},
	{tx.TraceAggregate, true, nil, row.Recorded, anyone},
	{tx.TraceCancel, false, []row.State{row.Offered, row.Disputed}, row.Cancelled, origin},
	{tx.TraceClose, false, []row.State{row.Frozen}, row.Closed, anyone},
	{tx.TraceDestroy, true, nil, row.Recorded, anyone},
	{tx.TraceDisaggregate, true, nil, row.Recorded, anyone},
	{tx.TraceDispose, true, nil, row.Recorded, anyone},
	{tx.TraceDispute, false, []row.State{row.Offered}, row.Disputed, notOrigin},
	{tx.TraceEvents, true, nil, row.Recorded, anyone},
	{tx.TraceHarvest, true, nil, row.Recorded, anyone},
	{tx.TraceProduct, true, nil, row.Recorded, anyone},
	{tx.TraceRecall, true, nil, row.Scoping, anyone},
	{tx.TraceReceive, false, []row.State{row.Offered, row.Disputed}, row.Received, notOrigin},
	{tx.TraceRegister, true, nil, row.Recorded, anyone},
	{tx.TraceRelease, true, nil, row.Recorded, anyone},
	{tx.TraceSell, true, nil, row.OneSided, anyone},
	{tx.TraceShip, true, nil, row.Offered, anyone},
	{tx.TraceTake, true, nil, row.OneSided, anyone},
	{tx.TraceTransform, true, nil, row.Recorded, anyone},
	{tx.TraceWithdraw, false, []row.State{row.Pending}, row.Withdrawn, origin},
}

func ruleOf(k tx.Kind) *rule {
	for i := range rules {
		if rules[i].kind == k {
			return &rules[i]
		}
	}
	return nil
}

// governs reports whether the kind is of governance: signed by admins.
func (r *rule) governs() bool { return r.kind.Family() == governance }

// enacts reports whether the kind changes the directory when it takes effect.
func (r *rule) enacts() bool { return r.opens && r.governs() }

func (r *rule) allowed(s row.State) bool {
	for _, f := range r.from {
		if f == s {
			return true
		}
	}
	return false
}
