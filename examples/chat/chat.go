package main

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/goroomcast/socketio"
)

//go:generate go run github.com/goroomcast/socketio/cmd/socketio-ts -o web/src/events.ts .

// A chat is the state behind the events. Its lock is held while emitting, too,
// so that pages see messages and lists in the order in which they came about;
// Emit waits for no client.
type chat struct {
	io *socketio.Server
	id string // of this server

	mu            sync.Mutex
	people        people
	rooms         rooms
	announcements history
	album         album
	latest        int64 // when the latest message came
	others        map[string]report
}

func newChat(io *socketio.Server) *chat {
	c := &chat{io: io, id: rand.Text(), rooms: rooms{newRoom(lobby)}, others: map[string]report{}}
	c.listen()
	io.Use(c.admit)
	io.OnConnect(c.welcome)
	socketio.OnCall(io, "join", c.join)
	socketio.On(io, "leave", c.leave)
	socketio.OnCall(io, "message", c.message)
	socketio.OnCall(io, "announce", c.announce)
	socketio.OnCall(io, "direct", c.direct)
	socketio.OnCall(io, "forward", c.forward)
	socketio.OnCall(io, "picture", c.picture)
	socketio.On(io, "typing", c.typing)
	return c
}

// credentials come with the handshake. The rooms are those the page was in
// before its connection broke: messages written meanwhile follow at once.
type credentials struct {
	Name  string   `json:"name"`
	Key   string   `json:"key"`
	Rooms []string `json:"rooms"`
}

// admit lets in who has a name of their own. An error's text is what the page
// gets as connect_error.
func (c *chat) admit(_ context.Context, s *socketio.Socket) error {
	var who credentials
	if err := s.Handshake().DecodeAuth(&who); err != nil {
		return refuse("Please enter a name.")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p, err := c.enter(who.Name, who.Key)
	if err != nil {
		return err
	}
	s.SetData(p)
	return nil
}

// personOf returns whose socket it is.
func personOf(s *socketio.Socket) *person { return s.Data().(*person) }

// A welcome is all that a new page needs, except for what was said in its rooms.
type welcome struct {
	Me            Profile    `json:"me"`
	People        []Profile  `json:"people"`
	Rooms         []roomInfo `json:"rooms"`
	Announcements []Message  `json:"announcements"`
	Inbox         []Message  `json:"inbox"`
}

func (c *chat) welcome(s *socketio.Socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := personOf(s)
	p.tabs++
	s.Join(p.room, c.rooms[0].key)
	c.rejoin(s)
	s.OnDisconnecting(func(socketio.Reason) { c.awaitBack(p, s.Rooms()) })
	s.OnDisconnect(func(socketio.Reason) { c.goodbye(p) })
	s.Emit("welcome", welcome{
		Me:            p.Profile,
		People:        c.online(),
		Rooms:         c.roomList(),
		Announcements: c.announcements.all(),
		Inbox:         p.inbox.all(),
	})
	c.publish()
}

// publish tells everyone who is online and which rooms there are. Each server
// tells its own pages.
func (c *chat) publish() {
	c.io.ServerSideEmit("report", c.report())
	c.show()
}

func (c *chat) show() {
	c.io.Local().Emit("people", c.online())
	c.io.Local().Emit("rooms", c.roomList())
}

// A joined is the reply to "join".
type joined struct {
	Room    string    `json:"room"`
	History []Message `json:"history"`
}

func (c *chat) join(_ context.Context, s *socketio.Socket, name string) (joined, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, err := c.openRoom(name)
	if err != nil {
		return joined{}, err
	}
	s.Join(r.key)
	c.publish()
	return joined{r.name, r.history.all()}, nil
}

func (c *chat) leave(_ context.Context, s *socketio.Socket, name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.rooms.find(name); r != nil {
		s.Leave(r.key)
		c.dropEmptyRooms()
		c.publish()
	}
	return nil
}

func (c *chat) message(_ context.Context, s *socketio.Socket, d draft) (Message, error) {
	return c.once(personOf(s), d.ID, func(m *Message) error {
		r, err := c.roomOf(s, d.Room)
		if err != nil {
			return err
		}
		if err := c.fill(m, d); err != nil {
			return err
		}
		m.Room = r.name
		r.history.add(*m)
		return c.io.To(r.key).Emit("message", m)
	})
}

func (c *chat) announce(_ context.Context, s *socketio.Socket, d draft) (Message, error) {
	return c.once(personOf(s), d.ID, func(m *Message) error {
		if err := c.fill(m, d); err != nil {
			return err
		}
		c.announcements.add(*m)
		return c.io.Emit("announcement", m)
	})
}

func (c *chat) direct(_ context.Context, s *socketio.Socket, d draft) (Message, error) {
	from := personOf(s)
	return c.once(from, d.ID, func(m *Message) error {
		to, err := c.find(d.To)
		if err != nil {
			return err
		}
		if err := c.fill(m, d); err != nil {
			return err
		}
		return c.hand("direct", m, from, to)
	})
}

// A forwarding names a message that the sender can see. The server looks it
// up, so nobody can put words into somebody else's mouth.
type forwarding struct {
	ID      string `json:"id"`
	To      string `json:"to"`
	Message string `json:"message"`
}

func (c *chat) forward(_ context.Context, s *socketio.Socket, f forwarding) (Message, error) {
	from := personOf(s)
	return c.once(from, f.ID, func(m *Message) error {
		to, err := c.find(f.To)
		if err != nil {
			return err
		}
		original, ok := c.visible(s, f.Message)
		if !ok {
			return refuse("This message is no longer here.")
		}
		m.Text, m.Picture, m.Author = original.Text, original.Picture, original.Author
		if m.Author == nil {
			m.Author = &original.From
		}
		return c.hand("forward", m, from, to)
	})
}

// hand gives a message to all tabs of two people.
func (c *chat) hand(event string, m *Message, from, to *person) error {
	m.To = &to.Profile
	to.inbox.add(*m)
	if from != to {
		from.inbox.add(*m)
	}
	return c.io.To(to.room, from.room).Emit(event, m)
}

// once makes and sends a message, unless it has been sent before and only the
// reply was lost: then the reply is what it was.
func (c *chat) once(from *person, id string, send func(*Message) error) (Message, error) {
	if id == "" || len(id) > longestID {
		return Message{}, refuse("A message needs an id of at most %d characters.", longestID)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	m := Message{ID: from.ID + "/" + id, From: from.Profile, At: c.now()}
	if before, ok := from.sent.find(m.ID); ok {
		return before, nil
	}
	if err := send(&m); err != nil {
		return Message{}, err
	}
	from.sent.add(m)
	c.io.ServerSideEmit("said", m)
	return m, nil
}

// now returns the time for a message: no two have the same, and each is later
// than the one before, also when the clock is set back.
func (c *chat) now() int64 {
	c.latest = max(c.latest+1, time.Now().UnixMilli())
	return c.latest
}

// visible finds a message among those that the socket's person can see.
func (c *chat) visible(s *socketio.Socket, id string) (Message, bool) {
	if m, ok := personOf(s).inbox.find(id); ok {
		return m, true
	}
	if m, ok := c.announcements.find(id); ok {
		return m, true
	}
	for _, r := range c.rooms {
		if m, ok := r.history.find(id); ok {
			return m, r.has(s)
		}
	}
	return Message{}, false
}

func (c *chat) picture(ctx context.Context, _ *socketio.Socket, id string) ([]byte, error) {
	c.mu.Lock()
	picture, err := c.album.get(id)
	c.mu.Unlock()
	if err != nil {
		if picture = c.fetchPicture(ctx, id); picture == nil {
			return nil, err
		}
	}
	return picture, nil
}

// A place is where something is said: in a room, to a person or, with neither,
// to everyone.
type place struct {
	Room string `json:"room,omitempty"`
	To   string `json:"to,omitempty"`
}

type typing struct {
	From Profile `json:"from"`
	place
}

// typing passes on that somebody is typing. It is volatile: who is behind
// with reading needn't know. The page lets it expire.
func (c *chat) typing(_ context.Context, s *socketio.Socket, at place) error {
	t := typing{personOf(s).Profile, at}
	switch {
	case at.Room != "":
		c.mu.Lock()
		defer c.mu.Unlock()
		r, err := c.roomOf(s, at.Room)
		if err != nil {
			return err
		}
		t.Room = r.name
		return s.To(r.key).Volatile().Emit("typing", t)
	case at.To != "":
		return s.To(personRoom(at.To)).Volatile().Emit("typing", t)
	default:
		return s.Broadcast().Volatile().Emit("typing", t)
	}
}
