package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// children returns the ids of a process's children.
func children(t *testing.T, pid int) (pids []int) {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // a thread that has ended
		}
		for _, s := range strings.Fields(string(b)) {
			pid, err := strconv.Atoi(s)
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

// TestSupervision kills the validators of the example consortium one by one, which
// are started again, and at last the process that starts them, whose end they
// follow.
func TestSupervision(t *testing.T) {
	home := filepath.Join(t.TempDir(), "demo")
	p, d := runDemo(t, home)
	e := d.zheng("notarize", d.file("page.png"), "--from", "officer1", "--cosign", "officer2,city")

	before := children(t, p.cmd.Process.Pid)
	if len(before) != 4 {
		t.Fatalf("%d validators, want 4", len(before))
	}
	for _, pid := range before {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a validator in its place", func() error {
			if now := children(t, p.cmd.Process.Pid); len(now) != 4 {
				return fmt.Errorf("%d validators", len(now))
			}
			return nil
		})
	}
	eventually(t, "gateway ready again", func() error { return ready(d.url) })
	if s := d.show(e.ID); s.Seq != e.Seq {
		t.Errorf("after the kills entry %d, before %d", s.Seq, e.Seq)
	}
	again := d.zheng("notarize", d.file("page.png"), "--from", "officer1", "--cosign", "officer2,city")
	d.verify(0, "--file", filepath.Join(d.out, "page.png"), again.Receipt)

	orphans := children(t, p.cmd.Process.Pid)
	p.kill()
	eventually(t, "validators stop with the one who started them", func() error {
		for _, pid := range orphans {
			if syscall.Kill(pid, 0) == nil && !zombie(pid) {
				return fmt.Errorf("process %d is still there", pid)
			}
		}
		return nil
	})
	p, d = runDemo(t, home)
	if s := d.show(again.ID); s.Seq != again.Seq {
		t.Errorf("after a restart entry %d, before %d", s.Seq, again.Seq)
	}
	p.stop()
}

// zombie reports whether a process has ended but nobody has asked how: whoever
// inherits orphans may be in no hurry.
func zombie(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true // gone in between
	}
	_, after, _ := strings.Cut(string(b), ") ")
	return strings.HasPrefix(after, "Z")
}
