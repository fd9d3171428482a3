package capture

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"zhenglian/client/capture/filter"
)

// A capture runs this program again, under these names, for what has to be a
// process of its own.
const (
	childFilter = "zheng-capture-filter" // the only way to the network
	childLaunch = "zheng-capture-launch" // becomes the browser
	childProbe  = "zheng-capture-probe"  // finds out what this system allows
	childTrue   = "zheng-capture-true"   // does nothing
	childPage   = "zheng-capture-page"   // a whole capture, see PageApart
)

var isParent atomic.Bool

// ErrNoChild: RunChild was not called.
var ErrNoChild = errors.New("the program must call capture.RunChild first of all in main")

// RunChild must be called first of all in the main function of a program that
// captures, and in TestMain. In a process that a capture started for a purpose of
// its own it does what it is for, and does not return.
func RunChild() {
	var err error
	switch os.Args[0] {
	case childFilter:
		err = runFilter()
	case childLaunch:
		err = runLaunch()
	case childProbe:
		err = runProbe()
	case childTrue:
	case childPage:
		isParent.Store(true) // of its own filter and browser
		err = runPage()
	default:
		isParent.Store(true)
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, os.Args[0]+":", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// selfCommand runs this program under the name of a child.
func selfCommand(name string, args ...string) (*exec.Cmd, error) {
	if !isParent.Load() {
		return nil, ErrNoChild
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return &exec.Cmd{Path: self, Args: append([]string{name}, args...), Env: []string{}}, nil
}

// Descriptors of the filter.
const (
	fdControl = 3 // listening Unix socket of the parent
	fdBrowser = 4 // listening socket, or one end of a pair that will bring it
)

// filterPort is where the filter listens in a network that has nothing else.
const filterPort = 1080

func runFilter() error {
	control, err := net.FileListener(os.NewFile(fdControl, "control"))
	if err != nil {
		return err
	}
	f := os.NewFile(fdBrowser, "browser")
	if len(os.Args) > 1 && os.Args[1] == "isolated" {
		if f, err = receiveFile(f); err != nil {
			return err
		}
	}
	browser, err := net.FileListener(f)
	if err != nil {
		return err
	}
	f.Close()
	if err := confineSelf(filterUser); err != nil {
		return err
	}
	return filter.Run(os.Stdin, os.Stdout, control, browser)
}

// A filterProcess is the running filter of one capture.
type filterProcess struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	port  int      // for the browser, on 127.0.0.1
	pair  *os.File // for the launcher to send its listener over; nil when not isolated
	dir   string   // with the control socket

	mu     sync.Mutex
	events []filter.Event
	pins   map[string]netip.AddrPort // by host:port
	ips    map[string]netip.Addr     // by host
	synced chan struct{}
	ready  chan struct{}
	ended  chan struct{}
	note   func(filter.Event)
}

// startFilter starts the filter; note is told each event, in order.
func startFilter(ctx context.Context, c filter.Config, note func(filter.Event)) (_ *filterProcess, err error) {
	f := &filterProcess{note: note, pins: map[string]netip.AddrPort{}, ips: map[string]netip.Addr{},
		synced: make(chan struct{}, 1), ready: make(chan struct{}), ended: make(chan struct{})}
	defer func() {
		if err != nil {
			f.close()
			err = fmt.Errorf("start filter: %w", err)
		}
	}()
	if f.dir, err = makeTemp(); err != nil {
		return nil, err
	}
	control, err := net.Listen("unix", f.control())
	if err != nil {
		return nil, err
	}
	defer control.Close()
	control.(*net.UnixListener).SetUnlinkOnClose(false)
	controlFile, err := control.(*net.UnixListener).File()
	if err != nil {
		return nil, err
	}
	defer controlFile.Close()
	var browserFile *os.File
	var args []string
	if system().isolated {
		f.port, args = filterPort, []string{"isolated"}
		if browserFile, f.pair, err = socketPair(); err != nil {
			return nil, err
		}
	} else {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		f.port = l.Addr().(*net.TCPAddr).Port
		if browserFile, err = l.(*net.TCPListener).File(); err != nil {
			return nil, err
		}
	}
	defer browserFile.Close()
	if f.cmd, err = selfCommand(childFilter, args...); err != nil {
		return nil, err
	}
	f.cmd.ExtraFiles = []*os.File{controlFile, browserFile}
	f.cmd.Stderr = os.Stderr
	confine(f.cmd)
	if f.stdin, err = f.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := f.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := f.cmd.Start(); err != nil {
		return nil, err
	}
	go f.read(out)
	return f, json.NewEncoder(f.stdin).Encode(c)
}

func (f *filterProcess) control() string { return filepath.Join(f.dir, "control") }

// read follows the filter's output to its end.
func (f *filterProcess) read(out io.Reader) {
	defer close(f.ended)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e filter.Event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		f.mu.Lock()
		switch e.Kind {
		case filter.Ready:
			close(f.ready)
		case filter.Synced:
			select {
			case f.synced <- struct{}{}:
			default:
			}
		default:
			if e.Kind == filter.Open {
				f.pins[hostKey(e.Host, e.Port)] = netip.AddrPortFrom(e.IP, uint16(e.Port))
				f.ips[e.Host] = e.IP
			}
			f.events = append(f.events, e)
		}
		f.mu.Unlock()
		f.note(e)
	}
}

// awaitReady waits until the filter listens.
func (f *filterProcess) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	select {
	case <-f.ready:
		return nil
	case <-f.ended:
		return errors.New("the filter ended at once")
	case <-ctx.Done():
		return fmt.Errorf("the filter is not ready: %w", ctx.Err())
	}
}

// sync returns when everything that has happened has been read.
func (f *filterProcess) sync() {
	if _, err := io.WriteString(f.stdin, "sync\n"); err != nil {
		return
	}
	select {
	case <-f.synced:
	case <-f.ended:
	case <-time.After(5 * time.Second):
	}
}

// log returns the events so far.
func (f *filterProcess) log() []filter.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]filter.Event(nil), f.events...)
}

// address is the one that the host of a URL was connected at.
func (f *filterProcess) address(host string) netip.Addr {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ips[host]
}

// dial connects to a host as the browser would: to the same address.
func (f *filterProcess) dial(ctx context.Context, host string, port int) (net.Conn, error) {
	return filter.Dial(ctx, "unix", f.control(), host, port)
}

// close ends the filter and all connections.
func (f *filterProcess) close() {
	if f.pair != nil {
		f.pair.Close()
	}
	if f.cmd != nil && f.cmd.Process != nil {
		f.stdin.Close()
		select {
		case <-f.ended:
		case <-time.After(5 * time.Second):
			f.cmd.Process.Kill()
		}
		f.cmd.Wait()
	}
	if f.dir != "" {
		os.RemoveAll(f.dir)
	}
}

func hostKey(host string, port int) string { return net.JoinHostPort(host, fmt.Sprint(port)) }
