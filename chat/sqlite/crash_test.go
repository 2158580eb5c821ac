//go:build !race

package sqlite

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/clustertest"
)

// The points at which the server is killed while users act, and when it has
// started again and they come back.
var (
	pointsInUse   = []string{"before commit", "in the transaction", "after commit", "after fan-out", "before hook", "after hook", "any"}
	pointsAtStart = []string{"in catch-up", "in migration", "after a page", "in ready", "in migration"}
)

// TestCrashes kills a server with SIGKILL while users of the stock client post,
// edit, delete and react, and while others are erased. After each kill the file has every post that was
// acknowledged, once, without a hole. When users rest, they see what the file
// has, and none has found a gap. In the end the hook was called for every post,
// in their order.
//
// CRASHES is how many times the server is killed.
func TestCrashes(t *testing.T) {
	kills := 25
	if n, err := strconv.Atoi(os.Getenv("CRASHES")); err == nil {
		kills = n
	}
	s := newSiege(t)
	defer func() { migrations = migrations[:shipped:shipped] }()
	s.start("")
	s.clients = s.startClients()
	s.heard("resting")
	for round := 0; s.kills < kills || s.dups == 0 && s.kills < 4*kills; round++ { // which kill hits a post is chance
		s.tell(`{"act": true}`)
		s.killInErasure(round)
		s.killInUse(pointsInUse[round%len(pointsInUse)])
		s.killAtStart(pointsAtStart[round/2%len(pointsAtStart)])
		s.start("")
		s.tell(`{"rest": true}`)
		s.heard("resting")
		s.erased()
		s.compare()
	}
	s.checkHooks()
	if s.dups == 0 {
		t.Error("no post was sent twice: the kills have hit nothing")
	}
	t.Logf("%d kills, %d posts acknowledged, %d of them sent twice", s.kills, len(s.acks), s.dups)
}

// patience is how long anything may take that must happen, on a machine with much
// to do.
const patience = 3 * time.Minute

// A siege is one run of TestCrashes.
type siege struct {
	*testing.T
	file, address string
	migrations    int // how many the test has added
	kills, dups   int
	acks          []ack

	server *exec.Cmd
	orders io.Writer // of the server
	said   chan string

	clients io.Writer
	lines   chan clientLine
}

// An ack is what the server has promised.
type ack struct {
	Room, CID string
	Seq       int64
}

type clientLine struct {
	Ack     *ack
	Resting bool
	Views   []view
}

// A view is what a user sees of a room.
type view struct {
	User, Room string
	Rev, Low   int64
	Gaps, Dups int
	Resets     int
	Rows       []store.Message
}

func newSiege(t *testing.T) *siege {
	requireClient(t)
	return &siege{T: t, file: filepath.Join(t.TempDir(), "chat.db"), address: clustertest.FreeAddress(t)}
}

const interop = "../../interop"

// requireClient skips the test where the JavaScript client is not installed; in
// CI that is a failure.
func requireClient(t *testing.T) {
	t.Helper()
	missing := t.Skip
	if os.Getenv("CI") != "" {
		missing = t.Fatal
	}
	if _, err := exec.LookPath("node"); err != nil {
		missing("node is not installed: the Debian package is nodejs")
	}
	if _, err := os.Stat(filepath.Join(interop, "node_modules")); err != nil {
		missing("the JavaScript client is not installed: run npm ci in interop/")
	}
}

// program starts a program that ends with the test, and returns its stdin. Each
// line of its stdout is passed to line.
func (s *siege) program(cmd *exec.Cmd, line func(text []byte)) io.Writer {
	s.Helper()
	cmd.Stderr = s.Output()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		s.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		s.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(stdout)
		lines.Buffer(nil, 1<<28)
		for lines.Scan() {
			line(lines.Bytes())
		}
	}()
	s.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-ended
		_ = cmd.Wait()
	})
	return stdin
}

// start starts a server that stops at a point, and waits until it serves or has
// stopped.
func (s *siege) start(point string) {
	s.Helper()
	executable, err := os.Executable()
	if err != nil {
		s.Fatal(err)
	}
	s.server = exec.Command(executable)
	s.server.Env = append(os.Environ(), "CRASH_FILE="+s.file, "CRASH_ADDRESS="+s.address, "CRASH_POINT="+point, fmt.Sprint("CRASH_MIGRATIONS=", s.migrations))
	said := make(chan string, 10)
	s.said = said
	s.orders = s.program(s.server, func(text []byte) { said <- string(text) })
	for until := time.Now().Add(patience); point == ""; {
		if conn, err := net.Dial("tcp", s.address); err == nil {
			conn.Close()
			return
		}
		if time.Now().After(until) {
			s.Fatal("the server does not answer")
		}
		<-time.After(5 * time.Millisecond)
	}
}

// kill kills the server when it has reached its point, and looks at the file.
func (s *siege) kill(point string) {
	s.Helper()
	select {
	case <-s.said:
	case <-time.After(patience):
		s.Fatalf("the server has not come to the point %q", point)
	}
	s.killNow()
}

func (s *siege) killNow() {
	s.Helper()
	<-time.After(rand.N(10 * time.Millisecond)) // what is on its way may arrive
	if err := s.server.Process.Kill(); err != nil {
		s.Fatal(err)
	}
	_, _ = s.server.Process.Wait()
	s.kills++
	s.inspect()
}

func (s *siege) killInUse(point string) {
	s.Helper()
	if point == "any" {
		<-time.After(rand.N(300 * time.Millisecond))
		s.killNow()
		return
	}
	fmt.Fprintf(s.orders, "%s:%d\n", point, rand.N(40))
	s.kill(point)
}

func (s *siege) killAtStart(point string) {
	s.Helper()
	if point == "in migration" {
		point = fmt.Sprint(point, " ", s.migrations)
		s.migrations++
	}
	s.start(fmt.Sprint(point, ":", 0))
	s.kill(point)
}

func (s *siege) startClients() io.Writer {
	script, err := filepath.Abs("testdata/crash.mjs")
	if err != nil {
		s.Fatal(err)
	}
	cmd := exec.Command("node", script)
	cmd.Dir, cmd.Env = interop, append(os.Environ(), "URL=http://"+s.address)
	s.lines = make(chan clientLine, 1<<16)
	return s.program(cmd, func(text []byte) {
		var line clientLine
		if err := json.Unmarshal(text, &line); err != nil {
			s.Errorf("%s: %v", text, err)
		}
		s.lines <- line
	})
}

func (s *siege) tell(line string) { fmt.Fprintln(s.clients, line) }

// heard waits for a line of the clients that is not an ack.
func (s *siege) heard(what string) clientLine {
	s.Helper()
	late := time.After(patience)
	for {
		select {
		case line := <-s.lines:
			if line.Ack == nil {
				return line
			}
			s.acks = append(s.acks, *line.Ack)
		case <-late:
			s.Fatalf("the clients do not say %s", what)
		}
	}
}

// inspect checks the file of a server that was killed. It looks at a copy, so
// that the next server finds what the kill has left.
func (s *siege) inspect() {
	s.Helper()
	for len(s.lines) > 0 {
		if line := <-s.lines; line.Ack != nil {
			s.acks = append(s.acks, *line.Ack)
		}
	}
	copied := filepath.Join(s.TempDir(), "copy.db")
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(s.file + suffix)
		if err == nil {
			err = os.WriteFile(copied+suffix, content, 0o600)
		}
		if err != nil && !os.IsNotExist(err) {
			s.Fatal(err)
		}
	}
	s.check(copied)
}

// check compares a file with what was acknowledged.
func (s *siege) check(file string) map[string]*store.Changes {
	s.Helper()
	migrations = migrations[:shipped:shipped]
	migrateTimes(fmt.Sprint(s.migrations))
	db := reopen(s.T, file)
	defer db.Close()
	rooms := make(map[string]*store.Changes)
	for _, room := range []string{"r", "s"} {
		all, err := db.Changes(ctx, room, 0, store.Limit{Rows: 1 << 30, Bytes: 1 << 40})
		if err != nil {
			s.Fatal(err)
		}
		rooms[room] = all
		last := all.Room.InfoRev
		for _, m := range all.Members {
			last = max(last, m.Rev)
		}
		posts := make(map[string]int64)
		for _, m := range all.Messages {
			last = max(last, m.Rev)
			if _, twice := posts[m.CID]; twice && m.Author != store.Deleted {
				s.Errorf("%s: %s is there twice", room, m.CID)
			}
			posts[m.CID] = m.Seq
		}
		slices.SortFunc(all.Messages, func(a, b store.Message) int { return int(a.Seq - b.Seq) })
		for i, m := range all.Messages {
			if m.Seq != int64(i+1) {
				s.Fatalf("%s: seq %d where %d is next", room, m.Seq, i+1)
			}
		}
		if all.More || last != all.Room.Rev || int64(len(all.Messages)) != all.Room.Seq {
			s.Errorf("%s has %d messages up to rev %d, and is at seq %d and rev %d", room, len(all.Messages), last, all.Room.Seq, all.Room.Rev)
		}
		for _, a := range s.acks {
			if a.Room == room && posts[a.CID] != a.Seq {
				s.Errorf("%s: %s was acknowledged as %d, and is at %d", room, a.CID, a.Seq, posts[a.CID])
			}
		}
	}
	return rooms
}

// compare compares what the users see with the file.
func (s *siege) compare() {
	s.Helper()
	rooms := s.check(s.file) // which the server has open, too
	heads := make(map[string]int64)
	for id, all := range rooms {
		heads[id] = all.Room.Rev
	}
	order, err := json.Marshal(map[string]any{"settle": heads})
	if err != nil {
		s.Fatal(err)
	}
	s.tell(string(order))
	s.dups = 0
	for _, v := range s.heard("what they see").Views {
		s.dups += v.Dups
		if v.Gaps > 0 || v.Resets != 1 || v.Rev != heads[v.Room] {
			s.Errorf("%s has found %d gaps in %s, was reset %d times and is at rev %d of %d", v.User, v.Gaps, v.Room, v.Resets, v.Rev, heads[v.Room])
		}
		want := rooms[v.Room].Messages[max(v.Low-1, 0):]
		if len(v.Rows) != len(want) {
			s.Errorf("%s sees %d messages of %s from %d on, the file has %d", v.User, len(v.Rows), v.Room, v.Low, len(want))
			continue
		}
		for i := range want {
			got, _ := json.Marshal(v.Rows[i])
			if have, _ := json.Marshal(want[i]); string(got) != string(have) {
				s.Errorf("%s sees %s\nthe file has %s", v.User, got, have)
			}
		}
	}
}

// checkHooks waits until the hook was called for every post.
func (s *siege) checkHooks() {
	s.Helper()
	want := make(map[string]int)
	for id, all := range s.check(s.file) {
		want[id] = len(all.Messages)
	}
	var told map[string]int
	for until := time.Now().Add(patience); time.Now().Before(until); <-time.After(100 * time.Millisecond) {
		calls, err := os.ReadFile(s.file + ".hooks")
		if err != nil {
			s.Fatal(err)
		}
		told = make(map[string]int)
		for line := range strings.Lines(string(calls)) {
			room, seq := "", 0
			if _, err := fmt.Sscan(line, &room, &seq); err != nil || seq > told[room]+1 {
				s.Fatalf("the hook was called for %q after %d: %v", line, told[room], err)
			}
			told[room] = max(told[room], seq)
		}
		if maps.Equal(told, want) {
			s.Logf("%d calls of the hook for %d posts", strings.Count(string(calls), "\n"), want["r"]+want["s"])
			return
		}
	}
	s.Errorf("the hook was called for %v posts, want %v", told, want)
}
