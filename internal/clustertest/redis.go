package clustertest

import (
	"bufio"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A Redis is a redis-server.
type Redis struct {
	*Process
	Addr string // host and port
	URL  string
}

// StartRedis starts a redis-server with nothing in it, which keeps its data in
// memory only; with the arguments "--appendonly", "yes" its data survives Kill.
func StartRedis(t testing.TB, args ...string) *Redis {
	t.Helper()
	program := require(t, "redis-server", "redis-server")
	folder := t.TempDir()
	r := &Redis{Addr: FreeAddress(t)}
	r.URL = "redis://" + r.Addr
	r.Process = start(t, func() *exec.Cmd {
		cmd := exec.Command(program, append([]string{
			"--bind", "127.0.0.1", "--port", strconv.Itoa(portOf(t, r.Addr)), "--save", "", "--dir", folder, "--loglevel", "warning",
		}, args...)...)
		cmd.Stderr = output(t)
		return cmd
	}, func() bool {
		_, err := r.ask("PING")
		return err == nil
	})
	return r
}

// Do sends a command, for example CLIENT KILL TYPE pubsub, and returns the first
// line of the reply, or the number of a reply that is one.
func (r *Redis) Do(command ...string) string {
	r.t.Helper()
	reply, err := r.ask(command...)
	if err != nil {
		r.t.Fatalf("%s: %v", command, err)
	}
	return reply
}

func (r *Redis) ask(command ...string) (string, error) {
	conn, err := net.Dial("tcp", r.Addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	text := fmt.Sprintf("*%d\r\n", len(command))
	for _, word := range command {
		text += fmt.Sprintf("$%d\r\n%s\r\n", len(word), word)
	}
	if _, err := conn.Write([]byte(text)); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSpace(line)
	if strings.HasPrefix(line, "-") {
		return "", fmt.Errorf("redis: %s", line[1:])
	}
	return strings.TrimLeft(line, "+:$*"), nil
}
