package systemtest

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

var update = flag.Bool("update", false, "rewrite the server's lines of testdata/transcripts")

// TestTranscripts plays the files of testdata/transcripts over each transport.
// A file says in its head what it pins, and has scenes of one client each:
//
//	== title
//	C: a packet of the client; those in a row are sent together, up to a CONNECT
//	S: a packet of the server, or (closed)
//	A: what the application saw
//	wait 25s
//	close
//
// Ids of sockets appear as <sid>. In eio3.txt the clients are those of
// Socket.IO 2.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts: ", err)
	}
	for _, file := range files {
		for _, mode := range rawclient.Modes {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txt")+"/"+string(mode), func(t *testing.T) {
				playFile(t, file, mode)
			})
		}
	}
}

func playFile(t *testing.T, file string, mode rawclient.Mode) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	scenes := strings.Split(string(text), "\n== ")
	eio3 := filepath.Base(file) == "eio3.txt"
	played := scenes[:1]
	for _, scene := range scenes[1:] {
		title, script, _ := strings.Cut(scene, "\n")
		got := title + "\n" + play(t, strings.Split(strings.TrimRight(script, "\n"), "\n"), mode, eio3) + "\n"
		if got = strings.TrimRight(got, "\n") + "\n"; !*update && got != strings.TrimRight(scene, "\n")+"\n" {
			t.Errorf("scene differs from %s; it is now\n== %s", file, got)
		}
		played = append(played, got)
	}
	if *update && !t.Failed() {
		if err := os.WriteFile(file, []byte(strings.Join(played, "\n== ")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

var sidPattern = regexp.MustCompile(`"sid":"[\w-]{20}"`)

// play plays a scene's client and returns the scene with what the server said.
func play(t *testing.T, script []string, mode rawclient.Mode, eio3 bool) string {
	var out []string
	testserver.Run(t, &socketio.Options{AllowEIO3: eio3}, func(h *testserver.Harness) {
		a := &application{}
		a.serve(h)
		c := h.OpenWith(mode, rawclient.Options{EIO3: eio3})
		var heard []string
		var mu sync.Mutex
		go func() {
			for {
				start := time.Now()
				p, err := c.Client.Next()
				if err != nil && time.Since(start) >= 10*time.Second {
					continue // nothing came for so long
				}
				mu.Lock()
				if err != nil {
					heard = append(heard, "S: (closed)")
					mu.Unlock()
					return
				}
				heard = append(heard, "S: "+sidPattern.ReplaceAllString(p, `"sid":"<sid>"`))
				mu.Unlock()
			}
		}()
		var said []string
		listen := func() {
			if len(said) > 0 {
				_ = c.Client.Send(said...) // a server that closes the connection may refuse it
				said = nil
			}
			synctest.Wait()
			mu.Lock()
			out = append(out, heard...)
			heard = nil
			mu.Unlock()
			out = append(out, a.saw()...)
		}
		listen() // clients of Socket.IO 2 are connected without asking
		for _, line := range script {
			if p, is := strings.CutPrefix(line, "C: "); is {
				said = append(said, p)
				out = append(out, line)
				if strings.HasPrefix(p, "40") {
					listen()
				}
				continue
			}
			listen()
			switch duration, isWait := strings.CutPrefix(line, "wait "); {
			case isWait:
				d, err := time.ParseDuration(duration)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, line)
				testserver.Wait(d)
			case line == "close":
				out = append(out, line)
				c.Close()
			case line == "" || strings.HasPrefix(line, "S: ") || strings.HasPrefix(line, "A: "):
			default:
				t.Fatalf("not a line of a script: %q", line)
			}
			listen()
		}
		listen()
		c.Drop()
		synctest.Wait()
	})
	return strings.Join(out, "\n")
}

// An application is what clients meet in the transcripts.
type application struct {
	mu    sync.Mutex
	notes []string
}

func (a *application) note(text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.notes = append(a.notes, "A: "+text)
}

// saw returns what has been noted since it was last asked. Sockets run in
// parallel, so that only an order made up is the same each time.
func (a *application) saw() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	notes := a.notes
	a.notes = nil
	slices.Sort(notes)
	return notes
}

func (a *application) serve(h *testserver.Harness) {
	for _, n := range []*socketio.Namespace{h.Of("/"), h.Of("/chat")} {
		n.OnConnect(func(s *socketio.Socket) {
			s.OnDisconnect(func(r socketio.Reason) { a.note(n.Name() + " disconnected: " + string(r)) })
		})
		n.On("echo", func(ctx context.Context, e *socketio.Event) error {
			args, into := make([]any, e.Len()), make([]any, e.Len())
			for i := range args {
				into[i] = &args[i]
			}
			if err := e.Decode(into...); err != nil {
				return err
			}
			if e.WantsAck() {
				return e.Ack(args...)
			}
			return e.Socket().Emit("echo", args...)
		})
		socketio.OnCall(n, "double", func(ctx context.Context, s *socketio.Socket, n int) (int, error) {
			if n < 0 {
				return 0, &socketio.Error{Message: "negative", Data: n}
			}
			return 2 * n, nil
		})
		socketio.On(n, "ask", func(ctx context.Context, s *socketio.Socket, question string) error {
			answer, err := socketio.Call[string](ctx, s, "question", question)
			if err != nil {
				a.note("no answer: " + err.Error())
				return nil
			}
			a.note("answer: " + answer)
			return nil
		})
		socketio.On(n, "note", func(ctx context.Context, s *socketio.Socket, text string) error {
			a.note("note: " + text)
			return nil
		})
		socketio.On(n, "leave", func(ctx context.Context, s *socketio.Socket, close bool) error {
			s.Disconnect(close)
			return nil
		})
	}
	h.Of("/private").Use(func(ctx context.Context, s *socketio.Socket) error {
		var auth struct{ Token string }
		if err := s.Handshake().DecodeAuth(&auth); err != nil {
			return &socketio.Error{Message: "bad auth"}
		}
		switch auth.Token {
		case "secret":
			return nil
		case "old":
			return &socketio.Error{Message: "expired", Data: map[string]any{"since": "yesterday", "code": 7}}
		}
		return errors.New("unauthorized")
	})
}
