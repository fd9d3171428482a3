package capture

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Users that nobody else is, when running as root: from the range that systemd
// gives to services for the time they run.
const (
	browserUser = 61201
	filterUser  = 61202
)

// diskFree is how many bytes whoever captures can write below a folder.
func diskFree(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return s.Bavail * uint64(s.Bsize), nil
}

// isolation is what this system allows.
type isolation struct {
	isolated bool // the browser has a network of its own, with nothing in it but the filter
	dropped  bool // the browser is not root
	sandbox  bool // the browser can have its sandbox
	why      string
}

// system finds out once, by trying.
var system = sync.OnceValue(func() isolation {
	s := isolation{dropped: os.Geteuid() == 0}
	// Who is not root may have a sandbox by a program that is set-user-id: Chromium
	// finds out itself, and does not start without.
	s.sandbox = os.Geteuid() != 0 || probe(false) == nil
	err := probe(true)
	s.isolated = err == nil
	if err != nil {
		s.why = err.Error()
	}
	return s
})

// probe runs a child as the browser would be run.
func probe(isolated bool) error {
	cmd, err := selfCommand(childProbe, fmt.Sprint(isolated))
	if err != nil {
		return err
	}
	if isolated {
		ownNetwork(cmd)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w %s", err, out)
	}
	return nil
}

func runProbe() error {
	if os.Args[1] == "true" {
		if err := loopbackUp(); err != nil {
			return err
		}
	}
	if err := confineSelf(browserUser); err != nil {
		return err
	}
	// What the browser's sandbox needs: a user namespace of its own. The program is
	// reached by its link in /proc, which a change of user has closed.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
		return err
	}
	cmd := &exec.Cmd{Path: "/proc/self/exe", Args: []string{childTrue}, SysProcAttr: &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}},
	}}
	return cmd.Run()
}

// ownNetwork gives cmd a network namespace. Who is not root needs a user
// namespace for that, in which the user keeps its id.
func ownNetwork(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	a := cmd.SysProcAttr
	a.Cloneflags |= syscall.CLONE_NEWNET
	if os.Geteuid() == 0 {
		return
	}
	a.Cloneflags |= syscall.CLONE_NEWUSER
	a.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
	a.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
	a.AmbientCaps = []uintptr{unix.CAP_NET_ADMIN}
}

// mapped reports whether root here is root only of a user namespace of its own,
// in which there are no other users to become.
func mapped() bool {
	b, err := os.ReadFile("/proc/self/uid_map")
	var inside, outside, n int
	_, serr := fmt.Sscan(string(b), &inside, &outside, &n)
	return err == nil && serr == nil && n == 1
}

// confine makes cmd end with this process.
func confine(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// confineSelf makes this process that of a user of its own when it is root's.
// The program's file need not be readable to that user.
func confineSelf(user int) error {
	if os.Geteuid() != 0 || mapped() {
		return nil
	}
	if err := becomeUser(user); err != nil {
		return err
	}
	return endWithParent()
}

// endWithParent has to be said again after a change of user.
func endWithParent() error {
	return unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
}

// launch is what the launcher is told.
type launch struct {
	Path     string
	Isolated bool
	User     uint32 // to become; 0: stay
	Parent   int
}

// launchBrowser makes cmd, which would run the browser, run it isolated and
// without rights, with folders that it may write to.
func launchBrowser(cmd *exec.Cmd, s isolation, pair *os.File, folders ...string) error {
	l := launch{Path: cmd.Path, Isolated: s.isolated, Parent: os.Getpid()}
	if s.dropped && !mapped() {
		l.User = browserUser
		for _, dir := range folders {
			if err := os.Chown(dir, browserUser, browserUser); err != nil {
				return err
			}
		}
	}
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	self, err := selfCommand(childLaunch, append([]string{string(b)}, cmd.Args...)...)
	if err != nil {
		return err
	}
	cmd.Path, cmd.Args = self.Path, self.Args
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if s.isolated {
		ownNetwork(cmd)
		cmd.ExtraFiles = append(cmd.ExtraFiles, pair)
	}
	return nil
}

// runLaunch prepares the process and becomes the browser. The descriptors that
// the browser is to have are in place; the last is the pair.
func runLaunch() error {
	var l launch
	if err := json.Unmarshal([]byte(os.Args[1]), &l); err != nil {
		return err
	}
	if l.Isolated {
		if err := loopbackUp(); err != nil {
			return err
		}
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", filterPort))
		if err != nil {
			return err
		}
		f, err := ln.(*net.TCPListener).File()
		if err != nil {
			return err
		}
		pair, err := lastSocket()
		if err != nil {
			return err
		}
		if err := unix.Sendmsg(pair, []byte{0}, unix.UnixRights(int(f.Fd())), nil, 0); err != nil {
			return fmt.Errorf("hand over the listener: %w", err)
		}
		unix.Close(pair)
		f.Close()
		ln.Close()
	}
	if l.User != 0 {
		if err := becomeUser(int(l.User)); err != nil {
			return err
		}
	}
	// No way back by programs that are set-user-id, and no end without the parent's.
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return err
	}
	if err := endWithParent(); err != nil {
		return err
	}
	if os.Getppid() != l.Parent && os.Getppid() != 0 {
		return errors.New("the parent has ended")
	}
	return syscall.Exec(l.Path, append([]string{l.Path}, os.Args[3:]...), os.Environ())
}

// lastSocket is the highest descriptor above the standard ones that is a Unix
// socket.
func lastSocket() (int, error) {
	for fd := 15; fd > 2; fd-- {
		if v, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN); err == nil && v == unix.AF_UNIX {
			return fd, nil
		}
	}
	return 0, errors.New("no socket to hand over the listener")
}

func becomeUser(id int) error {
	if err := syscall.Setgroups(nil); err != nil {
		return err
	}
	if err := syscall.Setgid(id); err != nil {
		return err
	}
	return syscall.Setuid(id)
}

// loopbackUp switches the loopback interface on, the only one of a new network.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	r, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r); err != nil {
		return fmt.Errorf("switch loopback on: %w", err)
	}
	return nil
}

func socketPair() (a, b *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), "pair"), os.NewFile(uintptr(fds[1]), "pair"), nil
}

// receiveFile waits for a descriptor that comes over a socket.
func receiveFile(socket *os.File) (*os.File, error) {
	defer socket.Close()
	b, oob := make([]byte, 1), make([]byte, 64)
	_, n, _, _, err := unix.Recvmsg(int(socket.Fd()), b, oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return nil, err
	}
	m, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(m) != 1 {
		return nil, errors.New("the browser did not start")
	}
	fds, err := unix.ParseUnixRights(&m[0])
	if err != nil || len(fds) != 1 {
		return nil, errors.New("the browser did not start")
	}
	return os.NewFile(uintptr(fds[0]), "listener"), nil
}

// reachable reports whether a user who is not root can get to dir.
func reachable(dir string) bool {
	for p := filepath.Dir(dir); ; p = filepath.Dir(p) {
		fi, err := os.Stat(p)
		if err != nil || fi.Mode()&1 == 0 {
			return false
		}
		if p == filepath.Dir(p) {
			return true
		}
	}
}
