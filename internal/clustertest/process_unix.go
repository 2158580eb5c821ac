//go:build unix

package clustertest

import (
	"os/exec"
	"syscall"
)

// Pause stops the program without ending it. Its connections remain.
func (p *Process) Pause() { p.signal(syscall.SIGSTOP) }

// Resume has a paused program go on.
func (p *Process) Resume() { p.signal(syscall.SIGCONT) }

// runAs has a program run as another user.
func runAs(cmd *exec.Cmd, uid, gid int) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}
