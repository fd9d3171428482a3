package gateway

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"zhenglian/app/batch"
	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/node/blob"
	"zhenglian/node/index"
)

// treesKept bounds the trees of batches in memory: a full one takes 100 MB.
const treesKept = 2

// lists gets the lists that batches name from where files are kept.
func lists(s blob.Store) func(context.Context, tx.Digest, int64) ([]byte, error) {
	return func(ctx context.Context, d tx.Digest, bytes int64) ([]byte, error) {
		body, info, err := s.Get(ctx, blob.Digest(d))
		if errors.Is(err, blob.ErrNotFound) {
			return nil, index.ErrNoList
		}
		if err != nil {
			return nil, err
		}
		defer body.Close() // only read
		if info.Bytes != bytes {
			return nil, index.ErrNoList
		}
		list := make([]byte, bytes)
		if _, err := io.ReadFull(body, list); err != nil {
			return nil, err
		}
		return list, nil
	}
}

// tree makes the tree of a batch, if its list is here.
func (l *ledger) tree(ctx context.Context, b *tx.Batch) (*batch.Tree, error) {
	if t, ok := l.trees.get(b.Root); ok {
		return t, nil
	}
	if l.blobs == nil {
		return nil, errNoBlobs()
	}
	list, err := lists(l.blobs)(ctx, b.List, b.Count*sha256.Size)
	if errors.Is(err, index.ErrNoList) {
		return nil, api.NewProblem(api.CodeNotFound, "the list of the batch is not kept here: whoever stated it has it, and makes receipts of its items with zheng batch receipt")
	}
	if err != nil {
		return nil, err
	}
	t, err := batch.Of(b, list)
	if errors.Is(err, batch.ErrOther) {
		return nil, api.NewProblem(api.CodeNotFound, "the list of the batch does not have the root that the statement says: it proves nothing")
	}
	if err != nil {
		return nil, err
	}
	return l.trees.put(b.Root, t), nil
}

// itemOf is the place and path of a digest in the batch of a receipt.
func (l *ledger) itemOf(ctx context.Context, r *receipt.Receipt, d tx.Digest) (*receipt.Item, error) {
	e, err := tx.ParseEnvelope(r.Entry.Envelope)
	if err != nil {
		return nil, err
	}
	s, err := tx.ParseStatement(e.Payload)
	if err != nil {
		return nil, err
	}
	var t *batch.Tree
	switch b := s.Body.(type) {
	case *tx.Batch:
		t, err = l.tree(ctx, b)
	case *tx.Events:
		t, err = l.eventTree(ctx, e.ID(), b)
	default:
		return nil, badParameter("query.item", "the statement is no batch, but "+string(s.Kind))
	}
	if err != nil {
		return nil, err
	}
	i := t.Find(d)
	if i < 0 {
		return nil, api.NewProblem(api.CodeNotFound, "the batch does not hold "+d.String())
	}
	return &receipt.Item{Index: int64(i), SHA256: d, Path: t.Path(i)}, nil
}

// Bounds of a stream of questions.
const (
	streamLines = 1 << 20 // of one request
	streamAhead = 256     // lines answered together
	streamLine  = 4 << 10 // bytes of a line
	streamsMost = 8       // at once
)

// ndjsonLines describes such a stream in the OpenAPI document.
var ndjsonLines = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Description: "one object a line"}}

// verifyLine is a question of a stream and its answer.
type verifyLine struct {
	SHA256 tx.Digest `json:"sha256,omitzero"`
	SM3    tx.Digest `json:"sm3,omitzero"`
}

type verifyAnswer struct {
	verifyLine
	Found   bool        `json:"found"`
	Matches []lineMatch `json:"matches,omitempty"`
}

// lineMatch is a statement that names a digest, or a batch that holds it.
type lineMatch struct {
	ID         tx.ID  `json:"id"`
	Seq        uint64 `json:"seq"`
	Place      *int   `json:"place,omitempty"` // in the list of a batch
	State      string `json:"state"`
	ReceiptURL string `json:"receipt_url"`
}

type badLine struct {
	Line  int    `json:"line"`
	Error string `json:"error"`
}

// verifyEnd is the last line of the answer. Without it the answer is not whole.
type verifyEnd struct {
	Lines  int             `json:"lines"`
	Found  int             `json:"found"`
	Bad    int             `json:"bad"`
	Height int64           `json:"height"`
	Index  api.IndexStatus `json:"index"`
	Answer api.Sentence    `json:"answer"`
}

// verifyStream answers POST /v1/verify when its body is NDJSON: a digest a line, an
// answer a line, in order. It reads on only as fast as the answers are taken.
func verifyStream(l *ledger, wait time.Duration) gin.HandlerFunc {
	slots := make(chan struct{}, streamsMost)
	return func(c *gin.Context) {
		media, _, _ := mime.ParseMediaType(c.GetHeader("Content-Type"))
		if c.Request.Method != http.MethodPost || c.FullPath() != api.PathVerify || media != api.MediaNDJSON {
			return
		}
		defer c.Abort()
		if l.index == nil {
			fail(c, api.NewProblem(api.CodeUnavailable, "this gateway has no index"))
			return
		}
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		default:
			fail(c, retryLater(api.CodeOverloaded, 5))
			return
		}
		h := http.NewResponseController(c.Writer)
		// A server may not read on after it has begun to answer, unless it says so.
		if err := h.EnableFullDuplex(); err != nil && !errors.Is(err, http.ErrNotSupported) {
			fail(c, err)
			return
		}
		v := l.chain.Store().View()
		ctx, cancel := context.WithTimeout(c, indexWait)
		_ = l.index.Wait(ctx, v.Head().LogSize) // an index that stays behind says so at the end
		cancel()
		c.Header("Content-Type", api.MediaNDJSON)
		c.Header("Cache-Control", "no-store")
		c.Status(http.StatusOK)
		w := bufio.NewWriterSize(c.Writer, 64<<10)
		if err := answerLines(c, l, patient{c, wait}, w, func() error {
			err := h.SetWriteDeadline(time.Now().Add(wait))
			if err != nil && !errors.Is(err, http.ErrNotSupported) {
				return err
			}
			if err := w.Flush(); err != nil {
				return err
			}
			c.Writer.Flush()
			return nil
		}); err != nil {
			// The status has been sent: what ends without its last line is not whole.
			loggerOf(c.Request.Context()).Debug("stream of digests broke off", "request_id", requestID(c.Request.Context()), "error", err)
			panic(http.ErrAbortHandler)
		}
	}
}

func answerLines(ctx context.Context, l *ledger, in io.Reader, w io.Writer, flush func() error) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	s := bufio.NewScanner(in)
	s.Buffer(nil, streamLine)
	var end verifyEnd
	var sha, sm []tx.Digest
	var order []any // verifyAnswer, or badLine
	answer := func() error {
		hits := map[bool][]index.Hit{}
		for isSM3, digests := range map[bool][]tx.Digest{false: sha, true: sm} {
			var err error
			if hits[isSM3], err = l.index.Lookup(ctx, isSM3, digests); err != nil {
				return err
			}
		}
		for _, o := range order {
			if a, ok := o.(*verifyAnswer); ok {
				isSM3 := a.SHA256.IsZero()
				if err := l.matches(a, hits[isSM3][0]); err != nil {
					return err
				}
				hits[isSM3] = hits[isSM3][1:]
				if a.Found {
					end.Found++
				}
			}
			if err := out.Encode(o); err != nil {
				return err
			}
		}
		sha, sm, order = sha[:0], sm[:0], order[:0]
		return flush()
	}
	for s.Scan() {
		line := bytes.TrimSpace(s.Bytes())
		if len(line) == 0 {
			continue
		}
		if end.Lines++; end.Lines > streamLines {
			return fmt.Errorf("more than %d lines", streamLines)
		}
		var q verifyLine
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		err := d.Decode(&q)
		switch {
		case err == nil && q.SHA256.IsZero() == q.SM3.IsZero():
			err = errors.New("want one of sha256 and sm3, not all zero")
			fallthrough
		case err != nil:
			end.Bad++
			order = append(order, badLine{end.Lines, err.Error()})
		case q.SM3.IsZero():
			sha, order = append(sha, q.SHA256), append(order, &verifyAnswer{verifyLine: q})
		default:
			sm, order = append(sm, q.SM3), append(order, &verifyAnswer{verifyLine: q})
		}
		if len(order) == streamAhead {
			if err := answer(); err != nil {
				return err
			}
		}
	}
	if err := s.Err(); err != nil {
		return err
	}
	if err := answer(); err != nil {
		return err
	}
	end.Index = l.indexStatus()
	end.Height = end.Index.Height
	end.Answer = sentence(
		fmt.Sprintf("共 %d 行，查到 %d 行，%d 行有误。未查到不等于不存在；证明力在回执，请离线验证。", end.Lines, end.Found, end.Bad),
		fmt.Sprintf("%d lines, %d found, %d wrong. Not found is no proof of absence; the receipts are the proof: verify them offline.", end.Lines, end.Found, end.Bad))
	if err := out.Encode(end); err != nil {
		return err
	}
	return flush()
}

// matches describes what the index found, newest first, at most maxMatches.
func (l *ledger) matches(a *verifyAnswer, h index.Hit) error {
	add := func(seq uint64, place *int) error {
		if len(a.Matches) == maxMatches {
			return nil
		}
		e, err := l.evidence(l.chain.Store().View(), seq)
		if err != nil {
			return err
		}
		m := lineMatch{ID: e.ID, Seq: seq, Place: place, State: string(e.State), ReceiptURL: e.ReceiptURL}
		if place != nil {
			m.ReceiptURL += "?item=" + a.SHA256.String()
		}
		a.Matches = append(a.Matches, m)
		return nil
	}
	a.Found = len(h.Seqs)+len(h.Items) > 0
	for i := len(h.Seqs) - 1; i >= 0; i-- {
		if err := add(h.Seqs[i], nil); err != nil {
			return err
		}
	}
	for i := len(h.Items) - 1; i >= 0; i-- {
		if err := add(h.Items[i].Seq, &h.Items[i].Place); err != nil {
			return err
		}
	}
	return nil
}
