//go:build !unix

package clustertest

import "os/exec"

// Pause skips the test: the system cannot stop a program without ending it.
func (p *Process) Pause() { p.t.Skip("programs cannot be paused here") }

// Resume does nothing.
func (p *Process) Resume() {}

func runAs(*exec.Cmd, int, int) {}
