package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"zhenglian/app/receipt"
	"zhenglian/app/span"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	clientlist "zhenglian/client/list"
)

// Copies of lists, for those who check many subjects. A copy of a height never
// changes, so what was made once is kept for whoever asks next.
const (
	copiesMade = 2        // at once; others are asked to come again
	copiesKept = 16       // between so many and twice as many
	copyKept   = 16 << 20 // bytes of the largest copy that is kept
	copyWait   = 5 * time.Minute
)

// A copyKey names a copy of a list.
type copyKey struct {
	list   tx.List
	height int64
	since  int64 // 0: a snapshot
}

// copies makes copies of lists.
type copies struct {
	l      *ledger
	making chan struct{}
	kept   *cache[copyKey, []byte]
}

// copyRoutes adds the copies. They are streamed, which typed routes are not.
func copyRoutes(r *gin.Engine, h huma.API, l *ledger) {
	c := &copies{l: l, making: make(chan struct{}, copiesMade), kept: newCache[copyKey, []byte](copiesKept)}
	number := func(name, description string, required bool) *huma.Param {
		one := 1.0
		return &huma.Param{Name: name, In: "query", Required: required, Description: description, Schema: &huma.Schema{Type: huma.TypeInteger, Minimum: &one}}
	}
	words := &huma.Schema{Type: huma.TypeString}
	for _, name := range tx.Lists() {
		words.Enum = append(words.Enum, name.String())
	}
	which := &huma.Param{Name: "list", In: "path", Required: true, Schema: words}
	height := number("height", "of the state; the newest proven one when it is left out", false)
	binary := func(media, what string) map[string]*huma.Response {
		return map[string]*huma.Response{
			"200": {Description: what, Content: map[string]*huma.MediaType{media: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}},
			"304": {Description: "not modified"},
		}
	}
	for _, op := range []*huma.Operation{
		{
			OperationID: "getListSnapshot", Method: http.MethodGet, Path: api.PathListSnapshot, Tags: []string{"read", "verify"},
			Parameters: []*huma.Param{which, height}, Responses: binary(api.MediaListSnapshot, "the snapshot, see client/list"),
			Summary: "Everything in force on a list, proven whole · 名单快照",
			Description: "A binary file that is verified against the app hash, completeness included: zheng list fetch, or package client/list. " +
				"A height never changes, and may be cached for good.\n\n二进制文件，可对照应用哈希验证其完整无遗漏；同一高度永不改变，可长期缓存。",
		},
		{
			OperationID: "getListDelta", Method: http.MethodGet, Path: api.PathListDelta, Tags: []string{"read", "verify"},
			Parameters: []*huma.Param{which, number("since", "height of the copy at hand", true), height},
			Responses:  binary(api.MediaListDelta, "the delta, see client/list"),
			Summary:    "What changed on a list since a height, proven · 名单增量",
			Description: "Leads from the snapshot of one height to that of a later one, byte for byte, and is verified like it.\n\n" +
				"由某一高度的快照得到较新高度的快照，逐字节一致，验证方式相同。",
		},
	} {
		addProblem(op)
		h.OpenAPI().AddOperation(op)
	}
	r.GET("/v1/lists/:list/snapshot", func(g *gin.Context) { c.serve(g, false) })
	r.GET("/v1/lists/:list/delta", func(g *gin.Context) { c.serve(g, true) })
}

// serve answers with a copy.
func (c *copies) serve(g *gin.Context, delta bool) {
	k, named, err := c.asked(g, delta)
	if err != nil {
		fail(g, err)
		return
	}
	view, block, err := c.at(k.height)
	if err != nil {
		fail(g, err)
		return
	}
	k.height = view.Head().Height
	var base *store.View
	if delta {
		if k.since > k.height {
			fail(g, badParameter("query.since", fmt.Sprintf("the state to lead to is of height %d", k.height)))
			return
		}
		if base, _, err = c.at(k.since); err != nil {
			fail(g, err)
			return
		}
	}
	root := view.Head().StateRoot
	etag := fmt.Sprintf(`"%s-%d-%d-%x"`, k.list, k.since, k.height, root[:8])
	// Weak, because each node may have another sufficient set of votes for the block.
	g.Header("ETag", "W/"+etag)
	g.Header("Content-Location", c.location(k))
	g.Header("Cache-Control", "no-cache")
	if named {
		g.Header("Cache-Control", immutable)
	}
	if notModified(g.GetHeader("If-None-Match"), etag) != nil {
		g.Status(http.StatusNotModified)
		return
	}
	g.Header("Content-Type", api.MediaListSnapshot)
	if delta {
		g.Header("Content-Type", api.MediaListDelta)
	}
	if b, ok := c.kept.get(k); ok {
		http.ServeContent(g.Writer, g.Request, "", time.Time{}, bytes.NewReader(b))
		return
	}
	select {
	case c.making <- struct{}{}:
		defer func() { <-c.making }()
	default:
		fail(g, retryLater(api.CodeOverloaded, 2))
		return
	}
	// A client that does not take what it asked for must not hold a place for good.
	if err := http.NewResponseController(g.Writer).SetWriteDeadline(time.Now().Add(copyWait)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		fail(g, err)
		return
	}
	keep := &keeper{max: copyKept}
	if err := c.write(io.MultiWriter(g.Writer, keep), k, view, base, block); err != nil {
		fail(g, err)
		return
	}
	if !keep.over {
		c.kept.put(k, keep.b)
	}
}

// asked reads the request. named says that it names the height.
func (c *copies) asked(g *gin.Context, delta bool) (k copyKey, named bool, err error) {
	if k.list, err = tx.ParseList(g.Param("list")); err != nil {
		return k, false, api.NewProblem(api.CodeNotFound, "no such list")
	}
	for name, values := range g.Request.URL.Query() {
		into := map[string]*int64{"height": &k.height}
		if delta {
			into["since"] = &k.since
		}
		p := into[name]
		if p == nil || len(values) != 1 {
			return k, false, badParameter("query."+name, "unknown or repeated")
		}
		if *p, err = strconv.ParseInt(values[0], 10, 64); err != nil || *p < 1 || *p > tx.MaxInt {
			return k, false, badParameter("query."+name, "want a height of 1 or more")
		}
	}
	if delta && k.since == 0 {
		return k, false, badParameter("query.since", "want the height of the copy at hand")
	}
	return k, k.height != 0, nil
}

// at returns the state of a height, 0 being the newest, and the block that
// proves it.
func (c *copies) at(height int64) (v *store.View, b receipt.SignedBlock, err error) {
	newest, block, err := c.l.receipts.newest()
	if errors.Is(err, errNoProof) {
		return nil, b, retryLater(api.CodeNotReady, 1)
	}
	if err != nil {
		return nil, b, err
	}
	switch at := newest.Head().Height; {
	case height == 0 || height == at:
		return newest, block, nil
	case height > at+1:
		return nil, b, badParameter("query", fmt.Sprintf("the newest proven height is %d", at))
	case height > at:
		return nil, b, retryLater(api.CodeNotReady, 1)
	}
	v, b, err = c.l.receipts.at(height)
	if errors.Is(err, store.ErrNoHeight) {
		return nil, b, api.NewProblem(api.CodeNotFound, fmt.Sprintf("this node does not hold height %d", height))
	}
	return v, b, err
}

func (c *copies) location(k copyKey) string {
	if k.since != 0 {
		return fmt.Sprintf("/v1/lists/%s/delta?height=%d&since=%d", k.list, k.height, k.since)
	}
	return fmt.Sprintf("/v1/lists/%s/snapshot?height=%d", k.list, k.height)
}

// write makes a copy. base is nil for a snapshot.
func (c *copies) write(w io.Writer, k copyKey, v, base *store.View, block receipt.SignedBlock) error {
	s := v.Head()
	head := &receipt.StateHead{
		V: receipt.Version, Chain: c.l.chain.ChainID(), Height: s.Height, LogSize: s.LogSize,
		LogRoot: tx.Digest(s.LogRoot), StateRoot: tx.Digest(s.StateRoot), Block: block,
	}
	prefix := clientlist.Prefix(k.list)
	if base == nil {
		return clientlist.WriteSnapshot(w, head, k.list, func(w *span.Writer) error { return v.Span(prefix, 0, w) })
	}
	from := base.Head()
	return clientlist.WriteDelta(w, head, k.list, clientlist.Base{Height: from.Height, Root: tx.Digest(from.StateRoot)}, func(w *span.Writer) error {
		return v.Span(prefix, from.TreeVersion, w)
	})
}

// A keeper keeps what is written to it, up to a bound.
type keeper struct {
	b    []byte
	max  int
	over bool
}

func (k *keeper) Write(p []byte) (int, error) {
	if k.over = k.over || len(k.b)+len(p) > k.max; k.over {
		k.b = nil
		return len(p), nil
	}
	k.b = append(k.b, p...)
	return len(p), nil
}
