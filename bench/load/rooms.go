//go:build linux

package load

import "fmt"

// groupSize is how many clients share a room; those of one group have
// consecutive ids. A group's first client is the one that emits.
const groupSize = 10

func (c *client) group() int { return c.id / groupSize }

func roomName(group int) string { return fmt.Sprintf("room-%d", group) }

func (c *client) emit(event, arg string) error {
	return c.sendText([]byte(`42["` + event + `","` + arg + `"]`))
}

// emitToRoom emits a group's next text to its room.
func (t *trial) emitToRoom(c *client, seq int) error {
	b := append(t.scratch[:0], `42["room",{"room":"`...)
	b = append(append(b, roomName(c.group())...), `","text":"`...)
	b = append(letters.append(b, c.group(), seq, fanoutSize), `"}]`...)
	t.scratch = b
	return c.sendText(b)
}

// verifyRoom compares what a client has got with the text of its group.
func (t *trial) verifyRoom(c *client, packet []byte, seq int) error {
	b := append(t.scratch[:0], `2["room","`...)
	t.scratch = append(letters.append(b, c.group(), seq, fanoutSize), `"]`...)
	return verify(c, packet, t.scratch)
}

// connectGroups connects n clients and has those that join says join their
// group's room.
func (t *trial) connectGroups(n int, join func(*client) bool) error {
	if err := t.connect(n); err != nil {
		return err
	}
	return t.joinGroups(join)
}

func (t *trial) joinGroups(join func(*client) bool) error {
	for _, c := range t.clients {
		if join(c) {
			if err := c.emit("join", roomName(c.group())); err != nil {
				return err
			}
		}
	}
	return t.barrier()
}

// rooms has n clients in rooms of ten, with w emits on their way, each to
// another room.
func rooms(n, w int) func(*trial) error {
	return func(t *trial) error {
		if err := t.connectGroups(n, everybody); err != nil {
			return err
		}
		return t.emitToRooms(n, w)
	}
}

func everybody(*client) bool { return true }

// scale is rooms, and measures what each of the n clients occupies once it is in
// its room, beyond the first hundred.
func scale(n, w int) func(*trial) error {
	return func(t *trial) error {
		const first = 100
		if err := t.connectGroups(first, everybody); err != nil {
			return err
		}
		before, err := t.settledSize()
		if err != nil {
			return err
		}
		if err := t.connect(n - first); err != nil {
			return err
		}
		if err := t.joinGroups(func(c *client) bool { return c.id >= first }); err != nil {
			return err
		}
		after, err := t.settledSize()
		if err != nil {
			return err
		}
		err = t.emitToRooms(n, w)
		t.result.Memory = float64(after-before) / 1024 / float64(n-first)
		return err
	}
}

// emitToRooms keeps w emits on their way to the rooms of n clients, and measures.
func (t *trial) emitToRooms(n, w int) error {
	all := make([]flight, n/groupSize) // one for each room
	next := 0
	send := func() error {
		const stride = 389 // prime, so that all rooms take their turns
		for next = (next + stride) % len(all); all[next].missing > 0; next = (next + 1) % len(all) {
		}
		all[next] = flight{sent: t.loop.Now, missing: groupSize}
		sender := t.clients[next*groupSize]
		t.outstanding += groupSize
		sender.sent++
		return t.emitToRoom(sender, sender.sent-1)
	}
	t.deliver = func(c *client, packet []byte, _ bool) error {
		r := &all[c.group()]
		if err := t.verifyRoom(c, packet, c.got); err != nil {
			return err
		}
		if c.got == t.clients[c.group()*groupSize].sent {
			return unexpected(c, packet, false)
		}
		return t.landed(c, r, send)
	}
	return t.keepFlying(w, send)
}
