// Package clustertest starts what a test of a cluster needs, on loopback: Redis,
// Postgres, servers of npm's socket.io with npm's adapters, and a proxy that
// breaks connections. All end with the test. A test whose tool is not installed
// is skipped, or fails if CI is set in the environment.
package clustertest

import (
	"flag"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// require returns the path of a program, which a Debian package contains.
// Elsewhere are other folders to look in.
func require(t testing.TB, program, debian string, elsewhere ...string) string {
	t.Helper()
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	for _, folder := range elsewhere {
		found, _ := filepath.Glob(filepath.Join(folder, program))
		if len(found) > 0 {
			return found[len(found)-1] // the newest version
		}
	}
	missing(t, program+" is not installed: the Debian package is "+debian)
	return ""
}

// missing ends a test that lacks a tool.
func missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// FreeAddress returns an address on loopback on which no program listens. Until
// the test ends nobody else gets its port, not even while the test's program does
// not run: the port is below those that systems give to connections, and for
// other tests it is taken because this one holds the UDP port of that number.
func FreeAddress(t testing.TB) (address string) {
	t.Helper()
	for range 1000 {
		address = net.JoinHostPort("127.0.0.1", strconv.Itoa(10_000+rand.N(20_000)))
		held, err := net.ListenPacket("udp", address)
		if err != nil {
			continue
		}
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			t.Cleanup(func() { held.Close() })
			return address
		}
		held.Close()
	}
	t.Fatal("all ports are taken")
	return ""
}

// Listens returns a check for StartProgram: it reports whether a program listens
// on an address.
func Listens(address string) func() bool {
	return func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}
}

// RunMany runs the tests and returns their exit code. It runs more tests at a time
// than there are processors, unless a flag says how many, because most of them
// wait until something is noticed.
func RunMany(m *testing.M) (code int) {
	flag.Parse()
	const atATime = 6
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		if err := f.Value.Set(strconv.Itoa(atATime)); err != nil {
			panic(err)
		}
	}
	return m.Run()
}

// portOf returns the port of an address.
func portOf(t testing.TB, address string) int {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
