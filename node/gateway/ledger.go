package gateway

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"zhenglian/app/batch"
	"zhenglian/app/receipt"
	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/node"
	"zhenglian/node/blob"
	"zhenglian/node/blob/vault"
	"zhenglian/node/events"
	"zhenglian/node/index"
	"zhenglian/node/repository"
)

// ledger is the contract, without HTTP.
type ledger struct {
	chain    Chain
	index    *index.Index
	blobs    blob.Store
	vault    *vault.Vault // nil: blobs has no custody log
	version  string
	flights  *flights
	receipts *receipts
	inFlight chan struct{} // one token for each submission that waits for a block
	signers  signers
	trees    *cache[tx.Digest, *batch.Tree] // by root
	events   *events.Source
	printer  *Printer               // nil: no certificates
	epcis    *repository.Repository // nil: none
	press    chan struct{}          // one token for each certificate that is being printed
	witness  Witness                // nil: nobody outside sees the log
}

var _ api.Ledger = (*ledger)(nil)

func newLedger(c Config, o Options) *ledger {
	// What is stored was decided; of the block after it we will be told.
	head, _ := o.Chain.Store().Head()
	f := newFlights(head.Height)
	if o.Events == nil {
		o.Events = events.New(o.Chain.Store())
	}
	return &ledger{
		chain:    o.Chain,
		index:    o.Index,
		blobs:    o.Blobs,
		vault:    o.Vault,
		version:  c.Version,
		flights:  f,
		receipts: newReceipts(o.Chain, f),
		inFlight: make(chan struct{}, c.InFlight),
		trees:    newCache[tx.Digest, *batch.Tree](treesKept),
		events:   o.Events,
		printer:  o.Printer,
		epcis:    o.EPCIS,
		witness:  o.Witness,
		press:    make(chan struct{}, printing),
	}
}

// Submit implements api.Ledger.
func (l *ledger) Submit(ctx context.Context, e *tx.Envelope, o api.SubmitOptions) (*api.Submission, error) {
	id := e.ID()
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, waitOf(o.Wait))
	defer cancel()

	// Join before looking, so that a block in between is not missed.
	f := l.flights.join(id)
	defer l.flights.leave(id, f)
	seq, known, err := l.find(id)
	if err == nil && !known {
		seq, err = l.fly(ctx, e, id, f)
	}
	var s *api.Submission
	if err == nil {
		s, err = l.submission(ctx, id, seq, o)
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) && caller.Err() == nil {
		return nil, &api.InFlight{ID: id, State: api.StateInFlight, StatementURL: api.StatementURL(id)}
	}
	return s, err
}

// fly hands a statement to the chain and returns its entry once it has landed.
func (l *ledger) fly(ctx context.Context, e *tx.Envelope, id tx.ID, f *flight) (uint64, error) {
	select {
	case l.inFlight <- struct{}{}:
		defer func() { <-l.inFlight }()
	default:
		return 0, retryLater(api.CodeOverloaded, 1)
	}
	err := l.chain.Submit(e.AppendWire(nil))
	switch {
	case err == nil, errors.Is(err, node.ErrTxInCache):
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-f.done:
			err = f.refusal
		}
	default:
		err = submitProblem(err)
	}
	// A block may have taken the same statement in another envelope, or between
	// the look-up and the submission: then it is known, whatever was said of this one.
	seq, known, ferr := l.find(id)
	switch {
	case ferr != nil:
		return 0, ferr
	case known:
		return seq, nil
	case err == nil:
		return 0, fmt.Errorf("statement %s was accepted and is not in the log", id)
	}
	return 0, err
}

// submission describes a statement that has landed.
func (l *ledger) submission(ctx context.Context, id tx.ID, seq uint64, o api.SubmitOptions) (*api.Submission, error) {
	m, err := l.receipts.entry(ctx, id, seq)
	if err != nil {
		return nil, err
	}
	st, err := state.StandAt(l.chain.Store().View(), l.chain.Directory(), seq)
	if err != nil {
		return nil, err
	}
	s := &api.Submission{
		ID: id, Seq: seq, Height: st.Height,
		State: st.State, Outcome: st.Outcome, Missing: st.Missing,
		SealedAt:     m.receipt.Block.Header.Time.Tx(),
		StatementURL: api.StatementURL(id), ReceiptURL: api.ReceiptURL(id),
	}
	if !o.NoReceipt {
		s.Receipt = m.json
	}
	return s, nil
}

func waitOf(d time.Duration) time.Duration {
	switch {
	case d == 0:
		return api.DefaultWait
	case d < 0:
		return 0
	}
	return min(d, api.MaxWait)
}

// find looks a statement up in the log.
func (l *ledger) find(id tx.ID) (seq uint64, known bool, err error) {
	return l.chain.Store().View().Seq(store.Hash(id))
}

// mustFind is find with a problem for what is not there.
func (l *ledger) mustFind(id tx.ID) (uint64, error) {
	seq, known, err := l.find(id)
	if err == nil && !known {
		err = api.NewProblem(api.CodeNotFound, "no statement "+id.String())
	}
	return seq, err
}

// Statement implements api.Ledger.
func (l *ledger) Statement(_ context.Context, id tx.ID) (*api.Statement, error) {
	seq, err := l.mustFind(id)
	if err != nil {
		return nil, err
	}
	v := l.chain.Store().View()
	st, err := state.StandAt(v, l.chain.Directory(), seq)
	if err != nil {
		return nil, err
	}
	s := &api.Statement{
		ID: id, Seq: seq, Height: st.Height,
		Kind: st.Statement.Kind, Member: string(st.Statement.Member), At: st.Statement.At,
		Outcome: st.Outcome, State: st.State,
		Votes:   votesOf(st),
		Policy:  &api.Rule{Version: st.Policy, Expr: st.Expr},
		Missing: st.Missing, Deadline: st.Deadline,
		Text:      string(st.Envelope.Payload),
		Statement: json.RawMessage(st.Envelope.Payload),
		Envelope:  st.Envelope, ReceiptURL: api.ReceiptURL(id), AsOf: v.Head().Height,
	}
	if st.State != "" {
		s.Matter = &api.Matter{Seq: st.Matter, Head: st.Head, Since: st.StateSince}
	}
	if st.Outcome == row.Waits {
		if s.CanSign, err = l.canSign(v, st, api.PendingQuery{}); err != nil {
			return nil, err
		}
	}
	if l.flights.last() > st.Height {
		b, err := l.receipts.block(st.Height + 1)
		if err != nil {
			return nil, err
		}
		s.SealedAt = b.Header.Time.Tx()
	}
	return s, nil
}

// Receipt implements api.Ledger.
func (l *ledger) Receipt(ctx context.Context, id tx.ID, o api.ReceiptOptions) ([]byte, error) {
	seq, err := l.mustFind(id)
	if err != nil {
		return nil, err
	}
	return l.receipt(ctx, id, seq, o)
}

// receipt is a statement's receipt in the form asked for, if it comes within the
// usual wait.
func (l *ledger) receipt(ctx context.Context, id tx.ID, seq uint64, o api.ReceiptOptions) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, api.DefaultWait)
	defer cancel()
	m, err := l.receipts.entry(ctx, id, seq)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, retryLater(api.CodeNotReady, 1)
	}
	if err != nil {
		return nil, err
	}
	if !o.Item.IsZero() {
		with := *m.receipt
		if with.Item, err = l.itemOf(ctx, m.receipt, o.Item); err != nil {
			return nil, err
		}
		m = &made{receipt: &with}
	}
	if o.Form == api.FormCompact {
		return m.receipt.Compact().EncodeCBOR()
	}
	r := m.receipt
	if o.At != api.AtEntry {
		if r, err = l.receipts.later(m); err != nil {
			return nil, err
		}
	}
	seen, err := l.witnessed(r.LogSize)
	if err != nil {
		return nil, err
	}
	switch {
	case seen != nil:
		with := *r
		with.Witnessed = seen
		r = &with
	case o.At == api.AtEntry && m.json != nil:
		return m.json, nil
	}
	return r.EncodeJSON()
}

// Bounds of the search.
const (
	indexWait  = 500 * time.Millisecond // for the index to catch up with the log
	maxMatches = 100                    // of one verification
)

// Evidence implements api.Ledger.
func (l *ledger) Evidence(ctx context.Context, q api.EvidenceQuery) (*api.Page[api.Evidence], error) {
	if q.Limit == 0 {
		q.Limit = api.DefaultLimit
	}
	before, err := parseCursor(q.Cursor)
	if err != nil {
		return nil, err
	}
	if before == 0 && q.Cursor != "" { // entry 0 was on the page before
		return &api.Page[api.Evidence]{Data: []api.Evidence{}, Height: l.chain.Store().View().Head().Height}, nil
	}
	data, more, st, err := l.search(ctx, index.Query{
		SHA256: q.SHA256, SM3: q.SM3, CaseTag: q.CaseTag, Member: q.Member,
		Before: before, Limit: q.Limit,
	})
	if err != nil {
		return nil, err
	}
	p := &api.Page[api.Evidence]{Data: data, HasMore: more, Height: st.Height}
	if more {
		p.NextCursor = cursorOf(data[len(data)-1].Seq)
	}
	return p, nil
}

// search asks the index, once it has caught up with the log or after a moment,
// and reads what it found from the log.
func (l *ledger) search(ctx context.Context, q index.Query) (_ []api.Evidence, more bool, _ api.IndexStatus, err error) {
	if l.index == nil {
		return nil, false, api.IndexStatus{}, api.NewProblem(api.CodeUnavailable, "this gateway has no index")
	}
	v := l.chain.Store().View()
	wait, cancel := context.WithTimeout(ctx, indexWait)
	defer cancel()
	// An index that stays behind still answers, and says how far it reaches.
	_ = l.index.Wait(wait, v.Head().LogSize)
	st := l.indexStatus()
	seqs, more, err := l.index.Evidence(ctx, q)
	if err != nil {
		return nil, false, st, err
	}
	v = l.chain.Store().View() // not older than what was found
	data := make([]api.Evidence, len(seqs))
	for i, seq := range seqs {
		if data[i], err = l.evidence(v, seq); err != nil {
			return nil, false, st, err
		}
	}
	return data, more, st, nil
}

// indexStatus says how far the index has come, and as of which height it speaks:
// that of the ledger when it is level with it, of its last entry when it is behind.
func (l *ledger) indexStatus() api.IndexStatus {
	p, head := l.index.Position(), l.chain.Store().View().Head()
	st := api.IndexStatus{Height: p.Height, LogSize: p.LogSize}
	if p.LogSize >= head.LogSize {
		st.Height = head.Height
	} else {
		st.Behind = head.LogSize - p.LogSize
	}
	return st
}

// evidence describes the evidence of a log entry.
func (l *ledger) evidence(v *store.View, seq uint64) (api.Evidence, error) {
	st, err := state.StandAt(v, l.chain.Directory(), seq)
	if err != nil {
		return api.Evidence{}, err
	}
	e := api.Evidence{
		ID: st.ID, Seq: seq, Height: st.Height,
		Member: string(st.Statement.Member), At: st.Statement.At, State: st.State,
		StatementURL: api.StatementURL(st.ID), ReceiptURL: api.ReceiptURL(st.ID),
	}
	switch body := st.Statement.Body.(type) {
	case *tx.Evidence:
		e.Class, e.CaseTag, e.FilesRoot = body.Class, body.CaseTag, body.FilesRoot
		for _, f := range body.Files {
			e.Files = append(e.Files, api.File{SHA256: f.SHA256, SM3: f.SM3, Bytes: f.Bytes, Media: f.Media, Role: f.Role})
		}
	case *tx.Batch:
		e.Class, e.CaseTag, e.Batch = api.ClassBatch, body.CaseTag, &api.Batch{Count: body.Count, List: body.List, Root: body.Root}
	default:
		return api.Evidence{}, fmt.Errorf("entry %d is indexed as evidence and is %s", seq, st.Statement.Kind)
	}
	return e, nil
}

// A cursor is the sequence number before which the next page begins.
func cursorOf(before uint64) string {
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, before))
}

func parseCursor(s string) (before uint64, err error) {
	if s == "" {
		return 0, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != 8 || binary.BigEndian.Uint64(b) > math.MaxInt64 {
		return 0, badParameter("query.cursor", "not a cursor of this list")
	}
	return binary.BigEndian.Uint64(b), nil
}

// PutBlob implements api.Ledger.
func (l *ledger) PutBlob(ctx context.Context, d tx.Digest, _ int64, body io.Reader) (*api.Blob, error) {
	if l.blobs == nil {
		return nil, errNoBlobs()
	}
	info, err := l.blobs.Put(ctx, blob.Digest(d), body)
	if err != nil {
		return nil, blobProblem(err)
	}
	if l.index != nil {
		l.index.Arrived()
	}
	return &api.Blob{SHA256: d, Bytes: info.Bytes, URL: api.BlobURL(d)}, nil
}

// Blob implements api.Ledger.
func (l *ledger) Blob(ctx context.Context, d tx.Digest) (io.ReadCloser, int64, error) {
	if l.blobs == nil {
		return nil, 0, errNoBlobs()
	}
	body, info, err := l.blobs.Get(behalf(ctx, ""), blob.Digest(d))
	if err != nil {
		return nil, 0, blobProblem(err)
	}
	return body, info.Bytes, nil
}

// Checkpoint implements api.Ledger. Its anchor is the newest block whose effects
// are stored, not the newest decided: the rules accept an anchor only when they
// know the block.
func (l *ledger) Checkpoint(context.Context) (*api.Checkpoint, error) {
	last, ok := l.chain.Store().Head()
	if !ok {
		return nil, retryLater(api.CodeUnavailable, 1)
	}
	c := &api.Checkpoint{
		Chain:  l.chain.ChainID(),
		Anchor: api.Anchor{Height: last.Height, Hash: tx.Digest(last.Block), Time: tx.Time(last.Time)},
	}
	head := last // of a chain without a proof yet: the genesis state
	if last.Height >= 2 {
		v, block, err := l.receipts.at(last.Height - 1)
		if err != nil {
			return nil, err
		}
		if c.Block, err = signedBlockJSON(block); err != nil {
			return nil, err
		}
		head = v.Head()
	}
	c.Height, c.LogSize = head.Height, head.LogSize
	c.LogRoot, c.StateRoot, c.AppHash = tx.Digest(head.LogRoot), tx.Digest(head.StateRoot), tx.Digest(head.AppHash)
	if l.witness != nil {
		c.Signed = string(l.witness.Sign(c.LogSize, c.LogRoot))
	}
	c.Note = fmt.Sprintf("%s\n%d\n%s\n", c.Chain, c.LogSize, base64.StdEncoding.EncodeToString(c.LogRoot[:]))
	return c, nil
}

// Trust implements api.Ledger.
func (l *ledger) Trust(context.Context) ([]byte, error) {
	t := l.chain.Trust()
	if t == nil {
		return nil, api.NewProblem(api.CodeUnavailable, "this gateway proposes no trust root")
	}
	return t.Encode(), nil
}

// Status implements api.Ledger.
func (l *ledger) Status(context.Context) (*api.Status, error) {
	info, head := l.chain.Info(), l.chain.Store().View().Head()
	s := &api.Status{
		Chain: l.chain.ChainID(), Version: l.version, NodeID: info.NodeID, Moniker: info.Moniker,
		Height: head.Height, Decided: l.flights.last(), BlockTime: tx.Time(head.Time), LogSize: head.LogSize,
		Ready: true, Peers: info.Peers, Validators: info.Validators,
	}
	if err := l.chain.Ready(); err != nil {
		s.Ready, s.Reason = false, err.Error()
	}
	if l.index != nil {
		st := l.indexStatus()
		s.Index = &st
	}
	return s, nil
}

// signedBlockJSON is a block in the form that it has inside a receipt.
func signedBlockJSON(b receipt.SignedBlock) (json.RawMessage, error) {
	// Receipts have the only encoder; a state proof is the smallest document with a block.
	p := receipt.StateProof{
		V: receipt.Version, Chain: b.Header.ChainID, Height: b.Header.Height - 1, Block: b,
		Row: receipt.Row{Key: []byte{0}, Proof: []byte{0}},
	}
	doc, err := p.EncodeJSON()
	if err != nil {
		return nil, err
	}
	var parts struct {
		Block json.RawMessage `json:"block"`
	}
	if err := json.Unmarshal(doc, &parts); err != nil {
		return nil, err
	}
	return parts.Block, nil
}
