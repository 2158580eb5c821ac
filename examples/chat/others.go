package main

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/goroomcast/socketio"
)

// With several servers a page's events reach the pages of all servers by
// themselves. The servers tell each other the rest: who is online where, and
// what was said, so that each has the histories. Without others the events of
// this file go nowhere.

const (
	reportEvery = 3 * time.Second
	silentFor   = 10 * time.Second // then a server counts as gone
)

// A report is what a server says of itself.
type report struct {
	Server string              `json:"server"`
	People []Profile           `json:"people"`
	Rooms  map[string][]string `json:"rooms"` // by name: the ids of people
	at     time.Time
}

// A memory is what a server that starts asks the others for.
type memory struct {
	Rooms         map[string]history `json:"rooms"`
	Announcements history            `json:"announcements"`
}

// listen takes what other servers say.
func (c *chat) listen() {
	c.io.OnServerSide("report", func(_ context.Context, e *socketio.Event) error {
		var r report
		if err := e.Decode(&r); err != nil {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if _, known := c.others[r.Server]; !known {
			c.io.ServerSideEmit("report", c.report())
		}
		r.at = time.Now()
		c.others[r.Server] = r
		for name := range r.Rooms {
			_, _ = c.openRoom(name) // unless there are too many
		}
		c.dropEmptyRooms()
		c.show()
		return nil
	})
	c.io.OnServerSide("said", func(_ context.Context, e *socketio.Event) error {
		var m Message
		if err := e.Decode(&m); err != nil {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.remember(m)
		return nil
	})
	c.io.OnServerSide("picture", func(_ context.Context, e *socketio.Event) error {
		var id string
		if err := e.Decode(&id); err != nil {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		return e.Ack(c.album.pictures[id])
	})
	c.io.OnServerSide("memory", func(_ context.Context, e *socketio.Event) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		all := memory{map[string]history{}, c.announcements}
		for _, r := range c.rooms {
			all.Rooms[r.name] = r.history
		}
		return e.Ack(all)
	})
}

// follow learns what was said before this server started, and reports to the
// others until ctx ends.
func (c *chat) follow(ctx context.Context) {
	for reply, err := range c.io.ServerSideCall(ctx, "memory") {
		var all memory
		if err == nil && reply.Decode(&all) == nil {
			c.mu.Lock()
			for _, h := range append(slices.Collect(maps.Values(all.Rooms)), all.Announcements) {
				for _, m := range h {
					c.remember(m)
				}
			}
			c.mu.Unlock()
			break
		}
	}
	for ticker := time.NewTicker(reportEvery); ; {
		c.mu.Lock()
		c.io.ServerSideEmit("report", c.report())
		before := len(c.others)
		maps.DeleteFunc(c.others, func(_ string, r report) bool { return time.Since(r.at) > silentFor })
		if len(c.others) < before {
			c.show()
		}
		c.mu.Unlock()
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (c *chat) report() report {
	r := report{Server: c.id, People: c.people.online(), Rooms: map[string][]string{}}
	for _, room := range c.rooms {
		if c.inUse(room) {
			r.Rooms[room.name] = slices.Collect(maps.Keys(c.here(room)))
		}
	}
	return r
}

// remember notes what was said on another server.
func (c *chat) remember(m Message) {
	c.latest = max(c.latest, m.At)
	switch {
	case m.Room != "":
		if r, err := c.openRoom(m.Room); err == nil {
			r.history.take(m)
		}
	case m.To == nil:
		c.announcements.take(m)
	}
	for _, p := range c.people {
		if m.To != nil && (p.ID == m.To.ID || p.ID == m.From.ID) {
			p.inbox.take(m)
		}
		if p.ID == m.From.ID {
			p.sent.take(m)
		}
	}
}

// take adds a message unless it is there.
func (h *history) take(m Message) {
	if _, there := h.find(m.ID); !there {
		h.add(m)
	}
}

// fetchPicture asks the other servers for a picture.
func (c *chat) fetchPicture(ctx context.Context, id string) []byte {
	for reply, err := range c.io.ServerSideCall(ctx, "picture", id) {
		var picture []byte
		if err == nil && reply.Decode(&picture) == nil && len(picture) > 0 {
			return picture
		}
	}
	return nil
}

// elsewhere returns the people that are online on other servers.
func (c *chat) elsewhere() []Profile {
	var all []Profile
	for _, r := range c.others {
		all = append(all, r.People...)
	}
	return all
}
