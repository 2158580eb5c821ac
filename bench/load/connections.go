//go:build linux

package load

import (
	"fmt"
	"time"
)

// connects measures n connections over WebSocket.
func connects(n int) func(*trial) error {
	return func(t *trial) error { return t.measureConnections(n, t.connect) }
}

// upgrades measures n clients that start with polling, upgrade to WebSocket
// and wait for one echo there.
func upgrades(n int) func(*trial) error {
	return func(t *trial) error {
		started, done := 0, 0
		t.deliver = func(c *client, packet []byte, _ bool) error {
			done++
			return verify(c, packet, []byte(barrier))
		}
		return t.measureConnections(n, func(more int) error {
			want := started + more
			return t.wait("upgrades", t.patience+time.Duration(more)*10*time.Millisecond, func() (bool, error) {
				for ; started < want && started < done+dialing; started++ {
					if err := t.newPoller(started, t.upgrade); err != nil {
						return false, err
					}
				}
				return done == want, nil
			})
		})
	}
}

// measureConnections measures n connections, after a tenth more of them.
func (t *trial) measureConnections(n int, connect func(n int) error) error {
	if err := connect(n / 10); err != nil {
		return err
	}
	if err := t.begin(); err != nil {
		return err
	}
	if err := connect(n); err != nil {
		return err
	}
	t.messages, t.latencies = n, latencies{}
	if err := t.end(); err != nil {
		return err
	}
	t.result.Cost /= 1000 // ms
	return t.drain()
}

// upgrade takes a session to WebSocket: a probe there, the end of polling, and
// the packet that switches; then an echo.
func (t *trial) upgrade(p *poller) error {
	c, err := t.newClient(p.id, p.sid)
	if err != nil {
		return err
	}
	var probed, paused bool
	switchOver := func() error {
		if !probed || !paused {
			return nil
		}
		c.state = connected
		t.clients = append(t.clients, c)
		p.get.stream.Close()
		p.post.stream.Close()
		if err := c.sendText([]byte("5")); err != nil {
			return err
		}
		return c.sendText([]byte("4" + barrier))
	}
	c.probed = func() error {
		probed = true
		return switchOver()
	}
	p.paused = func() error {
		if !probed { // what has come is not the answer that the probe calls forth
			return p.poll()
		}
		paused = true
		return switchOver()
	}
	p.packet = func(packet []byte) error {
		return fmt.Errorf("session %d got %s, want nothing", p.id, abridged(packet))
	}
	return nil
}
