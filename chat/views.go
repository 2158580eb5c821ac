package chat

import (
	"context"
	"time"
	"unicode/utf8"

	"github.com/goroomcast/socketio/chat/store"
)

// A roomState is a room as its member sees it in a list.
type roomState struct {
	ID string `json:"id"`
	settingsView
	Role     store.Role   `json:"role"`
	Epoch    string       `json:"epoch"`
	Rev      int64        `json:"rev"`
	Seq      int64        `json:"seq"`
	Floor    int64        `json:"floor"`
	Read     int64        `json:"read"`
	Gen      int64        `json:"gen"`
	Unread   int64        `json:"unread"`
	Mentions int          `json:"mentions"`
	Notify   store.Notify `json:"notify,omitempty"`
	With     string       `json:"with,omitempty"` // the other user of a direct room
	Last     *preview     `json:"last,omitempty"`
}

// A preview is the newest message of a room, as lists show it.
type preview struct {
	Seq     int64  `json:"seq"`
	Author  string `json:"author"`
	At      int64  `json:"at"`
	Text    string `json:"text,omitempty"`
	Files   int    `json:"files,omitempty"`
	Deleted bool   `json:"deleted,omitempty"`
}

// A roomsEvent tells a user's devices of changes in the list of rooms.
type roomsEvent struct {
	Set  []roomState `json:"set,omitempty"`
	Gone []goneView  `json:"gone,omitempty"`
}

type goneView struct {
	ID  string `json:"id"`
	Why string `json:"why"`
}

// previewLength is how many characters of a message lists show.
const previewLength = 200

func previewOf(m *store.Message) *preview {
	text := m.Text
	for i := range text {
		if i >= previewLength && utf8.RuneCountInString(text[:i]) >= previewLength {
			text = text[:i]
			break
		}
	}
	return &preview{m.Seq, m.Author, m.At, text, len(m.Files), m.Deleted != nil}
}

// stateOf returns a room as its member sees it.
func stateOf(m *store.Membership) roomState {
	r := &m.Room
	s := roomState{
		ID: r.ID, settingsView: *viewOf(r), Role: m.Member.Role, Epoch: r.Epoch, Rev: r.Rev, Seq: r.Seq, Floor: r.Floor,
		Read: m.Marker.Read, Gen: m.Marker.Gen, Mentions: m.Mentions, Notify: m.Member.Notify,
		Unread: max(r.Seq-max(m.Marker.Read, r.Floor-1), 0),
	}
	if r.Kind == store.KindDirect {
		s.With = r.Pair[0]
		if s.With == m.Member.User {
			s.With = r.Pair[1]
		}
	}
	if m.Last != nil && m.Last.Seq >= lowestOf(m) {
		s.Last = previewOf(m.Last)
	}
	return s
}

// rooms returns a page of the user's rooms.
func (d *device) rooms(ctx context.Context, after string) (rooms []store.Membership, more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	rooms, err = d.c.store.Memberships(ctx, d.user.ID, after, maxList+1)
	if err != nil {
		return nil, false, err
	}
	size := 0
	for i := range rooms {
		d.c.overlay(&rooms[i])
		if size += 400 + len(rooms[i].Room.Info); i == maxList || size > maxFrame {
			rooms, more = rooms[:i], true
			break
		}
	}
	d.conceal(ctx, rooms)
	return rooms, more, nil
}

// concealFrom is conceal for all devices of a user. Without a device on this server
// the program cannot be asked.
func (c *Chat) concealFrom(user string, rooms []store.Membership) {
	if c.opts.Policy.CanRead == nil {
		return
	}
	devices := c.devicesOf(user)
	for _, d := range devices {
		d.conceal(c.ctx, rooms)
	}
	if len(devices) == 0 {
		rooms[0].Last = nil
	}
}

// concealTime is how long the questions about a list of rooms may take.
const concealTime = 2 * time.Second

// conceal takes the newest messages out of those rooms in a list that
// Policy.CanRead forbids, or has not allowed in time.
func (d *device) conceal(ctx context.Context, rooms []store.Membership) {
	if d.c.opts.Policy.CanRead == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, concealTime)
	defer cancel()
	for i := range rooms {
		m := &rooms[i]
		err := ctx.Err()
		switch {
		case m.Last == nil || err != nil:
		case m.Room.Kind == store.KindThread:
			_, err = d.readable(ctx, m.Room.ID)
		default:
			err = d.mayRead(ctx, m)
		}
		if err != nil {
			m.Last = nil
		}
	}
}
