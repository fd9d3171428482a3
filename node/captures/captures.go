package captures

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/client/capture"
	"zhenglian/client/stamp"
	"zhenglian/node/access"
	"zhenglian/node/blob"
)

// Config are the settings of a Service.
type Config struct {
	// Dir is where the jobs are.
	Dir string

	// Running is how many captures run at once; default 1. A browser takes a few
	// hundred MB of memory and a processor.
	Running int

	// Waiting is how many may wait; more are refused. Default 64.
	Waiting int

	// Kept is how many may be kept that nobody has confirmed; default 256.
	Kept int

	// Keep is how long a capture is kept that nobody confirms, and the previews of one
	// that was confirmed; default 24 hours.
	Keep time.Duration

	// Limit is how long a capture may take in all; default 5 minutes.
	Limit time.Duration

	// Browser, AddressService, Resolvers, TimeServers and AllowNets are those of
	// capture.Options.
	Browser                string
	AddressService         string
	Resolvers, TimeServers []string
	AllowNets              []netip.Prefix

	// Authorities stamp the root of what is sealed; none: there are no time-stamps.
	Authorities []stamp.Authority

	// Version is that of the program.
	Version string

	Log *slog.Logger // nil: slog.Default()
}

func (c Config) withDefaults() Config {
	if c.Running == 0 {
		c.Running = 1
	}
	if c.Waiting == 0 {
		c.Waiting = 64
	}
	if c.Kept == 0 {
		c.Kept = 256
	}
	if c.Keep == 0 {
		c.Keep = 24 * time.Hour
	}
	if c.Limit == 0 {
		c.Limit = 5 * time.Minute
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// Errors that callers branch on.
var (
	ErrNotFound = errors.New("no such capture")
	ErrQueue    = errors.New("too many captures wait or are kept")
	ErrState    = errors.New("the capture is not in a state for this")
	ErrRequest  = errors.New("not a capture that can be made")
	ErrWaiver   = errors.New("the capturing environment failed, and nobody accepts that")
)

// A Service makes captures, one after the other.
type Service struct {
	conf  Config
	blobs blob.Store

	mu    sync.Mutex // guards what follows, and the jobs
	jobs  map[string]*job
	queue []*job
	wake  chan struct{} // holds a token when the queue may have something
}

// Open reads the jobs of a folder. It makes no captures before Run.
func Open(c Config, blobs blob.Store) (*Service, error) {
	s := &Service{conf: c.withDefaults(), blobs: blobs, jobs: make(map[string]*job), wake: make(chan struct{}, 1)}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("captures: %w", err)
	}
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("captures: %w", err)
	}
	for _, e := range entries {
		j, err := readJob(filepath.Join(c.Dir, e.Name()))
		if errors.Is(err, os.ErrNotExist) { // made, and nothing written yet
			err = os.RemoveAll(filepath.Join(c.Dir, e.Name()))
			j = nil
		}
		if err != nil {
			return nil, fmt.Errorf("captures: %w", err)
		}
		if j == nil {
			continue
		}
		switch j.State {
		case api.CaptureRunning:
			if err := s.end(j, api.CaptureInterrupted, "the gateway ended while it was running"); err != nil {
				return nil, fmt.Errorf("captures: %w", err)
			}
		case api.CaptureWaiting:
			s.queue = append(s.queue, j)
		}
		s.jobs[j.ID] = j
	}
	slices.SortFunc(s.queue, func(a, b *job) int { return a.Created.Time().Compare(b.Created.Time()) })
	s.wakeUp()
	return s, nil
}

func (s *Service) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run makes captures until ctx ends, and deletes what is old.
func (s *Service) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	slots := make(chan struct{}, s.conf.Running)
	sweep := time.NewTicker(min(s.conf.Keep, time.Hour) / 4)
	defer sweep.Stop()
	s.sweep(time.Now())
	for {
		select {
		case slots <- struct{}{}:
		case now := <-sweep.C:
			s.sweep(now)
			continue
		case <-ctx.Done():
			return nil
		}
		j := s.next()
		if j != nil {
			running.Go(func() {
				s.capture(ctx, j)
				<-slots
				s.wakeUp()
			})
			continue
		}
		<-slots
		select {
		case <-s.wake:
		case now := <-sweep.C:
			s.sweep(now)
		case <-ctx.Done():
			return nil
		}
	}
}

// next takes the job whose turn it is and says that it runs; nil: there is none.
func (s *Service) next() *job {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) > 0 {
		j := s.queue[0]
		s.queue = s.queue[1:]
		j.State = api.CaptureRunning
		if err := j.write(); err != nil {
			s.conf.Log.Error("capture cannot be noted", "capture", j.ID, "err", err)
			j.State, j.Error = api.CaptureFailed, "the gateway cannot write"
			j.changed()
			continue
		}
		for _, w := range s.queue {
			w.changed()
		}
		j.changed()
		return j
	}
	return nil
}

// capture runs a job to its end.
func (s *Service) capture(ctx context.Context, j *job) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.conf.Limit, fmt.Errorf("it took longer than %v", s.conf.Limit))
	defer cancel()
	s.mu.Lock()
	j.cancel = cancel
	o := j.options(s.conf)
	s.mu.Unlock()
	o.Progress = func(step string, done, total int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		j.Step, j.Done, j.Total = step, done, total
		j.changed()
	}
	r, err := capture.PageApart(ctx, o)
	cause := context.Cause(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	j.cancel = nil
	state, text := api.CaptureDone, ""
	switch {
	case s.jobs[j.ID] == nil: // abandoned meanwhile
		j.remove(s.conf.Log)
		return
	case err != nil && errors.Is(cause, context.Canceled): // the gateway ends
		state, text = api.CaptureInterrupted, "the gateway ended while it was running"
	case err != nil && cause != nil:
		state, text = api.CaptureFailed, cause.Error()
	case err != nil:
		state, text = api.CaptureFailed, err.Error()
	default:
		if err := j.take(r); err != nil {
			state, text = api.CaptureFailed, err.Error()
		}
	}
	if err := s.end(j, state, text); err != nil {
		s.conf.Log.Error("capture cannot be noted", "capture", j.ID, "err", err)
	}
	s.conf.Log.Info("capture ended", "capture", j.ID, "state", state, "outcome", j.Outcome)
}

// end notes that a job has ended. What a job left that did not end well goes.
func (s *Service) end(j *job, state, text string) error {
	now := time.Now()
	j.State, j.Error, j.Ended, j.Expires = state, text, tx.TimeOf(now), tx.TimeOf(now.Add(s.conf.Keep))
	j.Request.Steps = nil // they may hold what somebody types into a form; the evidence has what of it may be known
	var err error
	if state != api.CaptureDone {
		err = os.RemoveAll(j.files())
	}
	err = errors.Join(err, j.write())
	j.changed()
	return err
}

// sweep deletes what is past its time.
func (s *Service) sweep(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, j := range s.jobs {
		switch {
		case j.Expires == 0 || j.busy > 0 || now.Before(j.Expires.Time()):
		case j.State == api.CaptureConfirmed:
			if !j.Previews {
				continue
			}
			if err := os.RemoveAll(j.files()); err != nil {
				s.conf.Log.Warn("previews of a capture stay", "capture", id, "err", err)
				continue
			}
			j.Previews = false
			if err := j.write(); err != nil {
				s.conf.Log.Warn("capture cannot be noted", "capture", id, "err", err)
			}
			j.changed()
		default:
			delete(s.jobs, id)
			j.remove(s.conf.Log)
			j.changed()
			s.conf.Log.Info("capture deleted that nobody confirmed", "capture", id)
		}
	}
}

// Add asks for a capture in the name of p.
func (s *Service) Add(p *access.Principal, q api.CaptureRequest) (*api.Capture, error) {
	j := &job{ID: strings.ToLower(rand.Text()), Request: q, By: p.ID, Member: p.Member, moved: make(chan struct{})}
	j.dir = filepath.Join(s.conf.Dir, j.ID)
	j.State, j.Created = api.CaptureWaiting, tx.TimeOf(time.Now())
	if err := j.check(s.conf); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := 0
	for _, x := range s.jobs {
		if x.State != api.CaptureConfirmed {
			kept++
		}
	}
	if len(s.queue) >= s.conf.Waiting || kept >= s.conf.Kept {
		return nil, ErrQueue
	}
	if err := os.Mkdir(j.dir, 0o700); err != nil {
		return nil, err
	}
	if err := j.write(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(j.dir))
	}
	s.jobs[j.ID] = j
	s.queue = append(s.queue, j)
	s.wakeUp()
	return s.show(j), nil
}

// find returns a job that p may see.
func (s *Service) find(p *access.Principal, id string) (*job, error) {
	j := s.jobs[id]
	if j == nil || j.By != p.ID && (p.Member == "" || j.Member != p.Member) {
		return nil, ErrNotFound
	}
	return j, nil
}

// Get describes a capture, and says what is closed when it changes.
func (s *Service) Get(p *access.Principal, id string) (*api.Capture, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, err := s.find(p, id)
	if err != nil {
		return nil, nil, err
	}
	return s.show(j), j.moved, nil
}

// List describes the captures that p may see, newest first; with a case tag those of
// the case.
func (s *Service) List(p *access.Principal, caseTag string) []api.Capture {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []api.Capture{}
	for id := range s.jobs {
		if j, err := s.find(p, id); err == nil && (caseTag == "" || j.Request.CaseTag == caseTag) {
			c := s.show(j)
			c.Env, c.Files, c.Warnings = nil, nil, nil
			out = append(out, *c)
		}
	}
	slices.SortFunc(out, func(a, b api.Capture) int {
		if d := b.Created.Time().Compare(a.Created.Time()); d != 0 {
			return d
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out
}

// Abandon deletes a capture that was not confirmed, also one that is running.
func (s *Service) Abandon(p *access.Principal, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, err := s.find(p, id)
	if err != nil {
		return err
	}
	if j.State == api.CaptureConfirmed {
		return fmt.Errorf("%w: it was confirmed, and its files are kept", ErrState)
	}
	if j.busy > 0 {
		return fmt.Errorf("%w: it is being confirmed", ErrState)
	}
	delete(s.jobs, id)
	s.queue = slices.DeleteFunc(s.queue, func(x *job) bool { return x == j })
	if j.cancel != nil {
		j.cancel() // whoever runs it removes it
	} else {
		j.remove(s.conf.Log)
	}
	j.changed()
	return nil
}

// File opens an artefact.
func (s *Service) File(p *access.Principal, id string, d tx.Digest) (*os.File, *api.CaptureFile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, err := s.find(p, id)
	if err != nil {
		return nil, nil, err
	}
	i := slices.IndexFunc(j.Files, func(f api.CaptureFile) bool { return f.SHA256 == d })
	if i < 0 || !j.Previews {
		return nil, nil, ErrNotFound
	}
	f, err := os.OpenInRoot(j.files(), filepath.FromSlash(j.Files[i].Name))
	if err != nil {
		return nil, nil, err
	}
	file := j.Files[i]
	return f, &file, nil
}
