package capture

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// apartOptions is what the parent writes, one line, to a capture in a process of its
// own. That the input then ends says that nobody wants the capture any more.
type apartOptions struct {
	Options
	Roots [][]byte // Options.ExtraRootCAs in DER
}

// apartLine is what such a process writes.
type apartLine struct {
	Step  string  `json:"step,omitempty"`
	Done  int     `json:"done"`
	Total int     `json:"total"`
	Res   *Result `json:"res,omitempty"`
	Err   string  `json:"err,omitempty"`
	Kind  string  `json:"kind,omitempty"` // of Err, among apartErrors
}

// apartErrors are the errors that keep what they are on the way to the parent.
var apartErrors = map[string]error{"url": ErrURL, "no_browser": ErrNoBrowser}

// stopTime is how long a process has to end its browser when it is told to stop.
const stopTime = 20 * time.Second

// PageApart is Page in a process of its own, which ends with this one: a service
// captures so, and neither a crash nor what a capture has in memory is then its own.
func PageApart(ctx context.Context, o Options) (*Result, error) {
	cmd, err := selfCommand(childPage)
	if err != nil {
		return nil, err
	}
	q := apartOptions{Options: o}
	for _, c := range o.ExtraRootCAs {
		q.Roots = append(q.Roots, c.Raw)
	}
	line, err := json.Marshal(&q)
	if err != nil {
		return nil, err
	}
	cmd.Env = os.Environ() // the report names the proxies in it; the browser gets none of it
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
		return nil, fmt.Errorf("start capture: %w", err)
	}
	var once sync.Once
	hangUp := func() { once.Do(func() { in.Close() }) }
	defer hangUp()
	stop := context.AfterFunc(ctx, func() {
		hangUp()
		time.AfterFunc(stopTime, func() { cmd.Process.Kill() })
	})
	defer stop()
	if _, err := in.Write(append(line, '\n')); err != nil {
		err = fmt.Errorf("the capturing process takes nothing: %w", err)
		cmd.Process.Kill()
		return nil, errors.Join(err, cmd.Wait())
	}
	var last apartLine
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l apartLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			continue
		}
		if l.Res != nil || l.Err != "" {
			last = l
		} else if o.Progress != nil {
			o.Progress(l.Step, l.Done, l.Total)
		}
	}
	hangUp()
	werr := cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("capture %s: %w", o.URL, ctx.Err())
	case last.Err != "" && apartErrors[last.Kind] != nil:
		return nil, fmt.Errorf("%w: %s", apartErrors[last.Kind], last.Err)
	case last.Err != "":
		return nil, errors.New(last.Err)
	case last.Res == nil:
		return nil, fmt.Errorf("the capturing process ended without a result: %w", errors.Join(werr, lines.Err()))
	}
	return last.Res, nil
}

// runPage is the other side of PageApart.
func runPage() error {
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	var q apartOptions
	if err := json.Unmarshal(line, &q); err != nil {
		return err
	}
	for _, der := range q.Roots {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		q.ExtraRootCAs = append(q.ExtraRootCAs, c)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		io.Copy(io.Discard, in) // returns when the parent hangs up, or has ended
		cancel()
	}()
	var mu sync.Mutex
	out := json.NewEncoder(os.Stdout)
	q.Progress = func(step string, done, total int) {
		mu.Lock()
		defer mu.Unlock()
		if out.Encode(apartLine{Step: step, Done: done, Total: total}) != nil {
			cancel()
		}
	}
	var end apartLine
	if end.Res, err = Page(ctx, q.Options); err != nil {
		end.Err = err.Error()
		for kind, k := range apartErrors {
			if errors.Is(err, k) {
				end.Kind = kind
			}
		}
	}
	mu.Lock()
	defer mu.Unlock()
	return out.Encode(end)
}
