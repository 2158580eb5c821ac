//go:build linux

package load

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// A poller is an Engine.IO session over HTTP long-polling: one GET waits all
// the time, while packets are posted on another connection.
type poller struct {
	id        int
	fleet     *fleet
	get, post *httpConn
	sid       string
	posting   bool
	queue     [][]byte                  // packets to be posted
	joined    bool                      // connected to the main namespace
	packet    func(packet []byte) error // gets the messages, after the answer to CONNECT
	paused    func() error              // follows the poll at hand, in place of the next one
}

// newPoller starts a session; joined follows when it is in the main namespace.
func (f *fleet) newPoller(id int, joined func(*poller) error) error {
	p := &poller{id: id, fleet: f}
	var err error
	if p.get, err = f.newHTTPConn(id); err != nil {
		return err
	}
	if p.post, err = f.newHTTPConn(id); err != nil {
		return err
	}
	p.packet = func(packet []byte) error {
		if len(packet) < 2 || string(packet[:2]) != "40" {
			return fmt.Errorf("session %d: %w: %s", p.id, errPacket, abridged(packet))
		}
		p.joined = true
		return joined(p)
	}
	return p.poll()
}

func (p *poller) url() string {
	url := fmt.Sprintf("/socket.io/?EIO=%d&transport=polling", p.fleet.target.EIO)
	if p.fleet.target.EIO == 3 {
		url += "&b64=1"
	}
	if p.sid != "" {
		url += "&sid=" + p.sid
	}
	return url
}

func (p *poller) poll() error { return p.get.get(p.url(), p.polled) }

func (p *poller) polled(body []byte) error {
	next := cutPacket4
	if p.fleet.target.EIO == 3 {
		next = cutPacket3
	}
	for len(body) > 0 {
		packet, rest, err := next(body)
		if err != nil {
			return err
		}
		if err := p.received(packet); err != nil {
			return err
		}
		body = rest
	}
	if p.paused != nil {
		return p.paused()
	}
	return p.poll()
}

func (p *poller) received(packet []byte) error {
	switch {
	case len(packet) > 0 && packet[0] == '0':
		var open struct{ SID string }
		if err := json.Unmarshal(packet[1:], &open); err != nil {
			return err
		}
		p.sid = open.SID
		if p.fleet.target.EIO == 3 {
			return nil
		}
		return p.send([]byte("40"))
	case len(packet) > 0 && packet[0] == '4':
		event, err := p.fleet.withoutOffset(trimmed(packet[1:]))
		if err != nil {
			return err
		}
		return p.packet(append(packet[:1], event...))
	case string(packet) == "2":
		return p.send([]byte("3"))
	case string(packet) == "6":
		return nil
	}
	return fmt.Errorf("session %d: %w: %s", p.id, errPacket, abridged(packet))
}

// send posts a packet, after those that were sent before.
func (p *poller) send(packet []byte) error {
	p.queue = append(p.queue, packet)
	if p.posting {
		return nil
	}
	return p.postNext()
}

func (p *poller) postNext() error {
	packet := p.queue[0]
	p.queue = p.queue[1:]
	p.posting = true
	if p.fleet.target.EIO == 3 {
		packet = fmt.Appendf(nil, "%d:%s", len(packet), packet) // ASCII only
	}
	return p.post.post(p.url(), packet, func(body []byte) error {
		if !strings.EqualFold(string(body), "ok") { // clients do not look
			return fmt.Errorf("session %d: POST answered by %s", p.id, abridged(body))
		}
		p.posting = false
		if len(p.queue) > 0 {
			return p.postNext()
		}
		return nil
	})
}

// cutPacket4 cuts the first packet off a payload of Engine.IO 4.
func cutPacket4(payload []byte) (packet, rest []byte, err error) {
	packet, rest, _ = bytes.Cut(payload, []byte{0x1E})
	return packet, rest, nil
}

// cutPacket3 cuts the first packet off a payload of Engine.IO 3 in its text
// form, all ASCII.
func cutPacket3(payload []byte) (packet, rest []byte, err error) {
	length, rest, _ := bytes.Cut(payload, []byte(":"))
	n, err := strconv.Atoi(string(length))
	if err != nil || n < 0 || n > len(rest) {
		return nil, nil, fmt.Errorf("payload: %s", abridged(payload))
	}
	return rest[:n], rest[n:], nil
}

// pollingEcho has n clients each send a text and wait for it, over HTTP only.
func pollingEcho(n int) func(*trial) error {
	return func(t *trial) error {
		joined := 0
		sent, got := make([]int, n), make([]int, n)
		send := func(p *poller) error {
			b := letters.append([]byte(`42["echo","`), p.id, sent[p.id], textSize)
			sent[p.id]++
			t.outstanding++
			return p.send(append(b, `"]`...))
		}
		start := func(p *poller) error {
			joined++
			begun := t.loop.Now
			p.packet = func(packet []byte) error {
				want := letters.append([]byte(`42["echo","`), p.id, got[p.id], textSize)
				if want = append(want, `"]`...); !bytes.Equal(packet, want) || got[p.id] == sent[p.id] {
					return fmt.Errorf("session %d got %s, want %s", p.id, abridged(packet), abridged(want))
				}
				got[p.id]++
				t.count(begun)
				if begun = t.loop.Now; t.stopping {
					return nil
				}
				return send(p)
			}
			return send(p)
		}
		for id := range n {
			if err := t.newPoller(id, start); err != nil {
				return err
			}
		}
		err := t.wait("sessions over polling", t.patience, func() (bool, error) { return joined == n, nil })
		if err != nil {
			return err
		}
		return t.measure()
	}
}
