//go:build linux && !386 && !s390x && !race

package engine

import (
	"syscall"
	"unsafe"
)

// System calls that never wait. Package syscall tells the scheduler of each
// call, which then passes the processor on to another thread when one takes
// 20 µs, as writing to a socket may: that costs more than the call. So these
// are not told of, where they move few bytes. The race detector is told of
// all, because what is seen after a read depends on what was done before the
// write.

const maxUntold = maxGather

// readNow is read(2) of a socket. It fails with EAGAIN rather than wait.
func readNow(fd int, b []byte) (int, error) {
	if len(b) > maxUntold {
		return syscall.Read(fd, b)
	}
	n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), syscall.MSG_DONTWAIT, 0, 0)
	return count(n, errno)
}

// writeNow is write(2) to a socket. It fails with EAGAIN rather than wait.
func writeNow(fd int, b []byte) (int, error) {
	if len(b) > maxUntold {
		return syscall.Write(fd, b)
	}
	n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL, 0, 0)
	return count(n, errno)
}

func count(n uintptr, errno syscall.Errno) (int, error) {
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
