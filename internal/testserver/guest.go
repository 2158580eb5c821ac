package testserver

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

// A Guest is a client that uses state recovery as the stock one does: it
// remembers its private session id (pid), and as its offset the last argument
// of the last event if this is a string.
type Guest struct {
	Harness *Harness
	Mode    rawclient.Mode
	Conn    *Client        // the present connection
	decoder parser.Decoder // of the packets from Conn
	Auth    map[string]any // sent with each CONNECT
	Stays

	Answers bool // PINGs are answered by Read only
}

// Stays are the namespaces that a guest enters, by name.
type Stays map[string]*Stay

// A Stay is what a guest knows of a namespace.
type Stay struct {
	SID       string
	PID       string
	Offset    string
	recovered bool
	Refused   string   // the message of the CONNECT_ERROR
	Events    []string // received since the last Expect, without offset
	Tails     []any    // their last arguments, the offsets
}

// Guest connects a guest to namespaces, by default to "/".
func (h *Harness) Guest(mode rawclient.Mode, namespaces ...string) *Guest {
	h.T.Helper()
	g := &Guest{Harness: h, Mode: mode, Auth: make(map[string]any), Stays: make(Stays)}
	if len(namespaces) == 0 {
		namespaces = []string{"/"}
	}
	for _, name := range namespaces {
		g.Stays[name] = new(Stay)
	}
	g.ComeBack()
	return g
}

// ComeBack opens a new connection and enters all namespaces of the guest. It
// returns when the server has nothing left to do.
func (g *Guest) ComeBack() {
	g.Harness.T.Helper()
	g.Conn = g.Harness.OpenWith(g.Mode, rawclient.Options{Pong: !g.Answers})
	g.decoder = parser.JSON{}.NewDecoder()
	for name, s := range g.Stays {
		s.SID, s.recovered = "", false
		g.Enter(name)
	}
	g.Read()
}

// Enter sends the CONNECT to a namespace.
func (g *Guest) Enter(name string) {
	g.Harness.T.Helper()
	auth := make(map[string]any)
	for key, value := range g.Auth {
		auth[key] = value
	}
	s := g.Stays[name]
	if s.PID != "" {
		auth["pid"] = s.PID
	}
	if s.Offset != "" {
		auth["offset"] = s.Offset
	}
	text, err := json.Marshal(auth)
	g.Harness.Check(err)
	g.Conn.Send("40" + name + "," + string(text))
}

// Drop reads the packets that have arrived and breaks the connection.
func (g *Guest) Drop() {
	g.Read()
	g.Conn.Drop()
	synctest.Wait()
}

// Read takes the packets that have arrived.
func (g *Guest) Read() {
	g.Harness.T.Helper()
	synctest.Wait()
	for {
		select {
		case packet, ok := <-g.Conn.Packets():
			if !ok {
				return
			}
			if packet == "2" {
				g.Conn.Send("3")
			} else if err := g.take(g.decoder, packet); err != nil {
				g.Harness.T.Fatalf("packet %q: %v", packet, err)
			}
		default:
			return
		}
	}
}

// take does what the stock client does with a packet.
func (s Stays) take(decoder parser.Decoder, packet string) error {
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
		in.Refused = refusal.Message
	case parser.Event:
		if in.SID == "" {
			return fmt.Errorf("an event before the answer to CONNECT")
		}
		err = in.event(p)
	}
	return err
}

func (s *Stay) event(p *parser.Packet) error {
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
		s.Tails = append(s.Tails, args[n])
		if offset, is := args[n].(string); is {
			s.Offset = offset
		}
		args = args[:n]
	}
	for _, arg := range args {
		text += fmt.Sprint(" ", arg)
	}
	s.Events = append(s.Events, text)
	return nil
}

// FirstOffset returns the offset of the first event since the last Expect.
func (s *Stay) FirstOffset() string {
	offset, _ := s.Tails[0].(string)
	return offset
}

// Expect expects exactly these events since the last call.
func (g *Guest) Expect(namespace string, want ...string) {
	g.Harness.T.Helper()
	g.Read()
	s := g.Stays[namespace]
	if !slices.Equal(s.Events, want) {
		g.Harness.T.Errorf("got events %q in %s, want %q", s.Events, namespace, want)
	}
	s.Events, s.Tails = nil, nil
}

// Returned expects that the server has recovered the guest's session, or has
// not.
func (g *Guest) Returned(namespace string, recovered bool) {
	g.Harness.T.Helper()
	s := g.Stays[namespace]
	if s.SID == "" || s.recovered != recovered {
		g.Harness.T.Errorf("recovered in %s: %t, with id %q, want %t", namespace, s.recovered, s.SID, recovered)
	}
	if namespace != "/" {
		return // asking for a child would keep it
	}
	if is := g.Harness.MustSocket(s.SID).Recovered(); is != recovered {
		g.Harness.T.Errorf("Recovered() = %t, want %t", is, recovered)
	}
}

// Recovering returns options with state recovery.
func Recovering() *socketio.Options { return &socketio.Options{Recovery: &socketio.Recovery{}} }

// ComesBackWith brings a guest back, and expects its session and these events.
func (h *Harness) ComesBackWith(g *Guest, want ...string) {
	h.T.Helper()
	g.ComeBack()
	g.Returned("/", true)
	g.Expect("/", want...)
}
