//go:build linux

package load

import (
	"fmt"
	"strconv"
	"time"
)

const (
	textSize   = 64
	binarySize = 1 << 10
)

// A request is an event that the server answers.
type request struct {
	// event appends the packet that asks for the reply, up to the text.
	event func(b []byte, seq int) []byte
	// reply appends the packet of the reply, up to the text.
	reply func(b []byte, seq int) []byte
}

var (
	echo = request{
		event: func(b []byte, _ int) []byte { return append(b, `2["echo","`...) },
		reply: func(b []byte, _ int) []byte { return append(b, `2["echo","`...) },
	}
	ack = request{
		event: func(b []byte, seq int) []byte {
			return append(strconv.AppendInt(append(b, '2'), int64(seq), 10), `["ack","`...)
		},
		reply: func(b []byte, seq int) []byte {
			return append(strconv.AppendInt(append(b, '3'), int64(seq), 10), `["`...)
		},
	}
)

// replies has n clients each keep k requests on their way.
func replies(r request, n, k int) func(*trial) error {
	return func(t *trial) error {
		if err := t.connect(n); err != nil {
			return err
		}
		send := func(c *client) error {
			b := append(t.scratch[:0], '4')
			b = append(letters.append(r.event(b, c.sent), c.id, c.sent, textSize), `"]`...)
			t.scratch = b
			return t.sent(c, c.sendText(b))
		}
		t.deliver = func(c *client, packet []byte, binary bool) error {
			if binary {
				return fmt.Errorf("client %d got an attachment", c.id)
			}
			t.scratch = append(letters.append(r.reply(t.scratch[:0], c.got), c.id, c.got, textSize), `"]`...)
			if err := verify(c, packet, t.scratch); err != nil {
				return err
			}
			return t.replied(c, send)
		}
		return t.keep(k, send)
	}
}

// placeholder precedes the one attachment of the binary event.
const placeholder = `51-["binary",{"_placeholder":true,"num":0}]`

// binaryEcho has n clients each send an attachment and wait for it.
func binaryEcho(n int) func(*trial) error {
	return func(t *trial) error {
		if err := t.connect(n); err != nil {
			return err
		}
		announced := make([]bool, n)
		send := func(c *client) error {
			if err := c.sendText([]byte("4" + placeholder)); err != nil {
				return err
			}
			t.scratch = octets.append(t.scratch[:0], c.id, c.sent, binarySize)
			return t.sent(c, c.sendBinary(t.scratch))
		}
		t.deliver = func(c *client, packet []byte, binary bool) error {
			if binary != announced[c.id] {
				return fmt.Errorf("client %d: placeholder and attachment do not alternate: %s", c.id, abridged(packet))
			}
			announced[c.id] = !announced[c.id]
			if !binary {
				return verify(c, packet, []byte(placeholder))
			}
			t.scratch = octets.append(t.scratch[:0], c.id, c.got, binarySize)
			if err := verify(c, packet, t.scratch); err != nil {
				return err
			}
			return t.replied(c, send)
		}
		return t.keep(1, send)
	}
}

// sent notes that a client has sent its next message.
func (t *trial) sent(c *client, err error) error {
	c.times[c.sent%len(c.times)] = t.loop.Now
	c.sent++
	t.outstanding++
	return err
}

// replied notes a reply and sends the next message.
func (t *trial) replied(c *client, send func(*client) error) error {
	if c.got == c.sent {
		return fmt.Errorf("client %d got a reply too many", c.id)
	}
	t.count(c.times[c.got%len(c.times)])
	c.got++
	if t.stopping {
		return nil
	}
	return send(c)
}

// keep starts with k messages of each client, and measures.
func (t *trial) keep(k int, send func(*client) error) error {
	for _, c := range t.clients {
		c.times = make([]time.Time, k)
		for range k {
			if err := send(c); err != nil {
				return err
			}
		}
	}
	return t.measure()
}
