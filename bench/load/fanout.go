//go:build linux

package load

import "time"

const fanoutSize = 128

// broadcast has one client keep w broadcasts to n clients on their way.
func broadcast(n, w int) func(*trial) error {
	return func(t *trial) error {
		if err := t.connect(n); err != nil {
			return err
		}
		flights := make([]flight, w)
		sender := t.clients[0]
		send := func() error {
			f := &flights[sender.sent%w]
			f.packet = append(letters.append(append(f.packet[:0], `2["bcast","`...), 0, sender.sent, fanoutSize), `"]`...)
			f.sent, f.missing = t.loop.Now, n
			sender.sent++
			t.outstanding += n
			return sender.sendText([]byte("4"), f.packet)
		}
		t.deliver = func(c *client, packet []byte, _ bool) error {
			f := &flights[c.got%w]
			if c.got == sender.sent {
				return unexpected(c, packet, false)
			}
			if err := verify(c, packet, f.packet); err != nil {
				return err
			}
			return t.landed(c, f, send)
		}
		return t.keepFlying(w, send)
	}
}

// A flight is a message on its way to several clients.
type flight struct {
	packet  []byte
	sent    time.Time
	missing int // deliveries
}

// landed notes that a client has got a message, and sends the next one when it
// was the last to get it.
func (t *trial) landed(c *client, f *flight, send func() error) error {
	c.got++
	t.count(f.sent)
	if f.missing--; f.missing > 0 || t.stopping {
		return nil
	}
	return send()
}

// keepFlying starts with w messages, and measures.
func (t *trial) keepFlying(w int, send func() error) error {
	for range w {
		if err := send(); err != nil {
			return err
		}
	}
	return t.measure()
}
