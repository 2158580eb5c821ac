//go:build linux

package load

import (
	"time"
)

const fanoutSize = 128

// broadcast has one client keep w broadcasts to n clients on their way.
func broadcast(n, w int) func(*trial) error {
	return func(t *trial) error {
		if err := t.connect(n); err != nil {
			return err
		}
		flights := newFlights(w)
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
			c.got++
			t.count(f.sent)
			if f.missing--; f.missing > 0 || t.stopping {
				return nil
			}
			return send()
		}
		for range w {
			if err := send(); err != nil {
				return err
			}
		}
		return t.measure()
	}
}

// A flight is a message on its way to several clients.
type flight struct {
	packet  []byte
	sent    time.Time
	missing int // deliveries
}

func newFlights(n int) []flight { return make([]flight, n) }
