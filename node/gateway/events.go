package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/node/events"
)

// Bounds of a stream of events.
const (
	eventBatch = 128              // events written at once
	eventWait  = 10 * time.Second // for a client to take a batch; slower ones are cut and may come back
	eventRetry = time.Second      // after which a client is to come back
)

// streams are the clients that follow events.
type streams struct {
	events    *events.Source
	heartbeat time.Duration
	wait      time.Duration // eventWait; shorter in a test
	open      chan struct{} // one token for each
	ending    chan struct{} // closed when all are to end
	once      sync.Once
}

func newStreams(c Config, l *ledger) *streams {
	return &streams{events: l.events, heartbeat: c.Heartbeat, wait: eventWait, open: make(chan struct{}, c.Streams), ending: make(chan struct{})}
}

// end ends all streams, and those that begin later.
func (s *streams) end() { s.once.Do(func() { close(s.ending) }) }

// eventRoutes adds the events.
func eventRoutes(r *gin.Engine, h huma.API, s *streams) {
	schemas := h.OpenAPI().Components.Schemas
	page := schemas.Schema(reflect.TypeFor[api.Page[api.Event]](), true, "PageEvent")
	schemas.Schema(reflect.TypeFor[api.EntryEvent](), true, "EntryEvent")
	schemas.Schema(reflect.TypeFor[api.RowEvent](), true, "RowEvent")
	text := func(name, in, doc string) *huma.Param {
		return &huma.Param{Name: name, In: in, Description: doc, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	op := &huma.Operation{
		OperationID: "events", Method: http.MethodGet, Path: api.PathEvents, Tags: []string{"read"},
		Summary: "What blocks did, as it happens · 事件流",
		Description: "A stream of server-sent events, or with Accept: application/json a page of them. Conditions that are given must all hold. " +
			"A stream goes on after Last-Event-ID, or after the query's `after`, or from now on; ids that come without an event say how far the stream has got. " +
			"A client that does not take what it is sent within ten seconds is cut, and goes on after the last id it has seen: nothing is lost.\n\n" +
			"事件按区块产生并编号（高度.序号），断线后凭 Last-Event-ID 续传，不丢不重；过慢的客户端会被断开，可自行续传。",
		Parameters: []*huma.Param{
			text("Last-Event-ID", "header", "HEIGHT.INDEX of the last event seen, or HEIGHT: everything of that block has been seen"),
			text("after", "query", "the same, for clients that cannot set the header; 0 is the beginning of the chain. Of a page: its cursor"),
			text("type", "query", "types, or what stands before their dot, with commas between: statement.accepted,matter"),
			text("kind", "query", "kinds or families, with commas between: list.decide,evidence"),
			text("member", "query", "who stated it, who opened the matter, or whose row it is"),
			text("list", "query", "the list that it is about"),
			{Name: "matter", In: "query", Description: "log entry that opened the matter", Schema: &huma.Schema{Type: huma.TypeInteger}},
			{Name: "limit", In: "query", Description: "of a page", Schema: &huma.Schema{Type: huma.TypeInteger, Minimum: new(float64(1)), Maximum: new(float64(api.MaxLimit))}},
		},
		Responses: map[string]*huma.Response{"200": {Description: "events", Content: map[string]*huma.MediaType{
			api.MediaEvents: {Schema: &huma.Schema{Type: huma.TypeString, Description: "id: HEIGHT.INDEX; event: the type; data: an Event"}},
			api.MediaJSON:   {Schema: page},
		}}},
	}
	addProblem(op)
	h.OpenAPI().AddOperation(op)
	r.GET(api.PathEvents, s.serve)
}

// serve answers with a stream or a page.
func (s *streams) serve(c *gin.Context) {
	q, after, limit, err := s.query(c.Request)
	switch {
	case err != nil:
		fail(c, err)
	case wantsJSON(c.GetHeader("Accept")):
		s.page(c, q, after, limit)
	default:
		s.stream(c, q, after)
	}
}

// wantsJSON reports whether a page is asked for rather than a stream.
func wantsJSON(accept string) bool {
	return strings.Contains(accept, api.MediaJSON) && !strings.Contains(accept, api.MediaEvents)
}

// query reads what is asked for.
func (s *streams) query(r *http.Request) (q api.EventQuery, after api.EventID, limit int, err error) {
	after, limit = s.events.Now(), api.DefaultLimit
	from := r.Header.Get("Last-Event-ID")
	where := "header.Last-Event-ID"
	for name, values := range r.URL.Query() {
		v := values[0]
		if len(values) > 1 {
			return q, after, 0, badParameter("query."+name, "given more than once")
		}
		switch name {
		case "after":
			if from == "" {
				from, where = v, "query.after"
			}
		case "type":
			q.Types = strings.Split(v, ",")
		case "kind":
			q.Kinds = strings.Split(v, ",")
		case "member":
			q.Member = tx.MemberID(v)
		case "list":
			q.List = v
		case "matter":
			n, err := strconv.ParseUint(v, 10, 53)
			if err != nil {
				return q, after, 0, badParameter("query.matter", "want the number of a log entry")
			}
			q.Matter = &n
		case "limit":
			if limit, err = strconv.Atoi(v); err != nil || limit < 1 || limit > api.MaxLimit {
				return q, after, 0, badParameter("query.limit", fmt.Sprintf("want 1 to %d", api.MaxLimit))
			}
		default:
			return q, after, 0, badParameter("query."+name, "unknown query parameter")
		}
	}
	if err := q.Check(); err != nil {
		return q, after, 0, badParameter("query", err.Error())
	}
	if from == "" {
		return q, after, limit, nil
	}
	if after, err = api.ParseEventID(from); err != nil {
		return q, after, 0, badParameter(where, err.Error())
	}
	if err := s.events.Check(after); err != nil {
		// Another gateway of the chain may be ahead of this one.
		p := retryLater(api.CodeUnavailable, 1)
		p.Detail = err.Error()
		return q, after, 0, p
	}
	return q, after, limit, nil
}

// page answers with the events after a place that there are already.
func (s *streams) page(c *gin.Context, q api.EventQuery, after api.EventID, limit int) {
	found, to, err := s.events.Next(c, after, &q, limit)
	if err != nil {
		fail(c, err)
		return
	}
	now := s.events.Now()
	p := api.Page[api.Event]{Data: append([]api.Event{}, found...), NextCursor: to.String(), HasMore: to.Less(now), Height: now.Height}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, p)
}

// stream writes events until the client goes, falls behind or is sent away.
func (s *streams) stream(c *gin.Context, q api.EventQuery, after api.EventID) {
	select {
	case s.open <- struct{}{}:
		defer func() { <-s.open }()
	default:
		fail(c, retryLater(api.CodeOverloaded, 5))
		return
	}
	c.Header("Content-Type", api.MediaEvents)
	c.Header("Cache-Control", "no-store")
	c.Header("X-Accel-Buffering", "no") // proxies must pass on at once
	c.Status(http.StatusOK)
	control := http.NewResponseController(c.Writer)
	write := func(b []byte) bool {
		if err := control.SetWriteDeadline(time.Now().Add(s.wait)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return false
		}
		if _, err := c.Writer.Write(b); err != nil {
			return false
		}
		return control.Flush() == nil
	}
	if !write(fmt.Appendf(nil, "retry: %d\nid: %s\n\n", eventRetry.Milliseconds(), after)) {
		return
	}
	beat := time.NewTimer(s.heartbeat)
	defer beat.Stop()
	for said := after; ; {
		moved := s.events.Moved() // before looking, so that no block is missed
		found, to, err := s.events.Next(c, after, &q, eventBatch)
		if err != nil {
			if c.Request.Context().Err() == nil {
				loggerOf(c.Request.Context()).Error("stream of events ended", "request_id", requestID(c.Request.Context()), "after", after.String(), "err", err)
			}
			return
		}
		if after = to; len(found) > 0 {
			select {
			case <-s.ending:
				return
			default:
			}
			if !write(encodeEvents(found)) {
				return
			}
			said = found[len(found)-1].ID
			beat.Reset(s.heartbeat)
			continue
		}
		select {
		case <-beat.C:
			// Also on a long way through blocks that hold nothing for this client.
			b := []byte(": alive\n\n")
			if said.Less(after) {
				b, said = fmt.Appendf(nil, "id: %s\n\n", after), after
			}
			if !write(b) {
				return
			}
			beat.Reset(s.heartbeat)
			continue
		case <-c.Request.Context().Done():
			return
		case <-s.ending:
			return
		default:
		}
		if after.Less(s.events.Now()) {
			continue
		}
		select {
		case <-moved:
		case <-beat.C:
			beat.Reset(0) // the turn above says it
		case <-c.Request.Context().Done():
			return
		case <-s.ending:
			return
		}
	}
}

// encodeEvents writes events in the form of server-sent events (HTML standard §9.2).
func encodeEvents(es []api.Event) []byte {
	var b bytes.Buffer
	for i := range es {
		data, err := json.Marshal(&es[i])
		if err != nil {
			panic(fmt.Sprintf("gateway: encode event: %v", err)) // made of checked JSON
		}
		fmt.Fprintf(&b, "id: %s\nevent: %s\ndata: %s\n\n", es[i].ID, es[i].Type, data)
	}
	return b.Bytes()
}
