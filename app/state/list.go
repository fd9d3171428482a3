package state

import (
	"fmt"
	"slices"

	"zhenglian/app/row"
	"zhenglian/app/store"
	"zhenglian/app/tx"
)

// lists is the family of the entries of lists, and of who must act on them.
const lists = "list"

// Bounds of what list statements say of days.
const (
	maxServiceAge = 90  // days after which a service is stated too late
	maxResponse   = 90  // days
	maxHearingAge = 365 // days
	maxFromAge    = 90  // days before and after the decision at which its first day may lie
)

// deciders are the kinds of decision of each list.
var deciders = [...]tx.Kind{tx.SeriousDishonest: tx.ListDecide, tx.AbnormalOperation: tx.ListDecide, tx.IndustryNotice: tx.ListResolve, tx.NegativeIndex: tx.ListAgree}

// DecidedBy is the kind by which entries of a list are decided.
func DecidedBy(l tx.List) tx.Kind { return deciders[l] }

// listRow reads a row; its zero value and false when there is none.
func listRow[T any](c *Ctx, key []byte, decode func([]byte) (T, error)) (v T, ok bool, err error) {
	b, err := c.Read.Get(key)
	if err == nil && b != nil {
		v, err = decode(b)
	}
	if err != nil {
		return v, false, broken{err}
	}
	return v, b != nil, nil
}

// listRule returns the version of a list's rule that applies to what was
// proposed at height.
func (c *Ctx) listRule(l tx.List, height int64) (rule row.ListRule, err error) {
	for number := uint32(1); ; number++ {
		next, ok, err := listRow(c, row.ListRuleKey(l, number), row.DecodeListRule)
		switch {
		case err != nil:
			return rule, err
		case !ok && number == 1:
			return rule, broken{fmt.Errorf("no rule of %s", l)}
		case !ok || next.From > height:
			return rule, nil
		}
		rule = next
	}
}

// openList judges a statement of the list or routing family that opens a
// matter, and returns what it writes.
func (c *Ctx) openList(s *tx.Statement) (func(seq uint64) []write, error) {
	var writes []write
	var err error
	switch b := s.Body.(type) {
	case *tx.Proposal:
		return c.propose(s, b)
	case *tx.Acknowledgement:
		writes, err = c.acknowledge(s, b)
	case *tx.ConsumerChange:
		writes, err = c.changeConsumer(b)
	case *tx.Retagging:
		writes, err = c.retag(s.Member, b)
	case *tx.RoutingHint:
		return c.hint(b)
	case *tx.RoutingLookup:
		err = c.routingOn()
	}
	if err != nil {
		return nil, err
	}
	return func(uint64) []write { return writes }, nil
}

// propose judges list.propose: who, on which law, for how severe a thing, on
// which evidence.
func (c *Ctx) propose(s *tx.Statement, b *tx.Proposal) (func(seq uint64) []write, error) {
	m := c.Dir.members[s.Member]
	if !m.Has("regulator") && !(b.List == tx.IndustryNotice && m.Has("department")) {
		return nil, refuse(tx.CodeNotLister, "member", string(s.Member))
	}
	rule, err := c.listRule(b.List, c.Height)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(rule.Laws, b.Law.ID) {
		return nil, refuse(tx.CodeListLaw, "body.law.id", b.Law.ID)
	}
	if rule.Term(b.Severity) == nil {
		return nil, refuse(tx.CodeTerm, "body.severity", b.Severity+" is not of "+b.List.String())
	}
	for i, id := range b.Exhibits {
		if err := c.stands(id, fmt.Sprintf("body.evidence[%d]", i)); err != nil {
			return nil, err
		}
	}
	if err := c.inUse(b.List, b.Subject.Epoch, "body.subject.epoch"); err != nil {
		return nil, err
	}
	e := row.ListEntry{Epoch: b.Subject.Epoch, Severity: b.Severity, Tag: b.Subject.Tag, USCC: b.Subject.USCC}
	return func(seq uint64) []write { return []write{{row.ListEntryKey(b.List, seq), e.Encode()}} }, nil
}

// stands checks that id is of evidence that stands. A routing hint is no reason
// for anything.
func (c *Ctx) stands(id tx.ID, path string) error {
	seq, ok, err := c.Read.Seq(store.Hash(id))
	if err != nil {
		return broken{err}
	}
	if !ok {
		return refuse(tx.CodeListEvidence, path, "no such statement")
	}
	p, err := find(c.Read, seq)
	switch {
	case err != nil:
		return err
	case p != nil && p.kind.Family() == routing:
		return refuse(tx.CodeRoutingBasis, path, id.String())
	case p == nil || p.seq != seq || p.kind != tx.EvidenceSeal:
		return refuse(tx.CodeListEvidence, path, "want an evidence.seal")
	case p.matter.State != row.Sealed && p.matter.State != row.Rejected:
		return refuse(tx.CodeListEvidence, path, "it is "+string(p.matter.State))
	}
	return nil
}

// An entry is the list entry that a statement continues.
type entry struct {
	row.ListEntry
	list   tx.List
	place  *place
	origin *row.Member
}

func (c *Ctx) entryOf(p *place) (*entry, error) {
	b, ok := p.body.(*tx.Proposal)
	if !ok {
		return nil, nil // an acknowledgement or an enrolment that waits
	}
	e := &entry{list: b.List, place: p, origin: c.Dir.members[p.origin]}
	var err error
	if e.ListEntry, ok, err = listRow(c, row.ListEntryKey(b.List, p.seq), row.DecodeListEntry); err == nil && !ok {
		return nil, nil // a proposal that waits
	}
	return e, err
}

// save returns the write of the entry's row.
func (e *entry) save() write {
	return write{row.ListEntryKey(e.list, e.place.seq), e.Encode()}
}

// end returns the write that makes the entry end on its last day, or not.
func (e *entry) end(on bool) write {
	w := write{key: row.ListEndKey(e.Until, e.place.seq)}
	if on {
		w.value = []byte("{}")
	}
	return w
}

// stepList judges a statement that continues an entry, whose state allows it,
// and returns what it writes besides the matter.
func (c *Ctx) stepList(s *tx.Statement, p *place) ([]write, error) {
	e, err := c.entryOf(p)
	if err != nil || e == nil {
		return nil, err // it is dropped while it waits
	}
	today := c.today()
	switch b := s.Body.(type) {
	case *tx.Service:
		switch {
		case b.ServedOn > today || b.ServedOn < today-maxServiceAge:
			return nil, refuse(tx.CodeListDate, "body.served_on", "today is "+today.String())
		case b.RespondBy < c.dueFrom(ListDefence, b.ServedOn) || b.RespondBy > b.ServedOn+maxResponse:
			return nil, refuse(tx.CodeRespondBy, "body.respond_by", "served on "+b.ServedOn.String())
		}
		e.RespondBy = b.RespondBy
		return []write{e.save()}, nil
	case *tx.Hearing:
		if b.HeldOn > today || b.HeldOn < today-maxHearingAge {
			return nil, refuse(tx.CodeListDate, "body.held_on", "today is "+today.String())
		}
	case *tx.Waiver:
		if b.Reason == tx.NoResponse && today <= e.RespondBy {
			return nil, refuse(tx.CodeResponseOpen, "body.reason", "until "+e.RespondBy.String())
		}
	case *tx.Listing:
		return c.decide(s.Kind, b, e)
	case *tx.Publication:
		switch {
		case today < e.From:
			return nil, refuse(tx.CodeNotYet, "", "it begins on "+e.From.String())
		case today >= e.Until:
			return nil, refuse(tx.CodeListEnded, "", "on "+e.Until.String())
		}
		if err := c.inUse(e.list, e.Epoch, ""); err != nil {
			return nil, err
		}
		return c.enter(e, row.Published, true)
	case *tx.RepairApplication:
		if today < e.RepairFrom {
			return nil, refuse(tx.CodeRepairEarly, "", "from "+e.RepairFrom.String())
		}
		return c.relabel(e, row.RepairApplied)
	case *tx.Revocation:
		if b.Since > today {
			return nil, refuse(tx.CodeRevokeDate, "body.since", "today is "+today.String())
		}
		return c.leave(e, row.Revoked, true)
	}
	switch s.Kind {
	case tx.ListAccept:
		return c.relabel(e, row.RepairAccepted)
	case tx.ListDeny:
		return c.relabel(e, row.RepairDenied)
	case tx.ListGrant:
		return c.leave(e, row.Repaired, true)
	case tx.ListStay:
		return c.leave(e, row.Stayed, false)
	case tx.ListResume, tx.ListReinstate:
		if s.Kind == tx.ListReinstate { // a court that ends a stay cannot make tags
			if err := c.inUse(e.list, e.Epoch, ""); err != nil {
				return nil, err
			}
		}
		if today >= e.Until {
			return nil, refuse(tx.CodeListEnded, "", "on "+e.Until.String())
		}
		return c.enter(e, ruleOf(s.Kind).to, s.Kind == tx.ListReinstate)
	}
	return nil, nil
}

// decide judges a decision: the list's own kind, the superior's consent, the
// term by severity.
func (c *Ctx) decide(kind tx.Kind, b *tx.Listing, e *entry) ([]write, error) {
	if want := deciders[e.list]; kind != want {
		return nil, refuse(tx.CodeWrongDecision, "kind", fmt.Sprintf("%s is decided by %s", e.list, want))
	}
	rule, err := c.listRule(e.list, e.place.height)
	if err != nil {
		return nil, err
	}
	if rule.Consent && e.origin.Superior != "" && e.place.matter.State != row.SuperiorOK {
		return nil, refuse(tx.CodeNoConsent, "", "of "+string(e.origin.Superior))
	}
	today, term := c.today(), rule.Term(e.Severity)
	if b.From < today-maxFromAge || b.From > today+maxFromAge {
		return nil, refuse(tx.CodeListDate, "body.from", "today is "+today.String())
	}
	switch last, first := b.From.AddMonths(int(term.Max)), b.From.AddMonths(int(term.Min)); {
	case b.Until > last:
		return nil, refuse(tx.CodeTerm, "body.until", fmt.Sprintf("%s: at most %d months, to %s", e.Severity, term.Max, last))
	case b.RepairFrom < first:
		return nil, refuse(tx.CodeTerm, "body.repair_from", fmt.Sprintf("%s: at least %d months, from %s", e.Severity, term.Min, first))
	}
	e.From, e.RepairFrom, e.Until = b.From, b.RepairFrom, b.Until
	return []write{e.save()}, nil
}

// otherOfficer checks that nobody who signs the legal review, in its envelope or
// by an endorsement, has signed the proposal or agreed to it: by account, and by
// the pseudonym of its holder where there is one.
func (c *Ctx) otherOfficer(votes []row.Vote, p *place) error {
	e, s, err := statementAt(c.Read, p.seq)
	if err != nil {
		return err
	}
	proposal, err := c.tally(e, s, ruleOf(s.Kind), p.seq)
	if err != nil {
		return err
	}
	for _, v := range votes {
		tag := c.Dir.accounts[v.Account].Tag
		for _, was := range proposal.Votes {
			same := was.Account == v.Account || !tag.IsZero() && c.Dir.accounts[was.Account].Tag == tag
			if same && supports(v) && supports(was) {
				return refuse(tx.CodeSameOfficer, "", v.Account.String())
			}
		}
	}
	return nil
}

// supports reports whether a vote counts for its statement.
func supports(v row.Vote) bool { return v.Type != tx.Objects }

// subjectOf reads what is in force about the entry's subject.
func (c *Ctx) subjectOf(e *entry) (row.Subject, error) {
	s, _, err := listRow(c, row.SubjectKey(e.list, e.Tag), row.DecodeSubject)
	return s, err
}

func indexOf(s row.Subject, seq uint64) int {
	return slices.IndexFunc(s, func(f row.InForce) bool { return f.Seq == seq })
}

// subject returns the write of a subject row, which goes with its last entry.
func (e *entry) subject(s row.Subject) write {
	w := write{key: row.SubjectKey(e.list, e.Tag)}
	if len(s) > 0 {
		w.value = s.Encode()
	}
	return w
}

// enter brings the entry into force in a state and tells the consumers; ends
// says whether its last day is to be noted, which a stay leaves alone.
func (c *Ctx) enter(e *entry, s row.State, ends bool) ([]write, error) {
	subject, err := c.subjectOf(e)
	if err != nil {
		return nil, err
	}
	if len(subject) >= row.MaxInForce {
		return nil, refuse(tx.CodeSubjectFull, "", fmt.Sprintf("%d entries", len(subject)))
	}
	i := 0
	for i < len(subject) && subject[i].Seq < e.place.seq {
		i++
	}
	subject = slices.Insert(subject, i, row.InForce{Seq: e.place.seq, State: s, From: e.From, Until: e.Until})
	writes, err := c.tell(e, row.Apply, s, 1)
	writes = append(writes, e.subject(subject))
	if ends {
		writes = append(writes, e.end(true))
	}
	return writes, err
}

// leave takes the entry out of force, if it is, and tells the consumers; for
// good, or until a stay ends.
func (c *Ctx) leave(e *entry, s row.State, forGood bool) ([]write, error) {
	var writes []write
	if forGood && e.Until != 0 {
		writes = append(writes, e.end(false))
	}
	subject, err := c.subjectOf(e)
	if err != nil {
		return nil, err
	}
	i := indexOf(subject, e.place.seq)
	if i < 0 {
		return writes, nil
	}
	more, err := c.tell(e, row.Lift, s, -1)
	return append(append(writes, more...), e.subject(slices.Delete(subject, i, i+1))), err
}

// relabel changes the state of an entry that stays in force.
func (c *Ctx) relabel(e *entry, s row.State) ([]write, error) {
	subject, err := c.subjectOf(e)
	if err != nil {
		return nil, err
	}
	i := indexOf(subject, e.place.seq)
	if i < 0 {
		return nil, broken{fmt.Errorf("entry %d of %s is in force and its subject row does not say so", e.place.seq, e.list)}
	}
	subject[i].State = s
	return []write{e.subject(subject)}, nil
}

// tell makes the list's next notice.
func (c *Ctx) tell(e *entry, action string, s row.State, entries int64) ([]write, error) {
	n, _, err := listRow(c, row.ListKey(e.list), row.DecodeList)
	if err != nil {
		return nil, err
	}
	code := ListAck
	if action == row.Lift {
		code = ListWithdraw
	}
	n.Entries += entries
	n.Notices++
	notice := row.Notice{Action: action, Due: c.dueFrom(code, c.today()), Entry: e.place.seq, Height: c.Height, State: s, Tag: e.Tag}
	return []write{{row.ListKey(e.list), n.Encode()}, {row.NoticeKey(e.list, n.Notices), notice.Encode()}}, nil
}

// dueFrom is the last day of what begins on a day under a code; 0 when no rule
// set in force then has it.
func (c *Ctx) dueFrom(code tx.ClockCode, from tx.Date) tx.Date {
	d, _ := c.Dir.Deadline(code, from)
	if d == nil {
		return 0
	}
	return c.Dir.days.Add(from, d.Count, d.Unit, d.Roll)
}

// changeConsumer judges list.consumer.
func (c *Ctx) changeConsumer(b *tx.ConsumerChange) ([]write, error) {
	m := c.Dir.members[b.Member]
	if m == nil || m.Left {
		return nil, refuse(tx.CodeNoMember, "body.member", string(b.Member))
	}
	key := row.ConsumerKey(b.List, b.Member)
	is, ok, err := listRow(c, key, row.DecodeConsumer)
	if err != nil {
		return nil, err
	}
	if in := ok && !is.Released; in != (b.Action == tx.ReleaseConsumer) {
		return nil, refuse(tx.CodeNoConsumer, "body.member", string(b.Member))
	}
	n, _, err := listRow(c, row.ListKey(b.List), row.DecodeList)
	if err != nil {
		return nil, err
	}
	is.Released, is.Since = b.Action == tx.ReleaseConsumer, c.Height
	if !is.Released {
		is.Backlog, is.BacklogDue = n.Notices, c.dueFrom(ListAck, c.today())
	}
	return []write{{key, is.Encode()}}, nil
}

// acknowledge judges list.ack.
func (c *Ctx) acknowledge(s *tx.Statement, b *tx.Acknowledgement) ([]write, error) {
	key := row.ConsumerKey(b.List, s.Member)
	is, ok, err := listRow(c, key, row.DecodeConsumer)
	if err != nil {
		return nil, err
	}
	n, _, err := listRow(c, row.ListKey(b.List), row.DecodeList)
	if err != nil {
		return nil, err
	}
	switch through := uint64(b.Through); {
	case !ok || is.Released:
		return nil, refuse(tx.CodeNoConsumer, "member", string(s.Member))
	case through <= is.Through:
		return nil, refuse(tx.CodeAckOrder, "body.through", fmt.Sprintf("acknowledged up to %d", is.Through))
	case through > n.Notices:
		return nil, refuse(tx.CodeAckFuture, "body.through", fmt.Sprintf("the newest is %d", n.Notices))
	}
	is.Applied, is.Lifted = min(is.Applied+b.Applied, tx.MaxInt), min(is.Lifted+b.Lifted, tx.MaxInt)
	is.Through, is.Since = uint64(b.Through), c.Height
	return []write{{key, is.Encode()}}, nil
}

// changeListRule enacts gov.list: a new version of a list's rule, from a later
// height on. Entries that were proposed before keep theirs.
func (c *Ctx) changeListRule(b *tx.ListRuleChange) ([]write, error) {
	if b.From <= c.Height {
		return nil, refuse(tx.CodeHeight, "body.from", "want a later height than this one")
	}
	next := row.ListRule{Consent: b.Consent, Document: b.Document, From: b.From, Laws: b.Laws, Terms: b.Terms}
	var last row.ListRule
	for number := uint32(1); ; number++ {
		is, ok, err := listRow(c, row.ListRuleKey(b.List, number), row.DecodeListRule)
		if err != nil {
			return nil, err
		}
		if ok {
			last = is
			continue
		}
		same := last.Consent == next.Consent && slices.Equal(last.Laws, next.Laws) && slices.Equal(last.Terms, next.Terms)
		switch {
		case number > maxVersions:
			return nil, refuse(tx.CodeFull, "body.list", "")
		case b.From < last.From:
			return nil, refuse(tx.CodeHeight, "body.from", "an earlier version begins later")
		case same:
			return nil, refuse(tx.CodeNothing, "body", "")
		}
		return []write{{row.ListRuleKey(b.List, number), next.Encode()}}, nil
	}
}

// maxListEnds bounds the entries and hints that end in one block; what is due
// and not reached ends in the next.
const maxListEnds = 1000

// stopsOf stops the clocks of an entry that ends by itself.
func stopsOf(p *place) []clockMove {
	return []clockMove{
		{do: stop, id: row.ClockID{Code: RepairAccept, Matter: p.seq, Member: p.origin}},
		{do: stop, id: row.ClockID{Code: RepairDecide, Matter: p.seq, Member: p.origin}},
	}
}

// endLists ends the entries and hints whose last day is over.
func (c *Ctx) endLists(b *store.Block) error {
	var due []uint64
	var keys [][]byte
	start, end := row.ListEndRange(c.today())
	err := b.Iterate(start, end, func(k, _ []byte) bool {
		due, keys = append(due, row.ListEndSeq(k)), append(keys, slices.Clone(k))
		return len(due) < maxListEnds
	})
	if err != nil {
		return broken{err}
	}
	for i, seq := range due {
		p, err := find(c.Read, seq)
		if err != nil {
			return err
		}
		var writes []write
		if hint, ok := p.body.(*tx.RoutingHint); ok {
			writes = []write{{row.RoutingTagKey(hint.Tag), nil}}
		} else {
			e, err := c.entryOf(p)
			if err != nil {
				return err
			}
			if writes, err = c.leave(e, row.Ended, true); err != nil {
				return err
			}
			if err := c.moveClocks(b, stopsOf(p)); err != nil {
				return err
			}
		}
		if p.matter.Waiting != 0 {
			more, err := c.settle(p.matter.Waiting, row.Lapsed)
			if err != nil {
				return err
			}
			writes = append(writes, more...)
		}
		m := row.Matter{Head: p.matter.Head, Since: c.Height, State: row.Ended}
		put(b, append(writes, write{row.MatterKey(p.seq), m.Encode()}, write{keys[i], nil}))
	}
	return nil
}
