package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat"
)

// TestHiddenRooms sends all commands to a closed room and to one that does not
// exist, as a user who is in as many rooms as one may be: the answers are the same.
func TestHiddenRooms(t *testing.T) {
	refused := chat.Refuse("no")
	for name, policy := range map[string]chat.Policy{
		"without a policy": {},
		"refused": {
			CanJoin:     func(context.Context, chat.User, chat.RoomInfo) (chat.Role, error) { return "", refused },
			CanPost:     func(context.Context, chat.User, chat.RoomInfo, *chat.Draft) error { return refused },
			CanModerate: func(context.Context, chat.User, chat.RoomInfo, string, string) error { return refused },
			CanRead:     func(context.Context, chat.User, chat.RoomInfo) error { return refused },
		},
		"allowed": {
			CanPost:     func(context.Context, chat.User, chat.RoomInfo, *chat.Draft) error { return nil },
			CanModerate: func(context.Context, chat.User, chat.RoomInfo, string, string) error { return nil },
			CanRead:     func(context.Context, chat.User, chat.RoomInfo) error { return nil },
		},
	} {
		t.Run(name, func(t *testing.T) { hiddenRooms(t, policy) })
	}
}

func hiddenRooms(t *testing.T, policy chat.Policy) {
	full := func(o *chat.Options) { o.Limits.Memberships, o.Policy = 1, policy }
	run(t, full, func(w *world) {
		w.room("hidden", chat.Closed, "bob")
		w.room("own", chat.Open, "sub")
		sub := w.connect("sub")
		for _, room := range []string{"hidden", "hidden~1"} {
			_, err := w.chat.Room(room).Post(ctx, "bob", chat.Draft{Text: "x"})
			w.check(err)
		}
		sub.refusedWith("too_large", "create", obj{"cid": "c", "kind": "open"})
		args := obj{"cid": "c", "text": "x", "seq": 1, "ver": 1, "emoji": "x", "on": true, "user": "bob", "until": 1, "role": "member", "notify": "all"}
		for _, name := range []string{
			"open", "history", "members", "search", "post", "edit", "delete", "react", "read", "unread", "delivered", "report", "versions",
			"join", "leave", "notify", "set", "add", "kick", "ban", "unban", "mute", "role",
		} {
			for _, form := range []string{"%s", "%s~1"} {
				answers := make([]string, 2)
				for i, room := range []string{"hidden", "missing"} {
					arg := obj{"room": fmt.Sprintf(form, room)}
					for field, v := range args {
						arg[field] = v
					}
					answers[i] = strings.ReplaceAll(string(sub.call(name, arg)), room, "room")
				}
				if answers[0] != answers[1] {
					w.Errorf("%s: %s for a hidden room, %s for none", name, answers[0], answers[1])
				}
			}
		}
	})
}

// TestNoText has the program return, or pass, strings that are no UTF-8 or contain a
// zero: they do not get as far as the store.
func TestNoText(t *testing.T) {
	for _, wrong := range []string{"a\xff", "a\x00", "\xed\xa0\x80"} {
		t.Run(fmt.Sprintf("%q", wrong), func(t *testing.T) {
			change := func(o *chat.Options) {
				o.Authenticate = func(ctx context.Context, s *socketio.Socket) (chat.User, error) {
					u, err := authenticate(ctx, s)
					if u.ID == "wrong" {
						u.ID = wrong
					}
					return u, err
				}
				o.BeforePost = func(_ context.Context, d *chat.Draft) error {
					switch d.Text {
					case "text":
						d.Text = wrong
					case "mentions":
						d.Mentions = []string{wrong}
					case "files":
						d.Files = []string{wrong}
					}
					return nil
				}
			}
			run(t, change, func(w *world) {
				if s := connect(w, "wrong", w.h.Dial); s.refused == "" {
					w.Error("the user is let in")
				}
				w.room("r", chat.Open, "ann")
				ann := w.connect("ann")
				for _, field := range []string{"text", "mentions", "files"} {
					ann.refusedWith("bad_request", "post", post("r", field, field))
				}
				r := w.chat.Room("r")
				_, byText := r.Post(ctx, "ann", chat.Draft{Text: wrong})
				_, byMention := r.Post(ctx, "ann", chat.Draft{Text: "x", Mentions: []string{wrong}})
				_, byAuthor := r.Post(ctx, wrong, chat.Draft{Text: "x"})
				_, byKey := r.Post(ctx, "ann", chat.Draft{Text: "x", Key: wrong})
				ann.must("post", post("r", "1", "x"))
				for what, err := range map[string]error{
					"text": byText, "mention": byMention, "author": byAuthor, "key": byKey,
					"edit": r.Edit(ctx, "", 1, chat.Draft{Text: wrong}), "editor": r.Edit(ctx, wrong, 1, chat.Draft{Text: "x"}),
					"reason": r.DeleteMessage(ctx, "", 1, wrong), "add": r.Add(ctx, wrong, chat.Writer), "nobody": r.Add(ctx, "", chat.Writer),
					"kick": r.Kick(ctx, "ann", wrong), "ban": r.Ban(ctx, wrong, ""), "mute": r.Mute(ctx, wrong, 1),
				} {
					if said := (*chat.Error)(nil); !errors.As(err, &said) {
						w.Errorf("%s: %v", what, err)
					}
				}
				if m, err := r.History(ctx, 0, 10); err != nil || len(m) != 1 || m[0].Text != "x" {
					b, _ := json.Marshal(m)
					w.Errorf("the room has %s, %v", b, err)
				}
			})
		})
	}
}
