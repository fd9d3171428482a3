package gateway

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/node/blob"
)

// immutable is for what never changes under its name.
const immutable = "public, max-age=31536000, immutable"

func binaryBody(description string) *huma.Response {
	return &huma.Response{Description: description, Content: map[string]*huma.MediaType{
		"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
	}}
}

// blobRoutes adds the files. They are streamed, which typed routes are not.
func blobRoutes(r *gin.Engine, h huma.API, c Config, l *ledger) {
	digest := &huma.Param{Name: "sha256", In: "path", Required: true, Description: "of the bytes",
		Schema: &huma.Schema{Type: huma.TypeString, Pattern: "^[0-9a-f]{64}$"}}
	use := &huma.Param{Name: "use", In: "query", Description: "export: to be handed to somebody else",
		Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"read", "export"}}}
	why := &huma.Param{Name: "why", In: "query", Description: "for the custody log, at most 500 bytes", Schema: &huma.Schema{Type: huma.TypeString}}
	stored := &huma.Response{Description: "stored", Content: map[string]*huma.MediaType{api.MediaJSON: {Schema: &huma.Schema{Ref: "#/components/schemas/Blob"}}}}
	h.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[api.Blob](), true, "Blob")
	for _, op := range []*huma.Operation{
		{
			OperationID: "putBlob", Method: http.MethodPut, Path: api.PathBlob, Tags: []string{"submit"}, Parameters: []*huma.Param{digest, why},
			Summary:     "Store the bytes of a file · 保存文件",
			Description: "The digest is checked before the file becomes visible. 201 for a new file, 200 for one that is already there.",
			RequestBody: &huma.RequestBody{Required: true, Content: binaryBody("").Content},
			Responses:   map[string]*huma.Response{"201": stored, "200": stored},
		},
		{
			OperationID: "getBlob", Method: http.MethodGet, Path: api.PathBlob, Tags: []string{"read"}, Parameters: []*huma.Param{digest, use, why},
			Summary:     "The bytes of a file · 取得文件",
			Description: "Each reading is in the custody log. One range of bytes may be asked for; its pieces are authentic, and only the whole file is compared with its digest.",
			Responses:   map[string]*huma.Response{"200": binaryBody("the bytes"), "206": binaryBody("a range of them"), "304": {Description: "not modified"}},
		},
		{
			OperationID: "headBlob", Method: http.MethodHead, Path: api.PathBlob, Tags: []string{"read"}, Parameters: []*huma.Param{digest},
			Summary:   "Is the file here? · 是否存有文件",
			Responses: map[string]*huma.Response{"200": {Description: "it is; Content-Length says how long"}},
		},
	} {
		addProblem(op)
		h.OpenAPI().AddOperation(op)
	}

	uploads := make(chan struct{}, c.Uploads)
	const path = "/v1/blobs/:sha256"
	r.PUT(path, func(c2 *gin.Context) {
		d, err := tx.ParseDigest(c2.Param("sha256"))
		if err != nil {
			fail(c2, badParameter("path.sha256", "want 64 lower-case hex digits"))
			return
		}
		select {
		case uploads <- struct{}{}:
			defer func() { <-uploads }()
		default:
			fail(c2, retryLater(api.CodeOverloaded, 5))
			return
		}
		status := http.StatusCreated
		if l.blobs != nil {
			if _, err := l.blobs.Stat(c2, blob.Digest(d)); err == nil {
				status = http.StatusOK
			}
		}
		reason := c2.Query("why")
		if len(reason) > maxWhy {
			fail(c2, badParameter("query.why", fmt.Sprintf("at most %d bytes", maxWhy)))
			return
		}
		b, err := l.PutBlob(behalf(c2, reason), d, c2.Request.ContentLength, patient{c2, c.BodyWait})
		if err != nil {
			// The rest of the body is not worth reading.
			c2.Header("Connection", "close")
			fail(c2, err)
			return
		}
		c2.Header("Location", b.URL)
		c2.JSON(status, b)
	})
	r.GET(path, l.getBlob)
	r.HEAD(path, l.getBlob)
}

// patient reads a body that may take as long as it likes while it keeps coming.
type patient struct {
	c    *gin.Context
	wait time.Duration
}

func (p patient) Read(b []byte) (int, error) {
	if err := p.deadline(time.Now().Add(p.wait)); err != nil {
		return 0, err
	}
	n, err := p.c.Request.Body.Read(b)
	if err == io.EOF { // storing it may take longer
		if err := p.deadline(time.Time{}); err != nil {
			return n, err
		}
	}
	return n, err
}

func (p patient) deadline(t time.Time) error {
	err := http.NewResponseController(p.c.Writer).SetReadDeadline(t)
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

func (l *ledger) getBlob(c *gin.Context) {
	d, err := tx.ParseDigest(c.Param("sha256"))
	if err != nil {
		fail(c, badParameter("path.sha256", "want 64 lower-case hex digits"))
		return
	}
	export, why := c.Query("use") == "export", c.Query("why")
	if use := c.Query("use"); use != "" && use != "read" && !export || len(why) > maxWhy {
		fail(c, badParameter("query", fmt.Sprintf("want use=read or use=export, and why of at most %d bytes", maxWhy)))
		return
	}
	if l.blobs == nil {
		fail(c, errNoBlobs())
		return
	}
	info, err := l.blobs.Stat(c, blob.Digest(d))
	if err != nil {
		fail(c, blobProblem(err))
		return
	}
	etag := `"` + d.String() + `"`
	c.Header("ETag", etag)
	c.Header("Cache-Control", immutable)
	if l.vault != nil {
		c.Header("Cache-Control", "private, no-cache") // every reading has its line, and what is erased is gone
		c.Header("Accept-Ranges", "bytes")
	}
	if notModified(c.GetHeader("If-None-Match"), etag) != nil {
		c.Status(http.StatusNotModified)
		return
	}
	// A captured page must not run in our name: it is a file to be saved.
	c.Header("Content-Type", "application/octet-stream")
	c.Header("Content-Disposition", `attachment; filename="`+d.String()+`"`)
	c.Header("Content-Security-Policy", "sandbox; default-src 'none'")
	from, length, part := int64(0), info.Bytes, false
	if l.vault != nil && !export && (c.GetHeader("If-Range") == "" || c.GetHeader("If-Range") == etag) {
		if from, length, part, err = byteRange(c.GetHeader("Range"), info.Bytes); err != nil {
			c.Header("Content-Range", fmt.Sprintf("bytes */%d", info.Bytes))
			fail(c, api.NewProblem(api.CodeRange, err.Error()))
			return
		}
	}
	if c.Request.Method == http.MethodHead {
		c.Header("Content-Length", strconv.FormatInt(info.Bytes, 10))
		c.Status(http.StatusOK)
		c.Writer.WriteHeaderNow()
		return
	}
	ctx := behalf(c, why)
	var body io.ReadCloser
	switch {
	case part:
		body, _, err = l.vault.Range(ctx, blob.Digest(d), from, length)
	case export && l.vault != nil:
		body, _, err = l.vault.Export(ctx, blob.Digest(d))
	default:
		body, _, err = l.blobs.Get(ctx, blob.Digest(d))
	}
	if err != nil {
		fail(c, blobProblem(err))
		return
	}
	defer body.Close()
	c.Header("Content-Length", strconv.FormatInt(length, 10))
	if c.Status(http.StatusOK); part {
		c.Header("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, from+length-1, info.Bytes))
		c.Status(http.StatusPartialContent)
	}
	if err := copyVerified(c.Writer, body); err != nil {
		loggerOf(c.Request.Context()).Warn("blob not sent to its end", "blob", d, "err", err)
		panic(http.ErrAbortHandler)
	}
}

// copyVerified copies src but holds the last piece back until src has ended
// well, so that whoever receives a damaged file never receives all of it.
func copyVerified(dst io.Writer, src io.Reader) error {
	held, next := make([]byte, 0, 64<<10), make([]byte, 64<<10)
	for {
		n, err := src.Read(next)
		if n > 0 || err == io.EOF {
			if _, err := dst.Write(held); err != nil {
				return err
			}
			held, next = next[:n], held[:cap(held)]
		}
		if err == io.EOF {
			_, err = dst.Write(held)
			return err
		}
		if err != nil {
			return err
		}
	}
}

// tileRoutes adds the log in the form of C2SP tlog-tiles.
func tileRoutes(r *gin.Engine, h huma.API, l *ledger) {
	index := &huma.Param{Name: "index", In: "path", Required: true,
		Description: "tile index in groups of three digits, all but the last with x: x001/x234/067; .p/W for the first W only",
		Schema:      &huma.Schema{Type: huma.TypeString}}
	level := &huma.Param{Name: "level", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeInteger}}
	for _, op := range []*huma.Operation{
		{
			OperationID: "getTile", Method: http.MethodGet, Path: "/tile/{level}/{index}", Tags: []string{"log"}, Parameters: []*huma.Param{level, index},
			Summary:     "Hashes of the log's Merkle tree · 日志哈希块",
			Description: "C2SP tlog-tiles. Leaf hash: SHA-256(0x00 ‖ entry). Full tiles never change.",
			Responses:   map[string]*huma.Response{"200": binaryBody("256 hashes, or W of them")},
		},
		{
			OperationID: "getEntries", Method: http.MethodGet, Path: "/tile/entries/{index}", Tags: []string{"log"}, Parameters: []*huma.Param{index},
			Summary:     "Entries of the log · 日志条目",
			Description: "C2SP tlog-tiles entry bundle: each entry has a 16-bit length; an entry is its height (64 bits, big-endian) and the envelope in wire form.",
			Responses:   map[string]*huma.Response{"200": binaryBody("256 entries, or W of them")},
		},
	} {
		addProblem(op)
		h.OpenAPI().AddOperation(op)
	}
	r.GET("/tile/*path", func(c *gin.Context) {
		t, ok := parseTile(strings.TrimPrefix(c.Param("path"), "/"))
		if !ok {
			fail(c, api.NewProblem(api.CodeNotFound, "not the path of a tile"))
			return
		}
		var b []byte
		var err error
		if t.entries {
			b, err = l.chain.Store().Bundle(t.index, t.width)
		} else {
			b, err = l.chain.Store().Tile(t.level, t.index, t.width)
		}
		if errors.Is(err, store.ErrNoTile) {
			err = api.NewProblem(api.CodeNotFound, "the log does not reach that far yet")
		}
		if err != nil {
			fail(c, err)
			return
		}
		c.Header("Cache-Control", immutable)
		if t.width < fullTile {
			c.Header("Cache-Control", "public, max-age=3600") // of no use once the tile is full
		}
		c.Data(http.StatusOK, "application/octet-stream", b)
	})
}

// fullTile is the number of hashes or entries of a full tile.
const fullTile = 256

// A tilePath is a tile that a request names.
type tilePath struct {
	entries bool
	level   int
	index   uint64
	width   int
}

// parseTile reads "LEVEL/INDEX[.p/WIDTH]" and "entries/INDEX[.p/WIDTH]". An "8/"
// before the level, as Go's checksum database writes, may be there too: no
// log is high enough for a tile level 8.
func parseTile(s string) (t tilePath, ok bool) {
	if rest, isGo := strings.CutPrefix(s, "8/"); isGo {
		s = rest
	}
	first, s, ok := strings.Cut(s, "/")
	if !ok {
		return t, false
	}
	if t.entries = first == "entries"; !t.entries {
		if len(first) != 1 || first[0] < '0' || first[0] > '7' {
			return t, false
		}
		t.level = int(first[0] - '0')
	}
	t.width = fullTile
	if index, width, partial := strings.Cut(s, ".p/"); partial {
		w, err := strconv.Atoi(width)
		if err != nil || w < 1 || w >= fullTile || strconv.Itoa(w) != width {
			return t, false
		}
		s, t.width = index, w
	}
	groups := strings.Split(s, "/")
	if len(groups) > 6 {
		return t, false
	}
	for i, g := range groups {
		if i < len(groups)-1 {
			if g, ok = strings.CutPrefix(g, "x"); !ok {
				return t, false
			}
		}
		if len(g) != 3 || i == 0 && len(groups) > 1 && g == "000" {
			return t, false // not the shortest form
		}
		n, err := strconv.ParseUint(g, 10, 16)
		if err != nil {
			return t, false
		}
		t.index = t.index*1000 + n
	}
	return t, true
}
