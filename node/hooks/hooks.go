package hooks

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/node/events"
)

// Config are the settings of Hooks. The zero value of a field is its default.
type Config struct {
	// Path is the file.
	Path string
	// Key is that of LoadKey, from which secrets are made.
	Key []byte
	// Chain is the chain id.
	Chain string
	// Allow are addresses, besides those of the public internet, to which events
	// may be sent, also over plain http.
	Allow []netip.Prefix
	// GiveUp is how long a hook may fail before it is disabled. Default 72 h.
	GiveUp time.Duration
	// First and Longest bound the pause between attempts. Default 1 s and 10 min.
	First, Longest time.Duration
	Log            *slog.Logger          // nil: slog.Default()
	Metrics        prometheus.Registerer // nil: nobody sees them
}

// Hooks are the subscriptions of a gateway. Its methods are safe for concurrent use.
type Hooks struct {
	c       Config
	db      *db
	source  *events.Source
	target  *target
	posting chan struct{} // a token for each delivery under way
	count   *prometheus.CounterVec

	mu    sync.Mutex
	wakes map[string]chan struct{} // of the workers, by hook
	fresh chan struct{}            // capacity 1: the set of hooks changed
}

// Posting at once, and how long a secret that was replaced still signs.
const (
	maxPosting = 64
	oldSecrets = 24 * time.Hour
)

// Open opens the file of hooks, or makes it. Nothing is sent before Run.
func Open(c Config, s *events.Source) (*Hooks, error) {
	if c.GiveUp == 0 {
		c.GiveUp = 72 * time.Hour
	}
	if c.First == 0 {
		c.First = time.Second
	}
	if c.Longest == 0 {
		c.Longest = 10 * time.Minute
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Metrics == nil {
		c.Metrics = prometheus.NewRegistry()
	}
	k, err := newKey(c.Key, c.Chain)
	if err != nil {
		return nil, fmt.Errorf("hooks: %w", err)
	}
	h := &Hooks{
		c: c, source: s, target: newTarget(c.Allow), posting: make(chan struct{}, maxPosting),
		wakes: make(map[string]chan struct{}), fresh: make(chan struct{}, 1),
		count: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "zhenglian", Subsystem: "hooks", Name: "deliveries_total",
			Help: "Attempts to deliver an event, by outcome: ok, failed, disabled.",
		}, []string{"outcome"}),
	}
	if err := c.Metrics.Register(h.count); err != nil {
		return nil, fmt.Errorf("hooks: %w", err)
	}
	if h.db, err = openDB(c.Path, k); err != nil {
		return nil, fmt.Errorf("hooks: %w", err)
	}
	return h, nil
}

// Close closes the file. Run must have returned.
func (h *Hooks) Close() error { return h.db.sql.Close() }

// Add makes a hook. Its secret is told here and never again.
func (h *Hooks) Add(ctx context.Context, owner string, r api.HookRequest) (*api.HookSecret, error) {
	if err := h.target.validate(ctx, r.URL); err != nil {
		return nil, err
	}
	after := h.source.Now()
	if r.After != nil {
		after = *r.After
		if err := h.source.Check(after); err != nil {
			return nil, err
		}
	}
	r.After = nil // where it stands is kept apart
	k, err := h.db.add(ctx, owner, r, after)
	if err != nil {
		return nil, err
	}
	h.changed(k.ID)
	return &api.HookSecret{Hook: k.Hook, Secret: secretText(k.secrets[0])}, nil
}

// Get returns a hook of an owner, of anybody if owner is "".
func (h *Hooks) Get(ctx context.Context, owner, id string) (*api.Hook, error) {
	k, err := h.own(ctx, owner, id)
	if err != nil {
		return nil, err
	}
	return &k.Hook, nil
}

func (h *Hooks) own(ctx context.Context, owner, id string) (*hook, error) {
	k, err := h.db.get(ctx, id)
	if err == nil && owner != "" && k.Owner != owner {
		return nil, ErrNoHook // that there is one is nobody else's business
	}
	return k, err
}

// List returns the hooks of an owner, of everybody if owner is "", after an id.
func (h *Hooks) List(ctx context.Context, owner, after string, limit int) ([]api.Hook, error) {
	hooks, err := h.db.list(ctx, owner, after, limit)
	out := make([]api.Hook, len(hooks))
	for i, k := range hooks {
		out[i] = k.Hook
	}
	return out, err
}

// Remove ends a hook and forgets it.
func (h *Hooks) Remove(ctx context.Context, owner, id string) error {
	if _, err := h.own(ctx, owner, id); err != nil {
		return err
	}
	err := h.db.remove(ctx, id)
	h.changed(id)
	return err
}

// Enable has a hook go on where it stopped, at once.
func (h *Hooks) Enable(ctx context.Context, owner, id string) (*api.Hook, error) {
	if _, err := h.own(ctx, owner, id); err != nil {
		return nil, err
	}
	if err := h.db.enable(ctx, id); err != nil {
		return nil, err
	}
	h.changed(id)
	return h.Get(ctx, owner, id)
}

// Rotate gives a hook a new secret, which is told here. The one before signs
// beside it for a day.
func (h *Hooks) Rotate(ctx context.Context, owner, id string) (*api.HookSecret, error) {
	if _, err := h.own(ctx, owner, id); err != nil {
		return nil, err
	}
	if err := h.db.rotate(ctx, id, time.Now().Add(oldSecrets)); err != nil {
		return nil, err
	}
	k, err := h.db.get(ctx, id)
	if err != nil {
		return nil, err
	}
	h.changed(id)
	return &api.HookSecret{Hook: k.Hook, Secret: secretText(k.secrets[0])}, nil
}

// ErrRequest means that a request makes no sense.
var ErrRequest = errors.New("want event or after")

// Redeliver sends one event again, or goes back to a place.
func (h *Hooks) Redeliver(ctx context.Context, owner, id string, r api.RedeliverRequest) (*api.Hook, error) {
	if _, err := h.own(ctx, owner, id); err != nil {
		return nil, err
	}
	var err error
	switch {
	case (r.Event == nil) == (r.After == nil):
		return nil, ErrRequest
	case r.Event != nil:
		if _, err := h.event(*r.Event); err != nil {
			return nil, err
		}
		err = h.db.repeat(ctx, id, *r.Event)
	default:
		if err := h.source.Check(*r.After); err != nil {
			return nil, err
		}
		err = h.db.move(ctx, id, *r.After)
	}
	if err != nil {
		return nil, err
	}
	h.changed(id)
	return h.Get(ctx, owner, id)
}

// ErrNoEvent means that the chain has no event of that id.
var ErrNoEvent = errors.New("no such event")

func (h *Hooks) event(id api.EventID) (*api.Event, error) {
	if err := h.source.Check(id); err != nil || id.Index == api.EndOfBlock || id.Height == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNoEvent, id)
	}
	all, err := h.source.Block(id.Height)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].ID == id {
			return &all[i], nil
		}
	}
	return nil, fmt.Errorf("%w: %s", ErrNoEvent, id)
}

// Deliveries returns the log of a hook, newest first, before a number.
func (h *Hooks) Deliveries(ctx context.Context, owner, id string, before int64, limit int) ([]api.Delivery, error) {
	if _, err := h.own(ctx, owner, id); err != nil {
		return nil, err
	}
	if before == 0 {
		before = math.MaxInt64
	}
	return h.db.deliveries(ctx, id, before, limit)
}

// TestType is the type of the message that Test sends.
const TestType = "hook.test"

// Test sends a message that is no event, once and at once, and says how it went.
func (h *Hooks) Test(ctx context.Context, owner, id string) (*api.Delivery, error) {
	k, err := h.own(ctx, owner, id)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	body, err := json.Marshal(message{Type: TestType, Timestamp: tx.TimeOf(now), Data: json.RawMessage(`{"hook":"` + id + `"}`)})
	if err != nil {
		return nil, err
	}
	d := &api.Delivery{Message: "test_" + rand.Text(), Event: h.source.Now(), Type: TestType, Attempt: 1}
	h.post(ctx, k, d, body)
	return d, h.db.note(ctx, id, d)
}

// changed wakes the worker of a hook, or has one begin.
func (h *Hooks) changed(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w := h.wakes[id]; w != nil {
		select {
		case w <- struct{}{}:
		default:
		}
	}
	select {
	case h.fresh <- struct{}{}:
	default:
	}
}

// Run delivers until ctx ends, which is not an error.
func (h *Hooks) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	defer workers.Wait()
	for {
		hooks, err := h.db.list(ctx, "", "", maxHooks+1)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("hooks: %w", err)
		}
		for _, k := range hooks {
			if k.disabled {
				continue
			}
			h.mu.Lock()
			if h.wakes[k.ID] == nil {
				wake := make(chan struct{}, 1)
				h.wakes[k.ID] = wake
				workers.Go(func() { h.work(ctx, k.ID, wake) })
			}
			h.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-h.fresh:
		}
	}
}
