package chat

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat/store"
)

// commandTimeout is how long a command may take. It is less than the ackTimeout
// that clients should have, because a client sends a command again then.
const commandTimeout = 8 * time.Second

// An auth is the client's auth option, as far as a chat knows it.
type auth struct {
	Device string            `json:"device"`
	Rooms  map[string]cursor `json:"rooms"`
}

// serve registers the chat with its namespace.
func (c *Chat) serve() {
	c.ns.Use(c.admit)
	c.serveCommands()
	c.serveHints()
	c.servePeers()
	c.serveMembers()
	c.serveErasures()
	c.serveAttention()
}

// admit finds out which user a socket is. A recovered socket leaves the
// rooms of the chat, because its cursors decide what it gets.
func (c *Chat) admit(ctx context.Context, s *socketio.Socket) error {
	for _, room := range s.Rooms() {
		if strings.HasPrefix(room, socketRoom("")) || strings.HasPrefix(room, userRoom("")) {
			s.Leave(room)
		}
	}
	u, err := c.authenticate(ctx, s)
	if err == nil && !validUser(u.ID) {
		c.log.Error("chat: Authenticate has returned an invalid user id", "user", u.ID)
		err = errors.New("invalid user id")
	}
	if err != nil {
		return connectError(err)
	}
	d := &device{c: c, socket: s, user: u}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sockets[s] = d
	c.entering[s] = afterEnd(s, func() { go d.end() })
	return nil
}

func validUser(id string) bool {
	return id != "" && len(id) <= maxUser && utf8.ValidString(id) && !strings.ContainsRune(id, 0) && id != "*" && id != store.Deleted
}

// authenticate asks the program, for up to 20 seconds while it has no answer: a
// client that is refused does not try again by itself.
func (c *Chat) authenticate(ctx context.Context, s *socketio.Socket) (User, error) {
	const patience = 20 * time.Second
	for start := time.Now(); ; {
		u, err := c.opts.Authenticate(ctx, s)
		if !errors.Is(err, ErrUnavailable) || time.Since(start) >= patience {
			return u, err
		}
		if !pause(ctx, time.Second) {
			return u, err
		}
	}
}

func (c *Chat) connected(s *socketio.Socket) {
	d := c.device(s)
	if d == nil {
		s.Disconnect(false) // it has left already, or came while New was under way
		return
	}
	s.OnDisconnect(d.disconnected)
	c.mu.Lock()
	forget := c.entering[s]
	delete(c.entering, s)
	c.mu.Unlock()
	if forget == nil || !forget() {
		return // it is about to leave
	}
	if oldest := c.presences.arrive(d); oldest != nil {
		oldest.socket.Disconnect(false)
	}
	_ = s.Join(userRoom(d.user.ID))
	var a auth
	_ = s.Handshake().DecodeAuth(&a) // what does not fit stays empty
	c.spawn(func() { d.welcome(a) })
}

func (d *device) disconnected(r socketio.Reason) {
	if r == socketio.ReasonServerShutdown {
		d.c.bye()
	}
	d.end()
}

// A ready event is the first one that a client gets.
type ready struct {
	User   User        `json:"user"`
	Device string      `json:"device"`
	Now    int64       `json:"now"`
	Limits sentLimits  `json:"limits"`
	Rooms  []roomState `json:"rooms"`
	More   bool        `json:"more,omitempty"`
}

// sentLimits are the limits that a client has to know.
type sentLimits struct {
	Text     int `json:"text"`
	Data     int `json:"data"`
	Mentions int `json:"mentions"`
	Files    int `json:"files"`
	File     int `json:"file"`
	Follows  int `json:"follows"`
}

// welcome sends ready, and then the frames of the rooms whose cursors the client
// has sent. It tries as long as the socket lives.
func (d *device) welcome(a auth) {
	ctx, stop := context.WithCancel(context.WithoutCancel(d.socket.Context()))
	defer stop()
	defer afterEnd(d.socket, stop)()
	defer context.AfterFunc(d.c.ctx, stop)()
	select {
	case <-d.c.news.known: // so no change after the list is taken for an older one
	case <-ctx.Done():
		return
	}
	d.c.showings.read(d.user.ID)
	defer d.c.showings.done(d.user.ID)
	rooms, more, err := d.rooms(ctx, "")
	for wait := 500 * time.Millisecond; err != nil; wait = min(2*wait, 10*time.Second) {
		if !pause(ctx, wait) {
			return
		}
		rooms, more, err = d.rooms(ctx, "")
	}
	states := make([]roomState, len(rooms))
	known := make(map[string]*store.Membership)
	for i := range rooms {
		states[i] = stateOf(&rooms[i])
		known[rooms[i].Room.ID] = &rooms[i]
	}
	if a.Device == "" || len(a.Device) > maxCID {
		a.Device = d.socket.ID()
	}
	l := &d.c.limits
	_ = d.socket.Emit("ready", ready{
		User: d.user, Device: a.Device, Now: time.Now().UnixMilli(), Rooms: states, More: more,
		Limits: sentLimits{l.Text, l.Data, l.Mentions, l.Files, l.File, l.Follows},
	})
	d.learn(rooms)
	d.resume(ctx, a.Rooms, known)
	d.learnMore(ctx, rooms, more)
}

// learn notes the user's rooms for heads. If rooms have changed for the user since
// they were read, the devices are told once more: they may have heard of the change
// before ready listed the room.
func (d *device) learn(rooms []store.Membership) {
	d.c.heads.learn(d.user.ID, rooms)
	d.c.showMissed(d.user.ID, rooms)
	if len(d.c.devicesOf(d.user.ID)) == 0 {
		d.c.heads.forget(d.user.ID) // it has gone meanwhile
	}
}

// learnMore learns of the rooms that ready has not listed.
func (d *device) learnMore(ctx context.Context, rooms []store.Membership, more bool) {
	for err := error(nil); more && err == nil; {
		if rooms, more, err = d.rooms(ctx, rooms[len(rooms)-1].Room.ID); err == nil {
			d.learn(rooms)
		}
	}
}

// resume sends the frames of rooms whose cursors a client has sent with its
// CONNECT. If they are too many or too long, the client opens the rest itself. It
// also opens rooms that it may not read, and learns the reason by that.
func (d *device) resume(ctx context.Context, cursors map[string]cursor, known map[string]*store.Membership) {
	sent := 0
	for room, at := range cursors {
		if !store.KnownForm(room) || ctx.Err() != nil {
			continue
		}
		send := func(f *frame) error {
			sent += f.size()
			return d.socket.Emit("changes", f.wire())
		}
		if sent <= maxFrame && d.limit("read", d.c.limits.Reads) == nil {
			one, cancel := context.WithTimeout(ctx, commandTimeout)
			err := d.c.open(one, d, room, at, known[room], send)
			cancel()
			if err == nil {
				continue
			}
		}
		_ = d.socket.Emit("changes", reopen(room, at.Epoch, at.Rev))
	}
}
