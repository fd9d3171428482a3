package repository

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"zhenglian/app/tx"
	"zhenglian/client/epcis"
)

// Bounds of captures.
const (
	jobsKept  = 30 * 24 * time.Hour // that are done
	jobFaults = 1000                // told of one
	pause     = 200 * time.Millisecond
	tries     = 30 // of a job whose ledger does not answer
)

// A Request asks for a capture.
type Request struct {
	Owner    string // who captures: an id fit for a log
	Member   tx.MemberID
	Proceed  bool // take the good events of a document that has bad ones
	Readers  Readers
	Anchor   tx.ID // the statement; zero: the gateway's account states the root
	Document []byte
}

// A Job is a capture and what has become of it.
type Job struct {
	ID       string
	Owner    string
	Created  time.Time
	Finished time.Time // zero: it is not done
	Proceed  bool
	Readers  string
	Anchor   tx.ID // zero until it is known
	Total    int   // events of the document
	Captured int
	Faults   []epcis.Fault
}

// Success reports whether a job that is done did what was asked: everything, or
// with Proceed something.
func (j *Job) Success() bool {
	return !j.Finished.IsZero() && j.Captured > 0 && (j.Proceed || len(j.Faults) == 0)
}

// Errors of captures.
var (
	ErrNoJob = errors.New("no such capture")
	ErrBusy  = errors.New("too many captures wait")
)

// Capture takes a request in: it is done in the order of arrival, also after a
// restart.
func (r *Repository) Capture(ctx context.Context, q Request) (*Job, error) {
	if len(r.queue) >= maxQueue {
		return nil, ErrBusy
	}
	id := "cap_" + strings.ToLower(rand.Text()[:20])
	now := time.Now()
	anchor := []byte{}
	if !q.Anchor.IsZero() {
		anchor = q.Anchor[:]
	}
	if _, err := r.write.ExecContext(ctx, "INSERT INTO jobs (id, created, owner, proceed, readers, anchor, document) VALUES (?, ?, ?, ?, ?, ?, ?)",
		id, now.UnixMilli(), q.Owner, q.Proceed, q.Readers.String(), anchor, q.Document); err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.done[id] = make(chan struct{})
	r.mu.Unlock()
	select {
	case r.queue <- id:
	default: // Run finds it when there is room
	}
	return &Job{ID: id, Owner: q.Owner, Created: now, Proceed: q.Proceed, Readers: q.Readers.String(), Anchor: q.Anchor}, nil
}

// Wait returns a job when it is done, or as it is when ctx ends.
func (r *Repository) Wait(ctx context.Context, id string) (*Job, error) {
	r.mu.Lock()
	done := r.done[id]
	r.mu.Unlock()
	if done != nil {
		select {
		case <-done:
		case <-ctx.Done():
		}
	}
	return r.Job(context.WithoutCancel(ctx), id)
}

const jobColumns = "id, created, finished, owner, proceed, readers, anchor, total, captured, faults"

func scanJob(rows interface{ Scan(...any) error }) (*Job, error) {
	var (
		j                 Job
		created, finished int64
		anchor            []byte
		faults            string
	)
	err := rows.Scan(&j.ID, &created, &finished, &j.Owner, &j.Proceed, &j.Readers, &anchor, &j.Total, &j.Captured, &faults)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNoJob
	}
	if err != nil {
		return nil, err
	}
	copy(j.Anchor[:], anchor)
	j.Created = time.UnixMilli(created).UTC()
	if finished > 0 {
		j.Finished = time.UnixMilli(finished).UTC()
	}
	return &j, json.Unmarshal([]byte(faults), &j.Faults)
}

// Job returns a capture.
func (r *Repository) Job(ctx context.Context, id string) (*Job, error) {
	return scanJob(r.read.QueryRowContext(ctx, "SELECT "+jobColumns+" FROM jobs WHERE id = ?", id))
}

// Jobs returns the captures of an owner, of everybody if owner is "", newest first,
// before one.
func (r *Repository) Jobs(ctx context.Context, owner, before string, limit int) ([]*Job, error) {
	rows, err := r.read.QueryContext(ctx, "SELECT "+jobColumns+` FROM jobs WHERE (? = '' OR owner = ?)
		AND (? = '' OR (created, id) < (SELECT created, id FROM jobs WHERE id = ?)) ORDER BY created DESC, id DESC LIMIT ?`, owner, owner, before, before, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []*Job
	for rows.Next() {
		j, err := scanJob(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, j)
	}
	return out, rows.Err()
}

// Run does captures and sends reports until ctx ends, which is not an error.
func (r *Repository) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { r.reports(ctx) })
	for range r.c.Workers {
		all.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case id := <-r.queue:
					r.work(ctx, id)
				}
			}
		})
	}
	// What was not done when the process ended, and what found no room.
	look := time.NewTicker(time.Minute)
	defer look.Stop()
	before := time.Now()
	for {
		if err := r.requeue(ctx, before); err != nil && ctx.Err() == nil {
			return fmt.Errorf("EPCIS repository: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
			before = time.Now().Add(-10 * time.Minute)
		}
	}
}

// requeue puts jobs from before a time in the queue that are not done.
func (r *Repository) requeue(ctx context.Context, before time.Time) error {
	rows, err := r.read.QueryContext(ctx, "SELECT id FROM jobs WHERE finished = 0 AND created < ? ORDER BY created", before.UnixMilli())
	if err != nil {
		return err
	}
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return errors.Join(err, rows.Close())
		}
		ids = append(ids, id)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, id := range ids {
		select {
		case r.queue <- id:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// work does a job, and tries again what fails for reasons of ours.
func (r *Repository) work(ctx context.Context, id string) {
	for n := 1; ctx.Err() == nil; n++ {
		err := r.do(ctx, id)
		if err == nil || ctx.Err() != nil {
			return
		}
		r.c.Log.Warn("a capture goes on", "capture", id, "try", n, "err", err)
		if n == tries {
			if err := r.finish(ctx, id, 0, 0, tx.ID{}, []epcis.Fault{{Reason: "the ledger did not take the statement; send the document again"}}); err != nil {
				r.c.Log.Error("a capture cannot be ended", "capture", id, "err", err)
			}
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(n) * pause):
		}
	}
}

// do does a job. An error is of ours: the job is not done.
func (r *Repository) do(ctx context.Context, id string) error {
	var (
		document, anchor, envelope []byte
		readersText                string
		proceed                    bool
		finished                   int64
	)
	err := r.write.QueryRowContext(ctx, "SELECT document, anchor, envelope, readers, proceed, finished FROM jobs WHERE id = ?", id).
		Scan(&document, &anchor, &envelope, &readersText, &proceed, &finished)
	if err != nil {
		return err
	}
	if finished > 0 {
		return nil
	}
	readers, err := ParseReaders(readersText)
	if err != nil {
		return err
	}
	fail := func(total int, faults ...epcis.Fault) error { return r.finish(ctx, id, total, 0, tx.ID{}, faults) }

	select {
	case r.cpu <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	c, err := epcis.ReadCapture(document)
	var list []byte
	if err == nil && len(c.Events) > 0 && (len(c.Faults) == 0 || proceed) {
		list = leaves(c.Events)
	}
	<-r.cpu
	if err != nil {
		return fail(0, epcis.Fault{Reason: err.Error()})
	}
	if list == nil {
		return fail(c.Total, c.Faults...)
	}
	tree, err := treeOf(list)
	if err != nil {
		return err
	}
	b := &Batch{Readers: readers, Context: c.Context, Events: c.Events}
	body := &tx.Events{Count: int64(len(c.Events)), Root: tree}
	if len(anchor) > 0 {
		copy(b.Statement[:], anchor)
		m, stated, err := r.ledger.Anchored(ctx, b.Statement)
		switch {
		case errors.Is(err, ErrNotAnchored):
			return fail(c.Total, append(c.Faults, epcis.Fault{Reason: fmt.Sprintf("statement %s: %v", b.Statement, err)})...)
		case err != nil:
			return err
		case *stated != *body:
			return fail(c.Total, append(c.Faults, epcis.Fault{Reason: fmt.Sprintf("the statement is of %d events with the root %s; those that would be captured are %d with the root %s",
				stated.Count, stated.Root, body.Count, body.Root)})...)
		}
		b.Member = m
	} else {
		if envelope == nil { // signed once: after a restart the same statement is entered again
			e, err := r.ledger.Sign(ctx, body)
			if errors.Is(err, ErrNoAccount) {
				return fail(c.Total, epcis.Fault{Reason: err.Error() + ": name a statement, as zheng trace event capture does"})
			}
			if err != nil {
				return err
			}
			envelope = e.AppendWire(nil)
			if _, err := r.write.ExecContext(ctx, "UPDATE jobs SET envelope = ? WHERE id = ?", envelope, id); err != nil {
				return err
			}
		}
		e, err := tx.ParseEnvelope(envelope)
		if err != nil {
			return err
		}
		err = r.ledger.Enter(ctx, e)
		var refused *tx.Error
		if errors.As(err, &refused) {
			return fail(c.Total, append(c.Faults, epcis.Fault{Reason: "the ledger refused the statement: " + refused.Error()})...)
		}
		if err != nil {
			return err
		}
		s, err := tx.ParseStatement(e.Payload)
		if err != nil {
			return err
		}
		b.Statement, b.Member = e.ID(), s.Member
	}
	if err := r.add(ctx, b, list); err != nil {
		return err
	}
	return r.finish(ctx, id, c.Total, len(c.Events), b.Statement, c.Faults)
}

// leaves is the list of the leaves of events.
func leaves(events []epcis.Event) []byte {
	list := make([]byte, 0, len(events)*sha256.Size)
	for i := range events {
		l := events[i].Leaf()
		list = append(list, l[:]...)
	}
	return list
}

// finish ends a job.
func (r *Repository) finish(ctx context.Context, id string, total, captured int, anchor tx.ID, faults []epcis.Fault) error {
	if len(faults) > jobFaults {
		faults = append(faults[:jobFaults:jobFaults], epcis.Fault{Reason: fmt.Sprintf("and %d more", len(faults)-jobFaults)})
	}
	if faults == nil {
		faults = []epcis.Fault{}
	}
	told, err := json.Marshal(faults)
	if err != nil {
		return err
	}
	statement := []byte{}
	if !anchor.IsZero() {
		statement = anchor[:]
	}
	if _, err := r.write.ExecContext(ctx, "UPDATE jobs SET finished = ?, total = ?, captured = ?, anchor = ?, faults = ?, document = NULL, envelope = NULL WHERE id = ?",
		time.Now().UnixMilli(), total, captured, statement, string(told), id); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if done := r.done[id]; done != nil {
		close(done)
		delete(r.done, id)
	}
	return nil
}
