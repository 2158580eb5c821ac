//go:build unix

// Package cluster measures two servers that share a bus: this library's, and
// npm's on the same bus. It is a package of tests, because the buses are started
// as those of the tests are.
package cluster

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/goroomcast/socketio/internal/clustertest"
)

var binary string

func TestMain(m *testing.M) { os.Exit(clustertest.RunWith(m, "./server", &binary)) }

// A node is a server, of whatever kind.
type node interface {
	url() string
	others() int
	cpu() time.Duration
	emit(n int, pause time.Duration) // returns when all have been emitted
}

// buses are all there are. Each starts a bus and two servers of each kind.
var buses = []struct {
	name string
	npm  bool // npm's servers run on it, too
	bus  func(t testing.TB) (url string)
}{
	{"redis-classic", true, startRedis},
	{"redis-sharded", true, startRedis},
	{"redis-streams", true, startRedis},
	{"postgres", true, startPostgres},
	{"nats", false, startNATS},
	{"jetstream", false, startNATS},
	{"embedded", false, func(testing.TB) string { return "" }},
}

func startRedis(t testing.TB) string { return clustertest.StartRedis(t).URL }

func startPostgres(t testing.TB) string {
	p := clustertest.StartPostgres(t)
	p.Do("CREATE TABLE socket_io_attachments (id bigserial UNIQUE, created_at timestamptz DEFAULT NOW(), payload bytea)")
	return p.URL
}

func startNATS(t testing.TB) string {
	addr := clustertest.FreeAddress(t)
	startProgram(t, addr, "-bus", "nats-server", "-addr", addr, "-url", t.TempDir())
	return "nats://" + addr
}

// startProgram starts the program of ./server and waits until it listens.
func startProgram(t testing.TB, addr string, args ...string) {
	clustertest.StartProgram(t, func() *exec.Cmd {
		cmd := exec.Command(binary, args...)
		cmd.Stderr = t.Output()
		return cmd
	}, clustertest.Listens(addr))
}

// A goNode is a server of this library.
type goNode struct {
	testing.TB
	addr string
}

func startGo(t testing.TB, bus, url string) (pair [2]node) {
	listen := [2]string{clustertest.FreeAddress(t), clustertest.FreeAddress(t)}
	for i := range pair {
		n := &goNode{t, clustertest.FreeAddress(t)}
		if bus == "embedded" {
			url = listen[i] + "," + listen[1-i]
		}
		startProgram(t, n.addr, "-bus", bus, "-url", url, "-addr", n.addr)
		pair[i] = n
	}
	return pair
}

// get asks the server for a number.
func (n *goNode) get(path string) (number int) {
	n.Helper()
	response, err := http.Get("http://" + n.addr + path)
	if err != nil {
		n.Fatal(err)
	}
	defer response.Body.Close()
	_ = json.NewDecoder(response.Body).Decode(&number) // there is none after /emit
	return number
}

func (n *goNode) url() string        { return "http://" + n.addr }
func (n *goNode) others() int        { return n.get("/servers") }
func (n *goNode) cpu() time.Duration { return time.Duration(n.get("/cpu")) * time.Microsecond }
func (n *goNode) emit(count int, pause time.Duration) {
	n.get(fmt.Sprintf("/emit?n=%d&pause=%v", count, pause))
}

// An npmNode is a server of npm's socket.io.
type npmNode struct {
	testing.TB
	*clustertest.Node
}

func startNPM(t testing.TB, bus, url string) (pair [2]node) {
	o := clustertest.NodeOptions{Adapter: bus, URL: url}
	switch bus {
	case "redis-classic":
		o.Adapter = "redis"
	case "redis-streams":
		o.Server = map[string]any{"connectionStateRecovery": map[string]any{}}
	}
	for i := range pair {
		n := &npmNode{t, clustertest.StartNode(t, o)}
		n.Eval(`io.on("connection", (socket) => socket.join("room"))`)
		pair[i] = n
	}
	return pair
}

// number evaluates JavaScript that returns a number.
func (n *npmNode) number(js string) (number float64) {
	n.TB.Helper()
	if err := json.Unmarshal(n.Eval(js), &number); err != nil {
		n.Fatal(err)
	}
	return number
}

func (n *npmNode) url() string { return n.URL }
func (n *npmNode) others() int {
	return int(n.number(`return await io.of("/").adapter.serverCount()`)) - 1
}

func (n *npmNode) cpu() time.Duration {
	return time.Duration(n.number(`const { user, system } = process.cpuUsage(); return user + system`)) * time.Microsecond
}

func (n *npmNode) emit(count int, pause time.Duration) {
	wait := ""
	if pause > 0 {
		wait = fmt.Sprintf("await sleep(%d);", pause.Milliseconds())
	}
	n.Eval(fmt.Sprintf(`for (let i = 0; i < %d; i++) {
		io.to("room").emit("e", performance.timeOrigin + performance.now(), "a text of some length, as in a chat"); %s
	}`, count, wait))
}
