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
	"time"

	cmttypes "github.com/cometbft/cometbft/types"
	"golang.org/x/sync/errgroup"

	"zhenglian/node"
)

// validatorArg, as the first argument, makes the program a validator.
const validatorArg = "validator"

// setupLimit bounds everything in a run that is not measured: start, connection,
// first block, stop.
const setupLimit = 60 * time.Second

// network runs validators as child processes on this machine.
type network struct {
	validators int
	subject    string
	sigs       int
	spec       spec // the parts common to all validators

	workload Workload
	dir      string
	pools    []string
	runs     int
}

// open makes the transactions, which all runs share.
func (n *network) open(txs int) (err error) {
	if n.workload, err = workloads[n.subject](n.sigs); err != nil {
		return err
	}
	if n.dir, err = os.MkdirTemp("", "zhenglian-bench-"); err != nil {
		return err
	}
	for i := range n.validators {
		n.pools = append(n.pools, filepath.Join(n.dir, fmt.Sprintf("pool%d", i)))
	}
	if err := writePools(n.workload, txs, n.pools); err != nil {
		n.close()
		return err
	}
	return nil
}

func (n *network) close() { os.RemoveAll(n.dir) }

// run measures once, on a new chain.
func (n *network) run(ctx context.Context, ceiling bool) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, setupLimit+n.spec.Warm+n.spec.Window+
		time.Duration(n.spec.Samples)*time.Second)
	defer cancel()
	n.runs++
	root := filepath.Join(n.dir, fmt.Sprintf("run%d", n.runs))
	defer os.RemoveAll(root)
	cfgs, err := node.Testnet(root, n.validators, func(vals []cmttypes.GenesisValidator) (*cmttypes.GenesisDoc, error) {
		return n.genesis(vals, ceiling)
	}, func(_ int, c *node.Config) {
		c.Metrics.Listen = ""
		c.P2P.Redial = node.Duration(500 * time.Millisecond)
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
	for i, c := range cfgs {
		s := n.spec
		s.Home, s.Index, s.Validators, s.Pool = c.Home, i, n.validators, n.pools[i]
		s.Workload, s.Sigs, s.Ceiling = n.subject, n.sigs, ceiling
		v, err := startValidator(ctx, s)
		if err != nil {
			return result{}, err
		}
		vs = append(vs, v)
	}
	// Each step is taken by all before any takes the next.
	results := make([]result, len(vs))
	for _, step := range []func(i int, v *validator) error{
		func(_ int, v *validator) error { return v.expect("ready", nil) },
		func(_ int, v *validator) error { return v.tell("go") },
		func(i int, v *validator) error { return v.expect("result", &results[i]) },
		func(_ int, v *validator) error { return v.tell("stop") },
		func(_ int, v *validator) error { return v.cmd.Wait() },
	} {
		var g errgroup.Group
		for i, v := range vs {
			g.Go(func() error {
				if err := step(i, v); err != nil {
					return fmt.Errorf("validator %d: %w", i, err)
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			return result{}, errors.Join(err, ctx.Err())
		}
	}
	r := results[0]
	r.Others = r.Busy
	r.Cores = 0
	for _, v := range results {
		r.Cores += v.Cores
		r.Others -= v.Cores
	}
	return r, nil
}

// genesis returns the document of a run, with the parameters of a real chain.
func (n *network) genesis(vals []cmttypes.GenesisValidator, ceiling bool) (*cmttypes.GenesisDoc, error) {
	p := cmttypes.DefaultConsensusParams()
	p.Block.MaxBytes = 2 << 20
	p.Evidence.MaxBytes = 64 << 10
	doc := &cmttypes.GenesisDoc{
		ChainID: chainID, GenesisTime: time.Now(), InitialHeight: 1,
		ConsensusParams: p, Validators: vals,
	}
	if ceiling {
		return doc, nil
	}
	return doc, n.workload.Genesis(doc)
}

// validator is a child process. It writes messages as JSON lines and reads orders
// as lines; it stops when its input ends.
type validator struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
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

// expect reads a message of a kind.
func (v *validator) expect(kind string, body any) error {
	line, err := v.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("ended before %q: %w", kind, err)
	}
	var m message
	if err := json.Unmarshal(line, &m); err != nil {
		return fmt.Errorf("parsing %q: %w", line, err)
	}
	if m.Error != "" {
		return errors.New(m.Error)
	}
	if m.Kind != kind {
		return fmt.Errorf("said %q instead of %q", m.Kind, kind)
	}
	if body == nil {
		return nil
	}
	return json.Unmarshal(m.Body, body)
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
