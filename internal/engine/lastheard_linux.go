//go:build linux && !386 && !s390x

package engine

import (
	"net"
	"syscall"
	"time"
	"unsafe"
)

// lastHeard returns how long ago the other end of a TCP connection has sent
// data or an acknowledgement, and whether neither end has hung up, where that
// is known (tcp(7), TCP_INFO).
func lastHeard(conn net.Conn) (ago time.Duration, connected, known bool) {
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secure.NetConn()
	}
	raw := rawConn(conn)
	if raw == nil {
		return 0, false, false
	}
	var info syscall.TCPInfo
	err := raw.Control(func(fd uintptr) {
		size := uint32(unsafe.Sizeof(info))
		_, _, errno := syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, syscall.IPPROTO_TCP, syscall.TCP_INFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		known = errno == 0
	})
	if err != nil { // the program has closed it
		return 0, false, true
	}
	const established = 1
	ago = time.Duration(min(info.Last_data_recv, info.Last_ack_recv)) * time.Millisecond
	return ago, info.State == established, known
}
