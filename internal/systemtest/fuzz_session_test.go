package systemtest

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"path/filepath"
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

// FuzzSession reads its input as what a client does: the first byte chooses
// revision and transport, each further one an action, legal or not. A model
// knows which of the sessions live, and what each must hear. Whatever the
// client does, its events are handled and answered in their order and at most
// once, and exactly once while the session lives; sockets end once; others are
// served; and nothing is left of it.
func FuzzSession(f *testing.F) {
	scripts := []string{ // of the numbers of actions
		"\x05\x00\x0a\x01\x02\x04\xff\x0a\x06\x04\xee",                         // events
		"\x05\x00\x0b\x01\x0a\x0b\x00\x02\x0d\x13\x0b\x00",                     // an upgrade under way
		"\x05\x0b\x0c\x0b\x00\x0b\x0b\x0f\x0b\x00\x0a\x00",                     // one given up, one too many
		"\x05\x06\x03\x08\x03\x06\x03\x07\x00\x05\x00",                         // namespaces
		"\x05\x00\x09\x00\x00\x05\x00\x09\x01\x00",                             // thrown out
		"\x05\x00\x15\x00\x00\x16\x05\x00\x15\x01\x00",                         // ends
		"\x05\x13\x0b\x00\x14\x00\x16\x13\x0b\x05\x00\x16\x05\x0b\x13\x04\x0b", // time
		"\x00", "\x05\x05\x00", "\x03", "\x08", "\x05\x0a\x0a\x0a\x00", "\x05\x00\x0e\x00", // breaches
		"\x05\x11\x0b42[\"echo\",1]\x00", "\x05\x11\x0440/chat,\x03", "\x05\x12\x03\x81\x81\x00\x00",
	}
	for i := range breaches {
		scripts = append(scripts, "\x05\x00\x10"+string(rune(i))+"\x00")
	}
	scripts = append(scripts, transcribed(f)...)
	for _, script := range scripts {
		for mode := range byte(4) {
			f.Add(append([]byte{mode}, script...))
		}
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) == 0 || len(script) > 1000 {
			t.Skip()
		}
		testserver.Run(t, &socketio.Options{AllowEIO3: true}, func(h *testserver.Harness) {
			m := newSessionModel(h, script[0])
			healthy := h.Connect(rawclient.WebSocket)
			m.open()
			for rest := script[1:]; len(rest) > 0; {
				rest = m.act(rest[0], rest[1:])
				m.listen()
			}
			m.settle()
			healthy.Send(`421["double",4]`)
			healthy.Expect(`431[8]`)
			healthy.Close()
			testserver.Wait(time.Minute)
			if n := h.ClientsCount(); n != 0 {
				t.Errorf("%d sessions stay", n)
			}
			h.Check(h.Shutdown(context.Background()))
			m.checkEnds()
		})
	})
}

// transcribed returns the transcripts' scenes as scripts.
func transcribed(f *testing.F) (scripts []string) {
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
			script := ""
			for line := range strings.Lines(scene) {
				if p, is := strings.CutPrefix(line, "C: "); is && len(p) < 256 {
					p = strings.TrimSuffix(p, "\n")
					script += "\x11" + string([]byte{byte(len(p))}) + p
				}
			}
			scripts = append(scripts, script)
		}
	}
	return scripts
}

// A sessionModel is what must be true of a client's session.
type sessionModel struct {
	*puppet
	h        *testserver.Harness
	eio3     bool
	ws       bool                // sessions open over WebSocket
	lives    bool                // what is sent now is answered
	wild     bool                // the client has sent what the model does not understand
	admitted bool                // to a namespace, once
	members  map[string]member   // by namespace
	want     map[string][]string // what is to be heard, in each
	heard    map[string]int      // how much of it has been
	half     string              // a packet heard that awaits its attachment
	sent     int
	age      time.Duration
	probed   time.Duration // age of the probe

	mu        sync.Mutex
	connected map[string]int
	ended     map[string]int
}

type member int

const (
	stranger member = iota
	inside
	left // by the client
	gone // by the server
)

// Namespaces as they stand in a packet.
const (
	mainNamespace = ""
	chatNamespace = "/chat,"
)

func newSessionModel(h *testserver.Harness, mode byte) *sessionModel {
	m := &sessionModel{h: h, eio3: mode&1 != 0, ws: mode&2 != 0, connected: map[string]int{}, ended: map[string]int{}}
	new(application).serve(h)
	for _, n := range []*socketio.Namespace{h.Of("/"), h.Of("/chat")} {
		n.OnConnect(func(s *socketio.Socket) {
			m.count(m.connected, n)
			over := false
			s.OnAny(func(context.Context, *socketio.Event) error {
				if over {
					h.T.Error("an event after OnDisconnect")
				}
				return nil
			})
			s.OnDisconnect(func(socketio.Reason) {
				if over {
					h.T.Error("OnDisconnect is called again")
				}
				over = true
				m.count(m.ended, n)
			})
		})
	}
	return m
}

func (m *sessionModel) count(what map[string]int, n *socketio.Namespace) {
	m.mu.Lock()
	defer m.mu.Unlock()
	what[n.Name()]++
}

// checkEnds wants an end of each socket, once all are over.
func (m *sessionModel) checkEnds() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !maps.Equal(m.connected, m.ended) {
		m.h.T.Errorf("%v connected, %v disconnected", m.connected, m.ended)
	}
}

// open begins a session.
func (m *sessionModel) open() {
	m.puppet = newPuppet(m.h, m.eio3, m.ws)
	m.lives, m.wild, m.admitted = true, false, m.eio3
	m.members, m.want, m.heard = map[string]member{}, map[string][]string{}, map[string]int{}
	if m.eio3 {
		m.members[mainNamespace] = inside
	}
	m.age, m.half = 0, ""
}

// event sends an event that nobody else can have sent, and notes what is to
// come back.
func (m *sessionModel) event(namespace string, kind byte) {
	token := fmt.Sprintf("%s/%d", m.sid, m.sent)
	m.sent++
	packets, answer := []string{`42` + namespace + `["echo","` + token + `"]`}, ""
	switch kind % 3 {
	case 0:
		answer = packets[0]
	case 1:
		packets[0] = `42` + namespace + `7["echo","` + token + `"]`
		answer = `43` + namespace + `7["` + token + `"]`
	case 2:
		packets = []string{`451-` + namespace + `["echo",{"_placeholder":true,"num":0}]`, "b" + base64.StdEncoding.EncodeToString([]byte(token))}
		answer = packets[0] + token
	}
	switch {
	case m.wild, m.lives && m.members[namespace] == inside:
		m.want[namespace] = append(m.want[namespace], answer)
	case m.members[namespace] == stranger, m.members[namespace] == left:
		m.lives = false
	}
	m.send(packets...)
}

// listen notes what has come, and compares.
func (m *sessionModel) listen() {
	synctest.Wait()
	for _, packet := range m.take() {
		if data, is := strings.CutPrefix(packet, "b"); is {
			attachment, err := base64.StdEncoding.DecodeString(data)
			m.h.Check(err)
			packet, m.half = m.half+string(attachment), ""
		} else if strings.HasPrefix(packet, "451-") {
			m.half = packet
			continue
		}
		if packet == "2" && !m.eio3 {
			m.send("3")
		}
		if strings.Contains(packet, m.sid+"/") {
			m.compare(packet)
		}
	}
}

// compare wants an answer to be one that is awaited, and later than those
// before.
func (m *sessionModel) compare(answer string) {
	namespace := mainNamespace
	if strings.Contains(answer, chatNamespace) {
		namespace = chatNamespace
	}
	want := m.want[namespace]
	i := slices.Index(want[m.heard[namespace]:], answer)
	switch {
	case i >= 0 && (i == 0 || m.wild):
		m.heard[namespace] += i + 1
	case !m.wild || slices.Contains(want, answer):
		m.h.T.Errorf("heard %q, want %q", answer, want[m.heard[namespace]:])
	}
}

// settle ends a session: if it lives, all must have been heard.
func (m *sessionModel) settle() {
	if m.puppet.ws == nil && !m.isPolling() {
		m.poll()
	}
	m.listen()
	if m.lives && !m.wild {
		for namespace, want := range m.want {
			if rest := want[m.heard[namespace]:]; len(rest) > 0 {
				m.h.T.Errorf("in %q nothing has been heard of %q", namespace, rest)
			}
		}
	}
	m.drop()
}
