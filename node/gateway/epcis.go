package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"zhenglian/app/batch"
	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/client/epcis"
	"zhenglian/node/access"
	"zhenglian/node/hooks"
	"zhenglian/node/repository"
)

// A Stater is an account of the member itself with which the gateway states the
// events of those who speak EPCIS and nothing else.
type Stater struct {
	Member tx.MemberID
	Signer tx.Signer
	Now    func() time.Time // nil: time.Now
}

// epcisLedger is what the repository needs of the ledger.
type epcisLedger struct {
	l      *ledger
	stater *Stater
}

// Bounds of anchoring.
const (
	anchorWait    = 10 * time.Second       // for a statement that is on its way
	anchorLook    = 100 * time.Millisecond // between looks
	anchorExpires = 50_000                 // heights, as a client's
	epcisPage     = 30                     // events, when nobody says otherwise
	epcisWait     = 30 * time.Second       // that Prefer: wait may ask for
)

// Anchored implements repository.Ledger.
func (a *epcisLedger) Anchored(ctx context.Context, id tx.ID) (tx.MemberID, *tx.Events, error) {
	until := time.Now().Add(anchorWait)
	for {
		seq, known, err := a.l.find(id)
		if err != nil {
			return "", nil, err
		}
		if known {
			st, err := state.StandAt(a.l.chain.Store().View(), a.l.chain.Directory(), seq)
			if err != nil {
				return "", nil, err
			}
			b, ok := st.Statement.Body.(*tx.Events)
			if !ok || st.Outcome != row.Effective {
				return "", nil, repository.ErrNotAnchored
			}
			return st.Statement.Member, b, nil
		}
		if time.Now().After(until) {
			return "", nil, repository.ErrNotAnchored
		}
		select {
		case <-ctx.Done():
			return "", nil, ctx.Err()
		case <-time.After(anchorLook):
		}
	}
}

// Sign implements repository.Ledger.
func (a *epcisLedger) Sign(_ context.Context, b *tx.Events) (*tx.Envelope, error) {
	if a.stater == nil {
		return nil, repository.ErrNoAccount
	}
	head, _ := a.l.chain.Store().Head()
	now := time.Now
	if a.stater.Now != nil {
		now = a.stater.Now
	}
	s := tx.Statement{Chain: a.l.chain.ChainID(), Kind: tx.TraceEvents, Member: a.stater.Member, At: tx.TimeOf(now()), Expires: head.Height + anchorExpires, Body: b}
	text, err := s.Encode()
	if err != nil {
		return nil, err
	}
	return tx.Seal(text, a.stater.Signer)
}

// Enter implements repository.Ledger.
func (a *epcisLedger) Enter(ctx context.Context, e *tx.Envelope) error {
	s, err := a.l.Submit(ctx, e, api.SubmitOptions{Wait: api.MaxWait, NoReceipt: true})
	if err == nil && s.Outcome != row.Effective {
		err = &tx.Error{Code: tx.CodePolicy, Detail: "the statement waits for signatures: trace.events must take effect with one"}
	}
	return err
}

// epcisRoutes are the capture and query interfaces of EPCIS 2.0.
type epcisRoutes struct {
	l      *ledger
	r      *repository.Repository
	stater *Stater
}

func addEPCIS(r *gin.Engine, h huma.API, l *ledger, o Options) {
	e := &epcisRoutes{l, o.EPCIS, o.Stater}
	g := r.Group(api.PathEPCIS, e.head)
	g.POST("/capture", e.capture)
	g.GET("/capture", e.jobs)
	g.GET("/capture/:captureID", e.job)
	g.POST("/events", e.captureOne)
	g.GET("/events", e.events)
	g.GET("/events/*rest", e.event)
	for _, name := range []string{"eventTypes", "epcs", "bizSteps", "bizLocations", "readPoints", "dispositions"} {
		g.GET("/"+name, func(c *gin.Context) { e.browse(c, name) })
		g.GET("/"+name+"/*rest", func(c *gin.Context) { e.resource(c, name) })
	}
	g.POST("/queries", e.addQuery)
	g.GET("/queries", e.queries)
	g.GET("/queries/:queryName", e.query)
	g.DELETE("/queries/:queryName", e.removeQuery)
	g.GET("/queries/:queryName/events", e.queryEvents)
	g.POST("/queries/:queryName/subscriptions", e.subscribe)
	g.GET("/queries/:queryName/subscriptions", e.subscriptions)
	g.GET("/queries/:queryName/subscriptions/:subscriptionID", e.subscription)
	g.DELETE("/queries/:queryName/subscriptions/:subscriptionID", e.unsubscribe)
	describeEPCIS(h)
}

// head says which versions are spoken, and that there is a repository.
func (e *epcisRoutes) head(c *gin.Context) {
	if e.r == nil {
		fail(c, api.NewProblem(api.CodeUnavailable, "this gateway keeps no EPCIS events"))
		return
	}
	c.Header(api.HeaderEPCIS, "2.0.0")
	c.Header(api.HeaderCBV, "2.0.0")
	c.Header("Cache-Control", "no-store") // what it shows depends on who asks
}

// reader is who asks.
func reader(ctx context.Context) repository.Reader {
	p := access.Of(ctx)
	return repository.Reader{Member: p.Member, All: slices.Contains(p.Scopes, access.Admin)}
}

// epcisFail explains the errors of the repository.
func epcisFail(c *gin.Context, err error) {
	var p *repository.ParameterError
	switch {
	case errors.As(err, &p):
		code := api.CodeEPCISParameter
		if p.Missing {
			code = api.CodeEPCISMissing
		}
		problem := api.NewProblem(code, p.Error())
		problem.Errors = []api.FieldError{{Location: "query." + p.Name, Message: p.Reason}}
		err = problem
	case errors.Is(err, repository.ErrToken):
		err = badParameter("query.nextPageToken", err.Error())
	case errors.Is(err, repository.ErrTooMany):
		err = api.NewProblem(api.CodeEPCISTooLarge, "")
	case errors.Is(err, repository.ErrNoEvent), errors.Is(err, repository.ErrNoJob), errors.Is(err, repository.ErrNoQuery), errors.Is(err, repository.ErrNoSubscription):
		err = api.NewProblem(api.CodeNotFound, err.Error())
	case errors.Is(err, repository.ErrTaken):
		err = api.NewProblem(api.CodeEPCISTaken, "")
	case errors.Is(err, repository.ErrSubscribed):
		err = api.NewProblem(api.CodeEPCISSubscribed, "")
	case errors.Is(err, repository.ErrLimit):
		err = api.NewProblem(api.CodeEPCISLimit, "")
	case errors.Is(err, repository.ErrBusy):
		err = retryLater(api.CodeEPCISLimit, 1)
	case errors.Is(err, hooks.ErrTarget):
		err = api.NewProblem(api.CodeHookTarget, err.Error())
	}
	fail(c, err)
}

// answer writes JSON, as JSON-LD to who asks for it.
func answer(c *gin.Context, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		fail(c, err)
		return
	}
	media := api.MediaJSON
	if strings.Contains(c.GetHeader("Accept"), api.MediaJSONLD) {
		media = api.MediaJSONLD
	}
	c.Header("Vary", "Accept")
	c.Data(status, media, b)
}

// request reads what is to be captured.
func (e *epcisRoutes) request(c *gin.Context, limit int64) (q repository.Request, err error) {
	if err = acceptMedia(c.GetHeader("Content-Type"), api.MediaJSON, api.MediaJSONLD); err != nil {
		return q, err
	}
	p := access.Of(c.Request.Context())
	q.Owner, q.Member = p.ID, p.Member
	switch b := c.GetHeader(api.HeaderBehaviour); b {
	case "", "rollback":
	case "proceed":
		q.Proceed = true
	default:
		return q, badParameter("header."+api.HeaderBehaviour, "want rollback or proceed")
	}
	if q.Readers, err = repository.ParseReaders(c.GetHeader(api.HeaderReaders)); err != nil {
		return q, badParameter("header."+api.HeaderReaders, err.Error())
	}
	if a := c.GetHeader(api.HeaderAnchor); a != "" {
		if q.Anchor, err = tx.ParseID(a); err != nil {
			return q, badParameter("header."+api.HeaderAnchor, "want the id of a statement")
		}
	} else if e.stater == nil {
		return q, badParameter("header."+api.HeaderAnchor, "this gateway states nothing by itself: sign the anchor of the events (zheng trace event capture) and name it here")
	} else if !p.Known() || p.Member != e.stater.Member {
		// What it states is stated in the name of the member.
		return q, api.NewProblem(api.CodeForbidden, fmt.Sprintf("without %s the events are stated in the name of %s: that needs credentials of this member", api.HeaderAnchor, e.stater.Member))
	}
	q.Document, err = io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, limit))
	return q, err
}

func (e *epcisRoutes) capture(c *gin.Context) {
	c.Header(api.HeaderLimit, strconv.Itoa(epcis.MaxEvents))
	c.Header(api.HeaderFileLimit, strconv.Itoa(epcis.MaxDocument))
	q, err := e.request(c, epcis.MaxDocument)
	if err != nil {
		fail(c, err)
		return
	}
	j, err := e.r.Capture(c.Request.Context(), q)
	if err != nil {
		epcisFail(c, err)
		return
	}
	if j, err = e.wait(c, j.ID); err != nil {
		epcisFail(c, err)
		return
	}
	c.Header("Location", api.EPCISJobURL(j.ID))
	answer(c, http.StatusAccepted, jobOf(j))
}

// wait returns a capture, when Prefer: wait=SECONDS asks for it not before it is done.
func (e *epcisRoutes) wait(c *gin.Context, id string) (*repository.Job, error) {
	for _, p := range strings.Split(c.GetHeader("Prefer"), ",") {
		if s, ok := strings.CutPrefix(strings.TrimSpace(p), "wait="); ok {
			if n, err := strconv.Atoi(s); err == nil && n > 0 {
				ctx, cancel := context.WithTimeout(c.Request.Context(), min(time.Duration(n)*time.Second, epcisWait))
				defer cancel()
				c.Header("Preference-Applied", "wait="+s)
				return e.r.Wait(ctx, id)
			}
		}
	}
	return e.r.Job(c.Request.Context(), id)
}

// captureOne captures one event and says what became of it.
func (e *epcisRoutes) captureOne(c *gin.Context) {
	q, err := e.request(c, epcis.MaxEvent+64<<10)
	if err != nil {
		fail(c, err)
		return
	}
	j, err := e.r.Capture(c.Request.Context(), q)
	if err != nil {
		epcisFail(c, err)
		return
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), epcisWait)
	defer cancel()
	if j, err = e.r.Wait(ctx, j.ID); err != nil {
		epcisFail(c, err)
		return
	}
	switch {
	case j.Finished.IsZero():
		c.Header("Location", api.EPCISJobURL(j.ID))
		answer(c, http.StatusAccepted, jobOf(j))
	case !j.Success():
		p := api.NewProblem(api.CodeEPCISValidation, "")
		for _, f := range j.Faults {
			p.Errors = append(p.Errors, api.FieldError{Location: f.Path, Message: f.Reason})
		}
		fail(c, p)
	default:
		events, err := epcis.Events(q.Document)
		if err != nil || len(events) != 1 {
			answer(c, http.StatusCreated, jobOf(j))
			return
		}
		id, _ := events[0].Fields["eventID"].(string)
		if id == "" {
			id = events[0].ID()
		}
		c.Header("Location", api.EPCISEventURL(id))
		answer(c, http.StatusCreated, jobOf(j))
	}
}

// jobOf is a capture as the standard tells of it.
func jobOf(j *repository.Job) *api.CaptureJob {
	a := &api.CaptureJob{CaptureID: j.ID, CreatedAt: tx.TimeOf(j.Created), Running: j.Finished.IsZero(), Success: j.Success(), Behaviour: "rollback",
		Errors: []api.CaptureError{}, Readers: j.Readers, Anchor: j.Anchor, Total: j.Total, Captured: j.Captured}
	if j.Proceed {
		a.Behaviour = "proceed"
	}
	if !j.Finished.IsZero() {
		a.Finished = tx.TimeOf(j.Finished)
	}
	for _, f := range j.Faults {
		a.Errors = append(a.Errors, api.CaptureError{Type: "epcisException:ValidationException", Title: "not captured", Status: http.StatusBadRequest, Path: f.Path, Detail: f.Reason})
	}
	return a
}

// limitOf reads perPage.
func limitOf(c *gin.Context) (int, error) {
	s := c.Query("perPage")
	if s == "" {
		return epcisPage, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, badParameter("query.perPage", fmt.Sprintf("want 1 to %d", repository.MaxPage))
	}
	return min(n, repository.MaxPage), nil
}

func (e *epcisRoutes) jobs(c *gin.Context) {
	n, err := limitOf(c)
	if err != nil {
		fail(c, err)
		return
	}
	all, err := e.r.Jobs(c.Request.Context(), owner(c.Request.Context()), c.Query("nextPageToken"), n+1)
	if err != nil {
		epcisFail(c, err)
		return
	}
	if len(all) > n {
		next(c, all[n-1].ID)
		all = all[:n]
	}
	out := make([]*api.CaptureJob, len(all))
	for i, j := range all {
		out[i] = jobOf(j)
	}
	answer(c, http.StatusOK, out)
}

func (e *epcisRoutes) job(c *gin.Context) {
	j, err := e.r.Job(c.Request.Context(), c.Param("captureID"))
	if own := owner(c.Request.Context()); err == nil && own != "" && j.Owner != own {
		err = repository.ErrNoJob
	}
	if err == nil {
		j, err = e.wait(c, j.ID)
	}
	if err != nil {
		epcisFail(c, err)
		return
	}
	answer(c, http.StatusOK, jobOf(j))
}

// next says where the next page is: the same request with a token.
func next(c *gin.Context, token string) {
	q := c.Request.URL.Query()
	q.Set("nextPageToken", token)
	c.Header("Link", "<"+c.Request.URL.EscapedPath()+"?"+q.Encode()+`>; rel="next"`)
	c.Header("GS1-Next-Page-Token-Expires", time.Now().Add(24*time.Hour).UTC().Format(time.RFC3339))
}

// parameters reads the parameters of a query: several values are said with | or
// by saying the parameter again.
func parameters(c *gin.Context) (repository.Parameters, error) {
	p := repository.Parameters{Params: map[string][]string{}}
	for name, values := range c.Request.URL.Query() {
		if name == "perPage" || name == "nextPageToken" {
			continue
		}
		for _, v := range values {
			p.Params[name] = append(p.Params[name], strings.Split(v, "|")...)
		}
	}
	var err error
	p.Prefixes, err = prefixes(c.GetHeader(api.HeaderPrefixes))
	return p, err
}

// prefixes reads GS1-Extensions: prefix=namespace, ….
func prefixes(header string) (map[string]string, error) {
	if header == "" {
		return nil, nil
	}
	out := make(map[string]string)
	for _, x := range strings.Split(header, ",") {
		prefix, uri, ok := strings.Cut(strings.TrimSpace(x), "=")
		if !ok || prefix == "" || len(out) > repository.MaxParameters {
			return nil, badParameter("header."+api.HeaderPrefixes, "want prefix=namespace, with commas between")
		}
		out[prefix] = uri
	}
	return out, nil
}

// events answers a query of the request's parameters.
func (e *epcisRoutes) events(c *gin.Context) { e.ask(c, "SimpleEventQuery", nil) }

// ask answers a query with parameters besides those of the request.
func (e *epcisRoutes) ask(c *gin.Context, name string, more map[string][]string) {
	p, err := parameters(c)
	if err != nil {
		fail(c, err)
		return
	}
	for k, v := range more {
		if p.Params[k] != nil {
			fail(c, badParameter("query."+k, "the path says it already"))
			return
		}
		p.Params[k] = v
	}
	q, err := p.Parse()
	if err != nil {
		epcisFail(c, err)
		return
	}
	e.find(c, name, q)
}

func (e *epcisRoutes) find(c *gin.Context, name string, q *repository.Query) {
	n, err := limitOf(c)
	if err != nil {
		fail(c, err)
		return
	}
	page, err := e.r.Find(c.Request.Context(), reader(c.Request.Context()), q, n, c.Query("nextPageToken"))
	if err != nil {
		epcisFail(c, err)
		return
	}
	if page.Next != "" {
		next(c, page.Next)
	}
	answer(c, http.StatusOK, repository.Document(name, "", page.Events))
}

// rest is the last part of a path after a prefix, with what may follow it:
// values that are addresses are percent-encoded.
func rest(c *gin.Context, prefix string) (value, after string, err error) {
	s := strings.TrimPrefix(c.Request.URL.EscapedPath(), prefix+"/")
	if i := strings.LastIndexByte(s, '/'); i >= 0 && (s[i+1:] == "events" || s[i+1:] == "receipt") {
		s, after = s[:i], s[i+1:]
	}
	value, err = url.PathUnescape(s)
	if err != nil || value == "" {
		err = api.NewProblem(api.CodeNotFound, "no such path")
	}
	return value, after, err
}

// event answers one event, or leads to its receipt.
func (e *epcisRoutes) event(c *gin.Context) {
	id, after, err := rest(c, api.PathEPCISEvents)
	if err == nil && after == "events" {
		err = api.NewProblem(api.CodeNotFound, "no such path")
	}
	var x *repository.Event
	if err == nil {
		x, err = e.r.Event(c.Request.Context(), reader(c.Request.Context()), id)
	}
	if err != nil {
		epcisFail(c, err)
		return
	}
	receipt := api.ReceiptURL(x.Anchor) + "?item=" + x.Leaf.String()
	if after == "receipt" {
		c.Redirect(http.StatusTemporaryRedirect, receipt)
		return
	}
	out := x.JSON()
	contexts := []any{epcis.StandardContext}
	if own, ok := out["@context"].([]any); ok {
		contexts = append(contexts, own...)
	} else if own := out["@context"]; own != nil {
		contexts = append(contexts, own)
	}
	out["@context"] = contexts
	c.Header("Link", "<"+receipt+`>; rel="describedby"; title="receipt"`)
	answer(c, http.StatusOK, out)
}

// collection is a list of values as the standard writes it.
func collection(members []string) map[string]any {
	if members == nil {
		members = []string{}
	}
	return map[string]any{"@context": epcis.StandardContext, "type": "Collection", "member": members}
}

func (e *epcisRoutes) browse(c *gin.Context, name string) {
	if name == "eventTypes" {
		answer(c, http.StatusOK, collection(epcis.Types))
		return
	}
	n, err := limitOf(c)
	if err != nil {
		fail(c, err)
		return
	}
	values, err := e.r.Values(c.Request.Context(), reader(c.Request.Context()), name, c.Query("nextPageToken"), n+1)
	if err != nil {
		epcisFail(c, err)
		return
	}
	if len(values) > n {
		next(c, values[n-1])
		values = values[:n]
	}
	answer(c, http.StatusOK, collection(values))
}

// resource answers what there is below a value, or its events.
func (e *epcisRoutes) resource(c *gin.Context, name string) {
	value, after, err := rest(c, api.PathEPCIS+"/"+name)
	switch {
	case err != nil:
		fail(c, err)
	case after == "":
		answer(c, http.StatusOK, collection([]string{"events"}))
	case after == "events":
		e.ask(c, "SimpleEventQuery", map[string][]string{repository.ResourceParameter(name): {value}})
	default:
		fail(c, api.NewProblem(api.CodeNotFound, "no such path"))
	}
}

// queryJSON is a named query as it is sent and answered.
type queryJSON struct {
	Name  string         `json:"name"`
	Query map[string]any `json:"query"`
}

// maxQueryBody bounds the body of a request about queries in bytes.
const maxQueryBody = 64 << 10

// readJSON reads a body strictly.
func readJSON(c *gin.Context, into any) error {
	if err := acceptMedia(c.GetHeader("Content-Type"), api.MediaJSON, api.MediaJSONLD); err != nil {
		return err
	}
	d := json.NewDecoder(http.MaxBytesReader(c.Writer, c.Request.Body, maxQueryBody))
	d.DisallowUnknownFields()
	d.UseNumber()
	err := d.Decode(into)
	var tooLong *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLong) {
		err = badParameter("body", err.Error())
	}
	return err
}

// values is a value of a query in JSON as text.
func values(v any) ([]string, bool) {
	switch v := v.(type) {
	case string:
		return []string{v}, true
	case json.Number:
		return []string{v.String()}, true
	case bool:
		return []string{strconv.FormatBool(v)}, true
	case []any:
		var out []string
		for _, x := range v {
			s, ok := values(x)
			if !ok || len(s) != 1 {
				return nil, false
			}
			out = append(out, s...)
		}
		return out, true
	}
	return nil, false
}

func (e *epcisRoutes) addQuery(c *gin.Context) {
	var in queryJSON
	err := readJSON(c, &in)
	var p repository.Parameters
	if err == nil {
		p = repository.Parameters{Params: map[string][]string{}}
		p.Prefixes, err = prefixes(c.GetHeader(api.HeaderPrefixes))
	}
	for name, v := range in.Query {
		if name == "@context" { // as an alternative to GS1-Extensions
			contexts, isList := v.([]any)
			if !isList {
				contexts = []any{v}
			}
			for _, x := range contexts {
				if m, ok := x.(map[string]any); ok {
					for k, u := range m {
						if s, ok := u.(string); ok {
							if p.Prefixes == nil {
								p.Prefixes = map[string]string{}
							}
							p.Prefixes[k] = s
						}
					}
				}
			}
			continue
		}
		s, ok := values(v)
		if !ok && err == nil {
			err = badParameter("body.query."+name, "want text, a number, or a list of them")
		}
		p.Params[name] = s
	}
	if err != nil {
		fail(c, err)
		return
	}
	q, err := e.r.AddQuery(c.Request.Context(), repository.NamedQuery{Name: in.Name, Owner: access.Of(c.Request.Context()).ID, Query: p})
	if err != nil {
		epcisFail(c, err)
		return
	}
	c.Header("Location", api.PathEPCISQueries+"/"+q.Name)
	answer(c, http.StatusCreated, queryOf(q))
}

func queryOf(q *repository.NamedQuery) map[string]any {
	params := make(map[string]any, len(q.Query.Params))
	for k, v := range q.Query.Params {
		params[k] = v
	}
	return map[string]any{"name": q.Name, "createdAt": tx.TimeOf(q.Created), "query": params}
}

func (e *epcisRoutes) queries(c *gin.Context) {
	n, err := limitOf(c)
	if err != nil {
		fail(c, err)
		return
	}
	all, err := e.r.Queries(c.Request.Context(), c.Query("nextPageToken"), n+1)
	if err != nil {
		epcisFail(c, err)
		return
	}
	if len(all) > n {
		next(c, all[n-1].Name)
		all = all[:n]
	}
	out := make([]map[string]any, len(all))
	for i, q := range all {
		out[i] = queryOf(q)
	}
	answer(c, http.StatusOK, out)
}

func (e *epcisRoutes) query(c *gin.Context) {
	q, err := e.r.Query(c.Request.Context(), c.Param("queryName"))
	if err != nil {
		epcisFail(c, err)
		return
	}
	answer(c, http.StatusOK, queryOf(q))
}

func (e *epcisRoutes) removeQuery(c *gin.Context) {
	if err := e.r.RemoveQuery(c.Request.Context(), owner(c.Request.Context()), c.Param("queryName")); err != nil {
		epcisFail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}

func (e *epcisRoutes) queryEvents(c *gin.Context) {
	named, err := e.r.Query(c.Request.Context(), c.Param("queryName"))
	var q *repository.Query
	if err == nil {
		q, err = named.Query.Parse()
	}
	if err != nil {
		epcisFail(c, err)
		return
	}
	e.find(c, named.Name, q)
}

// subscriptionOf is a subscription as it is answered.
func subscriptionOf(s *repository.Subscription) map[string]any {
	out := map[string]any{"subscriptionID": s.ID, "queryName": s.Query, "createdAt": tx.TimeOf(s.Created), "dest": s.Request.Dest, "reportIfEmpty": s.Request.ReportIfEmpty,
		"lastRun": tx.TimeOf(s.Last), "reports": s.Reports, "failures": s.Failures, "publicKey": s.Public}
	if s.Request.Schedule != nil {
		out["schedule"] = s.Request.Schedule
	} else {
		out["stream"] = true
	}
	if s.Reason != "" {
		out["reason"] = s.Reason
	}
	return out
}

func (e *epcisRoutes) subscribe(c *gin.Context) {
	var in repository.SubscriptionRequest
	if err := readJSON(c, &in); err != nil {
		fail(c, err)
		return
	}
	ctx := c.Request.Context()
	s, secret, err := e.r.Subscribe(ctx, access.Of(ctx).ID, reader(ctx), c.Param("queryName"), in)
	if err != nil {
		epcisFail(c, err)
		return
	}
	out := subscriptionOf(s)
	out["secret"] = secret
	c.Header("Location", api.PathEPCISQueries+"/"+s.Query+"/subscriptions/"+s.ID)
	answer(c, http.StatusCreated, out)
}

func (e *epcisRoutes) subscriptions(c *gin.Context) {
	ctx := c.Request.Context()
	all, err := e.r.Subscriptions(ctx, owner(ctx), c.Param("queryName"))
	if err != nil {
		epcisFail(c, err)
		return
	}
	out := make([]map[string]any, len(all))
	for i, s := range all {
		out[i] = subscriptionOf(s)
	}
	answer(c, http.StatusOK, out)
}

func (e *epcisRoutes) subscription(c *gin.Context) {
	ctx := c.Request.Context()
	s, err := e.r.Subscription(ctx, owner(ctx), c.Param("queryName"), c.Param("subscriptionID"))
	if err != nil {
		epcisFail(c, err)
		return
	}
	answer(c, http.StatusOK, subscriptionOf(s))
}

func (e *epcisRoutes) unsubscribe(c *gin.Context) {
	ctx := c.Request.Context()
	if err := e.r.Unsubscribe(ctx, owner(ctx), c.Param("queryName"), c.Param("subscriptionID")); err != nil {
		epcisFail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}

// eventTree makes the tree of a trace.events, if its events were captured here.
func (l *ledger) eventTree(ctx context.Context, id tx.ID, b *tx.Events) (*batch.Tree, error) {
	if t, ok := l.trees.get(b.Root); ok {
		return t, nil
	}
	var list []byte
	err := repository.ErrNoEvent
	if l.epcis != nil {
		list, err = l.epcis.List(ctx, id)
	}
	if errors.Is(err, repository.ErrNoEvent) {
		return nil, api.NewProblem(api.CodeNotFound, "the events were not captured here: whoever has them makes their receipts with zheng trace event receipt")
	}
	if err != nil {
		return nil, err
	}
	t, err := batch.Build(list)
	if err != nil {
		return nil, err
	}
	return l.trees.put(b.Root, t), nil
}
