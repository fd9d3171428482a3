package witness

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"zhenglian/app/receipt"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// A Ledger is what a collector shows to witnesses. Its methods are safe for
// concurrent use.
type Ledger interface {
	ChainID() string
	Store() *store.Store
	SignedBlock(height int64) (receipt.SignedBlock, error)
}

// A Target is a witness that is asked for cosignatures.
type Target struct {
	Name string `json:"name"`
	Key  string `json:"key"` // vkey
	URL  string `json:"url"` // submission prefix
}

// Config is what a collector needs.
type Config struct {
	Ledger  Ledger
	Signer  *Signer // the gateway's log key
	Dir     string  // keeps what was cosigned, and proofs
	Targets []Target

	// Peers are the URLs of other members' gateways, whose logs are compared with ours.
	Peers []string

	// Every is the pause between two checkpoints; default 10 s. A log that did not grow
	// is shown again after Refresh, default 10 minutes.
	Every, Refresh time.Duration

	HTTP    *http.Client          // nil: one that gives up after 10 s
	Metrics prometheus.Registerer // nil: nobody sees them
	Log     *slog.Logger          // nil: slog.Default()
	Now     func() time.Time      // nil: time.Now
}

const tables = `
CREATE TABLE IF NOT EXISTS cosigned (
	size INTEGER PRIMARY KEY, -- of the log
	root BLOB NOT NULL,
	sigs INTEGER NOT NULL,    -- how many witnesses cosigned
	note TEXT NOT NULL        -- the signed checkpoint with their lines
);
CREATE INDEX IF NOT EXISTS cosigned_sigs ON cosigned (sigs, size);
`

// A Collector shows the newest proven log to witnesses and keeps their cosignatures.
type Collector struct {
	cfg     Config
	targets []*target
	db      *sql.DB

	mu     sync.Mutex
	signed []byte // the newest checkpoint with what cosignatures there are
	shown  receipt.Checkpoint
	alarms []api.Alarm
	splits prometheus.Gauge
}

// target is a witness and how far it is.
type target struct {
	Target
	key receipt.NoteKey

	mu    sync.Mutex
	size  uint64    // that it cosigned last, as far as we know
	at    time.Time // when it cosigned last; zero: never
	err   string    // of the last try, "": it went well
	asked *prometheus.CounterVec
}

// OpenCollector opens what was cosigned before.
func OpenCollector(c Config) (_ *Collector, err error) {
	if c.Every == 0 {
		c.Every = 10 * time.Second
	}
	if c.Refresh == 0 {
		c.Refresh = 10 * time.Minute
	}
	if c.HTTP == nil {
		c.HTTP = &http.Client{Timeout: 10 * time.Second}
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Metrics == nil {
		c.Metrics = prometheus.NewRegistry()
	}
	k := &Collector{cfg: c}
	if err := os.MkdirAll(filepath.Join(c.Dir, splitFolder), 0o700); err != nil {
		return nil, fmt.Errorf("witnesses: %w", err)
	}
	asked, err := k.metrics()
	if err != nil {
		return nil, fmt.Errorf("witnesses: %w", err)
	}
	names := map[string]bool{}
	for _, t := range c.Targets {
		key, err := receipt.ParseNoteKey(t.Key)
		if err != nil || !key.Witness() {
			return nil, fmt.Errorf("witness %q: %q is not the key of a witness: %w", t.Name, t.Key, err)
		}
		if names[t.Name] || t.Name == "" {
			return nil, fmt.Errorf("witness %q: its name is missing or occurs twice", t.Name)
		}
		names[t.Name] = true
		k.targets = append(k.targets, &target{Target: t, key: key, asked: asked})
	}
	path := filepath.Join(c.Dir, "cosigned.db")
	if k.db, err = sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(5000)"); err != nil {
		return nil, fmt.Errorf("witnesses: %w", err)
	}
	if _, err = k.db.Exec(tables); err != nil {
		return nil, errors.Join(fmt.Errorf("witnesses: %s: %w", path, err), k.db.Close())
	}
	if err := k.loadAlarms(); err != nil {
		return nil, errors.Join(fmt.Errorf("witnesses: %w", err), k.db.Close())
	}
	return k, nil
}

// Close closes the database.
func (k *Collector) Close() error { return k.db.Close() }

func (k *Collector) metrics() (*prometheus.CounterVec, error) {
	k.splits = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "zhenglian", Subsystem: "witness", Name: "split_views",
		Help: "Alarms that the ledger shows different logs; anything but 0 wants a look at once.",
	})
	asked := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "zhenglian", Subsystem: "witness", Name: "requests_total",
		Help: "Checkpoints shown to witnesses, by witness and outcome.",
	}, []string{"witness", "outcome"})
	age := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "zhenglian", Subsystem: "witness", Name: "oldest_cosignature_seconds",
		Help: "Age of the last cosignature of the witness that has been silent longest; -1: one never cosigned; 0: there are no witnesses.",
	}, func() float64 {
		oldest := 0.0
		for _, t := range k.targets {
			t.mu.Lock()
			at := t.at
			t.mu.Unlock()
			if at.IsZero() {
				return -1
			}
			oldest = max(oldest, k.cfg.Now().Sub(at).Seconds())
		}
		return oldest
	})
	for _, c := range []prometheus.Collector{k.splits, asked, age} {
		if err := k.cfg.Metrics.Register(c); err != nil {
			return nil, err
		}
	}
	return asked, nil
}

// Run collects until ctx ends. What goes wrong is logged and tried again.
func (k *Collector) Run(ctx context.Context) error {
	tick := time.NewTicker(k.cfg.Every)
	defer tick.Stop()
	for {
		if err := k.Collect(ctx); err != nil && ctx.Err() == nil {
			k.cfg.Log.Warn("collecting cosignatures", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Collect shows the newest proven log to every witness once, and compares it with
// what the peers show.
func (k *Collector) Collect(ctx context.Context) error {
	head, v, err := newest(k.cfg.Ledger)
	if err != nil || head == nil || head.LogSize == 0 {
		return err
	}
	c := receipt.Checkpoint{Origin: head.Chain, Size: head.LogSize, Root: head.LogRoot}
	if err := k.show(c); err != nil {
		return err
	}
	var all sync.WaitGroup
	for _, t := range k.targets {
		if t.fresh(c.Size, k.cfg.Now(), k.cfg.Refresh) {
			continue
		}
		all.Go(func() { k.ask(ctx, t, c, head, v) })
	}
	for _, p := range k.cfg.Peers {
		all.Go(func() { k.compare(ctx, p, head, v) })
	}
	all.Wait()
	return nil
}

// newest is the newest log that a block proves; nil when there is none yet.
func newest(l Ledger) (*receipt.StateHead, *store.View, error) {
	last, ok := l.Store().Head()
	if !ok || last.Height < 1 {
		return nil, nil, nil
	}
	height := last.Height
	b, err := l.SignedBlock(height + 1)
	if err != nil && height > 1 { // it is not decided yet: the one before is
		height--
		b, err = l.SignedBlock(height + 1)
	}
	if err != nil {
		return nil, nil, nil
	}
	v, err := l.Store().At(height)
	if err != nil {
		return nil, nil, err
	}
	h := v.Head()
	return &receipt.StateHead{V: receipt.Version, Chain: l.ChainID(), Height: h.Height, LogSize: h.LogSize,
		LogRoot: tx.Digest(h.LogRoot), StateRoot: tx.Digest(h.StateRoot), Block: b}, v, nil
}

// show makes c the newest checkpoint, signed by the log.
func (k *Collector) show(c receipt.Checkpoint) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.shown == c {
		return nil
	}
	k.shown, k.signed = c, k.cfg.Signer.Sign(c)
	return nil
}

func (t *target) fresh(size uint64, now time.Time, refresh time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err == "" && t.size == size && now.Sub(t.at) < refresh
}

// tries bounds the requests for one cosignature: another gateway may bring its
// checkpoint in between.
const tries = 4

// ask asks one witness for its cosignature of c.
func (k *Collector) ask(ctx context.Context, t *target, c receipt.Checkpoint, head *receipt.StateHead, v *store.View) {
	t.mu.Lock()
	old := min(t.size, c.Size)
	t.mu.Unlock()
	req := &Request{Note: k.cfg.Signer.Sign(c)}
	var err error
	for range tries {
		var proof []store.Hash
		if proof, err = v.Consistency(old); err != nil {
			break
		}
		req.Old, req.Consistency = old, make([]tx.Digest, len(proof))
		for i := range proof {
			req.Consistency[i] = tx.Digest(proof[i])
		}
		var cs []receipt.Cosignature
		cs, err = Submit(ctx, k.cfg.HTTP, t.URL, t.key, req)
		conflict := (*Conflict)(nil)
		switch {
		case err == nil:
			if err = k.keep(c, cs); err == nil {
				t.done(c.Size, k.cfg.Now())
				return
			}
		case errors.As(err, &conflict) && conflict.Size > c.Size:
			err = nil // another gateway is ahead of us: what it showed we prove when we are there
			t.asked.WithLabelValues(t.Name, "ahead").Inc()
			return
		case errors.As(err, &conflict) && conflict.Size != old:
			old = conflict.Size
			continue
		case errors.Is(err, ErrInconsistent):
			k.disputed(ctx, t, head, v, err)
		}
		break
	}
	if ctx.Err() != nil {
		return
	}
	t.asked.WithLabelValues(t.Name, "error").Inc()
	t.mu.Lock()
	t.err = err.Error()
	t.mu.Unlock()
	k.cfg.Log.Warn("a witness did not cosign", "witness", t.Name, "size", c.Size, "err", err)
}

func (t *target) done(size uint64, at time.Time) {
	t.asked.WithLabelValues(t.Name, "cosigned").Inc()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.size, t.at, t.err = size, at, ""
}

// keep adds cosignatures to what is kept of a checkpoint.
func (k *Collector) keep(c receipt.Checkpoint, cs []receipt.Cosignature) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	note := ""
	err := k.db.QueryRow(`SELECT note FROM cosigned WHERE size = ? AND root = ?`, int64(c.Size), c.Root[:]).Scan(&note)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		note = string(k.cfg.Signer.Sign(c))
	case err != nil:
		return fmt.Errorf("read cosignatures: %w", err)
	}
	had, err := receipt.Cosignatures([]byte(note))
	if err != nil {
		return err
	}
	for i := range cs {
		for j := range had {
			if had[j].Name == cs[i].Name && string(had[j].Sig[:4]) == string(cs[i].Sig[:4]) {
				// The first one proves more: it is older.
				cs[i].Sig = nil
			}
		}
		if cs[i].Sig != nil {
			note += cs[i].Line()
			had = append(had, cs[i])
		}
	}
	if _, err := k.db.Exec(`INSERT INTO cosigned (size, root, sigs, note) VALUES (?, ?, ?, ?)
		ON CONFLICT (size) DO UPDATE SET root = excluded.root, sigs = excluded.sigs, note = excluded.note`,
		int64(c.Size), c.Root[:], len(had), note); err != nil {
		return fmt.Errorf("keep cosignatures: %w", err)
	}
	if k.shown == c {
		k.signed = []byte(note)
	}
	return nil
}

// Sign is a checkpoint of the log as a note that the gateway answers for.
func (k *Collector) Sign(size uint64, root tx.Digest) []byte {
	return k.cfg.Signer.Sign(receipt.Checkpoint{Origin: k.cfg.Ledger.ChainID(), Size: size, Root: root})
}

// Checkpoint is the newest checkpoint as a signed note, with the cosignatures that
// there are; nil before the first.
func (k *Collector) Checkpoint() []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.signed
}

// Witnessed returns, for a log of size entries, the checkpoint that the most witnesses
// cosigned, the earliest of those, and its cosignatures. nil: there is none.
// Its Consistency is for the caller to fill in.
func (k *Collector) Witnessed(size uint64) (*receipt.Witnessed, error) {
	if len(k.targets) == 0 {
		return nil, nil
	}
	var note string
	err := k.db.QueryRow(`SELECT note FROM cosigned WHERE size >= ? ORDER BY sigs DESC, size ASC LIMIT 1`, int64(size)).Scan(&note)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read cosignatures: %w", err)
	}
	c, _, err := receipt.OpenCheckpoint([]byte(note), nil)
	if err != nil {
		return nil, err
	}
	w := &receipt.Witnessed{LogSize: c.Size, LogRoot: c.Root}
	if w.Cosignatures, err = receipt.Cosignatures([]byte(note)); err != nil || len(w.Cosignatures) == 0 {
		return nil, err
	}
	return w, nil
}

// Status says who the witnesses are and how far they came.
func (k *Collector) Status() *api.Witnesses {
	s := &api.Witnesses{LogKey: k.cfg.Signer.key.String(), Witnesses: []api.Witness{}}
	for _, t := range k.targets {
		t.mu.Lock()
		w := api.Witness{Name: t.Name, Key: t.Key, URL: t.URL, LogSize: t.size, Error: t.err}
		if !t.at.IsZero() {
			w.At = tx.TimeOf(t.at)
		}
		t.mu.Unlock()
		s.Witnesses = append(s.Witnesses, w)
	}
	return s
}

// Alarms are the split views that were seen, the oldest first.
func (k *Collector) Alarms() []api.Alarm {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]api.Alarm{}, k.alarms...)
}

// disputed looks into why a witness says that our log did not grow from the one that
// it saw: with its last note at hand, the contradiction is a proof.
func (k *Collector) disputed(ctx context.Context, t *target, head *receipt.StateHead, v *store.View, why error) {
	a := api.Alarm{Kind: api.AlarmSplitView, Source: "witness " + t.Name, At: tx.TimeOf(k.cfg.Now()), LogSize: head.LogSize, LogRoot: head.LogRoot, Detail: why.Error()}
	note, err := k.get(ctx, t.URL, "/checkpoint/"+originName(head.Chain), maxNote)
	if err == nil {
		var by []receipt.NoteKey
		if _, by, err = receipt.OpenCheckpoint(note, []receipt.NoteKey{t.key}); err == nil && len(by) == 1 {
			var agree bool
			if agree, err = k.contradict(&a, receipt.View{Note: note}, head, v); agree {
				return // the witness was at a larger size, or erred; it says so again if it means it
			}
		}
	}
	if err != nil {
		a.Detail += "; no proof: " + err.Error()
	}
	k.raise(a)
}

// compare looks at what another member's gateway shows.
func (k *Collector) compare(ctx context.Context, url string, head *receipt.StateHead, v *store.View) {
	b, err := k.get(ctx, url, api.PathCheckpoint, 4<<20)
	var cp api.Checkpoint
	if err == nil {
		err = json.Unmarshal(b, &cp)
	}
	if err != nil {
		k.cfg.Log.Debug("a peer's checkpoint could not be read", "peer", url, "err", err)
		return
	}
	if cp.Chain != head.Chain || cp.LogSize == 0 || cp.Signed == "" {
		return
	}
	view := receipt.View{Note: []byte(cp.Signed)}
	if theirs, err := headOf(&cp); err == nil {
		if c, err := view.Checkpoint(); err == nil && c.Size == theirs.LogSize && c.Root == theirs.LogRoot {
			view.Head = theirs
		}
	}
	a := api.Alarm{Kind: api.AlarmSplitView, Source: "gateway " + url, At: tx.TimeOf(k.cfg.Now()), LogSize: head.LogSize, LogRoot: head.LogRoot, Detail: "it shows another log"}
	agree, err := k.contradict(&a, view, head, v)
	if agree {
		return
	}
	if err != nil {
		k.cfg.Log.Debug("a peer's checkpoint could not be compared", "peer", url, "err", err)
		return
	}
	k.raise(a)
}

// headOf is the proof that comes with a checkpoint.
func headOf(cp *api.Checkpoint) (*receipt.StateHead, error) {
	b, err := json.Marshal(map[string]any{"block": cp.Block, "chain": cp.Chain, "height": cp.Height, "log_root": cp.LogRoot,
		"log_size": cp.LogSize, "state_root": cp.StateRoot, "v": receipt.Version})
	if err != nil {
		return nil, err
	}
	return receipt.ParseStateHead(b)
}

// contradict compares another view with our log. When they contradict each other it
// makes the proof, writes it down and puts it into the alarm; otherwise they agree,
// as far as that can be said.
func (k *Collector) contradict(a *api.Alarm, other receipt.View, head *receipt.StateHead, v *store.View) (agree bool, err error) {
	c, err := other.Checkpoint()
	if err != nil {
		return false, err
	}
	if c.Size == 0 || c.Size > head.LogSize {
		return true, nil
	}
	ours, err := v.RootOf(c.Size)
	if err != nil {
		return false, err
	}
	if tx.Digest(ours) == c.Root {
		return true, nil
	}
	proof, err := v.Consistency(c.Size)
	if err != nil {
		return false, err
	}
	var ds []tx.Digest
	for _, h := range proof {
		ds = append(ds, tx.Digest(h))
	}
	if c.Size == head.LogSize {
		ds = nil
	}
	mine := receipt.View{Note: k.cfg.Signer.Sign(receipt.Checkpoint{Origin: head.Chain, Size: head.LogSize, Root: head.LogRoot}), Head: head}
	split, err := receipt.NewSplit(other, mine, tx.Digest(ours), ds)
	if err != nil {
		return false, err
	}
	a.OtherSize, a.OtherRoot = c.Size, c.Root
	if a.Name, err = keepSplit(filepath.Join(k.cfg.Dir, splitFolder), split); err != nil {
		k.cfg.Log.Error("the proof of a split view could not be kept", "err", err)
	}
	if a.Proof, err = split.MarshalJSON(); err != nil {
		return false, err
	}
	return false, nil
}

// maxAlarms bounds the alarms that are kept; one wants a look at once.
const maxAlarms = maxSplits

// raise tells of an alarm, once.
func (k *Collector) raise(a api.Alarm) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range k.alarms {
		if o := &k.alarms[i]; o.Name != "" && o.Name == a.Name || o.Name == a.Name && o.Source == a.Source {
			return
		}
	}
	if len(k.alarms) >= maxAlarms {
		return
	}
	k.alarms = append(k.alarms, a)
	k.splits.Set(float64(len(k.alarms)))
	k.cfg.Log.Error("SPLIT VIEW: "+a.Source+" knows another log than ours", "size", a.LogSize, "root", a.LogRoot.String(),
		"other_size", a.OtherSize, "other_root", a.OtherRoot.String(), "proof", a.Name, "detail", a.Detail)
}

// loadAlarms takes up the proofs of before.
func (k *Collector) loadAlarms() error {
	dir := filepath.Join(k.cfg.Dir, splitFolder)
	names, err := splitNames(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		s, err := receipt.ParseSplit(b)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		a, b1 := s.First, s.Second
		first, err1 := a.Checkpoint()
		second, err2 := b1.Checkpoint()
		if err := errors.Join(err1, err2); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		alarm := api.Alarm{Kind: api.AlarmSplitView, Name: name, Source: "kept from before", At: tx.TimeOf(info.ModTime()),
			LogSize: second.Size, LogRoot: second.Root, OtherSize: first.Size, OtherRoot: first.Root, Detail: "the proof is kept until somebody takes it away"}
		if alarm.Proof, err = s.MarshalJSON(); err != nil {
			return err
		}
		k.alarms = append(k.alarms, alarm)
	}
	k.splits.Set(float64(len(k.alarms)))
	return nil
}

// get reads a small answer.
func (k *Collector) get(ctx context.Context, base, path string, max int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base, "/")+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := k.cfg.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", path, resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, max))
}
