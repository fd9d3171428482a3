package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/privval"
	cmttypes "github.com/cometbft/cometbft/types"
	"golang.org/x/sync/errgroup"

	"zhenglian/genesis"
	"zhenglian/node"
)

// validatorArg, as the first argument, makes the program a validator.
const validatorArg = "validator"

// setupLimit bounds everything in a run that is not measured: start, connection,
// first block, stop.
const setupLimit = 60 * time.Second

// exhaustLimit bounds the measured part of a run that exhausts a pool.
const exhaustLimit = 30 * time.Minute

// network runs validators as child processes on this machine.
type network struct {
	name       string // of what is measured
	validators int
	subject    string
	sigs       int
	spec       spec // the parts common to all validators
	progress   io.Writer
	profile    string // folder for profiles of validator 0, when it is the subject's; empty: none

	// clients, when not nil, loads the gateways while the validators measure.
	clients func(ctx context.Context, urls []string) error

	// inspect, when not nil, looks at the homes after the validators have stopped.
	inspect func(homes []string) error

	workload Workload
	keys     []ed25519.PrivKey // of the validators, the same in every run: see open
	dir      string
	pools    []string
	runs     int
}

// validatorPower is the power of each validator, the same in every run as in open.
const validatorPower = 10

// open makes the transactions, which all runs share.
func (n *network) open(txs int) (err error) {
	if n.workload, err = workloads[n.subject](n.sigs); err != nil {
		return err
	}
	// Transactions may be about the beginning of their chain, so the validators of
	// all runs are known before the first transaction is made.
	var vals []cmttypes.GenesisValidator
	for i := range n.validators {
		k := ed25519.GenPrivKeyFromSecret(fmt.Appendf(nil, "benchmark validator %d", i))
		n.keys = append(n.keys, k)
		vals = append(vals, cmttypes.GenesisValidator{Address: k.PubKey().Address(), PubKey: k.PubKey(), Power: validatorPower})
	}
	if _, err := n.genesis(vals, false); err != nil {
		return err
	}
	if n.dir, err = os.MkdirTemp("", "zhenglian-bench-"); err != nil {
		return err
	}
	for i := range n.validators {
		n.pools = append(n.pools, filepath.Join(n.dir, fmt.Sprintf("pool%d", i)))
	}
	told := time.Now()
	err = writePools(n.workload, txs, n.pools, func(made int) {
		if made == txs || time.Since(told) > 10*time.Second {
			fmt.Fprintf(n.progress, "%s %d of %d transactions made\n", n.name, made, txs)
			told = time.Now()
		}
	})
	if err != nil {
		n.close()
	}
	return err
}

func (n *network) close() { os.RemoveAll(n.dir) }

// limit bounds a run, measurement and all.
func (n *network) limit() time.Duration {
	d := setupLimit + n.spec.Warm + n.spec.Window + time.Duration(n.spec.Samples)*time.Second
	switch n.spec.Mode {
	case exhaust:
		d += exhaustLimit
	case serve, steady:
		d += 2 * patience
	}
	return d
}

// run measures once, on a new chain.
func (n *network) run(ctx context.Context, ceiling bool) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, n.limit())
	defer cancel()
	n.runs++
	root := filepath.Join(n.dir, fmt.Sprintf("run%d", n.runs))
	defer os.RemoveAll(root)
	cfgs, err := node.Testnet(root, n.validators, func(vals []cmttypes.GenesisValidator) (*cmttypes.GenesisDoc, error) {
		for i := range vals {
			vals[i].Power = validatorPower
		}
		return n.genesis(vals, ceiling)
	}, func(i int, c *node.Config) {
		c.Metrics.Listen = ""
		c.P2P.Redial = node.Duration(500 * time.Millisecond)
		n.saveKey(i, c.Home)
	})
	if err != nil {
		return result{}, err
	}

	var vs []*validator
	defer func() {
		for _, v := range vs {
			v.kill()
		}
	}()
	homes := make([]string, len(cfgs))
	for i, c := range cfgs {
		homes[i] = c.Home
		s := n.spec
		s.Home, s.Index, s.Validators = c.Home, i, n.validators
		s.Workload, s.Sigs, s.Ceiling = n.subject, n.sigs, ceiling
		if s.Mode != serve {
			s.Pool = n.pools[i]
		}
		if n.profile != "" && i == 0 && !ceiling {
			s.Profile = filepath.Join(n.profile, fmt.Sprintf("%s.%s.%d", n.name, s.Mode, n.runs))
		}
		v, err := startValidator(ctx, s)
		if err != nil {
			return result{}, err
		}
		v.progress = func(text string) { fmt.Fprintf(n.progress, "%s %s\n", n.name, text) }
		vs = append(vs, v)
	}
	// Each step is taken by all before any takes the next.
	hellos, results := make([]ready, len(vs)), make([]result, len(vs))
	all := func(step func(i int, v *validator) error) error {
		var g errgroup.Group
		for i, v := range vs {
			g.Go(func() error {
				if err := step(i, v); err != nil {
					return fmt.Errorf("validator %d: %w", i, err)
				}
				return nil
			})
		}
		return g.Wait()
	}
	err = func() error {
		if err := all(func(i int, v *validator) error { return v.expect("ready", &hellos[i]) }); err != nil {
			return err
		}
		if err := all(func(_ int, v *validator) error { return v.tell("go") }); err != nil {
			return err
		}
		var load errgroup.Group
		if n.clients != nil && n.spec.Mode == serve {
			var urls []string
			for _, h := range hellos {
				urls = append(urls, h.URL)
			}
			load.Go(func() error { return n.clients(ctx, urls) })
		}
		measured := all(func(i int, v *validator) error { return v.expect("result", &results[i]) })
		if err := errors.Join(measured, load.Wait()); err != nil {
			return err
		}
		if err := all(func(_ int, v *validator) error { return v.tell("stop") }); err != nil {
			return err
		}
		return all(func(_ int, v *validator) error { return v.cmd.Wait() })
	}()
	if err != nil {
		return result{}, errors.Join(err, ctx.Err())
	}
	if n.inspect != nil {
		if err := n.inspect(homes); err != nil {
			return result{}, err
		}
	}
	return summary(results), nil
}

// summary is the result of validator 0 with what concerns all of them.
func summary(results []result) result {
	r := results[0]
	r.Others, r.Cores, r.Latencies = r.Busy, 0, nil
	for _, v := range results {
		r.Cores += v.Cores
		r.Others -= v.Cores
		r.RSS = max(r.RSS, v.RSS)
		r.Latencies = append(r.Latencies, v.Latencies...)
	}
	slices.Sort(r.Latencies)
	return r
}

// saveKey puts a validator's key into its home before the rest is made there. What
// cannot be written then is reported by who makes the rest.
func (n *network) saveKey(i int, home string) {
	config, data := filepath.Join(home, "config"), filepath.Join(home, "data")
	if os.MkdirAll(config, 0o700) == nil && os.MkdirAll(data, 0o700) == nil {
		privval.NewFilePV(n.keys[i], filepath.Join(config, "priv_validator_key.json"), filepath.Join(data, "priv_validator_state.json")).Save()
	}
}

// genesis returns the document of a run, with the parameters of a real chain.
func (n *network) genesis(vals []cmttypes.GenesisValidator, ceiling bool) (*cmttypes.GenesisDoc, error) {
	doc := &cmttypes.GenesisDoc{
		ChainID: chainID, GenesisTime: time.Now(), InitialHeight: 1,
		ConsensusParams: genesis.ConsensusParams(), Validators: vals,
	}
	if ceiling {
		return doc, nil
	}
	return doc, n.workload.Genesis(doc)
}

// validator is a child process. It writes messages as JSON lines and reads orders
// as lines; it stops when its input ends.
type validator struct {
	cmd      *exec.Cmd
	in       io.WriteCloser
	out      *bufio.Reader
	progress func(text string)
}

// message is what a validator writes: one of the members.
type message struct {
	Kind  string          `json:"kind"`
	Body  json.RawMessage `json:"body,omitempty"`
	Error string          `json:"error,omitempty"`
}

func startValidator(ctx context.Context, s spec) (*validator, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	arg, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, exe, validatorArg, string(arg))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting validator %d: %w", s.Index, err)
	}
	return &validator{cmd: cmd, in: in, out: bufio.NewReader(out)}, nil
}

// expect reads a message of a kind and passes progress on until it comes.
func (v *validator) expect(kind string, body any) error {
	for {
		line, err := v.out.ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("ended before %q: %w", kind, err)
		}
		var m message
		if err := json.Unmarshal(line, &m); err != nil {
			return fmt.Errorf("parsing %q: %w", line, err)
		}
		switch {
		case m.Error != "":
			return errors.New(m.Error)
		case m.Kind == kind:
			return json.Unmarshal(m.Body, body)
		case m.Kind != "progress":
			return fmt.Errorf("said %q instead of %q", m.Kind, kind)
		}
		var text string
		if err := json.Unmarshal(m.Body, &text); err != nil {
			return err
		}
		v.progress(text)
	}
}

// tell gives an order.
func (v *validator) tell(order string) error {
	_, err := fmt.Fprintln(v.in, order)
	return err
}

// kill ends the process if it has not ended.
func (v *validator) kill() {
	v.in.Close()
	if v.cmd.ProcessState == nil {
		v.cmd.Process.Kill()
		v.cmd.Wait()
	}
}
