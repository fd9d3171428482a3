package gateway

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// A Witness knows who outside the ledger saw its log. Its methods are safe for
// concurrent use; see package witness.
type Witness interface {
	// Checkpoint is the newest signed note that witnesses were shown, with what
	// cosignatures there are; nil before the first.
	Checkpoint() []byte

	// Sign is the note of a log, signed by the gateway.
	Sign(size uint64, root tx.Digest) []byte

	// Witnessed is a cosigned log of size entries or more, without its consistency
	// proof; nil when there is none.
	Witnessed(size uint64) (*receipt.Witnessed, error)

	Status() *api.Witnesses
	Alarms() []api.Alarm
}

// witnessed is what witnesses saw of the log of size entries, with the proof that
// leads there from it; nil when they did not see it yet.
func (l *ledger) witnessed(size uint64) (*receipt.Witnessed, error) {
	if l.witness == nil || size == 0 {
		return nil, nil
	}
	w, err := l.witness.Witnessed(size)
	v := l.chain.Store().View()
	if err != nil || w == nil || w.LogSize > v.Head().LogSize {
		return nil, err
	}
	if root, err := v.RootOf(w.LogSize); err != nil || tx.Digest(root) != w.LogRoot {
		return nil, err // kept from another chain, or before a fork: it proves nothing of this log
	}
	proof, err := v.ConsistencyTo(size, w.LogSize)
	if err != nil {
		return nil, err
	}
	w.Consistency = digests(proof)
	return w, nil
}

// witnessRoutes adds the signed checkpoint, the witnesses and the alarms.
func witnessRoutes(r *gin.Engine, h huma.API, l *ledger) {
	op := &huma.Operation{
		OperationID: "getNote", Method: http.MethodGet, Path: api.PathNote, Tags: []string{"log"},
		Summary:     "The newest checkpoint as a signed note · 已签署的检查点",
		Description: "C2SP tlog-checkpoint: signed by this gateway, cosigned by witnesses.",
		Responses: map[string]*huma.Response{"200": {Description: "a signed note", Content: map[string]*huma.MediaType{
			"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}},
		}}},
	}
	addProblem(op)
	h.OpenAPI().AddOperation(op)
	r.GET(api.PathNote, func(c *gin.Context) {
		if l.witness == nil || l.witness.Checkpoint() == nil {
			fail(c, api.NewProblem(api.CodeNotFound, "this gateway has signed no checkpoint yet"))
			return
		}
		c.Header("Cache-Control", "no-cache")
		c.Data(http.StatusOK, "text/plain; charset=utf-8", l.witness.Checkpoint())
	})
	register(h, huma.Operation{
		OperationID: "getWitnesses", Method: http.MethodGet, Path: api.PathWitnesses, Tags: []string{"log", "verify"},
		Summary:     "Who outside the ledger cosigns its log · 外部见证人",
		Description: "A verifier gets the keys of the witnesses that it trusts by a way of its own.",
	}, func(context.Context, *struct{}) (*body[api.Witnesses], error) {
		if l.witness == nil {
			return nil, api.NewProblem(api.CodeUnavailable, "this gateway signs no checkpoints")
		}
		return &body[api.Witnesses]{l.witness.Status()}, nil
	})
	register(h, huma.Operation{
		OperationID: "listAlarms", Method: http.MethodGet, Path: api.PathAlarms, Tags: []string{"log", "verify"},
		Summary:     "Split views that were seen · 告警：账本分叉",
		Description: "Each proof is a document for zheng-verify. An alarm stays until the operator takes the file of its proof away.",
	}, func(context.Context, *struct{}) (*body[api.Page[api.Alarm]], error) {
		p := &api.Page[api.Alarm]{Data: []api.Alarm{}, Height: l.chain.Store().View().Head().Height}
		if l.witness != nil {
			p.Data = l.witness.Alarms()
		}
		return &body[api.Page[api.Alarm]]{p}, nil
	})
}
