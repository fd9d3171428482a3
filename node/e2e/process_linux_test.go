package e2e

import (
	"os/exec"
	"syscall"
)

// endWithParent has the kernel end a process whose parent was killed, as a test
// that ran out of time is.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
}
