package socketio_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing/synctest"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/parser"
)

// A guest is a client that comes back as the stock one does: it remembers its
// pid, and as its offset the last argument of the last event if that is a
// string.
type guest struct {
	h       *harness
	mode    rawclient.Mode
	conn    *client
	decoder parser.Decoder // of what comes over conn
	auth    map[string]any
	stays

	answers bool // PINGs by read, and not by itself
}

type stays map[string]*stay // by namespace

// A stay is what a guest has of a namespace.
type stay struct {
	SID       string
	PID       string
	offset    string
	recovered bool
	refused   string
	events    []string // without offset
	tails     []any    // what they have in its place
}

// guest connects to namespaces, "/" if none is named.
func (h *harness) guest(mode rawclient.Mode, namespaces ...string) *guest {
	h.Helper()
	g := &guest{h: h, mode: mode, auth: make(map[string]any), stays: make(stays)}
	if len(namespaces) == 0 {
		namespaces = []string{"/"}
	}
	for _, name := range namespaces {
		g.stays[name] = new(stay)
	}
	g.comeBack()
	return g
}

// comeBack connects again, to all namespaces. What the server can do at once
// is done when it returns.
func (g *guest) comeBack() {
	g.h.Helper()
	g.conn = g.h.openWith(g.mode, rawclient.Options{Pong: !g.answers})
	g.decoder = parser.JSON{}.NewDecoder()
	for name, s := range g.stays {
		s.SID, s.recovered = "", false
		g.enter(name)
	}
	g.read()
}

func (g *guest) enter(name string) {
	g.h.Helper()
	auth := make(map[string]any)
	for key, value := range g.auth {
		auth[key] = value
	}
	s := g.stays[name]
	if s.PID != "" {
		auth["pid"] = s.PID
	}
	if s.offset != "" {
		auth["offset"] = s.offset
	}
	text, err := json.Marshal(auth)
	g.h.check(err)
	g.conn.send("40" + name + "," + string(text))
}

// drop breaks the connection, and comes to know what came before.
func (g *guest) drop() {
	g.read()
	g.conn.Drop()
	synctest.Wait()
}

// read takes what has come.
func (g *guest) read() {
	g.h.Helper()
	synctest.Wait()
	for {
		select {
		case packet, ok := <-g.conn.Packets():
			if !ok {
				return
			}
			if packet == "2" {
				g.conn.send("3")
			} else if err := g.take(g.decoder, packet); err != nil {
				g.h.Fatalf("packet %q: %v", packet, err)
			}
		default:
			return
		}
	}
}

// take is what the client does with a packet.
func (s stays) take(decoder parser.Decoder, packet string) error {
	var p *parser.Packet
	var err error
	if data, binary := strings.CutPrefix(packet, "b"); binary {
		var b []byte
		if b, err = base64.StdEncoding.DecodeString(data); err == nil {
			p, err = decoder.Binary(b)
		}
	} else {
		p, err = decoder.Text([]byte(packet[1:]))
	}
	if err != nil || p == nil {
		return err
	}
	in := s[p.Namespace]
	switch p.Type {
	case parser.Connect:
		before := in.PID
		err = p.Args.Decode(in)
		in.recovered = before != "" && in.PID == before
	case parser.ConnectError:
		var refusal socketio.Error
		err = p.Args.Decode(&refusal)
		in.refused = refusal.Message
	case parser.Event:
		if in.SID == "" {
			return fmt.Errorf("an event before the answer to CONNECT")
		}
		err = in.event(p)
	}
	return err
}

func (s *stay) event(p *parser.Packet) error {
	if p.Args == nil {
		return fmt.Errorf("an event without offset")
	}
	args, into := make([]any, p.Args.Len()), make([]any, p.Args.Len())
	for i := range args {
		into[i] = &args[i]
	}
	if err := p.Args.Decode(into...); err != nil {
		return err
	}
	text := p.Event
	if n := len(args) - 1; !p.HasID {
		s.tails = append(s.tails, args[n])
		if offset, is := args[n].(string); is {
			s.offset = offset
		}
		args = args[:n]
	}
	for _, arg := range args {
		text += fmt.Sprint(" ", arg)
	}
	s.events = append(s.events, text)
	return nil
}

// firstOffset returns the offset of the first event.
func (s *stay) firstOffset() string {
	offset, _ := s.tails[0].(string)
	return offset
}

// expect wants these events, and no others, since it was last called.
func (g *guest) expect(namespace string, want ...string) {
	g.h.Helper()
	g.read()
	s := g.stays[namespace]
	if !slices.Equal(s.events, want) {
		g.h.Errorf("got events %q in %s, want %q", s.events, namespace, want)
	}
	s.events, s.tails = nil, nil
}

// returned wants the guest to have come back to its session, or to a new one.
func (g *guest) returned(namespace string, recovered bool) {
	g.h.Helper()
	s := g.stays[namespace]
	if s.SID == "" || s.recovered != recovered {
		g.h.Errorf("recovered in %s: %t, with id %q, want %t", namespace, s.recovered, s.SID, recovered)
	}
	if namespace != "/" {
		return // asking for a child would keep it
	}
	if is := g.h.socket(s.SID).Recovered(); is != recovered {
		g.h.Errorf("Recovered() = %t, want %t", is, recovered)
	}
}
