// Package clienttest is a ledger of one process for tests of programs that
// speak the REST contract: it accepts every envelope that is well formed,
// gives each a block of its own, and answers with real receipts, in the
// compact form, signed by its one validator. It has no rules, no state and no
// accounts: a statement with fewer than [Needs] signatures waits, unless it is
// an endorsement, and that is all it knows of policies.
package clienttest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/types"
	"golang.org/x/mod/sumdb/tlog"

	"zhenglian/app/receipt"
	"zhenglian/app/row"
	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// Chain is the chain id.
const Chain = "test-1"

// Needs is how many signatures make a statement take effect.
const Needs = 3

// firstHeight is the height of the block that holds entry 0.
const firstHeight = 10

// A Ledger is an http.Handler that serves a part of the contract.
type Ledger struct {
	Trust *receipt.Trust
	// Before, if set, sees every request first, and answers it when it returns
	// true: for failures of all kinds.
	Before func(w http.ResponseWriter, r *http.Request) bool

	key ed25519.PrivateKey
	mux *http.ServeMux

	mu     sync.Mutex // guards what follows
	hashes []tlog.Hash
	subs   []api.Submission
	envs   []*tx.Envelope
	seq    map[tx.ID]int
	blobs  map[tx.Digest][]byte
}

// New makes an empty ledger. Its validator has the same key every time.
func New() *Ledger {
	l := &Ledger{key: ed25519.NewKeyFromSeed(make([]byte, 32)), mux: http.NewServeMux(), seq: map[tx.ID]int{}, blobs: map[tx.Digest][]byte{}}
	var err error
	l.Trust, err = receipt.NewTrust(Chain, 1, []receipt.Validator{{PubKey: [32]byte(l.key.Public().(ed25519.PublicKey)), Power: 1}})
	if err != nil {
		panic(err) // a constant
	}
	l.mux.HandleFunc("GET "+api.PathCheckpoint, l.checkpoint)
	l.mux.HandleFunc("GET "+api.PathTrust, func(w http.ResponseWriter, _ *http.Request) { w.Write(l.Trust.Encode()) })
	l.mux.HandleFunc("POST "+api.PathEnvelopes, l.submit)
	l.mux.HandleFunc("GET "+api.PathStatement, l.statement)
	l.mux.HandleFunc("GET "+api.PathReceipt, l.receipt)
	l.mux.HandleFunc("GET "+api.PathEvidence, l.evidence)
	l.mux.HandleFunc("POST "+api.PathVerify, l.verify)
	l.mux.HandleFunc("PUT "+api.PathBlob, l.putBlob)
	l.mux.HandleFunc("GET "+api.PathBlob, l.blob)
	l.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { Refuse(w, api.NewProblem(api.CodeNotFound, r.URL.Path)) })
	return l
}

// ServeHTTP implements http.Handler.
func (l *Ledger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if l.Before != nil && l.Before(w, r) {
		return
	}
	l.mux.ServeHTTP(w, r)
}

// Refuse answers with a problem.
func Refuse(w http.ResponseWriter, p *api.Problem) {
	w.Header().Set("Content-Type", api.MediaProblem)
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	w.WriteHeader(p.Status)
	json.NewEncoder(w).Encode(p)
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", api.MediaJSON)
	json.NewEncoder(w).Encode(v)
}

func (l *Ledger) checkpoint(w http.ResponseWriter, _ *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	height := int64(firstHeight + 2*len(l.envs) - 1)
	answer(w, api.Checkpoint{
		Chain: Chain, Height: height - 1, LogSize: uint64(len(l.envs)),
		Anchor: api.Anchor{Height: height, Hash: sha256.Sum256([]byte(strconv.FormatInt(height, 10)))},
	})
}

func (l *Ledger) submit(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	e, err := tx.ParseEnvelopeJSON(b)
	if err == nil {
		_, err = tx.ParseStatement(e.Payload)
	}
	if err != nil {
		Refuse(w, api.ProblemOf(err))
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	i, known := l.seq[e.ID()]
	if !known {
		i = len(l.envs)
		l.append(e)
	}
	answer(w, l.subs[i])
}

// append makes the block of e. The caller holds mu.
func (l *Ledger) append(e *tx.Envelope) {
	seq := int64(len(l.envs))
	height := int64(firstHeight) + 2*seq
	leaf := binary.BigEndian.AppendUint64([]byte{0}, uint64(height))
	leaf = e.AppendWire(leaf)
	reader := tlog.HashReaderFunc(func(at []int64) (out []tlog.Hash, _ error) {
		for _, i := range at {
			out = append(out, l.hashes[i])
		}
		return out, nil
	})
	more, err := tlog.StoredHashesForRecordHash(seq, sha256.Sum256(leaf), reader)
	must(err)
	l.hashes = append(l.hashes, more...)
	root, err := tlog.TreeHash(seq+1, reader)
	must(err)
	path, err := tlog.ProveRecord(seq+1, seq, reader)
	must(err)

	rc := receipt.Receipt{
		V: receipt.Version, Chain: Chain, Entry: receipt.Entry{Seq: uint64(seq), Height: height, Envelope: e.AppendWire(nil)},
		LogSize: uint64(seq + 1), LogRoot: tx.Digest(root), StateRoot: sha256.Sum256([]byte("no state")),
	}
	for _, h := range path {
		rc.Path = append(rc.Path, tx.Digest(h))
	}
	rc.Block = l.sign(height+1, appHash(rc.LogSize, rc.LogRoot, rc.StateRoot))
	b, err := rc.EncodeJSON()
	must(err)
	s := api.Submission{
		ID: e.ID(), Seq: uint64(seq), Height: height, State: row.Sealed, Outcome: row.Effective, SealedAt: rc.Block.Header.Time.Tx(),
		StatementURL: api.StatementURL(e.ID()), ReceiptURL: api.ReceiptURL(e.ID()), Receipt: b,
	}
	st, err := tx.ParseStatement(e.Payload)
	must(err) // submit has parsed it
	if n := len(e.Signatures); st.Kind == tx.EndorseKind {
		s.State = ""
	} else if n < Needs {
		s.State, s.Outcome, s.Missing = row.Pending, row.Waits, []string{strconv.Itoa(Needs-n) + " more of ANY(court@other)"}
	}
	l.seq[e.ID()] = int(seq)
	l.envs = append(l.envs, e)
	l.subs = append(l.subs, s)
}

// sign makes the block of height over app hash, with its commit.
func (l *Ledger) sign(height int64, appHash [32]byte) receipt.SignedBlock {
	set := l.Trust.ValidatorsHash()
	some := sha256.Sum256([]byte("anything"))
	at := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC).Add(time.Duration(height) * time.Second)
	address := l.Trust.Validators[0].Address()
	h := receipt.Header{
		BlockVersion: 11, AppVersion: 1, ChainID: Chain, Height: height, Time: receipt.TimeOf(at),
		LastBlockID:    receipt.BlockID{Hash: some[:], PartsTotal: 1, PartsHash: some[:]},
		LastCommitHash: some[:], DataHash: some[:], ValidatorsHash: set[:], NextValidatorsHash: set[:], ConsensusHash: some[:],
		AppHash: appHash[:], LastResultsHash: some[:], EvidenceHash: some[:], ProposerAddress: address[:],
	}
	hash := h.Hash()
	vote := types.VoteSignBytes(Chain, &cmtproto.Vote{
		Type: cmtproto.PrecommitType, Height: height, Timestamp: at,
		BlockID: cmtproto.BlockID{Hash: hash[:], PartSetHeader: cmtproto.PartSetHeader{Total: 1, Hash: some[:]}},
	})
	return receipt.SignedBlock{Header: h, Commit: receipt.Commit{
		PartsTotal: 1, PartsHash: some[:],
		Signatures: []receipt.Signature{{Time: receipt.TimeOf(at), Sig: ed25519.Sign(l.key, vote)}},
	}}
}

// appHash is that of package receipt's documentation.
func appHash(logSize uint64, logRoot, stateRoot tx.Digest) [32]byte {
	log := sha256.Sum256(append(binary.BigEndian.AppendUint64([]byte("\x00log"), logSize), logRoot[:]...))
	state := sha256.Sum256(append([]byte("\x00state"), stateRoot[:]...))
	return sha256.Sum256(append(append([]byte{1}, log[:]...), state[:]...))
}

func must(err error) {
	if err != nil {
		panic(err) // the fixture is wrong, not the test
	}
}

// find returns the entry of the id in the path, or answers that there is none.
func (l *Ledger) find(w http.ResponseWriter, r *http.Request) (i int, ok bool) {
	id, err := tx.ParseID(r.PathValue("id"))
	if i, ok = l.seq[id]; err != nil || !ok {
		Refuse(w, api.NewProblem(api.CodeNotFound, ""))
		return 0, false
	}
	return i, true
}

func (l *Ledger) statement(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, ok := l.find(w, r)
	if !ok {
		return
	}
	e, s := l.envs[i], l.subs[i]
	st, err := tx.ParseStatement(e.Payload)
	must(err)
	a := api.Statement{
		ID: s.ID, Seq: s.Seq, Height: s.Height, SealedAt: s.SealedAt, Kind: st.Kind, Member: string(st.Member), At: st.At,
		Outcome: s.Outcome, State: s.State, Missing: s.Missing, Text: string(e.Payload), Statement: e.Payload, Envelope: e,
		ReceiptURL: s.ReceiptURL, AsOf: s.Height,
	}
	if st.Kind != tx.EndorseKind {
		a.Matter = &api.Matter{Seq: s.Seq, Head: s.ID, Since: s.Height}
	}
	for _, sig := range e.Signatures {
		a.Votes = append(a.Votes, api.Vote{Account: sig.Account, Member: a.Member, Type: row.Signed, Height: s.Height})
	}
	answer(w, a)
}

func (l *Ledger) receipt(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, ok := l.find(w, r)
	if !ok {
		return
	}
	b := []byte(l.subs[i].Receipt)
	media := api.MediaReceiptJSON
	if r.FormValue("form") == api.FormCompact {
		rc, err := receipt.Parse(b)
		must(err)
		b, err = rc.EncodeCBOR()
		must(err)
		media = api.MediaReceiptCBOR
	}
	w.Header().Set("Content-Type", media)
	w.Write(b)
}

// matches lists the evidence for which keep holds, newest first. The caller
// holds mu.
func (l *Ledger) matches(keep func(id tx.ID, e *tx.Evidence) bool) (out []api.Evidence) {
	for i := len(l.envs) - 1; i >= 0; i-- {
		st, err := tx.ParseStatement(l.envs[i].Payload)
		must(err)
		e, ok := st.Body.(*tx.Evidence)
		if !ok || !keep(l.subs[i].ID, e) {
			continue
		}
		s := l.subs[i]
		m := api.Evidence{ID: s.ID, Seq: s.Seq, Height: s.Height, Member: string(st.Member), At: st.At, Class: e.Class, State: s.State}
		for _, f := range e.Files {
			m.Files = append(m.Files, api.File{SHA256: f.SHA256, SM3: f.SM3, Bytes: f.Bytes, Media: f.Media, Role: f.Role})
		}
		out = append(out, m)
	}
	return out
}

// evidence gives out pages of the size asked for; the cursor is an offset.
func (l *Ledger) evidence(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.matches(func(_ tx.ID, e *tx.Evidence) bool {
		want := r.FormValue("sha256")
		for _, f := range e.Files {
			if want == "" || f.SHA256.String() == want {
				return true
			}
		}
		return false
	})
	from, _ := strconv.Atoi(r.FormValue("cursor"))
	limit, _ := strconv.Atoi(r.FormValue("limit"))
	if limit == 0 {
		limit = api.DefaultLimit
	}
	p := api.Page[api.Evidence]{Data: all[from:min(from+limit, len(all))]}
	if from+limit < len(all) {
		p.HasMore, p.NextCursor = true, strconv.Itoa(from+limit)
	}
	answer(w, p)
}

func (l *Ledger) verify(w http.ResponseWriter, r *http.Request) {
	var q api.VerifyRequest
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		Refuse(w, api.NewProblem(api.CodeBadRequest, err.Error()))
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	v := api.Verification{Height: int64(firstHeight + 2*len(l.envs)), NotProven: []api.Sentence{{ZH: "索引不能证明不存在。", EN: "An index does not prove absence."}}}
	v.Matches = l.matches(func(id tx.ID, e *tx.Evidence) bool {
		for _, f := range e.Files {
			if q.ID == id.String() || q.SHA256 == f.SHA256.String() || q.SM3 == f.SM3.String() {
				return true
			}
		}
		return false
	})
	if v.Found = len(v.Matches) > 0; v.Found {
		v.ID = v.Matches[0].ID // without its receipt, which the contract leaves open: clients fetch the latest
	}
	answer(w, v)
}

func (l *Ledger) putBlob(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	d := tx.Digest(sha256.Sum256(b))
	if d.String() != r.PathValue("sha256") {
		Refuse(w, api.NewProblem(api.CodeBlobDigest, ""))
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.blobs[d] = b
	answer(w, api.Blob{SHA256: d, Bytes: int64(len(b)), URL: api.BlobURL(d)})
}

func (l *Ledger) blob(w http.ResponseWriter, r *http.Request) {
	d, _ := tx.ParseDigest(r.PathValue("sha256"))
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.blobs[d]
	if !ok {
		Refuse(w, api.NewProblem(api.CodeNotFound, ""))
		return
	}
	w.Write(b)
}
