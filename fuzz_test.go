package socketio_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// FuzzConn lets a client send anything, packets apart by 0x1e. Whatever that
// does to its own connection, others are served.
func FuzzConn(f *testing.F) {
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatal("no transcripts to begin with: ", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for scene := range strings.SplitSeq(string(text), "\n== ") {
			var packets []string
			for line := range strings.Lines(scene) {
				if p, is := strings.CutPrefix(line, "C: "); is {
					packets = append(packets, strings.TrimSuffix(p, "\n"))
				}
			}
			for i := range 2 * len(rawclient.Modes) { // of either revision
				f.Add(byte(i), []byte(strings.Join(packets, "\x1e")))
			}
		}
	}
	f.Fuzz(func(t *testing.T, mode byte, data []byte) {
		run(t, &socketio.Options{AllowEIO3: true}, func(h *harness) {
			new(application).serve(h)
			n := len(rawclient.Modes)
			c := h.openWith(rawclient.Modes[int(mode)%n], rawclient.Options{Pong: true, EIO3: int(mode)/n%2 == 1})
			for packet := range bytes.SplitSeq(data, []byte{0x1e}) {
				if b, is := bytes.CutPrefix(packet, []byte("b")); is {
					if _, err := base64.StdEncoding.DecodeString(string(b)); err != nil {
						continue // nothing that the client could send over WebSocket
					}
				}
				if c.Send(string(packet)) != nil {
					break
				}
				synctest.Wait()
			}
			other := h.connect(rawclient.WebSocket)
			other.send(`421["double",4]`)
			other.expect(`431[8]`)
			c.Close()
			other.Close()
			h.check(h.Shutdown(context.Background()))
			for s := range h.Sockets() {
				t.Errorf("socket %s stays", s.ID())
			}
		})
	})
}
