package chat

import (
	"encoding/json"
	"slices"

	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/parser"
)

// A frame contains all changes of a room in the range (From, To]: live, as a
// reply to open, and after a connect. All followers get the same bytes, except
// for Mine, which is only in frames for one socket.
type frame struct {
	Room     string        `json:"room"`
	Epoch    string        `json:"epoch"`
	From     int64         `json:"from"`
	To       int64         `json:"to"`
	Floor    int64         `json:"floor"`
	Messages []any         `json:"messages"` // store.Message or stub
	Members  []memberView  `json:"members,omitempty"`
	Info     *settingsView `json:"info,omitempty"`
	Mine     [][2]any      `json:"mine,omitempty"` // seq and emoji of the user's own reactions
	Reset    bool          `json:"reset,omitempty"`
	More     bool          `json:"more,omitempty"`

	encoded any // the frame as parser.EncodeOnce returns it, if it is sent again and again
}

// wire returns what is sent.
func (f *frame) wire() any {
	if f.encoded != nil {
		return f.encoded
	}
	return f
}

// encode makes a frame that is sent several times be encoded once.
func (f *frame) encode() {
	if values, err := parser.EncodeOnce(f); err == nil {
		f.encoded = values[0]
	}
}

// reopen returns a frame that makes clients with the revision rev open the room
// again.
func reopen(room, epoch string, rev int64) *frame {
	return &frame{Room: room, Epoch: epoch, From: rev, To: rev, Messages: []any{}, More: true}
}

// A stub is a message that not all followers may see: the others ask for it.
type stub struct {
	Seq int64 `json:"seq"`
	Rev int64 `json:"rev"`
}

// A memberView is a member as others see it.
type memberView struct {
	User string     `json:"user"`
	Role store.Role `json:"role"` // "" if removed
	Why  string     `json:"why,omitempty"`
}

// A settingsView is the settings of a room as its followers see them.
type settingsView struct {
	Kind       store.Kind       `json:"kind"`
	Info       json.RawMessage  `json:"info,omitempty"`
	SlowMode   int64            `json:"slowMode,omitempty"`
	Visibility store.Visibility `json:"visibility,omitempty"`
	Archived   bool             `json:"archived,omitempty"`
	Pins       []int64          `json:"pins,omitempty"`
}

func viewOf(r *store.Room) *settingsView {
	return &settingsView{r.Kind, r.Info, r.SlowMode, r.Visibility, r.Archived, r.Pins}
}

// maxFrame is how many bytes of messages a frame has about at most, and maxRows
// how many rows.
const (
	maxFrame = 256 << 10
	maxRows  = 200
)

var pageLimit = store.Limit{Rows: maxRows, Bytes: maxFrame}

// newFrame returns a frame of changes, whole.
func newFrame(ch *store.Changes) *frame {
	f := &frame{
		Room: ch.Room.ID, Epoch: ch.Room.Epoch, From: ch.From, To: ch.To, Floor: ch.Room.Floor,
		Messages: make([]any, 0, len(ch.Messages)), More: ch.More,
	}
	for i := range ch.Messages {
		if m := &ch.Messages[i]; m.Seq >= f.Floor { // it may have gone since
			f.Messages = append(f.Messages, m)
		}
	}
	for _, m := range ch.Members {
		f.Members = append(f.Members, memberView{m.User, m.Role, m.Why})
	}
	if ch.Settings {
		f.Info = viewOf(&ch.Room)
	}
	return f
}

// forAll makes a frame one for all followers: members may not see messages from
// before they joined.
func (f *frame) forAll(r *store.Room) *frame {
	if r.Visibility != store.VisibleJoined {
		return f
	}
	for i, m := range f.Messages {
		if m, is := m.(*store.Message); is && m.Seq < r.Since {
			f.Messages[i] = stub{m.Seq, m.Rev}
		}
	}
	return f
}

// slim leaves out the content that followers at From have already, so that
// reactions to a long message are short.
func (f *frame) slim() *frame {
	for i, m := range f.Messages {
		if m, is := m.(*store.Message); is && m.Ver <= f.From {
			short := *m
			short.Text, short.Data, short.Files = "", nil, nil
			f.Messages[i] = &short
		}
	}
	return f
}

// since leaves out what a member may not see.
func (f *frame) since(r *store.Room, m *store.Member) *frame {
	if r.Visibility == store.VisibleJoined {
		f.Messages = slices.DeleteFunc(f.Messages, func(x any) bool {
			message, is := x.(*store.Message)
			return is && message.Seq < m.Since
		})
	}
	return f
}

// size returns about how many bytes a frame has.
func (f *frame) size() int {
	n := 200 + 60*len(f.Members)
	for _, m := range f.Messages {
		if m, is := m.(*store.Message); is {
			n += m.Size()
		}
	}
	return n
}

// merge returns the changes of two ranges that adjoin or overlap: where both have
// a row, the newer one counts.
func merge(a, b *store.Changes) *store.Changes {
	c := *b
	c.From, c.Settings = a.From, a.Settings || b.Settings
	c.To = max(a.To, b.To)
	if a.Room.Rev > b.Room.Rev {
		c.Room = a.Room
	}
	c.Messages = mergeRows(a.Messages, b.Messages, a.From, func(m *store.Message) (int64, int64) { return m.Seq, m.Rev })
	c.Members = mergeRows(a.Members, b.Members, a.From, func(m *store.Member) (string, int64) { return m.User, m.Rev })
	return &c
}

// mergeRows returns the rows of two ranges from a rev on, each row once.
func mergeRows[T any, K comparable](a, b []T, from int64, of func(row *T) (key K, rev int64)) (rows []T) {
	newest := make(map[K]int64)
	for i := range b {
		key, rev := of(&b[i])
		newest[key] = max(newest[key], rev)
	}
	for i := range a {
		if key, rev := of(&a[i]); newest[key] < rev {
			rows = append(rows, a[i])
			newest[key] = rev
		}
	}
	for i := range b {
		if key, rev := of(&b[i]); newest[key] == rev && rev > from {
			rows = append(rows, b[i])
		}
	}
	return rows
}
