package hostile_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// A verdict is how a connection ends on which something has been received.
type verdict struct {
	reason    string // that the sockets are told; empty if the connection stays
	websocket string // the last that a client sees over WebSocket
	post      string // the answer to the POST
	poll      string // the last of the polls
}

var (
	stays = verdict{"", "open", "ok", "open"}

	// What is no packet of Socket.IO, or not allowed now.
	forcedClose = verdict{"forced close", "close 1000", "ok", "closed"}

	// What is sent to a namespace that the client has left by itself.
	leftBefore = verdict{"client namespace disconnect", "close 1000", "ok", "closed"}

	// What is no packet of Engine.IO.
	parseError = verdict{"parse error", "close 1000", `400 {"code":3,"message":"Bad request"}`, "closed"}

	// The client's own end.
	transportClose = verdict{"transport close", "close 1000", "ok", `status 400: {"code":1,"message":"Session ID unknown"}`}

	// A heartbeat of the server's own.
	transportError = verdict{"transport error", "end", "ok", "closed"}
)

// A packetCase is what a client sends that is in "/". Over polling its packets
// share a POST.
type packetCase struct {
	name     string
	packets  []string
	want     verdict
	answers  []string // before the end
	answers3 []string // to a client of protocol 3, if others
}

func one(packet string) []string         { return []string{packet} }
func all(packets ...string) []string     { return packets }
func many(n int, packet string) []string { return slices.Repeat([]string{packet}, n) }

func playPackets(t *testing.T, cases []packetCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, mode := range []rawclient.Mode{rawclient.Polling, rawclient.WebSocket} {
				for _, eio3 := range []bool{false, true} {
					t.Run(fmt.Sprint(mode, " ", protocol(eio3)), func(t *testing.T) {
						lay(t, socketio.Options{}, func(s *siege) { c.play(s, mode, eio3) })
					})
				}
			}
		})
	}
}

func protocol(eio3 bool) int {
	if eio3 {
		return 3
	}
	return 4
}

func (c *packetCase) play(s *siege, mode rawclient.Mode, eio3 bool) {
	client := s.member(mode, eio3)
	posted := c.send(client)
	pause(answerTime)

	answers := c.answers
	if eio3 && c.answers3 != nil {
		answers = c.answers3
	}
	want := c.want
	end := want.poll
	if mode == rawclient.WebSocket {
		end = want.websocket
	}
	if got := heard(client); !slices.Equal(got, append(slices.Clone(answers), end)) {
		s.T.Errorf("the client hears %.200q, want %.200q and %q", got, answers, end)
	}
	if mode == rawclient.Polling && posted != want.post {
		s.T.Errorf("the POST is answered by %q, want %q", posted, want.post)
	}
	var endings []string
	if want.reason != "" {
		endings = []string{"/ " + want.reason}
	}
	if got := s.got(&s.endings); !slices.Equal(got, endings) {
		s.T.Errorf("sockets end with %q, want %q", got, endings)
	}
	if notes := s.got(&s.noted); len(notes) > 0 {
		s.T.Errorf("the handler gets %q", notes)
	}
	if end == "open" {
		s.ok(client.Send(`428["echo","still here"]`))
		if p, err := client.Next(); p != `438["still here"]` {
			s.T.Errorf("the connection is of no use: %q, %v", p, err)
		}
	}
}

// send returns what the POST is answered by.
func (c *packetCase) send(client *rawclient.Client) string {
	err := client.Send(c.packets...)
	var refusal *rawclient.StatusError
	switch {
	case errors.As(err, &refusal):
		return fmt.Sprintf("%d %s", refusal.Status, refusal.Body)
	case err != nil:
		return err.Error()
	}
	return "ok"
}

// heard returns the packets that have come, and how the session has ended.
func heard(c *rawclient.Client) (all []string) {
	for {
		select {
		case p, more := <-c.Packets():
			if more {
				all = append(all, p)
				continue
			}
			_, err := c.Next()
			var closed *rawclient.CloseError
			switch {
			case errors.As(err, &closed):
				return append(all, fmt.Sprint("close ", closed.Code))
			case errors.Is(err, io.EOF) && c.OverWebSocket(), errors.Is(err, io.ErrClosedPipe):
				return append(all, "end")
			case errors.Is(err, io.EOF):
				return append(all, "closed")
			}
			return append(all, err.Error())
		default:
			return append(all, "open")
		}
	}
}

func TestTypes(t *testing.T) {
	playPackets(t, []packetCase{
		{"type 7", one("47"), forcedClose, nil, nil},
		{"type 9", one(`49["echo"]`), forcedClose, nil, nil},
		{"type -1", one(`4-1["echo"]`), forcedClose, nil, nil},
		{"a letter for a type", one(`4a["echo"]`), forcedClose, nil, nil},
		{"a space before the type", one(`4 2["echo"]`), forcedClose, nil, nil},
		{"a full-width digit for a type", one(`4２["echo"]`), forcedClose, nil, nil},
		{"NUL for a type", one("4\x00"), forcedClose, nil, nil},
		{"nothing", one("4"), forcedClose, nil, nil},
		{"an Engine.IO type 7", one("7"), parseError, nil, nil},
		{"an Engine.IO type above ASCII", one("é"), parseError, nil, nil},
		{"an Engine.IO type of a binary payload", one("\x04hello"), parseError, nil, nil},
		{"OPEN of a client", one(`0{"sid":"mine"}`), stays, nil, nil},
		{"UPGRADE without a probe", one("5"), stays, nil, nil},
		{"NOOP of a client", one("6"), stays, nil, nil},
		{"NOOP with data", one("6" + strings.Repeat("x", 1000)), stays, nil, nil},
		{"CONNECT_ERROR", one(`44{"message":"no"}`), forcedClose, nil, nil},
		{"CONNECT_ERROR with a string", one(`44"no"`), forcedClose, nil, nil},
		{"what follows a breach", all("47", `42["note","late"]`), forcedClose, nil, nil},
		{"what follows CLOSE", all("1", `42["note","late"]`), transportClose, nil, nil},
	})
}

func TestNamespaces(t *testing.T) {
	long := "/" + strings.Repeat("n", 511)
	invalid := func(name string) []string {
		return one("44" + name + `,{"message":"Invalid namespace"}`)
	}
	invalid3 := func(name string) []string { return one("44" + name + `,"Invalid namespace"`) }
	playPackets(t, []packetCase{
		{"EVENT before CONNECT", one(`42/chat,["note","early"]`), forcedClose, nil, nil},
		{"ACK before CONNECT", one(`43/chat,0[]`), forcedClose, nil, nil},
		{"DISCONNECT before CONNECT", one(`41/chat`), forcedClose, nil, nil},
		{"binary EVENT before CONNECT", all(`451-/chat,["note",{"_placeholder":true,"num":0}]`, "bAA=="), forcedClose, nil, nil},
		{"EVENT after DISCONNECT", all("41", `42["note","late"]`), leftBefore, nil, nil},
		{"DISCONNECT twice", all("41", "41"), leftBefore, nil, nil},
		{"DISCONNECT of a namespace it is not in", all("41/unknown", "41"), forcedClose, nil, nil},
		{"an unknown one", one("40/unknown,"), stays, invalid("/unknown"), invalid3("/unknown")},
		{"EVENT after a refused CONNECT", all("40/unknown,", `42/unknown,["note","x"]`), forcedClose, invalid("/unknown"), invalid3("/unknown")},
		{"named like a property of every object", one("40/__proto__,"), stays, invalid("/__proto__"), invalid3("/__proto__")},
		{"named constructor", one("40/constructor,"), stays, invalid("/constructor"), invalid3("/constructor")},
		{"a path out of it", one("40/../chat,"), stays, invalid("/../chat"), invalid3("/../chat")},
		{"percent-encoded", one("40/%63hat,"), stays, invalid("/%63hat"), invalid3("/%63hat")},
		{"in other case", one("40/CHAT,"), stays, invalid("/CHAT"), invalid3("/CHAT")},
		{"with NUL in it", one("40/chat\x00,"), stays, one(`44/chat` + "\x00" + `,{"message":"Invalid namespace"}`), one("44/chat\x00" + `,"Invalid namespace"`)},
		{"as long as allowed", one("40" + long + ","), stays, invalid(long), invalid3(long)},
		{"longer than allowed", one("40" + long + "n,"), forcedClose, nil, nil},
		{"a million bytes long", one("40/" + strings.Repeat("n", 900_000) + ","), forcedClose, nil, nil},
		{"without a comma, swallowing the payload", one(`42/chat["note","x"]`), forcedClose, nil, nil},
	})
}

func TestEvents(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	cases := []packetCase{
		{"no payload", one("42"), forcedClose, nil, nil},
		{"an object", one(`42{"0":"echo"}`), forcedClose, nil, nil},
		{"a string", one(`42"echo"`), forcedClose, nil, nil},
		{"null", one(`42null`), forcedClose, nil, nil},
		{"no name", one(`42[]`), forcedClose, nil, nil},
		{"an object for a name", one(`42[{"toString":"echo"}]`), forcedClose, nil, nil},
		{"an array for a name", one(`42[["echo"]]`), forcedClose, nil, nil},
		{"null for a name", one(`42[null]`), forcedClose, nil, nil},
		{"true for a name", one(`42[true]`), forcedClose, nil, nil},
		{"a placeholder for a name", all(`451-[{"_placeholder":true,"num":0}]`, "bZWNobw=="), forcedClose, nil, nil},
		{"a number for a name that nobody listens to", one(`42[1,"x"]`), stays, nil, nil},
		{"nobody listens", one(`42["nobody","x"]`), stays, nil, nil},
		{"nobody listens and a reply is wanted", one(`4200["nobody"]`), stays, nil, nil},
		{"error for a name", one(`42["error","x"]`), stays, nil, nil},
		{"__proto__ for a name", one(`42["__proto__",{"polluted":true}]`), stays, nil, nil},
		{"constructor for a name", one(`42["constructor"]`), stays, nil, nil},
		{"__proto__ for a key", one(`421["echo",{"__proto__":{"polluted":true}}]`), stays, one(`431[{"__proto__":{"polluted":true}}]`), nil},
		{"a key twice", one(`421["echo",{"a":1,"a":2}]`), stays, one(`431[{"a":2}]`), nil},
		{"arguments of the wrong type", one(`42["note",{"text":"x"}]`), stays, nil, nil},
		{"too few arguments", one(`42["note"]`), stays, nil, nil},
		{"a handler that panics", one(`42["panic"]`), stays, nil, nil},
		{"not closed", one(`42["echo"`), forcedClose, nil, nil},
		{"closed twice", one(`42["echo"]]`), forcedClose, nil, nil},
		{"two arrays", one(`42["echo"]["echo"]`), forcedClose, nil, nil},
		{"a comma at the end", one(`42["echo",]`), forcedClose, nil, nil},
		{"single quotes", one(`42['echo']`), forcedClose, nil, nil},
		{"NaN", one(`42["echo",NaN]`), forcedClose, nil, nil},
		{"a number with a leading zero", one(`42["echo",01]`), forcedClose, nil, nil},
		{"a control character in a string", one("42[\"echo\",\"\x01\"]"), forcedClose, nil, nil},
		{"a byte order mark", one("42\ufeff[\"echo\"]"), forcedClose, nil, nil},
		{"half an escaped surrogate pair", one(`421["echo","\ud800"]`), stays, one("431[\"\ufffd\"]"), nil},
		{"half an escape", one(`42["echo","\ud8"]`), forcedClose, nil, nil},
		{"a number too large for a float64", one(`42["echo",1e999]`), stays, nil, nil},
		{"nested as deep as allowed", one(`421["echo",` + deep(511) + `]`), stays, one(`431[` + deep(511) + `]`), nil},
		{"nested deeper than allowed", one(`421["echo",` + deep(512) + `]`), forcedClose, nil, nil},
		{"800,000 brackets", one(`42["echo",` + deep(400_000) + `]`), forcedClose, nil, nil},
		{"a reply for nobody", one("43999[]"), stays, nil, nil},
		{"a reply without an id", one("43[]"), stays, nil, nil},
		{"a reply that is an object", one(`430{}`), forcedClose, nil, nil},
		{"a reply without payload", one(`430`), forcedClose, nil, nil},
		{"the same id in two events", all(`425["echo",1]`, `425["echo",2]`), stays, all(`435[1]`, `435[2]`), nil},
		{"an id of 2^53-1", one(`429007199254740991["echo"]`), stays, one(`439007199254740991[]`), nil},
		{"an id of 2^53", one(`429007199254740992["echo"]`), forcedClose, nil, nil},
		{"an id of 10,000 digits", one("42" + strings.Repeat("9", 10_000) + `["echo"]`), forcedClose, nil, nil},
		{"a negative id", one(`42-1["echo"]`), forcedClose, nil, nil},
	}
	for _, name := range []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"} {
		cases = append(cases,
			packetCase{"the reserved name " + name, one(`42["` + name + `"]`), forcedClose, nil, nil},
			packetCase{"the reserved name " + name + ", escaped", one(fmt.Sprintf(`42["\u%04x%s"]`, name[0], name[1:])), forcedClose, nil, nil})
	}
	playPackets(t, cases)
}
