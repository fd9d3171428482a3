package app

import (
	"bytes"
	"fmt"
	"slices"
	"sync"

	"zhenglian/app/state"
	"zhenglian/app/tx"
)

// Shares of the members, so that one who floods delays only itself.
const (
	// A member may have at most shareOfFree times as much waiting for a block as
	// there is room left: alone three quarters of the room, never all of it, and
	// less the more there are who take as much as they can.
	shareOfFree = 3

	// While others state something, a member's part of a block is quietUnits, and
	// leadUnits more for each unit that the others have waiting. A block is then
	// about as large as when the one who floods is quiet, and comes as fast; when
	// all are busy, blocks are as large as they can be.
	quietUnits = 16
	leadUnits  = 4

	// unitBytes is how many bytes of an envelope count as one statement more.
	unitBytes = 2048

	// activeMillis is how long a member counts as one who states something, after
	// the block that held its last statement.
	activeMillis = 60_000
)

// units is how much of a member's part an envelope takes.
func units(envelope []byte) int { return 1 + len(envelope)/unitBytes }

// A waitingRoom knows the envelopes that CheckTx has let in and no block has held
// yet, in order of arrival, a queue for each stating member. CometBFT's mempool
// holds the same envelopes for gossip, in one queue: what a proposer would get
// from there is the oldest, of whoever sent most.
//
// It is of this node alone: what it refuses, and what it puts first, is no rule
// of the ledger, and no other node can tell.
type waitingRoom struct {
	mu     sync.Mutex
	room   int // envelopes; 0: no bound
	bytes  int64
	used   int64 // bytes
	queues map[tx.MemberID]*queue
	where  map[[32]byte]*queue
	stated map[*byte]tx.MemberID   // by the memory of the envelope, which the mempool shares
	active map[tx.MemberID]tx.Time // time of the block that held a member's last statement
}

type queue struct {
	member tx.MemberID
	items  []item // in order of arrival
	bytes  int64
}

type item struct {
	sum      [32]byte
	envelope []byte
}

func newWaitingRoom(room int, bytes int64) *waitingRoom {
	return &waitingRoom{room: room, bytes: bytes, queues: make(map[tx.MemberID]*queue), where: make(map[[32]byte]*queue),
		stated: make(map[*byte]tx.MemberID), active: make(map[tx.MemberID]tx.Time)}
}

// spare refuses an envelope of a member whose share is used up.
func (w *waitingRoom) spare(m tx.MemberID, size int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.refuse(m, size)
}

func (w *waitingRoom) refuse(m tx.MemberID, size int) error {
	if w.room == 0 {
		return nil
	}
	have, bytes := 0, int64(0)
	if q := w.queues[m]; q != nil {
		have, bytes = len(q.items), q.bytes
	}
	free := w.room - len(w.where)
	if have < shareOfFree*free && bytes+int64(size) <= shareOfFree*(w.bytes-w.used) {
		return nil
	}
	return &tx.Error{Code: tx.CodeShare, Path: "member", Detail: fmt.Sprintf("%s has %d statements waiting", m, have)}
}

// crowded is whether the share of somebody may be used up: nobody's is while more
// than a quarter of the room is left.
func (w *waitingRoom) crowded() bool {
	const usual = 2 << 10 // bytes of an envelope
	w.mu.Lock()
	defer w.mu.Unlock()
	left := shareOfFree + 1
	return w.room != 0 && (left*(w.room-len(w.where)) <= w.room || int64(left)*(w.bytes-w.used-usual) <= w.bytes)
}

// Crowded reports whether the share of some member may be used up of what waits
// for a block. It costs next to nothing.
func (a *App) Crowded() bool { return a.waiting.crowded() }

// Spare refuses an envelope of a member, of so many bytes, when the member's share
// of what may wait for a block is used up, as CheckTx would: with CodeShare.
func (a *App) Spare(m tx.MemberID, bytes int) error { return a.waiting.spare(m, bytes) }

// admit lets an envelope in that CheckTx found good.
func (w *waitingRoom) admit(m tx.MemberID, sum [32]byte, envelope []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.where[sum] != nil {
		return nil
	}
	if err := w.refuse(m, len(envelope)); err != nil {
		return err
	}
	q := w.queues[m]
	if q == nil {
		q = &queue{member: m}
		w.queues[m] = q
	}
	q.items = append(q.items, item{sum, envelope})
	q.bytes += int64(len(envelope))
	w.used += int64(len(envelope))
	w.where[sum] = q
	w.stated[&envelope[0]] = m
	return nil
}

// committed takes out what a block of time t held: sums of all its envelopes, and
// who stated them.
func (w *waitingRoom) committed(t tx.Time, sums [][32]byte, stated map[tx.MemberID]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for m := range stated {
		w.active[m] = t
	}
	touched := make(map[*queue]bool)
	for _, s := range sums {
		if q := w.where[s]; q != nil {
			touched[q] = true
			delete(w.where, s)
		}
	}
	for q := range touched {
		q.items = slices.DeleteFunc(q.items, func(i item) bool {
			if w.where[i.sum] == q {
				return false
			}
			q.bytes -= int64(len(i.envelope))
			w.used -= int64(len(i.envelope))
			delete(w.stated, &i.envelope[0])
			return true
		})
		if len(q.items) == 0 {
			delete(w.queues, q.member)
		}
	}
}

// of returns who stated an envelope that waits, given by the same memory in which
// it came.
func (w *waitingRoom) of(envelope []byte) (m tx.MemberID, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m, ok = w.stated[&envelope[0]]
	return m, ok
}

// lists returns the queues as they are, by member, and who was active at time t.
func (w *waitingRoom) lists(t tx.Time) (queues map[tx.MemberID][][]byte, active map[tx.MemberID]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	queues, active = make(map[tx.MemberID][][]byte, len(w.queues)), make(map[tx.MemberID]bool)
	for m, q := range w.queues {
		for _, i := range q.items {
			queues[m] = append(queues[m], i.envelope)
		}
	}
	for m, at := range w.active {
		if t-at <= activeMillis {
			active[m] = true
		} else {
			delete(w.active, m)
		}
	}
	return queues, active
}

// A part is what one member has for a block.
type part struct {
	member tx.MemberID
	txs    [][]byte
	left   int // units that it may still take
}

// parts divides a block between members: in order of their first envelope in
// txs, which are what the mempool would propose, then by id. What is in txs and
// not in the waiting room counts too.
func (w *waitingRoom) parts(t tx.Time, txs [][]byte, memberOf func(envelope []byte) (tx.MemberID, [32]byte, bool)) []*part {
	queues, active := w.lists(t)
	var parts []*part
	of := make(map[tx.MemberID]*part)
	join := func(m tx.MemberID) *part {
		if of[m] == nil {
			of[m] = &part{member: m, txs: queues[m]}
			parts = append(parts, of[m])
		}
		return of[m]
	}
	for _, b := range txs {
		if len(b) == 0 {
			continue
		}
		if m, ok := w.of(b); ok {
			join(m)
			continue
		}
		m, sum, ok := memberOf(b)
		if !ok {
			continue // CheckTx lets none of these in, and every validator would reject the block
		}
		if p := join(m); !w.has(sum) {
			p.txs = append(p.txs, b)
		}
	}
	var rest []tx.MemberID
	for m := range queues {
		if of[m] == nil {
			rest = append(rest, m)
		}
	}
	slices.Sort(rest)
	for _, m := range rest {
		join(m)
	}
	waits := make([]int, len(parts))
	all := 0
	for i, p := range parts {
		active[p.member] = true
		for _, b := range p.txs {
			waits[i] += units(b)
		}
		all += waits[i]
	}
	for i, p := range parts {
		if p.left = waits[i]; len(active) > 1 {
			p.left = min(p.left, quietUnits+leadUnits*(all-waits[i]))
		}
	}
	return parts
}

func (w *waitingRoom) has(sum [32]byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.where[sum] != nil
}

// full is whether the share of the member that states an envelope is used up,
// before anything of it is checked.
func (w *waitingRoom) full(envelope []byte) error {
	if w.room == 0 {
		return nil
	}
	e, err := tx.ParseEnvelope(envelope)
	if err != nil {
		return err
	}
	m, ok := StatedBy(e.Payload)
	if !ok {
		return nil // no statement: the reader will say why
	}
	return w.spare(m, len(envelope))
}

// StatedBy reads who states a statement from its end, which in the canonical form is
// ,"member":…,"prev":…,"v":1} and costs a tenth of reading it all. Of bytes that are
// no canonical statement it may say anything.
func StatedBy(payload []byte) (tx.MemberID, bool) {
	begin := bytes.LastIndex(payload, []byte(`,"member":"`))
	if begin < 0 {
		return "", false
	}
	m, _, ok := bytes.Cut(payload[begin+len(`,"member":"`):], []byte(`"`))
	return tx.MemberID(m), ok
}

// stated are the members of some opened envelopes.
func stated(opened []*state.Opened, errs []error) map[tx.MemberID]bool {
	ms := make(map[tx.MemberID]bool)
	for i, o := range opened {
		if errs[i] == nil {
			ms[o.Statement.Member] = true
		}
	}
	return ms
}
