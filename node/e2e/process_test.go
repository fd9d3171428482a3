package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// environment is that of the programs: nothing of the person who runs the tests.
func environment(home string) []string {
	return []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "LANG=C.UTF-8"}
}

// A process is a program that runs until it is stopped.
type process struct {
	t    *testing.T
	name string
	log  string // file of its output
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // of Wait; read after done

	killed bool // by the test; owned by its goroutine
}

// start runs a program whose output is appended to the file log. It is killed
// at the end of the test, and with the process of the test.
func start(t *testing.T, name, log, program string, args ...string) *process {
	t.Helper()
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, name: name, log: log, cmd: exec.Command(filepath.Join(bin, program), args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Env = environment(t.TempDir())
	endWithParent(p.cmd)
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // whose end endWithParent watches; it ends with this goroutine
		defer close(p.done)
		defer out.Close()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("end of the log of %s:\n%s", name, tail(log))
		}
	})
	return p
}

func tail(path string) string {
	b, _ := os.ReadFile(path)
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}

// running returns an error once the process has ended.
func (p *process) running() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s ended: %v\n%s", p.name, p.err, tail(p.log))
	default:
		return nil
	}
}

// kill ends the process as a power failure would.
func (p *process) kill() {
	p.killed = true
	_ = p.cmd.Process.Kill() // an error says that it has ended already
	<-p.done
}

// stop asks the process to end and expects that it does so in order.
func (p *process) stop() {
	p.t.Helper()
	if err := p.running(); err != nil {
		p.t.Error(err)
		return
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Error(err)
	}
	select {
	case <-p.done:
		if p.err != nil {
			p.t.Errorf("%s stopped with %v\n%s", p.name, p.err, tail(p.log))
		}
	case <-time.After(patience):
		p.t.Errorf("%s did not stop within %s", p.name, patience)
		p.kill()
	}
}

// A result is what a program that ran to its end left.
type result struct {
	code   int
	stdout []byte
	stderr string
}

// run runs a program to its end.
func run(t *testing.T, program string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, program), args...)
	cmd.Env = environment(t.TempDir())
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, errors.Join(err, ctx.Err()), &stderr)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.Bytes(), stderr.String()}
}

// must is run for programs that are expected to end with the exit code want;
// what they print is parsed into v unless that is nil.
func must(t *testing.T, want int, v any, program string, args ...string) {
	t.Helper()
	r := run(t, program, args...)
	if r.code != want {
		t.Fatalf("%s %q: exit %d, want %d\n%s%s", program, args, r.code, want, r.stdout, r.stderr)
	}
	if v != nil {
		if err := json.Unmarshal(r.stdout, v); err != nil {
			t.Fatalf("%s %q: %v\n%s", program, args, err, r.stdout)
		}
	}
}

// freeAddr returns a loopback address that nobody listens on at this moment. Its
// port lies below the range from which systems choose the source ports of outgoing
// connections, so that a process that is started again finds it free, and apart
// from those of node.Testnet.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(10_000))
		if l, err := net.Listen("tcp", addr); err == nil {
			l.Close()
			return addr
		}
	}
	t.Fatal("no free port")
	return ""
}
