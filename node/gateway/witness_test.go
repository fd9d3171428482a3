package gateway

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"zhenglian/app/apptest"
	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/client/court"
	"zhenglian/node/witness"
)

func signerOf(t testing.TB, name string, alg byte, seed string) *witness.Signer {
	t.Helper()
	d := sha256.Sum256([]byte(seed))
	s, err := witness.NewSigner(name, alg, ed25519.NewKeyFromSeed(d[:]))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// outside is a witness that knows the log keys of some gateways.
type outside struct {
	*httptest.Server
	dir    string
	target witness.Target
}

func newWitness(t testing.TB, who string, gateways ...string) *outside {
	t.Helper()
	w := &outside{dir: t.TempDir()}
	var keys []string
	for _, g := range gateways {
		keys = append(keys, signerOf(t, apptest.ChainID, receipt.AlgLog, g).Key().String())
	}
	s := signerOf(t, who+".example/witness", receipt.AlgWitness, who)
	srv, err := witness.OpenServer(witness.ServerConfig{Dir: w.dir, Signer: s, Logs: []witness.Log{{Origin: apptest.ChainID, Keys: keys}}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w.Server = httptest.NewServer(srv)
	t.Cleanup(func() { w.Close(); srv.Close() })
	w.target = witness.Target{Name: who, Key: s.Key().String(), URL: w.URL}
	return w
}

// watched is a harness whose log witnesses are shown.
type watched struct {
	*harness
	collector *witness.Collector
	metrics   *prometheus.Registry
	config    witness.Config
}

func newWatched(t testing.TB, name string, peers []string, targets ...*outside) *watched {
	t.Helper()
	w := &watched{metrics: prometheus.NewRegistry()}
	logs := new(logBuffer)
	w.harness = newHarness(t, func(_ *Config, o *Options) {
		w.config = witness.Config{Ledger: o.Chain, Dir: t.TempDir(), Peers: peers, Metrics: w.metrics, Log: slog.New(slog.NewTextHandler(logs, nil))}
		w.config.Signer = signerOf(t, apptest.ChainID, receipt.AlgLog, name)
		for _, x := range targets {
			w.config.Targets = append(w.config.Targets, x.target)
		}
		var err error
		if w.collector, err = witness.OpenCollector(w.config); err != nil {
			t.Fatal(err)
		}
		o.Witness = w.collector
	})
	w.log = logs
	t.Cleanup(func() { w.collector.Close() })
	return w
}

func (w *watched) collect() {
	w.t.Helper()
	if err := w.collector.Collect(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

// enter has an envelope accepted, and proven by the next block.
func (w *watched) enter(e *tx.Envelope) {
	w.t.Helper()
	w.mu.Lock()
	w.auto = false
	w.mu.Unlock()
	if err := w.Submit(e.AppendWire(nil)); err != nil {
		w.t.Fatal(err)
	}
	w.block(2)
}

func fetch(t testing.TB, url string) []byte {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s %s %v", url, resp.Status, b, err)
	}
	return b
}

// gauge reads a metric without labels.
func (w *watched) gauge(name string) float64 {
	w.t.Helper()
	all, err := w.metrics.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range all {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	w.t.Fatalf("no metric %s", name)
	return 0
}

// The monitor of a public implementation follows our log from its signed checkpoint
// through every tile and entry, and finds each where the ledger has it.
func TestTorchwoodMonitorsOurLog(t *testing.T) {
	w := newWatched(t, "gateway a", nil)
	const entries = 260 // a full tile and a partial one
	for i := range entries {
		w.enter(w.seal(1000+i, complete3...))
	}
	w.collect()
	signed := fetch(t, w.http.URL+api.PathNote)
	vkey := w.config.Signer.Key().String()
	v, err := note.NewVerifier(vkey) // of the Go checksum database
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		t.Fatal(err)
	}
	policy, err := torchwood.ParsePolicy([]byte("log " + vkey + "\nquorum none\n"))
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := torchwood.VerifyCheckpoint(signed, policy)
	if err != nil || n.Text != c.String() || c.N < entries {
		t.Fatalf("checkpoint %q: %v", signed, err)
	}
	tiles, err := torchwood.NewTileFetcher(w.http.URL)
	if err != nil {
		t.Fatal(err)
	}
	client, err := torchwood.NewClient(tiles)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	seen := int64(0)
	for i, entry := range client.AllEntries(ctx, c.Tree, 0) {
		e, err := w.Store().View().Entry(uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		if want := append(binary.BigEndian.AppendUint64(nil, uint64(e.Height)), e.Envelope...); i != seen || !bytes.Equal(entry, want) {
			t.Fatalf("entry %d of %d is another one", i, seen)
		}
		seen++
	}
	if err := client.Err(); err != nil || seen != c.N {
		t.Fatalf("%d entries of %d: %v", seen, c.N, err)
	}
	for _, i := range []int64{0, 1, 255, 256, c.N - 1} {
		entry, proof, err := client.Entry(ctx, c.Tree, i)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(proof, c.N, c.Hash, i, tlog.RecordHash(entry)); err != nil {
			t.Errorf("entry %d: %v", i, err)
		}
	}
}

// Witnesses cosign what a gateway shows, receipts carry it, and the verifier's policy
// is met.
func TestReceiptsAreWitnessed(t *testing.T) {
	court1, notary := newWitness(t, "court", "gateway a", "gateway b"), newWitness(t, "notary", "gateway a")
	down := &outside{target: witness.Target{Name: "down", Key: signerOf(t, "down.example", receipt.AlgWitness, "down").Key().String(), URL: "http://127.0.0.1:1"}}
	w := newWatched(t, "gateway a", nil, court1, notary, down)
	e := w.seal(1, complete3...)
	w.enter(e)
	policy := func(quorum string) *receipt.WitnessPolicy {
		p, err := receipt.ParseWitnessPolicy(fmt.Appendf(nil, "witness court %s\nwitness notary %s\nwitness down %s\ngroup two 2 court notary down\nquorum %s\n",
			court1.target.Key, notary.target.Key, down.target.Key, quorum))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	url := w.http.URL + api.ReceiptURL(e.ID())
	verify := func(quorum string) receipt.Result {
		t.Helper()
		b := fetch(t, url)
		r, err := court.Verify(context.Background(), bytes.NewReader(b), int64(len(b)), w.trust, court.Options{Witnesses: policy(quorum)})
		if err != nil {
			t.Fatal(err)
		}
		return r.Sum().Check("witnesses").Result
	}
	if got := verify("two"); got != receipt.Fail {
		t.Errorf("before anybody saw the log: %s", got)
	}
	w.collect()
	if got := verify("two"); got != receipt.Pass {
		t.Errorf("two of three: %s", got)
	}
	if got := verify("down"); got != receipt.Fail {
		t.Errorf("one that is down: %s", got)
	}
	// The log grows; a receipt of before keeps the earliest cosignatures.
	first := fetch(t, url+"?at=entry")
	for i := range 5 {
		w.enter(w.seal(10+i, complete3...))
	}
	w.collect()
	w.collect()
	if !bytes.Equal(first, fetch(t, url+"?at=entry")) {
		t.Error("the receipt of an entry changes with later cosignatures")
	}
	if b := fetch(t, url+"?form=compact"); len(b) > 4096 {
		t.Errorf("the compact form has %d bytes", len(b))
	}
	// Another gateway of the ledger comes to the same witness, knowing nothing of its size.
	other := witness.Config{Ledger: w.testChain, Dir: t.TempDir(), Signer: signerOf(t, apptest.ChainID, receipt.AlgLog, "gateway b"), Targets: []witness.Target{court1.target, notary.target}, Log: slog.New(slog.DiscardHandler)}
	b, err := witness.OpenCollector(other)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	w.enter(w.seal(50, complete3...))
	if err := b.Collect(context.Background()); err != nil {
		t.Fatal(err)
	}
	st := b.Status().Witnesses
	if st[0].LogSize == 0 || st[0].Error != "" || !strings.Contains(st[1].Error, "403") {
		t.Errorf("second gateway: %+v", st)
	}
	var shown api.Witnesses
	if err := json.Unmarshal(fetch(t, w.http.URL+api.PathWitnesses), &shown); err != nil || len(shown.Witnesses) != 3 || shown.Witnesses[2].Error == "" || shown.LogKey != w.config.Signer.Key().String() {
		t.Errorf("%+v, %v", shown, err)
	}
	if w.gauge("zhenglian_witness_split_views") != 0 || w.gauge("zhenglian_witness_oldest_cosignature_seconds") != -1 || len(w.collector.Alarms()) != 0 {
		t.Error("an alarm without a reason")
	}
	signed := fetch(t, w.http.URL+api.PathNote)
	if cs, err := receipt.Cosignatures(signed); err != nil || len(cs) != 2 {
		t.Errorf("the checkpoint carries %d cosignatures: %v", len(cs), err)
	}
}

// The same validators run two ledgers of one name. The witness and the other gateway
// see it, and what they have is a proof for everybody.
func TestForkedLogRaisesAlarm(t *testing.T) {
	for _, c := range []struct {
		name           string
		before, behind int // entries of the log that the witness saw, and of the other one
	}{
		{"same size", 3, 3},
		{"longer", 3, 5},
		{"longer than a power of two", 4, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			seen := newWitness(t, "court", "gateway a", "gateway b")
			a := newWatched(t, "gateway a", nil, seen)
			fill := func(w *watched, first, n int) {
				for i := range n {
					w.enter(w.seal(first+i, complete3...))
				}
				w.collect()
			}
			fill(a, 100, c.before)
			b := newWatched(t, "gateway b", nil, seen)
			fill(b, 200, c.behind)
			alarms := b.collector.Alarms()
			if len(alarms) != 1 || alarms[0].Name == "" || b.gauge("zhenglian_witness_split_views") != 1 || !strings.Contains(b.log.String(), "SPLIT VIEW") {
				t.Fatalf("%d alarms\n%s", len(alarms), b.log)
			}
			b.collect()
			if n := len(b.collector.Alarms()); n != 1 {
				t.Errorf("%d alarms for one thing", n)
			}
			var page api.Page[api.Alarm]
			if err := json.Unmarshal(fetch(t, b.http.URL+api.PathAlarms), &page); err != nil || len(page.Data) != 1 || page.Data[0].Kind != api.AlarmSplitView {
				t.Fatalf("%d alarms, %v", len(page.Data), err)
			}
			// The proof convinces who trusts the validators, who signed both; of the witness's
			// view it takes the policy.
			policy, err := receipt.ParseWitnessPolicy([]byte("witness court " + seen.target.Key + "\nquorum court\nlog " + a.config.Signer.Key().String() + "\nlog " + b.config.Signer.Key().String() + "\n"))
			if err != nil {
				t.Fatal(err)
			}
			for _, doc := range [][]byte{page.Data[0].Proof, onlyFile(t, filepath.Join(b.config.Dir, "splits"))} {
				r, err := court.Verify(context.Background(), bytes.NewReader(doc), int64(len(doc)), b.trust, court.Options{Witnesses: policy})
				if err != nil || r.Sum().Verdict != receipt.Verified || r.Sum().Outcome != receipt.ForkDetected {
					t.Fatalf("%v\n%s", err, r.Text(receipt.EN))
				}
			}
			// The alarm outlives the process.
			again := b.config
			again.Metrics = nil
			k, err := witness.OpenCollector(again)
			if err != nil {
				t.Fatal(err)
			}
			defer k.Close()
			if n := len(k.Alarms()); n != 1 {
				t.Errorf("%d alarms after a restart", n)
			}
			// The witness holds a proof of its own, where the request proves one.
			kept, err := os.ReadDir(filepath.Join(seen.dir, "splits"))
			if err != nil {
				t.Fatal(err)
			}
			if c.before&(c.before-1) == 0 {
				return // a consistency proof from a power of two does not show the other beginning
			}
			if len(kept) != 1 {
				t.Fatalf("the witness keeps %d proofs", len(kept))
			}
			doc := onlyFile(t, filepath.Join(seen.dir, "splits"))
			if r := receipt.VerifySplit(doc, b.trust, policy); r.Verdict != receipt.Verified {
				t.Errorf("the witness's proof: %s", r.Text(receipt.EN))
			}
			if names := string(fetch(t, seen.URL+"/splits/")); names != kept[0].Name()+"\n" || !bytes.Equal(fetch(t, seen.URL+"/splits/"+kept[0].Name()), doc) {
				t.Errorf("the witness shows %q", names)
			}
		})
	}
}

// Gateways that agree raise no alarm, whoever is ahead; one that shows another log is
// convicted by the validators' signatures alone.
func TestPeersAreCompared(t *testing.T) {
	a := newWatched(t, "gateway a", nil)
	for i := range 3 {
		a.enter(a.seal(100+i, complete3...))
	}
	a.collect()
	config := a.config
	config.Dir, config.Metrics, config.Peers = t.TempDir(), nil, []string{a.http.URL, "http://127.0.0.1:1"}
	same, err := witness.OpenCollector(config)
	if err != nil {
		t.Fatal(err)
	}
	defer same.Close()
	if err := same.Collect(context.Background()); err != nil || len(same.Alarms()) != 0 {
		t.Errorf("the same log: %v, %+v", err, same.Alarms())
	}
	b := newWatched(t, "gateway b", []string{a.http.URL})
	for i := range 2 {
		b.enter(b.seal(200+i, complete3...))
	}
	b.collect()
	if n := len(b.collector.Alarms()); n != 0 {
		t.Errorf("%d alarms about a log that is ahead", n)
	}
	for i := range 2 {
		b.enter(b.seal(300+i, complete3...))
	}
	b.collect()
	alarms := b.collector.Alarms()
	if len(alarms) != 1 || !strings.Contains(alarms[0].Source, a.http.URL) {
		t.Fatalf("%d alarms", len(alarms))
	}
	r := receipt.VerifySplit(alarms[0].Proof, b.trust, nil)
	if r.Verdict != receipt.Verified || r.Outcome != receipt.ForkDetected {
		t.Error(r.Text(receipt.EN))
	}
}

func onlyFile(t testing.TB, dir string) []byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(names) != 1 {
		t.Fatalf("%s holds %v, %v", dir, names, err)
	}
	b, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clip(b)
}
