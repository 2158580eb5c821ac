//go:build linux

package load

import (
	"fmt"
	"time"
)

// churn has the first of each ten clients come and go all the time. In each
// round it joins its group's room and one of its own, emits to the group,
// leaves both, emits to the group again, and wants an echo. The other nine get
// both texts, it gets the first one only.
func churn(n int) func(*trial) error {
	return func(t *trial) error {
		if err := t.connectGroups(n, func(c *client) bool { return c.id%groupSize != 0 }); err != nil {
			return err
		}
		type round struct {
			started time.Time
			missing int  // deliveries
			inside  bool // it has yet to get the text sent from inside the room
		}
		const deliveries = 2*(groupSize-1) + 2
		rounds := make([]round, n/groupSize)
		start := func(c *client) error {
			rounds[c.group()] = round{started: t.loop.Now, missing: deliveries, inside: true}
			t.outstanding += deliveries
			c.sent += 2
			return c.churn(t)
		}
		t.deliver = func(c *client, packet []byte, _ bool) error {
			r := &rounds[c.group()]
			var err error
			switch {
			case c.id%groupSize != 0:
				err = t.verifyRoom(c, packet, c.got)
				c.got++
			case r.inside:
				err = t.verifyRoom(c, packet, c.sent-2)
				r.inside = false
			default:
				err = verify(c, packet, []byte(`2["echo","`+roomName(c.group())+`"]`))
			}
			if err != nil {
				return err
			}
			t.count(r.started)
			if r.missing--; r.missing < 0 {
				return fmt.Errorf("group %d: a delivery too many: %s", c.group(), abridged(packet))
			}
			if r.missing > 0 || t.stopping {
				return nil
			}
			return start(t.clients[c.group()*groupSize])
		}
		for i := 0; i < n; i += groupSize {
			if err := start(t.clients[i]); err != nil {
				return err
			}
		}
		return t.measure()
	}
}

// churn sends the events of one round.
func (c *client) churn(t *trial) error {
	group, own := roomName(c.group()), fmt.Sprintf("own-%d", c.id)
	for _, step := range []func() error{
		func() error { return c.emit("join", group) },
		func() error { return c.emit("join", own) },
		func() error { return t.emitToRoom(c, c.sent-2) },
		func() error { return c.emit("leave", group) },
		func() error { return c.emit("leave", own) },
		func() error { return t.emitToRoom(c, c.sent-1) },
		func() error { return c.emit("echo", group) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
