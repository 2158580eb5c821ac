package systemtest

import (
	"bytes"
	"context"
	"net"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/parser"
)

// maxHands is through how many files an event may pass.
const maxHands = 8

// lenders are files that run any function, on a goroutine or under protection. The
// function is a hand, they are not.
var lenders = []string{"engine/crew.go", "engine/crew_linux.go", "engine/guard.go", "socketio/guard.go", "engine/rawconn_unix.go", "engine/nowait_unix.go"}

// TestHands follows an event from the connection's bytes to the handler, and a
// broadcast from Emit to the system call: neither passes more than eight files,
// nor comes back to a file that it has left. Between goroutines it counts on.
func TestHands(t *testing.T) {
	spy := &handsSpy{decoding: make(chan []string, 1)}
	io := socketio.NewServer(&socketio.Options{Parser: spy, PingInterval: noPing})
	handling := make(chan []string, 1)
	socketio.On(io, "in", func(_ context.Context, _ *socketio.Socket, _ string) error {
		callers := make([]uintptr, 100)
		handling <- hands(callers[:runtime.Callers(1, callers)])
		return nil
	})
	joined := make(chan struct{})
	io.OnConnect(func(s *socketio.Socket) { s.Join("room"); close(joined) })
	web := httptest.NewServer(io)
	t.Cleanup(func() { io.Close(); web.Close() })
	dial := func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", web.Listener.Addr().String())
	}
	c, err := rawclient.Open(t.Context(), dial, rawclient.WebSocket, rawclient.Options{Path: "/socket.io/", Pong: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Drop)
	if err := c.Send("40"); err != nil {
		t.Fatal(err)
	}
	<-joined
	if err := c.Send(`42["in","hello"]`); err != nil {
		t.Fatal(err)
	}
	expectHands(t, "an event that comes in", append(<-spy.decoding, <-handling...))

	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			_ = io.To("room").Emit("out", "hello") // fails only after Close
			select {
			case <-stop:
				return
			case <-c.Packets(): // the client is never slow
			}
		}
	}()
	expectHands(t, "a broadcast", handsToWrite(t))
}

func expectHands(t *testing.T, what string, files []string) {
	t.Helper()
	files = slices.DeleteFunc(files, func(file string) bool { return slices.Contains(lenders, file) })
	files = slices.Compact(files)
	t.Logf("%s passes %v", what, files)
	if len(files) < 4 || len(files) > maxHands {
		t.Errorf("%s passes %d files, want %d at most: %v", what, len(files), maxHands, files)
	}
	for i, file := range files {
		if slices.Contains(files[:i], file) {
			t.Errorf("%s comes back to %s: %v", what, file, files)
		}
	}
}

// hands returns the library's files on a stack, the outermost first.
func hands(callers []uintptr) (files []string) {
	frames := runtime.CallersFrames(callers)
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if file, ours := hand(f.Function, f.File); ours {
			files = append(files, file)
		}
	}
	slices.Reverse(files)
	return files
}

// hand returns the name of a file with its package, if the library contains it.
func hand(function, file string) (name string, ours bool) {
	const module = "github.com/goroomcast/socketio"
	path, ours := strings.CutPrefix(function, module)
	folder := "socketio"
	if inner, is := strings.CutPrefix(path, "/"); is {
		folder, _, _ = strings.Cut(inner, ".")
		folder = filepath.Base(folder)
	}
	return folder + "/" + filepath.Base(file), ours && !strings.HasSuffix(file, "_test.go")
}

// handsToWrite returns the hands of a broadcast that is being written. The system
// call tells nobody, so handsToWrite looks at the stacks of all goroutines until
// one writes.
func handsToWrite(t *testing.T) []string {
	text := make([]byte, 1<<20)
	for end := time.Now().Add(patience); time.Now().Before(end); runtime.Gosched() {
		for stack := range bytes.SplitSeq(text[:runtime.Stack(text, true)], []byte("\n\n")) {
			if !bytes.Contains(stack, []byte("Broadcast.Emit")) || !bytes.Contains(stack, []byte("rawconn_unix.go")) {
				continue
			}
			var files []string
			lines := strings.Split(string(stack), "\n")
			for i := 1; i+1 < len(lines); i += 2 {
				file, _, _ := strings.Cut(strings.TrimSpace(lines[i+1]), ":")
				if file, ours := hand(lines[i], file); ours {
					files = append(files, file)
				}
			}
			slices.Reverse(files)
			return files
		}
	}
	t.Fatal("no broadcast was seen being written")
	return nil
}

// A handsSpy is a parser that notes the hands when an event is decoded.
type handsSpy struct {
	parser.JSON
	decoding chan []string
}

func (s *handsSpy) NewDecoder() parser.Decoder { return &spyDecoder{s.JSON.NewDecoder(), s} }

type spyDecoder struct {
	parser.Decoder
	spy *handsSpy
}

func (d *spyDecoder) Text(data []byte) (*parser.Packet, error) {
	if bytes.Contains(data, []byte(`"in"`)) {
		callers := make([]uintptr, 100)
		d.spy.decoding <- hands(callers[:runtime.Callers(1, callers)])
	}
	return d.Decoder.Text(data)
}
