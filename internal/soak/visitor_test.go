//go:build linux

package soak

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/goroomcast/socketio/internal/rawclient"
)

// patience is how long a client waits for what the server owes it: far longer
// than it takes, unless the machine is busy with something else.
const patience = time.Minute

// A visitor is a client that says things to its room, and hears those of others.
type visitor struct {
	*soak
	*rawclient.Client
	wires  []*wire // connections that it has made
	site   int
	owner  int
	room   string
	online bool

	pid, offset string
	broke       time.Time // when it last broke its connection

	sent, acked, said int                // numbers of its own next event
	asked             map[int]bool       // by the number of the event
	others            map[int]*neighbour // by owner
	attachment        string             // the one that comes next
	attached          bool               // there is one
}

// A neighbour is another client, as a visitor hears it.
type neighbour struct {
	next    int
	emitted time.Time // its last event
}

// visit is a client's life. It ends in one of the endings.
func (s *soak) visit(seat int) {
	v := &visitor{
		soak: s, site: seat % sites, room: fmt.Sprint("room ", seat/roomful), owner: int(s.clients.Add(1)),
		asked: make(map[int]bool), others: make(map[int]*neighbour),
	}
	if err := v.live(rawclient.Modes[rand.N(len(rawclient.Modes))]); err != nil && !errors.Is(err, errLate) {
		s.t.Errorf("client %d of server %d: %v", v.owner, v.site, err)
	}
}

func (v *visitor) live(mode rawclient.Mode) error {
	if err := v.connect(mode); err != nil {
		return err
	}
	defer func() { v.Drop() }() // the one it has then
	for range 3 + rand.N(20) {
		if err := v.say(1 + rand.N(6)); err != nil {
			return err
		}
		if err := v.listen(time.Now().Add(rand.N(200*time.Millisecond)), func() bool { return v.over.Load() }); err != nil {
			return err
		}
		switch rand.N(12) {
		case 0:
			if err := v.upgrade(); err != nil {
				return fmt.Errorf("upgrade: %w", err)
			}
		case 1:
			if err := v.comeBack(); err != nil {
				return err
			}
		}
		if v.over.Load() {
			break
		}
	}
	return v.end()
}

// connect opens a connection and enters the main namespace, or comes back to it.
func (v *visitor) connect(mode rawclient.Mode) (err error) {
	v.wires, v.online = nil, false
	v.Client, err = rawclient.Open(context.Background(), v.dial, mode, rawclient.Options{Path: "/socket.io/", Pong: true})
	if err != nil {
		return fmt.Errorf("connect over %s: %w", mode, err)
	}
	auth, err := json.Marshal(map[string]any{"site": v.site, "owner": v.owner, "room": v.room, "pid": v.pid, "offset": v.offset})
	if err == nil {
		err = v.Send("40" + string(auth))
	}
	if err == nil {
		err = v.listen(time.Time{}, func() bool { return v.online })
	}
	return err
}

func (v *visitor) dial(ctx context.Context) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", v.sites[v.site].addr)
	if err != nil {
		return nil, err
	}
	w := &wire{TCPConn: conn.(*net.TCPConn)}
	v.wires = append(v.wires, w)
	return w, nil
}

// say sends events, and waits for what comes of them: each comes back once as
// the room's, then as a reply.
func (v *visitor) say(n int) error {
	events := make([]string, n)
	for i := range events {
		text, err := json.Marshal(payload(v.owner, v.sent))
		if err != nil {
			return err
		}
		events[i] = fmt.Sprintf(`42%d["say",%d,%d,%s]`, v.sent, v.owner, v.sent, text)
		if v.sent%5 == 0 {
			v.asked[v.sent] = true
		}
		v.sent++
	}
	if err := v.Send(events...); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return v.listen(time.Time{}, func() bool { return v.acked == v.sent && len(v.asked) == 0 && !v.attached })
}

// listen takes packets until a time, or, if there is none, until done, for which
// the server has only so long. It always ends between packets that belong
// together.
func (v *visitor) listen(until time.Time, done func() bool) error {
	limit := patience
	if !until.IsZero() {
		limit = time.Until(until)
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for over := false; v.attached || !over && !done(); {
		select {
		case packet, ok := <-v.Packets():
			if !ok {
				_, err := v.Next()
				return fmt.Errorf("connection lost, WebSocket: %v, online: %v: %w", v.OverWebSocket(), v.online, err)
			}
			if err := v.take(packet); err != nil {
				return err
			}
		case <-timer.C:
			if until.IsZero() || v.attached && over {
				return fmt.Errorf("sent %d, heard %d, replies %d, questions open %d, attachment open %v, online %v after %v",
					v.sent, v.said, v.acked, len(v.asked), v.attached, v.online, limit)
			}
			over = true
			timer.Reset(patience)
		}
	}
	return nil
}

var errPacket = errors.New("not what comes next")

// take takes a packet.
func (v *visitor) take(packet string) error {
	if v.attached {
		return v.takeAttachment(packet)
	}
	start := strings.IndexAny(packet, "[{")
	if start < 0 {
		return fmt.Errorf("%w: %.60q", errPacket, packet)
	}
	head, body := packet[:start], []byte(packet[start:])
	if head == "40" {
		return v.enter(body)
	}
	var args []json.RawMessage
	if err := json.Unmarshal(body, &args); err != nil {
		return fmt.Errorf("%w: %.60q", err, packet)
	}
	switch name := string(args[0]); {
	case strings.HasPrefix(head, "43"):
		return v.takeReply(head, body)
	case head == "451-" && name == `"said"` && len(args) == 7:
		return v.takeSaid(args)
	case strings.HasPrefix(head, "42") && name == `"ask"` && len(args) == 2:
		return v.answer(head[2:], args[1])
	}
	return fmt.Errorf("%w: %.60q", errPacket, packet)
}

// errLate is the end of a client that has been away for so long that its session
// is gone: the machine was busy with something else.
var errLate = errors.New("too late to come back")

// enter takes the answer to CONNECT. A client that has been away for less than
// comeback comes back to its session.
func (v *visitor) enter(body []byte) error {
	var answer struct{ PID string }
	if err := json.Unmarshal(body, &answer); err != nil {
		return err
	}
	away := time.Since(v.broke)
	switch {
	case v.online:
		return fmt.Errorf("%w: a second answer to CONNECT", errPacket)
	case v.pid == "" || answer.PID == v.pid:
	case away < comeback:
		return fmt.Errorf("not recovered after %v and event %q", away, v.offset)
	default:
		v.late.Add(1)
		return errLate
	}
	v.pid, v.online = answer.PID, true
	return nil
}

func (v *visitor) takeReply(head string, body []byte) error {
	text, err := json.Marshal([]any{v.owner, v.acked, payload(v.owner, v.acked)})
	if err != nil {
		return err
	}
	var got, want any
	if err := errors.Join(json.Unmarshal(body, &got), json.Unmarshal(text, &want)); err != nil {
		return err
	}
	if head != fmt.Sprint("43", v.acked) || fmt.Sprint(got) != fmt.Sprint(want) || v.said <= v.acked {
		return fmt.Errorf("%w: %s %.60q, want reply %d; heard %d of its own", errPacket, head, body, v.acked, v.said)
	}
	v.acked++
	v.replies.Add(1)
	return nil
}

// takeSaid takes an event of the room. Those of this server must all come, and
// those of the other one, unless the bus was away.
func (v *visitor) takeSaid(args []json.RawMessage) error {
	var site, owner, n int
	var emitted time.Time
	for i, into := range []any{1: &site, &owner, &n, &emitted, 6: &v.offset} {
		if into != nil {
			if err := json.Unmarshal(args[i], into); err != nil {
				return err
			}
		}
	}
	v.attachment, v.attached = payload(owner, n), true
	v.events.Add(1)
	if owner == v.owner {
		if n != v.said {
			return fmt.Errorf("%w: event %d of its own, want %d", errPacket, n, v.said)
		}
		v.said++
		return nil
	}
	if site != v.site {
		v.across.Add(1)
	}
	other := v.others[owner]
	if other == nil {
		other = &neighbour{next: n}
		v.others[owner] = other
	}
	missing := n - other.next
	if missing != 0 && !(missing > 0 && site != v.site && v.bus.lossy(other.emitted, emitted)) {
		return fmt.Errorf("%w: event %d of client %d of server %d, want %d", errPacket, n, owner, site, other.next)
	}
	other.next, other.emitted = n+1, emitted
	return nil
}

func (v *visitor) takeAttachment(packet string) error {
	content, ok := strings.CutPrefix(packet, "b")
	got, err := base64.StdEncoding.DecodeString(content)
	if !ok || err != nil || string(got) != v.attachment {
		return fmt.Errorf("%w: attachment %.60q (%v), want %.60q", errPacket, packet, err, v.attachment)
	}
	v.attached = false
	return nil
}

func (v *visitor) answer(id string, question json.RawMessage) error {
	var n int
	if err := json.Unmarshal(question, &n); err != nil || !v.asked[n] {
		return fmt.Errorf("%w: question %s (%v)", errPacket, question, err)
	}
	delete(v.asked, n)
	text, err := json.Marshal([]string{payload(v.owner, n)})
	if err != nil {
		return err
	}
	return v.Send("43" + id + string(text))
}

// upgrade takes a client that polls to WebSocket.
func (v *visitor) upgrade() error {
	if v.OverWebSocket() {
		return nil
	}
	v.upgrades.Add(1)
	return v.Upgrade()
}

// comeBack breaks the connection and makes another one, over any transport.
func (v *visitor) comeBack() error {
	v.returns.Add(1)
	v.broke = time.Now()
	name := breaks[rand.N(len(breaks))]
	if err := endings[name](v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	<-time.After(rand.N(comeback / 4))
	return v.connect(rawclient.Modes[rand.N(len(rawclient.Modes))])
}

// end ends the client in one of the ways there are.
func (v *visitor) end() error {
	names := slices.Collect(maps.Keys(endings))
	name := names[rand.N(len(names))]
	v.mu.Lock()
	v.endings[name]++
	v.mu.Unlock()
	if err := endings[name](v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
