package main

import (
	"os/exec"
	"syscall"
)

// endWithParent has the kernel end a child whose parent died without a chance
// to stop it.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
}
