package systemtest

import (
	"context"
	"io"
	"strings"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// actions are what a client of FuzzSession can do, each with what it does to
// the model. They get the rest of the script, and return what they leave of it.
var actions = []func(m *sessionModel, rest []byte) []byte{
	func(m *sessionModel, rest []byte) []byte { m.event(mainNamespace, 0); return rest },
	func(m *sessionModel, rest []byte) []byte { m.event(mainNamespace, 1); return rest },
	func(m *sessionModel, rest []byte) []byte { m.event(mainNamespace, 2); return rest },
	func(m *sessionModel, rest []byte) []byte { m.event(chatNamespace, 1); return rest },
	(*sessionModel).batch,
	func(m *sessionModel, rest []byte) []byte { m.join(mainNamespace); return rest },
	func(m *sessionModel, rest []byte) []byte { m.join(chatNamespace); return rest },
	func(m *sessionModel, rest []byte) []byte { m.leave(mainNamespace); return rest },
	func(m *sessionModel, rest []byte) []byte { m.leave(chatNamespace); return rest },
	(*sessionModel).beThrownOut,
	(*sessionModel).pollAgain,
	(*sessionModel).upgrade,
	(*sessionModel).abandonUpgrade,
	(*sessionModel).fragment,
	(*sessionModel).postTwice,
	(*sessionModel).postBesides,
	(*sessionModel).breach,
	(*sessionModel).babble,
	(*sessionModel).babbleFrames,
	(*sessionModel).bideTime,
	(*sessionModel).sleep,
	(*sessionModel).end,
	(*sessionModel).begin,
}

func (m *sessionModel) act(action byte, rest []byte) []byte {
	return actions[int(action)%len(actions)](m, rest)
}

// next takes a byte of a script, 0 after its end.
func next(script []byte) (b byte, rest []byte) {
	if len(script) == 0 {
		return 0, nil
	}
	return script[0], script[1:]
}

// batch sends events of both namespaces in a row.
func (m *sessionModel) batch(rest []byte) []byte {
	kinds, rest := next(rest)
	for ; kinds > 0; kinds >>= 1 {
		m.event([]string{mainNamespace, chatNamespace}[kinds&1], kinds>>1)
	}
	return rest
}

func (m *sessionModel) join(namespace string) {
	m.send("40" + namespace)
	m.members[namespace] = inside // once more, if it is that already
	m.admitted = true
}

func (m *sessionModel) leave(namespace string) {
	m.send("41" + namespace)
	switch m.members[namespace] {
	case stranger, left:
		m.lives = false
	case inside:
		m.members[namespace] = left
	}
}

// beThrownOut makes the server disconnect the socket, or all.
func (m *sessionModel) beThrownOut(rest []byte) []byte {
	all, rest := next(rest)
	if m.members[mainNamespace] != inside {
		return rest
	}
	if all%2 == 0 {
		m.send(`42["leave",false]`)
		m.members[mainNamespace] = gone
	} else {
		m.send(`42["leave",true]`)
		m.lives = false
	}
	return rest
}

// pollAgain polls. A second poll is a breach, one of a WebSocket session is
// refused.
func (m *sessionModel) pollAgain(rest []byte) []byte {
	if m.puppet.ws == nil && m.isPolling() {
		m.lives = false
	}
	m.poll()
	return rest
}

// upgrade takes the next step of an upgrade. A second WebSocket is refused.
func (m *sessionModel) upgrade(rest []byte) []byte {
	switch {
	case m.puppet.ws != nil:
		if w := m.dial(); w != nil {
			w.conn.Close()
		}
	case m.probe == nil:
		if m.probe = m.dial(); m.probe != nil {
			m.probed = m.age
			m.probe.send("2probe")
		}
	default:
		if heard := m.probe.take(); m.lives && !m.wild && (len(heard) != 1 || heard[0] != "3probe") {
			m.h.T.Errorf("the probe hears %q", heard)
		}
		m.probe.send("5")
		m.puppet.ws, m.probe = m.probe, nil
	}
	return rest
}

func (m *sessionModel) abandonUpgrade(rest []byte) []byte {
	if m.probe != nil {
		m.probe.conn.Close()
		m.probe = nil
		synctest.Wait()
	}
	return rest
}

// fragment sends an event in three frames and a ping.
func (m *sessionModel) fragment(rest []byte) []byte {
	if m.puppet.ws == nil {
		return rest
	}
	w := m.puppet.ws
	m.puppet.ws = &puppetWire{conn: cutter{w.conn}, eio3: m.eio3}
	m.event(mainNamespace, 0)
	m.puppet.ws = w
	return rest
}

// postTwice begins a POST and sends another.
func (m *sessionModel) postTwice(rest []byte) []byte {
	if m.puppet.ws != nil {
		return rest
	}
	conn, err := m.h.Dial(context.Background())
	m.h.Check(err)
	go io.Copy(io.Discard, conn)
	_, err = io.WriteString(conn, "POST "+m.url+"&transport=polling&sid="+m.sid+
		" HTTP/1.1\r\nHost: server.test\r\nContent-Length: 2\r\n\r\n6")
	m.h.Check(err)
	synctest.Wait()
	m.post("6", false)
	m.lives = false
	conn.Close()
	synctest.Wait()
	return rest
}

// postBesides sends an event by POST though there is a WebSocket.
func (m *sessionModel) postBesides(rest []byte) []byte {
	if m.puppet.ws != nil {
		m.post(`42["echo","`+m.sid+`/besides"]`, false)
	}
	return rest
}

// breaches are packets that end a session.
var breaches = [][]string{
	{"47"}, {"9"}, {"42["}, {`42["connect"]`}, {"44{}"}, {"bAAAA"}, {"4"}, {"40/" + strings.Repeat("x", 600)},
	{`451-["echo",{"_placeholder":true,"num":1}]`, "bAAAA"}, {`451-["echo",{"_placeholder":true,"num":0}]`, `42["echo"]`}, {"42/unknown,[1]"},
}

func (m *sessionModel) breach(rest []byte) []byte {
	which, rest := next(rest)
	m.send(breaches[int(which)%len(breaches)]...)
	m.lives = false
	return rest
}

// babble sends a packet of the script's own.
func (m *sessionModel) babble(rest []byte) []byte {
	length, rest := next(rest)
	n := min(int(length), len(rest))
	m.wild = true
	m.send(string(rest[:n]))
	return rest[n:]
}

// babbleFrames sends bytes of the script's own over WebSocket.
func (m *sessionModel) babbleFrames(rest []byte) []byte {
	length, rest := next(rest)
	n := min(int(length), len(rest))
	if m.puppet.ws != nil {
		m.wild = true
		m.puppet.ws.write(rest[:n])
	}
	return rest[n:]
}

// bideTime lets time pass for a client that does what it must.
func (m *sessionModel) bideTime(rest []byte) []byte {
	steps, rest := next(rest)
	for range steps % 12 {
		if m.puppet.ws == nil && !m.isPolling() && m.lives {
			m.poll()
		}
		if m.eio3 {
			m.send("2")
		}
		m.pass(5 * time.Second)
		m.listen()
	}
	return rest
}

func (m *sessionModel) pass(d time.Duration) {
	testserver.Wait(d)
	synctest.Wait()
	m.age += d
	if !m.admitted && m.age >= 45*time.Second {
		m.lives = false
	}
	if m.probe != nil && m.age-m.probed >= 10*time.Second {
		if m.lives && !m.wild && !m.probe.over() {
			m.h.T.Error("the upgrade has no time-out")
		}
		m.abandonUpgrade(nil)
	}
}

// sleep lets time pass for a client that does nothing.
func (m *sessionModel) sleep(rest []byte) []byte {
	m.pass(46 * time.Second)
	m.lives = false
	return rest
}

// end ends the session as the client's right is.
func (m *sessionModel) end(rest []byte) []byte {
	how, rest := next(rest)
	if m.puppet.ws != nil && how%2 == 0 {
		m.puppet.ws.write(rawclient.Frame(0x88, "\x03\xe8"))
	} else {
		m.send("1")
	}
	m.lives = false
	return rest
}

// begin leaves the session and begins another.
func (m *sessionModel) begin(rest []byte) []byte {
	m.settle()
	m.open()
	return rest
}
