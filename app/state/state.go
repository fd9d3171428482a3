package state

import (
	"errors"
	"fmt"

	"zhenglian/app/policy"
	"zhenglian/app/row"
	"zhenglian/app/store"
	"zhenglian/app/tx"
)

// A Ctx is where and when a statement is judged.
type Ctx struct {
	Height int64
	Time   tx.Time // block time of Height, or of the last block when Height is the next one
	Dir    *Directory
	Read   Reader
	// BlockHash returns the header hash of an earlier block; ok is false when
	// the chain has no such block.
	BlockHash func(height int64) (hash tx.Digest, ok bool, err error)
}

// maxEndorsements bounds the votes of a tally, and with them its row.
const maxEndorsements = 64

// maxLapses bounds the work of one EndBlock; what is due and not reached lapses
// in the next block.
const maxLapses = 1000

// A write is one row to be set, or deleted when the value is nil.
type write struct{ key, value []byte }

// An Effect is what an accepted statement does besides entering the log. Rows
// that are keyed by the statement's own sequence number are built by own.
type Effect struct {
	Outcome string    // row.Waits or row.Effective
	State   row.State // of the statement's matter afterwards; "" for endorse
	writes  []write
	own     func(seq uint64) []write
	clocks  []clockMove                  // in a matter that was there before
	starts  func(seq uint64) []clockMove // in the one that it opens
}

// broken marks an error of the database, which is no verdict on a statement:
// the node must stop.
type broken struct{ error }

func (b broken) Unwrap() error { return b.error }

// Broken reports whether err says that the state cannot be read, as opposed to
// a numbered refusal.
func Broken(err error) bool {
	var b broken
	return errors.As(err, &b)
}

func refuse(c tx.Code, path, detail string) error {
	return &tx.Error{Code: c, Path: path, Detail: detail}
}

// Check judges an opened statement. A *tx.Error is a refusal; an error for
// which Broken holds must stop the node.
func Check(c *Ctx, o *Opened) (Effect, error) {
	if err := c.authorise(o); err != nil {
		return Effect{}, err
	}
	_, known, err := c.Read.SeqSince(store.Hash(o.ID), o.absent.Load())
	if err != nil {
		return Effect{}, broken{err}
	}
	if known {
		return Effect{}, refuse(tx.CodeKnown, "", o.ID.String())
	}
	if o.Statement.Kind == tx.EndorseKind {
		return c.endorse(o)
	}
	return c.step(o)
}

// authorise checks the header and who signed, which is the same for all kinds.
func (c *Ctx) authorise(o *Opened) error {
	s := o.Statement
	p := &c.Dir.Params
	switch {
	case s.Expires < c.Height:
		return refuse(tx.CodeExpired, "expires", fmt.Sprintf("this is height %d", c.Height))
	case s.Expires > c.Height+p.ExpiresBlocks:
		return refuse(tx.CodeExpiresFar, "expires", fmt.Sprintf("at height %d at most %d", c.Height, c.Height+p.ExpiresBlocks))
	case int64(s.At) > int64(c.Time)+p.FutureMillis:
		return refuse(tx.CodeFuture, "at", "block time is "+c.Time.String())
	}
	issued := false
	for i := range o.Envelope.Signatures {
		id := o.Envelope.Signatures[i].Account
		a := c.Dir.accounts[id]
		if a == nil {
			return refuse(tx.CodeUnknownAccount, "", id.String())
		}
		if err := a.Check(c.Height); err != nil {
			return err
		}
		m := c.Dir.members[a.Member]
		if m == nil || !m.Active() {
			return refuse(tx.CodeUnknownMember, "", string(a.Member))
		}
		if a.Member == s.Member {
			issued = true
			continue
		}
		for j := range i {
			if c.Dir.accounts[o.Envelope.Signatures[j].Account].Member == a.Member {
				return refuse(tx.CodeSameMember, "", string(a.Member))
			}
		}
	}
	if !issued {
		return refuse(tx.CodeNotIssuer, "member", string(s.Member))
	}
	return nil
}

// step judges a statement that opens or continues a matter.
func (c *Ctx) step(o *Opened) (Effect, error) {
	r := ruleOf(o.Statement.Kind)
	if r == nil {
		return Effect{}, refuse(tx.CodeUnknownKind, "kind", string(o.Statement.Kind))
	}
	if r.governs() {
		if err := c.admins(o); err != nil {
			return Effect{}, err
		}
	}
	if r.opens {
		return c.open(r, o)
	}
	return c.move(r, o)
}

// open judges a statement that opens a matter.
func (c *Ctx) open(r *rule, o *Opened) (Effect, error) {
	if !o.Statement.Prev.IsZero() {
		return Effect{}, refuse(tx.CodeState, "prev", "this kind opens a matter")
	}
	if a := anchorOf(o.Statement.Body); a != nil {
		if err := c.anchor(*a); err != nil {
			return Effect{}, err
		}
	}
	if err := c.mayState(r, o.Statement.Member, o.Statement.Member); err != nil {
		return Effect{}, err
	}
	writes, own, err := c.opened(r, o.Statement)
	if err != nil {
		return Effect{}, err
	}
	v, err := c.Dir.policyAt(r.kind, o.Statement.Member, c.Height)
	if err != nil {
		return Effect{}, err
	}
	cs := c.caseOf(o.Statement, nil)
	cs.Votes = c.votes(o)
	if v.expr.Holds(cs) {
		return Effect{Outcome: row.Effective, State: r.to, writes: writes, own: own, starts: c.opensClocks(r, o.Statement)}, nil
	}
	if err := c.possible(v, cs); err != nil {
		return Effect{}, err
	}
	deadline := c.Height + c.Dir.Params.PendingBlocks
	t := c.waiting(o, v, deadline)
	m := row.Matter{Head: o.ID, Since: c.Height, State: row.Pending}
	return Effect{Outcome: row.Waits, State: row.Pending, own: func(seq uint64) []write {
		return []write{
			{row.MatterKey(seq), m.Encode()},
			{row.TallyKey(seq), t.Encode()},
			{row.DeadlineKey(deadline, seq), []byte("{}")},
		}
	}}, nil
}

// anchorOf is the block that a body names, nil for kinds that name none.
func anchorOf(b tx.Body) *tx.Anchor {
	switch b := b.(type) {
	case *tx.Evidence:
		return &b.Anchor
	case *tx.Batch:
		return &b.Anchor
	}
	return nil
}

// opened returns what a statement that opens a matter writes when it takes
// effect now, own given its sequence number, or the reason why it cannot.
func (c *Ctx) opened(r *rule, s *tx.Statement) (writes []write, own act, err error) {
	switch own = nothing; {
	case r.enacts():
		writes, err = c.enact(s)
	case r.traces():
		own, err = c.trace(s, nil)
	case r.kind.Family() == inspection:
		own, err = c.inspect(s, nil)
	case r.kind.Family() == delisting:
		own, err = c.delist(s, nil)
	case r.kind.Family() == lists, r.kind.Family() == routing:
		own, err = c.openList(s)
	case r.kind.Family() == clockFamily:
		err = c.stepClock(s)
	}
	return writes, own, err
}

// continued is opened for a statement that continues the matter p.
func (c *Ctx) continued(r *rule, s *tx.Statement, p *place) (act, error) {
	var writes []write
	var err error
	switch {
	case r.traces():
		return c.trace(s, p)
	case r.kind.Family() == inspection:
		return c.inspect(s, p)
	case r.kind.Family() == delisting:
		return c.delist(s, p)
	case r.kind.Family() == lists:
		writes, err = c.stepList(s, p)
	case r.kind.Family() == routing:
		writes, err = c.stepRouting(s, p)
	}
	return func(uint64) []write { return writes }, err
}

// mayState checks that the member is one of those who may make the statement in
// a matter that origin opened.
func (c *Ctx) mayState(r *rule, member, opener tx.MemberID) error {
	var above tx.MemberID
	if m := c.Dir.members[opener]; m != nil {
		above = m.Superior
	}
	switch m := c.Dir.members[member]; {
	case r.who == origin && opener != member, r.who == notOrigin && opener == member:
		return refuse(tx.CodeNotParty, "member", string(member))
	case r.who == superior && above != member:
		return refuse(tx.CodeNotSuperior, "member", string(member))
	case r.who == reviewBody && opener != member && above != member && !m.Has("court"):
		return refuse(tx.CodeNotReviewBody, "member", string(member))
	case r.who == regulator && !m.Has("regulator"):
		return refuse(tx.CodeNotRegulator, "member", string(member))
	}
	return nil
}

// anchor checks that the statement knows a recent block of this chain.
func (c *Ctx) anchor(a tx.Anchor) error {
	if a.Height >= c.Height || a.Height < c.Height-c.Dir.Params.AnchorBlocks {
		return refuse(tx.CodeAnchor, "body.anchor.height", fmt.Sprintf("want one of the %d blocks before %d", c.Dir.Params.AnchorBlocks, c.Height))
	}
	h, ok, err := c.BlockHash(a.Height)
	if err != nil {
		return broken{err}
	}
	if !ok || h != a.Hash {
		return refuse(tx.CodeAnchor, "body.anchor.hash", "not the hash of block "+fmt.Sprint(a.Height))
	}
	return nil
}

// A place is the matter that a statement continues.
type place struct {
	seq    uint64  // of the opening entry
	kind   tx.Kind // of the opening statement
	height int64   // at which it was opened
	origin tx.MemberID
	body   tx.Body // of the opening statement
	matter row.Matter

	inspection *row.Inspection // of a matter of inspection that has a sample, when it was judged
}

// find returns the matter of which the statement id, entry seq, is part.
func find(r Reader, seq uint64) (*place, error) {
	if b, err := r.Get(row.LinkKey(seq)); err != nil {
		return nil, broken{err}
	} else if b != nil {
		l, err := row.DecodeLink(b)
		if err != nil {
			return nil, broken{err}
		}
		seq = l.Matter
	}
	e, s, err := statementAt(r, seq)
	if err != nil {
		return nil, err
	}
	if k := ruleOf(s.Kind); k == nil || !k.opens {
		return nil, nil // endorse, or a continuation that never took effect
	}
	p := &place{seq: seq, kind: s.Kind, height: e.Height, origin: s.Member, body: s.Body}
	b, err := r.Get(row.MatterKey(seq))
	if err != nil {
		return nil, broken{err}
	}
	if b == nil {
		env, _ := tx.ParseEnvelope(e.Envelope)
		p.matter = row.Matter{Head: env.ID(), Since: e.Height, State: ruleOf(s.Kind).to}
		return p, nil
	}
	if p.matter, err = row.DecodeMatter(b); err != nil {
		return nil, broken{err}
	}
	return p, nil
}

func statementAt(r Reader, seq uint64) (store.Entry, *tx.Statement, error) {
	e, err := r.Entry(seq)
	if err != nil {
		return e, nil, broken{err}
	}
	env, err := tx.ParseEnvelope(e.Envelope)
	if err != nil {
		return e, nil, broken{fmt.Errorf("log entry %d: %w", seq, err)}
	}
	s, err := tx.ParseStatement(env.Payload)
	if err != nil {
		return e, nil, broken{fmt.Errorf("log entry %d: %w", seq, err)}
	}
	return e, s, nil
}

// move judges a statement that continues a matter.
func (c *Ctx) move(r *rule, o *Opened) (Effect, error) {
	s := o.Statement
	if s.Prev.IsZero() {
		return Effect{}, refuse(tx.CodeUnknownPrev, "prev", "this kind continues a matter")
	}
	prev, ok, err := c.Read.Seq(store.Hash(s.Prev))
	if err != nil {
		return Effect{}, broken{err}
	}
	if !ok {
		return Effect{}, refuse(tx.CodeUnknownPrev, "prev", s.Prev.String())
	}
	p, err := find(c.Read, prev)
	if err != nil {
		return Effect{}, err
	}
	switch {
	case p == nil:
		return Effect{}, refuse(tx.CodeStalePrev, "prev", "this statement is no step of a matter")
	case p.kind.Family() != r.kind.Family():
		return Effect{}, refuse(tx.CodeFamily, "kind", "the matter was opened by "+string(p.kind))
	case p.matter.Head != s.Prev:
		return Effect{}, refuse(tx.CodeStalePrev, "prev", "the head is "+p.matter.Head.String())
	case !r.allowed(p.matter.State):
		return Effect{}, refuse(tx.CodeState, "kind", "the matter is "+string(p.matter.State))
	}
	if err := c.mayState(r, s.Member, p.origin); err != nil {
		return Effect{}, err
	}
	if b, ok := s.Body.(*tx.Erase); ok {
		if m := c.Dir.members[b.Authority]; m == nil || m.Left {
			return Effect{}, refuse(tx.CodeNoMember, "body.authority", string(b.Authority))
		}
	}
	if b, ok := s.Body.(*tx.Supersede); ok {
		if err := c.successor(b, p); err != nil {
			return Effect{}, err
		}
	}
	if s.Kind == tx.ListReview {
		if err := c.otherOfficer(c.signed(o), p); err != nil {
			return Effect{}, err
		}
	}
	do, err := c.continued(r, s, p)
	if err != nil {
		return Effect{}, err
	}
	v, err := c.Dir.policyAt(r.kind, s.Member, p.height)
	if err != nil {
		return Effect{}, err
	}
	cs := c.caseOf(s, p)
	cs.Votes = c.votes(o)
	if v.expr.Holds(cs) {
		writes, err := c.effective(p, r, o.ID)
		return Effect{Outcome: row.Effective, State: r.to, writes: writes, clocks: c.clocks(p, s), own: func(seq uint64) []write {
			return append(do(seq), write{row.LinkKey(seq), row.Link{Matter: p.seq}.Encode()})
		}}, err
	}
	if p.matter.Waiting != 0 {
		return Effect{}, refuse(tx.CodeWaiting, "prev", fmt.Sprintf("entry %d", p.matter.Waiting))
	}
	if err := c.possible(v, cs); err != nil {
		return Effect{}, err
	}
	deadline := c.Height + c.Dir.Params.PendingBlocks
	t := c.waiting(o, v, deadline)
	m := p.matter
	return Effect{Outcome: row.Waits, State: m.State, own: func(seq uint64) []write {
		m.Waiting = seq
		return []write{
			{row.MatterKey(p.seq), m.Encode()},
			{row.TallyKey(seq), t.Encode()},
			{row.DeadlineKey(deadline, seq), []byte("{}")},
		}
	}}, nil
}

// successor checks that a superseding statement names another evidence of the
// same member that stands.
func (c *Ctx) successor(b *tx.Supersede, p *place) error {
	seq, ok, err := c.Read.Seq(store.Hash(b.By))
	if err != nil {
		return broken{err}
	}
	if !ok {
		return refuse(tx.CodeTarget, "body.by", "no such statement")
	}
	q, err := find(c.Read, seq)
	if err != nil {
		return err
	}
	if q == nil || q.seq != seq || q.seq == p.seq || q.origin != p.origin || q.matter.State != row.Sealed {
		return refuse(tx.CodeTarget, "body.by", "want another sealed evidence of the same member")
	}
	return nil
}

// effective returns the writes by which a statement moves its matter: the new
// state and head, and the end of every statement that was waiting.
func (c *Ctx) effective(p *place, r *rule, id tx.ID) ([]write, error) {
	m := row.Matter{Head: id, Since: c.Height, State: r.to}
	writes := []write{{row.MatterKey(p.seq), m.Encode()}}
	for _, w := range []struct {
		seq uint64
		is  bool
	}{{p.matter.Waiting, p.matter.Waiting != 0}, {p.seq, p.matter.State == row.Pending}} {
		if !w.is {
			continue
		}
		more, err := c.settle(w.seq, row.Lapsed)
		if err != nil {
			return nil, err
		}
		writes = append(writes, more...)
	}
	return writes, nil
}

// settle ends the waiting of the statement seq.
func (c *Ctx) settle(seq uint64, outcome string) ([]write, error) {
	t, err := tallyAt(c.Read, seq)
	if err != nil {
		return nil, err
	}
	if t == nil || t.Outcome != row.Waits {
		return nil, nil
	}
	due := t.Deadline
	t.Outcome, t.Since = outcome, c.Height
	return []write{{row.TallyKey(seq), t.Encode()}, {row.DeadlineKey(due, seq), nil}}, nil
}

func tallyAt(r Reader, seq uint64) (*row.Tally, error) {
	b, err := r.Get(row.TallyKey(seq))
	if err != nil {
		return nil, broken{err}
	}
	if b == nil {
		return nil, nil
	}
	t, err := row.DecodeTally(b)
	if err != nil {
		return nil, broken{err}
	}
	return &t, nil
}

func (c *Ctx) votes(o *Opened) []policy.Vote {
	vs := make([]policy.Vote, len(o.Envelope.Signatures))
	for i := range vs {
		id := o.Envelope.Signatures[i].Account
		vs[i] = c.Dir.vote(id, c.Dir.accounts[id].Member)
	}
	return vs
}

// waiting is the tally of a statement that lacks signatures.
func (c *Ctx) waiting(o *Opened, v version, deadline int64) row.Tally {
	t := row.Tally{Deadline: deadline, Outcome: row.Waits, Policy: v.number, Since: c.Height}
	t.Votes = c.signed(o)
	return t
}

// possible refuses a statement that would wait for signatures that nobody can
// give: it would keep its matter from those who could go on with it.
func (c *Ctx) possible(v version, cs *policy.Case) error {
	all := *cs
	all.Votes = c.Dir.voters(c.Height, func(*account) bool { return true })
	if v.expr.Holds(&all) {
		return nil
	}
	return refuse(tx.CodePolicy, "", v.expr.String())
}

// voters are the accounts that can sign at height and for which want holds, each
// as the vote it would give, ascending by id.
func (d *Directory) voters(height int64, want func(*account) bool) (vs []policy.Vote) {
	for _, id := range d.accountIDs() {
		a := d.accounts[id]
		if m := d.members[a.Member]; m != nil && m.Active() && a.Check(height) == nil && want(a) {
			vs = append(vs, d.vote(id, a.Member))
		}
	}
	return vs
}

// signed lists the signatures of the envelope itself as votes.
func (c *Ctx) signed(o *Opened) []row.Vote {
	var vs []row.Vote
	for _, s := range o.Envelope.Signatures {
		vs = append(vs, row.Vote{Account: s.Account, Height: c.Height, Member: c.Dir.accounts[s.Account].Member, Type: row.Signed})
	}
	return vs
}

// Apply appends an accepted statement to the log, writes its effect, and
// returns its sequence number. An effect on the directory is in force for the
// statements after it. An error means that the node must stop.
func Apply(c *Ctx, b *store.Block, o *Opened, e Effect) (uint64, error) {
	seq := b.Append(store.Hash(o.ID), o.Bytes)
	if e.own != nil {
		put(b, e.own(seq))
	}
	moves := e.clocks
	if e.starts != nil {
		moves = e.starts(seq)
	}
	if err := c.moveClocks(b, moves); err != nil {
		return seq, err
	}
	return seq, c.apply(b, e.writes)
}

// apply writes rows, and makes the directory follow.
func (c *Ctx) apply(b *store.Block, writes []write) error {
	put(b, writes)
	next, err := c.Dir.with(writes)
	if err == nil {
		c.Dir = next
	}
	return err
}

func put(b *store.Block, writes []write) {
	for _, w := range writes {
		if w.value == nil {
			b.Delete(w.key)
		} else {
			b.Set(w.key, w.value)
		}
	}
}

// Updates are what the end of a block tells CometBFT.
type Updates struct {
	Validators []Power // ascending by key; in force two blocks later
	Protocol   int64   // version of the next block, 0 if it stays
}

// EndBlock lapses the statements whose deadline has come, marks the clocks whose
// last day is over, follows the scopes of recalls, moves the validator set a step, and announces an upgrade that begins with the next block. An
// error means that the node must stop.
func EndBlock(c *Ctx, b *store.Block) (Updates, error) {
	var due []uint64
	start, end := row.DeadlineRange(c.Height)
	err := b.Iterate(start, end, func(k, _ []byte) bool {
		due = append(due, row.DeadlineSeq(k))
		return len(due) < maxLapses
	})
	if err != nil {
		return Updates{}, broken{err}
	}
	for _, seq := range due {
		writes, err := c.lapse(seq)
		if err != nil {
			return Updates{}, err
		}
		put(b, writes)
	}
	if err := c.sweep(b); err != nil {
		return Updates{}, err
	}
	if err := c.scopeRecalls(b); err != nil {
		return Updates{}, err
	}
	if err := c.endLists(b); err != nil {
		return Updates{}, err
	}
	var u Updates
	step, writes := c.stepValidators()
	if u.Validators = step; len(writes) > 0 {
		if err := c.apply(b, writes); err != nil {
			return Updates{}, err
		}
	}
	if p := c.Dir.upgrade; p != nil && p.Height == c.Height+1 {
		u.Protocol = p.Version
	}
	return u, nil
}

func (c *Ctx) lapse(seq uint64) ([]write, error) {
	writes, err := c.settle(seq, row.Lapsed)
	if err != nil {
		return nil, err
	}
	_, s, err := statementAt(c.Read, seq)
	if err != nil {
		return nil, err
	}
	at := seq
	if r := ruleOf(s.Kind); r != nil && !r.opens {
		if at, _, err = c.Read.Seq(store.Hash(s.Prev)); err != nil {
			return nil, broken{err}
		}
	}
	p, err := find(c.Read, at)
	if err != nil || p == nil {
		return writes, err
	}
	m := p.matter
	if p.seq == seq {
		m.State, m.Since = row.Expired, c.Height
	} else {
		m.Waiting = 0
	}
	return append(writes, write{row.MatterKey(p.seq), m.Encode()}), nil
}
